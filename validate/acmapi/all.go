package acmapi

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Scope says whose certificates are wanted, and which. Its zero value is the account of the credentials, in [Client.Region]
// or else the region of the configuration.
type Scope struct {
	Regions []string // each is asked; nil: the one of the client or of its configuration
	Roles   []Role   // one for each account; nil: the account of the credentials. A Role without ARN is that account, too
	// Statuses are those of CertificateDetail; nil: PENDING_VALIDATION, ISSUED, VALIDATION_TIMED_OUT and FAILED, to which
	// their records matter or did.
	Statuses []string
}

// ErrNoRegion is wrapped where neither scope, client nor configuration names a region.
var ErrNoRegion = errors.New("no region is given, and the AWS configuration names none")

// statuses are those to which a record matters, or did.
var statuses = []string{
	string(types.CertificateStatusPendingValidation), string(types.CertificateStatusIssued),
	string(types.CertificateStatusValidationTimedOut), string(types.CertificateStatusFailed),
}

// All gives the certificates that ACM itself has issued or is to issue, of every key type and origin, one region of one
// account after the other, as a stream: no more than a page is held. An error ends the region, or concerns the one
// certificate that it names, and the rest go on; after the context's own nothing comes.
//
// Where acm:SearchCertificates is allowed it finds them, and acm:ListCertificates otherwise. Each is then described, which
// is what has the records. Errors are those of [Client.Certificate], and [ErrNoRegion].
func (c *Client) All(ctx context.Context, s Scope) iter.Seq2[validate.Certificate, error] {
	return func(yield func(validate.Certificate, error) bool) {
		regions := s.Regions
		if len(regions) == 0 {
			region := c.Region
			if region == "" {
				region = c.config.Region
			}
			if region == "" {
				yield(validate.Certificate{}, fmt.Errorf("acmapi: %w", ErrNoRegion))
				return
			}
			regions = []string{region}
		}
		roles := s.Roles
		if len(roles) == 0 {
			roles = []Role{{}}
		}
		wanted := s.Statuses
		if len(wanted) == 0 {
			wanted = statuses
		}
		for _, role := range roles {
			for _, region := range regions {
				if !c.allAt(ctx, place{role, region}, wanted, yield) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}

// AllSources is [Client.All] with the certificates' records in their place, as [Client.Sources] gives them, without
// waiting.
func (c *Client) AllSources(ctx context.Context, s Scope) iter.Seq2[validate.Source, error] {
	return func(yield func(validate.Source, error) bool) {
		for cert, err := range c.All(ctx, s) {
			if err != nil {
				if !yield(validate.Source{}, err) {
					return
				}
				continue
			}
			for _, source := range sourcesOf(cert) {
				if !yield(source, nil) {
					return
				}
			}
		}
	}
}

// allAt gives the certificates of one place; false when nobody wants more.
func (c *Client) allAt(ctx context.Context, p place, wanted []string, yield func(validate.Certificate, error) bool) bool {
	fail := func(what string, err error) bool {
		where := p.region
		if p.role.ARN != "" {
			where += " as " + abridged(p.role.ARN)
		}
		return yield(validate.Certificate{}, fmt.Errorf("acmapi: %s in %s: %w", what, where, err))
	}
	r, err := c.at(ctx, p)
	if err != nil {
		return fail("find credentials", err)
	}
	for id, err := range r.found(ctx, wanted) {
		if err != nil {
			return fail("list the certificates", err)
		}
		t, err := parseARN(id)
		if err == nil {
			var cert validate.Certificate
			if cert, err = r.describe(ctx, t); err == nil {
				if !yield(cert, nil) {
					return false
				}
				continue
			}
		}
		switch {
		case errors.Is(err, ErrNotFound): // deleted since it was listed
		case ctx.Err() != nil, errors.Is(err, ErrExpiredSession), errors.Is(err, ErrNoCredentials):
			return fail("read "+abridged(id), err) // the next one would fare no better
		default:
			if !fail("read "+abridged(id), err) {
				return false
			}
		}
	}
	return true
}

// found gives the ARNs of the certificates of a place: by a search, which leaves out what is of no interest, or where that
// is not allowed by the list.
func (r *regional) found(ctx context.Context, wanted []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		some := false
		take := func(id string) bool {
			some = true
			return yield(id, nil)
		}
		err := r.search(ctx, wanted, take)
		if errors.Is(err, ErrPermission) && !some {
			err = r.list(ctx, wanted, take)
		}
		if err != nil {
			yield("", err)
		}
	}
}

// search gives ARNs until take wants no more.
func (r *regional) search(ctx context.Context, wanted []string, take func(id string) bool) error {
	is := func(f types.AcmCertificateMetadataFilter) types.CertificateFilterStatement {
		return &types.CertificateFilterStatementMemberFilter{Value: &types.CertificateFilterMemberAcmCertificateMetadataFilter{Value: f}}
	}
	var any []types.CertificateFilterStatement
	for _, s := range wanted {
		any = append(any, is(&types.AcmCertificateMetadataFilterMemberStatus{Value: types.CertificateStatus(s)}))
	}
	pages := acm.NewSearchCertificatesPaginator(r, &acm.SearchCertificatesInput{FilterStatement: &types.CertificateFilterStatementMemberAnd{
		Value: []types.CertificateFilterStatement{
			is(&types.AcmCertificateMetadataFilterMemberType{Value: types.CertificateTypeAmazonIssued}),
			&types.CertificateFilterStatementMemberOr{Value: any},
		},
	}}, func(o *acm.SearchCertificatesPaginatorOptions) { o.Limit, o.StopOnDuplicateToken = 100, true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return apiError(ctx, err, "acm:SearchCertificates", "*")
		}
		for _, x := range page.Results {
			if !take(aws.ToString(x.CertificateArn)) {
				return nil
			}
		}
	}
	return nil
}

// list is search by the older call, which by itself leaves out all but RSA keys of up to 2048 bits, and what ACME
// endpoints have issued (ACM API Reference, "ListCertificates" and "Filters").
func (r *regional) list(ctx context.Context, wanted []string, take func(id string) bool) error {
	in := &acm.ListCertificatesInput{
		CertificateKeyPairOrigins: types.CertificateKeyPairOrigin("").Values(),
		Includes:                  &types.Filters{KeyTypes: types.KeyAlgorithm("").Values()},
	}
	for _, s := range wanted {
		in.CertificateStatuses = append(in.CertificateStatuses, types.CertificateStatus(s))
	}
	pages := acm.NewListCertificatesPaginator(r, in, func(o *acm.ListCertificatesPaginatorOptions) { o.Limit, o.StopOnDuplicateToken = 1000, true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return apiError(ctx, err, "acm:ListCertificates", "*")
		}
		for _, x := range page.CertificateSummaryList {
			if x.Type != types.CertificateTypeAmazonIssued {
				continue
			}
			if !take(aws.ToString(x.CertificateArn)) {
				return nil
			}
		}
	}
	return nil
}
