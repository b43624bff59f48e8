package realdns

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Kind is a make of name server.
type Kind string

// The kinds. Unbound is a recursive server; the others are authoritative. TinyDNS is old and still about: no EDNS, no TCP,
// silence for zones that it has not, and it serves a CNAME and other data at one name as it is told, which the others do
// not. It needs root and port 53, and zones in its own format.
const (
	BIND     Kind = "bind"
	Knot     Kind = "knot"
	NSD      Kind = "nsd"
	PowerDNS Kind = "pdns"
	TinyDNS  Kind = "tinydns"
	Unbound  Kind = "unbound"
)

// Authoritative lists the kinds that serve zones of their own from zone files, wherever a test may run.
func Authoritative() []Kind { return []Kind{BIND, Knot, NSD, PowerDNS} }

// programs names each kind's program and its Debian package.
var programs = map[Kind]struct{ name, pkg string }{
	BIND:     {"named", "bind9"},
	Knot:     {"knotd", "knot"},
	NSD:      {"nsd", "nsd"},
	PowerDNS: {"pdns_server", "pdns-server, pdns-backend-bind"},
	TinyDNS:  {"tinydns", "tinydns"},
	Unbound:  {"unbound", "unbound"},
}

// Server is one name server. [Internet.Add] makes it.
type Server struct {
	Kind  Kind
	Addr  netip.Addr // its address; the port is the Internet's
	port  uint16
	dir   string
	zones []zone
	hints string // unbound: where it starts
	key   *Key   // who may change and transfer its zones; nil: nobody
	signs bool   // it signs its zones itself
	api   *API   // PowerDNS's HTTP interface; nil: none

	resolver netip.AddrPort // PowerDNS: whom it asks for the addresses of an ALIAS; the zero value: it has no such type

	listen netip.AddrPort // where the program listens: Addr and port, but for BIND

	anchor       string // unbound: a DS record in which it believes
	process      *process
	cert, secret []byte
	tls, webPort uint16
}

type zone struct {
	origin  string
	text    string
	broken  bool
	signing *Signing // Knot signs it
}

// Serve adds a zone. The text is a zone file without the SOA, which is added: negative answers may be kept for 60 seconds.
// Names in it are relative to origin; records without a TTL get 300 seconds. To [TinyDNS] the text goes as it is: lines
// for tinydns-data, SOA and all.
func (s *Server) Serve(origin, text string) {
	if s.Kind != TinyDNS {
		text = zoneHead + text
	}
	s.zones = append(s.zones, zone{origin: origin, text: text + "\n"})
}

// ServeBroken adds a zone whose file is not there, so that the server has the zone and nothing to say about it: SERVFAIL.
func (s *Server) ServeBroken(origin string) {
	s.zones = append(s.zones, zone{origin: origin, broken: true})
}

const zoneHead = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n"

// Secure makes an unbound answer over TLS and HTTPS as well, with this certificate and key in PEM, on ports of their own,
// which it gives.
func (s *Server) Secure(cert, key []byte) (tls, https netip.AddrPort) {
	s.cert, s.secret = cert, key
	s.tls = freeHighPort(s.Addr)
	for s.webPort = s.tls; s.webPort == s.tls; {
		s.webPort = freeHighPort(s.Addr)
	}
	return netip.AddrPortFrom(s.Addr, s.tls), netip.AddrPortFrom(s.Addr, s.webPort)
}

// Believe makes an unbound validate from this DS record on, in zone-file format, as from any trust anchor, and tell what is
// wrong by extended errors.
func (s *Server) Believe(ds string) { s.anchor = ds }

// Replace makes a running NSD serve another text for a zone that it has, from a moment after the call on.
func (s *Server) Replace(origin, text string) error {
	for i, z := range s.zones {
		if z.origin != origin {
			continue
		}
		s.zones[i].text = zoneHead + text + "\n"
		if err := os.WriteFile(filepath.Join(s.dir, z.zoneFile()), []byte(s.zones[i].text), 0o644); err != nil {
			return err
		}
	}
	return s.process.cmd.Process.Signal(syscall.SIGHUP)
}

// Follow makes an unbound ask these root servers. It can ask on port 53 only.
func (s *Server) Follow(roots ...*Server) { s.hints = hintsText(roots) }

// FlattenBy gives a PowerDNS the type ALIAS: it answers with the addresses that a recursive resolver has for the target.
func (s *Server) FlattenBy(recursor *Server) {
	s.resolver = netip.AddrPortFrom(recursor.Addr, recursor.port)
}

// Log gives what the server printed last.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return "no log: " + err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}

// zoneFile is the name of a zone's file in the server's folder.
func (z zone) zoneFile() string { return "zone-" + strings.TrimSuffix(z.origin, ".") }

// run writes the server's configuration and zones into its folder and starts it.
func (s *Server) run() (*process, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	for _, z := range s.zones {
		if z.broken {
			continue
		}
		if err := os.WriteFile(filepath.Join(s.dir, z.zoneFile()), []byte(z.text), 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "hints"), []byte(s.hints), 0o644); err != nil {
		return nil, err
	}
	s.listen = netip.AddrPortFrom(s.Addr, s.port)
	if s.Kind == BIND {
		local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		s.listen = netip.AddrPortFrom(local, freeHighPort(local))
	}
	config, args := s.config()
	for name, text := range config {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if s.cert != nil {
		for name, text := range map[string][]byte{"cert.pem": s.cert, "key.pem": s.secret} {
			if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
				return nil, err
			}
		}
	}
	path, err := lookPath(programs[s.Kind].name)
	if err != nil {
		return nil, err
	}
	if s.api != nil {
		if err := s.loadDatabase(); err != nil {
			return nil, err
		}
	}
	if s.Kind == TinyDNS {
		compile := exec.Command(path + "-data")
		compile.Dir = s.dir
		if out, err := compile.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("tinydns-data: %w: %s", err, out)
		}
		return start(s.dir, path, nil, "IP="+s.Addr.String(), "ROOT="+s.dir, "UID=0", "GID=0")
	}
	return start(s.dir, path, args)
}

// config gives the files that the server's program wants, by name, and its arguments. All of them stay in the foreground,
// as the user who runs the test, with all state in the folder they are started in.
func (s *Server) config() (files map[string]string, args []string) {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	switch s.Kind {
	case BIND:
		line(`options {
	directory %q;
	listen-on port %d { %s; };
	listen-on-v6 { none; };
	pid-file "pid";
	session-keyfile "session.key";
	recursion no;
	allow-query { any; };
	allow-transfer { none; };
	notify no;
	dnssec-validation no;
	empty-zones-enable no;
	check-names primary ignore;
};
controls { };`, s.dir, s.listen.Port(), s.listen.Addr())
		rights := ""
		if s.key != nil {
			line("key %q { algorithm %s; secret %q; };", s.key.Name, s.key.Algorithm, s.key.Secret)
			rights = fmt.Sprintf(" allow-transfer { key %q; }; update-policy { grant %s zonesub any; };", s.key.Name, s.key.Name)
		}
		for _, z := range s.zones {
			line("zone %q { type primary; file %q; check-integrity no;%s };", z.origin, z.zoneFile(), rights)
		}
		return map[string]string{"named.conf": b.String()}, []string{"-g", "-4", "-n", "1", "-c", filepath.Join(s.dir, "named.conf")}
	case Knot:
		line(`server:
  rundir: %q
  listen: "%s@%d"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1%s
database:
  storage: %q
log:
- target: stderr
  any: info
template:
- id: default
  storage: %q
  %s
  zonefile-sync: -1
%s
zone:`, s.dir, s.Addr, s.port, s.knotKey(), s.dir, s.dir, s.knotRights(), s.knotPolicies())
		for _, z := range s.zones {
			line("- domain: %q\n  file: %q", z.origin, z.zoneFile())
			if z.signing != nil {
				line("  dnssec-signing: on\n  dnssec-policy: %q", z.origin)
			}
		}
		return map[string]string{"knot.conf": b.String()}, []string{"-c", filepath.Join(s.dir, "knot.conf")}
	case NSD:
		line(`server:
	ip-address: %s@%d
	username: ""
	chroot: ""
	zonesdir: %q
	database: ""
	pidfile: %q
	xfrdfile: %q
	zonelistfile: %q
	xfrdir: %q
	server-count: 1
	round-robin: no
	verbosity: 1
remote-control:
	control-enable: no`, s.Addr, s.port, s.dir, filepath.Join(s.dir, "pid"), filepath.Join(s.dir, "xfrd.state"), filepath.Join(s.dir, "zone.list"), s.dir)
		for _, z := range s.zones {
			line("zone:\n\tname: %q\n\tzonefile: %q", z.origin, z.zoneFile())
		}
		return map[string]string{"nsd.conf": b.String()}, []string{"-d", "-c", filepath.Join(s.dir, "nsd.conf")}
	case PowerDNS:
		if s.api != nil {
			return s.databaseConfig()
		}
		for _, z := range s.zones {
			line("zone %q { type master; file %q; };", z.origin, filepath.Join(s.dir, z.zoneFile()))
		}
		args := []string{
			"--config-dir=" + s.dir, "--socket-dir=" + s.dir, "--daemon=no", "--guardian=no", "--launch=bind",
			"--bind-config=" + filepath.Join(s.dir, "named.conf"), "--local-address=" + s.Addr.String(), fmt.Sprintf("--local-port=%d", s.port),
			"--cache-ttl=0", "--query-cache-ttl=0", "--negquery-cache-ttl=0", "--zone-cache-refresh-interval=0",
			"--receiver-threads=1", "--distributor-threads=1", "--security-poll-suffix=", "--disable-syslog=yes", "--write-pid=no",
			"--dname-processing=yes",
		}
		if s.resolver.IsValid() {
			args = append(args, "--expand-alias=yes", "--resolver="+s.resolver.String())
		}
		return map[string]string{"named.conf": b.String()}, args
	case TinyDNS:
		for _, z := range s.zones {
			line("%s", z.text)
		}
		return map[string]string{"data": b.String()}, nil
	default: // Unbound
		line(`server:
	interface: %s
	port: %d
	directory: %q
	username: ""
	chroot: ""
	pidfile: ""
	use-syslog: no
	num-threads: 1
	do-ip6: no
	do-not-query-localhost: no
	access-control: 127.0.0.0/8 allow_snoop
	module-config: %q
	local-zone: "test." nodefault
	root-hints: %q
%sremote-control:
	control-enable: no`, s.Addr, s.port, s.dir, s.modules(), filepath.Join(s.dir, "hints"), s.secureConfig()+s.anchorConfig())
		return map[string]string{"unbound.conf": b.String()}, []string{"-d", "-c", filepath.Join(s.dir, "unbound.conf")}
	}
}

func (s *Server) modules() string {
	if s.anchor == "" {
		return "iterator"
	}
	return "validator iterator"
}

func (s *Server) anchorConfig() string {
	if s.anchor == "" {
		return ""
	}
	return fmt.Sprintf("\ttrust-anchor: %q\n\tede: yes\n", s.anchor)
}

// secureConfig is what makes an unbound answer over TLS and HTTPS.
func (s *Server) secureConfig() string {
	if s.cert == nil {
		return ""
	}
	return fmt.Sprintf(`	interface: %[1]s@%[2]d
	interface: %[1]s@%[3]d
	tls-port: %[2]d
	https-port: %[3]d
	tls-service-pem: %[4]q
	tls-service-key: %[5]q
`, s.Addr, s.tls, s.webPort, filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem"))
}
