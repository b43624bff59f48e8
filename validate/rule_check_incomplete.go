package validate

import (
	"context"
)

// checkIncomplete says why a verdict is undetermined where no other rule does.
type checkIncomplete struct{}

func (checkIncomplete) Info() Info {
	return Info{
		ID:    "check-incomplete",
		Title: "the DNS did not answer well enough to say",
		Text: "Time or questions ran out, answers contradict each other above the zone, or a name that the record leads to could " +
			"not be looked up. What is not known is not guessed: this is no verdict on the record.",
		Wrong:    "the time set by --timeout was over before every server had its turn",
		Right:    "every server answers in time",
		Fix:      "Check again, with a longer --timeout.",
		Severity: Warning,
		Refs:     []Ref{{"RFC 1034", "5.3.1"}},
	}
}

func (checkIncomplete) Run(ctx context.Context, p *Pass) error {
	verdict, why := p.verdict(ctx)
	if verdict == Undetermined && p.lacks.Load() {
		p.Report(Finding{Confidence: Certain, Message: "not determined: " + transcriptLacks, Fixes: []Fix{{
			Where: WhereNowhere, Message: "record a transcript of this very record anew (--transcript); the one replayed does not hold all that is asked",
		}}})
		return nil
	}
	if verdict != Undetermined || len(p.answered()) == 0 && len(p.with(IsLame, IsFailing)) == 0 {
		return nil // valid, invalid, or said by server-unreachable
	}
	if lame := len(p.with(IsLame, IsFailing)); len(p.answered()) == 0 && (lame == len(p.facts.views) || lame > 0 && p.facts.cut.Zone.IsRoot()) {
		return nil // said by server-lame
	}
	if end, err := p.chained(ctx); err == nil && end.Reaches {
		return nil // said by cname-chained
	}
	record, _ := p.recordVerdict(ctx)
	security, _ := p.securityVerdict(ctx)
	if record == Valid && security == Valid && p.caaIsUnanswered(ctx) {
		return nil // said by caa-unanswered
	}
	saw := answersOf(p.with(IsSilent))
	fix := "check again, with a longer time-out (--timeout)"
	f := Finding{Confidence: Certain, Message: "not determined: " + why}
	if s, err := p.Security(ctx); err == nil && record == Valid && security == Undetermined && !p.short.Load() {
		fix = "see that this machine's clock is right, that the trust anchors are those of the root servers asked, and that nothing on the way changes answers; then check again"
		for _, x := range s.Faults {
			f.Evidence = append(f.Evidence, sawSigned(x.Saw)...)
		}
	}
	f.Fixes = []Fix{{Where: WhereNowhere, Message: fix}}
	p.Report(f, saw...)
	return nil
}
