package store

// The arithmetic of one limit: pure functions from a state of one or two words, the time and a cost to a decision and the
// next state. No clock, no lock, no memory in here.

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// An Algorithm is a way to count.
type Algorithm uint8

// The algorithms.
const (
	// GCRA refills steadily: one unit every Period/Count, up to Burst. It is exact and keeps one
	// time a key.
	GCRA Algorithm = iota
	// SlidingWindow counts in windows aligned to the clock and weighs the one before by how much of it
	// is younger than a period.
	SlidingWindow
	// FixedWindow counts in windows aligned to the clock; around a border twice the count can pass.
	FixedWindow
)

// A Limit is so many units in so much time.
type Limit struct {
	Count  int64
	Period time.Duration
	Burst  int64 // for GCRA: units at once after a rest; 0 means Count
}

// Limits are the settings of a limiter. A request passes when every one of List has room; otherwise it uses up
// none of them.
type Limits struct {
	Algorithm Algorithm
	List      []Limit
}

// MaxLimits is how many limits one limiter may have.
const MaxLimits = 8

// Never is the wait of a request that costs more than the limit ever has.
const Never = time.Duration(math.MaxInt64)

// A rule is a Limit made ready to count with.
type rule struct {
	algorithm Algorithm
	count     int64
	period    int64 // ns
	interval  int64 // GCRA: ns that one unit takes to come back
	burst     int64 // GCRA: ns that all units take to come back
}

// Check says what is wrong with them.
func (c Limits) Check() error {
	_, err := c.rules()
	return err
}

func (c Limits) rules() ([]rule, error) {
	if len(c.List) == 0 || len(c.List) > MaxLimits {
		return nil, fmt.Errorf("a limiter takes 1 to %d limits, not %d", MaxLimits, len(c.List))
	}
	out := make([]rule, len(c.List))
	for i, l := range c.List {
		r, err := c.Algorithm.rule(l)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

// Bounds that keep every sum below 2⁶³ and every count within 31 bits.
const (
	maxCount  = 1<<31 - 1
	maxPeriod = 366 * 24 * time.Hour
	minUnit   = 100 // ns a unit; below, rounding to nanoseconds would be over 1 %
)

func (a Algorithm) rule(l Limit) (rule, error) {
	r := rule{algorithm: a, count: l.Count, period: int64(l.Period)}
	switch {
	case l.Count < 1 || l.Count > maxCount:
		return r, fmt.Errorf("a limit is 1 to %d, not %d", maxCount, l.Count)
	case l.Period < time.Second || l.Period > maxPeriod:
		return r, fmt.Errorf("the time of a limit is one second to 366 days, not %v", l.Period)
	case l.Burst < 0 || l.Burst > maxCount:
		return r, fmt.Errorf("a burst is 1 to %d, not %d", maxCount, l.Burst)
	case r.period/r.count < minUnit:
		return r, errors.New("a limit is at most 10000000 a second")
	case a != GCRA && l.Burst != 0:
		return r, errors.New("only the algorithm gcra knows a burst")
	}
	if a != GCRA {
		return r, nil
	}
	if l.Burst == 0 {
		l.Burst = l.Count
	}
	r.interval = r.period / r.count
	if l.Burst > int64(maxPeriod)/r.interval {
		return r, errors.New("the burst would take more than 366 days to come back")
	}
	r.burst = l.Burst * r.interval
	return r, nil
}

// words is how much state a key has.
func (a Algorithm) words() int {
	if a == GCRA {
		return 1
	}
	return 2
}

// A decision is what a rule says to a cost.
type decision struct {
	wait int64     // ns until the cost has room; 0 is now
	ok   bool      // wait is within the patience that was asked for
	next [2]uint64 // the state when it passes
}

// decide never changes state. Patience is how long the caller would rather wait than be refused; the units of a
// request that waits are taken at once, so that requests are let through in the order in which they came.
func (r *rule) decide(state []uint64, now, cost, patience int64) decision {
	if r.algorithm == GCRA {
		return r.gcra(int64(state[0]), now, cost, patience)
	}
	return r.window(windowOf(state), now, cost, patience)
}

// gcra is the generic cell rate algorithm: tat, the theoretical arrival time, is when the bucket is full again.
func (r *rule) gcra(tat, now, cost, patience int64) decision {
	if cost > (r.burst+patience)/r.interval {
		return decision{wait: int64(Never)}
	}
	tat = max(tat, now) + cost*r.interval
	wait := max(tat-now-r.burst, 0)
	return decision{wait, wait <= patience, [2]uint64{uint64(tat)}}
}

// A Status is what is left of one limit.
type Status struct {
	Remaining int64         // units that would pass right now
	Reset     time.Duration // until all of them are there again, if nobody asks for any
}

func (r *rule) status(state []uint64, now int64) Status {
	if r.algorithm != GCRA {
		return r.windowStatus(windowOf(state), now)
	}
	owed := max(int64(state[0])-now, 0)
	return Status{max(r.burst-owed, 0) / r.interval, time.Duration(owed)}
}

// fresh says whether state is worth no more than none at all.
func (r *rule) fresh(state []uint64, now int64) bool {
	if r.algorithm == GCRA {
		return int64(state[0]) <= now
	}
	w := windowOf(state).at(r.index(now))
	return w.cur == 0 && w.next == 0 && (w.prev == 0 || r.algorithm == FixedWindow)
}

// debt tells how much of the limit is used up, 1 being all.
func (r *rule) debt(state []uint64, now int64) float64 {
	if r.algorithm == GCRA {
		return float64(int64(state[0])-now) / float64(r.burst)
	}
	w := windowOf(state).at(r.index(now))
	used := float64(w.cur) + float64(w.next)
	if r.algorithm == SlidingWindow {
		used += float64(w.prev) * float64(r.left(now)) / float64(r.period)
	}
	return used / float64(r.count)
}

// merge makes into the state of a key that owes what either of the two owes.
func (r *rule) merge(into, other []uint64, now int64) {
	if r.algorithm == GCRA {
		into[0] = uint64(max(int64(into[0]), int64(other[0])))
		return
	}
	a, b := windowOf(into).at(r.index(now)), windowOf(other).at(r.index(now))
	w := window{a.index, max(a.prev, b.prev), max(a.cur, b.cur), max(a.next, b.next)}.words()
	copy(into, w[:])
}
