package resolvertest_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

func query(t *testing.T, id uint16, name string, typ uint16) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.Id, m.RecursionDesired = id, false
	wire, err := m.Pack()
	require.NoError(t, err)
	return wire
}

func dial(t *testing.T, in *resolvertest.Internet, network string) net.Conn {
	t.Helper()
	c, err := in.Dial(t.Context(), network, "192.0.2.1:53")
	require.NoError(t, err)
	return c
}

func answerOf(t *testing.T, wire []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(wire))
	return m
}

func TestDialUDP(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	c := dial(t, in, "udp")
	defer c.Close()
	_, datagrams := c.(net.PacketConn)
	assert.True(t, datagrams, "libraries tell a datagram socket by this")
	for id := range uint16(3) {
		_, err := c.Write(query(t, id, "_a.example.com.", dns.TypeCNAME))
		require.NoError(t, err)
	}
	buf := make([]byte, 1232)
	for id := range uint16(3) { // a Read is one packet, whatever has come by then
		n, err := c.Read(buf)
		require.NoError(t, err)
		m := answerOf(t, buf[:n])
		assert.Equal(t, id, m.Id)
		assert.Len(t, m.Answer, 1)
		assert.Nil(t, m.IsEdns0(), "no OPT is answered without OPT")
	}
	assert.Len(t, in.Queries(), 3, "each packet is a question")
	assert.Equal(t, "192.0.2.1:53", c.RemoteAddr().String())
}

func TestDialTCPIsAStream(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	c := dial(t, in, "tcp4")
	defer c.Close()
	var stream []byte
	for id := range uint16(2) {
		q := query(t, id, "_a.example.com.", dns.TypeCNAME)
		stream = append(binary.BigEndian.AppendUint16(stream, uint16(len(q))), q...)
	}
	for _, b := range stream { // one octet at a time: borders of writes mean nothing
		_, err := c.Write([]byte{b})
		require.NoError(t, err)
	}
	for id := range uint16(2) {
		var size [2]byte
		_, err := io.ReadFull(c, size[:])
		require.NoError(t, err)
		wire := make([]byte, binary.BigEndian.Uint16(size[:]))
		_, err = io.ReadFull(c, wire)
		require.NoError(t, err)
		assert.Equal(t, id, answerOf(t, wire).Id)
	}
	assert.True(t, in.Queries()[0].TCP)
}

func TestSizesOfDatagrams(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n$GENERATE 1-45 a TXT \"text number $ for more than five hundred octets\"\n$GENERATE 1-15 b 300 TXT \"text number $ for more than five hundred octets\"\n")
	for _, c := range []struct {
		name      string
		size      uint16 // 0: no OPT
		truncated bool
	}{
		{"b.example.com.", 0, true},     // RFC 1035, 4.2.1
		{"b.example.com.", 100, true},   // RFC 6891, 6.2.3: less than 512 counts as 512
		{"b.example.com.", 1232, false}, // what the asker can take
		{"b.example.com.", 4096, false},
		{"a.example.com.", 4096, true}, // but never more than 1232
		{"_a.example.com.", 0, false},
	} {
		conn := dial(t, in, "udp")
		m := new(dns.Msg)
		m.SetQuestion(c.name, dns.TypeTXT)
		if c.size > 0 {
			m.SetEdns0(c.size, false)
		}
		wire, err := m.Pack()
		require.NoError(t, err)
		_, err = conn.Write(wire)
		require.NoError(t, err)
		buf := make([]byte, 65535)
		n, err := conn.Read(buf)
		require.NoError(t, err)
		r := answerOf(t, buf[:n])
		assert.Equal(t, c.truncated, r.Truncated, "%+v: %d octets", c, n)
		if c.truncated {
			assert.Empty(t, r.Answer)
		}
		assert.Equal(t, c.size > 0, r.IsEdns0() != nil)
		require.NoError(t, conn.Close())
	}
}

func TestDialToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(faultZone)
		for _, network := range []string{"udp", "tcp"} {
			for _, address := range []string{"198.51.100.254:53", "192.0.2.1:54"} {
				c, err := in.Dial(t.Context(), network, address)
				require.NoError(t, err)
				q := query(t, 1, "_a.example.com.", dns.TypeCNAME)
				if network == "tcp" {
					q = append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)
				}
				_, err = c.Write(q)
				require.NoError(t, err)
				require.NoError(t, c.SetDeadline(time.Now().Add(time.Hour)))
				start := time.Now()
				_, err = c.Read(make([]byte, 10))
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
				assert.Equal(t, time.Hour, time.Since(start))
				require.NoError(t, c.Close())
			}
		}
	})
}

func TestDialErrors(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	_, err := in.Dial(t.Context(), "udp", "ns1.example.com:53")
	assert.ErrorIs(t, err, resolvertest.ErrText)
	_, err = in.Dial(t.Context(), "sctp", "192.0.2.1:53")
	assert.ErrorIs(t, err, resolvertest.ErrText)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = in.Dial(ctx, "udp", "192.0.2.1:53")
	assert.ErrorIs(t, err, context.Canceled)

	in.Fault(resolvertest.MustParseFault("ns1.example.com. closed over tcp times 1"))
	_, err = in.Dial(t.Context(), "tcp", "192.0.2.1:53")
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	dial(t, in, "tcp").Close()

	in.Fault(resolvertest.MustParseFault("ns1.example.com. closed over udp times 1"))
	c := dial(t, in, "udp")
	defer c.Close()
	buf := make([]byte, 512)
	_, err = c.Write(query(t, 1, "_a.example.com.", dns.TypeCNAME))
	require.NoError(t, err)
	_, err = c.Read(buf)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = c.Write(query(t, 2, "_a.example.com.", dns.TypeCNAME))
	require.NoError(t, err)
	_, err = c.Read(buf)
	assert.NoError(t, err, "the fault is over")
}

func TestConnInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := resolvertest.MustParse(faultZone)
		in.Latency = 20 * time.Millisecond
		in.Fault(resolvertest.MustParseFault("ns1.example.com. delay 80ms times 1"))
		start := time.Now()
		c := dial(t, in, "tcp")
		assert.Equal(t, 20*time.Millisecond, time.Since(start), "the handshake")
		require.NoError(t, c.Close())

		start = time.Now()
		c = dial(t, in, "udp")
		for id := range uint16(2) {
			_, err := c.Write(query(t, id, "_a.example.com.", dns.TypeCNAME))
			require.NoError(t, err)
		}
		buf := make([]byte, 512)
		for _, want := range []struct {
			id   uint16
			took time.Duration
		}{{1, 20 * time.Millisecond}, {0, 100 * time.Millisecond}} { // the late one is overtaken
			n, err := c.Read(buf)
			require.NoError(t, err)
			assert.Equal(t, want.id, answerOf(t, buf[:n]).Id)
			assert.Equal(t, want.took, time.Since(start))
		}

		// A deadline that is moved while somebody waits counts at once; Close wakes who waits.
		got := make(chan error)
		read := func() { _, err := c.Read(buf); got <- err }
		go read()
		synctest.Wait()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)))
		assert.ErrorIs(t, <-got, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetDeadline(time.Time{}))
		go read()
		synctest.Wait()
		_, err := c.Write(query(t, 3, "_a.example.com.", dns.TypeCNAME)) // on its way when the end comes
		require.NoError(t, err)
		require.NoError(t, c.Close())
		assert.ErrorIs(t, <-got, net.ErrClosed)
		_, err = c.Write(nil)
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, c.Close(), net.ErrClosed)
		assert.ErrorIs(t, c.SetDeadline(time.Time{}), net.ErrClosed)
	})
}

func TestTruncateAllHangsUp(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	in.Fault(resolvertest.MustParseFault("ns1.example.com. truncate-all"))
	c := dial(t, in, "tcp")
	defer c.Close()
	q := query(t, 1, "_a.example.com.", dns.TypeCNAME)
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 10))
	assert.ErrorIs(t, err, io.EOF)
}

// What a server makes of packets that are no questions.
func FuzzExchange(f *testing.F) {
	q := new(dns.Msg)
	q.SetQuestion("_a.example.com.", dns.TypeCNAME)
	q.SetEdns0(1232, true)
	wire, err := q.Pack()
	require.NoError(f, err)
	f.Add(wire)
	f.Add([]byte{})
	f.Add(wire[:13])
	response := append([]byte(nil), wire...)
	response[2] |= 0x80
	f.Add(response)
	in := resolvertest.MustParse(faultZone + "* CNAME *.b\nold DNAME a.old\nsub NS ns.sub\n")
	f.Fuzz(func(t *testing.T, wire []byte) {
		synctest.Test(t, func(t *testing.T) {
			c := dial(t, in, "udp")
			defer c.Close()
			_, err := c.Write(wire)
			require.NoError(t, err)
			require.NoError(t, c.SetDeadline(time.Now().Add(time.Second)))
			buf := make([]byte, 65535)
			n, err := c.Read(buf)
			if err != nil {
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
				return
			}
			assert.True(t, answerOf(t, buf[:n]).Response)
			assert.LessOrEqual(t, n, 1232)
		})
	})
}

func TestPacketsThatAreNoQuestions(t *testing.T) {
	synctest.Test(t, packetsThatAreNoQuestions)
}

func packetsThatAreNoQuestions(t *testing.T) {
	in := resolvertest.MustParse(faultZone)
	good := query(t, 7, "_a.example.com.", dns.TypeCNAME)
	change := func(f func(m *dns.Msg)) []byte {
		m := answerOf(t, good)
		f(m)
		wire, err := m.Pack()
		require.NoError(t, err)
		return wire
	}
	for _, c := range []struct {
		name  string
		wire  []byte
		rcode int // -1: silence
	}{
		{"too short for a header", good[:11], -1},
		{"a response", change(func(m *dns.Msg) { m.Response = true }), -1},
		{"cut off in the question", good[:15], dns.RcodeFormatError},
		{"no question", change(func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError},
		{"two questions", change(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError},
		{"an update", change(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), dns.RcodeNotImplemented},
		{"a zone transfer", change(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }), dns.RcodeRefused},
		{"another class", change(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), dns.RcodeRefused},
		{"a later EDNS", change(func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().SetVersion(1) }), dns.RcodeBadVers},
	} {
		conn := dial(t, in, "udp")
		_, err := conn.Write(c.wire)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Hour)))
		buf := make([]byte, 512)
		n, err := conn.Read(buf)
		if c.rcode < 0 {
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded, c.name)
		} else if assert.NoError(t, err, c.name) {
			m := answerOf(t, buf[:n])
			assert.Equal(t, c.rcode, m.Rcode, c.name)
			assert.Equal(t, uint16(7), m.Id, c.name)
		}
		require.NoError(t, conn.Close())
	}
}
