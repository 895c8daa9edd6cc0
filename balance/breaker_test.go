package balance

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const fuse = "targets: [http://a]\nretry: off\ncircuit_breaker: {min_requests: 10, window: 10s, open_for: 5s}"

// A circuit opens when too many calls fail, and closes when its probe goes well.
func TestCircuitBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		u := w.upstream(fuse)
		expect := func(state string) {
			t.Helper()
			if got := u.Snapshot().Targets[0].Circuit; got != state {
				t.Fatalf("the circuit is %s, want %s", got, state)
			}
		}
		for range 100 {
			get(u)
		}
		time.Sleep(11 * time.Second) // what was well long ago counts no more
		a.status.Store(500)
		for range 9 {
			get(u)
		}
		expect("closed")
		get(u)
		expect("open")
		for _, step := range []struct{ open, answers int }{{5, 500}, {10, 500}, {20, 500}, {40, 500}, {40, 200}} {
			a.seen.Store(0)
			got := get(u)
			if got.problem() != "circuit_open" || got.header("Retry-After") != fmt.Sprint(step.open) || got.took != 0 || a.seen.Load() != 0 {
				t.Fatalf("%v, come back after %s", got.err, got.header("Retry-After"))
			}
			time.Sleep(time.Duration(step.open) * time.Second)
			expect("half_open")
			a.status.Store(int64(step.answers))
			if got := get(u); got.status != step.answers {
				t.Fatalf("the probe got %d, %v", got.status, got.err)
			}
		}
		expect("closed")
		for range 5 {
			a.status.Store(200)
			get(u)
			a.status.Store(501) // which says something of the request only
			get(u)
		}
		expect("closed")
		if got := w.text(); !strings.Contains(got, `sallyport_circuit_state{target="a:80",upstream="shop"} 0`) || !strings.Contains(got, `sallyport_circuit_opened_total{target="a:80",upstream="shop"} 5`) {
			t.Error(got)
		}
		log := w.log.String()
		if strings.Count(log, "circuit is open") != 5 || strings.Count(log, "circuit is closed") != 1 {
			t.Error(log)
		}
	})
}

// However many calls come at once, a half-open circuit lets exactly its probes through.
func TestHalfOpen(t *testing.T) {
	for _, probes := range []int{1, 3} {
		for _, targets := range []string{"[http://a]", "[http://a, http://b]"} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				a, b := w.target("a:80"), w.target("b:80")
				u := w.upstream(fmt.Sprintf("targets: %s\nretry: off\noutliers: {max_ejected: 0%%}\ncircuit_breaker: {min_requests: 5, probes: %d}", targets, probes))
				a.status.Store(503)
				for range 40 {
					get(u)
				}
				for _, status := range []int64{503, 200} {
					time.Sleep(10 * time.Second)
					a.delay.Store(int64(time.Second))
					a.status.Store(status)
					a.seen.Store(0)
					b.seen.Store(0)
					var wg sync.WaitGroup
					for range 100 {
						wg.Go(func() {
							if got := get(u); got.status == 0 && (got.problem() != "circuit_open" || got.header("Retry-After") != "1") {
								t.Error(got.err)
							}
						})
					}
					synctest.Wait()
					if n := a.seen.Load(); n != int64(probes) {
						t.Errorf("%d of %d probes went through", n, probes)
					}
					if strings.Contains(targets, "b") && b.seen.Load() != int64(100-probes) {
						t.Errorf("the other target got %d calls", b.seen.Load())
					}
					wg.Wait()
					if n := a.seen.Load(); n != int64(probes) {
						t.Errorf("%d of %d probes went through in the end", n, probes)
					}
				}
				a.delay.Store(0)
				if state := u.Snapshot().Targets[0].Circuit; state != "closed" {
					t.Errorf("the circuit is %s", state)
				}
			})
		}
	}
}

// A client that goes away with a probe says nothing: the next call is a probe.
func TestAbandonedProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		u := w.upstream(fuse)
		a.status.Store(500)
		for range 10 {
			get(u)
		}
		time.Sleep(5 * time.Second)
		x := exchange()
		x.Deadline = time.Now().Add(time.Millisecond)
		a.delay.Store(int64(time.Minute))
		if got := sendAs(u, x); got.problem() != "upstream_timeout" {
			t.Error(got.err)
		}
		a.status.Store(200)
		a.delay.Store(0)
		if got := get(u); got.status != 200 {
			t.Errorf("after a probe that was cut short: %v", got.err)
		}
		if state := u.Snapshot().Targets[0].Circuit; state != "closed" {
			t.Errorf("the circuit is %s", state)
		}
	})
}

// A circuit stays as it is when the configuration changes, unless its own settings do, and is forgotten with the last who used it.
func TestCircuitsLiveOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		u := w.upstream(fuse)
		a.status.Store(500)
		for range 10 {
			get(u)
		}
		u = w.upstream(fuse + "\nbalance: random")
		if got := get(u); got.problem() != "circuit_open" {
			t.Errorf("after a reload: %d %v", got.status, got.err)
		}
		w.registry.Change(u, settings(t, "targets: [http://b, http://a]").Targets)
		if got := u.Snapshot().Targets[1].Circuit; got != "open" {
			t.Errorf("after targets changed: %s", got)
		}
		for i := range 20 {
			u = w.upstream(strings.Replace(fuse, "10s", fmt.Sprintf("%ds", 20+i), 1))
		}
		if got := get(u); got.status != 500 {
			t.Errorf("with other settings: %v", got.err)
		}
		if n := len(u.roster.Load().targets[0].breakers); n != 1 {
			t.Errorf("%d breakers are remembered", n)
		}
	})
}
