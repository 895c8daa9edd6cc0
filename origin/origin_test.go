package origin

import (
	"strings"
	"testing"

	"sallyport/schema"
)

func list(t testing.TB, patterns ...string) *List {
	t.Helper()
	var all []Pattern
	for _, text := range patterns {
		var p Pattern
		n, errs := schema.Parse("test.yaml", []byte(text))
		if len(errs) == 0 {
			errs = p.UnmarshalNode(n, "origins")
		}
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		all = append(all, p)
	}
	return NewList(all)
}

func TestMatch(t *testing.T) {
	for _, c := range []struct{ name, pattern, in, out string }{
		{"exact", "https://app.test", "https://app.test",
			"http://app.test https://app.test.evil.com https://evilapp.test https://app.test:443 https://app.test:8443 https://app.test. HTTPS://app.test https://APP.test " +
				"https://app.test/ https://user@app.test https://app.test@evil.com https://appxtest https://www.app.test null app.test https://app.tes https://app.test%2eevil.com " +
				"https://app.test?x https://app.test#x https://app.test\t https://аpp.test https://app。test https://app.test,https://evil.com"},
		{"with a port", "https://app.test:8443", "https://app.test:8443", "https://app.test https://app.test:844 https://app.test:84433 https://app.test:08443"},
		{"written otherwise", "HTTPS://App.Test:443", "https://app.test", "https://app.test:443"},
		{"wildcard", "https://*.app.test", "https://a.app.test https://a.b.app.test https://x_y.app.test https://1.app.test",
			"https://app.test https://evilapp.test https://.app.test https://a..app.test http://a.app.test https://a.app.test:8443 https://a.app.test. " +
				"https://evil.com/.app.test https://evil.com?.app.test https://evil.com#.app.test https://u@.app.test https://u:p@a.app.test https://evil.com\\.app.test " +
				"https://A.app.test https://ä.app.test https://a.app.test.evil.com https://evil.com:80.app.test https://evil.com%00.app.test https://*.app.test null https://[::1].app.test"},
		{"wildcard with a port", "http://*.app.test:3000", "http://a.app.test:3000", "http://a.app.test http://a.app.test:30000 http://a.app.test:13000"},
		{"regex", `{regex: "https://pr-[0-9]+\\.app\\.test"}`, "https://pr-7.app.test",
			"https://pr-7.app.test.evil.com https://evil.com/https://pr-7.app.test xhttps://pr-7.app.test https://pr-7xapp.test https://pr-7.app.test:8080"},
		{"regex with a choice", `{regex: "https://a\\.test|https://b\\.test"}`, "https://a.test https://b.test", "https://a.test.evil.com https://x.https://b.test https://evilhttps://b.test"},
		{"regex that is too wide", `{regex: "https://.*\\.app\\.test"}`, "https://a.app.test https://a.b.app.test", "https://evil.com/.app.test https://evil.com#.app.test https://u@x.app.test https://evil.com:1/.app.test"},
		{"regex for ports", `{regex: "http://localhost:[0-9]+"}`, "http://localhost:3000 http://localhost:65535", "http://localhost http://localhost:80 http://localhost:99999 http://localhost:03000 http://localhost:1@evil.com"},
		{"null", `"null"`, "null", "https://app.test NULL"},
		{"all", `"*"`, "https://app.test null", ""},
		{"an address", "http://[::1]:3000", "http://[::1]:3000", "http://[::1] http://[::2]:3000"},
		{"an app", "capacitor://localhost", "capacitor://localhost", "capacitor://localhost.evil.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := list(t, c.pattern)
			for _, o := range strings.Split(c.in, " ") {
				if !l.Match(o) {
					t.Errorf("%s does not allow %q", c.pattern, o)
				}
			}
			for _, o := range append(strings.Split(c.out, " "), "") {
				if l.Match(o) {
					t.Errorf("%s allows %q", c.pattern, o)
				}
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"app.test", "has no scheme; write https://app.test"},
		{"https://app.test/", "write https://app.test"},
		{"https://app.test/path?x", "ends with the host and port; write https://app.test"},
		{"https://user@app.test", "names a user"},
		{"https://app.test:99999", "there is no port 99999"},
		{"https://app.test:*", "there is no port *; for several ports write {regex"},
		{"https://*app.test", "* stands for whole labels"},
		{"https://a.*.test", "* stands for whole labels"},
		{"https://*", "* stands for whole labels"},
		{"https://bücher.test", "xn--"},
		{"https://app..test", "is no host"},
		{`""`, "nothing is given"},
		{"{regex: '('}", "origins.regex: missing closing )"},
		{"{regex: 'a)|(b'}", "origins.regex: unexpected )"},
		{"{regex: '.*'}", "matches the pages of anybody, such as https://anybody.invalid; end it with a name of yours"},
		{"{regex: '.+'}", "matches the pages of anybody"},
		{"{regex: 'https?://.*'}", "matches the pages of anybody"},
		{"{regex: 'http://[a-z.]+'}", "matches the pages of anybody"},
		{"{regex: 'https://[^/]+:[0-9]+'}", "matches the pages of anybody, such as https://any-body0.some.invalid:8443"},
		{"{regex: 'https://app[.]test|.*'}", "matches the pages of anybody"},
		{"{regex: '(https://app[.]test)?'}", "matches an empty text"},
		{"{regex: '${request.host}'}", "cannot stand here"},
		{"${request.host}", "cannot stand here"},
		{"{host: x}", "a map is given where an origin is wanted"},
		{"[a]", "a list is given where an origin is wanted"},
		{"7", "is given where an origin is wanted"},
	} {
		n, errs := schema.Parse("test.yaml", []byte(c.yaml))
		var p Pattern
		if len(errs) == 0 {
			errs = p.UnmarshalNode(n, "origins")
		}
		if !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.yaml, errs.Error(), c.want)
		}
	}
}

func TestLoose(t *testing.T) {
	for text, want := range map[string]string{
		`https://app\.example\.com`:       "",
		`https://pr-[0-9]+\.example\.com`: "",
		`https?://(a|b)\.example\.com`:    "",
		`https://.*\.example\.com`:        "",
		`https://[a-z.]+\.example\.com`:   "",
		`http://localhost:[0-9]+`:         "",
		`https://app.example\.com`:        "p.example",
		`https://.*\.example.com`:         "e.com",
		`https://[^.]+.example\.com`:      "+.example",
		`https://.*example\.com`:          `*example\.`,
		`https://[a-z0-9-]+example\.com`:  `+example\.`,
		`https://(app|www).example\.com`:  ").example",
		`https://app\.example\.com.*`:     "m.*",
		`https://(app\.example\.com.+)`:   "m.+)",
		`https://app\.example\.com[^/]*`:  "m[^/]*",
		`https://app\.example\.com:.*`:    "",
	} {
		p, err := parseRegex(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Loose(); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// Whatever matches, a browser could have sent, and it is the host that was meant.
func FuzzMatch(f *testing.F) {
	for _, s := range []string{"https://a.app.test", "https://evil.com/.app.test", "https://x@a.app.test", "https://[::1]", "null", "http://a:1"} {
		f.Add(s)
	}
	l := list(f, "https://*.app.test", `{regex: ".*[.]app[.]test"}`)
	f.Fuzz(func(t *testing.T, s string) {
		if !l.Match(s) {
			return
		}
		if strings.ContainsAny(s, "/@?#\\% ,") && strings.Count(s, "/") != 2 || strings.ContainsAny(s, "@?#\\% ,") || !strings.HasSuffix(s, ".app.test") || strings.ToLower(s) != s {
			t.Errorf("%q matches", s)
		}
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	l := list(t, "https://app.test", "https://*.app2.test", `{regex: "https://pr-[0-9]+\\.app\\.test"}`)
	if n := testing.AllocsPerRun(100, func() {
		if !l.Match("https://app.test") || !l.Match("https://a.app2.test") || l.Match("https://a.evil.test") {
			t.Fatal("wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
