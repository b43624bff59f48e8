package picture

import (
	"fmt"

	"github.com/acmdoctor/acmdoctor/validate"
)

// says is how what a recursive resolver says looks.
var says = map[validate.Says]look{
	validate.SaysRecord:  {"yes", "good", "", ""},
	validate.SaysOther:   {"other", "bad", "", ""},
	validate.SaysNoName:  {"no", "bad", "", ""},
	validate.SaysNoData:  {"no", "bad", "", ""},
	validate.SaysFailure: {"warn", "warn", "", ""},
	validate.SaysBogus:   {"broken", "bad", "", ""},
	validate.SaysNothing: {"silent", "silent", "", ""},
	validate.SaysUseless: {"unknown", "warn", "", ""},
}

// perspectives are the recursive resolvers, beside the way: nothing of it leads through them.
func (d *drawing) perspectives() {
	list := d.report.Perspectives
	if len(list) == 0 {
		return
	}
	d.y += 2 * padding
	title := d.tell("Recursive resolvers, which remember what they were told and do not count for the verdict.")
	d.box(title, "panel", margin, inner, func(x, width int) {
		d.line(titleFace, "", x, "Recursive resolvers: they remember, and do not count for the verdict")
		for i, w := range list {
			if i == maxPerspectives {
				d.line(softFace, "soft", x, fmt.Sprintf("and %d more", len(list)-i))
				break
			}
			who := w.Resolver.String()
			if w.Own {
				who += " (this machine's)"
			}
			text := cut(w.Text, maxReason)
			if !w.Until.IsZero() && w.Says != validate.SaysRecord {
				text += ", until " + w.Until.UTC().Format("15:04:05 UTC on 2006-01-02")
			}
			l, ok := says[w.Says]
			if !ok {
				l = look{"unknown", "warn", "", ""}
			}
			d.group(d.tell("%s: %s.", who, text), func() {
				d.mark(l.mark, l.class, x, d.y+2)
				d.para(nameFace, "", x+markSize+7, width-markSize-7, who)
				d.para(softFace, textClass(l.class), x+markSize+7, width-markSize-7, text)
			})
		}
	})
}

// legend explains what a picture shows to somebody who has never seen a delegation.
func (d *drawing) legend() {
	d.y += 2 * padding
	lines := []string{
		"Zone: a part of the DNS that is kept together, such as all of example.com. Its name servers hold it.",
		"Delegation: the zone above names the servers of the zone below. Whoever comes from the root goes where the parent says; what the zone itself says counts for those who have been there. Both should say the same.",
	}
	for _, z := range d.report.Way.Zones {
		if z.Security != "" {
			lines = append(lines, "Chain of trust (DNSSEC): each zone vouches for the keys of the next one by a DS record. A double line is signed, a single one is not, a cross is where it breaks; a CA then takes the answer for none.")
			break
		}
	}
	lines = append(lines, "A recursive resolver is what computers ask at home or at work; it walks this way for them and remembers what it found for a while.")
	d.group("What the words mean", func() {
		for _, l := range lines {
			d.para(softFace, "soft", margin, inner, l)
			d.y += 3
		}
	})
}
