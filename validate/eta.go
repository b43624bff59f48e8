package validate

import (
	"context"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// seenEverywhere is the one time from which on the right answer can be seen everywhere: of a valid record, when the last
// witness has forgotten what it remembers; of an invalid one, when the last resolver has, should the record be mended now.
// Zero where nothing says when.
func (p *Pass) seenEverywhere(ctx context.Context, v Verdict, witnesses []Perspective) time.Time {
	var eta time.Time
	switch {
	case v == Undetermined, v == Invalid && len(p.facts.views) == 0:
		return eta
	case v == Invalid:
		if eta = p.forgottenBy(); eta.IsZero() {
			return eta
		}
		eta = eta.Add(p.lag(ctx)) // until then a copy that lags behind can still be asked
	}
	for _, w := range witnesses {
		if w.Until.After(eta) && (w.Says != SaysRecord || v == Invalid) {
			eta = w.Until
		}
	}
	return eta
}

// RFC 9520, 3.2: a resolver remembers that a question failed for at least a second and at most five minutes.
const failureTTL = 5 * time.Minute

// leftOf is how long whoever gave this answer for a name's CNAME will go on giving it; false where it does not say. From a
// cache it is what is left of the time.
func leftOf(r resolver.Response) (time.Duration, bool) {
	if rrs := r.RRs(r.Question.Name, resolver.TypeCNAME); len(rrs) > 0 {
		return secondsOf(rrs[0].TTL), true
	}
	switch r.RCode {
	case resolver.NoError, resolver.NXDomain:
		return r.NegativeTTL()
	case resolver.ServFail:
		return failureTTL, true
	}
	return 0, false
}

// secondsOf reads a TTL: one with its highest bit set is none at all (RFC 2181, 8).
func secondsOf(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		ttl = 0
	}
	return time.Duration(ttl) * time.Second
}

// forgottenBy is when the last resolver that asked just now will have forgotten what is there: the answer's TTL, or the
// negative TTL of RFC 2308. A record mended now is seen everywhere from then on. Zero where no answer says.
func (p *Pass) forgottenBy() time.Time {
	longest, known := time.Duration(0), false
	for _, v := range p.facts.views {
		d, ok := time.Duration(0), false
		switch v.Standing {
		case Denies:
			d, ok = v.Response.NegativeTTL()
		case Differs, Several:
			d, ok = time.Duration(ttlOf(v.Response, v.Question.Name))*time.Second, true
		}
		if ok {
			longest, known = max(longest, d), true
		}
	}
	if !known {
		return time.Time{}
	}
	return p.Now.Add(longest).Truncate(time.Second)
}
