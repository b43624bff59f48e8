package providers_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

const (
	owner   = "_a79865eb4cd1a6ab990a45779b4e0b96.example.com."
	doubled = owner + "example.com."
	value   = "_424c7224e9b0146f9a8808af955727d0.acm-validations.aws."
	wrong   = "_0000000000000000000000000000dead.acm-validations.aws."
)

var (
	apex   = resolver.MustParseName("example.com.")
	ns     = []resolver.Name{name("ns1.host.example."), name("ns2.host.example.")}
	record = validate.Record{Name: name(owner), Value: name(value), Domains: []resolver.Name{apex}}
	public = providers.Zone{Apex: apex, ID: "Z1", NameServers: ns}
	made   = time.Date(2026, 11, 24, 14, 20, 5, 0, time.UTC)
)

func name(s string) resolver.Name { return resolver.MustParseName(s) }

func cname(at, target string) providers.RRset {
	return providers.RRset{Name: name(at), Type: resolver.TypeCNAME, TTL: 3600, Values: []string{target}}
}

func txt(at, text string) providers.RRset {
	return providers.RRset{Name: name(at), Type: resolver.TypeTXT, TTL: 60, Values: []string{`"` + text + `"`}}
}

// change makes a Change of a CNAME; an empty text is no value.
func change(at, from, to string) validate.Change {
	c := validate.Change{Name: name(at), Type: resolver.TypeCNAME, TTL: 600}
	if from != "" {
		c.From = []string{from}
	}
	if to != "" {
		c.To = []string{to}
	}
	return c
}

func report(rule validate.ID, changes ...validate.Change) validate.Report {
	return validate.Report{
		Record: record, Verdict: validate.Invalid, Zone: validate.Zone{Name: apex, NameServers: ns},
		Findings: []validate.Finding{{
			Rule: rule, Severity: validate.Error, Confidence: validate.Certain, Message: "the record is one zone too deep",
			Fixes: []validate.Fix{{Where: validate.WhereZone, Message: "move it", Changes: changes}},
		}},
	}
}

func moveReport() validate.Report {
	return report("name-doubled", change(owner, "", value), change(doubled, value, ""))
}

func memory(t testing.TB, traits providers.Traits, sets ...providers.RRset) *providertest.Memory {
	t.Helper()
	m := &providertest.Memory{Caps: traits}
	m.AddZone(public)
	require.NoError(t, m.Put(public, sets...))
	return m
}

func dump(t testing.TB, m *providertest.Memory) []string {
	t.Helper()
	got, err := m.Dump(public)
	require.NoError(t, err)
	return got
}

func plan(t testing.TB, c providers.Client, rep validate.Report) providers.Plan {
	t.Helper()
	p, err := providers.Planner{Now: func() time.Time { return made }}.Plan(context.Background(), c, rep)
	require.NoError(t, err)
	return p
}

// impatient does not wait between readings.
var impatient = providers.Applier{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
