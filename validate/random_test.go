package validate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// Random worlds: -rapid.checks says how many of each kind (a fifth of that with -short), -rapid.seed which. Both have
// defaults of ours, so that a run is the same each time; a seed of 0 draws others. What fails is made as small as it gets and
// printed as a world.
func init() {
	for name, value := range map[string]string{"rapid.checks": randomChecks, "rapid.seed": "20261125", "rapid.nofailfile": "true", "rapid.shrinktime": "10s"} {
		f := flag.Lookup(name)
		if err := f.Value.Set(value); err != nil {
			panic(err)
		}
		f.DefValue = value
	}
}

// everyNth makes a property that costs more hold of fewer worlds, until it fails.
func everyNth(n int, prop func(t *rapid.T)) func(*rapid.T) {
	i, failed := 0, false
	return func(t *rapid.T) {
		if i++; i%n != 0 && !failed {
			return
		}
		failed = true
		prop(t)
		failed = false
	}
}

// look checks a world. No time passes in it: nothing is slow, and of a silent server it is known at once.
func (w *randomWorld) look(t *rapid.T) validate.Report {
	t.Helper()
	world, err := w.world()
	if err != nil {
		t.Fatalf("%v", err)
	}
	in, err := world.Internet()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return report(t, world, in, in)
}

// report checks a world through r, which stands before in.
func report(t *rapid.T, world validatetest.World, in *resolvertest.Internet, r resolver.Resolver) validate.Report {
	t.Helper()
	c, err := world.Checker(in, r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	rep, err := c.Check(context.Background(), world.Record)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return rep
}

func show(rep validate.Report) string {
	var b strings.Builder
	if err := rep.WriteText(&b, validate.Text{}); err != nil {
		return err.Error()
	}
	return b.String()
}

// TestRandomHealthyWorldsAreValid draws 10,080 worlds: 210 of each way to sign a zone and each place for its servers.
func TestRandomHealthyWorldsAreValid(t *testing.T) {
	for _, signing := range signingKinds {
		for _, servers := range serverKinds {
			t.Run(strings.TrimSpace(signing+" "+servers), func(t *testing.T) {
				t.Parallel()
				worlds := healthyWorld(signing, servers)
				if signing == "" {
					worlds = healthyWorld("unsigned", servers)
				}
				rapid.Check(t, func(t *rapid.T) {
					w := worlds.Draw(t, "world")
					rep := w.look(t)
					if rep.Verdict != validate.Valid {
						t.Fatalf("a healthy world is %s:\n%s", rep.Verdict, show(rep))
					}
					for _, f := range rep.Findings {
						if f.Severity != validate.Notice {
							t.Fatalf("a healthy world has the %s %s:\n%s", f.Severity, f.Rule, show(rep))
						}
					}
				})
			})
		}
	}
}

// faulty is a world with its faults; none where it has no room for them.
type faulty struct {
	*randomWorld
	faults []randomFault
}

// GoString is what a failing test shows.
func (f *faulty) GoString() string {
	if f.randomWorld == nil {
		return "no room"
	}
	var want []string
	for _, x := range f.faults {
		want = append(want, string(x.rule)+" error certain")
	}
	return "\n" + f.file(f.verdict(), want...)
}

// verdict is the worst that one of the faults brings.
func (f *faulty) verdict() validate.Verdict {
	out := validate.Valid
	for _, x := range f.faults {
		if hiddenBy(x, f.faults) != "" {
			continue
		}
		verdict := x.verdict
		if x.rule == "caa-unanswered" && verdict == validate.Invalid && f.oneSilent() {
			verdict = validate.Undetermined // that one may answer
		}
		if verdict == validate.Invalid || out == validate.Valid {
			out = verdict
		}
	}
	return out
}

// oneSilent reports whether one server is not heard at all.
func (f *faulty) oneSilent() bool {
	return slices.ContainsFunc(f.faults, func(x randomFault) bool { return x.place == ofOneServer && x.rule == "server-unreachable" })
}

// withFaults puts faults into a healthy world, in the order of their places.
func withFaults(faults ...randomFault) *rapid.Generator[*faulty] {
	return rapid.Custom(func(t *rapid.T) *faulty {
		d := dice{t}
		out := &faulty{drawWorld(d, d.one(signingKinds...), d.one(serverKinds...)), faults}
		if out.sharesServers() {
			// Answers of a host that serves the zone above, too, show by a denial alone which of the two they come from.
			noCAA(out.randomWorld)
		}
		for _, f := range faults {
			if !f.put(d, out.randomWorld) {
				return &faulty{}
			}
			out.wrong = append(out.wrong, f.name)
		}
		return out
	})
}

func TestRandomFaultsAreTheFirstFinding(t *testing.T) {
	for _, x := range randomFaults() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			tried, found := 0, 0
			rapid.Check(t, everyNth(4, func(t *rapid.T) {
				tried++
				f := withFaults(x).Draw(t, "world")
				if f.randomWorld == nil {
					return
				}
				found++
				rep := f.look(t)
				if rep.Verdict != x.verdict || firstOfDNS(rep) != x.rule {
					t.Fatalf("want %s and %s first:\n%s", x.verdict, x.rule, show(rep))
				}
				exactlyThose(t, f, rep)
				mended(t, f)
			}))
			assert.False(t, found == 0 && tried > 40, "no world had room for it")
		})
	}
}

// firstOfDNS is the first finding's rule; notes that are true of a healthy random world, too, are left out: the value without its underscore,
// and a wildcard of the same value.
func firstOfDNS(rep validate.Report) validate.ID {
	var out validate.ID
	for _, f := range rep.Findings {
		if out = f.Rule; f.Severity != validate.Notice || out != "value-underscore-stripped" && out != "name-wildcarded" {
			return out
		}
	}
	return out
}

// exactlyThose holds a report to the faults of its world: each one that is not hidden is found, and whatever else is an error
// or a warning is a consequence of one.
func exactlyThose(t *rapid.T, f *faulty, rep validate.Report) {
	t.Helper()
	var rules []validate.ID
	for _, x := range f.faults {
		rules = append(rules, x.rule)
		if hiddenBy(x, f.faults) == "" && !slices.ContainsFunc(rep.Findings, func(f validate.Finding) bool { return f.Rule == x.rule }) {
			t.Fatalf("%s is not found:\n%s", x.rule, show(rep))
		}
	}
	for _, found := range rep.Findings {
		if found.Severity == validate.Notice || caused(rep, found, rules) {
			continue
		}
		t.Fatalf("%s %s is neither one of %v nor explained by one:\n%s", found.Severity, found.Rule, rules, show(rep))
	}
}

// caused reports whether a finding is of one of the rules, or leads to one by what explains it.
func caused(rep validate.Report, f validate.Finding, rules []validate.ID) bool {
	for range len(rep.Findings) {
		if slices.Contains(rules, f.Rule) {
			return true
		}
		i := slices.IndexFunc(rep.Findings, func(x validate.Finding) bool { return x.Rule == f.ExplainedBy })
		if i < 0 {
			return false
		}
		f = rep.Findings[i]
	}
	return false
}

// mended makes the changes that are proposed for the zone, as long as there are any: what is wrong in the zone is gone then.
func mended(t *rapid.T, f *faulty) {
	t.Helper()
	if !slices.ContainsFunc(f.faults, func(x randomFault) bool { return x.inZone && hiddenBy(x, f.faults) == "" }) {
		return
	}
	world, err := f.world()
	if err != nil {
		t.Fatalf("%v", err)
	}
	in, err := world.Internet()
	if err != nil {
		t.Fatalf("%v", err)
	}
	rep := report(t, world, in, in)
	var made []string
	for range 4 {
		fix, ok := validatetest.ZoneFix(rep)
		if !ok {
			break
		}
		made = append(made, validatetest.Diff(fix)...)
		if err := validatetest.Apply(in, rep.Zone.Name, fix); err != nil {
			t.Fatalf("%v", err)
		}
		rep = report(t, world, in, in)
	}
	left := faulty{faults: slices.DeleteFunc(slices.Clone(f.faults), func(x randomFault) bool { return x.inZone && hiddenBy(x, f.faults) == "" })}
	for _, x := range f.faults {
		if !slices.ContainsFunc(left.faults, func(o randomFault) bool { return o.rule == x.rule }) && x.rule != "delegation-mismatch" &&
			slices.ContainsFunc(rep.Findings, func(o validate.Finding) bool { return o.Rule == x.rule && o.Severity != validate.Notice }) {
			t.Fatalf("after\n%s\n%s is still there:\n%s", strings.Join(made, "\n"), x.rule, show(rep))
		}
	}
	want := left.verdict()
	if rep.Verdict != want {
		t.Fatalf("after\n%s\nit is %s, not %s:\n%s", strings.Join(made, "\n"), rep.Verdict, want, show(rep))
	}
}

// TestRandomFaultsTogetherAreAllFound puts each fault into worlds with one or two others that it can meet.
func TestRandomFaultsTogetherAreAllFound(t *testing.T) {
	all := randomFaults()
	for _, x := range all {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, everyNth(2, func(t *rapid.T) {
				faults := []randomFault{x}
				for range 1 + rapid.IntRange(0, 1).Draw(t, "more") {
					o := rapid.SampledFrom(all).Draw(t, "fault")
					if slices.ContainsFunc(faults, func(f randomFault) bool { return !canMeet(f, o) }) {
						return
					}
					faults = append(faults, o)
				}
				slices.SortStableFunc(faults, func(a, b randomFault) int { return place(all, a) - place(all, b) })
				f := withFaults(faults...).Draw(t, "world")
				if f.randomWorld == nil {
					return
				}
				rep := f.look(t)
				if want := f.verdict(); rep.Verdict != want {
					t.Fatalf("want %s:\n%s", want, show(rep))
				}
				exactlyThose(t, f, rep)
				mended(t, f)
			}))
		})
	}
}

func place(all []randomFault, f randomFault) int {
	return slices.IndexFunc(all, func(o randomFault) bool { return o.name == f.name })
}

// TestRandomWorldsKeepTheLaws holds the cheap laws in worlds with up to two faults: no question twice, the same report from a
// transcript, and whatever the order and speed of the answers.
func TestRandomWorldsKeepTheLaws(t *testing.T) {
	outer, all := t, randomFaults()
	t.Parallel()
	rapid.Check(t, everyNth(2, func(t *rapid.T) {
		faults := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 2, func(f randomFault) faultPlace { return f.place }).Draw(t, "faults")
		if len(faults) == 2 && !canMeet(faults[0], faults[1]) {
			return
		}
		slices.SortFunc(faults, func(a, b randomFault) int { return place(all, a) - place(all, b) })
		f := withFaults(faults...).Draw(t, "world")
		if f.randomWorld == nil {
			return
		}
		world, err := f.world()
		require.NoError(t, err)
		in, err := world.Internet()
		require.NoError(t, err)
		tr := &resolver.Transcript{Resolver: in}
		first := document(t, report(t, world, in, tr))
		seen := map[resolver.Question]bool{}
		for _, q := range in.Queries() {
			require.False(t, seen[q], "asked twice: %s", q)
			seen[q] = true
		}
		text, err := tr.MarshalText()
		require.NoError(t, err)
		again, err := resolver.ParseTranscript(bytes.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, first, document(t, report(t, world, in, again)), "replayed")
		var later validate.Report
		synctest.Test(outer, func(*testing.T) {
			later = report(t, world, in, resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
				h := fnv.New64a()
				fmt.Fprint(h, q)
				time.Sleep(time.Duration(h.Sum64()%400) * time.Millisecond)
				return in.Resolve(ctx, q)
			}))
		})
		require.Equal(t, first, document(t, later), "in another order")
	}))
}

func document(t require.TestingT, rep validate.Report) string {
	rep.Stats = validate.Stats{}
	b, err := json.MarshalIndent(rep, "", " ")
	require.NoError(t, err)
	return string(b)
}

// TestRandomFaultsCoverTheRules keeps the catalogue of faults complete.
func TestRandomFaultsCoverTheRules(t *testing.T) {
	known := map[validate.ID]bool{}
	for _, f := range randomFaults() {
		known[f.rule] = true
	}
	for _, r := range validate.Rules() {
		id := r.Info().ID
		assert.NotEqual(t, known[id], noFaultOf[id] != "", "%s: a fault, or why there is none", id)
	}
}

// TestRandomWorldsPrintAsFiles saves what a failure prints, and reads it again.
func TestRandomWorldsPrintAsFiles(t *testing.T) {
	rapid.Check(t, everyNth(10, func(t *rapid.T) {
		w := healthyWorld("", "").Draw(t, "world")
		read, err := validatetest.ParseWorld("random.txt", w.file(validate.Valid))
		require.NoError(t, err)
		want, err := w.world()
		require.NoError(t, err)
		require.Equal(t, want.Record, read.Record)
		require.Equal(t, strings.TrimSpace(want.Zones), strings.TrimSpace(read.Zones))
		require.Equal(t, want.Faults, read.Faults)
		require.Equal(t, want.Witnesses, read.Witnesses)
	}))
}
