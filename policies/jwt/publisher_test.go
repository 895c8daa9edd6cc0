package jwt

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/fetch"
	"sallyport/test/signed"
)

// Keys are fetched over TLS of the issuer's own, and from nobody who could be somebody else.
func TestFetching(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	var metadata, keys func(w http.ResponseWriter, r *http.Request)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/realm/.well-known/openid-configuration":
			metadata(w, r)
		case "/keys":
			keys(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	says := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	issuer := server.URL + "/realm"
	goodMetadata := says(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, server.URL+"/keys"))
	goodKeys := says(string(signed.Set(k)))
	for _, c := range []struct {
		name           string
		metadata, keys func(http.ResponseWriter, *http.Request)
		settings, want string
	}{
		{"good", goodMetadata, goodKeys, "jwks: {ca_file: " + ca + "}", ""},
		{"unknown certificate", goodMetadata, goodKeys, "", "certificate"},
		{"another issuer", says(fmt.Sprintf(`{"issuer":"https://evil.test","jwks_uri":%q}`, server.URL+"/keys")), goodKeys, "jwks: {ca_file: " + ca + "}", "that of another issuer"},
		{"plain keys", says(fmt.Sprintf(`{"issuer":%q,"jwks_uri":"http://192.0.2.1/keys"}`, issuer)), goodKeys, "jwks: {ca_file: " + ca + "}", "may be anybody's"},
		{"keys of a file", says(fmt.Sprintf(`{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, issuer)), goodKeys, "jwks: {ca_file: " + ca + "}", "does not say where its keys are"},
		{"no metadata", http.NotFound, goodKeys, "jwks: {ca_file: " + ca + "}", "its metadata: it answers 404"},
		{"metadata twice", says(fmt.Sprintf(`{"issuer":%q,"issuer":%q,"jwks_uri":%q}`, issuer, issuer, server.URL+"/keys")), goodKeys, "jwks: {ca_file: " + ca + "}", "no JSON object"},
		{"redirected", goodMetadata, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "jwks: {ca_file: " + ca + "}", "redirects are not followed"},
		{"too large", goodMetadata, says(`{"keys":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`), "jwks: {ca_file: " + ca + "}", "it is larger than"},
		{"nonsense", goodMetadata, says(`<html>`), "jwks: {ca_file: " + ca + "}", "no JSON"},
		{"no keys", goodMetadata, says(`{"keys":[]}`), "jwks: {ca_file: " + ca + "}", "no key that signatures"},
	} {
		t.Run(c.name, func(t *testing.T) {
			metadata, keys = c.metadata, c.keys
			w := newWorld(t)
			g := w.gate(fmt.Sprintf("{issuer: %q, %s}", issuer, c.settings))
			p := only(g).ring.publisher
			p.client = fetch.New(nil)
			_, _, err := p.get(t.Context())
			if (err == nil) != (c.want == "") || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), server.URL) {
				t.Errorf("the error shows where keys are: %v", err)
			}
		})
	}
}

// What tends the keys ends with its context, and those who wait for them then wait no longer.
func TestTendingEnds(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t)
	g := w.gate("{issuer: 'https://127.0.0.1:1/'}")
	p := only(g).ring.publisher
	p.log = slog.New(slog.NewTextHandler(&log, nil))
	ctx, end := context.WithCancel(t.Context())
	done, first := make(chan bool), p.first()
	go func() { p.Tend(ctx); close(done) }()
	<-first
	if why, _ := send(g, token(t, testKey(t, "k1", "ES256"), map[string]any{"iss": "https://127.0.0.1:1/"})); why != "no_keys" {
		t.Errorf("before there are keys: %q", why)
	}
	end()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("it does not end")
	}
	if s := w.asks[0](); s.Usable || s.Failures == 0 || s.Name != "https://127.0.0.1:1/" {
		t.Errorf("got %+v", s)
	}
	if n := strings.Count(log.String(), "cannot be fetched"); n != 1 {
		t.Errorf("it is told of %d times", n)
	}
}

// Two policies that say the same of an issuer share its keys; other settings mean others.
func TestKeysAreShared(t *testing.T) {
	w := newWorld(t)
	one, two := w.gate("{issuer: 'https://idp.test', audience: a}"), w.gate("{issuer: 'https://idp.test', audience: b}")
	other := w.gate("{issuer: 'https://idp.test', audience: a, jwks: {refresh: 1h}}")
	if only(one).ring != only(two).ring || one.verifier == two.verifier {
		t.Error("two audiences of one issuer do not share its keys, or share what they know of tokens")
	}
	if only(one).ring == only(other).ring || len(w.tended) != 2 {
		t.Errorf("%d publishers are tended, want 2", len(w.tended))
	}
}

// A document that leaves an issuer out and one that has it again may come so close that the first tending has not ended when the second begins.
func TestTendedOneAfterTheOther(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) }))
	defer server.Close()
	p := only(newWorld(t).gate("{issuer: 'https://idp.test', jwks_url: '" + server.URL + "'}")).ring.publisher
	p.client = fetch.New(nil)
	var all sync.WaitGroup
	for range 20 {
		ctx, end := context.WithCancel(t.Context())
		all.Go(func() { p.Tend(ctx) })
		time.AfterFunc(50*time.Millisecond, end)
	}
	all.Wait()
}

// An explanation only tells: it has no keys fetched.
func TestExplanationsFetchNothing(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	g := newWorld(t).gate("{issuer: 'https://idp.test', jwks_url: 'https://127.0.0.1:1/'}")
	p := only(g).ring.publisher
	p.settle()
	p.began = time.Now().Add(-time.Hour)
	keys, err := parseSet(signed.Set(k), func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
	p.ring.replace(keys)
	p.ring.until.Store(endless)
	x := asked(token(t, testKey(t, "k2", "ES256"), map[string]any{"iss": "https://idp.test"}))
	if v := g.Explain(x); v.Err == nil || p.busy || len(p.ask) > 0 {
		t.Errorf("got %+v, busy %v", v, p.busy)
	}
}
