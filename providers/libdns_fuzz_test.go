package providers

import (
	"context"
	"testing"
	"time"

	"github.com/libdns/libdns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
)

type fuzzed struct {
	LibDNS
	records []libdns.Record
}

func (f fuzzed) GetRecords(context.Context, string) ([]libdns.Record, error) { return f.records, nil }

// Whatever a provider lists, reading it neither panics nor gives a set at a name that was not asked for, and what was read and
// has to be created again says the same.
func FuzzLibdnsListing(f *testing.F) {
	f.Add("_a79", "CNAME", "_424.acm-validations.aws", int64(300))
	f.Add("_A79.EXAMPLE.COM.", "CNAME", "_424.acm-validations.aws.", int64(-1))
	f.Add("_a79", "TXT", "a \" \\ ; \n\x00\xff", int64(1)<<62)
	f.Add("@", "MX", "10 mail ; x", int64(0))
	f.Add("_a79.example.com", "TYPE65280", "\\# 1 00", int64(0))
	f.Fuzz(func(t *testing.T, name, typ, data string, ttl int64) {
		asked := resolver.MustParseName("_a79.example.com.")
		c := FromLibdns(fuzzed{records: []libdns.Record{libdns.RR{Name: name, Type: typ, Data: data, TTL: time.Duration(ttl)}}}, Quirks{}).(*libdnsClient)
		sets, err := c.Read(context.Background(), Zone{Apex: scopeApex}, asked)
		if err != nil {
			return
		}
		for _, s := range sets {
			require.Equal(t, asked, s.Name)
			recs := c.records(scopeApex, []RRset{s})
			again, err := c.sets(scopeApex, recs, func(n resolver.Name) bool { return n == asked })
			require.NoError(t, err)
			require.Len(t, again, 1)
			require.True(t, s.Equal(again[0]), "%q read again as %q", s.Values, again[0].Values)
		}
	})
}
