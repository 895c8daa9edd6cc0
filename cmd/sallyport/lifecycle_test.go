package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sallyport/test/selfsigned"
)

// This file is a process's life as a whole: programs that take over from one another, systemd, tokens, the last good document.

// An installed program may be replaced while it runs.
type installed struct {
	t    *testing.T
	file string
	dir  string
	pid  string // file
}

// install puts the program, which is the test's binary, where it can be replaced.
func install(t *testing.T) *installed {
	t.Helper()
	dir := t.TempDir()
	i := &installed{t: t, file: filepath.Join(dir, "bin", "sallyport"), dir: dir, pid: filepath.Join(dir, "pid")}
	if err := os.Mkdir(filepath.Dir(i.file), 0o755); err != nil {
		t.Fatal(err)
	}
	i.replace()
	return i
}

// replace puts a fresh copy of the program in the place of the one there.
func (i *installed) replace() {
	i.t.Helper()
	b, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = i.put(b)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *installed) put(b []byte) error {
	if err := os.WriteFile(i.file+".new", b, 0o755); err != nil {
		return err
	}
	return os.Rename(i.file+".new", i.file)
}

// number is the process that the PID file tells of.
func (i *installed) number() int {
	i.t.Helper()
	b, err := os.ReadFile(i.pid)
	if err != nil {
		i.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		i.t.Fatal(err)
	}
	return n
}

// upgrade has the program that is installed take over, and waits until the one before is gone.
func (i *installed) upgrade() {
	i.t.Helper()
	before := i.number()
	if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
		i.t.Fatal(err)
	}
	i.await("another process", func() bool { return i.number() != before })
	i.await("the end of the one before", func() bool { return gone(before) })
}

func (i *installed) await(what string, reached func() bool) {
	i.t.Helper()
	for until := time.Now().Add(60 * time.Second); !reached(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(until) {
			i.t.Fatalf("%s: not within a minute", what)
		}
	}
}

// gone says whether a process has ended. The child of somebody who does not ask for it stays as a zombie.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

// port is an address that nobody has.
func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts the installed program and returns it with the addresses of its listener and its admin listener.
func (i *installed) run(more string, args ...string) (p *process, front, admin string) {
	i.t.Helper()
	front, admin = port(i.t), port(i.t)
	i.write(fmt.Sprintf("listeners: [%q]\nadmin: %q\nroutes:\n  - { match: /, respond: { body: hi } }\n%s", front, admin, more))
	p = startAt(i.t, i.file, append([]string{"run", "-c", i.document(), "--pid-file", i.pid}, args...)...)
	i.t.Cleanup(func() { i.end() })
	p.await("(msg=serving)")
	i.await("the PID file", func() bool { _, err := os.Stat(i.pid); return err == nil })
	return p, front, admin
}

func (i *installed) document() string { return filepath.Join(i.dir, "sallyport.yaml") }

func (i *installed) write(text string) {
	i.t.Helper()
	if err := os.WriteFile(i.document(), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// end ends whatever process is the gateway by now.
func (i *installed) end() {
	b, err := os.ReadFile(i.pid)
	if err != nil {
		return // it has ended, and removed its file
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && n > 1 {
		_ = syscall.Kill(n, syscall.SIGTERM)
		i.await("the end", func() bool { return gone(n) })
	}
}

// times is how often something is done: a few times, or as often as the issue asks for with SOAK.
func times(short, long int) int {
	if os.Getenv("SOAK") != "" {
		return long
	}
	return short
}

// A program replaced again and again under load: no request fails, no connection is refused.
func TestUpgradeUnderLoad(t *testing.T) {
	i := install(t)
	_, front, _ := i.run("")
	var stop atomic.Bool
	var asked atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	defer stop.Store(true)
	for n := range 8 {
		all.Go(func() {
			if err := load(front, n%2 == 0, &stop, &asked); err != nil {
				t.Errorf("client %d, keep-alive %v, after %d requests of all: %v", n, n%2 == 0, asked.Load(), err)
			}
		})
	}
	first := i.number()
	for range times(3, 20) {
		for before := asked.Load(); asked.Load() < before+50 && !t.Failed(); {
			<-time.After(time.Millisecond)
		}
		i.replace()
		i.upgrade()
	}
	stop.Store(true)
	all.Wait()
	t.Logf("%d requests, from process %d to %d", asked.Load(), first, i.number())
}

// The same for clients that speak TLS and HTTP/2, with one connection for many requests at once.
func TestUpgradeUnderLoadHTTP2(t *testing.T) {
	i := install(t)
	certificate, key, err := selfsigned.PEM(24*time.Hour, "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cert.pem": certificate, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(i.dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secure := port(t)
	_, front, admin := i.run("")
	i.write(fmt.Sprintf("listeners:\n  - { address: %q, protocols: [h1, h2c] }\n  - { address: %q, tls: { certificates: [{ cert_file: %q, key_file: %q }] } }\nadmin: %q\nroutes:\n  - { match: /, respond: { body: hi } }\n",
		front, secure, filepath.Join(i.dir, "cert.pem"), filepath.Join(i.dir, "key.pem"), admin))
	if code, out := line("reload", "-c", i.document()); code != 0 {
		t.Fatal(out)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	trust := &tls.Config{RootCAs: pool, ServerName: "api.example.com"}
	h2c, h2, h1 := new(http.Protocols), new(http.Protocols), new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	h2.SetHTTP2(true)
	h1.SetHTTP1(true)
	var stop atomic.Bool
	var asked atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	defer stop.Store(true)
	for name, c := range map[string]struct {
		url       string
		transport *http.Transport
	}{
		"h2c":    {"http://" + front, &http.Transport{Protocols: h2c}},
		"h2":     {"https://" + secure, &http.Transport{Protocols: h2, TLSClientConfig: trust.Clone()}},
		"h1 TLS": {"https://" + secure, &http.Transport{Protocols: h1, TLSClientConfig: trust.Clone(), DisableKeepAlives: true}},
	} {
		client := &http.Client{Transport: c.transport, Timeout: 20 * time.Second}
		for range 4 {
			all.Go(func() {
				defer c.transport.CloseIdleConnections()
				for n := 0; !stop.Load(); n++ {
					resp, err := client.Get(c.url + "/")
					if err != nil {
						t.Errorf("%s, request %d: %v", name, n, err)
						return
					}
					if body := bodyOf(resp); body != "hi" || resp.StatusCode != 200 {
						t.Errorf("%s, request %d: got %d %q", name, n, resp.StatusCode, body)
						return
					}
					asked.Add(1)
					<-time.After(time.Millisecond)
				}
			})
		}
	}
	for range times(2, 20) {
		for before := asked.Load(); asked.Load() < before+100 && !t.Failed(); {
			<-time.After(time.Millisecond)
		}
		i.upgrade()
	}
	stop.Store(true)
	all.Wait()
	t.Logf("%d requests", asked.Load())
}

// load asks until stop, on one connection or on a new one each time. A connection is left when an answer says so.
func load(at string, keep bool, stop *atomic.Bool, asked *atomic.Int64) error {
	var c net.Conn
	var r *bufio.Reader
	for !stop.Load() {
		if c == nil {
			var err error
			if c, err = net.DialTimeout("tcp", at, 10*time.Second); err != nil {
				return err
			}
			r = bufio.NewReader(c)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "hi" {
			return fmt.Errorf("got %q %w", body, err)
		}
		asked.Add(1)
		if resp.Close || !keep {
			_ = c.Close()
			c = nil
		}
		<-time.After(time.Millisecond)
	}
	if c != nil {
		_ = c.Close()
	}
	return nil
}

// What is under way ends in the process that it began in, while the next one serves.
func TestUpgradeKeepsWhatIsUnderWay(t *testing.T) {
	i := install(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, front, admin := i.run("  - { match: /slow, upstream: a }\nupstreams: { a: { targets: [\"http://" + l.Addr().String() + "\"] } }\n")
	answer := make(chan string, 1)
	go func() { answer <- get(t, "http://"+front+"/slow") }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := i.number()
	if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.await("(handed over)")
	i.await("another process", func() bool { return i.number() != before })
	for range 20 { // from now on only the new one answers
		if got := get(t, "http://"+admin+"/ready"); got != "ready\n" {
			t.Fatalf("got %q", got)
		}
	}
	if gone(before) {
		t.Error("the old process is gone although a request is under way")
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "ok" {
		t.Errorf("got %q", got)
	}
	i.await("the end of the one before", func() bool { return gone(before) })
}
