package simnet

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

func serve(t testing.TB, w World) (*Server, *validate.Checker) {
	t.Helper()
	s, err := w.Serve(0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	roots, err := resolver.ParseHints(strings.NewReader(w.Hints()))
	require.NoError(t, err)
	return s, &validate.Checker{Resolver: &resolver.Client{AllowPrivate: true}, Roots: roots, Port: s.Port}
}

func record(t testing.TB, w World, i int) validate.Record {
	t.Helper()
	name, value := w.Record(i)
	r, _, err := validate.ParseRecord("", name, value)
	require.NoError(t, err)
	return r
}

var rules = map[Kind]validate.ID{
	Missing: "record-missing", WrongType: "record-wrong-type", OtherName: "value-mismatch", Doubled: "name-doubled",
	Uneven: "servers-disagree", Beside: "cname-and-other-data",
}

// Each kind of domain is what it is said to be, signed or not, as the checker sees it.
func TestDomainsAreWhatTheyAreSaidToBe(t *testing.T) {
	t.Parallel()
	w := World{Domains: 2000, Hosts: 40, Signed: 200, Broken: 500}
	_, c := serve(t, w)
	seen, signed := map[Kind]int{}, 0
	for i := 0; i < w.Domains; i++ {
		kind := w.Kind(i)
		if kind == Forbidden || seen[kind] >= 3 && !(w.IsSigned(i) && signed < 3) {
			continue
		}
		seen[kind]++
		if w.IsSigned(i) {
			signed++
		}
		rep, err := c.Check(t.Context(), record(t, w, i))
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, rep.WriteText(&text, validate.Text{}))
		if w.Valid(i) {
			assert.Equal(t, validate.Valid, rep.Verdict, "domain %d\n%s", i, text.String())
			assert.Empty(t, rep.Findings)
			continue
		}
		assert.Equal(t, validate.Invalid, rep.Verdict, "domain %d, kind %d\n%s", i, kind, text.String())
		require.NotEmpty(t, rep.Findings)
		assert.Equal(t, rules[kind], rep.Findings[0].Rule, "domain %d\n%s", i, text.String())
	}
	assert.Len(t, seen, int(kinds)-1)
	assert.GreaterOrEqual(t, signed, 3)
}

func TestASilentServerIsOneOfTwo(t *testing.T) {
	t.Parallel()
	w := World{Domains: 1000, Hosts: 30, Silent: 500}
	_, c := serve(t, w)
	c.Timeout = 2 * time.Second
	for i := range w.Domains {
		if w.silent(w.hostOf(i), 0) {
			assert.False(t, w.silent(w.hostOf(i), 1))
			rep, err := c.Check(t.Context(), record(t, w, i))
			require.NoError(t, err)
			assert.Equal(t, validate.Valid, rep.Verdict)
			require.NotEmpty(t, rep.Findings)
			assert.Equal(t, validate.ID("server-unreachable"), rep.Findings[0].Rule)
			return
		}
	}
	t.Fatal("no server is silent")
}

func TestLatencyIsThatOfEveryPacket(t *testing.T) {
	t.Parallel()
	w := World{Domains: 10, Latency: 30 * time.Millisecond}
	s, _ := serve(t, w)
	var c resolver.Client
	c.AllowPrivate = true
	r, err := c.Resolve(t.Context(), resolver.Question{Name: resolver.MustParseName("t0."), Type: resolver.TypeSOA, Server: s.addrPort(tldAddr(0, 0))})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, r.RTT, 30*time.Millisecond)
	assert.Len(t, r.RRs(resolver.MustParseName("t0."), resolver.TypeSOA), 1)
}

func TestLostPacketsAreAskedAgain(t *testing.T) {
	t.Parallel()
	w := World{Domains: 50, LossParts: 100}
	s, c := serve(t, w)
	s.Count()
	for i := range 2 {
		rep, err := c.Check(t.Context(), record(t, w, i))
		require.NoError(t, err)
		assert.Equal(t, validate.Valid, rep.Verdict)
	}
	assert.Positive(t, s.Counted().Repeated)
	assert.GreaterOrEqual(t, s.Counted().Questions, s.Counted().Repeated)
	assert.Positive(t, s.Counted().Ports)
}

// BenchmarkAudit checks records in a process that serves them, too: what it costs in processes of their own, and against the
// bare exchange, is told by internal/simnet/figures.
func BenchmarkAudit(b *testing.B) {
	w := World{Domains: 1_000_000, Hosts: 100}
	s, c := serve(b, w)
	c.Lean = true
	questions, n := 0, 0
	b.ReportAllocs()
	b.ResetTimer()
	for x, err := range c.CheckEach(b.Context(), func(yield func(validate.Record) bool) {
		for i := range b.N {
			if !yield(record(b, w, i)) {
				return
			}
		}
	}) {
		require.NoError(b, err)
		if x.Report.Verdict != validate.Valid {
			b.Fatalf("domain %d is %s", x.Index, x.Report.Verdict)
		}
		questions += x.Report.Queries
		n++
	}
	b.StopTimer()
	require.Equal(b, b.N, n)
	b.ReportMetric(float64(questions)/float64(n), "questions/op")
	_ = s.Close()
}
