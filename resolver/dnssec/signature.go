package dnssec

import (
	"cmp"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Signature is an RRSIG record (RFC 4034, 3), without the octets of the signature.
type Signature struct {
	Name       resolver.Name // of the RRset
	Covered    resolver.Type
	Signer     resolver.Name
	Tag        uint16
	Algorithm  Algorithm
	Labels     uint8 // of the name that was signed; fewer than Name has where a wildcard was expanded
	Inception  time.Time
	Expiration time.Time
}

// Key gives the key that the signature names; its flags are not known from it.
func (s Signature) Key() Key { return Key{Tag: s.Tag, Algorithm: s.Algorithm} }

// rrsig is a signature with what verifying takes.
type rrsig struct {
	Signature
	head  string // RDATA up to the signer's name
	value string
}

// signatures gives the RRSIG records over an RRset, each once.
func (v Validator) signatures(section []resolver.RR, owner resolver.Name, t resolver.Type) (out []rrsig) {
	for _, rr := range section {
		if rr.Type != resolver.TypeRRSIG || rr.Name != owner || len(rr.RDATA) < 19 || resolver.Type(be16(rr.RDATA)) != t {
			continue
		}
		signer, used, err := resolver.NameFromWire([]byte(rr.RDATA[18:]))
		if err != nil {
			continue
		}
		s := rrsig{head: rr.RDATA[:18], value: rr.RDATA[18+used:], Signature: Signature{
			Name: owner, Covered: t, Signer: signer, Tag: be16(rr.RDATA[16:]), Algorithm: Algorithm(rr.RDATA[2]), Labels: rr.RDATA[3],
			Inception: v.moment(be32(rr.RDATA[12:])), Expiration: v.moment(be32(rr.RDATA[8:])),
		}}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	// The one that lasts longest first, so that the end of the first that verifies is the end of them all.
	slices.SortStableFunc(out, func(a, b rrsig) int {
		return cmp.Or(b.Expiration.Compare(a.Expiration), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.value, b.value))
	})
	return out
}

// moment reads a time of 32 bits as the one closest to now (RFC 4034, 3.1.5: serial number arithmetic).
func (v Validator) moment(t uint32) time.Time {
	now := v.Now.Unix()
	return time.Unix(now+int64(int32(t-uint32(now))), 0).UTC()
}

// signedLabels counts the labels of a name as RRSIG does (RFC 4034, 3.1.3): without the root and a leftmost asterisk.
func signedLabels(n resolver.Name) int {
	c := n.NumLabels()
	if n.FirstLabel() == "*" {
		c--
	}
	return c
}

// signed gives the name whose signature this is: a wildcard where the RRset was expanded from one.
func (s Signature) signed() resolver.Name {
	if int(s.Labels) >= signedLabels(s.Name) {
		return s.Name
	}
	w, _ := s.Name.Ancestor(int(s.Labels)).Child("*") // shorter than the name it stands for
	return w
}

// expanded reports whether the RRset was made from a wildcard.
func (s Signature) expanded() bool { return int(s.Labels) < signedLabels(s.Name) }

// data reconstructs what was signed (RFC 4034, 3.1.8.1). The RDATA of the RRset is in canonical form and order.
func (s rrsig) data(rrset []resolver.RR) []byte {
	owner := s.signed().Wire()
	size := len(s.head) + 256
	for _, rr := range rrset {
		size += len(owner) + 10 + len(rr.RDATA)
	}
	b := make([]byte, 0, size)
	b = append(b, s.head...)
	b = append(b, s.Signer.Wire()...)
	for _, rr := range rrset {
		b = append(b, owner...)
		b = append(b, byte(rr.Type>>8), byte(rr.Type), 0, 1)
		b = append(b, s.head[4:8]...) // the original TTL
		b = append(b, byte(len(rr.RDATA)>>8), byte(len(rr.RDATA)))
		b = append(b, rr.RDATA...)
	}
	return b
}

// set judges one RRset of a section by the zone's keys (RFC 4035, 5.3). It gives the signature that holds, or the problem of
// the one that comes closest.
func (v Validator) set(zone resolver.Name, keys []zoneKey, section, rrset []resolver.RR, s *spend) (Signature, *Problem) {
	owner, t := rrset[0].Name, rrset[0].Type
	s.set = 0
	worst := &Problem{Code: SignatureMissing, Zone: zone, Name: owner, Type: t}
	note := func(p Problem) {
		p.Zone, p.Name, p.Type = zone, owner, t
		if p.Code.rank() > worst.Code.rank() {
			worst = &p
		}
	}
	for _, sig := range v.signatures(section, owner, t) {
		p := Problem{Signature: sig.Signature, Key: sig.Key()}
		switch {
		case sig.Signer != zone:
			p.Code = SignatureSigner
			if sig.Signer.Below(zone) && owner.Within(sig.Signer) && (t != resolver.TypeDS || sig.Signer != owner) {
				p.Code, p.Below = ZoneBelow, sig.Signer
			}
		case int(sig.Labels) > signedLabels(owner) || int(sig.Labels) < zone.NumLabels():
			p.Code = SignatureLabels
		case !v.supports(sig.Algorithm):
			p.Code = SignatureAlgorithm
		default:
			p = v.try(sig, keys, rrset, s)
		}
		if p.Code == "" {
			return sig.Signature, nil
		}
		note(p)
	}
	return Signature{}, worst
}

// try verifies one signature with every key it may be by. The code of the problem is empty where it holds.
func (v Validator) try(sig rrsig, keys []zoneKey, rrset []resolver.RR, s *spend) Problem {
	p := Problem{Code: SignatureKey, Signature: sig.Signature, Key: sig.Key()}
	var data []byte
	for _, k := range keys {
		if k.Tag != sig.Tag || k.Algorithm != sig.Algorithm {
			continue
		}
		p.Key = k.Key
		if k.public == nil {
			p.Code = k.flaw
			continue
		}
		if !s.signature() {
			p.Code = TooMuchWork
			return p
		}
		if data == nil {
			data = sig.data(rrset)
		}
		if !v.Memory.verify(k, data, []byte(sig.value)) {
			p.Code = SignatureWrong
			continue
		}
		switch {
		case v.Now.After(sig.Expiration):
			p.Code, p.Off = SignatureExpired, v.Now.Sub(sig.Expiration)
		case v.Now.Before(sig.Inception):
			p.Code, p.Off = SignatureEarly, sig.Inception.Sub(v.Now)
		default:
			p.Code = ""
		}
		return p
	}
	return p
}
