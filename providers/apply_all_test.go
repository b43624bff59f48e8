package providers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// counting counts what is asked of a Memory, whose batches hold a bounded number of values.
type counting struct {
	*providertest.Memory
	finds, limit int
}

func (c *counting) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	c.finds++
	return c.Memory.FindZones(ctx, owner)
}

func (c *counting) Fits(b providers.Batch) bool {
	return c.limit == 0 || len(b.Delete)+len(b.Create) <= c.limit
}

func nth(i int) string { return fmt.Sprintf("_%032x.example.com.", i) }

// manyDoubled gives a provider with n records one zone too deep, and the reports of a checker.
func manyDoubled(t *testing.T, n, limit int) (*counting, []validate.Report) {
	t.Helper()
	m := &counting{Memory: memory(t, providers.Traits{Atomic: true, CompareAndSwap: true, Replaces: true}), limit: limit}
	var reps []validate.Report
	for i := range n {
		require.NoError(t, m.Put(public, cname(nth(i)+"example.com.", value)))
		rep := report("name-doubled", change(nth(i), "", value), change(nth(i)+"example.com.", value, ""))
		rep.Record = validate.Record{Name: name(nth(i)), Value: name(value), Domains: []resolver.Name{apex}}
		reps = append(reps, rep)
	}
	return m, reps
}

func plansOf(t *testing.T, c providers.Client, reps []validate.Report) []providers.Plan {
	t.Helper()
	var out []providers.Plan
	for _, p := range (providers.Planner{}).PlanAll(context.Background(), c, reps) {
		require.NoError(t, p.Err)
		require.False(t, p.Plan.Empty(), p.Plan.Reason())
		out = append(out, p.Plan)
	}
	return out
}

// mended reports whether the n-th record is right, and no copy of it is left.
func mended(t *testing.T, m *counting, i int) bool {
	t.Helper()
	return slices.Contains(mendedIn(dump(t, m.Memory)), i)
}

func mendedIn(lines []string) (out []int) {
	for i := range 1000 {
		_, right := slices.BinarySearch(lines, nth(i)+" CNAME "+value)
		_, left := slices.BinarySearch(lines, nth(i)+"example.com. CNAME "+value)
		if right && !left {
			out = append(out, i)
		}
	}
	return out
}

func TestManyRecordsOfOneZoneAreReadAndWrittenTogether(t *testing.T) {
	for _, c := range []struct{ limit, writes int }{{0, 1}, {200, 10}, {1999, 2}, {1, 1000}} {
		m, reps := manyDoubled(t, 1000, c.limit)
		plans := plansOf(t, m, reps)
		reads, _ := m.Calls()
		require.Equal(t, 1, reads, "the zone is read once for all plans")
		require.Equal(t, 1, m.finds, "and looked for once")
		saved := 0
		a := impatient
		a.Journal = func(_ context.Context, u providers.Undo) error {
			saved++
			require.Len(t, u.Steps(), 2, "the undo data is each plan's own")
			return nil
		}
		for _, r := range a.ApplyAll(context.Background(), m, plans) {
			require.NoError(t, r.Err)
			require.Len(t, r.Result.Done, 2)
		}
		require.Len(t, mendedIn(dump(t, m.Memory)), 1000)
		after, writes := m.Calls()
		require.Equal(t, c.writes, writes)
		require.Equal(t, 1+1+c.writes, after, "once for the comparison, once after each write")
		require.Equal(t, 1000, saved)
		for i, p := range (providers.Planner{}).PlanAll(context.Background(), m, reps) {
			require.NoError(t, p.Err)
			require.True(t, p.Plan.Empty(), "the %d-th plan after the success", i)
		}
	}
}

func TestApplyAllLeavesOutWhatConflicts(t *testing.T) {
	mine := cname(nth(3), "mine.example.net.")
	edit := func(m *counting) error { return m.Put(public, mine) }
	for what, when := range map[string]func(m *counting){
		"after planning": func(m *counting) { require.NoError(t, edit(m)) },
		"between the last reading and the write": func(m *counting) {
			m.Faults.BeforeWrite = func(n int) error {
				if n > 1 {
					return nil
				}
				return edit(m)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			m, reps := manyDoubled(t, 8, 0)
			plans := plansOf(t, m, reps)
			when(m)
			for i, r := range impatient.ApplyAll(context.Background(), m, plans) {
				if i != 3 {
					require.NoError(t, r.Err)
					require.True(t, mended(t, m, i))
					continue
				}
				require.ErrorIs(t, r.Err, providers.ErrConflict)
				require.ErrorContains(t, r.Err, "mine.example.net.", "it says what stands there")
				require.Empty(t, r.Result.Done)
			}
			require.Contains(t, dump(t, m.Memory), nth(3)+" CNAME mine.example.net.")
			require.Contains(t, dump(t, m.Memory), nth(3)+"example.com. CNAME "+value)
		})
	}
}

func TestApplyAllBelievesTheReadBackOnly(t *testing.T) {
	boom := errors.New("504 gateway time-out")
	gone := errors.New("connection reset")
	for _, c := range []struct {
		what    string
		faults  providertest.Faults
		want    error
		partial bool
		done    bool
	}{
		{"written, and an error reported", providertest.Faults{AfterWrite: func(int) error { return boom }}, nil, false, true},
		{"not written, and an error reported", providertest.Faults{BeforeWrite: func(int) error { return boom }}, boom, false, false},
		{"not written, and success reported", providertest.Faults{Deaf: true}, providers.ErrNotVisible, false, false},
		{"not allowed", providertest.Faults{BeforeWrite: func(int) error { return providers.ErrPermission }}, providers.ErrPermission, false, false},
		{"written, and never read again", providertest.Faults{BeforeRead: func(n int) error {
			if n > 2 {
				return gone
			}
			return nil
		}}, gone, true, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, reps := manyDoubled(t, 4, 0)
			plans := plansOf(t, m, reps)
			m.Faults = c.faults
			results := impatient.ApplyAll(context.Background(), m, plans)
			_, writes := m.Calls()
			require.Equal(t, 1, writes, "a write whose outcome is not known is not repeated")
			for i, r := range results {
				require.ErrorIs(t, r.Err, c.want)
				var partial *providers.PartialError
				require.Equal(t, c.partial, errors.As(r.Err, &partial))
				require.Equal(t, c.done, mended(t, m, i))
				require.Equal(t, c.done, !r.Result.Undo.Empty(), "what may have been done can be taken back")
			}
		})
	}
}

func TestApplyAllStopsBetweenBatches(t *testing.T) {
	m, reps := manyDoubled(t, 4, 4)
	plans := plansOf(t, m, reps)
	ctx, cancel := context.WithCancel(context.Background())
	m.Faults.BeforeWrite = func(int) error { cancel(); return nil }
	for i, r := range impatient.ApplyAll(ctx, m, plans) {
		if i < 2 {
			require.NoError(t, r.Err, "what was begun is finished")
			require.True(t, mended(t, m, i))
			continue
		}
		require.ErrorIs(t, r.Err, context.Canceled)
		require.False(t, mended(t, m, i))
	}
}

func TestApplyAllWritesNothingWithoutUndoData(t *testing.T) {
	m, reps := manyDoubled(t, 4, 0)
	plans := plansOf(t, m, reps)
	full := errors.New("disk full")
	a, calls := impatient, 0
	a.Journal = func(context.Context, providers.Undo) error {
		if calls++; calls == 2 {
			return full
		}
		return nil
	}
	for i, r := range a.ApplyAll(context.Background(), m, plans) {
		require.Equal(t, i == 1, errors.Is(r.Err, full))
		require.Equal(t, i != 1, mended(t, m, i))
	}
}

func TestApplyAllOfTheSameRecordTwice(t *testing.T) {
	m, reps := manyDoubled(t, 1, 0)
	plans := plansOf(t, m, append(reps, reps[0]))
	results := impatient.ApplyAll(context.Background(), m, plans)
	require.NoError(t, results[0].Err)
	require.Len(t, results[0].Result.Done, 2)
	require.NoError(t, results[1].Err)
	require.Len(t, results[1].Result.Skipped, 2, "a wildcard and its base share one record")
	_, writes := m.Calls()
	require.Equal(t, 1, writes)
}

func TestApplyAllWhereNothingIsAtomic(t *testing.T) {
	m, reps := manyDoubled(t, 3, 0)
	m.Caps = providers.Traits{}
	for i, r := range impatient.ApplyAll(context.Background(), m, plansOf(t, m, reps)) {
		require.NoError(t, r.Err)
		require.Len(t, r.Result.Done, 2)
		require.True(t, mended(t, m, i))
	}
}

func TestEachPlanOfManyHasItsOwnError(t *testing.T) {
	m, reps := manyDoubled(t, 3, 0)
	reps[1].Zone.NameServers = []resolver.Name{name("ns.elsewhere.example.")}
	planned := (providers.Planner{}).PlanAll(context.Background(), m, reps)
	require.NoError(t, planned[0].Err)
	require.ErrorIs(t, planned[1].Err, providers.ErrNotAuthoritative)
	require.NoError(t, planned[2].Err)
}

// What takes many changes back is read together, too; a name that somebody has changed since stops its own alone.
func TestManyChangesAreTakenBackTogether(t *testing.T) {
	m, reps := manyDoubled(t, 100, 0)
	before := dump(t, m.Memory)
	var undos []providers.Undo
	for _, r := range impatient.ApplyAll(context.Background(), m, plansOf(t, m, reps)) {
		require.NoError(t, r.Err)
		undos = append(undos, r.Result.Undo)
	}
	require.NoError(t, m.Put(public, cname(nth(7), wrong)))
	reads, _ := m.Calls()
	var back []providers.Plan
	for i, p := range providers.PlanUndos(context.Background(), m, append(undos, providers.Undo{})) {
		switch i {
		case 7:
			require.ErrorIs(t, p.Err, providers.ErrConflict)
		case 100:
			require.NoError(t, p.Err)
			require.True(t, p.Plan.Empty())
		default:
			require.NoError(t, p.Err)
			require.True(t, p.Plan.TakesBack())
			back = append(back, p.Plan)
		}
	}
	now, _ := m.Calls()
	require.Equal(t, 1, now-reads)
	for _, r := range impatient.ApplyAll(context.Background(), m, back) {
		require.NoError(t, r.Err)
	}
	after := slices.DeleteFunc(dump(t, m.Memory), func(l string) bool { return strings.Contains(l, nth(7)) })
	require.Equal(t, slices.DeleteFunc(before, func(l string) bool { return strings.Contains(l, nth(7)) }), after)
}
