package validatetest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// worldTime is the moment of every check in a world.
func worldTime() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// Load reads all worlds below a folder, in the order of their paths.
func Load(fsys fs.FS) ([]World, error) {
	files, err := fs.Glob(fsys, "*.txt")
	if err != nil {
		return nil, err
	}
	var out []World
	for _, f := range files {
		text, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, err
		}
		w, err := ParseWorld(f, string(text))
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// Run checks each world against what it wants, and every law in every world.
func Run(t *testing.T, worlds []World) {
	for _, w := range worlds {
		t.Run(strings.TrimSuffix(w.File, ".txt"), func(t *testing.T) {
			t.Parallel()
			if !t.Run("want", func(t *testing.T) { w.wants(t) }) {
				return
			}
			for _, l := range Laws() {
				t.Run(l.Name, func(t *testing.T) { l.Holds(t, w) })
			}
		})
	}
}

// check runs one check of the world, straight through the fake, with time simulated.
func (w World) check(t *testing.T, in *resolvertest.Internet) (rep validate.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, err := w.Checker(in, in)
		if err != nil {
			t.Fatal(err)
		}
		if rep, err = c.Check(t.Context(), w.Record); err != nil {
			t.Fatal(err)
		}
	})
	return rep
}

func (w World) internet(t testing.TB) *resolvertest.Internet {
	t.Helper()
	in, err := w.Internet()
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// RoundTrip is the time of one exchange with any server where [Measure] measures.
const RoundTrip = 20 * time.Millisecond

// Measure checks a world once, in simulated time, and gives the round trips on the critical path: the time that the check
// took, in units of [RoundTrip]. A silent server costs none (how long to wait for one is the client's business), a TCP
// handshake costs one, a fault's delay what it says.
func Measure(t *testing.T, w World) (rep validate.Report, trips int) {
	t.Helper()
	in := w.internet(t)
	in.Latency = RoundTrip
	rep = w.check(t, in)
	return rep, int(rep.Stats.Elapsed / RoundTrip)
}

func (w World) wants(t *testing.T) {
	rep, trips := Measure(t, w)
	if rep.Verdict != w.Verdict {
		t.Errorf("verdict %s, want %s", rep.Verdict, w.Verdict)
	}
	if got := Got(rep); !slices.Equal(got, w.Want) {
		t.Errorf("findings\n%s\nwant\n%s", join(got), join(w.Want))
	}
	fix, ok := ZoneFix(rep)
	if ok != (len(w.Fix) > 0) || !slices.Equal(Diff(fix), w.Fix) {
		t.Errorf("fix\n%s\nwant\n%s", strings.Join(Diff(fix), "\n"), strings.Join(w.Fix, "\n"))
	}
	if eta := etaText(rep); w.ETA != "" && eta != w.ETA {
		t.Errorf("seen everywhere after %s, want %s", eta, w.ETA)
	}
	if w.Asked > 0 && (rep.Queries != w.Asked || trips != w.Trips) {
		t.Errorf("asked %d in %d round trips, want %d in %d", rep.Queries, trips, w.Asked, w.Trips)
	}
	if t.Failed() {
		var b strings.Builder
		_ = rep.WriteText(&b, validate.Text{})
		t.Log("\n" + b.String())
		for _, o := range rep.Outcomes {
			if o.State == validate.NotKnown {
				t.Logf("%s: %s: %s", o.Rule, o.State, o.Reason)
			}
		}
	}
}

// etaText is how long after the check the answer is seen everywhere.
func etaText(rep validate.Report) string {
	if rep.ETA.IsZero() {
		return "none"
	}
	return rep.ETA.Sub(worldTime()).String()
}

func join(w []Want) string {
	var out []string
	for _, x := range w {
		out = append(out, "  "+x.String())
	}
	return strings.Join(out, "\n")
}

// document gives what must be equal, byte for byte, whenever the answers are equal.
func document(t testing.TB, r validate.Report) string {
	t.Helper()
	r.Stats = validate.Stats{}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + fmt.Sprintf("\n%v", r.Outcomes)
}
