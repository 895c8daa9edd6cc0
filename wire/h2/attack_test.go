package h2

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/wire"
)

// What hostile clients do on connections of HTTP/2. Nothing illegal may come to the handler, nothing may take more
// than its share, and the next client is served.

// guarded is a handler that notes what came to it.
func guarded(t *testing.T, limits Limits) (addr string, seen *atomic.Int64, most *atomic.Int64) {
	seen, most = new(atomic.Int64), new(atomic.Int64)
	var now atomic.Int64
	h := handles(func(r *wire.Request) *wire.Response {
		seen.Add(1)
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		switch r.Path.Text {
		case "/slow":
			gone := make(chan struct{})
			stop := r.Conn.Watch(func() { close(gone) })
			defer stop()
			select {
			case <-gone:
			case <-time.After(5 * time.Second):
			}
		case "/large":
			return &wire.Response{Status: 200, Length: 10 << 20, Body: wire.BytesBody(make([]byte, 10<<20))}
		}
		if r.Body != nil {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return said(400, "bad body")
			}
		}
		return said(200, "served "+r.Host+" "+r.Path.Text)
	})
	h.told = make(chan wire.Outcome, 1<<20)
	_, addr = serve(t, h, limits)
	t.Cleanup(func() {
		// Whatever happened before, the next client is served.
		c := dialRaw(t, addr).greet()
		c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, block(ask("/after")...)))
		if got := c.outcome(); got != "served gw.test /after" {
			t.Errorf("the next client got %q", got)
		}
	})
	return addr, seen, most
}

// Requests that break the rules of HTTP/2, or that HTTP/1.1 would read as two (H2-007 to H2-019, H2-024).
func TestMalformed(t *testing.T) {
	with := func(more ...string) []byte { return block(append(ask("/x"), more...)...) }
	set := func(name, value string) []byte {
		fields := ask("/x")
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == name {
				fields[i+1] = value
			}
		}
		return block(fields...)
	}
	const end = flagEndStream | flagEndHeaders
	addr, seen, _ := guarded(t, Limits{})
	for _, tt := range []struct {
		name string
		send []byte
		want string // the beginnings of what may come, by "|"
	}{
		{"upper case", rawFrame(frameHeaders, end, 1, with("X-Foo", "a")), "reset"},
		{"connection", rawFrame(frameHeaders, end, 1, with("connection", "close")), "reset|invalid|request header"},
		{"transfer-encoding", rawFrame(frameHeaders, end, 1, with("transfer-encoding", "chunked")), "reset|request header"},
		{"upgrade", rawFrame(frameHeaders, end, 1, with("upgrade", "h2c")), "reset|request header"},
		{"te", rawFrame(frameHeaders, end, 1, with("te", "gzip")), "reset|request header"},
		{"length without a body", rawFrame(frameHeaders, end, 1, with("content-length", "30")), "reset|Content-Length"},
		{"lengths that differ", append(rawFrame(frameHeaders, flagEndHeaders, 1, with("content-length", "3", "content-length", "4")), rawFrame(frameData, flagEndStream, 1, []byte("abc"))...), "reset|Content-Length"},
		{"length with a sign", append(rawFrame(frameHeaders, flagEndHeaders, 1, with("content-length", "+3")), rawFrame(frameData, flagEndStream, 1, []byte("abc"))...), "reset|Content-Length"},
		{"more than the length", append(rawFrame(frameHeaders, flagEndHeaders, 1, with("content-length", "1")), rawFrame(frameData, flagEndStream, 1, []byte("abc"))...), "reset|bad body"},
		{"less than the length", append(rawFrame(frameHeaders, flagEndHeaders, 1, with("content-length", "9")), rawFrame(frameData, flagEndStream, 1, []byte("abc"))...), "reset|bad body"},
		{"line ends in a value", rawFrame(frameHeaders, end, 1, with("foo", "bar\r\ntransfer-encoding: chunked")), "reset"},
		{"NUL in a value", rawFrame(frameHeaders, end, 1, with("foo", "a\x00b")), "reset"},
		{"colon in a name", rawFrame(frameHeaders, end, 1, with("foo: bar\r\nx", "a")), "reset"},
		{"space in a name", rawFrame(frameHeaders, end, 1, with("foo ", "a")), "reset"},
		{"request line in :method", rawFrame(frameHeaders, end, 1, set(":method", "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\nGET")), "reset"},
		{"space in :method", rawFrame(frameHeaders, end, 1, set(":method", "GET /x")), "The request line"},
		{"line ends in :path", rawFrame(frameHeaders, end, 1, set(":path", "/x HTTP/1.1\r\nx: y")), "reset"},
		{"space in :path", rawFrame(frameHeaders, end, 1, set(":path", "/x y")), "reset|The path holds"},
		{":path without a slash", rawFrame(frameHeaders, end, 1, set(":path", "admin/x")), "reset|The request target"},
		{"fragment in :path", rawFrame(frameHeaders, end, 1, set(":path", "/x#y")), "reset|The path holds"},
		{"above the root", rawFrame(frameHeaders, end, 1, set(":path", "/../../etc")), "reset|The path"},
		{"asterisk", rawFrame(frameHeaders, end, 1, set(":path", "*")), "reset|The request target"},
		{"absolute :path elsewhere", rawFrame(frameHeaders, end, 1, set(":path", "http://evil.test/x")), "reset|The target and the Host"},
		{":scheme with a URL", rawFrame(frameHeaders, end, 1, set(":scheme", "http://evil/?")), "reset"},
		{":scheme in upper case", rawFrame(frameHeaders, end, 1, set(":scheme", "HTTPS")), "reset"},
		{"no :scheme", rawFrame(frameHeaders, end, 1, block(":method", "GET", ":path", "/x", ":authority", "gw.test")), "reset"},
		{"no host at all", rawFrame(frameHeaders, end, 1, block(":method", "GET", ":scheme", "http", ":path", "/x")), "The Host header"},
		{"user in :authority", rawFrame(frameHeaders, end, 1, set(":authority", "a@gw.test")), "reset|The host"},
		{"path in :authority", rawFrame(frameHeaders, end, 1, set(":authority", "gw.test/x")), "reset|The host"},
		{"another host", rawFrame(frameHeaders, end, 1, with("host", "admin.test")), "The target and the Host"},
		{"two hosts", rawFrame(frameHeaders, end, 1, with("host", "gw.test", "host", "gw.test")), "The Host header"},
		{"pseudo-field twice", rawFrame(frameHeaders, end, 1, with(":path", "/y")), "reset"},
		{"pseudo-field behind", rawFrame(frameHeaders, end, 1, append(with("a", "b"), block(":path", "/y")...)), "reset"},
		{"CONNECT", rawFrame(frameHeaders, end, 1, block(":method", "CONNECT", ":authority", "gw.test:443")), "The gateway does not serve"},
		{"extended CONNECT", rawFrame(frameHeaders, end, 1, block(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/x", ":authority", "gw.test")), "reset"},
		{"trailer that goes on", append(rawFrame(frameHeaders, flagEndHeaders, 1, block(ask("/x")...)), rawFrame(frameHeaders, flagEndHeaders, 1, block("a", "b"))...), "reset|goaway"},
		{"push", rawFrame(0x5, 0, 1, append([]byte{0, 0, 0, 2}, block(ask("/x")...)...)), "goaway|closed"},
		{"window of nothing", rawFrame(frameWindowUpdate, 0, 0, []byte{0, 0, 0, 0}), "goaway|closed"},
		{"window too large", append(rawFrame(frameWindowUpdate, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}), rawFrame(frameWindowUpdate, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff})...), "goaway|closed"},
		{"frame size of nothing", rawFrame(frameSettings, 0, 0, []byte{0, 5, 0, 0, 0, 0}), "goaway|closed"},
		{"padding longer than its frame", rawFrame(frameData, 0x8, 1, []byte{9, 1}), "goaway|closed"},
		{"frame that is too large", rawFrame(frameData, 0, 1, make([]byte, 16385)), "goaway|closed"},
		{"HEADERS on stream 0", rawFrame(frameHeaders, end, 0, block(ask("/x")...)), "goaway|closed"},
		{"an even stream", rawFrame(frameHeaders, end, 2, block(ask("/x")...)), "goaway|closed"},
		{"CONTINUATION of nothing", rawFrame(frameContinuation, flagEndHeaders, 1, block(ask("/x")...)), "goaway|closed"},
		{"index that is not there", rawFrame(frameHeaders, end, 1, []byte{0xff, 0x80, 0x80, 0x01}), "goaway|closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := seen.Load()
			c := dialRaw(t, addr).greet()
			c.send(tt.send)
			got := c.outcome()
			fine := false
			for w := range strings.SplitSeq(tt.want, "|") {
				fine = fine || strings.HasPrefix(got, w)
			}
			if !fine {
				t.Errorf("got %q, want %s", got, tt.want)
			}
			// A body that turns out wrong is seen by the handler, which reads an error; nothing else may come so far.
			if seen.Load() != before && !strings.Contains(tt.name, "the length") && !strings.Contains(tt.name, "trailer") {
				t.Error("it came to the handler")
			}
		})
	}
}

// Frames that nobody knows are ignored (RFC 9113 §5.5, H2-020).
func TestUnknownFrames(t *testing.T) {
	addr, _, _ := guarded(t, Limits{})
	c := dialRaw(t, addr).greet()
	for kind := byte(0x0a); kind <= 0x10; kind++ {
		c.send(rawFrame(kind, 0xff, 0, make([]byte, int(kind))))
	}
	c.send(rawFrame(0xff, 0xff, 0, nil))
	c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, block(ask("/x")...)))
	if got := c.outcome(); got != "served gw.test /x" {
		t.Error(got)
	}
}

// flooded sends what more returns until the connection ends and says after how many, or fails.
func flooded(t *testing.T, c *raw, most int, more func(i int) []byte) int {
	t.Helper()
	ended := make(chan string, 1)
	go func() {
		for {
			if e := c.next(20 * time.Second); e.err != nil || e.kind == frameGoAway {
				ended <- fmt.Sprint(e.kind, e.code, e.err)
				return
			}
		}
	}()
	for i := range most {
		select {
		case <-ended:
			return i
		default:
		}
		if !c.send(more(i)) {
			return i
		}
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Errorf("the connection lives on after %d", most)
	}
	return most
}

// Rapid reset (H2-001): streams that are opened and given up at once.
func TestRapidReset(t *testing.T) {
	addr, _, most := guarded(t, Limits{Streams: 50})
	c := dialRaw(t, addr).greet()
	n := flooded(t, c, 100_000, func(i int) []byte {
		id := uint32(2*i + 1)
		return append(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, id, block(ask("/slow")...)), rawFrame(frameRST, 0, id, []byte{0, 0, 0, 8})...)
	})
	t.Logf("ended after %d streams, %d at once", n, most.Load())
	if most.Load() > 50 {
		t.Errorf("%d at once", most.Load())
	}
}

// MadeYouReset: the client sees to it that the gateway resets the streams (H2-002).
func TestMadeYouReset(t *testing.T) {
	for name, provoke := range map[string]func(id uint32) []byte{
		"window of nothing":  func(id uint32) []byte { return rawFrame(frameWindowUpdate, 0, id, []byte{0, 0, 0, 0}) },
		"window too large":   func(id uint32) []byte { return rawFrame(frameWindowUpdate, 0, id, []byte{0x7f, 0xff, 0xff, 0xff}) },
		"data after the end": func(id uint32) []byte { return rawFrame(frameData, 0, id, []byte("x")) },
		"head after the end": func(id uint32) []byte {
			return rawFrame(frameHeaders, flagEndStream|flagEndHeaders, id, block("a", "b"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			addr, _, most := guarded(t, Limits{Streams: 50})
			n := flooded(t, dialRaw(t, addr).greet(), 20_000, func(i int) []byte {
				id := uint32(2*i + 1)
				return append(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, id, block(ask("/slow")...)), provoke(id)...)
			})
			t.Logf("ended after %d streams, %d at once", n, most.Load())
			if most.Load() > 50 {
				t.Errorf("%d at once", most.Load())
			}
		})
	}
}

// Frames that make work and carry nothing (H2-003, H2-005, H2-006).
func TestFloods(t *testing.T) {
	for name, more := range map[string]func(i int) []byte{
		"ping":         func(int) []byte { return rawFrame(framePing, 0, 0, make([]byte, 8)) },
		"settings":     func(int) []byte { return rawFrame(frameSettings, 0, 0, []byte{0, 4, 0, 0, 0xff, 0xff}) },
		"settings ack": func(int) []byte { return rawFrame(frameSettings, 1, 0, nil) },
		"priority":     func(int) []byte { return rawFrame(0x2, 0, 1, []byte{0, 0, 0, 3, 7}) },
		"window":       func(int) []byte { return rawFrame(frameWindowUpdate, 0, 0, []byte{0, 0, 0, 1}) },
		"unknown":      func(int) []byte { return rawFrame(0xbe, 0, 0, nil) },
		"empty data": func(i int) []byte {
			if i == 0 {
				return rawFrame(frameHeaders, flagEndHeaders, 1, block(ask("/slow")...))
			}
			return rawFrame(frameData, 0, 1, nil)
		},
		"continuation": func(i int) []byte {
			if i == 0 {
				return rawFrame(frameHeaders, flagEndStream, 1, block(ask("/x")...))
			}
			return rawFrame(frameContinuation, 0, 1, block(fmt.Sprint("x", i), "y"))
		},
		"empty continuation": func(i int) []byte {
			if i == 0 {
				return rawFrame(frameHeaders, flagEndStream, 1, block(ask("/x")...))
			}
			return rawFrame(frameContinuation, 0, 1, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			addr, _, _ := guarded(t, Limits{})
			n := flooded(t, dialRaw(t, addr).greet(), 100_000, more)
			t.Logf("ended after %d frames", n)
			if n > 90_000 { // what the network holds is sent before the end is seen
				t.Errorf("it took %d frames", n)
			}
		})
	}
}

// A client that sends what busy and honest ones send is none of these.
func TestBusyIsNoFlood(t *testing.T) {
	addr, seen, _ := guarded(t, Limits{})
	c := dialRaw(t, addr).greet()
	for i := range 5_000 {
		id := uint32(2*i + 1)
		b := rawFrame(frameHeaders, flagEndStream|flagEndHeaders, id, block(ask("/x")...))
		b = append(b, rawFrame(frameWindowUpdate, 0, 0, []byte{0, 0, 0, 19})...)
		if i%5 == 0 {
			b = append(b, rawFrame(framePing, 0, 0, make([]byte, 8))...)
		}
		if i%10 == 9 { // a reset of one that has ended, as happens
			b = append(b, rawFrame(frameRST, 0, id, []byte{0, 0, 0, 8})...)
		}
		if !c.send(b) {
			t.Fatalf("closed at request %d", i)
		}
		if i%10 != 9 {
			if got := c.outcome(); got != "served gw.test /x" {
				t.Fatalf("request %d: %s", i, got)
			}
		}
	}
	_ = seen
}

// The HPACK bomb (H2-004): a large field, referred to often with a byte each, on every stream of many connections
// whose windows are closed, so that no answer can leave. Cookies are the worst of it, as their crumbs are joined.
func TestBomb(t *testing.T) {
	for _, tt := range []struct {
		name string
		refs int
	}{{"x-bomb", 2000}, {"cookie", 15}, {"cookie", 2000}} {
		name, refs := tt.name, tt.refs
		t.Run(fmt.Sprint(name, refs), func(t *testing.T) {
			addr, _, _ := guarded(t, Limits{WriteIdle: time.Second})
			before := inUse()
			first := append(block(ask("/x")...), literal(true, name, strings.Repeat("a", 4000))...)
			bomb := append(block(ask("/x")...), bytes.Repeat([]byte{0xbe}, refs)...)
			var conns []*raw
			for range 40 {
				c := dialRaw(t, addr).greet(4, 0) // SETTINGS_INITIAL_WINDOW_SIZE
				conns = append(conns, c)
				go func() { _, _ = io.Copy(io.Discard, c) }()
				c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, first))
				for i := range 99 {
					if !c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, uint32(2*i+3), bomb)) {
						break
					}
				}
			}
			time.Sleep(500 * time.Millisecond)
			grown := inUse() - before
			t.Logf("40 connections hold %d MiB", grown>>20)
			if grown > 100<<20 {
				t.Error("that is too much")
			}
			for _, c := range conns {
				_ = c.Close()
			}
		})
	}
}

func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
