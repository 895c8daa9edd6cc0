package functions

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// built is the folder of the program.
func built(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build(t, filepath.Join(dir, "bootstrap"), "1")
	return dir
}

// build makes the program. Building it again is for the linker alone to do.
func build(t *testing.T, file, version string) {
	t.Helper()
	out, err := exec.Command("go", "build", "-tags", "grpcnotrace,lambda.norpc", "-ldflags", "-X main.version="+version, "-o", file, "./lambda").CombinedOutput()
	if err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
}

func provided(t *testing.T, settings string) *world {
	t.Helper()
	return start(t, fmt.Sprintf(`
functions: { go: { runtime: provided, directory: %q, %s } }
routes: [{ match: "/{rest...}", function: go, payload: "2.0" }]
`, built(t), settings))
}

func TestProvided(t *testing.T) {
	w := provided(t, "timeout: 20s, memory: 256MiB")
	began := time.Now()
	w.want(404, "GET", "/")
	took(t, "aws-lambda-go, cold", began)
	began = time.Now()
	a := w.want(200, "GET", "/context")
	took(t, "aws-lambda-go, warm", began)
	if want := a.header.Get("X-Request-Id") + " arn:aws:lambda:local:000000000000:function:go 256 true"; a.body != want {
		t.Errorf("the context is %q, want %q", a.body, want)
	}
	if got := a.header.Values("Set-Cookie"); len(got) != 2 || got[1] != "b=2" {
		t.Errorf("cookies: %v", got)
	}
	a = w.ask("POST", "/event?a=1&a=2", "hello", "Content-Type", "text/plain", "Cookie", "x=1; y=2")
	if want := "POST ANY /{rest+} 1,2 [x=1 y=2] event hello false"; a.body != want {
		t.Errorf("the event is %q, want %q", a.body, want)
	}
	a = w.ask("POST", "/event", "\x00", "Content-Type", "application/octet-stream")
	if want := "AA== true"; !strings.HasSuffix(a.body, want) {
		t.Errorf("the event is %q, want %q", a.body, want)
	}
}

func TestProvidedFails(t *testing.T) {
	w := provided(t, "timeout: 1s")
	for _, path := range []string{"/error", "/panic", "/exit"} {
		if a := w.want(502, "GET", path); !strings.Contains(a.body, "function_error") || strings.Contains(a.body, "not for clients") {
			t.Errorf("%s: %s", path, a.body)
		}
		w.want(404, "GET", "/next") // the next call has another process, at once
	}
	w.want(504, "GET", "/sleep")
	w.want(404, "GET", "/next")
	s := w.Status().Functions[0]
	if s.Timeouts != 1 || s.Crashes < 1 || s.StartErrors != 0 {
		t.Errorf("%+v", s)
	}
	for _, said := range []string{"it is not for clients to know", "a panic"} {
		eventually(t, "the log says "+said, func() bool { return strings.Contains(w.said.String(), said) })
	}
}

// A stream comes as it goes; one that fails is cut short, so that nobody takes it for whole.
func TestStreams(t *testing.T) {
	w := provided(t, "timeout: 20s")
	r, _ := http.NewRequestWithContext(t.Context(), "GET", w.url+"/stream", http.NoBody)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	first, err := in.ReadString(' ')
	if err != nil || first != "one " || resp.StatusCode != 201 || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %d %v %q, %v", resp.StatusCode, resp.Header, first, err)
	}
	rest, err := io.ReadAll(in)
	if err != nil || string(rest) != "two three" {
		t.Errorf("then %q, %v", rest, err)
	}
	if a := w.ask("GET", "/broken", ""); a.err == nil {
		t.Errorf("a stream that failed is whole: %d %q", a.status, a.body)
	}
	// A client that goes away leaves the process for others.
	ctx, leave := context.WithCancel(t.Context())
	r, _ = http.NewRequestWithContext(ctx, "GET", w.url+"/slow", http.NoBody)
	go func() { time.Sleep(50 * time.Millisecond); leave() }()
	if gone, err := client.Do(r); err == nil {
		_ = gone.Body.Close()
	}
	w.want(404, "GET", "/next")
}

// More calls than may wait are refused at once.
func TestTooMany(t *testing.T) {
	w := provided(t, "concurrency: 1, max_pending: 1")
	w.want(404, "GET", "/warm")
	var mu sync.Mutex
	got := map[int]int{}
	var crew sync.WaitGroup
	for range 6 {
		crew.Go(func() {
			a := w.ask("GET", "/slow", "")
			mu.Lock()
			defer mu.Unlock()
			got[a.status]++
		})
	}
	crew.Wait()
	if got[200] < 1 || got[503] < 1 || got[200]+got[503] != 6 {
		t.Errorf("got %v", got)
	}
}
