package route

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func TestPick(t *testing.T) {
	names := []string{"v1", "v2", "2026-03-01"}
	header := &Versions{In: InHeader, Name: "Api-Version", Names: names}
	query := &Versions{In: InQuery, Name: "version", Names: names, Default: "v1"}
	path := &Versions{In: InPath, Before: "/shop/", Names: names}
	pathDefault := &Versions{In: InPath, Before: "/shop/", Names: names, Default: "v2"}
	host := &Versions{In: InHost, Before: "api-", After: ".example.com", Names: names, Default: "v1"}
	vendor := &Versions{In: InMediaType, Before: "application/vnd.shop.", After: "+json", Names: names, Default: "v1"}
	open := &Versions{In: InMediaType, Before: "application/vnd.shop.", Names: names}
	param := &Versions{In: InMediaType, Name: "version", Names: names, Default: "v1"}
	for _, c := range []struct {
		name string
		v    *Versions
		req  string // path, host and fields, a line each
		want string
	}{
		{"a header", header, "/|h|api-version: v2", "v2"},
		{"a header with space", header, "/|h|Api-Version: v2 ,v2", "v2"},
		{"no header", header, "/|h", "unknown_version"},
		{"an empty header", header, "/|h|Api-Version: ", "unknown_version"},
		{"another case", header, "/|h|Api-Version: V2", "unknown_version"},
		{"two headers", header, "/|h|Api-Version: v2|Api-Version: v1", "bad_request"},
		{"one of two unknown", header, "/|h|Api-Version: v2|Api-Version: v9", "bad_request"},
		{"alike, and another", header, "/|h|Api-Version: v2|Api.Version: v1", "bad_request"},
		{"alike, and the same", header, "/|h|Api-Version: v2|Api.Version: v2", "v2"},
		{"alike alone", header, "/|h|Api.Version: v2", "bad_request"},
		{"a parameter", query, "/?a=1&version=v2|h", "v2"},
		{"an encoded parameter", query, "/?versio%6e=%76%32|h", "v2"},
		{"no parameter", query, "/?xversion=v2|h", "v1"},
		{"two parameters", query, "/?version=v1&version=v2|h", "bad_request"},
		{"a broken parameter", query, "/?version=%7|h", "bad_request"},
		{"a segment", path, "/shop/v2/x|h", "v2"},
		{"the segment alone", path, "/shop/v2|h", "v2"},
		{"no segment", path, "/shop/|h", "unknown_version"},
		{"another segment", path, "/shop/v22|h", "unknown_version"},
		{"a segment that is none", pathDefault, "/shop/items/v1|h", "v2"},
		{"a segment that looks like one", pathDefault, "/shop/v17/x|h", "unknown_version"},
		{"a date that looks like one", pathDefault, "/shop/2027-1-1|h", "unknown_version"},
		{"above", pathDefault, "/shop|h", "v2"},
		{"a host", host, "/|api-V2.example.com", "v2"},
		{"another host", host, "/|example.com", "v1"},
		{"an unknown host", host, "/|api-v3.example.com", "unknown_version"},
		{"too many labels", host, "/|api-a.v2.example.com", "v1"},
		{"too short a host", host, "/|api-.example.com", "v1"},
		{"a media type", vendor, "/|h|Accept: application/vnd.shop.v2+json", "v2"},
		{"with parameters", vendor, `/|h|Accept: text/html;x="a,application/vnd.shop.v1+json";q=0.9, Application/VND.shop.V2+json ; charset=utf-8;q=0.3`, "v2"},
		{"by weight", vendor, "/|h|Accept: application/vnd.shop.v1+json;q=0.2, application/vnd.shop.v2+json;q=0.3", "v2"},
		{"by weight in two fields", vendor, "/|h|Accept: application/vnd.shop.v1+json;q=0.2|Accept: application/vnd.shop.v2+json;q=0.3", "v2"},
		{"of equal weight", vendor, "/|h|Accept: application/vnd.shop.v1+json;q=0.2, application/vnd.shop.v2+json;q=0.20", "bad_request"},
		{"liked better than both", vendor, "/|h|Accept: application/vnd.shop.v1+json;q=0.2, application/vnd.shop.v2+json;q=0.2, application/vnd.shop.2026-03-01+json", "2026-03-01"},
		{"unknown but for one", vendor, "/|h|Accept: application/vnd.shop.v3+json, application/vnd.shop.v2+json;q=0.1", "v2"},
		{"unknown", vendor, "/|h|Accept: application/vnd.shop.v3+json, */*", "unknown_version"},
		{"not wanted", vendor, "/|h|Accept: application/vnd.shop.v2+json;q=0", "v1"},
		{"a weight that is none", vendor, "/|h|Accept: application/vnd.shop.v2+json;q=x", "v1"},
		{"what is sent", vendor, "/|h|Content-Type: application/vnd.shop.v2+json", "v2"},
		{"what is sent is the same", vendor, "/|h|Accept: application/vnd.shop.v2+json|Content-Type: application/vnd.shop.v2+json", "v2"},
		{"what is sent is another", vendor, "/|h|Accept: application/vnd.shop.v2+json|Content-Type: application/vnd.shop.v1+json", "bad_request"},
		{"another suffix", vendor, "/|h|Accept: application/vnd.shop.v2+xml", "v1"},
		{"any suffix", open, "/|h|Accept: application/vnd.shop.v2+xml", "v2"},
		{"no suffix", open, "/|h|Accept: application/vnd.shop.v2", "v2"},
		{"a parameter of a media type", param, "/|h|Accept: application/json;Version=v2", "v2"},
		{"a quoted one", param, `/|h|Accept: application/json; version="v2";q=0.1`, "v2"},
		{"two in one", param, "/|h|Accept: application/json;version=v2;version=v1", "unknown_version"},
		{"unfinished quotes", param, `/|h|Accept: application/json;version="v2`, "unknown_version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.v.Pick(asked("GET", c.req))
			if err != nil {
				got = problem.From(err).Name
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.req, got, c.want)
			}
		})
	}
}

func asked(method, text string) *wire.Request {
	parts := strings.Split(text, "|")
	r := &wire.Request{Method: method, Host: parts[1]}
	r.Path.Text, r.Query, _ = strings.Cut(parts[0], "?")
	for _, f := range parts[2:] {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// Versions in one table are found as if each had a table of its own: the same rule, the same problem, the same methods.
func TestVersionsAreApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	segments := []string{"a", "b", "{x}", "a{y}", "{z}b", "{w...}"}
	names := []string{"v1", "v2", "v3"}
	for range 200 {
		of := &Versions{In: InHeader, Name: "V", Names: names}
		var all []*Rule[string]
		apart := map[string][]*Rule[string]{}
		for _, name := range names {
			for i := range 6 {
				path := ""
				for range 1 + rng.IntN(3) {
					path += "/" + segments[rng.IntN(len(segments))]
					if strings.HasSuffix(path, "...}") {
						break
					}
				}
				m, err := ParseMatch([]string{"", "GET ", "POST,PUT "}[rng.IntN(3)] + path)
				if err != nil {
					continue
				}
				id := fmt.Sprint(name, " ", i)
				next := append(apart[name][:len(apart[name]):len(apart[name])], &Rule[string]{Name: id, Match: m, Value: id, Pos: schema.Pos{Line: i}})
				if _, errs := Build(next, nil); len(errs) > 0 {
					continue
				}
				apart[name] = next
				m.Version = Version{of, name}
				all = append(all, &Rule[string]{Name: id, Match: m, Value: id, Pos: schema.Pos{Line: i}})
			}
		}
		table, errs := Build(all, nil)
		if len(errs) > 0 {
			t.Fatalf("together they are wrong: %v", errs)
		}
		for _, name := range names {
			own, _ := Build(apart[name], nil)
			for range 40 {
				path := ""
				for range 1 + rng.IntN(3) {
					path += "/" + []string{"a", "b", "ab", "aab", "c"}[rng.IntN(5)]
				}
				method := []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS"}[rng.IntN(5)]
				got := result(table, asked(method, path+"|h|V: "+name))
				want := result(own, asked(method, path+"|h"))
				if got != want {
					t.Fatalf("%s %s of %s: got %s, want %s", method, path, name, got, want)
				}
			}
		}
	}
}

func result(table *Table[string], r *wire.Request) string {
	x := &policy.Exchange{Request: r}
	found, err := table.Find(x)
	return outcome(x, found, err)
}

// A preflight that cannot say its version is about all of them.
func TestPreflightsOfVersions(t *testing.T) {
	of := &Versions{In: InHeader, Name: "V", Names: []string{"v1", "v2"}, Default: "v2"}
	var rules []*Rule[string]
	for _, r := range []string{"v2 GET /a", "v1 GET /a", "v1 PUT /a"} {
		version, match, _ := strings.Cut(r, " ")
		m, err := ParseMatch(match)
		if err != nil {
			t.Fatal(err)
		}
		m.Version = Version{of, version}
		rules = append(rules, &Rule[string]{Name: r, Match: m, Value: r})
	}
	table, errs := Build(rules, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	const ask = "/a|h|Origin: https://a.test|Access-Control-Request-Method: "
	for _, c := range []struct{ asks, method, want string }{
		{"GET|Access-Control-Request-Headers: v", "GET", "v2 GET /a"},
		{"PUT|Access-Control-Request-Headers: v", "PUT", "v1 PUT /a"},
		{"PUT", "PUT", "method_not_allowed"}, // the request will have no version, and the default does not take it
		{"GET", "GET", "v2 GET /a"},
	} {
		x := &policy.Exchange{Request: asked(c.method, ask+c.asks)}
		got, err := table.FindAnnounced(x, c.method)
		switch {
		case err != nil:
			if p := problem.From(err); p.Name != c.want {
				t.Errorf("%s: got %s, want %s", c.asks, p.Name, c.want)
			}
		case got.Value != c.want:
			t.Errorf("%s: got %s, want %s", c.asks, got.Value, c.want)
		}
	}
	x := &policy.Exchange{Request: asked("GET", ask+"GET|Access-Control-Request-Headers: v")}
	if got := table.Methods(x); got != "GET, HEAD, PUT, OPTIONS" {
		t.Errorf("got %s", got)
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	vendor := &Versions{In: InMediaType, Name: "version", Names: []string{"v1", "v2"}, Default: "v1"}
	query := &Versions{In: InQuery, Name: "v", Names: []string{"v1", "v2"}}
	r := asked("GET", `/?a=b&v=v2|h|Accept: text/html, application/json;q=0.9;version="v2"|Content-Type: application/json;version=v2`)
	if n := testing.AllocsPerRun(100, func() {
		for _, v := range []*Versions{vendor, query} {
			if got, err := v.Pick(r); got != "v2" || err != nil {
				t.Fatal(got, err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestShape(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"GET /a/{x}", "POST /a/{y}", true},
		{"/a/{x}", "/a/{x...}", false},
		{"/{x...}", "/{y...}", true},
		{"/a{x}", "/{x}a", false},
		{"/a/", "/a", false},
	} {
		a, _ := ParseMatch(c.a)
		b, _ := ParseMatch(c.b)
		if same := a.Shape() == b.Shape(); same != c.same {
			t.Errorf("%s and %s: the same is %v", c.a, c.b, same)
		}
	}
	var every Match
	rest, _ := ParseMatch("/{x...}")
	if every.Shape() != rest.Shape() {
		t.Error("every path is one with a rest")
	}
}

// FuzzAccept: reading media types ends, and names only versions that there are.
func FuzzAccept(f *testing.F) {
	f.Add("application/vnd.shop.v2+json;q=0.5, */*", `application/json;version="v1"`)
	f.Fuzz(func(t *testing.T, accept, kind string) {
		r := &wire.Request{Method: "GET"}
		r.Header.Add("Accept", accept)
		r.Header.Add("Content-Type", kind)
		for _, v := range []*Versions{
			{In: InMediaType, Before: "application/vnd.shop.", After: "+json", Names: []string{"v1", "v2"}},
			{In: InMediaType, Name: "version", Names: []string{"v1", "v2"}},
		} {
			if got, err := v.Pick(r); (err == nil) != (got == "v1" || got == "v2") {
				t.Errorf("got %q, %v", got, err)
			}
		}
	})
}
