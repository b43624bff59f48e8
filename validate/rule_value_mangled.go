package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// valueMangled finds a target that is the value with characters missing, added or changed.
type valueMangled struct{}

func (valueMangled) Info() Info {
	return Info{
		ID:    "value-mangled",
		Title: "the value has characters missing, added or changed",
		Text: "The target is the value but for quotes, blanks or a scheme around it, a few wrong characters, an end cut off by a " +
			"short field, a label left out, or a misspelt acm-validations.aws. Which characters differ is shown.",
		Wrong:    "_a79.example.com. CNAME _42.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Copy the value again, whole.",
		Severity: Error,
		Explains: []ID{"value-mismatch"},
		Refs:     []Ref{refArticle, refTroubleshoot},
	}
}

func (valueMangled) Run(ctx context.Context, p *Pass) error {
	for _, target := range p.differing() {
		if _, doubled := doubledValue(p.Record, p.facts.zone, target); doubled {
			continue
		}
		typed := target
		if head, _, appended := appendedTo(p.Record, p.facts.zone, target); appended {
			typed = head // the rest is value-doubled's
		}
		how, confidence, ok := mangled(p.Record, typed)
		if !ok {
			continue
		}
		if end, err := p.chained(ctx); err != nil || end.Reaches {
			return err // a name that begins like the value may lead to it
		}
		e := Evidence{Text: fmt.Sprintf("found   %s\n        %s\nwanted  %s", target, Marks(target.String(), p.Record.Value.String()), p.Record.Value)}
		f := Finding{
			Confidence: confidence,
			Message:    fmt.Sprintf("the value at %s is %s: %s", p.Record.Name, target, how),
			Evidence:   []Evidence{e},
			Fixes: []Fix{{
				Where: WhereZone, Changes: []Change{p.put(target)},
				Message: p.correct(),
			}},
		}
		p.Report(f, answersOf(p.giving(target))...)
		return nil
	}
	return nil
}

// Distances up to which a first label counts as a slip of the record's own.
const (
	maxSlips       = 3
	slipsPer       = 8 // and no more than one in so many characters, but one always
	minPrefixShare = 2 // a cut-off label must have at least half of its characters, unless all behind it is right
)

// mangled tells how target was made from the record's value by a slip, if it was.
func mangled(r Record, target resolver.Name) (how string, c Confidence, ok bool) {
	raw := strings.Join(target.Labels(), ".")
	if clean, _, err := ParseRecord("", r.Name.String(), raw); err == nil && raw != strings.TrimSuffix(clean.Value.String(), ".") && r.Accepts(clean.Value) {
		return "it holds characters that are not part of it", Certain, true
	}
	told := func(what string) string {
		if d := difference(target.Text(), r.Value.Text()); d != "" {
			what += ": " + d
		}
		return what
	}
	want, have := r.Value.Labels(), target.Labels()
	first := func(s string) string { return strings.TrimPrefix(s, "_") }
	sameFirst := len(have) > 0 && len(want) > 0 && first(have[0]) == first(want[0])
	underSuffix := target.Within(ValidationSuffix)
	switch {
	case underSuffix && sameFirst && len(have) < len(want):
		return told("a label in the middle is missing"), Likely, true
	case sameFirst:
		return told("what follows the first label differs"), Likely, true
	case fewSlips(first(target.Text()), first(r.Value.Text()), first(want[0])):
		return told("a few characters differ"), Likely, true
	case underSuffix && len(have) > 0:
		a, b := first(have[0]), first(want[0])
		if fewSlips(a, b, b) {
			return told("a few characters differ"), Likely, true
		}
		rest := a != "" && slices.Equal(have[1:], want[1:])
		if strings.HasPrefix(b, a) && (rest || len(a)*minPrefixShare >= len(b)) {
			return told("its first label is cut off"), Likely, true
		}
	}
	return "", "", false
}

// fewSlips reports whether one text was made of the other by slips, as few as a first label of that length may have.
func fewSlips(found, wanted, first string) bool {
	_, slips := edits(found, wanted)
	return slips <= min(maxSlips, max(1, len(first)/slipsPer))
}
