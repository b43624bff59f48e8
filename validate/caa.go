package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// CAA is what the DNS says about who may issue a certificate for a domain (RFC 8659).
type CAA struct {
	Domain resolver.Name // as it stands in the certificate; a wildcard has its asterisk
	// Sets are what a CA may find, each once, the closest to the domain first. It is one where the servers agree, be it that
	// there is none. Where they do not, it depends on whom the CA asks.
	Sets []CAASet
	Saw  []resolver.Answer // every answer that a CA may go on with, of all servers and names that it may come to
	// Unanswered is what servers said, or that they were silent, where others of the same zone did answer.
	Unanswered []resolver.Answer
}

// CAASet is the relevant RRset of a domain: the one at the closest name upwards that has any.
type CAASet struct {
	At    resolver.Name     // the name of the climb at which the set was found; zero where there is none up to the top-level domain
	Owner resolver.Name     // whose set it is: At, or the name to which the aliases at At lead
	Via   []resolver.Name   // the aliases' targets, from At to Owner; empty where there is no alias
	Set   []resolver.RR     // the relevant RRset, in canonical order; empty where there is none
	Saw   []resolver.Answer // what leads to it, one answer for each step
	// Servers are those of the domain's zone that lead to this set, and Others is what the others answer in place of that;
	// both are empty where all lead to it.
	Servers []resolver.Server
	Others  []resolver.Answer
}

// amazonIssuers are the names of which a CAA record must hold one for ACM to issue (ACM User Guide, "Configure a CAA
// record").
var amazonIssuers = []string{"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"}

// knownTags are the properties that a CA must know (Baseline Requirements, 3.2.2.8), otherTags further ones that are
// registered, which a CA for web servers may know.
var (
	knownTags = []string{"issue", "issuewild", "iodef"}
	otherTags = []string{"contactemail", "contactphone", "issuemail", "issuevmc"}
)

// caaUnanswered is the error of a climb that came to a name for which nobody answers.
type caaUnanswered struct {
	name  resolver.Name
	saw   []resolver.Answer // what its servers said instead
	mayBe bool              // some server of the zone said nothing to anything, and so may be one that answers
}

func (e *caaUnanswered) Error() string { return "nobody answers for CAA at " + e.name.String() }
func (e *caaUnanswered) Unwrap() error { return ErrUndetermined }

// climb gives the names at which CAA for a domain is looked for: its base, then upwards to the top-level domain.
func climb(domain resolver.Name) (names []resolver.Name) {
	for n := withoutAsterisk(domain); n.NumLabels() > 0; n = n.Parent() {
		names = append(names, n)
	}
	return names
}

// domains are the names on the certificate that the record proves.
func (p *Pass) domains() []resolver.Name {
	if len(p.Record.Domains) > 0 {
		return p.Record.Domains
	}
	return []resolver.Name{p.Record.Domain()}
}

// climbWithin gives the names within a zone, the deepest first, at which CAA for the record's domains may stand.
func (p *Pass) climbWithin(zone resolver.Name) (names []resolver.Name) {
	if zone.IsRoot() {
		return nil // it refers on to the zones that hold them
	}
	for _, d := range p.domains() {
		for _, n := range climb(d) {
			if n.Within(zone) && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names[:min(maxClimbAlong, len(names))]
}

// maxClimbAlong is how many names of a zone are asked for CAA before it is known whether a climb gets there.
const maxClimbAlong = 8

// maxAliases is how many aliases are followed from one name of a climb, by all that its servers say: one is the rule.
const maxAliases = 64

// CAA climbs from a domain of the certificate towards the root, as RFC 8659, 3 says: at each name an alias is followed to
// its target, and never up from there. In the zones from the registered domain down every server is asked, since a CA may ask
// any; elsewhere one will do. The error wraps [ErrUndetermined] where a name on the way is answered for by nobody, where
// something could not be asked, or where the zone itself is not known; what was found all the same comes with it.
func (p *Pass) CAA(ctx context.Context, domain resolver.Name) (CAA, error) {
	if !p.zoneAnswers() {
		return CAA{}, fmt.Errorf("%w: no server answers for the zone", ErrUndetermined)
	}
	p.mu.Lock()
	if p.caa == nil {
		p.caa = map[resolver.Name]*once[CAA]{}
	}
	base := withoutAsterisk(domain)
	if p.caa[base] == nil {
		p.caa[base] = &once[CAA]{}
	}
	o := p.caa[base]
	p.mu.Unlock()
	c, err := o.get(func() (CAA, error) { return p.relevantCAA(ctx, base) })
	c.Domain = domain
	return c, err
}

// relevantCAA asks for all names of the climb at once, and then follows the aliases of those that it comes to. It goes on
// upwards from a name as long as any server says that nothing is there.
func (p *Pass) relevantCAA(ctx context.Context, base resolver.Name) (c CAA, err error) {
	names := climb(base)
	said := make([]caaAnswers, len(names))
	var wg sync.WaitGroup
	for i, n := range names[:min(maxClimbAlong, len(names))] {
		wg.Go(func() { said[i] = p.caaAt(ctx, n) })
	}
	wg.Wait()
	up := CAASet{}
	for i, n := range names {
		if i >= maxClimbAlong {
			said[i] = p.caaAt(ctx, n)
		}
		here := up
		here.At, here.Owner = n, n
		nothing, x := p.readCAA(ctx, &c, here, said[i], new(int))
		if err == nil {
			err = x
		}
		if len(nothing.Saw) == len(up.Saw) {
			return c, err
		}
		up = nothing
	}
	c.Sets = append(c.Sets, up)
	return c, err
}

// readCAA reads what is said at the owner of a set, through aliases, and adds the sets that are found. What is left is to be
// looked for above: the way that led here, longer by an answer where some server says that nothing is here. Aliases counts
// those that were followed: each server may give others, and each of these again.
func (p *Pass) readCAA(ctx context.Context, c *CAA, here CAASet, said caaAnswers, aliases *int) (up CAASet, err error) {
	c.Saw, c.Unanswered = append(c.Saw, said.usable...), append(c.Unanswered, said.failed...)
	up, err = CAASet{Saw: here.Saw, Servers: here.Servers, Others: here.Others}, said.err
	for _, alike := range sameCAA(said.usable) {
		next := here
		next.Saw = append(slices.Clip(here.Saw), alike[0])
		if len(alike) < len(said.usable) {
			next.Servers, next.Others = nil, nil
			for _, a := range said.usable {
				if slices.ContainsFunc(alike, func(b resolver.Answer) bool { return b.Server == a.Server }) {
					next.Servers = append(next.Servers, a.Server)
				} else {
					next.Others = append(next.Others, a)
				}
			}
		}
		if next.Set = alike[0].Response.RRs(next.Owner, resolver.TypeCAA); len(next.Set) > 0 {
			c.Sets = append(c.Sets, next)
			continue
		}
		alias := targets(alike[0].Response, next.Owner)
		if len(alias) == 0 {
			up.Saw, up.Servers, up.Others = next.Saw, next.Servers, next.Others
			continue
		}
		var x error
		switch {
		case len(next.Via) == maxChain || alias[0] == next.At || slices.Contains(next.Via, alias[0]): // a resolver gives up, too
			x = &caaUnanswered{name: next.At, saw: next.Saw}
		case *aliases == maxAliases:
			x = fmt.Errorf("%w: the servers give more aliases at %s than are followed", ErrUndetermined, next.At)
		default:
			*aliases++
			next.Owner, next.Via = alias[0], append(slices.Clip(next.Via), alias[0])
			var above CAASet
			if above, x = p.readCAA(ctx, c, next, p.caaAt(ctx, next.Owner), aliases); len(above.Saw) > len(next.Saw) {
				up.Saw, up.Servers, up.Others = above.Saw, above.Servers, above.Others
			}
		}
		if err == nil {
			err = x
		}
	}
	return up, err
}

// sameCAA puts together the answers that say the same of CAA at the name that was asked for: the same set, whatever its
// order and TTL, the same alias, or nothing.
func sameCAA(answers []resolver.Answer) (out [][]resolver.Answer) {
	var said [][]string
	for _, a := range answers {
		var says []string
		for _, rr := range a.Response.RRs(a.Question.Name, resolver.TypeCAA) {
			says = append(says, string(rr.RDATA))
		}
		if slices.Sort(says); len(says) == 0 {
			says = texts(targets(a.Response, a.Question.Name))
		}
		i := slices.IndexFunc(said, func(o []string) bool { return slices.Equal(o, says) })
		if i < 0 {
			i, said, out = len(said), append(said, says), append(out, nil)
		}
		out[i] = append(out[i], a)
	}
	return out
}

// caaAnswers is what the servers of a zone say about CAA at one name.
type caaAnswers struct {
	usable []resolver.Answer // what a CA can go on with
	failed []resolver.Answer // what others said who were asked twice, or that they are silent; none where nobody answers
	err    error             // wraps ErrUndetermined: nobody answers, or not all could be asked
}

// caaAt asks for CAA at a name: every server of a zone of the registered domain, of another one server, where that fails the
// next. A server that fails is asked once more, over TCP; where one will do, only after all have failed.
func (p *Pass) caaAt(ctx context.Context, name resolver.Name) caaAnswers {
	cut, servers, rest := p.closest(name)
	every := len(servers) > 0 && cut.Zone.Within(p.registered())
	var saw []resolver.Answer
	usable := func(a resolver.Answer) bool { return caaAnswered(a, cut.Zone) }
	if every {
		saw = p.walker.Ask(ctx, servers, name, resolver.TypeCAA)
	} else {
		rest = append(servers, rest...)
	}
	if len(rest) > 0 && !slices.ContainsFunc(saw, usable) {
		more, _ := p.walker.AskAny(ctx, cut.Zone, rest, name, resolver.TypeCAA)
		saw = append(saw, more...)
	}
	if len(saw) == 0 || slices.ContainsFunc(saw, func(a resolver.Answer) bool { return refers(a, cut.Zone) }) {
		// Another zone than those that the record's walk came by.
		w := p.walker
		w.Along = p.securityQuestions
		k, _ := w.WalkQuick(ctx, name, resolver.TypeCAA)
		p.passedBy(k)
		saw, cut, every = k.Answers, k.Zone(), false
	}
	var again sync.WaitGroup
	for i, a := range saw {
		if usable(a) || a.Err != nil || !every && slices.ContainsFunc(saw, usable) {
			continue
		}
		ask := func() {
			q := a.Question
			q.TCP = true
			r, err := p.Resolver().Resolve(ctx, q)
			saw[i] = resolver.Answer{Server: a.Server, Question: q, Response: r, Err: err}
		}
		if every {
			again.Go(ask)
		} else {
			ask()
		}
	}
	again.Wait()
	var out caaAnswers
	out.usable, out.failed = partition(saw, usable)
	for _, a := range out.failed {
		if ranOut(a.Err) || len(out.usable) == 0 && errors.Is(a.Err, resolver.ErrUnroutable) {
			out.err = fmt.Errorf("%w: %s for CAA at %s: %w", ErrUndetermined, serverText(a.Server), name, a.Err)
			break
		}
	}
	if len(out.usable) == 0 && out.err == nil {
		out.err = &caaUnanswered{name, out.failed, every && p.anySilent(cut, out.failed, rest)}
	}
	if !every || len(out.usable) == 0 {
		return caaAnswers{usable: out.usable[:min(1, len(out.usable))], err: out.err}
	}
	out.failed = slices.DeleteFunc(out.failed, func(a resolver.Answer) bool { return ranOut(a.Err) })
	return out
}

// anySilent reports whether a server of a zone of the registered domain was silent whatever it was asked: rest are those that
// gave no usable answer to the walk's own question.
func (p *Pass) anySilent(cut resolver.Cut, failed []resolver.Answer, rest []resolver.Server) bool {
	if cut.Zone == p.facts.cut.Zone {
		return slices.ContainsFunc(p.with(IsSilent, NotAsked), func(v ServerView) bool { return v.Delegated && v.Above.IsZero() })
	}
	return slices.ContainsFunc(failed, func(a resolver.Answer) bool { return a.Err != nil && slices.Contains(rest, a.Server) })
}

// caaAnswered reports whether a CA can go on with what a server of the zone says: an error response is no answer, but one
// that only lacks AA is.
func caaAnswered(a resolver.Answer, zone resolver.Name) bool {
	if a.Err != nil {
		return false
	}
	means := a.Response.Means(zone)
	if means == resolver.Lame && (a.Response.RCode == resolver.NoError || a.Response.RCode == resolver.NXDomain) {
		soa, denied := a.Response.SOA()
		return denied && soa.Name.Within(zone) || len(a.Response.RRs(a.Question.Name, resolver.TypeCAA)) > 0
	}
	return means.Usable()
}

// closest gives the deepest zone of the walk that encloses a name of the climb, and its servers in the order in which they
// are asked: first those that answered the walk's own question as servers of the zone, of whom the first may have been asked
// for this with it, then the rest. It gives none for a name that the walk was not made for.
func (p *Pass) closest(name resolver.Name) (cut resolver.Cut, servers, rest []resolver.Server) {
	f := &p.facts
	if name.Within(f.cut.Zone) {
		servers = serversOf(f.views, func(v ServerView) bool { return v.Standing.Answered() && v.Delegated && v.Above.IsZero() })
		if i := slices.Index(servers, f.leading); i > 0 {
			servers = slices.Insert(slices.Delete(servers, i, i+1), 0, f.leading)
		}
		return f.cut, servers, nil
	}
	for i := len(f.walk.Cuts) - 2; i >= 0; i-- {
		c := f.walk.Cuts[i]
		if !name.Within(c.Zone) || !p.Record.Name.Within(name) {
			continue
		}
		for _, a := range f.walk.Cuts[i+1].Referrals {
			servers = append(servers, a.Server)
		}
		for _, s := range p.walker.Servers(c) {
			if !slices.Contains(servers, s) {
				rest = append(rest, s)
			}
		}
		return c, servers, rest
	}
	return resolver.Cut{}, nil, nil
}

// permission is what a CAA set means for Amazon.
type permission struct {
	Allowed bool
	Why     string // why not; or, where it is allowed, what may hinder all the same: empty where nothing does
}

// permits judges a set for a domain, or for the wildcard of a domain (RFC 8659, 4.2 and 4.3).
func permits(set []resolver.RR, wildcard bool) permission {
	wanted, doubt := "issue", ""
	var props []resolver.CAA
	for _, rr := range set {
		c, ok := rr.CAA()
		if !ok {
			continue
		}
		c.Tag = strings.ToLower(c.Tag)
		if c.Critical && slices.Contains(otherTags, c.Tag) {
			doubt = fmt.Sprintf("it holds the critical property %s, and whether Amazon knows that one is not documented", c.Tag)
		} else if c.Critical && !slices.Contains(knownTags, c.Tag) {
			return permission{Why: fmt.Sprintf("it holds the critical property %s, and a CA that does not know what that means must not issue", abridged(fmt.Sprintf("%+q", c.Tag)))}
		}
		if wildcard && c.Tag == "issuewild" {
			wanted = "issuewild"
		}
		props = append(props, c)
	}
	props = slices.DeleteFunc(props, func(c resolver.CAA) bool { return c.Tag != wanted })
	if len(props) == 0 {
		return permission{Allowed: true, Why: doubt} // it restricts nothing that is wanted here
	}
	var others []string
	parameterised := ""
	for _, c := range props {
		issuer, parameters, ok := issueValue(c.Value)
		switch {
		case !ok:
			others = append(others, fmt.Sprintf("%+q, which is malformed and names nobody", c.Value))
		case issuer == "":
			others = append(others, fmt.Sprintf("%+q, which names nobody", c.Value))
		case !slices.Contains(amazonIssuers, issuer):
			others = append(others, issuer)
		case len(parameters) == 0:
			return permission{Allowed: true, Why: doubt}
		default:
			parameterised = fmt.Sprintf("it allows %s with %s, and whether ACM's requests fulfil that is not documented", issuer, abridged(fmt.Sprintf("%+q", strings.Join(parameters, "; "))))
		}
	}
	if parameterised != "" {
		return permission{Allowed: true, Why: parameterised}
	}
	slices.Sort(others)
	return permission{Why: fmt.Sprintf("its %s properties name %s, and none of Amazon's names (%s)", wanted,
		list(slices.Compact(others), abridged), strings.Join(amazonIssuers, ", "))}
}

// issueValue reads the value of an issue or issuewild property (RFC 8659, 4.2): the issuer's domain in lower case, empty
// where nobody may issue, and the parameters, tag=value. It is false for what does not follow that grammar.
func issueValue(value string) (issuer string, parameters []string, ok bool) {
	const blank = " \t"
	head, rest, more := strings.Cut(value, ";")
	issuer = strings.ToLower(strings.Trim(head, blank))
	if issuer != "" && slices.ContainsFunc(strings.Split(issuer, "."), func(l string) bool { return !ldh(l) }) {
		return "", nil, false
	}
	if rest = strings.Trim(rest, blank); !more || rest == "" {
		return issuer, nil, true
	}
	for _, p := range strings.Split(strings.TrimSuffix(rest, ";"), ";") {
		tag, v, eq := strings.Cut(p, "=")
		tag, v = strings.Trim(tag, blank), strings.Trim(v, blank)
		if !eq || !ldh(tag) || strings.ContainsFunc(v, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			return "", nil, false
		}
		parameters = append(parameters, strings.ToLower(tag)+"="+v)
	}
	return issuer, parameters, true
}

// ldh reports whether s is a label of letters, digits and inner hyphens.
func ldh(s string) bool {
	return s != "" && s[0] != '-' && s[len(s)-1] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}
