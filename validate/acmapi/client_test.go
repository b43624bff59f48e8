package acmapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/acmapi"
)

func TestMain(m *testing.M) {
	awsfake.Isolate(func(k, v string) {
		if err := os.Setenv(k, v); err != nil {
			panic(err)
		}
	})
	os.Exit(m.Run())
}

const (
	account = "123456789012"
	other   = "210987654321"
	secret  = "very-secret-key"
)

func arnOf(account, region, id string) string {
	return "arn:aws:acm:" + region + ":" + account + ":certificate/" + id
}

// document is a certificate as describe-certificate prints it; more are further members.
func document(arn, status string, more map[string]any, domains ...string) string {
	c := map[string]any{
		"CertificateArn": arn, "DomainName": domains[0], "Status": status, "Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA-2048",
		"CreatedAt": "2026-11-24T11:40:00Z", "InUseBy": []string{}, "RenewalEligibility": "INELIGIBLE",
	}
	var options []any
	for _, d := range domains {
		options = append(options, map[string]any{
			"DomainName": d, "ValidationMethod": "DNS", "ValidationStatus": "PENDING_VALIDATION",
			"ResourceRecord": map[string]any{"Name": "_a79." + strings.TrimPrefix(d, "*.") + ".", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."},
		})
	}
	c["DomainValidationOptions"] = options
	for k, v := range more {
		c[k] = v
	}
	text, err := json.Marshal(map[string]any{"Certificate": c})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func newACM() *awsfake.ACM {
	return &awsfake.ACM{
		Identities: map[string]awsfake.Identity{
			"AKIAME":      {ARN: "arn:aws:iam::" + account + ":user/me"},
			"AKIAEXPIRED": {ARN: "arn:aws:iam::" + account + ":user/me", Expired: true},
		},
		Throttle: map[string]int{},
		Now:      func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) },
	}
}

func configOf(fake *awsfake.ACM, key string) aws.Config {
	return aws.Config{
		Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider(key, secret, "a-session-token"), HTTPClient: fake.InMemory(),
	}
}

// standard is for simulated time: the SDK's adaptive mode waits, there, for a moment that rounding makes zero.
func standard(cfg aws.Config) aws.Config {
	cfg.RetryMode, cfg.RetryMaxAttempts = aws.RetryModeStandard, 10
	return cfg
}

func TestThrottledRequestsAreSlowedDownByDefault(t *testing.T) {
	fake := newACM()
	client := acmapi.New(configOf(fake, "AKIAME"))
	var got aws.Config
	client.NewAPI = func(cfg aws.Config) acmapi.API {
		got = cfg
		return acm.NewFromConfig(cfg)
	}
	_, err := client.Certificate(t.Context(), arnOf(account, "eu-west-1", "a"))
	require.ErrorIs(t, err, acmapi.ErrNotFound)
	assert.Equal(t, aws.RetryModeAdaptive, got.RetryMode)
	assert.Equal(t, 10, got.RetryMaxAttempts)
}

func called(fake *awsfake.ACM) (out []string) {
	for _, c := range fake.Calls() {
		out = append(out, c.Action)
	}
	return out
}

// What comes by the API is what the command line prints of the same certificate: two ways, one result.
func TestFactsAreThoseOfTheCommandLine(t *testing.T) {
	arn := arnOf(account, "eu-west-1", "a")
	for name, doc := range map[string]string{
		"pending": document(arn, "PENDING_VALIDATION", nil, "example.com", "*.example.com", "www.example.com"),
		"issued": document(arn, "ISSUED", map[string]any{
			"IssuedAt": "2026-06-05T12:10:00.5Z", "NotBefore": "2026-06-05T00:00:00Z", "NotAfter": "2026-12-20T23:59:59Z", "ManagedBy": "CLOUDFRONT",
			"InUseBy": []string{"arn:aws:cloudfront::123456789012:distribution/E1"}, "RenewalEligibility": "ELIGIBLE", "KeyAlgorithm": "EC-prime256v1",
			"CertificateKeyPairOrigin": "AWS_MANAGED",
			"RenewalSummary": map[string]any{
				"RenewalStatus": "PENDING_VALIDATION", "RenewalStatusReason": "CAA_ERROR", "UpdatedAt": "2026-11-20T12:00:00Z",
				"DomainValidationOptions": []any{map[string]any{"DomainName": "example.com", "ValidationStatus": "PENDING_VALIDATION", "ValidationMethod": "DNS"}},
			},
		}, "example.com"),
		"failed":  document(arn, "FAILED", map[string]any{"FailureReason": "CAA_ERROR"}, "example.com"),
		"fresh":   document(arn, "PENDING_VALIDATION", map[string]any{"DomainValidationOptions": []any{}}, "example.com"),
		"e-mail":  document(arn, "PENDING_VALIDATION", map[string]any{"DomainValidationOptions": []any{map[string]any{"DomainName": "example.com", "ValidationMethod": "EMAIL"}}}, "example.com"),
		"renewed": document(arn, "ISSUED", map[string]any{"UpdateSummary": map[string]any{"Status": "SUCCESS"}}, "example.com"),
	} {
		t.Run(name, func(t *testing.T) {
			fake := newACM()
			fake.Put(doc, 0)
			client := acmapi.New(configOf(fake, "AKIAME"))
			got, err := client.Certificate(t.Context(), arn)
			require.NoError(t, err)
			var want validate.Certificate
			require.NoError(t, json.Unmarshal([]byte(doc), &want))
			assert.Equal(t, want, got)
			assert.Equal(t, []string{"DescribeCertificate"}, called(fake), "one call a certificate")

			sources, err := client.Sources(t.Context(), arn)
			require.NoError(t, err)
			var parsed []validate.Source
			for s := range validate.ParseSources(strings.NewReader(doc)) {
				parsed = append(parsed, s)
			}
			require.Len(t, sources, len(parsed))
			for i, s := range sources {
				assert.Equal(t, arn, s.ID)
				assert.Equal(t, parsed[i].Record, s.Record)
				assert.Equal(t, errors.Is(parsed[i].Err, validate.ErrRecordPending), errors.Is(s.Err, validate.ErrRecordPending))
				assert.Equal(t, errors.Is(parsed[i].Err, validate.ErrNotDNSValidated), errors.Is(s.Err, validate.ErrNotDNSValidated))
				assert.Equal(t, parsed[i].Err == nil, s.Err == nil)
			}
		})
	}
}

type hosts struct {
	http.RoundTripper
	seen []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.seen = append(h.seen, r.URL.Host)
	return h.RoundTripper.RoundTrip(r)
}

func TestRegionAndPartitionComeFromTheARN(t *testing.T) {
	for arn, host := range map[string]string{
		"arn:aws:acm:us-east-1:123456789012:certificate/a":            "acm.us-east-1.amazonaws.com",
		"arn:aws-cn:acm:cn-north-1:123456789012:certificate/a":        "acm.cn-north-1.amazonaws.com.cn",
		"arn:aws-us-gov:acm:us-gov-west-1:123456789012:certificate/a": "acm.us-gov-west-1.amazonaws.com",
	} {
		require.NoError(t, acmapi.Accepts(arn))
		fake := newACM()
		fake.Put(document(arn, "PENDING_VALIDATION", nil, "example.com"), 0)
		cfg := configOf(fake, "AKIAME")
		seen := &hosts{RoundTripper: fake.InMemory().Transport}
		cfg.HTTPClient = &http.Client{Transport: seen}
		_, err := acmapi.New(cfg).Certificate(t.Context(), " "+arn+"\n")
		require.NoError(t, err)
		assert.Equal(t, []string{host}, seen.seen)
	}
}

func TestNotTheARNOfACertificate(t *testing.T) {
	for arn, says := range map[string]string{
		"":    "expected arn:aws:acm:REGION:ACCOUNT:certificate/ID",
		"arn": "expected arn:aws:acm:REGION:ACCOUNT:certificate/ID",
		"arn:aws:iam::123456789012:server-certificate/x":                                    "server certificate of IAM",
		"arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/x":                    `service "acm-pca"`,
		"arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/x":                `service "elasticloadbalancing"`,
		"arn:aws:acm::123456789012:certificate/x":                                           "names no region",
		"arn:aws:acm:eu-west-1:123456789012:account/x":                                      `kind "account"`,
		"arn:aws:acm:eu-west-1:123456789012:certificate/":                                   `kind "certificate"`,
		"arn:gcp:acm:eu-west-1:123456789012:certificate/x":                                  `partition "gcp"`,
		"arn:aws:acm:eu-west-1:123456789012:acme-endpoint/e":                                `kind "acme-endpoint"`,
		"arn:aws:acm:eu-west-1:123456789012:certificate/\x1b[2J" + strings.Repeat("x", 999): "",
	} {
		fake := newACM()
		_, err := acmapi.New(configOf(fake, "AKIAME")).Certificate(t.Context(), arn)
		require.Error(t, err, arn)
		assert.NotContains(t, err.Error(), "\x1b")
		assert.Less(t, len(err.Error()), 700)
		if says != "" {
			require.ErrorIs(t, err, acmapi.ErrNotACertificate, arn)
			require.ErrorIs(t, acmapi.Accepts(arn), acmapi.ErrNotACertificate, arn)
			assert.ErrorContains(t, err, says)
			assert.Empty(t, fake.Calls(), "nothing is asked of AWS")
		}
	}
}

func policy(t *testing.T, actions string) *awsfake.Policy {
	t.Helper()
	p, err := awsfake.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"x","Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`))
	require.NoError(t, err)
	return p
}

func TestErrorsSayWhatToDo(t *testing.T) {
	arn := arnOf(account, "eu-west-1", "a")
	quick := func(c *aws.Config) { c.RetryMaxAttempts = 1 }
	for name, c := range map[string]struct {
		key   string
		ask   string
		setup func(*awsfake.ACM, *aws.Config, *acmapi.Client)
		want  error
		says  string
	}{
		"not there":          {"AKIAME", arnOf(account, "eu-west-1", "b"), nil, acmapi.ErrNotFound, "no such certificate"},
		"in another region":  {"AKIAME", arnOf(account, "us-east-1", "a"), nil, acmapi.ErrNotFound, "no such certificate"},
		"of another account": {"AKIAME", arnOf(other, "eu-west-1", "a"), nil, acmapi.ErrNotFound, "no such certificate"},
		"unknown key":        {"AKIANOBODY", arn, nil, acmapi.ErrNoCredentials, "UnrecognizedClientException"},
		"expired":            {"AKIAEXPIRED", arn, nil, acmapi.ErrExpiredSession, "the session has expired"},
		"not allowed": {"AKIAPOOR", arn, func(a *awsfake.ACM, _ *aws.Config, _ *acmapi.Client) {
			a.Identities["AKIAPOOR"] = awsfake.Identity{ARN: "arn:aws:iam::" + account + ":user/poor", Policy: policy(t, `"acm:ListCertificates"`)}
		}, acmapi.ErrPermission, "the credentials lack the permission acm:DescribeCertificate on " + arn},
		"throttled for ever":    {"AKIAME", arn, func(a *awsfake.ACM, _ *aws.Config, _ *acmapi.Client) { a.Throttle["DescribeCertificate"] = 1000 }, acmapi.ErrThrottled, "slow down"},
		"no credentials":        {"AKIAME", arn, func(_ *awsfake.ACM, c *aws.Config, _ *acmapi.Client) { c.Credentials = nil }, acmapi.ErrNoCredentials, "AWS_PROFILE"},
		"another region wanted": {"AKIAME", arn, func(_ *awsfake.ACM, _ *aws.Config, c *acmapi.Client) { c.Region = "eu-central-1" }, acmapi.ErrOtherRegion, "it lies in eu-west-1, and eu-central-1 was asked for"},
		"answers garbage": {"AKIAME", arn, func(_ *awsfake.ACM, c *aws.Config, _ *acmapi.Client) {
			quick(c)
			c.HTTPClient = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("dial tcp: \x1b[31mrefused") })}
		}, nil, "no answer from AWS: dial tcp:  [31mrefused"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // retries take no time
				fake := newACM()
				fake.Put(document(arn, "PENDING_VALIDATION", nil, "example.com"), 0)
				cfg := standard(configOf(fake, c.key))
				var probe acmapi.Client
				if c.setup != nil {
					c.setup(fake, &cfg, &probe)
				}
				client := acmapi.New(cfg)
				client.Region = probe.Region
				_, err := client.Certificate(t.Context(), c.ask)
				require.Error(t, err)
				if c.want != nil {
					require.ErrorIs(t, err, c.want)
				}
				assert.ErrorContains(t, err, c.says)
				for _, never := range []string{secret, "a-session-token", "Signature", "\x1b"} {
					assert.NotContains(t, err.Error(), never)
				}
				var p *acmapi.PermissionError
				if errors.As(err, &p) {
					assert.Equal(t, acmapi.PermissionError{Action: "acm:DescribeCertificate", Resource: arn}, *p)
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCancelledCallsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newACM()
		arn := arnOf(account, "eu-west-1", "a")
		fake.Put(document(arn, "PENDING_VALIDATION", nil, "example.com"), 1000)
		client := acmapi.New(configOf(fake, "AKIAME"))
		client.Patience = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		_, err := client.Sources(ctx, arn)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(began))
		for range client.All(ctx, acmapi.Scope{}) {
			_, ok := <-ctx.Done()
			assert.False(t, ok)
		}
	})
}

func TestRecordsThatAreNotThereYetAreWaitedFor(t *testing.T) {
	arn := arnOf(account, "eu-west-1", "a")
	for _, c := range []struct {
		looks    int
		patience time.Duration
		calls    int
		pending  bool
	}{
		{0, 0, 1, false},
		{1, 0, 1, true},
		{1, time.Minute, 2, false},
		{3, time.Minute, 4, false},
		{99, time.Minute, 7, true}, // after 2, 6, 14, 29, 44 and 59 s, and once more at its end
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := newACM()
			fake.Put(document(arn, "PENDING_VALIDATION", nil, "example.com", "www.example.com"), c.looks)
			client := acmapi.New(configOf(fake, "AKIAME"))
			client.Patience = c.patience
			began := time.Now()
			sources, err := client.Sources(t.Context(), arn)
			require.NoError(t, err)
			assert.LessOrEqual(t, time.Since(began), c.patience)
			require.Len(t, sources, 2)
			for _, s := range sources {
				assert.Equal(t, c.pending, errors.Is(s.Err, validate.ErrRecordPending))
			}
			n := len(fake.Calls())
			assert.LessOrEqual(t, n, c.calls+1, "%+v", c)
			assert.GreaterOrEqual(t, n, c.calls, "%+v", c)
		})
	}
}

func TestMigrationFromEmailToDNS(t *testing.T) {
	arn := arnOf(account, "eu-west-1", "a")
	fake := newACM()
	fake.PageSize = 1
	fake.Put(document(arn, "ISSUED", map[string]any{"DomainValidationOptions": []any{
		map[string]any{"DomainName": "example.com", "ValidationMethod": "EMAIL", "ValidationStatus": "SUCCESS"},
		map[string]any{"DomainName": "www.example.com", "ValidationMethod": "EMAIL", "ValidationStatus": "SUCCESS"},
	}}, "example.com"), 0)
	fake.Migrate(arn, [3]string{"example.com", "_a79.example.com.", "_424.xyz.acm-validations.aws."},
		[3]string{"www.example.com", "_b80.www.example.com.", "_525.xyz.acm-validations.aws."})
	client := acmapi.New(configOf(fake, "AKIAME"))
	sources, err := client.Sources(t.Context(), arn)
	require.NoError(t, err)
	require.Len(t, sources, 2)
	assert.Equal(t, "_b80.www.example.com.", sources[1].Record.Name.String())
	assert.NoError(t, sources[1].Err)
	assert.Equal(t, []string{"DescribeCertificate", "ListCertificateDomainValidations", "ListCertificateDomainValidations"}, called(fake))

	poor := fake.Identities["AKIAME"]
	poor.Policy = policy(t, `"acm:DescribeCertificate"`)
	fake.Identities["AKIAME"] = poor
	_, err = client.Certificate(t.Context(), arn)
	assert.ErrorContains(t, err, "acm:ListCertificateDomainValidations")
}

func TestDomainValidationOfAnACMEEndpoint(t *testing.T) {
	arn := "arn:aws:acm:eu-west-1:" + account + ":acme-endpoint/e/acme-domain-validation/v"
	fake := newACM()
	fake.Put(`{"AcmeDomainValidation": {"AcmeDomainValidationArn": "`+arn+`", "DomainName": "example.com", "Status": "INVALID",
 "CreatedAt": "2026-11-24T11:40:00Z", "FailureDetails": {"Reason": "TIMED_OUT"}, "PrevalidationType": "DNS_PREVALIDATION",
 "PrevalidationDetails": {"DnsPrevalidation": {"ResourceRecord": {"Name": "_a79.example.com.", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."}}}}}`, 0)
	sources, err := acmapi.New(configOf(fake, "AKIAME")).Sources(t.Context(), arn)
	require.NoError(t, err)
	require.Len(t, sources, 1)
	assert.Equal(t, "_a79.example.com.", sources[0].Record.Name.String())
	assert.Equal(t, "TIMED_OUT", sources[0].Record.Certificate.FailureReason)
	assert.Equal(t, []string{"DescribeAcmeDomainValidation"}, called(fake))
}

// organisation is two accounts in two regions, with every key type and origin.
func organisation(t *testing.T) (*awsfake.ACM, []string) {
	t.Helper()
	fake := newACM()
	fake.PageSize = 3
	fake.Roles = map[string]awsfake.ACMRole{
		"arn:aws:iam::" + other + ":role/audit": {ExternalID: "between-us", Identity: awsfake.Identity{ARN: "arn:aws:iam::" + other + ":role/audit"}},
	}
	var want []string
	for _, acc := range []string{account, other} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			for _, k := range types.KeyAlgorithm("").Values() {
				arn := arnOf(acc, region, string(k))
				want = append(want, arn)
				fake.Put(document(arn, "PENDING_VALIDATION", map[string]any{"KeyAlgorithm": string(k)}, "example.com"), 0)
			}
			acme := arnOf(acc, region, "acme")
			want = append(want, acme)
			fake.Put(document(acme, "ISSUED", map[string]any{"CertificateKeyPairOrigin": "ACME"}, "example.com"), 0)
			fake.Put(document(arnOf(acc, region, "imported"), "ISSUED", map[string]any{"Type": "IMPORTED"}, "example.com"), 0)
			fake.Put(document(arnOf(acc, region, "old"), "EXPIRED", nil, "example.com"), 0)
		}
	}
	slices.Sort(want)
	return fake, want
}

var everything = acmapi.Scope{
	Regions: []string{"eu-west-1", "us-east-1"},
	Roles:   []acmapi.Role{{}, {ARN: "arn:aws:iam::" + other + ":role/audit", ExternalID: "between-us"}},
}

func arnsOf(t *testing.T, client *acmapi.Client, s acmapi.Scope) (arns []string, errs []error) {
	t.Helper()
	for c, err := range client.All(t.Context(), s) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		arns = append(arns, c.ARN)
	}
	slices.Sort(arns)
	return arns, errs
}

func count(calls []awsfake.Call) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		out[c.Action]++
	}
	return out
}

func TestAllOfSeveralAccountsAndRegions(t *testing.T) {
	for name, allowed := range map[string]string{"by search": "", "by list": `"acm:ListCertificates","acm:DescribeCertificate"`} {
		t.Run(name, func(t *testing.T) {
			fake, want := organisation(t)
			calls := map[string]int{"SearchCertificates": 4 * 3, "DescribeCertificate": 32, "AssumeRole": 2}
			if allowed != "" {
				p := policy(t, allowed)
				fake.Identities["AKIAME"] = awsfake.Identity{ARN: "arn:aws:iam::" + account + ":user/me", Policy: p}
				r := fake.Roles["arn:aws:iam::"+other+":role/audit"]
				r.Policy = p
				fake.Roles["arn:aws:iam::"+other+":role/audit"] = r
				calls = map[string]int{"SearchCertificates": 4, "ListCertificates": 4 * 3, "DescribeCertificate": 32, "AssumeRole": 2}
			}
			got, errs := arnsOf(t, acmapi.New(configOf(fake, "AKIAME")), everything)
			assert.Empty(t, errs)
			assert.Equal(t, want, got, "each once, whatever its key and origin")
			assert.Equal(t, calls, count(fake.Calls()))
		})
	}
}

func TestAllStopsWhenNobodyWantsMore(t *testing.T) {
	fake, _ := organisation(t)
	for range acmapi.New(configOf(fake, "AKIAME")).All(t.Context(), everything) {
		break
	}
	assert.Equal(t, map[string]int{"SearchCertificates": 1, "DescribeCertificate": 1}, count(fake.Calls()), "one page is asked for, not all")
}

func TestAllGoesOnAfterAnError(t *testing.T) {
	fake, want := organisation(t)
	scope := everything
	scope.Roles = []acmapi.Role{{ARN: "arn:aws:iam::" + other + ":role/audit", ExternalID: "wrong"}, {}}
	got, errs := arnsOf(t, acmapi.New(configOf(fake, "AKIAME")), scope)
	require.Len(t, errs, 2, "one for each region of the account that refuses")
	for _, err := range errs {
		require.ErrorIs(t, err, acmapi.ErrPermission)
		assert.ErrorContains(t, err, "sts:AssumeRole on arn:aws:iam::"+other+":role/audit")
		assert.NotContains(t, err.Error(), "wrong")
	}
	want = slices.DeleteFunc(want, func(arn string) bool { return strings.Contains(arn, other) })
	assert.Equal(t, want, got)

	client := acmapi.New(aws.Config{HTTPClient: fake.InMemory()})
	_, errs = arnsOf(t, client, acmapi.Scope{})
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], acmapi.ErrNoRegion)
}

func TestThrottlingLosesNothing(t *testing.T) {
	fake, want := organisation(t)
	fake.Throttle["SearchCertificates"], fake.Throttle["DescribeCertificate"] = 2, 5
	synctest.Test(t, func(t *testing.T) {
		got, errs := arnsOf(t, acmapi.New(standard(configOf(fake, "AKIAME"))), everything)
		assert.Empty(t, errs)
		assert.Equal(t, want, got)
		assert.Equal(t, map[string]int{"SearchCertificates": 12 + 2, "DescribeCertificate": 32 + 5, "AssumeRole": 2}, count(fake.Calls()))
	})
}

func TestAllSourcesHaveTheARNAsID(t *testing.T) {
	fake := newACM()
	arn := arnOf(account, "eu-west-1", "a")
	fake.Put(document(arn, "PENDING_VALIDATION", nil, "example.com", "*.example.com", "www.example.com"), 0)
	n := 0
	for s, err := range acmapi.New(configOf(fake, "AKIAME")).AllSources(t.Context(), acmapi.Scope{}) {
		require.NoError(t, err)
		assert.Equal(t, arn, s.ID)
		n++
	}
	assert.Equal(t, 2, n)
}

// No test reaches the account of whoever runs it: what the SDK would find on the machine is hidden from it.
func TestIsolationHidesTheMachinesOwnAccount(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "credentials")
	require.NoError(t, os.WriteFile(file, []byte("[default]\naws_access_key_id = AKIAME\naws_secret_access_key = "+secret+"\n"), 0o600))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	client, err := acmapi.Load(t.Context(), acmapi.Settings{})
	require.NoError(t, err)
	fake := newACM()
	client.NewAPI = func(cfg aws.Config) acmapi.API {
		c, err := cfg.Credentials.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "AKIAME", c.AccessKeyID, "without isolation they are found")
		return nil
	}
	func() {
		defer func() { _ = recover() }() // there is no API to ask
		_, _ = client.Certificate(t.Context(), arnOf(account, "eu-west-1", "a"))
	}()

	awsfake.Isolate(t.Setenv)
	client, err = acmapi.Load(t.Context(), acmapi.Settings{})
	require.NoError(t, err)
	client.NewAPI = func(aws.Config) acmapi.API {
		return nil
	}
	_, err = client.Certificate(t.Context(), arnOf(account, "eu-west-1", "a"))
	require.ErrorIs(t, err, acmapi.ErrNoCredentials)
	assert.Empty(t, fake.Calls())
	_, err = acmapi.Load(t.Context(), acmapi.Settings{Profile: "production"})
	assert.ErrorContains(t, err, "production")
}

// Every reason that the SDK knows has words; one that is new there fails here.
func TestEveryFailureReasonHasWords(t *testing.T) {
	var checker validate.Checker
	checker.Resolver = resolver.Func(func(context.Context, resolver.Question) (resolver.Response, error) {
		return resolver.Response{}, resolver.ErrTimeout
	})
	said := map[string]string{}
	hear := func(c validate.Certificate) {
		rep, err := checker.Check(t.Context(), validate.Record{Certificate: c})
		require.NoError(t, err)
		require.NotEmpty(t, rep.Findings)
		m := rep.Findings[0].Message
		assert.NotContains(t, m, "does not know", c.FailureReason)
		assert.Contains(t, m, c.FailureReason)
		assert.Empty(t, said[m], "%s says the same as %s", c.FailureReason, said[m])
		said[m] = c.FailureReason
		require.NotEmpty(t, rep.Findings[0].Fixes)
		assert.NotEmpty(t, rep.Findings[0].Fixes[0].Message)
	}
	for _, r := range types.FailureReason("").Values() {
		hear(validate.Certificate{ARN: arnOf(account, "eu-west-1", "a"), Status: "FAILED", FailureReason: string(r)})
	}
	for _, r := range types.AcmeDomainValidationFailureReason("").Values() {
		hear(validate.Certificate{ARN: "arn:aws:acm:eu-west-1:" + account + ":acme-endpoint/e/acme-domain-validation/v", Status: "INVALID", FailureReason: string(r)})
	}
}

// FuzzAccepts keeps that no text makes trouble: it is an ARN, or an error that can be shown.
func FuzzAccepts(f *testing.F) {
	for _, seed := range []string{arnOf(account, "eu-west-1", "a"), "arn:aws:iam::1:server-certificate/x", "arn:::::", "", "arn:aws:acm:\x1b[2J:1:certificate/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := acmapi.Accepts(text)
		if err == nil {
			return
		}
		if !errors.Is(err, acmapi.ErrNotACertificate) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) || len(err.Error()) > 4000 {
			t.Errorf("%q: %q", text, err)
		}
	})
}
