package providertest

import (
	"context"
	"sync"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
)

// Tap stands between the engine and any Client and breaks its calls. Reads and writes are counted together from 1. The fields
// are set before use; the methods are safe for concurrent use if the functions are.
type Tap struct {
	providers.Client
	Zone   providers.Zone                            // what FindZones gives where the Client cannot say
	Before func(call int, write bool) (bool, error)  // false: the call does not reach the Client, and ends with the error or as done
	After  func(call int, write bool, e error) error // what the call ends with in place of e

	mu            sync.Mutex
	calls, writes int
}

// Calls says how many calls there were, and how many of them were writes.
func (t *Tap) Calls() (calls, writes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls, t.writes
}

func (t *Tap) count(write bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	if write {
		t.writes++
	}
	return t.calls
}

// Read reads through the Client.
func (t *Tap) Read(ctx context.Context, z providers.Zone, owners ...resolver.Name) (sets []providers.RRset, err error) {
	err = t.pass(false, func() (err error) {
		sets, err = t.Client.Read(ctx, z, owners...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return sets, nil
}

// Write writes through the Client.
func (t *Tap) Write(ctx context.Context, z providers.Zone, b providers.Batch) error {
	return t.pass(true, func() error { return t.Client.Write(ctx, z, b) })
}

func (t *Tap) pass(write bool, call func() error) error {
	n := t.count(write)
	if t.Before != nil {
		if pass, err := t.Before(n, write); !pass {
			return err
		}
	}
	err := call()
	if t.After != nil {
		err = t.After(n, write, err)
	}
	return err
}

// FindZones asks the Client, and gives Zone where it is no ZoneFinder.
func (t *Tap) FindZones(ctx context.Context, owner resolver.Name) ([]providers.Zone, error) {
	if f, ok := t.Client.(providers.ZoneFinder); ok {
		return f.FindZones(ctx, owner)
	}
	return []providers.Zone{t.Zone}, nil
}
