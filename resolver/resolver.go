// Package resolver asks the DNS: names, questions, answers, transports, the walk from the root, memory of answers and
// recorded exchanges.
//
// Everything is a [Resolver], one method, so that a fake is five lines and a wrapper ten: [Client] asks over real sockets,
// [Memo] asks each question once, [Transcript] records what was said and says it again. [Walker] follows delegations from
// the root to the zone that really holds a name, which is what a public CA does with an empty cache.
//
//	var c resolver.Client // the zero value works
//	r, err := c.Resolve(ctx, resolver.Question{
//		Name: resolver.MustParseName("example.com."), Type: resolver.TypeNS, Server: netip.MustParseAddrPort("192.0.2.53:53"),
//	})
//
// A [Recursor] is a recursive resolver, over plain DNS, TLS or HTTPS; a question that names one goes there.
//
// A server that did not answer is an error, never an empty answer. Nothing here prints, exits, or leaves a goroutine
// behind a call.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Question is what is asked of whom. It is comparable, and two equal questions are the same question: within one check it
// is asked once.
type Question struct {
	Name Name
	Type Type
	// Server is the name server to ask. The zero value asks for a recursive resolver's answer.
	Server netip.AddrPort
	// Recursor is the recursive resolver to ask, where Server is zero. The zero value leaves it to the Resolver which one.
	Recursor Recursor
	// Recursive sets RD. Questions to authoritative servers leave it off. It is implied where Server is zero.
	Recursive bool
	// DNSSEC sets DO: signatures and denials are wanted (RFC 3225).
	DNSSEC bool
	// CheckingDisabled sets CD: a validating resolver shall answer even what it holds for bogus (RFC 4035, 3.2.2).
	CheckingDisabled bool
	// TCP asks over TCP from the start, to see whether a second transport tells the same.
	TCP bool
}

// String gives server, name and type, and what else was asked for.
func (q Question) String() string {
	s := q.Name.String() + " " + q.Type.String()
	switch {
	case q.Server.IsValid():
		s = q.Server.String() + " " + s
	case !q.Recursor.IsZero():
		s = q.Recursor.String() + " " + s
	}
	for _, f := range []struct {
		on   bool
		text string
	}{{q.Recursive, "rd"}, {q.DNSSEC, "do"}, {q.CheckingDisabled, "cd"}, {q.TCP, "tcp"}} {
		if f.on {
			s += " " + f.text
		}
	}
	return s
}

// Compare orders questions by server, recursor, name, type and flags, so that what timing shuffled can be put in one order.
func (q Question) Compare(p Question) int {
	if c := q.Server.Compare(p.Server); c != 0 {
		return c
	}
	if q.Recursor != p.Recursor {
		return strings.Compare(q.Recursor.String(), p.Recursor.String())
	}
	if c := q.Name.Compare(p.Name); c != 0 {
		return c
	}
	if q.Type != p.Type {
		return int(q.Type) - int(p.Type)
	}
	return q.flags() - p.flags()
}

func (q Question) flags() (f int) {
	for i, on := range []bool{q.Recursive, q.DNSSEC, q.CheckingDisabled, q.TCP} {
		if on {
			f |= 1 << i
		}
	}
	return f
}

// RCode is a response code (RFC 1035, 4.1.1; RFC 6895, 2.3), extended by EDNS.
type RCode uint16

// The response codes that decide something here.
const (
	NoError  RCode = 0
	FormErr  RCode = 1
	ServFail RCode = 2
	NXDomain RCode = 3
	NotImp   RCode = 4
	Refused  RCode = 5
	NotAuth  RCode = 9
	BadVers  RCode = 16
)

// String gives the mnemonic, or RCODEnnn.
func (c RCode) String() string {
	if s, ok := dns.RcodeToString[int(c)]; ok && c != BadVers {
		return s
	}
	if c == BadVers {
		return "BADVERS"
	}
	return "RCODE" + strconv.Itoa(int(c))
}

// Transport says how an answer came.
type Transport string

// The transports that answers come by.
const (
	UDP   Transport = "udp"
	TCP   Transport = "tcp"
	TLS   Transport = "tls"   // RFC 7858
	HTTPS Transport = "https" // RFC 8484
)

// ExtendedError is an extended DNS error (RFC 8914).
type ExtendedError struct {
	Code uint16
	Text string // EXTRA-TEXT, as the server sent it: escape it before it is shown
}

// Response is what came back, whole. It is a value: nothing in it is shared with whoever made it.
type Response struct {
	Question           Question // the question this answers
	RCode              RCode
	Authoritative      bool // AA
	Truncated          bool // TC; a Client never hands out such an answer, it asks again over TCP
	RecursionAvailable bool // RA
	AuthenticData      bool // AD
	Answer             []RR
	Authority          []RR
	Additional         []RR
	EDNS               bool // the answer had an OPT record
	PlainOnly          bool // it came to a question without EDNS, after those with EDNS had met silence
	ExtendedErrors     []ExtendedError
	Transport          Transport     // how this answer came
	RTT                time.Duration // from the last try's question to its answer; not part of what was said
	Tries              int           // questions sent for this answer, all transports; not part of what was said
}

// RRs gives the records of owner and type in the answer section, in canonical order, without duplicates.
func (r Response) RRs(owner Name, t Type) []RR { return pick(r.Answer, owner, t) }

// SOA gives the start of authority that a negative answer carries (RFC 2308, 2), the first in the authority section.
func (r Response) SOA() (RR, bool) {
	for _, rr := range r.Authority {
		if rr.Type == TypeSOA {
			return rr, true
		}
	}
	return RR{}, false
}

// NegativeTTL is how long a resolver may remember that the name or type is not there: the smaller of the SOA's own TTL and
// its MINIMUM (RFC 2308, 5). It is false where the answer carries no SOA.
func (r Response) NegativeTTL() (time.Duration, bool) {
	rr, ok := r.SOA()
	if !ok {
		return 0, false
	}
	soa, ok := rr.SOA()
	if !ok {
		return 0, false
	}
	return time.Duration(min(rr.TTL, soa.Minimum)) * time.Second, true
}

// pick filters, sorts by RDATA and drops duplicates that differ in TTL only (the smaller is kept).
func pick(rrs []RR, owner Name, t Type) []RR {
	var out []RR
	for _, rr := range rrs {
		if rr.Name == owner && rr.Type == t {
			out = append(out, rr)
		}
	}
	slices.SortFunc(out, func(a, b RR) int {
		if a.RDATA != b.RDATA {
			if a.RDATA < b.RDATA {
				return -1
			}
			return 1
		}
		return int(a.TTL) - int(b.TTL)
	})
	return slices.CompactFunc(out, func(a, b RR) bool { return a.RDATA == b.RDATA })
}

// Resolver answers questions. An error means that no usable answer came; it then wraps one of the Err values of this
// package or the context's error. Implementations are safe for concurrent use and return soon after ctx is done.
type Resolver interface {
	Resolve(ctx context.Context, q Question) (Response, error)
}

// Func makes a Resolver of a function.
type Func func(ctx context.Context, q Question) (Response, error)

// Resolve calls f.
func (f Func) Resolve(ctx context.Context, q Question) (Response, error) { return f(ctx, q) }

// Why no answer came. Every error of a Resolver in this package wraps one of these or the context's error.
var (
	// ErrTimeout: the server stayed silent, over UDP with and without EDNS and over TCP.
	ErrTimeout = errors.New("no answer in time")
	// ErrRefusedConnection: the host is there and nothing listens (ICMP port unreachable, TCP reset).
	ErrRefusedConnection = errors.New("the host refused the connection")
	// ErrUnroutable: this machine has no route to the address (no IPv6, no network). It says nothing about the server.
	ErrUnroutable = errors.New("this machine has no route to the address")
	// ErrPrivateAddress: the address is one that no public CA can reach, and asking there was not allowed.
	ErrPrivateAddress = errors.New("the address is not a public one")
	// ErrTruncated: the answer did not fit into a datagram and could not be had over TCP.
	ErrTruncated = errors.New("the answer is truncated and TCP does not work")
	// ErrMalformed: what came back is not a DNS message, or not an answer to the question.
	ErrMalformed = errors.New("the answer cannot be understood")
	// ErrNotRecorded: a replayed transcript does not hold the question.
	ErrNotRecorded = errors.New("the transcript does not hold this question")
	// ErrBudget: the check has asked as much as it may.
	ErrBudget = errors.New("the budget of questions is used up")
	// ErrNoServer: the question names no server and the Resolver has no recursive one.
	ErrNoServer = errors.New("no recursive resolver is set")
	// ErrCertificate: a recursive resolver's certificate is not to be trusted; the text says why.
	ErrCertificate = errors.New("its certificate cannot be trusted")
)

// askError wraps err once with what was being asked.
func askError(q Question, err error) error {
	switch {
	case q.Server.IsValid():
	case !q.Recursor.IsZero():
		return fmt.Errorf("resolver: ask %s for %s %s: %w", q.Recursor, q.Name, q.Type, err)
	default:
		return fmt.Errorf("resolver: ask for %s %s: %w", q.Name, q.Type, err)
	}
	return fmt.Errorf("resolver: ask %s for %s %s: %w", q.Server, q.Name, q.Type, err)
}
