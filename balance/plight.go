package balance

import (
	"math"
	"time"
)

// A plight is how the targets of a group are at one moment, those left aside that fail more often than others: as they have
// little to do, the rest would seem to have too much.
type plight struct {
	trouble float64 // of the one that fails least
	calls   float64 // under way at those that are no worse
	weight  float64 // of them, at least 1
}

const (
	// crowd is up to how many targets are looked at for each call that wants to know. Of more than that what was seen holds
	// for a moment for each.
	crowd  = 32
	moment = int64(10 * time.Microsecond)
)

// A glimpse is a plight and when it was seen.
type glimpse struct {
	plight
	at int64
}

// usual says how the targets of g are, without an allocation unless there are many.
func (g *group) usual(now int64) plight {
	if len(g.targets) <= crowd {
		return g.survey(now)
	}
	last := g.seen.Load()
	if last == nil || now-last.at >= moment*int64(len(g.targets)) || now < last.at {
		last = &glimpse{g.survey(now), now}
		g.seen.Store(last)
	}
	return last.plight
}

// survey looks at all targets of g.
func (g *group) survey(now int64) plight {
	p, failing := plight{trouble: math.Inf(1)}, false
	for _, t := range g.targets {
		if !t.serves() {
			continue
		}
		p.calls += float64(t.inflight.Load())
		p.weight += float64(t.step)
		trouble := t.trouble.at(now)
		p.trouble = min(p.trouble, trouble)
		failing = failing || trouble > 0
	}
	if failing {
		p.calls, p.weight = 0, 0
		for _, t := range g.targets {
			if t.serves() && !worse(t.trouble.at(now), p.trouble) {
				p.calls += float64(t.inflight.Load())
				p.weight += float64(t.step)
			}
		}
	}
	p.weight = max(p.weight, 1)
	return p
}
