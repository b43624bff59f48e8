package resolver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// samePort listens on one port over UDP and TCP. A port that is free over UDP may be taken over TCP, so it tries some.
func samePort(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	var err error
	for range 50 {
		pc, perr := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, perr)
		l, lerr := net.Listen("tcp", pc.LocalAddr().String())
		if lerr == nil {
			return pc, l
		}
		err = lerr
		require.NoError(t, pc.Close())
	}
	require.NoError(t, err)
	return nil, nil
}

// serve runs a server of the wire-format library on a loopback port, over UDP and TCP.
func serve(t *testing.T, h dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	pc, l := samePort(t)
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
		if m.Question[0].Qtype == dns.TypeMX {
			for range 50 { // more than is read of a datagram
				r.Extra = append(r.Extra, &dns.TXT{Hdr: dns.RR_Header{Name: "x.example.com.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("x", 250)}})
			}
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

	q.Type = TypeMX
	r, err = c.Resolve(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, TCP, r.Transport, "the datagram was longer than what is read of one")
	require.Len(t, r.Additional, 50)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = new(Client).Resolve(ctx, q)
	require.ErrorIs(t, err, ErrPrivateAddress)
}

// What the real network of a machine does without any network beyond loopback.
func TestClientLoopbackFailures(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := netip.MustParseAddrPort(closed.LocalAddr().String())
	require.NoError(t, closed.Close())
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, mute.Close()) }()
	silent := netip.MustParseAddrPort(mute.LocalAddr().String())

	c := Client{AllowPrivate: true, Patience: time.Minute}
	q := asked
	q.Server = nobody
	start := time.Now()
	_, err = c.Resolve(t.Context(), q)
	require.ErrorIs(t, err, ErrRefusedConnection)
	require.NotContains(t, err.Error(), "->", "no random port of ours in the text")

	q.Server = silent
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = c.Resolve(ctx, q)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(start), 10*time.Second, "neither waited for the end of patience")

	_, err = c.Resolve(ctx, q)
	require.ErrorIs(t, err, context.Canceled, "a context that is done asks nothing")

	c.Patience = 30 * time.Millisecond
	_, err = c.Resolve(t.Context(), q)
	require.Error(t, err)
	require.True(t, errors.Is(err, ErrTimeout) || errors.Is(err, ErrRefusedConnection), "nothing listens on TCP there: %v", err)

	_, err = c.Resolve(t.Context(), Question{Server: silent})
	require.ErrorIs(t, err, ErrBadName)
}

// Many questions at once over one Client, which keeps nothing between them.
func TestClientConcurrent(t *testing.T) {
	server := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		r := new(dns.Msg)
		r.SetReply(m)
		r.Answer = []dns.RR{&dns.CNAME{
			Hdr:    dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET},
			Target: "of-" + m.Question[0].Name,
		}}
		if err := w.WriteMsg(r); err != nil {
			t.Error(err)
		}
	})
	c := Client{AllowPrivate: true}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			label := "n" + strconv.Itoa(i) + ".example."
			q := Question{Name: MustParseName(label), Type: TypeCNAME, Server: server, TCP: i%5 == 0}
			r, err := c.Resolve(t.Context(), q)
			if err != nil || len(r.Answer) != 1 {
				t.Errorf("%v, %v", r, err)
				return
			}
			if got, ok := r.Answer[0].Target(); !ok || got.String() != "of-"+label {
				t.Errorf("asked for %s, got %s", label, got)
			}
		})
	}
	all.Wait()
}
