package validate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// MarshalJSON gives the certificate in the form of ACM's own API ("CertificateDetail", or "AcmeDomainValidation"), which
// [ParseCertificate] and UnmarshalJSON read. What is not known is left out.
func (c Certificate) MarshalJSON() ([]byte, error) {
	if c.isACME() {
		d := acmeDocument{ARN: c.ARN, Domain: c.Domain, Status: c.Status, Created: timeText(c.Created)}
		if c.FailureReason != "" {
			d.Failure = &failureDocument{c.FailureReason}
		}
		return json.Marshal(d)
	}
	d := certificateDocument{
		ARN: c.ARN, Domain: c.Domain, Status: c.Status, Type: c.Type, FailureReason: c.FailureReason,
		Created: timeText(c.Created), Issued: timeText(c.Issued), NotBefore: timeText(c.NotBefore), NotAfter: timeText(c.NotAfter),
		Domains: domainDocuments(c.Domains), Eligibility: c.RenewalEligibility, InUseBy: c.InUseBy,
		KeyAlgorithm: c.KeyAlgorithm, KeyPairOrigin: c.KeyPairOrigin, ManagedBy: c.ManagedBy,
	}
	if r := c.Renewal; r.Status != "" || len(r.Domains) > 0 {
		d.Renewal = &renewalDocument{r.Status, r.Reason, timeText(r.Updated), domainDocuments(r.Domains)}
	}
	if c.Migration != "" {
		d.Update = &updateDocument{c.Migration}
	}
	return json.Marshal(d)
}

// UnmarshalJSON reads what MarshalJSON gives, and what aws acm describe-certificate prints, with its Certificate around it
// or without. The error is the first [*InputError].
func (c *Certificate) UnmarshalJSON(text []byte) error {
	root, _, bad := parseJSON(string(text))
	if bad != nil {
		return fmt.Errorf("validate: read a certificate: octet %d: found %s, expected %s", bad.at, bad.found, bad.expected)
	}
	d := &document{text: string(text), line: 1, column: 1, atLine: 1, atColumn: 1, root: root, records: map[[3]string]int{}}
	v := root
	for _, around := range []string{"Certificate", "AcmeDomainValidation"} {
		if inner := root.get(around); inner.kind == '{' {
			v = inner
		}
	}
	if v.get("AcmeDomainValidationArn").exists() {
		*c = d.acmeFacts(v)
	} else {
		*c = d.facts(v)
	}
	for _, s := range d.found {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}

// isACME reports whether this is an ACME endpoint's domain validation: its ARN lies below an endpoint's.
func (c Certificate) isACME() bool { return strings.Contains(c.ARN, "acme-domain-validation") }

type certificateDocument struct {
	ARN           string           `json:"CertificateArn,omitempty"`
	Domain        string           `json:"DomainName,omitempty"`
	Status        string           `json:"Status,omitempty"`
	Type          string           `json:"Type,omitempty"`
	FailureReason string           `json:"FailureReason,omitempty"`
	Created       string           `json:"CreatedAt,omitempty"`
	Issued        string           `json:"IssuedAt,omitempty"`
	NotBefore     string           `json:"NotBefore,omitempty"`
	NotAfter      string           `json:"NotAfter,omitempty"`
	Domains       []domainDocument `json:"DomainValidationOptions,omitempty"`
	Renewal       *renewalDocument `json:"RenewalSummary,omitempty"`
	Eligibility   string           `json:"RenewalEligibility,omitempty"`
	InUseBy       []string         `json:"InUseBy,omitempty"`
	KeyAlgorithm  string           `json:"KeyAlgorithm,omitempty"`
	KeyPairOrigin string           `json:"CertificateKeyPairOrigin,omitempty"`
	ManagedBy     string           `json:"ManagedBy,omitempty"`
	Update        *updateDocument  `json:"UpdateSummary,omitempty"`
}

type domainDocument struct {
	Domain string                  `json:"DomainName,omitempty"`
	Method string                  `json:"ValidationMethod,omitempty"`
	Status string                  `json:"ValidationStatus,omitempty"`
	Record *resourceRecordDocument `json:"ResourceRecord,omitempty"`
}

type resourceRecordDocument struct {
	Name  resolver.Name `json:"Name"`
	Type  string        `json:"Type"`
	Value resolver.Name `json:"Value"`
}

type renewalDocument struct {
	Status  string           `json:"RenewalStatus,omitempty"`
	Reason  string           `json:"RenewalStatusReason,omitempty"`
	Updated string           `json:"UpdatedAt,omitempty"`
	Domains []domainDocument `json:"DomainValidationOptions,omitempty"`
}

type updateDocument struct {
	Status string `json:"Status"`
}

type acmeDocument struct {
	ARN     string           `json:"AcmeDomainValidationArn"`
	Domain  string           `json:"DomainName,omitempty"`
	Status  string           `json:"Status,omitempty"`
	Created string           `json:"CreatedAt,omitempty"`
	Failure *failureDocument `json:"FailureDetails,omitempty"`
}

type failureDocument struct {
	Reason string `json:"Reason"`
}

func domainDocuments(of []DomainValidation) []domainDocument {
	var out []domainDocument
	for _, d := range of {
		x := domainDocument{Domain: d.Domain, Method: d.Method, Status: d.Status}
		if !d.Name.IsZero() {
			x.Record = &resourceRecordDocument{d.Name, "CNAME", d.Value}
		}
		out = append(out, x)
	}
	return out
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
