package h1

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
	"sallyport/wire/memnet"
)

// The time for writing begins with the writing, also on a connection whose deadline is of an answer before.
func TestWriteTimeBeginsWithWriting(t *testing.T) {
	const idle = 200 * time.Millisecond
	h := handler(func(r *wire.Request) *wire.Response {
		if r.Path.Text == "/slow" {
			time.Sleep(3 * idle / 2)
		}
		return said(200, "hi")
	})
	plain := serve(t, h, Limits{WriteIdle: idle})
	// TLS does not survive a deadline that passes while it writes.
	std := httptest.NewTLSServer(nil)
	defer std.Close()
	s := &Server{Handler: h, Limits: Limits{WriteIdle: idle}}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", std.TLS)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.Serve(c, nil)
		}
	}()
	defer func() { _ = ln.Close(); s.Close() }()
	for _, url := range []string{"http://" + plain, "https://" + ln.Addr().String()} {
		for _, path := range []string{"/slow", "/", "/"} {
			resp, err := std.Client().Get(url + path)
			if err != nil {
				t.Fatalf("%s%s: %v", url, path, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			time.Sleep(3 * idle / 2)
		}
	}
}

// The time for an answer begins with the call, whatever the request did before, and ends when it says.
func TestWaitBeginsWithTheCall(t *testing.T) {
	for _, c := range []struct {
		wait, after time.Duration
		want        string
	}{
		{patience * 3, patience * 2, "200 hi"},
		{patience / 4, patience * 2, "504"},
	} {
		target := httpTarget(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(c.after)
			_, _ = io.WriteString(w, "hi")
		})
		do := calling(poolTo(t, target), func(call *wire.Call) { call.Wait = c.wait })
		var took atomic.Int64
		addr := serve(t, handler(func(r *wire.Request) *wire.Response {
			time.Sleep(c.wait)
			defer func(start time.Time) { took.Store(int64(time.Since(start))) }(time.Now())
			return do(r)
		}), Limits{})
		if got := ask(t, addr); !strings.HasPrefix(got, c.want) || time.Duration(took.Load()) > c.wait+patience/4 {
			t.Errorf("%v: got %q after %v, want %q", c.wait, got, time.Duration(took.Load()), c.want)
		}
	}
}

// The rate of a body is that of its client. When nobody reads, it is not the client that is slow.
func TestRateOfABodyThatIsReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(netip.AddrPort{}, netip.AddrPort{})
		s := &Server{Handler: handler(func(r *wire.Request) *wire.Response {
			b := make([]byte, 100)
			for range 2 {
				_, _ = io.ReadFull(r.Body, b)
				time.Sleep(2 * time.Minute)
			}
			_, err := io.ReadAll(r.Body)
			return said(200, fmt.Sprint(err))
		})}
		go s.Serve(far, nil)
		_, _ = io.WriteString(near, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 300\r\n\r\n")
		for range 3 {
			time.Sleep(time.Second)
			_, _ = io.WriteString(near, strings.Repeat("x", 100))
		}
		if got, _ := io.ReadAll(near); !strings.HasSuffix(string(got), "<nil>") {
			t.Errorf("%q", got)
		}
		s.Wait(time.Minute)
	})
}

// The time between two requests begins with the answer to the first, however long that took.
func TestIdleBeginsWithTheAnswer(t *testing.T) {
	for _, idle := range []time.Duration{time.Second, 3 * time.Second, 5 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			near, far := memnet.Pipe(netip.AddrPort{}, netip.AddrPort{})
			s := &Server{Limits: Limits{Idle: idle}, Handler: handler(func(*wire.Request) *wire.Response {
				time.Sleep(3 * time.Second)
				return said(200, "hi")
			})}
			go s.Serve(far, nil)
			br := bufio.NewReader(near)
			for range 3 {
				_, _ = io.WriteString(near, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				r, err := http.ReadResponse(br, nil)
				if err != nil {
					t.Fatalf("%v: %v", idle, err)
				}
				_, _ = io.ReadAll(r.Body)
				time.Sleep(idle * 9 / 10)
			}
			start := time.Now()
			_, _ = io.ReadAll(near)
			within(t, "closed", time.Since(start), idle/10)
			s.Wait(time.Minute)
		})
	}
}

// Reads end also when the abort comes while a deadline is being set.
func TestAbortOutlastsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(netip.AddrPort{}, netip.AddrPort{})
		defer far.Close()
		var s stream
		s.init(near)
		s.abort()
		start := time.Now()
		if err := s.fill(start.Add(time.Hour)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
