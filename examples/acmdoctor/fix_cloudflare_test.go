package main

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/cloudflarefake"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// cloudflareZones are delegated to Cloudflare's name servers, which is how the tool recognises whom to ask.
const cloudflareZones = `
$ORIGIN doubled.test. ; on ada.ns.cloudflare.com. bob.ns.cloudflare.com.
$ORIGIN proxied.test. ; on ada.ns.cloudflare.com. bob.ns.cloudflare.com.
$ORIGIN flattened.test. ; on ada.ns.cloudflare.com. bob.ns.cloudflare.com.
$ORIGIN text.test. ; on ada.ns.cloudflare.com. bob.ns.cloudflare.com.
$ORIGIN other.test. ; on ada.ns.cloudflare.com. bob.ns.cloudflare.com.
$ORIGIN pending.test. ; on ns1.pending.test. ns2.pending.test.
`

const cloudflareToken = "marker-secret-0123456789abcdef01234567"

// cloudflareBed is a bed whose zones stand at a fake of Cloudflare. What the tool does is all its own, with an account as its users
// have it: only the way to Cloudflare's host ends at the fake, and any other way ends in an error.
type cloudflareBed struct {
	*fixBed
	fake *cloudflarefake.Fake

	mu    sync.Mutex
	shown map[string][]resolver.Name // by zone: the names that the name servers may show something at
}

// cloudflareAddress is what is answered where a record is proxied or flattened.
const cloudflareAddress = "104.16.0.1"

func newCloudflareBed(t *testing.T, zones map[string][]string) *cloudflareBed {
	t.Helper()
	b := &cloudflareBed{
		fixBed: &fixBed{bed: parseBed(t, cloudflareZones), dir: t.TempDir(), world: new(accountWorld)},
		fake:   &cloudflarefake.Fake{Tokens: map[string]cloudflarefake.Rights{cloudflareToken: cloudflarefake.Everything}},
		shown:  map[string][]resolver.Name{},
	}
	*b.world = realWorld()
	t.Chdir(b.dir)
	for _, z := range []string{"doubled", "proxied", "flattened", "text", "other"} {
		b.add(t, cloudflarefake.Zone{Name: z + ".test"}, zones[z]...)
	}
	b.fake.After = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			b.serve(t)
		}
		return false
	}
	keepTransport(t)
	http.DefaultTransport = homeward{"api.cloudflare.com", http.StripPrefix("/client/v4", b.fake)}
	t.Setenv("CLOUDFLARE_API_TOKEN", cloudflareToken)
	return b
}

// add makes a zone of the account, and has the name servers show what it holds.
func (b *cloudflareBed) add(t *testing.T, z cloudflarefake.Zone, lines ...string) {
	t.Helper()
	z.ID = cloudflareID(z.Name)
	z.NameServers = []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}
	b.fake.Add(z)
	require.NoError(t, b.fake.Seed(z.ID, lines...))
	b.shown[z.Name] = nil
	b.serve(t)
}

// cloudflareID makes an ID of a name: 32 hexadecimal digits.
func cloudflareID(name string) string {
	id := ""
	for _, c := range name {
		id += string("0123456789abcdef"[c%16])
	}
	return (id + strings.Repeat("0", 32))[:32]
}

// serve has the name servers answer as Cloudflare's do: addresses of its own where a record is hidden behind them.
func (b *cloudflareBed) serve(t *testing.T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for zone := range b.shown {
		apex := resolver.MustParseName(zone)
		show := func(name resolver.Name, typ resolver.Type, values ...string) {
			assert.NoError(t, b.in.SetRRset(apex, name, typ, 300, values))
		}
		for _, n := range b.shown[zone] {
			for _, typ := range []resolver.Type{resolver.TypeCNAME, resolver.TypeTXT, resolver.TypeA} {
				show(n, typ)
			}
		}
		for _, r := range b.fake.Records(cloudflareID(zone)) {
			name := resolver.MustParseName(r.Name)
			if !slices.Contains(b.shown[zone], name) {
				b.shown[zone] = append(b.shown[zone], name)
			}
			switch {
			case r.Proxied, r.Settings["flatten_cname"] == true:
				show(name, resolver.TypeA, cloudflareAddress)
			case r.Type == "CNAME":
				show(name, resolver.TypeCNAME, r.Content+".")
			default:
				show(name, resolver.TypeTXT, r.Content)
			}
		}
	}
}

// The whole job, with the provider recognised from the delegation and the token from where Cloudflare's users have it: checked, mended
// in one request, seen right by the name servers, taken back, broken as before.
func TestFixAtCloudflare(t *testing.T) {
	const record = " 300 IN CNAME _424.xyz.acm-validations.aws."
	for zone, c := range map[string]struct {
		holds []string
		rule  string // of the DNS alone
		asked string // with what Cloudflare shows
	}{
		"doubled":   {[]string{"_a79.doubled.test.doubled.test." + record}, "name-doubled", "name-doubled"},
		"proxied":   {[]string{"_a79.proxied.test." + record + " ; proxied"}, "record-flattened", "record-flattened"},
		"flattened": {[]string{"_a79.flattened.test." + record + " ; flattened"}, "record-flattened", "record-flattened"},
		"text":      {[]string{`_a79.text.test. 300 IN TXT "_424.xyz.acm-validations.aws."`}, "record-wrong-type", "record-wrong-type"},
		"other":     {[]string{"_a79.other.test. 300 IN CNAME _525.xyz.acm-validations.aws."}, "value-mismatch", "value-mismatch"},
	} {
		t.Run(zone, func(t *testing.T) {
			b := newCloudflareBed(t, map[string][]string{zone: c.holds})
			id, domain := cloudflareID(zone+".test"), zone+".test"
			before := b.fake.Dump(id)
			_, out, errs := b.check(t, "", append(typed(domain), "--ndjson")...)
			require.Empty(t, errs)
			assert.Equal(t, c.rule, parse(t, out).Findings[0].Rule)
			assert.Empty(t, b.fake.Requests(), "who does not ask for it asks nobody")
			_, out, errs = b.check(t, "", append(typed(domain), "--provider", "auto", "--ndjson")...)
			require.Empty(t, errs)
			assert.Equal(t, c.asked, parse(t, out).Findings[0].Rule)

			code, out, errs := b.run(t, append(typed(domain), "--json")...)
			assert.Equal(t, 1, code, errs)
			planned := parseFixed(t, out)
			assert.Equal(t, "cloudflare", planned.Plan.Provider)
			assert.Contains(t, out, id, "the zone is named by its ID")
			assert.Equal(t, before, b.fake.Dump(id))

			b.fake.Requests()
			code, out, errs = b.run(t, append(typed(domain), "--apply", "--yes", "--undo-out", "undo.json", "--journal", "trail", "--json")...)
			assert.Equal(t, 0, code, errs)
			done := parseFixed(t, out)
			assert.True(t, done.Verified)
			assert.Equal(t, planned.Plan.Steps, done.Plan.Steps)
			assert.Equal(t, []string{"_a79." + domain + ". CNAME _424.xyz.acm-validations.aws."}, b.fake.Dump(id))
			writes := slices.DeleteFunc(b.fake.Requests(), func(r string) bool { return strings.HasPrefix(r, "GET ") })
			assert.Equal(t, []string{"POST /zones/" + id + "/dns_records/batch"}, writes)

			code, _, errs = b.run(t, append(typed(domain), "--apply", "--yes")...)
			assert.Equal(t, 0, code, "nothing is left to do: %s", errs)
			code, back, errs := b.run(t, "--undo", "undo.json", "--yes", "--json")
			assert.Equal(t, 0, code, errs)
			assert.True(t, parseFixed(t, back).Verified)
			assert.Equal(t, before, b.fake.Dump(id), "as before")

			for _, file := range []string{"undo.json", "trail"} {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				out += string(text)
			}
			assert.NotContains(t, out+back+errs, cloudflareToken[:20])
		})
	}
}

// A zone that Cloudflare has and does not answer for yet is told apart, and nothing is written there.
func TestFixAtCloudflareOfAPendingZone(t *testing.T) {
	b := newCloudflareBed(t, nil)
	id := cloudflareID("pending.test")
	b.fake.Add(cloudflarefake.Zone{ID: id, Name: "pending.test", Status: "pending", NameServers: []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}})
	require.NoError(t, b.fake.Seed(id, "_a79.pending.test. 300 IN CNAME _424.xyz.acm-validations.aws."))
	code, out, errs := b.run(t, append(typed("pending.test"), "--provider", "cloudflare", "--apply", "--yes", "--json")...)
	assert.Equal(t, 3, code, errs)
	f := parseFixed(t, out)
	assert.Equal(t, "not-authoritative", f.Error.Code)
	assert.Equal(t, "zone-elsewhere", f.Report.Findings[0].Rule)
}

// A token that is not known, and one that may not write: told as that, without the token, and nothing is written.
func TestFixAtCloudflareWithoutPermission(t *testing.T) {
	holds := map[string][]string{"doubled": {"_a79.doubled.test.doubled.test. 300 IN CNAME _424.xyz.acm-validations.aws."}}
	for what, rights := range map[string]map[string]cloudflarefake.Rights{
		"unknown":      {},
		"reads no DNS": {cloudflareToken: {ReadZones: true}},
	} {
		t.Run(what, func(t *testing.T) {
			b := newCloudflareBed(t, holds)
			b.fake.Tokens = rights
			code, out, errs := b.run(t, append(typed("doubled.test"), "--apply", "--yes", "--json")...)
			assert.Equal(t, 3, code, errs)
			assert.Equal(t, "permission", parseFixed(t, out).Error.Code)
			assert.Contains(t, errs, "Zone:DNS:Read")
			assert.NotContains(t, out+errs, cloudflareToken[:20])
			assert.Len(t, b.fake.Dump(cloudflareID("doubled.test")), 1)
		})
	}
}
