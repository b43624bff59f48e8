package validate_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// waitFor collects the updates of a wait in the simulated time of a synctest bubble.
func waitFor(t *testing.T, ctx context.Context, in *resolvertest.Internet, r validate.Record, w validate.Waiting) (out []validate.Update, err error) {
	t.Helper()
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	c := &validate.Checker{Resolver: in, Roots: roots}
	for u, err := range c.Wait(ctx, w, r) {
		if err != nil {
			return out, err
		}
		out = append(out, u)
	}
	return out, nil
}

func setRecord(t *testing.T, in *resolvertest.Internet, r validate.Record, value string) {
	t.Helper()
	zone := resolver.MustParseName("example.com.")
	require.NoError(t, in.SetRRset(zone, r.Name, resolver.TypeCNAME, 300, []string{value}))
}

func TestWaitEndsWhenTheRecordIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		r := healthyRecord(t)
		begun := time.Now()
		go func() {
			time.Sleep(100 * time.Second)
			setRecord(t, in, r, "_999.xyz.acm-validations.aws.")
			time.Sleep(100 * time.Second)
			setRecord(t, in, r, "_424.xyz.acm-validations.aws.")
		}()
		updates, err := waitFor(t, t.Context(), in, r, validate.Waiting{})
		require.NoError(t, err)
		last := updates[len(updates)-1]
		assert.Equal(t, validate.Valid, last.Report.Verdict)
		assert.Equal(t, validate.AwaitEnd, last.Stage)
		assert.True(t, last.Next.IsZero())
		var pauses []time.Duration
		for i, u := range updates {
			assert.Equal(t, i+1, u.Looks)
			if i+1 < len(updates) {
				assert.Equal(t, validate.AwaitServers, u.Stage)
				pauses = append(pauses, u.Next.Sub(begun))
				begun = u.Next
			}
		}
		// Missing: 5 s, 7.5 s, … ; another value: from the start again; never more than a minute.
		assert.Equal(t, 5*time.Second, pauses[0])
		assert.Equal(t, 7500*time.Millisecond, pauses[1])
		assert.LessOrEqual(t, len(updates), 15)
		changes := 0
		for i, u := range updates {
			if u.Changed {
				changes++
				if i < len(pauses) {
					assert.Equal(t, 5*time.Second, pauses[i], "look %d is a change", u.Looks)
				}
			}
		}
		assert.Equal(t, 3, changes, "missing, another value, right")
	})
}

func TestWaitGivesUpInTimeAndLooksOftenTowardsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		begun := time.Now()
		updates, err := waitFor(t, t.Context(), in, healthyRecord(t), validate.Waiting{Until: begun.Add(10 * time.Minute)})
		require.NoError(t, err)
		last := updates[len(updates)-1]
		assert.Equal(t, validate.Invalid, last.Report.Verdict)
		assert.Equal(t, validate.AwaitEnd, last.Stage)
		took := time.Since(begun)
		assert.LessOrEqual(t, took, 10*time.Minute)
		assert.Greater(t, took, 10*time.Minute-10*time.Second)
	})
}

func TestWaitWithNoTimeLooksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
		updates, err := waitFor(t, t.Context(), in, healthyRecord(t), validate.Waiting{Until: time.Now()})
		require.NoError(t, err)
		require.Len(t, updates, 1)
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		begun := time.Now()
		updates, err := waitFor(t, ctx, in, healthyRecord(t), validate.Waiting{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, updates, 2, "at 0 s and at 5 s")
		assert.Equal(t, 12*time.Second, time.Since(begun))
	})
}

func TestWaitStopsWithTheIteration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
		require.NoError(t, err)
		c := &validate.Checker{Resolver: in, Roots: roots}
		begun := time.Now()
		for range c.Wait(t.Context(), validate.Waiting{}, healthyRecord(t)) {
			break
		}
		assert.Zero(t, time.Since(begun))
	}) // the bubble fails the test if a goroutine is left
}

func TestWaitForWhatCannotComeLooksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		r, _, err := validate.ParseRecord("", "_a79.example.com.", "_424.xyz.acm-validation.aws.")
		require.NoError(t, err)
		updates, err := waitFor(t, t.Context(), in, r, validate.Waiting{})
		require.NoError(t, err)
		require.Len(t, updates, 1)
		assert.Equal(t, validate.AwaitEnd, updates[0].Stage)
	})
}

// pendingSince gives the record with a pending certificate that was asked for at some time.
func pendingSince(t *testing.T, created time.Time) validate.Record {
	t.Helper()
	r := healthyRecord(t)
	return r.WithCertificate(validate.Certificate{
		ARN: "arn:aws:acm:eu-west-1:123456789012:certificate/1", Domain: "example.com", Status: "PENDING_VALIDATION", Type: "AMAZON_ISSUED", Created: created,
		Domains: []validate.DomainValidation{{Domain: "example.com", Method: "DNS", Status: "PENDING_VALIDATION", Name: r.Name, Value: r.Value}},
	})
}

func findsTimedOut(r validate.Report) bool {
	return slices.ContainsFunc(r.Findings, func(f validate.Finding) bool {
		return f.Rule == "certificate-timed-out" && strings.Contains(f.Message, "request a new one")
	})
}

func TestWaitEndsWhenACMGivesUp(t *testing.T) {
	for name, until := range map[string]time.Duration{"alone": 0, "before a later end": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
				begun := time.Now()
				deadline := begun.Add(20*time.Minute + 300*time.Millisecond)
				w := validate.Waiting{}
				if until > 0 {
					w.Until = begun.Add(until)
				}
				updates, err := waitFor(t, t.Context(), in, pendingSince(t, deadline.Add(-validate.ValidationWindow)), w)
				require.NoError(t, err)
				last := updates[len(updates)-1]
				assert.Equal(t, validate.AwaitEnd, last.Stage)
				assert.Equal(t, deadline, time.Now(), "neither before nor after")
				assert.True(t, findsTimedOut(last.Report), "the last look tells what is to be done: %v", last.Report.Findings)
				for _, u := range updates {
					assert.Equal(t, deadline, u.Until)
					assert.False(t, u.Next.After(deadline))
				}
				assert.Less(t, len(updates), 40)
			})
		})
	}
}

func TestWaitEndsBeforeACMGivesUpWhereThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		until := time.Now().Add(5 * time.Minute)
		updates, err := waitFor(t, t.Context(), in, pendingSince(t, time.Now()), validate.Waiting{Until: until})
		require.NoError(t, err)
		assert.False(t, time.Now().After(until))
		assert.Equal(t, until, updates[0].Until)
		assert.False(t, findsTimedOut(updates[len(updates)-1].Report))
	})
}

func TestWaitForALostCertificateLooksOnce(t *testing.T) {
	for _, status := range []string{"VALIDATION_TIMED_OUT", "FAILED", "EXPIRED", "REVOKED", "PENDING_VALIDATION"} {
		synctest.Test(t, func(t *testing.T) {
			in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
			r := pendingSince(t, time.Now().Add(-100*time.Hour))
			r.Certificate.Status = status
			updates, err := waitFor(t, t.Context(), in, r, validate.Waiting{})
			require.NoError(t, err)
			require.Len(t, updates, 1, status)
			assert.Equal(t, validate.AwaitEnd, updates[0].Stage)
			assert.Equal(t, validate.Invalid, updates[0].Report.Verdict, "the verdict is the record's")
		})
	}
}

// An issued certificate has no deadline: what is waited for is its renewal's record.
func TestWaitForAnIssuedCertificateGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		r := pendingSince(t, time.Now().Add(-100*time.Hour))
		r.Certificate.Status, r.Certificate.Issued = "ISSUED", time.Now().Add(-99*time.Hour)
		go func() {
			time.Sleep(10 * time.Minute)
			setRecord(t, in, r, "_424.xyz.acm-validations.aws.")
		}()
		updates, err := waitFor(t, t.Context(), in, r, validate.Waiting{})
		require.NoError(t, err)
		assert.Equal(t, validate.Valid, updates[len(updates)-1].Report.Verdict)
		assert.True(t, updates[0].Until.IsZero())
	})
}

// The deadlines of two certificates are each its own.
func TestWaitForSeveralCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
		require.NoError(t, err)
		c := &validate.Checker{Resolver: in, Roots: roots}
		begun := time.Now()
		soon, late := begun.Add(2*time.Minute), begun.Add(30*time.Minute)
		ended := map[int]time.Time{}
		for u, err := range c.Wait(t.Context(), validate.Waiting{}, pendingSince(t, late.Add(-validate.ValidationWindow)), pendingSince(t, soon.Add(-validate.ValidationWindow))) {
			require.NoError(t, err)
			if u.Stage == validate.AwaitEnd {
				ended[u.Index] = time.Now()
			}
		}
		assert.Equal(t, map[int]time.Time{0: late, 1: soon}, ended)
	})
}

func TestWaitForSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
		there := healthyRecord(t)
		missing, _, err := validate.ParseRecord("", "_b80.example.com.", "_525.xyz.acm-validations.aws.")
		require.NoError(t, err)
		go func() {
			time.Sleep(30 * time.Second)
			setRecord(t, in, missing, "_525.xyz.acm-validations.aws.")
		}()
		roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
		require.NoError(t, err)
		c := &validate.Checker{Resolver: in, Roots: roots}
		seen := map[int][]validate.Update{}
		for u, err := range c.Wait(t.Context(), validate.Waiting{}, missing, there) {
			require.NoError(t, err)
			seen[u.Index] = append(seen[u.Index], u)
		}
		require.Len(t, seen[1], 1, "a record that is valid is not looked at again")
		assert.Greater(t, len(seen[0]), 3)
		for _, updates := range seen {
			last := updates[len(updates)-1]
			assert.Equal(t, validate.Valid, last.Report.Verdict)
			assert.Equal(t, validate.AwaitEnd, last.Stage)
			assert.Equal(t, len(updates), last.Looks)
		}
		for range c.Wait(t.Context(), validate.Waiting{}) {
			t.Error("nothing to wait for has no update")
		}
	})
}

// The witnesses are asked only once the servers are right, and each is waited for as long as it remembers.
func TestWaitAsksWitnessesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
		r := healthyRecord(t)
		early, late, deaf := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2"), netip.MustParseAddr("203.0.113.3")
		for _, a := range []netip.Addr{early, late} {
			in.Recursor(a)
		}
		require.NoError(t, in.Remember(early, r.Name, resolver.TypeCNAME, 60, nil))
		require.NoError(t, in.Remember(late, r.Name, resolver.TypeCNAME, 250, nil))
		roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
		require.NoError(t, err)
		c := &validate.Checker{Resolver: in, Roots: roots}
		for _, a := range []netip.Addr{early, late, deaf} {
			c.Witnesses = append(c.Witnesses, resolver.PlainRecursor(netip.AddrPortFrom(a, 53)))
		}
		begun := time.Now()
		var there time.Time
		go func() {
			time.Sleep(20 * time.Second)
			setRecord(t, in, r, "_424.xyz.acm-validations.aws.")
			there = time.Now()
		}()
		var stages []validate.WaitStage
		asked := func() (n int) {
			for _, q := range in.Queries() {
				if q.Recursor != (resolver.Recursor{}) || q.Recursive {
					n++
				}
			}
			return n
		}
		var last validate.Update
		for u, err := range c.Wait(t.Context(), validate.Waiting{}, r) {
			require.NoError(t, err)
			stages = append(stages, u.Stage)
			if u.Report.Verdict != validate.Valid {
				assert.Zero(t, asked(), "a witness was asked while the record was missing")
			}
			last = u
		}
		assert.Equal(t, validate.AwaitEnd, last.Stage)
		assert.Equal(t, validate.Valid, last.Report.Verdict)
		assert.Contains(t, stages, validate.AwaitResolvers)
		assert.False(t, there.IsZero())
		took := time.Since(begun)
		assert.GreaterOrEqual(t, took, 250*time.Second, "the later one remembers for 250 s")
		assert.Less(t, took, 270*time.Second)
		require.Len(t, last.Report.Perspectives, 3)
		assert.Equal(t, validate.SaysRecord, last.Report.Perspectives[0].Says)
		assert.Equal(t, validate.SaysRecord, last.Report.Perspectives[1].Says)
		assert.Equal(t, validate.SaysNothing, last.Report.Perspectives[2].Says, "who does not answer is not waited for")
		resolvers := 0
		for _, s := range stages {
			if s == validate.AwaitResolvers {
				resolvers++
			}
		}
		assert.LessOrEqual(t, resolvers, 3, "each is asked when it has forgotten, not every minute")
	})
}
