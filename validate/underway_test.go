package validate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// The counts are those of a plain list of who is under way since when, to a bucket.
func TestUnderWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1000, 0)
		u := underWay{since: start}
		now := start
		var flying []time.Time
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "ms")) * time.Millisecond)
			if len(flying) > 0 && rapid.Bool().Draw(t, "one ends") {
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				u.end(flying[i], now)
				flying = append(flying[:i], flying[i+1:]...)
			} else {
				u.begin(now)
				flying = append(flying, now)
			}
			u.age(now)
			young := 0
			for _, began := range flying {
				if now.Truncate(bucket).Sub(began.Truncate(bucket)) < youth {
					young++
				}
			}
			assert.Equal(t, len(flying), u.all)
			assert.Equal(t, young, u.young)
		}
	})
}
