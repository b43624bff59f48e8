package validate_test

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/bulk"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// A record that is right costs a referral, the record at both servers, the zone's NS records, and CAA at the domain; where
// the zone is signed its keys, too. The law "many" says that the report is the same.
func TestShortWay(t *testing.T) {
	for file, want := range map[string]int{"healthy.txt": 5, "healthy-signed.txt": 6, "healthy-glueless.txt": 5, "healthy-four-servers.txt": 7} {
		t.Run(file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text, err := os.ReadFile(worldsFolder + "/" + file)
				require.NoError(t, err)
				w, err := validatetest.ParseWorld(file, string(text))
				require.NoError(t, err)
				in, err := w.Internet()
				require.NoError(t, err)
				client := &resolver.Client{Dial: in.Dial}
				c, err := w.Checker(in, client)
				require.NoError(t, err)
				c.Lean, c.Concurrency = true, 1
				c.Pool = &bulk.Pool{Sockets: 2, Listen: in.ListenPacket, Fallback: client}
				defer c.Pool.Close()
				n := 0
				for rep, err := range c.CheckAll(t.Context(), slices.Values(slices.Repeat([]validate.Record{w.Record}, 3))) {
					require.NoError(t, err)
					assert.Equal(t, validate.Valid, rep.Verdict)
					if n++; n == 1 {
						in.ResetQueries()
						continue
					}
					assert.Equal(t, want, rep.Queries)
					assert.Len(t, in.Queries(), want)
					in.ResetQueries()
				}
				assert.Equal(t, 3, n)
			})
		})
	}
}
