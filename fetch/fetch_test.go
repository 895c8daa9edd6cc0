package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestGet(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/list", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Cache-Control", "public, max-age=60")
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, "10.0.0.0/8\n")
	})
	mux.HandleFunc("/other", func(w http.ResponseWriter, r *http.Request) {
		if w.Header().Set("ETag", `"1"`); r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, "other\n")
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/list", http.StatusFound) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 101)) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(bytes.Repeat([]byte{0}, 1<<20))
		_ = z.Close()
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		_, _ = io.WriteString(w, "10.0.0.0/8\n")
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	c := New(nil)
	get := func(path string, before *Document) (*Document, error) {
		return c.Get(t.Context(), Request{URL: s.URL + path, Most: 100, Timeout: time.Minute, Before: before})
	}
	doc, err := get("/list", nil)
	if err != nil || string(doc.Body) != "10.0.0.0/8\n" || doc.MaxAge != time.Minute {
		t.Fatalf("got %+v, %v", doc, err)
	}
	same, err := get("/list", doc)
	if err != nil || string(same.Body) != string(doc.Body) || !same.At.After(doc.At) {
		t.Errorf("again: got %+v, %v", same, err)
	}
	for path, want := range map[string]string{
		"/moved?key=CANARY": "redirects are not followed", "/large": "larger than 100", "/bomb": "larger than 100", "/cut": "unexpected EOF", "/none": "404",
	} {
		if doc, err := get(path, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: got %v, %v; want %s", path, doc, err, want)
		}
	}
	if other, err := get("/other", doc); err != nil || string(other.Body) != "other\n" {
		t.Errorf("what moved elsewhere is another document whatever its tag: got %+v, %v", other, err)
	}
	s.Close()
	if _, err := get("/list?key=CANARY", nil); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a dead server: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, Request{URL: "http://169.254.169.254/latest", Most: 1, Timeout: time.Minute}); err == nil {
		t.Error("an end must end it")
	}
	if _, err := c.Get(t.Context(), Request{URL: "http://169.254.169.254/latest", Most: 1, Timeout: time.Minute}); err == nil || !strings.Contains(err.Error(), errLink.Error()) {
		t.Errorf("an address of the link: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for text, ok := range map[string]bool{
		"https://example.com/list.txt?x=1": true, "http://127.0.0.1:80": true, "ftp://example.com": false, "https:example.com": false,
		"https://a:b@example.com/": false, "https://example.com/#a": false, "/list": false, "": false,
	} {
		if err := Check(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAgain(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 1000: time.Minute} {
		if got := Again(failures, time.Minute); got < want || got > want+want/5 {
			t.Errorf("%d failures: got %v, want about %v", failures, got, want)
		}
	}
}
