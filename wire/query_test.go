package wire

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestParam(t *testing.T) {
	for _, c := range []struct {
		query, name, want string
		found, valid      bool
	}{
		{"a=1&b=2", "b", "2", true, true},
		{"a=1&a=2", "a", "1", true, true},
		{"a", "a", "", true, true},
		{"a=", "a", "", true, true},
		{"=x", "", "x", true, true},
		{"&&a=1", "a", "1", true, true},
		{"&&", "", "", false, true},
		{"a=b=c", "a", "b=c", true, true},
		{"a=x+y%20z", "a", "x y z", true, true},
		{"%61+b=1", "a b", "1", true, true},
		{"A=1", "a", "", false, true},
		{"ab=1", "a", "", false, true},
		{"a;b=1&c=2", "b", "", false, true},
		{"a;b=1", "a;b", "1", true, true},
		{"a=%zz", "a", "%zz", true, false},
		{"a=100%", "a", "100%", true, false},
		{"b=%zz&a=1", "a", "1", true, true},
		{"%zz=1", "%zz", "1", true, true},
		{"a=%00%ff", "a", "\x00\xff", true, true},
		{"", "a", "", false, true},
	} {
		got, found, valid := Param(c.query, c.name)
		if got != c.want || found != c.found || valid != c.valid {
			t.Errorf("%q of %q: got %q %v %v; want %q %v %v", c.name, c.query, got, found, valid, c.want, c.found, c.valid)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Param("x=1&%61bc=2&page=3", "page") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCookie(t *testing.T) {
	var h Header
	h.Add("Cookie", `a=1;b="two" ; c=x=y;odd; =nameless; d=""; e="`)
	h.Add("cookie", "a=2; f=6")
	for name, want := range map[string]string{"a": "1", "b": "two", "c": "x=y", "d": "", "e": `"`, "f": "6"} {
		if got, found := h.Cookie(name); got != want || !found {
			t.Errorf("%s: got %q, %v; want %q", name, got, found, want)
		}
	}
	for _, name := range []string{"odd", "", "nameless", "A", "x"} {
		if got, found := h.Cookie(name); found {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { h.Cookie("f") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A query that the standard library takes is read alike, one parameter at a time and all at once.
func FuzzParams(f *testing.F) {
	for _, s := range []string{"a=1&b=2", "a=+%20&%61=2", "&&=&a", "a=%zz", "a;b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		type pair struct{ name, value string }
		var pairs []pair
		valid := true
		Params(query, func(name, value string, ok bool) bool {
			pairs = append(pairs, pair{name, value})
			valid = valid && ok
			return true
		})
		for _, p := range pairs {
			first := pairs[slices.IndexFunc(pairs, func(q pair) bool { return q.name == p.name })]
			if got, found, _ := Param(query, p.name); !found || got != first.value {
				t.Fatalf("%q of %q: got %q, %v; want %q", p.name, query, got, found, first.value)
			}
		}
		want, err := url.ParseQuery(query)
		if strings.Contains(query, ";") {
			return // taken for a character here, refused there
		}
		if valid != (err == nil) {
			t.Fatalf("%q: valid %v, the standard library %v", query, valid, err)
		}
		if err != nil {
			return
		}
		n := 0
		for name, values := range want {
			n += len(values)
			if got, _, _ := Param(query, name); got != values[0] {
				t.Fatalf("%q of %q: got %q, want %q", name, query, got, values[0])
			}
		}
		if n != len(pairs) {
			t.Fatalf("%q: got %d parameters, want %d", query, len(pairs), n)
		}
	})
}
