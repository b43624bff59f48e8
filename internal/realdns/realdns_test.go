package realdns_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// ask asks one server over a real socket.
func ask(t *testing.T, n *realdns.Internet, addr netip.Addr, name string, typ resolver.Type, recursive bool) (resolver.Response, error) {
	t.Helper()
	c := resolver.Client{AllowPrivate: true, Patience: 2 * time.Second}
	return c.Resolve(t.Context(), resolver.Question{
		Name: resolver.MustParseName(name), Type: typ, Server: netip.AddrPortFrom(addr, n.Port), Recursive: recursive,
	})
}

// Every kind serves what it was given, with authority, denies the rest, and refuses or fails as lame servers do. What
// end-to-end tests conclude rests on this.
func TestServersAnswer(t *testing.T) {
	for _, k := range realdns.Authoritative() {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			n := realdns.New(t)
			s := n.Add(k)
			s.Serve("zone.test.", realdns.Delegation("zone.test.", s.Addr)+`
_a79 CNAME _424.acm-validations.aws.
*.wild CNAME target
sub NS ns1.sub
ns1.sub A 127.0.0.1
`)
			s.ServeBroken("broken.test.")
			n.Start()

			r, err := ask(t, n, s.Addr, "_a79.zone.test.", resolver.TypeCNAME, false)
			require.NoError(t, err)
			assert.True(t, r.Authoritative)
			require.Len(t, r.RRs(resolver.MustParseName("_a79.zone.test."), resolver.TypeCNAME), 1)
			assert.Equal(t, "_424.acm-validations.aws.", r.Answer[0].Text())

			r, err = ask(t, n, s.Addr, "absent.zone.test.", resolver.TypeCNAME, false)
			require.NoError(t, err)
			assert.Equal(t, resolver.NXDomain, r.RCode)
			_, ok := r.SOA()
			assert.True(t, ok, "a denial carries the zone's SOA")

			r, err = ask(t, n, s.Addr, "any.wild.zone.test.", resolver.TypeCNAME, false)
			require.NoError(t, err)
			assert.Len(t, r.Answer, 1)

			r, err = ask(t, n, s.Addr, "x.sub.zone.test.", resolver.TypeCNAME, false)
			require.NoError(t, err)
			assert.False(t, r.Authoritative)
			assert.Empty(t, r.Answer)
			assert.NotEmpty(t, r.Authority)

			r, err = ask(t, n, s.Addr, "other.test.", resolver.TypeSOA, false)
			require.NoError(t, err)
			assert.Equal(t, resolver.Refused, r.RCode)

			r, err = ask(t, n, s.Addr, "broken.test.", resolver.TypeSOA, false)
			require.NoError(t, err)
			assert.Equal(t, resolver.ServFail, r.RCode)
		})
	}
}

// tinydns shows what the others hide: a CNAME and other data at one name, both in one answer.
func TestTinyDNSServesCNAMEAndOtherData(t *testing.T) {
	n := realdns.New(t)
	if !n.CanRunTinyDNS() {
		t.Skip("tinydns needs root and port 53")
	}
	s := n.Add(realdns.TinyDNS)
	s.Serve("zone.test.", "Zzone.test:ns1.zone.test:hostmaster.zone.test:1:3600:600:86400:60\n&zone.test:"+s.Addr.String()+":ns1.zone.test\n"+
		"C_a79.zone.test:_424.acm-validations.aws\n'_a79.zone.test:old")
	n.Start()
	r, err := ask(t, n, s.Addr, "_a79.zone.test.", resolver.TypeTXT, false)
	require.NoError(t, err)
	name := resolver.MustParseName("_a79.zone.test.")
	assert.Len(t, r.RRs(name, resolver.TypeCNAME), 1)
	assert.Len(t, r.RRs(name, resolver.TypeTXT), 1)
}

func TestRecursorFollowsTheRootItIsGiven(t *testing.T) {
	n := realdns.New(t)
	if n.Port != 53 {
		t.Skip("port 53 cannot be bound, and unbound asks on no other")
	}
	root, leaf, rec := n.Add(realdns.BIND), n.Add(realdns.NSD), n.Add(realdns.Unbound)
	root.Serve(".", realdns.Delegation(".", root.Addr)+realdns.Delegation("test.", leaf.Addr))
	leaf.Serve("test.", realdns.Delegation("test.", leaf.Addr)+"_a79 CNAME _424.acm-validations.aws.\n")
	rec.Follow(root)
	n.Start()

	name := "_a79.test."
	assert.Eventually(t, func() bool { // it may just have started
		r, err := ask(t, n, rec.Addr, name, resolver.TypeCNAME, true)
		return err == nil && r.RecursionAvailable && len(r.RRs(resolver.MustParseName(name), resolver.TypeCNAME)) == 1
	}, 20*time.Second, 50*time.Millisecond, "unbound has not resolved %s: %s", name, rec.Log())

	r, err := ask(t, n, rec.Addr, name, resolver.TypeCNAME, false)
	require.NoError(t, err)
	assert.False(t, r.Authoritative, "a recursor has no authority: as a name server it is lame")
}

func TestSilentNeverAnswers(t *testing.T) {
	n := realdns.New(t)
	addr := n.Silent()
	c := resolver.Client{AllowPrivate: true, Patience: 300 * time.Millisecond}
	_, err := c.Resolve(t.Context(), resolver.Question{
		Name: resolver.MustParseName("test."), Type: resolver.TypeSOA, Server: netip.AddrPortFrom(addr, n.Port),
	})
	require.ErrorIs(t, err, resolver.ErrTimeout)
}

func TestServersEndWithTheTest(t *testing.T) {
	var addr netip.Addr
	var n *realdns.Internet
	t.Run("inner", func(t *testing.T) {
		n = realdns.New(t)
		s := n.Add(realdns.NSD)
		s.Serve("test.", realdns.Delegation("test.", s.Addr))
		n.Start()
		addr = s.Addr
		_, err := ask(t, n, addr, "test.", resolver.TypeSOA, false)
		require.NoError(t, err)
	})
	if !addr.IsValid() {
		t.Skip("nothing was started")
	}
	_, err := ask(t, n, addr, "test.", resolver.TypeSOA, false)
	require.ErrorIs(t, err, resolver.ErrRefusedConnection)
}

func TestHintsAreRead(t *testing.T) {
	n := realdns.New(t)
	a, b := n.Add(realdns.BIND), n.Add(realdns.BIND)
	text, err := os.ReadFile(n.Hints(a, b))
	require.NoError(t, err)
	hints, err := resolver.ParseHints(strings.NewReader(string(text)))
	require.NoError(t, err)
	require.Len(t, hints, 2)
	assert.Equal(t, []netip.Addr{a.Addr}, hints[0].Addrs)
}
