package validate

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// nameWildcarded finds that what answers for the name is a wildcard.
type nameWildcarded struct{}

func (nameWildcarded) Info() Info {
	return Info{
		ID:    "name-wildcarded",
		Title: "a wildcard answers for the name",
		Text: "A record at * answers for every name below that does not exist, so dig shows something although the record was " +
			"never created. A name beside it that nobody has gives the same answer, which is how a wildcard is told from a " +
			"record. An explicit record beats the wildcard. Where the wildcard happens to have the right value the record is " +
			"valid, until somebody adds a name that blocks it.",
		Wrong:    "*.example.com. CNAME shop.example.net.",
		Right:    "*.example.com. CNAME shop.example.net.\n_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Create the record; the wildcard may stay.",
		Severity: Error,
		Explains: []ID{"record-missing", "value-mismatch"},
		Refs:     []Ref{{"RFC 4592", "2.2 and 3.3"}, {"RFC 1034", "4.3.3"}},
	}
}

func (nameWildcarded) Run(ctx context.Context, p *Pass) error {
	first, ok := p.firstAnswering()
	if !ok || p.aboveDomain() {
		return ErrNotApplicable
	}
	if first.Standing == Holds && p.trusts(p.facts.cut) && !fromWildcard(first.Answer) {
		if s, err := p.Security(ctx); err == nil && s.Status == dnssec.Secure {
			return nil // its signature says so
		}
	}
	if p.lean && len(p.with(Holds)) == len(p.answered()) && !fromWildcard(first.Answer) {
		return ErrNotApplicable
	}
	beside, err := p.probe(ctx)
	if err != nil {
		return err
	}
	here, there := first.CNAMEs(), targets(beside.Response, beside.Question.Name)
	saw := []resolver.Answer{first.Answer, beside}
	switch {
	case len(here) > 0 && slices.Equal(here, there):
	case len(here) == 0 && len(there) == 0:
		// Addresses may come from a wildcard too. Only where the name has some is it worth a question for the other.
		a, err := p.AskOne(ctx, p.Record.Name, resolver.TypeA)
		if err != nil {
			return err
		}
		addrs := a.Response.RRs(p.Record.Name, resolver.TypeA)
		if len(addrs) == 0 {
			return nil
		}
		b, err := p.AskOne(ctx, beside.Question.Name, resolver.TypeA)
		if err != nil {
			return err
		}
		if !sameRDATA(addrs, b.Response.RRs(beside.Question.Name, resolver.TypeA)) {
			return nil
		}
		saw = []resolver.Answer{a, b}
	default:
		return nil
	}
	if len(here) == 1 && p.Record.Accepts(here[0]) {
		p.Report(Finding{
			Severity: Notice, Confidence: Certain,
			Message: fmt.Sprintf("the value comes from a wildcard, not from a record at %s; any record at or below that name would hide it", p.Record.Name),
			Fixes:   []Fix{{Where: WhereZone, Message: p.create()}},
		}, saw...)
		return nil
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("a wildcard answers for %s; the record itself is not there", p.Record.Name),
		Fixes: []Fix{{
			Where: WhereZone, Changes: []Change{p.put()},
			Message: p.create("the wildcard may stay: an explicit record beats it"),
		}},
	}, saw...)
	return nil
}

func sameRDATA(a, b []resolver.RR) bool {
	return slices.EqualFunc(a, b, func(x, y resolver.RR) bool { return x.RDATA == y.RDATA })
}

// wildcardOf reports whether all this data is what a wildcard gives to any name: then nothing stands at the name itself.
func (p *Pass) wildcardOf(ctx context.Context, data []resolver.Answer) bool {
	name, ok := p.probeName()
	if !ok {
		return false
	}
	same := make([]bool, len(data))
	var wg sync.WaitGroup
	for i, a := range data {
		wg.Go(func() {
			b, err := p.AskOne(ctx, name, a.Question.Type)
			same[i] = err == nil && sameRDATA(a.Response.RRs(p.Record.Name, a.Question.Type), b.Response.RRs(name, a.Question.Type))
		})
	}
	wg.Wait()
	return !slices.Contains(same, false)
}
