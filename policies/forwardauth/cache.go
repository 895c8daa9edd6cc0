package forwardauth

import (
	"crypto/sha256"
	"sync"
	"time"

	"sallyport/policy"
	"sallyport/problem"
)

// This file keeps answers, and has one request ask for all that come meanwhile with the same question.

const (
	shards    = 16
	maxMemory = 16 << 20 // of all answers together
)

type key [sha256.Size]byte

// A cache holds answers by what they depend on. It may be used by many goroutines.
type cache struct {
	most   int // answers in a shard
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex // guards what follows
	answers map[key]*answer
	flights map[key]*flight
	size    int
}

// A flight is a question under way.
type flight struct {
	done   chan struct{} // closed once answer is there
	answer *answer
}

func newCache(most int) *cache {
	c := &cache{most: (most + shards - 1) / shards}
	for i := range c.shards {
		c.shards[i].answers, c.shards[i].flights = map[key]*answer{}, map[key]*flight{}
	}
	return c
}

// look returns the answer that holds at now, or the flight to wait for; first says that the caller has to land it.
func (c *cache) look(k key, now time.Time) (a *answer, f *flight, first bool) {
	s := &c.shards[k[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if a = s.answers[k]; a != nil {
		if now.Before(a.until) {
			return a, nil, false
		}
		s.forget(k, a)
	}
	if f = s.flights[k]; f == nil {
		f, first = &flight{done: make(chan struct{})}, true
		s.flights[k] = f
	}
	return nil, f, first
}

// land tells all who wait what the answer is, and keeps it until its time.
func (c *cache) land(k key, f *flight, a *answer) {
	s := &c.shards[k[0]%shards]
	s.mu.Lock()
	delete(s.flights, k)
	if a.keep && a.size <= maxHeld && len(a.body) <= keepBody {
		s.keep(k, a, c.most)
	}
	s.mu.Unlock()
	f.answer = a
	close(f.done)
}

// keep makes room for a, at the cost of any others.
func (s *shard) keep(k key, a *answer, most int) {
	if old := s.answers[k]; old != nil {
		s.forget(k, old)
	}
	for other, b := range s.answers {
		if len(s.answers) < most && s.size+a.size <= maxMemory/shards {
			break
		}
		s.forget(other, b)
	}
	s.answers[k] = a
	s.size += a.size
}

func (s *shard) forget(k key, a *answer) {
	delete(s.answers, k)
	s.size -= a.size
}

// answer returns what the service says of x. An error is the request's own.
func (g *gate) answer(x *policy.Exchange) (*answer, error) {
	var body []byte
	if g.Body != nil && x.Request.Body != nil {
		var err error
		if body, err = x.Body(int64(*g.Body)); err != nil {
			return nil, err
		}
	}
	if g.cache == nil {
		return g.send(x, g.ask(x, body, true))
	}
	k, ok := g.key(x, body)
	if !ok {
		return g.send(x, g.ask(x, body, true))
	}
	a, f, first := g.cache.look(k, time.Now())
	switch {
	case a != nil:
		g.countKept()
		return a, nil
	case first:
		return g.fly(x, k, f, body), nil
	}
	came, err := x.Await(f.done, g.Timeout)
	switch {
	case err != nil:
		return nil, err
	case !came:
		return failed(problem.UpstreamOut.New("")), nil
	}
	return f.answer, nil
}

// fly asks for all who wait. Whether the client of x goes away is nothing to them.
func (g *gate) fly(x *policy.Exchange, k key, f *flight, body []byte) *answer {
	a := failed(errNoAnswer) // for the others, should this panic
	defer func() { g.cache.land(k, f, a) }()
	got, err := g.send(x, g.ask(x, body, false))
	if err != nil {
		got = &answer{err: err} // no failure of the service
	}
	ttl := g.Cache.TTL
	if got.how == denied {
		ttl = g.Cache.DenyTTL
	}
	got.until = time.Now().Add(ttl)
	got.keep = got.keep && ttl > 0
	a = got
	return a
}
