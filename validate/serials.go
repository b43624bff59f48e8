package validate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// zoneCopy is one server's copy of the zone: what it says of the record, and how old it is.
type zoneCopy struct {
	ServerView
	soa   resolver.SOA
	known bool // soa is
}

// serialBefore compares serials as RFC 1982, 3.2 does: they go round, and those half of the way apart are not comparable.
func serialBefore(a, b uint32) bool { return a != b && b-a < 1<<31 }

// copies gives the servers that answer, each with the start of authority of its copy, and the answers that tell.
func (p *Pass) copies(ctx context.Context) (out []zoneCopy, saw []resolver.Answer, err error) {
	soas, err := p.Authoritative(ctx, p.facts.zone, resolver.TypeSOA)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range p.answered() {
		c := zoneCopy{ServerView: v}
		for _, a := range soas {
			for _, rr := range a.Response.RRs(p.facts.zone, resolver.TypeSOA) {
				if soa, ok := rr.SOA(); ok && a.Err == nil && a.Server.Addr == v.Server.Addr {
					c.soa, c.known = soa, true
				}
			}
		}
		out = append(out, c)
	}
	return out, soas, nil
}

// copiesDiffer tells how it comes that copies of one zone say different things.
type copiesDiffer int

const (
	notTold     copiesDiffer = iota // the serials do not tell, or are not known
	twoZones                        // kept apart: at two providers, or with equal serials
	lagsBehind                      // every copy without the record is older than every copy with it
	takenOut                        // every copy without the record is newer
	serialsOnly                     // the serials differ, and not along with the record
)

// whyCopiesDiffer compares the copies that have something right with those that do not.
func whyCopiesDiffer(with, without []zoneCopy) copiesDiffer {
	copies := slices.Concat(with, without)
	if slices.ContainsFunc(copies, func(c zoneCopy) bool { return !c.known || !c.Above.IsZero() }) {
		return notTold
	}
	if a, b := hostIDs(with), hostIDs(without); len(with) > 0 && len(a) > 0 && len(b) > 0 && !slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) }) {
		return twoZones
	}
	if !slices.ContainsFunc(copies, func(c zoneCopy) bool { return c.soa.Serial != copies[0].soa.Serial }) {
		return twoZones
	}
	all := func(before func(x, y zoneCopy) bool) bool {
		return len(with) > 0 && !slices.ContainsFunc(without, func(x zoneCopy) bool {
			return slices.ContainsFunc(with, func(y zoneCopy) bool { return !before(x, y) })
		})
	}
	switch {
	case all(func(x, y zoneCopy) bool { return serialBefore(x.soa.Serial, y.soa.Serial) }):
		return lagsBehind
	case all(func(x, y zoneCopy) bool { return serialBefore(y.soa.Serial, x.soa.Serial) }):
		return takenOut
	}
	return serialsOnly
}

// lag is how long it takes at most until a copy that lags behind is brought up to date: the refresh time that the lagging
// copies themselves have (RFC 1035, 3.3.13); zero where none does, or it is not known.
func (p *Pass) lag(ctx context.Context) time.Duration {
	if len(p.with(Holds)) == 0 || len(p.with(Denies, Differs, Several)) == 0 || p.aboveDomain() ||
		slices.ContainsFunc(p.answered(), func(v ServerView) bool { return !v.Above.IsZero() }) {
		return 0
	}
	copies, _, err := p.copies(ctx)
	if err != nil || whyCopiesDiffer(partition(copies, holds)) != lagsBehind {
		return 0
	}
	var longest time.Duration
	for _, c := range copies {
		if c.Standing != Holds {
			longest = max(longest, refreshOf(c))
		}
	}
	return longest
}

func holds(c zoneCopy) bool { return c.Standing == Holds }

func refreshOf(c zoneCopy) time.Duration { return time.Duration(c.soa.Refresh) * time.Second }

func partition[T any](all []T, want func(T) bool) (yes, no []T) {
	for _, x := range all {
		if want(x) {
			yes = append(yes, x)
		} else {
			no = append(no, x)
		}
	}
	return yes, no
}

// hostIDs are the known hosts of the copies' servers; none unless each of them is known.
func hostIDs(copies []zoneCopy) []string {
	var out []string
	for _, c := range copies {
		h := HostOf([]resolver.Name{c.Server.Name})
		if h.IsZero() {
			return nil
		}
		if !slices.Contains(out, h.ID) {
			out = append(out, h.ID)
		}
	}
	return out
}

// copyText names a copy's server, its host where that is known, and its serial.
func copyText(c zoneCopy) string {
	text := viewText(c.ServerView)
	if h := HostOf([]resolver.Name{c.Server.Name}); !h.IsZero() {
		text += " of " + h.Name
	}
	if c.known {
		text += fmt.Sprintf(" with serial %d", c.soa.Serial)
	}
	return text
}
