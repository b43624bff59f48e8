package route53

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// What one request may hold (Amazon Route 53 Developer Guide, "Maximums on API requests", ChangeResourceRecordSets): ResourceRecord
// elements, and characters in their values, of deletions and creations together. An UPSERT counts twice, so it would save nothing.
// A record with one of ACM's values of 65 characters is 130 of them to move: 1,000 take five requests, whatever the order.
const (
	maxRecords    = 1000
	maxCharacters = 32000
)

// Fits reports whether the batch keeps within the quotas of one request.
func (c *Client) Fits(b providers.Batch) bool {
	records, characters := 0, 0
	for _, s := range slices.Concat(b.Delete, b.Create) {
		for _, r := range recordSet(s).ResourceRecords {
			records++
			characters += len(aws.ToString(r.Value))
		}
	}
	return records <= maxRecords && characters <= maxCharacters
}

// Write sends one request: each deletion in the exact form that was read, then the creations. Route 53 carries it out whole, or
// refuses it whole where anything at these names is not so; that is [providers.ErrConflict], told by reading again and not by the
// words of the refusal. Names of the batch at which nothing is to be changed are compared just before.
func (c *Client) Write(ctx context.Context, zone providers.Zone, b providers.Batch) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	if !isZoneID(zone.ID) {
		return fmt.Errorf("route53: the zone %s is not named by its ID (%q): %w", zone.Apex, zone.ID, providers.ErrZoneNotFound)
	}
	if slices.ContainsFunc(b.Owners, func(n resolver.Name) bool { return !n.Below(zone.Apex) }) {
		return fmt.Errorf("route53: write %s: a name is not below the zone: %w", zone.Apex, providers.ErrOutOfScope)
	}
	in := &r53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(zone.ID), ChangeBatch: &types.ChangeBatch{}}
	changed := map[resolver.Name]bool{}
	for _, half := range []struct {
		action types.ChangeAction
		sets   []providers.RRset
	}{{types.ChangeActionDelete, b.Delete}, {types.ChangeActionCreate, b.Create}} {
		for _, s := range half.sets {
			if s.Opaque {
				return fmt.Errorf("route53: the %s set at %s is not a plain one: %w", s.Type, s.Name, providers.ErrOutOfScope)
			}
			set := recordSet(s)
			in.ChangeBatch.Changes = append(in.ChangeBatch.Changes, types.Change{Action: half.action, ResourceRecordSet: &set})
			changed[s.Name] = true
		}
	}
	done, err := c.turns.Lock(ctx, zone)
	if err != nil {
		return fmt.Errorf("route53: %w", err)
	}
	defer done()
	var unchanged []resolver.Name
	for _, o := range b.Owners {
		if !changed[o] {
			unchanged = append(unchanged, o)
		}
	}
	if len(unchanged) > 0 {
		now, err := c.Read(ctx, zone, unchanged...)
		if err != nil {
			return err
		}
		if err := (providers.Batch{Owners: unchanged, Expect: b.Expect}).Holds(now); err != nil {
			return err
		}
	}
	if len(in.ChangeBatch.Changes) == 0 {
		return nil
	}
	out, err := c.api.ChangeResourceRecordSets(ctx, in, c.writes)
	if err == nil && out.ChangeInfo == nil {
		c.lost(zone.ID)
		return unreadable("route53:ChangeResourceRecordSets")
	}
	if err == nil {
		c.sent(zone.ID, aws.ToString(out.ChangeInfo.Id), out.ChangeInfo.Status)
		return nil
	}
	failed := c.failed(ctx, "route53:ChangeResourceRecordSets", zoneARN(zone.ID), err)
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode()/100 != 4 { // it may have been done
		c.lost(zone.ID)
	}
	var invalid *types.InvalidChangeBatch
	if !errors.As(err, &invalid) {
		return failed
	}
	now, rerr := c.Read(ctx, zone, b.Owners...)
	if rerr != nil {
		return fmt.Errorf("%w; reading what stands there: %w", failed, rerr)
	}
	if conflict := b.Holds(now); conflict != nil {
		return fmt.Errorf("%w; %w", conflict, failed)
	}
	return failed
}

// recordSet gives a set as it was read or, where it did not come from here, as Route 53 wants it.
func recordSet(s providers.RRset) types.ResourceRecordSet {
	if read, ok := s.Handle().(types.ResourceRecordSet); ok {
		return read
	}
	out := types.ResourceRecordSet{Name: aws.String(nameText(s.Name)), Type: types.RRType(s.Type.String()), TTL: aws.Int64(int64(s.TTL))}
	for _, v := range s.Values {
		if t, err := resolver.ParseName(v); s.Type == resolver.TypeCNAME && err == nil {
			v = nameText(t)
		} else {
			v = octalEscapes(v)
		}
		out.ResourceRecords = append(out.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	return out
}

// pendingChanges is what is known of a zone's changes that may not be served everywhere yet.
type pendingChanges struct {
	ids  []string
	lost bool // the answer to a write did not arrive, and with it the ID to ask for
}

func (c *Client) sent(zone, id string, status types.ChangeStatus) {
	if status != types.ChangeStatusPending {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[zone]
	p.ids = append(slices.Clip(p.ids), id)
	c.pending[zone] = p
}

func (c *Client) lost(zone string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[zone]
	p.lost = true
	c.pending[zone] = p
}

// Settle asks about each of the Client's changes to the zone until it is INSYNC, which says that all of Route 53's servers have it,
// at most for as long as libdns's Route53MaxWait says. It is usually below a minute. The error says that this is not known.
func (c *Client) Settle(ctx context.Context, zone providers.Zone) error {
	c.mu.Lock()
	p := c.pending[zone.ID]
	delete(c.pending, zone.ID)
	c.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, c.maxWait)
	defer cancel()
	for _, id := range p.ids {
		if err := c.inSync(limited, id); err != nil {
			if limited.Err() != nil && ctx.Err() == nil {
				err = fmt.Errorf("route53: the change %s is not served everywhere after %s", id, c.maxWait)
			}
			return err
		}
	}
	if p.lost {
		return errors.New("route53: the answer that names the change was lost, so it cannot be asked for")
	}
	return nil
}

// inSync asks until the change is INSYNC.
func (c *Client) inSync(ctx context.Context, id string) error {
	for attempt := 1; ; attempt++ {
		if err := c.pause(ctx, attempt); err != nil {
			return fmt.Errorf("route53: wait for the change %s: %w", id, err)
		}
		if err := c.ready(ctx); err != nil {
			return err
		}
		out, err := c.api.GetChange(ctx, &r53.GetChangeInput{Id: aws.String(id)}, c.reads)
		if err != nil {
			return c.failed(ctx, "route53:GetChange", "arn:aws:route53:::change/*", err)
		}
		if out.ChangeInfo == nil {
			return unreadable("route53:GetChange")
		}
		if out.ChangeInfo.Status == types.ChangeStatusInsync {
			return nil
		}
	}
}

// pause waits before the attempt-th look.
func (c *Client) pause(ctx context.Context, attempt int) error {
	d := min(time.Duration(attempt)*time.Second, 5*time.Second)
	if c.backoff != nil {
		d = c.backoff(attempt)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
