package providers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Format is a form in which a plan runs without this program and without a credential given to it.
type Format string

// The forms of [Plan.Export].
const (
	FormatZone      Format = "zone"      // lines for a zone file (RFC 1035, 5.1); what is to be removed stands there as comments
	FormatNSUpdate  Format = "nsupdate"  // a script for BIND's nsupdate, with prerequisites: it changes nothing if the zone has changed
	FormatRoute53   Format = "route53"   // a change batch for aws route53 change-resource-record-sets
	FormatTerraform Format = "terraform" // HCL, in the resources of the provider's own Terraform provider where it has one
)

// Formats lists the forms.
func Formats() []Format { return []Format{FormatZone, FormatNSUpdate, FormatRoute53, FormatTerraform} }

// ErrFormat: a plan cannot be written in this form.
var ErrFormat = errors.New("the plan cannot be written in this form")

// Export is [Export] of one plan.
func (p Plan) Export(w io.Writer, f Format) error { return Export(w, f, p) }

// Export writes plans in a form that runs without this program. Empty plans are left out; where nothing is left, nothing is
// written. The change batch of Route 53 is for one zone: plans of several are an error. So is there, and for Terraform, a name that two
// plans change, and in any form a record that is to be made proxied or the like. Whatever came from a provider is written
// only as RDATA that was understood. Errors wrap [ErrFormat] or are those of w.
func Export(w io.Writer, f Format, plans ...Plan) error {
	write, ok := map[Format]func(*exporter) error{
		FormatZone: (*exporter).zone, FormatNSUpdate: (*exporter).nsupdate,
		FormatRoute53: (*exporter).route53, FormatTerraform: (*exporter).terraform,
	}[f]
	if !ok {
		return fmt.Errorf("providers: export as %q: expected one of %v: %w", string(f), Formats(), ErrFormat)
	}
	e := exporter{plans: slices.DeleteFunc(slices.Clone(plans), Plan.Empty)}
	if len(e.plans) == 0 {
		return nil
	}
	err := e.writable(f)
	if err == nil {
		err = write(&e)
	}
	if err != nil {
		return fmt.Errorf("providers: export as %s: %w", f, err)
	}
	_, err = io.WriteString(w, e.b.String())
	return err
}

// writable finds what no form of this kind can say: a record that the DNS is not to show and, where the form is a state and not a
// course of events, a name that is changed twice, as by undo data of two changes.
func (e *exporter) writable(f Format) error {
	changed := map[resolver.Name]int{}
	for i, p := range e.plans {
		for _, s := range p.Steps() {
			if s.To.Hidden != Shown {
				return fmt.Errorf("%s %s would have to be made %s, which is the provider's own: %w", s.Name, s.Type, s.To.Hidden, ErrFormat)
			}
			first, again := changed[s.Name]
			if again && first != i && (f == FormatRoute53 || f == FormatTerraform) {
				return fmt.Errorf("%s is changed twice, one after the other: %w", s.Name, ErrFormat)
			}
			changed[s.Name] = i
		}
	}
	return nil
}

// exporter writes one form of plans that change something.
type exporter struct {
	plans []Plan
	b     strings.Builder
}

func (e *exporter) line(format string, a ...any) { fmt.Fprintf(&e.b, format+"\n", a...) }

// head says as comments what a plan is for and what should be known before it is run.
func (e *exporter) head(mark string, p Plan) {
	e.line("%s %s", mark, p.title())
	why := p.why
	if p.rule != "" {
		why = string(p.rule) + ": " + why
	}
	for _, n := range append([]string{why}, p.notes...) {
		e.line("%s %s", mark, printable(strings.Join(strings.Fields(n), " ")))
	}
}

// rdata gives a set's values in the one spelling that is RDATA and nothing else; a second line or a comment cannot hide in it.
func rdata(s RRset) ([]string, error) {
	var out []string
	for _, v := range s.Values {
		rr, err := resolver.ParseRR(". 0 IN " + s.Type.String() + " " + v)
		if err != nil || rr.Type != s.Type || strings.ContainsAny(v, "\r\n") {
			return nil, fmt.Errorf("%s %s %q is not RDATA: %w", s.Name, s.Type, v, ErrFormat)
		}
		out = append(out, rr.Text())
	}
	return out, nil
}

func (e *exporter) zone() error {
	for i, p := range e.plans {
		if i > 0 {
			e.line("")
		}
		e.head(";", p)
		for _, s := range p.Steps() {
			gone, err := rdata(s.From)
			if err != nil {
				return err
			}
			come, err := rdata(s.To)
			if err != nil {
				return err
			}
			for _, v := range gone {
				e.line("; remove: %s %d IN %s %s", s.Name, s.From.TTL, s.Type, v)
			}
			for _, v := range come {
				e.line("%s %d IN %s %s", s.Name, orDefault(s.To.TTL, validate.DefaultTTL), s.Type, v)
			}
		}
	}
	return nil
}

// nsupdate writes a message for each plan. Its prerequisites are all that was read at the names (RFC 2136, 2.4): whoever changed
// one since keeps what they made.
func (e *exporter) nsupdate() error {
	for i, p := range e.plans {
		if i > 0 {
			e.line("")
		}
		e.head(";", p)
		e.line("zone %s", p.zone.Apex)
		for _, u := range p.units {
			if len(u.before) == 0 {
				e.line("prereq nxdomain %s", u.name)
			}
			for _, s := range u.before {
				values, err := rdata(s)
				if err != nil {
					return err
				}
				for _, v := range values {
					e.line("prereq yxrrset %s IN %s %s", u.name, s.Type, v)
				}
			}
		}
		for _, s := range p.Steps() {
			gone, err := rdata(s.From)
			if err != nil {
				return err
			}
			come, err := rdata(s.To)
			if err != nil {
				return err
			}
			// An added CNAME takes the place of the one that stands there (RFC 2136, 3.4.2.2). A server that signs may lose the
			// name when it is told to delete and add in one message (Knot 3.2, measured), so it is not told.
			if len(come) == 0 || s.Type != resolver.TypeCNAME {
				for _, v := range gone {
					e.line("update delete %s IN %s %s", s.Name, s.Type, v)
				}
			}
			for _, v := range come {
				e.line("update add %s %d IN %s %s", s.Name, orDefault(s.To.TTL, validate.DefaultTTL), s.Type, v)
			}
		}
		e.line("send")
	}
	return nil
}

// The change batch of ChangeResourceRecordSets, as the AWS command line reads it.
type (
	changeBatch struct {
		Comment string
		Changes []route53Change
	}
	route53Change struct {
		Action            string
		ResourceRecordSet route53Set
	}
	route53Set struct {
		Name, Type      string
		TTL             uint32
		ResourceRecords []route53Value
	}
	route53Value struct{ Value string }
)

// route53Comment is the longest comment of a change batch (Amazon Route 53 API Reference, ChangeBatch).
const route53Comment = 256

// route53 writes one batch of exact deletions and creations: it is carried out whole, or refused when the zone has changed.
func (e *exporter) route53() error {
	batch := changeBatch{Comment: e.plans[0].title()}
	for _, p := range e.plans {
		if p.zone.Apex != e.plans[0].zone.Apex || p.zone.ID != e.plans[0].zone.ID {
			return fmt.Errorf("a change batch is for one zone, and these are for %s and %s: %w",
				e.plans[0].zone.Apex, p.zone.Apex, ErrFormat)
		}
		for _, s := range p.Steps() {
			for _, x := range []struct {
				action string
				set    RRset
			}{{"DELETE", s.From}, {"CREATE", s.To}} {
				values, err := rdata(x.set)
				if err != nil {
					return err
				}
				if len(values) == 0 {
					continue
				}
				c := route53Change{x.action, route53Set{Name: octalName(s.Name), Type: s.Type.String(), TTL: x.set.TTL}}
				for _, v := range values {
					c.ResourceRecordSet.ResourceRecords = append(c.ResourceRecordSet.ResourceRecords, route53Value{v})
				}
				batch.Changes = append(batch.Changes, c)
			}
		}
	}
	batch.Comment = batch.Comment[:min(len(batch.Comment), route53Comment)]
	enc := json.NewEncoder(&e.b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(batch)
}

// octalName spells a name as Route 53 does: octets other than letters, digits, hyphen and underscore as three octal digits
// (Amazon Route 53 Developer Guide, DNS domain name format).
func octalName(n resolver.Name) string {
	var b strings.Builder
	for _, l := range n.Labels() {
		for i := range len(l) {
			if c := l[i]; c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "\\%03o", c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}
