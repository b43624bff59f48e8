package resolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// Bounds of one walk, whatever servers answer: more than any honest delegation needs.
const (
	maxNameServers = 16 // names used of one NS RRset
	maxAddresses   = 8  // addresses used of one name server
	maxAliases     = 8  // CNAMEs followed from a name server's name
)

// maxLookups is how many name servers of one zone are looked up: those of the zone itself, those of the zones of their
// names, and so on. It falls with the depth, since each level multiplies: referrals to names below zones that refer on
// cost 16⁴ walks otherwise, though hardly a question (the NXNSAttack of 2020).
var maxLookups = [...]int{maxNameServers, 4, 2, 1}

// Why a walk, or a name server in it, came to nothing.
var (
	// ErrNoAddress: the name server's name does not exist, or has neither A nor AAAA records.
	ErrNoAddress = errors.New("the name server's name has no address")
	// ErrNoGlue: the name server lies in the zone it serves, and the parent gives no address for it.
	ErrNoGlue = errors.New("the parent gives no address for a name server inside the zone")
	// ErrCircular: finding the name server's address needs that very name server.
	ErrCircular = errors.New("the name servers' names lead in a circle")
	// ErrTooMany: the zone has more name servers, or this one more addresses, than are looked up or asked.
	ErrTooMany = errors.New("there are more name servers or addresses than are asked")
	// ErrNoUsableAnswer: no server of the zone gave an answer that a resolver could go on with.
	ErrNoUsableAnswer = errors.New("no server of the zone gave a usable answer")
)

// Family restricts the addresses that are asked.
type Family int

// The families. The zero value is both; an address this machine has no route to then costs nothing ([ErrUnroutable]).
const (
	BothFamilies Family = iota
	IPv4Only
	IPv6Only
)

// Has reports whether addresses of a's family are wanted.
func (f Family) Has(a netip.Addr) bool {
	return f == BothFamilies || a.Unmap().Is4() == (f == IPv4Only)
}

// NameServer is one name server of a zone, with the addresses found for it.
type NameServer struct {
	Name  Name
	Addrs []netip.Addr // sorted, IPv4 first
	Glue  bool         // the addresses came with the referral
	Err   error        // why there are none, or with ErrTooMany not all: ErrNoAddress, ErrNoGlue, ErrCircular, or no answer came
}

// Server is one address of a name server, with the port that is asked.
type Server struct {
	Name Name
	Addr netip.AddrPort
}

// Answer is what one server said to one question: a response or the reason why there is none.
type Answer struct {
	Server   Server
	Question Question
	Response Response
	Err      error
}

// Cut is a zone cut as its parent describes it.
type Cut struct {
	Zone        Name
	Parent      Name // zero for the root
	NameServers []NameServer
	// Referrals are who said so, sorted by server; empty for the root, whose servers come from hints. A server of the root or a public
	// suffix that holds this zone, too, refers nobody to it: then it is its answer with the zone's own NS records.
	Referrals []Answer
	Others    []Answer // what those of the parent's servers said that were asked and did not refer to it, sorted by server
}

// Walk is the way from the root to the servers that answer for a name.
type Walk struct {
	Name Name
	Type Type
	// Cuts are the zones on the way, from the root to the one whose servers gave Answers.
	Cuts []Cut
	// Answers is what the servers of the last cut said, sorted by server. Root and public suffixes are asked one server at
	// a time until one gives a usable answer; of any other zone all servers are asked.
	Answers []Answer

	learned map[Name]Cut
}

// Zone is the last cut.
func (w Walk) Zone() Cut {
	if len(w.Cuts) == 0 {
		return Cut{}
	}
	return w.Cuts[len(w.Cuts)-1]
}

// Walker follows delegations from the root down to the zone that really holds a name, as a resolver with an empty cache
// does. It notes at every cut what the parent says. The walk is the ground truth: the system's resolver may sit behind a
// VPN, a split horizon or a stale cache.
//
// The zero value with a Resolver works. A Walker holds no state of a walk and is safe for concurrent use.
type Walker struct {
	Resolver Resolver
	Roots    []NameServer // nil: [RootHints]
	Port     uint16       // that name servers are asked on; 0: 53
	Family   Family
	// DNSSEC asks for signatures and denials with every question (DO).
	DNSSEC bool
	// Along, if set, gives questions to ask together with those of a walk, so that they cost no round trip: it is called for
	// every cut on the way, with the servers that are about to be asked at the same time. The answers are for the Resolver
	// to remember ([Memo]). What looks for the address of a name server takes nothing along.
	Along func(Cut, []Server) []Question

	known map[Name]Cut
}

// Knowing gives a Walker that starts from the cuts that the walks found, where they help, instead of from the root.
func (w Walker) Knowing(walks ...Walk) Walker {
	w.known = maps.Clone(w.known)
	if w.known == nil {
		w.known = map[Name]Cut{}
	}
	for _, k := range walks {
		maps.Copy(w.known, k.learned)
	}
	return w
}

// Servers gives the addresses to ask for a cut: of the wanted families, each once, sorted by name and address.
func (w Walker) Servers(c Cut) []Server {
	var out []Server
	seen := map[netip.Addr]bool{}
	for _, ns := range c.NameServers {
		for _, a := range ns.Addrs {
			if w.Family.Has(a) && !seen[a] {
				seen[a] = true
				out = append(out, Server{Name: ns.Name, Addr: netip.AddrPortFrom(a, w.port())})
			}
		}
	}
	return out
}

func (w Walker) port() uint16 { return cmp.Or(w.Port, 53) }

// Walk goes from the root, or from the deepest cut known, to the servers that answer for name and asks them for t. The
// error wraps [ErrNoUsableAnswer] or the context's error; the Walk then still holds the way up to there.
func (w Walker) Walk(ctx context.Context, name Name, t Type) (Walk, error) {
	return w.walk(ctx, name, t, nil, true)
}

// WalkQuick is [Walker.Walk] that asks one server of every zone at a time: enough where any usable answer will do.
func (w Walker) WalkQuick(ctx context.Context, name Name, t Type) (Walk, error) {
	return w.walk(ctx, name, t, nil, false)
}

// Ask asks all servers for name and t at once and gives their answers in the order of servers. What is asked also is for
// the Resolver to remember.
func (w Walker) Ask(ctx context.Context, servers []Server, name Name, t Type, also ...Question) []Answer {
	out := make([]Answer, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { out[i] = w.ask(ctx, s, Question{Name: name, Type: t, Server: s.Addr}) })
	}
	for _, q := range also {
		wg.Go(func() { _ = w.ask(ctx, Server{Addr: q.Server}, q) })
	}
	wg.Wait()
	return out
}

func (w Walker) ask(ctx context.Context, s Server, q Question) Answer {
	q.DNSSEC = q.DNSSEC || w.DNSSEC
	r, err := w.Resolver.Resolve(ctx, q)
	return Answer{Server: s, Question: q, Response: r, Err: err}
}

// AskAny asks one server after the other, then more at a time, until one gives a usable answer for zone. Which one it
// takes depends on their order alone, never on their speed. It gives all answers it got, the usable one last.
func (w Walker) AskAny(ctx context.Context, zone Name, servers []Server, name Name, t Type) (all []Answer, ok bool) {
	return w.askAny(ctx, zone, servers, name, t, nil)
}

// askAny is AskAny that sends further questions along with those to each group of servers, for the Resolver to remember.
func (w Walker) askAny(ctx context.Context, zone Name, servers []Server, name Name, t Type, along func([]Server) []Question) (all []Answer, ok bool) {
	ctx = ForZone(ctx, zone)
	for at, n := 0, 1; at < len(servers); n *= 2 {
		some := servers[at:min(at+n, len(servers))]
		var also []Question
		if along != nil {
			also = along(some)
		}
		group := w.Ask(ctx, some, name, t, also...)
		for _, a := range group {
			if a.Err == nil && a.Response.Means(zone).Usable() {
				return append(all, a), true
			}
			all = append(all, a)
		}
		if ctx.Err() != nil {
			return all, false
		}
		at += len(group)
	}
	return all, false
}

func (w Walker) walk(ctx context.Context, name Name, t Type, stack []Name, everyServer bool) (Walk, error) {
	k := Walk{Name: name, Type: t, learned: map[Name]Cut{}}
	cut := w.start(name, t, k.learned)
	for {
		k.Cuts = append(k.Cuts, cut)
		wide := everyServer && !oneServerWillDo(cut.Zone)
		if wide {
			cut = w.address(ctx, cut, stack, k.learned)
			k.Cuts[len(k.Cuts)-1] = cut
			servers := w.Servers(cut)
			var also []Question
			if w.Along != nil {
				also = w.Along(cut, servers)
			}
			k.Answers = w.Ask(ForZone(ctx, cut.Zone), servers, name, t, also...)
		} else {
			var along func([]Server) []Question
			if w.Along != nil {
				along = func(some []Server) []Question { return w.Along(cut, some) }
			}
			k.Answers = w.askOne(ctx, &cut, name, t, stack, k.learned, along)
			k.Cuts[len(k.Cuts)-1] = cut
		}
		k.learned[cut.Zone] = cut
		next, ok := w.next(cut, k.Answers)
		if !ok && oneServerWillDo(cut.Zone) {
			next, ok = w.beneath(ctx, cut, k.Answers, name)
		}
		if !ok {
			break
		}
		cut = next // strictly below the last: the loop ends
		k.Answers = nil
	}
	for _, a := range k.Answers {
		if a.Err == nil && a.Response.Means(cut.Zone).Usable() {
			return k, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return k, fmt.Errorf("resolver: walk to %s: %w", name, err)
	}
	return k, fmt.Errorf("resolver: walk to %s: zone %s: %w", name, cut.Zone, ErrNoUsableAnswer)
}

// start gives the deepest known cut that encloses name. A DS question is answered above the cut of its own name.
func (w Walker) start(name Name, t Type, learned map[Name]Cut) Cut {
	n := name
	if t == TypeDS && !n.IsRoot() {
		n = n.Parent()
	}
	for ; !n.IsZero(); n = n.Parent() {
		if c, ok := learned[n]; ok {
			return c
		}
		if c, ok := w.known[n]; ok {
			return c
		}
	}
	roots := w.Roots
	if roots == nil {
		roots = rootHints()
	}
	return Cut{Zone: Root, NameServers: roots}
}

// oneServerWillDo reports whether a zone is one of those that hold nothing but delegations and have many servers run by
// people who keep them equal: the root and the public suffixes of ICANN's part of the list.
func oneServerWillDo(zone Name) bool {
	if zone.NumLabels() <= 1 {
		return true
	}
	suffix, icann := publicsuffix.PublicSuffix(zone.Text())
	return icann && suffix == zone.Text()
}

// askOne asks the servers of a cut that have addresses first, and looks for the addresses of the others only when none of
// those is of use. IPv4 goes first, since a machine's IPv6 may be there and lead nowhere; beyond that the name decides who
// is asked, so that many checks spread over the servers and one check is always the same.
func (w Walker) askOne(ctx context.Context, cut *Cut, name Name, t Type, stack []Name, learned map[Name]Cut, along func([]Server) []Question) []Answer {
	have := w.Servers(*cut)
	all, ok := w.askAny(ctx, cut.Zone, inTurn(have, name), name, t, along)
	if !ok && ctx.Err() == nil && slices.ContainsFunc(cut.NameServers, func(ns NameServer) bool { return len(ns.Addrs) == 0 && ns.Err == nil }) {
		*cut = w.address(ctx, *cut, stack, learned)
		more := slices.DeleteFunc(w.Servers(*cut), func(s Server) bool { return slices.Contains(have, s) })
		rest, _ := w.askAny(ctx, cut.Zone, inTurn(more, name), name, t, along)
		all = append(all, rest...)
	}
	slices.SortStableFunc(all, func(a, b Answer) int {
		if c := a.Server.Name.Compare(b.Server.Name); c != 0 {
			return c
		}
		return a.Server.Addr.Compare(b.Server.Addr)
	})
	return all
}

// inTurn gives the servers in the order in which they are asked for name.
func inTurn(servers []Server, name Name) []Server {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name.wire))
	if n := len(servers); n > 0 {
		at := int(h.Sum32() % uint32(n))
		servers = append(slices.Clone(servers[at:]), servers[:at]...)
	}
	slices.SortStableFunc(servers, func(a, b Server) int {
		return cmp.Compare(b2i(a.Addr.Addr().Is6()), b2i(b.Addr.Addr().Is6()))
	})
	return servers
}

// First gives the server of a cut that a walk to name asks first where one server will do.
func (w Walker) First(c Cut, name Name) (Server, bool) {
	servers := inTurn(w.Servers(c), name)
	if len(servers) == 0 {
		return Server{}, false
	}
	return servers[0], true
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// next reads the cut that the answers refer to. Where servers refer to different zones the deepest counts: the others
// would be asked for it too. Where they give different name servers for it all of them count.
func (w Walker) next(cut Cut, answers []Answer) (Cut, bool) {
	var child Name
	for _, a := range answers {
		if a.Err != nil || a.Response.Means(cut.Zone) != Refers {
			continue
		}
		if c, _ := a.Response.refersTo(); child.IsZero() || c.Below(child) {
			child = c
		}
	}
	if child.IsZero() {
		return Cut{}, false
	}
	out := Cut{Zone: child, Parent: cut.Zone}
	servers := map[Name]*NameServer{}
	for _, a := range answers {
		if a.Err != nil || a.Response.Means(cut.Zone) != Refers {
			out.Others = append(out.Others, a)
			continue
		}
		if c, _ := a.Response.refersTo(); c != child {
			out.Others = append(out.Others, a)
			continue
		}
		out.Referrals = append(out.Referrals, a)
		for _, rr := range pick(a.Response.Authority, child, TypeNS) {
			n, ok := rr.Target()
			if !ok || servers[n] != nil {
				continue
			}
			servers[n] = &NameServer{Name: n}
		}
		// Glue counts only below the zone that the referring server answers for (RFC 9471, 2; RFC 5452, 6).
		for _, rr := range a.Response.Additional {
			ns, addr := servers[rr.Name], netip.Addr{}
			if a, ok := rr.Addr(); ok {
				addr = a
			}
			if ns == nil || !addr.IsValid() || !rr.Name.Within(cut.Zone) || slices.Contains(ns.Addrs, addr) {
				continue
			}
			ns.Addrs, ns.Glue = append(ns.Addrs, addr), true
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(servers), Name.Compare) {
		if len(out.NameServers) == maxNameServers { // one stands for all that are left, so that their absence is no secret
			out.NameServers = append(out.NameServers, NameServer{Name: n, Err: ErrTooMany})
			break
		}
		out.NameServers = append(out.NameServers, *servers[n])
	}
	sortServers(out.NameServers)
	return out, true
}

// beneath finds the zone below the root or a public suffix that one of its servers holds as well: it answers for that zone then, and
// refers nobody on (RFC 1034, 4.3.2, 2: the nearest ancestor). What the parent says of its name servers cannot be seen; what
// the zone itself says takes its place. It asks only where an answer can be that of a zone below, and goes down zone by zone: who
// refers on for the zone between, and yet answered for what is below it, is none of these servers but something in their place.
func (w Walker) beneath(ctx context.Context, cut Cut, answers []Answer, name Name) (Cut, bool) {
	i := slices.IndexFunc(answers, func(a Answer) bool { return a.Err == nil && a.Response.Means(cut.Zone).Usable() })
	if i < 0 {
		return Cut{}, false
	}
	a := answers[i]
	if soa, ok := a.Response.SOA(); a.Response.Means(cut.Zone) != Answers && (!ok || !soa.Name.Below(cut.Zone)) {
		return Cut{}, false // a denial of its own
	}
	suffix, _ := publicsuffix.PublicSuffix(name.Text())
	registered := strings.Count(suffix, ".") + 2 // labels
	for labels := cut.Zone.NumLabels() + 1; labels <= min(registered, name.NumLabels()-1); labels++ {
		zone := name.Ancestor(labels)
		ns := w.ask(ctx, a.Server, Question{Name: zone, Type: TypeNS, Server: a.Server.Addr})
		if next, ok := w.held(ctx, cut, zone, ns); ok {
			return next, true
		}
		if ns.Err != nil || ns.Response.Means(cut.Zone) != NoData { // no zone begins there
			return Cut{}, false
		}
	}
	return Cut{}, false
}

// held makes a cut of what a server says that holds both the cut's zone and the one below. Addresses that it leaves out, as
// servers do to be brief, it is asked for: no glue is to be had from above.
func (w Walker) held(ctx context.Context, cut Cut, zone Name, ns Answer) (Cut, bool) {
	rrs := ns.Response.RRs(zone, TypeNS)
	if ns.Err != nil || ns.Response.Means(cut.Zone) != Answers || len(rrs) == 0 {
		return Cut{}, false
	}
	// It is read as a referral would be, with the same bounds.
	as := Response{Question: ns.Question, Authority: rrs, Additional: ns.Response.Additional}
	next, ok := w.next(cut, []Answer{{Response: as}})
	next.Referrals = []Answer{ns} // the word of a server of the zone above, as a referral is
	for i, x := range next.NameServers {
		if len(x.Addrs) > 0 || x.Err != nil || !x.Name.Within(zone) {
			continue
		}
		for _, t := range []Type{TypeA, TypeAAAA} {
			a := w.ask(ctx, ns.Server, Question{Name: x.Name, Type: t, Server: ns.Server.Addr})
			if a.Err != nil || a.Response.Means(cut.Zone) != Answers {
				continue
			}
			for _, rr := range a.Response.RRs(x.Name, t) {
				if addr, ok := rr.Addr(); ok {
					x.Addrs, x.Glue = append(x.Addrs, addr), true
				}
			}
		}
		next.NameServers[i] = x
	}
	sortServers(next.NameServers)
	return next, ok
}

func sortServers(s []NameServer) {
	slices.SortFunc(s, func(a, b NameServer) int { return a.Name.Compare(b.Name) })
	for i := range s {
		slices.SortFunc(s[i].Addrs, netip.Addr.Compare)
		s[i].Addrs = slices.Compact(s[i].Addrs)
		if len(s[i].Addrs) > maxAddresses {
			s[i].Addrs, s[i].Err = s[i].Addrs[:maxAddresses], ErrTooMany // so that the absence of the others is no secret
		}
	}
}

// Address fills in the addresses of a cut's name servers that came without glue.
func (w Walker) Address(ctx context.Context, cut Cut) Cut {
	return w.address(ctx, cut, nil, map[Name]Cut{})
}

// address works on names of one parent together: the first is looked up, and what that teaches (often the glue of all of
// them) serves the others. Different parents are looked up at the same time, each from what is known now, so that what is
// asked does not depend on who answers first.
func (w Walker) address(ctx context.Context, cut Cut, stack []Name, learned map[Name]Cut) Cut {
	cut.NameServers = slices.Clone(cut.NameServers)
	circular := len(stack) >= len(maxLookups) || slices.Contains(stack, cut.Zone)
	groups, lookups := map[Name][]int{}, 0 // by the parent of their names: none for a server that is called "."
	var inside []int
	for i, ns := range cut.NameServers {
		switch {
		case len(ns.Addrs) > 0 || ns.Err != nil:
			continue
		case circular:
			cut.NameServers[i].Err = ErrCircular
			continue
		case lookups == maxLookups[len(stack)]:
			cut.NameServers[i].Err = ErrTooMany
			continue
		case ns.Name.Within(cut.Zone) && len(w.Servers(cut)) == 0:
			// Only this zone's own servers know, and not one of them has an address yet.
			inside = append(inside, i)
		default:
			groups[ns.Name.Parent()] = append(groups[ns.Name.Parent()], i)
		}
		lookups++
	}
	if len(groups) == 0 && len(inside) == 0 {
		return cut
	}
	stack = append(slices.Clone(stack), cut.Zone)
	base := w
	base.Along = nil
	base.known = maps.Clone(w.known)
	if base.known == nil {
		base.known = map[Name]Cut{}
	}
	maps.Copy(base.known, learned)
	if len(w.Servers(cut)) > 0 {
		some := cut // these servers can be asked for the addresses of the others
		some.NameServers = slices.Clone(cut.NameServers)
		base.known[cut.Zone] = some
	}
	parents := slices.SortedFunc(maps.Keys(groups), Name.Compare)
	found := make([]map[Name]Cut, len(parents))
	var wg sync.WaitGroup
	for g, parent := range parents {
		found[g] = map[Name]Cut{}
		wg.Go(func() {
			members := groups[parent]
			here := base
			cut.NameServers[members[0]] = here.lookUp(ctx, cut.NameServers[members[0]], stack, found[g])
			here.known = maps.Clone(base.known)
			maps.Copy(here.known, found[g])
			rest := make([]map[Name]Cut, len(members))
			var wg sync.WaitGroup
			for j, i := range members[1:] {
				rest[j] = map[Name]Cut{}
				wg.Go(func() { cut.NameServers[i] = here.lookUp(ctx, cut.NameServers[i], stack, rest[j]) })
			}
			wg.Wait()
			for _, r := range rest {
				maps.Copy(found[g], r)
			}
		})
	}
	wg.Wait()
	for _, f := range found {
		maps.Copy(learned, f)
	}
	if len(inside) > 0 {
		if servers := w.Servers(cut); len(servers) == 0 {
			for _, i := range inside {
				cut.NameServers[i].Err = ErrNoGlue
			}
		} else { // the others have addresses now, and can be asked for these
			cut = w.address(ctx, cut, stack[:len(stack)-1], learned)
		}
	}
	return cut
}

// lookUp finds the addresses of one name server, following aliases (which RFC 2181, 10.3 forbids and people use).
func (w Walker) lookUp(ctx context.Context, ns NameServer, stack []Name, learned map[Name]Cut) NameServer {
	name := ns.Name
	for range maxAliases {
		// The referral to the zone of a name server often brings that server's own address: glue is what resolvers use.
		if glue := glueFor(name, w.known, learned); len(glue.Addrs) > 0 {
			ns.Addrs, ns.Err = glue.Addrs, glue.Err
			return ns
		}
		here := w
		here.known = maps.Clone(w.known)
		maps.Copy(here.known, learned)
		here.Along = nil
		answers, cut, err := here.walkForAddress(ctx, name, stack, learned)
		if glue := glueFor(name, learned); len(glue.Addrs) > 0 {
			ns.Addrs, ns.Err = glue.Addrs, glue.Err
			return ns
		}
		if err != nil {
			ns.Err = err
			return ns
		}
		found := readAddresses(cut.Zone, name, answers)
		if len(found.addrs) == 0 && found.alias.IsZero() {
			// One server's word does not make a name empty: its copy may lag behind, or half of its answer be lost.
			found = readAddresses(cut.Zone, name, here.askForAddress(ctx, cut, name))
		}
		switch {
		case len(found.addrs) > 0:
			ns.Addrs = found.addrs
			one := []NameServer{ns}
			sortServers(one)
			return one[0]
		case !found.alias.IsZero():
			name = found.alias
			continue
		case found.denied:
			ns.Err = ErrNoAddress
		case ctx.Err() != nil:
			ns.Err = fmt.Errorf("resolver: look up name server %s: %w", name, ctx.Err())
		default:
			ns.Err = fmt.Errorf("resolver: look up name server %s: %w", name, ErrNoUsableAnswer)
		}
		return ns
	}
	ns.Err = ErrCircular
	return ns
}

// askForAddress asks several servers of a zone for both addresses of a name.
func (w Walker) askForAddress(ctx context.Context, cut Cut, name Name) []Answer {
	ctx = ForZone(ctx, cut.Zone)
	servers := w.Servers(cut)
	out := w.Ask(ctx, servers[:min(maxAddresses, len(servers))], name, TypeA)
	var more []Server
	for _, a := range out {
		if a.Err != nil || a.Response.Means(cut.Zone) != NoSuchName {
			more = append(more, a.Server)
		}
	}
	return append(out, w.Ask(ctx, more, name, TypeAAAA)...)
}

// addresses is what answers for A and AAAA say together.
type addresses struct {
	addrs  []netip.Addr
	alias  Name
	denied bool // with authority: there is no such name, or it has neither
}

func readAddresses(zone, name Name, answers []Answer) (out addresses) {
	without := map[Type]bool{}
	for _, a := range answers {
		if a.Err != nil || !a.Response.Authoritative {
			continue
		}
		for _, rr := range a.Response.RRs(name, a.Question.Type) {
			if addr, ok := rr.Addr(); ok && !slices.Contains(out.addrs, addr) {
				out.addrs = append(out.addrs, addr)
			}
		}
		for _, rr := range a.Response.RRs(name, TypeCNAME) {
			if n, ok := rr.Target(); ok && (out.alias.IsZero() || n.Compare(out.alias) < 0) {
				out.alias = n
			}
		}
		switch a.Response.Means(zone) {
		case NoSuchName:
			out.denied = true
		case NoData:
			without[a.Question.Type] = true
		}
	}
	out.denied = out.denied || without[TypeA] && without[TypeAAAA]
	return out
}

// walkForAddress walks to name asking for A, and stops early when a referral brings name's own address. AAAA is asked of
// the server that answered for A, at the same time where the name may end. It gives the zone that holds the name, too.
func (w Walker) walkForAddress(ctx context.Context, name Name, stack []Name, learned map[Name]Cut) ([]Answer, Cut, error) {
	cut := w.start(name, TypeA, learned)
	for {
		var along func([]Server) []Question
		if w.Family != IPv4Only && !oneServerWillDo(cut.Zone) {
			along = func(some []Server) (also []Question) {
				for _, s := range some {
					also = append(also, Question{Name: name, Type: TypeAAAA, Server: s.Addr})
				}
				return also
			}
		}
		answers := w.askOne(ctx, &cut, name, TypeA, stack, learned, along)
		learned[cut.Zone] = cut
		next, ok := w.next(cut, answers)
		if !ok {
			for _, a := range answers {
				if a.Err != nil || !a.Response.Means(cut.Zone).Usable() {
					continue
				}
				all := []Answer{a}
				if v := readAddresses(cut.Zone, name, all); v.alias.IsZero() && !v.denied && (w.Family != IPv4Only || len(v.addrs) == 0) {
					all = append(all, w.Ask(ForZone(ctx, cut.Zone), []Server{a.Server}, name, TypeAAAA)...)
				}
				return all, cut, nil
			}
			if err := ctx.Err(); err != nil {
				return nil, Cut{}, fmt.Errorf("resolver: look up name server %s: %w", name, err)
			}
			return nil, Cut{}, fmt.Errorf("resolver: look up name server %s: zone %s: %w", name, cut.Zone, ErrNoUsableAnswer)
		}
		cut = next
		learned[cut.Zone] = cut
		if len(glueFor(name, learned).Addrs) > 0 {
			return nil, Cut{}, nil
		}
	}
}

// glueFor looks for the glue of name among the name servers of known cuts.
func glueFor(name Name, known ...map[Name]Cut) NameServer {
	for _, m := range known {
		for n := name; !n.IsZero(); n = n.Parent() {
			for _, ns := range m[n].NameServers {
				if ns.Name == name && ns.Glue && len(ns.Addrs) > 0 {
					return ns
				}
			}
		}
	}
	return NameServer{}
}
