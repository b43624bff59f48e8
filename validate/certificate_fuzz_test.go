package validate

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// FuzzCertificate keeps that whatever is read as a certificate is written in a form that reads the same again, and that its
// facts hold nothing which could steer a terminal or a shell.
func FuzzCertificate(f *testing.F) {
	for _, seed := range []string{
		`{"Certificate":{"CertificateArn":"arn:aws:acm:eu-west-1:123456789012:certificate/a","Status":"ISSUED","CreatedAt":1780661400.5,` +
			`"InUseBy":["x"],"DomainValidationOptions":[{"DomainName":"*.example.com","ResourceRecord":{"Name":"_a79.example.com","Value":"_424.acm-validations.aws"}}],` +
			`"RenewalSummary":{"RenewalStatus":"FAILED","RenewalStatusReason":"CAA_ERROR"},"UpdateSummary":{"Status":"SUCCESS"}}}`,
		`{"AcmeDomainValidationArn":"arn:aws:acm:eu-west-1:1:acme-endpoint/e/acme-domain-validation/v","Status":"INVALID","FailureDetails":{"Reason":"TIMED_OUT"}}`,
		`{"Status":"A\u001b[2J","CreatedAt":"2026-11-24T12:00:00+01:00"}`, `{}`, `[`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Certificate
		if json.Unmarshal([]byte(text), &c) != nil {
			return
		}
		written, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var again Certificate
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(twice) != string(written) {
			t.Fatalf("%s, then %s (%v)", written, twice, err)
		}
		if !c.isACME() && !reflect.DeepEqual(c.Domains, again.Domains) {
			t.Fatalf("%+v, then %+v", c.Domains, again.Domains)
		}
		for _, s := range []string{c.ARN, c.Domain, c.Status, c.requestAgain(), deleteCommand(c)} {
			if strings.ContainsAny(strings.ReplaceAll(s, "\n", ""), "\x1b\x00\r\x07") {
				t.Fatalf("%q", s)
			}
		}
		for _, s := range c.Sources() {
			if s.Err == nil && s.Record.Name.IsZero() {
				t.Fatalf("%+v is no record and no error", s)
			}
		}
	})
}
