package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A ledger is a server that notes which bodies it got, by the request's number. It takes a while, and never has more than a
// number of requests.
type ledger struct {
	address string
	busy    atomic.Int64
	most    atomic.Int64
	mu      sync.Mutex     // guards got and wrong
	got     map[string]int // times, by number
	wrong   []string
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{got: map[string]int{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: l}
	var serve sync.WaitGroup
	serve.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() { _ = s.Close(); serve.Wait() })
	l.address = "http://" + listener.Addr().String()
	return l
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := l.busy.Add(1)
	defer l.busy.Add(-1)
	for most := l.most.Load(); n > most && !l.most.CompareAndSwap(most, n); most = l.most.Load() {
	}
	body, err := io.ReadAll(r.Body)
	number := r.Header.Get("X-Number")
	l.mu.Lock()
	if err == nil {
		l.got[number]++
		if string(body) != bodyOf(number) || r.URL.Path != "/" {
			l.wrong = append(l.wrong, fmt.Sprintf("%s %s with %d bytes, %.20q", r.Method, number, len(body), body))
		}
	}
	l.mu.Unlock()
	time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	_, _ = io.WriteString(w, bodyOf(number))
}

// bodyOf is the body of a request, of a length that follows from its number: from nothing to more than is copied.
func bodyOf(number string) string {
	n := 0
	_, _ = fmt.Sscan(number, &n)
	return strings.Repeat(number+".", n*37%3000)
}

// Clients that come and go, wait, are delayed and broken off, under documents that change all the while: in the end nobody is under
// way, the service never had more than the largest limit, and copies are copies, of requests that were made, once each.
func TestProtectionStorm(t *testing.T) {
	service, shadow := newLedger(t), newLedger(t)
	doc := func(n int) string {
		return fmt.Sprintf(`
listeners: ["127.0.0.1:0"]
upstreams:
  service: { targets: [%q], retry: { attempts: 1, on: [] } }
  shadow: { targets: [%q], retry: { attempts: 1, on: [] } }
routes:
  - match: /
    policies:
      - load_shed: { inflight: 60, latency: none, memory: 100%% }
      - fault: { delay: { for: 1ms, up_to: 3ms, percent: 10%% }, abort: { reset: true, percent: 2%% } }
      - concurrency: %s
    upstream: service
    mirror: { upstream: shadow, percent: 50%%, max_body: 4KiB, max_inflight: 8, timeout: 1s }
`, service.address, shadow.address, []string{
			"{ max: 5, queue: { size: 10, max_wait: 5ms } }", "{ max: 8 }", "{ max: 2, queue: { size: 100, max_wait: 20ms } }", "{ adaptive: true, max: 8, min: 2 }",
		}[n%4])
	}
	g := start(t, doc(0), Options{})
	at := g.Addresses()[0]
	var stop atomic.Bool
	var numbers, answered, refused atomic.Int64
	var load sync.WaitGroup
	for range 32 {
		load.Go(func() {
			for !stop.Load() {
				switch roam(t, at, &numbers) {
				case 200:
					answered.Add(1)
				case 503:
					refused.Add(1)
				}
			}
		})
	}
	for n := range 30 {
		time.Sleep(20 * time.Millisecond)
		if err := g.LoadBytes("c", []byte(doc(n))); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	load.Wait()
	until := time.Now().Add(5 * time.Second)
	for g.metrics.Inflight.Value() > 0 && time.Now().Before(until) {
		time.Sleep(time.Millisecond)
	}
	for _, c := range g.state.Crowds() {
		if c.Busy != 0 || c.Waiting != 0 {
			t.Errorf("%+v after all have ended", c)
		}
	}
	g.Close() // waits for copies
	// A client that goes away ends its call, but the service may still be at it.
	t.Logf("%d requests, %d answered, %d refused; the service had %d at once, the shadow %d", numbers.Load(), answered.Load(), refused.Load(), service.most.Load(), shadow.most.Load())
	service.mu.Lock()
	defer service.mu.Unlock()
	shadow.mu.Lock()
	defer shadow.mu.Unlock()
	if len(service.wrong)+len(shadow.wrong) > 0 {
		t.Errorf("other bodies than were sent: %q %q", service.wrong, shadow.wrong)
	}
	for number, times := range shadow.got {
		if times > 1 {
			t.Errorf("%s was copied %d times", number, times)
		}
	}
	if len(shadow.got) == 0 || answered.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d copies, %d answers, %d refusals: something was not tried", len(shadow.got), answered.Load(), refused.Load())
	}
}

// roam makes one to three requests on a connection, and goes away early now and then. It returns the last status, 0 for none.
func roam(t *testing.T, at string, numbers *atomic.Int64) (status int) {
	c, err := net.DialTimeout("tcp", at, 5*time.Second)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for range 1 + rand.IntN(3) {
		number := fmt.Sprint(numbers.Add(1))
		body := bodyOf(number)
		var b bytes.Buffer
		fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: a\r\nX-Number: %s\r\nContent-Length: %d\r\n\r\n%s", number, len(body), body)
		cut := b.Len()
		if rand.IntN(8) == 0 {
			cut = rand.IntN(b.Len()) // with the rest later, or never
		}
		if _, err := c.Write(b.Bytes()[:cut]); err != nil {
			return 0
		}
		if rand.IntN(10) == 0 {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			return 0
		}
		if _, err := c.Write(b.Bytes()[cut:]); err != nil {
			return 0
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0 // broken off on purpose
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("request %s: %v", number, err)
			return 0
		}
		if resp.StatusCode == 200 && string(got) != body {
			t.Errorf("request %s was answered with %.20q", number, got)
		}
		status = resp.StatusCode
	}
	return status
}
