package h2

import (
	"context"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"sallyport/wire"
)

// An exchange is what one request needs while it is served. It is pooled, by each server since it holds a timer.
type exchange struct {
	req  wire.Request
	body body
	out  output
	from *http.Request
	conn *conn

	before sync.Mutex          // keeps interim responses before the final one; guards wrote and w
	w      http.ResponseWriter // nil once net/http has the stream back
	wrote  bool                // the final response has begun
	began  time.Time

	extended bool // net/http has no deadline for the stream any more; guarded by before
	at       int  // place in conn.busy; guarded by the connection's mu
}

// serve answers a request. net/http calls it, on a goroutine for each stream.
func (s *Server) serve(w http.ResponseWriter, from *http.Request) {
	grow(len(from.Method))
	c, _ := from.Context().Value(connKey{}).(*conn)
	x := s.exchanges.Get().(*exchange)
	x.before.Lock()
	x.w, x.wrote, x.extended, x.began = w, false, false, time.Now()
	x.before.Unlock()
	x.conn, x.from = c, from
	seat := c.enter(x)
	if seat == nil { // the connection has ended
		x.free()
		return
	}
	x.req.Conn = &seat.Conn
	whole := x.answer()
	c.rise(seat)
	x.free()
	if !whole {
		panic(http.ErrAbortHandler) // resets the stream, which is how the client sees that something is missing
	}
}

// grow makes the stack of a fresh goroutine as large as a request needs, in one step while there is next to nothing on it to be
// moved. It would grow anyway, several times and with ever more to move.
//
//go:noinline
func grow(i int) byte {
	var room [10 << 10]byte
	return room[i]
}

// free makes x ready for another request.
func (x *exchange) free() {
	x.before.Lock()
	x.w = nil
	x.before.Unlock()
	x.req.Reset()
	x.body.reset(nil, nil, nil, nil, 0)
	// net/http keeps the request for as long as the client takes to read the end of the answer.
	x.from.Header, x.from.URL, x.from.RequestURI = nil, nil, ""
	s := x.conn.srv
	x.from, x.conn = nil, nil
	s.exchanges.Put(x)
}

// answer reads the request, has it answered and writes the answer. It says whether all of that was written, or is with net/http.
func (x *exchange) answer() (whole bool) {
	s, r := x.conn.srv, &x.req
	r.SetRoom(make([]byte, spare))
	r.Time = x.began
	size, fault := parse(x.from, r, &s.limits)
	if heads := x.conn.heads.Add(int64(size)); fault == nil && heads > int64(headsAtOnce*s.limits.Head) {
		fault = faultHeads
	}
	defer x.conn.heads.Add(-int64(size))
	if fault != nil {
		x.from.Header = nil // for as long as the client takes to read the answer, only what is counted is kept
		r.Header.Reset()
		return x.finish(s.Handler.Refuse(r, fault))
	}
	if r.Length != 0 {
		x.body.reset(x.from.Body, x.from.Context(), &s.limits, &r.BodyLimit, r.Length)
		r.Body = &x.body
	}
	return x.finish(x.handle(r))
}

var faultHeads = &wire.Fault{Status: 431, Reason: "The headers of the requests under way on this connection are larger than allowed."}

// handle contains a panic of the handler to its request.
func (x *exchange) handle(r *wire.Request) (resp *wire.Response) {
	defer func() {
		if what := recover(); what != nil {
			x.panicked(r, what)
			resp = &wire.Response{Status: 500}
		}
	}()
	return x.conn.srv.Handler.Handle(r)
}

func (x *exchange) panicked(r *wire.Request, what any) {
	if f := x.conn.srv.Panicked; f != nil {
		f(r, what)
	} else {
		debug.PrintStack()
	}
}

// finish writes the answer and tells the handler.
func (x *exchange) finish(resp *wire.Response) (whole bool) {
	r := &x.req
	sent, err := x.respond(resp)
	status := resp.Status
	resp.Close() // nobody reads the request's body from here on, and nothing of the call for it is in use
	x.conn.srv.Handler.Done(r, wire.Outcome{Status: status, Sent: sent, Received: x.body.got.Load(), Err: err})
	return err == nil
}

// tend keeps the times of a response. net/http gives each stream a short one from its start, so that what it answers itself
// cannot wait for ever for a client that reads nothing; a request that comes here is freed from it, and each of its writes has a
// time of its own.
func (x *exchange) tend(now time.Time, fresh time.Duration) {
	x.before.Lock()
	defer x.before.Unlock()
	if x.w == nil {
		return
	}
	if !x.extended && now.Sub(x.began) >= fresh {
		x.extended = true
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
	}
	if by := x.out.by.Load(); by != 0 && now.UnixNano() >= by {
		x.out.late.Store(true)
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Unix(1, 0))
	}
}

func (s *seat) inform(resp *wire.Response) error { return s.x.inform(resp) }

// inform writes an interim response to the client (RFC 9110 §15.2).
func (x *exchange) inform(resp *wire.Response) error {
	if resp.Status == 101 || resp.Status == 100 {
		return nil // there is no switch in HTTP/2, and 100 is said when the body is read
	}
	x.before.Lock()
	defer x.before.Unlock()
	if x.wrote || x.w == nil {
		return nil
	}
	h := x.w.Header()
	put(h, &resp.Header)
	h["Content-Length"] = nil // so that net/http takes a copy: when the stream is reset it comes back before it has read h
	x.w.WriteHeader(resp.Status)
	clear(h)
	if x.from.Context().Err() != nil {
		return wire.ErrClientGone
	}
	return nil
}

func (s *seat) watch(gone func()) (stop func()) { return s.x.watch(gone) }

// watch calls gone when the client resets the stream or goes away. stop waits until gone has returned, if it was called.
func (x *exchange) watch(gone func()) (stop func()) {
	told := make(chan struct{})
	end := context.AfterFunc(x.from.Context(), func() {
		defer close(told)
		gone()
	})
	return func() {
		if !end() {
			<-told
		}
	}
}
