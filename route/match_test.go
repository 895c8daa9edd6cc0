package route

import (
	"strings"
	"testing"

	"sallyport/schema"
)

func TestParsePattern(t *testing.T) {
	for in, want := range map[string]string{
		"/users/{id}": "id", "/{a}.{b}/{c_1...}": "a b c_1", "/": "", "/x/{rest...}": "rest", "/{user-id}": "user-id", "/a(b)/c,d;e=f": "", "/v1/items:batch": "",
	} {
		p, err := ParsePattern(in)
		if err != nil || strings.Join(p.Names(), " ") != want || p.String() != in {
			t.Errorf("ParsePattern(%q) = %q %q, %v; want %q", in, p, p.Names(), err, want)
		}
	}
	for in, want := range map[string]string{
		"":               "must begin with a slash",
		"users":          "must begin with a slash",
		"/a*":            "{name...} for the rest",
		"/admin/*":       "{name...} for the rest",
		"/a?x=1":         "query:",
		"/a#b":           "fragment",
		"/users/:id":     "write {id}",
		"/{a":            "without }",
		"/a}":            "without {",
		"/{}":            "not a name",
		"/{1a}":          "not a name",
		"/{a b}":         "not a name",
		"/{a}{b}":        "nothing between",
		"/{a}/{a}":       "two parameters named a",
		"/{a...}/b":      "nothing can follow",
		"/x{a...}":       "segment of its own",
		"/{a...}x":       "segment of its own",
		"/{...}":         "not a name",
		"//a":            `reaches routes as "/a"`,
		"/a/../b":        `reaches routes as "/b"`,
		"/a/./b":         `reaches routes as "/a/b"`,
		"/..":            "above its root",
		"/a/%2e":         `reaches routes as "/a/"`,
		"/..;x/{a}":      "hides a dot segment",
		"/a%zz":          "begins no escape",
		"/a%00":          "control character",
		`/a\b`:           "must not be there",
		"/a\tb":          "must not be there",
		"/%c0%af/{name}": "overlong",
	} {
		if _, err := ParsePattern(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePattern(%q): %v, want %q", in, err, want)
		}
	}
}

func TestParseRegex(t *testing.T) {
	for _, in := range []string{`^/x/[0-9]+$`, `^/(a|b)/(?P<id>[^/]+)$`, `^/a$|^/b$`, `^(?:/a|/b)$`, `\A/x\z`, `(?i)^/x$`, `^/.*$`} {
		if _, err := ParseRegex(in); err != nil {
			t.Errorf("ParseRegex(%q): %v", in, err)
		}
	}
	for in, want := range map[string]string{
		`/x/[0-9]+`: "begin with ^ and end with $", `^/x`: "begin with ^ and end with $", `/x$`: "begin with ^", `^/a|/b$`: "begin with ^",
		`(?m)^/x$`: "begin with ^", `^x$`: "matches no path", `^/é$`: "matches no path", `^/(`: "missing closing", `^$`: "matches no path",
	} {
		if _, err := ParseRegex(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRegex(%q): %v, want %q", in, err, want)
		}
	}
}

func TestRegexRoutes(t *testing.T) {
	list := with(t, rules(t, "/", "/x/{y}", "/x/abc", "/"), `0 regex ^/x/(?P<id>[0-9]+)(/(?P<more>.*))?$`, `3 regex ^/[a-z]\.json$`)
	list[0].Name, list[3].Name = "number", "json"
	under, err := list[3].Match.Path.Under("/base")
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, &Rule[string]{Name: "under", Match: Match{Path: under}})
	tab := table(t, list)
	for request, want := range map[string]string{
		"GET /x/12": "number id=12 more=", "GET /x/12/a%20b/c": "number id=12 more=a b/c", "GET /x/ab": "/x/{y} y=ab", "GET /x/abc": "/x/abc",
		"GET /a.json": "json", "GET /ab.json": "no_route", "GET /base/a.json": "under", "GET /basea.json": "no_route", "GET /base/base/a.json": "no_route",
		"OPTIONS /q.json": "json", "TRACE /q.json": "method_not_allowed GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
	} {
		x := exchange(t, request)
		r, err := tab.Find(x)
		if got := outcome(x, r, err); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
}

func TestUnder(t *testing.T) {
	for in, want := range map[string]string{"/": "/shop/", "/{x}": "/shop/{x}", "/{x...}": "/shop/{x...}"} {
		p, _ := ParsePattern(in)
		if got, err := p.Under("/shop"); err != nil || got.String() != want {
			t.Errorf("%s under /shop = %s, %v; want %s", in, got, err, want)
		}
		if got, err := p.Under(""); err != nil || got.String() != in {
			t.Errorf("%s under nothing = %s, %v", in, got, err)
		}
	}
	if got, err := (Pattern{}).Under("/shop"); err != nil || got.String() != "/shop/{path...}" {
		t.Errorf("every path under /shop = %s, %v", got, err)
	}
	if _, err := (Pattern{}).Under("/{x}/../.."); err == nil {
		t.Error("a base that is no path is taken")
	}
}

func TestParseMatch(t *testing.T) {
	for in, want := range map[string]string{
		"/x": "/x", "GET /x": "GET /x", "GET,HEAD /files/{path...}": "GET,HEAD /files/{path...}", "GET, POST   /x ": "GET,POST /x", "PROPFIND /x": "PROPFIND /x",
	} {
		if m, err := ParseMatch(in); err != nil || m.String() != want {
			t.Errorf("ParseMatch(%q) = %s, %v; want %s", in, &m, err, want)
		}
	}
	for in, want := range map[string]string{
		"GET": "begin with a slash", "GET/x": "a space", "get /x": "in capitals: GET", "* /x": "not a method", "GET,,POST /x": "not a method", "TRACE /x": "not served",
		"CONNECT /x": "not served", "GET,GET /x": "twice", "": "begin with a slash", "GET http://x/y": "a space", "GET POST /x": "not a method",
	} {
		if _, err := ParseMatch(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseMatch(%q): %v, want %q", in, err, want)
		}
	}
}

func decodeMatch(t *testing.T, doc string) (m Match, errs schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("gw.yaml", []byte(doc))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return m, schema.Of[Match]().Decode(n, &m, "match")
}

func TestDecodeMatch(t *testing.T) {
	for doc, want := range map[string]string{
		`GET /x`:                            "GET /x",
		`{ path: /x, methods: GET }`:        "GET /x",
		`{ methods: [GET, POST] }`:          "GET,POST /{...}",
		`{ hosts: ["*.A.test", b.test.] }`:  "*.a.test,b.test/{...}",
		`{ path: { regex: "^/x/[0-9]+$" }}`: "~^/x/[0-9]+$",
		`{ path: /x, headers: { X-A: 1, x-b: { regex: ^a }, x-c: { present: true }, x-d: { absent: true }, x-e: { present: false } } }`: "/x header X-A=1 header x-b~^a header x-c header !x-d header !x-e",
		`{ path: /x, query: { q: "true", r: false }, cookies: { c: x }, when: 'request.params.x == "1"' }`:                              `/x query q=true query r=false cookie c=x when request.params.x == "1"`,
	} {
		if m, errs := decodeMatch(t, doc); len(errs) > 0 || m.String() != want {
			t.Errorf("%s: got %s, %v\nwant %s", doc, &m, errs, want)
		}
	}
	for doc, want := range map[string]string{
		`[GET /x]`:                           "gw.yaml:1:1: match: a list is given where a match is wanted",
		`GET x`:                              "begin with a slash",
		`{ path: x }`:                        "gw.yaml:1:9: match.path: the path \"x\" must begin with a slash",
		`{ path: { regx: x } }`:              "match.path: a path is a template",
		`{ path: { regex: /x } }`:            "gw.yaml:1:18: match.path.regex: the regular expression",
		`{ pth: /x }`:                        `did you mean "path"?`,
		`{ methods: [get] }`:                 "match.methods: methods are written in capitals",
		`{ hosts: [a.test, "b.test:80"] }`:   "match.hosts[1]: \"b.test:80\": a host is matched without its port; write b.test",
		`{ hosts: ["*"] }`:                   "leave hosts out",
		`{ hosts: ["a.*.test"] }`:            "the first labels only",
		`{ hosts: ["a b"] }`:                 "not a host",
		`{ headers: { host: x } }`:           "matched with hosts",
		`{ headers: { Content-Length: 1 } }`: "about the connection",
		`{ headers: { "a b": 1 } }`:          "not the name of a header",
		`{ headers: [x] }`:                   "a list is given where a map",
		`{ headers: { x: { regex: "(" } } }`: "missing closing",
		`{ headers: { x: { is: 1 } } }`:      "unknown test \"is\"",
		`{ headers: { x: [1] } }`:            "write a value, {regex: …}",
		`{ when: "auth.subject == 'x'" }`:    "auth is not known yet",
		`{ when: "request.body.x == 1" }`:    "request.body is not there yet",
		`{ when: "request.method" }`:         "match.when: ",
	} {
		if _, errs := decodeMatch(t, doc); len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%s: got %v\nwant %s", doc, errs, want)
		}
	}
}
