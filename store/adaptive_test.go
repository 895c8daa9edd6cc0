package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A service answers so many requests at once in a fixed time; more of them wait for each other.
type service struct {
	lanes chan struct{}
	takes atomic.Int64 // nanoseconds
}

func newService(lanes int, takes time.Duration) *service {
	s := &service{lanes: make(chan struct{}, lanes)}
	s.takes.Store(int64(takes))
	return s
}

func (s *service) answer() {
	s.lanes <- struct{}{}
	time.Sleep(time.Duration(s.takes.Load()))
	<-s.lanes
}

// A drive is clients that ask a service through an adaptive gate, each again as soon as it got its answer, or a little after it was
// turned away.
type drive struct {
	answered, refused atomic.Int64
	sum               atomic.Int64 // of the times of answers
	stop              atomic.Bool
	crew              sync.WaitGroup
}

func (d *drive) run(g *Gates, s *service, clients int, b *Bound) {
	for range clients {
		d.crew.Go(func() {
			for !d.stop.Load() {
				gate, _, answer := g.Come(g.KeyText("k"), b)
				if answer != Enter {
					d.refused.Add(1)
					time.Sleep(5 * time.Millisecond)
					continue
				}
				began := time.Now()
				s.answer()
				took := time.Since(began)
				gate.Observe(began, took, Answered)
				gate.Release()
				d.answered.Add(1)
				d.sum.Add(int64(took))
			}
		})
	}
}

// count resets the counters after settling, lets time pass and returns answers a second and their mean time.
func (d *drive) count(of time.Duration) (rate float64, mean time.Duration) {
	d.answered.Store(0)
	d.sum.Store(0)
	time.Sleep(of)
	n := d.answered.Load()
	return float64(n) / of.Seconds(), time.Duration(d.sum.Load() / max(n, 1))
}

// Under five times the load that the service can take, the limit finds about what keeps it busy: nearly all of its best goodput, at a
// time of at most twice that without load; without a limit it would be five times as long.
func TestAdaptiveFindsTheService(t *testing.T) {
	for _, c := range []struct {
		name  string
		lanes int
		takes time.Duration
	}{{"narrow", 4, 10 * time.Millisecond}, {"wide", 40, 20 * time.Millisecond}, {"slow", 10, 200 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, s := New().Gates("here"), newService(c.lanes, c.takes)
				b := Bound{Most: 1000, Least: 2, Adaptive: true}
				var d drive
				d.run(g, s, 5*c.lanes, &b)
				time.Sleep(10 * time.Second)
				rate, mean := d.count(15 * time.Second)
				best, most := float64(c.lanes)/c.takes.Seconds(), 2*c.takes
				t.Logf("limit %d for %d lanes, %.0f of %.0f answers a second in %v", g.Crowd().Limit, c.lanes, rate, best, mean)
				if rate < 0.9*best || mean > most {
					t.Errorf("want at least %.0f a second, in at most %v", 0.9*best, most)
				}
				d.stop.Store(true)
				d.crew.Wait()
			})
		})
	}
}

// Clients who never use more than half of the first limits, and still wait for each other, are no sign that a service takes so long.
func TestAdaptiveFindsTheNarrowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := New().Gates("here"), newService(1, 30*time.Millisecond)
		b := Bound{Most: 1000, Least: 1, Adaptive: true}
		var d drive
		d.run(g, s, 5, &b)
		time.Sleep(10 * time.Second)
		rate, mean := d.count(15 * time.Second)
		t.Logf("limit %d, %.0f answers a second in %v", g.Crowd().Limit, rate, mean)
		if rate < 28 || mean > 130*time.Millisecond {
			t.Errorf("want at least 28 a second, in at most 130ms: a limit of 4, the least that half of it and its root settle at")
		}
		d.stop.Store(true)
		d.crew.Wait()
	})
}

// A service that becomes slower for good is slower, not overloaded: after a probe the limit is what it was.
func TestAdaptiveLearnsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, s := New().Gates("here"), newService(20, 20*time.Millisecond)
		b := Bound{Most: 1000, Least: 2, Adaptive: true}
		var d drive
		d.run(g, s, 100, &b)
		time.Sleep(10 * time.Second)
		s.takes.Store(int64(50 * time.Millisecond))
		time.Sleep(time.Minute)
		rate, mean := d.count(10 * time.Second)
		t.Logf("limit %d, %.0f answers a second in %v", g.Crowd().Limit, rate, mean)
		if rate < 0.85*400 || mean > 100*time.Millisecond {
			t.Errorf("want about 400 answers a second, in about 50ms")
		}
		d.stop.Store(true)
		d.crew.Wait()
	})
}

func TestAdaptiveBounds(t *testing.T) {
	b := Bound{Most: 20, Least: 5, Adaptive: true}
	var a adaptive
	a.within(&b)
	at := time.Unix(1000, 0)
	for range 10_000 { // without any delay and always full, it grows to the most
		at = at.Add(20 * time.Millisecond)
		a.observe(at, time.Millisecond, 20, Answered, &b)
	}
	if got := a.now(&b); got != 20 && got != 5 { // or is being probed
		t.Errorf("the limit is %d, want the most", got)
	}
	for range 1000 { // timeouts only
		at = at.Add(20 * time.Millisecond)
		a.observe(at, time.Second, 20, Dropped, &b)
	}
	if got := a.now(&b); got != 5 {
		t.Errorf("the limit is %d, want the least", got)
	}
}
