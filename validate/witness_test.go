package validate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// witnessed gives a world three public witnesses and this machine's own, all as far away as every name server.
func witnessed(w validatetest.World) validatetest.World {
	for _, at := range []string{"203.0.113.201", "203.0.113.202", "203.0.113.203"} {
		w.Witnesses = append(w.Witnesses, resolver.MustParseRecursor(at))
	}
	w.Own = resolver.MustParseRecursor("10.0.0.53")
	return w
}

// What witnesses cost, exactly: one question each, one more of this machine's own (ACM's target), and no round trip, in
// every world in which a check asks anything that another answer depends on.
func TestWitnessesAddNoRoundTrip(t *testing.T) {
	for _, s := range stories(t) {
		w := s.World
		without, trips := validatetest.Measure(t, w)
		if len(w.Witnesses) > 0 || !w.Own.IsZero() || without.Queries == 0 { // it has some, or nothing is asked at all
			continue
		}
		with, tripsWith := validatetest.Measure(t, witnessed(w))
		failed := 0 // a witness that answers SERVFAIL is asked once more, without validation
		for _, p := range with.Perspectives {
			if p.Says == validate.SaysFailure {
				failed++
			}
		}
		assert.Equal(t, without.Queries+5+failed, with.Queries, "%s: questions", w.File)
		assert.Equal(t, trips, tripsWith, "%s: round trips", w.File)
	}
}

const record = "_a79.example.com. CNAME _424.xyz.acm-validations.aws."

func worldOf(t *testing.T, sections ...string) validatetest.World {
	t.Helper()
	text := "-- story --\nA test's own.\n-- record --\n" + record + "\n-- want --\nvalid\n" + strings.Join(sections, "\n") + "\n"
	w, err := validatetest.ParseWorld("own.txt", text)
	require.NoError(t, err)
	return w
}

const zone = "-- zones --\n$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n"

func checkOf(t *testing.T, w validatetest.World) (rep validate.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in, err := w.Internet()
		require.NoError(t, err)
		in.Latency = 10 * time.Millisecond
		c, err := w.Checker(in, in)
		require.NoError(t, err)
		rep, err = c.Check(t.Context(), w.Record)
		require.NoError(t, err)
	})
	return rep
}

// A silent witness holds a report up for WitnessPatience and no longer; the others lose nothing by it.
func TestSilentWitness(t *testing.T) {
	w := worldOf(t, zone, "-- witnesses --\n203.0.113.1\n203.0.113.2", "-- faults --\n203.0.113.1 delay 1h")
	rep := checkOf(t, w)
	assert.Equal(t, validate.WitnessPatience, rep.Stats.Elapsed)
	assert.Equal(t, validate.Valid, rep.Verdict)
	require.Len(t, rep.Perspectives, 2)
	assert.Equal(t, validate.Perspective{
		Resolver: w.Witnesses[0], Says: validate.SaysNothing, Text: "no answer in time",
	}, rep.Perspectives[0])
	assert.Equal(t, validate.SaysRecord, rep.Perspectives[1].Says)
	assert.Equal(t, "12:05:00", rep.Perspectives[1].Until.Format(time.TimeOnly))
}

// An address that is no recursive resolver is told as what it is, in the table alone: never as anything about the record.
func TestAddressThatIsNoResolver(t *testing.T) {
	w := worldOf(t, zone, `-- witnesses --
192.0.2.1
203.0.113.1
203.0.113.2
203.0.113.3
203.0.113.1 _a79.example.com. CNAME refused`, "-- faults --\n203.0.113.2 closed\n203.0.113.3 mangle")
	rep := checkOf(t, w)
	assert.Equal(t, validate.Valid, rep.Verdict)
	assert.Empty(t, rep.Findings)
	assert.True(t, rep.ETA.IsZero())
	var b strings.Builder
	require.NoError(t, rep.WriteText(&b, validate.Text{}))
	for _, line := range []string{
		"    192.0.2.1    not a recursive resolver for this machine: NOERROR, no ra\n",
		"    203.0.113.1  not a recursive resolver for this machine: REFUSED\n",
		"    203.0.113.2  no answer: the host refused the connection",
		"    203.0.113.3  no answer that can be understood",
	} {
		assert.Contains(t, b.String(), line)
	}
	for _, o := range rep.Outcomes {
		if o.Rule == "answer-stale" || o.Rule == "resolver-differs" {
			assert.Equal(t, validate.NotKnown, o.State, o.Rule)
			assert.Equal(t, "no recursive resolver gave a usable answer", o.Reason, o.Rule)
		}
	}
}

func TestPerspectivesAsText(t *testing.T) {
	stale := "203.0.113.1 _a79.example.com. CNAME 240 nxdomain"
	rep := checkOf(t, worldOf(t, zone, "-- witnesses --\n203.0.113.1\nhttps://dns.example@203.0.113.2/dns-query\nown 10.0.0.53\n"+stale))
	var b strings.Builder
	require.NoError(t, rep.WriteText(&b, validate.Text{}))
	assert.Contains(t, b.String(), `  Recursive resolvers, which do not count for the verdict:
    203.0.113.1                 no such name  until 12:04:00 UTC, in 4 min
    https://dns.example@203.0.113.2/dns-query
                                the record
    10.0.0.53 (this machine's)  the record
  Seen everywhere from 12:04:00 UTC on 2026-11-24 on. Nothing you do makes that
  sooner.
`)
	assert.Contains(t, b.String(), "      dig @203.0.113.1 _a79.example.com. CNAME\n")
	text, err := json.Marshal(rep)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"perspectives":[{"resolver":"203.0.113.1","says":"no such name","text":"no such name","until":"2026-11-24T12:04:00Z"},`)
	assert.Contains(t, string(text), `{"resolver":"10.0.0.53","own":true,"says":"the record","text":"the record","until":"2026-11-24T12:05:00Z"}]`)
	assert.Contains(t, string(text), `"eta":"2026-11-24T12:04:00Z"`)

	b.Reset()
	require.NoError(t, checkOf(t, worldOf(t, zone, "-- witnesses --\n203.0.113.1\n203.0.113.2")).WriteText(&b, validate.Text{}))
	assert.Contains(t, b.String(), "  Recursive resolvers see the record, too: 203.0.113.1 and 203.0.113.2.\n")
}

// What a resolver adds by RFC 8914 stands in the report in words, and what it sends as text cannot steer a terminal.
func TestExtendedErrorsInWords(t *testing.T) {
	w := worldOf(t, zone, "-- witnesses --\n203.0.113.1")
	in, err := w.Internet()
	require.NoError(t, err)
	v, err := resolvertest.ParseView("203.0.113.1 _a79.example.com. CNAME servfail")
	require.NoError(t, err)
	v.Errors = []resolver.ExtendedError{{Code: 22, Text: "at \x1b[31m192.0.2.1"}, {Code: 23}}
	in.View(v)
	c, err := w.Checker(in, in)
	require.NoError(t, err)
	rep, err := c.Check(t.Context(), w.Record)
	require.NoError(t, err)
	const says = `SERVFAIL; it adds: it could reach none of the zone's name servers "at \x1b[31m192.0.2.1"; it adds: it met an error of the network while asking a name server`
	assert.Equal(t, says, rep.Perspectives[0].Text)
	require.Len(t, rep.Findings, 1)
	assert.Contains(t, rep.Findings[0].Evidence[0].Text, says)
	var b strings.Builder
	require.NoError(t, rep.WriteText(&b, validate.Text{}))
	assert.Contains(t, b.String(), `
    203.0.113.1  SERVFAIL; it adds: it could reach none of the zone's name
                 servers "at \x1b[31m192.0.2.1"; it adds: it met an error of
                 the network while asking a name server; until 12:05:00 UTC, in
                 5 min
`)
}

// A rule of one's own may ask the witnesses, for other names too.
func TestPassRecursive(t *testing.T) {
	w := worldOf(t, zone, "-- witnesses --\n203.0.113.1\nown 10.0.0.53")
	in, err := w.Internet()
	require.NoError(t, err)
	c, err := w.Checker(in, in)
	require.NoError(t, err)
	var got validate.Answers
	c.Rules = append(validate.Rules(), ownRule{info("own-asks"), func(ctx context.Context, p *validate.Pass) error {
		got = p.Recursive(ctx, resolver.MustParseName("example.com."), resolver.TypeSOA)
		return got.Known()
	}})
	_, err = c.Check(t.Context(), w.Record)
	require.NoError(t, err)
	require.Len(t, got, 2)
	for i, at := range []string{"203.0.113.1", "10.0.0.53"} {
		assert.Equal(t, at, got[i].Question.Recursor.String())
		assert.True(t, got[i].Response.RecursionAvailable)
		assert.Len(t, got[i].Response.Answer, 1)
	}
}

// Over TLS and HTTPS, through real sockets: recorded, replayed byte for byte, one connection for a check's questions.
func TestEncryptedWitnesses(t *testing.T) {
	w := worldOf(t, zone, "-- witnesses --\n203.0.113.1\n203.0.113.1 _a79.example.com. CNAME bogus ede 6")
	in, err := w.Internet()
	require.NoError(t, err)
	config, pool, err := resolvertest.Certificate(time.Now(), "dns.example")
	require.NoError(t, err)
	as := netip.MustParseAddr("203.0.113.1")
	tlsListener, err := in.ListenTLS("127.0.0.1:0", as, tlsConfig(config))
	require.NoError(t, err)
	defer tlsListener.Close()
	webListener, err := in.ListenHTTPS("127.0.0.1:0", as, tlsConfig(config))
	require.NoError(t, err)
	defer webListener.Close()
	client := &resolver.Client{RootCAs: pool}
	tr := &resolver.Transcript{Resolver: &split{Client: client, in: in}}
	c, err := w.Checker(in, tr)
	require.NoError(t, err)
	c.Witnesses = []resolver.Recursor{
		resolver.MustParseRecursor("tls://dns.example@" + tlsListener.Addr().String()),
		resolver.MustParseRecursor("https://dns.example@" + webListener.Addr().String() + "/dns-query"),
	}
	rep, err := c.Check(t.Context(), w.Record)
	require.NoError(t, err)
	for _, p := range rep.Perspectives {
		assert.Equal(t, validate.SaysBogus, p.Says, p.Text)
	}
	text, err := tr.MarshalText()
	require.NoError(t, err)
	assert.Contains(t, string(text), "ask recursor=tls://dns.example@127.0.0.1:")
	assert.Contains(t, string(text), "transport=https")
	if c.Resolver, err = resolver.ParseTranscript(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	again, err := c.Check(t.Context(), w.Record)
	require.NoError(t, err)
	rep.Stats, again.Stats = validate.Stats{}, validate.Stats{}
	assert.Equal(t, rep, again)
}

// split asks the witnesses over real sockets and the name servers in memory.
type split struct {
	*resolver.Client
	in *resolvertest.Internet
}

func (s *split) Resolve(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	if q.Recursor.IsZero() {
		return s.in.Resolve(ctx, q)
	}
	return s.Client.Resolve(ctx, q)
}

func (s *split) Keep() (resolver.Resolver, func()) {
	kept, done := s.Client.Keep()
	return resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
		if q.Recursor.IsZero() {
			return s.in.Resolve(ctx, q)
		}
		return kept.Resolve(ctx, q)
	}), done
}

func tlsConfig(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}}
}
