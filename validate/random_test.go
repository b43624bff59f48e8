package validate_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

var (
	randomSeed   = flag.Uint64("random.seed", 1, "the first seed of the random worlds; a failure names the one to give with -random.worlds 1")
	randomWorlds = flag.Int("random.worlds", 0, "how many random worlds of each kind; 0: 2000 healthy ones, 300 with -short")
)

// randomWorld is a healthy world in the making: what a fault needs to change is kept apart.
type randomWorld struct {
	*rand.Rand
	zone, domain resolver.Name
	name, value  resolver.Name
	servers      []resolver.Name
	ttl          int
	held         string   // the record's line in the zone, "" when a fault took it away
	lines        []string // the zone's other records
	wildcards    []string // those that the record itself hides
	others       []string // other zones, whole
	undelegated  bool
	without      []resolver.Name // servers whose copy lacks the record
	faults       []string
	wildcardCert bool
	typed        string // the name as it was typed, where that is not clean
	signed       string // how the zone is signed, and what is wrong with that: parts of its $ORIGIN line
}

func (w *randomWorld) one(of ...string) string { return of[w.IntN(len(of))] }

func (w *randomWorld) chance(percent int) bool { return w.IntN(100) < percent }

func (w *randomWorld) label() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 1+w.IntN(12))
	for i := range b {
		b[i] = letters[w.IntN(len(letters))]
	}
	return string(b)
}

func (w *randomWorld) token() string {
	b := make([]byte, 16)
	for i := range b {
		b[i] = byte(w.IntN(256))
	}
	return "_" + hex.EncodeToString(b)
}

func (w *randomWorld) acmValue() resolver.Name {
	v := w.token()
	if w.chance(85) {
		v += "." + w.one("jfrzftwwjs", "xyz", "mhbtsbpdnt", w.label())
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

func newRandomWorld(seed uint64) *randomWorld {
	w := &randomWorld{Rand: rand.New(rand.NewPCG(seed, 7))}
	suffix := resolver.MustParseName(w.one("com.", "net.", "org.", "co.uk.", "de.", "io."))
	registered := child("d"+w.label(), suffix)
	// Zones from the registered domain down, each with servers of its own; the last holds the record.
	w.zone = registered
	for range w.IntN(3) * w.IntN(2) {
		w.others = append(w.others, "$ORIGIN "+w.zone.String()+"\nwww A 192.0.2.80")
		w.zone = child("z"+w.label(), w.zone)
	}
	w.domain = w.zone
	for range w.IntN(3) {
		w.domain = child(w.one("www", "app", "a", "n"+w.label()), w.domain)
	}
	w.name, w.value = child(w.token(), w.domain), w.acmValue()
	w.ttl = []int{0, 1, 60, 300, 3600, 86400, 604800}[w.IntN(7)]
	for i := range 1 + w.IntN(4) {
		n := fmt.Sprintf("ns%d", i+1)
		switch w.one("in", "in", "sibling", "out", "out", "far") {
		case "in":
			w.servers = append(w.servers, child(n, w.zone))
		case "sibling":
			w.servers = append(w.servers, child(n, child("dnshost", suffix)))
		case "out":
			w.servers = append(w.servers, resolver.MustParseName(n+".dns-host.net."))
		case "far":
			w.servers = append(w.servers, resolver.MustParseName(n+".deep.name-servers.org."))
		}
	}
	for i, s := range w.servers {
		if s.Within(w.zone) && w.chance(30) {
			w.lines = append(w.lines, fmt.Sprintf("%s A 203.0.113.%d", s, 10+i), fmt.Sprintf("%s AAAA 2001:db8::%d", s, 10+i))
		}
	}
	for range w.IntN(6) {
		w.lines = append(w.lines, w.unrelated())
	}
	if w.domain.Below(w.zone) && w.chance(40) {
		w.lines = append(w.lines, w.domain.String()+" CNAME cdn.other.org.")
	} else if w.chance(50) {
		w.lines = append(w.lines, w.domain.String()+" A 192.0.2.80", w.domain.String()+` TXT "v=spf1 -all"`)
	}
	if w.chance(30) {
		w.wildcards = append(w.wildcards, "*."+w.domain.String()+" "+w.one("A 192.0.2.81", "CNAME shop.other.org.", "CNAME "+w.acmValue().String(), `TXT "any"`, "MX 10 mail.other.org."))
	}
	held := w.value
	if w.chance(10) {
		held = resolver.MustParseName(strings.TrimPrefix(w.value.String(), "_"))
	}
	w.held = w.line(w.name, "CNAME", held.String())
	w.wildcardCert = w.chance(20)
	if w.chance(40) {
		w.signed = " ; signed " + w.one("", "nsec3", "compact", "8", "nsec3 opt-out")
	}
	return w
}

func (w *randomWorld) line(name resolver.Name, t, data string) string {
	return fmt.Sprintf("%s %d %s %s", name, w.ttl, t, data)
}

// unrelated is a record that has nothing to do with the certificate's.
func (w *randomWorld) unrelated() string {
	u := "u0" + w.label() // no label of a suffix: a delegation there would hide a record that is doubled below it
	return w.one(
		u+" A 192.0.2.82", u+" AAAA 2001:db8::82", "@ MX 10 mail.other.org.", `@ TXT "google-site-verification=x"`, `@ CAA 0 issue "amazon.com"`,
		"*."+u+" CNAME else.other.org.", "x.y."+u+" A 192.0.2.83", w.token()+"."+u+" CNAME "+w.acmValue().String(), w.token()+" CNAME "+w.acmValue().String(),
		u+" NS ns1.of-others.net.", "_acme-challenge TXT abc", "_dmarc TXT \"v=DMARC1; p=none\"", u+" CNAME loop."+u, "_sip._tcp."+u+" SRV 0 0 5060 sip.other.org.",
	)
}

func (w *randomWorld) world(t testing.TB) validatetest.World {
	t.Helper()
	var on []string
	for _, s := range w.servers {
		on = append(on, s.String())
	}
	copyOf := func(servers []string, held string) string {
		b := "$ORIGIN " + w.zone.String() + " ; on " + strings.Join(servers, " ") + w.signed
		if w.undelegated {
			b += " ; undelegated"
		}
		b += "\n"
		for _, s := range on {
			b += "@ NS " + s + "\n"
		}
		b += strings.Join(w.lines, "\n") + "\n" + strings.Join(w.wildcards, "\n") + "\n" + held + "\n"
		return b
	}
	var with, without []string
	for _, s := range w.servers {
		if slices.Contains(w.without, s) {
			without = append(without, s.String())
		} else {
			with = append(with, s.String())
		}
	}
	zones := strings.Join(w.others, "\n") + "\n" + copyOf(with, w.held)
	if len(without) > 0 {
		zones += copyOf(without, "")
	}
	domain := w.domain.Text()
	if w.wildcardCert {
		domain = "*." + domain
	}
	typed := w.name.String()
	if w.typed != "" {
		typed = w.typed
	}
	r, _, err := validate.ParseRecord(domain, typed, w.value.String())
	require.NoError(t, err)
	out := validatetest.World{File: "random", Zones: zones, Record: r}
	for _, f := range w.faults {
		x, err := resolvertest.ParseFault(f)
		require.NoError(t, err)
		out.Faults = append(out.Faults, x)
	}
	return out
}

// eachRandom runs f for so many random worlds, and says how to run the one again that fails.
func eachRandom(t *testing.T, n int, f func(t *testing.T, w *randomWorld) bool) {
	if *randomWorlds > 0 {
		n = *randomWorlds
	}
	for seed := *randomSeed; seed < *randomSeed+uint64(n); seed++ {
		if w := newRandomWorld(seed); !f(t, w) {
			t.Fatalf("-random.seed %d -random.worlds 1\n%s%s\n%s CNAME %s", seed, w.world(t).Zones, strings.Join(w.faults, "\n"), w.name, w.value)
		}
	}
}

func number(t *testing.T, short, long int) int {
	t.Helper()
	if testing.Short() {
		return short
	}
	return long
}

func show(rep validate.Report) string {
	var b strings.Builder
	if err := rep.WriteText(&b, validate.Text{}); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestRandomHealthyWorldsAreValid(t *testing.T) {
	eachRandom(t, number(t, 300, 2000), func(t *testing.T, w *randomWorld) bool {
		rep, _ := validatetest.Measure(t, w.world(t))
		if rep.Verdict != validate.Valid {
			t.Errorf("%s", show(rep))
			return false
		}
		for _, f := range rep.Findings {
			if f.Severity == validate.Error || f.Severity == validate.Warning {
				t.Errorf("a healthy world has the %s %s:\n%s", f.Severity, f.Rule, show(rep))
				return false
			}
		}
		return true
	})
}

// faultOf puts one fault into a healthy world; false where the world has no room for it.
type faultOf struct {
	name    string
	verdict validate.Verdict
	first   validate.ID // the rule of the first finding
	put     func(w *randomWorld) bool
	part    faultPart
}

// faultPart is what of a world a fault changes. Faults of different parts can hold at once, and each is then found.
type faultPart int

const (
	ofRecord  faultPart = iota // the record: its place, value, type, or what stands around it
	ofWay                      // the way to the zone, or all of its servers: nothing else shows behind it
	ofOneOnly                  // one server of several
	ofInput                    // what was typed
	ofIssue                    // what forbids the issue whatever the record is
)

// randomFaults is the catalogue of faults: what is wrong, how a healthy world is made so, and what must be found first.
func randomFaults() []faultOf {
	gone := func(w *randomWorld) { w.held, w.wildcards = "", nil }
	moved := func(w *randomWorld, to resolver.Name, ok bool) bool {
		gone(w)
		if ok {
			w.held = w.line(to, "CNAME", w.value.String())
		}
		return ok && to != w.name
	}
	valued := func(w *randomWorld, v resolver.Name, ok bool) bool {
		if ok {
			w.held = w.line(w.name, "CNAME", v.String())
		}
		return ok
	}
	all := func(w *randomWorld, what string) bool {
		for _, s := range w.servers {
			w.faults = append(w.faults, s.String()+" "+what+" name "+w.name.String())
		}
		return true
	}
	one := func(w *randomWorld, what string) bool {
		w.faults = append(w.faults, w.servers[w.IntN(len(w.servers))].String()+" "+what)
		return len(w.servers) > 1
	}
	return []faultOf{
		{"missing", validate.Invalid, "record-missing", func(w *randomWorld) bool { gone(w); return true }, ofRecord},
		{"doubled", validate.Invalid, "name-doubled", func(w *randomWorld) bool {
			suffix := []resolver.Name{w.zone, w.domain}[w.IntN(2)]
			n, ok := w.name.Under(suffix)
			return moved(w, n, ok)
		}, ofRecord},
		{"relocated", validate.Invalid, "name-relocated", func(w *randomWorld) bool {
			if w.domain == w.zone || w.chance(30) {
				// Below www it would be a label doubled.
				return moved(w, child(w.name.FirstLabel(), child("www", w.domain)), w.domain.FirstLabel() != "www")
			}
			return moved(w, child(w.name.FirstLabel(), w.zone), true)
		}, ofRecord},
		{"without underscore", validate.Invalid, "name-underscore-missing", func(w *randomWorld) bool {
			return moved(w, child(w.name.FirstLabel()[1:], w.domain), true)
		}, ofRecord},
		{"exchanged", validate.Invalid, "value-swapped", func(w *randomWorld) bool {
			gone(w)
			head, _ := w.value.TrimSuffix(validate.ValidationSuffix)
			n, ok := head.Under(w.zone)
			if w.chance(50) {
				n, ok = w.value.Under(w.zone)
			}
			w.held = w.line(n, "CNAME", w.name.String())
			return ok && head.NumLabels() > 0
		}, ofRecord},
		{"value doubled", validate.Invalid, "value-doubled", func(w *randomWorld) bool {
			n, ok := w.value.Under([]resolver.Name{w.zone, w.domain}[w.IntN(2)])
			return valued(w, n, ok)
		}, ofRecord},
		{"value mangled", validate.Invalid, "value-mangled", func(w *randomWorld) bool {
			s := []byte(w.value.String())
			at := 1 + w.IntN(30)
			switch w.IntN(3) {
			case 0:
				s = slices.Delete(s, at, at+1)
			case 1:
				s = slices.Insert(s, at, 'x')
			case 2:
				s[at] = 'y'
			}
			return valued(w, resolver.MustParseName(string(s)), true)
		}, ofRecord},
		{"another value", validate.Invalid, "value-mismatch", func(w *randomWorld) bool { return valued(w, w.acmValue(), true) }, ofRecord},
		{"a site", validate.Invalid, "value-mismatch", func(w *randomWorld) bool {
			w.wildcards = nil // one of the same target could not be told from the record
			return valued(w, resolver.MustParseName("shop.other.org."), true)
		}, ofRecord},
		{"TXT", validate.Invalid, "record-wrong-type", func(w *randomWorld) bool {
			gone(w)
			w.held = w.line(w.name, "TXT", `"`+w.value.Text()+`"`)
			return true
		}, ofRecord},
		{"TXT beside it", validate.Invalid, "cname-and-other-data", func(w *randomWorld) bool {
			w.lines = append(w.lines, w.name.String()+" TXT \"old\"")
			return true
		}, ofRecord},
		{"two", validate.Invalid, "cname-multiple", func(w *randomWorld) bool {
			w.lines = append(w.lines, w.line(w.name, "CNAME", w.acmValue().String()))
			return true
		}, ofRecord},
		{"wildcard", validate.Invalid, "name-wildcarded", func(w *randomWorld) bool {
			gone(w)
			w.held = "*." + w.domain.String() + " CNAME shop.other.org."
			return true
		}, ofRecord},
		{"one server without it", validate.Invalid, "servers-disagree", func(w *randomWorld) bool {
			w.wildcards, w.without = nil, w.servers[:1]
			return len(w.servers) > 1
		}, ofRecord},
		{"flattened", validate.Invalid, "record-flattened", func(w *randomWorld) bool {
			gone(w)
			w.held = w.line(w.name, w.one("A 104.16.0.1", "AAAA 2606:4700::1"), "")
			return true
		}, ofRecord},
		{"renamed", validate.Invalid, "name-under-dname", func(w *randomWorld) bool {
			gone(w)
			at := w.domain.String() + " "
			w.lines = slices.DeleteFunc(w.lines, func(l string) bool { return strings.HasPrefix(l, at+"CNAME") })
			w.lines = append(w.lines, at+"DNAME renamed.other.org.")
			return w.domain.Below(w.zone)
		}, ofRecord},
		{"not delegated", validate.Invalid, "zone-undelegated", func(w *randomWorld) bool {
			w.undelegated = true
			return len(w.others) == 0
		}, ofWay},
		{"CAA forbids", validate.Invalid, "caa-forbids", func(w *randomWorld) bool {
			w.lines = slices.DeleteFunc(w.lines, func(l string) bool {
				return strings.Contains(l, " CAA ") || strings.HasPrefix(l, w.domain.String()+" CNAME")
			})
			w.lines = append(w.lines, w.domain.String()+` CAA 0 issue "ca.example"`, w.domain.String()+` CAA 0 issuewild "ca.example"`)
			return true
		}, ofIssue},
		{"DS left over", validate.Invalid, "dnssec-bogus", func(w *randomWorld) bool { w.signed = " ; ds wrong"; return true }, ofIssue},
		{"signatures expired", validate.Invalid, "dnssec-bogus", func(w *randomWorld) bool {
			w.signed = " ; signed ; expired by " + w.one("3h", "36h", "1000h")
			return true
		}, ofIssue},
		{"suspended", validate.Invalid, "zone-suspended", func(w *randomWorld) bool {
			gone(w)
			w.servers = []resolver.Name{resolver.MustParseName("ns1.sedoparking.com."), resolver.MustParseName("ns2.sedoparking.com.")}
			return true
		}, ofWay},
		{"all refuse", validate.Invalid, "server-lame", func(w *randomWorld) bool { return all(w, "refused") }, ofWay},
		{"all fail", validate.Undetermined, "server-lame", func(w *randomWorld) bool { return all(w, "servfail") }, ofWay},
		{"all silent", validate.Undetermined, "server-unreachable", func(w *randomWorld) bool { return all(w, "drop") }, ofWay},
		{"one refuses", validate.Valid, "server-lame", func(w *randomWorld) bool { return one(w, "refused name "+w.name.String()) }, ofOneOnly},
		{"one fails", validate.Valid, "server-lame", func(w *randomWorld) bool { return one(w, "servfail name "+w.name.String()) }, ofOneOnly},
		{"one is silent", validate.Valid, "server-unreachable", func(w *randomWorld) bool { return one(w, "drop name "+w.name.String()) }, ofOneOnly},
		{"quotes around the name", validate.Valid, "input-unclean", func(w *randomWorld) bool { w.typed = "\u201c" + w.name.Text() + "\u201d"; return true }, ofInput},
	}
}

func TestRandomFaultsAreTheFirstFinding(t *testing.T) {
	for _, f := range randomFaults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			found := 0
			eachRandom(t, number(t, 60, 400), func(t *testing.T, w *randomWorld) bool {
				if !f.put(w) {
					return true
				}
				found++
				world := w.world(t)
				rep, _ := validatetest.Measure(t, world)
				if rep.Verdict != f.verdict || len(rep.Findings) == 0 || firstOfDNS(rep) != f.first {
					t.Errorf("want %s and %s first:\n%s", f.verdict, f.first, show(rep))
					return false
				}
				return f.verdict == validate.Valid || mends(t, world, rep)
			})
			if found == 0 && *randomWorlds == 0 {
				t.Error("no world had room for it")
			}
		})
	}
}

// TestRandomPairsOfFaultsAreBothFound puts two faults into one world that do not hide each other: a record's and one
// server's, or a record's and one of the input.
func TestRandomPairsOfFaultsAreBothFound(t *testing.T) {
	for _, a := range randomFaults() {
		for _, b := range randomFaults() {
			if a.part != ofRecord || b.part != ofOneOnly && b.part != ofInput && b.part != ofIssue {
				continue
			}
			first, second := a.first, b.first
			if b.first == "dnssec-bogus" { // nobody who validates gets as far as the record
				first, second = second, first
			}
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				found := 0
				eachRandom(t, number(t, 10, 60), func(t *testing.T, w *randomWorld) bool {
					if !a.put(w) || !b.put(w) || len(w.without) > 0 && b.part == ofOneOnly { // of two servers that disagree one is left
						return true
					}
					found++
					rep, _ := validatetest.Measure(t, w.world(t))
					has := func(id validate.ID) bool {
						return slices.ContainsFunc(rep.Findings, func(f validate.Finding) bool { return f.Rule == id && f.ExplainedBy == "" })
					}
					if rep.Verdict != validate.Invalid || firstOfDNS(rep) != first || !has(second) {
						t.Errorf("want invalid, %s first, and %s:\n%s", first, second, show(rep))
						return false
					}
					return true
				})
				if found == 0 && *randomWorlds == 0 && (a.name != "one server without it" || b.part != ofOneOnly) {
					t.Error("no world had room for both")
				}
			})
		}
	}
}

// firstOfDNS is the first finding's rule; a note that the value stands without its underscore is part of the random world.
func firstOfDNS(rep validate.Report) validate.ID {
	for _, f := range rep.Findings {
		if f.Rule != "value-underscore-stripped" {
			return f.Rule
		}
	}
	return ""
}

// mends applies the first fix in the zone, where there is one, and looks again.
func mends(t *testing.T, world validatetest.World, rep validate.Report) bool {
	t.Helper()
	fix, ok := validatetest.ZoneFix(rep)
	if !ok {
		return true
	}
	in, err := world.Internet()
	require.NoError(t, err)
	require.NoError(t, validatetest.Apply(in, rep.Zone.Name, fix))
	c, err := world.Checker(in, in)
	require.NoError(t, err)
	after, err := c.Check(t.Context(), world.Record)
	require.NoError(t, err)
	if after.Verdict != validate.Valid {
		t.Errorf("after\n%s\n%s", strings.Join(validatetest.Diff(fix), "\n"), show(after))
		return false
	}
	return true
}
