package h1

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/wire"
)

// An answering handler is a function.
type handler func(*wire.Request) *wire.Response

func (h handler) Handle(r *wire.Request) *wire.Response { return h(r) }
func (h handler) Refuse(_ *wire.Request, f *wire.Fault) *wire.Response {
	return said(f.Status, f.Reason)
}
func (h handler) Done(*wire.Request, wire.Outcome) {}

// serve serves h on loopback and returns the address.
func serve(t *testing.T, h wire.Handler, limits Limits) string {
	t.Helper()
	s := &Server{Handler: h, Limits: limits, Panicked: func(*wire.Request, any) {}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go take(s, c)
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		s.Close()
		if !s.Wait(5 * time.Second) {
			t.Error("connections did not end")
		}
	})
	return front(t, ln.Addr().String())
}

// poolTo makes a pool of connections to a target on loopback.
func poolTo(t *testing.T, target string) *Pool {
	p := NewPool(PoolOptions{Dial: func(by time.Time) (net.Conn, error) {
		return (&net.Dialer{Deadline: by}).Dial("tcp", target)
	}})
	t.Cleanup(p.Close)
	return p
}

// calling is a handler that makes a GET of p with what set says besides.
func calling(p *Pool, set func(*wire.Call)) handler {
	return func(r *wire.Request) *wire.Response {
		c := &wire.Call{Method: "GET", Target: "/", Host: "a", Request: r}
		set(c)
		resp, err := p.Do(c)
		if err != nil {
			return failed(err)
		}
		return resp
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("at the disco") }
func (panicking) Close() error             { return nil }

// A body that panics ends its own exchange, whichever goroutine reads it.
func TestPanicOfABody(t *testing.T) {
	addr := serve(t, handler(func(*wire.Request) *wire.Response {
		return &wire.Response{Status: 200, Body: panicking{}, Length: -1}
	}), Limits{})
	if got := ask(t, addr); got != "200 cut" {
		t.Errorf("a response: got %q", got)
	}
	p := poolTo(t, rawTarget(t, hi))
	addr = serve(t, calling(p, func(c *wire.Call) { c.Method, c.Body, c.Length = "POST", panicking{}, -1 }), Limits{})
	if got := ask(t, addr); got != "500 " {
		t.Errorf("a request: got %q", got)
	}
	if s := p.Stats(); s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

// A response without content has no length, not even to HEAD (RFC 9110 §8.6).
func TestNoContentHasNoLength(t *testing.T) {
	addr := serve(t, handler(func(*wire.Request) *wire.Response { return &wire.Response{Status: 204} }), Limits{})
	for _, method := range []string{"GET", "HEAD"} {
		if got := talk(t, addr, method+" / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); strings.Contains(got, "Content-Length") {
			t.Errorf("%s: %q", method, got)
		}
	}
}

// What is larger than allowed is thrown away all the same, so that its client sees the answer and the connection lives.
func TestTooLargeIsDrained(t *testing.T) {
	addr := serve(t, handler(func(r *wire.Request) *wire.Response {
		r.BodyLimit = 10
		return said(413, "no")
	}), Limits{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	for _, together := range []int{0, 1000} { // bytes that come with the head
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n"+strings.Repeat("a", together))
		for range (40_000 - together) / 1000 {
			time.Sleep(time.Millisecond)
			_, _ = c.Write(make([]byte, 1000))
		}
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if got, err := io.ReadAll(c); strings.Count(string(got), "HTTP/1.1 413 ") != 3 {
		t.Errorf("%q, %v", got, err)
	}
}

// To HTTP/1.0 the end of the connection is the end of the body, unless it is a reset.
func TestCutShortForOldClients(t *testing.T) {
	l := newLab(t, rawTarget(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n\x00"), Limits{})
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	if got, err := io.ReadAll(c); err == nil {
		t.Errorf("%q looks whole", got)
	}
}

// A broken answer is a reset, not an orderly end that could be taken for an old server's.
func TestBreak(t *testing.T) {
	addr := serve(t, handler(func(*wire.Request) *wire.Response {
		return &wire.Response{Status: 444, Break: true, Body: wire.BytesBody([]byte("unseen")), Length: 6}
	}), Limits{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); len(b) > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q, %v", b, err)
	}
}

// A 205 has no content, whatever a target says (RFC 9110 §15.3.6): policies that read bodies do not look for one there.
func TestResetContent(t *testing.T) {
	l := newLab(t, rawTarget(t, "HTTP/1.1 205 Reset Content\r\nContent-Length: 6\r\n\r\nsecret"), Limits{})
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if got, err := io.ReadAll(c); err != nil || strings.Contains(string(got), "secret") || !strings.Contains(string(got), "Content-Length: 0\r\n") {
		t.Errorf("%q, %v", got, err)
	}
}

// What a 304 to a HEAD would say of a length is that of the 200, which nobody knows here (RFC 9110 §8.6).
func TestNotModifiedOfHead(t *testing.T) {
	addr := serve(t, handler(func(*wire.Request) *wire.Response { return &wire.Response{Status: 304} }), Limits{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if got, err := io.ReadAll(c); err != nil || strings.Contains(string(got), "Content-Length") {
		t.Errorf("%q, %v", got, err)
	}
}
