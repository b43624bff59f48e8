package resolver_test

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
)

func TestRootHintsAreThirteenNamesWithBothFamilies(t *testing.T) {
	hints := resolver.RootHints()
	require.Len(t, hints, 13)
	for i, h := range hints {
		assert.Equal(t, string(rune('a'+i))+".root-servers.net.", h.Name.String())
		require.Len(t, h.Addrs, 2, "%s", h.Name)
		assert.True(t, h.Addrs[0].Is4(), "%s: IPv4 first", h.Name)
		assert.True(t, h.Addrs[1].Is6(), "%s: then IPv6", h.Name)
		assert.True(t, h.Glue, "%s", h.Name)
	}
	hints[0].Name = resolver.Root
	assert.NotEqual(t, resolver.Root, resolver.RootHints()[0].Name, "what is given is the caller's own")
}

func TestParseHints(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // NAME ADDRESS… of each, separated by "; "
		bad        bool
		says       string // the error, behind what was being done
	}{
		{name: "as IANA writes them", text: ".\t3600000\tNS\tA.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET.\t3600000\tA\t198.41.0.4\n", want: "a.root-servers.net. 198.41.0.4"},
		{name: "comments, blank lines, classes and missing TTLs", text: "; hello\n\n. IN NS a.test.\n\na.test. IN A 192.0.2.1 ; there\n", want: "a.test. 192.0.2.1"},
		{name: "sorted, whatever the order of the file", text: "b.test. A 192.0.2.2\n. NS b.test.\n. NS a.test.\na.test. AAAA 2001:db8::1\na.test. A 192.0.2.1\n", want: "a.test. 192.0.2.1 2001:db8::1; b.test. 192.0.2.2"},
		{name: "one address twice", text: ". NS a.test.\na.test. A 192.0.2.1\na.test. 60 A 192.0.2.1\n", want: "a.test. 192.0.2.1"},
		{name: "one name twice", text: ". NS a.test.\n. NS A.TEST.\na.test. A 192.0.2.1\n", want: "a.test. 192.0.2.1"},
		{name: "a server without address is left out", text: ". NS a.test.\n. NS b.test.\nb.test. A 192.0.2.2\n", want: "b.test. 192.0.2.2"},
		{name: "addresses of others do not count", text: ". NS a.test.\na.test. A 192.0.2.1\nwww.test. A 192.0.2.80\n", want: "a.test. 192.0.2.1"},
		{name: "NS of another zone do not count", text: "com. NS a.test.\na.test. A 192.0.2.1\n", bad: true},
		{name: "no address at all", text: ". NS a.test.\n", bad: true, says: "it names no server of the root zone with an address"},
		{name: "empty", text: "", bad: true, says: "it names no server of the root zone with an address"},
		{name: "comments only", text: "; nothing\n", bad: true},
		{name: "not a zone file", text: "<html>not found</html>\n", bad: true, says: `line 1: found "<html>not found</html>", expected a record such as ". 3600000 NS a.root-servers.net."`},
		{name: "an address that is none", text: ". NS a.test.\na.test. A 192.0.2.256\n", bad: true, says: `line 2: found "a.test. A 192.0.2.256", expected a record such as`},
		{name: "an include", text: "; hello\n$INCLUDE /etc/passwd\n. NS a.test.\na.test. A 192.0.2.1\n", bad: true, says: `line 2: found "$INCLUDE /etc/passwd"`},
		{name: "a line too long to show", text: strings.Repeat("x", 5000) + "\n", bad: true, says: "line 1: found \"" + strings.Repeat("x", 80) + "…\""},
		{name: "records without end", text: "$GENERATE 0-65535 . NS a$.test.\n$GENERATE 0-65535 a1.test. A 192.0.2.1\n", bad: true, says: "it has more than 1000 records"},
		{name: "good, then garbage", text: ". NS a.test.\na.test. A 192.0.2.1\n\x00\x01garbage\n", bad: true, says: `line 3: found "\x00\x01garbage"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resolver.ParseHints(strings.NewReader(c.text))
			if c.bad {
				require.ErrorIs(t, err, resolver.ErrBadHints)
				assert.Nil(t, got)
				assert.Contains(t, err.Error(), "resolver: read root hints: "+c.says)
				assert.NotContains(t, err.Error(), "dns:", "words of the library that reads it")
				return
			}
			require.NoError(t, err)
			var out []string
			for _, ns := range got {
				s := ns.Name.String()
				for _, a := range ns.Addrs {
					s += " " + a.String()
				}
				out = append(out, s)
			}
			assert.Equal(t, c.want, strings.Join(out, "; "))
		})
	}
}

func TestParseHintsPassesOnAnErrorOfTheReader(t *testing.T) {
	broken := errors.New("the disk is on fire")
	_, err := resolver.ParseHints(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, resolver.ErrBadHints, "nothing is known of the file")
}

// endless is a file that does not end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '\n'
	}
	return len(b), nil
}

func TestParseHintsReadsNoMoreThanItMust(t *testing.T) {
	_, err := resolver.ParseHints(io.MultiReader(strings.NewReader(". NS a.test.\na.test. A 192.0.2.1\n"), endless{}))
	require.NoError(t, err)
}

func FuzzParseHints(f *testing.F) {
	for _, s := range []string{
		"", ". NS a.test.\na.test. A 192.0.2.1\n", ". 3600000 IN NS A.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET. AAAA 2001:503:ba3e::2:30\n",
		"$ORIGIN test.\n@ NS a\n. NS a\na A 192.0.2.1\n", "$TTL 5\n. NS a.\na. A 1.2.3.4", ". NS \\000.\n\\000. A 1.2.3.4", "$GENERATE 1-9 a$ A 192.0.2.$\n. NS a1.",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := resolver.ParseHints(strings.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, resolver.ErrBadHints)
			return
		}
		require.NotEmpty(t, got)
		for i, ns := range got {
			require.False(t, ns.Name.IsZero())
			require.NotEmpty(t, ns.Addrs)
			if i > 0 {
				require.LessOrEqual(t, got[i-1].Name.Compare(ns.Name), 0, "sorted")
			}
			for _, a := range ns.Addrs {
				require.Equal(t, netip.Addr{}.Zone(), a.Zone())
				require.True(t, a.IsValid())
			}
		}
	})
}
