package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/acmdoctor/acmdoctor/providers/route53"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// iamFlags is for whom explain iam makes its policies.
type iamFlags struct{ zone, zoneID, partition, only string }

// explainIAM prints the least that AWS must allow, to check and to fix.
func explainIAM(w io.Writer, f iamFlags) error {
	a := route53.Access{ZoneID: f.zoneID, Partition: f.partition}
	if f.zone != "" {
		n, err := resolver.ParseName(f.zone)
		if err != nil {
			return &exitError{exitFailed, fmt.Errorf("--zone %q: %w", f.zone, err)}
		}
		a.Zone = n
	}
	check, err := a.Policy()
	if err != nil {
		return err
	}
	a.Fix = true
	fix, err := a.Policy()
	if err != nil {
		return err
	}
	switch f.only {
	case "":
	case "check":
		_, err := fmt.Fprintf(w, "%s\n", check)
		return err
	case "fix":
		_, err := fmt.Fprintf(w, "%s\n", fix)
		return err
	default:
		return &exitError{exitFailed, fmt.Errorf("--for %q: it is check or fix", f.only)}
	}
	var b strings.Builder
	b.WriteString("To check, with what only AWS can tell (certificates, zones, records):\n\n")
	fmt.Fprintf(&b, "%s\n\nTo fix, too:\n\n%s\n\n", check, fix)
	paragraph(&b, "What may be written is confined by Route 53's condition keys: to CNAMEs, at an underscore and 32 characters as ACM's names begin, "+
		"created and deleted and never overwritten. One request is allowed or refused as a whole. A TXT in the way of the record can then not be "+
		"deleted: do that by hand, or add TXT beside CNAME.")
	if f.zone == "" || f.zoneID == "" {
		b.WriteByte('\n')
		paragraph(&b, "For one zone only: acmdoctor explain iam --zone example.com --zone-id Z0123456789ABC")
	}
	b.WriteByte('\n')
	paragraph(&b, "One of them alone, for a file: --for check, --for fix")
	_, err = io.WriteString(w, b.String())
	return err
}
