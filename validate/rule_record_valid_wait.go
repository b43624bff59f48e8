package validate

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// recordValidWait says what to expect when everything is right and ACM has not looked yet.
type recordValidWait struct{}

func (recordValidWait) Info() Info {
	return Info{
		ID:    "record-valid-wait",
		Title: "everything is right; ACM has not looked yet",
		Text: "The record is right everywhere and the certificate is still pending. ACM looks at once after the request and then " +
			"ever less often; it cannot be told to look. Most certificates are issued within 30 minutes of the record being " +
			"there, some after hours, when the record came late.",
		Wrong:       "Status PENDING_VALIDATION, the record just created",
		Right:       "Status ISSUED",
		Fix:         "Wait. Where it has been right for six hours: a new request for the same names asks for the same record and is looked at from the start.",
		Severity:    Notice,
		Certificate: true,
		Refs:        []Ref{refArticle, refValidation},
	}
}

// slowAfter is the age of a request from which on a new one is likely to be quicker.
const slowAfter = 6 * time.Hour

func (recordValidWait) Run(ctx context.Context, p *Pass) error {
	c := p.Record.Certificate
	if _, other := p.Record.notDNS(); other || c.Status != statusPending || !c.Asks(p.Record) {
		return ErrNotApplicable
	}
	if v, _ := p.verdict(ctx); v != Valid {
		return nil
	}
	waits := func(d DomainValidation) bool { return d.Status != statusSuccess }
	found := !slices.ContainsFunc(c.Domains, func(d DomainValidation) bool { return p.Record.proves(d) && waits(d) })
	others := slices.ContainsFunc(p.Record.othersOf(c.Domains), waits)
	if found && others {
		return nil // certificate-other-domain
	}
	deadline := c.Deadline()
	if !deadline.IsZero() && !p.Now.Before(deadline) {
		return nil // certificate-timed-out
	}
	f := Finding{Confidence: Certain, Message: "the record is right and ACM has not looked yet: it is usually issued within 30 minutes, at times hours; there is no way to make ACM look now"}
	if len(c.Domains) > 0 && found && !others {
		f.Message = "ACM has found every record and is about to issue the certificate"
	}
	fix := Fix{Where: WhereNowhere, Message: "wait, and leave the record as it is"}
	if !deadline.IsZero() {
		f.Message += fmt.Sprintf("; it looks until %s", moment(deadline))
	}
	f.Fixes = []Fix{fix}
	if age := p.Now.Sub(c.Created); !c.Created.IsZero() && age > slowAfter {
		f.Message += fmt.Sprintf("; the request is %s old, and ACM looks ever less often", spanText(age))
		f.Fixes = append(f.Fixes, Fix{
			Where:   WhereACM,
			Message: "request the certificate again, in the same account: it asks for the same record, is looked at from the start, and nothing is to be changed in the DNS:\n" + c.requestAgain(),
		})
	}
	p.Report(f)
	return nil
}
