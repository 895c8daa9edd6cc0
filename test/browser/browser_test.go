// Package browser has a real browser judge what the gateway tells browsers: pages of two origins ask a gateway at a third one, and say what
// they could read.
package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sallyport/gateway"
)

// document is what the gateway serves. The page at its own address is a friend, the same page under the name localhost is not.
const document = `
listeners: [{ address: "127.0.0.1:0" }]
admin: off
upstreams: { shop: { targets: [%[1]q] } }
consumers: [{ name: page, credentials: [{ api_key: { value: k-page-0123456789 } }] }]
apis:
  - name: shop
    base_path: /shop
    policies:
      - cors: { origins: %[2]q, credentials: true, expose: X-Request-Id }
      - api_key: { in: "header:X-Key" }
    routes:
      - { match: "GET,DELETE /orders/{id}", upstream: shop }
      - { match: "PUT /orders/{id}", policies: [{ cors: { origins: "https://elsewhere.test" } }], upstream: shop }
  - name: session
    base_path: /session
    policies:
      - cors: { origins: %[2]q, credentials: true }
      - csrf: { trusted_origins: %[2]q }
    routes:
      - { match: "/{rest...}", upstream: shop }
  - name: open
    policies: [{ cors: { origins: "*" } }]
    routes: [{ match: "/open", upstream: shop }]
  - name: closed
    routes: [{ match: "/closed", upstream: shop }]
`

//go:embed page.html
var page string

// wants is what pages can read. What the browser keeps from a page is "refused".
var wants = map[string]map[string]string{
	"friend": {
		"a key, and the answer":             "200 GET /shop/orders/7, request id true",
		"a preflight, and what it is for":   "200 DELETE /shop/orders/7, request id true",
		"no key":                            "401 missing_credentials, request id true",
		"a wrong key":                       "401 invalid_credentials, request id true",
		"a path that nobody has":            "404 no_route, request id true",
		"a path that nobody has, asked":     "404 no_route, request id true",
		"a method that nobody has":          "refused", // PATCH is not among the methods that the preflight names
		"a method for another page":         "refused",
		"cookies":                           "200 POST /session/a session=1, request id false",
		"without cookies":                   "200 POST /session/a , request id false",
		"for everybody":                     "200 GET /open , request id false",
		"for everybody, with cookies":       "refused",
		"without cors":                      "refused",
		"a form, without asking":            "opaque",
		"a WebSocket":                       "refused", // there is none behind the gateway
		"a frame of what may not be framed": "refused",
	},
	"stranger": {
		"a key, and the answer":           "refused",
		"a preflight, and what it is for": "refused",
		"no key":                          "refused",
		"cookies":                         "refused",
		"for everybody":                   "200 GET /open , request id false",
		"a form, without asking":          "opaque",
		"a WebSocket":                     "refused",
	},
}

// unseen are requests that must not get to the upstream: those that browsers asked about in vain, and those of strangers that csrf stops.
var unseen = []string{"OPTIONS ", "PUT ", "PATCH ", "POST /session/form/stranger", "GET /session/ws/stranger"}

func TestChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	var mu sync.Mutex
	var seen []string
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/session/login") {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/session", HttpOnly: true})
		}
		w.Header().Set("Access-Control-Allow-Origin", "https://upstream.test") // the gateway's word counts
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, r.Header.Get("Cookie"))
	}))
	t.Cleanup(shop.Close)

	results := make(chan result, len(wants))
	var api atomic.Value // of a string, before any page is asked for
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
			res := result{who: strings.TrimPrefix(r.URL.Path, "/")}
			if err := json.Unmarshal(body, &res.said); err != nil {
				t.Error(err)
			}
			results <- res
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, strings.ReplaceAll(page, "API", api.Load().(string)))
	}))
	t.Cleanup(pages.Close)
	g := gateway.New(gateway.Options{Stdout: io.Discard, Stderr: io.Discard, Version: "test"})
	t.Cleanup(g.Close)
	if err := g.LoadBytes("config.yaml", fmt.Appendf(nil, document, shop.URL, pages.URL)); err != nil {
		t.Fatal(err)
	}
	api.Store("http://" + g.Addresses()[0])

	_, port, err := net.SplitHostPort(strings.TrimPrefix(pages.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for who, url := range map[string]string{"friend": pages.URL, "stranger": "http://localhost:" + port} {
		open(t, url+"/"+who)
		select {
		case r := <-results:
			for what, want := range wants[r.who] {
				if got := r.said[what]; got != want {
					t.Errorf("%s, %s: got %q, want %q", r.who, what, got, want)
				}
			}
		case <-time.After(90 * time.Second):
			t.Fatalf("the page of the %s said nothing", who)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, request := range seen {
		for _, not := range unseen {
			if strings.HasPrefix(request, not) {
				t.Errorf("the upstream got %s", request)
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("the upstream got only %v", seen)
	}
}

// A result is what a page could read.
type result struct {
	who  string
	said map[string]string
}

// open shows a page in a browser of its own until the test ends. It reaches nothing but this machine.
func open(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := exec.CommandContext(ctx, browser(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
		"--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), url)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) } // with all that it started
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = c.Wait()
	})
}

// browser returns the command, after installing it where that is for us to do.
func browser(t *testing.T) string {
	t.Helper()
	for range 2 {
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if path, err := exec.LookPath(name); err == nil {
				return path
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
		out, err := exec.CommandContext(ctx, "sh", "-c", "apt-get update && apt-get install -y --no-install-recommends chromium").CombinedOutput()
		if cancel(); err != nil {
			t.Fatalf("there is no Chromium, and installing it failed: %v\n%s", err, out)
		}
	}
	t.Fatal("there is no Chromium")
	return ""
}
