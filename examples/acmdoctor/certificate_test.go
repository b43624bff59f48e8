package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
)

const testARN = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"

// describe is what aws acm describe-certificate prints for a certificate of some domains, asked for some time ago.
func describe(status string, ago time.Duration, domains ...string) string {
	var options []string
	for _, d := range domains {
		options = append(options, fmt.Sprintf(`{"DomainName":%q,"ValidationMethod":"DNS","ValidationStatus":"PENDING_VALIDATION",
  "ResourceRecord":{"Name":"_a79.%s.","Type":"CNAME","Value":"_424.xyz.acm-validations.aws."}}`, d, strings.TrimPrefix(d, "*.")))
	}
	return fmt.Sprintf(`{"Certificate":{"CertificateArn":%q,"DomainName":%q,"Status":%q,"Type":"AMAZON_ISSUED","CreatedAt":%q,
 "DomainValidationOptions":[%s]}}`, testARN, domains[0], status, time.Now().Add(-ago).Format(time.RFC3339), strings.Join(options, ","))
}

// heard gives the findings of each line of NDJSON.
func heard(t *testing.T, out string) (got []string) {
	t.Helper()
	for line := range strings.Lines(out) {
		d := parse(t, line)
		s := d.Verdict
		for _, f := range d.Findings {
			s += " " + f.Rule + ":" + f.Severity
		}
		got = append(got, s)
	}
	return got
}

func TestCheckJudgesTheCertificateToo(t *testing.T) {
	b := newBed(t)
	email := fmt.Sprintf(`{"Certificate":{"CertificateArn":%q,"Status":"PENDING_VALIDATION","DomainValidationOptions":[{"DomainName":"good.test","ValidationMethod":"EMAIL"}]}}`, testARN)
	fresh := fmt.Sprintf(`{"Certificate":{"CertificateArn":%q,"Status":"PENDING_VALIDATION","DomainValidationOptions":[{"DomainName":"good.test","ValidationMethod":"DNS"}]}}`, testARN)
	for name, c := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  []string
	}{
		"pending":            {describe("PENDING_VALIDATION", time.Hour, "good.test"), nil, 0, []string{"valid record-valid-wait:notice"}},
		"timed out":          {describe("VALIDATION_TIMED_OUT", 100*time.Hour, "good.test"), nil, 0, []string{"valid certificate-timed-out:error"}},
		"wildcard and base":  {describe("PENDING_VALIDATION", time.Hour, "*.good.test", "good.test"), nil, 0, []string{"valid record-valid-wait:notice"}},
		"one of two missing": {describe("PENDING_VALIDATION", time.Hour, "good.test", "doubled.test"), nil, 1, []string{"valid certificate-other-domain:error", "invalid name-doubled:error record-missing:error"}},
		"by e-mail":          {email, nil, 1, []string{"invalid certificate-not-dns:error input-invalid:error"}},
		"no record yet":      {fresh, nil, 2, []string{"undetermined record-pending:warning"}},
		"typed, and the certificate's": {
			describe("PENDING_VALIDATION", time.Hour, "good.test", "doubled.test"), append(typed("good.test"), "-"), 0,
			[]string{"valid certificate-other-domain:warning"},
		},
		"typed, and not the certificate's": {
			describe("PENDING_VALIDATION", time.Hour, "good.test"), append(typed("doubled.test"), "-"), 1,
			[]string{"invalid certificate-record-differs:error name-doubled:error record-missing:error", "valid record-valid-wait:notice"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := b.check(t, c.stdin, append(c.args, "--ndjson")...)
			assert.Equal(t, c.want, heard(t, out))
			assert.Equal(t, c.code, code)
			assert.Empty(t, errs)
		})
	}
}

func TestCertificateReplaysWithItsFacts(t *testing.T) {
	b := newBed(t)
	file := filepath.Join(t.TempDir(), "dns.txt")
	in := describe("PENDING_VALIDATION", time.Hour, "*.good.test", "good.test", "doubled.test")
	code, out, _ := b.check(t, in, "--transcript", file)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "ACM    PENDING_VALIDATION")
	code, again, errs := b.check(t, "", "--replay", file)
	assert.Equal(t, 1, code, errs)
	assert.Equal(t, out, again)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, json.Valid([]byte(in)))
	assert.Contains(t, string(text), "DomainValidationOptions")
}

// TestMain hides whatever AWS account this machine has from every test, and is the program itself where that is wanted.
func TestMain(m *testing.M) {
	awsfake.Isolate(func(k, v string) {
		if err := os.Setenv(k, v); err != nil {
			panic(err)
		}
	})
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// newAWS is a fake ACM on a socket of this machine, which the tool finds as it finds the real one.
func newAWS(t *testing.T) *awsfake.ACM {
	t.Helper()
	fake := &awsfake.ACM{Identities: map[string]awsfake.Identity{
		"AKIAME":      {ARN: "arn:aws:iam::123456789012:user/me"},
		"AKIAEXPIRED": {ARN: "arn:aws:iam::123456789012:user/me", Expired: true},
	}}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_ACM", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAME")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
	return fake
}

func TestCheckByARN(t *testing.T) {
	b := newBed(t)
	fake := newAWS(t)
	fake.Put(describe("PENDING_VALIDATION", time.Hour, "good.test", "*.good.test", "doubled.test"), 0)
	code, out, errs := b.check(t, "", testARN, "--ndjson")
	assert.Equal(t, 1, code)
	assert.Empty(t, errs)
	assert.Equal(t, []string{"valid certificate-other-domain:error", "invalid name-doubled:error record-missing:error"}, heard(t, out))
	assert.Equal(t, testARN, parse(t, strings.SplitAfter(out, "\n")[0]).ID, "the ARN is the report's id")
	assert.Equal(t, []awsfake.Call{{Action: "DescribeCertificate", Account: "123456789012", Region: "eu-west-1"}}, fake.Calls(), "one call a certificate")

	file := filepath.Join(t.TempDir(), "records")
	require.NoError(t, os.WriteFile(file, []byte("_a79.good.test CNAME _424.xyz.acm-validations.aws\n"), 0o600))
	code, out, errs = b.check(t, "", file, "--input", testARN, "--ndjson")
	assert.Equal(t, 1, code)
	assert.Empty(t, errs)
	assert.Len(t, heard(t, out), 3, "files and ARNs mix")

	code, out, _ = b.check(t, "", append(typed("silent.test"), testARN, "--ndjson")...)
	assert.Equal(t, 1, code)
	got := heard(t, out)
	require.Len(t, got, 3, "the typed record, then the certificate's")
	assert.Contains(t, got[0], "certificate-record-differs:error")
}

func TestCheckByARNSaysWhatIsMissing(t *testing.T) {
	b := newBed(t)
	fake := newAWS(t)
	for name, c := range map[string]struct {
		key, says string
	}{
		"expired":   {"AKIAEXPIRED", "the session has expired"},
		"unknown":   {"AKIANOBODY", "no credentials that AWS accepts"},
		"not there": {"AKIAME", "no such certificate"},
		"refused":   {"AKIAPOOR", "the credentials lack the permission acm:DescribeCertificate on " + testARN},
	} {
		t.Run(name, func(t *testing.T) {
			none, err := awsfake.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"x","Effect":"Deny","Action":"*","Resource":"*"}]}`))
			require.NoError(t, err)
			fake.Identities["AKIAPOOR"] = awsfake.Identity{ARN: "arn:aws:iam::123456789012:user/poor", Policy: none}
			t.Setenv("AWS_ACCESS_KEY_ID", c.key)
			code, out, errs := b.check(t, "", testARN)
			assert.Equal(t, 3, code)
			assert.Empty(t, out)
			assert.Contains(t, errs, c.says)
			assert.NotContains(t, errs, "very-secret")
			if name != "not there" {
				assert.Contains(t, errs, "  aws acm describe-certificate --region eu-west-1 --certificate-arn "+testARN+" | acmdoctor check -\n")
			}
		})
	}
}

func TestTypedRecordBesideWhatIsNoCertificate(t *testing.T) {
	b := newBed(t)
	code, _, errs := b.check(t, "_a79.good.test CNAME _424.xyz.acm-validations.aws\n", append(typed("good.test"), "-")...)
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "must be its certificate")
}
