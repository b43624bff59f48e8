package validate

import "encoding/json"

// RuleUnreadable is the rule that a source which could not be read is reported under.
const RuleUnreadable ID = "input-invalid"

// Unreadable gives the report, in the form of [Report.MarshalJSON], on a source that could not be read (Err is not nil): no
// CA will ask for it. So whoever reads reports finds one for each source.
func (s Source) Unreadable() ([]byte, error) {
	type finding struct {
		Rule       ID         `json:"rule"`
		Severity   Severity   `json:"severity"`
		Confidence Confidence `json:"confidence"`
		Message    string     `json:"message"`
		Evidence   []string   `json:"evidence"`
		Fixes      []string   `json:"fixes"`
	}
	type record struct {
		Domain string `json:"domain"`
		Name   string `json:"name"`
		Value  string `json:"value"`
	}
	return json.Marshal(struct {
		Record    record    `json:"record"`
		Verdict   Verdict   `json:"verdict"`
		Findings  []finding `json:"findings"`
		Queries   int       `json:"queries"`
		ElapsedMS int       `json:"elapsed_ms"`
	}{
		Record: record{s.Domain, s.Name, s.Value}, Verdict: Invalid,
		Findings: []finding{{RuleUnreadable, Error, Certain, s.Err.Error(), []string{}, []string{}}},
	})
}
