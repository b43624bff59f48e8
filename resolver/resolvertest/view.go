package resolvertest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// View is what one recursive resolver says to one question, whatever the zones hold: something it remembers, or a zone that
// only those see who ask it. TTLs stand as they are given and do not run down; [Internet.Remember] is for those that do.
type View struct {
	Addr  netip.Addr
	Name  resolver.Name
	Type  resolver.Type
	RCode resolver.RCode
	TTL   uint32   // what is left of it
	Data  []string // RDATA in presentation format; none: a denial, or a failure
	// Zone and MName are of the SOA in a denial. Zero: that of the closest zone.
	Zone, MName resolver.Name
	Bogus       bool // SERVFAIL, unless the question has CD
	AA          bool // as from a zone of its own
	Errors      []resolver.ExtendedError
}

// ParseView reads a view in one line:
//
//	ADDR NAME TYPE TTL RDATA
//	ADDR NAME TYPE TTL nxdomain|nodata [soa ZONE MNAME]
//	ADDR NAME TYPE servfail|refused|bogus
//
// each with "aa", "ede CODE" or both at its end. Errors wrap [ErrText].
func ParseView(line string) (View, error) {
	v, err := parseView(strings.Fields(line))
	if err != nil {
		return View{}, fmt.Errorf("resolvertest: view %q: %w: %w", line, ErrText, err)
	}
	return v, nil
}

func parseView(w []string) (v View, err error) {
	if len(w) < 4 {
		return v, fmt.Errorf("expected ADDR NAME TYPE and what is said")
	}
	if v.Addr, err = netip.ParseAddr(w[0]); err != nil {
		return v, err
	}
	if v.Name, err = resolver.ParseName(w[1]); err != nil {
		return v, err
	}
	if v.Type, err = resolver.ParseType(w[2]); err != nil {
		return v, err
	}
	w = w[3:]
	for {
		switch n := len(w); {
		case n > 1 && w[n-1] == "aa":
			v.AA, w = true, w[:n-1]
			continue
		case n > 2 && w[n-2] == "ede":
			code, err := strconv.ParseUint(w[n-1], 10, 16)
			if err != nil {
				return v, err
			}
			v.Errors, w = append(v.Errors, resolver.ExtendedError{Code: uint16(code)}), w[:n-2]
			continue
		}
		break
	}
	switch strings.Join(w, " ") {
	case "servfail":
		v.RCode = resolver.ServFail
		return v, nil
	case "refused":
		v.RCode = resolver.Refused
		return v, nil
	case "bogus":
		v.RCode, v.Bogus = resolver.ServFail, true
		return v, nil
	}
	ttl, err := strconv.ParseUint(w[0], 10, 32)
	if err != nil || len(w) < 2 {
		return v, fmt.Errorf("found %q, expected a TTL and what is said, or servfail, refused or bogus", strings.Join(w, " "))
	}
	v.TTL, w = uint32(ttl), w[1:]
	switch w[0] {
	case "nxdomain":
		v.RCode = resolver.NXDomain
	case "nodata":
	default:
		v.Data = []string{strings.Join(w, " ")}
		_, err := newRR(v.Name, v.TTL, v.Type, v.Data[0])
		return v, err
	}
	if len(w) == 1 {
		return v, nil
	}
	if len(w) != 4 || w[1] != "soa" {
		return v, fmt.Errorf("found %q, expected soa ZONE MNAME", strings.Join(w[1:], " "))
	}
	if v.Zone, err = resolver.ParseName(w[2]); err != nil {
		return v, err
	}
	v.MName, err = resolver.ParseName(w[3])
	return v, err
}

// View makes the recursive resolver at the view's address say so from now on. Of several views of one question the last
// one counts.
func (in *Internet) View(v View) {
	in.mu.Lock()
	defer in.mu.Unlock()
	h := in.recursor(v.Addr)
	h.views = append(slices.DeleteFunc(h.views, func(o View) bool { return o.Name == v.Name && o.Type == v.Type }), v)
}

// viewed answers from a view; nil where there is none.
func (in *Internet) viewed(h *host, req *dns.Msg, q resolver.Question) *dns.Msg {
	in.mu.Lock()
	defer in.mu.Unlock()
	i := slices.IndexFunc(h.views, func(v View) bool { return v.Name == q.Name && v.Type == q.Type })
	if i < 0 || !req.RecursionDesired || h.views[i].Bogus && req.CheckingDisabled {
		return nil
	}
	v := h.views[i]
	m := replyTo(req)
	m.RecursionAvailable, m.Rcode, m.Authoritative = true, int(v.RCode), v.AA
	for _, d := range v.Data {
		if rr, err := newRR(v.Name, v.TTL, v.Type, d); err == nil { // ParseView let nothing else in
			m.Answer = append(m.Answer, rr)
		}
	}
	if len(v.Data) == 0 && (v.RCode == resolver.NXDomain || v.RCode == resolver.NoError) {
		if soa := in.denial(v); soa != nil {
			m.Ns = append(m.Ns, soa)
		}
	}
	if opt := m.IsEdns0(); opt != nil {
		for _, e := range v.Errors {
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: e.Code, ExtraText: e.Text})
		}
	}
	return m
}

// denial is the SOA record of a view's denial, with what is left of its time.
func (in *Internet) denial(v View) dns.RR {
	if !v.Zone.IsZero() {
		return &dns.SOA{
			Hdr: dns.RR_Header{Name: v.Zone.String(), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: v.TTL},
			Ns:  v.MName.String(), Mbox: "hostmaster." + v.Zone.String(), Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: 86400,
		}
	}
	for n := v.Name; !n.IsZero(); n = n.Parent() {
		for _, z := range in.zones {
			if z.name == n && !z.undelegated {
				soa := dns.Copy(z.get(n, dns.TypeSOA)[0])
				soa.Header().Ttl = v.TTL
				return soa
			}
		}
	}
	return nil
}
