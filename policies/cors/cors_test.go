package cors

import (
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, yaml string) *cors {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	env := &plug.Env{Denied: func(string, string) func() { return func() {} }}
	p, errs := Kind.Build(n, "cors", env)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p.(*cors)
}

func header(lines ...string) (h wire.Header) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func lines(h *wire.Header) string {
	var out []string
	for name, value := range h.All() {
		out = append(out, name+": "+value)
	}
	return strings.Join(out, "; ")
}

const example = "{origins: [https://app.test, https://*.app2.test], credentials: true, expose: X-A}"

func TestResponses(t *testing.T) {
	const allowed = "Access-Control-Allow-Origin: https://app.test; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-A"
	for _, c := range []struct{ name, yaml, origin, before, after string }{
		{"allowed", example, "https://app.test", "X-B: 1", "X-B: 1; Vary: Origin; " + allowed},
		{"foreign", example, "https://evil.test", "X-B: 1", "X-B: 1; Vary: Origin"},
		{"of no page", example, "", "X-B: 1", "X-B: 1; Vary: Origin"},
		{"the upstream's fields go", example, "https://app.test", "access-control-allow-origin: *; ACCESS-CONTROL-MAX-AGE: 1; Access-Control-Allow-Origin: https://evil.test", "Vary: Origin; " + allowed},
		{"also for foreign pages", example, "https://evil.test", "Access-Control-Allow-Origin: https://evil.test; Access-Control-Allow-Credentials: true", "Vary: Origin"},
		{"also for none", example, "", "Access-Control-Allow-Origin: *", "Vary: Origin"},
		{"it varies already", example, "https://app.test", "Vary: Accept, origin", "Vary: Accept, origin; " + allowed},
		{"it varies by all", example, "https://app.test", "Vary: *", "Vary: *; " + allowed},
		{"all pages", "{origins: '*'}", "https://evil.test", "X-B: 1", "X-B: 1; Access-Control-Allow-Origin: *"},
		{"all pages, of none", "{origins: '*'}", "", "X-B: 1", "X-B: 1; Access-Control-Allow-Origin: *"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &policy.Exchange{Request: &wire.Request{Method: "GET"}}
			if c.origin != "" {
				x.Request.Header = header("Origin: " + c.origin)
			}
			resp, err := made(t, c.yaml).Handle(x, func(*policy.Exchange) (*wire.Response, error) {
				return &wire.Response{Status: 200, Header: header(strings.Split(c.before, "; ")...)}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(&resp.Header); got != c.after {
				t.Errorf("got\n%s\nwant\n%s", got, c.after)
			}
		})
	}
}

// What goes wrong further inside stays what the edge would have made of it, and pages can read it.
func TestProblems(t *testing.T) {
	x := &policy.Exchange{Request: &wire.Request{Method: "POST", Header: header("Origin: https://app.test")}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&wire.Fault{Status: 400, Reason: "bad chunk"}, "bad_request"},
		{wire.ErrBodyTooLarge, "body_too_large"},
		{problem.NoCredentials.New("").With("WWW-Authenticate", "Bearer"), "missing_credentials"},
	} {
		_, err := made(t, example).Handle(x, func(*policy.Exchange) (*wire.Response, error) { return nil, c.err })
		p := problem.From(err)
		h := header()
		for _, f := range p.Header {
			h.Add(f[0], f[1])
		}
		if p.Name != c.want || h.Get(allowOrigin) != "https://app.test" || !h.Token(wire.Vary, "origin") || c.want == "missing_credentials" && h.Known(wire.WWWAuthenticate) != "Bearer" {
			t.Errorf("got %s with %v, want %s", p.Name, p.Header, c.want)
		}
	}
}

// A tunnel's answer is no answer to a page.
func TestSwitched(t *testing.T) {
	x := &policy.Exchange{Request: &wire.Request{Method: "GET", Header: header("Origin: https://app.test")}}
	resp, err := made(t, example).Handle(x, func(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 101}, nil })
	if err != nil || resp.Header.Len() > 0 {
		t.Errorf("got %v, %v", lines(&resp.Header), err)
	}
}

func TestAskedFor(t *testing.T) {
	for asks, want := range map[string]string{
		"x-a,authorization":          "x-a,authorization",
		"x-a, x-b":                   "x-a, x-b",
		"x-a\x00":                    "",
		"x a":                        "",
		"x-a,,x-b":                   "",
		"x-a: 1":                     "",
		strings.Repeat("x-a,", 2000): "",
	} {
		h := header("Access-Control-Request-Headers: " + asks)
		if got := asked(&h); got != want {
			t.Errorf("%q: got %q, want %q", asks, got, want)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	p, out := made(t, example), header("X-B: 1", "Access-Control-Allow-Origin: *")
	x := &policy.Exchange{Request: &wire.Request{Method: "GET", Header: header("Accept: x", "Origin: https://a.app2.test")}}
	resp := &wire.Response{Status: 200}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		resp.Header.CopyFrom(&out)
		if _, err := p.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkAllowed(b *testing.B) {
	p, out := made(b, example), header("X-B: 1", "Content-Type: application/json")
	x := &policy.Exchange{Request: &wire.Request{Method: "GET", Header: header("Accept: x", "Origin: https://app.test")}}
	resp := &wire.Response{Status: 200}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	for b.Loop() {
		resp.Header.CopyFrom(&out)
		_, _ = p.Handle(x, next)
	}
}
