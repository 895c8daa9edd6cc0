//go:build soak

package soak

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Clients that ask for one answer, by each version of HTTP.

// A wire1 is a connection of HTTP/1.1.
type wire1 struct {
	net.Conn
	read *bufio.Reader
}

func (w *world) askH1(m *member) error {
	return w.ask1(m, func() (net.Conn, error) { return net.DialTimeout("tcp", w.plain, 10*time.Second) })
}

func (w *world) askTLS(m *member) error {
	return w.ask1(m, func() (net.Conn, error) {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: w.authority.client("http/1.1")}
		return d.Dial("tcp", w.tls)
	})
}

// ask1 asks by HTTP/1.1. Two of three clients keep their connections.
func (w *world) ask1(m *member, dial func() (net.Conn, error)) error {
	c, _ := m.keep.(*wire1)
	if c == nil {
		conn, err := dial()
		if err != nil {
			return fmt.Errorf("%s no connection to the gateway: %w", never, err)
		}
		c = &wire1{conn, bufio.NewReader(conn)}
		m.keep = c
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r, body := w.request(m, "http://soak.test")
	if err := r.Write(c); err != nil {
		return fmt.Errorf("%s the request cannot be written: %w", never, err)
	}
	resp, err := http.ReadResponse(c.read, r)
	if err != nil {
		return fmt.Errorf("%s no answer: %w", never, err)
	}
	if err := judge(r, body, resp); err != nil {
		return err
	}
	if c.read.Buffered() > 0 {
		return fmt.Errorf("%s more than one answer", never)
	}
	if resp.Close || m.number%3 == 2 {
		m.drop()
	}
	return nil
}

// A wire2 is a connection of HTTP/2.
type wire2 struct{ http.Client }

func (c *wire2) Close() error {
	c.CloseIdleConnections()
	return nil
}

func (w *world) askH2(m *member) error  { return w.ask2(m, "https://"+w.tls, w.client2) }
func (w *world) askH2C(m *member) error { return w.ask2(m, "http://"+w.plain, w.client2c) }

func (w *world) client2() *wire2 {
	t := &http.Transport{TLSClientConfig: w.authority.client("h2"), Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP2(true)
	return &wire2{http.Client{Transport: t, Timeout: 20 * time.Second}}
}

func (w *world) client2c() *wire2 {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &wire2{http.Client{Transport: t, Timeout: 20 * time.Second}}
}

// ask2 asks by HTTP/2, now and then on a new connection.
func (w *world) ask2(m *member, url string, open func() *wire2) error {
	c, _ := m.keep.(*wire2)
	if c == nil || m.seq%200 == 199 {
		m.drop()
		c = open()
		m.keep = c
	}
	r, body := w.request(m, url)
	resp, err := c.Do(r)
	if err != nil {
		return fmt.Errorf("%s no answer: %w", never, err)
	}
	if resp.ProtoMajor != 2 {
		return fmt.Errorf("%s the answer came by %s", never, resp.Proto)
	}
	return judge(r, body, resp)
}

// request makes what is asked: every other one a POST, every other of those of unknown length.
func (w *world) request(m *member, url string) (*http.Request, []byte) {
	id := w.ledger.id(m)
	url += m.crew.path + id
	var body []byte
	r, _ := http.NewRequest(http.MethodGet, url, nil)
	if m.seq%2 == 1 {
		body = bytes.Repeat([]byte(id+" "), 1+m.seq%7*m.seq%900)
		r, _ = http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if m.seq%4 == 1 {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
			r.GetBody = nil
		}
	}
	r.Header.Set("X-Soak", id)
	r.Close = m.seq%50 == 49 // else the client ends the connection untold
	return r, body
}

// judge says what is wrong with an answer: it is that of the request, whole, made by one document; or it tells of a killed target, which
// it may for a POST only.
func judge(r *http.Request, body []byte, resp *http.Response) error {
	id := r.Header.Get("X-Soak")
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusBadGateway && err == nil && r.Method == http.MethodPost:
		return fmt.Errorf("502: %s", got)
	case resp.StatusCode != http.StatusOK || resp.Header.Get("X-Soak") != id:
		return fmt.Errorf("%s %s %s: the answer is %d for %q: %.300s", never, r.Method, id, resp.StatusCode, resp.Header.Get("X-Soak"), got)
	case resp.Header.Get("X-Document") != resp.Header.Get("X-Asked-By"):
		return fmt.Errorf("%s asked by document %s, answered by %s", never, resp.Header.Get("X-Asked-By"), resp.Header.Get("X-Document"))
	case err != nil: // the target was killed while it answered
		return err
	case string(got) != id+string(body):
		return fmt.Errorf("%s the answer to %s is another one's, or not whole: %d bytes, want %d", never, id, len(got), len(id)+len(body))
	}
	return nil
}

// beSlow sends the head of a request in pieces: every other time it comes to an end in time, and is answered as any; else the gateway has to end it.
func (w *world) beSlow(m *member) error {
	c, err := net.DialTimeout("tcp", w.plain, 10*time.Second)
	if err != nil {
		return fmt.Errorf("%s no connection to the gateway: %w", never, err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	head := fmt.Sprintf("GET /ids/%s HTTP/1.1\r\nHost: soak.test\r\nConnection: close\r\nX-Soak: %[1]s\r\n\r\n", w.ledger.id(m))
	ends := m.seq%2 == 0
	for rest := head; len(rest) > 0; rest = rest[min(len(rest), 12):] {
		if !ends && len(rest) < 30 {
			break // and not a byte more
		}
		if _, err := io.WriteString(c, rest[:min(len(rest), 12)]); err != nil {
			return fmt.Errorf("%s the request cannot be written: %w", never, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	from := time.Now()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	switch {
	case !ends && (err != nil || resp.StatusCode != http.StatusRequestTimeout):
		return fmt.Errorf("%s a request that does not end: %v %v", never, resp, err)
	case !ends && time.Since(from) > 5*time.Second:
		return fmt.Errorf("%s a request that does not end had %v", never, time.Since(from))
	case ends && (err != nil || resp.StatusCode != http.StatusOK):
		return fmt.Errorf("%s a slow request: %v %v", never, resp, err)
	}
	_ = resp.Body.Close()
	return nil
}

// beBroken sends what no gateway should take, or goes away in the middle. It is served or shown out, and the gateway lives on.
func (w *world) beBroken(m *member) error {
	address := w.plain
	if m.seq%3 == 0 {
		address = w.tls
	}
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return fmt.Errorf("%s no connection to the gateway: %w", never, err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	sent := [][]byte{
		[]byte("GET / HTTP/1.1\nHost: x\n\n"),
		[]byte("POST /ids/1.1 HTTP/1.1\r\nHost: soak.test\r\nContent-Length: 1000\r\n\r\nhalf"),
		[]byte("POST /ids/1.1 HTTP/1.1\r\nHost: soak.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
		[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\xff\x09\x00\x00\x00\x00\x01garbage"),
		{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3},
		bytes.Repeat([]byte{0xff, 0}, 4000),
		{},
	}[m.seq%7]
	_, _ = c.Write(sent)
	if m.seq%2 == 0 {
		_ = c.(*net.TCPConn).SetLinger(0)
		return nil
	}
	_, err = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%s broken request %d is not ended", never, m.seq%7)
	}
	return nil
}

// within runs f with a time limit.
func within(d time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx)
}
