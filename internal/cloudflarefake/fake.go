// Package cloudflarefake is the part of Cloudflare's HTTP interface that adapters use, as strict as the real one is documented to
// be: names without final dot and in lower case, a zone's name appended to a name that does not end in it, a CNAME alone at its
// name, nothing twice, batches carried out whole or not at all, pages, permissions by token. Its requests and answers are held
// against an OpenAPI description by a test.
package cloudflarefake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fake is an account, or several, behind one interface. The zero value has no zones and no tokens. The fields are set before use; it
// is safe for concurrent use.
type Fake struct {
	Tokens map[string]Rights
	// Before is called with each request before anything else, n counted from 1; true: it has answered.
	Before func(n int, w http.ResponseWriter, r *http.Request) bool
	// After is called when a request has been carried out, before its answer is sent; true: it has answered.
	After   func(n int, w http.ResponseWriter, r *http.Request) bool
	NoBatch bool // there is no batch endpoint
	NoInfo  bool // listings come without result_info
	Lax     bool // data other than addresses may stand beside a CNAME

	mu       sync.Mutex // guards the rest
	zones    []*Zone
	requests []string
	nextID   int
}

// Rights is what a token is good for.
type Rights struct{ ReadZones, EditDNS, ReadSettings bool }

// Everything is the rights of a token made for the purpose.
var Everything = Rights{ReadZones: true, EditDNS: true, ReadSettings: true}

// Zone is a zone. Status is "active" and Type "full" where they are empty.
type Zone struct {
	ID, Name, Account, Status, Type string
	Paused                          bool
	NameServers                     []string
	FlattenAll                      bool // dns_settings: every CNAME is flattened
	Free                            bool // its plan has no flattening of single records
	records                         []Record
}

// Record is a record as it is stored and answered.
type Record struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Content    string         `json:"content"`
	Priority   *int           `json:"priority,omitempty"`
	Proxiable  bool           `json:"proxiable"`
	Proxied    bool           `json:"proxied"`
	TTL        int            `json:"ttl"`
	Settings   map[string]any `json:"settings"`
	Meta       map[string]any `json:"meta"`
	Comment    *string        `json:"comment"`
	Tags       []string       `json:"tags"`
	CreatedOn  string         `json:"created_on"`
	ModifiedOn string         `json:"modified_on"`
}

// Add adds a zone, empty. IDs are 32 hexadecimal digits.
func (f *Fake) Add(z Zone) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z.Status, z.Type = cmp.Or(z.Status, "active"), cmp.Or(z.Type, "full")
	f.zones = append(f.zones, &z)
}

// Put adds records as another editor of the zone would, with the interface's own checks.
func (f *Fake) Put(zone string, records ...Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.zone(zone)
	if z == nil {
		return fmt.Errorf("no zone %s", zone)
	}
	for _, r := range records {
		raw, err := json.Marshal(r)
		if err != nil {
			return err
		}
		var in input
		if err := json.Unmarshal(raw, &in); err != nil {
			return err
		}
		if _, e := f.post(z, in); e != nil {
			return fmt.Errorf("%d %s", e.code, e.message)
		}
		if r.Meta != nil {
			z.records[len(z.records)-1].Meta = r.Meta
		}
	}
	return nil
}

// Clear removes all records of a zone.
func (f *Fake) Clear(zone string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.zone(zone).records = nil
}

// Records gives a copy of what stands in a zone.
func (f *Fake) Records(zone string) []Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.zone(zone).records)
}

// Requests gives each request since it was last called: method and path, with what is asked for.
func (f *Fake) Requests() (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out, f.requests = f.requests, nil
	return out
}

func (f *Fake) zone(id string) *Zone {
	i := slices.IndexFunc(f.zones, func(z *Zone) bool { return z.ID == id })
	if i < 0 {
		return nil
	}
	return f.zones[i]
}

// fault is an answer that says what is wrong.
type fault struct {
	status, code int
	message      string
}

var (
	notAllowed = &fault{403, 10000, "Authentication error"}
	noRoute    = &fault{404, 7003, "Could not route to that path, perhaps your object identifier is invalid?"}
	noRecord   = &fault{404, 81044, "Record does not exist."}
)

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, what(r))
	n := len(f.requests)
	f.mu.Unlock()
	if f.Before != nil && f.Before(n, w, r) {
		return
	}
	result, info, wrong := f.answer(r)
	if f.After != nil && f.After(n, w, r) {
		return
	}
	body := map[string]any{"success": wrong == nil, "errors": []any{}, "messages": []any{}, "result": result}
	status := http.StatusOK
	if wrong != nil {
		status = wrong.status
		body["errors"] = []any{map[string]any{"code": wrong.code, "message": wrong.message}}
	}
	if info != nil && !f.NoInfo {
		body["result_info"] = info
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// what is a request in a line: the path without IDs' noise, and the query that matters.
func what(r *http.Request) string {
	s := r.Method + " " + r.URL.Path
	for _, k := range []string{"name", "name.exact"} {
		if v := r.URL.Query().Get(k); v != "" {
			s += " " + v
		}
	}
	if p := r.URL.Query().Get("page"); p != "" && p != "1" {
		s += " page " + p
	}
	return s
}

func (f *Fake) answer(r *http.Request) (result any, info map[string]int, wrong *fault) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, &fault{400, 9207, "Failed to read the request"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	rights, ok := f.Tokens[token]
	if !ok {
		return nil, nil, &fault{403, 9109, "Invalid access token"}
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if path[0] != "zones" {
		return nil, nil, noRoute
	}
	if len(path) == 1 {
		if !rights.ReadZones {
			return nil, nil, notAllowed
		}
		return f.listZones(r)
	}
	z := f.zone(path[1])
	if z == nil {
		return nil, nil, noRoute
	}
	switch rest := strings.Join(path[2:], "/"); {
	case rest == "" && r.Method == http.MethodGet:
		if !rights.ReadZones {
			return nil, nil, notAllowed
		}
		return z.show(), nil, nil
	case (rest == "dns_settings" || rest == "settings/cname_flattening") && r.Method == http.MethodGet:
		if !rights.ReadSettings {
			return nil, nil, notAllowed
		}
		if rest == "dns_settings" {
			return map[string]any{"flatten_all_cnames": z.FlattenAll, "zone_mode": "standard", "ns_ttl": 86400}, nil, nil
		}
		return map[string]any{"id": "cname_flattening", "value": map[bool]string{true: "flatten_all", false: "flatten_at_root"}[z.FlattenAll], "editable": true}, nil, nil
	case path[2] != "dns_records":
		return nil, nil, noRoute
	case !rights.EditDNS:
		return nil, nil, notAllowed
	case rest == "dns_records" && r.Method == http.MethodGet:
		return z.listRecords(r)
	case rest == "dns_records/batch" && r.Method == http.MethodPost && !f.NoBatch:
		return f.batch(z, body)
	}
	var in input
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return nil, nil, &fault{400, 9207, "Content is not valid JSON"}
	}
	switch {
	case len(path) == 3 && r.Method == http.MethodPost:
		rec, e := f.post(z, in)
		return orNil(rec, e), nil, e
	case len(path) == 4:
		in.ID = path[3]
		switch r.Method {
		case http.MethodGet:
			if i := z.find(in.ID); i >= 0 {
				return z.records[i], nil, nil
			}
			return nil, nil, noRecord
		case http.MethodPatch, http.MethodPut:
			rec, e := f.change(z, in, r.Method == http.MethodPut)
			return orNil(rec, e), nil, e
		case http.MethodDelete:
			_, e := z.remove(in.ID)
			return orNil(map[string]any{"id": in.ID}, e), nil, e
		}
	}
	return nil, nil, &fault{405, 10405, "Method not allowed for this endpoint"}
}

func orNil(v any, e *fault) any {
	if e != nil {
		return nil
	}
	return v
}

// page cuts a listing.
func page[T any](r *http.Request, all []T, most, otherwise int) ([]T, map[string]int, *fault) {
	number := func(name string, otherwise int) int {
		if v := r.URL.Query().Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				return -1
			}
			return n
		}
		return otherwise
	}
	p, per := number("page", 1), number("per_page", otherwise)
	if p < 1 || per < 1 || per > most {
		return nil, nil, &fault{400, 9207, "Invalid page or per_page"}
	}
	total := len(all)
	first := min((p-1)*per, total)
	some := all[first:min(first+per, total)]
	return append([]T{}, some...), map[string]int{
		"page": p, "per_page": per, "count": len(some), "total_count": total, "total_pages": (total + per - 1) / per,
	}, nil
}

func (f *Fake) listZones(r *http.Request) (any, map[string]int, *fault) {
	name := strings.ToLower(strings.TrimSuffix(r.URL.Query().Get("name"), "."))
	var all []map[string]any
	for _, z := range f.zones {
		if name == "" || z.Name == name {
			all = append(all, z.show())
		}
	}
	return page3(page(r, all, 50, 20))
}

func page3[T any](some []T, info map[string]int, e *fault) (any, map[string]int, *fault) {
	if e != nil {
		return nil, nil, e
	}
	return some, info, nil
}

const moment = "2026-11-25T12:00:00.000000Z"

func (z *Zone) show() map[string]any {
	return map[string]any{
		"id": z.ID, "name": z.Name, "status": z.Status, "type": z.Type, "paused": z.Paused, "development_mode": 0,
		"name_servers": append([]string{}, z.NameServers...), "original_name_servers": nil, "original_registrar": nil, "original_dnshost": nil,
		"created_on": moment, "modified_on": moment, "activated_on": moment,
		"account": map[string]any{"id": cmp.Or(z.Account, "0123456789abcdef0123456789abcdef"), "name": "an account"},
		"owner":   map[string]any{"id": nil, "type": "user", "email": nil}, "meta": map[string]any{"phishing_detected": false},
	}
}

func (z *Zone) listRecords(r *http.Request) (any, map[string]int, *fault) {
	q := r.URL.Query()
	name := strings.ToLower(strings.TrimSuffix(cmp.Or(q.Get("name.exact"), q.Get("name")), "."))
	var all []Record
	for _, rec := range z.records {
		if (name == "" || rec.Name == name) && (q.Get("type") == "" || rec.Type == q.Get("type")) {
			all = append(all, rec)
		}
	}
	return page3(page(r, all, 5_000_000, 100))
}

// input is what may be sent of a record. What is not there is nil.
type input struct {
	ID       string          `json:"id"`
	Name     *string         `json:"name"`
	Type     *string         `json:"type"`
	Content  *string         `json:"content"`
	Priority *int            `json:"priority"`
	TTL      *int            `json:"ttl"`
	Proxied  *bool           `json:"proxied"`
	Comment  *string         `json:"comment"`
	Tags     *[]string       `json:"tags"`
	Settings *map[string]any `json:"settings"`
}

// into applies what was sent to a record.
func (in input) into(r *Record) {
	set(&r.Name, in.Name)
	set(&r.Type, in.Type)
	set(&r.Content, in.Content)
	set(&r.TTL, in.TTL)
	set(&r.Proxied, in.Proxied)
	set(&r.Tags, in.Tags)
	if in.Comment != nil {
		r.Comment = in.Comment
	}
	if in.Priority != nil {
		r.Priority = in.Priority
	}
	if in.Settings != nil {
		r.Settings = maps.Clone(r.Settings)
		maps.Copy(r.Settings, *in.Settings)
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (f *Fake) blank() Record {
	f.nextID++
	return Record{
		ID: fmt.Sprintf("%032x", f.nextID), TTL: 1, Settings: map[string]any{}, Meta: map[string]any{}, Tags: []string{},
		CreatedOn: moment, ModifiedOn: moment,
	}
}

func (f *Fake) post(z *Zone, in input) (Record, *fault) {
	r := f.blank()
	in.into(&r)
	if e := f.check(z, &r); e != nil {
		return r, e
	}
	z.records = append(z.records, r)
	return r, nil
}

// change patches a record, or puts it: then what is not sent has its default.
func (f *Fake) change(z *Zone, in input, whole bool) (Record, *fault) {
	i := z.find(in.ID)
	if i < 0 {
		return Record{}, noRecord
	}
	r := z.records[i]
	if whole {
		r = f.blank()
		r.ID = in.ID
	}
	in.into(&r)
	if e := f.check(z, &r); e != nil {
		return r, e
	}
	z.records[i] = r
	return r, nil
}

func (z *Zone) find(id string) int {
	return slices.IndexFunc(z.records, func(r Record) bool { return r.ID == id })
}

func (z *Zone) remove(id string) (Record, *fault) {
	i := z.find(id)
	if i < 0 {
		return Record{}, noRecord
	}
	r := z.records[i]
	if r.Meta["read_only"] == true {
		return r, &fault{400, 1043, "This record is managed elsewhere."}
	}
	z.records = slices.Delete(slices.Clone(z.records), i, i+1)
	return r, nil
}

// check brings a record into the form in which it is stored, and refuses what cannot be.
func (f *Fake) check(z *Zone, r *Record) *fault {
	r.Name = strings.ToLower(strings.TrimSuffix(r.Name, "."))
	switch {
	case r.Name == "" || r.Name == "@":
		r.Name = z.Name
	case r.Name != z.Name && !strings.HasSuffix(r.Name, "."+z.Name):
		r.Name += "." + z.Name
	}
	r.Proxiable = r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME"
	switch r.Type {
	case "CNAME", "NS", "PTR", "MX":
		r.Content = strings.TrimSuffix(strings.ToLower(r.Content), ".")
	case "TXT":
		if !strings.HasPrefix(r.Content, `"`) {
			r.Content = `"` + r.Content + `"`
		}
	case "A", "AAAA", "CAA", "SRV", "HTTPS", "SVCB", "TLSA":
	default:
		return &fault{400, 9005, "DNS record type is invalid."}
	}
	flatten := r.Settings["flatten_cname"] == true
	switch {
	case r.Content == "":
		return &fault{400, 9005, "Content for " + r.Type + " record is invalid."}
	case r.Type == "MX" && r.Priority == nil:
		return &fault{400, 9101, "priority is a required data field."}
	case r.TTL != 1 && (r.TTL < 60 || r.TTL > 86400):
		return &fault{400, 9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic."}
	case r.Proxied && !r.Proxiable:
		return &fault{400, 9004, "This record type cannot be proxied."}
	case flatten && (r.Type != "CNAME" || r.Proxied || z.Free):
		return &fault{400, 9044, "This record cannot be flattened."}
	case r.Type == "CNAME" && r.Content == r.Name:
		return &fault{400, 9039, "CNAME content cannot reference itself."}
	}
	if r.Proxied {
		r.TTL = 1
	}
	for _, o := range z.records {
		if o.ID == r.ID || o.Name != r.Name {
			continue
		}
		switch {
		case o.Type == "CNAME" && r.Type == "CNAME", o.Type == "CNAME" && r.Proxiable:
			return &fault{400, 81053, "An A, AAAA, or CNAME record with that host already exists."}
		case f.Lax && (!o.Proxiable || !r.Proxiable) && (o.Type != r.Type || o.Content != r.Content):
		case r.Type == "CNAME":
			return &fault{400, 81053, "A record with that host already exists."}
		case o.Type == "CNAME":
			return &fault{400, 81054, "A CNAME record with that host already exists."}
		case o.Type == r.Type && o.Content == r.Content:
			return &fault{400, 81058, "An identical record already exists."}
		}
	}
	return nil
}

// batch carries out deletes, patches, puts and posts, in this order, all or none.
func (f *Fake) batch(z *Zone, body []byte) (any, map[string]int, *fault) {
	var in struct{ Deletes, Patches, Puts, Posts []input }
	if json.Unmarshal(body, &in) != nil {
		return nil, nil, &fault{400, 9207, "Content is not valid JSON"}
	}
	if len(in.Deletes)+len(in.Patches)+len(in.Puts)+len(in.Posts) > 200 { // of a zone on the free plan
		return nil, nil, &fault{400, 9207, "Too many operations in one batch"}
	}
	trial := *z
	trial.records = slices.Clone(z.records)
	out := map[string][]Record{"deletes": {}, "patches": {}, "puts": {}, "posts": {}}
	for _, step := range []struct {
		kind string
		list []input
		do   func(input) (Record, *fault)
	}{
		{"deletes", in.Deletes, func(i input) (Record, *fault) { return trial.remove(i.ID) }},
		{"patches", in.Patches, func(i input) (Record, *fault) { return f.change(&trial, i, false) }},
		{"puts", in.Puts, func(i input) (Record, *fault) { return f.change(&trial, i, true) }},
		{"posts", in.Posts, func(i input) (Record, *fault) { return f.post(&trial, i) }},
	} {
		for _, i := range step.list {
			r, e := step.do(i)
			if e != nil {
				return nil, nil, e
			}
			out[step.kind] = append(out[step.kind], r)
		}
	}
	z.records = trial.records
	return out, nil, nil
}
