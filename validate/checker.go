package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/bulk"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// What bounds a check where the Checker does not say.
const (
	DefaultTimeout      = 30 * time.Second
	DefaultMaxQuestions = 300
	DefaultConcurrency  = 16
)

// Checker checks records. The zero value asks the real DNS from the root, with all rules. It holds no state and is safe for
// concurrent use; its fields must not be changed meanwhile.
type Checker struct {
	Resolver resolver.Resolver     // nil: a [resolver.Client]
	Rules    []Rule                // nil: [Rules]
	Now      func() time.Time      // nil: time.Now
	Roots    []resolver.NameServer // nil: [resolver.RootHints]
	// Anchors are the keys that signatures are validated from. Zero: those of the root that IANA publishes, where Roots is
	// nil too. With roots of one's own and no anchors there is no trust anchor for them, nothing is validated, and all
	// counts as unsigned.
	Anchors dnssec.Anchors
	Port    uint16          // that name servers are asked on; 0: 53
	Family  resolver.Family // the zero value is both
	// Elsewhere names servers at which the owner believes the record to be, by name or address: the ones that a provider's
	// console shows, for instance. If they hold it and the world is not sent to them, that is the finding. The ID of a [Host]
	// names the provider at which the owner edits the zone: that other providers' servers are delegated is then told.
	Elsewhere []string
	// Witnesses are recursive resolvers whose answers are compared with the name servers': they say who still remembers
	// something else and until when, and never decide the verdict. They are asked while the name servers are, and waited for
	// no longer than [WitnessPatience]. A resolver that is asked remembers what it finds, a "no such name" too, for the
	// zone's negative TTL: leave them out where a record is only just expected. Nil: none are asked.
	Witnesses []resolver.Recursor
	// Own is a further witness, this machine's own resolver, which may see what nobody outside sees. The zero value: none.
	Own resolver.Recursor
	// KeepWay gives each report its [Report.Way], which a picture is drawn from. It costs memory and not one question.
	KeepWay      bool
	Timeout      time.Duration // for one record, all told; 0: [DefaultTimeout]
	MaxQuestions int           // for one record; 0: [DefaultMaxQuestions]
	Concurrency  int           // records at a time in [Checker.CheckAll]; 0: [DefaultConcurrency], or more where Lean is set
	// Lean leaves out two questions about a record that looks right: whether an unsigned zone's answer comes from a wildcard,
	// which is a notice, and whether an address stands beside the record, which is an error (cname-and-other-data), though one
	// that few name servers let anybody make (RFC 1034, 3.6.2). A TXT beside it is seen. It is for many records, of which most
	// are right: see [Checker.CheckAll].
	Lean bool
	// Consult is given the report of a record that is not valid, and may answer with rules that know more than the DNS does: those
	// of package providers with what an account holds, say. They look anew at the same answers in place of Rules, nothing that was
	// asked is asked again, and their report takes the first one's place. No rules: the first one stands. An error ends the check.
	// Consult takes its own time beside Timeout; [Checker.CheckAll] calls it from several goroutines at once. Nil: nobody is
	// consulted.
	Consult func(ctx context.Context, rep Report) ([]Rule, error)
	// Pool is what [Checker.CheckAll] asks by. Nil: one of its own, where Resolver is nil or a plain [resolver.Client].
	Pool *bulk.Pool

	memory *dnssec.Memory // of signatures; nil: one for each check
}

// Check finds out whether a public CA that asks now finds the record, and if not, why. What servers do is in the report,
// never in the error: that is the context's or Consult's, or wraps [ErrBadRules].
func (c *Checker) Check(ctx context.Context, r Record) (Report, error) {
	rules, err := c.soundRules()
	if err != nil {
		return Report{}, err
	}
	rep, _, err := c.check(ctx, r, rules)
	return rep, err
}

// soundRules gives the rules to check with. Its error wraps [ErrBadRules].
func (c *Checker) soundRules() ([]Rule, error) {
	rules := c.Rules
	if rules == nil {
		rules = Rules()
	}
	return rules, Validate(rules)
}

// check makes one check. What came of questions that were asked before is taken as it is. The pass is for whoever wants to
// know more than the report tells.
func (c *Checker) check(ctx context.Context, r Record, rules []Rule, before ...resolver.Exchange) (Report, *Pass, error) {
	began := time.Now()
	inner := c.Resolver
	if inner == nil {
		inner = &resolver.Client{}
	}
	inner, done := resolver.Keep(inner)
	defer done()
	limited, cancel := context.WithTimeout(ctx, orDefault(c.Timeout, DefaultTimeout))
	defer cancel()
	memo := &resolver.Memo{Resolver: patient{inner}, Limit: orDefault(c.MaxQuestions, DefaultMaxQuestions)}
	memo.Know(before...)
	p := c.pass(r)
	p.resolver = resolver.Func(func(ctx context.Context, q resolver.Question) (resolver.Response, error) {
		res, err := memo.Resolve(ctx, q)
		if ranOut(err) {
			p.short.Store(true)
		}
		if errors.Is(err, resolver.ErrNotRecorded) {
			p.lacks.Store(true)
		}
		return res, err
	})
	p.walker.Resolver = p.resolver
	p.summon(limited, inner, c.Witnesses, c.Own)
	defer p.dismiss()
	if !p.Record.hopeless() {
		p.gather(limited)
	}
	rep := c.look(limited, p, rules)
	if more, err := c.consulted(ctx, rep); err != nil {
		return Report{}, nil, fmt.Errorf("validate: check %s: %w", r.Name, err)
	} else if more != nil {
		again, cancel := context.WithTimeout(ctx, orDefault(c.Timeout, DefaultTimeout))
		defer cancel()
		clear(p.findings)
		p.places = nil
		rep = c.look(again, p, more)
	}
	if err := ctx.Err(); err != nil {
		return Report{}, nil, fmt.Errorf("validate: check %s: %w", r.Name, err)
	}
	rep.Queries = memo.Asked() + p.dismiss()
	rep.Stats.Elapsed = time.Since(began)
	return rep, p, nil
}

// look lets the rules look, and gives the report but for what it took.
func (c *Checker) look(ctx context.Context, p *Pass, rules []Rule) Report {
	outcomes := p.run(ctx, rules)
	verdict, _ := p.verdict(ctx)
	rep := Report{Record: p.Record, Verdict: verdict, Outcomes: outcomes, Findings: fold(rules, p.findings)}
	if z, err := p.Zone(ctx); err == nil && !p.aboveDomain() {
		rep.Zone, rep.Host = z, HostOf(z.NameServers)
	}
	if s, err := p.Security(ctx); err == nil && !p.validator.Anchors.IsZero() {
		rep.Security = s.Status
	}
	rep.Perspectives = p.perspectives()
	rep.ETA = p.seenEverywhere(ctx, verdict, rep.Perspectives)
	if c.KeepWay {
		rep.Way = p.way(ctx)
	}
	return rep
}

// consulted gives the rules of whoever knows more than the DNS does; nil where nobody does.
func (c *Checker) consulted(ctx context.Context, rep Report) ([]Rule, error) {
	if c.Consult == nil || rep.Verdict == Valid || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	rules, err := c.Consult(ctx, rep)
	if err != nil || rules == nil {
		return nil, err
	}
	return rules, Validate(rules)
}

// pass makes a pass that has not asked anything yet, and has nobody to ask.
func (c *Checker) pass(r Record) *Pass {
	now := c.now()
	if c.memory == nil {
		one := *c
		one.memory = &dnssec.Memory{}
		c = &one
	}
	return &Pass{Record: r, Now: now, check: &check{
		walker:    resolver.Walker{Roots: c.Roots, Port: c.Port, Family: c.Family, DNSSEC: true},
		validator: dnssec.Validator{Anchors: c.anchors(), Now: now, Memory: c.memory},
		elsewhere: c.Elsewhere, lean: c.Lean, findings: map[ID][]Finding{}, keepWay: c.KeepWay,
	}}
}

func (c *Checker) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Checker) anchors() dnssec.Anchors {
	if c.Anchors.IsZero() && c.Roots == nil {
		return dnssec.RootAnchors()
	}
	return c.Anchors
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// patient leaves a silent server half of the time that is left, so that there is time to ask others and to say so.
type patient struct{ inner resolver.Resolver }

func (p patient) Resolve(ctx context.Context, q resolver.Question) (resolver.Response, error) {
	until, ok := ctx.Deadline()
	if !ok {
		return p.inner.Resolve(ctx, q)
	}
	inner, cancel := context.WithTimeout(ctx, time.Until(until)/2)
	defer cancel()
	r, err := p.inner.Resolve(inner, q)
	if err != nil && ctx.Err() == nil && inner.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("validate: ask %s: %w", q, resolver.ErrTimeout)
	}
	return r, err
}

// run lets every rule look once: those that ask nothing of their own at the start, each probe as soon as something that it
// explains has failed.
func (p *Pass) run(ctx context.Context, rules []Rule) []Outcome {
	out := make([]Outcome, len(rules))
	started := make([]bool, len(rules))
	failed := map[ID]bool{}
	done := make(chan int)
	running := 0
	start := func(i int) {
		started[i] = true
		running++
		go func() {
			out[i] = p.runOne(ctx, rules[i])
			done <- i
		}()
	}
	hopeless := p.Record.hopeless()
	skip := func(r Rule) bool {
		i := r.Info()
		return hopeless && !i.Input || i.Certificate && p.Record.Certificate.IsZero()
	}
	for i, r := range rules {
		if !r.Info().Probe && !skip(r) {
			start(i)
		}
	}
	for running > 0 {
		i := <-done
		running--
		if out[i].State != Failed || failed[out[i].Rule] {
			continue
		}
		failed[out[i].Rule] = true
		for j, r := range rules {
			if !started[j] && !skip(r) && slices.Contains(r.Info().Explains, out[i].Rule) {
				start(j)
			}
		}
	}
	for i, r := range rules {
		if !started[i] {
			out[i] = Outcome{Rule: r.Info().ID, State: NotApplicable, Reason: "nothing that it explains has failed"}
			switch info := r.Info(); {
			case info.Certificate && p.Record.Certificate.IsZero():
				out[i].Reason = "nothing is known about the certificate: its ARN, or the output of aws acm describe-certificate, would tell"
			case skip(r):
				out[i].Reason = "no answer of the DNS matters for this record"
			}
		}
	}
	return out
}

func (p *Pass) runOne(ctx context.Context, r Rule) (o Outcome) {
	info := r.Info()
	own := &Pass{Record: p.Record, Now: p.Now, rule: info, check: p.check}
	o.Rule = info.ID
	err := func() (err error) {
		defer func() {
			if x := recover(); x != nil {
				err = fmt.Errorf("%w: the rule panicked: %v", ErrUndetermined, x)
			}
		}()
		return r.Run(ctx, own)
	}()
	p.mu.Lock()
	reported := len(p.findings[info.ID]) > 0
	p.mu.Unlock()
	switch {
	case reported:
		o.State = Failed
	case err == nil:
		o.State = Passed
	case errors.Is(err, ErrNotApplicable):
		o.State, o.Reason = NotApplicable, reasonAfter(err, ErrNotApplicable)
	default:
		o.State, o.Reason = NotKnown, reasonAfter(err, ErrUndetermined)
	}
	return o
}

func reasonAfter(err, sentinel error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), sentinel.Error()), ": ")
}

var severityRank = map[Severity]int{Error: 0, Warning: 1, Notice: 2}

// fold puts causes before symptoms: errors before warnings before notices, what is explained after what explains it,
// else in the order of the rules. What is explained has no fixes of its own.
func fold(rules []Rule, found map[ID][]Finding) []Finding {
	out := []Finding{}
	order := map[ID]int{}
	explains := map[ID][]ID{}
	for i, r := range rules {
		info := r.Info()
		order[info.ID], explains[info.ID] = i, info.Explains
		out = append(out, found[info.ID]...)
	}
	for i := range out {
		for _, cause := range out {
			if cause.Rule != out[i].Rule && (slices.Contains(explains[cause.Rule], out[i].Rule) || out[i].followsFrom(cause)) && severityRank[cause.Severity] <= severityRank[out[i].Severity] {
				out[i].ExplainedBy, out[i].Fixes = cause.Rule, nil
				break
			}
		}
	}
	sortFindings(out, order)
	return out
}

// sortFindings puts errors before warnings before notices, what is explained after what explains it, a warning of what may be
// after one of what is, else in the order of the rules.
func sortFindings(findings []Finding, order map[ID]int) {
	rank := func(f Finding) int {
		r := severityRank[f.Severity] * 3
		switch {
		case f.ExplainedBy != "":
			r += 2
		case f.Severity == Warning && f.Confidence == Possible:
			r++
		}
		return r
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return order[a.Rule] - order[b.Rule]
	})
}

func (f Finding) followsFrom(cause Finding) bool {
	return slices.Contains(f.follows, cause.Rule) || slices.Contains(f.follows, AnyRecordError) &&
		cause.About == AboutRecord && cause.Severity == Error && cause.Confidence == Certain
}
