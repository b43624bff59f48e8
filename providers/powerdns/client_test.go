package powerdns_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	libdns "github.com/libdns/powerdns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/powerdns"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

const (
	zoneName = "example.test."
	marker   = "marker-secret/+=%20"
	token    = "_a79865eb4cd1a6ab990a45779b4e0b96"
	value    = "_424c7224e9b0146f9a8808af955727d0.acm-validations.aws."
	other    = "_0000000000000000000000000000dead.acm-validations.aws."
)

var (
	apex    = resolver.MustParseName(zoneName)
	owner   = resolver.MustParseName(token + "." + zoneName)
	doubled = resolver.MustParseName(token + "." + zoneName + zoneName)
	zone    = providers.Zone{Apex: apex, ID: zoneName}
)

// impatient waits for nothing between readings: PowerDNS gives what it holds.
var impatient = providers.Applier{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}

// server is a real PowerDNS.
type server struct{ api realdns.API }

func start(t *testing.T) server {
	t.Helper()
	realdns.Require(t, realdns.PowerDNS)
	n := realdns.New(t)
	s := n.Add(realdns.PowerDNS)
	api := n.OpenAPI(s, "marker-secret")
	s.Serve(zoneName, realdns.Delegation(zoneName, s.Addr))
	n.Start()
	return server{api}
}

func (s server) client(t *testing.T) *powerdns.Client {
	t.Helper()
	c, err := powerdns.New(&libdns.Provider{ServerURL: s.api.URL, ServerID: "localhost", APIToken: s.api.Token})
	require.NoError(t, err)
	c.HTTP.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

type rrset struct {
	Name       string              `json:"name"`
	Type       string              `json:"type"`
	TTL        uint32              `json:"ttl,omitempty"`
	ChangeType string              `json:"changetype,omitempty"`
	Records    []map[string]any    `json:"records"`
	Comments   []map[string]string `json:"comments,omitempty"`
}

// call goes around the Client.
func (s server) call(method, path string, body, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, s.api.URL+"/api/v1/servers/localhost"+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", s.api.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if resp.StatusCode > 299 {
		return fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if out != nil {
		return json.Unmarshal(answer, out)
	}
	return err
}

// content is what stands below the apex, without the name server's address.
func (s server) content() ([]rrset, error) {
	var z struct {
		RRsets []rrset `json:"rrsets"`
	}
	err := s.call("GET", "/zones/"+zoneName, nil, &z)
	return slices.DeleteFunc(z.RRsets, func(r rrset) bool { return r.Name == zoneName || r.Name == "ns1."+zoneName }), err
}

func (s server) dump() ([]string, error) {
	sets, err := s.content()
	var out []string
	for _, r := range sets {
		for _, v := range r.Records {
			l := r.Name + " " + r.Type + " " + v["content"].(string)
			if r.Type == "CNAME" {
				l = strings.ToLower(r.Name) + " CNAME " + strings.ToLower(v["content"].(string))
			}
			if v["disabled"] == true {
				l += " disabled"
			}
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return out, err
}

// seed makes the lines all that stands there; one that ends in "; disabled" is switched off.
func (s server) seed(lines ...string) error {
	old, err := s.content()
	if err != nil {
		return err
	}
	var sets []rrset
	for _, r := range old {
		sets = append(sets, rrset{Name: r.Name, Type: r.Type, ChangeType: "DELETE", Records: []map[string]any{}})
	}
	if len(sets) > 0 {
		if err := s.call("PATCH", "/zones/"+zoneName, map[string]any{"rrsets": sets}, nil); err != nil {
			return err
		}
	}
	sets = nil
	for _, l := range lines {
		l, disabled := strings.CutSuffix(l, " ; disabled")
		f := strings.SplitN(l, " ", 5)
		i := slices.IndexFunc(sets, func(r rrset) bool { return r.Name == f[0] && r.Type == f[3] })
		if i < 0 {
			sets = append(sets, rrset{Name: f[0], Type: f[3], TTL: 300, ChangeType: "REPLACE"})
			i = len(sets) - 1
		}
		sets[i].Records = append(sets[i].Records, map[string]any{"content": f[4], "disabled": disabled})
	}
	if len(sets) == 0 {
		return nil
	}
	return s.call("PATCH", "/zones/"+zoneName, map[string]any{"rrsets": sets}, nil)
}

func line(n resolver.Name, rest string) string { return n.String() + " 300 IN " + rest }

func report(changes ...validate.Change) validate.Report {
	return validate.Report{
		Record:  validate.Record{Name: owner, Value: resolver.MustParseName(value), Domains: []resolver.Name{apex}},
		Verdict: validate.Invalid, Zone: validate.Zone{Name: apex, NameServers: []resolver.Name{resolver.MustParseName("ns1." + zoneName)}},
		Findings: []validate.Finding{{
			Rule: "name-doubled", Severity: validate.Error, Confidence: validate.Certain, Message: "seen by the test",
			Fixes: []validate.Fix{{Where: validate.WhereZone, Message: "change it", Changes: changes}},
		}},
	}
}

var (
	create = validate.Change{Name: owner, Type: resolver.TypeCNAME, TTL: 300, To: []string{value}}
	tidy   = validate.Change{Name: doubled, Type: resolver.TypeCNAME, TTL: 300, From: []string{value}}
)

// tap stands between the Client and the server.
type tap struct {
	on       func(n int, r *http.Request) (*http.Response, error) // both nil: the request passes
	after    func(n int, r *http.Request) error                   // what becomes of the answer
	mu       sync.Mutex
	requests []string
}

func (p *tap) Do(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/api/v1/servers/localhost"))
	n := len(p.requests)
	p.mu.Unlock()
	if p.on != nil {
		if resp, err := p.on(n, r); resp != nil || err != nil {
			return resp, err
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err == nil && p.after != nil {
		if err := p.after(n, r); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	return resp, err
}

func (p *tap) take() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, p.requests = p.requests, nil
	return out
}

func answer(status int, contentType, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestClient(t *testing.T) {
	s := start(t)
	require.NoError(t, providertest.TestClient(func() providertest.Subject {
		return providertest.Subject{Client: s.client(t), Zone: providers.Zone{Apex: apex}, Seed: s.seed, Dump: s.dump}
	}))
}

func TestRequests(t *testing.T) {
	s := start(t)
	c := s.client(t)
	p := new(tap)
	c.HTTP.HTTP = p
	require.NoError(t, s.seed(line(doubled, "CNAME "+value)))
	plan, err := providers.NewPlan(t.Context(), c, report(create, tidy))
	require.NoError(t, err)
	require.Equal(t, []string{"GET /zones?zone=example.test.", "GET /zones?zone=test.", "GET /zones/example.test."}, p.take(), "a plan")
	_, err = impatient.Apply(t.Context(), c, plan)
	require.NoError(t, err)
	require.Equal(t, []string{
		"GET /zones/example.test.",
		"GET /zones/example.test.", "PATCH /zones/example.test.", // the Client's own comparison
		"GET /zones/example.test.",
	}, p.take(), "applied: read, one write, read")
}

// What is switched off is seen, replaced and put back as it was, beside others of its kind and alone.
func TestDisabled(t *testing.T) {
	s := start(t)
	c := s.client(t)
	for _, before := range [][]string{
		{line(owner, "CNAME "+value) + " ; disabled"},
		{line(owner, "CNAME "+other) + " ; disabled"},
		{line(owner, `TXT "on"`), line(owner, `TXT "off"`) + " ; disabled"},
		{line(owner, `TXT "on"`), line(owner, "A 192.0.2.1") + " ; disabled"},
	} {
		require.NoError(t, s.seed(before...), before)
		was, err := s.dump()
		require.NoError(t, err)
		sets, err := c.Read(t.Context(), zone, owner)
		require.NoError(t, err)
		require.Len(t, sets, len(before), before)
		require.True(t, slices.ContainsFunc(sets, func(s providers.RRset) bool { return s.Hidden == providers.Disabled }))
		plan, err := providers.NewPlan(t.Context(), c, report(create))
		require.NoError(t, err)
		require.False(t, plan.Empty())
		require.Contains(t, plan.String(), "disabled")
		res, err := impatient.Apply(t.Context(), c, plan)
		require.NoError(t, err, before)
		now, err := s.dump()
		require.NoError(t, err)
		require.Equal(t, []string{owner.String() + " CNAME " + value}, now, before)
		back, err := res.Undo.Plan(t.Context(), c)
		require.NoError(t, err)
		_, err = impatient.Apply(t.Context(), c, back)
		require.NoError(t, err, before)
		now, err = s.dump()
		require.NoError(t, err)
		require.Equal(t, was, now)
	}
}

// The restricted reading is no way to read a name: it is why the whole zone is fetched.
func TestRestrictedReadingHidesWhatIsDisabled(t *testing.T) {
	s := start(t)
	require.NoError(t, s.seed(line(owner, `TXT "on"`), line(owner, "A 192.0.2.1")+" ; disabled"))
	var z struct {
		RRsets []rrset `json:"rrsets"`
	}
	require.NoError(t, s.call("GET", "/zones/"+zoneName+"?rrset_name="+owner.String(), nil, &z))
	require.Len(t, z.RRsets, 1)
}

func TestZones(t *testing.T) {
	s := start(t)
	c := s.client(t)
	require.NoError(t, s.call("POST", "/zones", map[string]any{"name": "copied.test.", "kind": "Slave", "masters": []string{"192.0.2.1"}}, nil))
	zones, err := c.FindZones(t.Context(), doubled)
	require.NoError(t, err)
	require.Equal(t, []providers.Zone{{Apex: apex, ID: zoneName}}, zones)
	zones, err = c.FindZones(t.Context(), resolver.MustParseName("x.copied.test."))
	require.NoError(t, err)
	require.Equal(t, []providers.Zone{{Apex: resolver.MustParseName("copied.test."), ID: "copied.test.", Status: providers.ZonePartial}}, zones)
	zones, err = c.FindZones(t.Context(), resolver.MustParseName("x.example.net."))
	require.NoError(t, err)
	require.Empty(t, zones)

	for _, z := range []providers.Zone{{Apex: resolver.MustParseName("example.net.")}, {Apex: resolver.MustParseName("example.net."), ID: zoneName}} {
		_, err = c.Read(t.Context(), z, owner)
		require.ErrorIs(t, err, providers.ErrZoneNotFound)
	}
	require.NoError(t, s.seed(line(doubled, "CNAME "+value)))
	sets, err := c.Search(t.Context(), zone, strings.ToUpper(token))
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.Equal(t, doubled, sets[0].Name)
}

// A set whose answers PowerDNS makes itself is shown and never written.
func TestPseudoTypes(t *testing.T) {
	s := start(t)
	require.NoError(t, s.seed(line(owner, "ALIAS www.example.net.")))
	c := s.client(t)
	sets, err := c.Read(t.Context(), zone, owner)
	require.NoError(t, err)
	require.Len(t, sets, 1)
	require.True(t, sets[0].Opaque)
	_, err = providers.NewPlan(t.Context(), c, report(create))
	require.ErrorIs(t, err, providers.ErrOutOfScope)
}

// Whatever goes wrong: an error that says what, and the zone as it was or as it is wanted.
func TestFaults(t *testing.T) {
	s := start(t)
	patch := func(r *http.Request) bool { return r.Method == http.MethodPatch }
	html := func(status int, header ...string) *http.Response {
		return answer(status, "text/html", "<html>marker-secret "+marker, header...)
	}
	lost := errors.New("the line is dead")
	for name, tt := range map[string]struct {
		on    func(n int, r *http.Request) (*http.Response, error)
		after func(n int, r *http.Request) error
		is    error
		text  string // empty: it succeeds
		sent  int    // how many PATCHes
	}{
		"429, then well": {on: func(n int, r *http.Request) (*http.Response, error) {
			if n%2 == 1 {
				return answer(429, "application/json", `{"error":"slow down"}`, "Retry-After", "1"), nil
			}
			return nil, nil
		}, sent: -1},
		"429 for ever": {on: func(int, *http.Request) (*http.Response, error) {
			return html(429), nil
		}, text: "HTTP 429 Too Many Requests, with content of the type \"text/html\""},
		"429 for too long": {on: func(_ int, r *http.Request) (*http.Response, error) {
			if patch(r) {
				return answer(429, "application/json", `{}`, "Retry-After", "3600"), nil
			}
			return nil, nil
		}, text: "HTTP 429", sent: 1},
		"500 to a write": {on: func(_ int, r *http.Request) (*http.Response, error) {
			if patch(r) {
				return answer(500, "application/json", `{"error":"database is locked by marker-secret"}`), nil
			}
			return nil, nil
		}, text: `HTTP 500 Internal Server Error: "database is locked by [redacted]"`, sent: 1},
		"500 to a write that was carried out": {on: nil, after: func(_ int, r *http.Request) error {
			if patch(r) {
				return lost
			}
			return nil
		}, sent: 1},
		"502 to a reading, once": {on: func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return html(502), nil
			}
			return nil, nil
		}, sent: 1},
		"refused": {on: func(_ int, r *http.Request) (*http.Response, error) {
			if patch(r) {
				return answer(422, "application/json", `{"error":"RRset is not as it should be"}`), nil
			}
			return nil, nil
		}, text: `HTTP 422 Unprocessable Entity: "RRset is not as it should be"`, sent: 1},
		"token expired between": {on: func(_ int, r *http.Request) (*http.Response, error) {
			if patch(r) {
				return answer(401, "text/plain", "Unauthorized"), nil
			}
			return nil, nil
		}, is: providers.ErrPermission, text: "HTTP 401", sent: 1},
		"another address": {on: func(int, *http.Request) (*http.Response, error) {
			return answer(403, "text/plain", "Forbidden"), nil
		}, is: providers.ErrPermission, text: "HTTP 403"},
		"not JSON": {on: func(int, *http.Request) (*http.Response, error) {
			return html(200), nil
		}, text: "HTTP 200 with content of the type \"text/html\""},
		"sent elsewhere": {on: func(int, *http.Request) (*http.Response, error) {
			return html(302, "Location", "http://192.0.2.1/?key=marker-secret"), nil
		}, text: "HTTP 302"},
		"no line": {on: func(int, *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("Get \"http://x/?key=%s\": %w", marker, lost)
		}, text: "the line is dead"},
		"somebody's edit in between": {on: func(n int, r *http.Request) (*http.Response, error) {
			if n == 2 { // after the engine's reading, before the Client's own
				return nil, s.seed(line(owner, `TXT "mine"`))
			}
			return nil, nil
		}, is: providers.ErrConflict, text: "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, s.seed(line(owner, "CNAME "+other)))
			plan, err := providers.NewPlan(t.Context(), s.client(t), report(create))
			require.NoError(t, err)
			c := s.client(t)
			p := &tap{on: tt.on, after: tt.after}
			c.HTTP.HTTP = p
			_, err = impatient.Apply(t.Context(), c, plan)
			want := owner.String() + " CNAME " + other
			switch {
			case tt.text == "":
				require.NoError(t, err)
				want = owner.String() + " CNAME " + value
			case tt.is == providers.ErrConflict:
				want = owner.String() + ` TXT "mine"`
				fallthrough
			default:
				require.ErrorContains(t, err, tt.text)
				require.NotContains(t, err.Error(), "marker-secret")
			}
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			sent := 0
			for _, r := range p.take() {
				if strings.HasPrefix(r, "PATCH") {
					sent++
				}
			}
			if tt.sent >= 0 {
				require.Equal(t, tt.sent, sent, "writes")
			}
			dump, err := s.dump()
			require.NoError(t, err)
			require.Equal(t, []string{want}, dump)
		})
	}
}

func TestWrongToken(t *testing.T) {
	s := start(t)
	c, err := powerdns.Open(fmt.Appendf(nil, `{"server_url":%q,"server_id":"localhost","api_token":%q,"debug":"stdout"}`, s.api.URL+"/api/v1/", marker))
	require.NoError(t, err)
	_, err = c.FindZones(t.Context(), owner)
	require.ErrorIs(t, err, providers.ErrPermission)
	require.NotContains(t, err.Error(), "marker")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c), "marker")
}

func TestCancelled(t *testing.T) {
	s := start(t)
	c := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.HTTP.HTTP = &tap{on: func(_ int, r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	}}
	_, err := c.Read(ctx, zone, owner)
	require.ErrorIs(t, err, context.Canceled)
	c.HTTP.Patience = time.Millisecond
	_, err = c.Read(t.Context(), zone, owner)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// Eight at once make PowerDNS's sqlite fail where nobody orders them.
func TestWritesAreSerialised(t *testing.T) {
	s := start(t)
	c := s.client(t)
	require.NoError(t, s.seed())
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			o := resolver.MustParseName(fmt.Sprintf("_%d.%s", i, zoneName))
			errs[i] = c.Write(t.Context(), zone, providers.Batch{
				Owners: []resolver.Name{o}, Create: []providers.RRset{{Name: o, Type: resolver.TypeCNAME, TTL: 300, Values: []string{value}}},
			})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	dump, err := s.dump()
	require.NoError(t, err)
	require.Len(t, dump, 8)
}

func TestNew(t *testing.T) {
	for _, p := range []*libdns.Provider{
		{},
		{ServerURL: "http://192.0.2.1"},
		{ServerURL: "192.0.2.1:8081", APIToken: marker},
		{ServerURL: "ftp://192.0.2.1", APIToken: marker},
		{ServerURL: "http://user:" + marker + "@192.0.2.1", APIToken: "x"},
		{ServerURL: "http://192.0.2.1/?key=" + marker, APIToken: "x"},
	} {
		_, err := powerdns.New(p)
		require.ErrorIs(t, err, powerdns.ErrBadConfig)
		require.NotContains(t, err.Error(), "marker")
	}
	for _, config := range []string{``, `{"server_url":"http://192.0.2.1:8081","apitoken":"marker"}`, `{"server_url":1}`} {
		_, err := powerdns.Open([]byte(config))
		require.ErrorIs(t, err, powerdns.ErrBadConfig)
		require.NotContains(t, err.Error(), "marker")
	}
}
