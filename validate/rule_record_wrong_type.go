package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// recordWrongType finds the right text in a record of the wrong type.
type recordWrongType struct{}

func (recordWrongType) Info() Info {
	return Info{
		ID:    "record-wrong-type",
		Title: "the value is there, in a record of another type than CNAME",
		Text: "Other services validate by TXT, and forms offer many types. ACM reads a CNAME and nothing else, so the right text " +
			"in a TXT or NS record does not count.",
		Wrong:    "_a79.example.com. TXT \"_424.acm-validations.aws.\"",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Delete that record and create the CNAME.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{refAPI, {"RFC 1035", "3.3.1"}},
		Probe:    true,
	}
}

func (recordWrongType) Run(ctx context.Context, p *Pass) error {
	if p.aboveDomain() {
		return ErrNotApplicable
	}
	answers := p.atName(ctx, resolver.TypeTXT, resolver.TypeNS)
	for _, a := range answers {
		if a.Err != nil {
			continue
		}
		rrs := a.Response.RRs(p.Record.Name, a.Question.Type)
		if a.Question.Type == resolver.TypeNS && len(rrs) == 0 { // a delegation of the name itself is a referral
			for _, rr := range a.Response.Authority {
				if rr.Type == resolver.TypeNS && rr.Name == p.Record.Name {
					rrs = append(rrs, rr)
				}
			}
		}
		c := Change{Name: p.Record.Name, Type: a.Question.Type}
		found := false
		for _, rr := range rrs {
			c.From, c.TTL = append(c.From, rr.Text()), rr.TTL
			found = found || p.sameText(rr)
		}
		if all := deletions(otherData(slices.DeleteFunc(slices.Clone(answers), func(b resolver.Answer) bool { return b.Question.Type != a.Question.Type }), p.Record.Name)); len(all) == 1 {
			c = all[0]
		}
		if !found || p.wildcardOf(ctx, otherData([]resolver.Answer{a}, p.Record.Name)) && a.Question.Type == resolver.TypeTXT {
			continue // nothing is there, or what a wildcard gives to any name
		}
		gone, words := p.inTheWay(ctx)
		gone = slices.DeleteFunc(gone, func(x Change) bool { return x.Type == c.Type })
		if len(gone) == 0 {
			words = ""
		}
		p.Report(Finding{
			Confidence: Certain,
			Message:    fmt.Sprintf("the value stands at %s in a record of type %s; ACM reads a CNAME only", p.Record.Name, a.Question.Type),
			Fixes: []Fix{{
				Where: WhereZone, Changes: append([]Change{c}, append(gone, p.put())...),
				Message: fmt.Sprintf("delete the %s record at %s; then, %s", a.Question.Type, p.Record.Name, p.create(words)),
			}},
		}, a)
		return nil
	}
	return Answers(answers).Known()
}

// sameText reports whether a TXT or NS record says the record's value, quotes, blanks and final dot aside.
func (p *Pass) sameText(rr resolver.RR) bool {
	if t, ok := rr.Target(); ok {
		return p.Record.Accepts(t)
	}
	text := strings.Trim(strings.Join(rr.Strings(), ""), " \t\"'")
	for _, word := range strings.Fields(text) {
		if n, err := resolver.ParseName(strings.Trim(word, `"'`)); err == nil && p.Record.Accepts(n) {
			return true
		}
	}
	return false
}
