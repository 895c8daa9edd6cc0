package jsonspan

import (
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths string // with ? in front for those that keep what is there; the value of each is its index
		v     string
		want  string
	}{
		{"new", "a ?b", `{"x":1.10}`, `{"x":1.10,"a":0,"b":1}`},
		{"there", "a ?b", `{"b":"B","a":"A"}`, `{"b":"B","a":0}`},
		{"however it is written", "a", `{"\u0061":1}`, `{"\u0061":0}`},
		{"null is there", "?a", `{"a":null}`, `{"a":null}`},
		{"nothing in it", "a", `{}`, `{"a":0}`},
		{"below", "a.b ?a.c", `{"a":{"c":1}}`, `{"a":{"c":1,"b":0}}`},
		{"made", "a.b.c ?a.d", `{}`, `{"a":{"b":{"c":0},"d":1}}`},
		{"items", "l[].a ?l[].b", `{"l":[{},{"b":1},{"a":2}]}`, `{"l":[{"a":0,"b":1},{"b":1,"a":0},{"a":0,"b":1}]}`},
		{"items that nobody spoke of", "l.a", `{"l":[{},[{}]]}`, `{"l":[{"a":0},[{"a":0}]]}`},
		{"no list", "l[].a x", `{}`, `{"x":1}`},
		{"a list at the top", "[].a", `[{},{}]`, `[{"a":0},{"a":0}]`},
		{"a name in quotes", `"a.b".c`, `{"a.b":{}}`, `{"a.b":{"c":0}}`},
		{"no object", "a.b", `{"a":1}`, ErrNoObject.Error()},
		{"no object, and none is needed", "?a.b", `{"a":1}`, `{"a":1}`},
		{"nothing at all", "a", `null`, ErrNoObject.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			var puts []Put
			var values [][]byte
			for i, p := range strings.Fields(c.paths) {
				path, keep := strings.CutPrefix(p, "?")
				puts, values = append(puts, Put{path, keep}), append(values, []byte{'0' + byte(i)})
			}
			f, err := NewFill(puts)
			if err != nil {
				t.Fatal(err)
			}
			v, err := Check([]byte(c.v))
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Append(nil, v, values, 1<<20)
			if err != nil {
				got = []byte(err.Error())
			} else if _, err := Check(got); err != nil {
				t.Errorf("%s is no JSON: %v", got, err)
			}
			if string(got) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestFillRefuses(t *testing.T) {
	for _, paths := range []string{"a a", "a a.b", "a.b a", "a[]", "", "a..b", "a[0]"} {
		var puts []Put
		for _, p := range strings.Split(paths, " ") {
			puts = append(puts, Put{Path: p})
		}
		if _, err := NewFill(puts); err == nil {
			t.Errorf("%q is taken", paths)
		}
	}
}
