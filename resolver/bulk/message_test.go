package bulk

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
)

func packed(t testing.TB, compress bool, answer, authority, additional []string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("_A79.example.com.", dns.TypeCNAME)
	m.Response, m.Authoritative, m.Compress = true, true, compress
	for _, s := range []struct {
		texts []string
		to    *[]dns.RR
	}{{answer, &m.Answer}, {authority, &m.Ns}, {additional, &m.Extra}} {
		for _, text := range s.texts {
			rr, err := dns.NewRR(text)
			require.NoError(t, err)
			*s.to = append(*s.to, rr)
		}
	}
	m.SetEdns0(1232, true)
	wire, err := m.Pack()
	require.NoError(t, err)
	return wire
}

func TestMessageIsReadWhereItLies(t *testing.T) {
	name := resolver.MustParseName("_a79.example.com.")
	value := resolver.MustParseName("_424.xyz.acm-validations.aws.")
	for _, compress := range []bool{false, true} {
		wire := packed(t, compress, []string{"_a79.EXAMPLE.com. 300 IN CNAME _424.xyz.acm-validations.aws."},
			[]string{"example.com. 3600 IN NS ns1.example.com."}, []string{"ns1.example.com. 3600 IN A 192.0.2.1"})
		var m Message
		require.NoError(t, m.Read(wire))
		assert.True(t, m.IsResponse())
		assert.True(t, m.Authoritative())
		assert.False(t, m.Truncated())
		assert.True(t, m.Asked(name, resolver.TypeCNAME))
		assert.False(t, m.Asked(name, resolver.TypeTXT))
		assert.False(t, m.Asked(value, resolver.TypeCNAME))
		code, edns := m.RCode()
		assert.Equal(t, resolver.NoError, code)
		assert.True(t, edns)
		rrs := m.Records()
		require.Len(t, rrs, 4)
		assert.Equal(t, []Section{Answer, Authority, Additional, Additional}, []Section{rrs[0].Section, rrs[1].Section, rrs[2].Section, rrs[3].Section})
		assert.True(t, m.OwnerIs(&rrs[0], name))
		assert.False(t, m.OwnerIs(&rrs[0], value))
		assert.True(t, m.TargetIs(&rrs[0], value))
		assert.False(t, m.TargetIs(&rrs[0], name))
		assert.False(t, m.TargetIs(&rrs[2], value))
		target, ok := m.Target(&rrs[0])
		assert.True(t, ok)
		assert.Equal(t, value, target)
		owner, ok := m.Owner(&rrs[2])
		assert.True(t, ok)
		assert.Equal(t, resolver.MustParseName("ns1.example.com."), owner)
		assert.Equal(t, []byte{192, 0, 2, 1}, m.Data(&rrs[2]))
		assert.Equal(t, uint32(3600), rrs[2].TTL)
	}
}

func TestManyRecordsAreSaidToBeTooMany(t *testing.T) {
	var many []string
	for range maxRecords {
		many = append(many, "example.com. 300 IN TXT \"x\"")
	}
	var m Message
	assert.ErrorIs(t, m.Read(packed(t, true, many, nil, nil)), ErrManyRecords) // OPT is one more
	assert.NoError(t, m.Read(packed(t, true, many[1:], nil, nil)))
}

func TestReadingCostsNoMemory(t *testing.T) {
	wire := packed(t, true, []string{"_a79.example.com. 300 IN CNAME _424.xyz.acm-validations.aws."}, nil, nil)
	name, value := resolver.MustParseName("_a79.example.com."), resolver.MustParseName("_424.xyz.acm-validations.aws.")
	var m Message
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if m.Read(wire) != nil || !m.Asked(name, resolver.TypeCNAME) || !m.OwnerIs(&m.Records()[0], name) || !m.TargetIs(&m.Records()[0], value) {
			t.Error("it is not what it is")
		}
	}))
}

func BenchmarkRead(b *testing.B) {
	wire := packed(b, true, []string{"_a79.example.com. 300 IN CNAME _424.xyz.acm-validations.aws."}, nil, nil)
	name, value := resolver.MustParseName("_a79.example.com."), resolver.MustParseName("_424.xyz.acm-validations.aws.")
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if m.Read(wire) != nil || !m.OwnerIs(&m.Records()[0], name) || !m.TargetIs(&m.Records()[0], value) {
			b.Fatal("it is not what it is")
		}
	}
}

// Whatever the octets, reading them ends, and where both readers take them both see the same.
func FuzzRead(f *testing.F) {
	f.Add(packed(f, true, []string{"_a79.example.com. 300 IN CNAME _424.xyz.acm-validations.aws."}, []string{"example.com. 3600 IN NS ns1.example.com."}, nil))
	f.Add(packed(f, false, nil, []string{"example.com. 3600 IN SOA ns1 h 1 2 3 4 5"}, nil))
	f.Add([]byte{0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 30})
	q := resolver.Question{Name: resolver.MustParseName("_a79.example.com."), Type: resolver.TypeCNAME}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		if m.Read(b) != nil {
			return
		}
		for i := range m.Records() {
			r := &m.Records()[i]
			owner, ok := m.Owner(r)
			if ok != (ok && m.OwnerIs(r, owner)) {
				t.Errorf("record %d has the owner %s, and has not", i, owner)
			}
			if target, ok := m.Target(r); ok && !m.TargetIs(r, target) {
				t.Errorf("record %d has the target %s, and has not", i, target)
			}
			_ = m.Data(r)
		}
		res, err := m.Response(q)
		if err != nil || !m.Asked(q.Name, q.Type) {
			return
		}
		if res.Authoritative != m.Authoritative() || res.Truncated != m.Truncated() {
			t.Error("the flags differ")
		}
		if code, edns := m.RCode(); edns == res.EDNS && code != res.RCode {
			t.Errorf("the codes differ: %s and %s", code, res.RCode)
		}
		n := 0
		for i := range m.Records() {
			if r := &m.Records()[i]; r.Section == Answer && r.Class == 1 && r.Type != typeOPT {
				if owner, ok := m.Owner(r); !ok || n >= len(res.Answer) || res.Answer[n].Name != owner || res.Answer[n].TTL != r.TTL || res.Answer[n].Type != r.Type {
					t.Errorf("answer %d differs", n)
				}
				n++
			}
		}
	})
}
