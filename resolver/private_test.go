package resolver

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPublicAddr(t *testing.T) {
	for text, public := range map[string]bool{
		"8.8.8.8": true, "1.0.0.1": true, "192.0.2.1": true, "198.51.100.7": true, "203.0.113.9": true, "223.255.255.255": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "11.0.0.1": true,
		"100.63.255.255": true, "100.64.0.1": false, "100.127.255.255": false, "100.128.0.0": true,
		"127.0.0.1": false, "127.255.0.53": false, "169.254.169.254": false, "169.253.1.1": true,
		"172.15.0.1": true, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true,
		"192.0.0.1": false, "192.0.0.9": true, "192.168.1.1": false, "192.169.0.1": true,
		"198.18.0.1": false, "198.19.255.255": false, "198.20.0.1": true,
		"224.0.0.251": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,

		"2001:db8::1": true, "3fff::1": true, "2606:4700:4700::1111": true, "2001:500:2::c": true,
		"::": false, "::1": false, "::8.8.8.8": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"fc00::1": false, "fd12:3456::1": false, "ff02::fb": false, "100::1": false, "4000::1": false, "5f00::1": false,
		"2001::1": false, "2001:2::1": false, "2001:1::1": true, "2001:20::1": true, "2001:200::1": true,
		"::ffff:8.8.8.8": true, "::ffff:127.0.0.1": false, "::ffff:10.1.2.3": false,
		"64:ff9b::8.8.8.8": true, "64:ff9b::192.168.1.1": false, "64:ff9b:1::8.8.8.8": false,
		"2002:808:808::1": true, "2002:a00:1::1": false, "2002:7f00:1::": false,
		"2606:4700::1%eth0": false,
	} {
		require.Equal(t, public, PublicAddr(netip.MustParseAddr(text)), text)
	}
	require.False(t, PublicAddr(netip.Addr{}))
}
