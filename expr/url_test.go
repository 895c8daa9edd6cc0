package expr

import (
	"net/url"
	"strings"
	"testing"

	"sallyport/schema"
	"sallyport/wire"
)

// put is a request of which one value is chosen by the test: request.header("v"), request.params.v (one segment) and request.params.rest.
type put struct {
	Vars
	value, raw, path, query string
}

func (p put) LookupText(root, field, key string) (string, bool, error) {
	switch {
	case root == "request" && (key == "v" || key == "rest") && (field == "headers" || field == "params" || field == "query"):
		return p.value, true, nil
	case root == "request" && field == "raw_params":
		return p.raw, p.raw != "" || p.value == "", nil
	case root == "request" && field == "path" && p.path != "":
		return p.path, true, nil
	case root == "request" && field == "raw_query":
		return p.query, p.query != "", nil
	}
	return p.Vars.LookupText(root, field, key)
}

const hole = `${request.header("v")}`

func TestPathTemplates(t *testing.T) {
	for _, c := range []struct{ name, src, value, raw, want string }{
		{"literal", "/v1/users", "", "", "/v1/users"},
		{"encoded literal", "/a%20b", "", "", "/a%20b"},
		{"constant", "/v1/${'a/b'}", "", "", "/v1/a/b"},
		{"plain", "/v1/" + hole, "42", "", "/v1/42"},
		{"slash", "/v1/" + hole + "/x", "a/b", "", "/v1/a%2Fb/x"},
		{"query and fragment", "/v1/" + hole, "a?b#c", "", "/v1/a%3Fb%23c"},
		{"percent", "/v1/" + hole, "100%", "", "/v1/100%25"},
		{"encoded slash in the value", "/v1/" + hole, "a%2Fb", "", "/v1/a%252Fb"},
		{"path parameter", "/v1/" + hole, "a;b=c", "", "/v1/a%3Bb=c"},
		{"backslash", "/v1/" + hole, `a\b`, "", "/v1/a%5Cb"},
		{"sub-delims and others", "/" + hole, "a!$&'()*+,=:@", "", "/a!$&'()*+,=%3A%40"},
		{"space", "/" + hole, "a b", "", "/a%20b"},
		{"UTF-8", "/" + hole, "é", "", "/%C3%A9"},
		{"dots in a word", "/" + hole, "a..b", "", "/a..b"},
		{"a part of a segment", "/v" + hole + ".json", "1", "", "/v1.json"},
		{"empty part of a segment", "/v" + hole, "", "", "/v"},
		{"a parameter keeps its form", "/v1/${request.params.v}", "a:b/c", "a:b%2Fc", "/v1/a:b%2Fc"},
		{"a rest parameter keeps its slashes", "/v1/${request.params.rest}", "a/b c", "a/b%20c", "/v1/a/b%20c"},
		{"an empty rest", "/v1/${request.params.rest}", "", "", "/v1/"},
		{"the path itself", "${request.path}", "", "", "/orders/42"},
		{"the path after a prefix", "/v1${request.path}", "", "", "/v1/orders/42"},
		{"the path after a slash", "/v1/${request.path}", "", "", "/v1/orders/42"},
		{"a number", "/${request.size}", "", "", "/300"},
		{"two", "/" + hole + "/" + hole, "a/b", "", "/a%2Fb/a%2Fb"},

		{"dot", "/v1/" + hole, ".", "", ""},
		{"dot dot", "/v1/" + hole, "..", "", ""},
		{"dot dot between", "/v1/" + hole + "/x", "..", "", ""},
		{"a dot and a dot", "/v1/." + hole, ".", "", ""},
		{"two holes", "/v1/" + hole + hole, ".", "", ""},
		{"traversal that a reader decodes", "/v1/" + hole, "../x", "", ""},
		{"traversal with backslashes", "/v1/" + hole, `..\x`, "", ""},
		{"traversal behind a semicolon", "/v1/" + hole, "..;x", "", ""},
		{"traversal that was encoded", "/v1/" + hole, "%2e%2e", "", ""},
		{"NUL", "/v1/" + hole, "a\x00", "", ""},
		{"line end", "/v1/" + hole, "a\r\nX: y", "", ""},
		{"empty at the end", "/v1/" + hole, "", "", ""},
		{"empty in the middle", "/v1/" + hole + "/x", "", "", ""},
		{"an empty rest in the middle", "/v1/${request.params.rest}/x", "", "", ""},
		{"a rest that climbs", "/v1/${request.params.rest}", "../x", "../x", ""},
		{"null", "/${request.body.user.none}", "", "", ""},
		{"missing", "/${request.headers.nope}", "", "", ""},
		{"a map", "/${request.body.user}", "", "", ""},
	} {
		tmpl, err := CompilePath(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := tmpl.Text(put{Vars: vars(t), value: c.value, raw: c.raw})
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestPathTemplateErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                      "must begin with a slash",
		"users":                 "must begin with a slash",
		hole:                    "must begin with a slash",
		"/a?b":                  `a path holds no "?" or "#"`,
		"/a/${request.path}?b":  `a path holds no "?" or "#"`,
		"/a//b":                 "write it as /a/b",
		"/a//${request.path}":   "write it as /a/",
		"/a/../${request.host}": "write it as /",
		"/../a":                 "leads above its root",
		"/a%2":                  "begins no escape",
		"/a b":                  "must not be there",
		"/${auth.scopes}":       "the expression makes a list where text is wanted",
		"/${response.status}":   "response does not exist here",
	} {
		var p PathTemplate
		errs := p.UnmarshalNode(&schema.Node{Kind: schema.String, Text: src, Quoted: true}, "path")
		if len(errs) != 1 || !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %v, want %q", src, errs, want)
		}
	}
	var p PathTemplate
	if errs := p.UnmarshalNode(&schema.Node{Kind: schema.String}, "path"); len(errs) > 0 || !p.IsZero() {
		t.Errorf("an empty default: got %v", errs)
	}
	if errs := p.UnmarshalNode(&schema.Node{Kind: schema.String, Text: "/a/$%7Brequest.path%7D", Literal: true}, "path"); len(errs) != 0 || p.String() != "/a/$%7Brequest.path%7D" {
		t.Errorf("a literal: got %v", errs)
	}
	if errs := p.UnmarshalNode(&schema.Node{Kind: schema.String, Text: "/a/${request.path}", Literal: true}, "path"); len(errs) != 1 {
		t.Errorf("a literal that is no path: got %v", errs)
	}
}

func TestQueryTemplates(t *testing.T) {
	for _, c := range []struct{ src, value, want string }{
		{"a b&c", "", "a%20b%26c"},
		{hole, "a&b=c", "a%26b%3Dc"},
		{"x=" + hole, "a+b c%20é/?", "x%3Da%2Bb%20c%2520%C3%A9%2F%3F"},
		{hole, "", ""},
		{"${request.size}", "", "300"},
		{"${request.time}", "", "2026-01-02T03%3A04%3A05Z"},
	} {
		tmpl, err := CompileQuery(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if got, err := tmpl.Text(put{Vars: vars(t), value: c.value}); got != c.want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", c.src, got, err, c.want)
		}
	}
	// What is no text is an error, at load where it is known. A map that a client sent would otherwise be parameters that nobody wrote.
	for _, src := range []string{"${request.body.user.none}", "${request.body.user}", "a${request.body.user}", "${request.query}", "${{'a': 'b'}}", "${['a']}"} {
		tmpl, err := CompileQuery(src)
		if err != nil {
			continue
		}
		if got, err := tmpl.Text(vars(t)); err == nil {
			t.Errorf("%s: got %q", src, got)
		}
	}
}

func TestURLTemplates(t *testing.T) {
	for _, c := range []struct{ src, value, query, want string }{
		{"https://example.com", "", "", "https://example.com"},
		{"https://example.com/a?b=c#d", "", "", "https://example.com/a?b=c#d"},
		{"/login", "", "", "/login"},
		{"https://example.com${request.path}", "", "", "https://example.com/orders/42"},
		{"https://example.com/${request.path}", "", "", "https://example.com/orders/42"},
		{"https://${request.host}${request.path}?${request.query}", "", "a=1&a=%32&b", "https://api.example.com/orders/42?a=1&a=%32&b"},
		{"https://${request.host}${request.path}?${request.query}", "", "", "https://api.example.com/orders/42"},
		{"https://${request.host}${request.path}?x=1&${request.query}", "", "", "https://api.example.com/orders/42?x=1"},
		{"https://${request.host}${request.path}?${request.query}", "", `"<>`, "https://api.example.com/orders/42?%22%3C%3E"},
		{"${request.scheme}://${request.host}/x", "", "", "https://api.example.com/x"},
		{"https://${request.host}:8443/x", "", "", "https://api.example.com:8443/x"},
		{"https://" + hole + ".example.com/", "shop", "", "https://shop.example.com/"},
		{"/login?next=${request.path}", "", "", "/login?next=%2Forders%2F42"},
		{"/login?" + hole + "=1", "a&b", "", "/login?a%26b=1"},
		{"/x?${merge({'b': 'x y'}, {'a': '&'})}", "", "", "/x?a=%26&b=x%20y"},
		{"/x?a=1&${request.query}&b=2#c", "", "q=1", "/x?a=1&q=1&b=2#c"},
		{"/x?${request.query}#c", "", "q=1", "/x?q=1#c"},
		{"/x?next=${request.body.user}", "", "", ""},
		{"/x?${request.body.user}=1", "", "", ""},
		{"/x?a&b${request.body.user}", "", "", ""},
		{"/x#" + hole, "a b", "", "/x#a%20b"},
		{"https://e.com/x/" + hole + "?y", "a/b", "", "https://e.com/x/a%2Fb?y"},
		{"https://e.com?y=" + hole, "a/b", "", "https://e.com?y=a%2Fb"},

		{"https://" + hole + "/", "evil.com/x", "", ""},
		{"https://" + hole + "/", "a@evil.com", "", ""},
		{"https://" + hole + "/", "evil.com#", "", ""},
		{"https://e.com/" + hole, "..", "", ""},
		{"/" + hole, "//evil.com", "", "/%2F%2Fevil.com"},
		{"/" + hole + "/x", "", "", ""},
		{hole + "://e.com/", "java script", "", ""},
	} {
		tmpl, err := CompileURL(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		got, err := tmpl.Text(put{Vars: vars(t), value: c.value, query: c.query})
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s with %q: got %q, %v; want %q", c.src, c.value, got, err, c.want)
		}
	}
	for src, want := range map[string]string{
		"":                           "a URL begins with",
		"example.com/x":              "a URL begins with",
		"//example.com/x":            "a URL begins with",
		"javascript:alert(1)":        "a URL begins with",
		"ftp://example.com/":         "a URL begins with",
		"https:///x":                 "the URL has no host",
		"https://a b/":               "must not be there",
		"https://e.com/../x":         "leads above its root",
		"https://e.com/a//b":         "write it as",
		"https://u@e.com/":           "must not be there",
		"https://e.com/${foo}":       "unknown variable",
		hole:                         "an expression cannot be all of a URL",
		hole + "/x":                  "an expression cannot be all of a URL",
		"x${request.path}":           "a URL begins with",
		"https://${request.host}//a": "write it as /a",
		"/x?next=${request.query}":   "stands for all parameters",
		"/x?${request.query}=1":      "stands for all parameters",
	} {
		if _, err := CompileURL(src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", src, err, want)
		}
	}
}

// Whatever the value is, the path has the segments that the template has, and none of them is a dot segment to any reader that
// the engine knows of.
func FuzzPathTemplate(f *testing.F) {
	for _, s := range []string{"", "a", ".", "..", "../..", "a/b", "%2e%2e", "..%2f", "%", "a\x00b", "\\..\\", ";", "..;/", "é", "\xff", "//", "%252e%252e", "．．", "?#&="} {
		f.Add(s)
	}
	v := vars(f)
	templates := []struct {
		src      string
		segments int
	}{
		{"/v1/" + hole, 2}, {"/v1/" + hole + "/x", 3}, {"/a" + hole + "b/x", 2}, {"/." + hole, 1}, {"/" + hole + "/" + hole, 2},
		{"/v1/x${request.headers['v']}.json/${request.size}", 3},
	}
	compiled := make([]*PathTemplate, len(templates))
	for i, c := range templates {
		var err error
		if compiled[i], err = CompilePath(c.src); err != nil {
			f.Fatal(c.src, err)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		for i, c := range templates {
			got, err := compiled[i].Text(put{Vars: v, value: value})
			if err != nil {
				continue
			}
			if n := strings.Count(got, "/"); n != c.segments || got[0] != '/' {
				t.Fatalf("%s with %q: %q has %d segments", c.src, value, got, n)
			}
			if strings.ContainsAny(got, "?#;\\ \x00\r\n") {
				t.Fatalf("%s with %q: %q holds syntax", c.src, value, got)
			}
			again, _, fault := wire.Canonical(got, func(b []byte) string { return string(b) })
			if again != got || fault != nil {
				t.Fatalf("%s with %q: %q is not canonical: %v", c.src, value, got, fault)
			}
			u, err := url.Parse(got)
			if err != nil || u.Path == "" || u.Host != "" {
				t.Fatalf("%s with %q: %q: %v", c.src, value, got, err)
			}
			for _, segment := range strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' || r == '\\' }) {
				if segment == "." || segment == ".." {
					t.Fatalf("%s with %q: %q climbs", c.src, value, got)
				}
			}
		}
	})
}

// Whatever the value is, it stays one value of one parameter, and the URL stays at its host.
func FuzzURLTemplate(f *testing.F) {
	for _, s := range []string{"", "a", "&b=c", "#", "%", "\r\n", "é", "\xff", "@evil.com", "/..", "a b+c"} {
		f.Add(s)
	}
	v := vars(f)
	tmpl, err := CompileURL("https://e.com/a/x" + hole + "?q=" + hole + "&r=" + hole + "#" + hole)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := tmpl.Text(put{Vars: v, value: value})
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q: %q: %v", value, got, err)
		}
		q, err := url.ParseQuery(u.RawQuery)
		if err != nil || u.Host != "e.com" || u.User != nil || u.Fragment != value || len(q) != 2 || q.Get("q") != value || q.Get("r") != value || u.Path != "/a/x"+value {
			t.Fatalf("%q: got %q: %v", value, got, err)
		}
	})
}

// A template ends with an error or a text, and never panics; a template without a hole is its own text.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "a", "${", "$${", "${}", "${'}'}", "${request.path}", `${"""}"""}`, "${r'\\'}", "${//}\n}", "${request.header('x-a')}-${client.port}", "${[1].map(x, x)}"} {
		f.Add(s)
	}
	v := vars(f)
	f.Fuzz(func(t *testing.T, src string) {
		tmpl, err := CompileTemplate(src)
		if err != nil {
			return
		}
		got, err := tmpl.Text(v)
		if !strings.Contains(src, "${") && (got != src || err != nil) {
			t.Fatalf("%q: got %q, %v", src, got, err)
		}
		for _, fault := range faults(err) {
			_ = fault.Error()
		}
		c := compiler{always: true}
		slow, err2 := c.template(src, Text, Any)
		if err2 != nil {
			t.Fatalf("%q: compiles only where it is plain: %v", src, err2)
		}
		again, err2 := slow.Text(v)
		if (err == nil) != (err2 == nil) || err == nil && got != again && !strings.Contains(src, "uuid") && !strings.Contains(src, "now") && !strings.Contains(src, "body") {
			t.Fatalf("%q: plain %q, %v; interpreted %q, %v", src, got, err, again, err2)
		}
	})
}
