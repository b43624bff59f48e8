package route53_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/providers"
)

// What Plan.Export writes for Route 53 is a change batch as the SDK has it, and the service takes it: once, and not when the zone
// has changed since.
func TestExportedChangeBatchRuns(t *testing.T) {
	f, c, id := example(t)
	f.Set(id, owner, "CNAME", 600, wrong)
	f.Set(id, doubled, "CNAME", 3600, value)
	var text bytes.Buffer
	p := plan(t, c, report(f, id, "value-mismatch", put(wrong), drop(doubled, value)))
	require.NoError(t, p.Export(&text, providers.FormatRoute53))

	var batch types.ChangeBatch
	dec := json.NewDecoder(&text)
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&batch))
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	api := r53.New(r53.Options{
		BaseEndpoint: aws.String(server.URL), Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		HTTPClient: awsfake.LoopbackOnly(), RetryMaxAttempts: 1,
	})
	send := func() error {
		_, err := api.ChangeResourceRecordSets(t.Context(), &r53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(id), ChangeBatch: &batch})
		return err
	}
	require.NoError(t, send())
	require.Equal(t, []string{owner + " CNAME " + value}, f.Dump(id))
	require.ErrorContains(t, send(), "InvalidChangeBatch")
}
