package validate

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// delegationMismatch finds that the world is sent to other name servers than the zone, or the user, names.
type delegationMismatch struct{}

func (delegationMismatch) Info() Info {
	return Info{
		ID:    "delegation-mismatch",
		Title: "the world asks other name servers than the ones that hold the record",
		Text: "The parent's NS records decide where resolvers go; the zone's own should name the same servers. They differ after " +
			"a zone was deleted and created again, after a move between providers, or when NS records were edited in the zone " +
			"in place of at the registrar. Where only servers that the parent does not name hold the record, no CA finds it. " +
			"The servers are compared by walking down from the root: asking for NS at the domain misleads where it is an alias.",
		Wrong:    "com.: example.com. NS ns1.old.example.; the record is at ns1.new.example.",
		Right:    "com.: example.com. NS ns1.new.example.",
		Fix:      "Enter at the registrar the name servers of the zone that holds the record; or add the record to the zone that is delegated now.",
		Severity: Error,
		Explains: []ID{"record-missing", "value-mismatch", "servers-disagree", "answer-stale"},
		Refs:     []Ref{{"RFC 1034", "4.2.1"}, {"RFC 1034", "4.3.2"}, {"RFC 2181", "6.1"}},
	}
}

func (delegationMismatch) Run(ctx context.Context, p *Pass) error {
	f := &p.facts
	if p.aboveDomain() {
		return ErrNotApplicable
	}
	delegatedHold := slices.ContainsFunc(f.views, func(v ServerView) bool { return v.Delegated && v.Standing == Holds })
	delegatedAnswer := slices.ContainsFunc(f.views, func(v ServerView) bool { return v.Delegated && v.Standing.Answered() })
	if !delegatedHold && delegatedAnswer {
		var held []resolver.Answer
		for _, v := range f.views {
			if !v.Delegated && v.Standing == Holds {
				held = append(held, v.Answer)
			}
		}
		said, serve := "the zone itself names them", true
		if end, err := p.chained(ctx); err != nil || end.Reaches {
			held = nil // the servers that the world asks lead to the value, or may
		} else if len(held) == 0 {
			there := p.heldElsewhere(ctx)
			held, said, serve = there.Held, "you named them", there.Serves
			if !there.Below.IsZero() {
				held = nil // said by zone-undelegated
			}
		}
		if len(held) > 0 {
			where := list(held, func(a resolver.Answer) string { return serverText(a.Server) })
			found := Finding{
				Confidence: Certain,
				Message: fmt.Sprintf("the record is at %s (%s), and %s sends the world to %s, which do not have it",
					where, said, f.cut.Parent, list(namesOf(f.cut.NameServers), nameText)),
				Fixes: []Fix{p.mendHere(ctx)},
			}
			if serve {
				found.Fixes = append(found.Fixes, Fix{Where: WhereRegistrar, Message: fmt.Sprintf("at the registrar of %s, enter the name servers of the zone that holds the record, all of "+
					"them, in place of %s; first see that nothing else (mail, web site) lives only in the zone that is delegated now, and if the parent holds "+
					"DS records for the zone, remove or replace these before", f.cut.Zone, list(namesOf(f.cut.NameServers), nameText))})
			}
			p.Report(found, append(slices.Clone(held), answersOf(p.with(Denies, Differs, Several))...)...)
			return nil
		}
	}
	if there, delegated := p.editedAt(); !there.IsZero() && !delegatedHold && delegatedAnswer {
		p.Report(Finding{
			Confidence: Likely,
			Message: fmt.Sprintf("the zone is edited at %s, as you say, and %s sends the world to %s", there.Name, f.cut.Parent,
				list(delegated, hostingText)),
			Fixes: []Fix{
				p.mendHere(ctx),
				{Where: WhereRegistrar, Message: fmt.Sprintf("at the registrar of %s, enter the name servers that %s shows for the zone, all of them, in place of %s; first see that "+
					"nothing else (mail, web site) lives only in the zone that is delegated now", f.cut.Zone, there.Name, list(namesOf(f.cut.NameServers), nameText))},
			},
		}, f.cut.Referrals[:min(1, len(f.cut.Referrals))]...)
		return nil
	}
	if len(f.nsDiffs) == 0 || !p.differEverywhere() {
		return nil
	}
	p.Report(Finding{
		Severity: Warning, Confidence: Certain,
		Message: fmt.Sprintf("%s delegates %s to %s, and the zone itself names %s", f.cut.Parent, f.cut.Zone,
			list(namesOf(f.cut.NameServers), nameText), list(f.childNS, nameText)),
		Fixes: []Fix{{Where: WhereRegistrar, Message: fmt.Sprintf("make the two the same: at the registrar of %s, or in the zone's own NS records", f.cut.Zone)}},
	}, append(slices.Clone(f.cut.Referrals), f.nsDiffs...)...)
	return nil
}

// mendHere is [Pass.Mend] for a record that stands elsewhere.
func (p *Pass) mendHere(ctx context.Context) Fix {
	f := p.Mend(ctx)
	f.Message = "in the zone that is asked now, " + f.Message
	return f
}

// differEverywhere reports whether the parent's set of name servers differs from the zone's own at every server that
// answered. Other names for the same addresses are not a difference.
func (p *Pass) differEverywhere() bool {
	f := &p.facts
	parents := namesOf(f.cut.NameServers)
	for _, d := range f.nsDiffs {
		if n := nsNames(d, f.zone); d.Err == nil && slices.Equal(n, parents) {
			return false
		}
	}
	named := map[netip.Addr]bool{}
	for _, ns := range f.cut.NameServers {
		for _, addr := range ns.Addrs {
			named[addr] = true
		}
	}
	return f.childUnknown || !maps.Equal(named, f.childAddrs)
}
