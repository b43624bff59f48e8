package resolvertest_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

const worldText = `
$ORIGIN example.com.
_a   CNAME b.acm-validations.aws.
www  CNAME host.example.org.
in   CNAME www
dead CNAME nowhere.example.org.
ring CNAME ring.example.org.
sub  NS ns1.sub ; and nobody serves it
$ORIGIN example.org.
@ NS ns1.host.net.
host A 192.0.2.80
ring CNAME ring.example.com.
`

func TestRecursion(t *testing.T) {
	in := resolvertest.MustParse(worldText)
	negative := "\nauthority example.org. 300 SOA ns1.host.net. hostmaster.example.org. 1 7200 900 1209600 300"
	for words, want := range map[string]string{
		"_a.example.com. CNAME": "NOERROR ra\n_a.example.com. 300 CNAME b.acm-validations.aws.",
		"host.example.org. A":   "NOERROR ra\nhost.example.org. 300 A 192.0.2.80",
		"in.example.com. A": "NOERROR ra\nin.example.com. 300 CNAME www.example.com.\nwww.example.com. 300 CNAME host.example.org.\n" +
			"host.example.org. 300 A 192.0.2.80",
		"dead.example.com. A":   "NXDOMAIN ra\ndead.example.com. 300 CNAME nowhere.example.org." + negative,
		"host.example.org. TXT": "NOERROR ra" + negative,
		"x.example.org. A":      "NXDOMAIN ra" + negative,
		"ring.example.com. A":   "SERVFAIL ra",
		"x.sub.example.com. A":  "SERVFAIL ra",
		"nowhere.example. A":    "NXDOMAIN ra\nauthority . 300 SOA a.root-servers.test. hostmaster. 1 7200 900 1209600 300",
	} {
		r, err := ask(t, in, "- "+words)
		require.NoError(t, err)
		assert.Equal(t, want, render(r), words)
	}
}

func TestRecursorSurvivesOneSilentServer(t *testing.T) {
	in := resolvertest.MustParse(worldText)
	in.Fault(resolvertest.MustParseFault("ns1.example.com. drop"))
	in.Fault(resolvertest.MustParseFault("a.root-servers.test. truncate-all"))
	in.Fault(resolvertest.MustParseFault("ns1.nic.com. upward"))
	r, err := ask(t, in, "- _a.example.com. CNAME")
	require.NoError(t, err)
	assert.Equal(t, resolver.NoError, r.RCode)
	in.Fault(resolvertest.MustParseFault("ns2.example.com. refused"))
	r, err = ask(t, in, "- _a.example.com. CNAME")
	require.NoError(t, err)
	assert.Equal(t, resolver.ServFail, r.RCode)
}

func TestRecursorRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(worldText)
		addr := netip.MustParseAddr("203.0.113.53")
		a, b := resolver.MustParseName("_a.example.com."), resolver.MustParseName("_b.example.com.")
		require.NoError(t, in.Remember(addr, a, resolver.TypeCNAME, 100, nil))
		require.NoError(t, in.Remember(addr, b, resolver.TypeCNAME, 100, []string{"old."}))
		assert.ErrorIs(t, in.Remember(addr, b, resolver.TypeCNAME, 100, []string{"not a name"}), resolvertest.ErrText)
		get := func(n resolver.Name, rd bool) string {
			r, err := in.Resolve(t.Context(), resolver.Question{
				Name: n, Type: resolver.TypeCNAME, Server: netip.AddrPortFrom(addr, 53), Recursive: rd,
			})
			require.NoError(t, err)
			return render(r)
		}
		time.Sleep(40 * time.Second)
		left := " 60 SOA ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 300"
		assert.Equal(t, "NXDOMAIN ra\nauthority example.com."+left, get(a, true))
		assert.Equal(t, "NOERROR ra\n_b.example.com. 60 CNAME old.", get(b, true))
		assert.Equal(t, "REFUSED ra", get(a, false), "it is no authoritative server")
		time.Sleep(60 * time.Second)
		assert.Equal(t, "NOERROR ra\n_a.example.com. 300 CNAME b.acm-validations.aws.", get(a, true), "the time is over")
	})
}
