package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// The sources that several rules rest on.
var (
	refTroubleshoot = Ref{"ACM User Guide", "Troubleshoot DNS validation problems"}
	refValidation   = Ref{"ACM User Guide", "AWS Certificate Manager DNS validation"}
	refArticle      = Ref{"AWS re:Post knowledge centre", "CNAME record not resolving, validation still pending"}
	refAPI          = Ref{"ACM API Reference", "DomainValidation"}
	refCertificate  = Ref{"ACM API Reference", "CertificateDetail"}
)

// servedBy is the host of the zone that is asked, by the name servers that the parent names; zero where none is known, or
// several.
func (p *Pass) servedBy() Host { return HostOf(namesOf(p.facts.cut.NameServers)) }

// host says where the zone is edited: the provider where one is known, each of them where several are, else the servers that
// the world is sent to.
func (p *Pass) host() string {
	servers := namesOf(p.facts.cut.NameServers)
	if h := HostOf(servers); !h.IsZero() {
		return h.Name
	}
	all := slices.DeleteFunc(HostsOf(servers), func(h Hosting) bool { return h.Confidence != Likely })
	if len(all) > 1 {
		return fmt.Sprintf("each provider of the zone %s: %s", p.facts.zone, list(all, hostingText))
	}
	return fmt.Sprintf("whoever hosts the zone %s (name servers %s)", p.facts.zone, strings.Join(texts(servers), ", "))
}

func hostingText(h Hosting) string {
	return fmt.Sprintf("%s (%s)", h.Host.Name, list(h.NameServers, nameText))
}

// create says where and how the record is typed into a form, a line for each field: as the host's form wants it where that
// is known; else the relative name first, since appending the zone is what most forms do.
func (p *Pass) create(then ...string) string { return p.createWith(DefaultTTL, then...) }

func (p *Pass) createWith(ttl uint32, then ...string) string {
	h := p.servedBy()
	lines := []string{fmt.Sprintf("at %s, create:", p.host()), "  Type   CNAME"}
	if h.Flattens == FlattensAlias {
		lines[1] += "  (not ALIAS or ANAME)"
	}
	lines = append(lines, p.nameField(h)...)
	lines = append(lines, p.valueField(h)...)
	lines = append(lines, fmt.Sprintf("  TTL    %d", ttl))
	if h.Flattens != FlattensCNAME {
		lines = append(lines, "  Proxy, flattening, forwarding: off")
	}
	lines = append(lines, then...)
	lines = append(lines, p.lookOut(h))
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

// relativeName is the record's name without the zone.
func (p *Pass) relativeName() string {
	if rel, ok := p.Record.Name.Relative(p.facts.zone); ok {
		return rel
	}
	return p.Record.Name.Text()
}

func (p *Pass) nameField(h Host) []string {
	full := p.Record.Name.Text()
	if h.Dot == DotMust {
		full = p.Record.Name.String()
	}
	switch {
	case h.Appends():
		return []string{"  Name   " + p.relativeName(), fmt.Sprintf("         (%s appends %s)", h.Name, p.facts.zone)}
	case h.Form == NameFull && h.sure("form"):
		return []string{"  Name   " + full, "         (the full name)"}
	}
	return []string{
		"  Name   " + p.relativeName(),
		fmt.Sprintf("         (relative to %s, which most forms append; only where", p.facts.zone),
		fmt.Sprintf("         the form takes full names: %s)", p.Record.Name),
	}
}

// valueField gives the value with its final dot, as zone files want it (RFC 1035, 5.1), unless the host's form is known to
// refuse it.
func (p *Pass) valueField(h Host) []string {
	value, hint := p.valueFor(h)
	out := []string{"  Value  " + value}
	if hint != "" {
		out = append(out, "         ("+hint+")")
	}
	return out
}

func (p *Pass) valueFor(h Host) (value, hint string) {
	switch {
	case h.Dot == DotAny && h.sure("dot"):
		return p.Record.Value.String(), ""
	case h.Dot == DotNo && h.sure("dot"):
		return p.Record.Value.Text(), "without a final dot"
	case h.Dot == DotMust && h.sure("dot"):
		return p.Record.Value.String(), "with the final dot: without it the zone is appended"
	}
	return p.Record.Value.String(), "with the final dot; where the form refuses it, without"
}

// lookOut tells what else goes wrong at the host.
func (p *Pass) lookOut(h Host) string {
	if len(h.Warnings) == 0 {
		return ""
	}
	return fmt.Sprintf("at %s, look out: %s", h.Name, strings.Join(h.Warnings, "; "))
}

// correct says how the value of a record that is there is put right.
func (p *Pass) correct() string {
	value, hint := p.valueFor(p.servedBy())
	if hint != "" {
		hint = " (" + hint + ")"
	}
	return fmt.Sprintf("at %s, change the value at %s to exactly %s%s", p.host(), p.Record.Name, value, hint)
}

// put is the change that makes the record right where the name now holds from, whose TTL it keeps.
func (p *Pass) put(from ...resolver.Name) Change {
	c := Change{Name: p.Record.Name, Type: resolver.TypeCNAME, From: texts(from), To: []string{p.Record.Value.String()}}
	if there := p.with(Differs, Several); len(from) > 0 && len(there) > 0 {
		c.TTL = ttlOf(there[0].Response, p.Record.Name)
	}
	return c
}

// atApex reports whether the record's name is delegated: it is a zone of its own, whose apex holds SOA and NS records, and no
// CNAME may stand beside these (RFC 1034, 3.6.2).
func (p *Pass) atApex() bool { return !p.facts.zone.IsZero() && p.facts.zone == p.Record.Name }

// offApex gives fixes that create no CNAME at the apex of a zone: the delegation has to go, and the record to take its place.
func (p *Pass) offApex(fixes []Fix) (out []Fix) {
	if !p.atApex() {
		return fixes
	}
	told := false
	for _, f := range fixes {
		if f.Where != WhereZone || !slices.ContainsFunc(f.Changes, func(c Change) bool { return c.Type == resolver.TypeCNAME && c.Name == p.Record.Name && len(c.To) > 0 }) {
			out = append(out, f)
		} else if !told {
			told, out = true, append(out, p.undelegate())
		}
	}
	return out
}

// undelegate is the fix for a record whose name is a zone of its own.
func (p *Pass) undelegate() Fix {
	return Fix{Where: WhereParent, Message: fmt.Sprintf("in the zone above, %s, delete the NS records at %s and create the record in their place: %s CNAME %s. "+
		"In the zone %s itself no CNAME can stand at the apex, beside its SOA and NS records", p.facts.cut.Parent, p.Record.Name, p.Record.Name, p.Record.Value, p.facts.zone)}
}

// replaced gives the CNAMEs that stand at the name where it does not hold the record alone, sorted.
func (p *Pass) replaced() (out []resolver.Name) {
	for _, v := range p.with(Differs, Several) {
		out = append(out, v.CNAMEs()...)
	}
	slices.SortFunc(out, resolver.Name.Compare)
	return slices.Compact(out)
}

// Mend gives the fix that makes the record stand at its name in the zone that the world asks, and nothing beside it. What is in the
// way is asked for.
func (p *Pass) Mend(ctx context.Context) Fix {
	gone, words := p.inTheWay(ctx)
	return Fix{Where: WhereZone, Message: p.create(words), Changes: append(gone, p.put(p.replaced()...))}
}

func texts(names []resolver.Name) []string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	return out
}

// inTheWay gives the deletions of what stands at the record's name in place of the record, or beside a wrong one, and would
// then stand beside it, and says what that is. Only a name that exists is looked at closer, and what a wildcard gives to any
// name is not there.
func (p *Pass) inTheWay(ctx context.Context) (gone []Change, words string) {
	exists := slices.ContainsFunc(p.with(Denies, Differs, Several), func(v ServerView) bool { return v.Response.RCode != resolver.NXDomain })
	if !exists || p.aboveDomain() {
		return nil, ""
	}
	// What comes after this, a wildcard's answers and a delegation of the name (record-wrong-type), goes out together with
	// it: one after the other would be a round trip each.
	var wg sync.WaitGroup
	wg.Go(func() { p.atName(ctx, resolver.TypeNS) })
	wg.Go(func() { p.wildcardOf(ctx, otherData(p.atName(ctx, resolver.TypeTXT, resolver.TypeA), p.Record.Name)) })
	other := otherData(p.atName(ctx, resolver.TypeTXT, resolver.TypeA, resolver.TypeAAAA, resolver.TypeMX), p.Record.Name)
	wg.Wait()
	if len(other) == 0 || p.wildcardOf(ctx, other) {
		return nil, ""
	}
	var what []string
	gone = deletions(other)
	for _, c := range gone {
		for _, from := range c.From {
			what = append(what, c.Type.String()+" "+abridged(from))
		}
	}
	return gone, "first delete what stands at " + p.Record.Name.String() + ", since nothing may stand beside a CNAME (look whether somebody needs it): " +
		strings.Join(what, ", ")
}

// deletions are the changes that take away what the answers show at their own name, a change for each type.
func deletions(answers []resolver.Answer) []Change {
	var out []Change
	for _, a := range answers {
		name, t := a.Question.Name, a.Question.Type
		i := slices.IndexFunc(out, func(c Change) bool { return c.Type == t })
		if i < 0 {
			out = append(out, Change{Name: name, Type: t})
			i = len(out) - 1
		}
		for _, rr := range a.Response.RRs(name, t) {
			if text := rr.Text(); !slices.Contains(out[i].From, text) { // the servers' copies may differ
				out[i].From, out[i].TTL = append(out[i].From, text), rr.TTL
			}
		}
	}
	return out
}

// with picks the views of some standings.
func (p *Pass) with(want ...Standing) []ServerView {
	var out []ServerView
	for _, v := range p.facts.views {
		for _, s := range want {
			if v.Standing == s {
				out = append(out, v)
			}
		}
	}
	return out
}

// answered gives the views that are authoritative answers.
func (p *Pass) answered() []ServerView { return p.with(Holds, Differs, Several, Denies) }

// list joins what people read.
func list[T any](items []T, text func(T) string) string {
	var out []string
	for _, i := range items {
		out = append(out, text(i))
	}
	switch out = firstOf(out); len(out) {
	case 0:
		return "none"
	case 1:
		return out[0]
	default:
		last := len(out) - 1
		return strings.Join(out[:last], ", ") + " and " + out[last]
	}
}

func nameText(n resolver.Name) string { return n.String() }

func viewText(v ServerView) string { return serverText(v.Server) }
