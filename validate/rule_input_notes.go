package validate

import (
	"context"
	"strings"
)

// inputSwapped and inputUnclean report what reading the input had to mend.

type inputSwapped struct{}

func (inputSwapped) Info() Info {
	return Info{
		ID:    "input-swapped",
		Title: "name and value are the wrong way round",
		Text: "The name that was given ends in acm-validations.aws and the value does not. ACM's value is what ends so; the " +
			"two were exchanged, here and perhaps in the zone too. The check goes on with them put right.",
		Wrong:    "_424.acm-validations.aws. CNAME _a79.example.com.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Exchange the two, and look whether the zone holds them exchanged as well (value-swapped).",
		Severity: Warning,
		Input:    true,
		Refs:     []Ref{refAPI},
	}
}

func (inputSwapped) Run(_ context.Context, p *Pass) error {
	return reportNotes(p, Likely, "exchange name and value where they were taken from")
}

type inputUnclean struct{}

func (inputUnclean) Info() Info {
	return Info{
		ID:    "input-unclean",
		Title: "the input holds characters that are not part of the record",
		Text: "Pasting from mail, tickets and spreadsheets adds quotes, blanks, invisible characters, schemes and slashes. They " +
			"were taken away for this check. Where the zone holds them too, the record does not work.",
		Wrong:    "“_a79.example.com” CNAME https://_424.acm-validations.aws/",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Use the record as it is shown here, cleaned.",
		Severity: Notice,
		Input:    true,
		Explains: []ID{"value-mangled"},
		Refs:     []Ref{refArticle, {"Unicode Standard", "23.2, Layout Controls"}},
	}
}

func (inputUnclean) Run(_ context.Context, p *Pass) error {
	return reportNotes(p, Certain, "use the record as it is shown here; see that the zone does not hold the unclean one")
}

func reportNotes(p *Pass, c Confidence, fix string) error {
	var said []string
	for _, n := range p.Record.Notes {
		if n.Rule == p.rule.ID {
			said = append(said, n.Message)
			if n.Field == "domain" {
				fix += "; give the domain that this record proves, or leave it out"
			}
		}
	}
	if len(said) == 0 {
		return nil
	}
	p.Report(Finding{
		Confidence: c, Message: strings.Join(said, "; "),
		Evidence: []Evidence{{Text: "understood as: " + p.Record.Name.String() + " CNAME " + p.Record.Value.String()}},
		Fixes:    []Fix{{Where: WhereInput, Message: fix}},
	})
	return nil
}
