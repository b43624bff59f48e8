package resolver

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Exchange is one question and what came of it: a response, or the error that says why there is none.
type Exchange struct {
	Question Question
	Response Response // the zero value where Err is set
	Err      error
}

// clone gives an exchange that shares nothing with e.
func (e Exchange) clone() Exchange {
	e.Response = e.Response.clone()
	return e
}

// clone gives a response that shares nothing with r.
func (r Response) clone() Response {
	r.Answer = slices.Clone(r.Answer)
	r.Authority = slices.Clone(r.Authority)
	r.Additional = slices.Clone(r.Additional)
	r.ExtendedErrors = slices.Clone(r.ExtendedErrors)
	return r
}

// Memo asks each question once and remembers what came of it, an error like an answer: what a server said a moment ago
// must not change in the middle of a check. Callers with the same question share one asking (single flight).
//
// Only a cancelled asking is not remembered: when the caller that asks goes away, the next one that waits takes over.
// Memory grows with the number of distinct questions; [Memo.Limit] bounds it. The zero value asks through a zero [Client].
// Safe for concurrent use once the fields are set.
type Memo struct {
	// Resolver is who is asked. Nil: a zero [Client].
	Resolver Resolver
	// Limit is how many distinct questions may be asked. Past it the error of a new one is [ErrBudget]. Zero: no limit.
	Limit int

	mu    sync.Mutex
	asked map[Question]*memory
}

// memory is what is known of one question. Its fields are guarded by Memo.mu.
type memory struct {
	busy  chan struct{} // closed when the asking under way ends; nil when nobody asks
	known bool          // exchange holds what is to be said from now on
	ended bool          // exchange holds something, a cancellation at least
	Exchange
}

// Resolve gives what is remembered of q, waits for whoever is asking it, or asks. Its errors are those of Memo.Resolver,
// [ErrBudget], or the error of ctx.
func (m *Memo) Resolve(ctx context.Context, q Question) (Response, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Response{}, askError(q, err)
		}
		e, wait, err := m.join(q)
		switch {
		case err != nil:
			return Response{}, err
		case wait != nil:
			select {
			case <-wait:
			case <-ctx.Done():
			}
		case e.known:
			return e.Response.clone(), e.Err
		default:
			return m.lead(ctx, q, e)
		}
	}
}

// Know takes in what came of questions that were asked before, so that they are not asked again. They count as asked. What
// is known already stays as it is.
func (m *Memo) Know(exchanges ...Exchange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked == nil {
		m.asked = make(map[Question]*memory, len(exchanges))
	}
	for _, e := range exchanges {
		if m.asked[e.Question] == nil {
			m.asked[e.Question] = &memory{known: true, ended: true, Exchange: e.clone()}
		}
	}
}

// join finds the place of q: with a channel to wait on, or known, or else the caller has to lead.
func (m *Memo) join(q Question) (e *memory, wait <-chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e = m.asked[q]
	if e == nil {
		if m.Limit > 0 && len(m.asked) >= m.Limit {
			return nil, nil, askError(q, ErrBudget)
		}
		e = &memory{Exchange: Exchange{Question: q}}
		if m.asked == nil {
			m.asked = make(map[Question]*memory)
		}
		m.asked[q] = e
	}
	switch {
	case e.known: // never written again, so it may be read without the lock
		return e, nil, nil
	case e.busy != nil:
		return e, e.busy, nil
	}
	e.busy = make(chan struct{})
	return e, nil, nil
}

// lead asks q and wakes those who wait, also when the Resolver panics.
func (m *Memo) lead(ctx context.Context, q Question, e *memory) (r Response, err error) {
	finished := false
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if finished {
			e.ended = true
			e.Response, e.Err = Response{}, err
			if err == nil {
				e.Response = r.clone()
			}
			// Our own end says nothing about the server. A resolver's own time limit does, and is kept.
			e.known = err == nil || ctx.Err() == nil || !isContextError(err)
		}
		close(e.busy)
		e.busy = nil
	}()
	var next Resolver = &Client{}
	if m.Resolver != nil {
		next = m.Resolver
	}
	r, err = next.Resolve(ctx, q)
	finished = true
	return r, err
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Asked counts the distinct questions that were sent on.
func (m *Memo) Asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.asked)
}

// Exchanges gives every question that has ended and what came of it, in the order of [Question.Compare], whatever order
// the answers came in. A question that was only ever cancelled stands there with that error.
func (m *Memo) Exchanges() []Exchange {
	m.mu.Lock()
	out := make([]Exchange, 0, len(m.asked))
	for _, e := range m.asked {
		if e.ended {
			out = append(out, e.clone())
		}
	}
	m.mu.Unlock()
	slices.SortFunc(out, func(a, b Exchange) int { return a.Question.Compare(b.Question) })
	return out
}
