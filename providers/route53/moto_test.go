package route53_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
)

// leftOutByMoto are elements that the API reference says are always there, and moto (5.2.1) does not send.
var leftOutByMoto = []string{"ListHostedZonesByNameResponse/IsTruncated", "ListHostedZonesByNameResponse/MaxItems"}

// Each request that a fix sends is sent to moto as well: it understands them, and answers in the same form.
func TestWireFormatByMoto(t *testing.T) {
	url := awsfake.Moto(t)
	f, c, id := example(t)
	f.Set(id, doubled, "CNAME", 300, value)
	motoZone := motoHostedZone(t, url, "example.com.", false)
	create := `<?xml version="1.0" encoding="UTF-8"?><ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>` +
		doubled + `</Name><Type>CNAME</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>` + value + `</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`
	status, _ := send(t, url, http.MethodPost, "/2013-04-01/hostedzone/"+motoZone+"/rrset", "", create)
	require.Equal(t, http.StatusOK, status)

	_, err := impatient.Apply(t.Context(), c, plan(t, c, report(f, id, "name-doubled", put(), drop(doubled, value))))
	require.NoError(t, err)
	_, err = c.GetZone(t.Context(), "Z0NOSUCHZONE")
	require.Error(t, err)
	seen := map[string]bool{}
	change := ""
	for _, r := range f.Requests() {
		path := strings.ReplaceAll(r.Path, id, motoZone)
		if strings.Contains(path, "/change/") {
			path = "/2013-04-01/change/" + change
		}
		query := r.Query
		if strings.HasSuffix(path, "/hostedzonesbyname") {
			query = "dnsname=example.com." // moto does not start at a name, it wants the very one
		}
		status, answer := send(t, url, r.Method, path, query, r.Body)
		require.Equal(t, r.Status, status, "%s %s?%s: %s", r.Method, r.Path, r.Query, answer)
		ours, theirs := shape(t, r.Answer), shape(t, answer)
		for _, p := range ours {
			seen[p] = true
			if !slices.Contains(leftOutByMoto, p) {
				require.Contains(t, theirs, p, "%s %s: %s", r.Method, r.Path, answer)
			}
		}
		if _, after, ok := strings.Cut(answer, "<Id>/change/"); ok {
			change, _, _ = strings.Cut(after, "<")
		}
	}
	for _, p := range []string{
		"ListHostedZonesByNameResponse/HostedZones/HostedZone/Id", "GetHostedZoneResponse/DelegationSet/NameServers/NameServer",
		"ListResourceRecordSetsResponse/ResourceRecordSets/ResourceRecordSet/ResourceRecords/ResourceRecord/Value",
		"ChangeResourceRecordSetsResponse/ChangeInfo/Status", "GetChangeResponse/ChangeInfo/Status", "ErrorResponse/Error/Code",
	} {
		require.True(t, seen[p], "%s was compared", p)
	}
}

func motoHostedZone(t *testing.T, url, name string, private bool) string {
	t.Helper()
	_, answer := send(t, url, http.MethodPost, "/2013-04-01/hostedzone", "", `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>`+name+`</Name><CallerReference>`+fmt.Sprint(time.Now().UnixNano())+
		`</CallerReference><HostedZoneConfig><Comment>x</Comment><PrivateZone>`+fmt.Sprint(private)+`</PrivateZone></HostedZoneConfig></CreateHostedZoneRequest>`)
	_, after, ok := strings.Cut(answer, "<Id>/hostedzone/")
	require.True(t, ok, answer)
	id, _, _ := strings.Cut(after, "<")
	return id
}

func send(t *testing.T, url, method, path, query, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url+path+"?"+query, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0")
	req.Header.Set("Host", "route53.amazonaws.com")
	res, err := awsfake.LoopbackOnly().Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

// shape gives the paths of elements in a document, sorted, each once.
func shape(t *testing.T, text string) (out []string) {
	t.Helper()
	var path []string
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			slices.Sort(out)
			return slices.Compact(out)
		}
		require.NoError(t, err, text)
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			out = append(out, strings.Join(path, "/"))
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}
