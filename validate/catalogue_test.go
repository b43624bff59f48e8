package validate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
)

func TestMarkdownTellsEveryRule(t *testing.T) {
	var b strings.Builder
	require.NoError(t, validate.WriteMarkdown(&b, validate.Rules()))
	text := b.String()
	for _, r := range validate.Rules() {
		i := r.Info()
		assert.Contains(t, text, "\n## `"+string(i.ID)+"`\n")
		for _, line := range strings.Split(i.Wrong+"\n"+i.Right, "\n") {
			assert.Contains(t, text, "\n    "+line+"\n", i.ID)
		}
		for _, ref := range i.Refs {
			assert.Contains(t, text, "- "+strings.NewReplacer("*", `\*`, "_", `\_`).Replace(ref.String())+"\n", i.ID)
		}
	}
	own := ownRule{info: validate.Info{
		ID: "own-rule", Title: "a|b", Text: "_x* is <b> here", Wrong: "w", Right: "r", Fix: "f", Severity: validate.Notice,
		Explains: []validate.ID{"record-missing"}, Refs: []validate.Ref{{Source: "a handbook"}},
	}}
	b.Reset()
	require.NoError(t, validate.WriteMarkdown(&b, append(validate.Rules(), own)))
	assert.Contains(t, b.String(), "| [`own-rule`](#own-rule) | notice | a\\|b |")
	assert.Contains(t, b.String(), `\_x\* is &lt;b> here`)
	assert.Contains(t, b.String(), "| [`own-rule`](#own-rule) | [`record-missing`](#record-missing) |")
	_, missing, _ := strings.Cut(b.String(), "\n## `record-missing`\n")
	missing, _, _ = strings.Cut(missing, "\n## ")
	assert.Contains(t, missing, "Explained by: ")
	assert.Contains(t, missing, "[`own-rule`](#own-rule)")
}

func TestMarkdownSaysWhenItCannotBeWritten(t *testing.T) {
	full := errors.New("full")
	assert.ErrorIs(t, validate.WriteMarkdown(failing{full}, validate.Rules()), full)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// What a world calls a consequence, the catalogue's tables call one.
func TestEveryConsequenceIsInTheTables(t *testing.T) {
	infos := map[validate.ID]validate.Info{}
	for _, r := range validate.Rules() {
		infos[r.Info().ID] = r.Info()
	}
	seen := 0
	for _, w := range loadWorlds(t) {
		for _, f := range w.Want {
			if f.ExplainedBy == "" {
				continue
			}
			seen++
			follows := infos[f.Rule].Follows
			assert.True(t, slices.Contains(infos[f.ExplainedBy].Explains, f.Rule) || slices.Contains(follows, f.ExplainedBy) || slices.Contains(follows, validate.AnyRecordError),
				"%s: %s is explained by %s, and neither rule says so", w.File, f.Rule, f.ExplainedBy)
		}
	}
	require.NotZero(t, seen)
	var b strings.Builder
	require.NoError(t, validate.WriteMarkdown(&b, validate.Rules()))
	assert.Contains(t, b.String(), "| [`certificate-failed`](#certificate-failed) | [`caa-forbids`](#caa-forbids), [`domain-ineligible`](#domain-ineligible) |")
	assert.Contains(t, b.String(), "| [`renewal-blocked`](#renewal-blocked) | [`caa-forbids`](#caa-forbids), [`domain-ineligible`](#domain-ineligible), every certain error about the record |")
}
