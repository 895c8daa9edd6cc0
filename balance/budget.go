package balance

import (
	"sync/atomic"
	"time"

	"sallyport/schema"
	"sallyport/telemetry"
)

// This file bounds what retries and hedges add to the load of an upstream, so that they do not keep down what is down already.

const (
	// budgetTime is how far back retries count, in whole seconds and the one that has begun. Calls count for a second less, so that of
	// any minute no more than the share are retries: bursts of them come no closer than that time.
	budgetTime = 10
	// budgetFloor is how many retries that time may see in any case. Below five calls a second they may so be more than a fifth.
	budgetFloor = 10
)

// A budget counts the calls to an upstream and what was sent on top of them: retries and hedged calls. What a call costs is one
// addition to a counter that cores do not share; sums are made once a second and when somebody wants to retry.
type budget struct {
	calls  telemetry.Gauge
	extra  atomic.Int64
	second atomic.Int64 // of the newest mark
	marks  [budgetTime + 2]mark
}

// A mark is how far the counters were when a second began.
type mark struct {
	second atomic.Int64
	calls  atomic.Int64
	extra  atomic.Int64
}

// count counts a call.
func (b *budget) count(now int64) {
	if second := now / int64(time.Second); b.second.Load() != second {
		b.mark(second)
	}
	b.calls.Add(1)
}

// mark notes how far the counters are. The first call of a second does it.
func (b *budget) mark(second int64) {
	old := b.second.Load()
	if second <= old || !b.second.CompareAndSwap(old, second) {
		return
	}
	m := &b.marks[second%int64(len(b.marks))]
	m.calls.Store(b.calls.Value())
	m.extra.Store(b.extra.Load())
	m.second.Store(second)
}

// spend asks for one more call on top, of which share are allowed.
func (b *budget) spend(now int64, share schema.Percent) bool {
	second := now/int64(time.Second) - budgetTime
	before := b.extra.Load()
	if m := b.since(second); m != nil {
		before = m.extra.Load()
	}
	calls := int64(0)
	if m := b.since(second + 1); m != nil {
		calls = b.calls.Value() - m.calls.Load()
	}
	most := max(budgetFloor, int64(float64(calls)*share.Ratio()))
	if share == 0 {
		most = 0
	}
	for {
		n := b.extra.Load()
		if n-before >= most {
			return false
		}
		if b.extra.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// charge takes note of one more call on top that is made in any case.
func (b *budget) charge() { b.extra.Add(1) }

// since returns the first mark from that second on, nil when there were no calls.
func (b *budget) since(second int64) (first *mark) {
	for i := range b.marks {
		m := &b.marks[i]
		if s := m.second.Load(); s >= second && (first == nil || s < first.second.Load()) {
			first = m
		}
	}
	return first
}
