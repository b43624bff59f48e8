package route53

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

const zonePrefix = "/hostedzone/"

func zoneARN(id string) string { return "arn:aws:route53:::hostedzone/" + id }

// FindZones gives every hosted zone that owner lies in below its apex, public and private, each with its name servers or its
// networks. Where libdns's value names a zone by its ID it is the only one, and the permission to list zones is not needed.
func (c *Client) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	if c.zoneID != "" {
		z, err := c.GetZone(ctx, c.zoneID)
		if err != nil {
			return nil, err
		}
		return []providers.Zone{z}, nil
	}
	listed, err := c.listZones(ctx, owner)
	if err != nil {
		return nil, err
	}
	var out []providers.Zone
	var denied error
	for _, l := range listed {
		z, err := c.GetZone(ctx, l.ID)
		switch {
		case errors.Is(err, providers.ErrZoneNotFound):
			continue // deleted since it was listed
		case errors.Is(err, providers.ErrPermission) && !errors.Is(err, ErrExpired):
			denied, z = err, l // a policy for one zone keeps its namesakes from being looked at, and is right to
		case err != nil:
			return nil, err
		}
		out = append(out, z)
	}
	if denied != nil && !slices.ContainsFunc(out, func(z providers.Zone) bool { return len(z.NameServers) > 0 }) {
		return nil, denied
	}
	return out, nil
}

// listZones gives the name, ID and kind of the zones whose name is an ancestor of owner. The list begins at a name and goes on in the order of reversed
// labels, in which ancestors come one after the other with their other descendants between: what a page has passed is not asked
// for again, and a small account takes one request. Where the list is empty from the first name on, each name is asked for by
// itself: what plays Route 53 elsewhere (moto 5, and LocalStack with it) knows the very name and no order.
func (c *Client) listZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	var wanted []resolver.Name // in the order of the list
	for n := owner.Parent(); !n.IsZero() && !n.IsRoot(); n = n.Parent() {
		wanted = append([]resolver.Name{n}, wanted...)
	}
	out, empty, err := c.listFrom(ctx, wanted)
	if !empty {
		return out, err
	}
	for _, n := range wanted[1:] {
		more, _, err := c.listFrom(ctx, []resolver.Name{n})
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// listFrom lists zones from the first of the names on; empty says that there was none at all.
func (c *Client) listFrom(ctx context.Context, wanted []resolver.Name) (out []providers.Zone, empty bool, err error) {
	empty = true
	in := &r53.ListHostedZonesByNameInput{DNSName: aws.String(nameText(wanted[0]))}
	for {
		if err := c.ready(ctx); err != nil {
			return nil, false, err
		}
		page, err := c.api.ListHostedZonesByName(ctx, in, c.reads)
		if err != nil {
			return nil, false, c.failed(ctx, "route53:ListHostedZonesByName", "*", err)
		}
		if page.MaxItems == nil && page.DNSName == nil && len(page.HostedZones) == 0 {
			return nil, false, unreadable("route53:ListHostedZonesByName")
		}
		for _, z := range page.HostedZones {
			empty = false
			n, err := parseName(aws.ToString(z.Name))
			if err == nil && slices.Contains(wanted, n) {
				private := z.Config != nil && z.Config.PrivateZone
				out = append(out, providers.Zone{Apex: n, ID: strings.TrimPrefix(aws.ToString(z.Id), zonePrefix), Private: private})
			}
		}
		if !page.IsTruncated {
			return out, empty, nil
		}
		in = &r53.ListHostedZonesByNameInput{DNSName: page.NextDNSName, HostedZoneId: page.NextHostedZoneId}
		next, err := parseName(aws.ToString(page.NextDNSName))
		if err != nil {
			continue
		}
		if wanted = notBefore(wanted, next); len(wanted) == 0 {
			return out, empty, nil
		}
		if before(next, wanted[0]) {
			in = &r53.ListHostedZonesByNameInput{DNSName: aws.String(nameText(wanted[0]))}
		}
	}
}

// before reports whether a is known to come before b in Route 53's lists.
func before(a, b resolver.Name) bool {
	x, ok := sortKey(a)
	y, ok2 := sortKey(b)
	return ok && ok2 && x < y
}

// notBefore gives the names that a list which goes on at next has not passed.
func notBefore(names []resolver.Name, next resolver.Name) []resolver.Name {
	return slices.DeleteFunc(slices.Clone(names), func(n resolver.Name) bool { return before(n, next) })
}

// GetZone gives the zone with this ID, with its name servers or networks.
func (c *Client) GetZone(ctx context.Context, id string) (providers.Zone, error) {
	if !isZoneID(id) {
		return providers.Zone{}, fmt.Errorf("route53: %q is no hosted zone's ID: %w", id, providers.ErrZoneNotFound)
	}
	if err := c.ready(ctx); err != nil {
		return providers.Zone{}, err
	}
	out, err := c.api.GetHostedZone(ctx, &r53.GetHostedZoneInput{Id: aws.String(id)}, c.reads)
	if err != nil {
		return providers.Zone{}, c.failed(ctx, "route53:GetHostedZone", zoneARN(id), err)
	}
	if out.HostedZone == nil {
		return providers.Zone{}, unreadable("route53:GetHostedZone")
	}
	apex, err := parseName(aws.ToString(out.HostedZone.Name))
	if err != nil {
		return providers.Zone{}, fmt.Errorf("route53: the zone %s: %w", id, err)
	}
	z := providers.Zone{Apex: apex, ID: id}
	if out.HostedZone.Config != nil {
		z.Private = out.HostedZone.Config.PrivateZone
	}
	if out.DelegationSet != nil {
		for _, s := range out.DelegationSet.NameServers {
			n, err := parseName(s)
			if err != nil {
				return providers.Zone{}, fmt.Errorf("route53: a name server of the zone %s: %w", id, err)
			}
			z.NameServers = append(z.NameServers, n)
		}
	}
	for _, v := range out.VPCs {
		z.Networks = append(z.Networks, fmt.Sprintf("%s (%s)", aws.ToString(v.VPCId), v.VPCRegion))
	}
	return z, nil
}
