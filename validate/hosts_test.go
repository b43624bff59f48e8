package validate_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

func nameServers(names ...string) []resolver.Name {
	out := make([]resolver.Name, len(names))
	for i, n := range names {
		out[i] = resolver.MustParseName(n)
	}
	return out
}

func TestHostOf(t *testing.T) {
	for _, c := range []struct {
		servers []string
		want    string
	}{
		{[]string{"ns-2048.awsdns-64.com.", "ns-1.awsdns-00.co.uk."}, "route53"},
		{[]string{"NS-7.AWSDNS-00.NET"}, "route53"},
		{[]string{"ada.ns.cloudflare.com."}, "cloudflare"},
		{[]string{"ns51.domaincontrol.com.", "ns52.domaincontrol.com."}, "godaddy"},
		{[]string{"ns1.digitalocean.com."}, "digitalocean"},
		{[]string{"ns-162-a.gandi.net."}, "gandi"},
		{[]string{"hydrogen.ns.hetzner.com.", "helium.ns.hetzner.de."}, "hetzner"},
		{[]string{"ns1045.ui-dns.de."}, "ionos"},
		{[]string{"dns104.ovh.net.", "ns104.ovh.net."}, "ovh"},
		{[]string{"ns1.desec.io.", "ns2.desec.org."}, "desec"},
		{[]string{"ns1-01.azure-dns.com.", "ns2-01.azure-dns.net."}, "azure"},
		{[]string{"ns1.example.com."}, ""},
		{[]string{"cloudflare.com."}, ""},                                   // the provider's own domain is no name server of it
		{[]string{"ns.cloudflare.com."}, ""},                                // "*" is one label or more
		{[]string{"x.ns.cloudflare.com.example.net."}, ""},                  // an end of somebody's own
		{[]string{"ns1.notdigitalocean.com."}, ""},                          // labels, not characters
		{[]string{"ada.ns.cloudflare.com.", "ns51.domaincontrol.com."}, ""}, // two providers
		{[]string{"ada.ns.cloudflare.com.", "ns1.example.com."}, ""},        // one of them is nobody's
		{[]string{"ns-cloud-a1.googledomains.com."}, ""},                    // two products have such names
		{[]string{"dns1.p01.nsone.net."}, ""},                               // NS1's and Netlify's
		{nil, ""},
	} {
		assert.Equal(t, c.want, validate.HostOf(nameServers(c.servers...)).ID, "%v", c.servers)
	}
}

func TestHostsOfSeveral(t *testing.T) {
	got := func(servers ...string) (out []string) {
		for _, h := range validate.HostsOf(nameServers(servers...)) {
			out = append(out, fmt.Sprintf("%s %s %d", h.Host.ID, h.Confidence, len(h.NameServers)))
		}
		return out
	}
	assert.Equal(t, []string{"cloudflare likely 1", "godaddy likely 2"}, got("ns1.domaincontrol.com.", "a.ns.cloudflare.com.", "ns2.domaincontrol.com.", "ns.example.net."))
	assert.Equal(t, []string{"squarespace possible 2", "googleclouddns possible 2"}, got("ns-cloud-a1.googledomains.com.", "ns-cloud-a2.googledomains.com."))
	assert.Empty(t, got("ns1.example.com."))
	hosts := validate.HostsOf(nameServers("a.ns.cloudflare.com."))
	hosts[0].Host.Warnings[0], hosts[0].Host.Servers[0] = "changed", "changed"
	assert.NotEqual(t, "changed", validate.HostsOf(nameServers("a.ns.cloudflare.com."))[0].Host.Warnings[0], "the table is nobody's but ours")
}

// TestHostsTable keeps the table sound: what it says can be used without looking.
func TestHostsTable(t *testing.T) {
	hosts := validate.Hosts()
	assert.GreaterOrEqual(t, len(hosts), 25)
	ids := map[string]bool{}
	columns := []string{"form", "dot", "flattens", "module", "servers", "warnings"}
	for _, h := range hosts {
		assert.False(t, ids[h.ID], "%s stands twice", h.ID)
		ids[h.ID] = true
		assert.Regexp(t, `^[a-z0-9]+$`, h.ID)
		assert.NotEmpty(t, h.Name, h.ID)
		assert.NotEmpty(t, h.Servers, h.ID)
		assert.Contains(t, []validate.NameForm{"", validate.NameRelative, validate.NameFull, validate.NameBoth}, h.Form, h.ID)
		assert.Contains(t, []validate.FinalDot{"", validate.DotNo, validate.DotMust, validate.DotAny}, h.Dot, h.ID)
		assert.Contains(t, []validate.Flattening{"", validate.FlattensCNAME, validate.FlattensAlias, validate.FlattensNot}, h.Flattens, h.ID)
		for _, u := range h.Unverified {
			assert.Contains(t, columns, u, "%s: unverified", h.ID)
		}
		for _, p := range h.Servers {
			assert.Regexp(t, `^\??([a-z0-9*-]+\.)+[a-z]+$`, p, h.ID)
			assert.False(t, strings.HasSuffix(strings.TrimPrefix(p, "?"), "*"), "%s: %s", h.ID, p)
		}
		for _, w := range h.Warnings {
			assert.NotRegexp(t, `[.!]$`, w, h.ID)
		}
	}
	for _, id := range []string{"route53", "cloudflare", "digitalocean", "gandi", "hetzner", "ionos", "ovh", "desec", "googleclouddns", "azure"} {
		assert.True(t, ids[id], "%s is what the rest of the project calls it", id)
	}
	// A name server that a pattern allows belongs to one host, unless the pattern is marked as shared.
	for _, h := range hosts {
		for _, p := range h.Servers {
			plain := strings.TrimPrefix(p, "?")
			sample := resolver.MustParseName(strings.ReplaceAll(plain, "*", "ns1"))
			var of []string
			for _, x := range validate.HostsOf([]resolver.Name{sample}) {
				of = append(of, x.Host.ID)
			}
			assert.Contains(t, of, h.ID, "%s matches its own sample %s", p, sample)
			assert.Equal(t, strings.HasPrefix(p, "?"), len(of) > 1, "%s of %s is matched by %v: \"?\" marks what several hosts share", p, h.ID, of)
		}
	}
}

const hostsPage = "../docs/hosts.md"

// TestHostsPageIsFresh keeps the page about the providers as the table has them.
func TestHostsPageIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Who hosts the zone\n\n" +
		"Told from the name servers that the parent zone names. Made from [validate/hosts.tsv](../validate/hosts.tsv): `go test ./validate -run HostsPage -update`.\n" +
		"A field in *italics* is not confirmed by a source; an empty one is not known. A provider that is not here gets instructions that are right anywhere.\n\n" +
		"| provider | id | name servers | name in its form | final dot of the value | can answer something else than the CNAME | look out for |\n" +
		"| --- | --- | --- | --- | --- | --- | --- |\n")
	form := map[validate.NameForm]string{validate.NameRelative: "relative: it appends the zone", validate.NameFull: "full", validate.NameBoth: "relative or full"}
	dot := map[validate.FinalDot]string{validate.DotNo: "leave it off", validate.DotMust: "needed", validate.DotAny: "as you like"}
	flat := map[validate.Flattening]string{validate.FlattensCNAME: "yes, also for a CNAME", validate.FlattensAlias: "with a type of its own (ALIAS, ANAME)", validate.FlattensNot: "no"}
	for _, h := range validate.Hosts() {
		mark := func(column, text string) string {
			if text != "" && slices.Contains(h.Unverified, column) {
				return "*" + text + "*"
			}
			return text
		}
		var servers []string
		for _, p := range h.Servers {
			plain, shared := strings.CutPrefix(p, "?")
			if plain = "`" + plain + "`"; shared {
				plain += " (shared)"
			}
			servers = append(servers, plain)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s | %s |\n", h.Name, h.ID, mark("servers", strings.Join(servers, ", ")), mark("form", form[h.Form]),
			mark("dot", dot[h.Dot]), mark("flattens", flat[h.Flattens]), mark("warnings", strings.Join(h.Warnings, "; ")))
	}
	if *update {
		require.NoError(t, os.WriteFile(hostsPage, []byte(b.String()), 0o644))
		return
	}
	old, err := os.ReadFile(hostsPage)
	require.NoError(t, err)
	assert.Equal(t, b.String(), strings.ReplaceAll(string(old), "\r\n", "\n"), "go test ./validate -run HostsPage -update writes it anew")
}
