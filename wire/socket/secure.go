package socket

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Secure is a TLS connection. Beyond what a tls.Conn does,
//
//   - all records of one write leave in one system call, and a deadline that passes meanwhile does not break TLS, since what TLS
//     writes goes to memory first;
//   - who waits for its peer holds no memory for what may come: see Await.
//
// One goroutine may read while another writes.
type Secure struct {
	tls  *tls.Conn
	sock net.Conn
	raw  syscall.RawConn // of sock, nil unless it is TCP

	records records
	full    bool   // the last Read filled its buffer, so TLS may have more of the record
	asked   bool   // TLS has read since the last Read began
	probing bool   // TLS may take nothing from the socket
	early   []byte // what probe found, for the next Read; a part of a block
	ahead   []byte // what was read before TLS asked for it, at r to w; nil while there is nothing
	r, w    int
	onRead  func(fd uintptr) bool // reads into ahead
	into    []byte                // where onInto reads to
	onInto  func(fd uintptr) bool
	n       int // what onRead or onInto found
	errno   syscall.Errno

	live    bool       // the handshake is over
	mu      sync.Mutex // guards out
	out     []byte     // sealed; not yet on its way
	writing sync.Mutex // held by Write and Close
	failed  error      // why Write cannot go on; guarded by writing
	sending []byte     // on its way
	sent    int        // of sending
	hasty   bool       // the flush under way does not wait
	slow    atomic.Bool
	onWrite func(fd uintptr) bool
	wrote   syscall.Errno
}

// Part is how much Seal takes at a time: what fits into a block with the overhead of its records.
const Part = Big - 4*overhead

const (
	overhead  = 64       // more than what a record adds to its content
	maxRecord = 16 << 10 // bytes of content
)

// Server returns the server's side of TLS on c, before the handshake.
func Server(c net.Conn, config *tls.Config) *Secure { return secure(c, config, tls.Server) }

// Client returns the client's side of TLS on c, before the handshake.
func Client(c net.Conn, config *tls.Config) *Secure { return secure(c, config, tls.Client) }

func secure(c net.Conn, config *tls.Config, side func(net.Conn, *tls.Config) *tls.Conn) *Secure {
	s := &Secure{sock: c}
	s.tls = side((*below)(s), config)
	if t := TCP(c); t != nil {
		if raw, err := t.SyscallConn(); err == nil {
			s.raw = raw
			s.onRead, s.onInto, s.onWrite = s.lookAhead, s.readable, s.writable
		}
	}
	return s
}

// Handshake makes the connection ready, until by at the latest. After an error it is good for nothing but to be closed.
func (s *Secure) Handshake(by time.Time) error {
	if err := s.sock.SetDeadline(by); err != nil {
		return err
	}
	if err := s.tls.Handshake(); err != nil {
		return err
	}
	s.live = true
	return s.sock.SetDeadline(time.Time{})
}

// ConnectionState is what was agreed on.
func (s *Secure) ConnectionState() tls.ConnectionState { return s.tls.ConnectionState() }

// NetConn returns the connection below.
func (s *Secure) NetConn() net.Conn { return s.sock }

// Await waits until Read has something to do, holding no memory meanwhile. It may return before that. A read deadline that passes is an
// error, and the connection as good as before.
func (s *Secure) Await() error {
	if s.raw == nil || s.r < s.w || len(s.early) > 0 || (s.full || s.records.whole > 0) && s.probe() {
		return nil
	}
	s.n, s.errno = 0, 0
	return s.raw.Read(s.onRead) // an end or an error will come again, where TLS sees it
}

// lookAhead runs when the socket may be readable.
func (s *Secure) lookAhead(fd uintptr) bool {
	b := Take(Small)
	s.n, s.errno = Read(fd, b)
	if s.n > 0 {
		s.ahead, s.r, s.w = b, 0, s.n
		return true
	}
	Give(b)
	return s.errno != syscall.EAGAIN
}

// Read reads.
func (s *Secure) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
		return n, nil
	}
	full := s.full
	s.asked = false
	n, err := s.tls.Read(p)
	s.full = n == len(p)
	if n > 0 && s.records.whole > 0 && (s.asked || !full) {
		s.records.whole-- // at least that of which p has the end
	}
	return n, err
}

// Seal encrypts p, of which there may be Part bytes. Flush sends it.
func (s *Secure) Seal(p []byte) error {
	_, err := s.tls.Write(p)
	return err
}

// Flush sends what is sealed, and tells how much of that went out, as it stands on the wire. After a deadline that passed it may
// be called again.
func (s *Secure) Flush() (int, error) { return s.flush(true) }

// TryFlush sends as much of what is sealed as needs no waiting, and says whether that was all.
func (s *Secure) TryFlush() (all bool, err error) {
	if s.raw == nil {
		return false, nil // nobody can tell
	}
	_, err = s.flush(false)
	return s.sending == nil, err
}

func (s *Secure) flush(waits bool) (int, error) {
	if s.sending == nil {
		s.mu.Lock()
		s.sending, s.out = s.out, nil
		s.mu.Unlock()
		s.sent = 0
	}
	before := s.sent
	s.hasty = !waits
	err := s.send()
	n := s.sent - before
	if err == nil && s.sending != nil && s.sent == len(s.sending) {
		Give(s.sending)
		s.sending, s.sent = nil, 0
	}
	return n, err
}

// Shrink makes what waits to be sent take no more memory than it has to, until Slow is told otherwise: for a peer that takes its time.
func (s *Secure) Shrink() {
	if rest := s.sending[s.sent:]; len(rest) < cap(s.sending) {
		block := s.sending
		s.sending, s.sent = bytes.Clone(rest), 0
		Give(block)
	}
	s.Slow(true)
}

// Slow says whether the peer takes its time. For one that does less is sealed at a time.
func (s *Secure) Slow(slow bool) { s.slow.Store(slow) }

// Room is how much had better be sealed at a time.
func (s *Secure) Room() int {
	if s.slow.Load() {
		return maxRecord
	}
	return Part
}

func (s *Secure) send() error {
	if s.sent == len(s.sending) {
		return nil
	}
	if s.raw == nil {
		n, err := s.sock.Write(s.sending[s.sent:])
		s.sent += n
		return err
	}
	s.wrote = 0
	if err := s.raw.Write(s.onWrite); err != nil {
		return err
	}
	if s.wrote != 0 {
		return s.wrote
	}
	return nil
}

// writable writes what the socket takes. It returns false to wait until it takes more.
func (s *Secure) writable(fd uintptr) bool {
	for s.sent < len(s.sending) {
		n, err := Write(fd, s.sending[s.sent:])
		s.sent += n
		if err == syscall.EAGAIN {
			return s.hasty
		}
		if err != 0 {
			s.wrote = err
			return true
		}
	}
	return true
}

// Write writes p. After an error no other write will succeed. It is not for those who use Seal and Flush.
func (s *Secure) Write(p []byte) (n int, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	for n < len(p) && s.failed == nil {
		part := p[n:min(len(p), n+Part)]
		if s.failed = s.Seal(part); s.failed == nil {
			_, s.failed = s.Flush()
		}
		if s.failed == nil {
			n += len(part)
		}
	}
	return n, s.failed
}

// notify says goodbye as far as that takes no waiting: who does not read gets none.
func (s *Secure) notify() error {
	if !s.writing.TryLock() {
		return errBusy
	}
	defer s.writing.Unlock()
	if s.failed != nil || !s.live {
		return errBusy
	}
	_ = s.sock.SetWriteDeadline(time.Now().Add(goodbye))
	if err := s.tls.CloseWrite(); err != nil {
		return err
	}
	_, err := s.Flush()
	return err
}

var errBusy = errors.New("the connection is being written to")

// goodbye is how long sending a few bytes may take to a peer that has read all before.
const goodbye = 100 * time.Millisecond

// CloseWrite tells the peer that nothing more will come.
func (s *Secure) CloseWrite() error {
	if err := s.notify(); err != nil {
		return err
	}
	if half, ok := s.sock.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close says goodbye and closes the connection. To cut it off, close NetConn.
func (s *Secure) Close() error {
	_ = s.notify()
	return s.sock.Close()
}

// LocalAddr returns the address of this end.
func (s *Secure) LocalAddr() net.Addr { return s.sock.LocalAddr() }

// RemoteAddr returns the address of the other end.
func (s *Secure) RemoteAddr() net.Addr { return s.sock.RemoteAddr() }

// SetDeadline sets both deadlines.
func (s *Secure) SetDeadline(t time.Time) error { return s.sock.SetDeadline(t) }

// SetReadDeadline makes a Read fail after t; zero is never. Another can succeed later.
func (s *Secure) SetReadDeadline(t time.Time) error { return s.sock.SetReadDeadline(t) }

// SetWriteDeadline makes a Flush fail after t; zero is never.
func (s *Secure) SetWriteDeadline(t time.Time) error { return s.sock.SetWriteDeadline(t) }

// mostSealed is more than a whole Part, and as much again, that may wait for Flush.
const mostSealed = 2 * Big

var errSealed = errors.New("too much is waiting to be sent")

// below is what TLS reads and writes.
type below Secure

// Read hands TLS what has come. That it asks says that it has no whole record any more.
func (b *below) Read(p []byte) (n int, err error) {
	s := (*Secure)(b)
	s.asked, s.records.whole = true, 0
	if s.probing && s.r == s.w {
		return 0, errNothing
	}
	switch {
	case s.r < s.w:
		n = copy(p, s.ahead[s.r:s.w])
		if s.r += n; s.r == s.w {
			Give(s.ahead)
			s.ahead, s.r, s.w = nil, 0, 0
		}
	case s.raw == nil:
		n, err = s.sock.Read(p)
	default:
		n, err = s.receive(p)
	}
	s.records.pass(p[:n])
	return n, err
}

// receive reads from the socket, waiting for the first byte.
func (s *Secure) receive(p []byte) (int, error) {
	s.n, s.errno, s.into = 0, 0, p
	err := s.raw.Read(s.onInto)
	s.into = nil
	switch {
	case err != nil:
		return 0, err
	case s.errno != 0:
		return 0, os.NewSyscallError("read", s.errno)
	case s.n == 0:
		return 0, io.EOF
	}
	return s.n, nil
}

func (s *Secure) readable(fd uintptr) bool {
	s.n, s.errno = Read(fd, s.into)
	return s.errno != syscall.EAGAIN
}

// Write takes what TLS writes. During the handshake it goes out at once. Later on it waits for Flush: so does an answer to a request for new
// keys, which is due before the next data (RFC 8446 §4.6.3). There are no
// more of these than fit: then nothing can be sent any more.
func (b *below) Write(p []byte) (int, error) {
	s := (*Secure)(b)
	if !s.live {
		return s.sock.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out) > mostSealed {
		return 0, errSealed
	}
	if need := len(s.out) + len(p); need > cap(s.out) {
		var larger []byte
		if s.slow.Load() {
			larger = make([]byte, 0, need)
		} else {
			larger = Take(need)
		}
		larger = append(larger[:0], s.out...)
		if s.out != nil {
			Give(s.out)
		}
		s.out = larger
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

func (b *below) Close() error                      { return b.sock.Close() }
func (b *below) LocalAddr() net.Addr               { return b.sock.LocalAddr() }
func (b *below) RemoteAddr() net.Addr              { return b.sock.RemoteAddr() }
func (b *below) SetDeadline(t time.Time) error     { return b.sock.SetDeadline(t) }
func (b *below) SetReadDeadline(t time.Time) error { return b.sock.SetReadDeadline(t) }
func (b *below) SetWriteDeadline(time.Time) error  { return nil } // what it writes goes to memory
