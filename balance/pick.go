package balance

import "math/rand/v2"

// This file chooses the target of a call.

// tried are the targets that a call has been to. Its zero value is none.
type tried struct {
	n     int
	waits int // how many of them took their time to fail
	was   [maxTries]*target
}

const (
	maxTries = 8 // targets that one call goes to
	maxWaits = 3 // of them, that it may wait for in vain
)

func (t *tried) add(to *target) {
	t.was[t.n] = to
	t.n++
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
	refuse offer = iota
	accept
	probe // it was out: this call alone may look whether it is back
)

// A pick is a target for the next try. The zero value is none.
type pick struct {
	*target
	probe bool
}

// pick chooses the target for the next try of a call.
func (u *Upstream) pick(r *roster, now int64, been *tried) pick {
	if been.n == maxTries || been.waits == maxWaits {
		return pick{}
	}
	for _, g := range r.groups {
		if p := u.choose(g, now, been); p.target != nil {
			return p
		}
	}
	return u.search(r.targets, now, been)
}

// choose chooses among the targets of g, by the upstream's way to balance. None says that it is worth looking further.
func (u *Upstream) choose(g *group, now int64, been *tried) pick {
	switch {
	case len(g.targets) == 0:
		return pick{}
	case len(g.targets) == 1:
		return u.take(g.targets[0], now, been)
	case u.balance == RoundRobin:
		return u.next(g, now, been)
	case u.balance == Random:
		return u.take(g.draw(), now, been)
	}
	return u.better(g, now, been)
}

// ask says what t has for a call.
func (u *Upstream) ask(t *target, now int64, been *tried) offer {
	switch {
	case been.n > 0 && been.has(t):
		return refuse
	case t.in():
		return accept
	case !t.claim(now):
		return refuse
	case t.silent.Load():
		u.knock(t) // a look that may take long is nobody's call
		return refuse
	}
	return probe
}

func (u *Upstream) take(t *target, now int64, been *tried) pick {
	switch u.ask(t, now, been) {
	case accept:
		return pick{target: t}
	case probe:
		return pick{t, true}
	}
	return pick{}
}

// better draws two targets and takes the one where the call would wait less. Targets that are about equally busy
// share by weight.
func (u *Upstream) better(g *group, now int64, been *tried) pick {
	a := g.draw()
	offerA := u.ask(a, now, been)
	if offerA == probe {
		return pick{a, true}
	}
	b := g.other(a)
	offerB := u.ask(b, now, been)
	switch {
	case offerB == probe:
		return pick{b, true}
	case offerA == refuse && offerB == refuse:
		return pick{}
	case offerB == refuse:
		return pick{target: a}
	case offerA == refuse:
		return pick{target: b}
	}
	costA, costB := costs(&a.load, &b.load, a.share, b.share, now)
	if costB < costA*3/4 {
		return pick{target: b}
	}
	return pick{target: a} // less busy, or drawn first and so by weight
}

// next takes the targets in turn, each as often as its weight says and as evenly spread as it can be. The turn is
// one counter: its quotient by the number of targets is the round, its rest the target. A target of weight w takes part
// in a round when w times the round passes another multiple of the heaviest weight.
func (u *Upstream) next(g *group, now int64, been *tried) pick {
	n := uint64(len(g.targets))
	for range 4 * n {
		turn := u.turn.Add(1) - 1
		t := g.targets[turn%n]
		if (turn/n*t.step+t.shift)%g.heaviest+t.step < g.heaviest {
			continue
		}
		if p := u.take(t, now, been); p.target != nil {
			return p
		}
	}
	return pick{}
}

// search takes any target that has something for the call, by weight. When all are out, those that fail without
// delay are as good as none: one of them is tried, since the last target is never given up. A lone target that
// is silent is not.
func (u *Upstream) search(targets []*target, now int64, been *tried) pick {
	var best, last *target
	var sum, lastSum uint64
	for _, t := range targets {
		switch u.ask(t, now, been) {
		case probe:
			return pick{t, true}
		case accept:
			sum += t.step
			if rand.Uint64N(sum) < t.step {
				best = t
			}
		case refuse:
			if been.has(t) || t.silent.Load() || t.unfit() {
				continue
			}
			lastSum += t.step
			if rand.Uint64N(lastSum) < t.step {
				last = t
			}
		}
	}
	if best == nil {
		best = last
	}
	return pick{target: best}
}
