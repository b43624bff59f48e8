package powerdns_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	libdns "github.com/libdns/powerdns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/powerdns"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Whatever comes as an answer: a list of sets at the name that was asked for, or an error.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"name":"example.test.","rrsets":[{"name":"`+owner.String()+`","type":"CNAME","ttl":300,"records":[{"content":"`+value+`","disabled":true}]}]}`)
	f.Add(200, `{"name":"example.test.","rrsets":[{"name":"`+owner.String()+`","type":"LUA","records":[{}]},{"name":"..","type":"A"}]}`)
	f.Add(200, `[{"id":"example.test.","name":"example.test.","kind":"Slave"}]`)
	f.Add(422, `{"error":"no","errors":["`+marker+`"]}`)
	f.Add(500, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c, err := powerdns.New(&libdns.Provider{ServerURL: "http://192.0.2.1:8081", APIToken: marker})
		require.NoError(t, err)
		c.HTTP.Sleep = func(context.Context, time.Duration) error { return errors.New("over") }
		c.HTTP.HTTP = &tap{on: func(int, *http.Request) (*http.Response, error) {
			return answer(status, "application/json", body), nil
		}}
		sets, err := c.Read(t.Context(), zone, owner)
		if err != nil {
			require.Empty(t, sets)
			require.NotContains(t, err.Error(), marker)
		}
		for _, s := range sets {
			require.Equal(t, owner, s.Name)
			require.NotEmpty(t, s.Values)
		}
		zones, err := c.FindZones(t.Context(), owner)
		if err != nil {
			require.NotContains(t, err.Error(), marker)
		}
		for _, z := range zones {
			require.True(t, owner.Within(z.Apex))
		}
		_ = c.Write(t.Context(), zone, providers.Batch{Owners: []resolver.Name{owner}, Expect: sets, Delete: sets})
	})
}
