package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// list asks the go command about packages, from the module's root.
func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go list: %s", stderr.String())
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

func TestImportLaw(t *testing.T) {
	packages := list(t, "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	require.NotEmpty(t, packages)
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

// A law that nothing can break proves nothing.
func TestImportLawNotices(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    listed
		want string
	}{
		{"an arrow back", listed{ImportPath: module + "/resolver", Imports: []string{module + "/validate"}}, "resolver imports"},
		{"an arrow back in a test", listed{ImportPath: module + "/resolver", XTestImports: []string{module + "/validate"}}, "a test of resolver imports"},
		{"one provider in another", listed{ImportPath: module + "/providers/gandi", Imports: []string{module + "/providers/route53"}}, "providers/gandi imports"},
		{"a provider in the engine", listed{ImportPath: module + "/providers", Imports: []string{module + "/providers/route53"}}, "providers imports"},
		{"the AWS SDK in validate", listed{ImportPath: module + "/validate", Imports: []string{"github.com/aws/aws-sdk-go-v2/service/acm"}}, "validate imports"},
		{"the AWS SDK in an example", listed{ImportPath: module + "/examples/x", Imports: []string{"github.com/aws/aws-sdk-go-v2"}}, "examples/x imports"},
		{"libdns in validate", listed{ImportPath: module + "/validate", Imports: []string{"github.com/libdns/libdns"}}, "validate imports"},
		{"miekg/dns in validate", listed{ImportPath: module + "/validate", Imports: []string{"github.com/miekg/dns"}}, "validate imports"},
		{"miekg/dns in an example", listed{ImportPath: module + "/examples/acmdoctor", Imports: []string{"github.com/miekg/dns"}}, "examples/acmdoctor imports"},
		{"cobra in providers", listed{ImportPath: module + "/providers", Imports: []string{"github.com/spf13/cobra"}}, "providers imports"},
		{"testify outside a test", listed{ImportPath: module + "/validate/validatetest", Imports: []string{"github.com/stretchr/testify/require"}}, "validate/validatetest imports"},
		{"internal in a library", listed{ImportPath: module + "/resolver", Imports: []string{module + "/internal/text"}}, "resolver imports"},
		{"an unknown module", listed{ImportPath: module + "/resolver", Imports: []string{"example.com/left/pad"}}, "resolver imports"},
		{"an unknown room", listed{ImportPath: module + "/util"}, "util belongs to no room"},
		{"the module's root", listed{ImportPath: module}, ". belongs to no room"},
		{"a large SDK in the tool", listed{ImportPath: module + "/examples/acmdoctor", Deps: []string{"github.com/Azure/azure-sdk-for-go/sdk/azcore"}}, "importing examples/acmdoctor compiles"},
		{"one provider's SDK in the engine", listed{ImportPath: module + "/providers", Deps: []string{"github.com/ovh/go-ovh/ovh"}}, "importing providers compiles"},
		{"a heavy closure", listed{ImportPath: module + "/validate", Deps: []string{"github.com/libdns/libdns"}}, "importing validate compiles"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := violations([]listed{tt.p})
			require.Len(t, got, 1)
			assert.Contains(t, got[0], tt.want)
		})
	}
}

func TestImportLawAllows(t *testing.T) {
	assert.Empty(t, violations([]listed{
		{ImportPath: module + "/resolver", Imports: []string{"context", "encoding/json", "github.com/miekg/dns", "golang.org/x/net/publicsuffix"}},
		{ImportPath: module + "/resolver", TestImports: []string{"github.com/stretchr/testify/assert"}, XTestImports: []string{module + "/resolver", module + "/resolver/resolvertest"}},
		{ImportPath: module + "/validate", Imports: []string{module + "/resolver"}, XTestImports: []string{module + "/validate/validatetest"}},
		{ImportPath: module + "/providers/route53", Imports: []string{module + "/providers", "github.com/aws/aws-sdk-go-v2/service/route53", "github.com/libdns/route53"}},
		{ImportPath: module + "/examples/acmdoctor", Imports: []string{module + "/providers/route53", "github.com/spf13/cobra"}, XTestImports: []string{module + "/internal/realdns"}},
	}))
	for _, r := range law {
		assert.NotEmpty(t, r.reason, "%s: a law tells why", r.path)
	}
	assert.True(t, slices.IsSortedFunc(law[:2], func(a, b room) int { return len(b.path) - len(a.path) }), "the narrower room first")
}
