package picture

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Measures, in px.
const (
	pageWidth = 920
	margin    = 24
	padding   = 12
	stair     = 26 // how far a zone stands right of the one above it
	maxStairs = 6
	markSize  = 16
)

// drawing is a picture that grows downwards.
type drawing struct {
	report validate.Report
	out    *bytes.Buffer
	y      int      // where the next thing goes
	told   []string // what is drawn, in words, in the same order
}

// tell adds to the words of the whole and gives them, for the title of a part.
func (d *drawing) tell(format string, args ...any) string {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "..", ".") // a name's dot is the sentence's, too
	d.told = append(d.told, text)
	return text
}

// group holds what stands together under a title, which a browser shows for a pointer that rests on it.
func (d *drawing) group(title string, draw func()) {
	fmt.Fprintf(d.out, "<g>\n<title>%s</title>\n", escape(title))
	draw()
	d.out.WriteString("</g>\n")
}

// box draws what fits into a rectangle with it behind. The content is drawn first, since it says how tall it is.
func (d *drawing) box(title, class string, x, width int, content func(x, width int)) (top, bottom int) {
	top = d.y
	before := d.out
	d.out = new(bytes.Buffer)
	d.y += padding
	content(x+padding, width-2*padding)
	d.y += padding
	inside := d.out
	d.out = before
	fmt.Fprintf(d.out, "<g class=\"box\">\n<title>%s</title>\n<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"7\"/>\n", escape(title), class, x, top, width, d.y-top)
	d.out.Write(inside.Bytes())
	d.out.WriteString("</g>\n")
	return top, d.y
}

// line writes one line of text whose top is d.y, and goes below it.
func (d *drawing) line(f face, class string, x int, text string) {
	d.y += f.leading()
	d.at(f, class, x, d.y-f.leading()/4-1, escape(text))
}

// at writes text, escaped already, on a baseline.
func (d *drawing) at(f face, class string, x, baseline int, text string) {
	if class != "" && class != f.class {
		class = " " + class
	} else {
		class = ""
	}
	fmt.Fprintf(d.out, "<text class=\"%s%s\" x=\"%d\" y=\"%d\">%s</text>\n", f.class, class, x, baseline, text)
}

// para writes text in as many lines as it takes.
func (d *drawing) para(f face, class string, x, width int, text string) {
	for _, l := range f.wrap(text, float64(width)) {
		d.line(f, class, x, l)
	}
}

// name writes a name whole, with the part from lo to hi marked as what differs.
func (d *drawing) name(f face, x, width int, name string, lo, hi int) {
	at := 0
	for _, l := range f.wrap(name, float64(width)) {
		d.y += f.leading()
		from, to := min(max(lo-at, 0), len(l)), min(max(hi-at, 0), len(l))
		text := escape(l)
		if from < to {
			text = escape(l[:from]) + `<tspan class="differs">` + escape(l[from:to]) + "</tspan>" + escape(l[to:])
		}
		d.at(f, "", x, d.y-f.leading()/4-1, text)
		at += len(l)
	}
}

// mark draws a small sign; each has its own shape.
func (d *drawing) mark(kind, class string, x, y int) {
	path := map[string]string{
		"yes":     "M8 1a7 7 0 1 0 .01 0zM4.6 8.2l2.4 2.4 4.4-5",
		"no":      "M5 1h6l4 4v6l-4 4H5l-4-4V5zM5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6",
		"other":   "M8 .8L15.2 8 8 15.2.8 8zM5 6.6h6M5 9.4h6M9.8 4.6l-3.6 6.8",
		"warn":    "M8 1.4L15.2 14.4H.8zM8 6v3.6M8 12v.1",
		"silent":  "M8 1a7 7 0 1 0 .01 0zM4.6 8h.1M8 8h.1M11.4 8h.1",
		"unknown": "M8 1a7 7 0 1 0 .01 0zM6 6.2c0-2.8 4-2.6 4-.2C10 7.6 8 7.4 8 9.2M8 11.8v.1",
		"on":      "M8 1a7 7 0 1 0 .01 0zM8 4.4v7M5 8.6l3 3 3-3",
		"idle":    "M8 4a4 4 0 1 0 .01 0z",
		"locked":  "M3 7.5h10v7H3zM5 7.5V5a3 3 0 0 1 6 0v2.5",
		"open":    "M3 7.5h10v7H3zM5 7.5V4.6a2.8 2.8 0 0 1 5.4-1",
		"broken":  "M3 7.5h4l1 2.4 1-2.4h4v7H9l-1-2-1 2H3zM5 7.5V5a3 3 0 0 1 6 0v2.5",
	}[kind]
	fmt.Fprintf(d.out, "<path class=\"mark %s\" transform=\"translate(%d %d)\" d=\"%s\"/>\n", class, x, y, path)
}

// said writes a mark and words behind it.
func (d *drawing) said(f face, kind, class string, x, width int, text string) {
	d.mark(kind, class, x, d.y+(f.leading()-markSize)/2)
	d.para(f, class, x+markSize+7, width-markSize-7, text)
}
