package forwardauth

import (
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// A service is an upstream that decides by a function, and keeps what it was asked as text.
type service struct {
	decide func(c *wire.Call) (*wire.Response, error)
	takes  time.Duration

	mu    sync.Mutex // guards asked
	asked []string
}

func (s *service) Name() string { return "auth" }

func (s *service) Send(x *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	var b strings.Builder
	for name, value := range c.Header.All() {
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	s.mu.Lock()
	s.asked = append(s.asked, b.String())
	s.mu.Unlock()
	x.Upstream, x.Tries = "auth", 1
	if s.takes > 0 {
		time.Sleep(s.takes)
	}
	return s.decide(c)
}

func yes(fields ...string) func(*wire.Call) (*wire.Response, error) {
	return func(*wire.Call) (*wire.Response, error) { return response(200, "", fields...), nil }
}

func response(status int, body string, fields ...string) *wire.Response {
	r := &wire.Response{Status: status, Length: int64(len(body)), Body: wire.BytesBody([]byte(body))}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func made(t testing.TB, s *service, yaml string) (*gate, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	none := func(string, string) func() { return func() {} }
	p, errs := Kind.Build(n, "forward_auth", &plug.Env{State: store.New(), Denied: none, Acted: none, Upstream: func(name string) policy.Upstream {
		if name == "auth" {
			return s
		}
		return nil
	}})
	g, _ := p.(*gate)
	return g, errs
}

func exchange(fields ...string) *policy.Exchange {
	r := &wire.Request{Method: "GET", Scheme: "http", Host: "example.com"}
	r.Path.Text = "/a"
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return &policy.Exchange{Request: r, Client: netip.MustParseAddr("192.0.2.1"), Log: slog.New(slog.DiscardHandler), Start: time.Now()}
}

func pass(x *policy.Exchange) (*wire.Response, error) {
	return response(200, "", "X-Kind: upstream"), nil
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, settings string
		decide         func(*wire.Call) (*wire.Response, error)
		want           string // status, or the problem, and the reason
	}{
		{"yes", "", yes(), "200 "},
		{"made", "", func(*wire.Call) (*wire.Response, error) { return response(204, ""), nil }, "200 "},
		{"who", "", func(*wire.Call) (*wire.Response, error) { return response(401, "no", "WWW-Authenticate: A"), nil }, "401 denied"},
		{"no", "", func(*wire.Call) (*wire.Response, error) { return response(403, strings.Repeat("x", maxBody+1)), nil }, "403 denied"},
		{"elsewhere", "", func(*wire.Call) (*wire.Response, error) { return response(307, "", "Location: /"), nil }, "307 redirected"},
		{"not found", "fail_open: true, ", func(*wire.Call) (*wire.Response, error) { return response(404, ""), nil }, "auth_unavailable unavailable"},
		{"broken", "", func(*wire.Call) (*wire.Response, error) { return response(500, ""), nil }, "auth_unavailable unavailable"},
		{"broken and open", "fail_open: true, ", func(*wire.Call) (*wire.Response, error) { return response(500, ""), nil }, "200 "},
		{"away", "", func(*wire.Call) (*wire.Response, error) { return nil, problem.UpstreamOut.New("") }, "auth_unavailable unavailable"},
		{"away and open", "fail_open: true, ", func(*wire.Call) (*wire.Response, error) { return nil, problem.UpstreamOut.New("") }, "200 "},
		{"the client is", "fail_open: true, ", func(*wire.Call) (*wire.Response, error) {
			return nil, problem.BadRequest.New("").Because(wire.ErrClientGone)
		}, "bad_request "},
		{"switching", "", func(*wire.Call) (*wire.Response, error) { return response(101, ""), nil }, "auth_unavailable unavailable"},
	} {
		g, errs := made(t, &service{decide: c.decide}, "{"+c.settings+"upstream: auth, response_headers: [x-tenant], client_headers: [X-Kind]}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		x := exchange("X_Tenant: mine", "x-tenant: mine")
		resp, err := g.Handle(x, pass)
		var got string
		if err != nil {
			got = problem.From(err).Name + " " + x.Denied.Reason
		} else {
			got = fmt.Sprintf("%d %s", resp.Status, x.Denied.Reason)
		}
		if got != c.want || err == nil && x.Request.Header.Len() != 0 || x.Upstream != "" || x.Tries != 0 {
			t.Errorf("%s: got %q with %d fields, want %q", c.name, got, x.Request.Header.Len(), c.want)
		}
	}
}

// Who sends a request may say how long it may take, and a service that has no time to answer is none that fails.
func TestHasteOpensNothing(t *testing.T) {
	s := &service{decide: func(*wire.Call) (*wire.Response, error) { return nil, problem.UpstreamOut.New("") }}
	for _, settings := range []string{"", "cache: 1m, "} {
		g, errs := made(t, s, "{upstream: auth, fail_open: true, "+settings+"}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		x := exchange()
		x.Deadline = time.Now().Add(-time.Millisecond)
		if resp, err := g.Handle(x, pass); err == nil {
			t.Errorf("%q: got %d, want a refusal", settings, resp.Status)
		}
	}
}

// What is wrong with a request by the service's upstream is no failure of the service, whoever waits for the answer.
func TestWrongRequestsOpenNothing(t *testing.T) {
	s := &service{decide: func(*wire.Call) (*wire.Response, error) { return nil, problem.BadRequest.New("") }}
	for _, settings := range []string{"", "cache: 1m, "} {
		g, errs := made(t, s, "{upstream: auth, fail_open: true, "+settings+"}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		if resp, err := g.Handle(exchange(), pass); err == nil {
			t.Errorf("%q: got %d, want a refusal", settings, resp.Status)
		}
	}
}

func TestQuestion(t *testing.T) {
	s := &service{decide: yes("X-Tenant: acme", "X-Tenant: b", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Kind: auth", "X-Sub: u1")}
	g, errs := made(t, s, "{upstream: auth, response_headers: [X-Tenant, Authorization], client_headers: [Set-Cookie, X-Kind], subject: X-Sub}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := exchange("Authorization: t", "Cookie: c=1", "cookie: d=2", "X-Other: o", "X-Forwarded-For: 192.0.2.1", "Content-Type: a/b", "X-Forwarded-Uri: /mine")
	x.Request.Query = "q=1"
	resp, err := g.Handle(x, pass)
	if err != nil {
		t.Fatal(err)
	}
	want := "X-Forwarded-For: 192.0.2.1\nAuthorization: t\nCookie: c=1\nCookie: d=2\nX-Forwarded-Method: GET\nX-Forwarded-Uri: /a?q=1\n"
	if got := regexp.MustCompile(`Via: 1.1 sallyport-[a-z0-9]{16}\n`).ReplaceAllString(s.asked[0], ""); got != want || got == s.asked[0] {
		t.Errorf("asked\n%s\nwant\n%s", s.asked[0], want)
	}
	h := &x.Request.Header
	if h.Has("Authorization") || strings.Join(h.Values("X-Tenant"), " ") != "acme b" || x.Auth.Subject != "u1" || x.Auth.Type != "forward_auth" {
		t.Errorf("goes on with %v and %+v", h, x.Auth)
	}
	if strings.Join(resp.Header.Values("Set-Cookie"), " ") != "a=1 b=2" || strings.Join(resp.Header.Values("X-Kind"), " ") != "auth" {
		t.Errorf("the client gets %v", resp.Header)
	}
	// What another policy found out stays when the service says nothing of it.
	g, _ = made(t, s, "auth")
	x = exchange()
	x.Auth = policy.Auth{Type: "jwt", Subject: "me"}
	if _, err = g.Handle(x, pass); err != nil || x.Auth.Type != "jwt" {
		t.Errorf("%v, %+v", err, x.Auth)
	}
}

// Requests that differ in anything the service is told have different keys, however their parts are cut.
func TestKeys(t *testing.T) {
	g, errs := made(t, &service{}, "{upstream: auth, request_headers: [A, B], cache: 10s}")
	by, more := made(t, &service{}, "{upstream: auth, request_headers: [A], cache: {key: ['request.query.a', 'request.query.b']}}")
	all, evenMore := made(t, &service{}, "{upstream: auth, request_headers: ['*'], cache: {key: request.path}}")
	if len(errs)+len(more)+len(evenMore) > 0 {
		t.Fatal(errs, more, evenMore)
	}
	seen := map[key]string{}
	add := func(name string, g *gate, x *policy.Exchange, body string) {
		k, ok := g.key(x, []byte(body))
		if other := seen[k]; other != "" || !ok {
			t.Errorf("%s and %s have the same key, ok %v", name, other, ok)
		}
		seen[k] = name
	}
	for _, fields := range [][]string{{}, {"A: "}, {"A: 1"}, {"B: 1"}, {"A: 1", "A: 1"}, {"A: 11"}, {"A: 1", "B: 1"}, {"A: 1\x00"}} {
		add(fmt.Sprint(fields), g, exchange(fields...), "")
		add("all"+fmt.Sprint(fields), all, exchange(fields...), "")
	}
	for _, c := range []func(*policy.Exchange){
		func(x *policy.Exchange) { x.Request.Method = "POST" },
		func(x *policy.Exchange) { x.Request.Host = "example.comm" },
		func(x *policy.Exchange) { x.Request.Path.Text, x.Request.Query = "/", "a" },
		func(x *policy.Exchange) { x.Request.Query = "/a" },
		func(x *policy.Exchange) { x.Request.Port = "80" },
		func(x *policy.Exchange) { x.Client = netip.MustParseAddr("192.0.2.2") },
		func(x *policy.Exchange) { x.Request.Scheme = "https" },
	} {
		x := exchange()
		c(x)
		add(fmt.Sprintf("%+v", x.Request), g, x, "")
	}
	add("proto of a proxy", g, exchange("X-Forwarded-Proto: https"), "")
	add("host of a proxy", g, exchange("X-Forwarded-Host: other.example"), "")
	add("body", g, exchange(), "x")
	for _, query := range []string{"", "a=", "b=", "a=&b=", "a=1", "b=1", "a=1&b=1", "a=11&b="} {
		x := exchange()
		x.Request.Query = query
		add("by "+query, by, x, "")
	}
	x := exchange()
	x.Request.Query = "a=%zz"
	if _, ok := by.key(x, nil); ok {
		t.Error("what cannot be told must not have a key")
	}
	one, _ := g.key(exchange("a: 1"), nil)
	same, _ := g.key(exchange("A: 1", "C: 2"), nil)
	if one != same {
		t.Error("what the service is not told makes another key")
	}
}

// Many requests at once are one question, and the next after its time another one.
func TestOneAsksForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{decide: yes(), takes: time.Second}
		g, errs := made(t, s, "{upstream: auth, cache: 10s}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		var crew sync.WaitGroup
		for i := range 100 {
			crew.Go(func() {
				if _, err := g.Handle(exchange(fmt.Sprint("Authorization: ", i%2)), pass); err != nil {
					t.Error(err)
				}
			})
		}
		crew.Wait()
		if len(s.asked) != 2 {
			t.Errorf("asked %d times, want 2", len(s.asked))
		}
		time.Sleep(10 * time.Second)
		s.decide = func(*wire.Call) (*wire.Response, error) { panic("on purpose") }
		for i := range 3 {
			crew.Go(func() {
				defer func() { _ = recover() }()
				time.Sleep(time.Duration(i) * time.Millisecond)
				if resp, err := g.Handle(exchange("Authorization: 1"), pass); err == nil {
					t.Errorf("after a panic: %d", resp.Status)
				}
			})
		}
		crew.Wait()
	})
}

// However many answers there are, there is a bound to what is kept.
func TestCacheIsBounded(t *testing.T) {
	c := newCache(160)
	large := newCache(1 << 20)
	for i := range 5000 {
		var k key
		k[0], k[1], k[2] = byte(i), byte(i>>8), byte(i>>16)
		for _, into := range []*cache{c, large} {
			_, f, _ := into.look(k, time.Now())
			into.land(k, f, &answer{how: allowed, keep: true, size: maxHeld, until: time.Now().Add(time.Hour)})
		}
	}
	for i := range c.shards {
		if n := len(c.shards[i].answers); n > 10 || len(c.shards[i].flights) > 0 {
			t.Errorf("%d answers in a shard", n)
		}
		if n := large.shards[i].size; n > maxMemory/shards {
			t.Errorf("%d bytes in a shard", n)
		}
	}
}

func TestWrong(t *testing.T) {
	for yaml, want := range map[string]string{
		"other":                          `there is no upstream "other"`,
		"{upstream: auth, path: verify}": "write a path",
		"{upstream: auth, body: 10}":     "has no body",
		"{upstream: auth, request_headers: [Content-Length]}":    "request_headers[0]",
		"{upstream: auth, request_headers: [transfer_encoding]}": "request_headers[0]",
		"{upstream: auth, request_headers: ['*', A]}":            "request_headers[0]",
		"{upstream: auth, response_headers: [Set-Cookie]}":       "response_headers[0]",
		"{upstream: auth, response_headers: [A, Connection]}":    "response_headers[1]",
		"{upstream: auth, client_headers: ['a b']}":              "client_headers[0]",
		"{upstream: auth, subject: 'a b'}":                       "subject",
		"{upstream: auth, cache: {ttl: 1s, deny_ttl: 2s}}":       "deny_ttl",
		"{upstream: auth, cache: {key: request.pth}}":            "cache.key",
	} {
		if _, errs := made(t, &service{}, yaml); !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: %q, want %q", yaml, errs.Error(), want)
		}
	}
}

func TestExplainShowsNoCredentials(t *testing.T) {
	g, _ := made(t, &service{}, "{upstream: auth, request_headers: [X-Key, Cookie], response_headers: [X-Tenant]}")
	v := g.Explain(exchange("X-Key: CANARY", "Cookie: CANARY", "X-Tenant: CANARY"))
	if text := fmt.Sprintf("%+v", v); strings.Contains(text, "CANARY") || !strings.Contains(text, "X-Key") {
		t.Error(text)
	}
}
