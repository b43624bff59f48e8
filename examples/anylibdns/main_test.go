package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// The modules take their configuration strictly, and nothing is asked before something is to be read.
func TestOpen(t *testing.T) {
	for name, config := range map[string]string{
		"googleclouddns": `{"gcp_project":"p"}`,
		"azure":          `{"subscription_id":"s","resource_group_name":"g"}`,
	} {
		client, err := open(name, []byte(config))
		require.NoError(t, err)
		assert.Equal(t, name, client.Name())
		_, err = open(name, []byte(`{"unknown":"hunter2"}`))
		require.ErrorIs(t, err, providers.ErrBadConfig)
		assert.ErrorContains(t, err, "unknown")
		assert.NotContains(t, err.Error(), "hunter2")
		_, err = open(name, []byte(`{}`))
		require.ErrorIs(t, err, providers.ErrBadConfig)
	}
	_, err := open("teapot", nil)
	assert.ErrorContains(t, err, "not in this program")
}

// An unknown provider gets the zero Quirks; the plan is shown, and made where asked to.
func TestMendAtAnyProvider(t *testing.T) {
	const name, value = "_a79.example.com.", "_424.xyz.acm-validations.aws."
	in := resolvertest.MustParse("$ORIGIN example.com.\n_a79.example.com.example.com. CNAME " + value + "\n")
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	checker := &validate.Checker{Resolver: in, Roots: roots}
	lib := &providertest.MemoryLibdns{Apex: resolver.MustParseName("example.com.")}
	require.NoError(t, lib.Seed("_a79.example.com.example.com. 300 IN CNAME "+value))
	client := providers.FromLibdns(lib, providers.Quirks{})

	var out bytes.Buffer
	require.NoError(t, mend(t.Context(), &out, client, checker, name, value, false))
	assert.Contains(t, out.String(), "  + _a79.example.com.\n")
	held, err := lib.Dump()
	require.NoError(t, err)
	assert.Equal(t, []string{"_a79.example.com.example.com. CNAME " + value}, held, "nothing is changed unasked")

	out.Reset()
	require.NoError(t, mend(t.Context(), &out, client, checker, name, value, true))
	held, err = lib.Dump()
	require.NoError(t, err)
	assert.Equal(t, []string{"_a79.example.com. CNAME " + value}, held)
	assert.Contains(t, out.String(), "done: _a79.example.com. CNAME")
	start := strings.Index(out.String(), "{")
	var undo providers.Undo
	require.NoError(t, json.NewDecoder(strings.NewReader(out.String()[start:])).Decode(&undo), "the undo data is there to be kept")
	assert.Len(t, undo.Steps(), 2)
}
