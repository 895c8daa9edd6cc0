package invoke_test

import (
	"bytes"
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

func TestMain(m *testing.M) {
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // nobody is asked beyond loopback
	leak.Main(m)
}

// A world is a gateway with functions in a lambda.
type world struct {
	*gateway.Gateway
	t    *testing.T
	url  string
	said output

	level string // of the log
}

// environment is that of the process as far as Amazon's library looks at it.
func environment(t *testing.T, set ...string) {
	t.Helper()
	for _, item := range os.Environ() {
		if name, _, _ := strings.Cut(item, "="); strings.HasPrefix(name, "AWS_") && name != "AWS_EC2_METADATA_DISABLED" {
			t.Setenv(name, "")
			_ = os.Unsetenv(name) // until the end of the test, by Setenv
		}
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	for i := 0; i+1 < len(set); i += 2 {
		t.Setenv(set[i], set[i+1])
	}
}

// start serves a document with the credentials that a lambda knows. %s in it is where that is.
func start(t *testing.T, l *lambda, document string) *world {
	t.Helper()
	environment(t, "AWS_ACCESS_KEY_ID", keyID, "AWS_SECRET_ACCESS_KEY", secret, "AWS_SESSION_TOKEN", session)
	return serve(t, l, document)
}

func serve(t *testing.T, l *lambda, document string) *world {
	t.Helper()
	w := &world{t: t, level: "debug"}
	w.Gateway = gateway.New(gateway.Options{Stdout: &w.said, Stderr: &w.said, Version: "test"})
	t.Cleanup(func() {
		w.Close()
		if t.Failed() {
			t.Log(w.said.String())
		}
	})
	w.load(l, document)
	w.url = "http://" + w.Addresses()[0]
	return w
}

func (w *world) load(l *lambda, document string) {
	w.t.Helper()
	document = strings.ReplaceAll(document, "%s", l.URL)
	if err := w.LoadBytes("config.yaml", []byte("listeners: [{ address: \"127.0.0.1:0\" }]\nadmin: off\ntelemetry: { log: { level: "+w.level+" } }\n"+document)); err != nil {
		w.t.Fatal(err)
	}
}

// An answer is one that came.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

func (w *world) ask(method, path, body string) answer {
	w.t.Helper()
	resp := w.open(method, path, body)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

func (w *world) open(method, path, body string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
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
	for range 600 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("it never came that %s", what)
}

// logs waits until the log has all of these.
func (w *world) logs(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		eventually(w.t, "the log has "+text, func() bool { return strings.Contains(w.said.String(), text) })
	}
}
