package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Subject is what [TestClient] works on: a Client, one zone that may be filled and emptied at will, and a way around the Client
// to look at it. A zone that matters to anybody must not be given.
type Subject struct {
	Client providers.Client
	Zone   providers.Zone                             // as a plan is to find it
	Seed   func(lines ...string) error                // makes these lines (zone-file format, full names) all that stands below the apex
	Dump   func() ([]string, error)                   // what stands below the apex: "name TYPE value" for each value, in any order
	Sleep  func(context.Context, time.Duration) error // waits between readings; nil: not at all, for providers that need no waiting
}

// TestClient runs the conformance suite over fresh subjects, one a case, and gives all that is wrong, joined: each fault is told
// with what is at stake. Nil means that plans can be trusted to this Client. No case asks for more than the Client's Traits
// promise, and one whose content the provider refuses to hold (other data beside a CNAME, say) is passed over. It needs no *testing.T; it is not quick, as it breaks each call once.
func TestClient(newSubject func() Subject) error {
	var faults []error
	for _, c := range slices.Concat(cases, direct) {
		s := newSubject()
		w, err := newWorld(s)
		if err == nil {
			err = c.run(w)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s (%s): %w", c.name, c.why, err))
		}
	}
	for _, story := range stories {
		if err := interrupt(newSubject, story); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

const (
	token = "_a79865eb4cd1a6ab990a45779b4e0b96"
	value = "_424c7224e9b0146f9a8808af955727d0.acm-validations.aws."
	other = "_0000000000000000000000000000dead.acm-validations.aws."
)

// world is a subject with the record that its zone should hold and bystanders that nobody may touch.
type world struct {
	Subject
	apex       resolver.Name
	rec        validate.Record
	doubled    resolver.Name
	bystanders []string
}

func newWorld(s Subject) (*world, error) {
	apex := s.Zone.Apex
	name, ok := apex.Child(token)
	doubled, ok2 := name.Under(apex)
	if !ok || !ok2 {
		return nil, fmt.Errorf("the zone %s leaves no room for names below it", apex)
	}
	w := &world{
		Subject: s, apex: apex, doubled: doubled,
		rec: validate.Record{Name: name, Value: resolver.MustParseName(value), Domains: []resolver.Name{apex}},
	}
	a := apex.String()
	w.bystanders = []string{
		"www." + a + " 3600 IN A 192.0.2.1", "_dmarc." + a + " 3600 IN TXT \"v=DMARC1; p=none\"",
		"_b79865eb4cd1a6ab990a45779b4e0b96." + a + " 3600 IN CNAME " + other,
		token + ".elsewhere." + a + " 3600 IN CNAME " + other,
	}
	return w, nil
}

// line makes a line for Seed.
func (w *world) line(name resolver.Name, rest string) string {
	return name.String() + " 3600 IN " + rest
}

// fill seeds the zone with the bystanders and these lines.
func (w *world) fill(lines ...string) error {
	if err := w.Seed(append(slices.Clone(w.bystanders), lines...)...); err != nil {
		return fmt.Errorf("filling the zone failed: %w", err)
	}
	return nil
}

// expect compares the zone with the bystanders and these lines.
func (w *world) expect(when string, lines ...string) error {
	got, err := w.Dump()
	if err != nil {
		return err
	}
	got = slices.Sorted(slices.Values(got))
	want, err := contents(append(slices.Clone(w.bystanders), lines...))
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s the zone holds %q, expected %q", when, got, want)
	}
	return nil
}

func contents(lines []string) ([]string, error) {
	sets, err := parseSets(lines)
	return dumpSets(sets), err
}

// report is what a checker would have said.
func (w *world) report(rule validate.ID, changes ...validate.Change) validate.Report {
	return validate.Report{
		Record: w.rec, Verdict: validate.Invalid,
		Zone: validate.Zone{Name: w.apex, NameServers: slices.Clone(w.Zone.NameServers)},
		Findings: []validate.Finding{{
			Rule: rule, Severity: validate.Error, Confidence: validate.Certain, Message: "seen by the conformance suite",
			Fixes: []validate.Fix{{Where: validate.WhereZone, Message: "change it", Changes: changes}},
		}},
	}
}

// put is the change that puts the record right where from stands.
func (w *world) put(from ...string) validate.Change {
	return validate.Change{Name: w.rec.Name, Type: resolver.TypeCNAME, TTL: 300, From: from, To: []string{value}}
}

func (w *world) drop(name resolver.Name, t resolver.Type, from ...string) validate.Change {
	return validate.Change{Name: name, Type: t, TTL: 300, From: from}
}

// planner finds the subject's zone whatever the Client can tell about it.
func (w *world) planner() providers.Planner {
	if w.Zone.ID != "" {
		return providers.Planner{Zone: w.Zone.ID}
	}
	return providers.Planner{}
}

func (w *world) applier() providers.Applier {
	sleep := w.Sleep
	if sleep == nil {
		sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	return providers.Applier{Sleep: sleep}
}

func (w *world) plan(c providers.Client, rep validate.Report) (providers.Plan, error) {
	p, err := w.planner().Plan(context.Background(), c, rep)
	if err != nil {
		return p, fmt.Errorf("planning failed: %w", err)
	}
	return p, nil
}

// story is a broken zone, how a checker sees it, and what it holds when mended.
type story struct {
	name, why     string
	unlawful      bool // it breaks RFC 1034, 3.6.2, which a provider may refuse
	before, after func(w *world) []string
	rep           func(w *world) validate.Report
}

var stories = []story{
	{
		"create", "the record was never made", false,
		func(*world) []string { return nil },
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report { return w.report("record-missing", w.put()) },
	},
	{
		"replace", "the name holds another value", false,
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+other)} },
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report { return w.report("value-mismatch", w.put(other)) },
	},
	{
		"value doubled", "a target without final dot was stored relative to the zone: seen only if the adapter does not add the dot", false,
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value+w.apex.String())} },
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report { return w.report("value-doubled", w.put(value+w.apex.String())) },
	},
	{
		"move from doubled", "the console appended the zone", false,
		func(w *world) []string { return []string{w.line(w.doubled, "CNAME "+value)} },
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report {
			return w.report("name-doubled", w.put(), w.drop(w.doubled, resolver.TypeCNAME, value))
		},
	},
	{
		"TXT in the way", "a CNAME cannot be created beside other data", false,
		func(w *world) []string { return []string{w.line(w.rec.Name, `TXT "old; \"text\""`)} },
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report {
			return w.report("record-wrong-type", w.drop(w.rec.Name, resolver.TypeTXT, `"old; \"text\""`), w.put())
		},
	},
	{
		"plain TXT in the way", "a CNAME cannot be created beside other data", false,
		func(w *world) []string { return []string{w.line(w.rec.Name, `TXT "old"`)} },
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report {
			return w.report("record-wrong-type", w.drop(w.rec.Name, resolver.TypeTXT, `"old"`), w.put())
		},
	},
	{
		"CNAME beside TXT", "other data stands beside the right CNAME", true,
		func(w *world) []string {
			return []string{w.line(w.rec.Name, "CNAME "+value), w.line(w.rec.Name, `TXT "old"`)}
		},
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report {
			return w.report("cname-and-other-data", w.drop(w.rec.Name, resolver.TypeTXT, `"old"`))
		},
	},
	{
		"wrong value, doubled copy and TXT", "everything at once", true,
		func(w *world) []string {
			return []string{w.line(w.rec.Name, "CNAME "+other), w.line(w.rec.Name, `TXT "old"`), w.line(w.doubled, "CNAME "+value)}
		},
		func(w *world) []string { return []string{w.line(w.rec.Name, "CNAME "+value)} },
		func(w *world) validate.Report {
			return w.report("name-doubled", w.put(other), w.drop(w.doubled, resolver.TypeCNAME, value))
		},
	},
}

// interrupt tells a story once without and once with each call broken, in each way, and holds the engine and the Client to:
// never worse than before, finished by running again, taken back by the undo data.
func interrupt(newSubject func() Subject, st story) error {
	explain := func(how string, err error) error {
		return fmt.Errorf("%s, %s (%s): %w", st.name, how, st.why, err)
	}
	w, err := newWorld(newSubject())
	if err != nil {
		return explain("set up", err)
	}
	if err := w.fill(st.before(w)...); err != nil {
		if st.unlawful && w.fill() == nil {
			return nil // a provider that does not hold it cannot have the fault
		}
		return explain("set up", err)
	}
	opaque, err := st.opaque(w)
	if err != nil {
		return explain("what cannot be put back", err)
	}
	if opaque {
		return nil
	}
	total, err := st.smooth(w)
	if err != nil {
		return explain("nothing broken", err)
	}
	var faults []error
	for n := 1; n <= total; n++ {
		for _, how := range breakages {
			w, err := newWorld(newSubject())
			if err == nil {
				err = w.fill(st.before(w)...)
			}
			if err == nil {
				err = st.broken(w, n, how)
			}
			if err != nil {
				faults = append(faults, explain(fmt.Sprintf("%s call %d", how.name, n), err))
			}
		}
	}
	return errors.Join(faults...)
}

// opaque reports whether the Client gives what stands at the record's name as something that it cannot put back. Then there is no
// plan, and nothing is written.
func (st story) opaque(w *world) (bool, error) {
	sets, err := w.read()
	if err != nil {
		return false, err
	}
	if !slices.ContainsFunc(sets, func(s providers.RRset) bool { return s.Opaque }) {
		return false, nil
	}
	tap := &Tap{Client: w.Client, Zone: w.Zone}
	if p, err := w.plan(tap, st.rep(w)); !errors.Is(err, providers.ErrOutOfScope) {
		return true, fmt.Errorf("planning gives %s (error %v), expected %w", p, err, providers.ErrOutOfScope)
	}
	if _, writes := tap.Calls(); writes > 0 {
		return true, errors.New("planning wrote something")
	}
	return true, w.expect("after planning", st.before(w)...)
}

// smooth goes through the whole life of a change and says how many calls applying takes.
func (st story) smooth(w *world) (calls int, err error) {
	tap := &Tap{Client: w.Client, Zone: w.Zone}
	plan, err := w.plan(tap, st.rep(w))
	if err != nil {
		return 0, err
	}
	if plan.Empty() {
		return 0, fmt.Errorf("the plan is empty: %s", plan)
	}
	before, writes := tap.Calls()
	if writes != 0 {
		return 0, errors.New("planning wrote something")
	}
	if err := w.expect("after planning", st.before(w)...); err != nil {
		return 0, err
	}
	kept, err := throughJSON(plan)
	if err != nil {
		return 0, err
	}
	applier := w.applier()
	saved := providers.Undo{}
	applier.Journal = func(_ context.Context, u providers.Undo) error {
		if _, writes := tap.Calls(); writes > 0 {
			return errors.New("the undo data comes after the first write")
		}
		saved = u
		return nil
	}
	res, err := applier.Apply(context.Background(), tap, kept)
	if err != nil {
		return 0, fmt.Errorf("applying failed: %w", err)
	}
	if len(res.Done) == 0 || len(res.Left) > 0 || saved.Empty() {
		return 0, fmt.Errorf("the result says done %d, left %d, undo data %t", len(res.Done), len(res.Left), !saved.Empty())
	}
	after, writes := tap.Calls()
	if err := w.expect("after applying", st.after(w)...); err != nil {
		return 0, err
	}
	again, err := applier.Apply(context.Background(), tap, kept)
	if err != nil || len(again.Done) > 0 {
		return 0, fmt.Errorf("applying again did %d steps, error %v; expected none", len(again.Done), err)
	}
	if p, err := w.plan(tap, st.rep(w)); err != nil || !p.Empty() {
		return 0, fmt.Errorf("planning again after success gives %s (error %v), expected nothing to change", p, err)
	}
	if _, now := tap.Calls(); now != writes {
		return 0, errors.New("something was written although nothing was to be changed")
	}
	if err := w.takeBack(saved); err != nil {
		return 0, err
	}
	return after - before, w.expect("after taking the change back", st.before(w)...)
}

func throughJSON(p providers.Plan) (providers.Plan, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	var back providers.Plan
	if err := json.Unmarshal(b, &back); err != nil {
		return p, fmt.Errorf("the plan cannot be read back: %w", err)
	}
	return back, nil
}

// takeBack applies undo data that went through a file.
func (w *world) takeBack(u providers.Undo) error {
	b, err := json.Marshal(u)
	if err != nil {
		return err
	}
	var kept providers.Undo
	if err := json.Unmarshal(b, &kept); err != nil {
		return fmt.Errorf("the undo data cannot be read back: %w", err)
	}
	p, err := kept.Plan(context.Background(), w.Client)
	if err != nil {
		return fmt.Errorf("planning the undo failed: %w", err)
	}
	if _, err := w.applier().Apply(context.Background(), w.Client, p); err != nil {
		return fmt.Errorf("applying the undo failed: %w", err)
	}
	return nil
}

// breakage is a way in which a call goes wrong.
type breakage struct {
	name  string
	apply func(t *Tap, n int, cancel context.CancelFunc)
}

var breakages = []breakage{
	{"an error before", func(t *Tap, n int, _ context.CancelFunc) {
		t.Before = func(call int, _ bool) (bool, error) { return call != n, ErrInjected }
	}},
	{"a time-out after", func(t *Tap, n int, _ context.CancelFunc) {
		t.After = func(call int, _ bool, err error) error {
			if call == n {
				return fmt.Errorf("%w: %w", ErrInjected, context.DeadlineExceeded)
			}
			return err
		}
	}},
	{"cancelled before", func(t *Tap, n int, cancel context.CancelFunc) {
		t.Before = func(call int, _ bool) (bool, error) {
			if call == n {
				cancel()
			}
			return true, nil
		}
	}},
	{"cancelled after", func(t *Tap, n int, cancel context.CancelFunc) {
		t.After = func(call int, _ bool, err error) error {
			if call == n {
				cancel()
			}
			return err
		}
	}},
	{"the provider gone from", func(t *Tap, n int, _ context.CancelFunc) {
		t.Before = func(call int, _ bool) (bool, error) { return call < n, ErrInjected }
	}},
}

func (st story) broken(w *world, n int, how breakage) error {
	plan, err := w.plan(w.Client, st.rep(w))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tap := &Tap{Client: w.Client, Zone: w.Zone}
	how.apply(tap, n, cancel)
	var saved providers.Undo
	applier := w.applier()
	applier.Journal = func(_ context.Context, u providers.Undo) error {
		saved = u
		return nil
	}
	res, err := applier.Apply(ctx, tap, plan)
	if err := st.judge(w, res, err); err != nil {
		return err
	}
	// What was there can be had again, whatever happened.
	if err == nil || !saved.Empty() {
		if err := w.takeBack(saved); err != nil {
			return err
		}
		if err := w.expect("after taking back what was done", st.before(w)...); err != nil {
			return err
		}
	}
	// Run again, it finishes.
	plan, err = w.plan(w.Client, st.rep(w))
	if err != nil {
		return err
	}
	if _, err := w.applier().Apply(context.Background(), w.Client, plan); err != nil {
		return fmt.Errorf("running again failed: %w", err)
	}
	return w.expect("after running again", st.after(w)...)
}

// judge compares what was reported with what is there.
func (st story) judge(w *world, res providers.Result, err error) error {
	var partial *providers.PartialError
	switch {
	case err == nil && len(res.Left) == 0:
		return w.expect("after a success", st.after(w)...)
	case err == nil:
		got, err := w.Dump()
		if err != nil {
			return err
		}
		right, err := contents([]string{w.line(w.rec.Name, "CNAME "+value)})
		if err != nil {
			return err
		}
		if !slices.Contains(got, right[0]) {
			return fmt.Errorf("success was reported with something left over, and the record is not there: %q", got)
		}
	case errors.As(err, &partial):
		if partial.Undo.Empty() {
			return fmt.Errorf("stopped part-way without undo data: %w", err)
		}
	default: // a plain error says that nothing is changed
		if err := w.expect(fmt.Sprintf("after the error %q", err), st.before(w)...); err != nil {
			return err
		}
	}
	return nil
}

// testCase is a promise and how to see it kept.
type testCase struct {
	name, why string
	run       func(w *world) error
}

var cases = []testCase{
	{"nothing to change", "a write that changes nothing is a risk for nothing", func(w *world) error {
		if err := w.fill(w.line(w.rec.Name, "CNAME "+value)); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("record-missing", w.put()))
		if err != nil {
			return err
		}
		if !p.Empty() || p.Reason() == "" {
			return fmt.Errorf("the plan is %s, expected none, with a reason", p)
		}
		return nil
	}},
	{"upper case", "names and targets are the same in any letter case (RFC 4343)", func(w *world) error {
		upper := "_A79865EB4CD1A6AB990A45779B4E0B96." + w.apex.String() + " 3600 IN CNAME _424C7224E9B0146F9A8808AF955727D0.ACM-VALIDATIONS.AWS."
		if err := w.fill(upper); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("record-missing", w.put()))
		if err != nil {
			return err
		}
		if !p.Empty() {
			return fmt.Errorf("the plan is %s, expected none", p)
		}
		return nil
	}},
	{"someone else's copy", "a misplaced name that holds another value is not ours", func(w *world) error {
		if err := w.fill(w.line(w.doubled, "CNAME "+other)); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("name-doubled", w.put(), w.drop(w.doubled, resolver.TypeCNAME, value)))
		if err != nil {
			return err
		}
		if _, err := w.applier().Apply(context.Background(), w.Client, p); err != nil {
			return err
		}
		return w.expect("after applying", w.line(w.doubled, "CNAME "+other), w.line(w.rec.Name, "CNAME "+value))
	}},
	{"out of scope", "no finding may make us touch another name", func(w *world) error {
		if err := w.fill(); err != nil {
			return err
		}
		www, _ := w.apex.Child("www")
		for _, c := range []validate.Change{
			w.drop(www, resolver.TypeA, "192.0.2.1"), w.drop(www, resolver.TypeCNAME, value),
			{Name: www, Type: resolver.TypeCNAME, To: []string{value}},
			{Name: w.rec.Name, Type: resolver.TypeCNAME, To: []string{"www.example.net."}},
			{Name: w.rec.Name, Type: resolver.TypeTXT, To: []string{`"x"`}},
		} {
			if p, err := w.planner().Plan(context.Background(), w.Client, w.report("custom", c)); !errors.Is(err, providers.ErrOutOfScope) {
				return fmt.Errorf("a change of %s %s is planned as %s (error %v), expected ErrOutOfScope", c.Name, c.Type, p, err)
			}
		}
		return w.expect("after refusing")
	}},
	{"stale plan", "a plan says what it was made from; anything else is somebody's later decision", func(w *world) error {
		if err := w.fill(w.line(w.rec.Name, "CNAME "+other)); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("value-mismatch", w.put(other)))
		if err != nil {
			return err
		}
		for _, later := range [][]string{
			{w.line(w.rec.Name, "CNAME _1111.acm-validations.aws.")},
			{w.line(w.rec.Name, `TXT "mine"`)},
			{},
		} {
			if err := w.fill(later...); err != nil {
				return err
			}
			if _, err := w.applier().Apply(context.Background(), w.Client, p); !errors.Is(err, providers.ErrConflict) {
				return fmt.Errorf("with %q there, applying gives %v, expected ErrConflict", later, err)
			}
			if err := w.expect("after the conflict", later...); err != nil {
				return err
			}
		}
		return nil
	}},
	{"undo after somebody's edit", "what was decided later is not ours to take back", func(w *world) error {
		if err := w.fill(w.line(w.rec.Name, "CNAME "+other)); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("value-mismatch", w.put(other)))
		if err != nil {
			return err
		}
		res, err := w.applier().Apply(context.Background(), w.Client, p)
		if err != nil {
			return err
		}
		later := w.line(w.rec.Name, "CNAME _1111.acm-validations.aws.")
		if err := w.fill(later); err != nil {
			return err
		}
		if _, err := res.Undo.Plan(context.Background(), w.Client); !errors.Is(err, providers.ErrConflict) {
			return fmt.Errorf("planning the undo gives %v, expected ErrConflict", err)
		}
		return w.expect("after the conflict", later)
	}},
	{"two at once", "two people mend the same record in the same second", func(w *world) error {
		if err := w.fill(w.line(w.doubled, "CNAME "+value)); err != nil {
			return err
		}
		rep := w.report("name-doubled", w.put(), w.drop(w.doubled, resolver.TypeCNAME, value))
		p, err := w.plan(w.Client, rep)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			wg.Go(func() { _, errs[i] = w.applier().Apply(context.Background(), w.Client, p) })
		}
		wg.Wait()
		if errs[0] != nil && errs[1] != nil {
			return fmt.Errorf("both failed: %w", errors.Join(errs...))
		}
		return w.expect("after both", w.line(w.rec.Name, "CNAME "+value))
	}},
	{"success that is none", "providers report success for what they have dropped", func(w *world) error {
		if err := w.fill(); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("record-missing", w.put()))
		if err != nil {
			return err
		}
		tap := &Tap{Client: w.Client, Zone: w.Zone, Before: func(_ int, write bool) (bool, error) { return !write, nil }}
		if _, err := w.applier().Apply(context.Background(), tap, p); !errors.Is(err, providers.ErrNotVisible) {
			return fmt.Errorf("applying gives %v, expected ErrNotVisible", err)
		}
		return w.expect("after it")
	}},
	{"journal fails", "without undo data nothing is written", func(w *world) error {
		if err := w.fill(); err != nil {
			return err
		}
		p, err := w.plan(w.Client, w.report("record-missing", w.put()))
		if err != nil {
			return err
		}
		a := w.applier()
		a.Journal = func(context.Context, providers.Undo) error { return ErrInjected }
		if _, err := a.Apply(context.Background(), w.Client, p); !errors.Is(err, ErrInjected) {
			return fmt.Errorf("applying gives %v, expected the journal's error", err)
		}
		return w.expect("after it")
	}},
	{"unknown zone", "a zone that is not there is an error, not an empty zone", func(w *world) error {
		none := providers.Zone{Apex: resolver.MustParseName("no-such-zone.invalid."), ID: "no-such-zone"}
		_, err := w.Client.Read(context.Background(), none, w.rec.Name)
		if err == nil {
			return errors.New("reading it gives no error")
		}
		return nil
	}},
	{"cancelled", "a cancelled call must end, and write nothing", func(w *world) error {
		if err := w.fill(); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := w.Client.Read(ctx, w.Zone, w.rec.Name); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("reading gives %v, expected context.Canceled", err)
		}
		err := w.Client.Write(ctx, w.Zone, providers.Batch{Owners: []resolver.Name{w.rec.Name}, Create: []providers.RRset{
			{Name: w.rec.Name, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}},
		}})
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("writing gives %v, expected context.Canceled", err)
		}
		return w.expect("after it")
	}},
}
