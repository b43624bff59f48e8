package picture

import (
	"fmt"
	"strings"
)

// colours are the two palettes, light and dark. Each text has 4.5:1 on what it stands on, each line that carries a meaning
// 3:1 (WCAG 2.2, 1.4.3 and 1.4.11); a test in a browser measures them.
var colours = []struct{ selector, property, light, dark string }{
	{".page", "fill", "#ffffff", "#0d1117"},
	{".panel", "fill", "#f3f5f8", "#171d26"},
	{".panel", "stroke", "#8a939e", "#5f6975"},
	{".card", "fill", "#ffffff", "#0d1117"},
	{"text", "fill", "#1b1f24", "#e6edf3"},
	{"text.soft", "fill", "#535b65", "#a7b0bb"},
	{".card,.mark,.way", "stroke", "#6b7480", "#8b949e"},
	{".card.good,.mark.good,.way.good", "stroke", "#116329", "#56d364"},
	{"text.good", "fill", "#116329", "#56d364"},
	{".card.bad,.mark.bad,.way.bad", "stroke", "#a40e26", "#ff7b72"},
	{"text.bad", "fill", "#a40e26", "#ff7b72"},
	{".card.warn,.mark.warn,.way.warn", "stroke", "#7d4e00", "#e3b341"},
	{"text.warn", "fill", "#7d4e00", "#e3b341"},
	{".card.calm,.mark.calm,.way.calm", "stroke", "#0550ae", "#79c0ff"},
	{"text.calm", "fill", "#0550ae", "#79c0ff"},
	{".tip", "fill", "#6b7480", "#8b949e"},
	{".tip.bad", "fill", "#a40e26", "#ff7b72"},
	{".gap", "stroke", "#ffffff", "#0d1117"},
}

// shapes is the part of the style that is the same in both palettes: weights and dashes say what colours say.
const shapes = `
.acmdoctor{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif;max-width:100%;height:auto}
.acmdoctor text{stroke:none;white-space:pre}
.acmdoctor .verdict{font-size:22px;font-weight:700}
.acmdoctor .domain{font:700 17px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.acmdoctor .zone{font:700 15px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.acmdoctor .name{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.acmdoctor .head{font-size:14px;font-weight:700}
.acmdoctor .body{font-size:13px}
.acmdoctor .soft{font-size:12px}
.acmdoctor .differs{font-weight:700;text-decoration:underline}
.acmdoctor .panel{stroke-width:1}
.acmdoctor .card{stroke-width:1.2}
.acmdoctor .card.good{stroke-width:2}
.acmdoctor .card.bad{stroke-width:3}
.acmdoctor .card.warn{stroke-width:2;stroke-dasharray:8 4}
.acmdoctor .card.silent{stroke-dasharray:2 5;stroke-linecap:round}
.acmdoctor .mark,.acmdoctor .way,.acmdoctor .gap{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.acmdoctor .way.secure{stroke-width:6;stroke-linecap:butt}
.acmdoctor .gap{stroke-width:2;stroke-linecap:butt}
.acmdoctor .way.unknown,.acmdoctor .way.move{stroke-dasharray:7 5}
`

// style is the style sheet. A scheme that is asked for wins over what the reader prefers; what knows no media queries shows
// the light one.
var style = func() string {
	var light, dark strings.Builder
	rule := func(b *strings.Builder, root, selector, property, colour string) {
		var all []string
		for _, s := range strings.Split(selector, ",") {
			all = append(all, root+" "+s)
		}
		fmt.Fprintf(b, "%s{%s:%s}\n", strings.Join(all, ","), property, colour)
	}
	for _, c := range colours {
		rule(&light, ".acmdoctor", c.selector, c.property, c.light)
	}
	dark.WriteString("@media (prefers-color-scheme:dark){\n")
	for _, c := range colours {
		rule(&dark, `.acmdoctor:not([data-scheme="light"])`, c.selector, c.property, c.dark)
	}
	dark.WriteString("}\n")
	for _, c := range colours {
		rule(&dark, `.acmdoctor[data-scheme="dark"]`, c.selector, c.property, c.dark)
	}
	return shapes + light.String() + dark.String()
}()
