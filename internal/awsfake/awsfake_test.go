package awsfake_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
)

func TestLoopbackOnly(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	res, err := awsfake.LoopbackOnly().Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	_, err = awsfake.LoopbackOnly().Get("http://192.0.2.1/")
	require.ErrorContains(t, err, "is not on this machine")
}

func TestPolicyLanguage(t *testing.T) {
	for text, want := range map[string]bool{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"route53:Get*","Resource":"arn:aws:route53:::hostedzone/Z?"}]}`:                          true,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ROUTE53:gethostedzone","Resource":"*"}]}`: false,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"route53:List*","Resource":"*"}]}`:                                                       false,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"x":"y"}}}]}`:               true, // a key without values
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"x":"false"}}}]}`:                                false,
	} {
		p, err := awsfake.ParsePolicy([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, p.Allows("route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z1", nil), text)
	}
	for _, bad := range []string{
		`{`, `{"Version":"2008-10-17","Statement":[]}`, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotLike":{"x":"y"}}}]}`,
	} {
		_, err := awsfake.ParsePolicy([]byte(bad))
		require.Error(t, err, "what is not known here is not ignored")
	}
}
