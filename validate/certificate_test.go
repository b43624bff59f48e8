package validate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

const (
	testARN    = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
	exampleACM = `{"Certificate": {
 "CertificateArn": "` + testARN + `", "DomainName": "example.com", "Status": "ISSUED", "Type": "AMAZON_ISSUED",
 "CreatedAt": "2026-06-05T14:00:00.123000+02:00", "IssuedAt": 1780661400.5, "NotAfter": "2026-12-20T23:59:59+00:00",
 "InUseBy": ["arn:aws:cloudfront::123456789012:distribution/E1"], "RenewalEligibility": "ELIGIBLE",
 "KeyAlgorithm": "RSA-2048", "ManagedBy": "CLOUDFRONT", "CertificateKeyPairOrigin": "AWS_MANAGED",
 "FailureReason": null, "UpdateSummary": {"Status": "SUCCESS"},
 "DomainValidationOptions": [
  {"DomainName": "example.com", "ValidationMethod": "DNS", "ValidationStatus": "SUCCESS",
   "ResourceRecord": {"Name": "_a79.example.com.", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."}},
  {"DomainName": "*.example.com", "ValidationMethod": "DNS", "ValidationStatus": "SUCCESS",
   "ResourceRecord": {"Name": "_a79.example.com.", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."}}],
 "RenewalSummary": {"RenewalStatus": "PENDING_VALIDATION", "RenewalStatusReason": "CAA_ERROR", "UpdatedAt": "2026-11-20T12:00:00Z",
  "DomainValidationOptions": [{"DomainName": "example.com", "ValidationMethod": "DNS", "ValidationStatus": "PENDING_VALIDATION",
   "ResourceRecord": {"Name": "_a79.example.com.", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."}}]}
}}`
)

func TestCertificateFactsAreRead(t *testing.T) {
	records, err := validate.ParseCertificate(strings.NewReader(exampleACM))
	require.NoError(t, err)
	require.Len(t, records, 1)
	name, value := resolver.MustParseName("_a79.example.com."), resolver.MustParseName("_424.xyz.acm-validations.aws.")
	domain := func(d, status string) validate.DomainValidation {
		return validate.DomainValidation{Domain: d, Method: "DNS", Status: status, Name: name, Value: value}
	}
	assert.Equal(t, validate.Certificate{
		ARN: testARN, Domain: "example.com", Status: "ISSUED", Type: "AMAZON_ISSUED",
		Created:  time.Date(2026, 6, 5, 12, 0, 0, 123e6, time.UTC),
		Issued:   time.Date(2026, 6, 5, 12, 10, 0, 5e8, time.UTC),
		NotAfter: time.Date(2026, 12, 20, 23, 59, 59, 0, time.UTC),
		Domains:  []validate.DomainValidation{domain("example.com", "SUCCESS"), domain("*.example.com", "SUCCESS")},
		Renewal: validate.Renewal{
			Status: "PENDING_VALIDATION", Reason: "CAA_ERROR", Updated: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
			Domains: []validate.DomainValidation{domain("example.com", "PENDING_VALIDATION")},
		},
		RenewalEligibility: "ELIGIBLE", InUseBy: []string{"arn:aws:cloudfront::123456789012:distribution/E1"},
		KeyAlgorithm: "RSA-2048", KeyPairOrigin: "AWS_MANAGED", ManagedBy: "CLOUDFRONT", Migration: "SUCCESS",
	}, records[0].Certificate)
	assert.Equal(t, "eu-west-1", records[0].Certificate.Region())
	again := records[0].Certificate.Records()
	require.Len(t, again, 1)
	assert.Equal(t, records[0], again[0], "the facts alone give the same record")

	text, err := json.Marshal(records[0].Certificate)
	require.NoError(t, err)
	var back validate.Certificate
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, records[0].Certificate, back)
	parsed, err := validate.ParseCertificate(strings.NewReader(string(text)))
	require.NoError(t, err)
	assert.Equal(t, records, parsed)
	require.Error(t, json.Unmarshal([]byte(`{"CreatedAt":"soon"}`), &back))
}

func TestCertificateFactsThatAreWrong(t *testing.T) {
	for in, says := range map[string]string{
		`{"CreatedAt": "yesterday"`: `line 1, character 15: found the string "yesterday", expected a time such as 2026-11-24T12:00:00+00:00`,
		`{"CreatedAt": -3`:          `line 1, character 15: found the number -3, expected a time such as 2026-11-24T12:00:00+00:00`,
		`{"CreatedAt": true`:        `line 1, character 15: found true, expected a time such as 2026-11-24T12:00:00+00:00`,
	} {
		text := in + `, "CertificateArn": "` + testARN + `", "Status": "PENDING_VALIDATION", "DomainValidationOptions": [
		{"DomainName": "example.com", "ResourceRecord": {"Name": "_a79.example.com.", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."}}]}`
		records, err := validate.ParseCertificate(strings.NewReader(text))
		assert.EqualError(t, err, says)
		require.Len(t, records, 1, "the record is read all the same")
		assert.True(t, records[0].Certificate.Created.IsZero())
		assert.Equal(t, testARN, records[0].Certificate.ARN)
	}
	text := strings.ReplaceAll(exampleACM, `"Status": "ISSUED"`, `"Status": "\u001b[2JISSUED"`)
	records, err := validate.ParseCertificate(strings.NewReader(text))
	require.NoError(t, err)
	assert.Empty(t, records[0].Certificate.Status, "what is no word of ACM's reaches no terminal")
}

func TestTheSameRecordOfTwoCertificates(t *testing.T) {
	other := strings.ReplaceAll(exampleACM, "12345678-1234", "87654321-1234")
	var arns []string
	for s := range validate.ParseSources(strings.NewReader("[" + exampleACM + "," + other + "]")) {
		require.NoError(t, s.Err)
		arns = append(arns, s.Record.Certificate.ARN)
	}
	assert.Len(t, arns, 2)
	assert.NotEqual(t, arns[0], arns[1])
}

func TestReportSaysWhatItIsAbout(t *testing.T) {
	r := validate.Record{
		Name: resolver.MustParseName("_a79.example.com."), Value: resolver.MustParseName("_424.xyz.acm-validations.aws."),
		Certificate: validate.Certificate{ARN: testARN, Domain: "example.com", Status: "VALIDATION_TIMED_OUT", KeyAlgorithm: "EC-prime256v1", Domains: []validate.DomainValidation{
			{Domain: "example.com", Method: "DNS", Status: "FAILED"}, {Domain: "*.example.com", Method: "DNS", Status: "FAILED"},
		}},
	}
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	checker := validate.Checker{Resolver: in, Roots: roots}
	rep, err := checker.Check(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, validate.Valid, rep.Verdict)
	body, err := json.Marshal(rep)
	require.NoError(t, err)
	assert.Contains(t, string(body), `"rule":"certificate-timed-out","severity":"error","confidence":"certain","about":"certificate"`)
	var text strings.Builder
	require.NoError(t, rep.WriteText(&text, validate.Text{}))
	for _, says := range []string{
		"VALID  a CA that asks now finds the record, and yet: the 72 hours\n  are over: request a new certificate (certificate-timed-out, certain)\n",
		"    aws acm request-certificate --validation-method DNS --region eu-west-1 --key-algorithm EC_prime256v1 \\\n      --domain-name example.com \\\n      --subject-alternative-names '*.example.com'\n",
		"    aws acm delete-certificate --region eu-west-1 --certificate-arn " + testARN + "\n",
		"Nothing is to be changed in the DNS",
	} {
		assert.Contains(t, text.String(), says)
	}
}

// certificateOf is a pending certificate of some domains, each with a record of its own, and their reports' records.
func certificateOf(t *testing.T, domains ...string) []validate.Record {
	t.Helper()
	c := validate.Certificate{ARN: testARN, Status: "PENDING_VALIDATION"}
	for _, d := range domains {
		c.Domains = append(c.Domains, validate.DomainValidation{
			Domain: d, Method: "DNS", Status: "PENDING_VALIDATION",
			Name: resolver.MustParseName("_a79." + strings.TrimPrefix(d, "*.")), Value: resolver.MustParseName("_424.xyz.acm-validations.aws."),
		})
	}
	return c.Records()
}

func TestTogether(t *testing.T) {
	const healthy = "$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n"
	for name, c := range map[string]struct {
		zones   string
		domains []string
		faults  []string
		want    [][]string // findings about the certificate of each report
	}{
		"all are right": {
			healthy + "_a79.www CNAME _424.xyz.acm-validations.aws.\n",
			[]string{"example.com", "www.example.com"},
			nil,
			[][]string{{"record-valid-wait notice certain"}, {"record-valid-wait notice certain"}},
		},
		"the other one is missing": {
			healthy,
			[]string{"example.com", "www.example.com"},
			nil,
			[][]string{{"certificate-other-domain error certain"}, nil},
		},
		"wildcard and base": {healthy, []string{"*.example.com", "example.com"}, nil, [][]string{{"record-valid-wait notice certain"}}},
		"the other one's servers are silent": {
			healthy + "$ORIGIN silent.test.\n_a79 CNAME _424.xyz.acm-validations.aws.\n",
			[]string{"example.com", "silent.test"},
			[]string{"ns1.silent.test. drop", "ns2.silent.test. drop"},
			[][]string{{"certificate-other-domain warning possible"}, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := resolvertest.MustParse(c.zones)
			for _, f := range c.faults {
				in.Fault(resolvertest.MustParseFault(f))
			}
			roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
			require.NoError(t, err)
			checker := validate.Checker{Resolver: in, Roots: roots}
			var reports []validate.Report
			for _, r := range certificateOf(t, c.domains...) {
				rep, err := checker.Check(t.Context(), r)
				require.NoError(t, err)
				reports = append(reports, rep)
			}
			before, err := json.Marshal(reports)
			require.NoError(t, err)
			var got [][]string
			for _, rep := range validate.Together(reports) {
				var said []string
				for _, f := range rep.Findings {
					if f.About == validate.AboutCertificate {
						said = append(said, string(f.Rule)+" "+string(f.Severity)+" "+string(f.Confidence))
					}
				}
				got = append(got, said)
			}
			assert.Equal(t, c.want, got)
			after, err := json.Marshal(reports)
			require.NoError(t, err)
			assert.Equal(t, string(before), string(after), "the reports given are left as they are")
		})
	}
}

func TestNothingKnownAboutTheCertificate(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	checker := validate.Checker{Resolver: in, Roots: roots}
	rep, err := checker.Check(t.Context(), healthyRecord(t))
	require.NoError(t, err)
	for i, rule := range validate.Rules() {
		if rule.Info().Certificate {
			assert.Equal(t, validate.NotApplicable, rep.Outcomes[i].State, rule.Info().ID)
			assert.Contains(t, rep.Outcomes[i].Reason, "aws acm describe-certificate", rule.Info().ID)
		}
	}
	assert.True(t, rep.Record.Certificate.IsZero())
}
