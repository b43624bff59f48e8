// Package resolvertest is a fake internet: zones from zone-file text, name servers that answer from them as real ones do,
// faults, and ways to ask.
//
//	in := resolvertest.MustParse(`
//	$ORIGIN example.com.
//	_a79 CNAME _424.acm-validations.aws.
//	`)
//	in.Fault(resolvertest.MustParseFault("ns2.example.com. drop"))
//	var r resolver.Resolver = in                         // ask it directly,
//	c := resolver.Client{Dial: in.Dial}                  // through packets in memory,
//	l, err := in.Listen("127.0.0.1:0")                   // or over real sockets
//
// Root, top-level domains, delegations, glue, addresses and signatures (DNSSEC) are filled in. Nothing here touches the network but
// [Internet.Listen] and [Internet.ListenAll]. Time is simulated: a latency is a timer, so that inside a bubble of
// testing/synctest an hour takes nothing. [TestResolver] tells whether a Resolver keeps what package resolver promises.
package resolvertest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// ErrNoZone: the internet has no zone of that name, or the owner is not within it.
var ErrNoZone = errors.New("there is no such zone")

// Internet is a set of name servers with their zones. [Parse] is its maker. It is safe for concurrent use; the fields are
// to be set before the first question.
type Internet struct {
	// Latency is the time of one exchange with any server; the handshake of a TCP connection takes one more. Zero: none.
	Latency time.Duration
	// Timeout is how long [Internet.Resolve] waits for one packet's answer before it tries again. Zero: it knows at once
	// that none will come, and waits for every answer that does.
	Timeout time.Duration
	// Moment is the time around which signatures are valid: from 7 days before until 14 days after it. Zero: 24 November
	// 2026, 12:00 UTC.
	Moment time.Time

	servers []resolver.Name
	addrs   map[resolver.Name][]netip.Addr

	mu       sync.Mutex // guards what follows, and what the zones hold
	zones    []*zone
	hosts    map[netip.Addr]*host
	faults   []Fault
	queries  []resolver.Question
	packets  int
	onPacket func(Packet) Fault
}

// Packet is one query on its way to a server.
type Packet struct {
	Number    int // from 1, in order of arrival
	Server    netip.AddrPort
	Transport resolver.Transport
	Question  resolver.Question
}

// Zone is one copy of a zone, with all that was filled in.
type Zone struct {
	Name        resolver.Name
	Records     []resolver.RR // the SOA first, then in canonical order
	Addrs       []netip.Addr  // of the servers that hold this copy, sorted
	Delegated   bool          // false where the text says "undelegated"
	FromText    bool          // false for zones that were made up around those of the text
	NameServers []resolver.Name
}

// Text gives the copy as a zone file.
func (z Zone) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN %s\n", z.Name)
	for _, rr := range z.Records {
		b.WriteString(rr.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// Fault adds a fault. Several may befall one packet; they act in the order in which they were added.
func (in *Internet) Fault(f Fault) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.faults = append(in.faults, f)
}

// ClearFaults makes every server well again.
func (in *Internet) ClearFaults() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.faults = nil
}

// OnPacket sets a function that is asked about every packet and may damage it: the fault's Action and arguments are
// applied to this one packet; the zero Fault does nothing. It replaces the one before; nil takes it away. It may be called
// concurrently and must not call methods of the Internet that ask.
func (in *Internet) OnPacket(f func(Packet) Fault) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.onPacket, in.packets = f, 0
}

// Queries gives every question asked so far in order of arrival: one for each call of Resolve, and one for each packet
// that came by [Internet.Dial] or a listener. What a recursive resolver of this internet asks is not in it.
func (in *Internet) Queries() []resolver.Question {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.queries)
}

// ResetQueries forgets the questions asked so far.
func (in *Internet) ResetQueries() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queries = nil
}

func (in *Internet) asked(q resolver.Question) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queries = append(in.queries, q)
}

// askedPacket records the question of a packet that can be read.
func (in *Internet) askedPacket(server netip.AddrPort, over resolver.Transport, wire []byte) {
	req := new(dns.Msg)
	if req.Unpack(wire) != nil || req.Response || len(req.Question) != 1 {
		return
	}
	if q, err := questionOf(req, server, over); err == nil {
		in.asked(q)
	}
}

// Servers gives the names of all name servers in the order of the text, the made-up ones last.
func (in *Internet) Servers() []resolver.Name { return slices.Clone(in.servers) }

// Addrs gives the addresses of a name server; none for a name that is not one.
func (in *Internet) Addrs(server resolver.Name) []netip.Addr { return slices.Clone(in.addrs[server]) }

// Serves reports whether a server lives at the address.
func (in *Internet) Serves(a netip.Addr) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.hosts[a.Unmap()] != nil
}

// Zones gives every copy of every zone in the order of the text, the made-up ones last.
func (in *Internet) Zones() []Zone {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []Zone
	for _, z := range in.zones {
		c := Zone{Name: z.name, Delegated: !z.undelegated, FromText: !z.synthetic, NameServers: z.targets(z.name)}
		c.Records = plain(z.get(z.name, dns.TypeSOA))
		for _, rr := range plain(z.records()) {
			if rr.Type != resolver.TypeSOA {
				c.Records = append(c.Records, rr)
			}
		}
		for a, h := range in.hosts {
			if h.zones[z.name] == z {
				c.Addrs = append(c.Addrs, a)
			}
		}
		slices.SortFunc(c.Addrs, netip.Addr.Compare)
		out = append(out, c)
	}
	return out
}

// Hints gives the root hints, in the format of named.root.
func (in *Internet) Hints() string {
	var b strings.Builder
	for _, n := range in.rootServers() {
		fmt.Fprintf(&b, ".\t3600000\tNS\t%s\n", n)
		for _, a := range in.addrs[n] {
			t := "A"
			if a.Is6() {
				t = "AAAA"
			}
			fmt.Fprintf(&b, "%s\t3600000\t%s\t%s\n", n, t, a)
		}
	}
	return b.String()
}

// Anchors gives the trust anchors, DS records of the root zone in zone-file format; "" where the root is not signed.
func (in *Internet) Anchors() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, z := range in.zones {
		if z.name.IsRoot() && z.signing.on {
			entry, _ := z.keys()
			return entry.ToDS(dns.SHA256).String() + "\n"
		}
	}
	return ""
}

func (in *Internet) rootServers() []resolver.Name {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, z := range in.zones {
		if z.name.IsRoot() {
			return z.targets(resolver.Root)
		}
	}
	return nil
}

// SetRRset makes the RRset what is given in every copy of the zone, as a provider does; no RDATA deletes it. RDATA is in
// presentation format with fully qualified names. Nothing is filled in any more: a new NS record delegates nothing. The
// error wraps [ErrNoZone] or [ErrText]; then nothing has changed.
func (in *Internet) SetRRset(zone, owner resolver.Name, t resolver.Type, ttl uint32, rdata []string) error {
	fail := func(err error) error {
		return fmt.Errorf("resolvertest: set %s %s in zone %s: %w", owner, t, zone, err)
	}
	if !owner.Within(zone) {
		return fail(ErrNoZone)
	}
	var rrs []dns.RR
	for _, s := range rdata {
		rr, err := newRR(owner, ttl, t, s)
		if err == nil && strings.ContainsAny(s, "\r\n") {
			err = errors.New("it is more than one line")
		}
		if err != nil {
			return fail(fmt.Errorf("%w: %w", ErrText, err))
		}
		if rr.Header().Rrtype != uint16(t) {
			return fail(fmt.Errorf("%w: the record is of type %s", ErrText, resolver.Type(rr.Header().Rrtype)))
		}
		if !slices.ContainsFunc(rrs, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			rrs = append(rrs, rr)
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	found := false
	for _, z := range in.zones {
		if z.name == zone {
			z.set(owner, uint16(t), rrs)
			found = true
		}
	}
	if !found {
		return fail(ErrNoZone)
	}
	return nil
}

// RRset gives an RRset of the zone's first copy; false where there is none.
func (in *Internet) RRset(zone, owner resolver.Name, t resolver.Type) ([]resolver.RR, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, z := range in.zones {
		if z.name == zone {
			rrs := plain(z.get(owner, uint16(t)))
			return rrs, len(rrs) > 0
		}
	}
	return nil, false
}
