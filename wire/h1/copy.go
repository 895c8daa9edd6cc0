package h1

// This file is how a body gets from a source to a connection: framed anew, in bounded memory, spliced where that is worth it.

import (
	"errors"
	"io"
	"strconv"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// A writer writes one message body behind what is in o already.
type writer struct {
	s    *stream
	o    *outBuf
	now  time.Time // of the first write; zero for those after it
	idle time.Duration
	sent int64 // bytes of content
	peer error // what a failed write is called, on top of its cause
}

func (w *writer) flush() error {
	if len(w.o.b) == 0 {
		return nil
	}
	if w.s.tls != nil {
		return w.flushSealed()
	}
	err := w.write(w.o.b)
	w.o.b = w.o.b[:0]
	return err
}

// flushSealed is flush for a client with TLS: while it is waited for, only what is encrypted is held.
func (w *writer) flushSealed() error {
	for part := w.o.b; len(part) > w.s.tls.Room(); part = w.o.b {
		n := w.s.tls.Room()
		if err := w.write(part[:n]); err != nil {
			return err
		}
		w.o.b = w.o.b[:copy(w.o.b, part[n:])]
	}
	err := w.s.tls.Seal(w.o.b)
	w.o.free()
	if err == nil {
		err = w.s.sendSealed(w.idle)
	}
	if w.now = (time.Time{}); err != nil {
		return &writeError{w.peer, err}
	}
	return nil
}

func (w *writer) write(b []byte) error {
	if w.now.IsZero() {
		w.now = time.Now()
	}
	err := w.s.write(b, w.now, w.idle)
	w.now = time.Time{}
	if err != nil {
		return &writeError{w.peer, err}
	}
	return nil
}

// A writeError tells a write that failed from a body that failed.
type writeError struct{ peer, cause error }

func (e *writeError) Error() string   { return e.peer.Error() + ": " + e.cause.Error() }
func (e *writeError) Unwrap() []error { return []error{e.peer, e.cause} }

// A source is a body that knows what can be read without waiting. While a source waits, nobody holds a buffer for it.
type source interface {
	peek() []byte
	discard(n int)
	fill() error // io.EOF at the end
	ended() bool // nothing more will come
}

// memory makes a source of a body in memory.
type memory struct{ *wire.Bytes }

func (m memory) peek() []byte  { return m.Peek() }
func (m memory) discard(n int) { m.Discard(n) }
func (m memory) ended() bool   { return len(m.Peek()) == 0 }
func (m memory) fill() error {
	if len(m.Peek()) == 0 {
		return io.EOF
	}
	return nil
}

// reader makes a source of any other reader, with a buffer of its own.
type reader struct {
	r   io.Reader
	buf []byte
	p   []byte
	err error
}

func (r *reader) peek() []byte  { return r.p }
func (r *reader) discard(n int) { r.p = r.p[n:] }
func (r *reader) ended() bool   { return r.err == io.EOF && len(r.p) == 0 }
func (r *reader) fill() error {
	for tries := 0; len(r.p) == 0; tries++ {
		if r.err != nil {
			return r.err
		}
		var n int
		n, r.err = r.r.Read(r.buf)
		r.p = r.buf[:n]
		if tries == 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// sourceOf returns body as a source, and what to do when done with it.
func sourceOf(b io.Reader) (src source, free func()) {
	switch b := b.(type) {
	case *body:
		return b, nothing
	case *wire.Bytes:
		return memory{b}, nothing
	}
	r := &reader{r: b, buf: socket.Take(smallBlock)}
	return r, func() { socket.Give(r.buf) }
}

func nothing() {}

// plain writes length bytes, or all there are when length is below zero.
func (w *writer) plain(b io.Reader, length int64) error {
	src, free := sourceOf(b)
	defer free()
	for length < 0 || w.sent < length {
		p := src.peek()
		if len(p) == 0 {
			if err := w.flush(); err != nil {
				return err
			}
			n, err := w.splice(src, length-w.sent)
			w.sent += n
			if err != nil {
				return err
			}
			if n > 0 {
				continue
			}
			w.o.free()
			if err := src.fill(); err != nil {
				if err == io.EOF && length < 0 {
					return nil
				}
				return whole(err)
			}
			continue
		}
		if length >= 0 && int64(len(p)) > length-w.sent {
			return errTooMuch
		}
		if w.s.tls != nil {
			n, err := w.sealed(src, p)
			if w.sent += int64(n); err != nil {
				return err
			}
			continue
		}
		if err := w.content(p); err != nil {
			return err
		}
		src.discard(len(p))
		w.sent += int64(len(p))
	}
	return w.flush()
}

var errTooMuch = errors.New("the body is longer than it was said to be")

// whole makes an early end of a body an error.
func whole(err error) error {
	if err == io.EOF {
		return errCut
	}
	return err
}

// content puts p behind what waits to be written, or writes both.
func (w *writer) content(p []byte) error {
	if w.o.b != nil && len(w.o.b)+len(p) <= cap(w.o.b) && len(w.o.b) > 0 {
		w.o.b = append(w.o.b, p...)
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.write(p)
}

// sealed does as content with the beginning of p, which src has, and returns how much of it that was. While a client with TLS is waited for,
// only what is encrypted is held.
func (w *writer) sealed(src source, p []byte) (n int, err error) {
	t := w.s.tls
	if len(w.o.b) > 0 {
		n = min(len(p), min(cap(w.o.b), t.Room())-len(w.o.b))
		if n > 0 {
			w.o.b = append(w.o.b, p[:n]...)
		}
		src.discard(max(n, 0))
		if n == len(p) {
			return n, nil
		}
		n, p = max(n, 0), p[max(n, 0):]
		if err := w.flush(); err != nil {
			return n, err
		}
	}
	if len(p) < headBlock { // what did not fit
		w.o.take(headBlock)
		w.o.b = append(w.o.b, p...)
		src.discard(len(p))
		return n + len(p), nil
	}
	p = p[:min(len(p), t.Room())]
	if err := t.Seal(p); err != nil {
		return n, &writeError{w.peer, err}
	}
	src.discard(len(p))
	if b, ok := src.(*body); ok {
		b.s.release()
	}
	w.now = time.Time{}
	if err := w.s.sendSealed(w.idle); err != nil {
		return n, &writeError{w.peer, err}
	}
	return n + len(p), nil
}

// chunked writes a body as chunks, each as large as what there is to write, and the trailer behind it.
func (w *writer) chunked(b io.Reader, trailer *wire.Header) error {
	src, free := sourceOf(b)
	defer free()
	for !src.ended() {
		if len(src.peek()) > 0 {
			if err := w.chunk(src); err != nil {
				return err
			}
			continue
		}
		if err := w.flush(); err != nil {
			return err
		}
		w.o.free()
		if err := src.fill(); err != nil && err != io.EOF {
			return err
		}
	}
	w.o.begin()
	w.o.b = append(w.o.b, "0\r\n"...)
	if trailer != nil {
		w.o.b = appendFields(w.o.b, trailer)
	}
	w.o.b = append(w.o.b, "\r\n"...)
	return w.flush()
}

// chunk puts one chunk of what src has into o, joining small pieces.
func (w *writer) chunk(src source) error {
	const size, end = len("ffff\r\n"), len("\r\n")
	w.o.begin()
	if cap(w.o.b)-len(w.o.b) < size+end+1024 {
		if err := w.flush(); err != nil {
			return err
		}
		w.o.begin()
	}
	at := len(w.o.b)
	all := w.o.b[:cap(w.o.b)]
	content := all[at+size : min(len(all)-end, at+size+0xffff)]
	n := 0
	for n < len(content) {
		p := src.peek()
		if len(p) == 0 {
			break
		}
		m := copy(content[n:], p)
		src.discard(m)
		n += m
	}
	if n == 0 {
		return nil
	}
	w.sent += int64(n)
	w.o.b = strconv.AppendInt(w.o.b, int64(n), 16)
	w.o.b = append(w.o.b, "\r\n"...)
	w.o.b = append(w.o.b, content[:n]...) // to the left or where it is
	w.o.b = append(w.o.b, "\r\n"...)
	return nil
}
