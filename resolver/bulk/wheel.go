package bulk

import (
	"time"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// The wheel holds what waits for an answer, by when its patience ends. A slot is a list, so that an answer takes its
// question out at once.
const (
	wheelSlots = 1024
	slotLength = int64(10 * time.Millisecond)
)

// put files a question under the moment at which its present try is given up. The pool's lock is held.
func (p *Pool) put(a *Ask, due int64) {
	n := max(due/slotLength, p.turned)
	n = min(n, p.turned+wheelSlots-1)
	a.slot = int(n % wheelSlots)
	a.before, a.after = nil, p.wheel[a.slot]
	if a.after != nil {
		a.after.before = a
	}
	p.wheel[a.slot] = a
}

// pull takes a question out. The pool's lock is held.
func (p *Pool) pull(a *Ask) {
	if a.slot < 0 {
		return
	}
	if a.before != nil {
		a.before.after = a.after
	} else {
		p.wheel[a.slot] = a.after
	}
	if a.after != nil {
		a.after.before = a.before
	}
	a.slot, a.before, a.after = -1, nil, nil
}

// turn turns the wheel until the pool is closed: it sends again what was not answered, gives up what was sent often enough,
// and lets those go that waited for a server's rate.
func (p *Pool) turn() {
	tick := time.NewTicker(time.Duration(slotLength))
	defer tick.Stop()
	for renew := 0; ; renew++ {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		now := p.clock()
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return
		}
		var again []*Ask
		var over []ended
		for ; p.turned*slotLength <= now-slotLength; p.turned++ {
			slot := p.turned % wheelSlots
			for a := p.wheel[slot]; a != nil; a = p.wheel[slot] {
				p.pull(a)
				a.server.scored(true)
				if a.tried < a.server.tries() {
					again = append(again, a)
					continue
				}
				p.forget(a)
				a.server.failures++
				over = append(over, ended{a, resolver.ErrTimeout})
				again = append(again, p.release(a.server, now)...)
			}
		}
		for s := range p.waiting {
			again = p.drain(s, now, again)
		}
		over = append(over, p.transmit(again, now)...)
		if renew%renewEvery == renewEvery-1 {
			p.renew()
		}
		p.mu.Unlock()
		p.end(over)
	}
}
