package providers

import (
	"errors"
	"fmt"
	"strings"
)

// Why a plan could not be made or applied. Errors of this package and of adapters wrap one of these, the context's error, or
// what the provider said.
var (
	// ErrConflict: the zone is not as the plan was made from; nothing of somebody else's was overwritten.
	ErrConflict = errors.New("the zone has changed since")
	// ErrOutOfScope: the change names something that is neither the record's own name nor a misplaced copy of the record.
	ErrOutOfScope = errors.New("this is not ours to change")
	// ErrZoneNotFound: the account has no such zone.
	ErrZoneNotFound = errors.New("the provider has no such zone")
	// ErrNotAuthoritative: the account's zone is not the one that the delegation leads to.
	ErrNotAuthoritative = errors.New("the delegation leads elsewhere")
	// ErrPermission: the credentials do not allow it.
	ErrPermission = errors.New("the credentials do not allow this")
	// ErrNotVisible: the provider reported success, and the change cannot be read back.
	ErrNotVisible = errors.New("reported as done, and not there")
	// ErrBadPlan: the text is not a plan or not undo data of this version, or has been edited.
	ErrBadPlan = errors.New("not a plan that can be applied")
)

// PartialError tells how far an interrupted change got. Its Undo takes back what was done.
type PartialError struct {
	Done    []Step // read back and right
	Failed  []Step // begun; how they ended is in Err
	Pending []Step // not begun
	Undo    Undo
	Err     error
}

func (e *PartialError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "providers: stopped part-way: %d of %d steps done", len(e.Done), len(e.Done)+len(e.Failed)+len(e.Pending))
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap gives what stopped it.
func (e *PartialError) Unwrap() error { return e.Err }
