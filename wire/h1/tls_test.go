package h1

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/test/selfsigned"
	"sallyport/wire"
	"sallyport/wire/socket"
)

// overTLS has labs and bubbles put TLS between their clients and the server. Tests do not notice: what they send and get is plain.
var overTLS bool

// What holds on a plain connection holds on TLS.
func TestOverTLS(t *testing.T) {
	overTLS = true
	defer func() { overTLS = false }()
	for name, test := range map[string]func(*testing.T){
		"any body": TestRelayOfAnyBody, "in parallel": TestRelayInParallel, "pipelining": TestPipelining, "early answer": TestEarlyAnswerToUpload,
		"client gone": TestClientGoneEndsCall, "client gone later": TestClientGoneLater, "watch and body": TestWatchEndsForTheBody,
		"watch and tunnel": TestWatchEndsForATunnel, "expect": TestExpectContinue, "interim": TestInterimAndTrailers, "tunnel": TestTunnel,
		"upload on a stale connection": TestUploadOnAStaleConnection,
		"interim that nobody takes":    TestInterimThatNobodyTakes, "malformed chunks": TestMalformedChunks, "too large": TestTooLargeIsDrained,
		"panic": TestPanicOfABody, "storm": TestStorm, "time of a head": TestTimeOfAHead, "dribbled head": TestDribbledHead, "time between requests": TestTimeBetweenRequests,
	} {
		t.Run(name, test)
	}
}

var tlsSide = sync.OnceValue(func() *tls.Config {
	c, err := selfsigned.Config("gateway.test")
	if err != nil {
		panic(err)
	}
	return c
})

// take serves c, with TLS if that is what is tested.
func take(s *Server, c net.Conn) {
	if overTLS {
		t := socket.Server(c, tlsSide())
		if t.Handshake(time.Now().Add(5*time.Second)) != nil {
			_ = c.Close()
			return
		}
		c = t
	}
	s.Serve(c, nil)
}

// front returns an address at which TLS is put around plain connections, if that is what is tested, or else the same address.
func front(t *testing.T, addr string) string {
	if !overTLS {
		return addr
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", addr)
			if err != nil {
				_ = c.Close()
				continue
			}
			go veil(c, back)
		}
	}()
	return ln.Addr().String()
}

// veil passes what comes from c on to back, with TLS around it, and the other way round.
func veil(c, back net.Conn) {
	t := tls.Client(back, &tls.Config{InsecureSkipVerify: true})
	half := func(c net.Conn) { _ = c.(interface{ CloseWrite() error }).CloseWrite() }
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(t, c)
		half(t)
	})
	if _, err := io.Copy(c, t); err != nil {
		_ = c.Close()
	} else {
		half(c)
	}
	both.Wait()
	_ = c.Close()
	_ = back.Close()
}

// A write may find a deadline that was set for one before, and has passed since.
func TestWriteAfterAnEarlierDeadline(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	client := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	secure := socket.Server(near, tlsSide())
	if err := errors.Join(secure.Handshake(time.Now().Add(5*time.Second)), <-shaken); err != nil {
		t.Fatal(err)
	}
	var s stream
	s.init(secure)
	if err := s.setWrite(past); err != nil {
		t.Fatal(err)
	}
	if err := s.write([]byte("hello"), time.Now(), time.Minute); err != nil {
		t.Error(err)
	}
	_ = client.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 9)
	if n, err := client.Read(b); string(b[:n]) != "hello" {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// secured serves h with TLS and connects to it.
func secured(t *testing.T, h wire.Handler, limits Limits, config *tls.Config) (*Server, *tls.Conn) {
	t.Helper()
	overTLS = true
	defer func() { overTLS = false }()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: h, Limits: limits}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				secure := socket.Server(c, tlsSide())
				if secure.Handshake(time.Now().Add(5*time.Second)) != nil {
					_ = c.Close()
					return
				}
				s.Serve(secure, nil)
			}()
		}
	}()
	if config == nil {
		config = &tls.Config{}
	}
	config.InsecureSkipVerify = true
	c, err := tls.Dial("tcp", ln.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() {
		_ = ln.Close()
		_ = c.Close()
		s.Close()
		if !s.Wait(5 * time.Second) {
			t.Error("connections did not end")
		}
	})
	return s, c
}

func exchangeOnce(t *testing.T, c net.Conn, r *bufio.Reader, request string) string {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const simple = "GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n"

// The handler sees that there is TLS, in whatever version.
func TestSchemeOverTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		_, c := secured(t, handler(func(r *wire.Request) *wire.Response {
			return said(200, fmt.Sprint(r.Scheme, " ", r.Conn.TLS.Version, " ", r.Conn.TLS.ServerName))
		}), Limits{}, &tls.Config{MinVersion: version, MaxVersion: version, ServerName: "gateway.test"})
		if got, want := exchangeOnce(t, c, bufio.NewReader(c), simple), fmt.Sprint("https ", version, " gateway.test"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A request in many records, and many in one, are read as on plain TCP.
func TestRecordsOfRequests(t *testing.T) {
	_, c := secured(t, handler(func(r *wire.Request) *wire.Response {
		n := int64(0)
		if r.Body != nil {
			n, _ = io.Copy(io.Discard, r.Body)
		}
		return said(200, fmt.Sprint(r.Path.Text, " ", n))
	}), Limits{}, nil)
	r := bufio.NewReader(c)
	for range 3 {
		for _, b := range []byte("GET /bytes HTTP/1.1\r\nHost: a\r\n\r") {
			_, _ = c.Write([]byte{b})
		}
		if got := exchangeOnce(t, c, r, "\n"); got != "/bytes 0" {
			t.Errorf("got %q", got)
		}
		if got := exchangeOnce(t, c, r, simple+simple+"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"); got != "/ 0" {
			t.Errorf("got %q", got)
		}
		for _, want := range []string{"/ 0", "/p 3"} {
			if got := exchangeOnce(t, c, r, ""); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		for _, size := range []int{16384 - 64, 16384, 100_000, 1 << 20} {
			head := fmt.Sprintf("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
			if got := exchangeOnce(t, c, r, head+strings.Repeat("x", size)); got != fmt.Sprint("/large ", size) {
				t.Errorf("got %q", got)
			}
		}
	}
}

// The end of a connection is said, but that of an answer that is cut short is not.
func TestEndOverTLS(t *testing.T) {
	_, c := secured(t, handler(func(*wire.Request) *wire.Response { return said(200, "bye") }), Limits{}, nil)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if got, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(got), "bye") {
		t.Errorf("%q, %v", got, err)
	}
	_, c = secured(t, handler(func(*wire.Request) *wire.Response {
		return &wire.Response{Status: 200, Length: -1, Body: io.NopCloser(io.MultiReader(strings.NewReader("half"), broken{}))}
	}), Limits{}, nil)
	_, _ = io.WriteString(c, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if got, err := io.ReadAll(c); err == nil {
		t.Errorf("%q looks whole", got)
	}
	s, c := secured(t, handler(func(*wire.Request) *wire.Response { return said(200, "hi") }), Limits{}, nil)
	exchangeOnce(t, c, bufio.NewReader(c), simple)
	time.Sleep(20 * time.Millisecond)
	s.Drain()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("a connection that was idle when draining: %d, %v", n, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// A client that takes an answer slowly gets all of it, however often a deadline passes in the middle of a record; one that takes nothing
// does not hold the connection for ever.
func TestSlowReaderOverTLS(t *testing.T) {
	const size = 8 << 20
	big := handler(func(*wire.Request) *wire.Response {
		return &wire.Response{Status: 200, Body: wire.BytesBody(bytes.Repeat([]byte("x"), size)), Length: size}
	})
	_, c := secured(t, big, Limits{WriteIdle: 1500 * time.Millisecond}, nil)
	_, _ = io.WriteString(c, simple)
	r, n := bufio.NewReader(c), 0
	for buf := make([]byte, 300<<10); n < size; {
		m, err := io.ReadFull(r, buf[:min(len(buf), size-n)])
		if n += m; err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s, c := secured(t, big, Limits{WriteIdle: 100 * time.Millisecond}, nil)
	_, _ = io.WriteString(c, simple)
	if !s.Wait(5 * time.Second) {
		t.Error("a client that takes nothing holds its connection")
	}
}

// TLS on a plain port ends at once and without a word, of which its client could make nothing.
func TestTLSOnAPlainPort(t *testing.T) {
	addr := serve(t, handler(func(*wire.Request) *wire.Response { return said(200, "hi") }), Limits{})
	begun := time.Now()
	if _, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}); err == nil || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if got := talk(t, addr, "\x16\x03\x01\x00\x05hello\r\n\r\n"); got != "" {
		t.Errorf("got %q", got)
	}
}
