// Package awsfake holds stand-ins for AWS services that are stricter than the public emulators: what the real service refuses,
// they refuse. They speak the wire format of the services, so that the AWS SDK's own decoders judge it, and check who asks, so
// that policies can be tried out. Tests in which they stand use [Isolate] first: whatever goes wrong, no account of a developer
// is ever reached.
package awsfake

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Isolate makes the AWS SDK find nothing of the machine that a test runs on: no profile, no credentials, no metadata service and
// no endpoint of a service. Setenv is os.Setenv in a TestMain, or t.Setenv.
func Isolate(setenv func(key, value string)) {
	for _, e := range [][2]string{
		{"AWS_CONFIG_FILE", "/dev/null"},
		{"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
		{"AWS_PROFILE", ""},
		{"AWS_DEFAULT_PROFILE", ""},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_ACCESS_KEY_ID", ""},
		{"AWS_SECRET_ACCESS_KEY", ""},
		{"AWS_SESSION_TOKEN", ""},
		{"AWS_ACCESS_KEY", ""},
		{"AWS_SECRET_KEY", ""},
		{"AWS_REGION", ""},
		{"AWS_DEFAULT_REGION", ""},
		{"AWS_ROLE_ARN", ""},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", ""},
		{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""},
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI", ""},
		{"AWS_ENDPOINT_URL", "http://127.0.0.1:1"}, // nobody listens: what does not name its endpoint gets nowhere
		{"AWS_ENDPOINT_URL_ROUTE_53", ""},
		{"AWS_ENDPOINT_URL_ACM", ""},
		{"AWS_ENDPOINT_URL_STS", ""},
		{"AWS_CA_BUNDLE", ""},
		{"HTTP_PROXY", ""},
		{"HTTPS_PROXY", ""},
	} {
		setenv(e[0], e[1])
	}
}

// LoopbackOnly is an HTTP client that connects to this machine and refuses every other address, by the address dialled and not by
// the name asked for.
func LoopbackOnly() *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !ap.Addr().IsLoopback() {
				return nil, fmt.Errorf("awsfake: %s is not on this machine, and tests connect to nothing else", address)
			}
			return d.DialContext(ctx, network, address)
		},
		DisableKeepAlives: true, // a test that ends leaves no goroutine
	}}
}

// Identity is who stands behind an access key.
type Identity struct {
	ARN     string
	Policy  *Policy // nil: everything is allowed
	Expired bool    // its session is over
}

// credential reads who signed a request, for which region and service (Signature Version 4's Authorization header). The signature
// itself is not checked.
func credential(r *http.Request) (key, region, service string) {
	_, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		return "", "", ""
	}
	scope, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(scope, "/") // key, date, region, service, aws4_request
	if len(parts) != 5 {
		return "", "", ""
	}
	return parts[0], parts[2], parts[3]
}
