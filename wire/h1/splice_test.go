package h1

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/wire"
)

// narrow makes a listener whose connections take little that nobody reads.
func narrow(t *testing.T) net.Listener {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
	}}
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// A target that breaks the connection in the middle of an upload leaves bytes of it on the way. What follows them on the
// client's connection must not be taken for the rest of the body, nor the rest of the body for a request.
func TestBrokenUploadKeepsTheClientsConnectionInStep(t *testing.T) {
	ln := narrow(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1000)
			_, _ = c.Read(b)
			if bytes.HasPrefix(b, []byte("POST")) {
				time.Sleep(200 * time.Millisecond)
				_ = c.(*net.TCPConn).SetLinger(0)
			} else {
				_, _ = io.WriteString(c, hi)
			}
			_ = c.Close()
		}
	}()
	p := NewPool(PoolOptions{Dial: func(time.Time) (net.Conn, error) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			_ = c.(*net.TCPConn).SetWriteBuffer(4096)
		}
		return c, err
	}})
	defer p.Close()
	seen := make(chan string, 10000)
	addr := serve(t, handler(func(r *wire.Request) *wire.Response {
		seen <- r.Path.Text
		return (&relay{pool: p}).Handle(r)
	}), Limits{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
	time.Sleep(50 * time.Millisecond)
	_, _ = c.Write(make([]byte, 60000))
	inner := strings.Repeat("GET /inner HTTP/1.1\r\nHost: a\r\n\r\n", 2000)
	_, _ = io.WriteString(c, "PUT /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(inner))+"\r\n\r\n"+inner)
	got, _ := io.ReadAll(c)
	if !strings.HasPrefix(string(got), "HTTP/1.1 502 ") {
		t.Errorf("the target broke the connection, and the client is told %.200q", got)
	}
	for len(seen) > 0 {
		if path := <-seen; path != "/one" && path != "/two" {
			t.Fatalf("%q was taken for a request", path)
		}
	}
}

// Time without a byte is what counts, not the time that many bytes take.
func TestSteadyBodies(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
		for range 20 {
			time.Sleep(30 * time.Millisecond)
			_, _ = c.Write(make([]byte, 10000))
		}
	}()
	addr := serve(t, calling(poolTo(t, ln.Addr().String()), func(c *wire.Call) { c.Idle = 200 * time.Millisecond }), Limits{})
	if got := ask(t, addr); len(got) != 200004 {
		t.Errorf("%d bytes, %.10q", len(got), got)
	}
}

// A client that takes its response slowly, but takes it, gets all of it.
func TestSlowReader(t *testing.T) {
	body := make([]byte, 1<<20)
	_, _ = rand.Read(body)
	target := httpTarget(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	front := narrowConn(t, newLab(t, target, Limits{WriteIdle: 150 * time.Millisecond}).addr)
	defer front.Close()
	_ = front.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(front, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	br := bufio.NewReaderSize(front, 16)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for range 20 {
		if _, err := io.CopyN(&got, resp.Body, 4000); err != nil {
			t.Fatalf("after %d bytes: %v", got.Len(), err)
		}
		time.Sleep(30 * time.Millisecond)
	}
	if _, err := io.Copy(&got, resp.Body); err != nil || !bytes.Equal(got.Bytes(), body) {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
}

// narrowConn makes a connection that takes little that nobody reads.
func narrowConn(t *testing.T, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
	}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A response that is cut in the middle is cut for the client too, and its connection is not used again.
func TestCutInTheMiddle(t *testing.T) {
	for _, size := range []int{100, 40_000, 300_000} {
		l := newLab(t, rawTarget(t, "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"+strings.Repeat("x", size)+"\x00"), Limits{})
		if got := ask(t, l.addr); got != "200 cut" {
			t.Errorf("%d: got %.20q", size, got)
		}
		if s := l.pool.Stats(); s.Open != 0 {
			t.Errorf("%d: %+v", size, s)
		}
	}
}

// Pipes are files, and slow readers keep them: there are so many and no more, and what cannot have one takes the way through memory.
func TestPipesAreBounded(t *testing.T) {
	most := openPipes.Load() + 3
	var taken []*pipe
	for p := takePipe(most); p != nil; p = takePipe(most) {
		taken = append(taken, p)
	}
	if n := openPipes.Load(); len(taken) < 3 || n != most {
		t.Errorf("%d pipes are open and %d were taken, want %d open", n, len(taken), most)
	}
	taken[0].n = 1 // it still holds something, so it is closed
	taken[0].give()
	p := takePipe(most)
	if p == nil {
		t.Error("there is none although one was closed")
	}
	for _, p := range append(taken[1:], p) {
		p.give()
	}
}
