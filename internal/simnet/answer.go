package simnet

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// query is a question as it came.
type query struct {
	raw    []byte   // the header and the question
	labels []string // lower case, without the root
	at     []int    // where each label begins in raw
	typ    uint16
	do     bool
	edns   bool
}

// parse reads a question of class IN. It reads no more of a message than our own client sends.
func parse(b []byte) (q query, ok bool) {
	if len(b) < 17 || b[2]&0xf8 != 0 || binary.BigEndian.Uint16(b[4:]) != 1 {
		return q, false
	}
	i := 12
	for b[i] != 0 {
		n := int(b[i])
		if n > 63 || i+1+n >= len(b) {
			return q, false
		}
		q.at = append(q.at, i)
		q.labels = append(q.labels, strings.ToLower(string(b[i+1:i+1+n])))
		i += 1 + n
	}
	if i+5 > len(b) {
		return q, false
	}
	q.typ = binary.BigEndian.Uint16(b[i+1:])
	q.raw = b[:i+5]
	if opt := b[i+5:]; len(opt) >= 11 && opt[0] == 0 && binary.BigEndian.Uint16(opt[1:]) == dns.TypeOPT {
		q.edns, q.do = true, opt[7]&0x80 != 0
	}
	return q, true
}

// name gives the question's name without its first n labels.
func (q query) name(n int) string {
	if n >= len(q.labels) {
		return "."
	}
	return strings.Join(q.labels[n:], ".") + "."
}

// reply is an answer that is being written.
type reply struct {
	b      []byte
	q      query
	counts [3]int
}

func begin(b []byte, q query, rcode int, aa bool) *reply {
	b = append(b[:0], q.raw...)
	b[2] = 0x80 | q.raw[2]&1
	if aa {
		b[2] |= 4
	}
	b[3] = byte(rcode)
	return &reply{b: b, q: q}
}

func (r *reply) add(section int, s set) *reply {
	r.b = append(r.b, s.wire...)
	r.counts[section] += s.n
	if r.q.do {
		r.b = append(r.b, s.sigs...)
		r.counts[section] += s.nsig
	}
	return r
}

// addRR adds a record whose owner stands in the question from label n on.
func (r *reply) addRR(section, n int, typ uint16, ttl uint32, rdata []byte) *reply {
	at := 12
	if n < len(r.q.at) {
		at = r.q.at[n]
	}
	r.b = append(r.b, 0xc0|byte(at>>8), byte(at))
	r.b = binary.BigEndian.AppendUint16(r.b, typ)
	r.b = append(r.b, 0, dns.ClassINET)
	r.b = binary.BigEndian.AppendUint32(r.b, ttl)
	r.b = binary.BigEndian.AppendUint16(r.b, uint16(len(rdata)))
	r.b = append(r.b, rdata...)
	r.counts[section]++
	return r
}

func (r *reply) end() []byte {
	extra := r.counts[2]
	if r.q.edns {
		r.b = append(r.b, 0, 0, byte(dns.TypeOPT), 0x04, 0xd0, 0, 0, 0, 0, 0, 0)
		if r.q.do {
			r.b[len(r.b)-4] = 0x80
		}
		extra++
	}
	binary.BigEndian.PutUint16(r.b[6:], uint16(r.counts[0]))
	binary.BigEndian.PutUint16(r.b[8:], uint16(r.counts[1]))
	binary.BigEndian.PutUint16(r.b[10:], uint16(extra))
	return r.b
}

// appendName appends a name given in presentation format with its final dot.
func appendName(b []byte, name string) []byte {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

const (
	noError  = 0
	nxDomain = 3
	refused  = 5
)

// answer gives the answer of a server, written into b, which it returns grown; nothing where it stays silent.
func (w *served) answer(b []byte, to role, message []byte) []byte {
	q, ok := parse(message)
	if !ok {
		return nil
	}
	switch to.kind {
	case 'r':
		return w.fromRoot(b, q)
	case 't':
		if to.of < len(w.zones) {
			return w.fromTLD(b, q, to.of)
		}
	case 'h':
		if to.of < w.hosts() && !w.silent(to.of, to.n) {
			return w.fromHost(b, q, to)
		}
	}
	return nil
}

func (w *served) fromRoot(b []byte, q query) []byte {
	if len(q.labels) == 0 {
		return atApex(b, q, w.root.apex, set{})
	}
	name := q.name(len(q.labels) - 1)
	refer, ok := w.root.refer[name]
	switch {
	case !ok:
		return begin(b, q, nxDomain, true).add(1, w.root.absence(name)).end()
	case q.typ == dns.TypeDS && len(q.labels) == 1:
		return begin(b, q, noError, true).add(0, w.root.ds[name]).end()
	}
	return begin(b, q, noError, false).add(1, refer).add(1, onlyFor(q, w.root.ds[name])).add(2, w.root.glue[name]).end()
}

// onlyFor gives what goes along with a referral only for who asks for DNSSEC.
func onlyFor(q query, s set) set {
	if q.do {
		return s
	}
	return set{}
}

func atApex(b []byte, q query, a apex, caa set) []byte {
	r := begin(b, q, noError, true)
	switch {
	case q.typ == dns.TypeSOA:
		r.add(0, a.soa)
	case q.typ == dns.TypeNS:
		r.add(0, a.ns)
	case q.typ == dns.TypeDNSKEY && a.keys.n > 0:
		r.add(0, a.keys)
	case q.typ == dns.TypeCAA && caa.n > 0:
		r.add(0, caa)
	default:
		r.add(1, a.noData)
	}
	return r.end()
}

func (w *served) fromTLD(b []byte, q query, number int) []byte {
	t := w.zones[number]
	n := len(q.labels)
	if n == 0 || q.name(n-1) != t.name {
		return begin(b, q, refused, false).end()
	}
	if n == 1 {
		return atApex(b, q, t.apex, set{})
	}
	child, label := q.name(n-2), q.labels[n-2]
	absent := func() []byte {
		if q.do {
			return begin(b, q, nxDomain, true).add(1, t.soa).add(1, t.absence(w, child)).end()
		}
		return begin(b, q, nxDomain, true).add(1, t.soa).end()
	}
	if number == w.hostsTLD() {
		host, err := strconv.Atoi(strings.TrimPrefix(label, "h"))
		if err != nil || label[0] != 'h' || host < 0 || host >= w.hosts() {
			return absent()
		}
		return w.refer(b, q, t, child, host, nil)
	}
	i, ok := w.number(label)
	if !ok || i%w.tlds() != number {
		return absent()
	}
	var d *domain
	if w.IsSigned(i) {
		d = w.signed(i)
	}
	return w.refer(b, q, t, child, w.hostOf(i), d)
}

// number reads the label of a domain.
func (w *served) number(label string) (int, bool) {
	if len(label) != 8 || label[0] != 'd' {
		return 0, false
	}
	i, err := strconv.Atoi(label[1:])
	return i, err == nil && i >= 0 && i < w.Domains
}

// refer refers to the servers of a host. Those of the hosts' own zones have glue, the others lie in another zone.
func (w *served) refer(b []byte, q query, t *tld, child string, host int, d *domain) []byte {
	n := len(q.labels) - 2 // the label at which the child's name begins
	if q.typ == dns.TypeDS && n == 0 {
		switch {
		case d != nil:
			return begin(b, q, noError, true).add(0, d.ds).end()
		case q.do:
			return begin(b, q, noError, true).add(1, t.soa).add(1, t.absence(w, child)).end()
		}
		return begin(b, q, noError, true).add(1, t.soa).end()
	}
	r := begin(b, q, noError, false)
	w.addNS(r, 1, n, host)
	switch {
	case !q.do:
	case d != nil:
		r.add(1, d.ds)
	default:
		r.add(1, t.absence(w, child))
	}
	if t.name == "dns." {
		for n := range 2 {
			a := hostAddr(host, n).As4()
			r.b = appendName(r.b, hostServer(host, n))
			r.b = append(r.b, 0, byte(dns.TypeA), 0, dns.ClassINET, 0, 2, 0xa3, 0, 0, 4)
			r.b = append(r.b, a[:]...)
			r.counts[2]++
		}
	}
	return r.end()
}

func hostServer(host, n int) string {
	return "ns" + strconv.Itoa(n+1) + ".h" + strconv.Itoa(host) + ".dns."
}

func (w *served) addNS(r *reply, section, label, host int) {
	for n := range 2 {
		r.addRR(section, label, dns.TypeNS, 172800, appendName(nil, hostServer(host, n)))
	}
}

// fromHost answers for the host's own zone and for the domains that it hosts.
func (w *served) fromHost(b []byte, q query, to role) []byte {
	n := len(q.labels)
	if n < 2 {
		return begin(b, q, refused, false).end()
	}
	if q.labels[n-1] == "dns" {
		if q.labels[n-2] != "h"+strconv.Itoa(to.of) {
			return begin(b, q, refused, false).end()
		}
		return w.hostZone(b, q, to.of)
	}
	i, ok := w.number(q.labels[n-2])
	if !ok || q.name(n-1) != w.tldName(i%w.tlds()) || w.hostOf(i) != to.of {
		return begin(b, q, refused, false).end()
	}
	if w.IsSigned(i) {
		return w.signedZone(b, q, i)
	}
	return w.plainZone(b, q, i, to.n)
}

// deny denies a name or a type in a zone that is not signed and begins at a label.
func deny(b []byte, q query, rcode, label int) []byte {
	r := begin(b, q, rcode, true)
	// ns and hostmaster below the zone, serial 1, 7200 900 1209600 300: by reference to the question's name.
	at := q.at[label]
	zone := []byte{0xc0 | byte(at>>8), byte(at)}
	rdata := append(append(append([]byte{2, 'n', 's'}, zone...), 10, 'h', 'o', 's', 't', 'm', 'a', 's', 't', 'e', 'r'), zone...)
	for _, v := range []uint32{1, 7200, 900, 1209600, 300} {
		rdata = binary.BigEndian.AppendUint32(rdata, v)
	}
	return r.addRR(1, label, dns.TypeSOA, 900, rdata).end()
}

func (w *served) hostZone(b []byte, q query, host int) []byte {
	n := len(q.labels) - 2
	r := begin(b, q, noError, true)
	switch {
	case n == 0 && q.typ == dns.TypeNS:
		w.addNS(r, 0, 0, host)
	case n == 1 && (q.labels[0] == "ns1" || q.labels[0] == "ns2"):
		if q.typ != dns.TypeA {
			return deny(b, q, noError, n)
		}
		a := hostAddr(host, int(q.labels[0][2]-'1')).As4()
		r.addRR(0, 0, dns.TypeA, 86400, a[:])
	case n == 0:
		return deny(b, q, noError, n)
	default:
		return deny(b, q, nxDomain, n)
	}
	return r.end()
}

func (w *served) plainZone(b []byte, q query, i, server int) []byte {
	n := len(q.labels) - 2 // labels below the apex
	kind := w.Kind(i)
	r := begin(b, q, noError, true)
	switch {
	case n == 0 && q.typ == dns.TypeNS:
		w.addNS(r, 0, 0, w.hostOf(i))
	case n == 0 && q.typ == dns.TypeSOA:
		a := deny(b, q, noError, 0)
		a[7], a[9] = 1, 0 // the one record is the answer
		return a
	case n == 0 && q.typ == dns.TypeCAA && w.hasCAA(i):
		r.addRR(0, 0, dns.TypeCAA, 300, append([]byte{0, 5, 'i', 's', 's', 'u', 'e'}, w.issuer(i)...))
	case n == 0:
		return deny(b, q, noError, n)
	case n == 1 && q.labels[0] == "www" && q.typ == dns.TypeA:
		r.addRR(0, 0, dns.TypeA, 300, []byte{192, 0, 2, 80})
	case n == 1 && q.labels[0] == "www":
		return deny(b, q, noError, n)
	case q.labels[0] != w.token(i):
		return deny(b, q, w.missing(q, i), n)
	case n == 1:
		return w.atRecord(r, b, q, i, server)
	case kind == Doubled && n == 3 && q.labels[1] == q.labels[3] && q.labels[2] == q.labels[4]:
		if q.typ != dns.TypeCNAME && q.typ != dns.TypeTXT && q.typ != dns.TypeA {
			return deny(b, q, noError, n)
		}
		r.addRR(0, 0, dns.TypeCNAME, 3600, appendName(nil, w.value(i, 3)))
	default:
		return deny(b, q, nxDomain, n)
	}
	return r.end()
}

// missing is the code for a name that holds nothing: there is none, or names lie below it.
func (w *served) missing(q query, i int) int {
	if w.Kind(i) != Doubled {
		return nxDomain
	}
	name := w.Name(i)
	tldLabel, label := strings.TrimSuffix(name[9:], "."), name[:8]
	n := len(q.labels) - 2
	if n == 1 && q.labels[0] == tldLabel || n == 2 && q.labels[0] == label && q.labels[1] == tldLabel {
		return noError
	}
	return nxDomain
}

// atRecord answers at the record's name in a zone that is not signed.
func (w *served) atRecord(r *reply, b []byte, q query, i, server int) []byte {
	txt := func(text string) []byte { return append([]byte{byte(len(text))}, text...) }
	switch kind := w.Kind(i); {
	case kind == Missing || kind == Doubled || kind == Uneven && server == 1:
		return deny(b, q, nxDomain, 1)
	case kind == WrongType && q.typ == dns.TypeTXT:
		r.addRR(0, 0, dns.TypeTXT, 300, txt(w.value(i, 3)))
	case kind == WrongType:
		return deny(b, q, noError, 1)
	case kind == Beside && q.typ == dns.TypeTXT:
		r.addRR(0, 0, dns.TypeTXT, 300, txt("v=spf1 -all"))
	case kind == OtherName:
		r.addRR(0, 0, dns.TypeCNAME, 300, appendName(nil, w.value(i, 11)))
	default:
		r.addRR(0, 0, dns.TypeCNAME, 300, appendName(nil, w.value(i, 3)))
	}
	return r.end()
}

func (w *served) signedZone(b []byte, q query, i int) []byte {
	d := w.signed(i)
	n := len(q.labels) - 2
	switch {
	case n == 0:
		return atApex(b, q, d.apex, d.caa)
	case n == 1 && q.labels[0] == "www" && q.typ == dns.TypeA:
		return begin(b, q, noError, true).add(0, d.www).end()
	case n == 1 && q.labels[0] == "www":
		return begin(b, q, noError, true).add(1, d.soa).add(1, d.denied[2]).end()
	case n == 1 && d.record != "" && q.labels[0] == d.record[:33] && q.typ != dns.TypeNSEC:
		return begin(b, q, noError, true).add(0, d.cname).end()
	}
	return begin(b, q, nxDomain, true).add(1, d.absence(q.labels[n-1])).end()
}
