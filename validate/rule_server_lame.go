package validate

import (
	"context"
	"fmt"
)

// serverLame finds name servers that the zone is delegated to and that do not serve it.
type serverLame struct{}

func (serverLame) Info() Info {
	return Info{
		ID:    "server-lame",
		Title: "a name server that the zone is delegated to does not serve it",
		Text: "The server answers REFUSED, SERVFAIL or NOTAUTH, answers without authority, refers upwards, or its name has no " +
			"address. It was asked twice, over UDP and TCP. Resolvers go on to another server, so one lame server among " +
			"several slows and flickers; where all are lame nobody can resolve anything in the zone. Usual reasons: the zone " +
			"was deleted or never created at that provider, the bill was not paid, or the account still waits for the delegation.",
		Wrong:    "example.com. NS ns2.gone.example., and ns2.gone.example. answers REFUSED",
		Right:    "every name server in the delegation answers for example.com. with authority",
		Fix:      "Create the zone at that server's provider, or take the server out of the delegation and out of the zone's NS records.",
		Severity: Error,
		Explains: []ID{"servers-disagree"},
		Refs:     []Ref{{"RFC 9499", "7, lame delegation"}, {"RFC 1034", "4.2.2"}, {"RFC 1912", "2.8"}},
	}
}

func (serverLame) Run(_ context.Context, p *Pass) error {
	lame, failing := p.with(IsLame), p.with(IsFailing)
	bad := append(lame, failing...)
	if len(bad) == 0 {
		return nil
	}
	if p.facts.cut.Zone.IsRoot() {
		return p.intercepted(bad)
	}
	f := Finding{
		Severity: Warning, Confidence: Certain,
		Message: fmt.Sprintf("%s: %s", plural(len(bad), "a name server of "+p.facts.cut.Zone.String()+" does not serve the zone",
			"name servers of "+p.facts.cut.Zone.String()+" do not serve the zone"), list(bad, viewText)),
		Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("create the zone %s at %s, or take %s out of the delegation (at the registrar or in the "+
			"parent zone) and out of the zone's own NS records", p.facts.cut.Zone, list(bad, viewText), plural(len(bad), "it", "them"))}},
	}
	if len(bad) == len(p.facts.views) {
		f.Severity = Error
		f.Message = fmt.Sprintf("no name server of %s serves the zone: %s", p.facts.cut.Zone, list(bad, viewText))
		if len(failing) > 0 || p.aboveDomain() {
			f.Confidence = Likely // SERVFAIL may pass by itself
		}
	}
	p.Report(f, answersOf(bad)...)
	return nil
}

// intercepted is for root servers that seem not to serve the root: nobody saw that happen, whereas networks that answer
// DNS in everybody's name are common.
func (p *Pass) intercepted(bad []ServerView) error {
	const shown = 3
	p.Report(Finding{
		Confidence: Likely,
		Message: "the root servers seem not to serve the root zone: something between this machine and them (a router, firewall, VPN or sandbox) " +
			"answers in their place, so the public DNS cannot be seen from here",
		Fixes: []Fix{{Where: WhereNowhere, Message: "check again from a machine, or through a network, that lets port 53 (UDP and TCP) reach any address untouched"}},
	}, answersOf(bad[:min(shown, len(bad))])...)
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
