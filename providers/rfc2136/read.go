package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// otherTypes are asked for where a name holds something and no CNAME. ANY is asked first and tells of further types; alone it is
// not enough, since a server may answer it with one set of its choice (RFC 8482), as Knot does (3.2, over TCP, November 2026).
var otherTypes = []uint16{
	dns.TypeTXT, dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeNS, dns.TypeCAA, dns.TypeSRV, dns.TypePTR, dns.TypeTLSA, dns.TypeSVCB, dns.TypeHTTPS,
}

// Read asks for what stands at the names: the zone's SOA, to know that the server is the right one, then for each name CNAME and,
// where there is something else, the other types. What a wildcard would answer for a name does not stand there. A name below a
// delegation or a DNAME cannot be seen, which is an error that wraps [providers.ErrNotAuthoritative].
func (c *Client) Read(ctx context.Context, zone providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	l := c.line()
	defer l.close()
	if err := l.apex(ctx, zone.Apex); err != nil {
		return nil, fmt.Errorf("rfc2136: %w", err)
	}
	var out []providers.RRset
	for i, o := range owners {
		if slices.Contains(owners[:i], o) {
			continue
		}
		if !o.Within(zone.Apex) {
			return nil, fmt.Errorf("rfc2136: %s is not in %s: %w", o, zone.Apex, providers.ErrOutOfScope)
		}
		sets, err := l.at(ctx, zone.Apex, o)
		if err != nil {
			return nil, fmt.Errorf("rfc2136: %w", err)
		}
		out = append(out, sets...)
	}
	return out, nil
}

// at gives what stands at one name.
func (l *line) at(ctx context.Context, apex, owner resolver.Name) ([]providers.RRset, error) {
	rrs, exists, err := l.records(ctx, owner, dns.TypeCNAME)
	if err != nil || !exists {
		return nil, err
	}
	if len(rrs) == 0 {
		if rrs, err = l.others(ctx, owner); err != nil || len(rrs) == 0 {
			return nil, err
		}
	}
	if owner != apex {
		real, err := l.stands(ctx, apex, owner)
		if err != nil || !real {
			return nil, err
		}
	}
	return setsOf(rrs)
}

// others gives all records at a name that holds no CNAME.
func (l *line) others(ctx context.Context, owner resolver.Name) ([]dns.RR, error) {
	types := slices.Clone(otherTypes)
	any, _, err := l.records(ctx, owner, dns.TypeANY)
	if err != nil && !errors.Is(err, errNotAnswered) {
		return nil, err
	}
	for _, rr := range any {
		if t := rr.Header().Rrtype; !slices.Contains(types, t) && !ofDNSSEC(t) {
			types = append(types, t)
		}
	}
	var out []dns.RR
	for _, t := range types {
		rrs, _, err := l.records(ctx, owner, t)
		if err != nil {
			return nil, err
		}
		out = append(out, rrs...)
	}
	return out, nil
}

// ofDNSSEC reports whether records of the type are made by a signer, or belong to its work, and so are nobody's data.
func ofDNSSEC(t uint16) bool {
	switch t {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, 65534: // BIND's own notes on signing
		return true
	}
	return false
}

// errNotAnswered: the server answers, and not with what the zone holds.
var errNotAnswered = errors.New("not answered")

// records asks for one type at one name; exists says whether the name does.
func (l *line) records(ctx context.Context, owner resolver.Name, t uint16) (rrs []dns.RR, exists bool, err error) {
	m, err := l.ask(ctx, owner, t)
	if err != nil {
		return nil, false, err
	}
	what := fmt.Sprintf("ask %s for %s %s", l.client.server, owner, dns.Type(t))
	for _, rr := range m.Answer {
		if _, ok := rr.(*dns.DNAME); ok && dns.CanonicalName(rr.Header().Name) != dns.CanonicalName(owner.String()) {
			return nil, false, fmt.Errorf("%s: %s is a DNAME, so nothing below it is seen: %w", what, rr.Header().Name, providers.ErrNotAuthoritative)
		}
	}
	for _, rr := range m.Ns {
		if _, ok := rr.(*dns.NS); ok && !m.Authoritative && m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 {
			return nil, false, fmt.Errorf("%s: %s is delegated away: %w", what, rr.Header().Name, providers.ErrNotAuthoritative)
		}
	}
	switch {
	case m.Rcode == dns.RcodeNameError && m.Authoritative && len(m.Answer) == 0:
		return nil, false, nil
	case m.Rcode == dns.RcodeRefused:
		return nil, false, fmt.Errorf("%s: REFUSED: %w: %w", what, errNotAnswered, providers.ErrPermission)
	case m.Rcode != dns.RcodeSuccess || !m.Authoritative:
		return nil, false, fmt.Errorf("%s: it says %s, with authority: %t: %w", what, dns.RcodeToString[m.Rcode], m.Authoritative, errNotAnswered)
	}
	for _, rr := range m.Answer {
		h := rr.Header()
		if dns.CanonicalName(h.Name) == dns.CanonicalName(owner.String()) && (h.Rrtype == t || t == dns.TypeANY) {
			rrs = append(rrs, rr)
		}
	}
	return rrs, true, nil
}

// stands tells a record of the name's own from a wildcard's. Where the wildcard beside the name does not exist, no wildcard can have
// answered: one further up answers for it, too (RFC 4592, 3.3.1). Where it does, a prerequisite tells, as those are held against
// what the zone contains and not against what it answers (RFC 2136, 3.2): an update that changes nothing.
func (l *line) stands(ctx context.Context, apex, owner resolver.Name) (bool, error) {
	wildcard, ok := owner.Parent().Child("*")
	if !ok || owner == wildcard {
		return true, nil
	}
	_, exists, err := l.records(ctx, wildcard, dns.TypeCNAME)
	if err != nil || !exists {
		return true, err
	}
	m := new(dns.Msg)
	m.SetUpdate(apex.String())
	m.NameUsed([]dns.RR{nothingAt(owner, dns.TypeANY)})
	r, err := l.exchange(ctx, m, true)
	if err != nil {
		return false, fmt.Errorf("ask %s whether %s exists: %w", l.client.server, owner, err)
	}
	switch r.Rcode {
	case dns.RcodeSuccess:
		return true, nil
	case dns.RcodeNameError:
		return false, nil
	}
	return false, fmt.Errorf("whether %s holds what is answered for it, or the wildcard %s, %s does not tell this key: %w",
		owner, wildcard, l.client.server, refusal(r.Rcode))
}

// nothingAt gives a record without data, as prerequisites and deletions have it.
func nothingAt(name resolver.Name, t uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: name.String(), Rrtype: t}}
}

// setsOf groups records into sets.
func setsOf(rrs []dns.RR) ([]providers.RRset, error) {
	var out []providers.RRset
	for _, rr := range rrs {
		h := rr.Header()
		name, err := resolver.ParseName(h.Name)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(s providers.RRset) bool { return s.Name == name && s.Type == resolver.Type(h.Rrtype) })
		if i < 0 {
			out = append(out, providers.RRset{Name: name, Type: resolver.Type(h.Rrtype), TTL: h.Ttl})
			i = len(out) - 1
		}
		out[i].TTL = min(out[i].TTL, h.Ttl) // RFC 2181, 5.2: they are to be the same
		out[i].Values = append(out[i].Values, strings.TrimPrefix(rr.String(), h.String()))
	}
	return out, nil
}
