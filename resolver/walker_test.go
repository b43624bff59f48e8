package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// roundTrip is the time of one exchange in these tests.
const roundTrip = 20 * time.Millisecond

// walked is what one walk came to and what it cost.
type walked struct {
	resolver.Walk
	err       error
	asked     []resolver.Question
	roundTrip int // on the critical path
}

// walkIn walks once, in simulated time, through a Memo as the checker does.
func walkIn(t *testing.T, in *resolvertest.Internet, name string, change ...func(*resolver.Walker)) (out walked) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in.Latency = roundTrip
		in.ResetQueries()
		w := resolver.Walker{Resolver: &resolver.Memo{Resolver: in, Limit: 300}, Roots: rootsOf(t, in)}
		for _, f := range change {
			f(&w)
		}
		began := time.Now()
		out.Walk, out.err = w.Walk(t.Context(), resolver.MustParseName(name), resolver.TypeCNAME)
		out.roundTrip = int(time.Since(began) / roundTrip)
		out.asked = in.Queries()
	})
	return out
}

func rootsOf(t *testing.T, in *resolvertest.Internet) []resolver.NameServer {
	t.Helper()
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	return roots
}

func faulty(t *testing.T, zones string, faults ...string) *resolvertest.Internet {
	t.Helper()
	in, err := resolvertest.Parse(zones)
	require.NoError(t, err)
	for _, f := range faults {
		in.Fault(resolvertest.MustParseFault(f))
	}
	return in
}

// told gives the last cut's servers as text: each name with its addresses or why it has none.
func (w walked) told() []string {
	var out []string
	for _, ns := range w.Zone().NameServers {
		s := ns.Name.String()
		for _, a := range ns.Addrs {
			s += " " + a.String()
		}
		if ns.Err != nil {
			for err, text := range map[error]string{
				resolver.ErrNoAddress: "no address", resolver.ErrNoGlue: "no glue", resolver.ErrCircular: "circular",
				resolver.ErrNoUsableAnswer: "no usable answer",
			} {
				if errors.Is(ns.Err, err) {
					s += " (" + text + ")"
				}
			}
		}
		out = append(out, s)
	}
	return out
}

// meanings counts what the last cut's servers said.
func (w walked) meanings() string {
	var out []string
	for _, a := range w.Answers {
		m := "silent"
		if a.Err == nil {
			m = a.Response.Means(w.Zone().Zone).String()
		}
		out = append(out, m)
	}
	return strings.Join(out, ", ")
}

func (w walked) way() string {
	var out []string
	for _, c := range w.Cuts {
		out = append(out, c.Zone.String())
	}
	return strings.Join(out, " ")
}

func TestWalk(t *testing.T) {
	const (
		alone = "$ORIGIN example.com.\n_a79 CNAME x.example.net."
		host  = "$ORIGIN host.net. ; as-given\n@ NS ns1\nns1 A 203.0.113.1\n"
	)
	two := []string{"ns1.example.com. 192.0.2.1", "ns2.example.com. 192.0.2.2"}
	for _, c := range []struct {
		name   string
		why    string
		zones  string
		faults []string
		of     string // name; "": _a79.example.com.
		lie    bool   // com.'s server adds an address that is not its to give

		way     string   // the cuts, from the root
		servers []string // of the last cut
		said    string   // by them
		err     error
		asked   int
		trips   int
	}{
		{
			name: "glue", why: "root, TLD, then both servers of the zone at once",
			zones: alone,
			way:   ". com. example.com.", servers: two, said: "answer, answer", asked: 4, trips: 3,
		},
		{
			name: "denied", why: "what both deny costs the same",
			zones: "$ORIGIN example.com.\nwww A 192.0.2.80",
			way:   ". com. example.com.", servers: two, said: "no such name, no such name", asked: 4, trips: 3,
		},
		{
			name: "glueless", why: "the TLD of the servers' names is one trip (the root is known), its referral brings the glue of both",
			zones: "$ORIGIN example.com. ; on ns1.host.net. ns2.host.net.\n_a79 CNAME x.example.net.",
			way:   ". com. example.com.", servers: []string{"ns1.host.net. 192.0.2.1", "ns2.host.net. 192.0.2.2"},
			said: "answer, answer", asked: 6, trips: 5,
		},
		{
			name: "glueless, two TLDs", why: "names of different parents are looked up at the same time",
			zones: "$ORIGIN example.com. ; on ns1.host.net. ns2.host.org.\n_a79 CNAME x.example.net.",
			way:   ". com. example.com.", servers: []string{"ns1.host.net. 192.0.2.1", "ns2.host.org. 192.0.2.2"},
			said: "answer, answer", asked: 8, trips: 5,
		},
		{
			name: "sibling glue", why: "names below the parent, in another zone: the parent may give their addresses (RFC 9471, 2.2)",
			zones: "$ORIGIN example.com. ; on ns1.host.com. ns2.host.com.\n_a79 CNAME x.example.net.",
			way:   ". com. example.com.", servers: []string{"ns1.host.com. 192.0.2.1", "ns2.host.com. 192.0.2.2"},
			said: "answer, answer", asked: 4, trips: 3,
		},
		{
			name: "glue from outside", why: "an address that the parent has no say in is not believed (RFC 5452, 6): the liar is not asked",
			zones: "$ORIGIN com. ; as-given\n@ NS ns1.nic\nns1.nic A 192.0.2.200\nexample NS ns1.host.net.\n" +
				"$ORIGIN example.com. ; on ns1.host.net.\n@ NS ns1.host.net.\n_a79 CNAME x.example.net.",
			lie: true, way: ". com. example.com.", servers: []string{"ns1.host.net. 192.0.2.1"}, said: "answer", asked: 5, trips: 5,
		},
		{
			name: "aliased server", why: "RFC 2181, 10.3 forbids it and people do it; A and AAAA go out together where the name may end",
			zones: "$ORIGIN example.com. ; on real.host.net.\n@ NS dns.host.net.\n_a79 CNAME x.example.net.\n" + host + "dns CNAME real\nreal A 203.0.113.11",
			way:   ". com. example.com.", servers: []string{"dns.host.net. 203.0.113.11"}, said: "answer", asked: 9, trips: 7,
		},
		{
			name: "aliases in a circle", why: "each is asked for once",
			zones: "$ORIGIN example.com. ; on real.host.net.\n@ NS dns.host.net.\n" + host + "dns CNAME dns2\ndns2 CNAME dns\nreal A 203.0.113.11",
			way:   ". com. example.com.", servers: []string{"dns.host.net. (circular)"}, err: resolver.ErrNoUsableAnswer, asked: 8, trips: 6,
		},
		{
			name: "a server without address", why: "the other one serves",
			zones: "$ORIGIN example.com. ; on ns1.example.com.\n@ NS ns1\n@ NS gone.host.net.\n_a79 CNAME x.example.net.\n" + host,
			way:   ". com. example.com.", servers: []string{"ns1.example.com. 192.0.2.1", "gone.host.net. (no address)"},
			said: "answer", asked: 7, trips: 6,
		},
		{
			name: "a server with neither A nor AAAA", why: "NODATA for both is no address",
			zones: "$ORIGIN example.com. ; on 192.0.2.99\n@ NS txt.host.net.\n" + host + "txt TXT here",
			way:   ". com. example.com.", servers: []string{"txt.host.net. (no address)"}, err: resolver.ErrNoUsableAnswer, asked: 6, trips: 5,
		},
		{
			name: "a server whose AAAA is not known", why: "what was not heard is not absent",
			zones:  "$ORIGIN example.com. ; on 192.0.2.99\n@ NS txt.host.net.\n" + host + "txt TXT here",
			faults: []string{"ns1.host.net. servfail for AAAA"},
			way:    ". com. example.com.", servers: []string{"txt.host.net. (no usable answer)"}, err: resolver.ErrNoUsableAnswer, asked: 6, trips: 5,
		},
		{
			name: "a lagging copy denies the server's name", why: "the other server of that zone has it",
			zones: "$ORIGIN example.com. ; on 203.0.113.11\n@ NS dns.host.net.\n_a79 CNAME x.example.net.\n" +
				"$ORIGIN host.net. ; on ns1.host.net. ; as-given\n@ NS ns1\n@ NS ns2\nns1 A 203.0.113.1\nns2 A 203.0.113.2\ndns A 203.0.113.11\n" +
				"$ORIGIN host.net. ; on ns2.host.net. ; as-given\n@ NS ns1\n@ NS ns2\nns1 A 203.0.113.1\nns2 A 203.0.113.2",
			way: ". com. example.com.", servers: []string{"dns.host.net. 203.0.113.11"}, said: "answer", asked: 9, trips: 8,
		},
		{
			name: "circular", why: "two zones whose servers lie in each other",
			zones: "$ORIGIN com. ; as-given\n@ NS ns1.nic\nns1.nic A 192.0.2.200\nexample NS ns1.a\na NS ns1.b\nb NS ns1.a",
			way:   ". com. example.com.", servers: []string{"ns1.a.com. (no usable answer)"}, err: resolver.ErrNoUsableAnswer, asked: 4, trips: 4,
		},
		{
			name: "in the zone, without glue", why: "nobody could tell",
			zones: "$ORIGIN com. ; as-given\n@ NS ns1.nic\nns1.nic A 192.0.2.200\nexample NS ns1.example\nexample NS ns2.example",
			way:   ". com. example.com.", servers: []string{"ns1.example.com. (no glue)", "ns2.example.com. (no glue)"},
			err: resolver.ErrNoUsableAnswer, asked: 2, trips: 2,
		},
		{
			name: "glue for one of two", why: "the one can be asked for the other",
			zones: "$ORIGIN com. ; as-given\n@ NS ns1.nic\nns1.nic A 192.0.2.200\nexample NS ns1.example\nexample NS ns2.example\nns1.example A 192.0.2.11\n" +
				"$ORIGIN example.com. ; on 192.0.2.11 192.0.2.12\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.11\nns2 A 192.0.2.12\n_a79 CNAME x.example.net.",
			way: ". com. example.com.", servers: []string{"ns1.example.com. 192.0.2.11", "ns2.example.com. 192.0.2.12"},
			said: "answer, answer", asked: 6, trips: 4,
		},
		{
			name: "zones below zones", why: "every zone that is no suffix is asked whole",
			zones: "$ORIGIN example.com.\nwww A 192.0.2.80\n$ORIGIN a.example.com.\nwww A 192.0.2.80\n$ORIGIN b.a.example.com.\n_a79 CNAME x.example.net.",
			of:    "_a79.b.a.example.com.",
			way:   ". com. example.com. a.example.com. b.a.example.com.", servers: []string{"ns1.b.a.example.com. 192.0.2.5", "ns2.b.a.example.com. 192.0.2.6"},
			said: "answer, answer", asked: 8, trips: 5,
		},
		{
			name: "different referrals", why: "a resolver may get either: all servers that either names count",
			zones: "$ORIGIN example.com. ; on ns1.example.com.\n@ NS ns1\n@ NS ns2\nsub NS ns1.sub\nns1.sub A 192.0.2.51\n" +
				"$ORIGIN example.com. ; on ns2.example.com.\n@ NS ns1\n@ NS ns2\nsub NS ns2.sub\nns2.sub A 192.0.2.52\n" +
				"$ORIGIN sub.example.com. ; on 192.0.2.51 192.0.2.52\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.51\nns2 A 192.0.2.52\n_a79 CNAME x.example.net.",
			of:  "_a79.sub.example.com.",
			way: ". com. example.com. sub.example.com.", servers: []string{"ns1.sub.example.com. 192.0.2.51", "ns2.sub.example.com. 192.0.2.52"},
			said: "answer, answer", asked: 6, trips: 4,
		},
		{
			name: "one refers upwards", why: "that is lame, and leads nowhere",
			zones: alone, faults: []string{"ns1.example.com. upward"},
			way: ". com. example.com.", servers: two, said: "lame, answer", asked: 4, trips: 3,
		},
		{
			name: "both refer to themselves", why: "a loop is not followed",
			zones: alone, faults: []string{"ns1.example.com. loop", "ns2.example.com. loop"},
			way: ". com. example.com.", servers: two, said: "lame, lame", err: resolver.ErrNoUsableAnswer, asked: 4, trips: 3,
		},
		{
			name: "a root server is silent", why: "the next is asked",
			zones: alone, faults: []string{"a.root-servers.test. drop"},
			way: ". com. example.com.", servers: two, said: "answer, answer", asked: 5, trips: 4,
		},
		{
			name: "no root server answers", why: "then nothing is known",
			zones: alone, faults: []string{"a.root-servers.test. drop", "b.root-servers.test. drop"},
			way: ".", servers: []string{"a.root-servers.test. 192.0.2.5", "b.root-servers.test. 192.0.2.6"}, said: "silent, silent",
			err: resolver.ErrNoUsableAnswer, asked: 2, trips: 2,
		},
		{
			name: "a TLD's server fails", why: "the next is asked",
			zones: alone, faults: []string{"ns1.nic.com. servfail"},
			way: ". com. example.com.", servers: two, said: "answer, answer", asked: 5, trips: 4,
		},
		{
			name: "a TLD's server lies about another zone", why: "a referral sideways is lame, and the next is asked",
			zones: alone, faults: []string{"ns1.nic.com. upward"},
			way: ". com. example.com.", servers: two, said: "answer, answer", asked: 5, trips: 4,
		},
		{
			name: "no server of the TLD answers", why: "then nothing is known",
			zones: alone, faults: []string{"ns1.nic.com. drop", "ns2.nic.com. drop"},
			way: ". com.", servers: []string{"ns1.nic.com. 192.0.2.3", "ns2.nic.com. 192.0.2.4"}, said: "silent, silent",
			err: resolver.ErrNoUsableAnswer, asked: 3, trips: 3,
		},
		{
			name: "not delegated", why: "the walk ends where the denial comes from",
			zones: "$ORIGIN example.com. ; on ns1.example.com. ; undelegated\n_a79 CNAME x.example.net.\n$ORIGIN other.com.",
			way:   ". com.", servers: []string{"ns1.nic.com. 192.0.2.4", "ns2.nic.com. 192.0.2.5"}, said: "no such name", asked: 2, trips: 2,
		},
		{
			name: "a delegation to nobody", why: "the one server's name does not exist",
			zones: "$ORIGIN com. ; as-given\n@ NS ns1.nic\nns1.nic A 192.0.2.200\nexample NS ns1.gone",
			way:   ". com. example.com.", servers: []string{"ns1.gone.com. (no address)"}, err: resolver.ErrNoUsableAnswer, asked: 3, trips: 3,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.of == "" {
				c.of = "_a79.example.com."
			}
			got := walkIn(t, faulty(t, c.zones, c.faults...), c.of, func(w *resolver.Walker) {
				if c.lie {
					w.Resolver = withForeignGlue(w.Resolver)
				}
			})
			if c.err != nil {
				require.ErrorIs(t, got.err, c.err, c.why)
			} else {
				require.NoError(t, got.err, c.why)
			}
			assert.Equal(t, c.way, got.way(), c.why)
			assert.Equal(t, c.servers, got.told(), c.why)
			assert.Equal(t, c.said, got.meanings(), c.why)
			assert.Equal(t, c.trips, got.roundTrip, "round trips")
			assert.Len(t, got.asked, c.asked, "questions")
		})
	}
}

// withForeignGlue adds to every referral the address of a server elsewhere that would answer for anything.
func withForeignGlue(r resolver.Resolver) resolver.Resolver {
	return resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
		if q.Server.Addr() == netip.MustParseAddr("192.0.2.66") {
			panic("the address from outside was asked")
		}
		a, err := r.Resolve(ctx, q)
		if err == nil && q.Server.Addr() == netip.MustParseAddr("192.0.2.200") {
			a.Additional = append(a.Additional, resolver.MustParseRR("ns1.host.net. 300 A 192.0.2.66"))
		}
		return a, err
	})
}

// A single slow server delays the walk by its own slowness, and changes nothing else.
func TestWalkDoesNotDependOnSpeed(t *testing.T) {
	const zones = "$ORIGIN example.com. ; on ns1.host.net. ns2.host.org. ns1.example.com.\n@ NS ns1.host.net.\n@ NS ns2.host.org.\n@ NS ns1\nwww A 192.0.2.80\n" +
		"$ORIGIN sub.example.com. ; on ns1.host.net. ns.sub.example.com. ns3.more.com.\n@ NS ns1.host.net.\n@ NS ns\n@ NS ns3.more.com.\n_a79 CNAME x.example.net."
	first := walkIn(t, faulty(t, zones), "_a79.sub.example.com.")
	require.NoError(t, first.err)
	for seed := range uint64(30) {
		got := walkIn(t, faulty(t, zones), "_a79.sub.example.com.", func(w *resolver.Walker) {
			inner := w.Resolver
			w.Resolver = resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				h := fnv.New64a()
				fmt.Fprint(h, q)
				time.Sleep(time.Duration(rand.New(rand.NewPCG(seed, h.Sum64())).IntN(500)) * time.Millisecond)
				return inner.Resolve(ctx, q)
			})
		})
		require.NoError(t, got.err)
		assert.Equal(t, first.Cuts, got.Cuts, "seed %d", seed)
		assert.Equal(t, first.Answers, got.Answers, "seed %d", seed)
		slices.SortFunc(got.asked, resolver.Question.Compare)
		slices.SortFunc(first.asked, resolver.Question.Compare)
		assert.Equal(t, first.asked, got.asked, "seed %d", seed)
	}
}

func TestWalkAsksOnlyTheFamilyWanted(t *testing.T) {
	const both = "$ORIGIN example.com.\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.11\nns1 AAAA 2001:db8::11\nns2 AAAA 2001:db8::12\n_a79 CNAME x.example.net."
	for _, c := range []struct {
		family resolver.Family
		want   string
	}{
		{resolver.BothFamilies, "192.0.2.11 2001:db8::11 2001:db8::12"}, {resolver.IPv4Only, "192.0.2.11"},
	} {
		got := walkIn(t, faulty(t, both), "_a79.example.com.", func(w *resolver.Walker) { w.Family = c.family })
		require.NoError(t, got.err)
		var asked []string
		for _, a := range got.Answers {
			asked = append(asked, a.Server.Addr.Addr().String())
		}
		assert.Equal(t, c.want, strings.Join(asked, " "))
		for _, q := range got.asked {
			assert.True(t, c.family.Has(q.Server.Addr()), "%s", q)
		}
	}
}

// A name server that has only an IPv6 address is there, also for who wants IPv4 only.
func TestWalkIPv4OnlyAccusesNoIPv6Server(t *testing.T) {
	const zones = "$ORIGIN example.com. ; on ns1.example.com. 2001:db8::11\n@ NS ns1\n@ NS six.host.net.\n_a79 CNAME x.example.net.\n" +
		"$ORIGIN host.net. ; as-given\n@ NS ns1\nns1 A 203.0.113.1\nsix AAAA 2001:db8::11"
	got := walkIn(t, faulty(t, zones), "_a79.example.com.", func(w *resolver.Walker) { w.Family = resolver.IPv4Only })
	require.NoError(t, got.err)
	assert.Equal(t, []string{"ns1.example.com. 192.0.2.1", "six.host.net. 2001:db8::11"}, got.told())
	assert.Equal(t, "answer", got.meanings())
}

// NXNSAttack (2020): referrals to many names, below zones that refer to many names, below zones …
func TestWalkOfReferralsToThousandsOfNames(t *testing.T) {
	began := time.Now()
	got := walkIn(t, faulty(t, "$ORIGIN example.com.\n_a79 CNAME x.example.net.", "ns1.nic.com. huge-referral 1000", "ns2.nic.com. huge-referral 1000"), "_a79.example.com.")
	require.ErrorIs(t, got.err, resolver.ErrNoUsableAnswer)
	servers := got.Zone().NameServers
	require.Len(t, servers, 17, "the names of one NS RRset that are used, and one for the rest")
	assert.ErrorIs(t, servers[16].Err, resolver.ErrTooMany)
	assert.LessOrEqual(t, len(got.asked), 60)
	assert.LessOrEqual(t, got.roundTrip, 20)
	assert.Less(t, time.Since(began), 40*time.Second, "work is bounded, not only questions: this took 95 s once, and took 10 on a machine that was busy with other tests")
}

// A zone that delegates one label deeper at every step, to servers of its own: the way is as long as the name at most.
func TestWalkDownEveryLabel(t *testing.T) {
	server := netip.MustParseAddr("192.0.2.1")
	asked := 0
	w := resolver.Walker{
		Roots: []resolver.NameServer{{Name: resolver.MustParseName("a.test."), Addrs: []netip.Addr{server}}},
		Resolver: resolver.Func(func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			asked++
			cut := q.Name.Ancestor(min(asked, q.Name.NumLabels()))
			return resolver.Response{Question: q, Authority: []resolver.RR{resolver.MustParseRR(cut.String() + " 300 NS ns." + cut.String())}, Additional: []resolver.RR{resolver.MustParseRR("ns." + cut.String() + " 300 A 192.0.2.1")}}, nil
		}),
	}
	name := resolver.MustParseName(strings.Repeat("a.", 120) + "com.")
	k, err := w.Walk(t.Context(), name, resolver.TypeCNAME)
	require.ErrorIs(t, err, resolver.ErrNoUsableAnswer)
	assert.Equal(t, name.NumLabels()+1, len(k.Cuts))
	assert.Equal(t, name.NumLabels()+1, asked)
}

// Servers of zones that lie in each other, through many zones: each server is looked up below each a few times at most.
func TestWalkOfServersInEachOther(t *testing.T) {
	const n = 12
	zones := "$ORIGIN com. ; as-given\n@ NS ns1.nic\nns1.nic A 192.0.2.200\n"
	for i := range n {
		for j := range n {
			if i != j {
				zones += fmt.Sprintf("z%d NS ns%d.z%d\n", i, i, j)
			}
		}
	}
	zones += "example NS ns.z0\nexample NS ns.z1\n"
	began := time.Now()
	got := walkIn(t, faulty(t, zones), "_a79.example.com.")
	require.ErrorIs(t, got.err, resolver.ErrNoUsableAnswer)
	assert.Less(t, len(got.asked), 200)
	assert.Less(t, time.Since(began), 10*time.Second)
}

func TestWalkEndsWhenItIsCancelled(t *testing.T) {
	for _, after := range []time.Duration{0, roundTrip / 2, 3 * roundTrip / 2, 5 * roundTrip / 2, 7 * roundTrip / 2} {
		synctest.Test(t, func(t *testing.T) { // ends only when no goroutine is left
			in := faulty(t, "$ORIGIN example.com. ; on ns1.host.net. ns2.host.org.\n_a79 CNAME x.example.net.")
			in.Latency = roundTrip
			w := resolver.Walker{Resolver: in, Roots: rootsOf(t, in)}
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			began := time.Now()
			k, err := w.Walk(ctx, resolver.MustParseName("_a79.example.com."), resolver.TypeCNAME)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotEmpty(t, k.Cuts, "the way up to there")
			assert.LessOrEqual(t, time.Since(began), after+time.Millisecond)
		})
	}
}

func TestWalkQuickAsksOneServerOfEveryZone(t *testing.T) {
	in := faulty(t, "$ORIGIN example.com.\nwww A 192.0.2.80\n$ORIGIN a.example.com.\n_a79 CNAME x.example.net.")
	w := resolver.Walker{Resolver: in, Roots: rootsOf(t, in)}
	k, err := w.WalkQuick(t.Context(), resolver.MustParseName("_a79.a.example.com."), resolver.TypeCNAME)
	require.NoError(t, err)
	assert.Len(t, k.Answers, 1)
	assert.Len(t, in.Queries(), 4)

	in.ResetQueries()
	_, err = w.Knowing(k).WalkQuick(t.Context(), resolver.MustParseName("other.a.example.com."), resolver.TypeCNAME)
	require.NoError(t, err)
	assert.Len(t, in.Queries(), 1, "what a walk found is where the next begins")

	in.ResetQueries()
	d, err := w.Knowing(k).WalkQuick(t.Context(), resolver.MustParseName("a.example.com."), resolver.TypeDS)
	require.NoError(t, err)
	assert.Equal(t, "example.com.", d.Zone().Zone.String(), "DS is answered above the cut (RFC 4035, 3.1.4.1)")
}

func TestAskAnyTakesByOrderNotBySpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := make([]resolver.Server, 7)
		for i := range servers {
			servers[i] = resolver.Server{Name: resolver.MustParseName(fmt.Sprintf("ns%d.test.", i)), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 53)}
		}
		var asked []netip.AddrPort
		var mu sync.Mutex
		w := resolver.Walker{Resolver: resolver.Func(func(_ context.Context, q resolver.Question) (resolver.Response, error) {
			mu.Lock()
			asked = append(asked, q.Server)
			mu.Unlock()
			last := q.Server.Addr().As4()[3]
			time.Sleep(time.Duration(10-last) * time.Millisecond) // the later in order the faster
			return resolver.Response{Question: q, Authoritative: true, RCode: map[bool]resolver.RCode{true: resolver.NXDomain, false: resolver.Refused}[last >= 4]}, nil
		})}
		all, ok := w.AskAny(t.Context(), resolver.Root, servers, resolver.MustParseName("x.test."), resolver.TypeA)
		require.True(t, ok)
		assert.Equal(t, servers[4], all[len(all)-1].Server, "4 and 5 and 6 would do, and 6 is the fastest")
		assert.Len(t, asked, 7, "one, then two, then four at a time")
		_, ok = w.AskAny(t.Context(), resolver.Root, servers[:4], resolver.MustParseName("x.test."), resolver.TypeA)
		assert.False(t, ok)
		all, ok = w.AskAny(t.Context(), resolver.Root, nil, resolver.MustParseName("x.test."), resolver.TypeA)
		assert.False(t, ok)
		assert.Empty(t, all)
	})
}

// What those say that do not refer on is kept: who asks there gets no further.
func TestWalkKeepsWhatOthersSaid(t *testing.T) {
	got := walkIn(t, faulty(t, "$ORIGIN example.com. ; on ns1.example.com.\n@ NS ns1\n@ NS ns2\n@ NS ns3\napp NS ns1.app\n"+
		"$ORIGIN example.com. ; on ns2.example.com. ns3.example.com. ; as-given\n@ NS ns1\n@ NS ns2\n@ NS ns3\nns1 A 192.0.2.1\nns2 A 192.0.2.2\nns3 A 192.0.2.3\n"+
		"$ORIGIN app.example.com. ; on ns1.app.example.com.\n@ NS ns1\n_a79 CNAME x.example.net.", "ns3.example.com. drop"), "_a79.app.example.com.")
	require.NoError(t, got.err)
	cut := got.Zone()
	require.Len(t, cut.Referrals, 1)
	require.Len(t, cut.Others, 2)
	assert.Equal(t, "ns2.example.com.", cut.Others[0].Server.Name.String())
	assert.Equal(t, resolver.NoSuchName, cut.Others[0].Response.Means(cut.Parent))
	assert.Equal(t, "ns3.example.com.", cut.Others[1].Server.Name.String())
	assert.ErrorIs(t, cut.Others[1].Err, resolver.ErrTimeout)
}

// One server holds the root, a suffix and the domain's zone, as in a small test bed, and answers for the nearest: the walk finds each
// zone all the same, with addresses that the server gives only when it is asked.
func TestWalkAtOneServerForAllZones(t *testing.T) {
	server := netip.MustParseAddr("192.0.2.53")
	zones := []resolver.Name{resolver.MustParseName("example.com."), resolver.MustParseName("com."), resolver.Root}
	soa := resolver.MustParseRR("com. 300 SOA ns.com. h.com. 1 2 3 4 5").RDATA
	rr := func(owner resolver.Name, typ resolver.Type, rdata string) resolver.RR {
		return resolver.RR{Name: owner, Type: typ, TTL: 300, RDATA: rdata}
	}
	target := resolver.MustParseRR("x. 300 CNAME _424.acm-validations.aws.").RDATA
	asked := 0
	fake := resolver.Func(func(_ context.Context, q resolver.Question) (resolver.Response, error) {
		asked++
		r := resolver.Response{Question: q, Authoritative: true}
		at := slices.IndexFunc(zones, func(z resolver.Name) bool { return q.Name.Within(z) })
		switch {
		case q.Name.String() == "_a79.example.com.":
			r.Answer = []resolver.RR{rr(q.Name, resolver.TypeCNAME, target)}
		case q.Type == resolver.TypeNS && q.Name == zones[at]:
			r.Answer = []resolver.RR{rr(q.Name, resolver.TypeNS, resolver.MustParseRR("x. 300 NS ns."+strings.TrimPrefix(q.Name.String(), ".")).RDATA)}
		case q.Type == resolver.TypeA && q.Name.FirstLabel() == "ns":
			r.Answer = []resolver.RR{rr(q.Name, resolver.TypeA, string(server.AsSlice()))}
		default:
			r.RCode = resolver.NXDomain
			r.Authority = []resolver.RR{rr(zones[at], resolver.TypeSOA, soa)}
		}
		return r, nil
	})
	w := resolver.Walker{Resolver: fake, Roots: []resolver.NameServer{{Name: resolver.MustParseName("ns."), Addrs: []netip.Addr{server}}}}
	for name, zone := range map[string]string{"_a79.example.com.": "example.com.", "_b.example.com.": "example.com.", "_a79.nosuch.com.": "com."} {
		asked = 0
		walk, err := w.Walk(t.Context(), resolver.MustParseName(name), resolver.TypeTXT)
		require.NoError(t, err, name)
		assert.Equal(t, zone, walk.Zone().Zone.String(), name)
		require.Len(t, walk.Answers, 1)
		for i, cut := range walk.Cuts[1:] {
			assert.Equal(t, walk.Cuts[i].Zone, cut.Parent)
			assert.Equal(t, []netip.Addr{server}, cut.NameServers[0].Addrs, cut.Zone)
			assert.Len(t, cut.Referrals, 1, cut.Zone)
		}
		assert.LessOrEqual(t, asked, 3+2*3, name)
	}
}
