package balance

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
)

// call makes a call of that method.
func call(u *Upstream, method string, body io.Reader, length int64) answer {
	x := exchange()
	x.Request.Method = method
	return send(u, x, &wire.Call{Method: method, Target: "/x", Body: body, Length: length})
}

// What failed at one target is made good at another, if the method may be repeated.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		ill       func(*server)
		method    string
		want      string // reason of the retry, or what the client got without one
	}{
		{"reset", "", func(s *server) { s.breaks.Store(true) }, "GET", "reset"},
		{"503", "", func(s *server) { s.status.Store(503) }, "GET", "503"},
		{"503, told when to come back", "", func(s *server) { s.status.Store(503); s.after.Store(60) }, "GET", "503"},
		{"500", "", func(s *server) { s.status.Store(500) }, "GET", "status 500"},
		{"a class", "retry: {on: [5xx]}", func(s *server) { s.status.Store(500) }, "HEAD", "500"},
		{"a client error", "retry: {on: [429]}", func(s *server) { s.status.Store(429) }, "OPTIONS", "429"},
		{"refused", "", (*server).stop, "POST", "connect_failure"},
		{"reset of POST", "", func(s *server) { s.breaks.Store(true) }, "POST", "upstream_failed"},
		{"503 to POST", "", func(s *server) { s.status.Store(503) }, "POST", "status 503"},
		{"POST that is listed", "retry: {methods: [POST]}", func(s *server) { s.status.Store(503) }, "POST", "503"},
		{"GET that is not", "retry: {methods: [POST]}", func(s *server) { s.status.Store(503) }, "GET", "status 503"},
		{"PUT", "", func(s *server) { s.breaks.Store(true) }, "PUT", "reset"},
		{"off", "retry: off", func(s *server) { s.breaks.Store(true) }, "GET", "upstream_failed"},
		{"off, refused", "retry: off", (*server).stop, "GET", "upstream_failed"},
		{"not this", "retry: {on: [503]}", func(s *server) { s.breaks.Store(true) }, "GET", "upstream_failed"},
		{"no budget", "retry: {budget: 0%}", func(s *server) { s.status.Store(503) }, "GET", "status 503"},
		{"silence", "timeouts: {response_header: 1s}", func(s *server) { s.delay.Store(int64(time.Hour)) }, "GET", "upstream_timeout"},
		{"silence, listed", "timeouts: {response_header: 1s}\nretry: {on: [timeout]}", func(s *server) { s.delay.Store(int64(time.Hour)) }, "GET", "timeout"},
		{"one try", "retry: {per_try_timeout: 1s}", func(s *server) { s.delay.Store(int64(time.Hour)) }, "GET", "timeout"},
		{"one try of POST", "retry: {per_try_timeout: 1s}", func(s *server) { s.delay.Store(int64(time.Hour)) }, "POST", "upstream_timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ill := w.target("ill:80")
				w.target("well:80")
				c.ill(ill)
				u := w.upstream("targets: [http://ill, http://well]\nbalance: round_robin\n" + c.doc)
				a := call(u, c.method, nil, 0)
				got := a.x.Retried
				if got == "" && a.err == nil {
					got = fmt.Sprintf("status %d", a.status)
				} else if got == "" {
					got = a.problem()
				}
				if got != c.want {
					t.Fatalf("got %q, want %q", got, c.want)
				}
				if a.x.Retried != "" && (a.status != 200 || a.x.Tries != 2 || a.x.Target != "well:80") {
					t.Errorf("%+v", a)
				}
				if a.took > 1025*time.Millisecond || a.x.Waited > time.Second {
					t.Errorf("it took %v, %v", a.took, a.x.Waited)
				}
			})
		})
	}
}

// A lone target is asked once more, unless it said when to come back, or nothing listens there.
func TestRetryAtALoneTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		u := w.upstream("targets: [http://a]\nretry: {attempts: 2}")
		a.status.Store(503)
		if got := get(u); got.status != 503 || got.body != "a:80" || got.x.Tries != 3 {
			t.Errorf("%+v", got)
		}
		a.after.Store(1)
		if got := get(u); got.status != 503 || got.x.Tries != 1 {
			t.Errorf("%+v", got)
		}
		if n := w.dials.Load(); n != 1 {
			t.Errorf("%d connections: answers were not read to their end", n)
		}
		a.status.Store(200)
		a.breaks.Store(true)
		if got := get(u); got.problem() != "upstream_failed" || got.x.Tries != 3 || got.x.Retried != "reset" {
			t.Errorf("%+v", got)
		}
	})
}

// A body is sent again only if it is in memory as a whole.
func TestRetriesWithABody(t *testing.T) {
	big := strings.Repeat("x", maxReplay+1)
	memory := func(s string) func() io.Reader { return func() io.Reader { return wire.BytesBody([]byte(s)) } }
	buffered := func(s string) func() io.Reader {
		return func() io.Reader {
			b := bufio.NewReaderSize(strings.NewReader(s), 2*maxReplay)
			_, _ = b.Peek(len(s))
			return b
		}
	}
	for _, c := range []struct {
		name    string
		body    func() io.Reader
		length  int64
		retried bool
	}{
		{"read by a policy", memory(big), int64(len(big)), true},
		{"read by a policy, with a trailer", memory("hello"), -1, true},
		{"at hand", buffered("hello"), 5, true},
		{"as large as can be", buffered(big[1:]), maxReplay, true},
		{"large", buffered(big), int64(len(big)), false},
		{"half there", buffered("hel"), 5, false},
		{"to come", func() io.Reader { return strings.NewReader("hello") }, 5, false},
		{"of unknown length", buffered("hello"), -1, false},
	} {
		for _, how := range []string{"503", "reset"} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					ill, well := w.target("ill:80"), w.target("well:80")
					ill.breaks.Store(how == "reset")
					ill.status.Store(503)
					u := w.upstream("targets: [http://ill, http://well]\nbalance: round_robin")
					a := call(u, "PUT", c.body(), c.length)
					switch {
					case (a.x.Retried == how) != c.retried:
						t.Errorf("retried: %q; %d %v", a.x.Retried, a.status, a.err)
					case c.retried && (a.body != "well:80" || c.length > 0 && well.body.Load() != c.length || well.body.Load() == 0):
						t.Errorf("%q, %v, %d bytes arrived", a.body, a.err, well.body.Load())
					}
				})
			})
		}
	}
}

// A client that goes away during the pause ends the call, and so does the time for it.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ill := w.target("ill:80")
		ill.status.Store(503)
		u := w.upstream("targets: [http://ill]\nretry: {backoff: 10s}")
		x := exchange()
		x.Request.Conn.Watch = func(gone func()) func() {
			timer := time.AfterFunc(time.Millisecond, gone)
			return func() { timer.Stop() }
		}
		for range 10 {
			if a := send(u, x, &wire.Call{Method: "GET", Target: "/x"}); a.status != 503 || a.took > 2*time.Millisecond {
				t.Errorf("%d %v after %v", a.status, a.err, a.took)
			}
		}
		for range 10 {
			x = exchange()
			x.Deadline = time.Now().Add(time.Millisecond)
			if a := send(u, x, &wire.Call{Method: "GET", Target: "/x"}); a.status != 503 || a.took > time.Millisecond {
				t.Errorf("%d %v after %v", a.status, a.err, a.took)
			}
		}
		r := &retrying{backoff: 25 * time.Millisecond}
		for n, most := range []time.Duration{25, 50, 100, 200, 250, 250} {
			for range 1000 {
				if d := r.pause(n); d >= most*time.Millisecond {
					t.Fatalf("a pause of %v after %d retries", d, n)
				}
			}
		}
	})
}

// When everything fails, retries add no more than a fifth to the load, however it fails and however fast calls come.
func TestAmplification(t *testing.T) {
	for _, how := range []string{"503", "reset", "refused"} {
		for _, c := range []struct{ rate, targets int }{{5, 1}, {10, 3}, {100, 1}, {100, 3}} {
			rate, targets := c.rate, c.targets
			t.Run(fmt.Sprintf("%s, %d a second, %d targets", how, rate, targets), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					list := make([]string, targets)
					for i := range list {
						s := w.target(fmt.Sprintf("t%d:80", i))
						list[i] = "http://" + s.address
						s.status.Store(503)
						s.breaks.Store(how == "reset")
						if how == "refused" {
							s.stop()
						}
					}
					u := w.upstream("targets: [" + strings.Join(list, ", ") + "]")
					calls, tries := 60*rate, 0
					for range calls {
						a := get(u)
						if tries += a.x.Tries; a.took > 250*time.Millisecond {
							t.Fatalf("a call took %v", a.took)
						}
						if pause := time.Second/time.Duration(rate) - a.took; pause > 0 {
							time.Sleep(pause)
						}
					}
					seen := int(w.dials.Load())
					if how == "503" {
						seen = 0
						for _, s := range w.targets {
							seen += int(s.seen.Load())
						}
					}
					if most := calls * 12 / 10; tries > most || seen > most {
						t.Errorf("%d calls made %d tries, of which the targets saw %d", calls, tries, seen)
					}
					if how != "refused" && tries < calls*11/10 {
						t.Errorf("%d calls made %d tries only", calls, tries)
					}
				})
			})
		}
	}
}

// Calls that went well earn retries for ten seconds, also across a reload, and no longer.
func TestBudgetRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		const doc = "targets: [http://a]\nretry: {backoff: 0s}"
		u := w.upstream(doc)
		retries := func(calls int) (n int) {
			for range calls {
				n += get(u).x.Tries - 1
			}
			return n
		}
		retries(500)
		u = w.upstream(doc)
		time.Sleep(9 * time.Second)
		a.status.Store(503)
		if n := retries(300); n != 160 {
			t.Errorf("%d retries after 500 calls that went well", n)
		}
		time.Sleep(12 * time.Second)
		if n := retries(100); n != 20 {
			t.Errorf("%d of 100 calls were made again after a while without any", n)
		}
		if text := w.series("sallyport_upstream_retr"); !strings.Contains(text, `sallyport_upstream_retries_total{reason="status",upstream="shop"} 180`) ||
			!strings.Contains(text, `sallyport_upstream_retry_budget_exhausted_total{upstream="shop"} 220`) {
			t.Error(text)
		}
	})
}
