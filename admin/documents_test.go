package admin

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/gateway"
)

// The document is shown as it is written: nothing of the environment, nothing of the secrets in it.
func TestConfigHidesSecrets(t *testing.T) {
	t.Setenv("SHOWN_TOKEN", "environment-0123456789")
	g := world(t, `
listeners: [{ address: ":8080" }]
admin:
  tokens:
    - { name: a, role: viewer, value: "literal-secret-0123456789" }
    - { name: b, role: viewer, value: "${env.SHOWN_TOKEN}" }
drain: "${env('NO_SUCH_VARIABLE', '7s')}"
routes:
  - match: /x
    policies: [{ headers: { request: { set: { Authorization: "Bearer outward-secret", X-Plain: plain } } } }]
    respond: { status: 204 }
`)
	w := get(New(g), "GET", "/api/config", "literal-secret-0123456789")
	for _, secret := range []string{"literal-secret", "environment-0", "outward-secret"} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s is shown in %s", secret, w.Body)
		}
	}
	for _, text := range []string{"${env.SHOWN_TOKEN}", "NO_SUCH_VARIABLE", `"status": 204`, `"X-Plain": "plain"`, `"***"`} {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s is not in %s", text, w.Body)
		}
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("no JSON: %s", w.Body)
	}
}

// A document can be checked without being served; what is wrong comes with its place.
func TestCheck(t *testing.T) {
	g := world(t, document)
	s := New(g)
	check := func(body string) (report struct {
		Good     bool
		Routes   int
		Errors   []spot
		Warnings []spot
	}) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/api/config/check", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+adminToken)
		s.http.Handler.ServeHTTP(w, r)
		if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil || w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		return report
	}
	if r := check(document); !r.Good || r.Routes != 1 || len(r.Errors) != 0 {
		t.Errorf("got %+v", r)
	}
	r := check("listeners: [x]\nroutes:\n  - { match: /a }\n")
	if r.Good || len(r.Errors) != 2 || r.Errors[0].Pos != "document:1:13" || r.Errors[0].Path != "listeners[0].address" || r.Errors[0].Message == "" {
		t.Errorf("got %+v", r)
	}
	if g.Status().Config.Number != 1 || len(g.Status().Config.Errors) != 0 {
		t.Error("checking a document changes the gateway")
	}
	w, big := httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/api/config/check", strings.NewReader(strings.Repeat("#", 17<<20)))
	big.Header.Set("Authorization", "Bearer "+adminToken)
	s.http.Handler.ServeHTTP(w, big)
	if w.Code != 413 {
		t.Errorf("a huge document: got %d", w.Code)
	}
}

// Whoever changes something, or tries to, is told of in the log.
func TestAudit(t *testing.T) {
	var log bytes.Buffer
	g := gateway.New(gateway.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	t.Cleanup(g.Close)
	s := New(g)
	if err := g.LoadBytes("x", []byte("listeners: [\"127.0.0.1:0\"]\n"+document[strings.Index(document, "admin:"):])); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	get(s, "GET", "/api/status", viewerToken)
	if log.Len() > 0 {
		t.Errorf("looking is told of: %s", log.String())
	}
	get(s, "POST", "/api/reload", viewerToken)
	get(s, "POST", "/api/reload", "nonsense-nonsense")
	get(s, "POST", "/api/reload", operatorToken)
	for _, line := range []string{
		"who=watcher role=viewer what=reload outcome=forbidden",
		`who="" role=anyone what=reload outcome=invalid_credentials`,
		"who=helper role=operator what=reload outcome=internal",
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("%s is not in\n%s", line, log.String())
		}
	}
	if strings.Contains(log.String(), "token-0123456789") || strings.Contains(log.String(), "nonsense") {
		t.Errorf("a token is in the log:\n%s", log.String())
	}
}
