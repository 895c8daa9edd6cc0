package compose

import (
	"strings"
	"testing"

	"sallyport/jsonspan"
	"sallyport/policy"
)

// joining are compositions of two answers, by every way in which something of them gets into that of the gateway.
var joining = []string{
	"merge: [a, b, each]",
	"merge: { of: [b, a], objects: shallow }",
	"merge: { of: [a, b], arrays: concat }",
	"merge: { of: [a, b], objects: error }",
	"body: { a: '${calls.a.body}', ok: '${calls.a.ok}', inner: '${calls.a.body.a}', at: '${calls.b.body[0]}', each: '${calls.each.map(e, e.body)}' }",
	"body: '${merge(calls.a.body, calls.b.body)}'",
	"body: [ '${json(calls.a.body)}', '${[calls.a.body, calls.b.body]}', '${calls.b.body.filter(x, x == x)}', 'text ${calls.a.body}' ]",
	"body: { n: '${calls.a.body.n + 1}', m: { '${calls.a.body.a}': 1 } }",
	"body: { size: '${size(calls.a.body)}', keys: '${calls.a.body.map(k, k)}' }",
}

const joined2 = `
calls:
  a: { upstream: s, path: /a, on_error: omit, rename: { a: b, b.c: d, "n[].x": y } }
  b: { upstream: s, path: /b, on_error: { default: [] }, omit: [secret, items.secret], select: [items, a, n, secret] }
  each: { upstream: s, path: "/each/${item}", for_each: "${calls.a.body.items}", max_items: 4, on_error: omit }
`

// Whatever services answer, what the gateway makes of it is one strict value of JSON, and the same one whenever it is made; or a problem that repeats nothing of it.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":{"c":2,"d":3},"n":[{"x":1,"y":2}],"items":["i",{"secret":1}]}`, `{"n":1.10,"a":"b"}`, `[1,[],{"a":null}]`, `null`, `"text"`, ``, `{"a":{"a":{"a":1}}}`, `1e400`,
		strings.Repeat("[", 300), `{"\u0061":1,"b":2}`, `{"b":1,"d":2,"a":{"c":3}}`, "{\"a\":\"\xff\"}"} {
		f.Add(s, `{"items":[1,2,3],"a":{"b":[1]}}`)
		f.Add(`{"items":[1,2,3],"a":{"b":[1]}}`, s)
	}
	var a, b string
	s := &services{answer: func(path string) (int, string) {
		switch path {
		case "/a":
			return 200, a
		case "/b":
			return 206, b
		}
		return 200, `{"of":"` + strings.Map(plain, path) + `"}`
	}}
	handlers := make([]policy.Handler, len(joining))
	for i, doc := range joining {
		handlers[i] = made(f, s, joined2+doc)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if a, b = one, two; len(a)+len(b) > 32<<10 {
			return
		}
		for i, h := range handlers {
			var got [2]string
			for n := range got {
				x := exchange("/")
				resp, err := h(x)
				got[n] = told(x, resp, err)
			}
			if got[0] != got[1] {
				t.Fatalf("%s\n%q\nand %q\nof %q and %q", joining[i], got[0], got[1], a, b)
			}
			answer, made := strings.CutPrefix(got[0], "200 ")
			if !made {
				if !strings.HasPrefix(got[0], "502 compose_failed ") {
					t.Fatalf("%s\n%q\nof %q and %q", joining[i], got[0], a, b)
				}
				continue
			}
			_, body, _ := strings.Cut(answer, "] ")
			if _, err := jsonspan.Check([]byte(body)); err != nil {
				t.Fatalf("%s\n%q\n%v, of %q and %q", joining[i], body, err, a, b)
			}
		}
	})
}

// plain leaves letters and digits.
func plain(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}
