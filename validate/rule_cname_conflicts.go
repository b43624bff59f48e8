package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// cnameAndOtherData and cnameMultiple find a name that holds more than the one CNAME it may.

type cnameAndOtherData struct{}

func (cnameAndOtherData) Info() Info {
	return Info{
		ID:    "cname-and-other-data",
		Title: "other records stand beside the CNAME",
		Text: "Where a CNAME is, nothing else may be. Servers deal with it each in their own way: one refuses the zone, another " +
			"drops a record, a third answers by the type that is asked; AWS says that such a pair keeps the certificate " +
			"pending. Only data of its own at the name counts: a healthy server answers a TXT question with the CNAME, which " +
			"is not this fault. A name that is delegated is a zone of its own, and its SOA and NS records are such data. Where a " +
			"server answers for the CNAME and is silent about TXT or addresses, that is a warning: what it does not tell may stand " +
			"there.",
		Wrong:    "_a79.example.com. CNAME _424.acm-validations.aws.\n_a79.example.com. TXT \"old\"",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Delete everything at the name but the CNAME; look first whether somebody needs the content.",
		Severity: Error,
		Explains: []ID{"servers-disagree", "record-missing"},
		Refs:     []Ref{{"RFC 1034", "3.6.2"}, {"RFC 1912", "2.4"}, {"RFC 2181", "10.1"}, refArticle},
	}
}

func (cnameAndOtherData) Run(ctx context.Context, p *Pass) error {
	with := p.with(Holds, Differs, Several)
	if len(with) == 0 {
		return ErrNotApplicable
	}
	other, answers := p.beside(ctx)
	if len(other) == 0 && p.atApex() {
		p.Report(Finding{
			Severity: Warning, Confidence: Likely,
			Message: fmt.Sprintf("%s is a zone of its own, so that its SOA and NS records stand beside the CNAME; the server gives it all the same, and another, or a resolver, may not",
				p.Record.Name),
			Fixes: []Fix{p.undelegate()},
		}, append([]resolver.Answer{with[0].Answer}, p.facts.cut.Referrals...)...)
		return nil
	}
	if len(other) == 0 {
		if unseen := p.unseen(answers); len(unseen) > 0 {
			p.Report(notSeenBeside(p.Record.Name, unseen), unseen...)
		}
		return Answers(answers).Known()
	}
	fix := Fix{Where: WhereZone}
	var what []string
	fix.Changes = deletions(other)
	for _, c := range fix.Changes {
		for _, from := range c.From {
			what = append(what, c.Type.String()+" "+abridged(from))
		}
	}
	fix.Message = fmt.Sprintf("at %s, delete beside the CNAME at %s: %s (look first whether somebody needs it)", p.host(), p.Record.Name, strings.Join(firstOf(what), ", "))
	if len(p.with(Holds)) < len(p.answered()) {
		fix.Changes = append(fix.Changes, p.put(p.replaced()...))
		fix.Message += "; and see that the CNAME has the value " + p.Record.Value.String()
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("beside the CNAME at %s stands %s; where a CNAME is, nothing else may be", p.Record.Name, strings.Join(firstOf(what), ", ")),
		Fixes:      []Fix{fix},
	}, append([]resolver.Answer{with[0].Answer}, other...)...)
	return nil
}

// beside gives what stands at the name beside a CNAME, and all that was asked to find out. Of a record that is right every
// server has been asked for TXT with the first questions, and of a zone that is not signed for A; more is asked only where
// something is wrong.
func (p *Pass) beside(ctx context.Context) (other, asked []resolver.Answer) {
	asked = append(p.atName(ctx, resolver.TypeTXT), p.besides(ctx)...)
	if len(p.with(Holds)) < len(p.answered()) || len(otherData(asked, p.Record.Name)) > 0 {
		asked = p.atName(ctx, resolver.TypeTXT, resolver.TypeA, resolver.TypeAAAA, resolver.TypeMX)
	}
	other = otherData(asked, p.Record.Name)
	if len(other) > 0 && len(p.with(Holds)) == 0 && p.wildcardOf(ctx, other) {
		other = nil
	}
	return other, asked
}

// unseen are the questions about the name that servers which hold the record did not answer, as where a firewall drops a type.
func (p *Pass) unseen(asked []resolver.Answer) []resolver.Answer {
	if len(p.with(Holds)) < len(p.answered()) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(asked), func(a resolver.Answer) bool {
		return a.Err == nil || ranOut(a.Err)
	})
}

// notSeenBeside says that the record was seen, and something beside it may not have been: the verdict stays what a CA finds.
func notSeenBeside(name resolver.Name, unseen []resolver.Answer) Finding {
	who := list(unseen, func(a resolver.Answer) string { return a.Question.Type.String() + " at " + serverText(a.Server) })
	return Finding{
		Severity: Warning, Confidence: Possible,
		Message: fmt.Sprintf("the CNAME at %s is right, and whether anything stands beside it was not to be seen: no answer came for %s", name, who),
		Fixes:   []Fix{{Where: WhereServers, Message: "see that the name servers answer questions of every type, also where there is nothing to tell; then check again"}},
	}
}

type cnameMultiple struct{}

func (cnameMultiple) Info() Info {
	return Info{
		ID:    "cname-multiple",
		Title: "the name has more than one CNAME",
		Text: "A name has one CNAME or none. With two, a server gives both, or one of them in turn, and a CA may read either. " +
			"ACM gives another name, not another value, to another account, so a second CNAME here is never needed.",
		Wrong:    "_a79.example.com. CNAME _424.acm-validations.aws.\n_a79.example.com. CNAME _999.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Keep the one that the certificate asks for, and delete the others.",
		Severity: Error,
		Explains: []ID{"servers-disagree", "value-mismatch"},
		Refs:     []Ref{{"RFC 2181", "10.1"}, {"RFC 1034", "3.6.2"}},
	}
}

func (cnameMultiple) Run(_ context.Context, p *Pass) error {
	several := p.with(Several)
	if len(several) == 0 {
		return nil
	}
	all := several[0].CNAMEs()
	right := slices.ContainsFunc(all, p.Record.Accepts)
	msg := fmt.Sprintf("%s has %d CNAMEs: %s; one is allowed", p.Record.Name, len(all), list(all, nameText))
	if !right {
		msg += ", and none of them is the right one"
	}
	p.Report(Finding{
		Confidence: Certain, Message: msg,
		Fixes: []Fix{{
			Where: WhereZone, Changes: []Change{p.put(all...)},
			Message: fmt.Sprintf("at %s, leave one CNAME at %s, with the value %s, and delete the others; if another value belongs to a certificate "+
				"that is alive, look at that one before", p.host(), p.Record.Name, p.Record.Value),
		}},
	}, answersOf(several)...)
	return nil
}
