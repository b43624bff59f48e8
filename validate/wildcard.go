package validate

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// A wildcard is told from a record by two names that nobody has: one beside the record's, to which a wildcard gives what it
// gives to the record's; and one below it. A wildcard gives nothing below a name that exists (RFC 4592, 2.2.1 and 3.3.1), so
// that an answer there shows that nothing stands at the record's name itself (but at tinydns). In a signed zone the signature may
// tell (RFC 4035, 5.3.4).

// probe asks for a name beside the record's that nobody has: what it answers, a wildcard answers.
func (p *Pass) probe(ctx context.Context) (resolver.Answer, error) {
	name, ok := p.probeName()
	if !ok {
		return resolver.Answer{}, fmt.Errorf("%w: the name leaves no room for a probe", ErrNotApplicable)
	}
	return p.AskOne(ctx, name, resolver.TypeCNAME)
}

// allFromWildcard reports whether every server that answers gives what a wildcard gives to any name, and not the record.
func (p *Pass) allFromWildcard(ctx context.Context) bool {
	all := p.differing()
	return len(all) > 0 && len(p.with(Differs)) == len(p.answered()) && p.isWildcard(ctx, all)
}

// isWildcard reports whether the name that nobody has answers with these targets too.
func (p *Pass) isWildcard(ctx context.Context, all []resolver.Name) bool {
	a, err := p.probe(ctx)
	if err != nil {
		return false
	}
	first, ok := p.firstAnswering()
	if !ok || len(all) == 0 || !slices.Equal(targets(a.Response, a.Question.Name), first.CNAMEs()) {
		return false
	}
	made, err := p.madeByWildcard(ctx, first.Answer, resolver.TypeCNAME)
	return err == nil && made
}

// madeByWildcard reports whether the data of type t in an answer to the record's name, which a wildcard would give to it,
// does come from the wildcard, and nothing stands at the name. The error wraps [ErrUndetermined].
func (p *Pass) madeByWildcard(ctx context.Context, a resolver.Answer, t resolver.Type) (bool, error) {
	if expanded(a.Response, p.Record.Name, t) {
		return true, nil
	}
	below, ok := p.belowName()
	if !ok {
		return true, nil // the name leaves no room for one below it
	}
	b, err := p.AskOne(ctx, below, t)
	return err == nil && sameRDATA(a.Response.RRs(p.Record.Name, t), b.Response.RRs(below, t)), err
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
			if same[i] {
				same[i], err = p.madeByWildcard(ctx, a, a.Question.Type)
				same[i] = same[i] && err == nil
			}
		})
	}
	wg.Wait()
	return !slices.Contains(same, false)
}

// belowName is a name below the record's that nobody has; false where there is no room for one.
func (p *Pass) belowName() (resolver.Name, bool) { return p.Record.Name.Child(probeLabel(p.Record)) }

// fromWildcard reports whether the signature over a CNAME says that it comes from a wildcard.
func fromWildcard(a resolver.Answer) bool {
	return expanded(a.Response, a.Question.Name, resolver.TypeCNAME)
}

// expanded reports whether a signature over a name's RRset counts fewer labels than the name has, as for a wildcard's (RFC
// 4034, 3.1.3). As many prove nothing: who signs while it answers signs what a wildcard gives as if it stood at the name. It
// does not ask whether the signature is right.
func expanded(r resolver.Response, owner resolver.Name, t resolver.Type) bool {
	const labels = 3
	return slices.ContainsFunc(r.RRs(owner, resolver.TypeRRSIG), func(rr resolver.RR) bool {
		return len(rr.RDATA) > labels && resolver.Type(rr.RDATA[0])<<8|resolver.Type(rr.RDATA[1]) == t && int(rr.RDATA[labels]) < owner.NumLabels()
	})
}
