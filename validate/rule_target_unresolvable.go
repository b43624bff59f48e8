package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// targetUnresolvable notes that this machine's resolver cannot look up ACM's own name, which is no fault of the record.
type targetUnresolvable struct{}

func (targetUnresolvable) Info() Info {
	return Info{
		ID:    "target-unresolvable",
		Title: "this machine's resolver does not resolve ACM's target, which does not matter",
		Text: "A CA reads the CNAME record; it does not need an address behind it. Checkers that follow the CNAME report an error " +
			"where a network's resolver blocks acm-validations.aws or all of .aws, and so does dig without a type. That the name " +
			"has no address, by the word of its own zone, is normal and not told here.",
		Wrong:    "dig _a79.example.com. says SERVFAIL, and dig _a79.example.com. CNAME shows the record",
		Right:    "dig _a79.example.com. CNAME shows the record",
		Fix:      "Nothing. Ask for type CNAME.",
		Severity: Notice,
		Refs:     []Ref{{"RFC 1034", "3.6.2"}, {"RFC 8914", "4.16 to 4.19"}},
	}
}

func (targetUnresolvable) Run(_ context.Context, p *Pass) error {
	all, err := p.heard()
	if err != nil {
		return err
	}
	own := where(all, func(x witness) bool { return x.own })
	if len(own) == 0 || own[0].says(p.Record) != SaysRecord {
		return fmt.Errorf("%w: this machine's own resolver was not asked, or does not have the record", ErrNotApplicable)
	}
	a := own[0].target
	if a.Err != nil {
		return fmt.Errorf("%w: %s: %s", ErrUndetermined, own[0], reasonText(a.Err))
	}
	switch soa, denied := a.Response.SOA(); {
	case a.Response.RCode == resolver.NoError && !(witness{answer: a}).filtered():
		return nil
	case a.Response.RCode == resolver.NXDomain && denied && p.Record.Value.Within(soa.Name) && !(witness{answer: a}).filtered():
		return nil // ACM's own zone, or one above it, says so
	}
	p.Report(Finding{
		Confidence: Certain,
		Message: fmt.Sprintf("%s does not resolve %s, to which the record points. A CA does not need that: it reads the CNAME. Ask with type CNAME to see it",
			own[0].named(), p.Record.Value),
		Fixes: []Fix{{Where: WhereNowhere, Message: "leave it as it is"}},
	}, a)
	return nil
}
