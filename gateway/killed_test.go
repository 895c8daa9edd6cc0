package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A mortal is a target on loopback that can be killed: from one moment to the next nobody listens, and all its connections break,
// also those on which an answer is being made.
type mortal struct {
	l     net.Listener
	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu; nil once it is dead
	serve sync.WaitGroup
}

func newMortal(t *testing.T) *mortal {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{l: l, conns: map[net.Conn]struct{}{}}
	m.serve.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			m.serve.Go(func() { m.talk(c) })
		}
	})
	t.Cleanup(func() { m.kill(); m.serve.Wait() })
	return m
}

func (m *mortal) talk(c net.Conn) {
	defer c.Close()
	m.mu.Lock()
	if m.conns == nil {
		m.mu.Unlock()
		return
	}
	m.conns[c] = struct{}{}
	m.mu.Unlock()
	buf := make([]byte, 16<<10)
	for {
		n, err := c.Read(buf)
		if err != nil || !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
			return
		}
		time.Sleep(2 * time.Millisecond) // so that there is always something under way
		if _, err := c.Write([]byte(hello)); err != nil {
			return
		}
	}
}

// kill ends m the way that the kernel ends a process: some of its connections are reset, others closed.
func (m *mortal) kill() {
	m.mu.Lock()
	conns := m.conns
	m.conns = nil
	m.mu.Unlock()
	_ = m.l.Close()
	i := 0
	for c := range conns {
		if i++; i%2 == 0 {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		_ = c.Close()
	}
}

// One of three targets is killed under load, twice, with default settings: no client notices. When the last is dead, clients are told so
// at once.
func TestKilledTargets(t *testing.T) {
	targets := []*mortal{newMortal(t), newMortal(t), newMortal(t)}
	urls := ""
	for _, m := range targets {
		urls += fmt.Sprintf("http://%s, ", m.l.Addr())
	}
	g := start(t, fmt.Sprintf("%supstreams: { a: { targets: [%s] } }\nroutes: [{ match: /, upstream: a }]\n", listen, urls), Options{})
	var asked, failed atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 16 {
		clients.Go(func() {
			c, err := net.Dial("tcp", g.Addresses()[0])
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				if resp, body := talk(t, c, r, get("/")); resp.StatusCode != http.StatusOK || body != "hello" {
					failed.Add(1)
				}
			}
		})
	}
	for _, m := range targets[:2] {
		time.Sleep(time.Second / 2)
		m.kill()
	}
	time.Sleep(time.Second / 2)
	close(stop)
	clients.Wait()
	if failed.Load() > 0 || asked.Load() < 100 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
	t.Logf("%d requests", asked.Load())

	targets[2].kill()
	for range 3 {
		ask(t, g.Addresses()[0], get("/")) // finds out
	}
	for range 10 {
		begin := time.Now()
		resp, _ := ask(t, g.Addresses()[0], get("/"))
		if took := time.Since(begin); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || took > 100*time.Millisecond {
			t.Errorf("status %d after %v", resp.StatusCode, took)
		}
	}
}
