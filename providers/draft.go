package providers

import (
	"context"
	"slices"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Draft is a plan made from the report alone, for where no credentials are at hand: what stands at the names is what the DNS
// answered. It is there to be shown and for [Plan.Export]; provider, which may be empty, is the name of the host. It can be applied
// like any other plan, and stops with [ErrConflict] where the provider holds something that the DNS did not show. Errors wrap
// [ErrOutOfScope] or [ErrNotAuthoritative].
func Draft(rep validate.Report, provider string, now time.Time) (Plan, error) {
	planner := Planner{Now: func() time.Time { return now }}
	p, err := planner.Plan(context.Background(), answered{rep, provider}, rep)
	p.draft = true
	return p, err
}

// answered is a provider that holds what a report shows.
type answered struct {
	rep      validate.Report
	provider string
}

func (a answered) Name() string                           { return a.provider }
func (answered) Traits() Traits                           { return Traits{CompareAndSwap: true} } // so that nothing is said of it
func (answered) Write(context.Context, Zone, Batch) error { return ErrPermission }
func (a answered) Read(_ context.Context, _ Zone, owners ...resolver.Name) ([]RRset, error) {
	_, fix, _ := chosenFix(a.rep)
	var out []RRset
	for _, c := range fix.Changes {
		if len(c.From) > 0 && slices.Contains(owners, c.Name) {
			out = append(out, RRset{Name: c.Name, Type: c.Type, TTL: orDefault(c.TTL, validate.DefaultTTL), Values: slices.Clone(c.From)})
		}
	}
	return out, nil
}
