package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/validate"
)

// showPlans shows what is to be changed and, where nothing is, why.
func (c *fixCommand) showPlans(all []*mending) error {
	var b strings.Builder
	text := validate.Text{Color: wantsColor(c.out), Nslookup: runtime.GOOS == "windows"}
	for i, m := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		switch {
		case m.err != nil && m.report.Verdict != "", m.err == nil && m.plan.Empty() && m.report.Verdict == validate.Invalid:
			if err := m.report.WriteText(&b, text); err != nil { // it says where that can be mended
				return err
			}
			if m.err == nil && m.account != nil { // and this, why not at the provider
				b.WriteString("\n" + m.plan.String())
			}
		case m.err == nil && m.late != nil:
			fmt.Fprintf(&b, "Then the change before it in zone %s at %s is taken back\n", m.late.Zone().Apex.Text(), m.late.Provider())
		case m.err == nil && m.plan.Empty() && m.report.Verdict == validate.Valid:
			fmt.Fprintf(&b, "%s  VALID  a CA that asks now finds the record\n  Nothing to change.\n", m.record.Domain().Text())
			for _, f := range m.report.Findings {
				if f.Rule == validate.StrayCopy().Info().ID {
					paragraph(&b, "Note: "+f.Message+".")
				}
			}
		case m.err == nil:
			b.WriteString(m.plan.String())
		}
		if m.err == nil && len(m.others) > 0 {
			paragraph(&b, "The record is shared: "+shared(m)+" depend on it.")
		}
		if m.missing != nil && !c.wants() {
			b.WriteByte('\n')
			paragraph(&b, "This is planned from what the DNS shows: "+m.missing.Error()+".")
			paragraph(&b, "In a form that runs without acmdoctor: --format zone, nsupdate, route53 or terraform.")
		}
	}
	return writeString(c.out, &b)
}

// shared names the certificates of a record.
func shared(m *mending) string {
	var out []string
	for _, d := range m.record.Domains {
		out = append(out, d.Text())
	}
	return fmt.Sprintf("%d certificates (%s)", 1+len(m.others), strings.Join(out, ", "))
}

// tell says what came of it.
func (c *fixCommand) tell(all []*mending, declined bool) error {
	if c.json {
		if err := c.writeJSON(all); err != nil {
			return err
		}
	}
	for _, m := range all {
		if m.err != nil {
			fmt.Fprintf(c.err, "acmdoctor: %s: %v\n", m.record.Name, m.err)
		}
	}
	if c.json {
		return nil
	}
	var b strings.Builder
	planned, ready := 0, 0
	for _, m := range all {
		if m.err == nil && !m.plan.Empty() {
			planned++
			if m.missing == nil {
				ready++
			}
		}
		if m.applied || m.partly || m.held {
			c.writeDone(&b, m)
		}
	}
	switch {
	case declined, planned > 0 && ready == 0 && !c.wants():
		b.WriteString("\nNothing has been changed.\n")
	case planned > 0 && !c.wants():
		fmt.Fprintf(&b, "\nNothing has been changed. To apply this:\n  %s\n", c.applyLine())
	}
	return writeString(c.out, &b)
}

func (c *fixCommand) applyLine() string {
	if c.planOut == "" {
		return c.typed
	}
	line := "acmdoctor fix --plan " + shellWord(c.planOut)
	return line
}

// writeDone tells what was done, how to take it back, and what the world sees now.
func (c *fixCommand) writeDone(b *strings.Builder, m *mending) {
	b.WriteByte('\n')
	writeDone(b, m.result)
	var partial *providers.PartialError
	if errors.As(m.err, &partial) {
		for _, x := range []struct {
			what  string
			steps []providers.Step
		}{{"begun, and not known to be done", partial.Failed}, {"not begun", partial.Pending}} {
			for _, s := range x.steps {
				fmt.Fprintf(b, "  %s\n    %s %s\n", x.what, s.Name, s.Type)
			}
		}
	}
	if len(m.result.Done) == 0 && m.err == nil {
		b.WriteString("  Everything stands as wanted already; nothing was written.\n")
	}
	for _, w := range m.result.Warnings {
		paragraph(b, "Note: "+w+".")
	}
	if !m.result.Undo.Empty() {
		fmt.Fprintf(b, "  To take it back:  acmdoctor fix --undo %s\n", shellWord(c.undos.path))
	}
	switch {
	case !m.checked && m.applied:
		paragraph(b, "What the world sees was not looked at. To see it: acmdoctor check.")
		return
	case !m.checked:
		return
	}
	b.WriteByte('\n')
	if err := m.report.WriteText(b, validate.Text{Color: wantsColor(c.out), Nslookup: runtime.GOOS == "windows"}); err != nil {
		return // a strings.Builder takes everything
	}
	switch {
	case m.seen && m.plan.TakesBack():
		paragraph(b, "The change is taken back: the zone's name servers answer as before it.")
	case m.more:
		paragraph(b, "That change is made. There is more to mend, as above: acmdoctor fix again.")
	case !m.seen && !m.partly:
		paragraph(b, fmt.Sprintf("The provider holds the change, and after %s the zone's name servers do not all show it. To wait for it: acmdoctor wait.", c.settle))
	}
}

// fixDocument is what --json prints; see the tool's contract.
type fixDocument struct {
	ID       string           `json:"id,omitempty"`
	Line     int              `json:"line,omitempty"`
	Plan     *providers.Plan  `json:"plan"`
	Applied  bool             `json:"applied"`
	Verified bool             `json:"verified"`
	Undo     string           `json:"undo,omitempty"`
	Report   *validate.Report `json:"report,omitempty"`
	Missing  string           `json:"missing,omitempty"` // why the plan is made from what the DNS shows
	Warnings []string         `json:"warnings,omitempty"`
	Done     []stepLine       `json:"done,omitempty"`    // after an error: what was done
	Pending  []stepLine       `json:"pending,omitempty"` // after an error: what was not, or is not known to be
	Error    *fixError        `json:"error,omitempty"`
}

type fixError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type stepLine struct {
	Name string   `json:"name"`
	Type string   `json:"type"`
	From []string `json:"from"`
	To   []string `json:"to"`
}

func stepLines(steps ...providers.Step) []stepLine {
	var out []stepLine
	for _, s := range steps {
		out = append(out, stepLine{
			s.Name.String(), s.Type.String(), append([]string{}, s.From.Values...), append([]string{}, s.To.Values...),
		})
	}
	return out
}

func (c *fixCommand) writeJSON(all []*mending) error {
	var docs []fixDocument
	for _, m := range all {
		docs = append(docs, m.document(c))
	}
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if len(docs) == 1 {
		return enc.Encode(docs[0])
	}
	return enc.Encode(docs)
}

func (m *mending) document(c *fixCommand) fixDocument {
	d := fixDocument{ID: m.id, Line: m.line, Plan: &m.plan, Applied: m.applied && len(m.result.Done)+len(m.result.Skipped) > 0, Warnings: m.result.Warnings}
	if m.plan.Zone().Apex.IsZero() && m.err != nil {
		d.Plan = nil // none could be made
	}
	if m.report.Verdict != "" {
		d.Report = &m.report
		d.Verified = m.err == nil && (m.seen || m.plan.Empty() && m.report.Verdict == validate.Valid)
	}
	if m.missing != nil {
		d.Missing = m.missing.Error()
	}
	if !m.result.Undo.Empty() {
		d.Undo = c.undos.path
	}
	if m.err != nil {
		d.Error = &fixError{errorCode(m.err), m.err.Error()}
		var partial *providers.PartialError
		if errors.As(m.err, &partial) {
			d.Done, d.Pending = stepLines(partial.Done...), stepLines(append(partial.Failed, partial.Pending...)...)
		}
	}
	return d
}

// errorCode names what stopped a change, for programs.
func errorCode(err error) string {
	var partial *providers.PartialError
	if errors.As(err, &partial) {
		return "partial"
	}
	for _, x := range []struct {
		is   error
		code string
	}{
		{errNoCredentials, "no-credentials"}, // before permission, which it may be, too
		{providers.ErrOutOfScope, "out-of-scope"},
		{providers.ErrConflict, "conflict"},
		{providers.ErrPermission, "permission"},
		{providers.ErrZoneNotFound, "zone-not-found"},
		{providers.ErrNotAuthoritative, "not-authoritative"},
		{providers.ErrNotVisible, "not-visible"},
		{providers.ErrBadPlan, "bad-plan"},
		{providers.ErrBadConfig, "bad-config"},
		{errNoProvider, "no-provider"},
		{errNotConfirmed, "not-confirmed"},
		{errUndetermined, "undetermined"},
		{context.Canceled, "interrupted"},
	} {
		if errors.Is(err, x.is) {
			return x.code
		}
	}
	return "failed"
}
