package balance

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// A roster is the targets that an upstream has at a time. It never changes: when targets come or go, another one takes its
// place. A call keeps the one that it began with.
type roster struct {
	targets []*target // in the order in which they were listed, without those of weight 0
	groups  []*group  // the same by priority, in the order in which they are asked; one at least, which may be empty
	badges  *badges   // nil without sticky

	upstream *Upstream
	failing  atomic.Int32 // how many fail their health checks
	spared   int32        // with more failing than that, health checks count for nothing
}

// A group is the targets of one priority, among which one is chosen.
type group struct {
	priority int
	targets  []*target
	even     bool   // all weights are the same
	weight   uint64 // sum of the weights
	heaviest uint64 // of the weights
	health   standing
	classes  []class // for consistent_hash
	seen     atomic.Pointer[glimpse]
}

// group returns the group of that priority, a new one if there is none.
func (r *roster) group(priority int) *group {
	for _, g := range r.groups {
		if g.priority == priority {
			return g
		}
	}
	g := &group{priority: priority}
	r.groups = append(r.groups, g)
	return g
}

// form puts the targets into their groups, when all of them are there.
func (r *roster) form(keys bool) {
	if len(r.groups) == 0 {
		r.group(0)
	}
	slices.SortFunc(r.groups, func(a, b *group) int { return cmp.Compare(a.priority, b.priority) })
	for _, t := range r.targets {
		t.group.targets = append(t.group.targets, t)
	}
	for _, g := range r.groups {
		g.weigh()
		if keys {
			g.classes = classes(g.targets)
		}
	}
}

// weigh works out what chances follow from the weights.
func (g *group) weigh() {
	g.even = true
	for i, t := range g.targets {
		g.weight += t.step
		g.heaviest = max(g.heaviest, t.step)
		g.even = g.even && t.step == g.targets[0].step
		t.index, t.upTo = i, g.weight
	}
	for i, t := range g.targets {
		t.share = float64(t.step) * float64(len(g.targets)) / float64(g.weight)
		t.shift = g.heaviest * uint64(i) / uint64(len(g.targets))
	}
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

// anyServes says whether a target gets new calls.
func (r *roster) anyServes() bool {
	return slices.ContainsFunc(r.targets, func(t *target) bool { return t.serves() })
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
