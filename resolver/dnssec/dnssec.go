// Package dnssec judges answers: is one secure, insecure or bogus, and why (RFC 4033 to 4035, 5155, 6840, 9276, 9824).
//
// It asks nothing. Whoever has asked hands over the responses, in any order they came in, and gets values back:
//
//	v := dnssec.Validator{Anchors: dnssec.RootAnchors(), Now: now}
//	root := v.Root(rootDNSKEY)
//	com := v.Child(root, comName, comReferralOrDS, comDNSKEY)
//	example := v.Child(com, exampleName, exampleReferralOrDS, exampleDNSKEY)
//	result := v.Answer(example, response) // result.Status, and result.Why where it is not Secure
//
// So everything can be asked at once, a transcript replays to the same judgement, and a [Zone] can be kept and shared by
// many checks. Responses must have been asked for with DNSSEC records ([resolver.Question].DNSSEC).
//
// Whatever a response holds, the work is bounded: signatures tried (CVE-2023-50387) and hashes computed (CVE-2023-50868)
// are counted in [Work] and end in Indeterminate. Nothing here panics, prints, waits, or reads a clock.
//
// # What is understood
//
// Algorithms 8, 10, 13, 14 and 15, digests 1, 2 and 4. All others are unsupported, and a zone whose DS records name no
// other is Insecure (RFC 4035, 5.2; RFC 6840, 5.2). That goes for Ed448 (16), which some resolvers know and some do not,
// and for RSASHA1 (5, 7): resolvers must treat them as unsupported since RFC 9905, section 2 (November 2025). Resolvers
// older than that still validate them: Validator.SHA1 does as they do.
package dnssec

import (
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Status is what is known about an answer or a zone (RFC 4033, 5; RFC 4035, 4.3).
type Status string

// The statuses.
const (
	// Secure: a chain of signatures leads from the trust anchor to the data, or to the proof that there is none.
	Secure Status = "secure"
	// Insecure: it is proven that no chain leads there, as below a delegation without DS.
	Insecure Status = "insecure"
	// Bogus: there should be a chain and there is none: a validating resolver answers SERVFAIL.
	Bogus Status = "bogus"
	// Indeterminate: what would decide was not handed over, is out of this validator's reach, or took too much work.
	Indeterminate Status = "indeterminate"
)

// DefaultIterations is the number of extra NSEC3 iterations above which a denial is not looked at but taken for insecure:
// what BIND since 9.20, Knot Resolver and PowerDNS do after CVE-2023-50868. RFC 9276, 3.1 asks zones for 0 and 3.2 leaves
// the limit to resolvers; older ones go up to 150.
const DefaultIterations = 50

// Validator holds what a judgement depends on besides the responses. It is a plain value, safe for concurrent use. Its
// zero value has no anchor and judges everything Indeterminate.
type Validator struct {
	Anchors Anchors
	// Now is the moment of the judgement: signatures must be valid then, to the second, without any allowance for clocks
	// that are off. What fails by time alone says so ([Code.TimeOnly]) and by how much ([Problem].Off).
	Now time.Time
	// Iterations is the limit for NSEC3; 0: [DefaultIterations].
	Iterations uint16
	// SHA1 validates algorithms 5 and 7, as resolvers did before RFC 9905.
	SHA1 bool
	// Memory, if set, is shared by the judgements of many records, of whose zones most signatures are the same.
	Memory *Memory
}

func (v Validator) iterations() uint16 {
	if v.Iterations == 0 {
		return DefaultIterations
	}
	return v.Iterations
}

// Work counts what one judgement cost.
type Work struct {
	Signatures int // public-key operations
	Hashes     int // NSEC3 hash rounds
}

// The bounds of one judgement. Honest answers need a handful of signatures; two keys of one zone with the same tag occur,
// more do not.
const (
	maxTriesPerSet = 8  // signatures × keys tried for one RRset
	maxTries       = 64 // and for all of them
	maxRounds      = 20000
	maxDenials     = 16 // NSEC and NSEC3 RRsets of one response that are looked at
	maxAliases     = 16
	maxKeys        = 64 // DNSKEY or DS records of one zone that are looked at
)

// spend counts work of one judgement against its bounds.
type spend struct {
	Work
	set  int // tries for the RRset at hand
	over bool
}

func (s *spend) signature() bool {
	if s.set >= maxTriesPerSet || s.Signatures >= maxTries {
		s.over = true
		return false
	}
	s.set++
	s.Signatures++
	return true
}

func (s *spend) hash(rounds int) bool {
	if s.Hashes+rounds > maxRounds {
		s.over = true
		return false
	}
	s.Hashes += rounds
	return true
}

// Result is the judgement of one response.
type Result struct {
	Status Status
	// Meaning is what is answered: Answers, NoSuchName, NoData or Refers. With compact denial (RFC 9824) it is NoSuchName
	// though the response says NOERROR. For a response that is no answer it is Lame or Fails.
	Meaning resolver.Meaning
	// Why tells why the status is not Secure, the cause first; empty for Secure.
	Why []Problem
	// Notes are what makes the answer fragile: a resolver with other limits may see it otherwise.
	Notes []Problem
	// Wildcard is the wildcard that the answer, or the first link of its aliases, was made from; zero where there is none.
	Wildcard resolver.Name
	// Verified are the signatures that the judgement rests on.
	Verified []Signature
	// Expires is when the first of them, or of the zone's chain, ends; zero where nothing is signed.
	Expires time.Time
	// Left is the name at which the judgement ends because its data belongs to another zone, such as the target of an
	// alias; zero where nothing is left. What the response holds for it has not been judged.
	Left resolver.Name
	Work Work
}

func (r *Result) verified(s Signature) {
	r.Verified = append(r.Verified, s)
	r.Expires = earlier(r.Expires, s.Expiration)
}

// earlier gives the first of two moments; the zero Time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
