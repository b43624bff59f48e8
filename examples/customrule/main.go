// Command customrule checks one record with all rules of package validate and one more: the house rule that the record's
// TTL is at most an hour, so that a mistake is soon forgotten.
//
//	customrule _a79….example.com. _424….acm-validations.aws.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: customrule NAME VALUE")
		os.Exit(2)
	}
	if err := diagnose(context.Background(), os.Stdout, &validate.Checker{}, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "customrule:", err)
		os.Exit(1)
	}
}

func diagnose(ctx context.Context, w io.Writer, checker *validate.Checker, name, value string) error {
	record, _, err := validate.ParseRecord("", name, value)
	if err != nil {
		return err
	}
	checker.Rules = append(validate.Rules(), houseTTL{}) // the slice that Rules gives is ours
	report, err := checker.Check(ctx, record)
	if err != nil {
		return err
	}
	return report.WriteText(w, validate.Text{})
}

// longestTTL is what the handbook allows, in seconds.
const longestTTL = 3600

// houseTTL finds records that are remembered for longer than an hour.
type houseTTL struct{}

func (houseTTL) Info() validate.Info {
	return validate.Info{
		ID:       "house-ttl",
		Title:    "the record's TTL is longer than our handbook allows",
		Text:     "Resolvers remember a record for its TTL. We keep it at an hour, so that a mistake is gone after lunch.",
		Wrong:    "_a79.example.com. 86400 CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com. 3600 CNAME _424.acm-validations.aws.",
		Fix:      "Set the record's TTL to 3600.",
		Severity: validate.Notice,
		Refs:     []validate.Ref{{Source: "Our handbook", Section: "DNS, 4.2"}},
	}
}

func (houseTTL) Run(_ context.Context, p *validate.Pass) error {
	for _, view := range p.Servers() { // what each name server said about the record; nothing more is asked
		if view.Standing != validate.Holds {
			continue
		}
		for _, rr := range view.Response.RRs(p.Record.Name, resolver.TypeCNAME) {
			if rr.TTL <= longestTTL {
				continue
			}
			p.Report(validate.Finding{
				Confidence: validate.Certain,
				Message:    fmt.Sprintf("the record's TTL is %d seconds; our handbook allows %d", rr.TTL, longestTTL),
			}, view.Answer)
			return nil
		}
	}
	return nil
}
