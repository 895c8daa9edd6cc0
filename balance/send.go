package balance

import (
	"errors"
	"time"

	"sallyport/policy"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file sends a call: to one target, and again where that can make good what went wrong.

// A sending is a call on its way, try by try.
type sending struct {
	x          *policy.Exchange
	c          *wire.Call
	retry      *retrying
	r          *roster
	path, host string          // as the caller gave them
	headBy     time.Time       // likewise
	been       tried           // targets that are not asked again
	last       *wire.CallError // why no target could be connected to, nil for no such reason
	again      int             // retries made so far, those that connect failures led to apart
	body       replay
}

// Send sends c to one of the targets, and again, mostly to another one, as far as the setting retry says. It changes c.Target,
// c.Host and the times of c to what was sent.
func (u *Upstream) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	return u.sendBy(&u.retry, x, c)
}

// Retrying returns u with rules of its own for when calls are made again. All else is u's, its budget among it.
func (u *Upstream) Retrying(again *Again) policy.Upstream { return &retrier{u, again.compile()} }

// A retrier is an upstream with other rules for when calls are made again.
type retrier struct {
	*Upstream
	retry retrying
}

// Send is that of the upstream.
func (r *retrier) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	return r.sendBy(&r.retry, x, c)
}

// sendBy is Send with rules for when the call is made again.
func (u *Upstream) sendBy(r *retrying, x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	s := sending{x: x, c: c, retry: r}
	if u.balance.way == ConsistentHash {
		s.been.key, s.been.keyed = u.balance.hash.On.of(x)
	}
	if u.settings.Sticky != nil {
		return u.stick(&s)
	}
	return u.send(&s)
}

// send is Send of a call of which s.been tells where it should go and has been to.
func (u *Upstream) send(s *sending) (*wire.Response, error) {
	x, c := s.x, s.c
	x.Upstream = u.name
	s.r, s.path, s.host, s.headBy = u.roster.Load(), c.Target, c.Host, c.HeadBy
	if s.body.whole = c.Body == nil; !s.body.whole {
		u.keepBody(s)
	}
	now := x.Now()
	u.budget.count(u.registry.clock(now))
	if s.late(now) {
		return nil, late(nil)
	}
	p := u.pick(s.r, u.registry.clock(now), &s.been)
	for {
		if p.target == nil {
			return nil, u.nobody(s.r, now, s.last)
		}
		u.limit(s, now)
		u.address(x, c, p.target, s.path, s.host)
		resp, failed := u.try(s, &p, now)
		if failed == nil && !s.retry.status(resp.Status) {
			return resp, nil
		}
		next, again := u.again(s, p, resp, failed)
		if !again {
			return s.end(u, resp, failed)
		}
		now = time.Now()
		if s.late(now) {
			next.giveBack()
			return nil, late(failed)
		}
		p = next
	}
}

// late says whether the time for the request is used up.
func (s *sending) late(now time.Time) bool {
	return !s.x.Deadline.IsZero() && !now.Before(s.x.Deadline)
}

// end is how a call ends that is not made again.
func (s *sending) end(u *Upstream, resp *wire.Response, failed *wire.CallError) (*wire.Response, error) {
	switch {
	case failed == nil:
		return resp, nil
	case !unsent(failed):
		return nil, failure(failed)
	}
	now := time.Now()
	if s.late(now) {
		return nil, late(failed)
	}
	return nil, u.nobody(s.r, now, s.last)
}

// try sends the call to one target, or to a second one as well when the first takes long. It changes p to the target that
// answered, or failed last.
func (u *Upstream) try(s *sending, p *pick, start time.Time) (*wire.Response, *wire.CallError) {
	if u.hedge.on && u.mayHedge(s) {
		return u.race(s, p, start)
	}
	return u.tryOne(s, *p, start)
}

func (u *Upstream) tryOne(s *sending, p pick, start time.Time) (*wire.Response, *wire.CallError) {
	s.x.Target = p.name
	s.x.Tries++
	resp, took, err := u.attempt(s.c, p, start)
	s.x.Waited = took
	return resp, err
}

// attempt sends c to one target and records how it went.
func (u *Upstream) attempt(c *wire.Call, p pick, start time.Time) (*wire.Response, time.Duration, *wire.CallError) {
	t := p.target
	t.inflight.Add(1)
	was := nothing
	defer u.leave(p, &was)
	resp, err := t.pool.Do(c)
	took := time.Since(start)
	end := start.Add(took)
	if err != nil {
		failed := callError(err)
		was = u.failed(t, c, failed, start)
		return nil, took, failed
	}
	u.counts.Duration(took)
	if resp.Status >= 500 {
		t.counts.Done(telemetry.Status5xx)
	} else {
		t.counts.Done(telemetry.OK)
	}
	if failing(resp.Status) {
		t.blame(u.registry.clock(end), took)
		u.broke(t, resp.Status, nil)
		was = bad
		return resp, took, nil
	}
	was = good
	u.took(t, end, took)
	if t.worked() {
		u.back(t)
	}
	return resp, took, nil
}

// took records how long t took to answer.
func (u *Upstream) took(t *target, now time.Time, d time.Duration) {
	t.observe(u.registry.clock(now), d)
	u.learn(now, d)
}

// learn records how long an answer of any target took, if hedges want to know.
func (u *Upstream) learn(now time.Time, d time.Duration) {
	if a := u.hedge.answers; a != nil {
		a.observe(u.registry.clock(now), d)
	}
}

// leave ends a try, also one that panicked.
func (u *Upstream) leave(p pick, was *outcome) {
	p.inflight.Add(-1)
	if p.offer&probe != 0 {
		p.release()
	}
	if p.breaker != nil {
		u.judge(p, *was)
	}
}

// giveBack ends a try that is not made after all.
func (p pick) giveBack() {
	if p.target == nil {
		return
	}
	if p.offer&probe != 0 {
		p.release()
	}
	if p.offer&trial != 0 {
		p.breaker.probed(0, nothing)
	}
}

func callError(err error) *wire.CallError {
	var failed *wire.CallError
	if errors.As(err, &failed) {
		return failed
	}
	return &wire.CallError{Op: wire.OpProtocol, Err: err}
}

// unsent says whether a try ended before the target could get anything.
func unsent(err *wire.CallError) bool { return err.Op == wire.OpConnect || err.Op == wire.OpQueue }

// patient is how long a target must have had, at least, to be blamed for not answering when the request's own time was over.
const patient = time.Second

// failed records against t what is t's fault.
func (u *Upstream) failed(t *target, c *wire.Call, err *wire.CallError, start time.Time) outcome {
	switch err.Op {
	case wire.OpConnect:
		if ownFault(err) {
			err.Op = wire.OpQueue
			t.counts.Done(telemetry.Queue)
			return nothing
		}
		t.counts.Done(telemetry.Connect)
		if timedOut(err) && c.Connect < sooner(u.timeouts.Connect, u.retry.perTry) {
			return nothing
		}
		u.unreachable(t, start, err)
	case wire.OpQueue:
		t.counts.Done(telemetry.Queue)
		return nothing
	case wire.OpWrite, wire.OpRead:
		t.counts.Done(telemetry.Reset)
		u.blame(t, start)
		u.broke(t, 0, err)
	case wire.OpProtocol:
		t.counts.Done(telemetry.Protocol)
		u.blame(t, start)
		u.broke(t, 0, err)
	case wire.OpTimeout:
		t.counts.Done(telemetry.Timeout)
		u.blame(t, start)
		u.learn(time.Now(), time.Since(start))
		if took := time.Since(start); took < patient && !u.ownTime(took) {
			return nothing
		}
		u.broke(t, 0, err)
	case wire.OpRequest:
		t.counts.Done(telemetry.Canceled)
		now := time.Now()
		if took := now.Sub(start); c.Cancel != nil && int64(took) > t.remembered(u.registry.clock(now)) { // at least so long
			u.took(t, now, took)
		}
		return nothing
	}
	return bad
}

// ownTime says whether the upstream's own settings ended a try that took so long.
func (u *Upstream) ownTime(took time.Duration) bool {
	for _, bound := range []time.Duration{u.retry.perTry, u.timeouts.ResponseHeader, u.timeouts.Total} {
		if bound > 0 && took >= bound {
			return true
		}
	}
	return false
}
