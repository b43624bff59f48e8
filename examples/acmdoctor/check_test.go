package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

const testZones = `
$ORIGIN good.test.
_a79 CNAME _424.xyz.acm-validations.aws.
$ORIGIN doubled.test.
_a79.doubled.test.doubled.test. CNAME _424.xyz.acm-validations.aws.
$ORIGIN silent.test.
_a79 CNAME _424.xyz.acm-validations.aws.
`

// bedResolver is a recursive resolver of the bed, on the port of its name servers.
const bedResolver = "127.53.200.1"

// bed is a fake internet on loopback addresses, behind real sockets.
type bed struct {
	in    *resolvertest.Internet
	flags []string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := parseBed(t, testZones)
	b.in.Fault(resolvertest.MustParseFault("ns1.silent.test. drop"))
	b.in.Fault(resolvertest.MustParseFault("ns2.silent.test. drop"))
	return b
}

func parseBed(t *testing.T, zones string) *bed {
	t.Helper()
	in, err := resolvertest.ParseIn(zones, netip.MustParsePrefix("127.53.0.0/16"))
	require.NoError(t, err)
	in.Recursor(netip.MustParseAddr(bedResolver))
	l, err := in.ListenAll(0)
	if err != nil {
		t.Skipf("this machine has no address 127.53.0.1 to listen on: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	hints := filepath.Join(t.TempDir(), "named.root")
	require.NoError(t, os.WriteFile(hints, []byte(in.Hints()), 0o600))
	return &bed{in, []string{
		"--roots", hints, "--allow-private", "--resolver", "none", "--timeout", "2s",
		"--port", strconv.Itoa(int(l.Addr().Port())),
	}}
}

func (b *bed) check(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(append([]string{"check"}, b.flags...), args...), strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func typed(domain string) []string {
	return []string{"--name", "_a79." + domain, "--value", "_424.xyz.acm-validations.aws"}
}

type document struct {
	ID       string
	Line     int
	Record   struct{ Domain, Name, Value string }
	Verdict  string
	Findings []struct {
		Rule, Severity, Confidence, Message string
		ExplainedBy                         string `json:"explained_by"`
		Evidence                            []string
		Fixes                               []struct {
			Message string
			Changes []struct {
				Name, Type string
				From, To   []string
			}
		}
	}
	Queries   *int
	ElapsedMS *int `json:"elapsed_ms"`
}

func parse(t *testing.T, text string) document {
	t.Helper()
	var d document
	require.NoError(t, json.Unmarshal([]byte(text), &d), text)
	return d
}

func TestCheckExitCodesAndJSON(t *testing.T) {
	b := newBed(t)
	code, out, errs := b.check(t, "", append(typed("good.test"), "--json")...)
	assert.Equal(t, 0, code)
	assert.Empty(t, errs)
	d := parse(t, out)
	assert.Equal(t, "valid", d.Verdict)
	assert.Equal(t, "good.test", d.Record.Domain)
	assert.Equal(t, "_a79.good.test.", d.Record.Name)
	assert.Equal(t, "_424.xyz.acm-validations.aws.", d.Record.Value)
	assert.Empty(t, d.Findings)
	require.NotNil(t, d.Queries)
	require.NotNil(t, d.ElapsedMS)
	assert.Contains(t, out, `"findings": []`, "an empty list is a list")

	code, out, _ = b.check(t, "", append(typed("doubled.test"), "--json")...)
	assert.Equal(t, 1, code)
	d = parse(t, out)
	assert.Equal(t, "invalid", d.Verdict)
	require.Len(t, d.Findings, 2)
	assert.Equal(t, "name-doubled", d.Findings[0].Rule)
	assert.Equal(t, "record-missing", d.Findings[1].Rule)
	assert.Equal(t, "name-doubled", d.Findings[1].ExplainedBy)
	require.NotEmpty(t, d.Findings[0].Fixes)
	assert.Len(t, d.Findings[0].Fixes[0].Changes, 2)
	assert.Equal(t, []string{}, d.Findings[0].Fixes[0].Changes[0].From, "an empty list, not null")
	assert.Contains(t, d.Findings[0].Evidence[0], "dig +norecurse ")

	code, out, _ = b.check(t, "", append(typed("silent.test"), "--json")...)
	assert.Equal(t, 2, code)
	d = parse(t, out)
	assert.Equal(t, "undetermined", d.Verdict)
	assert.Equal(t, "server-unreachable", d.Findings[0].Rule)

	code, out, _ = b.check(t, "", append(typed("nosuch.test"), "--json")...)
	assert.Equal(t, 1, code)
	assert.Equal(t, "zone-undelegated", parse(t, out).Findings[0].Rule)
}

func TestCheckManyKeepsOrderAndEchoes(t *testing.T) {
	b := newBed(t)
	var input strings.Builder
	want := []string{}
	for i := range 12 {
		domain, verdict := "good.test", "valid"
		if i%3 == 1 {
			domain, verdict = "doubled.test", "invalid"
		}
		if i == 7 {
			fmt.Fprintf(&input, `{"id":"%d","name":"_a79.good.test"}`+"\n", i) // whoever looks it up by its id must find it
			want = append(want, "invalid")
			continue
		}
		if i == 5 {
			fmt.Fprintf(&input, `{"id":"%d","name":"_a79..good.test","value":"_424.xyz.acm-validations.aws"}`+"\n", i)
			want = append(want, "invalid")
			continue
		}
		fmt.Fprintf(&input, `{"id":"%d","name":"_a79.%s","value":"_424.xyz.acm-validations.aws."}`+"\n", i, domain)
		want = append(want, verdict)
	}
	code, out, errs := b.check(t, input.String(), "--ndjson", "-")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "standard input:6:")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, len(want))
	for i, l := range lines {
		d := parse(t, l)
		assert.Equal(t, strconv.Itoa(i), d.ID)
		assert.Equal(t, i+1, d.Line)
		assert.Equal(t, want[i], d.Verdict, l)
		if i == 5 {
			assert.Equal(t, "input-invalid", d.Findings[0].Rule)
			assert.Equal(t, "_a79..good.test", d.Record.Name)
		}
	}

	code, out, _ = b.check(t, "_a79.good.test CNAME _424.xyz.acm-validations.aws\n_a79.doubled.test CNAME _424.xyz.acm-validations.aws\n", "-", "--json")
	assert.Equal(t, 1, code)
	var both []document
	require.NoError(t, json.Unmarshal([]byte(out), &both))
	assert.Len(t, both, 2)
}

func TestCheckTextHasNoEscapesAndTellsAll(t *testing.T) {
	b := newBed(t)
	code, out, _ := b.check(t, "", typed("doubled.test")...)
	assert.Equal(t, 1, code)
	assert.NotContains(t, out, "\x1b")
	for _, want := range []string{
		"doubled.test  INVALID  ", "name-doubled", "+ _a79.doubled.test. ", "- _a79.doubled.test.doubled.test. ", "dig +norecurse ", "Name   _a79\n",
	} {
		assert.Contains(t, out, want)
	}
	code, out, _ = b.check(t, "_a79.good.test CNAME _424.xyz.acm-validations.aws\n_a79.doubled.test CNAME _424.xyz.acm-validations.aws\n")
	assert.Equal(t, 1, code, "standard input is read where nothing else is given and it is no terminal")
	assert.Contains(t, out, "2 records: 1 valid, 1 invalid, 0 undetermined")
}

func TestTranscriptReplaysByteForByte(t *testing.T) {
	b := newBed(t)
	file := filepath.Join(t.TempDir(), "dns.txt")
	code, first, errs := b.check(t, "", append(typed("doubled.test"), "--transcript", file)...)
	assert.Equal(t, 1, code, errs)
	var out, e bytes.Buffer
	code = run(t.Context(), []string{"check", "--replay", file}, strings.NewReader(""), &out, &e)
	assert.Equal(t, 1, code, e.String())
	assert.Equal(t, first, out.String(), "the transcript alone says everything")

	code = run(t.Context(), []string{"check", "--replay", file, "--transcript", file}, strings.NewReader(""), &out, &e)
	assert.Equal(t, 3, code)
	broken := filepath.Join(t.TempDir(), "broken.txt")
	require.NoError(t, os.WriteFile(broken, []byte("this is no transcript\n"), 0o600))
	e.Reset()
	code = run(t.Context(), []string{"check", "--replay", broken}, strings.NewReader(""), &out, &e)
	assert.Equal(t, 3, code)
	assert.Contains(t, e.String(), "line 1")
}

func TestBadUsageAndInputEndWithThree(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	letters := filepath.Join(dir, "letters")
	require.NoError(t, os.WriteFile(letters, []byte("hello\n"), 0o600))
	words := filepath.Join(dir, "words")
	require.NoError(t, os.WriteFile(words, []byte("hello world\n"), 0o600))
	rec := typed("good.test")
	unusable := filepath.Join(dir, "unusable")
	require.NoError(t, os.WriteFile(unusable, []byte("; a key of an algorithm that nobody has\n. DS 1 250 2 "+strings.Repeat("ab", 32)+"\n"), 0o600))
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"unknown command":        {[]string{"chekc"}, `there is no command "chekc"; did you mean check?`},
		"unknown flag":           {[]string{"check", "--nmae", "x"}, "has no flag --nmae; did you mean --name?"},
		"value missing":          {[]string{"check", "--name", "_a79.good.test"}, "--value is missing"},
		"name missing":           {[]string{"check", "--value", "_424.acm-validations.aws"}, "--name is missing"},
		"both ways":              {append([]string{"check", letters}, rec...), "letters:1:6"},
		"no file":                {[]string{"check", filepath.Join(dir, "nosuch")}, "nosuch"},
		"folder":                 {[]string{"check", dir}, "is a folder"},
		"empty file":             {[]string{"check", empty}, "empty"},
		"not a record":           {[]string{"check", letters}, "letters:1"},
		"two words":              {[]string{"check", words}, "words:1:1"},
		"ARN of another service": {[]string{"check", "arn:aws:iam::123456789012:server-certificate/x"}, "server certificate of IAM"},
		"ARN of another region":  {[]string{"check", "--region", "eu-west-1", "arn:aws:acm:us-east-1:123456789012:certificate/x"}, "lies in us-east-1"},
		"ARN, no credentials":    {[]string{"check", "arn:aws:acm:us-east-1:123456789012:certificate/x"}, "no credentials"},
		"ARN, no profile":        {[]string{"check", "--profile", "nosuch", "arn:aws:acm:us-east-1:123456789012:certificate/x"}, "nosuch"},
		"both families":          {append([]string{"check", "--ipv4", "--ipv6"}, rec...), "exclude each other"},
		"both forms":             {append([]string{"check", "--json", "--ndjson"}, rec...), "exclude each other"},
		"bad timeout":            {append([]string{"check", "--timeout", "soon"}, rec...), "duration"},
		"no time":                {append([]string{"check", "--timeout", "0s"}, rec...), "more than nothing"},
		"roots missing":          {append([]string{"check", "--roots", filepath.Join(dir, "nosuch")}, rec...), "--roots"},
		"roots garbage":          {append([]string{"check", "--roots", letters}, rec...), "--roots " + letters + `: line 1: found "hello", expected a record such as`},
		"roots empty":            {append([]string{"check", "--roots", empty}, rec...), "no server"},
		"anchors garbage":        {append([]string{"check", "--trust-anchors", letters}, rec...), "--trust-anchors " + letters + `: line 1: found "hello", expected a DS or DNSKEY record`},
		"anchors empty":          {append([]string{"check", "--trust-anchors", empty}, rec...), "--trust-anchors " + empty + ": it holds no DS or DNSKEY record"},
		"anchors missing":        {append([]string{"check", "--trust-anchors", filepath.Join(dir, "nosuch")}, rec...), "--trust-anchors"},
		"anchors unusable":       {append([]string{"check", "--trust-anchors", unusable}, rec...), "line 2"},
		"no resolver":            {append([]string{"check", "--resolver", "dns.example"}, rec...), `--resolver "dns.example": not a recursive resolver's address: expected an address such as`},
		"resolver, password":     {append([]string{"check", "--resolver", "https://me:hunter2@h/"}, rec...), "a password has no place in it\n"},
		"unknown rule":           {[]string{"explain", "name-dubbled"}, "name-doubled"},
		"all of one":             {[]string{"explain", "--all", "name-doubled"}, "leave the rule's name out"},
		"markdown of one":        {[]string{"explain", "--markdown", "name-doubled"}, "leave the rule's name out"},
		"transcript folder":      {append([]string{"check", "--transcript", dir}, rec...), "--transcript"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), c.args, strings.NewReader(""), &out, &errs)
			assert.Equal(t, 3, code)
			assert.Contains(t, errs.String(), c.says)
			assert.Empty(t, out.String())
		})
	}
}

func TestRecordThatCannotBeReadHasAVerdict(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"check", "--json", "--name", "_a79..test", "--value", "_424.acm-validations.aws"}, strings.NewReader(""), &out, &errs)
	assert.Equal(t, 1, code)
	d := parse(t, out.String())
	assert.Equal(t, "invalid", d.Verdict)
	assert.Equal(t, "input-invalid", d.Findings[0].Rule)
	assert.Contains(t, errs.String(), "name")
}

func TestInterruptionEndsAWaitForInput(t *testing.T) {
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	pipe, w := io.Pipe() // it is never closed
	go func() { _, _ = io.WriteString(w, "_a79.good.test CNAME _424.xyz.acm-validations.aws\n") }()
	defer time.AfterFunc(200*time.Millisecond, cancel).Stop()
	var out, errs bytes.Buffer
	assert.Equal(t, 130, run(ctx, append(append([]string{"check", "--json"}, b.flags...), "-"), pipe, &out, &errs))
}

func TestInterruptedRunSaysWhatWasDone(t *testing.T) {
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(1500*time.Millisecond, cancel).Stop()
	var out, errs bytes.Buffer
	input := "_a79.good.test CNAME _424.xyz.acm-validations.aws\n_a79.silent.test CNAME _424.xyz.acm-validations.aws\n"
	code := run(ctx, append(append([]string{"check"}, b.flags...), "--timeout", "20s", "-"), strings.NewReader(input), &out, &errs)
	assert.Equal(t, 130, code)
	assert.Contains(t, errs.String(), "interrupted after 1 record: 1 valid")
	assert.Contains(t, out.String(), "VALID")
}

func TestExplainKnowsEveryRule(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, 0, run(t.Context(), []string{"explain"}, nil, &out, &errs))
	for _, line := range strings.Split(out.String(), "\n") {
		id, _, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(line, "More") {
			continue
		}
		var one bytes.Buffer
		assert.Equal(t, 0, run(t.Context(), []string{"explain", id}, nil, &one, &errs), id)
		for _, part := range []string{"Wrong\n", "Right\n", "Fix\n", "Sources\n"} {
			assert.Contains(t, one.String(), part, id)
		}
		for _, l := range strings.Split(one.String(), "\n") {
			assert.LessOrEqual(t, len(l), 100, l)
		}
	}
}

func TestWhoRefusesColor(t *testing.T) {
	for _, c := range []struct {
		noColor, term string
		refuses       bool
	}{{"", "xterm", false}, {"1", "xterm", true}, {"0", "xterm", true}, {"", "dumb", true}, {"", "", false}} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		assert.Equal(t, c.refuses, refusesColor(), "NO_COLOR=%q TERM=%q", c.noColor, c.term)
	}
}

func TestExplainFitsATerminal(t *testing.T) {
	var b strings.Builder
	require.NoError(t, explainAll(&b, true))
	for _, line := range strings.Split(b.String(), "\n") {
		assert.Less(t, len([]rune(line)), helpWidth, line)
	}
	assert.Contains(t, b.String(), "zone-suspended             error    the domain is delegated to a service for\n                                    parked or suspended domains\n")
}

func TestExplainAllIsEachRuleInTurn(t *testing.T) {
	var all, errs strings.Builder
	require.Equal(t, 0, run(t.Context(), []string{"explain", "--all"}, nil, &all, &errs))
	rest := all.String()
	for _, r := range catalogue() {
		var one strings.Builder
		require.Equal(t, 0, run(t.Context(), []string{"explain", string(r.Info().ID)}, nil, &one, &errs))
		require.True(t, strings.HasPrefix(rest, one.String()), r.Info().ID)
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, one.String()), "\n\n")
	}
	assert.Empty(t, rest)
}
