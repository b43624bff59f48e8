package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// serverUnreachable finds name servers from which no usable answer came. Silence is never taken for an absent record.
type serverUnreachable struct{}

func (serverUnreachable) Info() Info {
	return Info{
		ID:    "server-unreachable",
		Title: "a name server does not answer",
		Text: "No answer came over UDP with EDNS, over UDP without, or over TCP; or the answer was truncated and TCP is closed; " +
			"or the address is one that no public CA can reach. A server that answers questions without EDNS alone is told, too, as a " +
			"warning: most resolvers ask with EDNS and do not try without. Firewalls that drop EDNS, TCP or fragments, and IPv6 that is " +
			"announced and dead, do this. One silent server of several is a warning. Where all are silent nothing is known " +
			"about the record.",
		Wrong:    "ns2.example.com. A 192.0.2.2, where nothing answers on port 53",
		Right:    "every address of every name server answers over UDP and TCP",
		Fix:      "Open 53/udp and 53/tcp to the world at that server, or take it (or its AAAA record) out of the delegation.",
		Severity: Error,
		Explains: []ID{},
		Refs:     []Ref{{"RFC 7766", "5"}, {"RFC 6891", "7"}, {"RFC 9210", "3"}, {"RFC 8906", "3.2"}, {"DNS flag day 2019", "resolvers do not try without EDNS any more"}},
	}
}

func (serverUnreachable) Run(ctx context.Context, p *Pass) error {
	if p.lacks.Load() {
		return fmt.Errorf("%w: %s", ErrUndetermined, transcriptLacks)
	}
	f := &p.facts
	silent, notAsked := p.with(IsSilent), p.with(NotAsked)
	private := slices.DeleteFunc(slices.Clone(notAsked), func(v ServerView) bool { return !errors.Is(v.Err, resolver.ErrPrivateAddress) })
	silent = append(silent, private...)
	zone := f.cut.Zone.String()
	if f.cut.Zone.IsRoot() {
		zone = "the root zone"
	}
	if len(p.answered()) == 0 && len(p.with(IsLame, IsFailing)) == 0 {
		all := f.views
		msg := fmt.Sprintf("no name server of %s gave an answer: %s", zone, list(all, func(v ServerView) string {
			return viewText(v) + ", " + reasonText(v.Err)
		}))
		if !f.cut.Parent.IsZero() {
			msg += fmt.Sprintf("; those of %s did, so this machine's network is not the likely cause", zoneText(f.cut.Parent))
		}
		fix := Fix{Where: WhereServers, Message: fmt.Sprintf("the record may be there or not; whoever runs the name servers of %s must open 53/udp and 53/tcp to the world. Check again then", zone)}
		if len(all) > 0 && len(private) == len(all) {
			msg = fmt.Sprintf("every name server of %s is at an address that is not public, where no CA can ask: %s", zone, list(all, viewText))
			fix = Fix{Where: WhereServers, Message: fmt.Sprintf("give the name servers of %s public addresses, or delegate to others that have them; in a test bed, --allow-private asks these", zone)}
			if f.cut.Zone.IsRoot() {
				fix = Fix{Where: WhereNowhere, Message: "give root hints (--roots) with public addresses; in a test bed, --allow-private asks these"}
			}
		} else if len(notAsked) == len(all) && len(silent) == 0 {
			msg = fmt.Sprintf("this machine has no way to the name servers of %s; that says nothing about the record", zone)
			fix = Fix{Where: WhereNowhere, Message: "check again from a machine that reaches the public DNS on port 53, UDP and TCP"}
		} else if f.cut.Zone.IsRoot() && p.walker.Roots != nil {
			fix = Fix{Where: WhereNowhere, Message: "look whether the root hints that were given (--roots) name root servers, and whether this machine may ask these on port 53, UDP and TCP"}
		} else if f.cut.Zone.IsRoot() {
			fix = Fix{Where: WhereNowhere, Message: "no root server answered, so the network between is the likely cause: let this machine ask port 53, UDP and TCP, anywhere"}
		}
		if len(all) == 0 {
			msg = fmt.Sprintf("no name server of %s has an address that can be asked", zone)
			if family, other := "IPv4", "IPv6"; p.walker.Family != resolver.BothFamilies && slices.ContainsFunc(f.cut.NameServers, func(ns resolver.NameServer) bool { return len(ns.Addrs) > 0 }) {
				if p.walker.Family == resolver.IPv6Only {
					family, other = other, family
				}
				msg = fmt.Sprintf("the name servers of %s have addresses of %s only, and this check asks over %s alone", zone, other, family)
				fix = Fix{Where: WhereNowhere, Message: "check again over both families"}
			}
		}
		p.Report(Finding{Confidence: Likely, Message: msg, Evidence: p.waysIn(), Fixes: []Fix{fix}}, answersOf(all)...)
		return nil
	}
	p.reportPlainOnly(ctx)
	if len(silent) == 0 || p.aboveDomain() {
		return nil
	}
	above := slices.DeleteFunc(slices.Clone(silent), func(v ServerView) bool { return v.Above.IsZero() })
	if silent = slices.DeleteFunc(silent, func(v ServerView) bool { return !v.Above.IsZero() }); len(silent) == 0 {
		silent, zone = above, above[0].Above.String()
	}
	found := Finding{
		Severity: Warning, Confidence: Likely,
		Message: fmt.Sprintf("%s of %s gave no answer: %s", plural(len(silent), "a name server", "name servers"), zone, list(silent, func(v ServerView) string {
			return viewText(v) + ", " + reasonText(v.Err)
		})),
		Fixes: []Fix{{Where: WhereServers, Message: "see that " + list(silent, viewText) + " can be asked from anywhere over UDP and TCP, or take it out of the delegation"}},
	}
	if onlyIPv6(silent) && !slices.ContainsFunc(p.answered(), func(v ServerView) bool { return v.Server.Addr.Addr().Is6() }) {
		found.Confidence = Possible
		found.Message += "; no address of IPv6 answered, so this machine's own IPv6 may be what leads nowhere"
		found.Fixes[0].Message += "; look first whether this machine's IPv6 works, or check with --ipv4"
	}
	found.Evidence = p.waysIn()
	p.Report(found, answersOf(silent)...)
	return nil
}

// reportPlainOnly tells of servers of which an answer came to no question with EDNS. A resolver may ask once more without, and
// since DNS flag day 2019 (1 February 2019) most take the silence for a server that is down. A server that answered any
// question with EDNS is not one of these: what came of the other one was lost on the way.
func (p *Pass) reportPlainOnly(ctx context.Context) {
	if p.aboveDomain() {
		return
	}
	plain := slices.DeleteFunc(p.answered(), func(v ServerView) bool { return !v.Response.PlainOnly || p.speaksEDNS(ctx, v.Server) })
	if len(plain) == 0 {
		return
	}
	zone := p.facts.cut.Zone
	p.Report(Finding{
		Severity: Warning, Confidence: Likely,
		Message: fmt.Sprintf("%s of %s %s silent to questions with EDNS, and answered one without: %s; a resolver may take that for a server that is down",
			plural(len(plain), "a name server", "name servers"), zone, plural(len(plain), "was", "were"), list(plain, viewText)),
		Evidence: p.waysIn(),
		Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("let %s answer questions with EDNS (RFC 6891), over UDP and TCP, and nothing in front drop these: a server "+
			"that does not know EDNS is to answer all the same", list(plain, viewText))}},
	}, answersOf(plain)...)
}

// speaksEDNS reports whether a server answers with EDNS what every server is asked about CAA.
func (p *Pass) speaksEDNS(ctx context.Context, s resolver.Server) bool {
	return slices.ContainsFunc(p.climbWithin(p.facts.cut.Zone), func(n resolver.Name) bool {
		a := p.walker.Ask(ctx, []resolver.Server{s}, n, resolver.TypeCAA)[0]
		return a.Err == nil && a.Response.EDNS
	})
}

func onlyIPv6(views []ServerView) bool {
	return !slices.ContainsFunc(views, func(v ServerView) bool { return !v.Server.Addr.Addr().Is6() })
}

// waysIn tells of every address which families and transports lead to an answer: IPv4 or IPv6, UDP with EDNS and without,
// TCP. Where an answer came, the ways that were not needed for it were not tried.
func (p *Pass) waysIn() []Evidence {
	views := slices.DeleteFunc(p.Servers(), func(v ServerView) bool { return !v.Server.Addr.IsValid() })
	if len(views) == 0 {
		return nil
	}
	var name, addr int
	for _, v := range views {
		name, addr = max(name, len(v.Server.Name.String())), max(addr, len(v.Server.Addr.Addr().String()))
	}
	const indent = "    " // of evidence in a report's text
	var who, came []string
	between := "  "
	for i, v := range views {
		family := "IPv4"
		if v.Server.Addr.Addr().Is6() {
			family = "IPv6"
		}
		who = append(who, fmt.Sprintf("  %-*s  %-*s  %s", name, v.Server.Name, addr, v.Server.Addr.Addr(), family))
		came = append(came, wayIn(v))
		if len(indent+who[i]+between+came[i]) > textWidth {
			between = "\n      "
		}
	}
	text := "what came from each address:"
	for i := range who {
		text += "\n" + who[i] + between + came[i]
	}
	return []Evidence{{Text: text}}
}

func wayIn(v ServerView) string {
	switch {
	case v.Err == nil && !v.Standing.Answered():
		text := uselessText(v.Answer)
		if !v.again.Question.Name.IsZero() {
			text += "; " + uselessText(v.again)
		}
		return text
	case v.Err == nil && v.Response.Transport == resolver.TCP && !v.Question.TCP:
		return "an answer over TCP, none that is whole over UDP"
	case v.Err == nil && v.Response.Transport == resolver.TCP:
		return "an answer over TCP"
	case v.Err == nil && v.Response.EDNS:
		return "an answer over UDP, with EDNS"
	case v.Err == nil && v.Response.PlainOnly:
		return "nothing with EDNS, an answer over UDP without"
	case v.Err == nil:
		return "an answer over UDP, without EDNS"
	case errors.Is(v.Err, resolver.ErrTruncated):
		return "UDP cut short, TCP nothing"
	case errors.Is(v.Err, resolver.ErrRefusedConnection):
		return "UDP and TCP refused: nothing listens"
	case errors.Is(v.Err, resolver.ErrMalformed):
		return "what cannot be understood"
	case errors.Is(v.Err, resolver.ErrPrivateAddress), errors.Is(v.Err, resolver.ErrUnroutable):
		return "not asked: " + reasonText(v.Err)
	case errors.Is(v.Err, resolver.ErrTimeout):
		return "nothing over UDP with EDNS, UDP without, TCP"
	}
	return reasonText(v.Err)
}

// uselessText says what a server said that does not serve the zone, and over which transport.
func uselessText(a resolver.Answer) string {
	over := "UDP"
	if a.Question.TCP || a.Err == nil && a.Response.Transport == resolver.TCP {
		over = "TCP"
	}
	what := a.Response.RCode.String()
	switch {
	case a.Err != nil:
		return "nothing over " + over
	case a.Response.RCode == resolver.NoError && !a.Response.Authoritative:
		what = "no authority"
	}
	if !a.Response.EDNS {
		over += ", without EDNS"
	}
	return what + " over " + over
}
