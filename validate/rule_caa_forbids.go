package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// refCAA is where AWS says which names it looks for.
var refCAA = Ref{"ACM User Guide", "Configure a CAA record"}

// caaForbids finds that the domain's owner, or that of a name the domain is an alias of, allows other CAs only.
type caaForbids struct{}

func (caaForbids) Info() Info {
	return Info{
		ID:    "caa-forbids",
		Title: "CAA does not allow Amazon to issue",
		Text: "A CA looks for CAA records at the domain and then at each name above it, and the first that it finds decide. Where " +
			"the name is an alias it looks at the alias's target, whose owner may allow others only; what the own zone says is " +
			"then never reached, and nothing can be put beside the CNAME. A wildcard is judged by issuewild where there is any. " +
			"Every server of the domain's zone is asked: where one alone, a copy that lags behind or a second provider, forbids it, it is " +
			"chance whether the certificate is issued. Hosts add CAA records that their console does not show. ACM shows the domain as validated and the certificate as " +
			"failed (CAA_ERROR), which is final: after the change a new certificate has to be requested.",
		Wrong:    "example.com. CAA 0 issue \"letsencrypt.org\"",
		Right:    "example.com. CAA 0 issue \"letsencrypt.org\"\nexample.com. CAA 0 issue \"amazon.com\"",
		Fix:      "Add amazon.com to the CAA records that were found (issuewild, too, where there is any and a wildcard is wanted), keep the others, and request a new certificate.",
		Severity: Error,
		Refs:     []Ref{{"RFC 8659", "3, 4.2 and 4.3"}, {"RFC 8657", "3 and 4"}, {"CA/Browser Forum Baseline Requirements", "3.2.2.8"}, refCAA},
	}
}

func (caaForbids) Run(ctx context.Context, p *Pass) error {
	if !p.zoneAnswers() {
		return ErrNotApplicable
	}
	var unknown error
	var sets []caaVerdict
	for _, d := range p.domains() {
		c, err := p.CAA(ctx, d)
		if err != nil {
			unknown = err
		}
		for _, set := range c.Sets {
			v := caaVerdict{CAASet: set, permission: permits(set.Set, isWildcard(d)), domains: []resolver.Name{d}}
			if v.Why == "" {
				continue
			}
			if i := slices.IndexFunc(sets, func(o caaVerdict) bool {
				return o.At == v.At && o.permission == v.permission && slices.Equal(o.Servers, v.Servers)
			}); i >= 0 {
				sets[i].domains = append(sets[i].domains, d)
				continue
			}
			sets = append(sets, v)
		}
	}
	for _, v := range sets[:min(maxSets, len(sets))] {
		f := Finding{Confidence: Certain, Message: v.message()}
		if v.Allowed {
			f.Severity, f.Confidence = Warning, Possible
		}
		f.Fixes = p.caaFixes(v)
		saw := slices.Clone(v.Saw)
		if len(v.Servers) > 0 {
			who, align := p.bySome(ctx, v.CAASet)
			f.Message += ". " + who
			f.Fixes = append(align, f.Fixes...)
			saw = append(saw, v.Others[:min(maxListed, len(v.Others))]...)
		}
		p.Report(f, saw...)
	}
	if unknown != nil && !errors.Is(unknown, ErrUndetermined) {
		unknown = fmt.Errorf("%w: %w", ErrUndetermined, unknown)
	}
	return unknown
}

// maxSets is how many sets are told of, where each server has another one: what is done about the first mends the others, or
// the next check tells.
const maxSets = 4

// caaVerdict is a relevant set and what it means for some of the certificate's domains.
type caaVerdict struct {
	CAASet
	permission
	domains []resolver.Name
}

func (v caaVerdict) message() string {
	names := list(v.domains, resolver.Name.Text)
	where := "the CAA records at " + v.Owner.String()
	switch {
	case len(v.Via) > 0:
		where += fmt.Sprintf(", to which %s leads as an alias,", v.At)
	case v.At != withoutAsterisk(v.domains[0]):
		where += ", the closest above,"
	}
	if v.Allowed {
		return fmt.Sprintf("whether Amazon may issue for %s hangs on %s: %s", names, where, v.Why)
	}
	return fmt.Sprintf("Amazon may not issue for %s: %s do not allow it: %s", names, where, strings.Replace(v.Why, "it holds", "they hold", 1))
}

// bySome tells which servers lead to a set that others do not lead to, and what to do where their copies should be the same:
// nothing, where the others are the ones that lag behind.
func (p *Pass) bySome(ctx context.Context, s CAASet) (who string, align []Fix) {
	all, _, err := p.copies(ctx)
	copyOf := func(server resolver.Server) zoneCopy {
		i := slices.IndexFunc(all, func(c zoneCopy) bool { return c.Server == server })
		if err != nil || i < 0 { // of a zone above the record's
			return zoneCopy{ServerView: ServerView{Answer: resolver.Answer{Server: server}}}
		}
		return all[i]
	}
	var these, others []zoneCopy
	for _, server := range s.Servers {
		these = append(these, copyOf(server))
	}
	for _, a := range s.Others {
		others = append(others, copyOf(a.Server))
	}
	at := s.Others[0].Question.Name
	who = fmt.Sprintf("Only %s %s there; for CAA at %s %s. A CA asks whichever server it likes, so that it is chance what it finds", list(these, copyText),
		plural(len(these), "leads", "lead"), at, list(s.Others, func(a resolver.Answer) string { return copyText(copyOf(a.Server)) + " gives " + caaText(a) }))
	apart := fmt.Sprintf("see why the copy of the zone at %s differs from that of the other servers (zone transfer, two providers), and make them the same; or take it out of the delegation",
		list(these, func(c zoneCopy) string { return viewText(c.ServerView) }))
	switch whyCopiesDiffer(others, these) {
	case takenOut:
		return who + "; the copies that lag behind are the others", nil
	case lagsBehind:
		var longest time.Duration
		for _, c := range these {
			longest = max(longest, refreshOf(c))
		}
		who += "; the older serial is a copy that lags behind"
		apart = fmt.Sprintf("wait for the next zone transfer, at most the SOA's refresh time of %s; or %s", span(longest), apart)
	}
	return who, []Fix{{Where: WhereServers, Message: apart}}
}

// caaText tells in a few words what an answer gives for CAA.
func caaText(a resolver.Answer) string {
	if set := a.Response.RRs(a.Question.Name, resolver.TypeCAA); len(set) > 0 {
		return list(set, func(rr resolver.RR) string { return abridged(rr.Text()) })
	}
	if alias := targets(a.Response, a.Question.Name); len(alias) > 0 {
		return "an alias to " + alias[0].String()
	}
	return "none"
}

// caaFixes says in words what has to change: who keeps the set need not be who keeps the record, and a wrong change of it
// lets anybody's CA issue, so none of it is made a change that a plan carries out.
func (p *Pass) caaFixes(v caaVerdict) (fixes []Fix) {
	const again = "\nthen request a new certificate: one that has failed stays so; a renewal is tried again by itself"
	base := withoutAsterisk(v.domains[0])
	lines := func(owner resolver.Name, now, then []string) string {
		var there, new []string
		for _, text := range now {
			word := "keep  "
			if !slices.Contains(then, text) {
				word = "delete"
			}
			there = append(there, fmt.Sprintf("%s  %s CAA %s", word, owner, abridged(text)))
		}
		for _, text := range then {
			if !slices.Contains(now, text) {
				new = append(new, fmt.Sprintf("add     %s CAA %s", owner, abridged(text)))
			}
		}
		return "\n  " + strings.Join(append(firstOf(there), new...), "\n  ")
	}
	if len(v.Via) > 0 {
		fixes = append(fixes, Fix{Where: WhereZone, Message: fmt.Sprintf("at %s, give %s A and AAAA records in place of the CNAME to %s while the certificate is issued "+
			"and at each renewal, since nothing may stand beside a CNAME; or use a name that is no alias", p.host(), v.At, v.Via[0]) + again})
	}
	var now []string
	for _, rr := range v.Set {
		now = append(now, rr.Text())
	}
	change := Fix{Where: WhereZone, Message: fmt.Sprintf("at %s, change the CAA records:", p.host())}
	if !v.Owner.Within(p.facts.zone) {
		change = Fix{Where: WhereOther, Message: fmt.Sprintf("whoever keeps %s has to change its CAA records:", v.Owner)}
	}
	change.Message += lines(v.Owner, now, v.wanted()) + again
	isAlias := slices.ContainsFunc(v.Saw, func(a resolver.Answer) bool { return a.Question.Name == base && len(targets(a.Response, base)) > 0 })
	if v.At == base || isAlias {
		return append(fixes, change)
	}
	own := Fix{Where: WhereZone, Message: fmt.Sprintf("at %s, give %s CAA records of its own, and those above do not count for it any more:", p.host(), base) +
		lines(base, nil, []string{amazonMay("issue")}) + again}
	if change.Where == WhereZone {
		return append(fixes, change, own)
	}
	return append(fixes, own, change)
}

func amazonMay(tag string) string { return fmt.Sprintf("0 %s %q", tag, amazonIssuers[0]) }

// wanted gives the set with Amazon allowed for these domains and everything else kept.
func (v caaVerdict) wanted() (out []string) {
	tags := map[string]bool{}
	for _, rr := range v.Set {
		c, ok := rr.CAA()
		tag := strings.ToLower(c.Tag)
		if ok && tag == "issuewild" {
			tags[tag] = true
		}
		if ok && c.Critical && !slices.Contains(knownTags, tag) {
			continue // nobody but its maker can say what would have to stand there instead
		}
		if issuer, parameters, valid := issueValue(c.Value); valid && len(parameters) > 0 && slices.Contains(amazonIssuers, issuer) {
			continue
		}
		out = append(out, rr.Text())
	}
	for _, d := range v.domains {
		tag := "issue"
		if isWildcard(d) && tags["issuewild"] {
			tag = "issuewild"
		}
		if line := amazonMay(tag); !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

func isWildcard(d resolver.Name) bool { return d.FirstLabel() == "*" }
