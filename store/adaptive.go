package store

// A bound that finds itself: how much may go on at once follows from how long it takes.

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// An Outcome is how something ended that was let in.
type Outcome uint8

// The outcomes.
const (
	Answered Outcome = iota // how long it took counts
	Dropped                 // it says by itself that there was too much of it: a timeout, or a refusal for overload
	Untold                  // it says nothing, such as a request that failed at once
)

const (
	firstLimit = 8
	windowTime = 100 * time.Millisecond // of a window, if it has enough samples by then
	windowMost = 10 * windowTime
	windowLow  = 10               // samples that are enough
	samples    = 64               // that a window keeps
	slack      = 1.25             // what may be added to the time without load
	slackLeast = time.Millisecond // and at least this, since below it is only noise
	steepest   = 0.5              // of the limit stays at least from one window to the next
	onDrop     = 0.9              // of it at most after something was dropped
	probeShare = 0.25             // of the limit is what a probe allows
	probeMost  = time.Second      // that it takes
	probeOften = 30 * time.Second
	probeFirst = time.Second
)

// An adaptive bound follows a gradient, as those of Netflix and Envoy do: while answers take as long as without load, it grows, by the
// root of itself with each window; when they take longer, it shrinks by the ratio of the two.
//
// The time without load is the median of windows in which at most a quarter of the limit was used. When there has been none, or more than
// half was used for a while, only a quarter is let in for as long as it takes to see some answers: a probe. Under lasting load a limit
// that is too large, and so was learnt from answers that had waited, becomes smaller by each of them until they wait no more. Half would
// not do: a limit learnt from answers that waited once is up to three and a half times what the service takes, so half of it waits as well.
// When probes are due has jitter, so that gateways in front of one service do not probe together.
type adaptive struct {
	limit float64
	base  time.Duration // the time without load, 0 while unknown

	began   time.Time // of the window
	n       int       // samples in it; took has the last ones
	took    [samples]time.Duration
	peak    int // most at once in it
	dropped int

	probing  bool
	probed   time.Time // when the last probe began, zero before the first
	settled  time.Time // when no more than the probe allows was under way; zero before
	probeAt  time.Time // when the next one is due
	interval time.Duration
}

// within keeps the limit within b.
func (a *adaptive) within(b *Bound) {
	if a.limit == 0 {
		a.limit = firstLimit
	}
	a.limit = min(max(a.limit, float64(b.Least)), float64(b.Most))
}

// now is the limit that holds.
func (a *adaptive) now(b *Bound) int {
	if a.probing {
		return max(int(a.limit*probeShare), b.Least, 1)
	}
	return max(int(a.limit), 1)
}

// observe takes a sample: what began at some time took so long, with busy under way at its end.
func (a *adaptive) observe(began time.Time, took time.Duration, busy int, o Outcome, b *Bound) {
	now := began.Add(took)
	if a.began.IsZero() {
		a.open(began)
		a.interval = probeFirst
		a.probeAt = began.Add(jitter(a.interval))
	}
	if a.probing {
		a.probe(now, began, took, busy, o, b)
		return
	}
	a.peak = max(a.peak, busy)
	a.count(took, o)
	if age := now.Sub(a.began); a.n+a.dropped >= windowLow && age >= windowTime || a.n+a.dropped > 0 && age >= windowMost {
		a.close(now, b)
	}
}

func (a *adaptive) count(took time.Duration, o Outcome) {
	switch o {
	case Answered:
		a.took[a.n%samples] = took
		a.n++
	case Dropped:
		a.dropped++
	}
}

func (a *adaptive) open(now time.Time) {
	a.began, a.n, a.peak, a.dropped = now, 0, 0, 0
}

// median is that of the window, 0 without samples.
func (a *adaptive) median() time.Duration {
	list := a.took[:min(a.n, samples)]
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// close ends a window: what it saw makes the limit of the next.
func (a *adaptive) close(now time.Time, b *Bound) {
	median, peak, dropped := a.median(), a.peak, a.dropped
	a.open(now)
	calm := float64(peak) <= a.limit/2 && dropped == 0
	quiet := calm && float64(peak) <= a.limit*probeShare // as good as a probe
	if median > 0 {
		a.learn(median, quiet)
	}
	if quiet || calm && !a.probed.IsZero() {
		a.probeAt = now.Add(jitter(a.interval))
	}
	next := a.limit
	switch {
	case dropped > 0:
		next *= min(a.gradient(median), onDrop)
	case median == 0:
		return
	default:
		next = next*a.gradient(median) + math.Sqrt(next)
	}
	if next < a.limit || !calm { // otherwise nobody asks for more
		a.limit = next
		a.within(b)
	}
	if !now.Before(a.probeAt) && a.limit > float64(b.Least) {
		a.probing, a.probed, a.settled = true, now, time.Time{}
	}
}

// learn takes the median of a window for the time without load where it may be that.
func (a *adaptive) learn(median time.Duration, quiet bool) {
	switch {
	case a.base == 0 || median < a.base:
		a.base = median
	case quiet:
		a.base += (median - a.base) / 4
	}
}

// gradient is how much of the limit was too much, 1 for none of it.
func (a *adaptive) gradient(median time.Duration) float64 {
	if median == 0 || a.base == 0 {
		return 1
	}
	good := max(time.Duration(float64(a.base)*slack), a.base+slackLeast)
	return min(1, max(steepest, float64(good)/float64(median)))
}

// probe takes a sample during a probe. Those that began before the others were gone do not count.
func (a *adaptive) probe(now, began time.Time, took time.Duration, busy int, o Outcome, b *Bound) {
	if a.settled.IsZero() {
		if busy <= a.now(b) {
			a.settled = now
		}
	} else if !began.Before(a.settled) {
		a.count(took, o)
	}
	if a.n < windowLow && now.Sub(a.probed) < probeMost {
		return
	}
	if median := a.median(); median > 0 {
		a.base = median
	}
	a.probing = false
	a.interval = min(2*a.interval, probeOften)
	a.probeAt = now.Add(jitter(a.interval))
	a.open(now)
}

// jitter is d, up to 15 % more or less.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.85 + 0.3*rand.Float64()))
}
