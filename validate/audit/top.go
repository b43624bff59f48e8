package audit

import (
	"cmp"
	"slices"
)

// Top counts keys in bounded memory, after the Space-Saving algorithm of Metwally, Agrawal and El Abbadi, "Efficient
// Computation of Frequent and Top-k Elements in Data Streams" (2005). As long as no more than Most keys came, all counts are
// exact. Beyond that a count is too high by at most Over, and a key that is not there came at most Over times.
type Top struct {
	Most   int            `json:"most"`           // keys that are kept; 0: one
	Over   int            `json:"over,omitempty"` // 0: the counts are exact
	Total  int            `json:"total"`
	Counts map[string]int `json:"counts"`
}

// Count is a key and how often it came.
type Count struct {
	Key   string
	Count int
}

// Add counts a key.
func (t *Top) Add(key string) {
	if t.Counts == nil {
		t.Counts = map[string]int{}
	}
	t.Total++
	if _, ok := t.Counts[key]; !ok && len(t.Counts) >= max(t.Most, 1) {
		t.evict()
		t.Counts[key] = t.Over
	}
	t.Counts[key]++
}

// evict makes room: the rarer half goes, at one time, so that the search for them costs little a key.
func (t *Top) evict() {
	all := make([]int, 0, len(t.Counts))
	for _, n := range t.Counts {
		all = append(all, n)
	}
	slices.Sort(all)
	middle := all[len(all)/2]
	t.Over = max(t.Over, middle)
	for key, n := range t.Counts {
		if n <= middle {
			delete(t.Counts, key)
		}
	}
}

// First gives the n most frequent keys, the most frequent first, then by name.
func (t *Top) First(n int) []Count {
	out := make([]Count, 0, len(t.Counts))
	for k, c := range t.Counts {
		out = append(out, Count{k, c})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Key, b.Key))
	})
	return out[:min(n, len(out))]
}
