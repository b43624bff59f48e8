package bulk

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// ErrManyRecords: a message has more records than [Message] holds. A resolver.Response holds any number.
var ErrManyRecords = errors.New("the message holds more records than are read where they lie")

// maxRecords is enough for a referral to thirteen servers with their addresses and proofs.
const maxRecords = 64

// Section is a part of a message (RFC 1035, 4.1).
type Section uint8

// The sections that hold records.
const (
	Answer Section = iota
	Authority
	Additional
)

// Message is an answer, read where it lies: nothing is copied, and reading again needs no memory. Its octets belong to
// whoever gave them; a Message is no longer valid than they are. The zero value holds nothing.
type Message struct {
	b       []byte
	records [maxRecords]Record
	n       int
}

// Record is where one record stands in a [Message].
type Record struct {
	Section Section
	Type    resolver.Type
	Class   uint16
	TTL     uint32 // seconds
	owner   uint16
	data    uint16
	length  uint16
}

func malformed(what string) error { return fmt.Errorf("%w: %s", resolver.ErrMalformed, what) }

// The errors of Read are made once: a flood of broken answers must not cost memory.
var (
	errShort   = malformed("it is too short")
	errName    = malformed("a name does not end")
	errNotOne  = malformed("it does not hold one question")
	errTooMuch = malformed("octets follow the last record")
)

// Read takes b as a message. The error wraps resolver.ErrMalformed or is [ErrManyRecords]; m then holds nothing.
func (m *Message) Read(b []byte) error {
	m.b, m.n = nil, 0
	if len(b) < 12 {
		return errShort
	}
	if binary.BigEndian.Uint16(b[4:]) != 1 {
		return errNotOne
	}
	at, ok := skipName(b, 12)
	if !ok || at+4 > len(b) {
		return errName
	}
	at += 4
	n := 0
	for s := Answer; s <= Additional; s++ {
		for range binary.BigEndian.Uint16(b[6+2*int(s):]) {
			if n == maxRecords {
				return ErrManyRecords
			}
			owner := at
			if at, ok = skipName(b, at); !ok {
				return errName
			}
			if at+10 > len(b) {
				return errShort
			}
			r := &m.records[n]
			*r = Record{
				Section: s, Type: resolver.Type(binary.BigEndian.Uint16(b[at:])), Class: binary.BigEndian.Uint16(b[at+2:]),
				TTL: binary.BigEndian.Uint32(b[at+4:]), owner: uint16(owner), data: uint16(at + 10), length: binary.BigEndian.Uint16(b[at+8:]),
			}
			if at += 10 + int(r.length); at > len(b) {
				return errShort
			}
			n++
		}
	}
	if at != len(b) {
		return errTooMuch
	}
	m.b, m.n = b, n
	return nil
}

// skipName gives where the name at a place ends. It does not follow pointers.
func skipName(b []byte, at int) (int, bool) {
	for at < len(b) {
		switch c := b[at]; {
		case c == 0:
			return at + 1, true
		case c >= 0xc0:
			return at + 2, at+2 <= len(b)
		case c > 63:
			return 0, false
		default:
			at += 1 + int(c)
		}
	}
	return 0, false
}

// ID is the message's ID.
func (m *Message) ID() uint16 { return binary.BigEndian.Uint16(m.b) }

// IsResponse reports whether QR is set and the operation is a query.
func (m *Message) IsResponse() bool { return m.b[2]&0xf8 == 0x80 }

// Authoritative is AA.
func (m *Message) Authoritative() bool { return m.b[2]&4 != 0 }

// Truncated is TC.
func (m *Message) Truncated() bool { return m.b[2]&2 != 0 }

// RCode is the response code; what EDNS adds to it is in the OPT record, which the second result reports as there or not.
func (m *Message) RCode() (code resolver.RCode, edns bool) {
	code = resolver.RCode(m.b[3] & 15)
	for i := range m.n {
		if r := &m.records[i]; r.Type == typeOPT && r.Section == Additional {
			return code | resolver.RCode(r.TTL>>24)<<4, true
		}
	}
	return code, false
}

const typeOPT resolver.Type = 41

// Records gives the records in their order. The slice is the message's own.
func (m *Message) Records() []Record { return m.records[:m.n] }

// Asked reports whether the message is about this question of class IN.
func (m *Message) Asked(name resolver.Name, t resolver.Type) bool {
	var buf [mostName]byte
	wire := name.AppendWire(buf[:0])
	end := 12 + len(wire)
	if end+4 > len(m.b) || !sameLetters(m.b[12:end], wire) {
		return false
	}
	return binary.BigEndian.Uint16(m.b[end:]) == uint16(t) && binary.BigEndian.Uint16(m.b[end+2:]) == 1
}

// mostName is how many octets a name has at most (RFC 1035, 3.1).
const mostName = 255

// sameLetters compares names without pointers, in any letter case: the length octets are no letters.
func sameLetters(a, lower []byte) bool {
	for i, c := range a {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// OwnerIs reports whether the record's owner is name.
func (m *Message) OwnerIs(r *Record, name resolver.Name) bool { return m.nameIs(int(r.owner), name) }

// TargetIs reports whether the record's data is this one name and nothing else.
func (m *Message) TargetIs(r *Record, name resolver.Name) bool {
	end, ok := skipName(m.b, int(r.data))
	return ok && end == int(r.data)+int(r.length) && m.nameIs(int(r.data), name)
}

func (m *Message) nameIs(at int, is resolver.Name) bool {
	var buf [mostName]byte
	name := is.AppendWire(buf[:0])
	for left := len(m.b); left > 0; left-- { // each turn reads an octet or goes back: a loop of pointers ends
		if at >= len(m.b) || len(name) == 0 {
			return false
		}
		c := m.b[at]
		if c >= 0xc0 {
			if at+1 >= len(m.b) {
				return false
			}
			next := int(c&0x3f)<<8 | int(m.b[at+1])
			if next >= at {
				return false
			}
			at = next
			continue
		}
		n := int(c)
		if n > 63 || name[0] != c || len(name) < n+1 || at+1+n > len(m.b) || !sameLetters(m.b[at+1:at+1+n], name[1:1+n]) {
			return false
		}
		if n == 0 {
			return len(name) == 1
		}
		at, name = at+1+n, name[1+n:]
	}
	return false
}

// Owner gives the record's owner.
func (m *Message) Owner(r *Record) (resolver.Name, bool) { return m.name(int(r.owner)) }

// Target gives the name that is the record's whole data.
func (m *Message) Target(r *Record) (resolver.Name, bool) {
	end, ok := skipName(m.b, int(r.data))
	if !ok || end != int(r.data)+int(r.length) {
		return resolver.Name{}, false
	}
	return m.name(int(r.data))
}

func (m *Message) name(at int) (resolver.Name, bool) {
	var buf [256]byte
	b := buf[:0]
	for len(b) < 256 {
		if at >= len(m.b) {
			return resolver.Name{}, false
		}
		c := m.b[at]
		if c >= 0xc0 {
			if at+1 >= len(m.b) {
				return resolver.Name{}, false
			}
			next := int(c&0x3f)<<8 | int(m.b[at+1])
			if next >= at {
				return resolver.Name{}, false
			}
			at = next
			continue
		}
		end := at + 1 + int(c)
		if c > 63 || end > len(m.b) || len(b)+1+int(c) > 255 {
			return resolver.Name{}, false
		}
		b = append(b, m.b[at:end]...)
		if c == 0 {
			n, _, err := resolver.NameFromWire(b)
			return n, err == nil
		}
		at = end
	}
	return resolver.Name{}, false
}

// Data gives the record's RDATA as it stands in the message: names in it may be compressed.
func (m *Message) Data(r *Record) []byte { return m.b[r.data : int(r.data)+int(r.length)] }

// Response gives the whole message as an answer to q, with nothing shared.
func (m *Message) Response(q resolver.Question) (resolver.Response, error) {
	return resolver.ParseMessage(q, m.b)
}

// Bytes gives the message's octets. They belong to whoever gave them.
func (m *Message) Bytes() []byte { return m.b }
