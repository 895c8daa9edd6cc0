package headers

import (
	"io"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, yaml string) (policy.Policy, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return Kind.Build(n, "headers", &plug.Env{})
}

func header(lines string) (h wire.Header) {
	for _, line := range strings.Split(lines, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(name, strings.TrimSpace(value))
		}
	}
	return h
}

func lines(h *wire.Header) string {
	var out []string
	for name, value := range h.All() {
		out = append(out, name+": "+value)
	}
	return strings.Join(out, "\n")
}

func TestRequests(t *testing.T) {
	for _, c := range []struct{ name, yaml, before, after string }{
		{"set", "{set: {X-A: new}}", "X-B: 1", "X-B: 1\nX-A: new"},
		{"set one that is there", "{set: {x-a: new}}", "X-A: 1\nX-B: 2\nX-A: 3", "x-a: new\nX-B: 2"},
		{"add", "{add: {X-A: new}}", "X-A: 1", "X-A: 1\nX-A: new"},
		{"remove", "{remove: x-a}", "X-A: 1\nX-B: 2\nx-A: 3", "X-B: 2"},
		{"in this order", "{set: {X-A: s}, add: {X-A: a}, remove: [X-A, X-B]}", "X-A: 1\nX-B: 2", "X-A: s\nX-A: a"},
		{"by name", "{set: {X-C: 3, X-A: 1, X-B: 2}}", "", "X-A: 1\nX-B: 2\nX-C: 3"},
		{"an expression", "{set: {X-A: '${request.method} of ${request.headers[\"x-b\"]}'}}", "X-B: 1", "X-B: 1\nX-A: GET of 1"},
		{"trimmed", "{set: {X-A: '${request.header(\"x-b\") + \" \"}'}}", "X-B: 1", "X-B: 1\nX-A: 1"},
		{"empty", "{set: {X-A: '${request.header(\"x-c\")}'}, add: {X-B: ''}}", "X-A: 1", ""},
		{"beyond ASCII", "{set: {X-A: grün}}", "", "X-A: grün"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, errs := made(t, "{request: "+c.yaml+"}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			x := &policy.Exchange{Request: &wire.Request{Method: "GET", Header: header(c.before)}}
			_, err := p.Handle(x, func(x *policy.Exchange) (*wire.Response, error) {
				if got := lines(&x.Request.Header); got != c.after {
					t.Errorf("got\n%s\nwant\n%s", got, c.after)
				}
				return &wire.Response{}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing that a client sends can end a header and begin another.
func TestInjection(t *testing.T) {
	for _, yaml := range []string{`{request: {set: {X-A: "${request.query.v}"}}}`, `{request: {set: {X-A: "${[request.query.v]}"}}}`} {
		injected(t, yaml)
	}
}

func injected(t *testing.T, yaml string) {
	t.Helper()
	p, errs := made(t, yaml)
	q, more := made(t, `{response: {add: {X-A: "<${request.query.v}>"}}}`)
	if errs = append(errs, more...); len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, v := range []string{"a%0d%0aX-Evil:1", "a%0aX-Evil:1", "a%0db", "a%00b", "%7f"} {
		x := &policy.Exchange{Request: &wire.Request{Query: "v=" + v}}
		_, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) {
			t.Errorf("%s went on to the backend", v)
			return &wire.Response{}, nil
		})
		if got := problem.From(err); got.Name != "bad_request" || strings.Contains(got.Detail, "Evil") {
			t.Errorf("%s in the request: %v", v, err)
		}
		body := &closing{}
		_, err = q.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Body: body}, nil })
		if got := problem.From(err); got.Name != "bad_request" || strings.Contains(got.Detail, "Evil") || !body.closed {
			t.Errorf("%s in the response: %v, closed %v", v, err, body.closed)
		}
	}
}

type closing struct{ closed bool }

func (*closing) Read([]byte) (int, error) { return 0, io.EOF }

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestMissingValueIsAnError(t *testing.T) {
	p, _ := made(t, `{request: {set: {X-A: "${request.headers['x-b']}"}}}`)
	_, err := p.Handle(&policy.Exchange{Request: &wire.Request{}}, nil)
	if problem.From(err).Name != "bad_request" {
		t.Errorf("got %v, want bad_request", err)
	}
}

func TestResponses(t *testing.T) {
	for _, c := range []struct{ name, yaml, before, after string }{
		{"all", "{set: {X-A: s}, add: {X-A: a}, remove: Server}", "Server: x/1.0\nX-A: 1", "X-A: s\nX-A: a"},
		{"by its status", "{set: {X-A: '${response.status}'}}", "", "X-A: 201"},
		{"by its header", "{set: {X-A: '${response.headers[\"x-b\"]}!'}}", "X-B: 1", "X-B: 1\nX-A: 1!"},
		{"by the request", "{set: {X-A: '${request.method}'}}", "", "X-A: GET"},
		{"several", "{set: {Set-Cookie: '${response.header_values(\"set-cookie\").filter(c, c.startsWith(\"a\"))}'}, add: {X-A: '${response.body.l}'}}", "Set-Cookie: a=1\nSet-Cookie: b=2\nSet-Cookie: aa=3", "Set-Cookie: a=1\nSet-Cookie: aa=3\nX-A: 1\nX-A: x"},
		{"none of several", "{set: {X-A: '${response.header_values(\"x-b\")}'}}", "X-A: 1", ""},
		{"by its body", "{set: {X-A: '${response.body.id}'}}", "", "X-A: 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, errs := made(t, "{response: "+c.yaml+"}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			x := &policy.Exchange{Request: &wire.Request{Method: "GET"}}
			resp, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) {
				return &wire.Response{Status: 201, Header: header(c.before), Body: wire.BytesBody([]byte(`{"id":7,"l":[1,"","x"]}`)), Length: 23}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(&resp.Header); got != c.after {
				t.Errorf("got\n%s\nwant\n%s", got, c.after)
			}
			if b, err := io.ReadAll(resp.Body); string(b) != `{"id":7,"l":[1,"","x"]}` || err != nil {
				t.Errorf("the body is %q, %v", b, err)
			}
		})
	}
}

// The gateway's own errors get the headers as well, those that can be made for them.
func TestProblems(t *testing.T) {
	p, errs := made(t, `{response: {set: {X-A: "${response.status}", X-B: "${response.headers['x-b']}", Content-Type: text/plain}, remove: x-limit}}`)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	_, err := p.Handle(&policy.Exchange{Request: &wire.Request{}}, func(*policy.Exchange) (*wire.Response, error) {
		return nil, problem.Overloaded.New("").With("Retry-After", "3").With("X-Limit", "9")
	})
	got := problem.From(err)
	if got.Name != "overloaded" || len(got.Header) != 2 || got.Header[0] != [2]string{"Retry-After", "3"} || got.Header[1] != [2]string{"X-A", "503"} {
		t.Errorf("got %v with %v", got, got.Header)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"{}", "headers: it does nothing; give request or response"},
		{"{request: {set: {Host: x}}}", "headers.request.set.Host: Host decides where the request goes; use the policy rewrite"},
		{"{response: {add: {content-length: '3'}}}", "headers.response.add.content-length: Content-Length frames the message"},
		{"{response: {remove: [Server, Transfer-Encoding]}}", "headers.response.remove[1]: Transfer-Encoding frames"},
		{"{request: {remove: Connection}}", "headers.request.remove[0]: Connection is between two neighbours only (RFC 9110 §7.6.1)"},
		{"{request: {set: {TE: trailers}}}", "TE is between two neighbours only"},
		{"{response: {set: {X-Request-Id: x}}}", "X-Request-Id is on every response"},
		{"{request: {set: {'X A': x}}}", `"X A" is no header name`},
		{"{request: {set: {X-A: x, x-a: y}}}", "X-A is the same header"},
		{`{request: {set: {X-A: "a\nb"}}}`, "headers.request.set.X-A: the value holds a control character"},
		{"{request: {set: {X-A: '${response.status}'}}}", "response does not exist here"},
		{"{requst: {set: {X-A: x}}}", `did you mean "request"`},
	} {
		_, errs := made(t, c.yaml)
		if !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.yaml, errs.Error(), c.want)
		}
		if len(errs) > 0 && errs[0].Pos.Line == 0 {
			t.Errorf("%s: the error has no place", c.yaml)
		}
	}
}

// What a response's fields are made of is there when they are made: the request's body was read before it went on.
func TestBodies(t *testing.T) {
	for _, c := range []struct {
		name, value, method, sent string
		status                    int
		back, want                string // a value, none or a problem
	}{
		{"of the request", "${request.body.id}", "POST", `{"id":7}`, 200, "", "X-A: 7"},
		{"of the request, which has none", "${request.body.id}", "POST", "", 200, "", "bad_request"},
		{"of the request, which is bad", "${request.body.id}", "POST", "{", 200, "", "bad_request"},
		{"of the response", "${response.body.n}", "GET", "", 200, `{"n":1}`, "X-A: 1"},
		{"of the response, which lacks it", "${response.body.n}", "GET", "", 200, `{}`, "response_invalid"},
		{"of a response to HEAD", "${response.body.n}", "HEAD", "", 200, "", ""},
		{"of a response without content", "${response.body.n}", "GET", "", 204, "", ""},
		{"a field that the response lacks", "${response.headers[\"x-b\"]}", "GET", "", 200, "", "response_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, errs := made(t, "{response: {set: {X-A: '"+c.value+"'}}}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			x := &policy.Exchange{Request: &wire.Request{Method: c.method}}
			x.Request.Header = header("Accept-Encoding: gzip\nRange: bytes=0-1")
			if c.sent != "" {
				x.Request.Body, x.Request.Length = io.NopCloser(strings.NewReader(c.sent)), int64(len(c.sent))
			}
			resp, err := p.Handle(x, func(x *policy.Exchange) (*wire.Response, error) {
				if x.Request.Body != nil {
					if all, _ := io.ReadAll(x.Request.Body); string(all) != c.sent {
						t.Errorf("the upstream gets %s", all)
					}
				}
				if whole := !x.Request.Header.Has("Range"); whole != strings.Contains(c.value, "response.body") {
					t.Errorf("all of the response is asked for: %v", whole)
				}
				r := &wire.Response{Status: c.status}
				if c.back != "" {
					r.Body, r.Length = io.NopCloser(strings.NewReader(c.back)), int64(len(c.back))
				}
				return r, nil
			})
			var got string
			if err != nil {
				got = problem.From(err).Name
			} else {
				got = lines(&resp.Header)
			}
			if got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
		})
	}
}

func TestPlainValuesAllocateNothing(t *testing.T) {
	p, errs := made(t, `{request: {set: {X-A: a, X-B: "${request.header('user-agent')}"}, remove: Cookie}, response: {set: {X-C: c}, remove: Server}}`)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	in, out := header("User-Agent: x\nCookie: y\nAccept: z"), header("Server: x\nContent-Type: y")
	x := &policy.Exchange{Request: &wire.Request{}}
	var resp wire.Response
	next := func(*policy.Exchange) (*wire.Response, error) { return &resp, nil }
	if n := testing.AllocsPerRun(100, func() {
		x.Request.Header.CopyFrom(&in)
		resp.Header.CopyFrom(&out)
		if _, err := p.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
