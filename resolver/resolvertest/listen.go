package resolvertest

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Listener serves an internet over real UDP and TCP sockets until it is closed.
type Listener struct {
	in    *Internet
	addrs []netip.AddrPort
	wg    sync.WaitGroup

	mu      sync.Mutex
	closers map[io.Closer]bool
	closed  bool
}

// Listen serves one server on UDP and TCP at an address of this machine, as in "127.0.0.1:0"; port 0 takes a free one
// ([Listener.Addr]). Where the IP address is that of a server of the internet ([ParseIn]), it is that server, faults and
// all. At any other address it is one server that holds every zone.
func (in *Internet) Listen(addr string) (*Listener, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("resolvertest: listen on %q: %w: %w", addr, ErrText, err)
	}
	return in.listen(a.Port(), a.Addr().Unmap())
}

// ListenTLS is [Internet.Listen] over TLS (RFC 7858), with the certificate of the configuration. What listens there is the
// server at the address as, or the one that Listen would choose where as is the zero Addr.
func (in *Internet) ListenTLS(addr string, as netip.Addr, config *tls.Config) (*Listener, error) {
	return in.listenEncrypted(addr, as, func(l *Listener, t *net.TCPListener, server netip.AddrPort) {
		l.serveTCP(tls.NewListener(t, config), server, resolver.TLS)
	})
}

// ListenHTTPS is [Internet.ListenTLS] over HTTPS (RFC 8484), by POST at the path /dns-query.
func (in *Internet) ListenHTTPS(addr string, as netip.Addr, config *tls.Config) (*Listener, error) {
	return in.listenEncrypted(addr, as, func(l *Listener, t *net.TCPListener, server netip.AddrPort) {
		s := &http.Server{Handler: l.web(server), TLSConfig: config.Clone(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		l.track(s)
		_ = s.ServeTLS(t, "", "") // ends when it is closed
	})
}

func (in *Internet) listenEncrypted(addr string, as netip.Addr, serve func(*Listener, *net.TCPListener, netip.AddrPort)) (*Listener, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("resolvertest: listen on %q: %w: %w", addr, ErrText, err)
	}
	t, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
	if err != nil {
		return nil, fmt.Errorf("resolvertest: listen: %w", err)
	}
	l := &Listener{in: in, closers: map[io.Closer]bool{}}
	l.track(t)
	l.addrs = []netip.AddrPort{t.Addr().(*net.TCPAddr).AddrPort()}
	if !as.IsValid() {
		as = a.Addr().Unmap()
	}
	server := in.server(as)
	l.wg.Go(func() { serve(l, t, server) })
	return l, nil
}

// web answers as a resolver over HTTPS.
func (l *Listener) web(server netip.AddrPort) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /dns-query", func(w http.ResponseWriter, r *http.Request) {
		wire, err := io.ReadAll(io.LimitReader(r.Body, dns.MaxMsgSize))
		if err != nil || r.Header.Get("Content-Type") != messageType {
			http.Error(w, "not a DNS message", http.StatusUnsupportedMediaType)
			return
		}
		l.in.askedPacket(server, resolver.HTTPS, wire)
		o := l.in.exchange(server, resolver.HTTPS, wire, true)
		if l.in.wait(r.Context(), o.delay) != nil || o.wire == nil && !o.hangUp && !o.closed {
			<-r.Context().Done() // silence
			return
		}
		if o.wire == nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", messageType)
		_, _ = w.Write(o.wire) // the client may be gone
	})
	return mux
}

const messageType = "application/dns-message" // RFC 8484, 6

// ListenAll serves every server of the internet at its own address, all on one port; 0 takes a free one. The internet must
// live on addresses of this machine: see [ParseIn] with a prefix such as 127.53.0.0/16, all of which Linux has.
func (in *Internet) ListenAll(port uint16) (*Listener, error) {
	in.mu.Lock()
	var addrs []netip.Addr
	for a := range in.hosts {
		addrs = append(addrs, a)
	}
	in.mu.Unlock()
	slices.SortFunc(addrs, netip.Addr.Compare)
	return in.listen(port, addrs...)
}

// freePortTries is how often a port that is free for one socket and taken for another is given up for the next.
const freePortTries = 50

func (in *Internet) listen(port uint16, addrs ...netip.Addr) (*Listener, error) {
	var last error
	for range freePortTries {
		l := &Listener{in: in, closers: map[io.Closer]bool{}}
		p := port
		last = nil
		for _, a := range addrs {
			if p, last = l.open(netip.AddrPortFrom(a, p)); last != nil {
				break
			}
		}
		if last == nil {
			return l, nil
		}
		_ = l.Close() // the error that counts is the first
		if port != 0 {
			break
		}
	}
	return nil, fmt.Errorf("resolvertest: listen: %w", last)
}

// open serves one address and gives its port.
func (l *Listener) open(a netip.AddrPort) (uint16, error) {
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return 0, err
	}
	bound := u.LocalAddr().(*net.UDPAddr).AddrPort()
	a = netip.AddrPortFrom(a.Addr(), bound.Port())
	t, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
	if err != nil {
		return 0, errors.Join(err, u.Close())
	}
	l.track(u)
	l.track(t)
	l.addrs = append(l.addrs, a)
	server := l.in.server(a.Addr())
	l.wg.Go(func() { l.serveUDP(u, server) })
	l.wg.Go(func() { l.serveTCP(t, server, resolver.TCP) })
	return a.Port(), nil
}

// server gives the address that the one listened on stands for; everywhere is the address of a server with every zone.
func (in *Internet) server(a netip.Addr) netip.AddrPort {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.hosts[a] != nil {
		return netip.AddrPortFrom(a, 53)
	}
	all := &host{addr: a, zones: map[resolver.Name]*zone{}}
	for _, z := range in.zones {
		if all.zones[z.name] == nil {
			all.zones[z.name] = z
		}
	}
	in.hosts[a] = all
	return netip.AddrPortFrom(a, 53)
}

// Addr gives the first address listened on.
func (l *Listener) Addr() netip.AddrPort { return l.addrs[0] }

// Addrs gives all addresses listened on.
func (l *Listener) Addrs() []netip.AddrPort { return slices.Clone(l.addrs) }

// Close closes all sockets and returns when nothing of the Listener runs any more. It may be called twice.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	var errs []error
	for c := range l.closers {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) { // an HTTP server has closed its listener
			errs = append(errs, err)
		}
	}
	clear(l.closers)
	l.mu.Unlock()
	l.wg.Wait()
	return errors.Join(errs...)
}

// track remembers what Close has to close; false where that has happened already.
func (l *Listener) track(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.closers[c] = true
	return true
}

func (l *Listener) untrack(c io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.closers, c)
}

// after runs f when an answer's time has come, unless the Listener is closed before.
func (l *Listener) after(d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	done := make(chan struct{})
	stop := closerFunc(sync.OnceValue(func() error { close(done); return nil }))
	if !l.track(&stop) {
		return
	}
	l.wg.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			f()
		case <-done:
		}
		l.untrack(&stop)
	})
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func (l *Listener) serveUDP(u *net.UDPConn, server netip.AddrPort) {
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, from, err := u.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP message about an answer that nobody waited for
		}
		wire := slices.Clone(buf[:n])
		l.in.askedPacket(server, resolver.UDP, wire)
		o := l.in.exchange(server, resolver.UDP, wire, true)
		if o.wire == nil {
			continue // "closed" is silence here: the socket is open
		}
		l.after(o.delay, func() { _, _ = u.WriteToUDPAddrPort(o.wire, from) }) // a lost datagram is no error
	}
}

func (l *Listener) serveTCP(t net.Listener, server netip.AddrPort, over resolver.Transport) {
	for {
		c, err := t.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if !l.track(c) {
			_ = c.Close()
			return
		}
		l.wg.Go(func() {
			l.serveConn(c, server, over)
			l.untrack(c)
			_ = c.Close()
		})
	}
}

// idle is how long a client may keep a TCP connection without a question.
const idle = 30 * time.Second

func (l *Listener) serveConn(c net.Conn, server netip.AddrPort, over resolver.Transport) {
	var write sync.Mutex
	for {
		if err := c.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		wire := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, wire); err != nil {
			return
		}
		l.in.askedPacket(server, over, wire)
		o := l.in.exchange(server, over, wire, true)
		if o.hangUp || o.closed {
			return
		}
		if o.wire == nil {
			continue
		}
		l.after(o.delay, func() {
			write.Lock()
			defer write.Unlock()
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(o.wire))), o.wire...)) // the client may be gone
		})
	}
}
