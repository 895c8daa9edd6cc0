package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"sallyport/wire/memnet"
)

// This file is HTTP/2 in scripts: requests with "# h2", and backends, which speak it with whoever begins with its preface.

// A session is a client's connection of HTTP/2. Responses are read in the order in which they come.
type session struct {
	conn *http.ClientConn
	got  chan any // *received, or an error
}

func newSession(c net.Conn) (*session, error) {
	t := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	t.Protocols.SetUnencryptedHTTP2(true)
	conn, err := t.NewClientConn(context.Background(), "http", "gateway.test:80")
	if err != nil {
		return nil, err
	}
	return &session{conn, make(chan any, 100)}, nil
}

// send sends a request and has its responses put into got.
func (s *session) send(m *message, crew *sync.WaitGroup) error {
	if err := m.allow("h2", "from", "to", "same", "drip", "tls", "proxy"); err != nil {
		return err
	}
	req, err := m.request()
	if err != nil {
		return err
	}
	if arg, found := m.directive("drip"); found {
		d, err := time.ParseDuration(arg)
		if err != nil {
			return err
		}
		req.Body = io.NopCloser(&dripping{[]byte(m.body), d})
	}
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		s.got <- receivedOf(fmt.Sprintf("HTTP/2.0 %d %s", code, http.StatusText(code)), http.Header(h), nil)
		return nil
	}}
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(context.Background(), trace), patience)
	crew.Go(func() {
		defer cancel()
		resp, err := s.conn.RoundTrip(req.WithContext(ctx))
		if err != nil {
			s.got <- err
			return
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			body = append(body, cutShort...)
		}
		got := receivedOf("HTTP/2.0 "+resp.Status, resp.Header, body)
		got.trailer(resp.Trailer)
		s.got <- got
	})
	return nil
}

// receive returns the next response, nil when the gateway ended the stream or the connection instead.
func (s *session) receive() (*received, error) {
	switch got := (<-s.got).(type) {
	case *received:
		return got, nil
	case error:
		if errors.Is(got, context.DeadlineExceeded) {
			return nil, got
		}
	}
	return nil, nil
}

// request is m as a request of net/http.
func (m *message) request() (*http.Request, error) {
	method, target, _ := strings.Cut(m.first, " ")
	target, _, _ = strings.Cut(target, " ")
	path, query, _ := strings.Cut(target, "?")
	req := &http.Request{Method: method, Host: "gateway.test", Header: http.Header{"User-Agent": {""}}, URL: &url.URL{Scheme: "http", Host: "gateway.test", Opaque: path, RawQuery: query}}
	for _, f := range m.fields {
		name, value, ok := strings.Cut(f, ":")
		if !ok {
			return nil, fmt.Errorf("%q is no field", f)
		}
		if value = strings.TrimSpace(value); strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	if m.hasBody && m.body != "" {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(m.body)), int64(len(m.body))
	}
	return req, nil
}

// A dripping body comes a byte at a time.
type dripping struct {
	rest  []byte
	pause time.Duration
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	time.Sleep(d.pause)
	n := copy(p[:1], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func receivedOf(first string, h http.Header, body []byte) *received {
	got := &received{first: first, body: string(body)}
	for name, values := range h {
		for _, v := range values {
			got.fields = append(got.fields, name+": "+v)
		}
	}
	return got
}

// A once is a listener for one connection, which waits to be closed.
type once struct {
	conns chan net.Conn
	addr  net.Addr
}

func (l *once) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *once) Close() error   { return nil }
func (l *once) Addr() net.Addr { return l.addr }

// serveH2 is serve for a connection that begins as HTTP/2 does.
func (b *backend) serveH2(c net.Conn, raw *memnet.Conn) {
	s := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	var streams sync.WaitGroup
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		streams.Add(1)
		defer streams.Done()
		b.answerH2(w, r, raw)
	})
	ended := make(chan struct{})
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(ended)
		}
	}
	l := &once{make(chan net.Conn, 1), c.LocalAddr()}
	l.conns <- c
	close(l.conns)
	_ = s.Serve(l)
	<-ended
	streams.Wait()
}

// answerH2 notes a request and gives the answer of the script.
func (b *backend) answerH2(w http.ResponseWriter, r *http.Request, c *memnet.Conn) {
	got := receivedOf(r.Method+" "+r.RequestURI+" "+r.Proto, r.Header, nil)
	got.fields = append(got.fields, "Host: "+r.Host)
	b.mu.Lock()
	b.seen = append(b.seen, got)
	answer := b.answer
	b.mu.Unlock()
	if _, early := answer.directive("early"); !early {
		body, err := io.ReadAll(r.Body)
		b.mu.Lock()
		if got.body = string(body); err != nil {
			got.body += cutShort
		}
		b.mu.Unlock()
	}
	if arg, found := answer.directive("delay"); found {
		d, _ := time.ParseDuration(arg)
		pause(r.Context(), d)
	}
	for _, word := range []string{"hang", "close", "reset"} {
		if _, found := answer.directive(word); !found {
			continue
		}
		switch word {
		case "hang":
			<-r.Context().Done()
		case "close":
			_ = c.Close()
		case "reset":
			c.Reset()
		}
		panic(http.ErrAbortHandler)
	}
	b.sayH2(w, r, &answer)
}

func (b *backend) sayH2(w http.ResponseWriter, r *http.Request, answer *message) {
	_, status, _ := strings.Cut(answer.first, " ")
	status, _, _ = strings.Cut(status, " ")
	code, err := strconv.Atoi(status)
	if err != nil {
		code = 500
	}
	h := w.Header()
	h["Date"], h["Content-Type"] = nil, nil
	for _, f := range answer.fields {
		name, value, _ := strings.Cut(f, ":")
		if name, trailer := strings.CutPrefix(name, "trailer "); trailer {
			h.Add(http.TrailerPrefix+name, strings.TrimSpace(value))
			h["Content-Length"] = nil // net/http shall not add one
		} else if !strings.EqualFold(name, "Transfer-Encoding") {
			h.Add(name, strings.TrimSpace(value))
		}
	}
	w.WriteHeader(code)
	body := []byte(answer.body)
	if arg, drip := answer.directive("drip"); drip {
		d, _ := time.ParseDuration(arg)
		for i := range body {
			pause(r.Context(), d)
			_, _ = w.Write(body[i : i+1])
			_ = http.NewResponseController(w).Flush()
		}
		return
	}
	_, _ = io.Copy(w, bytes.NewReader(body))
}

// pause waits, unless the client goes away.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// h2Preface is what a client of HTTP/2 begins with (RFC 9113 §3.4).
const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
