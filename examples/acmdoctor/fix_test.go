package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// fixBed is a bed whose zones can be changed through an account.
type fixBed struct {
	*bed
	tap   *providertest.Tap
	dir   string
	world *accountWorld // in place of the bed's own
}

// with gives the bed with other accounts.
func (b *fixBed) with(w accountWorld) *fixBed {
	other := *b
	other.world = &w
	return &other
}

const fixZones = `
$ORIGIN good.test.
_a79 CNAME _424.xyz.acm-validations.aws.
$ORIGIN stray.test.
_a79 CNAME _424.xyz.acm-validations.aws.
_a79.stray.test.stray.test. CNAME _424.xyz.acm-validations.aws.
$ORIGIN doubled.test.
_a79.doubled.test.doubled.test. 3600 CNAME _424.xyz.acm-validations.aws.
www TXT "a bystander"
$ORIGIN text.test.
_a79 TXT "google-site-verification=abc"
$ORIGIN two.test.
_a79 CNAME _999.xyz.acm-validations.aws.
$ORIGIN bare.test.
www A 192.0.2.1
$ORIGIN silent.test.
_a79 CNAME _424.xyz.acm-validations.aws.
`

func newFixBed(t *testing.T) *fixBed {
	t.Helper()
	in := parseBed(t, fixZones)
	in.in.Fault(resolvertest.MustParseFault("ns1.silent.test. drop"))
	in.in.Fault(resolvertest.MustParseFault("ns2.silent.test. drop"))
	b := &fixBed{bed: in, dir: t.TempDir()}
	b.tap = &providertest.Tap{Client: &internetProvider{in: in.in}}
	t.Chdir(b.dir)
	return b
}

// run runs fix in a process of its own, but for the process.
func (b *fixBed) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return b.runIn(t.Context(), t, args...)
}

func (b *fixBed) runIn(ctx context.Context, t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	world := accountWorld{env: func(string) string { return "" }, open: map[string]opener{
		demoHost: func(context.Context, *accountFlags, []byte) (providers.Client, error) { return b.tap, nil },
		"desec":  realWorld().open["desec"],
	}}
	if b.world != nil {
		world = *b.world
	}
	var out, errs bytes.Buffer
	cmd := newFixCommand(world)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append(append([]string{}, b.flags...), append([]string{"--settle", "1s"}, args...)...))
	cmd.SetIn(strings.NewReader(""))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err := cmd.ExecuteContext(ctx)
	var e *exitError
	switch {
	case errors.As(err, &e):
		code = e.code
		if e.err != nil {
			fmt.Fprintln(&errs, e.err)
		}
	case err != nil:
		code = exitFailed
		fmt.Fprintln(&errs, err)
	}
	return code, out.String(), errs.String()
}

func at(domain string, more ...string) []string {
	return append(append(typed(domain), "--provider", demoHost), more...)
}

type fixed struct {
	Plan *struct {
		Provider, Zone string
		Steps          []struct {
			Name, Type string
			From, To   []string
		}
	}
	Applied, Verified bool
	Line              int
	Undo              string
	Report            *document
	Error             *struct{ Code, Message string }
}

func parseFixed(t *testing.T, text string) fixed {
	t.Helper()
	var f fixed
	require.NoError(t, json.Unmarshal([]byte(text), &f), text)
	return f
}

// names gives what the zone holds at the record's name and its doubled copy.
func (b *fixBed) holds(t *testing.T, domain string) []string {
	t.Helper()
	var out []string
	zone := resolver.MustParseName(domain)
	for _, z := range b.in.Zones() {
		if z.Name != zone {
			continue
		}
		for _, rr := range z.Records {
			if strings.HasPrefix(rr.Name.String(), "_a79") || rr.Type == resolver.TypeTXT {
				out = append(out, fmt.Sprintf("%s %d %s %s", rr.Name, rr.TTL, rr.Type, rr.Text()))
			}
		}
		break
	}
	return out
}

func TestFixShowsThePlanAndChangesNothing(t *testing.T) {
	b := newFixBed(t)
	before := b.holds(t, "doubled.test")
	code, out, errs := b.run(t, at("doubled.test")...)
	assert.Equal(t, 1, code, errs)
	for _, want := range []string{
		"Plan for zone doubled.test at demo-host", "  + _a79.doubled.test.\n", "  - _a79.doubled.test.doubled.test.\n", "name-doubled",
		"Nothing has been changed. To apply this:\n  acmdoctor fix --apply", "--provider demo-host",
	} {
		assert.Contains(t, out, want)
	}
	assert.Empty(t, errs)
	assert.Equal(t, before, b.holds(t, "doubled.test"))
	_, writes := b.tap.Calls()
	assert.Zero(t, writes)
	assert.Empty(t, b.files(t))
}

func (b *fixBed) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Broken, mended, seen to be mended, taken back, broken as before: each step by its own command.
func TestFixApplyAndUndo(t *testing.T) {
	for _, domain := range []string{"doubled.test", "text.test", "two.test", "bare.test"} {
		t.Run(domain, func(t *testing.T) {
			b := newFixBed(t)
			before := b.holds(t, domain)
			code, out, errs := b.run(t, at(domain, "--apply", "--yes", "--json", "--journal", "trail.ndjson")...)
			assert.Equal(t, 0, code, errs)
			f := parseFixed(t, out)
			require.NotNil(t, f.Report)
			assert.Equal(t, "valid", f.Report.Verdict)
			assert.True(t, f.Applied)
			assert.True(t, f.Verified)
			assert.Nil(t, f.Error)
			assert.Equal(t, demoHost, f.Plan.Provider)
			assert.Equal(t, domain+".", f.Plan.Zone)
			require.NotEmpty(t, f.Undo)
			info, err := os.Stat(f.Undo)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

			trail, err := os.ReadFile("trail.ndjson")
			require.NoError(t, err)
			assert.Equal(t, len(f.Plan.Steps), bytes.Count(trail, []byte("\n")))
			var e providers.Entry
			require.NoError(t, json.Unmarshal(bytes.SplitN(trail, []byte("\n"), 2)[0], &e))
			assert.Equal(t, "change", e.Kind)
			assert.Equal(t, f.Undo, e.Undo)
			assert.NotEmpty(t, e.Who)

			code, _, errs = b.run(t, at(domain, "--apply", "--yes")...)
			assert.Equal(t, 0, code, "a second run has nothing to do: %s", errs)
			code, _, errs = b.check(t, "", typed(domain)...)
			assert.Equal(t, 0, code, errs)

			code, out, errs = b.run(t, "--undo", f.Undo, "--yes", "--json")
			assert.Equal(t, 0, code, errs)
			u := parseFixed(t, out)
			assert.True(t, u.Applied)
			assert.True(t, u.Verified)
			require.NotNil(t, u.Report)
			assert.Equal(t, "invalid", u.Report.Verdict)
			assert.ElementsMatch(t, before, b.holds(t, domain), "broken as before")

			code, _, errs = b.run(t, "--undo", f.Undo, "--yes")
			assert.Equal(t, 0, code, "it is taken back already: %s", errs)
			assert.ElementsMatch(t, before, b.holds(t, domain))
		})
	}
}

func TestFixOfAValidRecord(t *testing.T) {
	b := newFixBed(t)
	for _, domain := range []string{"good.test", "stray.test"} {
		before := b.holds(t, domain)
		code, out, errs := b.run(t, append(typed(domain), "--apply")...)
		assert.Equal(t, 0, code, errs)
		assert.Contains(t, out, "Nothing to change")
		assert.Equal(t, domain == "stray.test", strings.Contains(strings.Join(strings.Fields(out), " "), "a copy of the record stands at _a79.stray.test.stray.test."), out)
		code, out, errs = b.run(t, append(typed(domain), "--json", "--apply")...)
		assert.Equal(t, 0, code, errs)
		assert.Equal(t, domain == "stray.test", strings.Contains(out, `"rule": "record-stray"`), out)
		f := parseFixed(t, out)
		assert.False(t, f.Applied)
		assert.Empty(t, f.Plan.Steps)
		assert.Equal(t, "valid", f.Report.Verdict)
		assert.Equal(t, before, b.holds(t, domain), "a stray copy beside a right record is left alone")
	}
}

func TestFixOfWhatCannotBeMendedInTheZone(t *testing.T) {
	b := newFixBed(t)
	code, out, errs := b.run(t, at("nowhere.test", "--apply", "--yes")...)
	assert.Equal(t, 1, code, errs)
	assert.Contains(t, out, "zone-undelegated")
	code, out, _ = b.run(t, at("silent.test", "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code)
	assert.Equal(t, "undetermined", parseFixed(t, out).Error.Code)
	_, writes := b.tap.Calls()
	assert.Zero(t, writes)
}

// Without credentials fix helps all the same.
func TestFixWithoutCredentials(t *testing.T) {
	b := newFixBed(t)
	code, out, errs := b.run(t, append(typed("doubled.test"), "--provider", "desec")...)
	assert.Equal(t, 1, code, errs)
	assert.Contains(t, out, "Plan for zone doubled.test at desec, from what the DNS answered")
	assert.Contains(t, out, "DESEC_TOKEN is not set")
	assert.Contains(t, out, `{"token":"…"}`)
	assert.Contains(t, out, "--format")

	code, out, errs = b.run(t, append(typed("doubled.test"), "--provider", "desec", "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code)
	f := parseFixed(t, out)
	assert.Equal(t, "no-credentials", f.Error.Code)
	assert.Len(t, f.Plan.Steps, 2, "the plan is shown all the same")
	assert.Contains(t, errs, "DESEC_TOKEN")

	for args, want := range map[string]string{
		"":                      "not recognised",
		"--provider godaddy":    "not offered",
		"--provider azure":      "examples/anylibdns",
		"--provider teapot-dns": `no provider "teapot-dns"`,
	} {
		code, out, _ = b.run(t, append(typed("doubled.test"), strings.Fields(args)...)...)
		assert.Equal(t, 1, code, args)
		assert.Contains(t, strings.Join(strings.Fields(out), " "), want)
	}
}

func TestFixFormats(t *testing.T) {
	b := newFixBed(t)
	for format, want := range map[string]string{
		"zone":      "_a79.doubled.test. 3600 IN CNAME _424.xyz.acm-validations.aws.\n; remove:",
		"nsupdate":  "prereq nxdomain _a79.doubled.test.\n",
		"route53":   `"Action": "CREATE"`,
		"terraform": `resource "dns_cname_record" "acm_a79_doubled_test"`,
	} {
		code, out, errs := b.run(t, append(typed("doubled.test"), "--format", format)...)
		assert.Equal(t, 1, code, errs)
		assert.Empty(t, errs)
		assert.Contains(t, strings.ReplaceAll(out, " 300 IN CNAME", " 3600 IN CNAME"), want)
		code, out, errs = b.run(t, append(typed("good.test"), "--format", format)...)
		assert.Zero(t, code)
		assert.Empty(t, out, "the form and nothing else")
		assert.Contains(t, errs, "nothing to write")
	}
}

// What takes a change back is in the file: whoever runs the form asks for no account of ours.
func TestFixFormatsWhatTakesAChangeBack(t *testing.T) {
	b := newFixBed(t)
	code, _, errs := b.run(t, at("doubled.test", "--apply", "--yes", "--undo-out", "undo.json")...)
	require.Equal(t, 0, code, errs)
	nobody := b.with(accountWorld{env: func(string) string { return "" }})
	for format, want := range map[string]string{
		"zone":      "_a79.doubled.test.doubled.test. 3600 IN CNAME _424.xyz.acm-validations.aws.\n",
		"nsupdate":  "prereq yxrrset _a79.doubled.test. IN CNAME _424.xyz.acm-validations.aws.\n",
		"route53":   `"Action": "DELETE"`,
		"terraform": "# remove: _a79.doubled.test. 3600 IN CNAME _424.xyz.acm-validations.aws.\n",
	} {
		code, out, errs := nobody.run(t, "--undo", "undo.json", "--format", format)
		assert.Equal(t, 1, code, errs)
		assert.Empty(t, errs)
		assert.Contains(t, out, want)
		if format != "route53" {
			assert.Contains(t, out, "Plan to take back a change for zone doubled.test at demo-host, as recorded at ")
		}
	}
	code, _, errs = nobody.run(t, "--undo", "undo.json", "--format", "zone", "--provider", "desec")
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "the change is for demo-host, and --provider says desec")

	// Another change of the same name is taken back first, and a form that knows no order says so.
	code, _, errs = b.run(t, "--name", "_a79.doubled.test", "--value", "_525.xyz.acm-validations.aws", "--provider", demoHost, "--apply", "--yes", "--undo-out", "undo.json")
	require.Equal(t, 0, code, errs)
	code, out, errs := nobody.run(t, "--undo", "undo.json", "--format", "nsupdate")
	assert.Equal(t, 1, code, errs)
	first := strings.Index(out, "prereq yxrrset _a79.doubled.test. IN CNAME _525.xyz.acm-validations.aws.")
	require.GreaterOrEqual(t, first, 0, out)
	assert.Greater(t, strings.Index(out, "prereq yxrrset _a79.doubled.test. IN CNAME _424.xyz.acm-validations.aws."), first)
	for _, format := range []string{"route53", "terraform"} {
		code, out, errs = nobody.run(t, "--undo", "undo.json", "--format", format)
		assert.Equal(t, 3, code)
		assert.Empty(t, out)
		assert.Contains(t, errs, "_a79.doubled.test. is changed twice")
	}
}

// speechless is a provider that never says as whom it knows us.
type speechless struct{ providers.Client }

func (speechless) Identity(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestAChangeDoesNotWaitLongForItsAuthor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a := account{client: speechless{}}
		assert.Equal(t, "not known: context deadline exceeded", a.asks(t.Context()))
		assert.Equal(t, identityWait, time.Since(begun))
	})
}

// What cron and service managers give as standard input is a character device, and nobody types there.
func TestNullDeviceIsNoTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { assert.NoError(t, null.Close()) }()
	assert.False(t, isTerminal(null))
}

func TestFixNeedsAnAnswer(t *testing.T) {
	b := newFixBed(t)
	code, out, errs := b.run(t, at("doubled.test", "--apply", "--json")...)
	assert.Equal(t, 3, code)
	assert.Equal(t, "not-confirmed", parseFixed(t, out).Error.Code)
	assert.Contains(t, errs, "--yes")
	_, writes := b.tap.Calls()
	assert.Zero(t, writes)
}

func TestFixUsage(t *testing.T) {
	b := newFixBed(t)
	for args, want := range map[string]string{
		"--plan a --undo b":                      "exclude each other",
		"--plan a records.txt":                   "one too many",
		"--format xml --name a --value b":        `found "xml"`,
		"--format zone --apply":                  "nothing else",
		"--plan-out a --apply":                   "for later",
		"--plan missing.json":                    "no such file",
		"--journal no/such/folder/x --name a":    "--journal",
		"--provider-config none.json --settle x": "duration",
	} {
		code, _, errs := b.run(t, strings.Fields(args)...)
		assert.Equal(t, 3, code, args)
		assert.Contains(t, errs, want, args)
	}
	require.NoError(t, os.WriteFile("made-before.json", nil, 0o644)) // as mktemp makes one
	code, _, errs := b.run(t, at("bare.test", "--apply", "--yes", "--undo-out", "made-before.json")...)
	assert.Equal(t, 0, code, errs)
	info, err := os.Stat("made-before.json")
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.WriteFile("notes.txt", []byte("hello"), 0o600))
	code, _, errs = b.run(t, at("doubled.test", "--apply", "--yes", "--undo-out", "notes.txt")...)
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "name another")
	text, err := os.ReadFile("notes.txt")
	require.NoError(t, err)
	assert.Equal(t, "hello", string(text))
}

func TestFixKeepsAPlan(t *testing.T) {
	b := newFixBed(t)
	code, _, errs := b.run(t, at("doubled.test", "--plan-out", "plan.json")...)
	assert.Equal(t, 1, code, errs)
	good, err := os.ReadFile("plan.json")
	require.NoError(t, err)

	before := b.holds(t, "doubled.test")
	for what, c := range map[string]struct{ from, to, code string }{
		"edited TTL":      {`"to_ttl":3600`, `"to_ttl":30`, "bad-plan"},
		"another name":    {`"_a79.doubled.test.doubled.test."`, `"www.doubled.test."`, "out-of-scope"},
		"another zone":    {`"zone":"doubled.test."`, `"zone":"two.test."`, "out-of-scope"},
		"another version": {`"version":1`, `"version":9`, "bad-plan"},
		"another field":   {`"version":1`, `"force":true,"version":1`, "bad-plan"},
		"truncated":       {string(good[len(good)/2:]), "", "bad-plan"},
		"empty":           {string(good), "", "bad-plan"},
		"a plan less":     {`"count":1`, `"count":2`, "bad-plan"},
	} {
		compact := &bytes.Buffer{}
		require.NoError(t, json.Compact(compact, good))
		text := strings.Replace(compact.String(), c.from, c.to, -1)
		if what == "truncated" || what == "empty" {
			text = strings.Replace(string(good), c.from, "", 1)
		}
		require.NotEqual(t, compact.String(), text, what)
		require.NoError(t, os.WriteFile("bad.json", []byte(text), 0o600))
		code, out, errs := b.run(t, "--plan", "bad.json", "--yes", "--json")
		assert.Equal(t, 3, code, what)
		f := parseFixed(t, out)
		if assert.NotNil(t, f.Error, what) {
			assert.Equal(t, c.code, f.Error.Code, "%s: %s", what, errs)
		}
		assert.Equal(t, before, b.holds(t, "doubled.test"), what)
	}
	for args, want := range map[string]string{
		"--provider desec":   "conflict",
		"--zone-id two.test": "conflict",
	} {
		_, out, _ := b.run(t, append([]string{"--plan", "plan.json", "--yes", "--json"}, strings.Fields(args)...)...)
		assert.Equal(t, want, parseFixed(t, out).Error.Code)
		assert.NotContains(t, out, "has changed since", "nobody has looked at the zone")
	}
	_, writes := b.tap.Calls()
	require.Zero(t, writes)

	code, out, errs := b.run(t, "--plan", "plan.json", "--yes", "--json")
	assert.Equal(t, 0, code, errs)
	assert.True(t, parseFixed(t, out).Verified)
	code, _, errs = b.run(t, "--plan", "plan.json", "--yes")
	assert.Equal(t, 0, code, "applied before, it has nothing to do: %s", errs)

	code, _, errs = b.run(t, "--undo", parseFixed(t, out).Undo, "--yes", "--provider", "desec")
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "_a79.doubled.test.: the change is for demo-host, and --provider says desec\n")
}

// A plan that the zone has gone on from is refused before anything is written.
func TestFixStalePlan(t *testing.T) {
	b := newFixBed(t)
	b.run(t, at("doubled.test", "--plan-out", "plan.json")...)
	zone := resolver.MustParseName("doubled.test.")
	name := resolver.MustParseName("_a79.doubled.test.")
	require.NoError(t, b.in.SetRRset(zone, name, resolver.TypeCNAME, 60, []string{"somebody.else.example."}))
	before := b.holds(t, "doubled.test")
	code, out, _ := b.run(t, "--plan", "plan.json", "--yes", "--json")
	assert.Equal(t, 3, code)
	assert.Equal(t, "conflict", parseFixed(t, out).Error.Code)
	assert.Equal(t, before, b.holds(t, "doubled.test"))
}

func TestFixErrorsOfTheProvider(t *testing.T) {
	for code, err := range map[string]error{
		"permission": providers.ErrPermission, "conflict": providers.ErrConflict, "failed": errors.New("502 bad gateway"),
	} {
		t.Run(code, func(t *testing.T) {
			b := newFixBed(t)
			b.tap.Before = func(_ int, write bool) (bool, error) {
				if write {
					return false, fmt.Errorf("demo-host: %w", err)
				}
				return true, nil
			}
			before := b.holds(t, "doubled.test")
			exit, out, errs := b.run(t, at("doubled.test", "--apply", "--yes", "--json")...)
			assert.Equal(t, 3, exit, errs)
			f := parseFixed(t, out)
			require.NotNil(t, f.Error)
			assert.Equal(t, code, f.Error.Code)
			assert.False(t, f.Applied)
			assert.Equal(t, before, b.holds(t, "doubled.test"))
		})
	}
}

// patchy is an account that changes one name after the other.
type patchy struct{ *internetProvider }

func (patchy) Traits() providers.Traits { return providers.Traits{} }

// Ctrl-C at each call of the provider: the zone is no worse than before, what was done is told, and a second run finishes.
func TestFixInterrupted(t *testing.T) {
	for at := 1; at <= 8; at++ {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("call %d, before %t", at, before), func(t *testing.T) {
				b := newFixBed(t)
				b.tap.Client = patchy{&internetProvider{in: b.in}}
				was := b.holds(t, "doubled.test")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				interrupt := func(call int, now bool) {
					if call == at && now == before {
						cancel()
					}
				}
				b.tap.Before = func(call int, _ bool) (bool, error) { interrupt(call, true); return true, nil }
				b.tap.After = func(call int, _ bool, err error) error { interrupt(call, false); return err }
				code, out, errs := b.runIn(ctx, t, append(typed("doubled.test"), "--provider", demoHost, "--apply", "--yes", "--undo-out", "undo.json")...)
				now := b.holds(t, "doubled.test")
				b.tap.Before, b.tap.After = nil, nil
				switch {
				case assert.ObjectsAreEqual(was, now):
					assert.Contains(t, []int{3}, code, "%s%s", out, errs)
					assert.Contains(t, errs, "interrupted")
				case ctx.Err() != nil && code == 4:
					assert.Contains(t, out, "created, and read back")
					assert.Contains(t, out, "fix --undo undo.json")
				case ctx.Err() != nil:
					assert.Equal(t, 2, code, "all is done, and not looked at: %s%s", out, errs)
				default:
					assert.Equal(t, 0, code, errs)
				}
				code, _, errs = b.run(t, append(typed("doubled.test"), "--provider", demoHost, "--apply", "--yes", "--undo-out", "undo.json")...)
				assert.Equal(t, 0, code, errs)
				if _, err := os.Stat("undo.json"); err == nil {
					code, _, errs = b.run(t, "--undo", "undo.json", "--yes")
					assert.Equal(t, 0, code, errs)
					if code == 0 {
						assert.Equal(t, "invalid", verdictOf(t, b, "doubled.test"))
					}
				}
			})
		}
	}
}

func verdictOf(t *testing.T, b *fixBed, domain string) string {
	t.Helper()
	_, out, _ := b.check(t, "", append(typed(domain), "--json")...)
	return parse(t, out).Verdict
}

// Several records: each has its plan, its result and its place in the output; what cannot be mended does not hold up the rest.
func TestFixSeveralRecords(t *testing.T) {
	b := newFixBed(t)
	lines := ""
	for _, d := range []string{"good", "doubled", "bare", "two"} {
		lines += "_a79." + d + ".test. CNAME _424.xyz.acm-validations.aws.\n"
	}
	require.NoError(t, os.WriteFile("records.txt", []byte(lines+lines), 0o600))
	code, out, errs := b.run(t, "records.txt", "--provider", demoHost, "--apply", "--yes", "--json")
	assert.Equal(t, 0, code, errs)
	var all []fixed
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	require.Len(t, all, 4, "a record that is given twice is mended once")
	for i, f := range all {
		assert.Equal(t, i+1, f.Line)
		assert.True(t, f.Verified, i)
		assert.Equal(t, i > 0, f.Applied, i)
	}
	code, _, errs = b.run(t, "--undo", all[1].Undo, "--yes")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "invalid", verdictOf(t, b, "two.test"))
	assert.Equal(t, "invalid", verdictOf(t, b, "doubled.test"))
}

func TestFixRefusesTwoValuesForOneName(t *testing.T) {
	b := newFixBed(t)
	lines := "_a79.bare.test. CNAME _424.xyz.acm-validations.aws.\n_a79.bare.test. CNAME _999.xyz.acm-validations.aws.\n"
	require.NoError(t, os.WriteFile("records.txt", []byte(lines), 0o600))
	code, _, errs := b.run(t, "records.txt", "--provider", demoHost, "--apply", "--yes")
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "mending one certificate would break the other")
	assert.Empty(t, b.holds(t, "bare.test"))
}

// Name servers that do not show the change yet are waited for, and then it is told.
func TestFixSaysWhenTheWorldIsLate(t *testing.T) {
	b := newFixBed(t)
	m := &providertest.Memory{Label: demoHost}
	zone := providers.Zone{Apex: resolver.MustParseName("doubled.test.")}
	m.AddZone(zone)
	require.NoError(t, m.Seed(zone, "_a79.doubled.test.doubled.test. 3600 CNAME _424.xyz.acm-validations.aws."))
	b.tap.Client = m
	code, out, errs := b.run(t, at("doubled.test", "--apply", "--yes", "--settle", "300ms")...)
	assert.Equal(t, 2, code, errs)
	assert.Contains(t, strings.Join(strings.Fields(out), " "), "after 300ms the zone's name servers do not all show it")
	assert.Contains(t, out, "fix --undo acmdoctor-undo-doubled.test-")

	code, out, errs = b.run(t, at("doubled.test", "--apply", "--yes", "--json", "--settle", "300ms")...)
	assert.Equal(t, 2, code, "the provider holds it, and the world is still late: %s", errs)
	assert.False(t, parseFixed(t, out).Verified)
}

func TestFixConfigNamesTheUnknownField(t *testing.T) {
	b := newFixBed(t)
	file := filepath.Join(b.dir, "config.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"tokne":"hunter2"}`), 0o600))
	code, out, errs := b.run(t, append(typed("doubled.test"), "--provider", "desec", "--provider-config", file, "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code)
	assert.Equal(t, "bad-config", parseFixed(t, out).Error.Code)
	assert.Contains(t, errs, "tokne")
	assert.NotContains(t, out+errs, "hunter2")
}

// FuzzKeptFiles: whatever a file holds, it is refused as no plan or no undo data, or is one.
func FuzzKeptFiles(f *testing.F) {
	rep := validate.Report{
		Record: validate.Record{Name: resolver.MustParseName("_a79.x.test."), Value: resolver.MustParseName("_424.acm-validations.aws.")},
		Zone:   validate.Zone{Name: resolver.MustParseName("x.test.")}, Verdict: validate.Invalid,
		Findings: []validate.Finding{{Fixes: []validate.Fix{{Where: validate.WhereZone, Changes: []validate.Change{
			{Name: resolver.MustParseName("_a79.x.test."), Type: resolver.TypeCNAME, To: []string{"_424.acm-validations.aws."}},
		}}}}},
	}
	plan, err := providers.Draft(rep, "desec", time.Unix(0, 0))
	require.NoError(f, err)
	text, err := json.Marshal(planFile{planFileVersion, 1, []providers.Plan{plan}})
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"version":1,"undo":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if plans, err := parsePlans(b); err == nil {
			for _, p := range plans {
				_ = p.String()
			}
		} else if !errors.Is(err, providers.ErrBadPlan) && !errors.Is(err, providers.ErrOutOfScope) {
			t.Errorf("%v", err)
		}
		if undos, err := parseUndos(b); err == nil {
			for _, u := range undos {
				_ = u.Steps()
			}
		} else if !errors.Is(err, providers.ErrBadPlan) && !errors.Is(err, providers.ErrOutOfScope) {
			t.Errorf("%v", err)
		}
	})
}

// unwritable is an output whose disk is full, or whose reader has gone.
type unwritable struct{}

func (unwritable) Write([]byte) (int, error) { return 0, errors.New("nobody reads this") }

// What was done is never told as not done, also where nobody can read it; a plan that cannot be shown is not applied.
func TestFixThatCannotTell(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"text": {nil, exitStopped}, // the plan comes before the change
		"json": {[]string{"--json"}, exitPartly},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFixBed(t)
			before := b.holds(t, "doubled.test")
			cmd := newFixCommand(accountWorld{env: func(string) string { return "" }, open: map[string]opener{
				demoHost: func(context.Context, *accountFlags, []byte) (providers.Client, error) { return b.tap, nil },
			}})
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			cmd.SetArgs(append(append(b.flags, c.args...), at("doubled.test", "--apply", "--yes", "--undo-out", "undo.json")...))
			cmd.SetOut(unwritable{})
			err := cmd.ExecuteContext(t.Context())
			var e *exitError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.code, e.code)
			if c.code == exitPartly {
				assert.Contains(t, err.Error(), "acmdoctor fix --undo undo.json")
				assert.NotEqual(t, before, b.holds(t, "doubled.test"))
			} else {
				assert.Equal(t, before, b.holds(t, "doubled.test"))
			}
		})
	}
}
