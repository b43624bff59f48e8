package audit

import (
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Summary is what an audit found, counted. It is a plain value that marshals; its size is bounded, whatever the input.
type Summary struct {
	Records      int `json:"records"` // all, those that could not be read among them
	Valid        int `json:"valid"`
	Invalid      int `json:"invalid"` // those that could not be read among them
	Undetermined int `json:"undetermined"`
	Warned       int `json:"warned"`     // of the valid ones, those with a warning
	Unreadable   int `json:"unreadable"` // of the invalid ones, those that could not be read
	Broken       int `json:"broken"`     // of the invalid ones, those that were not so in the earlier run, new ones among them

	Rules   map[validate.ID]RuleCount `json:"rules"`
	Hosts   map[string]VerdictCount   `json:"hosts"` // by [validate.Host.ID]; "" is none that is known, or several
	Zones   Top                       `json:"zones"` // records that are not valid, by zone
	Changes map[Change]int            `json:"changes,omitempty"`

	Questions int64         `json:"questions"` // that the reports count
	Began     time.Time     `json:"began"`     // of the first run, where there were several
	Elapsed   time.Duration `json:"elapsed"`   // of all runs, in nanoseconds
}

// RuleCount is in how many records a rule found something.
type RuleCount struct {
	Severity validate.Severity `json:"severity"` // the worst it had
	Records  int               `json:"records"`
	Cause    int               `json:"cause"` // of these, those whose verdict or warning it is the cause of
}

// VerdictCount is how many records have which verdict.
type VerdictCount struct {
	Valid        int `json:"valid"`
	Invalid      int `json:"invalid"`
	Undetermined int `json:"undetermined"`
}

func (v *VerdictCount) add(verdict validate.Verdict) {
	switch verdict {
	case validate.Valid:
		v.Valid++
	case validate.Invalid:
		v.Invalid++
	default:
		v.Undetermined++
	}
}

// mostZones is how many zones are counted; beyond them the counts of rare ones are upper bounds (see [Top]).
const mostZones = 4096

// add counts a result.
func (s *Summary) add(r Result) {
	if s.Rules == nil {
		s.Rules, s.Hosts, s.Changes = map[validate.ID]RuleCount{}, map[string]VerdictCount{}, map[Change]int{}
		s.Zones.Most = mostZones
	}
	s.Records++
	verdict := r.Verdict()
	all := VerdictCount{s.Valid, s.Invalid, s.Undetermined}
	all.add(verdict)
	s.Valid, s.Invalid, s.Undetermined = all.Valid, all.Invalid, all.Undetermined
	if r.Since != "" {
		s.Changes[r.Since]++
		if verdict == validate.Invalid && r.Since != Changed {
			s.Broken++
		}
	}
	cause := r.Cause()
	if !r.Item.isChecked() {
		s.Unreadable++
		s.count(validate.RuleUnreadable, validate.Error, cause)
		return
	}
	if r.warned() {
		s.Warned++
	}
	s.Questions += int64(r.Report.Queries)
	host := s.Hosts[r.Report.Host.ID]
	host.add(verdict)
	s.Hosts[r.Report.Host.ID] = host
	for i, f := range r.Report.Findings {
		seen := false
		for _, earlier := range r.Report.Findings[:i] {
			seen = seen || earlier.Rule == f.Rule
		}
		if !seen {
			s.count(f.Rule, f.Severity, cause)
		}
	}
	if verdict != validate.Valid && !r.Report.Zone.Name.IsZero() {
		s.Zones.Add(r.Report.Zone.Name.String())
	}
}

func (s *Summary) count(rule validate.ID, severity validate.Severity, cause validate.ID) {
	c := s.Rules[rule]
	c.Records++
	if rule == cause {
		c.Cause++
	}
	if c.Severity == "" || rank(severity) < rank(c.Severity) {
		c.Severity = severity
	}
	s.Rules[rule] = c
}

func rank(s validate.Severity) int {
	switch s {
	case validate.Error:
		return 0
	case validate.Warning:
		return 1
	}
	return 2
}

// clone gives a copy that shares nothing.
func (s *Summary) clone() Summary {
	c := *s
	c.Rules, c.Hosts, c.Changes = cloned(s.Rules), cloned(s.Hosts), cloned(s.Changes)
	c.Zones.Counts = cloned(s.Zones.Counts)
	return c
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return nil
	}
	out := make(map[K]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
