package rfc2136_test

import (
	"context"
	"encoding/binary"
	"net"
	"testing"

	libdns "github.com/libdns/rfc2136"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// What a server answers is anybody's: nothing of it may end the program, and nothing unsigned is believed where there is a key.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{}, false)
	for _, text := range []string{owner.String() + " CNAME " + value, zoneName + " SOA a. b. 1 2 3 4 5", "example.test. DNAME example.net.", owner.String() + ` TXT "a"`} {
		m := new(dns.Msg)
		m.SetQuestion(owner.String(), dns.TypeCNAME)
		m.Response, m.Authoritative = true, true
		rr, err := dns.NewRR(text)
		require.NoError(f, err)
		m.Answer = append(m.Answer, rr)
		wire, err := m.Pack()
		require.NoError(f, err)
		f.Add(wire, true)
		f.Add(wire, false)
	}
	f.Fuzz(func(t *testing.T, answer []byte, signed bool) {
		config := &libdns.Provider{Server: "192.0.2.1"}
		if signed {
			config.KeyName, config.Key = "acmdoctor", secretText
		}
		c, err := rfc2136.New(config)
		require.NoError(t, err)
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				for {
					b, err := frame(server)
					if err != nil {
						return
					}
					// The header and the question are the right ones, so that the rest is looked at.
					m := new(dns.Msg)
					if m.Unpack(b[2:]) != nil {
						return
					}
					out := append([]byte(nil), answer[:min(len(answer), 65000)]...)
					if len(out) >= 2 {
						copy(out, b[2:4])
					}
					if r := new(dns.Msg); r.Unpack(out) == nil {
						r.Id, r.Response, r.Opcode, r.Question = m.Id, true, m.Opcode, m.Question
						if wire, err := r.Pack(); err == nil {
							out = wire
						}
					}
					if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
						return
					}
				}
			}()
			return client, nil
		}
		sets, err := c.Read(t.Context(), zone, owner)
		if signed {
			require.Error(t, err)
		}
		if err != nil {
			require.Empty(t, sets)
			silentAbout(t, err.Error())
		}
		for _, s := range sets {
			require.Equal(t, owner, s.Name)
		}
		_, _ = c.FindZones(t.Context(), resolver.MustParseName(token+".a.b.c."+zoneName))
		_ = c.Write(t.Context(), zone, createBatch)
	})
}
