package validate

import (
	"context"
	"fmt"
	"slices"
)

// certificateRecordDiffers finds that the record given is not the certificate's.
type certificateRecordDiffers struct{}

func (certificateRecordDiffers) Info() Info {
	return Info{
		ID:    "certificate-record-differs",
		Title: "the record that was given is not this certificate's",
		Text: "Name or value do not belong to the certificate: they come from another request, another account, or from a state " +
			"of Terraform that is older than the certificate. Creating them in the DNS proves nothing to this certificate.",
		Wrong:       "_a79.example.com. CNAME _999.acm-validations.aws.  (the certificate: _424.…)",
		Right:       "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:         "Use the record that the certificate itself gives.",
		Severity:    Error,
		Input:       true,
		Certificate: true,
		Explains:    []ID{"value-mismatch", "record-missing"},
		Refs:        []Ref{refAPI, refValidation},
	}
}

func (certificateRecordDiffers) Run(_ context.Context, p *Pass) error {
	r := p.Record
	its := r.Certificate.Records()
	if r.Name.IsZero() || len(its) == 0 {
		return ErrNotApplicable
	}
	if r.Certificate.Asks(r) {
		return nil
	}
	f := Finding{Confidence: Certain}
	if i := slices.IndexFunc(its, func(x Record) bool { return x.Name == r.Name }); i >= 0 {
		f.Message = fmt.Sprintf("the certificate asks for another value at %s: %s, not %s", r.Name, its[i].Value, r.Value)
	} else {
		f.Message = fmt.Sprintf("the certificate does not ask for %s", r.Name)
	}
	const most = 10
	for i, x := range its {
		if i == most {
			f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("and %d more", len(its)-most)})
			break
		}
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("it asks for\n  %s CNAME\n  %s", x.Name, x.Value)})
	}
	f.Fixes = []Fix{{Where: WhereInput, Message: "use the certificate's own record, and leave what proves another certificate as it is"}}
	p.Report(f)
	return nil
}
