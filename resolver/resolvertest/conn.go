package resolvertest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Dial opens a connection in memory to the server at an address, in the form of [net.Dialer.DialContext]. Over "udp" a
// Write is a packet and so is a Read; over "tcp" messages have their length in front (RFC 1035, 4.2.2). Where no server
// lives the connection opens and stays silent. Deadlines work. A connection has no goroutine of its own.
//
// The error wraps the context's error, [syscall.ECONNREFUSED] for a server with the fault "closed" over TCP, or
// [ErrText] for an address or a network that is none.
func (in *Internet) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, fmt.Errorf("resolvertest: dial %s %s: %w", network, address, err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	server, err := netip.ParseAddrPort(address)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", ErrText, err))
	}
	server = netip.AddrPortFrom(server.Addr().Unmap(), server.Port())
	c := &conn{in: in, server: server, over: resolver.UDP, changed: make(chan struct{}), timers: map[*time.Timer]bool{}}
	switch {
	case strings.HasPrefix(network, "udp"):
		return &packetConn{c}, nil
	case strings.HasPrefix(network, "tcp"):
		c.over = resolver.TCP
	default:
		return fail(fmt.Errorf("%w: unknown network", ErrText))
	}
	if err := in.wait(ctx, in.Latency); err != nil {
		return fail(err)
	}
	if in.isClosed(server) {
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	return c, nil
}

// isClosed reports whether connections are refused whatever will be asked; each refusal counts as a packet of the fault.
func (in *Internet) isClosed(server netip.AddrPort) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	h := in.host(server)
	for i, f := range in.faults {
		if h == nil || f.Action != Closed || f.Type != 0 || !f.Name.IsZero() || !f.concerns(h, resolver.Question{}, resolver.TCP) {
			continue
		}
		switch {
		case f.Times > 1:
			in.faults[i].Times--
		case f.Times == 1:
			in.faults = append(in.faults[:i:i], in.faults[i+1:]...)
		}
		return true
	}
	return false
}

// conn is a connection in memory.
type conn struct {
	in     *Internet
	server netip.AddrPort
	over   resolver.Transport

	mu       sync.Mutex
	packets  [][]byte // arrived: datagrams, or pieces of the stream
	partial  []byte   // of a TCP message being written
	end      error    // what Read gives when packets are used up
	closed   bool
	deadline time.Time            // for reading; writing never waits
	changed  chan struct{}        // closed and replaced when any of this changes
	timers   map[*time.Timer]bool // answers on their way
}

// packetConn is a conn with the methods by which libraries know a datagram socket.
type packetConn struct{ *conn }

func (c *conn) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Read gives the next packet, or part of the stream. Errors: [net.ErrClosed], [os.ErrDeadlineExceeded], [io.EOF].
func (c *conn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		n, err, ready := c.take(b)
		changed, deadline := c.changed, c.deadline
		c.mu.Unlock()
		if ready {
			return n, err
		}
		if deadline.IsZero() {
			<-changed
			continue
		}
		t := time.NewTimer(time.Until(deadline))
		select {
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}

func (c *conn) take(b []byte) (int, error, bool) {
	switch {
	case c.closed:
		return 0, net.ErrClosed, true
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return 0, os.ErrDeadlineExceeded, true
	case len(c.packets) > 0:
		n := copy(b, c.packets[0])
		if c.over == resolver.TCP && n < len(c.packets[0]) {
			c.packets[0] = c.packets[0][n:]
		} else {
			c.packets = c.packets[1:]
		}
		return n, nil, true
	case c.end != nil:
		err := c.end
		if c.over == resolver.UDP { // an ICMP message is told once
			c.end = nil
		}
		return 0, err, true
	}
	return 0, nil, false
}

// Write sends a packet, or part of the stream.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	var queries [][]byte
	if c.over == resolver.UDP {
		queries = [][]byte{append([]byte(nil), b...)}
	} else {
		c.partial = append(c.partial, b...)
		for len(c.partial) >= 2 {
			n := 2 + int(c.partial[0])<<8 + int(c.partial[1])
			if len(c.partial) < n {
				break
			}
			queries = append(queries, append([]byte(nil), c.partial[2:n]...))
			c.partial = c.partial[n:]
		}
	}
	c.mu.Unlock()
	for _, q := range queries {
		c.in.askedPacket(c.server, c.over, q)
		c.deliver(c.in.exchange(c.server, c.over, q, true))
	}
	return len(b), nil
}

// deliver puts an answer where Read finds it, when its time has come.
func (c *conn) deliver(o outcome) {
	if o.wire == nil && !o.closed && !o.hangUp {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if o.delay <= 0 {
		c.arrive(o)
		return
	}
	var t *time.Timer
	t = time.AfterFunc(o.delay, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, t)
		if !c.closed {
			c.arrive(o)
		}
	})
	c.timers[t] = true
}

func (c *conn) arrive(o outcome) {
	switch {
	case c.end != nil && c.over == resolver.TCP:
		return
	case o.closed && c.over == resolver.TCP:
		c.end = os.NewSyscallError("read", syscall.ECONNRESET)
	case o.closed:
		c.end = os.NewSyscallError("read", syscall.ECONNREFUSED)
	case o.hangUp:
		c.end = io.EOF
	case c.over == resolver.TCP:
		c.packets = append(c.packets, append([]byte{byte(len(o.wire) >> 8), byte(len(o.wire))}, o.wire...))
	default:
		c.packets = append(c.packets, o.wire)
	}
	c.signal()
}

// Close ends the connection: a waiting Read returns [net.ErrClosed], and what is on its way is lost.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	for t := range c.timers {
		t.Stop()
	}
	clear(c.timers)
	c.signal()
	return nil
}

// LocalAddr gives an address that says nothing.
func (c *conn) LocalAddr() net.Addr {
	return netAddr(c.over, netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
}

// RemoteAddr gives the server's address.
func (c *conn) RemoteAddr() net.Addr { return netAddr(c.over, c.server) }

func netAddr(over resolver.Transport, a netip.AddrPort) net.Addr {
	if over == resolver.TCP {
		return net.TCPAddrFromAddrPort(a)
	}
	return net.UDPAddrFromAddrPort(a)
}

// SetDeadline is [conn.SetReadDeadline]: writing never waits.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline makes Read return [os.ErrDeadlineExceeded] from t on; the zero time: never.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.deadline = t
	c.signal()
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// ReadFrom is Read; all packets are the server's.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

// WriteTo is Write: the connection has one peer.
func (c *packetConn) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }
