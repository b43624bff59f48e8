package picture

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

// How much is drawn before the rest is said in words.
const (
	maxMessage      = 700 // characters of a finding's message
	maxReason       = 400 // of a reason
	maxDomains      = 4
	maxPlaces       = 4
	maxPerspectives = 8
)

func (d *drawing) draw() {
	d.y = margin
	d.head()
	d.record()
	d.walk()
	d.places()
	d.perspectives()
	d.legend()
	d.y += margin
}

const inner = pageWidth - 2*margin

// verdicts is how a verdict looks.
var verdicts = map[validate.Verdict]struct{ mark, class, text string }{
	validate.Valid:        {"yes", "good", "A CA that asks now finds the record"},
	validate.Invalid:      {"no", "bad", "A CA that asks now does not find the record, or must not issue"},
	validate.Undetermined: {"unknown", "warn", "The DNS did not answer well enough to say"},
}

// cause is the first finding in a sentence; where there is none the verdict speaks.
func (d *drawing) cause() string {
	r := d.report
	if r.Verdict != validate.Valid && len(r.Findings) > 0 {
		f := r.Findings[0]
		for _, rule := range validate.Rules() {
			if i := rule.Info(); i.ID == f.Rule {
				return capital(i.Title)
			}
		}
		return capital(cut(f.Message, maxMessage))
	}
	return verdicts[r.Verdict].text
}

func (d *drawing) domains() (shown []string, more int) {
	for _, n := range d.report.Record.Domains {
		shown = append(shown, n.Text())
	}
	if len(shown) == 0 && !d.report.Record.Name.IsZero() {
		shown = append(shown, d.report.Record.Domain().Text())
	}
	if len(shown) > maxDomains {
		more = len(shown) - maxDomains
		shown = shown[:maxDomains]
	}
	return shown, more
}

func (d *drawing) title() string {
	shown, _ := d.domains()
	return strings.ToUpper(string(d.report.Verdict)) + ": " + strings.Join(shown, ", ")
}

func (d *drawing) head() {
	look := verdicts[d.report.Verdict]
	shown, more := d.domains()
	title := d.tell("%s. %s.", d.title(), d.cause())
	d.group(title, func() {
		d.mark(look.mark, look.class, margin, d.y+7)
		d.line(verdictFace, look.class, margin+markSize+8, strings.ToUpper(string(d.report.Verdict)))
		for _, s := range shown {
			d.para(domainFace, "", margin, inner, s)
		}
		if more > 0 {
			d.line(softFace, "soft", margin, fmt.Sprintf("and %d more domains with the same record", more))
		}
		d.y += 4
		d.para(titleFace, "", margin, inner, d.cause()+".")
		if len(d.report.Findings) > 0 && d.report.Verdict != validate.Valid {
			f := d.report.Findings[0]
			message := capital(cut(f.Message, maxMessage))
			if message == d.cause() { // a rule of the user's own, whose title is not known here
				message = "Found by a rule"
			}
			d.para(bodyFace, "", margin, inner, d.tell("%s (%s).", message, f.Rule))
		}
	})
	d.y += padding
}

// record says what is looked for.
func (d *drawing) record() {
	r := d.report.Record
	title := d.tell("ACM asks for a CNAME record with the name %s and the value %s.", r.Name, r.Value)
	d.box(title, "panel", margin, inner, func(x, width int) {
		d.para(softFace, "soft", x, width, "ACM asks for a CNAME record with this name …")
		d.name(nameFace, x, width, r.Name.String(), 0, 0)
		d.y += 3
		d.para(softFace, "soft", x, width, "… and this value:")
		d.name(nameFace, x, width, r.Value.String(), 0, 0)
	})
}

// walk draws the zones as a stair that leads down, each with its servers.
func (d *drawing) walk() {
	zones := d.report.Way.Zones
	if len(zones) == 0 {
		return
	}
	d.y += padding
	d.para(softFace, "soft", margin, inner, "Whoever looks for it begins at the top, knowing nothing but the root. Each zone says which servers to ask next; that is a delegation.")
	d.y += 6
	left, bottom := 0, 0
	for i, z := range zones {
		x := margin + stair*min(i, maxStairs)
		if i > 0 {
			d.link(zones[i-1], z, left, bottom, x)
		}
		last := i == len(zones)-1
		title := d.tell("%s", zoneTitle(z, last))
		_, bottom = d.box(title, "panel", x, pageWidth-margin-x, func(x, width int) { d.zone(z, i, last, x, width) })
		left = x
	}
	if domain := d.report.Way.Missing; !domain.IsZero() {
		d.missing(zones[len(zones)-1], domain, left, bottom, margin+stair*min(len(zones), maxStairs))
	}
}

// missing draws the step that is not there.
func (d *drawing) missing(above validate.WayZone, domain resolver.Name, left, bottom, x int) {
	d.y += 7
	at := left + stair/2
	text := d.tell("%s", capital(fmt.Sprintf("%s delegates %s to nobody: the way ends here.", zoneName(above.Name), domain)))
	from := d.y
	d.para(titleFace, "bad", x, pageWidth-margin-x, text)
	d.y += 8
	head := d.y + padding + 9
	middle := (from + d.y) / 2
	d.box(fmt.Sprintf("%s is not there.", domain), "card silent", x, pageWidth-margin-x, func(x, width int) {
		d.name(zoneFace, x, width, domain.String(), 0, 0)
		d.para(softFace, "soft", x, width, "no such zone, as far as anybody who comes from the root can see")
	})
	fmt.Fprintf(d.out, "<path class=\"way bad\" d=\"M%d %dl12 12m0 -12l-12 12\"/>\n", at-6, middle-6)
	fmt.Fprintf(d.out, "<path class=\"way unknown\" d=\"M%d %dV%dM%d %dV%dH%d\"/>\n", at, bottom, middle-10, at, middle+10, head, x-2)
}

func zoneTitle(z validate.WayZone, last bool) string {
	text := "Zone " + zoneName(z.Name)
	if z.Name.IsRoot() {
		text = "The root zone"
	}
	if !z.Parent.IsZero() {
		text += ", below " + zoneName(z.Parent)
	}
	if z.Security != "" {
		text += ", " + security(z).text
	}
	if last {
		text += "; its servers are asked for the record"
	}
	return text + "."
}

func zoneName(n resolver.Name) string {
	if n.IsRoot() {
		return "the root"
	}
	return n.String()
}

// link is the arrow from a zone to the one below it, with what the zone above says.
func (d *drawing) link(parent, z validate.WayZone, left, bottom, x int) {
	d.y += 7
	width := pageWidth - margin - x
	look := security(z)
	broken := z.Security != "" && look.link == "broken"
	names := nameServers(z)
	text := capital(fmt.Sprintf("%s says: for %s, ask %s (a delegation).", zoneName(parent.Name), z.Name, names))
	d.group(d.tell("%s", text), func() {
		from := d.y
		d.para(bodyFace, "", x, width, text)
		switch {
		case z.Security == "" || parent.Security != dnssec.Secure:
		case broken:
			d.said(titleFace, "broken", look.class, x, width, d.tell("The chain of trust breaks here: %s.", whyLink(z)))
		case z.Security == dnssec.Secure:
			d.said(bodyFace, "locked", "good", x, width, d.tell("Signed: %s vouches for the keys of %s (a DS record).", zoneName(parent.Name), z.Name))
		case z.Security == dnssec.Insecure && !z.DS:
			d.said(bodyFace, "open", look.class, x, width, d.tell("Not signed from here on: %s has no DS record for %s. That is allowed.", zoneName(parent.Name), z.Name))
		default:
			d.said(bodyFace, look.mark, look.class, x, width, d.tell("From here on: %s.", look.text))
		}
		d.y += 8
		head := d.y + padding + 9
		at := left + stair/2
		class := map[bool]string{true: "bad", false: ""}[broken]
		path := fmt.Sprintf("M%d %dV%dH%d", at, bottom, head, x-9)
		if broken {
			middle := (from + d.y) / 2
			path = fmt.Sprintf("M%d %dV%dM%d %dV%dH%d", at, bottom, middle-10, at, middle+10, head, x-9)
			fmt.Fprintf(d.out, "<path class=\"way bad\" d=\"M%d %dl12 12m0 -12l-12 12\"/>\n", at-6, middle-6)
		}
		kind := ""
		if z.Security == dnssec.Indeterminate {
			kind = " unknown"
		}
		if z.Security == dnssec.Secure {
			kind = " secure"
		}
		fmt.Fprintf(d.out, "<path class=\"way%s %s\" d=\"%s\"/>\n", kind, class, path)
		if z.Security == dnssec.Secure {
			fmt.Fprintf(d.out, "<path class=\"gap\" d=\"%s\"/>\n", path)
		}
		fmt.Fprintf(d.out, "<path class=\"tip %s\" d=\"M%d %dl-10 -6v12z\"/>\n", class, x-1, head)
	})
}

// nameServers lists whom the parent names, up to four.
func nameServers(z validate.WayZone) string {
	const most = 4
	var names []string
	for _, s := range z.Servers {
		if n := serverName(s); s.ByParent && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	switch n := len(names); {
	case n == 0:
		return "nobody"
	case n > most:
		return fmt.Sprintf("%s or %d more", strings.Join(names[:most], ", "), n-most)
	case n == 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

func serverName(s validate.WayServer) string {
	if s.Name.IsZero() {
		return s.Addr.String()
	}
	return s.Name.String()
}

// look is how something is shown: by a mark, a class and words.
type look struct{ mark, class, text, link string }

func security(z validate.WayZone) look {
	broken := slices.ContainsFunc(z.Breaks, func(b validate.Break) bool { return b.Status == dnssec.Bogus })
	switch {
	case z.Security == dnssec.Bogus:
		return look{"broken", "bad", "signatures do not hold (bogus)", "broken"}
	case broken:
		return look{"broken", "bad", "some signatures do not hold (bogus)", ""}
	case z.Security == dnssec.Secure:
		return look{"locked", "good", "signed, and valid (secure)", ""}
	case z.Security == dnssec.Insecure:
		return look{"open", "calm", "not signed (insecure)", ""}
	}
	return look{"unknown", "warn", "it is not known whether the signatures hold (indeterminate)", ""}
}

func whyLink(z validate.WayZone) string {
	for _, b := range z.Breaks {
		if b.Link && b.Why != "" {
			return cut(b.Why, maxReason)
		}
	}
	return "its keys are not those that the zone above vouches for"
}

func (d *drawing) zone(z validate.WayZone, i int, last bool, x, width int) {
	if z.Name.IsRoot() {
		d.line(zoneFace, "", x, "the root (.)")
	} else {
		d.name(zoneFace, x, width, z.Name.String(), 0, 0)
	}
	role := "knows which servers each domain below it has"
	switch {
	case last && !d.report.Way.Missing.IsZero():
		role = "its servers know which domains there are below it"
	case last && i == 0:
		role = "nothing below it was reached"
	case last && !z.Inner.IsZero():
		role = fmt.Sprintf("its servers hold %s, too, and answer from there", z.Inner)
	case last:
		role = "its servers are asked for the record; a CA may ask any of them, so all have to agree"
	case i == 0:
		role = "the top of the DNS, which everybody knows"
	}
	d.para(softFace, "soft", x, width, role)
	if z.Security != "" {
		l := security(z)
		d.said(softFace, l.mark, l.class, x, width, l.text)
	}
	if last && z.Security == dnssec.Secure && d.report.Security == dnssec.Insecure {
		d.said(softFace, "open", "calm", x, width, d.tell("what a CA reads of it is not signed: the same servers hold a zone below, or an alias leads to one"))
	}
	d.breaks(z, x, width)
	if last && !z.Parent.IsZero() && mismatch(z) {
		d.said(bodyFace, "warn", "warn", x, width, d.tell("%s and %s do not name the same servers: look at who names each.", zoneName(z.Parent), z.Name))
	}
	d.y += 5
	if last {
		d.cards(z, x, width)
		return
	}
	d.rows(z, x, width)
}

// breaks says what does not validate inside the zone.
func (d *drawing) breaks(z validate.WayZone, x, width int) {
	const most = 3
	n := 0
	for _, b := range z.Breaks {
		if b.Link {
			continue
		}
		if n++; n > most {
			continue
		}
		l := look{"broken", "bad", "The chain of trust breaks here", ""}
		if b.Status != dnssec.Bogus {
			l = look{"unknown", "warn", "Not known", ""}
		}
		who := ""
		if b.Server.Addr.IsValid() {
			who = " in the answer of " + serverName(validate.WayServer{Name: b.Server.Name, Addr: b.Server.Addr.Addr()})
		}
		d.said(titleFace, l.mark, l.class, x, width, d.tell("%s%s: %s.", l.text, who, cut(b.Why, maxReason)))
	}
	if n > most {
		d.line(softFace, "soft", x, fmt.Sprintf("and %d more, in the report", n-most))
	}
}

// mismatch reports whether parent and zone name different servers.
func mismatch(z validate.WayZone) bool {
	if len(z.Own) == 0 {
		return false
	}
	var parent []resolver.Name
	for _, s := range z.Servers {
		if s.ByParent && !slices.Contains(parent, s.Name) {
			parent = append(parent, s.Name)
		}
	}
	slices.SortFunc(parent, resolver.Name.Compare)
	return !slices.Equal(parent, z.Own)
}

// replies is how a reply looks.
var replies = map[validate.Reply]look{
	validate.ReplyRefers:   {"on", "calm", "refers on", ""},
	validate.ReplyRecord:   {"yes", "good", "has the record", ""},
	validate.ReplyOther:    {"other", "bad", "has another value", ""},
	validate.ReplySeveral:  {"other", "bad", "has several values", ""},
	validate.ReplyDenies:   {"no", "bad", "does not have the record", ""},
	validate.ReplyLame:     {"warn", "warn", "does not serve this zone", ""},
	validate.ReplyFailure:  {"warn", "warn", "fails", ""},
	validate.ReplySilent:   {"silent", "silent", "does not answer", ""},
	validate.ReplyUseless:  {"unknown", "warn", "says nothing of use", ""},
	validate.ReplyNotAsked: {"idle", "", "was not asked", ""},
}

// looksOf is how a reply looks, one that is not known here too.
func looksOf(r validate.Reply) look {
	if l, ok := replies[r]; ok {
		return l
	}
	return look{"unknown", "warn", string(r), ""}
}

// shown is some servers that are drawn as one: the addresses of one name server that say the same, or what is left over.
type shown struct {
	validate.WayServer
	addrs []string
	more  int // addresses that are not written
	rest  int // name servers that this one stands for; 0: it is itself
}

// fold makes at most n cards, and one more for each reply among the rest.
func fold(servers []validate.WayServer, n int) (out []shown) {
	const maxAddrs = 4
	var all []shown
	for _, s := range servers {
		i := slices.IndexFunc(all, func(o shown) bool {
			return o.Name == s.Name && !s.Name.IsZero() && o.Reply == s.Reply && o.Text == s.Text && o.ByParent == s.ByParent
		})
		if i < 0 {
			all = append(all, shown{WayServer: s})
			i = len(all) - 1
		}
		switch {
		case !s.Addr.IsValid():
		case len(all[i].addrs) < maxAddrs:
			all[i].addrs = append(all[i].addrs, s.Addr.String())
		default:
			all[i].more++
		}
	}
	first := map[validate.Reply]bool{}
	keep := make([]bool, len(all))
	left := n
	for i, s := range all { // one of each kind, and nothing that says nothing
		if !first[s.Reply] && left > 0 && (s.Reply != validate.ReplyNotAsked || s.Text != "") {
			first[s.Reply], keep[i] = true, true
			left--
		}
	}
	for i, s := range all {
		if !keep[i] && left > 0 && (s.Reply != validate.ReplyNotAsked || s.Text != "") {
			keep[i] = true
			left--
		}
	}
	rest := map[validate.Reply]int{}
	for i, s := range all {
		if keep[i] {
			out = append(out, s)
		} else {
			rest[s.Reply]++
		}
	}
	var kinds []validate.Reply
	for k := range rest {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b validate.Reply) int { return cmp.Compare(a, b) })
	for _, k := range kinds {
		out = append(out, shown{WayServer: validate.WayServer{Reply: k}, rest: rest[k]})
	}
	return out
}

func (s shown) words() string {
	l := looksOf(s.Reply)
	switch {
	case s.rest > 0 && s.Reply == validate.ReplyNotAsked:
		return fmt.Sprintf("and %d more, not asked: one is enough here", s.rest)
	case s.rest > 0:
		return fmt.Sprintf("and %d more: %s", s.rest, s.Reply)
	}
	text := l.text
	switch s.Reply {
	case validate.ReplyRefers:
		if s.Text != "" {
			text += " to " + s.Text
		}
	case validate.ReplyOther, validate.ReplySeveral, validate.ReplyRecord:
	default:
		if s.Text != "" {
			text += ": " + cut(s.Text, maxReason)
		}
	}
	return text
}

// rows are the servers of a zone that is only passed through.
func (d *drawing) rows(z validate.WayZone, x, width int) {
	for _, s := range fold(z.Servers, 3) {
		l := looksOf(s.Reply)
		if s.rest > 0 {
			d.para(softFace, "soft", x+markSize+7, width-markSize-7, d.tell("%s.", capital(s.words())))
			continue
		}
		title := d.tell("%s (%s) %s.", serverName(s.WayServer), s.addresses(), s.words())
		d.group(title, func() {
			d.mark(l.mark, l.class, x, d.y+2)
			d.para(nameFace, "", x+markSize+7, width-markSize-7, serverName(s.WayServer)+"  "+s.addresses())
			d.para(softFace, textClass(l.class), x+markSize+7, width-markSize-7, s.words())
		})
		d.y += 3
	}
}

// textClass is the class of words for one of shapes.
func textClass(class string) string {
	if class == "silent" || class == "" {
		return "soft"
	}
	return class
}

func (s shown) addresses() string {
	switch {
	case len(s.addrs) == 0:
		return "no address"
	case s.more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(s.addrs, " "), s.more)
	}
	return strings.Join(s.addrs, " ")
}

// cards are the servers that are asked for the record, two in a row.
func (d *drawing) cards(z validate.WayZone, x, width int) {
	const gap = 12
	all := fold(z.Servers, 8)
	columns := min(2, len(all))
	each := width
	if columns == 2 {
		each = (width - gap) / 2
	}
	for row := range slices.Chunk(all, max(columns, 1)) {
		top, bottom := d.y, d.y
		tops := make([]func(height int), len(row))
		for i, s := range row {
			d.y = top
			tops[i] = d.card(z, s, x+i*(each+gap), each)
			bottom = max(bottom, d.y)
		}
		for _, t := range tops {
			t(bottom - top)
		}
		d.y = bottom + 10
	}
	d.y -= 10
}

// card draws one and gives what puts it on paper, once the height of its row is known.
func (d *drawing) card(z validate.WayZone, s shown, x, width int) func(height int) {
	l := looksOf(s.Reply)
	words := capital(s.words())
	if refused(z, s) {
		l = look{"broken", "bad", "", ""}
		words += ", and its signatures do not hold: a CA must not take it"
	}
	class := strings.TrimSpace("card " + l.class)
	top := d.y
	before := d.out
	d.out = new(bytes.Buffer)
	d.y += padding
	title := ""
	at, w := x+padding, width-2*padding
	if s.rest > 0 {
		title = d.tell("%s.", capital(s.words()))
		d.said(bodyFace, l.mark, textClass(l.class), at, w, capital(s.words()))
	} else {
		title = d.tell("%s (%s) %s%s.%s", serverName(s.WayServer), s.addresses(), words, valueWords(s), namedBy(z, s))
		d.said(titleFace, l.mark, textClass(l.class), at, w, words)
		d.y += 2
		d.name(nameFace, at, w, serverName(s.WayServer), 0, 0)
		if !s.Name.IsZero() {
			d.para(softFace, "soft", at, w, s.addresses())
		}
		if s.Reply == validate.ReplyOther || s.Reply == validate.ReplySeveral {
			d.para(nameFace, "", at, w, cut(s.Text, maxMessage*2))
		}
		if n := namedBy(z, s); n != "" {
			d.said(softFace, "warn", "warn", at, w, strings.TrimSpace(n))
		}
	}
	d.y += padding
	inside := d.out
	d.out = before
	return func(height int) {
		fmt.Fprintf(d.out, "<g class=\"box\">\n<title>%s</title>\n<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", escape(title), class, x, top, width, height)
		d.out.Write(inside.Bytes())
		d.out.WriteString("</g>\n")
	}
}

// refused reports whether an answer is one that a CA must not take, for the chain of trust breaks above it or in it.
func refused(z validate.WayZone, s shown) bool {
	switch s.Reply {
	case validate.ReplyRecord, validate.ReplyOther, validate.ReplySeveral, validate.ReplyDenies:
	default:
		return false
	}
	return s.rest == 0 && (z.Security == dnssec.Bogus || slices.ContainsFunc(z.Breaks, func(b validate.Break) bool {
		return b.Status == dnssec.Bogus && b.Server.Addr.IsValid() && b.Server.Name == s.Name && slices.Contains(s.addrs, b.Server.Addr.Addr().String())
	}))
}

func valueWords(s shown) string {
	if s.Reply == validate.ReplyOther || s.Reply == validate.ReplySeveral {
		return ": " + cut(s.Text, maxMessage*2)
	}
	return ""
}

// namedBy says who names a server, where parent and zone do not agree.
func namedBy(z validate.WayZone, s shown) string {
	switch {
	case !s.ByParent:
		return fmt.Sprintf(" Only %s itself names it; %s sends nobody here.", z.Name, zoneName(z.Parent))
	case mismatch(z) && !slices.Contains(z.Own, s.Name):
		return fmt.Sprintf(" Only %s names it; %s itself does not.", zoneName(z.Parent), z.Name)
	}
	return ""
}

func capital(s string) string {
	if word, _, _ := strings.Cut(s, " "); s == "" || strings.ContainsAny(word, "._") {
		return s
	}
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}
