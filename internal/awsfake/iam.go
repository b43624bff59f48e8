package awsfake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Policy is an IAM policy document, as far as the policies of this project use the language. What it does not know is an error of
// [ParsePolicy], never ignored: a condition that nobody evaluates would make a test prove nothing.
type Policy struct{ statements []statement }

type statement struct {
	Sid       string
	Effect    string
	Action    list
	Resource  list
	Condition map[string]map[string]list
}

// list is a string or a list of strings, which JSON policies do not distinguish.
type list []string

// UnmarshalJSON takes either form, and a bool, as Null's values are sometimes written.
func (l *list) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// ParsePolicy reads a policy document strictly.
func ParsePolicy(document []byte) (*Policy, error) {
	var d struct {
		Version   string
		Statement []statement
	}
	dec := json.NewDecoder(strings.NewReader(string(document)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("awsfake: policy: %w", err)
	}
	if d.Version != "2012-10-17" {
		return nil, fmt.Errorf("awsfake: policy: version %q", d.Version)
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, fmt.Errorf("awsfake: policy: statement %q has no effect, action or resource", s.Sid)
		}
		for op := range s.Condition {
			if _, known := operators[op]; !known {
				return nil, fmt.Errorf("awsfake: policy: condition operator %q is not known here", op)
			}
		}
	}
	return &Policy{d.Statement}, nil
}

// Allows reports whether the action on the resource is allowed with these condition keys, by the rules of the IAM User Guide
// ("Policy evaluation logic"): a Deny wins, and what is not allowed is denied. Keys are looked up in any letter case.
func (p *Policy) Allows(action, resource string, keys map[string][]string) bool {
	if p == nil {
		return true
	}
	allowed := false
	for _, s := range p.statements {
		if !s.Action.like(strings.ToLower(action), strings.ToLower) || !s.Resource.like(resource, func(s string) string { return s }) || !s.holds(keys) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (l list) like(s string, fold func(string) string) bool {
	return slices.ContainsFunc(l, func(pattern string) bool { return like(fold(pattern), s) })
}

func (s statement) holds(keys map[string][]string) bool {
	for op, tests := range s.Condition {
		for key, values := range tests {
			var have []string
			present := false
			for k, v := range keys {
				if strings.EqualFold(k, key) {
					have, present = v, true
				}
			}
			if !operators[op](have, present, values) {
				return false
			}
		}
	}
	return true
}

// operators are IAM's, by the reference "Single-valued vs. multivalued context keys": ForAllValues holds for a key without values,
// too, which is why Null is needed beside it.
var operators = map[string]func(have []string, present bool, want list) bool{
	"ForAllValues:StringEquals": func(have []string, _ bool, want list) bool {
		return !slices.ContainsFunc(have, func(h string) bool { return !slices.Contains(want, h) })
	},
	"ForAllValues:StringLike": func(have []string, _ bool, want list) bool {
		return !slices.ContainsFunc(have, func(h string) bool { return !want.like(h, func(s string) string { return s }) })
	},
	"Null": func(have []string, present bool, want list) bool {
		return slices.Contains(want, fmt.Sprint(!present || len(have) == 0))
	},
}

// like matches IAM's wildcards: * any characters, ? exactly one.
func like(pattern, s string) bool {
	for pattern != "" {
		switch c := pattern[0]; {
		case c == '*':
			for pattern != "" && pattern[0] == '*' {
				pattern = pattern[1:]
			}
			if pattern == "" {
				return true
			}
			for i := range len(s) + 1 {
				if like(pattern, s[i:]) {
					return true
				}
			}
			return false
		case s == "" || c != '?' && c != s[0]:
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
