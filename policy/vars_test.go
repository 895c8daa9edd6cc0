package policy_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/expr"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/wire"
)

func request(t testing.TB, target, body string, fields ...string) *wire.Request {
	t.Helper()
	r := &wire.Request{Method: "POST", Scheme: "https", Host: "api.example.com", Port: "8443", Proto: wire.HTTP11}
	if fault := wire.ParseTarget(r, target); fault != nil {
		t.Fatal(fault)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	r.SetRoom(make([]byte, 1024))
	if body != "" {
		r.Body, r.Length = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return r
}

func exchange(t testing.TB, r *wire.Request) *policy.Exchange {
	return &policy.Exchange{
		Request: r, ID: "r-1", Client: netip.MustParseAddr("2001:db8::7"), Port: 4711, Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		API: "shop", Version: "v2", Route: "orders", Params: []policy.Param{{Name: "id", Value: "a/b", Raw: "a%2Fb"}, {Name: "rest", Value: "x/y z", Raw: "x/y%20z"}},
		Auth:     policy.Auth{Type: "jwt", Subject: "alice", Issuer: "https://idp", Scopes: []string{"read"}, Claims: map[string]any{"sub": "alice", "n": int64(3)}},
		Consumer: &policy.Consumer{Name: "acme", Plan: "gold", Tags: []string{"partner"}},
	}
}

func eval(t testing.TB, src string, v expr.Vars) (any, error) {
	t.Helper()
	e, err := expr.Compile(src, expr.Any, expr.OnResponse())
	if err != nil {
		t.Fatal(src, err)
	}
	return e.Value(v)
}

func TestVariables(t *testing.T) {
	r := request(t, "/orders/%34?page=2&page=3&q=a+b%26c&bad=%zz&%6eame=x&empty&=v", `{"a": {"b": [1, 2.50, 12345678901234567890]}}`,
		"X-A: 1", "x-a: 2", "X-Role: \xffadmin", "Cookie: a=1; b=\"two\"; a=3; odd", "cookie: c=x=y", "Accept: */*")
	v := &policy.ResponseVars{Exchange: exchange(t, r), Response: &wire.Response{Status: 404, Body: io.NopCloser(strings.NewReader(`{"error": "none"}`)), Length: -1}}
	v.Response.Header.Add("Content-Type", "application/json")
	v.Response.Header.Add("Set-Cookie", "a=1")
	v.Response.Header.Add("set-cookie", "b=2")
	for src, want := range map[string]any{
		`request.method`: "POST", `request.path`: "/orders/4", `request.raw_path`: "/orders/%34", `request.host`: "api.example.com",
		`request.scheme`: "https", `request.protocol`: "HTTP/1.1", `request.id`: "r-1", `request.size`: int64(45),
		`request.time`:           time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		`request.headers["x-a"]`: "1", `request.header("X-A")`: "1", `request.header("none")`: "", `request.header_values("x-a")`: []string{"1", "2"},
		`request.header_values("none")`: []string{}, `request.header("host")`: "api.example.com:8443", `request.header("content-length")`: "45",
		`request.header_values("host")`: []string{"api.example.com:8443"}, `request.header("upgrade")`: "",
		`request.header("x-role")`: "ÿadmin", `request.header("x-role").matches("admin")`: true, `request.header_values("x-role")[0] == "ÿadmin"`: true,
		`request.headers`:    map[string]string{"x-a": "1", "x-role": "ÿadmin", "cookie": `a=1; b="two"; a=3; odd`, "accept": "*/*", "host": "api.example.com:8443", "content-length": "45"},
		`request.query.page`: "2", `request.query.q`: "a b&c", `request.query.name`: "x", `request.query.empty`: "", `request.query[""]`: "bad request",
		`request.query.bad`: "bad request", `"bad" in request.query`: "bad request", `request.query.size()`: "bad request", `has(request.query.none)`: false,
		`request.cookies.a`: "1", `request.cookies.b`: "two", `request.cookies.c`: "x=y", `request.cookies`: map[string]string{"a": "1", "b": "two", "c": "x=y"},
		`has(request.cookies.odd)`: false, `request.params.id`: "a/b", `request.params`: map[string]string{"id": "a/b", "rest": "x/y z"}, `has(request.params.none)`: false,
		`request.body.a.b[0]`: int64(1), `request.body.a.b`: []any{int64(1), json.Number("2.50"), json.Number("12345678901234567890")},
		`json(request.body)`: `{"a":{"b":[1,2.50,12345678901234567890]}}`,
		`client.ip`:          "2001:db8::7", `client.port`: int64(4711), `ip(client.ip).in("2001:db8::/32")`: true,
		`auth.type`: "jwt", `auth.subject`: "alice", `auth.issuer`: "https://idp", `auth.scopes`: []string{"read"}, `"read" in auth.scopes`: true, `"" in auth.scopes`: false,
		`auth.claims.sub`: "alice", `auth.claims`: map[string]any{"sub": "alice", "n": int64(3)}, `auth.claims.n + 1`: int64(4), `has(auth.claims.none)`: false,
		`consumer.name`: "acme", `consumer.plan`: "gold", `consumer.tags`: []string{"partner"}, `"partner" in consumer.tags`: true,
		`route.name`: "orders", `api.name`: "shop", `api.version`: "v2",
		`response.status`: int64(404), `response.headers["content-type"]`: "application/json", `response.header("none")`: "", `response.body.error`: "none",
		`response.header_values("set-cookie")`: []string{"a=1", "b=2"}, `response.headers`: map[string]string{"content-type": "application/json", "set-cookie": "a=1"},
		`has(response.headers.location)`: false,
	} {
		got, err := eval(t, src, v)
		if want == "bad request" {
			if problem.From(err).Name != "bad_request" {
				t.Errorf("%s: got %v, %v; want bad_request", src, got, err)
			}
		} else if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", src, got, err, want)
		}
	}
}

func TestVariablesOfNobody(t *testing.T) {
	r := request(t, "/", "")
	r.Host, r.Length = "", -1
	v := &policy.Exchange{Request: r}
	for src, want := range map[string]any{
		`auth.type`: "", `auth.subject`: nil, `auth.issuer`: nil, `auth.scopes`: []string{}, `auth.claims`: map[string]any{}, `auth.claims.sub`: nil,
		`consumer.name`: nil, `consumer.plan`: nil, `consumer.tags`: []string{}, `client.ip`: nil, `client.port`: nil, `request.size`: nil, `request.body`: nil,
		`has(consumer.name)`: false, `has(request.size)`: false, `has(request.body)`: false, `"x" in consumer.tags`: false, `"host" in request.headers`: false,
		`has(client.ip)`: false,
	} {
		got, err := eval(t, src, v)
		var absent *expr.Missing
		if want == nil && !errors.As(err, &absent) || want != nil && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s: got %#v, %v; want %#v", src, got, err, want)
		}
	}
}

// A parameter goes into another path as it stood in the request's.
func TestParamsInPaths(t *testing.T) {
	x := exchange(t, request(t, "/", ""))
	for src, want := range map[string]string{
		"/v1/${request.params.id}/z":      "/v1/a%2Fb/z",
		"/v1/${request.params.rest}":      "/v1/x/y%20z",
		"/v1/x-${request.params.id}":      "/v1/x-a%2Fb",
		"/v1${request.path}":              "/v1/",
		"/v1/${request.params.id + ''}":   "/v1/a%2Fb",
		"/v1/${request.params.rest + ''}": "/v1/x%2Fy%20z",
	} {
		p, err := expr.CompilePath(src)
		if err != nil {
			t.Fatal(src, err)
		}
		if got, err := p.Text(x); got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", src, got, err, want)
		}
	}
}

func TestVariablesAllocateNothing(t *testing.T) {
	x := exchange(t, request(t, "/orders/4?page=2", "", "X-A: 1", "Cookie: theme=dark"))
	for _, src := range []string{"request.method", "request.path", "request.host", "request.scheme", "request.protocol", "request.id", `request.headers["x-a"]`, `request.header("x-a")`,
		`request.header("x-none")`, "request.query.page", "request.cookies.theme", "request.params.id", "client.ip", "auth.subject", "auth.claims.sub", "consumer.name", "route.name", "api.version"} {
		e, err := expr.Compile(src, expr.Text)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := e.Text(x); err != nil {
				t.Fatal(src, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", src, n)
		}
	}
	for _, src := range []string{`request.method == "POST" && request.path.startsWith("/orders")`, `"read" in auth.scopes && auth.claims.sub == "alice"`, `request.size > 5000 || client.port == 4711`,
		`has(consumer.name) && "partner" in consumer.tags`, `"x-a" in request.headers`, `ip(client.ip).in("2001:db8::/32")`, `request.query.page in ["1", "2"]`} {
		e, err := expr.Compile(src, expr.Bool)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if ok, err := e.Bool(x); err != nil || !ok {
				t.Fatal(src, ok, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", src, n)
		}
	}
}
