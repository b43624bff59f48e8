// Package realdns starts real name servers on loopback addresses, so that tests meet what the world runs and not only what
// we believe of it: BIND, Knot, NSD and PowerDNS as authoritative servers, unbound as a recursive one.
//
//	n := realdns.New(t)
//	root, tld := n.Add(realdns.BIND), n.Add(realdns.NSD)
//	root.Serve(".", root.NS(".")+tld.NS("test."))
//	tld.Serve("test.", tld.NS("test."))
//	n.Start() // all at once; returns when each server answers for each of its zones
//	hints := n.Hints(root) // for acmdoctor's --roots
//
// Each server has an address of its own in 127.0.0.0/8 and all share one port: 53 where this process may bind it, else a
// free one. Servers run as child processes in temporary folders, without systemd, and end with the test, also with one
// that is killed. A program that is missing skips the test, or fails it where CI=true. Nothing here leaves loopback.
package realdns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// patience is how long servers may take until all of them answer; on an idle machine it takes about a second.
const patience = 60 * time.Second

// Internet is a set of name servers on one port of loopback addresses. [New] makes it; its methods are for the goroutine
// of the test.
type Internet struct {
	Port    uint16 // the port of every server; 53 where it may be bound
	t       testing.TB
	block   [3]byte // the servers' addresses are 127.block[1].block[2].0/24
	last    byte
	servers []*Server
	dir     string
	running bool
}

// New reserves addresses for the servers of one test. The addresses are returned when the test ends.
func New(t testing.TB) *Internet {
	t.Helper()
	n := &Internet{t: t, dir: t.TempDir(), Port: 53}
	for range 100 {
		n.block = [3]byte{127, byte(16 + rand.IntN(200)), byte(1 + rand.IntN(250))}
		// Whoever holds this address holds the block: another test process may look for addresses at the same time.
		guard, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.addr(255), 1024)))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = guard.Close() })
		n.Port = freePort(n.addr(254))
		return n
	}
	t.Fatal("realdns: no free loopback addresses: is 127.0.0.0/8 on this machine's loopback interface, as on Linux?")
	return nil
}

// freePort gives 53 where it can be bound, else a port that is free for UDP and TCP at addr and so, but for accidents, at
// its neighbours.
func freePort(addr netip.Addr) uint16 {
	if free(netip.AddrPortFrom(addr, 53)) {
		return 53
	}
	return freeHighPort(addr)
}

func freeHighPort(addr netip.Addr) uint16 {
	for {
		// Below the ports that Linux gives to outgoing connections, which come and go.
		if port := uint16(20000 + rand.IntN(12000)); free(netip.AddrPortFrom(addr, port)) {
			return port
		}
	}
}

func free(at netip.AddrPort) bool {
	u, t, err := bind(at)
	if err != nil {
		return false
	}
	_, _ = u.Close(), t.Close()
	return true
}

func bind(at netip.AddrPort) (*net.UDPConn, *net.TCPListener, error) {
	u, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, nil, err
	}
	t, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		_ = u.Close()
		return nil, nil, err
	}
	return u, t, nil
}

func (n *Internet) addr(last byte) netip.Addr {
	return netip.AddrFrom4([4]byte{n.block[0], n.block[1], n.block[2], last})
}

// Address gives a loopback address that nothing else of this internet has, and at which nothing listens.
func (n *Internet) Address() netip.Addr {
	n.t.Helper()
	for n.last++; n.last < 250; n.last++ {
		if a := n.addr(n.last); free(netip.AddrPortFrom(a, n.Port)) {
			return a
		}
	}
	n.t.Fatal("realdns: too many servers for one test")
	return netip.Addr{}
}

// Silent gives an address at which the port is open, over UDP and TCP, and never answers.
func (n *Internet) Silent() netip.Addr {
	n.t.Helper()
	a := n.Address()
	u, t, err := bind(netip.AddrPortFrom(a, n.Port))
	if err != nil {
		n.t.Fatalf("realdns: open a silent port: %v", err)
	}
	n.t.Cleanup(func() { _, _ = u.Close(), t.Close() })
	return a
}

// Add adds a server of this kind; [Internet.Start] starts it.
func (n *Internet) Add(k Kind) *Server {
	n.t.Helper()
	if n.running {
		n.t.Fatal("realdns: Add after Start")
	}
	Require(n.t, k)
	if k == TinyDNS && !n.CanRunTinyDNS() {
		n.t.Fatal("realdns: tinydns needs root and port 53")
	}
	s := &Server{Kind: k, Addr: n.Address(), port: n.Port}
	s.dir = filepath.Join(n.dir, fmt.Sprintf("%d-%s", n.last, k))
	n.servers = append(n.servers, s)
	return s
}

// CanRunTinyDNS reports whether this process may do what tinydns insists on: bind port 53, change its root and its user.
func (n *Internet) CanRunTinyDNS() bool { return n.Port == 53 && os.Geteuid() == 0 }

// Start starts all servers and returns when each of them answers with authority for each of its zones. Zones that
// [Server.ServeBroken] gave are not waited for.
func (n *Internet) Start() {
	n.t.Helper()
	n.running = true
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	errs := make([]error, len(n.servers))
	var wg sync.WaitGroup
	for i, s := range n.servers {
		process, err := s.run()
		if err != nil {
			errs[i] = err
			continue
		}
		s.process = process
		n.t.Cleanup(process.stop)
		if at := netip.AddrPortFrom(s.Addr, s.port); s.listen != at {
			f, err := forward(at, s.listen)
			if err != nil {
				errs[i] = err
				continue
			}
			n.t.Cleanup(f.stop)
		}
		wg.Go(func() { errs[i] = s.await(ctx, process) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			n.t.Errorf("realdns: start %s at %s: %v\n%s", n.servers[i].Kind, n.servers[i].Addr, err, n.servers[i].Log())
		}
	}
	if n.t.Failed() {
		n.t.FailNow()
	}
}

// Hints writes a file in the format of IANA's named.root that names these servers as the root's, and gives its path.
func (n *Internet) Hints(roots ...*Server) string {
	n.t.Helper()
	path := filepath.Join(n.dir, "named.root")
	if err := os.WriteFile(path, []byte(hintsText(roots)), 0o600); err != nil {
		n.t.Fatalf("realdns: write root hints: %v", err)
	}
	return path
}

func hintsText(roots []*Server) string {
	var b strings.Builder
	for i, s := range roots {
		fmt.Fprintf(&b, ". 3600000 NS %c.root-servers.test.\n%c.root-servers.test. 3600000 A %s\n", 'a'+i, 'a'+i, s.Addr)
	}
	return b.String()
}

// Require skips the test where a program of one of these kinds is not installed, and fails it where CI=true.
func Require(t testing.TB, kinds ...Kind) {
	t.Helper()
	for _, k := range kinds {
		p, ok := programs[k]
		if !ok {
			t.Fatalf("realdns: no kind of server is called %q", k)
		}
		RequireProgram(t, p.name, p.pkg)
	}
}

// RequireProgram skips the test where the program, of this Debian package, is not installed, and fails it where CI=true.
// It gives the program's path.
func RequireProgram(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := lookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed (apt-get install %s), and CI=true", name, pkg)
	default:
		t.Skipf("%s is not installed (apt-get install %s)", name, pkg)
	}
	return path
}

// lookPath finds a program also where Debian puts daemons, which is not in every user's PATH.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p, nil
		}
	}
	return "", err
}

// await returns when the server answers with authority for all its zones, or the process or ctx has ended.
func (s *Server) await(ctx context.Context, p *process) error {
	client := resolver.Client{AllowPrivate: true, Patience: time.Second}
	for _, z := range s.zones {
		if z.broken {
			continue
		}
		origin, err := resolver.ParseName(z.origin)
		if err != nil {
			return err
		}
		for {
			r, err := client.Resolve(ctx, resolver.Question{
				Name: origin, Type: resolver.TypeSOA, Server: netip.AddrPortFrom(s.Addr, s.port), Recursive: s.Kind == Unbound,
			})
			if err == nil && len(r.RRs(origin, resolver.TypeSOA)) == 1 && r.Authoritative == (s.Kind != Unbound) {
				break
			}
			if err == nil {
				err = fmt.Errorf("it says %s for %s SOA", r.RCode, origin)
			}
			select {
			case <-p.ended:
				return fmt.Errorf("the server ended by itself")
			case <-ctx.Done():
				return err
			case <-time.After(20 * time.Millisecond): // a real server in another process: no clock of ours reaches it
			}
		}
	}
	return nil
}
