package validate

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/bulk"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// How many records are under way at a time where each costs little: so many that are young, enough for more than ten
// thousand a second where one takes a twentieth of a second, and so many in all.
const (
	leanYoung  = 768
	leanWindow = 1000
)

// wholeChecks is how many of them are checked one by one at a time.
const wholeChecks = 40

// addressLookUps is how many times at a time addresses of name servers are looked up.
const addressLookUps = 128

// flight is one run over many records: what they share.
//
// A record takes the short way first ([short]): the questions that decide about one that is right, sent and judged without
// a goroutine of its own. One that turns out to be anything else is checked as any single record is, with what was already
// answered; so is the first of each public suffix, from whose check the others learn. The address of a name server that
// comes without glue is looked up for the first record that needs it.
type flight struct {
	checker Checker // asks by the pool and the cache
	stopped <-chan struct{}
	err     func() error // why it was stopped
	// check checks a record as any single one, with what was already answered for it; ownRules reports whether the rules
	// that read a record alone have nothing to say. Both end with the run.
	check    func(r Record, before []resolver.Exchange) (Report, error)
	ownRules func(r Record) bool
	address  func(resolver.Cut) (found resolver.Cut, asked int) // fills in addresses of name servers
	window   int                                                // records under way at a time
	young    int                                                // of these, young ones
	taken    int                                                // records so far; for the goroutine of the run, as is flying
	flying   underWay
	pool     *bulk.Pool
	closes   bool          // the pool is ours to close
	results  chan *result  // with room for all that fly
	lookUps  chan struct{} // places for lookups of addresses
	work     sync.WaitGroup
	walker   resolver.Walker
	landed   sync.Pool // of *short, to be used again

	mu       sync.Mutex
	turn     []wholeCheck // that wait
	checking int          // whole checks under way
	suffixes map[resolver.Name]*suffix
	hosts    map[resolver.Name]*hostAddrs
	outcomes map[dnssec.Status][]Outcome // of a record that is right
	serving  map[string]Host             // by the name servers' names
}

type result struct {
	Numbered
	began time.Time
	err   error
}

func (c *Checker) newFlight(ctx context.Context, rules []Rule) *flight {
	f := &flight{
		checker: *c, stopped: ctx.Done(), err: ctx.Err, window: orDefault(c.Concurrency, DefaultConcurrency), flying: underWay{since: time.Now()},
		suffixes: map[resolver.Name]*suffix{}, hosts: map[resolver.Name]*hostAddrs{}, outcomes: map[dnssec.Status][]Outcome{}, serving: map[string]Host{},
	}
	client, plain := c.plainClient()
	if f.pool = c.Pool; f.pool == nil && plain && c.Lean {
		f.pool = &bulk.Pool{AllowPrivate: client.AllowPrivate, Fallback: client}
		f.closes = true
	}
	f.young = f.window
	if f.pool != nil {
		f.checker.Resolver = &resolver.Cache{Resolver: f.pool}
	}
	f.checker.memory = &dnssec.Memory{}
	if f.isLean() && c.Concurrency == 0 {
		f.window, f.young = leanWindow, leanYoung
	}
	f.check = func(r Record, before []resolver.Exchange) (Report, error) {
		rep, p, err := f.checker.check(ctx, r, rules, before...)
		if p != nil && f.isLean() {
			f.learn(ctx, p, rep)
		}
		return rep, err
	}
	f.address = func(cut resolver.Cut) (resolver.Cut, int) {
		limited, cancel := context.WithTimeout(ctx, orDefault(c.Timeout, DefaultTimeout))
		defer cancel()
		memo := &resolver.Memo{Resolver: patient{f.checker.Resolver}, Limit: orDefault(c.MaxQuestions, DefaultMaxQuestions)}
		w := f.walker
		w.Resolver = memo
		return w.Address(limited, cut), memo.Asked()
	}
	f.ownRules = silentOn(ctx, f.checker.pass(Record{}), rules)
	f.walker = f.checker.pass(Record{}).walker
	f.results = make(chan *result, f.window)
	f.lookUps = make(chan struct{}, min(f.window, addressLookUps))
	return f
}

// silentOn gives a function that runs the rules which read a record alone, and reports whether none of them has anything to
// say. It is for one goroutine: the pass is used again for each record.
func silentOn(ctx context.Context, p *Pass, rules []Rule) func(Record) bool {
	var own []Rule
	var infos []Info
	for _, r := range rules {
		if i := r.Info(); i.Input {
			own, infos = append(own, r), append(infos, i)
		}
	}
	return func(r Record) bool {
		p.Record = r
		clear(p.findings)
		for i, rule := range own {
			p.rule = infos[i]
			if err := rule.Run(ctx, p); err != nil && !errors.Is(err, ErrNotApplicable) {
				return false
			}
		}
		return len(p.findings) == 0
	}
}

// isLean reports whether records take the short way: it knows the rules of this package, and asks what they need.
// A way that is to be kept is walked from the root.
func (f *flight) isLean() bool {
	c := &f.checker
	return f.pool != nil && c.Lean && !c.KeepWay && c.Rules == nil && len(c.Elsewhere) == 0 && len(c.Witnesses) == 0 && c.Own == (resolver.Recursor{})
}

// end ends what is under way. The context is done.
func (f *flight) end() {
	if f.closes {
		_ = f.pool.Close() // what was sent is of no interest any more
	}
	f.work.Wait()
}

// hasRoom reports whether another record may take off.
func (f *flight) hasRoom() bool {
	f.flying.age(time.Now())
	return f.flying.all < f.window && f.flying.young < f.young
}

// begin lets a record take off.
func (f *flight) begin(r Record) {
	i, now := f.taken, time.Now()
	f.taken++
	f.flying.begin(now)
	if !f.isLean() || !f.takeShortWay(i, r, now) {
		f.checkWhole(wholeCheck{index: i, record: r, began: now})
	}
}

// wholeCheck is a record that is to be checked as any single one.
type wholeCheck struct {
	index  int
	record Record
	began  time.Time
	before func() (answered []resolver.Exchange, asked int) // nil: nothing was asked for it yet
	then   func()                                           // called when it is checked; nil: nobody waits for that
}

// checkWhole lets a record be checked as any single one, in its turn.
func (f *flight) checkWhole(w wholeCheck) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.then != nil {
		f.turn = slices.Insert(f.turn, 0, w) // others wait for it
	} else {
		f.turn = append(f.turn, w)
	}
	if f.checking < min(f.window, wholeChecks) {
		f.checking++
		f.work.Go(f.workOff)
	}
}

// workOff checks what waits for its turn, until nothing does.
func (f *flight) workOff() {
	for {
		f.mu.Lock()
		if len(f.turn) == 0 {
			f.checking--
			f.mu.Unlock()
			return
		}
		w := f.turn[0]
		f.turn[0] = wholeCheck{}
		f.turn = f.turn[1:]
		f.mu.Unlock()
		f.results <- f.checkNow(w)
	}
}

func (f *flight) checkNow(w wholeCheck) *result {
	if w.then != nil {
		defer w.then()
	}
	if err := f.err(); err != nil {
		return &result{Numbered{Index: w.index}, w.began, err}
	}
	var answered []resolver.Exchange
	asked := 0
	if w.before != nil {
		answered, asked = w.before()
	}
	rep, err := f.check(w.record, answered)
	rep.Queries += asked
	return &result{Numbered{w.index, rep}, w.began, err}
}

// lesson is something that one record's whole check finds out and others wait for.
type lesson struct {
	learning bool
	waiting  []func()
}

// end gives those that wait, who may go on.
func (l *lesson) end() (waiting []func()) {
	waiting, l.learning, l.waiting = l.waiting, false, nil
	return waiting
}

// suffix is what is known of a top-level domain, or of another public suffix, for every name below it.
type suffix struct {
	lesson
	known *suffixFacts // nil, or past its time: to be found out
}

// suffixFacts does not change but for the denials, which the flight's lock guards.
type suffixFacts struct {
	cut      resolver.Cut
	security dnssec.Zone
	until    time.Time
	denials  spans // of signed delegations, by NSEC3 with opt-out
}

// hostAddrs are the addresses of one name server.
type hostAddrs struct {
	lesson
	addrs []netip.Addr // none where they could not be found
	until time.Time
}

// manyKnown is how many name servers' addresses are kept.
const manyKnown = 20000

// learn takes in what a whole check found out that others need: the public suffixes that it came by, where nothing is
// forbidden or in doubt there, and the addresses of the zone's name servers.
func (f *flight) learn(ctx context.Context, p *Pass, rep Report) {
	now := time.Now()
	cuts := p.facts.walk.Cuts
	f.mu.Lock()
	if rep.Verdict == Valid && len(rep.Findings) == 0 {
		if _, known := f.outcomes[rep.Security]; !known {
			f.outcomes[rep.Security] = rep.Outcomes
		}
	}
	f.mu.Unlock()
	for _, c := range cuts {
		if c.Zone.IsRoot() || !p.registered().Below(c.Zone) || len(f.walker.Servers(c)) == 0 || len(c.Referrals) == 0 {
			continue
		}
		link := p.zoneOf(ctx, c)
		if len(link.faults) > 0 || !p.validator.Anchors.IsZero() && link.Status != dnssec.Secure && link.Status != dnssec.Insecure {
			continue
		}
		ttl, ok := p.noCAA(ctx, link)
		if !ok || ctx.Err() != nil {
			continue
		}
		ttl = min(ttl, ttlOfReferral(c.Referrals[0].Response))
		f.mu.Lock()
		s := f.suffixes[c.Zone]
		if s == nil {
			s = &suffix{}
			f.suffixes[c.Zone] = s
		}
		if s.known == nil || now.After(s.known.until) {
			s.known = &suffixFacts{cut: c, security: link.Zone, until: now.Add(ttl)}
		}
		f.mu.Unlock()
	}
	f.learnHosts(p, now)
}

// noCAA reports whether it is certain that there are no CAA records at a zone and above it, and for how long.
func (p *Pass) noCAA(ctx context.Context, zone link) (ttl time.Duration, ok bool) {
	for i, n := range climb(zone.cut.Zone) {
		said := p.caaAt(ctx, n)
		if said.err != nil || len(said.usable[0].Response.Answer) > 0 {
			return 0, false
		}
		a := said.usable[0] // of these zones one server will do
		d, denied := a.Response.NegativeTTL()
		cut, known := p.cutFor(a)
		if !denied || !known {
			return 0, false
		}
		if judged, _ := p.judge(ctx, cut, a); zone.Status == dnssec.Secure && judged.Status != dnssec.Secure {
			return 0, false
		}
		if i == 0 || d < ttl {
			ttl = d
		}
	}
	return ttl, true
}

// ttlOfReferral is how long a referral may be kept.
func ttlOfReferral(r resolver.Response) time.Duration {
	least := uint32(86400)
	for _, rr := range slices.Concat(r.Answer, r.Authority, r.Additional) {
		least = min(least, rr.TTL)
	}
	return time.Duration(least) * time.Second
}

// hostsFor is how long addresses of name servers are kept, which the cache has for as long as their TTL says, and how long
// it is remembered that there are none to be had.
const (
	hostsFor   = 5 * time.Minute
	noHostsFor = 10 * time.Second
)

// host gives the place for what is known of a name server. The lock is held.
func (f *flight) host(name resolver.Name) *hostAddrs {
	h := f.hosts[name]
	if h == nil {
		if len(f.hosts) > manyKnown {
			for n, h := range f.hosts {
				if !h.learning {
					delete(f.hosts, n)
				}
			}
		}
		h = &hostAddrs{}
		f.hosts[name] = h
	}
	return h
}

// lookUp finds the addresses of a cut's name servers, each of which is being learned, and lets those go on that wait for
// them; then is called before they are.
func (f *flight) lookUp(cut resolver.Cut, then func(asked int)) {
	f.work.Go(func() {
		asked := 0
		select {
		case f.lookUps <- struct{}{}:
			cut, asked = f.address(cut)
			<-f.lookUps
		case <-f.stopped:
		}
		now := time.Now()
		var waiting []func()
		f.mu.Lock()
		for _, ns := range cut.NameServers {
			h := f.host(ns.Name)
			if h.addrs, h.until = ns.Addrs, now.Add(hostsFor); len(ns.Addrs) == 0 {
				h.until = now.Add(noHostsFor)
			}
			waiting = append(waiting, h.end()...)
		}
		f.mu.Unlock()
		then(asked)
		for _, w := range waiting {
			w()
		}
	})
}

func (f *flight) learnHosts(p *Pass, now time.Time) {
	cut := p.facts.cut
	if p.aboveDomain() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ns := range cut.NameServers {
		if len(ns.Addrs) == 0 || ns.Err != nil || ns.Name.Within(cut.Parent) && ns.Glue {
			continue // glue comes with each referral
		}
		h := f.host(ns.Name)
		h.addrs, h.until = ns.Addrs, now.Add(hostsFor)
	}
}

// hostOf is [HostOf], remembered. The lock is held.
func (f *flight) hostOf(names []resolver.Name) Host {
	var buf [1024]byte
	key := buf[:0]
	for _, n := range names {
		key = n.AppendWire(key)
	}
	if h, ok := f.serving[string(key)]; ok {
		return h
	}
	if len(f.serving) >= manyKnown {
		clear(f.serving)
	}
	h := HostOf(names)
	f.serving[string(key)] = h
	return h
}
