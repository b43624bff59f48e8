package cloudflare_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	libdns "github.com/libdns/cloudflare"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/cloudflare"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Whatever comes as an answer: sets at the name that was asked for, or an error.
func FuzzAnswer(f *testing.F) {
	record := func(fields string) string {
		return `{"success":true,"errors":[],"result":[{"id":"1","name":"` + strings.TrimSuffix(owner.String(), ".") + `",` + fields + `}]}`
	}
	f.Add(200, record(`"type":"CNAME","content":"a.acm-validations.aws","ttl":1,"proxied":true,"settings":{"flatten_cname":true}`))
	f.Add(200, record(`"type":"MX","content":"","ttl":300`))
	f.Add(200, record(`"type":"TXT","content":"a \" b","ttl":-1`))
	f.Add(200, `{"success":true,"result":[{"id":"x","name":"example.com","name_servers":["a..b"]}],"result_info":{"page":1,"total_pages":9}}`)
	f.Add(200, `{"success":false,"errors":[{"code":81053,"message":"`+secret+`","error_chain":[{"code":7003}]}]}`)
	f.Add(200, `{"success":true,"result":{"flatten_all_cnames":true}}`)
	f.Add(404, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c, err := cloudflare.New(&libdns.Provider{APIToken: secret})
		require.NoError(t, err)
		c.HTTP.Sleep = func(context.Context, time.Duration) error { return errors.New("over") }
		requests := 0
		c.HTTP.HTTP = doer(func(*http.Request) (*http.Response, error) {
			if requests++; requests > 1000 {
				t.Fatal("it asks without end")
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		sets, err := c.Read(t.Context(), zone, owner)
		if err != nil {
			require.Empty(t, sets)
			require.NotContains(t, err.Error(), secret)
		}
		for _, s := range sets {
			require.Equal(t, owner, s.Name)
			require.NotEmpty(t, s.Values)
		}
		zones, err := c.FindZones(t.Context(), owner)
		if err != nil {
			require.NotContains(t, err.Error(), secret)
		}
		for _, z := range zones {
			require.True(t, owner.Within(z.Apex))
		}
		_ = c.Write(t.Context(), zone, providers.Batch{Owners: []resolver.Name{owner}, Expect: sets, Delete: sets})
	})
}
