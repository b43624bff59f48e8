package providers

import (
	"context"
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// nameMangled finds the record under a name with characters that do not belong to it, or with one or two wrong.
var nameMangled = providerRule{
	info: validate.Info{
		ID:    "name-mangled",
		Title: "the record's name has characters that do not belong to it",
		Text: "The value is right and the name is nearly so: a blank, a quote or an invisible character was pasted with it, or a character " +
			"is wrong, missing or exchanged. Nobody asks for that name, so the DNS does not show it; the provider's list of records does.",
		Wrong:    `_a79\032.example.com. CNAME _424.acm-validations.aws.`,
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Create the record with its exact name, and delete the other by hand.",
		Severity: validate.Error,
		Explains: []validate.ID{"record-missing"},
		Refs:     []validate.Ref{{Source: "RFC 1035", Section: "5.1"}, {Source: "ACM User Guide", Section: "Troubleshoot DNS validation problems"}},
		Probe:    true,
	},
	before: []validate.ID{"servers-disagree", "record-missing"},
	find: func(ctx context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		for _, z := range f.Zones {
			if s := z.standing(zone); s != asked && s != unsaid {
				continue
			}
			for _, s := range z.Elsewhere {
				how := mangled(f.Record, z.Apex, s.Name)
				if how == "" {
					continue
				}
				fix := p.Mend(ctx)
				fix.Message += "\nand delete by hand " + s.Name.String() + ", which nobody asks for"
				return &validate.Finding{
					Confidence: validate.Certain,
					Message:    fmt.Sprintf("the record is at %s: %s", s.Name, how),
					Evidence:   f.holds(z, s), Fixes: []validate.Fix{fix},
				}
			}
		}
		return nil
	},
}

// mangled says how owner differs from the record's name; empty where it is no mangled form of it, or one that another rule knows.
func mangled(r validate.Record, apex, owner resolver.Name) string {
	if validate.InScope(r, apex, owner) {
		return ""
	}
	typed := strings.Join(owner.Labels(), ".") // the octets as they were typed
	appended := strings.TrimSuffix(typed, "."+strings.Join(apex.Labels(), "."))
	for _, text := range []string{typed, appended} {
		clean, _, err := validate.ParseRecord(r.Domain().Text(), text, r.Value.String())
		if err == nil && clean.Name == r.Name {
			return "there are characters in it that do not belong to the name"
		}
	}
	if owner.Parent() != r.Name.Parent() {
		return ""
	}
	switch distance(owner.FirstLabel(), r.Token()) {
	case 1:
		return "its first label differs from " + r.Token() + " in one place"
	case 2:
		return "its first label differs from " + r.Token() + " in two places"
	}
	return ""
}

// distance is how many characters must be added, removed, replaced or exchanged with their neighbour (Damerau).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
