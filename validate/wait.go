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
	// AwaitResolvers: a CA finds the record; some of the checker's witnesses still remember what was before.
	AwaitResolvers WaitStage = "resolvers"
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
	// Until is when the wait for this record ends at the latest: at Waiting.Until, or at the [Certificate.Deadline] where that is
	// earlier. Zero: not at a known time.
	Until time.Time
	// Changed reports whether the verdict or the first finding is another than at the look before; the first look is a change.
	Changed bool
}

// Wait checks records again and again until each is valid and seen by the checker's witnesses, until w.Until, or until ctx is done, and gives an update after
// each look. The last update of a record has the stage [AwaitEnd]; its report's verdict is the result of the wait. Between
// two looks at a record is a pause that grows from w.FirstPause to w.LongestPause, begins anew when something has changed,
// since somebody is at work, and grows shorter again towards w.Until.
//
// Witnesses are asked only once the zone's name servers are right, so that the wait never plants the answer that it waits to
// see gone. Each is waited for until what it remembered then is past its time, and not at all where it does not answer.
//
// A record that no waiting can mend ends at the first look: it is no record of ACM, its domain cannot be certified, or its certificate
// has failed or timed out. A pending certificate's record ends with the look at the [Certificate.Deadline], when ACM gives up; that is
// known as far as the record's Certificate says when it was asked for. The error is that of
// [Checker.Check] or the context's, and ends the iteration. Stopping the iteration stops the wait; nothing is left behind.
func (c *Checker) Wait(ctx context.Context, w Waiting, records ...Record) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		open := make([]*waiting, len(records))
		for i, r := range records {
			open[i] = &waiting{Waiting: w, record: r, last: Update{Index: i}, due: now(), deadline: r.Certificate.Deadline()}
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
	// deadline is when ACM gives up. Unlike Until it cuts no look short: the one that is made then tells that it is over.
	deadline time.Time
	asks     bool      // the name servers are right: the witnesses are asked, too
	patient  time.Time // until when what witnesses remembered is waited for; zero where they have not been asked yet
}

func dueBy(open []*waiting, t time.Time) []*waiting {
	return slices.DeleteFunc(slices.Clone(open), func(x *waiting) bool { return x.due.After(t) })
}

// lookAt makes one look at each of the records and reports whether the iteration goes on.
func (c *Checker) lookAt(ctx context.Context, round []*waiting, now func() time.Time, yield func(Update, error) bool) bool {
	for _, witnesses := range []bool{false, true} {
		look := *c
		if !witnesses {
			look.Witnesses, look.Own = nil, resolver.Recursor{} // they would remember the answer that is waited to see gone
		}
		if until := round[0].Until; !until.IsZero() {
			look.Timeout = max(min(orDefault(c.Timeout, DefaultTimeout), until.Sub(now())), time.Millisecond)
		}
		group := slices.DeleteFunc(slices.Clone(round), func(x *waiting) bool { return x.asks != witnesses })
		i := 0
		for rep, err := range look.CheckAll(ctx, func(yield func(Record) bool) {
			for _, x := range group {
				if !yield(x.record) {
					return
				}
			}
		}) {
			if err != nil {
				yield(Update{}, err)
				return false
			}
			if !yield(group[i].saw(rep, now(), len(c.Witnesses) > 0 || c.Own != resolver.Recursor{}), nil) {
				return false
			}
			i++
		}
		if i < len(group) { // CheckAll takes no more records once the context is done
			yield(Update{}, fmt.Errorf("validate: wait for %s: %w", group[i].record.Name, ctx.Err()))
			return false
		}
	}
	return true
}

// saw makes the update of a look that has just ended, and sets when the next one is due.
func (x *waiting) saw(rep Report, now time.Time, witnesses bool) Update {
	u := Update{
		Index: x.last.Index, Report: rep, Looks: x.last.Looks + 1,
		Changed: x.last.Looks == 0 || cause(rep) != cause(x.last.Report), Until: x.end(),
	}
	switch {
	case x.record.hopeless(), x.record.Certificate.lost(now):
		u.Stage = AwaitEnd
	case rep.Verdict == Valid:
		u.Stage = x.remembered(rep, now, witnesses)
	default:
		u.Stage, x.asks, x.patient = AwaitServers, false, time.Time{}
		x.rest(now, u.Changed)
	}
	last := x.due
	if rep.Verdict != Undetermined { // a look that the end would cut off says less than this one
		last = last.Add(4 * rep.Stats.Elapsed)
	}
	if !x.Until.IsZero() && !last.Before(x.Until) {
		u.Stage = AwaitEnd
	}
	if u.Stage != AwaitEnd {
		u.Next = x.due
	}
	x.last = u
	return u
}

// rest sets the pause after a look at a record that is not right.
func (x *waiting) rest(now time.Time, changed bool) {
	first := orDefault(x.FirstPause, DefaultFirstPause)
	x.pause = min(x.pause*3/2, orDefault(x.LongestPause, DefaultLongestPause))
	if changed {
		x.pause = first
	}
	if end := x.end(); !end.IsZero() {
		x.pause = min(x.pause, max(end.Sub(now)/2, first))
	}
	x.due = now.Add(x.pause)
	if !x.deadline.IsZero() && x.due.After(x.deadline) {
		x.due = x.deadline
	}
}

// end is the earlier of Until and the deadline; zero where there is neither.
func (x *waiting) end() time.Time {
	if x.Until.IsZero() || !x.deadline.IsZero() && x.deadline.Before(x.Until) {
		return x.deadline
	}
	return x.Until
}

// remembered is for a look at a record that is right: it says whether the witnesses are to be asked, or asked again when the
// first of them has forgotten.
func (x *waiting) remembered(rep Report, now time.Time, witnesses bool) WaitStage {
	if !witnesses {
		return AwaitEnd
	}
	if !x.asks {
		x.asks, x.due = true, now
		return AwaitResolvers
	}
	var next, last time.Time
	for _, p := range rep.Perspectives {
		if p.Says == SaysRecord || !p.Until.After(now) {
			continue
		}
		if next.IsZero() || p.Until.Before(next) {
			next = p.Until
		}
		if p.Until.After(last) {
			last = p.Until
		}
	}
	if x.patient.IsZero() {
		x.patient = last
	}
	if next.IsZero() || next.After(x.patient) { // a witness that remembers anew sees another world, not an old one
		return AwaitEnd
	}
	x.due = next.Add(time.Second) // Until is in whole seconds
	return AwaitResolvers
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
