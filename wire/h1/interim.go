package h1

import (
	"errors"
	"os"
	"syscall"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
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
	var room []byte // for what a look that cannot do without reading finds
	if k.s.raw == nil {
		if k.s.tls == nil {
			k.s.take(smallBlock)
		}
		if room = k.s.buf[k.s.w:]; len(room) == 0 && k.s.buf != nil {
			return nothing
		}
	}
	if k.s.raw == nil && !k.looking.CompareAndSwap(false, true) {
		return nothing // two cannot read from one client
	}
	_ = k.s.conn.SetReadDeadline(time.Time{}) // that of the last read is none of the watcher's
	done, n := make(chan struct{}), 0
	go func() {
		defer close(done)
		var left bool
		if room, n, left = k.left(room); left {
			gone()
		}
	}()
	return func() {
		_ = k.s.conn.SetReadDeadline(past)
		<-done
		if k.s.buf == nil && room != nil {
			k.s.buf, k.s.r, k.s.w = room, 0, 0
		}
		k.s.w += n
		k.s.readBy = past // the next read sets its own
		k.looking.Store(false)
	}
}

// left waits until the client has gone (true), has sent something, or the deadline passes. On a connection that cannot be
// looked at without reading, n bytes of what the client sent are in room, which is a block of its own if there was none.
func (k *conn) left(room []byte) (block []byte, n int, left bool) {
	if k.s.raw == nil {
		if room == nil {
			if err := k.s.tls.Await(); err != nil {
				return nil, 0, !errors.Is(err, os.ErrDeadlineExceeded)
			}
			room = socket.Take(smallBlock)
		}
		n, err := k.s.receive(room)
		return room, n, n == 0 && !errors.Is(err, os.ErrDeadlineExceeded)
	}
	var b [1]byte
	err := k.s.raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err == syscall.EAGAIN || err == syscall.EINTR {
			return false
		}
		left = n == 0 || err != nil
		return true
	})
	return nil, 0, left || err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}
