package dnssec_test

import (
	gocrypto "crypto"
	"crypto/rand"
	"encoding/base64"
	"io"
	"math/big"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// plainRSA signs SHA-256 hashes as RFC 8017, 8.2.1 says, with any exponent.
type plainRSA struct{ n, d *big.Int }

func (p plainRSA) Public() gocrypto.PublicKey { return nil }

func (p plainRSA) Sign(_ io.Reader, sum []byte, _ gocrypto.SignerOpts) ([]byte, error) {
	size := (p.n.BitLen() + 7) / 8
	em := make([]byte, size)
	for i := range em {
		em[i] = 0xff
	}
	info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum...)
	em[0], em[1], em[size-len(info)-1] = 0, 1, 0
	copy(em[size-len(info):], info)
	return new(big.Int).Exp(new(big.Int).SetBytes(em), p.d, p.n).FillBytes(make([]byte, size)), nil
}

// Keys that package crypto/rsa does not take: resolvers do.
func TestRSAOfAnySize(t *testing.T) {
	for _, c := range []struct {
		what     string
		bits     int
		exponent string
		want     dnssec.Status
		why      dnssec.Code
	}{
		{"1024 bits", 1024, "65537", dnssec.Secure, ""},
		{"512 bits", 512, "65537", dnssec.Secure, ""},
		{"exponent 3", 1024, "3", dnssec.Secure, ""},
		{"exponent 2^32+1", 1024, "4294967297", dnssec.Secure, ""},
		{"exponent of 65 bits", 1024, "18446744073709551629", dnssec.Indeterminate, dnssec.KeyUnusable},
		{"496 bits", 496, "65537", dnssec.Indeterminate, dnssec.KeyUnusable},
	} {
		t.Run(c.what, func(t *testing.T) {
			e, ok := new(big.Int).SetString(c.exponent, 10)
			require.True(t, ok)
			var key plainRSA
			for one := big.NewInt(1); key.d == nil; {
				p, err := rand.Prime(rand.Reader, c.bits/2)
				require.NoError(t, err)
				q, err := rand.Prime(rand.Reader, c.bits/2)
				require.NoError(t, err)
				key.n = new(big.Int).Mul(p, q)
				key.d = new(big.Int).ModInverse(e, new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)))
			}
			public := append([]byte{byte(len(e.Bytes()))}, append(e.Bytes(), key.n.Bytes()...)...)
			s := &signer{t: t, zone: "test.", priv: key, key: &dns.DNSKEY{
				Hdr: dns.RR_Header{Name: "test.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}, Flags: 257, Protocol: 3, Algorithm: dns.RSASHA256,
				PublicKey: base64.StdEncoding.EncodeToString(public),
			}}
			v := dnssec.Validator{Anchors: s.anchors(), Now: now}
			z := v.Child(dnssec.Zone{}, name("test."), resolver.Response{}, s.keys())
			require.Equal(t, c.want, z.Status, "%v", z.Why)
			if c.why != "" {
				assert.Equal(t, []dnssec.Code{c.why}, codes(z.Why))
				return
			}
			got := v.Answer(z, reply("a.test.", resolver.TypeA, s.set("a.test. 300 IN A 192.0.2.1")...))
			assert.Equal(t, dnssec.Secure, got.Status, "%v", got.Why)
			rrs := s.set("a.test. 300 IN A 192.0.2.1")
			rrs[0] = resolver.MustParseRR("a.test. 300 IN A 192.0.2.2")
			got = v.Answer(z, reply("a.test.", resolver.TypeA, rrs...))
			assert.Equal(t, []dnssec.Code{dnssec.SignatureWrong}, codes(got.Why))
		})
	}
}
