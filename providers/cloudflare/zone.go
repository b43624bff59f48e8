package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/httpapi"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Read asks for each name. Where a CNAME stands, the zone's settings are asked for, too, as they can flatten all CNAMEs; a token that
// may not read them is asked once, and what each record says itself is what is known then.
func (c *Client) Read(ctx context.Context, zone providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	if zone.ID == "" {
		return nil, fmt.Errorf("cloudflare: zones are known by their IDs, and %s comes without one: %w", zone.Apex, providers.ErrZoneNotFound)
	}
	out, err := c.read(ctx, zone, owners)
	if err != nil {
		return nil, err
	}
	cname := func(s providers.RRset) bool { return s.Type == resolver.TypeCNAME && s.Hidden == providers.Shown }
	if slices.ContainsFunc(out, cname) {
		flattens, err := c.flattens(ctx, zone)
		if err != nil {
			return nil, err
		}
		for i := range out {
			if flattens && cname(out[i]) {
				out[i].Hidden = providers.Flattened
			}
		}
	}
	return out, nil
}

// How many names are asked for one by one, and how many records a page of the whole zone has where there are more. A zone has 3,500
// records unless Cloudflare was asked for more, and an account has 1,200 requests in five minutes (Cloudflare's "Zone limits" and
// "Rate limits").
const (
	fewNames    = 20
	pageOfAZone = 5000
)

// read gives what stands at the names, each once.
func (c *Client) read(ctx context.Context, zone providers.Zone, owners []resolver.Name) (out []providers.RRset, err error) {
	seen := map[resolver.Name]bool{}
	owners = slices.DeleteFunc(slices.Clone(owners), func(o resolver.Name) bool {
		again := seen[o]
		seen[o] = true
		return again
	})
	standing := map[resolver.Name][]apiRecord{}
	if len(owners) > fewNames {
		all, err := list[apiRecord](ctx, c, c.tokens.dns, records(zone), url.Values{}, pageOfAZone)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if n, err := resolver.ParseName(r.Name); err == nil {
				standing[n] = append(standing[n], r)
			}
		}
	}
	for _, o := range owners {
		var sets []providers.RRset
		if len(owners) > fewNames {
			sets, err = setsOf(o, standing[o])
		} else {
			sets, err = c.at(ctx, zone, o)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, sets...)
	}
	return out, nil
}

func (c *Client) at(ctx context.Context, zone providers.Zone, owner resolver.Name) ([]providers.RRset, error) {
	records, err := list[apiRecord](ctx, c, c.tokens.dns, records(zone), url.Values{"name.exact": {bare(owner)}}, 100)
	if err != nil {
		return nil, err
	}
	// Whatever the interface takes for the same name, we do not.
	records = slices.DeleteFunc(records, func(r apiRecord) bool {
		n, err := resolver.ParseName(r.Name)
		return err != nil || n != owner
	})
	return setsOf(owner, records)
}

func records(z providers.Zone) string { return "/zones/" + url.PathEscape(z.ID) + "/dns_records" }

// flattens reports whether the zone answers addresses in place of every CNAME.
func (c *Client) flattens(ctx context.Context, zone providers.Zone) (bool, error) {
	if c.noSettings.Load() {
		return false, nil
	}
	for _, path := range []string{"/dns_settings", "/settings/cname_flattening"} {
		var result json.RawMessage
		_, err := c.do(ctx, c.tokens.dns, httpapi.Request{Method: http.MethodGet, Path: "/zones/" + url.PathEscape(zone.ID) + path}, &result)
		var answered *httpapi.Error
		switch {
		case err == nil:
			return flattensAll(result), nil
		case !errors.As(err, &answered) || answered.Status == http.StatusTooManyRequests || answered.Status >= 500:
			return false, err
		}
	}
	c.noSettings.Store(true)
	return false, nil
}

// maxOperations is how many records one batch may change on every plan (Cloudflare docs, "Batch record changes": 200 on the free one,
// 3,500 on others).
const maxOperations = 200

// Fits reports whether the batch is one transaction on whatever plan the zone has.
func (c *Client) Fits(b providers.Batch) bool {
	n := 0
	for _, s := range slices.Concat(b.Delete, b.Create) {
		n += len(s.Values)
	}
	return n <= maxOperations
}

// Write reads, compares and sends one transaction; where the interface has none for this zone, the same changes one after the other,
// what is needed first and what is only tidied last. A conflict that comes after the first of these does not wrap
// [providers.ErrConflict], since something was written.
func (c *Client) Write(ctx context.Context, zone providers.Zone, b providers.Batch) error {
	unlock, err := c.turns.Lock(ctx, zone)
	if err != nil {
		return fmt.Errorf("cloudflare: %w", err)
	}
	defer unlock()
	now, err := c.Read(ctx, zone, b.Owners...)
	if err != nil {
		return err
	}
	if err := b.Holds(now); err != nil {
		return err
	}
	all, err := batchOf(now, b)
	if err != nil || all.empty() {
		return err
	}
	c.remember(zone, &all)
	_, err = c.do(ctx, c.tokens.dns, httpapi.Request{Method: http.MethodPost, Path: records(zone) + "/batch", Body: all}, nil)
	var answered *httpapi.Error
	if errors.As(err, &answered) && !errors.Is(err, providers.ErrConflict) {
		switch answered.Status {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return c.oneByOne(ctx, zone, all)
		}
	}
	return err
}

// oneByOne sends the changes of a batch singly: at each name that gets something, what goes, then what comes; then what only goes.
func (c *Client) oneByOne(ctx context.Context, zone providers.Zone, all batch) error {
	var steps []httpapi.Request
	remove := func(r apiRecord) {
		steps = append(steps, httpapi.Request{Method: http.MethodDelete, Path: records(zone) + "/" + url.PathEscape(r.ID)})
	}
	for _, r := range all.Patches {
		id := r.ID
		r.ID = ""
		steps = append(steps, httpapi.Request{Method: http.MethodPatch, Path: records(zone) + "/" + url.PathEscape(id), Body: r})
	}
	needed := func(r apiRecord) bool {
		return slices.ContainsFunc(all.Posts, func(p apiRecord) bool { return strings.EqualFold(p.Name, r.Name) })
	}
	for _, r := range all.gone {
		if needed(r) {
			remove(r)
		}
	}
	for _, r := range all.Posts {
		steps = append(steps, httpapi.Request{Method: http.MethodPost, Path: records(zone), Body: r})
	}
	for _, r := range all.gone {
		if !needed(r) {
			remove(r)
		}
	}
	for i, s := range steps {
		_, err := c.do(ctx, c.tokens.dns, s, nil)
		switch {
		case err != nil && i > 0:
			if back := c.putBack(ctx, zone, all, needed); back != nil {
				err = fmt.Errorf("%w; and what stood in its way could not be put back: %v", err, back)
			}
			return fmt.Errorf("%v, after %d of %d changes", err, i, len(steps))
		case err != nil:
			return err
		}
	}
	return nil
}

// putBackWithin is how long it may take to put back what was deleted, also where the write was cancelled.
const putBackWithin = 15 * time.Second

// putBack creates anew what had to make room for something that then did not come, at names that hold nothing now.
func (c *Client) putBack(ctx context.Context, zone providers.Zone, all batch, needed func(apiRecord) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBackWithin)
	defer cancel()
	var errs []error
	empty := map[string]bool{}
	for _, r := range all.gone {
		if !needed(r) {
			continue
		}
		name := strings.ToLower(r.Name)
		if _, known := empty[name]; !known {
			owner, err := resolver.ParseName(name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			there, err := c.at(ctx, zone, owner)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			empty[name] = len(there) == 0
		}
		if !empty[name] {
			continue
		}
		r.ID = ""
		if _, err := c.do(ctx, c.tokens.dns, httpapi.Request{Method: http.MethodPost, Path: records(zone), Body: r}, nil); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// remember keeps what is about to be deleted, and gives records that come back what they had beside their data.
func (c *Client) remember(zone providers.Zone, all *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range all.Posts {
		if was, ok := c.deleted[r.key(zone.ID)]; ok {
			all.Posts[i].Comment, all.Posts[i].Tags = was.Comment, was.Tags
			if r.Settings == nil {
				all.Posts[i].Settings = was.Settings
			}
		}
	}
	for _, r := range all.gone {
		c.deleted[r.key(zone.ID)] = r
	}
}
