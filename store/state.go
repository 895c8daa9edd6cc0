// Package store keeps what the gateway has to remember between requests. For now that is State: what a running
// process knows and may lose, such as the counters of rate limits. Durable data comes with a later issue.
package store

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// tableBytes is what the tables of all limiters may hold together while each takes what it wants: about two million
// keys of one GCRA limit. A limiter may always grow to its equal share of it, so the bound is twice that.
const tableBytes = 64 << 20

// A State is the run-time state of one process. It outlives every configuration: what is built anew at a reload
// asks it, by name, for what it had before. It may be used by many goroutines, and starts none.
type State struct {
	*Keys
	start  time.Time // read with the monotonic clock, so that a stepped wall clock moves no limit
	offset int64     // start on the wall clock, in nanoseconds

	budget   int64        // bytes, see grant
	bytes    atomic.Int64 // held by all tables
	limiters atomic.Int64
	evicted  atomic.Int64 // keys, by all limiters that ever were

	mu    sync.Mutex
	named map[string]weak.Pointer[Limiter] // guarded by mu
	gates map[string]weak.Pointer[Gates]   // guarded by mu

	shared map[string]sharedThing // guarded by mu
}

// New returns an empty state.
func New() *State {
	now := time.Now()
	return &State{
		Keys: newKeys(), start: now, offset: now.UnixNano(), budget: tableBytes,
		named: map[string]weak.Pointer[Limiter]{}, gates: map[string]weak.Pointer[Gates]{},
		shared: map[string]sharedThing{},
	}
}

// now returns nanoseconds since 1970 that never go back.
func (s *State) now() int64 { return s.offset + int64(time.Since(s.start)) }

// Limiter returns the limiter of that name and those settings: the one that there is, with its counts, if any
// configuration still uses it, otherwise a new one. Other settings mean another limiter, which counts from
// nothing. Nobody needs to give it back: it goes away with the last configuration that uses it.
func (s *State) Limiter(name string, c Limits) (*Limiter, error) {
	rules, err := c.rules()
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s\x00%+v", name, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.named[key].Value(); l != nil {
		return l, nil
	}
	l := newLimiter(s, rules)
	s.named[key] = weak.Make(l)
	s.limiters.Add(1)
	runtime.AddCleanup(l, s.forget, forgotten{key, l.bytes})
	return l, nil
}

// A forgotten limiter is one that no configuration uses any more.
type forgotten struct {
	key   string
	bytes *atomic.Int64
}

func (s *State) forget(f forgotten) {
	s.bytes.Add(-f.bytes.Load())
	s.limiters.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named[f.key].Value() == nil { // else it was made again meanwhile
		delete(s.named, f.key)
	}
}

// grant says whether a limiter that holds held bytes may take more, and counts them; must means it may. Flooding one
// limiter with keys fills the budget but takes nothing from the equal share of another.
func (s *State) grant(held *atomic.Int64, more int64, must bool) bool {
	if !must && s.bytes.Load()+more > s.budget && held.Load()+more > s.budget/max(s.limiters.Load(), 1) {
		return false
	}
	s.bytes.Add(more)
	held.Add(more)
	return true
}

// Totals are what all limiters hold together.
type Totals struct {
	Limiters int64
	Bytes    int64 // of their tables
	Evicted  int64 // keys that made way for another while they owed something, since the start
}

// Totals are read at once, unlike the Stats of one limiter.
func (s *State) Totals() Totals {
	return Totals{s.limiters.Load(), s.bytes.Load(), s.evicted.Load()}
}
