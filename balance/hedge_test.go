package balance

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
)

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// A call that takes long goes to a second target, and the first answer counts.
func TestHedge(t *testing.T) {
	const two = "targets: [http://a, http://b]\nbalance: round_robin\nhedge: 50ms\n"
	for _, c := range []struct {
		name   string
		doc    string
		a, b   time.Duration // until they answer
		ill    func(a, b *server)
		method string
		want   string // target, "" for an error
		hedged string
		took   time.Duration
		tries  int
	}{
		{name: "quick", doc: two, a: ms(49), want: "a:80", took: ms(49), tries: 1},
		{name: "won", doc: two, a: time.Minute, b: ms(10), want: "b:80", hedged: "won", took: ms(60), tries: 2},
		{name: "lost", doc: two, a: ms(55), b: ms(10), want: "a:80", hedged: "lost", took: ms(55), tries: 2},
		{name: "POST", doc: two, a: ms(100), method: "POST", want: "a:80", took: ms(100), tries: 1},
		{name: "PUT", doc: two, a: ms(100), method: "PUT", want: "a:80", took: ms(100), tries: 1},
		{name: "the second one refuses", doc: two, a: ms(100), ill: func(_, b *server) { b.stop() }, want: "a:80", hedged: "lost", took: ms(100), tries: 2},
		{name: "the second one fails", doc: two, a: ms(100), ill: func(_, b *server) { b.status.Store(503) }, want: "a:80", hedged: "lost", took: ms(100), tries: 2},
		{name: "the first one fails late", doc: two, a: ms(60), b: ms(20), ill: func(a, _ *server) { a.status.Store(503) }, want: "b:80", hedged: "won", took: ms(70), tries: 2},
		{name: "the first one breaks late", doc: two, a: ms(60), b: ms(20), ill: func(a, _ *server) { a.breaks.Store(true) }, want: "b:80", hedged: "won", took: ms(70), tries: 2},
		{name: "cannot be connected to", doc: two, b: ms(20), ill: func(a, _ *server) { a.swallow() }, want: "b:80", hedged: "won", took: ms(70), tries: 2},
		{name: "both time out", doc: two + "timeouts: {response_header: 1s}", a: time.Hour, b: time.Hour, hedged: "failed", took: ms(1050), tries: 2},
		{name: "one target", doc: "targets: [http://a]\nhedge: 50ms", a: ms(100), want: "a:80", took: ms(100), tries: 1},
		{name: "no budget", doc: two + "retry: {budget: 0%}", a: ms(100), want: "a:80", took: ms(100), tries: 1},
		{name: "three", doc: "targets: [http://a, http://b, http://c]\nbalance: round_robin\nhedge: {after: 50ms, max: 2}", a: time.Minute, b: time.Minute, want: "c:80", hedged: "won", took: ms(100), tries: 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				a, b := w.target("a:80"), w.target("b:80")
				w.target("c:80")
				a.delay.Store(int64(c.a))
				b.delay.Store(int64(c.b))
				if c.ill != nil {
					c.ill(a, b)
				}
				u := w.upstream(c.doc)
				method := "GET"
				if c.method != "" {
					method = c.method
				}
				got := call(u, method, nil, 0)
				if got.body != c.want || got.took != c.took || got.x.Tries != c.tries || got.x.Hedged != c.hedged || (got.err != nil) != (c.want == "") {
					t.Errorf("%q %v after %v and %d tries, hedged %q", got.body, got.err, got.took, got.x.Tries, got.x.Hedged)
				}
				if c.want != "" && got.x.Target != c.want {
					t.Errorf("the target is told as %s", got.x.Target)
				}
				synctest.Wait()
				for _, s := range u.Snapshot().Targets {
					if s.Active != 0 && c.name != "cannot be connected to" {
						t.Errorf("%s has %d calls still", s.URL, s.Active)
					}
				}
				if c.hedged != "" && !strings.Contains(w.series("sallyport_hedges_total"), `{outcome="`+c.hedged+`",upstream="shop"} 1`) {
					t.Error(w.series("sallyport_hedges_total"))
				}
			})
		})
	}
}

// A client that goes away ends all tries.
func TestHedgeWithoutClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").delay.Store(int64(time.Minute))
		w.target("b:80").delay.Store(int64(time.Minute))
		u := w.upstream("targets: [http://a, http://b]\nhedge: 50ms")
		x := exchange()
		x.Request.Conn.Watch = func(gone func()) func() {
			timer := time.AfterFunc(time.Second, gone)
			return func() { timer.Stop() }
		}
		if a := sendAs(u, x); a.problem() != "bad_request" || a.took != ms(1050) {
			t.Errorf("%v after %v", a.err, a.took)
		}
		synctest.Wait()
		for _, s := range u.Snapshot().Targets {
			if s.Active != 0 || s.Open != 0 || !s.Healthy {
				t.Errorf("%+v", s)
			}
		}
		if a := sendAs(u, exchange()); a.took < time.Minute-ms(1000) && a.err == nil {
			t.Errorf("%v after %v", a.err, a.took)
		}
	})
}

// Nothing keeps the registry from closing.
func TestCloseDuringARace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").delay.Store(int64(time.Minute))
		w.target("b:80").delay.Store(int64(time.Minute))
		u := w.upstream("targets: [http://a, http://b]\nhedge: 1h\ntimeouts: {response_header: none}")
		done := make(chan answer, 1)
		go func() { done <- get(u) }()
		synctest.Wait()
		begin := time.Now()
		w.registry.Close()
		if a := <-done; a.err == nil || time.Since(begin) != 0 {
			t.Errorf("%v after %v", a.err, time.Since(begin))
		}
		if a := get(u); a.took != time.Minute || a.err != nil {
			t.Errorf("a call that comes later: %v after %v", a.err, a.took)
		}
	})
}

// p95 hedges about one call of twenty, and learns from those that it cut short.
func TestHedgeAtThePercentile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80"} {
			w.target(name)
		}
		u := w.upstream("targets: [http://a, http://b]\nhedge: p95")
		hedged, slow := 0, 0
		for i := range 2000 {
			for _, s := range w.targets {
				s.delay.Store(int64(ms(10)))
				if i%50 == 0 {
					s.delay.Store(int64(time.Second))
				}
			}
			if i%50 == 0 {
				time.AfterFunc(ms(8), func() { // the second one is quick
					for _, s := range w.targets {
						s.delay.Store(int64(ms(5)))
					}
				})
			}
			a := get(u)
			if a.x.Hedged != "" {
				hedged++
			}
			if a.took > ms(100) {
				slow++
			}
		}
		if hedged < 35 || hedged > 41 || slow > 4 {
			t.Errorf("%d calls were hedged, %d of 40 slow ones were slow", hedged, slow)
		}
	})
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration
	}{{0, 0}, {time.Microsecond, ms(1)}, {ms(1), ms(100)}, {ms(100), 30 * time.Second}} {
		a, now := new(answers), int64(time.Hour)
		for i := range 2000 {
			now += int64(ms(1))
			a.observe(now, c.from+(c.to-c.from)*time.Duration(i%100)/100)
		}
		want := c.from + (c.to-c.from)*95/100
		if got := a.p95(); got < want || got > want*9/8+100*time.Microsecond {
			t.Errorf("from %v to %v: %v", c.from, c.to, got)
		}
		a.observe(now+int64(time.Minute), ms(1))
		if got := a.p95(); got != 0 {
			t.Errorf("a minute later: %v", got)
		}
	}
	for d := time.Duration(1); d < 10*time.Minute && d > 0; d = d*11/10 + 1 {
		if i := place(d); upTo(i) < d && i != octaves*steps-1 || i > 0 && upTo(i-1) > d {
			t.Errorf("%v falls into step %d, from %v to %v", d, i, upTo(i-1), upTo(i))
		}
	}
}

// Many calls race, their requests are used again at once, targets come and go: every answer is whole, and nobody is left in the end.
func TestRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i, name := range []string{"a:80", "b:80", "c:80"} {
			w.target(name).delay.Store(int64(ms(10 * i)))
		}
		const doc = "targets: [http://a, http://b, http://c]\nbalance: round_robin\nhedge: {after: 10ms, max: 2}\nretry: {budget: 100%}"
		u := w.upstream(doc)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				x := exchange()
				for range 60 {
					x.Request.Header.Reset()
					x.Request.Header.Add("X-Padding", strings.Repeat("x", 100))
					a := send(u, x, &wire.Call{Method: "GET", Target: "/x"})
					if a.status != 200 || a.body != x.Target {
						t.Errorf("%d %q from %s: %v", a.status, a.body, x.Target, a.err)
					}
				}
			})
		}
		for range 20 {
			time.Sleep(ms(20))
			w.upstream(doc)
		}
		wg.Wait()
		time.Sleep(time.Second)
		for _, s := range u.Snapshot().Targets {
			if s.Active != 0 || s.Waiting != 0 || s.Open != s.Idle {
				t.Errorf("%+v", s)
			}
		}
	})
}

// What a call costs that may be hedged and is not.
func BenchmarkHedge(b *testing.B) {
	u, x := bench(newWorld(b), "hedge: 1h"), exchange()
	b.ReportAllocs()
	for b.Loop() {
		x.Out = wire.Call{Method: "GET", Target: "/users/17"}
		_, _ = u.Send(x, &x.Out)
	}
}
