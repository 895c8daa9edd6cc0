package balance

// This file lets a target that is new, or back, begin with few calls.

// rampLeast is the share of its weight that a target begins with.
const rampLeast = 0.1

// ramp is the share of its weight that t counts with right now: 1, or less while it is new among others or only just
// back.
func (u *Upstream) ramp(t *target, now int64) float64 {
	if u.slow == 0 {
		return 1
	}
	since := max(t.seat.since.Load(), t.returned.Load())
	age := now - since
	if since == 0 || age >= int64(u.slow) {
		return 1
	}
	return max(rampLeast, float64(age)/float64(u.slow))
}
