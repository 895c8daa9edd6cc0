package h2

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// A conn is a client's connection, and the net.Conn that net/http has in its place.
type conn struct {
	net.Conn
	srv  *Server
	info wire.Conn
	raw  syscall.RawConn // of a plain TCP connection
	tls  *socket.Secure  // nil without TLS
	late bool            // it came after Drain and gets one answer

	// Reading, by the one goroutine of net/http that reads.
	in    scan
	rest  []byte // read and not handed out yet
	block []byte // what rest is part of, nil while nothing waits
	slow  bool   // a deadline is set, as a head has begun and not ended

	wmu     sync.Mutex // guards what follows, and writing
	out     scan       // of what net/http has written
	wait    []byte     // a block with what is to be sent, nil for nothing
	told    []byte     // frames to put in at the end of the frame under way
	due     bool       // somebody is about to send
	writeBy time.Time  // the deadline of writing
	failed  error      // why nothing more can be written

	mu    sync.Mutex // guards what follows
	flood flood
	calms chan struct{} // closed when streams have come to their handlers; nil while nobody waits for that
	seats []*seat       // for requests, free
	busy  []*exchange   // requests under way
	users int           // the connection itself while it is open, and each request under way

	heads  atomic.Int64 // bytes of the heads of requests under way
	closed atomic.Bool
}

// A seat is what one request at a time needs of a connection; it knows the connection's client.
type seat struct {
	wire.Conn
	x *exchange // that has the seat
}

const readBlock = 4 << 10

var readBlocks = sync.Pool{New: func() any { return new([readBlock]byte) }}

var errFlood = errors.New("the client makes work and asks for nothing")

// Read reads what the client sends, and counts its frames.
func (c *conn) Read(p []byte) (int, error) {
	if c.in.between() && c.in.any && !c.mayGoOn() {
		c.calm()
		return 0, errFlood
	}
	if len(c.rest) == 0 {
		n, err := c.read(p)
		if len(c.rest) == 0 {
			return c.took(p[:n], err)
		}
	}
	n := copy(p, c.rest)
	if c.rest = c.rest[n:]; len(c.rest) == 0 {
		c.giveBlock()
	}
	return c.took(p[:n], nil)
}

// mayGoOn waits as long as too many streams have not come to a handler, and says whether they have.
func (c *conn) mayGoOn() bool {
	c.mu.Lock()
	if !c.flood.crowded() {
		c.mu.Unlock()
		return true
	}
	calms := make(chan struct{})
	c.calms = calms
	c.mu.Unlock()
	t := time.NewTimer(unknownTime)
	defer t.Stop()
	select {
	case <-calms:
		return true
	case <-t.C:
		return false
	}
}

// read reads into p, or, so that frames do not cost two system calls each, into rest. A connection that waits holds no buffer.
func (c *conn) read(p []byte) (n int, err error) {
	if c.tls != nil {
		if err := c.tls.Await(); err != nil {
			return 0, err
		}
	}
	switch {
	case len(p) >= readBlock, c.raw == nil && c.tls == nil:
		return c.Conn.Read(p)
	case c.tls != nil:
		b := readBlocks.Get().(*[readBlock]byte)
		if n, err = c.tls.Read(b[:]); n == 0 {
			readBlocks.Put(b)
			return 0, err
		}
		c.block, c.rest = b[:], b[:n]
		return 0, nil
	}
	var b *[readBlock]byte
	var failed error
	err = c.raw.Read(func(fd uintptr) bool {
		b = readBlocks.Get().(*[readBlock]byte)
		for failed = syscall.EINTR; failed == syscall.EINTR; {
			n, failed = syscall.Read(int(fd), b[:])
		}
		if n <= 0 {
			readBlocks.Put(b)
		}
		return failed != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case n > 0:
		c.block, c.rest = b[:], b[:n]
		return 0, nil
	case failed != nil:
		return 0, failed
	}
	return 0, io.EOF
}

func (c *conn) giveBlock() {
	if c.block != nil {
		readBlocks.Put((*[readBlock]byte)(c.block))
		c.block, c.rest = nil, nil
	}
}

// took looks at what net/http is about to get.
func (c *conn) took(b []byte, err error) (int, error) {
	if len(b) == 0 {
		return 0, err
	}
	c.mu.Lock()
	c.in.feed(b, c.flood.read)
	late := c.flood.block || !c.in.between() && c.in.kind() != frameData
	why := c.flood.flooded
	c.mu.Unlock()
	if why != "" {
		c.calm()
		c.giveBlock()
		return 0, errFlood
	}
	if late && len(c.rest) > 0 {
		return len(b), err // the rest of it is here
	}
	if late != c.slow {
		c.slow = late
		by := time.Time{}
		if late {
			by = time.Now().Add(c.srv.limits.HeadTime)
		}
		if err := c.Conn.SetReadDeadline(by); err != nil {
			return 0, err
		}
	}
	return len(b), err
}

// SetReadDeadline does nothing: the deadlines of reading are set here.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// enter counts a request in, and returns a seat for it; nil when the connection has ended already.
func (c *conn) enter(x *exchange) *seat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 {
		return nil
	}
	c.users++
	c.flood.known++
	if c.calms != nil && !c.flood.crowded() {
		close(c.calms)
		c.calms = nil
	}
	x.at = len(c.busy)
	c.busy = append(c.busy, x)
	if n := len(c.seats); n > 0 {
		s := c.seats[n-1]
		c.seats[n-1] = nil
		c.seats = c.seats[:n-1]
		s.x = x
		return s
	}
	s := &seat{Conn: c.info, x: x}
	s.Inform, s.Watch = s.inform, s.watch
	return s
}

// rise gives a seat back.
func (c *conn) rise(s *seat) {
	x := s.x
	s.x = nil
	c.mu.Lock()
	last := len(c.busy) - 1
	c.busy[x.at] = c.busy[last]
	c.busy[x.at].at = x.at
	c.busy[last] = nil
	c.busy = c.busy[:last]
	if len(c.seats) < seatsKept {
		c.seats = append(c.seats, s)
	}
	c.mu.Unlock()
	c.leave()
}

const seatsKept = 16

// leave counts out the connection or a request. Whoever is last tells that it has ended.
func (c *conn) leave() {
	c.mu.Lock()
	c.users--
	last := c.users == 0
	c.mu.Unlock()
	if last {
		c.srv.ended(c)
	}
}
