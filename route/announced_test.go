package route

import "testing"

// What a preflight cannot tell is taken to fit; what it can is asked as always.
func TestFindAnnounced(t *testing.T) {
	list := rules(t, "GET /a", "GET /a", "GET /a", "GET /a", "DELETE /b/{id}", "/c/{rest...}", "!/c/secret", "GET /d")
	list[0].Name, list[0].Match.Headers = "with", Conditions{{Name: "X-Env", Test: Equals, Value: "prod"}, {Name: "X-User", Test: Present}}
	list[1].Name, list[1].Match.Cookies = "cookie", Conditions{{Name: "beta", Test: Present}}
	list[2].Name, list[2].Match.Headers, list[2].Priority = "without", Conditions{{Name: "X-Env", Test: Absent}}, 1
	list[3].Name = "open"
	list[7].Name, list[7].Match.Query = "asked", Conditions{{Name: "v", Test: Equals, Value: "2"}}
	table := table(t, list)
	for _, c := range []struct{ line, method, asks, want string }{
		{"OPTIONS /a", "GET", "x-env, x-user", "with"},
		{"OPTIONS /a", "GET", "x-env", "cookie"},
		{"OPTIONS /a", "GET", "", "without"},
		{"OPTIONS /a", "HEAD", "x-env,x-user", "with"},
		{"OPTIONS /a", "POST", "x-env", "method_not_allowed GET, HEAD, OPTIONS"},
		{"OPTIONS /b/1", "DELETE", "", "DELETE /b/{id} id=1"},
		{"OPTIONS /b/1", "delete", "", "method_not_allowed DELETE, OPTIONS"},
		{"OPTIONS /c/x", "PURGE", "", "/c/{rest...} rest=x"},
		{"OPTIONS /c/x", "CONNECT", "", "method_not_allowed GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		{"OPTIONS /c/secret/", "GET", "", "bad_request"},
		{"OPTIONS /d?v=2", "GET", "", "asked"},
		{"OPTIONS /d?v=1", "GET", "", "no_route"},
	} {
		x := exchange(t, c.line)
		if c.asks != "" {
			x.Request.Header.Add("Access-Control-Request-Headers", c.asks)
		}
		r, err := table.FindAnnounced(x, c.method)
		if got := outcome(x, r, err); got != c.want {
			t.Errorf("%s for %s with %q: got %s, want %s", c.line, c.method, c.asks, got, c.want)
		}
	}
}

func TestAt(t *testing.T) {
	table := table(t, rules(t, "GET /a", "!POST /a", "/{rest...}", "!GET /b/{id}", "PURGE /b/{id}"))
	for _, c := range []struct{ line, guarded, methods string }{
		{"GET /a", "POST /a", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
		{"DELETE /b/7", "GET /b/{id}", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, PURGE"},
		{"GET /c", "", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
	} {
		x, got := exchange(t, c.line), ""
		if r := table.At(x, func(v string) bool { return v == "guarded" }); r != nil {
			got = r.Name
		}
		if got != c.guarded {
			t.Errorf("%s: got %q, want %q", c.line, got, c.guarded)
		}
		if got := table.Methods(x); got != c.methods {
			t.Errorf("%s: methods %q, want %q", c.line, got, c.methods)
		}
	}
}
