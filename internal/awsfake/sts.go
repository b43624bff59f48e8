package awsfake

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// assumeRole plays STS's AssumeRole: whoever is known takes on any role that is there, if it tells what the role wants.
func (a *ACM) assumeRole(w http.ResponseWriter, r *http.Request, key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	who, known := a.Identities[key]
	action, arn := r.FormValue("Action"), r.FormValue("RoleArn")
	a.calls = append(a.calls, Call{Action: action, Account: accountOf(who.ARN)})
	role, there := a.Roles[arn]
	switch {
	case action != "AssumeRole":
		queryError(w, http.StatusBadRequest, "InvalidAction", action+" is not played here")
	case !known:
		queryError(w, http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case who.Expired:
		queryError(w, http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	case !there || role.ExternalID != r.FormValue("ExternalId") || r.FormValue("RoleSessionName") == "":
		queryError(w, http.StatusForbidden, "AccessDenied", fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", who.ARN, arn))
	default:
		session := fmt.Sprintf("ASIA%s%d", accountOf(arn), len(a.calls))
		a.Identities[session] = role.Identity
		w.Header().Set("Content-Type", "text/xml")
		_ = xml.NewEncoder(w).Encode(assumed{
			Xmlns: "https://sts.amazonaws.com/doc/2011-06-15/",
			Key:   session, Secret: "secret-of-" + session, Token: "token-of-" + session,
			Expiration: time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
			Assumed:    strings.Replace(role.ARN, ":role/", ":assumed-role/", 1) + "/" + r.FormValue("RoleSessionName"),
		})
	}
}

type assumed struct {
	XMLName    xml.Name `xml:"AssumeRoleResponse"`
	Xmlns      string   `xml:"xmlns,attr"`
	Key        string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret     string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token      string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	Assumed    string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
}

// queryError is an error of AWS's query protocol.
func queryError(w http.ResponseWriter, status int, code, message string) {
	type detail struct {
		Type    string
		Code    string
		Message string
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   detail
	}{Error: detail{"Sender", code, message}})
}

// handlerTransport hands requests to a handler without a socket.
type handlerTransport struct {
	http.Handler
	latency time.Duration
}

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.latency > 0 {
		timer := time.NewTimer(t.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	t.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}
