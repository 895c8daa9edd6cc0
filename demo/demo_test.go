package demo

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/admin"
	"sallyport/gateway"
)

// What the demo tells people to try works as it says, line by line, in a shell with curl.
func TestTour(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "sed", "seq", "grep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s", tool)
		}
	}
	program := filepath.Join(t.TempDir(), "sallyport")
	if out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", program, "sallyport/cmd/sallyport").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := filepath.Join(t.TempDir(), "a world")
	out := &output{told: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended, signals := make(chan error, 1), make(chan os.Signal)
	go func() {
		ended <- Run(ctx, Options{Dir: dir, Out: out, Program: program, Gateway: gateway.Options{Log: slog.New(slog.DiscardHandler), Stdout: io.Discard, Signals: signals, Admin: admin.Open}})
	}()
	select {
	case <-out.told:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("the demo does not start")
	}
	want := []string{
		`"name":"Grace Hopper"`,
		`^(.*(orders-1\r\n.*orders-2|orders-2\r\n.*orders-1)\r\n){2}$`,
		`^HTTP/1.1 201 Created(.|\n)*"product":"tea","quantity":1`,
		`"id":1,"user":2,"product":"pot"`,
		`^HTTP/1.1 405 (.|\n)*Allow: GET, HEAD(.|\n)*urn:sallyport:problem:method_not_allowed`,
		`^200 200 200 200 200 429 429 \n$`,
		`^HTTP/1.1 401 (.|\n)*WWW-Authenticate: ApiKey(.|\n)*urn:sallyport:problem:missing_credentials`,
		`^(?s).*200 200 200 200 200 429 429 \n$`,
		`did you mean \\"users\\"\?(.|\n)*Ada Lovelace`,
		`^200 200 200 200 200 200 200 \n$`,
	}
	if hasPython() { // test/functions sees to it that it is there somewhere
		want = append(want, `^HTTP/1.1 201 (.|\n)*{"message": "Order created successfully."}{"user": {"id": "123", "name": "John Doe"}}$`)
	}
	signals <- syscall.SIGUSR2 // which a program takes over by; a demo stays
	commands := regexp.MustCompile(`(?m)^\d+\. .*\n   (.*)$`).FindAllStringSubmatch(out.String(), -1)
	if len(commands) != len(want) {
		t.Fatalf("%d things to try, want %d:\n%s", len(commands), len(want), out)
	}
	for i, c := range commands {
		got, err := exec.Command("sh", "-c", c[1]).CombinedOutput()
		if err != nil || !regexp.MustCompile(want[i]).Match(got) {
			t.Errorf("%s\n%s\n%v, want %s", c[1], got, err, want[i])
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "access.log")); err != nil || bytes.Count(log, []byte("\n")) < 20 {
		t.Errorf("the access log: %v, %s", err, log)
	}
}

// The function is that of the examples.
func TestFunction(t *testing.T) {
	if example, err := os.ReadFile("../examples/functions/orders/app.py"); err != nil || string(example) != function {
		t.Errorf("function.py is another than examples/functions/orders/app.py: %v", err)
	}
}

// A document that is there already is kept aside, and the demo ends when its time is over.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sallyport.yaml"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := &output{told: make(chan struct{})}
	err := Run(context.Background(), Options{Dir: dir, Out: out, ExitAfter: time.Millisecond,
		Gateway: gateway.Options{Log: slog.New(slog.DiscardHandler), Stdout: io.Discard, Signals: make(chan os.Signal)}})
	if err != nil {
		t.Fatal(err)
	}
	if old, err := os.ReadFile(filepath.Join(dir, "sallyport.yaml.old")); err != nil || string(old) != "mine" {
		t.Errorf("got %q, %v", old, err)
	}
	if !strings.Contains(out.String(), "sallyport.yaml.old") {
		t.Errorf("nobody is told:\n%s", out)
	}
}

// An output says when the tour was told.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	told chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.Contains(p, []byte("Stop with")) {
		defer close(o.told)
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
