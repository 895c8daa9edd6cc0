package xmljson

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

func made(t testing.TB, yaml string) (*converter, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	p, errs := Kind.Build(n, name, &plug.Env{Denied: func(string, string) func() { return func() {} }})
	v, _ := p.(*converter)
	return v, errs
}

func TestDocumentErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":                                                    "xml_json: it does nothing",
		"{request: {to: yaml}}":                                 "xml_json.request.to",
		"{request: {to: xml, take: /a}}":                        "xml_json.request.take: it is for what becomes json",
		"{request: {to: json, wrap: /a}}":                       "xml_json.request.wrap: it is for what becomes xml",
		"{response: {to: json, take: [a]}}":                     "xml_json.response.take[0]: write it from the top",
		"{request: {to: json, arrays: ['p:a']}}":                "xml_json.request.arrays[0]: the prefix \"p\" is not under namespaces",
		"{request: {to: xml, wrap: '/a/*'}}":                    "xml_json.request.wrap: \"*\" is no name of an element",
		"{request: json, namespaces: {'1': 'urn:x'}}":           "\"1\" is no prefix",
		"{request: json, namespaces: {p: ''}}":                  "write the name of the namespace",
		"{request: json, namespaces: {p: 'urn:x', q: 'urn:x'}}": "xml_json.namespaces.q: the prefix p is of the same namespace",
		"{request: json, namespaces: {p: 'http://www.w3.org/XML/1998/namespace'}}": "xml_json.namespaces.p: this namespace has its prefix by itself",
		"{request: {to: json, content_type: \"a/b\\nX: y\"}}":                      "xml_json.request.content_type: it is no type",
		"{request: {to: xml, content_type: \"text/xml; charset=latin1\"}}":         "xml_json.request.content_type: what is made is in UTF-8",
		"{request: json, text: value}":                                             "xml_json.text: an element or attribute could have that name",
		"{request: json, attributes: a}":                                           "xml_json.attributes: names of elements could begin so",
	} {
		if _, errs := made(t, yaml); !strings.Contains(errs.Error(), want) || len(errs) > 0 && errs[0].Pos.Line == 0 {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
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

func TestMessages(t *testing.T) {
	v, errs := made(t, "{request: json, response: {to: xml}, size: 20B}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		name, kind, body     string
		status               int
		back, backBody, want string // want is the body of the answer, or a problem
	}{
		{"both ways", "text/xml", "<a/>", 200, "application/json", `{"a":1}`, `<?xml version="1.0" encoding="UTF-8"?><a>1</a>`},
		{"no bodies", "", "", 204, "", "", ""},
		{"another answer", "text/xml", "<a/>", 404, "text/plain", "what?", "what?"},
		{"another request", "text/plain", "<a/>", 200, "", "", "unsupported_media_type"},
		{"a large one", "text/xml", "<a>0123456789012345</a>", 200, "", "", "body_too_large"},
		{"a bad one", "text/xml", "<a>", 200, "", "", "validation_failed"},
		{"a large answer", "", "", 200, "application/json", `{"a":"0123456789012345"}`, "response_invalid"},
		{"a bad answer", "", "", 200, "application/json", `{`, "response_invalid"},
		{"an answer in part", "", "", 206, "application/json", `{"a":1}`, "response_invalid"},
	} {
		x := &policy.Exchange{Request: &wire.Request{Method: "POST"}}
		if c.body != "" {
			x.Request.Body, x.Request.Length = wire.BytesBody([]byte(c.body)), int64(len(c.body))
			x.Request.Header.Set("Content-Type", c.kind)
		}
		body := &counted{Reader: strings.NewReader(c.backBody)}
		resp := &wire.Response{Status: c.status, Body: body, Length: int64(len(c.backBody))}
		resp.Header.Set("Content-Type", c.back)
		sent := false
		got, err := v.Handle(x, func(*policy.Exchange) (*wire.Response, error) { sent = true; return resp, nil })
		if err != nil {
			if p := problem.From(err); p.Name != c.want || sent && body.closed != 1 {
				t.Errorf("%s: got %v, want %q; closed %d times", c.name, err, c.want, body.closed)
			}
			continue
		}
		b, _ := io.ReadAll(got.Body)
		got.Close()
		if string(b) != c.want || body.closed != 1 {
			t.Errorf("%s: got %s, want %s; closed %d times", c.name, b, c.want, body.closed)
		}
	}
}

// What would become much larger than it is is refused as what is large.
func TestGrowth(t *testing.T) {
	v, errs := made(t, "{request: xml, size: 1KiB}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	body := []byte(`{"a":{"` + strings.Repeat("b", 200) + `":[` + strings.Repeat("1,", 100) + `1]}}`)
	x := &policy.Exchange{Request: &wire.Request{Method: "POST", Body: wire.BytesBody(body), Length: int64(len(body))}}
	if err := v.ask(x); problem.From(err).Name != "body_too_large" {
		t.Errorf("got %v", err)
	}
}
