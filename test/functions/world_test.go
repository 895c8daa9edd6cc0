// Package functions has real processes answer requests: handlers in Python and Node, and a program built with aws-lambda-go.
package functions

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/test/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// A world is a gateway with functions.
type world struct {
	*gateway.Gateway
	t    *testing.T
	url  string
	said output
}

// start serves a document. The listener goes without saying.
func start(t *testing.T, document string) *world {
	t.Helper()
	w := &world{t: t}
	w.Gateway = gateway.New(gateway.Options{Stdout: &w.said, Stderr: &w.said, Version: "test"})
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			t.Log(w.said.String())
		}
	})
	w.load(document)
	w.url = "http://" + w.Addresses()[0]
	return w
}

func (w *world) load(document string) {
	w.t.Helper()
	if err := w.LoadBytes("config.yaml", []byte("listeners: [{ address: \"127.0.0.1:0\" }]\nadmin: off\n"+document)); err != nil {
		w.t.Fatal(err)
	}
}

// An answer is one that came.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

func (w *world) ask(method, path, body string, fields ...string) answer {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

// want asks and fails for another status; it returns the answer.
func (w *world) want(status int, method, path string) answer {
	w.t.Helper()
	a := w.ask(method, path, "")
	if a.err != nil || a.status != status {
		w.t.Errorf("%s %s: got %d %q, %v, want %d", method, path, a.status, a.body, a.err, status)
	}
	return a
}

// logs says whether the log has a line with all of these.
func (w *world) logs(parts ...string) bool {
lines:
	for line := range strings.Lines(w.said.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue lines
			}
		}
		return true
	}
	return false
}

// An output is what the gateway logs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 300 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("it never came that %s", what)
}

// here is a folder of testdata.
func here(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// took prints how long something took; nothing is asserted of it.
func took(t *testing.T, what string, since time.Time) {
	t.Helper()
	fmt.Printf("%s: %v\n", what, time.Since(since).Round(time.Millisecond))
}
