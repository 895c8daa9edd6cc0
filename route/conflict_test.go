package route

import (
	"regexp"
	"strings"
	"testing"

	"sallyport/expr"
)

// with adds conditions to the rules: "0 header x=1", "1 query q~^a", "0 cookie !c", "1 host a.test", "0 priority 2".
func with(t *testing.T, list []*Rule[string], more ...string) []*Rule[string] {
	t.Helper()
	for _, line := range more {
		m := &list[line[0]-'0'].Match
		sort, text, _ := strings.Cut(line[2:], " ")
		c := Condition{Name: text, Test: Present}
		if name, value, ok := strings.Cut(text, "="); ok {
			c = Condition{Name: name, Test: Equals, Value: value}
		} else if name, value, ok := strings.Cut(text, "~"); ok {
			c = Condition{Name: name, Test: Matches, Regex: regexp.MustCompile(value)}
		} else if name, ok := strings.CutPrefix(text, "!"); ok {
			c = Condition{Name: name, Test: Absent}
		}
		switch sort {
		case "header":
			m.Headers = append(m.Headers, c)
		case "query":
			m.Query = append(m.Query, c)
		case "cookie":
			m.Cookies = append(m.Cookies, c)
		case "host":
			m.Hosts = append(m.Hosts, text)
		case "priority":
			list[line[0]-'0'].Priority = int(text[0] - '0')
		case "regex":
			p, err := ParseRegex(text)
			if err != nil {
				t.Fatal(err)
			}
			m.Path = p
		case "when":
			e, err := expr.Compile(text, expr.Bool)
			if err != nil {
				t.Fatal(err)
			}
			m.When = *e
		default:
			t.Fatal(line)
		}
	}
	return list
}

func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		routes []string
		more   []string
		want   string // in the one error; none when empty
	}{
		{"the same twice", []string{"GET /a", "GET /a"}, nil, `gw.yaml:2:5: routes[1]: the routes "GET /a" (gw.yaml:1:5) and "GET /a" both match GET /a and neither`},
		{"other parameter names", []string{"/a/{x}/{y...}", "/a/{b}/{c...}"}, nil, `both match /a/x/x and`},
		{"methods overlap", []string{"GET,POST /a", "POST /a"}, nil, `both match POST /a and`},
		{"methods do not", []string{"GET /a", "POST /a", "HEAD /a", "/a"}, nil, ""},
		{"hosts overlap", []string{"/a", "/a"}, []string{"0 host a.test", "0 host b.test", "1 host b.test"}, `both match b.test/a and`},
		{"wildcard hosts", []string{"GET /a", "GET /a"}, []string{"0 host *.test", "1 host *.test"}, `both match GET x.test/a and`},
		{"hosts do not", []string{"/a", "/a", "/a"}, []string{"0 host *.test", "1 host b.test"}, ""},
		{"headers that exclude each other", []string{"/a", "/a", "/a", "/a"}, []string{"0 header x=1", "1 header X=2", "2 header !x"}, ""},
		{"a header and a regex", []string{"/a", "/a"}, []string{"0 header x=1", "1 header X~^[2-9]"}, ""},
		{"a header and a regex that fits", []string{"/a", "/a"}, []string{"0 header x=3", "1 header X~^[2-9]"}, "both match"},
		{"present and absent", []string{"/a", "/a"}, []string{"0 query q", "1 query !q"}, ""},
		{"different names", []string{"/a", "/a"}, []string{"0 query q=1", "1 query r=1"}, "give one of them a priority"},
		{"different names with a priority", []string{"/a", "/a"}, []string{"0 query q=1", "1 query r=1", "1 priority 1"}, ""},
		{"names of queries have a case", []string{"/a", "/a"}, []string{"0 query q=1", "1 query Q=2"}, "both match"},
		{"one condition more", []string{"/a", "/a"}, []string{"0 cookie c=1", "1 cookie c=1", "1 query q"}, ""},
		{"expressions", []string{"/a", "/a"}, []string{`0 when request.host == "a"`, `1 when request.host == "b"`}, "both match"},
		{"never reached for its priority", []string{"/a", "/a"}, []string{"1 priority 1"}, `gw.yaml:1:5: routes[0]: no request reaches the route "/a": "/a" (gw.yaml:2:5) takes all of them`},
		{"never reached for its methods", []string{"GET,HEAD /a", "GET /a"}, []string{"1 header x"}, ""},
		{"covered by fewer conditions", []string{"GET /a", "GET /a"}, []string{"0 priority 1", "1 priority 0", "0 header x", "1 header x=1"}, `routes[1]: no request reaches`},
		{"not covered", []string{"GET /a", "GET /a"}, []string{"0 priority 1", "0 header x=1", "1 header x"}, ""},
		{"segments of equal rank", []string{"/{x}a{y}/b", "/{x}b{y}/{c}"}, nil, `both match POST /`},
		{"segments of equal rank that part later", []string{"/{x}a{y}/b", "/{x}b{y}/c"}, nil, ""},
		{"segments of equal rank with other methods", []string{"GET /{x}a{y}", "POST /{x}b{y}"}, nil, ""},
		{"suffixes", []string{"/{x}.json", "/{x}.yaml", "/{x}n.js"}, nil, ""},
		{"regular expressions", []string{"/", "/"}, []string{"0 regex ^/x/[0-9]+$", "1 regex ^/x/.*[a-f1]$"}, `both match /x/1 and`},
		{"regular expressions that do not meet", []string{"/", "/"}, []string{"0 regex ^/x/[0-9]+$", "1 regex ^/x/[a-z]+$"}, ""},
		{"regular expressions with word borders", []string{"/", "/"}, []string{`0 regex ^/x/\bfoo\b.*$`, `1 regex ^/x/foo\B.*$`}, ""},
		{"the same regular expression", []string{"/", "/"}, []string{"0 regex ^/x/[0-9]+$", "1 regex ^/x/[0-9]+$", "1 priority 1"}, "no request reaches"},
		{"a regular expression and a template", []string{"/", "/x/{id}"}, []string{"0 regex ^/x/[^/]+$"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, errs := Build(with(t, rules(t, c.routes...), c.more...), stricter)
			switch {
			case c.want == "" && len(errs) > 0:
				t.Errorf("unexpected: %v", errs)
			case c.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want)):
				t.Errorf("got %v\nwant %s", errs, c.want)
			}
		})
	}
}

func TestAllConflictsAtOnce(t *testing.T) {
	_, errs := Build(rules(t, "GET /a", "/b", "GET /a", "/b", "/c", "GET /a"), stricter)
	if len(errs) != 3 || errs[0].Pos.Line != 3 || errs[1].Pos.Line != 4 || errs[2].Pos.Line != 6 {
		t.Errorf("got %v", errs)
	}
}

func TestRulesInOrder(t *testing.T) {
	list := with(t, rules(t, "/{x...}", "/{x}", "GET /a", "/a", "/a{x}", "/a", "/b", "/a/b", "/"),
		"5 header x", "6 host b.test", "7 host *.test", "8 regex ^/a.*$")
	tab := table(t, list)
	var got []string
	for _, r := range tab.Rules() {
		got = append(got, r.Match.String())
	}
	want := "b.test/b, *.test/a/b, GET /a, /a header x, /a, /a{x}, ~^/a.*$, /{x}, /{x...}"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}
