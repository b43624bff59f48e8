package dnssec

import (
	"fmt"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Code says what is wrong, for programs. Codes are never reused.
type Code string

// The codes, by the status that they bring about. Notes have codes of these, too.
const (
	// Bogus: the chain.

	DSUnmatched   Code = "ds-unmatched"   // none of the zone's keys is one that a DS record (or the anchor) names
	KeysMissing   Code = "keys-missing"   // there are DS records, and the zone has no DNSKEY records
	KeysUnsigned  Code = "keys-unsigned"  // the DNSKEY records are not signed by a key that a DS record names
	KeyUnfit      Code = "key-unfit"      // the key has no zone flag or another protocol than 3: it must not sign zone data
	KeyRevoked    Code = "key-revoked"    // RFC 5011: the key has been revoked
	KeyBroken     Code = "key-broken"     // the key's octets are no key of its algorithm
	NotDelegated  Code = "not-delegated"  // the parent's signed proof says that it does not delegate the zone it refers to
	AliasWrong    Code = "alias-wrong"    // the CNAME is not the one that the DNAME above it makes
	DenialMissing Code = "denial-missing" // no NSEC or NSEC3 records come with a negative or wildcard answer
	DenialWrong   Code = "denial-wrong"   // the NSEC or NSEC3 records do not prove what the answer says

	// Bogus: one signature.

	SignatureMissing   Code = "signature-missing"   // the RRset has no RRSIG, in a zone that is signed
	SignatureExpired   Code = "signature-expired"   // right, and too old: see Off
	SignatureEarly     Code = "signature-early"     // right, and not valid yet: see Off
	SignatureWrong     Code = "signature-wrong"     // it does not match the data
	SignatureKey       Code = "signature-key"       // it is by a key that the zone does not publish
	SignatureSigner    Code = "signature-signer"    // it is another zone's
	SignatureLabels    Code = "signature-labels"    // it counts labels that the name cannot have
	SignatureAlgorithm Code = "signature-algorithm" // all are of algorithms that are not supported, though the zone's DS names others

	// Insecure.

	DSAbsent             Code = "ds-absent"             // the parent proves that the zone has no DS records
	OptOut               Code = "opt-out"               // NSEC3 opt-out (RFC 5155, 6): what is not signed may be there or not
	AlgorithmUnsupported Code = "algorithm-unsupported" // all DS records name algorithms that are not supported
	DigestUnsupported    Code = "digest-unsupported"    // all DS records of supported algorithms use other digests
	NSEC3Iterations      Code = "nsec3-iterations"      // more than the limit (RFC 9276, 3.2); as a note: more than the 0 that RFC 9276, 3.1 asks for

	// Indeterminate.

	AnchorMissing Code = "anchor-missing" // no trust anchor lies at or above the zone
	DSUnknown     Code = "ds-unknown"     // the parent's DS records or their denial were not to be had
	KeysUnknown   Code = "keys-unknown"   // the zone's DNSKEY records were not to be had
	KeyUnusable   Code = "key-unusable"   // the key is too short, too long or too odd to be used here
	ZoneBelow     Code = "zone-below"     // the answer is that of a zone further down (see Below), whose delegation has not been judged
	CutUnknown    Code = "cut-unknown"    // asked for its DS records, the parent proves that no zone begins there
	NotAsked      Code = "not-asked"      // the question had no DO: that there are no signatures says nothing
	NoAnswer      Code = "no-answer"      // the response is a failure, or no answer to the question
	OutOfZone     Code = "out-of-zone"    // the name asked for does not lie in the zone
	TooMuchWork   Code = "too-much-work"  // judging would take more than the bounds allow

	// Notes only.

	DigestSHA1 Code = "digest-sha1" // the DS record in use has a SHA-1 digest, which RFC 8624, 3.3 gives up
)

// status is what a problem of this code comes to.
func (c Code) status() Status {
	switch c {
	case "":
		return Secure
	case DSAbsent, OptOut, AlgorithmUnsupported, DigestUnsupported, NSEC3Iterations:
		return Insecure
	case AnchorMissing, DSUnknown, KeysUnknown, KeyUnusable, ZoneBelow, CutUnknown, NotAsked, NoAnswer, OutOfZone, TooMuchWork:
		return Indeterminate
	}
	return Bogus
}

// TimeOnly reports whether nothing but the time is wrong: with another clock the signature holds. Many zones at once that
// fail so, all by about the same, mean that it is this machine's clock.
func (c Code) TimeOnly() bool { return c == SignatureExpired || c == SignatureEarly }

// rank orders the problems of several signatures over one RRset: the closer to holding, the higher.
func (c Code) rank() int {
	switch c {
	case TooMuchWork:
		return 9
	case SignatureExpired, SignatureEarly:
		return 8
	case KeyUnusable:
		return 7
	case SignatureWrong:
		return 6
	case KeyRevoked, KeyBroken, KeyUnfit:
		return 5
	case SignatureKey, AlgorithmUnsupported:
		return 4
	case ZoneBelow:
		return 3
	case SignatureAlgorithm, SignatureLabels:
		return 2
	case SignatureSigner:
		return 1
	}
	return 0
}

// Problem is one reason for a status, as data; [Problem.String] says it in words. Fields that a code does not need are zero.
type Problem struct {
	Code Code
	Zone resolver.Name // whose keys judge; for the chain's own problems the zone whose chain it is
	Name resolver.Name // of the RRset, or the name denied
	Type resolver.Type

	Signature  Signature
	Key        Key
	Below      resolver.Name // ZoneBelow: the apex of that zone
	Off        time.Duration // SignatureExpired: since when; SignatureEarly: until when; never negative
	Iterations uint16        // NSEC3Iterations
	DS         []DS          // DSUnmatched and whatever else is about DS records: those there are
	Keys       []Key         // DSUnmatched, SignatureKey: the keys there are
}

const timeForm = "2006-01-02 15:04:05 UTC"

// String says it in a sentence without capital and stop.
func (p Problem) String() string {
	set := p.Name.String() + " " + p.Type.String()
	over := "the signature over " + set
	by := over + " by " + p.Key.String()
	switch p.Code {
	case DSUnmatched:
		return fmt.Sprintf("no key that %s publishes is one that %s: named is %s; published is %s",
			p.Zone, p.names(), list(p.DS, "nothing"), list(p.Keys, "nothing"))
	case KeysMissing:
		return fmt.Sprintf("%s has no DNSKEY records, though %s %s", p.Zone, p.names(), list(p.DS, "a key"))
	case KeysUnsigned:
		return fmt.Sprintf("the DNSKEY records of %s are not signed by a key that %s: named is %s; signed by %s",
			p.Zone, p.names(), list(p.DS, "nothing"), list(p.Keys, "none"))
	case KeyUnfit:
		return fmt.Sprintf("%s of %s is not a key for zone data (RFC 4034, 2.1), and %s is signed by it", p.Key, p.Zone, set)
	case KeyRevoked:
		return fmt.Sprintf("%s of %s is revoked (RFC 5011), and %s is signed by it", p.Key, p.Zone, set)
	case KeyBroken:
		return fmt.Sprintf("%s of %s is not a key of that algorithm, and %s is signed by it", p.Key, p.Zone, set)
	case NotDelegated:
		return fmt.Sprintf("%s refers to the name servers of %s, and its signed proof says that it does not delegate that name", p.Zone, p.Name)
	case AliasWrong:
		return fmt.Sprintf("the CNAME of %s is not the one that the DNAME above it makes", p.Name)
	case DenialMissing:
		return fmt.Sprintf("no NSEC or NSEC3 records prove that %s", p.denied())
	case DenialWrong:
		return fmt.Sprintf("the NSEC or NSEC3 records do not prove that %s", p.denied())
	case SignatureMissing:
		return fmt.Sprintf("%s is not signed, though zone %s is", set, p.Zone)
	case SignatureExpired:
		return fmt.Sprintf("%s expired on %s, %s ago", by, p.Signature.Expiration.Format(timeForm), span(p.Off))
	case SignatureEarly:
		return fmt.Sprintf("%s is not valid before %s, %s from now", by, p.Signature.Inception.Format(timeForm), span(p.Off))
	case SignatureWrong:
		return by + " does not match the data"
	case SignatureKey:
		return fmt.Sprintf("%s, which is not a key of zone %s", by, p.Zone)
	case SignatureSigner:
		return fmt.Sprintf("%s is made by %s, not by zone %s", over, p.Signature.Signer, p.Zone)
	case SignatureLabels:
		return fmt.Sprintf("%s counts %d labels, which its name cannot have", over, p.Signature.Labels)
	case SignatureAlgorithm:
		return fmt.Sprintf("%s is signed with %s alone, though the DS records of %s name another algorithm", set, p.Signature.Algorithm, p.Zone)
	case DSAbsent:
		return fmt.Sprintf("%s proves that it has no DS records for %s", p.Zone, p.Name)
	case OptOut:
		if p.Type != resolver.TypeDS {
			return fmt.Sprintf("the NSEC3 records of %s (opt-out) do not say whether an unsigned delegation is at or above %s", p.Zone, p.Name)
		}
		return fmt.Sprintf("%s has no DS records for %s, and its NSEC3 records (opt-out) let such names be unsigned", p.Zone, p.Name)
	case AlgorithmUnsupported:
		return fmt.Sprintf("%s %s, and none of these algorithms is supported: the zone counts as unsigned (RFC 4035, 5.2)", p.namesOf(), list(p.DS, "no key"))
	case DigestUnsupported:
		return fmt.Sprintf("%s %s, and none of these digests is supported: the zone counts as unsigned (RFC 6840, 5.2)", p.namesOf(), list(p.DS, "no key"))
	case NSEC3Iterations:
		return fmt.Sprintf("the NSEC3 records of %s ask for %d extra iterations, where RFC 9276 wants 0: resolvers may take its denials for unsigned or refuse them", p.Zone, p.Iterations)
	case AnchorMissing:
		return fmt.Sprintf("there is no trust anchor for %s or a zone above it", p.Zone)
	case DSUnknown:
		return fmt.Sprintf("whether %s has DS records for %s is not known", p.Zone, p.Name)
	case KeysUnknown:
		return fmt.Sprintf("the DNSKEY records of %s are not known", p.Zone)
	case KeyUnusable:
		return fmt.Sprintf("%s of %s cannot be used here: an RSA key must have %d to %d bits, and an exponent of up to %d", p.Key, p.Zone, minRSA, maxRSA, maxExponent)
	case ZoneBelow:
		return fmt.Sprintf("the answer for %s is that of %s, a zone below %s", set, p.Below, p.Zone)
	case CutUnknown:
		return fmt.Sprintf("%s proves that no zone begins at %s", p.Zone, p.Name)
	case NotAsked:
		return fmt.Sprintf("%s was asked for without its signatures", set)
	case NoAnswer:
		return fmt.Sprintf("the response is no answer for %s", set)
	case OutOfZone:
		return fmt.Sprintf("%s does not belong to zone %s", set, p.Zone)
	case TooMuchWork:
		return fmt.Sprintf("judging %s takes more signatures or hashes than an honest zone needs", set)
	case DigestSHA1:
		return fmt.Sprintf("the DS records of %s have SHA-1 digests only", p.Zone)
	}
	return string(p.Code)
}

// names says who names the keys of a zone.
func (p Problem) names() string {
	if p.Zone.IsRoot() {
		return "the trust anchor names"
	}
	return "its DS records name"
}

func (p Problem) namesOf() string {
	if p.Zone.IsRoot() {
		return "the trust anchor names"
	}
	return "the DS records of " + p.Zone.String() + " name"
}

func (p Problem) denied() string {
	if p.Type == 0 {
		return p.Name.String() + " does not exist"
	}
	return fmt.Sprintf("%s has no %s records", p.Name, p.Type)
}

// span says a duration in its largest unit, rounded down.
func span(d time.Duration) string {
	n, unit := int64(d/time.Second), "second"
	switch {
	case d >= 48*time.Hour:
		n, unit = int64(d/(24*time.Hour)), "day"
	case d >= 2*time.Hour:
		n, unit = int64(d/time.Hour), "hour"
	case d >= 2*time.Minute:
		n, unit = int64(d/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

func list[T fmt.Stringer](items []T, none string) string {
	if len(items) == 0 {
		return none
	}
	var out []string
	for _, s := range items {
		out = append(out, s.String())
	}
	return strings.Join(out, ", ")
}
