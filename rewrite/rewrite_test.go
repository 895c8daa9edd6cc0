package rewrite

import (
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func made(t testing.TB, yaml string) (*Rewrite, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var c Config
	if errs = schema.Of[Config]().Decode(n, &c, "rewrite"); len(errs) > 0 {
		return nil, errs
	}
	return New(c), nil
}

func exchange(t testing.TB, target string) *policy.Exchange {
	t.Helper()
	r := &wire.Request{Method: "GET", Scheme: "http", Host: "shop.test", Port: "8080"}
	if fault := wire.ParseTarget(r, target); fault != nil {
		t.Fatal(fault)
	}
	return &policy.Exchange{Request: r}
}

// goes tells where x goes.
func goes(x *policy.Exchange) string {
	r := x.Request
	out := r.Path.Text
	if r.Query != "" {
		out += "?" + r.Query
	}
	if x.Host != "" {
		out = x.Host + " " + out
	}
	return out
}

func TestApply(t *testing.T) {
	for _, c := range []struct{ name, yaml, target, want string }{
		{"a path", "{path: /v2}", "/x?a=1", "/v2?a=1"},
		{"a path of a value", "{path: '/v2/${request.query.id}'}", "/x?id=7", "/v2/7?id=7"},
		{"a value that is encoded", "{path: '/v2/${request.query.id}'}", "/x?id=a%2Fb%3Fc%20d", "/v2/a%2Fb%3Fc%20d?id=a%2Fb%3Fc%20d"},
		{"the path itself", "{path: '/v2${request.path}'}", "/a%2Fb//c", "/v2/a%2Fb/c"},
		{"a prefix", "{strip_prefix: /shop}", "/shop/a/b", "/a/b"},
		{"a prefix that is all", "{strip_prefix: /shop}", "/shop", "/"},
		{"a prefix and a slash", "{strip_prefix: /shop}", "/shop/", "/"},
		{"a prefix with a slash", "{strip_prefix: /shop/}", "/shop/a", "/a"},
		{"a prefix within a segment", "{strip_prefix: /shop}", "/shopping/a", "/shopping/a"},
		{"another prefix", "{strip_prefix: /shop}", "/a/shop", "/a/shop"},
		{"a prefix before an encoded slash", "{strip_prefix: /shop}", "/shop%2Fa", "/shop%2Fa"},
		{"once", "{strip_prefix: /a}", "/a/a/b", "/a/b"},
		{"a parameter", "{query: {b: '2'}}", "/x?a=1", "/x?a=1&b=2"},
		{"the first parameter", "{query: {b: '2'}}", "/x", "/x?b=2"},
		{"a parameter that is there", "{query: {a: '2'}}", "/x?a=1&b=3&a=4", "/x?b=3&a=2"},
		{"a parameter in another spelling", "{query: {a b: '2'}}", "/x?a+b=1&%61%20b=3&c", "/x?c&a%20b=2"},
		{"parameters by name", "{query: {c: '3', a: '1', b: '2'}}", "/x", "/x?a=1&b=2&c=3"},
		{"a parameter's value", "{query: {a: '${request.query.b}&c=d'}}", "/x?b=1%26c%3D2", "/x?b=1%26c%3D2&a=1%26c%3D2%26c%3Dd"},
		{"an empty value", "{query: {a: ''}}", "/x?a=1", "/x?a="},
		{"a host", "{host: people.internal}", "/x", "people.internal /x"},
		{"a host and port", "{host: 'People.Internal:81'}", "/x", "people.internal:81 /x"},
		{"a host of a value", "{host: '${request.query.t}.internal'}", "/x?t=a", "a.internal /x?t=a"},
		{"everything", "{path: '/${request.host}', host: b.test, query: {from: '${request.path}'}}", "/x", "b.test /shop.test?from=%2Fx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, errs := made(t, c.yaml)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			x := exchange(t, c.target)
			before := goes(x)
			place := PlaceOf(x)
			if err := w.Apply(x); err != nil {
				t.Fatal(err)
			}
			if got := goes(x); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if text, _, fault := wire.Canonical(x.Request.Path.Text, keep); fault != nil || text != x.Request.Path.Text {
				t.Errorf("%s is not canonical", x.Request.Path.Text)
			}
			if place.Restore(x); goes(x) != before || x.Request.Host != "shop.test" || x.Request.Port != "8080" {
				t.Errorf("put back is %s, was %s", goes(x), before)
			}
		})
	}
}

// Whatever a client sends, the request upstream has one reading, and the error is the client's.
func TestHostileValues(t *testing.T) {
	for _, c := range []struct{ yaml, target string }{
		{"{path: '/v2/${request.query.id}/x'}", "/x?id=.."},
		{"{path: '/v2/${request.query.id}'}", "/x?id=."},
		{"{path: '/v2/${request.query.id}'}", "/x?id="},
		{"{path: '/v2/${request.query.id}'}", "/x"},
		{"{path: '/v2/${request.query.id}'}", "/x?id=a%00b"},
		{"{path: '/v2/${request.query.id}'}", "/x?id=%zz"},
		{"{path: '/v2/${request.query.id}'}", "/x?id=..%3Bx"},
		{"{path: '/v2/${request.query.id}'}", "/x?id=%252e%252e"},
		{"{host: '${request.query.h}.internal'}", "/x?h=a%2Fb"},
		{"{host: '${request.query.h}.internal'}", "/x?h=user@a"},
		{"{host: '${request.query.h}'}", "/x?h=a%0D%0AX:"},
		{"{host: '${request.query.h}'}", "/x?h="},
	} {
		w, errs := made(t, c.yaml)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		x := exchange(t, c.target)
		before := goes(x)
		err := w.Apply(x)
		if p := problem.From(err); err == nil || p.Status != 400 {
			t.Errorf("%s of %s: got %v and %s, want bad_request", c.yaml, c.target, err, goes(x))
		}
		if goes(x) != before {
			t.Errorf("%s of %s: the refused request was changed to %s", c.yaml, c.target, goes(x))
		}
	}
}

// What the document promises and the gateway does not have is not the client's fault.
func TestMissingConsumer(t *testing.T) {
	w, errs := made(t, "{path: '/of/${consumer.name}'}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if err := w.Apply(exchange(t, "/x")); problem.From(err).Status != 500 {
		t.Errorf("got %v, want internal", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"{}", "rewrite: it changes nothing"},
		{"{path: /a, strip_prefix: /b}", "rewrite.strip_prefix: path is given as well"},
		{"{path: a}", "rewrite.path: "},
		{"{path: /a/../b}", "rewrite.path: "},
		{"{path: '/a?b=c'}", "rewrite.path: "},
		{"{strip_prefix: a}", "rewrite.strip_prefix: The path must begin with a slash."},
		{"{strip_prefix: /a//b}", `"/a//b" is "/a/b" once it is canonical`},
		{"{strip_prefix: /}", "there is nothing to strip"},
		{"{host: 'a b'}", "rewrite.host: The host holds a character"},
		{"{host: 'http://a'}", "rewrite.host: "},
		{"{query: {'': x}}", "a parameter needs a name"},
		{"{path: '/${request.nothing}'}", "rewrite.path: "},
		{"{pth: /a}", `did you mean "path"`},
	} {
		if _, errs := made(t, c.yaml); !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.yaml, errs.Error(), c.want)
		}
	}
}

func TestFixedRewritesAllocateNothing(t *testing.T) {
	w, errs := made(t, "{strip_prefix: /shop, host: b.test, query: {v: '2'}}")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	x := exchange(t, "/shop/a?b=c")
	block := make([]byte, 192)
	if n := testing.AllocsPerRun(100, func() {
		before := PlaceOf(x)
		x.Request.SetRoom(block)
		if err := w.Apply(x); err != nil {
			t.Fatal(err)
		}
		before.Restore(x)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
