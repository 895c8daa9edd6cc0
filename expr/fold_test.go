package expr

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/schema"
)

func outline(n *schema.Node) string {
	if n == nil {
		return "-"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s", [...]string{"null", "bool", "number", "string", "list", "map"}[n.Kind])
	if n.Literal {
		b.WriteString("!")
	}
	if n.Text != "" {
		fmt.Fprintf(&b, " %q", n.Text)
	}
	for _, i := range n.Items {
		fmt.Fprintf(&b, " [%s]", outline(i))
	}
	for _, f := range n.Fields {
		fmt.Fprintf(&b, " %s=[%s]", f.Name, outline(f.Node))
	}
	return b.String()
}

func options() FoldOptions {
	env := map[string]string{"HOST": "example.com", "PORT": "8080", "TRICK": "${env.SECRET} $${x} ${request.path}", "SECRET": "hunter2", "EMPTY": "", "LIST": "a,b"}
	return FoldOptions{
		Lookup:   func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		ReadFile: func(path string) ([]byte, error) { return []byte("content of " + path + "\n"), nil },
	}
}

func TestFold(t *testing.T) {
	for src, want := range map[string]string{
		`a: plain`:                            `map a=[string "plain"]`,
		`a: ${env.HOST}`:                      `map a=[string! "example.com"]`,
		`a: "${env.HOST}:${env.PORT}"`:        `map a=[string! "example.com:8080"]`,
		`a: ${env.EMPTY}`:                     `map a=[string!]`,
		`a: ${env("NOPE", "d")}`:              `map a=[string! "d"]`,
		`a: ${env.TRICK}`:                     `map a=[string! "${env.SECRET} $${x} ${request.path}"]`,
		`a: x ${env.TRICK}`:                   `map a=[string! "x ${env.SECRET} $${x} ${request.path}"]`,
		`a: $${env.HOST}`:                     `map a=[string! "${env.HOST}"]`,
		`a: ${file("k.pem")}`:                 `map a=[string! "content of conf/k.pem"]`,
		`a: ${int(env.PORT) + 1}`:             `map a=[number! "8081"]`,
		`a: ${env.PORT == "8080"}`:            `map a=[bool! "true"]`,
		`a: ${env.LIST.split(",")}`:           `map a=[list [string! "a"] [string! "b"]]`,
		`a: "${ {'x': env.PORT, 'y': [1]} }"`: `map a=[map x=[string! "8080"] y=[list [number! "1"]]]`,
		`a: ${null}`:                          `map a=[null]`,
		`a: ${env.HOST}/${request.path}`:      `map a=[string "${env.HOST}/${request.path}"]`,
		`a: ${["x"].map(env2, env2)[0]}`:      `map a=[string! "x"]`,
		`a: ${math.abs(-1)}`:                  `map a=[number! "1"]`,
		`a: ${uuid()}`:                        `map a=[string "${uuid()}"]`,
		`a: ${now}`:                           `map a=[string "${now}"]`,
		`a: ${foo}`:                           `map a=[string "${foo}"]`,
		`- [{b: "${env.PORT}"}]`:              `list [list [map b=[string! "8080"]]]`,
		`a: 5`:                                `map a=[number "5"]`,
	} {
		root, errs := schema.Parse("conf/f.yaml", []byte(src))
		if len(errs) > 0 {
			t.Fatal(src, errs)
		}
		if errs := Fold(root, options()); len(errs) > 0 {
			t.Errorf("%s: %v", src, errs)
		}
		if got := outline(root); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
		if errs := Fold(root, options()); len(errs) > 0 || outline(root) != want {
			t.Errorf("%s: folded again it is %s", src, outline(root))
		}
	}
}

func TestFoldErrors(t *testing.T) {
	for src, want := range map[string]string{
		"a:\n  b: [x, \"${env.HOST}${env.NOPE}\"]": `f.yaml:2:28: a.b[1]: the environment has no variable NOPE; set it, or write env("NOPE", "default")`,
		"a: ${env.HOST":              `f.yaml:1:4: a: "${" has no "}" to end it; write "$${" where "${" itself is meant`,
		"a: ${env.}":                 `f.yaml:1:`,
		"a: ${int(env.SECRET)}":      `f.yaml:1:6: a: it fails, and why may not be shown, because it holds values from outside the document`,
		"a: x${env.LIST.split(',')}": `makes a list where text is wanted`,
		"a: ${ip(env.HOST)}":         `makes a value of type ip, which cannot leave it`,
		"a: ${env.HOST + 1}":         `found no matching overload for '+'`,
	} {
		root, errs := schema.Parse("f.yaml", []byte(src))
		if len(errs) > 0 {
			t.Fatal(src, errs)
		}
		errs = Fold(root, options())
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) || strings.Contains(errs.Error(), "hunter2") || strings.Contains(errs.Error(), "example.com") {
			t.Errorf("%s: got %v, want %s", src, errs, want)
		}
	}
}

// Folding goes with decoding: values of any type, no error told twice, and expressions know env afterwards.
func TestFoldThenDecode(t *testing.T) {
	type config struct {
		Port  int          `json:"port" default:"1" doc:"A port."`
		Size  int          `json:"size" default:"1" doc:"A size."`
		Hosts []string     `json:"hosts" doc:"Hosts."`
		When  Condition    `json:"when" default:"" doc:"A condition."`
		Key   Template     `json:"key" default:"" doc:"A key."`
		Path  PathTemplate `json:"path" default:"" doc:"A path."`
		Body  JSON         `json:"body" doc:"A body." default:""`
	}
	root, errs := schema.Parse("f.yaml", []byte("port: ${env.PORT}\nsize: ${env.NOPE}\nhosts: ${env.LIST.split(',')}\nwhen: request.header('x') == env.SECRET\n"+
		"key: ${request.method}-${env.SECRET}\npath: /${env.PORT}/${request.params.id}\nbody: {port: '${int(env.PORT)}', trick: '${env.TRICK}'}\n"))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	errs = Fold(root, options())
	var c config
	errs = append(errs, schema.Of[config]().Decode(root, &c, "")...)
	if len(errs) != 1 || !strings.Contains(errs[0].Msg, "NOPE") {
		t.Fatalf("got %v, want one error", errs)
	}
	v := vars(t)
	key, err := c.Key.Text(v)
	path, perr := c.Path.Text(v)
	body, berr := c.Body.Append(nil, v)
	if c.Port != 8080 || len(c.Hosts) != 2 || key != "POST-hunter2" || path != "/8080/42" || err != nil || perr != nil || berr != nil {
		t.Errorf("got %d %v %q %q %v %v %v", c.Port, c.Hosts, key, path, err, perr, berr)
	}
	if want := `{"port":8080,"trick":"${env.SECRET} $${x} ${request.path}"}`; string(body) != want {
		t.Errorf("got %s, want %s", body, want)
	}
	if strings.Contains(c.Key.String()+c.When.String(), "hunter2") {
		t.Error("what is shown of an expression holds the secret")
	}
}
