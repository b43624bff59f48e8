package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// bare adds the zone bare.test that the delegation leads to, and gives its ID.
func (b *awsBed) bare() string {
	live := b.fake.AddZone(awsfake.HostedZone{Name: "bare.test.", NameServers: []string{"ns1.bare.test", "ns2.bare.test"}})
	b.fake.Set(live, "www.bare.test.", "A", 300, "192.0.2.1")
	return live
}

// private puts the record of bare.test into a private zone of that name, and into one that nobody asks where other is set.
func (b *awsBed) private(other bool) {
	b.bare()
	private := b.fake.AddZone(awsfake.HostedZone{Name: "bare.test.", Private: true, VPCs: []string{"eu-west-1 vpc-1"}})
	b.fake.Set(private, "_a79.bare.test.", "CNAME", 300, "_424.xyz.acm-validations.aws.")
	if other {
		id := b.fake.AddZone(awsfake.HostedZone{Name: "bare.test."})
		b.fake.Set(id, "_a79.bare.test.", "CNAME", 300, "_424.xyz.acm-validations.aws.")
	}
}

// The provider knows what the DNS cannot show; what it held is in the transcript, and the report comes out of that again.
func TestCheckAsksTheProvider(t *testing.T) {
	for name, prepare := range map[string]func(b *awsBed){
		"zone-private":   func(b *awsBed) { b.private(false) },
		"zone-elsewhere": func(b *awsBed) { b.private(true) },
		"name-mangled": func(b *awsBed) {
			b.fake.Set(b.bare(), "_a97.bare.test.", "CNAME", 300, "_424.xyz.acm-validations.aws.")
		},
		"change-pending": func(b *awsBed) {
			b.fake.Set(b.bare(), "_a79.bare.test.", "CNAME", 300, "_424.xyz.acm-validations.aws.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newAWSBed(t)
			prepare(b)
			code, out, errs := b.check(t, "", append(typed("bare.test"), "--ndjson")...)
			assert.Equal(t, 1, code, errs)
			assert.Equal(t, []string{"invalid record-missing:error"}, heard(t, out), "of the DNS alone")
			assert.Empty(t, b.fake.Calls(), "who does not ask for it asks nobody")
			asked := len(b.in.Queries())
			b.in.ResetQueries()
			b.check(t, "", append(typed("bare.test"), "--provider", "route53")...)
			assert.Len(t, b.in.Queries(), asked, "what the provider holds joins what the DNS has said; nothing is asked twice")
			b.in.ResetQueries()
			b.run(t, append(typed("bare.test"), "--provider", "route53")...)
			assert.Len(t, b.in.Queries(), asked, "nor where it is to be mended")

			code, out, errs = b.check(t, "", append(typed("bare.test"), "--provider", "route53", "--transcript", "dns.txt")...)
			assert.Equal(t, 1, code)
			assert.Empty(t, errs)
			assert.Contains(t, out, name)
			for action := range b.fake.Calls() {
				assert.NotContains(t, action, "Change", "it only reads")
			}
			code, again, errs := b.check(t, "", "--replay", "dns.txt")
			assert.Equal(t, 1, code)
			assert.Empty(t, errs)
			assert.Equal(t, out, again)
			_, doc, _ := b.check(t, "", "--replay", "dns.txt", "--ndjson")
			d := parse(t, doc)
			require.NotEmpty(t, d.Findings)
			assert.Equal(t, name, d.Findings[0].Rule)
			assert.Equal(t, "record-missing", d.Findings[len(d.Findings)-1].Rule)
			assert.Equal(t, name, d.Findings[len(d.Findings)-1].ExplainedBy)
			text, err := os.ReadFile("dns.txt")
			require.NoError(t, err)
			assert.NotContains(t, string(text), "hunter2")
		})
	}
}

// --zone-id narrows what is looked at: a copy that lies elsewhere is not what is asked about.
func TestCheckLooksInOneZoneOnly(t *testing.T) {
	b := newAWSBed(t)
	b.private(true)
	_, out, errs := b.check(t, "", append(typed("bare.test"), "--provider", "route53", "--zone-id", "Z9", "--ndjson")...)
	assert.Equal(t, []string{"invalid record-missing:error"}, heard(t, out))
	assert.Contains(t, errs, "has no zone Z9 that _a79.bare.test. can lie in")
}

func TestCheckOfAValidRecordAsksNoProvider(t *testing.T) {
	b := newAWSBed(t)
	code, _, errs := b.check(t, "", append(typed("good.test"), "--provider", "route53")...)
	assert.Equal(t, 0, code, errs)
	assert.Empty(t, b.fake.Calls())
}

// What the credentials do not allow, and that there are none, is a note.
func TestCheckWithoutTheProvidersLeave(t *testing.T) {
	refused := func(action string, _ int) *awsfake.Error {
		return &awsfake.Error{Status: 403, Code: "AccessDenied", Message: "User: arn:aws:iam::111122223333:user/anna is not authorized to perform: route53:" + action}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, b *awsBed)
		args    []string
		says    string
	}{
		"permission":  {func(_ *testing.T, b *awsBed) { b.fake.Before = refused }, []string{"--provider", "route53"}, "the permission route53:ListHostedZonesByName on * is missing"},
		"credentials": {func(t *testing.T, _ *awsBed) { t.Setenv("AWS_ACCESS_KEY_ID", "") }, []string{"--provider", "route53"}, "there are no AWS credentials that are valid"},
		"a token":     {func(*testing.T, *awsBed) {}, []string{"--provider", "cloudflare"}, "the provider was not asked: no credentials for Cloudflare: CLOUDFLARE_API_TOKEN is not set"},
		"nobody":      {func(*testing.T, *awsBed) {}, []string{"--provider", "auto"}, "the provider was not asked: who hosts the zone is not recognised"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newAWSBed(t)
			b.private(false)
			c.prepare(t, b)
			for _, v := range []string{"CLOUDFLARE_API_TOKEN", "CF_API_TOKEN"} {
				t.Setenv(v, "")
			}
			stdin := "_a79.bare.test CNAME _424.xyz.acm-validations.aws\n_b80.bare.test CNAME _525.xyz.acm-validations.aws\n"
			code, out, errs := b.check(t, stdin, append(c.args, "--ndjson", "-")...)
			assert.Equal(t, 1, code)
			assert.Equal(t, []string{"invalid record-missing:error", "invalid record-missing:error"}, heard(t, out))
			assert.Contains(t, errs, c.says)
			assert.Equal(t, 1, strings.Count(errs, c.says), "said once: %s", errs)
			assert.NotContains(t, errs, "hunter2")
		})
	}
}

func TestCheckOfABadProvider(t *testing.T) {
	b := newAWSBed(t)
	require.NoError(t, os.WriteFile("dns.txt", []byte("; acmdoctor transcript 1\nend\n"), 0o600))
	require.NoError(t, os.WriteFile("bad.json", []byte("{"), 0o600))
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no such":       {append(typed("bare.test"), "--provider", "nosuch"), `there is no provider "nosuch"`},
		"no file":       {append(typed("bare.test"), "--provider", "powerdns", "--provider-config", "nosuch.json"), "--provider-config"},
		"no JSON":       {append(typed("bare.test"), "--provider", "powerdns", "--provider-config", "bad.json"), "powerdns"},
		"with a replay": {[]string{"--replay", "dns.txt", "--provider", "auto"}, "what the provider held is in the file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := b.check(t, "", c.args...)
			assert.Equal(t, 3, code)
			assert.Empty(t, out)
			assert.Contains(t, errs, c.says)
		})
	}
}

// checkAt runs check with accounts of the test's own.
func (b *bed) checkAt(t *testing.T, ctx context.Context, client providers.Client, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := newCheckCommand(accountWorld{env: func(string) string { return "" }, open: map[string]opener{
		"memory": func(context.Context, *accountFlags, []byte) (providers.Client, error) { return client, nil },
	}})
	var out, errs bytes.Buffer
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append(append([]string{}, b.flags...), args...))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err := cmd.ExecuteContext(ctx)
	var e *exitError
	if errors.As(err, &e) {
		code = e.code
	}
	if err != nil {
		fmt.Fprintln(&errs, err)
	}
	return code, out.String(), errs.String()
}

// heldByMemory is a provider in memory that has the record in the zone doubled.test., of which the bed's servers are said to be.
func heldByMemory(t *testing.T) *providertest.Memory {
	t.Helper()
	m := &providertest.Memory{}
	zone := providers.Zone{Apex: resolver.MustParseName("doubled.test."), ID: "one", NameServers: []resolver.Name{
		resolver.MustParseName("ns1.doubled.test."), resolver.MustParseName("ns2.doubled.test."),
	}}
	m.AddZone(zone)
	require.NoError(t, m.Seed(zone, "_a79.doubled.test. 300 IN CNAME _424.xyz.acm-validations.aws."))
	return m
}

func TestCheckAtAnyProvider(t *testing.T) {
	b := newBed(t)
	code, out, errs := b.checkAt(t, t.Context(), heldByMemory(t), append(typed("doubled.test"), "--provider", "memory", "--ndjson")...)
	assert.Equal(t, 1, code)
	assert.Equal(t, "exit code 1\n", errs)
	assert.Contains(t, heard(t, out)[0], "change-pending:error")
}

// A provider that fails, for whatever reason, and one that is interrupted.
func TestCheckAtAProviderThatFails(t *testing.T) {
	b := newBed(t)
	m := heldByMemory(t)
	m.Faults.BeforeRead = func(int) error { return errors.New("it is on fire") }
	code, out, errs := b.checkAt(t, t.Context(), m, append(typed("doubled.test"), "--provider", "memory", "--ndjson")...)
	assert.Equal(t, 1, code)
	assert.Equal(t, []string{"invalid name-doubled:error record-missing:error"}, heard(t, out))
	assert.Contains(t, errs, "what memory holds is not known")
	assert.Contains(t, errs, "it is on fire")

	ctx, cancel := context.WithCancel(t.Context())
	m.Faults.BeforeRead = func(int) error { cancel(); return ctx.Err() }
	code, _, errs = b.checkAt(t, ctx, m, append(typed("doubled.test"), "--provider", "memory", "--ndjson")...)
	assert.Equal(t, 130, code)
	assert.Contains(t, errs, "interrupted")
}

func TestReplayOfBadFacts(t *testing.T) {
	b := newBed(t)
	file := filepath.Join(t.TempDir(), "dns.txt")
	require.NoError(t, os.WriteFile(file, []byte("; acmdoctor transcript 1\nnote facts {\"record\":7}\n\nend\n"), 0o600))
	code, _, errs := b.check(t, "", append(typed("good.test"), "--replay", file)...)
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "note facts")
}

// fix reports what check does, and plans from that.
func TestFixPlansFromWhatTheProviderShows(t *testing.T) {
	b := newAWSBed(t)
	b.fake.Set(b.bare(), "_a97.bare.test.", "CNAME", 300, "_424.xyz.acm-validations.aws.")
	code, out, errs := b.run(t, append(typed("bare.test"), "--provider", "route53", "--json")...)
	assert.Equal(t, 1, code, errs)
	f := parseFixed(t, out)
	assert.Equal(t, "name-mangled", f.Report.Findings[0].Rule)
	require.Len(t, f.Plan.Steps, 1, "a record of another name may be somebody's own, and stays")
	assert.Equal(t, "_a79.bare.test.", f.Plan.Steps[0].Name)
}
