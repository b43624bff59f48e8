package validate

import (
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Problem says why r cannot be a record that ACM has given, as far as can be told by looking at it; nil where it can be.
// It needs no network. Tokens are not expected to be hexadecimal: those in AWS's own examples are not.
func (r Record) Problem() *InputError {
	bad := func(field, found, expected, message string) *InputError {
		return &InputError{Field: field, Found: found, Expected: expected, Message: message}
	}
	switch {
	case r.Name.IsZero():
		return bad("name", "nothing", "_<token>.<domain>.", "name is empty")
	case r.Value.IsZero():
		return bad("value", "nothing", "_<token>."+ValidationSuffix.String(), "value is empty")
	}
	token := r.Token()
	if token == "_acme-challenge" || r.Value.FirstLabel() == "_acme-challenge" {
		return bad("name", "_acme-challenge", "the token that ACM gave",
			"name begins with _acme-challenge: that is ACME, another mechanism than ACM's, and needs another record")
	}
	if !r.Value.Below(ValidationSuffix) {
		return r.wrongValue()
	}
	switch {
	case r.Name.Within(ValidationSuffix):
		return bad("name", r.Name.String(), "_<token>.<domain>.",
			"name ends in "+ValidationSuffix.String()+", as only a value does")
	case token == "*" || r.hasAsterisk():
		return bad("name", "*", "the name without *.",
			"name has a label *: the record of a wildcard has the name of its base, without *.")
	case token == "_":
		return bad("name", token, "_<token>", "name begins with an underscore and nothing after it")
	case !strings.HasPrefix(token, "_"):
		for _, d := range r.Domains {
			if withoutAsterisk(d) == r.Name {
				return bad("name", r.Name.String(), "_<token>."+r.Name.String(),
					"name is the domain itself, "+r.Name.String()+", without a token in front")
			}
		}
		return bad("name", token, "_"+token,
			"name begins with "+quoted(token)+", without the underscore that ACM's names begin with")
	case r.Domain().IsRoot():
		expected := "_<token>.<domain>."
		if len(r.Domains) > 0 {
			if n, ok := withoutAsterisk(r.Domains[0]).Child(token); ok {
				expected = n.String()
			}
		}
		return bad("name", r.Name.String(), expected, "name is a token without a domain behind it")
	}
	return nil
}

func (r Record) hasAsterisk() bool {
	for _, l := range r.Name.Labels() {
		if l == "*" {
			return true
		}
	}
	return false
}

// wrongValue says in what way the value misses the end that every value of ACM has.
func (r Record) wrongValue() *InputError {
	suffix := ValidationSuffix.String()
	e := &InputError{Field: "value", Found: r.Value.String(), Expected: "_<token>." + suffix}
	labels := r.Value.Labels()
	if r.Value == ValidationSuffix {
		e.Message = "value is " + suffix + " itself, without a token in front"
		return e
	}
	for i := 0; i+1 < len(labels)-1; i++ {
		if labels[i] == "acm-validations" && labels[i+1] == "aws" {
			e.Found = r.Value.Ancestor(len(labels) - i - 2).String()
			e.Expected = "the end of the value"
			e.Message = "value goes on with " + e.Found + " behind " + suffix + ", where it should end"
			return e
		}
	}
	if near, ok := nearSuffix(r.Value); ok {
		e.Found, e.Expected = near.String(), suffix
		e.Message = "value ends in " + e.Found + ", not " + suffix
		return e
	}
	e.Message = "value is " + e.Found + ", which does not end in " + suffix
	return e
}

// nearSuffix finds what stands at the end of n in place of [ValidationSuffix], if something there is like it.
func nearSuffix(n resolver.Name) (resolver.Name, bool) {
	const most = 3 // "acm-validation.aws" is 1 away, "acm.validation.aws" 2, "acmvalidation.aws" 2, "acm-validations.com" 3
	var best resolver.Name
	least := most + 1
	for k := 1; k <= 3 && k <= n.NumLabels(); k++ {
		if _, d := edits(n.Ancestor(k).Text(), ValidationSuffix.Text()); d < least {
			best, least = n.Ancestor(k), d
		}
	}
	if least <= most {
		return best, true
	}
	for k, l := range n.Labels() { // the right word with something else behind it, as acm-validations.amazonaws.com
		if _, d := edits(l, "acm-validations"); d <= 2 {
			return n.Ancestor(n.NumLabels() - k), true
		}
	}
	return resolver.Name{}, false
}
