package telemetry

import (
	"sync"
	"sync/atomic"
	"time"
)

// An Upstream counts the calls to one upstream.
type Upstream struct {
	name  string
	cells cells

	retries   [retryCount]atomic.Uint64
	exhausted atomic.Uint64
	hedges    [hedgeCount]atomic.Uint64

	mu      sync.Mutex // guards targets
	targets map[string]*Target
}

// Duration counts how long one call took until the head of the response.
func (u *Upstream) Duration(d time.Duration) { u.cells.observe(u.cells.pick(), d) }

// A Retry is why a call is made again.
type Retry uint8

// The reasons.
const (
	NoRetry      Retry = iota // it is not
	RetryConnect              // no connection could be made
	RetryQueue                // no connection became free
	RetryReset                // the connection broke
	RetryTimeout              // the answer did not begin in time
	RetryStatus               // the answer had a status that asks for it
	retryCount
)

func (r Retry) String() string {
	return [...]string{"", "connect_failure", "queue", "reset", "timeout", "status"}[r]
}

// Retried counts a call that is made again.
func (u *Upstream) Retried(why Retry) { u.retries[why].Add(1) }

// Exhausted counts a call that is not made again since the budget for that is used up.
func (u *Upstream) Exhausted() { u.exhausted.Add(1) }

// A Hedge is how a call went that was sent to a second target.
type Hedge uint8

// The outcomes of hedges.
const (
	HedgeWon    Hedge = iota // the second answered first
	HedgeLost                // the first one did
	HedgeFailed              // neither answered
	hedgeCount
)

func (h Hedge) String() string { return [...]string{"won", "lost", "failed"}[h] }

// Hedged counts a call that was sent to a second target.
func (u *Upstream) Hedged(how Hedge) { u.hedges[how].Add(1) }

// Target returns the counters of one target, the same ones each time.
func (u *Upstream) Target(address string) *Target {
	address = label(address)
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.targets[address]
	if t == nil {
		t = &Target{address: address}
		u.targets[address] = t
	}
	return t
}

// Retain forgets the targets that keep does not want, with their counts.
func (u *Upstream) Retain(keep func(address string) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for address := range u.targets {
		if !keep(address) {
			delete(u.targets, address)
		}
	}
}

func (u *Upstream) list() []*Target {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]*Target, 0, len(u.targets))
	for _, t := range u.targets {
		out = append(out, t)
	}
	return out
}

// A Target counts the calls to one target.
type Target struct {
	address  string
	outcomes [outcomeCount]atomic.Uint64
	checks   [checkCount]atomic.Uint64
	turns    atomic.Uint64
	opened   atomic.Uint64
	state    atomic.Pointer[func() TargetState]
	_        [64]byte // no cache line shared with the next target
}

// Done counts a call that ended.
func (t *Target) Done(o Outcome) { t.outcomes[o].Add(1) }

// Opened counts that the target's circuit opened.
func (t *Target) Opened() { t.opened.Add(1) }

// Watch has state asked for the target's state whenever somebody looks at the metrics. It must not
// wait. A later Watch replaces it.
func (t *Target) Watch(state func() TargetState) { t.state.Store(&state) }

// A TargetState is how a target is at one moment.
type TargetState struct {
	Healthy bool
	Drained bool
	Open    int // connections, with the idle ones
	Idle    int // connections that wait for a call
	Waiting int // calls that wait for a connection
	Circuit int // 0 for closed, 1 for open, 2 for half open; -1 without a breaker
}

// An Outcome is how a call to a target ended.
type Outcome uint8

// The outcomes.
const (
	OK        Outcome = iota // a response below 500
	Status5xx                // a response from 500 on
	Connect                  // no connection could be made
	Queue                    // no connection became free in time, or too many calls waited
	Reset                    // the connection broke
	Protocol                 // the response breaks the rules of HTTP
	Timeout                  // a deadline passed
	Canceled                 // the client went away, or its body was bad
	outcomeCount
)

func (o Outcome) String() string {
	return [...]string{"ok", "status_5xx", "connect", "queue", "reset", "protocol", "timeout", "canceled"}[o]
}
