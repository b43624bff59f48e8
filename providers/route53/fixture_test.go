package route53_test

import (
	"context"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	libdns "github.com/libdns/route53"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/route53"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

const (
	owner   = "_a79865eb4cd1a6ab990a45779b4e0b96.example.com."
	doubled = owner + "example.com."
	value   = "_424c7224e9b0146f9a8808af955727d0.acm-validations.aws."
	wrong   = "_0000000000000000000000000000dead.acm-validations.aws."
	keyID   = "AKIDEXAMPLE"
	secret  = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var (
	apex   = name("example.com.")
	record = validate.Record{Name: name(owner), Value: name(value), Domains: []resolver.Name{apex}}
)

// No test of this package can reach an account of whoever runs it.
func TestMain(m *testing.M) {
	awsfake.Isolate(func(k, v string) { _ = os.Setenv(k, v) })
	os.Exit(m.Run())
}

func name(s string) resolver.Name { return resolver.MustParseName(s) }

func at(zone string) providers.Zone { return providers.Zone{Apex: apex, ID: zone} }

// served gives a Client of the fake, as configured by p.
func served(t testing.TB, f *awsfake.Route53, p *libdns.Provider) *route53.Client {
	t.Helper()
	c, end, err := serve(f, p)
	require.NoError(t, err)
	t.Cleanup(end)
	return c
}

func serve(f *awsfake.Route53, p *libdns.Provider) (*route53.Client, func(), error) {
	server := httptest.NewServer(f)
	server.Config.ErrorLog = nil
	if p == nil {
		p = &libdns.Provider{AccessKeyId: keyID, SecretAccessKey: secret}
	}
	c, err := route53.New(context.Background(), p, route53.Options{
		Endpoint: server.URL, HTTP: awsfake.LoopbackOnly(), Backoff: func(int) time.Duration { return 0 },
	})
	return c, server.Close, err
}

// example is an account with one public zone, and its ID.
func example(t testing.TB) (*awsfake.Route53, *route53.Client, string) {
	t.Helper()
	f := &awsfake.Route53{}
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	return f, served(t, f, nil), id
}

// report is what a checker says of a zone that is delegated to the fake's name servers.
func report(f *awsfake.Route53, zone string, rule validate.ID, changes ...validate.Change) validate.Report {
	var ns []resolver.Name
	for _, s := range f.NameServers(zone) {
		ns = append(ns, name(s))
	}
	slices.SortFunc(ns, resolver.Name.Compare)
	return validate.Report{
		Record: record, Verdict: validate.Invalid, Zone: validate.Zone{Name: apex, NameServers: ns},
		Findings: []validate.Finding{{
			Rule: rule, Severity: validate.Error, Confidence: validate.Certain, Message: "seen by a test",
			Fixes: []validate.Fix{{Where: validate.WhereZone, Message: "change it", Changes: changes}},
		}},
	}
}

func put(from ...string) validate.Change {
	return validate.Change{Name: record.Name, Type: resolver.TypeCNAME, TTL: 300, From: from, To: []string{value}}
}

func drop(at, target string) validate.Change {
	return validate.Change{Name: name(at), Type: resolver.TypeCNAME, TTL: 300, From: []string{target}}
}

// seed fills a zone with lines in zone-file format and refuses what Route 53 would not hold.
func seed(f *awsfake.Route53, zone string, lines ...string) error {
	f.Clear(zone)
	sets := map[string][]string{}
	ttl := map[string]uint32{}
	for _, l := range lines {
		rr, err := resolver.ParseRR(l)
		if err != nil {
			return err
		}
		key := rr.Name.String() + " " + rr.Type.String()
		sets[key] = append(sets[key], rr.Text())
		ttl[key] = rr.TTL
		for other := range sets {
			if n, typ, _ := strings.Cut(other, " "); n == rr.Name.String() && typ != rr.Type.String() && (typ == "CNAME" || rr.Type == resolver.TypeCNAME) {
				return os.ErrInvalid
			}
		}
	}
	for key, values := range sets {
		n, typ, _ := strings.Cut(key, " ")
		f.Set(zone, n, typ, int64(ttl[key]), values...)
	}
	return nil
}

// impatient does not wait between readings.
var impatient = providers.Applier{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}

func plan(t testing.TB, c providers.Client, rep validate.Report) providers.Plan {
	t.Helper()
	p, err := providers.NewPlan(context.Background(), c, rep)
	require.NoError(t, err)
	require.False(t, p.Empty(), p.Reason())
	return p
}
