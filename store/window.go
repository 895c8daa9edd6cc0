package store

// Windows: counts in stretches of one period, aligned to the clock.

import (
	"math/bits"
	"time"
)

// A window is the counts of one key. next holds what requests that wait have taken in advance.
type window struct{ index, prev, cur, next uint32 }

func windowOf(s []uint64) window {
	return window{uint32(s[0]), uint32(s[0] >> 32), uint32(s[1]), uint32(s[1] >> 32)}
}

func (w window) words() [2]uint64 {
	return [2]uint64{uint64(w.prev)<<32 | uint64(w.index), uint64(w.next)<<32 | uint64(w.cur)}
}

// index numbers the window that holds now. It wraps after 2³² windows of at least a second.
func (r *rule) index(now int64) uint32 { return uint32(now / r.period) }

// left is how much of the window that holds now is to come.
func (r *rule) left(now int64) int64 { return r.period - now%r.period }

// at moves w on to the window index. Two goroutines may come in the other order than they read the clock, so an index
// in the past leaves w as it is.
func (w window) at(index uint32) window {
	switch d := index - w.index; {
	case d == 0 || int32(d) < 0:
		return w
	case d == 1:
		return window{index, w.cur, w.next, 0}
	case d == 2:
		return window{index, w.next, 0, 0}
	}
	return window{index: index}
}

func (r *rule) window(w window, now, cost, patience int64) decision {
	if cost > r.count {
		return decision{wait: int64(Never)}
	}
	w = w.at(r.index(now))
	elapsed := r.period - r.left(now)
	if w.index != r.index(now) {
		elapsed = 0 // w is younger than now
	}
	end := r.period - elapsed

	// In this window, now or later in it.
	if from, fits := r.opens(w.prev, int64(w.cur)+cost); fits {
		w.cur += uint32(cost)
		wait := max(from-elapsed, 0)
		return decision{wait, wait <= patience, w.words()}
	}
	// In the next one, which can be booked ahead.
	if from, fits := r.opens(w.cur, int64(w.next)+cost); fits {
		w.next += uint32(cost)
		return decision{end + from, end+from <= patience, w.words()}
	}
	from, _ := r.opens(w.next, cost)
	return decision{wait: end + r.period + from}
}

// opens says how far into a window, with prev in the one before it, used units have room, and whether that is before its
// end.
func (r *rule) opens(prev uint32, used int64) (from int64, fits bool) {
	room := r.count - used
	switch {
	case room < 0:
		return 0, false
	case r.algorithm == FixedWindow || int64(prev) <= room:
		return 0, true
	}
	// prev × (period − from) / period ≤ room
	from = r.period - scale(room, r.period, int64(prev), false)
	return from, from < r.period
}

func (r *rule) windowStatus(w window, now int64) Status {
	w = w.at(r.index(now))
	left := r.left(now)
	if w.index != r.index(now) {
		left = r.period
	}
	used, reset := int64(w.cur), int64(0)
	switch {
	case w.next > 0:
		reset = left + r.period
	case w.cur > 0:
		reset = left
	}
	if r.algorithm == SlidingWindow {
		weighed := scale(int64(w.prev), left, r.period, true) // up: what is told to remain must pass
		used += weighed
		switch {
		case reset > 0:
			reset += r.period
		case w.prev > 0:
			reset = left
		}
	}
	return Status{max(r.count-used, 0), time.Duration(reset)}
}

// scale is a × b / c without overflow in between. The result must be below 2⁶³.
func scale(a, b, c int64, up bool) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, rest := bits.Div64(hi, lo, uint64(c))
	if up && rest > 0 {
		q++
	}
	return int64(q)
}
