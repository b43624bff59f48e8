package route53

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// FuzzNames: whatever Route 53 shows as a name either is none or is written back as the same name, in a form that stays the same.
func FuzzNames(f *testing.F) {
	for _, s := range []string{`\052.example.com.`, `_a79.example.com`, `a\040b.example.com.`, `\400.x.`, `\`, `x\9.y`, `\134\056.`, "A-_.", `\\052.`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseName(s)
		if err != nil || n.IsRoot() {
			return
		}
		text := nameText(n)
		again, err := parseName(text)
		require.NoError(t, err, text)
		require.Equal(t, n, again)
		require.Equal(t, text, nameText(again))
		if key, ok := sortKey(n); ok {
			require.NotContains(t, key, `\`)
		}
	})
}

// FuzzTXT: a text value is the same to a reader of zone files before and after it has been through Route 53's form.
func FuzzTXT(f *testing.F) {
	for _, s := range []string{`"plain"`, `"tab\009 \"quoted\" \195\164"`, `"\999"`, `"a" "b"`, `"\\052"`, `"\\\052"`, `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := resolver.ParseRR(". 0 IN TXT " + s)
		if err != nil || want.Type != resolver.TypeTXT {
			return
		}
		value := want.Text()
		got, err := resolver.ParseRR(". 0 IN TXT " + decimalEscapes(octalEscapes(value)))
		require.NoError(t, err, value)
		require.Equal(t, want.Text(), got.Text())
	})
}
