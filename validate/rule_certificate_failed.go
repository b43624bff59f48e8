package validate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// certificateFailed and acmeValidationFailed find what ACM has refused, and say why in words.

// failure is one reason for which ACM refuses a request or a renewal.
type failure struct {
	Means string // in half a sentence
	Do    string // before the new request
	Where Where
	From  ID // the rule that sees the same in the DNS or in the name, and explains it
}

// failures are ACM's reasons (ACM API Reference, "CertificateDetail", FailureReason, and "FailureDetails", Reason).
var failures = map[string]failure{
	"CAA_ERROR": {
		"the CAA records of a name on it do not allow Amazon to issue", "let the CAA records of every name on it allow amazon.com", WhereZone, "caa-forbids",
	},
	"ADDITIONAL_VERIFICATION_REQUIRED": {
		"ACM wants more proof than DNS for a name on it, as for much visited and public bodies' domains", "open a case with AWS Support and ask for the domain to be allowed", WhereACM, "",
	},
	"DOMAIN_NOT_ALLOWED": {
		"a name on it is on a list of unsafe domains, or belongs to Amazon", "see on VirusTotal who flags the domain, have that cleared, then open a case with AWS Support", WhereACM, "domain-ineligible",
	},
	"INVALID_PUBLIC_DOMAIN": {
		"a name on it is not below a public top-level domain", "leave that name out, or use a private CA for it", WhereACM, "domain-ineligible",
	},
	"NO_AVAILABLE_CONTACTS": {
		"it was to be validated by e-mail, and no address could be reached", "choose DNS in place of e-mail", WhereACM, "",
	},
	"DOMAIN_VALIDATION_DENIED": {
		"somebody refused it in answer to the validation e-mail", "speak with the domain's owner, and choose DNS in place of e-mail", WhereACM, "",
	},
	"PCA_LIMIT_EXCEEDED":              {"the private CA has issued as many certificates as it may", "raise the private CA's quota", WhereACM, ""},
	"PCA_INVALID_ARN":                 {"the private CA's ARN is not valid", "give the private CA's right ARN", WhereACM, ""},
	"PCA_INVALID_STATE":               {"the private CA is not active", "activate the private CA", WhereACM, ""},
	"PCA_REQUEST_FAILED":              {"the private CA could not issue", "look at the private CA", WhereACM, ""},
	"PCA_NAME_CONSTRAINTS_VALIDATION": {"the private CA's name constraints exclude a name on it", "leave that name out, or use another private CA", WhereACM, ""},
	"PCA_RESOURCE_NOT_FOUND":          {"the private CA is not there", "give a private CA that exists", WhereACM, ""},
	"PCA_INVALID_ARGS":                {"the private CA refused the request as malformed", "look at the request", WhereACM, ""},
	"PCA_INVALID_DURATION":            {"the private CA ends before the certificate would", "use a private CA that lasts longer", WhereACM, ""},
	"PCA_ACCESS_DENIED":               {"ACM may not use the private CA", "give ACM the permission at the private CA", WhereACM, ""},
	"SLR_NOT_FOUND":                   {"the service-linked role AWSServiceRoleForCertificateManager is missing", "create it: aws iam create-service-linked-role --aws-service-name acm.amazonaws.com", WhereACM, ""},
	"OTHER":                           {"ACM does not say why", "open a case with AWS Support", WhereACM, ""},

	// Of an ACME endpoint's domain validation.
	"ACCESS_DENIED":         {"ACM may not change the hosted zone", "give the endpoint's role route53:ChangeResourceRecordSets on that zone", WhereACM, ""},
	"DOMAIN_MISMATCH":       {"the domain does not lie in the hosted zone that was given", "give the hosted zone that holds the domain", WhereACM, ""},
	"ENDPOINT_NOT_ACTIVE":   {"the ACME endpoint is not active", "wait until the endpoint is ACTIVE, or create another", WhereACM, ""},
	"HOSTED_ZONE_NOT_FOUND": {"the hosted zone that was given is not there", "give the hosted zone that the domain is delegated to", WhereACM, ""},
	"INTERNAL_FAILURE":      {"ACM failed by its own fault", "try again; if it stays, open a case with AWS Support", WhereACM, ""},
	"INVALID_CHANGE_BATCH":  {"Route 53 refused the record, as it does where another record stands at its name", "look at the hosted zone at the record's name", WhereZone, ""},
	"TIMED_OUT":             {"ACM did not find the record in time", "put the record right", WhereZone, ""},
}

// failureOf gives the words for a reason, also for one that did not exist when this was written.
func failureOf(reason string) failure {
	if f, ok := failures[cmp.Or(reason, "OTHER")]; ok {
		return f
	}
	return failure{Means: "ACM's reason is one that this program does not know", Do: "look for it in ACM's documentation", Where: WhereACM}
}

// follows gives the rule that explains a refusal for this reason; none where the DNS and the name do not show it.
func (f failure) follows() []ID {
	if f.From == "" {
		return nil
	}
	return []ID{f.From}
}

// refusals gives the rules that explain a refusal of ACM for some reason, sorted.
func refusals() []ID {
	var out []ID
	for _, f := range failures {
		out = append(out, f.follows()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// failureText is the reason in words, with ACM's own word for it.
func failureText(reason string) string {
	if reason == "" {
		return "ACM does not say why"
	}
	return fmt.Sprintf("%s (%s)", failureOf(reason).Means, reason)
}

type certificateFailed struct{}

func (certificateFailed) Info() Info {
	return Info{
		ID:    "certificate-failed",
		Title: "ACM has refused the request: a new one is needed",
		Text: "The certificate's status is FAILED, for a reason that ACM gives. Of all reasons only CAA_ERROR is one of the DNS; " +
			"the record has nothing to do with the others. Nothing revives the request: once the reason is gone, request again.",
		Wrong:       "Status FAILED, FailureReason CAA_ERROR",
		Right:       "the reason removed, then a new request for the same names",
		Fix:         "Remove the reason, then request the certificate again.",
		Severity:    Error,
		Input:       true,
		Certificate: true,
		Explains:    []ID{"input-invalid"},
		Follows:     refusals(),
		Refs:        []Ref{refCertificate, {"ACM User Guide", "Troubleshoot certificate requests"}},
	}
}

func (certificateFailed) Run(ctx context.Context, p *Pass) error {
	c := p.Record.Certificate
	if c.Status != statusFailed {
		return ErrNotApplicable
	}
	why := failureOf(c.FailureReason)
	f := Finding{
		Confidence: Certain,
		Message: "ACM has refused this request: " + failureText(c.FailureReason) +
			"; nothing revives it, so request a new one when the reason is gone",
	}
	f.follows = why.follows()
	fixes := p.requestAnew(ctx)
	verdict, _ := p.verdict(ctx)
	switch {
	case why.From == "caa-forbids" && verdict == Valid:
		f.Message += "; the CAA records allow Amazon now, so it is gone"
	case why.Do != "":
		fixes[0].Message = why.Do + "\nthen " + fixes[0].Message
	}
	f.Fixes = fixes
	p.Report(f)
	return nil
}

type acmeValidationFailed struct{}

func (acmeValidationFailed) Info() Info {
	return Info{
		ID:    "acme-validation-failed",
		Title: "an ACME endpoint's domain validation has failed",
		Text: "An ACME endpoint of ACM proves a domain once, by a CNAME of the same form as a certificate's, and then issues " +
			"without asking again. Its status is INVALID, for a reason that ACM gives; while it is, the endpoint issues nothing for that domain.",
		Wrong:       "Status INVALID, FailureDetails.Reason TIMED_OUT",
		Right:       "Status VALID",
		Fix:         "Remove the reason, then create the domain validation again.",
		Severity:    Error,
		Input:       true,
		Certificate: true,
		Explains:    []ID{"input-invalid"},
		Refs:        []Ref{{"ACM API Reference", "AcmeDomainValidation and FailureDetails"}},
	}
}

func (acmeValidationFailed) Run(_ context.Context, p *Pass) error {
	c := p.Record.Certificate
	if c.Status != statusInvalid || !c.isACME() {
		return ErrNotApplicable
	}
	fix := "create the domain validation again (aws acm create-acme-domain-validation)"
	if c.FailureReason != "" {
		fix = failureOf(c.FailureReason).Do + "; then " + fix
	}
	p.Report(Finding{
		Confidence: Certain, Message: "the domain validation of the ACME endpoint has failed: " + failureText(c.FailureReason),
		Fixes: []Fix{{Where: WhereACM, Message: fix}},
	})
	return nil
}
