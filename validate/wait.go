package validate

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// How long [Checker.Wait] pauses where the Waiting does not say.
const (
	DefaultFirstPause   = 5 * time.Second
	DefaultLongestPause = time.Minute
)

// Waiting says how [Checker.Wait] waits. The zero value waits until the context is done.
type Waiting struct {
	FirstPause   time.Duration // between the first two looks, and after each change; 0: [DefaultFirstPause]
	LongestPause time.Duration // which pauses grow to; 0: [DefaultLongestPause]
	Until        time.Time     // when to give up, by the checker's clock; zero: never
}

// WaitStage says what a wait waits for.
type WaitStage string

// The stages of a wait, in their order.
const (
	// AwaitServers: the zone's own name servers do not all give the right answer yet.
	AwaitServers WaitStage = "servers"
	// AwaitEnd: the wait is over; the update is the last one.
	AwaitEnd WaitStage = "end"
)

// Update is one look of a wait at one record. It is a plain value.
type Update struct {
	Index  int // of the record among those waited for
	Report Report
	Looks  int       // at this record so far, this one among them
	Stage  WaitStage // what is waited for now
	Next   time.Time // when the next look begins; zero at the end
	// Changed reports whether the verdict or the first finding is another than at the look before; the first look is a change.
	Changed bool
}

// Wait checks records again and again until each is valid, until w.Until, or until ctx is done, and gives an update after
// each look. The last update of a record has the stage [AwaitEnd]; its report's verdict is the result of the wait. Between
// two looks at a record is a pause that grows from w.FirstPause to w.LongestPause, begins anew when something has changed,
// since somebody is at work, and grows shorter again towards w.Until.
//
// A record that no waiting can mend, because it is no record of ACM or its domain cannot be certified, ends at the first look. The error is that of
// [Checker.Check] or the context's, and ends the iteration. Stopping the iteration stops the wait; nothing is left behind.
func (c *Checker) Wait(ctx context.Context, w Waiting, records ...Record) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		open := make([]*waiting, len(records))
		for i, r := range records {
			open[i] = &waiting{Waiting: w, record: r, last: Update{Index: i}, due: now()}
		}
		for len(open) > 0 {
			next := slices.MinFunc(open, func(a, b *waiting) int { return a.due.Compare(b.due) })
			if err := sleep(ctx, next.due.Sub(now())); err != nil {
				yield(Update{}, fmt.Errorf("validate: wait for %s: %w", next.record.Name, err))
				return
			}
			if !c.lookAt(ctx, dueBy(open, now().Add(sameRound)), now, yield) {
				return
			}
			open = slices.DeleteFunc(open, func(x *waiting) bool { return x.last.Stage == AwaitEnd })
		}
	}
}

// sameRound is how early a record is looked at so that it is looked at together with others.
const sameRound = time.Second

// waiting is one record that is waited for.
type waiting struct {
	Waiting
	record Record
	last   Update
	pause  time.Duration
	due    time.Time
}

func dueBy(open []*waiting, t time.Time) []*waiting {
	return slices.DeleteFunc(slices.Clone(open), func(x *waiting) bool { return x.due.After(t) })
}

// lookAt makes one look at each of the records and reports whether the iteration goes on.
func (c *Checker) lookAt(ctx context.Context, round []*waiting, now func() time.Time, yield func(Update, error) bool) bool {
	look := *c
	look.Witnesses, look.Own = nil, resolver.Recursor{} // they would remember the answer that is waited to see gone
	if until := round[0].Until; !until.IsZero() {
		look.Timeout = max(min(orDefault(c.Timeout, DefaultTimeout), until.Sub(now())), time.Millisecond)
	}
	i := 0
	for rep, err := range look.CheckAll(ctx, func(yield func(Record) bool) {
		for _, x := range round {
			if !yield(x.record) {
				return
			}
		}
	}) {
		if err != nil {
			yield(Update{}, err)
			return false
		}
		if !yield(round[i].saw(rep, now()), nil) {
			return false
		}
		i++
	}
	if i < len(round) { // CheckAll takes no more records once the context is done
		yield(Update{}, fmt.Errorf("validate: wait for %s: %w", round[i].record.Name, ctx.Err()))
		return false
	}
	return true
}

// saw makes the update of a look that has just ended, and sets when the next one is due.
func (x *waiting) saw(rep Report, now time.Time) Update {
	first := orDefault(x.FirstPause, DefaultFirstPause)
	u := Update{
		Index: x.last.Index, Report: rep, Looks: x.last.Looks + 1, Stage: AwaitServers,
		Changed: x.last.Looks == 0 || cause(rep) != cause(x.last.Report),
	}
	x.pause = min(x.pause*3/2, orDefault(x.LongestPause, DefaultLongestPause))
	if u.Changed {
		x.pause = first
	}
	if !x.Until.IsZero() {
		x.pause = min(x.pause, max(x.Until.Sub(now)/2, first))
	}
	x.due = now.Add(x.pause)
	last := x.due
	if rep.Verdict != Undetermined { // a look that the end would cut off says less than this one
		last = last.Add(4 * rep.Stats.Elapsed)
	}
	if rep.Verdict == Valid || x.record.hopeless() || !x.Until.IsZero() && !last.Before(x.Until) {
		u.Stage = AwaitEnd
	} else {
		u.Next = x.due
	}
	x.last = u
	return u
}

// cause is what a report says in short: two reports with the same one differ in details only.
func cause(r Report) string {
	if len(r.Findings) == 0 {
		return string(r.Verdict)
	}
	return string(r.Verdict) + " " + string(r.Findings[0].Rule) + " " + r.Findings[0].Message
}

// sleep returns after d, or with the context's error as soon as it is done.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
