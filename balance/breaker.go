package balance

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/schema"
)

// This file is the circuit breaker of one target: when too large a share of its calls fails it opens, so that no call goes there
// for a while. Then it is half open: a few calls, its probes, show whether it may close.

// CircuitBreaker is when no more calls go to a target that fails.
type CircuitBreaker struct {
	FailureRatio schema.Percent `json:"failure_ratio" default:"50%" min:"1%" doc:"Share of the calls of a window that fail, from which on the circuit opens."`
	MinRequests  int            `json:"min_requests" default:"20" min:"1" max:"1000000" doc:"Calls that a window must have had before its share counts."`
	Window       time.Duration  `json:"window" default:"10s" min:"10ms" max:"1h" doc:"How far back calls count."`
	OpenFor      time.Duration  `json:"open_for" default:"5s" min:"1ms" max:"1h" doc:"How long the circuit stays open; after each failed probe in a row twice as long, up to eight times."`
	Probes       int            `json:"probes" default:"1" min:"1" max:"1000" doc:"Calls that are let through then: when all of them go well the circuit closes, and with the first that fails it is open again."`
}

// A circuit is the state of a breaker.
type circuit uint8

const (
	closed circuit = iota
	open
	halfOpen
)

func (c circuit) String() string { return [...]string{"closed", "open", "half_open"}[c] }

// An outcome is what a call says about its target.
type outcome uint8

const (
	nothing outcome = iota // it was cut short by somebody else
	good
	bad
)

// parts is into how many a window is cut: the oldest is dropped at a time.
const parts = 10

// A breaker watches the calls to one target. Upstreams that use the target with the same settings share it, and it outlives
// configurations. Times are those of the registry's clock. While it is closed a call costs it a few atomic operations; the lock
// is for changes of state only.
type breaker struct {
	settings CircuitBreaker
	users    int // rosters in use that have it; guarded by the registry's mu

	until  atomic.Int64 // when it is open no longer; 0 while it is closed
	opened atomic.Uint64
	window [parts]part

	mu    sync.Mutex // guards what follows, and changes of until
	away  int        // probes under way, also from before it opened again
	well  int        // probes that went well
	times int        // openings in a row
}

// A part counts the calls of a tenth of the window.
type part struct {
	turn   atomic.Int64 // which part of time it is
	calls  atomic.Int64
	failed atomic.Int64
}

// state says how b is.
func (b *breaker) state(now int64) circuit {
	switch until := b.until.Load(); {
	case until == 0:
		return closed
	case now < until:
		return open
	}
	return halfOpen
}

// offer says what b has for a call: everything while it is closed or there is none, nothing while it is open, and trials while it is half
// open. Who gets one must end it with done.
func (b *breaker) offer(now int64) offer {
	if b == nil {
		return accept
	}
	switch b.state(now) {
	case closed:
		return accept
	case open:
		return refuse
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.state(now) == closed:
		return accept
	case b.state(now) == open, b.away+b.well >= b.settings.Probes:
		return refuse
	}
	b.away++
	return trial
}

// done records how a call ended, and says what state it led to when it changed it.
func (b *breaker) done(now int64, was outcome, tried bool) (to circuit, changed bool) {
	if tried {
		return b.probed(now, was)
	}
	if was == nothing || b.until.Load() != 0 {
		return 0, false // what began before it opened has been judged
	}
	calls, failed := b.count(now, was)
	if was == good || calls < int64(b.settings.MinRequests) || float64(failed) < float64(calls)*b.settings.FailureRatio.Ratio() {
		return 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.Load() != 0 {
		return 0, false
	}
	b.trip(now)
	return open, true
}

// probed records how a probe ended.
func (b *breaker) probed(now int64, was outcome) (to circuit, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away--
	switch {
	case was == nothing, b.state(now) != halfOpen: // or another one has decided already
	case was == bad:
		b.trip(now)
		return open, true
	default:
		if b.well++; b.well < b.settings.Probes {
			return 0, false
		}
		for i := range b.window {
			b.window[i].turn.Store(-parts)
		}
		b.well, b.times = 0, 0
		b.until.Store(0)
		return closed, true
	}
	return 0, false
}

// trip opens b. The caller holds mu.
func (b *breaker) trip(now int64) {
	b.until.Store(now + int64(b.settings.OpenFor<<min(b.times, 3)))
	b.well = 0
	b.times++
	b.opened.Add(1)
}

// count counts a call in and returns the sums of the window. Calls that come at once while a part begins may get lost, which does no
// harm.
func (b *breaker) count(now int64, was outcome) (calls, failed int64) {
	turn := now / (int64(b.settings.Window) / parts)
	s := &b.window[turn%parts]
	if old := s.turn.Load(); old != turn && s.turn.CompareAndSwap(old, turn) {
		s.calls.Store(0)
		s.failed.Store(0)
	}
	s.calls.Add(1)
	if was == good {
		return 0, 0
	}
	s.failed.Add(1)
	for i := range b.window {
		if s := &b.window[i]; turn-s.turn.Load() < parts {
			calls += s.calls.Load()
			failed += s.failed.Load()
		}
	}
	return calls, failed
}

// is says whether b is in that state. No breaker is closed.
func (b *breaker) is(c circuit, now int64) bool {
	return b != nil && b.state(now) == c || b == nil && c == closed
}

// shut says whether only probes may pass, if any.
func (b *breaker) shut(now int64) bool { return !b.is(closed, now) }

// circuits is in how many seconds the first circuit of r lets a call through, 0 when not all of them are open or busy with probes.
func (r *roster) circuits(now int64) int {
	soonest := int64(math.MaxInt64)
	for _, t := range r.targets {
		if !t.breaker.shut(now) {
			return 0
		}
		soonest = min(soonest, t.breaker.until.Load()-now)
	}
	if len(r.targets) == 0 {
		return 0
	}
	return max(1, int(math.Ceil(time.Duration(soonest).Seconds())))
}

// join gives t the breaker of its upstream's settings: the one that watches its endpoint already, if there is one. The registry's
// mu is held.
func (t *target) join() {
	c := t.guarded
	if c == nil {
		return
	}
	b := t.breakers[*c]
	if b == nil {
		b = &breaker{settings: *c}
		if t.breakers == nil {
			t.breakers = map[CircuitBreaker]*breaker{}
		}
		t.breakers[*c] = b
	}
	b.users++
	t.breaker = b
}

// part gives it back; the last one who does makes it forgotten. The registry's mu is held.
func (t *target) part() {
	if b := t.breaker; b != nil {
		if b.users--; b.users == 0 {
			delete(t.breakers, b.settings)
		}
	}
}
