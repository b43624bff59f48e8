package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
)

func (b *bed) wait(t *testing.T, ctx context.Context, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(ctx, append(append([]string{"wait"}, b.flags...), args...), strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func TestWaitEndsWithTheVerdict(t *testing.T) {
	b := newBed(t)
	code, out, errs := b.wait(t, t.Context(), "", append(typed("good.test"), "--json")...)
	assert.Equal(t, 0, code)
	assert.Equal(t, "valid", parse(t, out).Verdict)
	assert.Equal(t, "good.test  valid  after 1 look\n", errs)

	code, out, errs = b.wait(t, t.Context(), "", append(typed("doubled.test"), "--timeout", "2", "--interval", "0.3")...)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "INVALID")
	assert.Contains(t, errs, "doubled.test  invalid, name-doubled  next look at ")
	assert.Contains(t, errs, "doubled.test  invalid, name-doubled  after ")

	code, out, _ = b.wait(t, t.Context(), "", append(typed("silent.test"), "--timeout", "0.5")...)
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "UNDETERMINED")
}

func TestWaitSeesTheRecordArrive(t *testing.T) {
	b := newBed(t)
	stdin := "_a79.good.test CNAME _424.xyz.acm-validations.aws\n_a79.doubled.test CNAME _424.xyz.acm-validations.aws\n"
	reader, writer := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		defer writer.Close()
		ended <- run(t.Context(), append(append([]string{"wait"}, b.flags...), "--timeout", "1m", "--interval", "0.02", "--ndjson", "-"), strings.NewReader(stdin), writer, &errs)
	}()
	type line struct {
		Stage string
		Looks int
		Next  string
		Line  int
		document
	}
	last := map[string]line{}
	dec := json.NewDecoder(reader)
	for {
		var l line
		if err := dec.Decode(&l); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		if l.Record.Domain == "doubled.test" && l.Looks == 1 {
			assert.Equal(t, "servers", l.Stage)
			assert.NotEmpty(t, l.Next)
			assert.Equal(t, "invalid", l.Verdict)
			zone := resolver.MustParseName("doubled.test.")
			require.NoError(t, b.in.SetRRset(zone, resolver.MustParseName("_a79.doubled.test."), resolver.TypeCNAME, 300, []string{"_424.xyz.acm-validations.aws."}))
		}
		last[l.Record.Domain] = l
	}
	assert.Equal(t, 0, <-ended)
	for domain, n := range map[string]int{"good.test": 1, "doubled.test": 2} {
		assert.Equal(t, "valid", last[domain].Verdict)
		assert.Equal(t, "end", last[domain].Stage)
		assert.Empty(t, last[domain].Next)
		assert.Equal(t, n, last[domain].Line, "the line of the input is echoed")
	}
	assert.Greater(t, last["doubled.test"].Looks, 1)
}

func TestInterruptedWaitReportsTheLastLooks(t *testing.T) {
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	errs := &cancelAfter{cancel: cancel, when: "next look at"}
	var out bytes.Buffer
	code := run(ctx, append(append([]string{"wait"}, b.flags...), append(typed("doubled.test"), "--timeout", "1h")...), strings.NewReader(""), &out, errs)
	assert.Equal(t, 130, code)
	assert.Contains(t, out.String(), "INVALID")
	assert.Contains(t, errs.String(), "interrupted")
}

// A certificate that ACM has given up is no reason to wait; the exit code is the verdict's, as of check.
func TestWaitForACertificateThatIsLost(t *testing.T) {
	b := newBed(t)
	for name, c := range map[string]struct {
		in   string
		code int
		says string
	}{
		"timed out, right":   {describe("VALIDATION_TIMED_OUT", 100*time.Hour, "good.test"), 0, "good.test  valid, certificate-timed-out  after 1 look\n"},
		"timed out, missing": {describe("VALIDATION_TIMED_OUT", 100*time.Hour, "doubled.test"), 1, "after 1 look\n"},
		"failed":             {describe("FAILED", time.Hour, "doubled.test"), 1, "after 1 look\n"},
		"past its deadline":  {describe("PENDING_VALIDATION", 73*time.Hour, "doubled.test"), 1, "after 1 look\n"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := b.wait(t, t.Context(), c.in, "-")
			assert.Equal(t, c.code, code, errs)
			assert.Contains(t, errs, c.says)
			assert.Contains(t, strings.Join(strings.Fields(out), " "), "request a new one")
		})
	}
}

// The last reports of one certificate's records are judged together, and until when it is waited is told.
func TestWaitForACertificate(t *testing.T) {
	b := newBed(t)
	fake := newAWS(t)
	fake.Put(describe("PENDING_VALIDATION", time.Hour, "good.test", "doubled.test"), 0)
	code, out, errs := b.wait(t, t.Context(), "", testARN, "--timeout", "0.5", "--interval", "0.1", "--json")
	assert.Equal(t, 1, code, errs)
	var docs []document
	require.NoError(t, json.Unmarshal([]byte(out), &docs))
	require.Len(t, docs, 2)
	assert.Equal(t, "certificate-other-domain", docs[0].Findings[0].Rule)
	assert.Equal(t, "certain", docs[0].Findings[0].Confidence)
	assert.Contains(t, errs, "; until ")

	zone := resolver.MustParseName("doubled.test.")
	require.NoError(t, b.in.SetRRset(zone, resolver.MustParseName("_a79.doubled.test."), resolver.TypeCNAME, 300, []string{"_424.xyz.acm-validations.aws."}))
	code, out, errs = b.wait(t, t.Context(), "", testARN, "--json")
	assert.Equal(t, 0, code, errs)
	docs = nil
	require.NoError(t, json.Unmarshal([]byte(out), &docs))
	assert.Equal(t, "record-valid-wait", docs[0].Findings[0].Rule, "ACM's word that the other is pending is older than ours")

	ctx, cancel := context.WithCancel(t.Context())
	seen := &cancelAfter{cancel: cancel, when: "next look at"}
	i := slices.Index(b.flags, "--timeout")
	endless := slices.Delete(slices.Clone(b.flags), i, i+2)
	run(ctx, append(append([]string{"wait"}, endless...), "-"), strings.NewReader(describe("PENDING_VALIDATION", time.Hour, "stray.test")), io.Discard, seen)
	assert.Contains(t, seen.String(), "; ACM gives up at ")
}

// A record that ACM has not issued yet is waited for, as long as there is time.
func TestWaitForARecordToBeIssued(t *testing.T) {
	b := newBed(t)
	fake := newAWS(t)
	fake.Put(describe("PENDING_VALIDATION", time.Minute, "good.test"), 1)
	code, out, errs := b.wait(t, t.Context(), "", testARN, "--json")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, "valid", parse(t, out).Verdict)
	assert.Contains(t, errs, "ACM has not issued all records of "+testARN+" yet; waiting for them")
	assert.Len(t, fake.Calls(), 2)

	fake = newAWS(t)
	fake.Put(describe("PENDING_VALIDATION", time.Minute, "good.test"), 1000)
	code, out, errs = b.wait(t, t.Context(), "", testARN, "--timeout", "0.2", "--json")
	assert.Equal(t, 2, code, errs)
	assert.Equal(t, []string{"undetermined record-pending:warning"}, heard(t, strings.ReplaceAll(out, "\n", "")+"\n"))

	ctx, cancel := context.WithCancel(t.Context())
	seen := &cancelAfter{cancel: cancel, when: "waiting for them"}
	code = run(ctx, append(append([]string{"wait"}, b.flags...), testARN, "--timeout", "1h"), strings.NewReader(""), io.Discard, seen)
	assert.Equal(t, 130, code)

	code, out, _ = b.wait(t, t.Context(), `{"Certificate":{"CertificateArn":"`+testARN+`","Status":"PENDING_VALIDATION",
 "DomainValidationOptions":[{"DomainName":"good.test","ValidationMethod":"DNS"}]}}`, "-", "--json")
	assert.Equal(t, 2, code, "what is piped does not change")
	assert.Contains(t, out, "record-pending")
}

// cancelAfter cancels once something has been written.
type cancelAfter struct {
	strings.Builder
	cancel context.CancelFunc
	when   string
}

func (c *cancelAfter) Write(p []byte) (int, error) {
	n, err := c.Builder.Write(p)
	if strings.Contains(c.String(), c.when) {
		c.cancel()
	}
	return n, err
}

func TestWaitThatCannotBegin(t *testing.T) {
	b := newBed(t)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"both forms":  {append(typed("good.test"), "--json", "--ndjson"), "exclude each other"},
		"no pause":    {append(typed("good.test"), "--interval", "0"), "more than nothing"},
		"not records": {[]string{"--name", "_a79..test", "--value", "_424.acm-validations.aws"}, "no record to wait for"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := b.wait(t, t.Context(), "", c.args...)
			assert.Equal(t, 3, code)
			assert.Empty(t, out)
			assert.Contains(t, errs, c.says)
		})
	}
}
