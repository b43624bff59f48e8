package awsfake

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

const route53Namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

func responseName(local string) xml.Name { return xml.Name{Space: route53Namespace, Local: local} }

type zoneElement struct {
	ID              string `xml:"Id"`
	Name            string
	CallerReference string
	Config          struct {
		Comment     string `xml:",omitempty"`
		PrivateZone bool
	}
	ResourceRecordSetCount int
}

func (z *hostedZone) element() zoneElement {
	e := zoneElement{ID: "/hostedzone/" + z.id, Name: z.Name, CallerReference: z.id, ResourceRecordSetCount: len(z.sets)}
	e.Config.PrivateZone = z.Private
	return e
}

type zonesResponse struct {
	XMLName          xml.Name
	Zones            []zoneElement `xml:"HostedZones>HostedZone"`
	DNSName          string        `xml:",omitempty"`
	HostedZoneID     string        `xml:"HostedZoneId,omitempty"`
	IsTruncated      bool
	NextDNSName      string `xml:",omitempty"`
	NextHostedZoneID string `xml:"NextHostedZoneId,omitempty"`
	MaxItems         int
}

// zonesByName lists from the name on, which need not exist, and goes on beyond it. Of zones of one name the private ones come
// first.
func (f *Route53) zonesByName(name, id string, most int) (any, *Error) {
	sorted := slices.SortedStableFunc(slices.Values(f.zones), func(a, b *hostedZone) int {
		return cmp.Or(strings.Compare(reversed(a.Name), reversed(b.Name)), -cmp.Compare(btoi(a.Private), btoi(b.Private)), strings.Compare(a.id, b.id))
	})
	if name != "" {
		from := reversed(canonicalName(name))
		sorted = slices.DeleteFunc(sorted, func(z *hostedZone) bool { return reversed(z.Name) < from })
		if id != "" {
			if i := slices.IndexFunc(sorted, func(z *hostedZone) bool { return z.id == id }); i > 0 {
				sorted = sorted[i:]
			}
		}
	}
	out := zonesResponse{XMLName: responseName("ListHostedZonesByNameResponse"), DNSName: name, HostedZoneID: id, MaxItems: most}
	if len(sorted) > most {
		out.IsTruncated, out.NextDNSName, out.NextHostedZoneID = true, sorted[most].Name, sorted[most].id
		sorted = sorted[:most]
	}
	for _, z := range sorted {
		out.Zones = append(out.Zones, z.element())
	}
	return out, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

type zoneResponse struct {
	XMLName       xml.Name
	Zone          zoneElement    `xml:"HostedZone"`
	DelegationSet *delegationSet `xml:",omitempty"`
	VPCs          *vpcs          `xml:",omitempty"`
}

type delegationSet struct {
	NameServers []string `xml:"NameServers>NameServer"`
}

type vpcs struct {
	VPC []vpc
}

type vpc struct {
	Region string `xml:"VPCRegion"`
	ID     string `xml:"VPCId"`
}

func (z *hostedZone) response() zoneResponse {
	out := zoneResponse{XMLName: responseName("GetHostedZoneResponse"), Zone: z.element()}
	if !z.Private {
		out.DelegationSet = &delegationSet{z.NameServers}
		return out
	}
	out.VPCs = &vpcs{}
	for _, v := range z.VPCs {
		region, id, _ := strings.Cut(v, " ")
		out.VPCs.VPC = append(out.VPCs.VPC, vpc{region, id})
	}
	return out
}

// recordSet is a ResourceRecordSet, names in the form that Route 53 shows.
type recordSet struct {
	Name             string
	Type             string
	SetIdentifier    string       `xml:",omitempty"`
	Weight           *int64       `xml:",omitempty"`
	Region           string       `xml:",omitempty"`
	GeoLocation      *geoLocation `xml:",omitempty"`
	Failover         string       `xml:",omitempty"`
	MultiValueAnswer *bool        `xml:",omitempty"`
	TTL              *int64       `xml:",omitempty"`
	Records          []record     `xml:"ResourceRecords>ResourceRecord,omitempty"`
	Alias            *aliasTarget `xml:"AliasTarget,omitempty"`
	HealthCheckID    string       `xml:"HealthCheckId,omitempty"`

	order string // the name's labels reversed
}

// named gives the set under its name as Route 53 keeps it.
func (s recordSet) named(name string) recordSet {
	s.Name = canonicalName(name)
	s.order = reversed(s.Name)
	return s
}

type record struct{ Value string }

func records(values ...string) (out []record) {
	for _, v := range values {
		out = append(out, record{v})
	}
	return out
}

type geoLocation struct {
	ContinentCode   string `xml:",omitempty"`
	CountryCode     string `xml:",omitempty"`
	SubdivisionCode string `xml:",omitempty"`
}

type aliasTarget struct {
	HostedZoneID         string `xml:"HostedZoneId"`
	DNSName              string
	EvaluateTargetHealth bool
}

func ttl(seconds int64) *int64 { return &seconds }

func compareRecordSets(a, b recordSet) int {
	return cmp.Or(strings.Compare(a.order, b.order), strings.Compare(a.Type, b.Type), strings.Compare(a.SetIdentifier, b.SetIdentifier))
}

type setsResponse struct {
	XMLName              xml.Name
	Sets                 []recordSet `xml:"ResourceRecordSets>ResourceRecordSet"`
	IsTruncated          bool
	NextRecordName       string `xml:",omitempty"`
	NextRecordType       string `xml:",omitempty"`
	NextRecordIdentifier string `xml:",omitempty"`
	MaxItems             int
}

// list lists from name, type and identifier on; a type without a name is refused.
func (z *hostedZone) list(name, typ, identifier string, most int) (any, *Error) {
	if name == "" && typ != "" || typ == "" && identifier != "" {
		return nil, &Error{Status: 400, Code: "InvalidInput", Message: "The input is not valid: a type needs a name, and an identifier a type"}
	}
	from := recordSet{Type: typ, SetIdentifier: identifier}.named(name)
	sets := z.sets
	if name != "" {
		at, _ := slices.BinarySearchFunc(sets, from, compareRecordSets)
		sets = sets[at:]
	}
	out := setsResponse{XMLName: responseName("ListResourceRecordSetsResponse"), MaxItems: most}
	if len(sets) > most {
		next := sets[most]
		out.IsTruncated, out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = true, next.Name, next.Type, next.SetIdentifier
		sets = sets[:most]
	}
	out.Sets = slices.Clone(sets)
	return out, nil
}

// canonicalName gives a name as Route 53 keeps and shows it: in lower case, with final dot, everything but letters, digits, hyphen
// and underscore as an octal escape ("DNS domain name format").
func canonicalName(s string) string {
	var b strings.Builder
	s = strings.TrimSuffix(s, ".")
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			b.WriteByte('.')
			continue
		}
		if c == '\\' && i+3 < len(s) {
			var v int
			if _, err := fmt.Sscanf(s[i+1:i+4], "%3o", &v); err == nil && v < 256 {
				c = byte(v)
				i += 3
			}
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "\\%03o", c)
	}
	return b.String() + "."
}

// reversed gives what lists are ordered by: "com.example.www." for "www.example.com.".
func reversed(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}
