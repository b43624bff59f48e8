package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/httpapi"
)

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func answer(status int, body string, retryAfter string) *http.Response {
	return &http.Response{
		StatusCode: status, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {retryAfter}},
	}
}

// Who is told to wait waits, for as long as is sensible; what may have been carried out is not sent again.
func TestRepeats(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		method     string
		status     int
		retryAfter string
		pauses     []time.Duration
	}{
		{"GET", 429, "7", []time.Duration{7 * time.Second, 7 * time.Second}},
		{"GET", 429, "Wed, 25 Nov 2026 12:00:09 GMT", []time.Duration{9 * time.Second, 9 * time.Second}},
		{"GET", 429, "Wed, 25 Nov 2026 11:00:00 GMT", []time.Duration{500 * time.Millisecond, time.Second}},
		{"GET", 429, "31", nil},
		{"GET", 429, "99999999999999999999", []time.Duration{500 * time.Millisecond, time.Second}},
		{"GET", 429, "-5", []time.Duration{500 * time.Millisecond, time.Second}},
		{"GET", 503, "", []time.Duration{500 * time.Millisecond, time.Second}},
		{"GET", 404, "1", nil},
		{"PATCH", 429, "1", []time.Duration{time.Second, time.Second}},
		{"PATCH", 503, "1", nil},
		{"DELETE", 500, "", nil},
	} {
		var pauses []time.Duration
		sent := 0
		c := &httpapi.Client{
			Base: "http://192.0.2.1", Now: func() time.Time { return now },
			HTTP: doer(func(*http.Request) (*http.Response, error) {
				sent++
				return answer(tt.status, "{}", tt.retryAfter), nil
			}),
			Sleep: func(_ context.Context, d time.Duration) error {
				pauses = append(pauses, d)
				return nil
			},
		}
		err := c.Do(t.Context(), httpapi.Request{Method: tt.method, Path: "/x"}, nil)
		var e *httpapi.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, tt.status, e.Status)
		require.Equal(t, tt.pauses, pauses, tt)
		require.Equal(t, len(pauses)+1, sent)
	}
}

// Waiting ends with the context, and the error says both why it waited and why it stopped.
func TestWaitingIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &httpapi.Client{Base: "http://192.0.2.1", HTTP: doer(func(*http.Request) (*http.Response, error) {
		cancel()
		return answer(429, "{}", "20"), nil
	})}
	err := c.Do(ctx, httpapi.Request{Path: "/x"}, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// The content of an error is somebody else's text: none of it that is not JSON is repeated, and no secret at all.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		resp *http.Response
		text string
		is   error
	}{
		{answer(401, `{"why":"se/cret"}`, ""), `GET /x: HTTP 401 Unauthorized: the words are {"why":"[redacted]"}: the credentials do not allow this`, providers.ErrPermission},
		{answer(418, "se/cret", ""), "GET /x: HTTP 418 I'm a teapot, with content", nil},
		{answer(599, "", ""), "GET /x: HTTP 599", nil},
		{answer(200, "se/cret", ""), "GET /x: HTTP 200 with content that is not what the interface promises", nil},
		{answer(204, "", ""), "GET /x: HTTP 204 with no content that is not what the interface promises", nil},
	} {
		c := &httpapi.Client{
			Base: "http://192.0.2.1", Secrets: []providers.Secret{"se/cret"},
			HTTP:  doer(func(*http.Request) (*http.Response, error) { return tt.resp, nil }),
			Sleep: func(context.Context, time.Duration) error { return errors.New("over") },
			Explain: func(_ int, body []byte) error {
				if strings.HasPrefix(string(body), "{") {
					return errors.New("the words are " + string(body))
				}
				return nil
			},
		}
		var out map[string]any
		err := c.Do(t.Context(), httpapi.Request{Path: "/x"}, &out)
		require.ErrorContains(t, err, tt.text)
		require.NotContains(t, err.Error(), "se/cret")
		if tt.is != nil {
			require.ErrorIs(t, err, tt.is)
		}
	}
}
