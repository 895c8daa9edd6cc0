package expr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A grammar makes plain expressions at random.
type grammar struct{ *rand.Rand }

func (g grammar) one(of ...string) string { return of[g.IntN(len(of))] }

func (g grammar) text() string {
	return g.one(`request.method`, `request.path`, `request.header("x-a")`, `request.header("x-none")`, `request.headers["x-a"]`, `request.headers["x-none"]`,
		`request.query.page`, `request.query.nope`, `request.params.id`, `request.cookies.theme`, `auth.subject`, `consumer.name`, `consumer.plan`,
		`client.ip`, `response.headers["content-type"]`, `"POST"`, `"1"`, `""`, `"acme"`, `"a"`)
}

func (g grammar) tree() string {
	return g.one(`auth.claims.sub`, `auth.claims.level`, `auth.claims.roles`, `auth.claims.nope`, `auth.claims.sub.deep`, `request.body.user.name`,
		`request.body.user.age`, `request.body.user.none`, `request.body.nope.x`, `response.body.error`)
}

func (g grammar) test(depth int) string {
	if depth > 0 && g.IntN(2) == 0 {
		a, b := g.test(depth-1), g.test(depth-1)
		return g.one("("+a+" && "+b+")", "("+a+" || "+b+")", "!("+a+")")
	}
	switch g.IntN(8) {
	case 0:
		return g.text() + g.one(" == ", " != ") + g.text()
	case 1:
		return g.tree() + g.one(" == ", " != ") + g.one(`"alice"`, `"x"`, `3`, `41.0`, `true`, `null`)
	case 2:
		return g.text() + g.one(".startsWith", ".endsWith", ".contains") + "(" + g.text() + ")"
	case 3:
		return g.text() + `.matches("` + g.one("^P", "1$", "", "[a-z]+", "x") + `")`
	case 4:
		return g.text() + ` in ` + g.one(`["POST", "1"]`, `[]`, `auth.scopes`, `consumer.tags`)
	case 5:
		if g.IntN(2) == 0 {
			return "ip(" + g.text() + ").in(" + g.one(`"10.0.0.0/8"`, `["::/0", "127.0.0.1"]`, `[]`) + ")"
		}
		return g.one(`"x-a"`, `"x-none"`) + " in request.headers"
	case 6:
		return "has(" + g.one(`request.headers.host`, `request.query.page`, `request.query.nope`, `auth.subject`, `consumer.name`, `request.size`, `auth.scopes`, `request.params`) + ")"
	}
	return g.one(`request.size`, `response.status`, `client.port`, `300`) + g.one(" < ", " <= ", " > ", " >= ", " == ", " != ") + g.one(`404`, `request.size`, `client.port`)
}

// What is served without the interpreter gives what the interpreter gives, errors included, for whatever request.
func TestPlainIsTheSame(t *testing.T) {
	worlds := map[string]Vars{"vars": vars(t), "nobody": nobody(t), "broken": broken{vars(t)}}
	g := grammar{rand.New(rand.NewPCG(1, 2))}
	plain, failed, held := 0, 0, 0
	for range 3000 {
		src := g.test(3)
		fast, err := Compile(src, Bool, OnResponse())
		if err != nil {
			if strings.Contains(err.Error(), "no matching overload") || strings.Contains(err.Error(), "is no IP address") {
				continue // constants that do not go together
			}
			t.Fatal(src, err)
		}
		if fast.p.plainBool == nil && !fast.p.constant {
			t.Fatalf("%s: is not plain", src)
		}
		p, err := (&compiler{response: true, always: true}).compile(src, Bool)
		if err != nil {
			t.Fatal(src, err)
		}
		for name, v := range worlds {
			a, failedA := fast.Bool(v)
			b, failedB := Expr{p}.Bool(v)
			if a != b && failedA == nil || (failedA == nil) != (failedB == nil) {
				t.Fatalf("%s of %s: plain %v, %v; interpreted %v, %v", src, name, a, failedA, b, failedB)
			}
			if plain++; failedA != nil {
				failed++
			} else if a {
				held++
			}
		}
	}
	if plain < 6000 || failed < plain/10 || held < plain/10 {
		t.Errorf("of %d tests %d failed and %d held: the grammar says too little", plain, failed, held)
	}
}

// fixed answers every look-up at once, so that only our own allocations count.
type fixed struct{ claims map[string]any }

func (f *fixed) Lookup(root, field, key string) (any, bool, error) {
	v, found := f.claims[key]
	return v, found, nil
}
func (f *fixed) LookupText(root, field, key string) (string, bool, error) {
	return "/orders/42", true, nil
}
func (f *fixed) LookupInt(root, field string) (int64, bool, error) { return 404, true, nil }

func TestPlainAllocatesNothing(t *testing.T) {
	v := &fixed{map[string]any{"sub": "alice"}}
	for _, src := range []string{
		`request.path == "/orders/42"`, `request.headers["x"] != "a" && request.method in ["GET", "/orders/42"]`, `auth.claims.sub == "alice"`,
		`request.path.startsWith("/orders") || request.path.matches("^/x")`, `request.size > 1000 || response.status == 404`,
		`"read" in auth.scopes && has(consumer.name)`, `!(consumer.name == "acme")`,
	} {
		e, err := Compile(src, Bool, OnResponse())
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := e.Bool(v); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", src, n)
		}
	}
	for _, src := range []string{`${request.path}`, `${request.headers["x"]}`, `${request.header("x")}`, `${client.ip}`, `${consumer.name}`, `${request.params.id}`, `${auth.claims.sub}`, `plain`} {
		e, err := CompileTemplate(src)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := e.Text(v); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", src, n)
		}
	}
	p, err := CompilePath("/v1/users/${request.headers['v']}")
	if err != nil {
		t.Fatal(err)
	}
	var word Vars = put{Vars: v, value: "42"} // a value with a slash costs the rewriting of the whole
	if n := testing.AllocsPerRun(100, func() { _, err = p.Text(word) }); n > 1 || err != nil {
		t.Errorf("a path: %v allocations, %v", n, err)
	}
}

func BenchmarkExpressions(b *testing.B) {
	v := &fixed{map[string]any{"sub": "alice"}}
	for _, always := range []bool{false, true} {
		for _, src := range []string{`request.path == "/orders/42"`, `request.headers["x"] == "a" || request.path.startsWith("/orders")`, `ip(client.ip).in("10.0.0.0/8") || true`} {
			p, err := (&compiler{always: always}).compile(src, Bool)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("interpreted=%v/%s", always, src), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := (Expr{p}).Bool(v); err != nil && !errors.Is(err, errSecret) {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			if _, err := Compile(`request.headers["x"] == "a" && ip(client.ip).in("10.0.0.0/8")`, Bool); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compile plain", func(b *testing.B) {
		for b.Loop() {
			if _, err := CompileTemplate(`/v1/${request.params.id}`); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("language", func(b *testing.B) {
		for b.Loop() {
			newLanguage(roots)
		}
	})
}
