package resolvertest

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// ErrText is wrapped by the errors of [Parse] and [ParseFault].
var ErrText = errors.New("the text cannot be understood")

// DefaultTTL is the TTL in seconds of records that give none, and of what is filled in (the SOA excepted).
const DefaultTTL = 300

// LineError tells where a text goes wrong. It wraps [ErrText].
type LineError struct {
	Line   int // from 1
	Reason string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Unwrap gives [ErrText].
func (e *LineError) Unwrap() error { return ErrText }

// Parse builds an internet from zone-file text (RFC 1035, 5.1).
//
// Each line that begins with "$ORIGIN zone." begins a copy of that zone; the same zone may come again with other data, for
// other servers. A comment on that line says more, in parts separated by semicolons:
//
//	$ORIGIN example.com. ; on ns1.example.com. ns2.example.com.
//	$ORIGIN example.com. ; on ns1.old.net. ; undelegated
//
// "on" lists the name servers (or addresses) that hold this copy. Without it they are those of the copy's own NS records,
// and where it has none ns1 and ns2 below the zone; "on" takes a server from a copy without it. "undelegated" keeps the
// zone out of its parent. "as-given" keeps everything out of this copy but SOA and NS: no addresses, no glue, no
// delegations; it is how a name server without an address or a parent without glue is written.
//
// "signed" signs the copy, with signatures around [Internet.Moment]: signed [nsec|nsec3|compact] [ALGORITHM] [opt-out]
// [iterations N] [salt HEX], where nsec and algorithm 13 are meant if nothing is said, compact is the denial of RFC 9824,
// and ALGORITHM is one of 5, 7, 8, 10, 13, 14 and 15 or its mnemonic. The zones above it are signed with it, and have its DS
// record. The root and top-level domains are signed in any case; "unsigned" keeps a copy from it. Keys are the same in
// every internet. What is wrong with it comes in parts of its own:
//
//	$ORIGIN example.com. ; signed nsec3 opt-out ; expired CNAME by 36h
//	$ORIGIN example.org. ; ds wrong
//
// "expired", "early" (not valid yet), "altered" (does not match) and "no-signature" may be followed by a type, for whose
// RRsets alone it holds; the first two by "by DURATION" (24h). "no-keys" leaves the DNSKEY records out, "no-denial" NSEC and
// NSEC3. "ds" says what the zone above has: none, wrong (another key's; also above a zone that is not signed: left over),
// algorithm N, digest N. Signatures over a zone's DS records are those of the zone above. DNSSEC records other than DS and
// DNSKEY are served only where the question has DO (RFC 4035, 3.2.1).
//
// What is missing is filled in: SOA, NS, delegations and glue in the parent, addresses of name servers, the zones that
// their names lie in, top-level domains and the root with two servers each. Records of the text always win. Addresses
// come from 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 and 198.18.0.0/15 in the order in which the text first names
// the servers. TTLs that are not given are [DefaultTTL] or as $TTL says; the SOA's is 900 s, its negative TTL 300 s.
//
// Broken zones are the point: several CNAMEs at one name, a CNAME beside other records, records below a cut and wrong
// delegations are taken as they are. Errors are a [*LineError], wrapped.
func Parse(text string) (*Internet, error) { return ParseIn(text, pools...) }

// ParseIn is [Parse] with the prefixes that addresses are taken from, so that the same internet can live on loopback
// addresses and be served there ([Internet.ListenAll]).
func ParseIn(text string, from ...netip.Prefix) (*Internet, error) {
	zones, err := parseZones(text)
	if err != nil {
		return nil, fmt.Errorf("resolvertest: parse: %w", err)
	}
	in, err := build(zones, from)
	if err != nil {
		return nil, fmt.Errorf("resolvertest: parse: %w", err)
	}
	return in, nil
}

// MustParse is [Parse] for texts written in a program. It panics on a bad one.
func MustParse(text string) *Internet {
	in, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return in
}

func parseZones(text string) ([]*zone, error) {
	var (
		zones []*zone
		body  strings.Builder
		ttl   = strconv.Itoa(DefaultTTL)
		next  = ttl // the $TTL in force at the end of the lines read so far
	)
	flush := func() error {
		defer body.Reset()
		if len(zones) == 0 {
			return nil
		}
		return zones[len(zones)-1].read("$TTL " + ttl + "\n" + body.String())
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		directive, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		switch {
		case strings.EqualFold(directive, "$ORIGIN"):
			if err := flush(); err != nil {
				return nil, err
			}
			z, err := parseOrigin(line[len(directive):], i+1)
			if err != nil {
				return nil, err
			}
			zones = append(zones, z)
			ttl = next
			continue
		case strings.EqualFold(directive, "$TTL"):
			if f := strings.Fields(line); len(f) > 1 {
				next = f[1]
			}
			if len(zones) == 0 {
				continue
			}
		case len(zones) == 0:
			if s := strings.TrimSpace(line); s != "" && s[0] != ';' {
				return nil, &LineError{i + 1, fmt.Sprintf("found %q before the first $ORIGIN line, which begins a zone", s)}
			}
			continue
		}
		body.WriteString(line)
		body.WriteByte('\n')
	}
	return zones, flush()
}

func parseOrigin(rest string, line int) (*zone, error) {
	parts := strings.Split(rest, ";")
	f := strings.Fields(parts[0])
	if len(f) != 1 {
		return nil, &LineError{line, "$ORIGIN must be followed by one name, the zone's"}
	}
	name, err := resolver.ParseName(f[0])
	if err != nil {
		return nil, &LineError{line, err.Error()}
	}
	if !strings.HasSuffix(f[0], ".") {
		return nil, &LineError{line, fmt.Sprintf("the zone's name %q must end in a dot", f[0])}
	}
	z := newZone(name)
	z.line = line
	for _, p := range parts[1:] {
		words := strings.Fields(p)
		if len(words) == 0 {
			continue
		}
		switch {
		case words[0] == "undelegated" && len(words) == 1:
			z.undelegated = true
		case words[0] == "as-given" && len(words) == 1:
			z.asGiven = true
		case words[0] == "on" && len(words) > 1:
			for _, w := range words[1:] {
				w = strings.TrimSuffix(w, ",")
				if a, err := netip.ParseAddr(w); err == nil {
					z.on = append(z.on, holder{addr: a.Unmap().String()})
					continue
				}
				n, err := resolver.ParseName(w)
				if err != nil {
					return nil, &LineError{line, err.Error()}
				}
				z.on = append(z.on, holder{name: n})
			}
		default:
			ok, err := z.signing.parse(words)
			if err != nil {
				return nil, &LineError{line, err.Error()}
			}
			if !ok {
				return nil, &LineError{line, fmt.Sprintf(`found %q, expected "on SERVER…", "undelegated", "as-given", "signed…" or what is wrong with the signatures`, strings.TrimSpace(p))}
			}
		}
	}
	return z, nil
}

// lineReader counts the lines that the zone parser has taken: it tells line numbers of errors only.
type lineReader struct {
	r    *strings.Reader
	line int
}

func (l *lineReader) Read([]byte) (int, error) { return 0, io.ErrNoProgress } // never called: ReadByte is there

func (l *lineReader) ReadByte() (byte, error) {
	b, err := l.r.ReadByte()
	if b == '\n' {
		l.line++
	}
	return b, err
}

var errorPlace = regexp.MustCompile(`^dns: (?s:(.*)) at line: (\d+):(\d+)$`)

// read takes the zone's records. The text has one line more in front ($TTL), which stands for the $ORIGIN line.
func (z *zone) read(text string) error {
	lr := &lineReader{r: strings.NewReader(text)}
	zp := dns.NewZoneParser(lr, z.name.String(), "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		line := z.line + max(lr.line-1, 0)
		h := rr.Header()
		if h.Class != dns.ClassINET {
			return &LineError{line, "only records of class IN are understood"}
		}
		if h.Rrtype == dns.TypeOPT || h.Rrtype >= 128 && h.Rrtype <= 255 { // RFC 6895, 3.1: no data is stored under these
			return &LineError{line, fmt.Sprintf("records of type %s are not zone data", resolver.Type(h.Rrtype))}
		}
		owner, err := nameOf(h.Name)
		if err != nil {
			return &LineError{line, err.Error()}
		}
		if !owner.Within(z.name) {
			return &LineError{line, fmt.Sprintf("%s is not within the zone %s", owner, z.name)}
		}
		if !hasData(rr) {
			return &LineError{line, fmt.Sprintf("the %s record of %s has no data", resolver.Type(h.Rrtype), owner)}
		}
		z.add(owner, rr)
	}
	if err := zp.Err(); err != nil {
		reason, line := err.Error(), z.line
		if m := errorPlace.FindStringSubmatch(reason); m != nil {
			n, _ := strconv.Atoi(m[2]) // digits only
			reason, line = m[1], z.line+max(n-1, 0)
		}
		return &LineError{line, reason}
	}
	return nil
}
