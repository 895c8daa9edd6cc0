package balance

import (
	"strconv"
	"time"

	"sallyport/schema"
	"sallyport/telemetry"
)

// A Status is how an upstream is at one moment, for the admin side.
type Status struct {
	Name    string         `json:"name"`
	Balance Way            `json:"balance"`
	Healthy int            `json:"healthy"` // targets in service and not drained
	Targets []TargetStatus `json:"targets"`
	Sources []SourceStatus `json:"sources,omitempty"` // where targets are found
}

// A TargetStatus is how a target is at one moment.
type TargetStatus struct {
	URL      string       `json:"url"`
	Host     string       `json:"host,omitempty"` // the name whose address this is
	Weight   int          `json:"weight"`
	Priority int          `json:"priority"`
	Tags     []string     `json:"tags,omitempty"`
	Healthy  bool         `json:"healthy"`
	Drained  bool         `json:"drained,omitempty"`
	Check    *CheckStatus `json:"check,omitempty"`   // what health checks say; absent without any
	Why      string       `json:"why,omitempty"`     // it gets no new calls: "drained", "health_check", "circuit_open", "unreachable" or "ejected"
	Ramp     string       `json:"ramp,omitempty"`    // share of its weight that it has come to with slow_start: "40%"
	Out      string       `json:"out,omitempty"`     // for how much longer no call goes there: "8s"
	Circuit  string       `json:"circuit,omitempty"` // closed, open or half_open; "" without a breaker
	Latency  string       `json:"latency,omitempty"` // until the answer begins, as a moving average: "12.5ms"
	Active   int          `json:"active"`            // calls that wait for the head of their response
	Open     int          `json:"open"`              // connections, with the idle ones
	Idle     int          `json:"idle"`
	Waiting  int          `json:"waiting"` // calls that wait for a connection
}

// Snapshot says how u is right now.
func (u *Upstream) Snapshot() Status {
	targets := u.roster.Load().targets
	s := Status{Name: u.name, Balance: u.balance.way, Targets: make([]TargetStatus, 0, len(targets)), Sources: u.following()}
	now := u.registry.clock(time.Now())
	for _, t := range targets {
		pool := t.pool.Stats()
		st := TargetStatus{
			URL: t.url, Weight: int(t.step), Priority: t.group.priority, Tags: t.tags,
			Healthy: t.in(), Drained: t.seat.drained.Load(), Why: t.why(now), Check: t.check.status(),
			Active: int(t.inflight.Load()), Open: pool.Open, Idle: pool.Idle, Waiting: pool.Waiting,
		}
		if t.named {
			st.Host = t.host
		}
		if t.serves() {
			s.Healthy++
		}
		if part := u.ramp(t, now); part < 1 {
			st.Ramp = strconv.Itoa(int(100*part)) + "%"
		}
		if t.out.Load() != 0 {
			st.Out = schema.FormatDuration(max(0, time.Duration(t.out.Load()-now)).Round(time.Millisecond))
		}
		if t.breaker != nil {
			st.Circuit = t.breaker.state(now).String()
		}
		if l := t.remembered(now); l > 0 {
			st.Latency = time.Duration(l).Round(time.Microsecond).String()
		}
		s.Targets = append(s.Targets, st)
	}
	return s
}

// count has the metrics show the targets of s, and forget those that it does not have.
func (s *Set) count() {
	m := s.registry.o.Metrics
	for _, u := range s.upstreams {
		u.counts = m.Upstream(u.name)
		u.count(u.roster.Load())
	}
	m.Retain(telemetry.Keep{
		Upstream: func(name string) bool { return s.upstreams[name] != nil },
		Target: func(name, address string) bool {
			u := s.upstreams[name]
			return u != nil && u.roster.Load().has(address)
		},
	})
}

// count has the metrics show the targets of r.
func (u *Upstream) count(r *roster) {
	for _, t := range r.targets {
		t.counts = u.counts.Target(t.name)
		t.counts.Watch(func() telemetry.TargetState { return u.state(t) })
	}
}

func (u *Upstream) state(t *target) telemetry.TargetState {
	pool := t.pool.Stats()
	s := telemetry.TargetState{Healthy: t.in(), Drained: t.seat.drained.Load(), Open: pool.Open, Idle: pool.Idle, Waiting: pool.Waiting, Circuit: -1}
	if b := t.breaker; b != nil {
		s.Circuit = int(b.state(u.registry.clock(time.Now())))
	}
	return s
}

// why says for what reason the target gets no new calls, "" when it does.
func (t *target) why(now int64) string {
	switch {
	case t.seat.drained.Load():
		return "drained"
	case t.unfit():
		return "health_check"
	case t.in() && t.breaker.shut(now):
		return "circuit_open"
	case t.in():
		return ""
	case t.cut.Load():
		return "unreachable"
	}
	return "ejected"
}
