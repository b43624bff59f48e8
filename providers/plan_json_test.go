package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
)

func marshalled(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestPlanGoesThroughAFile(t *testing.T) {
	m := memory(t, providers.Traits{CompareAndSwap: true, MinTTL: 60}, cname(doubled, value), txt(owner, "old"))
	p := plan(t, m, moveReport())
	text := marshalled(t, p)
	var back providers.Plan
	require.NoError(t, json.Unmarshal([]byte(text), &back))
	require.Equal(t, p.String(), back.String())
	require.Equal(t, text, marshalled(t, back))
	require.Equal(t, record.Name, back.Record().Name)
	require.Equal(t, "Z1", back.Zone().ID)

	res, err := impatient.Apply(context.Background(), m, back)
	require.NoError(t, err)
	var undo providers.Undo
	require.NoError(t, json.Unmarshal([]byte(marshalled(t, res.Undo)), &undo))
	require.Equal(t, marshalled(t, res.Undo), marshalled(t, undo))
}

func TestPlanStaysAsItWasShown(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(doubled, value))
	p := plan(t, m, moveReport())
	shown := p.String()
	p.Steps()[0].To.Values[0] = "evil.example.net."
	p.Steps()[1].From.Values[0] = "evil.example.net."
	r := p.Record()
	r.Domains[0] = name("evil.example.net.")
	require.Equal(t, shown, p.String())
	require.Equal(t, record.Domains, p.Record().Domains)
}

func TestEditedPlansAreRefused(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(doubled, value), txt(owner, "old"))
	good := marshalled(t, plan(t, m, moveReport()))
	www := "www.example.com."
	for what, edit := range map[string]struct {
		from, to string
		want     error
	}{
		"another version":            {`"version":1`, `"version":2`, providers.ErrBadPlan},
		"no version":                 {`"version":1,`, ``, providers.ErrBadPlan},
		"an unknown field":           {`"version":1`, `"version":1,"force":true`, providers.ErrBadPlan},
		"another kind":               {`"kind":"change"`, `"kind":"rollback"`, providers.ErrBadPlan},
		"another zone":               {`"zone":"example.com."`, `"zone":"example.net."`, providers.ErrOutOfScope},
		"the root as the zone":       {`"zone":"example.com."`, `"zone":"."`, providers.ErrOutOfScope},
		"a wider zone, other copies": {`"zone":"example.com."`, `"zone":"notexample.com."`, providers.ErrOutOfScope},
		"a neighbour's name":         {`"name":"` + doubled, `"name":"` + www, providers.ErrOutOfScope},
		"another target":             {`"to":["` + value, `"to":["www.example.net.`, providers.ErrOutOfScope},
		"another value of the copy":  {`"` + value + `"]`, `"` + wrong + `"]`, providers.ErrOutOfScope},
		"not what was read":          {`"from":["\"old\""]`, `"from":["\"new\""]`, providers.ErrBadPlan},
		"another type to create":     {`"type":"CNAME","from":[],`, `"type":"NS","from":[],`, providers.ErrBadPlan},
		"a bad name":                 {`"name":"` + owner, `"name":"a..b`, providers.ErrBadPlan},
		"truncated":                  {`}]`, ``, providers.ErrBadPlan},
		"another TTL":                {`"to_ttl":600`, `"to_ttl":60`, providers.ErrBadPlan},
		"another provider":           {`"provider":"memory"`, `"provider":"other"`, providers.ErrBadPlan},
		"another zone ID":            {`"zone_id":"Z1"`, `"zone_id":"Z2"`, providers.ErrBadPlan},
		"a note removed":             {`; look first`, `; do not look`, providers.ErrBadPlan},
		"without its sum":            {`"sum":"`, `"sum":"0`, providers.ErrBadPlan},
		"the record changed":         {`"record":{"name":"` + owner, `"record":{"name":"` + www, providers.ErrOutOfScope},
	} {
		t.Run(what, func(t *testing.T) {
			bad := strings.ReplaceAll(good, edit.from, edit.to)
			require.NotEqual(t, good, bad)
			p := plan(t, m, moveReport())
			before := p.String()
			err := (&p).UnmarshalJSON([]byte(bad))
			require.ErrorIs(t, err, edit.want)
			require.Equal(t, before, p.String(), "a plan that cannot be read leaves the variable alone")
		})
	}
	var p providers.Plan
	require.ErrorIs(t, p.UnmarshalJSON([]byte(good+"{}")), providers.ErrBadPlan)
	require.ErrorIs(t, p.UnmarshalJSON([]byte("null")), providers.ErrBadPlan)
	var u providers.Undo
	for _, bad := range []string{good, `{"version":1}`, `{"version":2,"undo":` + good + `}`, `{"version":1,"undo":` + good + `,"x":1}`, `null`, ``} {
		require.ErrorIs(t, u.UnmarshalJSON([]byte(bad)), providers.ErrBadPlan, bad)
	}
}

// A plan read from a file is either refused or can do no more than one that was made: it survives the round trip, and applying it
// to a zone with something of everything changes no name out of scope.
func FuzzPlanJSON(f *testing.F) {
	m := memory(f, providers.Traits{}, cname(doubled, value), txt(owner, "old"))
	p := plan(f, m, moveReport())
	f.Add([]byte(marshalled(f, p)))
	res, err := impatient.Apply(context.Background(), m, p)
	require.NoError(f, err)
	f.Add([]byte(marshalled(f, res.Undo)))
	f.Add([]byte(`{"version":1,"kind":"undo","provider":"memory","zone":"example.com.","record":{"name":"_a.example.com.","value":"_b.acm-validations.aws."}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var u providers.Undo
		if err := u.UnmarshalJSON(b); err == nil {
			var again providers.Undo
			require.NoError(t, again.UnmarshalJSON([]byte(marshalled(t, u))))
			_, _ = u.Plan(context.Background(), memory(t, providers.Traits{}))
		}
		var p providers.Plan
		if err := p.UnmarshalJSON(b); err != nil {
			return
		}
		text := marshalled(t, p)
		var again providers.Plan
		require.NoError(t, json.Unmarshal([]byte(text), &again))
		require.Equal(t, text, marshalled(t, again))
		require.False(t, bytes.ContainsRune([]byte(p.String()), 0x1b))
		m := memory(t, providers.Traits{}, cname("www.example.com.", wrong), txt("www.example.com.", "x"))
		before := dump(t, m)
		_, _ = impatient.Apply(context.Background(), m, p)
		for _, l := range before {
			require.Contains(t, dump(t, m), l)
		}
	})
}
