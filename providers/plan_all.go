package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Planned is what planning for one report came to.
type Planned struct {
	Plan Plan
	Err  error // as [Planner.Plan] gives it
}

// PlanAll is [Planner.Plan] for many reports, each with its own plan or error, in their order. What several of them need is asked
// once: the account's zones for each delegated zone, and all names of a zone with one call of [Client.Read].
func (p Planner) PlanAll(ctx context.Context, c Client, reps []validate.Report) []Planned {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	out := make([]Planned, len(reps))
	choice := zoneChoice{planner: p, client: c}
	groups := zoneGroups[draft]{}
	for i, rep := range reps {
		d := draft{report: rep, plan: Plan{
			provider: c.Name(), traits: c.Traits(), zone: Zone{Apex: rep.Zone.Name},
			record: validate.Record{Name: rep.Record.Name, Value: rep.Record.Value, Domains: slices.Clone(rep.Record.Domains)},
		}, out: &out[i]}
		finding, fix, ok := chosenFix(rep)
		if !ok {
			d.plan.made = now()
			d.plan.why = nothingInTheZone(rep)
			out[i].Plan = d.plan
			continue
		}
		d.plan.rule, d.plan.why, d.fix = finding.Rule, finding.Message, fix
		if out[i].Err = d.prepare(ctx, &choice); out[i].Err == nil {
			groups.add(d.zone, d)
		}
	}
	for _, g := range groups.list {
		readAndFill(ctx, c, p.Zone == "", g.zone, g.of, now)
	}
	for i := range out {
		out[i].Plan.nameShared(p.Others)
	}
	return out
}

// draft is a plan on its way.
type draft struct {
	report validate.Report
	fix    validate.Fix
	owners []resolver.Name
	zone   Zone // as the provider knows it
	plan   Plan
	out    *Planned
}

// prepare finds out which names are concerned and in which zone they are to be changed.
func (d *draft) prepare(ctx context.Context, choice *zoneChoice) (err error) {
	if d.owners, err = d.plan.ownersOf(d.fix); err != nil {
		return err
	}
	if d.zone, err = choice.zone(ctx, d.report); err != nil {
		return err
	}
	d.plan.zone = Zone{Apex: d.zone.Apex, ID: d.zone.ID}
	if choice.planner.Zone != "" {
		d.plan.noteUnseen(d.zone, d.report)
	}
	for _, o := range d.owners {
		if err := gate(d.plan.record, d.zone.Apex, forth, Batch{Owners: []resolver.Name{o}}); err != nil {
			return err
		}
	}
	return nil
}

// looksAt gives the names that are concerned, and the one where a stray copy may stand.
func (d *draft) looksAt() []resolver.Name {
	out := slices.Clone(d.owners)
	if n, ok := d.plan.stray(d.zone.Apex); ok && !slices.Contains(out, n) {
		out = append(out, n)
	}
	return out
}

// readAndFill reads all names of the drafts of one zone and decides for each what it should hold.
func readAndFill(ctx context.Context, c Client, byDelegation bool, zone Zone, drafts []draft, now func() time.Time) {
	var asked []resolver.Name
	seen := map[resolver.Name]bool{}
	ask := func(names ...resolver.Name) {
		for _, n := range names {
			if !seen[n] {
				seen[n], asked = true, append(asked, n)
			}
		}
	}
	for _, d := range drafts {
		ask(d.looksAt()...)
	}
	checkNS := byDelegation && len(zone.NameServers) == 0
	if checkNS {
		ask(zone.Apex)
	}
	sets, err := c.Read(ctx, zone, asked...)
	if err != nil {
		err = fmt.Errorf("providers: read %s at %s: %w", zone.Apex, c.Name(), err)
	}
	standing := byName(sets)
	made := now()
	for _, d := range drafts {
		d.out.Err = err
		if d.out.Err == nil && checkNS {
			d.out.Err = delegatedByContent(at(standing[zone.Apex], zone.Apex), zone.Apex, d.report)
		}
		if d.out.Err != nil {
			continue
		}
		d.plan.made = made
		var own []RRset
		for _, o := range d.looksAt() {
			own = append(own, standing[o]...)
		}
		if d.out.Err = d.plan.fill(d.fix, d.owners, own); d.out.Err == nil {
			d.out.Plan = d.plan
		}
	}
}

func byName(sets []RRset) map[resolver.Name][]RRset {
	out := map[resolver.Name][]RRset{}
	for _, s := range sets {
		out[s.Name] = append(out[s.Name], s)
	}
	return out
}

// zoneGroups keeps what belongs to one zone together, in the order in which the zones came.
type zoneGroups[T any] struct {
	list  []zoneGroup[T]
	index map[string]int
}

type zoneGroup[T any] struct {
	zone Zone
	of   []T
}

func (g *zoneGroups[T]) add(z Zone, x T) {
	key := z.Apex.String() + " " + z.ID
	i, ok := g.index[key]
	if !ok {
		if g.index == nil {
			g.index = map[string]int{}
		}
		i = len(g.list)
		g.index[key] = i
		g.list = append(g.list, zoneGroup[T]{zone: z})
	}
	g.list[i].of = append(g.list[i].of, x)
}

// zoneChoice picks zones, and asks the provider once for all reports of one delegated zone.
type zoneChoice struct {
	planner Planner
	client  Client
	found   map[resolver.Name]foundZones
}

type foundZones struct {
	zones []Zone
	err   error
}

// zone picks the zone by the delegation that the checker saw, never by its place in a list.
func (c *zoneChoice) zone(ctx context.Context, rep validate.Report) (Zone, error) {
	finder, ok := c.client.(ZoneFinder)
	if !ok {
		return c.planner.namedZone(rep)
	}
	key := rep.Zone.Name
	if n, err := resolver.ParseName(c.planner.Zone); err == nil {
		key = n // only zones of this name will do
	}
	if key.IsZero() || !rep.Record.Name.Below(key) {
		key = rep.Record.Name.Parent()
	}
	found, known := c.found[key]
	if !known {
		found.zones, found.err = c.find(ctx, finder, rep.Record.Name)
		if c.found == nil {
			c.found = map[resolver.Name]foundZones{}
		}
		c.found[key] = found
	}
	if found.err != nil {
		return Zone{}, fmt.Errorf("providers: find the zone of %s at %s: %w", rep.Record.Name, c.client.Name(), found.err)
	}
	zones := slices.DeleteFunc(slices.Clone(found.zones), func(z Zone) bool { return !rep.Record.Name.Below(z.Apex) })
	if c.planner.Zone != "" {
		return c.named(zones, rep)
	}
	if len(zones) == 0 {
		return Zone{}, fmt.Errorf("providers: no zone of %s at %s: %w", rep.Record.Name, c.client.Name(), ErrZoneNotFound)
	}
	return delegatedZone(zones, rep, c.client.Name())
}

// find gives the zones to choose from. A zone that was named by its ID is looked up by it where the provider can, since that needs
// no permission to list zones.
func (c *zoneChoice) find(ctx context.Context, finder ZoneFinder, owner resolver.Name) ([]Zone, error) {
	if getter, ok := c.client.(ZoneGetter); ok && c.planner.Zone != "" {
		z, err := getter.GetZone(ctx, c.planner.Zone)
		if err == nil {
			return []Zone{z}, nil
		}
		if !errors.Is(err, ErrZoneNotFound) {
			return nil, err
		}
	}
	return finder.FindZones(ctx, owner)
}

// named picks the zone that the user named.
func (c *zoneChoice) named(zones []Zone, rep validate.Report) (Zone, error) {
	want := c.planner.Zone
	var named []Zone
	for _, z := range zones {
		if z.ID != "" && z.ID == want {
			return z, nil
		}
		if n, err := resolver.ParseName(want); err == nil && z.Apex == n {
			named = append(named, z)
		}
	}
	// A private zone of the same name answers nobody outside, and is not what a name means; by its ID it can be meant all the same.
	public := slices.DeleteFunc(slices.Clone(named), func(z Zone) bool { return z.Private })
	if len(public) == 0 && len(named) > 0 {
		return Zone{}, fmt.Errorf("providers: what is called %s at %s answers nobody outside its own networks (%s): create the record in the "+
			"public zone, in the account that has it, or name this one by its ID: %w", want, c.client.Name(), zoneList(named), ErrNotAuthoritative)
	}
	switch named = public; len(named) {
	case 0:
		return Zone{}, fmt.Errorf("providers: zone %q for %s at %s: %w", want, rep.Record.Name, c.client.Name(), ErrZoneNotFound)
	case 1:
		return named[0], nil
	}
	return Zone{}, fmt.Errorf("providers: %d zones are called %s at %s (name one by its ID: %s): %w",
		len(named), want, c.client.Name(), zoneList(named), ErrNotAuthoritative)
}
