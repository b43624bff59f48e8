package resolvertest_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// patient is long enough for loopback on a busy machine; nothing waits for it to pass.
const patient = 10 * time.Second

func TestListen(t *testing.T) {
	in := resolvertest.MustParse(faultZone + "$ORIGIN example.org.\n_a CNAME c.\n$GENERATE 1-30 long 300 TXT \"text number $ for more than twelve hundred octets\"\n")
	l, err := in.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, c := range []struct {
		network, name string
		typ           uint16
		answers       int
		truncated     bool
	}{
		{"udp", "_a.example.com.", dns.TypeCNAME, 1, false},
		{"tcp", "_a.example.com.", dns.TypeCNAME, 1, false},
		{"udp", "_a.example.org.", dns.TypeCNAME, 1, false}, // one server that holds every zone
		{"udp", "ns1.nic.com.", dns.TypeA, 1, false},
		{"udp", "long.example.org.", dns.TypeTXT, 0, true},
		{"tcp", "long.example.org.", dns.TypeTXT, 30, false},
	} {
		m := new(dns.Msg)
		m.SetQuestion(c.name, c.typ)
		client := dns.Client{Net: c.network, Timeout: patient}
		r, _, err := client.Exchange(m, l.Addr().String())
		require.NoError(t, err, "%+v", c)
		assert.Len(t, r.Answer, c.answers, "%+v", c)
		assert.Equal(t, c.truncated, r.Truncated, "%+v", c)
		assert.True(t, r.Authoritative, "%+v", c)
	}
	assert.Len(t, in.Queries(), 6)
	assert.Equal(t, l.Addr().Addr(), in.Queries()[0].Server.Addr())

	_, err = in.Listen("localhost:53")
	assert.ErrorIs(t, err, resolvertest.ErrText)
	_, err = in.Listen(l.Addr().String())
	assert.Error(t, err, "the port is taken")
}

func TestListenAllServesEveryServer(t *testing.T) {
	in, err := resolvertest.ParseIn(faultZone, netip.MustParsePrefix("127.53.0.0/24"))
	require.NoError(t, err)
	l, err := in.ListenAll(0)
	if err != nil && runtime.GOOS != "linux" {
		t.Skipf("this system has no loopback addresses beyond 127.0.0.1: %v", err)
	}
	require.NoError(t, err)
	defer l.Close()
	require.Len(t, l.Addrs(), 6, "two servers of the zone, of com. and of the root")

	in.Fault(resolvertest.MustParseFault("ns2.example.com. lie _a.example.com. CNAME other."))
	for server, want := range map[string]string{"ns1.example.com.": "b.acm-validations.aws.", "ns2.example.com.": "other."} {
		m := new(dns.Msg)
		m.SetQuestion("_a.example.com.", dns.TypeCNAME)
		addr := netip.AddrPortFrom(in.Addrs(resolver.MustParseName(server))[0], l.Addr().Port())
		client := dns.Client{Timeout: patient}
		r, _, err := client.Exchange(m, addr.String())
		require.NoError(t, err)
		require.Len(t, r.Answer, 1)
		assert.Equal(t, want, r.Answer[0].(*dns.CNAME).Target, "each answers as itself")
	}
}

func TestListenerFaults(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	l, err := in.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	in.Fault(resolvertest.Fault{Addr: l.Addr().Addr(), Action: resolvertest.TruncateAll, Type: resolver.TypeTXT})
	in.Fault(resolvertest.Fault{Addr: l.Addr().Addr(), Action: resolvertest.Delay, Delay: time.Millisecond, Type: resolver.TypeCNAME})
	m := new(dns.Msg)
	m.SetQuestion("_a.example.com.", dns.TypeTXT)
	r, _, err := (&dns.Client{Timeout: patient}).Exchange(m, l.Addr().String())
	require.NoError(t, err)
	assert.True(t, r.Truncated)
	_, _, err = (&dns.Client{Net: "tcp", Timeout: patient}).Exchange(m, l.Addr().String())
	assert.Error(t, err, "TCP hangs up")
	for _, network := range []string{"udp", "tcp"} {
		m.SetQuestion("_a.example.com.", dns.TypeCNAME)
		r, _, err = (&dns.Client{Net: network, Timeout: patient}).Exchange(m, l.Addr().String())
		require.NoError(t, err)
		assert.Len(t, r.Answer, 1)
	}
}

func TestListenerCloseLeavesNothing(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	l, err := in.Listen("127.0.0.1:0")
	require.NoError(t, err)
	in.Fault(resolvertest.Fault{Addr: l.Addr().Addr(), Action: resolvertest.Delay, Delay: time.Hour})
	u, err := net.Dial("udp", l.Addr().String())
	require.NoError(t, err)
	defer u.Close()
	c, err := net.Dial("tcp", l.Addr().String()) // open, and says nothing
	require.NoError(t, err)
	defer c.Close()
	_, err = u.Write(query(t, 1, "_a.example.com.", dns.TypeCNAME))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(in.Queries()) == 1 }, patient, time.Millisecond)

	require.NoError(t, l.Close(), "though an answer is an hour away and a connection open")
	require.NoError(t, l.Close())
	again, err := in.Listen(l.Addr().String())
	require.NoError(t, err, "the port is free again")
	require.NoError(t, again.Close())
}
