package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/config"
	"sallyport/policy"
	"sallyport/wire"
)

// What every answer of the gateway's own has in common, whatever went wrong.
func TestAnswers(t *testing.T) {
	b := newTarget(t, hello)
	doc := fmt.Sprintf(`
listeners: [{ address: "127.0.0.1:0", hosts: [gateway.test, "*.example.com"] }]
upstreams: { a: { targets: [%q] } }
limits: { body_size: 100B, uri_size: 1KiB, header_size: 2KiB, header_count: 10 }
routes:
  - { match: "GET,POST /", upstream: a }
  - { match: "POST /large", policies: [{ size_limit: 1KiB }], upstream: a }
apis:
  - { name: other, base_path: /other, errors: { add: { help: "https://help.test" } }, routes: [{ match: GET /limited, policies: [{ rate_limit: 1/day }], upstream: a }] }
`, b.url())
	g := start(t, doc, Options{})
	tests := []struct {
		name, request string
		status        int
		problem       string // "" when the target answers
		header        string // of the answer, "Name: value"
	}{
		{"good", get("/"), 200, "", ""},
		{"no route", get("/nowhere"), 404, "no_route", ""},
		{"another method", "DELETE / HTTP/1.1\nHost: gateway.test\n\n", 405, "method_not_allowed", "Allow: GET, HEAD, POST, OPTIONS"},
		{"options", "OPTIONS / HTTP/1.1\nHost: gateway.test\n\n", 204, "", "Allow: GET, HEAD, POST, OPTIONS"},
		{"options of everything", "OPTIONS * HTTP/1.1\nHost: gateway.test\n\n", 204, "", "Allow: GET, HEAD, POST, OPTIONS"},
		{"a host of another listener", "GET / HTTP/1.1\nHost: other.test\n\n", 421, "misdirected_request", ""},
		{"a host by wildcard", "GET / HTTP/1.1\nHost: a.example.com\n\n", 200, "", ""},
		{"a wildcard is no host", "GET / HTTP/1.1\nHost: example.com\n\n", 421, "misdirected_request", ""},
		{"a body of known length over the limit", "POST / HTTP/1.1\nHost: gateway.test\nContent-Length: 101\n\n", 413, "body_too_large", ""},
		{"a body over the gateway's limit and within the route's", "POST /large HTTP/1.1\nHost: gateway.test\nContent-Length: 1025\n\n", 413, "body_too_large", ""},
		{"a long target", get("/" + strings.Repeat("x", 2000)), 414, "uri_too_long", ""},
		{"a large head", "GET / HTTP/1.1\nHost: gateway.test\nX: " + strings.Repeat("x", 3000) + "\n\n", 431, "headers_too_large", ""},
		{"many fields", "GET / HTTP/1.1\nHost: gateway.test\n" + strings.Repeat("X: y\n", 20) + "\n", 431, "headers_too_large", ""},
		{"two lengths", "GET / HTTP/1.1\nHost: gateway.test\nContent-Length: 1\nTransfer-Encoding: chunked\n\n", 400, "bad_request", ""},
		{"a tunnel", "CONNECT x:1 HTTP/1.1\nHost: gateway.test\n\n", 405, "method_not_allowed", "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		{"the first of two", get("/other/limited"), 200, "", ""},
		{"the second of two", get("/other/limited"), 429, "rate_limited", "Retry-After: 86400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := ask(t, g.Addresses()[0], tt.request)
			if resp.StatusCode != tt.status {
				t.Fatalf("got %d %s, want %d", resp.StatusCode, body, tt.status)
			}
			id := resp.Header.Get("X-Request-Id")
			if id == "" {
				t.Error("no X-Request-Id")
			}
			if name, want, _ := strings.Cut(tt.header, ": "); name != "" && resp.Header.Get(name) != want {
				t.Errorf("%s: got %q, want %q", name, resp.Header.Get(name), want)
			}
			if tt.problem == "" {
				return
			}
			var p struct {
				Type, Instance, Help string
				Status               int
			}
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("%v in %q", err, body)
			}
			if p.Type != "urn:sallyport:problem:"+tt.problem || p.Instance != "urn:uuid:"+id || p.Status != tt.status {
				t.Errorf("got %+v for id %s", p, id)
			}
			if want := map[bool]string{true: "https://help.test"}[tt.problem == "rate_limited"]; p.Help != want {
				t.Errorf("help: got %q, want %q", p.Help, want)
			}
		})
	}
}

// A panic costs the request and its connection, nothing else.
func TestPanic(t *testing.T) {
	b := newTarget(t, hello)
	doc := fmt.Sprintf("%supstreams: { a: { targets: [%q], max_connections: 1 } }\nroutes: [{ match: /, upstream: a }, { match: /bad, upstream: a }]\n", listen, b.url())
	g := New(Options{Log: silent, Stdout: io.Discard})
	t.Cleanup(g.Close)
	building := g.newBuilder(config.Parse("c", []byte(doc), config.Options{}))
	for _, r := range building.build().table.Rules() {
		if good := r.Value.handler; r.Match.Path.String() == "/bad" {
			r.Value.handler = func(x *policy.Exchange) (*wire.Response, error) {
				_, _ = good(x) // the answer of a target is left behind
				panic(errors.New("bug"))
			}
		}
	}
	if _, err := g.put(building); err != nil {
		t.Fatal(err)
	}
	resp, body := ask(t, g.Addresses()[0], get("/bad"))
	if resp.StatusCode != 500 || !resp.Close || !strings.Contains(body, "urn:sallyport:problem:internal") || strings.Contains(body, "bug") {
		t.Errorf("got %v %q", resp, body)
	}
	if resp, _ := ask(t, g.Addresses()[0], get("/")); resp.StatusCode != 200 {
		t.Errorf("the next request: got %d", resp.StatusCode)
	}
}

// The problems of upstreams become those of the gateway where an api asks for that.
func TestNormalizedErrors(t *testing.T) {
	answers := func(status, kind string) string {
		return "HTTP/1.1 " + status + "\r\nContent-Type: " + kind + "\r\nRetry-After: 7\r\nX-Inside: 10.0.0.1\r\nContent-Length: 5\r\n\r\nouch!"
	}
	plain, own := newTarget(t, answers("503 No", "text/html")), newTarget(t, answers("409 No", "application/problem+json"))
	doc := fmt.Sprintf(`%supstreams: { plain: { targets: [%q] }, own: { targets: [%q] } }
routes: [{ match: /plain, upstream: plain }]
apis: [{ name: n, base_path: /n, errors: { upstream: { normalize: true } }, routes: [{ match: /plain, upstream: plain }, { match: /own, upstream: own }] }]
`, listen, plain.url(), own.url())
	at := start(t, doc, Options{}).Addresses()[0]
	if resp, body := ask(t, at, get("/plain")); resp.StatusCode != 503 || body != "ouch!" || resp.Header.Get("X-Inside") == "" {
		t.Errorf("untouched: got %d %q", resp.StatusCode, body)
	}
	if resp, body := ask(t, at, get("/n/plain")); resp.StatusCode != 503 || !strings.Contains(body, "problem:upstream_error") ||
		resp.Header.Get("X-Inside") != "" || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("normalized: got %d %q %v", resp.StatusCode, body, resp.Header)
	}
	if resp, body := ask(t, at, get("/n/own")); resp.StatusCode != 409 || body != "ouch!" {
		t.Errorf("a problem already: got %d %q", resp.StatusCode, body)
	}
}

// Whoever is over a limit of connections is turned away, and makes room by leaving.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.start(t, "listeners: [\":80\"]\nlimits: { connections: 2 }\nroutes: [{ match: /, respond: {} }]\n")
		one, r := w.dial(t)
		talk(t, one, r, get("/"))
		two, r := w.dial(t)
		talk(t, two, r, get("/"))
		three, _ := w.dial(t)
		if n, err := three.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Error("a third connection is served")
		}
		if st := g.Status(); st.Requests.TurnedAway != 1 || st.Requests.Connections != 2 || st.Listeners[0].Connections != 2 {
			t.Errorf("got %+v %+v", st.Requests, st.Listeners)
		}
		_ = one.Close()
		synctest.Wait()
		four, r := w.dial(t)
		talk(t, four, r, get("/"))
	})
}

// A rewritten path does not get around the guard of another route.
func TestRewrittenPaths(t *testing.T) {
	b, other := newTarget(t, hello), newTarget(t, hello)
	at := start(t, fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
upstreams: { a: { targets: [%q] }, b: { targets: [%q] } }
policies: { guarded: { ip_filter: { allow: [192.0.2.1] } } }
routes:
  - { match: "/admin/{rest...}", policies: [{ use: guarded }], upstream: a }
  - { match: "/limited/{rest...}", policies: [{ rate_limit: 1/s }], upstream: a }
  - { match: "/blocked/{rest...}", respond: { status: 404 } }
  - { match: "/strip/{rest...}", rewrite: { strip_prefix: /strip }, upstream: a }
  - { match: "/query/{rest...}", policies: [{ rewrite: { path: "/${request.query.to}/x" } }], upstream: a }
  - { match: "/elsewhere/{rest...}", upstream: { name: b, rewrite: { strip_prefix: /elsewhere } } }
  - { match: /status, upstream: { name: a, rewrite: { path: /admin/status } } }
  - { match: "/{rest...}", upstream: a }
`, b.url(), other.url()), Options{}).Addresses()[0]
	for path, want := range map[string]int{
		"/admin/x": 403, "/strip/x": 200, "/strip/admin/x": 400, "/strip//admin/x": 400, "/strip/admin": 400, "/strip/%2fadmin/x": 400, "/strip/admin%2fx": 400,
		"/strip/admin;a/x": 400, "/strip/administrator": 200, "/strip/limited/x": 200, "/strip/blocked/x": 400, "/strip/a%2fb": 200,
		"/query/x?to=admin": 400, "/query/x?to=a": 200, "/elsewhere/admin/x": 200, "/elsewhere/blocked/x": 400, "/status": 200,
		"/x%2f..%2fadmin": 400, "/%2fadmin/x": 400, "/a%2fb": 200,
	} {
		if resp, body := ask(t, at, get(path)); resp.StatusCode != want {
			t.Errorf("%s: got %d %s, want %d", path, resp.StatusCode, body, want)
		}
	}
}

// In a crowd, who comes in has to be quick.
func TestDenseCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.start(t, "listeners: [\":80\"]\nlimits: { connections: 4 }\nroutes: [{ match: /, respond: {} }]\n")
		begun := time.Now()
		var calm, hurried net.Conn
		for i := range 4 {
			c, r := w.dial(t)
			talk(t, c, r, get("/"))
			switch i {
			case 0:
				calm = c
			case 3:
				hurried = c
			}
		}
		for _, x := range []struct {
			c    net.Conn
			most time.Duration
		}{{hurried, hurriedIdle}, {calm, time.Minute}} {
			_, _ = x.c.Read(make([]byte, 1))
			if took := time.Since(begun); took < x.most-time.Second || took > x.most+time.Second {
				t.Errorf("an idle connection was closed after %v, want %v", took, x.most)
			}
		}
		synctest.Wait()
		if n := g.Status().Requests.Connections; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// The path goes upstream in its canonical form, or byte by byte where an api wants that; it is matched in the canonical
// form all the same.
func TestNormalizeOff(t *testing.T) {
	echo := newEcho(t)
	at := start(t, fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
upstreams: { a: { targets: ["http://%s"] } }
routes: [{ match: "/{rest...}", upstream: a }]
apis: [{ name: raw, base_path: /raw, normalize: off, routes: [{ match: "/{rest...}", upstream: a }] }]
`, echo), Options{}).Addresses()[0]
	for path, want := range map[string]string{
		"/a/./b//%7ec?q=%7e": "GET /a/b/~c?q=%7e", "/raw/a/./b//%7ec?q=%7e": "GET /raw/a/./b//%7ec?q=%7e", "/x/../raw/b": "GET /x/../raw/b",
	} {
		if _, body := ask(t, at, get(path)); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
}
