package balance

import "time"

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
		conn, err := r.o.Dial(t.address, start.Add(u.timeouts.Connect))
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

// broke counts a broken connection against t, and takes it out of service when that is one too many. The last target
// in service stays, and of several no more than outliers.max_ejected may be out.
func (u *Upstream) broke(t *target, err error) {
	now := u.registry.clock(time.Now())
	if !t.health.broke(now, u.outliers.ConsecutiveFailures) || !u.maySpare(t) {
		return
	}
	if out := t.ejectBroken(now, u.outliers.Eject); out > 0 {
		u.registry.o.Log.Warn("target breaks connections", "upstream", u.name, "target", t.name, "out", out, "error", err)
	}
}

// maySpare says whether u can do without t.
func (u *Upstream) maySpare(t *target) bool {
	targets, out := u.roster.Load().targets, 0
	for _, o := range targets {
		if o != t && !o.serves() {
			out++
		}
	}
	most := max(1, int(float64(len(targets))*u.outliers.MaxEjected.Ratio()))
	return u.outliers.MaxEjected > 0 && out < most && out < len(targets)-1
}

// back tells that t is in service again.
func (u *Upstream) back(t *target) {
	t.returned.Store(u.registry.clock(time.Now()))
	u.registry.o.Log.Info("target is back", "upstream", u.name, "target", t.name)
}
