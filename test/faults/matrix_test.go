package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each test is a row of the fault matrix in docs/faults.md, by its number there.

// Row 1: one of three targets is killed under load. GET: nobody sees it. POST: no call is made twice.
func TestFault01KilledUnderLoad(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			targets := []*process{newProcess(t), newProcess(t), newProcess(t)}
			url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s', 'http://%s'] }", targets[0].address, targets[1].address, targets[2].address))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				time.Sleep(800 * time.Millisecond)
				targets[1].kill()
				time.Sleep(1700 * time.Millisecond)
				for len(seen(targets...)) < 1100 && ctx.Err() == nil { // on a busy machine it takes longer
					time.Sleep(100 * time.Millisecond)
				}
				cancel()
			}()
			all := load(ctx, method, url, 16)
			<-killed
			time.Sleep(100 * time.Millisecond) // for the last lines of the targets
			n := count(all)
			t.Logf("%d requests: %v", len(all), n)
			if len(all) < 1000 {
				t.Error("there was too little load to show anything")
			}
			switch method {
			case http.MethodGet:
				if n[200] != len(all) {
					t.Errorf("%d of %d GETs failed: %v", len(all)-n[200], len(all), n)
				}
			default:
				if failed := len(all) - n[200]; failed > 16 || n[502] != failed {
					t.Errorf("%d of %d POSTs failed, want 502 for at most those under way: %v", failed, len(all), n)
				}
				for request, times := range seen(targets...) {
					if times > 1 {
						t.Errorf("%s was done %d times", request, times)
					}
				}
			}
		})
	}
}

func seen(targets ...*process) map[string]int {
	all := map[string]int{}
	for _, p := range targets {
		p.mu.Lock()
		for request, n := range p.seen {
			all[request] += n
		}
		p.mu.Unlock()
	}
	return all
}

// Row 1, with nobody else to go to: a clean 502, soon.
func TestFault01KilledAlone(t *testing.T) {
	p := newProcess(t)
	url := serve(t, "{ targets: ['http://"+p.address+"'] }")
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		time.Sleep(200 * time.Millisecond)
		p.kill()
	}()
	v := get(url + "/a?delay=10s")
	<-killed
	if v.problem != "upstream_failed" || v.took > 2*time.Second {
		t.Errorf("got %v", v)
	}
}

// Row 2: a target ends in the middle of its answer. The client must see that the answer is not whole, whatever framing it has,
// and nothing is sent twice.
func TestFault02CutAnswer(t *testing.T) {
	for _, framing := range []string{"length", "chunks"} {
		for name, f := range map[string]Fault{"cut": {Cut: 60_000}, "reset": {Reset: 60_000}} {
			t.Run(framing+"/"+name, func(t *testing.T) {
				s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
					if framing == "length" {
						w.Header().Set("Content-Length", "200000")
					}
					_, _ = w.Write(bytes.Repeat([]byte("x"), 200_000))
				})
				p, other := proxied(t, s.address), newServer(t, echo)
				p.Set(Fault{}, f)
				url := serve(t, fmt.Sprintf("{ targets: ['http://%s', { url: 'http://%s', weight: 0 }] }", p.Address(), other.address))
				v := get(url + "/a")
				if v.status != 200 || !v.cut || len(v.body) >= 200_000 {
					t.Errorf("got %v", v)
				}
				if s.seen() != 1 || other.seen() != 0 {
					t.Errorf("the call was made %d times", s.seen()+other.seen())
				}
			})
		}
	}
}

// Row 3: one of three targets takes three seconds. Its calls end in time, the others are as fast as ever, and soon nearly all
// calls go to them.
func TestFault03SlowTarget(t *testing.T) {
	s := newServer(t, echo)
	slow := proxied(t, s.address)
	slow.Set(Fault{}, Fault{Delay: 3 * time.Second})
	a, b := newServer(t, echo), newServer(t, echo)
	url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s', 'http://%s'], timeouts: { response_header: 500ms } }", slow.Address(), a.address, b.address))
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	all := load(ctx, http.MethodGet, url, 16)
	n, quick := count(all), 0
	for _, v := range all {
		switch {
		case v.status == 200 && v.took < 400*time.Millisecond:
			quick++
		case v.status == 504 && (v.problem != "upstream_timeout" || v.took < 450*time.Millisecond || v.took > 1500*time.Millisecond):
			t.Errorf("got %v", v)
		}
	}
	t.Logf("%d requests: %v", len(all), n)
	if n[200]+n[504] != len(all) || n[504] > len(all)/10 || quick < len(all)*8/10 {
		t.Errorf("of %d requests %v, %d of them quick", len(all), n, quick)
	}
}

// Row 4: an answer trickles. What has come is passed on as it comes, bounded in memory, and timeouts.total ends it.
func TestFault04Trickle(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20)) })
	p := proxied(t, s.address)
	p.Set(Fault{}, Fault{Rate: 200})
	url := serve(t, "{ targets: ['http://"+p.Address()+"'], timeouts: { total: 2s } }")
	v := get(url + "/a")
	if v.status != 200 || !v.cut || len(v.body) == 0 || v.took < time.Second || v.took > 5*time.Second {
		t.Errorf("got %v", v)
	}
}

// Row 4, the other way: a target that stops in the middle is given up after timeouts.idle.
func TestFault04Silence(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 100_000)) })
	p := proxied(t, s.address)
	p.Set(Fault{}, Fault{Mute: 50_000})
	url := serve(t, "{ targets: ['http://"+p.Address()+"'], timeouts: { idle: 1s } }")
	if v := get(url + "/a"); v.status != 200 || !v.cut || v.took < 900*time.Millisecond || v.took > 4*time.Second {
		t.Errorf("got %v", v)
	}
}

// Row 5: a target vanished, so that a connect leads nowhere. That costs one call the time to connect, and later ones nothing.
func TestFault05VanishedBeforeConnect(t *testing.T) {
	address := silent(t)
	s := newServer(t, echo)
	url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s'], balance: round_robin, timeouts: { connect: 300ms } }", address, s.address))
	waited := 0
	for i := range 20 {
		v := get(url + fmt.Sprint("/", i))
		if v.status != 200 || v.took > 2*time.Second {
			t.Errorf("request %d: %v", i, v)
		}
		if v.took > 250*time.Millisecond {
			waited++
		}
	}
	if waited > 2 {
		t.Errorf("%d of 20 requests waited for the target that is not there", waited)
	}
}

// silent returns an address at which nobody answers a connect: its queue is full (row 7), which looks from outside like a machine
// that vanished.
func silent(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 { // fill the queue
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("the queue of this kernel cannot be filled")
	return ""
}

// Row 5: a connection that is there leads nowhere any more. The call is given up in time, and another target is used from then on.
func TestFault05VanishedAfterConnect(t *testing.T) {
	s, other := newServer(t, echo), newServer(t, echo)
	p := proxied(t, s.address)
	url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s'], timeouts: { response_header: 400ms, connect: 300ms }, retry: { on: [connect_failure, reset, timeout], per_try_timeout: 300ms } }", p.Address(), other.address))
	for i := range 10 { // connections to both
		if v := get(url + fmt.Sprint("/", i)); v.status != 200 {
			t.Fatalf("got %v", v)
		}
	}
	p.Hurt(Fault{Mute: 1}, Fault{Mute: 1})
	p.Deafen(true)
	for i := range 20 {
		if v := get(url + fmt.Sprint("/", i)); v.status != 200 || v.took > 2*time.Second {
			t.Errorf("request %d: %v", i, v)
		}
	}
}

// Row 6: the target closes a connection at the moment in which it is used again. A GET does not notice; a POST, of which nothing was
// sent, neither, since the connection was seen to be closed.
func TestFault06ClosedWhenUsedAgain(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		var conns int
		s := newServer(t, echo)
		p := proxied(t, s.address)
		url := serve(t, "{ targets: ['http://"+p.Address()+"'] }")
		for i := range 30 {
			if v := ask(method, url+"/a", "body"); v.status != 200 {
				t.Errorf("%s %d: %v", method, i, v)
			}
			p.Refuse()
			if err := p.Open(); err != nil {
				t.Fatal(err)
			}
			conns++
		}
		if p.Taken() < conns {
			t.Errorf("%d connections for %d requests: nothing was closed", p.Taken(), conns)
		}
	}
}

// Row 6, the worse case: the connection is reset by the bytes of the request. A GET goes again on another connection.
func TestFault06ResetByTheRequest(t *testing.T) {
	s := newServer(t, echo)
	p := proxied(t, s.address)
	url := serve(t, "{ targets: ['http://"+p.Address()+"'] }")
	for i := range 10 {
		if v := get(url + "/a"); v.status != 200 {
			t.Fatalf("%d: %v", i, v)
		}
		p.Hurt(Fault{Reset: 1}, Fault{})
		if v := get(url + "/a"); v.status != 200 {
			t.Errorf("%d: %v", i, v)
		}
	}
	if p.Taken() < 10 {
		t.Errorf("%d connections: nothing was reset", p.Taken())
	}
}

// Row 7: connects are refused, or the queue is full. The next target gets the call; without one it is a quick error.
func TestFault07Refused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	_ = l.Close()
	s := newServer(t, echo)
	url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s'], balance: round_robin }", dead, s.address))
	for i := range 20 {
		if v := ask(http.MethodPost, url+"/a", "body"); v.status != 200 {
			t.Errorf("request %d: %v", i, v)
		}
	}
	alone := serve(t, "{ targets: ['http://"+dead+"', 'http://"+dead+"/b'] }")
	for i := range 20 {
		if v := get(alone + "/a"); v.problem != "no_healthy_target" && v.problem != "upstream_failed" || v.took > 500*time.Millisecond {
			t.Errorf("request %d: %v", i, v)
		}
	}
}

// Row 9: no target is healthy. Each request is told so at once, with a time to come back, and the first target that returns is used
// without a restart.
func TestFault09AllDown(t *testing.T) {
	targets := []*process{newProcess(t), newProcess(t)}
	url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s'] }", targets[0].address, targets[1].address))
	if v := get(url + "/a"); v.status != 200 {
		t.Fatalf("got %v", v)
	}
	for _, p := range targets {
		p.kill()
	}
	slowest := time.Duration(0)
	for range 50 {
		v := get(url + "/a")
		if v.status != 503 && v.status != 502 {
			t.Errorf("got %v", v)
		}
		slowest = max(slowest, v.took)
	}
	if slowest > 500*time.Millisecond {
		t.Errorf("a request waited %v", slowest)
	}
	targets[1].start(t)
	for deadline := time.Now().Add(15 * time.Second); get(url+"/b").status != 200; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the target is back and not used")
		}
	}
}

// Row 10: everything fails for a while. The targets get at most 1.2 times the calls that clients made.
func TestFault10RetryStorm(t *testing.T) {
	fail := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }
	a, b := newServer(t, fail), newServer(t, fail)
	url := serve(t, fmt.Sprintf("{ targets: ['http://%s', 'http://%s'] }", a.address, b.address))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	all := load(ctx, http.MethodGet, url, 32)
	calls := a.seen() + b.seen()
	t.Logf("%d requests, %d calls, %v", len(all), calls, count(all))
	if n := count(all); n[503] != len(all) {
		t.Errorf("answers: %v", n)
	}
	if float64(calls) > 1.2*float64(len(all))+30 {
		t.Errorf("%d requests became %d calls", len(all), calls)
	}
}

// A target that answers garbage: 502, and its connection is not used again.
func TestFaultCorruptAnswer(t *testing.T) {
	s := newServer(t, echo)
	p := proxied(t, s.address)
	url := serve(t, "{ targets: ['http://"+p.Address()+"'] }")
	p.Set(Fault{}, Fault{Corrupt: 5}) // HTTP/1.1 becomes HTTP.1.1
	before := runtime.NumGoroutine()
	for i := range 10 {
		if v := get(url + "/a"); v.problem != "upstream_failed" {
			t.Errorf("request %d: %v", i, v)
		}
	}
	p.Set(Fault{}, Fault{})
	if v := get(url + "/a"); v.status != 200 || !strings.HasPrefix(v.body, "/a") {
		t.Errorf("afterwards: %v", v)
	}
	if n := runtime.NumGoroutine(); n > before+20 {
		t.Errorf("goroutines grew from %d to %d", before, n)
	}
}

// A network that cuts everything into single bytes and takes its time changes nothing but how long it takes.
func TestFaultPieces(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	p := proxied(t, s.address)
	p.Set(Fault{Piece: 1, Jitter: 200 * time.Microsecond}, Fault{Piece: 3, Jitter: 200 * time.Microsecond})
	url := serve(t, "{ targets: ['http://"+p.Address()+"'] }")
	body := strings.Repeat("0123456789", 40)
	for i := range 3 {
		if v := ask(http.MethodPost, url+"/a", body); v.status != 200 || v.body != body {
			t.Errorf("request %d: %v", i, v)
		}
	}
}
