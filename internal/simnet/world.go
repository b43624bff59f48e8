package simnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// World says what the internet is like. The zero value has no domains; its fields must not be changed once it is served.
type World struct {
	Domains   int // domains are numbered from 0
	TLDs      int // top-level domains they are spread over; 0: 20
	Hosts     int // DNS hosts, each with two servers; 0: 250
	Signed    int // of a thousand domains, how many are signed
	Broken    int // of a thousand domains, how many are not valid
	Silent    int // of a thousand servers of DNS hosts, how many never answer; of each host at most one
	Latency   time.Duration
	LossParts int // of a thousand packets in each direction, how many are lost
	Seed      uint64
	Now       time.Time // that signatures are made for; zero: the moment of [World.Serve]
}

// Kind is what is wrong with a domain.
type Kind int

// The kinds of domain.
const (
	Healthy   Kind = iota
	Missing        // no record
	WrongType      // a TXT record in place of the CNAME
	OtherName      // another value
	Doubled        // the zone appended to the name
	Uneven         // the second server has no record
	Forbidden      // CAA names another CA only
	Beside         // a TXT record beside the CNAME
	kinds
)

func (w *World) tlds() int  { return orElse(w.TLDs, 20) }
func (w *World) hosts() int { return orElse(w.Hosts, 250) }

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

// hash is splitmix64 of a number under the world's seed, one stream for each use.
func (w *World) hash(i int, stream uint64) uint64 {
	z := uint64(i) + w.Seed*0x9e3779b97f4a7c15 + stream*0xbf58476d1ce4e5b9 + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Kind says what is wrong with domain i.
func (w *World) Kind(i int) Kind {
	if h := w.hash(i, 1); int(h%1000) < w.Broken {
		return 1 + Kind(h>>32)%(kinds-1)
	}
	return Healthy
}

// Valid says what the verdict about domain i must be: valid, or else invalid.
func (w *World) Valid(i int) bool { return w.Kind(i) == Healthy }

// IsSigned reports whether domain i has a secure delegation. Only domains that are healthy or lack the record are signed.
func (w *World) IsSigned(i int) bool {
	k := w.Kind(i)
	return (k == Healthy || k == Missing) && int(w.hash(i, 2)%1000) < w.Signed
}

// Name gives domain i, with its final dot.
func (w *World) Name(i int) string {
	return fmt.Sprintf("d%07d.t%d.", i, i%w.tlds())
}

// Record gives name and value of the record that domain i must have.
func (w *World) Record(i int) (name, value string) {
	return w.token(i) + "." + w.Name(i), w.value(i, 3)
}

func (w *World) token(i int) string { return string(w.appendToken(nil, i, 3)) }

func (w *World) value(i int, stream uint64) string {
	return string(w.appendToken(nil, i, stream+1)) + ".jkddzztszm.acm-validations.aws."
}

const hexDigits = "0123456789abcdef"

// appendToken appends an underscore and 32 hexadecimal digits.
func (w *World) appendToken(b []byte, i int, stream uint64) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], w.hash(i, stream*16))
	binary.BigEndian.PutUint64(raw[8:], w.hash(i, stream*16+1))
	b = append(b, '_')
	for _, c := range raw {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// hasCAA reports whether a domain has CAA records: of the healthy ones every tenth, which then allow Amazon.
func (w *World) hasCAA(i int) bool { return w.Kind(i) == Forbidden || w.hash(i, 5)%10 == 0 }

func (w *World) hostOf(i int) int { return int(w.hash(i, 6) % uint64(w.hosts())) }

// silent reports whether server n (0 or 1) of a DNS host never answers.
func (w *World) silent(host, n int) bool {
	h := w.hash(host, 7)
	// Of each host at most one: the share of hosts is then twice that of servers.
	return int(h%1000) < 2*w.Silent && int(h>>40&1) == n
}

// The addresses: 127.64 root, 127.65 top-level domains, 127.66 and above DNS hosts, which have room for 491,520.
func rootAddr(n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 64, 0, byte(1 + n)}) }

func tldAddr(tld, n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 65, byte(tld), byte(1 + n)}) }

func hostAddr(host, n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(66 + host>>14), byte(host >> 6), byte(host&63)<<2 | byte(1+n)})
}

// role is which server an address is.
type role struct {
	kind rune // 'r' root, 't' a top-level domain, 'h' a DNS host
	of   int  // the number of the top-level domain, or of the host
	n    int  // 0 or 1
}

func roleOf(a [4]byte) (role, bool) {
	n := int(a[3]&3) - 1
	switch {
	case a[0] != 127 || n < 0 || n > 1:
		return role{}, false
	case a[1] == 64:
		return role{'r', 0, n}, a[2] == 0
	case a[1] == 65:
		return role{'t', int(a[2]), n}, true
	case a[1] >= 66 && a[1] < 96:
		return role{'h', int(a[1]-66)<<14 | int(a[2])<<6 | int(a[3]>>2), n}, true
	}
	return role{}, false
}

// hostsTLD is the number of the top-level domain dns., which holds the zones of the DNS hosts.
func (w *World) hostsTLD() int { return w.tlds() }

func (w *World) tldName(tld int) string {
	if tld == w.hostsTLD() {
		return "dns."
	}
	return "t" + strconv.Itoa(tld) + "."
}

// Hints gives root hints in the format of named.root.
func (w *World) Hints() string {
	return fmt.Sprintf(". 3600000 NS a.root.\na.root. 3600000 A %s\n. 3600000 NS b.root.\nb.root. 3600000 A %s\n", rootAddr(0), rootAddr(1))
}

// Servers gives the addresses of the servers of domain i.
func (w *World) Servers(i int) []netip.Addr {
	h := w.hostOf(i)
	return []netip.Addr{hostAddr(h, 0), hostAddr(h, 1)}
}

// Above gives an address of the top-level domain of domain i.
func (w *World) Above(i int) netip.Addr { return tldAddr(i%w.tlds(), int(w.hash(i, 12)&1)) }
