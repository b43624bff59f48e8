package validate

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// recordFlattened finds that the provider answers addresses, or nothing, in place of the CNAME that its console shows.
type recordFlattened struct{}

func (recordFlattened) Info() Info {
	return Info{
		ID:    "record-flattened",
		Title: "the provider answers something else in place of the CNAME",
		Text: "Flattening and proxying replace a CNAME by addresses: the target's, or the proxy's. ACM's target has no addresses, " +
			"so flattening leaves a name that exists and has nothing. The console shows a CNAME all the same. It is told from " +
			"addresses at the name that a name beside it does not have, certainly where they are the provider's own proxies; " +
			"or from a name that exists with nothing there at a provider that is known to flatten. A signed zone that answers " +
			"every name so (compact denial of existence, RFC 9824) shows neither.",
		Wrong:    "_a79.example.com. A 104.16.0.1",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Switch flattening and proxy off for this record; where it is of a type ALIAS or ANAME, make it a CNAME.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{{"Cloudflare documentation", "CNAME flattening; proxy status, limitations"}, {"RFC 2308", "2.2"}, {"RFC 9824", "3"}},
		Probe:    true,
	}
}

func (recordFlattened) Run(ctx context.Context, p *Pass) error {
	denied := p.with(Denies)
	exists := slices.ContainsFunc(denied, func(v ServerView) bool { return v.Response.RCode != resolver.NXDomain })
	if p.aboveDomain() || !exists || len(denied) < len(p.answered()) {
		return ErrNotApplicable
	}
	h := p.servedBy()
	if h.Flattens == FlattensNot && h.sure("flattens") {
		return ErrNotApplicable
	}
	answers := p.atName(ctx, resolver.TypeA, resolver.TypeAAAA)
	addrs := otherData(answers, p.Record.Name)
	if len(addrs) == 0 {
		if err := Answers(answers).Known(); err != nil {
			return err
		}
		return p.flattenedToNothing(ctx, h)
	}
	if p.wildcardOf(ctx, addrs) || len(otherData(p.atName(ctx, resolver.TypeTXT, resolver.TypeMX), p.Record.Name)) > 0 {
		return nil // an answer for any name, or a name that holds more than a CNAME can become
	}
	f := Finding{Confidence: Likely, Message: fmt.Sprintf("at %s stand addresses and no CNAME: %s; so a provider answers that flattens the CNAME or puts a proxy in front of it",
		p.Record.Name, list(addressesIn(addrs), netip.Addr.String))}
	if len(h.Ranges) > 0 && !slices.ContainsFunc(addressesIn(addrs), func(a netip.Addr) bool { return !within(h.Ranges, a) }) {
		f.Confidence = Certain
		f.Message = fmt.Sprintf("at %s stand addresses of %s's own proxies and no CNAME: %s", p.Record.Name, h.Name, list(addressesIn(addrs), netip.Addr.String))
	}
	gone, words := p.inTheWay(ctx)
	f.Fixes = []Fix{
		{Where: WhereZone, Message: p.unflatten(h)},
		{Where: WhereZone, Message: "where the addresses themselves were entered, " + p.create(words), Changes: append(gone, p.put())},
	}
	p.Report(f, addrs...)
	return nil
}

// flattenedToNothing is the case of a target without addresses: the name exists, and nobody sees why.
func (p *Pass) flattenedToNothing(ctx context.Context, h Host) error {
	if h.Flattens != FlattensCNAME && (h.Flattens != FlattensAlias || !h.sure("flattens")) {
		return nil
	}
	beside, err := p.probe(ctx)
	if err != nil {
		return err
	}
	if beside.Response.RCode != resolver.NXDomain {
		return nil // every name is answered so
	}
	other := p.atName(ctx, resolver.TypeTXT, resolver.TypeMX, resolver.TypeNS)
	if err := Answers(other).Known(); err != nil {
		return err
	}
	if len(otherData(other, p.Record.Name)) > 0 {
		return nil // that is why it exists
	}
	f := Finding{
		Confidence: Likely,
		Message: fmt.Sprintf("%s exists and has nothing, while a name beside it does not exist; %s answers so for a CNAME that it flattens, since ACM's target has no addresses",
			p.Record.Name, h.Name),
		Fixes: []Fix{{Where: WhereZone, Message: p.unflatten(h)}, {Where: WhereZone, Message: "where there is no such record, " + p.create(), Changes: []Change{p.put()}}},
	}
	if h.Flattens == FlattensAlias {
		f.Confidence = Possible
		f.Message = fmt.Sprintf("%s exists and has nothing, while a name beside it does not exist; a record of a type such as ALIAS, which %s has, looks so, since ACM's target has no addresses",
			p.Record.Name, h.Name)
	}
	denied := p.with(Denies)
	p.Report(f, denied[0].Answer, beside)
	return nil
}

// unflatten says how the CNAME that the console shows is served as what it is.
func (p *Pass) unflatten(h Host) string {
	what := fmt.Sprintf("at %s, look at the record at %s; if the console shows a CNAME with the value %s there, switch off what answers in its place", p.host(), p.Record.Name, p.Record.Value)
	switch {
	case h.Flattens == FlattensAlias:
		return what + "; if its type is ALIAS or ANAME, make it CNAME"
	case h.ID == "cloudflare":
		return what + ": turn Flatten off for the record and, under DNS, Settings, let CNAME flattening be for the apex only; Proxy status \"DNS only\""
	}
	return what + ": proxy and flattening off, and the type CNAME, not ALIAS or ANAME"
}

func addressesIn(answers []resolver.Answer) []netip.Addr {
	var out []netip.Addr
	for _, a := range answers {
		for _, rr := range a.Response.RRs(a.Question.Name, a.Question.Type) {
			if addr, ok := rr.Addr(); ok && !slices.Contains(out, addr) {
				out = append(out, addr)
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

func within(ranges []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) })
}
