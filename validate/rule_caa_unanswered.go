package validate

import (
	"context"
	"errors"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// caaUnansweredRule finds a name on the way of the CAA look-up for which no server answers.
type caaUnansweredRule struct{}

func (caaUnansweredRule) Info() Info {
	return Info{
		ID:    "caa-unanswered",
		Title: "the CAA records cannot be looked up",
		Text: "Every server of a zone on the way was asked for CAA, twice, and failed, refused or stayed silent: firewalls and old " +
			"servers drop types that they do not know. That there is no such record would be an answer; no answer is none. A CA " +
			"may then go on only where the zone is proven to be unsigned, and it is free not to.",
		Wrong:    "example.com. CAA is answered with SERVFAIL, or not at all",
		Right:    "example.com. CAA is answered with NOERROR and no records",
		Fix:      "Whoever runs the name servers has to let them answer for type 257 (CAA).",
		Severity: Error,
		Refs:     []Ref{{"CA/Browser Forum Baseline Requirements", "3.2.2.8"}, {"RFC 8659", "3"}, {"RFC 3597", "3"}},
	}
}

func (caaUnansweredRule) Run(ctx context.Context, p *Pass) error {
	if !p.zoneAnswers() {
		return ErrNotApplicable
	}
	var unknown error
	told := map[resolver.Name]bool{}
	for _, d := range p.domains() {
		_, err := p.CAA(ctx, d)
		un := (*caaUnanswered)(nil)
		if !errors.As(err, &un) {
			if err != nil {
				unknown = err
			}
			continue
		}
		if told[un.name] {
			continue
		}
		told[un.name] = true
		f := Finding{
			Severity: Warning, Confidence: Likely,
			Message: fmt.Sprintf("no server answers for CAA at %s, so whether Amazon may issue for %s cannot be told; a CA may issue all the same, and need not", un.name, d.Text()),
		}
		if p.mustAnswer(ctx, un) {
			f.Severity, f.Confidence = Error, Certain
			f.Message = fmt.Sprintf("no server answers for CAA at %s, and its zone is signed: no CA may issue for %s then", un.name, d.Text())
		}
		f.Fixes = []Fix{{Where: WhereServers, Message: fmt.Sprintf("let the name servers of %s answer for type 257 (CAA), over UDP and TCP: where there are no such records, "+
			"with NOERROR and none", un.name)}}
		p.Report(f, un.saw...)
	}
	return unknown
}

// mustAnswer reports whether the zone in which nobody answers is secure: then no CA may take silence for permission.
func (p *Pass) mustAnswer(ctx context.Context, un *caaUnanswered) bool {
	for _, a := range un.saw {
		if cut, ok := p.cutFor(a); ok {
			return p.zoneOf(ctx, cut).Status == dnssec.Secure
		}
	}
	return false
}

// caaIsUnanswered reports whether it is the servers' silence about CAA that leaves the verdict open.
func (p *Pass) caaIsUnanswered(ctx context.Context) bool {
	for _, d := range p.domains() {
		_, err := p.CAA(ctx, d)
		if un := (*caaUnanswered)(nil); err != nil && !errors.As(err, &un) {
			return false
		}
	}
	return true
}
