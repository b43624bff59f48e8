package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Undo is what takes a change back: what stood at each name before and what was to stand there after. It holds record data and
// no secret, marshals to JSON, and is handed out before the first write. The zero value takes nothing back.
type Undo struct {
	plan Plan // the reversed change
}

// undoOf reverses the units of a plan.
func undoOf(p Plan, units []unit) Undo {
	r := p
	r.dir = !p.dir
	r.rule = ""
	r.why = "take back: " + p.why
	r.notes = nil
	r.units = nil
	for _, u := range units {
		r.units = append(r.units, unit{name: u.name, before: cloneSets(u.after), after: cloneSets(u.before)})
	}
	slices.Reverse(r.units)
	return Undo{plan: r}
}

// Empty reports whether there is nothing to take back.
func (u Undo) Empty() bool { return u.plan.Empty() }

// Steps gives a copy of what taking the change back does.
func (u Undo) Steps() []Step { return u.plan.Steps() }

// Record is the record that the change put right.
func (u Undo) Record() validate.Record { return u.plan.Record() }

// Provider is the name of the provider that the change was made at.
func (u Undo) Provider() string { return u.plan.provider }

// Zone is the zone that was changed.
func (u Undo) Zone() Zone { return u.plan.zone }

// Plan reads what stands there now and gives the plan that takes the change back; [Apply] carries it out with the same gates as
// any other. Names that were not changed, or are back already, are left out. When somebody has changed a name since, the error
// wraps [ErrConflict] and nothing is planned. A name that was emptied on the way to a replacement that never came, and is still
// empty, is restored.
func (u Undo) Plan(ctx context.Context, c Client) (Plan, error) {
	p := PlanUndos(ctx, c, []Undo{u})[0]
	return p.Plan, p.Err
}

// PlanUndos is [Undo.Plan] for many changes, each with its own plan or error, in their order. All names of a zone are read with one
// call of [Client.Read].
func PlanUndos(ctx context.Context, c Client, undos []Undo) []Planned {
	out := make([]Planned, len(undos))
	groups := zoneGroups[int]{}
	for i, u := range undos {
		p := u.plan
		switch {
		case p.Empty():
			p.why = "there is nothing to take back"
			out[i].Plan = p
		case c.Name() != p.provider:
			out[i].Err = fmt.Errorf("providers: the change was made at %s, not at %s: %w", p.provider, c.Name(), ErrConflict)
		default:
			if out[i].Err = p.inScope(); out[i].Err == nil {
				groups.add(p.zone, i)
			}
		}
	}
	for _, g := range groups.list {
		var owners []resolver.Name
		for _, i := range g.of {
			owners = append(owners, names(undos[i].plan.units)...)
		}
		sets, err := c.Read(ctx, g.zone, owners...)
		standing := byName(sets)
		for _, i := range g.of {
			if err != nil {
				out[i].Err = fmt.Errorf("providers: read %s at %s: %w", g.zone.Apex, c.Name(), err)
				continue
			}
			out[i].Plan, out[i].Err = undos[i].from(standing, c.Traits())
		}
	}
	return out
}

// from gives the plan that takes the change back from what stands there now.
func (u Undo) from(standing map[resolver.Name][]RRset, traits Traits) (Plan, error) {
	p := u.plan
	var units []unit
	for _, x := range p.units {
		cur := at(standing[x.name], x.name)
		switch {
		case sameSets(cur, x.after):
			continue
		case sameSets(cur, x.before), len(x.before) > 0 && onTheWay(cur, x):
			units = append(units, unit{name: x.name, before: cloneSets(cur), after: x.after})
		default:
			return Plan{}, conflict(x, cur)
		}
	}
	p.units, p.made, p.traits = units, time.Now(), traits
	if len(units) == 0 {
		p.why = "everything is as it was before the change already"
	}
	return p, p.inScope()
}

// Draft is the way back as it was recorded, for where nobody can be asked what stands there now: from what the change left to what
// was there before. It is there to be shown and for [Plan.Export]. It can be applied like any other plan, and stops with
// [ErrConflict] where somebody has changed a name since.
func (u Undo) Draft() Plan {
	p := u.plan
	p.draft = true
	return p
}

// onTheWay reports whether cur is a state between what was there before a change and what was to be there after: a part of what
// was there, and nothing else.
func onTheWay(cur []RRset, reversed unit) bool {
	return len(reversed.after) > 0 && len(cur) < len(reversed.after) && len(without(cur, reversed.after)) == 0
}

// MarshalJSON gives the undo data in a form that [Undo.UnmarshalJSON] reads.
func (u Undo) MarshalJSON() ([]byte, error) {
	return json.Marshal(undoDocument{Version: planVersion, Undo: &u.plan})
}

type undoDocument struct {
	Version int   `json:"version"`
	Undo    *Plan `json:"undo"`
}

// UnmarshalJSON reads undo data as strictly as [Plan.UnmarshalJSON] reads a plan.
func (u *Undo) UnmarshalJSON(b []byte) error {
	var d undoDocument
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		if errors.Is(err, ErrBadPlan) || errors.Is(err, ErrOutOfScope) {
			return err
		}
		return fmt.Errorf("providers: read undo data: %w: %w", ErrBadPlan, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("providers: read undo data: something follows it: %w", ErrBadPlan)
	}
	if d.Version != planVersion || d.Undo == nil {
		return fmt.Errorf("providers: read undo data: it is not of version %d, the only one this program reads: %w", planVersion, ErrBadPlan)
	}
	u.plan = *d.Undo
	return nil
}
