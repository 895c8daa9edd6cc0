package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/gateway"
	"sallyport/test/leak"
	"sallyport/wire/memnet"
)

func TestMain(m *testing.M) { leak.Main(m) }

// world makes a gateway on a network in memory. It is ready once it got the document.
func world(t *testing.T, document string) *gateway.Gateway {
	t.Helper()
	var network memnet.Network
	g := gateway.New(gateway.Options{
		Listen:  func(_, address string) (net.Listener, error) { return network.Listen(address) },
		Stdout:  io.Discard,
		Log:     slog.New(slog.DiscardHandler),
		Version: "1.2.3",
	})
	t.Cleanup(g.Close)
	if document != "" {
		if err := g.LoadBytes("sallyport.yaml", []byte(document)); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

const document = `
listeners: [{ address: ":8080" }]
admin:
  tokens:
    - { name: watcher, role: viewer, value: viewer-token-0123456789 }
    - { name: helper, role: operator, value: operator-token-0123456789 }
    - { name: boss, role: admin, hash: "sha256:ca8d40e6ce4716b552f1c69863335b502f2afb57ffae171d6675fd56d91ca5b2" }
upstreams: { users: { targets: ["http://127.0.0.1:9101"] } }
routes: [{ match: "GET /users/{id}", upstream: users }]
`

func TestPages(t *testing.T) {
	no, yes := New(world(t, "")), New(world(t, document))
	for _, c := range []struct {
		name, method, target string
		server               *Server
		status               int
		kind, body           string // a part of it
	}{
		{"metrics", "GET", "/metrics", no, 200, "text/plain; version=0.0.4", `sallyport_build_info{`},
		{"live", "GET", "/live", no, 200, "text/plain; charset=utf-8", "live\n"},
		{"ready", "GET", "/ready", yes, 200, "text/plain; charset=utf-8", "ready\n"},
		{"not ready", "GET", "/ready", no, 503, "application/problem+json", `"type":"urn:sallyport:problem:draining"`},
		{"status", "GET", "/api/status", yes, 200, "application/json", `"version": "1.2.3"`},
		{"status: targets", "GET", "/api/status", yes, 200, "application/json", `"url": "http://127.0.0.1:9101"`},
		{"routes", "GET", "/api/routes", yes, 200, "application/json", `"match": "GET /users/{id}"`},
		{"upstreams", "GET", "/api/upstreams", yes, 200, "application/json", `"healthy": true`},
		{"config", "GET", "/api/config", yes, 200, "application/json", `"source": "sallyport.yaml"`},
		{"query", "GET", "/live?x=1", no, 200, "text/plain; charset=utf-8", "live\n"},
		{"no page", "GET", "/", yes, 404, "application/problem+json", `"type":"urn:sallyport:problem:no_route"`},
		{"no page below", "GET", "/metrics/", yes, 404, "application/problem+json", `"instance":"urn:uuid:`},
		{"no profiles", "GET", "/debug/pprof/", yes, 404, "application/problem+json", "no_route"},
		{"no variables", "GET", "/debug/vars", yes, 404, "application/problem+json", "no_route"},
		{"dots", "GET", "/api/../live", yes, 404, "application/problem+json", "no_route"},
		{"escaped", "GET", "/api%2fstatus", yes, 404, "application/problem+json", "no_route"},
		{"post", "POST", "/api/status", yes, 405, "application/problem+json", "method_not_allowed"},
		{"options", "OPTIONS", "/live", yes, 405, "application/problem+json", "method_not_allowed"},
		{"post to no page", "POST", "/x", yes, 404, "application/problem+json", "no_route"},
	} {
		w := get(c.server, c.method, c.target, viewerToken)
		if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: got %d %s %.200s, want %d %s with %s", c.name, w.Code, w.Header().Get("Content-Type"), w.Body, c.status, c.kind, c.body)
		}
		for _, h := range []string{"X-Request-Id", "Content-Security-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"} {
			if w.Header().Get(h) == "" {
				t.Errorf("%s: %s is missing", c.name, h)
			}
		}
		if allow := w.Header().Get("Allow"); (allow == "GET, HEAD") != (c.status == 405) {
			t.Errorf("%s: Allow is %q", c.name, allow)
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After is %q", c.name, retry)
		}
	}
}

// The tokens of document.
const viewerToken, operatorToken, adminToken = "viewer-token-0123456789", "operator-token-0123456789", "admin-token-0123456789"

// get asks with a token.
func get(s *Server, method, target, token string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, "http://localhost:9901"+target, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	s.http.Handler.ServeHTTP(w, r)
	return w
}

func TestBrowserGetsHTML(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "http://localhost/", nil)
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	New(world(t, document)).http.Handler.ServeHTTP(w, r)
	if w.Code != 404 || !strings.Contains(w.Body.String(), "<h1>404") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestHost plays DNS rebinding: a page of evil.example whose name now leads to this machine.
func TestHost(t *testing.T) {
	for host, want := range map[string]int{
		"":                          200, // HTTP/1.0
		"localhost":                 200,
		"LocalHost:9901":            200,
		"127.0.0.1":                 200,
		"127.0.0.1:9901":            200,
		"127.9.9.9:1":               200,
		"[::1]":                     200,
		"[::1]:9901":                200,
		"[::ffff:127.0.0.1]:1":      200,
		"evil.example":              421,
		"evil.example:9901":         421,
		"localhost.evil.example":    421,
		"127.0.0.1.evil.example:80": 421,
		"192.0.2.1":                 421,
		"0.0.0.0:9901":              421,
		"[2001:db8::1]:9901":        421,
		"2130706433":                421, // 127.0.0.1 as some readers of addresses have it
		"127.1":                     421,
		"localhost@evil.example":    421,
		":9901":                     421,
		"localhost.":                421,
		"[localhost":                200, // no other machine's name either
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/live", nil)
		r.Host = host
		New(world(t, document)).http.Handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: got %d, want %d", host, w.Code, want)
		}
	}
}

// TestStatus: the whole of it, after a good document and a bad one.
func TestStatus(t *testing.T) {
	g := world(t, document)
	if err := g.LoadBytes("sallyport.yaml", []byte("listeners: 3")); err == nil {
		t.Fatal("want an error")
	}
	w := get(New(g), "GET", "/api/status", viewerToken)
	var got gateway.Status
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Ready || got.Config.Number != 1 || got.Config.Routes != 1 || len(got.Config.Errors) == 0 || len(got.Listeners) != 1 ||
		len(got.Upstreams) != 1 || len(got.Upstreams[0].Targets) != 1 {
		t.Errorf("got %s", w.Body)
	}
}

// start serves s on a network in memory.
func start(t *testing.T, s *Server) (dial func() net.Conn, stop func()) {
	t.Helper()
	var network memnet.Network
	l, err := network.Listen("admin")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	dial = func() net.Conn {
		c, err := network.Dial(context.Background(), "admin")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return dial, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// ask sends a request and returns the status, 0 when the connection was closed.
func ask(c net.Conn, path string) int {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := world(t, "")
		dial, stop := start(t, New(g))
		c := dial()
		step := func(path string, want int) {
			t.Helper()
			if got := ask(c, path); got != want {
				t.Errorf("%s: got %d, want %d", path, got, want)
			}
		}
		step("/ready", 503)
		step("/live", 200)
		if err := g.LoadBytes("sallyport.yaml", []byte(document)); err != nil {
			t.Fatal(err)
		}
		step("/ready", 200)
		step("/metrics", 200)
		g.Close()
		step("/ready", 503)
		step("/live", 200)
		stop()
		step("/live", 0)
	})
}

// TestOpen is the real thing on a real socket.
func TestOpen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := Open(world(t, document), l)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if got := ask(c, "/ready"); got != 200 {
		t.Errorf("got %d", got)
	}
	stop()
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

// TestSlowClients: who sends nothing, or a head byte by byte, is cut off.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop := start(t, New(world(t, document)))
		defer stop()
		for name, drip := range map[string]string{"silent": "", "slow": "GET /live HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + strings.Repeat("x", 100)} {
			c, begun := dial(), time.Now()
			go func() {
				for i := range len(drip) {
					if _, err := c.Write([]byte{drip[i]}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			if _, err := io.Copy(io.Discard, c); err != nil && time.Since(begun) == 0 {
				t.Error(err)
			}
			if took := time.Since(begun); took > headTimeout+time.Second {
				t.Errorf("%s: was let wait for %v", name, took)
			}
			_ = c.Close()
		}
		c, begun := dial(), time.Now()
		if got := ask(c, "/live"); got != 200 {
			t.Errorf("got %d", got)
		}
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(begun); took != idleTimeout {
			t.Errorf("an idle connection was kept for %v, want %v", took, idleTimeout)
		}
	})
}

// TestConnectionsAreBounded: the one too many is served at once, and the one that asked nothing for longest goes.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop := start(t, New(world(t, document)))
		defer stop()
		var held []net.Conn
		for i := range 3 * maxConnections {
			c := dial()
			if i%2 == 0 {
				_, _ = io.WriteString(c, "GET /live HTTP/1.1\r\nHost: local")
			}
			held = append(held, c)
		}
		begun := time.Now()
		for range 10 {
			if got := ask(dial(), "/live"); got != 200 || time.Since(begun) > 0 {
				t.Errorf("got %d after %v", got, time.Since(begun))
			}
		}
		synctest.Wait()
		closed := 0
		for _, c := range held {
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				closed++
			}
		}
		if want := 2*maxConnections + 10; closed != want {
			t.Errorf("%d connections were closed, want %d", closed, want)
		}
	})
}

// TestWorkIsNotClosed: whoever showed a token is answered, however many come.
func TestWorkIsNotClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(world(t, document))
		dial, stop := start(t, s)
		defer stop()
		c, body := dial(), strings.Repeat("#", 1000)
		_, _ = fmt.Fprintf(c, "POST /api/config/check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+adminToken+"\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
		synctest.Wait()
		for range 2 * maxConnections {
			dial()
		}
		synctest.Wait()
		_, _ = io.WriteString(c, body[10:])
		if r, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || r.StatusCode != 200 {
			t.Errorf("got %v, %v", r, err)
		}
	})
}

// TestShutdownAtTheBound: a listener that waits for room can be shut.
func TestShutdownAtTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop := start(t, New(world(t, document)))
		for range maxConnections {
			ask(dial(), "/live")
		}
		stop()
	})
}

func TestHugeHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop := start(t, New(world(t, document)))
		defer stop()
		if got := ask(dial(), "/live?"+strings.Repeat("x", 64<<10)); got != 431 {
			t.Errorf("got %d, want 431", got)
		}
	})
}
