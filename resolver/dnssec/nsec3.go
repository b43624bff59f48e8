package dnssec

import (
	"crypto/sha1" // #nosec: the one hash that NSEC3 knows (RFC 5155, 11)
	"encoding/base32"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// nsec3 is an NSEC3 record (RFC 5155, 3).
type nsec3 struct {
	params
	owner, next string // hashes
	optOut      bool
	types       types
}

// params are what a zone's hashes depend on.
type params struct {
	iterations uint16
	salt       string
}

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// parseNSEC3 reads a record; those of other hashes, other flags (RFC 5155, 8.1 and 8.2) or another zone do not count.
func parseNSEC3(rr resolver.RR, zone resolver.Name) (nsec3, bool) {
	d := rr.RDATA
	if len(d) < 5 || d[0] != 1 || d[1] > 1 || rr.Name.Parent() != zone {
		return nsec3{}, false
	}
	n := nsec3{optOut: d[1] == 1, params: params{iterations: be16(d[2:])}}
	salt := int(d[4])
	if len(d) < 6+salt {
		return nsec3{}, false
	}
	n.salt, d = d[5:5+salt], d[5+salt:]
	size := int(d[0])
	if len(d) < 1+size || size != sha1.Size {
		return nsec3{}, false
	}
	n.next, n.types = d[1:1+size], types(d[1+size:])
	label := []byte(rr.Name.FirstLabel())
	for i, c := range label {
		if 'a' <= c && c <= 'z' {
			label[i] = c - 'a' + 'A'
		}
	}
	owner, err := base32hex.DecodeString(string(label))
	n.owner = string(owner)
	return n, err == nil && len(owner) == sha1.Size
}

// of hashes a name (RFC 5155, 5).
func (p params) of(name resolver.Name, s *spend) (string, bool) {
	if !s.hash(int(p.iterations) + 1) {
		return "", false
	}
	b := append(name.Wire(), p.salt...)
	sum := sha1.Sum(b)
	for range p.iterations {
		b = append(append(b[:0], sum[:]...), p.salt...)
		sum = sha1.Sum(b)
	}
	return string(sum[:]), true
}

func (n nsec3) covers(hash string) bool {
	if n.owner < n.next {
		return n.owner < hash && hash < n.next
	}
	return n.owner < hash || hash < n.next // the last one, which reaches round
}

func (d denials) hashed(hash string) (nsec3, bool) {
	for _, n := range d.nsec3 {
		if n.owner == hash {
			return n, true
		}
	}
	return nsec3{}, false
}

func (d denials) aroundHash(hash string) (nsec3, bool) {
	for _, n := range d.nsec3 {
		if n.covers(hash) {
			return n, true
		}
	}
	return nsec3{}, false
}

// nearest is what the records show of a name.
type nearest struct {
	match    nsec3 // at the name itself, where exists
	exists   bool
	encloser resolver.Name // else the closest encloser (RFC 5155, 8.3)
	closer   nsec3         // and the record that covers the next closer name
	proven   bool
	over     bool
}

func (d denials) nearest(name resolver.Name, s *spend) (x nearest) {
	p := d.nsec3[0].params
	closer := ""
	for n := name; n.Within(d.zone); n = n.Parent() {
		h, ok := p.of(n, s)
		if !ok {
			x.over = true
			return x
		}
		match, ok := d.hashed(h)
		if !ok {
			closer = h
			continue
		}
		if n == name {
			x.match, x.exists = match, true
			return x
		}
		if match.types.closes() {
			return x // RFC 5155, 8.3: below a cut or a DNAME there is nothing of this zone
		}
		x.encloser = n
		x.closer, x.proven = d.aroundHash(closer)
		return x
	}
	return x
}

// wildcard finds the record at, or around, the wildcard below an encloser.
func (d denials) wildcard(encloser resolver.Name, s *spend) (w resolver.Name, at nsec3, exists, covered, over bool) {
	w, ok := encloser.Child("*")
	if !ok {
		return w, nsec3{}, false, true, false // longer than a name may be: there is none
	}
	h, ok := d.nsec3[0].of(w, s)
	if !ok {
		return w, nsec3{}, false, false, true
	}
	if at, exists = d.hashed(h); exists {
		return w, at, true, false, false
	}
	_, covered = d.aroundHash(h)
	return w, nsec3{}, false, covered, false
}

func (d denials) noNameNSEC3(name resolver.Name, s *spend) Code {
	x := d.nearest(name, s)
	switch {
	case x.over:
		return TooMuchWork
	case x.exists && x.match.types.has(typeNXNAME):
		return ""
	case !x.proven:
		return DenialWrong
	}
	_, _, _, covered, over := d.wildcard(x.encloser, s)
	switch {
	case over:
		return TooMuchWork
	case !covered:
		return DenialWrong
	case x.closer.optOut:
		return OptOut // RFC 5155, 9.2
	}
	return ""
}

func (d denials) noDataNSEC3(name resolver.Name, t resolver.Type, s *spend) (wildcard resolver.Name, absent bool, code Code) {
	x := d.nearest(name, s)
	switch {
	case x.over:
		return wildcard, false, TooMuchWork
	case x.exists:
		if !x.match.types.denies(name, t) {
			return wildcard, false, DenialWrong
		}
		return wildcard, x.match.types.has(typeNXNAME), ""
	case !x.proven:
		return wildcard, false, DenialWrong
	}
	w, at, exists, _, over := d.wildcard(x.encloser, s)
	switch {
	case over:
		return wildcard, false, TooMuchWork
	case exists && !at.types.denies(w, t):
		return wildcard, false, DenialWrong
	case exists: // RFC 5155, 8.7
		wildcard = w
	case !x.closer.optOut: // with opt-out 8.6 for DS; for other types an empty non-terminal above unsigned delegations only
		return wildcard, false, DenialWrong
	}
	if x.closer.optOut {
		return wildcard, false, OptOut // 9.2
	}
	return wildcard, false, ""
}

func (d denials) noDSNSEC3(name resolver.Name, s *spend) Code {
	x := d.nearest(name, s)
	switch {
	case x.over:
		return TooMuchWork
	case x.exists:
		return noDSAt(x.match.types)
	case !x.proven:
		return DenialWrong
	case x.closer.optOut:
		return OptOut
	}
	return CutUnknown
}

func (d denials) noCloserNSEC3(name resolver.Name, labels int, s *spend) Code {
	h, ok := d.nsec3[0].of(name.Ancestor(labels+1), s)
	if !ok {
		return TooMuchWork
	}
	closer, ok := d.aroundHash(h)
	switch {
	case !ok:
		return DenialWrong
	case closer.optOut: // RFC 5155, 9.2: an unsigned delegation may be closer
		return OptOut
	}
	return ""
}
