package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/problem"
)

// vars is a request that the tests ask of.
func vars(t testing.TB) Vars {
	t.Helper()
	v, err := readVars([]byte(`{
		"request": {"method": "POST", "path": "/orders/42", "raw_path": "/orders/%34%32", "host": "api.example.com", "scheme": "https", "protocol": "HTTP/1.1",
			"headers": {"x-a": "1", "x-list": ["one", "two"], "x-empty": ""}, "query": {"page": "2", "q": "a b&c", "": "nameless"},
			"cookies": {"theme": "dark"}, "params": {"id": "42"}, "size": 300, "id": "r-1", "time": "2026-01-02T03:04:05Z",
			"body": {"user": {"name": "ann", "age": 41, "big": 12345678901234567890, "ratio": 0.10, "none": null}, "items": [{"n": 1}, {"n": 2}]}},
		"client": {"ip": "10.1.2.3", "port": 4711},
		"auth": {"type": "jwt", "subject": "alice", "issuer": "https://idp", "scopes": ["read", "write"], "claims": {"sub": "alice", "admin": true, "level": 3, "roles": ["a", "b"]}},
		"consumer": {"name": "acme", "plan": "gold", "tags": ["partner"]},
		"route": {"name": "orders"}, "api": {"name": "shop", "version": "v2"},
		"response": {"status": 404, "headers": {"content-type": "text/plain"}, "body": {"error": "none"}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// nobody is a request of which nothing is known.
func nobody(t testing.TB) Vars {
	t.Helper()
	v, err := readVars([]byte("GET / HTTP/1.1\nHost: a\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every expression gives the same with and without the interpreter; plain says that it needs none.
func TestExpressions(t *testing.T) {
	const fails = "fails: "
	for _, c := range []struct {
		src   string
		want  any
		plain bool
	}{
		{`request.method`, "POST", true},
		{`request.path`, "/orders/42", true},
		{`request.raw_path`, "/orders/%34%32", true},
		{`request.host + ":" + request.scheme`, "api.example.com:https", false},
		{`request.protocol`, "HTTP/1.1", true},
		{`request.headers["x-a"]`, "1", true},
		{`request.headers["X-A"]`, "1", true},
		{`request.headers["x-list"]`, "one", true},
		{`request.headers["x-none"]`, fails + `there is no request.headers["x-none"]|there is no entry "x-none"`, true},
		{`request.headers.accept`, fails + `there is no request.headers["accept"]|there is no entry "accept"`, true},
		{`request.header("x-a")`, "1", true},
		{`request.header("x-none")`, "", true},
		{`request.header("X-A")`, "1", true},
		{`request.header("")`, "", false},
		{`request.header_values("x-list")`, []string{"one", "two"}, false},
		{`request.header_values("x-none")`, []string{}, false},
		{`request.query.page`, "2", true},
		{`request.query["q"]`, "a b&c", true},
		{`request.query[""]`, "nameless", false},
		{`request.cookies.theme`, "dark", true},
		{`request.params.id`, "42", true},
		{`request.params["nope"]`, fails + `there is no request.params["nope"]|there is no entry "nope"`, true},
		{`request.size`, int64(300), true},
		{`request.id`, "r-1", true},
		{`request.time`, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true},
		{`request.time.getFullYear()`, int64(2026), false},
		{`request.headers`, map[string]string{"x-a": "1", "x-list": "one", "x-empty": ""}, true},
		{`request.headers.size()`, int64(3), false},
		{`request.headers.exists(k, k.startsWith("x-l"))`, true, false},
		{`request.headers.map(k, request.headers[k]).size()`, int64(3), false},
		{`request.body.user.name`, "ann", true},
		{`request.body["user"]["name"]`, "ann", true},
		{`request.body.user.age + 1`, int64(42), false},
		{`request.body.user.big`, json.Number("12345678901234567890"), true},
		{`request.body.user.ratio`, json.Number("0.10"), true},
		{`request.body.user.ratio * 10.0`, float64(1), false},
		{`request.body.user.none`, nil, true},
		{`request.body.user.none == null`, true, true},
		{`request.body.user.nope`, fails + `there is no request.body["user.nope"]|there is no entry "nope"`, true},
		{`request.body.items[1].n`, json.Number("2"), false},
		{`request.body.items.map(i, i.n * 10)`, []any{int64(10), int64(20)}, false},
		{`request.body.items.all(i, i.n > 0)`, true, false},
		{`has(request.body.user.name)`, true, false},
		{`has(request.body.user.nope)`, false, false},
		{`client.ip`, "10.1.2.3", true},
		{`client.port`, int64(4711), true},
		{`auth.subject`, "alice", true},
		{`auth.scopes`, []any{"read", "write"}, true},
		{`"write" in auth.scopes`, true, true},
		{`"admin" in auth.scopes`, false, true},
		{`auth.claims.sub`, "alice", true},
		{`auth.claims.level`, json.Number("3"), true},
		{`auth.claims.level >= 3`, true, false},
		{`auth.claims.level == 3`, true, true},
		{`auth.claims.level == 3.0`, true, true},
		{`auth.claims.level == "3"`, false, true},
		{`auth.claims.level != "3"`, true, true},
		{`auth.claims.admin == true`, true, true},
		{`auth.claims.sub == "alice"`, true, true},
		{`"alice" == auth.claims.sub`, true, true},
		{`auth.claims["nope"] == "x"`, fails + `there is no auth.claims["nope"]|there is no entry "nope"`, true},
		{`"a" in auth.claims.roles`, true, false},
		{`has(auth.claims.admin)`, true, false},
		{`has(auth.claims.nope)`, false, false},
		{`consumer.name`, "acme", true},
		{`consumer.plan == "gold" && "partner" in consumer.tags`, true, true},
		{`route.name + "/" + api.name + "/" + api.version`, "orders/shop/v2", false},

		{`response.status == 404`, true, true},
		{`response.status >= 400 && response.status < 500`, true, true},
		{`response.headers["content-type"]`, "text/plain", true},
		{`response.header("content-type").startsWith("text/")`, true, true},
		{`response.body.error`, "none", true},

		{`request.path == "/orders/42"`, true, true},
		{`request.path != "/orders/42"`, false, true},
		{`request.method in ["GET", "HEAD"]`, false, true},
		{`request.method in ["GET", "POST"]`, true, true},
		{`request.method in []`, false, true},
		{`request.path.startsWith("/orders")`, true, true},
		{`request.path.endsWith("42")`, true, true},
		{`request.path.contains("/4")`, true, true},
		{`request.path.matches("^/orders/[0-9]+$")`, true, true},
		{`matches(request.path, "4")`, true, true},
		{`request.path.matches(request.params.id)`, true, false},
		{`request.size > 100`, true, true},
		{`request.size <= 300`, true, true},
		{`100 < request.size`, true, true},
		{`request.size == client.port`, false, true},
		{`request.size > 1.5`, true, false},
		{`!(request.method == "GET")`, true, true},
		{`request.header("x-a") == request.params.id`, false, true},
		{`"x-a" in request.headers`, true, true},
		{`"x-none" in request.headers`, false, true},
		{`"" in request.query`, true, false},
		{`has(request.headers.accept)`, false, true},
		{`has(request.headers["x-a"])`, nil, false}, // refused: has takes a field
		{`has(request.query.page)`, true, true},
		{`has(request.size)`, true, true},
		{`has(auth.subject)`, true, true},
		{`has(request.headers)`, true, true},
		{`has(request.body)`, true, false},

		// An error counts only where the other side does not decide.
		{`request.headers["x-none"] == "1" || request.method == "POST"`, true, true},
		{`request.method == "POST" || request.headers["x-none"] == "1"`, true, true},
		{`request.headers["x-none"] == "1" && request.method == "GET"`, false, true},
		{`request.method == "GET" && request.headers["x-none"] == "1"`, false, true},
		{`request.headers["x-none"] == "1" && request.method == "POST"`, fails + `there is no request.headers["x-none"]|there is no entry "x-none"`, true},
		{`request.headers["x-none"] == "1" || request.method == "GET"`, fails + `there is no request.headers["x-none"]|there is no entry "x-none"`, true},
		{`!(request.headers["x-none"] == "1")`, fails + `there is no request.headers["x-none"]|there is no entry "x-none"`, true},

		{`ip(client.ip).in("10.0.0.0/8")`, true, true},
		{`ip(client.ip). in ("192.168.0.0/16")`, false, true},
		{`ip(client.ip).in(["192.168.0.0/16", "10.1.2.3"])`, true, true},
		{`ip("::ffff:10.1.2.3").in("10.0.0.0/8")`, true, false},
		{`ip("10.1.2.3").in("::ffff:10.0.0.0/104")`, true, false},
		{`ip("2001:db8::1").in("2001:db8::/32")`, true, false},
		{`ip("fe80::1%eth0").in("fe80::/10")`, true, false},
		{`ip(client.ip).in([])`, false, true},
		{`ip(client.ip).in([request.path])`, fails + `… is no network; write one as 10.0.0.0/8`, false},
		{`ip(request.path).in("10.0.0.0/8")`, fails + `… is no IP address`, true},
		{`ip(client.ip) == ip("10.1.2.3")`, true, false},
		{`"10.1.2.3" in ["10.1.2.3"] && "in(" == "in("`, true, false},
		{`sha256("abc")`, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false},
		{`base64("a?~")`, "YT9+", false},
		{`base64(b"\xff")`, "/w==", false},
		{`json({"b": [1, 2.5, true, null], "a": "<\"\n>"})`, `{"a":"<\"\n>","b":[1,2.5,true,null]}`, false},
		{`json(request.body.user)`, `{"age":41,"big":12345678901234567890,"name":"ann","none":null,"ratio":0.10}`, false},
		{`size(uuid())`, int64(36), false},
		{`uuid() != uuid()`, true, false},
		{`uuid().matches("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")`, true, false},
		{`now - now == duration("0s")`, true, false},
		{`now > timestamp("2020-01-01T00:00:00Z")`, true, false},
		{`merge({"a": {"x": 1, "y": [1, 2]}, "b": 1}, {"a": {"y": [3]}, "c": null})`,
			map[string]any{"a": map[string]any{"x": int64(1), "y": []any{int64(3)}}, "b": int64(1), "c": nil}, false},
		{`merge(request.body, {"user": {"name": "bob"}}).user.name`, "bob", false},
		{`"a,b".split(",")`, []string{"a", "b"}, false},
		{`"abc".upperAscii()`, "ABC", false},
		{`[3, 1, 2].sort()`, []any{int64(1), int64(2), int64(3)}, false},
		{`math.greatest(1, 2, 3)`, int64(3), false},
		{`math.abs(-4)`, int64(4), false},
		{`lists.range(3)`, []any{int64(0), int64(1), int64(2)}, false},
		{`"%s-%d".format(["a", 1])`, "a-1", false},
		{`1 / (request.size - 300)`, fails + `division by zero`, false},
		{`{"a": [1, "x", 2.5]}`, map[string]any{"a": []any{int64(1), "x", 2.5}}, false},
		{`duration("90s")`, "1m30s", false},
		{`b"abc"`, "abc", false},
		{`18446744073709551615u`, json.Number("18446744073709551615"), false},
		{`"${x}" + r"\d}" + '}'`, `${x}\d}}`, false},
	} {
		t.Run(c.src, func(t *testing.T) {
			v := vars(t)
			e, err := Compile(c.src, Any, OnResponse())
			if c.want == nil && err != nil {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if plain := e.p.plainBool != nil || e.p.plainText != nil || e.p.plainInt != nil || e.p.plainValue != nil; plain != c.plain {
				t.Errorf("plain: got %v, want %v", plain, c.plain)
			}
			slow := &compiler{response: true, always: true}
			p, err := slow.compile(c.src, Any)
			if err != nil {
				t.Fatal(err)
			}
			for name, e := range map[string]Expr{"chosen": *e, "interpreted": {p}} {
				got, err := e.Value(v)
				if want, ok := c.want.(string); ok && strings.HasPrefix(want, fails) {
					one, two, _ := strings.Cut(strings.TrimPrefix(want, fails), "|")
					if err == nil || !strings.HasSuffix(err.Error(), ": "+one) && (two == "" || !strings.HasSuffix(err.Error(), ": "+two)) {
						t.Errorf("%s: got %v and error %v, want error %q", name, got, err, one)
					}
					continue
				}
				if err != nil || !same(got, c.want) {
					t.Errorf("%s: got %#v, %v; want %#v", name, got, err, c.want)
				}
			}
		})
	}
}

// same compares values; a number of JSON is the same as one of CEL, which does not keep every digit.
func same(got, want any) bool {
	if f, ok := got.(float64); ok {
		if n, ok := want.(json.Number); ok {
			w, err := n.Float64()
			return err == nil && w == f
		}
	}
	if n, ok := got.(json.Number); ok && fmt.Sprint(want) == string(n) {
		return true
	}
	if n, ok := want.(json.Number); ok && fmt.Sprint(got) == string(n) {
		return true
	}
	return reflect.DeepEqual(got, want)
}

// Where nobody is known, what would tell who it is is absent; it is never an empty text that equals another.
func TestNobody(t *testing.T) {
	v := nobody(t)
	for src, want := range map[string]any{
		`auth.type`:                            "",
		`auth.subject == ""`:                   nil,
		`auth.subject != "mallory"`:            nil,
		`has(auth.subject)`:                    false,
		`consumer.name != "mallory"`:           nil,
		`has(consumer.name)`:                   false,
		`"admin" in auth.scopes`:               false,
		`"x" in consumer.tags`:                 false,
		`auth.claims.sub == auth.claims.other`: nil,
		`has(auth.claims.sub)`:                 false,
		`request.body`:                         nil,
		`has(request.body)`:                    false,
	} {
		for _, always := range []bool{false, true} {
			c := compiler{always: always}
			p, err := c.compile(src, Any)
			if err != nil {
				t.Fatal(src, err)
			}
			got, err := Expr{p}.Value(v)
			if want == nil {
				var absent *Missing
				if !errors.As(err, &absent) {
					t.Errorf("%s: got %v, %v; want it missing", src, got, err)
				}
			} else if err != nil || got != want {
				t.Errorf("%s: got %v, %v; want %v", src, got, err, want)
			}
		}
	}
}

func TestWants(t *testing.T) {
	v := vars(t)
	e := func(src string, want Type) *Expr {
		e, err := Compile(src, want)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if s, err := e(`request.size`, Text).Text(v); s != "300" || err != nil {
		t.Errorf("got %q, %v", s, err)
	}
	if s, err := e(`request.body.user.age == 41`, Text).Text(v); s != "true" || err != nil {
		t.Errorf("got %q, %v", s, err)
	}
	if s, err := e(`request.time`, Text).Text(v); s != "2026-01-02T03:04:05Z" || err != nil {
		t.Errorf("got %q, %v", s, err)
	}
	if n, err := e(`request.size`, Number).Number(v); n != 300 || err != nil {
		t.Errorf("got %v, %v", n, err)
	}
	if n, err := e(`double(request.size) / 8.0`, Number).Number(v); n != 37.5 || err != nil {
		t.Errorf("got %v, %v", n, err)
	}
	if _, err := e(`request.body.user`, Text).Text(v); err == nil {
		t.Error("a map became text")
	}
	if _, err := e(`request.body.user.none`, Text).Text(v); err == nil {
		t.Error("null became text")
	}
	if _, err := e(`request.body.user.name`, Bool).Bool(v); err == nil {
		t.Error("text became true or false")
	}
	if _, err := e(`request.body.user.name`, Number).Number(v); err == nil {
		t.Error("text became a number")
	}
	if _, err := (Expr{}).Bool(v); err == nil {
		t.Error("no expression became true or false")
	}
}

// A failed look-up of the request is the client's fault, and must still be known as such by those who answer it.
func TestProblemsPassThrough(t *testing.T) {
	for _, src := range []string{`request.query.q`, `request.query["q" + ""]`, `"q" in request.query`, `has(request.query.q)`,
		`request.query.exists(k, k == "q")`, `request.query.size() > 0`, `json(request.query)`, `request.body.x == 1`, `has(request.body.x)`} {
		e, err := Compile(src, Any)
		if err != nil {
			t.Fatal(src, err)
		}
		got, err := e.Value(broken{vars(t)})
		if problem.From(err).Name != "bad_request" {
			t.Errorf("%s: got %v, %v", src, got, err)
		}
	}
}

// broken is a request of which query and body cannot be read.
type broken struct{ Vars }

func (b broken) Lookup(root, field, key string) (any, bool, error) {
	if field == "query" || field == "body" {
		return nil, false, problem.BadRequest.New("broken")
	}
	return b.Vars.Lookup(root, field, key)
}

func (b broken) LookupText(root, field, key string) (string, bool, error) {
	if field == "query" {
		return "", false, problem.BadRequest.New("broken")
	}
	return b.Vars.LookupText(root, field, key)
}
