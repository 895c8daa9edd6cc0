package compose

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/balance"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
	"sallyport/wire/memnet"
)

// targets are two real targets of a real upstream, on a network in memory. What they do a path says.
type targets struct {
	net  memnet.Network
	text string // what /large and /stops answer
	crew sync.WaitGroup

	mu    sync.Mutex // guards what follows
	asked int        // of /busy
	sent  int        // bytes of text
	left  []string   // paths whose connections the gateway closed before they were answered
}

func (ts *targets) serve(t *testing.T, address string) {
	l, err := ts.net.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	ts.crew.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			ts.crew.Go(func() { ts.answer(c) })
		}
	})
}

func (ts *targets) answer(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		path := ""
		for line := "?"; line != "\r\n"; {
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
			if path == "" {
				path = strings.Fields(line)[1]
			}
		}
		switch path {
		case "/soon", "/late":
			time.Sleep(map[string]time.Duration{"/soon": 10 * time.Millisecond, "/late": 2 * time.Second}[path])
			_, _ = io.WriteString(c, "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n")
			continue
		case "/busy":
			ts.mu.Lock()
			ts.asked++
			ts.mu.Unlock()
			_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
			continue
		case "/large", "/stops":
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(ts.text))
			text := ts.text
			if path == "/stops" {
				text = text[:len(text)/2]
			}
			for len(text) > 0 {
				n, err := io.WriteString(c, text[:min(len(text), 10<<10)])
				if err != nil {
					return
				}
				ts.mu.Lock()
				ts.sent += n
				ts.mu.Unlock()
				text = text[n:]
			}
			if path == "/large" {
				continue
			}
		case "/half":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,")
		}
		_, _ = io.Copy(io.Discard, r) // until the gateway has had enough
		ts.mu.Lock()
		defer ts.mu.Unlock()
		ts.left = append(ts.left, path)
		return
	}
}

// What nobody needs any more ends at its targets too: while it waits for its answer, while it reads it, between two tries, and at both
// targets of a hedged call.
func TestCutAtTargets(t *testing.T) {
	for name, tc := range map[string]struct {
		upstream, bad, call string
		left                string
		took, more          time.Duration // until the answer, and until the last call is over
	}{
		"waits":         {"", "/late", "path: /hang", "/hang", 2 * time.Second, 0},
		"waits, soon":   {"", "/soon", "path: /hang", "/hang", 10 * time.Millisecond, 0},
		"reads":         {"", "/late", "path: /half", "/half", 2 * time.Second, 0},
		"reads, soon":   {"", "/soon", "path: /half", "/half", 250 * time.Millisecond, 0}, // when it has itself told
		"hedged":        {"hedge: 1s", "/late", "path: /hang", "/hang /hang", 2 * time.Second, 0},
		"hedged, soon":  {"hedge: 1s", "/soon", "path: /hang", "/hang", 10 * time.Millisecond, 0},
		"hedged, reads": {"hedge: 1s", "/late", "path: /half", "/half", 2 * time.Second, 0},
		"tried again":   {"", "/late", "path: /busy, retry: { attempts: 5, backoff: 10s }", "", 2 * time.Second, 0},
		"a second try":  {"", "/late", "path: /hang, retry: { attempts: 1, backoff: 0s, per_try_timeout: 1500ms }", "/hang /hang", 2 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ts := &targets{}
				t.Cleanup(ts.crew.Wait)
				ts.serve(t, "a:80")
				ts.serve(t, "b:80")
				u := ts.upstream(t, "targets: [http://a, http://b]\nbalance: round_robin\n"+tc.upstream)
				h := made(t, u, "timeout: 10m\ncalls: { bad: { upstream: s, method: PUT, path: "+tc.bad+" }, call: { upstream: s, "+tc.call+" } }\nmerge: [bad, call]")
				start, x := time.Now(), exchange("/")
				_, err := h(x)
				took := time.Since(start)
				x.End()
				more := time.Since(start) - took
				synctest.Wait()
				ts.mu.Lock()
				defer ts.mu.Unlock()
				if err == nil || took != tc.took || more > tc.more || strings.Join(ts.left, " ") != tc.left {
					t.Errorf("%v after %v and %v more; the gateway left %v", err, took, more, ts.left)
				}
				if asked := ts.asked; strings.Contains(tc.call, "/busy") && (asked == 0 || asked > 6) {
					t.Errorf("the busy ones were asked %d times", asked)
				}
			})
		})
	}
}

// wrote is how many bytes of text were sent.
func (ts *targets) wrote() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.sent
}

// A client that goes away while an answer is read ends the call, and is why it failed.
func TestGoneWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := &targets{}
		t.Cleanup(ts.crew.Wait)
		ts.serve(t, "a:80")
		h := made(t, ts.upstream(t, "targets: [http://a]"), "timeout: 10m\ncalls: { half: { upstream: s, path: /half, on_error: omit } }\nmerge: [half]")
		start, x := time.Now(), exchange("/")
		x.Request.Conn.Watch = func(gone func()) func() {
			done := make(chan struct{})
			time.AfterFunc(time.Second, func() { defer close(done); gone() })
			return func() { <-done }
		}
		_, err := h(x)
		x.End()
		synctest.Wait()
		if took := time.Since(start); !errors.Is(problem.From(err), wire.ErrClientGone) || took > 2*time.Second || ts.left[0] != "/half" {
			t.Errorf("%v after %v; the gateway left %v", err, took, ts.left)
		}
	})
}

// upstream is a real one, named s.
func (ts *targets) upstream(t *testing.T, doc string) *balance.Upstream {
	n, errs := schema.Parse("", []byte(doc))
	c := &balance.Config{}
	if errs = append(errs, schema.Of[balance.Config]().Decode(n, c, "")...); len(errs) > 0 {
		t.Fatal(errs)
	}
	registry := balance.NewRegistry(balance.Options{Dial: func(address string, by time.Time) (net.Conn, error) {
		ctx, cancel := context.WithDeadline(context.Background(), by)
		defer cancel()
		return ts.net.Dial(ctx, address)
	}, Metrics: telemetry.NewMetrics("test"), Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(registry.Close)
	s := registry.Prepare(map[string]*balance.Config{"s": c})
	s.Commit()
	return s.Upstream("s")
}
