package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

// demoBegins is the moment of every first check, demoMends that of the change and of the second: time is simulated, too.
var (
	demoBegins = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	demoMends  = demoBegins.Add(2 * time.Minute)
)

// outcome is what became of a story.
type outcome struct {
	story   story
	in      *resolvertest.Internet
	stood   []resolver.RR // at the host before the first check: CNAME and TXT records
	before  validate.Report
	plan    providers.Plan
	planErr error // why the account could not be planned for
	result  providers.Result
	acted   bool // somebody else's act took place
	forgets []forgets
	after   validate.Report
}

// forgets is when the last cache that asked just before the change has forgotten what it heard.
type forgets struct {
	what string
	at   time.Time
}

// run tells the story to itself: check, plan, apply, check.
func (s story) run(ctx context.Context) (outcome, error) {
	o := outcome{story: s}
	var err error
	if o.in, err = s.internet(); err != nil {
		return o, err
	}
	client := &internetProvider{in: o.in, on: s.account}
	o.stood = client.aliases()
	if o.before, err = s.check(ctx, o.in, demoBegins); err != nil {
		return o, err
	}
	clock := func() time.Time { return demoMends }
	o.plan, o.planErr = providers.Planner{Now: clock}.Plan(ctx, client, o.before)
	switch {
	case o.planErr != nil && s.where == validate.WhereZone:
		return o, o.planErr
	case s.where == validate.WhereZone && !o.plan.Empty():
		if o.result, err = providers.Apply(ctx, client, o.plan); err != nil {
			return o, err
		}
		o.remember("the old answer", o.before.ETA.Sub(demoBegins))
	case len(s.act.sets) > 0:
		if err := o.act(); err != nil {
			return o, err
		}
	}
	o.after, err = s.check(ctx, o.in, demoMends)
	return o, err
}

func (s story) check(ctx context.Context, in *resolvertest.Internet, now time.Time) (validate.Report, error) {
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	if err != nil {
		return validate.Report{}, err
	}
	anchors, err := dnssec.ParseAnchors(strings.NewReader(in.Anchors()))
	if err != nil {
		return validate.Report{}, err
	}
	c := validate.Checker{
		Resolver: &resolver.Client{Dial: dialSimulated(in), AllowPrivate: true}, Roots: roots, Anchors: anchors,
		Now: func() time.Time { return now }, Elsewhere: s.elsewhere,
	}
	return c.Check(ctx, s.record)
}

// act lets somebody else act, and notes how long caches know it otherwise.
func (o *outcome) act() error {
	o.acted = true
	for _, x := range o.story.act.sets {
		if old, ok := o.in.RRset(x.zone, x.owner, x.typ); ok {
			if !o.before.ETA.IsZero() {
				o.remember("the old answer", o.before.ETA.Sub(demoBegins))
			}
			o.remember("the old delegation", time.Duration(old[0].TTL)*time.Second)
		} else if soa, ok := o.in.RRset(x.zone, x.zone, resolver.TypeSOA); ok {
			o.remember("that there was no delegation", negativeTTL(soa[0]))
		}
		if err := o.in.SetRRset(x.zone, x.owner, x.typ, x.ttl, x.rdata); err != nil {
			return err
		}
	}
	return nil
}

// negativeTTL is how long a denial with this SOA may be kept: the smaller of its TTL and its last field (RFC 2308, 5).
func negativeTTL(soa resolver.RR) time.Duration {
	r := resolver.Response{Authority: []resolver.RR{soa}}
	d, _ := r.NegativeTTL()
	return d
}

func (o *outcome) remember(what string, d time.Duration) {
	if d > 0 {
		o.forgets = append(o.forgets, forgets{what, demoMends.Add(d)})
	}
}

// asTold is nil if the story went as its file says.
func (o outcome) asTold() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	s := o.story
	want(o.before.Verdict == s.first, "the first check says %s, told was %s", o.before.Verdict, s.first)
	want(o.after.Verdict == s.last, "the last check says %s, told was %s", o.after.Verdict, s.last)
	var rule validate.ID
	if len(o.before.Findings) > 0 {
		rule = o.before.Findings[0].Rule
	}
	want(rule == s.rule, "the first finding is %q, told was %q", rule, s.rule)
	switch s.where {
	case validate.WhereNowhere:
		want(len(o.before.Findings) == 0, "there are findings, told was that there is nothing to mend")
	case validate.WhereZone:
		want(len(o.result.Done) > 0, "nothing was changed in the zone")
	default:
		want(slices.ContainsFunc(o.before.Findings, func(f validate.Finding) bool {
			return slices.ContainsFunc(f.Fixes, func(x validate.Fix) bool { return x.Where == s.where })
		}), "no fix says that this is mended at the %s", s.where)
	}
	want(s.where == validate.WhereZone || len(o.result.Done) == 0, "the zone was changed, told was %s", s.where)
	return errors.Join(errs...)
}

// storyDocument is what --json prints of a story.
type storyDocument struct {
	Story   string          `json:"story"`
	Title   string          `json:"title"`
	Before  validate.Report `json:"before"`
	Plan    *providers.Plan `json:"plan,omitempty"` // absent where there is nothing to change in the account
	Applied bool            `json:"applied"`
	Acted   string          `json:"acted,omitempty"` // who acted in our place
	After   validate.Report `json:"after"`
	AsTold  bool            `json:"as_told"`
}

var _ json.Marshaler = validate.Report{}

func (o outcome) document() storyDocument {
	d := storyDocument{
		Story: o.story.name, Title: o.story.title, Before: o.before, After: o.after, Applied: len(o.result.Done) > 0, AsTold: o.asTold() == nil,
	}
	d.Before.Stats, d.After.Stats = validate.Stats{}, validate.Stats{} // simulated servers say nothing of how long it takes
	if o.planErr == nil && !o.plan.Empty() {
		d.Plan = &o.plan
	}
	if o.acted {
		d.Acted = o.story.act.who
	}
	return d
}
