package validate_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// randomZone is a zone around the record's own.
type randomZone struct {
	name    resolver.Name
	servers []resolver.Name // none: two below the zone
	signing string          // as on an $ORIGIN line, "" for nothing said
	lines   []string
}

// randomWorld is a world in the making: healthy as it is drawn, and what a fault needs to change is kept apart. It prints as
// a file of testdata/worlds.
type randomWorld struct {
	suffix, registered, zone, domain resolver.Name
	name, value                      resolver.Name
	wildcardCert                     bool
	typedName, typedValue            string // as typed, where that is not clean
	typedDomain                      string

	servers   []resolver.Name // those of the record's zone
	signing   string          // of the record's zone
	ttl       int
	held      string   // the record's line in the zone, "" when a fault took it away
	lines     []string // the zone's other records, without those at the domain
	atDomain  []string // those at the domain; an alias is alone there
	wildcards []string // those that the record itself hides
	aliasOf   string   // what the domain is an alias of, "" where it is none

	above  []randomZone // from the suffix's down to the one that delegates the record's zone
	beside []randomZone // zones of others
	faults []string     // what servers do wrong

	witnesses []string // addresses of recursive resolvers
	own       string   // this machine's
	views     []string

	undelegated bool
	parked      []string        // all that stands in the zone, where it is not its owner's any more; nil otherwise
	without     []resolver.Name // servers whose copy lacks the record
	one         resolver.Name   // the server whose copy is another one, in CAA: with ofOne, not ofOthers, and spoilt by oneSigning
	ofOne       []string
	ofOthers    []string
	oneSigning  string
	also        []resolver.Name // servers that hold a copy and that the parent does not name
	apart       bool            // the zone itself names those, and not what the parent does; with both it names all
	both        bool

	wrong []string // what faults were put in, in words
}

// dice draws what a world is made of. What comes first, or is not, is what a failure shrinks to.
type dice struct{ *rapid.T }

var (
	percents = rapid.IntRange(0, 99)
	octets   = rapid.SliceOfN(rapid.Byte(), 16, 16)
)

func (d dice) n(most int) int { return rapid.IntRange(0, most-1).Draw(d.T, "n") }

func (d dice) one(of ...string) string { return of[d.n(len(of))] }

func (d dice) chance(percent int) bool { return percents.Draw(d.T, "%") >= 100-percent }

// The labels hold what a careless comparison of names trips over.
func (d dice) label() string {
	return d.one("a", "app", "shop", "d1", "my-example", "z", "x--x9", "com", "acm-validations", "0", "xn--bcher-kva",
		"a-label-of-as-many-characters-as-a-label-may-have-63-all-in-all")
}

func (d dice) token() string { return "_" + hex.EncodeToString(octets.Draw(d.T, "token")) }

func (d dice) acmValue() resolver.Name {
	v := d.token()
	if d.chance(85) {
		v += "." + d.one("xyz", "jfrzftwwjs", "mhbtsbpdnt", "zq")
	}
	return resolver.MustParseName(v + ".acm-validations.aws.")
}

func child(label string, of resolver.Name) resolver.Name {
	n, ok := of.Child(label)
	if !ok {
		panic("the random name is too long")
	}
	return n
}

// signingKinds are the ways in which the record's zone is signed, or is not. RSA keys cost much to make: zones with them have
// few names.
var signingKinds = []string{
	"", "signed", "signed nsec3", "signed nsec3 opt-out", "signed compact", "signed nsec3 15", "signed 8", "unsigned below signed",
}

// serverKinds are where the names of the record's name servers lie.
var serverKinds = []string{"in", "sibling", "out", "glueless", "mixed", "provider"}

// providersServers are sets of names that real providers give to one zone.
var providersServers = [][]string{
	{"ns-12.awsdns-01.com.", "ns-523.awsdns-01.net.", "ns-1036.awsdns-01.org.", "ns-1547.awsdns-01.co.uk."},
	{"ada.ns.cloudflare.com.", "bob.ns.cloudflare.com."},
	{"ns21.domaincontrol.com.", "ns22.domaincontrol.com."},
	{"ns1-01.azure-dns.com.", "ns2-01.azure-dns.net.", "ns3-01.azure-dns.org.", "ns4-01.azure-dns.info."},
	{"dns1.p01.nsone.net.", "dns2.p01.nsone.net."},
	{"ns1.digitalocean.com.", "ns2.digitalocean.com.", "ns3.digitalocean.com."},
}

// healthyWorld draws a world in which nothing is wrong.
func healthyWorld(signing, servers string) *rapid.Generator[*randomWorld] {
	return rapid.Custom(func(t *rapid.T) *randomWorld {
		d := dice{t}
		if signing == "" {
			signing = d.one(signingKinds...)
		}
		if servers == "" {
			servers = d.one(serverKinds...)
		}
		return drawWorld(d, signing, servers)
	})
}

func drawWorld(d dice, signing, servers string) *randomWorld {
	w := &randomWorld{suffix: resolver.MustParseName(d.one("com.", "org.", "de.", "co.uk.", "com.au.", "k12.ca.us.", "chiyoda.tokyo.jp."))}
	if w.suffix.NumLabels() > 1 && d.chance(50) { // a zone of its own, or one with the zone above
		w.above = append(w.above, randomZone{name: w.suffix})
	}
	w.drawNames(d, signing)
	w.drawServers(d, servers)
	w.drawRecord(d)
	for range d.n(6) {
		w.lines = append(w.lines, d.unrelated())
	}
	w.drawDomain(d)
	w.drawCAA(d)
	w.drawHabits(d)
	if d.chance(25) {
		w.witnesses = []string{"203.0.113.201", "203.0.113.202"}[:1+d.n(2)]
		if d.chance(50) {
			w.own = "203.0.113.203"
		}
	}
	return w
}

// drawNames cuts zones from the registered domain down; the last one holds the record.
func (w *randomWorld) drawNames(d dice, signing string) {
	w.registered = child(d.label(), w.suffix)
	depth := d.n(3) * d.n(2)
	switch signing {
	case "signed 8":
		w.suffix, w.above, depth = resolver.MustParseName("de."), nil, min(depth, 1)
		w.registered = child("rsa", w.suffix)
	case "unsigned below signed":
		depth = max(depth, 1)
	}
	w.zone = w.registered
	for i := range depth {
		z := randomZone{name: w.zone, lines: []string{"www A 192.0.2.80"}}
		if signing == "unsigned below signed" && i == 0 {
			z.signing = d.one("signed", "signed nsec3", "signed nsec3 opt-out")
		} else if d.chance(30) {
			z.signing = "signed"
		}
		w.above = append(w.above, z)
		label := d.one("z1", "app", "dev", "a")
		if signing == "signed 8" {
			label = "z1"
		}
		w.zone = child(label, w.zone)
	}
	w.signing = signing
	if signing == "unsigned below signed" {
		w.signing = "unsigned"
	}
	w.domain = w.zone
	for range d.n(3) {
		w.domain = child(d.one("www", "app", "a", "b1"), w.domain)
	}
	w.wildcardCert = d.chance(20)
}

func (w *randomWorld) drawServers(d dice, kind string) {
	if kind == "provider" {
		for _, s := range providersServers[d.n(len(providersServers))] {
			w.servers = append(w.servers, resolver.MustParseName(s))
		}
		return
	}
	if len(w.above) > 0 && w.above[len(w.above)-1].name.Within(w.registered) && d.chance(15) { // one host for parent and child
		w.servers = []resolver.Name{resolver.MustParseName("ns1.dns-host.net."), resolver.MustParseName("ns2.dns-host.net.")}
		w.above[len(w.above)-1].servers = w.servers
		return
	}
	for i := range 1 + d.n(6) {
		n, of := fmt.Sprintf("ns%d", i+1), kind
		if kind == "mixed" {
			of = d.one("in", "sibling", "out", "glueless")
		}
		switch of {
		case "in":
			w.servers = append(w.servers, child(n, w.zone))
		case "sibling":
			w.servers = append(w.servers, child(n, child("dnshost", w.suffix)))
		case "out":
			w.servers = append(w.servers, resolver.MustParseName(n+".dns-host.net."))
		case "glueless":
			w.servers = append(w.servers, resolver.MustParseName(n+".deep.name-servers.info."))
		}
	}
	for i, s := range w.servers {
		if !s.Within(w.zone) {
			continue
		}
		switch d.one("v4", "v4", "both", "v6") {
		case "both":
			w.lines = append(w.lines, fmt.Sprintf("%s A 203.0.113.%d", s, 10+i), fmt.Sprintf("%s AAAA 2001:db8::%d", s, 10+i))
		case "v6":
			w.lines = append(w.lines, fmt.Sprintf("%s AAAA 2001:db8::%d", s, 10+i))
		}
	}
}

func (w *randomWorld) drawRecord(d dice) {
	w.name, w.value = child(d.token(), w.domain), d.acmValue()
	w.ttl = []int{300, 0, 1, 60, 3600, 86400}[d.n(6)]
	held := w.value
	if d.chance(10) {
		held = resolver.MustParseName(strings.TrimPrefix(w.value.String(), "_"))
	}
	w.held = w.line(w.name, "CNAME", held.String())
	if d.chance(30) {
		w.wildcards = append(w.wildcards, "*."+w.domain.String()+" "+d.one("A 192.0.2.81", "CNAME shop.other.org.", "CNAME "+w.value.String(), `TXT "any"`, "MX 10 mail.other.org.", "CAA 0 issue \"letsencrypt.org\""))
	}
}

// drawDomain puts something at the domain itself.
func (w *randomWorld) drawDomain(d dice) {
	switch {
	case w.domain.Below(w.zone) && d.chance(40):
		w.aliasOf = d.one("cdn.other.org.", "edge.cdn-host.net.", "cdn."+w.zone.String())
		w.atDomain = append(w.atDomain, w.domain.String()+" CNAME "+w.aliasOf)
		if w.aliasOf == "edge.cdn-host.net." {
			z := randomZone{name: resolver.MustParseName("cdn-host.net."), lines: []string{"edge A 192.0.2.90"}}
			if d.chance(50) {
				z.lines = append(z.lines, `edge CAA 0 issue "amazon.com"`)
			}
			if d.chance(30) {
				z.signing = "signed"
			}
			w.beside = append(w.beside, z)
		}
	case d.chance(50):
		w.atDomain = append(w.atDomain, w.domain.String()+" A 192.0.2.80", w.domain.String()+` TXT "v=spf1 -all"`)
	}
}

// caaAllows are sets that let Amazon issue; the second half for names only that are no wildcards.
var caaAllows = []string{
	`0 issue "amazon.com"`, `0 issue "letsencrypt.org"|0 issue "amazontrust.com"`, `0 iodef "mailto:ca@example.com"`, `0 issue "AmazonAWS.com"`,
	`0 issue "; x=y"|0 issue " awstrust.com ;"`, `0 issue "digicert.com"|0 issuewild "amazon.com"|0 issue "amazon.com"`, `128 issue "amazon.com"`,
	`0 issuewild ";"`, `0 issue "amazon.com"|0 issuewild ";"`, `0 issuewild "letsencrypt.org"`,
}

const caaAllowsWildcards = 7

// drawCAA puts sets along the climb of the domain: the lowest one counts.
func (w *randomWorld) drawCAA(d dice) {
	if !d.chance(50) {
		return
	}
	sets := caaAllows
	if w.wildcardCert {
		sets = sets[:caaAllowsWildcards]
	}
	at := w.domain
	if w.aliasOf != "" {
		at = at.Parent()
	}
	for at.Below(w.zone) && d.chance(40) {
		at = at.Parent()
	}
	if !at.Within(w.zone) {
		return
	}
	set := strings.Split(d.one(sets...), "|")
	if w.oneApart(d) && d.chance(30) { // the same in another order, with another TTL
		for i, x := range set {
			w.ofOthers = append(w.ofOthers, at.String()+" 300 CAA "+x)
			w.ofOne = append(w.ofOne, at.String()+" 60 CAA "+set[len(set)-1-i])
		}
	} else {
		for _, x := range set {
			w.lines = append(w.lines, at.String()+" CAA "+x)
		}
	}
	if at.Below(w.zone) && d.chance(50) { // overruled by the one below
		w.lines = append(w.lines, "@ CAA 0 issue \"letsencrypt.org\"")
	}
	for i, z := range w.above {
		if z.name.Within(w.registered) && d.chance(50) {
			w.above[i].lines = append(w.above[i].lines, "@ CAA 0 issue \";\"")
		}
	}
	w.lines = append(w.lines, child("sibling", w.zone).String()+" CAA 0 issue \";\"")
}

// drawHabits makes servers old, slow to fit an answer into a datagram, or large in what they say.
func (w *randomWorld) drawHabits(d dice) {
	if d.chance(10) {
		w.faults = append(w.faults, w.servers[d.n(len(w.servers))].String()+" truncate")
	}
	if !w.anythingSigned() && d.chance(15) { // DNSSEC needs EDNS
		w.faults = append(w.faults, w.servers[d.n(len(w.servers))].String()+" formerr-edns")
	}
	if d.chance(5) {
		for i := range 12 {
			w.lines = append(w.lines, fmt.Sprintf("@ TXT %q", fmt.Sprintf("%d ", i)+strings.Repeat("long ", 30)))
		}
	}
	if d.chance(10) {
		w.faults = append(w.faults, w.servers[d.n(len(w.servers))].String()+" cname-first")
	}
}

func (w *randomWorld) anythingSigned() bool {
	return strings.HasPrefix(w.signing, "signed") || slices.ContainsFunc(slices.Concat(w.above, w.beside), func(z randomZone) bool { return z.signing != "" })
}

func (w *randomWorld) signed() bool {
	return strings.HasPrefix(w.signing, "signed") && !slices.ContainsFunc(w.above, func(z randomZone) bool { return z.signing == "unsigned" })
}

func (w *randomWorld) line(name resolver.Name, t, data string) string {
	return fmt.Sprintf("%s %d %s %s", name, w.ttl, t, data)
}

// unrelated is a record that has nothing to do with the certificate's.
func (d dice) unrelated() string {
	u := "u" + d.one("", "1", "-mail", "x")
	return d.one(
		u+" A 192.0.2.82", u+" AAAA 2001:db8::82", "@ MX 10 mail.other.org.", `@ TXT "google-site-verification=x"`,
		"*."+u+" CNAME else.other.org.", "x.y."+u+" A 192.0.2.83", d.token()+"."+u+" CNAME "+d.acmValue().String(), d.token()+" CNAME "+d.acmValue().String(),
		"c"+u+" NS ns1.of-others.net.", "_acme-challenge TXT abc", "_dmarc TXT \"v=DMARC1; p=none\"", "l"+u+" CNAME loop."+u, "_sip._tcp."+u+" SRV 0 0 5060 sip.other.org.",
	)
}

// file gives the sections of the world's file; want is what it says after the verdict.
func (w *randomWorld) file(verdict validate.Verdict, want ...string) string {
	var b strings.Builder
	section := func(name string, lines ...string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "-- %s --\n%s\n", name, strings.Join(lines, "\n"))
		}
	}
	story := "Nothing is wrong."
	if len(w.wrong) > 0 {
		story = "Random: " + strings.Join(w.wrong, "; ") + "."
	}
	section("story", story)
	section("zones", w.zones()...)
	section("faults", w.faults...)
	witnesses := slices.Clone(w.witnesses)
	if w.own != "" {
		witnesses = append(witnesses, "own "+w.own)
	}
	section("witnesses", append(witnesses, w.views...)...)
	domain, name, value := w.typed()
	section("record", "domain "+domain, "name "+name, "value "+value)
	section("want", append([]string{string(verdict)}, want...)...)
	if verdict != validate.Valid {
		section("none", "random")
	}
	return b.String()
}

// GoString is what a failing test shows of what it drew.
func (w *randomWorld) GoString() string { return "\n" + w.file(validate.Valid) }

func (w *randomWorld) typed() (domain, name, value string) {
	domain, name, value = w.domain.Text(), w.name.String(), w.value.String()
	if w.wildcardCert {
		domain = "*." + domain
	}
	if w.typedName != "" {
		name = w.typedName
	}
	if w.typedValue != "" {
		value = w.typedValue
	}
	if w.typedDomain != "" {
		domain = w.typedDomain
	}
	return domain, name, value
}

func joined(names []resolver.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	return strings.Join(out, " ")
}

func (w *randomWorld) zones() (out []string) {
	above := slices.Clone(w.above)
	if w.apart && !w.undelegated { // it is written out what the zone above says, which is otherwise what the zone itself does
		if len(above) == 0 {
			above = append(above, randomZone{name: w.suffix.Ancestor(1)})
		}
		p := &above[len(above)-1]
		p.lines = slices.Clone(p.lines)
		for _, s := range w.servers {
			p.lines = append(p.lines, w.zone.String()+" NS "+s.String())
		}
	}
	for _, z := range slices.Concat(w.beside, above) {
		head := "$ORIGIN " + z.name.String()
		if z.signing != "" {
			head += " ; " + z.signing
		}
		out = append(out, head)
		for _, s := range z.servers {
			out = append(out, "@ NS "+s.String())
		}
		out = append(out, z.lines...)
	}
	ns := w.servers
	if w.apart {
		ns = w.also
		if w.both {
			ns = slices.Concat(w.servers, w.also)
		}
	}
	copyOf := func(servers []resolver.Name, held ...string) {
		head := "$ORIGIN " + w.zone.String() + " ; on " + joined(servers)
		if w.signing != "" {
			head += " ; " + w.signing
		}
		apart := w.ofOthers
		if len(servers) == 1 && servers[0] == w.one {
			head, apart = head+w.oneSigning, w.ofOne
		}
		if w.undelegated {
			head += " ; undelegated"
		}
		out = append(out, head)
		for _, s := range ns {
			out = append(out, "@ NS "+s.String())
		}
		if w.parked != nil {
			out = append(out, w.parked...)
			return
		}
		out = slices.Concat(out, w.lines, apart, w.atDomain, w.wildcards, held)
	}
	var with, without []resolver.Name
	for _, s := range w.servers {
		if s == w.one {
			continue
		}
		if slices.Contains(w.without, s) {
			without = append(without, s)
		} else {
			with = append(with, s)
		}
	}
	held := []string{w.held}
	if w.held == "" {
		held = nil
	}
	if with = append(with, w.also...); len(with) > 0 {
		copyOf(with, held...)
	}
	if len(without) > 0 {
		copyOf(without)
	}
	if slices.Contains(w.servers, w.one) {
		if slices.Contains(w.without, w.one) {
			held = nil
		}
		copyOf([]resolver.Name{w.one}, held...)
	}
	return out
}

// oneApart gives one server a copy of its own; false where no other one is left.
func (w *randomWorld) oneApart(d dice) bool {
	if len(w.servers) < 2 || w.sharesServers() {
		return false
	}
	w.one = w.servers[d.n(len(w.servers))]
	return true
}

// world gives the value that the laws take; what it prints as says the same.
func (w *randomWorld) world() (validatetest.World, error) {
	out := validatetest.World{File: "random", Story: "random", Zones: strings.Join(w.zones(), "\n"), None: "random"}
	var err error
	if out.Record, _, err = validate.ParseRecord(w.typed()); err != nil && out.Record.Problem() == nil {
		return out, err
	}
	for _, f := range w.faults {
		x, err := resolvertest.ParseFault(f)
		if err != nil {
			return out, err
		}
		out.Faults = append(out.Faults, x)
	}
	for _, a := range w.witnesses {
		out.Witnesses = append(out.Witnesses, resolver.MustParseRecursor(a))
	}
	if w.own != "" {
		out.Own = resolver.MustParseRecursor(w.own)
	}
	for _, v := range w.views {
		x, err := resolvertest.ParseView(v)
		if err != nil {
			return out, err
		}
		out.Views = append(out.Views, x)
	}
	return out, nil
}
