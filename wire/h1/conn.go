package h1

import (
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"sallyport/wire"
)

// An exchange is what one request needs while it is served. It is pooled: an idle connection has none.
type exchange struct {
	req  wire.Request
	f    framing
	body body
	out  outBuf
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// restack is how long a connection is idle before it gets a goroutine with a fresh stack. Serving a request makes a stack
// grow; an idle connection needs the smallest.
const restack = 2 * time.Second

// serve serves requests until the connection ends or has been idle for a while: then another goroutine goes on.
func (k *conn) serve(first bool) {
	for ; ; first = false {
		again, rests := k.next(first)
		switch {
		case rests && !first:
			go k.rest(k.idleUntil(), true)
			return
		case !again:
			k.end()
			return
		}
	}
}

// idleUntil is how long a connection may wait that has waited until restack behind its last head, or whose last request took longer
// than that.
func (k *conn) idleUntil() time.Time {
	now, idle := time.Now(), k.srv.limits.Idle
	if now.Sub(k.seen) < restack+restack/10 {
		idle -= restack
	}
	return now.Add(idle)
}

// settled is when an idle connection moves once more. What size a new stack has follows from those in use, as the last garbage
// collection saw them: shortly after a crowd they are larger than later on.
const settled = 8 * time.Second

// rest waits until by for the next request, on a small stack.
func (k *conn) rest(by time.Time, first bool) {
	until := by
	if late := time.Now().Add(settled); first && late.Before(by) {
		until = late
	}
	switch err := k.s.fill(until); {
	case err == nil:
		k.serve(true)
	case errors.Is(err, os.ErrDeadlineExceeded) && until.Before(by) && !k.s.aborted.Load():
		go k.rest(by, false)
	default:
		k.end()
	}
}

// next serves one request. again says that the connection can have another; rests that none came within restack, or that
// the last one took longer.
func (k *conn) next(first bool) (again, rests bool) {
	if len(k.s.buffered()) == 0 {
		k.s.release()
		by := k.seen.Add(restack)
		parting := k.srv.draining.Load() // and the last answer did not say so yet
		brief := k.srv.limits.Idle <= 2*restack || parting
		switch {
		case first:
			by = time.Now().Add(k.srv.limits.HeadTime)
		case parting:
			by = time.Now().Add(min(farewell, k.srv.limits.Idle))
		case brief:
			by = time.Now().Add(k.srv.limits.Idle)
		}
		if err := k.await(by, first); err != nil {
			return false, !brief && errors.Is(err, os.ErrDeadlineExceeded) && !k.s.aborted.Load()
		}
	}
	if k.state.Swap(busy) == dead && !k.saved() {
		return false, false
	}
	x := exchanges.Get().(*exchange)
	again = k.exchange(x)
	x.req.Reset()
	x.body = body{}
	exchanges.Put(x)
	k.state.Store(idle)
	return again, false
}

// await waits for the next request until by. Under load it is on its way already when the last answer has left, so others have
// their turn first, and then it is there: that saves a read that finds nothing, and the wait. Where that does not help it is tried ever more seldom.
func (k *conn) await(by time.Time, first bool) error {
	yields := !first && k.s.thrifty() && k.s.tls == nil
	if yields && k.unlucky > 0 {
		k.unlucky--
		yields = false
	}
	if !yields {
		return k.s.fill(by)
	}
	runtime.Gosched()
	k.s.waits = 0
	err := k.s.fill(by)
	if k.s.waits == 0 {
		k.luckless = 0
	} else {
		k.luckless = min(2*k.luckless+1, mostLuckless)
		k.unlucky = k.luckless
	}
	return err
}

// mostLuckless is how many requests may pass before it is tried again.
const mostLuckless = 63

// exchange reads a request, has it answered, and writes the answer.
func (k *conn) exchange(x *exchange) (again bool) {
	r := &x.req
	r.Conn = &k.info
	fault, err := k.readHead(x)
	if err != nil {
		return false
	}
	k.old, k.wrote = r.Proto == wire.HTTP10, false
	if fault != nil {
		r.Close = true
		k.lingers = true
		k.finish(x, k.srv.Handler.Refuse(r, fault))
		return false
	}
	k.setBody(x)
	if fault := x.body.vet(); fault != nil {
		r.Close = true
		k.lingers = true
		return k.finish(x, k.srv.Handler.Refuse(r, fault))
	}
	return k.finish(x, k.handle(r))
}

// handle contains a panic of the handler to its request.
func (k *conn) handle(r *wire.Request) (resp *wire.Response) {
	defer func() {
		if what := recover(); what != nil {
			k.panicked(r, what)
			r.Close = true
			k.lingers = true
			resp = &wire.Response{Status: 500}
		}
	}()
	return k.srv.Handler.Handle(r)
}

func (k *conn) panicked(r *wire.Request, what any) {
	if f := k.srv.Panicked; f != nil {
		f(r, what)
	} else {
		debug.PrintStack()
	}
}

// finish writes the answer, tells the handler, and says whether the connection can have another request.
func (k *conn) finish(x *exchange, resp *wire.Response) bool {
	r := &x.req
	last := r.Close || k.srv.draining.Load() || k.mustClose(x)
	sent, again, err := k.respond(x, resp, last)
	status := resp.Status
	resp.Close() // nobody reads the request's body from here on, and nothing of the call for it is in use
	k.srv.Handler.Done(r, wire.Outcome{Status: status, Sent: sent, Received: x.body.got, Err: err})
	x.out.free()
	k.cut = err != nil
	switch {
	case k.cut && unheard(err):
		k.lingers = false // nobody is there
	case k.cut && r.Proto == wire.HTTP10:
		k.lingers = false
		k.s.forget() // an orderly end would be that of the response
	case k.cut, !again && !(r.Close && x.body.done()): // the client does not know that it is the last
		k.lingers = true
	case again && !x.body.done() && !k.drain(&x.body):
		k.lingers, again = true, false
	}
	return again && !k.cut
}

// unheard says that err is that of a client that takes no more.
func unheard(err error) bool {
	var broken *writeError
	return errors.As(err, &broken) || errors.Is(err, errBroken)
}

// mustClose says whether an unread body makes the connection useless for another request.
func (k *conn) mustClose(x *exchange) bool {
	b := &x.body
	if b.shared || k.s.aborted.Load() {
		return true
	}
	if b.done() {
		return false
	}
	return b.before != nil || b.err != nil && !errors.Is(b.err, wire.ErrBodyTooLarge) || b.mode != byLength || b.left > drainMax
}

// drain reads the rest of a body that nobody wanted.
func (k *conn) drain(b *body) bool {
	b.by = time.Now().Add(5 * time.Second)
	b.limit = nil // of what is read, not of what is thrown away
	if errors.Is(b.err, wire.ErrBodyTooLarge) {
		b.err = nil
	}
	for !b.done() {
		if b.fill() != nil {
			break
		}
		b.discard(len(b.peek()))
	}
	return b.done()
}

// readHead reads the next head into x. A fault is to be answered; an error ends the connection without a word.
func (k *conn) readHead(x *exchange) (*wire.Fault, error) {
	l := &k.srv.limits
	skipped := false
	var by time.Time
	for scanned := 0; ; {
		b := k.s.buffered()
		if !skipped && len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
			k.s.r += 2 // one empty line before a request is forgiven (RFC 9112 §2.2)
			skipped = true
			continue
		}
		if len(b) > 0 && b[0] == tlsHandshake {
			return nil, errTLS
		}
		end, next, fault := headEnd(b, scanned)
		if fault == nil && next == 0 && len(b) > l.URI+wire.MaxMethod+12 && end == 0 {
			fault = wire.FaultURI // no end of the first line in sight
		}
		switch {
		case fault != nil:
			return fault, nil
		case end > l.Head || end == 0 && len(b) >= l.Head:
			return wire.FaultHead, nil
		case end > 0:
			return k.parse(x, b[:end]), nil
		}
		scanned = next
		if by.IsZero() {
			by = time.Now().Add(l.HeadTime)
			if fault := hopeless(b, l); fault != nil {
				return fault, nil
			}
		}
		if err := k.moreHead(by, l.Head); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && !k.s.aborted.Load() {
				return faultSlow, nil
			}
			return nil, err
		}
	}
}

// tlsHandshake begins what a client says that wants TLS (RFC 8446 §5.1). It could not read an answer.
const tlsHandshake = 22

var errTLS = errors.New("the client speaks TLS on a plain connection")

// moreHead waits for more of a head, holding only what has come of it.
func (k *conn) moreHead(by time.Time, most int) error {
	if k.s.thrifty() {
		k.s.keep()
	}
	if !k.s.room(max(most, bigBlock)) {
		return io.ErrShortBuffer
	}
	return k.s.fill(by)
}

// now is the time, by one look at a clock where time.Now takes two: how far that of the wall is from the other is asked once a second.
func (k *conn) now() time.Time {
	since := time.Since(k.clock)
	if since < 0 || since > time.Second {
		k.clock = time.Now()
		return k.clock
	}
	return k.clock.Add(since)
}

// spare is the room behind a head for what the gateway adds to a request's strings: its id, its trace context, its
// canonical path where that differs.
const spare = 192

// parse makes a request of the head b. Its strings all live in one block.
func (k *conn) parse(x *exchange, b []byte) *wire.Fault {
	block := make([]byte, len(b)+spare)
	n := copy(block, b)
	x.req.SetRoom(block[n:])
	k.s.r += n
	x.req.Time = k.now()
	k.seen = x.req.Time
	return parseRequest(wire.Text(block[:n:n]), &x.req, &x.f, &k.srv.limits)
}

// setBody makes the request's body.
func (k *conn) setBody(x *exchange) {
	r, b := &x.req, &x.body
	l := &k.srv.limits
	*b = body{}
	b.s, b.limit, b.trailer = &k.s, &r.BodyLimit, &r.Trailer
	b.idle, b.rate = l.BodyIdle, int64(l.BodyRate)
	switch {
	case r.Length < 0:
		b.mode, b.state = chunked, atSize
	case r.Length > 0:
		b.mode, b.left = byLength, r.Length
	default:
		b.err = io.EOF
		k.s.release()
		return
	}
	r.Body = b
	if r.Expect {
		if k.waitFn == nil {
			k.waitFn = k.sendContinue
		}
		b.before = k.waitFn
	}
}

// sendContinue tells the client to send its body (RFC 9110 §10.1.1).
func (k *conn) sendContinue() error {
	k.before.Lock()
	defer k.before.Unlock()
	if k.wrote {
		return nil
	}
	return k.s.write(continueLine, time.Now(), k.srv.limits.WriteIdle)
}

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")
