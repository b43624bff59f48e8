package validate

import (
	"context"
	"fmt"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// ttlLong notes for how long a mistake in the record lives.
type ttlLong struct{}

// What is worth a word: a right record that a later change would have to wait for, and a wrong one.
const (
	longTTL      = 24 * time.Hour
	longWrongTTL = time.Hour
)

func (ttlLong) Info() Info {
	return Info{
		ID:    "ttl-long",
		Title: "the TTL is long: resolvers remember the record, right or wrong, for as long",
		Text: "A resolver that has seen the record keeps it for its TTL. That is never why a certificate is not issued, but with a " +
			"TTL of days a mistake lives for days, and so does the answer of before a change.",
		Wrong:    "_a79.example.com. 604800 CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com. 300 CNAME _424.acm-validations.aws.",
		Fix:      "Set a TTL of 300 to 3600 seconds with the next change; nothing to do now.",
		Severity: Notice,
		Refs:     []Ref{{"RFC 1035", "3.2.1"}, {"RFC 2181", "8"}},
	}
}

func (ttlLong) Run(_ context.Context, p *Pass) error {
	right, wrong := time.Duration(0), time.Duration(0)
	var saw, old []resolver.Answer
	for _, v := range p.with(Holds, Differs, Several) {
		ttl := secondsOf(ttlOf(v.Response, v.Question.Name))
		switch {
		case v.Standing == Holds && ttl > longTTL:
			right, saw = max(right, ttl), append(saw, v.Answer)
		case v.Standing != Holds && ttl > longWrongTTL:
			wrong, old = max(wrong, ttl), append(old, v.Answer)
		}
	}
	if right > 0 {
		p.Report(Finding{
			Confidence: Certain,
			Message:    fmt.Sprintf("the record's TTL is %s: whoever has seen it keeps it for as long, should it ever have to change", spanText(right)),
			Fixes:      []Fix{{Where: WhereNowhere, Message: "leave it; with the next change of the record, set a TTL of 300 to 3600 seconds"}},
		}, saw...)
	}
	if all, err := p.heard(); err == nil && p.allHold() {
		for _, x := range all {
			if d, ok := x.left(p.Record); ok && x.says(p.Record) == SaysOther && d > longWrongTTL {
				wrong, old = max(wrong, d), append(old, x.answer)
			}
		}
	}
	if wrong > 0 {
		p.Report(Finding{
			Confidence: Certain,
			Message:    fmt.Sprintf("the wrong record has a long TTL: a resolver that has seen it keeps it for up to %s. A CA, with an empty cache, does not", spanText(wrong)),
			Fixes:      []Fix{{Where: WhereNowhere, Message: "wait for those resolvers; a TTL of 300 to 3600 seconds makes the next mistake shorter"}},
		}, old...)
	}
	return nil
}
