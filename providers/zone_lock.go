package providers

import (
	"context"
	"fmt"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// ZoneLock lets one write at a time into each zone, for adapters whose provider cannot compare and write in one act. It holds off
// other goroutines and not other programs. The zero value is ready, and safe for concurrent use.
type ZoneLock struct {
	mu    sync.Mutex // guards zones, never held while waiting
	zones map[zoneKey]chan struct{}
}

type zoneKey struct {
	apex resolver.Name
	id   string
}

// Lock waits for the zone's turn. The error is that of ctx.
func (l *ZoneLock) Lock(ctx context.Context, z Zone) (unlock func(), err error) {
	key := zoneKey{z.Apex, z.ID}
	l.mu.Lock()
	turn, ok := l.zones[key]
	if !ok {
		turn = make(chan struct{}, 1)
		if l.zones == nil {
			l.zones = map[zoneKey]chan struct{}{}
		}
		l.zones[key] = turn
	}
	l.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another write to %s: %w", z.Apex, ctx.Err())
	}
}
