package h1

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"sallyport/wire"
)

// A call can be ended by another goroutine while it waits for its answer, and before it began, but not once its answer is there.
func TestCancel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	to := ln.Addr().String() // whose backlog connects and never answers
	p := NewPool(PoolOptions{Dial: func(by time.Time) (net.Conn, error) { return net.Dial("tcp", to) }})
	defer p.Close()
	call := func() *wire.Call {
		return &wire.Call{Method: "GET", Target: "/", Host: "a", Cancel: new(wire.Cancel), Wait: 10 * time.Second}
	}
	canceled := func(c *wire.Call) {
		t.Helper()
		begin := time.Now()
		_, err := p.Do(c)
		var failed *wire.CallError
		if took := time.Since(begin); !errors.As(err, &failed) || failed.Op != wire.OpRequest || took > 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	}
	for _, after := range []time.Duration{20 * time.Millisecond, 700 * time.Millisecond} { // while it looks, and while it waits
		c := call()
		time.AfterFunc(after, c.Cancel.Cancel)
		canceled(c)
		if n := p.Stats(); n != (wire.PoolStats{}) {
			t.Errorf("%+v", n)
		}
	}
	c := call()
	c.Cancel.Cancel()
	canceled(c)
	if n := p.Stats(); n != (wire.PoolStats{Open: 1, Idle: 1}) {
		t.Errorf("a connection that was not used: %+v", n)
	}
	p.Close()

	to = rawTarget(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	q := NewPool(PoolOptions{Dial: func(by time.Time) (net.Conn, error) { return net.Dial("tcp", to) }})
	defer q.Close()
	for range 3 {
		c = call()
		resp, err := q.Do(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Cancel.Cancel()
		if b, err := io.ReadAll(resp.Body); string(b) != "hi" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		resp.Close()
	}
	if n := q.Stats(); n != (wire.PoolStats{Open: 1, Idle: 1}) {
		t.Errorf("%+v", n)
	}
}

// Calls that are canceled just when their answer comes leave nothing behind.
func TestCancelRace(t *testing.T) {
	to := rawTarget(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	p := NewPool(PoolOptions{Dial: func(by time.Time) (net.Conn, error) { return net.Dial("tcp", to) }})
	defer p.Close()
	answered := 0
	for i := range 500 {
		c := &wire.Call{Method: "GET", Target: "/", Host: "a", Cancel: new(wire.Cancel)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for until := time.Now().Add(time.Duration(i) * time.Microsecond / 4); time.Now().Before(until); {
			}
			c.Cancel.Cancel()
		}()
		if resp, err := p.Do(c); err == nil {
			if b, err := io.ReadAll(resp.Body); string(b) != "hi" || err != nil {
				t.Errorf("%q, %v", b, err)
			}
			resp.Close()
			answered++
		} else if failed := err.(*wire.CallError); failed.Op != wire.OpRequest {
			t.Errorf("%v", err)
		}
		<-done
	}
	if n := p.Stats(); n.Open != n.Idle || n.Open > 1 {
		t.Errorf("%+v after %d answers", n, answered)
	}
	t.Logf("%d of 500 were answered", answered)
}
