package rfc2136

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Write sends the batch as one update whose prerequisites are all that was read: a name that held nothing is not in use, a set is
// exactly as it was, and a name with other data has no set of the types that are asked for beside those. The server changes all or
// nothing. Where the batch replaces what stands at a name, the name is asked for afterwards: Knot 3.2, in a zone that it signs
// itself, answers NOERROR to a deletion and an addition at one name and carries out the first (measured November 2026). There the
// addition is sent again by itself, guarded by the prerequisite that the name is still empty, and what was there is put back if
// that fails; ctx is not heeded from then on, and each message has the Client's patience.
//
// Errors wrap [providers.ErrConflict] (YXDOMAIN, YXRRSET, NXDOMAIN, NXRRSET), [providers.ErrPermission] (REFUSED, NOTAUTH),
// [providers.ErrOutOfScope] (NOTZONE) or the context's.
func (c *Client) Write(ctx context.Context, zone providers.Zone, b providers.Batch) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("rfc2136: update %s: %w", zone.Apex, err)
	}
	if err := b.Holds(b.Expect); err != nil { // what nobody has read is not deleted
		return err
	}
	m, err := updateOf(zone.Apex, b)
	if err != nil {
		return fmt.Errorf("rfc2136: update %s: %w", zone.Apex, err)
	}
	l := c.line()
	defer l.close()
	if err := l.update(ctx, m); err != nil {
		return fmt.Errorf("rfc2136: update %s at %s: %w", zone.Apex, c.server, err)
	}
	lost, err := l.lost(ctx, b)
	if err != nil || len(lost) == 0 {
		return err
	}
	if err := l.again(context.WithoutCancel(ctx), zone.Apex, b, lost); err != nil {
		return fmt.Errorf("rfc2136: update %s at %s: %w", zone.Apex, c.server, err)
	}
	return nil
}

// room is what a message needs beside what the batch says: the zone's name, and a TSIG record with the longest names and MAC.
const room = 1024

// Fits reports whether the batch is one message (RFC 1035, 4.2.2: its length has two octets).
func (c *Client) Fits(b providers.Batch) bool {
	m, err := updateOf(resolver.Root, b)
	return err != nil || m.Len()+room <= dns.MaxMsgSize // what cannot be sent is told by Write
}

// updateOf makes the message.
func updateOf(apex resolver.Name, b providers.Batch) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetUpdate(apex.String())
	for _, o := range b.Owners {
		if err := prerequisites(m, o, atName(b.Expect, o)); err != nil {
			return nil, err
		}
	}
	for _, s := range b.Delete {
		rrs, err := recordsOf(s)
		if err != nil {
			return nil, err
		}
		m.Remove(rrs)
	}
	return m, insert(m, b.Create)
}

// prerequisites hold a name to what was read there.
func prerequisites(m *dns.Msg, owner resolver.Name, expect []providers.RRset) error {
	if len(expect) == 0 {
		m.NameNotUsed([]dns.RR{nothingAt(owner, dns.TypeANY)})
		return nil
	}
	alone := false
	for _, s := range expect {
		rrs, err := recordsOf(s)
		if err != nil {
			return err
		}
		m.Used(rrs)
		alone = alone || s.Type == resolver.TypeCNAME
	}
	if alone { // a server that keeps RFC 1034, 3.6.2, holds nothing beside it
		return nil
	}
	for _, t := range append([]uint16{dns.TypeCNAME}, otherTypes...) {
		if !slices.ContainsFunc(expect, func(s providers.RRset) bool { return uint16(s.Type) == t }) {
			m.RRsetNotUsed([]dns.RR{nothingAt(owner, t)})
		}
	}
	return nil
}

func insert(m *dns.Msg, sets []providers.RRset) error {
	for _, s := range sets {
		rrs, err := recordsOf(s)
		if err != nil {
			return err
		}
		m.Insert(rrs)
	}
	return nil
}

func atName(sets []providers.RRset, name resolver.Name) []providers.RRset {
	return slices.DeleteFunc(slices.Clone(sets), func(s providers.RRset) bool { return s.Name != name })
}

// recordsOf makes the records of a set.
func recordsOf(s providers.RRset) ([]dns.RR, error) {
	var out []dns.RR
	for _, v := range s.Values {
		if strings.ContainsAny(v, "\r\n") {
			return nil, fmt.Errorf("the %s set at %s holds a value of several lines", s.Type, s.Name)
		}
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", s.Name, s.TTL, s.Type, v))
		if err != nil || rr == nil {
			return nil, fmt.Errorf("the %s set at %s holds a value that cannot be sent: %w", s.Type, s.Name, err)
		}
		out = append(out, rr)
	}
	return out, nil
}

// update sends an update, once, and gives an error unless the server has carried it out.
func (l *line) update(ctx context.Context, m *dns.Msg) error {
	r, err := l.exchange(ctx, m, false)
	if err != nil {
		return err
	}
	if r.Rcode == dns.RcodeSuccess {
		return nil
	}
	err = refusal(r.Rcode)
	if errors.Is(err, providers.ErrConflict) || errors.Is(err, providers.ErrOutOfScope) {
		return err
	}
	return fmt.Errorf("%w%s", err, l.primary(ctx, m.Question[0].Name))
}

// refusal gives what an update's response code means (RFC 2136, 2.2 and 3).
func refusal(rcode int) error {
	code, ok := dns.RcodeToString[rcode]
	if !ok {
		code = fmt.Sprintf("RCODE %d", rcode)
	}
	switch rcode {
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNameError, dns.RcodeNXRrset:
		return fmt.Errorf("%s: %w", code, providers.ErrConflict)
	case dns.RcodeRefused, dns.RcodeNotAuth:
		return fmt.Errorf("%s: %w", code, providers.ErrPermission)
	case dns.RcodeNotZone:
		return fmt.Errorf("%s: %w", code, providers.ErrOutOfScope)
	case dns.RcodeNotImplemented:
		return fmt.Errorf("%s: the server takes no updates", code)
	}
	return errors.New(code)
}

// primary says which server takes updates when it is another than the one that was asked (RFC 2136, 4.3: the SOA's MNAME). It is
// empty when they are the same, or when nobody can tell: the update's own error is what counts.
func (l *line) primary(ctx context.Context, apex string) string {
	zone, err := resolver.ParseName(apex)
	if err != nil {
		return ""
	}
	rrs, _, err := l.records(ctx, zone, dns.TypeSOA)
	if err != nil || len(rrs) != 1 {
		return ""
	}
	soa, ok := rrs[0].(*dns.SOA)
	host, _, splitErr := net.SplitHostPort(l.client.server)
	if !ok || splitErr != nil || dns.CanonicalName(soa.Ns) == dns.CanonicalName(host) {
		return ""
	}
	name, err := resolver.ParseName(soa.Ns)
	if err != nil || l.conn == nil {
		return ""
	}
	remote, _, _ := net.SplitHostPort(l.conn.RemoteAddr().String())
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		addrs, _, err := l.records(ctx, name, t)
		if err != nil {
			break
		}
		for _, rr := range addrs {
			if a := strings.TrimPrefix(rr.String(), rr.Header().String()); a == remote || a == host {
				return ""
			}
		}
	}
	return fmt.Sprintf(" (updates go to the zone's primary, %s by its SOA)", name)
}

// lost gives the names at which the batch replaces something and nothing of it arrived.
func (l *line) lost(ctx context.Context, b providers.Batch) ([]resolver.Name, error) {
	var out []resolver.Name
	for _, o := range b.Owners {
		create := atName(b.Create, o)
		if len(create) == 0 || len(atName(b.Delete, o)) == 0 {
			continue
		}
		rrs, _, err := l.records(ctx, o, uint16(create[0].Type))
		if err != nil {
			return nil, fmt.Errorf("rfc2136: see whether the update of %s arrived: %w", o, err)
		}
		if len(rrs) == 0 {
			out = append(out, o)
		}
	}
	return out, nil
}

// again adds what did not arrive at these names, or puts back what was deleted there.
func (l *line) again(ctx context.Context, apex resolver.Name, b providers.Batch, lost []resolver.Name) error {
	add := func(sets []providers.RRset) error {
		m := new(dns.Msg)
		m.SetUpdate(apex.String())
		for _, o := range lost {
			var kept []providers.RRset
			for _, s := range atName(b.Expect, o) {
				if !slices.ContainsFunc(b.Delete, s.Equal) {
					kept = append(kept, s)
				}
			}
			if err := prerequisites(m, o, kept); err != nil {
				return err
			}
			if err := insert(m, atName(sets, o)); err != nil {
				return err
			}
		}
		return l.update(ctx, m)
	}
	err := add(b.Create)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("the server deleted what was there and did not add what was to replace it: %v", err) // no ErrConflict: something was written
	if back := add(b.Delete); back != nil {
		return fmt.Errorf("%w; putting back what was there failed, too: %v", err, back)
	}
	return fmt.Errorf("%w; what was there has been put back", err)
}
