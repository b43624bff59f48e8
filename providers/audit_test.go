package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
)

// Each change that was made is a line, written when it has been read back and not before.
func TestAuditTrailTellsWhatWasDone(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(doubled, value))
	p := plan(t, m, moveReport())
	var trail bytes.Buffer
	a := impatient
	a.Audit = func(_ context.Context, p providers.Plan, steps []providers.Step) error {
		_, writes := m.Calls()
		require.Equal(t, bytes.Count(trail.Bytes(), []byte("\n")), writes-1, "one line for each write so far but this one")
		entries := p.Entries(made, steps)
		for i := range entries {
			entries[i].Who, entries[i].Undo = "anna", "undo.json"
		}
		return providers.WriteEntries(&trail, entries...)
	}
	_, err := a.Apply(context.Background(), m, p)
	require.NoError(t, err)
	require.Equal(t, `{"time":"2026-11-24T14:20:05Z","who":"anna","provider":"memory","zone":"example.com.","zone_id":"Z1","kind":"change","plan":"`+p.ID()+
		`","undo":"undo.json","name":"`+owner+`","type":"CNAME","from":[],"to":["`+value+`"],"to_ttl":600}
{"time":"2026-11-24T14:20:05Z","who":"anna","provider":"memory","zone":"example.com.","zone_id":"Z1","kind":"change","plan":"`+p.ID()+
		`","undo":"undo.json","name":"`+doubled+`","type":"CNAME","from":["`+value+`"],"to":[],"from_ttl":3600}
`, trail.String())
	for line := range bytes.Lines(trail.Bytes()) {
		var e providers.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		require.Equal(t, made, e.Time)
	}
}

// What was not done is not in it, and a trail that cannot be written does not undo what was.
func TestAuditTrailAndFaults(t *testing.T) {
	for _, atomic := range []bool{false, true} {
		told := 0
		a := impatient
		a.Audit = func(context.Context, providers.Plan, []providers.Step) error { told++; return errors.New("disk full") }

		m := memory(t, providers.Traits{Atomic: atomic}, cname(doubled, value))
		p := plan(t, m, moveReport())
		m.Faults = providertest.Faults{Deaf: true}
		_, err := a.Apply(context.Background(), m, p)
		require.ErrorIs(t, err, providers.ErrNotVisible)
		require.Zero(t, told)

		m.Faults = providertest.Faults{}
		for _, res := range a.ApplyAll(context.Background(), m, []providers.Plan{p}) {
			require.NoError(t, res.Err)
			require.Len(t, res.Result.Done, 2)
			require.Contains(t, res.Result.Warnings[0], "disk full")
		}
		require.Positive(t, told)
		require.Equal(t, []string{right}, dump(t, m))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteEntries(t *testing.T) {
	require.NoError(t, providers.WriteEntries(broken{}))
	require.ErrorContains(t, providers.WriteEntries(broken{}, providers.Entry{Time: time.Now()}), "disk full")
}
