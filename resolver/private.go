package resolver

import "net/netip"

// special is the part of the address space that is decided otherwise than by the default: for IPv4 that is public, for
// IPv6 public within 2000::/3 only (IANA IPv6 address space: global unicast). The first prefix that holds decides.
//
// From the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890), column "globally reachable". The ranges for
// documentation (RFC 5737, 3849, 9637) are left out on purpose: nothing answers there, and examples are made of them.
var special = []struct {
	prefix netip.Prefix
	public bool
}{
	{netip.MustParsePrefix("0.0.0.0/8"), false},      // "this network", RFC 791, 3.2
	{netip.MustParsePrefix("10.0.0.0/8"), false},     // private, RFC 1918
	{netip.MustParsePrefix("100.64.0.0/10"), false},  // shared, behind a carrier's NAT, RFC 6598
	{netip.MustParsePrefix("127.0.0.0/8"), false},    // loopback, RFC 1122, 3.2.1.3
	{netip.MustParsePrefix("169.254.0.0/16"), false}, // link-local, RFC 3927; clouds keep credentials there
	{netip.MustParsePrefix("172.16.0.0/12"), false},  // private, RFC 1918
	{netip.MustParsePrefix("192.0.0.9/32"), true},    // PCP anycast, RFC 7723
	{netip.MustParsePrefix("192.0.0.10/32"), true},   // TURN anycast, RFC 8155
	{netip.MustParsePrefix("192.0.0.0/24"), false},   // protocol assignments, RFC 6890, 2.1
	{netip.MustParsePrefix("192.168.0.0/16"), false}, // private, RFC 1918
	{netip.MustParsePrefix("198.18.0.0/15"), false},  // benchmarking, RFC 2544
	{netip.MustParsePrefix("224.0.0.0/4"), false},    // multicast, RFC 5771
	{netip.MustParsePrefix("240.0.0.0/4"), false},    // reserved, RFC 1112, 4; with the limited broadcast, RFC 919
	{netip.MustParsePrefix("2001:1::/126"), true},    // anycasts of RFC 7723, 8155, 9665
	{netip.MustParsePrefix("2001:3::/32"), true},     // AMT, RFC 7450
	{netip.MustParsePrefix("2001:4:112::/48"), true}, // AS112, RFC 7535
	{netip.MustParsePrefix("2001:20::/27"), true},    // ORCHIDv2 and drone identifiers, RFC 7343 and 9374
	{netip.MustParsePrefix("2001::/23"), false},      // protocol assignments, RFC 2928; Teredo, benchmarking
	{netip.MustParsePrefix("2000::/3"), true},        // global unicast, RFC 4291, 2.4
	{netip.MustParsePrefix("::/0"), false},           // loopback, unique local, link-local, multicast, unassigned
	{netip.MustParsePrefix("0.0.0.0/0"), true},       // all other IPv4
}

// The prefixes whose addresses stand for an IPv4 address: that one decides.
var (
	translated = netip.MustParsePrefix("64:ff9b::/96") // NAT64, RFC 6052, 2.1
	sixToFour  = netip.MustParsePrefix("2002::/16")    // 6to4, RFC 3056, 2
)

// PublicAddr reports whether a is an address that a host anywhere in the internet, such as a CA's, can be meant to reach.
// IPv4 addresses wrapped into IPv6 ones (mapped, NAT64, 6to4) are looked into. Addresses with a zone and the zero Addr are
// not public. The ranges for documentation count as public: see the source. Sources: RFC 6890 and IANA's registries.
func PublicAddr(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if b := a.As16(); translated.Contains(a) {
		a = netip.AddrFrom4([4]byte(b[12:16]))
	} else if sixToFour.Contains(a) {
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	for _, s := range special {
		if s.prefix.Contains(a) {
			return s.public
		}
	}
	return false
}
