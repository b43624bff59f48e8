package cloudflare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// apiRecord is a record as the interface gives and takes it. What is not named here (its settings for proxied records, say) is not
// touched: changes are patches.
type apiRecord struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Type     string          `json:"type,omitempty"`
	Content  string          `json:"content,omitempty"`
	Priority *uint16         `json:"priority,omitempty"`
	TTL      uint32          `json:"ttl,omitempty"`
	Proxied  *bool           `json:"proxied,omitempty"`
	Comment  *string         `json:"comment,omitempty"`
	Tags     []string        `json:"tags,omitempty"`
	Settings *recordSettings `json:"settings,omitempty"`
	Meta     *struct {
		ReadOnly bool `json:"read_only"`
	} `json:"meta,omitempty"`
}

type recordSettings struct {
	IPv4Only     *bool `json:"ipv4_only,omitempty"`
	IPv6Only     *bool `json:"ipv6_only,omitempty"`
	FlattenCNAME *bool `json:"flatten_cname,omitempty"`
}

// Bounds of a TTL. 1 is the provider's choice, which is 0 in an RRset.
const (
	automatic      = 1
	minTTL, maxTTL = 60, 86400
)

func is(b *bool) bool { return b != nil && *b }

// plainTypes are those whose whole RDATA is in content (and priority). Others are made of parts that only the panel knows how to
// put together again, and are opaque.
var plainTypes = []resolver.Type{
	resolver.TypeA, resolver.TypeAAAA, resolver.TypeCNAME, resolver.TypeMX, resolver.TypeNS, resolver.TypePTR, resolver.TypeTXT,
}

// setsOf groups records into sets, one for each way in which those of a type are hidden. The records are the sets' handles.
func setsOf(name resolver.Name, records []apiRecord) ([]providers.RRset, error) {
	var out []providers.RRset
	for _, r := range records {
		t, err := resolver.ParseType(r.Type)
		if err != nil {
			return nil, fmt.Errorf("cloudflare: at %s stands a record of the type %q, which is not a DNS type", name, r.Type)
		}
		s := providers.RRset{Name: name, Type: t, Hidden: r.hidden(), Opaque: !slices.Contains(plainTypes, t) || r.Meta != nil && r.Meta.ReadOnly}
		if r.TTL != automatic {
			s.TTL = r.TTL
		}
		value, err := r.value(t)
		if err != nil {
			return nil, fmt.Errorf("cloudflare: at %s stands a record that cannot be read: %w", name, err)
		}
		i := slices.IndexFunc(out, func(o providers.RRset) bool { return o.Type == s.Type && o.Hidden == s.Hidden && o.Opaque == s.Opaque })
		if i < 0 {
			out = append(out, s.WithHandle([]apiRecord(nil)))
			i = len(out) - 1
		}
		out[i].TTL = min(out[i].TTL, s.TTL)
		out[i].Values = append(out[i].Values, value)
		out[i] = out[i].WithHandle(append(out[i].Handle().([]apiRecord), r))
	}
	return out, nil
}

func (r apiRecord) hidden() providers.Hidden {
	switch {
	case is(r.Proxied):
		return providers.Proxied
	case r.Settings != nil && is(r.Settings.FlattenCNAME):
		return providers.Flattened
	}
	return providers.Shown
}

// value gives RDATA in presentation format. Names come without final dot and are whole.
func (r apiRecord) value(t resolver.Type) (string, error) {
	switch t {
	case resolver.TypeCNAME, resolver.TypeNS, resolver.TypePTR, resolver.TypeMX:
		n, err := resolver.ParseName(r.Content)
		if err != nil || t != resolver.TypeMX {
			return n.String(), err
		}
		if r.Priority == nil {
			return "", fmt.Errorf("an MX record has no priority")
		}
		return strconv.Itoa(int(*r.Priority)) + " " + n.String(), nil
	case resolver.TypeTXT:
		if !strings.HasPrefix(r.Content, `"`) { // as it was typed into the panel of old
			return providers.QuoteTXT(r.Content), nil
		}
	}
	return r.Content, nil
}

// recordsOf makes records of a set, whole ones: proxied says what it is, whatever the default.
func recordsOf(s providers.RRset) ([]apiRecord, error) {
	if s.Opaque || !slices.Contains(plainTypes, s.Type) {
		return nil, fmt.Errorf("cloudflare: the %s set at %s is not one that can be written: %w", s.Type, s.Name, providers.ErrOutOfScope)
	}
	var out []apiRecord
	for _, v := range s.Values {
		proxied := s.Hidden == providers.Proxied
		r := apiRecord{Name: bare(s.Name), Type: s.Type.String(), Content: v, Proxied: &proxied, TTL: automatic}
		if s.TTL != 0 && !proxied { // what is proxied has no TTL of its own
			r.TTL = min(max(s.TTL, minTTL), maxTTL)
		}
		if s.Hidden == providers.Flattened {
			yes := true
			r.Settings = &recordSettings{FlattenCNAME: &yes}
		}
		switch s.Type {
		case resolver.TypeMX:
			priority, host, _ := strings.Cut(v, " ")
			n, err := strconv.ParseUint(priority, 10, 16)
			if err != nil {
				return nil, fmt.Errorf("cloudflare: the MX set at %s holds %q", s.Name, v)
			}
			p := uint16(n)
			r.Priority, r.Content = &p, host
			fallthrough
		case resolver.TypeCNAME, resolver.TypeNS, resolver.TypePTR:
			target, err := resolver.ParseName(r.Content)
			if err != nil {
				return nil, fmt.Errorf("cloudflare: the %s set at %s: %w", s.Type, s.Name, err)
			}
			r.Content = bare(target)
		}
		out = append(out, r)
	}
	return out, nil
}

// bare gives a name as the interface has names, without final dot.
func bare(n resolver.Name) string { return strings.TrimSuffix(n.String(), ".") }

// recordKey is what a record says, whatever its ID.
type recordKey struct{ zone, name, typ, content string }

func (r apiRecord) key(zone string) recordKey {
	content := r.Content
	if r.Type == "TXT" && !strings.HasPrefix(content, `"`) {
		content = providers.QuoteTXT(content)
	}
	priority := uint16(0)
	if r.Priority != nil {
		priority = *r.Priority
	}
	return recordKey{zone, strings.ToLower(r.Name), r.Type, strconv.Itoa(int(priority)) + " " + content}
}

// batch is one transaction. Cloudflare carries out deletes, then patches, then posts.
type batch struct {
	Deletes []idOnly    `json:"deletes,omitempty"`
	Patches []apiRecord `json:"patches,omitempty"`
	Posts   []apiRecord `json:"posts,omitempty"`

	gone []apiRecord // what Deletes deletes
}

type idOnly struct {
	ID string `json:"id"`
}

func (b batch) empty() bool { return len(b.Deletes)+len(b.Patches)+len(b.Posts) == 0 }

// batchOf pairs what goes and what comes at a name and type: such a record is changed where it is, so that comment and tags stay.
func batchOf(now []providers.RRset, change providers.Batch) (batch, error) {
	var out batch
	var old []apiRecord
	for _, s := range change.Delete {
		i := slices.IndexFunc(now, s.Equal)
		if i < 0 || now[i].Opaque {
			return out, fmt.Errorf("cloudflare: the %s set at %s cannot be deleted: %w", s.Type, s.Name, providers.ErrOutOfScope)
		}
		old = append(old, now[i].Handle().([]apiRecord)...)
	}
	for _, s := range change.Create {
		records, err := recordsOf(s)
		if err != nil {
			return out, err
		}
		for _, r := range records {
			i := slices.IndexFunc(old, func(o apiRecord) bool { return o.Type == r.Type && strings.EqualFold(o.Name, r.Name) })
			if i < 0 {
				out.Posts = append(out.Posts, r)
				continue
			}
			r.ID = old[i].ID
			if r.Settings == nil && old[i].hidden() == providers.Flattened {
				no := false
				r.Settings = &recordSettings{FlattenCNAME: &no}
			}
			out.Patches = append(out.Patches, r)
			old = slices.Delete(old, i, i+1)
		}
	}
	for _, r := range old {
		out.Deletes, out.gone = append(out.Deletes, idOnly{r.ID}), append(out.gone, r)
	}
	slices.SortFunc(out.Deletes, func(a, b idOnly) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// flattenedZone is the zone's own settings, in both forms that the interface has had.
func flattensAll(result json.RawMessage) bool {
	var s struct {
		All   bool            `json:"flatten_all_cnames"`
		Value json.RawMessage `json:"value"`
	}
	return json.Unmarshal(result, &s) == nil && (s.All || string(s.Value) == `"flatten_all"`)
}
