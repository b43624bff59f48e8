package resolver

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

// udpSize is the EDNS buffer size we offer: it avoids fragments on any path (RFC 9715, 3.1; DNS flag day 2020).
const udpSize = 1232

// packQuestion makes the message for q with a random ID (RFC 5452, 9).
func packQuestion(q Question, edns bool) (wire []byte, id uint16, err error) {
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, 0, err
	}
	m := new(dns.Msg)
	m.Id = binary.BigEndian.Uint16(b[:])
	m.RecursionDesired = q.Recursive || !q.Server.IsValid()
	m.CheckingDisabled = q.CheckingDisabled
	m.Question = []dns.Question{{Name: q.Name.String(), Qtype: uint16(q.Type), Qclass: dns.ClassINET}}
	if edns {
		m.SetEdns0(udpSize, q.DNSSEC)
	}
	wire, err = m.Pack()
	return wire, m.Id, err
}

// ParseMessage reads one DNS message as an answer to q. It checks that the message is a response to that question (RFC
// 5452, 3); the ID is the transport's business. A message that ends before its header says so is no answer: what is left
// of it would read as a denial. Records of another class than IN are passed over, but not in the answer section. Errors
// wrap [ErrMalformed]. It never panics, whatever the octets.
func ParseMessage(q Question, wire []byte) (Response, error) {
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return Response{}, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return Response{}, fmt.Errorf("%w: it is not a response", ErrMalformed)
	}
	// A server that cannot parse the question may leave it out (RFC 1035, 4.1.1: FORMERR; some do so with NOTIMP too).
	if len(m.Question) == 0 && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeRefused || m.Rcode == dns.RcodeServerFailure) {
		return Response{Question: q, RCode: RCode(m.Rcode)}, nil
	}
	if len(m.Question) != 1 || Type(m.Question[0].Qtype) != q.Type || m.Question[0].Qclass != dns.ClassINET {
		return Response{}, fmt.Errorf("%w: it answers another question", ErrMalformed)
	}
	if n, err := nameFromMsg(m.Question[0].Name); err != nil || n != q.Name {
		return Response{}, fmt.Errorf("%w: it answers another question", ErrMalformed)
	}
	if !m.Truncated && !whole(m, wire) { // with TC the rest is asked for in another way (RFC 2181, 9)
		return Response{}, fmt.Errorf("%w: it ends early", ErrMalformed)
	}
	r := Response{
		Question: q, RCode: RCode(m.Rcode), Authoritative: m.Authoritative, Truncated: m.Truncated,
		RecursionAvailable: m.RecursionAvailable, AuthenticData: m.AuthenticatedData,
	}
	if opt := m.IsEdns0(); opt != nil {
		r.EDNS = true
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				r.ExtendedErrors = append(r.ExtendedErrors, ExtendedError{Code: e.InfoCode, Text: e.ExtraText})
			}
		}
	}
	for _, s := range []struct {
		from []dns.RR
		to   *[]RR
	}{{m.Answer, &r.Answer}, {m.Ns, &r.Authority}, {m.Extra, &r.Additional}} {
		for _, rr := range s.from {
			h := rr.Header()
			if h.Class != dns.ClassINET && h.Rrtype != dns.TypeOPT && s.to == &r.Answer {
				return Response{}, fmt.Errorf("%w: it answers with a record of class %s", ErrMalformed, dns.Class(h.Class))
			}
			if h.Rrtype == dns.TypeOPT || h.Class != dns.ClassINET {
				continue
			}
			if h.Rdlength == 0 && hasData(Type(h.Rrtype)) {
				return Response{}, fmt.Errorf("%w: a %s record has no data", ErrMalformed, Type(h.Rrtype))
			}
			v, err := rrFromMsg(rr)
			if err != nil {
				return Response{}, fmt.Errorf("%w: %v", ErrMalformed, err)
			}
			*s.to = append(*s.to, v)
		}
	}
	return r, nil
}

// whole reports whether m has the records that the header of wire counts. The library takes a message for whole that ends
// after its header, its question or a section, whatever is counted.
func whole(m dns.Msg, wire []byte) bool {
	for i, n := range []int{len(m.Question), len(m.Answer), len(m.Ns), len(m.Extra)} {
		if n != int(binary.BigEndian.Uint16(wire[4+2*i:])) {
			return false
		}
	}
	return true
}
