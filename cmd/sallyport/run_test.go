package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/gateway"
)

// TestRun starts the program, asks it things on all its doors, reloads it, and stops it.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sallyport.yaml")
	write(t, file, "one")
	p := start(t, "run", "-c", file)
	admin := "http://" + p.await(`admin listener.* address="?([0-9.:]+)`)
	var status gateway.Status
	if err := json.Unmarshal([]byte(get(t, admin+"/api/status", runToken)), &status); err != nil || len(status.Listeners) != 1 || !status.Ready {
		t.Fatalf("%v: %+v", err, status)
	}
	front := "http://" + status.Listeners[0].Bound
	if got := get(t, front+"/x"); got != "one" {
		t.Errorf("got %q", got)
	}
	const counted = `sallyport_requests_total{api="default",method="GET",route="/{rest...}",status="200"} 1`
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(get(t, admin+"/metrics"), counted); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) { // it counts when its last byte is gone, a moment after the client has it
			t.Fatalf("the request is not counted in\n%s", get(t, admin+"/metrics"))
		}
	}

	write(t, file, "broken: [")
	p.signal(syscall.SIGHUP)
	p.await("(the new configuration is refused)")
	if got := get(t, front+"/x"); got != "one" {
		t.Errorf("after a bad document: %q", got)
	}
	write(t, file, "two")
	p.signal(syscall.SIGHUP)
	for deadline := time.Now().Add(10 * time.Second); get(t, front+"/x") != "two"; {
		if time.Now().After(deadline) {
			t.Fatal("the new document is not served")
		}
	}

	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, p.log.String())
	}
	if !strings.Contains(p.out.String(), `"path":"/x"`) {
		t.Errorf("no access log on standard output: %s", p.out.String())
	}
}

func write(t *testing.T, file, body string) {
	t.Helper()
	text := "listeners: [{ address: \"127.0.0.1:0\" }]\nadmin: { address: \"127.0.0.1:0\", tokens: [{ name: test, role: admin, value: " + runToken + " }] }\n" +
		"routes: [{ match: \"/{rest...}\", respond: { body: \"" + body + "\" } }]\n"
	if strings.HasPrefix(body, "broken") {
		text = body
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runToken lets the tests in by the admin listener.
const runToken = "run-token-0123456789"

func get(t *testing.T, url string, token ...string) string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range token {
		r.Header.Set("Authorization", "Bearer "+text)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A process is a running program.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   bytes.Buffer
	lines chan string // of standard error
	log   strings.Builder
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startAt(t, os.Args[0], args...)
}

// startAt starts the copy of the program in a file.
func startAt(t *testing.T, file string, args ...string) *process {
	t.Helper()
	c := exec.CommandContext(t.Context(), file, args...)
	c.Env = append(os.Environ(), asMain+"=1")
	return begin(t, c)
}

// begin starts a command that becomes the program.
func begin(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: c, lines: make(chan string, 1000)}
	p.cmd.Stdout = &p.out
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(pipe); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	return p
}

// await reads the log up to a line that matches and returns what is in its parentheses.
func (p *process) await(pattern string) string {
	p.t.Helper()
	re, timeout := regexp.MustCompile(pattern), time.After(20*time.Second)
	for {
		select {
		case line, more := <-p.lines:
			p.log.WriteString(line + "\n")
			if m := re.FindStringSubmatch(line); m != nil {
				return m[1]
			}
			if !more {
				p.t.Fatalf("it ended without %s in its log:\n%s", pattern, p.log.String())
			}
		case <-timeout:
			p.t.Fatalf("no %s in its log:\n%s", pattern, p.log.String())
		}
	}
}

// drain reads the log to its end, which is when the channel is closed.
func (p *process) drain() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for line := range p.lines {
			p.log.WriteString(line + "\n")
		}
	}()
	return ended
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}
