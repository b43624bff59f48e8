package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// recordMissing finds nothing of use at the name, at any server that answers.
type recordMissing struct{}

func (recordMissing) Info() Info {
	return Info{
		ID:    "record-missing",
		Title: "nothing of use is at the name",
		Text: "Every server that answers says that the name does not exist, or that it has no CNAME. It was never created, was " +
			"created elsewhere, or was deleted by somebody tidying up; ACM needs it again at every renewal.",
		Wrong:    "_a79.example.com. does not exist",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Create the record, and keep it for as long as the certificate shall renew.",
		Severity: Error,
		Refs:     []Ref{{"RFC 2308", "2.1 and 2.2"}, refValidation},
	}
}

func (recordMissing) Run(ctx context.Context, p *Pass) error {
	denied := p.with(Denies)
	if p.allFromWildcard(ctx) {
		p.Report(Finding{
			Confidence: Certain,
			Message:    fmt.Sprintf("the record is missing: what the name servers of %s say of %s they say of any name", zoneText(p.facts.zone), p.Record.Name),
			Fixes:      []Fix{{Where: WhereZone, Message: p.create(), Changes: []Change{p.put()}}},
		}, answersOf(p.with(Differs, Several))...)
		return nil
	}
	if len(denied) == 0 || len(denied) < len(p.answered()) {
		return nil
	}
	if p.registryDisagrees() {
		return fmt.Errorf("%w: the servers of %s do not agree whether %s is delegated", ErrUndetermined, zoneText(p.facts.cut.Zone), p.registered())
	}
	if why := p.denialDoubt(ctx); why != "" {
		return fmt.Errorf("%w: %s", ErrUndetermined, why)
	}
	what := "it does not exist"
	for _, v := range denied {
		if v.Response.RCode == resolver.NXDomain {
			continue
		}
		switch types, ok := typesAt(v.Response, p.Record.Name); {
		case ok && slices.Contains(types, nxName): // it does not, and the answer is of the form that is made while answering
		case ok && len(types) == 0:
			what = "it has no records"
		default:
			what = "there is no CNAME"
		}
	}
	f := Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("the record is missing: the name servers of %s say of %s that %s", zoneText(p.facts.zone), p.Record.Name, what),
	}
	if c := p.facts.cut; !p.aboveDomain() && c.Parent.Within(p.registered()) {
		f.Message += fmt.Sprintf("; %s is a zone of its own, so a record that stands in %s, which delegates it, is not asked for", c.Zone, c.Parent)
	}
	if !p.aboveDomain() {
		gone, words := p.inTheWay(ctx)
		f.Fixes = []Fix{{Where: WhereZone, Message: p.create(words), Changes: append(gone, p.put())}}
	}
	p.Report(f, answersOf(denied)...)
	return nil
}

// nxName is the type in an NSEC record that says of a name that it does not exist (RFC 9824, 3.1): servers that sign while
// they answer deny names so, with NOERROR.
const nxName = "NXNAME"

// typesAt gives the types that an NSEC record in a denial says are at a name, without those of the denial itself; false where
// it has none of that name.
func typesAt(r resolver.Response, name resolver.Name) (types []string, ok bool) {
	for _, rr := range r.Authority {
		if rr.Type != resolver.TypeNSEC || rr.Name != name {
			continue
		}
		words := strings.Fields(rr.Text())
		return slices.DeleteFunc(words[min(1, len(words)):], func(t string) bool { return t == "RRSIG" || t == "NSEC" }), true
	}
	return nil, false
}
