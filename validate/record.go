package validate

import (
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Record is the CNAME that ACM asks for: what must be true in the public DNS for a certificate to be issued and renewed.
// It is a plain value; [ParseRecord] and [ParseCertificate] make it from what people have.
type Record struct {
	Name    resolver.Name   // the owner: _<token>.<domain>
	Value   resolver.Name   // the target: _<token>.[<label>.]acm-validations.aws.
	Domains []resolver.Name // the certificate's domains that this record proves; a wildcard and its base share one
	Notes   []Note          // what had to be mended to understand the input; it changes no verdict
	// Certificate is what ACM says about the certificate that asks for this record; zero where nothing is known. It changes
	// no verdict, which is about the DNS.
	Certificate Certificate
}

// Note is something about the input that was understood all the same, such as quotes around a name.
type Note struct {
	Rule    ID     // the rule that reports it: input-unclean or input-swapped
	Field   string // "name", "value" or "domain"
	Column  int    // character in the field, from 1, at which it was found; 0 where it concerns all of it
	Found   string // what was found there, described by code point where it cannot be seen
	Message string // the whole in a sentence
}

// ValidationSuffix is the domain below which every value of ACM lies (ACM User Guide, "AWS Certificate Manager DNS
// validation").
var ValidationSuffix = resolver.MustParseName("acm-validations.aws.")

// Accepts reports whether v, found as the target of the CNAME, is what ACM asks for: the value itself, or the value
// without the underscore of its first label, which ACM accepts alike (ACM User Guide, "Troubleshoot DNS validation
// problems"). This is the only comparison of values in the project.
func (r Record) Accepts(v resolver.Name) bool {
	if v == r.Value {
		return true
	}
	stripped, ok := withoutUnderscore(r.Value)
	return ok && v == stripped
}

// Domain is the domain that the record belongs to: its name without the token.
func (r Record) Domain() resolver.Name { return r.Name.Parent() }

// Token is the first label of the record's name.
func (r Record) Token() string { return r.Name.FirstLabel() }

// withoutUnderscore gives n with the leading underscore of its first label gone; false where there is none.
func withoutUnderscore(n resolver.Name) (resolver.Name, bool) {
	rest, ok := strings.CutPrefix(n.FirstLabel(), "_")
	if !ok || rest == "" {
		return resolver.Name{}, false
	}
	return n.Parent().Child(rest)
}
