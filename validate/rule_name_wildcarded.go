package validate

import (
	"context"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// nameWildcarded finds that what answers for the name is a wildcard.
type nameWildcarded struct{}

func (nameWildcarded) Info() Info {
	return Info{
		ID:    "name-wildcarded",
		Title: "a wildcard answers for the name",
		Text: "A record at * answers for every name below that does not exist, so dig shows something although the record was " +
			"never created. A name beside it that nobody has gives the same answer, which is how a wildcard is told from a " +
			"record. An explicit record beats the wildcard. Where the wildcard happens to have the right value the record is " +
			"valid, until somebody adds a name that blocks it.",
		Wrong:    "*.example.com. CNAME shop.example.net.",
		Right:    "*.example.com. CNAME shop.example.net.\n_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Create the record; the wildcard may stay.",
		Severity: Error,
		Explains: []ID{"record-missing", "value-mismatch"},
		Refs:     []Ref{{"RFC 4592", "2.2 and 3.3"}, {"RFC 1034", "4.3.3"}},
	}
}

func (nameWildcarded) Run(ctx context.Context, p *Pass) error {
	first, ok := p.firstAnswering()
	if !ok || p.aboveDomain() {
		return ErrNotApplicable
	}
	if first.Standing == Holds && p.trusts(p.facts.cut) && !fromWildcard(first.Answer) {
		if s, err := p.Security(ctx); err == nil && s.Status == dnssec.Secure {
			return nil // its signature says so
		}
	}
	if p.lean && len(p.with(Holds)) == len(p.answered()) && !fromWildcard(first.Answer) {
		return ErrNotApplicable
	}
	beside, err := p.probe(ctx)
	if err != nil {
		return err
	}
	here, there := first.CNAMEs(), targets(beside.Response, beside.Question.Name)
	saw := []resolver.Answer{first.Answer, beside}
	switch {
	case len(here) > 0 && slices.Equal(here, there):
		if made, err := p.madeByWildcard(ctx, first.Answer, resolver.TypeCNAME); err != nil || !made {
			return err
		}
	case len(here) == 0 && len(there) == 0:
		// Addresses may come from a wildcard too. Only where the name has some is it worth a question for the other.
		if first.Response.RCode == resolver.NXDomain {
			return nil
		}
		answers := p.atName(ctx, resolver.TypeA, resolver.TypeAAAA)
		addrs := otherData(answers, p.Record.Name)
		if len(addrs) == 0 {
			return Answers(answers).Known()
		}
		if !p.wildcardOf(ctx, addrs) {
			return nil
		}
		saw = addrs
		for _, a := range addrs {
			if b, err := p.AskOne(ctx, beside.Question.Name, a.Question.Type); err == nil {
				saw = append(saw, b)
			}
		}
	default:
		return nil
	}
	if len(here) == 1 && p.Record.Accepts(here[0]) {
		sure := Likely // tinydns answers by a wildcard below names that exist, too
		if fromWildcard(first.Answer) {
			sure = Certain
		}
		p.Report(Finding{
			Severity: Notice, Confidence: sure,
			Message: fmt.Sprintf("the value comes from a wildcard, not from a record at %s; any record at or below that name would hide it", p.Record.Name),
			Fixes:   []Fix{{Where: WhereZone, Message: p.create()}},
		}, saw...)
		return nil
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("a wildcard answers for %s; the record itself is not there", p.Record.Name),
		Fixes: []Fix{{
			Where: WhereZone, Changes: []Change{p.put()},
			Message: p.create("the wildcard may stay: an explicit record beats it"),
		}},
	}, saw...)
	return nil
}
