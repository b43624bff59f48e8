package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
)

// ways are the article's ways of being broken, as a zone holds them, and the rule that names each.
var ways = []struct{ name, zone, rule string }{
	{"missing", "www A 127.0.0.1", "record-missing"},
	{"doubled", "TOKEN.ZONE CNAME VALUE", "name-doubled"},
	{"value-cut-off", "TOKEN CNAME _424c7224e9b0146f9a8808af955727.jfrzftwwjs.acm-validations.aws.", "value-mangled"},
	{"value-doubled", "TOKEN CNAME " + strings.TrimSuffix(value, "."), "value-doubled"},
	{"txt", `TOKEN TXT "VALUE"`, "record-wrong-type"},
	{"other-txt", `TOKEN TXT "v=spf1 -all" "second; part"`, "record-missing"},
	{"wrong-and-stray", "TOKEN CNAME " + otherValue + "\nTOKEN.ZONE CNAME VALUE", ""},
}

// fixed is what a program reads of fix --json; see the tool's contract.
type fixed struct {
	Plan *struct {
		Provider, Zone string
		Steps          []struct {
			Name, Type string
			From, To   []string
		}
	}
	Applied, Verified bool
	Undo              string
	Report            *report
	Error             *struct{ Code, Message string }
}

// editable is a server whose zones the tool can change, and how.
type editable struct {
	server *realdns.Server
	flags  []string
}

// editor is a world in which each way of being broken stands at a server of each kind.
type editor struct {
	tool
	at map[string]editable
}

func (e editor) fix(t *testing.T, args ...string) (f fixed, all string, exit int) {
	t.Helper()
	out, all, exit := e.run(t, "", slices.Concat([]string{"fix", "--json", "--settle", "20s"}, e.dns, args)...)
	require.NoError(t, json.Unmarshal([]byte(out), &f), "exit %d, output: %s", exit, all)
	return f, all, exit
}

var tsig = realdns.Key{Name: "acmdoctor.", Algorithm: "hmac-sha256", Secret: "c2VjcmV0IG9mIHRoZSB0ZXN0IGJlZCwgbm90IG9mIGFueWJvZHk="}

// newEditor starts the servers. Zones are named way-kind.test.
func newEditor(t *testing.T) editor {
	t.Helper()
	n := realdns.New(t)
	e := editor{at: map[string]editable{}}
	root := n.Add(realdns.BIND)
	rootZone := realdns.Delegation(".", root.Addr)
	dir := t.TempDir()
	for _, k := range []realdns.Kind{realdns.BIND, realdns.Knot} {
		s := n.Add(k)
		s.AllowUpdates(tsig)
		for _, w := range ways {
			zone := w.name + "-" + string(k) + ".test."
			s.Serve(zone, realdns.Delegation(zone, s.Addr)+fill(w.zone, zone))
			rootZone += realdns.Delegation(zone, s.Addr)
		}
		at := netip.AddrPortFrom(s.Addr, n.Port).String()
		config := filepath.Join(dir, string(k)+".json")
		text := fmt.Sprintf(`{"server":%q,"key_name":%q,"key_alg":"hmac-sha256.","key":%q}`, at, tsig.Name, tsig.Secret)
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		e.at[string(k)] = editable{s, []string{"--provider", "rfc2136", "--provider-config", config}}
	}
	pdns := n.Add(realdns.PowerDNS)
	for _, w := range ways {
		zone := w.name + "-pdns.test."
		pdns.Serve(zone, realdns.Delegation(zone, pdns.Addr)+fill(w.zone, zone))
		rootZone += realdns.Delegation(zone, pdns.Addr)
	}
	api := n.OpenAPI(pdns, tsig.Secret)
	config := filepath.Join(dir, "pdns.json")
	text := fmt.Sprintf(`{"server_url":%q,"server_id":"localhost","api_token":%q}`, api.URL, api.Token)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	e.at["pdns"] = editable{pdns, []string{"--provider", "powerdns", "--provider-config", config}}

	root.Serve(".", rootZone)
	n.Start()
	e.tool = tool{build(t), []string{"--roots", n.Hints(root), "--allow-private", "--resolver", "none"}}
	if n.Port != 53 {
		e.dns = append(e.dns, "--port", fmt.Sprint(n.Port))
	}
	return e
}

// Nothing of ours is faked here: broken, checked, mended, seen right by the zone's own server, taken back, broken as before.
func TestFixAtRealServers(t *testing.T) {
	realdns.Require(t, realdns.BIND, realdns.Knot, realdns.PowerDNS)
	e := newEditor(t)
	for kind, at := range e.at {
		for _, w := range ways {
			t.Run(w.name+"/"+kind, func(t *testing.T) {
				if kind != "pdns" { // SQLite beneath it has no patience with two who write at once
					t.Parallel()
				}
				domain := w.name + "-" + kind + ".test."
				record := []string{"--name", token + "." + domain, "--value", value}
				before, all, exit := e.check(t, domain)
				require.Equal(t, 1, exit, all)
				if w.rule != "" {
					require.Equal(t, w.rule, before.Findings[0].Rule)
				}
				asked, all, exit := e.check(t, domain, at.flags...)
				require.Equal(t, 1, exit, all)
				assert.Equal(t, before.Findings[0].Rule, asked.Findings[0].Rule, "the provider holds what it serves")
				assert.NotContains(t, all, "acmdoctor: ", "and tells all of it")
				plan, all, exit := e.fix(t, slices.Concat(record, at.flags)...)
				require.Equal(t, 1, exit, all)
				require.NotEmpty(t, plan.Plan.Steps)
				assert.False(t, plan.Applied)

				undo := filepath.Join(t.TempDir(), "undo.json")
				done, all, exit := e.fix(t, slices.Concat(record, at.flags, []string{"--apply", "--yes", "--undo-out", undo})...)
				require.Equal(t, 0, exit, all)
				assert.True(t, done.Applied)
				assert.True(t, done.Verified)
				assert.Equal(t, plan.Plan.Steps, done.Plan.Steps, "what was shown is what was done")
				assert.Equal(t, undo, done.Undo)
				for _, s := range done.Plan.Steps {
					assert.Contains(t, []string{token + "." + domain, token + "." + domain + domain}, s.Name)
				}
				after, all, exit := e.check(t, domain)
				require.Equal(t, 0, exit, all)
				assert.Equal(t, "valid", after.Verdict)
				assert.NotContains(t, all, "c2VjcmV0")

				back, all, exit := e.fix(t, slices.Concat(at.flags, []string{"--undo", undo, "--yes", "--undo-out", undo + ".back"})...)
				require.Equal(t, 0, exit, all)
				assert.True(t, back.Verified)
				again, all, exit := e.check(t, domain)
				require.Equal(t, 1, exit, all)
				assert.Equal(t, before.Findings[0].Rule, again.Findings[0].Rule, "broken as before")
				assert.Equal(t, before.Findings[0].Message, again.Findings[0].Message)
			})
		}
	}
}

// A record that is switched off is seen at the provider only, and mended from what it shows.
func TestCheckSeesWhatIsSwitchedOff(t *testing.T) {
	realdns.Require(t, realdns.BIND, realdns.Knot, realdns.PowerDNS)
	e := newEditor(t)
	at, domain := e.at["pdns"], "missing-pdns.test."
	text, err := os.ReadFile(at.flags[3])
	require.NoError(t, err)
	var config struct {
		URL   string `json:"server_url"`
		Token string `json:"api_token"`
	}
	require.NoError(t, json.Unmarshal(text, &config))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, config.URL+"/api/v1/servers/localhost/zones/"+domain, strings.NewReader(fmt.Sprintf(
		`{"rrsets":[{"name":%q,"type":"CNAME","ttl":300,"changetype":"REPLACE","records":[{"content":%q,"disabled":true}]}]}`, token+"."+domain, value)))
	require.NoError(t, err)
	req.Header.Set("X-API-Key", config.Token)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNoContent, res.StatusCode)

	alone, all, exit := e.check(t, domain)
	require.Equal(t, 1, exit, all)
	assert.Equal(t, "record-missing", alone.Findings[0].Rule)
	asked, all, exit := e.check(t, domain, at.flags...)
	require.Equal(t, 1, exit, all)
	assert.Equal(t, "record-flattened", asked.Findings[0].Rule)
	assert.NotContains(t, all, config.Token)
	done, all, exit := e.fix(t, slices.Concat([]string{"--name", token + "." + domain, "--value", value}, at.flags, []string{"--apply", "--yes", "--undo-out", filepath.Join(t.TempDir(), "undo")})...)
	require.Equal(t, 0, exit, all)
	assert.True(t, done.Verified)
}

// What --format nsupdate prints runs in BIND's own nsupdate, against real servers, and does what fix would have done.
func TestFixFormatNsupdateRuns(t *testing.T) {
	realdns.Require(t, realdns.BIND, realdns.Knot, realdns.PowerDNS)
	nsupdate := realdns.RequireProgram(t, "nsupdate", "bind9-dnsutils")
	e := newEditor(t)
	for kind, at := range e.at {
		for _, w := range ways {
			if kind == "pdns" {
				continue // its zones are changed by its own interface here
			}
			t.Run(w.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				domain := w.name + "-" + kind + ".test."
				script, all, exit := e.run(t, "", slices.Concat([]string{"fix", "--format", "nsupdate", "--name", token + "." + domain, "--value", value}, e.dns)...)
				require.Equal(t, 1, exit, all)
				send := func() ([]byte, error) {
					cmd := exec.CommandContext(t.Context(), nsupdate, "-v", "-y", tsig.Algorithm+":"+tsig.Name+":"+tsig.Secret)
					port := "53"
					if i := slices.Index(e.dns, "--port"); i >= 0 {
						port = e.dns[i+1]
					}
					cmd.Stdin = strings.NewReader("server " + at.server.Addr.String() + " " + port + "\n" + script)
					return cmd.CombinedOutput()
				}
				out, err := send()
				require.NoError(t, err, "%s\n%s", script, out)
				r, all, exit := e.check(t, domain)
				if w.rule != "" { // the stray copy beside another fault is seen by the provider's listing only
					require.Equal(t, 0, exit, "%s\n%s", script, all)
					require.Equal(t, "valid", r.Verdict)
				}
				out, err = send()
				require.Error(t, err, "the zone has changed since: %s", out)
			})
		}
	}
}

// On a terminal fix asks, and an answer other than yes changes nothing. The terminal is a real one, made by script(1).
func TestFixAsksOnATerminal(t *testing.T) {
	realdns.Require(t, realdns.BIND)
	script := realdns.RequireProgram(t, "script", "bsdutils")
	n := realdns.New(t)
	root, s := n.Add(realdns.BIND), n.Add(realdns.BIND)
	s.AllowUpdates(tsig)
	root.Serve(".", realdns.Delegation(".", root.Addr)+realdns.Delegation("asked.test.", s.Addr))
	s.Serve("asked.test.", realdns.Delegation("asked.test.", s.Addr))
	n.Start()
	dir := t.TempDir()
	key := filepath.Join(dir, "key.conf")
	text := fmt.Sprintf("key %q { algorithm %s; secret %q; };\n", tsig.Name, tsig.Algorithm, tsig.Secret)
	require.NoError(t, os.WriteFile(key, []byte(text), 0o600))
	args := []string{
		build(t), "fix", "--roots", n.Hints(root), "--allow-private", "--resolver", "none", "--port", fmt.Sprint(n.Port), "--provider", "rfc2136",
		"--server", netip.AddrPortFrom(s.Addr, n.Port).String(), "--tsig-key", key, "--apply", "--name", token + ".asked.test.", "--value", value,
	}
	answer := func(text string) (string, int) {
		cmd := exec.CommandContext(t.Context(), script, "-qec", strings.Join(args, " "), os.DevNull)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
		cmd.Env = append(os.Environ(), "TERM=dumb")
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, exit := answer("no\n")
	assert.Equal(t, 1, exit, out)
	assert.Contains(t, out, "Apply this?")
	assert.Contains(t, out, "Nothing has been changed.")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no undo data for a change that was not made")

	out, exit = answer("yes\n")
	assert.Equal(t, 0, exit, out)
	assert.Contains(t, out, "created, and read back")
	assert.Contains(t, out, "acmdoctor fix --undo acmdoctor-undo-asked.test-")
	assert.NotContains(t, out, tsig.Secret)
}

// What stops a change at a real server is told by its code, and nothing is written: a wrong key, a server without the zone, nobody
// there, a zone that has changed since the plan was made.
func TestFixStoppedByRealServers(t *testing.T) {
	realdns.Require(t, realdns.BIND, realdns.Knot, realdns.PowerDNS)
	e := newEditor(t)
	config := func(t *testing.T, server, secret string) []string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "config.json")
		text := fmt.Sprintf(`{"server":%q,"key_name":%q,"key_alg":"hmac-sha256.","key":%q}`, server, tsig.Name, secret)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return []string{"--provider", "rfc2136", "--provider-config", file}
	}
	address := func(kind string) string { return e.at[kind].server.Addr.String() + e.port() }
	const another = "YW5vdGhlciBrZXkgdGhhbiB0aGUgc2VydmVyIGhhcywgbm90IHNlY3JldA=="
	for name, c := range map[string]struct {
		domain string
		flags  []string
		codes  []string
	}{
		"wrong key at BIND":       {"missing-bind.test.", config(t, address("bind"), another), []string{"permission"}},
		"wrong key at Knot":       {"missing-knot.test.", config(t, address("knot"), another), []string{"permission"}},
		"another server's zone":   {"missing-bind.test.", config(t, address("knot"), tsig.Secret), []string{"zone-not-found", "permission"}},
		"nobody there":            {"missing-bind.test.", config(t, "127.0.0.1:1", tsig.Secret), []string{"failed"}},
		"a zone that is not this": {"missing-bind.test.", append(config(t, address("bind"), tsig.Secret), "--zone-id", "doubled-bind.test."), []string{"zone-not-found", "out-of-scope"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, all, exit := e.fix(t, slices.Concat([]string{"--name", token + "." + c.domain, "--value", value, "--apply", "--yes"}, c.flags)...)
			assert.Equal(t, 3, exit, all)
			require.NotNil(t, f.Error, all)
			assert.Contains(t, c.codes, f.Error.Code, all)
			assert.False(t, f.Applied)
			assert.NotContains(t, all, another[:20])
			_, all, exit = e.check(t, c.domain)
			assert.Equal(t, 1, exit, "nothing is written: %s", all)
		})
	}

	t.Run("a plan that the zone has gone on from", func(t *testing.T) {
		record := []string{"--name", token + ".doubled-bind.test.", "--value", value}
		plan := filepath.Join(t.TempDir(), "plan.json")
		_, all, exit := e.fix(t, slices.Concat(record, e.at["bind"].flags, []string{"--plan-out", plan})...)
		require.Equal(t, 1, exit, all)
		_, all, exit = e.fix(t, slices.Concat([]string{"--name", token + ".doubled-bind.test.", "--value", otherValue, "--apply", "--yes", "--undo-out", plan + ".undo"}, e.at["bind"].flags)...)
		require.Equal(t, 0, exit, all)
		f, all, exit := e.fix(t, slices.Concat([]string{"--plan", plan, "--yes"}, e.at["bind"].flags)...)
		assert.Equal(t, 3, exit, all)
		require.NotNil(t, f.Error, all)
		assert.Equal(t, "conflict", f.Error.Code, all)
	})
}

// port gives the servers' port as it stands behind an address.
func (e editor) port() string {
	if i := slices.Index(e.dns, "--port"); i >= 0 {
		return ":" + e.dns[i+1]
	}
	return ":53"
}
