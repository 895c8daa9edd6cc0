package policies

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

func TestExamples(t *testing.T) {
	for _, k := range All {
		if text := Example(k.Name); !strings.Contains(text, "-- config --") || !strings.Contains(text, k.Name+":") {
			t.Errorf("%s has no worked example", k.Name)
		}
	}
	if Example("nothing") != "" {
		t.Error("there is an example of what does not exist")
	}
}

// chain builds policies as a route would.
func chain(t testing.TB, last policy.Handler, yaml string) policy.Handler {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	env := &plug.Env{State: store.New(), Identity: identity.EmptyBook(identity.NewRegistry(slog.New(slog.DiscardHandler))), Where: "test", Denied: func(string, string) func() { return func() {} }}
	var steps []policy.Policy
	for _, f := range n.Fields {
		for _, k := range All {
			if k.Name != f.Name {
				continue
			}
			p, errs := k.Build(f.Node, f.Name, env)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			steps = append(steps, p)
		}
	}
	if len(steps) != len(n.Fields) {
		t.Fatalf("%d policies of %d", len(steps), len(n.Fields))
	}
	return policy.Chain(steps, last)
}

const full = `
ip_filter: { allow: [192.0.2.0/24], deny: [192.0.2.128/25] }
rate_limit: { limits: [1000000/s, 50000000/hour] }
headers:
  request: { set: { X-Route: "${route.name}", X-Env: prod }, remove: Cookie }
  response: { set: { X-Frame-Options: DENY, X-Asked: "${request.method}" }, remove: Server }
`

// A full chain is allowed two allocations: the engine's own two and these make the four of a proxied request.
func TestFullChainAllocations(t *testing.T) {
	var resp wire.Response
	upstream := header("Server: x", "Content-Type: text/plain", "Date: today")
	next := chain(t, func(*policy.Exchange) (*wire.Response, error) {
		resp.Header.CopyFrom(&upstream)
		return &resp, nil
	}, full)
	client := header("User-Agent: x", "Cookie: y", "Accept: z")
	x := &policy.Exchange{Request: &wire.Request{Method: "GET"}, Client: netip.MustParseAddr("192.0.2.1"), Route: "GET /"}
	block := make([]byte, 192)
	for _, c := range []struct {
		name string
		room []byte
		most float64
	}{{"with room in the request's block", block, 0}, {"without", nil, 1}} {
		if n := testing.AllocsPerRun(100, func() {
			x.Request.Header.CopyFrom(&client)
			x.Request.SetRoom(c.room)
			if _, err := next(x); err != nil {
				t.Fatal(err)
			}
		}); n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.most)
		}
	}
	if resp.Header.Get("RateLimit-Policy") == "" || resp.Header.Get("X-Asked") != "GET" || x.Request.Header.Get("X-Route") != "GET /" {
		t.Error("the chain did not do its work")
	}
}

func header(lines ...string) (h wire.Header) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}
