package dnssec

import (
	"crypto"
	_ "crypto/sha1" // #nosec: DS digest type 1 and Validator.SHA1 need it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"strconv"
)

// Algorithm is a DNSSEC algorithm number (RFC 4034, A.1; IANA's registry, which RFC 9904 makes the place for what is
// recommended).
type Algorithm uint8

// The algorithms that decide something here.
const (
	RSASHA1         Algorithm = 5
	RSASHA1NSEC3    Algorithm = 7
	RSASHA256       Algorithm = 8
	RSASHA512       Algorithm = 10
	ECDSAP256SHA256 Algorithm = 13
	ECDSAP384SHA384 Algorithm = 14
	ED25519         Algorithm = 15
	ED448           Algorithm = 16
)

var algorithmNames = map[Algorithm]string{
	1: "RSAMD5", 3: "DSA", RSASHA1: "RSASHA1", 6: "DSA-NSEC3-SHA1", RSASHA1NSEC3: "RSASHA1-NSEC3-SHA1", RSASHA256: "RSASHA256",
	RSASHA512: "RSASHA512", 12: "ECC-GOST", ECDSAP256SHA256: "ECDSAP256SHA256", ECDSAP384SHA384: "ECDSAP384SHA384",
	ED25519: "ED25519", ED448: "ED448", 17: "SM2SM3", 23: "ECC-GOST12", 252: "INDIRECT", 253: "PRIVATEDNS", 254: "PRIVATEOID",
}

// String gives IANA's mnemonic, or "algorithm nnn".
func (a Algorithm) String() string {
	if s, ok := algorithmNames[a]; ok {
		return s
	}
	return "algorithm " + strconv.Itoa(int(a))
}

// supports reports whether signatures of the algorithm are verified here.
func (v Validator) supports(a Algorithm) bool {
	switch a {
	case RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519:
		return true
	case RSASHA1, RSASHA1NSEC3:
		return v.SHA1
	}
	return false
}

// hash gives the algorithm's hash function; 0 where it hashes by itself.
func (a Algorithm) hash() crypto.Hash {
	switch a {
	case RSASHA1, RSASHA1NSEC3:
		return crypto.SHA1
	case RSASHA256, ECDSAP256SHA256:
		return crypto.SHA256
	case RSASHA512:
		return crypto.SHA512
	case ECDSAP384SHA384:
		return crypto.SHA384
	}
	return 0
}

// Digest is a DS digest type (RFC 4034, A.2).
type Digest uint8

// The digest types that are understood.
const (
	SHA1   Digest = 1
	SHA256 Digest = 2
	SHA384 Digest = 4
)

// String gives the digest's name, or "digest nnn".
func (d Digest) String() string {
	switch d {
	case SHA1:
		return "SHA-1"
	case SHA256:
		return "SHA-256"
	case SHA384:
		return "SHA-384"
	}
	return "digest " + strconv.Itoa(int(d))
}

func (d Digest) hash() crypto.Hash {
	switch d {
	case SHA1:
		return crypto.SHA1
	case SHA256:
		return crypto.SHA256
	case SHA384:
		return crypto.SHA384
	}
	return 0
}
