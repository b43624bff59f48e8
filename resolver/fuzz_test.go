package resolver

import (
	"testing"

	"github.com/miekg/dns"
)

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", ".", "example.com", "_A79.Example.COM.", `a\.b.c\032d.`, "a..b", `\256`, "é.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		back, err := ParseName(n.String())
		if err != nil || back != n {
			t.Fatalf("%q: %v prints as %q, which reads as %v, %v", s, n.Wire(), n.String(), back.Wire(), err)
		}
		w, used, err := NameFromWire(n.Wire())
		if err != nil || w != n || used != len(n.Wire()) {
			t.Fatalf("%q: wire form does not come back: %v", s, err)
		}
	})
}

func FuzzParseRR(f *testing.F) {
	for _, s := range []string{"a. 5 IN A 192.0.2.1", "a. CNAME B.c.", "a. TXT \"x\" \"y;z\"", "a. CAA 0 issue \"amazon.com\"", "a. SOA a. b. 1 2 3 4 5", `a. TYPE999 \# 2 abcd`, "$GENERATE 1-3 a A 1.2.3.4", "$INCLUDE x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rr, err := ParseRR(s)
		if err != nil {
			return
		}
		switch rr.Type {
		case TypeA, TypeAAAA, TypeNS, TypeCNAME, TypeDNAME, TypePTR, TypeSOA, TypeMX, TypeTXT:
		default:
			_ = rr.String() // the wire-format library mends some malformed RDATA on reading: it need not come back the same
			return
		}
		back, err := ParseRR(rr.String())
		if err != nil || back != rr {
			t.Fatalf("%q prints as %q, which reads as %q, %v", s, rr.String(), back.String(), err)
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	q := Question{Name: MustParseName("_a79.example.com."), Type: TypeCNAME}
	m := new(dns.Msg)
	m.SetQuestion(q.Name.String(), uint16(q.Type))
	m.Response = true
	rr, _ := dns.NewRR("_A79.example.com. 300 IN CNAME _424.ACM-validations.aws.")
	m.Answer = append(m.Answer, rr)
	m.SetEdns0(1232, true)
	w, _ := m.Pack()
	f.Add(w)
	f.Add([]byte{})
	f.Add(w[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseMessage(q, b)
		if err != nil {
			return
		}
		for _, rr := range append(append(r.Answer, r.Authority...), r.Additional...) {
			_ = rr.String()
			_, _ = rr.Target()
			_, _ = rr.SOA()
			_ = rr.Strings()
		}
	})
}
