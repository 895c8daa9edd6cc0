package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soakFor is how long a test of load takes: short, unless SOAK says longer.
func soakFor(t *testing.T, short time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return short
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatalf("SOAK is %q, want a time", text)
	}
	return min(max(d, short), time.Minute)
}

// A document of 5,000 routes replaced every second under load: no request fails, none is answered by a mix of two documents,
// open streams live on, and requests wait little longer than without.
func TestReloadManyRoutes(t *testing.T) {
	routes, short := 5000, 4*time.Second
	if testing.Short() || raceEnabled {
		routes = 500
	}
	echo, tunnels := newMirror(t), newSlowWorld(t)
	doc := func(n int) []byte {
		var b strings.Builder
		fmt.Fprintf(&b, "%supstreams: { a: { targets: [%q] }, b: { targets: [%q] } }\nroutes:\n", listen, "http://"+echo, "http://"+tunnels.address)
		fmt.Fprintf(&b, "  - { match: /tunnel, upstream: b }\n")
		fmt.Fprintf(&b, "  - { match: /answer, respond: { headers: { x-number: \"%d\" }, body: \"%d\" } }\n", n, n)
		fmt.Fprintf(&b, "  - { match: /stream, upstream: a }\n")
		fmt.Fprintf(&b, "  - match: /mirror\n    policies: [{ headers: { request: { set: { x-seen: \"%d\" } }, response: { set: { x-number: \"%d\" } } } }]\n    upstream: a\n", n, n)
		for i := range routes {
			fmt.Fprintf(&b, "  - match: GET /r%d/{id}/things\n    policies: [{ headers: { request: { set: { x-n: \"%d-%d\" } } } }]\n    upstream: a\n", i, i, n)
		}
		return []byte(b.String())
	}
	docs := [][]byte{doc(0), doc(1), doc(2), doc(3)}
	g := start(t, string(docs[0]), Options{})
	at := g.Addresses()[0]
	stream := openStream(t, at)
	tunnel, far, err := openTunnel(at)
	if err != nil {
		t.Fatal(err)
	}
	defer tunnel.Close()

	span := soakFor(t, short)
	quiet := newCrowdOfClients(at)
	quiet.run(t, max(span/4, time.Second), nil)
	busy := newCrowdOfClients(at)
	var reloads int
	var slowest time.Duration
	busy.run(t, span, func(stop <-chan struct{}) {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-every.C:
			}
			begun := time.Now()
			if err := g.LoadBytes("c", docs[n%len(docs)]); err != nil {
				t.Error(err)
			}
			slowest = max(slowest, time.Since(begun))
			reloads++
		}
	})
	stream.lives(t)
	if err := says(tunnel, far, "still here"); err != nil {
		t.Error(err)
	}
	before, after := quiet.p99(), busy.p99()
	t.Logf("%d requests, %d reloads of %d routes, the slowest took %v; p99 %v without, %v with reloads (%.1f times)",
		busy.asked.Load(), reloads, routes, slowest.Round(time.Millisecond), before, after, float64(after)/float64(before))
	if reloads == 0 || busy.asked.Load() < 100 {
		t.Error("there was too little of everything to show anything")
	}
}

// newMirror answers with what the gateway said of the document in the request, and with a stream of events at /stream.
func newMirror(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			_, _ = io.WriteString(w, r.Header.Get("X-Seen"))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(w, "data: %d\n\n", n); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-every.C:
			case <-quit:
				return
			}
		}
	})}
	var serve sync.WaitGroup
	serve.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { close(quit); _ = s.Close(); serve.Wait() })
	return l.Addr().String()
}

// A stream is an answer of events under way.
type stream struct {
	conn net.Conn
	next *bufio.Reader
	n    int
}

func openStream(t *testing.T, at string) *stream {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the stream: got %v %v", resp, err)
	}
	return &stream{conn: c, next: bufio.NewReader(resp.Body)}
}

// lives reads all that came, and that more comes.
func (s *stream) lives(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(300 * time.Millisecond); time.Now().Before(until); s.n++ {
		_ = s.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		line, err := s.next.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", s.n) {
			t.Errorf("the stream, event %d: got %q %v", s.n, line, err)
			return
		}
		if _, err := s.next.ReadString('\n'); err != nil {
			t.Errorf("the stream: %v", err)
			return
		}
	}
}

// A crowdOfClients asks at a steady pace, half of it on connections that stay.
type crowdOfClients struct {
	at    string
	asked atomic.Int64
	took  [8][]time.Duration
}

func newCrowdOfClients(at string) *crowdOfClients { return &crowdOfClients{at: at} }

// run has all of them ask for d, while meanwhile does something.
func (c *crowdOfClients) run(t *testing.T, d time.Duration, meanwhile func(stop <-chan struct{})) {
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range c.took {
		all.Go(func() {
			if err := c.client(i, stop); err != nil {
				t.Errorf("client %d, keep-alive %v: %v", i, i%2 == 0, err)
			}
		})
	}
	if meanwhile != nil {
		all.Go(func() { meanwhile(stop) })
	}
	<-time.After(d)
	close(stop)
	all.Wait()
}

func (c *crowdOfClients) client(i int, stop <-chan struct{}) error {
	h := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: i%2 == 1}}
	defer h.CloseIdleConnections()
	every := time.NewTicker(4 * time.Millisecond)
	defer every.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		case <-every.C:
		}
		begun := time.Now()
		resp, err := h.Get("http://" + c.at + []string{"/answer", "/mirror"}[n%2])
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if number := resp.Header.Get("X-Number"); err != nil || resp.StatusCode != 200 || number == "" || number != string(body) {
			return fmt.Errorf("got %d, number %q, body %q, %v", resp.StatusCode, number, body, err)
		}
		c.took[i] = append(c.took[i], time.Since(begun))
		c.asked.Add(1)
	}
}

func (c *crowdOfClients) p99() time.Duration {
	all := slices.Concat(c.took[:]...)
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)*99/100].Round(10 * time.Microsecond)
}
