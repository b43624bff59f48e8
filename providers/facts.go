package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Facts is what a provider's account holds about one record. It is a plain value that marshals to JSON, so that a report which used
// it can be made again without the provider. The zero value says that nothing was read.
type Facts struct {
	Provider string
	Record   validate.Record
	Zones    []ZoneFacts
	Missing  []string // what could not be read, for want of a permission or an ability, a sentence each
}

// ZoneFacts is what one zone holds about the record.
type ZoneFacts struct {
	Zone
	At        []RRset // everything at the record's name
	Cuts      []RRset // NS sets at the names between the apex and the record's name: what is below them is not answered
	Elsewhere []RRset // CNAMEs at other names that point where the record should; looked for only where At is not right
}

// ReadFacts reads what the account holds about the record: every zone it may lie in, private ones too, what stands at its name there
// and, where no public zone holds it, whether it stands at some other name. It needs permissions to read only, and writes nothing.
// A missing permission is no error; it is in Facts.Missing. Errors are the context's or what the provider said.
func ReadFacts(ctx context.Context, c Client, r validate.Record) (Facts, error) {
	f := Facts{Provider: c.Name(), Record: validate.Record{Name: r.Name, Value: r.Value, Domains: slices.Clone(r.Domains)}}
	zones, err := f.zones(ctx, c)
	if err != nil {
		return f, err
	}
	for _, z := range zones {
		asked := []resolver.Name{r.Name}
		for n := r.Name.Parent(); n.Below(z.Apex); n = n.Parent() {
			asked = append(asked, n)
		}
		sets, err := c.Read(ctx, z, asked...)
		if err = f.missing("what zone "+z.Apex.String()+" holds", err); err != nil {
			return f, err
		}
		zf := ZoneFacts{Zone: z, At: cloneSets(at(sets, r.Name))}
		for _, s := range sets {
			if s.Type == resolver.TypeNS && s.Name != r.Name && s.Name != z.Apex {
				zf.Cuts = append(zf.Cuts, s.clone())
			}
		}
		slices.SortFunc(zf.Cuts, compareSets)
		f.Zones = append(f.Zones, zf)
	}
	if slices.ContainsFunc(f.Zones, func(z ZoneFacts) bool { return !z.Private && f.right(z) != nil }) {
		return f, nil
	}
	for i := range f.Zones {
		z := &f.Zones[i]
		if z.Private {
			continue
		}
		found, err := searchRecord(ctx, c, z.Zone, r)
		if err = f.missing("where else in zone "+z.Apex.String()+" the record may be", err); err != nil {
			return f, err
		}
		for _, s := range found {
			if t, ok := s.Target(); ok && s.Name != r.Name && r.Accepts(t) {
				z.Elsewhere = append(z.Elsewhere, s.clone())
			}
		}
		slices.SortFunc(z.Elsewhere, compareSets)
	}
	return f, nil
}

// zones gives the zones to look at.
func (f *Facts) zones(ctx context.Context, c Client) ([]Zone, error) {
	owner := f.Record.Name
	finder, ok := c.(ZoneFinder)
	if !ok {
		f.Missing = append(f.Missing, f.Provider+" cannot list its zones")
		return nil, nil
	}
	zones, err := finder.FindZones(ctx, owner)
	if err = f.missing("which zones there are", err); err != nil {
		return nil, err
	}
	zones = slices.DeleteFunc(slices.Clone(zones), func(z Zone) bool { return !owner.Below(z.Apex) })
	slices.SortStableFunc(zones, func(a, b Zone) int { return b.Apex.NumLabels() - a.Apex.NumLabels() })
	return zones, nil
}

// missing notes what was not allowed, and gives back any other error.
func (f *Facts) missing(what string, err error) error {
	if !errors.Is(err, ErrPermission) {
		if err != nil {
			return fmt.Errorf("providers: read %s at %s: %w", what, f.Provider, err)
		}
		return nil
	}
	f.Missing = append(f.Missing, fmt.Sprintf("%s does not tell %s: %v", f.Provider, what, err))
	return nil
}

// searchRecord looks in a whole zone for the record.
func searchRecord(ctx context.Context, c Client, z Zone, r validate.Record) ([]RRset, error) {
	if s, ok := c.(TargetSearcher); ok {
		targets := []resolver.Name{r.Value}
		if first := r.Value.FirstLabel(); len(first) > 1 && first[0] == '_' { // ACM accepts it so, too
			if n, ok := r.Value.Parent().Child(first[1:]); ok {
				targets = append(targets, n)
			}
		}
		return s.SearchTargets(ctx, z, targets...)
	}
	if s, ok := c.(ZoneSearcher); ok {
		return s.Search(ctx, z, r.Token())
	}
	return nil, nil
}

// right gives the set that is the record at its name in the zone, shown or hidden; nil where there is none.
func (f Facts) right(z ZoneFacts) *RRset {
	for _, s := range z.At {
		if t, ok := s.Target(); ok && !s.Opaque && f.Record.Accepts(t) {
			return &s
		}
	}
	return nil
}

type factsDocument struct {
	Provider string         `json:"provider"`
	Record   planRecord     `json:"record"`
	Zones    []zoneDocument `json:"zones"`
	Missing  []string       `json:"missing"`
}

type zoneDocument struct {
	Apex        resolver.Name   `json:"zone"`
	ID          string          `json:"zone_id,omitempty"`
	Private     bool            `json:"private,omitempty"`
	Status      ZoneStatus      `json:"status,omitempty"`
	NameServers []resolver.Name `json:"name_servers"`
	Networks    []string        `json:"networks"`
	At          []rrsetDocument `json:"at"`
	Cuts        []rrsetDocument `json:"cuts"`
	Elsewhere   []rrsetDocument `json:"elsewhere"`
}

// MarshalJSON gives the facts in a form that [Facts.UnmarshalJSON] reads.
func (f Facts) MarshalJSON() ([]byte, error) {
	d := factsDocument{
		Provider: f.Provider, Record: planRecord{f.Record.Name, f.Record.Value, orEmpty(f.Record.Domains)},
		Zones: []zoneDocument{}, Missing: orEmpty(f.Missing),
	}
	for _, z := range f.Zones {
		d.Zones = append(d.Zones, zoneDocument{
			z.Apex, z.ID, z.Private, z.Status, orEmpty(z.NameServers), orEmpty(z.Networks),
			documentsOf(z.At), documentsOf(z.Cuts), documentsOf(z.Elsewhere),
		})
	}
	return json.Marshal(d)
}

// UnmarshalJSON reads what [Facts.MarshalJSON] wrote. f is left as it was on error.
func (f *Facts) UnmarshalJSON(b []byte) error {
	var d factsDocument
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("providers: read facts: %w", err)
	}
	out := Facts{Provider: d.Provider, Record: validate.Record{Name: d.Record.Name, Value: d.Record.Value, Domains: d.Record.Domains}, Missing: d.Missing}
	for _, z := range d.Zones {
		out.Zones = append(out.Zones, ZoneFacts{
			Zone: Zone{Apex: z.Apex, ID: z.ID, Private: z.Private, Status: z.Status, NameServers: z.NameServers, Networks: z.Networks},
			At:   setsOf(z.At), Cuts: setsOf(z.Cuts), Elsewhere: setsOf(z.Elsewhere),
		})
	}
	*f = out
	return nil
}

func documentsOf(sets []RRset) []rrsetDocument {
	out := []rrsetDocument{}
	for _, s := range sets {
		out = append(out, rrsetDocument{s.Name, s.Type, s.TTL, orEmpty(s.Values), s.Hidden, s.Opaque})
	}
	return out
}

func setsOf(docs []rrsetDocument) (out []RRset) {
	for _, d := range docs {
		out = append(out, RRset{Name: d.Name, Type: d.Type, TTL: d.TTL, Values: d.Values, Hidden: d.Hidden, Opaque: d.Opaque})
	}
	return out
}
