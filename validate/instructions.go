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
)

// host says where the zone is edited: its name and the servers that the world is sent to.
func (p *Pass) host() string {
	var ns []string
	for _, s := range p.facts.cut.NameServers {
		ns = append(ns, s.Name.String())
	}
	return fmt.Sprintf("whoever hosts the zone %s (name servers %s)", p.facts.zone, strings.Join(ns, ", "))
}

// create says where and how the record is typed into a form, a line for each field: the form's own kind of name first,
// since appending the zone is what most consoles do.
func (p *Pass) create(then ...string) string { return p.createWith(DefaultTTL, then...) }

func (p *Pass) createWith(ttl uint32, then ...string) string {
	rel, ok := p.Record.Name.Relative(p.facts.zone)
	if !ok {
		rel = p.Record.Name.Text()
	}
	return fmt.Sprintf("at %s, create:\n"+
		"  Type   CNAME\n"+
		"  Name   %s\n"+
		"         (relative to %s, which most forms append; only where\n"+
		"         the form takes full names: %s)\n"+
		"  Value  %s\n"+
		"  TTL    %d\n"+
		"  Proxy, flattening, forwarding: off", p.host(), rel, p.facts.zone, p.Record.Name, p.Record.Value, ttl) +
		strings.Join(append([]string{""}, slices.DeleteFunc(then, func(s string) bool { return s == "" })...), "\n")
}

// put is the change that makes the record right where the name now holds from, whose TTL it keeps.
func (p *Pass) put(from ...resolver.Name) Change {
	c := Change{Name: p.Record.Name, Type: resolver.TypeCNAME, From: texts(from), To: []string{p.Record.Value.String()}}
	if there := p.with(Differs, Several); len(from) > 0 && len(there) > 0 {
		c.TTL = ttlOf(there[0].Response, p.Record.Name)
	}
	return c
}

func texts(names []resolver.Name) []string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	return out
}

// inTheWay gives the deletions of what stands at the record's name without a CNAME and would then stand beside it, and
// says what that is. Only a name that exists is looked at closer, and what a wildcard gives to any name is not there.
func (p *Pass) inTheWay(ctx context.Context) (gone []Change, words string) {
	exists := slices.ContainsFunc(p.with(Denies), func(v ServerView) bool { return v.Response.RCode != resolver.NXDomain })
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
	switch n := len(out); n {
	case 0:
		return "none"
	case 1:
		return out[0]
	default:
		return strings.Join(out[:n-1], ", ") + " and " + out[n-1]
	}
}

func nameText(n resolver.Name) string { return n.String() }

func viewText(v ServerView) string { return serverText(v.Server) }
