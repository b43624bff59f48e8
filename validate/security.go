package validate

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// Security is what DNSSEC says of a record's answers, and of the CAA records that a CA reads with it. A CA validates both
// (Baseline Requirements, 3.2.2.4 and 3.2.2.8.1, since 15 March 2026).
type Security struct {
	// Status is Bogus where any of it is: a CA may ask the server that gives it. It is Indeterminate where something could
	// not be fetched or judged, Insecure where the zone is proven to be unsigned or there is no trust anchor.
	Status dnssec.Status
	// Faults are what is bogus or not known, each once, the zones from the root down.
	Faults []SecurityFault
	// Zones are the zones on the way to the record, from the root down.
	Zones []dnssec.Zone
	// Notes are what makes a zone fragile below the public suffix, each once.
	Notes []dnssec.Problem
	// Expires is when the first signature over an answer to the record's name ends, and Began when that one began; zero where
	// there is none.
	Began, Expires time.Time
}

// SecurityFault is one place where the chain of signatures breaks or is lost.
type SecurityFault struct {
	Zone   resolver.Name
	Status dnssec.Status     // Bogus or Indeterminate
	Server resolver.Server   // whose answer it is; zero where it concerns the zone whoever is asked
	Why    []dnssec.Problem  // the cause first
	Saw    []resolver.Answer // what shows it
	// Keys is the server by whose keys the answer was judged, where another one's are not the same; zero where that does not
	// matter.
	Keys resolver.Server
}

func (f SecurityFault) timeOnly() bool { return len(f.Why) > 0 && f.Why[0].Code.TimeOnly() }

// clockDoubt is by how much this machine's clock may be wrong before a signature that fails by time alone is held against
// its zone.
const clockDoubt = time.Hour

// trusts notes whether a cut may be secure, by what is in the referral to it, so that its keys are asked for in time.
func (p *Pass) trusts(cut resolver.Cut) bool {
	anchored := len(p.validator.Anchors.Keys(cut.Zone)) > 0
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trusting == nil {
		p.trusting = map[resolver.Name]bool{}
	}
	if t, known := p.trusting[cut.Zone]; known {
		return t
	}
	t := anchored || p.trusting[cut.Parent] && slices.ContainsFunc(cut.Referrals, func(a resolver.Answer) bool {
		return slices.ContainsFunc(a.Response.Authority, func(rr resolver.RR) bool { return rr.Type == resolver.TypeDS && rr.Name == cut.Zone })
	})
	p.trusting[cut.Zone] = t
	return t
}

// between gives the zone that signed a referral, where that is not the parent it came from: its servers hold both.
func between(cut resolver.Cut) (resolver.Name, bool) {
	for _, a := range cut.Referrals {
		for _, rr := range a.Response.Authority {
			if signer, ok := signerOf(rr); ok && signer.Below(cut.Parent) && cut.Zone.Below(signer) {
				return signer, true
			}
		}
	}
	return resolver.Name{}, false
}

// signerOf reads who made a signature (RFC 4034, 3.1.7).
func signerOf(rr resolver.RR) (resolver.Name, bool) {
	const head = 18
	if rr.Type != resolver.TypeRRSIG || len(rr.RDATA) <= head {
		return resolver.Name{}, false
	}
	n, _, err := resolver.NameFromWire([]byte(rr.RDATA[head:]))
	return n, err == nil
}

// securityQuestions are those that go along at a cut so that its keys, and those of a zone between it and its parent, are
// known in time.
func (p *Pass) securityQuestions(cut resolver.Cut, servers []resolver.Server) (qs []resolver.Question) {
	if p.trusts(cut) {
		for _, s := range servers {
			qs = append(qs, resolver.Question{Name: cut.Zone, Type: resolver.TypeDNSKEY, Server: s.Addr})
		}
	}
	if signer, ok := between(cut); ok && !p.validator.Anchors.IsZero() {
		for _, t := range []resolver.Type{resolver.TypeDS, resolver.TypeDNSKEY} {
			qs = append(qs, resolver.Question{Name: signer, Type: t, Server: cut.Referrals[0].Server.Addr})
		}
	}
	return qs
}

// link is a zone of the chain, with what was seen on the way to it.
type link struct {
	dnssec.Zone
	cut    resolver.Cut
	faults []SecurityFault
	judge  func(keys resolver.Response) dnssec.Zone // by the keys as some server gives them
	keysOf resolver.Server                          // who gave those of Zone
}

// zoneOf gives the chain of trust down to the zone of a cut. Each link is made once.
func (p *Pass) zoneOf(ctx context.Context, cut resolver.Cut) link {
	p.mu.Lock()
	if p.links == nil {
		p.links = map[resolver.Name]*once[link]{}
	}
	o := p.links[cut.Zone]
	if o == nil {
		o = &once[link]{}
		p.links[cut.Zone] = o
	}
	p.mu.Unlock()
	l, _ := o.get(func() (link, error) { return p.makeLink(ctx, cut), nil })
	return l
}

func (p *Pass) makeLink(ctx context.Context, cut resolver.Cut) link {
	v := p.validator
	l := link{cut: cut}
	if cut.Zone.IsRoot() {
		p.decide(ctx, &l, cut, func(keys resolver.Response) dnssec.Zone { return v.Root(keys) })
		return l
	}
	p.mu.Lock()
	above, ok := p.cuts[cut.Parent]
	p.mu.Unlock()
	if !ok || len(cut.Referrals) == 0 {
		l.Zone = dnssec.Zone{Name: cut.Zone, Status: dnssec.Indeterminate}
		return l
	}
	parent := p.zoneOf(ctx, above)
	for i, a := range cut.Referrals { // a CA may ask any server of the parent
		from, judged, sure := p.lower(ctx, parent, a, cut.Zone.Parent())
		ds := a
		if judged.Status != dnssec.Secure && judged.Status != dnssec.Insecure {
			// Not every server proves in the referral what it says when it is asked for DS.
			ds = p.walker.Ask(ctx, []resolver.Server{a.Server}, cut.Zone, resolver.TypeDS)[0]
			if again := v.Answer(from, ds.Response); again.Status == dnssec.Secure || again.Status == dnssec.Insecure {
				judged = again
			}
			if sure = sure && ds.Err == nil; !sure {
				judged.Status = dnssec.Indeterminate
			}
		}
		if from.Status == dnssec.Secure && (judged.Status == dnssec.Bogus || judged.Status == dnssec.Indeterminate) {
			l.faults = append(l.faults, SecurityFault{Zone: from.Name, Status: judged.Status, Server: a.Server, Why: judged.Why, Saw: []resolver.Answer{ds}})
		}
		if i == 0 || l.Status == dnssec.Bogus || l.Status == dnssec.Indeterminate {
			var next link
			p.decide(ctx, &next, cut, func(keys resolver.Response) dnssec.Zone { return v.Child(from, cut.Zone, ds.Response, keys) })
			if i == 0 || next.Status == dnssec.Secure || next.Status == dnssec.Insecure {
				l.Zone, l.judge, l.keysOf = next.Zone, next.judge, next.keysOf
				l.faults = append(l.faults, next.faults...)
			}
		}
	}
	return l
}

// decide judges a zone by its keys, as one of its servers gives them, and where that fails as the others do.
func (p *Pass) decide(ctx context.Context, l *link, cut resolver.Cut, judge func(keys resolver.Response) dnssec.Zone) {
	l.judge = judge
	if l.Zone = judge(resolver.Response{}); !needsKeys(l.Zone) {
		return // what is above it tells already
	}
	servers := p.keyServers(cut)
	saw := p.walker.Ask(ctx, servers[:min(1, len(servers))], cut.Zone, resolver.TypeDNSKEY)
	for i := 0; i < len(saw); i++ {
		a, z := saw[i], judge(saw[i].Response)
		if a.Err == nil && (z.Status == dnssec.Secure || z.Status == dnssec.Insecure) {
			l.Zone, l.keysOf = z, a.Server
			for _, f := range saw[:i] {
				if before := judge(f.Response); f.Err == nil && before.Status == dnssec.Bogus {
					l.faults = append(l.faults, SecurityFault{Zone: cut.Zone, Status: dnssec.Bogus, Server: f.Server, Why: before.Why, Saw: []resolver.Answer{f}})
				}
			}
			return
		}
		if i == 0 || z.Status == dnssec.Bogus && l.Status != dnssec.Bogus {
			l.Zone = z
		}
		if i == 0 && ctx.Err() == nil { // the others are asked together: a silent one takes its time
			saw = append(saw, p.walker.Ask(ctx, servers[1:], cut.Zone, resolver.TypeDNSKEY)...)
		}
	}
	f := SecurityFault{Zone: cut.Zone, Status: l.Status, Why: l.Why, Saw: saw}
	for _, a := range cut.Referrals[:min(1, len(cut.Referrals))] {
		f.Saw = slices.Insert(f.Saw, 0, a)
	}
	l.faults = append(l.faults, f)
}

// needsKeys reports whether it is only the zone's keys that a judgement lacks.
func needsKeys(z dnssec.Zone) bool {
	return len(z.Why) > 0 && z.Why[0].Code == dnssec.KeysUnknown && z.Why[0].Zone == z.Name
}

// maxKeyServers is how many servers of a zone are asked for its keys until one gives such as the chain leads to.
const maxKeyServers = 4

// keyServers gives the servers to ask for a zone's keys, first the one that was asked for them with the walk.
func (p *Pass) keyServers(cut resolver.Cut) []resolver.Server {
	f := &p.facts
	var servers []resolver.Server
	if cut.Zone == f.cut.Zone {
		servers = serversOf(f.views, func(v ServerView) bool { return v.Standing.Answered() && v.Delegated && v.Above.IsZero() })
		if i := slices.Index(servers, f.leading); i > 0 {
			servers = slices.Insert(slices.Delete(servers, i, i+1), 0, f.leading)
		}
	}
	// The record's own walk comes first: other walks may pass by the same zone, sooner or later.
	p.mu.Lock()
	others := slices.SortedFunc(maps.Values(p.cuts), func(a, b resolver.Cut) int { return a.Zone.Compare(b.Zone) })
	p.mu.Unlock()
	for _, c := range append(slices.Clip(f.walk.Cuts), others...) {
		if c.Parent == cut.Zone && !c.Zone.IsRoot() {
			for _, a := range c.Referrals {
				if !slices.Contains(servers, a.Server) {
					servers = append(servers, a.Server)
				}
			}
		}
	}
	if len(servers) == 0 || cut.Zone != f.cut.Zone {
		for _, s := range p.walker.Servers(cut) {
			if !slices.Contains(servers, s) {
				servers = append(servers, s)
			}
		}
	}
	return servers[:min(maxKeyServers, len(servers))]
}

// lower goes down from a secure zone to the one that an answer of its server is really signed by: a server that holds a zone
// and one below it answers from the lower one without a word of the cut (RFC 1034, 4.2.1). The lower one lies at name or
// above it. It gives what the answer is worth by that zone, and is not sure where the server did not say whether there is one.
func (p *Pass) lower(ctx context.Context, l link, a resolver.Answer, name resolver.Name) (zone dnssec.Zone, judged dnssec.Result, sure bool) {
	zone, judged = l.Zone, p.validator.Answer(l.Zone, a.Response)
	if zone.Status != dnssec.Secure || judged.Status == dnssec.Secure || judged.Status == dnssec.Insecure || judged.Why[0].Code.TimeOnly() {
		return zone, judged, true
	}
	var names []resolver.Name
	for n := name; n.Below(zone.Name); n = n.Parent() {
		names = append(names, n)
	}
	names = names[max(0, len(names)-maxClimbAlong):]
	slices.Reverse(names)
	var all []resolver.Question
	for _, n := range names {
		for _, t := range []resolver.Type{resolver.TypeDS, resolver.TypeDNSKEY} {
			all = append(all, resolver.Question{Name: n, Type: t, Server: a.Server.Addr})
		}
	}
	p.walker.Ask(ctx, nil, name, resolver.TypeDS, all...)
	sure = true
	for _, n := range names {
		ds := p.walker.Ask(ctx, []resolver.Server{a.Server}, n, resolver.TypeDS)[0]
		if sure = ds.Err == nil && ds.Response.Means(zone.Name).Usable(); !sure {
			break
		}
		child := p.validator.Child(zone, n, ds.Response, resolver.Response{})
		if needsKeys(child) {
			keys := p.walker.Ask(ctx, []resolver.Server{a.Server}, n, resolver.TypeDNSKEY)[0]
			if sure = keys.Err == nil; !sure {
				break
			}
			child = p.validator.Child(zone, n, ds.Response, keys.Response)
		}
		if child.Status == dnssec.Secure || child.Status == dnssec.Insecure {
			zone = child
		}
		if child.Status == dnssec.Bogus && len(child.DS) > 0 { // it is a zone, and the answer comes from it or from below
			return child, dnssec.Result{Status: child.Status, Why: child.Why}, sure
		}
		if child.Status == dnssec.Insecure {
			break
		}
	}
	return zone, p.validator.Answer(zone, a.Response), sure
}

// judge tells what an answer of a zone's server is worth.
func (p *Pass) judge(ctx context.Context, cut resolver.Cut, a resolver.Answer) (dnssec.Result, link) {
	l := p.zoneOf(ctx, cut)
	if l.Status != dnssec.Secure || a.Err != nil {
		return dnssec.Result{Status: l.Status, Why: l.Why}, l
	}
	_, r, sure := p.lower(ctx, l, a, a.Question.Name)
	if r.Status == dnssec.Bogus && !sure {
		r.Status = dnssec.Indeterminate
	}
	return r, l
}

// Security judges every server's answer for the record's name, and the CAA records of all its domains. The error wraps
// [ErrUndetermined] where no server answers for the zone.
func (p *Pass) Security(ctx context.Context) (Security, error) {
	if !p.zoneAnswers() {
		return Security{}, fmt.Errorf("%w: no server answers for the zone", ErrUndetermined)
	}
	return p.secure.get(func() (Security, error) { return p.judgeAll(ctx), nil })
}

func (p *Pass) judgeAll(ctx context.Context) Security {
	f := &p.facts
	s := Security{Status: dnssec.Secure}
	if p.validator.Anchors.IsZero() {
		s.Status = dnssec.Insecure
		return s
	}
	add := func(x SecurityFault) {
		if !slices.ContainsFunc(s.Faults, func(y SecurityFault) bool {
			return y.Zone == x.Zone && y.Server == x.Server && slices.EqualFunc(y.Why, x.Why, func(a, b dnssec.Problem) bool { return a.String() == b.String() })
		}) {
			s.Faults = append(s.Faults, x)
		}
	}
	note := func(zone resolver.Name, notes []dnssec.Problem) {
		for _, n := range notes {
			if zone.Within(p.registered()) && !slices.ContainsFunc(s.Notes, func(o dnssec.Problem) bool { return o.Code == n.Code && o.Zone == n.Zone }) {
				s.Notes = append(s.Notes, n)
			}
		}
	}
	worst := func(status dnssec.Status, why []dnssec.Problem) {
		if status == dnssec.Indeterminate && len(why) > 0 && why[0].Code == dnssec.AnchorMissing {
			status = dnssec.Insecure // nothing is said about the zone that an anchor stands for
		}
		rank := map[dnssec.Status]int{dnssec.Secure: 0, dnssec.Insecure: 1, dnssec.Indeterminate: 2, dnssec.Bogus: 3}
		if rank[status] > rank[s.Status] {
			s.Status = status
		}
	}
	chain := func(cuts ...resolver.Cut) {
		for _, c := range cuts {
			l := p.zoneOf(ctx, c)
			worst(l.Status, l.Why)
			for _, x := range l.faults {
				worst(x.Status, x.Why)
				add(x)
			}
			note(c.Zone, l.Notes)
			note(c.Zone, givenUp(l.Why))
		}
	}
	all := p.allSeen(ctx)
	results, links := make([]dnssec.Result, len(all)), make([]link, len(all))
	var wg sync.WaitGroup // what has to be asked for it is asked together
	for i, x := range all {
		wg.Go(func() { results[i], links[i] = p.judge(ctx, x.cut, x.Answer) })
	}
	wg.Wait()
	chain(f.walk.Cuts...)
	for _, c := range f.walk.Cuts {
		s.Zones = append(s.Zones, p.zoneOf(ctx, c).Zone)
	}
	look := func(x seen, r dnssec.Result, l link, keys resolver.Server) {
		if l.Status != dnssec.Secure {
			return // said of the zone
		}
		worst(r.Status, r.Why)
		note(x.cut.Zone, r.Notes)
		note(x.cut.Zone, givenUp(r.Why))
		if r.Status == dnssec.Bogus || r.Status == dnssec.Indeterminate {
			zone := x.cut.Zone
			if len(r.Why) > 0 && r.Why[0].Zone.Below(zone) { // the same servers hold both
				zone = r.Why[0].Zone
			}
			add(SecurityFault{Zone: zone, Status: r.Status, Server: x.Server, Why: r.Why, Saw: []resolver.Answer{x.Answer}, Keys: keys})
		}
		for _, sig := range r.Verified {
			if x.own && sig.Name.Within(f.zone) && (s.Expires.IsZero() || sig.Expiration.Before(s.Expires)) {
				s.Began, s.Expires = sig.Inception, sig.Expiration
			}
		}
	}
	faults, by := p.otherKeys(ctx, all, results)
	for i, x := range all {
		if !x.own {
			chain(x.cut)
		}
		look(x, results[i], links[i], by[i])
	}
	for _, f := range faults {
		worst(f.Status, f.Why)
		add(f)
	}
	return s
}

// otherKeys asks every server of a signed zone for its keys where answers let one expect that they are not the same, and
// judges the others' answers by them: a CA that validates takes the keys from any server, and an answer from another.
// Where the answers are of one age and by the same keys, one server was asked for them: a healthy zone has few questions.
// By is whose keys do not fit an answer that its own server's fit.
func (p *Pass) otherKeys(ctx context.Context, all []seen, results []dnssec.Result) (faults []SecurityFault, by map[int]resolver.Server) {
	by = map[int]resolver.Server{}
	done := map[resolver.Name]bool{}
	for _, x := range all {
		zone := x.cut.Zone
		l := p.zoneOf(ctx, x.cut)
		if done[zone] || l.Status != dnssec.Secure || !zone.Within(p.registered()) {
			continue
		}
		done[zone] = true
		if !p.keysMayDiffer(zone, all, results) {
			continue
		}
		var servers []resolver.Server
		for _, y := range all {
			if y.cut.Zone == zone && !slices.Contains(servers, y.Server) {
				servers = append(servers, y.Server)
			}
		}
		for _, a := range p.walker.Ask(ctx, servers, zone, resolver.TypeDNSKEY) {
			own := l.judge(a.Response)
			switch {
			case a.Err != nil:
			case own.Status == dnssec.Bogus:
				faults = append(faults, SecurityFault{Zone: zone, Status: dnssec.Bogus, Server: a.Server, Why: own.Why, Saw: []resolver.Answer{a}})
			case own.Status == dnssec.Secure && !slices.Equal(own.Keys, l.Keys):
				for i, y := range all {
					if y.cut.Zone != zone || y.Err != nil {
						continue
					}
					r := p.validator.Answer(own, y.Response)
					switch {
					case results[i].Status == dnssec.Bogus && y.Server == a.Server && r.Status == dnssec.Secure:
						by[i] = l.keysOf
					case results[i].Status == dnssec.Secure && r.Status == dnssec.Bogus && p.validator.Answer(l.Zone, y.Response).Status == dnssec.Secure:
						faults = append(faults, SecurityFault{Zone: zone, Status: dnssec.Bogus, Server: y.Server, Why: r.Why, Saw: []resolver.Answer{y.Answer, a}, Keys: a.Server})
					}
				}
			}
		}
	}
	return faults, by
}

// keysMayDiffer reports whether answers of a zone's servers let one expect that these do not have the same keys: an answer is
// signed by one that the first server does not have, or two servers' copies are not the same.
func (p *Pass) keysMayDiffer(zone resolver.Name, all []seen, results []dnssec.Result) bool {
	for i, x := range all {
		switch {
		case x.cut.Zone != zone || x.Err != nil:
		case results[i].Status == dnssec.Secure:
			for k, y := range all[:i] {
				if y.cut.Zone == zone && results[k].Status == dnssec.Secure && y.Question.Name == x.Question.Name && y.Question.Type == x.Question.Type &&
					signedApart(x.Response, y.Response, zone) {
					return true
				}
			}
		case len(results[i].Why) > 0 && results[i].Why[0].Code == dnssec.SignatureKey:
			return true
		}
	}
	return false
}

// signedApart reports whether two servers' answers to one question come from copies of a zone that were not signed
// together: by other keys, at another time, or with another serial. Servers that sign while they answer do that at about the
// same time.
func signedApart(a, b resolver.Response, zone resolver.Name) bool {
	byA, sinceA := signedBy(a, zone)
	byB, sinceB := signedBy(b, zone)
	if !slices.Equal(byA, byB) || sinceA.Sub(sinceB).Abs() > clockDoubt {
		return true
	}
	serial := func(r resolver.Response) (uint32, bool) {
		rr, denied := r.SOA()
		soa, ok := rr.SOA()
		return soa.Serial, denied && ok
	}
	serialA, okA := serial(a)
	serialB, okB := serial(b)
	return okA && okB && serialA != serialB
}

// signedBy gives the tags of the keys by which a zone signed what is in a response, sorted, and when it last did.
func signedBy(r resolver.Response, zone resolver.Name) (tags []uint16, since time.Time) {
	const inception, tag = 12, 16 // RFC 4034, 3.1
	for _, rr := range slices.Concat(r.Answer, r.Authority) {
		if signer, ok := signerOf(rr); !ok || signer != zone {
			continue
		}
		data := []byte(rr.RDATA)
		if t := binary.BigEndian.Uint16(data[tag:]); !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
		// RFC 4034, 3.1.5: seconds that go round every 136 years; both are of these.
		if t := time.Unix(int64(binary.BigEndian.Uint32(data[inception:])), 0); t.After(since) {
			since = t
		}
	}
	slices.Sort(tags)
	return tags, since
}

// givenUp picks what makes a signed zone count as unsigned, which its keeper may not know.
func givenUp(why []dnssec.Problem) (out []dnssec.Problem) {
	for _, x := range why {
		switch x.Code {
		case dnssec.AlgorithmUnsupported, dnssec.DigestUnsupported, dnssec.NSEC3Iterations:
			out = append(out, x)
		}
	}
	return out
}

// seen is an answer that a CA rests on, and the zone it comes from.
type seen struct {
	resolver.Answer
	cut resolver.Cut
	own bool // for the record's name
}

// allSeen gives every server's answer for the record's name, then what CAA says of the domains.
func (p *Pass) allSeen(ctx context.Context) (out []seen) {
	for _, v := range p.facts.views {
		if v.Standing.Answered() && v.Above.IsZero() {
			out = append(out, seen{v.Answer, p.facts.cut, true})
		}
	}
	for _, d := range p.domains() {
		c, _ := p.CAA(ctx, d) // the error is said by caa-unanswered, or a matter of time
		for _, a := range c.Saw {
			if cut, ok := p.cutFor(a); ok {
				out = append(out, seen{a, cut, false})
			}
		}
	}
	return out
}

// cutFor gives the zone whose server gave an answer about CAA.
func (p *Pass) cutFor(a resolver.Answer) (resolver.Cut, bool) {
	if cut, servers, rest := p.closest(a.Question.Name); slices.Contains(servers, a.Server) || slices.Contains(rest, a.Server) {
		return cut, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := a.Question.Name; !n.IsZero(); n = n.Parent() {
		if c, ok := p.cuts[n]; ok && slices.Contains(p.walker.Servers(c), a.Server) {
			return c, true
		}
	}
	return resolver.Cut{}, false
}

// passedBy keeps the cuts of a walk, for the chains of trust down to them.
func (p *Pass) passedBy(k resolver.Walk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts == nil {
		p.cuts = map[resolver.Name]resolver.Cut{}
	}
	for _, c := range k.Cuts {
		if _, ok := p.cuts[c.Zone]; !ok {
			p.cuts[c.Zone] = c
		}
	}
}

// doubt says why what seems bogus is not held against the domain: the root itself fails, or all that is wrong is the time,
// of more than the domain's own zone or by less than a clock may be off. It is empty where some fault leaves no doubt.
func (p *Pass) doubt(s Security) (why string) {
	for _, f := range s.Faults {
		if f.Status != dnssec.Bogus {
			continue
		}
		first, now := f.Why[0], p.Now.UTC().Format("2006-01-02 15:04 MST")
		switch {
		case f.timeOnly() && p.registered().Below(f.Zone):
			why = fmt.Sprintf("by this machine's clock, %s, %s: the clock is wrong, or the signatures of %s were not renewed", now, first, zoneText(f.Zone))
		case f.timeOnly() && first.Off < clockDoubt:
			why = fmt.Sprintf("by this machine's clock, %s, %s: too close to tell it from a clock that is off", now, first)
		case f.Zone.IsRoot():
			why = fmt.Sprintf("the root zone, as it is seen from here, is not signed as the trust anchor wants it: %s. Either the anchor is not that of these root "+
				"servers (--trust-anchors, --roots), or something between here and them changes answers", first)
		default:
			return ""
		}
	}
	return why
}

// denialDoubt says why the zone above cannot be believed that it does not delegate the domain: its denial does not validate.
// It is empty where it can, and where the domain is delegated.
func (p *Pass) denialDoubt(ctx context.Context) string {
	f := &p.facts
	if !p.aboveDomain() || p.validator.Anchors.IsZero() {
		return ""
	}
	for _, a := range f.undelegated {
		if a.Err != nil {
			continue
		}
		r, _ := p.judge(ctx, f.cut, a)
		if len(r.Why) == 0 || r.Why[0].Code == dnssec.AnchorMissing {
			continue
		}
		if r.Status == dnssec.Bogus || r.Status == dnssec.Indeterminate {
			return fmt.Sprintf("what %s says of %s does not validate: %s", serverText(a.Server), p.registered(), r.Why[0])
		}
	}
	return ""
}

// securityVerdict is Invalid where something is bogus beyond doubt, Undetermined where that is not known, else Valid.
func (p *Pass) securityVerdict(ctx context.Context) (Verdict, string) {
	s, err := p.Security(ctx)
	if err != nil {
		return Undetermined, reasonAfter(err, ErrUndetermined)
	}
	switch s.Status {
	case dnssec.Bogus:
		if why := p.doubt(s); why != "" {
			return Undetermined, why
		}
		return Invalid, ""
	case dnssec.Indeterminate:
		for _, f := range s.Faults {
			if len(f.Why) > 0 {
				return Undetermined, "whether the signatures hold is not known: " + f.Why[0].String()
			}
		}
		return Undetermined, "whether the signatures hold is not known"
	}
	return Valid, ""
}

func zoneText(n resolver.Name) string {
	if n.IsRoot() {
		return "the root zone"
	}
	return n.String()
}
