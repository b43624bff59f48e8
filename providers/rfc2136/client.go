// Package rfc2136 changes zones by dynamic update: BIND, Knot, PowerDNS with its dnsupdate and whatever else speaks RFC 2136. It
// takes libdns's own rfc2136.Provider as its configuration and sends its own messages.
//
//	client, err := rfc2136.New(&libdns.Provider{Server: "192.0.2.1:53", KeyName: "acmdoctor.", KeyAlg: "hmac-sha256.", Key: "…"})
//	if err != nil { … }
//	plan, err := providers.NewPlan(ctx, client, report)
//
// A change is one message, carried out whole or not at all, and guarded by prerequisites (RFC 2136, 2.4) that hold each name to
// what was read: a true compare-and-swap over several names of a zone. libdns's own provider has neither and overwrites a CNAME
// that it was told to add to.
//
// Reading asks ordinary questions, signed where there is a key, and needs no right to transfer the zone. All goes over TCP to the
// one server that is configured, which is to be the zone's primary or to forward updates to it.
package rfc2136

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	libdns "github.com/libdns/rfc2136"
	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Client is a [providers.Client], [providers.ZoneFinder] and [providers.ZoneSearcher] that speaks to one server. [New] makes it.
// The fields are set before use; the methods are safe for concurrent use.
type Client struct {
	// Patience is how long the server may take for one answer; 0 means 10 seconds.
	Patience time.Duration
	// Dial opens a connection; it must heed ctx. Nil: the DialContext of a zero [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock that signatures are made by; nil means time.Now.
	Now func() time.Time

	server string // host and port
	key    *Key   // nil where messages are not signed; a pointer, since fmt looks into unexported fields but not behind these
}

// ErrBadConfig is wrapped by the errors of [New] and [Open]. No such error holds the key.
var ErrBadConfig = providers.ErrBadConfig

const defaultPatience = 10 * time.Second

// New makes a Client of libdns's value. Server is an address or a host name, with or without a port (53 otherwise). Without
// KeyName, KeyAlg and Key nothing is signed, which servers allow that know their clients by address; KeyAlg alone may be left out
// and is then hmac-sha256. The errors wrap [ErrBadConfig].
func New(p *libdns.Provider) (*Client, error) {
	server, err := serverOf(p.Server)
	if err != nil {
		return nil, err
	}
	c := &Client{server: server}
	if p.KeyName == "" && p.KeyAlg == "" && p.Key == "" {
		return c, nil
	}
	k, err := newKey(p.KeyName, p.KeyAlg, p.Key)
	if err != nil {
		return nil, fmt.Errorf("rfc2136: %w: %w", err, ErrBadConfig)
	}
	c.key = &k
	return c, nil
}

// Open makes a Client of libdns's JSON configuration, {"server":…, "key_name":…, "key_alg":…, "key":…}. The errors are those of
// [New] and [providers.DecodeConfig].
func Open(config []byte) (*Client, error) {
	var p libdns.Provider
	if err := providers.DecodeConfig(config, &p); err != nil {
		return nil, fmt.Errorf("rfc2136: read the configuration: %w", err)
	}
	return New(&p)
}

func serverOf(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", fmt.Errorf("rfc2136: server is empty: name the zone's primary, as 192.0.2.1:53: %w", ErrBadConfig)
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return net.JoinHostPort(a.String(), "53"), nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "53"
	}
	if _, err := net.LookupPort("tcp", port); err != nil || host == "" || strings.ContainsAny(host, "/@ ") ||
		strings.Contains(host, ":") && !isAddr(host) {
		return "", fmt.Errorf("rfc2136: server %q is no address or host name with a port: %w", s, ErrBadConfig)
	}
	return net.JoinHostPort(host, port), nil
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// newKey checks a key and gives it in the form in which messages want it. Its errors do not hold the secret.
func newKey(name, algorithm, secret string) (Key, error) {
	n, err := resolver.ParseName(name)
	if err != nil || n.IsRoot() {
		return Key{}, fmt.Errorf("the key's name %q is no name", name)
	}
	if algorithm == "" {
		algorithm = dns.HmacSHA256
	}
	switch alg := dns.CanonicalName(algorithm); alg {
	case dns.HmacSHA1, dns.HmacSHA224, dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512:
		algorithm = alg
	case dns.HmacMD5, "hmac-md5.":
		return Key{}, fmt.Errorf("key %s: hmac-md5 is not supported: make a key with hmac-sha256", n)
	default:
		return Key{}, fmt.Errorf("key %s: %q is no algorithm of TSIG; hmac-sha256 is the usual one", n, algorithm)
	}
	secret = strings.Join(strings.Fields(secret), "")
	if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) == 0 {
		return Key{}, fmt.Errorf("key %s: the secret is not base64", n)
	}
	return Key{Name: n.String(), Algorithm: algorithm, Secret: providers.Secret(secret)}, nil
}

// Name gives "rfc2136".
func (*Client) Name() string { return "rfc2136" }

// Traits promises all there is.
func (*Client) Traits() providers.Traits {
	return providers.Traits{Atomic: true, CompareAndSwap: true, Replaces: true}
}

// FindZones asks for the SOA at each name above owner and gives the zones that the server answers for.
func (c *Client) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	l := c.line()
	defer l.close()
	var out []providers.Zone
	for n := owner.Parent(); !n.IsZero() && !n.IsRoot(); n = n.Parent() {
		apex, err := l.enclosing(ctx, n)
		switch {
		case errors.Is(err, providers.ErrZoneNotFound):
			continue
		case err != nil:
			return nil, fmt.Errorf("rfc2136: look for a zone at %s: %w", n, err)
		}
		out = append(out, providers.Zone{Apex: apex})
		n = apex
	}
	return out, nil
}

// enclosing gives the apex of the server's zone that n lies in; ErrZoneNotFound where it has none.
func (l *line) enclosing(ctx context.Context, n resolver.Name) (resolver.Name, error) {
	m, err := l.ask(ctx, n, dns.TypeSOA)
	if err != nil {
		return resolver.Name{}, err
	}
	if m.Authoritative && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
		for _, rr := range append(m.Answer, m.Ns...) {
			soa, ok := rr.(*dns.SOA)
			if !ok {
				continue
			}
			if apex, err := resolver.ParseName(soa.Hdr.Name); err == nil && n.Within(apex) {
				return apex, nil
			}
		}
	}
	return resolver.Name{}, fmt.Errorf("the server answers %s and has no zone there: %w", dns.RcodeToString[m.Rcode], providers.ErrZoneNotFound)
}

// apex makes sure that the server answers for the zone itself.
func (l *line) apex(ctx context.Context, zone resolver.Name) error {
	got, err := l.enclosing(ctx, zone)
	switch {
	case err != nil:
		return fmt.Errorf("%s at %s: %w", zone, l.client.server, err)
	case got != zone:
		return fmt.Errorf("at %s, %s is part of the zone %s: %w", l.client.server, zone, got, providers.ErrZoneNotFound)
	}
	return nil
}
