package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// errUndetermined stops fix where there is nothing to go by.
var errUndetermined = errors.New("the DNS did not answer well enough to say what is wrong, so nothing is changed")

// prepare finds out what is to be changed, and writes nothing.
func (c *fixCommand) prepare(ctx context.Context, args []string) (all []*mending, unread int, err error) {
	if err := c.usage(args); err != nil {
		return nil, 0, err
	}
	if c.checker, err = c.dns.checker(func(s string) { fmt.Fprintf(c.err, "acmdoctor: %s\n", s) }); err != nil {
		return nil, 0, err
	}
	// A recursive resolver that is asked before the change remembers what was there, and ACM's own may be among those it feeds.
	c.checker.Witnesses, c.checker.Own = nil, resolver.Recursor{}
	// Opened now: to learn after the change that it cannot be written would be late.
	if c.trail, err = openTrail(c.journal); err != nil {
		return nil, 0, err
	}
	if c.undos, err = openUndoFile(c.undoOut, c.now); err != nil {
		return nil, 0, err
	}
	accounts := c.at.accounts()
	switch {
	case c.undoFrom != "":
		all, err = c.fromUndo(ctx, accounts)
	case c.planFrom != "":
		all, err = c.fromPlan(ctx, accounts)
	default:
		all, unread, err = c.fromSources(ctx, args, accounts)
	}
	if ctx.Err() != nil { // whatever else went wrong for it
		err = fmt.Errorf("interrupted before anything was written: %w", context.Cause(ctx))
	}
	return all, unread, err
}

// fromSources checks the records and plans what mends them, the records of one account together.
func (c *fixCommand) fromSources(ctx context.Context, args []string, accounts *accounts) (all []*mending, unread int, err error) {
	sources, err := c.in.sources(args, nil)
	if err != nil {
		return nil, 0, err
	}
	var given []validate.Source
	for s := range sources {
		if s.Err != nil {
			unread++
			for line := range strings.SplitSeq(s.Err.Error(), "\n") {
				fmt.Fprintf(c.err, "acmdoctor: %s\n", line)
			}
			continue
		}
		given = append(given, s)
	}
	all = once(given)
	few := len(all) <= consultedFirst
	checker := *c.checker
	checker.Rules = append(validate.Rules(), validate.StrayCopy())
	if few {
		checker.Consult = c.consulting(all, accounts)
	}
	if err := c.check(ctx, &checker, all); err != nil {
		return nil, unread, err
	}
	of := map[*account][]*mending{}
	var order []*account
	for _, m := range all {
		c.draft(ctx, m, accounts)
		if m.account == nil || m.err != nil {
			continue
		}
		if len(of[m.account]) == 0 {
			order = append(order, m.account)
		}
		of[m.account] = append(of[m.account], m)
	}
	planner := providers.Planner{Zone: c.at.zoneID, Now: c.now}
	for _, m := range all {
		planner.Others = append(planner.Others, m.record)
	}
	for _, a := range order {
		var reports []validate.Report
		for _, m := range of[a] {
			reports = append(reports, m.report)
		}
		for i, p := range planner.PlanAll(ctx, a.client, reports) {
			m := of[a][i]
			switch {
			case p.Err == nil:
				m.plan = p.Plan
			case noCredentials(p.Err): // the account was opened in the hope of finding some
				m.account, m.missing = nil, fmt.Errorf("%w for %s: %w", errNoCredentials, a.profile.Title, p.Err)
			default:
				m.err = a.explain(p.Err, false)
			}
			if !few && m.account != nil && (m.err != nil || m.plan.Empty()) {
				c.consult(ctx, m)
			}
		}
	}
	return all, unread, nil
}

// once gives a mending for each record, however many certificates ask for it. Records that want two values at one name stop each
// other: mending one would break the other.
func once(given []validate.Source) []*mending {
	var all []*mending
	at := map[resolver.Name][]*mending{}
	for _, s := range given {
		name := s.Record.Name
		i := slices.IndexFunc(at[name], func(m *mending) bool { return m.record.Value == s.Record.Value })
		if i < 0 {
			m := &mending{id: s.ID, line: s.Line, record: s.Record}
			m.record.Domains = slices.Clone(s.Record.Domains)
			all, at[name] = append(all, m), append(at[name], m)
			continue
		}
		m := at[name][i]
		m.others = append(m.others, s)
		for _, d := range s.Record.Domains {
			if !slices.Contains(m.record.Domains, d) {
				m.record.Domains = append(m.record.Domains, d)
			}
		}
	}
	for _, same := range at {
		for i, m := range same {
			if len(same) > 1 {
				m.err = fmt.Errorf("%s is given with the value %s, too: a name has one CNAME, and mending one certificate would break the other; "+
					"leave out the record of the certificate that is not needed", m.record.Name, same[(i+1)%len(same)].record.Value)
			}
		}
	}
	return all
}

// check puts the reports beside the records.
func (c *fixCommand) check(ctx context.Context, checker *validate.Checker, all []*mending) error {
	progress := startProgress(c.err)
	defer progress.stop()
	records := func(yield func(validate.Record) bool) {
		for _, m := range all {
			progress.started(m.record.Domain().Text())
			if !yield(m.record) {
				return
			}
		}
	}
	i := 0
	for rep, err := range checker.CheckAll(ctx, records) {
		if err != nil {
			return err
		}
		all[i].report = rep
		i++
		progress.finished()
	}
	return nil
}

// draft plans by the report alone and, where the zone is to be changed, opens the account in which that can be done.
func (c *fixCommand) draft(ctx context.Context, m *mending, accounts *accounts) {
	if m.err != nil {
		return
	}
	rep := m.report
	if rep.Verdict == validate.Valid {
		rep.Findings = nil // what is left to say of a record that is valid is no reason to change it
	}
	name, hosted := accounts.host(rep.Zone.NameServers)
	if m.plan, m.err = providers.Draft(rep, name, c.now()); m.err != nil || m.plan.Empty() {
		if m.err == nil && rep.Verdict == validate.Undetermined {
			m.err = errUndetermined
		}
		return
	}
	switch {
	case c.format != "":
	case hosted != nil:
		m.missing = hosted
	default:
		m.account, m.missing = accounts.open(ctx, name)
	}
}

// consultedFirst is up to how many records the provider is asked about before a change is planned: as many as a certificate has
// names, unless AWS was asked for more. The zone is read once for more of them, and only those that no plan helps are asked about.
const consultedFirst = 10

// consulting is the checker's [validate.Checker.Consult] for few records: what the provider holds may show the cause where the DNS
// shows the symptom (a private zone, the wrong one of two, a change that is not served yet, a damaged name). What cannot be read
// leaves the report as it is; planning meets the same error and tells it.
func (c *fixCommand) consulting(all []*mending, accounts *accounts) func(context.Context, validate.Report) ([]validate.Rule, error) {
	turn := make(chan struct{}, 1) // holds one while a record is asked about
	return func(ctx context.Context, rep validate.Report) ([]validate.Rule, error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		for _, m := range all {
			if m.record.Name != rep.Record.Name || m.record.Value != rep.Record.Value {
				continue
			}
			first := *m // as it would be planned from the DNS alone
			first.report = rep
			if c.draft(ctx, &first, accounts); first.account == nil || first.err != nil {
				continue
			}
			limited, cancel := context.WithTimeout(ctx, c.dns.timeout)
			facts, err := c.at.facts(limited, first.account, m.record)
			if cancel(); err == nil {
				return providers.Rules(facts), nil
			}
		}
		return nil, ctx.Err()
	}
}

// consult checks again with what the provider holds, for one of many records.
func (c *fixCommand) consult(ctx context.Context, m *mending) {
	facts, err := c.at.facts(ctx, m.account, m.record)
	if err != nil {
		return
	}
	again := *c.checker
	again.Rules = providers.Rules(facts)
	if rep, err := again.Check(ctx, m.record); err == nil && rep.Verdict != validate.Undetermined {
		m.report = rep
	}
}

// fromPlan reads kept plans, and looks at the world as it is now before they are applied.
func (c *fixCommand) fromPlan(ctx context.Context, accounts *accounts) ([]*mending, error) {
	plans, err := readPlans(c.planFrom)
	if err != nil {
		return nil, err
	}
	var all []*mending
	for _, p := range plans {
		all = append(all, &mending{record: p.Record(), plan: p})
	}
	if c.format != "" {
		return all, nil
	}
	if err := c.check(ctx, c.checker, all); err != nil {
		return nil, err
	}
	for _, m := range all {
		z, now := m.plan.Zone(), m.report.Zone.Name
		switch {
		case c.at.zoneID != "" && !c.at.names(z):
			m.err = because(providers.ErrConflict, "%s: the plan is for the zone %s, not for %s", c.planFrom, zoneText(z), c.at.zoneID)
		case c.at.zoneID == "" && !m.plan.Empty() && now != z.Apex && m.report.Verdict != validate.Undetermined:
			m.err = fmt.Errorf("%s: the plan is for the zone %s, and %s: %w", c.planFrom, z.Apex, leads(m.report), providers.ErrNotAuthoritative)
		default:
			m.account, m.err = accounts.openFor(ctx, m.plan.Provider(), "plan")
		}
	}
	return all, nil
}

func zoneText(z providers.Zone) string {
	if z.ID == "" {
		return z.Apex.String()
	}
	return z.Apex.String() + " (" + z.ID + ")"
}

// leads says where the delegation leads.
func leads(rep validate.Report) string {
	if rep.Zone.Name.IsZero() {
		return rep.Record.Name.String() + " is not delegated to anybody"
	}
	return rep.Record.Name.String() + " is delegated to " + rep.Zone.Name.String()
}

// fromUndo reads undo data and plans the way back, the last change first.
func (c *fixCommand) fromUndo(ctx context.Context, accounts *accounts) ([]*mending, error) {
	undos, err := readUndos(c.undoFrom)
	if err != nil {
		return nil, err
	}
	var all []*mending
	touched := map[resolver.Name]bool{}
	now := map[*account]*takenBack{}
	for _, u := range slices.Backward(undos) {
		m := &mending{record: u.Record()}
		all = append(all, m)
		if z := u.Zone(); c.at.zoneID != "" && !c.at.names(z) {
			m.err = because(providers.ErrConflict, "%s: the change was made in the zone %s, not in %s", c.undoFrom, zoneText(z), c.at.zoneID)
			continue
		}
		if c.format != "" { // whoever runs the form has the credentials
			m.plan, m.err = u.Draft(), accounts.meant(u.Provider(), "change")
			continue
		}
		if m.account, m.err = accounts.openFor(ctx, u.Provider(), "change"); m.err != nil {
			continue
		}
		steps := u.Steps()
		again := slices.ContainsFunc(steps, func(s providers.Step) bool { return touched[s.Name] })
		for _, s := range steps {
			touched[s.Name] = true
		}
		if again {
			m.late = &u
			continue
		}
		if now[m.account] == nil {
			now[m.account] = &takenBack{}
		}
		now[m.account].add(m, u)
	}
	for a, t := range now {
		t.plan(ctx, a)
	}
	return all, nil
}

// takenBack is what is taken back at one account, planned together.
type takenBack struct {
	of    []*mending
	undos []providers.Undo
}

func (t *takenBack) add(m *mending, u providers.Undo) {
	t.of, t.undos = append(t.of, m), append(t.undos, u)
}

func (t *takenBack) plan(ctx context.Context, a *account) {
	for i, p := range providers.PlanUndos(ctx, a.client, t.undos) {
		t.of[i].plan, t.of[i].err = p.Plan, a.explain(p.Err, false)
	}
}

// export prints the plans in a form that runs without us.
func (c *fixCommand) export(all []*mending, unread int) error {
	var plans []providers.Plan
	for _, m := range all {
		switch {
		case m.err != nil:
			fmt.Fprintf(c.err, "acmdoctor: %s: %v\n", m.record.Name, m.err)
		case m.plan.Empty():
			fmt.Fprintf(c.err, "acmdoctor: %s: nothing to write: %s\n", m.record.Name, m.plan.Reason())
		default:
			plans = append(plans, m.plan)
		}
	}
	if err := providers.Export(c.out, providers.Format(c.format), plans...); err != nil {
		return &exitError{exitStopped, err}
	}
	return c.exit(all, unread)
}
