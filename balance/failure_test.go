package balance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/problem"
	"sallyport/wire"
)

// What ends a call without being the target's fault does not count against it.
func TestNoFaultOfTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		live := w.target("live:80")
		u := w.upstream("targets: [http://live, http://other]")
		w.target("other:80")
		late := exchange()
		live.delay.Store(int64(time.Minute))
		w.targets[1].delay.Store(int64(time.Minute))
		late.Deadline = time.Now().Add(time.Second)
		if a := send(u, late, &wire.Call{Method: "GET", Target: "/x"}); a.problem() != "upstream_timeout" || a.took != time.Second {
			t.Errorf("%v after %v", a.err, a.took)
		}
		for range 20 {
			a := send(u, exchange(), &wire.Call{Method: "POST", Target: "/x", Length: -1, Body: badBody{}})
			if a.problem() != "bad_request" {
				t.Fatal(a.err)
			}
		}
		if s := u.Snapshot(); s.Healthy != 2 {
			t.Errorf("%+v", s)
		}
	})
}

type badBody struct{}

func (badBody) Read([]byte) (int, error) { return 0, wire.Bad("A chunk's size is malformed.") }

// A connect that a request's own deadline cut short says nothing about the target, nor does want of sockets here.
func TestConnectsThatProveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").swallow()
		u := w.upstream("targets: [http://a]")
		x := exchange()
		x.Deadline = time.Now().Add(time.Second)
		if a := send(u, x, &wire.Call{Method: "GET", Target: "/x"}); a.problem() != "upstream_timeout" || a.took != time.Second {
			t.Errorf("%v after %v", a.err, a.took)
		}
		if u.Snapshot().Healthy != 1 {
			t.Error("the target is out")
		}
		w.registry.o.Dial = func(string, time.Time) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EMFILE}
		}
		if a := get(u); a.problem() != "overloaded" || u.Snapshot().Healthy != 1 || a.header("Retry-After") == "" {
			t.Errorf("without descriptors: %v", a.err)
		}
	})
}

func TestQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").delay.Store(int64(time.Second))
		w.target("b:80").delay.Store(int64(time.Second))
		u := w.upstream("targets: [http://a, http://b]\nmax_connections: 1\nmax_pending: 0")
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if a := get(u); a.err != nil {
					t.Error(a.err)
				}
			})
			synctest.Wait()
		}
		if a := get(u); a.problem() != "overloaded" || a.took != 0 || a.header("Retry-After") != "1" || a.x.Tries != 2 {
			t.Errorf("%v after %v and %d tries", a.err, a.took, a.x.Tries)
		}
		wg.Wait()
		if a := get(u); a.err != nil {
			t.Error(a.err)
		}
		u = w.upstream("targets: [http://a, http://dead]\nmax_connections: 1\nmax_pending: 0")
		wg.Go(func() { get(u) })
		synctest.Wait()
		for range 5 {
			if a := get(u); a.problem() != "overloaded" {
				t.Errorf("with one target full and the other dead: %v", a.err)
			}
		}
		wg.Wait()
	})
}

// A call does not try more targets than it may, and says so when others were left.
func TestTriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		doc := "targets: ["
		for i := range 20 {
			doc += fmt.Sprintf("http://t%d, ", i)
		}
		u := w.upstream(doc + "]")
		for _, want := range []int{8, 8, 4} {
			a := get(u)
			problem := "upstream_failed"
			if u.Snapshot().Healthy == 0 {
				problem = "no_healthy_target"
			}
			if a.x.Tries != want || a.problem() != problem || a.took != 0 {
				t.Errorf("%d tries, %v", a.x.Tries, a.err)
			}
		}
		if n := u.Snapshot().Healthy; n != 0 {
			t.Errorf("%d targets are in service after 20 tries", n)
		}
	})
}

func TestFailures(t *testing.T) {
	timeout := &net.OpError{Op: "read", Err: syscall.ETIMEDOUT}
	secret := errors.New("dial tcp 10.1.2.3:80")
	for _, c := range []struct {
		op   wire.Op
		err  error
		want string
	}{
		{wire.OpConnect, secret, "upstream_failed: The upstream cannot be reached."},
		{wire.OpWrite, secret, "upstream_failed: The upstream broke the connection."},
		{wire.OpRead, secret, "upstream_failed: The upstream broke the connection."},
		{wire.OpProtocol, wire.Bad("x"), "upstream_failed: The upstream's answer breaks the rules of HTTP."},
		{wire.OpTimeout, timeout, "upstream_timeout: "},
		{wire.OpQueue, secret, "overloaded: The upstream has no connection free."},
		{wire.OpRequest, wire.ErrBodyTooLarge, "body_too_large: "},
		{wire.OpRequest, &wire.Fault{Status: 413, Reason: "x"}, "body_too_large: "},
		{wire.OpRequest, &wire.Fault{Status: 408, Reason: "x"}, "request_timeout: The body did not come in time."},
		{wire.OpRequest, timeout, "request_timeout: The body did not come in time."},
		{wire.OpRequest, wire.Bad("A chunk is bad."), "bad_request: A chunk is bad."},
		{wire.OpRequest, io.ErrUnexpectedEOF, "bad_request: The body ended too early."},
		{wire.OpRequest, wire.ErrClientGone, "bad_request: The client closed its side of the connection."},
	} {
		cause := &wire.CallError{Op: c.op, Err: c.err}
		p := problem.From(failure(cause))
		if got := p.Name + ": " + p.Detail; got != c.want || !errors.Is(p, c.err) {
			t.Errorf("%v: got %s", cause, got)
		}
	}
}

// The deadline of a request also counts while its body is under way.
func TestDeadlineDuringAnUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		u, x := w.upstream("targets: [http://a]"), exchange()
		x.Deadline = time.Now().Add(time.Second)
		a := send(u, x, &wire.Call{Method: "POST", Target: "/x", Length: -1, Body: new(trickle)})
		if a.problem() != "upstream_timeout" || a.took < time.Second || a.took > 1100*time.Millisecond {
			t.Errorf("%v after %v", a.err, a.took)
		}
	})
}

// A trickle is a body of a hundred bytes, ten a second.
type trickle int

func (n *trickle) Read(p []byte) (int, error) {
	if *n++; *n > 100 {
		return 0, io.EOF
	}
	time.Sleep(time.Second / 10)
	return copy(p, "x"), nil
}
