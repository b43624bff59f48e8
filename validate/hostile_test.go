package validate_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// ask is how a hostile internet answers.
type ask func(ctx context.Context, q resolver.Question) (resolver.Response, error)

// hostileRecord is the record that the hostile internets are asked for.
func hostileRecord(t testing.TB) validate.Record {
	t.Helper()
	r, _, err := validate.ParseRecord("example.com", "_a79.example.com.", "_424.xyz.acm-validations.aws.")
	require.NoError(t, err)
	return r
}

func hostileRoots() []resolver.NameServer {
	return []resolver.NameServer{
		{Name: resolver.MustParseName("a.root-servers.test."), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.101")}, Glue: true},
		{Name: resolver.MustParseName("b.root-servers.test."), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.102")}, Glue: true},
	}
}

// hostileLimit is the work that a check of a hostile internet may take of a real processor, generously.
const hostileLimit = 20 * time.Second

// survive checks against a hostile internet, in simulated time, and sees to what must hold whatever it answers.
func survive(t *testing.T, answer ask) (rep validate.Report) {
	t.Helper()
	began := time.Now()
	synctest.Test(t, func(t *testing.T) { // ends only when no goroutine is left
		c := validate.Checker{Resolver: resolver.Func(answer), Roots: hostileRoots(), Now: func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }}
		start := time.Now()
		var err error
		rep, err = c.Check(t.Context(), hostileRecord(t))
		require.NoError(t, err, "what servers do is in the report, never in the error")
		assert.LessOrEqual(t, time.Since(start), validate.DefaultTimeout+time.Second, "time")
	})
	assert.Less(t, time.Since(began), hostileLimit, "work")
	assert.LessOrEqual(t, rep.Queries, validate.DefaultMaxQuestions, "questions")
	grounded(t, rep)
	harmless(t, rep)
	return rep
}

// grounded is the law of certainty: invalid exactly when an error is certain, valid without any.
func grounded(t *testing.T, rep validate.Report) {
	t.Helper()
	errorsFound, certain := 0, 0
	for _, f := range rep.Findings {
		if f.Severity == validate.Error {
			errorsFound++
			if f.Confidence == validate.Certain {
				certain++
			}
		}
	}
	if rep.Verdict == validate.Valid {
		assert.Zero(t, errorsFound, "valid, with an error:\n%s", show(rep))
	}
	assert.Equal(t, rep.Verdict == validate.Invalid, certain > 0, "invalid exactly when an error is certain:\n%s", show(rep))
	if rep.Verdict != validate.Valid {
		assert.NotEmpty(t, rep.Findings, "it is %s, and nothing says why", rep.Verdict)
	}
}

// harmless sees to it that nothing from the DNS can steer a terminal, and that the report stays readable.
func harmless(t *testing.T, rep validate.Report) {
	t.Helper()
	const most = 256 << 10
	for _, o := range []validate.Text{{}, {Nslookup: true}} {
		var b strings.Builder
		require.NoError(t, rep.WriteText(&b, o))
		for _, r := range b.String() {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar) {
				t.Fatalf("the text holds %U:\n%q", r, b.String())
			}
		}
		assert.LessOrEqual(t, b.Len(), most, "the text's length")
	}
	js, err := json.Marshal(rep)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(js), most, "the length as JSON")
	var back any
	require.NoError(t, json.Unmarshal(js, &back))
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case string: // a consumer may print it as it is
			for _, r := range v {
				if r != '\n' && unicode.IsControl(r) {
					t.Fatalf("a string of the JSON holds %U: %q", r, v)
				}
			}
		}
	}
	walk(back)
}

func TestNothingAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer ask
		why    string // in the first finding
	}{
		{"no route", func(context.Context, resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, resolver.ErrUnroutable
		}, "no way to the name servers"},
		{"time-outs at once", func(context.Context, resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, resolver.ErrTimeout
		}, resolver.ErrTimeout.Error()},
		{"time-outs as a client has them", func(ctx context.Context, _ resolver.Question) (resolver.Response, error) {
			select {
			case <-time.After(9 * time.Second):
				return resolver.Response{}, resolver.ErrTimeout
			case <-ctx.Done():
				return resolver.Response{}, ctx.Err()
			}
		}, resolver.ErrTimeout.Error()},
		{"silence for ever", func(ctx context.Context, _ resolver.Question) (resolver.Response, error) {
			<-ctx.Done()
			return resolver.Response{}, ctx.Err()
		}, "no answer"},
		{"connections refused", func(context.Context, resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, resolver.ErrRefusedConnection
		}, resolver.ErrRefusedConnection.Error()},
		{"truncated, and no TCP", func(context.Context, resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, resolver.ErrTruncated
		}, resolver.ErrTruncated.Error()},
		{"garbage", func(context.Context, resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, resolver.ErrMalformed
		}, resolver.ErrMalformed.Error()},
		{"an error nobody knows", func(context.Context, resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, errors.New("\x1b[31mthe cat is on the keyboard\x07")
		}, "no answer"},
		{"SERVFAIL", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, RCode: resolver.ServFail}, nil
		}, "root servers"},
		{"REFUSED", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, RCode: resolver.Refused}, nil
		}, "root servers"},
		{"a resolver in everybody's place", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, RecursionAvailable: true, Answer: rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")}, nil
		}, "root servers"},
		{"a resolver in everybody's place that denies", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, RCode: resolver.NXDomain, RecursionAvailable: true}, nil
		}, "root servers"},
		{"a network's own copy of the zone, with authority", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")}, nil
		}, "root servers"},
		{"a network's own copy of the zone that denies", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{
				Question: q, Authoritative: true, RCode: resolver.NXDomain, Authority: rrs("example.com. 300 SOA ns.corp.example. h.corp.example. 1 2 3 4 5"),
			}, nil
		}, "root servers"},
		{"records of other names", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs("www.example.org. 300 CNAME _424.xyz.acm-validations.aws.")}, nil
		}, "root servers"},
		{"referrals to the root", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, Authority: rrs(". 300 NS a.root-servers.test."), Additional: rrs("a.root-servers.test. 300 A 192.0.2.101")}, nil
		}, "root servers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := survive(t, c.answer)
			assert.Equal(t, validate.Undetermined, rep.Verdict, "%s", show(rep))
			require.NotEmpty(t, rep.Findings)
			assert.Contains(t, rep.Findings[0].Message, c.why)
			assert.LessOrEqual(t, rep.Queries, 10, "there is nobody to ask further")
		})
	}
}

func rrs(lines ...string) []resolver.RR {
	var out []resolver.RR
	for _, l := range lines {
		out = append(out, resolver.MustParseRR(l))
	}
	return out
}

// refer is a referral to one server at an address.
func refer(q resolver.Question, zone, server, addr string) resolver.Response {
	r := resolver.Response{Question: q, Authority: rrs(zone + " 300 NS " + server)}
	if addr != "" {
		r.Additional = rrs(server + " 300 A " + addr)
	}
	return r
}

const zoneServer = "192.0.2.3"

// below answers as root and TLD do, and leaves the zone's server to f.
func below(f ask) ask {
	return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
		switch q.Server.Addr().String() {
		case "192.0.2.101", "192.0.2.102":
			return refer(q, q.Name.Ancestor(1).String(), "ns.nic."+q.Name.Ancestor(1).String(), "192.0.2.2"), nil
		case "192.0.2.2":
			if q.Name.NumLabels() == 1 {
				return resolver.Response{Question: q, Authoritative: true, Authority: rrs(q.Name.String() + " 300 SOA a. b. 1 2 3 4 5")}, nil
			}
			zone := q.Name.Ancestor(2).String()
			return refer(q, zone, "ns."+zone, zoneServer), nil
		}
		return f(ctx, q)
	}
}

// Every server is asked for CAA: thirteen that say each what they like.
func TestHostileCAA(t *testing.T) {
	const servers = 13
	zone := func(caa func(q resolver.Question, server int) []resolver.RR) ask {
		return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
			server := int(q.Server.Addr().As4()[3]) - 20
			switch {
			case q.Server.Addr().String() == "192.0.2.2" && q.Name.NumLabels() > 1:
				r := resolver.Response{Question: q}
				for i := range servers {
					n := fmt.Sprintf("ns%d.example.com.", i)
					r.Authority = append(r.Authority, rrs("example.com. 300 NS "+n)...)
					r.Additional = append(r.Additional, rrs(fmt.Sprintf("%s 300 A 192.0.2.%d", n, 20+i))...)
				}
				return r, nil
			case server < 0 || server >= servers:
				return below(nil)(ctx, q)
			case q.Type == resolver.TypeCAA:
				return resolver.Response{Question: q, Authoritative: true, Answer: caa(q, server)}, nil
			case q.Type == resolver.TypeNS:
				r := resolver.Response{Question: q, Authoritative: true}
				for i := range servers {
					r.Answer = append(r.Answer, rrs(fmt.Sprintf("example.com. 300 NS ns%d.example.com.", i))...)
				}
				return r, nil
			case q.Name.FirstLabel() == "_a79":
				return resolver.Response{Question: q, Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")}, nil
			}
			return resolver.Response{Question: q, Authoritative: true, RCode: resolver.NXDomain, Authority: rrs("example.com. 300 SOA a. b. 1 2 3 4 5")}, nil
		}
	}
	t.Run("a set of its own", func(t *testing.T) {
		rep := survive(t, zone(func(q resolver.Question, server int) (out []resolver.RR) {
			for i := range 1000 {
				out = append(out, rrs(fmt.Sprintf("%s 300 CAA 0 issue \"ca%d.n%d.example\"", q.Name, i, server))...)
			}
			return out
		}))
		assert.Equal(t, validate.Invalid, rep.Verdict, "%s", show(rep))
	})
	t.Run("an alias of its own, and of each again", func(t *testing.T) {
		rep := survive(t, zone(func(q resolver.Question, server int) []resolver.RR {
			h := fnv.New32a()
			fmt.Fprint(h, q.Name, server)
			return rrs(fmt.Sprintf("%s 300 CNAME n%d.example.com.", q.Name, h.Sum32()%12))
		}))
		assert.Equal(t, validate.Undetermined, rep.Verdict, "%s", show(rep))
	})
}

func TestHostileZone(t *testing.T) {
	nsOf := func(q resolver.Question) string { return q.Name.Ancestor(min(2, q.Name.NumLabels())).String() }
	soa := func(q resolver.Question) []resolver.RR { return rrs(nsOf(q) + " 300 SOA a. b. 1 2 3 4 5") }
	for _, c := range []struct {
		name   string
		answer ask
		want   validate.Verdict
		most   int // questions
	}{
		{"an endless chain of aliases", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs(q.Name.String() + fmt.Sprintf(" 300 CNAME n%d.example.com.", len(q.Name.String())*31+int(q.Name.String()[1])))}, nil
		}, validate.Invalid, 40},
		{"an endless chain of aliases through zones", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			h := fnv.New32a()
			fmt.Fprint(h, q.Name)
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs(fmt.Sprintf("%s 300 CNAME n.z%d.net.", q.Name, h.Sum32()))}, nil
		}, validate.Invalid, 60}, // from the record's name, and from the domain for CAA
		{"an alias to itself", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME " + q.Name.String())}, nil
		}, validate.Invalid, 40},
		{"two zones that refer to each other", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return refer(q, "example.net.", "ns.example.net.", zoneServer), nil
		}, validate.Invalid, 20}, // every server refers elsewhere: it does not serve the zone, for a CA as for us
		{"a referral one label deeper, each time", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return refer(q, q.Name.String(), "ns."+q.Name.String(), "192.0.2.9"), nil
		}, validate.Invalid, 40},
		{"as many CNAMEs as a message holds", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			var lines []string
			for i := range 4000 {
				lines = append(lines, fmt.Sprintf("%s 300 CNAME n%d.example.net.", q.Name, i))
			}
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs(lines...)}, nil
		}, validate.Invalid, 40},
		{"SERVFAIL to all", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, RCode: resolver.ServFail}, nil
		}, validate.Undetermined, 20},
		{"SERVFAIL to everything but the record", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			if q.Name.FirstLabel() == "_a79" && q.Type == resolver.TypeCNAME {
				return resolver.Response{Question: q, Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")}, nil
			}
			return resolver.Response{Question: q, RCode: resolver.ServFail}, nil
		}, validate.Undetermined, 20}, // to CAA, too
		{"denies the record and is silent about all else", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			if q.Name.FirstLabel() == "_a79" && q.Type == resolver.TypeCNAME {
				return resolver.Response{Question: q, Authoritative: true, RCode: resolver.NXDomain, Authority: soa(q)}, nil
			}
			return resolver.Response{}, resolver.ErrTimeout
		}, validate.Invalid, 60},
		{"NS of a thousand names, without address", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			r := resolver.Response{Question: q, Authoritative: true}
			switch {
			case q.Name.FirstLabel() == "_a79" && q.Type == resolver.TypeCNAME:
				r.Answer = rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")
			case q.Type == resolver.TypeNS:
				var lines []string
				for i := range 1000 {
					lines = append(lines, fmt.Sprintf("%s 300 NS ns.victim%d.org.", q.Name, i))
				}
				r.Answer = rrs(lines...)
			default:
				r.RCode = resolver.NXDomain
			}
			return r, nil
		}, validate.Valid, 200},
		{"every server another value", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{Question: q, Authoritative: true, Answer: rrs(fmt.Sprintf("%s 300 CNAME _%x.xyz.acm-validations.aws.", q.Name, q.Server.Addr().As4()))}, nil
		}, validate.Invalid, 40},
		{"name servers at private addresses", func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			return resolver.Response{}, fmt.Errorf("ask %s: %w", q, resolver.ErrPrivateAddress)
		}, validate.Undetermined, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := survive(t, below(c.answer))
			assert.Equal(t, c.want, rep.Verdict, "%s", show(rep))
			assert.LessOrEqual(t, rep.Queries, c.most, "questions")
		})
	}
}

// A zone's own servers may say what they like about its records, and none of it reaches a terminal.
func TestHostileText(t *testing.T) {
	esc := resolver.MustParseName(`\027[31mred\007\000\155.evil\013\010.example.net.`)
	big := make([]string, 0, 240)
	for range 240 { // 60 kB
		big = append(big, `"`+strings.Repeat(`\027[2J`, 50)+`"`)
	}
	for _, c := range []struct {
		name string
		say  func(q resolver.Question) resolver.Response
	}{
		{"CNAME", func(q resolver.Question) resolver.Response {
			return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME " + esc.String())}
		}},
		{"two CNAMEs", func(q resolver.Question) resolver.Response {
			return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String()+" 300 CNAME "+esc.String(), q.Name.String()+" 300 CNAME x.example.")}
		}},
		{"TXT beside the CNAME", func(q resolver.Question) resolver.Response {
			if q.Type == resolver.TypeTXT {
				return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + ` 300 TXT "` + `\027]0;title\007\226\128\174 \155` + `"`)}
			}
			return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")}
		}},
		{"60 kB of TXT beside the CNAME", func(q resolver.Question) resolver.Response {
			if q.Type == resolver.TypeTXT {
				return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 TXT " + strings.Join(big, " "))}
			}
			return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME _424.xyz.acm-validations.aws.")}
		}},
		{"60 kB of TXT in place of the CNAME", func(q resolver.Question) resolver.Response {
			if q.Type == resolver.TypeTXT && q.Name.FirstLabel() == "_a79" {
				return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String()+" 300 TXT "+strings.Join(big, " "), q.Name.String()+" 300 TXT _424.xyz.acm-validations.aws")}
			}
			return resolver.Response{Authoritative: true}
		}},
		{"SOA", func(q resolver.Question) resolver.Response {
			return resolver.Response{Authoritative: true, RCode: resolver.NXDomain, Authority: rrs(esc.String() + " 300 SOA " + esc.String() + " " + esc.String() + " 1 2 3 4 5")}
		}},
		{"a zone inside that does not exist", func(q resolver.Question) resolver.Response {
			return resolver.Response{Authoritative: true, RCode: resolver.NXDomain, Authority: rrs(q.Name.String() + " 300 SOA " + esc.String() + " " + esc.String() + " 1 2 3 4 5")}
		}},
		{"NS", func(q resolver.Question) resolver.Response {
			if q.Type == resolver.TypeNS {
				return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 NS " + esc.String())}
			}
			return resolver.Response{Authoritative: true, RCode: resolver.NXDomain}
		}},
		{"a referral sideways", func(resolver.Question) resolver.Response {
			return resolver.Response{Authority: rrs(esc.String() + " 300 NS " + esc.String())}
		}},
		{"extended errors", func(resolver.Question) resolver.Response {
			return resolver.Response{RCode: resolver.ServFail, ExtendedErrors: []resolver.ExtendedError{{Code: 22, Text: "\x1b[31m\u202e\x07\x9b\xff\xfe" + strings.Repeat("A", 60000)}}}
		}},
		{"MX", func(q resolver.Question) resolver.Response {
			if q.Type == resolver.TypeMX {
				return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 MX 10 " + esc.String())}
			}
			if q.Type == resolver.TypeCNAME && q.Name.FirstLabel() == "_a79" {
				return resolver.Response{Authoritative: true, Answer: rrs(q.Name.String() + " 300 CNAME " + esc.String())}
			}
			return resolver.Response{Authoritative: true}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			survive(t, below(func(_ context.Context, q resolver.Question) (resolver.Response, error) {
				r := c.say(q)
				r.Question = q
				return r, nil
			}))
		})
	}
}

// madness answers from a seed: any code, any flag, any records, silence; the same to the same question, or else nothing
// could be said about order.
func madness(seed uint64) ask {
	owners := []string{"_a79.example.com.", "example.com.", "com.", ".", "ns.example.com.", "_a79.example.com.example.com.", "x.example.net.", "net.", "ns.x.example.net.", "ns.com.", "*.example.com."}
	data := []string{
		"CNAME _424.xyz.acm-validations.aws.", "CNAME 424.xyz.acm-validations.aws.", "CNAME x.example.net.", "CNAME _a79.example.com.", "CNAME _42.xyz.acm-validations.aws.",
		"CNAME _424.xyz.acm-validations.aws.example.com.", "A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.3", "A 192.0.2.4", "AAAA 2001:db8::1", "NS ns.example.com.", "NS ns.com.",
		"NS ns.x.example.net.", "NS _a79.example.com.", `TXT "_424.xyz.acm-validations.aws"`, "TXT x", "MX 10 x.example.net.", "SOA ns.example.com. h.example.com. 1 2 3 4 5", "DNAME example.net.",
	}
	return func(_ context.Context, q resolver.Question) (resolver.Response, error) {
		h := fnv.New64a()
		fmt.Fprint(h, q)
		w := rand.New(rand.NewPCG(seed, h.Sum64()))
		if w.IntN(12) == 0 {
			return resolver.Response{}, []error{resolver.ErrTimeout, resolver.ErrMalformed, resolver.ErrUnroutable, resolver.ErrTruncated}[w.IntN(4)]
		}
		r := resolver.Response{Question: q, Authoritative: w.IntN(3) > 0, RCode: []resolver.RCode{0, 0, 0, 0, 0, 3, 3, 2, 5, 9, 1}[w.IntN(11)]}
		for _, section := range []*[]resolver.RR{&r.Answer, &r.Authority, &r.Additional} {
			for range w.IntN(4) {
				owner := owners[w.IntN(len(owners))]
				if w.IntN(2) == 0 {
					owner = q.Name.String()
				}
				*section = append(*section, rrs(owner+" 300 "+data[w.IntN(len(data))])...)
			}
		}
		// Sense now and then, or no walk would get anywhere.
		if labels := map[string]int{"192.0.2.101": 1, "192.0.2.102": 1, "192.0.2.1": 2}[q.Server.Addr().String()]; labels > 0 && w.IntN(4) > 0 && q.Name.NumLabels() > labels {
			r = refer(q, q.Name.Ancestor(labels).String(), fmt.Sprintf("ns%d.%s", w.IntN(2), q.Name.Ancestor(labels)), fmt.Sprintf("192.0.2.%d", labels+w.IntN(3)))
		}
		return r, nil
	}
}

var (
	randomSeed   = flag.Uint64("random.seed", 1, "the first seed of the mad worlds; a failure names the one to give with -random.worlds 1")
	randomWorlds = flag.Int("random.worlds", 0, "how many mad worlds; 0: 3000, 500 with -short")
)

func TestMadness(t *testing.T) {
	verdicts := map[validate.Verdict]int{}
	n := *randomWorlds
	switch {
	case n == 0 && testing.Short():
		n = 500
	case n == 0:
		n = 3000
	}
	for seed := *randomSeed; seed < *randomSeed+uint64(n); seed++ {
		answer := madness(seed)
		first := survive(t, answer)
		verdicts[first.Verdict]++
		later := survive(t, func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
			h := fnv.New64a()
			fmt.Fprint(h, q, seed)
			time.Sleep(time.Duration(h.Sum64()%300) * time.Millisecond)
			return answer(ctx, q)
		})
		if first.Queries < validate.DefaultMaxQuestions {
			first.Stats, later.Stats = validate.Stats{}, validate.Stats{}
			a, err := json.Marshal(first)
			require.NoError(t, err)
			b, err := json.Marshal(later)
			require.NoError(t, err)
			require.Equal(t, string(a), string(b), "-random.seed %d: order and speed of the answers changed the report", seed)
		}
		if t.Failed() {
			t.Fatalf("-random.seed %d -random.worlds 1", seed)
		}
	}
	for _, v := range []validate.Verdict{validate.Valid, validate.Invalid, validate.Undetermined} {
		assert.True(t, verdicts[v] > 0 || n < 500, "no madness was %s: %v", v, verdicts)
	}
}

// The faults of the fake internet, at every server at once and at each level.
func TestHostileServers(t *testing.T) {
	const zones = "$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws."
	levels := map[string][]string{
		"root": {"a.root-servers.test.", "b.root-servers.test."}, "TLD": {"ns1.nic.com.", "ns2.nic.com."}, "zone": {"ns1.example.com.", "ns2.example.com."},
	}
	for _, action := range []string{
		"drop", "closed", "mangle", "cut-off", "wrong-id", "wrong-question", "truncate-all", "servfail", "refused", "notauth", "rcode formerr", "rcode notimp", "no-aa", "upward", "loop",
		"huge-referral 1000", "delay 8s", "lie other.example.com. CNAME x.example.net. name _a79.example.com.",
	} {
		for level, servers := range levels {
			t.Run(level+" "+strings.Fields(action)[0], func(t *testing.T) {
				began := time.Now()
				synctest.Test(t, func(t *testing.T) {
					in, err := resolvertest.Parse(zones)
					require.NoError(t, err)
					for _, s := range servers {
						in.Fault(resolvertest.MustParseFault(s + " " + action))
					}
					roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
					require.NoError(t, err)
					c := validate.Checker{Resolver: &resolver.Client{Dial: in.Dial, AllowPrivate: true}, Roots: roots}
					start := time.Now()
					rep, err := c.Check(t.Context(), hostileRecord(t))
					require.NoError(t, err)
					assert.LessOrEqual(t, time.Since(start), validate.DefaultTimeout+time.Second)
					assert.LessOrEqual(t, rep.Queries, validate.DefaultMaxQuestions)
					grounded(t, rep)
					harmless(t, rep)
					config := []string{"refused", "notauth", "no-aa", "upward", "loop"} // settings, the same for a CA
					switch {
					case action == "no-aa" && level != "zone":
						assert.Equal(t, validate.Valid, rep.Verdict, "a referral has no AA:\n%s", show(rep))
					case level == "zone" && slices.Contains(config, action):
						assert.Equal(t, validate.Invalid, rep.Verdict, "%s", show(rep))
					default:
						assert.Equal(t, validate.Undetermined, rep.Verdict, "%s", show(rep))
					}
				})
				assert.Less(t, time.Since(began), hostileLimit)
			})
		}
	}
}
