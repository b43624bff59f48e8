package validate

import "context"

// certificateNotDNS finds a certificate for which no CNAME matters.
type certificateNotDNS struct{}

func (certificateNotDNS) Info() Info {
	return Info{
		ID:    "certificate-not-dns",
		Title: "the certificate is not validated by DNS",
		Text: "A domain of the certificate is proven by e-mail or over HTTP (CloudFront), or the certificate is imported or " +
			"private and proven by nobody. No CNAME brings it on. ACM can change a certificate from e-mail to DNS; the CNAMEs to " +
			"create are then given by ListCertificateDomainValidations only.",
		Wrong:       "ValidationMethod EMAIL",
		Right:       "ValidationMethod DNS",
		Fix:         "Change the certificate to DNS (update-certificate-options), or request a new one with DNS validation.",
		Severity:    Error,
		Input:       true,
		Certificate: true,
		Explains:    []ID{"input-invalid"},
		Refs:        []Ref{refAPI, {"ACM API Reference", "UpdateCertificateOptions and ListCertificateDomainValidations"}},
	}
}

func (certificateNotDNS) Run(_ context.Context, p *Pass) error {
	how, ok := p.Record.notDNS()
	if !ok {
		return nil
	}
	c := p.Record.Certificate
	again := Fix{Where: WhereACM, Message: "request a new certificate with DNS validation:\n" + c.requestAgain()}
	fixes := []Fix{again}
	arn, region := "ARN", ""
	if c.ARN != "" {
		arn = shellWord(c.ARN)
	}
	if r := c.Region(); r != "" {
		region = " --region " + shellWord(r)
	}
	read := "  aws acm list-certificate-domain-validations" + region + " --certificate-arn " + arn
	switch {
	case c.Type == typeImported || c.Type == typePrivate || p.Record.viaHTTP():
	case c.Migration == migrationPending:
		fixes = []Fix{{Where: WhereACM, Message: "the change to DNS is under way: create the CNAMEs that ACM gives for it, which are listed by\n" + read + "\nor check the certificate by its ARN"}}
	default:
		fixes = []Fix{{
			Where:   WhereACM,
			Message: "change the certificate from e-mail to DNS (UpdateCertificateOptions), and create the CNAMEs that are listed by\n" + read,
		}, again}
	}
	p.Report(Finding{Confidence: Certain, Message: "the certificate is not validated by DNS: " + how + ", and a CNAME changes nothing", Fixes: fixes})
	return nil
}

func (r Record) viaHTTP() bool {
	for _, d := range r.Certificate.Domains {
		if r.proves(d) && d.Method == methodHTTP {
			return true
		}
	}
	return false
}
