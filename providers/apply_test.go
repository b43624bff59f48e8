package providers_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

var right = owner + " CNAME " + value

func TestApplyWaitsForALaggingReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, providers.Traits{})
		m.Faults.Lag = 5
		start := time.Now()
		res, err := providers.Apply(context.Background(), m, plan(t, m, report("r", change(owner, "", value))))
		require.NoError(t, err)
		require.Len(t, res.Done, 1)
		require.Equal(t, 5750*time.Millisecond, time.Since(start), "a quarter of a second, doubled up to two, five times")
	})
}

func TestApplyBelievesTheReadBackOnly(t *testing.T) {
	boom := errors.New("504 gateway time-out")
	for _, c := range []struct {
		what   string
		faults providertest.Faults
		want   error
		after  []string
	}{
		{"written, and an error reported", providertest.Faults{AfterWrite: func(int) error { return boom }}, nil, []string{right}},
		{"not written, and an error reported", providertest.Faults{BeforeWrite: func(int) error { return boom }}, boom, nil},
		{"not written, and success reported", providertest.Faults{Deaf: true}, providers.ErrNotVisible, nil},
		{"not allowed", providertest.Faults{BeforeWrite: func(int) error { return providers.ErrPermission }}, providers.ErrPermission, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := memory(t, providers.Traits{})
				m.Faults = c.faults
				start := time.Now()
				_, err := providers.Apply(context.Background(), m, plan(t, m, report("r", change(owner, "", value))))
				require.ErrorIs(t, err, c.want)
				var partial *providers.PartialError
				require.False(t, errors.As(err, &partial), "nothing is changed, so it is not partial")
				require.Equal(t, c.after, dump(t, m))
				require.LessOrEqual(t, time.Since(start), providers.DefaultReadBack)
				if c.what == "not allowed" {
					require.Zero(t, time.Since(start), "a refusal needs no waiting")
				}
			})
		})
	}
}

func TestApplyPutsBackWhatAFailedReplacementRemoved(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(owner, wrong), txt(owner, "old"))
	m.Lax = true
	m.Faults.BeforeWrite = func(n int) error { // the deletion works, the creation does not, what comes then does
		if n == 2 {
			return errors.New("500")
		}
		return nil
	}
	before := dump(t, m)
	res, err := impatient.Apply(context.Background(), m, plan(t, m, report("r", change(owner, wrong, value))))
	require.ErrorContains(t, err, "what was there has been put back")
	var partial *providers.PartialError
	require.False(t, errors.As(err, &partial))
	require.Empty(t, res.Done)
	require.Equal(t, before, dump(t, m))
}

func TestApplySaysWhenPuttingBackFailed(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(owner, wrong))
	m.Faults.BeforeWrite = func(n int) error {
		if n > 1 {
			return errors.New("500")
		}
		return nil
	}
	var saved providers.Undo
	a := impatient
	a.Journal = func(_ context.Context, u providers.Undo) error { saved = u; return nil }
	p := plan(t, m, report("r", change(owner, wrong, value)))
	_, err := a.Apply(context.Background(), m, p)
	var partial *providers.PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorContains(t, err, wrong, "the record that is missing now is named")
	require.Len(t, partial.Failed, 1)
	require.Empty(t, dump(t, m))

	m.Faults = providertest.Faults{}
	for _, u := range []providers.Undo{saved, partial.Undo} {
		back, err := u.Plan(context.Background(), m)
		require.NoError(t, err)
		_, err = impatient.Apply(context.Background(), m, back)
		require.NoError(t, err)
		require.Equal(t, []string{owner + " CNAME " + wrong}, dump(t, m))
		require.NoError(t, m.Seed(public))
	}
}

func TestApplyOverwritesNobodyBetweenReadAndWrite(t *testing.T) {
	mine := cname(owner, "_1111.acm-validations.aws.")
	for _, atomic := range []bool{false, true} {
		m := memory(t, providers.Traits{CompareAndSwap: true, Atomic: atomic}, cname(owner, wrong))
		p := plan(t, m, report("r", change(owner, wrong, value)))
		m.Faults.BeforeWrite = func(int) error { return m.Put(public, mine) }
		_, err := impatient.Apply(context.Background(), m, p)
		require.ErrorIs(t, err, providers.ErrConflict)
		require.Equal(t, []string{owner + " CNAME _1111.acm-validations.aws."}, dump(t, m))
	}
}

// A name that somebody has emptied meanwhile looks like one that we emptied on the way; the conflict says that it was not us.
func TestApplyPutsNothingBackThatSomebodyElseRemoved(t *testing.T) {
	m := memory(t, providers.Traits{CompareAndSwap: true, Atomic: true}, cname(owner, wrong))
	p := plan(t, m, report("r", change(owner, wrong, value)))
	m.Faults.BeforeWrite = func(int) error {
		return m.Put(public, providers.RRset{Name: name(owner), Type: resolver.TypeCNAME})
	}
	_, err := impatient.Apply(context.Background(), m, p)
	require.ErrorIs(t, err, providers.ErrConflict)
	var partial *providers.PartialError
	require.NotErrorAs(t, err, &partial)
	require.Empty(t, dump(t, m))
}

func TestApplyDoesNotPutBackOverSomebodyElse(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(owner, wrong))
	p := plan(t, m, report("r", change(owner, wrong, value)))
	m.Faults.BeforeWrite = func(n int) error {
		if n == 2 { // right between our deletion and our creation
			return m.Put(public, cname(owner, "_1111.acm-validations.aws."))
		}
		return nil
	}
	_, err := impatient.Apply(context.Background(), m, p)
	var partial *providers.PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorContains(t, err, "not from this plan")
	require.Equal(t, []string{owner + " CNAME _1111.acm-validations.aws."}, dump(t, m))
}

func TestApplyCountsACopyThatStaysAsAWarning(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(doubled, value))
	m.Faults.BeforeWrite = func(n int) error {
		if n == 2 {
			return providers.ErrPermission
		}
		return nil
	}
	p := plan(t, m, moveReport())
	res, err := impatient.Apply(context.Background(), m, p)
	require.NoError(t, err, "the record itself is right")
	require.Len(t, res.Left, 1)
	require.Equal(t, name(doubled), res.Left[0].Name)
	require.Len(t, res.Warnings, 1)
	require.Equal(t, []string{right, doubled + " CNAME " + value}, dump(t, m))

	res, err = impatient.Apply(context.Background(), m, p)
	require.NoError(t, err)
	require.Len(t, res.Done, 1)
	require.Len(t, res.Skipped, 1)
	require.Equal(t, []string{right}, dump(t, m))
}

func TestCancellationFinishesWhatWasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, providers.Traits{}, cname(doubled, value))
		p := plan(t, m, moveReport())
		ctx, cancel := context.WithCancel(context.Background())
		m.Faults.AfterWrite = func(int) error { cancel(); return nil }
		m.Faults.Lag = 3
		res, err := providers.Apply(ctx, m, p)
		var partial *providers.PartialError
		require.ErrorAs(t, err, &partial)
		require.ErrorIs(t, err, context.Canceled)
		require.Len(t, partial.Done, 1)
		require.Empty(t, partial.Failed)
		require.Len(t, partial.Pending, 1)
		require.Equal(t, res.Done, partial.Done)
		require.Equal(t, []string{right, doubled + " CNAME " + value}, dump(t, m), "created, not yet deleted: no worse than before")
	})
}

func TestCancellationEndsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, providers.Traits{})
		p := plan(t, m, report("r", change(owner, "", value)))
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := providers.Apply(ctx, hanging{m}, p)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second+providers.DefaultGrace, time.Since(start))
		var partial *providers.PartialError
		require.ErrorAs(t, err, &partial, "nobody knows what the write has done")
		require.False(t, partial.Undo.Empty())
	})
}

func TestCancellationNeverLeavesTheNameEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, providers.Traits{}, cname(owner, wrong))
		p := plan(t, m, report("r", change(owner, wrong, value)))
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		_, err := providers.Apply(ctx, &hangingOnce{Memory: m, at: 2}, p) // deleted, and the creation never comes
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "what was there has been put back")
		require.Equal(t, []string{owner + " CNAME " + wrong}, dump(t, m))
	})
}

// hangingOnce is a client of which one write ends with its context only.
type hangingOnce struct {
	*providertest.Memory
	at, n int
}

func (h *hangingOnce) Write(ctx context.Context, z providers.Zone, b providers.Batch) error {
	if h.n++; h.n == h.at {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Memory.Write(ctx, z, b)
}

// hanging is a client whose writes end with their context only.
type hanging struct{ *providertest.Memory }

func (hanging) Write(ctx context.Context, _ providers.Zone, _ providers.Batch) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestApplySettles(t *testing.T) {
	for _, fails := range []error{nil, errors.New("throttled")} {
		m := memory(t, providers.Traits{})
		res, err := impatient.Apply(context.Background(), settling{m, fails}, plan(t, m, report("r", change(owner, "", value))))
		require.NoError(t, err)
		require.Equal(t, fails == nil, res.Settled)
		require.Equal(t, fails != nil, len(res.Warnings) == 1)
	}
}

type settling struct {
	*providertest.Memory
	err error
}

func (s settling) Settle(context.Context, providers.Zone) error { return s.err }

func TestApplyRefusesAnotherProvider(t *testing.T) {
	m := memory(t, providers.Traits{})
	p := plan(t, m, moveReport())
	m.Label = "another"
	_, err := providers.Apply(context.Background(), m, p)
	require.ErrorIs(t, err, providers.ErrConflict)
}

func TestNumberOfCalls(t *testing.T) {
	for _, c := range []struct {
		traits        providers.Traits
		reads, writes int
	}{
		{providers.Traits{Atomic: true}, 3, 1},   // plan, compare, read back
		{providers.Traits{Replaces: true}, 4, 2}, // and once more for the second name
		{providers.Traits{}, 5, 3},               // and once more between deletion and creation
	} {
		m := memory(t, c.traits, cname(owner, wrong), cname(doubled, value))
		p := plan(t, m, report("r", change(owner, wrong, value), change(doubled, value, "")))
		_, err := impatient.Apply(context.Background(), m, p)
		require.NoError(t, err)
		reads, writes := m.Calls()
		require.Equal(t, []int{c.reads, c.writes}, []int{reads, writes}, "%+v", c.traits)
	}
}

// Whatever stands in the zone and whatever goes wrong: names out of scope stay as they are, and what stood at the others is there,
// or is what ACM asks for, or can be had back from the undo data.
func TestNothingIsEverLost(t *testing.T) {
	targets := []string{value, value[1:], value + "example.com.", wrong, owner, "www.example.net."}
	owners := []string{
		owner, doubled, "_a79865eb4cd1a6ab990a45779b4e0b96.www.example.com.", owner[1:], value + "example.com.",
		"www.example.com.", "_b7.example.com.", "notexample.com.example.com.",
	}
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		traits := providers.Traits{Atomic: rnd.IntN(3) == 0, CompareAndSwap: rnd.IntN(2) == 0, Replaces: rnd.IntN(2) == 0}
		m := memory(t, traits)
		m.Lax = rnd.IntN(4) == 0
		var changes []validate.Change
		for i, o := range owners {
			if rnd.IntN(2) == 0 {
				require.NoError(t, m.Put(public, cname(o, targets[rnd.IntN(len(targets))])))
			}
			if i > 4 || m.Lax && rnd.IntN(4) == 0 {
				require.NoError(t, m.Put(public, txt(o, "old")))
			}
			if i > 0 && i < 5 && rnd.IntN(2) == 0 {
				changes = append(changes, change(o, targets[rnd.IntN(len(targets))], ""))
			}
		}
		changes = append(changes, change(owner, "", value))
		rep := report("r", changes...)
		before := dump(t, m)
		touched := map[string]bool{owner: true, doubled: true} // the stray copy goes with the fix
		for _, c := range changes {
			touched[c.Name.String()] = true
		}
		p := plan(t, m, rep)
		m.Faults = randomFaults(rnd)
		ctx, cancel := context.WithCancel(context.Background())
		if at := rnd.IntN(6); at > 0 {
			inner := m.Faults.AfterWrite
			m.Faults.AfterWrite = func(n int) error {
				if n == at {
					cancel()
				}
				return inner(n)
			}
		}
		var saved providers.Undo
		a := impatient
		a.Journal = func(_ context.Context, u providers.Undo) error { saved = u; return nil }
		res, err := a.Apply(ctx, m, p)
		cancel()
		m.Faults = providertest.Faults{}
		after := dump(t, m)
		tell := fmt.Sprintf("seed %d, traits %+v, lax %t\nplan %s\nerror %v\nbefore %s\nafter %s", seed, traits, m.Lax, p, err,
			strings.Join(before, "\n       "), strings.Join(after, "\n      "))

		outside := func(lines []string) []string {
			return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return touched[strings.Fields(l)[0]] })
		}
		require.Equal(t, outside(before), outside(after), tell)
		for _, l := range after {
			require.True(t, slices.Contains(before, l) || l == right, "%q comes from nowhere: %s", l, tell)
		}
		if err == nil && len(res.Left) == 0 && !p.Empty() {
			again := plan(t, m, rep)
			require.True(t, again.Empty(), "%s\nagain %s", tell, again)
		}
		if !slices.Equal(before, after) {
			back, err := saved.Plan(context.Background(), m)
			require.NoError(t, err, tell)
			_, err = impatient.Apply(context.Background(), m, back)
			require.NoError(t, err, "%s\nback %s", tell, back)
			require.Equal(t, before, dump(t, m), "%s\nback %s", tell, back)
		}
	}
}

func randomFaults(rnd *rand.Rand) providertest.Faults {
	boom := errors.New("boom")
	fails := func(odds int) func(int) error {
		bad := map[int]bool{}
		for n := range 20 {
			bad[n] = odds > 0 && rnd.IntN(odds) == 0
		}
		return func(n int) error {
			if bad[n%20] {
				return boom
			}
			return nil
		}
	}
	odds := []int{0, 0, 2, 4}
	f := providertest.Faults{
		BeforeRead:  fails(odds[rnd.IntN(4)]),
		BeforeWrite: fails(odds[rnd.IntN(4)]),
		AfterWrite:  fails(odds[rnd.IntN(4)]),
		Deaf:        rnd.IntN(20) == 0,
	}
	if rnd.IntN(3) == 0 {
		limit := rnd.IntN(3)
		f.Operations = func(n int) int {
			if n%2 == 0 {
				return limit
			}
			return -1
		}
	}
	return f
}

func TestUndoOfATXTKeepsItsText(t *testing.T) {
	old := providers.RRset{Name: name(owner), Type: resolver.TypeTXT, TTL: 60, Values: []string{`"a \"b\" \\ ; \195\164" "second"`}}
	m := memory(t, providers.Traits{}, old)
	before := dump(t, m)
	res, err := impatient.Apply(context.Background(), m, plan(t, m, report("r", change(owner, "", value))))
	require.NoError(t, err)
	require.Equal(t, []string{right}, dump(t, m))
	back, err := res.Undo.Plan(context.Background(), m)
	require.NoError(t, err)
	require.Contains(t, back.String(), "take back")
	redo, err := impatient.Apply(context.Background(), m, back)
	require.NoError(t, err)
	require.Equal(t, before, dump(t, m))
	forth, err := redo.Undo.Plan(context.Background(), m)
	require.NoError(t, err)
	_, err = impatient.Apply(context.Background(), m, forth)
	require.NoError(t, err)
	require.Equal(t, []string{right}, dump(t, m), "taking back the taking back")
}
