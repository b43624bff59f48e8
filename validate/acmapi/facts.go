package acmapi

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// facts takes over what ACM says. Every level of it may be missing.
func facts(d types.CertificateDetail) validate.Certificate {
	c := validate.Certificate{
		ARN: aws.ToString(d.CertificateArn), Domain: aws.ToString(d.DomainName), Status: string(d.Status), Type: string(d.Type),
		FailureReason: string(d.FailureReason),
		Created:       moment(d.CreatedAt), Issued: moment(d.IssuedAt), NotBefore: moment(d.NotBefore), NotAfter: moment(d.NotAfter),
		Domains: domains(d.DomainValidationOptions), RenewalEligibility: string(d.RenewalEligibility), InUseBy: d.InUseBy,
		KeyAlgorithm: string(d.KeyAlgorithm), KeyPairOrigin: string(d.CertificateKeyPairOrigin), ManagedBy: string(d.ManagedBy),
	}
	if len(c.InUseBy) == 0 {
		c.InUseBy = nil
	}
	if r := d.RenewalSummary; r != nil {
		c.Renewal = validate.Renewal{
			Status: string(r.RenewalStatus), Reason: string(r.RenewalStatusReason), Updated: moment(r.UpdatedAt),
			Domains: domains(r.DomainValidationOptions),
		}
	}
	if u := d.UpdateSummary; u != nil {
		c.Migration = string(u.Status)
	}
	return c
}

func domains(list []types.DomainValidation) []validate.DomainValidation {
	var out []validate.DomainValidation
	for _, d := range list {
		v := validate.DomainValidation{Domain: aws.ToString(d.DomainName), Method: string(d.ValidationMethod), Status: string(d.ValidationStatus)}
		v.Name, v.Value = names(d.ResourceRecord)
		out = append(out, v)
	}
	return out
}

// names reads a record; zero where it is not there, or is not one of names.
func names(rr *types.ResourceRecord) (name, value resolver.Name) {
	if rr == nil {
		return name, value
	}
	r, _, err := validate.ParseRecord("", aws.ToString(rr.Name), aws.ToString(rr.Value))
	if err != nil {
		return name, value
	}
	return r.Name, r.Value
}

// acmeFacts takes over an ACME endpoint's domain validation, which has one domain and one record.
func acmeFacts(v types.AcmeDomainValidation) validate.Certificate {
	c := validate.Certificate{
		ARN: aws.ToString(v.AcmeDomainValidationArn), Domain: aws.ToString(v.DomainName), Status: string(v.Status), Created: moment(v.CreatedAt),
		KeyPairOrigin: string(types.CertificateKeyPairOriginAcme),
	}
	if v.FailureDetails != nil {
		c.FailureReason = string(v.FailureDetails.Reason)
	}
	d := validate.DomainValidation{Domain: c.Domain, Method: string(types.ValidationMethodDns)}
	if p, ok := v.PrevalidationDetails.(*types.PrevalidationDetailsMemberDnsPrevalidation); ok {
		d.Name, d.Value = names(p.Value.ResourceRecord)
	}
	c.Domains = []validate.DomainValidation{d}
	return c
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
