package resolver

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// serve runs a server of the wire-format library on a loopback port, over UDP and TCP.
func serve(t *testing.T, h dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	l, err := net.Listen("tcp", pc.LocalAddr().String())
	require.NoError(t, err)
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: h}, {Listener: l, Handler: h}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		done := make(chan error, 1)
		go func() { done <- s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() {
			require.NoError(t, s.Shutdown())
			require.NoError(t, <-done)
		})
	}
	return netip.MustParseAddrPort(pc.LocalAddr().String())
}

var asked = Question{Name: MustParseName("_a79.example.com."), Type: TypeCNAME}

func answerTo(m *dns.Msg) *dns.Msg {
	r := new(dns.Msg)
	r.SetReply(m)
	r.Authoritative = true
	rr, err := dns.NewRR("_A79.example.com. 300 IN CNAME _424.acm-validations.aws.")
	if err != nil {
		panic(err)
	}
	r.Answer = []dns.RR{rr}
	if o := m.IsEdns0(); o != nil {
		r.SetEdns0(4096, o.Do())
	}
	return r
}

func TestClientOverLoopback(t *testing.T) {
	server := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		r := answerTo(m)
		if w.LocalAddr().Network() == "udp" && m.Question[0].Qtype == dns.TypeTXT {
			r.Truncated, r.Answer = true, nil
		}
		if err := w.WriteMsg(r); err != nil {
			t.Error(err)
		}
	})
	c := Client{AllowPrivate: true}
	q := asked
	q.Server = server
	r, err := c.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, []RR{MustParseRR("_a79.example.com. 300 CNAME _424.acm-validations.aws.")}, r.Answer)
	require.Equal(t, q, r.Question)
	require.True(t, r.Authoritative)
	require.True(t, r.EDNS)
	require.Equal(t, UDP, r.Transport)
	require.Equal(t, 1, r.Tries)
	require.Positive(t, r.RTT)

	q.Type = TypeTXT
	r, err = c.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, TCP, r.Transport)
	require.Equal(t, 2, r.Tries)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = new(Client).Resolve(ctx, q)
	require.ErrorIs(t, err, ErrPrivateAddress)
}
