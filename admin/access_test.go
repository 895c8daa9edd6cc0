package admin

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Who may do what.
func TestRoles(t *testing.T) {
	s := New(world(t, document))
	for _, c := range []struct {
		name, method, target, header string
		status                       int
		challenge                    string // a part of WWW-Authenticate
	}{
		{"nobody", "GET", "/api/status", "", 401, `Bearer realm="sallyport admin"`},
		{"another scheme", "GET", "/api/status", "Basic " + viewerToken, 401, "Bearer"},
		{"empty", "GET", "/api/status", "Bearer ", 401, "Bearer"},
		{"unknown", "GET", "/api/status", "Bearer x" + viewerToken, 401, "invalid_token"},
		{"a part", "GET", "/api/status", "Bearer " + viewerToken[:16], 401, "invalid_token"},
		{"the hash itself", "GET", "/api/status", "Bearer sha256:" + strings.Repeat("0", 64), 401, "invalid_token"},
		{"viewer", "GET", "/api/status", "Bearer " + viewerToken, 200, ""},
		{"spelling of the scheme", "GET", "/api/status", "bearer " + viewerToken, 200, ""},
		{"viewer, head", "HEAD", "/api/status", "Bearer " + viewerToken, 200, ""},
		{"viewer reloads", "POST", "/api/reload", "Bearer " + viewerToken, 403, `insufficient_scope", scope="operator"`},
		{"operator reloads", "POST", "/api/reload", "Bearer " + operatorToken, 500, ""}, // there is nothing to read
		{"operator checks", "POST", "/api/config/check", "Bearer " + operatorToken, 403, `scope="admin"`},
		{"admin checks", "POST", "/api/config/check", "Bearer " + adminToken, 200, ""},
		{"nobody reloads", "POST", "/api/reload", "", 401, "Bearer"},
		{"nobody, open", "GET", "/ready", "", 200, ""},
		{"a wrong token, open", "GET", "/metrics", "Bearer x", 200, ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(c.method, "http://localhost"+c.target, nil)
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		s.http.Handler.ServeHTTP(w, r)
		challenge := w.Header().Get("WWW-Authenticate")
		if w.Code != c.status || !strings.Contains(challenge, c.challenge) || (challenge != "") != (c.challenge != "") {
			t.Errorf("%s: got %d %q %s, want %d %q", c.name, w.Code, challenge, w.Body, c.status, c.challenge)
		}
	}
}

// A page of elsewhere changes nothing, whatever it knows.
func TestOtherOrigins(t *testing.T) {
	s := New(world(t, document))
	for _, c := range []struct {
		name, header, value string
		status              int
	}{
		{"no browser", "", "", 200},
		{"the same origin", "Origin", "http://localhost:9901", 200},
		{"another origin", "Origin", "http://evil.example", 403},
		{"another port", "Origin", "http://localhost:8080", 403},
		{"no origin", "Origin", "null", 403},
		{"another site", "Sec-Fetch-Site", "cross-site", 403},
		{"a neighbour", "Sec-Fetch-Site", "same-site", 403},
		{"itself", "Sec-Fetch-Site", "same-origin", 200},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost:9901/api/config/check", strings.NewReader(document))
		r.Header.Set("Authorization", "Bearer "+adminToken)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		s.http.Handler.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: got %d, want %d", c.name, w.Code, c.status)
		}
	}
}

// A new document has new tokens, at once.
func TestTokensChange(t *testing.T) {
	g := world(t, document)
	s := New(g)
	if w := get(s, "GET", "/api/status", viewerToken); w.Code != 200 {
		t.Fatalf("got %d", w.Code)
	}
	if err := g.LoadBytes("x", []byte(strings.Replace(document, viewerToken, "another-token-0123456789", 1))); err != nil {
		t.Fatal(err)
	}
	if w := get(s, "GET", "/api/status", viewerToken); w.Code != 401 {
		t.Errorf("the old token: got %d", w.Code)
	}
	if w := get(s, "GET", "/api/status", "another-token-0123456789"); w.Code != 200 {
		t.Errorf("the new token: got %d", w.Code)
	}
	if err := g.LoadBytes("x", []byte("listeners: [\":8080\"]\nroutes: [{ match: /, respond: {} }]\n")); err != nil {
		t.Fatal(err)
	}
	if w := get(s, "GET", "/api/status", operatorToken); w.Code != 401 {
		t.Errorf("without tokens in the document: got %d", w.Code)
	}
}

// The made token is kept for its owner alone, is the same for all who start at once, and comes anew when it is removed.
func TestMadeToken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var all sync.WaitGroup
	tokens := make([]string, 20)
	var made sync.Map
	for i := range tokens {
		all.Go(func() {
			text, fresh, err := madeToken(dir)
			if err != nil {
				t.Error(err)
			}
			if fresh {
				made.Store(i, true)
			}
			tokens[i] = text
		})
	}
	all.Wait()
	for _, text := range tokens {
		if text != tokens[0] || len(text) != 64 {
			t.Errorf("got %q and %q", text, tokens[0])
		}
	}
	n := 0
	made.Range(func(_, _ any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d were made", n)
	}
	name := filepath.Join(dir, TokenFile)
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v %v", info.Mode(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: got %v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if text, fresh, err := madeToken(dir); err == nil || !fresh || text == tokens[0] {
		t.Errorf("a token that others can read: got %v %v", fresh, err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if text, fresh, err := madeToken(dir); err != nil || !fresh || text == tokens[0] {
		t.Errorf("after it was removed: got %v %v", fresh, err)
	}
}
