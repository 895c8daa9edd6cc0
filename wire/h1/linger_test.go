package h1

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// A client that has asked for more than it has read loses nothing of the answers that were whole, whatever the last one comes to.
func TestEarlierAnswersArrive(t *testing.T) {
	long := bytes.Repeat([]byte("a"), 300_000)
	h := handler(func(r *wire.Request) *wire.Response {
		switch r.Path.Text {
		case "/long":
			return &wire.Response{Status: 200, Body: wire.BytesBody(long), Length: int64(len(long))}
		case "/cut":
			return &wire.Response{Status: 200, Body: io.NopCloser(strings.NewReader("short")), Length: 10}
		case "/panic":
			panic("at the disco")
		}
		return said(413, "no")
	})
	for _, c := range []struct{ name, last, more, want string }{
		{"an upload that nobody takes", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n", strings.Repeat("b", 600_000), "HTTP/1.1 413 "},
		{"a fault", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", strings.Repeat("b", 600_000), "HTTP/1.1 400 "},
		{"a cut answer", "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n", "GET /more HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Length: 10\r\n\r\nshort"},
		{"a panic", "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n", "GET /more HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 500 "},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, ", TLS ", secure), func(t *testing.T) {
				conn := hesitant(t, h, secure)
				if _, err := io.WriteString(conn, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n"+c.last); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Millisecond) // the server closes, or is about to
				_, _ = io.WriteString(conn, c.more)
				time.Sleep(300 * time.Millisecond)
				got, err := io.ReadAll(conn)
				if n := bytes.Count(got, []byte("a")); n < len(long) {
					t.Errorf("%d of %d bytes, then %v", n, len(long), err)
				} else if !bytes.Contains(got, []byte(c.want)) {
					t.Errorf("without the last answer: %q, %v", got[len(got)-100:], err)
				}
			})
		}
	}
}

// hesitant connects to a server of h by a socket that takes little before it is read from.
func hesitant(t *testing.T, h wire.Handler, secure bool) net.Conn {
	t.Helper()
	s := &Server{Handler: h, Panicked: func(*wire.Request, any) {}}
	addr := listen(t, func(c net.Conn) {
		if secure {
			c = socket.Server(c, tlsSide())
			if c.(*socket.Secure).Handshake(time.Now().Add(5*time.Second)) != nil {
				return
			}
		}
		s.Serve(c, nil)
	})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.(*net.TCPConn).SetReadBuffer(32 << 10)
	t.Cleanup(func() {
		_ = c.Close()
		s.Close()
		if !s.Wait(5 * time.Second) {
			t.Error("the connection did not end")
		}
	})
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if !secure {
		return c
	}
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
}

// Who takes nothing of its answer and goes on sending is left.
func TestLingeringEnds(t *testing.T) {
	long := bytes.Repeat([]byte("a"), 300_000)
	s := &Server{Limits: Limits{WriteIdle: 100 * time.Millisecond}, Handler: handler(func(*wire.Request) *wire.Response {
		return &wire.Response{Status: 200, Body: wire.BytesBody(long), Length: int64(len(long))}
	})}
	c, err := net.Dial("tcp", listen(t, func(c net.Conn) { s.Serve(c, nil) }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = io.WriteString(c, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n")
	for range 3000 { // half a minute
		if _, err = c.Write(make([]byte, 1000)); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err == nil {
		t.Error("the connection stays")
	}
	if !s.Wait(5 * time.Second) {
		t.Error("it did not end")
	}
}
