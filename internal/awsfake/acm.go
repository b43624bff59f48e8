package awsfake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// ACM stands in for AWS Certificate Manager of all accounts and regions, and for the part of STS that roles need. It is an
// http.Handler that speaks JSON 1.1 as the service does, and keeps what the public emulators leave out: regions and accounts
// see their own certificates only, lists come in pages and leave out what the real one leaves out by default, records are
// there some looks after the request, requests time out, calls are throttled, refused or expired. Its fields are set before
// the first call.
type ACM struct {
	Identities map[string]Identity // by access key; who is not there is unknown to AWS
	Roles      map[string]ACMRole  // what can be taken on, by ARN
	PageSize   int                 // the most that a list gives at a time; 0: 100
	Throttle   map[string]int      // how many of the next calls of an action are refused first
	Now        func() time.Time    // nil: time.Now
	Latency    time.Duration       // of a call by InMemory, in the time of whoever calls

	mu           sync.Mutex
	certificates []*acmCertificate
	calls        []Call
}

// ACMRole is a role of some account.
type ACMRole struct {
	ExternalID string // "" where it wants none
	Identity          // whom it makes of the caller
}

// Call is one call as it came.
type Call struct{ Action, Account, Region string }

type acmCertificate struct {
	detail      map[string]any
	looks       int // before its records are there
	validations []any
}

// Put adds a certificate, as describe-certificate prints it: its Certificate, or its AcmeDomainValidation. Its ARN says
// where it lies. For so many looks its domains have no records.
func (a *ACM) Put(document string, looks int) {
	var d map[string]map[string]any
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		panic(fmt.Sprintf("awsfake: %v", err))
	}
	for _, kind := range []string{"Certificate", "AcmeDomainValidation"} {
		if d[kind] != nil {
			a.mu.Lock()
			a.certificates = append(a.certificates, &acmCertificate{detail: d[kind], looks: looks})
			a.mu.Unlock()
			return
		}
	}
	panic("awsfake: neither Certificate nor AcmeDomainValidation")
}

// Migrate lets a certificate be on its way from e-mail to DNS: the records are in the answer of
// ListCertificateDomainValidations and nowhere else. Each is domain, name and value.
func (a *ACM) Migrate(arn string, records ...[3]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.certificates {
		if c.text("CertificateArn") != arn {
			continue
		}
		c.detail["UpdateSummary"] = map[string]any{"Status": "PENDING_DOMAIN_VALIDATION", "Type": "DOMAIN_VALIDATION_METHOD"}
		for _, r := range records {
			c.validations = append(c.validations, map[string]any{
				"DomainName":                    r[0],
				"ActiveValidationConfiguration": map[string]any{"ValidationMethod": "EMAIL", "ValidationStatus": "SUCCESS"},
				"RequestedValidationConfiguration": map[string]any{
					"ValidationMethod": "DNS", "ValidationStatus": "PENDING_VALIDATION",
					"ValidationChallenge": map[string]any{"DnsValidationChallenge": map[string]any{
						"ResourceRecord": map[string]any{"Name": r[1], "Type": "CNAME", "Value": r[2]},
					}},
				},
			})
		}
	}
}

// Calls gives what was called, in order, refused calls too.
func (a *ACM) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// InMemory is an HTTP client whose every request goes to this fake, whatever its address, without a socket: time can be
// simulated around it, and nothing else is ever reached.
func (a *ACM) InMemory() *http.Client { return &http.Client{Transport: handlerTransport{a, a.Latency}} }

// failure is an error in the form of the service.
type failure struct {
	status        int
	code, message string
}

func refuse(code, format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one call.
func (a *ACM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, region, service := credential(r)
	if service == "sts" {
		a.assumeRole(w, r, key)
		return
	}
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "CertificateManager.")
	var in map[string]any
	var out map[string]any
	fail := refuse("UnknownOperationException", "%s is nothing of ACM", r.Header.Get("X-Amz-Target"))
	if ok && service == "acm" {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			fail = refuse("SerializationException", "%v", err)
		} else {
			out, fail = a.answer(action, key, region, in)
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fail != nil {
		w.Header().Set("X-Amzn-ErrorType", fail.code)
		w.WriteHeader(fail.status)
		out = map[string]any{"__type": fail.code, "message": fail.message}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (a *ACM) answer(action, key, region string, in map[string]any) (map[string]any, *failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	who, known := a.Identities[key]
	account := accountOf(who.ARN)
	a.calls = append(a.calls, Call{action, account, region})
	do := map[string]func(scope, map[string]any) (map[string]any, *failure){
		"DescribeCertificate":              a.describe,
		"DescribeAcmeDomainValidation":     a.describeACME,
		"ListCertificates":                 a.list,
		"SearchCertificates":               a.search,
		"ListCertificateDomainValidations": a.listValidations,
	}[action]
	resource := "*"
	for _, member := range []string{"CertificateArn", "AcmeDomainValidationArn"} {
		if s, ok := in[member].(string); ok {
			resource = s
		}
	}
	switch {
	case do == nil:
		return nil, refuse("UnknownOperationException", "%s is not played here", action)
	case !known:
		return nil, refuse("UnrecognizedClientException", "The security token included in the request is invalid.")
	case who.Expired:
		return nil, refuse("ExpiredTokenException", "The security token included in the request is expired")
	case a.Throttle[action] > 0:
		a.Throttle[action]--
		return nil, refuse("ThrottlingException", "Rate exceeded")
	case !who.Policy.Allows("acm:"+action, resource, nil):
		return nil, refuse("AccessDeniedException", "User: %s is not authorized to perform: acm:%s on resource: %s", who.ARN, action, resource)
	}
	return do(scope{account, region}, in)
}

// scope is what one caller sees.
type scope struct{ account, region string }

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

func (c *acmCertificate) text(member string) string {
	s, _ := c.detail[member].(string)
	return s
}

func (c *acmCertificate) arn() string {
	return c.text("CertificateArn") + c.text("AcmeDomainValidationArn")
}

func (c *acmCertificate) in(s scope) bool {
	parts := strings.SplitN(c.arn(), ":", 6)
	return len(parts) == 6 && parts[3] == s.region && parts[4] == s.account
}

// find gives a certificate by the ARN in a request.
func (a *ACM) find(s scope, in map[string]any, member string) (*acmCertificate, *failure) {
	arn, _ := in[member].(string)
	if parts := strings.SplitN(arn, ":", 6); len(parts) != 6 || parts[0] != "arn" || parts[2] != "acm" {
		return nil, refuse("InvalidArnException", "The provided ARN is invalid: %s", arn)
	}
	for _, c := range a.certificates {
		if c.text(member) == arn && c.in(s) {
			return c, nil
		}
	}
	return nil, refuse("ResourceNotFoundException", "Could not find certificate %s.", arn)
}

func (a *ACM) describe(s scope, in map[string]any) (map[string]any, *failure) {
	c, fail := a.find(s, in, "CertificateArn")
	if fail != nil {
		return nil, fail
	}
	a.timeOut(c)
	detail := c.detail
	if c.looks > 0 {
		c.looks--
		detail = without(detail)
	}
	return map[string]any{"Certificate": epochs(detail)}, nil
}

// timeOut lets a request end that has been pending for 72 hours.
func (a *ACM) timeOut(c *acmCertificate) {
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	created, err := time.Parse(time.RFC3339, c.text("CreatedAt"))
	if err == nil && c.text("Status") == "PENDING_VALIDATION" && now().Sub(created) > 72*time.Hour {
		c.detail["Status"] = "VALIDATION_TIMED_OUT"
	}
}

// without leaves the records out of a certificate's domains.
func without(detail map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range detail {
		out[k] = v
	}
	var options []any
	list, _ := detail["DomainValidationOptions"].([]any)
	for _, o := range list {
		bare := map[string]any{}
		if m, ok := o.(map[string]any); ok {
			for k, v := range m {
				if k != "ResourceRecord" {
					bare[k] = v
				}
			}
		}
		options = append(options, bare)
	}
	out["DomainValidationOptions"] = options
	return out
}

// epochs gives times as the service sends them: in seconds since 1970.
func epochs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if s, ok := x.(string); ok && (strings.HasSuffix(k, "At") || strings.HasPrefix(k, "Not")) {
				if t, err := time.Parse(time.RFC3339, s); err == nil {
					out[k] = float64(t.UnixMilli()) / 1e3
					continue
				}
			}
			out[k] = epochs(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = epochs(x)
		}
		return out
	}
	return v
}

func (a *ACM) describeACME(s scope, in map[string]any) (map[string]any, *failure) {
	c, fail := a.find(s, in, "AcmeDomainValidationArn")
	if fail != nil {
		return nil, fail
	}
	return map[string]any{"AcmeDomainValidation": epochs(c.detail)}, nil
}

// list leaves out what the real one leaves out unless it is asked for: other key types than RSA up to 2048 bits, and what
// ACME endpoints have issued (ACM API Reference, "ListCertificates").
func (a *ACM) list(s scope, in map[string]any) (map[string]any, *failure) {
	includes, _ := in["Includes"].(map[string]any)
	keys := words(includes["keyTypes"], "RSA_1024", "RSA_2048")
	origins := words(in["CertificateKeyPairOrigins"], "AWS_MANAGED", "CUSTOMER_PROVIDED")
	statuses := words(in["CertificateStatuses"])
	var found []any
	for _, c := range a.certificates {
		if !c.in(s) || c.text("CertificateArn") == "" {
			continue
		}
		a.timeOut(c)
		key, origin := orElse(c.text("KeyAlgorithm"), "RSA_2048"), orElse(c.text("CertificateKeyPairOrigin"), "AWS_MANAGED")
		if slices.Contains(keys, strings.ReplaceAll(key, "-", "_")) && slices.Contains(origins, origin) &&
			(len(statuses) == 0 || slices.Contains(statuses, c.text("Status"))) {
			found = append(found, epochs(c.pick("CertificateArn", "DomainName", "Status", "Type", "KeyAlgorithm", "CreatedAt", "NotAfter", "RenewalEligibility")))
		}
	}
	return a.page(found, "CertificateSummaryList", "MaxItems", 1000, in)
}

func (c *acmCertificate) pick(members ...string) map[string]any {
	out := map[string]any{}
	for _, m := range members {
		if v, ok := c.detail[m]; ok {
			out[m] = v
		}
	}
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func words(v any, otherwise ...string) []string {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return otherwise
	}
	var out []string
	for _, x := range list {
		out = append(out, fmt.Sprint(x))
	}
	return out
}

// page cuts a list. A token is good for the very request that it came from.
func (a *ACM) page(found []any, member, size string, most int, in map[string]any) (map[string]any, *failure) {
	n := orZero(a.PageSize, 100)
	if m, ok := in[size].(float64); ok {
		if m < 1 || m > float64(most) {
			return nil, refuse("ValidationException", "%s must be from 1 to %d", size, most)
		}
		n = min(n, int(m))
	}
	token, _ := in["NextToken"].(string)
	delete(in, "NextToken")
	request, err := json.Marshal(in)
	if err != nil {
		return nil, refuse("InternalFailure", "%v", err)
	}
	from := 0
	if token != "" {
		text, err := base64.StdEncoding.DecodeString(token)
		rest, ok := strings.CutSuffix(string(text), " "+string(request))
		if err != nil || !ok {
			return nil, refuse("ValidationException", "The NextToken is not of this request")
		}
		if _, err := fmt.Sscan(rest, &from); err != nil || from > len(found) {
			return nil, refuse("ValidationException", "The NextToken is not valid")
		}
	}
	to := min(from+n, len(found))
	out := map[string]any{member: append([]any{}, found[from:to]...)}
	if to < len(found) {
		out["NextToken"] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", to, request))
	}
	return out, nil
}

func orZero(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

func (a *ACM) search(s scope, in map[string]any) (map[string]any, *failure) {
	var found []any
	for _, c := range a.certificates {
		if !c.in(s) || c.text("CertificateArn") == "" {
			continue
		}
		a.timeOut(c)
		ok, fail := c.matches(in["FilterStatement"])
		if fail != nil {
			return nil, fail
		}
		if ok {
			found = append(found, map[string]any{
				"CertificateArn":      c.text("CertificateArn"),
				"CertificateMetadata": map[string]any{"AcmCertificateMetadata": c.pick("Status", "Type", "RenewalEligibility")},
			})
		}
	}
	return a.page(found, "Results", "MaxResults", 100, in)
}

// matches evaluates a statement of SearchCertificates, as far as it is known here.
func (c *acmCertificate) matches(statement any) (bool, *failure) {
	if statement == nil {
		return true, nil
	}
	m, ok := statement.(map[string]any)
	if !ok || len(m) != 1 {
		return false, refuse("ValidationException", "a FilterStatement has exactly one member")
	}
	for kind, v := range m {
		switch kind {
		case "And", "Or":
			list, _ := v.([]any)
			if len(list) == 0 {
				return false, refuse("ValidationException", "%s needs statements", kind)
			}
			all, some := true, false
			for _, x := range list {
				ok, fail := c.matches(x)
				if fail != nil {
					return false, fail
				}
				all, some = all && ok, some || ok
			}
			return kind == "And" && all || kind == "Or" && some, nil
		case "Not":
			ok, fail := c.matches(v)
			return !ok, fail
		case "Filter":
			f, _ := v.(map[string]any)
			meta, _ := f["AcmCertificateMetadataFilter"].(map[string]any)
			if len(f) == 1 && len(meta) == 1 {
				for member, want := range meta {
					if slices.Contains([]string{"Status", "Type", "RenewalEligibility"}, member) {
						return c.text(member) == want, nil
					}
				}
			}
		}
	}
	return false, refuse("ValidationException", "a filter that is not played here: %v", statement)
}

func (a *ACM) listValidations(s scope, in map[string]any) (map[string]any, *failure) {
	c, fail := a.find(s, in, "CertificateArn")
	if fail != nil {
		return nil, fail
	}
	return a.page(c.validations, "DomainValidationSummaryList", "MaxItems", 1000, in)
}
