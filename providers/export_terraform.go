package providers

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// hclForm says how a Terraform provider writes a CNAME. The texts hold words in braces: {name} and {value} fully qualified,
// {rel} the name relative to the zone, {zone} the zone, each with a final dot only where it is written so; {zone_ref} what
// finds the zone; {label} an identifier; {ttl} seconds.
type hclForm struct {
	lookup   string // finds the zone; used where its ID is not known
	zoneRef  string // the expression that the lookup gives
	resource string
}

// hclForms holds the form for each provider's own Terraform provider; "" is HashiCorp's dns provider, which speaks RFC 2136.
// The attributes are those of the providers' published schemas (hashicorp/aws 5, cloudflare/cloudflare 5, hashicorp/google 6,
// hashicorp/azurerm 4, digitalocean/digitalocean 2, ovh/ovh 2, go-gandi/gandi 2, Valodim/desec 0.6, hashicorp/dns 3).
var hclForms = map[string]hclForm{
	"route53": {
		"data \"aws_route53_zone\" \"{zone_label}\" {\n  name         = {zone.}\n  private_zone = false\n}\n",
		"data.aws_route53_zone.{zone_label}.zone_id",
		"resource \"aws_route53_record\" \"{label}\" {\n  zone_id         = {zone_ref}\n  name            = {name}\n  type            = \"CNAME\"\n" +
			"  ttl             = {ttl}\n  records         = [{value.}]\n  allow_overwrite = {overwrite}\n}\n",
	},
	"cloudflare": {
		"data \"cloudflare_zone\" \"{zone_label}\" {\n  filter = {\n    name = {zone}\n  }\n}\n",
		"data.cloudflare_zone.{zone_label}.zone_id",
		"resource \"cloudflare_dns_record\" \"{label}\" {\n  zone_id = {zone_ref}\n  name    = {name}\n  type    = \"CNAME\"\n  ttl     = {ttl}\n" +
			"  content = {value}\n  proxied = false\n}\n",
	},
	"googleclouddns": {
		"data \"google_dns_managed_zone\" \"{zone_label}\" {\n  name = \"{zone_label_dashed}\" # the managed zone's own name\n}\n",
		"data.google_dns_managed_zone.{zone_label}.name",
		"resource \"google_dns_record_set\" \"{label}\" {\n  managed_zone = {zone_ref}\n  name         = {name.}\n  type         = \"CNAME\"\n" +
			"  ttl          = {ttl}\n  rrdatas      = [{value.}]\n}\n",
	},
	"azure": {
		"data \"azurerm_dns_zone\" \"{zone_label}\" {\n  name = {zone}\n}\n",
		"data.azurerm_dns_zone.{zone_label}",
		"resource \"azurerm_dns_cname_record\" \"{label}\" {\n  resource_group_name = {zone_ref}.resource_group_name\n  zone_name           = {zone}\n" +
			"  name                = {rel}\n  ttl                 = {ttl}\n  record              = {value}\n}\n",
	},
	"digitalocean": {
		resource: "resource \"digitalocean_record\" \"{label}\" {\n  domain = {zone}\n  type   = \"CNAME\"\n  name   = {rel}\n  value  = {value.}\n  ttl    = {ttl}\n}\n",
	},
	"ovh": {
		resource: "resource \"ovh_domain_zone_record\" \"{label}\" {\n  zone      = {zone}\n  subdomain = {rel}\n  fieldtype = \"CNAME\"\n  ttl       = {ttl}\n  target    = {value.}\n}\n",
	},
	"gandi": {
		resource: "resource \"gandi_livedns_record\" \"{label}\" {\n  zone   = {zone}\n  name   = {rel}\n  type   = \"CNAME\"\n  ttl    = {ttl}\n  values = [{value.}]\n}\n",
	},
	"desec": {
		resource: "resource \"desec_rrset\" \"{label}\" {\n  domain  = {zone}\n  subname = {rel}\n  type    = \"CNAME\"\n  ttl     = {ttl}\n  records = [{value.}]\n}\n",
	},
	"": {
		resource: "resource \"dns_cname_record\" \"{label}\" {\n  zone  = {zone.}\n  name  = {rel}\n  cname = {value.}\n  ttl   = {ttl}\n}\n",
	},
}

// terraform writes a resource for each record to come. What is to go is not in Terraform's state, so it stands there as a
// comment; data of another type is never written as a resource.
func (e *exporter) terraform() error {
	found := map[string]bool{}
	for i, p := range e.plans {
		if i > 0 {
			e.line("")
		}
		e.head("#", p)
		form, ok := hclForms[p.provider]
		if !ok {
			form = hclForms[""]
		}
		for _, s := range p.Steps() {
			gone, err := rdata(s.From)
			if err != nil {
				return err
			}
			come, err := rdata(s.To)
			if err != nil {
				return err
			}
			replaces := len(come) > 0 && len(gone) > 0
			for _, v := range gone {
				word := "remove"
				if replaces {
					word = "replaced below (terraform import it first where the provider refuses)"
				}
				e.line("# %s: %s %d IN %s %s", word, s.Name, s.From.TTL, s.Type, v)
			}
			if len(come) == 0 {
				continue
			}
			if s.Type != resolver.TypeCNAME || len(come) > 1 {
				return fmt.Errorf("%s %s would have to be created: %w", s.Name, s.Type, ErrFormat)
			}
			e.resource(form, p, s, come[0], replaces, found)
		}
	}
	return nil
}

func (e *exporter) resource(f hclForm, p Plan, s Step, value string, replaces bool, found map[string]bool) {
	zone, rel := p.zone.Apex, s.Name.Text()
	if r, ok := s.Name.Relative(zone); ok {
		rel = r
	}
	zoneLabel := hclLabel(zone.Text())
	zoneRef := f.zoneRef
	if p.zone.ID != "" && (p.provider == "route53" || p.provider == "cloudflare") {
		zoneRef = hclString(p.zone.ID)
	}
	ttl := s.To.TTL
	if p.provider != "cloudflare" {
		ttl = orDefault(ttl, validate.DefaultTTL)
	}
	ttl = max(ttl, 1) // at Cloudflare: automatic
	fill := strings.NewReplacer(
		"{zone_ref}", strings.ReplaceAll(zoneRef, "{zone_label}", zoneLabel), "{zone_label_dashed}", strings.ReplaceAll(zoneLabel, "_", "-"),
		"{zone_label}", zoneLabel, "{label}", "acm"+hclLabel(s.Name.Text()),
		"{name.}", hclString(s.Name.String()), "{name}", hclString(strings.TrimSuffix(s.Name.String(), ".")),
		"{value.}", hclString(value), "{value}", hclString(strings.TrimSuffix(value, ".")),
		"{zone.}", hclString(zone.String()), "{zone}", hclString(strings.TrimSuffix(zone.String(), ".")),
		"{rel}", hclString(rel), "{ttl}", strconv.FormatUint(uint64(ttl), 10),
		"{overwrite}", strconv.FormatBool(replaces),
	)
	if f.lookup != "" && zoneRef == f.zoneRef && !found[zoneLabel] {
		found[zoneLabel] = true
		e.line("%s", fill.Replace(f.lookup))
	}
	e.b.WriteString(fill.Replace(f.resource))
}

// hclLabel makes an identifier of letters, digits and underscores.
func hclLabel(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, strings.ToLower(s))
}

// hclString quotes text so that nothing in it is a template (HCL native syntax, "Quoted Literals").
func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{", "\n", `\n`).Replace(s) + `"`
}
