package route

import "testing"

func TestLacks(t *testing.T) {
	list := with(t, rules(t, "GET /a/{x}-{y}", "/{x...}", "/", "/x", "/a/{id}"),
		"0 header x=1", "0 query q", "0 cookie !c", "1 host *.b.test", `2 regex ^/a/[a-z]+$`, `4 when request.params.id == "7"`)
	for _, c := range []struct {
		rule    int
		request string
		fields  []string
		want    string
	}{
		{0, "GET /a/b-c?q", []string{"X: 1"}, ""},
		{0, "HEAD /a/b-c?q", []string{"X: 1"}, ""},
		{0, "POST /a/b-c?q", []string{"X: 1"}, "method"},
		{0, "GET /a/b?q", []string{"X: 1"}, "path"},
		{0, "GET /a/b-c/?q", []string{"X: 1"}, "path"},
		{0, "GET /a?q", []string{"X: 1"}, "path"},
		{0, "GET /a/b-c?q", []string{"X: 2"}, "header x=1"},
		{0, "GET /a/b-c", []string{"X: 1"}, "query q"},
		{0, "GET /a/b-c?q=%zz", []string{"X: 1"}, "query q"},
		{0, "GET /a/b-c?q", []string{"X: 1", "Cookie: c=1"}, "cookie !c"},
		{1, "GET /x", []string{"Host: a.b.test"}, ""},
		{1, "GET /x", []string{"Host: b.test"}, "host"},
		{2, "GET /a/b", nil, ""},
		{2, "GET /a/1", nil, "path"},
		{3, "TRACE /x", nil, "method"},
		{4, "GET /a/7", nil, ""},
		{4, "GET /a/8", nil, `when request.params.id == "7"`},
	} {
		if got := list[c.rule].Match.Lacks(exchange(t, c.request, c.fields...)); got != c.want {
			t.Errorf("%s %q lacks %q of %s, want %q", c.request, c.fields, got, &list[c.rule].Match, c.want)
		}
	}
}
