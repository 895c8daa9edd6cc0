package balance

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// This file estimates the 95th percentile of how long the answers of an upstream take to begin.

const (
	// ageing is how often the counts of an answers move on: what is older than two of these is forgotten.
	ageing = 10 * time.Second
	// lookout is how often the percentile is made anew.
	lookout = time.Second
	// fewest is how many answers a percentile takes.
	fewest = 20

	finest  = 16 // answers faster than 2^finest ns (65 µs) are not told apart
	octaves = 21 // up to two minutes
	steps   = 8  // of an octave: what is told is right to an eighth
)

// An answers is a histogram of the last ten to twenty seconds. Calls that come at once while it ages may get lost, which does no harm.
type answers struct {
	turn    atomic.Int64 // which period of ageing now is
	counts  [2][octaves * steps]atomic.Uint32
	looked  atomic.Int64 // when the percentile was made
	percent atomic.Int64 // in nanoseconds, 0 while too little is known
}

// observe counts one answer.
func (a *answers) observe(now int64, took time.Duration) {
	turn := now / int64(ageing)
	if old := a.turn.Load(); old != turn && a.turn.CompareAndSwap(old, turn) {
		a.forget(turn & 1)
		if turn != old+1 {
			a.forget(turn&1 ^ 1)
		}
	}
	a.counts[turn&1][place(took)].Add(1)
	if last := a.looked.Load(); now-last >= int64(lookout) && a.looked.CompareAndSwap(last, now) {
		a.percent.Store(int64(a.p95()))
	}
}

func (a *answers) forget(which int64) {
	for i := range a.counts[which] {
		a.counts[which][i].Store(0)
	}
}

// p95 sums up.
func (a *answers) p95() time.Duration {
	var sums [octaves * steps]uint64
	total := uint64(0)
	for i := range sums {
		sums[i] = uint64(a.counts[0][i].Load()) + uint64(a.counts[1][i].Load())
		total += sums[i]
	}
	if total < fewest {
		return 0
	}
	below := total - total/20 // so many may be answered by then
	for i, n := range sums {
		if n >= below {
			return upTo(i)
		}
		below -= n
	}
	return upTo(len(sums) - 1)
}

// place is the step that a duration falls into.
func place(d time.Duration) int {
	n := uint64(max(d, 0))
	if n < 1<<finest {
		return 0
	}
	octave := bits.Len64(n) - 1
	return min((octave-finest)*steps+int(n>>(octave-3)&(steps-1)), octaves*steps-1)
}

// upTo is the end of a step.
func upTo(i int) time.Duration {
	octave := i/steps + finest
	return time.Duration(1<<octave + (i%steps+1)<<(octave-3))
}
