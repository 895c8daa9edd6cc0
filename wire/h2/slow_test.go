package h2

import (
	"net"
	"testing"
	"time"

	"sallyport/wire"
)

// Clients that take their time, on purpose.

// Whoever reads nothing, or next to nothing, loses the stream (H2-021); so do streams that net/http itself answers.
func TestSlowReader(t *testing.T) {
	h := handles(func(r *wire.Request) *wire.Response {
		return &wire.Response{Status: 200, Length: 10 << 20, Body: wire.BytesBody(make([]byte, 10<<20))}
	})
	_, addr := serve(t, h, Limits{WriteIdle: 300 * time.Millisecond})
	c := dialRaw(t, addr).greet(4, 1)
	c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, block(ask("/large")...)))
	c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 3, block(append(ask("/large"), "connection", "close")...)))
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_, _ = c.Write(rawFrame(frameWindowUpdate, 0, 1, []byte{0, 0, 0, 1}))
			}
		}
	}()
	reset := map[uint32]bool{}
	for len(reset) < 2 {
		e := c.next(5 * time.Second)
		if e.err != nil {
			t.Fatal(e.err, reset)
		}
		if e.kind == frameRST {
			reset[e.stream] = true
		}
	}
	if out := <-h.told; out.Err == nil {
		t.Error("the handler was told that all was written")
	}
}

// A preface that does not come (H2-025, CVE-2026-56853), and a head that does not end, are waited for no longer than a head may take.
func TestSlowHead(t *testing.T) {
	for name, begin := range map[string][]byte{
		"nothing":          nil,
		"part of preface":  []byte("PRI"),
		"no settings":      []byte(preface),
		"no continuation":  append(append([]byte(preface), rawFrame(frameSettings, 0, 0, nil)...), rawFrame(frameHeaders, flagEndStream, 1, block(ask("/x")...))...),
		"part of a head":   append(append([]byte(preface), rawFrame(frameSettings, 0, 0, nil)...), rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, block(ask("/x")...))[:20]...),
		"part of a header": append(append([]byte(preface), rawFrame(frameSettings, 0, 0, nil)...), 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			addr, seen, _ := guarded(t, Limits{HeadTime: 300 * time.Millisecond})
			c := dialRaw(t, addr)
			c.send(begin)
			start := time.Now()
			for {
				if e := c.next(5 * time.Second); e.err != nil {
					if ne, ok := e.err.(net.Error); ok && ne.Timeout() {
						t.Error("it is still open")
					}
					break
				}
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("it was open for %v", took)
			}
			if seen.Load() != 0 {
				t.Error("it came to the handler")
			}
		})
	}
}
