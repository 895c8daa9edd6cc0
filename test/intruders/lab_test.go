// Package intruders tries to come in where it may not: hostile tokens, keys, passwords and bodies, over sockets, against a gateway with the
// policies that are to keep them out, and a backend that writes down what reaches it.
package intruders

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/identity"
	"sallyport/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// The credentials that are good.
const (
	goodKey  = "the-key-of-acme-0123456789"
	password = "open sesame"
	secret   = "0123456789abcdef0123456789abcdef" // of HMAC
)

// passwordHash is that of password.
var passwordHash = sync.OnceValue(func() string {
	hash, _ := identity.HashPassword(password)
	return hash
})

// document is the gateway in which all of them are tried; see LAB-A in the catalogue.
const document = `
listeners: [{ address: "127.0.0.1:0" }]
admin: off
trusted_proxies: [127.9.0.0/16]
telemetry: { log: { level: debug } }
upstreams:
  e: { targets: ["BACKEND"] }
  judge: { targets: ["JUDGE"] }
  nobody: { targets: ["http://127.0.0.1:1"] }
consumers:
  - name: acme
    credentials: [ { api_key: { value: "the-key-of-acme-0123456789" } }, { basic: { username: acme, password_hash: 'HASH' } } ]
policies:
  keyed: { api_key: {} }
  rs: { jwt: { issuer: "https://idp.test", audience: api, algorithms: [RS256], jwks_url: "IDP/jwks" } }
routes:
  - { match: { path: "/{rest...}", hosts: [admin.test] }, policies: [ { use: keyed } ], upstream: e }
  - { match: "/admin/{rest...}", policies: [ { use: keyed } ], upstream: e }
  - { match: "/reports/{name}.pdf", policies: [ { use: keyed } ], upstream: e }
  - { match: { path: { regex: "^/v[0-9]+/private(/.*)?$" } }, policies: [ { use: keyed } ], upstream: e }
  - { match: "/query", policies: [ { api_key: { in: "query:api_key" } } ], upstream: e }
  - { match: "/cookie", policies: [ { api_key: { in: "cookie:api_key" } } ], upstream: e }
  - { match: "/basic", policies: [ { basic_auth: {} } ], upstream: e }
  - { match: "/jwt", policies: [ { use: rs } ], upstream: e }
  - { match: "/scoped", policies: [ { jwt: { issuer: "https://idp.test", audience: api, algorithms: [RS256], jwks_url: "IDP/jwks", scopes: [orders] } } ], upstream: e }
  - { match: "/roles", policies: [ { jwt: { issuer: "https://idp.test", audience: api, algorithms: [RS256], jwks_url: "IDP/jwks", claims: { role: admin } } } ], upstream: e }
  - { match: "/other", policies: [ { jwt: { issuer: "https://idp.test", audience: other, algorithms: [RS256], jwks_url: "IDP/jwks" } } ], upstream: e }
  - { match: "/any", policies: [ { jwt: { issuer: "https://idp.test", audience: api, jwks_url: "IDP/jwks" } } ], upstream: e }
  - { match: "/hs", policies: [ { jwt: { issuer: "https://idp.test", audience: api, algorithms: [HS256], secret: "SECRET" } } ], upstream: e }
  - match: /two
    policies:
      - jwt:
          audience: api
          issuers:
            - { issuer: "https://idp.test", jwks_url: "IDP/jwks" }
            - { issuer: "https://other.test", jwks_url: "IDP/other" }
    upstream: e
  - { match: "/forward", policies: [ { jwt: { issuer: "https://idp.test", audience: api, jwks_url: "IDP/jwks", forward: { X-User-Id: sub } } } ], upstream: e }
  - { match: "/json", policies: [ json_limits: {} ], upstream: e }
  - { match: "/asked/{rest...}", policies: [ { forward_auth: { upstream: judge, path: /judge, response_headers: [X-User-Id], cache: 10s } } ], upstream: e }
  - { match: "/unanswered", policies: [ { forward_auth: { upstream: nobody } } ], upstream: e }
  - { match: "/either", policies: [ { any_of: [ { use: keyed }, { basic_auth: {} }, { use: rs } ] } ], upstream: e }
  - { match: "/form", policies: [ csrf: {} ], upstream: e }
  - { match: "/ruled/{rest...}", policies: [ { authorize: '!request.path.startsWith("/ruled/private") || request.header("x-token") == "t-0123456789"' } ], upstream: e }
  - { match: "/{rest...}", upstream: e }
`

// A lab is a gateway under attack, with a backend, an issuer of tokens, and a server of the attacker's.
type lab struct {
	gateway *gateway.Gateway
	address string
	issuer  *issuer
	evil    atomic.Int64 // requests that the attacker's server got
	evilURL string
	out     output

	mu      sync.Mutex
	reached []*http.Request // by the backend; guarded by mu
	bodies  []string        // theirs; guarded by mu
	asked   []*http.Request // what the judge was asked; guarded by mu
	froms   atomic.Uint32
}

// judge is the service that is asked about requests: it knows alice and bob, and says who they are.
func (l *lab) judge(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked = append(l.asked, r)
	l.mu.Unlock()
	switch r.Header.Get("Authorization") {
	case "Bearer alice", "Bearer bob":
		w.Header().Set("X-User-Id", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	case "Bearer nameless":
	case "Bearer broken":
		w.WriteHeader(http.StatusInternalServerError)
	case "Bearer odd":
		w.WriteHeader(http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// An output is what the gateway prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{}
	server := func(h http.HandlerFunc) *httptest.Server {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s
	}
	backend := server(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reached, l.bodies = append(l.reached, r), append(l.bodies, string(body))
	})
	evil := server(func(http.ResponseWriter, *http.Request) { l.evil.Add(1) })
	l.evilURL = evil.URL
	l.issuer = newIssuer(t)
	idp := server(l.issuer.serve)
	judge := server(l.judge)
	text := strings.NewReplacer("BACKEND", backend.URL, "IDP", idp.URL, "JUDGE", judge.URL, "SECRET", secret, "HASH", passwordHash()).Replace(document)
	g := gateway.New(gateway.Options{Stdout: &l.out, Stderr: &l.out, Version: "test", Data: t.TempDir()})
	t.Cleanup(g.Close)
	file := filepath.Join(t.TempDir(), "sallyport.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Load(file); err != nil {
		t.Fatal(err)
	}
	l.gateway, l.address = g, g.Addresses()[0]
	return l
}

// A request is what an intruder sends. Each comes from an address of its own, since who fails often is slowed down.
type request struct {
	method, target string // GET if empty
	host           string // gw.test if empty
	head           string // lines with CRLF at their ends
	body           string
	from           string // an address of loopback
}

// An answer is what came of it.
type answer struct {
	status  int
	problem string
	header  http.Header
	body    string
	reached []*http.Request // by the backend
	bodies  []string
}

func (a *answer) String() string {
	return fmt.Sprintf("%d %s, %d reached the backend, %.200q", a.status, a.problem, len(a.reached), a.body)
}

// ask sends one request, in bytes, and says what came of it. A connection that ends without an answer has status 0.
func (l *lab) ask(t *testing.T, r request) *answer {
	t.Helper()
	l.mu.Lock()
	l.reached, l.bodies, l.asked = nil, nil, nil
	l.mu.Unlock()
	from := r.from
	if from == "" {
		n := l.froms.Add(1)
		from = fmt.Sprintf("127.1.%d.%d", n>>8&255, n&255)
	}
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if r.method == "" {
		r.method = http.MethodGet
	}
	if r.host == "" {
		r.host = "gw.test"
	}
	if r.body != "" {
		r.head += fmt.Sprintf("Content-Length: %d\r\n", len(r.body))
	}
	_, _ = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n%s", r.method, r.target, r.host, r.head, r.body)
	a := &answer{}
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: r.method})
	if err == nil {
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		a.status, a.header, a.body = res.StatusCode, res.Header, string(body)
		var p struct{ Type string }
		_ = json.Unmarshal(body, &p)
		a.problem = strings.TrimPrefix(p.Type, "urn:sallyport:problem:")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a.reached, a.bodies = l.reached, l.bodies
	return a
}

// bearer is a request for target with a token.
func bearer(target, token string) request {
	return request{target: target, head: "Authorization: Bearer " + token + "\r\n"}
}
