// Package picture draws what a check found out: the way from the root to the record, zone by zone, with the servers that
// were asked and what they said, where the chain of trust breaks, and where the record lies if not where it is looked for.
//
//	checker := validate.Checker{KeepWay: true}
//	report, err := checker.Check(ctx, record)
//	…
//	err = picture.SVG(file, report, picture.Options{})
//
// A picture is one SVG document for a file, an img element or the middle of a page. It holds no script and loads nothing;
// whatever came from the DNS is text in it and nothing else. It follows the reader's choice of light or dark, says nothing by
// colour alone, and has all that is drawn in words, too, for who cannot see it. The same report gives the same bytes. However
// many servers a zone has, it stays small; names stand whole.
package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Scheme is a choice of colours.
type Scheme string

// The schemes.
const (
	Auto  Scheme = ""      // what the reader's system or browser prefers (Media Queries 5, prefers-color-scheme)
	Light Scheme = "light" // dark on light
	Dark  Scheme = "dark"  // light on dark
)

// Options says how a picture is drawn. The zero value is right for a file.
type Options struct {
	Scheme Scheme
}

// SVG writes the picture of a report. A report without a way ([validate.Checker.KeepWay]) gives one of the verdict and the
// record alone. The error is w's.
func SVG(w io.Writer, report validate.Report, o Options) error {
	d := drawing{report: report, out: new(bytes.Buffer)}
	d.draw()
	sum := sha256.Sum256([]byte(report.Record.Name.String() + "\x00" + report.Record.Value.String()))
	id := "acmdoctor-" + hex.EncodeToString(sum[:4]) // several pictures may stand in one page
	var b bytes.Buffer
	scheme := ""
	if o.Scheme == Light || o.Scheme == Dark {
		scheme = fmt.Sprintf(" data-scheme=%q", string(o.Scheme))
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="acmdoctor"%s width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-title %s-desc">`+"\n",
		scheme, pageWidth, d.y, pageWidth, d.y, id, id)
	fmt.Fprintf(&b, "<title id=\"%s-title\">%s</title>\n", id, escape(d.title()))
	fmt.Fprintf(&b, "<desc id=\"%s-desc\">%s</desc>\n", id, escape(strings.Join(d.told, "\n")))
	fmt.Fprintf(&b, "<style>%s</style>\n", style)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", pageWidth, d.y)
	b.Write(d.out.Bytes())
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}
