package balance

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// A roster is the targets that an upstream has at a time. It never changes: when targets come or go, another one takes its
// place. A call keeps the one that it began with.
type roster struct {
	targets []*target // in the order in which they were listed, without those of weight 0
	groups  []*group  // the same, in the order in which they are asked; one at least, which may be empty

	upstream *Upstream
	failing  atomic.Int32 // how many fail their health checks
	spared   int32        // with more failing than that, health checks count for nothing
}

// A group is targets among which one is chosen.
type group struct {
	targets  []*target
	even     bool   // all weights are the same
	weight   uint64 // sum of the weights
	heaviest uint64 // of the weights
}

// newGroup makes a group of targets, which must be in no other one.
func newGroup(targets []*target) *group {
	g := &group{targets: targets, even: true}
	for i, t := range targets {
		g.weight += t.step
		g.heaviest = max(g.heaviest, t.step)
		g.even = g.even && t.step == targets[0].step
		t.index, t.upTo = i, g.weight
	}
	for i, t := range targets {
		t.share = float64(t.step) * float64(len(targets)) / float64(g.weight)
		t.shift = g.heaviest * uint64(i) / uint64(len(targets))
	}
	return g
}

// draw returns a target at random, by weight.
func (g *group) draw() *target {
	if g.even {
		return g.targets[rand.IntN(len(g.targets))]
	}
	return g.at(rand.Uint64N(g.weight))
}

// at returns the target that holds place r of all weights.
func (g *group) at(r uint64) *target {
	lo, hi := 0, len(g.targets)-1
	for lo < hi {
		if mid := (lo + hi) / 2; r < g.targets[mid].upTo {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return g.targets[lo]
}

// other returns a target that is not t.
func (g *group) other(t *target) *target {
	if len(g.targets) == 2 {
		return g.targets[1-t.index]
	}
	for range 4 {
		if o := g.draw(); o != t {
			return o
		}
	}
	return g.targets[(t.index+1)%len(g.targets)]
}

// anyIn says whether a target is in service.
func (r *roster) anyIn() bool {
	return slices.ContainsFunc(r.targets, func(t *target) bool { return t.in() })
}

// has says whether there is a target of that name.
func (r *roster) has(name string) bool {
	return slices.ContainsFunc(r.targets, func(t *target) bool { return t.name == name })
}

// in says whether calls may go to t.
func (t *target) in() bool { return t.endpoint.in() && !t.unfit() }

// claim is that of the endpoint, unless health checks keep calls away from it.
func (t *target) claim(now int64) bool { return !t.unfit() && t.endpoint.claim(now) }

// unfit says whether health checks keep calls away from t.
func (t *target) unfit() bool {
	return t.check != nil && t.check.failing.Load() && t.home.failing.Load() <= t.home.spared
}
