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

// CAA is what the DNS says about who may issue a certificate for a domain (RFC 8659): the relevant RRset, which is the one
// at the closest name upwards that has any.
type CAA struct {
	Domain resolver.Name   // as it stands in the certificate; a wildcard has its asterisk
	At     resolver.Name   // the name of the climb at which the set was found; zero where there is none up to the top-level domain
	Owner  resolver.Name   // whose set it is: At, or the name to which the aliases at At lead
	Via    []resolver.Name // the aliases' targets, from At to Owner; empty where there is no alias
	Set    []resolver.RR   // the relevant RRset, in canonical order; empty where there is none
	Saw    []resolver.Answer
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
	name resolver.Name
	saw  []resolver.Answer // what its servers said instead
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

// CAA climbs from a domain of the certificate towards the root, as RFC 8659, 3 says: at each name an alias is followed to
// its target, and never up from there. The error wraps [ErrUndetermined] where a name on the way is answered for by nobody,
// or where the zone itself is not known.
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

// relevantCAA asks for all names of the climb at once, and then follows the aliases of those that it comes to.
func (p *Pass) relevantCAA(ctx context.Context, base resolver.Name) (CAA, error) {
	names := climb(base)
	answers, errs := make([]resolver.Answer, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, n := range names[:min(maxClimbAlong, len(names))] {
		wg.Go(func() { answers[i], errs[i] = p.caaAt(ctx, n) })
	}
	wg.Wait()
	var c CAA
	for i, n := range names {
		if i >= maxClimbAlong {
			answers[i], errs[i] = p.caaAt(ctx, n)
		}
		if errs[i] != nil {
			return c, errs[i]
		}
		found, err := p.followCAA(ctx, n, answers[i])
		c.Saw = append(c.Saw, found.Saw...)
		if err != nil || len(found.Set) > 0 {
			found.Saw = c.Saw
			return found, err
		}
	}
	return c, nil
}

// followCAA reads the answer at a name of the climb, through aliases.
func (p *Pass) followCAA(ctx context.Context, at resolver.Name, a resolver.Answer) (CAA, error) {
	c := CAA{At: at, Owner: at, Saw: []resolver.Answer{a}}
	for {
		if c.Set = a.Response.RRs(c.Owner, resolver.TypeCAA); len(c.Set) > 0 {
			return c, nil
		}
		next := targets(a.Response, c.Owner)
		if len(next) == 0 {
			return CAA{Saw: c.Saw}, nil
		}
		if len(c.Via) == maxChain || next[0] == at || slices.Contains(c.Via, next[0]) { // a resolver gives up, too
			return c, &caaUnanswered{at, c.Saw}
		}
		c.Owner = next[0]
		c.Via = append(c.Via, c.Owner)
		var err error
		if a, err = p.caaAt(ctx, c.Owner); err != nil {
			return c, err
		}
		c.Saw = append(c.Saw, a)
	}
}

// caaAt asks for CAA at a name: one server of its zone, where that fails the next, and where all fail all of them once more,
// over TCP.
func (p *Pass) caaAt(ctx context.Context, name resolver.Name) (resolver.Answer, error) {
	cut, servers := p.closest(name)
	var saw []resolver.Answer
	if len(servers) > 0 {
		saw, _ = p.walker.AskAny(ctx, cut.Zone, servers, name, resolver.TypeCAA)
	}
	if len(servers) == 0 || slices.ContainsFunc(saw, func(a resolver.Answer) bool { return a.Err == nil && a.Response.Means(cut.Zone) == resolver.Refers }) {
		// Another zone than those that the record's walk came by.
		w := p.walker
		w.Along = p.securityQuestions
		k, _ := w.WalkQuick(ctx, name, resolver.TypeCAA)
		p.passedBy(k)
		saw, cut = k.Answers, k.Zone()
	}
	usable := func(a resolver.Answer) bool { return caaAnswered(a, cut.Zone) }
	for _, a := range saw {
		if usable(a) {
			return a, nil
		}
	}
	for i, a := range saw {
		if a.Err != nil {
			continue
		}
		q := a.Question
		q.TCP = true
		r, err := p.Resolver().Resolve(ctx, q)
		if a = (resolver.Answer{Server: a.Server, Question: q, Response: r, Err: err}); usable(a) {
			return a, nil
		}
		saw[i] = a
	}
	for _, a := range saw {
		if ranOut(a.Err) || errors.Is(a.Err, resolver.ErrUnroutable) {
			return resolver.Answer{}, fmt.Errorf("%w: %s for CAA at %s: %w", ErrUndetermined, serverText(a.Server), name, a.Err)
		}
	}
	return resolver.Answer{}, &caaUnanswered{name, saw}
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
// are asked: first the one that was asked for this with the walk. It gives none for a name that the walk was not made for.
func (p *Pass) closest(name resolver.Name) (resolver.Cut, []resolver.Server) {
	f := &p.facts
	if name.Within(f.cut.Zone) {
		servers := serversOf(f.views, func(v ServerView) bool { return v.Standing.Answered() && v.Delegated && v.Above.IsZero() })
		if i := slices.Index(servers, f.leading); i > 0 {
			servers = slices.Insert(slices.Delete(servers, i, i+1), 0, f.leading)
		}
		return f.cut, servers
	}
	for i := len(f.walk.Cuts) - 2; i >= 0; i-- {
		c := f.walk.Cuts[i]
		if !name.Within(c.Zone) || !p.Record.Name.Within(name) {
			continue
		}
		var servers []resolver.Server
		for _, a := range f.walk.Cuts[i+1].Referrals {
			servers = append(servers, a.Server)
		}
		for _, s := range p.walker.Servers(c) {
			if !slices.Contains(servers, s) {
				servers = append(servers, s)
			}
		}
		return c, servers
	}
	return resolver.Cut{}, nil
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
