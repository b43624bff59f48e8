package resolvertest_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

func TestResolversConform(t *testing.T) {
	for name, r := range map[string]func(in *resolvertest.Internet) resolver.Resolver{
		"Internet": func(in *resolvertest.Internet) resolver.Resolver { return in },
		"Client":   func(in *resolvertest.Internet) resolver.Resolver { return &resolver.Client{Dial: in.Dial} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { require.NoError(t, resolvertest.TestResolver(r)) })
		})
	}
}

// A suite is worth what it finds: each of these breaks one promise, and is told so by name.
func TestSuiteFindsBrokenResolvers(t *testing.T) {
	type ask = func(ctx context.Context, q resolver.Question) (resolver.Response, error)
	for _, c := range []struct {
		name  string
		spoil func(next ask) ask
		found []string
	}{
		{"an error for NXDOMAIN", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				if r.RCode == resolver.NXDomain {
					return r, resolver.ErrTimeout
				}
				return r, err
			}
		}, []string{"no such name", "concurrent"}},
		{"an empty answer for silence", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				if errors.Is(err, resolver.ErrTimeout) {
					return resolver.Response{Question: q}, nil
				}
				return r, err
			}
		}, []string{"silence", "no server there", "another ID always"}},
		{"no reason given", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				if err != nil {
					err = errors.New("it failed")
				}
				return r, err
			}
		}, []string{"silence", "mangled always", "truncated without TCP", "cancelled", "cancelled before", "nothing listens"}},
		{"the truncated answer passed on", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				if r.Transport == resolver.TCP && !q.TCP || errors.Is(err, resolver.ErrTruncated) {
					r.Question, r.Truncated, r.Answer, err = q, true, nil, nil
				}
				return r, err
			}
		}, []string{"long answer", "truncated always", "truncated without TCP"}},
		{"sections thrown away", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				r.Authority, r.Additional = nil, nil
				return r, err
			}
		}, []string{"referral", "no such name", "no such type"}},
		{"glue thrown away", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				r.Additional = nil
				return r, err
			}
		}, []string{"referral"}},
		{"AA made up", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				r.Authoritative = true
				return r, err
			}
		}, []string{"referral", "without AA", "SERVFAIL", "REFUSED"}},
		{"SERVFAIL as an error", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				if r.RCode == resolver.ServFail {
					return resolver.Response{}, resolver.ErrTimeout
				}
				return r, err
			}
		}, []string{"SERVFAIL"}},
		{"deaf to cancellation", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				return next(context.WithoutCancel(ctx), q)
			}
		}, []string{"cancelled", "cancelled before"}},
		{"UDP only", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				p := q
				p.TCP = false
				r, err := next(ctx, p)
				r.Question = q
				return r, err
			}
		}, []string{"TCP on demand"}},
		{"the question forgotten", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				r.Question = resolver.Question{}
				return r, err
			}
		}, []string{"answer", "letter case"}},
		{"aliases cut off", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				r.Answer = r.Answer[:min(1, len(r.Answer))]
				return r, err
			}
		}, []string{"alias"}},
		{"answers mixed up", func(next ask) ask {
			var mu sync.Mutex
			var last resolver.Response
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					r, last = last, r
					r.Question = q
				}
				return r, err
			}
		}, []string{"concurrent"}},
		{"EDNS claimed", func(next ask) ask {
			return func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				r, err := next(ctx, q)
				r.EDNS = true
				return r, err
			}
		}, []string{"FORMERR for EDNS", "silence for EDNS"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := resolvertest.TestResolver(func(in *resolvertest.Internet) resolver.Resolver {
					return resolver.Func(c.spoil(in.Resolve))
				})
				require.Error(t, err)
				for _, f := range c.found {
					assert.Contains(t, "\n"+err.Error(), "\nresolvertest: "+f+": ")
				}
			})
		})
	}
}

// One packet only, and not a second: what a resolver does that does not try again.
func TestSuiteFindsWhoGivesUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := resolvertest.TestResolver(func(in *resolvertest.Internet) resolver.Resolver {
			return resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				var seen atomic.Int32
				in.OnPacket(func(resolvertest.Packet) resolvertest.Fault {
					if seen.Add(1) > 1 {
						return resolvertest.Fault{Action: resolvertest.Drop}
					}
					return resolvertest.Fault{}
				})
				return in.Resolve(ctx, q)
			})
		})
		require.Error(t, err)
		for _, f := range []string{"one packet lost", "one packet mangled", "another ID", "another question", "long answer", "FORMERR for EDNS", "UDP lost"} {
			assert.Contains(t, "\n"+err.Error(), "\nresolvertest: "+f+": ")
		}
	})
}
