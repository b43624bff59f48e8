package dnssec

import (
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// typeNXNAME in a bitmap says that the name does not exist (RFC 9824, 2).
const typeNXNAME resolver.Type = 128

// types is the type bitmap of an NSEC or NSEC3 record (RFC 4034, 4.1.2), as it stands in RDATA.
type types string

func (b types) has(t resolver.Type) bool {
	for len(b) >= 2 {
		window, n := b[0], int(b[1])
		if 2+n > len(b) {
			return false
		}
		if window == byte(t>>8) {
			at := int(t&0xff) / 8
			return at < n && b[2+at]&(0x80>>(t&7)) != 0
		}
		b = b[2+n:]
	}
	return false
}

// delegates reports whether the name is a zone cut as seen from above.
func (b types) delegates() bool { return b.has(resolver.TypeNS) && !b.has(resolver.TypeSOA) }

// closes reports whether nothing below the name belongs to the zone: such a record denies nothing there (RFC 6840, 4.1).
func (b types) closes() bool { return b.delegates() || b.has(resolver.TypeDNAME) }

// denies judges the record at a name that shall not have a type.
func (b types) denies(name resolver.Name, t resolver.Type) bool {
	if t == resolver.TypeDS && !name.IsRoot() { // RFC 6840, 4.1: the parent's side is wanted, for all else the zone's own
		if b.has(resolver.TypeSOA) {
			return false
		}
	} else if b.delegates() {
		return false
	}
	if t == resolver.TypeANY {
		return b.empty()
	}
	return !b.has(t) && !b.has(resolver.TypeCNAME)
}

// empty reports whether there is nothing at the name but what DNSSEC itself puts there.
func (b types) empty() bool {
	for len(b) >= 2 && 2+int(b[1]) <= len(b) {
		for i, octet := range []byte(b[2 : 2+int(b[1])]) {
			for bit := range 8 {
				t := resolver.Type(b[0])<<8 | resolver.Type(8*i+bit)
				if octet&(0x80>>bit) != 0 && t != resolver.TypeRRSIG && t != resolver.TypeNSEC && t != typeNXNAME {
					return false
				}
			}
		}
		b = b[2+int(b[1]):]
	}
	return true
}

// denials are the verified NSEC and NSEC3 records of a response.
type denials struct {
	zone       resolver.Name
	nsec       []nsec
	nsec3      []nsec3
	limit      uint16
	iterations uint16   // of the NSEC3 records
	failed     *Problem // of the first that did not verify
	seen       bool     // there are some, verified or not
}

// denials verifies the NSEC and NSEC3 records of a section, and adds to r what it takes and notes.
func (v Validator) denials(zone Zone, section []resolver.RR, s *spend, r *Result) denials {
	d := denials{zone: zone.Name, limit: v.iterations()}
	type set struct {
		owner resolver.Name
		t     resolver.Type
	}
	var done []set
	for _, rr := range section {
		x := set{rr.Name, rr.Type}
		if rr.Type != resolver.TypeNSEC && rr.Type != resolver.TypeNSEC3 || !rr.Name.Within(zone.Name) || slices.Contains(done, x) {
			continue
		}
		d.seen = true
		if done = append(done, x); len(done) > maxDenials {
			break
		}
		rrs := resolver.Response{Answer: section}.RRs(x.owner, x.t)
		sig, problem := v.set(zone.Name, zone.keys, section, rrs, s)
		if problem != nil {
			if d.failed == nil {
				d.failed = problem
			}
			continue
		}
		if sig.expanded() {
			continue // RFC 4035, 5.4: it is the wildcard's, and says nothing about the name it stands under
		}
		r.verified(sig)
		for _, rr := range rrs {
			d.read(rr)
		}
	}
	if d.iterations > 0 {
		r.Notes = append(r.Notes, Problem{Code: NSEC3Iterations, Zone: zone.Name, Iterations: d.iterations})
	}
	return d
}

func (d *denials) read(rr resolver.RR) {
	if rr.Type == resolver.TypeNSEC {
		if n, ok := parseNSEC(rr); ok {
			d.nsec = append(d.nsec, n)
		}
		return
	}
	n, ok := parseNSEC3(rr, d.zone)
	if !ok || len(d.nsec3) > 0 && n.params != d.nsec3[0].params { // RFC 5155, 8.2: all of one set of parameters
		return
	}
	d.nsec3 = append(d.nsec3, n)
	d.iterations = n.iterations
}

// by judges with whatever kind of records there is. An empty code means proven.
func (d denials) by(nsec func() Code, nsec3 func() Code) Code {
	switch {
	case len(d.nsec) > 0:
		if c := nsec(); c != DenialWrong || len(d.nsec3) == 0 {
			return c
		}
		fallthrough // a zone on the way from one kind to the other
	case len(d.nsec3) > 0:
		if d.iterations > d.limit {
			return NSEC3Iterations
		}
		return nsec3()
	case d.seen:
		return DenialWrong
	}
	return DenialMissing
}

// noName proves that neither the name nor a wildcard for it exists (RFC 4035, 5.4; RFC 5155, 8.4).
func (d denials) noName(name resolver.Name, s *spend) Code {
	return d.by(
		func() Code { return d.noNameNSEC(name) },
		func() Code { return d.noNameNSEC3(name, s) },
	)
}

// noData proves that the name has no records of a type. It gives the wildcard that has none where the name itself does not
// exist, and whether the proof says so by NXNAME.
func (d denials) noData(name resolver.Name, t resolver.Type, s *spend) (wildcard resolver.Name, absent bool, code Code) {
	code = d.by(
		func() (c Code) { wildcard, absent, c = d.noDataNSEC(name, t); return c },
		func() (c Code) { wildcard, absent, c = d.noDataNSEC3(name, t, s); return c },
	)
	return wildcard, absent, code
}

// noDS proves that a delegation has no DS records (RFC 6840, 4.4; RFC 5155, 8.9). It never gives the empty code: DSAbsent
// and OptOut are the good ones. CutUnknown means that there is no delegation.
func (d denials) noDS(name resolver.Name, s *spend) Code {
	return d.by(
		func() Code { return d.noDSNSEC(name) },
		func() Code { return d.noDSNSEC3(name, s) },
	)
}

// noCloser proves that nothing exists that is closer to the name than a wildcard below its last labels (RFC 4035, 5.3.4;
// RFC 5155, 8.8).
func (d denials) noCloser(name resolver.Name, labels int, s *spend) Code {
	return d.by(
		func() Code { return d.noCloserNSEC(name, labels) },
		func() Code { return d.noCloserNSEC3(name, labels, s) },
	)
}

// noDSAt judges the record that stands at a delegation.
func noDSAt(b types) Code {
	switch {
	case b.has(resolver.TypeDS) || b.has(resolver.TypeSOA):
		return DenialWrong
	case !b.has(resolver.TypeNS):
		return CutUnknown
	}
	return DSAbsent
}
