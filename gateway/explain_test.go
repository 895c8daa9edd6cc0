package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

const explainedDoc = `
listeners:
  - { address: ":80", hosts: [gateway.test, "*.shop.test"] }
upstreams:
  a: { targets: [http://a] }
  b: { targets: [http://b/base/], host: preserve }
policies:
  named: [{ headers: { request: { set: { X-Named: "${request.path}" }, remove: X-Gone } } }]
routes:
  - match: GET /users/{id}
    policies:
      - use: named
      - ip_filter: { deny: 198.51.100.0/24 }
      - size_limit: 10
      - rate_limit: { rate: 100/s, per: "header:X-Key" }
    rewrite: { path: "/v1/${request.params.id}", query: { by: gateway } }
    upstream: a
  - match: { path: "/users/{id}", methods: POST, headers: { X-Env: prod } }
    policies: [{ timeout: 1s, when: request.method == "POST" }, { headers: { request: { add: { X-Time: "${request.time.getFullYear()}" } } } }]
    upstream: a
  - { match: "/users/{id}", respond: { status: 404, json: { no: "${request.params.id}" } } }
  - { match: "/b/{path...}", upstream: b }
  - { match: "/open/{path...}", rewrite: { strip_prefix: /open }, upstream: b }
  - { match: "GET /secret/{path...}", policies: [{ ip_filter: { allow: 10.0.0.0/8 } }], upstream: b }
  - { match: "/away", redirect: { to: "https://x.test${request.path}" } }
  - { match: "/needs", policies: [{ headers: { request: { set: { X: "${request.headers['x-must']}" } } } }], upstream: a }
  - { match: "/odd", policies: [{ size_limit: 1, when: "request.headers['x-must'] == 'a'" }], upstream: a }
`

// What is explained is what happens: the same route, the same answer, the same request to the upstream.
func TestExplainIsTrue(t *testing.T) {
	for _, request := range []string{
		"GET /users/42", "GET /users/42?x=1&by=client\nX-Gone: 1\nX-Other: a\nX-Key: k", "HEAD /users/7", "GET /users/a%2Fb", "GET /users/1\nX-User-Id: 7",
		"POST /users/1\nX-Env: prod\nContent-Length: 3\n\nabc", "POST /users/1", "PUT /users/1", "GET /b/x/../y//z?q", "OPTIONS /b", "OPTIONS /away/x",
		"GET /nothing", "GET /open/x", "GET /open/secret/x", "GET /open/%2fsecret/x", "GET /secret/x", "GET /%2fsecret/x", "GET /b/%zz", "GET /b/..%2f..%2fx",
		"GET /away", "GET /needs", "GET /needs\nX-Must: 1", "GET /odd", "GET /odd\nX-Must: a", "GET /users/1\nHost: other.test", "GET /b\nHost: a.shop.test",
		"POST /users/1\nX-Env: prod\nContent-Length: 20000000\n\n", "TRACE /b", "GET /users/1\nContent-Length: 11\n\n12345678901", "GET /users/1\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		t.Run(request, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { compareExplained(t, request) })
		})
	}
}

func compareExplained(t *testing.T, request string) {
	w := newWorld()
	seen := make(chan *http.Request, 1)
	for _, name := range []string{"a:80", "b:80"} {
		l, err := w.net.Listen(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go record(l, seen)
	}
	g := w.start(t, explainedDoc)
	head, body, _ := strings.Cut(request, "\n\n")
	first, fields, _ := strings.Cut(head, "\n")
	method, target, _ := strings.Cut(first, " ")
	q := &Question{Method: method, URL: target, Body: body, Client: "192.0.2.1"}
	for line := range strings.SplitSeq(fields, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			q.Headers = append(q.Headers, [2]string{name, value})
		}
	}
	if !strings.Contains(fields, "Host:") {
		q.Headers = append(q.Headers, [2]string{"Host", "gateway.test"})
		head += "\nHost: gateway.test"
	}
	e, err := g.Explain(q)
	if err != nil {
		t.Fatal(err)
	}
	c, r := w.dial(t)
	_, _ = io.WriteString(c, strings.ReplaceAll(strings.Replace(head, first, first+" HTTP/1.1", 1)+"\n\n", "\n", "\r\n")+body)
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-seen:
		sameCall(t, e, got)
	default:
		if e.Outcome == "forwarded" || e.Answer.Status != resp.StatusCode {
			t.Errorf("explained as %s %+v, got %d without a call", e.Outcome, e.Answer, resp.StatusCode)
		}
		if e.Answer != nil {
			for _, h := range e.Answer.Headers {
				if resp.Header.Get(h.Name) != h.Value {
					t.Errorf("explained with %s: %s, got %q", h.Name, h.Value, resp.Header.Get(h.Name))
				}
			}
		}
	}
}

// record answers one request and hands it on.
func record(l net.Listener, seen chan *http.Request) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	seen <- r
	_, _ = io.WriteString(c, hello)
}

func sameCall(t *testing.T, e *Explanation, got *http.Request) {
	t.Helper()
	if e.Outcome != "forwarded" || len(e.Upstreams) != 1 || len(e.Upstreams[0].Targets) != 1 {
		t.Fatalf("explained as %s %+v, got a call", e.Outcome, e.Answer)
	}
	call, to := &e.Upstreams[0], &e.Upstreams[0].Targets[0]
	if want := fmt.Sprint(call.Method, " ", to.Path, " ", to.Host); want != fmt.Sprint(got.Method, " ", got.RequestURI, " ", got.Host) {
		t.Errorf("explained as %s, got %s %s %s", want, got.Method, got.RequestURI, got.Host)
	}
	for _, f := range call.Headers {
		if value := got.Header.Get(f.Name); value != f.Value && (f.Value != "new for each request" || value == "") && f.Value != "***" {
			t.Errorf("explained with %s: %s, got %q", f.Name, f.Value, value)
		}
	}
	got.Header.Del("Content-Length")
	if len(got.Header) != len(call.Headers) {
		t.Errorf("explained with %v, got %v", call.Headers, got.Header)
	}
}
