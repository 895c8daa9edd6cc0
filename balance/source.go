package balance

import (
	"context"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"sallyport/telemetry"
	"sallyport/wire/dns"
)

// This file is the life of a source: something that is looked at again and again, off the path of requests, because targets are found
// there. It is shared by all upstreams that look at the same thing, and lives on when the configuration changes.
//
// What a look finds is kept until another look finds something else. When looks fail it is kept for as long as the setting stale
// says, and then given up; looking goes on in any case.

// A sourceKey is what tells sources apart.
type sourceKey struct {
	kind     string // as in the document: dns, dns_srv or file
	name     string
	interval time.Duration
	stale    time.Duration
	family   dns.Family
}

// A source is looked at.
type source struct {
	sourceKey
	registry *Registry
	counts   *telemetry.Source

	// What follows is guarded by the registry's mu.

	wanted  string             // the upstream that it was made for
	users   map[*Upstream]bool // in use; without any nobody looks
	timer   *time.Timer        // of the next look; nil before the first user
	looking bool
	tried   bool // a look has ended
	known   bool // found may be used
	found   finding
	good    time.Time // when found was last confirmed
	next    time.Time // when the next look is due
	fault   error     // why the last look failed, nil when it did not
	fails   int       // looks in a row that failed
}

// Bounds of looking.
const (
	mostLooks   = 64               // under way at a time
	lookTime    = 20 * time.Second // for one
	shortest    = time.Second      // from one to the next, whatever an answer says
	longest     = 5 * time.Minute
	fileEvery   = 5 * time.Second
	longestWait = 10 * time.Second // after a look that failed
)

// source returns the one of that key that is in use, or in others, or makes one. What another source knows of the same name is
// where the new one begins. The caller holds mu.
func (r *Registry) source(k sourceKey, others map[sourceKey]*source) *source {
	if s := r.sources[k]; s != nil {
		return s
	}
	if s := others[k]; s != nil {
		return s
	}
	s := &source{sourceKey: k, registry: r, users: map[*Upstream]bool{}, counts: &telemetry.Source{}}
	for _, o := range r.sources {
		if o.kind == k.kind && o.name == k.name && o.known && (o.family == k.family) {
			s.known, s.found, s.good = true, o.found, o.good
		}
	}
	return s
}

// upstreams are the names of those that follow s, for the log.
func (s *source) upstreams() string {
	names := map[string]bool{}
	for u := range s.users {
		names[u.name] = true
	}
	if len(names) == 0 {
		return s.wanted
	}
	return few(slices.Sorted(maps.Keys(names)))
}

// join has u follow s. The caller holds mu.
func (s *source) join(u *Upstream) {
	r := s.registry
	s.users[u] = true
	if r.sources[s.sourceKey] == s {
		return
	}
	r.sources[s.sourceKey] = s
	r.o.Metrics.SetSource(s.kind, s.name, s.counts)
	s.timer = time.AfterFunc(max(0, time.Until(s.next)), s.run) // next is zero when nobody has looked
}

// leave ends that. A source that nobody follows is forgotten. The caller holds mu.
func (s *source) leave(u *Upstream) {
	r := s.registry
	delete(s.users, u)
	if len(s.users) > 0 || r.sources[s.sourceKey] != s {
		return
	}
	s.timer.Stop()
	delete(r.sources, s.sourceKey)
	r.o.Metrics.DropSource(s.kind, s.name, s.counts)
}

// poke has s looked at now. The caller holds mu.
func (s *source) poke() {
	if s.timer != nil && !s.looking {
		s.timer.Reset(0)
	}
}

// run looks once, on a goroutine that the timer has started.
func (s *source) run() {
	if s.registry.begin() {
		defer s.registry.crew.Done()
		s.look()
	}
}

// look looks once, and has the next look made. The caller is counted in the crew.
func (s *source) look() {
	r := s.registry
	r.mu.Lock()
	if s.looking {
		r.mu.Unlock()
		return
	}
	s.looking = true
	last := s.found
	r.mu.Unlock()
	select {
	case r.lookers <- struct{}{}:
	case <-r.life.Done():
		return
	}
	ctx, cancel := context.WithTimeout(r.life, lookTime)
	got, holds, err := r.seek(ctx, s.sourceKey, last)
	cancel()
	<-r.lookers
	r.mu.Lock()
	var told tales
	gone := s.conclude(got, holds, err, &told)
	r.mu.Unlock()
	closeAll(gone)
	told.tell(r.o.Log)
}

// conclude takes in how a look ended. The caller holds mu; it closes the endpoints that nobody uses any more, and tells.
func (s *source) conclude(got finding, holds time.Duration, err error, told *tales) (gone []*endpoint) {
	r, now := s.registry, time.Now()
	first := !s.tried
	again := s.fault != nil && err != nil && (s.kind != kindFile || s.fault.Error() == err.Error())
	s.looking, s.tried, s.fault = false, true, err
	if r.closed {
		return nil
	}
	var wait time.Duration
	var changed bool
	if err == nil {
		changed = !s.known || !s.found.same(&got)
		if s.fails > 0 {
			told.info("targets are found again", "upstream", s.upstreams(), "kind", s.kind, "name", s.name, "found", got.size())
		}
		s.known, s.found, s.good, s.fails = true, got, now, 0
		wait = s.holds(holds)
	} else {
		s.fails++
		if wait = min(time.Second<<min(s.fails-1, 10), longestWait); s.kind == kindFile {
			wait = s.holds(fileEvery)
		}
		changed = s.giveUp(now, told)
		if !again || bits.OnesCount(uint(s.fails)) == 1 { // the first, second, fourth …
			told.warn("targets cannot be found", "upstream", s.upstreams(), "kind", s.kind, "name", s.name, "error", err, "kept", s.found.size(), "in_a_row", s.fails)
		}
	}
	s.next = now.Add(wait)
	s.counts.Looked(err == nil, s.found.size(), s.good, s.next)
	if r.sources[s.sourceKey] != s {
		return nil // nobody follows it, yet or any more
	}
	s.timer.Reset(wait)
	if changed || first {
		for u := range s.users {
			gone = append(gone, r.refresh(u, told)...)
		}
	}
	return gone
}

// giveUp forgets what was known when that is too long ago.
func (s *source) giveUp(now time.Time, told *tales) bool {
	if !s.known || s.kind == kindFile || now.Sub(s.good) < s.stale {
		return false
	}
	told.warn("targets are given up: they were not found for too long", "upstream", s.upstreams(), "kind", s.kind, "name", s.name, "targets", s.found.size())
	s.known, s.found = false, finding{}
	return true
}

// holds is how long to wait after an answer that says how long it holds.
func (s *source) holds(says time.Duration) time.Duration {
	wait := min(max(says, shortest), longest)
	if s.interval > 0 {
		wait = s.interval
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/20+1)) // not all at once
}
