package validate

import (
	"crypto/sha1"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// spans are proven gaps in a zone's NSEC3 chain in which unsigned delegations may lie (opt-out; RFC 5155, 6). A delegation
// in such a gap needs no proof of its own (RFC 8198, 5.2 does the same for negative answers).
type spans struct {
	salt       string
	iterations uint16
	list       []nsec3Span // by from
}

type nsec3Span struct {
	from, to string // hashes
	until    time.Time
}

// manySpans is how many gaps are kept of one zone: of a large one each is met again only after long.
const manySpans = 4096

// nsec3Hash is the hash of RFC 5155, 5 with SHA-1, the only one there is.
func nsec3Hash(name resolver.Name, salt string, iterations uint16) string {
	h := sha1.Sum(append(name.Wire(), salt...))
	for range iterations {
		h = sha1.Sum(append(h[:], salt...))
	}
	return string(h[:])
}

// cover reports whether name lies in a gap that is still good.
func (s *spans) cover(name resolver.Name, now time.Time) bool {
	if len(s.list) == 0 {
		return false
	}
	h := nsec3Hash(name, s.salt, s.iterations)
	i, found := slices.BinarySearchFunc(s.list, h, func(x nsec3Span, h string) int { return strings.Compare(x.from, h) })
	if found {
		return false
	}
	x := s.list[(i-1+len(s.list))%len(s.list)] // the last one may go around the end
	inside := x.from < h && h < x.to || x.to <= x.from && (h > x.from || h < x.to)
	return inside && now.Before(x.until)
}

// learn takes in the opted-out gaps of a response whose signatures hold.
func (s *spans) learn(r resolver.Response, verified []dnssec.Signature, now time.Time) {
	for _, rr := range r.Authority {
		if rr.Type != resolver.TypeNSEC3 {
			continue
		}
		until := time.Time{}
		for _, v := range verified {
			if v.Name == rr.Name && v.Covered == resolver.TypeNSEC3 {
				if until = now.Add(time.Duration(rr.TTL) * time.Second); v.Expiration.Before(until) {
					until = v.Expiration
				}
			}
		}
		from, to, salt, iterations, ok := readNSEC3(rr)
		if !ok || until.IsZero() {
			continue
		}
		if salt != s.salt || iterations != s.iterations || len(s.list) >= manySpans {
			*s = spans{salt: salt, iterations: iterations}
		}
		i, found := slices.BinarySearchFunc(s.list, from, func(x nsec3Span, h string) int { return strings.Compare(x.from, h) })
		if x := (nsec3Span{from, to, until}); found {
			s.list[i] = x
		} else {
			s.list = slices.Insert(s.list, i, x)
		}
	}
}

// readNSEC3 reads an NSEC3 record with the opt-out flag (RFC 5155, 3.2).
func readNSEC3(rr resolver.RR) (from, to, salt string, iterations uint16, ok bool) {
	b := rr.RDATA
	const sha1Algorithm, optOut = 1, 1
	if len(b) < 5 || b[0] != sha1Algorithm || b[1] != optOut || len(b) < 5+int(b[4])+1 {
		return "", "", "", 0, false
	}
	salt = b[5 : 5+int(b[4])]
	rest := b[5+int(b[4]):]
	if n := int(rest[0]); n != sha1.Size || len(rest) < 1+n {
		return "", "", "", 0, false
	}
	owner, err := base32.HexEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(rr.Name.FirstLabel()))
	if err != nil || len(owner) != sha1.Size {
		return "", "", "", 0, false
	}
	return string(owner), rest[1 : 1+sha1.Size], salt, uint16(b[2])<<8 | uint16(b[3]), true
}
