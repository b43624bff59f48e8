package providers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Equal reports whether both hold the same: name, type, values and how they are shown. The TTL is left aside, because
// providers round it (providers such as deSEC raise it), and so is the order of the values.
func (s RRset) Equal(t RRset) bool {
	return s.Name == t.Name && s.Type == t.Type && s.Hidden == t.Hidden && s.Opaque == t.Opaque &&
		slices.Equal(canonicalValues(s.Type, s.Values), canonicalValues(t.Type, t.Values))
}

// Target gives the name that a CNAME set of exactly one value points to.
func (s RRset) Target() (resolver.Name, bool) {
	if s.Type != resolver.TypeCNAME || len(s.Values) != 1 {
		return resolver.Name{}, false
	}
	n, err := resolver.ParseName(s.Values[0])
	return n, err == nil
}

// String gives the set as lines of a zone file, with what is special about it as a comment.
func (s RRset) String() string {
	var b strings.Builder
	for i, v := range s.Values {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s %d %s %s", s.Name, s.TTL, s.Type, printable(v))
		if s.Hidden != Shown {
			fmt.Fprintf(&b, " ; %s", s.Hidden)
		}
		if s.Opaque {
			b.WriteString(" ; not a plain set")
		}
	}
	return b.String()
}

// canonical gives one spelling for values that mean the same RDATA; what cannot be read as RDATA stands for itself.
func canonical(t resolver.Type, v string) string {
	if t == resolver.TypeCNAME {
		if n, err := resolver.ParseName(v); err == nil {
			return n.String()
		}
		return v
	}
	if strings.ContainsAny(v, "\r\n") || t != resolver.TypeTXT && strings.Contains(v, ";") { // a second line, a comment
		return v
	}
	rr, err := resolver.ParseRR(". 0 IN " + t.String() + " " + v)
	if err != nil || rr.Type != t {
		return v
	}
	return rr.Text()
}

func canonicalValues(t resolver.Type, values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = canonical(t, v)
	}
	slices.Sort(out)
	return out
}

func (s RRset) clone() RRset {
	s.Values = slices.Clone(s.Values)
	return s
}

func cloneSets(sets []RRset) []RRset {
	out := make([]RRset, len(sets))
	for i, s := range sets {
		out[i] = s.clone()
	}
	return out
}

func compareSets(a, b RRset) int {
	return cmp.Or(a.Name.Compare(b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Hidden, b.Hidden),
		slices.Compare(canonicalValues(a.Type, a.Values), canonicalValues(b.Type, b.Values)))
}

// sameSets reports whether both hold equal sets, in any order.
func sameSets(a, b []RRset) bool {
	if len(a) != len(b) {
		return false
	}
	a, b = slices.SortedFunc(slices.Values(a), compareSets), slices.SortedFunc(slices.Values(b), compareSets)
	return slices.EqualFunc(a, b, RRset.Equal)
}

// without gives the sets of a that have no equal in b.
func without(a, b []RRset) []RRset {
	var out []RRset
	for _, s := range a {
		if !slices.ContainsFunc(b, s.Equal) {
			out = append(out, s)
		}
	}
	return out
}

// at gives the sets at one name, sorted, without what DNSSEC signers make themselves.
func at(sets []RRset, name resolver.Name) []RRset {
	var out []RRset
	for _, s := range sets {
		switch s.Type {
		case resolver.TypeRRSIG, resolver.TypeNSEC, resolver.TypeNSEC3:
			continue
		}
		if s.Name == name && len(s.Values)+len(s.Hidden) > 0 || s.Name == name && s.Opaque {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, compareSets)
	return out
}

// printable keeps what comes from a provider from steering a terminal.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\ufffd' || r == '\u2028' || r == '\u2029' ||
			(r >= 0x200b && r <= 0x200f) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
