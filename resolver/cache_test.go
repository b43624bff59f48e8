package resolver_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

const cacheZones = "$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n$ORIGIN other.com.\nwww A 192.0.2.80\n"

func serverOf(in *resolvertest.Internet, name string) netip.AddrPort {
	return netip.AddrPortFrom(in.Addrs(resolver.MustParseName(name))[0], 53)
}

func rootServer(t *testing.T, in *resolvertest.Internet) netip.AddrPort {
	t.Helper()
	for _, s := range in.Servers() {
		r, err := in.Resolve(t.Context(), resolver.Question{Name: resolver.Root, Type: resolver.TypeSOA, Server: netip.AddrPortFrom(in.Addrs(s)[0], 53)})
		if err == nil && r.Authoritative && len(r.Answer) > 0 {
			in.ResetQueries()
			return netip.AddrPortFrom(in.Addrs(s)[0], 53)
		}
	}
	t.Fatal("the internet has no root")
	return netip.AddrPort{}
}

func TestCacheSharesReferralsOfPublicSuffixesAmongNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(cacheZones)
		root := rootServer(t, in)
		c := &resolver.Cache{Resolver: in}
		ctx := resolver.ForZone(t.Context(), resolver.Root)
		var first resolver.Response
		for i, name := range []string{"_a79.example.com.", "www.other.com.", "com."} {
			q := resolver.Question{Name: resolver.MustParseName(name), Type: resolver.TypeTXT, Server: root, DNSSEC: true}
			in.ResetQueries()
			r, err := c.Resolve(ctx, q)
			require.NoError(t, err)
			assert.Equal(t, i > 0, len(in.Queries()) == 0, "the root is asked for the first name only")
			direct, err := in.Resolve(t.Context(), q)
			require.NoError(t, err)
			r.RTT, direct.RTT = 0, 0
			assert.Equal(t, direct, r, "what is remembered is what the server says")
			if i == 0 {
				first = r
			}
			assert.Equal(t, first.Authority, r.Authority)
		}
		in.ResetQueries()
		ds := resolver.Question{Name: resolver.MustParseName("com."), Type: resolver.TypeDS, Server: root, DNSSEC: true}
		r, err := c.Resolve(t.Context(), ds)
		require.NoError(t, err)
		assert.True(t, r.Authoritative, "the parent answers for DS itself")
		assert.Len(t, in.Queries(), 1)
		time.Sleep(7 * 24 * time.Hour)
		in.ResetQueries()
		_, err = c.Resolve(t.Context(), resolver.Question{Name: resolver.MustParseName("www.other.com."), Type: resolver.TypeTXT, Server: root, DNSSEC: true})
		require.NoError(t, err)
		assert.Len(t, in.Queries(), 1, "after its TTL it is asked again")
	})
}

// A server that answers one question with a referral to its own zone, or up from it, answers others as it should: kept for
// every name below, that one answer would make all zones at that server look lame.
func TestCacheRemembersNoReferralThatDoesNotLeadDown(t *testing.T) {
	com := resolver.MustParseName("com.")
	for _, action := range []string{"loop", "upward"} {
		in := resolvertest.MustParse(cacheZones)
		in.Fault(resolvertest.MustParseFault("ns1.nic.com. " + action + " name _a79.example.com."))
		c := &resolver.Cache{Resolver: in}
		for name, want := range map[string]resolver.Meaning{"_a79.example.com.": resolver.Lame, "www.other.com.": resolver.Refers} {
			q := resolver.Question{Name: resolver.MustParseName(name), Type: resolver.TypeTXT, Server: serverOf(in, "ns1.nic.com.")}
			for range 2 {
				r, err := c.Resolve(resolver.ForZone(t.Context(), com), q)
				require.NoError(t, err)
				assert.Equal(t, want, r.Means(com), "%s: %s", action, name)
			}
		}
	}

	// A host refers to the suffix above one zone that it does not serve, and is asked for another that it does.
	in := resolvertest.MustParse("$ORIGIN com.\nother NS ns.host.com.\n$ORIGIN host.com.\nns A 203.0.113.1\n" +
		"$ORIGIN other.com. ; on ns.host.com.\n@ NS ns.host.com.\nwww TXT right\n")
	c := &resolver.Cache{Resolver: resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
		if q.Name == resolver.MustParseName("www.example.com.") {
			return resolver.Response{Question: q, Authority: []resolver.RR{resolver.MustParseRR("com. 172800 NS ns1.nic.com.")}}, nil
		}
		return in.Resolve(ctx, q)
	})}
	for range 2 {
		for name, want := range map[string]resolver.Meaning{"example.com.": resolver.Lame, "other.com.": resolver.Answers} {
			zone := resolver.MustParseName(name)
			q := resolver.Question{Name: resolver.MustParseName("www." + name), Type: resolver.TypeTXT, Server: netip.MustParseAddrPort("203.0.113.1:53")}
			r, err := c.Resolve(resolver.ForZone(t.Context(), zone), q)
			require.NoError(t, err)
			assert.Equal(t, want, r.Means(zone), name)
		}
	}
}

func TestCachePassesOnWhatBelongsToOneRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(cacheZones)
		c := &resolver.Cache{Resolver: in}
		server := serverOf(in, "ns1.example.com.")
		for _, x := range []struct {
			name string
			typ  resolver.Type
			asks int
		}{
			{"_a79.example.com.", resolver.TypeCNAME, 2},
			{"_a79.example.com.", resolver.TypeA, 2},
			{"example.com.", resolver.TypeNS, 2},
			{"ns1.example.com.", resolver.TypeA, 1},
			{"nosuch.example.com.", resolver.TypeA, 1},
		} {
			in.ResetQueries()
			q := resolver.Question{Name: resolver.MustParseName(x.name), Type: x.typ, Server: server}
			first, err := c.Resolve(t.Context(), q)
			require.NoError(t, err)
			second, err := c.Resolve(t.Context(), q)
			require.NoError(t, err)
			first.RTT, second.RTT = 0, 0
			assert.Equal(t, first, second)
			assert.Len(t, in.Queries(), x.asks, "%s %s", x.name, x.typ)
		}
		time.Sleep(301 * time.Second) // the negative TTL
		in.ResetQueries()
		_, err := c.Resolve(t.Context(), resolver.Question{Name: resolver.MustParseName("nosuch.example.com."), Type: resolver.TypeA, Server: server})
		require.NoError(t, err)
		assert.Len(t, in.Queries(), 1)
	})
}

func TestCacheAsksOnceForManyAndRemembersNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(cacheZones)
		asked, fail := 0, true
		var mu sync.Mutex
		c := &resolver.Cache{Resolver: resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
			mu.Lock()
			asked++
			failing := fail
			mu.Unlock()
			time.Sleep(time.Second)
			if failing {
				return resolver.Response{}, resolver.ErrTimeout
			}
			return in.Resolve(ctx, q)
		})}
		q := resolver.Question{Name: resolver.MustParseName("ns1.example.com."), Type: resolver.TypeA, Server: serverOf(in, "ns1.example.com.")}
		_, err := c.Resolve(t.Context(), q)
		require.ErrorIs(t, err, resolver.ErrTimeout)
		fail, asked = false, 0
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				r, err := c.Resolve(t.Context(), q)
				assert.NoError(t, err)
				assert.Len(t, r.Answer, 1)
			})
		}
		wg.Wait()
		assert.Equal(t, 1, asked)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = c.Resolve(ctx, q)
		assert.True(t, errors.Is(err, context.Canceled))
	})
}

func TestCacheIsBounded(t *testing.T) {
	asked := 0
	c := &resolver.Cache{Limit: 100, Resolver: resolver.Func(func(_ context.Context, q resolver.Question) (resolver.Response, error) {
		asked++
		return resolver.Response{Question: q, Authoritative: true, Answer: []resolver.RR{resolver.MustParseRR(q.Name.String() + " 300 A 192.0.2.1")}}, nil
	})}
	names := []resolver.Name{}
	for i := range 1000 {
		n, ok := resolver.MustParseName("example.com.").Child("ns" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
		require.True(t, ok)
		names = append(names, n)
		_, err := c.Resolve(t.Context(), resolver.Question{Name: n, Type: resolver.TypeA, Server: netip.MustParseAddrPort("192.0.2.53:53")})
		require.NoError(t, err)
	}
	asked = 0
	for _, n := range names {
		_, err := c.Resolve(t.Context(), resolver.Question{Name: n, Type: resolver.TypeA, Server: netip.MustParseAddrPort("192.0.2.53:53")})
		require.NoError(t, err)
	}
	assert.Greater(t, asked, 850)
}
