package validate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// least is what a check cannot do without, with two name servers: root and its keys, top-level domain, its keys and its CAA,
// then everything of the zone at once; two round trips and questions more where the referral brings no glue; one more where
// there is something to explain. A zone that is signed takes two questions less: its signatures tell what else the name
// beside the record's and the servers' addresses at the name would be asked for.
type least struct{ questions, trips int }

var (
	withGlue    = least{13, 3}
	signed      = least{11, 3}
	withoutGlue = least{15, 5}
)

func (l least) explaining() least { return least{l.questions, l.trips + 1} }

// What is aimed at: round trips over the least of any story, questions over the least of a healthy one.
const (
	mostOverTrips     = 1.15
	mostOverQuestions = 0
)

// stories are the measured worlds: the two healthy ones, then one for each rule, in the order of the rules. Why one may
// take longer than the least stands beside it.
func stories(t testing.TB) []story {
	t.Helper()
	worlds := map[string]validatetest.World{}
	for _, w := range loadWorlds(t) {
		worlds[strings.TrimSuffix(w.File, ".txt")] = w
	}
	all := []story{{name: "healthy", least: withGlue, healthy: true}, {name: "healthy-signed", least: signed, healthy: true}, {name: "healthy-glueless", least: withoutGlue, healthy: true}}
	special := map[validate.ID]story{ // name: what the world's file has behind the rule's
		"input-invalid":             {},
		"domain-ineligible":         {},
		"input-unclean":             {least: withGlue},
		"input-swapped":             {least: withGlue},
		"value-underscore-stripped": {least: withGlue},
		"zone-undelegated":          {least: least{4, 3}},
		"server-lame":               {least: withGlue.explaining(), longer: "a server is asked again over TCP, which is two round trips, before it is called lame; then for its own address"},
		"caa-forbids":               {least: withGlue},
		"dnssec-bogus":              {least: withGlue.explaining(), longer: "the other server is asked for the keys, too, and both whether a zone begins further down"},
		"dnssec-fragile":            {least: signed},
		"caa-unanswered":            {least: withGlue},
		"server-unreachable":        {least: withGlue.explaining()},
		"delegation-mismatch":       {least: withoutGlue.explaining(), longer: "the servers that only the zone names have to be found, one round trip, and asked, another"},
		"record-misplaced":          {least: withGlue.explaining(), longer: "the parent is asked for the other delegation, then that one's server for the record"},
		"name-under-dname":          {least: withGlue.explaining(), longer: "where the DNAME leads to has a walk of its own, of which the root is known"},
		"cname-chained":             {least: withGlue.explaining(), longer: "the other name has a walk of its own, of which the root is known: two round trips"},
		"answer-stale":              {least: withGlue},
		"perspective-differs":       {least: withGlue.explaining(), longer: "the servers refuse, and are asked again over TCP"},
		"target-unresolvable":       {least: withGlue},
		"ttl-long":                  {name: "-wrong"},
		"name-relocated":            {name: "-www"},
		"value-mangled":             {name: "-missing"},
		"check-incomplete":          {name: "-chain", least: withGlue.explaining(), longer: "the chain is followed up to the server that does not answer"},
	}
	for _, r := range validate.Rules() {
		id := r.Info().ID
		s := special[id]
		_, told := special[id]
		switch w := worlds[string(id)]; {
		case r.Info().Certificate && w.Record.Problem() != nil: // ACM says it all
		case r.Info().Certificate && w.Verdict == validate.Valid:
			s.least = withGlue
		case !told || s.least == (least{}) && s.name != "":
			s.least = withGlue.explaining()
		}
		s.name = string(id) + s.name
		all = append(all, s)
	}
	for i := range all {
		w, ok := worlds[all[i].name]
		require.True(t, ok, "no world for %s", all[i].name)
		all[i].World = w
	}
	return all
}

type story struct {
	validatetest.World
	name    string
	least   least
	healthy bool
	longer  string // why it takes longer than the least
}

// over tells a number as a share of the least.
func over(n, least int) float64 {
	if least == 0 {
		return 1
	}
	return float64(n) / float64(least)
}

// TestMeasured counts exactly, in simulated time, and holds the counts against the least possible. That they are the
// numbers in the worlds is what TestWorlds sees to.
func TestMeasured(t *testing.T) {
	var table []string
	for _, s := range stories(t) {
		rep, trips := validatetest.Measure(t, s.World)
		table = append(table, fmt.Sprintf("%-26s %2d questions (least %2d)   %d round trips (least %d, %.2f times)",
			s.name, rep.Queries, s.least.questions, trips, s.least.trips, over(trips, s.least.trips)))
		assert.GreaterOrEqual(t, trips, s.least.trips, "%s: less than the least: it is the least that is wrong", s.name)
		if s.longer == "" {
			assert.LessOrEqual(t, over(trips, s.least.trips), mostOverTrips, "%s: round trips", s.name)
		} else {
			assert.Greater(t, over(trips, s.least.trips), mostOverTrips, "%s is fast enough now: take away why it was not", s.name)
		}
		if s.healthy {
			assert.LessOrEqual(t, rep.Queries, s.least.questions+mostOverQuestions, "%s: questions", s.name)
		}
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// What each family of rules asks of a healthy record. None of them adds a round trip: with glue there are three.
func TestMeasuredFamilies(t *testing.T) {
	family := func(q resolver.Question) string {
		switch {
		case q.Recursive || !q.Server.IsValid():
			return "witnesses"
		case q.Type == resolver.TypeCAA:
			return "CAA"
		case q.Type == resolver.TypeDNSKEY || q.Type == resolver.TypeDS:
			return "DNSSEC"
		case q.Name.FirstLabel() != "_a79" && q.Type == resolver.TypeCNAME:
			return "wildcard"
		case q.Type == resolver.TypeA || q.Type == resolver.TypeAAAA || q.Type == resolver.TypeMX:
			return "beside"
		}
		return "record" // the way down, TXT at every server, the zone's own NS records
	}
	for name, want := range map[string]map[string]int{
		"healthy":         {"record": 5, "beside": 2, "wildcard": 1, "CAA": 3, "DNSSEC": 2},
		"healthy-signed":  {"record": 5, "CAA": 3, "DNSSEC": 3},
		"caa-forbids":     {"record": 5, "beside": 2, "wildcard": 1, "CAA": 3, "DNSSEC": 2},
		"dnssec-fragile":  {"record": 5, "CAA": 3, "DNSSEC": 3},
		"healthy-www":     {"record": 5, "beside": 2, "wildcard": 1, "CAA": 5, "DNSSEC": 2},
		"healthy-subzone": {"record": 8, "beside": 4, "wildcard": 2, "CAA": 7, "DNSSEC": 2},
	} {
		for _, w := range loadWorlds(t) {
			if w.File != name+".txt" {
				continue
			}
			in, err := w.Internet()
			require.NoError(t, err)
			c, err := w.Checker(in, in)
			require.NoError(t, err)
			rep, err := c.Check(t.Context(), w.Record)
			require.NoError(t, err)
			got := map[string]int{}
			for _, q := range in.Queries() {
				got[family(q)]++
			}
			assert.Equal(t, want, got, "%s", name)
			_, trips := validatetest.Measure(t, w)
			if name != "healthy-subzone" {
				assert.Equal(t, 3, trips, "%s", name)
			}
			assert.Equal(t, rep.Queries, len(in.Queries()))
		}
	}
}

// A healthy record asks nothing that only a broken one needs.
func TestHealthyIsNotProbed(t *testing.T) {
	for _, w := range loadWorlds(t) {
		if w.Verdict != validate.Valid || !strings.HasPrefix(w.File, "healthy") {
			continue
		}
		rep, _ := validatetest.Measure(t, w)
		for _, o := range rep.Outcomes {
			i := slices.IndexFunc(validate.Rules(), func(r validate.Rule) bool { return r.Info().ID == o.Rule })
			if validate.Rules()[i].Info().Probe {
				assert.Equal(t, validate.NotApplicable, o.State, "%s: %s looked", w.File, o.Rule)
			}
		}
	}
}

// BenchmarkCheck runs each story over a network of 20 ms and prints what a user feels: questions, round trips on the
// critical path (exact, counted in simulated time), and the wall time of a check as a multiple of that path.
func BenchmarkCheck(b *testing.B) {
	for _, s := range stories(b) {
		b.Run(s.name, func(b *testing.B) {
			in, err := s.Internet()
			require.NoError(b, err)
			in.Latency = validatetest.RoundTrip
			c, err := s.Checker(in, in)
			require.NoError(b, err)
			var rep validate.Report
			for b.Loop() {
				if rep, err = c.Check(b.Context(), s.Record); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rep.Queries), "questions")
			b.ReportMetric(float64(s.Trips), "round-trips")
			b.ReportMetric(over(s.Trips, s.least.trips), "of-least-trips")
			if s.Trips > 0 {
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(float64(s.Trips)*validatetest.RoundTrip.Seconds()), "of-critical-path")
			}
		})
	}
}

// BenchmarkWork is the processor's part: the same checks over a network that takes no time.
func BenchmarkWork(b *testing.B) {
	for _, name := range []string{"healthy", "healthy-signed", "record-missing"} {
		for _, s := range stories(b) {
			if s.name != name {
				continue
			}
			b.Run(name, func(b *testing.B) {
				in, err := s.Internet()
				require.NoError(b, err)
				c, err := s.Checker(in, in)
				require.NoError(b, err)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Check(b.Context(), s.Record); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
