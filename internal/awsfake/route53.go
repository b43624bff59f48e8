package awsfake

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Route53 is a strict Amazon Route 53: an http.Handler to be put behind a test server. Its zero value has no zones. The fields are
// set before use, AddZone and the like may be called at any time, and all is safe for concurrent use.
//
// Beyond the wire format it keeps what the API reference and the quotas say and emulators do not: lists begin at the name asked
// for, in the order of reversed labels, and are cut into pages; each public zone has name servers of its own; a batch is carried
// out whole or not at all; a deletion names a set exactly, a creation finds none; a CNAME is alone at its name and has one value;
// names are in lower case, with octal escapes.
type Route53 struct {
	Identities map[string]Identity // by access key; nil: whoever comes may do anything
	Pending    int                 // how often a change is PENDING when it is asked for before it is INSYNC
	Rate       int                 // requests a second for the account before Throttling; 0: no limit
	Now        func() time.Time    // nil: time.Now
	// Before is called with each action and how many of it there were, from 1. An error it returns is the answer, and nothing is
	// done. It may change zones by the methods: that is somebody else's edit.
	Before func(action string, n int) *Error
	// After is the same once the action has been done: its error is the answer all the same.
	After func(action string, n int) *Error

	mu       sync.Mutex
	zones    []*hostedZone
	changes  map[string]int // how often each is still PENDING
	calls    map[string]int
	recent   []time.Time
	requests []Request
}

// Error is an error answer. Status 0 closes the connection without an answer; Body takes the place of the XML.
type Error struct {
	Status        int
	Code, Message string
	Body          string
}

// Request is one that was received, to be sent again elsewhere.
type Request struct {
	Method, Path, Query, Body string
	Status                    int    // of the answer
	Answer                    string // its body
}

// HostedZone describes a zone to [Route53.AddZone].
type HostedZone struct {
	Name        string // with final dot
	Private     bool
	VPCs        []string // "region id"
	NameServers []string // of a public zone; nil: four of its own
}

type hostedZone struct {
	id string
	HostedZone
	sets []recordSet
}

// AddZone adds a zone with the SOA and NS sets that each has, and gives its ID.
func (f *Route53) AddZone(z HostedZone) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.zones)
	if !z.Private && z.NameServers == nil {
		for i, tld := range []string{"com", "net", "org", "co.uk"} {
			z.NameServers = append(z.NameServers, fmt.Sprintf("ns-%d.awsdns-%02d.%s", i*512+n, n, tld))
		}
	}
	servers := z.NameServers
	if z.Private {
		servers = []string{"ns-1536.awsdns-00.co.uk", "ns-0.awsdns-00.com", "ns-1024.awsdns-00.org", "ns-512.awsdns-00.net"}
	}
	ns := recordSet{Type: "NS", TTL: ttl(172800)}.named(z.Name)
	for _, s := range servers {
		ns.Records = append(ns.Records, record{s + "."})
	}
	soa := recordSet{Type: "SOA", TTL: ttl(900), Records: records(servers[0] + ". awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400")}.named(z.Name)
	h := &hostedZone{id: fmt.Sprintf("Z%012dEXAMPLE", n+1), HostedZone: z, sets: []recordSet{ns, soa}}
	f.zones = append(f.zones, h)
	return h.id
}

// Put makes the sets in a batch of XML (the content of ResourceRecordSet elements) part of a zone, as its console would, without
// looking at what may stand together. It panics on what is no XML.
func (f *Route53) Put(id string, sets ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.zone(id)
	for _, text := range sets {
		var s recordSet
		if err := xml.Unmarshal([]byte("<ResourceRecordSet>"+text+"</ResourceRecordSet>"), &s); err != nil {
			panic(err)
		}
		z.put(s.named(s.Name))
	}
}

// Set makes one plain set of a zone what is given; without values it is removed.
func (f *Route53) Set(id, name, typ string, seconds int64, values ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.zone(id)
	s := recordSet{Type: typ, TTL: ttl(seconds), Records: records(values...)}.named(name)
	if len(values) > 0 {
		z.put(s)
	} else if i, there := slices.BinarySearchFunc(z.sets, s, compareRecordSets); there {
		z.sets = slices.Delete(z.sets, i, i+1)
	}
}

// Clear removes all but the apex's own sets.
func (f *Route53) Clear(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.zone(id)
	z.sets = slices.DeleteFunc(z.sets, func(s recordSet) bool { return s.Name != z.Name })
}

// Dump gives what stands below the apex: "name TYPE value" for each value, names as Route 53 shows them.
func (f *Route53) Dump(id string) (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.zone(id)
	for _, s := range z.sets {
		if s.Name == z.Name {
			continue
		}
		if s.Alias != nil {
			out = append(out, s.Name+" "+s.Type+" ALIAS "+s.Alias.DNSName)
		}
		for _, r := range s.Records {
			out = append(out, s.Name+" "+s.Type+" "+r.Value)
		}
	}
	return out
}

// NameServers gives the delegation set of a zone.
func (f *Route53) NameServers(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.zone(id).NameServers)
}

// Calls says how often each action was asked for, refused or not.
func (f *Route53) Calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

// Forget sets the counts to nothing and drops the requests kept.
func (f *Route53) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.requests = nil, nil
}

// Requests gives what was received since the last Forget, in order.
func (f *Route53) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func (f *Route53) zone(id string) *hostedZone {
	for _, z := range f.zones {
		if z.id == strings.TrimPrefix(id, "/hostedzone/") {
			return z
		}
	}
	panic("awsfake: no zone " + id)
}

// put takes the place of the set of the same name, type and identifier.
func (z *hostedZone) put(s recordSet) {
	i, there := slices.BinarySearchFunc(z.sets, s, compareRecordSets)
	if there {
		z.sets[i] = s
		return
	}
	z.sets = slices.Insert(z.sets, i, s)
}

const (
	route53Path = "/2013-04-01/"
	requestID   = "00000000-0000-0000-0000-000000000000"
)

// ServeHTTP answers one request.
func (f *Route53) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return
	}
	action, id := route53Action(r)
	f.mu.Lock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[action]++
	n := f.calls[action]
	f.mu.Unlock()
	status, answer := f.answer(r, action, id, n, body)
	f.mu.Lock()
	f.requests = append(f.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery, string(body), status, answer})
	f.mu.Unlock()
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// route53Action tells the action by method and path, as the API reference gives them.
func route53Action(r *http.Request) (action, id string) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, route53Path), "/"), "/")
	switch {
	case !strings.HasPrefix(r.URL.Path, route53Path):
	case len(parts) == 1 && parts[0] == "hostedzonesbyname" && r.Method == http.MethodGet:
		return "ListHostedZonesByName", ""
	case len(parts) == 2 && parts[0] == "change" && r.Method == http.MethodGet:
		return "GetChange", parts[1]
	case len(parts) == 2 && parts[0] == "hostedzone" && r.Method == http.MethodGet:
		return "GetHostedZone", parts[1]
	case len(parts) == 3 && parts[0] == "hostedzone" && parts[2] == "rrset" && r.Method == http.MethodGet:
		return "ListResourceRecordSets", parts[1]
	case len(parts) == 3 && parts[0] == "hostedzone" && parts[2] == "rrset" && r.Method == http.MethodPost:
		return "ChangeResourceRecordSets", parts[1]
	}
	return "", ""
}

func (f *Route53) answer(r *http.Request, action, id string, n int, body []byte) (status int, answer string) {
	fault := f.admit(r)
	if fault == nil && f.Before != nil {
		fault = f.Before(action, n)
	}
	var result any
	if fault == nil {
		result, fault = f.do(r, action, id, body)
	}
	if fault == nil && f.After != nil {
		fault = f.After(action, n)
	}
	if fault != nil {
		return fault.Status, fault.text()
	}
	out, err := xml.Marshal(result)
	if err != nil {
		return http.StatusInternalServerError, err.Error()
	}
	return http.StatusOK, xml.Header + string(out)
}

func (e *Error) text() string {
	if e.Body != "" || e.Status == 0 {
		return e.Body
	}
	if e.Code == "InvalidChangeBatch" { // it has a form of its own
		out, _ := xml.Marshal(struct { //nolint:errcheck // strings always marshal
			XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ InvalidChangeBatch"`
			Messages  []string `xml:"Messages>Message"`
			RequestID string   `xml:"RequestId"`
		}{Messages: strings.Split(e.Message, "\n"), RequestID: requestID})
		return xml.Header + string(out)
	}
	type errorElement struct{ Type, Code, Message string }
	out, _ := xml.Marshal(struct { //nolint:errcheck // strings always marshal
		XMLName   xml.Name `xml:"https://route53.amazonaws.com/doc/2013-04-01/ ErrorResponse"`
		Error     errorElement
		RequestID string `xml:"RequestId"`
	}{Error: errorElement{"Sender", e.Code, e.Message}, RequestID: requestID})
	return xml.Header + string(out)
}

// Faults that the service answers with, for [Route53.Before] and [Route53.After].
var (
	Throttling      = &Error{Status: 400, Code: "Throttling", Message: "Rate exceeded"}
	PriorRequest    = &Error{Status: 400, Code: "PriorRequestNotComplete", Message: "The request was rejected because Route 53 was still processing a prior request."}
	ServiceFailure  = &Error{Status: 503, Code: "ServiceUnavailable", Message: "The service is unavailable."}
	InternalFailure = &Error{Status: 500, Code: "InternalFailure", Message: "We encountered an internal error."}
	ExpiredToken    = &Error{Status: 403, Code: "ExpiredToken", Message: "The security token included in the request is expired"}
	Cut             = &Error{} // the connection ends without an answer
)

// admit looks at who asks, and how often the account has asked within a second.
func (f *Route53) admit(r *http.Request) *Error {
	now := time.Now()
	if f.Now != nil {
		now = f.Now()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Rate > 0 {
		f.recent = slices.DeleteFunc(f.recent, func(t time.Time) bool { return !now.Before(t.Add(time.Second)) })
		if len(f.recent) >= f.Rate {
			return Throttling
		}
		f.recent = append(f.recent, now)
	}
	key, region, service := credential(r)
	switch who, known := f.Identities[key]; {
	case key == "":
		return &Error{Status: 403, Code: "MissingAuthenticationToken", Message: "Missing Authentication Token"}
	case service != "route53" || region != "us-east-1":
		return &Error{Status: 403, Code: "SignatureDoesNotMatch", Message: fmt.Sprintf("Credential should be scoped to a valid region and to the service route53, not %s and %s", region, service)}
	case f.Identities == nil:
	case !known:
		return &Error{Status: 403, Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."}
	case who.Expired:
		return ExpiredToken
	}
	return nil
}

// allowed evaluates the caller's policy.
func (f *Route53) allowed(r *http.Request, action, resource string, keys map[string][]string) *Error {
	key, _, _ := credential(r)
	who := f.Identities[key]
	if who.Policy.Allows("route53:"+action, resource, keys) {
		return nil
	}
	return &Error{Status: 403, Code: "AccessDenied", Message: fmt.Sprintf("User: %s is not authorized to perform: route53:%s on resource: %s because no identity-based policy allows the route53:%s action",
		who.ARN, action, resource, action)}
}

func (f *Route53) do(r *http.Request, action, id string, body []byte) (any, *Error) {
	resource := "arn:aws:route53:::hostedzone/" + id
	var batch []change
	var keys map[string][]string
	switch action {
	case "":
		return nil, &Error{Status: 404, Code: "InvalidAction", Message: "no such action: " + r.Method + " " + r.URL.Path}
	case "ListHostedZonesByName":
		resource = "*"
	case "GetChange":
		resource = "arn:aws:route53:::change/" + id
	case "ChangeResourceRecordSets":
		var bad *Error
		if batch, bad = readBatch(body); bad != nil {
			return nil, bad
		}
		keys = conditionKeys(batch)
	}
	if denied := f.allowed(r, action, resource, keys); denied != nil {
		return nil, denied
	}
	q := r.URL.Query()
	maxItems := func(most int) (int, *Error) {
		if q.Get("maxitems") == "" {
			return most, nil
		}
		n, err := strconv.Atoi(q.Get("maxitems"))
		if err != nil || n < 1 {
			return 0, &Error{Status: 400, Code: "InvalidInput", Message: "maxitems is no positive number"}
		}
		return min(n, most), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if action == "ListHostedZonesByName" {
		n, bad := maxItems(100)
		if bad != nil {
			return nil, bad
		}
		return f.zonesByName(q.Get("dnsname"), q.Get("hostedzoneid"), n)
	}
	if action == "GetChange" {
		left, known := f.changes[id]
		if !known {
			return nil, &Error{Status: 404, Code: "NoSuchChange", Message: "Could not find resource with ID: " + id}
		}
		if left > 0 {
			f.changes[id] = left - 1
		}
		return changeResponse{XMLName: responseName("GetChangeResponse"), Info: f.changeInfo(id, left > 0)}, nil
	}
	i := slices.IndexFunc(f.zones, func(z *hostedZone) bool { return z.id == id })
	if i < 0 {
		return nil, &Error{Status: 404, Code: "NoSuchHostedZone", Message: "No hosted zone found with ID: " + id}
	}
	z := f.zones[i]
	switch action {
	case "GetHostedZone":
		return z.response(), nil
	case "ListResourceRecordSets":
		n, bad := maxItems(300)
		if bad != nil {
			return nil, bad
		}
		return z.list(q.Get("name"), q.Get("type"), q.Get("identifier"), n)
	default:
		if bad := z.change(batch); bad != nil {
			return nil, bad
		}
		if f.changes == nil {
			f.changes = map[string]int{}
		}
		id := fmt.Sprintf("C%012dEXAMPLE", len(f.changes)+1)
		f.changes[id] = f.Pending
		return changeResponse{XMLName: responseName("ChangeResourceRecordSetsResponse"), Info: f.changeInfo(id, true)}, nil
	}
}

func (f *Route53) changeInfo(id string, pending bool) changeInfo {
	status := "INSYNC"
	if pending {
		status = "PENDING"
	}
	return changeInfo{ID: "/change/" + id, Status: status, SubmittedAt: "2026-11-24T14:20:05.000Z"}
}
