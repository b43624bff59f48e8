package resolvertest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

const (
	faultZone  = "$ORIGIN example.com.\n_a CNAME b.acm-validations.aws.\n_a TXT x\n"
	recordText = "_a.example.com. 300 CNAME b.acm-validations.aws."
)

// Each fault as Resolve reports it in the end, and as the first packet shows it.
func TestFaults(t *testing.T) {
	healthy := "NOERROR aa\n" + recordText
	for _, c := range []struct {
		fault string
		ask   string // of ns1
		want  string // text, or that of an error
		err   error
	}{
		{"drop", "_a CNAME", "", resolver.ErrTimeout},
		{"drop over udp", "_a CNAME", healthy, nil},
		{"drop over tcp", "_a CNAME tcp", "", resolver.ErrTimeout},
		{"drop times 1", "_a CNAME", healthy, nil},
		{"drop times 3", "_a CNAME", healthy, nil},
		{"drop times 4", "_a CNAME", "", resolver.ErrTimeout},
		{"drop for TXT", "_a CNAME", healthy, nil},
		{"drop for CNAME", "_a CNAME", "", resolver.ErrTimeout},
		{"drop name _b.example.com.", "_a CNAME", healthy, nil},
		{"drop name _a.example.com.", "_a CNAME", "", resolver.ErrTimeout},
		{"delay 50ms", "_a CNAME", healthy, nil},
		{"servfail", "_a CNAME", "SERVFAIL", nil},
		{"refused", "_a CNAME", "REFUSED", nil},
		{"notauth", "_a CNAME", "NOTAUTH", nil},
		{"rcode nxdomain", "_a CNAME", "NXDOMAIN", nil},
		{"rcode NOERROR", "_a CNAME", "NOERROR", nil},
		{"formerr-edns", "_a CNAME", healthy, nil},
		{"drop-edns", "_a CNAME", healthy, nil},
		{"no-aa", "_a CNAME", "NOERROR\n" + recordText, nil},
		{
			"upward", "_a CNAME",
			"NOERROR\nauthority . 518400 NS a.root-servers.test.\nauthority . 518400 NS b.root-servers.test.", nil,
		},
		{
			"loop", "_a CNAME",
			"NOERROR\nauthority example.com. 300 NS ns1.example.com.\nauthority example.com. 300 NS ns2.example.com.", nil,
		},
		{
			"huge-referral 2", "x._a CNAME",
			"NOERROR\nauthority _a.example.com. 300 NS ns.nowhere-0.com.\nauthority _a.example.com. 300 NS ns.nowhere-1.com.", nil,
		},
		{"truncate", "_a CNAME", healthy, nil},
		{"truncate-all", "_a CNAME", "", resolver.ErrTruncated},
		{"mangle", "_a CNAME", "", resolver.ErrMalformed},
		{"mangle times 1", "_a CNAME", healthy, nil},
		{"cut-off", "_a CNAME", "", resolver.ErrMalformed},
		{"cut-off", "_b CNAME", "", resolver.ErrMalformed},
		{"cut-off times 1", "_a CNAME", healthy, nil},
		{"wrong-id", "_a CNAME", "", resolver.ErrTimeout},
		{"wrong-id times 1", "_a CNAME", healthy, nil},
		{"wrong-question", "_a CNAME", "", resolver.ErrMalformed},
		{"wrong-question times 1", "_a CNAME", healthy, nil},
		{"lie _a.example.com. CNAME other.", "_a CNAME", "NOERROR aa\n_a.example.com. 300 CNAME other.", nil},
		{"lie _a.example.com. CNAME other.", "_b CNAME", "NXDOMAIN aa\nauthority example.com. 300 SOA " + soa, nil},
		{`lie _a.example.com. TXT "two words" for TXT`, "_a CNAME", healthy, nil},
		{`lie _a.example.com. TXT "two words" for TXT`, "_a TXT", "NOERROR aa\n_a.example.com. 300 TXT \"two words\"", nil},
		{"lie x.example.org. A 192.0.2.99 name _a.example.com.", "_a A", "NOERROR aa\nx.example.org. 300 A 192.0.2.99", nil},
		{"cname-first", "_a TXT", healthy, nil},
		{"closed", "_a CNAME", "", resolver.ErrRefusedConnection},
	} {
		for _, who := range []string{"ns1.example.com.", "192.0.2.1"} {
			t.Run(who+" "+c.fault+": "+c.ask, func(t *testing.T) {
				in := resolvertest.MustParse(faultZone)
				f, err := resolvertest.ParseFault(who + " " + c.fault)
				require.NoError(t, err)
				again, err := resolvertest.ParseFault(f.String())
				require.NoError(t, err, "String gives %q", f.String())
				assert.Equal(t, f, again, "String is what ParseFault reads")
				in.Fault(f)
				owner, rest, _ := strings.Cut(c.ask, " ")

				// The other server is well.
				r, err := ask(t, in, "ns2.example.com. _a.example.com. CNAME")
				require.NoError(t, err)
				assert.Equal(t, healthy, render(r))

				r, err = ask(t, in, "ns1.example.com. "+owner+".example.com. "+rest)
				if c.err != nil {
					assert.ErrorIs(t, err, c.err)
					assert.Empty(t, r)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, c.want, render(r))
				switch f.Action {
				case resolvertest.DropEDNS, resolvertest.FormErrEDNS:
					assert.False(t, r.EDNS)
				case resolvertest.Truncate:
					assert.Equal(t, resolver.TCP, r.Transport)
				}

				in.ClearFaults()
				r, err = ask(t, in, "ns1.example.com. _a.example.com. CNAME")
				require.NoError(t, err)
				assert.Equal(t, healthy, render(r))
			})
		}
	}
}

func TestFaultsActInTheirOrder(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	in.Fault(resolvertest.MustParseFault("ns1.example.com. lie _a.example.com. CNAME other."))
	in.Fault(resolvertest.MustParseFault("ns1.example.com. no-aa times 1"))
	for _, want := range []string{"NOERROR\n", "NOERROR aa\n"} {
		r, err := ask(t, in, "ns1.example.com. _a.example.com. CNAME")
		require.NoError(t, err)
		assert.Equal(t, want+"_a.example.com. 300 CNAME other.", render(r))
	}
}

func TestParseFaultErrors(t *testing.T) {
	for line, says := range map[string]string{
		"":                                     "expected SERVER ACTION",
		"ns1.example.com.":                     "expected SERVER ACTION",
		"ns1..com. drop":                       "label is empty",
		"ns1.example.com. explode":             `no action "explode"`,
		"ns1.example.com. drop it":             "takes no arguments",
		"ns1.example.com. delay":               "takes a duration",
		"ns1.example.com. delay soon":          "duration",
		"ns1.example.com. delay -1s":           "negative",
		"ns1.example.com. rcode WHATEVER":      "not a response code",
		"ns1.example.com. rcode BADVERS":       "not a response code",
		"ns1.example.com. huge-referral 0":     "from 1 to 1000",
		"ns1.example.com. lie x. A":            "OWNER TYPE RDATA",
		"ns1.example.com. lie x. A y":          "",
		"ns1.example.com. lie x. NOTYPE y":     "not a record type",
		"ns1.example.com. drop for NOTYPE":     "not a record type",
		"ns1.example.com. drop over carrier":   "expected udp, tcp, tls or https",
		"ns1.example.com. drop times 0":        "at least 1",
		"ns1.example.com. drop times often":    "often",
		"ns1.example.com. drop name exa..mple": "label is empty",
	} {
		_, err := resolvertest.ParseFault(line)
		require.ErrorIs(t, err, resolvertest.ErrText, "%q", line)
		assert.Contains(t, err.Error(), says, "%q", line)
	}
}

func TestOnPacketDamagesExactlyOne(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	var seen []resolvertest.Packet
	in.OnPacket(func(p resolvertest.Packet) resolvertest.Fault {
		seen = append(seen, p)
		if p.Number == 2 {
			return resolvertest.Fault{Action: resolvertest.AnswerServ}
		}
		return resolvertest.Fault{}
	})
	var got []string
	for range 3 {
		r, err := ask(t, in, "ns1.example.com. _a.example.com. CNAME")
		require.NoError(t, err)
		got = append(got, r.RCode.String())
	}
	assert.Equal(t, []string{"NOERROR", "SERVFAIL", "NOERROR"}, got)
	require.Len(t, seen, 3)
	assert.Equal(t, 3, seen[2].Number)
	assert.Equal(t, resolver.UDP, seen[2].Transport)
	assert.Equal(t, "192.0.2.1:53 _a.example.com. CNAME", seen[2].Question.String())
	in.OnPacket(nil)
	_, err := ask(t, in, "ns1.example.com. _a.example.com. CNAME")
	require.NoError(t, err)
	assert.Len(t, seen, 3)
}

func TestTimePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(faultZone)
		in.Latency = 20 * time.Millisecond
		in.Fault(resolvertest.MustParseFault("ns2.example.com. delay 50ms"))
		took := func(words string) time.Duration {
			start := time.Now()
			r, err := ask(t, in, words)
			if err == nil {
				assert.Positive(t, r.RTT)
			}
			return time.Since(start)
		}
		assert.Equal(t, 20*time.Millisecond, took("ns1.example.com. _a.example.com. CNAME"))
		assert.Equal(t, 70*time.Millisecond, took("ns2.example.com. _a.example.com. CNAME"))
		assert.Equal(t, 40*time.Millisecond, took("ns1.example.com. _a.example.com. CNAME tcp"), "a handshake and the question")
		assert.Equal(t, 20*time.Millisecond, took("- _a.example.com. CNAME"), "of a recursive resolver: one exchange")

		in.Fault(resolvertest.MustParseFault("ns1.example.com. truncate"))
		assert.Equal(t, 60*time.Millisecond, took("ns1.example.com. _a.example.com. CNAME"), "UDP, a handshake, TCP")

		in.ClearFaults()
		in.Fault(resolvertest.MustParseFault("ns1.example.com. drop times 2"))
		in.Timeout = time.Second
		assert.Equal(t, 2*time.Second+20*time.Millisecond, took("ns1.example.com. _a.example.com. CNAME"), "two packets lost")

		in.Fault(resolvertest.MustParseFault("ns1.example.com. delay 1h"))
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := in.Resolve(ctx, resolver.Question{Name: resolver.Root, Type: resolver.TypeNS, Server: server(t, in, "ns1.example.com.")})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1500*time.Millisecond, time.Since(start))
	})
}

func TestQueries(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	in.Fault(resolvertest.MustParseFault("ns1.example.com. drop times 1"))
	for _, words := range []string{"ns1.example.com. _a.example.com. CNAME do", "- example.com. NS", "ns2.example.com. x.example.com. A"} {
		_, err := ask(t, in, words)
		require.NoError(t, err)
	}
	var got []string
	for _, q := range in.Queries() {
		got = append(got, q.String())
	}
	assert.Equal(t, []string{"192.0.2.1:53 _a.example.com. CNAME do", "example.com. NS", "192.0.2.2:53 x.example.com. A"}, got,
		"one for each call, however many packets it took and whatever a recursive resolver asked for it")
	in.ResetQueries()
	assert.Empty(t, in.Queries())
}

func FuzzParseFault(f *testing.F) {
	for _, s := range []string{
		"ns1.example.com. drop", "192.0.2.1 delay 50ms for A name x. over udp times 3", `2001:db8::1 lie x. TXT "a b" for TXT`,
		"a. rcode NXDOMAIN", "a. huge-referral 1000", "a. lie x. TYPE65280 \\# 1 00", "for over name times for over",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		v, err := resolvertest.ParseFault(line)
		if err != nil {
			assert.ErrorIs(t, err, resolvertest.ErrText)
			return
		}
		again, err := resolvertest.ParseFault(v.String())
		require.NoError(t, err, "String gives %q", v.String())
		assert.Equal(t, v, again)
		in := resolvertest.MustParse(faultZone)
		v.Server, v.Addr = resolver.MustParseName("ns1.example.com."), resolver.Question{}.Server.Addr()
		v.Delay = 0
		in.Fault(v)
		_, _ = ask(t, in, "ns1.example.com. _a.example.com. CNAME") // any answer or error will do, a panic will not
	})
}
