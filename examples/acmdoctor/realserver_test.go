package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
)

// What ACM asks for in every story: TOKEN.<domain> CNAME VALUE.
const (
	token      = "_a79865eb4cd1a6ab990a45779b4e0b96"
	value      = "_424c7224e9b0146f9a8808af955727d0.jfrzftwwjs.acm-validations.aws."
	otherValue = "_99998f8e1a7b4c7d8e9f0a1b2c3d4e5f.jfrzftwwjs.acm-validations.aws."
)

// story is one fault, or none, as real servers show it. It is told once for each kind of server.
type story struct {
	name string
	// zone is what the customer's zone holds beside SOA, NS and glue. TOKEN and VALUE stand for the record, ZONE for the
	// zone without its final dot.
	zone string
	// host puts the zone on servers; nil: on one of this kind and one of another.
	host func(w *world, k realdns.Kind, zone, text string)
	// on lists the kinds of which the story can be told; nil: all authoritative ones.
	on []realdns.Kind
	// flags are further flags of the check.
	flags func(w *world, k realdns.Kind) []string
	// below is what stands before the zone in the certificate's domain, with its dot.
	below string

	verdict string
	first   string            // rule and severity of the first finding; "" for no finding at all
	folded  map[string]string // further findings: rule and what explains it
	mends   bool              // the first finding's first fix makes the record right
	says    string            // what the first finding's evidence must hold
	port53  bool              // it needs unbound, which asks on no other port
}

// stories are the article's four causes and their neighbours. The rules' own edge cases are worlds of validate; here real
// servers must lead to the same judgement.
var stories = []story{
	{name: "healthy", zone: "TOKEN CNAME VALUE", verdict: "valid"},
	{name: "healthy-upper-case", zone: "_A79865EB4CD1A6AB990A45779B4E0B96 CNAME _424C7224E9B0146F9A8808AF955727D0.JFRZFTWWJS.ACM-Validations.AWS.", verdict: "valid"},
	{name: "healthy-glueless", zone: "TOKEN CNAME VALUE", host: glueless, verdict: "valid"},
	{name: "healthy-beside-wildcard", zone: "TOKEN CNAME VALUE\n* A 127.0.0.1\n* TXT \"all\"", verdict: "valid"},
	{name: "healthy-many-name-servers", zone: "TOKEN CNAME VALUE", host: manyNameServers, verdict: "valid"},
	{name: "healthy-below", below: "a.b.", zone: "TOKEN.a.b CNAME VALUE", verdict: "valid"},

	{name: "missing", zone: "www A 127.0.0.1", verdict: "invalid", first: "record-missing error", mends: true, says: "NXDOMAIN"},
	{name: "missing-empty-non-terminal", zone: "below.TOKEN A 127.0.0.1", verdict: "invalid", first: "record-missing error", mends: true, says: "NOERROR"},
	{
		name: "left-in-the-parent-zone", below: "app.", zone: "TOKEN.app CNAME VALUE", host: cutBelow,
		verdict: "invalid", first: "record-missing error", mends: true,
	},
	{
		name: "two-delegations-overlap", below: "dev.app.", host: overlapping,
		verdict: "invalid", first: "record-misplaced error", folded: map[string]string{"record-missing": "record-misplaced"},
		on: []realdns.Kind{realdns.BIND, realdns.Knot}, // no server of PowerDNS, which is the parent
	},

	{
		name: "name-doubled", zone: "TOKEN.ZONE CNAME VALUE",
		verdict: "invalid", first: "name-doubled error", folded: map[string]string{"record-missing": "name-doubled"}, mends: true,
	},
	{
		name: "name-doubled-twice", zone: "TOKEN.ZONE.ZONE CNAME VALUE",
		verdict: "invalid", first: "name-doubled error", folded: map[string]string{"record-missing": "name-doubled"}, mends: true,
	},
	{
		name: "name-under-www", zone: "TOKEN.www CNAME VALUE",
		verdict: "invalid", first: "name-relocated error", folded: map[string]string{"record-missing": "name-relocated"}, mends: true,
	},
	{
		name: "name-without-underscore", zone: "a79865eb4cd1a6ab990a45779b4e0b96 CNAME VALUE",
		verdict: "invalid", first: "name-underscore-missing error", folded: map[string]string{"record-missing": "name-underscore-missing"}, mends: true,
	},
	{
		name: "wildcard", zone: "* CNAME shop.example.",
		verdict: "invalid", first: "name-wildcarded error", mends: true,
	},
	{name: "wildcard-with-the-value", zone: "* CNAME VALUE", verdict: "valid", first: "name-wildcarded notice"},
	{name: "healthy-beside-wildcard-of-the-same-value", zone: "TOKEN CNAME VALUE\n* CNAME VALUE", verdict: "valid"},
	// tinydns answers by a wildcard below names that exist, too (not so RFC 4592, 3.3.1): there the two look the same.
	{name: "beside-wildcard-of-the-same-value", on: []realdns.Kind{realdns.TinyDNS}, host: onTinyDNS("C*.ZONE:VALUE"), verdict: "valid", first: "name-wildcarded notice"},
	{
		name: "wrong-value-beside-wildcard-of-the-same", zone: "TOKEN CNAME shop.example.\n* CNAME shop.example.",
		verdict: "invalid", first: "value-mismatch error", mends: true, says: "CNAME",
	},

	{
		name: "value-doubled", zone: "TOKEN CNAME " + strings.TrimSuffix(value, "."),
		verdict: "invalid", first: "value-doubled error", mends: true, says: "CNAME",
	},
	{
		name: "value-misspelt", zone: "TOKEN CNAME _424c7224e9b0146f9a8808af955727d0.jfrzftwwjs.acm-validation.aws.",
		verdict: "invalid", first: "value-mangled error", mends: true, says: "CNAME",
	},
	{
		name: "value-cut-off", zone: "TOKEN CNAME _424c7224e9b0146f9a8808af955727.jfrzftwwjs.acm-validations.aws.",
		verdict: "invalid", first: "value-mangled error", mends: true, says: "CNAME",
	},
	{name: "value-of-another-request", zone: "TOKEN CNAME " + otherValue, verdict: "invalid", first: "value-mismatch error", mends: true, says: "CNAME"},
	{
		name: "value-without-underscore", zone: "TOKEN CNAME " + strings.TrimPrefix(value, "_"),
		verdict: "valid", first: "value-underscore-stripped notice",
	},
	{
		name: "value-swapped", zone: "_424c7224e9b0146f9a8808af955727d0.jfrzftwwjs CNAME TOKEN.ZONE.",
		verdict: "invalid", first: "value-swapped error", folded: map[string]string{"record-missing": "value-swapped"}, mends: true,
	},
	{name: "chained", zone: "TOKEN CNAME dcv\ndcv CNAME VALUE", verdict: "undetermined", first: "cname-chained warning"},

	{
		name: "txt", zone: `TOKEN TXT "VALUE"`,
		verdict: "invalid", first: "record-wrong-type error", folded: map[string]string{"record-missing": "record-wrong-type"}, mends: true, says: "TXT",
	},
	{
		// BIND, Knot and NSD refuse to load such a zone (RFC 1034, 3.6.2), and PowerDNS hides what stands beside the CNAME.
		name: "cname-and-txt", on: []realdns.Kind{realdns.TinyDNS}, host: onTinyDNS("'TOKEN.ZONE:old"),
		verdict: "invalid", first: "cname-and-other-data error", says: "TXT",
	},
	{
		name: "cname-and-hidden-txt", zone: "TOKEN CNAME VALUE\nTOKEN TXT \"old\"", on: []realdns.Kind{realdns.PowerDNS}, host: alone,
		verdict: "valid",
	},
	{name: "healthy-without-edns-and-tcp", on: []realdns.Kind{realdns.TinyDNS}, host: onTinyDNS(""), verdict: "valid"},
	{
		name: "two-cnames", zone: "TOKEN CNAME VALUE\nTOKEN CNAME " + otherValue, on: []realdns.Kind{realdns.PowerDNS}, host: alone,
		verdict: "invalid", first: "cname-multiple error",
	},

	{name: "caa-allows", zone: "TOKEN CNAME VALUE\n@ CAA 0 issue \"letsencrypt.org\"\n@ CAA 0 issue \"amazontrust.com\"", verdict: "valid"},
	{name: "caa-forbids", zone: "TOKEN CNAME VALUE\n@ CAA 0 issue \"letsencrypt.org\"", verdict: "invalid", first: "caa-forbids error", says: "letsencrypt.org"},
	{
		name: "caa-forbids-through-an-alias", below: "www.", zone: "TOKEN.www CNAME VALUE\nwww CNAME cdn\ncdn CAA 0 issue \"globalsign.com\"\n@ CAA 0 issue \"amazon.com\"",
		verdict: "invalid", first: "caa-forbids error", says: "globalsign.com",
	},

	{
		name: "caa-forbidden-by-one", zone: "TOKEN CNAME VALUE\n@ CAA 0 issue \"amazon.com\"", host: otherCAA(`@ CAA 0 issue "letsencrypt.org"`),
		verdict: "invalid", first: "caa-forbids error", says: "letsencrypt.org",
	},
	{
		name: "caa-in-another-order", zone: "TOKEN CNAME VALUE\n@ 300 CAA 0 issue \"letsencrypt.org\"\n@ 300 CAA 0 issue \"amazon.com\"",
		host: otherCAA("@ 60 CAA 0 issue \"amazon.com\"\n@ 60 CAA 0 issue \"letsencrypt.org\""), verdict: "valid",
	},

	{
		// What a flattening provider shows: addresses where its console has the CNAME.
		name: "flattened-to-addresses", zone: "TOKEN A 127.0.0.1",
		verdict: "invalid", first: "record-flattened error", folded: map[string]string{"record-missing": "record-flattened"}, says: "A 127.0.0.1",
	},
	{
		// The same by a server that flattens: ALIAS is PowerDNS's own type. It resolves the target and answers with addresses.
		name: "flattened-by-alias", on: []realdns.Kind{realdns.PowerDNS}, zone: "TOKEN ALIAS www.aliased.example.", host: alone, port53: true,
		verdict: "invalid", first: "record-flattened error", folded: map[string]string{"record-missing": "record-flattened"}, says: "A 127.0.0.9",
	},
	{
		name: "renamed-by-dname", below: "app.", zone: "app DNAME renamed.example.",
		verdict: "invalid", first: "name-under-dname error", folded: map[string]string{"value-mismatch": "name-under-dname"}, says: "CNAME",
	},
	{name: "renamed-to-the-value", below: "app.", zone: "app DNAME aliased.example.", verdict: "undetermined", first: "cname-chained warning"},
	{
		name: "parked", zone: "* A 127.0.0.1", host: parked, on: []realdns.Kind{realdns.Knot},
		verdict: "invalid", first: "zone-suspended error", folded: map[string]string{"name-wildcarded": "zone-suspended", "record-missing": "zone-suspended"},
	},
	{
		name: "undelegated", zone: "TOKEN CNAME VALUE", host: undelegated,
		verdict: "invalid", first: "zone-undelegated error", says: "NXDOMAIN",
	},
	{
		name: "registry-hosts-it", zone: "TOKEN.ZONE CNAME VALUE", host: atTheRegistry, on: []realdns.Kind{realdns.BIND},
		verdict: "invalid", first: "name-doubled error", folded: map[string]string{"record-missing": "name-doubled"}, mends: true,
	},
	{
		name: "delegation-mismatch", zone: "TOKEN CNAME VALUE", host: movedInTheZoneOnly,
		verdict: "invalid", first: "delegation-mismatch error", folded: map[string]string{"servers-disagree": "delegation-mismatch"},
	},
	{
		// The zone that the owner edits, at the servers its console shows, is not the one that the world is sent to.
		name: "edited-elsewhere", zone: "TOKEN CNAME VALUE", host: twoZones,
		flags: func(w *world, k realdns.Kind) []string {
			return []string{"--nameserver", w.servers[another(k)].Addr.String()}
		},
		verdict: "invalid", first: "delegation-mismatch error", folded: map[string]string{"record-missing": "delegation-mismatch"}, mends: true,
	},
	{
		// A zone below was created elsewhere, and nothing delegates it.
		name: "zone-below-undelegated", below: "app.", zone: "www A 127.0.0.1", host: notDelegatedBelow,
		flags: func(w *world, k realdns.Kind) []string {
			return []string{"--nameserver", w.servers[another(k)].Addr.String()}
		},
		verdict: "invalid", first: "zone-undelegated error", folded: map[string]string{"record-missing": "zone-undelegated"}, mends: true,
	},
	{
		// The record's name is a zone of its own: nothing in that zone helps.
		name: "delegated-token", zone: "www A 127.0.0.1", host: ownZone,
		verdict: "invalid", first: "record-missing error",
	},
	{
		name: "servers-disagree", zone: "TOKEN CNAME VALUE", host: halfUpdated,
		verdict: "invalid", first: "servers-disagree error",
	},
	{
		name: "last-of-many-disagrees", zone: "TOKEN CNAME VALUE", host: lastOneLacks,
		verdict: "invalid", first: "servers-disagree error",
	},
	{
		name: "one-lame", zone: "TOKEN CNAME VALUE", host: beside(func(w *world, k realdns.Kind, _ string) netip.Addr { return w.servers[k].Addr }),
		verdict: "valid", first: "server-lame warning", says: "REFUSED",
	},
	{
		name: "one-failing", zone: "TOKEN CNAME VALUE", host: beside(func(w *world, k realdns.Kind, zone string) netip.Addr {
			w.servers[k].ServeBroken(zone)
			return w.servers[k].Addr
		}),
		verdict: "valid", first: "server-lame warning", says: "SERVFAIL",
	},
	{
		name: "one-silent", zone: "TOKEN CNAME VALUE", on: []realdns.Kind{realdns.Knot, realdns.PowerDNS}, host: beside(func(w *world, _ realdns.Kind, _ string) netip.Addr { return w.silent }),
		verdict: "valid", first: "server-unreachable warning", says: "no answer",
	},
	{
		name: "one-closed", zone: "TOKEN CNAME VALUE", host: beside(func(w *world, _ realdns.Kind, _ string) netip.Addr { return w.closed }),
		verdict: "valid", first: "server-unreachable warning", says: "refused",
	},
	{
		name: "one-recursor", zone: "TOKEN CNAME VALUE", host: beside(func(w *world, _ realdns.Kind, _ string) netip.Addr { return w.recursor.Addr }),
		verdict: "valid", first: "server-lame warning", port53: true,
	},
	{
		name: "all-lame", host: func(w *world, k realdns.Kind, zone, _ string) {
			w.delegate(zone, w.servers[k].Addr, w.servers[another(k)].Addr)
		},
		verdict: "invalid", first: "server-lame error", says: "REFUSED",
	},
	{
		name: "all-failing", host: func(w *world, k realdns.Kind, zone, _ string) {
			w.servers[k].ServeBroken(zone)
			w.delegate(zone, w.servers[k].Addr)
		},
		verdict: "undetermined", first: "server-lame error", says: "SERVFAIL",
	},
	{
		name: "all-silent", on: []realdns.Kind{realdns.BIND}, host: func(w *world, _ realdns.Kind, zone, _ string) { w.delegate(zone, w.silent) },
		verdict: "undetermined", first: "server-unreachable error",
	},
	{
		name: "all-closed", on: []realdns.Kind{realdns.BIND}, host: func(w *world, _ realdns.Kind, zone, _ string) { w.delegate(zone, w.closed) },
		verdict: "undetermined", first: "server-unreachable error", says: "refused",
	},
	{
		// Silence beside a denial: the record is missing wherever somebody answers.
		name: "missing-and-silent", zone: "www A 127.0.0.1", on: []realdns.Kind{realdns.BIND}, host: beside(func(w *world, _ realdns.Kind, _ string) netip.Addr { return w.silent }),
		verdict: "invalid", first: "record-missing error", folded: map[string]string{"server-unreachable": ""}, mends: true,
	},
}

// world is a small internet: a root on BIND, the domains test. and example. on a server of each kind, for each refers in
// its own way, and customers' zones on one other server of each kind.
type world struct {
	*realdns.Internet
	root     *realdns.Server
	tops     []*realdns.Server
	servers  map[realdns.Kind]*realdns.Server
	recursor *realdns.Server
	silent   netip.Addr      // the port is open, and nothing answers
	closed   netip.Addr      // nothing listens
	test     strings.Builder // the zone test.
	example  strings.Builder // the zone example.
	com      strings.Builder // the zone com.
}

// delegate has the parent, test., refer to these servers for the zone.
func (w *world) delegate(zone string, addrs ...netip.Addr) {
	w.test.WriteString(realdns.Delegation(zone, addrs...))
}

// another gives a kind of server that is not k.
func another(k realdns.Kind) realdns.Kind {
	all := realdns.Authoritative()
	return all[(slices.Index(all, k)+1)%len(all)]
}

// pair is the usual hosting: two servers of different makes with the same zone.
func pair(w *world, k realdns.Kind, zone, text string) {
	a, b := w.servers[k], w.servers[another(k)]
	text = realdns.Delegation(zone, a.Addr, b.Addr) + text
	a.Serve(zone, text)
	b.Serve(zone, text)
	w.delegate(zone, a.Addr, b.Addr)
}

// otherCAA is pair, but that the second server has other CAA records.
func otherCAA(records string) func(*world, realdns.Kind, string, string) {
	return func(w *world, k realdns.Kind, zone, text string) {
		a, b := w.servers[k], w.servers[another(k)]
		ns := realdns.Delegation(zone, a.Addr, b.Addr)
		a.Serve(zone, ns+text)
		b.Serve(zone, ns+fill("TOKEN CNAME VALUE\n"+records, zone))
		w.delegate(zone, a.Addr, b.Addr)
	}
}

func alone(w *world, k realdns.Kind, zone, text string) {
	s := w.servers[k]
	s.Serve(zone, realdns.Delegation(zone, s.Addr)+text)
	w.delegate(zone, s.Addr)
}

// onTinyDNS hosts the zone with the record, and more lines of tinydns-data, at tinydns alone.
func onTinyDNS(more string) func(*world, realdns.Kind, string, string) {
	return func(w *world, k realdns.Kind, zone, _ string) {
		s := w.servers[k]
		s.Serve(zone, fill("ZZONE:ns1.ZONE:hostmaster.ZONE:1:3600:600:86400:60\n&ZONE:"+s.Addr.String()+":ns1.ZONE\nCTOKEN.ZONE:VALUE\n"+more, zone))
		w.delegate(zone, s.Addr)
	}
}

// parked delegates the zone to the name servers of a service for parked domains, by their own names.
func parked(w *world, k realdns.Kind, zone, text string) {
	const service = "sedoparking.com."
	s := w.servers[k]
	ns := fmt.Sprintf("%s NS ns1.%s\n%s NS ns2.%s\n", zone, service, zone, service)
	s.Serve(zone, ns+text)
	s.Serve(service, realdns.Delegation(service, s.Addr, s.Addr))
	w.test.WriteString(ns)
	w.com.WriteString(realdns.Delegation(service, s.Addr, s.Addr))
}

// aliased is the zone that aliases and DNAMEs of the stories lead to.
func aliased(w *world) {
	const zone = "aliased.example."
	s := w.servers[realdns.NSD]
	s.Serve(zone, realdns.Delegation(zone, s.Addr)+fill("www A 127.0.0.9\nTOKEN CNAME VALUE", zone))
	w.example.WriteString(realdns.Delegation(zone, s.Addr))
}

// fill puts the record and the zone in the place of their words.
func fill(text, zone string) string {
	return strings.NewReplacer("TOKEN", token, "VALUE", value, "ZONE", strings.TrimSuffix(zone, ".")).Replace(text) + "\n"
}

// beside hosts the zone rightly at one server and delegates it to a second address, too.
func beside(second func(*world, realdns.Kind, string) netip.Addr) func(*world, realdns.Kind, string, string) {
	return func(w *world, k realdns.Kind, zone, text string) {
		right, other := w.servers[another(k)], second(w, k, zone)
		right.Serve(zone, realdns.Delegation(zone, right.Addr, other)+text)
		w.delegate(zone, right.Addr, other)
	}
}

// glueless delegates the zone to name servers in another top-level domain.
func glueless(w *world, k realdns.Kind, zone, text string) {
	a, b := w.servers[k], w.servers[another(k)]
	hosting := fmt.Sprintf("hosting-%s.example.", k)
	ns := fmt.Sprintf("%s NS ns1.%s\n%s NS ns2.%s\n", zone, hosting, zone, hosting)
	a.Serve(zone, ns+text)
	b.Serve(zone, ns+text)
	a.Serve(hosting, realdns.Delegation(hosting, a.Addr, b.Addr))
	b.Serve(hosting, realdns.Delegation(hosting, a.Addr, b.Addr))
	w.test.WriteString(ns)
	w.example.WriteString(realdns.Delegation(hosting, a.Addr, b.Addr))
}

// manyNameServers delegates the zone to thirteen long names, more than fit a UDP answer: NSD leaves addresses out of the
// referral without a word, Knot truncates even the answer that needs none. All names but the last are at one server.
func manyNameServers(w *world, k realdns.Kind, zone, text string) {
	ns := longNames(zone, w.servers[k], w.servers[another(k)])
	w.servers[k].Serve(zone, ns+text)
	w.servers[another(k)].Serve(zone, ns+text)
	w.test.WriteString(ns)
}

// lastOneLacks has the record missing at the last of many name servers only.
func lastOneLacks(w *world, k realdns.Kind, zone, text string) {
	ns := longNames(zone, w.servers[k], w.servers[another(k)])
	w.servers[k].Serve(zone, ns+text)
	w.servers[another(k)].Serve(zone, ns)
	w.test.WriteString(ns)
}

func longNames(zone string, most, last *realdns.Server) string {
	var ns strings.Builder
	for i := range 13 {
		s, name := most, fmt.Sprintf("ns%02d-%s.%s.%s", i, strings.Repeat("long", 14), strings.Repeat("name", 15), zone)
		if i == 12 {
			s = last
		}
		fmt.Fprintf(&ns, "%s NS %s\n%s A %s\n", zone, name, name, s.Addr)
	}
	return ns.String()
}

// cutBelow cuts the zone app.ZONE away, to a server of kind k, and leaves the record in the zone above, at another.
func cutBelow(w *world, k realdns.Kind, zone, text string) {
	above, below, app := w.servers[another(k)], w.servers[k], "app."+zone
	below.Serve(app, realdns.Delegation(app, below.Addr))
	above.Serve(zone, realdns.Delegation(zone, above.Addr)+realdns.Delegation(app, below.Addr)+text)
	w.delegate(zone, above.Addr)
}

// overlapping has the zone delegate both app.ZONE, where the record is, and dev.app.ZONE, where it is not. BIND, Knot and
// NSD refer to the upper cut (RFC 1034, 4.3.2, step 3b); PowerDNS, like some hosting companies, to the deeper one.
func overlapping(w *world, k realdns.Kind, zone, _ string) {
	parent, upper, deeper := w.servers[realdns.PowerDNS], w.servers[k], w.servers[another(k)]
	app, dev := "app."+zone, "dev.app."+zone
	parent.Serve(zone, realdns.Delegation(zone, parent.Addr)+realdns.Delegation(app, upper.Addr)+realdns.Delegation(dev, deeper.Addr))
	upper.Serve(app, realdns.Delegation(app, upper.Addr)+token+".dev CNAME "+value+"\n")
	deeper.Serve(dev, realdns.Delegation(dev, deeper.Addr))
	w.delegate(zone, parent.Addr)
}

// atTheRegistry hosts the zone at the servers of the suffix, which answer for it and refer nobody on.
func atTheRegistry(w *world, _ realdns.Kind, zone, text string) {
	var addrs []netip.Addr
	for _, top := range w.tops {
		addrs = append(addrs, top.Addr)
	}
	for _, top := range w.tops {
		top.Serve(zone, realdns.Delegation(zone, addrs...)+text)
	}
	w.delegate(zone, addrs...)
}

func undelegated(w *world, k realdns.Kind, zone, text string) {
	s := w.servers[k]
	s.Serve(zone, realdns.Delegation(zone, s.Addr)+text)
}

// movedInTheZoneOnly has the zone's own NS records name a new server, which holds the record, while the parent still
// refers to the old one.
func movedInTheZoneOnly(w *world, k realdns.Kind, zone, text string) {
	was, is := w.servers[k], w.servers[another(k)]
	ns := fmt.Sprintf("%s NS new.%s\nnew.%s A %s\n", zone, zone, zone, is.Addr)
	was.Serve(zone, ns)
	is.Serve(zone, ns+text)
	w.delegate(zone, was.Addr)
}

// twoZones has two servers hold zones of one name that know nothing of each other. The record is in the one that is not
// delegated.
func twoZones(w *world, k realdns.Kind, zone, text string) {
	live, edited := w.servers[k], w.servers[another(k)]
	live.Serve(zone, realdns.Delegation(zone, live.Addr))
	edited.Serve(zone, realdns.Delegation(zone, edited.Addr)+text)
	w.delegate(zone, live.Addr)
}

// notDelegatedBelow has the record in the zone app.ZONE, which a server holds that nobody is sent to.
func notDelegatedBelow(w *world, k realdns.Kind, zone, text string) {
	live, edited, app := w.servers[k], w.servers[another(k)], "app."+zone
	live.Serve(zone, realdns.Delegation(zone, live.Addr)+text)
	edited.Serve(app, realdns.Delegation(app, edited.Addr)+token+" CNAME "+value+"\n")
	w.delegate(zone, live.Addr)
}

// ownZone delegates the record's own name, to a server that has nothing else there.
func ownZone(w *world, k realdns.Kind, zone, text string) {
	above, below, own := w.servers[another(k)], w.servers[k], token+"."+zone
	below.Serve(own, realdns.Delegation(own, below.Addr))
	above.Serve(zone, realdns.Delegation(zone, above.Addr)+realdns.Delegation(own, below.Addr)+text)
	w.delegate(zone, above.Addr)
}

// halfUpdated has the record at one of two servers.
func halfUpdated(w *world, k realdns.Kind, zone, text string) {
	has, lacks := w.servers[k], w.servers[another(k)]
	ns := realdns.Delegation(zone, has.Addr, lacks.Addr)
	has.Serve(zone, ns+text)
	lacks.Serve(zone, ns)
	w.delegate(zone, has.Addr, lacks.Addr)
}

func (s story) kinds() []realdns.Kind {
	if s.on != nil {
		return s.on
	}
	return realdns.Authoritative()
}

// zoneName is the zone of the story at a kind of server: below test., where no customer of ours can be.
func (s story) zoneName(k realdns.Kind) string { return fmt.Sprintf("%s-%s.test.", s.name, k) }

func newWorld(t *testing.T) *world {
	t.Helper()
	realdns.Require(t, append(realdns.Authoritative(), realdns.Unbound)...)
	w := &world{Internet: realdns.New(t), servers: map[realdns.Kind]*realdns.Server{}}
	w.root, w.recursor = w.Add(realdns.BIND), w.Add(realdns.Unbound)
	w.silent, w.closed = w.Silent(), w.Address()
	var tops []netip.Addr
	for _, k := range realdns.Authoritative() {
		w.servers[k] = w.Add(k)
		w.tops = append(w.tops, w.Add(k))
		tops = append(tops, w.tops[len(w.tops)-1].Addr)
	}
	if w.CanRunTinyDNS() {
		w.servers[realdns.TinyDNS] = w.Add(realdns.TinyDNS)
	}
	w.servers[realdns.PowerDNS].FlattenBy(w.recursor)
	aliased(w)
	for _, s := range stories {
		for _, k := range s.kinds() {
			if w.servers[k] == nil {
				continue
			}
			zone, host := s.zoneName(k), s.host
			if host == nil {
				host = pair
			}
			host(w, k, zone, fill(s.zone, zone))
		}
	}
	test, example, com := realdns.Delegation("test.", tops...), realdns.Delegation("example.", tops...), realdns.Delegation("com.", tops...)
	w.root.Serve(".", realdns.Delegation(".", w.root.Addr)+test+example+com)
	for _, top := range w.tops {
		top.Serve("test.", test+w.test.String())
		top.Serve("example.", example+w.example.String())
		top.Serve("com.", com+w.com.String())
	}
	w.recursor.Follow(w.root)
	w.Start()
	return w
}

// build gives the path of the tool, built as a user builds it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "acmdoctor")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, "go build: %s", out)
	return path
}

// report is what a program reads of check --json; see the tool's contract.
type report struct {
	Verdict  string
	Findings []struct {
		Rule, Severity, Confidence, Message string
		Evidence                            []string
		ExplainedBy                         string `json:"explained_by"`
		Fixes                               []struct {
			Message string
			Changes []struct {
				Name, Type string
				From, To   []string
			}
		}
	}
}

// tool is the built tool, set on the world's root.
type tool struct {
	path string
	dns  []string // flags
}

// run gives what the tool printed on its standard output, all that it printed, and its exit code.
func (c tool) run(t *testing.T, stdin string, args ...string) (stdout, all string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		require.NoError(t, err)
	}
	return out.String(), out.String() + errOut.String(), cmd.ProcessState.ExitCode()
}

// check checks the record of a domain and gives the report, all that was printed, and the exit code.
func (c tool) check(t *testing.T, domain string, more ...string) (r report, all string, exit int) {
	t.Helper()
	args := slices.Concat([]string{"check", "--json", "--name", token + "." + domain, "--value", value}, c.dns, more)
	out, all, exit := c.run(t, "", args...)
	require.NoError(t, json.Unmarshal([]byte(out), &r), "exit %d, output: %s", exit, all)
	return r, all, exit
}

var exitCodes = map[string]int{"valid": 0, "invalid": 1, "undetermined": 2}

// The tool, as a program, comes to the right verdict about zones that real servers serve, and what it shows as evidence
// dig shows, too.
func TestRealServers(t *testing.T) {
	realdns.RequireProgram(t, "dig", "bind9-dnsutils")
	w := newWorld(t)
	c := tool{build(t), []string{"--roots", w.Hints(w.root), "--allow-private", "--resolver", "none"}}
	if w.Port != 53 {
		c.dns = append(c.dns, "--port", fmt.Sprint(w.Port))
	}
	var told, compared atomic.Int64
	w.tell(t, "stories", func(t *testing.T, s story, k realdns.Kind) {
		domain := s.below + s.zoneName(k)
		var flags []string
		if s.flags != nil {
			flags = s.flags(w, k)
		}
		r, all, exit := c.check(t, domain, flags...)
		assert.Equal(t, s.verdict, r.Verdict)
		assert.Equal(t, exitCodes[s.verdict], exit)
		s.judge(t, r, token+"."+domain)
		if s.first != "" {
			told.Add(1)
		}
		seen := map[string]bool{}
		for _, f := range r.Findings {
			for _, e := range f.Evidence {
				if !seen[e] && compareWithDig(t, e) {
					compared.Add(1)
				}
				seen[e] = true
			}
		}
		if t.Failed() {
			t.Log(all)
		}
	})
	assert.GreaterOrEqual(t, compared.Load(), told.Load(), "each finding has evidence that dig can be asked about")

	w.tell(t, "from the transcript", func(t *testing.T, s story, k realdns.Kind) {
		if k != s.kinds()[0] || s.flags != nil {
			t.Skip("one kind of server is enough here")
		}
		file := filepath.Join(t.TempDir(), "dns.txt")
		live, _, _ := c.check(t, s.below+s.zoneName(k), "--transcript", file)
		out, all, exit := c.run(t, "", "check", "--json", "--replay", file)
		var again report
		require.NoError(t, json.Unmarshal([]byte(out), &again), all)
		assert.Equal(t, live, again)
		assert.Equal(t, exitCodes[s.verdict], exit)
	})

	t.Run("all at once, in input order", func(t *testing.T) {
		var lines strings.Builder
		var want, got []string
		for _, s := range stories {
			for _, k := range s.kinds() {
				if w.cannot(s, k) != "" || s.flags != nil {
					continue
				}
				id := s.name + "/" + string(k)
				fmt.Fprintf(&lines, "{\"id\":%q,\"name\":%q,\"value\":%q}\n", id, token+"."+s.below+s.zoneName(k), value)
				want = append(want, id+" "+s.verdict)
			}
		}
		out, all, exit := c.run(t, lines.String(), append([]string{"check", "--ndjson", "-"}, c.dns...)...)
		assert.Equal(t, 1, exit, "some are invalid")
		for line := range strings.Lines(out) {
			var r struct{ ID, Verdict string }
			require.NoError(t, json.Unmarshal([]byte(line), &r), all)
			got = append(got, r.ID+" "+r.Verdict)
		}
		assert.Equal(t, want, got)
	})

	t.Run("with a recursor to compare with", func(t *testing.T) {
		c := c
		c.dns = slices.Clone(c.dns)
		c.dns[slices.Index(c.dns, "none")] = w.recursor.Addr.String() // none excludes others
		r, all, exit := c.check(t, stories[0].zoneName(realdns.Knot))
		assert.Equal(t, "valid", r.Verdict, all)
		assert.Zero(t, exit)
	})

	t.Run("private addresses are not asked unless allowed", func(t *testing.T) {
		r, all, exit := c.check(t, stories[0].zoneName(realdns.Knot), "--allow-private=false")
		assert.Equal(t, "undetermined", r.Verdict, all)
		assert.Equal(t, 2, exit)
	})

	t.Run("an unreachable network is undetermined", func(t *testing.T) {
		hints := filepath.Join(t.TempDir(), "named.root")
		text := fmt.Sprintf(". 3600000 NS a.root-servers.test.\na.root-servers.test. 3600000 A %s\n", w.Address())
		require.NoError(t, os.WriteFile(hints, []byte(text), 0o600))
		r, all, exit := c.check(t, stories[0].zoneName(realdns.Knot), "--roots", hints)
		assert.Equal(t, "undetermined", r.Verdict, all)
		assert.Equal(t, 2, exit)
		if assert.NotEmpty(t, r.Findings, all) {
			assert.Equal(t, "server-unreachable", r.Findings[0].Rule)
		}
	})

	t.Run("text is plain where it is no terminal", func(t *testing.T) {
		args := slices.Concat([]string{"check", "--name", token + "." + stories[0].zoneName(realdns.NSD), "--value", value}, c.dns)
		out, all, exit := c.run(t, "", args...)
		assert.Zero(t, exit, all)
		assert.Contains(t, out, "VALID")
		assert.NotContains(t, all, "\x1b")
	})
}

// cannot says why a story cannot be told on this machine; "" where it can.
func (w *world) cannot(s story, k realdns.Kind) string {
	switch {
	case w.servers[k] == nil:
		return "tinydns needs root and port 53"
	case s.port53 && w.Port != 53:
		return "port 53 cannot be bound, and unbound asks on no other"
	}
	return ""
}

// tell runs f for every story and kind of server, several at a time, and returns when all are done.
func (w *world) tell(t *testing.T, name string, f func(t *testing.T, s story, k realdns.Kind)) {
	t.Run(name, func(t *testing.T) {
		for _, s := range stories {
			for _, k := range s.kinds() {
				t.Run(s.name+"/"+string(k), func(t *testing.T) {
					t.Parallel()
					if why := w.cannot(s, k); why != "" {
						t.Skip(why)
					}
					f(t, s, k)
				})
			}
		}
	})
}

// judge compares the findings with what the story says of them.
func (s story) judge(t *testing.T, r report, name string) {
	t.Helper()
	if s.first == "" {
		assert.Empty(t, r.Findings)
		return
	}
	if !assert.NotEmpty(t, r.Findings) {
		return
	}
	first := r.Findings[0]
	assert.Equal(t, s.first, first.Rule+" "+first.Severity)
	assert.Empty(t, first.ExplainedBy, "the first finding is a cause")
	assert.NotEmpty(t, first.Message)
	assert.Contains(t, strings.Join(first.Evidence, "\n"), s.says)
	folded := map[string]string{}
	for _, f := range r.Findings[1:] {
		folded[f.Rule] = f.ExplainedBy
	}
	for rule, by := range s.folded {
		if assert.Contains(t, folded, rule) {
			assert.Equal(t, by, folded[rule], "what explains %s", rule)
		}
	}
	if !s.mends {
		return
	}
	if !assert.NotEmpty(t, first.Fixes) {
		return
	}
	mended := false
	for _, c := range first.Fixes[0].Changes {
		mended = mended || c.Name == name && c.Type == "CNAME" && slices.Equal(c.To, []string{value})
	}
	assert.True(t, mended, "the first fix makes %s CNAME %s", name, value)
}

var (
	digCommand = regexp.MustCompile(`\[(dig [^\]]+)\]$`)
	digStatus  = regexp.MustCompile(`status: ([A-Z]+),`)
	saysCode   = regexp.MustCompile(`\bsays ([A-Z]+)`)
	saysData   = regexp.MustCompile(`\b(?:CNAME|NS|A|AAAA) (\S+?)(?:,|$)|\bTXT ("[^"]*")`)
)

// compareWithDig runs the command that a piece of evidence carries, as its reader would, and compares what dig shows with
// what the evidence says. It reports whether there is a command.
func compareWithDig(t *testing.T, evidence string) bool {
	t.Helper()
	command := digCommand.FindStringSubmatch(evidence)
	if command == nil {
		return false
	}
	patience, code := "+time=5 +tries=2", saysCode.FindStringSubmatch(evidence)
	if code == nil {
		patience = "+time=1 +tries=1" // silence is what we expect
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command[1]+" "+patience)
	out, err := cmd.CombinedOutput()
	if code == nil { // it says that no answer came
		assert.Equal(t, 9, cmd.ProcessState.ExitCode(), "dig has an answer where %q\n%s", evidence, out)
		return true
	}
	if !assert.NoError(t, err, "%s\n%s", evidence, out) {
		return true
	}
	if status := digStatus.FindSubmatch(out); assert.NotNil(t, status, "%s\n%s", evidence, out) {
		assert.Equal(t, code[1], string(status[1]), evidence)
	}
	_, said, _ := strings.Cut(strings.TrimSpace(digCommand.ReplaceAllString(evidence, "")), "says ")
	for _, m := range saysData.FindAllStringSubmatch(said, -1) {
		assert.Contains(t, strings.ToLower(string(out)), strings.ToLower(m[1]+m[2]), evidence)
	}
	return true
}

// The comparison itself must be able to fail.
func TestEvidenceIsReadRightly(t *testing.T) {
	e := "ns1.zone.test. (127.0.0.1), asked for x.test. CNAME, says NOERROR: CNAME a.test., CNAME b.test. [dig +norecurse @127.0.0.1 x.test. CNAME]"
	assert.Equal(t, "dig +norecurse @127.0.0.1 x.test. CNAME", digCommand.FindStringSubmatch(e)[1])
	assert.Equal(t, "NOERROR", saysCode.FindStringSubmatch(e)[1])
	said := digCommand.ReplaceAllString(e, "")
	_, said, _ = strings.Cut(strings.TrimSpace(said), "says ")
	assert.Len(t, saysData.FindAllStringSubmatch(said, -1), 2)
	assert.Equal(t, `"a b"`, saysData.FindStringSubmatch(`NOERROR: TXT "a b"`)[2])
	assert.Nil(t, saysCode.FindStringSubmatch("ns1.zone.test. (127.0.0.1), asked for x.test. CNAME: no answer in time"))
}
