package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unique"
)

// Recursor is one recursive resolver: where it is and how it is asked. [ParseRecursor] and [PlainRecursor] are its makers.
// It is comparable, small, and has a text form that reads back. The zero value is none.
//
// A Recursor is whoever the user chose to ask, and may live on a private address.
type Recursor struct{ h unique.Handle[recursorParts] }

type recursorParts struct {
	transport Transport // UDP (and TCP where that does not suffice), TLS or HTTPS
	addr      netip.Addr
	host      string // the name in its certificate; with no addr also what is looked up
	port      uint16
	path      string // of HTTPS
}

// ErrBadRecursor is wrapped by the errors of [ParseRecursor].
var ErrBadRecursor = errors.New("not a recursive resolver's address")

// The ports that a Recursor is asked on where it does not say (RFC 1035, 4.2; RFC 7858, 3.1; RFC 8484, 8.1).
const (
	plainPort = 53
	tlsPort   = 853
	httpsPort = 443
)

// PlainRecursor is the resolver at an address, asked over UDP and TCP. An address without a port gets 53.
func PlainRecursor(at netip.AddrPort) Recursor {
	if !at.Addr().IsValid() {
		return Recursor{}
	}
	port := at.Port()
	if port == 0 {
		port = plainPort
	}
	return recursorOf(recursorParts{transport: UDP, addr: at.Addr().Unmap(), port: port})
}

func recursorOf(p recursorParts) Recursor { return Recursor{unique.Make(p)} }

// ParseRecursor reads where a recursive resolver is:
//
//	1.1.1.1, [2606:4700:4700::1111]:53            over UDP and TCP; the port may be left out
//	tls://9.9.9.9, tls://dns.quad9.net            over TLS (RFC 7858), port 853
//	tls://dns.quad9.net@9.9.9.9:853               the same, at this address, with a certificate for that name
//	https://dns.quad9.net/dns-query               over HTTPS (RFC 8484), port 443
//	https://dns.quad9.net@9.9.9.9/dns-query       the same, at this address
//
// Without an address the name is looked up by this machine, as any other program does. Errors wrap [ErrBadRecursor] and say
// what was expected.
func ParseRecursor(s string) (Recursor, error) {
	bad := func(why string) (Recursor, error) {
		return Recursor{}, fmt.Errorf("resolver: %q: %w: %s", withoutSecret(s), ErrBadRecursor, why)
	}
	scheme, rest, ok := strings.Cut(strings.TrimSpace(s), "://")
	if !ok {
		bare := scheme
		if in, ok := strings.CutPrefix(scheme, "["); ok && strings.HasSuffix(in, "]") {
			bare = strings.TrimSuffix(in, "]")
		}
		ap, err := netip.ParseAddrPort(scheme)
		if err != nil {
			var a netip.Addr
			a, err = netip.ParseAddr(bare)
			ap = netip.AddrPortFrom(a, plainPort)
		}
		if err == nil && ap.Port() != 0 && usableZone(ap.Addr()) {
			return PlainRecursor(ap), nil
		}
		return bad("expected an address such as 1.1.1.1 or [2606:4700:4700::1111]:53, tls://NAME@ADDRESS or https://NAME/dns-query")
	}
	p := recursorParts{transport: Transport(strings.ToLower(scheme)), port: tlsPort}
	switch p.transport {
	case TLS:
		if strings.ContainsAny(rest, "/?#") {
			return bad("expected tls://NAME, tls://ADDRESS or tls://NAME@ADDRESS, with or without a port, and no path")
		}
	case HTTPS:
		p.port = httpsPort
	default:
		return bad("expected tls:// or https://, or an address alone for plain DNS")
	}
	u, err := url.Parse(string(p.transport) + "://" + rest)
	if err != nil {
		return bad("expected tls://NAME@ADDRESS or https://NAME/dns-query")
	}
	if p.transport == HTTPS {
		if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(rest, "#") {
			return bad("expected a URL without ? and #: questions are sent by POST (RFC 8484, 4.1)")
		}
		if p.path = u.EscapedPath(); p.path == "" {
			p.path = "/dns-query" // what RFC 8484's examples, and most services, have
		}
	}
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return bad("expected a port from 1 to 65535")
		}
		p.port = uint16(n)
	}
	if _, secret := u.User.Password(); secret {
		return bad("a password has no place in it")
	}
	at, name := u.Hostname(), u.User.Username()
	if addr, err := netip.ParseAddr(at); err == nil && usableZone(addr) {
		p.addr = addr.Unmap()
	} else if name != "" {
		return bad("expected an address after @")
	} else {
		name = at
	}
	if name == "" && p.addr.IsValid() {
		return recursorOf(p), nil
	}
	n, err := ParseName(name)
	if err != nil || n.IsRoot() {
		return bad("expected the name of a host")
	}
	p.host = n.Text()
	if u, err := url.Parse("https://" + p.host); err != nil || u.Host != p.host || !isWord(p.path+".") {
		return bad("expected the name of a host")
	}
	return recursorOf(p), nil
}

// withoutSecret hides what stands where a URL has a password, to be shown in an error.
func withoutSecret(s string) string {
	scheme, rest, _ := strings.Cut(s, "://")
	at := strings.LastIndex(rest, "@")
	name, _, secret := strings.Cut(rest[:max(at, 0)], ":")
	if !secret {
		return s
	}
	return scheme + "://" + name + ":…" + rest[at:]
}

// usableZone reports whether the zone of an address, where it has one, is the name of a network interface: package netip
// takes anything for one.
func usableZone(a netip.Addr) bool {
	return a.Zone() == "" || isWord(a.Zone()) && !strings.ContainsAny(a.Zone(), "[]/@%:?#\\")
}

// MustParseRecursor is [ParseRecursor] for addresses written in a program. It panics on a bad one.
func MustParseRecursor(s string) Recursor {
	r, err := ParseRecursor(s)
	if err != nil {
		panic(err)
	}
	return r
}

// IsZero reports whether r is no resolver.
func (r Recursor) IsZero() bool { return r == Recursor{} }

func (r Recursor) parts() recursorParts {
	if r.IsZero() {
		return recursorParts{}
	}
	return r.h.Value()
}

// Transport says how r is asked: [UDP] (and TCP where that does not suffice), [TLS] or [HTTPS]; "" for the zero value.
func (r Recursor) Transport() Transport { return r.parts().transport }

// AddrPort gives address and port; the address is the zero one where only a name is known.
func (r Recursor) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(r.parts().addr, r.parts().port)
}

// Host gives the name that r's certificate must be for; "" where that is its address.
func (r Recursor) Host() string { return r.parts().host }

// Path gives the path of an HTTPS resolver's URL, escaped; "" for others.
func (r Recursor) Path() string { return r.parts().path }

// dialAddress is what to connect to: an address, or a name where there is none, and a port.
func (p recursorParts) dialAddress() string {
	if p.addr.IsValid() {
		return netip.AddrPortFrom(p.addr, p.port).String()
	}
	return net.JoinHostPort(p.host, strconv.Itoa(int(p.port)))
}

// certified is the name or address that the certificate must be for.
func (p recursorParts) certified() string {
	if p.host == "" {
		return p.addr.WithZone("").String()
	}
	return p.host
}

// String gives the shortest text that [ParseRecursor] reads back; "" for the zero value.
func (r Recursor) String() string {
	p := r.parts()
	addr := ""
	if p.addr.IsValid() {
		addr = p.addr.String()
	}
	usual := map[Transport]uint16{UDP: plainPort, TLS: tlsPort, HTTPS: httpsPort}[p.transport]
	switch {
	case p.transport == "":
		return ""
	case p.transport == UDP && p.port == usual:
		return addr
	case p.transport == UDP:
		return netip.AddrPortFrom(p.addr, p.port).String()
	}
	if p.addr.Is6() {
		addr = "[" + strings.ReplaceAll(addr, "%", "%25") + "]"
	}
	text := string(p.transport) + "://" + p.host
	if p.host != "" && addr != "" {
		text += "@"
	}
	text += addr
	if p.port != usual {
		text += ":" + strconv.Itoa(int(p.port))
	}
	return text + p.path
}

// MarshalText gives [Recursor.String].
func (r Recursor) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is [ParseRecursor]; no text is the zero value.
func (r *Recursor) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*r = Recursor{}
		return nil
	}
	*r, err = ParseRecursor(string(b))
	return err
}
