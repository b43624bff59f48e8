package providers_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

func TestPlanPrintsAsADiff(t *testing.T) {
	m := memory(t, providers.Traits{CompareAndSwap: true}, cname(doubled, value))
	m.Label = "GoDaddy"
	require.Equal(t, `Plan for zone example.com at GoDaddy, as read at 14:20:05 UTC
  + _a79865eb4cd1a6ab990a45779b4e0b96.example.com.
      600   CNAME  _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.
  - _a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com.
      3600  CNAME  _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.
  Zone ID  Z1
  Why      name-doubled: the record is one zone too deep
  Touches  these two names and no other
  Order    create, read back, delete, read back, check
`, plan(t, m, moveReport()).String())
}

func TestPlanShowsWhatIsDeletedAtTheRecordsOwnName(t *testing.T) {
	m := memory(t, providers.Traits{Atomic: true, CompareAndSwap: true}, txt(owner, "keep\\027[31mme"))
	p := plan(t, m, report("record-wrong-type", change(owner, "", value)))
	require.Contains(t, p.String(), `keep\027[31mme`)
	require.NotContains(t, p.String(), "\x1b", "what a provider holds must not steer a terminal")
	require.Contains(t, strings.Join(p.Notes(), "\n"), "look first whether somebody needs it")
	steps := p.Steps()
	require.Len(t, steps, 2)
	require.Equal(t, resolver.TypeTXT, steps[0].Type, "the name must be free before the CNAME comes")
	require.Equal(t, []string{value}, steps[1].To.Values)
}

func TestPlanJSONHasTheShapeOfTheContract(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(doubled, value))
	b, err := json.Marshal(plan(t, m, moveReport()))
	require.NoError(t, err)
	var got struct {
		Provider, Zone string
		Steps          []struct {
			Name, Type string
			From, To   []string
		}
	}
	require.NoError(t, json.Unmarshal(b, &got))
	require.Equal(t, "memory", got.Provider)
	require.Equal(t, "example.com.", got.Zone)
	require.Len(t, got.Steps, 2)
	require.Equal(t, owner, got.Steps[0].Name)
	require.Equal(t, "CNAME", got.Steps[0].Type)
	require.NotNil(t, got.Steps[0].From, "an empty list, not null")
	require.Empty(t, got.Steps[0].From)
	require.Equal(t, []string{value}, got.Steps[0].To)
	require.Equal(t, []string{value}, got.Steps[1].From)
}

func TestPlanKeepsWhatIsAccepted(t *testing.T) {
	stripped := strings.TrimPrefix(value, "_")
	m := memory(t, providers.Traits{}, cname(owner, stripped), txt(owner, "old"))
	p := plan(t, m, report("cname-and-other-data", validate.Change{Name: name(owner), Type: resolver.TypeTXT, From: []string{`"old"`}}))
	require.Len(t, p.Steps(), 1)
	require.Equal(t, resolver.TypeTXT, p.Steps()[0].Type, "ACM accepts the value without its underscore: it stays as it is")
}

func TestPlanTTL(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []providers.RRset
		min    uint32
		want   uint32
	}{
		{"of the change", nil, 0, 600},
		{"raised to what the provider allows", nil, 3600, 3600},
		{"kept when replacing", []providers.RRset{cname(owner, wrong)}, 60, 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plan(t, memory(t, providers.Traits{MinTTL: c.min}, c.before...), report("r", change(owner, "", value)))
			require.Equal(t, c.want, p.Steps()[0].To.TTL)
		})
	}
}

func TestPlanUsesTheFirstFixInTheZoneOfACause(t *testing.T) {
	rep := moveReport()
	symptom := validate.Finding{Rule: "record-missing", ExplainedBy: "name-doubled", Fixes: []validate.Fix{{Where: validate.WhereZone, Changes: []validate.Change{change(owner, "", value)}}}}
	elsewhere := validate.Finding{Rule: "zone-undelegated", Fixes: []validate.Fix{{Where: validate.WhereRegistrar, Changes: []validate.Change{change(owner, "", value)}}}}
	words := validate.Finding{Rule: "name-wildcarded", Fixes: []validate.Fix{{Where: validate.WhereZone}}}
	rep.Findings = append([]validate.Finding{symptom, elsewhere, words}, rep.Findings...)
	p := plan(t, memory(t, providers.Traits{}, cname(doubled, value)), rep)
	require.Equal(t, validate.ID("name-doubled"), p.Rule())
	require.Len(t, p.Steps(), 2)
}

func TestPlanIsEmptyWithAReason(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(owner, value))
	for verdict, want := range map[validate.Verdict]string{
		validate.Valid: "right", validate.Invalid: "cannot be mended in the zone", validate.Undetermined: "did not answer well enough",
	} {
		rep := moveReport()
		rep.Verdict, rep.Findings = verdict, nil
		p := plan(t, m, rep)
		require.True(t, p.Empty())
		require.Contains(t, p.Reason(), want)
		require.Contains(t, p.String(), "Nothing to change")
	}
	p := plan(t, m, moveReport())
	require.True(t, p.Empty())
	require.Contains(t, p.Reason(), "holds what is wanted already")
	require.Contains(t, strings.Join(p.Notes(), "\n"), "the DNS answered nothing for "+owner)
	reads, writes := m.Calls()
	require.Equal(t, []int{1, 0}, []int{reads, writes}, "the report alone decides the first three; the last takes one reading")
}

func TestPlanRefusesWhatIsNotPlain(t *testing.T) {
	alias := cname(owner, wrong)
	alias.Opaque = true
	_, err := providers.NewPlan(context.Background(), memory(t, providers.Traits{}, alias), moveReport())
	require.ErrorIs(t, err, providers.ErrOutOfScope)
	require.ErrorContains(t, err, owner)
}

func TestPlanUnhidesTheRecord(t *testing.T) {
	proxied := cname(owner, value)
	proxied.Hidden = providers.Proxied
	m := memory(t, providers.Traits{}, proxied)
	p := plan(t, m, report("record-missing", change(owner, "", value)))
	require.Len(t, p.Steps(), 1, "the same value, proxied, is not the same set")
	require.Contains(t, p.String(), "(proxied)")
	_, err := impatient.Apply(context.Background(), m, p)
	require.NoError(t, err)
	require.Equal(t, []string{owner + " CNAME " + value}, dump(t, m))
}

func TestPlanTouchesKnownMisplacementsOnly(t *testing.T) {
	head := "_424c7224e9b0146f9a8808af955727d0."
	token := "_a79865eb4cd1a6ab990a45779b4e0b96."
	rec := validate.Record{Name: name(token + "www.example.com."), Value: name(value)}
	for _, c := range []struct {
		what, at, target string
		ours             bool
	}{
		{"zone appended", token + "www.example.com.example.com.", value, true},
		{"zone appended twice", token + "www.example.com.example.com.example.com.", value, true},
		{"domain appended", token + "www.example.com.www.example.com.", value, true},
		{"label doubled", token + "www.www.example.com.", value, true},
		{"at the apex", token + "example.com.", value, true},
		{"without underscore", token[1:] + "www.example.com.", value, true},
		{"value without underscore", token + "example.com.", value[1:], true},
		{"value doubled, too", token + "example.com.", value + "example.com.", true},
		{"swapped", value + "example.com.", token + "www.example.com.", true},
		{"swapped, short", head + "example.com.", token + "www.example.com.", true},
		{"swapped and doubled", head + "example.com.", token + "www.example.com.example.com.", true},
		{"another value", token + "example.com.", wrong, false},
		{"another token", "_b79865eb4cd1a6ab990a45779b4e0b96.example.com.", value, false},
		{"swapped name with another target", head + "example.com.", value, false},
		{"a neighbour", "www.example.com.", value, false},
		{"the apex itself", "example.com.", value, false},
		{"outside the zone", token + "example.org.", value, false},
		{"not at a label's boundary", token + "www.notexample.com.", value, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := memory(t, providers.Traits{}, cname(c.at, c.target))
			rep := report("r", validate.Change{Name: rec.Name, Type: resolver.TypeCNAME, To: []string{value}}, change(c.at, c.target, ""))
			rep.Record = rec
			p, err := providers.NewPlan(context.Background(), m, rep)
			deleted := false
			for _, s := range p.Steps() {
				deleted = deleted || s.Name == name(c.at) && len(s.To.Values) == 0
			}
			require.Equal(t, c.ours, deleted, "plan %s, error %v", p, err)
			if err != nil {
				require.ErrorIs(t, err, providers.ErrOutOfScope)
			}
		})
	}
}

func TestPlanNeedsARecordOfACM(t *testing.T) {
	for what, rec := range map[string]validate.Record{
		"a value elsewhere":   {Name: name(owner), Value: name("www.example.net.")},
		"the suffix itself":   {Name: name(owner), Value: validate.ValidationSuffix},
		"no underscore":       {Name: name("www.example.com."), Value: name(value)},
		"outside of the zone": {Name: name("_a79.example.org."), Value: name(value)},
	} {
		t.Run(what, func(t *testing.T) {
			rep := report("r", validate.Change{Name: rec.Name, Type: resolver.TypeCNAME, To: []string{rec.Value.String()}})
			rep.Record = rec
			_, err := providers.NewPlan(context.Background(), memory(t, providers.Traits{}), rep)
			require.Error(t, err)
			if !errors.Is(err, providers.ErrZoneNotFound) {
				require.ErrorIs(t, err, providers.ErrOutOfScope)
			}
		})
	}
}

func TestZoneIsChosenByTheDelegation(t *testing.T) {
	other := []resolver.Name{name("ns7.host.example."), name("ns8.host.example.")}
	private := providers.Zone{Apex: apex, ID: "P", Private: true}
	twin := providers.Zone{Apex: apex, ID: "Z0", NameServers: other}
	parent := providers.Zone{Apex: name("com."), ID: "C", NameServers: ns}
	pending := providers.Zone{Apex: apex, ID: "W", NameServers: ns, Status: providers.ZonePending}
	for _, c := range []struct {
		what  string
		zones []providers.Zone
		named string
		want  string
		err   error
	}{
		{"the delegated one, in last place", []providers.Zone{private, twin, parent, public}, "", "Z1", nil},
		{"a private one only", []providers.Zone{private}, "", "", providers.ErrNotAuthoritative},
		{"other name servers", []providers.Zone{twin}, "", "", providers.ErrNotAuthoritative},
		{"pending", []providers.Zone{pending}, "", "", providers.ErrNotAuthoritative},
		{"none", nil, "", "", providers.ErrZoneNotFound},
		{"named by its ID", []providers.Zone{twin, public}, "Z0", "Z0", nil},
		{"named by its apex", []providers.Zone{twin}, "EXAMPLE.com", "Z0", nil},
		{"named by its apex, beside a private one", []providers.Zone{private, public}, "example.com", "Z1", nil},
		{"a private one named by its ID", []providers.Zone{private, public}, "P", "P", nil},
		{"a private one only, named by its apex", []providers.Zone{private, parent}, "example.com", "", providers.ErrNotAuthoritative},
		{"two of the name", []providers.Zone{twin, public}, "example.com.", "", providers.ErrNotAuthoritative},
		{"a name that is not there", []providers.Zone{public}, "Z9", "", providers.ErrZoneNotFound},
		{"two that say no servers", []providers.Zone{{Apex: apex, ID: "A"}, {Apex: apex, ID: "B"}}, "", "", providers.ErrNotAuthoritative},
		{"one that says no servers", []providers.Zone{{Apex: apex, ID: "A"}}, "", "A", nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := &providertest.Memory{}
			for _, z := range c.zones {
				m.AddZone(z)
			}
			p, err := providers.Planner{Zone: c.named}.Plan(context.Background(), m, moveReport())
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, p.Zone().ID)
		})
	}
}

// Whoever names a zone that the world is not sent to is obeyed, and told.
func TestAZoneThatNobodySeesIsNoted(t *testing.T) {
	for what, c := range map[string]struct {
		zone providers.Zone
		says string
	}{
		"private":          {providers.Zone{Apex: apex, ID: "Z", Private: true}, "the zone is private"},
		"other servers":    {providers.Zone{Apex: apex, ID: "Z", NameServers: []resolver.Name{name("ns7.host.example.")}}, "and this zone is at ns7.host.example."},
		"a zone above":     {providers.Zone{Apex: name("com."), ID: "Z"}, "is delegated to the zone example.com. at ns1.host.example., ns2.host.example."},
		"the right one":    {providers.Zone{Apex: apex, ID: "Z", NameServers: ns}, ""},
		"no servers known": {providers.Zone{Apex: apex, ID: "Z"}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			m := &providertest.Memory{}
			m.AddZone(c.zone)
			rep := report("r", validate.Change{Name: record.Name, Type: resolver.TypeCNAME, To: []string{value}})
			p, err := providers.Planner{Zone: "Z"}.Plan(context.Background(), m, rep)
			require.NoError(t, err)
			if c.says == "" {
				require.NotContains(t, p.String(), "nobody sees")
				return
			}
			require.Contains(t, strings.Join(p.Notes(), "\n"), c.says)
		})
	}
}

func TestZoneWithAnotherNSSetIsNotTheDelegatedOne(t *testing.T) {
	z := providers.Zone{Apex: apex}
	m := &providertest.Memory{}
	m.AddZone(z)
	for servers, want := range map[string]error{"ns1.host.example.": nil, "ns1.old-host.example.": providers.ErrNotAuthoritative} {
		require.NoError(t, m.Put(z, providers.RRset{Name: apex, Type: resolver.TypeNS, Values: []string{servers}}))
		_, err := providers.NewPlan(context.Background(), m, moveReport())
		require.ErrorIs(t, err, want)
	}
}

func TestPlanNeedsAKnownDelegation(t *testing.T) {
	rep := moveReport()
	rep.Zone = validate.Zone{}
	_, err := providers.NewPlan(context.Background(), memory(t, providers.Traits{}), rep)
	require.ErrorIs(t, err, providers.ErrNotAuthoritative)
}

// A stray copy goes with the fix, also where the report does not name it; beside a record that is right it is only told.
func TestPlanTidiesTheStrayCopyWithTheFixOnly(t *testing.T) {
	rep := report("value-mismatch", change(owner, wrong, value))
	m := memory(t, providers.Traits{CompareAndSwap: true}, cname(owner, wrong), cname(doubled, value))
	p := plan(t, m, rep)
	require.Len(t, p.Steps(), 2)
	require.Equal(t, name(doubled), p.Steps()[1].Name)
	require.Empty(t, p.Steps()[1].To.Values)

	require.NoError(t, m.Put(public, cname(owner, value)))
	p = plan(t, m, rep)
	require.True(t, p.Empty())
	require.Contains(t, strings.Join(p.Notes(), "\n"), "a copy of the record stands at "+doubled)

	require.NoError(t, m.Put(public, cname(owner, wrong), cname(doubled, "www.example.net.")))
	require.Len(t, plan(t, m, rep).Steps(), 1, "what is somebody else's is left alone")
}

func TestPlanSaysWhatATXTMayBelongTo(t *testing.T) {
	for text, want := range map[string]string{
		"v=spf1 -all":                      "SPF (RFC 7208)",
		"V=DMARC1; p=none":                 "DMARC",
		"google-site-verification=abc":     "Google's proof of ownership",
		"MS=ms12345678":                    "Microsoft 365",
		"facebook-domain-verification=1":   "Facebook",
		"my-thing-site-verification=1":     "some service's proof",
		value:                              "entered as TXT in place of CNAME",
		strings.Repeat("a-_Z", 10) + "123": "ACME",
	} {
		m := memory(t, providers.Traits{}, txt(owner, text))
		notes := strings.Join(plan(t, m, report("record-wrong-type", change(owner, "", value))).Notes(), "\n")
		require.Contains(t, notes, want)
		require.Contains(t, notes, text, "the content is shown")
	}
	m := memory(t, providers.Traits{}, txt(owner, "hello"))
	require.NotContains(t, strings.Join(plan(t, m, report("r", change(owner, "", value))).Notes(), "\n"), "looks like")
}

func TestPlanNamesTheCertificateThatLosesItsRecord(t *testing.T) {
	m := memory(t, providers.Traits{CompareAndSwap: true}, cname(owner, wrong))
	other := validate.Record{Name: name(owner), Value: name(wrong), Domains: []resolver.Name{name("*.example.com."), apex}}
	p, err := providers.Planner{Others: []validate.Record{record, other}}.Plan(context.Background(), m, report("r", change(owner, wrong, value)))
	require.NoError(t, err)
	require.Contains(t, strings.Join(p.Notes(), "\n"), "the certificate for *.example.com, example.com asks for")
	p, err = providers.Planner{Others: []validate.Record{record}}.Plan(context.Background(), m, report("r", change(owner, wrong, value)))
	require.NoError(t, err)
	require.Empty(t, p.Notes())
}

func TestDraftIsMadeFromTheReportAlone(t *testing.T) {
	p, err := providers.Draft(moveReport(), "", made)
	require.NoError(t, err)
	require.Equal(t, `Plan for zone example.com, from what the DNS answered at 14:20:05 UTC
  + _a79865eb4cd1a6ab990a45779b4e0b96.example.com.
      600   CNAME  _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.
  - _a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com.
      600   CNAME  _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.
  Why      name-doubled: the record is one zone too deep
  Touches  these two names and no other
`, p.String())
	var kept providers.Plan
	require.NoError(t, json.Unmarshal([]byte(marshalled(t, p)), &kept))
	require.Equal(t, p.String(), kept.String())
	require.Equal(t, p.ID(), kept.ID())

	// It can be applied where the provider holds what the DNS showed, and nowhere else.
	p, err = providers.Draft(moveReport(), "memory", made)
	require.NoError(t, err)
	hidden := &providertest.Memory{}
	hidden.AddZone(providers.Zone{Apex: apex})
	require.NoError(t, hidden.Put(providers.Zone{Apex: apex}, cname(doubled, value), txt(owner, "the DNS did not show this")))
	_, err = impatient.Apply(context.Background(), hidden, p)
	require.ErrorIs(t, err, providers.ErrConflict)

	rep := moveReport()
	rep.Zone = validate.Zone{}
	_, err = providers.Draft(rep, "", made)
	require.ErrorIs(t, err, providers.ErrNotAuthoritative)
}
