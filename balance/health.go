package balance

import (
	"sync/atomic"
	"time"
)

// This file decides from the calls themselves whether a target is in service. A target that cannot be connected to
// is out at once, for a time that doubles up to the setting eject; one that breaks connections is out after some
// failures in a row, for eject and longer each time. When the time is over one caller, not a herd, looks whether the target
// is back.

// slowConnect tells a failure that cost its caller nothing (the target's machine refused) from one that made it wait.
const slowConnect = 5 * time.Millisecond

// firstOut is how long a target is out when it could not be connected to for the first time.
const firstOut = time.Second

// A health is what is known of one target. Times are nanoseconds since the registry began.
type health struct {
	out     atomic.Int64 // until when it is out; 0 while it is in service
	silent  atomic.Bool  // out, and trying it means to wait for nothing
	cut     atomic.Bool  // out since no connection could be made
	probing atomic.Bool  // somebody looks whether it is back
	broken  atomic.Int32 // calls in a row that broke
	times   atomic.Int32 // ejections in a row
}

// in says whether the target is in service.
func (h *health) in() bool { return h.out.Load() == 0 }

// due says whether the target was out for long enough.
func (h *health) due(now int64) bool {
	out := h.out.Load()
	return out != 0 && out <= now
}

// claim makes the caller the one who looks whether the target is back. It must end with release.
func (h *health) claim(now int64) bool {
	return h.due(now) && h.probing.CompareAndSwap(false, true)
}

func (h *health) release() { h.probing.Store(false) }

// worked records that the target answered, and says whether that brings it back.
func (h *health) worked() (back bool) {
	if h.broken.Load() != 0 {
		h.broken.Store(0)
	}
	if h.out.Load() == 0 {
		return false
	}
	h.times.Store(0)
	h.silent.Store(false)
	return h.out.Swap(0) != 0
}

// unreachable records that no connection could be made, which took so long. It says for how long the target is out
// from now on, 0 when somebody else has found out already.
func (h *health) unreachable(now int64, took, eject time.Duration) time.Duration {
	period := firstOut << min(h.times.Load(), 20)
	out := h.eject(now, min(period, eject), took >= slowConnect)
	if out > 0 {
		h.cut.Store(true)
	}
	return out
}

// reachable records that a connection could be made without a call, and says whether that brings the target back. It does not when
// it is out for another reason.
func (h *health) reachable() (back bool) { return h.cut.Load() && h.worked() }

// broke records that a connection broke before the answer began, and says whether the target has earned to be ejected.
func (h *health) broke(now int64, allowed int) bool {
	return int(h.broken.Add(1)) >= allowed || h.due(now)
}

// ejectBroken takes a target out that broke too many connections.
func (h *health) ejectBroken(now int64, eject time.Duration) time.Duration {
	return h.eject(now, eject<<min(h.times.Load(), 3), false)
}

func (h *health) eject(now int64, period time.Duration, silent bool) time.Duration {
	old := h.out.Load()
	if old > now || !h.out.CompareAndSwap(old, now+int64(period)) {
		return 0
	}
	h.silent.Store(silent)
	h.cut.Store(false)
	h.times.Add(1)
	h.broken.Store(0)
	return period
}
