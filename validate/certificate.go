package validate

import (
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Certificate is what ACM says about the certificate that a record belongs to, at the moment it was asked. It is a plain
// value; its zero value says nothing, and then no rule about certificates applies. Words are ACM's own and kept as they
// came, also those that did not exist when this was written (ACM API Reference, "CertificateDetail").
//
// An ACME endpoint of ACM has domain validations in place of certificates, each with one record of the same form; one of
// them is a Certificate with the ARN, Status and FailureReason of its AcmeDomainValidation.
type Certificate struct {
	ARN    string
	Domain string // DomainName, as listed
	// Status is PENDING_VALIDATION, ISSUED, INACTIVE, EXPIRED, VALIDATION_TIMED_OUT, REVOKED or FAILED; of an ACME domain
	// validation VALIDATING, VALID, INVALID or DELETING.
	Status        string
	Type          string // AMAZON_ISSUED, IMPORTED or PRIVATE
	FailureReason string // why Status is FAILED or INVALID: CAA_ERROR and the like

	Created   time.Time // when it was requested; zero, as the others, where ACM did not say
	Issued    time.Time
	NotBefore time.Time
	NotAfter  time.Time

	Domains []DomainValidation // one for each name on it, as ACM lists them
	Renewal Renewal            // zero before the first attempt

	RenewalEligibility string   // ELIGIBLE or INELIGIBLE
	InUseBy            []string // ARNs of what uses it; nil where ACM did not say or nothing does

	KeyAlgorithm  string // RSA-2048, EC-prime256v1 and the like; request-certificate takes it with an underscore
	KeyPairOrigin string // AWS_MANAGED, ACME or CUSTOMER_PROVIDED
	ManagedBy     string // the AWS service that manages it, such as CLOUDFRONT

	// Migration is how far a change of the validation method is, such as from e-mail to DNS: PENDING_DOMAIN_VALIDATION,
	// SUCCESS or FAILED; "" where none was asked for (ACM API Reference, "UpdateSummary").
	Migration string
}

// DomainValidation is how far ACM is with one name of a certificate (ACM API Reference, "DomainValidation").
type DomainValidation struct {
	Domain string // as listed, maybe with "*." in front
	Method string // DNS, EMAIL or HTTP
	Status string // PENDING_VALIDATION, SUCCESS or FAILED
	// Name and Value are its record; zero where it has none (yet). A wildcard and its base share one.
	Name, Value resolver.Name
}

// Renewal is how far ACM is with renewing a certificate (ACM API Reference, "RenewalSummary"). Its list of domains is its
// own: the certificate's stays as it was at the first issue.
type Renewal struct {
	Status  string // PENDING_AUTO_RENEWAL, PENDING_VALIDATION, SUCCESS or FAILED
	Reason  string // why it is FAILED, in the words of Certificate.FailureReason
	Updated time.Time
	Domains []DomainValidation
}

// ValidationWindow is how long ACM tries to validate a request before it gives up for good: the certificate is then
// VALIDATION_TIMED_OUT, and only a new request helps (ACM API Reference, "CertificateDetail", Status).
const ValidationWindow = 72 * time.Hour

// The values of ACM that rules branch on.
const (
	statusPending    = "PENDING_VALIDATION" // of certificates, domains and renewals
	statusTimedOut   = "VALIDATION_TIMED_OUT"
	statusFailed     = "FAILED"
	statusIssued     = "ISSUED"
	statusExpired    = "EXPIRED"
	statusRevoked    = "REVOKED"
	statusSuccess    = "SUCCESS"
	statusInvalid    = "INVALID"
	migrationPending = "PENDING_DOMAIN_VALIDATION"
	typeImported     = "IMPORTED"
	typePrivate      = "PRIVATE"
	methodDNS        = "DNS"
	methodHTTP       = "HTTP"
)

// IsZero reports whether nothing is known about the certificate.
func (c Certificate) IsZero() bool { return c.ARN == "" && c.Status == "" && len(c.Domains) == 0 }

// Deadline is when ACM gives up on the request; zero where the certificate is not pending, or the time of its request is
// not known.
func (c Certificate) Deadline() time.Time {
	if c.Status != statusPending || c.Created.IsZero() {
		return time.Time{}
	}
	return c.Created.Add(ValidationWindow)
}

// lost reports whether no change in the DNS helps the certificate any more: ACM has refused the request or given up on it, or what it
// issued is over.
func (c Certificate) lost(now time.Time) bool {
	switch c.Status {
	case statusTimedOut, statusFailed, statusExpired, statusRevoked, statusInvalid:
		return true
	}
	deadline := c.Deadline()
	return !deadline.IsZero() && !now.Before(deadline)
}

// Region gives the AWS region of the certificate's ARN; "" where there is none.
func (c Certificate) Region() string {
	if parts := strings.SplitN(c.ARN, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// Asks reports whether r's name and value are the record of one of the certificate's domains. The value may lack its
// underscore, which ACM accepts.
func (c Certificate) Asks(r Record) bool {
	return slices.ContainsFunc(c.validations(), func(d DomainValidation) bool {
		return d.Name == r.Name && (Record{Value: d.Value}).Accepts(r.Value)
	})
}

// Records gives the records that the certificate asks for, one for each distinct one, in the order of its domains, each
// with the domains that it proves and the certificate itself.
func (c Certificate) Records() []Record {
	var out []Record
	for _, d := range c.validations() {
		if d.Name.IsZero() || d.Value.IsZero() {
			continue
		}
		domain, err := resolver.ParseName(d.Domain)
		i := slices.IndexFunc(out, func(r Record) bool { return r.Name == d.Name && r.Value == d.Value })
		if i < 0 {
			out = append(out, Record{Name: d.Name, Value: d.Value, Certificate: c})
			i = len(out) - 1
		}
		if err == nil && !slices.Contains(out[i].Domains, domain) {
			out[i].Domains = append(out[i].Domains, domain)
		}
	}
	return out
}

// Sources gives what there is to check, as [ParseSources] does of the certificate's JSON: one for each record, and one with
// an error for each domain that has none, which wraps [ErrRecordPending], [ErrNotDNSValidated] or [ErrNoRecord].
func (c Certificate) Sources() []Source {
	var out []Source
	for _, r := range c.Records() {
		s := Source{Record: r, Name: r.Name.Text(), Value: r.Value.Text()}
		if len(r.Domains) > 0 {
			s.Domain = r.Domains[0].Text()
		}
		out = append(out, s)
	}
	var said []string
	for _, d := range c.validations() {
		has := func(x DomainValidation) bool { return x.Domain == d.Domain && !x.Name.IsZero() }
		if !slices.Contains(said, d.Domain) && !slices.ContainsFunc(c.validations(), has) {
			said = append(said, d.Domain)
			out = append(out, c.recordless(d.Domain))
		}
	}
	if len(out) == 0 && !c.IsZero() {
		out = append(out, c.recordless(c.Domain))
	}
	return out
}

// recordless is a domain that has no record.
func (c Certificate) recordless(domain string) Source {
	s := Source{Domain: domain, Record: Record{Certificate: c}}
	if n, err := resolver.ParseName(domain); err == nil {
		s.Record.Domains = []resolver.Name{n}
	}
	how, other := s.Record.notDNS()
	switch {
	case other:
		s.Err = &InputError{Found: how, Expected: "DNS validation", Kind: ErrNotDNSValidated, Message: "the certificate" + forDomain(domain) + " is not validated by DNS: " + how}
	case s.Record.awaited():
		s.Err = pending(0, 0, domain)
	default:
		s.Err = &InputError{
			Found: "no ResourceRecord", Expected: "one, with Name and Value", Kind: ErrNoRecord,
			Message: "the certificate" + forDomain(domain) + " has no record (its status is " + quoted(c.Status) + ")",
		}
	}
	return s
}

// WithCertificate gives r with what is known about the certificate that it is to prove, and with the certificate's domains
// that it proves. A record that the certificate does not ask for keeps its own domains, and a check of it says so.
func (r Record) WithCertificate(c Certificate) Record {
	r.Certificate = c
	for _, its := range c.Records() {
		if its.Name == r.Name && its.Accepts(r.Value) && len(its.Domains) > 0 {
			r.Domains = its.Domains
		}
	}
	return r
}

// validations are the domains of the request and those of the renewal, which can have come to differ.
func (c Certificate) validations() []DomainValidation {
	return slices.Concat(c.Domains, c.Renewal.Domains)
}

// awaited reports whether r stands for a record that ACM will issue: for some seconds after a request there is none.
func (r Record) awaited() bool {
	if !r.Name.IsZero() || !r.Value.IsZero() || r.Certificate.IsZero() {
		return false
	}
	switch r.Certificate.Status {
	case statusPending, "", "VALIDATING":
		_, other := r.notDNS()
		return !other
	}
	return false
}

// notDNS says how the certificate's domains that r is about are proven, where that is not by DNS.
func (r Record) notDNS() (how string, ok bool) {
	c := r.Certificate
	switch c.Type {
	case typeImported:
		return "it is imported, so that ACM validates nothing", true
	case typePrivate:
		return "it comes from a private CA, which asks no DNS", true
	}
	for _, d := range c.Domains {
		if r.proves(d) && d.Method != "" && d.Method != methodDNS {
			return shownDomain(d.Domain) + " is validated by " + plainMethod(d.Method), true
		}
	}
	return "", false
}

// forDomains is " for" and the domains, in a sentence.
func (r Record) forDomains() string {
	if len(r.Domains) == 0 {
		return ""
	}
	return " for " + list(r.Domains, resolver.Name.Text)
}

// proves reports whether d is one of the domains that r proves.
func (r Record) proves(d DomainValidation) bool {
	if !d.Name.IsZero() {
		return d.Name == r.Name
	}
	n, err := resolver.ParseName(d.Domain)
	return err == nil && slices.Contains(r.Domains, n)
}

// certificateText is the line about the certificate in a report for people; "" where nothing is known.
func (r Report) certificateText() string {
	c := r.Record.Certificate
	if c.IsZero() {
		return ""
	}
	text := c.Status
	if text == "" {
		text = "status not known"
	}
	if !c.Created.IsZero() && c.Issued.IsZero() {
		text += ", asked for at " + moment(c.Created)
	}
	if d := c.Deadline(); !d.IsZero() {
		text += "; ACM gives up at " + moment(d)
	}
	if !c.NotAfter.IsZero() && !c.Issued.IsZero() {
		text += ", until " + moment(c.NotAfter)
	}
	if c.Renewal.Status != "" {
		text += "; renewal " + c.Renewal.Status
	}
	return text
}

func moment(t time.Time) string { return t.UTC().Format("15:04 MST on 2006-01-02") }

// requestAgain is the command that asks for the same certificate anew.
func (c Certificate) requestAgain() string {
	var names []string
	for _, d := range append([]DomainValidation{{Domain: c.Domain}}, c.Domains...) {
		if n, err := resolver.ParseName(d.Domain); err == nil && !slices.Contains(names, shellWord(n.Text())) {
			names = append(names, shellWord(n.Text()))
		}
	}
	if len(names) == 0 {
		names = []string{"DOMAIN"}
	}
	const next = " \\\n    "
	b := "  aws acm request-certificate --validation-method DNS"
	if r := c.Region(); r != "" {
		b += " --region " + shellWord(r)
	}
	if c.KeyAlgorithm != "" {
		b += " --key-algorithm " + shellWord(strings.ReplaceAll(c.KeyAlgorithm, "-", "_"))
	}
	b += next + "--domain-name " + names[0]
	if len(names) > 1 {
		b += next + "--subject-alternative-names " + strings.Join(names[1:], " ")
	}
	return b
}

// domainsText names domains as people know them, each once, in their order.
func domainsText(of []DomainValidation) string {
	var names []string
	for _, d := range of {
		if text := shownDomain(d.Domain); !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return list(names, func(s string) string { return s })
}

// shownDomain makes a domain that ACM or a file listed fit to be shown.
func shownDomain(s string) string {
	if n, err := resolver.ParseName(s); err == nil {
		return n.Text()
	}
	return quoted(s)
}
