package validate

import "time"

// underWay counts the records that are under way, and of these the young ones: those that have not been waiting for the
// network longer than youth. It is the young ones that are bounded where records cost little, so that a network that is slow,
// or a few servers that do not answer, leave room for others, while a machine that is busy does not pile up more than it can
// take. It is for one goroutine.
type underWay struct {
	since time.Time
	all   int
	young int
	begun [buckets]int // young ones by when they began
	last  int64        // the bucket that was current last, counted from since
}

const (
	youth   = 100 * time.Millisecond
	bucket  = 10 * time.Millisecond
	buckets = int64(youth / bucket)
)

func (u *underWay) bucketOf(t time.Time) int64 { return int64(t.Sub(u.since) / bucket) }

// age lets those grow old that have been under way for long enough.
func (u *underWay) age(now time.Time) {
	b := u.bucketOf(now)
	for n := min(b-u.last, buckets); n > 0; n-- {
		old := &u.begun[(b-n+1)%buckets]
		u.young -= *old
		*old = 0
	}
	u.last = max(u.last, b)
}

// begin counts one that begins now.
func (u *underWay) begin(now time.Time) {
	u.age(now)
	u.all++
	u.young++
	u.begun[u.last%buckets]++
}

// end counts off one that began then.
func (u *underWay) end(began, now time.Time) {
	u.age(now)
	u.all--
	if b := u.bucketOf(began); u.last-b < buckets {
		u.young--
		u.begun[b%buckets]--
	}
}
