package providers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Secret is a credential. However it is printed, marshalled or logged, what comes out is "[redacted]"; string(s) is the only
// way to its content. It unmarshals from plain text.
type Secret string

const redacted = "[redacted]"

// String gives "[redacted]".
func (Secret) String() string { return redacted }

// GoString gives "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb, %x and %q too.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText gives "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText takes the secret.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = Secret(b)
	return nil
}

// LogValue gives "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Redact gives an error whose text holds none of the secrets, plain, in base64 or escaped for a URL, and no user-info or query
// of any URL. errors.Is still finds this package's errors and the context's, and nothing else can be had from it, since any
// wrapped error could print the secret again.
func Redact(err error, secrets ...Secret) error {
	if err == nil {
		return nil
	}
	r := &redactedError{text: redactText(err.Error(), secrets)}
	for _, s := range []error{
		context.Canceled, context.DeadlineExceeded, ErrConflict, ErrOutOfScope, ErrZoneNotFound, ErrNotAuthoritative,
		ErrPermission, ErrNotVisible,
	} {
		if errors.Is(err, s) {
			r.is = append(r.is, s)
		}
	}
	return r
}

type redactedError struct {
	text string
	is   []error
}

func (e *redactedError) Error() string   { return e.text }
func (e *redactedError) Unwrap() []error { return e.is }

var (
	urlUserInfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"'@]*@`)
	urlQuery    = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'?]*)\?[^\s"']*`)
)

func redactText(text string, secrets []Secret) string {
	var forms []string
	for _, s := range secrets {
		plain := string(s)
		if strings.TrimSpace(plain) == "" {
			continue
		}
		quoted := fmt.Sprintf("%q", plain)
		forms = append(forms, plain, url.QueryEscape(plain), url.PathEscape(plain), quoted[1:len(quoted)-1],
			base64.StdEncoding.EncodeToString([]byte(plain)), base64.RawStdEncoding.EncodeToString([]byte(plain)),
			base64.URLEncoding.EncodeToString([]byte(plain)), base64.RawURLEncoding.EncodeToString([]byte(plain)))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // a secret that contains another goes whole
	for _, f := range forms {
		text = strings.ReplaceAll(text, f, redacted)
	}
	text = urlUserInfo.ReplaceAllString(text, "${1}")
	return urlQuery.ReplaceAllString(text, "${1}")
}
