package resolver

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// wireOf is a message about asked with these records as its answer, an SOA and EDNS.
func wireOf(t *testing.T, change func(m *dns.Msg), answer ...string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(asked.Name.String(), uint16(asked.Type))
	m.Response, m.Authoritative = true, true
	for _, text := range answer {
		rr, err := dns.NewRR(text)
		require.NoError(t, err)
		m.Answer = append(m.Answer, rr)
	}
	soa, err := dns.NewRR("example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 5")
	require.NoError(t, err)
	m.Ns = append(m.Ns, soa)
	m.SetEdns0(1232, true)
	if change != nil {
		change(m)
	}
	b, err := m.Pack()
	require.NoError(t, err)
	return b
}

// Wherever an answer is cut off, what is left must not pass for one: after the question it would say that there is no
// such record.
func TestParseMessageCutOff(t *testing.T) {
	b := wireOf(t, nil, "_a79.example.com. 300 CNAME _424.acm-validations.aws.")
	r, err := ParseMessage(asked, b)
	require.NoError(t, err)
	require.Len(t, r.Answer, 1)
	for n := range b {
		_, err := ParseMessage(asked, b[:n])
		require.ErrorIs(t, err, ErrMalformed, "the first %d octets", n)
	}

	// The counts may also lie upwards.
	for at := 7; at < 12; at += 2 {
		c := append([]byte(nil), b...)
		c[at] += 3
		_, err := ParseMessage(asked, c)
		require.ErrorIs(t, err, ErrMalformed, "count at %d", at)
	}

	// Cut off and said so: the answer comes over TCP, where it is asked for at once.
	c := append([]byte(nil), b[:12+len(asked.Name.Wire())+4]...)
	c[2] |= 2
	r, err = ParseMessage(asked, c)
	require.NoError(t, err)
	require.True(t, r.Truncated)

	// An error response may be a header only (RFC 1035, 4.1.1), whatever it counts.
	c = append([]byte(nil), b[:12]...)
	c[3] = dns.RcodeFormatError
	r, err = ParseMessage(asked, c)
	require.NoError(t, err)
	require.Equal(t, FormErr, r.RCode)
}

// A record without data is that of a dynamic update (RFC 2136, 2.4): in an answer it is neither the record nor a denial.
func TestParseMessageRecordWithoutData(t *testing.T) {
	for _, typ := range []Type{TypeCNAME, TypeNS, TypeA, TypeAAAA, TypeTXT, TypeSOA, TypeCAA, TypeDS, TypeDNSKEY, TypeRRSIG, TypeNSEC, TypeNSEC3} {
		b := wireOf(t, func(m *dns.Msg) { m.Ns, m.Extra = nil, nil })
		binary.BigEndian.PutUint16(b[6:], 1)
		b = append(b, 0xc0, 12, byte(typ>>8), byte(typ), 0, 1, 0, 0, 1, 44, 0, 0)
		_, err := ParseMessage(asked, b)
		require.ErrorIs(t, err, ErrMalformed, "%s", typ)
	}

	// Of other types we know nothing: NULL and the unknown ones may be empty (RFC 1035, 3.3.10; RFC 3597, 3).
	b := wireOf(t, func(m *dns.Msg) { m.Ns, m.Extra = nil, nil })
	binary.BigEndian.PutUint16(b[6:], 1)
	b = append(b, 0xc0, 12, 0xff, 0x01, 0, 1, 0, 0, 1, 44, 0, 0)
	r, err := ParseMessage(asked, b)
	require.NoError(t, err)
	require.Len(t, r.Answer, 1)
}
