package balance

import (
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
)

// A target that answers at once, and always with an error, gets no more than a few calls, though it looks the least busy.
func TestABlackHole(t *testing.T) {
	for _, c := range []struct {
		name string
		ill  func(*server)
		u    string
	}{
		{"500", func(s *server) { s.status.Store(500) }, ""},
		{"503", func(s *server) { s.status.Store(503) }, "retry: off"},
		{"breaks", func(s *server) { s.breaks.Store(true) }, "retry: off"},
		{"silence", func(s *server) { s.delay.Store(int64(time.Hour)) }, "balance: round_robin\ntimeouts: {response_header: 50ms}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				hole := w.target("hole:80")
				c.ill(hole)
				for _, name := range []string{"b:80", "c:80"} {
					w.target(name).delay.Store(int64(5 * time.Millisecond))
				}
				u := w.upstream("targets: [http://hole, http://b, http://c]\n" + c.u)
				wrong := 0
				for range 1000 {
					if a := get(u); a.status != 200 {
						wrong++
					}
				}
				if s := u.Snapshot(); wrong != 5 || s.Healthy != 2 || s.Targets[0].Healthy {
					t.Errorf("%d calls failed; %+v", wrong, s)
				}
				hole.status.Store(0)
				hole.breaks.Store(false)
				hole.delay.Store(0)
				time.Sleep(10 * time.Second)
				for range 100 {
					if a := get(u); a.status != 200 {
						t.Error(a.err)
					}
				}
				if s := u.Snapshot(); s.Healthy != 3 {
					t.Errorf("it is not back: %+v", s)
				}
			})
		})
	}
}

// Requests that make the application fail wherever they go take nobody out of service.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80"} {
			w.target(name)
		}
		u := w.upstream("targets: [http://a, http://b, http://c]\nbalance: round_robin")
		status := func(s int64) {
			for _, t := range w.targets {
				t.status.Store(s)
			}
		}
		for range 100 {
			status(200)
			get(u)
			status(500)
			for range 7 {
				get(u)
			}
		}
		if s := u.Snapshot(); s.Healthy < 2 {
			t.Errorf("a client with poison and one without leave %d targets", s.Healthy)
		}
		time.Sleep(time.Hour)
		status(200)
		for range 10 {
			get(u)
		}
		status(500)
		for range 1000 {
			get(u)
		}
		if s := u.Snapshot(); s.Healthy != 3 {
			t.Errorf("when all fail %d targets are left", s.Healthy)
		}
		status(501)
		for range 1000 {
			get(u)
		}
		if s := u.Snapshot(); s.Healthy != 3 {
			t.Errorf("501 leaves %d targets", s.Healthy)
		}
	})
}

// Requests that leave no time to answer say nothing about the target.
func TestShortDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").delay.Store(int64(300 * time.Millisecond))
		w.target("b:80").delay.Store(int64(300 * time.Millisecond))
		u := w.upstream("targets: [http://a, http://b]\ncircuit_breaker: {}")
		for i := range 100 {
			x := exchange()
			if i%2 == 0 {
				x.Deadline = time.Now().Add(100 * time.Millisecond)
			}
			sendAs(u, x)
		}
		if s := u.Snapshot(); s.Healthy != 2 || s.Targets[0].Circuit != "closed" {
			t.Errorf("%+v", s)
		}
	})
}

// Who may wait for a connection does so for as long as a connect may take, and then is told that it is the gateway that has none.
func TestWaitingForAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").delay.Store(int64(10 * time.Second))
		u := w.upstream("targets: [http://a]\nmax_connections: 1\nmax_pending: 1\ntimeouts: {connect: 2s, response_header: 20s}")
		first, second := make(chan answer, 1), make(chan answer, 1)
		go func() { first <- get(u) }()
		synctest.Wait()
		go func() { second <- get(u) }()
		synctest.Wait()
		if a := get(u); a.problem() != "overloaded" || a.took != 0 {
			t.Errorf("one too many: %v after %v", a.err, a.took)
		}
		if a := <-second; a.problem() != "overloaded" || a.took != 2*time.Second {
			t.Errorf("one that waited: %v after %v", a.err, a.took)
		}
		if a := <-first; a.status != 200 {
			t.Error(a.err)
		}
		if s := u.Snapshot(); s.Healthy != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// The whole call has a time of its own, body and all.
func TestTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").delay.Store(int64(time.Minute))
		u := w.upstream("targets: [http://a]\ntimeouts: {total: 3s}\nretry: {on: [timeout]}")
		if a := get(u); a.problem() != "upstream_timeout" || a.took != 3*time.Second || a.x.Tries != 1 {
			t.Errorf("%v after %v and %d tries", a.err, a.took, a.x.Tries)
		}
		x := exchange()
		a := send(u, x, &wire.Call{Method: "POST", Target: "/x", Length: -1, Body: new(trickle)})
		if a.problem() != "upstream_timeout" || a.took < 3*time.Second || a.took > 3100*time.Millisecond {
			t.Errorf("%v after %v", a.err, a.took)
		}
	})
}
