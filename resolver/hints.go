package resolver

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

//go:embed named.root
var namedRoot string

// ErrBadHints is wrapped by the errors of [ParseHints].
var ErrBadHints = errors.New("not a file of root hints")

// HintsError tells where a file of root hints goes wrong. It wraps [ErrBadHints].
type HintsError struct {
	Line   int // from 1; 0 for the file as a whole
	Reason string
}

func (e *HintsError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Unwrap gives [ErrBadHints].
func (e *HintsError) Unwrap() error { return ErrBadHints }

// RootHints gives the root name servers that IANA publishes, as Debian's dns-root-data ships them. The result is the
// caller's own.
func RootHints() []NameServer { return slices.Clone(rootHints()) }

var rootHints = sync.OnceValue(func() []NameServer {
	h, err := ParseHints(strings.NewReader(namedRoot))
	if err != nil {
		panic(err) // the embedded file; a test reads it
	}
	return h
})

// What bounds [ParseHints]; IANA's file has 3.3 kB and 39 records. A line of $GENERATE stands for 65,536 records.
const (
	maxHintsOctets  = 1 << 20
	maxHintsRecords = 1000
)

// ParseHints reads root hints in the format of IANA's named.root: NS records of the root and the addresses of the names
// they give. A file without a name server that has an address is an error, as is any line that is no record: it is a
// [*HintsError], wrapped.
func ParseHints(r io.Reader) ([]NameServer, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxHintsOctets))
	if err != nil {
		return nil, fmt.Errorf("resolver: read root hints: %w", err)
	}
	fail := func(line int, format string, args ...any) ([]NameServer, error) {
		return nil, fmt.Errorf("resolver: read root hints: %w", &HintsError{line, fmt.Sprintf(format, args...)})
	}
	var names []Name
	addrs := map[Name][]netip.Addr{}
	records := 0
	zp := dns.NewZoneParser(strings.NewReader(string(text)), ".", "")
	zp.SetDefaultTTL(3600000)
	for m, ok := zp.Next(); ok; m, ok = zp.Next() {
		rr, err := rrFromMsg(m)
		if err != nil {
			return fail(0, "%s has data that cannot be understood", m.Header().Name)
		}
		if records++; records > maxHintsRecords {
			return fail(0, "it has more than %d records", maxHintsRecords)
		}
		if ns, ok := rr.Target(); ok && rr.Type == TypeNS && rr.Name.IsRoot() && !slices.Contains(names, ns) {
			names = append(names, ns)
		}
		if a, ok := rr.Addr(); ok {
			addrs[rr.Name] = append(addrs[rr.Name], a)
		}
	}
	if err := zp.Err(); err != nil {
		line, found := lineOf(string(text), err)
		return fail(line, "found %q, expected a record such as %q", found, ". 3600000 NS a.root-servers.net.")
	}
	var out []NameServer
	for _, n := range names {
		if len(addrs[n]) > 0 {
			out = append(out, NameServer{Name: n, Addrs: addrs[n], Glue: true})
		}
	}
	if len(out) == 0 {
		return fail(0, "it names no server of the root zone with an address")
	}
	sortServers(out)
	return out, nil
}

// where is how the parser of zone files ends its errors, which have no other way to tell.
var where = regexp.MustCompile(`at line: (\d+):\d+$`)

// lineOf gives the line of a zone file at which its parser stopped, with what is there: at the end of a line it may be at the
// next one already.
func lineOf(text string, err error) (int, string) {
	const shown = 80
	m := where.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, ""
	}
	n, _ := strconv.Atoi(m[1]) // digits
	lines := strings.Split(text, "\n")
	n = min(max(n, 1), len(lines))
	for n > 1 && strings.TrimSpace(lines[n-1]) == "" {
		n--
	}
	found := []rune(strings.TrimSpace(lines[n-1]))
	if len(found) > shown {
		found = append(found[:shown], '…')
	}
	return n, string(found)
}
