package route

import (
	"fmt"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	list := with(t, rules(t, "GET /users/{id}", "/users/{id}", "GET /users/me", "POST /users/me", "/{path...}", "GET /users/{id}", "/users/{id}"),
		"0 header env=prod", "5 header env=prod", "5 header x=1", "6 host *.b.test")
	tab, errs := Build(list, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		request string
		fields  []string
		want    string
	}{
		{"GET /users/me", []string{"Env: prod"}, "GET /users/me; GET /users/{id} behind by path; /users/{id} behind by path; " +
			"/{path...} behind by path; POST /users/me lacks method; GET /users/{id} lacks header x=1; 1 other"},
		{"GET /users/7", []string{"Env: prod", "X: 1"}, "GET /users/{id}; GET /users/{id} behind by conditions; /users/{id} behind by method; /{path...} behind by path; 3 others"},
		{"PUT /users/7", []string{"Host: a.b.test"}, "/users/{id}; /users/{id} behind by host; /{path...} behind by host; GET /users/{id} lacks method; GET /users/{id} lacks method; 2 others"},
	} {
		x := exchange(t, c.request, c.fields...)
		e := tab.Explain(x)
		var got []string
		for _, k := range e.Candidates {
			m := k.Rule.Match
			m.Headers, m.Hosts = nil, nil
			s := m.String()
			if k.Lacks != "" {
				s += " lacks " + k.Lacks
			}
			if k.Behind != "" {
				s += " behind by " + k.Behind
			}
			got = append(got, s)
		}
		others := fmt.Sprintf("%d others", e.Others)
		if e.Others == 1 {
			others = "1 other"
		}
		if text := strings.Join(append(got, others), "; "); text != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.request, text, c.want)
		}
	}
}

// With nothing that fits, those that nearly do are told of.
func TestExplainClose(t *testing.T) {
	list := with(t, rules(t, "GET /users/{id}", "/orders/{id}", "/users/{id}/orders", "/health"), "3 host b.test")
	tab, errs := Build(list, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct{ request, want string }{
		{"GET /user/7", "GET /users/{id} path; /users/{id}/orders path"},
		{"GET /users/7/order", "/users/{id}/orders path; GET /users/{id} path"},
		{"GET /health", "/health host"},
		{"GET /x", ""},
	} {
		e := tab.Explain(exchange(t, c.request))
		var got []string
		for _, k := range e.Candidates {
			m := k.Rule.Match
			m.Hosts = nil
			got = append(got, m.String()+" "+k.Lacks)
		}
		if text := strings.Join(got, "; "); text != c.want || e.Err == nil || e.Others+len(got) != 4 {
			t.Errorf("%s: got %q, %v and %d others, want %q", c.request, text, e.Err, e.Others, c.want)
		}
	}
}

// A path that could be a stricter rule's is told with the reading and the rule.
func TestExplainDoubtful(t *testing.T) {
	list := rules(t, "/{path...}", "/admin/{path...}")
	tab, errs := Build(list, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for path, want := range map[string]string{"/%2fadmin/x": "/admin/x", "/admin%2f;a/x": "/admin/;a/x"} {
		e := tab.Explain(exchange(t, "GET "+path))
		if e.Err == nil || e.Reading != want || e.Reads != list[1] {
			t.Errorf("%s: got %v, read as %q of %s", path, e.Err, e.Reading, name(e.Reads))
		}
	}
}
