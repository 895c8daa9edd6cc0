// Package store keeps what the gateway has to remember between requests. For now that is State: what a running
// process knows and may lose, such as the counters of rate limits. Durable data comes with a later issue.
package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// A State is the run-time state of one process. It outlives every configuration: what is built anew at a reload
// asks it, by name, for what it had before. It may be used by many goroutines.
type State struct {
	start  time.Time // zero of every time in it; the clock is the monotonic one from here on
	offset int64     // start on the wall clock, in nanoseconds
	seeds  [4]maphash.Seed

	slots    atomic.Int64 // words in use by all tables, see grant
	limiters atomic.Int64

	mu    sync.Mutex
	named map[string]weak.Pointer[Limiter] // guarded by mu; the configurations in use keep the limiters alive
}

// New returns an empty state.
func New() *State {
	now := time.Now()
	s := &State{start: now, offset: now.UnixNano(), named: map[string]weak.Pointer[Limiter]{}}
	for i := range s.seeds {
		s.seeds[i] = maphash.MakeSeed()
	}
	return s
}

// A Limiter is written next.
type Limiter struct{}
