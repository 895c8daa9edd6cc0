package balance

import (
	"fmt"
	"time"
)

// knock sees in a goroutine whether t, which went silent, can be connected to again. The caller has claimed t. There is at
// most one such goroutine for an endpoint, and it lives no longer than a connect may take.
func (u *Upstream) knock(t *target) {
	r := u.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		t.release()
		return
	}
	r.crew.Go(func() {
		defer t.release()
		start := time.Now()
		conn, err := r.dialer(t.key, "")(start.Add(u.timeouts.Connect))
		if err != nil {
			u.unreachable(t, start, err)
			return
		}
		_ = conn.Close()
		if t.worked() {
			u.back(t)
		}
	})
}

// unreachable takes t out of service after a connect that began at start and failed with err.
func (u *Upstream) unreachable(t *target, start time.Time, err error) {
	now := time.Now()
	if out := t.health.unreachable(u.registry.clock(now), now.Sub(start), u.outliers.Eject); out > 0 {
		u.registry.o.Log.Warn("target cannot be reached", "upstream", u.name, "target", t.name, "out", out, "error", err)
	}
}

// broke counts against t that it answered status, or failed with err, and takes it out of service when that is one too many. The last
// target in service stays, of several no more than outliers.max_ejected may be out, and one must do better: what all
// targets fail at is hardly their fault.
func (u *Upstream) broke(t *target, status int, err error) {
	now := u.registry.clock(time.Now())
	if !t.health.broke(now, u.outliers.ConsecutiveFailures) || !u.maySpare(t, now) {
		return
	}
	out := t.ejectBroken(now, u.outliers.Eject)
	if out == 0 {
		return
	}
	if err == nil {
		err = fmt.Errorf("it answered %d", status)
	}
	u.registry.o.Log.Warn("target is ejected", "upstream", u.name, "target", t.name, "out", out, "error", err)
}

// maySpare says whether u can do without t.
func (u *Upstream) maySpare(t *target, now int64) bool {
	targets, out, better := u.roster.Load().targets, 0, false
	all := len(targets)
	for _, o := range targets {
		switch {
		case o == t:
		case o.seat.drained.Load():
			all--
		case !o.in():
			out++
		case o.broken.Load() == 0 && !o.breaker.shut(now):
			better = true
		}
	}
	most := max(1, int(float64(all)*u.outliers.MaxEjected.Ratio()))
	return better && u.outliers.MaxEjected > 0 && out < most && out < all-1
}

// judge tells the breaker of p how a call ended.
func (u *Upstream) judge(p pick, was outcome) {
	to, changed := p.breaker.done(u.registry.clock(time.Now()), was, p.offer&trial != 0)
	switch log := u.registry.o.Log; {
	case !changed:
	case to == open:
		p.counts.Opened()
		log.Warn("circuit is open", "upstream", u.name, "target", p.name, "for", time.Duration(p.breaker.until.Load()-u.registry.clock(time.Now())).Round(time.Millisecond))
	default:
		p.returned.Store(u.registry.clock(time.Now()))
		log.Info("circuit is closed", "upstream", u.name, "target", p.name)
	}
}

// back tells that t is in service again.
func (u *Upstream) back(t *target) {
	t.returned.Store(u.registry.clock(time.Now()))
	u.registry.o.Log.Info("target is back", "upstream", u.name, "target", t.name)
}
