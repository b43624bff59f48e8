package resolvertest

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// packets is a socket in a fake internet: a connection for each server that something is sent to.
type packets struct {
	in     *Internet
	came   chan packet
	closed chan struct{}
	once   sync.Once
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[string]net.Conn
}

type packet struct {
	b    []byte
	from net.Addr
}

// ListenPacket gives a socket that reaches every server, as net.ListenPacket does; network is that of a datagram protocol.
func (in *Internet) ListenPacket(string) (net.PacketConn, error) {
	return &packets{in: in, came: make(chan packet, 100), closed: make(chan struct{}), conns: map[string]net.Conn{}}, nil
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case x := <-p.came:
		return copy(b, x.b), x.from, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.conns[to.String()]
	if c == nil {
		var err error
		if c, err = p.in.Dial(context.Background(), "udp", to.String()); err != nil {
			return 0, err
		}
		p.conns[to.String()] = c
		from := &net.UDPAddr{IP: append(net.IP{}, to.(*net.UDPAddr).IP...), Port: to.(*net.UDPAddr).Port}
		p.wg.Go(func() {
			for {
				b := make([]byte, 65535)
				n, err := c.Read(b)
				if err != nil {
					return
				}
				select {
				case p.came <- packet{b[:n], from}:
				case <-p.closed:
					return
				}
			}
		})
	}
	return c.Write(b)
}

func (p *packets) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return nil
}

func (p *packets) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (p *packets) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (p *packets) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (p *packets) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
