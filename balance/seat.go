package balance

import (
	"sync/atomic"
	"time"
)

// A seat is what is known of a target in one upstream, beside its endpoint, which several upstreams may share. It lives on when
// the configuration changes or targets come and go, for as long as the upstream has the target.
type seat struct {
	drained atomic.Bool  // it gets no new calls, because an operator said so
	since   atomic.Int64 // when it joined targets that were there before, or was restored, on the registry's clock; 0 for neither
	users   int          // rosters in use that have it; guarded by the registry's mu
}

// seats are those of one upstream, by the target's name.
type seats map[string]*seat

// sit gives each target of o, which is about to be in use as a roster of the upstream, its seat. The caller holds mu; nobody else
// may know o yet.
func (r *Registry) sit(upstream string, o *roster) {
	taken := r.seats[upstream]
	if taken == nil {
		taken = seats{}
		r.seats[upstream] = taken
	}
	since := int64(0)
	if len(taken) > 0 {
		since = r.clock(time.Now())
	}
	for _, t := range o.targets {
		s := taken[t.name]
		if s == nil {
			s = t.seat
			s.since.Store(since)
			taken[t.name] = s
		}
		t.seat = s
		s.users++
	}
}

// rise counts a user of each seat of o out. The caller holds mu.
func (r *Registry) rise(upstream string, o *roster) {
	taken := r.seats[upstream]
	for _, t := range o.targets {
		if t.seat.users--; t.seat.users == 0 {
			delete(taken, t.name)
		}
	}
	if len(taken) == 0 {
		delete(r.seats, upstream)
	}
}

// serves says whether the target gets new calls: it is in service and not drained.
func (t *target) serves() bool { return t.in() && !t.seat.drained.Load() }

// takes is serves for calls that are no probes of a breaker.
func (t *target) takes(now int64) bool { return t.serves() && !t.breaker.shut(now) }
