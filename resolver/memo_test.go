package resolver

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func answered(q Question) Response {
	return Response{Question: q, Answer: []RR{MustParseRR("_a79.example.com. CNAME _424.acm-validations.aws.")}}
}

func TestMemoAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		m := Memo{Resolver: Func(func(_ context.Context, q Question) (Response, error) {
			calls++ // the race detector tells if two run at once
			time.Sleep(time.Second)
			if q.Type == TypeA {
				return Response{}, askError(q, ErrTimeout)
			}
			return answered(q), nil
		})}
		a := asked
		a.Type = TypeA
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				r, err := m.Resolve(t.Context(), asked)
				if err != nil || len(r.Answer) != 1 {
					t.Errorf("%v, %v", r, err)
				}
				r.Answer[0] = RR{} // whoever spoils his copy spoils nobody else's
			})
		}
		all.Wait()
		for range 2 {
			_, err := m.Resolve(t.Context(), a)
			require.ErrorIs(t, err, ErrTimeout)
		}
		require.Equal(t, 2, calls)
		require.Equal(t, 2, m.Asked())

		got := m.Exchanges()
		require.Len(t, got, 2)
		require.Equal(t, a, got[0].Question, "A sorts before CNAME")
		require.ErrorIs(t, got[0].Err, ErrTimeout)
		require.Equal(t, answered(asked), got[1].Response)
		got[1].Response.Answer[0] = RR{}
		require.Equal(t, answered(asked), m.Exchanges()[1].Response)
	})
}

// Who goes away takes nobody along: those who wait get an answer to the same question, asked once more.
func TestMemoTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		m := Memo{Limit: 1, Resolver: Func(func(ctx context.Context, q Question) (Response, error) {
			calls++
			select {
			case <-time.After(time.Minute):
				return answered(q), nil
			case <-ctx.Done():
				return Response{}, askError(q, ctx.Err())
			}
		})}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := m.Resolve(short, asked)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("leader: %v", err)
			}
		})
		synctest.Wait()
		brief, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		_, err := m.Resolve(brief, asked)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Millisecond, time.Since(start), "a waiting caller leaves when its own context ends")
		require.Empty(t, m.Exchanges(), "nothing has ended")
		for range 3 {
			all.Go(func() {
				if r, err := m.Resolve(t.Context(), asked); err != nil || len(r.Answer) != 1 {
					t.Errorf("follower: %v, %v", r, err)
				}
			})
		}
		time.Sleep(2 * time.Second)
		require.ErrorIs(t, m.Exchanges()[0].Err, context.DeadlineExceeded)
		all.Wait()
		require.Equal(t, time.Minute+time.Second, time.Since(start))
		require.Equal(t, 2, calls)
		require.Equal(t, 1, m.Asked(), "the same question")
		require.NoError(t, m.Exchanges()[0].Err)
	})
}

// A resolver that limits its own time says something about the server, unlike a caller that goes away.
func TestMemoKeepsResolversOwnDeadline(t *testing.T) {
	calls := 0
	m := Memo{Resolver: Func(func(_ context.Context, q Question) (Response, error) {
		calls++
		return Response{}, askError(q, context.DeadlineExceeded)
	})}
	for range 2 {
		_, err := m.Resolve(t.Context(), asked)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Equal(t, 1, calls)
}

func TestMemoLimit(t *testing.T) {
	m := Memo{Limit: 3, Resolver: Func(func(_ context.Context, q Question) (Response, error) { return answered(q), nil })}
	for i := range 5 {
		q := asked
		q.Server = netip.MustParseAddrPort("192.0.2." + strconv.Itoa(i+1) + ":53")
		_, err := m.Resolve(t.Context(), q)
		if i < 3 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrBudget)
		}
		q.Server = netip.MustParseAddrPort("192.0.2.1:53")
		_, err = m.Resolve(t.Context(), q)
		require.NoError(t, err, "what is known costs nothing")
	}
	require.Equal(t, 3, m.Asked())

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	fresh := Memo{Resolver: m.Resolver}
	_, err := fresh.Resolve(cancelled, asked)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, fresh.Asked(), "nothing was sent on")
}

// A panic below reaches its caller and leaves nobody waiting for ever.
func TestMemoPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		m := Memo{Resolver: Func(func(_ context.Context, q Question) (Response, error) {
			calls++
			time.Sleep(time.Second)
			if calls == 1 {
				panic("broken")
			}
			return answered(q), nil
		})}
		var all sync.WaitGroup
		all.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = m.Resolve(t.Context(), asked)
		})
		synctest.Wait()
		r, err := m.Resolve(t.Context(), asked)
		require.NoError(t, err)
		require.Equal(t, answered(asked), r)
		all.Wait()
	})
}

func TestMemoIsToldWhatWasAskedBefore(t *testing.T) {
	q := Question{Name: MustParseName("example.com."), Type: TypeNS}
	silent := Question{Name: MustParseName("example.org."), Type: TypeNS}
	m := &Memo{Resolver: Func(func(context.Context, Question) (Response, error) {
		t.Error("it was asked again")
		return Response{}, ErrTimeout
	})}
	m.Know(Exchange{Question: q, Response: Response{Question: q, RCode: NXDomain}}, Exchange{Question: silent, Err: ErrTimeout})
	m.Know(Exchange{Question: q})
	if r, err := m.Resolve(t.Context(), q); err != nil || r.RCode != NXDomain {
		t.Errorf("got %v, %v: what was told first stays", r.RCode, err)
	}
	if _, err := m.Resolve(t.Context(), silent); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, want what was told", err)
	}
	if m.Asked() != 2 || len(m.Exchanges()) != 2 {
		t.Errorf("%d questions and %d exchanges, want 2 of each", m.Asked(), len(m.Exchanges()))
	}
}
