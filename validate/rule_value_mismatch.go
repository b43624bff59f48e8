package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// valueMismatch finds a CNAME with another target than the certificate's.
type valueMismatch struct{}

func (valueMismatch) Info() Info {
	return Info{
		ID:    "value-mismatch",
		Title: "the CNAME has another value than the certificate asks for",
		Text: "There is a CNAME at the name, and it leads elsewhere. If its value is of ACM's form, it belongs to an older request, " +
			"to another account or to an ACME endpoint of ACM: a pair is made for one domain and one account.",
		Wrong:    "_a79.example.com. CNAME _999.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Change the value, after making sure that it is from the certificate that must live.",
		Severity: Error,
		Refs:     []Ref{refValidation, refTroubleshoot},
	}
}

func (valueMismatch) Run(ctx context.Context, p *Pass) error {
	all := p.differing()
	if len(all) == 0 || p.allFromWildcard(ctx) {
		return nil // record-missing says what there is to say
	}
	if end, err := p.chained(ctx); err != nil || end.Reaches {
		return err
	}
	target := all[0]
	msg := fmt.Sprintf("%s has the value %s, and the certificate asks for %s", p.Record.Name, target, p.Record.Value)
	fix := p.correct()
	typed := target
	if head, _, appended := appendedTo(p.Record, p.facts.zone, target); appended {
		typed = head
	}
	if ofACM(typed) {
		msg += "; this is some record of ACM, of an older request, another account or an ACME endpoint, but not this certificate's"
		fix += "; make sure first that this is the certificate that must live: the other value may renew another one"
	}
	p.Report(Finding{
		Confidence: Certain, Message: msg,
		Fixes: []Fix{p.unlessRenamed(Fix{Where: WhereZone, Message: fix, Changes: []Change{p.put(all...)}})},
	}, answersOf(p.with(Differs))...)
	return nil
}

// unlessRenamed gives the fix, or what to do where a DNAME above the name made its CNAME.
func (p *Pass) unlessRenamed(fix Fix) Fix {
	if owner, _ := p.renamedBy(); !owner.IsZero() {
		return Fix{Where: WhereZone, Message: fmt.Sprintf("at %s stands a DNAME, which renames every name below it: a record at %s is not seen. "+
			"Replace the DNAME by records of their own, or create the record where it leads to", owner, p.Record.Name)}
	}
	return fix
}

// ofACM reports whether a target has the form of ACM's values.
func ofACM(n resolver.Name) bool {
	return n.Below(ValidationSuffix)
}
