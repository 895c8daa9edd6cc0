package h1

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire/memnet"
)

// A bubble is a relay in a bubble of time, with one client connected to it.
type bubble struct {
	client *memnet.Conn
	start  time.Time
}

// inBubble runs f with a relay whose target treats every connection as target says.
func inBubble(t *testing.T, limits Limits, target func(net.Conn), f func(b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		from, at := netip.MustParseAddrPort("203.0.113.9:1000"), netip.MustParseAddrPort("192.0.2.1:80")
		pool := NewPool(PoolOptions{Dial: func(time.Time) (net.Conn, error) {
			if target == nil {
				return nil, errors.New("refused")
			}
			near, far := memnet.Pipe(at, from)
			go target(far)
			return near, nil
		}})
		near, far := memnet.Pipe(from, at)
		if overTLS {
			back, plain := near, far
			near, far = memnet.Pipe(from, at)
			go veil(far, back)
			far = plain
		}
		s := &Server{Handler: &relay{pool: pool}, Limits: limits}
		go take(s, far)
		synctest.Wait()
		f(&bubble{near, time.Now()})
		_ = near.Close()
		if !s.Wait(time.Minute) {
			t.Error("the connection did not end")
		}
		pool.Close()
		time.Sleep(2 * time.Hour) // until what f or the target started has seen the end
	})
}

// all reads until the connection ends, and tells how long that took.
func (b *bubble) all() (string, time.Duration) {
	got, _ := io.ReadAll(b.client)
	return string(got), time.Since(b.start)
}

func (b *bubble) say(s string) { _, _ = io.WriteString(b.client, s) }

// answering is a target that answers each request after a while.
func answering(after time.Duration, answer string) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(after)
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
}

const hi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want || got > want+2*time.Second {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

func TestTimeOfAHead(t *testing.T) {
	for name, send := range map[string]string{"nothing": "", "a part": "GET / HTTP/1.1\r\nHo"} {
		inBubble(t, Limits{}, nil, func(b *bubble) {
			b.say(send)
			got, took := b.all()
			within(t, name+": closed", took, 10*time.Second)
			if (send != "") != strings.HasPrefix(got, "HTTP/1.1 408 ") {
				t.Errorf("%s: got %q", name, got)
			}
		})
	}
}

// A byte now and then does not buy more time for a head.
func TestDribbledHead(t *testing.T) {
	inBubble(t, Limits{}, nil, func(b *bubble) {
		go func() {
			for range 100 {
				if _, err := io.WriteString(b.client, "G"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		got, took := b.all()
		within(t, "closed", took, 10*time.Second)
		if !strings.HasPrefix(got, "HTTP/1.1 408 ") {
			t.Errorf("got %q", got)
		}
	})
}

func TestTimeBetweenRequests(t *testing.T) {
	inBubble(t, Limits{Idle: 20 * time.Second}, answering(0, hi), func(b *bubble) {
		for range 3 {
			b.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			r, err := http.ReadResponse(bufio.NewReader(b.client), nil)
			if err != nil || r.StatusCode != 200 {
				t.Fatal(r, err)
			}
			time.Sleep(15 * time.Second)
		}
		got, took := b.all()
		within(t, "closed", took, 50*time.Second)
		if got != "" {
			t.Errorf("an idle connection ends without a word, got %q", got)
		}
	})
}

func TestTimeOfABody(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		each time.Duration
		want time.Duration
	}{
		"silence":                {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx", 0, 30 * time.Second},
		"silence in chunks":      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", 0, 30 * time.Second},
		"a byte every 5 seconds": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx", 5 * time.Second, 30 * time.Second},
	} {
		inBubble(t, Limits{}, answering(0, hi), func(b *bubble) {
			b.say(c.send)
			if c.each > 0 {
				go func() {
					for range 1000 {
						time.Sleep(c.each)
						if _, err := io.WriteString(b.client, "x"); err != nil {
							return
						}
					}
				}()
			}
			got, took := b.all()
			within(t, name+": closed", took, c.want)
			if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "request: ") {
				t.Errorf("%s: got %q", name, got)
			}
		})
	}
}

func TestTimeOfATarget(t *testing.T) {
	for name, c := range map[string]struct {
		target func(net.Conn)
		want   string
		after  time.Duration
	}{
		"no answer":      {answering(time.Hour, hi), "HTTP/1.1 504 ", 5 * time.Second},
		"slow but there": {answering(4*time.Second, hi), "HTTP/1.1 200 ", 4 * time.Second},
		"stops short":    {answering(0, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"), "HTTP/1.1 200 ", 5 * time.Second},
	} {
		inBubble(t, Limits{}, c.target, func(b *bubble) {
			b.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			got, took := b.all()
			within(t, name+": ended", took, c.after)
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: got %q", name, got)
			}
		})
	}
}

// A client that takes nothing of its answer does not hold the gateway up for longer than it may.
func TestClientThatDoesNotRead(t *testing.T) {
	big := "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + strings.Repeat("x", 50000000)
	var ended chan time.Duration // of the bubble
	inBubble(t, Limits{}, func(c net.Conn) {
		start := time.Now()
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, big)
		}
		ended <- time.Since(start)
	}, func(b *bubble) {
		ended = make(chan time.Duration, 1)
		b.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if d := <-ended; d > 2*time.Minute+time.Second {
			t.Errorf("the target was let go after %v", d)
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, at := netip.MustParseAddrPort("203.0.113.9:1000"), netip.MustParseAddrPort("192.0.2.1:80")
		pool := NewPool(PoolOptions{Dial: func(time.Time) (net.Conn, error) {
			near, far := memnet.Pipe(at, from)
			go answering(3*time.Second, hi)(far)
			return near, nil
		}})
		s := &Server{Handler: &relay{pool: pool}}
		idle, idleFar := memnet.Pipe(from, at)
		busy, busyFar := memnet.Pipe(from, at)
		go s.Serve(idleFar, nil)
		go s.Serve(busyFar, nil)
		_, _ = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		time.Sleep(4 * time.Second)
		_, _ = io.WriteString(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		time.Sleep(time.Second)
		s.Drain()
		if !s.Wait(10 * time.Second) {
			t.Error("connections stayed open")
		}
		got, _ := io.ReadAll(busy)
		if !strings.HasPrefix(string(got), "HTTP/1.1 200 OK") || !strings.Contains(string(got), "Connection: close") {
			t.Errorf("the request under way got %q", got)
		}
		pool.Close()
	})
}

// Calls beyond the bound wait their turn, and those beyond the queue are told at once.
func TestPoolBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, at := netip.MustParseAddrPort("203.0.113.9:1000"), netip.MustParseAddrPort("192.0.2.1:80")
		pool := NewPool(PoolOptions{MaxConns: 2, MaxPending: 3, Dial: func(time.Time) (net.Conn, error) {
			near, far := memnet.Pipe(at, from)
			go answering(900*time.Millisecond, hi)(far)
			return near, nil
		}})
		relay := &relay{pool: pool}
		s := &Server{Handler: relay}
		results := make(chan string, 10)
		for range 7 {
			near, far := memnet.Pipe(from, at)
			go s.Serve(far, nil)
			go func() {
				_, _ = io.WriteString(near, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				b, _ := io.ReadAll(near)
				results <- string(b[9:12])
			}()
		}
		count := map[string]int{}
		for range 7 {
			count[<-results]++
		}
		// Two are served at once, two and one of those waiting later; the connect timeout of the relay is 2 s.
		if count["200"] != 5 || count["503"] != 2 {
			t.Errorf("%v", count)
		}
		if st := pool.Stats(); st.Open != 2 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
		pool.Close()
		s.Wait(time.Minute)
	})
}
