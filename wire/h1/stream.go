package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"sallyport/wire/socket"
)

// A stream is a connection with a read buffer that it has only while there is something in it.
//
// On a plain TCP connection the buffer is taken when the socket turns readable, so ten thousand connections that
// wait hold ten thousand goroutines and no buffers. On TLS it is the same, as far as TLS itself lets go of its memory.
type stream struct {
	conn net.Conn        // without TLS: what has deadlines, and can be cut
	tcp  *net.TCPConn    // nil unless plain TCP
	raw  syscall.RawConn // of tcp
	tls  *socket.Secure  // nil unless TLS

	buf  []byte // nil while nothing is buffered
	r, w int    // what is buffered is buf[r:w]
	kept []byte // start of a head that came in pieces, while the stream waits for the rest
	size int    // of the blocks to read into, 0 for the usual

	readBy  time.Time // deadlines that the connection has now
	writeBy time.Time

	onRead func(fd uintptr) bool // readable, made once
	n      int                   // what onRead found
	errno  syscall.Errno
	waits  int // times that onRead found nothing

	onWrite  func(fd uintptr) bool // writable, made with the first write
	toWrite  []byte                // what it still has to write
	writeErr error

	aborted atomic.Bool // another goroutine wants reads to end, not to go on
}

func (s *stream) init(c net.Conn) {
	if secure, ok := c.(*socket.Secure); ok {
		s.tls, s.conn = secure, secure.NetConn()
		return
	}
	s.conn = c
	tcp := socket.TCP(c)
	if tcp == nil {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // the connection is closed already; the first read says so
	}
	s.tcp, s.raw = tcp, raw
	s.onRead = s.readable
}

// Sizes of blocks.
const (
	headBlock  = socket.Head
	smallBlock = socket.Small
	bigBlock   = socket.Big
)

// buffered returns what can be read without waiting. It is a view: gone with the next fill or release.
func (s *stream) buffered() []byte { return s.buf[s.r:s.w] }

// take makes sure that there is a buffer, with what was kept of a head at its start.
func (s *stream) take(size int) {
	if s.buf != nil {
		return
	}
	s.buf = socket.Take(max(size, len(s.kept)+1))
	s.r, s.w = 0, copy(s.buf, s.kept)
	s.kept = nil
}

// release gives the buffer back if nothing is in it.
func (s *stream) release() {
	if s.buf != nil && s.r == s.w {
		socket.Give(s.buf)
		s.buf, s.r, s.w = nil, 0, 0
	}
}

// drop gives the buffer back with all that is in it.
func (s *stream) drop() {
	s.r, s.w = 0, 0
	s.kept = nil
	s.release()
}

// keep puts what is buffered in a slice of its own size and gives the buffer back: for the start of a head whose rest is
// still to come.
func (s *stream) keep() {
	b := s.buffered()
	if len(b) >= smallBlock/2 {
		return
	}
	s.kept = append(make([]byte, 0, max(512, len(b))), b...)
	s.r, s.w = 0, 0
	s.release()
}

// room makes sure that there is room behind w, moving what is buffered to the start, or to a larger block up to
// most bytes. It reports whether there is any.
func (s *stream) room(most int) bool {
	if s.buf == nil || s.w < len(s.buf) {
		return true
	}
	if s.r > 0 {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
		return true
	}
	if len(s.buf) >= most {
		return false
	}
	old := s.buf
	s.buf = socket.Take(min(most, max(bigBlock, 2*len(old))))
	s.w = copy(s.buf, old)
	socket.Give(old)
	return true
}

// errTimeout is what fill and write return when their time is over.
var errTimeout = os.ErrDeadlineExceeded

// fill waits for at least one more byte behind what is buffered, until by. The caller has seen to room. A clean end of
// the connection is io.EOF.
func (s *stream) fill(by time.Time) error {
	for {
		if err := s.armRead(by); err != nil {
			return err
		}
		n, err := s.read()
		s.w += n
		if n > 0 {
			return nil
		}
		if err == nil {
			return io.EOF
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || s.aborted.Load() || !s.early(by) {
			return err
		}
	}
}

func (s *stream) read() (int, error) {
	if s.raw == nil {
		if s.buf == nil && s.tls != nil {
			if err := s.tls.Await(); err != nil {
				return 0, err
			}
		}
		s.take(smallBlock)
		n, err := s.receive(s.buf[s.w:])
		if n == 0 {
			s.release()
		}
		if n == 0 && err == io.EOF {
			err = nil
		}
		return n, err
	}
	s.n, s.errno = 0, 0
	if err := s.raw.Read(s.onRead); err != nil {
		return 0, err
	}
	return s.n, s.failed()
}

// receive reads what has to be decrypted, or comes from elsewhere than plain TCP.
func (s *stream) receive(p []byte) (int, error) {
	if s.tls != nil {
		return s.tls.Read(p)
	}
	return s.conn.Read(p)
}

// thrifty says that waiting on s holds no buffer.
func (s *stream) thrifty() bool { return s.raw != nil || s.tls != nil }

// failed is what the last read failed with.
func (s *stream) failed() error {
	if s.errno == 0 {
		return nil
	}
	return s.errno
}

// readable reads what the socket has. It runs when the socket may be readable, and returns false to wait until it is.
func (s *stream) readable(fd uintptr) bool {
	b, from := s.buf, s.w
	if b == nil {
		b = socket.Take(max(smallBlock, s.size, len(s.kept)+1))
		if s.size > 0 {
			b = b[:max(s.size, len(s.kept)+1)]
		}
		from = copy(b, s.kept)
	}
	s.n, s.errno = socket.Read(fd, b[from:])
	if s.n > 0 {
		if s.buf == nil {
			s.buf, s.r, s.w, s.kept = b, 0, from, nil
		}
		return true
	}
	if s.buf == nil {
		socket.Give(b)
	}
	if s.errno != syscall.EAGAIN {
		return true
	}
	s.waits++
	return false
}

// armRead sees to a deadline no later than by. One that is earlier stays: when it passes too soon, fill goes on. So
// a connection in use sets a timer now and then, not with each request.
func (s *stream) armRead(by time.Time) error {
	if s.readBy.IsZero() || s.readBy.After(by) {
		return s.setRead(by)
	}
	return nil
}

// setRead sets the deadline, unless reads are to end: then it must not take the place of the one that abort has set.
func (s *stream) setRead(by time.Time) error {
	s.readBy = by
	if err := s.conn.SetReadDeadline(by); err != nil {
		return err
	}
	if s.aborted.Load() {
		return errTimeout
	}
	return nil
}

// early says whether a deadline passed before by, and sets the right one.
func (s *stream) early(by time.Time) bool {
	return time.Now().Before(by) && s.setRead(by) == nil
}

// write writes all of b, giving the peer idle time for each step of progress; see push.
func (s *stream) write(b []byte, now time.Time, idle time.Duration) error {
	if s.tls != nil {
		return s.seal(b, now, idle)
	}
	return s.push(now, idle, func() (int, error) {
		n, err := s.writeOnce(b)
		b = b[n:]
		return n, err
	})
}

// seal encrypts b part by part and writes each at once.
func (s *stream) seal(b []byte, now time.Time, idle time.Duration) error {
	for len(b) > 0 {
		part := b[:min(len(b), s.tls.Room())]
		b = b[len(part):]
		if err := s.tls.Seal(part); err != nil {
			return err
		}
		if err := s.sendSealed(idle); err != nil {
			return err
		}
	}
	return nil
}

// unhurried is how long a client may take nothing of what is sealed before that is put where it takes less memory.
const unhurried = time.Second

// sendSealed writes what is sealed, giving the peer idle time for each step of progress; see push.
func (s *stream) sendSealed(idle time.Duration) error {
	all, err := s.tls.TryFlush()
	if all || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // the deadline is that of an earlier write
		return err
	}
	now := time.Now()
	if idle > unhurried {
		if err := s.setWrite(now.Add(unhurried)); err != nil {
			return err
		}
		if _, err := s.tls.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
			s.tls.Slow(false)
			return err
		}
		s.tls.Shrink()
		s.writeBy = time.Time{}
	}
	return s.push(now, idle, s.tls.Flush)
}

// push calls once until it has nothing left to write, giving the peer at least idle time for each step of progress, at most
// twice that. As with reading, a deadline that is there and earlier stays until it passes. now need not be exact: it only
// tells whether there is a later one.
func (s *stream) push(now time.Time, idle time.Duration, once func() (int, error)) error {
	by := now.Add(idle)
	// Nobody knows what else survives a deadline that passes in the middle of a write, so there it is always a new one.
	fresh := !s.thrifty() || s.writeBy.IsZero() || s.writeBy.After(by)
	for {
		if fresh {
			by = time.Now().Add(idle)
			if err := s.setWrite(by); err != nil {
				return err
			}
		}
		n, err := once()
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || fresh && n == 0 {
			return err
		}
		fresh = true
	}
}

// writeOnce writes b until it is written, the deadline passes or the connection breaks.
func (s *stream) writeOnce(b []byte) (int, error) {
	if s.raw == nil {
		return s.conn.Write(b)
	}
	s.toWrite, s.writeErr = b, nil
	if s.onWrite == nil {
		s.onWrite = s.writable
	}
	err := s.raw.Write(s.onWrite)
	n := len(b) - len(s.toWrite)
	s.toWrite = nil
	if err == nil {
		err = s.writeErr
	}
	return n, err
}

// writable writes what the socket takes. It returns false to wait until it takes more.
func (s *stream) writable(fd uintptr) bool {
	for len(s.toWrite) > 0 {
		n, err := socket.Write(fd, s.toWrite)
		s.toWrite = s.toWrite[n:]
		if err == syscall.EAGAIN {
			return false
		}
		if err != 0 {
			s.writeErr = err
			return true
		}
	}
	return true
}

func (s *stream) setWrite(by time.Time) error {
	s.writeBy = by
	return s.conn.SetWriteDeadline(by)
}

// abort makes the read under way and those to come fail at once, whatever deadline is being set meanwhile. Another goroutine than the stream's may call it.
func (s *stream) abort() {
	s.aborted.Store(true)
	_ = s.conn.SetReadDeadline(past)
}

var past = time.Unix(1, 0)

// closeWrite tells the peer that nothing more will come. To one with TLS that looks cut short unless whole.
func (s *stream) closeWrite(whole bool) error {
	if s.tls != nil && whole {
		return s.tls.CloseWrite()
	}
	half, ok := s.conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// close ends the connection in good order; what has to look cut short is cut.
func (s *stream) close(whole bool) {
	if s.tls != nil && whole {
		_ = s.tls.Close()
		return
	}
	_ = s.conn.Close()
}

// forget makes the end of the connection a reset: the peer loses what it has not read.
func (s *stream) forget() {
	if t := socket.TCP(s.conn); t != nil {
		_ = t.SetLinger(0)
	}
}
