package realdns

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// forwarder hands what arrives at one address on to another, byte for byte, over UDP and TCP, and the answers back. BIND
// needs it: it listens only on addresses that an interface lists, and of 127.0.0.0/8 that is 127.0.0.1 alone (measured
// with 9.18, November 2026), while giving the interface more addresses needs a privilege that a test should not need.
type forwarder struct {
	to   netip.AddrPort
	udp  *net.UDPConn
	tcp  *net.TCPListener
	done chan struct{}
	wg   sync.WaitGroup
}

const forwardPatience = 10 * time.Second

func forward(from, to netip.AddrPort) (*forwarder, error) {
	u, t, err := bind(from)
	if err != nil {
		return nil, err
	}
	f := &forwarder{to: to, udp: u, tcp: t, done: make(chan struct{})}
	f.wg.Go(f.packets)
	f.wg.Go(f.connections)
	return f, nil
}

// stop closes everything and waits for it.
func (f *forwarder) stop() {
	close(f.done)
	_, _ = f.udp.Close(), f.tcp.Close()
	f.wg.Wait()
}

// closing closes c at once when the forwarder stops; the function it returns ends that.
func (f *forwarder) closing(c io.Closer) (end func()) {
	ended := make(chan struct{})
	f.wg.Go(func() {
		select {
		case <-f.done:
			_ = c.Close()
		case <-ended:
		}
	})
	return func() { close(ended) }
}

func (f *forwarder) packets() {
	for {
		b := make([]byte, 65535)
		n, client, err := f.udp.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		f.wg.Go(func() {
			c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(f.to))
			if err != nil {
				return
			}
			defer c.Close()
			defer f.closing(c)()
			_ = c.SetDeadline(time.Now().Add(forwardPatience))
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
			if n, err = c.Read(b); err == nil {
				_, _ = f.udp.WriteToUDPAddrPort(b[:n], client)
			}
		})
	}
}

func (f *forwarder) connections() {
	for {
		client, err := f.tcp.AcceptTCP()
		if err != nil {
			return
		}
		f.wg.Go(func() {
			defer client.Close()
			defer f.closing(client)()
			c, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(f.to))
			if err != nil {
				return
			}
			defer c.Close()
			defer f.closing(c)()
			var both sync.WaitGroup
			both.Go(func() { _, _ = io.Copy(c, client); _ = c.CloseWrite() })
			both.Go(func() { _, _ = io.Copy(client, c); _ = client.CloseWrite() })
			both.Wait()
		})
	}
}
