package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// nameUnderDNAME finds a DNAME above the name, which renames every name below it.
type nameUnderDNAME struct{}

func (nameUnderDNAME) Info() Info {
	return Info{
		ID:    "name-under-dname",
		Title: "a DNAME above the name sends it elsewhere",
		Text: "A DNAME renames every name below its own: servers make a CNAME of it for each, and what stands in the zone below it " +
			"is never seen. So no record at the name itself helps. (A CNAME at the domain does nothing of the kind: it says " +
			"nothing about the names below it.) Where the renamed name leads to the value, that is cname-chained.",
		Wrong:    "example.com. DNAME example.net.\n_a79.example.com. CNAME _424.acm-validations.aws.",
		Right:    "www.example.com. CNAME www.example.net.\n_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Replace the DNAME by records of their own, or create the record at the name that it leads to.",
		Severity: Error,
		Explains: []ID{"record-missing", "name-wildcarded", "value-mismatch"},
		Refs:     []Ref{{"RFC 6672", "2.4, 3.2 and 3.3"}},
	}
}

func (nameUnderDNAME) Run(ctx context.Context, p *Pass) error {
	owner, saw := p.renamedBy()
	if owner.IsZero() {
		return nil
	}
	end, err := p.chained(ctx)
	if err != nil || end.Reaches {
		return err
	}
	for _, v := range saw {
		for _, to := range targets(v.Response, p.Record.Name) {
			if p.Record.Accepts(to) {
				return nil // it is renamed to the value itself
			}
		}
	}
	fix := Fix{Where: WhereZone, Message: fmt.Sprintf("at %s, replace the DNAME at %s by a record for each name that needs one; then create %s CNAME %s", p.host(), owner,
		p.Record.Name, p.Record.Value)}
	fixes := []Fix{fix}
	if to := targets(saw[0].Response, p.Record.Name); len(to) == 1 {
		fixes = append(fixes, Fix{Where: WhereZone, Message: fmt.Sprintf("create the record where the DNAME leads to: %s CNAME %s (whether ACM follows is not documented)", to[0], p.Record.Value)})
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("the DNAME at %s renames every name below it: a record at %s is never seen", owner, p.Record.Name),
		Fixes:      fixes,
	}, answersOf(saw)...)
	return nil
}

// renamedBy gives the owner of the DNAME that made the CNAME of some server's answer, and the answers that show it; the
// zero name where there is none. A record at the name is not seen then (RFC 6672, 2.4 and 3.3).
func (p *Pass) renamedBy() (owner resolver.Name, saw []ServerView) {
	for _, v := range p.answered() {
		for _, rr := range v.Response.Answer {
			if rr.Type == resolver.TypeDNAME && p.Record.Name.Below(rr.Name) {
				owner = rr.Name
				saw = append(saw, v)
				break
			}
		}
	}
	return owner, saw
}
