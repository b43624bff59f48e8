package validate_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// ownRule is a rule as a user of the library writes it.
type ownRule struct {
	info validate.Info
	run  func(ctx context.Context, p *validate.Pass) error
}

func (r ownRule) Info() validate.Info { return r.info }
func (r ownRule) Run(ctx context.Context, p *validate.Pass) error {
	if r.run == nil {
		return nil
	}
	return r.run(ctx, p)
}

func info(id validate.ID, explains ...validate.ID) validate.Info {
	return validate.Info{
		ID: id, Title: "t", Text: "t", Wrong: "w", Right: "r", Fix: "f", Severity: validate.Warning, Explains: explains,
		Refs: []validate.Ref{{Source: "RFC 1034", Section: "1"}},
	}
}

func TestValidateRefusesUnsoundRules(t *testing.T) {
	require.NoError(t, validate.Validate(validate.Rules()))
	without := info("own")
	without.Refs = nil
	probe := info("own")
	probe.Probe = true
	for name, c := range map[string]struct {
		rules []validate.Rule
		says  string
	}{
		"twice":   {[]validate.Rule{ownRule{info: info("own")}, ownRule{info: info("own")}}, "twice"},
		"unknown": {[]validate.Rule{ownRule{info: info("own", "nosuch")}}, "not in the set"},
		"circle":  {[]validate.Rule{ownRule{info: info("a", "b")}, ownRule{info: info("b", "c")}, ownRule{info: info("c", "a")}}, "leads back"},
		"no refs": {[]validate.Rule{ownRule{info: without}}, "Refs is missing"},
		"probe":   {[]validate.Rule{ownRule{info: probe}}, "never run"},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate.Validate(c.rules)
			require.ErrorIs(t, err, validate.ErrBadRules)
			assert.ErrorContains(t, err, c.says)
			checker := validate.Checker{Rules: c.rules, Resolver: resolver.Func(func(context.Context, resolver.Question) (resolver.Response, error) {
				t.Error("a packet was sent")
				return resolver.Response{}, resolver.ErrTimeout
			})}
			_, err = checker.Check(t.Context(), healthyRecord(t))
			assert.ErrorIs(t, err, validate.ErrBadRules)
		})
	}
}

func healthyRecord(t *testing.T) validate.Record {
	t.Helper()
	r, _, err := validate.ParseRecord("", "_a79.example.com.", "_424.xyz.acm-validations.aws.")
	require.NoError(t, err)
	return r
}

func TestRulesOfOnesOwn(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\nwww A 192.0.2.80\n")
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	rules := append(validate.Rules(),
		ownRule{info("own-passes"), nil},
		ownRule{info("own-panics"), func(context.Context, *validate.Pass) error { panic("oh") }},
		ownRule{info("own-fails-to-see"), func(context.Context, *validate.Pass) error { return errors.New("no idea") }},
		ownRule{info("own-not-applicable"), func(context.Context, *validate.Pass) error { return validate.ErrNotApplicable }},
		ownRule{info("own-reports"), func(ctx context.Context, p *validate.Pass) error {
			zone, err := p.Zone(ctx)
			if err != nil {
				return err
			}
			a, err := p.Authoritative(ctx, zone.Name, resolver.TypeSOA)
			if err != nil {
				return err
			}
			p.Report(validate.Finding{Confidence: validate.Certain, Message: "the zone has a SOA"}, a...)
			return a.Known()
		}},
	)
	checker := validate.Checker{Rules: rules, Resolver: in, Roots: roots}
	rep, err := checker.Check(t.Context(), healthyRecord(t))
	require.NoError(t, err)
	state := map[validate.ID]validate.Outcome{}
	for _, o := range rep.Outcomes {
		state[o.Rule] = o
	}
	assert.Len(t, rep.Outcomes, len(rules), "every rule ends as exactly one outcome")
	assert.Equal(t, validate.Passed, state["own-passes"].State)
	assert.Equal(t, validate.NotKnown, state["own-panics"].State)
	assert.Contains(t, state["own-panics"].Reason, "oh")
	assert.Equal(t, validate.NotKnown, state["own-fails-to-see"].State)
	assert.Equal(t, validate.NotApplicable, state["own-not-applicable"].State)
	assert.Equal(t, validate.Failed, state["own-reports"].State)
	i := slices.IndexFunc(rep.Findings, func(f validate.Finding) bool { return f.Rule == "own-reports" })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, validate.Warning, rep.Findings[i].Severity, "filled in from the rule")
	require.Len(t, rep.Findings[i].Evidence, 2)
	assert.Contains(t, rep.Findings[i].Evidence[0].Dig(), "dig +norecurse @")
}

// TestEveryRuleHasItsWorlds keeps that each rule has worlds in which it must fire and near-misses in which it must not.
func TestEveryRuleHasItsWorlds(t *testing.T) {
	worlds, err := validatetest.Load(os.DirFS("testdata/worlds"))
	require.NoError(t, err)
	fires, near := map[validate.ID]int{}, map[validate.ID]int{}
	for _, w := range worlds {
		for _, want := range w.Want {
			fires[want.Rule]++
		}
		for _, r := range validate.Rules() {
			id := r.Info().ID
			if strings.HasPrefix(w.File, string(id)+"-near") && !slices.ContainsFunc(w.Want, func(x validatetest.Want) bool { return x.Rule == id }) {
				near[id]++
			}
		}
	}
	for _, r := range validate.Rules() {
		id := r.Info().ID
		assert.GreaterOrEqual(t, fires[id], 3, "worlds in which %s fires", id)
		assert.GreaterOrEqual(t, near[id], 1, "worlds %s-near…, in which it does not", id)
	}
}

func TestCheckAllKeepsOrderAndStops(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	checker := validate.Checker{Resolver: in, Roots: roots, Concurrency: 3, Now: func() time.Time { return time.Unix(0, 0) }}
	taken := 0
	records := func(yield func(validate.Record) bool) {
		for i := range 1000 {
			taken++
			r, _, err := validate.ParseRecord("", "_a79.example.com.", "_424.xyz.acm-validations.aws.")
			if err != nil {
				t.Error(err)
			}
			if i%2 == 1 {
				r.Name = resolver.MustParseName("_b80.example.com.")
			}
			if !yield(r) {
				return
			}
		}
	}
	n := 0
	for rep, err := range checker.CheckAll(t.Context(), records) {
		require.NoError(t, err)
		want := validate.Valid
		if n%2 == 1 {
			want = validate.Invalid
		}
		assert.Equal(t, want, rep.Verdict)
		if n++; n == 10 {
			break
		}
	}
	assert.LessOrEqual(t, taken, 10+4*3+1, "no more is taken from the input than the window of what waits for its turn, and one in hand")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range checker.CheckAll(ctx, records) {
		t.Error("a cancelled run gave a report")
	}
}

func TestDifferenceIsMarked(t *testing.T) {
	for _, c := range []struct{ found, want, marks string }{
		{"_4x4.", "_424.", "  ^"},
		{"_44.", "_424.", "  |"},
		{"_4224.", "_424.", "  +"},
		{"_244.", "_424.", " ^^"},
		{"_424.", "_424.", ""},
	} {
		got := validate.Marks(c.found, c.want)
		assert.Equal(t, len(c.marks), len(got), "%s for %s: %q", c.found, c.want, got)
		assert.Equal(t, strings.TrimSpace(c.marks), strings.TrimSpace(got), "%s for %s", c.found, c.want)
	}
}

// A server that gives one of two values in turn cannot be a world: no change of its zone stops the fault that plays it.
func TestOneOfTwoValuesInTurn(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
	in.Fault(resolvertest.MustParseFault("ns1.example.com. lie _a79.example.com. CNAME _999.xyz.acm-validations.aws. for TXT"))
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	checker := validate.Checker{Resolver: in, Roots: roots}
	rep, err := checker.Check(t.Context(), healthyRecord(t))
	require.NoError(t, err)
	assert.Equal(t, validate.Invalid, rep.Verdict)
	require.NotEmpty(t, rep.Findings)
	assert.EqualValues(t, "cname-multiple", rep.Findings[0].Rule)
	assert.Contains(t, rep.Findings[0].Message, "_424.xyz.acm-validations.aws.")
	assert.Contains(t, rep.Findings[0].Message, "_999.xyz.acm-validations.aws.")
}

// What the registry says is told as it is: no such name, or a name that it does not delegate. "Does not exist" above an answer NOERROR
// sends people off to look for an expiry that never was.
func TestUndelegatedIsToldAsTheRegistryTellsIt(t *testing.T) {
	for zones, says := range map[string]string{
		"$ORIGIN example.net.\n":                   "nosuch.com. is not delegated: the servers of the root zone say that it does not exist",
		"$ORIGIN com.\n":                           "nosuch.com. is not delegated: the servers of com. say that it does not exist",
		"$ORIGIN com.\nns1.nosuch A 203.0.113.1\n": "nosuch.com. is not delegated: the servers of com. have no name servers for it, though the name is there",
	} {
		record, _, err := validate.ParseRecord("", "_a79.nosuch.com", "_424.xyz.acm-validations.aws")
		require.NoError(t, err)
		in := resolvertest.MustParse(zones)
		roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
		require.NoError(t, err)
		rep, err := (&validate.Checker{Resolver: in, Roots: roots}).Check(t.Context(), record)
		require.NoError(t, err)
		require.NotEmpty(t, rep.Findings)
		assert.Equal(t, validate.ID("zone-undelegated"), rep.Findings[0].Rule)
		assert.Equal(t, says, rep.Findings[0].Message)
	}
}

// A transcript that lacks an answer, since it is of another record or of an older version, is told as that: more time helps nobody.
func TestTranscriptThatLacksAnAnswer(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	tr := &resolver.Transcript{Resolver: in}
	rep, err := (&validate.Checker{Resolver: tr, Roots: roots}).Check(t.Context(), healthyRecord(t))
	require.NoError(t, err)
	require.Equal(t, validate.Valid, rep.Verdict)
	text, err := tr.MarshalText()
	require.NoError(t, err)
	parts := strings.Split(string(text), "\n\n")
	less := slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return strings.Contains(p, "192.0.2.2:53 _a79.example.com. TXT") })
	require.Len(t, less, len(parts)-1)
	old, err := resolver.ParseTranscript(strings.NewReader(strings.Join(less, "\n\n")))
	require.NoError(t, err)
	rep, err = (&validate.Checker{Resolver: old, Roots: roots}).Check(t.Context(), healthyRecord(t))
	require.NoError(t, err)
	assert.Equal(t, validate.Undetermined, rep.Verdict)
	require.NotEmpty(t, rep.Findings)
	assert.Equal(t, "not determined: the transcript that is replayed does not hold every answer", rep.Findings[0].Message)
	assert.Contains(t, rep.Findings[0].Fixes[0].Message, "record a transcript")
}
