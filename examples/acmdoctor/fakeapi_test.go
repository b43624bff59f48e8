package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// apiZone is the zone example.com behind a provider's HTTP API. Data is kept in presentation format, and as strict as a server
// that keeps RFC 1034, 3.6.2. The handlers speak each provider's own JSON, as its module and its reference have it.
type apiZone struct {
	mu      sync.Mutex
	records []apiRecord
	next    int
}

type apiRecord struct {
	id   int
	name string // relative to the zone, as most APIs have it
	typ  string
	ttl  int
	data string
}

const apiToken = "marker-token-hunter2"

var apiApex = resolver.MustParseName("example.com.")

// seed replaces what stands below the apex.
func (z *apiZone) seed(lines ...string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = []apiRecord{{id: 1, name: "@", typ: "NS", ttl: 3600, data: "ns1.host.example."}}
	z.next = 1
	for _, l := range lines {
		rr, err := resolver.ParseRR(l)
		if err != nil {
			return err
		}
		name, _ := rr.Name.Relative(apiApex)
		if err := z.add(name, rr.Type.String(), int(rr.TTL), rr.Text()); err != nil {
			return err
		}
	}
	return nil
}

func (z *apiZone) dump() ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	var out []string
	for _, r := range z.records {
		if r.name != "@" {
			out = append(out, fmt.Sprintf("%s.example.com. %s %s", r.name, r.typ, r.data))
		}
	}
	return out, nil
}

// add adds a record, where it may stand.
func (z *apiZone) add(name, typ string, ttl int, data string) error {
	for _, r := range z.records {
		if r.name == name && (r.typ == "CNAME" || typ == "CNAME") {
			return fmt.Errorf("%s is at %s already", r.typ, name)
		}
		if r.name == name && r.typ == typ && r.data == data {
			return fmt.Errorf("%s at %s is there already", typ, name)
		}
	}
	if _, err := resolver.ParseRR(". 0 IN " + typ + " " + data); err != nil {
		return err
	}
	z.next++
	z.records = append(z.records, apiRecord{z.next, name, typ, ttl, data})
	return nil
}

func (z *apiZone) remove(which func(apiRecord) bool) (n int) {
	before := len(z.records)
	z.records = slices.DeleteFunc(z.records, which)
	return before - len(z.records)
}

// replace makes a set what is given, or leaves all as it was.
func (z *apiZone) replace(name, typ string, ttl int, data []string) error {
	was := slices.Clone(z.records)
	z.remove(func(r apiRecord) bool { return r.name == name && r.typ == typ })
	for _, d := range data {
		if err := z.add(name, typ, ttl, d); err != nil {
			z.records = was
			return err
		}
	}
	return nil
}

// sets gives name and type of each set once.
func (z *apiZone) sets() (out []apiRecord) {
	for _, r := range z.records {
		if !slices.ContainsFunc(out, func(o apiRecord) bool { return o.name == r.name && o.typ == r.typ }) {
			out = append(out, r)
		}
	}
	return out
}

func (z *apiZone) values(name, typ string) (out []string) {
	for _, r := range z.records {
		if r.name == name && r.typ == typ {
			out = append(out, r.data)
		}
	}
	return out
}

// zoneFileTarget reads a target as a zone file does: without final dot it is relative.
func zoneFileTarget(typ, data string) string {
	if typ == "CNAME" && !strings.HasSuffix(data, ".") {
		return data + ".example.com."
	}
	return data
}

func absoluteTarget(typ, data string) string {
	if typ == "CNAME" && !strings.HasSuffix(data, ".") {
		return data + "."
	}
	return data
}

// quoted gives a TXT's text in presentation format.
func quoted(typ, data string) string {
	if typ == "TXT" && !strings.HasPrefix(data, `"`) {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(data) + `"`
	}
	return data
}

// api answers in JSON and reads it.
type api struct {
	w http.ResponseWriter
	r *http.Request
}

func (a api) read(v any) bool {
	if err := json.NewDecoder(a.r.Body).Decode(v); err != nil {
		a.fail(http.StatusBadRequest, err)
		return false
	}
	return true
}

func (a api) give(status int, v any) {
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(status)
	if v != nil && status != http.StatusNoContent {
		_ = json.NewEncoder(a.w).Encode(v)
	}
}

func (a api) fail(status int, err error) {
	a.give(status, map[string]any{
		"code": status, "message": err.Error(), "id": "unprocessable_entity", "detail": err.Error(),
		"error": map[string]any{"code": map[int]string{404: "not_found", 422: "invalid_input", 401: "unauthorized", 403: "forbidden"}[status], "message": err.Error()},
	})
}

func (a api) missing() { a.fail(http.StatusNotFound, fmt.Errorf("not found: %s", a.r.URL.Path)) }

// fakeAPIs are the servers of the providers whose modules can be led to one. DigitalOcean's has a transport of its own making.
var fakeAPIs = map[string]struct {
	host   string // where the module looks for it
	auth   func(r *http.Request) bool
	config string
	handle func(z *apiZone, a api)
}{
	"desec":   {"desec.io", bearer("Token "), `{"token":"` + apiToken + `"}`, desecAPI},
	"gandi":   {"api.gandi.net", bearer("Bearer "), `{"bearer_token":"` + apiToken + `"}`, gandiAPI},
	"hetzner": {"api.hetzner.cloud", bearer("Bearer "), `{"api_token":"` + apiToken + `"}`, hetznerAPI},
	"ionos": {
		"api.hosting.ionos.com", func(r *http.Request) bool { return r.Header.Get("X-API-Key") == apiToken },
		`{"auth_api_token":"` + apiToken + `"}`, ionosAPI,
	},
	"ovh": {
		"ovh.invalid", func(r *http.Request) bool {
			return r.URL.Path == "/auth/time" || r.Header.Get("X-Ovh-Consumer") == "c-"+apiToken
		},
		`{"endpoint":"http://ovh.invalid","application_key":"a-` + apiToken + `","application_secret":"s-` + apiToken + `","consumer_key":"c-` + apiToken + `"}`, ovhAPI,
	},
}

func bearer(scheme string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Header.Get("Authorization") == scheme+apiToken }
}

// desecAPI: https://desec.readthedocs.io/en/latest/dns/rrsets.html
func desecAPI(z *apiZone, a api) {
	type set struct {
		Subname string   `json:"subname"`
		Type    string   `json:"type"`
		Records []string `json:"records"`
		TTL     int      `json:"ttl"`
	}
	sub := func(name string) string { return strings.TrimPrefix(name, "@") }
	at := func(sub string) string {
		if sub == "" {
			return "@"
		}
		return sub
	}
	path := strings.Split(strings.Trim(strings.TrimPrefix(a.r.URL.Path, "/api/v1/domains"), "/"), "/")
	switch {
	case path[0] == "":
		a.give(200, []map[string]string{{"name": "example.com"}})
	case path[0] != "example.com" || len(path) < 2:
		a.missing()
	case a.r.Method == http.MethodGet && len(path) == 2:
		var out []set
		for _, s := range z.sets() {
			out = append(out, set{sub(s.name), s.typ, z.values(s.name, s.typ), s.ttl})
		}
		a.give(200, out)
	case a.r.Method == http.MethodGet && len(path) == 4:
		v := z.values(path[2], path[3])
		if len(v) == 0 {
			a.missing()
			return
		}
		a.give(200, set{sub(path[2]), path[3], v, 3600})
	case a.r.Method == http.MethodPut:
		var sets []set
		if !a.read(&sets) {
			return
		}
		was := slices.Clone(z.records)
		for _, s := range sets {
			for i := range s.Records {
				s.Records[i] = zoneFileTarget(s.Type, s.Records[i])
			}
			err := z.replace(at(s.Subname), s.Type, s.TTL, s.Records)
			if len(s.Records) > 0 && s.TTL < 3600 {
				err = fmt.Errorf("ensure this value is greater than or equal to 3600")
			}
			if err != nil {
				z.records = was
				a.fail(400, err)
				return
			}
		}
		a.give(200, sets)
	default:
		a.missing()
	}
}

// gandiAPI: https://api.gandi.net/docs/livedns/
func gandiAPI(z *apiZone, a api) {
	type set struct {
		Name   string   `json:"rrset_name"`
		Type   string   `json:"rrset_type"`
		TTL    int      `json:"rrset_ttl"`
		Values []string `json:"rrset_values"`
	}
	path := strings.Split(strings.Trim(strings.TrimPrefix(a.r.URL.Path, "/v5/livedns/domains/example.com"), "/"), "/")
	switch {
	case !strings.HasPrefix(a.r.URL.Path, "/v5/livedns/domains/example.com"):
		a.missing()
	case path[0] == "":
		a.give(200, map[string]string{"domain_records_href": "https://api.gandi.net/v5/livedns/domains/example.com/records"})
	case len(path) == 1:
		var out []set
		for _, s := range z.sets() {
			out = append(out, set{s.name, s.typ, s.ttl, z.values(s.name, s.typ)})
		}
		a.give(200, out)
	case a.r.Method == http.MethodGet:
		v := z.values(path[1], path[2])
		if len(v) == 0 {
			a.missing()
			return
		}
		a.give(200, set{path[1], path[2], 300, v})
	case a.r.Method == http.MethodPut:
		var s set
		if !a.read(&s) {
			return
		}
		for i := range s.Values {
			s.Values[i] = zoneFileTarget(path[2], quoted(path[2], s.Values[i]))
		}
		if err := z.replace(path[1], path[2], s.TTL, s.Values); err != nil {
			a.fail(400, err)
			return
		}
		a.give(201, nil)
	case a.r.Method == http.MethodDelete:
		if z.remove(func(r apiRecord) bool { return r.name == path[1] && r.typ == path[2] }) == 0 {
			a.missing()
			return
		}
		a.give(204, nil)
	}
}

// hetznerAPI: https://docs.hetzner.cloud/reference/cloud, Zone RRSets
func hetznerAPI(z *apiZone, a api) {
	type value struct {
		Value string `json:"value"`
	}
	done := map[string]any{"action": map[string]any{"id": 1, "status": "success", "progress": 100}}
	path := strings.Split(strings.Trim(strings.TrimPrefix(a.r.URL.Path, "/v1/zones"), "/"), "/")
	switch {
	case path[0] == "":
		a.give(200, map[string]any{"zones": []any{map[string]any{"id": 7, "name": "example.com", "ttl": 3600, "mode": "primary"}}})
	case path[0] != "example.com" && path[0] != "7":
		a.missing()
	case len(path) == 1:
		a.give(200, map[string]any{"zone": map[string]any{"id": 7, "name": "example.com", "ttl": 3600, "mode": "primary"}})
	case a.r.Method == http.MethodGet:
		out := []any{}
		for _, s := range z.sets() {
			var values []value
			for _, v := range z.values(s.name, s.typ) {
				values = append(values, value{v})
			}
			out = append(out, map[string]any{"id": s.name + "/" + s.typ, "name": s.name, "type": s.typ, "ttl": s.ttl, "records": values, "zone": 7})
		}
		a.give(200, map[string]any{"rrsets": out, "meta": map[string]any{"pagination": map[string]any{"page": 1, "per_page": 50, "last_page": 1}}})
	case len(path) == 6:
		var body struct {
			Records []value `json:"records"`
			TTL     *int    `json:"ttl"`
		}
		if !a.read(&body) {
			return
		}
		was := slices.Clone(z.records)
		for _, v := range body.Records {
			data := zoneFileTarget(path[3], v.Value)
			if path[5] == "remove_records" {
				if z.remove(func(r apiRecord) bool { return r.name == path[2] && r.typ == path[3] && r.data == data }) == 0 {
					a.missing()
					return
				}
				continue
			}
			ttl := 3600
			if body.TTL != nil {
				ttl = *body.TTL
			}
			if err := z.add(path[2], path[3], ttl, data); err != nil {
				z.records = was
				a.fail(422, err)
				return
			}
		}
		a.give(201, done)
	default:
		a.missing()
	}
}

// ionosAPI: https://developer.hosting.ionos.com/docs/dns
func ionosAPI(z *apiZone, a api) {
	type record struct {
		ID      string `json:"id,omitempty"`
		Name    string `json:"name"`
		Type    string `json:"type"`
		Content string `json:"content"`
		TTL     int    `json:"ttl"`
	}
	full := func(name string) string {
		if name == "@" {
			return "example.com"
		}
		return name + ".example.com"
	}
	show := func(r apiRecord) record {
		return record{strconv.Itoa(r.id), full(r.name), r.typ, strings.TrimSuffix(r.data, "."), r.ttl}
	}
	path := strings.Split(strings.Trim(strings.TrimPrefix(a.r.URL.Path, "/dns/v1/zones"), "/"), "/")
	q := a.r.URL.Query()
	switch {
	case path[0] == "":
		a.give(200, []map[string]string{{"name": "example.com", "id": "z1", "type": "NATIVE"}})
	case path[0] != "z1":
		a.missing()
	case a.r.Method == http.MethodGet:
		out := []record{}
		for _, r := range z.records {
			if (q.Get("recordName") == "" || q.Get("recordName") == full(r.name)) && (q.Get("recordType") == "" || q.Get("recordType") == r.typ) {
				out = append(out, show(r))
			}
		}
		a.give(200, map[string]any{"id": "z1", "name": "example.com", "records": out})
	case a.r.Method == http.MethodPost:
		var in []record
		if !a.read(&in) {
			return
		}
		out, was := []record{}, slices.Clone(z.records)
		for _, r := range in {
			if r.TTL != 0 && r.TTL < 60 {
				a.fail(400, fmt.Errorf("INVALID_RECORD ttl"))
				return
			}
			name := strings.TrimSuffix(strings.TrimSuffix(r.Name, "example.com"), ".")
			if err := z.add(name, r.Type, r.TTL, absoluteTarget(r.Type, quoted(r.Type, r.Content))); err != nil {
				z.records = was
				a.fail(400, err)
				return
			}
			out = append(out, show(z.records[len(z.records)-1]))
		}
		a.give(201, out)
	case a.r.Method == http.MethodPut && len(path) == 3:
		var in record
		if !a.read(&in) {
			return
		}
		for i, r := range z.records {
			if strconv.Itoa(r.id) == path[2] {
				z.records[i].data, z.records[i].ttl = absoluteTarget(r.typ, quoted(r.typ, in.Content)), in.TTL
				a.give(200, show(z.records[i]))
				return
			}
		}
		a.missing()
	case a.r.Method == http.MethodDelete && len(path) == 3:
		if z.remove(func(r apiRecord) bool { return strconv.Itoa(r.id) == path[2] }) == 0 {
			a.missing()
			return
		}
		a.give(200, nil)
	}
}

// ovhAPI: https://api.ovh.com/console, /domain/zone
func ovhAPI(z *apiZone, a api) {
	type record struct {
		ID        int    `json:"id"`
		FieldType string `json:"fieldType"`
		SubDomain string `json:"subDomain"`
		TTL       int    `json:"ttl"`
		Target    string `json:"target"`
	}
	show := func(r apiRecord) record {
		return record{r.id, r.typ, strings.TrimPrefix(r.name, "@"), r.ttl, r.data}
	}
	if a.r.URL.Path == "/auth/time" {
		a.give(200, 1700000000)
		return
	}
	path := strings.Split(strings.Trim(strings.TrimPrefix(a.r.URL.Path, "/domain/zone/example.com"), "/"), "/")
	q := a.r.URL.Query()
	switch {
	case !strings.HasPrefix(a.r.URL.Path, "/domain/zone/example.com/"):
		a.missing()
	case path[0] == "refresh":
		a.give(200, nil)
	case a.r.Method == http.MethodGet && len(path) == 1:
		out := []int{}
		for _, r := range z.records {
			if (!q.Has("fieldType") || q.Get("fieldType") == r.typ) && (!q.Has("subDomain") || q.Get("subDomain") == strings.TrimPrefix(r.name, "@")) {
				out = append(out, r.id)
			}
		}
		a.give(200, out)
	case a.r.Method == http.MethodGet:
		for _, r := range z.records {
			if strconv.Itoa(r.id) == path[1] {
				a.give(200, show(r))
				return
			}
		}
		a.missing()
	case a.r.Method == http.MethodPost:
		var in record
		if !a.read(&in) {
			return
		}
		if err := z.add(in.SubDomain, in.FieldType, in.TTL, zoneFileTarget(in.FieldType, quoted(in.FieldType, in.Target))); err != nil {
			a.fail(400, err)
			return
		}
		a.give(200, show(z.records[len(z.records)-1]))
	case a.r.Method == http.MethodDelete:
		if z.remove(func(r apiRecord) bool { return strconv.Itoa(r.id) == path[1] }) == 0 {
			a.missing()
			return
		}
		a.give(200, nil)
	}
}

// homeward sends requests for one host to a server of the test, and refuses all others: a test reaches nobody's account.
type homeward struct {
	host string
	to   http.Handler
}

func (h homeward) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.URL.Host != h.host {
		return nil, fmt.Errorf("a test asked for %s", r.URL.Host)
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), orNoBody(r.Body))
	in.Header = r.Header
	w := httptest.NewRecorder()
	h.to.ServeHTTP(w, in)
	return w.Result(), nil
}

func orNoBody(b io.Reader) io.Reader {
	if b == nil {
		return http.NoBody
	}
	return b
}

// fakeAccount opens the real module through the tool, with the provider's server faked. Only one is there at a time.
func fakeAccount(t *testing.T, name string, before func(http.ResponseWriter, *http.Request) bool) (providers.Client, *apiZone) {
	t.Helper()
	f := fakeAPIs[name]
	z := &apiZone{}
	require.NoError(t, z.seed())
	http.DefaultTransport = homeward{f.host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z.mu.Lock()
		defer z.mu.Unlock()
		a := api{w, r}
		switch {
		case before != nil && before(w, r):
		case !f.auth(r):
			a.fail(http.StatusUnauthorized, fmt.Errorf("the credentials are not known"))
		default:
			f.handle(z, a)
		}
	})}
	client, err := realWorld().open[name](t.Context(), &accountFlags{}, []byte(f.config))
	require.NoError(t, err)
	return client, z
}

func keepTransport(t *testing.T) {
	t.Helper()
	real := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = real })
}

// The modules themselves, not models of them, pass the suite with what is known about them.
func TestBundledProvidersConform(t *testing.T) {
	keepTransport(t)
	for name := range fakeAPIs {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, providertest.TestClient(func() providertest.Subject {
				client, z := fakeAccount(t, name, nil)
				return providertest.Subject{Client: client, Zone: providers.Zone{Apex: apiApex}, Seed: z.seed, Dump: z.dump}
			}))
		})
	}
}

// A server that throws everything back in an error makes no module tell a secret, and a refusal is told as one.
func TestBundledProvidersKeepSecrets(t *testing.T) {
	keepTransport(t)
	for name, f := range fakeAPIs {
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError, http.StatusBadRequest} {
			t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
				client, _ := fakeAccount(t, name, func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/auth/time" {
						return false
					}
					body, _ := io.ReadAll(r.Body)
					api{w, r}.fail(status, fmt.Errorf("%v %s %s", r.Header, r.URL, body))
					return true
				})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // some modules try again for long
				defer cancel()
				_, err := client.Read(ctx, providers.Zone{Apex: apiApex}, resolver.MustParseName("_a79.example.com."))
				require.Error(t, err)
				require.NotContains(t, fmt.Sprintf("%v %+v %q", err, err, err.Error()), apiToken, f.host)
				if status == http.StatusUnauthorized || status == http.StatusForbidden {
					require.ErrorIs(t, err, providers.ErrPermission)
				}
			})
		}
	}
}
