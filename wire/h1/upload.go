package h1

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"sallyport/wire"
)

// An upload is a request's body on its way to the target, sent by a goroutine of its own because it was not there as a whole.
// So an answer that comes early is seen at once, and a body and an answer can flow at the same time.
type upload struct {
	o    outBuf
	from wire.Shared // the client's body, which is shared until the upload is over; nil when another one is sent
	done chan struct{}
	err  error // why it stopped short; valid once done is closed
	// panic is what reading the body panicked with; valid once done is closed.
	panic string
}

func (u *upload) over() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// clientFailed says that the upload ended because of the client's side: it went away, was too slow, or sent what it may not.
func (u *upload) clientFailed() bool {
	var w *writeError
	return u.over() && u.err != nil && !errors.As(u.err, &w)
}

var errTarget = errors.New("sending to the target")

// sendBody begins to send what did not go out with the head, unless the target is to be asked first.
func (u *upConn) sendBody(c *wire.Call) error {
	if !u.due || c.Expect {
		return nil
	}
	return u.upload(c)
}

// upload starts the goroutine that sends the body, if there is one to send.
func (u *upConn) upload(c *wire.Call) error {
	if !u.due {
		return nil
	}
	u.stopWatch() // two cannot read from the client
	u.due = false
	up := &upload{done: make(chan struct{})}
	u.up = up
	if b, ok := c.Body.(wire.Shared); ok {
		b.Share(true)
		up.from = b
	}
	w := writer{s: &u.s, o: &up.o, idle: idleOf(c), peer: errTarget}
	src, length := c.Body, c.Length
	go func() {
		defer close(up.done)
		defer func() {
			if what := recover(); what != nil { // in a body that somebody made
				up.panic = fmt.Sprintf("%v, in %s", what, debug.Stack())
				u.s.abort()
			}
		}()
		if length > 0 {
			up.err = w.plain(src, length)
		} else {
			up.err = w.chunked(src, nil)
		}
		up.o.free()
		var broken *writeError
		if up.err != nil && (!errors.As(up.err, &broken) || errors.Is(up.err, os.ErrDeadlineExceeded)) {
			u.s.abort() // nobody will answer a request that stops short
		}
	}()
	return nil
}

// settle ends the upload of the call under way and says whether the body was sent whole.
func (u *upConn) settle() bool {
	up := u.up
	if up == nil {
		return !u.due
	}
	cut := !up.soonOver()
	if cut {
		_ = u.s.conn.Close() // a write ends
		if up.from != nil {
			up.from.Abort() // a read ends
		}
		<-up.done
	}
	up.unshare()
	return !cut && up.err == nil && up.panic == ""
}

// unshare gives the client's body back, once the upload is over.
func (u *upload) unshare() {
	if u.from != nil {
		u.from.Share(false)
	}
}

// soonOver gives an upload whose last byte the target may have seen already a moment to say so.
func (u *upload) soonOver() bool {
	if u.over() {
		return true
	}
	t := time.NewTimer(5 * time.Millisecond)
	defer t.Stop()
	select {
	case <-u.done:
		return true
	case <-t.C:
		return false
	}
}

// abandon ends a call without a response.
func (u *upConn) abandon() {
	u.stopWatch()
	u.settle()
	u.close()
}

func (u *upConn) stopWatch() {
	if u.stop != nil {
		u.stop()
		u.stop = nil
	}
}

// response makes the response of the head that was read.
func (u *upConn) response(c *wire.Call) *wire.Response {
	r, f := &u.resp, &u.f
	r.Length, r.Switch = f.length, nil
	r.Trailer.Reset()
	if u.up != nil && u.up.over() {
		u.up.unshare() // as it mostly is by now: the client's connection can have another request
	}
	b := &u.body
	*b = body{}
	b.s, b.wait, b.closed, b.trailer = &u.s, u, u.endF, &r.Trailer
	b.idle, b.by = idleOf(c), earlier(c.Deadline, c.BodyBy)
	r.Body = b
	switch {
	case r.Status == 101:
		u.stopWatch() // from now on it is the tunnel that reads from the client
		r.Body, r.Length = nil, 0
		r.Switch = &tunnel{s: &u.s, proto: cmp.Or(f.proto, c.Upgrade), end: u.abandon}
	case c.Method == "HEAD", r.Status == 204, r.Status == 304:
		b.err = io.EOF
		f.close = f.close || r.Status == 204 && (f.length > 0 || f.chunked) // the target may send one all the same
	case f.chunked:
		b.mode, r.Length = chunked, -1
	case f.length < 0:
		b.mode, f.close = untilClose, true
	case f.length == 0:
		b.err = io.EOF
	default:
		b.mode, b.left = byLength, f.length
	}
	return r
}

// finish ends a call whose response was read, or thrown away.
func (u *upConn) finish(b *body) {
	u.stopWatch()
	whole := u.settle() && b.done() && !u.f.close && u.s.r == u.s.w && !u.s.aborted.Load() && !u.bound()
	if !whole {
		u.close()
		return
	}
	u.last = u.at
	u.call, u.at = nil, time.Time{}
	u.resp.Release()
	u.s.release()
	u.pool.put(u)
}

// bound says that the target now takes the connection for one user's (NTLM, Negotiate): it may not carry another's calls.
func (u *upConn) bound() bool {
	if u.resp.Status != 401 {
		return false
	}
	for _, v := range u.resp.Header.Values("WWW-Authenticate") {
		v = strings.ToLower(v)
		if strings.HasPrefix(v, "ntlm") || strings.HasPrefix(v, "negotiate") {
			return true
		}
	}
	return false
}
