package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Plan is what would be changed at a provider, and what it was made from. It is a value: it prints as a diff, marshals, and can
// be applied later by another process. Nothing in it can be edited between showing and applying. The zero value is empty.
type Plan struct {
	provider string
	zone     Zone // Apex and ID only
	record   validate.Record
	rule     validate.ID
	why      string
	made     time.Time
	traits   Traits
	dir      direction
	units    []unit
	notes    []string
	draft    bool // made from what the DNS answered, not from what a provider holds
}

// Step is one set that a plan changes. From without values creates it, To without values deletes it.
type Step struct {
	Name     resolver.Name
	Type     resolver.Type
	From, To RRset
}

// unit is everything at one name, before and after. It is begun and finished, or taken back, as a whole.
type unit struct {
	name          resolver.Name
	before, after []RRset
}

// Planner makes plans. Its zero value is ready, and what [NewPlan] uses. It is safe for concurrent use.
type Planner struct {
	// Zone names the zone to change, by the provider's ID or by its apex, and overrides the choice by delegation. Empty: the
	// zone that the delegation leads to.
	Zone string
	// Others are the records that further certificates ask for, as far as they are at hand. One that the plan would take away is
	// named in its notes.
	Others []validate.Record
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// NewPlan is [Planner.Plan] of the zero Planner.
func NewPlan(ctx context.Context, c Client, rep validate.Report) (Plan, error) {
	return Planner{}.Plan(ctx, c, rep)
}

// Plan reads what the provider holds and says what is to be changed there, so that the report's first finding with a fix in the
// zone is mended. It writes nothing. A plan is empty where there is nothing to change; [Plan.Reason] then says why.
//
// Three states are kept apart: what the DNS answered (the report), what the provider holds now, and what is wanted. Steps go from
// the second to the third. Errors wrap [ErrZoneNotFound], [ErrNotAuthoritative], [ErrOutOfScope], [ErrPermission] or what the
// provider said.
func (p Planner) Plan(ctx context.Context, c Client, rep validate.Report) (Plan, error) {
	made := p.PlanAll(ctx, c, []validate.Report{rep})[0]
	return made.Plan, made.Err
}

// stray gives the name at which the commonest mistake, a console that appends the apex, leaves a copy of the record.
func (p *Plan) stray(apex resolver.Name) (resolver.Name, bool) { return p.record.Name.Under(apex) }

// nameShared notes each record of another certificate that the plan takes away.
func (p *Plan) nameShared(others []validate.Record) {
	for _, s := range p.Steps() {
		target, ok := s.From.Target()
		if !ok || s.Name != p.record.Name {
			continue
		}
		for _, o := range others {
			if o.Name == s.Name && o.Accepts(target) && !p.record.Accepts(target) {
				p.note("what stands at %s is what the certificate for %s asks for: without it that one cannot be issued or renewed",
					s.Name, domainList(o))
			}
		}
	}
}

func domainList(r validate.Record) string {
	var out []string
	for _, d := range r.Domains {
		out = append(out, d.Text())
	}
	if len(out) == 0 {
		return r.Domain().Text()
	}
	return strings.Join(out, ", ")
}

// chosenFix gives the first fix in the zone, of a finding that is itself a cause.
func chosenFix(rep validate.Report) (validate.Finding, validate.Fix, bool) {
	for _, f := range rep.Findings {
		if f.ExplainedBy != "" {
			continue
		}
		for _, x := range f.Fixes {
			if x.Where == validate.WhereZone && len(x.Changes) > 0 {
				return f, x, true
			}
		}
	}
	return validate.Finding{}, validate.Fix{}, false
}

func nothingInTheZone(rep validate.Report) string {
	switch rep.Verdict {
	case validate.Valid:
		return "the record is right; nothing needs to be changed"
	case validate.Undetermined:
		return "the DNS did not answer well enough to say what is wrong, so nothing is changed"
	}
	return "what is wrong cannot be mended in the zone"
}

// ownersOf gives the names that the fix changes, the record's own first, and refuses a fix that wants more than may be done.
func (p *Plan) ownersOf(fix validate.Fix) ([]resolver.Name, error) {
	refuse := func(c validate.Change, why string) error {
		return fmt.Errorf("providers: plan the change of %s %s: %s: %w", c.Name, c.Type, why, ErrOutOfScope)
	}
	var owners []resolver.Name
	for _, c := range fix.Changes {
		switch {
		case c.Type != resolver.TypeCNAME && len(c.To) > 0:
			return nil, refuse(c, "only a CNAME is ever created")
		case c.Name != p.record.Name && (c.Type != resolver.TypeCNAME || len(c.To) > 0):
			return nil, refuse(c, "at another name than the record's own, CNAMEs are deleted and nothing else is done")
		case len(c.To) > 0:
			s := RRset{Name: c.Name, Type: c.Type, Values: c.To}
			if t, ok := s.Target(); !ok || !p.record.Accepts(t) {
				return nil, refuse(c, "what is to be created is not the record that ACM asks for")
			}
		}
		if !slices.Contains(owners, c.Name) {
			owners = append(owners, c.Name)
		}
	}
	slices.SortStableFunc(owners, func(a, b resolver.Name) int {
		switch p.record.Name {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return owners, nil
}

// namedZone trusts the name where the provider can be asked for nothing else.
func (p Planner) namedZone(rep validate.Report) (Zone, error) {
	z := Zone{Apex: rep.Zone.Name}
	if p.Zone != "" {
		if n, err := resolver.ParseName(p.Zone); err == nil && rep.Record.Name.Below(n) {
			z.Apex = n
		} else {
			z.ID = p.Zone
		}
	}
	if z.Apex.IsZero() {
		return Zone{}, fmt.Errorf("providers: the delegation of %s is not known, so no zone can be chosen: %w",
			rep.Record.Name, ErrNotAuthoritative)
	}
	return z, nil
}

func delegatedZone(zones []Zone, rep validate.Report, provider string) (Zone, error) {
	var match, unknown []Zone
	for _, z := range zones {
		if z.Private || z.Apex != rep.Zone.Name || z.Status == ZonePending || z.Status == ZoneMoved || z.Status == ZonePartial {
			continue
		}
		switch {
		case len(z.NameServers) == 0:
			unknown = append(unknown, z)
		case sameNames(z.NameServers, rep.Zone.NameServers):
			match = append(match, z)
		}
	}
	if len(match) == 0 {
		match = unknown
	}
	switch len(match) {
	case 1:
		return match[0], nil
	case 0:
		delegated := "nothing that is known"
		if !rep.Zone.Name.IsZero() {
			delegated = rep.Zone.Name.String() + " at " + nameList(rep.Zone.NameServers)
		}
		return Zone{}, fmt.Errorf("providers: %s is delegated to %s, and %s has %s: %w",
			rep.Record.Name, delegated, provider, zoneList(zones), ErrNotAuthoritative)
	}
	return Zone{}, fmt.Errorf("providers: several zones at %s may be the one that the delegation leads to (name one by its ID): %s: %w",
		provider, zoneList(match), ErrNotAuthoritative)
}

// noteUnseen says of a zone that was named why the world does not see what is changed there, where that is known.
func (p *Plan) noteUnseen(z Zone, rep validate.Report) {
	switch {
	case z.Private:
		p.note("the zone is private: outside its own networks nobody sees what is changed there, and ACM does not")
	case rep.Zone.Name.IsZero():
	case z.Apex != rep.Zone.Name:
		p.note("%s is delegated to the zone %s at %s: nobody sees what is changed in this zone", p.record.Name, rep.Zone.Name, nameList(rep.Zone.NameServers))
	case len(z.NameServers) > 0 && !slices.ContainsFunc(z.NameServers, func(n resolver.Name) bool { return slices.Contains(rep.Zone.NameServers, n) }):
		p.note("%s is delegated to %s, and this zone is at %s: nobody sees what is changed in it",
			z.Apex, nameList(rep.Zone.NameServers), nameList(z.NameServers))
	}
}

// delegatedByContent compares the NS set in the zone where the provider does not say its name servers otherwise. A zone without
// one says nothing either way; one that shares no server with the delegation is another zone of the same name.
func delegatedByContent(apex []RRset, zone resolver.Name, rep validate.Report) error {
	for _, s := range apex {
		if s.Type != resolver.TypeNS || len(rep.Zone.NameServers) == 0 {
			continue
		}
		for _, v := range s.Values {
			n, err := resolver.ParseName(v)
			if err != nil || slices.Contains(rep.Zone.NameServers, n) {
				return nil
			}
		}
		return fmt.Errorf("providers: the provider's %s names the servers %s, and the delegation leads to %s: %w",
			zone, printable(strings.Join(s.Values, ", ")), nameList(rep.Zone.NameServers), ErrNotAuthoritative)
	}
	return nil
}

func sameNames(a, b []resolver.Name) bool {
	a, b = slices.SortedFunc(slices.Values(a), resolver.Name.Compare), slices.SortedFunc(slices.Values(b), resolver.Name.Compare)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func nameList(names []resolver.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, n.String())
	}
	return strings.Join(out, ", ")
}

func zoneList(zones []Zone) string {
	var out []string
	for _, z := range zones {
		s := z.Apex.String()
		if z.ID != "" {
			s += " (" + printable(z.ID) + ")"
		}
		if z.Private {
			s += ", private"
		}
		if z.Status != "" {
			s += ", " + string(z.Status)
		}
		if len(z.NameServers) > 0 {
			s += " at " + nameList(z.NameServers)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

// fill decides what each name should hold after the change.
func (p *Plan) fill(fix validate.Fix, owners []resolver.Name, sets []RRset) error {
	for _, o := range owners {
		u := unit{name: o, before: cloneSets(at(sets, o))}
		var err error
		if o == p.record.Name {
			u.after, err = p.wanted(fix, u.before)
		} else {
			u.after = p.tidied(u.before)
			if len(u.before) == 0 {
				p.note("%s holds nothing at the provider any more", o)
			} else if sameSets(u.before, u.after) {
				p.note("%s does not hold this record at the provider, so it is left alone", o)
			}
		}
		if err != nil {
			return err
		}
		if sameSets(u.before, u.after) {
			continue
		}
		p.units = append(p.units, u)
	}
	p.tidyStray(owners, sets)
	p.compareWithDNS(fix, sets)
	if len(p.units) == 0 {
		p.why = "the provider holds what is wanted already; where the DNS still answers otherwise, its servers have not taken it up"
	}
	if p.traits.PartialRead {
		p.note("the provider does not show everything it holds")
	}
	if !p.traits.CompareAndSwap && len(p.units) > 0 {
		p.note("changes by others in the same second may be overwritten: the provider cannot compare and write in one act")
	}
	return p.inScope()
}

// wanted gives what the record's own name should hold: the record and nothing else.
func (p *Plan) wanted(fix validate.Fix, before []RRset) ([]RRset, error) {
	want := RRset{Name: p.record.Name, Type: resolver.TypeCNAME, TTL: validate.DefaultTTL, Values: []string{p.record.Value.String()}}
	for _, c := range fix.Changes {
		if c.Name == p.record.Name && c.Type == resolver.TypeCNAME && len(c.To) > 0 {
			want.Values = slices.Clone(c.To)
			if c.TTL != 0 {
				want.TTL = c.TTL
			}
		}
	}
	for _, s := range before {
		if s.Opaque {
			return nil, fmt.Errorf("providers: at %s stands a set of type %s that is not a plain one (%s); change it at the provider: %w",
				s.Name, s.Type, printable(strings.Join(s.Values, ", ")), ErrOutOfScope)
		}
		if s.Type != resolver.TypeCNAME {
			p.noteDeleted(s)
			continue
		}
		want.TTL = s.TTL
		if t, ok := s.Target(); ok && p.record.Accepts(t) && s.Hidden == Shown {
			return []RRset{s.clone()}, nil
		}
	}
	want.TTL = max(want.TTL, p.traits.MinTTL)
	return []RRset{want}, nil
}

// noteDeleted says what else goes at the record's own name, and what it may belong to.
func (p *Plan) noteDeleted(s RRset) {
	text := printable(strings.Join(s.Values, ", "))
	var may []string
	for _, v := range s.Values {
		if s.Type != resolver.TypeTXT {
			continue
		}
		if purpose := txtPurpose(s.Name.FirstLabel(), unquoteTXT(v)); purpose != "" && !slices.Contains(may, purpose) {
			may = append(may, purpose)
		}
	}
	if len(may) > 0 {
		text += " (it looks like " + strings.Join(may, "; and ") + ")"
	}
	p.note("deleted with it: %s %s at the record's own name, which only ACM asks for; look first whether somebody needs it", s.Type, text)
}

// tidied gives what a misplacement should hold: what is there without the copy of the record.
func (p *Plan) tidied(before []RRset) []RRset {
	return slices.DeleteFunc(cloneSets(before), func(s RRset) bool {
		return !s.Opaque && misplacedCopy(p.record, p.zone.Apex, s)
	})
}

// tidyStray removes a copy of the record at the name that the apex was appended to, where the report did not name it: with the
// fix, never on its own. What it does beside a record that is right is to confuse people, so it is only told.
func (p *Plan) tidyStray(owners []resolver.Name, sets []RRset) {
	n, ok := p.stray(p.zone.Apex)
	if !ok || slices.Contains(owners, n) {
		return
	}
	before := cloneSets(at(sets, n))
	after := p.tidied(before)
	switch {
	case sameSets(before, after):
	case len(p.units) == 0:
		p.note("a copy of the record stands at %s, too, where nobody asks for it; it does no harm", n)
	default:
		p.units = append(p.units, unit{name: n, before: before, after: after})
	}
}

// compareWithDNS notes where the provider holds something else than the DNS answered.
func (p *Plan) compareWithDNS(fix validate.Fix, sets []RRset) {
	for _, c := range fix.Changes {
		var holds RRset
		for _, s := range at(sets, c.Name) {
			if s.Type == c.Type {
				holds = s
			}
		}
		if slices.Equal(canonicalValues(c.Type, c.From), canonicalValues(c.Type, holds.Values)) {
			continue
		}
		p.note("the DNS answered %s for %s %s, and the provider holds %s", orNothing(c.From), c.Name, c.Type, orNothing(holds.Values))
	}
}

func orNothing(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return printable(strings.Join(values, ", "))
}

func (p *Plan) note(format string, a ...any) { p.notes = append(p.notes, fmt.Sprintf(format, a...)) }

// inScope runs the gate over all that the plan does.
func (p Plan) inScope() error {
	if len(p.units) == 0 {
		return nil
	}
	return gate(p.record, p.zone.Apex, p.dir, batchOf(p.units))
}

// batchOf makes one batch of units.
func batchOf(units []unit) Batch {
	var b Batch
	for _, u := range units {
		b.Owners = append(b.Owners, u.name)
		b.Expect = append(b.Expect, u.before...)
		b.Delete = append(b.Delete, without(u.before, u.after)...)
		b.Create = append(b.Create, without(u.after, u.before)...)
	}
	return b
}

// steps gives what the unit changes, by type.
func (u unit) steps() []Step {
	var out []Step
	for _, s := range without(u.before, u.after) {
		out = append(out, Step{Name: u.name, Type: s.Type, From: s.clone()})
	}
	for _, s := range without(u.after, u.before) {
		if i := slices.IndexFunc(out, func(x Step) bool { return x.Type == s.Type && len(x.To.Values) == 0 }); i >= 0 {
			out[i].To = s.clone()
			continue
		}
		out = append(out, Step{Name: u.name, Type: s.Type, To: s.clone()})
	}
	slices.SortStableFunc(out, func(a, b Step) int { return len(a.To.Values) - len(b.To.Values) }) // a name must be free before
	return out
}

func stepsOf(units []unit) []Step {
	var out []Step
	for _, u := range units {
		out = append(out, u.steps()...)
	}
	return out
}

// Empty reports whether nothing would be changed.
func (p Plan) Empty() bool { return len(p.units) == 0 }

// Reason says why the plan is what it is: the finding it mends or, for an empty one, why there is nothing to do.
func (p Plan) Reason() string { return p.why }

// Rule names the rule whose finding the plan mends; empty where there is none.
func (p Plan) Rule() validate.ID { return p.rule }

// TakesBack reports whether the plan takes a change back.
func (p Plan) TakesBack() bool { return p.dir == back }

// Provider is the name of the provider that the plan was made at.
func (p Plan) Provider() string { return p.provider }

// Zone is the zone that would be changed: its apex and the provider's ID.
func (p Plan) Zone() Zone { return p.zone }

// Record is the record that the plan puts right.
func (p Plan) Record() validate.Record {
	r := p.record
	r.Domains = slices.Clone(r.Domains)
	return r
}

// Made is when the provider was read.
func (p Plan) Made() time.Time { return p.made }

// Steps gives a copy of what would be changed, in order.
func (p Plan) Steps() []Step { return stepsOf(p.units) }

// Notes gives what somebody should know before applying, one sentence each.
func (p Plan) Notes() []string { return slices.Clone(p.notes) }
