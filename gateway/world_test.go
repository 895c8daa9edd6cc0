package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/wire/memnet"
)

// A target is a small server on loopback that answers every request alike, without allocating.
type target struct {
	net.Listener
	answer []byte
	serve  sync.WaitGroup
}

const hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

func newTarget(t testing.TB, answer string) *target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &target{Listener: l, answer: []byte(answer)}
	b.serve.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.talk(c)
		}
	})
	t.Cleanup(func() { _ = l.Close(); b.serve.Wait() })
	return b
}

// talk answers requests without bodies.
func (b *target) talk(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 16<<10)
	n := 0
	for {
		m, err := c.Read(buf[n:])
		if err != nil {
			return
		}
		for n += m; ; {
			end := bytes.Index(buf[:n], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			n = copy(buf, buf[end+4:n])
			if _, err := c.Write(b.answer); err != nil {
				return
			}
		}
	}
}

func (b *target) url() string { return "http://" + b.Addr().String() }

// start serves doc, whose listeners are to be on port 0.
func start(t testing.TB, doc string, o Options) *Gateway {
	t.Helper()
	if o.Log == nil {
		o.Log = silent
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	g := New(o)
	t.Cleanup(g.Close)
	if err := g.LoadBytes("c", []byte(doc)); err != nil {
		t.Fatal(err)
	}
	return g
}

// ask sends one request on a connection of its own and returns the answer with its body.
func ask(t testing.TB, address, request string) (*http.Response, string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return talk(t, c, bufio.NewReader(c), request)
}

// talk sends one request on c.
func talk(t testing.TB, c net.Conn, r *bufio.Reader, request string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(c, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func get(path string) string { return fmt.Sprintf("GET %s HTTP/1.1\nHost: gateway.test\n\n", path) }

// A world is a gateway on a network in memory, for a bubble.
type world struct{ net memnet.Network }

func newWorld() *world { return new(world) }

func (w *world) options() Options {
	return Options{
		Listen: func(_, address string) (net.Listener, error) { return w.net.Listen(address) },
		Dial: func(_, address string, deadline time.Time) (net.Conn, error) {
			ctx := context.Background()
			if !deadline.IsZero() {
				var cancel context.CancelFunc
				ctx, cancel = context.WithDeadline(ctx, deadline)
				defer cancel()
			}
			return w.net.Dial(ctx, address)
		},
		Log: silent, Stdout: io.Discard,
	}
}

func (w *world) start(t testing.TB, doc string) *Gateway { return start(t, doc, w.options()) }

// dial connects to the listener ":80".
func (w *world) dial(t testing.TB) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := w.net.Dial(context.Background(), ":80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, bufio.NewReader(c)
}

// newEcho starts a server that answers with the method and target that it was asked for, and returns its address.
func newEcho(t testing.TB) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI)
	})}
	var serve sync.WaitGroup
	serve.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); serve.Wait() })
	return l.Addr().String()
}
