package h1

import (
	"errors"
	"syscall"
	"time"

	"sallyport/wire"
)

// inform writes an interim response to the client (RFC 9110 §15.2). HTTP/1.0 clients get none.
func (k *conn) inform(resp *wire.Response) error {
	if k.old || resp.Status == 101 {
		return nil
	}
	k.before.Lock()
	defer k.before.Unlock()
	if k.wrote {
		return nil
	}
	b := appendStatus(make([]byte, 0, 512), resp)
	b = appendFields(b, &resp.Header)
	return k.s.write(append(b, "\r\n"...), time.Now(), k.srv.limits.WriteIdle)
}

// watch calls gone when the client goes away. It looks at the connection from a goroutine of its own until
// stop is called; stop waits for that goroutine.
func (k *conn) watch(gone func()) (stop func()) {
	if len(k.s.buffered()) > 0 {
		return nothing // behind a pipelined request nobody can see the end
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if k.left() {
			gone()
		}
	}()
	return func() {
		_ = k.s.conn.SetReadDeadline(past)
		<-done
		k.s.readBy = past // the next read sets its own
	}
}

// left waits until the client has gone (true), has sent something, or the deadline passes.
func (k *conn) left() bool {
	if k.s.raw == nil {
		return k.leftByReading()
	}
	var left bool
	var b [1]byte
	err := k.s.raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err == syscall.EAGAIN || err == syscall.EINTR {
			return false
		}
		left = n == 0 || err != nil
		return true
	})
	return err == nil && left
}

// leftByReading is left for connections that cannot be looked at without reading: what comes is kept.
func (k *conn) leftByReading() bool {
	k.s.take(smallBlock)
	if k.s.w == len(k.s.buf) {
		return false
	}
	n, err := k.s.conn.Read(k.s.buf[k.s.w:])
	k.s.w += n
	var timeout interface{ Timeout() bool }
	return n == 0 && !(errors.As(err, &timeout) && timeout.Timeout())
}
