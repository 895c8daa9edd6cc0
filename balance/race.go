package balance

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/telemetry"
	"sallyport/wire"
)

// This file sends one call to several targets, one after the other, and takes the first answer. Each try runs in a goroutine of its own, with
// a call and a header of its own: one that lost may go on for a moment when the exchange is over, and must not touch what is its.

// A crew is goroutines that somebody waits for in the end.
type crew struct {
	mu     sync.Mutex
	closed bool           // guarded by mu
	wg     sync.WaitGroup // Add is guarded by mu
}

// run runs f in a goroutine, unless nobody would wait for it any more.
func (c *crew) run(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(f)
	return true
}

// close waits for all of them and lets no others begin.
func (c *crew) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wg.Wait()
}

// A race is the tries of one call that are under way at once.
type race struct {
	u       *Upstream
	retry   *retrying
	started []*runner
	left    int // runners that have not come in
	done    chan *runner
	gone    chan struct{} // nobody waits for the answer any more

	mu   sync.Mutex
	over bool // guarded by mu; who comes in now throws its answer away
}

// A runner is one try of a race. What it found is for others once it has come in.
type runner struct {
	pick    pick
	start   time.Time
	call    wire.Call
	header  wire.Header
	request wire.Request // stands in for the client's
	conn    wire.Conn
	client  atomic.Pointer[wire.Conn] // the client's, once the try has won
	cancel  wire.Cancel

	resp   *wire.Response
	failed *wire.CallError
	took   time.Duration
	panic  any
}

// race is try for a call that may go to several targets.
func (u *Upstream) race(s *sending, p *pick, start time.Time) (*wire.Response, *wire.CallError) {
	r := &race{u: u, retry: s.retry, done: make(chan *runner, u.hedge.max+1), gone: make(chan struct{}, 1)}
	if !s.c.Cancel.Begin(r.tell) {
		p.giveBack()
		return nil, &wire.CallError{Op: wire.OpRequest, Err: wire.ErrClientGone}
	}
	defer s.c.Cancel.Over()
	defer r.end()
	if !r.run(s.c, *p, start) {
		return u.tryOne(s, *p, start)
	}
	s.x.Tries++
	best := r.first(s)
	if best == nil {
		u.hedged(s, r, nil)
		return nil, &wire.CallError{Op: wire.OpRequest, Err: wire.ErrClientGone}
	}
	if best.panic != nil {
		panic(best.panic)
	}
	u.hedged(s, r, best)
	*p = best.pick
	s.x.Target, s.x.Waited = best.pick.name, best.took
	s.c.Target, s.c.Host, s.c.HeadBy = best.call.Target, best.call.Host, best.call.HeadBy
	if from := s.c.Request; from != nil {
		best.client.Store(from.Conn) // from here on the call is the exchange's own
	}
	return best.resp, best.failed
}

// hedged tells how it went, if there was more than one try.
func (u *Upstream) hedged(s *sending, r *race, best *runner) {
	how := telemetry.HedgeLost
	switch {
	case len(r.started) == 1:
		return
	case best == nil || best.resp == nil:
		how = telemetry.HedgeFailed
	case best != r.started[0]:
		how = telemetry.HedgeWon
	}
	s.x.Hedged = how.String()
	u.counts.Hedged(how)
}

// run starts a try at p, for which limit and address have been called.
func (r *race) run(call *wire.Call, p pick, start time.Time) bool {
	c := &runner{pick: p, start: start, call: *call}
	if h := c.call.Header; h != nil {
		c.header = h.Clone()
		c.call.Header = &c.header
	}
	if call.Request != nil {
		c.request.Conn, c.request.Trailers, c.conn.Watch = &c.conn, call.Request.Trailers, c.watch
		c.call.Request = &c.request
	}
	c.call.Cancel = &c.cancel
	if !r.u.registry.races.run(func() { r.runner(c) }) {
		return false // the process is about to end
	}
	r.started = append(r.started, c)
	r.left++
	return true
}

// watch has the client watched once the try has won; before that the race does it.
func (c *runner) watch(gone func()) (stop func()) {
	if client := c.client.Load(); client != nil && client.Watch != nil {
		return client.Watch(gone)
	}
	return func() {}
}

// runner makes one try and comes in.
func (r *race) runner(c *runner) {
	defer func() {
		if c.panic = recover(); c.panic != nil {
			c.panic = fmt.Sprintf("%v, in a hedged call", c.panic)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.over {
			r.done <- c
		} else if c.resp != nil {
			discard(c.resp)
		}
	}()
	c.resp, c.took, c.failed = r.u.attempt(&c.call, c.pick, c.start)
}

// end lets nobody win any more. Those under way are ended, and see themselves to what they still get.
func (r *race) end() {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	for _, c := range r.started {
		c.cancel.Cancel()
	}
	for {
		select {
		case c := <-r.done:
			if c.resp != nil {
				discard(c.resp)
			}
		default:
			return
		}
	}
}

// first waits for the first good answer, or the last of the bad ones, starting a further try whenever it has waited long enough. Nil
// says that the client went away, or the process is about to end.
func (r *race) first(s *sending) (best *runner) {
	timer := time.NewTimer(r.u.hedge.wait())
	defer timer.Stop()
	stop := func() {}
	defer func() { stop() }()
	watched := false
	for {
		select {
		case c := <-r.done:
			r.left--
			best = better(best, c)
			if r.left == 0 || r.wins(c) {
				return best
			}
		case <-timer.C:
			if !watched {
				watched, stop = true, s.watch(r.tell)
			}
			if r.further(s) {
				timer.Reset(r.u.hedge.wait())
			}
		case <-r.u.registry.life.Done():
			return r.lost(best)
		case <-r.gone:
			return r.lost(best)
		}
	}
}

// tell says that nobody waits for the answer any more.
func (r *race) tell() {
	select {
	case r.gone <- struct{}{}:
	default: // that is known
	}
}

// lost is the end of a race that nobody waits for any more.
func (r *race) lost(best *runner) *runner {
	if best != nil && best.resp != nil {
		discard(best.resp)
	}
	return nil
}

// wins says whether nothing better than what c got is to be hoped for.
func (r *race) wins(c *runner) bool {
	return c.panic != nil || c.resp != nil && !r.retry.status(c.resp.Status)
}

// better returns the one of two whose outcome counts, c having come in last, and throws away the other's answer.
func better(best, c *runner) *runner {
	switch {
	case best == nil || best.resp == nil:
		return c
	case c.resp == nil && c.panic == nil:
		return best
	}
	discard(best.resp)
	return c
}

// further starts a try at another target, and says whether there may be one more.
func (r *race) further(s *sending) bool {
	u, now := r.u, time.Now()
	if len(r.started) > u.hedge.max || s.late(now) {
		return false
	}
	for _, c := range r.started {
		s.been.add(c.pick.target)
	}
	p := u.pick(s.r, u.registry.clock(now), &s.been)
	if p.target == nil {
		return false
	}
	if !p.in() || !u.spend() { // a target that is out is no help
		p.giveBack()
		return false
	}
	u.limit(s, now)
	u.address(s.x, s.c, p.target, s.path, s.host)
	if !r.run(s.c, p, now) {
		p.giveBack()
		return false
	}
	s.x.Tries++
	return len(r.started) <= u.hedge.max
}

// watch calls gone when the client goes away, until stop is called.
func (s *sending) watch(gone func()) (stop func()) {
	if r := s.x.Request; r != nil && r.Conn != nil && r.Conn.Watch != nil {
		return r.Conn.Watch(gone)
	}
	return func() {}
}
