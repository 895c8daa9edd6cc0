//go:build soak

package test

// The soak's world: targets that can be killed, what they and the clients write down, and the clients.

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway"
)

type soak struct {
	gateway *gateway.Gateway
	at      string
	targets [2]*soakTarget
	ledger  soakLedger
	clients [soakClients]soakClient
	reloads int
	kills   []soakSpan

	asked, posts, refused, cut atomic.Int64

	mu       sync.Mutex
	failures []soakSpan // guarded by mu
}

// A soakSpan is a time in which something happened.
type soakSpan struct {
	what     string
	from, to time.Time
}

// reload puts one of two documents in service.
func (s *soak) reload(t *testing.T, n int) {
	connect, add := 2, ""
	if n%2 == 1 {
		connect, add = 3, ", policies: [{ headers: { request: { set: { x-document: two } } } }]"
	}
	doc := fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
upstreams: { u: { targets: ["http://%s", "http://%s"], timeouts: { connect: %ds } } }
routes: [{ match: "/{id}", upstream: u%s }]
`, s.targets[0].address, s.targets[1].address, connect, add)
	if err := s.gateway.LoadBytes("soak", []byte(doc)); err != nil {
		t.Error(err)
	}
	s.reloads++
}

func (s *soak) kill(b *soakTarget) {
	k := soakSpan{what: b.address, from: time.Now()}
	b.close()
	k.to = time.Now().Add(soakGrace)
	s.kills = append(s.kills, k)
}

// failed notes a request that did not succeed. Only so many are kept: a gateway that fails more has failed.
func (s *soak) failed(what string, from time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) < 10000 {
		s.failures = append(s.failures, soakSpan{what, from, time.Now()})
	}
}

// unexplained returns failures during which no target was killed, ten at most.
func (s *soak) unexplained() (late []soakSpan) {
	for _, f := range s.failures {
		explained := false
		for _, k := range s.kills {
			explained = explained || f.from.Before(k.to) && f.to.After(k.from)
		}
		if !explained && len(late) < 10 {
			late = append(late, f)
		}
	}
	return late
}

// A soakLedger is what targets did: a bit for each POST of each client.
type soakLedger struct {
	mu    sync.Mutex
	done  [soakClients][soakRequests / 64]uint64 // guarded by mu
	twice atomic.Int64
}

func (l *soakLedger) note(client, seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	word, bit := &l.done[client][seq/64], uint64(1)<<(seq%64)
	if *word&bit != 0 {
		l.twice.Add(1)
	}
	*word |= bit
}

// A soakTarget echoes ids and bodies.
type soakTarget struct {
	address string
	ledger  *soakLedger
	server  *http.Server // nil while killed
	serving sync.WaitGroup
}

func newSoakTarget(t *testing.T, l *soakLedger) *soakTarget {
	b := &soakTarget{address: "127.0.0.1:0", ledger: l}
	b.open(t)
	t.Cleanup(b.close)
	return b
}

// open starts the target unless it runs. Its port may be in use for a moment, as the near end of somebody's connection.
func (b *soakTarget) open(t *testing.T) {
	if b.server != nil {
		return
	}
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	var l net.Listener
	var err error
	for range 200 {
		if l, err = net.Listen("tcp", b.address); err == nil {
			break
		}
		<-every.C
	}
	if err != nil {
		t.Errorf("a target cannot come back: %v", err)
		return
	}
	b.address = l.Addr().String()
	server := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	b.server = server
	b.serving.Go(func() { _ = server.Serve(l) })
}

// close breaks all connections.
func (b *soakTarget) close() {
	if b.server == nil {
		return
	}
	_ = b.server.Close()
	b.serving.Wait()
	b.server = nil
}

func (b *soakTarget) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Soak")
	client, seq, ok := strings.Cut(id, ".")
	number, err := strconv.Atoi(client)
	n, err2 := strconv.Atoi(seq)
	if !ok || err != nil || err2 != nil || number < 0 || number >= soakClients || n < 0 || n >= soakRequests || r.URL.Path != "/"+id {
		http.Error(w, "no such request: "+id+" "+r.URL.Path, http.StatusTeapot)
		return
	}
	if r.Method == http.MethodPost {
		b.ledger.note(number, n)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Soak", id)
	if n%3 != 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(id)+len(body)))
	}
	_, _ = io.WriteString(w, id)
	if n%3 == 0 {
		_ = http.NewResponseController(w).Flush() // so the answer is in chunks
	}
	_, _ = w.Write(body)
}

// A soakClient asks one thing after the other.
type soakClient struct {
	number, seq int
	keep        bool
	conn        net.Conn
	read        *bufio.Reader
}

// run asks until ctx ends. An error is what no kill explains.
func (c *soakClient) run(ctx context.Context, s *soak) error {
	defer c.hangUp()
	every := time.NewTicker(soakPace)
	defer every.Stop()
	for c.seq < soakRequests-1 {
		if err := c.ask(s); err != nil {
			return err
		}
		c.seq++
		if !c.keep {
			c.hangUp()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
	return nil
}

func (c *soakClient) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask sends one request and judges the answer: it is that of the request, whole, or tells of a killed target.
func (c *soakClient) ask(s *soak) error {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", s.at, 10*time.Second)
		if err != nil {
			return err
		}
		c.conn, c.read = conn, bufio.NewReader(conn)
	}
	from := time.Now()
	_ = c.conn.SetDeadline(from.Add(20 * time.Second))
	id := fmt.Sprintf("%d.%d", c.number, c.seq)
	r, body := c.request(s, id)
	if err := r.Write(c.conn); err != nil {
		return fmt.Errorf("request %s: %w", id, err)
	}
	s.asked.Add(1)
	resp, err := http.ReadResponse(c.read, r)
	if err != nil {
		return fmt.Errorf("request %s has no answer: %w", id, err)
	}
	got, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusBadGateway && err == nil:
		s.refused.Add(1)
		s.failed("request "+id+": "+string(got), from)
	case resp.StatusCode != http.StatusOK || resp.Header.Get("X-Soak") != id:
		return fmt.Errorf("request %s has the answer %d for %q: %.300s", id, resp.StatusCode, resp.Header.Get("X-Soak"), got)
	case err != nil: // the target was killed while it answered
		s.cut.Add(1)
		s.failed("request "+id+": "+err.Error(), from)
		c.hangUp()
		return nil
	case string(got) != id+string(body):
		return fmt.Errorf("request %s: the answer is another one's, or not whole: %d bytes, want %d", id, len(got), len(id)+len(body))
	}
	if c.read.Buffered() > 0 {
		return fmt.Errorf("request %s has more than one answer", id)
	}
	if resp.Close {
		c.hangUp()
	}
	return nil
}

// request makes what is asked: every other one a POST, every other of those in chunks.
func (c *soakClient) request(s *soak, id string) (*http.Request, []byte) {
	var body []byte
	var r *http.Request
	if c.seq%2 == 0 {
		r, _ = http.NewRequest(http.MethodGet, "http://soak.test/"+id, nil)
	} else {
		s.posts.Add(1)
		body = bytes.Repeat([]byte(id+" "), 1+c.seq%7*c.seq%900)
		r, _ = http.NewRequest(http.MethodPost, "http://soak.test/"+id, bytes.NewReader(body))
		if c.seq%4 == 1 {
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = -1
		}
	}
	r.Header.Set("X-Soak", id)
	r.Close = !c.keep && c.seq%5 == 0 // else the client ends the connection untold
	return r, body
}
