package validate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// checkAt checks a record of www.example.com, whose zone is served by servers of these names and holds these lines.
func checkAt(t *testing.T, servers, lines string) validate.Report {
	t.Helper()
	in := resolvertest.MustParse("$ORIGIN example.com. ; on " + servers + "\n" + lines)
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	r, _, err := validate.ParseRecord("www.example.com", "_a79.www.example.com.", "_424.xyz.acm-validations.aws.")
	require.NoError(t, err)
	rep, err := (&validate.Checker{Resolver: in, Roots: roots}).Check(t.Context(), r)
	require.NoError(t, err)
	require.NotEmpty(t, rep.Findings)
	require.NotEmpty(t, rep.Findings[0].Fixes)
	return rep
}

// What the owner is told is what the form of the zone's host wants, as far as that is known.
func TestInstructionsInTheHostsOwnTerms(t *testing.T) {
	for name, c := range map[string]struct {
		servers, lines, host string
		says                 string
	}{
		"a form that appends the zone and takes no final dot": {"ns51.domaincontrol.com. ns52.domaincontrol.com.", "www A 192.0.2.80", "godaddy", `at GoDaddy, create:
  Type   CNAME
  Name   _a79.www
         (GoDaddy appends example.com.)
  Value  _424.xyz.acm-validations.aws
         (without a final dot)
  TTL    300
  Proxy, flattening, forwarding: off`},
		"a final dot is needed": {"ns1.digitalocean.com. ns2.digitalocean.com.", "www A 192.0.2.80", "digitalocean", `at DigitalOcean, create:
  Type   CNAME
  Name   _a79.www
         (DigitalOcean appends example.com.)
  Value  _424.xyz.acm-validations.aws.
         (with the final dot: without it the zone is appended)
  TTL    300
  Proxy, flattening, forwarding: off`},
		"proxy and flattening by their names there": {"ada.ns.cloudflare.com. bob.ns.cloudflare.com.", "www A 192.0.2.80", "cloudflare", `at Cloudflare, create:
  Type   CNAME
  Name   _a79.www
         (relative to example.com., which most forms append; only where
         the form takes full names: _a79.www.example.com.)
  Value  _424.xyz.acm-validations.aws
         (without a final dot)
  TTL    300
at Cloudflare, look out: turn Flatten off for the record, and Proxy status to "DNS only"; a zone whose status is pending answers nobody; with Universal SSL it adds CAA records that its console does not show`},
		"nobody that is known": {"ns1.host.net.", "www A 192.0.2.80", "", `at whoever hosts the zone example.com. (name servers ns1.host.net.), create:
  Type   CNAME
  Name   _a79.www
         (relative to example.com., which most forms append; only where
         the form takes full names: _a79.www.example.com.)
  Value  _424.xyz.acm-validations.aws.
         (with the final dot; where the form refuses it, without)
  TTL    300
  Proxy, flattening, forwarding: off`},
		"names that two hosts share": {"ns-cloud-a1.googledomains.com.", "www A 192.0.2.80", "", `at whoever hosts the zone example.com. (name servers ns-cloud-a1.googledomains.com.), create:
  Type   CNAME
  Name   _a79.www
         (relative to example.com., which most forms append; only where
         the form takes full names: _a79.www.example.com.)
  Value  _424.xyz.acm-validations.aws.
         (with the final dot; where the form refuses it, without)
  TTL    300
  Proxy, flattening, forwarding: off`},
		"two providers": {"ns51.domaincontrol.com. ns1.vultr.com.", "www A 192.0.2.80", "", `at each provider of the zone example.com.: GoDaddy (ns51.domaincontrol.com.) and Vultr (ns1.vultr.com.), create:
  Type   CNAME
  Name   _a79.www
         (relative to example.com., which most forms append; only where
         the form takes full names: _a79.www.example.com.)
  Value  _424.xyz.acm-validations.aws.
         (with the final dot; where the form refuses it, without)
  TTL    300
  Proxy, flattening, forwarding: off`},
		"the form doubled the name": {"ns51.domaincontrol.com. ns52.domaincontrol.com.", "_a79.www.example.com 3600 CNAME _424.xyz.acm-validations.aws.", "godaddy", `at GoDaddy, edit the record at _a79.www.example.com.example.com.; leave Type and Value; make Name exactly:
  Name   _a79.www
         (GoDaddy appends example.com.)`},
		"the form appended the zone to the value": {
			"ns1.digitalocean.com. ns2.digitalocean.com.", "_a79.www CNAME _424.xyz.acm-validations.aws", "digitalocean",
			`at DigitalOcean, change the value at _a79.www.example.com. to exactly _424.xyz.acm-validations.aws. (with the final dot: without it the zone is appended)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rep := checkAt(t, c.servers, c.lines)
			assert.Equal(t, c.host, rep.Host.ID)
			assert.Equal(t, c.says, rep.Findings[0].Fixes[0].Message)
		})
	}
}
