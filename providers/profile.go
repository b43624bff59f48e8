package providers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Profile is what is known about one DNS provider and the module that speaks to it: how to hand it credentials, what they must
// allow, how it differs from what it promises, and what it cannot do. It is data: the command line, the table in the documents and
// the tests are made from it.
type Profile struct {
	Name     string    // as the user names it, and as validate.Host calls it
	Title    string    // what people call it
	Module   string    // the module and the version that was examined
	Native   bool      // this project speaks to it itself; Quirks say nothing then
	Quirks   Quirks    // for [FromLibdns]; Secrets are not part of it
	Settings []Setting // the fields of its configuration as JSON
	Read     string    // what the credentials must allow for planning, in the provider's words
	Write    string    // and for applying
	Limits   []string  // what it cannot do or show, a sentence each
	Example  string    // the folder of examples that has it, where the command line has not; empty otherwise
	Refused  string    // why it is not offered at all; empty where it is
}

// Setting is one field of a provider's configuration.
type Setting struct {
	Field    string   // as in the JSON configuration of libdns
	Env      []string // environment variables that its users have set already, the first one wins
	Itself   bool     // the provider's SDK reads these variables, and more, by itself
	Secret   bool     // it must not appear in any output
	Optional bool
}

const (
	noCompare = "it cannot compare and write in one act: a change by somebody else in the same second may be overwritten"
	gap       = "to replace a record it is deleted first: for a moment there is none"
	plainTXT  = "a TXT in the record's way is deleted only where it holds no quote, since it could not be put back"
)

// profiles holds what was measured, or read in the source of the version named (November 2026).
var profiles = []Profile{
	{
		Name: "route53", Title: "Amazon Route 53", Module: "github.com/aws/aws-sdk-go-v2/service/route53 v1.70.9", Native: true,
		Settings: []Setting{
			{Field: "profile", Env: []string{"AWS_PROFILE"}, Itself: true, Optional: true},
			{Field: "access_key_id", Env: []string{"AWS_ACCESS_KEY_ID"}, Itself: true, Optional: true},
			{Field: "secret_access_key", Env: []string{"AWS_SECRET_ACCESS_KEY"}, Secret: true, Itself: true, Optional: true},
			{Field: "session_token", Env: []string{"AWS_SESSION_TOKEN"}, Secret: true, Itself: true, Optional: true},
		},
		Read:  "route53:ListHostedZonesByName, route53:GetHostedZone and route53:ListResourceRecordSets",
		Write: "route53:ChangeResourceRecordSets on the hosted zone, and route53:GetChange",
		Limits: []string{
			"alias, weighted and other routed sets are shown and never written",
		},
	},
	{
		Name: "cloudflare", Title: "Cloudflare", Module: "github.com/libdns/cloudflare v0.2.2", Native: true,
		Settings: []Setting{
			{Field: "api_token", Env: []string{"CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CLOUDFLARE_DNS_API_TOKEN", "CF_DNS_API_TOKEN"}, Secret: true},
			{Field: "zone_token", Env: []string{"CLOUDFLARE_ZONE_API_TOKEN", "CF_ZONE_API_TOKEN"}, Secret: true, Optional: true},
		},
		Read: "Zone:Zone:Read and Zone:DNS:Read for the zone", Write: "Zone:DNS:Edit for the zone",
		Limits: []string{noCompare},
	},
	{
		Name: "rfc2136", Title: "RFC 2136 (BIND, Knot, PowerDNS and others)", Module: "github.com/libdns/rfc2136 v1.0.1", Native: true,
		Settings: []Setting{
			{Field: "server"},
			{Field: "key_name", Optional: true},
			{Field: "key_alg", Optional: true},
			{Field: "key", Secret: true, Optional: true},
		},
		Read: "questions to the zone's primary", Write: "dynamic updates of the zone (BIND: update-policy; Knot: acl with action update)",
		Limits: []string{"the server must be the zone's primary, or forward updates to it"},
	},
	{
		Name: "powerdns", Title: "PowerDNS", Module: "github.com/libdns/powerdns v0.1.4", Native: true,
		Settings: []Setting{
			{Field: "server_url", Env: []string{"PDNS_API_URL"}},
			{Field: "server_id", Env: []string{"PDNS_SERVER_NAME"}, Optional: true},
			{Field: "api_token", Env: []string{"PDNS_API_KEY"}, Secret: true},
			{Field: "debug", Optional: true},
		},
		Read: "the API key of the server", Write: "the API key of the server",
		Limits: []string{noCompare},
	},
	{
		Name: "desec", Title: "deSEC", Module: "github.com/libdns/desec v1.1.1",
		Quirks:   Quirks{Name: "desec", SetReplaces: true, MinTTL: 3600, ListsApex: true, TXTUnsafe: `"`}, // two strings look like one with quotes
		Settings: []Setting{{Field: "token", Env: []string{"DESEC_TOKEN"}, Secret: true}},
		Read:     "a token that may read the domain", Write: "a token whose policy may write CNAMEs of the domain",
		Limits: []string{noCompare, "a TTL is at least 3600 seconds", "zones of more than 500 sets cannot be read"},
	},
	{
		Name: "gandi", Title: "Gandi", Module: "github.com/libdns/gandi v1.1.0",
		// SetRecords merges, so a CNAME is deleted before the new one comes.
		Quirks: Quirks{Name: "gandi", MinTTL: 300, TXTQuoted: true},
		Settings: []Setting{
			{Field: "bearer_token", Env: []string{"GANDI_PERSONAL_ACCESS_TOKEN", "GANDI_BEARER_TOKEN", "GANDIV5_PERSONAL_ACCESS_TOKEN"}, Secret: true},
		},
		Read: "a personal access token that may see the domain", Write: "a personal access token with \"Manage domain name technical configurations\"",
		Limits: []string{noCompare, gap, "a TTL is at least 300 seconds"},
	},
	{
		Name: "digitalocean", Title: "DigitalOcean", Module: "github.com/libdns/digitalocean v0.0.0-20250606071607-dfa7af5c2e31",
		Quirks: Quirks{Name: "digitalocean", TargetStyle: Absolute, MinTTL: 30, ListsApex: true, TXTUnsafe: `"\`},
		Settings: []Setting{
			{Field: "auth_token", Env: []string{"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "DO_AUTH_TOKEN"}, Secret: true},
		},
		Read: "a token with the scope domain:read", Write: "a token with the scopes domain:create, domain:update and domain:delete",
		Limits: []string{noCompare, gap},
	},
	{
		Name: "hetzner", Title: "Hetzner (Cloud DNS)", Module: "github.com/libdns/hetzner/v2 v2.0.1",
		// SetRecords deletes, then creates; when we do that ourselves, what was there can be put back.
		Quirks:   Quirks{Name: "hetzner", MinTTL: 60, TXTUnsafe: `"\`},
		Settings: []Setting{{Field: "api_token", Env: []string{"HCLOUD_TOKEN", "LIBDNS_HETZNER_TOKEN", "HETZNER_API_TOKEN"}, Secret: true}},
		Read:     "an API token of the project, read only", Write: "an API token of the project, read and write",
		Limits: []string{
			noCompare, gap,
			"zones in the older DNS Console are not seen; they have another API",
		},
	},
	{
		Name: "ionos", Title: "IONOS", Module: "github.com/libdns/ionos v1.2.0",
		Quirks:   Quirks{Name: "ionos", SetReplaces: true, TargetStyle: Absolute, WriteNoDot: true, MinTTL: 60, TXTUnsafe: `"\`},
		Settings: []Setting{{Field: "auth_api_token", Env: []string{"IONOS_API_KEY", "IONOS_AUTH_API_TOKEN"}, Secret: true}},
		Read:     "an API key (prefix.secret) of the account", Write: "an API key (prefix.secret) of the account",
		Limits: []string{noCompare, "a record that is switched off is shown as if it were live", "deleting looks at name and type, not at the value"},
	},
	{
		Name: "ovh", Title: "OVHcloud", Module: "github.com/libdns/ovh v1.1.0",
		// SetRecords adds before it deletes, which a CNAME does not bear. Quotes are taken out of what is written.
		Quirks: Quirks{Name: "ovh", MinTTL: 60, TXTUnsafe: `"\`},
		Settings: []Setting{
			{Field: "endpoint", Env: []string{"OVH_ENDPOINT"}},
			{Field: "application_key", Env: []string{"OVH_APPLICATION_KEY"}, Secret: true},
			{Field: "application_secret", Env: []string{"OVH_APPLICATION_SECRET"}, Secret: true},
			{Field: "consumer_key", Env: []string{"OVH_CONSUMER_KEY"}, Secret: true},
		},
		Read: "GET /domain/zone/*", Write: "POST and DELETE /domain/zone/*/record*, and POST /domain/zone/*/refresh",
		Limits: []string{
			noCompare, gap, "reading takes a call for each record of the zone",
		},
	},
	{
		Name: "googleclouddns", Title: "Google Cloud DNS", Module: "github.com/libdns/googleclouddns v1.2.0", Example: "examples/anylibdns",
		Quirks: Quirks{Name: "googleclouddns", SetReplaces: true, ListsApex: true, TXTUnsafe: `"\`},
		Settings: []Setting{
			{Field: "gcp_project", Env: []string{"GOOGLE_CLOUD_PROJECT", "GCP_PROJECT"}},
			{Field: "gcp_application_default", Env: []string{"GOOGLE_APPLICATION_CREDENTIALS"}, Optional: true},
		},
		Read: "the role roles/dns.reader", Write: "the role roles/dns.admin on the managed zone",
		Limits: []string{noCompare, "of two public zones of one name the last one listed is taken", "private zones are not seen"},
	},
	{
		Name: "azure", Title: "Azure DNS", Module: "github.com/libdns/azure v0.5.0", Example: "examples/anylibdns",
		Quirks: Quirks{Name: "azure", SetReplaces: true, TargetStyle: Absolute, MinTTL: 1, ListsApex: true, PartialRead: true, TXTUnsafe: `"\`},
		Settings: []Setting{
			{Field: "subscription_id", Env: []string{"AZURE_SUBSCRIPTION_ID"}},
			{Field: "resource_group_name", Env: []string{"AZURE_RESOURCE_GROUP"}},
			{Field: "tenant_id", Env: []string{"AZURE_TENANT_ID"}, Optional: true},
			{Field: "client_id", Env: []string{"AZURE_CLIENT_ID"}, Optional: true},
			{Field: "client_secret", Env: []string{"AZURE_CLIENT_SECRET"}, Secret: true, Optional: true},
		},
		Read: "the role Reader on the zone", Write: "the role DNS Zone Contributor on the zone",
		Limits: []string{
			noCompare, "deleting looks at name and type, not at the value",
			"a listing that fails half-way looks like a short one; one without the apex's own records is refused",
		},
	},
	{
		Name: "godaddy", Title: "GoDaddy", Module: "github.com/libdns/godaddy v1.1.0",
		Refused: "it writes every call to the standard log, cannot be cancelled, and deletes a set whatever it holds",
	},
	{
		Name: "namecheap", Title: "Namecheap", Module: "github.com/libdns/namecheap v1.0.0",
		Refused: "each change sends the zone's whole list of records back: what the listing did not show is lost",
	},
	{
		Name: "dnsimple", Title: "DNSimple", Module: "github.com/libdns/dnsimple v0.5.0",
		Refused: "it finds the record to change by a part of its name, so it may delete another one, and reads 30 records at most",
	},
	{
		Name: "porkbun", Title: "Porkbun", Module: "github.com/libdns/porkbun v1.1.0",
		Refused: "it cannot be cancelled, leaves out what it cannot parse, deletes by name and type without looking at the answer, and may end the program",
	},
	{
		Name: "linode", Title: "Linode", Module: "github.com/libdns/linode v0.5.0",
		Refused: "it swallows the errors of what it creates and writes its log to standard output",
	},
	{
		Name: "netlify", Title: "Netlify", Module: "github.com/libdns/netlify v1.1.0",
		Refused: "it is written for libdns v0, which cannot be in one program with v1",
	},
	{
		Name: "vercel", Title: "Vercel", Module: "github.com/libdns/vercel v0.0.2",
		Refused: "it is written for libdns v0, which cannot be in one program with v1",
	},
}

// Profiles gives every provider that was looked at, also those that are not offered. The result is the caller's own.
func Profiles() []Profile {
	out := make([]Profile, len(profiles))
	for i, p := range profiles {
		out[i] = p.clone()
	}
	return out
}

// ProfileOf gives what is known about the provider of this name; false where nothing is, and the zero [Quirks] are right.
func ProfileOf(name string) (Profile, bool) {
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return profiles[i].clone(), true
}

func (p Profile) clone() Profile {
	p.Limits = slices.Clone(p.Limits)
	if p.Quirks.TXTUnsafe != "" {
		p.Limits = append(p.Limits, plainTXT)
	}
	p.Settings = slices.Clone(p.Settings)
	for i := range p.Settings {
		p.Settings[i].Env = slices.Clone(p.Settings[i].Env)
	}
	return p
}

// Configure reads the provider's configuration as JSON into the value of its module and gives the quirks for [FromLibdns], which
// know the secrets in it. Errors wrap [ErrBadConfig] and hold no value of the configuration.
func (p Profile) Configure(config []byte, into any) (Quirks, error) {
	q := p.Quirks
	if err := DecodeConfig(config, into); err != nil {
		return q, fmt.Errorf("providers: read the configuration of %s: %w", p.Name, err)
	}
	var given map[string]any
	if err := json.Unmarshal(config, &given); err != nil {
		return q, fmt.Errorf("providers: read the configuration of %s: %w", p.Name, ErrBadConfig)
	}
	for _, s := range p.Settings {
		text, _ := given[s.Field].(string)
		if text == "" && !s.Optional {
			return q, fmt.Errorf("providers: the configuration of %s lacks %q: %w", p.Name, s.Field, ErrBadConfig)
		}
		if s.Secret && text != "" {
			q.Secrets = append(q.Secrets, Secret(text))
		}
	}
	return q, nil
}

// Sample shows the configuration as JSON, with the fields that must be there.
func (p Profile) Sample() string {
	var fields []string
	for _, s := range p.Settings {
		if !s.Optional {
			fields = append(fields, fmt.Sprintf(`"%s":"…"`, s.Field))
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}
