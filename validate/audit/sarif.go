package audit

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/acmdoctor/acmdoctor/validate"
)

// mostSARIF is how many results are written: GitHub takes no more of a run (GitHub Docs, "SARIF support for code scanning").
const mostSARIF = 25_000

// SARIF says how [SARIF.Write] writes. The zero value is of use where lines name their input.
type SARIF struct {
	Input   string          // the input of lines that name none
	Version string          // of the program; "" says nothing
	Rules   []validate.Rule // that the report describes; nil: [validate.Rules]
}

type (
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID      string            `json:"id"`
		Short   sarifText         `json:"shortDescription"`
		Full    sarifText         `json:"fullDescription"`
		Help    sarifText         `json:"help"`
		Default map[string]string `json:"defaultConfiguration"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifResult struct {
		Rule         string            `json:"ruleId"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
)

// Write writes an audit's lines in the Static Analysis Results Interchange Format (SARIF 2.1.0, OASIS), which code scanning
// shows at the lines of the input: a result for each finding that is a cause and more than a notice, and for a record that
// is undetermined without one. It ends after 25,000 results and says so. One line is held at a time. The error is that of
// the lines or of w.
func (s SARIF) Write(w io.Writer, lines iter.Seq2[Line, error]) error {
	b := bufio.NewWriter(w)
	driver, err := json.Marshal(s.driver())
	if err != nil {
		return err
	}
	fmt.Fprintf(b, `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":{"driver":%s},"results":[`, driver)
	n, left := 0, 0
	for l, err := range lines {
		if err != nil {
			return err
		}
		for _, r := range s.results(l) {
			if n == mostSARIF {
				left++
				continue
			}
			body, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if n > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('\n')
			_, _ = b.Write(body) // Flush gives the error
			n++
		}
	}
	b.WriteString("\n]")
	if left > 0 {
		fmt.Fprintf(b, `,"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"warning","message":{"text":"%d results more than %d are left out"}}]}]`, left, mostSARIF)
	}
	b.WriteString("}]}\n")
	return b.Flush()
}

func (s SARIF) driver() any {
	rules := s.Rules
	if rules == nil {
		rules = validate.Rules()
	}
	d := struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}{Name: "acmdoctor", Version: s.Version, Rules: []sarifRule{}}
	for _, r := range rules {
		i := r.Info()
		d.Rules = append(d.Rules, sarifRule{
			ID: string(i.ID), Short: sarifText{i.Title}, Full: sarifText{i.Text}, Help: sarifText{cmp.Or(i.Fix, i.Text)},
			Default: map[string]string{"level": sarifLevel(i.Severity)},
		})
	}
	return d
}

// sarifLevel gives the level of SARIF, which has other words (3.58.6).
func sarifLevel(s validate.Severity) string {
	switch s {
	case validate.Error:
		return "error"
	case validate.Warning:
		return "warning"
	}
	return "note"
}

func (s SARIF) results(l Line) (out []sarifResult) {
	for _, f := range l.Findings {
		if f.ExplainedBy == "" && f.Severity != validate.Notice {
			out = append(out, s.result(l, f.Rule, sarifLevel(f.Severity), l.name()+": "+f.Message))
		}
	}
	if len(out) == 0 && l.Verdict == validate.Undetermined {
		out = append(out, s.result(l, "check-incomplete", "warning", l.name()+": the DNS did not answer well enough to say"))
	}
	return out
}

func (s SARIF) result(l Line, rule validate.ID, level, message string) sarifResult {
	at := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{uri(cmp.Or(l.File, s.Input, "stdin"))}}}
	if l.Line > 0 {
		at.Physical.Region = &sarifRegion{l.Line}
	}
	if l.Record.Name != "" {
		at.Logical = []sarifLogical{{l.Record.Name, "resource"}}
	}
	sum := sha256.Sum256([]byte(l.key() + "\x00" + string(rule)))
	return sarifResult{string(rule), level, sarifText{message}, []sarifLocation{at}, map[string]string{"record/v1": hex.EncodeToString(sum[:16])}}
}

// uri is a file's name as a relative reference, or as a file URI where it is absolute.
func uri(file string) string {
	switch {
	case file == "-":
		return "stdin"
	case strings.HasPrefix(filepath.ToSlash(file), "/"):
		return (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
	}
	return (&url.URL{Path: filepath.ToSlash(filepath.Clean(file))}).String()
}
