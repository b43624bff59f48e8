package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asProgram is set in the environment of a process that is to be the program itself, so that it can be killed: see TestMain.
const asProgram = "ACMDOCTOR_TEST_AS_PROGRAM"

func (b *bed) audit(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(append([]string{"audit"}, b.flags...), args...), strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// program is the tool as a process of its own.
func (b *bed) program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(append([]string{"audit"}, b.flags...), args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// auditInputOf gives lines of NDJSON for domains of the bed, the third of each five broken.
func auditInputOf(n int) string {
	var in strings.Builder
	for i := range n {
		switch i % 5 {
		case 1:
			fmt.Fprintf(&in, `{"id":"r%d","name":"_a79.doubled.test.","value":"_424.xyz.acm-validations.aws."}`+"\n", i)
		case 2:
			fmt.Fprintf(&in, `{"id":"r%d","name":"_a79..good.test.","value":"_424.xyz.acm-validations.aws."}`+"\n", i)
		default:
			fmt.Fprintf(&in, `{"id":"r%d","name":"_a79.good.test.","value":"_424.xyz.acm-validations.aws."}`+"\n", i)
		}
	}
	return in.String()
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func documents(t *testing.T, text string) (out []document) {
	t.Helper()
	for line := range strings.Lines(text) {
		out = append(out, parse(t, line))
	}
	return out
}

func TestAudit(t *testing.T) {
	b := newBed(t)
	in := file(t, auditInputOf(25))

	code, out, errs := b.audit(t, "", "--input", in, "--ordered")
	assert.Equal(t, 1, code)
	docs := documents(t, out)
	require.Len(t, docs, 25)
	for i, d := range docs {
		assert.Equal(t, i+1, d.Line)
		switch i % 5 {
		case 1:
			assert.Equal(t, "invalid", d.Verdict)
			assert.Equal(t, "name-doubled", d.Findings[0].Rule)
			assert.Equal(t, fmt.Sprint("r", i), d.ID)
		case 2:
			assert.Equal(t, "invalid", d.Verdict, "a line that cannot be read has its own report")
			assert.Equal(t, "input-invalid", d.Findings[0].Rule)
		default:
			assert.Equal(t, "valid", d.Verdict)
			assert.Equal(t, "good.test", d.Record.Domain)
		}
	}
	assert.Contains(t, errs, in+":3:", "its number is told")
	assert.Contains(t, errs, "25 records: 15 valid, 10 invalid, 0 undetermined; 5 of the invalid not readable")
	assert.Regexp(t, `name-doubled +5 +5 +error`, errs)
	assert.Regexp(t, `doubled\.test\. +5`, errs)

	code, out, _ = b.audit(t, auditInputOf(5))
	assert.Equal(t, 1, code, "from standard input")
	assert.Len(t, documents(t, out), 5)

	code, out, _ = b.audit(t, "_a79.good.test CNAME _424.xyz.acm-validations.aws", "--text")
	assert.Equal(t, 0, code)
	assert.True(t, strings.HasPrefix(out, "1 record: 1 valid, 0 invalid, 0 undetermined\n"), out)

	_, out, _ = b.audit(t, "_a79.good.test CNAME _424.xyz.acm-validations.aws", "--text", "--all")
	assert.Contains(t, out, "good.test  VALID  a CA that asks now finds the record\n")
	_, out, _ = b.audit(t, auditInputOf(3), "--text")
	assert.Contains(t, out, "doubled.test  INVALID  ")
	assert.Contains(t, out, "-:3  INVALID  ")
}

func TestAuditSeveralInputs(t *testing.T) {
	b := newBed(t)
	one, two := file(t, "_a79.good.test CNAME _424.xyz.acm-validations.aws"), file(t, "_a79.doubled.test CNAME _424.xyz.acm-validations.aws")
	code, out, _ := b.audit(t, "", "--input", one, "--input", two, "--ordered")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, fmt.Sprintf(`{"file":%q,"line":1,"record":{"domain":"good.test"`, one))
	assert.Contains(t, out, fmt.Sprintf(`{"file":%q,"line":1,"record":{"domain":"doubled.test"`, two))
}

func TestAuditFailOn(t *testing.T) {
	b := newBed(t)
	silent := "_a79.silent.test CNAME _424.xyz.acm-validations.aws"
	for _, tt := range []struct {
		on, in string
		want   int
	}{
		{"undetermined", silent, 2},
		{"invalid", silent, 0},
		{"never", auditInputOf(3), 0},
		{"invalid", auditInputOf(2), 1},
		{"warning", auditInputOf(1), 0},
	} {
		code, _, errs := b.audit(t, tt.in, "--fail-on", tt.on)
		assert.Equal(t, tt.want, code, "%s: %s", tt.on, errs)
	}
}

func TestAuditSince(t *testing.T) {
	b := newBed(t)
	record := func(domain string) string { return "_a79." + domain + " CNAME _424.xyz.acm-validations.aws\n" }
	earlier := file(t, `{"record":{"domain":"good.test","name":"_a79.good.test.","value":"v"},"verdict":"invalid","findings":[{"rule":"record-missing","severity":"error"}]}
{"record":{"domain":"doubled.test","name":"_a79.doubled.test.","value":"v"},"verdict":"valid","findings":[]}
{"record":{"domain":"gone.test","name":"_a79.gone.test.","value":"v"},"verdict":"valid","findings":[]}
`)
	code, out, errs := b.audit(t, record("good.test")+record("doubled.test")+record("nosuch.test"), "--since", earlier, "--ordered", "--fail-on", "broken")
	assert.Equal(t, 1, code)
	docs := strings.Split(out, "\n")
	assert.Contains(t, docs[0], `"since":"mended","was":"invalid"`)
	assert.Contains(t, docs[1], `"since":"broken","was":"valid"`)
	assert.Contains(t, docs[2], `"since":"new"`)
	assert.Contains(t, errs, "against the earlier run: 1 broken since, 1 mended since, 0 changed otherwise, 1 new, 1 gone\n")
	assert.Contains(t, errs, "gone since the earlier run\n  gone.test\n")

	code, _, errs = b.audit(t, record("good.test"), "--since", earlier, "--fail-on", "broken")
	assert.Equal(t, 0, code, errs)

	code, _, errs = b.audit(t, record("good.test"), "--since", file(t, "hello\n"))
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "line 1: this is not the output of an audit")
}

func TestAuditRefuses(t *testing.T) {
	b := newBed(t)
	in := file(t, auditInputOf(3))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--input", "/nonexistent/records"}, "no such file"},
		{[]string{"--input", os.TempDir()}, "is a folder"},
		{[]string{"--input", in, "--output", in}, "name the same file"},
		{[]string{"--input", in, "--state", in}, "name the same file"},
		{[]string{"--input", in, "--fail-on", "sometimes"}, "expected one of invalid, undetermined"},
		{[]string{"--input", in, "--fail-on", "broken"}, "needs --since"},
		{[]string{"--input", in, "--acm"}, "exclude each other"},
		{[]string{"--input", in, "--role", "arn:aws:iam::1:role/x"}, "--acm is missing"},
		{[]string{"arn:aws:acm:eu-west-1:123456789012:certificate/x"}, "with --acm"},
		{[]string{"--input", in, "--output", "/dev/full"}, "leave --output out"},
		{[]string{"--input", in, "--state", "/nonexistent/state"}, "write the state"},
		{[]string{"--ndjson", "--text"}, "exclude each other"},
	} {
		code, out, errs := b.audit(t, "", tt.args...)
		assert.Equal(t, 3, code, tt.args)
		assert.Contains(t, errs, tt.want)
		assert.Empty(t, out)
	}
	body, err := os.ReadFile(in)
	require.NoError(t, err)
	assert.Equal(t, auditInputOf(3), string(body), "the input is as it was")
}

// A process that is killed leaves a state from which the same command goes on: each record has its line once.
func TestAuditKilled(t *testing.T) {
	b := newBed(t)
	const n = 300
	folder := t.TempDir()
	in, out, state := file(t, auditInputOf(n)), filepath.Join(folder, "out"), filepath.Join(folder, "state")
	args := []string{"--input", in, "--output", out, "--state", state, "--concurrency", "2"}
	killed := b.program(t, args...)
	require.NoError(t, killed.Start())
	for {
		body, err := os.ReadFile(state)
		if err == nil && bytes.Contains(body, []byte(`"taken":`)) && !bytes.Contains(body, []byte(`"taken":0,`)) {
			break
		}
		if body, err := os.ReadFile(out); err == nil && bytes.Count(body, []byte("\n")) == n {
			break // it was quicker than a checkpoint
		}
		time.Sleep(5 * time.Millisecond)
	}
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())

	code, text, errs := b.audit(t, "", args...)
	assert.Equal(t, 1, code, errs)
	assert.Contains(t, text, "300 records: 180 valid, 120 invalid, 0 undetermined")
	body, err := os.ReadFile(out)
	require.NoError(t, err)
	seen := map[int]int{}
	for _, d := range documents(t, string(body)) {
		seen[d.Line]++
	}
	for line := 1; line <= n; line++ {
		require.Equal(t, 1, seen[line], "line %d", line)
	}
	assert.Len(t, seen, n)
	assert.NoFileExists(t, state)
}

func TestAuditOutputThatCannotBeWritten(t *testing.T) {
	b := newBed(t)
	t.Run("a full disk", func(t *testing.T) {
		fullDisk, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("there is no /dev/full: %v", err)
		}
		defer fullDisk.Close()
		state := filepath.Join(t.TempDir(), "state")
		cmd := b.program(t, "--state", state)
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = fullDisk, &errs
		require.NoError(t, cmd.Start())
		_, err = io.WriteString(stdin, auditInputOf(5)) // and standard input stays open: the run ends all the same
		require.NoError(t, err)
		_ = cmd.Wait()
		assert.Equal(t, 3, cmd.ProcessState.ExitCode(), errs.String())
		assert.Contains(t, errs.String(), "no space left on device; the same command goes on from there")

		code, out, _ := b.audit(t, auditInputOf(5), "--state", state)
		assert.Equal(t, 1, code)
		assert.Len(t, documents(t, out), 5, "nothing was written, and so nothing is left out")
	})
	t.Run("a closed pipe", func(t *testing.T) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		state := filepath.Join(t.TempDir(), "state")
		cmd := b.program(t, "--state", state)
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &errs
		require.NoError(t, cmd.Start())
		require.NoError(t, w.Close())
		_, err = io.WriteString(stdin, auditInputOf(5))
		require.NoError(t, err)
		_, err = bufio.NewReader(r).ReadString('\n')
		require.NoError(t, err, "lines come while the input is open")
		require.NoError(t, r.Close())
		_, err = io.WriteString(stdin, auditInputOf(50))
		require.NoError(t, err)
		_ = cmd.Wait()
		assert.Equal(t, 3, cmd.ProcessState.ExitCode(), errs.String())
		assert.Contains(t, errs.String(), "broken pipe; the same command goes on from there")
		assert.FileExists(t, state)
	})
}

func TestAuditInterrupted(t *testing.T) {
	b := newBed(t)
	state := filepath.Join(t.TempDir(), "state")
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &told{each: make(chan struct{}, 100)}
	var errs bytes.Buffer
	done := make(chan int)
	go func() {
		done <- run(ctx, append(append([]string{"audit"}, b.flags...), "--state", state), r, out, &errs)
	}()
	_, err := io.WriteString(w, auditInputOf(3))
	require.NoError(t, err)
	<-out.each
	cancel()
	assert.Equal(t, 130, <-done)
	assert.Contains(t, errs.String(), "interrupted after ")

	code, rest, stderr := b.audit(t, auditInputOf(10), "--state", state)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "going on after ")
	seen := map[int]int{}
	for _, d := range documents(t, out.String()+rest) {
		seen[d.Line]++
	}
	assert.Len(t, seen, 10)
	for line, n := range seen {
		assert.Equal(t, 1, n, "line %d", line)
	}
}

// told tells each write.
type told struct {
	bytes.Buffer
	each chan struct{}
}

func (w *told) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	w.each <- struct{}{}
	return n, err
}

func TestAuditACM(t *testing.T) {
	b := newBed(t)
	fake := newAWS(t)
	fake.Put(describe("ISSUED", time.Hour, "good.test", "*.good.test", "doubled.test"), 0)
	t.Setenv("AWS_REGION", "eu-west-1")
	code, out, errs := b.audit(t, "", "--acm")
	assert.Equal(t, 1, code, errs)
	docs := documents(t, out)
	require.Len(t, docs, 2)
	for _, d := range docs {
		assert.Equal(t, testARN, d.ID)
		assert.Equal(t, map[string]string{"good.test": "valid", "doubled.test": "invalid"}[d.Record.Domain], d.Verdict)
	}

	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
	code, out, errs = b.audit(t, "", "--acm")
	assert.Equal(t, 3, code)
	assert.Empty(t, out)
	assert.Contains(t, errs, "credentials")
	assert.NotContains(t, errs, "very-secret")
}

func TestAuditForms(t *testing.T) {
	b := newBed(t)
	folder := t.TempDir()
	for _, output := range [][]string{nil, {"--output", filepath.Join(folder, "out")}, {"--text"}} {
		in, at := file(t, auditInputOf(5)), func(name string) string { return filepath.Join(folder, name) }
		code, _, errs := b.audit(t, "", append([]string{"--input", in, "--prometheus", at("prom"), "--junit", at("junit"), "--sarif", at("sarif")}, output...)...)
		require.Equal(t, 1, code, errs)
		for name, want := range map[string]string{
			"prom":  `acmdoctor_audit_records{verdict="invalid"} 2`,
			"junit": `tests="5" failures="2" errors="0"`,
			"sarif": `"ruleId":"name-doubled","level":"error"`,
		} {
			body, err := os.ReadFile(at(name))
			require.NoError(t, err)
			assert.Contains(t, string(body), want)
			require.NoError(t, os.Remove(at(name)))
		}
	}
	code, _, errs := b.audit(t, auditInputOf(3), "--state", filepath.Join(folder, "state"), "--junit", filepath.Join(folder, "junit"))
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "need --output FILE")
}

func TestAuditProgressLine(t *testing.T) {
	begun := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	in := &auditInput{size: 1_000_000}
	p := &auditProgress{input: in, begun: begun}
	p.sum.Valid, p.sum.Invalid, p.sum.Undetermined = 900, 90, 10
	in.read.Store(250_000)
	assert.Equal(t, "1000 records (25 %), 100/s, 30s left  valid 900  invalid 90  undetermined 10", p.line(begun.Add(10*time.Second)))

	p.earlier, p.skipped = 500, 150_000
	assert.Equal(t, "1000 records (25 %), 50/s, 1m15s left  valid 900  invalid 90  undetermined 10", p.line(begun.Add(10*time.Second)),
		"what an earlier run did is not this one's rate")
	in.read.Store(1_000_000)
	assert.Contains(t, p.line(begun.Add(10*time.Second)), "(100 %), 50/s, the last ones")
	in.size = 0
	assert.Contains(t, p.line(begun.Add(10*time.Second)), "1000 records, 50/s, 10s so far", "of a pipe nobody knows the end")
}
