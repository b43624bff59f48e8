package dnssec_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// content is what every signed zone of these tests holds: with "sub" signed, "plain" not signed, both on the same server.
const content = `@ NS ns
ns A 192.0.2.53
a A 192.0.2.1
b CNAME a
out CNAME v.acm-validations.aws.
*.w A 192.0.2.2
*.c CNAME v.acm-validations.aws.
d DNAME w
x.y.ent A 192.0.2.3
txt TXT "Hello, World" "second"
Mixed SRV 1 2 3 Host.Example.COM.
MX MX 10 Mail.Example.COM.
rp RP Me.Example.COM. You.Example.COM.
caa CAA 0 issue "amazon.com"
odd TYPE65400 \# 3 414243
plain NS ns.plain
ns.plain A 192.0.2.53
`

// asked is what is asked in such a zone: name, type, and what it should be where nothing is broken.
var asked = []struct {
	name, typ string
	want      dnssec.Status
}{
	{"@", "SOA", dnssec.Secure},
	{"@", "NS", dnssec.Secure},
	{"@", "CAA", dnssec.Secure},
	{"a", "A", dnssec.Secure},
	{"a", "CNAME", dnssec.Secure},
	{"b", "CNAME", dnssec.Secure},
	{"out", "CNAME", dnssec.Secure},
	{"x.y.w", "A", dnssec.Secure},
	{"x.w", "CNAME", dnssec.Secure},
	{"q.c", "CNAME", dnssec.Secure},
	{"n.d", "CNAME", dnssec.Secure},
	{"ent", "CNAME", dnssec.Secure},
	{"y.ent", "A", dnssec.Secure},
	{"nothing", "CNAME", dnssec.Secure},
	{"nothing.at.all", "CNAME", dnssec.Secure},
	{"zzz", "A", dnssec.Secure},
	{"0", "A", dnssec.Secure},
	{"txt", "TXT", dnssec.Secure},
	{"mixed", "SRV", dnssec.Secure},
	{"mx", "MX", dnssec.Secure},
	{"rp", "RP", dnssec.Secure},
	{"caa", "CAA", dnssec.Secure},
	{"odd", "TYPE65400", dnssec.Secure},
	{"plain", "DS", dnssec.Secure},
	{"a.plain", "A", dnssec.Insecure},
	{"nothing.plain", "A", dnssec.Insecure},
	{"a.sub", "A", dnssec.Secure},
	{"nothing.sub", "A", dnssec.Secure},
}

// bed is one server with signed zones, asked by a client of ours and by delv.
type bed struct {
	t       *testing.T
	at      netip.AddrPort
	client  resolver.Client
	v       dnssec.Validator
	delv    string
	anchors string // for delv
	apex    string
	without string // a zone below that is not there
	optOut  bool
	brief   bool // the algorithm alone is at stake: some of the questions will do
}

// bedFor trusts the keys of DS records at the apex of a zone.
func bedFor(t *testing.T, n *realdns.Internet, s *realdns.Server, apex, ds string) *bed {
	t.Helper()
	anchors, err := dnssec.ParseAnchors(strings.NewReader(ds))
	require.NoError(t, err)
	b := &bed{
		t: t, at: netip.AddrPortFrom(s.Addr, n.Port), client: resolver.Client{AllowPrivate: true},
		v:    dnssec.Validator{Anchors: anchors, Now: time.Now(), Iterations: 150}, // as BIND 9.18 has it
		delv: realdns.RequireProgram(t, "delv", "bind9-dnsutils"), apex: apex, anchors: filepath.Join(t.TempDir(), "anchors"),
	}
	require.NoError(t, os.WriteFile(b.anchors, []byte(b.trust(ds)), 0o600))
	return b
}

// trust writes DS records as BIND reads them.
func (b *bed) trust(ds string) string {
	out := "trust-anchors {\n"
	for _, l := range strings.Split(strings.TrimSpace(ds), "\n") {
		f := regexp.MustCompile(`(?i)\bDS\s+(\d+)\s+(\d+)\s+(\d+)\s+(.*)$`).FindStringSubmatch(l)
		require.NotNil(b.t, f, "%q", l)
		out += fmt.Sprintf("%q static-ds %s %s %s %q;\n", b.apex, f[1], f[2], f[3], strings.ReplaceAll(f[4], " ", ""))
	}
	return out + "};\n"
}

func (b *bed) ask(owner string, t resolver.Type) resolver.Response {
	b.t.Helper()
	r, err := b.client.Resolve(b.t.Context(), resolver.Question{Name: name(owner), Type: t, Server: b.at, DNSSEC: true})
	require.NoError(b.t, err)
	return r
}

// ours judges an answer in the last of the zones, from the apex down.
func (b *bed) ours(zones []string, owner string, t resolver.Type) dnssec.Result {
	b.t.Helper()
	z := b.v.Child(dnssec.Zone{}, name(b.apex), resolver.Response{}, b.ask(b.apex, resolver.TypeDNSKEY))
	for _, child := range zones {
		z = b.v.Child(z, name(child), b.ask(child, resolver.TypeDS), b.ask(child, resolver.TypeDNSKEY))
	}
	return b.v.Answer(z, b.ask(owner, t))
}

// theirs is what delv says: its verdict and its words.
func (b *bed) theirs(owner string, t resolver.Type) (dnssec.Status, string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.delv, "@"+b.at.Addr().String(), "-p", fmt.Sprint(b.at.Port()), "-a", b.anchors, "+root="+b.apex,
		"+nocrypto", "-q", owner, "-t", t.String())
	cmd.Env = append(os.Environ(), "HOME="+b.t.TempDir())
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case strings.Contains(text, "fully validated"):
		return dnssec.Secure, text
	case strings.Contains(text, "unsigned answer") || strings.Contains(text, "answer not validated"):
		return dnssec.Insecure, text
	case strings.Contains(text, "resolution failed") && !strings.Contains(text, "timed out"):
		return dnssec.Bogus, text
	}
	b.t.Fatalf("delv %s %s says neither: %v\n%s", owner, t, err, text)
	return "", ""
}

// zones gives the zones below the apex on the way to a name.
func (b *bed) zones(owner string) (out []string) {
	for _, child := range []string{"plain", "sub"} {
		if strings.HasSuffix(owner, "."+child) {
			out = append(out, below(child, b.apex))
		}
	}
	return out
}

func below(owner, apex string) string {
	if owner == "@" {
		return apex
	}
	return owner + "." + apex
}

// compare asks everything of both. With opt-out no denial that needs the closest encloser is secure, and no wildcard.
func (b *bed) compare() {
	var wg sync.WaitGroup
	slots := make(chan bool, 4)
	optedOut := 0
	for i, q := range asked {
		if b.brief && i%4 != 0 {
			continue
		}
		t, err := resolver.ParseType(q.typ)
		require.NoError(b.t, err)
		owner, w := below(q.name, b.apex), q.want
		if b.without != "" && strings.HasSuffix(q.name, b.without) {
			continue
		}
		ours := b.ours(b.zones(q.name), owner, t)
		optOut := b.optOut && len(ours.Why) > 0 && ours.Why[0].Code == dnssec.OptOut // which names that takes is the signer's choice
		if optOut {
			w = dnssec.Insecure
			optedOut++
		}
		assert.Equal(b.t, w, ours.Status, "%s %s: %v", owner, t, ours.Why)
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			theirs, text := b.theirs(owner, t)
			if optOut && strings.Contains(text, "negative response") {
				// BIND keeps apart whether a denial is validated, which delv prints, and whether it has opt-out, for which it leaves
				// AD away (RFC 5155, 9.2). We say what the client of a resolver sees.
				return
			}
			assert.Equal(b.t, theirs, ours.Status, "%s %s: ours %v, delv's\n%s", owner, t, ours.Why, text)
		})
	}
	wg.Wait()
	assert.Equal(b.t, b.optOut, optedOut > 0)
}

// signedBed signs the usual zone and its child, lets somebody spoil them, and serves all on one NSD.
type signedBed struct {
	apex  string
	how   realdns.Signing
	spoil func(zone, sub *realdns.SignedZone) // before anything is served; sub's DS goes into the zone before it is signed
}

func start(t *testing.T, kind realdns.Kind, beds ...*signedBed) (*realdns.Internet, *realdns.Server, map[string]realdns.SignedZone) {
	t.Helper()
	realdns.Require(t, kind)
	n := realdns.New(t)
	s := n.Add(kind)
	zones := map[string]realdns.SignedZone{}
	for _, b := range beds {
		sub := realdns.Sign(t, "sub."+b.apex, "@ NS ns\nns A 192.0.2.53\na A 192.0.2.9\n", b.how)
		if b.spoil != nil {
			b.spoil(nil, &sub)
		}
		zone := realdns.Sign(t, b.apex, content+"sub NS ns.sub\nns.sub A 192.0.2.53\n"+sub.DS+"\n", b.how)
		if b.spoil != nil {
			b.spoil(&zone, nil)
		}
		s.ServeSigned(b.apex, zone.Text)
		s.ServeSigned("sub."+b.apex, sub.Text)
		s.Serve("plain."+b.apex, "@ NS ns\nns A 192.0.2.53\na A 192.0.2.9\n")
		zones[b.apex] = zone
	}
	n.Start()
	return n, s, zones
}

func TestRealSigners(t *testing.T) {
	for _, signer := range []struct {
		by     realdns.Signer
		server realdns.Kind
	}{{realdns.LDNS, realdns.NSD}, {realdns.BINDTools, realdns.BIND}} {
		t.Run(string(signer.by), func(t *testing.T) {
			var beds []*signedBed
			for i, how := range []realdns.Signing{
				{Algorithm: "RSASHA256"},
				{Algorithm: "RSASHA512", NSEC3: true},
				{Algorithm: "ECDSAP256SHA256"},
				{Algorithm: "ECDSAP384SHA384"},
				{Algorithm: "ED25519"},
				{Algorithm: "ECDSAP256SHA256", NSEC3: true, Iterations: 10, Salt: "aabbcc"},
				{Algorithm: "ED25519", NSEC3: true, OptOut: true},
			} {
				how.By = signer.by
				beds = append(beds, &signedBed{apex: fmt.Sprintf("z%d.test.", i), how: how})
			}
			n, s, zones := start(t, signer.server, beds...)
			for _, b := range beds {
				t.Run(fmt.Sprintf("%s nsec3=%t opt-out=%t", b.how.Algorithm, b.how.NSEC3, b.how.OptOut), func(t *testing.T) {
					bed := bedFor(t, n, s, b.apex, zones[b.apex].DS)
					bed.optOut, bed.brief = b.how.OptOut, b.how.Algorithm != "ECDSAP256SHA256" && !b.how.OptOut
					bed.compare()
				})
			}
		})
	}
}

// Knot signs what it serves, and makes its keys itself: the anchor is what it publishes.
func TestRealSignerKnot(t *testing.T) {
	realdns.Require(t, realdns.Knot)
	n := realdns.New(t)
	s := n.Add(realdns.Knot)
	hows := []realdns.Signing{
		{Algorithm: "RSASHA256"}, {Algorithm: "ECDSAP256SHA256", NSEC3: true, Iterations: 5, Salt: "aabb"}, {Algorithm: "ED25519"}, {Algorithm: "ECDSAP384SHA384", NSEC3: true, OptOut: true},
	}
	apex := func(i int) string { return fmt.Sprintf("k%d.test.", i) }
	for i, how := range hows {
		s.ServeSigning(apex(i), content, how)
		s.Serve("plain."+apex(i), "@ NS ns\nns A 192.0.2.53\na A 192.0.2.9\n")
	}
	n.Start()
	for i, how := range hows {
		t.Run(fmt.Sprintf("%s nsec3=%t opt-out=%t", how.Algorithm, how.NSEC3, how.OptOut), func(t *testing.T) {
			c := resolver.Client{AllowPrivate: true}
			r, err := c.Resolve(t.Context(), resolver.Question{Name: name(apex(i)), Type: resolver.TypeDNSKEY, Server: netip.AddrPortFrom(s.Addr, n.Port), DNSSEC: true})
			require.NoError(t, err)
			var ds []string
			for _, rr := range r.RRs(name(apex(i)), resolver.TypeDNSKEY) {
				k, err := dns.NewRR(rr.String())
				require.NoError(t, err)
				ds = append(ds, k.(*dns.DNSKEY).ToDS(dns.SHA256).String())
			}
			require.NotEmpty(t, ds, "%s", s.Log())
			b := bedFor(t, n, s, apex(i), strings.Join(ds, "\n"))
			b.without = "sub"
			b.optOut, b.brief = how.OptOut, how.Algorithm != "ECDSAP256SHA256" && !how.OptOut
			b.compare()
		})
	}
}

// without drops the lines of a zone file for which the function says so.
func without(text string, drop func(line string) bool) string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if !drop(l) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

func has(line string, parts ...string) bool {
	fields := " " + strings.Join(strings.Fields(line), " ")
	for _, p := range parts {
		if !strings.Contains(fields, " "+p) {
			return false
		}
	}
	return true
}

func TestRealBrokenZones(t *testing.T) {
	p256 := realdns.Signing{By: realdns.LDNS, Algorithm: "ECDSAP256SHA256"}
	past, future := p256, p256
	past.From, past.Until = time.Now().AddDate(0, -2, 0), time.Now().AddDate(0, 0, -3)
	future.From, future.Until = time.Now().AddDate(0, 0, 2), time.Now().AddDate(0, 1, 0)
	many, nsec3 := p256, p256
	many.NSEC3, many.Iterations = true, 200
	nsec3.NSEC3 = true
	ds := func(change func(fields []string)) func(zone, sub *realdns.SignedZone) {
		return func(_, sub *realdns.SignedZone) {
			if sub != nil {
				f := strings.Fields(sub.DS) // owner TTL? class DS tag algorithm digest hash
				at := len(f) - 4
				for i, x := range f {
					if x == "DS" {
						at = i + 1
					}
				}
				change(f[at:])
				sub.DS = strings.Join(f, " ")
			}
		}
	}
	spoilt := func(change func(text string) string) func(zone, sub *realdns.SignedZone) {
		return func(zone, _ *realdns.SignedZone) {
			if zone != nil {
				zone.Text = change(zone.Text)
			}
		}
	}
	altered := spoilt(func(s string) string { return strings.Replace(s, "192.0.2.1\n", "192.0.2.66\n", 1) })
	type verdict struct {
		name, typ string
		want      dnssec.Status
		why       dnssec.Code
	}
	const bogus, insecure, secure = dnssec.Bogus, dnssec.Insecure, dnssec.Secure
	cases := []struct {
		what  string
		how   realdns.Signing
		spoil func(zone, sub *realdns.SignedZone)
		want  []verdict
		only  string // delv is known to see it otherwise, and why
	}{
		{"expired", past, nil, []verdict{{"a", "A", bogus, dnssec.SignatureExpired}, {"nothing", "A", bogus, dnssec.SignatureExpired}}, ""},
		{"not yet valid", future, nil, []verdict{{"a", "A", bogus, dnssec.SignatureEarly}}, ""},
		{"a signature is missing", p256, spoilt(func(s string) string {
			return without(s, func(l string) bool { return has(l, "b.", "RRSIG CNAME") })
		}), []verdict{{"b", "CNAME", bogus, dnssec.SignatureMissing}, {"a", "A", secure, ""}}, ""},
		{"data altered", p256, altered, []verdict{{"a", "A", bogus, dnssec.SignatureWrong}, {"b", "CNAME", secure, ""}}, ""},
		{"NSEC removed", p256, spoilt(func(s string) string {
			return without(s, func(l string) bool { return has(l, "NSEC") })
		}), []verdict{{"nothing", "A", bogus, dnssec.DenialMissing}, {"a", "CAA", bogus, dnssec.DenialMissing}, {"x.w", "A", bogus, dnssec.DenialMissing}, {"a", "A", secure, ""}}, ""},
		{"NSEC3 removed", nsec3, spoilt(func(s string) string {
			return without(s, func(l string) bool { return has(l, "NSEC3 ") || has(l, "RRSIG NSEC3 ") })
		}), []verdict{{"nothing", "A", bogus, dnssec.DenialMissing}, {"a", "A", secure, ""}}, ""},
		{"keys removed", p256, spoilt(func(s string) string {
			return without(s, func(l string) bool { return has(l, "DNSKEY") && !has(l, "NSEC") })
		}), []verdict{{"a", "A", bogus, dnssec.KeysMissing}}, ""},
		{"DS of another key", p256, ds(func(f []string) { f[3] = strings.Repeat("0", 64) }), []verdict{{"a.sub", "A", bogus, dnssec.DSUnmatched}, {"a", "A", secure, ""}}, ""},
		{"DS above an unsigned zone", p256, func(_, sub *realdns.SignedZone) {
			if sub != nil {
				sub.Text = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\na A 192.0.2.9\n"
			}
		}, []verdict{{"a.sub", "A", bogus, dnssec.KeysMissing}}, ""},
		{"no DS above a signed zone", p256, func(_, sub *realdns.SignedZone) {
			if sub != nil {
				sub.DS = ""
			}
		}, []verdict{{"a.sub", "A", insecure, dnssec.DSAbsent}}, ""},
		{"DS of an unknown algorithm", p256, ds(func(f []string) { f[1] = "250" }), []verdict{{"a.sub", "A", insecure, dnssec.AlgorithmUnsupported}}, ""},
		{"DS of an unknown digest", p256, ds(func(f []string) { f[2] = "99" }), []verdict{{"a.sub", "A", insecure, dnssec.DigestUnsupported}}, ""},
		{"too many iterations", many, nil, []verdict{{"nothing", "A", insecure, dnssec.NSEC3Iterations}, {"a.plain", "A", insecure, dnssec.NSEC3Iterations}, {"a", "A", secure, ""}}, ""},
		{"RSA of 512 bits", realdns.Signing{By: realdns.LDNS, Algorithm: "RSASHA256", Bits: 512}, nil, []verdict{{"a", "A", secure, ""}, {"nothing", "A", secure, ""}}, ""},
		{"RSA of 512 bits, altered", realdns.Signing{By: realdns.LDNS, Algorithm: "RSASHA256", Bits: 512}, altered, []verdict{{"a", "A", bogus, dnssec.SignatureWrong}}, ""},
		{"Ed448", realdns.Signing{By: realdns.LDNS, Algorithm: "ED448"}, nil, []verdict{{"a", "A", insecure, dnssec.AlgorithmUnsupported}}, "BIND supports it"},
		{"RSASHA1", realdns.Signing{By: realdns.LDNS, Algorithm: "RSASHA1"}, nil, []verdict{{"a", "A", insecure, dnssec.AlgorithmUnsupported}}, "BIND 9.18 is older than RFC 9905"},
	}
	var beds []*signedBed
	for i, c := range cases {
		beds = append(beds, &signedBed{apex: fmt.Sprintf("b%d.test.", i), how: c.how, spoil: c.spoil})
	}
	n, s, zones := start(t, realdns.NSD, beds...)
	for i, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			b := bedFor(t, n, s, beds[i].apex, zones[beds[i].apex].DS)
			for _, w := range c.want {
				typ, err := resolver.ParseType(w.typ)
				require.NoError(t, err)
				owner := below(w.name, b.apex)
				ours := b.ours(b.zones(w.name), owner, typ)
				assert.Equal(t, w.want, ours.Status, "%s %s: %v", owner, typ, ours.Why)
				if w.why != "" && assert.NotEmpty(t, ours.Why) {
					assert.Equal(t, w.why, ours.Why[0].Code, "%s", ours.Why[0])
				}
				theirs, text := b.theirs(owner, typ)
				if c.only != "" {
					assert.Equal(t, dnssec.Secure, theirs, "%s: %s", c.only, text)
					continue
				}
				assert.Equal(t, theirs, ours.Status, "%s %s: ours %v, delv's\n%s", owner, typ, ours.Why, text)
			}
			if c.what == "RSASHA1" { // as resolvers did before
				b.v.SHA1 = true
				ours := b.ours(nil, below("a", b.apex), resolver.TypeA)
				assert.Equal(t, dnssec.Secure, ours.Status, "%v", ours.Why)
			}
		})
	}
}
