package bulk_test

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/bulk"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

func newPool(t testing.TB, in *resolvertest.Internet) *bulk.Pool {
	p := &bulk.Pool{Sockets: 4, Listen: in.ListenPacket, Fallback: &resolver.Client{Dial: in.Dial}}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// closing gives a resolver that closes its pool after each question, as the suite makes many.
type closing struct{ p *bulk.Pool }

func (c closing) Resolve(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	return c.p.Resolve(ctx, q)
}

func TestPoolKeepsThePromisesOfAResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pools []*bulk.Pool
		require.NoError(t, resolvertest.TestResolver(func(in *resolvertest.Internet) resolver.Resolver {
			p := &bulk.Pool{Sockets: 2, Listen: in.ListenPacket, Fallback: &resolver.Client{Dial: in.Dial}}
			pools = append(pools, p)
			return closing{p}
		}))
		for _, p := range pools {
			require.NoError(t, p.Close())
		}
	})
}

const zones = "$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n"

func ask(server netip.AddrPort, done func(*bulk.Outbox, *bulk.Message, error)) *bulk.Ask {
	return &bulk.Ask{Server: server, Name: resolver.MustParseName("_a79.example.com."), Type: resolver.TypeCNAME, Done: done}
}

func addrs(in *resolvertest.Internet, name string) (out []netip.AddrPort) {
	for _, a := range in.Addrs(resolver.MustParseName(name)) {
		out = append(out, netip.AddrPortFrom(a, 53))
	}
	return out
}

func TestLostPacketsAreSentAgainAndNotMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(zones)
		in.Fault(resolvertest.MustParseFault("ns1.example.com. drop times 1"))
		p := newPool(t, in)
		came := make(chan error, 1)
		begun := time.Now()
		p.Send(ask(addrs(in, "ns1.example.com.")[0], func(_ *bulk.Outbox, m *bulk.Message, err error) { came <- err }))
		require.NoError(t, <-came)
		assert.Equal(t, bulk.Stats{Sent: 2, Repeated: 1, Answered: 1}, p.Stats())
		in.Fault(resolvertest.MustParseFault("ns1.example.com. drop times 2")) // a server that has answered before
		p.Send(ask(addrs(in, "ns1.example.com.")[0], func(_ *bulk.Outbox, m *bulk.Message, err error) { came <- err }))
		require.NoError(t, <-came)
		assert.Equal(t, bulk.Stats{Sent: 5, Repeated: 3, Answered: 2}, p.Stats())
		assert.Less(t, time.Since(begun), 5*time.Second)
		require.NoError(t, p.Close())
	})
}

func TestASilentServerIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(zones)
		in.Fault(resolvertest.MustParseFault("ns1.example.com. drop"))
		p := newPool(t, in)
		q := resolver.Question{Name: resolver.MustParseName("_a79.example.com."), Type: resolver.TypeCNAME, Server: addrs(in, "ns1.example.com.")[0]}
		other := q
		other.Name = resolver.MustParseName("_a79.example.org.")
		_, err := p.Resolve(t.Context(), other)
		require.ErrorIs(t, err, resolver.ErrTimeout)
		_, err = p.Resolve(t.Context(), q)
		require.ErrorIs(t, err, resolver.ErrTimeout)
		before, asked := p.Stats(), len(in.Queries())
		begun := time.Now()
		_, err = p.Resolve(t.Context(), q)
		require.ErrorIs(t, err, resolver.ErrTimeout)
		assert.Zero(t, time.Since(begun), "it is known to be silent")
		assert.Equal(t, before.Sent, p.Stats().Sent)
		assert.Len(t, in.Queries(), asked)
		time.Sleep(2 * time.Minute)
		_, err = p.Resolve(t.Context(), q)
		require.ErrorIs(t, err, resolver.ErrTimeout)
		assert.Greater(t, p.Stats().Sent, before.Sent, "after a while it is asked again")
		require.NoError(t, p.Close())
	})
}

func TestNoServerGetsMoreThanItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(zones)
		in.Latency = 50 * time.Millisecond
		p := newPool(t, in)
		p.InFlight = 40
		var flying, most, came atomic.Int64
		var asks []*bulk.Ask
		done := make(chan struct{})
		for range 500 {
			asks = append(asks, ask(addrs(in, "ns1.example.com.")[0], func(_ *bulk.Outbox, m *bulk.Message, err error) {
				assert.NoError(t, err)
				if came.Add(1) == 500 {
					close(done)
				}
			}))
		}
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(10 * time.Millisecond):
					flying.Store(p.Stats().Sent - p.Stats().Answered)
					most.Store(max(most.Load(), flying.Load()))
				}
			}
		}()
		p.Send(asks...)
		<-done
		assert.LessOrEqual(t, most.Load(), int64(40))
		assert.Greater(t, most.Load(), int64(20))
		assert.Equal(t, bulk.Stats{Sent: 500, Answered: 500}, p.Stats())
		require.NoError(t, p.Close())
	})
}

func TestClosingEndsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(zones)
		in.Fault(resolvertest.MustParseFault("ns1.example.com. drop"))
		p := newPool(t, in)
		var errs []error
		for range 100 {
			p.Send(ask(addrs(in, "ns1.example.com.")[0], func(_ *bulk.Outbox, m *bulk.Message, err error) { errs = append(errs, err) }))
		}
		require.NoError(t, p.Close())
		require.Len(t, errs, 100)
		for _, err := range errs {
			assert.ErrorIs(t, err, bulk.ErrClosed)
		}
		_, err := p.Resolve(t.Context(), resolver.Question{Name: resolver.Root, Type: resolver.TypeNS, Server: addrs(in, "ns1.example.com.")[0]})
		assert.ErrorIs(t, err, bulk.ErrClosed)
	})
}

func TestPrivateServersAreNotAsked(t *testing.T) {
	var p bulk.Pool
	defer p.Close()
	var got error
	p.Send(ask(netip.MustParseAddrPort("127.0.0.1:53"), func(_ *bulk.Outbox, _ *bulk.Message, err error) { got = err }))
	assert.True(t, errors.Is(got, resolver.ErrPrivateAddress))
}

func TestAServerThatDropsOneTypeIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(zones)
		in.Fault(resolvertest.MustParseFault("ns1.example.com. drop for CAA"))
		p := newPool(t, in)
		q := resolver.Question{Name: resolver.MustParseName("_a79.example.com."), Type: resolver.TypeCNAME, Server: addrs(in, "ns1.example.com.")[0]}
		caa := q
		caa.Type = resolver.TypeCAA
		_, err := p.Resolve(t.Context(), q)
		require.NoError(t, err)
		for range 12 {
			_, err := p.Resolve(t.Context(), caa)
			require.ErrorIs(t, err, resolver.ErrTimeout)
			_, err = p.Resolve(t.Context(), q)
			require.NoError(t, err)
		}
		require.NoError(t, p.Close())
	})
}

// What comes first may be just what the server drops: its silence about that is nothing about the rest.
func TestAServerNobodyHasHeardMayDropOneTypeOrOneZone(t *testing.T) {
	for _, c := range []struct {
		faults, dropped []string
	}{
		{[]string{"drop for TXT"}, []string{"_a79.example.com.", "_a79.example.com.", "example.com."}},
		{[]string{"drop name _a79.example.net.", "drop name example.net."}, []string{"_a79.example.net.", "example.net."}},
	} {
		synctest.Test(t, func(t *testing.T) {
			in := resolvertest.MustParse(zones)
			for _, f := range c.faults {
				in.Fault(resolvertest.MustParseFault("ns1.example.com. " + f))
			}
			p := newPool(t, in)
			q := resolver.Question{Type: resolver.TypeTXT, Server: addrs(in, "ns1.example.com.")[0]}
			for _, name := range c.dropped {
				q.Name = resolver.MustParseName(name)
				_, err := p.Resolve(t.Context(), q)
				require.ErrorIs(t, err, resolver.ErrTimeout)
			}
			q.Name, q.Type = resolver.MustParseName("_a79.example.com."), resolver.TypeCNAME
			_, err := p.Resolve(t.Context(), q)
			require.NoError(t, err, "%v", c.faults)
			require.NoError(t, p.Close())
		})
	}
}
