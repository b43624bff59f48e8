package validate

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

//go:embed parking.tsv
var parkingTable string

// parkingKind says what it means that a domain is delegated to such a name server.
type parkingKind string

const (
	suspended      parkingKind = "suspended" // a registrar sends domains there that it has suspended
	parked         parkingKind = "parked"    // a service that shows advertisements for domains without a site
	suspendedOrNot parkingKind = "shared"    // as suspended, but ordinary zones are served there, too
)

type parkingHost struct {
	pattern serverPattern
	kind    parkingKind
}

// parkingHosts is the table, read once.
var parkingHosts = sync.OnceValue(func() []parkingHost {
	all, err := parseParking(parkingTable)
	if err != nil {
		panic(err) // the table is part of this program, and a test reads it
	}
	return all
})

func parseParking(table string) ([]parkingHost, error) {
	rows, err := readTable(table, 3)
	if err != nil {
		return nil, fmt.Errorf("validate: table of parking hosts: %w", err)
	}
	var out []parkingHost
	for _, r := range rows {
		switch k := parkingKind(r[1]); k {
		case suspended, parked, suspendedOrNot:
			out = append(out, parkingHost{parsePattern(r[0]), k})
		default:
			return nil, fmt.Errorf("validate: table of parking hosts: %s is %q, expected %s", r[0], r[1], strings.Join([]string{string(suspended), string(parked), string(suspendedOrNot)}, ", "))
		}
	}
	return out, nil
}

// parkedAt tells what it means that all of these name servers are in the table: the weakest that one of them means. It is
// false where one is not in it, or there are none.
func parkedAt(nameServers []resolver.Name) (kind parkingKind, ok bool) {
	rank := map[parkingKind]int{suspended: 1, parked: 2, suspendedOrNot: 3}
	for _, n := range nameServers {
		labels, found := n.Labels(), parkingKind("")
		for _, h := range parkingHosts() {
			if h.pattern.matches(labels) {
				found = h.kind
				break
			}
		}
		if found == "" {
			return "", false
		}
		if rank[found] > rank[kind] {
			kind = found
		}
	}
	return kind, kind != ""
}
