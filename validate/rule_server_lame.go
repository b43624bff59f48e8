package validate

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
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
		Explains: []ID{"servers-disagree", "perspective-differs"},
		Refs:     []Ref{{"RFC 9499", "7, lame delegation"}, {"RFC 1034", "4.2.2"}, {"RFC 1912", "2.8"}},
	}
}

func (serverLame) Run(ctx context.Context, p *Pass) error {
	lame, failing := p.with(IsLame), p.with(IsFailing)
	bad := append(lame, failing...)
	if !p.aboveDomain() && len(p.answered()) > 0 {
		moved := p.outdatedGlue(ctx)
		bad = slices.DeleteFunc(bad, func(v ServerView) bool { return v.Delegated && slices.Contains(moved, v.Server.Name) })
	}
	if len(bad) == 0 {
		return nil
	}
	if p.facts.cut.Zone.IsRoot() {
		return p.intercepted(bad)
	}
	f := Finding{
		Severity: Warning, Confidence: Certain, Evidence: p.waysIn(),
		Message: fmt.Sprintf("%s: %s", plural(len(bad), "a name server of "+p.facts.cut.Zone.String()+" does not serve the zone",
			"name servers of "+p.facts.cut.Zone.String()+" do not serve the zone"), list(bad, viewText)),
		Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("create the zone %s at %s, or take %s out of the delegation (at the registrar or in the "+
			"parent zone) and out of the zone's own NS records", p.facts.cut.Zone, list(bad, viewText), plural(len(bad), "it", "them"))}},
	}
	if len(bad) == len(p.facts.views) {
		f.Severity = Error
		f.Message = fmt.Sprintf("no name server of %s serves the zone: %s", p.facts.cut.Zone, list(bad, viewText))
		f.Fixes[0].Message = fmt.Sprintf("create the zone %s at whoever runs %s; or, where another host has the zone, name its servers in place of these in the "+
			"delegation (at the registrar or in the parent zone)", p.facts.cut.Zone, list(bad, viewText))
		if len(failing) > 0 || p.aboveDomain() {
			f.Confidence = Likely // SERVFAIL may pass by itself
		}
	}
	if hides := slices.DeleteFunc(slices.Clone(bad), func(v ServerView) bool { return !p.contradicts(v) }); len(hides) > 0 && len(p.with(Holds)) > 0 {
		f.Severity = Error
		f.Message += fmt.Sprintf("; without authority, %s of the record: %s", plural(len(hides), "it says otherwise", "they say otherwise"), list(hides, func(v ServerView) string {
			return viewText(v) + " " + saidText(v.Response)
		}))
	}
	p.Report(f, answersOf(bad)...)
	return nil
}

// contradicts reports whether a server that does not serve the zone answers for the name all the same, and not with the
// record. There are resolvers that take such an answer.
func (p *Pass) contradicts(v ServerView) bool {
	if v.Standing != IsLame || v.Err != nil {
		return false
	}
	t := v.CNAMEs()
	return v.Response.RCode == resolver.NXDomain || len(t) > 0 && !slices.ContainsFunc(t, p.Record.Accepts)
}

// outdatedGlue looks whether a server that is of no use was asked at an address that its name no longer has: the parent's
// glue was not changed with it.
func (p *Pass) outdatedGlue(ctx context.Context) (moved []resolver.Name) {
	for _, ns := range p.facts.cut.NameServers {
		views := slices.DeleteFunc(p.Servers(), func(v ServerView) bool { return v.Server.Name != ns.Name || !v.Delegated })
		if !ns.Glue || len(views) == 0 || slices.ContainsFunc(views, func(v ServerView) bool { return v.Standing.Answered() || v.Standing == NotAsked }) {
			continue
		}
		own, ok := p.ownAddress(ctx, ns.Name)
		if !ok {
			continue
		}
		var addrs []netip.Addr
		for _, rr := range own.Response.RRs(ns.Name, resolver.TypeA) {
			if a, ok := rr.Addr(); ok {
				addrs = append(addrs, a)
			}
		}
		if len(addrs) == 0 || slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(ns.Addrs, a) }) {
			continue
		}
		p.Report(Finding{
			Severity: Warning, Confidence: Certain,
			Message: fmt.Sprintf("%s sends the world to %s at %s, where nobody answers for %s; the name's own address is %s", p.facts.cut.Parent, ns.Name,
				list(ns.Addrs, netip.Addr.String), p.facts.cut.Zone, list(addrs, netip.Addr.String)),
			Fixes: []Fix{{Where: WhereRegistrar, Message: fmt.Sprintf("at the registrar of %s, change the host record (glue) of %s to %s", p.facts.cut.Zone, ns.Name,
				list(addrs, netip.Addr.String))}},
		}, append(answersOf(views), own)...)
		moved = append(moved, ns.Name)
	}
	return moved
}

func (p *Pass) ownAddress(ctx context.Context, name resolver.Name) (resolver.Answer, bool) {
	if name.Within(p.facts.zone) {
		a, err := p.AskOne(ctx, name, resolver.TypeA)
		return a, err == nil
	}
	k, err := p.walker.WalkQuick(ctx, name, resolver.TypeA)
	for _, a := range k.Answers {
		if err == nil && a.Err == nil && len(a.Response.RRs(name, resolver.TypeA)) > 0 {
			return a, true
		}
	}
	return resolver.Answer{}, false
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
