package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A running is Run under way, with its log.
type running struct {
	at      string
	gateway *Gateway
	signals chan os.Signal
	ended   chan error
	lines   chan string // of the log
}

// newProcess runs the document at path.
func newProcess(t *testing.T, path string, o Options) *running {
	t.Helper()
	p := &running{signals: make(chan os.Signal, 2), ended: make(chan error, 1), lines: make(chan string, 1000)}
	serving := make(chan struct{})
	o.Stdout, o.Signals = io.Discard, p.signals
	o.Log = slog.New(slog.NewTextHandler(&lineWriter{out: p.lines}, nil))
	o.Serving = func(g *Gateway) {
		p.gateway, p.at = g, g.Addresses()[0]
		close(serving)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.ended <- Run(ctx, path, o) }()
	t.Cleanup(func() {
		cancel()
		if p.gateway != nil {
			p.gateway.Close()
		}
	})
	select {
	case <-serving:
	case err := <-p.ended:
		t.Fatal(err)
	}
	return p
}

// said waits for a line of the log.
func (p *running) said(t *testing.T, text string) string {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case line := <-p.lines:
			t.Log(line)
			if strings.Contains(line, text) {
				return line
			}
		case <-late:
			t.Fatalf("the log does not say %q", text)
		}
	}
}

type lineWriter struct {
	mu  sync.Mutex
	out chan<- string
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out <- string(bytes.TrimSpace(b))
	return len(b), nil
}

func document(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "gw.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A document that changes is read anew; a wrong one is refused loudly and told of in the status; the log says what
// changed. SIGHUP does the same at once.
func TestRunReloads(t *testing.T) {
	doc := func(routes string) string { return listen + "admin: off\nroutes:\n" + routes }
	path := document(t, doc("  - { match: /a, respond: { body: one } }\n  - { match: /b, respond: {} }\n"))
	p := newProcess(t, path, Options{})
	if err := os.WriteFile(path, []byte(doc("  - { match: /a, respond: { body: two } }\n  - { match: /c, respond: {} }\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	line := p.said(t, "configuration replaced")
	for _, want := range []string{"routes_added=/c", "routes_removed=/b", "routes_changed=/a", "number=2"} {
		if !strings.Contains(line, want) {
			t.Errorf("got %s, want %s in it", line, want)
		}
	}
	if err := os.WriteFile(path, []byte(doc("  - { match: /a }\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	p.said(t, "the new configuration is refused")
	if st := p.gateway.Status(); !st.Ready || len(st.Config.Errors) != 1 || !strings.Contains(st.Config.Errors[0], "no backend") {
		t.Errorf("status: got %+v", st.Config)
	}
	if _, body := ask(t, p.at, get("/a")); body != "two" {
		t.Errorf("after a wrong document: got %q", body)
	}
	p.signals <- syscall.SIGHUP
	p.said(t, "the new configuration is refused")
}

func TestRunRefuses(t *testing.T) {
	err := Run(context.Background(), document(t, "listeners: [x]\n"), Options{Log: silent, Stdout: io.Discard, Signals: make(chan os.Signal)})
	if err == nil || !strings.Contains(err.Error(), "listeners[0].address") {
		t.Errorf("got %v", err)
	}
}

// A second signal does not wait for anybody.
func TestRunStopsAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newProcess(t, document(t, listen+"admin: off\nupstreams: { a: { targets: [\"http://"+l.Addr().String()+"\"] } }\nroutes: [{ match: /, upstream: a }]\n"), Options{})
	c, err := net.Dial("tcp", p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	arrived, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer arrived.Close()
	p.signals <- syscall.SIGTERM
	p.said(t, "stopping")
	p.signals <- syscall.SIGTERM
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it is still there")
	}
}

// Draining lets what is under way end, tells the client that the connection ends, closes idle ones, lets nobody in, and
// is not ready meanwhile.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		slow, err := w.net.Listen("slow:80")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := slow.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_, _ = bufio.NewReader(c).ReadString('\n')
					time.Sleep(20 * time.Second)
					_, _ = io.WriteString(c, hello)
				}()
			}
		}()
		defer slow.Close()
		g := w.start(t, "listeners: [\":80\"]\nupstreams: { a: { targets: [http://slow] } }\nroutes: [{ match: /, upstream: a }, { match: /quick, respond: {} }]\n")
		idle, r := w.dial(t)
		talk(t, idle, r, get("/quick"))
		begun := time.Now()
		ended := make(chan bool, 1)
		answer := make(chan string, 1)
		c, r := w.dial(t)
		go func() {
			resp, body := talk(t, c, r, get("/"))
			answer <- fmt.Sprint(body, " ", resp.Close)
		}()
		synctest.Wait()
		if !g.Ready() {
			t.Error("not ready while serving")
		}
		go func() { ended <- g.Drain() }()
		synctest.Wait()
		if g.Ready() {
			t.Error("ready while draining")
		}
		if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("an idle connection: got %v", err)
		}
		if late, err := w.net.Dial(context.Background(), ":80"); err == nil {
			_ = late.Close()
			t.Error("somebody is let in")
		}
		if got := <-answer; got != "hello true" {
			t.Errorf("the request under way: got %q", got)
		}
		if !<-ended || time.Since(begun) > 25*time.Second {
			t.Errorf("drained after %v", time.Since(begun))
		}
	})
}

// What takes longer than drain is cut short.
func TestDrainEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		never, err := w.net.Listen("never:80")
		if err != nil {
			t.Fatal(err)
		}
		defer never.Close()
		g := w.start(t, "listeners: [\":80\"]\ndrain: 3s\nupstreams: { a: { targets: [http://never], timeouts: { response_header: 1h } } }\nroutes: [{ match: /, upstream: a }]\n")
		c, _ := w.dial(t)
		if _, err := io.WriteString(c, strings.ReplaceAll(get("/"), "\n", "\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begun := time.Now()
		if g.Drain() {
			t.Error("everything ended by itself")
		}
		if took := time.Since(begun); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
