package balance

import (
	"sync/atomic"
	"time"
)

// This file keeps a target that fails fast from attracting calls: it has few under way and answers at once, and so it would look like the
// best of all to those who compare. They count who failed of late, and take one that did so more often than others for
// no better than these, whatever else they know of it. So it gets its share and no more; to take it out is up to outliers.

// afterglow is how long it takes until half of the failures that are remembered count no more.
const afterglow = time.Second / 2

// A trouble is how many calls failed of late. Two that are counted at once may lose one of them, which does no harm.
type trouble struct {
	count atomic.Int64 // in thousandths, as of when
	when  atomic.Int64 // on the registry's clock
}

// at returns how many failures still count.
func (t *trouble) at(now int64) float64 {
	count := t.count.Load()
	if count == 0 {
		return 0
	}
	halves := max(0, now-t.when.Load()) / (int64(afterglow) / 8)
	if halves > 8*20 {
		return 0
	}
	count >>= halves / 8
	return float64(count-count*(halves%8)/16) / 1000 // a straight line from each half to the next
}

func (t *trouble) add(now int64) {
	count := t.at(now)
	t.when.Store(now)
	t.count.Store(int64((count + 1) * 1000))
}

// worse says whether a target fails notably more often than another.
func worse(a, b float64) bool { return a > 2*b+0.5 }

// blame counts a call that failed. How soon it did says nothing good about the target; only a failure that took long says something
// about how long calls take there.
func (l *load) blame(now int64, took time.Duration) {
	l.trouble.add(now)
	if int64(took) > l.remembered(now) {
		l.observe(now, took)
	}
}

// blame counts a call to t that began at start and failed now.
func (u *Upstream) blame(t *target, start time.Time) {
	now := time.Now()
	t.blame(u.registry.clock(now), now.Sub(start))
}
