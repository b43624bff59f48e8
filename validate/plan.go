package validate

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// The plan of a check: what is asked together, so that a record that is right costs one round trip for each zone on the way
// to it, whatever is looked at, and one that is not costs one more.
//
// Every server of the zone is asked for TXT at the record's name. A name that holds a CNAME answers with it whatever type
// is asked for (RFC 1034, 4.3.2, 3a), so that one question shows the CNAME and the TXT that must not stand beside it. Only
// an authoritative answer that holds the record and nothing else stands for an answer to the CNAME question. Anything else
// (another value, a denial, no data, a failure, silence) is not believed for it, since there are servers that answer types
// they do not know with "no such name", and firewalls that drop them: there the CNAME is asked for as well.

// walkType is the type that is asked for on the way down and at the zone.
const walkType = resolver.TypeTXT

// along are the questions that go out with those of the walk, at every cut: the CAA records that are to be read there, and
// in what may be the record's zone what one of its servers is asked.
func (p *Pass) along(cut resolver.Cut, servers []resolver.Server) (qs []resolver.Question) {
	if len(servers) == 0 {
		return nil
	}
	if !p.registered().Below(cut.Zone) {
		qs = append(p.securityQuestions(cut, servers[:1]), p.atZone(cut, servers)...)
		for _, n := range betweenCuts(cut) { // of the zones between, if there are any, the parent knows
			if !n.Within(p.registered()) {
				continue
			}
			types := []resolver.Type{resolver.TypeCAA}
			if !p.validator.Anchors.IsZero() {
				types = append(types, resolver.TypeDS, resolver.TypeDNSKEY)
			}
			for _, t := range types {
				qs = append(qs, resolver.Question{Name: n, Type: t, Server: cut.Referrals[0].Server.Addr})
			}
		}
		return qs
	}
	qs = p.securityQuestions(cut, servers)
	for _, s := range servers {
		for _, n := range p.climbWithin(cut.Zone) {
			if p.registered().Below(n) {
				qs = append(qs, resolver.Question{Name: n, Type: resolver.TypeCAA, Server: s.Addr})
			}
		}
	}
	return qs
}

// besideTypes are what must not stand beside the record and is asked for with the first questions: the first of the server that
// leads, the others of the next ones in turn. The copies of a zone are alike, so that each need not be asked for everything.
var besideTypes = []resolver.Type{resolver.TypeA, resolver.TypeAAAA, resolver.TypeMX}

// atZone are the questions to servers of the record's zone: of each what CAA says, since a CA may ask any, and an address or
// MX at the record's name (which must not stand there; and any of them shows a server that gives one of several CNAMEs in
// turn); and of one the zone's own NS records, and a name that nobody has.
//
// Of a zone that is signed the signatures tell more: which CNAMEs there are, and whether an answer comes from a wildcard (RFC
// 4035, 5.3.4). There no server is asked for such, and none for such a name. What is not seen so is an address that
// somebody has made a server hold, and sign, beside the CNAME, as zone files do not allow, and one of several CNAMEs that a
// server which signs while it answers gives in turn, where each of the servers happens to give the right one. Where any
// server's answer is not the record, every one is asked for an address in the second round ([Pass.next]).
func (p *Pass) atZone(cut resolver.Cut, servers []resolver.Server) (qs []resolver.Question) {
	for i, s := range servers {
		if p.asksBeside(cut) {
			qs = append(qs, resolver.Question{Name: p.Record.Name, Type: besideTypes[i%len(besideTypes)], Server: s.Addr})
		}
		for _, n := range p.climbWithin(cut.Zone) {
			qs = append(qs, resolver.Question{Name: n, Type: resolver.TypeCAA, Server: s.Addr})
		}
	}
	one := servers[0].Addr
	qs = append(qs, resolver.Question{Name: cut.Zone, Type: resolver.TypeNS, Server: one})
	if probe, ok := p.probeName(); ok && !p.trusts(cut) && !p.lean {
		qs = append(qs, resolver.Question{Name: probe, Type: resolver.TypeCNAME, Server: one})
	}
	return qs
}

// asksBeside reports whether the servers of a zone are asked for more than TXT at the record's name with the first questions.
func (p *Pass) asksBeside(cut resolver.Cut) bool { return !p.lean && !p.trusts(cut) }

// probeName is a name beside the record's that nobody has.
func (p *Pass) probeName() (resolver.Name, bool) {
	return p.Record.Domain().Child(probeLabel(p.Record))
}

// standsForCNAME reports whether an answer shows the record, and so what the CNAME question would be answered with.
func (p *Pass) standsForCNAME(a resolver.Answer, zone resolver.Name) bool {
	if a.Question.Type == resolver.TypeCNAME || a.Question.Name.IsZero() {
		return true
	}
	t := targets(a.Response, a.Question.Name)
	return a.Err == nil && a.Response.Means(zone) == resolver.Answers && len(a.Response.RRs(a.Question.Name, a.Question.Type)) == 0 &&
		len(t) == 1 && p.Record.Accepts(t[0])
}

// settle asks for the CNAME wherever the walk's answers do not tell, of the servers that the walk ended at and of those
// above that did not refer on. What a record that is not right has to be asked next goes out with it.
func (p *Pass) settle(ctx context.Context) {
	f := &p.facts
	var open []*resolver.Answer
	for i := range f.walk.Answers {
		a := &f.walk.Answers[i]
		if !p.standsForCNAME(*a, f.cut.Zone) && !refers(*a, f.cut.Zone) && (a.Err == nil || !p.aboveDomain()) {
			open = append(open, a)
		}
	}
	above := false
	for _, c := range f.walk.Cuts {
		for i := range c.Others {
			a := &c.Others[i]
			if !p.standsForCNAME(*a, c.Parent) && !refers(*a, c.Parent) && (a.Err == nil || c.Parent.Within(p.registered())) {
				open = append(open, a)
				above = above || a.Err == nil
			}
		}
	}
	if len(open) == 0 {
		return
	}
	also, leads := p.next(ctx, f.walk.Answers, above), p.leadsTo(ctx)
	extra, differ := p.namedByZone(ctx)
	var wg sync.WaitGroup
	for _, a := range open {
		wg.Go(func() { *a = p.walker.Ask(ctx, []resolver.Server{a.Server}, p.Record.Name, resolver.TypeCNAME)[0] })
	}
	if len(p.elsewhere) > 0 {
		wg.Go(func() { p.lookElsewhere(ctx) })
	}
	if differ {
		wg.Go(func() { p.addressBeside(ctx, extra) })
	}
	for _, target := range leads {
		wg.Go(func() { _, _ = p.follow(ctx, target) })
	}
	p.walker.Ask(ctx, nil, p.Record.Name, resolver.TypeCNAME, also...)
	wg.Wait()
}

// wild gives the targets of what a wildcard answers to any name, by the signatures or by the answer for a name that nobody
// has, whichever went along with the walk.
func (p *Pass) wild(ctx context.Context) []resolver.Name {
	f := &p.facts
	if p.trusts(f.cut) {
		for _, a := range f.walk.Answers {
			if fromWildcard(a) {
				return targets(a.Response, p.Record.Name)
			}
		}
		return nil
	}
	probe, ok := p.probeName()
	if !ok {
		return nil
	}
	return targets(p.known(ctx, f.leading, probe, resolver.TypeCNAME), probe)
}

// leadsTo gives the wrong targets in the walk's answers that are worth following: not AWS's own names, and not what a
// wildcard gives to any name.
func (p *Pass) leadsTo(ctx context.Context) (out []resolver.Name) {
	f := &p.facts
	if p.aboveDomain() || !f.leading.Addr.IsValid() {
		return nil
	}
	wild := p.wild(ctx)
	for _, a := range f.walk.Answers {
		for _, t := range targets(a.Response, p.Record.Name) {
			_, doubled := doubledValue(p.Record, f.cut.Zone, t)
			if !doubled && !p.Record.Accepts(t) && !t.Within(ValidationSuffix) && !slices.Contains(wild, t) && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out[:min(1, len(out))]
}

func refers(a resolver.Answer, zone resolver.Name) bool {
	return a.Err == nil && a.Response.Means(zone) == resolver.Refers
}

// namedByZone gives the name servers that the zone itself names in place of, or besides, the parent's, as the answer says
// that went along with the walk.
func (p *Pass) namedByZone(ctx context.Context) (extra resolver.Cut, differ bool) {
	f := &p.facts
	if p.aboveDomain() || !f.leading.Addr.IsValid() {
		return resolver.Cut{}, false
	}
	a := p.walker.Ask(ctx, []resolver.Server{f.leading}, f.cut.Zone, resolver.TypeNS)[0]
	names, parents := nsNames(a, f.cut.Zone), namesOf(f.cut.NameServers)
	if len(names) == 0 || slices.Equal(names, parents) {
		return resolver.Cut{}, false
	}
	seen := map[resolver.Name]bool{}
	for _, n := range parents {
		seen[n] = true
	}
	return addNew(resolver.Cut{Zone: f.cut.Zone, Parent: f.cut.Parent}, seen, a), true
}

// next are the questions that rules ask where the record is not right, as far as they can be known from the answers to the
// walk's own questions: asked one after the other each would be a round trip. They are addressed to the servers that the
// rules will choose; where an answer to the CNAME question changes that choice some were asked in vain.
func (p *Pass) next(ctx context.Context, answers []resolver.Answer, above bool) (qs []resolver.Question) {
	f := &p.facts
	name := p.Record.Name
	var usable, useless []resolver.Server
	denied, exists, text := 0, false, false
	said := map[string]int{} // the sets of CNAMEs that servers gave
	for _, a := range answers {
		switch means := a.Response.Means(f.cut.Zone); {
		case a.Err != nil:
			useless = append(useless, a.Server)
		case !means.Usable(): // to be called lame only after it was asked over TCP, too
			useless = append(useless, a.Server)
			qs = append(qs, resolver.Question{Name: name, Type: resolver.TypeCNAME, Server: a.Server.Addr, TCP: true})
		default:
			usable = append(usable, a.Server)
			if t := targets(a.Response, name); len(t) > 0 {
				said[strings.Join(texts(t), " ")]++
				continue
			}
			denied++
			exists = exists || means != resolver.NoSuchName
			text = text || len(a.Response.RRs(name, resolver.TypeTXT)) > 0
		}
	}
	if len(usable) == 0 || p.aboveDomain() {
		return qs
	}
	ask := func(s resolver.Server, n resolver.Name, t resolver.Type) {
		qs = append(qs, resolver.Question{Name: n, Type: t, Server: s.Addr})
	}
	first := usable[0]
	if first != f.leading {
		qs = append(qs, p.securityQuestions(f.cut, usable[:1])...)
		qs = append(qs, p.atZone(f.cut, usable[:1])...)
	}
	for _, s := range useless { // its name may have another address by now than the parent says
		if s.Name.Within(f.cut.Zone) {
			ask(first, s.Name, resolver.TypeA)
		}
	}
	wrong := slices.ContainsFunc(answers, func(a resolver.Answer) bool { // beyond servers that are of no use
		return a.Err == nil && a.Response.Means(f.cut.Zone).Usable() && !p.standsForCNAME(a, f.cut.Zone)
	})
	if !wrong && !above {
		return qs
	}
	var address resolver.Response
	if p.asksBeside(f.cut) {
		address = p.known(ctx, f.leading, name, resolver.TypeA)
	}
	if t := targets(address, name); text && len(t) > 0 { // a CNAME stands beside it
		said[strings.Join(texts(t), " ")] += denied
		denied = 0
	}
	if exists || len(said) > 0 {
		for _, s := range usable {
			ask(s, name, resolver.TypeA)
		}
		ask(first, name, resolver.TypeAAAA)
		ask(first, name, resolver.TypeMX)
	}
	probe, ok := p.probeName()
	if ok {
		ask(first, probe, resolver.TypeCNAME)
	}
	if ok && text { // what stands at the name may be what a wildcard gives to any
		ask(first, probe, resolver.TypeTXT)
	}
	below, room := p.belowName()
	if ok && len(said) == 0 && len(address.RRs(name, resolver.TypeA)) > 0 {
		ask(first, probe, resolver.TypeA)
		if room {
			ask(first, below, resolver.TypeA)
		}
	}
	wild := strings.Join(texts(p.wild(ctx)), " ")
	if room && said[wild] > 0 && !p.trusts(f.cut) {
		ask(first, below, resolver.TypeCNAME)
	}
	if len(said) > 1 || len(said) == 1 && said[wild] == 0 || above {
		if denied > 0 || above || len(said) > 1 { // the servers disagree
			zone := p.zoneHere(ctx, p.views(answers, true))
			for _, s := range usable {
				ask(s, zone, resolver.TypeSOA)
			}
		}
		return qs
	}
	ask(first, name, resolver.TypeNS)
	if _, differ := p.namedByZone(ctx); differ { // the servers that only the zone names have their say first
		for _, s := range usable {
			ask(s, f.cut.Zone, resolver.TypeNS)
		}
		return qs
	}
	near := nearNames(p.Record, p.zoneHere(ctx, p.views(answers, true)))
	for _, n := range withProbes(p.Record, near[:min(nearRound, len(near))]) {
		ask(first, n, resolver.TypeCNAME)
	}
	if len(f.cut.Referrals) > 0 {
		for _, n := range betweenCuts(f.cut) {
			ask(f.cut.Referrals[0].Server, n, resolver.TypeNS)
		}
		for _, n := range withProbes(p.Record, p.namesAbove()) {
			ask(f.cut.Referrals[0].Server, n, resolver.TypeCNAME)
		}
	}
	return qs
}

// known gives the answer to a question that went along with the walk.
func (p *Pass) known(ctx context.Context, s resolver.Server, name resolver.Name, t resolver.Type) resolver.Response {
	return p.walker.Ask(ctx, []resolver.Server{s}, name, t)[0].Response
}
