package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Applied is what applying one plan of several came to.
type Applied struct {
	Result Result
	Err    error // as [Applier.Apply] gives it
}

// ApplyAll is [Applier.Apply] for many plans, each with its own result or error, in their order. Plans of one zone are read
// together and, where the provider changes a zone in one act, written together, in as few batches as the provider allows; the
// others are applied one after the other. A plan that conflicts with what stands there is left out, and the rest goes on. The
// journal is given the undo data of each plan before the batch that it is in.
func (a Applier) ApplyAll(ctx context.Context, c Client, plans []Plan) []Applied {
	out := make([]Applied, len(plans))
	groups := zoneGroups[*part]{}
	var alone []int
	taken := map[resolver.Name]bool{}
	for i, p := range plans {
		own := names(p.units)
		switch {
		case p.Empty():
		case !c.Traits().Atomic, slices.ContainsFunc(own, func(n resolver.Name) bool { return taken[n] }):
			alone = append(alone, i) // after the others: another plan may have done the same
		default:
			if out[i].Err = a.ready(ctx, c, p); out[i].Err != nil {
				continue
			}
			for _, n := range own {
				taken[n] = true
			}
			groups.add(p.zone, &part{plan: p, out: &out[i]})
		}
	}
	for _, g := range groups.list {
		together{Applier: a, client: c, zone: g.zone}.apply(ctx, g.of)
	}
	for _, i := range alone {
		out[i].Result, out[i].Err = a.Apply(ctx, c, plans[i])
	}
	return out
}

// part is one plan among those that are carried out together.
type part struct {
	plan Plan
	todo []unit
	out  *Applied
}

func (p *part) batch() Batch { return batchOf(p.todo) }

// together carries out plans of one zone at a provider that changes a zone in one act.
type together struct {
	Applier
	client Client
	zone   Zone
}

func (t together) apply(ctx context.Context, parts []*part) {
	var owners []resolver.Name
	for _, p := range parts {
		owners = append(owners, names(p.plan.units)...)
	}
	sets, err := t.client.Read(ctx, t.zone, owners...)
	if err != nil {
		fail(parts, fmt.Errorf("providers: read %s at %s: %w", t.zone.Apex, t.client.Name(), err))
		return
	}
	standing := byName(sets)
	var todo []*part
	for _, p := range parts {
		if p.out.Result.Skipped, p.todo, p.out.Err = p.plan.remaining(standing); p.out.Err == nil && len(p.todo) > 0 {
			todo = append(todo, p)
		}
	}
	wrote := false
	for len(todo) > 0 {
		var now []*part
		now, todo = t.pack(todo)
		if err := ctx.Err(); err != nil {
			fail(append(now, todo...), fmt.Errorf("providers: stopped before %s: %w", now[0].plan.record.Name, err))
			break
		}
		now = t.journalled(ctx, now)
		for again := len(now) > 0; again; {
			now, again = t.carryOut(ctx, now)
			wrote = true
		}
	}
	if !wrote {
		return
	}
	var settled Result
	t.settle(ctx, t.client, Plan{zone: t.zone}, &settled)
	for _, p := range parts {
		if len(p.out.Result.Done) > 0 {
			p.out.Result.Settled = settled.Settled
			p.out.Result.Warnings = append(p.out.Result.Warnings, settled.Warnings...)
		}
	}
}

// pack takes from the front as many plans as one batch may hold.
func (t together) pack(parts []*part) (now, later []*part) {
	limit, bounded := t.client.(Limiter)
	var all Batch
	for i, p := range parts {
		all = joined(all, p.batch())
		if bounded && i > 0 && !limit.Fits(all) {
			return parts[:i:i], parts[i:]
		}
	}
	return parts, nil
}

func joined(a, b Batch) Batch {
	return Batch{
		Owners: append(a.Owners, b.Owners...), Expect: append(a.Expect, b.Expect...),
		Delete: append(a.Delete, b.Delete...), Create: append(a.Create, b.Create...),
	}
}

// journalled gives the plans whose undo data was saved.
func (t together) journalled(ctx context.Context, parts []*part) []*part {
	if t.Journal == nil {
		return parts
	}
	var out []*part
	for _, p := range parts {
		if p.out.Err = t.save(ctx, undoOf(p.plan, p.todo)); p.out.Err == nil {
			out = append(out, p)
		}
	}
	return out
}

// carryOut writes one batch and judges each plan by what is read afterwards. Where the batch was refused because of what stands at
// some names, it gives the plans that are not concerned, to be tried once more.
func (t together) carryOut(ctx context.Context, parts []*part) (rest []*part, again bool) {
	ctx, end := withGrace(ctx, orDefault(t.Grace, DefaultGrace))
	defer end()
	var b Batch
	var after []RRset
	for _, p := range parts {
		own := p.batch()
		if err := gate(p.plan.record, t.zone.Apex, p.plan.dir, own); err != nil {
			fail(parts, err)
			return nil, false
		}
		b = joined(b, own)
		for _, u := range p.todo {
			after = append(after, u.after...)
		}
	}
	werr := t.client.Write(ctx, t.zone, b)
	refused := errors.Is(werr, ErrPermission) || errors.Is(werr, ErrConflict)
	r := run{Applier: t.Applier, client: t.client, plan: Plan{zone: t.zone}}
	got, rerr := r.readBack(ctx, b.Owners, after, !refused)
	err := werr
	if err == nil {
		err = ErrNotVisible
	}
	err = fmt.Errorf("providers: write %s at %s: %w", t.zone.Apex, t.client.Name(), err)
	if rerr != nil {
		err = fmt.Errorf("%w; reading back: %w", err, rerr)
	}
	standing := byName(got)
	for _, p := range parts {
		switch {
		case rerr != nil:
			p.partly(err)
		case p.stands(standing, func(u unit) []RRset { return u.after }):
			p.out.Result.Done = append(p.out.Result.Done, stepsOf(p.todo)...)
			p.out.Result.Undo = undoOf(p.plan, p.todo)
			t.audit(ctx, p.plan, stepsOf(p.todo), &p.out.Result)
		case p.stands(standing, func(u unit) []RRset { return u.before }) && ctx.Err() == nil: // else what hung may still come
			p.out.Err = err // unless the others can be done without the plans that are in the way
			rest = append(rest, p)
		case refused:
			_, _, p.out.Err = p.plan.remaining(standing)
			again = true
		default:
			p.partly(err)
		}
	}
	if again = again && errors.Is(werr, ErrConflict); again {
		for _, p := range rest {
			p.out.Err = nil
		}
	}
	return rest, again && len(rest) > 0
}

// stands reports whether each name of the plan holds what is picked.
func (p *part) stands(standing map[resolver.Name][]RRset, pick func(unit) []RRset) bool {
	return !slices.ContainsFunc(p.todo, func(u unit) bool { return !sameSets(at(standing[u.name], u.name), pick(u)) })
}

// partly says of a plan that it may have been carried out.
func (p *part) partly(err error) {
	p.out.Result.Undo = undoOf(p.plan, p.todo)
	p.out.Err = &PartialError{Failed: stepsOf(p.todo), Undo: p.out.Result.Undo, Err: err}
}

func fail(parts []*part, err error) {
	for _, p := range parts {
		p.out.Err = err
	}
}
