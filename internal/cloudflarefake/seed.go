package cloudflarefake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Seed makes lines in zone-file format, with full names, all that stands in a zone. A line that ends in "; proxied" or "; flattened"
// makes such a record.
func (f *Fake) Seed(zone string, lines ...string) error {
	f.Clear(zone)
	for _, l := range lines {
		l, proxied := strings.CutSuffix(l, " ; proxied")
		l, flattened := strings.CutSuffix(l, " ; flattened")
		rr, err := resolver.ParseRR(l)
		if err != nil {
			return err
		}
		r := Record{Name: rr.Name.String(), Type: rr.Type.String(), Content: rr.Text(), TTL: int(rr.TTL), Proxied: proxied}
		if flattened {
			r.Settings = map[string]any{"flatten_cname": true}
		}
		if rr.Type == resolver.TypeMX {
			priority, host, _ := strings.Cut(r.Content, " ")
			n, err := strconv.Atoi(priority)
			if err != nil {
				return fmt.Errorf("line %q: %w", l, err)
			}
			r.Priority, r.Content = &n, host
		}
		if err := f.Put(zone, r); err != nil {
			return err
		}
	}
	return nil
}

// Dump gives a line "name TYPE value" for each record of a zone, sorted, with final dots and what hides it.
func (f *Fake) Dump(zone string) []string {
	out := []string{}
	for _, r := range f.Records(zone) {
		l := r.Name + ". " + r.Type + " "
		if r.Priority != nil {
			l += strconv.Itoa(*r.Priority) + " "
		}
		l += r.Content
		switch r.Type {
		case "CNAME", "MX", "NS", "PTR":
			l += "."
		}
		if r.Proxied {
			l += " proxied"
		}
		if r.Settings["flatten_cname"] == true {
			l += " flattened"
		}
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}
