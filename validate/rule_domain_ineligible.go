package validate

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// domainIneligible finds a domain that no public CA, or not ACM, will certify, whatever the DNS says.
type domainIneligible struct{}

func (domainIneligible) Info() Info {
	return Info{
		ID:    "domain-ineligible",
		Title: "no public CA, or not ACM, will certify this domain",
		Text: "The domain is an address, a name that is reserved for private use, one of Amazon's own, or has a label that no " +
			"certificate may hold: an underscore, two hyphens at its third and fourth place without being an IDN (xn--), or an " +
			"IDN that is no Punycode. Nothing is asked of the DNS then. A public suffix, such as com.br, is another case: it is " +
			"somebody's zone, and the Baseline Requirements forbid no more than a wildcard there that is not proven to be in " +
			"one hand. So it is called ineligible only where its servers do not have the record. Neither does a domain that " +
			"the list of suffixes does not know count, since new ones come: the root servers say whether it exists " +
			"(zone-undelegated).",
		Wrong:    "_a79.com.br. CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com.br. CNAME _424.acm-validations.aws.",
		Fix:      "Request the certificate for a domain that you have registered, an international one in its xn-- form.",
		Severity: Error,
		Input:    true,
		Explains: []ID{"record-missing"},
		Refs: []Ref{
			{"CA/Browser Forum Baseline Requirements", "3.2.2.6, 4.2.2 and 7.1.2.7.12"},
			{"ACM User Guide", "Certificate request fails; managed certificate renewal"},
			{"RFC 5890", "2.3.1"},
			{"RFC 6761", "6"},
		},
	}
}

func (domainIneligible) Run(_ context.Context, p *Pass) error {
	if p.Record.Problem() != nil {
		return ErrNotApplicable
	}
	domain := p.Record.Domain()
	evidence := []Evidence{{Text: "given: " + p.Record.Name.String() + " CNAME " + p.Record.Value.String()}}
	fix := Fix{Where: WhereACM, Message: "request a certificate for a domain that you have registered"}
	if why := ineligible(domain); why != "" {
		if why == notPunycode {
			fix.Message = "request the certificate for the domain's xn-- form as a program makes it (python3 -c 'print(\"NAME\".encode(\"idna\").decode())')"
		}
		p.Report(Finding{Confidence: Certain, Message: fmt.Sprintf("%s cannot be certified: %s", domain.Text(), why), Evidence: evidence, Fixes: []Fix{fix}})
		return nil
	}
	if isPublicSuffix(domain) && len(p.with(Holds, Differs, Several)) == 0 {
		wildcard := slices.ContainsFunc(p.Record.Domains, func(d resolver.Name) bool { return d.FirstLabel() == "*" })
		p.Report(Finding{
			Confidence: Likely,
			Message: fmt.Sprintf("%s is a public suffix, under which others register their domains, and not a registered domain itself%s", domain.Text(),
				map[bool]string{true: "; a wildcard for it must be refused", false: ""}[wildcard]),
			Evidence: evidence, Fixes: []Fix{fix},
		})
		return nil
	}
	if len(domain.Text()) > longestDomain {
		p.Report(Finding{
			Severity: Warning, Confidence: Possible, Evidence: evidence, Fixes: []Fix{fix},
			Message: fmt.Sprintf("%s has more than %d characters: with a token of ACM's own length in front the record's name is longer than a name may be", domain.Text(), longestDomain),
		})
		return nil
	}
	for _, l := range domain.Labels() {
		if _, err := lookup.ToUnicode(l); err != nil && strings.HasPrefix(l, "xn--") {
			p.Report(Finding{
				Severity: Warning, Confidence: Possible, Evidence: evidence, Fixes: []Fix{fix},
				Message: fmt.Sprintf("%s has the label %s, which is Punycode and no IDN that may be used: ACM does not renew certificates for such names", domain.Text(), l),
			})
			return nil
		}
	}
	return nil
}

// longestDomain is how many characters leave room for a token, an underscore, 32 digits and a dot, in a name of at most 253
// (RFC 1035, 2.3.4, written out). Whether ACM refuses to make such a record is not documented.
const longestDomain = 253 - 34

// hopeless reports whether no answer of the DNS can matter.
func (r Record) hopeless() bool {
	return r.Problem() != nil || ineligible(r.Domain()) != ""
}

// amazonOwned are the domains that ACM's guide names as Amazon's own, for which it refuses requests.
var amazonOwned = []resolver.Name{
	resolver.MustParseName("amazonaws.com."), resolver.MustParseName("cloudfront.net."), resolver.MustParseName("elasticbeanstalk.com."),
}

// privateUse are top-level domains that will never be delegated: RFC 6761, 6.3 and 6.4; RFC 6762, 3; RFC 7686, 2; RFC 9476,
// 2; and ICANN's resolution 2024.07.29.06 for internal. Those for tests and examples are left to whatever root is asked.
var privateUse = []string{"localhost", "invalid", "local", "onion", "alt", "internal"}

const notPunycode = "it has a label that begins with xn-- and is no Punycode"

// ineligible says why no answer of the DNS can make ACM certify a domain; "" where that is not known beforehand.
func ineligible(domain resolver.Name) string {
	labels := domain.Labels()
	if _, err := netip.ParseAddr(domain.Text()); err == nil {
		return "it is an IP address, and ACM certifies domain names"
	}
	if top := labels[len(labels)-1]; slices.Contains(privateUse, top) {
		return "names under " + top + " are for private use and no public CA can tell whose they are"
	}
	for _, own := range amazonOwned {
		if domain.Within(own) {
			return own.Text() + " is Amazon's own domain, for which ACM gives certificates to nobody else"
		}
	}
	for _, l := range labels {
		switch {
		case strings.Contains(l, "_"):
			return "its label " + l + " has an underscore, which no certificate may hold"
		case strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || l[0] == '-' || l[len(l)-1] == '-':
			return "its label " + resolverLabel(l) + " is not of letters, digits and inner hyphens"
		case len(l) < 4 || l[2:4] != "--":
		case l[:2] != "xn":
			return "its label " + l + " has two hyphens at its third and fourth place and does not begin with xn--"
		default:
			if _, err := idna.Punycode.ToUnicode(l); err != nil {
				return notPunycode
			}
		}
	}
	return ""
}

// resolverLabel writes a label in presentation format.
func resolverLabel(l string) string {
	if n, ok := resolver.Root.Child(l); ok {
		return n.Text()
	}
	return l
}

// isPublicSuffix reports whether others register their domains under n by ICANN's part of the public suffix list. A name
// that the list does not know is none.
func isPublicSuffix(n resolver.Name) bool {
	suffix, icann := publicsuffix.PublicSuffix(n.Text())
	return icann && suffix == n.Text()
}
