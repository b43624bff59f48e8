package resolver

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

//go:embed named.root
var namedRoot string

// ErrBadHints is wrapped by the errors of [ParseHints].
var ErrBadHints = errors.New("not a file of root hints")

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
// they give. A file without a name server that has an address is an error, as is any line that is no record; errors wrap
// [ErrBadHints].
func ParseHints(r io.Reader) ([]NameServer, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxHintsOctets))
	if err != nil {
		return nil, fmt.Errorf("resolver: read root hints: %w", err)
	}
	var names []Name
	addrs := map[Name][]netip.Addr{}
	records := 0
	zp := dns.NewZoneParser(strings.NewReader(string(text)), ".", "")
	zp.SetDefaultTTL(3600000)
	for m, ok := zp.Next(); ok; m, ok = zp.Next() {
		rr, err := rrFromMsg(m)
		if err != nil {
			return nil, fmt.Errorf("resolver: read root hints: %w: %w", ErrBadHints, err)
		}
		if records++; records > maxHintsRecords {
			return nil, fmt.Errorf("resolver: read root hints: %w: it has more than %d records", ErrBadHints, maxHintsRecords)
		}
		if ns, ok := rr.Target(); ok && rr.Type == TypeNS && rr.Name.IsRoot() && !slices.Contains(names, ns) {
			names = append(names, ns)
		}
		if a, ok := rr.Addr(); ok {
			addrs[rr.Name] = append(addrs[rr.Name], a)
		}
	}
	if err := zp.Err(); err != nil {
		return nil, fmt.Errorf("resolver: read root hints: %w: %v", ErrBadHints, err)
	}
	var out []NameServer
	for _, n := range names {
		if len(addrs[n]) > 0 {
			out = append(out, NameServer{Name: n, Addrs: addrs[n], Glue: true})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("resolver: read root hints: %w: it names no server of the root zone with an address", ErrBadHints)
	}
	sortServers(out)
	return out, nil
}
