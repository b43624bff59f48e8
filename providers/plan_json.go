package providers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// planVersion is the version of the plan's and the undo data's JSON. Another one is refused.
const planVersion = 1

// planDocument is the plan as JSON. The first fields are the contract of the command line; the rest is what applying it later
// needs.
type planDocument struct {
	Version  int             `json:"version"`
	Kind     string          `json:"kind"` // "change" or "undo"
	Provider string          `json:"provider"`
	Zone     resolver.Name   `json:"zone"`
	ZoneID   string          `json:"zone_id,omitempty"`
	Record   planRecord      `json:"record"`
	Made     time.Time       `json:"made"`
	Rule     validate.ID     `json:"rule,omitempty"`
	Why      string          `json:"why"`
	Steps    []stepDocument  `json:"steps"`
	Before   []rrsetDocument `json:"before"` // everything that was read at the names of the steps
	Traits   traitsDocument  `json:"traits"`
	Notes    []string        `json:"notes"`
	Draft    bool            `json:"draft,omitempty"`
	Sum      string          `json:"sum"` // of all before it: a file that was edited or damaged is noticed
}

type planRecord struct {
	Name    resolver.Name   `json:"name"`
	Value   resolver.Name   `json:"value"`
	Domains []resolver.Name `json:"domains"`
}

type stepDocument struct {
	Name       resolver.Name `json:"name"`
	Type       resolver.Type `json:"type"`
	From       []string      `json:"from"`
	To         []string      `json:"to"`
	FromTTL    uint32        `json:"from_ttl,omitempty"`
	ToTTL      uint32        `json:"to_ttl,omitempty"`
	FromHidden Hidden        `json:"from_hidden,omitempty"`
	ToHidden   Hidden        `json:"to_hidden,omitempty"`
}

type rrsetDocument struct {
	Name   resolver.Name `json:"name"`
	Type   resolver.Type `json:"type"`
	TTL    uint32        `json:"ttl"`
	Values []string      `json:"values"`
	Hidden Hidden        `json:"hidden,omitempty"`
	Opaque bool          `json:"opaque,omitempty"`
}

type traitsDocument struct {
	Atomic         bool   `json:"atomic"`
	CompareAndSwap bool   `json:"compare_and_swap"`
	Replaces       bool   `json:"replaces"`
	PartialRead    bool   `json:"partial_read"`
	MinTTL         uint32 `json:"min_ttl"`
}

// MarshalJSON gives the plan in a form that [Plan.UnmarshalJSON] reads.
func (p Plan) MarshalJSON() ([]byte, error) {
	d := p.document()
	sum, err := d.sum()
	if err != nil {
		return nil, err
	}
	d.Sum = sum
	return json.Marshal(d)
}

// ID identifies the plan by its content: twelve hexadecimal digits. It stands in audit trails and names of files.
func (p Plan) ID() string {
	sum, err := p.document().sum()
	if err != nil {
		return "" // no value of a plan fails to marshal
	}
	return sum[:12]
}

// sum gives the SHA-256 of the document without its sum, in hexadecimal. It guards against accident and careless editing; what a
// plan may do is guarded by the scope, whoever wrote it.
func (d planDocument) sum() (string, error) {
	d.Sum = ""
	b, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), nil
}

func (p Plan) document() planDocument {
	d := planDocument{
		Version: planVersion, Kind: kinds[p.dir], Provider: p.provider, Zone: p.zone.Apex, ZoneID: p.zone.ID,
		Record: planRecord{p.record.Name, p.record.Value, orEmpty(p.record.Domains)},
		Made:   p.made, Rule: p.rule, Why: p.why, Steps: []stepDocument{}, Before: []rrsetDocument{},
		Traits: traitsDocument(p.traits), Notes: orEmpty(p.notes), Draft: p.draft,
	}
	for _, s := range p.Steps() {
		d.Steps = append(d.Steps, stepDocument{
			Name: s.Name, Type: s.Type, From: orEmpty(s.From.Values), To: orEmpty(s.To.Values),
			FromTTL: s.From.TTL, ToTTL: s.To.TTL, FromHidden: s.From.Hidden, ToHidden: s.To.Hidden,
		})
	}
	for _, u := range p.units {
		for _, s := range u.before {
			d.Before = append(d.Before, rrsetDocument{s.Name, s.Type, s.TTL, orEmpty(s.Values), s.Hidden, s.Opaque})
		}
	}
	return d
}

var kinds = map[direction]string{forth: "change", back: "undo"}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// UnmarshalJSON reads a plan strictly: unknown fields, another version, steps that do not fit what was read, and names that
// are out of scope are errors that wrap [ErrBadPlan] or [ErrOutOfScope]. p is left as it was on error.
func (p *Plan) UnmarshalJSON(b []byte) error {
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return fmt.Errorf("providers: read plan: %w: %w", ErrBadPlan, err)
	}
	if head.Version == nil || *head.Version != planVersion {
		return fmt.Errorf("providers: read plan: it is not of version %d, the only one this program reads: %w", planVersion, ErrBadPlan)
	}
	var d planDocument
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return fmt.Errorf("providers: read plan: %w: %w", ErrBadPlan, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("providers: read plan: something follows it: %w", ErrBadPlan)
	}
	v, err := d.plan()
	if err != nil {
		return err
	}
	// Last, so that a plan for what is not ours is told as such.
	if sum, err := v.document().sum(); err != nil || sum != d.Sum {
		return fmt.Errorf("providers: read plan: it was edited or damaged after it was made; make it anew: %w", ErrBadPlan)
	}
	*p = v
	return nil
}

func (d planDocument) plan() (Plan, error) {
	bad := func(format string, a ...any) (Plan, error) {
		return Plan{}, fmt.Errorf("providers: read plan: %s: %w", fmt.Sprintf(format, a...), ErrBadPlan)
	}
	p := Plan{
		provider: d.Provider, zone: Zone{Apex: d.Zone, ID: d.ZoneID}, made: d.Made, rule: d.Rule, why: d.Why,
		record: validate.Record{Name: d.Record.Name, Value: d.Record.Value, Domains: d.Record.Domains},
		traits: Traits(d.Traits), notes: d.Notes, draft: d.Draft,
	}
	switch d.Kind {
	case kinds[forth]:
	case kinds[back]:
		p.dir = back
	default:
		return bad("kind is %q, expected %q or %q", d.Kind, kinds[forth], kinds[back])
	}
	for _, s := range d.Steps {
		if s.Name.IsZero() || s.Type == 0 || len(s.From)+len(s.To) == 0 {
			return bad("a step without name, type or values")
		}
		i := slices.IndexFunc(p.units, func(u unit) bool { return u.name == s.Name })
		if i < 0 {
			u := unit{name: s.Name}
			for _, r := range d.Before {
				if r.Name != s.Name {
					continue
				}
				if r.Type == 0 || len(r.Values) == 0 && !r.Opaque {
					return bad("a set at %s without type or values", r.Name)
				}
				u.before = append(u.before, RRset{Name: r.Name, Type: r.Type, TTL: r.TTL, Values: r.Values, Hidden: r.Hidden, Opaque: r.Opaque})
			}
			u.after = cloneSets(u.before)
			i, p.units = len(p.units), append(p.units, u)
		}
		u := &p.units[i]
		if len(s.From) > 0 {
			from := RRset{Name: s.Name, Type: s.Type, Values: s.From, Hidden: s.FromHidden}
			k := slices.IndexFunc(u.after, from.Equal)
			if k < 0 {
				return bad("the step at %s %s starts from something that was not read", s.Name, s.Type)
			}
			u.after = slices.Delete(u.after, k, k+1)
		}
		if len(s.To) > 0 {
			u.after = append(u.after, RRset{Name: s.Name, Type: s.Type, TTL: s.ToTTL, Values: s.To, Hidden: s.ToHidden})
		}
	}
	for _, r := range d.Before {
		if !slices.ContainsFunc(p.units, func(u unit) bool { return u.name == r.Name }) {
			return bad("%s was read, and no step names it", r.Name)
		}
	}
	for _, u := range p.units {
		if sameSets(u.before, u.after) {
			return bad("the steps at %s change nothing", u.name)
		}
		if u.name == p.record.Name && p.dir == forth && (len(u.after) != 1 || u.after[0].Type != resolver.TypeCNAME) {
			return bad("the steps would leave something else than one CNAME at %s", u.name)
		}
	}
	return p, p.inScope()
}
