package cloudflarefake_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	libdns "github.com/libdns/cloudflare"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/cloudflarefake"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/cloudflare"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
)

const zoneID = "0123456789abcdef0123456789abcdef"

// held sends requests to the fake and holds both directions against the description.
type held struct {
	fake   http.Handler
	router routers.Router

	mu    sync.Mutex
	wrong []string
	seen  map[string]bool
}

func newHeld(t *testing.T, fake http.Handler) *held {
	t.Helper()
	text, err := os.ReadFile("testdata/openapi.yaml")
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	router, err := gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return &held{fake: fake, router: router, seen: map[string]bool{}}
}

func (h *held) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	note := func(format string, a ...any) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.wrong = append(h.wrong, fmt.Sprintf("%s %s %s: ", r.Method, r.URL.Path, body)+fmt.Sprintf(format, a...))
	}
	route, params, err := h.router.FindRoute(r)
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	if err != nil {
		note("no such request: %v", err)
	} else {
		h.mu.Lock()
		h.seen[r.Method+" "+route.Path] = true
		h.mu.Unlock()
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			note("%v", err)
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	h.fake.ServeHTTP(w, r)
	resp := w.Result()
	answer, _ := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	if route != nil {
		out := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(answer)),
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		}
		if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
			note("answered %s: %v", answer, err)
		}
	}
	return resp, nil
}

// Everything that the adapter sends in the conformance suite, and all that the fake answers, has the shapes that Cloudflare publishes.
func TestShapes(t *testing.T) {
	fake := &cloudflarefake.Fake{Tokens: map[string]cloudflarefake.Rights{
		"all": cloudflarefake.Everything, "dns": {EditDNS: true}, "zones": {ReadZones: true},
	}}
	apex := resolver.MustParseName("example.com.")
	servers := []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}
	fake.Add(cloudflarefake.Zone{ID: zoneID, Name: "example.com", NameServers: servers})
	for _, s := range []string{"initializing", "pending", "moved"} {
		fake.Add(cloudflarefake.Zone{ID: strings.Repeat("a", 31) + s[:1], Name: "example.com", Status: s, NameServers: servers})
	}
	h := newHeld(t, fake)
	client := func(p *libdns.Provider) *cloudflare.Client {
		p.HTTPClient = h
		c, err := cloudflare.New(p)
		require.NoError(t, err)
		c.HTTP.Base = "http://127.0.0.1"
		return c
	}
	for _, noBatch := range []bool{false, true} {
		fake.NoBatch = noBatch
		require.NoError(t, providertest.TestClient(func() providertest.Subject {
			return providertest.Subject{
				Client: client(&libdns.Provider{APIToken: "dns", ZoneToken: "zones"}),
				Zone:   providers.Zone{Apex: apex, ID: zoneID, NameServers: []resolver.Name{resolver.MustParseName(servers[0] + "."), resolver.MustParseName(servers[1] + ".")}},
				Seed:   func(lines ...string) error { return fake.Seed(zoneID, lines...) },
				Dump:   func() ([]string, error) { return fake.Dump(zoneID), nil },
			}
		}))
	}
	c := client(&libdns.Provider{APIToken: "all"})
	require.NoError(t, fake.Seed(zoneID, "_x.example.com. 300 IN CNAME a.example.net. ; flattened", "mx.example.com. 300 IN MX 10 mail.example.com.",
		"www.example.com. 300 IN A 192.0.2.1 ; proxied", "caa.example.com. 300 IN CAA 0 issue \"example.net\""))
	for _, n := range []string{"_x.example.com.", "mx.example.com.", "www.example.com.", "caa.example.com."} {
		_, err := c.Read(t.Context(), providers.Zone{Apex: apex, ID: zoneID}, resolver.MustParseName(n))
		require.NoError(t, err)
	}
	_, err := client(&libdns.Provider{APIToken: "wrong"}).FindZones(t.Context(), resolver.MustParseName("_x.example.com."))
	require.ErrorIs(t, err, providers.ErrPermission)
	require.Empty(t, h.wrong)
	for _, want := range []string{
		"GET /zones", "GET /zones/{zone}/dns_records", "POST /zones/{zone}/dns_records/batch", "POST /zones/{zone}/dns_records",
		"PATCH /zones/{zone}/dns_records/{record}", "DELETE /zones/{zone}/dns_records/{record}", "GET /zones/{zone}/dns_settings",
		"GET /zones/{zone}/settings/cname_flattening",
	} {
		require.True(t, h.seen[want], "%s was never sent", want)
	}
}

// A description that lets everything through proves nothing.
func TestShapesAreNoticed(t *testing.T) {
	fake := &cloudflarefake.Fake{Tokens: map[string]cloudflarefake.Rights{"all": cloudflarefake.Everything}}
	fake.Add(cloudflarefake.Zone{ID: zoneID, Name: "example.com", Status: "odd"})
	h := newHeld(t, fake)
	for _, bad := range []struct{ method, path, body string }{
		{"GET", "/zones?per_page=500", ""},
		{"GET", "/zones", ""}, // the zone's status
		{"GET", "/zones/" + zoneID + "/records", ""},
		{"POST", "/zones/" + zoneID + "/dns_records", `{"name":"a.example.com","type":"A","content":"192.0.2.1"}`},
		{"POST", "/zones/" + zoneID + "/dns_records", `{"name":"a.example.com","type":"A","content":"192.0.2.1","ttl":5}`},
		{"POST", "/zones/" + zoneID + "/dns_records/batch", `{"deletes":[{"name":"a"}]}`},
		{"POST", "/zones/" + zoneID + "/dns_records/batch", `{"posts":[{"name":"a","type":"A","ttl":1,"orange":true}]}`},
	} {
		r, err := http.NewRequest(bad.method, "http://127.0.0.1"+bad.path, strings.NewReader(bad.body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer all")
		r.Header.Set("Content-Type", "application/json")
		h.wrong = nil
		_, err = h.Do(r)
		require.NoError(t, err)
		require.NotEmpty(t, slices.Clone(h.wrong), bad)
	}
}
