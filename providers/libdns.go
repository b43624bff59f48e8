package providers

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/libdns/libdns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// LibDNS is what a libdns v1 provider can do. One that is also a libdns.ZoneLister gives a Client that is a [ZoneFinder].
type LibDNS interface {
	libdns.RecordGetter
	libdns.RecordAppender
	libdns.RecordSetter
	libdns.RecordDeleter
}

// Quirks says how a libdns provider differs from its contract. The zero value is right for a provider nobody knows: it is the
// most cautious reading of each.
type Quirks struct {
	Name        string      // the provider's name as the user knows it; empty: "libdns"
	SetReplaces bool        // SetRecords makes a name's CNAME the given one; false: the old one is deleted, the new one appended
	TargetStyle TargetStyle // what a target without final dot means when it is read; empty: ZoneFile
	WriteNoDot  bool        // targets are written without final dot; false: with it
	PartialRead bool        // the listing may leave out records
	ListsApex   bool        // each zone's listing holds its SOA or NS set: one without is an error, not an empty zone
	TXTQuoted   bool        // a TXT is listed and written as character-strings in quotes, and a lone one deleted without them (gandi v1.1.0)
	TXTUnsafe   string      // characters that a TXT loses on its way through: one that holds any is opaque, since it could not be put back
	MinTTL      uint32      // seconds
	Secrets     []Secret    // what must not appear in any error
}

// TargetStyle says what a target without final dot means.
type TargetStyle string

// The styles of targets.
const (
	ZoneFile TargetStyle = "zone-file" // relative to the zone (RFC 1035, 5.1)
	Absolute TargetStyle = "absolute"  // fully qualified
)

// FromLibdns makes a Client of any libdns v1 provider. What the provider returns from its writes is ignored, since it says nothing
// in many of them; records that are to be deleted are handed back as the values that were read, since many need their hidden
// IDs; a panic of the provider is an error; writes to one zone are done one at a time, each after comparing what stands there,
// which holds off other goroutines and not other programs.
//
// A provider that ignores its context is waited for: no goroutine is left behind with a write in its hands.
func FromLibdns(p LibDNS, q Quirks) Client {
	c := &libdnsClient{provider: p, quirks: q}
	c.quirks.Secrets = slices.Clone(q.Secrets)
	if l, ok := p.(libdns.ZoneLister); ok {
		return &libdnsFinder{c, l}
	}
	return c
}

type libdnsClient struct {
	provider LibDNS
	quirks   Quirks
	turns    ZoneLock
}

type libdnsFinder struct {
	*libdnsClient
	lister libdns.ZoneLister
}

func (c *libdnsClient) Name() string {
	if c.quirks.Name == "" {
		return "libdns"
	}
	return c.quirks.Name
}

func (c *libdnsClient) Traits() Traits {
	return Traits{Replaces: c.quirks.SetReplaces, PartialRead: c.quirks.PartialRead, MinTTL: c.quirks.MinTTL}
}

// Read fetches the whole zone, which is all that libdns can, and gives what stands at the names.
func (c *libdnsClient) Read(ctx context.Context, zone Zone, owners ...resolver.Name) ([]RRset, error) {
	recs, err := c.list(ctx, zone.Apex)
	if err != nil {
		return nil, err
	}
	return c.sets(zone.Apex, recs, func(n resolver.Name) bool { return slices.Contains(owners, n) })
}

// Search fetches the whole zone and gives what stands at names that begin with the label.
func (c *libdnsClient) Search(ctx context.Context, zone Zone, firstLabel string) ([]RRset, error) {
	recs, err := c.list(ctx, zone.Apex)
	if err != nil {
		return nil, err
	}
	return c.sets(zone.Apex, recs, func(n resolver.Name) bool { return n.FirstLabel() == strings.ToLower(firstLabel) })
}

// FindZones lists the account's zones. libdns knows neither IDs nor name servers.
func (c *libdnsFinder) FindZones(ctx context.Context, owner resolver.Name) ([]Zone, error) {
	var listed []libdns.Zone
	err := c.call(ctx, "list zones", func() (err error) {
		listed, err = c.lister.ListZones(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []Zone
	for _, z := range listed {
		n, err := resolver.ParseName(z.Name)
		if err != nil || !owner.Within(n) || slices.ContainsFunc(out, func(o Zone) bool { return o.Apex == n }) {
			continue // a zone whose name is no name cannot be the one
		}
		out = append(out, Zone{Apex: n})
	}
	return out, nil
}

// Write compares the zone with b.Expect, deletes, then creates.
func (c *libdnsClient) Write(ctx context.Context, zone Zone, b Batch) error {
	if len(b.Owners) == 0 || slices.ContainsFunc(b.Owners, func(n resolver.Name) bool { return !n.Below(zone.Apex) }) {
		// An empty relative name means every name to some providers (godaddy v1.1.0), so the apex is never written either.
		return fmt.Errorf("providers: %s: write %s: a name is not below the zone: %w", c.Name(), zone.Apex, ErrOutOfScope)
	}
	unlock, err := c.turns.Lock(ctx, Zone{Apex: zone.Apex})
	if err != nil {
		return fmt.Errorf("providers: %s: %w", c.Name(), err)
	}
	defer unlock()
	now, err := c.Read(ctx, zone, b.Owners...)
	if err != nil {
		return err
	}
	if err := b.Holds(now); err != nil {
		return err
	}
	var gone []libdns.Record
	var create []RRset
	var replace []RRset
	for _, s := range b.Create {
		if c.quirks.SetReplaces && slices.ContainsFunc(b.Delete, func(d RRset) bool { return d.Name == s.Name && d.Type == s.Type }) {
			replace = append(replace, s)
			continue
		}
		create = append(create, s)
	}
	for _, s := range b.Delete {
		if slices.ContainsFunc(replace, func(r RRset) bool { return r.Name == s.Name && r.Type == s.Type }) {
			continue
		}
		i := slices.IndexFunc(now, s.Equal)
		if i < 0 {
			return conflict(unit{name: s.Name, before: []RRset{s}}, at(now, s.Name))
		}
		read, ok := now[i].handle.([]libdns.Record)
		if s.Opaque {
			return fmt.Errorf("providers: %s: the %s set at %s could not be put back: %w", c.Name(), s.Type, s.Name, ErrOutOfScope)
		}
		if !ok || len(read) == 0 {
			return fmt.Errorf("providers: %s: the %s set at %s has no records to delete: %w",
				c.Name(), s.Type, s.Name, ErrConflict)
		}
		gone = append(gone, c.toDelete(s.Type, read)...)
	}
	for _, act := range []struct {
		name string
		recs []libdns.Record
		do   func(context.Context, string, []libdns.Record) ([]libdns.Record, error)
	}{
		{"delete records", gone, c.provider.DeleteRecords},
		{"set records", c.records(zone.Apex, replace), c.provider.SetRecords},
		{"append records", c.records(zone.Apex, create), c.provider.AppendRecords},
	} {
		if len(act.recs) == 0 {
			continue
		}
		err := c.call(ctx, act.name, func() error {
			_, err := act.do(ctx, zone.Apex.String(), act.recs)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// toDelete gives the records of a set as they are to be handed back.
func (c *libdnsClient) toDelete(t resolver.Type, read []libdns.Record) []libdns.Record {
	if t != resolver.TypeTXT || !c.quirks.TXTQuoted {
		return read
	}
	out := slices.Clone(read)
	last := out[len(out)-1].RR() // the others are gone by then
	last.Data = strings.Trim(last.Data, `"`)
	out[len(out)-1] = last
	return out
}

// call guards one call of the provider: its panics become errors, its errors lose what is secret.
func (c *libdnsClient) call(ctx context.Context, act string, f func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("providers: %s: %s: %w", c.Name(), act, err)
	}
	defer func() {
		if v := recover(); v != nil {
			panicked := fmt.Errorf("the provider's library panicked: %v", v)
			err = fmt.Errorf("providers: %s: %s: %w", c.Name(), act, Redact(panicked, c.quirks.Secrets...))
		}
	}()
	if err := f(); err != nil {
		told := Redact(err, c.quirks.Secrets...)
		if refusesCredentials.MatchString(told.Error()) {
			return fmt.Errorf("providers: %s: %s: %w: %w", c.Name(), act, ErrPermission, told)
		}
		return fmt.Errorf("providers: %s: %s: %w", c.Name(), act, told)
	}
	return nil
}

// refusesCredentials finds a refusal in what a library says: most give the HTTP status in the text and nowhere else. It decides how
// an error is told, and never what is written.
var refusesCredentials = regexp.MustCompile(`(?i)\b(401|403)\b|\bunauthori[sz]ed\b|\bforbidden\b|\baccess denied\b|\binvalid (api )?token\b`)

func (c *libdnsClient) list(ctx context.Context, apex resolver.Name) ([]libdns.Record, error) {
	var recs []libdns.Record
	err := c.call(ctx, "get records", func() (err error) {
		recs, err = c.provider.GetRecords(ctx, apex.String())
		return err
	})
	return recs, err
}

// listed is a record as it was read, and what it says.
type listed struct {
	record libdns.Record
	rr     libdns.RR
}

// sets groups the records at the wanted names into sets.
func (c *libdnsClient) sets(apex resolver.Name, recs []libdns.Record, wanted func(resolver.Name) bool) ([]RRset, error) {
	var out []RRset
	sawApex := false
	for _, rec := range recs {
		if rec == nil { // dnsimple v0.5.0 gives nil for what it cannot parse
			continue
		}
		l := listed{record: rec}
		if err := c.call(context.Background(), "read a record", func() error { l.rr = rec.RR(); return nil }); err != nil {
			return nil, err
		}
		t, err := resolver.ParseType(l.rr.Type)
		if err != nil {
			t = 0
		}
		owner, other, err := ownerOf(l.rr.Name, apex)
		if err != nil {
			continue // no name that we ask for is spelt so
		}
		if owner == apex && (t == resolver.TypeSOA || t == resolver.TypeNS) {
			sawApex = true
		}
		if other != owner && (wanted(owner) || wanted(other)) {
			return nil, fmt.Errorf("providers: %s: a record is listed as %q, which can mean %s and %s",
				c.Name(), l.rr.Name, owner, other)
		}
		if !wanted(owner) {
			continue
		}
		if t == 0 {
			return nil, fmt.Errorf("providers: %s: at %s stands a record of the type %q, which is not a DNS type",
				c.Name(), owner, l.rr.Type)
		}
		value := c.value(apex, t, l.rr)
		i := slices.IndexFunc(out, func(s RRset) bool { return s.Name == owner && s.Type == t })
		if i < 0 {
			out = append(out, RRset{Name: owner, Type: t, TTL: seconds(l.rr.TTL)}.WithHandle([]libdns.Record(nil)))
			i = len(out) - 1
		}
		out[i].Values = append(out[i].Values, value)
		out[i].Opaque = out[i].Opaque || t == resolver.TypeTXT && strings.ContainsAny(l.rr.Data, c.quirks.TXTUnsafe)
		out[i].handle = append(out[i].handle.([]libdns.Record), rec)
	}
	if c.quirks.ListsApex && !sawApex {
		return nil, fmt.Errorf("providers: %s: the listing of %s lacks what each zone has, so it cannot be whole", c.Name(), apex)
	}
	return out, nil
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), 1<<31-1)) // RFC 2181, 8: 31 bits
}

var errForeign = errors.New("not a name in the zone")

// ownerOf reads a record's name, which is relative to the zone unless it ends in a dot. libdns.RelativeName, which providers use,
// cuts octets: it leaves a full name whole when its letter case differs from the zone's. What it may have left so has two
// readings; both are given.
func ownerOf(name string, apex resolver.Name) (owner, other resolver.Name, err error) {
	if name == "" || name == "@" {
		return apex, apex, nil
	}
	n, err := resolver.ParseName(name)
	if err != nil {
		return n, n, err
	}
	if strings.HasSuffix(name, ".") && !strings.HasSuffix(name, `\.`) {
		if !n.Within(apex) {
			return n, n, errForeign
		}
		return n, n, nil
	}
	full, ok := n.Under(apex)
	if !ok {
		return n, n, errForeign
	}
	if n.Within(apex) && !strings.HasSuffix(name, apex.Text()) {
		return full, n, nil
	}
	return full, full, nil
}

// value gives RDATA in presentation format.
func (c *libdnsClient) value(apex resolver.Name, t resolver.Type, rr libdns.RR) string {
	switch t {
	case resolver.TypeCNAME:
		n, err := resolver.ParseName(rr.Data)
		switch {
		case rr.Data == "@":
			return apex.String()
		case err != nil:
			return rr.Data
		case strings.HasSuffix(rr.Data, ".") || c.quirks.TargetStyle == Absolute:
			return n.String()
		}
		if full, ok := n.Under(apex); ok {
			return full.String()
		}
		return rr.Data
	case resolver.TypeTXT:
		if c.quirks.TXTQuoted && strings.HasPrefix(rr.Data, `"`) {
			return canonical(t, rr.Data)
		}
		return QuoteTXT(rr.Data)
	}
	return rr.Data
}

// records makes libdns records of sets.
func (c *libdnsClient) records(apex resolver.Name, sets []RRset) []libdns.Record {
	var out []libdns.Record
	for _, s := range sets {
		name, _ := s.Name.Relative(apex)
		ttl := time.Duration(max(s.TTL, c.quirks.MinTTL)) * time.Second
		for _, v := range s.Values {
			switch s.Type {
			case resolver.TypeCNAME:
				if c.quirks.WriteNoDot {
					v = strings.TrimSuffix(v, ".")
				}
				out = append(out, libdns.CNAME{Name: name, TTL: ttl, Target: v})
			case resolver.TypeTXT:
				if c.quirks.TXTQuoted {
					out = append(out, libdns.RR{Name: name, TTL: ttl, Type: "TXT", Data: canonical(s.Type, v)})
					continue
				}
				out = append(out, libdns.TXT{Name: name, TTL: ttl, Text: unquoteTXT(v)})
			default:
				rr := libdns.RR{Name: name, TTL: ttl, Type: s.Type.String(), Data: v}
				if rec, err := rr.Parse(); err == nil {
					out = append(out, rec)
					continue
				}
				out = append(out, rr)
			}
		}
	}
	return out
}

// QuoteTXT gives text as the RDATA of a TXT record: character-strings of at most 255 octets, quoted (RFC 1035, 3.3 and 5.1). It is for
// adapters of providers that keep texts without quotes.
func QuoteTXT(text string) string {
	var b strings.Builder
	for first := true; first || text != ""; first = false {
		if !first {
			b.WriteByte(' ')
		}
		n := min(len(text), 255)
		b.WriteByte('"')
		for i := range n {
			switch c := text[i]; {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c >= 0x7f:
				fmt.Fprintf(&b, "\\%03d", c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
		text = text[n:]
	}
	return b.String()
}

// unquoteTXT is the inverse; text that is no character-string stands for itself.
func unquoteTXT(value string) string {
	rr, err := resolver.ParseRR(". 0 IN TXT " + value)
	if err != nil || strings.ContainsAny(value, "\r\n") {
		return value
	}
	return strings.Join(rr.Strings(), "")
}
