package dnssec

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

//go:embed root.ds
var rootDS string

// ErrBadAnchors is wrapped by the errors of [ParseAnchors].
var ErrBadAnchors = errors.New("not a file of trust anchors")

// AnchorsError tells where a file of trust anchors goes wrong. It wraps [ErrBadAnchors].
type AnchorsError struct {
	Line   int // from 1; 0 for the file as a whole
	Reason string
}

func (e *AnchorsError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Unwrap gives [ErrBadAnchors].
func (e *AnchorsError) Unwrap() error { return ErrBadAnchors }

// Anchors are the keys that are trusted without proof, by the zones they are for (RFC 4035, 4.4). The zero value has none.
// It is a value: nobody can change what another holds.
type Anchors struct {
	zones []anchor // sorted by name
}

type anchor struct {
	zone resolver.Name
	ds   []DS
	keys []zoneKey
}

// RootAnchors gives those of the root zone that IANA publishes (https://data.iana.org/root-anchors/), as Debian's
// dns-root-data ships them: KSK-2017 (20326) and KSK-2024 (38696).
func RootAnchors() Anchors { return rootAnchors() }

var rootAnchors = sync.OnceValue(func() Anchors {
	a, err := ParseAnchors(strings.NewReader(rootDS))
	if err != nil {
		panic(err) // the embedded file; a test reads it
	}
	return a
})

// What bounds [ParseAnchors]; Debian's root.key has 850 octets in two lines.
const (
	maxAnchorsOctets = 1 << 20
	maxAnchors       = 1000
)

// ParseAnchors reads trust anchors: DS and DNSKEY records in zone-file format, one on a line, with fully qualified owners,
// as in dns-root-data's root.ds and root.key, or in the file that unbound keeps of a zone's keys, of which those are passed
// over that it does not trust yet or any more (RFC 5011, 4.2). Empty lines and comments (";") are, too. A file without an anchor is
// an error, as is any other line: it is an [*AnchorsError], wrapped.
func ParseAnchors(r io.Reader) (Anchors, error) {
	fail := func(line int, format string, args ...any) (Anchors, error) {
		return Anchors{}, fmt.Errorf("dnssec: read trust anchors: %w", &AnchorsError{line, fmt.Sprintf(format, args...)})
	}
	var a Anchors
	in := bufio.NewScanner(io.LimitReader(r, maxAnchorsOctets))
	in.Buffer(nil, maxAnchorsOctets)
	for n, records := 1, 0; in.Scan(); n++ {
		text, comment, _ := strings.Cut(in.Text(), ";")
		if text = strings.TrimSpace(text); text == "" || !trusted(comment) {
			continue
		}
		switch {
		case strings.HasPrefix(text, "$"):
			return fail(n, "directives such as %q are not understood: a DS or DNSKEY record is wanted, with its full owner", firstWord(text))
		case strings.HasPrefix(text, "trust-anchors") || strings.HasPrefix(text, "managed-keys") || strings.HasPrefix(text, "<"):
			return fail(n, "found %q; DS or DNSKEY records in zone-file format are wanted, as in dns-root-data's root.key", firstWord(text))
		case strings.Contains(text, "("):
			return fail(n, "a record must stand on one line, without parentheses")
		}
		rr, err := resolver.ParseRR(text)
		if err != nil {
			return fail(n, "found %q, expected a DS or DNSKEY record", text)
		}
		if records++; records > maxAnchors {
			return fail(n, "it has more than %d anchors", maxAnchors)
		}
		if err := a.add(rr); err != "" {
			return fail(n, "%s", err)
		}
	}
	if err := in.Err(); err != nil {
		return Anchors{}, fmt.Errorf("dnssec: read trust anchors: %w", err)
	}
	if len(a.zones) == 0 {
		return fail(0, "it holds no DS or DNSKEY record")
	}
	slices.SortFunc(a.zones, func(x, y anchor) int { return x.zone.Compare(y.zone) })
	return a, nil
}

// trusted reads the state that unbound notes of a key: valid, or missing from the zone at the moment, is trusted.
func trusted(comment string) bool {
	_, state, ok := strings.Cut(comment, ";state=")
	return !ok || strings.HasPrefix(state, "2") || strings.HasPrefix(state, "3")
}

func firstWord(s string) string { return strings.Fields(s)[0] }

// add adds one record; the reason why not is empty where that worked.
func (a *Anchors) add(rr resolver.RR) string {
	at := slices.IndexFunc(a.zones, func(x anchor) bool { return x.zone == rr.Name })
	if at < 0 {
		at = len(a.zones)
		a.zones = append(a.zones, anchor{zone: rr.Name})
	}
	z := &a.zones[at]
	switch rr.Type {
	case resolver.TypeDS:
		ds, ok := parseDS(rr.RDATA)
		if !ok {
			return "the DS record has no digest"
		}
		if h := ds.Digest.hash(); h != 0 && len(ds.Hash) != 2*h.Size() {
			return fmt.Sprintf("a %s digest has %d octets, this one has %d", ds.Digest, h.Size(), len(ds.Hash)/2)
		}
		if !slices.Contains(z.ds, ds) {
			z.ds = append(z.ds, ds)
		}
	case resolver.TypeDNSKEY:
		k, ok := parseKey(rr.RDATA)
		switch {
		case !ok:
			return "the DNSKEY record has no key"
		case k.flaw == KeyUnfit:
			return fmt.Sprintf("%s has no zone flag or another protocol than 3: it signs no zone", k.Key)
		case k.flaw == KeyRevoked:
			return fmt.Sprintf("%s is revoked (RFC 5011)", k.Key)
		case k.flaw == KeyBroken:
			return fmt.Sprintf("%s is not a key of that algorithm", k.Key)
		}
		if !slices.ContainsFunc(z.keys, func(x zoneKey) bool { return x.rdata == k.rdata }) {
			z.keys = append(z.keys, k)
		}
	default:
		return fmt.Sprintf("found a record of type %s, expected DS or DNSKEY", rr.Type)
	}
	return ""
}

// IsZero reports whether there are no anchors.
func (a Anchors) IsZero() bool { return len(a.zones) == 0 }

// Zones gives the zones that have anchors, in canonical order.
func (a Anchors) Zones() []resolver.Name {
	var out []resolver.Name
	for _, z := range a.zones {
		out = append(out, z.zone)
	}
	return out
}

// Keys gives tag and algorithm of the anchors of a zone, sorted by tag.
func (a Anchors) Keys(zone resolver.Name) []Key {
	z, _ := a.at(zone)
	var out []Key
	for _, d := range z.ds {
		out = append(out, Key{Tag: d.Tag, Algorithm: d.Algorithm})
	}
	for _, k := range z.keys {
		out = append(out, Key{Tag: k.Tag, Algorithm: k.Algorithm})
	}
	slices.SortFunc(out, func(x, y Key) int {
		if x.Tag != y.Tag {
			return int(x.Tag) - int(y.Tag)
		}
		return int(x.Algorithm) - int(y.Algorithm)
	})
	return slices.Compact(out)
}

func (a Anchors) at(zone resolver.Name) (anchor, bool) {
	for _, z := range a.zones {
		if z.zone == zone {
			return z, true
		}
	}
	return anchor{}, false
}

// names gives the DS records of the anchor, those of its DNSKEY records made up for the purpose of showing them.
func (a anchor) names() []DS {
	out := slices.Clone(a.ds)
	for _, k := range a.keys {
		out = append(out, DS{Tag: k.Tag, Algorithm: k.Algorithm})
	}
	return out
}
