package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// Pass is a rule's only door to the world: the record, what is known about its zone, and questions. Every answer is
// remembered, so that no question is asked twice in one check, whoever asks it. It is safe for concurrent use and dies with
// the check.
type Pass struct {
	Record Record
	Now    time.Time // the moment of the check, by [Checker.Now]

	rule Info
	*check
}

// check is what the passes of all rules of one check share.
type check struct {
	resolver  resolver.Resolver // remembers, counts, and watches for what runs out
	short     atomic.Bool       // something was not asked for want of time or questions
	lacks     atomic.Bool       // the transcript that is replayed does not hold something
	walker    resolver.Walker
	elsewhere []string
	lean      bool  // a record that is right is not asked for what only notices are made of
	facts     facts // constant once the first rule runs

	near  once[[]nearHit]
	chain once[chainEnd]
	held  once[[]resolver.Answer]
	where once[elsewhere]

	witnesses witnesses

	validator dnssec.Validator
	secure    once[Security]

	mu       sync.Mutex
	findings map[ID][]Finding
	keepWay  bool
	places   []Place
	caa      map[resolver.Name]*once[CAA]  // by the base of a domain
	links    map[resolver.Name]*once[link] // of the chain of trust, by zone
	trusting map[resolver.Name]bool        // zones that may be secure, by the referrals to them
	cuts     map[resolver.Name]resolver.Cut
}

// once is the result of a look that several rules need and that is made once, by whoever comes first. The others wait on a
// channel and not on a lock, since the look waits for the network.
type once[T any] struct {
	mu    sync.Mutex
	done  chan struct{}
	value T
	err   error
}

func (o *once[T]) get(look func() (T, error)) (T, error) {
	o.mu.Lock()
	first := o.done == nil
	if first {
		o.done = make(chan struct{})
	}
	o.mu.Unlock()
	if first {
		defer close(o.done) // also when the look panics
		o.value, o.err = look()
		return o.value, o.err
	}
	<-o.done
	return o.value, o.err
}

// Resolver is what questions are asked through: remembered, and counted.
func (p *Pass) Resolver() resolver.Resolver { return p.resolver }

// Zone gives the zone that the delegations lead to. The error wraps [ErrUndetermined] where the walk did not reach the
// servers of a zone.
func (p *Pass) Zone(context.Context) (Zone, error) {
	f := &p.facts
	if f.walkErr != nil && len(f.cut.NameServers) == 0 {
		return Zone{}, fmt.Errorf("%w: %w", ErrUndetermined, f.walkErr)
	}
	return Zone{Name: f.zone, NameServers: namesOf(f.cut.NameServers)}, nil
}

// Servers gives what each address of the zone's name servers said about the record's name: those that the parent names
// first, then those that only the zone itself names, each sorted by name and address.
func (p *Pass) Servers() []ServerView { return slices.Clone(p.facts.views) }

// Answers are the answers of several servers to one question, sorted by server.
type Answers []resolver.Answer

// Known is nil when every server answered. Otherwise it wraps [ErrUndetermined]: what was not seen is then not known to be
// missing.
func (a Answers) Known() error {
	for _, x := range a {
		if x.Err != nil {
			return fmt.Errorf("%w: %s did not answer: %w", ErrUndetermined, serverText(x.Server), x.Err)
		}
	}
	return nil
}

// Authoritative asks every server that answered for the record's name for another name or type. The error wraps
// [ErrUndetermined] where no server answers for the zone.
func (p *Pass) Authoritative(ctx context.Context, name resolver.Name, t resolver.Type) (Answers, error) {
	servers := serversOf(p.facts.views, func(v ServerView) bool { return v.Standing.Answered() })
	if len(servers) == 0 {
		return nil, fmt.Errorf("%w: no server answers for the zone", ErrUndetermined)
	}
	return p.walker.Ask(ctx, servers, name, t), nil
}

// AskOne asks one server of the zone, the first that answered for the record's name; where it fails the next one. The error
// wraps [ErrUndetermined] where none answers.
func (p *Pass) AskOne(ctx context.Context, name resolver.Name, t resolver.Type) (resolver.Answer, error) {
	var err error
	tries := 0
	for _, v := range p.facts.views {
		if !v.Standing.Answered() || tries == 2 {
			continue
		}
		tries++
		a := p.walker.Ask(ctx, []resolver.Server{v.Server}, name, t)[0]
		if a.Err == nil && a.Response.Means(p.facts.cut.Zone).Usable() {
			return a, nil
		}
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		return resolver.Answer{}, fmt.Errorf("%w: %s %s: %w", ErrUndetermined, name, t, err)
	}
	return resolver.Answer{}, fmt.Errorf("%w: %s %s: no server of the zone gave a usable answer", ErrUndetermined, name, t)
}

// AskOneEach is [Pass.AskOne] for several names at once, in their order; a name that nobody answered for has an error.
func (p *Pass) AskOneEach(ctx context.Context, t resolver.Type, names ...resolver.Name) []resolver.Answer {
	out := make([]resolver.Answer, len(names))
	var wg sync.WaitGroup
	for i, n := range names {
		wg.Go(func() {
			a, err := p.AskOne(ctx, n, t)
			if err != nil {
				a = resolver.Answer{Question: resolver.Question{Name: n, Type: t}, Err: err}
			}
			out[i] = a
		})
	}
	wg.Wait()
	return out
}

// Report files a finding. Rule, subject and, where it is empty, severity are filled in; the answers become its evidence.
func (p *Pass) Report(f Finding, saw ...resolver.Answer) {
	f.Rule = p.rule.ID
	if f.Severity == "" {
		f.Severity = p.rule.Severity
	}
	if p.rule.Certificate {
		f.About = AboutCertificate
	}
	for _, a := range saw {
		f.Evidence = append(f.Evidence, Saw(a))
	}
	f.Fixes = p.offApex(f.Fixes)
	for i := range f.Fixes {
		for j := range f.Fixes[i].Changes {
			if c := &f.Fixes[i].Changes[j]; c.TTL == 0 {
				c.TTL = DefaultTTL
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.findings[f.Rule] = append(p.findings[f.Rule], f)
	if p.keepWay {
		p.keepPlaces(f, saw)
	}
}
