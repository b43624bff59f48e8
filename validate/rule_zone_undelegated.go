package validate

import (
	"context"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// zoneUndelegated finds a domain that its parent does not delegate: whatever a provider's console shows, no resolver gets
// there.
type zoneUndelegated struct{}

func (zoneUndelegated) Info() Info {
	return Info{
		ID:    "zone-undelegated",
		Title: "the domain is not delegated in the public DNS",
		Text: "The zone above answers that it does not delegate the domain: never registered, misspelt, expired, put on hold by " +
			"registry or registrar, or without name servers at the registrar. A name exists only if its parent delegates it, " +
			"so a record at a provider that nobody is sent to does not count. The same goes for a zone below the domain that was " +
			"created at a provider and that the domain's own zone does not delegate.",
		Wrong: "com. holds no NS records for example.com.",
		Right: "example.com. NS ns1.host.example., in the zone com.",
		Fix: "Register or renew the domain, clear the hold, or enter the provider's name servers at the registrar; a zone below it: create its NS " +
			"records in the zone above, or the record itself there.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{{"RFC 1034", "4.2.1"}, {"RFC 2308", "2.1"}, {"RFC 5731", "2.3, clientHold and serverHold"}},
	}
}

func (zoneUndelegated) Run(ctx context.Context, p *Pass) error {
	f := &p.facts
	if !p.aboveDomain() {
		return p.subzoneUndelegated(ctx)
	}
	if f.cut.Zone.IsZero() || len(f.undelegated) == 0 {
		return ErrNotApplicable
	}
	if p.registryDisagrees() {
		return fmt.Errorf("%w: the servers of %s do not agree whether %s is delegated, or could not all be asked", ErrUndetermined, zoneText(f.cut.Zone), p.registered())
	}
	if why := p.denialDoubt(ctx); why != "" {
		return fmt.Errorf("%w: %s", ErrUndetermined, why)
	}
	var denied []resolver.Answer
	says := "have no name servers for it, though the name is there" // RFC 2308, 2.2: something is at the name or below it
	for _, a := range f.undelegated {
		if a.Err != nil {
			continue
		}
		switch a.Response.Means(f.cut.Zone) {
		case resolver.NoSuchName:
			says = "say that it does not exist"
			denied = append(denied, a)
		case resolver.NoData:
			denied = append(denied, a)
		case resolver.Answers:
			return fmt.Errorf("%w: %s answers for %s itself", ErrUndetermined, serverText(a.Server), p.registered())
		}
	}
	if len(denied) == 0 {
		return Answers(f.undelegated).Known()
	}
	domain := p.registered()
	msg := fmt.Sprintf("%s is not delegated: the servers of %s %s", domain, zoneText(f.cut.Zone), says)
	if held := p.lookElsewhere(ctx); len(held) > 0 {
		msg += fmt.Sprintf("; the record is at %s, where nobody is sent to", serverText(held[0].Server))
		denied = append(denied, held...)
	}
	p.Report(Finding{
		Confidence: Certain, Message: msg,
		Fixes: []Fix{{Where: WhereRegistrar, Message: fmt.Sprintf("at the registrar of %s: see that it is registered, paid for and not on hold "+
			"(its RDAP or WHOIS status tells), and enter the name servers of the zone that holds the record", domain)}},
	}, denied...)
	return nil
}

// subzoneUndelegated is for a zone below the domain's own that was created at a provider and is delegated by nobody. Only
// the user can know of it: where it is held is not in the DNS.
func (p *Pass) subzoneUndelegated(ctx context.Context) error {
	f := &p.facts
	if len(p.elsewhere) == 0 || len(p.answered()) == 0 || len(p.with(Holds)) > 0 {
		return ErrNotApplicable
	}
	if end, err := p.chained(ctx); err != nil || end.Reaches {
		return err // the servers that the world asks lead to the value, or may
	}
	there := p.heldElsewhere(ctx)
	if there.Below.IsZero() {
		return nil
	}
	servers := list(there.NameServers, nameText)
	if len(there.NameServers) == 0 {
		servers = list(there.Held, func(a resolver.Answer) string { return serverText(a.Server) })
	}
	p.Report(Finding{
		Confidence: Certain,
		Message: fmt.Sprintf("the record is in the zone %s at %s, and %s does not delegate that zone: nobody is sent there", there.Below,
			list(there.Held, func(a resolver.Answer) string { return serverText(a.Server) }), f.zone),
		Fixes: []Fix{p.mendHere(ctx), {Where: WhereParent, Message: fmt.Sprintf("if %s is to be a zone of its own, delegate it: in the zone %s, create NS records at %s for %s", there.Below,
			f.zone, there.Below, servers)}},
	}, slices.Concat(there.Held[:1], there.Saw, answersOf(p.with(Denies, Differs, Several)))...)
	return nil
}
