// Package architecture holds the laws about what imports what, and the tests that enforce them. Its laws are values, so
// that a test can also show that a broken law is noticed. Nobody imports it.
package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path of this project's module.
const module = "github.com/acmdoctor/acmdoctor"

// Modules that only some rooms may use.
const (
	miekg   = "github.com/miekg/dns/..."
	libdns  = "github.com/libdns/..."
	aws     = "github.com/aws/..."
	cobra   = "github.com/spf13/..."
	testify = "github.com/stretchr/testify/..."
	rapid   = "pgregory.net/rapid"
	netX    = "golang.org/x/net/..."
	syncX   = "golang.org/x/sync/..."
	termX   = "golang.org/x/term/..."
	lambda  = "github.com/aws/aws-lambda-go/..."

	prometheus = "github.com/prometheus/common/..."
	openAPI    = "github.com/getkin/kin-openapi/..."
)

// room is what the packages of one pattern may import beside the standard library. A package belongs to the first room
// whose pattern it matches. What is not listed is forbidden.
type room struct {
	path   string   // a package path within the module; "/..." at the end means it and all below, "/*" the level below
	may    []string // rooms (paths within the module) and other modules
	inTest []string // what its _test.go files may import in addition
	reason string   // why no more
}

// law is design.md's import law: examples → providers/X → providers → validate → resolver, and no arrow back.
var law = []room{
	{
		"resolver/resolvertest",
		[]string{"resolver", miekg},
		[]string{"resolver/dnssec"},
		"a fake internet must not know what is asked of it",
	},
	{
		"resolver/...",
		[]string{"resolver", miekg, netX, syncX},
		[]string{"resolver/..."},
		"who only asks the DNS compiles nothing of ACM, providers or the command line",
	},
	{
		"validate/validatetest",
		[]string{"validate", "resolver/...", syncX},
		[]string{"validate/..."},
		"worlds are checked as any user checks a record",
	},
	{
		"validate/picture",
		[]string{"validate", "resolver", "resolver/dnssec"},
		[]string{"validate/validatetest"},
		"a picture is drawn from a report alone, and asks nothing",
	},
	{
		"validate/acmapi",
		[]string{"validate", "resolver", aws},
		[]string{"validate/...", "resolver/resolvertest", "internal/awsfake"},
		"the AWS SDK is large: nobody gets it who does not ask for it",
	},
	{
		"validate/audit",
		[]string{"validate", "resolver"},
		[]string{"validate/...", prometheus},
		"an audit is of many records: files, states and forms of output are nothing that a single check needs",
	},
	{
		"validate",
		[]string{"resolver", "resolver/dnssec", "resolver/bulk", netX, syncX},
		[]string{"validate/validatetest", "resolver/resolvertest"},
		"a check asks through resolver alone and changes nothing",
	},
	{
		"providers/providertest",
		[]string{"providers", "validate", "resolver", libdns, syncX},
		[]string{"validate/validatetest", "resolver/resolvertest"},
		"it tests adapters as their users use them",
	},
	{
		"providers/route53",
		[]string{"providers", "validate", "resolver", libdns, aws, syncX},
		providerTests, "one provider, one folder; the AWS SDK stays in it",
	},
	{
		"providers/rfc2136",
		[]string{"providers", "validate", "resolver", libdns, miekg, syncX},
		providerTests, "dynamic updates are DNS messages; no other provider needs them",
	},
	{
		"providers/httpapi",
		[]string{"providers", syncX},
		providerTests, "what adapters share knows none of them",
	},
	{
		"providers/*",
		[]string{"providers", "providers/httpapi", "validate", "resolver", libdns, netX, syncX},
		providerTests, "one provider, one folder; providers do not know each other",
	},
	{
		"providers",
		[]string{"validate", "resolver", libdns, netX, syncX},
		providerTests, "the engine knows no single provider",
	},
	{
		"examples/lambda",
		[]string{"validate/...", "resolver/...", lambda},
		[]string{"internal/..."},
		"AWS's runtime client is for whoever runs there",
	},
	{
		"examples/...",
		[]string{"examples/...", "providers/...", "validate/...", "resolver/...", libdns, cobra, netX, syncX, termX},
		[]string{"internal/..."},
		"examples use what every user has: the exported API",
	},
	{
		"internal/simnet/figures",
		[]string{"internal/simnet", "validate", "resolver/...", miekg, netX},
		nil, "it measures what users have against the bare exchange",
	},
	{
		"internal/simnet",
		[]string{miekg, netX},
		[]string{"validate", "resolver/..."},
		"a simulated internet must not know what is asked of it",
	},
	{
		"internal/...",
		[]string{"internal/...", "providers/...", "validate/...", "resolver/...", netX, syncX},
		[]string{openAPI, libdns},
		"helpers of tests and generators; no package but tests imports them",
	},
}

var providerTests = []string{
	"providers/...", "validate/validatetest", "resolver/resolvertest", "internal/realdns", "internal/cloudflarefake", "internal/awsfake",
}

// inEveryTest is what any _test.go file may import.
var inEveryTest = []string{testify, rapid, miekg, syncX, "internal/realdns"}

// sdks are the modules behind libdns providers: nobody compiles one who does not ask for its provider.
var sdks = []string{
	"github.com/libdns/azure/...", "github.com/libdns/cloudflare/...", "github.com/libdns/desec/...", "github.com/libdns/digitalocean/...",
	"github.com/libdns/gandi/...", "github.com/libdns/googleclouddns/...", "github.com/libdns/hetzner/...", "github.com/libdns/ionos/...",
	"github.com/libdns/ovh/...", "github.com/libdns/powerdns/...", "github.com/libdns/rfc2136/...", "github.com/libdns/route53/...",
	"github.com/digitalocean/...", "github.com/hetznercloud/...", "github.com/ovh/...",
}

// heavy are the SDKs of Google and Azure, and what they bring.
var heavy = []string{
	"cloud.google.com/...", "google.golang.org/api/...", "google.golang.org/grpc/...", "go.opentelemetry.io/...", "github.com/Azure/...",
	"github.com/libdns/azure/...", "github.com/libdns/googleclouddns/...",
}

// closed names packages in whose whole closure these must not be: importing them must not compile one line of it.
var closed = []struct {
	path   string
	absent []string
	reason string
}{
	{
		"resolver",
		slices.Concat([]string{libdns, aws, cobra, testify, "github.com/prometheus/..."}, sdks, heavy),
		"asking the DNS needs none of it",
	},
	{
		"validate",
		slices.Concat([]string{libdns, aws, cobra, testify, "github.com/prometheus/..."}, sdks, heavy),
		"checking a record needs none of it",
	},
	{
		"providers",
		slices.Concat([]string{aws, cobra, testify, "github.com/prometheus/..."}, sdks, heavy),
		"the engine must not bring one provider's SDK to the users of another",
	},
	{
		"examples/acmdoctor",
		heavy,
		"the tool is built in seconds; Google's and Azure's SDKs are in examples/anylibdns",
	},
}

// listed is a package as go list describes it.
type listed struct {
	ImportPath   string
	Dir          string
	Standard     bool
	Export       string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// violations gives each import that the law forbids, and why.
func violations(packages []listed) (out []string) {
	for _, p := range packages {
		path, ok := within(p.ImportPath)
		if !ok {
			continue
		}
		i := slices.IndexFunc(law, func(r room) bool { return matches(r.path, path) })
		if i < 0 {
			out = append(out, fmt.Sprintf("%s belongs to no room of the import law: add it, with a reason", path))
			continue
		}
		r := law[i]
		tests := slices.Concat(r.may, r.inTest, inEveryTest)
		for _, x := range []struct {
			imports, may []string
			where        string
		}{{p.Imports, r.may, ""}, {p.TestImports, tests, "a test of "}, {p.XTestImports, append(tests, path), "a test of "}} {
			for _, imported := range x.imports {
				if !allowed(imported, x.may) {
					out = append(out, fmt.Sprintf("%s%s imports %s: %s", x.where, path, imported, r.reason))
				}
			}
		}
	}
	for _, c := range closed {
		for _, p := range packages {
			if p.ImportPath != module+"/"+c.path {
				continue
			}
			for _, dep := range p.Deps {
				if slices.ContainsFunc(c.absent, func(a string) bool { return matches(a, dep) }) {
					out = append(out, fmt.Sprintf("importing %s compiles %s: %s", c.path, dep, c.reason))
				}
			}
		}
	}
	return out
}

// within gives a package's path inside the module.
func within(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

func allowed(imported string, may []string) bool {
	inside, ok := within(imported)
	if !ok {
		if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
			return true // the standard library
		}
		inside = imported
	}
	return slices.ContainsFunc(may, func(m string) bool { return matches(m, inside) })
}

func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	}
	if prefix, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, ok := strings.CutPrefix(path, prefix+"/")
		return ok && !strings.Contains(rest, "/")
	}
	return pattern == path
}
