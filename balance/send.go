package balance

import (
	"errors"
	"time"

	"sallyport/policy"
	"sallyport/telemetry"
	"sallyport/wire"
)

// This file sends a call: to one target, and to another where that can make good what went wrong.

// Send sends c to one of the targets, and to another one when no connection can be made to the first: nothing was sent
// then. It changes c.Target, c.Host and the times of c to what was sent.
func (u *Upstream) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	var been tried
	if u.balance.way == ConsistentHash {
		been.key, been.keyed = u.balance.hash.On.of(x)
	}
	return u.send(x, c, &been)
}

// send is Send of a call of which been tells where it should go and has been to.
func (u *Upstream) send(x *policy.Exchange, c *wire.Call, been *tried) (*wire.Response, error) {
	x.Upstream = u.name
	path, host := c.Target, c.Host
	r := u.roster.Load()
	var last *wire.CallError
	for {
		now := time.Now()
		if !x.Deadline.IsZero() && !now.Before(x.Deadline) {
			return nil, late(last)
		}
		p := u.pick(r, u.registry.clock(now), been)
		if p.target == nil {
			return nil, u.nobody(r, now, last)
		}
		u.limit(x, c, now)
		u.address(x, c, p.target, path, host)
		resp, err := u.try(x, c, p, now)
		if err == nil {
			return resp, nil
		}
		if err.Op != wire.OpConnect && err.Op != wire.OpQueue {
			return nil, failure(err)
		}
		if last == nil || last.Op != wire.OpQueue { // that one target is overloaded tells more than that another is down
			last = err
		}
		been.add(p.target)
		if x.Waited >= slowConnect {
			been.waits++
		}
	}
}

// try sends c to one target and records how it went.
func (u *Upstream) try(x *policy.Exchange, c *wire.Call, p pick, start time.Time) (*wire.Response, *wire.CallError) {
	t := p.target
	x.Target = t.name
	x.Tries++
	t.inflight.Add(1)
	defer t.leave(p.probe)
	resp, err := t.pool.Do(c)
	end := time.Now()
	x.Waited = end.Sub(start)
	if err != nil {
		failed := callError(err)
		u.failed(t, c, failed, start)
		return nil, failed
	}
	if resp.Status < 500 {
		t.observe(u.registry.clock(end), x.Waited)
	} else {
		t.blame(u.registry.clock(end), x.Waited)
	}
	if t.worked() {
		u.back(t)
	}
	u.counts.Duration(x.Waited)
	if resp.Status >= 500 {
		t.counts.Done(telemetry.Status5xx)
	} else {
		t.counts.Done(telemetry.OK)
	}
	return resp, nil
}

// leave ends a try, also one that panicked.
func (e *endpoint) leave(probe bool) {
	e.inflight.Add(-1)
	if probe {
		e.release()
	}
}

func callError(err error) *wire.CallError {
	var failed *wire.CallError
	if errors.As(err, &failed) {
		return failed
	}
	return &wire.CallError{Op: wire.OpProtocol, Err: err}
}

// failed records against t what is t's fault.
func (u *Upstream) failed(t *target, c *wire.Call, err *wire.CallError, start time.Time) {
	switch err.Op {
	case wire.OpConnect:
		if ownFault(err) {
			err.Op = wire.OpQueue
			t.counts.Done(telemetry.Queue)
			return
		}
		t.counts.Done(telemetry.Connect)
		if !timedOut(err) || c.Connect >= u.timeouts.Connect {
			u.unreachable(t, start, err)
		}
	case wire.OpQueue:
		t.counts.Done(telemetry.Queue)
	case wire.OpWrite, wire.OpRead:
		t.counts.Done(telemetry.Reset)
		u.blame(t, start)
		u.broke(t, err)
	case wire.OpProtocol:
		t.counts.Done(telemetry.Protocol)
		u.blame(t, start)
	case wire.OpTimeout:
		t.counts.Done(telemetry.Timeout)
		u.blame(t, start)
	case wire.OpRequest:
		t.counts.Done(telemetry.Canceled)
	}
}
