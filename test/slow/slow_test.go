//go:build !race && !poison

// Package slow measures what slow clients cost: a gateway in a process of its own, whose memory is looked at from outside while
// thousands send their heads and bodies a byte at a time, or read nothing of what they asked for.
package slow

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/test/selfsigned"
)

// child is the variable in which the process that is measured finds its document.
const child = "SALLYPORT_SLOW"

func TestMain(m *testing.M) {
	if document := os.Getenv(child); document != "" {
		serve(document)
		return
	}
	os.Exit(m.Run())
}

// serve is the process that is measured. It tells its address, and, for each line that it is sent, its memory in KiB, with no garbage in it,
// and its connections.
func serve(document string) {
	g := gateway.New(gateway.Options{Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	if err := g.Load(document); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g.Addresses()[0])
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory()
		debug.FreeOSMemory()
		var pages int
		b, _ := os.ReadFile("/proc/self/statm")
		_, _ = fmt.Sscan(strings.Fields(string(b))[1], &pages)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(pages*os.Getpagesize()>>10, m.StackInuse>>10, m.HeapAlloc>>10, g.Status().Requests.Connections)
	}
	g.Close()
}

// A measured is that process, seen from here.
type measured struct {
	at  string
	in  io.Writer
	out *bufio.Reader
}

func start(t *testing.T, document string) *measured {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+document)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	p := &measured{in: in, out: bufio.NewReader(out)}
	if _, err := fmt.Fscanln(p.out, &p.at); err != nil {
		t.Fatal(err)
	}
	return p
}

// A sight is what was seen of it, in KiB.
type sight struct{ resident, stacks, heap, connections int }

func (p *measured) look(t *testing.T) (s sight) {
	t.Helper()
	_, _ = io.WriteString(p.in, "\n")
	if _, err := fmt.Fscanln(p.out, &s.resident, &s.stacks, &s.heap, &s.connections); err != nil {
		t.Fatal(err)
	}
	return s
}

// target is a service that takes whatever bodies come, and has an endless answer.
func target(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 4<<10)
				n, _ := c.Read(b)
				if strings.HasPrefix(string(b[:n]), "GET /small") {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
					return
				}
				if strings.HasPrefix(string(b[:n]), "GET ") {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
					for err == nil {
						_, err = c.Write(b)
					}
				}
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	return l.Addr().String()
}

// kinds are what a slow client begins with, and what it goes on with, a byte at a time.
var kinds = map[string]struct{ begin, drip string }{
	"head": {"GET /small HTTP/1.1\r\nHost: a\r\nX-Slow: ", "x"},
	"body": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nx", "x"},
	"read": {"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", ""},
}

// dialer makes connections that take little at a time.
var dialer = net.Dialer{Timeout: 30 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 32<<10) })
}}

// A crowd is many slow clients of one kind.
type crowd struct {
	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

// come brings n clients in.
func (w *crowd) come(t *testing.T, at, begin string, n int, config *tls.Config) {
	t.Helper()
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for range (n + i) / 8 {
				c, err := dialer.DialContext(context.Background(), "tcp", at)
				if err == nil && config != nil {
					c = tls.Client(c, config)
				}
				if err == nil {
					_, err = io.WriteString(c, begin)
				}
				if err != nil {
					t.Error(err)
					return
				}
				w.mu.Lock()
				w.conns = append(w.conns, c)
				w.mu.Unlock()
			}
		})
	}
	work.Wait()
}

// measure returns what each of n slow clients of a kind costs, in KiB, when they have patience each. All of them have to be gone when
// that is over.
func measure(t *testing.T, kind string, secure bool, n int, patience time.Duration) float64 {
	t.Helper()
	dir := t.TempDir()
	listener, config := `{ address: "127.0.0.1:0" }`, (*tls.Config)(nil)
	if secure {
		cert, key, err := selfsigned.PEM(time.Hour, "gateway.test")
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		listener = `{ address: "127.0.0.1:0", tls: { certificates: [{ cert_file: tls.crt, key_file: tls.key }] } }`
		config = &tls.Config{InsecureSkipVerify: true, SessionTicketsDisabled: true}
	}
	document := filepath.Join(dir, "sallyport.yaml")
	text := fmt.Sprintf(`listeners: [%s]
admin: { address: off }
telemetry: { access_log: { path: off } }
limits: { connections: 1000000, header_time: %[2]s, body_idle: %[2]s, write_idle: %[2]s }
upstreams: { a: { targets: ["http://%[3]s"], max_connections: 30000, timeouts: { response_header: 1h } } }
routes: [{ match: "/{path...}", upstream: a }]
`, listener, patience, target(t))
	if err := os.WriteFile(document, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, document)
	w := &crowd{}
	w.come(t, p.at, "GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 100, config)
	for _, c := range w.conns {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	w.conns = nil
	before := p.look(t)
	for i := 0; before.connections > 0 && i < 50; i++ {
		time.Sleep(100 * time.Millisecond)
		before = p.look(t)
	}
	calm := quick(t, p.at, config)
	begun := time.Now()
	w.come(t, p.at, kinds[kind].begin, n, config)
	came := time.Now()
	defer func() {
		for _, c := range w.conns {
			_ = c.Close()
		}
	}()
	drip := func() {
		for _, c := range w.conns {
			if kinds[kind].drip != "" {
				_ = c.SetWriteDeadline(time.Now().Add(time.Second))
				_, _ = io.WriteString(c, kinds[kind].drip)
			}
		}
	}
	for time.Since(came) < 3*time.Second {
		drip()
		time.Sleep(time.Second)
	}
	crowded := quick(t, p.at, config)
	t.Logf("others: p99 %v without them, %v with them", calm, crowded)
	if n >= 1000 && crowded > 2*calm+time.Millisecond { // of fewer nobody would see it, and this is no place for what a busy machine does
		t.Errorf("others wait %v at their 99th percentile, %v without slow clients", crowded, calm)
	}
	after := p.look(t)
	there := after.connections
	if took := time.Since(begun); there < n && took < patience {
		t.Errorf("%d of %d are left after %v", there, n, took)
	} else if took >= patience {
		t.Skipf("it took %v until all had come, in which the first have to be gone", took)
	}
	// As long as the kernel takes a little more of an answer now and then, that counts as progress.
	for late := came.Add(4*patience + 5*time.Second); there > 0 && time.Now().Before(late); {
		drip()
		time.Sleep(time.Second)
		there = p.look(t).connections
	}
	if there > 0 {
		t.Errorf("%d of %d are still there after %v", there, n, time.Since(came))
	}
	of := func(after, before int) float64 { return float64(after-before) / float64(n) }
	each := of(after.resident, before.resident)
	t.Logf("%d clients, %.1f KiB each, of which %.1f for stacks and %.1f for objects", n, each, of(after.stacks, before.stacks), of(after.heap, before.heap))
	return each
}

// quick is the 99th percentile of how long a client that is not slow waits for its answers.
func quick(t *testing.T, at string, config *tls.Config) time.Duration {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err == nil && config != nil {
		c = tls.Client(c, config)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const requests = 1000
	took, r := make([]time.Duration, 0, requests), bufio.NewReader(c)
	for range requests {
		begun := time.Now()
		_, _ = io.WriteString(c, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[requests*99/100]
}

// most is what a slow client may cost, in KiB. TLS costs what crypto/tls keeps of a connection, and of an answer that nobody reads what is
// sealed already.
var most = map[string]float64{"plain head": 12, "plain body": 28, "plain read": 28, "tls head": 32, "tls body": 50, "tls read": 90}

// It runs with the tests of allocations, for which there is no race detector.
func TestAllocOfSlowClients(t *testing.T) { compare(t, 300, 12*time.Second) }

func compare(t *testing.T, n int, patience time.Duration) {
	for name, limit := range most {
		t.Run(name, func(t *testing.T) {
			if n < 1000 {
				t.Parallel()
			}
			scheme, kind, _ := strings.Cut(name, " ")
			each := measure(t, kind, scheme == "tls", n, patience)
			if each > limit {
				t.Errorf("each costs %.1f KiB, want at most %.0f", each, limit)
			}
		})
	}
}
