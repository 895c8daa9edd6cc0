package jsonlimits

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var usual = bounds{depth: 64, members: 10000, keys: 1000, items: 10000, key: 256, text: -1, number: 128, exponent: 1000}

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestCheck(t *testing.T) {
	few := bounds{depth: 2, members: 4, keys: 2, items: 2, key: 3, text: 3, number: 4, exponent: 9}
	twice := usual
	twice.twice = true
	for _, c := range []struct {
		name    string
		b       bounds
		body    string
		reason  reason
		pointer string
	}{
		{"an object", usual, `{"a":[1,2.5,-0,1e9,true,false,null,"x",{}]}`, "", ""},
		{"a scalar", usual, ` 7 `, "", ""},
		{"a string", usual, `"\ud83d\ude00 \u00e9 é"`, "", ""},
		{"64 levels", usual, nested(64), "", ""},
		{"65 levels", usual, nested(65), tooDeep, strings.Repeat("/0", 64)},
		{"a bomb of arrays", usual, strings.Repeat("[", 1000000), tooDeep, strings.Repeat("/0", 64)},
		{"a bomb of objects", usual, strings.Repeat(`{"a":`, 100000), tooDeep, strings.Repeat("/a", 64)},
		{"levels", few, `{"a":[1]}`, "", ""},
		{"one level more", few, `{"a":[[]]}`, tooDeep, "/a/0"},
		{"items", few, `[1,2]`, "", ""},
		{"one item more", few, `{"a":[1,2,"x"]}`, items, "/a"},
		{"keys", few, `[{"a":1,"b":2},{"a":1,"b":2}]`, "", ""},
		{"one key more", few, `[{"a":1,"b":2,"c":3}]`, keys, "/0"},
		{"one member more", few, `{"a":{"a":1,"b":2},"b":{"a":1,"b":2}}`, members, "/b"},
		{"a key of 3", few, `{"äbc":1}`, "", ""},
		{"a key of 3 in escapes", few, `{"\u00e4\n\ud83d\ude00":1}`, "", ""},
		{"a key of 4", few, `{"a":{"abcd":1}}`, keyLength, "/a"},
		{"a string of 3", few, `"\"\\\u0041"`, "", ""},
		{"a string of 4", few, `{"a~/b":1}`, keyLength, ""},
		{"a long string", few, `{"a":["x","abcd"]}`, textSize, "/a/1"},
		{"a number of 4", few, `[1234]`, "", ""},
		{"a number of 5", few, `[1,12345]`, number, "/1"},
		{"an exponent", few, `1e9`, "", ""},
		{"one more", few, `[1e10]`, number, "/0"},
		{"a negative one", few, `1E-10`, number, ""},
		{"an exponent bomb", usual, `{"a":1e1000000000}`, number, "/a"},
		{"an exponent beyond integers", usual, `1e99999999999999999999999999`, number, ""},
		{"digits", usual, strings.Repeat("1", 1<<20), number, ""},
		{"a key twice", usual, `{"a":1,"b":{"c":1,"c":2}}`, duplicate, "/b/c"},
		{"a key twice, in escapes", usual, `{"role":1,"r\u006fle":2}`, duplicate, "/role"},
		{"twice on purpose", twice, `{"a":1,"a":2}`, "", ""},
		{"keys of two cases", usual, `{"Role":"admin","role":"user"}`, "", ""},
		{"a byte order mark", usual, "\xef\xbb\xbf{}", syntax, ""},
		{"UTF-16", usual, "\x00{\x00}", syntax, ""},
		{"no UTF-8", usual, "{\"a\":\"\xff\"}", syntax, "/a"},
		{"overlong UTF-8", usual, "\"\xc0\xaf\"", syntax, ""},
		{"a surrogate in UTF-8", usual, "\"\xed\xa0\x80\"", syntax, ""},
		{"half a pair", usual, `{"a":"\ud800"}`, syntax, "/a"},
		{"the other half", usual, `"\udc00"`, syntax, ""},
		{"a pair the wrong way", usual, `"\udc00\ud800"`, syntax, ""},
		{"a NUL", usual, "{\"a\":\"\x00\"}", syntax, "/a"},
		{"a NUL in escapes", usual, `{"a":["x\\\u0000"]}`, nul, "/a/0"},
		{"a NUL in a key", usual, `{"a\u0000":1}`, nul, ""},
		{"no NUL", usual, `"\\u0000"`, "", ""},
		{"two values", usual, `{}{}`, syntax, ""},
		{"garbage behind", usual, `{} garbage`, syntax, ""},
		{"a NUL behind", usual, "{}\x00", syntax, ""},
		{"white space behind", usual, "{}\r\n\t ", "", ""},
		{"other white space", usual, "{}\u00a0", syntax, ""},
		{"a form feed", usual, "\f{}", syntax, ""},
		{"a comment", usual, `{}//x`, syntax, ""},
		{"a comment inside", usual, `{/**/}`, syntax, ""},
		{"NaN", usual, `[NaN]`, syntax, "/0"},
		{"Infinity", usual, `Infinity`, syntax, ""},
		{"a leading zero", usual, `01`, syntax, ""},
		{"a leading plus", usual, `+1`, syntax, ""},
		{"hex", usual, `0x10`, syntax, ""},
		{"no digit", usual, `[1.]`, syntax, "/0"},
		{"single quotes", usual, `{'a':1}`, syntax, ""},
		{"no quotes", usual, `{a:1}`, syntax, ""},
		{"a trailing comma", usual, `[1,]`, syntax, "/1"},
		{"a trailing comma in an object", usual, `{"a":1,}`, syntax, ""},
		{"a raw line end", usual, "\"a\nb\"", syntax, ""},
		{"an unknown escape", usual, `"\x41"`, syntax, ""},
		{"cut short", usual, `{"a":[1,2`, syntax, "/a"},
		{"white space alone", usual, `  `, syntax, ""},
		{"capitals", usual, `True`, syntax, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := []byte(c.body)
			f := c.b.check(body)
			if string(body) != c.body {
				t.Error("the body was changed")
			}
			switch {
			case f == nil:
				if c.reason != "" {
					t.Errorf("nothing is wrong, want %s", c.reason)
				}
			case f.reason != c.reason || c.reason != syntax && f.pointer != c.pointer:
				t.Errorf("got %s at %q: %s; want %q at %q", f.reason, f.pointer, f.detail, c.reason, c.pointer)
			}
		})
	}
}

// Where something is wrong is told in bounds, however long keys are.
func TestPointersAreBounded(t *testing.T) {
	b := usual
	b.key = 1 << 20
	f := b.check([]byte(strings.Repeat(`{"`+strings.Repeat("é", 300)+`":`, 65)))
	if f == nil || f.reason != tooDeep || len(f.pointer) > maxPointer || !utf8.ValidString(f.pointer) {
		t.Errorf("got %+v", f)
	}
	f = usual.check([]byte(`{"` + strings.Repeat("x", 100000) + `":1}`))
	if f == nil || f.reason != keyLength || f.pointer != "" {
		t.Errorf("got %+v", f)
	}
	f = usual.check([]byte(`["` + strings.Repeat("x", 100000)))
	if f == nil || len(f.detail) > 300 {
		t.Errorf("got %+v", f)
	}
}

// What passes is JSON for others as well, and in bounds.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-7,"\ud83d\ude00"]}`, `{"a":1,"a":2}`, `"\u0000"`, nested(70), "\xef\xbb\xbf{}", `{}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		found := usual.check(body)
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		switch {
		case found != nil:
			if !utf8.ValidString(found.pointer + found.detail) {
				t.Errorf("%q is told of in no UTF-8", body)
			}
		case !json.Valid(body) || !utf8.Valid(body):
			t.Errorf("%q passes, which is no JSON", body)
		}
	})
}

func sample() []byte {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for i := range 200 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":12345,"name":"a product with a name","price":19.95,"tags":["red","blue"],"stock":{"here":7,"there":null}}`)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkCheck(b *testing.B) {
	body := sample()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if usual.check(body) != nil {
			b.Fatal("wrong")
		}
	}
}

// BenchmarkDecode is what reading the same with the standard library costs, to compare.
func BenchmarkDecode(b *testing.B) {
	body := sample()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		var v any
		if json.Unmarshal(body, &v) != nil {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkValid(b *testing.B) {
	body := sample()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		json.Valid(body)
	}
}
