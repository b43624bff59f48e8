package validate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// facts reads what a Certificate of ACM says beside its records. A member that is not what it should be is an error of its
// own and counts as not said; the rest goes on.
func (d *document) facts(v jsonValue) Certificate {
	renewal := v.get("RenewalSummary")
	c := Certificate{
		ARN: v.get("CertificateArn").word(), Domain: v.get("DomainName").word(), Status: v.get("Status").word(),
		Type: v.get("Type").word(), FailureReason: v.get("FailureReason").word(),
		Created: d.time(v.get("CreatedAt")), Issued: d.time(v.get("IssuedAt")),
		NotBefore: d.time(v.get("NotBefore")), NotAfter: d.time(v.get("NotAfter")),
		Domains: domainFacts(v.get("DomainValidationOptions")),
		Renewal: Renewal{
			Status: renewal.get("RenewalStatus").word(), Reason: renewal.get("RenewalStatusReason").word(),
			Updated: d.time(renewal.get("UpdatedAt")), Domains: domainFacts(renewal.get("DomainValidationOptions")),
		},
		RenewalEligibility: v.get("RenewalEligibility").word(), KeyAlgorithm: v.get("KeyAlgorithm").word(),
		KeyPairOrigin: v.get("CertificateKeyPairOrigin").word(), ManagedBy: v.get("ManagedBy").word(),
		Migration: v.get("UpdateSummary").get("Status").word(),
	}
	for _, u := range v.get("InUseBy").items {
		if s := u.word(); s != "" {
			c.InUseBy = append(c.InUseBy, s)
		}
	}
	return c
}

// domainFacts reads a list of DomainValidation. What is wrong with its records is said where they are read.
func domainFacts(list jsonValue) []DomainValidation {
	var out []DomainValidation
	for _, o := range list.items {
		v := DomainValidation{
			Domain: o.get("DomainName").word(), Method: o.get("ValidationMethod").word(), Status: o.get("ValidationStatus").word(),
		}
		rr := o.get("ResourceRecord")
		if name, value := rr.get("Name").word(), rr.get("Value").word(); name != "" && value != "" {
			if r, bad := parseRecord("", name, value); len(bad) == 0 {
				v.Name, v.Value = r.Name, r.Value
			}
		}
		if v.Domain != "" || !v.Name.IsZero() {
			out = append(out, v)
		}
	}
	return out
}

// acmeValidation reads an AcmeDomainValidation of ACM (ACM API Reference, "AcmeDomainValidation"), whose one record has the
// form of any other.
func (d *document) acmeValidation(v jsonValue) {
	d.of = d.acmeFacts(v)
	defer func() { d.of = Certificate{} }()
	rr := v.get("PrevalidationDetails").get("DnsPrevalidation").get("ResourceRecord")
	if rr.kind != '{' {
		d.fail(v, Source{Domain: d.of.Domain}, pending(0, 0, d.of.Domain))
		return
	}
	line, _ := d.place(rr.start)
	d.strings(rr, rawRecord{line: line}, v.get("DomainName"), rr.get("Name"), rr.get("Value"), rr.get("Type"))
}

func (d *document) acmeFacts(v jsonValue) Certificate {
	return Certificate{
		ARN: v.get("AcmeDomainValidationArn").word(), Domain: v.get("DomainName").word(), Status: v.get("Status").word(),
		FailureReason: v.get("FailureDetails").get("Reason").word(), Created: d.time(v.get("CreatedAt")), KeyPairOrigin: "ACME",
	}
}

// word is the text of a string as ACM has them, ARNs, names and words of capitals; "" for anything else, so that what is
// shown later can steer no terminal.
func (v jsonValue) word() string {
	const most = 2048 // octets of an ARN (ACM API Reference, "DescribeCertificate")
	if v.kind != '"' || len(v.text) > most || strings.ContainsFunc(v.text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return v.text
}

// time reads a time as the AWS command line prints it, in ISO 8601, or as the API sends it, in seconds since 1970.
func (d *document) time(v jsonValue) time.Time {
	const latest = 1e11 // seconds: in the year 5138
	switch v.kind {
	case 0:
		return time.Time{}
	case '"':
		for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00"} {
			if t, err := time.Parse(form, v.text); err == nil {
				return t.UTC()
			}
		}
	case '0':
		if s, err := strconv.ParseFloat(v.text, 64); err == nil && s >= 0 && s < latest {
			whole, part := math.Modf(s)
			return time.Unix(int64(whole), int64(part*1e3)*int64(time.Millisecond)).UTC()
		}
	}
	d.fail(v, Source{}, &InputError{Found: v.describe(), Expected: "a time such as 2026-11-24T12:00:00+00:00"})
	return time.Time{}
}
