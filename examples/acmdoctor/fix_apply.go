package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// errNotConfirmed stops a change that nobody can be asked about.
var errNotConfirmed = errors.New("nothing is written without an answer on a terminal, or --yes")

// carryOut asks, applies the plans, and looks at what the world then sees. It reports whether the answer was no. What went wrong is
// in each mending.
func (c *fixCommand) carryOut(ctx context.Context, all []*mending) (declined bool) {
	var todo []*mending
	for _, m := range all {
		if m.err == nil && m.missing != nil {
			m.err = m.missing
		}
		if m.err == nil && (!m.plan.Empty() || m.late != nil) {
			todo = append(todo, m)
		}
	}
	if len(todo) > 0 {
		switch yes, err := c.confirmed(ctx); {
		case err != nil:
			for _, m := range todo {
				m.err = err
			}
			return false
		case !yes:
			return true
		}
	}
	of := map[*account][]*mending{}
	var order []*account
	for _, m := range todo {
		if len(of[m.account]) == 0 {
			order = append(order, m.account)
		}
		of[m.account] = append(of[m.account], m)
	}
	for _, a := range order {
		c.applyAt(ctx, a, of[a])
	}
	for _, m := range all {
		if ctx.Err() != nil && errors.Is(m.err, context.Canceled) {
			m.err = fmt.Errorf("interrupted: %w", m.err)
		}
		m.held = m.err == nil && m.account != nil && !m.applied
		if ctx.Err() == nil && (m.applied || m.partly || m.held) {
			c.verify(ctx, m)
		}
	}
	return false
}

// confirmed asks whether to go on.
func (c *fixCommand) confirmed(ctx context.Context) (bool, error) {
	if c.yes {
		return true, nil
	}
	if !isTerminal(c.in.stdin.inner) {
		return false, errNotConfirmed
	}
	fmt.Fprint(c.err, "\nApply this? Type yes: ")
	line, err := bufio.NewReader(c.in.stdin).ReadString('\n')
	if ctx.Err() != nil {
		fmt.Fprintln(c.err) // the question's line is not ended by anybody
		return false, fmt.Errorf("interrupted before anything was written: %w", ctx.Err())
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return err == nil && (answer == "yes" || answer == "y"), nil
}

// applyAt applies plans at one account, and those that had to wait for others after them.
func (c *fixCommand) applyAt(ctx context.Context, a *account, todo []*mending) {
	if c.trail != nil && a.identity == "" {
		a.identity = a.asks(ctx)
	}
	applier := providers.Applier{
		Journal: func(_ context.Context, u providers.Undo) error { return c.undos.save(u) },
		Audit: func(_ context.Context, p providers.Plan, steps []providers.Step) error {
			return c.trail.write(p.Entries(c.now(), steps), a.identity, c.undos.path)
		},
	}
	var now, late []*mending
	var plans []providers.Plan
	for _, m := range todo {
		if m.late != nil {
			late = append(late, m)
			continue
		}
		now, plans = append(now, m), append(plans, m.plan)
	}
	for i, got := range applier.ApplyAll(ctx, a.client, plans) {
		now[i].became(got.Result, a.explain(got.Err, true))
	}
	for _, m := range late {
		t := takenBack{}
		t.add(m, *m.late)
		t.plan(ctx, a)
		m.late = nil
		if m.err == nil && !m.plan.Empty() {
			res, err := applier.Apply(ctx, a.client, m.plan)
			m.became(res, a.explain(err, true))
		}
	}
}

func (m *mending) became(res providers.Result, err error) {
	m.result, m.err = res, err
	var partial *providers.PartialError
	m.partly = errors.As(err, &partial)
	m.applied = err == nil
}

// verify checks again at the zone's own name servers until they show what was changed, or the time for that is over. A
// recursive resolver is not asked: it would remember.
func (c *fixCommand) verify(ctx context.Context, m *mending) {
	limit, cancel := context.WithTimeout(ctx, c.settle)
	defer cancel()
	for delay := 250 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		rep, err := c.checker.Check(ctx, m.record)
		if err != nil || ctx.Err() != nil {
			return
		}
		m.report, m.checked = rep, true
		m.seen, m.more = m.shows(rep)
		if m.seen || m.more || m.partly {
			return
		}
		t := time.NewTimer(delay)
		select {
		case <-t.C:
		case <-limit.Done():
			t.Stop()
			return
		}
	}
}

// shows reports whether the world sees what the plan was to bring, and whether what it sees instead is something else to mend.
func (m *mending) shows(rep validate.Report) (seen, more bool) {
	if m.plan.TakesBack() {
		wasRight, isRight := m.rights()
		switch {
		case rep.Verdict == validate.Undetermined:
			return false, false
		case isRight:
			return rep.Verdict == validate.Valid, false
		}
		return !wasRight || rep.Verdict != validate.Valid, false
	}
	switch rep.Verdict {
	case validate.Valid:
		return true, false
	case validate.Undetermined:
		return false, false
	}
	next, err := providers.Draft(rep, "", time.Time{})
	if err != nil || next.Empty() {
		return false, true // not in the zone
	}
	if m.held && next.Rule() == m.plan.Rule() {
		return false, false
	}
	for _, s := range next.Steps() {
		if !m.changed(s) {
			return false, true
		}
	}
	return false, false
}

// rights reports whether the record stands at its name for all to see before and after the plan.
func (m *mending) rights() (before, after bool) {
	right := func(s providers.RRset) bool {
		t, ok := s.Target()
		return ok && s.Hidden == providers.Shown && m.record.Accepts(t)
	}
	for _, s := range m.plan.Steps() {
		if s.Name == m.record.Name && s.Type == resolver.TypeCNAME {
			before, after = before || right(s.From), after || right(s.To)
		}
	}
	return before, after
}

// changed reports whether the provider holds already what this step asks for: a server that does not show it is late.
func (m *mending) changed(s providers.Step) bool {
	if t, ok := s.To.Target(); ok && s.Name == m.record.Name && m.record.Accepts(t) {
		return true
	}
	for _, own := range m.plan.Steps() {
		if own.Name == s.Name && own.Type == s.Type && len(own.To.Values) == 0 && len(s.To.Values) == 0 {
			return true
		}
	}
	return false
}
