// Package balance sends calls to upstreams: it chooses one of an upstream's targets, keeps the connections to them, and
// takes out of service those that cannot be reached.
//
// A target's connections, load and health belong to an endpoint, which the registry keeps from one configuration
// to the next and shares between the upstreams that name the same address. An Upstream itself is built once and
// does not change.
package balance

import (
	"sync/atomic"
	"time"

	"sallyport/policy"
	"sallyport/telemetry"
	"sallyport/wire"
)

// An Upstream is a named pool of targets.
type Upstream struct {
	name     string
	registry *Registry
	settings *Config
	roster   atomic.Pointer[roster] // its targets now; Registry.Change puts another in its place
	balance  Balance
	host     Host
	outliers Outliers
	timeouts Timeouts
	retry    retrying
	hedge    hedging
	counts   *telemetry.Upstream // nil until the configuration is in use
	*lasting
	slow    time.Duration         // how long a target ramps in; 0 for not at all
	sources map[sourceKey]*source // where its targets are found; guarded by the registry's mu
	retired bool                  // the configuration is in use no longer; guarded by the registry's mu
}

// A target is an endpoint as one upstream sees it.
type target struct {
	*endpoint
	seat    *seat
	guarded *CircuitBreaker // the settings of its breaker, nil for none
	breaker *breaker        // nil for none, and until the configuration is in use

	index  int    // in its group
	name   string // for log and metrics
	url    string
	base   string // path of the URL, in front of each call's; "" for none
	host   string // value of Host that means the target itself
	tags   []string
	named  bool // it is an address of a name, which is in host
	group  *group
	home   *roster
	check  *check            // nil without health checks, and until the configuration is in use
	counts *telemetry.Target // nil until the configuration is in use

	step  uint64  // weight
	upTo  uint64  // sum of the weights of its group up to and with this one
	share float64 // weight by mean weight
	shift uint64  // sets the turns of targets apart in round robin
}

// Name returns the name in the document.
func (u *Upstream) Name() string { return u.name }

// limit sets the times that the caller of Send left open, and keeps them within the request's.
func (u *Upstream) limit(s *sending, now time.Time) {
	t, x, c := &u.timeouts, s.x, s.c
	c.Start = now
	c.Connect = sooner(c.Connect, t.Connect)
	c.Wait = sooner(c.Wait, t.ResponseHeader)
	c.Idle = sooner(c.Idle, t.Idle)
	if t.Total > 0 {
		c.Deadline = earlier(c.Deadline, now.Add(t.Total))
	}
	c.HeadBy = s.headBy
	if !x.Deadline.IsZero() {
		c.Connect = sooner(c.Connect, x.Deadline.Sub(now))
		c.HeadBy = earlier(c.HeadBy, x.Deadline)
	}
	if try := s.retry.perTry; try > 0 {
		c.Connect = sooner(c.Connect, try)
		c.HeadBy = earlier(c.HeadBy, now.Add(try))
	}
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
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
