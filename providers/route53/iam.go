package route53

import (
	"encoding/json"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Access is what an IAM policy is to allow, and no more. The zero value is reading, in every zone of the account.
type Access struct {
	Fix       bool          // changes of the records, too
	Zone      resolver.Name // the zone's apex: the policy allows names below it only; zero: any zone
	ZoneID    string        // the hosted zone's ID; empty: every zone of the account
	Partition string        // "aws-cn", "aws-us-gov" …; empty: "aws"
	// AnyUnderscore allows changes at every name that begins with an underscore, and not only at those of ACM's form: an underscore
	// and 32 characters. ACM's own documents show other names in places.
	AnyUnderscore bool
	// TXT allows to delete a TXT that is in the way of the record. Without it that is refused, and with it the whole change.
	TXT bool
}

// Policy gives the policy as JSON, ready for the IAM console or aws iam create-policy.
//
// What may be written is confined by the condition keys of route53:ChangeResourceRecordSets: to CNAME records, to names that begin
// with an underscore in the zone at hand, and to creating and deleting, since UPSERT is never sent. One request is allowed or
// refused as a whole. An operator of the kind ForAllValues also holds where a key has no values, so each has a Null beside it
// (Amazon Route 53 Developer Guide, "Using IAM policy conditions for fine-grained access control"; IAM User Guide, "Single-valued
// vs. multivalued context keys").
func (a Access) Policy() ([]byte, error) {
	p := policy{Version: "2012-10-17", Statement: []policyStatement{
		{Sid: "ReadCertificates", Effect: "Allow", Action: []string{
			"acm:DescribeCertificate", "acm:ListCertificates", "acm:SearchCertificates", "acm:ListCertificateDomainValidations",
		}, Resource: "*"},
		{Sid: "FindZones", Effect: "Allow", Action: []string{"route53:ListHostedZonesByName"}, Resource: "*"},
		{Sid: "ReadRecords", Effect: "Allow", Action: []string{"route53:GetHostedZone", "route53:ListResourceRecordSets"}, Resource: a.arn("hostedzone", a.ZoneID)},
	}}
	if a.Fix {
		conditions := a.conditions()
		p.Statement = append(p.Statement,
			policyStatement{
				Sid: "ChangeValidationRecords", Effect: "Allow", Action: []string{"route53:ChangeResourceRecordSets"},
				Resource: a.arn("hostedzone", a.ZoneID), Condition: &conditions,
			},
			policyStatement{Sid: "AskAboutChanges", Effect: "Allow", Action: []string{"route53:GetChange"}, Resource: a.arn("change", "")})
	}
	return json.MarshalIndent(p, "", "  ")
}

func (a Access) arn(kind, id string) string {
	partition := a.Partition
	if partition == "" {
		partition = "aws"
	}
	if id == "" {
		id = "*"
	}
	return "arn:" + partition + ":route53:::" + kind + "/" + id
}

// The condition keys of ChangeResourceRecordSets (Service Authorization Reference, "Actions, resources, and condition keys for
// Amazon Route 53").
const (
	keyNames   = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
	keyTypes   = "route53:ChangeResourceRecordSetsRecordTypes"
	keyActions = "route53:ChangeResourceRecordSetsActions"
)

type policy struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid, Effect string
	Action      []string
	Resource    string
	Condition   *policyConditions `json:",omitempty"`
}

type policyConditions struct {
	Equals map[string][]string `json:"ForAllValues:StringEquals"`
	Like   map[string][]string `json:"ForAllValues:StringLike"`
	Null   map[string]string   `json:"Null"`
}

func (a Access) conditions() policyConditions {
	types := []string{"CNAME"}
	if a.TXT {
		types = append(types, "TXT")
	}
	return policyConditions{
		Equals: map[string][]string{keyActions: {"CREATE", "DELETE"}, keyTypes: types},
		Like:   map[string][]string{keyNames: a.names()},
		Null:   map[string]string{keyActions: "false", keyNames: "false", keyTypes: "false"},
	}
}

// names gives the patterns of names in the form that IAM compares: lower case, without final dot, other characters as octal
// escapes. An asterisk crosses dots, so the pattern of names deeper in the zone holds for those in which the zone is twice.
func (a Access) names() []string {
	suffix := ""
	if !a.Zone.IsZero() && !a.Zone.IsRoot() {
		suffix = "." + strings.TrimSuffix(nameText(a.Zone), ".")
	}
	switch token := "_" + strings.Repeat("?", 32); {
	case a.AnyUnderscore:
		return []string{"_*" + suffix}
	case suffix == "":
		return []string{token + ".*"}
	default:
		return []string{token + suffix, token + ".*" + suffix}
	}
}
