package resolver_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// Everything that is a Resolver here keeps the promises of one, alone and around another.
func TestConformance(t *testing.T) {
	for name, newResolver := range map[string]func(next resolver.Resolver) resolver.Resolver{
		"Client":                func(next resolver.Resolver) resolver.Resolver { return next },
		"Memo":                  func(next resolver.Resolver) resolver.Resolver { return &resolver.Memo{Resolver: next} },
		"Cache":                 func(next resolver.Resolver) resolver.Resolver { return &resolver.Cache{Resolver: next} },
		"Transcript, recording": func(next resolver.Resolver) resolver.Resolver { return &resolver.Transcript{Resolver: next} },
		"Transcript, replaying": replayed,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, resolvertest.TestResolver(func(in *resolvertest.Internet) resolver.Resolver {
					return newResolver(&resolver.Client{Dial: in.Dial})
				}))
			})
		})
	}
}

// replayed asks next, writes down what came of it, and answers from the text alone.
func replayed(next resolver.Resolver) resolver.Resolver {
	return resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
		recording := &resolver.Transcript{Resolver: next, Time: time.Now()}
		if r, err := recording.Resolve(ctx, q); ctx.Err() != nil {
			return r, err
		}
		text, err := recording.MarshalText()
		if err != nil {
			return resolver.Response{}, err
		}
		replay, err := resolver.ParseTranscript(bytes.NewReader(text))
		if err != nil {
			return resolver.Response{}, err
		}
		return replay.Resolve(ctx, q)
	})
}
