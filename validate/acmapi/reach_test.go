package acmapi_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate/acmapi"
)

// nobody is a network in which there is no such host.
type nobody struct{ asked int }

var errNoSuchHost = errors.New("no such host")

func (n *nobody) Do(*http.Request) (*http.Response, error) {
	n.asked++
	return nil, errNoSuchHost
}

// A region that does not exist has no host to ask, and that is told at once, not after all the attempts that throttling is worth.
func TestARegionThatDoesNotExistIsToldSoon(t *testing.T) {
	cfg := standard(configOf(newACM(), "AKIAME"))
	network := &nobody{}
	cfg.HTTPClient = network
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, err := acmapi.New(cfg).Certificate(t.Context(), arnOf(account, "eu-west-9", "a"))
		require.ErrorContains(t, err, "no answer from AWS: no such host")
		assert.Equal(t, 3, network.asked)
		assert.Less(t, time.Since(begun), 10*time.Second)
	})
}
