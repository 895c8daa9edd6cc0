package expr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/schema"
)

// Each mistake is found at load and says what would be right.
func TestCompileErrors(t *testing.T) {
	outside := &schema.Outside{
		Lookup: func(name string) (string, bool) { return "hunter2[", name == "SECRET" },
		ReadFile: func(path string) ([]byte, error) {
			switch path {
			case "dir/big":
				return make([]byte, maxFile+1), nil
			case "dir/binary":
				return []byte{0xff}, nil
			}
			return os.ReadFile(filepath.Join(t.TempDir(), path))
		},
	}
	for _, c := range []struct {
		src  string
		want Type
		at   int
		msg  string
	}{
		{``, Any, 0, "the expression is empty"},
		{`request.pth == "/"`, Bool, 8, `request has no field "pth"; did you mean "path"?`},
		{`1 == request.xyzzy`, Bool, 13, `request has no field "xyzzy"; it has method, path`},
		{`requst.path`, Any, 0, `unknown variable "requst"; did you mean "request"?`},
		{`request.path == foo`, Bool, 16, `unknown variable "foo"; text is written in quotes`},
		{`request`, Any, 0, `request is no value by itself; name one of its fields: method`},
		{`[request]`, Any, 1, `request is no value by itself`},
		{`request["path"]`, Any, 0, `request is no value by itself`},
		{`request == null`, Bool, 0, `request is no value by itself`},
		{`request.header_value("x")`, Any, 8, `request has no function "header_value"; did you mean "header_values"?`},
		{`client.header("x")`, Any, 7, `client has no function "header"`},
		{`response.status == 200`, Bool, 0, `response does not exist here: the expression is evaluated before there is a response`},
		{`response.header("x")`, Text, 0, `response does not exist here`},
		{`calls.user.body`, Any, 0, `calls exists in compose only`},
		{`client.certificate`, Any, 7, `client.certificate does not work yet`},
		{`sha265("x")`, Any, 0, `unknown function "sha265"; did you mean "sha256"?`},
		{`"x".uperAscii()`, Any, 4, `unknown function "uperAscii"; did you mean "upperAscii"?`},
		{`request.path ==`, Bool, 15, `syntax error: the expression ends where there should be more: expression`},
		{`request.path = "/"`, Bool, 13, `syntax error: unexpected token after expression; whether two values are equal is asked with ==`},
		{"request.method == 'GET' &&\n  request.pth == '/'", Bool, 37, `request has no field "pth"`},
		{`"ä" + request.pth`, Any, 15, `request has no field "pth"`},
		{`request.path == 1`, Bool, 13, `found no matching overload for '==' applied to '(string, int)'`},
		{`request.path`, Bool, 0, `the expression makes text where true or false is wanted`},
		{`request.path`, Number, 0, `the expression makes text where a number is wanted`},
		{`request.headers`, Text, 0, `the expression makes a map where text is wanted`},
		{`ip(client.ip)`, Text, 0, `the expression makes a value of type ip, which cannot leave it`},
		{`[1].map(x, x + y)`, Any, 15, `unknown variable "y"; did you mean "x"?`},
		{`request.path.matches("(")`, Bool, 21, "error parsing regexp: missing closing ): `(`"},
		{`ip(client.ip).in("10.0.0.0/33")`, Bool, 17, `"10.0.0.0/33" is no network; write one as 10.0.0.0/8`},
		{`ip(client.ip).in(["10.0.0.0/8", "x"])`, Bool, 32, `"x" is no network`},
		{`ip(client.ip).iN("10.0.0.0/8")`, Bool, 14, `unknown function "iN"`},
		{`request.path.in("x")`, Bool, -1, `found no matching overload for 'in' applied to 'string.(string)'`},
		{`Foo{a: 1}`, Any, 3, `Foo{…} makes a message, of which there are none here`},
		{`timestamp("x") < now`, Bool, -1, ""},
		{`env`, Any, 0, `env is no value by itself`},
		{`env.NOPE`, Any, 4, `the environment has no variable NOPE; set it, or write env("NOPE", "default")`},
		{`env["NOPE"]`, Any, 3, `the environment has no variable NOPE`},
		{`env("NOPE")`, Any, 0, `the environment has no variable NOPE`},
		{`env(request.path)`, Any, 0, `env takes a name and a default, both written out`},
		{`env[request.path]`, Any, 3, `must be written out`},
		{`file("none")`, Any, 0, `file "none" cannot be read: no such file or directory`},
		{`file("big")`, Any, 0, `file "big" is larger than 1 MiB`},
		{`file("binary")`, Any, 0, `file "binary" is no text in UTF-8`},
		{`file(request.path)`, Any, 0, `the path of file must be written out`},
		{`int(env.SECRET)`, Any, 0, `it fails, and why may not be shown`},
		{`request.path.matches(env.SECRET)`, Bool, 25, `the value from outside is no regular expression`},
		{`ip(env.SECRET).in("10.0.0.0/8")`, Bool, 0, `it fails, and why may not be shown`},
		{`ip(client.ip).in(env.SECRET) && env.SECRET + 1`, Bool, -1, "found no matching overload for '+'"},
		{strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), Any, -1, "recursion limit"},
		{strings.Repeat("a", maxSource+1), Any, -1, "size exceeds limit"},
		{`[1,2].map(a, [1,2].map(b, c))`, Any, 26, `unknown variable "c"`},
	} {
		_, err := Compile(c.src, c.want, From(outside, "dir"))
		if err == nil {
			t.Errorf("%s: no error", c.src)
			continue
		}
		f := faults(err)[0]
		if c.at >= 0 && f.At != c.at || !strings.Contains(f.Msg, c.msg) {
			t.Errorf("%s: got %d %q, want %d %q", clip(c.src), f.At, f.Msg, c.at, c.msg)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %q shows a value from outside", c.src, err)
		}
	}
}

// Every mistake of an expression is told, not only the first.
func TestCompileTellsAll(t *testing.T) {
	_, err := Compile(`request.pth == requst.path || clint.ip == ""`, Bool)
	if n := len(faults(err)); n != 3 {
		t.Errorf("got %d errors, want 3: %v", n, err)
	}
}

func TestOutside(t *testing.T) {
	outside := &schema.Outside{
		Lookup:   func(name string) (string, bool) { v, ok := map[string]string{"A": "1", "E": ""}[name]; return v, ok },
		ReadFile: func(path string) ([]byte, error) { return []byte("from " + path + "\r\n"), nil },
	}
	for src, want := range map[string]any{
		`env.A`:                          "1",
		`env["A"]`:                       "1",
		`env("A")`:                       "1",
		`env("A", "d")`:                  "1",
		`env("B", "d")`:                  "d",
		`env.E`:                          "",
		`has(env.A) && !has(env.B)`:      true,
		`file("x")`:                      "from conf/x",
		`file("/abs")`:                   "from /abs",
		`int(env.A) + 1`:                 int64(2),
		`["a", env.A].exists(e, e == 1)`: false,
	} {
		e, err := Compile(src, Any, From(outside, "conf"))
		if src == `["a", env.A].exists(e, e == 1)` && err != nil {
			continue // text is never a number
		}
		if err != nil {
			t.Error(src, err)
			continue
		}
		if got, constant := e.Constant(); !constant || got != want {
			t.Errorf("%s: got %v (%v), want %v", src, got, constant, want)
		}
	}
	e, err := Compile(`request.header("x-key") == env.A && int(env.A) / (request.size - 300) > 0`, Bool, From(outside, "."))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(e.String(), `"1"`) {
		t.Errorf("%s shows a value from outside", e)
	}
}

// A failure at run time must not show in the log what came from outside.
func TestRunErrorsKeepSecrets(t *testing.T) {
	outside := &schema.Outside{Lookup: func(string) (string, bool) { return "hunter2", true }}
	e, err := Compile(`ip(request.method == "" ? "10.0.0.1" : env.X).in("10.0.0.0/8")`, Bool, From(outside, "."))
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Bool(vars(t))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestCostLimit(t *testing.T) {
	loop := `[1,2,3,4,5,6,7,8,9,10]`
	src := "request.size > 0"
	for range 7 {
		src = loop + ".all(i, " + src + ")"
	}
	for _, src := range []string{
		src,
		`lists.range(1000).map(i, json(lists.range(1000))).size() > request.size`,
		`lists.range(3000).map(i, sha256(request.path + "` + strings.Repeat("a", 1000) + `")).size() > request.size`,
		`request.path.matches(request.path + "(((((a{1,9}){1,9}){1,9}){1,9}){1,9}){1,9}")`,
		`lists.range(100000000).size() > request.size`,
		`lists.range(2000).map(i, lists.range(2000)).size() > request.size`,
		`["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"].map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a).size() > request.size`,
	} {
		e, err := Compile(src, Bool)
		if err != nil {
			continue // refused at once is as good
		}
		if got, err := e.Bool(vars(t)); err == nil {
			t.Errorf("%s: got %v, want an end", clip(src), got)
		}
	}
}
