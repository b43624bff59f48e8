package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// zoneSuspended finds a domain that is delegated to a service for parked or suspended domains.
type zoneSuspended struct{}

func (zoneSuspended) Info() Info {
	return Info{
		ID:    "zone-suspended",
		Title: "the domain is delegated to a service for parked or suspended domains",
		Text: "A registrar that waits for the registrant's e-mail address to be confirmed, or for a bill to be paid, sends the " +
			"domain to name servers of its own; so do services that sell domains. These answer any name with the same page, and " +
			"what stands in the zone at a provider is not asked for. It is told from the names of the servers, by a list that " +
			"is data; that a zone answers every name alike is no sign by itself, since any wildcard does.",
		Wrong:    "example.com. NS ns1.suspended-domain.com.",
		Right:    "example.com. NS ns1.host.example., whoever hosts the zone",
		Fix:      "At the registrar, confirm the contact's e-mail address or renew the domain; the name servers then come back, or are entered anew.",
		Severity: Error,
		Explains: []ID{"record-missing", "name-wildcarded", "server-lame", "server-unreachable", "record-flattened", "delegation-mismatch"},
		Refs:     []Ref{{"ICANN Registrar Accreditation Agreement", "WHOIS Accuracy Program Specification, 4 and 5"}, {"DNSimple support", "registrant validation, DNS1 to DNS5.NAME-SERVICES.COM"}},
	}
}

func (zoneSuspended) Run(_ context.Context, p *Pass) error {
	if p.aboveDomain() {
		return ErrNotApplicable
	}
	servers := namesOf(p.facts.cut.NameServers)
	kind, ok := parkedAt(servers)
	if !ok || len(p.with(Holds)) > 0 {
		return nil // whoever put the record there uses these servers
	}
	at := list(servers, nameText)
	f := Finding{
		Confidence: Likely,
		Fixes: []Fix{{Where: WhereRegistrar, Message: fmt.Sprintf("at the registrar of %s: look what it says of the domain's state (RDAP or WHOIS tells, too), confirm the "+
			"contact's e-mail address, pay or renew; then see that the name servers of the zone that holds the record stand there", p.facts.cut.Zone)}},
	}
	switch kind {
	case suspended:
		f.Message = fmt.Sprintf("%s is delegated to %s, where registrars send domains that they have suspended", p.facts.cut.Zone, at)
	case parked:
		f.Message = fmt.Sprintf("%s is delegated to %s, a service for parked domains", p.facts.cut.Zone, at)
	default:
		f.Severity, f.Confidence = Warning, Possible
		f.Message = fmt.Sprintf("%s is delegated to %s, where a registrar serves ordinary zones and also sends domains whose registrant has not confirmed an e-mail address",
			p.facts.cut.Zone, at)
	}
	var saw []resolver.Answer
	if len(p.facts.cut.Referrals) > 0 {
		saw = p.facts.cut.Referrals[:1]
	}
	p.Report(f, saw...)
	return nil
}
