package providers_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
)

var update = flag.Bool("update", false, "write generated files anew")

func TestProfilesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range providers.Profiles() {
		assert.False(t, seen[p.Name], p.Name)
		seen[p.Name] = true
		assert.NotEmpty(t, p.Title, p.Name)
		assert.Regexp(t, `^\S+ v\S+$`, p.Module, "the module and the version that was examined")
		if p.Refused != "" {
			continue
		}
		assert.NotEmpty(t, p.Settings, p.Name)
		assert.NotEmpty(t, p.Read, p.Name)
		assert.NotEmpty(t, p.Write, p.Name)
		assert.NotEmpty(t, p.Limits, "%s: nothing is without limits", p.Name)
		got, ok := providers.ProfileOf(p.Name)
		require.True(t, ok)
		got.Settings[0].Field, got.Limits[0] = "changed", "changed"
		again, _ := providers.ProfileOf(p.Name)
		assert.Equal(t, p, again, "what is given is the caller's own")
	}
	for _, name := range []string{"namecheap", "dnsimple", "godaddy", "porkbun", "linode"} {
		p, ok := providers.ProfileOf(name)
		require.True(t, ok)
		assert.NotEmpty(t, p.Refused, name)
	}
	_, ok := providers.ProfileOf("teapot-dns")
	assert.False(t, ok)
}

func TestConfigure(t *testing.T) {
	type config struct {
		Endpoint          string `json:"endpoint,omitempty"`
		ApplicationKey    string `json:"application_key,omitempty"`
		ApplicationSecret string `json:"application_secret,omitempty"`
		ConsumerKey       string `json:"consumer_key,omitempty"`
	}
	ovh, _ := providers.ProfileOf("ovh")
	require.Equal(t, `{"endpoint":"…","application_key":"…","application_secret":"…","consumer_key":"…"}`, ovh.Sample())
	var c config
	q, err := ovh.Configure([]byte(`{"endpoint":"ovh-eu","application_key":"a1","application_secret":"s2","consumer_key":"c3"}`), &c)
	require.NoError(t, err)
	require.Equal(t, "s2", c.ApplicationSecret)
	require.Equal(t, []providers.Secret{"a1", "s2", "c3"}, q.Secrets)
	for text, want := range map[string]string{
		`{"endpoint":"ovh-eu","application_key":"a1","application_secret":"hunter2"}`: "consumer_key",
		`{"endpoint":"ovh-eu","secret":"hunter2"}`:                                    "secret",
		`{"endpoint":"hunter2`: "too soon",
		``:                     "too soon",
		`["hunter2"]`:          "object",
		`null`:                 "endpoint",
	} {
		_, err := ovh.Configure([]byte(text), &config{})
		require.ErrorIs(t, err, providers.ErrBadConfig, text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

const providersPage = "../docs/providers.md"

// TestProvidersPageIsFresh keeps the page about the providers as the profiles have them.
func TestProvidersPageIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString("# DNS providers\n\n" +
		"Where `acmdoctor fix` and package `providers` can change a zone, with which credentials, and what each provider cannot do.\n" +
		"Made from [providers/profile.go](../providers/profile.go): `go test ./providers -run ProvidersPage -update`. Any other libdns v1\n" +
		"provider works from Go, by `providers.FromLibdns`, and gets the most cautious treatment.\n\n" +
		"## Offered\n\n" +
		"| provider | `--provider` | how | environment | `--provider-config` | to plan it takes | to apply it takes |\n" +
		"| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, p := range providers.Profiles() {
		if p.Refused != "" {
			continue
		}
		how := "by its libdns module, " + p.Module
		switch {
		case p.Native:
			how = "natively, configured as " + p.Module
		case p.Example != "":
			how = "in [" + p.Example + "](../" + p.Example + "/main.go), since its SDK is large: " + p.Module
		}
		var env, fields []string
		for _, s := range p.Settings {
			for _, e := range s.Env {
				env = append(env, "`"+e+"`")
			}
			field := "`" + s.Field + "`"
			if s.Optional {
				field += " (may be left out)"
			}
			fields = append(fields, field)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s | %s |\n",
			p.Title, p.Name, how, strings.Join(env, ", "), strings.Join(fields, ", "), p.Read, p.Write)
	}
	b.WriteString("\n## What each cannot do\n\n")
	for _, p := range providers.Profiles() {
		if p.Refused == "" {
			fmt.Fprintf(&b, "- %s: %s.\n", p.Title, strings.Join(p.Limits, "; "))
		}
	}
	b.WriteString("\n## Not offered, and why\n\n| provider | module | why |\n| --- | --- | --- |\n")
	for _, p := range providers.Profiles() {
		if p.Refused != "" {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Title, p.Module, p.Refused)
		}
	}
	b.WriteString("\nFor these, and for any provider without credentials at hand, `acmdoctor fix --format` prints the change in a form that people can run.\n")
	if *update {
		require.NoError(t, os.WriteFile(providersPage, []byte(b.String()), 0o644))
	}
	old, err := os.ReadFile(providersPage)
	require.NoError(t, err)
	assert.Equal(t, b.String(), strings.ReplaceAll(string(old), "\r\n", "\n"), "go test ./providers -run ProvidersPage -update writes it anew")
}
