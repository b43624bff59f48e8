package resolver

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBadName is wrapped by every error of [ParseName] and [NameFromWire].
var ErrBadName = errors.New("not a domain name")

// The limits of RFC 1035, 2.3.4.
const (
	maxLabelOctets = 63
	maxNameOctets  = 255
)

// Name is a domain name: fully qualified, in lower case, comparable with == and usable as a map key.
//
// Relative names, letter case, final dots and label boundaries are how ACM records get lost, so none of them can be
// expressed here: [ParseName], [NameFromWire] and the methods of Name are the only makers. The zero value is no name at
// all ([Name.IsZero]); the root is a name ([Root]). Letters are folded as RFC 4343 says: ASCII only.
type Name struct {
	wire string // uncompressed wire form (RFC 1035, 3.1) in lower case, with the final zero octet; "" for the zero Name
}

// Root is the name of the root zone, ".".
var Root = Name{wire: "\x00"}

// NameError tells where a text stops being a domain name. It wraps [ErrBadName].
type NameError struct {
	Text   string // what was given
	Offset int    // the octet at which it goes wrong, from 0
	Reason string // what was found and what would be right
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%q is not a domain name: at character %d: %s", e.Text, e.Offset+1, e.Reason)
}

// Unwrap gives [ErrBadName].
func (e *NameError) Unwrap() error { return ErrBadName }

// ParseName reads a name in presentation format (RFC 1035, 5.1, with its \X and \DDD escapes). A name without a final
// dot is taken as fully qualified too. It is strict: unescaped blanks, quotes and characters outside printable ASCII are
// refused with a [*NameError]; making sense of sloppy input is the business of package validate.
func ParseName(s string) (Name, error) {
	bad := func(at int, reason string) (Name, error) {
		return Name{}, &NameError{Text: s, Offset: at, Reason: reason}
	}
	if s == "" {
		return bad(0, "it is empty")
	}
	if s == "." {
		return Root, nil
	}
	wire := make([]byte, 1, len(s)+2)
	labelAt := 0 // where in wire the current label's length octet stands
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			if len(wire)-labelAt == 1 {
				return bad(i, "a label is empty (two dots together, or a dot in front)")
			}
			wire[labelAt] = byte(len(wire) - labelAt - 1)
			labelAt = len(wire)
			wire = append(wire, 0)
			continue
		case c == '\\':
			v, n := unescape(s[i+1:])
			if n == 0 {
				return bad(i, "a backslash must be followed by a character or by three digits up to 255")
			}
			c = v
			i += n
		case c <= ' ' || c >= 0x7f:
			return bad(i, fmt.Sprintf("found %q, expected letters, digits, hyphens, underscores and dots", firstRune(s[i:])))
		case c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$':
			return bad(i, fmt.Sprintf("found %q, which must be escaped in a name", c))
		}
		wire = append(wire, lower(c))
		if len(wire)-labelAt-1 > maxLabelOctets {
			return bad(i, "a label is longer than 63 octets")
		}
	}
	if len(wire)-labelAt > 1 { // no final dot
		wire[labelAt] = byte(len(wire) - labelAt - 1)
		wire = append(wire, 0)
	}
	if len(wire) > maxNameOctets {
		return bad(len(s)-1, fmt.Sprintf("the name takes %d octets, more than 255", len(wire)))
	}
	return Name{wire: string(wire)}, nil
}

// MustParseName is [ParseName] for names written in a program. It panics on a bad one.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// NameFromWire reads an uncompressed name from the start of b and says how many octets it took.
func NameFromWire(b []byte) (Name, int, error) {
	at := 0
	for {
		if at >= len(b) || at >= maxNameOctets {
			return Name{}, 0, fmt.Errorf("resolver: name in wire form does not end: %w", ErrBadName)
		}
		l := int(b[at])
		if l == 0 {
			break
		}
		if l > maxLabelOctets {
			return Name{}, 0, fmt.Errorf("resolver: label of length %d in wire form: %w", l, ErrBadName)
		}
		at += 1 + l
	}
	wire := make([]byte, at+1)
	for i, c := range b[:at+1] {
		wire[i] = lower(c) // length octets are at most 63 and so never letters
	}
	return Name{wire: string(wire)}, at + 1, nil
}

// Wire gives the uncompressed wire form in lower case, as RFC 4034, 6.2 wants it for signatures. The zero Name gives nil.
func (n Name) Wire() []byte { return []byte(n.wire) }

// AppendWire appends what [Name.Wire] gives.
func (n Name) AppendWire(b []byte) []byte { return append(b, n.wire...) }

// IsZero reports whether n is the zero value, which is no name.
func (n Name) IsZero() bool { return n.wire == "" }

// IsRoot reports whether n is the root.
func (n Name) IsRoot() bool { return n.wire == "\x00" }

// String gives the presentation format with a final dot, so that it can be copied into a zone file: everything but
// letters, digits, hyphen, underscore, asterisk and slash is escaped. The zero Name gives "".
func (n Name) String() string {
	if n.wire == "" {
		return ""
	}
	if n.IsRoot() {
		return "."
	}
	var b strings.Builder
	for _, l := range n.Labels() {
		escapeLabel(&b, l)
		b.WriteByte('.')
	}
	return b.String()
}

// Text is String without the final dot, as most consoles show names. The root is ".".
func (n Name) Text() string {
	if n.IsRoot() {
		return "."
	}
	return strings.TrimSuffix(n.String(), ".")
}

// Labels gives the labels from left to right, unescaped, without the root's empty one.
func (n Name) Labels() []string {
	var ls []string
	for i := 0; i < len(n.wire) && n.wire[i] != 0; i += 1 + int(n.wire[i]) {
		ls = append(ls, n.wire[i+1:i+1+int(n.wire[i])])
	}
	return ls
}

// NumLabels counts the labels without the root's: 0 for the root, 2 for example.com.
func (n Name) NumLabels() int {
	c := 0
	for i := 0; i < len(n.wire) && n.wire[i] != 0; i += 1 + int(n.wire[i]) {
		c++
	}
	return c
}

// FirstLabel gives the leftmost label, unescaped, "" for the root.
func (n Name) FirstLabel() string {
	if n.wire == "" || n.wire[0] == 0 {
		return ""
	}
	return n.wire[1 : 1+int(n.wire[0])]
}

// Parent gives the name without its leftmost label. The root and the zero Name have none: the zero Name is returned.
func (n Name) Parent() Name {
	if n.wire == "" || n.wire[0] == 0 {
		return Name{}
	}
	return Name{wire: n.wire[1+int(n.wire[0]):]}
}

// Ancestor gives the name made of the last count labels, n itself where it has no more than that.
func (n Name) Ancestor(count int) Name {
	for k := n.NumLabels(); k > count; k-- {
		n = n.Parent()
	}
	return n
}

// Within reports whether n is zone or a subdomain of it (RFC 9499: a subdomain lies below; labels are compared, not
// letters, so notexample.com is not within example.com).
func (n Name) Within(zone Name) bool {
	if n.wire == "" || zone.wire == "" {
		return false
	}
	d := n.NumLabels() - zone.NumLabels()
	return d >= 0 && n.Ancestor(zone.NumLabels()) == zone
}

// Below reports whether n is a subdomain of zone and not zone itself.
func (n Name) Below(zone Name) bool { return n != zone && n.Within(zone) }

// Relative gives n relative to zone in presentation format, "@" for the zone's apex; false when n is not within zone.
func (n Name) Relative(zone Name) (string, bool) {
	if !n.Within(zone) {
		return "", false
	}
	if n == zone {
		return "@", true
	}
	var b strings.Builder
	for i, l := range n.Labels()[:n.NumLabels()-zone.NumLabels()] {
		if i > 0 {
			b.WriteByte('.')
		}
		escapeLabel(&b, l)
	}
	return b.String(), true
}

// Under gives the name that a console makes of n when it appends zone to it: all of n's labels, then zone. It is false
// when that is longer than a name may be (RFC 1035, 2.3.4).
func (n Name) Under(zone Name) (Name, bool) {
	if n.wire == "" || zone.wire == "" || len(n.wire)-1+len(zone.wire) > maxNameOctets {
		return Name{}, false
	}
	return Name{wire: n.wire[:len(n.wire)-1] + zone.wire}, true
}

// Child gives the name with one more label, unescaped, in front. It is false when the label or the name is too long or
// the label empty.
func (n Name) Child(label string) (Name, bool) {
	if n.wire == "" || label == "" || len(label) > maxLabelOctets || len(n.wire)+1+len(label) > maxNameOctets {
		return Name{}, false
	}
	b := make([]byte, 0, len(n.wire)+1+len(label))
	b = append(b, byte(len(label)))
	for i := range len(label) {
		b = append(b, lower(label[i]))
	}
	return Name{wire: string(b) + n.wire}, true
}

// TrimSuffix gives the labels of n in front of suffix as a name of their own, the inverse of [Name.Under]; false when n
// is not below suffix.
func (n Name) TrimSuffix(suffix Name) (Name, bool) {
	if !n.Below(suffix) {
		return Name{}, false
	}
	return Name{wire: n.wire[:len(n.wire)-len(suffix.wire)] + "\x00"}, true
}

// Compare orders names canonically (RFC 4034, 6.1): by labels from the right. It is -1, 0 or 1.
func (n Name) Compare(m Name) int {
	a, b := n.Labels(), m.Labels()
	for i := 1; i <= len(a) && i <= len(b); i++ {
		if c := strings.Compare(a[len(a)-i], b[len(b)-i]); c != 0 {
			return c
		}
	}
	switch {
	case len(a) < len(b):
		return -1
	case len(a) > len(b):
		return 1
	}
	return strings.Compare(n.wire, m.wire)
}

// MarshalText gives [Name.String].
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what [ParseName] reads; empty text gives the zero Name.
func (n *Name) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*n = Name{}
		return nil
	}
	v, err := ParseName(string(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// unescape reads what follows a backslash and says how many octets it took, 0 for none that make sense.
func unescape(s string) (byte, int) {
	if s == "" {
		return 0, 0
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1
	}
	if len(s) < 3 {
		return 0, 0
	}
	v := 0
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, 0
		}
		v = v*10 + int(s[i]-'0')
	}
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

func escapeLabel(b *strings.Builder, label string) {
	for i := range len(label) {
		c := label[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '*', c == '/', 'A' <= c && c <= 'Z':
			b.WriteByte(c)
		case c > ' ' && c < 0x7f:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			fmt.Fprintf(b, "\\%03d", c)
		}
	}
}
