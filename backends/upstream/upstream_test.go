package upstream

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/wire"
)

// A sink is an upstream that remembers what it was sent.
type sink struct {
	name string
	n    int
	sent wire.Call
	resp wire.Response
}

func (s *sink) Name() string { return s.name }

func (s *sink) Send(_ *policy.Exchange, c *wire.Call) (*wire.Response, error) {
	s.n++
	s.sent = *c
	return &s.resp, nil
}

func made(t testing.TB, doc string) (policy.Handler, map[string]*sink, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	sinks := map[string]*sink{}
	env := &plug.Env{Upstreams: []string{"a", "b", "c", "users"}}
	env.Upstream = func(name string) policy.Upstream {
		for _, known := range env.Upstreams {
			if name == known {
				if sinks[name] == nil {
					sinks[name] = &sink{name: name}
				}
				return sinks[name]
			}
		}
		return nil
	}
	h, errs := Kind.Build(n, "upstream", env)
	return h, sinks, errs
}

func request(t testing.TB, target string) *policy.Exchange {
	t.Helper()
	r := &wire.Request{Method: "GET", Scheme: "http", Host: "shop.test", Conn: &wire.Conn{}}
	if fault := wire.ParseTarget(r, target); fault != nil {
		t.Fatal(fault)
	}
	r.Header.Add("X-A", "1")
	return &policy.Exchange{Request: r}
}

func TestWhatIsSent(t *testing.T) {
	for _, c := range []struct{ doc, target, want string }{
		{"users", "/a/../b", "/b"},
		{"users", "/a?x=1&y=%20", "/a?x=1&y=%20"},
		{"users", "/a?", "/a"},
		{"{name: users, rewrite: {path: '/v1${request.path}', host: in.test}}", "/a?x=1", "in.test /v1/a?x=1"},
		{"{name: users, rewrite: {query: {x: '${request.path}'}}}", "/a?x=1", "/a?x=%2Fa"},
	} {
		h, sinks, errs := made(t, c.doc)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		x := request(t, c.target)
		before := *x.Request
		if _, err := h(x); err != nil {
			t.Fatal(err)
		}
		sent := sinks["users"].sent
		if got := strings.TrimSpace(sent.Host + " " + sent.Target); got != c.want {
			t.Errorf("%s, %s: got %s, want %s", c.doc, c.target, got, c.want)
		}
		if sent.Method != "GET" || sent.Header.Get("X-A") != "1" || sent.Request != x.Request || sent.Body != nil {
			t.Errorf("%+v", sent)
		}
		if x.Request.Path != before.Path || x.Request.Query != before.Query || x.Host != "" {
			t.Errorf("%s: the request is changed for those in front", c.doc)
		}
	}
}

// A body that is none must be nil for the engine, not an interface that holds nothing.
func TestBody(t *testing.T) {
	h, sinks, _ := made(t, "users")
	x := request(t, "/a")
	x.Request.Method, x.Request.Body, x.Request.Length, x.Request.Expect, x.Request.Upgrade = "POST", wire.BytesBody([]byte("hi")), 2, true, "WebSocket"
	_, _ = h(x)
	if sent := sinks["users"].sent; sent.Body != x.Request.Body || sent.Length != 2 || !sent.Expect || sent.Upgrade != "WebSocket" {
		t.Errorf("%+v", sent)
	}
}

// Requests are shared out by weight, within 2 %, whether by chance or by key.
func TestSplitShares(t *testing.T) {
	for _, sticky := range []string{"", `, sticky: 'request.headers["x-a"]'`} {
		h, sinks, errs := made(t, "{split: {a: 70, b: 20, c: 10, users: 0}"+sticky+"}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		const calls = 100_000
		x := request(t, "/")
		for i := range calls {
			x.Request.Header.Set("X-A", fmt.Sprint("customer-", i))
			_, _ = h(x)
		}
		for name, want := range map[string]float64{"a": 0.7, "b": 0.2, "c": 0.1, "users": 0} {
			if got := float64(sinks[name].n) / calls; math.Abs(got-want) > 0.02*want+0.001 {
				t.Errorf("sticky %q: %s got %.2f %%, want %.0f %%", sticky, name, 100*got, 100*want)
			}
		}
	}
}

// A key stays where it is; when shares change, only keys that must move do, and only in one direction.
func TestSplitSticks(t *testing.T) {
	split := func(doc string) map[string]string {
		h, sinks, errs := made(t, "{split: "+doc+`, sticky: 'request.headers["x-a"]'}`)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		where := map[string]string{}
		x := request(t, "/")
		for i := range 10_000 {
			key := fmt.Sprint("customer-", i)
			x.Request.Header.Set("X-A", key)
			for _, s := range sinks {
				s.n = 0
			}
			_, _ = h(x)
			for name, s := range sinks {
				if s.n > 0 {
					where[key] = name
				}
			}
		}
		return where
	}
	before, again, after := split("{a: 95, b: 5}"), split("{a: 95, b: 5}"), split("{a: 90, b: 10}")
	moved := 0
	for key, name := range before {
		if again[key] != name {
			t.Fatalf("%s went to %s and then to %s", key, name, again[key])
		}
		if after[key] != name {
			moved++
			if name != "a" {
				t.Fatalf("%s moved from %s, which got more", key, name)
			}
		}
	}
	if moved < 400 || moved > 650 { // 500 must
		t.Errorf("%d of 10000 keys moved when 5 %% of the shares did", moved)
	}
	// The same in every process and version: these were written down.
	for key, want := range map[string]string{"customer-74": "a", "customer-75": "b", "customer-79": "a", "customer-80": "b", "customer-110": "b"} {
		if before[key] != want {
			t.Errorf("%s goes to %s, not to %s", key, before[key], want)
		}
	}
}

// Without a value for its expression a request goes by chance.
func TestSplitWithoutKey(t *testing.T) {
	h, sinks, _ := made(t, `{split: {a: 50, b: 50}, sticky: 'request.headers["x-none"]'}`)
	x := request(t, "/")
	for range 1000 {
		if _, err := h(x); err != nil {
			t.Fatal(err)
		}
	}
	if n := sinks["a"].n; n < 400 || n > 600 {
		t.Errorf("%d of 1000", n)
	}
}

func TestSettings(t *testing.T) {
	for doc, want := range map[string]string{
		"usres":                            `upstream: there is no upstream "usres"; did you mean "users"?`,
		"{}":                               "upstream: no upstream is given",
		"{name: users, split: {a: 1}}":     "upstream.split: name and split exclude each other",
		"{name: users, sticky: client.ip}": "upstream.sticky: it is for split",
		"{split: {a: 1, d: 1}}":            `upstream.split.d: there is no upstream "d"`,
		"{split: {a: -1, b: 1}}":           "upstream.split.a: write a share from 0",
		"{split: {a: 0}}":                  "upstream.split: every share is 0",
		"{name: users, mirror: {}}":        "upstream.mirror: \"upstream\" is missing",
		"{name: users, rewrite: {}}":       "upstream.rewrite: it changes nothing",
	} {
		if _, _, errs := made(t, doc); len(errs) != 1 || !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %v", doc, errs)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, doc := range []string{"users", "{split: {a: 1, b: 1}}", `{split: {a: 1, b: 1}, sticky: 'request.headers["x-a"]'}`} {
		h, sinks, _ := made(t, doc)
		x := request(t, "/users/42?full=1")
		room := make([]byte, 256)
		for _, s := range sinks {
			s.resp.Status = 200
		}
		if n := testing.AllocsPerRun(100, func() {
			x.Request.SetRoom(room)
			_, _ = h(x)
		}); n != 0 {
			t.Errorf("%s: %v allocations", doc, n)
		}
	}
}
