package h1

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/wire"
)

// A relay is the smallest proxy: every request goes to one target, and what fails becomes a status.
type relay struct {
	pool *Pool
	seen func(r *wire.Request, out wire.Outcome)
}

type relayState struct{ call wire.Call }

func (p *relay) Handle(r *wire.Request) *wire.Response {
	st, _ := r.Conn.State.(*relayState)
	if st == nil {
		st = &relayState{}
		r.Conn.State = st
	}
	target := r.Path.Text
	if r.Query != "" {
		target += "?" + r.Query
	}
	var body io.Reader
	if r.Body != nil {
		body = r.Body
	}
	st.call = wire.Call{Method: r.Method, Target: target, Host: "target.test", Header: &r.Header, Body: body, Length: r.Length,
		Upgrade: r.Upgrade, Expect: r.Expect, Request: r, Connect: 2 * time.Second, Wait: 5 * time.Second, Idle: 5 * time.Second}
	resp, err := p.pool.Do(&st.call)
	if err != nil {
		return failed(err)
	}
	return resp
}

func failed(err error) *wire.Response {
	e := err.(*wire.CallError)
	status := 502
	switch e.Op {
	case wire.OpTimeout:
		status = 504
	case wire.OpQueue:
		status = 503
	case wire.OpRequest:
		status = 400
	}
	return said(status, e.Error())
}

func said(status int, text string) *wire.Response {
	return &wire.Response{Status: status, Body: wire.BytesBody([]byte(text)), Length: int64(len(text))}
}

func (p *relay) Refuse(_ *wire.Request, f *wire.Fault) *wire.Response {
	return said(f.Status, f.Reason)
}

func (p *relay) Done(r *wire.Request, out wire.Outcome) {
	if p.seen != nil {
		p.seen(r, out)
	}
}

// A lab is a relay on loopback in front of a target.
type lab struct {
	t      *testing.T
	addr   string
	server *Server
	pool   *Pool
	relay  *relay
}

func newLab(t *testing.T, target string, limits Limits) *lab {
	t.Helper()
	l := &lab{t: t}
	l.pool = NewPool(PoolOptions{Dial: func(by time.Time) (net.Conn, error) {
		return (&net.Dialer{Deadline: by}).Dial("tcp", target)
	}})
	l.relay = &relay{pool: l.pool}
	l.server = &Server{Handler: l.relay, Limits: limits}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.addr = front(t, ln.Addr().String())
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go take(l.server, c)
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		l.server.Close()
		if !l.server.Wait(5 * time.Second) {
			t.Error("connections did not end")
		}
		l.pool.Close()
	})
	return l
}

func httpTarget(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

func TestRelayOfAnyBody(t *testing.T) {
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(599)
			return
		}
		w.Header().Set("X-Path", r.URL.RequestURI())
		switch r.Header.Get("X-Mode") {
		case "chunked":
			for len(b) > 0 {
				n := min(len(b), 7001)
				_, _ = w.Write(b[:n])
				w.(http.Flusher).Flush()
				b = b[n:]
			}
		default:
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			_, _ = w.Write(b)
		}
	})
	l := newLab(t, target, Limits{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, size := range []int{0, 1, 100, 4000, 16000, 17000, 40000, 100000, 1 << 20, 8 << 20} {
		body := make([]byte, size)
		_, _ = rand.Read(body)
		for _, mode := range []string{"length", "chunked"} {
			for _, up := range []string{"length", "chunked"} {
				for range 2 {
					var rd io.Reader = bytes.NewReader(body)
					if up == "chunked" {
						rd = struct{ io.Reader }{rd}
					}
					req, _ := http.NewRequest("POST", "http://"+l.addr+"/a/b?c=d", rd)
					req.Header.Set("X-Mode", mode)
					resp, err := client.Do(req)
					if err != nil {
						t.Fatalf("%d %s %s: %v", size, up, mode, err)
					}
					got, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if err != nil || !bytes.Equal(got, body) || resp.StatusCode != 200 || resp.Header.Get("X-Path") != "/a/b?c=d" {
						t.Fatalf("%d %s %s: status %d, %d bytes of %d, %v: %.80q", size, up, mode, resp.StatusCode, len(got), size, err, got)
					}
				}
			}
		}
	}
	if s := l.pool.Stats(); s.Open > 3 {
		t.Errorf("connections are not reused: %+v", s)
	}
}

func TestRelayInParallel(t *testing.T) {
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append(b, r.URL.Path...))
	})
	l := newLab(t, target, Limits{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 100 {
				want := fmt.Sprintf("%d.%d", i, j)
				resp, err := client.Post("http://"+l.addr+"/"+want, "text/plain", strings.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				b, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if string(b) != want+"/"+want {
					t.Errorf("got %q for %q", b, want)
				}
			}
		})
	}
	wg.Wait()
}

// talk sends raw bytes and returns everything that comes back until the connection ends or is silent.
func talk(t *testing.T, addr, send string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b, _ := io.ReadAll(bufio.NewReader(c))
	return string(b)
}

func TestPipelining(t *testing.T) {
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "<%s %s>", r.URL.Path, b)
	})
	l := newLab(t, target, Limits{})
	got := talk(t, l.addr, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"+
		"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"+
		"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nho\r\n0\r\n\r\n"+
		"GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	at := 0
	for _, want := range []string{"</1 >", "</2 hi>", "</3 ho>", "</4 >"} {
		i := strings.Index(got[at:], want)
		if i < 0 {
			t.Fatalf("no %s in order in %q", want, got)
		}
		at += i
	}
}

func TestEarlyAnswerToUpload(t *testing.T) {
	ln, _ := net.Listen("tcp", "127.0.0.1:0")
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, "HTTP/1.1 413 Too Big\r\nContent-Length: 3\r\n\r\nno!")
				time.Sleep(100 * time.Millisecond)
			}()
		}
	}()
	l := newLab(t, ln.Addr().String(), Limits{})
	start := time.Now()
	got := talk(t, l.addr, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nstart")
	if !strings.HasPrefix(got, "HTTP/1.1 413 Too Big\r\n") || !strings.HasSuffix(got, "no!") || time.Since(start) > 3*time.Second {
		t.Errorf("after %v: %q", time.Since(start), got)
	}
}

func TestClientGoneEndsCall(t *testing.T) {
	ended := make(chan time.Time, 1)
	target := httpTarget(t, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended <- time.Now()
	})
	l := newLab(t, target, Limits{})
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	time.Sleep(200 * time.Millisecond)
	gone := time.Now()
	_ = c.Close()
	select {
	case at := <-ended:
		if d := at.Sub(gone); d > 500*time.Millisecond {
			t.Errorf("the call ended %v after its client", d)
		}
	case <-time.After(3 * time.Second):
		t.Error("the call went on")
	}
}
