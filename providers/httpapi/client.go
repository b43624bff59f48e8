// Package httpapi is what adapters of providers with an HTTP and JSON interface share: requests that are repeated only where that
// is safe, answers whose status is looked at before their content, and errors without secrets.
package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
)

// Doer sends a request, as [http.Client] does.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client sends requests to one interface. Base must be set. It is safe for concurrent use once its fields are set.
type Client struct {
	// Base is what every path is appended to, without a slash at the end.
	Base string
	// HTTP sends the requests; nil: an [http.Client] that follows no redirection, since that could carry the credentials away.
	HTTP Doer
	// Secrets must not appear in any error.
	Secrets []providers.Secret
	// Explain reads the interface's own words from the content of an answer that is an error; what it returns is told after the
	// status, and may wrap one of package providers' errors. It may return nil. Nil: the content is not read.
	Explain func(status int, body []byte) error
	// Patience is how long one request may take; 0 means 30 seconds.
	Patience time.Duration
	// Sleep waits before a request is repeated; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Now is the clock that a Retry-After date is held against; nil means time.Now.
	Now func() time.Time
}

// The bounds of a request.
const (
	Tries           = 3                // how often a request is sent at most
	MaxRetryAfter   = 30 * time.Second // what is asked to wait longer is not repeated
	defaultPatience = 30 * time.Second
	firstPause      = 500 * time.Millisecond
	maxBody         = 64 << 20 // a zone of a million records
)

// Error is an answer whose status says that the request failed. It wraps [providers.ErrPermission] for 401 and 403, and what
// Client.Explain found.
type Error struct {
	Status int // the HTTP status
	err    error
}

func (e *Error) Error() string { return e.err.Error() }

// Unwrap gives what the status and the content mean.
func (e *Error) Unwrap() error { return e.err }

// Request is what is to be sent.
type Request struct {
	Method string // empty: GET
	Path   string // appended to Base
	Query  url.Values
	Header http.Header // credentials, say; never in an error
	Body   any         // sent as JSON; nil: nothing
}

// Do sends the request and decodes the JSON answer into out, where that is not nil. A request that only reads is repeated after
// 429 and 5xx, one that writes after 429 alone, as that says that it was not carried out; a Retry-After is heeded up to
// [MaxRetryAfter]. The errors are [*Error], the context's, or what the network said, without anything secret.
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	r.Method = cmp.Or(r.Method, http.MethodGet)
	var err error
	for try := 1; ; try++ {
		var pause time.Duration
		if pause, err = c.once(ctx, r, out); err == nil {
			return nil
		}
		if pause = cmp.Or(pause, firstPause<<(try-1)); try == Tries || pause > MaxRetryAfter || !repeatable(r.Method, err) {
			break
		}
		if serr := c.sleep(ctx, pause); serr != nil {
			return fmt.Errorf("%w; waiting to ask again: %w", err, serr)
		}
	}
	return err
}

func repeatable(method string, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Status == http.StatusTooManyRequests || method == http.MethodGet && e.Status >= 500
}

// once sends the request once; pause is how long the server wants to be left alone.
func (c *Client) once(ctx context.Context, r Request, out any) (pause time.Duration, err error) {
	what := r.Method + " " + r.Path
	fail := func(err error) error { return fmt.Errorf("%s: %w", what, providers.Redact(err, c.Secrets...)) }
	if ctx.Err() != nil {
		return 0, fail(ctx.Err())
	}
	sub, cancel := context.WithTimeout(ctx, cmp.Or(c.Patience, defaultPatience))
	defer cancel()
	req, err := c.request(sub, r)
	if err != nil {
		return 0, fail(err)
	}
	resp, err := c.doer().Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which is told already
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, fail(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case ctx.Err() != nil:
		return 0, fail(ctx.Err())
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return c.retryAfter(resp.Header.Get("Retry-After")), &Error{resp.StatusCode, fail(c.failed(resp, body))}
	case err != nil:
		return 0, fail(fmt.Errorf("HTTP %d, and the answer breaks off: %w", resp.StatusCode, err))
	case len(body) > maxBody:
		return 0, fail(fmt.Errorf("the answer has more than %d octets", maxBody))
	case out == nil:
		return 0, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return 0, fail(fmt.Errorf("HTTP %d with %s that is not what the interface promises", resp.StatusCode, kind(resp, body)))
	}
	return 0, nil
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	target := c.Base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	var body io.Reader
	if r.Body != nil {
		b, err := json.Marshal(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Accept", "application/json")
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

var direct = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (c *Client) doer() Doer {
	if c.HTTP != nil {
		return c.HTTP
	}
	return direct
}

// failed says what the status means, then what the content says.
func (c *Client) failed(resp *http.Response, body []byte) error {
	err := fmt.Errorf("HTTP %d", resp.StatusCode)
	if text := http.StatusText(resp.StatusCode); text != "" {
		err = fmt.Errorf("%w %s", err, text)
	}
	var said error
	if c.Explain != nil {
		said = c.Explain(resp.StatusCode, body)
	}
	switch {
	case said != nil:
		err = fmt.Errorf("%w: %w", err, said)
	case len(body) > 0 && !json.Valid(body):
		err = fmt.Errorf("%w, with %s", err, kind(resp, body))
	}
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		err = fmt.Errorf("%w: %w", err, providers.ErrPermission)
	}
	return err
}

// kind says what somebody sent who was to send JSON: most often the page of a proxy in between.
func kind(resp *http.Response, body []byte) string {
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && t != "application/json" {
		return "content of the type " + strconv.QuoteToASCII(t)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return "no content"
	}
	return "content"
}

// retryAfter reads the header of RFC 9110, 10.2.3: seconds or a date.
func (c *Client) retryAfter(v string) time.Duration {
	if s, err := strconv.ParseUint(strings.TrimSpace(v), 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		return max(at.Sub(now()), 0)
	}
	return 0
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
