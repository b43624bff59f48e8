package validate

import (
	"context"
	"iter"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Numbered is a report with the place of its record in the input, from 0.
type Numbered struct {
	Index  int
	Report Report
}

// CheckAll checks a stream of records, several at a time, in bounded memory, and gives the reports in the order of the
// input: those that [Checker.Check] gives, but for what depends on the run, Queries and Stats, since what records have in
// common is asked once. Stopping the iteration stops the work; nothing is left behind. After the context is done the
// remaining records are not taken from the input.
//
// With Lean, where Resolver is nil or a plain [resolver.Client], or with Pool, all questions go out by a fixed set of sockets,
// with caps for each server and network, and what records have in common is asked once. With Lean, and the rules of this
// package, a record that is right then costs some six questions and a fraction of the work of a check by itself: many
// thousands a second. The rest are checked one by one.
func (c *Checker) CheckAll(ctx context.Context, in iter.Seq[Record]) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		early := map[int]Report{}
		next := 0
		for n, err := range c.checkMany(ctx, in, true) {
			if err != nil {
				yield(Report{}, err)
				return
			}
			early[n.Index] = n.Report
			for {
				rep, ok := early[next]
				if !ok {
					break
				}
				delete(early, next)
				next++
				if !yield(rep, nil) {
					return
				}
			}
		}
	}
}

// CheckEach is [Checker.CheckAll] that gives each report as soon as it is there, with the place of its record. It reads the
// input in a goroutine of its own, so that an input that pauses holds up no report; stopping waits until the input has given
// its next record.
func (c *Checker) CheckEach(ctx context.Context, in iter.Seq[Record]) iter.Seq2[Numbered, error] {
	return c.checkMany(ctx, in, false)
}

// checkMany checks a stream. In order, the input is read by the caller's own goroutine, and no more than some windows' worth
// of records beyond the first that is not done: that bounds what waits for it.
func (c *Checker) checkMany(ctx context.Context, in iter.Seq[Record], ordered bool) iter.Seq2[Numbered, error] {
	return func(yield func(Numbered, error) bool) {
		rules, err := c.soundRules()
		if err != nil {
			yield(Numbered{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		f := c.newFlight(ctx, rules)
		defer f.end()
		defer cancel()
		records := make(chan Record)
		fill := func(func() bool) bool { return true }
		if ordered {
			next, stop := iter.Pull(in)
			defer stop()
			fill = func(room func() bool) bool { return f.fill(next, room) }
		} else {
			f.work.Go(func() { feed(ctx, in, records) })
		}
		first := 0
		done := map[int]bool{} // beyond first, where order is kept
		room := func() bool {
			return f.hasRoom() && (!ordered || f.taken-first < mostAhead*f.window) && ctx.Err() == nil
		}
		var older <-chan time.Time
		if f.young < f.window {
			t := time.NewTicker(bucket)
			defer t.Stop()
			older = t.C
		}
		for more := true; more || f.flying.all > 0; {
			from := records
			switch {
			case ordered:
				more = more && fill(room)
				from = nil
			case !more || !room():
				from = nil
			}
			if from == nil && f.flying.all == 0 {
				return // the context is done, or the input at its end
			}
			select {
			case <-older: // there may be room again
			case r, ok := <-from:
				if more = ok; ok {
					f.begin(r)
				}
			case n := <-f.results:
				f.flying.end(n.began, time.Now())
				if n.err != nil {
					yield(Numbered{}, n.err)
					return
				}
				if ordered {
					for done[n.Index] = true; done[first]; first++ {
						delete(done, first)
					}
				}
				if !yield(n.Numbered, nil) {
					return
				}
			}
		}
	}
}

// mostAhead is how many windows' worth of records are taken beyond the first that is not done, where order is kept.
const mostAhead = 4

// fill takes records while there is room. It reports whether the input may have more.
func (f *flight) fill(next func() (Record, bool), room func() bool) bool {
	for room() {
		r, ok := next()
		if !ok {
			return false
		}
		f.begin(r)
	}
	return true
}

// feed hands records on until the input ends or the context is done.
func feed(ctx context.Context, in iter.Seq[Record], records chan<- Record) {
	defer close(records)
	for r := range in {
		select {
		case records <- r:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// plainClient gives the client that a pool of sockets can stand for.
func (c *Checker) plainClient() (*resolver.Client, bool) {
	switch r := c.Resolver.(type) {
	case nil:
		return &resolver.Client{}, true
	case *resolver.Client:
		return r, r.Dial == nil
	}
	return nil, false
}
