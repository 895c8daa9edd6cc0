package h2

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// This file looks at how a connection begins.

var errPreface = errors.New("the client does not begin as HTTP/2 has to")

// greet waits for the preface (RFC 9113 §3.4) until by, and leaves it to be read once more. It returns errPreface as soon as
// something else is there; then other is the connection with all that was sent on it.
func (c *conn) greet(by time.Time) (other net.Conn, err error) {
	if err := c.Conn.SetReadDeadline(by); err != nil {
		return nil, err
	}
	if c.raw != nil {
		other, err = c.Conn, c.peek()
	} else {
		other, err = c.taste()
	}
	if err != nil && err != errPreface {
		return nil, err
	}
	if err := c.Conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return other, err
}

// peek looks at the preface of a plain TCP connection without reading it, so that the connection is untouched for
// whoever gets it.
func (c *conn) peek() (err error) {
	var b [len(preface)]byte
	failed := c.raw.Read(func(fd uintptr) bool {
		var n int
		for err = syscall.EINTR; err == syscall.EINTR; {
			n, _, err = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		}
		switch {
		case err == syscall.EAGAIN:
			return false
		case err == nil && n == 0:
			err = io.EOF
		case err == nil && string(b[:n]) != preface[:n]:
			err = errPreface
		case err == nil && n < len(preface):
			return false // more is to come
		}
		return true
	})
	if failed != nil {
		return failed
	}
	c.in.left = len(preface) // no frame
	return err
}

// linger lets a client that speaks something else read that nothing will come of it: a close with unread bytes would be a reset.
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, 64<<10)
}

// taste reads the preface.
func (c *conn) taste() (net.Conn, error) {
	b := readBlocks.Get().(*[readBlock]byte)
	for n := 0; n < len(preface); {
		m, err := c.Conn.Read(b[n:len(preface)])
		n += m
		if string(b[:n]) != preface[:n] {
			other := &begun{c.Conn, append([]byte(nil), b[:n]...)}
			readBlocks.Put(b)
			return other, errPreface
		}
		if err != nil && n < len(preface) {
			readBlocks.Put(b)
			return nil, err
		}
	}
	c.block, c.rest = b[:], b[:len(preface)]
	c.in.left = len(preface) // no frame
	return nil, nil
}

// A begun is a connection of which something was read already.
type begun struct {
	net.Conn
	rest []byte
}

// Read reads.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// CloseWrite closes the sending side, if the connection can do that.
func (b *begun) CloseWrite() error {
	half, ok := b.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
