package validate

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	token  = "_a79865eb4cd1a6ab990a45779b4e0b96"
	name   = token + ".example.com."
	target = "_424c7224e9b0146f9a8808af955727d0"
	value  = target + ".jfrzftwwjs.acm-validations.aws."
)

// Everything here is the same record to a person; only the notes differ.
func TestParseRecordUnderstands(t *testing.T) {
	for _, c := range []struct {
		about, domain, name, value string
		notes                      []string // field: found
	}{
		{about: "as ACM gives it", domain: "example.com", name: name, value: value},
		{about: "upper case and no final dots", name: strings.ToUpper(name[:len(name)-1]), value: strings.ToUpper(value[:len(value)-1])},
		{about: "blanks around", name: "  " + name + "\t\n", value: value, notes: []string{"name: a blank"}},
		{
			about: "no-break space behind", name: name + "\u00a0", value: value,
			notes: []string{"name: U+00A0 NO-BREAK SPACE", "name: a blank"},
		},
		{about: "zero width space in front", name: "\u200b" + name, value: value, notes: []string{"name: U+200B ZERO WIDTH SPACE"}},
		{
			about: "soft hyphens and marks inside", name: "_a7\u00ad9865eb4cd1a6ab\u200e990a45779b4e0b96.example\u2060.com.", value: "\ufeff" + value,
			notes: []string{"name: U+00AD SOFT HYPHEN", "name: U+200E LEFT-TO-RIGHT MARK", "name: U+2060 WORD JOINER", "value: U+FEFF ZERO WIDTH NO-BREAK SPACE"},
		},
		{
			about: "curly quotes", name: "“" + name + "”", value: "‘" + value + "’",
			notes: []string{
				"name: U+201C LEFT DOUBLE QUOTATION MARK", "name: U+201D RIGHT DOUBLE QUOTATION MARK",
				"value: U+2018 LEFT SINGLE QUOTATION MARK", "value: U+2019 RIGHT SINGLE QUOTATION MARK",
			},
		},
		{about: "straight quotes and a comma", name: `"` + name + `",`, value: value, notes: []string{`name: '"'`, `name: ","`}},
		{about: "a member of the JSON", name: `"Name": "` + name + `",`, value: value, notes: []string{`name: '"'`, `name: "Name: "`, `name: ","`}},
		{about: "the console's label", name: "CNAME name: " + name, value: "CNAME value " + value[:0] + ": " + value, notes: []string{`name: "CNAME name: "`, `value: "CNAME value : "`}},
		{about: "the type before the value", name: name, value: "CNAME " + value, notes: []string{`value: "CNAME "`}},
		{about: "as a URL", name: "https://" + name[:len(name)-1] + "/", value: value, notes: []string{`name: "https://"`, `name: "/"`}},
		{about: "in angle brackets, defanged", name: "<hxxp://" + token + "[.]example(dot)com>", value: value, notes: []string{`name: "[.]"`, `name: "(dot)"`, `name: "<"`, `name: ">"`, `name: "hxxp://"`}},
		{about: "Markdown", name: `\` + name, value: value, notes: []string{"name: a backslash"}},
		{about: "an escape of the zone file", name: `\095` + name[1:], value: value, notes: []string{`name: "\\095"`}},
		{about: "an escape of a string", name: `\u200b` + name + `\n`, value: value, notes: []string{`name: "\\u200b"`, `name: "\\n"`, "name: U+200B ZERO WIDTH SPACE", "name: a blank"}},
		{
			about: "typographic hyphen", name: name, value: strings.ReplaceAll(value, "-", "\u2011"),
			notes: []string{"value: U+2011 NON-BREAKING HYPHEN"},
		},
		{
			about: "full-width", name: strings.NewReplacer(".", "．", "_", "＿", "m", "ｍ").Replace(name), value: strings.ReplaceAll(value, ".", "。"),
			notes: []string{
				"name: U+FF3F FULLWIDTH LOW LINE", "name: U+FF0E FULLWIDTH FULL STOP", "name: U+FF4D, the full-width form of m",
				"value: U+3002 IDEOGRAPHIC FULL STOP",
			},
		},
		{about: "several dots at the end", name: name + "..", value: value, notes: []string{"name: one more final dot"}},
		{about: "a blank beside a dot", name: token + " . example.com", value: value, notes: []string{"name: a blank"}},
		{about: "a token broken over two lines", name: "_a79865eb4cd1a6ab\n990a45779b4e0b96.example.com", value: value, notes: []string{"name: a blank"}},
		{about: "a value broken at its hyphen", name: name, value: strings.Replace(value, "acm-", "acm-\n", 1), notes: []string{"value: a blank"}},
		{about: "the value without its underscore", name: name, value: value[1:], notes: []string{"value: " + target[1:]}},
		{about: "name and value swapped", name: value, value: name, notes: []string{"name: " + value}},
		{about: "swapped, and with quotes", name: `"` + value, value: name, notes: []string{`name: '"'`, "name: " + value}},
		{about: "another domain", domain: "example.org", name: name, value: value, notes: []string{"domain: example.org."}},
		{about: "the domain is unclean", domain: " https://example.com/", name: name, value: value, notes: []string{"domain: a blank", `domain: "https://"`, `domain: "/"`}},
	} {
		t.Run(c.about, func(t *testing.T) {
			r, notes, err := ParseRecord(c.domain, c.name, c.value)
			require.NoError(t, err)
			assert.Equal(t, name, r.Name.String())
			assert.Equal(t, value, r.Value.String())
			assert.Nil(t, r.Problem())
			assert.Equal(t, notes, r.Notes)
			var got []string
			for _, n := range notes {
				got = append(got, n.Field+": "+n.Found)
				assert.NotEmpty(t, n.Message)
				swapped := strings.Contains(c.about, "swapped") && n.Column == 0
				assert.Equal(t, swapped, n.Rule == "input-swapped", n.Message)
			}
			assert.Equal(t, c.notes, got)
		})
	}
}

func TestParseRecordDomains(t *testing.T) {
	for _, c := range []struct{ domain, name, want string }{
		{"", name, "example.com."},
		{"Example.COM", name, "example.com."},
		{"*.example.com", name, "*.example.com."},
		{`\052.example.com.`, name, "*.example.com."},
		{"www.example.com", token + ".www.example.com", "www.example.com."},
	} {
		r, _, err := ParseRecord(c.domain, c.name, value)
		require.NoError(t, err, c.domain)
		require.Len(t, r.Domains, 1)
		assert.Equal(t, c.want, r.Domains[0].String())
	}
	r, _, err := ParseRecord("", token, value)
	require.NoError(t, err)
	assert.Empty(t, r.Domains, "the root is nobody's domain")
}

func TestParseRecordInternational(t *testing.T) {
	for in, want := range map[string]string{
		token + ".müller.example":      token + ".xn--mller-kva.example.",
		token + ".MÜLLER.example":      token + ".xn--mller-kva.example.",
		token + ".mu\u0308ller.ex":     token + ".xn--mller-kva.ex.",
		token + ".straße.example":      token + ".xn--strae-oqa.example.",
		token + ".例え。テスト":              token + ".xn--r8jz45g.xn--zckzah.",
		token + ".xn--mller-kva.ex":    token + ".xn--mller-kva.ex.",
		token + ".ශ්\u200dරී.example":  token + ".xn--10cl1a0b660p.example.",
		token + ".ex\u200dample.com":   token + ".example.com.",
		token + ".EXAMPLE\u00ad.co.uk": token + ".example.co.uk.",
	} {
		r, notes, err := ParseRecord("", in, value)
		require.NoError(t, err, in)
		assert.Equal(t, want, r.Name.String(), in)
		assert.Equal(t, !strings.Contains(in, "xn--"), len(notes) > 0, in)
	}
}

func TestParseRecordRefuses(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, c := range []struct{ domain, name, value, want string }{
		{"", "", "", "name is empty\nvalue is empty"},
		{"", " ", value, "name has nothing left of its 1 character that could be a name"},
		{"", "\u200b\u200b", value, "name has nothing left of its 2 characters that could be a name"},
		{"", name, "...", "value has nothing left of its 3 characters that could be a name"},
		{"", "_a..example.com", value, "name has a dot with nothing in front of it (character 4)"},
		{"", "._a.example.com", value, "name has a dot with nothing in front of it (character 1)"},
		{"", "_a." + long + ".com", value, "name has a label of 64 octets, where 63 are the most (RFC 1035, 2.3.4) (character 4)"},
		{"", "_a." + strings.Repeat("abcdefgh.", 28) + "com", value, "name takes 260 octets, where 255 are the most (RFC 1035, 2.3.4)"},
		{"", "_a.exa mple.com", value, "name has a blank in it, where one name without blanks is expected (character 7)"},
		{"", name + " " + value, value, "name has a blank in it, where one name without blanks is expected (character 47)"},
		{"", name + " CNAME " + value, value, "name has a blank in it, where one name without blanks is expected (character 47)"},
		{"", "_a798…example.com", value, "name is cut short by U+2026 HORIZONTAL ELLIPSIS: copy the whole of it (character 6)"},
		{"", "_a@example.com", value, "name has '@', where a letter, digit, hyphen, underscore or dot is expected (character 3)"},
		{"", "_a.exam\x00ple.com/x", value, "name has '/', where a letter, digit, hyphen, underscore or dot is expected (character 16)"},
		{"", "_а798.example.com", value, "name has U+0430 CYRILLIC SMALL LETTER A, where a letter, digit, hyphen, underscore or dot is expected (character 2)"},
		{"", name, "_424c.xyz.аcm-validations.aws", "value has U+0430 CYRILLIC SMALL LETTER A, where a letter, digit, hyphen, underscore or dot is expected (character 11)"},
		{"", name, "_424c.xуz.acm-validations.aws", "value has U+0443 CYRILLIC SMALL LETTER U, where a letter, digit, hyphen, underscore or dot is expected (character 8)"},
		{"", "_a.-ü.com", value, `name has U+00FC 'ü' in "-ü", which is no label that IDNA allows (RFC 5891) (character 5)`},
		{"", "_a.ex\xffample.com", value, "name has U+FFFD REPLACEMENT CHARACTER (the text is not UTF-8, or was damaged before), where a letter, digit, hyphen, underscore or dot is expected (character 6)"},
		{"a..b", name, value, "domain has a dot with nothing in front of it (character 3)"},
		{"", name, "192.0.2.1:53", "value has ':', where a letter, digit, hyphen, underscore or dot is expected (character 10)"},
	} {
		r, notes, err := ParseRecord(c.domain, c.name, c.value)
		require.Error(t, err, "%q %q", c.name, c.value)
		assert.Equal(t, c.want, err.Error())
		assert.ErrorIs(t, err, ErrInput)
		var e *InputError
		require.ErrorAs(t, err, &e)
		assert.NotEmpty(t, e.Field)
		assert.NotEmpty(t, e.Found)
		assert.NotEmpty(t, e.Expected)
		assert.Equal(t, Record{}, r)
		assert.Nil(t, notes)
	}
}

func TestNotesAreFew(t *testing.T) {
	_, notes, err := ParseRecord("", "\u200b_a.ex\u200bample.com\u200b", value)
	require.NoError(t, err)
	require.Len(t, notes, 1, "equal ones are counted")
	assert.Equal(t, "name has U+200B ZERO WIDTH SPACE at character 1 and in 2 places more: left out", notes[0].Message)
	var b strings.Builder
	for r := rune(1); r < 0x20; r++ {
		b.WriteRune(r)
	}
	_, notes, err = ParseRecord("", b.String()+name, value)
	require.NoError(t, err)
	assert.Len(t, notes, 13)
}

func TestProblem(t *testing.T) {
	for _, c := range []struct{ domain, name, value, want string }{
		{"", name, value, ""},
		{"", "_x7.example.com", "_y8.acm-validations.aws", ""}, // AWS's old and shortened examples
		{"", name, value[1:len(value)-1] + ".", ""},
		{"", name, target + ".acm-validation.aws", "value ends in acm-validation.aws., not acm-validations.aws."},
		{"", name, target + ".acm-validatoins.aws", "value ends in acm-validatoins.aws., not acm-validations.aws."},
		{"", name, target + ".acm.validations.aws", "value ends in acm.validations.aws., not acm-validations.aws."},
		{"", name, target + ".acm-validations.com", "value ends in acm-validations.com., not acm-validations.aws."},
		{"", name, target + ".acm-validations", "value ends in acm-validations., not acm-validations.aws."},
		{"", name, target + ".acm-validations.amazonaws.com", "value ends in acm-validations.amazonaws.com., not acm-validations.aws."},
		{"", name, value + "example.com", "value goes on with example.com. behind acm-validations.aws., where it should end"},
		{"", name, "acm-validations.aws", "value is acm-validations.aws. itself, without a token in front"},
		{"", name, "example.net", "value is example.net., which does not end in acm-validations.aws."},
		{"", name, "aws", "value is aws., which does not end in acm-validations.aws."},
		{"", value, value, "name ends in acm-validations.aws., as only a value does"},
		{"", "_acme-challenge.example.com", value, "name begins with _acme-challenge: that is ACME, another mechanism than ACM's, and needs another record"},
		{"", "_acme-challenge.example.com", "x.acme.example", "name begins with _acme-challenge: that is ACME, another mechanism than ACM's, and needs another record"},
		{"", name[1:], value, `name begins with "` + token[1:] + `", without the underscore that ACM's names begin with`},
		{"example.com", "example.com", value, "name is the domain itself, example.com., without a token in front"},
		{"", "_.example.com", value, "name begins with an underscore and nothing after it"},
		{"", "*.example.com", value, "name has a label *: the record of a wildcard has the name of its base, without *."},
		{"", token + ".*.example.com", value, "name has a label *: the record of a wildcard has the name of its base, without *."},
		{"*.example.com", token, value, "name is a token without a domain behind it"},
	} {
		r, _, err := ParseRecord(c.domain, c.name, c.value)
		require.NoError(t, err, "it can be read: the checker reports it")
		p := r.Problem()
		if c.want == "" {
			assert.Nil(t, p)
			continue
		}
		require.NotNil(t, p, c.want)
		assert.Equal(t, c.want, p.Error())
		assert.ErrorIs(t, p, ErrInput)
	}
	r, _, _ := ParseRecord("*.example.com", token, value)
	assert.Equal(t, name, r.Problem().Expected)
	assert.NotNil(t, Record{}.Problem())
}

func TestInputErrorSaysWhere(t *testing.T) {
	e := InputError{Line: 7, Column: 24, Message: "value ends in acm-validation.aws., not acm-validations.aws."}
	assert.Equal(t, "line 7, character 24: value ends in acm-validation.aws., not acm-validations.aws.", e.Error())
	e.File = "records.txt"
	assert.Equal(t, "records.txt:7:24: value ends in acm-validation.aws., not acm-validations.aws.", e.Error())
	e.Column = 0
	assert.Equal(t, "records.txt:7: value ends in acm-validation.aws., not acm-validations.aws.", e.Error())
	e = InputError{Field: "type", Found: `"TXT"`, Expected: "CNAME", Kind: ErrRecordPending}
	assert.Equal(t, `type: found "TXT", expected CNAME`, e.Error())
	assert.ErrorIs(t, &e, ErrRecordPending)
	assert.ErrorIs(t, &e, ErrNoRecord)
	assert.NotErrorIs(t, &e, ErrNotDNSValidated)
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3}} {
		_, d := edits(c.a, c.b)
		assert.Equal(t, c.want, d, "%q %q", c.a, c.b)
	}
}

func FuzzParseRecord(f *testing.F) {
	for _, s := range [][3]string{
		{"", name, value},
		{"*.example.com", strings.ToUpper(name), value[1:]},
		{"", "“\u200b" + token + "[.]müller。com”,", "CNAME value: https://" + value + "/"},
		{" x", value, name},
		{"", `\_a\032.\u00e9\\`, "_a.*.b.c…"},
		{"", "_a .b\u200c.ශ්\u200dරී", "<-- * •"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, domain, name, value string) {
		r, notes, err := ParseRecord(domain, name, value)
		if err != nil {
			if !errors.Is(err, ErrInput) || err.Error() == "" {
				t.Fatalf("an error that is none of input: %v", err)
			}
			return
		}
		if len(notes) > 40 {
			t.Fatalf("%d notes", len(notes))
		}
		_ = r.Problem()
		// Law "Spelling": what was understood is written so that it is understood the same, without a note.
		first := ""
		if len(r.Domains) > 0 {
			first = r.Domains[0].String()
		}
		again, notes, err := ParseRecord(first, strings.ToUpper(r.Name.Text()), r.Value.String())
		if err != nil || again.Name != r.Name || again.Value != r.Value {
			t.Fatalf("%q %q became %v %v, and that %v %v, %v", name, value, r.Name, r.Value, again.Name, again.Value, err)
		}
		for _, n := range notes {
			if n.Field != "domain" {
				t.Fatalf("%v CNAME %v still has a note: %v", r.Name, r.Value, n)
			}
		}
	})
}
