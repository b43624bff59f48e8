package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// lab checks records without any DNS: every tenth is missing, every fifteenth beyond the first not determined, and several
// are in flight, which end in any order.
type lab struct {
	random  *rand.Rand
	flying  int
	before  func(i int) // called before the i-th report is given; nil: nothing is
	mu      sync.Mutex
	checked map[string]int // how often, by name
	mended  bool           // all are valid
}

func newLab(seed uint64) *lab {
	return &lab{random: rand.New(rand.NewPCG(seed, 1)), flying: 16}
}

func (l *lab) check(ctx context.Context, in iter.Seq[validate.Record]) iter.Seq2[validate.Numbered, error] {
	return func(yield func(validate.Numbered, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		records := make(chan validate.Record)
		var feeding sync.WaitGroup
		defer feeding.Wait()
		defer cancel()
		feeding.Go(func() {
			defer close(records)
			for r := range in {
				select {
				case records <- r:
				case <-ctx.Done():
					return
				}
			}
		})
		var flying []validate.Numbered
		given := 0
		give := func() bool {
			i := l.random.IntN(len(flying))
			n := flying[i]
			flying[i] = flying[len(flying)-1]
			flying = flying[:len(flying)-1]
			if l.before != nil {
				l.before(given)
			}
			if given++; ctx.Err() != nil {
				yield(validate.Numbered{}, ctx.Err())
				return false
			}
			return yield(n, nil)
		}
		taken := 0
		for r := range records {
			if l.checked != nil {
				l.mu.Lock()
				l.checked[r.Name.String()]++
				l.mu.Unlock()
			}
			flying = append(flying, validate.Numbered{Index: taken, Report: l.report(r)})
			if taken++; len(flying) >= l.flying && !give() {
				return
			}
		}
		for len(flying) > 0 {
			if !give() {
				return
			}
		}
	}
}

func (l *lab) report(r validate.Record) validate.Report {
	rep := validate.Report{Record: r, Verdict: validate.Valid, Queries: 5}
	rep.Zone.Name = r.Domain()
	var n int
	_, _ = fmt.Sscanf(r.Domain().Text(), "d%d.", &n)
	switch {
	case l.mended:
	case n%10 == 3:
		rep.Verdict = validate.Invalid
		rep.Findings = []validate.Finding{{Rule: "record-missing", Severity: validate.Error, Confidence: validate.Certain, Message: "no server has it"}}
		rep.Host = validate.Host{ID: "route53", Name: "Amazon Route 53"}
	case n%15 == 14:
		rep.Verdict = validate.Undetermined
		rep.Findings = []validate.Finding{{Rule: "server-unreachable", Severity: validate.Error, Confidence: validate.Likely, Message: "nobody answers"}}
	case n%15 == 7:
		rep.Findings = []validate.Finding{{Rule: "server-lame", Severity: validate.Warning, Confidence: validate.Certain, Message: "one is lame"}}
	}
	return rep
}

// input is n records, of which every 97th cannot be read.
func input(n int) string {
	var b strings.Builder
	for i := range n {
		if i%97 == 50 {
			fmt.Fprintf(&b, `{"id":"%d","name":"_a..d%d.test","value":"_b.acm-validations.aws."}`+"\n", i, i)
			continue
		}
		fmt.Fprintf(&b, `{"id":"%d","name":"_a.d%d.test.","value":"_b.x.acm-validations.aws."}`+"\n", i, i)
	}
	return b.String()
}

func items(text string) iter.Seq[audit.Item] {
	return audit.Items(validate.ParseSources(strings.NewReader(text)), "in.ndjson")
}

// lines reads an output and gives the input line of each, in order.
func lines(t testing.TB, r io.Reader) (out []int) {
	t.Helper()
	for l, err := range audit.Lines(r) {
		require.NoError(t, err)
		out = append(out, l.Line)
	}
	return out
}

func eachOnce(t testing.TB, n int, got []int) {
	t.Helper()
	seen := make([]int, n+1)
	for _, l := range got {
		require.LessOrEqual(t, l, n)
		seen[l]++
	}
	for l := 1; l <= n; l++ {
		if seen[l] != 1 {
			t.Fatalf("line %d is there %d times", l, seen[l])
		}
	}
}

func openFile(t testing.TB, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestEveryItemHasItsLine(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprintf("ordered %v", ordered), func(t *testing.T) {
			var out bytes.Buffer
			run := audit.Run{Check: newLab(1).check, Output: &out, Ordered: ordered}
			sum, err := run.Do(t.Context(), items(input(1000)))
			require.NoError(t, err)
			got := lines(t, bytes.NewReader(out.Bytes()))
			eachOnce(t, 1000, got)
			sorted := true
			for i := 1; i < len(got); i++ {
				sorted = sorted && got[i] > got[i-1]
			}
			assert.Equal(t, ordered, sorted)
			assert.Equal(t, 1000, sum.Records)
			assert.Equal(t, 10, sum.Unreadable)
			assert.Equal(t, 109, sum.Invalid, "a tenth, of which one is not readable, and those ten")
			assert.Equal(t, sum.Records, sum.Valid+sum.Invalid+sum.Undetermined)
			assert.Equal(t, int64(5*990), sum.Questions)
			assert.Contains(t, out.String(), `{"id":"50","line":51,"record":{"domain":"","name":"_a..d50.test","value":"_b.acm-validations.aws."},"verdict":"invalid","findings":[{"rule":"input-invalid"`)
		})
	}
}

// A crash is a copy of the state, made at any moment, and of the output as it is then or a little later, cut at any byte
// that the state does not speak of.
func TestResumesAfterACrashAtAnyPoint(t *testing.T) {
	const n = 400
	text := input(n)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			folder := t.TempDir()
			out, state := filepath.Join(folder, "out"), filepath.Join(folder, "state")
			ordered := seed%2 == 1
			for attempt := 0; ; attempt++ {
				l := newLab(seed + 100*uint64(attempt))
				crash, torn := random.IntN(n/2), filepath.Join(folder, fmt.Sprint("torn", attempt))
				ctx, cancel := context.WithCancel(t.Context())
				if attempt > 5 {
					crash = -1
				}
				l.before = func(i int) {
					time.Sleep(time.Microsecond * time.Duration(random.IntN(20)))
					if i == crash {
						body, err := os.ReadFile(state)
						assert.NoError(t, err)
						assert.NoError(t, os.WriteFile(torn+".state", body, 0o600))
						body, err = os.ReadFile(out)
						assert.NoError(t, err)
						body = append(body, `{"id":"7","line":8,"record":{"dom`[:random.IntN(30)]...)
						assert.NoError(t, os.WriteFile(torn+".out", body, 0o600))
						cancel()
					}
				}
				file := openFile(t, out)
				run := audit.Run{
					Check: l.check, File: file, Ordered: ordered, Flush: 300 * time.Microsecond, Checkpoint: 5 * time.Millisecond,
					State: &audit.State{Path: state, Version: "v1"},
				}
				sum, err := run.Do(ctx, items(text))
				cancel()
				require.NoError(t, file.Close())
				if err == nil {
					assert.Equal(t, n, sum.Records, "of all runs together")
					assert.Equal(t, int64(5*(n-sum.Unreadable)), sum.Questions)
					break
				}
				require.ErrorIs(t, err, context.Canceled)
				require.NoError(t, os.Rename(torn+".state", state))
				require.NoError(t, os.Rename(torn+".out", out))
			}
			file := openFile(t, out)
			got := lines(t, file)
			eachOnce(t, n, got)
			for i := 1; ordered && i < len(got); i++ {
				require.Greater(t, got[i], got[i-1])
			}
			assert.NoFileExists(t, state, "the run is complete")
		})
	}
}

// After an interruption nothing is checked again that has its line, and standard output has no line twice.
func TestInterruptionLosesAndRepeatsNothing(t *testing.T) {
	const n = 500
	state := &audit.State{Path: filepath.Join(t.TempDir(), "state")}
	var out bytes.Buffer
	for attempt := 0; ; attempt++ {
		ctx, cancel := context.WithCancel(t.Context())
		l := newLab(uint64(attempt))
		l.before = func(i int) {
			if i == 90 {
				cancel()
			}
		}
		run := audit.Run{Check: l.check, Output: &out, State: state}
		sum, err := run.Do(ctx, items(input(n)))
		cancel()
		if err == nil {
			assert.Equal(t, n, sum.Records)
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, attempt, 10)
	}
	eachOnce(t, n, lines(t, &out))
}

func begun(t *testing.T, ordered bool, file *os.File) *audit.State {
	t.Helper()
	state := &audit.State{Path: filepath.Join(t.TempDir(), "state"), Version: "v1"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := newLab(9)
	l.before = func(i int) {
		if i == 100 {
			cancel()
		}
	}
	run := audit.Run{Check: l.check, State: state, Ordered: ordered, File: file}
	_, err := run.Do(ctx, items(input(300)))
	require.ErrorIs(t, err, context.Canceled)
	require.FileExists(t, state.Path)
	return state
}

func TestStateIsRefused(t *testing.T) {
	never := func(context.Context, iter.Seq[validate.Record]) iter.Seq2[validate.Numbered, error] {
		panic("nothing is checked where the state is refused")
	}
	again := func(t *testing.T, run audit.Run, text string) error {
		t.Helper()
		before, err := os.ReadFile(run.State.Path)
		require.NoError(t, err)
		run.Check = never
		_, err = run.Do(t.Context(), items(text))
		require.ErrorIs(t, err, audit.ErrState)
		assert.Contains(t, err.Error(), "to begin anew", "it says what to do")
		after, rerr := os.ReadFile(run.State.Path)
		require.NoError(t, rerr)
		assert.Equal(t, before, after, "and is left as it is")
		return err
	}
	text := input(300)
	t.Run("truncated anywhere", func(t *testing.T) {
		state := begun(t, false, nil)
		whole, err := os.ReadFile(state.Path)
		require.NoError(t, err)
		for cut := 0; cut < len(whole)-1; cut += 13 {
			require.NoError(t, os.WriteFile(state.Path, whole[:cut], 0o600))
			assert.ErrorIs(t, again(t, audit.Run{State: state}, text), audit.ErrStateDamaged)
		}
		whole[20] ^= 1
		require.NoError(t, os.WriteFile(state.Path, whole, 0o600))
		assert.ErrorIs(t, again(t, audit.Run{State: state}, text), audit.ErrStateDamaged)
	})
	t.Run("another version", func(t *testing.T) {
		state := begun(t, false, nil)
		state.Version = "v2"
		err := again(t, audit.Run{State: state}, text)
		assert.ErrorIs(t, err, audit.ErrStateVersion)
		assert.Contains(t, err.Error(), "is of version v1 (form 1), and this is v2")
	})
	t.Run("another input", func(t *testing.T) {
		state := begun(t, false, nil)
		assert.ErrorIs(t, again(t, audit.Run{State: state}, strings.Replace(text, "d3.test", "e3.test", 1)), audit.ErrStateInput)
		assert.ErrorIs(t, again(t, audit.Run{State: state}, input(20)), audit.ErrStateInput)
	})
	t.Run("another order", func(t *testing.T) {
		again(t, audit.Run{State: begun(t, true, nil)}, text)
	})
	t.Run("another output", func(t *testing.T) {
		folder := t.TempDir()
		out := openFile(t, filepath.Join(folder, "out"))
		state := begun(t, false, out)
		other := openFile(t, filepath.Join(folder, "other"))
		assert.ErrorIs(t, again(t, audit.Run{State: state, File: other}, text), audit.ErrStateOutput)
		assert.ErrorIs(t, again(t, audit.Run{State: state}, text), audit.ErrStateOutput, "none is another, too")
		_, err := other.Write(bytes.Repeat([]byte("x"), 1<<20))
		require.NoError(t, err)
		assert.ErrorIs(t, again(t, audit.Run{State: state, File: other}, text), audit.ErrStateOutput)
		info, err := other.Stat()
		require.NoError(t, err)
		assert.Equal(t, int64(1<<20), info.Size(), "a file that is not the run's own is not cut")
	})
	t.Run("in use", func(t *testing.T) {
		state := begun(t, false, nil)
		l := newLab(3)
		l.before = func(i int) {
			if i == 0 {
				_, err := (&audit.Run{Check: never, State: state}).Do(t.Context(), items(text))
				assert.ErrorIs(t, err, audit.ErrStateBusy)
			}
		}
		_, err := (&audit.Run{Check: l.check, State: state}).Do(t.Context(), items(text))
		require.NoError(t, err)
	})
}

// A grown input goes on: what was read of it is the same.
func TestInputMayHaveGrown(t *testing.T) {
	var out bytes.Buffer
	state := begun(t, false, nil)
	sum, err := (&audit.Run{Check: newLab(1).check, State: state, Output: &out}).Do(t.Context(), items(input(400)))
	require.NoError(t, err)
	assert.Equal(t, 400, sum.Records)
}

// full takes some bytes and then no more, as a disk does.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestOutputThatCannotBeWrittenEndsTheRun(t *testing.T) {
	state := &audit.State{Path: filepath.Join(t.TempDir(), "state")}
	l := newLab(1)
	given := 0
	l.before = func(i int) { given = i }
	abandoned := make(chan struct{})
	run := audit.Run{
		Check: l.check, Output: &full{left: 600 << 10}, State: state, Checkpoint: 20 * time.Millisecond, Flush: time.Millisecond,
		Abandon: func() { close(abandoned) },
	}
	endless := func(yield func(audit.Item) bool) {
		for i := 0; ; i++ {
			for it := range items(fmt.Sprintf("_a.d%d.test. CNAME _b.x.acm-validations.aws.\n", i)) {
				if !yield(it) {
					return
				}
			}
		}
	}
	_, err := run.Do(t.Context(), endless)
	require.ErrorIs(t, err, audit.ErrOutput)
	require.ErrorIs(t, err, errFull)
	<-abandoned
	assert.Less(t, given, 20000)
	require.FileExists(t, state.Path)

	var sofar int
	again := audit.Run{Check: newLab(2).check, Output: io.Discard, State: state, Resumed: func(s audit.Summary) { sofar = s.Records }}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = again.Do(ctx, endless)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.LessOrEqual(t, sofar, given, "the state speaks of what was written")
}

func TestInputThatCannotBeReadOnEndsTheRun(t *testing.T) {
	state := &audit.State{Path: filepath.Join(t.TempDir(), "state")}
	broken := io.MultiReader(strings.NewReader(input(100)), failing{})
	sum, err := (&audit.Run{Check: newLab(1).check, State: state}).Do(t.Context(), audit.Items(validate.ParseSources(broken), ""))
	require.ErrorIs(t, err, audit.ErrReading)
	require.ErrorIs(t, err, errDisk)
	assert.LessOrEqual(t, sum.Records, 100)
	assert.FileExists(t, state.Path)
}

var errDisk = errors.New("input/output error")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestErrorOfEachEndsTheRun(t *testing.T) {
	stop := errors.New("stop")
	run := audit.Run{Check: newLab(1).check, Each: func(audit.Result) error { return stop }}
	_, err := run.Do(t.Context(), items(input(100)))
	require.ErrorIs(t, err, stop)
}

// An input without any record has no line, and is told.
func TestEmptyInput(t *testing.T) {
	var out bytes.Buffer
	var told error
	run := audit.Run{Check: newLab(1).check, Output: &out, Each: func(r audit.Result) error { told = r.Item.Err; return nil }}
	sum, err := run.Do(t.Context(), items(""))
	require.NoError(t, err)
	assert.Zero(t, sum.Records)
	assert.Empty(t, out.String())
	assert.ErrorIs(t, told, validate.ErrNoRecord)
}

// Memory does not grow with the input: what is live in the middle of ten times as many records is the same.
func TestMemoryIsFlat(t *testing.T) {
	live := func(n int, ordered bool) (most uint64) {
		record, _, err := validate.ParseRecord("", "_a.d1.test.", "_b.x.acm-validations.aws.")
		require.NoError(t, err)
		many := func(yield func(audit.Item) bool) {
			for i := range n {
				r := record
				r.Name = resolver.MustParseName(fmt.Sprintf("_a.d%d.test.", i))
				r.Domains = []resolver.Name{resolver.MustParseName(fmt.Sprintf("d%d.test.", i))}
				if !yield(audit.Item{Source: validate.Source{Line: i + 1, Record: r}}) {
					return
				}
			}
		}
		l := newLab(1)
		l.before = func(i int) {
			if (i+1)%(n/4) == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		run := audit.Run{Check: l.check, Ordered: ordered, State: &audit.State{Path: filepath.Join(t.TempDir(), "state")}}
		sum, err := run.Do(t.Context(), many)
		require.NoError(t, err)
		require.Equal(t, n, sum.Records)
		return most
	}
	for _, ordered := range []bool{false, true} {
		few, many := live(10_000, ordered), live(100_000, ordered)
		t.Logf("ordered %v: %d KiB live at 10^4 records, %d KiB at 10^5", ordered, few>>10, many>>10)
		assert.Less(t, float64(many), 1.3*float64(few)+1<<20)
	}
}
