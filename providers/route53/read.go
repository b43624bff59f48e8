package route53

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// How many sets a request asks for: all that the service gives, or some more than one name ever holds.
const (
	pageOfMany = 300
	pageOfOne  = 100
)

// Read gives what stands at exactly these names. Names that lie near each other in the zone's order come with one request, far
// ones with one each; the zone is not read from end to end.
func (c *Client) Read(ctx context.Context, zone providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	if !isZoneID(zone.ID) {
		return nil, fmt.Errorf("route53: the zone %s is not named by its ID (%q): %w", zone.Apex, zone.ID, providers.ErrZoneNotFound)
	}
	var near, odd []resolver.Name
	for _, o := range owners {
		if _, ok := sortKey(o); ok {
			near = append(near, o)
		} else {
			odd = append(odd, o)
		}
	}
	out, inOrder, err := c.readMany(ctx, zone.ID, near)
	if err != nil {
		return nil, err
	}
	if !inOrder { // then nothing is known to be absent
		out, odd = nil, owners
	}
	for i, o := range odd {
		if slices.Contains(odd[:i], o) {
			continue
		}
		sets, err := c.readOne(ctx, zone.ID, o)
		if err != nil {
			return nil, err
		}
		out = append(out, sets...)
	}
	return out, nil
}

// readMany walks the zone from name to name. The names are of the plain kind whose order is known; inOrder is false where the
// answer was not in that order after all.
func (c *Client) readMany(ctx context.Context, id string, names []resolver.Name) (out []providers.RRset, inOrder bool, err error) {
	slices.SortFunc(names, func(a, b resolver.Name) int {
		x, _ := sortKey(a)
		y, _ := sortKey(b)
		return strings.Compare(x, y)
	})
	names = slices.Compact(names)
	if len(names) == 0 {
		return nil, true, nil
	}
	wanted := map[resolver.Name]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	most := int32(pageOfOne)
	if len(names) > 1 {
		most = pageOfMany
	}
	from := names[0]
	in := startAt(id, from, most)
	for {
		page, err := c.page(ctx, in)
		if err != nil {
			return nil, false, err
		}
		last := from
		for _, s := range page.ResourceRecordSets {
			n, err := parseName(aws.ToString(s.Name))
			if err != nil {
				continue // it is none of the names
			}
			if before(n, last) {
				return nil, false, nil
			}
			if _, ok := sortKey(n); ok {
				last = n
			}
			if wanted[n] {
				set, err := rrset(n, s)
				if err != nil {
					return nil, false, err
				}
				out = append(out, set)
			}
		}
		if !page.IsTruncated {
			return out, true, nil
		}
		in = goOn(id, page, most)
		next, err := parseName(aws.ToString(page.NextRecordName))
		if err != nil {
			continue
		}
		if names = notBefore(names, next); len(names) == 0 {
			return out, true, nil
		}
		if from = last; before(next, names[0]) {
			from = names[0]
			in = startAt(id, from, most)
		}
	}
}

// readOne reads one name, by nothing but where a list begins: its first sets are those of the name, or there are none.
func (c *Client) readOne(ctx context.Context, id string, name resolver.Name) (out []providers.RRset, err error) {
	in := startAt(id, name, pageOfOne)
	for {
		page, err := c.page(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, s := range page.ResourceRecordSets {
			n, err := parseName(aws.ToString(s.Name))
			if err != nil || n != name {
				return out, nil
			}
			set, err := rrset(n, s)
			if err != nil {
				return nil, err
			}
			out = append(out, set)
		}
		if !page.IsTruncated {
			return out, nil
		}
		in = goOn(id, page, pageOfOne)
	}
}

// Search gives every set of the zone whose owner begins with the label. It reads the whole zone, in pages of 300 sets.
func (c *Client) Search(ctx context.Context, zone providers.Zone, firstLabel string) ([]providers.RRset, error) {
	return c.search(ctx, zone, func(n resolver.Name, _ types.ResourceRecordSet) bool {
		return n.FirstLabel() == strings.ToLower(firstLabel)
	})
}

// SearchTargets gives every CNAME set of the zone that points to one of the targets. It reads the whole zone, as Search does.
func (c *Client) SearchTargets(ctx context.Context, zone providers.Zone, targets ...resolver.Name) ([]providers.RRset, error) {
	return c.search(ctx, zone, func(_ resolver.Name, s types.ResourceRecordSet) bool {
		if s.Type != types.RRTypeCname {
			return false
		}
		for _, r := range s.ResourceRecords {
			if t, err := parseName(aws.ToString(r.Value)); err == nil && slices.Contains(targets, t) {
				return true
			}
		}
		return false
	})
}

func (c *Client) search(
	ctx context.Context, zone providers.Zone, wanted func(resolver.Name, types.ResourceRecordSet) bool,
) (out []providers.RRset, err error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	if !isZoneID(zone.ID) {
		return nil, fmt.Errorf("route53: the zone %s is not named by its ID (%q): %w", zone.Apex, zone.ID, providers.ErrZoneNotFound)
	}
	in := &r53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zone.ID), MaxItems: aws.Int32(pageOfMany)}
	for {
		page, err := c.page(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, s := range page.ResourceRecordSets {
			n, err := parseName(aws.ToString(s.Name))
			if err != nil || !wanted(n, s) {
				continue
			}
			set, err := rrset(n, s)
			if err != nil {
				return nil, err
			}
			out = append(out, set)
		}
		if !page.IsTruncated {
			return out, nil
		}
		in = goOn(zone.ID, page, pageOfMany)
	}
}

func startAt(id string, name resolver.Name, most int32) *r53.ListResourceRecordSetsInput {
	return &r53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(id), StartRecordName: aws.String(nameText(name)), MaxItems: aws.Int32(most),
	}
}

func goOn(id string, page *r53.ListResourceRecordSetsOutput, most int32) *r53.ListResourceRecordSetsInput {
	return &r53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(id), MaxItems: aws.Int32(most), StartRecordName: page.NextRecordName,
		StartRecordType: page.NextRecordType, StartRecordIdentifier: page.NextRecordIdentifier,
	}
}

func (c *Client) page(ctx context.Context, in *r53.ListResourceRecordSetsInput) (*r53.ListResourceRecordSetsOutput, error) {
	page, err := c.api.ListResourceRecordSets(ctx, in, c.reads)
	if err != nil {
		return nil, c.failed(ctx, "route53:ListResourceRecordSets", zoneARN(aws.ToString(in.HostedZoneId)), err)
	}
	if page.MaxItems == nil { // which is in every answer
		return nil, unreadable("route53:ListResourceRecordSets")
	}
	return page, nil
}

// rrset gives a set as the engine knows it. What was read is kept as it is, to be deleted in this very form.
func rrset(name resolver.Name, s types.ResourceRecordSet) (providers.RRset, error) {
	t, err := resolver.ParseType(string(s.Type))
	if err != nil {
		return providers.RRset{}, fmt.Errorf("route53: a set at %s: %w", name, err)
	}
	out := providers.RRset{Name: name, Type: t, TTL: uint32(aws.ToInt64(s.TTL))}
	how := routing(s)
	switch {
	case s.AliasTarget != nil:
		out.Opaque = true
		out.Values = []string{strings.TrimSpace(how + " ALIAS of " + aws.ToString(s.AliasTarget.DNSName) + " in zone " + aws.ToString(s.AliasTarget.HostedZoneId))}
	case how != "" || s.TrafficPolicyInstanceId != nil:
		out.Opaque = true
		for _, r := range s.ResourceRecords {
			out.Values = append(out.Values, how+": "+valueText(t, aws.ToString(r.Value)))
		}
	default:
		for _, r := range s.ResourceRecords {
			out.Values = append(out.Values, valueText(t, aws.ToString(r.Value)))
		}
	}
	return out.WithHandle(s), nil
}

// routing says how a set is chosen among several of its name and type; empty for a plain one.
func routing(s types.ResourceRecordSet) string {
	how := ""
	switch {
	case s.TrafficPolicyInstanceId != nil:
		how = "by traffic policy " + aws.ToString(s.TrafficPolicyInstanceId)
	case s.Weight != nil:
		how = fmt.Sprintf("by weight %d", *s.Weight)
	case s.Region != "":
		how = "by latency from " + string(s.Region)
	case s.GeoLocation != nil:
		g := s.GeoLocation
		how = "by location " + strings.Trim(strings.Join([]string{
			aws.ToString(g.ContinentCode), aws.ToString(g.CountryCode), aws.ToString(g.SubdivisionCode),
		}, " "), " ")
	case s.GeoProximityLocation != nil:
		how = "by proximity"
	case s.CidrRoutingConfig != nil:
		how = "by network"
	case s.Failover != "":
		how = "by failover, " + strings.ToLower(string(s.Failover))
	case aws.ToBool(s.MultiValueAnswer):
		how = "as one of several values"
	case s.SetIdentifier != nil:
		how = "by a policy"
	}
	if id := aws.ToString(s.SetIdentifier); id != "" {
		how += " (" + id + ")"
	}
	return how
}

// valueText gives a value in zone-file form. A target is fully qualified with or without final dot.
func valueText(t resolver.Type, v string) string {
	if t == resolver.TypeCNAME {
		if n, err := parseName(v); err == nil {
			return n.String()
		}
		return v
	}
	return decimalEscapes(v)
}
