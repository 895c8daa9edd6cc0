package balance

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/problem"
	"sallyport/wire"
)

// problem is what a call ended with, "" for none.
func (a answer) problem() string {
	if a.err == nil {
		return ""
	}
	return problem.From(a.err).Name
}

func (a answer) header(name string) string {
	for _, f := range problem.From(a.err).Header {
		if f[0] == name {
			return f[1]
		}
	}
	return ""
}

// One dead target of two costs a call no more than one more connect, and that not often.
func TestADeadTargetOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("live:80")
		u := w.upstream("targets: [http://dead, http://live]\nbalance: round_robin")
		for i := range 1000 {
			x := exchange()
			x.Request.Method = "POST"
			a := send(u, x, &wire.Call{Method: "POST", Target: "/x", Body: strings.NewReader("hello"), Length: 5})
			if a.body != "live:80" || a.took != 0 {
				t.Fatalf("call %d: %q %v after %v", i, a.body, a.err, a.took)
			}
			if want := 2 - min(i, 1); x.Tries != want || x.Target != "live:80" {
				t.Fatalf("call %d took %d tries, the last to %s", i, x.Tries, x.Target)
			}
		}
		if n := w.targets[0].body.Load(); n != 5*1000 {
			t.Errorf("%d bytes of bodies arrived", n)
		}
		if n := w.dials.Load(); n != 2 {
			t.Errorf("%d connects for 1000 calls", n)
		}
	})
}

func TestARecoveredTargetIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("live:80")
		u := w.upstream("targets: [http://dead, http://live]\nbalance: round_robin")
		tries := 0
		for range 600 { // a minute
			a := get(u)
			if a.body != "live:80" {
				t.Fatal(a.err)
			}
			tries += a.x.Tries - 1
			time.Sleep(100 * time.Millisecond)
		}
		if tries < 7 || tries > 10 { // after 1, 2, 4, 8 s, then each 10 s
			t.Errorf("the dead target was tried %d times in a minute", tries)
		}
		dead := w.target("dead:80")
		for range 101 {
			get(u)
			time.Sleep(100 * time.Millisecond)
		}
		dead.seen.Store(0)
		for range 100 {
			get(u)
		}
		if n := dead.seen.Load(); n != 50 {
			t.Errorf("10 s after it came back the target got %d of 100 calls", n)
		}
	})
}

// When the time of a dead target is over, one call looks whether it is back; the others go elsewhere.
func TestOneCallProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("live:80")
		back := w.target("back:80")
		back.stop()
		u := w.upstream("targets: [http://back, http://live]\nbalance: round_robin")
		get(u)
		get(u)
		time.Sleep(2 * time.Second)
		back.start()
		back.delay.Store(int64(time.Second))
		back.seen.Store(0)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { get(u) })
		}
		wg.Wait()
		if n := back.seen.Load(); n != 1 {
			t.Errorf("%d calls went to the target before one had come back", n)
		}
		for range 10 {
			get(u)
		}
		if n := back.seen.Load(); n != 6 {
			t.Errorf("then %d of 10 calls went there", n-1)
		}
	})
}

func TestAllTargetsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		u := w.upstream("targets: [http://a, http://b, http://c]")
		for range 3 {
			a := get(u)
			if a.problem() != "no_healthy_target" || a.took != 0 || a.header("Retry-After") != "1" {
				t.Fatalf("%v after %v, retry after %q", a.err, a.took, a.header("Retry-After"))
			}
			if detail := problem.From(a.err).Detail; strings.Contains(detail, ":80") || !strings.Contains(a.err.Error(), "refused") {
				t.Fatalf("detail %q, cause %v", detail, a.err)
			}
		}
		if s := u.Snapshot(); s.Healthy != 0 || s.Targets[0].Out != "1s" {
			t.Errorf("%+v", s)
		}
		w.target("b:80") // refusing costs nothing, so the way back is open at any time
		if a := get(u); a.body != "b:80" {
			t.Errorf("when one was back: %v", a.err)
		}
	})
}

// A lone target is never given up while it fails fast.
func TestALoneTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		u := w.upstream("targets: [http://a]")
		for range 3 {
			if a := get(u); a.problem() != "upstream_failed" || a.x.Tries != 1 {
				t.Fatalf("%v after %d tries", a.err, a.x.Tries)
			}
		}
		w.target("a:80")
		if a := get(u); a.body != "a:80" || u.Snapshot().Healthy != 1 {
			t.Errorf("when it was back: %v", a.err)
		}
	})
}

// Targets that answer nothing at all make a few calls wait, then nobody: they are looked at in the background.
func TestSilentTargets(t *testing.T) {
	for _, doc := range []string{"[http://a]", "[http://a, http://b]"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			a, b := w.target("a:80"), w.target("b:80")
			a.swallow()
			b.swallow()
			u := w.upstream("targets: " + doc)
			if a := get(u); a.problem() == "" || a.took != time.Duration(len(u.roster.Load().targets))*2*time.Second {
				t.Fatalf("%v after %v", a.err, a.took)
			}
			for range 300 {
				a := get(u)
				if a.problem() != "no_healthy_target" || a.took != 0 || a.x.Tries != 0 {
					t.Fatalf("%v after %v and %d tries", a.err, a.took, a.x.Tries)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if n := w.dials.Load(); n < 4 || n > 12 {
				t.Errorf("%d connects in 30 s", n)
			}
			a.stop()
			a.start()
			for range 122 {
				if a := get(u); a.took != 0 {
					t.Fatalf("%v after %v", a.err, a.took)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if got := get(u); got.body != "a:80" {
				t.Errorf("12 s after it came back: %v", got.err)
			}
			w.registry.Close()
		})
	}
}

// A target that breaks connections is out after so many in a row, but never the last.
func TestATargetThatBreaksConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.target("a:80"), w.target("b:80")
		a.breaks.Store(true)
		u := w.upstream("targets: [http://a, http://b]\nbalance: round_robin\nretry: off\noutliers: {consecutive_failures: 3, eject: 10s}")
		failures := func(calls int) (n int) {
			for range calls {
				if a := get(u); a.problem() == "upstream_failed" {
					n++
				} else if a.err != nil {
					t.Fatal(a.err)
				}
			}
			return n
		}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 3}, {9 * time.Second, 0}, {2 * time.Second, 1}, {19 * time.Second, 0}, {2 * time.Second, 1}} {
			time.Sleep(step.wait)
			if got := failures(100); got != step.want {
				t.Fatalf("%v later %d of 100 calls failed, want %d", step.wait, got, step.want)
			}
		}
		b.breaks.Store(true)
		if got := failures(100); got != 100 {
			t.Errorf("%d of 100 calls failed", got)
		}
		if s := u.Snapshot(); s.Healthy != 1 {
			t.Errorf("the last target was ejected: %+v", s)
		}
	})
}
