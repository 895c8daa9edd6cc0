package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/wire"
)

// target serves h with net/http's own server of HTTP/2, on loopback.
func target(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func poolTo(t *testing.T, addr string, o PoolOptions) *Pool {
	o.Dial = func(by time.Time) (net.Conn, error) { return (&net.Dialer{Deadline: by}).Dial("tcp", addr) }
	p := NewPool(o)
	t.Cleanup(p.Close)
	return p
}

func get(p *Pool, path string, set func(*wire.Call)) (string, error) {
	c := &wire.Call{Method: "GET", Target: path, Host: "shop.test", Wait: 5 * time.Second, Idle: 5 * time.Second, Connect: time.Second}
	if set != nil {
		set(c)
	}
	resp, err := p.Do(c)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	b, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.Status, " ", string(b)), err
}

func opOf(err error) string {
	var failed *wire.CallError
	if !errors.As(err, &failed) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%s sent=%v began=%v", failed.Op, failed.Sent, failed.Began)
}

func TestCall(t *testing.T) {
	s := target(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", fmt.Sprint(r.Host, " ", r.RequestURI, " ", r.Header.Get("X-A"), " ", r.UserAgent(), len(r.Header["Connection"]), " ", r.ContentLength, " ", err))
		w.Header().Set(http.TrailerPrefix+"X-End", "yes")
		w.WriteHeader(201)
		_, _ = w.Write(body)
	})
	p := poolTo(t, s.Listener.Addr().String(), PoolOptions{})
	for _, length := range []int64{5, -1} {
		var h wire.Header
		h.Add("x-a", "1")
		h.Add("Connection", "x-a")
		h.Add("Transfer-Encoding", "chunked")
		c := &wire.Call{Method: "POST", Target: "/a%2fb?c=%20", Host: "shop.test", Header: &h, Body: strings.NewReader("hello"), Length: length}
		resp, err := p.Do(c)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if resp.Status != 201 || string(b) != "hello" || err != nil {
			t.Error(resp.Status, string(b), err)
		}
		if got, want := resp.Header.Get("X-Saw"), fmt.Sprintf("shop.test /a%%2fb?c=%%20 1 0 %d <nil>", length); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if resp.Trailer.Get("X-End") != "yes" {
			t.Error("no trailer")
		}
		resp.Close()
	}
	if st := p.Stats(); st != (wire.PoolStats{Open: 1, Idle: 1}) {
		t.Errorf("%+v", st)
	}
}

// Calls share connections: as many on each as the bound says, no more connections than allowed, the others wait.
func TestPoolBounds(t *testing.T) {
	release := make(chan struct{})
	var now, most atomic.Int32
	s := target(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-release
		now.Add(-1)
	})
	p := poolTo(t, s.Listener.Addr().String(), PoolOptions{MaxConns: 2, Streams: 3, MaxPending: 4})
	var wg sync.WaitGroup
	var full, fine atomic.Int32
	for range 12 {
		wg.Go(func() {
			switch _, err := get(p, "/", func(c *wire.Call) { c.Connect = 3 * time.Second }); {
			case err == nil:
				fine.Add(1)
			case opOf(err) == "queue sent=false began=false":
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline) && (now.Load() < 6 || p.Stats().Waiting < 4); {
		time.Sleep(time.Millisecond)
	}
	if st := p.Stats(); st.Open != 2 || st.Waiting != 4 {
		t.Errorf("%+v", st)
	}
	close(release)
	wg.Wait()
	if most.Load() != 6 || full.Load() != 2 || fine.Load() != 10 {
		t.Errorf("%d at once, %d turned away, %d served", most.Load(), full.Load(), fine.Load())
	}
	if st := p.Stats(); st.Open != 2 || st.Idle != 2 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

// The failures of calls are told as those of HTTP/1.1 are.
func TestFailures(t *testing.T) {
	s := target(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/hang":
			<-r.Context().Done()
		case "/half":
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/drip":
			_, _ = w.Write([]byte("drip"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/hints":
			for range 100 {
				w.WriteHeader(103)
			}
		}
	})
	p := poolTo(t, s.Listener.Addr().String(), PoolOptions{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	down := poolTo(t, closed.Addr().String(), PoolOptions{})
	for _, tt := range []struct {
		name string
		p    *Pool
		path string
		set  func(*wire.Call)
		want string
	}{
		{"down", down, "/", nil, "connect sent=false began=false"},
		{"reset", p, "/abort", nil, "read sent=true began=false"},
		{"wait", p, "/hang", func(c *wire.Call) { c.Wait = 50 * time.Millisecond }, "timeout sent=true began=false"},
		{"deadline", p, "/hang", func(c *wire.Call) { c.Deadline = time.Now().Add(50 * time.Millisecond) }, "timeout sent=true began=false"},
		{"head by", p, "/hang", func(c *wire.Call) { c.HeadBy = time.Now().Add(50 * time.Millisecond) }, "timeout sent=true began=false"},
		{"half", p, "/half", nil, "unexpected EOF"},
		{"idle", p, "/drip", func(c *wire.Call) { c.Idle = 50 * time.Millisecond }, os.ErrDeadlineExceeded.Error()},
		{"bad body", p, "/hang", func(c *wire.Call) {
			c.Method, c.Body, c.Length = "POST", io.MultiReader(strings.NewReader("a"), badReader{}), -1
		}, "request sent=true began=false"},
		{"short body", p, "/hang", func(c *wire.Call) { c.Method, c.Body, c.Length = "POST", strings.NewReader("abc"), 10 }, "request sent=true began=false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := get(tt.p, tt.path, tt.set)
			if got := opOf(err); got != tt.want && !(tt.name == "half" && err != nil) {
				t.Errorf("got %s, want %s (%v)", got, tt.want, err)
			}
		})
	}
	if st := p.Stats(); st.Open != st.Idle {
		t.Errorf("%+v", st)
	}
	if got, err := get(p, "/", nil); got != "200 " || err != nil {
		t.Error(got, err)
	}
}

// A response that is over while the request's body is not ends the call at once (golang/go#80085, #48908).
func TestEarlyEnd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
	}{{"empty", 200, ""}, {"body", 200, "enough"}, {"error", 413, "too much"}} {
		t.Run(tt.name, func(t *testing.T) {
			s := target(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			p := poolTo(t, s.Listener.Addr().String(), PoolOptions{})
			pr, pw := io.Pipe()
			defer pw.Close()
			start := time.Now()
			got, err := get(p, "/", func(c *wire.Call) { c.Method, c.Body, c.Length = "POST", pr, -1 })
			if want := fmt.Sprint(tt.status, " ", tt.body); got != want || err != nil {
				t.Error(got, err)
			}
			if took := time.Since(start); took > time.Second {
				t.Error("it took", took)
			}
			if st := p.Stats(); st != (wire.PoolStats{Open: 1, Idle: 1}) {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A target that goes away and comes back costs no request that could be saved.
func TestTargetRestarts(t *testing.T) {
	s := target(t, func(w http.ResponseWriter, r *http.Request) {})
	addr := s.Listener.Addr().String()
	p := poolTo(t, addr, PoolOptions{})
	if _, err := get(p, "/", nil); err != nil {
		t.Fatal(err)
	}
	s.CloseClientConnections()
	for range 20 {
		if _, err := get(p, "/", nil); err != nil {
			t.Fatal(err)
		}
	}
	// With GOAWAY, in the middle of calls.
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Config.Shutdown(ctx)
	}()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if _, err := get(p, "/", nil); err != nil {
			if got := opOf(err); got != "connect sent=false began=false" {
				t.Error(got, err)
			}
			return
		}
	}
	t.Error("the target did not go away")
}

// The client's side: one that is gone ends the call, interim responses reach it in order.
func TestClientSide(t *testing.T) {
	gone := make(chan struct{})
	s := target(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-r.Context().Done()
			close(gone)
			return
		}
		for i := range 3 {
			w.Header().Set("Link", fmt.Sprint(i))
			w.WriteHeader(103)
		}
		w.WriteHeader(200)
	})
	p := poolTo(t, s.Listener.Addr().String(), PoolOptions{})
	var links []string
	conn := &wire.Conn{
		Inform: func(r *wire.Response) error {
			time.Sleep(time.Millisecond)
			links = append(links, fmt.Sprint(r.Status, " ", r.Header.Get("Link")))
			return nil
		},
		Watch: func(f func()) func() {
			t := time.AfterFunc(20*time.Millisecond, f)
			return func() { t.Stop() }
		},
	}
	ask := func(c *wire.Call) { c.Request = &wire.Request{Conn: conn} }
	if _, err := get(p, "/", ask); err != nil || fmt.Sprint(links) != "[103 0 103 1 103 2]" {
		t.Error(err, links)
	}
	_, err := get(p, "/wait", ask)
	if got := opOf(err); got != "request sent=true began=false" || !errors.Is(err, wire.ErrClientGone) {
		t.Error(got, err)
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the target was not told")
	}
}
