package awsfake

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

type change struct {
	Action string
	Set    recordSet `xml:"ResourceRecordSet"`
}

type changeInfo struct {
	ID          string `xml:"Id"`
	Status      string
	SubmittedAt string
}

type changeResponse struct {
	XMLName xml.Name
	Info    changeInfo `xml:"ChangeInfo"`
}

// Quotas of one request ("Quotas on ChangeResourceRecordSets requests"): ResourceRecord elements, and characters in Value elements;
// UPSERT counts twice.
const (
	maxRecords    = 1000
	maxCharacters = 32000
)

// readBatch reads a request and refuses what is not even well-formed.
func readBatch(body []byte) ([]change, *Error) {
	var request struct {
		XMLName xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ChangeResourceRecordSetsRequest"`
		Changes []change `xml:"ChangeBatch>Changes>Change"`
	}
	malformed := func(format string, a ...any) ([]change, *Error) {
		return nil, &Error{Status: 400, Code: "InvalidInput", Message: fmt.Sprintf(format, a...)}
	}
	if err := xml.Unmarshal(body, &request); err != nil {
		return malformed("Unable to parse: %v", err)
	}
	if len(request.Changes) == 0 {
		return malformed("Invalid request: expected at least one change")
	}
	for i := range request.Changes {
		c := &request.Changes[i]
		switch {
		case c.Action != "CREATE" && c.Action != "DELETE" && c.Action != "UPSERT":
			return malformed("Invalid action %q", c.Action)
		case c.Set.Name == "" || c.Set.Type == "":
			return malformed("Invalid request: a set has no name or type")
		case c.Set.Alias == nil && (c.Set.TTL == nil || len(c.Set.Records) == 0):
			return malformed("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]")
		case c.Set.Alias != nil && (c.Set.TTL != nil || len(c.Set.Records) > 0):
			return malformed("Invalid request: an alias has neither TTL nor records")
		}
		c.Set = c.Set.named(c.Set.Name)
	}
	return request.Changes, nil
}

// conditionKeys gives what policies can be written on ("Using IAM policy conditions for fine-grained access control"): names in
// lower case without final dot, types and actions in upper case.
func conditionKeys(batch []change) map[string][]string {
	var names, types, actions []string
	for _, c := range batch {
		names = append(names, strings.TrimSuffix(c.Set.Name, "."))
		types = append(types, c.Set.Type)
		actions = append(actions, c.Action)
	}
	return map[string][]string{
		"route53:ChangeResourceRecordSetsNormalizedRecordNames": names,
		"route53:ChangeResourceRecordSetsRecordTypes":           types,
		"route53:ChangeResourceRecordSetsActions":               actions,
	}
}

// change carries out the whole batch or, with an error, nothing of it.
func (z *hostedZone) change(batch []change) *Error {
	var wrong []string
	records, characters := 0, 0
	for _, c := range batch {
		times := 1
		if c.Action == "UPSERT" {
			times = 2
		}
		records += times * len(c.Set.Records)
		for _, r := range c.Set.Records {
			characters += times * len(r.Value)
		}
	}
	if records > maxRecords {
		wrong = append(wrong, fmt.Sprintf("Number of records limit of %d exceeded.", maxRecords))
	}
	if characters > maxCharacters {
		wrong = append(wrong, fmt.Sprintf("Number of characters limit of %d exceeded.", maxCharacters))
	}
	after := &hostedZone{id: z.id, HostedZone: z.HostedZone, sets: slices.Clone(z.sets)}
	if len(wrong) == 0 {
		for _, c := range batch {
			if why := after.one(c); why != "" {
				wrong = append(wrong, why)
			}
		}
	}
	if len(wrong) > 0 {
		return &Error{Status: 400, Code: "InvalidChangeBatch", Message: strings.Join(wrong, "\n")}
	}
	z.sets = after.sets
	return nil
}

// one makes a single change and says why it cannot be made.
func (z *hostedZone) one(c change) string {
	s := c.Set
	what := fmt.Sprintf("resource record set [name='%s', type='%s']", s.Name, s.Type)
	if s.SetIdentifier != "" {
		what = fmt.Sprintf("resource record set [name='%s', type='%s', set identifier='%s']", s.Name, s.Type, s.SetIdentifier)
	}
	if s.Name != z.Name && !strings.HasSuffix(s.Name, "."+z.Name) {
		return fmt.Sprintf("RRSet with DNS name %s is not permitted in zone %s", s.Name, z.Name)
	}
	i, there := slices.BinarySearchFunc(z.sets, s, compareRecordSets)
	if c.Action == "DELETE" {
		switch {
		case !there:
			return "Tried to delete " + what + " but it was not found"
		case !same(z.sets[i], s):
			return "Tried to delete " + what + " but the values provided do not match the current values"
		case s.Name == z.Name && (s.Type == "NS" || s.Type == "SOA"):
			return "A HostedZone must contain at least one NS record for the zone itself."
		}
		z.sets = slices.Delete(z.sets, i, i+1)
		return ""
	}
	if c.Action == "CREATE" && there {
		return "Tried to create " + what + " but it already exists"
	}
	if why := z.unlawful(s); why != "" {
		return why
	}
	z.put(s)
	return ""
}

// unlawful says why a set may not stand in the zone.
func (z *hostedZone) unlawful(s recordSet) string {
	for i, r := range s.Records {
		v := r.Value
		if slices.Contains(s.Records[:i], r) {
			return fmt.Sprintf("Duplicate Resource Record: '%s'", v)
		}
		if s.Type == "TXT" && (len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"') {
			return fmt.Sprintf("Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '%s''", v)
		}
		if s.Type == "CNAME" && (strings.ContainsAny(v, " \"") || strings.Contains(v, "..") || v == "") {
			return fmt.Sprintf("Invalid Resource Record: 'FATAL problem: DomainLabelEmpty encountered with '%s''", v)
		}
	}
	if s.Type == "CNAME" && len(s.Records) > 1 {
		return fmt.Sprintf("RRSet of type CNAME with DNS name %s contains %d values; it may contain one", s.Name, len(s.Records))
	}
	if s.Type == "CNAME" && s.Name == z.Name {
		return fmt.Sprintf("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", s.Name, z.Name)
	}
	first, _ := slices.BinarySearchFunc(z.sets, recordSet{order: s.order}, compareRecordSets)
	for _, t := range z.sets[first:] {
		if t.Name != s.Name {
			break
		}
		if t.Type == s.Type && (t.SetIdentifier == "") != (s.SetIdentifier == "") {
			return fmt.Sprintf("RRSet with DNS name %s, type %s cannot be created as a non-simple and a simple set of that name and type cannot both exist", s.Name, s.Type)
		}
		if t.Type != s.Type && (t.Type == "CNAME" || s.Type == "CNAME") {
			return fmt.Sprintf("RRSet of type %s with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", s.Type, s.Name, z.Name)
		}
	}
	return ""
}

// same reports whether a deletion names the set exactly: all fields and all values, in any order.
func same(a, b recordSet) bool {
	sorted := func(s recordSet) string {
		s.Records = slices.SortedFunc(slices.Values(s.Records), func(a, b record) int { return strings.Compare(a.Value, b.Value) })
		out, _ := xml.Marshal(s) //nolint:errcheck // plain fields always marshal
		return string(out)
	}
	return sorted(a) == sorted(b)
}
