package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Key is a DNSKEY record's place in the world (RFC 4034, 2), without the octets of the key.
type Key struct {
	Tag       uint16
	Algorithm Algorithm
	Flags     uint16
}

// The flags of RFC 4034, 2.1.1 and RFC 5011, 7.
const (
	flagZone    = 0x0100
	flagRevoked = 0x0080
	flagSEP     = 0x0001
)

// SEP reports the secure entry point flag: a key meant to be named by a DS record, often called KSK.
func (k Key) SEP() bool { return k.Flags&flagSEP != 0 }

// Revoked reports the REVOKE flag (RFC 5011, 2.1): the key must not be trusted any more.
func (k Key) Revoked() bool { return k.Flags&flagRevoked != 0 }

// String gives tag and algorithm, as in "key 20326 (RSASHA256)".
func (k Key) String() string { return fmt.Sprintf("key %d (%s)", k.Tag, k.Algorithm) }

// DS is a delegation signer record (RFC 4034, 5).
type DS struct {
	Tag       uint16
	Algorithm Algorithm
	Digest    Digest
	Hash      string // the digest, octets in lower-case hexadecimal
}

// String gives what the record names, as in "key 20326 (RSASHA256) by SHA-256".
func (d DS) String() string {
	if d.Digest == 0 {
		return Key{Tag: d.Tag, Algorithm: d.Algorithm}.String()
	}
	return fmt.Sprintf("key %d (%s) by %s", d.Tag, d.Algorithm, d.Digest)
}

func parseDS(rdata string) (DS, bool) {
	if len(rdata) < 5 {
		return DS{}, false
	}
	return DS{
		Tag: uint16(rdata[0])<<8 | uint16(rdata[1]), Algorithm: Algorithm(rdata[2]), Digest: Digest(rdata[3]),
		Hash: hex.EncodeToString([]byte(rdata[4:])),
	}, true
}

// names reports whether the DS record is that of the key (RFC 4034, 5.1.4).
func (d DS) names(owner resolver.Name, k zoneKey) bool {
	if d.Tag != k.Tag || d.Algorithm != k.Algorithm || d.Digest.hash() == 0 {
		return false
	}
	h := d.Digest.hash().New()
	h.Write(owner.Wire())
	h.Write([]byte(k.rdata))
	return hex.EncodeToString(h.Sum(nil)) == d.Hash
}

// zoneKey is a DNSKEY record ready for use.
type zoneKey struct {
	Key
	rdata  string
	public crypto.PublicKey // nil: it cannot be used, for the reason in flaw
	flaw   Code
}

func parseKey(rdata string) (zoneKey, bool) {
	if len(rdata) < 5 {
		return zoneKey{}, false
	}
	k := zoneKey{rdata: rdata, Key: Key{
		Tag: keyTag(rdata), Flags: uint16(rdata[0])<<8 | uint16(rdata[1]), Algorithm: Algorithm(rdata[3]),
	}}
	switch {
	case k.Flags&flagZone == 0 || rdata[2] != 3: // RFC 4034, 2.1.1 and 2.1.2: it signs no zone data
		k.flaw = KeyUnfit
	case k.Revoked():
		k.flaw = KeyRevoked
	default:
		k.public, k.flaw = publicKey(k.Algorithm, []byte(rdata[4:]))
	}
	return k, true
}

// keyTag is the sum of RFC 4034, appendix B. (B.1 has another for RSAMD5, which is unsupported.)
func keyTag(rdata string) uint16 {
	var sum uint32
	for i := range len(rdata) {
		if i&1 == 0 {
			sum += uint32(rdata[i]) << 8
		} else {
			sum += uint32(rdata[i])
		}
	}
	return uint16(sum + sum>>16)
}

// The sizes of RSA keys that are used, in bits: the modulus as RFC 3110, 2 and RFC 5702, 2 bound it, the exponent so that a
// signature costs what a signature costs (BIND stops at 35).
const (
	minRSA      = 512
	maxRSA      = 4096
	maxExponent = 64
)

// publicKey reads a key. The reason why there is none is KeyBroken where the octets cannot be a key of the algorithm, and
// KeyUnusable where others may be able to use it.
func publicKey(a Algorithm, b []byte) (crypto.PublicKey, Code) {
	switch a {
	case RSASHA1, RSASHA1NSEC3, RSASHA256, RSASHA512: // RFC 3110, 2
		at, n := 1, int(b[0])
		if n == 0 && len(b) > 3 {
			at, n = 3, int(b[1])<<8|int(b[2])
		}
		if n == 0 || at+n >= len(b) {
			return nil, KeyBroken
		}
		e, m := new(big.Int).SetBytes(b[at:at+n]), new(big.Int).SetBytes(b[at+n:])
		switch {
		case e.BitLen() < 2 || e.BitLen() > maxExponent || m.BitLen() < minRSA || m.BitLen() > maxRSA:
			return nil, KeyUnusable
		case m.BitLen() < 1024 || e.BitLen() > 31:
			return oddRSA{m, e}, ""
		}
		return &rsa.PublicKey{N: m, E: int(e.Int64())}, ""
	case ECDSAP256SHA256, ECDSAP384SHA384: // RFC 6605, 4
		curve := elliptic.P256()
		if a == ECDSAP384SHA384 {
			curve = elliptic.P384()
		}
		p, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, b...))
		if err != nil {
			return nil, KeyBroken
		}
		return p, ""
	case ED25519: // RFC 8080, 3
		if len(b) != ed25519.PublicKeySize {
			return nil, KeyBroken
		}
		return ed25519.PublicKey(b), ""
	}
	return nil, AlgorithmUnsupported
}

// verify reports whether sig is the key's signature over data.
func (k zoneKey) verify(data []byte, sig []byte) bool {
	var sum []byte
	if hash := k.Algorithm.hash(); hash != 0 {
		h := hash.New()
		h.Write(data)
		sum = h.Sum(nil)
	}
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(p, k.Algorithm.hash(), sum, sig) == nil
	case oddRSA:
		return p.verify(k.Algorithm.hash(), sum, sig)
	case *ecdsa.PublicKey: // RFC 6605, 4: r and s, each as long as the curve's order
		size := (p.Curve.Params().BitSize + 7) / 8
		if len(sig) != 2*size {
			return false
		}
		return ecdsa.Verify(p, sum, new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:]))
	case ed25519.PublicKey:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(p, data, sig)
	}
	return false
}

// oddRSA is a key that package crypto/rsa refuses, and resolvers do not: shorter than 1024 bits, or with an exponent of more
// than 31 (2³²+1 is about, an old option of BIND's tools). Only public values are computed with.
type oddRSA struct{ n, e *big.Int }

// digestInfo is what stands in front of a hash in a signature (RFC 8017, 9.2, note 1).
var digestInfo = map[crypto.Hash]string{
	crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

// verify is RSASSA-PKCS1-v1_5 (RFC 8017, 8.2.2): the signature must come out as the one encoding of the hash.
func (p oddRSA) verify(hash crypto.Hash, sum, sig []byte) bool {
	size := (p.n.BitLen() + 7) / 8
	info := digestInfo[hash] + string(sum)
	s := new(big.Int).SetBytes(sig)
	if len(sig) != size || size < len(info)+11 || s.Cmp(p.n) >= 0 {
		return false
	}
	got := new(big.Int).Exp(s, p.e, p.n).FillBytes(make([]byte, size))
	return string(got) == "\x00\x01"+strings.Repeat("\xff", size-len(info)-3)+"\x00"+info
}

// parseKeys reads the DNSKEY records of a zone.
func parseKeys(rrs []resolver.RR) (keys []zoneKey) {
	for _, rr := range rrs[:min(len(rrs), maxKeys)] {
		if k, ok := parseKey(rr.RDATA); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

func public(keys []zoneKey) []Key {
	out := make([]Key, 0, len(keys))
	for _, k := range keys {
		out = append(out, k.Key)
	}
	return out
}

func be16(s string) uint16 { return binary.BigEndian.Uint16([]byte(s[:2])) }

func be32(s string) uint32 { return binary.BigEndian.Uint32([]byte(s[:4])) }
