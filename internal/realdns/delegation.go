package realdns

import (
	"fmt"
	"net/netip"
	"strings"
)

// Delegation gives the NS records of a zone and the addresses of their names, as lines of a zone file with absolute
// names. They are ns1.ZONE, ns2.ZONE and so on, in this order. The same lines serve the parent (referral and glue) and the
// zone itself.
func Delegation(zone string, addrs ...netip.Addr) string {
	var b strings.Builder
	for i, a := range addrs {
		name := fmt.Sprintf("ns%d.%s", i+1, strings.TrimPrefix(zone, "."))
		fmt.Fprintf(&b, "%s NS %s\n%s A %s\n", zone, name, name, a)
	}
	return b.String()
}
