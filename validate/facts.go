package validate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Standing is what one name server's answer for the record's name amounts to.
type Standing int

// The standings. The first four are authoritative answers; only they decide.
const (
	Holds     Standing = iota + 1 // one CNAME, with an accepted value
	Differs                       // one CNAME, with another value
	Several                       // more than one CNAME
	Denies                        // no such name, or no CNAME there
	IsLame                        // the server does not serve the zone
	IsFailing                     // SERVFAIL and the like: may pass by itself
	IsSilent                      // no answer that can be understood
	NotAsked                      // no address, a private one, or no route from here
)

// Answered reports whether the standing is an authoritative answer.
func (s Standing) Answered() bool { return s >= Holds && s <= Denies }

// ServerView is one address of the zone's name servers and what it said.
type ServerView struct {
	resolver.Answer
	Standing  Standing
	Delegated bool // the parent names this server; otherwise only the zone itself does
	// Above is set for a server of a zone above, of which others refer to this one: it answers for the name itself, and
	// wrongly, or is silent. Who asks there gets no further.
	Above resolver.Name
	// Others are further targets that the same server gave in its answers to other questions about the name, which carry the
	// CNAME too: it gives one of several in turn.
	Others []resolver.Name

	again resolver.Answer // what a server that is lame or fails said over TCP; zero where it was not asked again
}

// CNAMEs gives the targets of the CNAME records at the name that was asked for.
func (v ServerView) CNAMEs() []resolver.Name {
	return append(targets(v.Response, v.Question.Name), v.Others...)
}

func targets(r resolver.Response, owner resolver.Name) []resolver.Name {
	var out []resolver.Name
	for _, rr := range r.RRs(owner, resolver.TypeCNAME) {
		if t, ok := rr.Target(); ok {
			out = append(out, t)
		}
	}
	return out
}

// facts is what every check needs to know, gathered before the first rule runs: the way to the zone, and what each of its
// servers says about the name.
type facts struct {
	walk    resolver.Walk
	walkErr error
	cut     resolver.Cut    // the last cut of the walk, its name servers with addresses
	zone    resolver.Name   // the apex that the servers themselves name; the cut's where they do not
	views   []ServerView    // all of A(Z), delegated ones first, each sorted by server
	leading resolver.Server // of A(Z), the one that was asked what one server is asked; it may have been silent
	childNS []resolver.Name
	nsDiffs []resolver.Answer // what each answering server says, where the first differs from the parent
	// Where they differ: the addresses behind the zone's own names, and whether one of these has none.
	childAddrs   map[netip.Addr]bool
	childUnknown bool

	undelegated []resolver.Answer // what the parent's servers say to NS of the registrable domain, where the walk ends above it
}

// zoneName is the owner of the SOA record in a denial where it lies deeper than the cut: a server that holds parent and
// child answers for the child without a referral (RFC 1034, 4.2.1).
func zoneName(cut, name resolver.Name, views []ServerView) resolver.Name {
	zone := cut
	for _, v := range views {
		if v.Standing != Denies {
			continue
		}
		if soa, ok := v.Response.SOA(); ok && soa.Name.Below(zone) && name.Within(soa.Name) {
			zone = soa.Name
		}
	}
	return zone
}

// zoneHere is the zone that holds the record's name, by all that one of the servers said. An answer with the record does not
// tell where it comes from, but by its signature; a denial of something beside it does.
func (p *Pass) zoneHere(ctx context.Context, views []ServerView) resolver.Name {
	f := &p.facts
	zone, name := zoneName(f.cut.Zone, p.Record.Name, views), p.Record.Name
	if zone != f.cut.Zone || p.aboveDomain() {
		return zone
	}
	deeper := func(n resolver.Name, ok bool) {
		if ok && n.Below(zone) && name.Within(n) {
			zone = n
		}
	}
	i := slices.IndexFunc(views, func(v ServerView) bool { return v.Standing.Answered() })
	if i < 0 {
		return zone
	}
	told := p.Record.Domain() == zone // by a signature, or by a denial at the domain or below it
	for _, rr := range views[i].Response.Answer {
		signer, ok := signerOf(rr)
		deeper(signer, ok)
		told = told || ok
	}
	if views[i].Server != f.leading {
		return zone
	}
	for _, q := range p.atZone(f.cut, []resolver.Server{f.leading}) {
		a := p.known(ctx, f.leading, q.Name, q.Type)
		soa, ok := a.SOA()
		ok = ok && a.Authoritative && q.Name.Within(soa.Name)
		deeper(soa.Name, ok)
		told = told || ok && q.Name.Within(p.Record.Domain())
	}
	unsigned := len(targets(views[i].Response, name)) > 0 && len(views[i].Response.RRs(name, resolver.TypeRRSIG)) == 0
	if probe, ok := p.probeName(); ok && zone == f.cut.Zone && p.trusts(f.cut) && unsigned {
		// It is signed, and what it seems to answer is not: a zone below may, of which nothing was denied yet.
		a := p.known(ctx, f.leading, probe, resolver.TypeCNAME)
		soa, ok := a.SOA()
		deeper(soa.Name, ok && a.Authoritative && probe.Within(soa.Name))
	}
	if told || zone != f.cut.Zone || !slices.ContainsFunc(views, func(v ServerView) bool { return v.Standing == Differs || v.Standing == Several }) {
		return zone
	}
	// A wrong record has to be changed in its zone, and nothing that was asked tells which that is: a wildcard answered, and
	// CAA records stand at the domain.
	a := p.known(ctx, f.leading, p.Record.Domain(), resolver.TypeSOA)
	soa, denied := a.SOA()
	deeper(soa.Name, denied && a.Authoritative)
	deeper(p.Record.Domain(), a.Authoritative && len(a.RRs(p.Record.Domain(), resolver.TypeSOA)) > 0)
	return zone
}

// registrable gives the registrable domain of n by ICANN's part of the public suffix list: what somebody can register
// under a suffix. A name that is a suffix itself is given as it is.
func registrable(n resolver.Name) resolver.Name {
	text := strings.TrimPrefix(n.Text(), "*.")
	suffix, icann := publicsuffix.PublicSuffix(text)
	for !icann && strings.Contains(suffix, ".") { // a company's own suffix, such as github.io
		_, rest, _ := strings.Cut(suffix, ".")
		suffix, icann = publicsuffix.PublicSuffix(rest)
	}
	s, err := resolver.ParseName(suffix)
	if err != nil || !n.Below(s) {
		return n
	}
	return n.Ancestor(s.NumLabels() + 1)
}

// probeLabel is a label that nobody has, in the form of ACM's tokens. It is made from the record so that a check can be
// replayed; what matters is that no zone holds it.
func probeLabel(r Record) string {
	h := sha256.Sum256([]byte("acmdoctor probe\x00" + r.Name.String()))
	return "_" + hex.EncodeToString(h[:16])
}

// gather collects the facts. Its error is the context's, or one of a resolver that must end the check; servers that do
// not answer are facts, not errors.
func (p *Pass) gather(ctx context.Context) {
	f := &p.facts
	w := p.walker
	w.Along = p.along
	f.walk, f.walkErr = w.Walk(ctx, p.Record.Name, walkType)
	p.arrive()
	if p.aboveDomain() {
		p.gatherAbove(ctx)
		return
	}
	if p.delegatedToValue() {
		p.settle(ctx)
		for _, a := range f.walk.Answers { // it refers the name away, and so has no CNAME there
			f.views = append(f.views, ServerView{Answer: a, Standing: Denies, Delegated: true})
		}
		f.views = append(f.views, p.views(f.walk.Cuts[len(f.walk.Cuts)-1].Others, true)...)
		return
	}
	p.settle(ctx)
	if slices.ContainsFunc(f.walk.Answers, func(a resolver.Answer) bool { return refers(a, f.cut.Zone) }) {
		// It refers on when asked for a CNAME, and did not when asked for TXT: the walk goes on from here.
		above := f.walk.Cuts[:len(f.walk.Cuts)-1]
		w = p.walker
		w.Along = p.along
		f.walk, f.walkErr = w.Walk(ctx, p.Record.Name, resolver.TypeCNAME)
		f.walk.Cuts = slices.Concat(above, f.walk.Cuts)
		p.arrive()
	}
	f.views = p.views(f.walk.Answers, true)
	for _, ns := range f.cut.NameServers {
		if ns.Err != nil {
			f.views = append(f.views, ServerView{Answer: resolver.Answer{Server: resolver.Server{Name: ns.Name}, Err: ns.Err}, Standing: standingOf(ns.Err), Delegated: true})
		}
	}
	p.askRest(ctx)
	p.askAgain(ctx)
	p.lookForTurns(ctx)
	f.zone = p.zoneHere(ctx, f.views)
	p.childServers(ctx)
	p.addAbove()
}

// arrive takes in where the walk ended.
func (p *Pass) arrive() {
	f := &p.facts
	p.walker = p.walker.Knowing(f.walk)
	p.passedBy(f.walk)
	f.cut = f.walk.Zone()
	f.zone = f.cut.Zone
	if len(f.walk.Answers) > 0 {
		f.leading = f.walk.Answers[0].Server
	}
}

// gatherAbove is for a walk that ended in a zone above what can be registered. Its servers are asked whether they delegate
// the domain at the same time as those that answered are asked for the CNAME.
func (p *Pass) gatherAbove(ctx context.Context) {
	f := &p.facts
	cut := p.walker.Address(ctx, f.cut)
	servers := p.walker.Servers(cut)
	f.views = p.views(f.walk.Answers, true)
	var wg sync.WaitGroup
	if first, ok := p.firstAnswering(); ok && first.Standing == Denies {
		wg.Go(func() { f.undelegated = p.walker.Ask(ctx, servers, p.registered(), resolver.TypeNS) })
	}
	p.settle(ctx)
	wg.Wait()
	f.views = p.views(f.walk.Answers, true)
	first, ok := p.firstAnswering()
	if !ok || first.Standing != Denies {
		f.undelegated = nil
	}
	if ok && first.Standing != Denies { // a registry that keeps names in its own zone
		f.views = p.views(p.walker.Ask(ctx, servers, p.Record.Name, resolver.TypeCNAME), true)
	}
}

// delegatedToValue recognises a record of type NS in place of the CNAME: it makes the record's name a zone of its own, whose
// one name server is the value. What the parent says is then what there is to judge.
func (p *Pass) delegatedToValue() bool {
	f := &p.facts
	if f.cut.Zone != p.Record.Name || !slices.ContainsFunc(f.cut.NameServers, func(ns resolver.NameServer) bool { return p.Record.Accepts(ns.Name) }) || len(f.walk.Cuts) < 2 {
		return false
	}
	f.walk.Answers = f.cut.Referrals
	f.leading = f.cut.Referrals[0].Server
	f.cut = f.walk.Cuts[len(f.walk.Cuts)-2]
	f.zone = f.cut.Zone
	return true
}

// askRest asks all servers of a zone of which the walk took one server's word: a public suffix that is somebody's domain.
func (p *Pass) askRest(ctx context.Context) {
	f := &p.facts
	first, ok := p.firstAnswering()
	if servers := p.walker.Servers(f.cut); !ok || len(servers) == len(f.walk.Answers) && !slices.ContainsFunc(f.cut.NameServers, unknown) {
		return
	}
	f.cut = p.walker.Address(ctx, f.cut)
	f.leading = first.Server
	servers := append([]resolver.Server{first.Server}, slices.DeleteFunc(p.walker.Servers(f.cut), func(s resolver.Server) bool { return s == first.Server })...)
	f.walk.Answers = p.walker.Ask(ctx, p.walker.Servers(f.cut), p.Record.Name, walkType, append(p.securityQuestions(f.cut, servers[:1]), p.atZone(f.cut, servers)...)...)
	p.settle(ctx)
	f.views = p.views(f.walk.Answers, true)
}

func unknown(ns resolver.NameServer) bool { return len(ns.Addrs) == 0 && ns.Err == nil }

// addAbove adds the servers of zones above that answer for the name in place of referring on, where their answer is not
// the record, and those that are silent. They say nothing about a zone whose own servers said nothing.
func (p *Pass) addAbove() {
	f := &p.facts
	if _, ok := p.firstAnswering(); !ok {
		return
	}
	for _, c := range f.walk.Cuts {
		for _, a := range c.Others {
			s := p.standing(a)
			if a.Err == nil && (a.Response.Means(c.Parent) == resolver.Refers || !s.Answered() || s == Holds) {
				continue
			}
			if a.Err != nil && (s != IsSilent || !c.Parent.Within(p.registered())) {
				continue // of a registry's servers the next one was asked
			}
			if !slices.ContainsFunc(f.views, func(v ServerView) bool { return v.Server.Addr == a.Server.Addr }) {
				f.views = append(f.views, ServerView{Answer: a, Standing: s, Delegated: true, Above: c.Parent})
			}
		}
	}
}

// aboveDomain reports whether the walk ended in a zone above what can be registered: nothing delegates the domain.
func (p *Pass) aboveDomain() bool {
	return p.facts.cut.Zone.IsZero() || p.registered().Below(p.facts.cut.Zone)
}

// zoneAnswers reports whether there is a zone for the record, of which some server answers.
func (p *Pass) zoneAnswers() bool { return len(p.answered()) > 0 && !p.aboveDomain() }

func (p *Pass) registered() resolver.Name { return registrable(p.Record.Domain()) }

func (p *Pass) views(answers []resolver.Answer, delegated bool) []ServerView {
	out := make([]ServerView, 0, len(answers))
	for _, a := range answers {
		out = append(out, ServerView{Answer: a, Standing: p.standing(a), Delegated: delegated})
	}
	return out
}

func (p *Pass) standing(a resolver.Answer) Standing {
	if a.Err != nil {
		return standingOf(a.Err)
	}
	means := a.Response.Means(p.facts.cut.Zone)
	if p.facts.cut.Zone.IsRoot() && means.Usable() && !fromRoot(a.Response) {
		return IsLame
	}
	switch means {
	case resolver.Answers:
		switch t := targets(a.Response, a.Question.Name); {
		case len(t) == 1 && p.Record.Accepts(t[0]):
			return Holds
		case len(t) == 1:
			return Differs
		case len(t) > 1:
			return Several
		}
		return Denies
	case resolver.NoSuchName, resolver.NoData:
		return Denies
	case resolver.Refers, resolver.Lame:
		return IsLame // a referral further down was followed; one that is left is a server that lacks the deeper zone
	}
	return IsFailing
}

// fromRoot reports whether a root server can have given this answer about a name below a top-level domain: a denial of
// that domain, with the root's SOA. The root holds nothing else but delegations; whoever answers for such a name in a root
// server's place is a network's own resolver, or its own copy of the zone.
func fromRoot(r resolver.Response) bool {
	soa, ok := r.SOA()
	return ok && soa.Name.IsRoot() && len(r.Answer) == 0
}

func standingOf(err error) Standing {
	switch {
	case errors.Is(err, resolver.ErrNoAddress), errors.Is(err, resolver.ErrNoGlue):
		return IsLame
	case errors.Is(err, resolver.ErrPrivateAddress), errors.Is(err, resolver.ErrUnroutable):
		return NotAsked
	}
	return IsSilent
}

// askAgain asks servers that are lame or fail a second time, over TCP: what is said once may be a moment's trouble.
func (p *Pass) askAgain(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range p.facts.views {
		v := &p.facts.views[i]
		if (v.Standing != IsLame && v.Standing != IsFailing) || v.Err != nil {
			continue
		}
		wg.Go(func() {
			q := v.Question
			q.TCP = true
			r, err := p.Resolver().Resolve(ctx, q)
			again := resolver.Answer{Server: v.Server, Question: q, Response: r, Err: err}
			if s := p.standing(again); s.Answered() {
				v.Answer, v.Standing = again, s
				return
			}
			v.again = again
		})
	}
	wg.Wait()
}

// childServers reads the zone's own NS records, and asks the servers that only the zone names: a resolver that has seen
// that RRset uses it in place of the parent's (RFC 2181, 5.4.1).
func (p *Pass) childServers(ctx context.Context) {
	f := &p.facts
	first, ok := p.firstAnswering()
	if !ok || f.zone != f.cut.Zone { // these servers hold a zone below, too: its delegation is none that was walked
		return
	}
	// Where the first server in order did not answer, neither did the questions that went along.
	answer := func(v ServerView) resolver.Answer {
		return p.walker.Ask(ctx, []resolver.Server{v.Server}, f.zone, resolver.TypeNS)[0]
	}
	a := answer(first)
	names := nsNames(a, f.zone)
	if len(names) == 0 {
		return
	}
	f.childNS = names
	parents := namesOf(f.cut.NameServers)
	if slices.Equal(parents, names) {
		return
	}
	// They differ. What do the others say, and who are the servers that the parent does not name? Those that this server
	// names are looked up while the others are asked.
	seen := map[resolver.Name]bool{}
	for _, n := range parents {
		seen[n] = true
	}
	extra := addNew(resolver.Cut{Zone: f.zone, Parent: f.cut.Parent}, seen, a)
	var wg sync.WaitGroup
	wg.Go(func() {
		f.nsDiffs = p.walker.Ask(ctx, serversOf(f.views, func(v ServerView) bool { return v.Standing.Answered() }), f.zone, resolver.TypeNS)
	})
	wg.Go(func() { extra = p.addressBeside(ctx, extra) })
	wg.Wait()
	extra = p.addressBeside(ctx, addNew(extra, seen, f.nsDiffs...))
	f.childAddrs = map[netip.Addr]bool{}
	for _, ns := range slices.Concat(extra.NameServers, f.cut.NameServers) {
		if slices.Contains(parents, ns.Name) && !slices.Contains(names, ns.Name) {
			continue
		}
		f.childUnknown = f.childUnknown || len(ns.Addrs) == 0
		for _, addr := range ns.Addrs {
			f.childAddrs[addr] = true
		}
	}
	known := map[netip.AddrPort]bool{}
	for _, v := range f.views {
		known[v.Server.Addr] = true
	}
	servers := slices.DeleteFunc(p.walker.Servers(extra), func(s resolver.Server) bool { return known[s.Addr] })
	var beside []resolver.Question
	for _, s := range servers {
		beside = append(beside, resolver.Question{Name: p.Record.Name, Type: resolver.TypeTXT, Server: s.Addr})
	}
	f.views = append(f.views, p.views(p.walker.Ask(ctx, servers, p.Record.Name, resolver.TypeCNAME, beside...), false)...)
	for _, ns := range extra.NameServers {
		if ns.Err != nil {
			f.views = append(f.views, ServerView{Answer: resolver.Answer{Server: resolver.Server{Name: ns.Name}, Err: ns.Err}, Standing: standingOf(ns.Err)})
		}
	}
}

// addNew adds the name servers that answers give for the cut's zone and that nobody has named before, sorted.
func addNew(cut resolver.Cut, seen map[resolver.Name]bool, answers ...resolver.Answer) resolver.Cut {
	for _, d := range answers {
		for _, n := range nsNames(d, cut.Zone) {
			if seen[n] {
				continue
			}
			seen[n] = true
			ns := resolver.NameServer{Name: n}
			for _, rr := range d.Response.Additional {
				if addr, ok := rr.Addr(); ok && rr.Name == n && n.Within(cut.Zone) && !slices.Contains(ns.Addrs, addr) {
					ns.Addrs, ns.Glue = append(ns.Addrs, addr), true
				}
			}
			cut.NameServers = append(cut.NameServers, ns)
		}
	}
	slices.SortFunc(cut.NameServers, func(a, b resolver.NameServer) int { return a.Name.Compare(b.Name) })
	return cut
}

// lookForTurns finds servers that give one of several CNAMEs in turn. It asks nothing new: the answers to the other
// questions about the name that were asked with the first carry the CNAME, too.
func (p *Pass) lookForTurns(ctx context.Context) {
	f := &p.facts
	also := slices.Concat(p.besides(ctx), p.walker.Ask(ctx, serversOf(f.views, func(v ServerView) bool { return v.Standing.Answered() && v.Above.IsZero() }), p.Record.Name, walkType))
	for i := range f.views {
		v := &f.views[i]
		seen := map[resolver.Name]bool{}
		for _, target := range v.CNAMEs() {
			seen[target] = true
		}
		for _, a := range also {
			if a.Err != nil || a.Server != v.Server || v.Standing != Holds && v.Standing != Differs && v.Standing != Several {
				continue
			}
			for _, target := range targets(a.Response, p.Record.Name) {
				if !seen[target] {
					seen[target] = true
					v.Others, v.Standing = append(v.Others, target), Several
				}
			}
		}
	}
}

// addressBeside looks up the name servers that only the zone names. One inside the zone is known to the zone's own servers,
// which the parent's names lead to.
func (p *Pass) addressBeside(ctx context.Context, extra resolver.Cut) resolver.Cut {
	all := extra
	all.NameServers = slices.Concat(p.facts.cut.NameServers, extra.NameServers)
	all = p.walker.Address(ctx, all)
	extra.NameServers = all.NameServers[len(p.facts.cut.NameServers):]
	return extra
}

// firstAnswering is the one server that further questions go to: the first in order whose answer was usable.
func (p *Pass) firstAnswering() (ServerView, bool) {
	for _, v := range p.facts.views {
		if v.Standing.Answered() {
			return v, true
		}
	}
	return ServerView{}, false
}

func nsNames(a resolver.Answer, zone resolver.Name) []resolver.Name {
	if a.Err != nil {
		return nil
	}
	var out []resolver.Name
	for _, rr := range a.Response.RRs(zone, resolver.TypeNS) {
		if n, ok := rr.Target(); ok {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, resolver.Name.Compare)
	return out
}

func namesOf(servers []resolver.NameServer) []resolver.Name {
	out := make([]resolver.Name, len(servers))
	for i, s := range servers {
		out[i] = s.Name
	}
	return out
}

func serversOf(views []ServerView, want func(ServerView) bool) []resolver.Server {
	var out []resolver.Server
	for _, v := range views {
		if want(v) && v.Server.Addr.IsValid() {
			out = append(out, v.Server)
		}
	}
	return out
}
