package providers

import (
	"context"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Client is one account at one DNS provider: the strict seam between the engine and an adapter. Implementations are safe for
// concurrent use, return soon after ctx is done where the provider lets them, and keep secrets out of their errors.
type Client interface {
	// Name is the provider's name as the user knows it, such as "route53".
	Name() string
	// Read gives everything that stands at exactly these names of the zone, hidden and opaque sets too, without DNSSEC's own
	// records. An empty result means that nothing stands there: what could not be read is an error, never an absence. Errors
	// wrap [ErrZoneNotFound] or [ErrPermission] where that is why.
	Read(ctx context.Context, zone Zone, owners ...resolver.Name) ([]RRset, error)
	// Write carries out the batch. A nil error says nothing yet: the engine reads back. Errors wrap [ErrConflict] when the zone
	// was not as Batch.Expect says and nothing was written for that, [ErrPermission] or [ErrZoneNotFound] where that is why.
	Write(ctx context.Context, zone Zone, b Batch) error
	// Traits says what the provider can promise. It is constant for the life of the Client.
	Traits() Traits
}

// ZoneFinder is a Client that can say which of its zones may hold a name.
type ZoneFinder interface {
	// FindZones gives every zone of the account that owner lies in, private ones too, in any order.
	FindZones(ctx context.Context, owner resolver.Name) ([]Zone, error)
}

// ZoneGetter is a Client that can look a zone up by its ID, without permission to list zones.
type ZoneGetter interface {
	// GetZone gives the zone with this ID. The error wraps [ErrZoneNotFound] where there is none, or the text is no ID.
	GetZone(ctx context.Context, id string) (Zone, error)
}

// Limiter is a Client whose provider bounds what one batch may hold.
type Limiter interface {
	// Fits reports whether the batch can be carried out as one.
	Fits(b Batch) bool
}

// ZoneSearcher is a Client that can look for a label in a whole zone.
type ZoneSearcher interface {
	// Search gives every RRset of the zone whose owner begins with the label.
	Search(ctx context.Context, zone Zone, firstLabel string) ([]RRset, error)
}

// TargetSearcher is a Client that can look in a whole zone for CNAMEs by where they point to.
type TargetSearcher interface {
	// SearchTargets gives every CNAME set of the zone that points to one of the targets.
	SearchTargets(ctx context.Context, zone Zone, targets ...resolver.Name) ([]RRset, error)
}

// Settler is a Client whose writes take a while to reach all of the provider's servers.
type Settler interface {
	// Settle returns when all writes so far are served everywhere.
	Settle(ctx context.Context, zone Zone) error
}

// Zone is a zone as the provider knows it.
type Zone struct {
	Apex        resolver.Name
	ID          string          // the provider's own identification; empty where a name is all there is
	Private     bool            // answered inside private networks only: no public CA can see it
	Status      ZoneStatus      // empty: active, or the provider does not say
	NameServers []resolver.Name // the servers the provider answers for it from; empty where it does not say
	Networks    []string        // the networks that a private zone is answered in
}

// ZoneStatus says whether the provider answers for a zone.
type ZoneStatus string

// The states of a zone other than active.
const (
	ZonePending ZoneStatus = "pending" // not yet delegated to the provider
	ZoneMoved   ZoneStatus = "moved"   // no longer delegated to the provider
	ZonePartial ZoneStatus = "partial" // the authoritative zone is elsewhere
)

// Hidden says why a set that stands at the provider is not what the DNS answers. It takes part in equality.
type Hidden string

// Why a set is hidden.
const (
	Shown     Hidden = ""          // it is answered as it stands
	Proxied   Hidden = "proxied"   // the provider answers its own addresses
	Flattened Hidden = "flattened" // the provider answers the target's addresses
	Disabled  Hidden = "disabled"  // it is switched off
)

// RRset is everything of one type at one name, as the provider holds it.
type RRset struct {
	Name   resolver.Name
	Type   resolver.Type
	TTL    uint32   // seconds; 0 where the provider chooses
	Values []string // RDATA in presentation format, names in it fully qualified; sorted by [RRset.Equal]'s reading
	Hidden Hidden
	Opaque bool // an alias or a routed set: shown, never written

	handle any
}

// WithHandle gives the set with whatever the adapter needs to find exactly this set again, an ID say. The engine hands it back
// in Batch.Delete; it is never kept in a file.
func (s RRset) WithHandle(h any) RRset {
	s.handle = h
	return s
}

// Handle gives what [RRset.WithHandle] put there, nil where the set did not come from the adapter.
func (s RRset) Handle() any { return s.handle }

// Batch is one change to a zone. A set of the same name and type in Delete and Create is to be replaced.
type Batch struct {
	Owners []resolver.Name // the names concerned
	Expect []RRset         // all that was read at Owners; a name without a set here held nothing
	Delete []RRset         // whole sets, in the form they were read
	Create []RRset
}

// Holds compares what was read just now with what the batch was made from: every name holds what Expect says, and each set in
// Delete is among it. The error wraps [ErrConflict]. It is for adapters whose provider cannot compare for itself.
func (b Batch) Holds(now []RRset) error {
	for _, o := range b.Owners {
		if expect := at(b.Expect, o); !sameSets(at(now, o), expect) {
			return conflict(unit{name: o, before: expect}, at(now, o))
		}
	}
	for _, s := range b.Delete {
		if !slices.ContainsFunc(b.Expect, s.Equal) || !slices.Contains(b.Owners, s.Name) {
			return conflict(unit{name: s.Name, before: []RRset{s}}, at(now, s.Name))
		}
	}
	return nil
}

// Traits says what a provider can promise. The zero value promises nothing and is right for a provider nobody knows.
type Traits struct {
	Atomic         bool   // a batch is carried out whole or not at all
	CompareAndSwap bool   // a batch is refused with ErrConflict when Batch.Expect does not hold
	Replaces       bool   // a set in Delete and Create is replaced in place, without a moment in which there is none
	PartialRead    bool   // Read may leave out what the provider's interface does not show
	MinTTL         uint32 // seconds; a smaller TTL is raised or refused; 0 where there is no such limit
}
