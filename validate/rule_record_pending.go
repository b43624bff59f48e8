package validate

import (
	"context"
	"time"
)

// recordPending says why there is nothing to check yet.
type recordPending struct{}

func (recordPending) Info() Info {
	return Info{
		ID:    "record-pending",
		Title: "ACM has not issued the record yet",
		Text: "For some seconds after a request, at times a minute, ACM lists the certificate's domains without their records. " +
			"There is nothing to look for until it does.",
		Wrong:       "DomainValidationOptions without ResourceRecord",
		Right:       "DomainValidationOptions with ResourceRecord, a CNAME",
		Fix:         "Ask ACM again in some seconds.",
		Severity:    Warning,
		Input:       true,
		Certificate: true,
		Refs:        []Ref{refAPI},
	}
}

// recordIssuedBy is the age of a request at which its record is there for sure.
const recordIssuedBy = 10 * time.Minute

func (recordPending) Run(_ context.Context, p *Pass) error {
	if !p.Record.awaited() {
		return nil
	}
	text := "ACM has not issued the record" + p.Record.forDomains() + " yet"
	if c := p.Record.Certificate; !c.Created.IsZero() && p.Now.After(c.Created) {
		text += ", " + spanText(p.Now.Sub(c.Created)) + " after the request"
	}
	f := Finding{
		Confidence: Certain, Message: text,
		Fixes: []Fix{{Where: WhereNowhere, Message: "ask again in a few seconds: ACM gives the record some seconds after the request"}},
	}
	if age := p.Now.Sub(p.Record.Certificate.Created); !p.Record.Certificate.Created.IsZero() && age > recordIssuedBy {
		f.Confidence = Likely
		f.Message += ", or what it said is older than that"
		f.Fixes[0].Message = "ask ACM for the certificate again (aws acm describe-certificate): by now it has given the record"
	}
	p.Report(f)
	return nil
}
