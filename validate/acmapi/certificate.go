package acmapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Certificate reads one certificate by its ARN, in the region that the ARN names: one call, and one more (for each hundred
// domains) where its domains are about to be validated by DNS in place of e-mail. It waits for nothing.
//
// The error wraps [ErrNotACertificate], [ErrOtherRegion], [ErrNotFound], [ErrNoCredentials], [ErrExpiredSession],
// [ErrPermission], [ErrThrottled], or the context's.
func (c *Client) Certificate(ctx context.Context, certificateARN string) (validate.Certificate, error) {
	return c.certificate(ctx, certificateARN, Role{})
}

func (c *Client) certificate(ctx context.Context, certificateARN string, role Role) (validate.Certificate, error) {
	fail := func(err error) (validate.Certificate, error) {
		return validate.Certificate{}, fmt.Errorf("acmapi: read %s: %w", abridged(certificateARN), err)
	}
	t, err := parseARN(certificateARN)
	if err != nil {
		return validate.Certificate{}, fmt.Errorf("acmapi: %w", err)
	}
	if c.Region != "" && t.Region != c.Region {
		return fail(fmt.Errorf("%w: it lies in %s, and %s was asked for", ErrOtherRegion, t.Region, c.Region))
	}
	r, err := c.at(ctx, place{role, t.Region})
	if err != nil {
		return fail(err)
	}
	cert, err := r.describe(ctx, t)
	if err != nil {
		return fail(err)
	}
	return cert, nil
}

// Sources gives what is to be checked of a certificate, as [validate.ParseSources] does of its JSON: a Source for each
// distinct record, with the certificate's ARN as ID, and one with an error for each domain that has none. Records that ACM
// has not issued yet are waited for, as long as [Client.Patience] says. Errors are those of [Client.Certificate].
func (c *Client) Sources(ctx context.Context, certificateARN string) ([]validate.Source, error) {
	cert, err := c.Certificate(ctx, certificateARN)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(c.Patience)
	for pause := firstPause; awaits(cert) && time.Until(deadline) > 0; pause = min(2*pause, longestPause) {
		timer := time.NewTimer(min(pause, time.Until(deadline)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("acmapi: wait for the records of %s: %w", certificateARN, ctx.Err())
		case <-timer.C:
		}
		if cert, err = c.Certificate(ctx, certificateARN); err != nil {
			return nil, err
		}
	}
	return sourcesOf(cert), nil
}

// How long to wait between two looks for records that ACM has not issued yet: it takes some seconds, at times a minute.
const (
	firstPause   = 2 * time.Second
	longestPause = 15 * time.Second
)

// awaits reports whether ACM has still to issue a record.
func awaits(c validate.Certificate) bool {
	for _, s := range c.Sources() {
		if errors.Is(s.Err, validate.ErrRecordPending) {
			return true
		}
	}
	return false
}

func sourcesOf(c validate.Certificate) []validate.Source {
	out := c.Sources()
	for i := range out {
		out[i].ID = c.ARN
	}
	return out
}

// describe asks for one certificate.
func (r *regional) describe(ctx context.Context, t target) (validate.Certificate, error) {
	id := t.String()
	if t.acme {
		out, err := r.DescribeAcmeDomainValidation(ctx, &acm.DescribeAcmeDomainValidationInput{AcmeDomainValidationArn: &id})
		if err != nil {
			return validate.Certificate{}, apiError(ctx, err, "acm:DescribeAcmeDomainValidation", id)
		}
		if out.AcmeDomainValidation == nil {
			return validate.Certificate{}, ErrNotFound
		}
		return acmeFacts(*out.AcmeDomainValidation), nil
	}
	out, err := r.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &id})
	if err != nil {
		return validate.Certificate{}, apiError(ctx, err, "acm:DescribeCertificate", id)
	}
	if out.Certificate == nil {
		return validate.Certificate{}, ErrNotFound
	}
	cert := facts(*out.Certificate)
	if u := out.Certificate.UpdateSummary; u != nil && u.Status == types.UpdateStatusPendingDomainValidation {
		if err := r.migration(ctx, &cert); err != nil {
			return validate.Certificate{}, err
		}
	}
	return cert, nil
}

// migration puts the records that a change from e-mail to DNS asks for in the place of the domains' present validation: ACM
// gives them nowhere else (ACM API Reference, "ListCertificateDomainValidations").
func (r *regional) migration(ctx context.Context, cert *validate.Certificate) error {
	pages := acm.NewListCertificateDomainValidationsPaginator(r, &acm.ListCertificateDomainValidationsInput{CertificateArn: &cert.ARN})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return apiError(ctx, err, "acm:ListCertificateDomainValidations", cert.ARN)
		}
		for _, s := range page.DomainValidationSummaryList {
			wanted := s.RequestedValidationConfiguration
			if wanted == nil {
				continue
			}
			v := validate.DomainValidation{Domain: aws.ToString(s.DomainName), Method: string(wanted.ValidationMethod), Status: string(wanted.ValidationStatus)}
			if dns, ok := wanted.ValidationChallenge.(*types.ValidationChallengeMemberDnsValidationChallenge); ok {
				v.Name, v.Value = names(dns.Value.ResourceRecord)
			}
			put(cert, v)
		}
	}
	return nil
}

func put(cert *validate.Certificate, v validate.DomainValidation) {
	for i, d := range cert.Domains {
		if d.Domain == v.Domain {
			cert.Domains[i] = v
			return
		}
	}
	cert.Domains = append(cert.Domains, v)
}
