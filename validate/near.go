package validate

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// nearKind says in what way a name lies near the record's own.
type nearKind int

const (
	nearDoubled     nearKind = iota + 1 // a zone or domain was appended
	nearRelocated                       // the same token at another place
	nearUnderscored                     // the underscore is gone
	nearSwapped                         // name and value changed places
)

// nearName is a name at which a mistake may have put the record, or two at once.
type nearName struct {
	Kind nearKind
	Also []nearKind // the further mistakes; one is the rule
	Name resolver.Name
	Why  string // in a few words
}

// nearHit is such a name that holds what the record should.
type nearHit struct {
	nearName
	resolver.Answer
	Target resolver.Name
	TTL    uint32
	Above  resolver.Name // the zone above, where it is there and not in the record's own
}

// maxAncestors is how many names between the domain and the zone are thought of.
const maxAncestors = 3

// nearRound is how many names are asked for at a time, the likely ones first: enough for any record of an apex domain.
const nearRound = 8

// nearNames lists where the record may have ended up, most likely first, without repetition and without the name itself.
func nearNames(r Record, zone resolver.Name) []nearName {
	n, b, reg := r.Name, r.Domain(), registrable(r.Domain())
	token := r.Token()
	var out []nearName
	add := func(k nearKind, name resolver.Name, ok bool, why string, also ...nearKind) {
		if ok && name != n && name.Within(zone) && !slices.ContainsFunc(out, func(x nearName) bool { return x.Name == name }) {
			out = append(out, nearName{Kind: k, Also: also, Name: name, Why: why})
		}
	}
	at := func(parent resolver.Name) (resolver.Name, bool) { return parent.Child(token) }
	under := func(name, suffix resolver.Name, times int) (resolver.Name, bool) {
		ok := true
		for range times {
			if ok {
				name, ok = name.Under(suffix)
			}
		}
		return name, ok
	}
	doubled := func(suffix resolver.Name, times int, why string) {
		name, ok := under(n, suffix, times)
		add(nearDoubled, name, ok, why)
	}
	doubled(zone, 1, "the zone's name is in it twice")
	doubled(b, 1, "the domain's name is in it twice")
	doubled(reg, 1, "the registered domain's name is in it twice")
	if first := b.FirstLabel(); first != "" && b.Below(zone) {
		again, ok := b.Child(first)
		if ok {
			again, ok = at(again)
		}
		add(nearDoubled, again, ok, "the label "+first+" is in it twice")
	}
	if stripped, ok := withoutUnderscore(n); ok {
		add(nearUnderscored, stripped, true, "the underscore in front is missing")
	}
	relocated := func(parent resolver.Name, why string) {
		name, ok := at(parent)
		add(nearRelocated, name, ok, why)
	}
	relocated(zone, "it stands at the zone's apex")
	relocated(reg, "it stands at the registered domain")
	if www, ok := b.Child("www"); ok {
		relocated(www, "it stands under www")
	}
	if b.FirstLabel() == "www" {
		relocated(b.Parent(), "it stands at the domain without www")
	}
	if labels := r.Value.Labels(); len(labels) > 2 {
		if head, ok := r.Value.TrimSuffix(ValidationSuffix); ok {
			name, ok := head.Under(zone)
			add(nearSwapped, name, ok, "the value's first labels are the name")
		}
		name, ok := r.Value.Under(zone)
		add(nearSwapped, name, ok, "the value is the name")
	}
	for _, d := range r.Domains {
		if d.FirstLabel() == "*" {
			relocated(d, "the wildcard's asterisk is in it")
		}
	}
	doubled(zone, 2, "the zone's name is in it three times")
	doubled(b, 2, "the domain's name is in it three times")
	parent := b.Parent()
	for range maxAncestors {
		if !parent.Below(zone) {
			break
		}
		doubled(parent, 1, "the name "+parent.Text()+" is in it twice")
		relocated(parent, "it stands at "+parent.Text())
		parent = parent.Parent()
	}
	if within, ok := b.TrimSuffix(zone); ok {
		again, ok := within.Under(b)
		if ok {
			again, ok = at(again)
		}
		add(nearDoubled, again, ok, "what "+b.Text()+" has in front of the zone's name is in it twice")
	}
	if stripped, ok := withoutUnderscore(n); ok {
		both, ok := stripped.Under(zone)
		add(nearUnderscored, both, ok, "the underscore in front is missing, and the zone's name is in it twice", nearDoubled)
	}
	return out
}

// namesAbove lists where the record may have ended up in the zone that delegates its own, by somebody who took that one for it.
func (p *Pass) namesAbove() (out []nearName) {
	c := p.facts.cut
	if len(c.Referrals) == 0 || !c.Parent.Within(p.registered()) || p.facts.zone != c.Zone {
		return nil
	}
	in := "in the zone " + c.Parent.String() + ", which delegates " + c.Zone.String()
	if n, ok := c.Parent.Child(p.Record.Token()); ok {
		out = append(out, nearName{Kind: nearRelocated, Name: n, Why: "it stands at the apex, " + in})
	}
	if n, ok := p.Record.Name.Under(c.Parent); ok {
		out = append(out, nearName{Kind: nearDoubled, Name: n, Why: "that zone's name was appended, " + in})
	}
	return out
}

// hitsAbove looks at these names.
func (p *Pass) hitsAbove(ctx context.Context) (hits []nearHit, err error) {
	names := p.namesAbove()
	if len(names) == 0 {
		return nil, nil
	}
	c := p.facts.cut
	asked := withProbes(p.Record, names)
	answers := make([]resolver.Answer, len(asked))
	var wg sync.WaitGroup
	for i, n := range asked {
		wg.Go(func() {
			answers[i] = p.walker.Ask(ctx, []resolver.Server{c.Referrals[0].Server}, n, resolver.TypeCNAME)[0]
		})
	}
	wg.Wait()
	said := map[resolver.Name][]resolver.Name{}
	for i, n := range asked {
		if answers[i].Err != nil {
			return nil, Answers(answers[i:]).Known()
		}
		said[n] = targets(answers[i].Response, n)
	}
	for _, n := range names {
		a, t := answers[slices.Index(asked, n.Name)], said[n.Name]
		probe, ok := n.beside(p.Record)
		if len(t) == 1 && a.Response.Authoritative && n.placed(p.Record, c.Parent, t[0]) && ok && !slices.Equal(said[probe], t) {
			hits = append(hits, nearHit{nearName: n, Answer: a, Target: t[0], TTL: ttlOf(a.Response, n.Name), Above: c.Parent})
		}
	}
	return hits, nil
}

// Near looks for the record at the names where mistakes put it. A name counts only when it holds what the record should,
// or what a second mistake made of that, and a name beside it that nobody has does not answer the same (a wildcard would).
func (p *Pass) nearHits(ctx context.Context) ([]nearHit, error) {
	if p.aboveDomain() { // there is no zone to look in
		return nil, nil
	}
	return p.near.get(func() ([]nearHit, error) { return p.lookNear(ctx) })
}

func (p *Pass) lookNear(ctx context.Context) (hits []nearHit, err error) {
	names := nearNames(p.Record, p.facts.zone)
	for round := range slices.Chunk(names, nearRound) {
		answers := map[resolver.Name]resolver.Answer{}
		for _, a := range p.AskOneEach(ctx, resolver.TypeCNAME, withProbes(p.Record, round)...) {
			answers[a.Question.Name] = a
			if a.Err != nil {
				err = a.Err
			}
		}
		for _, n := range round {
			a := answers[n.Name]
			t := targets(a.Response, n.Name)
			if a.Err != nil || len(t) != 1 || !n.placed(p.Record, p.facts.zone, t[0]) {
				continue
			}
			if probe, ok := n.beside(p.Record); ok {
				b := answers[probe]
				if b.Err != nil || slices.Equal(targets(b.Response, probe), t) {
					continue
				}
			}
			hits = append(hits, nearHit{nearName: n, Answer: a, Target: t[0], TTL: ttlOf(a.Response, n.Name)})
		}
		if len(hits) > 0 {
			return hits, nil
		}
	}
	above, errAbove := p.hitsAbove(ctx)
	if len(above) > 0 {
		return above, nil
	}
	return nil, errors.Join(err, errAbove)
}

// beside is a name beside the near one that nobody has.
func (n nearName) beside(r Record) (resolver.Name, bool) { return n.Name.Parent().Child(probeLabel(r)) }

// withProbes gives names and, after each, the one beside it that nobody has, each once.
func withProbes(r Record, names []nearName) []resolver.Name {
	out := make([]resolver.Name, 0, 2*len(names))
	for _, n := range names {
		out = append(out, n.Name)
		if probe, ok := n.beside(r); ok && !slices.Contains(out, probe) {
			out = append(out, probe)
		}
	}
	return out
}

func ttlOf(r resolver.Response, owner resolver.Name) uint32 {
	for _, rr := range r.RRs(owner, resolver.TypeCNAME) {
		return rr.TTL
	}
	return DefaultTTL
}

// atName asks for what else may stand at the record's name: every server that answers for TXT, which is what they were
// asked first, and for A; one server for the rest.
func (p *Pass) atName(ctx context.Context, types ...resolver.Type) []resolver.Answer {
	out := make([][]resolver.Answer, len(types))
	var wg sync.WaitGroup
	for i, t := range types {
		wg.Go(func() {
			if t == resolver.TypeTXT || t == resolver.TypeA {
				out[i] = p.walker.Ask(ctx, serversOf(p.facts.views, func(v ServerView) bool { return v.Standing.Answered() && v.Above.IsZero() }), p.Record.Name, t)
				return
			}
			a, err := p.AskOne(ctx, p.Record.Name, t)
			if err != nil {
				a = resolver.Answer{Question: resolver.Question{Name: p.Record.Name, Type: t}, Err: err}
			}
			out[i] = []resolver.Answer{a}
		})
	}
	wg.Wait()
	return slices.Concat(out...)
}

// besides are the answers to what was asked beside the record: with the first questions, where they ask for that, or for an
// address with the second, where a CNAME is there and something is wrong. They are of servers that answer for the name: nobody
// else is asked in a silent one's place.
func (p *Pass) besides(ctx context.Context) []resolver.Answer {
	f := &p.facts
	first := p.asksBeside(f.cut)
	there := len(p.with(Holds, Differs, Several)) > 0
	if !first && (!there || len(p.with(Holds)) == len(p.answered())) {
		return nil
	}
	order := append([]resolver.Server{f.leading}, slices.DeleteFunc(p.walker.Servers(f.cut), func(s resolver.Server) bool { return s == f.leading })...)
	servers := serversOf(f.views, func(v ServerView) bool { return v.Standing.Answered() && v.Above.IsZero() && v.Delegated })
	out := make([]resolver.Answer, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		t := resolver.TypeA
		if first {
			t = besideTypes[max(0, slices.Index(order, s))%len(besideTypes)]
		}
		wg.Go(func() { out[i] = p.walker.Ask(ctx, []resolver.Server{s}, p.Record.Name, t)[0] })
	}
	wg.Wait()
	return out
}
