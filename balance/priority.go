package balance

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"sallyport/policy"
)

// This file shares out the calls among the groups of targets, when they have more than one priority. A group carries all of
// them while half of its weight gets calls; below that its share shrinks with what is left of it, and the next group
// takes over the rest. So a pair does without one of its targets as it is used to, and of ten targets the last is not
// buried under the calls of all, nor the first that comes back.

const (
	whole  = 1 << 16 // all calls
	spread = 2       // times its usual share of the calls is what a target may be given before the next group helps
	// glance is for how long what was seen of a group counts.
	glance = int64(10 * time.Millisecond)
)

// A standing is how a group is, as it was last seen.
type standing struct {
	seen    atomic.Int64 // when, on the registry's clock; 0 for never
	carries atomic.Int64 // share of the calls that it can carry, of whole
	due     atomic.Int64 // when a target of it is to be looked at next; MaxInt64 for none
}

// look brings the standing of g up to date.
func (u *Upstream) look(g *group, now int64) {
	if seen := g.health.seen.Load(); seen != 0 && now-seen < glance && now >= seen {
		return
	}
	var left float64
	due := int64(math.MaxInt64)
	for _, t := range g.targets {
		switch {
		case t.seat.drained.Load():
		case t.in() && t.breaker.shut(now):
			due = min(due, t.breaker.until.Load())
		case t.in():
			left += float64(t.step) * u.ramp(t, now)
		case !t.probing.Load():
			due = min(due, t.out.Load())
		}
	}
	g.health.carries.Store(int64(min(1, spread*left/float64(max(g.weight, 1))) * whole))
	g.health.due.Store(due)
	g.health.seen.Store(now)
}

// level returns the index of the group that the call goes to: by chance, or by its key.
func (u *Upstream) level(r *roster, now int64, been *tried) int {
	var sum int64
	for i, g := range r.groups {
		u.look(g, now)
		carries := g.health.carries.Load()
		if carries == 0 && g.health.due.Load() <= now {
			return i // nobody else would see whether it is back
		}
		sum += carries
	}
	if sum = min(sum, whole); sum == 0 {
		return 0
	}
	var at int64
	if been.keyed {
		at = int64(policy.Mix(been.key^levels)>>48) * sum / whole
	} else {
		at = rand.Int64N(sum)
	}
	for i, g := range r.groups {
		if at -= g.health.carries.Load(); at < 0 {
			return i
		}
	}
	return 0 // somebody saw less in the meantime
}

// levels sets the group that a key leads to apart from the target in it.
const levels = 0x9e3779b97f4a7c15
