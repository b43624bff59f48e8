package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Defaults of [Applier].
const (
	DefaultGrace    = 15 * time.Second
	DefaultReadBack = 10 * time.Second
)

// Applier carries out plans. Its zero value is ready, and what [Apply] uses. It is safe for concurrent use if its functions are.
type Applier struct {
	// Journal is given what takes the change back before the first write; an error of it stops there. Nil: the undo data is in
	// the result only, and lost when the process is.
	Journal func(ctx context.Context, u Undo) error
	// Audit is told of steps of a plan as soon as they have been read back, for an audit trail. Its error stops nothing, since the
	// change is made: it ends in Result.Warnings. Nil: nobody is told.
	Audit func(ctx context.Context, p Plan, steps []Step) error
	// ReadBack is how long a change may take to be seen at the provider; 0 means DefaultReadBack.
	ReadBack time.Duration
	// Grace is how long a unit that was begun may go on after cancellation; 0 means DefaultGrace.
	Grace time.Duration
	// Sleep waits between two readings; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Result is what applying a plan came to.
type Result struct {
	Done     []Step   // written, and read back
	Skipped  []Step   // as wanted before anything was written
	Left     []Step   // misplaced copies that could not be removed; the record itself is right
	Warnings []string // why, a sentence each
	Undo     Undo     // takes back Done
	Settled  bool     // the provider says that all its servers have it; false where it cannot say
}

// Apply is [Applier.Apply] of the zero Applier.
func Apply(ctx context.Context, c Client, p Plan) (Result, error) { return Applier{}.Apply(ctx, c, p) }

// Apply carries out the plan: read, compare, save the undo data, write, read back. Names that are as wanted already are skipped,
// so that a plan can be applied again after an interruption; names that are neither as planned from nor as wanted stop it with
// [ErrConflict] before anything is written.
//
// Where the provider cannot do all in one act, names are done one after the other: create, replace, delete. Cancellation is
// honoured between them; one that was begun is finished or taken back within Applier.Grace. What was written counts as done when
// it has been read back and not otherwise: also after an error, since a time-out tells nothing; success that cannot be read back
// is [ErrNotVisible].
//
// An error that is a [*PartialError] says that something was or may have been written, and how to take it back; with any other,
// the zone is as it was. The Result is filled in both cases. A misplaced copy that cannot be removed once the record is right is
// no error; it is in Result.Left.
func (a Applier) Apply(ctx context.Context, c Client, p Plan) (Result, error) {
	if p.Empty() {
		return Result{}, nil
	}
	if err := a.ready(ctx, c, p); err != nil {
		return Result{}, err
	}
	sets, err := c.Read(ctx, p.zone, names(p.units)...)
	if err != nil {
		return Result{}, fmt.Errorf("providers: read %s at %s: %w", p.zone.Apex, p.provider, err)
	}
	var res Result
	skipped, todo, err := p.remaining(byName(sets))
	if err != nil {
		return Result{}, err
	}
	res.Skipped = skipped
	if len(todo) > 0 {
		if err := a.save(ctx, undoOf(p, todo)); err != nil {
			return Result{Skipped: res.Skipped}, err
		}
		run := run{Applier: a, client: c, plan: p, res: &res}
		if err := run.all(ctx, todo); err != nil {
			return res, err
		}
	}
	a.settle(ctx, c, p, &res)
	return res, nil
}

// ready reports why the plan cannot be applied by this client at all.
func (a Applier) ready(ctx context.Context, c Client, p Plan) error {
	if c.Name() != p.provider {
		return fmt.Errorf("providers: the plan is for %s, not for %s: %w", p.provider, c.Name(), ErrConflict)
	}
	if err := p.inScope(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("providers: apply: %w", err)
	}
	return nil
}

// remaining compares what stands at the names with what the plan was made from, and gives what is as wanted already and what is
// still to be done. The error wraps [ErrConflict].
func (p Plan) remaining(standing map[resolver.Name][]RRset) (skipped []Step, todo []unit, err error) {
	for _, u := range p.units {
		cur := at(standing[u.name], u.name)
		switch {
		case sameSets(cur, u.after):
			skipped = append(skipped, u.steps()...)
		case sameSets(cur, u.before):
			todo = append(todo, unit{name: u.name, before: cur, after: u.after})
		default:
			return nil, nil, conflict(u, cur)
		}
	}
	return skipped, todo, nil
}

// save hands out the undo data, without which nothing is written.
func (a Applier) save(ctx context.Context, u Undo) error {
	if a.Journal == nil {
		return nil
	}
	if err := a.Journal(ctx, u); err != nil {
		return fmt.Errorf("providers: save the undo data, without which nothing is written: %w", err)
	}
	return nil
}

// conflict says what was expected at a name and what is there.
func conflict(u unit, cur []RRset) error {
	return fmt.Errorf("providers: at %s stands %s, and the plan was made from %s: %w",
		u.name, setsText(cur), setsText(u.before), ErrConflict)
}

func setsText(sets []RRset) string {
	if len(sets) == 0 {
		return "nothing"
	}
	var out []string
	for _, s := range sets {
		text := s.Type.String() + " " + printable(strings.Join(s.Values, ", "))
		if s.Hidden != Shown {
			text += " (" + string(s.Hidden) + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, " and ")
}

func (a Applier) settle(ctx context.Context, c Client, p Plan, res *Result) {
	s, ok := c.(Settler)
	if !ok {
		return
	}
	if err := s.Settle(ctx, p.zone); err != nil {
		res.Warnings = append(res.Warnings,
			fmt.Sprintf("the change is made, and whether all servers of the provider have it is not known: %v", err))
		return
	}
	res.Settled = true
}

// audit tells of steps that are done.
func (a Applier) audit(ctx context.Context, p Plan, steps []Step, res *Result) {
	if a.Audit == nil {
		return
	}
	if err := a.Audit(context.WithoutCancel(ctx), p, steps); err != nil {
		res.Warnings = append(res.Warnings, fmt.Sprintf("the change is made, and not in the audit trail: %v", err))
	}
}

// run is one application of a plan.
type run struct {
	Applier
	client Client
	plan   Plan
	res    *Result
	done   []unit
}

// all carries out the units, all at once where the provider can.
func (r *run) all(ctx context.Context, todo []unit) error {
	groups := [][]unit{todo}
	if !r.client.Traits().Atomic {
		groups = nil
		for _, u := range inOrder(todo) {
			groups = append(groups, []unit{u})
		}
	}
	for i := 0; i < len(groups); i++ {
		g, pending := groups[i], slices.Concat(groups[i+1:]...)
		if err := ctx.Err(); err != nil {
			return r.stopped(nil, slices.Concat(groups[i:]...), fmt.Errorf("providers: stopped before %s: %w", g[0].name, err))
		}
		clean, err := r.carryOut(ctx, g)
		if apart := r.apart(g); clean && errors.Is(err, ErrPermission) && len(apart) > 1 {
			groups = slices.Replace(groups, i, i+1, apart...) // what lies outside the credentials had the whole act refused
			i--
			continue
		}
		switch {
		case err == nil:
			r.done = append(r.done, g...)
			r.res.Done = append(r.res.Done, stepsOf(g)...)
			r.res.Undo = undoOf(r.plan, r.done)
			r.audit(ctx, r.plan, stepsOf(g), r.res)
		case r.tidying(g):
			r.res.Left = append(r.res.Left, stepsOf(g)...)
			r.res.Warnings = append(r.res.Warnings, fmt.Sprintf("the misplaced copy at %s is still to be removed: %v", g[0].name, err))
			if !clean {
				r.res.Undo = undoOf(r.plan, append(slices.Clone(r.done), g...))
			}
		case clean:
			return r.stopped(nil, append(slices.Clone(g), pending...), err)
		default:
			return r.stopped(g, pending, err)
		}
	}
	return nil
}

// tidying reports whether the group only removes a misplaced copy after the record itself has been put right.
func (r *run) tidying(g []unit) bool {
	return r.plan.dir == forth && len(g) == 1 && g[0].name != r.plan.record.Name && len(without(g[0].after, g[0].before)) == 0
}

// apart gives what is needed first and then each copy that would only be tidied away, to be done one after the other.
func (r *run) apart(g []unit) (groups [][]unit) {
	var needed []unit
	for _, u := range g {
		if r.tidying([]unit{u}) {
			groups = append(groups, []unit{u})
		} else {
			needed = append(needed, u)
		}
	}
	if len(needed) == 0 {
		return groups
	}
	return append([][]unit{needed}, groups...)
}

// stopped makes the error of a run that ends early: a plain one as long as the zone is as it was.
func (r *run) stopped(failed, pending []unit, err error) error {
	if len(r.done) == 0 && len(failed) == 0 && len(r.res.Left) == 0 {
		return err
	}
	r.res.Undo = undoOf(r.plan, slices.Concat(r.done, failed))
	return &PartialError{
		Done: slices.Clone(r.res.Done), Failed: stepsOf(failed), Pending: stepsOf(pending), Undo: r.res.Undo, Err: err,
	}
}

// carryOut brings the names of the group from before to after, in as many writes as the provider needs. On error, clean says
// that the names are known to be as they were.
func (r *run) carryOut(ctx context.Context, g []unit) (clean bool, err error) {
	ctx, end := withGrace(ctx, orDefault(r.Grace, DefaultGrace))
	defer end()
	owners := names(g)
	var before, after []RRset
	for _, u := range g {
		before, after = append(before, u.before...), append(after, u.after...)
	}
	cur := before
	for i, next := range r.stages(before, after) {
		got, known, err := r.write(ctx, r.plan.dir, owners, cur, next)
		late := false
		if err != nil && !known && ctx.Err() != nil && len(without(before, after)) > 0 && len(without(after, before)) > 0 {
			// The grace is over, and the old value may be gone without the new one: nobody is helped by stopping here.
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), orDefault(r.Grace, DefaultGrace))
			defer cancel()
			var rerr error
			got, rerr = r.read(ctx, owners)
			known, late = rerr == nil, true
		}
		switch {
		case err == nil, known && sameSets(got, after):
			cur = got
		case i == 0 && errors.Is(err, ErrConflict):
			return true, err // nothing was written: whatever stands there is somebody else's decision, also where it is nothing
		case !known:
			return false, fmt.Errorf("%w; what stands there now could not be read", err)
		case sameSets(got, before):
			return !late, err // what hung may still come
		case r.client.Traits().Atomic: // whole or not at all: a third state is somebody else's doing, and not ours to take back
			return errors.Is(err, ErrConflict), fmt.Errorf("%w; at the name stands %s, which somebody else has written: %w", err, setsText(got), ErrConflict)
		default:
			return r.restore(ctx, owners, before, after, got, err)
		}
	}
	return false, nil
}

// stages gives the states to go through. A name has to be free of other data before a CNAME can be created there, and a provider
// that does not replace needs it free of the old CNAME, too.
func (r *run) stages(before, after []RRset) [][]RRset {
	gone, come := without(before, after), without(after, before)
	t := r.client.Traits()
	if t.Atomic || len(gone) == 0 || len(come) == 0 {
		return [][]RRset{after}
	}
	if t.Replaces {
		gone = slices.DeleteFunc(gone, func(s RRset) bool {
			return slices.ContainsFunc(come, func(c RRset) bool { return c.Name == s.Name && c.Type == s.Type })
		})
		if len(gone) == 0 {
			return [][]RRset{after}
		}
	}
	return [][]RRset{without(before, gone), after}
}

// restore puts back what was there when a group ended half-way, unless somebody else has written meanwhile.
func (r *run) restore(
	ctx context.Context, owners []resolver.Name, before, after, cur []RRset, cause error,
) (clean bool, err error) {
	if foreign := without(without(cur, before), after); len(foreign) > 0 {
		return false, fmt.Errorf("%w; at the name stands %s, which is not from this plan, so nothing was put back", cause, setsText(foreign))
	}
	_, _, err = r.write(ctx, back, owners, cur, before)
	if err == nil {
		return true, fmt.Errorf("%w; what was there has been put back", cause)
	}
	return false, fmt.Errorf("%w; and putting back what was there, %s, failed, too: %w", cause, setsText(without(before, cur)), err)
}

// write carries out one batch, after one more look at the scope, and judges it by what is read afterwards. Known says whether got
// is what stands there.
func (r *run) write(
	ctx context.Context, dir direction, owners []resolver.Name, cur, next []RRset,
) (got []RRset, known bool, err error) {
	b := Batch{Owners: owners, Expect: cur, Delete: without(cur, next), Create: without(next, cur)}
	if err := gate(r.plan.record, r.plan.zone.Apex, dir, b); err != nil {
		return cur, true, err
	}
	werr := r.client.Write(ctx, r.plan.zone, b)
	whole := len(b.Delete)+len(b.Create) == 1 || r.client.Traits().Atomic
	refused := whole && errors.Is(werr, ErrPermission) || errors.Is(werr, ErrConflict)
	got, rerr := r.readBack(ctx, owners, next, !refused)
	if rerr == nil && sameSets(got, next) {
		return got, true, nil
	}
	act := fmt.Sprintf("providers: write %s at %s", r.plan.zone.Apex, r.plan.provider)
	switch {
	case werr != nil && rerr != nil:
		return nil, false, fmt.Errorf("%s: %w; reading back: %w", act, werr, rerr)
	case rerr != nil:
		return nil, false, fmt.Errorf("%s: reading back: %w", act, rerr)
	case werr != nil:
		return got, true, fmt.Errorf("%s: %w", act, werr)
	}
	return got, true, fmt.Errorf("%s: the provider reported success, and gives %s: %w", act, setsText(got), ErrNotVisible)
}

// readBack reads until what is wanted is there, or the time for it is over. It gives the last reading; what an earlier one said
// counts for nothing when the last one failed.
func (r *run) readBack(ctx context.Context, owners []resolver.Name, want []RRset, patient bool) ([]RRset, error) {
	window := orDefault(r.ReadBack, DefaultReadBack)
	delay, waited := 250*time.Millisecond, time.Duration(0)
	for {
		got, err := r.read(ctx, owners)
		if err == nil && (sameSets(got, want) || !patient) || waited >= window || ctx.Err() != nil {
			return got, err
		}
		d := min(delay, window-waited)
		if serr := r.sleep(ctx, d); serr != nil {
			return got, err
		}
		waited += d
		delay = min(2*delay, 2*time.Second)
	}
}

func (r *run) read(ctx context.Context, owners []resolver.Name) ([]RRset, error) {
	sets, err := r.client.Read(ctx, r.plan.zone, owners...)
	standing := byName(sets)
	var got []RRset
	for _, o := range owners {
		got = append(got, at(standing[o], o)...)
	}
	return got, err
}

func (a Applier) sleep(ctx context.Context, d time.Duration) error {
	if a.Sleep != nil {
		return a.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// withGrace gives a context that lives on for a while after ctx is cancelled, so that what was begun can be finished.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, func()) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var mu sync.Mutex
	var timer *time.Timer
	ended := false
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			timer = time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		}
	})
	return out, func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		ended = true
		if timer != nil {
			timer.Stop()
		}
		cancel(nil)
	}
}
