package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/test/leak"
)

// TestMain is also the target's process: what is to be killed has to be one.
func TestMain(m *testing.M) {
	if os.Getenv("FAULTS_TARGET") != "" {
		beTarget()
		return
	}
	leak.Main(m)
}

// beTarget answers until standard input ends: /ID tells the id back. Its standard output gets its address, then a line for each request.
func beTarget() {
	l, err := net.Listen("tcp", os.Getenv("FAULTS_TARGET"))
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = http.Serve(l, http.HandlerFunc(answer))
}

// answer is what targets answer: the path, after ?delay, as ?size bytes.
func answer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	fmt.Println(r.Method, r.URL.Path)
	_, _ = io.Copy(io.Discard, r.Body)
	if d, err := time.ParseDuration(q.Get("delay")); err == nil {
		time.Sleep(d)
	}
	if status, err := strconv.Atoi(q.Get("status")); err == nil {
		w.WriteHeader(status)
	}
	body := []byte(r.URL.Path)
	if size, err := strconv.Atoi(q.Get("size")); err == nil {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		body = bytes.Repeat([]byte("x"), size)
	}
	_, _ = w.Write(body)
}

// A process is a target that can be killed.
type process struct {
	address string
	cmd     *exec.Cmd
	in      io.Closer
	reading sync.WaitGroup

	mu   sync.Mutex
	seen map[string]int // requests, as "GET /7"; guarded by mu
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{address: "127.0.0.1:0", seen: map[string]int{}}
	p.start(t)
	t.Cleanup(p.kill)
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), "FAULTS_TARGET="+p.address)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan string)
	p.reading.Go(func() { p.read(out, first) })
	if p.address = <-first; p.address == "" || strings.HasPrefix(p.address, "error") {
		t.Fatalf("a target does not start: %s", p.address)
	}
}

func (p *process) read(out io.Reader, first chan<- string) {
	var rest []byte
	told := false
	for b := make([]byte, 32<<10); ; {
		n, err := out.Read(b)
		rest = append(rest, b[:n]...)
		for {
			line, more, whole := bytes.Cut(rest, []byte("\n"))
			if !whole {
				break
			}
			rest = more
			if !told {
				first <- string(line)
				told = true
				continue
			}
			p.mu.Lock()
			p.seen[string(line)]++
			p.mu.Unlock()
		}
		if err != nil {
			if !told {
				close(first)
			}
			return
		}
	}
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.in.Close()
	p.reading.Wait()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// serve runs a gateway with the upstream and returns its URL.
func serve(t *testing.T, upstream string) string {
	t.Helper()
	g := gateway.New(gateway.Options{Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	doc := "listeners: ['127.0.0.1:0']\nupstreams: { u: " + upstream + " }\nroutes: [{ match: '/{rest...}', upstream: u }]\n"
	if err := g.LoadBytes("faults.yaml", []byte(doc)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return "http://" + g.Addresses()[0]
}

// A verdict is what became of a request.
type verdict struct {
	status  int
	problem string // its name, "" when it is no problem document
	body    string
	cut     bool // the answer was cut short, and the client can see that
	err     error
	took    time.Duration
}

func (v verdict) String() string {
	return fmt.Sprintf("%d %s, %d bytes, cut %v, error %v, after %v", v.status, v.problem, len(v.body), v.cut, v.err, v.took.Round(time.Millisecond))
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}, Timeout: 20 * time.Second}

func ask(method, url, body string) (v verdict) {
	var r *http.Request
	if body == "" {
		r, v.err = http.NewRequest(method, url, nil)
	} else {
		r, v.err = http.NewRequest(method, url, strings.NewReader(body))
	}
	if v.err != nil {
		return v
	}
	start := time.Now()
	defer func() { v.took = time.Since(start) }()
	resp, err := client.Do(r)
	if err != nil {
		v.err = err
		return v
	}
	defer resp.Body.Close()
	v.status = resp.StatusCode
	b, err := io.ReadAll(resp.Body)
	v.body, v.cut = string(b), err != nil
	if resp.Header.Get("Content-Type") == "application/problem+json" {
		var p struct {
			Type, Instance string
		}
		if err := json.Unmarshal(b, &p); err != nil || !strings.HasPrefix(p.Instance, "urn:uuid:") {
			v.err = fmt.Errorf("a problem without request id: %s", b)
		}
		v.problem = strings.TrimPrefix(p.Type, "urn:sallyport:problem:")
	}
	return v
}

func get(url string) verdict { return ask(http.MethodGet, url, "") }

// load asks url/N with each number of clients at once until ctx ends, at a bounded pace, and returns what became of each.
func load(ctx context.Context, method, url string, clients int) (all []verdict) {
	var mu sync.Mutex
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			every := time.NewTicker(3 * time.Millisecond)
			defer every.Stop()
			for n := 0; n < 20_000; n++ {
				path := fmt.Sprintf("/%d-%d", c, n)
				body := ""
				if method == http.MethodPost {
					body = path
				}
				v := ask(method, url+path+"?delay=10ms", body)
				if v.status == http.StatusOK && v.body != path {
					v.err = fmt.Errorf("the answer to %s is %q", path, v.body)
				}
				mu.Lock()
				all = append(all, v)
				mu.Unlock()
				select {
				case <-ctx.Done():
					return
				case <-every.C:
				}
			}
		})
	}
	work.Wait()
	return all
}

// count counts verdicts by status, with 0 for those without an answer.
func count(all []verdict) map[int]int {
	n := map[int]int{}
	for _, v := range all {
		if v.err != nil {
			n[0]++
		} else {
			n[v.status]++
		}
	}
	return n
}

// proxied puts a proxy in front of a target.
func proxied(t *testing.T, target string) *Proxy {
	t.Helper()
	p, err := NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// A server is a target in this process, for what needs no killing.
type server struct {
	address string
	seen    func() int
}

func newServer(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		mu.Unlock()
		h(w, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
		client.CloseIdleConnections()
	})
	return &server{l.Addr().String(), func() int { mu.Lock(); defer mu.Unlock(); return n }}
}

// echo answers with the path.
func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, r.URL.Path)
}
