package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// valueSwapped finds the record the wrong way round: at the value's labels, pointing to the name.
type valueSwapped struct{}

func (valueSwapped) Info() Info {
	return Info{
		ID:    "value-swapped",
		Title: "name and value were entered the wrong way round",
		Text: "The form's two fields were exchanged: a record at the value's labels inside the zone points to the name that ACM " +
			"asks for.",
		Wrong:    "_424.acm-validations.aws.example.com. CNAME _a79.example.com.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Delete that record and create the right one.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{refAPI},
		Probe:    true,
	}
}

func (valueSwapped) Run(ctx context.Context, p *Pass) error {
	return p.reportNear(ctx, nearSwapped, func(h nearHit) string {
		return fmt.Sprintf("name and value are exchanged: %s points to %s", h.Name, h.Target)
	})
}

// reportNear reports the hits of one kind, with the move that mends them.
func (p *Pass) reportNear(ctx context.Context, kind nearKind, message func(nearHit) string) error {
	hits, err := p.nearHits(ctx)
	for _, h := range hits {
		if h.Kind != kind && !slices.Contains(h.Also, kind) {
			continue
		}
		p.Report(Finding{Confidence: Certain, Message: message(h), Fixes: []Fix{p.move(ctx, h)}}, h.Answer)
	}
	return err
}

// move is the fix that puts a misplaced record where it belongs.
func (p *Pass) move(ctx context.Context, h nearHit) Fix {
	gone, words := p.inTheWay(ctx)
	right := p.put()
	right.TTL = h.TTL
	if !h.Above.IsZero() { // a change of another zone is none that a plan for this one carries out
		return Fix{Where: WhereZone, Changes: append(gone, right), Message: p.createWith(h.TTL, words, fmt.Sprintf("then delete the record at %s in the zone %s", h.Name, h.Above))}
	}
	fix := Fix{
		Where:   WhereZone,
		Changes: append(gone, right, Change{Name: h.Name, Type: resolver.TypeCNAME, TTL: h.TTL, From: []string{h.Target.String()}}),
		Message: p.createWith(h.TTL, words, "then delete the record at "+h.Name.String()),
	}
	if by := p.servedBy(); by.Appends() && h.Kind != nearSwapped && len(gone) == 0 && p.Record.Accepts(h.Target) {
		fix.Message = fmt.Sprintf("at %s, edit the record at %s; leave Type and Value; make Name exactly:\n%s", by.Name, h.Name,
			strings.Join(append(p.nameField(by), p.lookOut(by)), "\n"))
		fix.Message = strings.TrimSuffix(fix.Message, "\n")
	}
	return fix
}
