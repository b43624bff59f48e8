package resolvertest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// outcome is what becomes of one packet sent to a server.
type outcome struct {
	wire   []byte // nil: silence
	delay  time.Duration
	hangUp bool // over TCP: closed without an answer
	closed bool // nothing listens there
}

// exchange hands one query to the server at an address and gives what comes back. All ways to ask go through it.
func (in *Internet) exchange(server netip.AddrPort, over resolver.Transport, wire []byte, hook bool) outcome {
	req := new(dns.Msg)
	if err := req.Unpack(wire); err != nil || req.Response || len(req.Question) == 0 {
		if err != nil && len(wire) < 12 || err == nil && req.Response {
			return outcome{} // not a query: nothing to answer
		}
		if err != nil {
			req = &dns.Msg{MsgHdr: dns.MsgHdr{Id: uint16(wire[0])<<8 | uint16(wire[1])}}
		}
		m := replyTo(req)
		m.Rcode = dns.RcodeFormatError
		return packed(m)
	}
	q, err := questionOf(req, server, over)
	if err != nil {
		m := replyTo(req)
		m.Rcode = dns.RcodeFormatError
		return packed(m)
	}
	h, faults := in.arrive(q, over, hook)
	if h == nil {
		return outcome{}
	}
	return in.answer(h, req, q, over, faults)
}

func questionOf(req *dns.Msg, server netip.AddrPort, over resolver.Transport) (resolver.Question, error) {
	n, err := nameOf(req.Question[0].Name)
	if err != nil {
		return resolver.Question{}, err
	}
	q := resolver.Question{
		Name: n, Type: resolver.Type(req.Question[0].Qtype), Server: server,
		Recursive: req.RecursionDesired, CheckingDisabled: req.CheckingDisabled, TCP: over == resolver.TCP,
	}
	if opt := req.IsEdns0(); opt != nil {
		q.DNSSEC = opt.Do()
	}
	return q, nil
}

// arrive finds the server and the faults that befall this packet; faults that are used up are gone.
func (in *Internet) arrive(q resolver.Question, over resolver.Transport, hook bool) (*host, []Fault) {
	in.mu.Lock()
	if hook {
		in.packets++
	}
	p := Packet{Number: in.packets, Server: q.Server, Transport: over, Question: q}
	onPacket := in.onPacket
	h := in.host(q.Server)
	var faults []Fault
	if h != nil {
		kept := in.faults[:0]
		for _, f := range in.faults {
			if f.concerns(h, q, over) {
				faults = append(faults, f)
				if f.Times == 1 {
					continue
				}
				if f.Times > 1 {
					f.Times--
				}
			}
			kept = append(kept, f)
		}
		clear(in.faults[len(kept):])
		in.faults = kept
	}
	in.mu.Unlock()
	if hook && onPacket != nil {
		if f := onPacket(p); f.Action != "" && h != nil {
			faults = append(faults, f)
		}
	}
	return h, faults
}

// host gives what lives at an address and port.
func (in *Internet) host(server netip.AddrPort) *host {
	if server.Port() != 53 {
		return nil
	}
	return in.hosts[server.Addr().Unmap().WithZone("")]
}

// answer makes the server's answer and lets the faults have their way with it, in the order in which they were set.
func (in *Internet) answer(h *host, req *dns.Msg, q resolver.Question, over resolver.Transport, faults []Fault) outcome {
	var its habits
	for _, f := range faults {
		its.cnameFirst = its.cnameFirst || f.Action == CNAMEFirst
		its.deepestCut = its.deepestCut || f.Action == DeepestCut
	}
	var m *dns.Msg
	if h.recursor {
		if m = in.viewed(h, req, q); m == nil {
			m = in.remembered(h, req, q)
		}
		if m == nil {
			m = in.recurse(req, q)
		}
	} else {
		in.mu.Lock()
		m = h.reply(req, its)
		in.mu.Unlock()
	}
	o := outcome{delay: in.Latency}
	cut, mangled, cutOff := false, false, false
	for _, f := range faults {
		switch f.Action {
		case Drop:
			return outcome{}
		case Closed:
			return outcome{closed: true, delay: o.delay}
		case DropEDNS:
			if req.IsEdns0() != nil {
				return outcome{}
			}
		case Delay:
			o.delay += f.Delay
		case TruncateAll:
			if over != resolver.UDP {
				return outcome{hangUp: true, delay: o.delay}
			}
			cut = true
		case Truncate:
			cut = cut || over == resolver.UDP
		case Mangle:
			mangled = true
		case CutOff:
			cutOff = true
		default:
			m = in.spoil(m, h, req, q, f)
		}
	}
	if over == resolver.UDP {
		m = fit(m, req)
	}
	if cut {
		m = truncated(m)
	}
	p := packed(m)
	o.wire = p.wire
	if mangled {
		mangle(o.wire)
	}
	if cutOff {
		o.wire = cutOffAfterQuestion(o.wire)
	}
	return o
}

// packed packs a message; what no message can hold is the server's failure.
func packed(m *dns.Msg) outcome {
	wire, err := m.Pack()
	if err != nil {
		m.Rcode, m.Answer, m.Ns, m.Extra = dns.RcodeServerFailure, nil, nil, nil
		if wire, err = m.Pack(); err != nil {
			return outcome{}
		}
	}
	return outcome{wire: wire}
}

// mangle makes the first name a compression pointer to itself: ID and header stay, and no parser gets further.
func mangle(wire []byte) {
	if len(wire) > 13 {
		wire[12], wire[13] = 0xc0, 12
	}
}

// cutOffAfterQuestion leaves header and question, and a header that counts an answer at least.
func cutOffAfterQuestion(wire []byte) []byte {
	at := 12
	for at < len(wire) && wire[at] != 0 { // the first name of a message is never compressed
		at += 1 + int(wire[at])
	}
	at += 1 + 4
	if at > len(wire) {
		return wire
	}
	if wire[6] == 0 && wire[7] == 0 {
		wire[7] = 1
	}
	return wire[:at]
}

// spoil gives the message that a fault makes of the right one.
func (in *Internet) spoil(m *dns.Msg, h *host, req *dns.Msg, q resolver.Question, f Fault) *dns.Msg {
	blank := func(rcode int) *dns.Msg {
		b := replyTo(req)
		b.Rcode = rcode
		return b
	}
	zone := q.Name
	in.mu.Lock()
	z := h.zoneFor(q.Name, uint16(q.Type))
	in.mu.Unlock()
	if z != nil {
		zone = z.name
	}
	switch f.Action {
	case AnswerServ:
		return blank(dns.RcodeServerFailure)
	case AnswerRefused:
		return blank(dns.RcodeRefused)
	case AnswerNotAuth:
		return blank(dns.RcodeNotAuth)
	case AnswerRCode:
		return blank(int(f.RCode))
	case FormErrEDNS:
		if req.IsEdns0() != nil {
			b := blank(dns.RcodeFormatError)
			b.Extra = nil
			return b
		}
	case NoAA:
		c := *m
		c.Authoritative = false
		return &c
	case Upward:
		b := blank(dns.RcodeSuccess)
		for _, n := range in.rootServers() {
			b.Ns = append(b.Ns, &dns.NS{Hdr: header(resolver.Root, dns.TypeNS, 518400), Ns: n.String()})
		}
		return b
	case Loop:
		b := blank(dns.RcodeSuccess)
		if z != nil {
			in.mu.Lock()
			b.Ns = append(b.Ns, z.get(z.name, dns.TypeNS)...)
			in.mu.Unlock()
		}
		return b
	case HugeReferral:
		b := blank(dns.RcodeSuccess)
		cut := q.Name.Ancestor(zone.NumLabels() + 1)
		for i := range f.Count {
			ns := fmt.Sprintf("ns.nowhere-%d.%s", i, tld(zone))
			b.Ns = append(b.Ns, &dns.NS{Hdr: header(cut, dns.TypeNS, DefaultTTL), Ns: ns})
		}
		return b
	case WrongID:
		c := *m
		c.Id++
		return &c
	case WrongQuestion:
		c := *m
		c.Question = []dns.Question{req.Question[0]}
		c.Question[0].Name = "another.question."
		return &c
	case Lie:
		rr, err := newRR(f.RR.Name, f.RR.TTL, f.RR.Type, f.RR.Text())
		if err != nil {
			return m
		}
		b := blank(dns.RcodeSuccess)
		b.Authoritative, b.Answer = true, []dns.RR{rr}
		return b
	}
	return m
}

// tld gives the last label of a zone as a name, an unused one for the root's.
func tld(zone resolver.Name) string {
	if zone.IsRoot() {
		return "invalid."
	}
	return zone.Ancestor(1).String()
}
