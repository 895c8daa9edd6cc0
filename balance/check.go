package balance

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// This file is the life of a health check: it asks one address at intervals whether it is well, for all targets of that address
// that are to be asked the same, whatever upstream they belong to. Calls see one word of it: failing.
//
// A target gets calls until its first check has ended, which is begun at once; that one decides alone, and so does the first one that
// passes. From then on it takes several in a row to change what is thought of it.

// A checkKey is what tells checks apart.
type checkKey struct {
	key         // of the connections that it makes, one for each check
	host string // value of Host
	asks string // all else
}

// A check asks one address.
type check struct {
	checkKey
	registry *Registry
	settings *Health
	failing  atomic.Bool // no calls should go there

	mu      sync.Mutex  // guards what follows
	users   []*target   // in rosters in use
	timer   *time.Timer // of the next check
	stopped bool        // there are no users left
	judged  bool        // a check has ended
	passed  bool        // and one has passed
	contra  int         // checks in a row that speak against what is thought of the target
	last    time.Time   // when a check last ended
	fault   error       // why the last one failed, nil when it passed
}

// mostChecks is how many checks are under way at a time.
const mostChecks = 256

// watch has the targets of o checked. The caller holds mu; o is about to be used.
func (r *Registry) watch(o *roster) {
	for _, t := range o.targets {
		h := t.home.upstream.settings.Health
		if h == nil {
			continue
		}
		k := checkKey{t.key, h.host(t), h.asks()}
		k.conns, k.pending, k.idle = 1, pending(0), time.Second
		if h.GRPC.on {
			k.key = k.overHTTP2()
		}
		t.check = r.checkOf(k, h)
		t.check.add(t)
	}
}

// checkOf returns the check of that key, which begins now if there was none. What was last known of the address then counts until the
// first one has ended. The caller holds mu.
func (r *Registry) checkOf(k checkKey, h *Health) *check {
	list := r.checks[k.key]
	if i := slices.IndexFunc(list, func(c *check) bool { return c.checkKey == k }); i >= 0 {
		return list[i]
	}
	c := &check{checkKey: k, registry: r, settings: h}
	for _, o := range list {
		if o.host == k.host && o.settings.Path == h.Path && o.settings.GRPC == h.GRPC {
			c.failing.Store(o.failing.Load())
		}
	}
	r.checks[k.key] = append(list, c)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(0, c.run)
	return c
}

// unwatch ends the checking of t, and its check if t was the last it was for. The caller holds mu.
func (r *Registry) unwatch(t *target) {
	c := t.check
	if c == nil || !c.drop(t) {
		return
	}
	list := slices.DeleteFunc(r.checks[c.key], func(o *check) bool { return o == c })
	if r.checks[c.key] = list; len(list) == 0 {
		delete(r.checks, c.key)
	}
}

func (c *check) add(t *target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = append(c.users, t)
	if c.failing.Load() {
		t.home.failing.Add(1)
	}
}

// drop takes t out and says whether the check has ended with that.
func (c *check) drop(t *target) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = slices.DeleteFunc(c.users, func(u *target) bool { return u == t })
	if len(c.users) == 0 {
		c.stop()
	}
	return c.stopped
}

// stop ends the check. The caller holds mu of c.
func (c *check) stop() {
	c.stopped = true
	c.timer.Stop()
}

// run makes one check, on a goroutine that its timer has started.
func (c *check) run() {
	r := c.registry
	if !r.begin() {
		return
	}
	defer r.crew.Done()
	select {
	case r.asking <- struct{}{}:
	case <-r.life.Done():
		return
	}
	err := c.ask(time.Now())
	<-r.asking
	var told tales
	c.conclude(err, &told)
	told.tell(r.o.Log)
}

// conclude takes in how a check ended, and has the next one made.
func (c *check) conclude(err error, told *tales) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	first := !c.judged
	c.last, c.fault, c.judged = time.Now(), err, true
	for _, t := range c.users {
		t.counts.Checked(outcomeOf(err))
		if err == nil && t.reachable() {
			t.returned.Store(c.registry.clock(c.last))
			told.info("target is back", "upstream", t.home.upstream.name, "target", t.name)
		}
	}
	if c.turns(err == nil, first || err == nil && !c.passed) {
		c.turn(told)
	}
	c.passed = c.passed || err == nil
	next := c.settings.Interval
	if first { // spread what began at one time
		next = time.Duration(rand.Int64N(int64(next))) + 1
	} else {
		next -= time.Duration(rand.Int64N(int64(next)/10 + 1))
	}
	c.timer.Reset(next)
}

// turns says whether a check that passed, or did not, changes what is thought of the target. One that decides does so alone.
func (c *check) turns(passed, decides bool) bool {
	if passed != c.failing.Load() {
		c.contra = 0
		return false
	}
	c.contra++
	enough := c.settings.Unhealthy
	if passed {
		enough = c.settings.Healthy
	}
	return decides || c.contra >= enough
}

// turn takes the address out, or brings it back, and tells of it. The caller holds mu of c.
func (c *check) turn(told *tales) {
	failing := !c.failing.Load()
	c.failing.Store(failing)
	c.contra = 0
	var upstreams []string
	for _, t := range c.users {
		t.counts.Turned()
		if name := t.home.upstream.name; !slices.Contains(upstreams, name) {
			upstreams = append(upstreams, name)
		}
		if failing {
			t.home.failing.Add(1)
		} else {
			t.home.failing.Add(-1)
			t.returned.Store(c.registry.clock(c.last))
		}
	}
	slices.Sort(upstreams)
	names := few(upstreams)
	if failing {
		told.warn("target fails its health checks", "upstream", names, "target", c.address, "error", c.fault)
	} else {
		told.info("target passes its health checks", "upstream", names, "target", c.address)
	}
}

// A CheckStatus is what health checks know of a target.
type CheckStatus struct {
	Passing bool   `json:"passing"`         // what calls go by
	Ago     string `json:"ago,omitempty"`   // when one last ended
	Error   string `json:"error,omitempty"` // why that one failed
}

// status says what is known right now, nil without checks.
func (c *check) status() *CheckStatus {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &CheckStatus{Passing: !c.failing.Load()}
	if c.judged {
		s.Ago = time.Since(c.last).Round(time.Millisecond).String()
	}
	if c.fault != nil {
		s.Error = c.fault.Error()
	}
	return s
}
