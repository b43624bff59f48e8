package validate

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// Way is the way that a CA takes to the record, for a picture: the zones from the root down, who serves them by whose word,
// what each server said, and where the record was found if not there. It is a plain value, the same for the same answers;
// a check asks nothing for it. Its zero value: it was not kept ([Checker.KeepWay]).
type Way struct {
	Zones []WayZone // from the root down; the servers of the last are those that are asked for the record
	// Missing is the domain that the last zone does not delegate, so that the way ends above it; zero where it does not.
	Missing resolver.Name
	Places  []Place // where something was found that was meant to be the record, each once
}

// WayZone is one zone on the way.
type WayZone struct {
	Name   resolver.Name
	Parent resolver.Name // zero for the root
	// Inner is a zone further down that the same servers hold, and answer from without a referral (RFC 1034, 4.2.1); zero
	// where there is none.
	Inner resolver.Name
	// Servers are the addresses of its name servers: those that the parent names first, then those that only the zone itself
	// names, each sorted by name and address. One that has no address is there once, without.
	Servers []WayServer
	// Own is whom the zone's own NS records name, sorted; empty where that was not asked or not answered. Only the last
	// zone's are asked for.
	Own []resolver.Name
	// Security is what DNSSEC says of the zone; empty where nothing was validated.
	Security dnssec.Status
	DS       bool // the parent's servers hold DS records for it: they vouch for its keys
	// Breaks are the places in the zone, or on the way into it, at which the chain of trust breaks or is not known to hold.
	Breaks []Break
}

// WayServer is one address of a name server and what it said when it was asked on the way.
type WayServer struct {
	Name     resolver.Name
	Addr     netip.Addr // the zero value: no address is known
	ByParent bool       // the parent names it; else only the zone itself does
	Reply    Reply
	Text     string // what was given, or why nothing was, in a few words; may be empty
}

// Reply is what a server's answer amounts to, in a word or two.
type Reply string

// The replies.
const (
	ReplyRefers   Reply = "refers on"      // to the servers of the next zone
	ReplyRecord   Reply = "the record"     // with an accepted value
	ReplyOther    Reply = "another value"  // one CNAME
	ReplySeveral  Reply = "several values" // more than one CNAME
	ReplyDenies   Reply = "not there"      // no such name, or no CNAME at it
	ReplyLame     Reply = "does not serve" // it does not serve the zone (lame)
	ReplyFailure  Reply = "failure"        // SERVFAIL and the like
	ReplySilent   Reply = "no answer"      // that could be understood
	ReplyNotAsked Reply = "not asked"      // one server was enough, or it could not be asked
	ReplyUseless  Reply = "nothing of use" // a server above that neither refers on nor denies
)

// Break is one place where the chain of trust breaks, or is not known to hold.
type Break struct {
	Link   bool            // on the way from the parent into the zone; else in the zone's answers
	Status dnssec.Status   // Bogus or Indeterminate
	Server resolver.Server // whose answer it is; zero where it concerns the zone whoever is asked
	Why    string          // in words
}

// Place is a name at which something was found that was meant to be the record.
type Place struct {
	Rule    ID // whose finding it is
	Name    resolver.Name
	Type    resolver.Type
	Value   string            // RDATA in presentation format
	Servers []resolver.Server // who gave it, sorted
}

// IsZero reports whether no way was kept.
func (w Way) IsZero() bool { return len(w.Zones) == 0 && len(w.Places) == 0 }

var replies = map[Standing]Reply{
	Holds: ReplyRecord, Differs: ReplyOther, Several: ReplySeveral, Denies: ReplyDenies,
	IsLame: ReplyLame, IsFailing: ReplyFailure, IsSilent: ReplySilent, NotAsked: ReplyNotAsked,
}

// way puts together what is known of the way. It asks nothing that the verdict did not.
func (p *Pass) way(ctx context.Context) Way {
	f := &p.facts
	w := Way{Places: p.places}
	slices.SortStableFunc(w.Places, func(a, b Place) int {
		return cmp.Or(a.Name.Compare(b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Rule, b.Rule))
	})
	for i, cut := range f.walk.Cuts {
		last := cut.Zone == f.cut.Zone
		if last {
			cut = f.cut // with all its addresses
		}
		z := WayZone{Name: cut.Zone, Parent: cut.Parent}
		if last {
			p.lastServers(&z)
		} else {
			p.serversAbove(&z, cut, f.walk.Cuts[i+1])
		}
		z.DS = slices.ContainsFunc(cut.Referrals, func(a resolver.Answer) bool {
			return slices.ContainsFunc(a.Response.Authority, func(rr resolver.RR) bool { return rr.Type == resolver.TypeDS && rr.Name == cut.Zone })
		})
		w.Zones = append(w.Zones, z)
		if last {
			break
		}
	}
	p.trust(ctx, w.Zones)
	if p.aboveDomain() && slices.ContainsFunc(f.undelegated, func(a resolver.Answer) bool { return denies(a, f.cut.Zone) }) {
		w.Missing = p.registered()
	}
	return w
}

// trust notes what DNSSEC says of each zone, and where the chain breaks.
func (p *Pass) trust(ctx context.Context, zones []WayZone) {
	s, err := p.Security(ctx)
	if err != nil || p.validator.Anchors.IsZero() {
		return
	}
	for _, z := range s.Zones {
		if i := slices.IndexFunc(zones, func(w WayZone) bool { return w.Name == z.Name }); i >= 0 {
			zones[i].Security = z.Status
		}
	}
	for _, f := range s.Faults {
		i := slices.IndexFunc(zones, func(w WayZone) bool { return w.Name == f.Zone })
		if i < 0 { // a zone that the same servers hold, or the one of an alias: who reads it is at the end of the way
			i = len(zones) - 1
		}
		b := Break{Status: f.Status, Server: f.Server}
		b.Link = zones[i].Name == f.Zone && zones[i].Security != dnssec.Secure && !f.Server.Addr.IsValid()
		if len(f.Why) > 0 {
			b.Why = f.Why[0].String()
		}
		if !slices.Contains(zones[i].Breaks, b) {
			zones[i].Breaks = append(zones[i].Breaks, b)
		}
	}
}

func denies(a resolver.Answer, zone resolver.Name) bool {
	if a.Err != nil {
		return false
	}
	m := a.Response.Means(zone)
	return m == resolver.NoSuchName || m == resolver.NoData
}

// lastServers are those that are asked for the record.
func (p *Pass) lastServers(z *WayZone) {
	f := &p.facts
	if f.zone.Below(f.cut.Zone) {
		z.Inner = f.zone
	} else {
		z.Own = slices.Clone(f.childNS)
	}
	seen := map[resolver.Server]bool{}
	for _, v := range f.views {
		if v.Above.IsZero() {
			seen[v.Server] = true
			z.Servers = append(z.Servers, viewed(v))
		}
	}
	for _, a := range f.undelegated {
		if s := a.Server; !seen[s] {
			seen[s] = true
			x := said(a, z.Name)
			x.Name, x.Addr, x.ByParent = s.Name, s.Addr.Addr(), true
			z.Servers = append(z.Servers, x)
		}
	}
	for _, s := range p.walker.Servers(f.cut) {
		if !seen[s] {
			z.Servers = append(z.Servers, WayServer{Name: s.Name, Addr: s.Addr.Addr(), ByParent: true, Reply: ReplyNotAsked})
		}
	}
	z.sort()
}

// said tells what an answer about a name further down amounts to.
func said(a resolver.Answer, zone resolver.Name) WayServer {
	if a.Err != nil {
		return WayServer{Reply: replies[standingOf(a.Err)], Text: reasonText(a.Err)}
	}
	switch a.Response.Means(zone) {
	case resolver.Refers:
		return WayServer{Reply: ReplyRefers}
	case resolver.NoSuchName:
		return WayServer{Reply: ReplyDenies, Text: "no such name"}
	case resolver.NoData:
		return WayServer{Reply: ReplyDenies}
	case resolver.Lame:
		return WayServer{Reply: ReplyLame, Text: a.Response.RCode.String()}
	case resolver.Fails:
		return WayServer{Reply: ReplyFailure, Text: a.Response.RCode.String()}
	}
	return WayServer{Reply: ReplyUseless}
}

func viewed(v ServerView) WayServer {
	s := WayServer{Name: v.Server.Name, Addr: v.Server.Addr.Addr(), ByParent: v.Delegated, Reply: replies[v.Standing]}
	switch {
	case errors.Is(v.Err, resolver.ErrTooMany):
		s.Reply, s.Text = ReplyNotAsked, reasonText(v.Err)
	case v.Err != nil:
		s.Text = reasonText(v.Err)
	case v.Standing == Differs, v.Standing == Several, v.Standing == Holds:
		s.Text = list(v.CNAMEs(), resolver.Name.String)
	case v.Standing == Denies && v.Response.RCode == resolver.NXDomain:
		s.Text = "no such name"
	case v.Standing == Denies:
		s.Text = "no CNAME at this name"
	case v.Response.RCode != resolver.NoError:
		s.Text = v.Response.RCode.String()
	}
	return s
}

// serversAbove are those of a zone that refers on to the next one.
func (p *Pass) serversAbove(z *WayZone, cut, next resolver.Cut) {
	replied := map[resolver.Server]WayServer{}
	for _, a := range next.Referrals {
		replied[a.Server] = WayServer{Reply: ReplyRefers, Text: next.Zone.String()}
	}
	for _, a := range next.Others {
		replied[a.Server] = said(a, cut.Zone)
	}
	for _, v := range p.facts.views {
		if v.Above == z.Name {
			replied[v.Server] = viewed(v)
		}
	}
	for _, s := range p.walker.Servers(cut) {
		x, ok := replied[s]
		if !ok {
			x.Reply = ReplyNotAsked
		}
		x.Name, x.Addr, x.ByParent = s.Name, s.Addr.Addr(), true
		z.Servers = append(z.Servers, x)
	}
	for _, ns := range cut.NameServers {
		if ns.Err != nil {
			x := viewed(ServerView{Answer: resolver.Answer{Server: resolver.Server{Name: ns.Name}, Err: ns.Err}, Standing: standingOf(ns.Err), Delegated: true})
			z.Servers = append(z.Servers, x)
		}
	}
	z.sort()
}

func (z *WayZone) sort() {
	slices.SortStableFunc(z.Servers, func(a, b WayServer) int {
		switch {
		case a.ByParent != b.ByParent && a.ByParent:
			return -1
		case a.ByParent != b.ByParent:
			return 1
		}
		return cmp.Or(a.Name.Compare(b.Name), a.Addr.Compare(b.Addr))
	})
}

// keepPlaces notes what a finding shows that was meant to be the record: an answer that carries its value at another name,
// in another type or from a server that nobody is sent to, and what a fix takes away elsewhere. The caller holds p.mu.
func (p *Pass) keepPlaces(f Finding, saw []resolver.Answer) {
	for _, a := range saw {
		own := slices.ContainsFunc(p.facts.views, func(v ServerView) bool { return v.Server == a.Server })
		for _, rr := range slices.Concat(a.Response.Answer, a.Response.Authority) {
			ns := rr.Type == resolver.TypeNS && rr.Name == p.Record.Name
			if a.Err != nil || !a.Question.Recursor.IsZero() || rr.Name != a.Question.Name || rr.Name.FirstLabel() == probeLabel(p.Record) ||
				rr.Type != resolver.TypeCNAME && rr.Type != resolver.TypeTXT && !ns || !p.sameText(rr) {
				continue
			}
			if rr.Name == p.Record.Name && rr.Type == resolver.TypeCNAME && own {
				continue // that is the record itself
			}
			p.keepPlace(Place{Rule: f.Rule, Name: rr.Name, Type: rr.Type, Value: rr.Text(), Servers: []resolver.Server{a.Server}})
		}
	}
	for _, x := range f.Fixes {
		for _, c := range x.Changes {
			if len(c.To) > 0 || c.Name == p.Record.Name {
				continue
			}
			for _, v := range c.From {
				place := Place{Rule: f.Rule, Name: c.Name, Type: c.Type, Value: v}
				for _, a := range saw {
					if a.Err == nil && a.Question.Name == c.Name && a.Question.Recursor.IsZero() {
						place.Servers = append(place.Servers, a.Server)
					}
				}
				p.keepPlace(place)
			}
		}
	}
}

func (p *Pass) keepPlace(x Place) {
	i := slices.IndexFunc(p.places, func(o Place) bool {
		return o.Name == x.Name && o.Type == x.Type && o.Value == x.Value && o.Rule == x.Rule
	})
	if i < 0 {
		p.places = append(p.places, x)
		return
	}
	for _, s := range x.Servers {
		if !slices.Contains(p.places[i].Servers, s) {
			p.places[i].Servers = append(p.places[i].Servers, s)
		}
	}
	slices.SortFunc(p.places[i].Servers, func(a, b resolver.Server) int {
		return cmp.Or(a.Name.Compare(b.Name), a.Addr.Compare(b.Addr))
	})
}
