package redirect

import (
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, doc string) (policy.Handler, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return Kind.Build(n, "redirect", &plug.Env{})
}

// Whatever the client sends, it stays in its place.
func TestLocation(t *testing.T) {
	for _, c := range []struct{ to, target, want string }{
		{"https://new.example/x", "/a?q=1", "https://new.example/x"},
		{"https://new.example${request.path}", "/a%20b/../c%2Fd", "https://new.example/c%2Fd"},
		{"https://new.example${request.path}", "//evil.example", "https://new.example/evil.example"},
		{"https://${request.host}${request.path}?${request.query}", "/a?q=1&r=%0a", "https://shop.test/a?q=1&r=%0a"},
		{"https://new.example/?to=${request.query.q}", "/?q=a%26b%3Dc%0D%0Ad%23", "https://new.example/?to=a%26b%3Dc%0D%0Ad%23"},
		{"/p/${request.query.q}", "/?q=a/b%5C", "/p/a%2Fb%5C"},
		{"/p/${request.query.q}", "/?q=a%0Ab", ""},
		{"/p/${request.query.q}", "/?q=..", ""},
		{"/${request.query.q}", "/?q=/evil.example", "/%2Fevil.example"},
		{"/${request.query.q}", "/?q=", ""},
		{"${request.path}", "/a/b", "/a/b"},
		{"${request.path}", "/%2Fevil.example", "/%2Fevil.example"},
		{"/x${request.path}", "/%5Cevil", "/x/%5Cevil"},
		{"/x?a=${request.query.none}", "/a", ""},
	} {
		h, errs := made(t, "{to: '"+c.to+"'}")
		if len(errs) > 0 {
			t.Errorf("%s: %v", c.to, errs)
			continue
		}
		r := &wire.Request{Method: "GET", Scheme: "http", Host: "shop.test"}
		if fault := wire.ParseTarget(r, c.target); fault != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.target, fault)
			}
			continue
		}
		resp, err := h(&policy.Exchange{Request: r})
		switch {
		case c.want == "":
			if err == nil || problem.From(err).Name != "bad_request" {
				t.Errorf("%s of %s: got %v, %v", c.to, c.target, resp, err)
			}
		case err != nil:
			t.Errorf("%s of %s: %v", c.to, c.target, err)
		default:
			if got := resp.Header.Get("Location"); got != c.want || resp.Status != 308 || resp.Body != nil || resp.Length != 0 {
				t.Errorf("%s of %s: got %d %s, want %s", c.to, c.target, resp.Status, got, c.want)
			}
		}
	}
}

func TestSettings(t *testing.T) {
	for doc, want := range map[string]string{
		"{}":                               `"to" is missing`,
		"{to: /a, status: 200}":            "redirect.status: ",
		"{to: //evil.example/a}":           "redirect",
		"{to: 'https://a/${requst.path}'}": "redirect.to: ",
		"{to: \"/a\\r\\nX: y\"}":           "redirect.to: ",
	} {
		if _, errs := made(t, doc); len(errs) != 1 || !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %v", doc, errs)
		}
	}
	h, errs := made(t, "/elsewhere")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if resp, err := h(&policy.Exchange{Request: &wire.Request{}}); err != nil || resp.Header.Get("Location") != "/elsewhere" {
		t.Error(resp, err)
	}
}
