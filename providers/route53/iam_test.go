package route53_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/route53"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

func TestPolicyText(t *testing.T) {
	got, err := route53.Access{Fix: true, Zone: apex, ZoneID: "Z1"}.Policy()
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/fix-policy.json")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(want)), string(got))
}

// allowed is an account whose caller has the policy for its zone.
func allowed(t *testing.T, a route53.Access) (*awsfake.Route53, *route53.Client, string) {
	t.Helper()
	f := &awsfake.Route53{}
	id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
	f.AddZone(awsfake.HostedZone{Name: "example.net."})
	a.ZoneID = id
	text, err := a.Policy()
	require.NoError(t, err)
	policy, err := awsfake.ParsePolicy(text)
	require.NoError(t, err)
	f.Identities = map[string]awsfake.Identity{keyID: {ARN: "arn:aws:iam::111122223333:user/dns", Policy: policy}}
	return f, served(t, f, nil), id
}

// The policy is enough for all that a fix does, and undoing it.
func TestPolicyIsEnough(t *testing.T) {
	for what, c := range map[string]struct {
		access  route53.Access
		before  [][2]string // name and value of CNAMEs
		changes []validate.Change
	}{
		"missing":         {route53.Access{Zone: apex}, nil, []validate.Change{put()}},
		"another value":   {route53.Access{Zone: apex}, [][2]string{{owner, wrong}}, []validate.Change{put(wrong)}},
		"doubled":         {route53.Access{Zone: apex}, [][2]string{{doubled, value}}, []validate.Change{put(), drop(doubled, value)}},
		"of any zone":     {route53.Access{}, [][2]string{{doubled, value}}, []validate.Change{put(), drop(doubled, value)}},
		"any underscore":  {route53.Access{Zone: apex, AnyUnderscore: true}, [][2]string{{doubled, value}}, []validate.Change{put(), drop(doubled, value)}},
		"a TXT, if asked": {route53.Access{Zone: apex, TXT: true}, nil, []validate.Change{{Name: record.Name, Type: resolver.TypeTXT, From: []string{`"x"`}}, put()}},
	} {
		t.Run(what, func(t *testing.T) {
			c.access.Fix = true
			f, client, id := allowed(t, c.access)
			for _, b := range c.before {
				f.Set(id, b[0], "CNAME", 60, b[1])
			}
			if c.access.TXT {
				f.Set(id, owner, "TXT", 60, `"x"`)
			}
			before := f.Dump(id)
			res, err := impatient.Apply(t.Context(), client, plan(t, client, report(f, id, "name-doubled", c.changes...)))
			require.NoError(t, err)
			require.True(t, res.Settled)
			require.Equal(t, []string{owner + " CNAME " + value}, f.Dump(id))
			back, err := res.Undo.Plan(t.Context(), client)
			require.NoError(t, err)
			_, err = impatient.Apply(t.Context(), client, back)
			require.NoError(t, err)
			require.Equal(t, before, f.Dump(id))
		})
	}
}

// A copy without underscore lies outside the policy, and a request is refused whole: the record is put right all the same.
func TestPolicyKeepsACopyFromBeingTidied(t *testing.T) {
	f, client, id := allowed(t, route53.Access{Fix: true, Zone: apex})
	stray := strings.TrimPrefix(owner, "_")
	f.Set(id, stray, "CNAME", 60, value)
	res, err := impatient.Apply(t.Context(), client, plan(t, client, report(f, id, "name-underscore-missing", put(), drop(stray, value))))
	require.NoError(t, err)
	require.Len(t, res.Done, 1)
	require.Len(t, res.Left, 1)
	require.ErrorContains(t, errors.New(res.Warnings[0]), "route53:ChangeResourceRecordSets")
	require.ElementsMatch(t, []string{owner + " CNAME " + value, stray + " CNAME " + value}, f.Dump(id))
	require.Equal(t, 3, f.Calls()["ChangeResourceRecordSets"], "together, the record, the copy")
}

// And for nothing else.
func TestPolicyIsNotMore(t *testing.T) {
	sub := name("_a79865eb4cd1a6ab990a45779b4e0b96.www.example.com.")
	fix := route53.Access{Fix: true, Zone: apex}
	for what, c := range map[string]struct {
		access route53.Access
		name   resolver.Name
		typ    resolver.Type
		value  string
		zone   int
		ok     bool
	}{
		"the record":              {fix, record.Name, resolver.TypeCNAME, value, 0, true},
		"below a label":           {fix, sub, resolver.TypeCNAME, value, 0, true},
		"another zone":            {fix, name("_a79865eb4cd1a6ab990a45779b4e0b96.example.net."), resolver.TypeCNAME, value, 1, false},
		"reading only":            {route53.Access{Zone: apex}, record.Name, resolver.TypeCNAME, value, 0, false},
		"an address":              {fix, record.Name, resolver.TypeA, "192.0.2.1", 0, false},
		"a TXT":                   {fix, record.Name, resolver.TypeTXT, `"x"`, 0, false},
		"the web site":            {fix, name("www.example.com."), resolver.TypeCNAME, "evil.example.net.", 0, false},
		"_dmarc":                  {fix, name("_dmarc.example.com."), resolver.TypeCNAME, value, 0, false},
		"_acme-challenge":         {fix, name("_acme-challenge.example.com."), resolver.TypeCNAME, value, 0, false},
		"_dmarc, any underscore":  {route53.Access{Fix: true, Zone: apex, AnyUnderscore: true}, name("_dmarc.example.com."), resolver.TypeCNAME, value, 0, true},
		"www, any underscore":     {route53.Access{Fix: true, Zone: apex, AnyUnderscore: true}, name("www.example.com."), resolver.TypeCNAME, value, 0, false},
		"31 characters":           {fix, name("_79865eb4cd1a6ab990a45779b4e0b96.example.com."), resolver.TypeCNAME, value, 0, false},
		"an address, TXT allowed": {route53.Access{Fix: true, Zone: apex, TXT: true}, record.Name, resolver.TypeA, "192.0.2.1", 0, false},
	} {
		t.Run(what, func(t *testing.T) {
			f, client, id := allowed(t, c.access)
			zone := providers.Zone{Apex: apex, ID: id}
			if c.zone == 1 {
				zone = providers.Zone{Apex: name("example.net."), ID: "Z000000000002EXAMPLE"}
			}
			before := f.Dump(zone.ID)
			err := client.Write(t.Context(), zone, providers.Batch{Owners: []resolver.Name{c.name}, Create: []providers.RRset{
				{Name: c.name, Type: c.typ, TTL: 300, Values: []string{c.value}},
			}})
			if c.ok {
				require.NoError(t, err)
				require.NotEqual(t, before, f.Dump(zone.ID))
				return
			}
			require.ErrorIs(t, err, providers.ErrPermission)
			require.ErrorContains(t, err, "route53:ChangeResourceRecordSets on arn:aws:route53:::hostedzone/"+zone.ID)
			require.Equal(t, before, f.Dump(zone.ID))
		})
	}
}

// One name out of the pattern refuses the whole request.
func TestPolicyHoldsForTheWholeBatch(t *testing.T) {
	f, client, id := allowed(t, route53.Access{Fix: true, Zone: apex})
	www := name("www.example.com.")
	err := client.Write(t.Context(), at(id), providers.Batch{Owners: []resolver.Name{record.Name, www}, Create: []providers.RRset{
		{Name: record.Name, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}},
		{Name: www, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}},
	}})
	require.ErrorIs(t, err, providers.ErrPermission)
	require.Empty(t, f.Dump(id))
}

func TestPolicyOfAnotherPartition(t *testing.T) {
	text, err := route53.Access{Fix: true, Partition: "aws-cn", ZoneID: "Z1"}.Policy()
	require.NoError(t, err)
	require.Contains(t, string(text), "arn:aws-cn:route53:::hostedzone/Z1")
	require.NotContains(t, string(text), "arn:aws:")
}
