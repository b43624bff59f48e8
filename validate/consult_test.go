package validate_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// knows is a rule of somebody who knows where the record is.
type knows struct{}

func (knows) Info() validate.Info {
	return validate.Info{
		ID: "test-known", Title: "somebody knows", Text: "Somebody knows where the record is.", Wrong: "wrong", Right: "right", Fix: "ask the friend",
		Severity: validate.Error, Explains: []validate.ID{"record-missing"}, Refs: []validate.Ref{{"RFC 1034", "3.6.2"}},
	}
}

func (knows) Run(_ context.Context, p *validate.Pass) error {
	p.Report(validate.Finding{Confidence: validate.Certain, Message: "it is at a friend's"})
	return nil
}

// Whoever is consulted sees the report first; what their rules add is judged by the answers that are there already, and the
// report is the one that a check with these rules gives.
func TestConsult(t *testing.T) {
	for _, file := range []string{"record-missing.txt", "name-doubled.txt", "value-mismatch.txt"} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(worldsFolder + "/" + file)
			require.NoError(t, err)
			w, err := validatetest.ParseWorld(file, string(text))
			require.NoError(t, err)
			in, err := w.Internet()
			require.NoError(t, err)
			c, err := w.Checker(in, in)
			require.NoError(t, err)
			c.KeepWay = true
			alone, err := c.Check(t.Context(), w.Record)
			require.NoError(t, err)
			with := *c
			with.Rules = slices.Concat([]validate.Rule{knows{}}, validate.Rules())
			want, err := with.Check(t.Context(), w.Record)
			require.NoError(t, err)

			in.ResetQueries()
			c.Consult = func(_ context.Context, rep validate.Report) ([]validate.Rule, error) {
				assert.Equal(t, alone.Findings, rep.Findings)
				return with.Rules, nil
			}
			got, err := c.Check(t.Context(), w.Record)
			require.NoError(t, err)
			assert.Equal(t, document(t, want), document(t, got))
			assert.Equal(t, want.Way, got.Way)
			assert.Equal(t, validate.ID("test-known"), got.Findings[0].Rule)
			assert.Len(t, in.Queries(), alone.Queries, "nothing is asked twice")

			c.Consult = func(context.Context, validate.Report) ([]validate.Rule, error) { return nil, nil }
			got, err = c.Check(t.Context(), w.Record)
			require.NoError(t, err)
			assert.Equal(t, document(t, alone), document(t, got))
		})
	}
}

func TestConsultIsNotAskedInVain(t *testing.T) {
	text, err := os.ReadFile(worldsFolder + "/healthy.txt")
	require.NoError(t, err)
	w, err := validatetest.ParseWorld("healthy.txt", string(text))
	require.NoError(t, err)
	in, err := w.Internet()
	require.NoError(t, err)
	c, err := w.Checker(in, in)
	require.NoError(t, err)
	c.Consult = func(context.Context, validate.Report) ([]validate.Rule, error) {
		assert.Fail(t, "of a record that is valid nobody needs to know more")
		return nil, nil
	}
	_, err = c.Check(t.Context(), w.Record)
	require.NoError(t, err)

	away := errors.New("nobody is at home")
	c.Consult = func(context.Context, validate.Report) ([]validate.Rule, error) { return nil, away }
	w.Record.Value = w.Record.Name // no value of ACM's: invalid
	_, err = c.Check(t.Context(), w.Record)
	require.ErrorIs(t, err, away)
	c.Consult = func(context.Context, validate.Report) ([]validate.Rule, error) {
		return []validate.Rule{knows{}, knows{}}, nil
	}
	_, err = c.Check(t.Context(), w.Record)
	require.ErrorIs(t, err, validate.ErrBadRules)
}
