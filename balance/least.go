package balance

import (
	"math/rand/v2"
)

// This file is least_request.

const (
	// scan is up to how many targets all are looked at. Of more than that only few are drawn: to look at all would cost
	// more than it brings.
	scan  = 16
	draws = 4
)

// least takes the target with the fewest calls under way, by weight. With the same weight it is the fewest, and chance decides among those
// that have the same; with different ones chance counts for a call or so, or else the heaviest of the idle would have all.
func (u *Upstream) least(g *group, now int64, been *tried) pick {
	if len(g.targets) > scan {
		return u.fewest(g, now, been)
	}
	var best *target
	var least float64
	var usual plight
	dice := rand.Uint64() // thrown once for all: it need only be fair between those that have the same
	for _, t := range g.targets {
		switch has := u.ask(t, now, been); has {
		case accept:
		case refuse:
			continue
		default:
			return pick{t, has}
		}
		busy := float64(t.inflight.Load())
		if failures := t.trouble.at(now); failures > 0 {
			if usual.weight == 0 {
				usual = g.usual(now)
			}
			if worse(failures, usual.trouble) {
				busy = max(busy, usual.calls/usual.weight*float64(t.step))
			}
		}
		if g.even {
			dice = dice*6364136223846793005 + 1442695040888963407
			busy += float64(dice>>11) / (1 << 53)
		} else {
			busy += rand.ExpFloat64() // of several idle targets each is the least with a probability of its weight
		}
		if busy /= float64(t.step) * u.ramp(t, now); best == nil || busy < least {
			best, least = t, busy
		}
	}
	return pick{best, accept}
}

// fewest draws some targets by weight and takes the one with the fewest calls under way, by weight; of several the first, and
// one that fails more than another only if it was drawn before that.
func (u *Upstream) fewest(g *group, now int64, been *tried) pick {
	var best *target
	var least, failures float64
	for range draws {
		t := u.draw(g, now)
		switch has := u.ask(t, now, been); has {
		case accept:
		case refuse:
			continue
		default:
			return pick{t, has}
		}
		busy, fails := float64(t.inflight.Load())/(t.share*u.ramp(t, now)), t.trouble.at(now)
		if best == nil || busy < least && !worse(fails, failures) && !worse(failures, fails) {
			best, least, failures = t, busy, fails
		}
	}
	return pick{best, accept}
}
