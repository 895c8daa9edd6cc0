package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Conn is one end of a connection. It behaves as a TCP connection does: what was written before a Close can still
// be read, and writing to an end that is closed fails.
type Conn struct {
	in, out       *way
	local, remote netip.AddrPort
}

// Pipe returns both ends of a connection.
func Pipe(near, far netip.AddrPort) (*Conn, *Conn) {
	there, back := newWay(), newWay()
	return &Conn{back, there, near, far}, &Conn{there, back, far, near}
}

// Read reads.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.failed("read", err)
}

// Write writes. It returns when the other side has room for all of p.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.failed("write", err)
}

func (c *Conn) failed(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "memory", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Close ends both directions.
func (c *Conn) Close() error {
	if c.out.closed() || !c.in.forget(syscall.EPIPE) {
		return c.failed("close", net.ErrClosed)
	}
	c.out.end()
	c.out.forbid()
	return nil
}

// CloseWrite tells the other side that nothing more will come.
func (c *Conn) CloseWrite() error {
	c.out.end()
	return nil
}

// Reset breaks the connection off: the other side loses what it has not read.
func (c *Conn) Reset() {
	c.in.forget(syscall.ECONNRESET)
	c.out.reset()
}

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline makes a Read fail after t; zero is never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.failed("set", c.in.setDeadline(&c.in.reader, t))
}

// SetWriteDeadline makes a Write fail after t; zero is never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.failed("set", c.out.setDeadline(&c.out.writer, t))
}

// A way is one direction of a connection.
type way struct {
	mu      sync.Mutex // guards all below
	changed sync.Cond
	buf     []byte
	ended   bool  // the writer has no more
	gone    error // why writing fails: the reader went away
	broken  bool  // the connection was reset: reading fails at once
	reader  side
	writer  side
}

// A side is what one end of a way has set.
type side struct {
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

// window is how many bytes a way holds before its writer must wait.
const window = 64 << 10

func newWay() *way {
	w := &way{}
	w.changed.L = &w.mu
	return w
}

func (w *way) read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case w.reader.closed:
			return 0, net.ErrClosed
		case w.broken:
			return 0, syscall.ECONNRESET
		case w.reader.late():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(w.buf) > 0:
			n := copy(p, w.buf)
			w.buf = w.buf[n:]
			w.changed.Broadcast()
			return n, nil
		case w.ended:
			return 0, io.EOF
		}
		w.changed.Wait()
	}
}

func (w *way) write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case w.writer.closed:
			return n, net.ErrClosed
		case w.ended:
			return n, syscall.EPIPE
		case w.gone != nil:
			return n, w.gone
		case w.writer.late():
			return n, os.ErrDeadlineExceeded
		case len(p) == 0:
			return n, nil
		}
		if room := min(window-len(w.buf), len(p)); room > 0 {
			w.buf = append(w.buf, p[:room]...)
			n, p = n+room, p[room:]
			w.changed.Broadcast()
			continue
		}
		w.changed.Wait()
	}
}

func (s *side) late() bool { return !s.deadline.IsZero() && !time.Now().Before(s.deadline) }

func (s *side) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

func (w *way) setDeadline(s *side, t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.stop()
	s.deadline = t
	if !t.IsZero() && time.Until(t) > 0 {
		s.timer = time.AfterFunc(time.Until(t), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.changed.Broadcast()
		})
	}
	w.changed.Broadcast()
	return nil
}

// end tells the reader that nothing more will come.
func (w *way) end() { w.change(func() { w.ended = true }) }

// forbid makes the writer's own calls fail.
func (w *way) forbid() { w.change(func() { w.writer.closed = true; w.writer.stop() }) }

func (w *way) closed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writer.closed
}

// forget makes the reader's own calls fail, and those of the writer with why. It says whether that is new.
func (w *way) forget(why error) (first bool) {
	w.change(func() {
		if first = !w.reader.closed; first {
			w.reader.closed, w.gone, w.buf = true, why, nil
			w.reader.stop()
		}
	})
	return first
}

func (w *way) reset() {
	w.change(func() {
		w.broken, w.ended, w.writer.closed, w.buf = true, true, true, nil
		w.writer.stop()
	})
}

func (w *way) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.changed.Broadcast()
}
