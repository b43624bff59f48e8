package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

var update = flag.Bool("update", false, "write golden transcripts and the generated parts of README.md anew")

func demo(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"demo"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestEveryStoryEndsAsTold(t *testing.T) {
	all, err := stories()
	require.NoError(t, err)
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o, err := s.run(t.Context())
			require.NoError(t, err)
			require.NoError(t, o.asTold())
			if s.where == validate.WhereZone {
				assert.Equal(t, validate.Valid, o.after.Verdict, "what is fixable in the zone is valid at the end")
				assert.Empty(t, o.after.Findings)
				again, err := providers.NewPlan(t.Context(), &internetProvider{in: o.in, on: s.account}, o.after)
				require.NoError(t, err)
				assert.True(t, again.Empty(), "a second plan is empty")
			}
			// Simulated or not, a story comes out the same way each time.
			o2, err := s.run(t.Context())
			require.NoError(t, err)
			var first, second strings.Builder
			require.NoError(t, o.writeText(&first, 1, 1))
			require.NoError(t, o2.writeText(&second, 1, 1))
			assert.Equal(t, first.String(), second.String())
		})
	}
}

func TestStoriesCoverTheArticle(t *testing.T) {
	all, err := stories()
	require.NoError(t, err)
	var rules []validate.ID
	for _, s := range all {
		rules = append(rules, s.rule)
	}
	for _, cause := range []validate.ID{
		"delegation-mismatch", "zone-undelegated", // not in the zone that the world asks
		"value-mangled", "name-underscore-missing", // characters missing or added
		"name-doubled", "value-doubled", // the domain appended
		"record-wrong-type", "cname-and-other-data", // TXT in place of the CNAME, and beside it
		"record-missing", "name-wildcarded", "servers-disagree", "server-unreachable", "server-lame",
	} {
		assert.Contains(t, rules, cause)
	}
	assert.Contains(t, rules, validate.ID(""), "a healthy one, to compare with")
}

func TestDemoGolden(t *testing.T) {
	for _, name := range []string{"value-changed", "wrong-servers"} {
		code, out, errs := demo(t, name)
		require.Zero(t, code)
		require.Empty(t, errs)
		golden(t, "testdata/demo-"+name+".txt", out)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "-update writes it")
	assert.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), got, "-update writes %s anew; read the difference as prose", file)
}

func TestDemoTellsAll(t *testing.T) {
	began := time.Now()
	code, out, errs := demo(t)
	require.Zero(t, code, out)
	assert.Less(t, time.Since(began), 30*time.Second, "nobody waits for simulated servers")
	assert.Empty(t, errs)
	assert.NotContains(t, out, "\x1b", "this is no terminal")
	all, err := stories()
	require.NoError(t, err)
	summary := out[strings.LastIndex(out, "How the"):]
	for i, s := range all {
		assert.Contains(t, out[:strings.Index(out, "1 of")], s.name, "listed at the start")
		assert.Contains(t, out, fmt.Sprintf("\n%d of %d  %s: %s\n", i+1, len(all), s.name, s.title))
		assert.Contains(t, summary, s.name)
	}
	assert.Contains(t, summary, fmt.Sprintf("%d of %d ended as told", len(all), len(all)))
	for line := range strings.Lines(out) {
		assert.Equal(t, strings.TrimRight(line, " \t\n"), strings.TrimSuffix(line, "\n"), "no blanks at the end of a line")
	}
}

// Sentences fit 80 columns; only lines that carry a whole name, to be copied, may be longer.
func TestDemoFits80Columns(t *testing.T) {
	_, out, _ := demo(t)
	for line := range strings.Lines(out) {
		long := len([]rune(strings.TrimSuffix(line, "\n"))) > 80
		name := strings.Contains(line, "example.com.") || strings.Contains(line, "acm-validations.aws.")
		headline := strings.Contains(line, "INVALID  ") || strings.Contains(line, "UNDETERMINED  ") || strings.HasPrefix(line, "===") || strings.Contains(line, " of 15  ")
		assert.False(t, long && !name && !headline, line)
	}
}

func TestDemoList(t *testing.T) {
	code, out, _ := demo(t, "--list")
	require.Zero(t, code)
	all, err := stories()
	require.NoError(t, err)
	for _, s := range all {
		assert.Contains(t, out, s.name)
		assert.Contains(t, out, s.title)
	}
	assert.NotContains(t, out, "check", "listing runs nothing")
}

func TestDemoUnknownStory(t *testing.T) {
	code, out, errs := demo(t, "name-doubled", "name-trebled")
	assert.Equal(t, 3, code)
	assert.Empty(t, out, "nothing is told before the mistake is")
	assert.Contains(t, errs, `no story "name-trebled"`)
	assert.Contains(t, errs, "servers-disagree", "the names are listed")
}

func TestDemoJSON(t *testing.T) {
	code, out, _ := demo(t, "--json", "name-doubled", "wrong-servers")
	require.Zero(t, code)
	var got []map[string]any
	for line := range strings.Lines(out) {
		var d map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &d), line)
		got = append(got, d)
	}
	require.Len(t, got, 2)
	assert.Equal(t, "name-doubled", got[0]["story"])
	assert.Equal(t, "invalid", got[0]["before"].(map[string]any)["verdict"])
	assert.Equal(t, "valid", got[0]["after"].(map[string]any)["verdict"])
	assert.Equal(t, true, got[0]["applied"])
	assert.Contains(t, got[0], "plan")
	assert.Equal(t, false, got[1]["applied"], "the account's zone is not the one that is asked")
	assert.NotContains(t, got[1], "plan")
	assert.Equal(t, "registrar", got[1]["acted"])
}

func TestDemoInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	assert.Equal(t, 130, run(ctx, []string{"demo", "healthy"}, strings.NewReader(""), &out, &errs))
	assert.Contains(t, errs.String(), "interrupted")
}

// A story that does not end as told is noticed: in text, summary and exit code.
func TestDemoNoticesAnotherEnd(t *testing.T) {
	all, err := stories()
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(s story) bool { return s.name == "missing" })
	wrong := all[i]
	wrong.rule, wrong.last = "name-doubled", validate.Invalid
	var out bytes.Buffer
	err = tellStories(t.Context(), &out, []story{all[i], wrong}, false)
	var e *exitError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 1, e.code)
	assert.Contains(t, out.String(), "NOT as told")
	assert.Contains(t, out.String(), `the first finding is "record-missing", told was "name-doubled"`)
	assert.Contains(t, out.String(), "1 of 2 ended as told")
}

func TestParseStoryErrors(t *testing.T) {
	const whole = "-- title --\na\n-- story --\nb\n-- zones --\n$ORIGIN example.com.\n-- record --\n_a.example.com. CNAME _b.acm-validations.aws.\n-- told --\nvalid\nnowhere\nvalid\n"
	_, err := parseStory("x", whole)
	require.NoError(t, err)
	for text, want := range map[string]string{
		"hello\n" + whole:                    "line 1",
		whole + "-- told --\n":               `section "told"`,
		whole + "-- fix --\n":                `section "fix"`,
		whole + "-- faults --\nns1. sleep\n": "faults",
		whole + "-- act --\nset com. a.\n":   "act",
		whole + "-- act --\nset com. example.com. NS soon ns1.example.net.\n": "act",
		strings.Replace(whole, " CNAME ", " TXT ", 1):                         "NAME CNAME VALUE",
		strings.Replace(whole, "nowhere\n", "", 1):                            "told",
		strings.Replace(whole, "-- title --\na\n", "", 1):                     "title",
	} {
		_, err := parseStory("x", text)
		assert.ErrorContains(t, err, want)
	}
}

// FuzzParseStory: no text makes the reader panic, and what it takes has a record and an end.
func FuzzParseStory(f *testing.F) {
	files, err := storyFiles.ReadDir("stories")
	require.NoError(f, err)
	for _, e := range files {
		text, err := storyFiles.ReadFile("stories/" + e.Name())
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStory("x", text)
		if err == nil && (s.record.Name.IsZero() || s.last == "") {
			t.Errorf("taken without a record or an end: %q", text)
		}
	})
}

// The simulated account keeps the contract of a provider, so that the demo proves what plans do at real ones.
func TestInternetProviderConforms(t *testing.T) {
	require.NoError(t, providertest.TestClient(func() providertest.Subject {
		in := resolvertest.MustParse("$ORIGIN example.com.\n@ A 192.0.2.80\n")
		p := &internetProvider{in: in}
		apex := resolver.MustParseName("example.com.")
		zones, err := p.FindZones(t.Context(), apex)
		require.NoError(t, err)
		require.Len(t, zones, 1)
		below := func() []resolver.RR {
			var out []resolver.RR
			for _, z := range in.Zones() {
				for _, rr := range z.Records {
					if z.Name == apex && rr.Name.Below(apex) && !slices.Contains(zones[0].NameServers, rr.Name) {
						out = append(out, rr)
					}
				}
			}
			return out
		}
		return providertest.Subject{
			Client: p, Zone: zones[0],
			Seed: func(lines ...string) error {
				for _, rr := range below() {
					if err := in.SetRRset(apex, rr.Name, rr.Type, 0, nil); err != nil {
						return err
					}
				}
				type key struct {
					name resolver.Name
					typ  resolver.Type
				}
				sets := map[key][]string{}
				for _, l := range lines {
					rr, err := resolver.ParseRR(l)
					if err != nil {
						return err
					}
					k := key{rr.Name, rr.Type}
					sets[k] = append(sets[k], rr.Text())
					if err := in.SetRRset(apex, rr.Name, rr.Type, rr.TTL, sets[k]); err != nil {
						return err
					}
				}
				return nil
			},
			Dump: func() ([]string, error) {
				var out []string
				for _, rr := range below() {
					out = append(out, fmt.Sprintf("%s %s %s", rr.Name, rr.Type, rr.Text()))
				}
				return out, nil
			},
		}
	}))
}

// What is told fits a terminal of 80 columns. Only names, and commands with them, are longer: they are there to be copied, and never
// broken.
func TestDemoFitsATerminal(t *testing.T) {
	code, out, errs := demo(t)
	require.Zero(t, code, errs)
	for _, line := range strings.Split(out, "\n") {
		long := slices.ContainsFunc(strings.Fields(line), func(word string) bool { return len(word) > 30 })
		if !long {
			assert.LessOrEqual(t, len([]rune(line)), 80, line)
		}
	}
}
