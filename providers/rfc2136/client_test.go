package rfc2136_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	libdns "github.com/libdns/rfc2136"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

const zoneName = "example.test."

var apex = resolver.MustParseName(zoneName)

// secretText is what no error, plan or log may hold. It is a secret of the length that tsig-keygen makes.
var secretText = base64.StdEncoding.EncodeToString([]byte("marker-secret-0123456789-abcdefg"))

var key = realdns.Key{Name: "acmdoctor.", Algorithm: "hmac-sha256", Secret: secretText}

// primary is a real server that takes updates to example.test.
type primary struct {
	*realdns.Server
	at netip.AddrPort
}

// start starts one server of each kind.
func start(t *testing.T, prepare func(*realdns.Server), kinds ...realdns.Kind) []primary {
	t.Helper()
	realdns.Require(t, kinds...)
	n := realdns.New(t)
	var out []primary
	for _, k := range kinds {
		s := n.Add(k)
		s.AllowUpdates(key)
		s.Serve(zoneName, realdns.Delegation(zoneName, s.Addr))
		if k == realdns.PowerDNS {
			n.OpenAPI(s, "unused")
		}
		if prepare != nil {
			prepare(s)
		}
		out = append(out, primary{s, netip.AddrPortFrom(s.Addr, n.Port)})
	}
	n.Start()
	return out
}

func (p primary) config() *libdns.Provider {
	return &libdns.Provider{Server: p.at.String(), KeyName: key.Name, KeyAlg: key.Algorithm + ".", Key: key.Secret}
}

func (p primary) client(t *testing.T) *rfc2136.Client {
	t.Helper()
	c, err := rfc2136.New(p.config())
	require.NoError(t, err)
	return c
}

// exchange goes around the Client: the library's own exchange, on a connection of its own.
func (p primary) exchange(m *dns.Msg) (*dns.Msg, error) {
	m.SetTsig(key.Name, key.Algorithm+".", 300, time.Now().Unix())
	c := dns.Client{Net: "tcp", TsigSecret: map[string]string{key.Name: key.Secret}, Timeout: 10 * time.Second}
	r, _, err := c.Exchange(m, p.at.String())
	return r, err
}

// content transfers the zone and gives what stands below the apex, without the signer's records and the name servers' addresses.
func (p primary) content() ([]dns.RR, error) {
	m := new(dns.Msg)
	m.SetAxfr(zoneName)
	m.SetTsig(key.Name, key.Algorithm+".", 300, time.Now().Unix())
	t := dns.Transfer{TsigSecret: map[string]string{key.Name: key.Secret}}
	in, err := t.In(m, p.at.String())
	if err != nil {
		return nil, err
	}
	var out []dns.RR
	for e := range in {
		if e.Error != nil {
			return nil, e.Error
		}
		for _, rr := range e.RR {
			switch rr.(type) {
			case *dns.RRSIG, *dns.NSEC, *dns.NSEC3:
				continue
			}
			if n := dns.CanonicalName(rr.Header().Name); n != zoneName && n != "ns1."+zoneName {
				out = append(out, rr)
			}
		}
	}
	return out, nil
}

// seed makes the lines all that stands there.
func (p primary) seed(lines ...string) error {
	old, err := p.content()
	if err != nil {
		return err
	}
	want := map[string]bool{}
	change := func(rrs []dns.RR, how func(*dns.Msg, []dns.RR)) error {
		for some := range slices.Chunk(rrs, 200) {
			m := new(dns.Msg)
			m.SetUpdate(zoneName)
			how(m, some)
			r, err := p.exchange(m)
			if err != nil {
				return err
			}
			if r.Rcode != dns.RcodeSuccess {
				return fmt.Errorf("update: %s", dns.RcodeToString[r.Rcode])
			}
		}
		return nil
	}
	var come []dns.RR
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			return err
		}
		come = append(come, rr)
		want[text(rr)] = true
	}
	if err := change(old, (*dns.Msg).RemoveName); err != nil {
		return err
	}
	if err := change(come, (*dns.Msg).Insert); err != nil {
		return err
	}
	now, err := p.content()
	if err != nil {
		return err
	}
	for _, rr := range now {
		delete(want, text(rr))
	}
	if len(want) > 0 {
		return fmt.Errorf("the server did not take %v", want)
	}
	return nil
}

func text(rr dns.RR) string {
	h := rr.Header()
	v := strings.TrimPrefix(rr.String(), h.String())
	if h.Rrtype == dns.TypeCNAME {
		v = dns.CanonicalName(v)
	}
	return dns.CanonicalName(h.Name) + " " + dns.Type(h.Rrtype).String() + " " + v
}

func (p primary) dump() ([]string, error) {
	rrs, err := p.content()
	var out []string
	for _, rr := range rrs {
		out = append(out, text(rr))
	}
	slices.Sort(out)
	return out, err
}

func TestClient(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kind    realdns.Kind
		prepare func(*realdns.Server)
	}{
		{"BIND", realdns.BIND, nil},
		{"Knot", realdns.Knot, nil},
		{"PowerDNS", realdns.PowerDNS, nil},
		{"Knot that signs itself", realdns.Knot, (*realdns.Server).SignItself},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.prepare, tt.kind)[0]
			require.NoError(t, providertest.TestClient(func() providertest.Subject {
				return providertest.Subject{Client: p.client(t), Zone: providers.Zone{Apex: apex}, Seed: p.seed, Dump: p.dump}
			}))
		})
	}
}

// Many records of a zone take as many updates as their messages need, and no one of them is too long.
func TestManyRecords(t *testing.T) {
	for _, p := range start(t, nil, realdns.BIND, realdns.Knot, realdns.PowerDNS) {
		t.Run(string(p.Kind), func(t *testing.T) {
			c, mm := p.through(t, nil)
			require.NoError(t, p.seed())
			var reps []validate.Report
			for i := range 400 {
				rep := report(create)
				rep.Record.Name = resolver.MustParseName(fmt.Sprintf("_%032x.host-%d.%s", i+1, i, apex))
				rep.Findings[0].Fixes[0].Changes = []validate.Change{{Name: rep.Record.Name, Type: resolver.TypeCNAME, To: []string{rep.Record.Value.String()}}}
				reps = append(reps, rep)
			}
			var plans []providers.Plan
			for _, p := range (providers.Planner{}).PlanAll(t.Context(), c, reps) {
				require.NoError(t, p.Err)
				plans = append(plans, p.Plan)
			}
			mm.take()
			for _, a := range impatient.ApplyAll(t.Context(), c, plans) {
				require.NoError(t, a.Err)
				require.Len(t, a.Result.Done, 1)
			}
			updates := slices.DeleteFunc(mm.take(), func(what string) bool { return what != "UPDATE" })
			require.Len(t, updates, 2)
			got, err := p.dump()
			require.NoError(t, err)
			require.Len(t, got, 400)
		})
	}
}
