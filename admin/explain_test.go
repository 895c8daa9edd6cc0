package admin

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/gateway"
)

// A request is explained for the document in service, to whoever may look.
func TestExplain(t *testing.T) {
	g := world(t, `
listeners: [{ address: ":8080" }]
admin: { tokens: [{ name: v, role: viewer, value: "viewer-token-0123456789" }] }
upstreams: { a: { targets: [http://10.0.0.1] } }
routes:
  - { match: "/x/{id}", policies: [{ rate_limit: { rate: 2/min, per: "header:X-Tenant" } }, { ip_filter: { allow: 192.0.2.0/24 } }], upstream: a }
`)
	s := New(g)
	ask := func(token, body string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/api/explain", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		s.http.Handler.ServeHTTP(w, r)
		return w
	}
	const token = "viewer-token-0123456789"
	for range 5 { // it counts for nothing
		w := ask(token, `{"url": "/x/7?q", "headers": {"X-Tenant": ["a"]}, "client": "192.0.2.9"}`)
		var e gateway.Explanation
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if e.Outcome != "forwarded" || len(e.Policies) != 2 || !strings.Contains(e.Policies[0].Facts[0].Value, "2 left, 1 after") || e.Upstreams[0].Path != "/x/7?q" {
			t.Fatalf("got %s", w.Body)
		}
	}
	for _, c := range []struct {
		token, body string
		status      int
		want        string
	}{
		{token, `{"url": "/x/7", "client": "203.0.113.9"}`, 200, `"outcome": "refused"`},
		{token, `{"url": "/y"}`, 200, `"problem": "no_route"`},
		{token, `{"url": "ftp://x"}`, 400, "neither http nor https"},
		{token, `{"uri": "/x"}`, 400, "The body is to be a request"},
		{token, `{"url": "/x"} 1`, 400, "The body is to be a request"},
		{token, ``, 400, "The body is to be a request"},
		{token, `{"url": "/x", "body": "` + strings.Repeat("a", 2<<20) + `"}`, 413, ""},
		{"wrong-token-0123456789", `{"url": "/x"}`, 401, ""},
		{"", `{"url": "/x"}`, 401, ""},
	} {
		if w := ask(c.token, c.body); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%.40s: got %d %.300s, want %d", c.body, w.Code, w.Body, c.status)
		}
	}
}
