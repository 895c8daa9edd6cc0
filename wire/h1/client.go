package h1

import (
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// An upConn is a connection to a target. One call uses it at a time.
type upConn struct {
	pool *Pool
	s    stream
	home int  // shard of the pool
	used bool // it has carried a call before
	last time.Time

	// What follows belongs to the call under way.
	call  *wire.Call
	at    time.Time // when it began
	resp  wire.Response
	f     framing
	body  body
	o     outBuf
	stop  func()      // ends the watching of the client
	gone  atomic.Bool // the client went away
	up    *upload     // a body that another goroutine sends, nil when there is none
	due   bool        // the body is still to be sent: the target was asked first
	began bool        // bytes of a response came
	sent  int         // bytes of o that start has written
	phase phase
	probe [1]byte
	begin func(fd uintptr) bool // u.start, made once
	goneF func()
	endF  func(*body)
}

type phase uint8

const (
	toSend  phase = iota // not a byte was written
	toFlush              // the socket took a part
	toRead               // all was written
	stale                // the target had closed the connection, or had something to say unasked
)

func newUpConn(p *Pool, c net.Conn, home int) *upConn {
	u := &upConn{pool: p, home: home}
	u.s.init(c)
	u.begin = u.start
	u.goneF = u.clientGone
	u.endF = u.finish
	return u
}

func (u *upConn) close() {
	u.s.drop()
	u.o.free()
	u.s.close(true)
	u.pool.release()
}

// Do sends c and returns the response when its head is there. The body is read from the connection while the caller reads
// it; closing it gives the connection back. An error is a *wire.CallError.
//
// A connection from the pool that turns out to be closed costs nothing while not a byte was sent. When it breaks later,
// with not a byte of an answer, the call is made again on another if its method may be repeated and its body is still at
// hand (RFC 9112 §9.3.1, RFC 9110 §9.2.2).
func (p *Pool) Do(c *wire.Call) (*wire.Response, error) {
	for try := 0; ; try++ {
		u, failed := p.get(c, try)
		if failed != nil {
			return nil, failed
		}
		if u.gone.Load() {
			u.gone.Store(false)
		}
		if !c.Cancel.Begin(u.goneF) {
			u.at = time.Time{}
			p.put(u)
			return nil, &wire.CallError{Op: wire.OpRequest, Err: errCanceled}
		}
		resp, failed, again := u.do(c)
		c.Cancel.Over()
		if failed == nil {
			return resp, nil
		}
		if !again {
			return nil, failed
		}
	}
}

// do makes one call on u. again says that u was stale and nothing can have happened.
func (u *upConn) do(c *wire.Call) (resp *wire.Response, failed *wire.CallError, again bool) {
	reused := u.used
	u.used, u.call, u.up, u.stop, u.sent, u.began = true, c, nil, nil, 0, false
	if u.at.IsZero() {
		u.at = time.Now()
	}
	if u.s.size = 0; c.Request != nil && c.Request.Conn != nil && c.Request.Conn.TLS != nil {
		u.s.size = socket.Part // what comes cannot be spliced, and the more there is the fewer records it takes
	}
	u.build(c)
	var inline inlined
	u.inline(c, &inline)
	u.due = !inline.all
	err := u.send(c)
	if u.phase == stale {
		inline.undo()
		u.close()
		return nil, &wire.CallError{Op: wire.OpConnect, Err: errStale}, reused
	}
	if err == nil {
		err = u.readHead(c)
	}
	if err == nil {
		return u.response(c), nil, false
	}
	failed = u.failure(c, err)
	again = reused && !failed.Began && u.up == nil && repeatable(c.Method) && inline.undo() &&
		(failed.Op == wire.OpRead || failed.Op == wire.OpWrite)
	u.abandon()
	if u.up != nil && u.up.panic != "" {
		panic(u.up.panic) // where it is contained
	}
	return nil, failed, again
}

var errCanceled = errors.New("the call was canceled")

var errStale = errors.New("the target closed the connection")

// repeatable says whether a method is idempotent (RFC 9110 §9.2.2).
func repeatable(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// An inlined body goes out whole, in one write with the head, because all of it is here already. It can be sent again.
type inlined struct {
	all   bool // nothing of the body is left to send
	b     *body
	mark  body
	r     int
	bytes *wire.Bytes
	saved []byte
}

// inline puts the whole body of c behind the head in u.o, if it is here and fits, and says in in what it did.
func (u *upConn) inline(c *wire.Call, in *inlined) {
	if in.all = c.Body == nil || c.Length == 0; in.all {
		return
	}
	src, free := sourceOf(c.Body)
	defer free()
	switch b := c.Body.(type) {
	case *body:
		in.b, in.mark, in.r = b, *b, b.s.r
	case *wire.Bytes:
		in.bytes, in.saved = b, b.Peek()
	default:
		return
	}
	if c.Length > 0 {
		p := src.peek()
		if in.all = int64(len(p)) >= c.Length && len(u.o.b)+len(p) <= cap(u.o.b); in.all {
			u.o.b = append(u.o.b, p[:c.Length]...)
			src.discard(int(c.Length))
		}
		return
	}
	u.inlineChunked(src, in)
}

// inlineChunked is inline for a body of unknown length: one chunk, if the end is here.
func (u *upConn) inlineChunked(src source, in *inlined) {
	head := len(u.o.b)
	n := 0
	for p := src.peek(); len(p) > 0; p = src.peek() {
		n += len(p)
		if head+n+20 > cap(u.o.b) {
			break
		}
		src.discard(len(p))
	}
	whole := src.ended()
	in.all = true
	in.undo()
	if in.all = whole; !whole {
		return
	}
	if n > 0 {
		u.o.b = strconv.AppendInt(u.o.b, int64(n), 16)
		u.o.b = append(u.o.b, "\r\n"...)
		for p := src.peek(); len(p) > 0; p = src.peek() {
			u.o.b = append(u.o.b, p...)
			src.discard(len(p))
		}
		u.o.b = append(u.o.b, "\r\n"...)
	}
	u.o.b = append(u.o.b, "0\r\n\r\n"...)
}

// undo puts the body back as it was before inline. It returns false when the body did not go out whole.
func (in *inlined) undo() bool {
	switch {
	case !in.all:
		return false
	case in.b != nil:
		*in.b = in.mark
		in.b.s.r = in.r
	case in.bytes != nil:
		*in.bytes = *wire.BytesBody(in.saved)
	}
	return true
}

// build puts the head of c into u.o. Its framing is made here, whatever the fields of c say.
func (u *upConn) build(c *wire.Call) {
	o := &u.o
	if c.Body == nil {
		o.take(headBlock)
	}
	o.start()
	b := append(o.b, c.Method...)
	b = append(b, ' ')
	b = append(b, c.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.Host...)
	b = append(b, "\r\n"...)
	if c.Header != nil {
		b = appendFields(b, c.Header)
	}
	switch {
	case c.Body != nil && c.Length > 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, c.Length, 10)
		b = append(b, "\r\n"...)
	case c.Body != nil && c.Length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case c.Method == "POST" || c.Method == "PUT" || c.Method == "PATCH":
		b = append(b, "Content-Length: 0\r\n"...) // RFC 9110 §8.6
	}
	if c.Upgrade != "" {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, c.Upgrade...)
		b = append(b, "\r\n"...)
	}
	if c.Expect {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	o.b = append(b, "\r\n"...)
}
