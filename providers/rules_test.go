package providers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// account is what a provider holds: zones, each with its sets.
type account []struct {
	zone providers.Zone
	sets []providers.RRset
}

func (a account) client(t *testing.T) *providertest.Memory {
	t.Helper()
	m := &providertest.Memory{Label: "provider", Caps: providers.Traits{Atomic: true, CompareAndSwap: true}}
	for i, z := range a {
		z.zone.ID = fmt.Sprintf("Z%d", i+1)
		m.AddZone(z.zone)
		require.NoError(t, m.Put(z.zone, z.sets...))
	}
	return m
}

func zoneOf(apex string, servers ...string) providers.Zone {
	z := providers.Zone{Apex: name(apex)}
	for _, s := range servers {
		z.NameServers = append(z.NameServers, name(s))
	}
	return z
}

func hidden(h providers.Hidden) providers.RRset {
	s := cname(owner, value)
	s.Hidden = h
	return s
}

// searching finds records by their target, as Route 53 and Cloudflare do.
type searching struct{ *providertest.Memory }

func (s searching) SearchTargets(ctx context.Context, z providers.Zone, targets ...resolver.Name) ([]providers.RRset, error) {
	lines, err := s.Dump(z)
	if err != nil {
		return nil, err
	}
	var out []providers.RRset
	for _, l := range lines {
		if rr, err := resolver.ParseRR(strings.Replace(l, " ", " 0 IN ", 1)); err == nil && rr.Type == resolver.TypeCNAME {
			if t, ok := rr.Target(); ok && slices.Contains(targets, t) {
				out = append(out, cname(rr.Name.String(), rr.Text()))
			}
		}
	}
	return out, nil
}

const (
	publicEmpty = "$ORIGIN example.com.\n"
	publicRight = publicEmpty + owner + " 300 CNAME " + value + "\n"
	publicWrong = publicEmpty + owner + " 300 CNAME " + wrong + "\n"
)

// The name servers that a world gives a zone unless it names others.
var worldNS = []string{"ns1.example.com.", "ns2.example.com."}

func TestProviderRules(t *testing.T) {
	live, other := zoneOf("example.com.", worldNS...), zoneOf("example.com.", "ns-1.old.example.", "ns-2.old.example.")
	private := providers.Zone{Apex: apex, Private: true, Networks: []string{"vpc-1 (eu-west-1)"}}
	with := func(z providers.Zone, s providers.ZoneStatus) providers.Zone { z.Status = s; return z }
	holds := []providers.RRset{cname(owner, value)}
	none := []providers.RRset(nil)
	missing := "record-missing error certain"
	by := func(id string) string { return missing + " (explained by " + id + ")" }
	for what, c := range map[string]struct {
		zones string
		holds account
		want  []string
		text  string
	}{
		"private":                        {publicEmpty, account{{private, holds}, {live, none}}, []string{"zone-private error certain", by("zone-private")}, "vpc-1 (eu-west-1)"},
		"private, old value in public":   {publicWrong, account{{private, holds}, {live, []providers.RRset{cname(owner, wrong)}}}, []string{"zone-private error certain", "value-mismatch error certain (explained by zone-private)"}, ""},
		"private and public":             {publicRight, account{{private, holds}, {live, holds}}, nil, ""},
		"private holds another":          {publicEmpty, account{{private, []providers.RRset{cname(owner, wrong)}}, {live, none}}, []string{missing}, ""},
		"public elsewhere, private":      {publicEmpty, account{{private, holds}}, []string{"zone-private error certain", by("zone-private")}, ""},
		"wrong one of two":               {publicEmpty, account{{live, none}, {other, holds}}, []string{"zone-elsewhere error certain", by("zone-elsewhere")}, "Z2"},
		"right one of two":               {publicRight, account{{live, holds}, {other, holds}}, nil, ""},
		"wrong one holds another":        {publicEmpty, account{{live, none}, {other, []providers.RRset{cname(owner, wrong)}}}, []string{missing}, ""},
		"pending at the provider":        {publicEmpty, account{{with(other, providers.ZonePending), holds}}, []string{"zone-elsewhere error certain", by("zone-elsewhere")}, "not yet delegated"},
		"moved away":                     {publicEmpty, account{{with(other, providers.ZoneMoved), holds}}, []string{"zone-elsewhere error certain", by("zone-elsewhere")}, "no longer"},
		"partial":                        {publicEmpty, account{{with(live, providers.ZonePartial), holds}}, []string{"zone-elsewhere error certain", by("zone-elsewhere")}, "elsewhere"},
		"the only zone, not delegated":   {publicEmpty, account{{other, holds}}, []string{"delegation-mismatch error certain", by("delegation-mismatch")}, "ns-1.old.example."},
		"not delegated, and valid":       {publicRight, account{{other, holds}}, nil, ""},
		"not delegated, without record":  {publicEmpty, account{{other, none}}, []string{missing}, ""},
		"not served yet":                 {publicEmpty, account{{live, holds}}, []string{"change-pending error likely", by("change-pending")}, "yet"},
		"not served yet, servers unsaid": {publicEmpty, account{{zoneOf("example.com."), holds}}, []string{"change-pending error possible", by("change-pending")}, ""},
		"old value still served":         {publicWrong, account{{live, holds}}, []string{"change-pending error likely", "value-mismatch error certain (explained by change-pending)"}, ""},
		"proxied":                        {publicEmpty, account{{live, []providers.RRset{hidden(providers.Proxied)}}}, []string{"record-flattened error certain", by("record-flattened")}, "proxied"},
		"flattened":                      {publicEmpty, account{{live, []providers.RRset{hidden(providers.Flattened)}}}, []string{"record-flattened error certain", by("record-flattened")}, "flattened"},
		"disabled":                       {publicEmpty, account{{live, []providers.RRset{hidden(providers.Disabled)}}}, []string{"record-flattened error certain", by("record-flattened")}, "switched off"},
		"a blank in the name":            {publicEmpty, account{{live, []providers.RRset{cname(`_a79865eb4cd1a6ab990a45779b4e0b96\032.example.com.`, value)}}}, []string{"name-mangled error certain", by("name-mangled")}, `\032`},
		"quotes, and the zone again":     {publicEmpty, account{{live, []providers.RRset{cname(`\"_a79865eb4cd1a6ab990a45779b4e0b96.example.com\".example.com.`, value)}}}, []string{"name-mangled error certain", by("name-mangled")}, "do not belong"},
		"one character wrong":            {publicEmpty, account{{live, []providers.RRset{cname("_a79865eb4cd1a6ab990a45779b4e0b97.example.com.", value)}}}, []string{"name-mangled error certain", by("name-mangled")}, "in one place"},
		"two exchanged, one missing":     {publicEmpty, account{{live, []providers.RRset{cname("_7a9865eb4cd1a6ab990a45779b4e0b9.example.com.", value)}}}, []string{"name-mangled error certain", by("name-mangled")}, "in two places"},
		"three characters wrong":         {publicEmpty, account{{live, []providers.RRset{cname("_a79865eb4cd1a6ab990a45779b4e0123.example.com.", value)}}}, []string{missing}, ""},
		"nearly the name, other value":   {publicEmpty, account{{live, []providers.RRset{cname("_a79865eb4cd1a6ab990a45779b4e0b97.example.com.", wrong)}}}, []string{missing}, ""},
		"no zone at all":                 {publicEmpty, nil, []string{missing}, ""},
		"a zone that nothing delegates":  {publicEmpty, account{{live, none}}, []string{missing}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			facts, err := providers.ReadFacts(t.Context(), searching{c.holds.client(t)}, record)
			require.NoError(t, err)
			again := throughJSON(t, facts)
			for _, f := range []providers.Facts{facts, again} {
				rep := checked(t, c.zones, record, f)
				var got []string
				for _, w := range validatetest.Got(rep) {
					if s := w.String(); !strings.Contains(s, "notice") {
						got = append(got, s)
					}
				}
				require.Equal(t, c.want, got)
				if len(c.want) > 0 {
					first := rep.Findings[0]
					require.Equal(t, validate.Invalid, rep.Verdict)
					require.Contains(t, first.Message+fmt.Sprint(first.Evidence), c.text)
					require.NotEmpty(t, first.Fixes)
				} else {
					require.Equal(t, validate.Valid, rep.Verdict)
				}
			}
		})
	}
}

func throughJSON(t *testing.T, f providers.Facts) (out providers.Facts) {
	t.Helper()
	text, err := json.Marshal(f)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

// checked is what a check of the world says with the rules that know the provider.
func checked(t *testing.T, zones string, r validate.Record, f providers.Facts) validate.Report {
	t.Helper()
	w, err := validatetest.ParseWorld("x.txt", "-- story --\nx\n-- zones --\n"+zones+"-- record --\n"+r.Name.String()+" CNAME "+r.Value.String()+"\n-- want --\ninvalid\n-- none --\nx\n")
	require.NoError(t, err)
	in, err := w.Internet()
	require.NoError(t, err)
	checker, err := w.Checker(in, in)
	require.NoError(t, err)
	checker.Rules = providers.Rules(f)
	rep, err := checker.Check(t.Context(), r)
	require.NoError(t, err)
	return rep
}

// A record of www.example.com, where that is a zone of its own, or only the account thinks so.
func TestRecordMisplacedAsTheProviderSeesIt(t *testing.T) {
	const deep = "_a79865eb4cd1a6ab990a45779b4e0b96.www.example.com."
	r := validate.Record{Name: name(deep), Value: name(value), Domains: []resolver.Name{name("www.example.com.")}}
	above, below := zoneOf("example.com.", worldNS...), zoneOf("www.example.com.", "ns-1.sub.example.")
	cut := "$ORIGIN example.com.\nwww NS ns1.www.example.com.\n$ORIGIN www.example.com.\n"
	holds := []providers.RRset{cname(deep, value)}
	for what, c := range map[string]struct {
		zones string
		holds account
		want  string
	}{
		"above the cut":                       {cut, account{{above, holds}}, "record-misplaced"},
		"above the cut, in the right one too": {cut, account{{above, holds}, {zoneOf("www.example.com.", "ns1.www.example.com."), holds}}, "change-pending"},
		"in a zone that nothing delegates":    {publicEmpty, account{{above, nil}, {below, holds}}, "record-misplaced"},
		"in the zone that is asked":           {publicEmpty, account{{above, holds}, {below, nil}}, "change-pending"},
	} {
		t.Run(what, func(t *testing.T) {
			facts, err := providers.ReadFacts(t.Context(), searching{c.holds.client(t)}, r)
			require.NoError(t, err)
			rep := checked(t, c.zones, r, facts)
			require.Equal(t, c.want, string(rep.Findings[0].Rule), "%v", validatetest.Got(rep))
		})
	}
}

func TestProviderRulesAreSound(t *testing.T) {
	for _, f := range []providers.Facts{{}, {Provider: "x", Record: record}} {
		rules := providers.Rules(f)
		require.NoError(t, validate.Validate(rules))
		require.Equal(t, ids(rules), ids(providers.JoinRules(rules, f)), "joined twice they are the same rules")
	}
	order := ids(providers.Rules(providers.Facts{}))
	for _, id := range []validate.ID{"zone-private", "zone-elsewhere", "change-pending", "name-mangled", "record-misplaced", "record-flattened"} {
		assert.Less(t, slices.Index(order, id), slices.Index(order, "record-missing"), "%s comes before what it explains", id)
	}
	few := providers.JoinRules(nil, providers.Facts{})
	require.NoError(t, validate.Validate(few), "what is not in the set is not explained")
}

func ids(rules []validate.Rule) (out []validate.ID) {
	for _, r := range rules {
		out = append(out, r.Info().ID)
	}
	return out
}

// A permission that is missing makes the rules silent, and says which.
func TestMissingPermissionIsANote(t *testing.T) {
	m := account{{zoneOf("example.com.", worldNS...), nil}}.client(t)
	m.Faults.BeforeRead = func(int) error { return fmt.Errorf("route53:ListResourceRecordSets: %w", providers.ErrPermission) }
	facts, err := providers.ReadFacts(t.Context(), m, record)
	require.NoError(t, err)
	require.Len(t, facts.Missing, 1)
	rep := checked(t, publicEmpty, record, facts)
	require.Equal(t, []string{"record-missing error certain"}, strings.Split(validatetest.Got(rep)[0].String(), "\n"))
	for _, o := range rep.Outcomes {
		if o.Rule == "zone-private" {
			require.Equal(t, validate.NotKnown, o.State)
			require.Contains(t, o.Reason, "route53:ListResourceRecordSets")
		}
	}
	boom := errors.New("boom")
	m.Faults.BeforeRead = func(int) error { return boom }
	_, err = providers.ReadFacts(t.Context(), m, record)
	require.ErrorIs(t, err, boom, "anything else is an error")
}

// What a rule of the provider proposes makes the record valid.
func TestWhatAProviderRuleProposesMends(t *testing.T) {
	live := zoneOf("example.com.", worldNS...)
	for what, a := range map[string]account{
		"private":   {{providers.Zone{Apex: apex, Private: true}, []providers.RRset{cname(owner, value)}}, {live, nil}},
		"elsewhere": {{zoneOf("example.com.", "ns.old.example."), []providers.RRset{cname(owner, value)}}, {live, nil}},
		"proxied":   {{live, []providers.RRset{hidden(providers.Proxied)}}},
		"mangled":   {{live, []providers.RRset{cname(`_a79865eb4cd1a6ab990a45779b4e0b96\032.example.com.`, value)}}},
	} {
		t.Run(what, func(t *testing.T) {
			m := searching{a.client(t)}
			facts, err := providers.ReadFacts(t.Context(), m, record)
			require.NoError(t, err)
			rep := checked(t, publicEmpty, record, facts)
			p, err := providers.NewPlan(t.Context(), m, rep)
			require.NoError(t, err)
			require.False(t, p.Empty(), p.Reason())
			require.NotEqual(t, validate.ID("record-missing"), p.Rule())
			_, err = impatient.Apply(t.Context(), m, p)
			require.NoError(t, err)
			after, err := providers.ReadFacts(t.Context(), m, record)
			require.NoError(t, err)
			rep = checked(t, publicRight, record, after)
			require.Equal(t, validate.Valid, rep.Verdict)
			require.False(t, slices.ContainsFunc(rep.Findings, func(f validate.Finding) bool { return f.Severity == validate.Error }))
		})
	}
}
