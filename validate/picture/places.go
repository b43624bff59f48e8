package picture

import (
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// places draws where a CA looks, and below it where the record lies instead, with an arrow from there to where it belongs.
func (d *drawing) places() {
	r := d.report
	found := r.Way.Places
	if len(r.Way.Zones) == 0 || len(found) == 0 {
		return
	}
	d.y += 2 * padding
	asked := r.Record.Name.String()
	lo, hi := 0, 0
	if len(found) == 1 {
		lo, hi, _, _ = differ(asked, found[0].Name.String())
	}
	title := d.tell("Here a CA looks: %s. %s.", asked, d.there())
	_, bottom := d.box(title, "panel", margin, inner, func(x, width int) {
		d.line(titleFace, "", x, "Here a CA looks, and here the record belongs")
		d.name(nameFace, x, width, asked, lo, hi)
		l := look{"no", "bad", "", ""}
		if unanimous(r.Way, validate.ReplyRecord) {
			l = look{"yes", "good", "", ""}
		} else if !spoken(r.Way) {
			l = look{"unknown", "warn", "", ""}
		}
		d.said(bodyFace, l.mark, l.class, x, width, d.there())
	})
	for i, p := range found {
		if i == maxPlaces {
			d.y += 8
			d.para(softFace, "soft", margin+2*stair, inner, d.tell("And at %d more names, in the report.", len(found)-i))
			break
		}
		d.place(p, asked, bottom)
	}
}

// there says in one line what the servers that are asked say of the name.
func (d *drawing) there() string {
	zones := d.report.Way.Zones
	count := map[validate.Reply]int{}
	n := 0
	for _, s := range zones[len(zones)-1].Servers {
		if s.Reply != validate.ReplyNotAsked {
			count[s.Reply]++
			n++
		}
	}
	var parts []string
	for _, k := range []validate.Reply{
		validate.ReplyRecord, validate.ReplyOther, validate.ReplySeveral, validate.ReplyDenies, validate.ReplyLame, validate.ReplyFailure, validate.ReplySilent,
		validate.ReplyRefers, validate.ReplyUseless,
	} {
		switch {
		case count[k] == 0:
		case n == 1:
			return "The one that was asked: " + string(k)
		case count[k] == n && n == 2:
			return "Both that were asked: " + string(k)
		case count[k] == n:
			return fmt.Sprintf("All %d that were asked: %s", n, k)
		default:
			parts = append(parts, fmt.Sprintf("%d: %s", count[k], k))
		}
	}
	if len(parts) == 0 {
		return "Nobody could be asked"
	}
	return fmt.Sprintf("Of %d that were asked, %s", n, strings.Join(parts, "; "))
}

// unanimous reports whether every server that answered for the record says the same.
func unanimous(w validate.Way, r validate.Reply) bool {
	some := false
	for _, s := range w.Zones[len(w.Zones)-1].Servers {
		if s.Reply != r && s.Reply != validate.ReplyNotAsked {
			return false
		}
		some = some || s.Reply == r
	}
	return some
}

// spoken reports whether a server said something of the record.
func spoken(w validate.Way) bool {
	for _, s := range w.Zones[len(w.Zones)-1].Servers {
		switch s.Reply {
		case validate.ReplyRecord, validate.ReplyOther, validate.ReplySeveral, validate.ReplyDenies:
			return true
		}
	}
	return false
}

func (d *drawing) place(p validate.Place, asked string, above int) {
	why := string(p.Rule)
	for _, rule := range validate.Rules() {
		if i := rule.Info(); i.ID == p.Rule {
			why = i.Title
		}
	}
	d.y += 14
	x := margin + 2*stair
	width := pageWidth - margin - x
	d.para(bodyFace, "", x, width, "It belongs up there. "+capital(why)+" ("+string(p.Rule)+").")
	d.y += 6
	var servers []string
	for i, s := range p.Servers {
		if i == maxPlaces {
			servers = append(servers, fmt.Sprintf("%d more", len(p.Servers)-i))
			break
		}
		servers = append(servers, serverName(validate.WayServer{Name: s.Name, Addr: s.Addr.Addr()}))
	}
	_, _, lo, hi := differ(asked, p.Name.String())
	where := "Here it lies instead: at another name"
	switch {
	case p.Name == d.report.Record.Name && p.Type != resolver.TypeCNAME:
		where = "Here its value stands instead: in a record of another type"
	case p.Name == d.report.Record.Name:
		where = "Here it lies instead: at name servers that nobody is sent to"
	}
	title := d.tell("%s. %s %s %s, at %s. %s.", where, p.Name, p.Type, cut(p.Value, maxMessage*2), strings.Join(servers, ", "), capital(why))
	top, _ := d.box(title, "card bad", x, width, func(x, width int) {
		d.para(titleFace, "bad", x, width, where)
		d.name(nameFace, x, width, p.Name.String(), lo, hi)
		d.para(nameFace, "", x, width, p.Type.String()+" "+cut(p.Value, maxMessage*2))
		if len(servers) > 0 {
			d.para(softFace, "soft", x, width, "at "+strings.Join(servers, ", "))
		}
	})
	at, from := margin+stair, top+padding+9
	fmt.Fprintf(d.out, "<path class=\"way move\" d=\"M%d %dH%dV%d\"/>\n<path class=\"tip\" d=\"M%d %dl-6 10h12z\"/>\n", x-2, from, at, above+11, at, above+1)
}

// differ finds the part of each of two names that the other has not: what is left between the ends that they share. It gives
// nothing where that is most of a name.
func differ(a, b string) (alo, ahi, blo, bhi int) {
	p := 0
	for p < len(a) && p < len(b) && a[p] == b[p] {
		p++
	}
	s := 0
	for s < len(a)-p && s < len(b)-p && a[len(a)-1-s] == b[len(b)-1-s] {
		s++
	}
	if p+s < len(a)/2 && p+s < len(b)/2 {
		return 0, 0, 0, 0
	}
	return p, len(a) - s, p, len(b) - s
}
