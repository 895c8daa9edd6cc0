package balance

import (
	"sync/atomic"
	"time"
)

// This file measures how busy a target is: how long its answers take to begin, as a moving average, and how many
// are awaited right now.

const (
	// settle is how long the average takes to follow a change, however many calls there are.
	settle = time.Second
	// fade is how long it takes without a call for a remembered latency to count half: a target that was slow once is
	// tried again.
	fade = 2 * time.Second
	// floor is added to each latency. Differences far below it are noise of the machine, and should not send all
	// calls to one target.
	floor = 5 * time.Millisecond
)

// A load is how busy one target is.
type load struct {
	inflight atomic.Int64
	trouble  trouble
	latency  atomic.Int64 // moving average in nanoseconds, 0 while unknown
	updated  atomic.Int64 // when latency was, in nanoseconds since the registry began
}

// observe adds a latency to the average. Two that come at once may lose one of them, which does no harm.
func (l *load) observe(now int64, took time.Duration) {
	took = max(took, 1)
	old, since := l.latency.Load(), now-l.updated.Load()
	l.updated.Store(now)
	if old == 0 || since < 0 {
		l.latency.Store(int64(took))
		return
	}
	weight := float64(since) / float64(since+int64(settle))
	l.latency.Store(max(1, old+int64(weight*float64(int64(took)-old))))
}

// remembered returns the average as far as it still counts, 0 when it is unknown.
func (l *load) remembered(now int64) int64 {
	return l.latency.Load() >> min(63, max(0, now-l.updated.Load())/int64(fade))
}

// costs returns the costs of two targets of such shares (weight by mean weight): the time that one more call would wait
// there. A target without a known latency is taken to be as fast as the other, and one that fails is no better than the other.
func costs(a, b *load, shareA, shareB float64, now int64) (costA, costB float64) {
	latencyA, latencyB := a.remembered(now), b.remembered(now)
	if latencyA == 0 || latencyB == 0 {
		latencyA, latencyB = 0, 0
	}
	costA = float64(latencyA+int64(floor)) * (1 + float64(a.inflight.Load())/shareA)
	costB = float64(latencyB+int64(floor)) * (1 + float64(b.inflight.Load())/shareB)
	if troubleA, troubleB := a.trouble.at(now), b.trouble.at(now); troubleA != troubleB {
		switch {
		case worse(troubleA, troubleB):
			costA = max(costA, costB)
		case worse(troubleB, troubleA):
			costB = max(costA, costB)
		}
	}
	return costA, costB
}
