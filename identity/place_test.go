package identity

import (
	"errors"
	"strings"
	"testing"

	"sallyport/problem"
	"sallyport/wire"
)

// asking makes a request of header lines; one that begins with ? is the query.
func asking(lines ...string) *wire.Request {
	r := &wire.Request{Method: "GET"}
	for _, line := range lines {
		if query, ok := strings.CutPrefix(line, "?"); ok {
			r.Query = query
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// written is what is left of a request.
func written(r *wire.Request) string {
	var lines []string
	for name, value := range r.Header.All() {
		lines = append(lines, name+": "+value)
	}
	if r.Query != "" {
		lines = append(lines, "?"+r.Query)
	}
	return strings.Join(lines, " | ")
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		place   string
		request []string
		want    string // value, "none" or "400"
		left    string
	}{
		{"header:X-API-Key", []string{"X-Api-Key: k", "Accept: */*"}, "k", "Accept: */*"},
		{"header:X-API-Key", []string{"Accept: */*"}, "none", "Accept: */*"},
		{"header:X-API-Key", []string{"X-API-Key: "}, "", ""},
		{"header:X-API-Key", []string{"X-API-Key:  k\t"}, "k", ""},
		{"header:X-API-Key", []string{"X-API-Key: a,b"}, "a,b", ""},
		{"header:X-API-Key", []string{"X-API-Key: k", "x-api-key: k"}, "400", ""},
		{"header:X-API-Key", []string{"X-API-Key: k", "x-api-key: "}, "400", ""},
		{"header:X-API-Key", []string{"X_API_Key: k", "X.API.Key: k"}, "none", ""},
		{"header:X-API-Key", []string{"X-API-Key: k", "X_API_KEY: other"}, "k", ""},
		{"header:Authorization", []string{"authorization: k"}, "k", ""},
		{"query:key", []string{"?a=1&key=k&b=2"}, "k", "?a=1&b=2"},
		{"query:key", []string{"?a=1"}, "none", "?a=1"},
		{"query:key", []string{"?key="}, "", ""},
		{"query:key", []string{"?key"}, "", ""},
		{"query:key", []string{"?key=k&key=k"}, "400", ""},
		{"query:key", []string{"?key=k&k%65y=other"}, "400", ""},
		{"query:key", []string{"?k%65y=k&a"}, "k", "?a"},
		{"query:key", []string{"?key=%zz"}, "400", ""},
		{"query:key", []string{"?key=%zz&key=k"}, "400", ""},
		{"query:key", []string{"?Key=k&key[]=k"}, "none", "?Key=k&key[]=k"},
		{"cookie:key", []string{"Cookie: a=1; key=k; b=2"}, "k", "Cookie: a=1; b=2"},
		{"cookie:key", []string{"Cookie: key=k"}, "k", ""},
		{"cookie:key", []string{"Cookie: a=1", "Cookie: key=\"k\""}, "k", "Cookie: a=1"},
		{"cookie:key", []string{"Cookie: key=k; key=k"}, "400", ""},
		{"cookie:key", []string{"Cookie: key=k", "Cookie: key=x"}, "400", ""},
		{"cookie:key", []string{"Cookie: xkey=k; a=key=k"}, "none", "Cookie: xkey=k; a=key=k"},
	} {
		p, wrong := ParsePlace(c.place)
		if wrong != "" {
			t.Fatal(wrong)
		}
		r := asking(c.request...)
		got, found, err := p.Take(r)
		switch {
		case errors.As(err, new(*problem.Problem)):
			got = "400"
		case !found:
			got = "none"
		}
		p.Remove(r)
		if left := written(r); got != c.want || left != c.left {
			t.Errorf("%s of %q: got %q and left %q, want %q and %q", c.place, c.request, got, left, c.want, c.left)
		}
	}
	for _, text := range []string{"", "header", "header:", "header:a b", "cookie:", "query:", "body:x", "X-API-Key", "header:a:b"} {
		if p, wrong := ParsePlace(text); wrong == "" {
			t.Errorf("%q is a place: %v", text, p)
		}
	}
}

func TestAuthorization(t *testing.T) {
	for _, c := range []struct {
		request []string
		scheme  string
		want    string
	}{
		{[]string{"Authorization: Bearer k"}, "Bearer", "k"},
		{[]string{"authorization: bEARER   k "}, "Bearer", "k"},
		{[]string{"Authorization: Bearer"}, "Bearer", ""},
		{[]string{"Authorization: Bearerk"}, "Bearer", "none"},
		{[]string{"Authorization: Basic k"}, "Bearer", "none"},
		{[]string{"Authorization: Bearer a, Basic b"}, "Bearer", "a, Basic b"},
		{[]string{"Authorization: "}, "Bearer", "none"},
		{nil, "Bearer", "none"},
		{[]string{"Authorization: Bearer k", "Authorization: Basic k"}, "Bearer", "400"},
		{[]string{"Authorization: Basic k", "Authorization: Basic k"}, "Bearer", "400"},
	} {
		got, found, err := Authorization(asking(c.request...), c.scheme)
		switch {
		case err != nil:
			got = "400"
		case !found:
			got = "none"
		}
		if got != c.want {
			t.Errorf("%s of %q: got %q, want %q", c.scheme, c.request, got, c.want)
		}
	}
}

// What is read on each request costs nothing.
func TestPlaceAllocations(t *testing.T) {
	r := asking("X-API-Key: k", "Cookie: a=1; key=k", "?a=1&key=k", "Authorization: Bearer k")
	for _, text := range []string{"header:X-API-Key", "query:key", "cookie:key"} {
		p, _ := ParsePlace(text)
		if n := testing.AllocsPerRun(100, func() { _, _, _ = p.Take(r) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _, _ = Authorization(r, "Bearer") }); n != 0 {
		t.Errorf("Authorization: %v allocations", n)
	}
}
