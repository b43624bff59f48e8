package validate

import "github.com/acmdoctor/acmdoctor/resolver"

// ParseRecord makes a Record of what was typed. An empty domain is derived from the name, by taking off the token.
//
// It is forgiving about what cannot change the meaning: white space, quotes, letter case, final dots, invisible
// characters, typographic dashes and dots, backslashes, a scheme in front, names in other scripts (IDNA), a value that
// lost its leading underscore (ACM never gives one without), and name and value the wrong way round. Each gives a
// [Note], which is in Record.Notes too; letter case and one final dot, which DNS does not tell apart, give none.
//
// What is left must be domain names (RFC 1035, 2.3.4): if not, the error is an [*InputError], or several joined. That
// they are names which ACM can have given is another question: see [Record.Problem].
func ParseRecord(domain, name, value string) (Record, []Note, error) {
	r, bad := parseRecord(domain, name, value)
	if len(bad) > 0 {
		return Record{}, nil, joinInput(bad)
	}
	return r, r.Notes, nil
}

// parseRecord is ParseRecord with its errors one by one, for whoever knows where in a file the fields stood.
func parseRecord(domain, name, value string) (Record, []*InputError) {
	var bad []*InputError
	read := func(field, text string) (resolver.Name, []Note) {
		n, notes, err := cleanName(field, text)
		if err != nil {
			bad = append(bad, err)
		}
		return n, notes
	}
	var r Record
	var of, notes []Note
	r.Name, r.Notes = read("name", name)
	r.Value, notes = read("value", value)
	r.Notes = append(r.Notes, notes...)
	var given resolver.Name
	if domain != "" {
		given, of = read("domain", domain)
		r.Notes = append(r.Notes, of...)
	}
	if len(bad) > 0 {
		return Record{}, bad
	}
	if r.Name.Within(ValidationSuffix) && !r.Value.Within(ValidationSuffix) {
		r.Notes = append(r.Notes, Note{
			Rule: "input-swapped", Field: "name", Found: r.Name.String(),
			Message: "name and value are the wrong way round: " + r.Name.String() + " is what the record points to, and was given as its name",
		})
		r.Name, r.Value = r.Value, r.Name
	}
	if label := r.Value.FirstLabel(); isHex32(label) && r.Value.Below(ValidationSuffix) {
		if v, ok := r.Value.Parent().Child("_" + label); ok {
			r.Notes = append(r.Notes, Note{
				Rule: "input-unclean", Field: "value", Column: 1, Found: label,
				Message: "value lacks the underscore that ACM's values begin with: read as " + v.String(),
			})
			r.Value = v
		}
	}
	own := r.Domain()
	switch {
	case !given.IsZero():
		r.Domains = []resolver.Name{given}
		if base := withoutAsterisk(given); base != own {
			r.Notes = append(r.Notes, Note{
				Rule: "input-unclean", Field: "domain", Found: given.String(),
				Message: "domain is " + given.String() + ", and the name belongs to " + own.String() + ": a record proves the domain in its own name only",
			})
		}
	case !own.IsZero() && !own.IsRoot():
		r.Domains = []resolver.Name{own}
	}
	return r, nil
}

// withoutAsterisk gives the base of a wildcard, and any other name as it is: both share one record (ACM User Guide, "AWS
// Certificate Manager DNS validation").
func withoutAsterisk(n resolver.Name) resolver.Name {
	if n.FirstLabel() == "*" {
		return n.Parent()
	}
	return n
}
