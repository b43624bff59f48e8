package resolvertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// attempt is one packet that Resolve sends.
type attempt struct {
	over resolver.Transport
	edns bool
}

// The packets sent until one is answered: what resolver.ErrTimeout says of a silent server.
var (
	attempts    = []attempt{{resolver.UDP, true}, {resolver.UDP, true}, {resolver.UDP, false}, {resolver.TCP, true}}
	tcpAttempts = []attempt{{resolver.TCP, true}, {resolver.TCP, true}, {resolver.TCP, false}}
)

// handshakes are the round trips before a question can be sent: TCP's, and TLS 1.3's (RFC 8446, 2).
var handshakes = map[resolver.Transport]int{resolver.TCP: 1, resolver.TLS: 2, resolver.HTTPS: 2}

// errSilence is what one packet without an answer comes to, before the next is sent.
var errSilence = errors.New("silence")

// Resolve answers as the server at q.Server would, in the way in which a [resolver.Client] reports it in the end: what is
// truncated is asked again over TCP, a lost packet is sent again, a server that cannot do EDNS is asked without it. A zero
// q.Server is answered by the recursive resolver at q.Recursor's address, or by one without a cache. Errors wrap [resolver.ErrTimeout],
// [resolver.ErrMalformed], [resolver.ErrTruncated], [resolver.ErrRefusedConnection] or the context's error.
func (in *Internet) Resolve(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	in.asked(q)
	r, err := in.resolve(ctx, q)
	if err != nil {
		return resolver.Response{}, fmt.Errorf("resolvertest: ask %s: %w", q, err)
	}
	return r, nil
}

func (in *Internet) resolve(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	if err := ctx.Err(); err != nil {
		return resolver.Response{}, err
	}
	if !q.Server.IsValid() && !q.Recursor.IsZero() {
		return in.resolveAt(ctx, q)
	}
	if !q.Server.IsValid() {
		rd := q
		rd.Recursive = true
		req := request(rd, true)
		if err := in.wait(ctx, in.Latency); err != nil {
			return resolver.Response{}, err
		}
		r, err := parseReply(q, req, packed(in.recurse(req, rd)).wire)
		r.Transport, r.RTT, r.Tries = resolver.UDP, in.Latency, 1
		return r, err
	}
	if q.TCP {
		return in.exchanges(ctx, q, tcpAttempts)
	}
	return in.exchanges(ctx, q, attempts)
}

// resolveAt asks the recursive resolver of q, whatever port it is said to be on.
func (in *Internet) resolveAt(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	to := q
	to.Server, to.Recursive = netip.AddrPortFrom(q.Recursor.AddrPort().Addr(), 53), true
	list := attempts
	if over := q.Recursor.Transport(); over != resolver.UDP {
		list = []attempt{{over, true}}
	} else if q.TCP {
		list = tcpAttempts
	}
	r, err := in.exchanges(ctx, to, list)
	r.Question = q
	return r, err
}

// exchanges sends one packet after the other until one is answered.
func (in *Internet) exchanges(ctx context.Context, q resolver.Question, list []attempt) (resolver.Response, error) {
	var malformed error
	edns, tries := true, 0
	for i := 0; i < len(list); i++ {
		a := list[i]
		a.edns = a.edns && edns
		tries++
		r, err := in.try(ctx, q, a)
		switch {
		case errors.Is(err, errSilence):
			continue
		case errors.Is(err, resolver.ErrMalformed):
			malformed = err
			continue
		case err != nil:
			return resolver.Response{}, err
		}
		if r.Truncated && a.over == resolver.UDP {
			tries++
			if r, err = in.try(ctx, q, attempt{resolver.TCP, a.edns}); err != nil {
				if ctx.Err() != nil {
					return resolver.Response{}, ctx.Err()
				}
				return resolver.Response{}, resolver.ErrTruncated
			}
		}
		if a.edns && !r.EDNS && (r.RCode == resolver.FormErr || r.RCode == resolver.NotImp || r.RCode == resolver.BadVers) {
			edns = false
			i-- // the same once more without OPT (RFC 6891, 6.2.2)
			continue
		}
		r.Tries, r.PlainOnly = tries, !a.edns && edns
		return r, nil
	}
	if malformed != nil {
		return resolver.Response{}, malformed
	}
	return resolver.Response{}, resolver.ErrTimeout
}

// try sends one packet and waits for what it brings.
func (in *Internet) try(ctx context.Context, q resolver.Question, a attempt) (resolver.Response, error) {
	req := request(q, a.edns)
	wire, err := req.Pack()
	if err != nil {
		return resolver.Response{}, fmt.Errorf("%w: %w", resolver.ErrMalformed, err)
	}
	for range handshakes[a.over] {
		if err := in.wait(ctx, in.Latency); err != nil {
			return resolver.Response{}, err
		}
	}
	o := in.exchange(q.Server, a.over, wire, true)
	silent := o.wire == nil && !o.closed && !o.hangUp || in.Timeout > 0 && o.delay > in.Timeout
	if silent {
		o = outcome{delay: in.Timeout}
	}
	if err := in.wait(ctx, o.delay); err != nil {
		return resolver.Response{}, err
	}
	switch {
	case o.closed:
		return resolver.Response{}, resolver.ErrRefusedConnection
	case o.wire == nil:
		return resolver.Response{}, errSilence
	}
	r, err := parseReply(q, req, o.wire)
	r.Transport, r.RTT = a.over, o.delay
	return r, err
}

func request(q resolver.Question, edns bool) *dns.Msg {
	m := new(dns.Msg)
	m.Id = dns.Id()
	m.RecursionDesired, m.CheckingDisabled = q.Recursive, q.CheckingDisabled
	m.Question = []dns.Question{{Name: q.Name.String(), Qtype: uint16(q.Type), Qclass: dns.ClassINET}}
	if edns {
		m.SetEdns0(ednsUDP, q.DNSSEC)
	}
	return m
}

// parseReply reads an answer. One under another ID is somebody else's: it counts as silence.
func parseReply(q resolver.Question, req *dns.Msg, wire []byte) (resolver.Response, error) {
	if len(wire) >= 2 && uint16(wire[0])<<8|uint16(wire[1]) != req.Id {
		return resolver.Response{}, errSilence
	}
	return resolver.ParseMessage(q, wire)
}

// wait is the only place where time passes.
func (in *Internet) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
