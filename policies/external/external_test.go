package external

import (
	"errors"
	"io"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// A service is an upstream that answers by a function.
type service func(c *wire.Call) (*wire.Response, error)

func (service) Name() string { return "hooks" }

func (s service) Send(_ *policy.Exchange, c *wire.Call) (*wire.Response, error) { return s(c) }

func made(t testing.TB, s service, yaml string) (*external, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	none := func(string, string) func() { return func() {} }
	p, errs := Kind.Build(n, name, &plug.Env{Denied: none, Acted: none, Upstream: func(name string) policy.Upstream {
		if name == "hooks" {
			return s
		}
		return nil
	}})
	e, _ := p.(*external)
	return e, errs
}

type counted struct {
	io.Reader
	closed int
}

func (c *counted) Close() error {
	c.closed++
	return nil
}

// message is a response of a service or backend, and its body.
func message(status int, body string, fields ...string) (*wire.Response, *counted) {
	b := &counted{Reader: strings.NewReader(body)}
	r := &wire.Response{Status: status, Body: b, Length: -1}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return r, b
}

func ask(method, body string, fields ...string) *policy.Exchange {
	x := &policy.Exchange{Request: &wire.Request{Method: method}}
	x.Request.Path.Text = "/a"
	if body != "" {
		x.Request.Body, x.Request.Length = wire.BytesBody([]byte(body)), int64(len(body))
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		x.Request.Header.Add(name, value)
	}
	return x
}

// outcome is status and body, or a problem.
func outcome(resp *wire.Response, err error) string {
	if err != nil {
		return problem.From(err).Name
	}
	defer resp.Close()
	var all []byte
	if resp.Body != nil {
		all, _ = io.ReadAll(resp.Body)
	}
	return string(rune('0'+resp.Status/100)) + "xx " + string(all)
}

func TestRequests(t *testing.T) {
	const full = "take_body: true, body: 10B, may_answer: true, size: 10B"
	for _, c := range []struct {
		name, yaml, more string
		status           int
		answer           string
		field            string
		err              error
		want             string // what goes upstream, or what the client gets
	}{
		{"nothing changes", full, "", 204, "", "", nil, "sent old"},
		{"a body", full, "", 200, "new", "Content-Type: text/x", nil, "sent new"},
		{"a body that is not wanted", "path: /", "", 200, "new", "", nil, "sent old"},
		{"an answer", full, "", 402, "pay", "", nil, "4xx pay"},
		{"an answer that is not wanted", "path: /", "", 402, "pay", "", nil, "external_failed"},
		{"a failure", full, "", 503, "", "", nil, "external_failed"},
		{"a failure that passes", full, ", on_error: pass", 503, "", "", nil, "sent old"},
		{"another status", full, "", 201, "", "", nil, "external_failed"},
		{"a large body", full, "", 200, "01234567890", "", nil, "external_failed"},
		{"a compressed body", full, "", 200, "new", "Content-Encoding: gzip", nil, "external_failed"},
		{"itself", full, "", 0, "", "", policy.ErrLoop, "external_failed"},
		{"itself, and failures pass", full, ", on_error: pass", 0, "", "", policy.ErrLoop, "external_failed"},
		{"no answer", full, "", 0, "", "", problem.UpstreamOut.New(""), "external_failed"},
		{"no answer that passes", full, ", on_error: pass", 0, "", "", problem.UpstreamOut.New(""), "sent old"},
		{"a client that is gone", full, ", on_error: pass", 0, "", "", problem.BadRequest.Wrap(wire.ErrClientGone), "bad_request"},
		{"a large request", "body: 2B", ", on_error: pass", 204, "", "", nil, "body_too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body *counted
			e, errs := made(t, func(*wire.Call) (*wire.Response, error) {
				if c.err != nil {
					return nil, c.err
				}
				var resp *wire.Response
				resp, body = message(c.status, c.answer, c.field)
				return resp, nil
			}, "{upstream: hooks, request: {"+c.yaml+"}"+c.more+"}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			sent := ""
			got := outcome(e.Handle(ask("POST", "old"), func(x *policy.Exchange) (*wire.Response, error) {
				all, _ := io.ReadAll(x.Request.Body)
				sent = "sent " + string(all)
				return &wire.Response{Status: 200}, nil
			}))
			if sent != "" {
				got = sent
			}
			if got != c.want || body != nil && body.closed != 1 {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestResponses(t *testing.T) {
	for _, c := range []struct {
		name, yaml, method string
		back               int
		status             int
		answer, field      string
		want               string
	}{
		{"nothing changes", "take_body: true", "GET", 200, 204, "", "", "2xx old"},
		{"a body", "take_body: true", "GET", 200, 200, "new", "", "2xx new"},
		{"a status", "take_status: true", "GET", 404, 204, "", "Sallyport-Status: 500", "5xx old"},
		{"a status that is not wanted", "take_body: true", "GET", 404, 204, "", "Sallyport-Status: 500", "4xx old"},
		{"a status that is none", "take_status: true", "GET", 404, 204, "", "Sallyport-Status: 101", "external_failed"},
		{"no body for HEAD", "{body: 10B, take_body: true}", "HEAD", 200, 200, "new", "", "2xx old"},
		{"no refusals", "take_body: true", "GET", 200, 403, "new", "", "external_failed"},
		{"a large response", "body: 2B", "GET", 200, 204, "", "", "response_invalid"},
		{"a part", "take_body: true", "GET", 206, 204, "", "", "response_invalid"},
		{"a part whose body is nothing to it", "take_status: true", "GET", 206, 204, "", "", "2xx old"},
		{"a body where there is none", "{take_body: true, take_status: true}", "GET", 204, 200, "new", "Sallyport-Status: 200", "2xx new"},
		{"no body where there is none", "{take_body: true, take_status: true}", "GET", 204, 200, "new", "", "2xx old"},
		{"a status for none", "take_status: true", "GET", 304, 204, "", "Sallyport-Status: 404", "4xx "},
		{"a part of one's own", "take_status: true", "GET", 200, 204, "", "Sallyport-Status: 206", "external_failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, errs := made(t, func(call *wire.Call) (*wire.Response, error) {
				if s := call.Header.Get("Sallyport-Stage"); s != "response" {
					t.Errorf("the stage is %q", s)
				}
				resp, _ := message(c.status, c.answer, c.field)
				return resp, nil
			}, "{upstream: hooks, response: {"+strings.Trim(c.yaml, "{}")+"}}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			resp, body := message(c.back, "old")
			got := outcome(e.Handle(ask(c.method, ""), func(*policy.Exchange) (*wire.Response, error) { return resp, nil }))
			if got != c.want || body.closed != 1 {
				t.Errorf("got %q, want %q; closed %d times", got, c.want, body.closed)
			}
		})
	}
}

// HEAD is answered with the header of what GET would get.
func TestHead(t *testing.T) {
	e, errs := made(t, func(*wire.Call) (*wire.Response, error) {
		resp, _ := message(200, "new", "Content-Type: text/new")
		return resp, nil
	}, "{upstream: hooks, response: {take_body: true}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	resp := &wire.Response{Status: 200, Length: 3}
	resp.Header.Add("ETag", `"1"`)
	resp.Header.Add("Content-Type", "text/old")
	if _, err := e.Handle(ask("HEAD", ""), func(*policy.Exchange) (*wire.Response, error) { return resp, nil }); err != nil {
		t.Fatal(err)
	}
	if resp.Length != -1 || resp.Header.Has("ETag") || resp.Header.Get("Content-Type") != "text/new" {
		t.Errorf("got a length of %d, %v", resp.Length, resp.Header)
	}
}

// Of several types readers may take either.
func TestTwoTypes(t *testing.T) {
	e, errs := made(t, func(*wire.Call) (*wire.Response, error) {
		resp, _ := message(200, "new", "Content-Type: text/html", "Content-Type: application/json")
		return resp, nil
	}, "{upstream: hooks, request: {take_body: true}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if got := outcome(e.Handle(ask("POST", "old"), func(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil })); got != "external_failed" {
		t.Errorf("got %s", got)
	}
}

// All fields are those of the message, not those about its own answer, and none that frames another message.
func TestAllHeaders(t *testing.T) {
	for side, c := range map[string]struct{ fields, want, not []string }{
		"request":  {[]string{"Accept-Encoding: gzip", "Range: bytes=0-1", "If-None-Match: *", "Authorization: t", "X-A: 1", "X-Request-Id: r"}, []string{"Authorization", "X-A", "X-Request-Id"}, []string{"Accept-Encoding", "Range", "If-None-Match"}},
		"response": {[]string{"Host: evil", "Content-Length: 9", "X_Forwarded_For: evil", "X-Forwarded-Uri: /evil", "Sallyport-Stage: request", "Set-Cookie: a=1"}, []string{"Set-Cookie"}, []string{"Host", "Content-Length", "X_Forwarded_For"}},
	} {
		e, errs := made(t, func(call *wire.Call) (*wire.Response, error) {
			for _, name := range c.want {
				if !call.Header.Has(name) {
					t.Errorf("%s: %s is missing", side, name)
				}
			}
			for _, name := range c.not {
				if call.Header.Has(name) {
					t.Errorf("%s: there is a %s", side, name)
				}
			}
			if got := call.Header.Values("Sallyport-Stage"); len(got) != 1 || got[0] != side {
				t.Errorf("%s: the stage is %q", side, got)
			}
			if got := call.Header.Values("X-Forwarded-Uri"); len(got) != 1 || got[0] != "/a" {
				t.Errorf("%s: the URI is %q", side, got)
			}
			resp, _ := message(204, "")
			return resp, nil
		}, "{upstream: hooks, "+side+": {headers: ['*']}}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		x, resp := ask("GET", "", c.fields...), &wire.Response{Status: 200}
		if side == "response" {
			x = ask("GET", "")
			resp, _ = message(200, "", c.fields...)
		}
		if _, err := e.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return resp, nil }); err != nil {
			t.Error(err)
		}
	}
}

// What only the service may say, a client cannot, whatever comes of the call.
func TestTakenHeaders(t *testing.T) {
	for name, answer := range map[string]service{
		"told":     func(*wire.Call) (*wire.Response, error) { r, _ := message(204, "", "X-Tenant: acme"); return r, nil },
		"not told": func(*wire.Call) (*wire.Response, error) { r, _ := message(204, ""); return r, nil },
		"failed":   func(*wire.Call) (*wire.Response, error) { return nil, errors.New("no") },
	} {
		e, errs := made(t, answer, "{upstream: hooks, request: {take_headers: [X-Tenant], headers: ['*']}, on_error: pass}")
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		_, err := e.Handle(ask("GET", "", "X-Tenant: other", "x_tenant: other"), func(x *policy.Exchange) (*wire.Response, error) {
			if got := x.Request.Header.Values("X-Tenant"); x.Request.Header.Has("x_tenant") || len(got) > 1 || len(got) == 1 && (got[0] != "acme" || name != "told") {
				t.Errorf("%s: the upstream gets %q", name, got)
			}
			return &wire.Response{Status: 200}, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestDocumentErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{upstream: hooks}":                                                           "external: it does nothing",
		"{upstream: hook, request: {}}":                                               `there is no upstream "hook"`,
		"{upstream: hooks, request: {path: hook}}":                                    "external.request.path: write a path",
		"{upstream: hooks, request: {headers: ['*', A]}}":                             `external.request.headers[0]: "*" is no header field`,
		"{upstream: hooks, request: {take_headers: [Content-Length]}}":                "external.request.take_headers[0]",
		"{upstream: hooks, response: {take_headers: [Content-Encoding]}}":             "external.response.take_headers[0]",
		"{upstream: hooks, request: {take_headers: [Set-Cookie]}}":                    "external.request.take_headers[0]",
		"{upstream: hooks, response: {take_headers: [X-Request-Id]}}":                 "external.response.take_headers[0]",
		"{upstream: hooks, response: {may_answer: true}}":                             "may_answer",
		"{upstream: hooks, request: {}, on_error: ignore}":                            "external.on_error",
		"{upstream: hooks, request: {take_body: true, take_headers: [Content-Type]}}": "external.request.take_headers[0]",
	} {
		if _, errs := made(t, nil, yaml); !strings.Contains(errs.Error(), want) || len(errs) > 0 && errs[0].Pos.Line == 0 {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
	}
}
