// Package powerdns changes zones through the HTTP interface of a PowerDNS Authoritative Server. It takes libdns's own
// powerdns.Provider as its configuration and sends its own requests.
//
//	client, err := powerdns.New(&libdns.Provider{ServerURL: "http://192.0.2.1:8081", ServerID: "localhost", APIToken: "…"})
//	if err != nil { … }
//	plan, err := providers.NewPlan(ctx, client, report)
//
// A change is one request, carried out whole or not at all. PowerDNS cannot compare and write in one act: what stands there is read
// and compared right before, and one write at a time goes to each zone, which holds off this program and no other.
//
// Records that are switched off are seen, as sets that are [providers.Disabled]: the DNS does not answer them, and libdns's own
// provider takes them for live. They are in the listing of the whole zone only: the restricted one (rrset_name) leaves them out,
// also where something else stands beside them (4.7.3, measured November 2026). So the whole zone is what is read, once a reading.
package powerdns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	libdns "github.com/libdns/powerdns"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/httpapi"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Client is a [providers.Client], [providers.ZoneFinder] and [providers.ZoneSearcher] of one server. [New] makes it. The field is
// set before use; the methods are safe for concurrent use.
type Client struct {
	// HTTP sends the requests; its Base, Secrets and Explain are set by New.
	HTTP *httpapi.Client

	token *providers.Secret // a pointer, since fmt looks into unexported fields but not behind these
	turns *providers.ZoneLock
}

// ErrBadConfig is wrapped by the errors of [New] and [Open]. No such error holds the token.
var ErrBadConfig = providers.ErrBadConfig

// New makes a Client of libdns's value. ServerURL is the web server's, with or without /api/v1; an empty ServerID is "localhost",
// as PowerDNS itself is called there. Debug is not heeded, since what it prints holds the token. The errors wrap [ErrBadConfig].
func New(p *libdns.Provider) (*Client, error) {
	u, err := url.Parse(strings.TrimSpace(p.ServerURL))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("powerdns: server_url is not of the form http://192.0.2.1:8081: %w", ErrBadConfig) // which may hold a password
	}
	if p.APIToken == "" {
		return nil, fmt.Errorf("powerdns: api_token is empty: it is the api-key of pdns.conf: %w", ErrBadConfig)
	}
	id := p.ServerID
	if id == "" {
		id = "localhost"
	}
	base := strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), "/api/v1")
	token := providers.Secret(p.APIToken)
	return &Client{
		HTTP: &httpapi.Client{
			Base: base + "/api/v1/servers/" + url.PathEscape(id), Secrets: []providers.Secret{token}, Explain: explain,
		},
		token: &token, turns: new(providers.ZoneLock),
	}, nil
}

// Open makes a Client of libdns's JSON configuration, {"server_url":…, "server_id":…, "api_token":…}. The errors are those of [New]
// and [providers.DecodeConfig].
func Open(config []byte) (*Client, error) {
	p := new(libdns.Provider)
	if err := providers.DecodeConfig(config, p); err != nil {
		return nil, fmt.Errorf("powerdns: read the configuration: %w", err)
	}
	return New(p)
}

// explain reads PowerDNS's own words: {"error": "…", "errors": ["…"]}.
func explain(_ int, body []byte) error {
	var said struct {
		Error  string   `json:"error"`
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		return nil
	}
	return fmt.Errorf("%q", strings.Join(append([]string{said.Error}, said.Errors...), "; "))
}

// Name gives "powerdns".
func (*Client) Name() string { return "powerdns" }

// Traits promises all but a comparison.
func (*Client) Traits() providers.Traits { return providers.Traits{Atomic: true, Replaces: true} }

// apiZone is a zone as the interface gives it.
type apiZone struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	RRsets []apiSet `json:"rrsets,omitempty"`
}

type apiSet struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	TTL        *uint32     `json:"ttl,omitempty"`
	ChangeType string      `json:"changetype,omitempty"`
	Records    []apiRecord `json:"records"`
}

type apiRecord struct {
	Content  string `json:"content"`
	Disabled bool   `json:"disabled"`
}

func (c *Client) do(ctx context.Context, r httpapi.Request, out any) error {
	r.Header = http.Header{"X-Api-Key": {string(*c.token)}}
	if err := c.HTTP.Do(ctx, r, out); err != nil {
		return fmt.Errorf("powerdns: %w", err)
	}
	return nil
}

// FindZones asks for a zone at each name above owner. One that the server only copies from elsewhere (a secondary) is
// [providers.ZonePartial]: what is written there is gone with the next transfer.
func (c *Client) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	var out []providers.Zone
	for n := owner.Parent(); !n.IsZero() && !n.IsRoot(); n = n.Parent() {
		var zones []apiZone
		if err := c.do(ctx, httpapi.Request{Path: "/zones", Query: url.Values{"zone": {n.String()}}}, &zones); err != nil {
			return nil, err
		}
		for _, z := range zones { // a server before 4.0 gives all of them
			if apex, err := resolver.ParseName(z.Name); err == nil && apex == n {
				out = append(out, providers.Zone{Apex: apex, ID: z.ID, Status: status(z.Kind)})
			}
		}
	}
	return out, nil
}

func status(kind string) providers.ZoneStatus {
	switch strings.ToLower(kind) {
	case "slave", "secondary", "consumer":
		return providers.ZonePartial
	}
	return ""
}

// path is where a zone is. The interface's IDs are made to be put into a URL as they are.
func path(z providers.Zone) string {
	if z.ID != "" {
		return "/zones/" + url.PathEscape(z.ID)
	}
	return "/zones/" + url.PathEscape(z.Apex.String())
}

// Read fetches the zone and gives what stands at the names, disabled records as sets of their own.
func (c *Client) Read(ctx context.Context, zone providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	return c.sets(ctx, zone, func(n resolver.Name) bool { return slices.Contains(owners, n) })
}

// Search fetches the zone and gives what stands at names that begin with the label.
func (c *Client) Search(ctx context.Context, zone providers.Zone, firstLabel string) ([]providers.RRset, error) {
	return c.sets(ctx, zone, func(n resolver.Name) bool { return n.FirstLabel() == strings.ToLower(firstLabel) })
}

func (c *Client) sets(ctx context.Context, zone providers.Zone, wanted func(resolver.Name) bool) ([]providers.RRset, error) {
	var z apiZone
	err := c.do(ctx, httpapi.Request{Path: path(zone)}, &z)
	var answered *httpapi.Error
	if errors.As(err, &answered) && (answered.Status == http.StatusNotFound || answered.Status == http.StatusUnprocessableEntity) {
		return nil, fmt.Errorf("%w: %w", err, providers.ErrZoneNotFound) // before 4.2 it is 422
	}
	if err != nil {
		return nil, err
	}
	if apex, err := resolver.ParseName(z.Name); err != nil || apex != zone.Apex {
		return nil, fmt.Errorf("powerdns: what is called %q is the zone %q and not %s: %w", zone.ID, z.Name, zone.Apex, providers.ErrZoneNotFound)
	}
	var out []providers.RRset
	for _, s := range z.RRsets {
		name, err := resolver.ParseName(s.Name)
		if err != nil || !wanted(name) {
			continue // what is no name is none that is asked for
		}
		read, err := setsOf(name, s)
		if err != nil {
			return nil, err
		}
		out = append(out, read...)
	}
	return out, nil
}

// pseudo are PowerDNS's types that are not the DNS's, with the numbers that it gives them. What they answer is made elsewhere.
var pseudo = map[string]resolver.Type{"ALIAS": 65401, "LUA": 65402}

// setsOf makes up to two sets of one: what is answered and what is switched off.
func setsOf(name resolver.Name, s apiSet) ([]providers.RRset, error) {
	t, opaque := pseudo[s.Type]
	if !opaque {
		var err error
		if t, err = resolver.ParseType(s.Type); err != nil {
			return nil, fmt.Errorf("powerdns: at %s stands a set of the type %q, which is not a DNS type", name, s.Type)
		}
	}
	set := providers.RRset{Name: name, Type: t, Opaque: opaque}
	if s.TTL != nil {
		set.TTL = *s.TTL
	}
	off := set
	off.Hidden = providers.Disabled
	for _, r := range s.Records {
		if r.Disabled {
			off.Values = append(off.Values, r.Content)
		} else {
			set.Values = append(set.Values, r.Content)
		}
	}
	return slices.DeleteFunc([]providers.RRset{set, off}, func(s providers.RRset) bool { return len(s.Values) == 0 }), nil
}

// Write reads, compares and sends one PATCH that gives each set concerned its whole content. Comments stay at sets that stay, and
// go with those that go.
func (c *Client) Write(ctx context.Context, zone providers.Zone, b providers.Batch) error {
	unlock, err := c.turns.Lock(ctx, zone)
	if err != nil {
		return fmt.Errorf("powerdns: %w", err)
	}
	defer unlock()
	now, err := c.Read(ctx, zone, b.Owners...)
	if err != nil {
		return err
	}
	if err := b.Holds(now); err != nil {
		return err
	}
	sets := changes(now, b)
	if len(sets) == 0 {
		return nil
	}
	err = c.do(ctx, httpapi.Request{Method: http.MethodPatch, Path: path(zone), Body: apiZonePatch{sets}}, nil)
	var answered *httpapi.Error
	if errors.As(err, &answered) && answered.Status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", err, providers.ErrZoneNotFound)
	}
	return err
}

type apiZonePatch struct {
	RRsets []apiSet `json:"rrsets"`
}

// changes gives each set that the batch touches as it is to be. A value that stays disabled, or enabled, beside one that changes is
// sent along, as the interface knows only whole sets. What goes comes before what comes.
func changes(now []providers.RRset, b providers.Batch) []apiSet {
	type key struct {
		name resolver.Name
		t    resolver.Type
	}
	var order []key
	for _, s := range slices.Concat(b.Delete, b.Create) {
		if k := (key{s.Name, s.Type}); !slices.Contains(order, k) {
			order = append(order, k)
		}
	}
	var gone, come []apiSet
	for _, k := range order {
		out := apiSet{Name: k.name.String(), Type: k.t.String(), ChangeType: "DELETE", Records: []apiRecord{}}
		after := slices.DeleteFunc(slices.Clone(now), func(s providers.RRset) bool { return slices.ContainsFunc(b.Delete, s.Equal) })
		for _, s := range append(after, b.Create...) { // a set has one TTL: the new one's
			if (key{s.Name, s.Type}) != k {
				continue
			}
			out.ChangeType, out.TTL = "REPLACE", &s.TTL
			for _, v := range s.Values {
				out.Records = append(out.Records, apiRecord{Content: v, Disabled: s.Hidden == providers.Disabled})
			}
		}
		if out.ChangeType == "DELETE" {
			gone = append(gone, out)
		} else {
			come = append(come, out)
		}
	}
	return append(gone, come...)
}
