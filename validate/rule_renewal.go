package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// renewalBlocked and renewalIneligible find certificates that will end without a successor.

type renewalBlocked struct{}

func (renewalBlocked) Info() Info {
	return Info{
		ID:    "renewal-blocked",
		Title: "the renewal waits for validation",
		Text: "ACM asks for the same record again at every renewal. It has gone since the certificate was issued: deleted by " +
			"somebody tidying up, left behind in a move to another DNS provider, or the domain, its CAA records or its signatures " +
			"have changed. The certificate works until it ends, and is not renewed before all of its names are proven again.",
		Wrong:       "RenewalSummary.RenewalStatus PENDING_VALIDATION",
		Right:       "RenewalSummary.RenewalStatus SUCCESS",
		Fix:         "Put the record back before the certificate ends; ACM then renews by itself. A name that is given up can only be left out of a new certificate.",
		Severity:    Error,
		Certificate: true,
		Follows:     append(refusals(), AnyRecordError),
		Refs:        []Ref{{"ACM User Guide", "Managed certificate renewal, DNS validation"}, {"ACM API Reference", "RenewalSummary"}},
	}
}

func (renewalBlocked) Run(ctx context.Context, p *Pass) error {
	c := p.Record.Certificate
	if c.Renewal.Status != statusPending && c.Renewal.Status != statusFailed {
		return ErrNotApplicable
	}
	var waiting []DomainValidation
	for _, d := range c.Renewal.Domains {
		if d.Status != statusSuccess {
			waiting = append(waiting, d)
		}
	}
	others := slices.ContainsFunc(waiting, func(d DomainValidation) bool { return !p.Record.proves(d) })
	until := ""
	if !c.NotAfter.IsZero() {
		until = fmt.Sprintf("; the certificate ends at %s, ", moment(c.NotAfter))
		if left := c.NotAfter.Sub(p.Now); left > 0 {
			until += "in " + spanText(left)
		} else {
			until += spanText(-left) + " ago"
		}
	}
	if c.Renewal.Status == statusFailed {
		p.Report(Finding{
			Confidence: Certain, Message: "ACM could not renew the certificate: " + failureText(c.Renewal.Reason) + until,
			Fixes:   []Fix{{Where: WhereACM, Message: strings.TrimPrefix(failureOf(c.Renewal.Reason).Do+"; if ACM does not try again by itself, request a new certificate:\n", "; ") + c.requestAgain()}},
			follows: failureOf(c.Renewal.Reason).follows(),
		})
		return nil
	}
	f := Finding{Confidence: Certain, Message: "the renewal waits for validation", follows: []ID{AnyRecordError}}
	if len(waiting) > 0 {
		f.Message += " of " + domainsText(waiting)
	}
	if c.Renewal.Reason != "" {
		f.Message += ": " + failureText(c.Renewal.Reason)
	}
	f.Message += until
	verdict, _ := p.verdict(ctx)
	switch {
	case verdict == Valid && !others:
		f.Severity = Warning // it does not keep the certificate from being renewed any more
		f.Message += "; the record is right now, and ACM looks again by itself within hours"
		f.Fixes = []Fix{{Where: WhereNowhere, Message: "leave the record as it is"}}
	case verdict == Valid:
		f.Fixes = []Fix{{Where: WhereZone, Message: "this record is right; put back those of the other domains:\n" +
			recordLines(p.Record.othersOf(waiting)) + "a domain that is given up can only be left out of a new certificate"}}
	default:
		f.Fixes = []Fix{{Where: WhereZone, Message: "put the record right before the certificate ends; ACM then renews by itself"}}
	}
	p.Report(f)
	return nil
}

type renewalIneligible struct{}

func (renewalIneligible) Info() Info {
	return Info{
		ID:    "renewal-ineligible",
		Title: "ACM will not renew the certificate, whatever the DNS says",
		Text: "ACM renews what it has issued itself, by DNS validation, and what is in use by an AWS service or was exported. An " +
			"imported, expired or unused certificate ends, however right its record is.",
		Wrong:       "RenewalEligibility INELIGIBLE, InUseBy empty",
		Right:       "RenewalEligibility ELIGIBLE",
		Fix:         "Attach the certificate to the service that is to use it; once it has expired, request a new one.",
		Severity:    Warning,
		Input:       true,
		Certificate: true,
		Refs:        []Ref{{"ACM User Guide", "Managed certificate renewal"}, refCertificate},
	}
}

func (renewalIneligible) Run(_ context.Context, p *Pass) error {
	c := p.Record.Certificate
	expired := c.Status == statusExpired || !c.NotAfter.IsZero() && c.Status == statusIssued && p.Now.After(c.NotAfter)
	again := []Fix{{Where: WhereACM, Message: "request a new certificate:\n" + c.requestAgain()}}
	f := Finding{Confidence: Certain, Fixes: again}
	switch {
	case expired && !c.NotAfter.IsZero():
		f.Message = "the certificate ended at " + moment(c.NotAfter) + ": ACM does not renew it any more"
	case expired:
		f.Message = "the certificate has ended: ACM does not renew it any more"
	case c.Status == statusRevoked:
		f.Message = "the certificate is revoked: ACM does not renew it"
	case c.RenewalEligibility != "INELIGIBLE" || c.Status != statusIssued:
		return nil
	case c.Type == typeImported:
		f.Message = "the certificate is imported: ACM does not renew it, import its successor before it ends"
		f.Fixes = append([]Fix{{Where: WhereACM, Message: "import the successor under the same ARN (aws acm import-certificate)"}}, again...)
	case slices.ContainsFunc(c.Domains, func(d DomainValidation) bool { return hyphensLikeIDNA(d.Domain) }):
		f.Message = "the certificate has a name with two hyphens as third and fourth character, which no public CA certifies any more: ACM does not renew it"
		f.Fixes = []Fix{{Where: WhereACM, Message: "request a new certificate without that name"}}
	case len(c.InUseBy) == 0:
		f.Message = "no AWS service uses the certificate: ACM does not renew it while that is so"
		f.Fixes = []Fix{{Where: WhereACM, Message: "attach it to the service that is to use it (a load balancer, CloudFront, API Gateway), or delete it if nothing needs it"}}
	default:
		f.Message = "ACM says that the certificate is not eligible for renewal"
	}
	if !expired && !c.NotAfter.IsZero() {
		f.Message += "; it ends at " + moment(c.NotAfter)
	}
	p.Report(f)
	return nil
}

// hyphensLikeIDNA reports whether a label has the form that is reserved for names in other scripts and is none
// (CA/Browser Forum Baseline Requirements, 7.1.4.2.1; RFC 5890, 2.3.1).
func hyphensLikeIDNA(domain string) bool {
	return slices.ContainsFunc(strings.Split(domain, "."), func(l string) bool {
		return len(l) > 3 && l[2:4] == "--" && !strings.HasPrefix(strings.ToLower(l), "xn--")
	})
}
