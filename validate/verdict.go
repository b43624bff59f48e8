package validate

import (
	"context"
	"errors"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// verdict judges the facts; findings do not enter. The reason is in words for a verdict that is undetermined.
func (p *Pass) verdict(ctx context.Context) (Verdict, string) {
	switch {
	case p.Record.awaited():
		return Undetermined, "ACM has not issued the record yet"
	case p.Record.hopeless():
		return Invalid, ""
	}
	verdict, reason := p.recordVerdict(ctx)
	if verdict == Invalid || !p.zoneAnswers() {
		return verdict, reason
	}
	for _, look := range []func(context.Context) (Verdict, string){p.securityVerdict, p.caaVerdict} {
		switch v, why := look(ctx); {
		case v == Invalid:
			return Invalid, ""
		case v == Undetermined && verdict == Valid:
			verdict, reason = v, why
		}
	}
	return verdict, reason
}

// caaVerdict is Invalid where CAA, as any of the servers gives it, forbids the issue of one of the domains, or cannot be had of
// a zone that is signed (Baseline Requirements, 3.2.2.8), Undetermined where it is not known, else Valid.
func (p *Pass) caaVerdict(ctx context.Context) (Verdict, string) {
	verdict, reason := Valid, ""
	for _, d := range p.domains() {
		c, err := p.CAA(ctx, d)
		un := (*caaUnanswered)(nil)
		switch {
		case slices.ContainsFunc(c.Sets, func(s CAASet) bool { return !permits(s.Set, isWildcard(d)).Allowed }), errors.As(err, &un) && p.mustAnswer(ctx, un):
			return Invalid, ""
		case err != nil:
			verdict, reason = Undetermined, "what CAA says about "+d.Text()+" is not known: "+reasonAfter(err, ErrUndetermined)
		}
	}
	return verdict, reason
}

// recordVerdict judges the record alone, whether or not a CA may issue.
func (p *Pass) recordVerdict(ctx context.Context) (Verdict, string) {
	f := &p.facts
	answered, lame := 0, 0
	for _, v := range f.views {
		switch {
		case v.Standing.Answered():
			answered++
		case v.Standing == IsLame:
			lame++
		}
	}
	if answered == 0 {
		// REFUSED, NOTAUTH, no authority and upward referrals are settings, and they are the same for a CA; silence and
		// SERVFAIL may pass by themselves.
		if lame > 0 && lame == len(f.views) && !p.aboveDomain() {
			return Invalid, ""
		}
		return Undetermined, p.whyNobodyAnswered()
	}
	if p.registryDisagrees() {
		return Undetermined, "the servers of " + f.cut.Zone.String() + " do not agree whether " + p.registered().String() + " is delegated, or could not all be asked"
	}
	if why := p.denialDoubt(ctx); why != "" {
		return Undetermined, why
	}
	cut, differs := false, false
	for _, v := range f.views {
		switch v.Standing {
		case Denies, Several:
			return Invalid, ""
		case Differs:
			differs = true
		default:
			cut = cut || ranOut(v.Err)
		}
	}
	other, asked := p.beside(ctx)
	if len(other) > 0 {
		return Invalid, ""
	}
	if differs {
		switch end, err := p.chained(ctx); {
		case err != nil:
			return Undetermined, "it is not known where the name leads: " + reasonText(err)
		case end.Reaches:
			return Undetermined, "the name leads to the value through another name, and whether ACM follows is not known"
		}
		return Invalid, ""
	}
	if slices.ContainsFunc(f.views, p.contradicts) {
		return Invalid, ""
	}
	if p.hidesBeside(asked) {
		return Undetermined, "the answer for TXT at the name is too long for UDP and could not be had over TCP, so what stands beside the CNAME is not known"
	}
	// Whatever it was that could not be asked, it might have spoken against the record.
	if cut || p.short.Load() || slices.ContainsFunc(asked, func(a resolver.Answer) bool { return ranOut(a.Err) }) {
		if p.lacks.Load() {
			return Undetermined, transcriptLacks
		}
		return Undetermined, "time or questions ran out before every server had its turn"
	}
	return Valid, ""
}

// transcriptLacks is why a replay is undetermined: the transcript is of another record, or of a version that asked less.
const transcriptLacks = "the transcript that is replayed does not hold every answer"

// hidesBeside reports whether no server's answer for TXT at the name could be had and one of them was cut short. The CNAME,
// which came whole, is all that a healthy server would have sent. Mere silence about a type is what a firewall does.
func (p *Pass) hidesBeside(asked []resolver.Answer) bool {
	short := false
	for _, a := range asked {
		if a.Question.Type != resolver.TypeTXT {
			continue
		}
		if a.Err == nil {
			return false
		}
		short = short || errors.Is(a.Err, resolver.ErrTruncated)
	}
	return short
}

// registryDisagrees reports whether one server of the zone above denies the domain and another one delegates it, or may:
// time or questions ran out before it had its turn.
func (p *Pass) registryDisagrees() bool {
	f := &p.facts
	return p.aboveDomain() && slices.ContainsFunc(f.undelegated, func(a resolver.Answer) bool {
		if a.Err != nil {
			return ranOut(a.Err)
		}
		return a.Response.Means(f.cut.Zone) == resolver.Refers
	})
}

// ranOut reports whether it was this check that had no time or questions left, and not a server that was silent.
func ranOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, resolver.ErrBudget) || errors.Is(err, resolver.ErrNotRecorded)
}

func (p *Pass) whyNobodyAnswered() string {
	f := &p.facts
	zone := f.cut.Zone.String()
	if zone == "." {
		zone = "the root zone"
	}
	if len(f.views) == 0 {
		return "no server of " + zone + " could be asked"
	}
	return "no server of " + zone + " gave a usable answer"
}

// otherData picks the answers that show records of the type asked for at the name itself. A server that answers such a
// question with the CNAME alone, or with the CNAME and what it found at the CNAME's target, is healthy (RFC 1034, 3.6.2).
func otherData(answers []resolver.Answer, name resolver.Name) []resolver.Answer {
	var out []resolver.Answer
	for _, a := range answers {
		if a.Err == nil && a.Response.Authoritative && len(a.Response.RRs(name, a.Question.Type)) > 0 {
			out = append(out, a)
		}
	}
	return out
}
