package validate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func input(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "input", file))
	require.NoError(t, err)
	return string(b)
}

// All these files are the same certificate, for example.com, *.example.com and www.example.com.
func TestParseCertificateForms(t *testing.T) {
	for _, file := range []string{
		"describe-certificate.json", "certificate-bare.json", "certificate-array.json", "certificates.json", "concatenated.json",
		"terraform-options.json", "terraform-output.json", "terraform-show.json", "console.csv", "spreadsheet.csv", "records.ndjson",
	} {
		t.Run(file, func(t *testing.T) {
			assertThree(t, input(t, file))
			assertThree(t, "\ufeff"+input(t, file))
			assertThree(t, strings.ReplaceAll(strings.ReplaceAll(input(t, file), "\r\n", "\n"), "\n", "\r\n"))
			assertThree(t, "\n\n"+strings.TrimRight(input(t, file), "\r\n"))
			for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
				var b []byte
				for _, u := range utf16.Encode([]rune("\ufeff" + input(t, file))) {
					b = order.AppendUint16(b, u)
				}
				assertThree(t, string(b))
			}
		})
	}
	for _, file := range []string{"records.txt", "records.zone"} {
		records, err := ParseCertificate(strings.NewReader(input(t, file)))
		require.NoError(t, err, file)
		require.Len(t, records, 2, file)
		assert.Equal(t, name, records[0].Name.String())
		assert.Equal(t, value, records[0].Value.String())
	}
}

func assertThree(t *testing.T, text string) {
	t.Helper()
	records, err := ParseCertificate(strings.NewReader(text))
	require.NoError(t, err)
	require.Len(t, records, 2)
	r, www := records[0], records[1]
	assert.Equal(t, name, r.Name.String())
	assert.Equal(t, value, r.Value.String())
	assert.Equal(t, "[example.com. *.example.com.]", fmt.Sprint(r.Domains))
	assert.Empty(t, r.Notes)
	assert.Equal(t, "_0c1d52aa4b1f97e3f0b8e2d61c3a7f55.www.example.com.", www.Name.String())
	assert.Equal(t, "[www.example.com.]", fmt.Sprint(www.Domains))
	assert.Nil(t, r.Problem())
	assert.Nil(t, www.Problem())
}

func TestParseCertificateCases(t *testing.T) {
	for _, c := range []struct {
		file    string
		records int
		kind    error
		want    string
	}{
		{file: "certificate-renewing.json", records: 2},
		{
			"certificate-pending-record.json", 0, ErrRecordPending,
			`line 9, character 13: the certificate for "example.com" has no record yet: ACM issues it some seconds after the request, ask again then`,
		},
		{
			"certificate-no-options.json", 0, ErrRecordPending,
			`line 2, character 20: the certificate for "example.com" has no record yet: ACM issues it some seconds after the request, ask again then`,
		},
		{
			"certificate-partly-pending.json", 1, ErrRecordPending,
			`line 21, character 13: the certificate for "www.example.com" has no record yet: ACM issues it some seconds after the request, ask again then`,
		},
		{
			"certificate-email.json", 0, ErrNotDNSValidated,
			`line 9, character 13: the certificate for "example.com" is validated by e-mail: it has no record in the DNS`,
		},
		{
			"certificate-http.json", 0, ErrNotDNSValidated,
			`line 9, character 13: the certificate for "example.com" is validated by HTTP: it has no record in the DNS`,
		},
		{
			"certificate-imported.json", 0, ErrNotDNSValidated,
			`line 2, character 20: the certificate for "example.com" is imported: ACM does not validate its domains by DNS`,
		},
		{
			"list-certificates.json", 0, ErrNoRecord,
			`line 2, character 31: this is a list of certificates without their records: aws acm describe-certificate gives them, asked with each CertificateArn`,
		},
		{
			"terraform-plan.json", 0, ErrRecordPending,
			`line 18, character 50: domain_validation_options has no record: the certificate is not applied yet, or is not validated by DNS`,
		},
	} {
		records, err := ParseCertificate(strings.NewReader(input(t, c.file)))
		assert.Len(t, records, c.records, c.file)
		if c.kind == nil {
			assert.NoError(t, err, c.file)
			continue
		}
		assert.ErrorIs(t, err, c.kind, c.file)
		assert.ErrorIs(t, err, ErrNoRecord, c.file)
		assert.ErrorIs(t, err, ErrInput, c.file)
		assert.EqualError(t, err, c.want, c.file)
	}
}

// What is wrong with an input is said by line and column, what was found, and what was expected.
func TestInputErrors(t *testing.T) {
	ok := `{"id":"9","name":"` + name + `","value":"` + value + `"}`
	for _, c := range []struct {
		in      string
		records int
		want    []string
	}{
		{"", 0, []string{"the input has no record: expected the JSON of aws acm describe-certificate, the console's CSV export, Terraform's domain_validation_options, NDJSON, or lines NAME CNAME VALUE"}},
		{"\n# only a comment\n \u00a0\n", 0, []string{"the input has no record: expected the JSON of aws acm describe-certificate, the console's CSV export, Terraform's domain_validation_options, NDJSON, or lines NAME CNAME VALUE"}},
		{"hello", 0, []string{`line 1, character 6: found the end of the line after "hello", expected NAME CNAME VALUE`}},
		{"\x00\x01\x02 \x7fELF", 0, []string{"line 1, character 9: found the end of the line after \"\\x7fELF\", expected NAME CNAME VALUE"}},

		{"_a.example.com TXT _b.acm-validations.aws", 0, []string{"line 1, character 16: type is TXT, and the records of ACM are CNAMEs"}},
		{"_a.example.com. 300 IN A 192.0.2.1", 0, []string{"line 1, character 24: type is A, and the records of ACM are CNAMEs"}},
		{"_a.example.com cnam _b.acm-validations.aws", 0, []string{`line 1, character 16: type: found "cnam", expected CNAME`}},
		{"_a.example.com CNAME", 0, []string{"line 1, character 21: found the end of the line after CNAME, expected NAME CNAME VALUE"}},
		{"_a.example.com CNAME _b.acm-validations.aws. more", 0, []string{`line 1, character 46: found "more", expected the end of the line after the value`}},
		{"_ä.example.com\tCNAME  _b.ac\u0430m..aws", 0, []string{
			"line 1, character 2: name has U+00E4 'ä', where a letter, digit, hyphen, underscore or dot is expected\n" +
				"line 1, character 31: value has a dot with nothing in front of it",
		}},
		{name + " CNAME " + value + "\n\n" + ok, 1, []string{`line 3, character 1: found JSON, expected a line NAME CNAME VALUE like those before`}},
		{"$ORIGIN example.com.\n_a CNAME _b.acm-validations.aws.\n" + name + " CNAME " + value, 1, []string{`line 2, character 1: name: found "_a", which is relative to $ORIGIN, expected a full name with its final dot`}},
		{"$INCLUDE x\n", 0, []string{`line 1, character 1: found "$INCLUDE", expected a record`}},

		{"{", 0, []string{`line 1, character 2: found the end of the input, expected a name in double quotes, or "}"`}},
		{ok + "\n" + `{"name":"` + name + `" "value":""}` + "\n" + ok, 2, []string{`line 2, character 58: found '"', expected "," or "}"`}},
		{ok + "\n" + `{"name":"` + name + "\n" + ok, 2, []string{`line 2, character 56: found the end of the input, expected the string's closing '"'`}},
		{ok + "\n" + `{"name":"` + name + `",` + "\n" + ok, 2, []string{`line 3, character 1: found '{', expected a name in double quotes`}},
		{ok + "\nnot this\n" + ok + "\nnor that\n" + ok, 3, []string{
			`line 2, character 1: found 'n', expected a JSON object, which begins with "{"`,
			`line 4, character 1: found 'n', expected a JSON object, which begins with "{"`,
		}},
		{ok + ",\n" + ok, 2, []string{`line 1, character ` + fmt.Sprint(len(ok)+1) + `: found ',', expected a JSON object, which begins with "{"`}},
		{ok + ok + " " + ok, 3, nil},
		{"{\n  \"Certificate\": {\n    \"x\": [1,\n    2}\n  }\n}\n" + ok, 1, []string{`line 4, character 6: found '}', expected "," or "]"`}},
		{"{\n \"Certificate\": {\n" + ok + "\n" + ok, 2, []string{`line 3, character 1: found '{', expected a name in double quotes, or "}"`}},
		{strings.Repeat("[", 300), 0, []string{"line 1, character 257: found values nested deeper than that, expected at most 256 levels"}},
		{`{"name":"` + name + `"}`, 0, []string{`line 1, character 1: the object has no "value", where "name" and "value" are expected`}},
		{`{"name":null,"value":"x"}`, 0, []string{`line 1, character 1: the object has no "name", where "name" and "value" are expected`}},
		{`{"name":"","value":"` + value + `"}`, 0, []string{"line 1, character 10: name is empty"}},
		{`{"name":5,"value":"x"}`, 0, []string{"line 1, character 9: name: found the number 5, expected a string"}},
		{`{"name":"x","value":true}`, 0, []string{"line 1, character 21: value: found true, expected a string"}},
		{`{"name":"` + name + `","value":"\u0061\u00E4 b.acm","type":"CNAME"}`, 0, []string{"line 1, character 79: value has a blank in it, where one name without blanks is expected"}},
		{`{"name":"x","value":"y","type":"TXT"}`, 0, []string{`line 1, character 32: type is "TXT", and the records of ACM are CNAMEs`}},
		{`{"foo":1,"bar\u001b":2}`, 0, []string{`line 1, character 1: found an object with "foo", "bar\x1b", expected "name" and "value", a certificate of ACM, or Terraform's domain_validation_options`}},
		{`[]`, 0, []string{`line 1, character 1: found an empty array, expected "name" and "value", a certificate of ACM, or Terraform's domain_validation_options`}},
		{`["x"]`, 0, []string{`line 1, character 1: found an array whose first element is the string "x", expected "name" and "value", a certificate of ACM, or Terraform's domain_validation_options`}},
		{`{"Certificate":{"DomainValidationOptions":{}}}`, 0, []string{"line 1, character 43: found an object, expected an array of DomainValidationOptions"}},
		{`{"DomainValidationOptions":[7]}`, 0, []string{"line 1, character 29: found the number 7, expected an object with DomainName and ResourceRecord"}},
		{`{"DomainValidationOptions":[{"ResourceRecord":"x"}]}`, 0, []string{`line 1, character 47: found the string "x", expected an object with Name, Type and Value`}},

		{"Domain Name,Record Name,Record Type,Record Value\nexample.com,_a.b\n" + "example.com," + name + ",CNAME," + value, 1, []string{"line 2, character 17: found a row of 2 columns, expected 4 as in the heading"}},
		{"Domain Name,Record Name,Record Type,Record Value\nexample.com,-,-,-\n", 0, []string{`line 2, character 13: the certificate for "example.com" has no record yet: ACM issues it some seconds after the request, ask again then`}},
		{"name;type;value\n\"_a.example.com;CNAME;x\n", 0, []string{`line 2, character 1: found a quote that does not close, expected a closing '"' in the same line`}},
		{"name,type,value\n_a.b,MX,x\n", 0, []string{`line 2, character 6: type is "MX", and the records of ACM are CNAMEs`}},
		{"name,type,value\n\"_a!b\", CNAME ,x\n", 0, []string{"line 2, character 4: name has '!', where a letter, digit, hyphen, underscore or dot is expected"}},
	} {
		var got []string
		n := 0
		for s := range ParseSources(strings.NewReader(c.in)) {
			if s.Err == nil {
				n++
				continue
			}
			assert.ErrorIs(t, s.Err, ErrInput)
			got = append(got, s.Err.Error())
		}
		assert.Equal(t, c.want, got, "%q", c.in)
		assert.Equal(t, c.records, n, "%q", c.in)
	}
}

func TestParseSourcesKeepsPlaceAndID(t *testing.T) {
	in := "\n" + `{"id":"a","domain":"*.example.com","name":" ` + name + `","value":"` + value + `"}` + "\n" +
		`{"id":17,"name":"x y","value":"z"}` + "\r\n" + `{"name":"` + name + `","value":"` + value + `"}`
	var got []Source
	for s := range ParseSources(strings.NewReader(in)) {
		got = append(got, s)
	}
	require.Len(t, got, 3)
	assert.Equal(t, []any{"a", 2, "*.example.com", " " + name, value}, []any{got[0].ID, got[0].Line, got[0].Domain, got[0].Name, got[0].Value})
	assert.Len(t, got[0].Record.Notes, 1)
	assert.Equal(t, []any{"17", 3, "x y", "z"}, []any{got[1].ID, got[1].Line, got[1].Name, got[1].Value})
	assert.EqualError(t, got[1].Err, "line 3, character 19: name has a blank in it, where one name without blanks is expected")
	assert.Equal(t, Record{}, got[1].Record)
	assert.Equal(t, []any{"", 4}, []any{got[2].ID, got[2].Line})

	var lines []int
	for s := range ParseSources(strings.NewReader(input(t, "describe-certificate.json"))) {
		lines = append(lines, s.Line)
	}
	assert.Equal(t, []int{15, 37}, lines)
}

func TestLinesUnderstood(t *testing.T) {
	for _, in := range []string{
		name + " CNAME " + value,
		name + " " + value,
		name + " 300 " + value,
		name + " 1h IN CNAME " + value,
		name + "\tIN\t300\tcname\t" + value,
		"example.com " + name + " CNAME " + value,
		name + ",CNAME," + value,
		"example.com," + name + ",CNAME," + value + ",",
		name + ", CNAME, " + value,
		name + `  "CNAME"  "` + value + `" # the record`,
		name + "\u00a0CNAME\u00a0" + value,
		name + " CNAME " + value + " \u200b",
		value + " CNAME " + name,
		"Content of DNS Record is: {Name: " + name + ",Type: CNAME,Value: " + value + "}",
		"NAME TYPE VALUE\n" + name + " CNAME " + value,
	} {
		records, err := ParseCertificate(strings.NewReader(in))
		require.NoError(t, err, in)
		require.Len(t, records, 1, in)
		assert.Equal(t, name+value, records[0].Name.String()+records[0].Value.String(), in)
		assert.Equal(t, "[example.com.]", fmt.Sprint(records[0].Domains))
	}
}

// Places are found from the last one known, forwards and backwards; they must not depend on the way.
func TestPlaceDependsOnNothing(t *testing.T) {
	text := "ä{\n\n \"ö\": [\n  ü ]\n}"
	known := func() *document { return &document{text: text, line: 5, column: 9, atLine: 5, atColumn: 9} }
	walked := known()
	for step := range 7 * len(text) {
		at := step * 5 % (len(text) + 1)
		if at < len(text) && !utf8.RuneStart(text[at]) {
			continue
		}
		wantLine, wantColumn := known().place(at)
		line, column := walked.place(at)
		assert.Equal(t, [2]int{wantLine, wantColumn}, [2]int{line, column}, "octet %d", at)
	}
	line, column := walked.place(3)
	assert.Equal(t, [2]int{5, 11}, [2]int{line, column})
	line, column = walked.place(len(text))
	assert.Equal(t, [2]int{9, 2}, [2]int{line, column})
}

// A record shared by many lines keeps the domains that it proves.
func TestParseCertificateMerges(t *testing.T) {
	records, err := ParseCertificate(strings.NewReader("domain,name,value\n" +
		"example.com," + name + "," + value + "\nother.example," + name + "," + value + "\n*.example.com," + name + "," + value + "\n"))
	require.NoError(t, err)
	require.Len(t, records, 1)
	assert.Equal(t, "[example.com. *.example.com.]", fmt.Sprint(records[0].Domains))
	require.Len(t, records[0].Notes, 1)
	assert.Equal(t, "other.example.", records[0].Notes[0].Found)
}

// Hostile input of some size is refused in a time that grows with the size only; the longest takes milliseconds.
func TestLargeInputs(t *testing.T) {
	object := `{"value":5,"name":"` + name + `"}`
	for about, in := range map[string]string{
		"one field":         "_a" + strings.Repeat("./", 1<<20) + " _b.acm-validations.aws",
		"errors on a line":  "[" + strings.Repeat(object+",", 20_000) + object + "]",
		"errors over lines": "[" + strings.Repeat(object+",\n", 20_000) + object + "]",
		"open brackets":     strings.Repeat("[\n", 20_000),
		"broken objects":    strings.Repeat("{\"a\":\n", 20_000),
	} {
		for s := range ParseSources(strings.NewReader(in)) {
			require.Error(t, s.Err, about)
		}
	}
}

// A line that is longer than anything real is an error of its own; the lines behind it are read.
func TestTooLongLines(t *testing.T) {
	for _, c := range []struct{ before, start, after string }{
		{"", "_a.example.com CNAME ", name + " CNAME " + value},
		{"", `{"name":"`, `{"name":"` + name + `","value":"` + value + `"}`},
		{"name,value\n", "x,", name + "," + value},
	} {
		lines := newInputLines(strings.NewReader(c.before + c.start + strings.Repeat("a", 100_000) + "\n" + c.after + "\n"))
		lines.most = 90_000
		var got []Source
		parseInput(lines, func(s Source) bool {
			got = append(got, s)
			return true
		})
		require.Len(t, got, 2, c.start)
		assert.ErrorContains(t, got[0].Err, "found a line longer than that, expected at most 90000 octets")
		require.NoError(t, got[1].Err)
		assert.Equal(t, name, got[1].Record.Name.String())
		assert.Equal(t, got[0].Line+1, got[1].Line)
	}
	lines := newInputLines(strings.NewReader("[\n" + strings.Repeat("{},\n", 100)))
	lines.most = 100
	var got []Source
	parseInput(lines, func(s Source) bool {
		got = append(got, s)
		return true
	})
	assert.EqualError(t, got[0].Err, "line 26, character 4: found a JSON value longer than that, expected at most 100 octets")
}

func TestDamagedUTF16(t *testing.T) {
	for in, want := range map[string]string{
		"\xff\xfea\x00\x3d\xd8":    "a\ufffd",    // the first half of a pair, and the end
		"\xff\xfe\x3d\xd8a\x00":    "\ufffda",    // and another character
		"\xff\xfe\x00\xdea\x00":    "\ufffda",    // the second half alone
		"\xff\xfea\x00b":           "a\ufffd",    // half a character
		"\xfe\xff\xd8\x3d\xde\x00": "\U0001f600", // a whole pair
	} {
		line, ok := newInputLines(strings.NewReader(in)).next()
		assert.True(t, ok)
		assert.Equal(t, want, line.text, "%q", in)
	}
}

func TestMoreForms(t *testing.T) {
	for in, want := range map[string]string{
		"name,value\n" + name + "," + value + "\n\n# again\nvalue,name\n" + value + "," + name + "\n":                                                                                         "2",
		`{"DomainName":"example.com","ResourceRecord":{"Name":"` + name + `","Type":"CNAME","Value":"` + value + `"}}`:                                                                        "1",
		`[{"domain":"example.com","name":"` + name + `","value":"` + value + `"}]`:                                                                                                            "1",
		`[{"id":"1","name":"` + name + `","value":"` + value + `"},{"id":"2","name":"` + name + `","value":"` + value + `"}]`:                                                                 "2", // each has its id
		`{"StackEvents":[{"ResourceStatusReason":"Content of DNS Record is: {Name: ` + name + `,Type: CNAME,Value: ` + value + `}"},{"ResourceStatusReason":"Resource creation Initiated"}]}`: "1",
		"Certificate:\n  DomainName: example.com\n  DomainValidationOptions:\n":                                                                                                               "prints as YAML; with --output json",
		"CERTIFICATE\tarn:aws:acm:eu-west-1:123456789012:certificate/x\nRESOURCERECORD\t" + name + "\tCNAME\t" + value + "\n":                                                                 "prints as text; with --output json",
		"\n--------------------------\n|   DescribeCertificate  |\n":                                                                                                                          "prints as a table; with --output json",
		`[{"domain_name":"example.com","resource_record_name":null,"resource_record_value":null}]`:                                                                                            "yet",
		`[{"resource_record_name":"` + name + `","resource_record_value":"` + value + `","resource_record_type":"TXT"}]`:                                                                      `type is "TXT"`,
		`{"items":[{"name":"www.example.com","type":"CNAME","value":"example.net"}]}`:                                                                                                         "no record of", // anybody's
		`{"Certificate":{"CertificateArn":"a","DomainName":"example.com","Status":"FAILED","Type":"AMAZON_ISSUED"}}`:                                                                          `status is "FAILED"`,
		`{"DomainValidationOptions":[{"DomainName":"example.com","ValidationMethod":"CARRIER_PIGEON"}]}`:                                                                                      `validated by "CARRIER_PIGEON"`,
		`{"name":"` + name + `","value":"` + value + `","x":[-1.5e+3,0,true,false,null,"\ud83d\ude00\ud83d\b\f\t\/\\"]}`:                                                                      "1",
		`{"name":"` + name + `","value":01}`: `found '1', expected "," or "}"`,
		`{"name":-}`:                         "expected a digit",
		`{"name":"\x"}`:                      "found 'x', expected an escape of JSON",
		`{"name":"\u12g4"}`:                  "expected four hexadecimal digits",
		"{\"name\":\"a\tb\"}":                "found U+0009 CHARACTER TABULATION, expected no control character in a string",
	} {
		records, n := 0, 0
		var err error
		for s := range ParseSources(strings.NewReader(in)) {
			if n++; s.Err != nil {
				err = s.Err
				continue
			}
			assert.Equal(t, name, s.Record.Name.String(), in)
			records++
		}
		switch want {
		case "1", "2":
			assert.NoError(t, err, in)
			assert.Equal(t, want, fmt.Sprint(records), in)
		case "no record of":
			assert.ErrorIs(t, err, ErrNoRecord, in)
		default:
			assert.ErrorContains(t, err, want, in)
		}
	}
}

func TestParseCertificateTellsHowManyMore(t *testing.T) {
	records, err := ParseCertificate(strings.NewReader(strings.Repeat("x\n", 30) + name + " " + value))
	assert.Len(t, records, 1)
	require.Error(t, err)
	assert.Equal(t, 21, strings.Count(err.Error(), "\n")+1)
	assert.Contains(t, err.Error(), "10 more errors like these")
}

func TestReadingFails(t *testing.T) {
	boom := errors.New("boom")
	line := name + " CNAME " + value + "\n"
	for _, start := range []string{"", line, line + name[:20], "{\"name\":\n", "\xff\xfea\x00"} {
		var last Source
		n := 0
		for s := range ParseSources(io.MultiReader(strings.NewReader(start), failing{boom})) {
			last = s
			if s.Err == nil {
				n++
			}
		}
		assert.ErrorIs(t, last.Err, boom, start)
		assert.NotErrorIs(t, last.Err, ErrInput)
		assert.Equal(t, strings.Count(start, line), n, "half a line is not a record")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A consumer that stops reads no further, and an endless input needs no more memory than a line of it.
func TestParseSourcesStreams(t *testing.T) {
	r := &endless{line: `{"name":"` + name + `","value":"` + value + `"}` + "\n"}
	n := 0
	for s := range ParseSources(r) {
		require.NoError(t, s.Err)
		if n++; n == 1000 {
			break
		}
		require.LessOrEqual(t, r.given, n*len(r.line)+128<<10)
	}
	assert.Equal(t, 1000, n)
	for range ParseSources(&endless{line: name + " CNAME " + value + "\n"}) {
		break
	}
	for range ParseSources(&endless{line: "broken\n"}) {
		break
	}
}

type endless struct {
	line  string
	given int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.line[(e.given+i)%len(e.line)]
	}
	e.given += len(p)
	return len(p), nil
}

func BenchmarkParseSources(b *testing.B) {
	var in bytes.Buffer
	const lines = 100_000
	for i := range lines {
		fmt.Fprintf(&in, `{"id":"%d","domain":"d%d.example.com","name":"_a79865eb4cd1a6ab990a45779b4e0b96.d%d.example.com.","value":"%s"}`+"\n", i, i, i, value)
	}
	b.ReportAllocs()
	b.SetBytes(int64(in.Len()))
	for b.Loop() {
		n := 0
		for s := range ParseSources(bytes.NewReader(in.Bytes())) {
			if s.Err != nil {
				b.Fatal(s.Err)
			}
			n++
		}
		if n != lines {
			b.Fatal(n)
		}
	}
}

func FuzzParseCertificate(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "input", "*"))
	if err != nil || len(files) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, file := range files {
		f.Add([]byte(input(f, filepath.Base(file))))
	}
	f.Add([]byte("\xff\xfe{\x00}\x00\xd8"))
	f.Add([]byte("{\"name\":\n{\"a\":[{]}\n[\n{}\n,{\n\"\\ud800\\u\n"))
	f.Add([]byte(",0"))
	f.Add([]byte("id\tvalue\tname\n1\t\"a\"\"b\"x\t,\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for s := range ParseSources(bytes.NewReader(b)) {
			n++
			if (s.Err == nil) == s.Record.Name.IsZero() {
				t.Fatalf("neither record nor error, or both: %+v", s)
			}
			if s.Err != nil && (!errors.Is(s.Err, ErrInput) || s.Err.Error() == "") {
				t.Fatalf("an error that is none of input: %v", s.Err)
			}
			var e *InputError
			if errors.As(s.Err, &e) && e.Line != 0 && (e.Line > bytes.Count(b, []byte("\n"))+1 || e.Column < 0) {
				t.Fatalf("line %d, column %d of an input of %d octets", e.Line, e.Column, len(b))
			}
		}
		if n == 0 {
			t.Fatal("nothing said about an input")
		}
		records, err := ParseCertificate(bytes.NewReader(b))
		if len(records) == 0 && err == nil {
			t.Fatal("nothing found and nothing said")
		}
		// Law "Spelling": what was understood, written as lines, is understood the same.
		var lines strings.Builder
		for _, r := range records {
			lines.WriteString(r.Name.String() + " CNAME " + r.Value.String() + "\n")
		}
		if len(records) == 0 {
			return
		}
		again, err := ParseCertificate(strings.NewReader(lines.String()))
		if err != nil || len(again) != len(records) {
			t.Fatalf("%d records became %d by writing and reading, %v:\n%s", len(records), len(again), err, lines.String())
		}
		for i, r := range again {
			if r.Name != records[i].Name || r.Value != records[i].Value {
				t.Fatalf("%v became %v", records[i], r)
			}
		}
	})
}

// The parser with places agrees with encoding/json on what is JSON and what its strings are.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+7,"\ud83d\ude00\ud800x\/"],"b":{},"c":null}`, `[]`, `{"a":1,}`, `"\u00"`, "[\"\xff\"]", `[01]`, `[truefalse]`, "{\n\"a\":\n[\n{}\n,\n{}\n]}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, end, bad := parseJSON(s)
		valid := json.Valid([]byte(s))
		if bad != nil {
			if bad.at > len(s) || bad.found == "" || bad.expected == "" {
				t.Fatalf("%q: %+v", s, bad)
			}
			if valid && !strings.Contains(bad.found, "nested deeper") {
				t.Fatalf("%q is JSON: %+v", s, bad)
			}
			return
		}
		if strings.Trim(s[end:], " \t\r\n") != "" {
			return // the rest is another value's
		}
		if !valid {
			t.Fatalf("%q is not JSON", s)
		}
		var want any
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		same(t, v, want)
		if v.kind != '{' && v.kind != '[' {
			return
		}
		var x jsonExtent
		lines := strings.Split(s[v.start:], "\n")
		for i, line := range lines {
			e, hopeless := x.feed(line)
			if hopeless {
				t.Fatalf("%q: given up at line %d", s, i)
			}
			if e >= 0 {
				if got := len(strings.Join(lines[:i], "\n")) + e + min(i, 1); v.start+got != end {
					t.Fatalf("%q: ends at %d, not %d", s, v.start+got, end)
				}
				return
			}
		}
		t.Fatalf("%q: no end found", s)
	})
}

func same(t *testing.T, v jsonValue, want any) {
	switch w := want.(type) {
	case map[string]any:
		last := map[string]jsonValue{}
		for _, m := range v.members {
			last[m.key] = m.value
		}
		if v.kind != '{' || len(last) != len(w) {
			t.Fatalf("%+v is not %v", v, w)
		}
		for k, m := range last {
			same(t, m, w[k])
		}
	case []any:
		if v.kind != '[' || len(v.items) != len(w) {
			t.Fatalf("%+v is not %v", v, w)
		}
		for i, item := range v.items {
			same(t, item, w[i])
		}
	case string:
		if v.kind != '"' || v.text != w {
			t.Fatalf("%q is not %q", v.text, w)
		}
	case json.Number:
		if v.text != w.String() {
			t.Fatalf("%q is not %q", v.text, w)
		}
	default:
		if v.text != fmt.Sprint(w) && (w != nil || v.text != "null") {
			t.Fatalf("%q is not %v", v.text, w)
		}
	}
}
