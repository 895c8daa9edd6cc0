package balance

import "math/rand/v2"

// This file chooses the target of a call.

// tried is where a call should go, and the targets that it has been to. Its zero value is a call that may go anywhere and
// has been nowhere.
type tried struct {
	want  *target // that a session sticks to, nil for none
	key   uint64  // hash of what the target is chosen by, if keyed
	keyed bool

	n     int
	waits int // how many of them took their time to fail
	was   [maxTries]*target
}

const (
	maxTries = 8 // targets that one call goes to
	maxWaits = 3 // of them, that it may wait for in vain
)

func (t *tried) add(to *target) {
	if t.n < maxTries && !t.has(to) {
		t.was[t.n] = to
		t.n++
	}
}

// drop forgets that the call has been to a target.
func (t *tried) drop(to *target) {
	for i := range t.n {
		if t.was[i] == to {
			t.n--
			t.was[i] = t.was[t.n]
			return
		}
	}
}

func (t *tried) has(to *target) bool {
	for i := range t.n {
		if t.was[i] == to {
			return true
		}
	}
	return false
}

// An offer is what a target has for a call.
type offer uint8

const (
	refuse offer = 0
	accept offer = 1
	probe  offer = 2 // it was out: this call alone may look whether it is back
	trial  offer = 4 // its circuit is half open: this call is one of those that decide; also with probe
)

// A pick is a target for the next try. The zero value is none.
type pick struct {
	*target
	offer offer
}

// pick chooses the target for the next try of a call.
func (u *Upstream) pick(r *roster, now int64, been *tried) pick {
	if been.n == maxTries || been.waits == maxWaits {
		return pick{}
	}
	if been.want != nil {
		if p := take(been.want, u.askAny(been.want, now, been)); p.target != nil {
			return p
		}
	}
	first := 0
	if len(r.groups) > 1 {
		first = u.level(r, now, been)
	}
	if p := u.from(r.groups[first], now, been); p.target != nil {
		return p
	}
	for i, g := range r.groups {
		if i == first {
			continue
		}
		if p := u.from(g, now, been); p.target != nil {
			return p
		}
	}
	return r.last(now, been)
}

// from chooses among the targets of g, none when nobody there has anything for the call.
func (u *Upstream) from(g *group, now int64, been *tried) pick {
	if len(g.targets) == 0 {
		return pick{}
	}
	if p := u.choose(g, now, been); p.target != nil || len(g.targets) == 1 {
		return p
	}
	return u.search(g, now, been)
}

// choose chooses among the targets of g, by the upstream's way to balance. None says that it is worth looking further.
func (u *Upstream) choose(g *group, now int64, been *tried) pick {
	if len(g.targets) == 1 {
		t := g.targets[0]
		return take(t, u.ask(t, now, been))
	}
	switch u.balance.way {
	case RoundRobin:
		return u.next(g, now, been)
	case Random:
		return u.chance(g, now, been)
	case LeastRequest:
		return u.least(g, now, been)
	case ConsistentHash:
		if been.keyed {
			return u.keep(g, now, been)
		}
		return u.chance(g, now, been)
	}
	return u.better(g, now, been)
}

// ask says what t has for a call.
func (u *Upstream) ask(t *target, now int64, been *tried) offer {
	if t.seat.drained.Load() {
		return refuse
	}
	return u.askAny(t, now, been)
}

// askAny is ask for a call that may go to a drained target.
func (u *Upstream) askAny(t *target, now int64, been *tried) offer {
	switch {
	case been.n > 0 && been.has(t):
		return refuse
	case t.in():
		return t.breaker.offer(now)
	case t.breaker.is(open, now), !t.claim(now):
		return refuse
	case t.silent.Load():
		u.knock(t) // a look that may take long is nobody's call
		return refuse
	}
	o := t.breaker.offer(now)
	if o == refuse {
		t.release()
		return refuse
	}
	return probe | o&trial
}

// take makes a pick of t, if it has something for the call.
func take(t *target, has offer) pick {
	if has == refuse {
		return pick{}
	}
	return pick{t, has}
}

// draw draws a target by weight, one that ramps in less often.
func (u *Upstream) draw(g *group, now int64) *target {
	t := g.draw()
	if u.slow == 0 {
		return t
	}
	for range 8 {
		if u.admits(t, now) {
			break
		}
		t = g.draw()
	}
	return t
}

// admits says, by chance, whether t takes a call that its whole weight has earned it.
func (u *Upstream) admits(t *target, now int64) bool {
	part := u.ramp(t, now)
	return part == 1 || rand.Float64() < part
}

// chance takes one target at random.
func (u *Upstream) chance(g *group, now int64, been *tried) pick {
	t := u.draw(g, now)
	return take(t, u.ask(t, now, been))
}

// better draws two targets and takes the one where the call would wait less. Targets that are about equally busy
// share by weight.
func (u *Upstream) better(g *group, now int64, been *tried) pick {
	a := u.draw(g, now)
	offerA := u.ask(a, now, been)
	if offerA > accept {
		return pick{a, offerA}
	}
	b := g.other(a)
	offerB := u.ask(b, now, been)
	if offerA == refuse || offerB != accept {
		if offerB == refuse {
			return take(a, offerA)
		}
		return take(b, offerB)
	}
	costA, costB := costs(&a.load, &b.load, a.share*u.ramp(a, now), b.share*u.ramp(b, now), now)
	if costB < costA*3/4 {
		return pick{b, accept}
	}
	return pick{a, accept} // less busy, or drawn first and so by weight
}

// next takes the targets in turn, each as often as its weight says and as evenly spread as it can be. The turn is
// one counter: its quotient by the number of targets is the round, its rest the target. A target of weight w takes part
// in a round when w times the round passes another multiple of the heaviest weight.
func (u *Upstream) next(g *group, now int64, been *tried) pick {
	n := uint64(len(g.targets))
	for range 4 * n {
		turn := u.turn.Add(1) - 1
		t := g.targets[turn%n]
		if (turn/n*t.step+t.shift)%g.heaviest+t.step < g.heaviest || !u.admits(t, now) {
			continue
		}
		if p := take(t, u.ask(t, now, been)); p.target != nil {
			return p
		}
	}
	return pick{}
}

// search takes any target of g that has something for the call, by weight.
func (u *Upstream) search(g *group, now int64, been *tried) pick {
	var best *target
	var sum float64
	for _, t := range g.targets {
		switch has := u.ask(t, now, been); has {
		case refuse:
		case accept:
			weight := float64(t.step) * u.ramp(t, now)
			if sum += weight; rand.Float64()*sum < weight {
				best = t
			}
		default:
			return pick{t, has}
		}
	}
	return pick{best, accept}
}

// last takes a target although all are out: those that fail without delay are as good as none, and one of them is tried, since
// the last target is never given up. One that is silent is not, and neither is one that an operator has drained.
func (r *roster) last(now int64, been *tried) pick {
	for _, g := range r.groups {
		var best *target
		var sum uint64
		for _, t := range g.targets {
			if t.serves() || t.silent.Load() || t.seat.drained.Load() || t.unfit() || t.breaker.shut(now) || been.has(t) {
				continue
			}
			if sum += t.step; rand.Uint64N(sum) < t.step {
				best = t
			}
		}
		if best != nil {
			return pick{best, accept}
		}
	}
	return pick{}
}
