package securityheaders

import (
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, yaml string) policy.Policy {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	p, errs := Kind.Build(n, "security_headers", &plug.Env{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p
}

func TestFrames(t *testing.T) {
	for _, c := range []struct{ yaml, csp, xfo string }{
		{"{}", "frame-ancestors 'none'", "DENY"},
		{"{frames: same_origin}", "frame-ancestors 'self'", "SAMEORIGIN"},
		{"{frames: https://a.test}", "frame-ancestors https://a.test", ""},
		{"{frames: '*'}", "frame-ancestors *", ""},
		{"{frames: off, content_security_policy: default-src 'none'}", "default-src 'none'", ""},
		{"{content_security_policy: default-src 'none'; }", "default-src 'none'; frame-ancestors 'none'", "DENY"},
		{"{content_security_policy: Frame-Ancestors https://b.test}", "Frame-Ancestors https://b.test", "DENY"},
	} {
		resp, err := made(t, c.yaml).Handle(&policy.Exchange{Request: &wire.Request{}}, func(*policy.Exchange) (*wire.Response, error) { return &wire.Response{}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Security-Policy"); got != c.csp {
			t.Errorf("%s: Content-Security-Policy is %q, want %q", c.yaml, got, c.csp)
		}
		if got := resp.Header.Get("X-Frame-Options"); got != c.xfo {
			t.Errorf("%s: X-Frame-Options is %q, want %q", c.yaml, got, c.xfo)
		}
	}
}

// A problem may be one that others hold as well: it is not changed, and what it says stays.
func TestProblems(t *testing.T) {
	shared := problem.Overloaded.New("").With("Retry-After", "3").With("Server", "x")
	_, err := made(t, "{}").Handle(&policy.Exchange{Request: &wire.Request{Scheme: "https"}}, func(*policy.Exchange) (*wire.Response, error) { return nil, shared })
	var got []string
	for _, f := range problem.From(err).Header {
		got = append(got, f[0])
	}
	const want = "Retry-After Strict-Transport-Security X-Content-Type-Options X-Frame-Options Content-Security-Policy Referrer-Policy"
	if text := strings.Join(got, " "); text != want || len(shared.Header) != 2 {
		t.Errorf("got %s, want %s; the one given has %v", text, want, shared.Header)
	}
}

func TestAllocatesNothing(t *testing.T) {
	p := made(t, "{}")
	var out wire.Header
	out.Add("Server", "x")
	x := &policy.Exchange{Request: &wire.Request{Scheme: "https"}}
	var resp wire.Response
	next := func(*policy.Exchange) (*wire.Response, error) { return &resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		resp.Header.CopyFrom(&out)
		if _, err := p.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
