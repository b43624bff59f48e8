package audit

import (
	"github.com/acmdoctor/acmdoctor/validate"
)

// Result is what became of one item.
type Result struct {
	Item   Item
	Report validate.Report // its zero value where the item could not be read: see Item.Err
	Since  Change          // "" where there is no earlier run, or nothing changed
	Was    validate.Verdict
}

// Verdict is that of the report; what cannot be read is invalid.
func (r Result) Verdict() validate.Verdict {
	if !r.Item.isChecked() {
		return validate.Invalid
	}
	return r.Report.Verdict
}

// Cause is the rule of the first finding that matters for the verdict: any where the record is not valid, one that is more
// than a notice where it is; "" where there is none.
func (r Result) Cause() validate.ID {
	if !r.Item.isChecked() {
		return validate.RuleUnreadable
	}
	if f := r.Report.Findings; len(f) > 0 && (r.Report.Verdict != validate.Valid || f[0].Severity != validate.Notice) {
		return f[0].Rule
	}
	return ""
}

// warned reports whether a valid record has something that may stop it tomorrow.
func (r Result) warned() bool {
	for _, f := range r.Report.Findings {
		if f.Severity == validate.Warning {
			return r.Report.Verdict == validate.Valid
		}
	}
	return false
}
