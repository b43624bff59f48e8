package picture_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/picture"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

var worlds = sync.OnceValues(func() ([]validatetest.World, error) { return validatetest.Load(os.DirFS("../testdata/worlds")) })

func loadWorlds(t testing.TB) []validatetest.World {
	t.Helper()
	all, err := worlds()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

var checked sync.Map // reports by the file of their world; no test changes one

func check(t testing.TB, w validatetest.World) validate.Report {
	t.Helper()
	if rep, ok := checked.Load(w.File); ok {
		return rep.(validate.Report)
	}
	in, err := w.Internet()
	require.NoError(t, err)
	c, err := w.Checker(in, in)
	require.NoError(t, err)
	c.KeepWay = true
	rep, err := c.Check(t.Context(), w.Record)
	require.NoError(t, err)
	checked.Store(w.File, rep)
	return rep
}

func draw(t testing.TB, rep validate.Report, o picture.Options) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, picture.SVG(&b, rep, o))
	return b.String()
}

// node is an element of a picture.
type node struct {
	name  string
	attrs map[string]string
	kids  []*node
	text  string // its own and that of all below, in order
}

// attributes and elements are all that a picture is made of: nothing that runs, and nothing that loads.
var (
	elements   = []string{"svg", "title", "desc", "style", "g", "rect", "path", "text", "tspan"}
	attributes = []string{
		"xmlns", "class", "data-scheme", "width", "height", "viewBox", "role", "aria-labelledby", "id", "x", "y", "rx", "d", "transform",
	}
)

// read parses a picture and holds it against what every picture keeps.
func read(t testing.TB, svg string) *node {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	root := &node{}
	stack := []*node{root}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		top := stack[len(stack)-1]
		switch x := tok.(type) {
		case xml.StartElement:
			if !slices.Contains(elements, x.Name.Local) {
				t.Fatalf("a picture has no <%s>", x.Name.Local)
			}
			n := &node{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				if !slices.Contains(attributes, a.Name.Local) {
					t.Fatalf("a picture has no %s=%q", a.Name.Local, a.Value)
				}
				n.attrs[a.Name.Local] = a.Value
			}
			top.kids = append(top.kids, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			for _, n := range stack {
				n.text += string(x)
			}
		default:
			t.Fatalf("a picture has no %T", tok)
		}
	}
	require.Len(t, root.kids, 1)
	n := root.kids[0]
	require.Equal(t, "svg", n.name)
	assert.Equal(t, "img", n.attrs["role"])
	assert.Equal(t, "title", n.kids[0].name)
	assert.Equal(t, "desc", n.kids[1].name)
	assert.Equal(t, n.kids[0].attrs["id"]+" "+n.kids[1].attrs["id"], n.attrs["aria-labelledby"])
	assert.NotEmpty(t, n.kids[0].text)
	n.each(func(g *node) {
		switch g.name {
		case "g":
			if len(g.kids) == 0 || g.kids[0].name != "title" || strings.TrimSpace(g.kids[0].text) == "" {
				t.Fatal("what stands together says in words what it is")
			}
		case "style":
			require.NotContains(t, g.text, "url(")
			require.NotContains(t, g.text, "@import")
		}
	})
	return n
}

func (n *node) each(f func(*node)) {
	f(n)
	for _, k := range n.kids {
		k.each(f)
	}
}

// drawn is all text that is drawn, with lines and blanks gone: a name that is broken into lines is whole again.
func (n *node) drawn() string {
	var b strings.Builder
	n.each(func(k *node) {
		if k.name == "text" {
			b.WriteString(k.text)
		}
	})
	return squeeze(b.String())
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func TestEveryWorld(t *testing.T) {
	for _, w := range loadWorlds(t) {
		t.Run(w.File, func(t *testing.T) {
			rep := check(t, w)
			svg := draw(t, rep, picture.Options{})
			assert.Equal(t, svg, draw(t, rep, picture.Options{}), "the same report gives the same bytes")
			assert.Less(t, len(svg), 64<<10)
			n := read(t, svg)
			drawn, told := n.drawn(), squeeze(n.kids[1].text)
			assert.Contains(t, n.kids[0].text, strings.ToUpper(string(rep.Verdict)))
			assert.Contains(t, drawn, strings.ToUpper(string(rep.Verdict)))
			for _, where := range []string{drawn, told} {
				assert.Contains(t, where, rep.Record.Name.String())
				assert.Contains(t, where, rep.Record.Value.String())
				for _, z := range rep.Way.Zones {
					if !z.Name.IsRoot() {
						assert.Contains(t, where, z.Name.String())
					}
					asked := map[resolver.Name]bool{}
					for _, s := range z.Servers {
						if s.Reply != validate.ReplyNotAsked && len(asked) < 3 {
							asked[s.Name] = true
							assert.Contains(t, where, s.Name.String(), "who was asked is there")
						}
					}
				}
				for _, p := range rep.Way.Places {
					assert.Contains(t, where, p.Name.String())
					assert.Contains(t, where, squeeze(p.Value))
				}
				if !rep.Way.Missing.IsZero() {
					assert.Contains(t, where, rep.Way.Missing.String())
				}
			}
			if rep.Verdict == validate.Invalid {
				assert.Contains(t, drawn, string(rep.Findings[0].Rule))
			}
		})
	}
}

// What somebody sees at a glance, world by world: words that the picture has, and words that it has not.
func TestWhatIsSeen(t *testing.T) {
	byName := map[string]validatetest.World{}
	for _, w := range loadWorlds(t) {
		byName[w.File] = w
	}
	for file, want := range map[string]struct{ has, hasNot []string }{
		"healthy": {
			[]string{"VALID", "A CA that asks now finds the record.", "Has the record"},
			[]string{"Here it lies instead", "Only com. names it", "does not have"},
		},
		"name-doubled": {
			[]string{"INVALID", "Does not have the record: no such name", "Here a CA looks, and here the record belongs", "Both that were asked: not there", "Here it lies instead: at another name", "It belongs up there."},
			[]string{"Has the record"},
		},
		"record-misplaced": {
			[]string{"Here it lies instead: at name servers that nobody is sent to", "at ns1.ef.net."}, nil,
		},
		"record-wrong-type": {
			[]string{"Here its value stands instead: in a record of another type", "TXT "}, []string{"Here it lies instead"},
		},
		"delegation-mismatch": {
			[]string{"com. and example.com. do not name the same servers", "Only com. names it; example.com. itself does not.", "Only example.com. itself names it; com. sends nobody here.", "Has the record"}, nil,
		},
		"servers-disagree":         {[]string{"Has the record", "Does not have the record"}, nil},
		"server-lame":              {[]string{"Does not serve this zone: REFUSED"}, nil},
		"server-unreachable-mixed": {[]string{"UNDETERMINED", "Does not answer: no answer in time", "Does not serve this zone"}, nil},
		"zone-undelegated": {
			[]string{"com. delegates example.com. to nobody: the way ends here.", "no such zone"}, []string{"refers on to example.com."},
		},
		"healthy-signed": {
			[]string{"Signed: the root vouches for the keys of com. (a DS record).", "signed, and valid (secure)"},
			[]string{"The chain of trust breaks here", "do not hold", "Not signed from here on"},
		},
		"dnssec-bogus": {
			[]string{
				"The chain of trust breaks here: example.com. has no DNSKEY records, though its DS records name key",
				"Has the record, and its signatures do not hold: a CA must not take it", "Signed: the root vouches for the keys of com.",
			},
			[]string{"com. vouches for the keys of example.com."},
		},
		"dnssec-bogus-secondary": {
			[]string{"The chain of trust breaks here in the answer of ns2.example.com.: the signature over", "com. vouches for the keys of example.com.", "Has the recordns1.example.com."},
			[]string{"a CA must not take itns1.example.com."},
		},
		"healthy-signed-suffix-unsigned":  {[]string{"Not signed from here on: "}, []string{"breaks here"}},
		"healthy-signed-subzone-unsigned": {[]string{"not signed: the same servers hold a zone below"}, []string{"breaks here"}},
		"answer-stale":                    {[]string{"VALID", "Recursive resolvers: they remember", "no such name, until "}, nil},
	} {
		t.Run(file, func(t *testing.T) {
			w, ok := byName[file+".txt"]
			require.True(t, ok)
			drawn := read(t, draw(t, check(t, w), picture.Options{})).drawn()
			for _, s := range want.has {
				assert.Contains(t, drawn, squeeze(s))
			}
			for _, s := range want.hasNot {
				assert.NotContains(t, drawn, squeeze(s))
			}
		})
	}
}

// long is a name of 255 octets, the most there is (RFC 1035, 2.3.4), that begins with head.
func long(head string) resolver.Name {
	text := head
	for len(text) < 253-1 {
		text += "." + strings.Repeat("w", min(63, 253-len(text)-1))
	}
	return resolver.MustParseName(text + ".")
}

// extremes are reports that no honest DNS gives.
func extremes() map[string]validate.Report {
	record := validate.Record{
		Name: long("_a79"), Value: long("_424"),
		Domains: []resolver.Name{long("a"), long("b"), long("c"), long("d"), long("e"), long("f")},
	}
	crowd := validate.WayZone{Name: long("zone"), Parent: resolver.MustParseName("com."), Security: dnssec.Secure, DS: true}
	kinds := []validate.Reply{
		validate.ReplyRecord, validate.ReplyOther, validate.ReplySeveral, validate.ReplyDenies, validate.ReplyLame, validate.ReplyFailure, validate.ReplySilent,
		validate.ReplyNotAsked,
	}
	for i := range 16 {
		name := long("ns" + string(rune('a'+i)))
		for j := range 8 {
			crowd.Servers = append(crowd.Servers, validate.WayServer{
				Name: name, Addr: netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i*8 + j)}), ByParent: i%2 == 0, Reply: kinds[(i+j)%len(kinds)],
				Text: long("value").String(),
			})
		}
		crowd.Own = append(crowd.Own, name)
		crowd.Breaks = append(crowd.Breaks, validate.Break{Status: dnssec.Bogus, Server: resolver.Server{Name: name, Addr: netip.MustParseAddrPort("192.0.2.1:53")}, Why: strings.Repeat("no key ", 300)})
	}
	way := validate.Way{Missing: long("missing")}
	for i := range 30 {
		z := crowd
		if i == 0 {
			z.Name, z.Parent = resolver.Root, resolver.Name{}
		}
		way.Zones = append(way.Zones, z)
	}
	for i := range 12 {
		way.Places = append(way.Places, validate.Place{
			Rule: "name-doubled", Name: long("p" + string(rune('a'+i))), Type: resolver.TypeTXT, Value: strings.Repeat("m", 60000), Servers: []resolver.Server{{Name: long("ns")}},
		})
	}
	finding := []validate.Finding{{Rule: "my-own", Severity: validate.Error, Message: strings.Repeat(long("x").String()+", ", 100)}}
	crowded := validate.Report{Record: record, Verdict: validate.Invalid, Findings: finding, Way: way}
	for range 20 {
		crowded.Perspectives = append(crowded.Perspectives, validate.Perspective{
			Resolver: resolver.MustParseRecursor("https://" + strings.Repeat("w", 60) + ".example/" + strings.Repeat("q", 100)), Says: validate.SaysOther, Text: strings.Repeat("W", 5000),
		})
	}
	hostile := resolver.MustParseName(`_\060script\062alert\040\039\034\038\009\000\255\060/script\062.example.`)
	bad := "</text></svg><script>alert(1)</script>&amp;\x00\x1b[31m\xff\u202e]]><!--"
	evil := validate.Report{
		Record: validate.Record{Name: hostile, Value: hostile, Domains: []resolver.Name{hostile}}, Verdict: validate.Undetermined,
		Findings: []validate.Finding{{Rule: "<b>", Severity: validate.Error, Message: bad}},
		Way: validate.Way{
			Zones: []validate.WayZone{
				{Name: resolver.Root, Security: dnssec.Secure},
				{
					Name: hostile, Parent: resolver.Root, Inner: hostile, Security: dnssec.Bogus, DS: true, Own: []resolver.Name{hostile},
					Breaks:  []validate.Break{{Link: true, Status: dnssec.Bogus, Why: bad}, {Status: dnssec.Indeterminate, Why: bad}},
					Servers: []validate.WayServer{{Name: hostile, Reply: validate.ReplyOther, Text: bad}, {Reply: "<i>", Text: bad, ByParent: true}},
				},
			},
			Places: []validate.Place{{Rule: "<u>", Name: hostile, Type: resolver.TypeTXT, Value: bad}},
		},
		Perspectives: []validate.Perspective{{Says: "<s>", Text: bad}},
	}
	return map[string]validate.Report{"crowded": crowded, "evil": evil, "nothing": {}}
}

func TestExtremes(t *testing.T) {
	for name, rep := range extremes() {
		t.Run(name, func(t *testing.T) {
			svg := draw(t, rep, picture.Options{Scheme: picture.Dark})
			require.True(t, utf8.ValidString(svg))
			assert.False(t, strings.ContainsFunc(svg, func(r rune) bool { return unicode.Is(unicode.Cf, r) }), "nothing unseen turns the direction of reading")
			assert.Less(t, len(svg), 2<<20, "a picture stays small whatever it is of")
			n := read(t, svg)
			drawn := n.drawn()
			for _, d := range rep.Record.Domains[:min(4, len(rep.Record.Domains))] {
				assert.Contains(t, drawn, squeeze(d.Text()), "names stand whole")
			}
			for _, z := range rep.Way.Zones {
				assert.Contains(t, drawn, squeeze(z.Name.String()))
			}
			if name == "crowded" {
				for _, words := range []string{"and 2 more domains with the same record", "And at 8 more names", "and 12 more"} {
					assert.Contains(t, drawn, squeeze(words))
				}
			}
		})
	}
}

func TestSchemes(t *testing.T) {
	rep := extremes()["nothing"]
	auto, light, dark := draw(t, rep, picture.Options{}), draw(t, rep, picture.Options{Scheme: picture.Light}), draw(t, rep, picture.Options{Scheme: picture.Dark})
	assert.NotContains(t, auto[:strings.Index(auto, ">")], "data-scheme")
	assert.Contains(t, light, `data-scheme="light"`)
	assert.Contains(t, dark, `data-scheme="dark"`)
	assert.Equal(t, auto, draw(t, rep, picture.Options{Scheme: `x" onload="alert(1)`}), "what is no scheme is none")
}

var update = flag.Bool("update", false, "draw the picture of README.md anew")

// The picture in the repository is what is drawn today.
func TestReadmePictureIsFresh(t *testing.T) {
	const file = "../../docs/picture.svg"
	for _, w := range loadWorlds(t) {
		if w.File != "name-doubled.txt" {
			continue
		}
		fresh := draw(t, check(t, w), picture.Options{})
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(fresh), 0o644))
			return
		}
		old, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, fresh, strings.ReplaceAll(string(old), "\r\n", "\n"), "go test ./validate/picture -run Readme -update draws it anew")
		return
	}
	t.Fatal("there is no such world")
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteFails(t *testing.T) {
	assert.ErrorIs(t, picture.SVG(full{}, validate.Report{}, picture.Options{}), errFull)
}

func FuzzSVG(f *testing.F) {
	f.Add("_a79", "no such name", uint8(0))
	f.Add("<svg onload=1>", "]]>\x00\xff\u2028", uint8(3))
	f.Add("\xff\xfe", strings.Repeat("\xff", 300)+strings.Repeat("\u00e9", 300), uint8(9))
	f.Add(strings.Repeat("W", 63), strings.Repeat("&", 400), uint8(23))
	f.Fuzz(func(t *testing.T, label, text string, n uint8) {
		text, n = text[:min(len(text), 500)], n%24 // what is large is in TestExtremes
		var wire []byte
		if label = label[:min(len(label), 63)]; label != "" {
			wire = append(append([]byte{byte(len(label))}, label...), 0)
		} else {
			wire = []byte{0}
		}
		name, _, err := resolver.NameFromWire(wire)
		require.NoError(t, err)
		rep := validate.Report{
			Record: validate.Record{Name: name, Value: name, Domains: []resolver.Name{name}}, Verdict: validate.Verdict(text),
			Findings: []validate.Finding{{Rule: validate.ID(text), Message: text}},
			Way: validate.Way{
				Zones: []validate.WayZone{{Name: name, Parent: name, Security: dnssec.Status(text), Breaks: []validate.Break{{Why: text}}}}, Missing: name,
				Places: []validate.Place{{Rule: validate.ID(text), Name: name, Value: text}},
			},
		}
		for i := range n {
			rep.Way.Zones[0].Servers = append(rep.Way.Zones[0].Servers, validate.WayServer{Name: name, Reply: validate.Reply(text[:min(len(text), int(i))]), Text: text})
		}
		svg := draw(t, rep, picture.Options{})
		read(t, svg)
		assert.Equal(t, svg, draw(t, rep, picture.Options{}))
	})
}
