package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/store/sqlite"
	"sallyport/wire/memnet"
)

const peopleDocument = document + `
consumers:
  - name: fixed
    plan: silver
    credentials:
      - api_key: { value: canary-key-of-the-document }
      - basic: { username: fixed-user, password_hash: "$2a$04$6PR3mu8hchCWfDRlKi6KF.2xPMyko3tuw5MUkSwjM6hNj8RFWPLdS" }
plans: { silver: { rate_limit: 10/s } }
`

// peopled is a server whose gateway has a store, and what its log says.
func peopled(t *testing.T) (*Server, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	var network memnet.Network
	g := gateway.New(gateway.Options{
		Listen: func(_, address string) (net.Listener, error) { return network.Listen(address) },
		Stdout: io.Discard, Log: slog.New(slog.NewTextHandler(log, nil)), Data: t.TempDir(),
	})
	t.Cleanup(g.Close)
	st, err := sqlite.Create(context.Background(), filepath.Join(t.TempDir(), "s.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Identity().Detach()
		_ = st.Close()
	})
	if err := g.Identity().Attach(st, st.Pepper()); err != nil {
		t.Fatal(err)
	}
	if err := g.LoadBytes("sallyport.yaml", []byte(peopleDocument)); err != nil {
		t.Fatal(err)
	}
	s := New(g)
	s.copyStore = st.Backup
	return s, log
}

// order sends a request as a step of a test has it: "POST /api/keys If-Match:x", body.
func (s *Server) send(request, body, token string) *httptest.ResponseRecorder {
	words := strings.Fields(request)
	w, r := httptest.NewRecorder(), httptest.NewRequest(words[0], "http://localhost"+words[1], strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for _, f := range words[2:] {
		name, value, _ := strings.Cut(f, ":")
		r.Header.Set(name, value)
	}
	s.http.Handler.ServeHTTP(w, r)
	return w
}

func TestPeople(t *testing.T) {
	s, log := peopled(t)
	vars := map[string]string{}
	for _, c := range []struct {
		name, request, body, token string
		status                     int
		answer                     string // parts of it
		keep                       string // members of the answer to keep, as NAME=member
	}{
		{"a viewer creates", "POST /api/consumers", `{"name": "acme"}`, viewerToken, 403, "forbidden", ""},
		{"create", "POST /api/consumers", `{"name": "acme", "plan": "silver", "tags": ["partner"]}`, operatorToken, 201, `"source": "store"|"plan": "silver"`, ""},
		{"again", "POST /api/consumers", `{"name": "acme"}`, operatorToken, 409, "conflict|there is one already", ""},
		{"of the document", "POST /api/consumers", `{"name": "fixed"}`, operatorToken, 409, "stands in the document; change it there", ""},
		{"no such plan", "POST /api/consumers", `{"name": "other", "plan": "gold"}`, operatorToken, 400, `plan: there is no plan \"gold\"|"field":"plan"`, ""},
		{"no name", "POST /api/consumers", `{}`, operatorToken, 400, "bad_request", ""},
		{"a misspelt field", "POST /api/consumers", `{"name": "x", "plann": "y"}`, operatorToken, 400, `there is no field \"plann\"`, ""},
		{"a field twice", "POST /api/consumers", `{"name": "x", "name": "y"}`, operatorToken, 400, "bad_request", ""},
		{"another type", "POST /api/consumers", `{"name": 7}`, operatorToken, 400, "name is of the wrong type", ""},
		{"no JSON", "POST /api/consumers", `name: x`, operatorToken, 400, "bad_request", ""},
		{"too much", "POST /api/consumers", `{"name": "` + strings.Repeat("x", 70<<10) + `"}`, operatorToken, 413, "body_too_large", ""},
		{"list", "GET /api/consumers", "", viewerToken, 200, `"name": "acme"|"name": "fixed"|"source": "document"`, ""},
		{"a page", "GET /api/consumers?limit=1", "", viewerToken, 200, `"next": "acme"`, ""},
		{"the next page", "GET /api/consumers?limit=1&after=acme", "", viewerToken, 200, `"name": "fixed"|!"next"`, ""},
		{"a filter", "GET /api/consumers?tag=partner", "", viewerToken, 200, `"name": "acme"|!"fixed"`, ""},
		{"a misspelt filter", "GET /api/consumers?tags=partner", "", viewerToken, 400, "which is none of plan, tag, source, after, limit", ""},
		{"show", "GET /api/consumers/acme", "", viewerToken, 200, `"tags": [`, ""},
		{"show none", "GET /api/consumers/acne", "", viewerToken, 404, "not_found", ""},
		{"put over the document", "PUT /api/consumers/fixed", `{"plan": ""}`, operatorToken, 409, "stands in the document", ""},
		{"put an old one", `PUT /api/consumers/acme If-Match:"x"`, `{"plan": ""}`, operatorToken, 412, "precondition_failed", ""},
		{"put over one that is not to be there", `PUT /api/consumers/acme If-None-Match:*`, `{"plan": ""}`, operatorToken, 412, "precondition_failed", ""},
		{"put", "PUT /api/consumers/acme If-Match:*", `{"tags": ["a", "b"]}`, operatorToken, 200, `"b"|!"plan"`, ""},
		{"put another name", "PUT /api/consumers/acme", `{"name": "b"}`, operatorToken, 400, "does not change", ""},
		{"put a new one", "PUT /api/consumers/new%2Fone", `{}`, operatorToken, 201, `"name": "new/one"`, ""},
		{"delete of the document", "DELETE /api/consumers/fixed", "", operatorToken, 409, "stands in the document", ""},
		{"delete", "DELETE /api/consumers/new%2Fone", "", operatorToken, 204, "", ""},

		{"a key for nobody", "POST /api/keys", `{"consumer": "nobody"}`, operatorToken, 400, `there is no consumer \"nobody\"`, ""},
		{"a key", "POST /api/keys", `{"consumer": "acme", "label": "ci", "expires": "90d", "allow_ips": ["10.0.0.0/8"], "routes": ["GET /users/{id}", "GET /user/{id}"]}`, operatorToken, 201,
			`"key": "sp_|"state": "good"|"allow_ips": [|did you mean GET /users/{id}?`, "ID=id KEY=key"},
		{"a key that is over", "POST /api/keys", `{"consumer": "acme", "expires": "2020-01-01"}`, operatorToken, 400, "expired already", ""},
		{"a time of no form", "POST /api/keys", `{"consumer": "acme", "expires": "soon"}`, operatorToken, 400, "a time is written as 90d", ""},
		{"no network", "POST /api/keys", `{"consumer": "acme", "allow_ips": ["10.0.0.1/8"]}`, operatorToken, 400, "write 10.0.0.0/8 for the network", ""},
		{"a key of the document's consumer", "POST /api/keys", `{"consumer": "fixed"}`, operatorToken, 201, `"consumer": "fixed"`, "KEY3=key"},
		{"keys", "GET /api/keys", "", viewerToken, 200, `"id": "fixed#1"|"source": "document"|"label": "ci"|!"key": "|!canary`, ""},
		{"keys, a page", "GET /api/keys?limit=1", "", viewerToken, 200, `"next": "fixed#1"`, ""},
		{"keys, the next page", "GET /api/keys?limit=1&after=fixed%231", "", viewerToken, 200, `"label": "ci"|"next": "$ID"`, ""},
		{"keys, the last page", "GET /api/keys?limit=1&after=$ID", "", viewerToken, 200, `"consumer": "fixed"|"source": "store"|!"next"`, ""},
		{"keys after one that is gone", "GET /api/keys?after=k_gone", "", viewerToken, 400, "ask again from the beginning", ""},
		{"keys of the store after one that is gone", "GET /api/keys?after=k_gone&source=store", "", viewerToken, 400, "ask again from the beginning", ""},
		{"consumers after one that is gone", "GET /api/consumers?after=gone", "", viewerToken, 400, "ask again from the beginning", ""},
		{"keys of one", "GET /api/keys?consumer=acme", "", viewerToken, 200, `"label": "ci"|!"fixed"`, ""},
		{"one key", "GET /api/keys/$ID", "", viewerToken, 200, `"prefix": "sp_|!"key"`, ""},
		{"the key itself", "GET /api/keys/$KEY", "", viewerToken, 404, `no key \"sp_…\"`, ""},
		{"a viewer rotates", "POST /api/keys/$ID/rotate", `{}`, viewerToken, 403, "forbidden", ""},
		{"rotate", "POST /api/keys/$ID/rotate", `{"overlap": "1h"}`, operatorToken, 201, `"replaces": "$ID"|"key": "sp_`, "ID2=id KEY2=key"},
		{"rotate for too long", "POST /api/keys/$ID2/rotate", `{"overlap": "1000d"}`, operatorToken, 400, "overlap", ""},
		{"rotate what the document has", "POST /api/keys/fixed%231/rotate", `{}`, operatorToken, 409, "stands in the document", ""},
		{"revoke", "POST /api/keys/$ID2/revoke", "", operatorToken, 200, `"state": "revoked"`, ""},
		{"good keys", "GET /api/keys?state=good&consumer=acme", "", viewerToken, 200, `$ID|!$ID2`, ""},
		{"delete", "DELETE /api/keys/$ID2", "", operatorToken, 204, "", ""},
		{"deleted", "GET /api/keys/$ID2", "", viewerToken, 404, "not_found", ""},

		{"an operator plans", "POST /api/plans", `{"name": "gold", "settings": {"rate_limit": "100/s"}}`, operatorToken, 403, "forbidden", ""},
		{"a plan", "POST /api/plans", `{"name": "gold", "settings": {"rate_limit": "100/s"}}`, adminToken, 201, `"rate_limit": "100/s"`, ""},
		{"a plan that limits nothing", "PUT /api/plans/x", `{"settings": {"rate_limit": {}}}`, adminToken, 400, "limits nothing", ""},
		{"a plan of no form", "PUT /api/plans/x", `{"settings": {"rate": "1/s"}}`, adminToken, 400, "rate", ""},
		{"a plan without settings", "PUT /api/plans/x", `{}`, adminToken, 400, "settings are missing", ""},
		{"put a plan", "PUT /api/plans/gold", `{"settings": {"rate_limit": {"limits": ["10/s", "100/min"]}}}`, adminToken, 200, `"100/min"`, ""},
		{"put the document's", "PUT /api/plans/silver", `{"settings": {"rate_limit": "1/s"}}`, adminToken, 409, "stands in the document", ""},
		{"plans", "GET /api/plans", "", viewerToken, 200, `"gold"|"silver"|"10/s"`, ""},
		{"one plan", "GET /api/plans/silver", "", viewerToken, 200, `"source": "document"`, ""},
		{"delete a plan", "DELETE /api/plans/gold", "", adminToken, 204, "", ""},

		{"a credential", "POST /api/credentials", `{"consumer": "acme", "kind": "basic", "settings": {"username": "wile", "password": "canary of the coyote"}}`, operatorToken, 201, `"username": "wile"|!canary|!argon2id`, "C=id"},
		{"a short password", "POST /api/credentials", `{"consumer": "acme", "kind": "basic", "settings": {"username": "wile", "password": "canary"}}`, operatorToken, 400, `8 to 1024|!canary`, ""},
		{"a password that is no text", "POST /api/credentials", `{"consumer": "acme", "kind": "basic", "settings": {"username": "wile", "passwrd": "canary1234"}}`, operatorToken, 400, `passwrd|!canary`, ""},
		{"a password that is a number", "POST /api/credentials", `{"consumer": "acme", "kind": "basic", "settings": {"username": "wile", "password": 1234567890}}`, operatorToken, 400, `a password is text`, ""},
		{"another claim", "POST /api/credentials", `{"consumer": "acme", "kind": "jwt", "settings": {"issuer": "https://idp", "claim": "azp", "value": "acme"}}`, operatorToken, 201, `"claim": "azp"`, ""},
		{"the same user", "POST /api/credentials", `{"consumer": "acme", "kind": "basic", "settings": {"username": "fixed-user", "password": "canary of the coyote"}}`, operatorToken, 409, "conflict", ""},
		{"credentials", "GET /api/credentials", "", viewerToken, 200, `"fixed-user"|"wile"|"azp"|!$2a$|!argon2id`, ""},
		{"credentials of a kind", "GET /api/credentials?kind=jwt", "", viewerToken, 200, `"azp"|!wile`, ""},
		{"one credential", "GET /api/credentials/$C", "", viewerToken, 200, `"wile"`, ""},
		{"remove it", "DELETE /api/credentials/$C", "", operatorToken, 204, "", ""},
		{"remove it again", "DELETE /api/credentials/$C", "", operatorToken, 404, "not_found", ""},
		{"remove the document's", "DELETE /api/credentials/fixed%232", "", operatorToken, 409, "stands in the document", ""},

		{"revoke a token", "POST /api/revocations", `{"issuer": "https://idp", "jti": "t1"}`, operatorToken, 201, `"jti": "t1"|"until": "20`, "R=id"},
		{"revoke a subject", "POST /api/revocations", `{"subject": "u1", "before": "2026-01-01"}`, operatorToken, 201, `"before": "2026-01-01T00:00:00Z"`, ""},
		{"revoke nothing", "POST /api/revocations", `{"issuer": "x"}`, operatorToken, 400, "give the ID of a token or a subject", ""},
		{"a token before a time", "POST /api/revocations", `{"jti": "x", "before": "2026-01-01"}`, operatorToken, 400, "before goes with a subject", ""},
		{"revocations", "GET /api/revocations?issuer=https://idp", "", viewerToken, 200, `"t1"|!"u1"`, ""},
		{"one revocation", "GET /api/revocations/$R", "", viewerToken, 200, `"t1"`, ""},
		{"take it back", "DELETE /api/revocations/$R", "", operatorToken, 204, "", ""},
		{"take it back again", "DELETE /api/revocations/$R", "", operatorToken, 404, "not_found", ""},

		{"an operator backs up", "POST /api/store/backup", "", operatorToken, 403, "forbidden", ""},
		{"back up", "POST /api/store/backup", "", adminToken, 200, "SQLite format 3", ""},
		{"by another method", "PATCH /api/keys", "", adminToken, 405, "method_not_allowed", ""},
	} {
		fill := func(text string) string {
			return regexp.MustCompile(`\$[A-Z][A-Z0-9]*`).ReplaceAllStringFunc(text, func(name string) string { return vars[name[1:]] })
		}
		if strings.HasPrefix(c.request, "POST /api/keys") {
			time.Sleep(2 * time.Millisecond) // keys are listed by when they were made, in milliseconds
		}
		w := s.send(fill(c.request), c.body, c.token)
		if w.Code != c.status {
			t.Errorf("%s: got %d %s, want %d", c.name, w.Code, w.Body, c.status)
			continue
		}
		for part := range strings.SplitSeq(c.answer, "|") {
			part, not := strings.CutPrefix(fill(part), "!")
			if strings.Contains(w.Body.String(), part) == not && part != "" {
				t.Errorf("%s: %s in %s is not as wanted", c.name, part, w.Body)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" || (w.Code == 201) != (w.Header().Get("Location") != "") {
			t.Errorf("%s: %v", c.name, w.Header())
		}
		if w.Code == 201 {
			if again := s.send("GET "+w.Header().Get("Location"), "", viewerToken); again.Code != 200 {
				t.Errorf("%s: %s leads to %d", c.name, w.Header().Get("Location"), again.Code)
			}
		}
		var members map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &members)
		for _, k := range strings.Fields(c.keep) {
			name, member, _ := strings.Cut(k, "=")
			vars[name], _ = members[member].(string)
		}
	}
	told := log.String()
	for _, want := range []string{
		`what="create consumer" outcome=done`, `what="create key" outcome=done`, "consumer=acme", `what="rotate key" outcome=forbidden`, "key=" + vars["ID2"], "replaces=" + vars["ID"],
		`what="delete consumer" outcome=conflict`, `what="back up store" outcome=done`, "who=helper",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the log does not tell of %s", want)
		}
	}
	for _, secret := range []string{vars["KEY"], vars["KEY2"], vars["KEY3"], "canary"} {
		if secret == "" || strings.Contains(told, secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
	if left, _ := os.ReadDir(s.data()); len(left) > 1 { // the token's file was made
		t.Errorf("a backup leaves %v behind", left)
	}
}

// Two who change the same by what they saw: the second is told.
func TestETags(t *testing.T) {
	s, _ := peopled(t)
	tag := s.send("POST /api/consumers", `{"name": "acme"}`, operatorToken).Header().Get("ETag")
	if got := s.send("GET /api/consumers/acme", "", viewerToken).Header().Get("ETag"); got != tag || tag == "" {
		t.Fatalf("got %s, want %s", got, tag)
	}
	time.Sleep(2 * time.Millisecond) // times are kept in milliseconds
	if w := s.send("PUT /api/consumers/acme If-Match:"+tag, `{"tags": ["first"]}`, operatorToken); w.Code != 200 || w.Header().Get("ETag") == tag {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := s.send("PUT /api/consumers/acme If-Match:"+tag, `{"tags": ["second"]}`, operatorToken); w.Code != 412 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := s.send("DELETE /api/consumers/acme If-Match:"+tag, "", operatorToken); w.Code != 412 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

// Without a store all can be looked at, and nothing changed.
func TestNoStore(t *testing.T) {
	s := New(world(t, peopleDocument))
	if w := s.send("GET /api/keys", "", viewerToken); w.Code != 200 || !strings.Contains(w.Body.String(), "fixed#1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.send("POST /api/keys", `{"consumer": "fixed"}`, operatorToken); w.Code != 503 || !strings.Contains(w.Body.String(), "store_unavailable") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
}

// Who can open the store itself asks without a token, and about nothing else.
func TestDirect(t *testing.T) {
	s, _ := peopled(t)
	h := Direct(s.book(), slog.New(slog.DiscardHandler))
	for request, want := range map[string]int{"GET /api/consumers/fixed": 200, "GET /api/status": 404, "GET /metrics": 404, "POST /api/store/backup": 503} {
		words := strings.Fields(request)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(words[0], "http://localhost"+words[1], nil))
		if w.Code != want {
			t.Errorf("%s: %d %s", request, w.Code, w.Body)
		}
	}
}
