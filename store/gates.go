package store

// How much goes on at once, for each of many keys: a count that goes up and down, and a queue for those over the bound.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// A Bound is how much may go on at once for one key, and who may wait for it.
type Bound struct {
	Most     int           // at once; of an adaptive bound the most that it may become
	Least    int           // that an adaptive bound may become
	Adaptive bool          // the bound follows from how long what is let in takes
	Queue    int           // how many may wait
	Patience time.Duration // how long each waits at most
}

const (
	gateShards = 8
	idleGates  = 64 // that a shard keeps, so that a key in use all the time is not made anew each time
)

// Gates are the gates of one place in the document, one for each key. They belong to a State, which makes them, and may be used by many
// goroutines. What they count does not depend on any settings, so a new document with another bound neither loses a place nor gives one
// twice.
//
// A key has a gate while something goes on for it, so there are never more than there are requests, but for the few that are kept.
type Gates struct {
	*Keys
	name   string
	used   atomic.Bool
	shards [gateShards]gateShard
}

type gateShard struct {
	mu   sync.Mutex    // guards all of it, and the gates in it
	at   map[Key]*Gate // those in use, and some that were
	free *Gate         // one of those that are not
	_    [40]byte      // so that two shards share no cache line
}

// Gates returns the gates of that name: those that there are, with all that goes on, if any configuration still uses them, otherwise new
// ones. Nobody needs to give them back.
func (s *State) Gates(name string) *Gates {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.gates[name].Value(); g != nil {
		return g
	}
	g := &Gates{Keys: s.Keys, name: name}
	for i := range g.shards {
		g.shards[i].at = map[Key]*Gate{}
	}
	s.gates[name] = weak.Make(g)
	runtime.AddCleanup(g, s.forgetGates, name)
	return g
}

func (s *State) forgetGates(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[name].Value() == nil { // else they were made again meanwhile
		delete(s.gates, name)
	}
}

// A Crowd is what goes on at the gates of one name.
type Crowd struct {
	Name    string
	Busy    int // that were let in and have not ended
	Waiting int
	Limit   int // that holds for a key now, of several adaptive ones the smallest; 0 before the first
}

// Crowds tells what goes on at all gates that anybody came to, in no order.
func (s *State) Crowds() (all []Crowd) {
	s.mu.Lock()
	var list []*Gates
	for _, w := range s.gates {
		if g := w.Value(); g != nil && g.used.Load() {
			list = append(list, g)
		}
	}
	s.mu.Unlock()
	for _, g := range list {
		all = append(all, g.Crowd())
	}
	return all
}

// Crowd tells what goes on at g.
func (g *Gates) Crowd() Crowd {
	c := Crowd{Name: g.name}
	for i := range g.shards {
		sh := &g.shards[i]
		sh.mu.Lock()
		for _, gate := range sh.at {
			c.Busy += gate.busy
			c.Waiting += gate.queue.n
			if limit := gate.limit(); c.Limit == 0 || limit < c.Limit {
				c.Limit = limit
			}
		}
		sh.mu.Unlock()
	}
	return c
}

func (g *Gates) shard(key Key) *gateShard { return &g.shards[key.a%gateShards] }

// gate returns the gate of key, a new one if there is none. The caller holds mu.
func (sh *gateShard) gate(g *Gates, key Key) *Gate {
	if gate := sh.at[key]; gate != nil {
		return gate
	}
	gate := sh.free
	if sh.free = nil; gate == nil {
		gate = new(Gate)
	}
	*gate = Gate{of: g, key: key}
	sh.at[key] = gate
	return gate
}

// rest lets go of a gate that nobody needs. The caller holds mu.
func (sh *gateShard) rest(gate *Gate) {
	if gate.busy > 0 || gate.queue.n > 0 || gate.bound.Adaptive || len(sh.at) <= idleGates {
		return
	}
	delete(sh.at, gate.key)
	sh.free = gate
}
