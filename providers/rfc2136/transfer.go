package rfc2136

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Search transfers the zone (RFC 5936), which the server must allow to the key, and gives the sets whose owner begins with the
// label. Nothing else of the zone is kept.
func (c *Client) Search(ctx context.Context, zone providers.Zone, firstLabel string) ([]providers.RRset, error) {
	rrs, err := c.transfer(ctx, zone.Apex, func(rr dns.RR) bool {
		n, err := resolver.ParseName(rr.Header().Name)
		return err == nil && n.FirstLabel() == strings.ToLower(firstLabel) && !ofDNSSEC(rr.Header().Rrtype)
	})
	if err != nil {
		return nil, fmt.Errorf("rfc2136: transfer %s from %s: %w", zone.Apex, c.server, err)
	}
	return setsOf(rrs)
}

func (c *Client) transfer(ctx context.Context, apex resolver.Name, keep func(dns.RR) bool) ([]dns.RR, error) {
	l := c.line()
	defer l.close()
	if err := l.apex(ctx, apex); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	defer stop()
	m := new(dns.Msg)
	m.SetAxfr(apex.String())
	t := dns.Transfer{Conn: &dns.Conn{Conn: l.conn}, ReadTimeout: c.patience(), WriteTimeout: c.patience()}
	if c.key != nil {
		t.TsigSecret = map[string]string{c.key.Name: string(c.key.Secret)}
		m.SetTsig(c.key.Name, c.key.Algorithm, fudge, c.now().Unix())
	}
	envelopes, err := t.In(m, c.server)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	var out []dns.RR
	for e := range envelopes { // to the end, as the goroutine that fills it ends only then
		if e.Error != nil && err == nil {
			err = e.Error
		}
		for _, rr := range e.RR {
			if keep(rr) {
				out = append(out, rr)
			}
		}
	}
	if code := strings.TrimPrefix(fmt.Sprint(err), "dns: bad xfr rcode: "); code == "5" || code == "9" { // the library's errors have no values for it
		err = fmt.Errorf("%w: %w", err, providers.ErrPermission)
	}
	return out, cmp.Or(ctx.Err(), err)
}
