package route

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

// rules makes a rule of each line: a match, after "!" a guarded one.
func rules(t testing.TB, lines ...string) (out []*Rule[string]) {
	t.Helper()
	for i, line := range lines {
		line, guarded := strings.CutPrefix(line, "!")
		m, err := ParseMatch(line)
		if err != nil {
			t.Fatal(err)
		}
		r := &Rule[string]{Name: line, Match: m, Pos: schema.Pos{File: "gw.yaml", Line: i + 1, Col: 5}, At: fmt.Sprintf("routes[%d]", i)}
		if guarded {
			r.Value = "guarded"
		}
		out = append(out, r)
	}
	return out
}

func stricter(found, other string) bool { return other == "guarded" && found != "guarded" }

func table(t testing.TB, rules []*Rule[string]) *Table[string] {
	t.Helper()
	table, errs := Build(rules, stricter)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return table
}

// exchange makes an exchange of "METHOD target" and header lines.
func exchange(t testing.TB, line string, fields ...string) *policy.Exchange {
	t.Helper()
	method, target, _ := strings.Cut(line, " ")
	r := &wire.Request{Method: method}
	if fault := wire.ParseTarget(r, target); fault != nil {
		t.Fatalf("%s: %v", line, fault)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			if fault := wire.ParseAuthority(value, r); fault != nil {
				t.Fatal(fault)
			}
			continue
		}
		r.Header.Add(name, value)
	}
	r.SetRoom(make([]byte, 4096))
	return &policy.Exchange{Request: r, Params: make([]policy.Param, 0, 8)}
}

// outcome writes what Find says: the rule's name and parameters, or the problem.
func outcome(x *policy.Exchange, r *Rule[string], err error) string {
	var p *problem.Problem
	var allow Allow
	switch {
	case errors.As(err, &allow):
		return "allow " + string(allow)
	case errors.As(err, &p):
		s := p.Name
		for _, h := range p.Header {
			s += " " + h[1]
		}
		return s
	case err != nil:
		return err.Error()
	}
	s := r.Name
	for _, p := range x.Params {
		s += " " + p.Name + "=" + p.Value
	}
	return s
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name   string
		routes []string
		want   map[string]string // request → outcome
	}{
		{"literals", []string{"GET /", "GET /users", "GET /users/me", "POST /users"}, map[string]string{
			"GET /": "GET /", "GET /users": "GET /users", "POST /users": "POST /users", "GET /users/me": "GET /users/me", "HEAD /users": "GET /users",
			"GET /users/": "no_route", "GET /use": "no_route", "GET /usersx": "no_route", "GET /Users": "no_route", "GET /users/me/x": "no_route",
			"DELETE /users": "method_not_allowed GET, HEAD, POST, OPTIONS", "PUT /": "method_not_allowed GET, HEAD, OPTIONS",
			"OPTIONS /users": "allow GET, HEAD, POST, OPTIONS", "OPTIONS /x": "no_route", "OPTIONS *": "allow GET, HEAD, POST, OPTIONS",
			"TRACE /users": "method_not_allowed GET, HEAD, POST, OPTIONS",
		}},
		{"parameters", []string{"/users/{id}", "/users/{id}/orders/{order}", "/v{major}/x.json", "/{a}-{b}.{c}"}, map[string]string{
			"GET /users/42": "/users/{id} id=42", "FOO /users/42": "/users/{id} id=42", "GET /users/": "no_route", "GET /users/a%20b": "/users/{id} id=a b",
			"GET /users/a%2Fb": "/users/{id} id=a/b", "GET /users/1/orders/2": "/users/{id}/orders/{order} id=1 order=2", "GET /v2/x.json": "/v{major}/x.json major=2",
			"GET /v/x.json": "no_route", "GET /x-y.z": "/{a}-{b}.{c} a=x b=y c=z", "GET /x-y-z.a.b": "/{a}-{b}.{c} a=x-y b=z.a c=b", "GET /-y.z": "no_route",
			"GET /x-.z": "no_route", "TRACE /users/1": "method_not_allowed GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "OPTIONS /users/1": "/users/{id} id=1",
		}},
		{"rest", []string{"/files/{path...}", "/files/readme", "/files/{id}/meta", "GET /a/{x}/{rest...}"}, map[string]string{
			"GET /files": "/files/{path...} path=", "GET /files/": "/files/{path...} path=", "GET /files/a/b/": "/files/{path...} path=a/b/",
			"GET /files/readme": "/files/readme", "GET /files/readme/": "/files/{path...} path=readme/", "GET /files/1/meta": "/files/{id}/meta id=1",
			"GET /files/1/metax": "/files/{path...} path=1/metax", "GET /filesx": "no_route", "GET /files/a%20b/c%2Fd": "/files/{path...} path=a b/c%2Fd",
			"GET /a/1": "GET /a/{x}/{rest...} x=1 rest=", "GET /a/": "no_route", "GET /a": "no_route", "GET /a/1/2/3": "GET /a/{x}/{rest...} x=1 rest=2/3",
		}},
		{"left to right", []string{"/{x}/b/c", "/a/{y}/{z...}", "/a/b{y}/d", "/{all...}"}, map[string]string{
			"GET /a/b/c": "/a/{y}/{z...} y=b z=c", "GET /z/b/c": "/{x}/b/c x=z", "GET /a/bb/d": "/a/b{y}/d y=b", "GET /a/bb/e": "/a/{y}/{z...} y=bb z=e",
			"GET /a": "/{all...} all=a", "GET /": "/{all...} all=", "GET /a/": "/{all...} all=a/",
		}},
		{"more text first", []string{"/{x}.json", "/{x}", "/a{x}", "/ab{x}", "/{x}b.json"}, map[string]string{
			"GET /z": "/{x} x=z", "GET /z.json": "/{x}.json x=z", "GET /az.json": "/a{x} x=z.json", "GET /abz": "/ab{x} x=z", "GET /ab": "/a{x} x=b",
			"GET /zb.json": "/{x}b.json x=z", "GET /.json": "/{x} x=.json",
		}},
		{"methods", []string{"/x", "GET /x", "HEAD /x", "POST,PUT /x"}, map[string]string{
			"GET /x": "GET /x", "HEAD /x": "HEAD /x", "PUT /x": "POST,PUT /x", "DELETE /x": "/x", "OPTIONS /x": "/x",
		}},
		{"a less specific path has the method", []string{"POST /admin/x", "/{all...}", "GET /admin/{y}"}, map[string]string{
			"DELETE /admin/x": "/{all...} all=admin/x", "GET /admin/x": "GET /admin/{y} y=x", "POST /admin/x": "POST /admin/x",
		}},
		{"canonical literals", []string{"/café/ %7ea", "/a%2fb", "/@x:y"}, map[string]string{
			"GET /caf%c3%a9/%20~a": "/café/ %7ea", "GET /a%2Fb": "/a%2fb", "GET /a/b": "no_route", "GET /@x:y": "/@x:y", "GET /%40x:y": "no_route",
		}},
		{"a slash at the end is another path", []string{"GET /a/", "POST /a", "/b/{c}/"}, map[string]string{
			"GET /a/": "GET /a/", "GET /a": "method_not_allowed POST, OPTIONS", "GET /b/1/": "/b/{c}/ c=1", "GET /b/1": "no_route",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := table(t, rules(t, c.routes...))
			for request, want := range c.want {
				x := exchange(t, request)
				r, err := tab.Find(x)
				if got := outcome(x, r, err); got != want {
					t.Errorf("%s: got %q, want %q", request, got, want)
				}
			}
		})
	}
}

func TestFindHost(t *testing.T) {
	list := rules(t, "/x", "/y", "/x", "/x", "GET /z", "POST /z")
	for i, hosts := range [][]string{nil, {"api.test"}, {"*.test"}, {"api.test", "*.a.test"}, {"*.test"}, nil} {
		list[i].Match.Hosts = hosts
		list[i].Name = fmt.Sprint(i)
	}
	tab := table(t, list)
	for request, want := range map[string]string{
		"api.test /x": "3", "API.TEST.:8080 /x": "3", "b.test /x": "2", "c.b.test /x": "2", "b.a.test /x": "3", "c.b.a.test /x": "3", "a.test /x": "2", "test /x": "0",
		"other /x": "0", "api.test /y": "1", "b.test /y": "no_route", "b.test /z": "4", "[::1] /x": "0", "xtest /x": "0",
	} {
		host, path, _ := strings.Cut(request, " ")
		x := exchange(t, "GET "+path, "Host: "+host)
		r, err := tab.Find(x)
		if got := outcome(x, r, err); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
	x := exchange(t, "DELETE /z", "Host: b.test")
	if r, err := tab.Find(x); outcome(x, r, err) != "method_not_allowed GET, HEAD, POST, OPTIONS" {
		t.Errorf("methods of all hosts that the request fits: %v", outcome(x, r, err))
	}
}

// TestGuarded is the class of attacks that PATH-* of the catalogue are taken from: every way to write a guarded path.
func TestGuarded(t *testing.T) {
	tab := table(t, rules(t, "!/admin/{path...}", "/public/{path...}", "/strip/{path...}", "/{path...}", "!/account", "!/adm@in/{x}"))
	for _, target := range []string{
		"/admin", "/admin/", "/admin/x", "//admin/x", "/./admin/x", "/public/../admin/x", "/public/%2e%2e/admin/x", "/%61dmin/x", "/public/;/../../admin/x",
		"/%2fadmin/x", "/admin%2fx", "/%2Fadmin", "/admin%5cx", "/%5cadmin/x", "/%5Cadmin%5Cx", "/admin;x/x", "/admin;/x", "/admin;", "/admin;a=b;c/x", "/admin%3bx/x",
		"/;/admin/x", "/;x/admin", "/%3b/admin", "/admin%3fx", "/admin%3F/public", "/admin%23x", "/admin%23/public", "/%2561dmin/x", "/%25%36%31dmin",
		"/%252fadmin/x", "/admin%252fx", "/%25252fadmin", "/admin%253bx/x", "/admin%255cx", "/admin%2500.png", "/%ef%bc%8fadmin/x", "/admin%ef%bc%8fx", "/%ef%bd%81dmin",
		"/%e2%88%95admin", "/admin%e2%88%95x", "/admin%ef%bc%bcx", "/admin%ef%bc%9bx", "/admin%c2%a5x", "/%25c0%25afadmin", "/admin%20/x", "/%20admin/x",
		"/admin%e2%80%8b/x", "/public;a%2fb/%2fx/../../admin/x", "/account/", "/account;v=1", "/account%2f", "/%2faccount/",
		"/adm%40in/x", "/adm%40in/a%2fb", "/strip//..//admin/x", "/%25u0061dmin/x", "/%f0%9d%90%9admin/x", "/%e2%93%90dmin", "/public%2fx;/%2e%2e/admin/x",
	} {
		r := &wire.Request{Method: "GET"}
		if wire.ParseTarget(r, target) != nil {
			continue // refused before there is a route to find: as good
		}
		x := &policy.Exchange{Request: r}
		found, err := tab.Find(x)
		if err == nil && found.Value != "guarded" || err != nil && outcome(x, found, err) != "bad_request" {
			t.Errorf("%s (%s): %s", target, r.Path.Text, outcome(x, found, err))
		}
	}
	for target, want := range map[string]string{
		"/adminx": "/{path...} path=adminx", "/Admin/x": "/{path...} path=Admin/x", "/x/admin": "/{path...} path=x/admin", "/public/a%2Fb": "/public/{path...} path=a%2Fb",
		"/public/x;v=1": "/public/{path...} path=x;v=1", "/accounts": "/{path...} path=accounts", "/strip../admin/x": "/{path...} path=strip../admin/x",
		"/public/%2Fadmin": "/public/{path...} path=%2Fadmin", "/public/": "/public/{path...} path=", "/strip/@evil.test/x": "/strip/{path...} path=@evil.test/x",
		"/a%40b": "/{path...} path=a@b", "/public/100%25": "/public/{path...} path=100%", "/admin%3Ax": "/{path...} path=admin:x",
	} {
		x := exchange(t, "GET "+target)
		r, err := tab.Find(x)
		if got := outcome(x, r, err); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

func TestReads(t *testing.T) {
	list := rules(t, "!/admin/{path...}", "/strip/{path...}", "/{path...}", "!/folder/")
	tab := table(t, list)
	x := exchange(t, "GET /strip/admin/x")
	for path, want := range map[string]bool{"/admin/x": true, "/x": false, "/admin": true, "/adminx": false, "/folder": true, "/folder/": true, "/": false} {
		if got := tab.Reads(x, "GET", path, false, list[1]); got != want {
			t.Errorf("Reads(%q) = %v, want %v", path, got, want)
		}
	}
	if !tab.Reads(x, "GET", "/%2Fadmin", true, list[1]) || tab.Reads(x, "GET", "/admin/x", false, list[0]) {
		t.Error("Reads overlooks a reading, or takes a rule for stricter than itself")
	}
	x = exchange(t, "GET /folder") // a server may serve it as /folder/
	if r, err := tab.Find(x); outcome(x, r, err) != "bad_request" {
		t.Errorf("/folder: %s", outcome(x, r, err))
	}
	all, _ := Build(rules(t, "/a", "/{x...}"), nil)
	if r, err := all.Find(exchange(t, "GET /%2Fa")); err == nil {
		t.Errorf("without stricter every other rule is: found %s", r.Name)
	}
}

func TestBadPath(t *testing.T) {
	tab := table(t, rules(t, "/{x...}"))
	for _, path := range []string{"", "*", "x"} {
		x := &policy.Exchange{Request: &wire.Request{Method: "GET", Path: wire.Path{Text: path}}}
		if r, err := tab.Find(x); outcome(x, r, err) != "bad_request" {
			t.Errorf("%q: %s", path, outcome(x, r, err))
		}
	}
}

func TestFindMethod(t *testing.T) {
	tab := table(t, rules(t, "PUT /x/{id}"))
	x := exchange(t, "OPTIONS /x/1")
	if r, err := tab.FindMethod(x, "PUT"); outcome(x, r, err) != "PUT /x/{id} id=1" {
		t.Error(outcome(x, r, err))
	}
}
