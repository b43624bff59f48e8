// Package cloudflare changes zones through Cloudflare's HTTP interface. It takes libdns's own cloudflare.Provider as its
// configuration and sends its own requests.
//
//	client, err := cloudflare.New(&libdns.Provider{APIToken: "…"})
//	if err != nil { … }
//	plan, err := providers.NewPlan(ctx, client, report)
//
// What is hidden is seen: a record that is proxied (orange cloud) or flattened stands in the panel, and the DNS answers addresses in
// its place. Mending it says proxied: false in so many words; libdns's own provider leaves that out, and the record stays as it
// was. A change is one request, carried out whole or not at all as Cloudflare documents it. There is no compare-and-swap: what stands
// there is read and compared right before, and records are changed and deleted by the IDs that were read.
package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	libdns "github.com/libdns/cloudflare"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/httpapi"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Base is where Cloudflare's interface is.
const Base = "https://api.cloudflare.com/client/v4"

// Client is a [providers.Client] and [providers.ZoneFinder] of whatever accounts the token is good for. [New] makes it. The field is
// set before use; the methods are safe for concurrent use.
type Client struct {
	// HTTP sends the requests. New sets its Secrets and Explain, its HTTP to the provider's HTTPClient and its Base to [Base].
	HTTP *httpapi.Client

	tokens *tokens // a pointer, since fmt looks into unexported fields but not behind these
	turns  *providers.ZoneLock

	noSettings *atomic.Bool // the token may not read DNS settings: they are not asked for again
	mu         *sync.Mutex
	deleted    map[recordKey]apiRecord // guarded by mu: what this Client deleted, so that taking it back brings comment and tags, too
}

type tokens struct{ dns, zones providers.Secret }

// ErrBadConfig is wrapped by the errors of [New] and [Open]. No such error holds a token.
var ErrBadConfig = providers.ErrBadConfig

// New makes a Client of libdns's value. ZoneToken finds zones where it is set, and APIToken does the rest; HTTPClient sends the
// requests where it is set. The errors wrap [ErrBadConfig].
func New(p *libdns.Provider) (*Client, error) {
	for _, t := range []string{p.APIToken, p.ZoneToken} {
		if strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, fmt.Errorf("cloudflare: a token holds white space or a character that no token has: %w", ErrBadConfig)
		}
	}
	if p.APIToken == "" {
		return nil, fmt.Errorf("cloudflare: api_token is empty: make one with Zone.DNS:Edit and Zone.Zone:Read for the zone: %w", ErrBadConfig)
	}
	t := &tokens{providers.Secret(p.APIToken), providers.Secret(p.ZoneToken)}
	if t.zones == "" {
		t.zones = t.dns
	}
	c := &Client{
		HTTP: &httpapi.Client{Base: Base, Secrets: []providers.Secret{t.dns, t.zones}, Explain: explain}, tokens: t,
		turns: new(providers.ZoneLock), noSettings: new(atomic.Bool), mu: new(sync.Mutex), deleted: map[recordKey]apiRecord{},
	}
	if p.HTTPClient != nil {
		c.HTTP.HTTP = p.HTTPClient
	}
	return c, nil
}

// Open makes a Client of libdns's JSON configuration, {"api_token":…, "zone_token":…}. The errors are those of [New] and
// [providers.DecodeConfig].
func Open(config []byte) (*Client, error) {
	p := new(libdns.Provider)
	if err := providers.DecodeConfig(config, p); err != nil {
		return nil, fmt.Errorf("cloudflare: read the configuration: %w", err)
	}
	return New(p)
}

// Name gives "cloudflare".
func (*Client) Name() string { return "cloudflare" }

// Traits promises all but a comparison. Cloudflare's smallest TTL is kept to when a record is written, since to raise what the
// provider chooses itself to it would be a change.
func (*Client) Traits() providers.Traits { return providers.Traits{Atomic: true, Replaces: true} }

// envelope is what every answer is wrapped in.
type envelope struct {
	Success bool            `json:"success"`
	Errors  []apiError      `json:"errors"`
	Result  json.RawMessage `json:"result"`
	Info    *struct {
		Page       int `json:"page"`
		TotalPages int `json:"total_pages"`
	} `json:"result_info"`
}

type apiError struct {
	Code    int        `json:"code"`
	Message string     `json:"message"`
	Chain   []apiError `json:"error_chain"`
}

// Error codes that mean one of package providers' errors, as Cloudflare's documentation and its users tell them.
var meanings = map[int]error{
	81053: providers.ErrConflict, // an A, AAAA or CNAME record with that host exists
	81054: providers.ErrConflict, // a CNAME record with that host exists
	81057: providers.ErrConflict, // the record exists
	81058: providers.ErrConflict, // an identical record exists
	81044: providers.ErrConflict, // the record does not exist
	9109:  providers.ErrPermission,
	10000: providers.ErrPermission,
	1049:  providers.ErrZoneNotFound,
	7003:  providers.ErrZoneNotFound,
}

// explain reads Cloudflare's own words.
func explain(_ int, body []byte) error {
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return nil
	}
	return said(e.Errors)
}

func said(list []apiError) error {
	var out error
	for _, e := range list {
		for _, x := range append([]apiError{e}, e.Chain...) {
			err := fmt.Errorf("%q (code %d)", x.Message, x.Code)
			if m, ok := meanings[x.Code]; ok {
				err = fmt.Errorf("%w: %w", err, m)
			}
			if out == nil {
				out = err
			} else {
				out = fmt.Errorf("%w; %w", out, err)
			}
		}
	}
	return out
}

// do sends a request and gives the envelope, whose result it decodes.
func (c *Client) do(ctx context.Context, token providers.Secret, r httpapi.Request, result any) (envelope, error) {
	r.Header = http.Header{"Authorization": {"Bearer " + string(token)}}
	var e envelope
	if err := c.HTTP.Do(ctx, r, &e); err != nil {
		return e, fmt.Errorf("cloudflare: %w", err)
	}
	if err := said(e.Errors); err != nil || !e.Success {
		if err == nil {
			err = errors.New("it says that it failed, and not why")
		}
		return e, fmt.Errorf("cloudflare: %s %s: %w", r.Method, r.Path, providers.Redact(err, c.HTTP.Secrets...))
	}
	if result == nil {
		return e, nil
	}
	if err := json.Unmarshal(e.Result, result); err != nil {
		return e, fmt.Errorf("cloudflare: %s %s: the result is not what the interface promises", r.Method, r.Path)
	}
	return e, nil
}

// maxPages is more than any name, and any name's zones, can fill.
const maxPages = 100

// list gets all pages of a listing.
func list[T any](ctx context.Context, c *Client, token providers.Secret, path string, query url.Values, perPage int) ([]T, error) {
	query.Set("per_page", strconv.Itoa(perPage))
	var out []T
	for page := 1; page <= maxPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var some []T
		e, err := c.do(ctx, token, httpapi.Request{Method: http.MethodGet, Path: path, Query: query}, &some)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		if len(some) == 0 || e.Info == nil && len(some) < perPage || e.Info != nil && page >= e.Info.TotalPages {
			return out, nil // without a count, a page that is not full is the last
		}
	}
	return nil, fmt.Errorf("cloudflare: %s has more than %d pages", path, maxPages)
}

// apiZone is a zone as the interface gives it.
type apiZone struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	Type        string   `json:"type"`
	NameServers []string `json:"name_servers"`
	Vanity      []string `json:"vanity_name_servers"`
}

// FindZones asks for zones at each name above owner that has more than one label; Cloudflare has no others. Several accounts may
// have a zone of the same name: all are given, with the name servers that each was assigned. One that Cloudflare does not
// answer for is [providers.ZonePending], [providers.ZoneMoved] or [providers.ZonePartial]. One that is paused is answered, without
// proxying.
func (c *Client) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	var out []providers.Zone
	for n := owner.Parent(); n.NumLabels() > 1; n = n.Parent() {
		query := url.Values{"name": {strings.TrimSuffix(n.String(), ".")}}
		zones, err := list[apiZone](ctx, c, c.tokens.zones, "/zones", query, 50)
		if err != nil {
			return nil, err
		}
		for _, z := range zones {
			apex, err := resolver.ParseName(z.Name)
			if err != nil || apex != n {
				continue
			}
			zone := providers.Zone{Apex: apex, ID: z.ID, Status: z.status(), Private: z.Type == "internal"}
			servers := z.NameServers
			if len(z.Vanity) > 0 {
				servers = z.Vanity
			}
			for _, s := range servers {
				name, err := resolver.ParseName(s)
				if err != nil {
					return nil, fmt.Errorf("cloudflare: zone %s has the name server %q: %w", z.ID, s, err)
				}
				zone.NameServers = append(zone.NameServers, name)
			}
			out = append(out, zone)
		}
	}
	return out, nil
}

func (z apiZone) status() providers.ZoneStatus {
	switch {
	case z.Type == "partial":
		return providers.ZonePartial
	case z.Status == "moved", z.Status == "deleted", z.Status == "deactivated":
		return providers.ZoneMoved
	case z.Status == "initializing", z.Status == "pending":
		return providers.ZonePending
	}
	return ""
}
