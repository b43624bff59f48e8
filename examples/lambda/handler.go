package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// batch is what ItemBatcher makes of items (Step Functions Developer Guide, "ItemBatcher (Map)"): any of the forms of a
// line that acmdoctor reads as JSON.
type batch struct {
	Items []json.RawMessage
}

// answer is what the function returns: short, since Step Functions passes no more than 256 KiB from state to state.
type answer struct {
	Valid        int      `json:"valid"`
	Invalid      int      `json:"invalid"`
	Undetermined int      `json:"undetermined"`
	Results      []result `json:"results"` // one for each record, in the order of the items
}

// result is the verdict on one record.
type result struct {
	Item    int              `json:"item"` // its place in the batch, from 0
	ID      string           `json:"id,omitempty"`
	Name    string           `json:"name"`
	Verdict validate.Verdict `json:"verdict"`
	Rule    validate.ID      `json:"rule,omitempty"` // the cause, where the record is not valid or has a warning
	Message string           `json:"message,omitempty"`
	ETA     string           `json:"eta,omitempty"`
}

// longestMessage is how many characters of a message are returned.
const longestMessage = 300

// margin is how long before its time is over the function stops checking, so that what was found is returned.
const margin = 2 * time.Second

// errNoItems is the error for an event that is no batch: it is never worth another try.
var errNoItems = errors.New("the event has no Items: expected the batch that a Map state with an ItemBatcher hands on")

// handler answers invocations. Its checker is used by all of them, one after the other.
type handler struct{ checker *validate.Checker }

func (h handler) handle(ctx context.Context, b batch) (answer, error) {
	if len(b.Items) == 0 {
		return answer{}, errNoItems
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	a := answer{Results: []result{}}
	done := map[int]bool{} // by line, which is the item's place from 1
	run := audit.Run{Check: h.checker.CheckEach, Ordered: true, Each: func(r audit.Result) error {
		done[r.Item.Line] = true
		a.add(resultOf(r))
		return nil
	}}
	text, err := lines(b.Items)
	if err != nil {
		return answer{}, err
	}
	_, err = run.Do(ctx, audit.Items(validate.ParseSources(bytes.NewReader(text)), ""))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return answer{}, err
	}
	if err != nil {
		for i := range b.Items { // time was over before they were checked: nothing is known of them
			if !done[i+1] {
				a.add(result{Item: i, Verdict: validate.Undetermined, Rule: "check-incomplete", Message: "the function's time was over before this record was checked"})
			}
		}
	}
	return a, nil
}

// lines makes NDJSON of the items, one line each, so that a line's number is the item's place.
func lines(items []json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	for i, item := range items {
		if err := json.Compact(&b, item); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

func resultOf(r audit.Result) result {
	out := result{Item: r.Item.Line - 1, ID: r.Item.ID, Name: r.Item.Name, Verdict: r.Verdict(), Rule: r.Cause()}
	if !r.Item.Record.Name.IsZero() {
		out.Name = r.Item.Record.Name.String()
	}
	switch {
	case out.Rule == "":
	case len(r.Report.Findings) > 0:
		out.Message = cut(r.Report.Findings[0].Message)
	case r.Item.Err != nil:
		out.Message = cut(r.Item.Err.Error())
	}
	if !r.Report.ETA.IsZero() {
		out.ETA = r.Report.ETA.UTC().Format(time.RFC3339)
	}
	return out
}

func cut(text string) string {
	if r := []rune(text); len(r) > longestMessage {
		return string(r[:longestMessage-1]) + "…"
	}
	return text
}

func (a *answer) add(r result) {
	switch r.Verdict {
	case validate.Valid:
		a.Valid++
	case validate.Invalid:
		a.Invalid++
	default:
		a.Undetermined++
	}
	a.Results = append(a.Results, r)
}
