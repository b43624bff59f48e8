package validate_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// randomFault is one thing that can be wrong: how a healthy world is made so, and what must be found then.
type randomFault struct {
	name    string
	place   faultPlace
	rule    validate.ID                       // whose finding it is, the first one where nothing else is wrong
	verdict validate.Verdict                  // what it makes of a healthy world
	inZone  bool                              // a change of the zone's records mends it
	put     func(d dice, w *randomWorld) bool // false where the world has no room for it
}

// faultPlace is what of a world a fault changes. Two faults of one place do not stand in one world: the later would undo the
// earlier.
type faultPlace string

const (
	ofInput     faultPlace = "what was typed"
	ofRequest   faultPlace = "what was asked of ACM"
	ofWay       faultPlace = "the way to the zone, or all of its servers"
	ofKeys      faultPlace = "the zone's keys"
	ofSignature faultPlace = "the signature over the record"
	ofDenial    faultPlace = "how the zone denies"
	ofParent    faultPlace = "what the zone above says"
	ofRecord    faultPlace = "the record"
	ofTTL       faultPlace = "the record's TTL"
	ofCopies    faultPlace = "one server's copy"
	ofCutBelow  faultPlace = "a cut between the record and its zone"
	ofOneServer faultPlace = "one server"
	ofCAA       faultPlace = "CAA"
	ofCopyCAA   faultPlace = "CAA at one server"
	ofWitness   faultPlace = "recursive resolvers"
	ofOwn       faultPlace = "this machine's own resolver"
)

// hides says which faults keep others from being seen, and why that is right. All other pairs must both be found.
var hides = map[faultPlace]map[faultPlace]string{
	ofRequest: {
		ofInput: sayInput, ofWay: sayInput, ofKeys: sayInput, ofSignature: sayInput, ofParent: sayInput, ofRecord: sayInput, ofTTL: sayInput,
		ofOneServer: sayInput, ofCAA: sayInput, ofWitness: sayInput, ofOwn: sayInput, ofDenial: sayInput, ofCopies: sayInput, ofCutBelow: sayInput, ofCopyCAA: sayInput,
	},
	ofWay: {
		ofKeys: sayWay, ofSignature: sayWay, ofParent: sayWay, ofRecord: sayWay, ofTTL: sayWay, ofOneServer: sayWay, ofCAA: sayWay,
		ofWitness: sayWay, ofOwn: sayWay, ofDenial: sayWay, ofCopies: sayWay, ofCutBelow: sayWay, ofCopyCAA: sayWay,
	},
	ofKeys:      {ofSignature: "of a zone whose keys are not trusted no signature is judged", ofDenial: "what is bogus is not called fragile, too"},
	ofSignature: {ofDenial: "what is bogus is not called fragile, too"},
	ofCAA:       {ofDenial: "where CAA is found, or not answered, nothing need be denied"},
	ofCopies:    {ofWitness: sayWitness, ofOwn: sayWitness, ofSignature: "a server without the record has no signature over it"},
	ofCutBelow:  {ofWitness: sayWitness, ofOwn: sayWitness, ofTTL: "the TTL goes with the record"},
	ofRecord: {
		ofTTL:     "the TTL goes with the record",
		ofWitness: sayWitness,
		ofOwn:     sayWitness,
	},
	ofOneServer: {ofWitness: "a resolver may have asked the server that fails"},
}

// clashes says which faults cannot stand in one world, though they are of different places.
var clashes = map[faultPlace]map[faultPlace]string{
	ofInput:    {ofRequest: "both write what was typed"},
	ofWay:      {ofOneServer: "then it is not all servers any more that do the same wrong"},
	ofKeys:     {ofDenial: "both write how the zone is signed"},
	ofDenial:   {ofSignature: "both write how the zone is signed"},
	ofRecord:   {ofSignature: "of a record that is gone there is none", ofCopies: "there is no record of which one copy could lack it"},
	ofCopyCAA:  {ofCAA: "both write CAA", ofDenial: "an answer without a signature may be an unsigned zone's below, of which nothing is proven", ofOneServer: "it may be the one that is not heard", ofCutBelow: sayCut},
	ofCopies:   {ofOneServer: "of two servers that disagree one would be left"},
	ofCutBelow: {ofRecord: sayCut, ofCopies: sayCut, ofOneServer: sayCut, ofKeys: sayCut, ofDenial: sayCut, ofSignature: sayCut, ofParent: sayCut, ofWay: sayCut, ofCAA: sayCut},
}

const sayCut = "the zone that has the record is not the one that is asked, and neither is signed"

// canMeet reports whether two faults can stand in one world.
func canMeet(a, b randomFault) bool {
	return a.place != b.place && clashes[a.place][b.place] == "" && clashes[b.place][a.place] == ""
}

const (
	sayInput = "nothing is asked about what cannot be a record of ACM, or will not be certified"
	sayWay   = "no server of the zone is asked, or none answers"

	sayWitness = "of a record that is not right no resolver is expected to show it"
)

// hiddenBy gives the fault that hides f, and why.
func hiddenBy(f randomFault, among []randomFault) (why string) {
	for _, o := range among {
		if why = hides[o.place][f.place]; why != "" {
			return o.name + ": " + why
		}
	}
	return ""
}

// noFaultOf names the rules that no fault of a random world is of, with the reason.
var noFaultOf = map[validate.ID]string{
	"record-pending":             "not a matter of the DNS",
	"certificate-not-dns":        "not a matter of the DNS",
	"certificate-timed-out":      "not a matter of the DNS",
	"certificate-failed":         "not a matter of the DNS",
	"acme-validation-failed":     "not a matter of the DNS",
	"certificate-record-differs": "not a matter of the DNS",
	"certificate-other-domain":   "not a matter of the DNS",
	"renewal-blocked":            "not a matter of the DNS",
	"renewal-ineligible":         "not a matter of the DNS",
	"record-valid-wait":          "not a matter of the DNS",
	"check-incomplete":           "the law of the bound makes every check incomplete",
}

// randomFaults is the catalogue of faults.
func randomFaults() []randomFault {
	return slices.Concat(inputFaults(), wayFaults(), securityFaults(), recordFaults(), serverFaults(), caaFaults(), witnessFaults())
}

func inputFaults() []randomFault {
	return []randomFault{
		{"quotes around the name", ofInput, "input-unclean", validate.Valid, false, func(d dice, w *randomWorld) bool {
			w.typedName = d.one("\u201c", " ", "\u200b") + w.name.Text() + d.one("\u201d", "\u00a0", ",")
			return true
		}},
		{"name and value exchanged as typed", ofInput, "input-swapped", validate.Valid, false, func(_ dice, w *randomWorld) bool {
			w.typedName, w.typedValue = w.value.String(), w.name.String()
			return true
		}},
		{"value misspelt as typed", ofRequest, "input-invalid", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			w.typedValue = strings.Replace(w.value.String(), "acm-validations.", "acm-validation.", 1)
			return true
		}},
		{"Amazon's own domain", ofRequest, "domain-ineligible", validate.Invalid, false, func(d dice, w *randomWorld) bool {
			w.typedDomain = d.one("myapp.eu-west-1.elasticbeanstalk.com", "d111111abcdef8.cloudfront.net", "x.s3.amazonaws.com")
			w.typedName = w.name.FirstLabel() + "." + w.typedDomain + "."
			return true
		}},
	}
}

// allServers makes every server of the zone do wrong whenever it is asked for what concerns the record.
func allServers(w *randomWorld, what string) bool {
	for _, s := range w.servers {
		w.faults = append(w.faults, s.String()+" "+what)
	}
	return !w.sharesServers()
}

// sharesServers reports whether the record's zone and the one above it are at one host: what befalls it befalls both.
func (w *randomWorld) sharesServers() bool {
	return len(w.above) > 0 && len(w.above[len(w.above)-1].servers) > 0
}

func wayFaults() []randomFault {
	all := func(what string) func(dice, *randomWorld) bool {
		return func(_ dice, w *randomWorld) bool { return allServers(w, what+" name "+w.name.String()) }
	}
	whole := func(what string) func(dice, *randomWorld) bool {
		return func(_ dice, w *randomWorld) bool {
			for _, s := range w.servers {
				if !s.Within(w.zone) { // the zone of the server's own name would be gone, too
					return false
				}
			}
			return allServers(w, what)
		}
	}
	return []randomFault{
		{"not delegated", ofWay, "zone-undelegated", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			w.undelegated = true
			return w.zone == w.registered
		}},
		{"suspended", ofWay, "zone-suspended", validate.Invalid, false, func(d dice, w *randomWorld) bool {
			w.parked, w.faults = []string{}, nil
			w.servers = []resolver.Name{resolver.MustParseName("ns1.sedoparking.com."), resolver.MustParseName("ns2.sedoparking.com.")}
			if d.chance(50) {
				w.parked = []string{"* A 198.51.100.7"}
			}
			w.signing = "unsigned"
			return w.zone == w.registered
		}},
		{"all refuse", ofWay, "server-lame", validate.Invalid, false, all("refused")},
		{"all say that they are not authoritative", ofWay, "server-lame", validate.Invalid, false, all("notauth")},
		{"all refer upwards", ofWay, "server-lame", validate.Invalid, false, all("upward")},
		{"all answer without authority", ofWay, "server-lame", validate.Invalid, false, all("no-aa")},
		{"all refuse everything", ofWay, "server-lame", validate.Invalid, false, whole("refused")},
		{"all fail", ofWay, "server-lame", validate.Undetermined, false, all("servfail")},
		{"all silent", ofWay, "server-unreachable", validate.Undetermined, false, all("drop")},
		{"all silent, whatever is asked", ofWay, "server-unreachable", validate.Undetermined, false, whole("drop")},
		{"all closed", ofWay, "server-unreachable", validate.Undetermined, false, whole("closed")},
		{"all mangled", ofWay, "server-unreachable", validate.Undetermined, false, all("mangle")},
		{"all too long for UDP, TCP closed", ofWay, "server-unreachable", validate.Undetermined, false, all("truncate-all")},
	}
}

func securityFaults() []randomFault {
	broken := func(how ...string) func(dice, *randomWorld) bool {
		return func(d dice, w *randomWorld) bool {
			w.signing += " ; " + d.one(how...)
			return w.signed()
		}
	}
	return []randomFault{
		{"keys do not match", ofKeys, "dnssec-bogus", validate.Invalid, false, broken("ds wrong", "no-keys", "no-signature DNSKEY", "altered DNSKEY", "expired DNSKEY by 48h")},
		{"signatures ran out", ofKeys, "dnssec-bogus", validate.Invalid, false, broken("expired by 36h", "no-signature", "altered")},
		{"DS records left over", ofKeys, "dnssec-bogus", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			if w.signing != "" && w.signing != "unsigned" {
				return false
			}
			w.signing = "unsigned ; ds wrong"
			w.faults = slices.DeleteFunc(w.faults, func(f string) bool { return strings.HasSuffix(f, "-edns") })
			return true
		}},
		{"the record's signature", ofSignature, "dnssec-bogus", validate.Invalid, false, broken("expired CNAME by 36h", "no-signature CNAME", "altered CNAME", "early CNAME by 48h")},
		{"NSEC3 of many rounds", ofDenial, "dnssec-fragile", validate.Valid, false, func(d dice, w *randomWorld) bool {
			if !w.signed() {
				return false
			}
			w.signing = "signed nsec3 iterations " + d.one("1", "10", "60", "200") + d.one("", " opt-out")
			noCAA(w)
			return true
		}},
	}
}

func noCAA(w *randomWorld) {
	drop := func(lines []string) []string {
		return slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, " CAA ") })
	}
	w.lines, w.ofOne, w.ofOthers = drop(w.lines), nil, nil
	for i := range w.above {
		w.above[i].lines = drop(w.above[i].lines)
	}
	for i := range w.beside {
		w.beside[i].lines = drop(w.beside[i].lines)
	}
}

func recordFaults() []randomFault {
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
	zoneOrDomain := func(d dice, w *randomWorld) resolver.Name { return []resolver.Name{w.zone, w.domain}[d.n(2)] }
	in := func(name string, rule validate.ID, put func(d dice, w *randomWorld) bool) randomFault {
		return randomFault{name, ofRecord, rule, validate.Invalid, true, put}
	}
	return []randomFault{
		in("missing", "record-missing", func(_ dice, w *randomWorld) bool { gone(w); return true }),
		in("doubled", "name-doubled", func(d dice, w *randomWorld) bool {
			n, ok := w.name.Under(zoneOrDomain(d, w))
			return moved(w, n, ok)
		}),
		in("relocated", "name-relocated", func(d dice, w *randomWorld) bool {
			if w.domain == w.zone || d.chance(30) {
				// Below www it would be a label doubled.
				return moved(w, child(w.name.FirstLabel(), child("www", w.domain)), w.domain.FirstLabel() != "www")
			}
			return moved(w, child(w.name.FirstLabel(), w.zone), true)
		}),
		in("without underscore", "name-underscore-missing", func(_ dice, w *randomWorld) bool {
			return moved(w, child(w.name.FirstLabel()[1:], w.domain), true)
		}),
		in("exchanged", "value-swapped", func(d dice, w *randomWorld) bool {
			gone(w)
			head, _ := w.value.TrimSuffix(validate.ValidationSuffix)
			n, ok := head.Under(w.zone)
			if d.chance(50) {
				n, ok = w.value.Under(w.zone)
			}
			w.held = w.line(n, "CNAME", w.name.String())
			return ok && head.NumLabels() > 0
		}),
		in("value doubled", "value-doubled", func(d dice, w *randomWorld) bool {
			n, ok := w.value.Under(zoneOrDomain(d, w))
			return valued(w, n, ok)
		}),
		in("value mangled", "value-mangled", func(d dice, w *randomWorld) bool {
			s := []byte(w.value.String())
			at := 1 + d.n(30)
			switch d.n(3) {
			case 0:
				s[at] = 'y'
			case 1:
				s = slices.Delete(s, at, at+1)
			case 2:
				s = slices.Insert(s, at, 'x')
			}
			return valued(w, resolver.MustParseName(string(s)), true)
		}),
		in("another value", "value-mismatch", func(d dice, w *randomWorld) bool {
			v := d.acmValue()
			return valued(w, v, distant(v, w.value))
		}),
		in("a site", "value-mismatch", func(_ dice, w *randomWorld) bool {
			w.wildcards = nil // one of the same target could not be told from the record
			return valued(w, resolver.MustParseName("shop.other.org."), true)
		}),
		in("TXT", "record-wrong-type", func(_ dice, w *randomWorld) bool {
			gone(w)
			w.held = w.line(w.name, "TXT", `"`+w.value.Text()+`"`)
			return true
		}),
		in("TXT beside it", "cname-and-other-data", func(_ dice, w *randomWorld) bool {
			w.lines = append(w.lines, w.name.String()+" TXT \"old\"")
			w.faults = slices.DeleteFunc(w.faults, func(f string) bool { return strings.HasSuffix(f, " cname-first") })
			return true
		}),
		in("two", "cname-multiple", func(d dice, w *randomWorld) bool {
			w.lines = append(w.lines, w.line(w.name, "CNAME", d.acmValue().String()))
			return true
		}),
		in("wildcard", "name-wildcarded", func(d dice, w *randomWorld) bool {
			gone(w)
			w.held = "*." + w.domain.String() + " " + d.one("CNAME shop.other.org.", "A 192.0.2.81", "CNAME "+d.acmValue().String())
			return true
		}),
		in("flattened", "record-flattened", func(d dice, w *randomWorld) bool {
			gone(w)
			w.held = w.line(w.name, d.one("A 104.16.0.1", "AAAA 2606:4700::1"), "")
			// Where the host is known not to flatten, somebody has typed the address.
			return !slices.ContainsFunc(validate.HostsOf(w.servers), func(h validate.Hosting) bool { return h.Host.Flattens == validate.FlattensNot })
		}),
		{"one server without it", ofCopies, "servers-disagree", validate.Invalid, true, func(_ dice, w *randomWorld) bool {
			w.wildcards, w.without = nil, w.servers[:1]
			return len(w.servers) > 1
		}},
		{"in another zone", ofRecord, "cname-chained", validate.Undetermined, true, func(_ dice, w *randomWorld) bool {
			at := child(w.name.FirstLabel(), resolver.MustParseName("dcv.kept-elsewhere.net."))
			w.beside = append(w.beside, randomZone{name: resolver.MustParseName("kept-elsewhere.net."), lines: []string{at.String() + " CNAME " + w.value.String()}})
			return valued(w, at, true)
		}},
		{"without the value's underscore", ofRecord, "value-underscore-stripped", validate.Valid, false, func(_ dice, w *randomWorld) bool {
			return valued(w, resolver.MustParseName(strings.TrimPrefix(w.value.String(), "_")), true)
		}},
		{"renamed", ofRecord, "name-under-dname", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			gone(w)
			w.atDomain, w.aliasOf = []string{w.domain.String() + " DNAME renamed.other.org."}, ""
			return w.domain.Below(w.zone)
		}},
		{"at the old servers it is missing", ofCopies, "delegation-mismatch", validate.Invalid, true, func(_ dice, w *randomWorld) bool {
			if w.sharesServers() {
				return false
			}
			w.also = []resolver.Name{resolver.MustParseName("ns1.moved-to.net."), resolver.MustParseName("ns2.moved-to.net.")}
			w.without, w.apart, w.wildcards = w.servers, true, nil
			return true
		}},
		{"left in the zone above", ofCutBelow, "record-misplaced", validate.Invalid, true, func(_ dice, w *randomWorld) bool {
			if len(w.above) != 1 || w.suffix.NumLabels() != 1 || w.sharesServers() {
				return false
			}
			w.signing, w.above[0].signing = "unsigned", ""
			w.above[0].lines = append(w.above[0].lines, w.held)
			gone(w)
			w.undelegated = true
			tld := randomZone{name: w.suffix}
			for _, s := range w.servers {
				tld.lines = append(tld.lines, w.zone.String()+" NS "+s.String())
			}
			w.above = append([]randomZone{tld}, w.above...)
			for _, n := range []string{"ns1.nic.", "ns2.nic."} {
				w.faults = append(w.faults, n+w.suffix.String()+" deepest-cut")
			}
			return true
		}},
		{"TTL of a week", ofTTL, "ttl-long", validate.Valid, false, func(_ dice, w *randomWorld) bool {
			w.held = strings.Replace(w.held, fmt.Sprintf(" %d CNAME ", w.ttl), " 604800 CNAME ", 1)
			return true
		}},
	}
}

// distant reports whether no slip of the hand makes one value of the other.
func distant(a, b resolver.Name) bool {
	differ := 0
	for i := range min(len(a.FirstLabel()), len(b.FirstLabel())) {
		if a.FirstLabel()[i] != b.FirstLabel()[i] {
			differ++
		}
	}
	return differ > 10
}

func serverFaults() []randomFault {
	one := func(what string) func(dice, *randomWorld) bool {
		return func(d dice, w *randomWorld) bool {
			w.faults = append(w.faults, w.servers[len(w.servers)-1-d.n(len(w.servers))].String()+" "+what+" name "+w.name.String())
			return len(w.servers) > 1
		}
	}
	return []randomFault{
		{"one refuses", ofOneServer, "server-lame", validate.Valid, false, one("refused")},
		{"one answers without authority", ofOneServer, "server-lame", validate.Valid, false, one("no-aa")},
		{"one fails", ofOneServer, "server-lame", validate.Valid, false, one("servfail")},
		{"one is silent", ofOneServer, "server-unreachable", validate.Valid, false, one("drop")},
		{"one is mangled", ofOneServer, "server-unreachable", validate.Valid, false, one("mangle")},
		{"one is silent to EDNS", ofOneServer, "server-unreachable", validate.Valid, false, func(d dice, w *randomWorld) bool {
			if w.anythingSigned() { // what is signed cannot do without
				return false
			}
			w.faults = append(w.faults, w.servers[len(w.servers)-1-d.n(len(w.servers))].String()+" drop-edns") // for any name, or it is loss
			return true
		}},
		{"one has no address", ofOneServer, "server-lame", validate.Valid, false, func(_ dice, w *randomWorld) bool {
			if w.sharesServers() {
				return false
			}
			w.beside = append(w.beside, randomZone{name: resolver.MustParseName("given-up.info."), lines: []string{"@ NS ns1", "ns1 A 203.0.113.150"}, signing: "as-given"})
			w.servers = append(slices.Clip(w.servers), resolver.MustParseName("ns7.given-up.info."))
			return true
		}},
		{"the zone names a server more", ofParent, "delegation-mismatch", validate.Valid, false, func(_ dice, w *randomWorld) bool {
			if w.sharesServers() {
				return false
			}
			w.also = append(w.also, resolver.MustParseName("ns8.one-more.net."))
			w.apart, w.both = true, true
			return true
		}},
	}
}

func caaFaults() []randomFault {
	// closest gives the name at which a set is the relevant one.
	closest := func(w *randomWorld) (resolver.Name, bool) {
		noCAA(w)
		at := w.domain
		if w.aliasOf != "" {
			at = at.Parent()
		}
		return at, at.Within(w.zone)
	}
	return []randomFault{
		{"CAA of another CA", ofCAA, "caa-forbids", validate.Invalid, false, func(d dice, w *randomWorld) bool {
			at, ok := closest(w)
			w.lines = append(w.lines, at.String()+" CAA "+d.one(`0 issue "letsencrypt.org"`, `0 issue ";"`, `0 issue "amazon.com.example"`, `0 issue "%%"`))
			return ok
		}},
		{"CAA with a critical property that nobody knows", ofCAA, "caa-forbids", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			at, ok := closest(w)
			w.lines = append(w.lines, at.String()+` CAA 0 issue "amazon.com"`, at.String()+` CAA 128 tbs "x"`)
			return ok
		}},
		{"CAA against wildcards", ofCAA, "caa-forbids", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			at, ok := closest(w)
			w.lines = append(w.lines, at.String()+` CAA 0 issue "amazon.com"`, at.String()+` CAA 0 issuewild ";"`)
			w.wildcardCert = true
			return ok
		}},
		{"CAA of an alias's owner", ofCAA, "caa-forbids", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			i := slices.IndexFunc(w.beside, func(z randomZone) bool { return z.name.String() == "cdn-host.net." })
			if i < 0 || w.aliasOf == "" {
				return false
			}
			noCAA(w)
			w.beside[i].lines = append(w.beside[i].lines, `edge CAA 0 issue "globalsign.com"`)
			return true
		}},
		{"CAA above the zone", ofCAA, "caa-forbids", validate.Invalid, false, func(_ dice, w *randomWorld) bool {
			if len(w.above) == 0 || !w.above[0].name.Within(w.registered) && len(w.above) == 1 {
				return false
			}
			noCAA(w)
			last := &w.above[len(w.above)-1]
			last.lines = append(last.lines, `@ CAA 0 issue "letsencrypt.org"`)
			return true
		}},
		{"CAA differs at one server", ofCopyCAA, "caa-forbids", validate.Invalid, false, func(d dice, w *randomWorld) bool {
			at, ok := closest(w)
			if d.chance(50) { // the others have a set of their own, which allows it
				w.ofOthers = append(w.ofOthers, at.String()+` CAA 0 issue "amazon.com"`)
			}
			w.ofOne = append(w.ofOne, at.String()+" CAA "+d.one(`0 issue "letsencrypt.org"`, `0 issue ";"`, `128 tbs "x"`))
			return ok && w.oneApart(d)
		}},
		{"CAA is broken at one server", ofCopyCAA, "dnssec-bogus", validate.Invalid, false, func(d dice, w *randomWorld) bool {
			at, ok := closest(w)
			w.lines = append(w.lines, at.String()+` CAA 0 issue "amazon.com"`)
			w.oneSigning = " ; " + d.one("expired CAA by 36h", "no-signature CAA", "altered CAA")
			return ok && w.signed() && w.oneApart(d)
		}},
		{"CAA is not answered by one server", ofCopyCAA, "caa-unanswered", validate.Valid, false, func(d dice, w *randomWorld) bool {
			w.faults = append(w.faults, w.servers[d.n(len(w.servers))].String()+" "+d.one("drop for CAA", "servfail for CAA", "refused for CAA", "rcode NOTIMP for CAA"))
			return len(w.servers) > 1 && !w.sharesServers()
		}},
		{"CAA is not answered", ofCAA, "caa-unanswered", validate.Undetermined, false, func(d dice, w *randomWorld) bool {
			return allServers(w, d.one("drop for CAA", "servfail for CAA", "refused for CAA", "rcode NOTIMP for CAA")) && !w.signed()
		}},
		{"CAA is not answered of a signed zone", ofCAA, "caa-unanswered", validate.Invalid, false, func(d dice, w *randomWorld) bool {
			return allServers(w, d.one("drop for CAA", "servfail for CAA", "refused for CAA", "rcode NOTIMP for CAA")) && w.signed()
		}},
	}
}

func witnessFaults() []randomFault {
	const at = "203.0.113.201"
	says := func(what string) func(dice, *randomWorld) bool {
		return func(_ dice, w *randomWorld) bool {
			w.witnesses = append([]string{at}, w.witnesses[min(1, len(w.witnesses)):]...)
			w.views = append(w.views, at+" "+w.name.String()+" CNAME "+what)
			return true
		}
	}
	return []randomFault{
		{"a resolver remembers a denial", ofWitness, "answer-stale", validate.Valid, false, says("240 nxdomain")},
		{"a resolver remembers another value", ofWitness, "answer-stale", validate.Valid, false, says("240 _old.acm-validations.aws.")},
		{"a resolver filters", ofWitness, "resolver-differs", validate.Valid, false, says("refused ede 17")},
		{"a resolver fails", ofWitness, "perspective-differs", validate.Valid, false, says("servfail")},
		{"the own resolver blocks Amazon's name", ofOwn, "target-unresolvable", validate.Valid, false, func(_ dice, w *randomWorld) bool {
			w.own = "10.0.0.2"
			w.views = append(w.views, w.own+" "+w.value.String()+" A servfail")
			return !strings.Contains(w.held, " CNAME "+strings.TrimPrefix(w.value.String(), "_"))
		}},
	}
}
