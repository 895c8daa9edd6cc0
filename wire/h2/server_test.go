package h2

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/wire"
)

// A handler is a function, with what it was told at the end.
type handler struct {
	handle func(*wire.Request) *wire.Response
	told   chan wire.Outcome
}

func handles(f func(*wire.Request) *wire.Response) *handler {
	return &handler{handle: f, told: make(chan wire.Outcome, 1000)}
}

func (h *handler) Handle(r *wire.Request) *wire.Response { return h.handle(r) }
func (h *handler) Refuse(_ *wire.Request, f *wire.Fault) *wire.Response {
	return said(f.Status, f.Reason)
}
func (h *handler) Done(_ *wire.Request, out wire.Outcome) { h.told <- out }

func said(status int, text string) *wire.Response {
	r := &wire.Response{Status: status, Body: wire.BytesBody([]byte(text)), Length: int64(len(text))}
	r.Header.SetKnown(wire.ContentType, "text/plain")
	return r
}

// serve serves h on loopback.
func serve(t testing.TB, h wire.Handler, limits Limits) (*Server, string) {
	t.Helper()
	s := &Server{Handler: h, Limits: limits, Panicked: func(*wire.Request, any) {}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.Serve(c, "door")
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		s.Close()
		if !s.Wait(5 * time.Second) {
			t.Error("connections did not end")
		}
	})
	return s, ln.Addr().String()
}

// client returns one that speaks h2c.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func TestServe(t *testing.T) {
	h := handles(func(r *wire.Request) *wire.Response {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		resp := said(200, fmt.Sprintf("%s %s %s?%s %s %s %d %q %s", r.Method, r.Host, r.Path.Text, r.Query, r.Proto, r.Scheme, r.Length, body, r.Conn.Listener))
		resp.Header.Add("X-Two", "1")
		resp.Header.Add("x-two", "2")
		resp.Header.Add("Keep-Alive", "no")
		resp.Trailer.Add("X-End", "yes")
		resp.Trailer.Add("Content-Length", "no")
		for name, v := range r.Header.All() {
			resp.Header.Add("saw-"+name, v)
		}
		return resp
	})
	_, addr := serve(t, h, Limits{})
	req, _ := http.NewRequest("POST", "http://"+addr+"/a/%7eb/../c?d=e", strings.NewReader("hello"))
	req.Header.Set("Cookie", "a=1; b=2")
	req.Header.Set("Te", "trailers")
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `POST 127.0.0.1 /a/c?d=e HTTP/2.0 http 5 "hello" door`
	if string(body) != want || resp.StatusCode != 200 || resp.ContentLength != int64(len(want)) {
		t.Errorf("got %d %d %s\nwant %s", resp.StatusCode, resp.ContentLength, body, want)
	}
	if got := fmt.Sprint(resp.Header.Values("X-Two"), resp.Header.Get("Keep-Alive"), resp.Header.Get("Saw-Cookie"), resp.Header.Get("Saw-Te"), resp.Trailer); got != "[1 2]a=1; b=2map[X-End:[yes]]" {
		t.Error(got)
	}
	if out := <-h.told; out.Status != 200 || out.Sent != int64(len(want)) || out.Received != 5 || out.Err != nil {
		t.Errorf("%+v", out)
	}
}

// What a request has wrong is told as in HTTP/1.1.
func TestRefuse(t *testing.T) {
	_, addr := serve(t, handles(func(*wire.Request) *wire.Response { return said(200, "let in") }), Limits{Head: 4096, Fields: 20})
	c := client(t)
	for _, tt := range []struct {
		name string
		set  func(*http.Request)
		want string
	}{
		{"fine", func(*http.Request) {}, "200 let in"},
		{"host", func(r *http.Request) { r.Host = "a..b" }, "400 The host has an empty or overlong label."},
		{"method", func(r *http.Request) { r.Method = "TRACE" }, "405 The gateway does not serve this method."},
		{"path", func(r *http.Request) { r.URL.Path = "/a\x00b" }, "400 "},
		{"fields", func(r *http.Request) {
			for i := range 21 {
				r.Header.Set(fmt.Sprint("X-", i), "a")
			}
		}, "431 The header has more fields than allowed."},
		{"crumbs", func(r *http.Request) { r.Header.Set("Cookie", strings.Repeat("a=b; ", 30)) }, "431 The header has more fields than allowed."},
		{"head", func(r *http.Request) { r.Header.Set("X-A", strings.Repeat("a", 4100)) }, "431 The header is larger than allowed."},
		{"expect", func(r *http.Request) { r.Header.Set("Expect", "200-ok") }, "400 The expectation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, _ := http.NewRequest("GET", "http://"+addr+"/", nil)
			tt.set(req)
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			if got := fmt.Sprint(resp.StatusCode, " ", string(body)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A response goes out as it comes, and so does a request; interim responses are in front of it.
func TestStreams(t *testing.T) {
	h := handles(func(r *wire.Request) *wire.Response {
		var hint wire.Response
		hint.Status = 103
		hint.Header.Add("Link", "</a>")
		if err := r.Conn.Inform(&hint); err != nil {
			t.Error(err)
		}
		return &wire.Response{Status: 200, Body: r.Body, Length: -1}
	})
	_, addr := serve(t, h, Limits{})
	var hints int
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == 103 && h.Get("Link") == "</a>" {
				hints++
			}
			return nil
		},
	})
	pr, pw := io.Pipe()
	req, _ := http.NewRequestWithContext(ctx, "POST", "http://"+addr+"/", pr)
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if hints != 1 {
		t.Errorf("%d hints", hints)
	}
	b := make([]byte, 10)
	for _, word := range []string{"ping", "pong", "bye"} {
		_, _ = io.WriteString(pw, word)
		n, err := io.ReadFull(resp.Body, b[:len(word)])
		if string(b[:n]) != word || err != nil {
			t.Fatal(string(b[:n]), err)
		}
	}
	_ = pw.Close()
	if n, err := resp.Body.Read(b); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
}

type cutBody struct{ io.Reader }

func (cutBody) Close() error { return nil }

// A response that is cut short is seen to be, and a panic harms its stream only.
func TestCut(t *testing.T) {
	h := handles(func(r *wire.Request) *wire.Response {
		switch r.Path.Text {
		case "/cut":
			return &wire.Response{Status: 200, Body: cutBody{io.MultiReader(strings.NewReader("half"), badReader{})}, Length: 8}
		case "/short":
			return &wire.Response{Status: 200, Body: cutBody{strings.NewReader("half")}, Length: 8}
		case "/broken":
			return &wire.Response{Status: 444, Break: true}
		case "/panic":
			panic("at the disco")
		}
		return said(200, "fine")
	})
	_, addr := serve(t, h, Limits{})
	c := client(t)
	for path, want := range map[string]string{"/broken": "half cut", "/cut": "half cut", "/short": "half cut", "/panic": " <nil>", "/": "fine <nil>"} {
		resp, err := c.Get("http://" + addr + path)
		if err != nil && want == "half cut" {
			continue // the reset came before anything else
		}
		if err != nil {
			t.Fatal(path, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			err = fmt.Errorf("cut")
		}
		if got := fmt.Sprint(string(body), " ", err); got != want && got != " cut" {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

type badReader struct{}

func (badReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A client that resets its stream is seen to be gone, by a handler that watches and by one that reads.
func TestGone(t *testing.T) {
	seen := make(chan string, 1)
	h := handles(func(r *wire.Request) *wire.Response {
		if r.Method == "POST" {
			_, err := io.Copy(io.Discard, r.Body)
			seen <- fmt.Sprint("read ", strings.Contains(fmt.Sprint(err), wire.ErrClientGone.Error()))
			return said(400, "")
		}
		gone := make(chan struct{})
		stop := r.Conn.Watch(func() { close(gone) })
		<-gone
		stop()
		seen <- "watched"
		return said(400, "")
	})
	_, addr := serve(t, h, Limits{})
	for method, want := range map[string]string{"GET": "watched", "POST": "read true"} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		var body io.Reader
		if method == "POST" {
			pr, pw := io.Pipe()
			defer pw.Close()
			body = pr
		}
		req, _ := http.NewRequestWithContext(ctx, method, "http://"+addr+"/", body)
		if _, err := client(t).Do(req); err == nil {
			t.Error("an answer")
		}
		cancel()
		if got := <-seen; got != want {
			t.Errorf("%s: %s", method, got)
		}
	}
}

// Drain lets streams end that are open, and closes the connection then.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 1)
	h := handles(func(*wire.Request) *wire.Response {
		started <- struct{}{}
		<-release
		return said(200, "whole")
	})
	s, addr := serve(t, h, Limits{})
	got := make(chan string)
	c := client(t)
	go func() {
		resp, err := c.Get("http://" + addr + "/")
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(resp.Body)
		got <- string(b)
	}()
	<-started
	s.Drain()
	if s.Wait(400 * time.Millisecond) {
		t.Error("the connection ended before its stream")
	}
	close(release)
	if g := <-got; g != "whole" {
		t.Error(g)
	}
	if !s.Wait(3 * time.Second) {
		t.Error("the connection did not end")
	}
	// One more, afterwards: it has one answer.
	resp, err := c.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if !s.Wait(3 * time.Second) {
		t.Error("a connection that came after the drain did not end")
	}
}

// A drain says GOAWAY twice: first so that streams on their way are still served, then with the last one that was (RFC 9113 §6.8).
func TestGoAwayTwice(t *testing.T) {
	release := make(chan struct{})
	s, addr := serve(t, handles(func(r *wire.Request) *wire.Response {
		<-release
		return said(200, r.Path.Text)
	}), Limits{})
	c := dialRaw(t, addr).greet()
	c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 1, block(ask("/before")...)))
	for s.Open() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	s.Drain()
	last := func() uint32 {
		e := c.next(5 * time.Second)
		if e.kind != frameGoAway || e.code != codeNone {
			t.Fatalf("%+v", e)
		}
		return binary.BigEndian.Uint32(e.payload)
	}
	if got := last(); got != lastStream {
		t.Errorf("the first names stream %d", got)
	}
	c.send(rawFrame(frameHeaders, flagEndStream|flagEndHeaders, 3, block(ask("/on-its-way")...)))
	if got := last(); got != 3 {
		t.Errorf("the second names stream %d", got)
	}
	close(release)
	var bodies []string
	for range 2 {
		bodies = append(bodies, c.outcome())
	}
	slices.Sort(bodies)
	if got := fmt.Sprint(bodies); got != "[/before /on-its-way]" {
		t.Error(got)
	}
	if got := c.outcome(); got != "closed" {
		t.Error(got)
	}
}

// Bodies are bounded in size and time.
func TestBodyBounds(t *testing.T) {
	h := handles(func(r *wire.Request) *wire.Response {
		r.BodyLimit = 10
		_, err := io.Copy(io.Discard, r.Body)
		return said(200, fmt.Sprint(err))
	})
	_, addr := serve(t, h, Limits{BodyIdle: 100 * time.Millisecond})
	post := func(body io.Reader) string {
		resp, err := client(t).Post("http://"+addr+"/", "", body)
		if err != nil {
			return err.Error()
		}
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	if got := post(bytes.NewReader(make([]byte, 100))); got != wire.ErrBodyTooLarge.Error() {
		t.Error(got)
	}
	pr, pw := io.Pipe()
	defer pw.Close()
	if got := post(pr); !strings.Contains(got, "timeout") {
		t.Error(got)
	}
}
