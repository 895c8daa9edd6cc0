package validate

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// made builds the policy from a document in a folder with files, and tells what it warned of.
func made(t testing.TB, yaml string, files ...string) (*validator, schema.Errors, []string) {
	t.Helper()
	folder := t.TempDir()
	for _, f := range files {
		name, text, _ := strings.Cut(f, "=")
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, errs := schema.Parse(filepath.Join(folder, "doc.yaml"), []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	none := func(string, string) func() { return func() {} }
	var warned []string
	p, errs := Kind.Build(n, "validate", &plug.Env{Denied: none, Acted: none, Warn: func(format string, args ...any) {
		warned = append(warned, format)
	}})
	v, _ := p.(*validator)
	return v, errs, warned
}

func ask(body string, fields ...string) *policy.Exchange {
	x := &policy.Exchange{Request: &wire.Request{Method: "POST"}}
	if body != "" {
		x.Request.Body, x.Request.Length = wire.BytesBody([]byte(body)), int64(len(body))
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		x.Request.Header.Add(name, value)
	}
	return x
}

// said lists what is wrong with a request.
func said(err error) (out []string) {
	for _, e := range func() []any { l, _ := problem.From(err).Extra["errors"].([]any); return l }() {
		m := e.(map[string]any)
		out = append(out, m["pointer"].(string)+": "+m["detail"].(string))
	}
	return out
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name, schema, body string
		want               []string
	}{
		{"a type", "{type: [string, 'null']}", `7`, []string{": It is a number, and has to be null or a string."}},
		{"numbers are exact", "{const: 9007199254740993}", `9007199254740992`, []string{": It has to be 9007199254740993."}},
		{"a number that is whole", "{type: integer}", `1.0`, nil},
		{"a fraction", "{multipleOf: 0.01}", `1.005`, []string{": It has to be a multiple of 0.01."}},
		{"a constant with signs", "{const: '<&>'}", `1`, []string{`: It has to be "<&>".`}},
		{"a name with signs", "{properties: {'a/b~c': {type: string}}}", `{"a/b~c":1}`, []string{"/a~1b~0c: It is a number, and has to be a string."}},
		{"names", "{properties: {a: {properties: {b: {propertyNames: {maxLength: 1}}}}, z: {properties: {y: {type: string}}}}}", `{"a":{"b":{"long":1}},"z":{"y":1}}`,
			[]string{"/a/b/long: Its name is not as names have to be here.", "/z/y: It is a number, and has to be a string."}},
		{"the alternative that was meant", "{anyOf: [{type: 'null'}, {type: object, required: [a]}]}", `{}`, []string{"/a: It is missing."}},
		{"the kind that was meant", "{oneOf: [{properties: {kind: {const: a}, n: {type: integer}}}, {properties: {kind: {const: b}, n: {type: string}}}]}", `{"kind":"a","n":"x"}`,
			[]string{"/n: It is a string, and has to be an integer."}},
		{"no alternative", "{anyOf: [{type: 'null'}, {type: string}]}", `1`, []string{": It is as none of the 2 alternatives."}},
		{"two of them", "{oneOf: [{type: number}, {minimum: 1}]}", `1`, []string{": It is as more than one of the alternatives, and has to be as one."}},
		{"unevaluated", "{allOf: [{properties: {a: true}}], unevaluatedProperties: false}", `{"a":1,"b":2}`, []string{"/b: It may not be there."}},
		{"a dependency", "{dependentRequired: {card: [cvc]}}", `{"card":1}`, []string{`/cvc: It is missing; "card" needs it.`}},
		{"twice", "{uniqueItems: true}", `[1,2,1.0]`, []string{": Its items 0 and 2 are the same."}},
		{"items before 2020", `{$schema: "http://json-schema.org/draft-07/schema#", items: [{type: string}], additionalItems: false}`, `["a",1]`, []string{": It has 1 items too many."}},
		{"a format", "{format: uuid}", `"x"`, []string{": It is no valid uuid."}},
		{"nothing", "{}", `{"a":[1,"b",null,{}]}`, nil},
		{"a number that is huge", "{}", `{"b":1,"a":[1e1001]}`, []string{"/a/0: The number is longer, or its exponent larger, than is taken here."}},
		{"one that is long", "{}", "[" + strings.Repeat("9", 129) + "]", []string{"/0: The number is longer, or its exponent larger, than is taken here."}},
		{"too deep", "{}", strings.Repeat("[", 65) + strings.Repeat("]", 65), []string{strings.Repeat("/0", 64) + ": It nests deeper than is taken here."}},
		{"a name twice", "{}", `{"a":1,"\u0061":2}`, []string{": The body is no JSON that is taken here: an object has a name twice."}},
		{"what follows", "{}", `{} {}`, []string{": The body is no JSON that is taken here: there is a mistake at byte 4."}},
		{"no text", "{}", "\"\xff\"", []string{": The body is no JSON that is taken here: it is not in UTF-8."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, errs, _ := made(t, "{request: {schema: "+c.schema+"}}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			for range 20 { // maps come in any order
				_, err := v.judge(ask(c.body))
				if got := said(err); !slices.Equal(got, c.want) {
					t.Fatalf("got %q, want %q (%v)", got, c.want, err)
				}
			}
		})
	}
}

func TestManyFindings(t *testing.T) {
	v, _, _ := made(t, "{request: {schema: {items: {type: string}}}}")
	_, err := v.judge(ask("[" + strings.Repeat("1,", 1000) + "1]"))
	if n := len(said(err)); n != maxFindings {
		t.Errorf("%d errors, want %d", n, maxFindings)
	}
	if cause := problem.From(err).Unwrap().Error(); !strings.HasSuffix(cause, "and 47 more") || strings.Contains(cause, "1001") {
		t.Errorf("the cause is %q", cause)
	}
}

// What a client sends stands neither in an answer nor in the log.
func TestValuesAreNotQuoted(t *testing.T) {
	v, _, _ := made(t, `{request: {schema: {properties: {a: {format: email}, b: {pattern: x}, c: {enum: [y]}, d: {const: z}, e: {type: array}}}}}`)
	_, err := v.judge(ask(`{"a":"hunter2","b":"hunter2","c":"hunter2","d":"hunter2","e":"hunter2"}`))
	if len(said(err)) != 5 || strings.Contains(strings.Join(said(err), " ")+err.Error(), "hunter2") {
		t.Errorf("got %q, %v", said(err), err)
	}
}

func TestDocumentErrors(t *testing.T) {
	line := "line.json={\"type\": \"object\",\n \"properties\": {\"n\": {\"type\": \"numbr\"}}}"
	for _, c := range []struct {
		name, yaml string
		files      []string
		want       string
	}{
		{"nothing", "{}", nil, "validate: it validates nothing"},
		{"no schema", "{request: {}}", nil, "validate.request: there is no schema; give schema or file"},
		{"two", "{request: {schema: {}, file: a.json}}", nil, "validate.request.file: there is a schema already"},
		{"a status", "{response: {statuses: {2000: {schema: {}}}}}", nil, "validate.response.statuses.2000: it is no status"},
		{"a word", "{request: {schema: {\n properties: {a: {type: strin}}}}}", nil, "doc.yaml:2:25: validate.request.schema.properties.a.type: this is no JSON Schema: a type is string"},
		{"in a file", "{request: {file: line.json}}", []string{line}, "line.json:2:31: properties.n.type: this is no JSON Schema: "},
		{"in one that is referred to", "{request: {schema: {items: {$ref: line.json}}}}", []string{line}, "line.json:2:31: properties.n.type: this is no JSON Schema: "},
		{"no file", "{request: {file: other.json}}", nil, "validate.request.file: there is no file other.json"},
		{"no JSON", "{request: {file: bad.json}}", []string{"bad.json={\"a\": 1,\n\"a\": 2}"}, "bad.json:2:1"},
		{"no file to refer to", "{request: {schema: {items: {$ref: x.json}}}}", nil, "validate.request.schema.items.$ref: x.json cannot be had: there is no file x.json"},
		{"a way up", "{request: {schema: {$ref: '..%2fx.json'}}}", nil, "it is not below the document's folder"},
		{"the network", "{request: {schema: {$ref: 'https://example.com/x.json'}}}", nil, "validate.request.schema.$ref: https://example.com/x.json cannot be had: it is not read"},
		{"a file by its URL", "{request: {schema: {$ref: 'file:///etc/passwd'}}}", nil, "it is not read"},
		{"by an id", "{request: {schema: {$id: 'https://example.com/a.json', $ref: x.json}}}", nil, "it is not read"},
		{"nowhere", "{request: {schema: {$ref: '#/$defs/x'}}}", nil, "#/$defs/x leads nowhere"},
		{"no anchor", "{request: {schema: {$ref: '#x'}}}", nil, "#x leads nowhere"},
		{"look-ahead", "{request: {schema: {pattern: '(?=a)'}}}", nil, "validate.request.schema.pattern: this is no JSON Schema: it is no regular expression of RE2"},
		{"another dialect", "{request: {schema: {$schema: 'https://example.com/dialect'}}}", nil, "it is not read"},
		{"a circle", "{request: {schema: {allOf: [{$ref: '#'}]}}}", nil, "it refers to itself for the same value"},
		{"a type of media", "{request: {schema: {}, content_types: [json]}}", nil, `"json": it is no type`},
		{"an expression", "{request: {file: '${request.path}'}}", nil, "it is read at load"},
		{"text", "{query: page}", nil, "validate.query: a string is given where a schema is wanted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, errs, _ := made(t, c.yaml, c.files...)
			if !strings.Contains(errs.Error(), c.want) {
				t.Errorf("got %q, want %q", errs.Error(), c.want)
			}
			if len(errs) > 0 && errs[0].Pos.Line == 0 {
				t.Error("the error has no place")
			}
		})
	}
}

func TestLinksOut(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(outside, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(folder, "x.json")); err != nil {
		t.Fatal(err)
	}
	n, _ := schema.Parse(filepath.Join(folder, "doc.yaml"), []byte("{request: {schema: {$ref: x.json}}}"))
	_, errs := Kind.Build(n, "validate", &plug.Env{Denied: func(string, string) func() { return nil }})
	if !strings.Contains(errs.Error(), errOut.Error()) {
		t.Errorf("got %q", errs)
	}
}

func TestFilesBelow(t *testing.T) {
	v, errs, warned := made(t, "{request: {file: a/order.json}}",
		`a/order.json={"$ref": "b/line.json#/$defs/l"}`, `a/b/line.json={"$defs": {"l": {"$ref": "../c.yaml"}}}`, "a/c.yaml=type: string")
	if len(errs) > 0 || len(warned) > 0 {
		t.Fatal(errs, warned)
	}
	if _, err := v.judge(ask("1")); len(said(err)) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestSlips(t *testing.T) {
	for yaml, want := range map[string]int{
		"{properties: {a: {format: emial}, b: {requird: [x]}, maxLengt: {maxLength: 1}}}": 2,
		"{$defs: {a: {items: {patern: x}}}, x-own: 1, type: string}":                      1,
		"{$id: 'urn:a', $defs: {a: {$id: 'urn:b', patern: x}}}":                           1,
	} {
		if _, errs, warned := made(t, "{request: {schema: "+yaml+"}}"); len(warned) != want || len(errs) > 0 {
			t.Errorf("%s: warned %q, %v", yaml, warned, errs)
		}
	}
}

// A schema that doubles its work with each level is held to bodies where that is bearable.
func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		name, schema string
		depth        int
	}{
		{"none", "{properties: {a: {type: string}}}", 64},
		{"a list", "{properties: {next: {$ref: '#'}, other: {$ref: '#'}}}", 64},
		{"alternatives apart", "{oneOf: [{properties: {and: {items: {$ref: '#'}}}, required: [and]}, {properties: {or: {items: {$ref: '#'}}}, required: [or]}]}", 64},
		{"doubling", "{anyOf: [{properties: {a: {$ref: '#'}}, required: [x]}, {properties: {a: {$ref: '#'}}, required: [y]}]}", 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, errs, warned := made(t, "{request: {schema: "+c.schema+"}}")
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if got := v.request.shape.depth; got != c.depth || (got < 64) != (len(warned) == 1) {
				t.Errorf("depth %d, want %d; warned %q", got, c.depth, warned)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	v, errs, _ := made(t, "{headers: {required: [X-Count], properties: {X-Count: {type: integer, maximum: 3}, X-Tags: {type: array, items: {enum: [a, b]}}, X-On: {type: boolean}}}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		fields, want []string
	}{
		{[]string{"x-count: 3", "X-Tags: a, b", "x-tags: b", "X-On: true"}, nil},
		{[]string{"x-count: 4", "X-Tags: a, c"}, []string{"/X-Count: It may be at most 3.", `/X-Tags/1: It has to be "a" or "b".`}},
		{[]string{"x-count: 1", "x-count: 1", "X-On: yes"}, []string{"/X-Count: It is a string, and has to be an integer.", "/X-On: It is a string, and has to be a boolean."}},
		{nil, []string{"/X-Count: It is missing."}},
		{[]string{"x-count: +1"}, []string{"/X-Count: It is a string, and has to be an integer."}},
	} {
		_, err := v.judge(ask("", c.fields...))
		if got := said(err); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.fields, got, c.want)
		}
	}
}

// What the engine makes anew is there as well.
func TestMadeAnew(t *testing.T) {
	v, errs, _ := made(t, "{headers: {required: [Host, content-length], properties: {Host: {pattern: '^[a-z.]+$'}, content-length: {type: integer, maximum: 3}}}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for body, want := range map[string][]string{"123": nil, "1234": {"/content-length: It may be at most 3."}, "": {"/content-length: It is missing."}} {
		x := ask(body)
		x.Request.Host = "shop.test"
		_, err := v.judge(x)
		if got := said(err); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	v, _, _ := made(t, "{request: {schema: {type: object}, size: 10B}}")
	w, _, _ := made(t, "{request: {schema: {type: object}, required: false, others: pass}}")
	for _, c := range []struct {
		name string
		v    *validator
		x    *policy.Exchange
		want string
	}{
		{"good", v, ask("{}", "Content-Type: application/problem+json; charset=utf-8"), ""},
		{"none", v, ask(""), "validation_failed"},
		{"none, and none needed", w, ask(""), ""},
		{"large", v, ask(`{"a":"0123456789"}`), "body_too_large"},
		{"of another type", v, ask("{}", "Content-Type: text/plain"), "unsupported_media_type"},
		{"of another type that passes", w, ask("x", "Content-Type: text/plain"), ""},
		{"of two types", w, ask("{}", "Content-Type: application/json", "Content-Type: text/plain"), "unsupported_media_type"},
		{"in UTF-16", v, ask("{}", "Content-Type: application/json; charset=utf-16"), "unsupported_media_type"},
		{"compressed", v, ask("{}", "Content-Encoding: gzip"), "unsupported_media_type"},
	} {
		_, err := c.v.Handle(c.x, func(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil })
		switch {
		case err == nil && c.want != "":
			t.Errorf("%s: it passes", c.name)
		case err != nil && problem.From(err).Name != c.want:
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
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

func TestResponses(t *testing.T) {
	v, errs, _ := made(t, "{response: {schema: {type: object}, statuses: {4xx: {schema: {type: array}}, '404': {schema: {type: string}}}, size: 10B}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		header string
		ok     bool
	}{
		{"good", 200, "{}", "", true},
		{"bad", 201, "[]", "", false},
		{"by its class", 400, "[]", "", true},
		{"by itself", 404, `"x"`, "", true},
		{"not by its class", 404, "[]", "", false},
		{"of a status that has none", 500, "what it likes", "", true},
		{"large", 200, `{"a":"0123456789"}`, "", false},
		{"without a body", 200, "", "", false},
		{"of another type", 200, "{}", "Content-Type: text/html", false},
		{"compressed", 200, "{}", "Content-Encoding: gzip", false},
		{"in part", 206, "{}", "", false},
		{"of no content", 204, "", "", true},
	} {
		body := &counted{Reader: strings.NewReader(c.body)}
		resp := &wire.Response{Status: c.status, Body: body, Length: -1}
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			resp.Header.Add(name, value)
		}
		got, err := v.Handle(ask("", "Range: bytes=0-1"), func(x *policy.Exchange) (*wire.Response, error) {
			if x.Request.Header.Has("Range") {
				t.Error("a part is asked for")
			}
			return resp, nil
		})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			if p := problem.From(err); p.Name != "response_invalid" || p.Detail != "" || p.Extra != nil || body.closed != 1 {
				t.Errorf("%s: %v, closed %d times", c.name, err, body.closed)
			}
			continue
		}
		b, err := io.ReadAll(got.Body)
		got.Close()
		if string(b) != c.body || err != nil || body.closed != 1 {
			t.Errorf("%s: the body is %q, %v, closed %d times", c.name, b, err, body.closed)
		}
	}
}

func FuzzJudge(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"x"}]}`, `[[[[]]]]`, `1e999`, `{"a":{"a":{"a":1}}}`, `"\ud800"`} {
		f.Add([]byte(s))
	}
	v, errs, _ := made(f, `{request: {schema: {$defs: {t: {anyOf: [{type: string, format: email}, {type: array, uniqueItems: true, items: {$ref: "#/$defs/t"}},
		{properties: {a: {$ref: "#/$defs/t"}}, propertyNames: {maxLength: 3}, patternProperties: {"^b": {multipleOf: 0.1}}, unevaluatedProperties: false}]}}, $ref: "#/$defs/t"}}}`)
	if len(errs) > 0 {
		f.Fatal(errs)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		first, _ := v.request.shape.judge(b)
		second, _ := v.request.shape.judge(b)
		if !slices.Equal(first, second) {
			t.Errorf("got %v, then %v", first, second)
		}
		for _, one := range first {
			if one.detail == "" || len(one.pointer) > maxPointer*3 {
				t.Errorf("an odd finding %v", one)
			}
		}
	})
}
