package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// exported gives a plan that creates, replaces and deletes, in a form.
func exported(t testing.TB, f providers.Format, plans ...providers.Plan) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, providers.Export(&b, f, plans...))
	return b.String()
}

func swapPlan(t testing.TB) providers.Plan {
	t.Helper()
	m := memory(t, providers.Traits{}, txt(owner, `keep; \"this\"`), cname(doubled, value))
	return plan(t, m, moveReport())
}

func TestExportAsZone(t *testing.T) {
	m := memory(t, providers.Traits{CompareAndSwap: true}, cname(doubled, value))
	require.Equal(t, `; Plan for zone example.com at memory, as read at 14:20:05 UTC
; name-doubled: the record is one zone too deep
`+owner+` 600 IN CNAME `+value+`
; remove: `+doubled+` 3600 IN CNAME `+value+`
`, exported(t, providers.FormatZone, plan(t, m, moveReport())))
}

// named-checkzone, which is the reader that name servers have, reads the zone with the form in it.
func TestExportAsZoneIsReadByBIND(t *testing.T) {
	path := realdns.RequireProgram(t, "named-checkzone", "bind9-utils")
	dir := t.TempDir()
	text := exported(t, providers.FormatZone, swapPlan(t))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "zone"), []byte("$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n"+text), 0o600))
	out, err := exec.CommandContext(t.Context(), path, "-D", "-o", "-", "example.com", filepath.Join(dir, "zone")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `(?m)^`+strings.ReplaceAll(owner, ".", `\.`)+`\s+600\s+IN\s+CNAME\s+`+value+`$`, string(out))
	require.NotContains(t, string(out), doubled)
}

func TestExportForNsupdate(t *testing.T) {
	m := memory(t, providers.Traits{CompareAndSwap: true}, cname(owner, wrong), cname(doubled, value))
	require.Equal(t, `; Plan for zone example.com at memory, as read at 14:20:05 UTC
; name-doubled: the record is one zone too deep
zone example.com.
prereq yxrrset `+owner+` IN CNAME `+wrong+`
prereq yxrrset `+doubled+` IN CNAME `+value+`
update add `+owner+` 3600 IN CNAME `+value+`
update delete `+doubled+` IN CNAME `+value+`
send
`, exported(t, providers.FormatNSUpdate, plan(t, m, report("name-doubled", change(owner, wrong, value), change(doubled, value, "")))))
}

// nsupdate understands each line and makes the message that is meant; it is shown in place of being sent.
func TestExportIsReadByNsupdate(t *testing.T) {
	path := realdns.RequireProgram(t, "nsupdate", "bind9-dnsutils")
	script := exported(t, providers.FormatNSUpdate, swapPlan(t))
	require.Contains(t, script, "prereq yxrrset "+owner+" IN TXT")
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Stdin = strings.NewReader(strings.Replace(script, "\nsend\n", "\nshow\n", 1))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	shown := strings.Join(strings.Fields(string(out)), " ")
	for _, part := range []string{
		"PREREQUISITE SECTION: " + owner + ` 0 IN TXT "keep; \"this\""`, owner + ` 0 NONE TXT "keep; \"this\""`,
		owner + " 600 IN CNAME " + value, doubled + " 0 NONE CNAME " + value,
	} {
		require.Contains(t, shown, part)
	}
}

func TestExportForRoute53(t *testing.T) {
	m := memory(t, providers.Traits{}, cname(owner, wrong), cname(doubled, value))
	p := plan(t, m, report("r", change(owner, wrong, value), change(doubled, value, "")))
	var got struct {
		Comment string
		Changes []struct {
			Action            string
			ResourceRecordSet struct {
				Name, Type      string
				TTL             uint32
				ResourceRecords []struct{ Value string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(exported(t, providers.FormatRoute53, p)), &got))
	var lines []string
	for _, c := range got.Changes {
		require.Len(t, c.ResourceRecordSet.ResourceRecords, 1)
		require.Equal(t, "CNAME", c.ResourceRecordSet.Type)
		require.Equal(t, uint32(3600), c.ResourceRecordSet.TTL)
		lines = append(lines, c.Action+" "+c.ResourceRecordSet.Name+" "+c.ResourceRecordSet.ResourceRecords[0].Value)
	}
	require.Equal(t, []string{"DELETE " + owner + " " + wrong, "CREATE " + owner + " " + value, "DELETE " + doubled + " " + value}, lines)
}

func TestExportForRoute53IsForOneZone(t *testing.T) {
	rep := moveReport()
	other := name("_b79865eb4cd1a6ab990a45779b4e0b96.example.net.")
	rep.Record.Name, rep.Zone.Name = other, name("example.net.")
	rep.Findings[0].Fixes[0].Changes = []validate.Change{{Name: other, Type: resolver.TypeCNAME, To: []string{value}}}
	b, err := providers.Draft(rep, "route53", made)
	require.NoError(t, err)
	require.ErrorIs(t, providers.Export(&bytes.Buffer{}, providers.FormatRoute53, swapPlan(t), b), providers.ErrFormat)
	require.NoError(t, providers.Export(&bytes.Buffer{}, providers.FormatZone, swapPlan(t), b))
}

func TestExportAsTerraform(t *testing.T) {
	rep := moveReport()
	p, err := providers.Draft(rep, "route53", made)
	require.NoError(t, err)
	require.Equal(t, `# Plan for zone example.com at route53, from what the DNS answered at 14:20:05 UTC
# name-doubled: the record is one zone too deep
data "aws_route53_zone" "example_com" {
  name         = "example.com."
  private_zone = false
}

resource "aws_route53_record" "acm_a79865eb4cd1a6ab990a45779b4e0b96_example_com" {
  zone_id         = data.aws_route53_zone.example_com.zone_id
  name            = "_a79865eb4cd1a6ab990a45779b4e0b96.example.com"
  type            = "CNAME"
  ttl             = 600
  records         = ["_424c7224e9b0146f9a8808af955727d0.acm-validations.aws."]
  allow_overwrite = false
}
# remove: _a79865eb4cd1a6ab990a45779b4e0b96.example.com.example.com. 600 IN CNAME _424c7224e9b0146f9a8808af955727d0.acm-validations.aws.
`, exported(t, providers.FormatTerraform, p))
}

// Terraform's own formatter parses what is written for each provider, and finds it formatted.
func TestExportIsReadByTerraform(t *testing.T) {
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed")
	}
	for _, provider := range []string{"", "route53", "cloudflare", "googleclouddns", "azure", "digitalocean", "ovh", "gandi", "desec", "another"} {
		t.Run(provider, func(t *testing.T) {
			p, err := providers.Draft(report("r", change(owner, wrong, value), change(doubled, value, "")), provider, made)
			require.NoError(t, err)
			text := exported(t, providers.FormatTerraform, p)
			require.NotContains(t, text, "{zone")
			require.NotContains(t, text, "{label")
			cmd := exec.CommandContext(t.Context(), path, "fmt", "-no-color", "-")
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
			cmd.Stdin = strings.NewReader(text)
			out, err := cmd.Output()
			require.NoError(t, err, "%s", out)
			require.Equal(t, text, string(out))
		})
	}
}

func TestExportWritesNothingForNothing(t *testing.T) {
	for _, f := range providers.Formats() {
		require.Empty(t, exported(t, f, providers.Plan{}))
		require.Empty(t, exported(t, f))
	}
	require.ErrorIs(t, providers.Export(&bytes.Buffer{}, "xml", swapPlan(t)), providers.ErrFormat)
}

// What a provider holds may be anything; a script must not be made to do more by it.
func TestExportRefusesWhatIsNotRDATA(t *testing.T) {
	evil := providers.RRset{Name: name(owner), Type: resolver.TypeCNAME, TTL: 60, Values: []string{"a.\nupdate delete example.com. NS"}}
	m := memory(t, providers.Traits{}, evil)
	p := plan(t, m, report("r", change(owner, wrong, value)))
	for _, f := range providers.Formats() {
		var b bytes.Buffer
		require.ErrorIs(t, p.Export(&b, f), providers.ErrFormat, f)
		require.Empty(t, b.String())
	}
}

// The undo of a deleted TXT can be written, too, but for Terraform, which is given records to come and no other.
func TestExportOfAnUndo(t *testing.T) {
	m := memory(t, providers.Traits{}, txt(owner, "old"))
	res, err := impatient.Apply(context.Background(), m, plan(t, m, report("r", change(owner, "", value))))
	require.NoError(t, err)
	back, err := res.Undo.Plan(context.Background(), m)
	require.NoError(t, err)
	require.Contains(t, exported(t, providers.FormatZone, back), owner+` 60 IN TXT "old"`)
	require.Contains(t, exported(t, providers.FormatNSUpdate, back), "update delete "+owner+" IN CNAME "+value)
	require.ErrorIs(t, back.Export(&bytes.Buffer{}, providers.FormatTerraform), providers.ErrFormat)
}

// Whatever stands in a zone, each line of the form for nsupdate is a command that was meant, and no line of the form for zones
// begins with anything but the record or a comment.
func FuzzExport(f *testing.F) {
	f.Add("keep; \"this\"", "a.\nsend")
	f.Add("\\\"\x00\xff$(id)`", "\\097.example.com")
	f.Fuzz(func(t *testing.T, text, target string) {
		m := memory(t, providers.Traits{}, txt(owner, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)),
			providers.RRset{Name: name(doubled), Type: resolver.TypeCNAME, TTL: 60, Values: []string{target}})
		p := plan(t, m, moveReport())
		for _, form := range providers.Formats() {
			var b bytes.Buffer
			if p.Export(&b, form) != nil {
				require.Empty(t, b.String())
				continue
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimRight(line, "\n")
				ok := true
				switch form {
				case providers.FormatZone:
					ok = strings.HasPrefix(line, ";") || strings.HasPrefix(line, owner+" ")
				case providers.FormatNSUpdate:
					ok = strings.HasPrefix(line, ";") || line == "zone example.com." || line == "send" ||
						strings.HasPrefix(line, "prereq ") || strings.HasPrefix(line, "update ")
				}
				require.True(t, ok, "%q", line)
			}
		}
	})
}
