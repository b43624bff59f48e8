package bulk

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/acmdoctor/acmdoctor/resolver"
)

const (
	udpSize    = 1232 // the answers we ask for at most (RFC 9715, 3.1)
	readBatch  = 8    // packets that one system call brings at most
	writeBatch = 64   // packets that one system call sends at most
	renewEvery = 50   // turns of the wheel, after which one socket is renewed
)

// packetConn is an ipv4.PacketConn or an ipv6.PacketConn.
type packetConn interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
	Close() error
}

// socket is one source port.
type socket struct {
	conn  packetConn
	asks  map[uint16]*Ask // by ID; guarded by the pool's lock
	old   bool            // no new questions go out by it
	index int
}

// family is the sockets of one address family.
type family struct {
	network string
	sockets []*socket
	out     []ipv4.Message
	oldest  int
	batches int // sent since the sockets became more
	ids     *rand.ChaCha8
}

func (f *family) works() bool { return len(f.sockets) > 0 }

func familyOf(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 0
	}
	return 1
}

// openSockets opens the sockets of IPv4, and those of IPv6 where this machine has it.
func (p *Pool) openSockets() error {
	var first error
	for i, n := range []string{"udp4", "udp6"} {
		f := &p.families[i]
		f.network = n
		var seed [32]byte
		if _, err := cryptorand.Read(seed[:]); err != nil {
			return fmt.Errorf("bulk: open sockets: %w", err)
		}
		f.ids = rand.NewChaCha8(seed)
		f.out = make([]ipv4.Message, writeBatch)
		for j := range f.out {
			f.out[j].Buffers = [][]byte{make([]byte, 0, 300)}
			f.out[j].Addr = &net.UDPAddr{IP: make(net.IP, 16)}
		}
		if n == "udp6" && p.Listen == nil && !hasIPv6() {
			continue
		}
		if err := p.grow(f); err != nil && first == nil {
			first = err
		}
	}
	if !p.families[0].works() && !p.families[1].works() {
		return first
	}
	return nil
}

// atOnce is how many sockets are opened at a time: as many as a few questions need, so that these need not pay for hundreds.
const atOnce = 8

// grow opens more sockets, up to what is wanted. The error is for a family that then has none.
func (p *Pool) grow(f *family) error {
	for range atOnce {
		if len(f.sockets) >= orDefault(p.Sockets, DefaultSockets) {
			return nil
		}
		s, err := p.openSocket(f)
		if err != nil {
			if len(f.sockets) == 0 {
				return err
			}
			return nil // fewer will do: the machine has no more
		}
		s.index = len(f.sockets)
		f.sockets = append(f.sockets, s)
	}
	return nil
}

// hasIPv6 reports whether packets to the IPv6 internet, or to this host's own IPv6 loopback, can leave.
func hasIPv6() bool {
	for _, to := range []string{"[2001:500:2f::f]:53", "[::1]:53"} {
		c, err := net.Dial("udp6", to) // connects a datagram socket: nothing is sent
		if err == nil {
			_ = c.Close()
			return true
		}
	}
	return false
}

func (p *Pool) openSocket(f *family) (*socket, error) {
	c, err := p.listen(f.network)
	if err != nil {
		return nil, fmt.Errorf("bulk: open a socket: %w", err)
	}
	s := &socket{asks: map[uint16]*Ask{}}
	udp, real := c.(*net.UDPConn)
	switch {
	case !real:
		s.conn = oneByOne{c}
	case f.network == "udp4":
		_ = udp.SetReadBuffer(1 << 20)
		s.conn = ipv4.NewPacketConn(udp)
	default:
		_ = udp.SetReadBuffer(1 << 20)
		s.conn = ipv6.NewPacketConn(udp)
	}
	p.done.Go(func() { p.read(s) })
	return s, nil
}

func (p *Pool) listen(network string) (net.PacketConn, error) {
	if p.Listen != nil {
		return p.Listen(network)
	}
	return net.ListenUDP(network, nil)
}

// oneByOne is a socket that has no system calls for many packets.
type oneByOne struct{ net.PacketConn }

func (c oneByOne) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	n, from, err := c.ReadFrom(ms[0].Buffers[0])
	ms[0].N, ms[0].Addr = n, from
	if err != nil {
		return 0, err
	}
	return 1, nil
}

func (c oneByOne) WriteBatch(ms []ipv4.Message, _ int) (int, error) {
	if _, err := c.WriteTo(ms[0].Buffers[0], ms[0].Addr); err != nil {
		return 0, err
	}
	return 1, nil
}

// renew replaces the oldest socket of each family by a new one; answers to what was sent by the old one still come in.
func (p *Pool) renew() {
	for i := range p.families {
		f := &p.families[i]
		if !f.works() {
			continue
		}
		s, err := p.openSocket(f)
		if err != nil {
			continue // the old one will do
		}
		old := f.sockets[f.oldest]
		s.index, f.sockets[f.oldest] = f.oldest, s
		f.oldest = (f.oldest + 1) % len(f.sockets)
		if old.old = true; len(old.asks) == 0 {
			_ = old.conn.Close()
		}
	}
}

func (p *Pool) closeSockets() error {
	var first error
	for i := range p.families {
		for _, s := range p.families[i].sockets {
			if err := s.conn.Close(); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}

// transmit sends questions that have their place under way. All of a batch leave by one socket, so that their answers come
// in by few system calls; the next batch leaves by another. The pool's lock is held.
func (p *Pool) transmit(asks []*Ask, now int64) (over []ended) {
	if len(asks) == 0 {
		return nil
	}
	for i := range p.families {
		f := &p.families[i]
		var by *socket
		n := 0
		var flying [writeBatch]*Ask
		flush := func() {
			over = append(over, p.write(f, by, flying[:n], now)...)
			n = 0
		}
		for _, a := range asks {
			if familyOf(a.Server.Addr()) != i {
				continue
			}
			if n == 0 {
				if f.batches++; f.batches > len(f.sockets) && p.grow(f) == nil {
					f.batches = 0
				}
				by = f.sockets[f.ids.Uint64()%uint64(len(f.sockets))]
			}
			a.tried++
			a.sent = now
			p.put(a, now+int64(a.server.patience(a.tried)))
			id := uint16(f.ids.Uint64())
			for by.asks[id] != nil {
				id = uint16(f.ids.Uint64())
			}
			by.asks[id] = a
			a.at[a.tried-1] = place{by, id}
			m := &f.out[n]
			m.Buffers[0] = appendQuestion(m.Buffers[0][:0], id, a)
			to := m.Addr.(*net.UDPAddr)
			if i == 0 {
				b := a.Server.Addr().Unmap().As4()
				to.IP = append(to.IP[:0], b[:]...)
			} else {
				b := a.Server.Addr().As16()
				to.IP = append(to.IP[:0], b[:]...)
				to.Zone = a.Server.Addr().Zone()
			}
			to.Port = int(a.Server.Port())
			flying[n] = a
			p.stats.Sent++
			if a.tried > 1 {
				p.stats.Repeated++
			}
			if n++; n == writeBatch {
				flush()
			}
		}
		if n > 0 {
			flush()
		}
	}
	return over
}

// write sends a batch. Where this machine cannot send to an address, that is the answer.
func (p *Pool) write(f *family, by *socket, asks []*Ask, now int64) (over []ended) {
	out := f.out[:len(asks)]
	for len(out) > 0 {
		n, err := by.conn.WriteBatch(out, 0)
		if n > 0 {
			out, asks = out[n:], asks[n:]
			continue
		}
		if err == nil || len(asks) == 0 {
			break
		}
		a := asks[0]
		out, asks = out[1:], asks[1:]
		p.pull(a)
		p.forget(a)
		a.server.flying--
		a.server.network.flying--
		over = append(over, ended{a, resolver.ErrUnroutable})
	}
	return over
}

// appendQuestion writes a question (RFC 1035, 4.1; RFC 6891, 6.1; RFC 3225).
func appendQuestion(b []byte, id uint16, a *Ask) []byte {
	b = append(b, byte(id>>8), byte(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)
	b = a.Name.AppendWire(b)
	b = binary.BigEndian.AppendUint16(b, uint16(a.Type))
	b = append(b, 0, 1)
	var do byte
	if a.DNSSEC {
		do = 0x80
	}
	return append(b, 0, 0, byte(typeOPT), udpSize>>8, udpSize&0xff, 0, 0, do, 0, 0, 0)
}

// forget takes a question out of everything that answers are looked up in. The pool's lock is held.
func (p *Pool) forget(a *Ask) {
	a.ended = true
	for i := range a.tried {
		at := &a.at[i]
		if at.socket == nil {
			continue
		}
		delete(at.socket.asks, at.id)
		if at.socket.old && len(at.socket.asks) == 0 {
			_ = at.socket.conn.Close()
		}
		at.socket = nil
	}
}

// read takes answers in until the socket is closed.
func (p *Pool) read(s *socket) {
	in := make([]ipv4.Message, readBatch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, udpSize+1)}
	}
	var out Outbox
	asks := make([]*Ask, 0, readBatch)
	messages := make([]int, 0, readBatch)
	var m Message
	for {
		n, err := s.conn.ReadBatch(in, 0)
		if err != nil {
			if isClosed(err) {
				return
			}
			continue
		}
		now := p.clock()
		asks, messages, out.asks = asks[:0], messages[:0], out.asks[:0]
		p.mu.Lock()
		var ready []*Ask
		for i := range in[:n] {
			b := in[i].Buffers[0][:in[i].N]
			a := p.match(s, b, in[i].Addr)
			if a == nil {
				continue
			}
			p.pull(a)
			p.forget(a)
			p.stats.Answered++
			a.server.answered(a, now, orDefault(p.InFlight, DefaultInFlight))
			ready = append(ready, p.release(a.server, now)...)
			asks, messages = append(asks, a), append(messages, i)
		}
		over := p.transmit(ready, now)
		p.mu.Unlock()
		for k, a := range asks {
			i := messages[k]
			if err := m.Read(in[i].Buffers[0][:in[i].N]); err != nil {
				a.Done(&out, nil, err)
				continue
			}
			a.Done(&out, &m, nil)
		}
		p.dispatch(out.asks)
		p.end(over)
	}
}

// match finds the question that a packet answers: same socket, ID, server, name, type and class (RFC 5452, 9.1). Anything
// else is somebody else's. The pool's lock is held.
func (p *Pool) match(s *socket, b []byte, from net.Addr) *Ask {
	if len(b) < 12 || b[2]&0xf8 != 0x80 {
		return nil
	}
	a := s.asks[binary.BigEndian.Uint16(b)]
	if a == nil {
		return nil
	}
	u, ok := from.(*net.UDPAddr)
	if !ok || u.Port != int(a.Server.Port()) {
		return nil
	}
	if ip, ok := netip.AddrFromSlice(u.IP); !ok || ip.Unmap() != a.Server.Addr().Unmap().WithZone("") {
		return nil
	}
	if binary.BigEndian.Uint16(b[4:]) == 0 && len(b) == 12 && b[3]&15 != 0 {
		return a // an error may leave the question out
	}
	q := Message{b: b}
	if binary.BigEndian.Uint16(b[4:]) != 1 || !q.Asked(a.Name, a.Type) {
		return nil
	}
	return a
}
