package validatetest

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/bulk"
	"github.com/acmdoctor/acmdoctor/validate"
)

// many checks the world's record several times in one stream: at first nothing is known of what records have in common,
// then all of it is, so that a record that is right goes the short way.
func many(t *testing.T, w World) {
	synctest.Test(t, func(t *testing.T) {
		for _, lean := range []bool{false, true} {
			single := w.overSockets(t, lean)
			want, err := single.Check(t.Context(), w.Record)
			if err != nil {
				t.Fatal(err)
			}
			stream := w.pooled(t, lean)
			for rep, err := range stream.CheckAll(t.Context(), slices.Values(slices.Repeat([]validate.Record{w.Record}, 4))) {
				if err != nil {
					t.Fatal(err)
				}
				rep.Queries, want.Queries = 0, 0
				same(t, want, rep)
			}
			if err := stream.Pool.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// overSockets gives a checker that asks the world over connections.
func (w World) overSockets(t *testing.T, lean bool) *validate.Checker {
	in := w.internet(t)
	c, err := w.Checker(in, &resolver.Client{Dial: in.Dial})
	if err != nil {
		t.Fatal(err)
	}
	c.Lean = lean
	return c
}

// pooled gives a checker that asks the world by a pool of sockets.
func (w World) pooled(t *testing.T, lean bool) *validate.Checker {
	in := w.internet(t)
	client := &resolver.Client{Dial: in.Dial}
	c, err := w.Checker(in, client)
	if err != nil {
		t.Fatal(err)
	}
	c.Lean, c.Concurrency = lean, 1
	c.Pool = &bulk.Pool{Sockets: 2, Listen: in.ListenPacket, Fallback: client}
	return c
}
