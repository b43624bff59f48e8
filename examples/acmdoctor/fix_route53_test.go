package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
)

// awsBed is a bed whose zone doubled.test is one of two public zones of that name, and a private one, at a fake of Route 53.
type awsBed struct {
	*fixBed
	fake *awsfake.Route53
	zone string
}

func newAWSBed(t *testing.T) *awsBed {
	t.Helper()
	b := &awsBed{fixBed: newFixBed(t), fake: &awsfake.Route53{Pending: 1}}
	b.fake.AddZone(awsfake.HostedZone{Name: "doubled.test.", Private: true, VPCs: []string{"eu-west-1 vpc-1"}})
	b.fake.AddZone(awsfake.HostedZone{Name: "doubled.test."})
	b.zone = b.fake.AddZone(awsfake.HostedZone{Name: "doubled.test.", NameServers: []string{"ns1.doubled.test", "ns2.doubled.test"}})
	b.fake.Set(b.zone, "_a79.doubled.test.doubled.test.", "CNAME", 3600, "_424.xyz.acm-validations.aws.")
	server := httptest.NewServer(b.fake)
	t.Cleanup(server.Close)
	awsfake.Isolate(t.Setenv)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2-marker")
	return b
}

func (b *awsBed) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return b.with(accountWorld{env: os.Getenv, open: map[string]opener{"route53": openRoute53}}).run(t, args...)
}

// The one zone of three that the delegation leads to is changed, in one batch, and what the AWS chain has is all that it takes.
func TestFixAtRoute53(t *testing.T) {
	b := newAWSBed(t)
	route53 := append(typed("doubled.test"), "--provider", "route53", "--settle", "300ms")
	code, out, errs := b.run(t, append(route53, "--json")...)
	assert.Equal(t, 1, code, errs)
	f := parseFixed(t, out)
	require.Len(t, f.Plan.Steps, 2)
	assert.Contains(t, out, b.zone, "the zone's ID is in the plan")

	code, out, errs = b.run(t, append(route53, "--apply", "--yes", "--undo-out", "undo.json", "--journal", "trail")...)
	assert.Equal(t, 2, code, "the fake's zone is not the bed's: the world does not see it: %s", errs)
	assert.Equal(t, []string{"_a79.doubled.test. CNAME _424.xyz.acm-validations.aws."}, b.fake.Dump(b.zone))
	assert.NotContains(t, out+errs, "hunter2")
	trail, err := os.ReadFile("trail")
	require.NoError(t, err)
	assert.Contains(t, string(trail), `"zone_id":"`+b.zone+`"`)

	code, _, errs = b.run(t, "--undo", "undo.json", "--yes")
	assert.Equal(t, 0, code, errs)
	assert.Equal(t, []string{"_a79.doubled.test.doubled.test. CNAME _424.xyz.acm-validations.aws."}, b.fake.Dump(b.zone))
}

// A profile of the AWS configuration is as good as keys in the environment.
func TestFixAtRoute53WithAProfile(t *testing.T) {
	b := newAWSBed(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	require.NoError(t, os.WriteFile("credentials", []byte("[dns]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = hunter2-marker\n"), 0o600))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "credentials")
	code, out, errs := b.run(t, append(typed("doubled.test"), "--provider", "route53", "--profile", "dns", "--json")...)
	assert.Equal(t, 1, code, errs)
	assert.Contains(t, out, b.zone)
}

func TestFixAtRoute53WithoutCredentials(t *testing.T) {
	b := newAWSBed(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	code, out, errs := b.run(t, append(typed("doubled.test"), "--provider", "route53")...)
	assert.Equal(t, 1, code, errs)
	assert.Contains(t, out, "from what the DNS answered")
	assert.Contains(t, strings.Join(strings.Fields(out), " "), "no credentials for Amazon Route 53")
	code, out, _ = b.run(t, append(typed("doubled.test"), "--provider", "route53", "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code)
	assert.Equal(t, "no-credentials", parseFixed(t, out).Error.Code)
}

// Whoever may not write is told which permission that takes; nothing is written.
func TestFixAtRoute53WithoutPermission(t *testing.T) {
	b := newAWSBed(t)
	b.fake.Before = func(action string, _ int) *awsfake.Error {
		if action == "ChangeResourceRecordSets" {
			return &awsfake.Error{Status: 403, Code: "AccessDenied", Message: "User: arn:aws:iam::111122223333:user/anna is not authorized"}
		}
		return nil
	}
	code, out, errs := b.run(t, append(typed("doubled.test"), "--provider", "route53", "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code)
	assert.Equal(t, "permission", parseFixed(t, out).Error.Code)
	assert.Contains(t, errs, "route53:ChangeResourceRecordSets")
	assert.Equal(t, []string{"_a79.doubled.test.doubled.test. CNAME _424.xyz.acm-validations.aws."}, b.fake.Dump(b.zone))
}

// A record in the private zone, and no public one in the account: the report says so, and nothing is planned.
func TestFixAtRoute53PrivateZoneOnly(t *testing.T) {
	b := newAWSBed(t)
	private := b.fake.AddZone(awsfake.HostedZone{Name: "bare.test.", Private: true, VPCs: []string{"eu-west-1 vpc-1"}})
	b.fake.Set(private, "_a79.bare.test.", "CNAME", 300, "_424.xyz.acm-validations.aws.")
	code, out, errs := b.run(t, append(typed("bare.test"), "--provider", "route53", "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code, errs)
	f := parseFixed(t, out)
	assert.Equal(t, "not-authoritative", f.Error.Code)
	require.NotNil(t, f.Report)
	assert.Equal(t, "zone-private", f.Report.Findings[0].Rule)
	assert.Equal(t, []string{"_a79.bare.test. CNAME _424.xyz.acm-validations.aws."}, b.fake.Dump(private))
}

// A session that is over lacks no permission: whoever signs in again goes on.
func TestFixAtRoute53WithAnExpiredSession(t *testing.T) {
	for _, at := range []string{"ListHostedZonesByName", "ListResourceRecordSets", "ChangeResourceRecordSets"} {
		b := newAWSBed(t)
		b.fake.Before = func(action string, _ int) *awsfake.Error {
			if action == at {
				return &awsfake.Error{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"}
			}
			return nil
		}
		code, out, errs := b.run(t, append(typed("doubled.test"), "--provider", "route53", "--apply", "--yes", "--json")...)
		assert.Equal(t, 3, code, at)
		assert.Equal(t, "permission", parseFixed(t, out).Error.Code)
		assert.Contains(t, errs, "has expired")
		assert.Contains(t, errs, "sign in again")
		assert.NotContains(t, errs, "this takes route53:")
		assert.Equal(t, []string{"_a79.doubled.test.doubled.test. CNAME _424.xyz.acm-validations.aws."}, b.fake.Dump(b.zone))
	}
}

// A private zone that is named by its ID is taken at its word: what it holds already is told, and that nobody sees it there.
func TestFixAtRoute53OfAPrivateZone(t *testing.T) {
	b := newAWSBed(t)
	b.private(false)
	code, out, errs := b.run(t, append(typed("bare.test"), "--provider", "route53", "--zone-id", "Z000000000005EXAMPLE")...)
	assert.Equal(t, 1, code, errs)
	text := strings.Join(strings.Fields(out), " ")
	assert.Contains(t, text, "Nothing to change in zone bare.test at route53 Why the provider holds what is wanted already")
	assert.Contains(t, text, "Note the zone is private")
}

// Where moto plays AWS, as in many a test bed, the certificate is read, its zone is found by name, and the change is made and taken
// back. What moto holds is not served, so the world does not see it.
func TestFixAtMoto(t *testing.T) {
	url := awsfake.Moto(t)
	b := newAWSBed(t)
	b.bed = parseBed(t, "$ORIGIN moto.test. ; on ns-2048.awsdns-64.com. ns-2049.awsdns-65.net. ns-2050.awsdns-66.org. ns-2051.awsdns-67.co.uk.\nwww A 192.0.2.1\n")
	t.Setenv("AWS_ENDPOINT_URL", url)
	say := func(method, path, body string, header ...string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		require.NoError(t, err)
		service := "route53"
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
			service = "acm"
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
		res, err := awsfake.LoopbackOnly().Do(req)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Less(t, res.StatusCode, 300, string(text))
		return string(text)
	}
	zone := say(http.MethodPost, "/2013-04-01/hostedzone", `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">`+
		`<Name>moto.test.</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>`)
	_, zone, _ = strings.Cut(zone, "<Id>/hostedzone/")
	zone, _, _ = strings.Cut(zone, "<")
	var certificate struct{ CertificateArn string }
	require.NoError(t, json.Unmarshal([]byte(say(http.MethodPost, "/", `{"DomainName":"moto.test","ValidationMethod":"DNS"}`,
		"X-Amz-Target", "CertificateManager.RequestCertificate", "Content-Type", "application/x-amz-json-1.1")), &certificate))
	holds := func() string { return say(http.MethodGet, "/2013-04-01/hostedzone/"+zone+"/rrset", "") }

	code, out, errs := b.run(t, certificate.CertificateArn, "--apply", "--yes", "--settle", "300ms", "--undo-out", "undo.json", "--json")
	assert.Equal(t, 2, code, errs)
	f := parseFixed(t, out)
	assert.Nil(t, f.Error)
	assert.Equal(t, "moto.test.", f.Plan.Zone)
	require.Len(t, f.Plan.Steps, 1)
	assert.Contains(t, holds(), "<Name>"+f.Plan.Steps[0].Name+"</Name><Type>CNAME</Type>")
	assert.Contains(t, holds(), f.Plan.Steps[0].To[0])

	code, _, errs = b.run(t, "--undo", "undo.json", "--yes", "--settle", "300ms")
	assert.Equal(t, 0, code, errs)
	assert.NotContains(t, holds(), "CNAME")
}
