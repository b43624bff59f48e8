package route53_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
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

func TestEveryZoneOfANameIsFound(t *testing.T) {
	f := &awsfake.Route53{}
	f.AddZone(awsfake.HostedZone{Name: "a-zone-before.com."})
	private := f.AddZone(awsfake.HostedZone{Name: "example.com.", Private: true, VPCs: []string{"eu-west-1 vpc-1", "us-east-1 vpc-2"}})
	first := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	second := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	f.AddZone(awsfake.HostedZone{Name: "notexample.com."})
	f.AddZone(awsfake.HostedZone{Name: "www.example.com."})
	f.AddZone(awsfake.HostedZone{Name: "com.example."})
	c := served(t, f, nil)
	zones, err := c.FindZones(t.Context(), record.Name)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"ListHostedZonesByName": 1, "GetHostedZone": 3}, f.Calls())
	require.Len(t, zones, 3)
	require.Equal(t, providers.Zone{Apex: apex, ID: private, Private: true, Networks: []string{"vpc-1 (eu-west-1)", "vpc-2 (us-east-1)"}}, zones[0])
	require.Equal(t, []string{first, second}, []string{zones[1].ID, zones[2].ID})
	require.NotEqual(t, zones[1].NameServers, zones[2].NameServers, "two zones of one name are told apart by their servers")
	require.Len(t, zones[1].NameServers, 4)
}

// However large the account, what lies between the names is not listed.
func TestZonesAreFoundInALargeAccount(t *testing.T) {
	f := &awsfake.Route53{}
	for i := range 350 {
		f.AddZone(awsfake.HostedZone{Name: fmt.Sprintf("customer-%03d.com.", i)})
		f.AddZone(awsfake.HostedZone{Name: fmt.Sprintf("team-%03d.example.com.", i)})
	}
	var want []string
	for range 120 { // more than a page of one name
		want = append(want, f.AddZone(awsfake.HostedZone{Name: "example.com.", Private: true}))
	}
	want = append(want, f.AddZone(awsfake.HostedZone{Name: "example.com."}), f.AddZone(awsfake.HostedZone{Name: "zeta.example.com."}))
	c := served(t, f, nil)
	zones, err := c.FindZones(t.Context(), name("_a79.www.zeta.example.com."))
	require.NoError(t, err)
	var got []string
	for _, z := range zones {
		got = append(got, z.ID)
	}
	require.ElementsMatch(t, want, got)
	require.Equal(t, 4, f.Calls()["ListHostedZonesByName"], "com, then example.com in two pages, then zeta.example.com")
}

func TestAZoneByIDNeedsNoPermissionToList(t *testing.T) {
	policy, err := awsfake.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*",
		"Action":["route53:GetHostedZone","route53:ListResourceRecordSets","route53:ChangeResourceRecordSets","route53:GetChange"]}]}`))
	require.NoError(t, err)
	f := &awsfake.Route53{Identities: map[string]awsfake.Identity{keyID: {ARN: "arn:aws:iam::111122223333:user/dns", Policy: policy}}}
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	rep := report(f, id, "record-missing", put())
	for what, p := range map[string]struct {
		config  *libdns.Provider
		planner providers.Planner
	}{
		"in libdns's value": {&libdns.Provider{AccessKeyId: keyID, SecretAccessKey: secret, HostedZoneID: id}, providers.Planner{}},
		"in the planner":    {nil, providers.Planner{Zone: id}},
	} {
		t.Run(what, func(t *testing.T) {
			c := served(t, f, p.config)
			made, err := p.planner.Plan(t.Context(), c, rep)
			require.NoError(t, err)
			res, err := impatient.Apply(t.Context(), c, made)
			require.NoError(t, err)
			require.True(t, res.Settled)
			require.Zero(t, f.Calls()["ListHostedZonesByName"])
			f.Clear(id)
		})
	}
	_, err = providers.NewPlan(t.Context(), served(t, f, nil), rep)
	require.ErrorIs(t, err, providers.ErrPermission)
	require.ErrorContains(t, err, "the permission route53:ListHostedZonesByName on * is missing")
	_, err = providers.Planner{Zone: "Z000000000099EXAMPLE"}.Plan(t.Context(), served(t, f, nil), rep)
	require.ErrorIs(t, err, providers.ErrPermission, "no such ID, and no permission to look for a name")
}

// A policy made for one zone keeps a zone of the same name from being looked at; the one that is delegated is found all the same.
func TestANamesakeThatMayNotBeLookedAt(t *testing.T) {
	f := &awsfake.Route53{}
	f.AddZone(awsfake.HostedZone{Name: "example.com.", Private: true})
	f.AddZone(awsfake.HostedZone{Name: "example.com."})
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	text, err := route53.Access{Fix: true, Zone: apex, ZoneID: id}.Policy()
	require.NoError(t, err)
	policy, err := awsfake.ParsePolicy(text)
	require.NoError(t, err)
	f.Identities = map[string]awsfake.Identity{keyID: {ARN: "arn:aws:iam::111122223333:user/dns", Policy: policy}}
	c := served(t, f, nil)
	p := plan(t, c, report(f, id, "record-missing", put()))
	require.Equal(t, id, p.Zone().ID)
	_, err = impatient.Apply(t.Context(), c, p)
	require.NoError(t, err)
	facts, err := providers.ReadFacts(t.Context(), c, record)
	require.NoError(t, err)
	require.Len(t, facts.Missing, 2, "what may not be read is said")
}

// What the provider's rules cost: two requests for each zone of the name, and pages of 300 sets where the record is not found.
func TestCallsPerCheck(t *testing.T) {
	f, c, id := example(t)
	f.AddZone(awsfake.HostedZone{Name: "example.com.", Private: true})
	f.Set(id, owner, "CNAME", 300, value)
	_, err := providers.ReadFacts(t.Context(), c, record)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"ListHostedZonesByName": 1, "GetHostedZone": 2, "ListResourceRecordSets": 2}, f.Calls())
	f.Clear(id)
	for i := range 700 {
		f.Set(id, fmt.Sprintf("h%03d.example.com.", i), "A", 60, "192.0.2.1")
	}
	f.Set(id, `_a79865eb4cd1a6ab990a45779b4e0b96\040.example.com.`, "CNAME", 300, value)
	f.Forget()
	facts, err := providers.ReadFacts(t.Context(), c, record)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"ListHostedZonesByName": 1, "GetHostedZone": 2, "ListResourceRecordSets": 2 + 3}, f.Calls())
	require.True(t, slices.ContainsFunc(facts.Zones, func(z providers.ZoneFacts) bool { return len(z.Elsewhere) == 1 }))
}

// The figures of the documents: what a fix of one record takes.
func TestCallsPerFix(t *testing.T) {
	f, c, id := example(t)
	f.Pending = 2
	f.Set(id, doubled, "CNAME", 300, value)
	p := plan(t, c, report(f, id, "name-doubled", put(), drop(doubled, value)))
	require.Equal(t, map[string]int{"ListHostedZonesByName": 1, "GetHostedZone": 1, "ListResourceRecordSets": 1}, f.Calls(), "to plan")
	f.Forget()
	res, err := impatient.Apply(t.Context(), c, p)
	require.NoError(t, err)
	require.True(t, res.Settled)
	require.Equal(t, map[string]int{"ListResourceRecordSets": 2, "ChangeResourceRecordSets": 1, "GetChange": 3}, f.Calls(), "to apply")
	require.Equal(t, []string{owner + " CNAME " + value}, f.Dump(id))
	writes := slices.DeleteFunc(f.Requests(), func(r awsfake.Request) bool { return r.Method != http.MethodPost })
	require.NotContains(t, writes[0].Body, "UPSERT")
	require.Less(t, strings.Index(writes[0].Body, "DELETE"), strings.Index(writes[0].Body, "CREATE"))
}

func nth(i int) string { return fmt.Sprintf("_%032x.example.com.", i) }

func TestAThousandRecordsOfOneZone(t *testing.T) {
	const long = "_424c7224e9b0146f9a8808af955727d0.xlfgrmvvlj.acm-validations.aws." // as ACM gives them today
	for what, c := range map[string]struct {
		value  string
		moved  bool
		writes int
	}{
		"missing":                   {long, false, 3}, // 65,000 characters, and a request takes 32,000
		"doubled":                   {value, true, 4},
		"doubled, of today's value": {long, true, 5},
	} {
		t.Run(what, func(t *testing.T) {
			f, client, id := example(t)
			var reps []validate.Report
			for i := range 1000 {
				fix := put()
				fix.Name, fix.To = name(nth(i)), []string{c.value}
				changes := []validate.Change{fix}
				if c.moved {
					f.Set(id, nth(i)+"example.com.", "CNAME", 300, c.value)
					changes = append(changes, drop(nth(i)+"example.com.", c.value))
				}
				rep := report(f, id, "name-doubled", changes...)
				rep.Record = validate.Record{Name: name(nth(i)), Value: name(c.value), Domains: record.Domains}
				reps = append(reps, rep)
			}
			var plans []providers.Plan
			for _, p := range (providers.Planner{}).PlanAll(t.Context(), client, reps) {
				require.NoError(t, p.Err)
				plans = append(plans, p.Plan)
			}
			for _, r := range impatient.ApplyAll(t.Context(), client, plans) {
				require.NoError(t, r.Err)
				require.NotEmpty(t, r.Result.Done)
				require.True(t, r.Result.Settled)
			}
			calls := f.Calls()
			t.Logf("%v", calls)
			require.Equal(t, c.writes, calls["ChangeResourceRecordSets"])
			require.Equal(t, 1, calls["ListHostedZonesByName"])
			require.LessOrEqual(t, calls["ListResourceRecordSets"], 40, "pages of 300 sets, not one for each record")
			require.Len(t, f.Dump(id), 1000)
		})
	}
}

func TestNamesFarApartAreReadWithoutWhatLiesBetween(t *testing.T) {
	f, c, id := example(t)
	for i := range 3000 {
		f.Set(id, fmt.Sprintf("host-%04d.example.com.", i), "A", 60, "192.0.2.1")
	}
	f.Set(id, "_x.aaa.example.com.", "CNAME", 60, value)
	f.Set(id, "_x.zzz.example.com.", "CNAME", 60, value)
	f.Set(id, "zzz.example.com.", "TXT", 60, `"beside"`)
	sets, err := c.Read(t.Context(), at(id), name("_x.zzz.example.com."), name("_x.aaa.example.com."), name("_x.none.example.com."))
	require.NoError(t, err)
	require.Len(t, sets, 2)
	require.LessOrEqual(t, f.Calls()["ListResourceRecordSets"], 3, "of eleven pages")
	for i := range 250 {
		f.Put(id, fmt.Sprintf(`<Name>many.example.com.</Name><Type>A</Type><SetIdentifier>s%03d</SetIdentifier><Weight>1</Weight><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>`, i))
	}
	sets, err = c.Read(t.Context(), at(id), name("many.example.com."))
	require.NoError(t, err)
	require.Len(t, sets, 250, "a name may fill pages")
}

// Order and escapes: names of other characters are read one by one, by where a list begins.
func TestEscapesBothWays(t *testing.T) {
	f, c, id := example(t)
	f.Set(id, `*.example.com.`, "CNAME", 60, "wild.example.net")
	f.Set(id, `a\040b.example.com.`, "CNAME", 60, `x\100y.example.net`)
	f.Set(id, owner, "TXT", 60, `"tab\011 quote\" \303\244"`, `"two" "strings"`)
	f.Set(id, "_b."+owner[1:], "CNAME", 60, "_UPPER.acm-validations.aws")
	sets, err := c.Read(t.Context(), at(id), name(`*.example.com.`), name(`a\032b.example.com.`), record.Name, name("_b."+owner[1:]), name(`\@.example.com.`))
	require.NoError(t, err)
	got := map[string][]string{}
	for _, s := range sets {
		got[s.Name.String()+" "+s.Type.String()] = s.Values
	}
	require.Equal(t, map[string][]string{
		"*.example.com. CNAME":       {"wild.example.net."},
		`a\032b.example.com. CNAME`:  {`x\@y.example.net.`},
		owner + " TXT":               {`"tab\009 quote\" \195\164"`, `"two" "strings"`},
		"_b." + owner[1:] + " CNAME": {"_upper.acm-validations.aws."},
	}, got)
	// Taken away and put back by an undo, which knows zone-file form only, the text is what it was.
	rep := report(f, id, "record-wrong-type", validate.Change{Name: record.Name, Type: resolver.TypeTXT, From: got[owner+" TXT"]}, put())
	before := f.Dump(id)
	res, err := impatient.Apply(t.Context(), c, plan(t, c, rep))
	require.NoError(t, err)
	require.Contains(t, f.Dump(id), owner+" CNAME "+value)
	text, err := res.Undo.MarshalJSON()
	require.NoError(t, err)
	var kept providers.Undo
	require.NoError(t, kept.UnmarshalJSON(text))
	back, err := kept.Plan(t.Context(), c)
	require.NoError(t, err)
	_, err = impatient.Apply(t.Context(), c, back)
	require.NoError(t, err)
	require.Equal(t, before, f.Dump(id))
}

const records = `<ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>`

func TestAliasAndRoutedSetsAreShownAndNeverWritten(t *testing.T) {
	for what, c := range map[string]struct{ set, shown string }{
		"alias":      {`<AliasTarget><HostedZoneId>Z2</HostedZoneId><DNSName>lb.example.net.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>`, "ALIAS of lb.example.net. in zone Z2"},
		"weighted":   {`<SetIdentifier>blue</SetIdentifier><Weight>10</Weight><TTL>60</TTL>` + records, "by weight 10 (blue): 192.0.2.1"},
		"latency":    {`<SetIdentifier>eu</SetIdentifier><Region>eu-west-1</Region><TTL>60</TTL>` + records, "by latency from eu-west-1 (eu): 192.0.2.1"},
		"geo":        {`<SetIdentifier>de</SetIdentifier><GeoLocation><CountryCode>DE</CountryCode></GeoLocation><TTL>60</TTL>` + records, "by location DE (de): 192.0.2.1"},
		"failover":   {`<SetIdentifier>one</SetIdentifier><Failover>PRIMARY</Failover><TTL>60</TTL>` + records, "by failover, primary (one): 192.0.2.1"},
		"multivalue": {`<SetIdentifier>m</SetIdentifier><MultiValueAnswer>true</MultiValueAnswer><TTL>60</TTL>` + records, "as one of several values (m): 192.0.2.1"},
	} {
		t.Run(what, func(t *testing.T) {
			f, c2, id := example(t)
			f.Put(id, "<Name>"+owner+"</Name><Type>A</Type>"+c.set)
			sets, err := c2.Read(t.Context(), at(id), record.Name)
			require.NoError(t, err)
			require.Len(t, sets, 1)
			require.True(t, sets[0].Opaque)
			require.Equal(t, []string{c.shown}, sets[0].Values)
			_, err = providers.NewPlan(t.Context(), c2, report(f, id, "record-missing", put()))
			require.ErrorIs(t, err, providers.ErrOutOfScope)
			require.ErrorContains(t, err, c.shown)
			require.ErrorIs(t, c2.Write(t.Context(), at(id), providers.Batch{Owners: []resolver.Name{record.Name}, Expect: sets, Delete: sets}), providers.ErrOutOfScope)
			require.Zero(t, f.Calls()["ChangeResourceRecordSets"])
		})
	}
}

func TestSearch(t *testing.T) {
	f, c, id := example(t)
	for i := range 700 {
		f.Set(id, fmt.Sprintf("h%03d.example.com.", i), "A", 60, "192.0.2.1")
	}
	f.Set(id, record.Name.FirstLabel()+".h350.example.com.", "CNAME", 60, strings.TrimSuffix(value, "."))
	sets, err := c.Search(t.Context(), at(id), strings.ToUpper(record.Name.FirstLabel()))
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.Equal(t, 3, f.Calls()["ListResourceRecordSets"])
	sets, err = c.SearchTargets(t.Context(), at(id), record.Value)
	require.NoError(t, err)
	require.Len(t, sets, 1)
}

// faults breaks the n-th call of one action.
func faults(action string, n int, e *awsfake.Error) func(string, int) *awsfake.Error {
	return func(a string, k int) *awsfake.Error {
		if a == action && k <= n {
			return e
		}
		return nil
	}
}

func TestWhatIsRefusedForTheMomentIsTriedAgain(t *testing.T) {
	for what, e := range map[string]*awsfake.Error{"throttling": awsfake.Throttling, "prior request": awsfake.PriorRequest} {
		for _, action := range []string{"ListHostedZonesByName", "GetHostedZone", "ListResourceRecordSets", "ChangeResourceRecordSets", "GetChange"} {
			t.Run(what+" "+action, func(t *testing.T) {
				f, c, id := example(t)
				f.Before = faults(action, 3, e)
				res, err := impatient.Apply(t.Context(), c, plan(t, c, report(f, id, "record-missing", put())))
				require.NoError(t, err)
				require.Len(t, res.Done, 1)
				require.True(t, res.Settled)
			})
		}
	}
	f, c, id := example(t)
	f.Before = faults("ChangeResourceRecordSets", 99, awsfake.Throttling)
	_, err := impatient.Apply(t.Context(), c, plan(t, c, report(f, id, "record-missing", put())))
	require.ErrorContains(t, err, "Throttling: Rate exceeded")
	require.Equal(t, 1+route53.DefaultMaxRetries, f.Calls()["ChangeResourceRecordSets"])
	require.Empty(t, f.Dump(id))
}

// Five requests a second is what the whole account has.
func TestRateOfTheAccount(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 11, 24, 14, 20, 5, 0, time.UTC)
	f := &awsfake.Route53{Rate: 5, Pending: 2, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	server := httptest.NewServer(f)
	defer server.Close()
	c, err := route53.New(t.Context(), &libdns.Provider{AccessKeyId: keyID, SecretAccessKey: secret}, route53.Options{
		Endpoint: server.URL, HTTP: awsfake.LoopbackOnly(),
		Backoff: func(int) time.Duration { mu.Lock(); defer mu.Unlock(); now = now.Add(400 * time.Millisecond); return 0 },
	})
	require.NoError(t, err)
	res, err := impatient.Apply(t.Context(), c, plan(t, c, report(f, id, "record-missing", put())))
	require.NoError(t, err)
	require.True(t, res.Settled)
}

// After a 500, or no answer at all, nobody knows whether it was done: what is read afterwards tells, and nothing is sent twice.
func TestTheOutcomeOfAWriteIsRead(t *testing.T) {
	for what, e := range map[string]*awsfake.Error{
		"500": awsfake.InternalFailure, "503": awsfake.ServiceFailure, "no answer": awsfake.Cut,
		"a page of a proxy": {Status: 502, Body: "<html>bad gateway</html>"},
	} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done %t", what, done), func(t *testing.T) {
				f, c, id := example(t)
				f.Set(id, doubled, "CNAME", 300, value)
				p := plan(t, c, report(f, id, "name-doubled", put(), drop(doubled, value)))
				if done {
					f.After = faults("ChangeResourceRecordSets", 1, e)
				} else {
					f.Before = faults("ChangeResourceRecordSets", 1, e)
				}
				before := f.Dump(id)
				res, err := impatient.Apply(t.Context(), c, p)
				require.Equal(t, 1, f.Calls()["ChangeResourceRecordSets"])
				if !done {
					require.Error(t, err)
					var partial *providers.PartialError
					require.False(t, errors.As(err, &partial))
					require.Equal(t, before, f.Dump(id))
					return
				}
				require.NoError(t, err)
				require.Equal(t, []string{owner + " CNAME " + value}, f.Dump(id))
				require.False(t, res.Settled, "the change's ID was lost")
				require.NotEmpty(t, res.Warnings)
			})
		}
	}
}

func TestAnotherEditorInBetween(t *testing.T) {
	for what, edit := range map[string]func(f *awsfake.Route53, id string){
		"another value": func(f *awsfake.Route53, id string) { f.Set(id, owner, "CNAME", 60, "mine.example.net") },
		"a TXT": func(f *awsfake.Route53, id string) {
			f.Set(id, owner, "CNAME", 60)
			f.Set(id, owner, "TXT", 60, `"mine"`)
		},
		"the copy changed":    func(f *awsfake.Route53, id string) { f.Set(id, doubled, "CNAME", 60, "mine.example.net") },
		"the copy gone":       func(f *awsfake.Route53, id string) { f.Set(id, doubled, "CNAME", 60) },
		"the TTL of the copy": func(f *awsfake.Route53, id string) { f.Set(id, doubled, "CNAME", 61, value) },
		"a weighted set instead": func(f *awsfake.Route53, id string) {
			f.Put(id, "<Name>"+owner+"</Name><Type>A</Type><SetIdentifier>b</SetIdentifier><Weight>1</Weight><TTL>60</TTL>"+records)
		},
	} {
		t.Run(what, func(t *testing.T) {
			f, c, id := example(t)
			f.Set(id, doubled, "CNAME", 60, value)
			p := plan(t, c, report(f, id, "name-doubled", put(), drop(doubled, value)))
			var then []string
			f.Before = func(action string, n int) *awsfake.Error {
				if action == "ChangeResourceRecordSets" && n == 1 {
					edit(f, id)
					then = f.Dump(id)
				}
				return nil
			}
			_, err := impatient.Apply(t.Context(), c, p)
			if what == "the TTL of the copy" { // which the engine does not compare: it is no other record
				require.ErrorContains(t, err, "the values provided do not match")
			} else {
				require.ErrorIs(t, err, providers.ErrConflict)
			}
			require.Equal(t, then, f.Dump(id), "what somebody else decided stays")
		})
	}
}

func TestMissingPermissionsAreNamed(t *testing.T) {
	all := []string{"ListHostedZonesByName", "GetHostedZone", "ListResourceRecordSets", "ChangeResourceRecordSets"}
	for _, missing := range all {
		t.Run(missing, func(t *testing.T) {
			allowed := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == missing })
			policy, err := awsfake.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["route53:` +
				strings.Join(allowed, `","route53:`) + `"]}]}`))
			require.NoError(t, err)
			f := &awsfake.Route53{Identities: map[string]awsfake.Identity{keyID: {ARN: "arn:aws:iam::111122223333:user/dns", Policy: policy}}}
			id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
			c := served(t, f, nil)
			err = func() error {
				p, err := providers.NewPlan(t.Context(), c, report(f, id, "record-missing", put()))
				if err != nil {
					return err
				}
				_, err = impatient.Apply(t.Context(), c, p)
				return err
			}()
			require.ErrorIs(t, err, providers.ErrPermission)
			require.ErrorContains(t, err, "the permission route53:"+missing+" on ")
			require.Equal(t, missing == all[0], strings.Contains(err.Error(), " on * is"))
			require.Equal(t, missing != all[0], strings.Contains(err.Error(), "arn:aws:route53:::hostedzone/"+id))
			require.Empty(t, f.Dump(id))
		})
	}
}

// A session that ends on the way stops the work with a clear error, and what was there is there.
func TestExpiredSession(t *testing.T) {
	for _, from := range []string{"ListHostedZonesByName", "GetHostedZone", "ListResourceRecordSets", "ChangeResourceRecordSets", "GetChange"} {
		t.Run(from, func(t *testing.T) {
			f, c, id := example(t)
			f.Set(id, doubled, "CNAME", 60, value)
			before := f.Dump(id)
			over := false
			f.Before = func(action string, _ int) *awsfake.Error {
				if over = over || action == from; over {
					return awsfake.ExpiredToken
				}
				return nil
			}
			p, err := providers.NewPlan(t.Context(), c, report(f, id, "name-doubled", put(), drop(doubled, value)))
			var res providers.Result
			if err == nil {
				res, err = impatient.Apply(t.Context(), c, p)
			}
			if from == "GetChange" {
				require.NoError(t, err)
				require.False(t, res.Settled)
				require.ErrorContains(t, errors.New(res.Warnings[0]), route53.ErrExpired.Error())
				return
			}
			require.ErrorIs(t, err, route53.ErrExpired)
			require.ErrorIs(t, err, providers.ErrPermission)
			require.Equal(t, before, f.Dump(id))
		})
	}
}

func TestNoCredentials(t *testing.T) {
	f := &awsfake.Route53{Identities: map[string]awsfake.Identity{}}
	_, err := served(t, f, &libdns.Provider{}).FindZones(t.Context(), record.Name)
	require.ErrorIs(t, err, route53.ErrNoCredentials)
	require.ErrorIs(t, err, providers.ErrPermission)
	require.Empty(t, f.Requests(), "nothing is sent without credentials")
	_, err = served(t, f, nil).FindZones(t.Context(), record.Name)
	require.ErrorIs(t, err, route53.ErrNoCredentials, "AWS does not know these")
	_, err = route53.New(t.Context(), &libdns.Provider{AccessKeyId: keyID}, route53.Options{})
	require.ErrorContains(t, err, "one is missing")
	_, err = route53.New(t.Context(), &libdns.Provider{Profile: "no-such-profile"}, route53.Options{})
	require.ErrorContains(t, err, "no-such-profile")
}

// The answer to a wrong signature repeats what was signed.
func TestSecretsStayOutOfErrors(t *testing.T) {
	const token = "IQoJb3JpZ2luX2VjEXAMPLETOKEN=="
	f := &awsfake.Route53{}
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	echo := "x-amz-security-token:" + token + " secret " + secret
	for what, e := range map[string]*awsfake.Error{
		"signature": {Status: 403, Code: "SignatureDoesNotMatch", Message: echo},
		"denied":    {Status: 403, Code: "AccessDenied", Message: echo},
		"batch":     {Status: 400, Code: "InvalidChangeBatch", Message: echo},
		"500":       {Status: 500, Body: echo},
		"other":     {Status: 400, Code: "SomethingNew", Message: echo},
	} {
		f.Before = func(string, int) *awsfake.Error { return e }
		c := served(t, f, &libdns.Provider{AccessKeyId: keyID, SecretAccessKey: secret, SessionToken: token})
		_, err := c.FindZones(t.Context(), record.Name)
		_, err2 := c.Read(t.Context(), at(id), record.Name)
		err3 := c.Write(t.Context(), at(id), providers.Batch{Owners: []resolver.Name{record.Name}, Create: []providers.RRset{
			{Name: record.Name, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}},
		}})
		for _, err := range []error{err, err2, err3} {
			require.Error(t, err, what)
			require.NotContains(t, fmt.Sprintf("%v %+v", err, err), token, what)
			require.NotContains(t, fmt.Sprintf("%v %+v", err, err), secret, what)
		}
	}
}

func TestRole(t *testing.T) {
	f := &awsfake.Route53{Identities: map[string]awsfake.Identity{"ASIAROLE": {ARN: "arn:aws:sts::444455556666:assumed-role/dns/acmdoctor"}}}
	f.AddZone(awsfake.HostedZone{Name: "example.com."})
	asked := map[string]string{}
	refuse := false
	mux := http.NewServeMux()
	mux.Handle("/2013-04-01/", f)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		for k := range r.PostForm {
			asked[k] = r.PostForm.Get(k)
		}
		switch {
		case refuse:
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
		case r.PostForm.Get("Action") == "AssumeRole":
			_, _ = fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
		default:
			_, _ = fmt.Fprint(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::444455556666:assumed-role/dns/acmdoctor</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client := func() *route53.Client {
		c, err := route53.New(t.Context(), &libdns.Provider{AccessKeyId: keyID, SecretAccessKey: secret}, route53.Options{
			Role: "arn:aws:iam::444455556666:role/dns", ExternalID: "acme-42", Endpoint: server.URL, HTTP: awsfake.LoopbackOnly(),
			Backoff: func(int) time.Duration { return 0 },
		})
		require.NoError(t, err)
		return c
	}
	c := client()
	zones, err := c.FindZones(t.Context(), record.Name)
	require.NoError(t, err)
	require.Len(t, zones, 1)
	require.Equal(t, "arn:aws:iam::444455556666:role/dns", asked["RoleArn"])
	require.Equal(t, "acme-42", asked["ExternalId"])
	who, err := c.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, "arn:aws:sts::444455556666:assumed-role/dns/acmdoctor", who)
	refuse = true
	_, err = client().FindZones(t.Context(), record.Name)
	require.ErrorIs(t, err, providers.ErrPermission)
	require.ErrorContains(t, err, "sts:AssumeRole on arn:aws:iam::444455556666:role/dns")
}

func TestSettleEndsInTime(t *testing.T) {
	f := &awsfake.Route53{Pending: 1 << 30}
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	c := served(t, f, &libdns.Provider{AccessKeyId: keyID, SecretAccessKey: secret, Route53MaxWait: 20 * time.Millisecond})
	res, err := impatient.Apply(t.Context(), c, plan(t, c, report(f, id, "record-missing", put())))
	require.NoError(t, err, "the change is made")
	require.False(t, res.Settled)
	require.Contains(t, res.Warnings[0], "not served everywhere after 20ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, c.Settle(t.Context(), at("Z9")), "no change of ours is on its way")
	_, err = c.FindZones(ctx, record.Name)
	require.ErrorIs(t, err, context.Canceled)
}

func TestFits(t *testing.T) {
	_, c, _ := example(t)
	batch := func(n, size int) (b providers.Batch) {
		for i := range n {
			b.Create = append(b.Create, providers.RRset{Name: name(nth(i)), Type: resolver.TypeTXT, Values: []string{strings.Repeat("x", size)}})
		}
		return b
	}
	require.True(t, c.Fits(batch(1000, 32)))
	require.False(t, c.Fits(batch(1001, 1)), "records")
	require.False(t, c.Fits(batch(1000, 33)), "characters")
}

// What cannot be a zone's ID never becomes a part of a URL.
func TestNoZoneID(t *testing.T) {
	f, c, _ := example(t)
	for _, id := range []string{"", "../change/C1", "Z1/rrset", "example.com", "z1"} {
		_, err := c.Read(t.Context(), at(id), record.Name)
		require.ErrorIs(t, err, providers.ErrZoneNotFound, id)
		_, err = c.GetZone(t.Context(), id)
		require.ErrorIs(t, err, providers.ErrZoneNotFound, id)
		require.ErrorIs(t, c.Write(t.Context(), at(id), providers.Batch{}), providers.ErrZoneNotFound, id)
		_, err = c.Search(t.Context(), at(id), "x")
		require.ErrorIs(t, err, providers.ErrZoneNotFound, id)
	}
	require.Empty(t, slices.Collect(maps.Keys(f.Calls())))
}

// Somebody on the way answers with a page of their own and success: that is no zone without records, and no end of the program.
func TestAnswersOfSomebodyElse(t *testing.T) {
	for _, body := range []string{"<html><body>sign in to the network</body></html>", "welcome", "{}", `<?xml version="1.0"?><x/>`} {
		for _, action := range []string{"ListHostedZonesByName", "GetHostedZone", "ListResourceRecordSets", "ChangeResourceRecordSets", "GetChange"} {
			t.Run(action+" "+body, func(t *testing.T) {
				f, c, id := example(t)
				f.Set(id, doubled, "CNAME", 300, value)
				was := f.Dump(id)
				p := plan(t, c, report(f, id, "name-doubled", put(), drop(doubled, value)))
				f.Before = func(a string, _ int) *awsfake.Error {
					if a == action {
						return &awsfake.Error{Status: 200, Body: body}
					}
					return nil
				}
				_, err := c.FindZones(t.Context(), record.Name)
				if action == "ListHostedZonesByName" || action == "GetHostedZone" {
					require.ErrorContains(t, err, "not Route 53's")
					return
				}
				require.NoError(t, err)
				res, err := impatient.Apply(t.Context(), c, p)
				switch action {
				case "GetChange": // after the change
					require.NoError(t, err)
					require.NotEmpty(t, res.Warnings)
				default:
					require.ErrorContains(t, err, "not Route 53's")
					require.Equal(t, was, f.Dump(id))
				}
			})
		}
	}
}
