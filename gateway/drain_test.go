package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A slowWorld is a target whose answers wait until they are released: plain ones, streams of events, and tunnels that send back what
// comes.
type slowWorld struct {
	address string
	arrived atomic.Int64
	release chan struct{}
	cut     atomic.Int64 // tunnels that did not end in order
	ended   atomic.Int64 // tunnels that did
	echoed  atomic.Int64 // bytes in tunnels
}

func newSlowWorld(t *testing.T) *slowWorld {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &slowWorld{address: l.Addr().String(), release: make(chan struct{})}
	s := &http.Server{Handler: w}
	var serve sync.WaitGroup
	serve.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); serve.Wait() })
	return w
}

func (w *slowWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/slow":
		w.arrived.Add(1)
		<-w.release
		_, _ = io.WriteString(rw, strings.Repeat("whole ", 1000))
	case "/events":
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: 1\n\n")
		_ = http.NewResponseController(rw).Flush()
		w.arrived.Add(1)
		<-w.release
		_, _ = io.WriteString(rw, "data: end\n\n")
	case "/tunnel":
		c, buf, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		w.arrived.Add(1)
		n, err := io.Copy(c, buf)
		w.echoed.Add(n)
		if err != nil {
			w.cut.Add(1)
			return
		}
		w.ended.Add(1)
	}
}

// waitFor waits for so many requests to be under way.
func (w *slowWorld) waitFor(t *testing.T, n int64) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); w.arrived.Load() < n; <-time.After(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d requests are under way, want %d", w.arrived.Load(), n)
		}
	}
}

// openTunnel switches protocols.
func openTunnel(at string) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", at)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(c)
	_, err = io.WriteString(c, "GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if err == nil {
		var resp *http.Response
		if resp, err = http.ReadResponse(r, nil); err == nil && resp.StatusCode != 101 {
			err = fmt.Errorf("the tunnel: got %d", resp.StatusCode)
		}
	}
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return c, r, nil
}

func says(c net.Conn, r *bufio.Reader, text string) error {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
		return fmt.Errorf("the tunnel: got %q %w", got, err)
	}
	return nil
}

// SIGTERM with a thousand requests, streams and tunnels under way: not one is cut, nobody is let in, and the process ends well.
func TestDrainCutsNothing(t *testing.T) {
	plain, streams, tunnels := 1000, 50, 50
	if raceEnabled {
		plain = 200
	}
	w := newSlowWorld(t)
	p := newProcess(t, document(t, listen+"admin: off\nupstreams: { a: { targets: [\"http://"+w.address+"\"], max_connections: 5000 } }\nroutes: [{ match: \"/{any...}\", upstream: a }]\n"), Options{})
	var under sync.WaitGroup
	failed := make(chan error, plain+streams+tunnels)
	for range plain {
		under.Go(func() { failed <- wholeAnswer(p.at, "/slow", strings.Repeat("whole ", 1000)) })
	}
	for range streams {
		under.Go(func() { failed <- wholeAnswer(p.at, "/events", "data: 1\n\ndata: end\n\n") })
	}
	draining := make(chan struct{})
	for range tunnels {
		under.Go(func() { failed <- wholeTunnel(p.at, draining) })
	}
	w.waitFor(t, int64(plain+streams+tunnels))
	p.signals <- syscall.SIGTERM
	p.said(t, "stopping")
	for p.gateway.Ready() {
		<-time.After(time.Millisecond)
	}
	if st := p.gateway.Status(); !st.Draining || st.Ready {
		t.Errorf("while draining: got %+v", st)
	}
	close(draining)
	close(w.release)
	under.Wait()
	close(failed)
	cut := 0
	for err := range failed {
		if err != nil {
			t.Log(err)
			cut++
		}
	}
	if cut > 0 || w.cut.Load() > 0 {
		t.Errorf("%d of %d were cut, %d tunnels on the target's side", cut, plain+streams+tunnels, w.cut.Load())
	}
	if c, err := net.Dial("tcp", p.at); err == nil {
		_ = c.Close()
		t.Error("somebody is let in")
	}
	if err := <-p.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// wholeAnswer asks for path and says what is wrong with the answer.
func wholeAnswer(at, path, want string) error {
	c, err := net.Dial("tcp", at)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != want {
		return fmt.Errorf("%s: got %d, %d bytes, %w", path, resp.StatusCode, len(body), err)
	}
	return nil
}

// wholeTunnel is used before and while the gateway drains, and ended by the client.
func wholeTunnel(at string, draining <-chan struct{}) error {
	c, r, err := openTunnel(at)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := says(c, r, "before"); err != nil {
		return err
	}
	<-draining
	if err := says(c, r, "while it drains"); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end of a tunnel: got %w", err)
	}
	return nil
}

// A tunnel that nobody ends is ended in order on both sides when the time to drain is over.
func TestDrainEndsTunnels(t *testing.T) {
	w := newSlowWorld(t)
	p := newProcess(t, document(t, listen+"admin: off\ndrain: 300ms\nupstreams: { a: { targets: [\"http://"+w.address+"\"] } }\nroutes: [{ match: \"/{any...}\", upstream: a }]\n"), Options{})
	c, r, err := openTunnel(p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := says(c, r, "hello"); err != nil {
		t.Fatal(err)
	}
	p.signals <- syscall.SIGTERM
	begun := time.Now()
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the client's side: got %v, want the end", err)
	}
	if took := time.Since(begun); took < 250*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	for until := time.Now().Add(5 * time.Second); w.ended.Load()+w.cut.Load() == 0 && time.Now().Before(until); {
		<-time.After(time.Millisecond)
	}
	if w.cut.Load() > 0 || w.ended.Load() != 1 {
		t.Errorf("the target's side: %d ended, %d cut", w.ended.Load(), w.cut.Load())
	}
}

// A WebSocket that nobody ends is told on both sides that the gateway goes away, after all that was sent.
func TestDrainTellsWebSockets(t *testing.T) {
	w := newSlowWorld(t)
	p := newProcess(t, document(t, listen+"admin: off\ndrain: 300ms\nupstreams: { a: { targets: [\"http://"+w.address+"\"] } }\nroutes: [{ match: \"/{any...}\", upstream: a }]\n"), Options{})
	c, r, err := openTunnel(p.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := says(c, r, "\x81\x85\x00\x00\x00\x00hello"); err != nil {
		t.Fatal(err)
	}
	p.signals <- syscall.SIGTERM
	got, err := io.ReadAll(r)
	// What the target was told came back: it sends everything back.
	if err != nil || string(got) != "\x88\x02\x03\xe9" && string(got) != goodbye {
		t.Errorf("got %q %v", got, err)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	for until := time.Now().Add(5 * time.Second); w.ended.Load()+w.cut.Load() == 0 && time.Now().Before(until); {
		<-time.After(time.Millisecond)
	}
	if w.cut.Load() > 0 || w.echoed.Load() != int64(len("\x81\x85\x00\x00\x00\x00hello")+len(goodbye)) {
		t.Errorf("the target's side: %d cut, %d bytes came", w.cut.Load(), w.echoed.Load())
	}
}

// goodbye is what a target is told.
const goodbye = "\x88\x82\x00\x00\x00\x00\x03\xe9"

// Clients that ask all the time on connections that stay lose nothing when the gateway stops: each is told that its connection
// ends, with an answer.
func TestDrainTellsIdleClients(t *testing.T) {
	p := newProcess(t, document(t, listen+"admin: off\nroutes: [{ match: /, respond: { body: hi } }]\n"), Options{})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			c, err := net.Dial("tcp", p.at)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for n := 0; ; n++ {
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Errorf("client %d, request %d: %v", i, n, err)
					return
				}
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Errorf("client %d, request %d: %v", i, n, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if resp.Close {
					return
				}
				<-time.After(time.Duration(i) * 10 * time.Millisecond)
			}
		})
	}
	<-time.After(300 * time.Millisecond)
	p.signals <- syscall.SIGTERM
	all.Wait()
	if err := <-p.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
