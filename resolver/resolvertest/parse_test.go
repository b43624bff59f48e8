package resolvertest_test

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// octets are those of keys and digests.
var octets = regexp.MustCompile(`(\t(?:DNSKEY|DS)\t\d+ \d+ \d+ )\S+`)

// zoneText gives the n-th copy of a zone as text.
func zoneText(t *testing.T, in *resolvertest.Internet, name string, n int) string {
	t.Helper()
	for _, z := range in.Zones() {
		if z.Name == resolver.MustParseName(name) {
			if n == 0 {
				return octets.ReplaceAllString(strings.ReplaceAll(z.Text(), "\tIN\t", "\t"), "$1…")
			}
			n--
		}
	}
	t.Fatalf("no zone %s", name)
	return ""
}

func TestFillIn(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a CNAME v.acm-validations.aws.\n")
	assert.Equal(t, `$ORIGIN example.com.
example.com.	900	SOA	ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 300
example.com.	300	NS	ns1.example.com.
example.com.	300	NS	ns2.example.com.
_a.example.com.	300	CNAME	v.acm-validations.aws.
ns1.example.com.	300	A	192.0.2.1
ns2.example.com.	300	A	192.0.2.2
`, zoneText(t, in, "example.com.", 0))
	assert.Equal(t, `$ORIGIN com.
com.	900	SOA	ns1.nic.com. hostmaster.com. 1 7200 900 1209600 300
com.	300	NS	ns1.nic.com.
com.	300	NS	ns2.nic.com.
com.	300	DNSKEY	257 3 13 …
com.	300	DNSKEY	256 3 13 …
example.com.	300	NS	ns1.example.com.
example.com.	300	NS	ns2.example.com.
ns1.example.com.	300	A	192.0.2.1
ns2.example.com.	300	A	192.0.2.2
ns1.nic.com.	300	A	192.0.2.3
ns2.nic.com.	300	A	192.0.2.4
`, zoneText(t, in, "com.", 0))
	assert.Equal(t, `$ORIGIN .
.	900	SOA	a.root-servers.test. hostmaster. 1 7200 900 1209600 300
.	300	NS	a.root-servers.test.
.	300	NS	b.root-servers.test.
.	300	DNSKEY	257 3 13 …
.	300	DNSKEY	256 3 13 …
com.	300	NS	ns1.nic.com.
com.	300	NS	ns2.nic.com.
com.	300	DS	17687 13 2 …
ns1.nic.com.	300	A	192.0.2.3
ns2.nic.com.	300	A	192.0.2.4
a.root-servers.test.	300	A	192.0.2.5
b.root-servers.test.	300	A	192.0.2.6
`, zoneText(t, in, ".", 0))
	assert.Equal(t, `.	3600000	NS	a.root-servers.test.
a.root-servers.test.	3600000	A	192.0.2.5
.	3600000	NS	b.root-servers.test.
b.root-servers.test.	3600000	A	192.0.2.6
`, in.Hints())
}

// Each row is a text, and what then must be so in some zone.
func TestFillInHeedsTheText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		zone       string
		copy       int
		has, lacks []string
	}{
		{
			"SOA, NS and addresses of the text win", "$ORIGIN example.com.\n@ 60 SOA a b 7 1 1 1 9\n@ 3600 NS ns\nns 1800 A 198.51.100.9\nns AAAA 2001:db8::9\n",
			"example.com.", 0,
			[]string{"60	SOA	a.example.com. b.example.com. 7 1 1 1 9", "3600	NS	ns.example.com.", "1800	A	198.51.100.9"},
			[]string{"ns1.", "192.0.2."},
		},
		{
			"and become glue", "$ORIGIN example.com.\n@ NS ns\nns A 198.51.100.9\nns AAAA 2001:db8::9\n", "com.", 0,
			[]string{"example.com.	300	NS	ns.example.com.", "ns.example.com.	300	A	198.51.100.9", "ns.example.com.	300	AAAA	2001:db8::9"},
			nil,
		},
		{
			"a delegation that the text gives stays as given", "$ORIGIN example.com.\n@ NS new.example.net.\n$ORIGIN com.\nexample NS old.example.net.\n",
			"com.", 0,
			[]string{"example.com.	300	NS	old.example.net."},
			[]string{"new.example.net."},
		},
		{
			"glue that the text gives stays as given", "$ORIGIN example.com.\n@ NS ns\nns A 198.51.100.9\n$ORIGIN com.\nns.example A 198.51.100.1\n",
			"com.", 0,
			[]string{"ns.example.com.	300	A	198.51.100.1"},
			[]string{"198.51.100.9"},
		},
		{
			"servers elsewhere get a zone", "$ORIGIN example.com.\n@ NS ns7.host.net.\n", "host.net.", 0,
			[]string{"ns7.host.net.	300	A	192.0.2.1", "host.net.	300	NS	ns1.host.net."},
			nil,
		},
		{
			"and no glue above", "$ORIGIN example.com.\n@ NS ns7.host.net.\n", "com.", 0,
			[]string{"example.com.	300	NS	ns7.host.net."},
			[]string{"	A	192.0.2.1\n"},
		},
		{
			"undelegated stays out of the parent", "$ORIGIN example.com. ; undelegated\n", "com.", 0, nil, []string{"example.com."},
		},
		{
			"the copy that is delegated counts", "$ORIGIN example.com. ; on ns1.old.net. ; undelegated\n$ORIGIN example.com. ; on ns1.new.net.\n",
			"com.", 0,
			[]string{"example.com.	300	NS	ns1.new.net."},
			[]string{"old"},
		},
		{
			"two copies without NS share what both are on", "$ORIGIN example.com. ; on ns1.example.com.\n_a CNAME x.\n$ORIGIN example.com. ; on ns2.example.com.\n",
			"example.com.", 1,
			[]string{"NS	ns1.example.com.", "NS	ns2.example.com."},
			[]string{"_a"},
		},
		{
			"as-given gets no addresses", "$ORIGIN example.com. ; as-given\n@ NS ns\n@ NS ns2.host.net.\n", "example.com.", 0,
			[]string{"NS	ns.example.com.", "SOA"},
			[]string{"	A	"},
		},
		{
			"nor glue for them above", "$ORIGIN example.com. ; as-given\n@ NS ns\n@ NS ns2.host.net.\n", "com.", 0,
			[]string{"NS	ns.example.com."},
			[]string{"ns.example.com.	300	A"},
		},
		{
			"a parent as given has only its delegations", "$ORIGIN com. ; as-given\nexample NS ns.example\n$ORIGIN example.com.\n@ NS ns\n", "com.", 0,
			[]string{"example.com.	300	NS	ns.example.com."},
			[]string{"	A	"},
		},
		{
			"a subzone is delegated by its parent", "$ORIGIN example.com.\n$ORIGIN sub.example.com.\n", "example.com.", 0,
			[]string{"sub.example.com.	300	NS	ns1.sub.example.com.", "ns1.sub.example.com.	300	A	192.0.2.3"},
			nil,
		},
		{
			"a lame delegation gets servers all the same", "$ORIGIN example.com.\nsub NS ns.sub\n", "example.com.", 0,
			[]string{"ns.sub.example.com.	300	A	192.0.2.3"},
			nil,
		},
		{"$TTL", "$TTL 1h\n$ORIGIN example.com.\na TXT x\n$TTL 60\nb TXT x\nc 5 TXT x\nd TXT x\n", "example.com.", 0, []string{
			"a.example.com.	3600	TXT", "b.example.com.	60	TXT", "c.example.com.	5	TXT", "d.example.com.	60	TXT",
		}, nil},
		{"$TTL goes on into the next zone", "$ORIGIN example.com.\n$TTL 60\n$ORIGIN example.org.\na TXT x\n", "example.org.", 0, []string{"a.example.org.	60	TXT"}, nil},
		{"a TTL holds for its own record", "$ORIGIN example.com.\na 5 TXT x\nb TXT x\n", "example.com.", 0, []string{"b.example.com.	300	TXT"}, nil},
		{
			"broken zones are taken", "$ORIGIN example.com.\na CNAME b\na CNAME c\na TXT x\nsub NS ns.sub\nx.sub CNAME y\n", "example.com.", 0,
			[]string{"a.example.com.	300	CNAME	b", "a.example.com.	300	CNAME	c", "a.example.com.	300	TXT", "x.sub.example.com.	300	CNAME"},
			nil,
		},
		{"lines of Windows, $GENERATE, parentheses", "$ORIGIN example.com.\r\n$GENERATE 1-2 h$ 300 A 192.0.2.$\r\na TXT ( \"x\"\r\n \"y\" )\r\n", "example.com.", 0, []string{
			"h1.example.com.	300	A	192.0.2.1", "h2.example.com.", `TXT	"x" "y"`,
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := resolvertest.Parse(c.text)
			require.NoError(t, err)
			got := zoneText(t, in, c.zone, c.copy)
			for _, s := range c.has {
				assert.Contains(t, got, s)
			}
			for _, s := range c.lacks {
				assert.NotContains(t, got, s)
			}
		})
	}
}

func TestCopiesOnServers(t *testing.T) {
	in := resolvertest.MustParse(`
$ORIGIN example.com.
_a CNAME new.
$ORIGIN example.com. ; on ns2.example.com.
_a CNAME old.
$ORIGIN example.com. ; on 198.51.100.53, ; undelegated
_a CNAME elsewhere.
`)
	for s, want := range map[string]string{"192.0.2.1:53": "new.", "192.0.2.2:53": "old.", "198.51.100.53:53": "elsewhere."} {
		r, err := in.Resolve(t.Context(), resolver.Question{
			Name: resolver.MustParseName("_a.example.com."), Type: resolver.TypeCNAME, Server: netip.MustParseAddrPort(s),
		})
		require.NoError(t, err)
		require.Len(t, r.Answer, 1)
		assert.Equal(t, want, r.Answer[0].Text(), "at %s", s)
	}
}

func TestEveryNameResolves(t *testing.T) {
	in := resolvertest.MustParse(`
$ORIGIN example.com.
@ NS ns1.a.host.net.
@ NS ns2.other.org.
$ORIGIN sub.example.com.
www A 192.0.2.80
$ORIGIN example.co.uk.
www A 192.0.2.81
$ORIGIN test.
www A 192.0.2.82
`)
	for name, want := range map[string]string{
		"www.sub.example.com.": "192.0.2.80", "www.example.co.uk.": "192.0.2.81", "www.test.": "192.0.2.82",
	} {
		r, err := ask(t, in, "- "+name+" A")
		require.NoError(t, err)
		require.Len(t, r.Answer, 1, name)
		assert.Equal(t, want, r.Answer[0].Text())
	}
	for _, s := range in.Servers() {
		r, err := ask(t, in, "- "+s.String()+" A")
		require.NoError(t, err)
		require.Len(t, r.Answer, 1, "the address of %s", s)
		assert.Equal(t, in.Addrs(s)[0].String(), r.Answer[0].Text())
	}
}

func TestParseIsDeterministic(t *testing.T) {
	text := "$ORIGIN example.com.\n@ NS ns1.host.net.\n@ NS ns2.host.org.\nsub NS ns.sub\n$ORIGIN other.example.\n"
	want := fmt.Sprint(resolvertest.MustParse(text).Zones())
	for range 20 {
		assert.Equal(t, want, fmt.Sprint(resolvertest.MustParse(text).Zones()))
	}
}

func TestManyServersUseAllPools(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "$ORIGIN z%d.example.\n", i)
	}
	in, err := resolvertest.Parse(b.String())
	require.NoError(t, err)
	seen := map[netip.Addr]bool{}
	for _, s := range in.Servers() {
		for _, a := range in.Addrs(s) {
			assert.False(t, seen[a], "%s is given twice", a)
			seen[a] = true
		}
	}
	for _, a := range []string{"192.0.2.254", "198.51.100.1", "203.0.113.254", "198.18.0.1"} {
		assert.True(t, seen[netip.MustParseAddr(a)], a)
	}
	assert.False(t, seen[netip.MustParseAddr("192.0.2.255")], "no broadcast address")

	_, err = resolvertest.ParseIn(b.String(), netip.MustParsePrefix("127.53.0.0/24"))
	assert.ErrorIs(t, err, resolvertest.ErrText, "the addresses run out")
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		line int
		says string
	}{
		{"a A 192.0.2.1", 1, "before the first $ORIGIN"},
		{"\n; fine\n$ORIGIN", 3, "followed by one name"},
		{"$ORIGIN example.com", 1, "must end in a dot"},
		{"$ORIGIN exa..mple.", 1, "label is empty"},
		{"$ORIGIN example.com. ; om ns1.", 1, `found "om ns1."`},
		{"$ORIGIN example.com. ; on ns1..", 1, "label is empty"},
		{"$ORIGIN example.com.\na A 192.0.2.1\nb A 192.0.2.300\n", 3, "bad A"},
		{"$ORIGIN a.example.\n\n$ORIGIN example.com.\n\nb NOTYPE x\n", 5, "NOTYPE"},
		{"$ORIGIN example.com.\n\nwww.example.org. A 192.0.2.1\n", 3, "www.example.org. is not within the zone example.com."},
		{"$ORIGIN example.com.\nwww A\n", 2, ""},
		{"$ORIGIN example.com.\nwww CH TXT x\n", 2, "class IN"},
		{"$ORIGIN example.com.\nwww ANY \\# 1 00\n", 2, ""},
		{"$ORIGIN example.com.\n$INCLUDE other\n", 2, "INCLUDE"},
		{"$ORIGIN example.com. ; on ns1.x.org.\n$ORIGIN example.com. ; on ns1.x.org.\n", 2, "has a copy of example.com. already, from line 1"},
		{"$ORIGIN example.com.\n$ORIGIN example.com.\n", 2, "has a copy of example.com. already, from line 1"},
	} {
		in, err := resolvertest.Parse(c.text)
		require.Error(t, err, "%q", c.text)
		assert.Nil(t, in)
		assert.ErrorIs(t, err, resolvertest.ErrText)
		var at *resolvertest.LineError
		require.True(t, errors.As(err, &at), "%v", err)
		assert.Equal(t, c.line, at.Line, "%q: %v", c.text, err)
		assert.Contains(t, err.Error(), c.says, "%q", c.text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "$ORIGIN example.com.\n_a CNAME x.\n", "$ORIGIN . ; on a.b. 192.0.2.1 ; undelegated ; as-given\n@ SOA a b 1 2 3 4 5\n",
		"$TTL 5\n$ORIGIN a.\n* DNAME b.\n*.* NS *\n", "$ORIGIN a.\nx TYPE65280 \\# 1 00\n$ORIGIN a. ; on x.a.\n", "$ORIGIN test.\n@ NS a.root-servers.test.\n",
		"$ORIGIN a.b. ; signed nsec3 opt-out salt ab iterations 3\n*.x A 192.0.2.1\ny.z NS q.\n", "$ORIGIN a.b. ; signed compact 15 ; expired A by 5m ; ds wrong\n* CNAME *\n",
		"$ORIGIN a.b. ; signed ; no-keys ; no-denial\nd DNAME e\n", "$ORIGIN " + strings.Repeat("aaaaaaa.", 30) + " ; signed nsec3\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToUpper(text), "$GENERATE") {
			t.Skip("one line may make 65,536 records: slow, and the library's own business")
		}
		in, err := resolvertest.Parse(text)
		if err != nil {
			var at *resolvertest.LineError
			if !errors.Is(err, resolvertest.ErrText) || !errors.As(err, &at) || at.Line < 1 || at.Line > strings.Count(text, "\n")+2 {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, z := range in.Zones() {
			for _, a := range z.Addrs {
				r, err := in.Resolve(t.Context(), resolver.Question{Name: z.Name, Type: resolver.TypeSOA, Server: netip.AddrPortFrom(a, 53)})
				if err != nil || r.RCode != resolver.NoError {
					t.Fatalf("the SOA of %s from %s: %s %v", z.Name, a, r.RCode, err)
				}
				name, ok := z.Name.Child("x")
				if !ok {
					continue
				}
				for _, do := range []bool{false, true} {
					if _, err := in.Resolve(t.Context(), resolver.Question{Name: name, Type: resolver.TypeCNAME, Server: netip.AddrPortFrom(a, 53), DNSSEC: do}); err != nil {
						t.Fatalf("%s from %s: %v", name, a, err)
					}
				}
			}
		}
	})
}
