// Package balance sends calls to upstreams: it chooses one of an upstream's targets, keeps the connections to them, and
// takes out of service those that cannot be reached.
//
// A target's connections, load and health belong to an endpoint, which the registry keeps from one configuration
// to the next and shares between the upstreams that name the same address. An Upstream itself is built once and
// does not change.
package balance

import (
	"errors"
	"time"

	"sallyport/policy"
	"sallyport/telemetry"
	"sallyport/wire"
)

// An Upstream is a named pool of targets.
type Upstream struct {
	name     string
	registry *Registry
	targets  []*target
	balance  Balance
	host     Host
	outliers Outliers
	timeouts Timeouts
	counts   *telemetry.Upstream // nil until the configuration is in use

	even     bool   // all weights are the same
	weight   uint64 // sum of the weights
	heaviest uint64 // of the weights
	turn     *turn
}

// A target is an endpoint as one upstream sees it.
type target struct {
	*endpoint
	index  int
	name   string // for log and metrics
	url    string
	base   string // path of the URL, in front of each call's; "" for none
	host   string // value of Host that means the target itself
	tags   []string
	counts *telemetry.Target // nil until the configuration is in use

	step  uint64  // weight
	upTo  uint64  // sum of the weights up to and with this one
	share float64 // weight by mean weight
	shift uint64  // sets the turns of targets apart in round robin
}

// Name returns the name in the document.
func (u *Upstream) Name() string { return u.name }

// Send sends c to one of the targets, and to another one when no connection can be made to the first: nothing was sent
// then. It changes c.Target, c.Host and the times of c to what was sent.
func (u *Upstream) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	x.Upstream = u.name
	path, host := c.Target, c.Host
	var been tried
	var last *wire.CallError
	for {
		now := time.Now()
		if !x.Deadline.IsZero() && !now.Before(x.Deadline) {
			return nil, late(last)
		}
		p := u.pick(u.registry.clock(now), &been)
		if p.target == nil {
			return nil, u.nobody(now, last)
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

// limit sets the times that the caller of Send left open, and keeps them within the request's.
func (u *Upstream) limit(x *policy.Exchange, c *wire.Call, now time.Time) {
	t := &u.timeouts
	c.Start = now
	c.Connect = sooner(c.Connect, t.Connect)
	c.Wait = sooner(c.Wait, t.ResponseHeader)
	c.Idle = sooner(c.Idle, t.Idle)
	if t.Total > 0 && c.Deadline.IsZero() {
		c.Deadline = now.Add(t.Total)
	}
	if !x.Deadline.IsZero() {
		c.Connect = sooner(c.Connect, x.Deadline.Sub(now))
		if c.HeadBy.IsZero() || x.Deadline.Before(c.HeadBy) {
			c.HeadBy = x.Deadline
		}
	}
}

// sooner returns the shorter of two durations, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// address puts into c where t expects it to go.
func (u *Upstream) address(x *policy.Exchange, c *wire.Call, t *target, path, host string) {
	c.Target, c.Host = path, host
	if t.base != "" && path != "*" {
		var room [512]byte
		c.Target = x.Request.Keep(append(append(room[:0], t.base...), path...))
	}
	if host == "" {
		c.Host = u.host.value(x.Request, t)
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
	t.observe(u.registry.clock(end), x.Waited)
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
		u.broke(t, err)
	case wire.OpProtocol:
		t.counts.Done(telemetry.Protocol)
	case wire.OpTimeout:
		t.counts.Done(telemetry.Timeout)
		now := time.Now()
		t.observe(u.registry.clock(now), now.Sub(start))
	case wire.OpRequest:
		t.counts.Done(telemetry.Canceled)
	}
}
