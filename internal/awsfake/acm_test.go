package awsfake

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const certificateARN = "arn:aws:acm:eu-west-1:123456789012:certificate/a"

const certificateDocument = `{"Certificate": {"CertificateArn": "` + certificateARN + `", "DomainName": "example.com", "Status": "PENDING_VALIDATION",
 "Type": "AMAZON_ISSUED", "KeyAlgorithm": "EC_prime256v1", "CreatedAt": "2126-11-24T11:40:00Z", "InUseBy": [], "RenewalEligibility": "INELIGIBLE",
 "DomainValidationOptions": [{"DomainName": "example.com", "ValidationMethod": "DNS", "ValidationStatus": "PENDING_VALIDATION",
  "ResourceRecord": {"Name": "_a79.example.com.", "Type": "CNAME", "Value": "_424.xyz.acm-validations.aws."}}]}}`

const acmeARN = "arn:aws:acm:eu-west-1:123456789012:acme-endpoint/e/acme-domain-validation/v"

func newFake() *ACM {
	a := &ACM{Identities: map[string]Identity{"AKIAME": {ARN: "arn:aws:iam::123456789012:user/me"}}, Throttle: map[string]int{}}
	a.Put(certificateDocument, 0)
	a.Put(strings.ReplaceAll(strings.ReplaceAll(certificateDocument, "certificate/a", "certificate/b"), "EC_prime256v1", "RSA_2048"), 1)
	a.Put(`{"AcmeDomainValidation": {"AcmeDomainValidationArn": "`+acmeARN+`", "DomainName": "example.com", "Status": "INVALID",
 "CreatedAt": "2026-11-24T11:40:00Z", "UpdatedAt": "2026-11-24T11:40:00Z", "AcmeEndpointArn": "arn:aws:acm:eu-west-1:123456789012:acme-endpoint/e",
 "FailureDetails": {"Reason": "TIMED_OUT"}, "PrevalidationType": "DNS_PREVALIDATION"}}`, 0)
	a.Migrate(certificateARN, [3]string{"example.com", "_a79.example.com.", "_424.xyz.acm-validations.aws."}, [3]string{"www.example.com", "_b80.www.example.com.", "_525.xyz.acm-validations.aws."})
	return a
}

// call sends one call as the SDK does, and gives the answer with its status.
func call(t *testing.T, a *ACM, key, action, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://acm.eu-west-1.amazonaws.com/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "CertificateManager."+action)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261124/eu-west-1/acm/aws4_request, SignedHeaders=host, Signature=x")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	var out map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out), w.Body.String())
	return w.Code, out
}

func arns(list any) (out []string) {
	items, _ := list.([]any)
	for _, x := range items {
		m, _ := x.(map[string]any)
		out = append(out, fmt.Sprint(m["CertificateArn"]))
	}
	return out
}

func TestListLeavesOutWhatACMLeavesOut(t *testing.T) {
	a := newFake()
	_, out := call(t, a, "AKIAME", "ListCertificates", `{}`)
	assert.Equal(t, []string{strings.Replace(certificateARN, "/a", "/b", 1)}, arns(out["CertificateSummaryList"]), "no elliptic curve unless it is asked for")
	_, out = call(t, a, "AKIAME", "ListCertificates", `{"Includes":{"keyTypes":["EC_prime256v1","RSA_2048"]}}`)
	assert.Len(t, out["CertificateSummaryList"], 2)
}

func TestPagesAreOfOneRequest(t *testing.T) {
	a := newFake()
	all := `{"Includes":{"keyTypes":["EC_prime256v1","RSA_2048"]},"MaxItems":1`
	_, first := call(t, a, "AKIAME", "ListCertificates", all+`}`)
	require.NotEmpty(t, first["NextToken"])
	_, second := call(t, a, "AKIAME", "ListCertificates", all+fmt.Sprintf(`,"NextToken":%q}`, first["NextToken"]))
	assert.NotEqual(t, arns(first["CertificateSummaryList"]), arns(second["CertificateSummaryList"]))
	assert.Nil(t, second["NextToken"])
	code, out := call(t, a, "AKIAME", "ListCertificates", fmt.Sprintf(`{"NextToken":%q}`, first["NextToken"]))
	assert.Equal(t, 400, code)
	assert.Equal(t, "ValidationException", out["__type"])
}

func TestRefusals(t *testing.T) {
	a := newFake()
	deny, err := ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"acm:List*","Resource":"*"}]}`))
	require.NoError(t, err)
	a.Identities["AKIAPOOR"] = Identity{ARN: "arn:aws:iam::123456789012:user/poor", Policy: deny}
	a.Identities["AKIAOLD"] = Identity{ARN: "arn:aws:iam::123456789012:user/old", Expired: true}
	a.Identities["AKIAOTHER"] = Identity{ARN: "arn:aws:iam::210987654321:user/other"}
	a.Throttle["SearchCertificates"] = 1
	describe := `{"CertificateArn":"` + certificateARN + `"}`
	for _, c := range []struct{ key, action, body, code string }{
		{"AKIAPOOR", "DescribeCertificate", describe, "AccessDeniedException"},
		{"AKIAOLD", "DescribeCertificate", describe, "ExpiredTokenException"},
		{"AKIANOBODY", "DescribeCertificate", describe, "UnrecognizedClientException"},
		{"AKIAOTHER", "DescribeCertificate", describe, "ResourceNotFoundException"},
		{"AKIAME", "DescribeCertificate", `{"CertificateArn":"x"}`, "InvalidArnException"},
		{"AKIAME", "SearchCertificates", `{}`, "ThrottlingException"},
		{"AKIAME", "SearchCertificates", `{"FilterStatement":{"Filter":{"X":1}}}`, "ValidationException"},
		{"AKIAME", "DeleteCertificate", describe, "UnknownOperationException"},
	} {
		code, out := call(t, a, c.key, c.action, c.body)
		assert.Equal(t, 400, code)
		assert.Equal(t, c.code, out["__type"], "%+v", c)
	}
	code, _ := call(t, a, "AKIAME", "SearchCertificates", `{}`)
	assert.Equal(t, 200, code, "throttled once, as was said")
}

// model is ACM's own description of itself, which comes with every installation of botocore, and so with moto's.
type model struct {
	Operations map[string]struct {
		Input, Output struct{ Shape string }
		Errors        []struct{ Shape string }
	}
	Shapes map[string]struct {
		Type     string
		Members  map[string]struct{ Shape string }
		Member   struct{ Shape string }
		Required []string
		Enum     []string
	}
}

func readModel(t *testing.T) model {
	t.Helper()
	venv := filepath.Dir(filepath.Dir(os.Getenv(MotoVariable)))
	found, err := filepath.Glob(filepath.Join(venv, "lib/python3*/site-packages/botocore/data/acm/2015-12-08/service-2.json.gz"))
	require.NoError(t, err)
	if len(found) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no botocore beside moto: %s names none", MotoVariable)
		}
		t.Skipf("there is no botocore: set %s to a moto_server in a virtual environment", MotoVariable)
	}
	f, err := os.Open(found[0])
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var m model
	require.NoError(t, json.NewDecoder(z).Decode(&m))
	return m
}

// judge says in what v is not of a shape.
func (m model) judge(v any, shape, at string) (bad []string) {
	s, known := m.Shapes[shape]
	wrong := func(what string) []string { return append(bad, at+": "+what) }
	if !known {
		return wrong("the shape " + shape + " is not in the model")
	}
	switch s.Type {
	case "structure":
		o, ok := v.(map[string]any)
		if !ok {
			return wrong("no object")
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			member, there := s.Members[name]
			if !there {
				bad = append(bad, at+"."+name+": unknown to "+shape)
				continue
			}
			bad = append(bad, m.judge(o[name], member.Shape, at+"."+name)...)
		}
		for _, r := range s.Required {
			if _, there := o[r]; !there {
				bad = append(bad, at+"."+r+": missing")
			}
		}
	case "list":
		list, ok := v.([]any)
		if !ok {
			return wrong("no array")
		}
		for i, x := range list {
			bad = append(bad, m.judge(x, s.Member.Shape, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "string":
		text, ok := v.(string)
		if !ok || len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
			return wrong(fmt.Sprintf("%v is no %s", v, shape))
		}
	case "timestamp", "integer", "long":
		if _, ok := v.(float64); !ok {
			return wrong(fmt.Sprintf("%v is no number", v))
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong(fmt.Sprintf("%v is no bool", v))
		}
	}
	return bad
}

// What the fake says has the form that ACM's own model describes; the model is AWS's, so that two mistakes of ours cannot agree.
func TestAnswersHaveTheModelsForm(t *testing.T) {
	m := readModel(t)
	a := newFake()
	for _, c := range []struct{ action, body string }{
		{"DescribeCertificate", `{"CertificateArn":"` + certificateARN + `"}`},
		{"DescribeCertificate", `{"CertificateArn":"` + strings.Replace(certificateARN, "/a", "/b", 1) + `"}`},
		{"DescribeAcmeDomainValidation", `{"AcmeDomainValidationArn":"` + acmeARN + `"}`},
		{"ListCertificates", `{"Includes":{"keyTypes":["EC_prime256v1","RSA_2048"]},"CertificateKeyPairOrigins":["AWS_MANAGED","ACME"],"MaxItems":1}`},
		{"SearchCertificates", `{"FilterStatement":{"And":[{"Filter":{"AcmCertificateMetadataFilter":{"Type":"AMAZON_ISSUED"}}},{"Not":{"Filter":{"AcmCertificateMetadataFilter":{"Status":"FAILED"}}}}]},"MaxResults":1}`},
		{"ListCertificateDomainValidations", `{"CertificateArn":"` + certificateARN + `","MaxItems":1}`},
	} {
		op, ok := m.Operations[c.action]
		require.True(t, ok, "%s is no operation of ACM", c.action)
		var in any
		require.NoError(t, json.Unmarshal([]byte(c.body), &in))
		assert.Empty(t, m.judge(in, op.Input.Shape, c.action+" request"))
		code, out := call(t, a, "AKIAME", c.action, c.body)
		require.Equal(t, 200, code, "%v", out)
		assert.Empty(t, m.judge(out, op.Output.Shape, c.action))
	}
	assert.NotEmpty(t, m.judge(map[string]any{"Certificate": map[string]any{"Staus": "ISSUED"}}, "DescribeCertificateResponse", "x"), "a mistake is noticed")
}
