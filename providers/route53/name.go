package route53

import (
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// parseName reads a name as Route 53 shows it: \ooo is an octet in octal ("DNS domain name format"), where zone files have it in
// decimal.
func parseName(s string) (resolver.Name, error) { return resolver.ParseName(decimalEscapes(s)) }

// nameText gives a name as Route 53 wants it: all but letters, digits, hyphen and underscore as octal escapes. An asterisk is
// escaped as well, since the service shows it so.
func nameText(n resolver.Name) string {
	var b strings.Builder
	for _, label := range n.Labels() {
		for i := range len(label) {
			if c := label[i]; isPlain(c) {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "\\%03o", c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// decimalEscapes turns the octal escapes of a text into the decimal ones of zone files (RFC 1035, 5.1); other escapes stay.
func decimalEscapes(s string) string {
	return escapes(s, func(digits string) (string, bool) {
		v := 0
		for _, d := range digits {
			if d < '0' || d > '7' {
				return "", false
			}
			v = v*8 + int(d-'0')
		}
		return fmt.Sprintf("\\%03d", v), v < 256
	})
}

// octalEscapes is the way back.
func octalEscapes(s string) string {
	return escapes(s, func(digits string) (string, bool) {
		v := 0
		for _, d := range digits {
			if d < '0' || d > '9' {
				return "", false
			}
			v = v*10 + int(d-'0')
		}
		return fmt.Sprintf("\\%03o", v), v < 256
	})
}

// escapes rewrites each backslash with three digits; a backslash with anything else is copied with what it escapes.
func escapes(s string, rewrite func(digits string) (string, bool)) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if out, ok := rewrite(s[i+1 : i+4]); ok {
				b.WriteString(out)
				i += 3
				continue
			}
		}
		b.WriteString(s[i : i+2])
		i++
	}
	return b.String()
}

// sortKey is what Route 53 orders by: the labels reversed, each with a dot ("com.example.www."). It holds for names of letters,
// digits, hyphens and underscores; how escapes are ordered is not written, and comparable says so.
func sortKey(n resolver.Name) (key string, comparable bool) {
	labels := n.Labels()
	var b strings.Builder
	for i := len(labels) - 1; i >= 0; i-- {
		b.WriteString(labels[i])
		b.WriteByte('.')
	}
	key = b.String()
	return key, strings.IndexFunc(key, func(r rune) bool { return r != '.' && (r > 0x7f || !isPlain(byte(r))) }) < 0
}
