// Package endtoend_test runs the whole job with nothing of ours faked: real servers hold a broken record, a check says what is
// wrong, a plan is made and applied, the servers answer rightly, a check says so, and it is all taken back.
package endtoend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	libpowerdns "github.com/libdns/powerdns"
	librfc2136 "github.com/libdns/rfc2136"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/powerdns"
	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

const (
	token      = "_a79865eb4cd1a6ab990a45779b4e0b96"
	value      = "_424c7224e9b0146f9a8808af955727d0.jfrzftwwjs.acm-validations.aws."
	otherValue = "_99998f8e1a7b4c7d8e9f0a1b2c3d4e5f.jfrzftwwjs.acm-validations.aws."
)

// story is a way in which people get the record wrong, each in a zone of its own.
type story struct {
	name string
	zone string      // what it holds beside SOA, NS and glue; TOKEN, VALUE and ZONE stand for the record and the zone
	rule validate.ID // the first finding
}

// stories are the article's causes 1 to 4. A CNAME and a TXT at one name cannot be told here: BIND and Knot load no such zone and
// take no such update, PowerDNS's interface refuses it; the conformance suite has it.
var stories = []story{
	{name: "nothing", zone: "www A 192.0.2.1", rule: "record-missing"},
	{name: "wrong-place", zone: "TOKEN.www CNAME VALUE", rule: "name-relocated"},
	{name: "underscore-missing", zone: strings.TrimPrefix(token, "_") + " CNAME VALUE", rule: "name-underscore-missing"},
	{name: "name-doubled", zone: "TOKEN.ZONE CNAME VALUE", rule: "name-doubled"},
	{name: "value-misspelt", zone: "TOKEN CNAME _424c7224e9b0146f9a8808af955727d0.jfrzftwwjs.acm-validation.aws.", rule: "value-mangled"},
	{name: "value-of-another", zone: "TOKEN CNAME " + otherValue, rule: "value-mismatch"},
	{name: "value-doubled", zone: "TOKEN CNAME " + strings.TrimSuffix(value, "."), rule: "value-doubled"},
	{name: "txt-instead", zone: `TOKEN TXT "VALUE"`, rule: "record-wrong-type"},
	{name: "under-a-wildcard", zone: "* CNAME shop.example.", rule: "name-wildcarded"},
	{name: "both-doubled", zone: "TOKEN.ZONE CNAME " + strings.TrimSuffix(value, "."), rule: "value-doubled"},
}

// bed is a kind of server, and how its zones are changed.
type bed struct {
	name    string
	kind    realdns.Kind
	prepare func(n *realdns.Internet, s *realdns.Server) func(t *testing.T) providers.Client
}

var key = realdns.Key{Name: "acmdoctor.", Algorithm: "hmac-sha256", Secret: "bWFya2VyLXNlY3JldC0wMTIzNDU2Nzg5LWFiY2RlZmc="}

func byUpdate(n *realdns.Internet, s *realdns.Server) func(t *testing.T) providers.Client {
	s.AllowUpdates(key)
	return func(t *testing.T) providers.Client {
		c, err := rfc2136.New(&librfc2136.Provider{
			Server: netip.AddrPortFrom(s.Addr, n.Port).String(), KeyName: key.Name, KeyAlg: key.Algorithm + ".", Key: key.Secret,
		})
		require.NoError(t, err)
		return c
	}
}

func byAPI(n *realdns.Internet, s *realdns.Server) func(t *testing.T) providers.Client {
	api := n.OpenAPI(s, "a-token")
	return func(t *testing.T) providers.Client {
		c, err := powerdns.New(&libpowerdns.Provider{ServerURL: api.URL, APIToken: api.Token})
		require.NoError(t, err)
		return c
	}
}

var beds = []bed{
	{"BIND", realdns.BIND, byUpdate},
	{"Knot", realdns.Knot, byUpdate},
	{"Knot-that-signs", realdns.Knot, func(n *realdns.Internet, s *realdns.Server) func(t *testing.T) providers.Client {
		s.SignItself()
		return byUpdate(n, s)
	}},
	{"PowerDNS", realdns.PowerDNS, byAPI},
	{"PowerDNS-by-update", realdns.PowerDNS, func(n *realdns.Internet, s *realdns.Server) func(t *testing.T) providers.Client {
		n.OpenAPI(s, "unused") // what is updated is in a database
		return byUpdate(n, s)
	}},
}

// internet is a root, the domain test. and one primary with a zone for each story.
type internet struct {
	*realdns.Internet
	primary *realdns.Server
	checker validate.Checker
	client  providers.Client
}

func build(t *testing.T, b bed) internet {
	t.Helper()
	realdns.Require(t, realdns.NSD, b.kind)
	n := realdns.New(t)
	root, top, primary := n.Add(realdns.NSD), n.Add(realdns.NSD), n.Add(b.kind)
	open := b.prepare(n, primary)
	test := realdns.Delegation("test.", top.Addr)
	for _, s := range stories {
		ns := realdns.Delegation(s.zoneName(), primary.Addr)
		primary.Serve(s.zoneName(), ns+s.text())
		test += ns
	}
	top.Serve("test.", test)
	root.Serve(".", realdns.Delegation(".", root.Addr)+realdns.Delegation("test.", top.Addr))
	n.Start()
	return internet{Internet: n, primary: primary, checker: checkerOf(t, n, root), client: open(t)}
}

func checkerOf(t *testing.T, n *realdns.Internet, root *realdns.Server) validate.Checker {
	t.Helper()
	text, err := os.ReadFile(n.Hints(root))
	require.NoError(t, err)
	roots, err := resolver.ParseHints(strings.NewReader(string(text)))
	require.NoError(t, err)
	return validate.Checker{Resolver: &resolver.Client{AllowPrivate: true}, Roots: roots, Port: n.Port}
}

func (s story) zoneName() string { return s.name + ".test." }

func (s story) record(t *testing.T) validate.Record {
	t.Helper()
	r, _, err := validate.ParseRecord("", token+"."+s.zoneName(), value)
	require.NoError(t, err)
	return r
}

func (s story) text() string {
	return strings.NewReplacer("TOKEN", token, "VALUE", value, "ZONE", strings.TrimSuffix(s.zoneName(), ".")).Replace(s.zone) + "\n"
}

func (in internet) check(t *testing.T, r validate.Record) validate.Report {
	t.Helper()
	rep, err := in.checker.Check(t.Context(), r)
	require.NoError(t, err)
	return rep
}

// answer asks the primary itself.
func (in internet) answer(t *testing.T, name resolver.Name) resolver.Response {
	t.Helper()
	client := resolver.Client{AllowPrivate: true}
	r, err := client.Resolve(t.Context(), resolver.Question{
		Name: name, Type: resolver.TypeCNAME, Server: netip.AddrPortFrom(in.primary.Addr, in.Port),
	})
	require.NoError(t, err)
	require.True(t, r.Authoritative)
	return r
}

func rules(rep validate.Report) (out []string) {
	for _, f := range rep.Findings {
		out = append(out, fmt.Sprintf("%s %s %s: %s", f.Rule, f.Severity, f.Confidence, f.Message))
	}
	return out
}

func TestMend(t *testing.T) {
	for _, b := range beds {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			in := build(t, b)
			for _, s := range stories {
				t.Run(s.name, func(t *testing.T) { in.mend(t, s) })
			}
		})
	}
}

// mend is the whole job for one record.
func (in internet) mend(t *testing.T, s story) {
	record := s.record(t)
	broken := in.check(t, record)
	require.Equal(t, validate.Invalid, broken.Verdict, rules(broken))
	require.Equal(t, s.rule, broken.Findings[0].Rule, rules(broken))

	plan, err := providers.NewPlan(t.Context(), in.client, broken)
	require.NoError(t, err)
	require.False(t, plan.Empty(), plan)
	require.Equal(t, rules(broken), rules(in.check(t, record)), "planning changes nothing")

	var kept []byte
	applier := providers.Applier{Journal: func(_ context.Context, u providers.Undo) (err error) {
		kept, err = json.Marshal(u)
		return err
	}}
	res, err := applier.Apply(t.Context(), in.client, plan)
	require.NoError(t, err)
	require.NotEmpty(t, res.Done)
	require.Empty(t, res.Left)

	got := in.answer(t, record.Name).RRs(record.Name, resolver.TypeCNAME)
	require.Len(t, got, 1)
	require.Equal(t, value, got[0].Text())
	mended := in.check(t, record)
	require.Equal(t, validate.Valid, mended.Verdict, rules(mended))
	again, err := providers.NewPlan(t.Context(), in.client, broken)
	require.NoError(t, err)
	require.True(t, again.Empty(), again)

	var undo providers.Undo
	require.NoError(t, json.Unmarshal(kept, &undo))
	back, err := undo.Plan(t.Context(), in.client)
	require.NoError(t, err)
	_, err = providers.Apply(t.Context(), in.client, back)
	require.NoError(t, err)
	as := in.check(t, record)
	require.Equal(t, broken.Verdict, as.Verdict)
	require.Equal(t, rules(broken), rules(as), "broken as before")
}

// The zone that the credentials can change is not the one that the world is sent to: nothing is changed, and it is said.
func TestMendElsewhere(t *testing.T) {
	for _, b := range beds {
		if b.name == "Knot-that-signs" {
			continue // as Knot
		}
		t.Run(b.name, func(t *testing.T) {
			realdns.Require(t, realdns.NSD, b.kind)
			n := realdns.New(t)
			root, top, ours, theirs := n.Add(realdns.NSD), n.Add(realdns.NSD), n.Add(b.kind), n.Add(realdns.NSD)
			open := b.prepare(n, ours)
			ours.Serve("moved.test.", "@ NS ns1.old-host.test.\n"+token+" CNAME "+value+"\n")
			theirs.Serve("moved.test.", realdns.Delegation("moved.test.", theirs.Addr))
			top.Serve("test.", realdns.Delegation("test.", top.Addr)+realdns.Delegation("moved.test.", theirs.Addr)+"ns1.old-host A "+ours.Addr.String()+"\n")
			root.Serve(".", realdns.Delegation(".", root.Addr)+realdns.Delegation("test.", top.Addr))
			n.Start()
			checker := checkerOf(t, n, root)
			r, _, err := validate.ParseRecord("", token+".moved.test.", value)
			require.NoError(t, err)
			rep, err := checker.Check(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, validate.Invalid, rep.Verdict)
			_, err = providers.NewPlan(t.Context(), open(t), rep)
			require.ErrorIs(t, err, providers.ErrNotAuthoritative)
		})
	}
}
