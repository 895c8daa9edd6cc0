package test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sallyport/wire/memnet"
)

// ok is what a backend answers that no script said anything about.
const ok = "HTTP/1.1 200 OK\nContent-Type: text/plain\n\nok\n"

// A backend is one target: it gives every request the same answer and remembers what it was asked.
type backend struct {
	name string
	net  *memnet.Network
	crew *sync.WaitGroup // its goroutines

	mu       sync.Mutex // guards all below
	answer   message
	listener net.Listener
	conns    []net.Conn
	seen     []*received
}

// become makes m the answer from now on, and lets callers in or keeps them out as it says.
func (b *backend) become(m message) error {
	if err := m.allow("raw", "delay", "close", "refuse", "swallow", "hang", "drip", "early", "end", "reset", "echo"); err != nil {
		return err
	}
	for _, word := range []string{"delay", "drip"} {
		if arg, found := m.directive(word); found {
			if _, err := time.ParseDuration(arg); err != nil {
				return err
			}
		}
	}
	if _, err := m.bytes(false); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = m
	_, refuse := m.directive("refuse")
	switch {
	case refuse && b.listener != nil:
		_ = b.listener.Close()
		b.listener = nil
		b.hangUp()
	case !refuse && b.listener == nil:
		l, err := b.net.Listen(b.name)
		if err != nil {
			return err
		}
		b.listener = l
		b.crew.Go(func() { b.accept(l) })
	}
	if _, swallow := m.directive("swallow"); swallow {
		b.listener.(*memnet.Listener).Swallow()
	}
	return nil
}

func (b *backend) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listener != nil {
		_ = b.listener.Close()
	}
	b.hangUp()
}

func (b *backend) hangUp() {
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.conns = nil
}

func (b *backend) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns = append(b.conns, c)
		b.mu.Unlock()
		b.crew.Go(func() { b.serve(c.(*memnet.Conn)) })
	}
}

func (b *backend) serve(c *memnet.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, headRoom)
	if start, _ := r.Peek(len(h2Preface)); string(start) == h2Preface {
		b.serveH2(buffered{c, r}, c)
		return
	}
	for {
		head, err := peekHead(r)
		if err != nil {
			return
		}
		b.mu.Lock()
		answer := b.answer
		b.mu.Unlock()
		got, err := b.take(c, r, string(head), answer)
		if err != nil {
			return
		}
		if err := b.reply(c, answer, got); err != nil {
			return
		}
	}
}

// A buffered connection is one of which something was read already.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

// Read reads.
func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// take reads the body and notes the request.
func (b *backend) take(c *memnet.Conn, r *bufio.Reader, head string, answer message) (*received, error) {
	got := parseHead(head)
	b.mu.Lock()
	b.seen = append(b.seen, got)
	b.mu.Unlock()
	if _, early := answer.directive("early"); early {
		_, err := r.Discard(len(head))
		return got, err
	}
	req, err := http.ReadRequest(r)
	if err != nil {
		got.body = "unreadable: " + err.Error()
		return got, err
	}
	if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return got, err
		}
	}
	var body bytes.Buffer
	_, err = io.Copy(&body, req.Body)
	if err != nil {
		body.WriteString(cutShort)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	got.body = body.String()
	got.trailer(req.Trailer)
	return got, err
}

func (b *backend) reply(c *memnet.Conn, answer message, got *received) error {
	if arg, found := answer.directive("delay"); found {
		d, _ := time.ParseDuration(arg)
		time.Sleep(d)
	}
	if _, found := answer.directive("hang"); found {
		_, err := io.Copy(io.Discard, c)
		return err
	}
	if _, found := answer.directive("close"); found {
		return io.EOF
	}
	if _, found := answer.directive("reset"); found {
		c.Reset()
		return io.EOF
	}
	out, err := answer.bytes(bodyless(answer.first))
	if err != nil {
		return err
	}
	if _, raw := answer.directive("raw"); !raw && strings.HasPrefix(got.first, "HEAD ") {
		out = out[:bytes.Index(out, []byte("\r\n\r\n"))+4]
	}
	if err := write(c, out, answer); err != nil {
		return err
	}
	if _, found := answer.directive("echo"); found {
		_, _ = io.Copy(c, c)
		return io.EOF
	}
	if _, found := answer.directive("end"); found {
		return io.EOF
	}
	return nil
}

// write writes a response at once, or its body byte by byte.
func write(c net.Conn, out []byte, answer message) error {
	arg, drip := answer.directive("drip")
	if !drip {
		_, err := c.Write(out)
		return err
	}
	pause, _ := time.ParseDuration(arg)
	body := bytes.Index(out, []byte("\r\n\r\n")) + 4
	if _, err := c.Write(out[:body]); err != nil {
		return err
	}
	for i := range out[body:] {
		time.Sleep(pause)
		if _, err := c.Write(out[body+i : body+i+1]); err != nil {
			return err
		}
	}
	return nil
}

// bodyless says whether a response of that status line never has a body (RFC 9110 §6.4.1).
func bodyless(status string) bool {
	_, code, _ := strings.Cut(status, " ")
	return strings.HasPrefix(code, "1") || strings.HasPrefix(code, "204") || strings.HasPrefix(code, "304")
}

// peekHead returns what comes up to the empty line, that included, and leaves it to be read. What ended before that comes
// with an error.
func peekHead(r *bufio.Reader) ([]byte, error) {
	for n := 1; ; n = r.Buffered() + 1 {
		b, err := r.Peek(n)
		if err == nil {
			b, _ = r.Peek(r.Buffered())
		}
		if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
			return b[:i+4], nil
		}
		if err != nil {
			return b, err
		}
	}
}

// headRoom is the longest head that a script can hold, from either side.
const headRoom = 1 << 20

// cutShort stands in a body in place of what did not come.
const cutShort = "[cut short]"

func parseHead(head string) *received {
	lines := strings.Split(strings.TrimRight(head, "\r\n"), "\r\n")
	return &received{first: lines[0], fields: lines[1:]}
}

// trailer adds the fields of a trailer, which scripts write as "trailer Name: value".
func (r *received) trailer(h http.Header) {
	for name, values := range h {
		for _, v := range values {
			r.fields = append(r.fields, "trailer "+name+": "+v)
		}
	}
}

// asked returns what came since the last call.
func (b *backend) asked() []*received {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.seen
	b.seen = nil
	return out
}
