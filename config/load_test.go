package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// good is the least that a document needs besides what a test is about.
const good = "listeners: [{ address: \":8080\" }]\n"

func write(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Everything wrong with a document is told, each thing once and at its place.
func TestErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"good", good, ""},
		{"empty", "", "doc.yaml:1:1: the document is empty"},
		{"not a map", "- a\n", "doc.yaml:1:1: a document is a map of settings such as listeners and routes, not a list"},
		{"no listener", "routes: []\n", `doc.yaml:1:1: listeners: there is no listener; add one such as "listeners: [{ address: \":8080\" }]"`},
		{"a listener twice", "listeners:\n  - address: :80\n  - :80\n", "doc.yaml:3:5: listeners[1]: :80 is the address of the listener at doc.yaml:2:5 as well; remove one of the two"},
		{"a port alone", "listeners: [8080]\n", `doc.yaml:1:13: listeners[0].address: "8080" is no address; did you mean ":8080"?`},
		{"a port out of range", "listeners: [\":65536\"]\n", `doc.yaml:1:13: listeners[0].address: "65536" is no port; write a number from 1 to 65535`},
		{"a URL for an address", "listeners: [\"http://x:80\"]\n", `doc.yaml:1:13: listeners[0].address: "http://x:80" is a URL; write host:port, such as 0.0.0.0:8080`},
		{"protocols to come", "listeners: [{ address: \":80\", protocols: [h1, h3] }]\n", "doc.yaml:1:47: listeners[0].protocols[1]: not yet: h3 comes with a later version; write h1 and h2c"},
		{"settings to come", good + "store: { postgres: {} }\nstate: {}\n", "doc.yaml:2:10: store.postgres: not yet: PostgreSQL as the store comes with running on several machines; sqlite is there\n" +
			"doc.yaml:3:1: state: not yet: shared state comes with running on several machines; state is in memory for now"},
		{"an admin listener for everybody", good + "admin: { address: \"0.0.0.0:9901\" }\n", "doc.yaml:2:19: admin.address: not yet: the admin listener has no TLS for now and is for this machine alone; write such as 127.0.0.1:9901"},
		{"an unknown setting", good + "upsteams: {}\n", `doc.yaml:2:1: upsteams: unknown setting "upsteams"; did you mean "upstreams"?`},
		{"members beside a dialect", good + "apis: [{ name: a, dialect: azure, errors: { add: { help: x } } }]\n", "doc.yaml:2:50: apis[0].errors.add: errors in the dialect azure have no further members; remove one of the two"},
		{"two apis of one name", good + "apis:\n  - name: a\n  - name: a\n", `doc.yaml:4:11: apis[1].name: the api at doc.yaml:3:5 is named "a" as well; rename one of the two`},
		{"an api named default beside routes", good + "routes:\n  - match: /\napis:\n  - name: default\n", `doc.yaml:5:11: apis[0].name: the api at doc.yaml:3:3 is named "default" as well; rename one of the two`},
		{"two routes of one name", good + "routes:\n  - { match: /a, name: x }\n  - { match: /b, name: x }\n", `doc.yaml:4:24: routes[1].name: the route at doc.yaml:3:5 is named "x" as well; rename one of the two`},
		{"a base path with a parameter", good + "apis: [{ name: a, base_path: \"/{x}\" }]\n", `doc.yaml:2:30: apis[0].base_path: "/{x}" is no path without parameters; write such as /shop`},
		{"a member of problems that is taken", good + "apis: [{ name: a, errors: { add: { title: x } } }]\n", "doc.yaml:2:43: apis[0].errors.add.title: the gateway sets this member itself; choose another name"},
		{"a use of nothing", good + "policies: { tag: { headers: {} } }\nroutes: [{ match: /, policies: [{ use: tagg }] }]\n", `doc.yaml:3:40: routes[0].policies[0].use: there is no policy named "tagg" under policies; did you mean "tag"?`},
		{"uses in a circle", good + "policies:\n  a: { use: b }\n  b: [{ use: a }]\n", "doc.yaml:4:14: policies.b: a policy uses itself: a → b → a"},
		{"a named policy that is none", good + "policies: { a: b }\n", "doc.yaml:2:16: policies.a: a string is given where a policy or a list of policies is wanted, such as { rate_limit: { rate: 100/s } }"},
		{"headers that cannot be let through", good + "client_headers: { pass: [X-User-Id, api_key, x_forwarded.for, Sallyport-X, Accept, \"a b\"] }\n",
			`doc.yaml:2:46: client_headers.pass[2]: "x_forwarded.for" is the gateway's own; what proxies say of their clients is for trusted_proxies` + "\n" +
				`doc.yaml:2:63: client_headers.pass[3]: "Sallyport-X" is the gateway's own; …` + "\n" +
				`doc.yaml:2:76: client_headers.pass[4]: "Accept" is none that is taken out; leave it away here` + "\n" +
				`doc.yaml:2:84: client_headers.pass[5]: "a b" is no name of a header field; …`},
		{"no match", good + "routes: [{ upstream: x }]\n", `doc.yaml:2:10: routes[0]: "match" is missing: Which requests …`},
		{"several at once", "listeners: [x]\nfoo: 1\nlimits: { idle: 5 }\n", "doc.yaml:1:13: listeners[0].address: \"x\" is no address; write host:port, such as 0.0.0.0:8080\n" +
			"doc.yaml:2:1: foo: unknown setting \"foo\"…\ndoc.yaml:3:17: limits.idle: \"5\": write a duration such as 250ms, 5s, 1h or 30d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, errs := Parse("doc.yaml", []byte(tt.text), Options{})
			if got := errs.Error(); !sameLines(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// sameLines compares line by line; a line of want that ends in "…" or ", " is the beginning of one.
func sameLines(got, want string) bool {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		return false
	}
	for i := range w {
		start, open := strings.CutSuffix(w[i], "…")
		if !open {
			start, open = w[i], strings.HasSuffix(w[i], ", ")
		}
		if g[i] != w[i] && !(open && strings.HasPrefix(g[i], start)) {
			return false
		}
	}
	return true
}

func TestDefaults(t *testing.T) {
	d, errs := Parse("doc.yaml", []byte(good), Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	l := d.Limits
	if l.HeaderSize != 64<<10 || l.HeaderCount != 100 || l.URISize != 16<<10 || l.BodySize != 10<<20 ||
		l.HeaderTime != 10*time.Second || l.Idle != time.Minute || l.BodyIdle != 30*time.Second || l.WriteIdle != time.Minute {
		t.Errorf("limits: got %+v", l)
	}
	if d.Drain != 30*time.Second || d.Admin.Address != "127.0.0.1:9901" || d.Admin.Given {
		t.Errorf("drain %v, admin %+v", d.Drain, d.Admin)
	}
}

func TestFiles(t *testing.T) {
	tests := []struct {
		name   string
		files  map[string]string
		path   string
		want   string // errors, DIR for the directory
		routes string // names, in order
	}{
		{"a directory, by name", map[string]string{
			"b.yaml": "routes: [{ match: /, name: two }]\nupstreams: { b: { targets: [http://b] } }\n",
			"a.yaml": good + "routes: [{ match: /, name: one }]\nupstreams: { a: { targets: [http://a] } }\n",
			"c.json": `{"routes": [{"match": "/", "name": "three"}]}`, "d.txt": "not read", ".e.yaml": "not: read",
		}, "", "", "one two three"},
		{"a name in two files", map[string]string{
			"a.yaml": good + "upstreams:\n  users: { targets: [http://a] }\n",
			"b.yaml": "upstreams:\n  users: { targets: [http://b] }\n",
		}, "", "DIR/b.yaml:2:3: upstreams.users: this name stands at DIR/a.yaml:3:3 as well; rename or remove one of the two", ""},
		{"an api in two files", map[string]string{
			"a.yaml": good + "apis: [{ name: shop }]\n", "b.yaml": "apis:\n  - name: shop\n",
		}, "", `DIR/b.yaml:2:11: apis[1].name: the api at DIR/a.yaml:2:8 is named "shop" as well; rename one of the two`, ""},
		{"a single setting in two files", map[string]string{
			"a.yaml": good + "drain: 5s\n", "b.yaml": "drain: 6s\n",
		}, "", "DIR/b.yaml:1:1: drain: stands at DIR/a.yaml:2:8 as well; it can stand in one file only", ""},
		{"limits in two files, each its own", map[string]string{
			"a.yaml": good + "limits: { idle: 5s }\n", "b.yaml": "limits: { body_size: 1MiB }\n",
		}, "", "", ""},
		{"an empty directory", map[string]string{"x.txt": ""}, "", "DIR: the directory DIR holds no *.yaml, *.yml or *.json", ""},
		{"no such file", nil, "x.yaml", "DIR/x.yaml: there is no file DIR/x.yaml", ""},
		{"an include, relative to its file", map[string]string{
			"main.yaml":     good + "include: [conf.d/*.yaml]\nroutes: [{ match: /, name: main }]\n",
			"conf.d/1.yaml": "include: [../more.yaml]\nroutes: [{ match: /, name: one }]\n", "conf.d/2.yaml": "include: ../more.yaml\nroutes: [{ match: /, name: two }]\n",
			"more.yaml": "routes: [{ match: /, name: more }]\n",
		}, "main.yaml", "", "main one more two"},
		{"an include in a circle", map[string]string{
			"main.yaml": good + "include: [a.yaml]\n", "a.yaml": "include: [b.yaml]\n", "b.yaml": "include:\n  - a.yaml\n",
		}, "main.yaml", "DIR/b.yaml:2:5: DIR/a.yaml includes itself: DIR/a.yaml → DIR/b.yaml → DIR/a.yaml; leave this out", ""},
		{"an include of itself by a pattern", map[string]string{"main.yaml": good + "include: [\"*.yaml\"]\n"}, "main.yaml",
			"DIR/main.yaml:2:11: DIR/main.yaml includes itself: DIR/main.yaml → DIR/main.yaml; leave this out", ""},
		{"an include of nothing", map[string]string{"main.yaml": good + "include: [x.yaml, y*.yaml]\n"}, "main.yaml",
			"DIR/main.yaml:2:11: there is no file DIR/x.yaml", ""},
		{"an include of a wrong type", map[string]string{"main.yaml": good + "include: { a: b }\n"}, "main.yaml",
			"DIR/main.yaml:2:10: include[0]: a map is given where a string is wanted", ""},
		{"errors of all files", map[string]string{"a.yaml": good + "foo: 1\n", "b.yaml": "bar: [\n"}, "",
			"DIR/a.yaml:2:1: foo: unknown setting \"foo\"…\nDIR/b.yaml:…", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, tt.files)
			d, errs := Load(filepath.Join(dir, tt.path), Options{})
			if got := strings.ReplaceAll(errs.Error(), dir, "DIR"); !sameLines(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			var names []string
			for _, r := range d.Routes {
				names = append(names, r.Name)
			}
			if got := strings.Join(names, " "); tt.routes != "" && got != tt.routes {
				t.Errorf("routes: got %s, want %s", got, tt.routes)
			}
		})
	}
}

// Includes cannot make a document without end.
func TestBounded(t *testing.T) {
	files := map[string]string{"main.yaml": good + "include: [\"d/*.yaml\"]\n"}
	for i := range maxFiles + 5 {
		files["d/"+string(rune('a'+i%26))+strings.Repeat("x", i/26)+".yaml"] = "routes: []\n"
	}
	_, errs := Load(filepath.Join(write(t, files), "main.yaml"), Options{})
	if len(errs) != 1 || !strings.Contains(errs.Error(), "more than 1000 files") {
		t.Errorf("many files: got %v", errs)
	}
	deep := map[string]string{"f0.yaml": good + "include: [f1.yaml]\n"}
	for i := 1; i < 15; i++ {
		deep["f"+string(rune('0'+i))+".yaml"] = "include: [f" + string(rune('1'+i)) + ".yaml]\n"
	}
	deep["f?.yaml"] = ""
	_, errs = Load(filepath.Join(write(t, deep), "f0.yaml"), Options{})
	if !strings.Contains(errs.Error(), "nested more than 10 deep") {
		t.Errorf("deep includes: got %v", errs)
	}
}

// What comes from outside is part of the document, and a change of it shows.
func TestOutside(t *testing.T) {
	dir := write(t, map[string]string{
		"main.yaml": "listeners: [ \"${env.ADDRESS}\" ]\ndrain: ${env(\"DRAIN\", \"7s\")}\nroutes: [ { match: /, name: \"${file('name')}\" } ]\n", "name": "from-file",
	})
	env := map[string]string{"ADDRESS": ":81"}
	load := func() *Document {
		d, errs := Load(filepath.Join(dir, "main.yaml"), Options{Env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		return d
	}
	d := load()
	if d.Listeners[0].Address != ":81" || d.Drain != 7*time.Second || d.Routes[0].Name != "from-file" {
		t.Fatalf("got %q, %v, %q", d.Listeners[0].Address, d.Drain, d.Routes[0].Name)
	}
	if again := load(); again.Digest() != d.Digest() {
		t.Error("the digest changed with nothing else")
	}
	env["DRAIN"] = "8s"
	other := load()
	if other.Digest() == d.Digest() {
		t.Error("the digest is the same with another environment")
	}
	if err := os.WriteFile(filepath.Join(dir, "name"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if load().Digest() == other.Digest() {
		t.Error("the digest is the same with another file")
	}
	if !strings.Contains(strings.Join(d.Watch(), " "), filepath.Join(dir, "name")) {
		t.Errorf("the file is not watched: %v", d.Watch())
	}
}
