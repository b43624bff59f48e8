package resolvertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// moment is where signatures lie around when the Internet says nothing else.
var moment = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// How long signatures are valid before and after the moment, and by how much expired ones are, if the text does not say.
const (
	validBefore = 7 * 24 * time.Hour
	validAfter  = 14 * 24 * time.Hour
	defaultOff  = 24 * time.Hour
)

// denialKind is how a zone proves that something is not there.
type denialKind string

const (
	byNSEC    denialKind = "nsec"
	byNSEC3   denialKind = "nsec3"
	byCompact denialKind = "compact" // RFC 9824, as servers do that sign while they answer
)

// signing is how a copy of a zone is signed, and what is wrong with that.
type signing struct {
	said       bool // the text says that the copy is signed, or that it is not
	on         bool
	algorithm  uint8
	denial     denialKind
	iterations uint16
	salt       string
	optOut     bool

	faults   []signingFault
	noKeys   bool
	noDenial bool
	ds       string // "", "none", "wrong", or with a number: "algorithm", "digest"
	dsNumber uint8
}

type signingFault struct {
	what string // expired, early, altered, no-signature
	t    uint16 // 0: of any type
	by   time.Duration
}

// parseSigning reads a part of an $ORIGIN line; false where it is not about signatures.
func (s *signing) parse(words []string) (bool, error) {
	number := func(i, most int) (uint16, error) {
		if i >= len(words) {
			return 0, fmt.Errorf("%q must be followed by a number", words[i-1])
		}
		n, err := strconv.ParseUint(words[i], 10, 16)
		if err != nil || int(n) > most {
			return 0, fmt.Errorf("found %q, expected a number up to %d", words[i], most)
		}
		return uint16(n), nil
	}
	none := func() error {
		if len(words) > 1 {
			return fmt.Errorf("%q takes nothing, found %q", words[0], words[1])
		}
		return nil
	}
	switch words[0] {
	case "unsigned":
		s.said = true
		return true, none()
	case "no-keys":
		s.noKeys = true
		return true, none()
	case "no-denial":
		s.noDenial = true
		return true, none()
	case "signed":
		s.said, s.on = true, true
		var err error
		for i := 1; i < len(words) && err == nil; i++ {
			switch w := words[i]; {
			case w == string(byNSEC) || w == string(byNSEC3) || w == string(byCompact):
				s.denial = denialKind(w)
			case w == "opt-out":
				s.optOut = true
			case w == "iterations":
				i++
				s.iterations, err = number(i, 2500)
			case w == "salt" && i+1 < len(words):
				i++
				if b, e := hex.DecodeString(words[i]); e != nil || len(b) > 255 {
					err = fmt.Errorf("salt: found %q, expected octets in hexadecimal", words[i])
				}
				s.salt = words[i]
			default:
				n, ok := dns.StringToAlgorithm[strings.ToUpper(w)]
				if v, e := strconv.ParseUint(w, 10, 8); e == nil {
					n, ok = uint8(v), true
				}
				if !ok || keySize(n) == 0 {
					err = fmt.Errorf("signed: found %q, expected nsec, nsec3, compact, opt-out, iterations N, salt HEX or one of the algorithms 5, 7, 8, 10, 13, 14, 15", w)
				}
				s.algorithm = n
			}
		}
		return true, err
	case "ds":
		if len(words) < 2 {
			return true, fmt.Errorf(`"ds" must be followed by none, wrong, algorithm N or digest N`)
		}
		s.ds = words[1]
		switch s.ds {
		case "none", "wrong":
			words = words[1:]
			return true, none()
		case "algorithm", "digest":
			n, err := number(2, 255)
			s.dsNumber = uint8(n)
			return true, err
		}
		return true, fmt.Errorf("ds: found %q, expected none, wrong, algorithm N or digest N", words[1])
	case "expired", "early", "altered", "no-signature":
		f := signingFault{what: words[0], by: defaultOff}
		for i := 1; i < len(words); i++ {
			if words[i] == "by" && i+1 < len(words) {
				d, err := time.ParseDuration(words[i+1])
				if err != nil || d < 0 {
					return true, fmt.Errorf("%s by: found %q, expected a duration, as in 90m", f.what, words[i+1])
				}
				f.by, i = d, i+1
				continue
			}
			t, err := resolver.ParseType(words[i])
			if err != nil {
				return true, err
			}
			f.t = uint16(t)
		}
		s.faults = append(s.faults, f)
		return true, nil
	}
	return false, nil
}

// keySize gives the bits of a key of the algorithm, 0 for algorithms that are not signed with here.
func keySize(algorithm uint8) int {
	switch algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		return 2048
	case dns.ECDSAP256SHA256, dns.ED25519:
		return 256
	case dns.ECDSAP384SHA384:
		return 384
	}
	return 0
}

// zoneKey is one of a zone's keys. It is the same each time: it follows from what it is for.
type zoneKey struct {
	dns.DNSKEY
	signer crypto.Signer
}

var keys sync.Map // by keyFor's arguments

// keyFor gives the key of a zone with these flags: 257 for the one that DS records name, 256 for the other.
func keyFor(zone resolver.Name, algorithm uint8, flags uint16, more string) *zoneKey {
	id := fmt.Sprintf("%s %d %d %s", zone, algorithm, flags, more)
	if k, ok := keys.Load(id); ok {
		return k.(*zoneKey)
	}
	k := &zoneKey{DNSKEY: dns.DNSKEY{Hdr: header(zone, dns.TypeDNSKEY, DefaultTTL), Flags: flags, Protocol: 3, Algorithm: algorithm}}
	seed := &stream{seed: id}
	var public []byte
	switch algorithm {
	case dns.ECDSAP256SHA256, dns.ECDSAP384SHA384:
		curve := elliptic.P256()
		if algorithm == dns.ECDSAP384SHA384 {
			curve = elliptic.P384()
		}
		p := ecdsaKey(curve, seed)
		b, err := p.PublicKey.Bytes()
		if err != nil {
			panic(err) // a point of the curve
		}
		public, k.signer = b[1:], p
	case dns.ED25519:
		p := ed25519.NewKeyFromSeed(seed.take(ed25519.SeedSize))
		public, k.signer = p.Public().(ed25519.PublicKey), p
	default:
		p := rsaKey(keySize(algorithm), seed)
		public, k.signer = append([]byte{3, 1, 0, 1}, p.N.Bytes()...), p // RFC 3110, 2
	}
	k.PublicKey = base64.StdEncoding.EncodeToString(public)
	k.signer = &remembering{Signer: k.signer, id: id}
	kept, _ := keys.LoadOrStore(id, k)
	return kept.(*zoneKey)
}

// stream is an endless sequence of octets that follows from its seed.
type stream struct {
	seed  string
	block int
	left  []byte
}

func (s *stream) take(n int) []byte {
	for len(s.left) < n {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s #%d", s.seed, s.block))
		s.left = append(s.left, sum[:]...)
		s.block++
	}
	out := slices.Clone(s.left[:n])
	s.left = s.left[n:]
	return out
}

func ecdsaKey(curve elliptic.Curve, from *stream) *ecdsa.PrivateKey {
	for {
		p, err := ecdsa.ParseRawPrivateKey(curve, from.take((curve.Params().BitSize+7)/8))
		if err == nil {
			return p
		}
	}
}

// rsaKey makes a key of two primes that follow from the stream; package rsa makes random ones only.
func rsaKey(bits int, from *stream) *rsa.PrivateKey {
	prime := func() *big.Int {
		b := from.take(bits / 16)
		b[0] |= 0xc0 // the product has all its bits
		b[len(b)-1] |= 1
		p := new(big.Int).SetBytes(b)
		one, e := big.NewInt(1), big.NewInt(65537)
		for !p.ProbablyPrime(1) || new(big.Int).GCD(nil, nil, e, new(big.Int).Sub(p, one)).Cmp(one) != 0 {
			p.Add(p, big.NewInt(2))
		}
		return p
	}
	p, q := prime(), prime()
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, Primes: []*big.Int{p, q},
		D: new(big.Int).ModInverse(big.NewInt(65537), phi),
	}
	k.Precompute()
	return k
}

// remembering is a key that makes each signature once in the life of the process, and the same each time: thousands of
// small internets are much alike.
type remembering struct {
	crypto.Signer
	id string
}

var signatures = struct {
	sync.Mutex
	made map[[sha256.Size]byte][]byte
}{made: map[[sha256.Size]byte][]byte{}}

// maxSignatures bounds what is remembered; it is some 10 MB.
const maxSignatures = 100_000

func (k *remembering) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	at := sha256.Sum256(append([]byte(k.id+"\x00"), digest...))
	signatures.Lock()
	sig, ok := signatures.made[at]
	signatures.Unlock()
	if ok {
		return sig, nil
	}
	sig, err := k.Signer.Sign(nil, digest, opts) // without randomness ECDSA is deterministic (RFC 6979), the others are anyhow
	if err != nil {
		return nil, err
	}
	signatures.Lock()
	defer signatures.Unlock()
	if len(signatures.made) >= maxSignatures {
		clear(signatures.made)
	}
	signatures.made[at] = sig
	return sig, nil
}

// signs reports whether the copy of the zone has signatures of our making.
func (z *zone) signs() bool { return z.signing.on }

// keys gives the keys that sign the zone: the one that DS records name, and the one that signs all but the keys.
func (z *zone) keys() (entry, rest *zoneKey) {
	return keyFor(z.name, z.signing.algorithm, 257, ""), keyFor(z.name, z.signing.algorithm, 256, "")
}

// ds gives what the zone above shall have for this copy; nil for nothing.
func (z *zone) ds() *dns.DS {
	s := z.signing
	if s.ds == "none" || s.ds == "" && !s.on {
		return nil
	}
	more := ""
	if s.ds == "wrong" {
		more = "of another day"
	}
	ds := keyFor(z.name, s.algorithm, 257, more).ToDS(dns.SHA256)
	ds.Hdr.Ttl = DefaultTTL
	switch s.ds {
	case "algorithm":
		ds.Algorithm = s.dsNumber
	case "digest":
		ds.DigestType = s.dsNumber
	}
	return ds
}

type signed struct {
	owner resolver.Name
	t     uint16
}

// signatures gives the signatures over an RRset; owner is the name it is signed for.
func (z *zone) signatures(owner resolver.Name, rrs []dns.RR) []dns.RR {
	if len(rrs) == 0 {
		return nil
	}
	t := rrs[0].Header().Rrtype
	if sig, ok := z.made[signed{owner, t}]; ok {
		return sig
	}
	if z.made == nil {
		z.made = map[signed][]dns.RR{}
	}
	sig := z.signature(owner, rrs, t)
	z.made[signed{owner, t}] = sig
	return sig
}

func (z *zone) signature(owner resolver.Name, rrs []dns.RR, t uint16) []dns.RR {
	at := moment
	if z.moment != nil && !z.moment.IsZero() {
		at = *z.moment
	}
	entry, key := z.keys()
	if t == dns.TypeDNSKEY {
		key = entry
	}
	from, until := at.Add(-validBefore), at.Add(validAfter)
	altered := false
	for _, f := range z.signing.faults {
		if f.t != 0 && f.t != t {
			continue
		}
		switch f.what {
		case "no-signature":
			return nil
		case "expired":
			until = at.Add(-f.by)
			from = until.Add(-validAfter)
		case "early":
			from = at.Add(f.by)
			until = from.Add(validAfter)
		case "altered":
			altered = true
		}
	}
	if h := rrs[0].Header(); h.Name != owner.String() {
		rrs = slices.Clone(rrs)
		for i := range rrs {
			rrs[i] = dns.Copy(rrs[i])
			rrs[i].Header().Name = owner.String()
		}
	}
	sig := &dns.RRSIG{
		Hdr: header(owner, dns.TypeRRSIG, rrs[0].Header().Ttl), Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: z.name.String(),
		Inception: uint32(from.Unix()), Expiration: uint32(until.Unix()),
	}
	if sig.Sign(key.signer, rrs) != nil {
		return nil // what the library cannot pack is served as it is
	}
	if altered {
		sig.OrigTtl++
	}
	return []dns.RR{sig}
}

// signAll decides which zones are signed, and fills in what is zone data: DNSKEY, NSEC3PARAM, and the DS records above.
func (b *builder) signAll() {
	signer := func(z *zone) {
		if !z.signing.said {
			z.signing.on = true
		}
	}
	for _, z := range b.zones {
		if z.name.NumLabels() <= 1 {
			signer(z)
		}
	}
	for _, z := range b.zones {
		if z.undelegated || z.name.IsRoot() || z.ds() == nil && !z.signing.on {
			continue
		}
		for n := z.name; !n.IsRoot(); {
			n = b.parentOf(n)
			for _, p := range b.copies[n] {
				signer(p)
			}
		}
	}
	for _, z := range b.zones {
		s := z.signing
		if !s.on {
			continue
		}
		entry, rest := z.keys()
		if !s.noKeys && len(z.get(z.name, dns.TypeDNSKEY)) == 0 {
			z.add(z.name, dns.Copy(&entry.DNSKEY))
			z.add(z.name, dns.Copy(&rest.DNSKEY))
		}
		if s.denial == byNSEC3 {
			z.add(z.name, &dns.NSEC3PARAM{
				Hdr: header(z.name, dns.TypeNSEC3PARAM, 0), Hash: dns.SHA1, Iterations: s.iterations, SaltLength: uint8(len(s.salt) / 2), Salt: s.salt,
			})
		}
	}
	given := map[*zone]map[resolver.Name]bool{}
	for _, z := range b.zones {
		if z.undelegated || z.name.IsRoot() {
			continue
		}
		ds := z.ds()
		if ds == nil {
			continue
		}
		for _, p := range b.copies[b.parentOf(z.name)] {
			if given[p] == nil {
				given[p] = map[resolver.Name]bool{}
			}
			if p.asGiven || !p.signing.on || len(p.get(z.name, dns.TypeDS)) > 0 && !given[p][z.name] {
				continue
			}
			given[p][z.name] = true
			p.add(z.name, ds)
		}
	}
}
