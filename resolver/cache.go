package resolver

import (
	"context"
	"sync"
	"time"
)

// DefaultCacheLimit is how many answers a [Cache] holds that does not say.
const DefaultCacheLimit = 8192

// Cache remembers for many checks what they have in common, each for its TTL (RFC 1035, 3.2.1; RFC 2308, 5): the
// delegations of the root and of public suffixes, what these zones say of themselves, and the addresses of name servers.
// Anything else is passed on: it belongs to one record, and must be as it is now. So are errors, and answers that are not
// usable.
//
// A referral is the same for every name below the cut, so that one serves for all of them, where it leads down from the
// zone that the server was asked for ([ForZone]). One that leads up, sideways or to that zone itself is a server's failure
// to answer one question; for all names below, it would be the failure of every other zone at that server. TTLs are handed out as they came,
// since they are facts about the zone here. The same question is under way once at a time. The zero value asks through a
// zero [Client]. Safe for concurrent use once the fields are set.
type Cache struct {
	// Resolver is who is asked. Nil: a zero [Client].
	Resolver Resolver
	// Limit is how many answers are held; past it some are dropped. Zero: [DefaultCacheLimit].
	Limit int
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	mu        sync.Mutex
	answers   map[Question]cached
	referrals map[referral]cached
	busy      map[Question]chan struct{}
}

// zoneKey is the key of [ForZone].
type zoneKey struct{}

// ForZone gives a context in which servers are asked as name servers of zone, as a [Walker] asks them. A [Cache] remembers
// no referral without it.
func ForZone(ctx context.Context, zone Name) context.Context {
	return context.WithValue(ctx, zoneKey{}, zone)
}

// referral is a cut as one of the parent's servers knows it.
type referral struct {
	question Question // with the cut's name and without a type
}

type cached struct {
	response Response
	until    time.Time
}

// Resolve gives what is remembered, or asks. Its errors are those of Cache.Resolver, or the error of ctx.
func (c *Cache) Resolve(ctx context.Context, q Question) (Response, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Response{}, askError(q, err)
		}
		r, found, wait := c.find(q)
		switch {
		case found:
			return r, nil
		case wait != nil:
			select {
			case <-wait:
			case <-ctx.Done():
			}
		default:
			return c.ask(ctx, q)
		}
	}
}

// find looks q up. Where somebody is asking it, there is a channel to wait on; where nobody is, the caller has to, if the
// answer is of a kind that is remembered.
func (c *Cache) find(q Question) (r Response, found bool, wait <-chan struct{}) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.answers[q]; ok && now.Before(a.until) {
		return a.response.clone(), true, nil
	}
	for cut := q.Name; !cut.IsZero() && !cut.IsRoot(); cut = cut.Parent() {
		if cut == q.Name && q.Type == TypeDS {
			continue // the parent answers for it
		}
		if a, ok := c.referrals[referralTo(q, cut)]; ok && now.Before(a.until) {
			r := a.response.clone()
			r.Question = q
			return r, true, nil
		}
	}
	if !common(q) {
		return Response{}, false, nil
	}
	if busy := c.busy[q]; busy != nil {
		return Response{}, false, busy
	}
	if c.busy == nil {
		c.busy = map[Question]chan struct{}{}
	}
	c.busy[q] = make(chan struct{})
	return Response{}, false, nil
}

func referralTo(q Question, cut Name) referral {
	q.Name, q.Type = cut, 0
	return referral{q}
}

func (c *Cache) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// common reports whether the answer to q serves other checks, too.
func common(q Question) bool {
	switch q.Type {
	case TypeA, TypeAAAA:
		// Of name servers. An address at a name with an underscore is one that should not be there.
		label := q.Name.FirstLabel()
		return label != "" && label[0] != '_'
	case TypeDNSKEY, TypeCAA, TypeDS, TypeNS, TypeSOA:
		return oneServerWillDo(q.Name)
	}
	return false
}

func (c *Cache) ask(ctx context.Context, q Question) (Response, error) {
	if common(q) {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			close(c.busy[q])
			delete(c.busy, q)
		}()
	}
	var next Resolver = &Client{}
	if c.Resolver != nil {
		next = c.Resolver
	}
	r, err := next.Resolve(ctx, q)
	if err == nil {
		zone, _ := ctx.Value(zoneKey{}).(Name)
		c.keep(zone, q, r)
	}
	return r, err
}

// keep remembers what can be remembered of a response by a server that was asked as one of zone's, if that is known.
func (c *Cache) keep(zone Name, q Question, r Response) {
	if r.Truncated || !q.Server.IsValid() || q.TCP {
		return
	}
	child, refers := r.refersTo()
	refers = refers && !zone.IsZero() && !r.Authoritative && len(r.Answer) == 0 && r.Means(zone) == Refers
	switch {
	case refers && oneServerWillDo(child):
		c.store(func(a cached) { c.referrals[referralTo(q, child)] = a }, r, shortest(r.Authority, r.Additional))
	case !common(q):
	case refers:
		c.store(func(a cached) { c.answers[q] = a }, r, shortest(r.Authority, r.Additional))
	case !r.Authoritative || r.RCode != NoError && r.RCode != NXDomain:
	case len(r.Answer) > 0:
		c.store(func(a cached) { c.answers[q] = a }, r, shortest(r.Answer))
	default:
		if d, ok := r.NegativeTTL(); ok {
			c.store(func(a cached) { c.answers[q] = a }, r, d)
		}
	}
}

// shortest is the smallest TTL of all records.
func shortest(sections ...[]RR) time.Duration {
	least, found := uint32(0), false
	for _, s := range sections {
		for _, rr := range s {
			if !found || rr.TTL < least {
				least, found = rr.TTL, true
			}
		}
	}
	return time.Duration(least) * time.Second
}

func (c *Cache) store(put func(cached), r Response, d time.Duration) {
	if d <= 0 {
		return
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers, c.referrals = map[Question]cached{}, map[referral]cached{}
	}
	limit := c.Limit
	if limit <= 0 {
		limit = DefaultCacheLimit
	}
	if len(c.answers)+len(c.referrals) >= limit {
		drop(c.answers, now, limit/4)
		drop(c.referrals, now, limit/4)
	}
	put(cached{r.clone(), now.Add(d)})
}

// drop takes out what is past its time and, where that is little, as many others: a map gives them in no order.
func drop[K comparable](m map[K]cached, now time.Time, most int) {
	for k, a := range m {
		if !now.Before(a.until) {
			delete(m, k)
			most--
		}
	}
	for k := range m {
		if most <= 0 || len(m) == 0 {
			return
		}
		delete(m, k)
		most--
	}
}
