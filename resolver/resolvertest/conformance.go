package resolvertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// TestResolver tells whether a Resolver keeps what package resolver promises. Each case gets an internet and a resolver of
// its own; newResolver makes one that asks that internet, as in
//
//	func(in *Internet) resolver.Resolver { return &resolver.Client{Dial: in.Dial} }
//
// All that is wrong comes back in one error, each part with the reason why it matters; nil means that nothing is. It takes
// real time for every packet that is lost, so it is best run in a bubble of testing/synctest, where it takes none.
func TestResolver(newResolver func(in *Internet) resolver.Resolver) error {
	return testResolver(newResolver, cases)
}

// TestConnected is TestResolver for one that asks over TLS or HTTPS, where no single packet is lost, cut short or forged:
// what such a resolver owes nobody is left out.
func TestConnected(newResolver func(in *Internet) resolver.Resolver) error {
	return testResolver(newResolver, slices.DeleteFunc(slices.Clone(cases), func(c conformanceCase) bool { return c.packets }))
}

func testResolver(newResolver func(in *Internet) resolver.Resolver, cases []conformanceCase) error {
	var errs []error
	for _, c := range cases {
		in, err := Parse(conformanceText)
		if err != nil {
			return err
		}
		for _, line := range c.faults {
			f, err := ParseFault(line)
			if err != nil {
				return err
			}
			in.Fault(f)
		}
		if err := c.run(subject{in, newResolver(in)}); err != nil {
			errs = append(errs, fmt.Errorf("resolvertest: %s: %w (%s)", c.name, err, c.why))
		}
	}
	return errors.Join(errs...)
}

var conformanceText = `
$ORIGIN example.com. ; on ns1.example.com. ns2.example.com.
@      TXT   "here"
_a79   CNAME _424.acm-validations.aws.
inner  CNAME www
www    A     192.0.2.80
a.ent  TXT   "below an empty non-terminal"
key    TXT   ( "` + long + `"
               "` + long + `" "` + long + `" "` + long + `" "` + long + `" "` + long + `" )
sub    NS    ns1.sub
sub    NS    ns.elsewhere.net.
ns1.sub A    198.51.100.77
`

// long is a character-string of the greatest length (RFC 1035, 3.3).
var long = strings.Repeat("0123456789abcde", 17)

type subject struct {
	in *Internet
	r  resolver.Resolver
}

// patience bounds a case: more than any honest resolver needs, and simulated anyway.
const patience = 2 * time.Minute

func (s subject) question(name string, t resolver.Type) resolver.Question {
	return resolver.Question{
		Name: resolver.MustParseName(name), Type: t,
		Server: netip.AddrPortFrom(s.in.Addrs(resolver.MustParseName("ns1.example.com."))[0], 53),
	}
}

func (s subject) ask(name string, t resolver.Type) (resolver.Response, error) {
	return s.do(s.question(name, t))
}

func (s subject) do(q resolver.Question) (resolver.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := s.r.Resolve(ctx, q)
	if err == nil && r.Question != q {
		err = fmt.Errorf("the response says it answers %s, asked was %s", r.Question, q)
	}
	return r, err
}

type conformanceCase struct {
	name   string
	why    string
	faults []string
	run    func(s subject) error

	packets bool // it is about datagrams, or about the way from UDP to TCP
}

// expect asks and compares what a test can see of the answer.
func expect(name string, t resolver.Type, rcode resolver.RCode, aa bool, answer ...string) func(subject) error {
	return func(s subject) error {
		r, err := s.ask(name, t)
		if err != nil {
			return err
		}
		return same(r, rcode, aa, answer...)
	}
}

func same(r resolver.Response, rcode resolver.RCode, aa bool, answer ...string) error {
	if r.RCode != rcode {
		return fmt.Errorf("got %s, expected %s", r.RCode, rcode)
	}
	if r.Authoritative != aa {
		return fmt.Errorf("AA is %t, expected %t", r.Authoritative, aa)
	}
	if r.Truncated {
		return errors.New("the answer is truncated")
	}
	if len(r.Answer) != len(answer) {
		return fmt.Errorf("got %d records, expected %d: %v", len(r.Answer), len(answer), r.Answer)
	}
	for i, a := range answer {
		if want := resolver.MustParseRR(a); r.Answer[i] != want {
			return fmt.Errorf("got the record %s, expected %s", r.Answer[i], want)
		}
	}
	return nil
}

// fails expects an error that is want, and that no answer comes with it.
func fails(name string, want ...error) func(subject) error {
	return func(s subject) error {
		r, err := s.ask(name, resolver.TypeCNAME)
		if err == nil {
			return fmt.Errorf("got the answer %s %v, expected an error", r.RCode, r.Answer)
		}
		for _, w := range want {
			if errors.Is(err, w) {
				return nil
			}
		}
		return fmt.Errorf("got the error %q, expected one that is %q", err, want[0])
	}
}

const (
	record  = "_a79.example.com. 300 IN CNAME _424.acm-validations.aws."
	ns1     = "ns1.example.com. "
	missing = "_missing.example.com."
)

var cases = []conformanceCase{
	{
		name: "answer", why: "this is what everything else builds on: the record, with the authority of its server",
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "no such name", why: "NXDOMAIN is an answer; as an error it could not be told from silence",
		run: func(s subject) error {
			r, err := s.ask(missing, resolver.TypeCNAME)
			if err != nil {
				return err
			}
			if ttl, ok := r.NegativeTTL(); !ok || ttl != 300*time.Second {
				return fmt.Errorf("its negative TTL is %s (%t), expected 300 s", ttl, ok)
			}
			return same(r, resolver.NXDomain, true)
		},
	},
	{
		name: "no such type", why: "the name is there and has other records: that must not read as NXDOMAIN, nor as silence",
		run: func(s subject) error {
			r, err := s.ask("example.com.", resolver.TypeCNAME)
			if err != nil {
				return err
			}
			if _, ok := r.SOA(); !ok {
				return errors.New("the SOA in the authority section is lost")
			}
			return same(r, resolver.NoError, true)
		},
	},
	{
		name: "empty non-terminal", why: "a name with nothing but names below it exists (RFC 8020)",
		run: expect("ent.example.com.", resolver.TypeCNAME, resolver.NoError, true),
	},
	{
		name: "alias", why: "a CNAME comes with what it leads to in the zone, in the server's order",
		run: expect("inner.example.com.", resolver.TypeA, resolver.NoError, true,
			"inner.example.com. 300 IN CNAME www.example.com.", "www.example.com. 300 IN A 192.0.2.80"),
	},
	{
		name: "referral", why: "a walk from the root lives on the authority and additional sections, whole",
		run: func(s subject) error {
			r, err := s.ask("x.sub.example.com.", resolver.TypeA)
			if err != nil {
				return err
			}
			ns, glue := 0, false
			for _, rr := range r.Authority {
				if rr.Type == resolver.TypeNS && rr.Name == resolver.MustParseName("sub.example.com.") {
					ns++
				}
			}
			for _, rr := range r.Additional {
				glue = glue || rr == resolver.MustParseRR("ns1.sub.example.com. 300 IN A 198.51.100.77")
			}
			if ns != 2 || !glue {
				return fmt.Errorf("got %d of 2 NS records, glue: %t", ns, glue)
			}
			return same(r, resolver.NoError, false)
		},
	},
	{
		name: "long answer", why: "what does not fit into a datagram is fetched over TCP, and nobody has to know",
		run: func(s subject) error {
			r, err := s.ask("key.example.com.", resolver.TypeTXT)
			if err != nil {
				return err
			}
			text := ""
			if len(r.Answer) == 1 {
				text = strings.Join(r.Answer[0].Strings(), "")
			}
			if text != strings.Repeat(long, 6) {
				return fmt.Errorf("got a text of %d characters, expected %d", len(text), 6*len(long))
			}
			if r.Transport == resolver.UDP || r.Truncated {
				return fmt.Errorf("transport %q, TC %t, expected tcp or better, without TC", r.Transport, r.Truncated)
			}
			return nil
		},
	},
	{
		name: "truncated always", why: "an empty answer with TC says nothing about the record", faults: []string{ns1 + "truncate"},
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "truncated without TCP", packets: true, why: "an empty truncated answer must not be taken for a missing record",
		faults: []string{ns1 + "truncate-all"},
		run:    fails("_a79.example.com.", resolver.ErrTruncated),
	},
	{
		name: "silence", why: "a server that did not answer is undetermined, not missing", faults: []string{ns1 + "drop"},
		run: fails("_a79.example.com.", resolver.ErrTimeout),
	},
	{
		name: "no server there", packets: true, why: "an address where nobody lives is silence, too",
		run: func(s subject) error {
			q := s.question("_a79.example.com.", resolver.TypeCNAME)
			q.Server = netip.MustParseAddrPort("198.51.100.254:53")
			r, err := s.do(q)
			if !errors.Is(err, resolver.ErrTimeout) {
				return fmt.Errorf("got %s, error %v, expected an error that is %q", r.RCode, err, resolver.ErrTimeout)
			}
			return nil
		},
	},
	{
		name: "one packet lost", packets: true, why: "losing one packet changes no verdict", faults: []string{ns1 + "drop times 1"},
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "one packet mangled", packets: true, why: "mangling one packet changes no verdict", faults: []string{ns1 + "mangle times 1"},
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "mangled always", why: "what cannot be understood is neither an answer nor silence: its owner must be told",
		faults: []string{ns1 + "mangle"},
		run:    fails("_a79.example.com.", resolver.ErrMalformed),
	},
	{
		name: "cut off always", why: "what is left of an answer that was cut off reads as a denial of what it said",
		faults: []string{ns1 + "cut-off"},
		run:    fails("_a79.example.com.", resolver.ErrMalformed),
	},
	{
		name: "another ID", packets: true, why: "an answer under another ID is forged or late (RFC 5452, 9): the right one still comes",
		faults: []string{ns1 + "wrong-id times 1"},
		run:    expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "another question", packets: true, why: "an answer to another question is forged or late (RFC 5452, 9): the right one still comes",
		faults: []string{ns1 + "wrong-question times 1"},
		run:    expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "another ID always", packets: true, why: "nothing but answers that are not ours is no answer", faults: []string{ns1 + "wrong-id"},
		run: fails("_a79.example.com.", resolver.ErrTimeout, resolver.ErrMalformed),
	},
	{
		name: "another question always", packets: true, why: "nothing but answers that are not ours is no answer",
		faults: []string{ns1 + "wrong-question"},
		run:    fails("_a79.example.com.", resolver.ErrTimeout, resolver.ErrMalformed),
	},
	{
		name: "SERVFAIL", why: "a server's failure is a response, whose code the report shows", faults: []string{ns1 + "servfail"},
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.ServFail, false),
	},
	{
		name: "REFUSED", why: "a server that does not hold the zone says so: the delegation is lame, not the record missing",
		faults: []string{ns1 + "refused"},
		run:    expect("_a79.example.com.", resolver.TypeCNAME, resolver.Refused, false),
	},
	{
		name: "a zone that is not held", why: "as REFUSED",
		run: expect("_a79.example.org.", resolver.TypeCNAME, resolver.Refused, false),
	},
	{
		name: "without AA", why: "an answer without authority is passed on as it is, to be judged by others",
		faults: []string{ns1 + "no-aa"},
		run:    expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, false, record),
	},
	{
		name: "FORMERR for EDNS", packets: true, why: "old servers answer without OPT only (RFC 6891, 6.2.2)", faults: []string{ns1 + "formerr-edns"},
		run: withoutEDNS(false),
	},
	{
		name: "silence for EDNS", packets: true, why: "some firewalls drop what has OPT: the server is there all the same",
		faults: []string{ns1 + "drop-edns"},
		run:    withoutEDNS(true),
	},
	{
		name: "UDP lost", packets: true, why: "a server that answers over TCP only is asked over TCP", faults: []string{ns1 + "drop over udp"},
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "TCP on demand", packets: true, why: "to compare both transports a question must go over TCP when it says so",
		run: func(s subject) error {
			q := s.question("_a79.example.com.", resolver.TypeCNAME)
			q.TCP = true
			r, err := s.do(q)
			if err != nil {
				return err
			}
			if r.Transport != resolver.TCP {
				return fmt.Errorf("the transport is %q, expected tcp", r.Transport)
			}
			return same(r, resolver.NoError, true, record)
		},
	},
	{
		name: "late answer", why: "200 ms are far away, not out of reach", faults: []string{ns1 + "delay 200ms"},
		run: expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record),
	},
	{
		name: "cancelled", why: "who gives up waiting must not wait on", faults: []string{ns1 + "delay 1h"},
		run: func(s subject) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			t := time.AfterFunc(20*time.Millisecond, cancel)
			defer t.Stop()
			start := time.Now()
			_, err := s.r.Resolve(ctx, s.question("_a79.example.com.", resolver.TypeCNAME))
			if took := time.Since(start); took > time.Second {
				return fmt.Errorf("it returned %s after it was cancelled", took)
			}
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("got the error %v, expected one that is %q", err, context.Canceled)
			}
			return nil
		},
	},
	{
		name: "cancelled before", why: "a check that is over asks nothing more",
		run: func(s subject) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if _, err := s.r.Resolve(ctx, s.question(missing, resolver.TypeCNAME)); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("got the error %v, expected one that is %q", err, context.Canceled)
			}
			return nil
		},
	},
	{
		name: "concurrent", why: "all servers of a zone are asked at once; answers must not be mixed up",
		run: func(s subject) error {
			var wg sync.WaitGroup
			errs := make([]error, 32)
			for i := range errs {
				wg.Go(func() {
					switch i % 4 {
					case 0:
						errs[i] = expect("_a79.example.com.", resolver.TypeCNAME, resolver.NoError, true, record)(s)
					case 1:
						errs[i] = expect("www.example.com.", resolver.TypeA, resolver.NoError, true, "www.example.com. 300 IN A 192.0.2.80")(s)
					case 2:
						errs[i] = expect(missing, resolver.TypeCNAME, resolver.NXDomain, true)(s)
					default:
						errs[i] = expect("_a79.example.org.", resolver.TypeCNAME, resolver.Refused, false)(s)
					}
				})
			}
			wg.Wait()
			return errors.Join(errs...)
		},
	},
	{
		name: "letter case", why: "names are compared without case (RFC 4343), whatever case they were typed in",
		run: func(s subject) error {
			q := s.question("_A79.Example.COM.", resolver.TypeCNAME)
			r, err := s.do(q)
			if err != nil {
				return err
			}
			return same(r, resolver.NoError, true, record)
		},
	},
	{
		name: "nothing listens", packets: true, why: "a refused connection is no answer, and it says more than silence",
		faults: []string{ns1 + "closed"},
		run:    fails("_a79.example.com.", resolver.ErrRefusedConnection, resolver.ErrTimeout),
	},
}

func withoutEDNS(silent bool) func(subject) error {
	return func(s subject) error {
		r, err := s.ask("_a79.example.com.", resolver.TypeCNAME)
		switch {
		case err != nil:
			return err
		case r.EDNS:
			return errors.New("the answer has OPT, which the server never sent")
		case r.PlainOnly != silent:
			return fmt.Errorf("PlainOnly is %t, and the server was silent to EDNS: %t", r.PlainOnly, silent)
		}
		return same(r, resolver.NoError, true, record)
	}
}
