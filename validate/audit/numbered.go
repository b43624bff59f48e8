package audit

import (
	"github.com/acmdoctor/acmdoctor/validate"
)

// Numbered is a report with the place of its record in the input, from 0.
type Numbered struct {
	Index  int
	Report validate.Report
}
