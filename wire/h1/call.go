package h1

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// send writes u.o and, on a plain TCP connection, waits a little for the answer on the way.
//
// One wait does three things: it looks whether the connection is still alive and silent, writes, and then
// waits until it is readable. The look costs nothing, as the read that finds nothing has to be made once anyway before
// a wait; and it is what keeps an answer to nobody's question from becoming the answer to this one.
func (u *upConn) send(c *wire.Call) error {
	u.phase = toSend
	if u.s.raw == nil {
		if u.s.tls != nil && u.last != (time.Time{}) && !u.s.tls.Silent() {
			u.phase = stale
			return nil
		}
		if err := u.s.write(u.o.b, time.Now(), idleOf(c)); err != nil {
			return err
		}
		u.written()
		return u.sendBody(c)
	}
	last := earlier(c.Deadline, c.HeadBy)
	little := patience
	if c.Wait > 0 {
		little = min(little, c.Wait)
	}
	err := u.s.armRead(earlier(u.at.Add(little), last))
	for err == nil {
		err = u.s.raw.Read(u.begin)
		if !errors.Is(err, os.ErrDeadlineExceeded) || u.phase != toSend || passed(last) {
			break
		}
		err = u.s.setRead(earlier(time.Now().Add(little), last)) // that was the deadline of an earlier call
	}
	switch {
	case u.phase == toRead && errors.Is(err, os.ErrDeadlineExceeded):
		err = nil // nothing has come yet
	case u.phase == toRead && err == nil && u.s.n == 0 && !u.due:
		err = whole(orEOF(u.s.failed()))
	case u.phase == toRead && err == nil:
		u.s.w += u.s.n
	case u.phase == toFlush && err == nil:
		if err = u.s.write(u.o.b[u.sent:], time.Now(), idleOf(c)); err == nil {
			u.written()
			u.at = time.Now()
		}
	}
	if err != nil || u.phase == stale {
		return err
	}
	return u.sendBody(c)
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// start runs when the connection may be readable; see send.
func (u *upConn) start(fd uintptr) bool {
	if u.phase == toRead {
		return u.s.readable(fd)
	}
	u.s.n, u.s.errno = 0, 0
	if n, err := socket.Read(fd, u.probe[:]); n > 0 || err != syscall.EAGAIN {
		u.phase = stale
		return true
	}
	n, err := socket.Write(fd, u.o.b)
	switch {
	case n == len(u.o.b):
		u.written()
		return u.due
	case n == 0 && err != syscall.EAGAIN:
		u.phase = stale
	default:
		u.phase, u.sent = toFlush, n
	}
	return true
}

// written ends the writing of the head. Its block goes back at once: a call made again is built anew, and the next one finds the block
// where the processor has it at hand.
func (u *upConn) written() {
	u.phase = toRead
	u.o.free()
}

func idleOf(c *wire.Call) time.Duration {
	if c.Idle > 0 {
		return c.Idle
	}
	return time.Hour
}

// readHead reads the final response's head, passing interim ones on.
func (u *upConn) readHead(c *wire.Call) error {
	var sentAt time.Time // the whole request
	if u.up == nil && !u.due {
		sentAt = u.at
	}
	for scanned, interim := 0, 0; ; {
		b := u.s.buffered()
		u.began = u.began || len(b) > 0
		end, next, fault := headEnd(b, scanned)
		switch {
		case fault != nil:
			return fault
		case end > maxResponseHead || end == 0 && len(b) >= maxResponseHead:
			return faultResponseHead
		case end > 0:
			u.resp.Header.Reset()
			head := string(b[:end])
			u.s.r += end
			scanned = 0
			if fault := parseResponse(head, &u.resp, &u.f); fault != nil {
				return fault
			}
			if u.resp.Status == 101 && c.Upgrade == "" {
				return faultSwitch
			}
			if u.resp.Status >= 200 || u.resp.Status == 101 {
				return nil
			}
			if interim++; interim > maxInterim {
				return faultInterim
			}
			if err := u.interim(c); err != nil {
				return err
			}
			continue
		}
		scanned = next
		if !u.s.room(maxResponseHead) {
			return faultResponseHead
		}
		if err := u.awaitHead(c, &sentAt); err != nil {
			return whole(err)
		}
	}
}

var (
	faultResponseHead = wire.Bad("the response's header is larger than allowed")
	faultInterim      = wire.Bad("too many interim responses")
	faultSwitch       = wire.Bad("the target switches protocols unasked")
)

// interim deals with a response that is not the final one.
func (u *upConn) interim(c *wire.Call) error {
	if u.resp.Status == 100 {
		return u.upload(c)
	}
	if r := c.Request; r != nil && r.Conn != nil && r.Conn.Inform != nil {
		if err := r.Conn.Inform(&u.resp); err != nil {
			u.gone.Store(true)
			return err
		}
	}
	return nil
}

// expectTime is how long a target that was asked for 100 Continue may think, before the body is sent anyway (RFC 9110 §10.1.1).
const expectTime = time.Second

// awaitHead waits for more of the head. The time for it begins when the request has been sent whole.
func (u *upConn) awaitHead(c *wire.Call, sentAt *time.Time) error {
	last := earlier(c.Deadline, c.HeadBy)
	if u.due {
		err := u.await(earlier(time.Now().Add(expectTime), last))
		if errors.Is(err, os.ErrDeadlineExceeded) && !u.s.aborted.Load() && !passed(last) {
			return u.upload(c)
		}
		return err
	}
	if u.up != nil && !u.up.over() {
		err := u.await(earlier(time.Now().Add(time.Second/4), last))
		if errors.Is(err, os.ErrDeadlineExceeded) && !u.s.aborted.Load() && !passed(last) {
			return nil // the request is still on its way
		}
		return err
	}
	if sentAt.IsZero() {
		*sentAt = time.Now()
	}
	by := last
	if c.Wait > 0 {
		by = earlier(by, sentAt.Add(c.Wait))
	}
	if by.IsZero() {
		by = time.Now().Add(24 * time.Hour)
	}
	return u.await(by)
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// await waits for bytes until by. When that takes long it has the client watched, so that the call ends with the client.
func (u *upConn) await(by time.Time) error {
	if u.stop == nil && (u.up == nil || u.up.over()) {
		if soon := u.at.Add(patience); soon.Before(by) && !passed(soon) {
			if err := u.s.fill(soon); !errors.Is(err, os.ErrDeadlineExceeded) || u.s.aborted.Load() {
				return err
			}
		}
		if r := u.call.Request; r != nil && r.Conn != nil && r.Conn.Watch != nil {
			u.stop = r.Conn.Watch(u.goneF)
		}
	}
	return u.s.fill(by)
}

// clientGone runs when the client that a call is for went away.
func (u *upConn) clientGone() {
	u.gone.Store(true)
	u.s.abort()
}

// failure says what went wrong with c.
func (u *upConn) failure(c *wire.Call, err error) *wire.CallError {
	f := &wire.CallError{Op: wire.OpRead, Sent: true, Began: u.began, Err: err}
	var fault *wire.Fault
	if u.up != nil && u.s.aborted.Load() {
		<-u.up.done // it is why, and about to say so
	}
	switch {
	case u.up != nil && u.up.clientFailed():
		f.Op, f.Err = wire.OpRequest, u.up.err
	case u.gone.Load():
		f.Op, f.Err = wire.OpRequest, wire.ErrClientGone
	case errors.As(err, &fault):
		f.Op = wire.OpProtocol
	case errors.Is(err, os.ErrDeadlineExceeded):
		f.Op = wire.OpTimeout
	case u.phase != toRead:
		f.Op = wire.OpWrite
	}
	return f
}
