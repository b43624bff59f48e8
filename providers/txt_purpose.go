package providers

import "strings"

// txtPurposes says by its beginning what a TXT record may belong to. Beginnings are compared without case; the first that fits
// counts. Sources: the RFC named, or the service's own page on proving a domain.
var txtPurposes = []struct{ begins, purpose string }{
	{"v=spf1", "the domain's mail policy SPF (RFC 7208)"},
	{"spf2.0/", "the domain's mail policy Sender ID (RFC 4406)"},
	{"v=dkim1", "a key that signs the domain's mail, DKIM (RFC 6376)"},
	{"k=rsa", "a key that signs the domain's mail, DKIM (RFC 6376)"},
	{"v=dmarc1", "the domain's mail policy DMARC (RFC 7489)"},
	{"v=stsv1", "the domain's mail policy MTA-STS (RFC 8461)"},
	{"v=tlsrptv1", "reports about the domain's mail, TLSRPT (RFC 8460)"},
	{"v=bimi1", "the domain's logo in mail, BIMI"},
	{"google-site-verification=", "Google's proof of ownership (Search Console, Workspace)"},
	{"ms=", "Microsoft 365's proof of ownership"},
	{"facebook-domain-verification=", "Facebook's proof of ownership"},
	{"apple-domain-verification=", "Apple's proof of ownership"},
	{"amazonses:", "Amazon SES's proof of ownership"},
	{"adobe-idp-site-verification=", "Adobe's proof of ownership"},
	{"adobe-sign-verification=", "Adobe's proof of ownership"},
	{"atlassian-domain-verification=", "Atlassian's proof of ownership"},
	{"docusign=", "DocuSign's proof of ownership"},
	{"docker-verification=", "Docker's proof of ownership"},
	{"dropbox-domain-verification=", "Dropbox's proof of ownership"},
	{"globalsign-domain-verification=", "GlobalSign's proof of ownership, for certificates"},
	{"_globalsign-domain-verification=", "GlobalSign's proof of ownership, for certificates"},
	{"have-i-been-pwned-verification=", "Have I Been Pwned's proof of ownership"},
	{"hubspot-developer-verification=", "HubSpot's proof of ownership"},
	{"keybase-site-verification=", "Keybase's proof of ownership"},
	{"mongodb-site-verification=", "MongoDB Atlas's proof of ownership"},
	{"notion-domain-verification=", "Notion's proof of ownership"},
	{"openai-domain-verification=", "OpenAI's proof of ownership"},
	{"pinterest-site-verification=", "Pinterest's proof of ownership"},
	{"postman-domain-verification=", "Postman's proof of ownership"},
	{"slack-domain-verification=", "Slack's proof of ownership"},
	{"stripe-verification=", "Stripe's proof of ownership"},
	{"teamviewer-sso-verification=", "TeamViewer's proof of ownership"},
	{"webexdomainverification.", "Webex's proof of ownership"},
	{"yandex-verification:", "Yandex's proof of ownership"},
	{"zoom-domain-verification=", "Zoom's proof of ownership"},
	{"zoom_verify_", "Zoom's proof of ownership"},
	{"_github-challenge-", "GitHub's proof of ownership"},
	{"brave-ledger-verification=", "Brave's proof of ownership"},
	{"cisco-ci-domain-verification=", "Cisco's proof of ownership"},
	{"detectify-verification=", "Detectify's proof of ownership"},
	{"heroku-domain-verification=", "Heroku's proof of ownership"},
	{"sendinblue-code:", "Brevo's proof of ownership"},
	{"brevo-code:", "Brevo's proof of ownership"},
	{"status-page-domain-verification=", "Statuspage's proof of ownership"},
	{"twilio-domain-verification=", "Twilio's proof of ownership"},
	{"heritage=external-dns", "external-dns, which notes here whose records these are"},
	{"dnslink=", "DNSLink (IPFS)"},
	{"v=verifydomain ms=", "Microsoft 365's proof of ownership"},
}

// txtPurpose says what a TXT record with this text may belong to; name is its owner's first label.
func txtPurpose(name, text string) string {
	lower := strings.ToLower(strings.TrimSpace(text))
	for _, p := range txtPurposes {
		if strings.HasPrefix(lower, p.begins) {
			return p.purpose
		}
	}
	switch {
	case strings.Contains(lower, "acm-validations.aws"):
		return "this very validation, entered as TXT in place of CNAME"
	case name == "_acme-challenge" || len(text) == 43 && isBase64URL(text):
		return "a challenge of an ACME client, such as Let's Encrypt's (RFC 8555, 8.4), which lives for minutes"
	case strings.Contains(lower, "verification"), strings.Contains(lower, "verify"):
		return "some service's proof of ownership"
	}
	return ""
}

func isBase64URL(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
