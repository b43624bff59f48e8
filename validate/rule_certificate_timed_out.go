package validate

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// certificateTimedOut finds a request that ACM has given up, or is about to. A fault of the record is a finding of its own
// beside it, with its own fix: neither explains the other away, for both must be done, the record first.
type certificateTimedOut struct{}

func (certificateTimedOut) Info() Info {
	return Info{
		ID:    "certificate-timed-out",
		Title: "the 72 hours are over: request a new certificate",
		Text: "ACM looks for the records of a request for 72 hours and then gives up for good; no change in the DNS brings " +
			"that request back. A new one for the same names, in the same account, asks for the very same record: what is " +
			"right in the DNS stays as it is, and the new certificate is issued within minutes.",
		Wrong:       "Status VALIDATION_TIMED_OUT, or PENDING_VALIDATION and asked for more than 72 hours ago",
		Right:       "the record in place, then a new request",
		Fix:         "Put the record right, request the certificate again, use the new ARN, delete the old certificate.",
		Severity:    Error,
		Input:       true,
		Certificate: true,
		Explains:    []ID{"input-invalid"},
		Refs:        []Ref{refCertificate, refTroubleshoot},
	}
}

// lastHours is how long before the deadline an invalid record becomes urgent.
const lastHours = 12 * time.Hour

func (certificateTimedOut) Run(ctx context.Context, p *Pass) error {
	c := p.Record.Certificate
	deadline := c.Deadline()
	if c.Status == statusTimedOut {
		text := "ACM gave up on this request"
		if !c.Created.IsZero() {
			text += " at " + moment(c.Created.Add(ValidationWindow)) + ", 72 hours after it was made"
		} else {
			text += " after 72 hours"
		}
		p.Report(Finding{Confidence: Certain, Message: text + ": nothing in the DNS brings it back; request a new one", Fixes: p.requestAnew(ctx)})
		return nil
	}
	if deadline.IsZero() {
		return ErrNotApplicable
	}
	left := deadline.Sub(p.Now)
	switch {
	case left <= 0:
		p.Report(Finding{
			Confidence: Likely, // what ACM said may be old by now
			Message: fmt.Sprintf("ACM was to give up on this request at %s, %s ago: request a new one, unless it has been issued meanwhile",
				moment(deadline), spanText(-left)),
			Fixes: p.requestAnew(ctx),
		})
	case left <= lastHours:
		if v, _ := p.verdict(ctx); v == Valid {
			return nil
		}
		p.Report(Finding{
			Severity: Warning, Confidence: Certain,
			Message: fmt.Sprintf("ACM gives up on this request at %s, in %s: the record must be right by then, or a new request is needed",
				moment(deadline), spanText(left)),
		})
	}
	return nil
}

// requestAnew is the fix where a request is lost.
func (p *Pass) requestAnew(ctx context.Context) []Fix {
	c := p.Record.Certificate
	lines := []string{"request the certificate again, with the same names and in the same account:", c.requestAgain()}
	switch verdict, _ := p.verdict(ctx); {
	case verdict == Valid:
		lines = append(lines, "nothing is to be changed in the DNS: the new request asks for the same record, and finds it")
	case !p.Record.Name.IsZero():
		lines = append(lines, "the new request asks for the same record: put that right first, or the 72 hours begin to run for nothing")
	}
	if len(c.InUseBy) > 0 {
		lines = append(lines, "once it is issued, use its ARN in place of this one at "+strings.Join(c.InUseBy, ", "))
	}
	if c.ARN != "" {
		lines = append(lines, "then delete this one:", deleteCommand(c))
	}
	return []Fix{{Where: WhereACM, Message: strings.Join(lines, "\n")}}
}

func deleteCommand(c Certificate) string {
	s := "  aws acm delete-certificate"
	if r := c.Region(); r != "" {
		s += " --region " + shellWord(r)
	}
	return s + " --certificate-arn " + shellWord(c.ARN)
}
