package body

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

func made(t testing.TB, yaml string) (*bodies, schema.Errors, []string) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var warned []string
	p, errs := Kind.Build(n, name, &plug.Env{Denied: func(string, string) func() { return func() {} }, Warn: func(format string, args ...any) {
		warned = append(warned, format)
	}})
	b, _ := p.(*bodies)
	return b, errs, warned
}

func ask(method, kind, body string) *policy.Exchange {
	x := &policy.Exchange{Request: &wire.Request{Method: method}}
	if body != "" {
		x.Request.Body, x.Request.Length = wire.BytesBody([]byte(body)), int64(len(body))
	}
	if kind != "" {
		x.Request.Header.Set("Content-Type", kind)
	}
	return x
}

func TestRequests(t *testing.T) {
	for _, c := range []struct{ name, yaml, kind, body, want string }{ // want is a body or a problem
		{"a value", "{a: 1.10, b: '${request.method}'}", "", "", `{"a":1.10,"b":"POST"}`},
		{"a value that is a list", "[1, '${request.body.x}']", "application/json", `{"x":{"n":1.10}}`, `[1,{"n":1.10}]`},
		{"one in settings", "{value: {set: 1}, omit: x}", "", "", `{"set":1}`},
		{"order and digits", "{all: '${request.body}', z: '${request.body.l[1]}', m: '${request.body.l.map(i, i)}', t: '${request.body.s}-${request.body.n}'}", "application/json", `{"z":1.10,"a":{"y":1e5,"b":2},"l":[{"q":1,"p":2},{"d":9007199254740993,"c":0.10}],"s":"x","n":7}`,
			`{"all":{"z":1.10,"a":{"y":1e5,"b":2},"l":[{"q":1,"p":2},{"d":9007199254740993,"c":0.10}],"s":"x","n":7},"z":{"d":9007199254740993,"c":0.10},"m":[{"q":1,"p":2},{"d":9007199254740993,"c":0.10}],"t":"x-7"}`},
		{"no JSON to look into", "{a: '${request.body.x}'}", "", "{", "bad_request"},
		{"a name twice in what is looked into", "{a: '${request.body.x}'}", "", `{"x":1,"x":2}`, "bad_request"},
		{"encoded", "{a: '${request.body.x}'}", "application/json; charset=utf-16", `{}`, "unsupported_media_type"},
		{"one that is shaped", "{value: '${request.body}', omit: a, set: {c: 3}}", "", `{"a":1,"b":2}`, `{"b":2,"c":3}`},
		{"text in place of others", "plain", "text/plain", "x", `"plain"`},
		{"nothing there", "{omit: a}", "", "", ""},
		{"selected", "{select: ['a[].b']}", "", `{"a":[{"b":1.10,"c":2}],"d":3}`, `{"a":[{"b":1.10}]}`},
		{"a name twice", "{omit: x}", "", `{"a":1,"a":2}`, "validation_failed"},
		{"no JSON", "{omit: x}", "", "{", "validation_failed"},
		{"a name that is taken", "{rename: {a: b}}", "", `{"a":1,"b":2}`, "validation_failed"},
		{"another type", "{omit: x}", "text/plain", "{}", "unsupported_media_type"},
		{"another type that passes", "{omit: x, others: pass}", "text/plain", "{", "{"},
		{"large", "{omit: x, size: 10B}", "", `{"a":"0123456789"}`, "body_too_large"},
		{"what is not there", "{a: '${request.body.x}'}", "application/json", `{"y":1}`, "bad_request"},
		{"large, for an expression", "{value: {a: '${request.body.a}'}, size: 10B}", "", `{"a":"0123456789"}`, "body_too_large"},
		{"larger than expressions read elsewhere", "{value: '${request.body.b}', size: 4MiB}", "", `{"a":"` + strings.Repeat("x", 2<<20) + `","b":1}`, "1"},
		{"what is put everywhere", "{set: {'l[].a': '${request.body.a}'}, size: 10KiB}", "", `{"a":"` + strings.Repeat("x", 1<<10) + `","l":[` + strings.Repeat("{},", 1000) + "{}]}", "body_too_large"},
		{"what is repeated", "{value: '${request.body.l.map(i, request.body)}', size: 10KiB}", "", `{"a":"` + strings.Repeat("x", 1<<10) + `","l":[` + strings.Repeat("1,", 100) + "1]}", "body_too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, errs, warned := made(t, "{request: "+c.yaml+"}")
			if len(errs)+len(warned) > 0 {
				t.Fatal(errs, warned)
			}
			x, got := ask("POST", c.kind, c.body), ""
			_, err := b.Handle(x, func(x *policy.Exchange) (*wire.Response, error) {
				if x.Request.Body != nil {
					all, _ := io.ReadAll(x.Request.Body)
					if got = string(all); int64(len(all)) != x.Request.Length {
						t.Errorf("the length is %d, of %s", x.Request.Length, all)
					}
				}
				return &wire.Response{}, nil
			})
			if err != nil {
				got = problem.From(err).Name
			}
			if got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
		})
	}
}

type counted struct {
	io.Reader
	closed int
}

func (c *counted) Close() error {
	c.closed++
	return nil
}

func TestResponses(t *testing.T) {
	for _, c := range []struct {
		name, yaml   string
		status       int
		method, kind string
		body, want   string
	}{
		{"a value", "{s: '${response.status}', d: '${response.body.d}'}", 200, "GET", "application/json", `{"d":[1.10]}`, `{"s":200,"d":[1.10]}`},
		{"not of errors", "{a: 1}", 404, "GET", "text/plain", "no", "no"},
		{"of errors", "{value: {a: 1}, statuses: [404, 5xx]}", 404, "GET", "text/plain", "no", `{"a":1}`},
		{"omitted", "{omit: a}", 200, "GET", "application/json", `{"a":1,"b":2}`, `{"b":2}`},
		{"of another type", "{omit: a}", 200, "GET", "text/html", `{"a":1}`, "response_invalid"},
		{"of another type that passes", "{omit: a, others: pass}", 200, "GET", "text/html", "<p>", "<p>"},
		{"large", "{omit: a, size: 5B}", 200, "GET", "", `{"a":1,"b":2}`, "response_invalid"},
		{"what is not there", "{a: '${response.body.x}'}", 200, "GET", "application/json", `{}`, "response_invalid"},
		{"empty", "{omit: a}", 200, "GET", "", "", ""},
		{"of HEAD", "{omit: a}", 200, "HEAD", "application/json", "", ""},
		{"of no content", "{a: 1}", 204, "GET", "", "", ""},
		{"a part", "{omit: a}", 206, "GET", "application/json", `{"a":1}`, "response_invalid"},
		{"in place of a part", "{a: 1}", 206, "GET", "text/plain", "x", "response_invalid"},
		{"larger than expressions read elsewhere", "{value: '${response.body.b}', size: 4MiB}", 200, "GET", "", `{"a":"` + strings.Repeat("x", 2<<20) + `","b":1}`, "1"},
		{"large, for an expression", "{value: '${response.body.b}', size: 10B}", 200, "GET", "", `{"a":"0123456789"}`, "response_invalid"},
		{"what is put everywhere", "{set: {'l[].a': '${response.body.a}'}, size: 10KiB}", 200, "GET", "", `{"a":"` + strings.Repeat("x", 1<<10) + `","l":[` + strings.Repeat("{},", 1000) + "{}]}", "response_invalid"},
		{"nothing to stream", "{omit: a, stream: true}", 200, "GET", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, errs, _ := made(t, "{response: "+c.yaml+"}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			body := &counted{Reader: strings.NewReader(c.body)}
			resp := &wire.Response{Status: c.status, Body: body, Length: int64(len(c.body))}
			resp.Header.Set("Content-Type", c.kind)
			got := handled(b, ask(c.method, "", ""), resp)
			if got != c.want || body.closed != 1 {
				t.Errorf("got %s, want %s; closed %d times", got, c.want, body.closed)
			}
		})
	}
}

// The request's body is there for the response, too, although it has gone on by then.
func TestRequestInResponse(t *testing.T) {
	b, errs, _ := made(t, "{response: {of: '${request.body.id}', is: '${response.body.n}'}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for body, want := range map[string]string{`{"id":7}`: `{"of":7,"is":1}`, `{"id":`: "bad_request", "": "bad_request"} {
		x, sent := ask("POST", "application/json", body), ""
		if x.Request.Body != nil {
			x.Request.Body = io.NopCloser(strings.NewReader(body))
		}
		resp, err := b.Handle(x, func(x *policy.Exchange) (*wire.Response, error) {
			if x.Request.Body != nil {
				all, _ := io.ReadAll(x.Request.Body)
				sent = string(all)
			}
			return &wire.Response{Status: 200, Body: wire.BytesBody([]byte(`{"n":1}`)), Length: 7}, nil
		})
		var got string
		if err != nil {
			got = problem.From(err).Name
		} else {
			all, _ := io.ReadAll(resp.Body)
			got = string(all)
		}
		if got != want || want != "bad_request" && sent != body {
			t.Errorf("%s: got %s, want %s; sent %s", body, got, want, sent)
		}
	}
}

// A part of a body is no body.
func TestParts(t *testing.T) {
	b, errs, _ := made(t, "{request: {omit: a}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := ask("PUT", "application/json", `{"a":1}`)
	x.Request.Header.Set("Content-Range", "bytes 0-6/20")
	if err := b.ask(x); problem.From(err).Name != "bad_request" {
		t.Errorf("got %v", err)
	}
}

// handled is the body of the answer, or the problem in its place.
func handled(b *bodies, x *policy.Exchange, resp *wire.Response) string {
	resp, err := b.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return resp, nil })
	if err != nil {
		return problem.From(err).Name
	}
	defer resp.Close()
	all, _ := io.ReadAll(resp.Body)
	return string(all)
}

func TestDocumentErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":                                         "body: it does nothing",
		"{request: {omit: a, name: x}}":              "body.request.name: it is no setting",
		"{request: {select: ['a[0]']}}":              "body.request.select[0]: [] stands for all items",
		"{request: {rename: {a: b.c}}}":              "body.request.rename.a: write the new name alone",
		"{request: {set: {a: 1, a.b: 2}}}":           "body.request.set[\"a.b\"]: what is put at a has no room",
		"{request: {set: {a: 1}, defaults: {a: 2}}}": "body.request.defaults.a: something is put there",
		"{request: {a: '${response.status}'}}":       "response does not exist here",
		"{response: {omit: a, statuses: 2000}}":      "it is no status",
		"{response: {others: maybe, omit: a}}":       "body.response.others",
		"{request: {}}":                              "body.request: it does nothing; give settings, or write value: {} for a body",
		"{request: {omit: []}}":                      "body.request.omit: it is empty and does nothing",
		"{response: {select: [], omit: a}}":          "body.response.select: it is empty and does nothing",
		"{response: {set: {}}}":                      "body.response.set: it is empty and does nothing",
		"{response: {size: 10KiB}}":                  "body.response: nothing is done to the body; give value,",
		"{response: {stream: true}}":                 "body.response: nothing is done to the body; give value,",
	} {
		if _, errs, _ := made(t, yaml); !strings.Contains(errs.Error(), want) || len(errs) > 0 && errs[0].Pos.Line == 0 {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
	}
}

func TestSlips(t *testing.T) {
	for yaml, want := range map[string]int{
		"{request: {omitt: [a]}}": 1, "{request: {omitt: text}}": 1, "{request: {Omit: a}}": 1, "{response: {omitt: text, Select: a}}": 1, "{request: {OMIT: '${request.path}'}}": 1,
		"{request: {items: [a]}}": 0, "{request: {other: text, id: 1}}": 0, "{request: {values: '${request.path}'}}": 0, "{request: {value: {omitt: a}}}": 0, "{request: {value: {}}}": 0,
	} {
		if _, errs, warned := made(t, yaml); len(warned) != want || len(errs) > 0 {
			t.Errorf("%s: warned %q, %v", yaml, warned, errs)
		}
	}
}

func FuzzMake(f *testing.F) {
	for _, s := range []string{`{"a":[{"b":1,"c":2}],"d":{"e":null}}`, `[[{"a":1}]]`, `{"a":{"a":{}}}`, `"\u0061"`} {
		f.Add([]byte(s))
	}
	b, errs, _ := made(f, `{request: {select: [a, d.e, "x[].y"], omit: ["a[].b"], rename: {d.e: f}, set: {"a[].new": 1, d.g.h: "x"}, defaults: {i: {}}}}`)
	if len(errs) > 0 {
		f.Fatal(errs)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		x := ask("POST", "", string(in))
		if err := b.ask(x); err != nil || x.Request.Body == nil {
			return
		}
		out, _ := io.ReadAll(x.Request.Body)
		if len(in) == 0 {
			return
		}
		if _, err := policy.DecodeJSON(out); err != nil {
			t.Errorf("%q became %q, which is no JSON: %v", in, out, err)
		}
		if strings.Contains(string(out), `"b":`) && !strings.Contains(string(in), `"b":`) {
			t.Errorf("%q became %q", in, out)
		}
	})
}
