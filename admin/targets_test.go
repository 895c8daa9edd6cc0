package admin

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/balance"
)

// A target is drained and restored by its URL; whoever names none, or one that is not there, is told.
func TestTargets(t *testing.T) {
	g := world(t, document)
	s := New(g)
	post := func(path, body, token string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/api/upstreams/"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		s.http.Handler.ServeHTTP(w, r)
		return w
	}
	const good = `{"url": "http://127.0.0.1:9101"}`
	for _, c := range []struct {
		name, path, body, token string
		status                  int
		answer                  string // a part of it
	}{
		{"a viewer", "users/targets/drain", good, viewerToken, 403, "forbidden"},
		{"drain", "users/targets/drain", good, operatorToken, 200, `"changed": true`},
		{"again", "users/targets/drain", good, operatorToken, 200, `"changed": false`},
		{"restore", "users/targets/restore", good, operatorToken, 200, `"drained": false`},
		{"the name in other letters", "%75sers/targets/drain", good, operatorToken, 200, `"drained": true`},
		{"no such upstream", "user/targets/drain", good, operatorToken, 404, `did you mean \"users\"?`},
		{"no such target", "users/targets/drain", `{"url": "http://127.0.0.1:9"}`, operatorToken, 404, "http://127.0.0.1:9101"},
		{"no body", "users/targets/drain", "", operatorToken, 400, `{\"url\": \"http://10.0.0.7:8080\"}`},
		{"no URL", "users/targets/drain", "{}", operatorToken, 400, `{\"url\": \"http://10.0.0.7:8080\"}`},
		{"a misspelt URL", "users/targets/drain", `{"ulr": "x"}`, operatorToken, 400, `{\"url\": \"http://10.0.0.7:8080\"}`},
		{"two bodies", "users/targets/drain", good + good, operatorToken, 400, `{\"url\": \"http://10.0.0.7:8080\"}`},
		{"a huge body", "users/targets/drain", `{"url": "` + strings.Repeat("x", 80<<10) + `"}`, operatorToken, 413, "body_too_large"},
		{"nothing to do", "users/targets/stop", good, operatorToken, 404, "no_route"},
	} {
		if w := post(c.path, c.body, c.token); w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) {
			t.Errorf("%s: got %d %s, want %d with %s", c.name, w.Code, w.Body, c.status, c.answer)
		}
	}
	var list []balance.Status
	if err := json.Unmarshal(get(s, "GET", "/api/upstreams", viewerToken).Body.Bytes(), &list); err != nil || len(list) != 1 || !list[0].Targets[0].Drained {
		t.Errorf("got %+v %v", list, err)
	}
}
