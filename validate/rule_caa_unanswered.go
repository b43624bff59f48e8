package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
			"may then go on only where the zone is proven to be unsigned, and it is free not to. Where some servers answer and " +
			"others do not, a CA that comes to one of these asks another: that is a warning.",
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
	var some []resolver.Answer
	told := map[resolver.Name]bool{}
	for _, d := range p.domains() {
		c, err := p.CAA(ctx, d)
		for _, a := range c.Unanswered {
			if !slices.ContainsFunc(some, func(b resolver.Answer) bool { return b.Question == a.Question }) {
				some = append(some, a)
			}
		}
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
	if len(some) > 0 {
		var servers []resolver.Server
		var names []resolver.Name
		for _, a := range some {
			if !slices.Contains(servers, a.Server) {
				servers = append(servers, a.Server)
			}
			if !slices.Contains(names, a.Question.Name) {
				names = append(names, a.Question.Name)
			}
		}
		who := list(servers, serverText)
		p.Report(Finding{
			Severity: Warning, Confidence: Likely,
			Message: fmt.Sprintf("%s %s for CAA at %s, which other servers of the zone do: a CA that comes there has to ask another one", who,
				plural(len(servers), "does not answer", "do not answer"), list(names, resolver.Name.String)),
			Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("let %s answer for type 257 (CAA) as the other servers do, over UDP and TCP; or take it out of the delegation", who)}},
		}, some...)
	}
	return unknown
}

// mustAnswer reports whether the zone in which nobody answers is secure: then no CA may take silence for permission. Where a
// server was silent to everything it may be that one answers, and nothing is certain.
func (p *Pass) mustAnswer(ctx context.Context, un *caaUnanswered) bool {
	if un.mayBe {
		return false
	}
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
