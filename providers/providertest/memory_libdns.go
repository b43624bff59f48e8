package providertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libdns/libdns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Habits is how a libdns provider departs from the contract of libdns, each seen in a released one. The zero value keeps it.
type Habits struct {
	Lax             bool   // a CNAME may stand beside other data (as in many panels)
	AppendReplaces  bool   // a CNAME appended over another takes its place (rfc2136 v1.0.1)
	IgnoredBeside   bool   // a CNAME beside other data is dropped, and success reported (rfc2136 v1.0.1)
	SetMerges       bool   // SetRecords adds to the set, which fails for a CNAME (gandi v1.1.0)
	SetAddsFirst    bool   // SetRecords adds before it deletes, which fails for a CNAME (ovh v1.1.0)
	SetLosesOld     bool   // SetRecords deletes, then fails before it creates (hetzner/v2 v2.0.1), as often as FailSets says
	FailSets        int    // how many calls of SetRecords fail so
	DeleteAnyValue  bool   // DeleteRecords looks at name and type only (ionos v1.2.0, azure v0.5.0)
	DeleteDeaf      bool   // DeleteRecords reports success and deletes nothing
	AppendDeaf      bool   // AppendRecords reports success and creates nothing (linode v0.5.0)
	NeedsOwn        bool   // SetRecords and DeleteRecords work on records from GetRecords only (digitalocean)
	NilElements     bool   // listings hold nil elements (dnsimple v0.5.0)
	PlainRR         bool   // listings hold libdns.RR (gandi, godaddy)
	FullNames       bool   // listings hold full names with final dot
	UpperCase       bool   // listings hold names in upper case (BIND keeps the case)
	AbsoluteTargets bool   // a target without final dot is fully qualified, and is read so; else it is relative to the zone
	TXTQuoted       bool   // listings hold a TXT in quotes, and a lone one is deleted without them or not at all (gandi v1.1.0)
	TXTBare         bool   // quotes are taken out of a TXT that is written, and off the ends of one that is listed (ovh v1.1.0)
	ListsApex       bool   // listings hold the apex's NS set
	ReturnsNothing  bool   // writes return no records and a nil error
	MinTTL          uint32 // seconds; smaller TTLs are raised
	Panics          string // the method that panics, such as "GetRecords"
	EmptyListing    bool   // GetRecords gives nothing, and a nil error (azure v0.5.0)
	ErrorText       string // what every write fails with; empty: they do not fail
}

// MemoryLibdns is a libdns provider of one zone in memory. It does not implement libdns.ZoneLister; [MemoryLibdnsLister] does.
// The fields are set before use; the methods are safe for concurrent use.
type MemoryLibdns struct {
	Apex   resolver.Name
	Habits Habits

	mu      sync.Mutex
	records []memoryRecord
	nextID  int
	sets    int
}

// MemoryLibdnsLister is a MemoryLibdns that lists its zone and another one.
type MemoryLibdnsLister struct{ *MemoryLibdns }

// ListZones lists an unrelated zone first.
func (m MemoryLibdnsLister) ListZones(context.Context) ([]libdns.Zone, error) {
	return []libdns.Zone{{Name: "aaa.invalid."}, {Name: m.Apex.Text()}}, nil
}

type memoryRecord struct {
	id   int
	name resolver.Name
	typ  resolver.Type
	ttl  uint32
	data string // CNAME: with final dot; TXT: the text itself
}

// ownRecord is a provider's own type, with an identification that libdns does not know.
type ownRecord struct {
	rr libdns.RR
	id int
}

// RR gives what libdns knows of it.
func (o ownRecord) RR() libdns.RR { return o.rr }

// Seed replaces all of the zone by lines in zone-file format with fully qualified names. A CNAME beside other data wraps
// ErrRefused unless Habits.Lax.
func (m *MemoryLibdns) Seed(lines ...string) error {
	var records []memoryRecord
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range lines {
		rr, err := resolver.ParseRR(l)
		if err != nil {
			return err
		}
		data := rr.Text()
		if rr.Type == resolver.TypeTXT {
			data = strings.Join(rr.Strings(), "")
		}
		for _, r := range records {
			if r.name == rr.Name && (r.typ == resolver.TypeCNAME || rr.Type == resolver.TypeCNAME) && !m.Habits.Lax {
				return fmt.Errorf("%s beside %s at %s: %w", rr.Type, r.typ, r.name, ErrRefused)
			}
		}
		m.nextID++
		records = append(records, memoryRecord{m.nextID, rr.Name, rr.Type, rr.TTL, data})
	}
	m.records = records
	return nil
}

// Dump gives what stands in the zone: a line "name TYPE value" for each value, sorted.
func (m *MemoryLibdns) Dump() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.records {
		value := r.data
		if r.typ == resolver.TypeTXT {
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		}
		out = append(out, line(r.name, r.typ, value, providers.Shown))
	}
	slices.Sort(out)
	return out, nil
}

func (m *MemoryLibdns) enter(ctx context.Context, method, zone string) error {
	if m.Habits.Panics == method {
		panic("nil dereference in " + method)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if zone != m.Apex.String() {
		return fmt.Errorf("no zone %q", zone)
	}
	if m.Habits.ErrorText != "" && method != "GetRecords" {
		return fmt.Errorf("%s", m.Habits.ErrorText)
	}
	return nil
}

// GetRecords lists the zone.
func (m *MemoryLibdns) GetRecords(ctx context.Context, zone string) ([]libdns.Record, error) {
	if err := m.enter(ctx, "GetRecords", zone); err != nil || m.Habits.EmptyListing {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []libdns.Record
	if m.Habits.ListsApex {
		out = append(out, libdns.NS{Name: "@", TTL: time.Hour, Target: "ns1.host.example."})
	}
	for _, r := range m.records {
		if m.Habits.NilElements {
			out = append(out, nil)
		}
		out = append(out, m.show(r))
	}
	return out, nil
}

func (m *MemoryLibdns) show(r memoryRecord) libdns.Record {
	name, _ := r.name.Relative(m.Apex)
	if m.Habits.FullNames {
		name = r.name.String()
	}
	if m.Habits.UpperCase {
		name = strings.ToUpper(name)
	}
	rr := libdns.RR{Name: name, TTL: time.Duration(r.ttl) * time.Second, Type: r.typ.String(), Data: r.data}
	if r.typ == resolver.TypeCNAME {
		t := resolver.MustParseName(r.data)
		if m.Habits.AbsoluteTargets {
			rr.Data = t.Text()
		} else if rel, ok := t.Relative(m.Apex); ok {
			rr.Data = rel
		}
	}
	if r.typ == resolver.TypeTXT {
		rr.Data = m.showTXT(r.data)
	}
	if m.Habits.NeedsOwn {
		return ownRecord{rr, r.id}
	}
	if m.Habits.PlainRR {
		return rr
	}
	if p, err := rr.Parse(); err == nil {
		return p
	}
	return rr
}

func (m *MemoryLibdns) showTXT(text string) string {
	switch {
	case m.Habits.TXTQuoted:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	case m.Habits.TXTBare:
		return strings.Trim(text, `"`)
	}
	return text
}

// understandTXT reads the data of a TXT as it was handed in, to be stored.
func (m *MemoryLibdns) understandTXT(data string) string {
	switch {
	case m.Habits.TXTQuoted:
		if rr, err := resolver.ParseRR(". 0 IN TXT " + data); err == nil {
			return strings.Join(rr.Strings(), "")
		}
	case m.Habits.TXTBare:
		return strings.ReplaceAll(data, `"`, "")
	}
	return data
}

// understand reads a record as it was handed in.
func (m *MemoryLibdns) understand(rec libdns.Record) (memoryRecord, error) {
	rr := rec.RR()
	var out memoryRecord
	typ, err := resolver.ParseType(rr.Type)
	if err != nil {
		return out, err
	}
	out = memoryRecord{typ: typ, ttl: max(uint32(rr.TTL/time.Second), m.Habits.MinTTL), data: rr.Data}
	full := func(s string, absolute bool) (resolver.Name, error) {
		if s == "@" {
			return m.Apex, nil
		}
		n, err := resolver.ParseName(s)
		if err != nil || absolute || strings.HasSuffix(s, ".") {
			return n, err
		}
		u, ok := n.Under(m.Apex)
		if !ok {
			return n, fmt.Errorf("%q is too long", s)
		}
		return u, nil
	}
	if out.name, err = full(rr.Name, false); err != nil {
		return out, err
	}
	if typ == resolver.TypeCNAME {
		t, err := full(rr.Data, m.Habits.AbsoluteTargets)
		if err != nil {
			return out, err
		}
		out.data = t.String()
	}
	if typ == resolver.TypeTXT {
		out.data = m.understandTXT(rr.Data)
	}
	if own, ok := rec.(ownRecord); ok {
		out.id = own.id
	}
	return out, nil
}

// AppendRecords adds records.
func (m *MemoryLibdns) AppendRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	if err := m.enter(ctx, "AppendRecords", zone); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rec := range recs {
		r, err := m.understand(rec)
		if err != nil {
			return nil, err
		}
		if m.Habits.AppendDeaf {
			continue
		}
		if err := m.add(r, m.Habits.AppendReplaces); err != nil {
			return nil, err
		}
	}
	return m.returned(recs), nil
}

func (m *MemoryLibdns) add(r memoryRecord, replaces bool) error {
	for i, have := range m.records {
		switch {
		case have.name != r.name:
		case have.typ == resolver.TypeCNAME && r.typ == resolver.TypeCNAME:
			if have.data == r.data {
				return nil
			}
			if !replaces {
				return fmt.Errorf("a CNAME is at %s: %w", r.name, ErrRefused)
			}
			r.id = have.id
			m.records[i] = r
			return nil
		case m.Habits.Lax:
		case have.typ == resolver.TypeCNAME || r.typ == resolver.TypeCNAME:
			if m.Habits.IgnoredBeside {
				return nil
			}
			return fmt.Errorf("%s is at %s: %w", have.typ, r.name, ErrRefused)
		}
	}
	m.nextID++
	r.id = m.nextID
	m.records = append(m.records, r)
	return nil
}

// SetRecords makes the sets those given.
func (m *MemoryLibdns) SetRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	if err := m.enter(ctx, "SetRecords", zone); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rec := range recs {
		r, err := m.understand(rec)
		if err != nil {
			return nil, err
		}
		if m.Habits.NeedsOwn && r.id == 0 {
			return nil, fmt.Errorf("parsing %q: invalid syntax", "")
		}
		if !m.Habits.SetMerges && !m.Habits.SetAddsFirst {
			m.records = slices.DeleteFunc(m.records, func(h memoryRecord) bool { return h.name == r.name && h.typ == r.typ })
		}
		if m.sets++; m.Habits.SetLosesOld && m.sets <= m.Habits.FailSets {
			return nil, fmt.Errorf("after the deletion: %w", ErrInjected)
		}
		if err := m.add(r, false); err != nil {
			return nil, err
		}
	}
	return m.returned(recs), nil
}

// DeleteRecords deletes what matches.
func (m *MemoryLibdns) DeleteRecords(ctx context.Context, zone string, recs []libdns.Record) ([]libdns.Record, error) {
	if err := m.enter(ctx, "DeleteRecords", zone); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, rec := range recs {
		r, err := m.understand(rec)
		if err != nil {
			return nil, err
		}
		if m.Habits.NeedsOwn && r.id == 0 {
			return nil, fmt.Errorf("parsing %q: invalid syntax", "")
		}
		if m.Habits.DeleteDeaf {
			continue
		}
		if m.Habits.TXTQuoted && r.typ == resolver.TypeTXT {
			if err := m.deleteQuoted(r, rec.RR().Data); err != nil {
				return nil, err
			}
			continue
		}
		m.records = slices.DeleteFunc(m.records, func(h memoryRecord) bool {
			if m.Habits.NeedsOwn {
				return h.id == r.id
			}
			return h.name == r.name && h.typ == r.typ && (m.Habits.DeleteAnyValue || h.data == r.data)
		})
	}
	return m.returned(recs), nil
}

// deleteQuoted deletes one of several values where it is named as it is listed, else nothing; a lone one is compared with what was
// named after its own quotes were taken off.
func (m *MemoryLibdns) deleteQuoted(r memoryRecord, named string) error {
	same := func(h memoryRecord) bool { return h.name == r.name && h.typ == r.typ }
	n := 0
	for _, h := range m.records {
		if same(h) {
			n++
		}
	}
	m.records = slices.DeleteFunc(m.records, func(h memoryRecord) bool {
		listed := m.showTXT(h.data)
		return same(h) && (n > 1 && listed == named || n == 1 && strings.Trim(listed, `"`) == named)
	})
	if n == 1 && slices.ContainsFunc(m.records, same) {
		return fmt.Errorf("LiveDNS returned a 404 (Can't find such a DNS value)")
	}
	return nil
}

func (m *MemoryLibdns) returned(recs []libdns.Record) []libdns.Record {
	if m.Habits.ReturnsNothing {
		return nil
	}
	return recs
}
