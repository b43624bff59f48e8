package validate

import (
	"context"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// maxChain is how many aliases are followed from the record's name.
const maxChain = 8

// chainEnd tells whether the wrong targets lead to the right value all the same.
type chainEnd struct {
	Reaches bool
	Through []resolver.Name
	Saw     []resolver.Answer
}

// chained follows the targets that differ. A name under acm-validations.aws is AWS's own and leads nowhere else, and what
// a wildcard answers for any name is not this record's chain: neither is followed. The error wraps [ErrUndetermined].
func (p *Pass) chained(ctx context.Context) (chainEnd, error) {
	return p.chain.get(func() (chainEnd, error) {
		var end chainEnd
		all := p.differing()
		if len(all) == 0 || p.isWildcard(ctx, all) {
			return end, nil
		}
		for _, target := range all {
			if target.Within(ValidationSuffix) {
				return chainEnd{}, nil
			}
			if _, doubled := doubledValue(p.Record, p.facts.zone, target); doubled {
				return chainEnd{}, nil
			}
			one, err := p.follow(ctx, target)
			if err != nil || !one.Reaches {
				return chainEnd{}, err
			}
			end.Reaches = true
			end.Through = append(end.Through, one.Through...)
			end.Saw = append(end.Saw, one.Saw...)
		}
		return end, nil
	})
}

func (p *Pass) follow(ctx context.Context, from resolver.Name) (chainEnd, error) {
	end := chainEnd{}
	walker := p.walker
	for name := from; ; {
		if len(end.Through) == maxChain || slices.Contains(end.Through, name) {
			return chainEnd{}, nil
		}
		end.Through = append(end.Through, name)
		k, err := walker.WalkQuick(ctx, name, resolver.TypeCNAME)
		if err != nil {
			return chainEnd{}, fmt.Errorf("%w: where %s leads to: %w", ErrUndetermined, name, err)
		}
		walker = walker.Knowing(k)
		var next resolver.Name
		for _, a := range k.Answers {
			if t := targets(a.Response, name); a.Err == nil && len(t) == 1 {
				next = t[0]
				end.Saw = append(end.Saw, a)
			}
		}
		if next.IsZero() {
			return chainEnd{}, nil
		}
		if p.Record.Accepts(next) {
			end.Reaches = true
			return end, nil
		}
		name = next
	}
}

// differing gives the distinct wrong targets of servers that give exactly one.
func (p *Pass) differing() []resolver.Name {
	var out []resolver.Name
	for _, v := range p.facts.views {
		if v.Standing == Differs && !slices.Contains(out, v.CNAMEs()[0]) {
			out = append(out, v.CNAMEs()[0])
		}
	}
	slices.SortFunc(out, resolver.Name.Compare)
	return out
}
