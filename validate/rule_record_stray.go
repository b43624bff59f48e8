package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// StrayCopy is a rule that is not among [Rules]: of a record that is right it finds a copy at the name to which a console has
// appended the zone, left over from an earlier try. That takes a question more than a healthy record needs, two where there is
// such a copy; it is for whoever is about to tidy up.
func StrayCopy() Rule { return recordStray{} }

type recordStray struct{}

func (recordStray) Info() Info {
	return Info{
		ID:    "record-stray",
		Title: "a copy of the record stands where nobody asks for it",
		Text: "The record is right, and there is a copy of it one zone too deep, where a console has put it that appends the zone to a " +
			"full name. It does no harm but to whoever wonders later which of the two counts. Only fix looks for it, since a " +
			"record that is right needs no further question.",
		Wrong:    "_a79.example.com.example.com. CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws. alone",
		Fix:      "Nothing needs to be done; delete the longer of the two if it disturbs.",
		Severity: Notice,
		Refs:     []Ref{{"RFC 1035", "5.1"}, refArticle},
	}
}

func (recordStray) Run(ctx context.Context, p *Pass) error {
	if !p.allHold() {
		return fmt.Errorf("%w: the record itself is not right", ErrNotApplicable)
	}
	name, ok := p.Record.Name.Under(p.facts.zone)
	if !ok {
		return fmt.Errorf("%w: the name would be too long", ErrNotApplicable)
	}
	a, err := p.AskOne(ctx, name, resolver.TypeCNAME)
	if err != nil || !p.isCopy(a) {
		return err
	}
	probe, ok := name.Parent().Child(probeLabel(p.Record))
	if !ok {
		return nil
	}
	other, err := p.AskOne(ctx, probe, resolver.TypeCNAME)
	if err != nil || p.isCopy(other) {
		return err // whatever stands there answers for every name
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("a copy of the record stands at %s, too, where nobody asks for it; it does no harm", name),
		Fixes:      []Fix{{Where: WhereNowhere, Message: "leave it or delete it; the record itself stays as it is"}},
	}, a)
	return nil
}

// isCopy reports whether the answer is one CNAME with an accepted value.
func (p *Pass) isCopy(a resolver.Answer) bool {
	t := targets(a.Response, a.Question.Name)
	return len(t) == 1 && p.Record.Accepts(t[0])
}
