package resolver

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Type is a resource record type (RFC 1035, 3.2.2).
type Type uint16

// The types this project asks for or reads. Any other has the text TYPEnnn of RFC 3597.
const (
	TypeA      Type = 1
	TypeNS     Type = 2
	TypeCNAME  Type = 5
	TypeSOA    Type = 6
	TypePTR    Type = 12
	TypeMX     Type = 15
	TypeTXT    Type = 16
	TypeAAAA   Type = 28
	TypeDNAME  Type = 39
	TypeDS     Type = 43
	TypeRRSIG  Type = 46
	TypeNSEC   Type = 47
	TypeDNSKEY Type = 48
	TypeNSEC3  Type = 50
	TypeANY    Type = 255
	TypeCAA    Type = 257
)

// String gives the mnemonic, or TYPEnnn.
func (t Type) String() string {
	if s, ok := dns.TypeToString[uint16(t)]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ErrBadType is wrapped by the errors of [ParseType].
var ErrBadType = errors.New("not a record type")

// ParseType reads a mnemonic in any case, or TYPEnnn (RFC 3597, 5).
func ParseType(s string) (Type, error) {
	up := strings.ToUpper(s)
	if t, ok := dns.StringToType[up]; ok {
		return Type(t), nil
	}
	if digits, ok := strings.CutPrefix(up, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return Type(n), nil
		}
	}
	return 0, fmt.Errorf("%q: %w", s, ErrBadType)
}

// MarshalText gives [Type.String].
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what [ParseType] reads.
func (t *Type) UnmarshalText(b []byte) error {
	v, err := ParseType(string(b))
	if err != nil {
		return err
	}
	*t = v
	return nil
}

// RR is one resource record of class IN. It is comparable: two records are equal when owner, type, TTL and RDATA are.
//
// RDATA is kept in wire form, uncompressed, with the names in it in lower case where RFC 4034, 6.2 lists the type, so that
// equality is a comparison of octets; text is made on demand.
type RR struct {
	Name  Name
	Type  Type
	TTL   uint32 // seconds
	RDATA string // wire form
}

// ErrBadRR is wrapped by the errors of [ParseRR].
var ErrBadRR = errors.New("not a resource record")

// ParseRR reads one record in zone-file format (RFC 1035, 5.1) with a fully qualified owner. A missing TTL is 300 s.
func ParseRR(text string) (RR, error) {
	zp := dns.NewZoneParser(strings.NewReader(text), ".", "")
	zp.SetDefaultTTL(300)
	rr, ok := zp.Next()
	if !ok {
		err := zp.Err()
		if err == nil {
			err = errors.New("it is empty")
		}
		return RR{}, fmt.Errorf("resolver: parse record %q: %w: %v", text, ErrBadRR, err)
	}
	if rr.Header().Name == "" {
		return RR{}, fmt.Errorf("resolver: parse record %q: %w: it has no owner", text, ErrBadRR)
	}
	v, err := rrFromMsg(rr)
	if err == nil && !v.wellFormed() { // the library takes an empty RDATA for that of a dynamic update
		err = fmt.Errorf("resolver: parse record %q: %w: it has no data", text, ErrBadRR)
	}
	return v, err
}

// wellFormed reports whether RDATA can be what the type says.
func (r RR) wellFormed() (ok bool) {
	switch r.Type {
	case TypeCNAME, TypeNS, TypeDNAME, TypePTR:
		_, ok = r.Target()
	case TypeA, TypeAAAA:
		_, ok = r.Addr()
	case TypeSOA:
		_, ok = r.SOA()
	case TypeTXT:
		ok = len(r.Strings()) > 0
	default:
		ok = r.RDATA != ""
	}
	return ok
}

// hasData reports whether records of a type have RDATA of at least an octet: of the types that this project reads all do.
func hasData(t Type) bool {
	switch t {
	case TypeA, TypeNS, TypeCNAME, TypeSOA, TypePTR, TypeMX, TypeTXT, TypeAAAA, TypeDNAME, TypeDS, TypeRRSIG, TypeNSEC, TypeDNSKEY, TypeNSEC3, TypeCAA:
		return true
	}
	return false
}

// MustParseRR is [ParseRR] for records written in a program. It panics on a bad one.
func MustParseRR(text string) RR {
	rr, err := ParseRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// String gives the record as a line of a zone file: owner, TTL, class, type, RDATA.
func (r RR) String() string {
	return r.Name.String() + "\t" + strconv.FormatUint(uint64(r.TTL), 10) + "\tIN\t" + r.Type.String() + "\t" + r.Text()
}

// Text gives the RDATA in presentation format; for types that this project does not read, in the form of RFC 3597, 5,
// which says any octets exactly.
func (r RR) Text() string {
	switch r.Type {
	case TypeCNAME, TypeNS, TypeDNAME, TypePTR:
		if t, ok := r.Target(); ok {
			return t.String()
		}
	case TypeA, TypeAAAA, TypeSOA, TypeMX, TypeTXT, TypeCAA, TypeDS, TypeDNSKEY, TypeRRSIG, TypeNSEC, TypeNSEC3:
		if rr, err := r.msg(); err == nil {
			// Text that does not read back as the same octets (a CAA tag of no characters, say) would make a transcript lie.
			text := strings.TrimPrefix(rr.String(), rr.Header().String())
			if back, err := ParseRR(". IN " + r.Type.String() + " " + text); err == nil && back.RDATA == r.RDATA {
				return text
			}
		}
	}
	return fmt.Sprintf("\\# %d %x", len(r.RDATA), r.RDATA)
}

// Target gives the name a CNAME, NS, DNAME or PTR record points to.
func (r RR) Target() (Name, bool) {
	switch r.Type {
	case TypeCNAME, TypeNS, TypeDNAME, TypePTR:
		n, used, err := NameFromWire([]byte(r.RDATA))
		return n, err == nil && used == len(r.RDATA)
	}
	return Name{}, false
}

// Addr gives the address of an A or AAAA record.
func (r RR) Addr() (netip.Addr, bool) {
	if r.Type != TypeA && r.Type != TypeAAAA {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice([]byte(r.RDATA))
	return a, ok && a.Is4() == (r.Type == TypeA)
}

// Strings gives the character-strings of a TXT record, unescaped (RFC 1035, 3.3.14).
func (r RR) Strings() []string {
	if r.Type != TypeTXT {
		return nil
	}
	var out []string
	for b := r.RDATA; b != ""; {
		n := int(b[0])
		if n+1 > len(b) {
			return nil
		}
		out = append(out, b[1:1+n])
		b = b[1+n:]
	}
	return out
}

// SOA is the RDATA of a start of authority (RFC 1035, 3.3.13). Times are in seconds.
type SOA struct {
	MName, RName                            Name
	Serial, Refresh, Retry, Expire, Minimum uint32
}

// SOA gives the fields of an SOA record.
func (r RR) SOA() (SOA, bool) {
	if r.Type != TypeSOA {
		return SOA{}, false
	}
	b := []byte(r.RDATA)
	m, n, err := NameFromWire(b)
	if err != nil {
		return SOA{}, false
	}
	rn, k, err := NameFromWire(b[n:])
	if err != nil || len(b) != n+k+20 {
		return SOA{}, false
	}
	u := func(i int) uint32 {
		p := b[n+k+4*i:]
		return uint32(p[0])<<24 | uint32(p[1])<<16 | uint32(p[2])<<8 | uint32(p[3])
	}
	return SOA{MName: m, RName: rn, Serial: u(0), Refresh: u(1), Retry: u(2), Expire: u(3), Minimum: u(4)}, true
}

// MarshalText gives [RR.String].
func (r RR) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what [ParseRR] reads.
func (r *RR) UnmarshalText(b []byte) error {
	v, err := ParseRR(string(b))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// rrFromMsg converts a record of the wire-format library. RDATA is packed without compression; the library's canonical
// form of names is not applied when packing, so the names in RDATA are lowered here.
func rrFromMsg(m dns.RR) (RR, error) {
	h := m.Header()
	owner, err := ParseName(h.Name)
	if err != nil {
		// The library's presentation format escapes less than ours accepts unescaped; go through the wire.
		owner, err = nameFromMsg(h.Name)
		if err != nil {
			return RR{}, err
		}
	}
	if h.Class != dns.ClassINET && h.Rrtype != dns.TypeOPT {
		return RR{}, fmt.Errorf("resolver: record of class %s: %w", dns.ClassToString[h.Class], ErrBadRR)
	}
	buf := make([]byte, dns.Len(m)+1)
	end, err := dns.PackRR(m, buf, 0, nil, false)
	if err != nil {
		return RR{}, fmt.Errorf("resolver: pack %s record: %w: %v", dns.TypeToString[h.Rrtype], ErrBadRR, err)
	}
	start := len(owner.wire) + 10
	if start > end {
		return RR{}, fmt.Errorf("resolver: pack %s record: %w", dns.TypeToString[h.Rrtype], ErrBadRR)
	}
	rr := RR{Name: owner, Type: Type(h.Rrtype), TTL: h.Ttl, RDATA: string(buf[start:end])}
	rr.RDATA = canonicalRDATA(rr.Type, rr.RDATA)
	return rr, nil
}

// canonicalRDATA folds the names in RDATA to lower case for the types that RFC 4034, 6.2 lists, as RFC 6840, 5.1 corrects it
// (those of NSEC stay as they are, that of RRSIG is folded), so that signatures over RDATA verify whatever case a server
// sends. A6, which is listed too, is historic (RFC 6563) and left alone.
func canonicalRDATA(t Type, rdata string) string {
	from, names := 0, 1 // where the names begin, and how many there are in a row
	switch uint16(t) {
	case dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR, dns.TypeDNAME, dns.TypeNXT:
	case dns.TypeSOA, dns.TypeMINFO, dns.TypeRP:
		names = 2
	case dns.TypeMX, dns.TypeAFSDB, dns.TypeRT, dns.TypeKX:
		from = 2
	case dns.TypePX:
		from, names = 2, 2
	case dns.TypeSRV:
		from = 6
	case dns.TypeRRSIG, dns.TypeSIG:
		from = 18
	case dns.TypeNAPTR: // RFC 3403, 4.1: three character-strings in front
		from = 4
		for range 3 {
			if from >= len(rdata) {
				return rdata
			}
			from += 1 + int(rdata[from])
		}
	default:
		return rdata
	}
	b := []byte(rdata)
	for range names {
		if from > len(b) {
			return rdata
		}
		n, used, err := NameFromWire(b[from:])
		if err != nil {
			return rdata
		}
		copy(b[from:], n.wire)
		from += used
	}
	return string(b)
}

func nameFromMsg(s string) (Name, error) {
	buf := make([]byte, maxNameOctets+1)
	n, err := dns.PackDomainName(dns.Fqdn(s), buf, 0, nil, false)
	if err != nil {
		return Name{}, fmt.Errorf("resolver: name %q: %w: %v", s, ErrBadName, err)
	}
	name, _, err := NameFromWire(buf[:n])
	return name, err
}

// msg converts to a record of the wire-format library.
func (r RR) msg() (dns.RR, error) {
	b := make([]byte, 0, len(r.Name.wire)+10+len(r.RDATA))
	b = append(b, r.Name.wire...)
	b = append(b, byte(r.Type>>8), byte(r.Type), 0, dns.ClassINET, byte(r.TTL>>24), byte(r.TTL>>16), byte(r.TTL>>8), byte(r.TTL))
	b = append(b, byte(len(r.RDATA)>>8), byte(len(r.RDATA)))
	b = append(b, r.RDATA...)
	rr, _, err := dns.UnpackRR(b, 0)
	if err != nil {
		return nil, fmt.Errorf("resolver: unpack %s record of %s: %w: %v", r.Type, r.Name, ErrBadRR, err)
	}
	return rr, nil
}
