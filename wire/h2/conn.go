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
)

// A conn is a client's connection, and the net.Conn that net/http has in its place.
type conn struct {
	net.Conn
	srv  *Server
	info wire.Conn
	raw  syscall.RawConn // of a plain TCP connection
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
	seats []*seat // for requests, free
	users int     // the connection itself while it is open, and each request under way

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
	if len(c.rest) == 0 {
		n, err := c.read(p)
		if n == 0 || err != nil || len(c.rest) == 0 {
			return n, err
		}
	}
	n := copy(p, c.rest)
	if c.rest = c.rest[n:]; len(c.rest) == 0 {
		c.giveBlock()
	}
	return n, nil
}

// read reads into p, or, so that frames do not cost two system calls each, into rest. A connection that waits holds no buffer.
func (c *conn) read(p []byte) (n int, err error) {
	if c.raw == nil || len(p) >= readBlock {
		n, err = c.Conn.Read(p)
		return c.took(p[:n], n, err)
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
		return c.took(c.rest, n, nil)
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

// took looks at what was read.
func (c *conn) took(b []byte, n int, err error) (int, error) {
	if n == 0 {
		return n, err
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
	return n, err
}

// SetReadDeadline does nothing: the deadlines of reading are set here.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// enter counts a request in, and returns a seat for it; nil when the connection has ended already.
func (c *conn) enter() *seat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 {
		return nil
	}
	c.users++
	if n := len(c.seats); n > 0 {
		s := c.seats[n-1]
		c.seats[n-1] = nil
		c.seats = c.seats[:n-1]
		return s
	}
	s := &seat{Conn: c.info}
	s.Inform, s.Watch = s.inform, s.watch
	return s
}

// rise gives a seat back.
func (c *conn) rise(s *seat) {
	s.x = nil
	c.mu.Lock()
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
