package acmapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/acmapi"
)

// moto is the second opinion on the wire format of ACM and STS: what is sent here it understands, and what it answers is
// understood. What it says of certificates means little (it validates by the clock, and knows no pages).
func TestMoto(t *testing.T) {
	url := awsfake.Moto(t, "MOTO_ACM_VALIDATION_WAIT=3600")
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(url), HTTPClient: awsfake.LoopbackOnly(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIAMOTO", secret, ""),
	}
	request := func(region string, algorithm types.KeyAlgorithm, domains ...string) string {
		c := cfg.Copy()
		c.Region = region
		out, err := acm.NewFromConfig(c).RequestCertificate(t.Context(), &acm.RequestCertificateInput{
			DomainName: &domains[0], SubjectAlternativeNames: domains, ValidationMethod: types.ValidationMethodDns, KeyAlgorithm: algorithm,
		})
		require.NoError(t, err)
		return aws.ToString(out.CertificateArn)
	}
	first := request("eu-west-1", types.KeyAlgorithmRsa2048, "example.com", "*.example.com", "www.example.com")
	second := request("us-east-1", types.KeyAlgorithmEcPrime256v1, "example.org")
	client := acmapi.New(cfg)

	t.Run("a certificate", func(t *testing.T) {
		cert, err := client.Certificate(t.Context(), first)
		require.NoError(t, err)
		assert.Equal(t, first, cert.ARN)
		assert.Equal(t, "PENDING_VALIDATION", cert.Status)
		assert.Equal(t, "AMAZON_ISSUED", cert.Type)
		assert.WithinDuration(t, time.Now(), cert.Created, 5*time.Minute)
		assert.Len(t, cert.Domains, 3)
		sources, err := client.Sources(t.Context(), first)
		require.NoError(t, err)
		require.Len(t, sources, 2, "a wildcard and its base share a record")
		for _, s := range sources {
			require.NoError(t, s.Err)
			assert.Nil(t, s.Record.Problem())
			assert.True(t, s.Record.Value.Below(validate.ValidationSuffix))
		}
	})
	t.Run("all of two regions", func(t *testing.T) {
		// moto does not know SearchCertificates, which it says in a way of its own; IAM would refuse it.
		client := acmapi.New(cfg)
		client.NewAPI = func(c aws.Config) acmapi.API { return withoutSearch{acm.NewFromConfig(c)} }
		arns, errs := arnsOf(t, client, acmapi.Scope{Regions: []string{"eu-west-1", "us-east-1"}})
		assert.Empty(t, errs)
		assert.ElementsMatch(t, []string{first, second}, arns)
	})
	t.Run("a role of another account", func(t *testing.T) {
		client := acmapi.New(cfg)
		client.NewAPI = func(c aws.Config) acmapi.API { return withoutSearch{acm.NewFromConfig(c)} }
		arns, errs := arnsOf(t, client, acmapi.Scope{Roles: []acmapi.Role{{ARN: "arn:aws:iam::210987654321:role/audit", ExternalID: "between-us"}}})
		assert.Empty(t, errs)
		assert.Empty(t, arns, "that account has none")
	})
	t.Run("errors", func(t *testing.T) {
		_, err := client.Certificate(t.Context(), first[:strings.LastIndexByte(first, '/')]+"/00000000-0000-0000-0000-000000000000")
		require.ErrorIs(t, err, acmapi.ErrNotFound)
		assert.NotContains(t, err.Error(), secret)
	})
	t.Run("what moto does not play, and ours does", func(t *testing.T) {
		c := cfg.Copy()
		c.Region = "us-east-1"
		motos, err := acm.NewFromConfig(c).ListCertificates(t.Context(), &acm.ListCertificatesInput{MaxItems: aws.Int32(1)})
		require.NoError(t, err)
		assert.Nil(t, motos.NextToken)
		fake := newACM()
		fake.Put(document(second, "PENDING_VALIDATION", map[string]any{"KeyAlgorithm": "EC_prime256v1"}, "example.org"), 0)
		ours := configOf(fake, "AKIAME")
		ours.Region = "us-east-1"
		list, err := acm.NewFromConfig(ours).ListCertificates(t.Context(), &acm.ListCertificatesInput{})
		require.NoError(t, err)
		assert.Empty(t, list.CertificateSummaryList, "an elliptic curve is in no list by default")
		assert.Len(t, motos.CertificateSummaryList, 1, "and is in moto's")
	})
	t.Run("the fake's answer has the same form", func(t *testing.T) {
		cert, err := client.Certificate(t.Context(), second)
		require.NoError(t, err)
		text, err := cert.MarshalJSON()
		require.NoError(t, err)
		fake := newACM()
		fake.Put(`{"Certificate":`+string(text)+`}`, 0)
		c := configOf(fake, "AKIAME")
		c.Region = "us-east-1"
		again, err := acmapi.New(c).Certificate(t.Context(), second)
		require.NoError(t, err)
		assert.Equal(t, cert, again)
	})
}
