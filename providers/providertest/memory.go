package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// ErrInjected is the error of a fault that was asked for.
var ErrInjected = errors.New("fault asked for by the test")

// ErrRefused is what [Memory] and [MemoryLibdns] answer to a change that cannot be made: a CNAME beside other data, a set that
// exists, a set that is not as named.
var ErrRefused = errors.New("refused by the provider")

// Memory is a provider in memory that implements providers.Client strictly, with private and duplicate zones as real accounts
// have them. Its zero value has no zones and no traits. The fields are set before use; the methods are safe for concurrent use.
type Memory struct {
	Label  string           // Name; empty: "memory"
	Caps   providers.Traits // what it promises, and keeps
	Lax    bool             // it lets a CNAME stand beside other data
	Faults Faults

	mu            sync.Mutex
	zones         []*memoryZone
	reads, writes int
}

// Faults is what goes wrong in a [Memory]. Calls are counted from 1. The functions may change the Memory themselves: that is
// somebody else's edit.
type Faults struct {
	BeforeRead  func(n int) error // an error: nothing is read
	BeforeWrite func(n int) error // an error: nothing is written
	AfterWrite  func(n int) error // an error is reported although it was written, as after a time-out
	Operations  func(n int) int   // how many single changes of the n-th write are made before it fails with ErrInjected; below 0: all
	Lag         int               // how many readings after a write still give what was there before it
	Deaf        bool              // writes are reported as done and dropped
}

type memoryZone struct {
	zone  providers.Zone
	sets  []providers.RRset
	stale []providers.RRset
	lag   int
}

// Name gives Label.
func (m *Memory) Name() string {
	if m.Label == "" {
		return "memory"
	}
	return m.Label
}

// Traits gives Caps.
func (m *Memory) Traits() providers.Traits { return m.Caps }

// AddZone adds a zone, empty.
func (m *Memory) AddZone(z providers.Zone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.zones = append(m.zones, &memoryZone{zone: z})
}

// Put sets what stands at the sets' names and types, as another editor of the zone would; a set without values is removed. It
// does not look at what may stand together.
func (m *Memory) Put(z providers.Zone, sets ...providers.RRset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	zone, err := m.find(z)
	if err != nil {
		return err
	}
	for _, s := range sets {
		zone.sets = slices.DeleteFunc(zone.sets, func(t providers.RRset) bool { return t.Name == s.Name && t.Type == s.Type })
		if len(s.Values) > 0 || s.Opaque {
			zone.sets = append(zone.sets, clone(s))
		}
	}
	return nil
}

// Seed replaces all of the zone by lines in zone-file format with fully qualified names. A CNAME beside other data wraps
// ErrRefused unless Lax.
func (m *Memory) Seed(z providers.Zone, lines ...string) error {
	parsed, err := parseSets(lines)
	if err != nil {
		return err
	}
	var sets []providers.RRset
	for _, s := range parsed {
		if sets, err = m.create(sets, s); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	zone, err := m.find(z)
	if err != nil {
		return err
	}
	zone.sets = sets
	return nil
}

// Dump gives what really stands in the zone, whatever readings say: a line "name TYPE value" for each value, sorted.
func (m *Memory) Dump(z providers.Zone) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	zone, err := m.find(z)
	if err != nil {
		return nil, err
	}
	return dumpSets(zone.sets), nil
}

// Calls says how often it was read and written.
func (m *Memory) Calls() (reads, writes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads, m.writes
}

// FindZones gives the zones that owner lies in.
func (m *Memory) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []providers.Zone
	for _, z := range m.zones {
		if owner.Within(z.zone.Apex) {
			out = append(out, z.zone)
		}
	}
	return out, nil
}

func (m *Memory) find(z providers.Zone) (*memoryZone, error) {
	for _, have := range m.zones {
		if have.zone.Apex == z.Apex && have.zone.ID == z.ID {
			return have, nil
		}
	}
	return nil, fmt.Errorf("%s: zone %s %q: %w", m.Name(), z.Apex, z.ID, providers.ErrZoneNotFound)
}

// Read gives what stands at the owners, or stood before the last write while Faults.Lag lasts.
func (m *Memory) Read(ctx context.Context, z providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	m.mu.Lock()
	m.reads++
	n := m.reads
	m.mu.Unlock()
	if m.Faults.BeforeRead != nil {
		if err := m.Faults.BeforeRead(n); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	zone, err := m.find(z)
	if err != nil {
		return nil, err
	}
	sets := zone.sets
	if zone.lag > 0 {
		zone.lag--
		sets = zone.stale
	}
	var out []providers.RRset
	for _, s := range sets {
		if slices.Contains(owners, s.Name) {
			out = append(out, clone(s))
		}
	}
	return out, nil
}

// Write carries out the batch as strictly as Route 53 does: what is deleted must be there exactly, what is created must not be,
// and a CNAME stands alone.
func (m *Memory) Write(ctx context.Context, z providers.Zone, b providers.Batch) error {
	m.mu.Lock()
	m.writes++
	n := m.writes
	m.mu.Unlock()
	if m.Faults.BeforeWrite != nil {
		if err := m.Faults.BeforeWrite(n); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.write(z, b, n); err != nil {
		return err
	}
	if m.Faults.AfterWrite != nil {
		return m.Faults.AfterWrite(n)
	}
	return nil
}

func (m *Memory) write(z providers.Zone, b providers.Batch, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	zone, err := m.find(z)
	if err != nil {
		return err
	}
	if m.Faults.Deaf {
		return nil
	}
	if m.Caps.CompareAndSwap {
		for _, o := range b.Owners {
			if !equalSets(pickSets(zone.sets, o), pickSets(b.Expect, o)) {
				return fmt.Errorf("%s: %s is not as expected: %w", m.Name(), o, providers.ErrConflict)
			}
		}
	}
	budget := -1
	if m.Faults.Operations != nil {
		budget = m.Faults.Operations(n)
	}
	zone.stale, zone.lag = slices.Clone(zone.sets), m.Faults.Lag
	sets, err := m.change(slices.Clone(zone.sets), b, budget)
	if err == nil || !m.Caps.Atomic {
		zone.sets = sets
	}
	return err
}

// change makes the single changes, at most budget of them, and gives how far it came.
func (m *Memory) change(sets []providers.RRset, b providers.Batch, budget int) ([]providers.RRset, error) {
	spend := func() error {
		if budget == 0 {
			return fmt.Errorf("%s: %w", m.Name(), ErrInjected)
		}
		budget--
		return nil
	}
	replaced := func(d providers.RRset) (by providers.RRset, ok bool) {
		i := slices.IndexFunc(b.Create, func(c providers.RRset) bool { return c.Name == d.Name && c.Type == d.Type })
		if i < 0 || !m.Caps.Replaces {
			return by, false
		}
		return b.Create[i], true
	}
	remove := func(d providers.RRset) error {
		if err := spend(); err != nil {
			return err
		}
		i := slices.IndexFunc(sets, d.Equal)
		if i < 0 || sets[i].TTL != d.TTL || d.Opaque {
			return fmt.Errorf("%s: delete %s: it is not there in this form: %w", m.Name(), d, ErrRefused)
		}
		sets = slices.Delete(sets, i, i+1)
		return nil
	}
	for _, d := range b.Delete {
		if _, ok := replaced(d); !ok {
			if err := remove(d); err != nil {
				return sets, err
			}
		}
	}
	done := map[int]bool{}
	for _, d := range b.Delete {
		c, ok := replaced(d)
		if !ok {
			continue
		}
		if err := remove(d); err != nil {
			return sets, err
		}
		with, err := m.create(sets, c)
		if err != nil {
			return append(sets, d), err
		}
		sets = with
		done[slices.IndexFunc(b.Create, c.Equal)] = true
	}
	for i, c := range b.Create {
		if done[i] {
			continue
		}
		if err := spend(); err != nil {
			return sets, err
		}
		with, err := m.create(sets, c)
		if err != nil {
			return sets, err
		}
		sets = with
	}
	return sets, nil
}

func (m *Memory) create(sets []providers.RRset, c providers.RRset) ([]providers.RRset, error) {
	for _, s := range sets {
		if s.Name == c.Name && (s.Type == c.Type || !m.Lax && (s.Type == resolver.TypeCNAME || c.Type == resolver.TypeCNAME)) {
			return sets, fmt.Errorf("%s: create %s: there is %s: %w", m.Name(), c, s, ErrRefused)
		}
	}
	c = clone(c)
	c.TTL = max(c.TTL, m.Caps.MinTTL)
	return append(sets, c), nil
}

func clone(s providers.RRset) providers.RRset {
	s.Values = slices.Clone(s.Values)
	return s
}

func pickSets(sets []providers.RRset, owner resolver.Name) []providers.RRset {
	var out []providers.RRset
	for _, s := range sets {
		if s.Name == owner {
			out = append(out, s)
		}
	}
	return out
}

func equalSets(a, b []providers.RRset) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s providers.RRset) bool { return !slices.ContainsFunc(b, s.Equal) })
}

func parseSets(lines []string) ([]providers.RRset, error) {
	var out []providers.RRset
	for _, l := range lines {
		rr, err := resolver.ParseRR(l)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(s providers.RRset) bool { return s.Name == rr.Name && s.Type == rr.Type })
		if i < 0 {
			out = append(out, providers.RRset{Name: rr.Name, Type: rr.Type, TTL: rr.TTL})
			i = len(out) - 1
		}
		out[i].Values = append(out[i].Values, rr.Text())
	}
	return out, nil
}

func dumpSets(sets []providers.RRset) []string {
	var out []string
	for _, s := range sets {
		for _, v := range s.Values {
			out = append(out, line(s.Name, s.Type, v, s.Hidden))
		}
	}
	slices.Sort(out)
	return out
}

// line gives a value in the one spelling in which contents are compared.
func line(name resolver.Name, t resolver.Type, value string, h providers.Hidden) string {
	if rr, err := resolver.ParseRR(name.String() + " 0 IN " + t.String() + " " + value); err == nil {
		value = rr.Text()
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", name, t, value, h))
}
