package attackrun

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Backend writes down, byte by byte, what a gateway sends to it, and answers 200. It reads as leniently
// as it can, so that it is the gateway's strictness that is seen.
type Backend struct {
	listener net.Listener

	mu   sync.Mutex // guards all below
	got  []*record
	left []string // bytes that make no head
}

// A record is one request as it came.
type record struct {
	head []byte // with the empty line
	body []byte // with the framing of chunks
	note string // what was wrong with the body's framing
}

// NewBackend listens on address.
func NewBackend(address string) (*Backend, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	b := &Backend{listener: l}
	go b.accept()
	return b, nil
}

// Addr returns the address it listens on.
func (b *Backend) Addr() string { return b.listener.Addr().String() }

// Close stops listening.
func (b *Backend) Close() error { return b.listener.Close() }

func (b *Backend) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got, b.left = nil, nil
}

func (b *Backend) recorded() (got []*record, left []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(got, b.got...), append(left, b.left...)
}

func (b *Backend) accept() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			r := bufio.NewReaderSize(c, 64<<10)
			for b.serve(c, r) {
			}
		}()
	}
}

// serve reads and answers one request and says whether there may be another.
func (b *Backend) serve(c net.Conn, r *bufio.Reader) bool {
	head, err := readHead(r)
	if err != nil {
		if len(head) > 0 {
			b.mu.Lock()
			b.left = append(b.left, fmt.Sprintf("%.200q", head))
			b.mu.Unlock()
		}
		return false
	}
	rec := &record{head: head}
	low := strings.ToLower(string(head))
	if !strings.Contains(low, "x-backend: early") { // which asks for an answer before the body was read
		if strings.Contains(low, "\nexpect: 100-continue") {
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		rec.readBody(c, r, low)
	}
	b.mu.Lock()
	b.got = append(b.got, rec)
	b.mu.Unlock()
	if rec.note != "" {
		return false
	}
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
	if !strings.HasPrefix(low, "head ") {
		answer += "ok"
	}
	_, err = io.WriteString(c, answer)
	return err == nil
}

func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for len(head) < 2<<20 {
		line, err := r.ReadBytes('\n')
		head = append(head, line...)
		if err != nil {
			return head, err
		}
		if len(head) > 2 && (bytes.HasSuffix(head, []byte("\r\n\r\n")) || bytes.HasSuffix(head, []byte("\n\n"))) {
			return head, nil
		}
	}
	return head[:4096], io.ErrShortBuffer
}

func (r *record) readBody(c net.Conn, from *bufio.Reader, low string) {
	_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
	defer c.SetReadDeadline(time.Time{})
	length, chunked := 0, false
	for _, line := range strings.Split(low, "\n") {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r"), ":")
		switch value = strings.TrimSpace(value); name {
		case "content-length":
			length, _ = strconv.Atoi(value)
		case "transfer-encoding":
			chunked = value == "chunked"
		}
	}
	switch {
	case chunked:
		for r.readChunk(from) {
		}
	case length > 0:
		r.read(from, length, "body short")
	}
}

// readChunk reads one chunk and says whether another follows.
func (r *record) readChunk(from *bufio.Reader) bool {
	line, err := from.ReadBytes('\n')
	r.body = append(r.body, line...)
	if err != nil {
		r.note = "chunk read err"
		return false
	}
	digits, _, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), ";")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 16, 32)
	if err != nil {
		r.note = "bad chunk line " + strconv.Quote(string(line))
		return false
	}
	if n > 0 {
		return r.read(from, int(n)+2, "chunk body short")
	}
	for {
		line, err := from.ReadBytes('\n')
		r.body = append(r.body, line...)
		if err != nil || len(bytes.TrimRight(line, "\r\n")) == 0 {
			return false
		}
	}
}

func (r *record) read(from *bufio.Reader, n int, note string) bool {
	b := make([]byte, n)
	n, err := io.ReadFull(from, b)
	r.body = append(r.body, b[:n]...)
	if err != nil {
		r.note = note
	}
	return err == nil
}
