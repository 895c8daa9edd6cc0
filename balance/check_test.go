package balance

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// spent lets time pass and waits for what it brought about.
func spent(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// served counts of n calls who got them, by target.
func served(u *Upstream, n int) map[string]int {
	got := map[string]int{}
	for range n {
		a := get(u)
		if a.err != nil {
			a.body = a.err.Error()
		}
		got[a.body]++
	}
	return got
}

// Whatever chooses, a target that fails its checks gets no calls until it passes again.
func TestChecks(t *testing.T) {
	for _, balance := range everyWay {
		t.Run(balance, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				a, b := w.target("a:80"), w.target("b:80")
				u := w.upstream("targets: [http://a, http://b]\nhealth: /healthz\nbalance: " + balance)
				synctest.Wait()
				if a.checks.Load() != 1 || b.checks.Load() != 1 {
					t.Errorf("%d and %d checks at the start, want one each", a.checks.Load(), b.checks.Load())
				}
				a.sick.Store(true)
				spent(7 * time.Second) // two checks at most: one within 5 s, another not before 4.5 s after that
				if got := served(u, 40); got["a:80"] == 0 {
					t.Errorf("the target is out after fewer than three checks: %v", got)
				}
				spent(10 * time.Second)
				if got := served(u, 40); got["b:80"] != 40 {
					t.Errorf("with a sick: %v", got)
				}
				if s := u.Snapshot(); s.Healthy != 1 || s.Targets[0].Healthy || s.Targets[0].Check.Error != "the status is 503" || !s.Targets[1].Check.Passing {
					t.Errorf("status %+v", s)
				}
				a.sick.Store(false)
				spent(11 * time.Second)
				if got := served(u, 40); got["a:80"] == 0 || got["b:80"] == 0 {
					t.Errorf("with both well: %v", got)
				}
				log := w.log.String()
				if strings.Count(log, "fails its health checks") != 1 || strings.Count(log, "passes its health checks") != 1 {
					t.Errorf("the log is\n%s", log)
				}
				text := w.text()
				if !strings.Contains(text, `health_changes_total{target="a:80",upstream="shop"} 2`) || !strings.Contains(text, `outcome="answer"`) {
					t.Errorf("the metrics are\n%s", text)
				}
			})
		})
	}
}

// The first check decides alone, so that a target that was down before the gateway came is out at once; all out is told at once.
func TestFirstCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.target("a:80"), w.target("b:80")
		a.sick.Store(true)
		u := w.upstream("targets: [http://a, http://b]\nhealth: {path: /healthz}")
		synctest.Wait()
		if got := served(u, 20); got["b:80"] != 20 {
			t.Errorf("%v", got)
		}
		b.sick.Store(true)
		spent(20 * time.Second)
		answer := get(u)
		if answer.err == nil || !strings.Contains(answer.err.Error(), "no_healthy_target") || answer.took > 0 {
			t.Errorf("all out: %q %v after %v", answer.body, answer.err, answer.took)
		}
		if a.seen.Load() != 0 {
			t.Error("a target that fails its checks got a call")
		}
		before := a.checks.Load()
		a.sick.Store(false)
		for a.checks.Load() == before {
			spent(100 * time.Millisecond)
		}
		if got := served(u, 5); got["a:80"] != 5 {
			t.Errorf("after its first pass: %v", got)
		}
	})
}

// What a check can find.
func TestCheckOutcomes(t *testing.T) {
	for _, c := range []struct {
		name, health string
		spoil        func(*server)
		outcome      string // "" for passed
		says         string
	}{
		{"refused", "/healthz", (*server).stop, "connect", "connect: "},
		{"refused, tcp", "{tcp: true}", (*server).stop, "connect", "connect: "},
		{"swallowed", "/healthz", (*server).swallow, "timeout", "timeout: "},
		{"swallowed, tcp", "{tcp: true}", (*server).swallow, "timeout", "connect: "},
		{"sick", "/healthz", func(s *server) { s.sick.Store(true) }, "answer", "the status is 503"},
		{"sick, tcp", "{tcp: true}", func(s *server) { s.sick.Store(true) }, "", ""},
		{"sick, expected", "{path: /healthz, expect: 503}", func(s *server) { s.sick.Store(true) }, "", ""},
		{"too slow", "/healthz", func(s *server) { s.delay.Store(int64(2 * time.Second)) }, "timeout", "timeout: "},
		{"slow", "{path: /healthz, timeout: 3s}", func(s *server) { s.delay.Store(int64(2 * time.Second)) }, "", ""},
		{"broken", "/healthz", func(s *server) { s.breaks.Store(true) }, "broken", "read: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.target("a:80")
				c.spoil(s)
				u := w.upstream("targets: [http://a]\nhealth: " + c.health)
				spent(3 * time.Second)
				st := u.Snapshot().Targets[0]
				if st.Healthy != (c.outcome == "") || !strings.HasPrefix(st.Check.Error, c.says) {
					t.Errorf("%+v", st.Check)
				}
				outcome := c.outcome
				if outcome == "" {
					outcome = "ok"
				}
				if text := w.text(); !strings.Contains(text, fmt.Sprintf("health_checks_total{outcome=%q", outcome)) || strings.Count(text, "health_checks_total{") != 1 {
					t.Errorf("the metrics are\n%s", text)
				}
				s.delay.Store(0)
			})
		})
	}
}

// One check serves all that ask the same of one address; it and what it found live on across reloads.
func TestChecksAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		a.sick.Store(true)
		docs := map[string]string{
			"one": "targets: [http://a]\nhealth: /healthz",
			"two": "targets: [http://a/base]\nhealth: {path: /healthz}\nmax_connections: 7",
			"raw": "targets: [http://a]\nhealth: {tcp: true}",
			"off": "targets: [http://a]",
		}
		s := w.prepare(docs)
		s.Commit()
		synctest.Wait()
		if n := a.checks.Load(); n != 1 {
			t.Errorf("%d checks, want 1", n)
		}
		for name, healthy := range map[string]int{"one": 0, "two": 0, "raw": 1, "off": 1} {
			if st := s.Upstream(name).Snapshot(); st.Healthy != healthy {
				t.Errorf("%s has %d healthy, want %d", name, st.Healthy, healthy)
			}
		}
		if strings.Count(w.log.String(), `upstream="one, two"`) != 1 {
			t.Errorf("the log is\n%s", w.log.String())
		}
		for i := range 5 { // reloads begin no check, and forget nothing
			s = w.prepare(docs)
			s.Commit()
			synctest.Wait()
			if st := s.Upstream("one").Snapshot(); st.Healthy != 0 || a.checks.Load() != 1 {
				t.Fatalf("reload %d: %d healthy, %d checks", i, st.Healthy, a.checks.Load())
			}
		}
		// Other settings make another check; until it has ended, what was found counts.
		docs["one"] = "targets: [http://a]\nhealth: {path: /healthz, interval: 7s}"
		s = w.prepare(docs)
		s.Commit()
		if st := s.Upstream("one").Snapshot(); st.Healthy != 0 {
			t.Error("a changed check begins with a clean slate")
		}
		synctest.Wait()
		if n := a.checks.Load(); n != 2 {
			t.Errorf("%d checks after the change, want 2", n)
		}
		// What nobody asks for is asked no more.
		w.upstream("targets: [http://a]")
		before := a.checks.Load()
		spent(time.Minute)
		if n := a.checks.Load() - before; n != 0 || len(w.registry.checks) != 0 {
			t.Errorf("%d checks that nobody wants", n)
		}
	})
}

// Too few healthy targets would be crushed: with panic, all get calls then.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80", "d:80"} {
			w.target(name)
		}
		u := w.upstream("targets: [http://a, http://b, http://c, http://d]\nhealth: {path: /healthz, panic: 50%}\nbalance: round_robin")
		synctest.Wait()
		for sick, want := range []int{4, 3, 2, 4, 4} {
			if got := served(u, 40); len(got) != want {
				t.Errorf("with %d sick, %d targets get calls, want %d: %v", sick, len(got), want, got)
			}
			if sick < 4 {
				w.targets[sick].sick.Store(true)
				spent(20 * time.Second)
			}
		}
		for _, s := range w.targets {
			s.sick.Store(false)
		}
		spent(20 * time.Second)
		if n := u.roster.Load().failing.Load(); n != 0 {
			t.Errorf("%d are counted as failing", n)
		}
	})
}

// A check that passes brings back a target that could not be connected to, and no other.
func TestCheckEndsEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.target("a:80"), w.target("b:80")
		u := w.upstream("targets: [http://a, http://b]\nhealth: {path: /healthz, interval: 1s}\noutliers: {eject: 1m}")
		synctest.Wait()
		a.stop()
		for range 8 {
			served(u, 20)
			spent(time.Second / 2)
		}
		a.start()
		spent(3 * time.Second)
		if got := served(u, 40); got["a:80"] == 0 {
			t.Errorf("it is back, and its checks pass: %v", got)
		}
		b.breaks.Store(true)
		for range 40 {
			get(u)
		}
		b.breaks.Store(false)
		spent(3 * time.Second)
		if got := served(u, 40); got["a:80"] != 40 {
			t.Errorf("a check cannot tell that calls work again: %v", got)
		}
	})
}

// A configuration that changes its targets has those checked that are new, and the others no more.
func TestChecksFollowTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.target("a:80"), w.target("b:80")
		b.sick.Store(true)
		u := w.upstream("targets: [http://a]\nhealth: /healthz")
		synctest.Wait()
		w.registry.Change(u, settings(t, "targets: [http://a, http://b]").Targets)
		synctest.Wait()
		if a.checks.Load() != 1 || b.checks.Load() != 1 || u.Snapshot().Healthy != 1 {
			t.Errorf("%d and %d checks, %d healthy", a.checks.Load(), b.checks.Load(), u.Snapshot().Healthy)
		}
		w.registry.Change(u, settings(t, "targets: [http://b]").Targets)
		before := a.checks.Load()
		spent(time.Minute)
		if a.checks.Load() != before || b.checks.Load() < 10 {
			t.Errorf("%d checks of what is gone, %d of what is there", a.checks.Load()-before, b.checks.Load())
		}
	})
}

// Checks of many targets are spread over the interval.
func TestChecksAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		doc := "health: {path: /healthz, interval: 10s}\ntargets: ["
		for i := range 100 {
			w.target(fmt.Sprintf("t%d:80", i))
			doc += fmt.Sprintf("http://t%d, ", i)
		}
		w.upstream(doc + "]")
		spent(time.Minute)
		count := func() (n int64) {
			for _, s := range w.targets {
				n += s.checks.Load()
			}
			return n
		}
		last := count()
		for range 20 {
			spent(time.Second)
			now := count()
			if now-last < 2 || now-last > 25 {
				t.Errorf("%d checks in a second, want about 11", now-last)
			}
			last = now
		}
	})
}

// A target that never ends its answer is as well as its status says, and holds a check up for its timeout only.
func TestEndlessAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l, err := w.net.Listen("slow:80")
		if err != nil {
			t.Fatal(err)
		}
		var conns, open atomic.Int64
		var crew sync.WaitGroup
		crew.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				conns.Add(1)
				open.Add(1)
				crew.Go(func() {
					defer open.Add(-1)
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
					for {
						time.Sleep(100 * time.Millisecond)
						if _, err := io.WriteString(c, "x"); err != nil {
							return
						}
					}
				})
			}
		})
		u := w.upstream("targets: [http://slow]\nhealth: {path: /, interval: 1s, timeout: 500ms}")
		spent(30 * time.Second)
		if st := u.Snapshot(); st.Healthy != 1 || conns.Load() < 15 || open.Load() > 2 {
			t.Errorf("%d healthy after %d checks, %d of them under way", st.Healthy, conns.Load(), open.Load())
		}
		w.registry.Close()
		_ = l.Close()
		crew.Wait()
	})
}

// Flapping targets, reloads and calls at once; the count of those that fail is right in the end.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("http://t%d", i))
			w.target(fmt.Sprintf("t%d:80", i))
		}
		doc := fmt.Sprintf("targets: [%s]\nhealth: {path: /healthz, interval: 100ms, timeout: 100ms, healthy: 1, unhealthy: 1, panic: 20%%}\nslow_start: 1s\n", strings.Join(names, ", "))
		var now atomic.Pointer[Upstream]
		now.Store(w.upstream(doc))
		var crew sync.WaitGroup
		stop := make(chan struct{})
		for range 8 {
			crew.Go(func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
					}
					if a := get(now.Load()); a.err != nil {
						t.Error(a.err)
					}
				}
			})
		}
		for i := range 30 {
			for n, s := range w.targets {
				s.sick.Store((n*7+i*3)%5 == 0 || i%10 == 9)
			}
			time.Sleep(70 * time.Millisecond)
			now.Store(w.upstream(doc + fmt.Sprintf("max_pending: %d", 10+i%2)))
			now.Load().Snapshot()
		}
		close(stop)
		crew.Wait()
		for n, s := range w.targets {
			s.sick.Store(n < 3)
		}
		spent(time.Second)
		if u := now.Load(); u.roster.Load().failing.Load() != 3 || u.Snapshot().Healthy != 17 {
			t.Errorf("%d are counted as failing, %d healthy", u.roster.Load().failing.Load(), u.Snapshot().Healthy)
		}
	})
}
