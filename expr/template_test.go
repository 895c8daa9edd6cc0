package expr

import (
	"reflect"
	"strings"
	"testing"

	"sallyport/schema"
)

func TestTemplates(t *testing.T) {
	v := vars(t)
	for src, want := range map[string]any{
		"":                                  "",
		"plain":                             "plain",
		"$5 and }":                          "$5 and }",
		"$${x}":                             "${x}",
		"$$${x}":                            "$${x}",
		"a$${b}${request.method}":           "a${b}POST",
		"${request.method} ${request.path}": "POST /orders/42",
		"${request.size}":                   int64(300),
		"size ${request.size}":              "size 300",
		"${request.size}${request.size}":    "300300",
		"${auth.scopes}":                    []any{"read", "write"},
		"${1 + 1}":                          int64(2),
		"a${1 + 1}b":                        "a2b",
		"${request.method == 'POST'}":       true,
		"is ${request.method == 'POST'}":    "is true",
		"${ {'a': {'b': '}'}}.a.b }":        "}",
		`${"}" + '}' + r"\" + """"}"""}`:    `}}\"}`,
		"${request.method // a comment with } and \"\n}": "POST",
		"${request.body.user.ratio}x":                    "0.10x",
		"${request.headers['x-a']}${'${'}":               "1${",
		"at ${request.time}":                             "at 2026-01-02T03:04:05Z",
	} {
		e, err := CompileTemplate(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := e.Value(v)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", src, got, err, want)
		}
		if s, ok := want.(string); ok {
			if got, err := e.Text(v); err != nil || got != s {
				t.Errorf("%s: got text %q, %v; want %q", src, got, err, s)
			}
		}
		if e.String() != src {
			t.Errorf("%s: is shown as %s", src, e)
		}
	}
}

// A value that is not there must not become text.
func TestTemplatesMiss(t *testing.T) {
	for _, src := range []string{"a ${request.body.user.none}", "${request.headers['x-none']}", "a${request.headers['x-none']}",
		"a ${request.body.user}", "a ${request.body.nope}"} {
		e, err := CompileTemplate(src)
		if err != nil {
			t.Fatal(src, err)
		}
		if got, err := e.Text(vars(t)); err == nil {
			t.Errorf("%s: got %q, want an error", src, got)
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	for _, c := range []struct {
		src string
		at  int
		msg string
	}{
		{"ab${request.path", 2, `"${" has no "}" to end it`},
		{"${'}", 0, `"${" has no "}" to end it`},
		{"ab${}", 4, "the expression is empty"},
		{"ab${request.pth}", 12, `did you mean "path"?`},
		{"ab${auth.scopes}", 8, "the expression makes a list where text is wanted"},
		{"a${request.path}b${foo}", 19, `unknown variable "foo"`},
	} {
		_, err := CompileTemplate(c.src)
		if err == nil {
			t.Errorf("%s: no error", c.src)
			continue
		}
		if f := faults(err)[0]; !strings.Contains(f.Msg, c.msg) {
			t.Errorf("%s: got %d %q, want %d %q", c.src, f.At, f.Msg, c.at, c.msg)
		}
	}
}

// Errors stand at the line and column of the document.
func TestPlaces(t *testing.T) {
	doc := "a: request.pth\n" +
		"b: \"x ${request.pth}\"\n" +
		"c:   '${request.pth}'\n" +
		"d: >-\n  some text\n  ${request.pth}\n" +
		"e: \"\\t${request.pth}\"\n" +
		"f: ${request.path} ${request.pth}\n" +
		"g: ä ${request.pth}\n"
	root, errs := schema.Parse("f.yaml", []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := map[string]string{"a": "1:12", "b": "2:17", "c": "3:17", "d": "4:4", "e": "7:4", "f": "8:30", "g": "9:16"}
	for _, f := range root.Fields {
		var e Expr
		var tmpl Template
		errs := e.UnmarshalNode(f.Node, f.Name)
		if f.Name != "a" {
			errs = tmpl.UnmarshalNode(f.Node, f.Name)
		}
		if len(errs) != 1 || errs[0].Pos.String() != "f.yaml:"+want[f.Name] || errs[0].Path != f.Name {
			t.Errorf("%s: got %v, want one at %s", f.Name, errs, want[f.Name])
		}
	}
}

func TestUnmarshal(t *testing.T) {
	node := func(k schema.Kind, text string) *schema.Node { return &schema.Node{Kind: k, Text: text} }
	var c Condition
	for _, n := range []*schema.Node{node(schema.Bool, "true"), node(schema.String, "request.path == '/'"), node(schema.String, " ${ request.path == '/' } ")} {
		if errs := c.UnmarshalNode(n, "when"); len(errs) > 0 || c.IsZero() {
			t.Errorf("%s: got %v", n.Text, errs)
		}
	}
	if errs := c.UnmarshalNode(node(schema.String, ""), "when"); len(errs) > 0 || !c.IsZero() {
		t.Errorf("an empty default: got %v", errs)
	}
	for _, n := range []*schema.Node{
		{Kind: schema.String, Quoted: true}, {Kind: schema.Null}, {Kind: schema.List}, {Kind: schema.Map}, node(schema.Number, "5"), node(schema.String, "request.path"),
		{Kind: schema.String, Text: "request.path == '/'", Literal: true}, nil,
	} {
		if errs := c.UnmarshalNode(n, "when"); len(errs) != 1 {
			t.Errorf("%+v: got %v, want one error", n, errs)
		}
	}
	var q Quantity
	if errs := q.UnmarshalNode(&schema.Node{Kind: schema.String, Text: "5\n", Literal: true}, "cost"); len(errs) > 0 {
		t.Error(errs)
	} else if n, err := q.Number(nil); n != 5 || err != nil {
		t.Errorf("got %v, %v", n, err)
	}
	if errs := c.UnmarshalNode(&schema.Node{Kind: schema.Bool, Text: "true", Literal: true}, "when"); len(errs) > 0 {
		t.Error(errs)
	} else if b, err := c.Bool(nil); !b || err != nil {
		t.Errorf("got %v, %v", b, err)
	}
	var l Label
	if errs := l.UnmarshalNode(node(schema.String, "request.headers"), "per"); len(errs) != 1 {
		t.Errorf("got %v, want one error", errs)
	}
	var r ResponseTemplate
	if errs := r.UnmarshalNode(node(schema.String, "${response.status}"), "x"); len(errs) > 0 {
		t.Error(errs)
	}
	var rc ResponseCondition
	if errs := rc.UnmarshalNode(node(schema.String, "response.status == 404"), "x"); len(errs) > 0 {
		t.Error(errs)
	} else if b, err := rc.Bool(vars(t)); !b || err != nil {
		t.Errorf("got %v, %v", b, err)
	}
	var re ResponseExpr
	if errs := re.UnmarshalNode(node(schema.String, "response.body.error"), "x"); len(errs) > 0 {
		t.Error(errs)
	}
}

func TestUses(t *testing.T) {
	e, err := CompileTemplate(`${request.params.id}${request.header("x-a")}${auth.claims["sub"]}${request.body.user.name}${size(request.query)}${["x"].map(p, request.params[p])[0]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Ref{{"request", "params", "id"}, {"request", "headers", "x-a"}, {"auth", "claims", "sub"}, {"request", "body", ""}, {"request", "query", ""}, {"request", "params", ""}}
	if got := e.Uses(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestJSON(t *testing.T) {
	doc := "id: ${request.params.id}\nsize: ${request.size}\nlist: [1, 2.50, true, ~, text, '${1 + 1}', '5']\nuser: ${request.body.user}\n" +
		"text: size ${request.size} \"x\"\nz: {}\na: []\nhex: 0x10\nescaped: $${x}\ntrue: True\n"
	root, errs := schema.Parse("f.yaml", []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var j JSON
	if errs := j.UnmarshalNode(root, ""); len(errs) > 0 {
		t.Fatal(errs)
	}
	got, err := j.Append(nil, vars(t))
	want := `{"id":"42","size":300,"list":[1,2.50,true,null,"text",2,"5"],"user":{"age":41,"big":12345678901234567890,"name":"ann","none":null,"ratio":0.10},` +
		`"text":"size 300 \"x\"","z":{},"a":[],"hex":16,"escaped":"${x}","true":true}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if _, constant := j.Constant(); constant {
		t.Error("it depends on the request")
	}
	var fixed JSON
	root, _ = schema.Parse("f.yaml", []byte("a: [1, x]"))
	if errs := fixed.UnmarshalNode(root, ""); len(errs) > 0 {
		t.Fatal(errs)
	}
	if b, constant := fixed.Constant(); !constant || string(b) != `{"a":[1,"x"]}` {
		t.Errorf("got %s, %v", b, constant)
	}
	root, _ = schema.Parse("f.yaml", []byte("a: ['${request.pth}', '${foo}']"))
	if errs := fixed.UnmarshalNode(root, "body"); len(errs) != 2 || errs[1].Path != "body.a[1]" {
		t.Errorf("got %v, want two errors", errs)
	}
}
