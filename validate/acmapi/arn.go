package acmapi

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// target is what an ARN names.
type target struct {
	arn.ARN
	acme bool // an ACME endpoint's domain validation in place of a certificate
}

// Accepts says whether a certificate can be read by this text: nil for the ARN of a certificate of ACM, else an error that
// says what it is and wraps [ErrNotACertificate]. Nothing is asked of AWS.
func Accepts(certificateARN string) error {
	if _, err := parseARN(certificateARN); err != nil {
		return fmt.Errorf("acmapi: %w", err)
	}
	return nil
}

// parseARN reads the ARN of a certificate (ACM API Reference, "DescribeCertificate"), or of an ACME endpoint's domain
// validation. The error wraps [ErrNotACertificate].
func parseARN(text string) (target, error) {
	text = strings.TrimSpace(text)
	a, err := arn.Parse(text)
	bad := func(format string, args ...any) (target, error) {
		return target{}, fmt.Errorf("%w: %s", ErrNotACertificate, fmt.Sprintf(format, args...))
	}
	kind, id, _ := strings.Cut(a.Resource, "/")
	acme := kind == "acme-endpoint" && strings.Contains(id, "/acme-domain-validation/")
	switch {
	case err != nil || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return bad("found %q, expected arn:aws:acm:REGION:ACCOUNT:certificate/ID", abridged(text))
	case a.Service == "iam":
		return bad("%q is a server certificate of IAM, which has no DNS validation", abridged(text))
	case a.Service != "acm":
		return bad("%q is of the service %q, expected acm", abridged(text), a.Service)
	case a.Region == "":
		return bad("%q names no region", abridged(text))
	case !strings.HasPrefix(a.Partition, "aws"):
		return bad("%q has the partition %q, expected aws, aws-cn, aws-us-gov or another that begins with aws", abridged(text), a.Partition)
	case !acme && (kind != "certificate" || id == ""):
		return bad("%q is of the kind %q, expected certificate", abridged(text), kind)
	}
	return target{a, acme}, nil
}

func abridged(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
