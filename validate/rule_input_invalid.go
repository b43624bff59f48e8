package validate

import "context"

// inputInvalid finds text that can be read as names but is no ACM validation record. Nothing is asked of the DNS then: no
// CA would ask for it.
type inputInvalid struct{}

func (inputInvalid) Info() Info {
	return Info{
		ID:    "input-invalid",
		Title: "this is not an ACM validation record",
		Text: "ACM's record is a CNAME from _<token>.<domain> to a name under acm-validations.aws. Something else was given: " +
			"a value under another domain (often a misspelling such as acm-validation.aws), a name without its underscore, " +
			"or the _acme-challenge of another mechanism. No public CA asks for such a record.",
		Wrong:    "_a79.example.com. CNAME _424.acm-validation.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Copy name and value again from aws acm describe-certificate, never from memory or a picture.",
		Severity: Error,
		Input:    true,
		Refs:     []Ref{refValidation, refAPI, {"RFC 1035", "2.3.4"}},
	}
}

func (inputInvalid) Run(_ context.Context, p *Pass) error {
	problem := p.Record.Problem()
	switch {
	case problem == nil:
		return nil
	case p.Record.awaited():
		return ErrNotApplicable
	case p.Record.Name.IsZero() && !p.Record.Certificate.IsZero():
		p.Report(Finding{Confidence: Certain, Message: "there is no record to check: the certificate has none" + p.Record.forDomains()})
		return nil
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    "this is not a record of ACM: " + problem.Error(),
		Evidence:   []Evidence{{Text: "given: " + p.Record.Name.String() + " CNAME " + p.Record.Value.String()}},
		Fixes: []Fix{{
			Where:   WhereInput,
			Message: "copy name and value again from aws acm describe-certificate (DomainValidationOptions, ResourceRecord)",
		}},
	})
	return nil
}
