package h2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"sallyport/wire"
)

// A call is one call under way, until its response is closed. net/http carries it on goroutines of its own; the watch below
// ends it when one of its times is over or its client is gone.
type call struct {
	*wire.Call
	pool *Pool
	conn *upConn
	up   *upload // nil without a body
	ctx  context.Context
	end  context.CancelFunc
	resp wire.Response

	mu     sync.Mutex  // guards what follows
	timer  *time.Timer // looks whether a time is over
	began  time.Time
	sentAt time.Time // the request, whole
	taken  time.Time // since when the target has not taken what is there of the request's body; zero when it has
	asked  time.Time // since when the response's body is waited for; zero when it is not
	moved  time.Time // the last byte of a body, either way
	sent   bool      // the head of the request
	first  bool      // the first byte of the response is there
	head   bool      // all of its head
	over   bool
	lifted bool          // BodyBy does not count
	cause  error         // why this side ended the call
	client *wire.Request // whose call it is, nil for nobody's
	watch  bool          // the client is watched
	stop   func()        // ends the watching
	tell   *interim      // nil until there is an interim response
}

// patience is how long a call waits before it has its client watched.
const patience = 500 * time.Millisecond

// Do sends c and returns the response when its head is there. The body comes while the caller reads it; closing it ends the
// call. An error is a *wire.CallError.
//
// A call that the target has not looked at, because it ends the connection or refuses the stream, is made again on another
// connection as long as its body is still at hand (RFC 9113 §8.7). So is one whose connection, used before, breaks without a word,
// if its method may be repeated (RFC 9110 §9.2.2).
func (p *Pool) Do(c *wire.Call) (*wire.Response, error) {
	body := inMemory(c)
	for try := 1; ; try++ {
		u, failed := p.get(c, try == maxTries)
		if failed != nil {
			return nil, failed
		}
		used := u.used.Load()
		k := &call{Call: c, pool: p, conn: u}
		resp, failed := k.do(body)
		if failed == nil {
			return resp, nil
		}
		if !k.atHand() {
			return nil, failed
		}
		stale := used && !failed.Began && (failed.Op == wire.OpRead || failed.Op == wire.OpWrite) && u.cc.Err() != nil && repeatable(c.Method)
		if try == maxTries || failed.Op == wire.OpRequest || failed.Op == wire.OpTimeout || failed.Sent && !stale {
			return nil, failed
		}
	}
}

// repeatable says whether a method is idempotent (RFC 9110 §9.2.2).
func repeatable(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// atHand says whether the body can be sent once more, after a call that failed.
func (k *call) atHand() bool { return k.up == nil || k.up.rewind() }

// do makes one call on the connection.
func (k *call) do(body []byte) (*wire.Response, *wire.CallError) {
	k.began = time.Now()
	trace := &httptrace.ClientTrace{
		WroteHeaders:         func() { k.note(&k.sent) },
		WroteRequest:         k.wroteRequest,
		GotFirstResponseByte: func() { k.note(&k.first) },
		Got1xxResponse:       k.inform,
	}
	k.ctx, k.end = context.WithCancel(httptrace.WithClientTrace(context.Background(), trace))
	req := k.request(body)
	k.mu.Lock()
	k.client = k.Request
	k.timer = time.AfterFunc(k.next(k.began), k.look)
	k.mu.Unlock()
	if !k.Cancel.Begin(k.clientGone) {
		k.clientGone()
	}
	resp, err := k.conn.cc.RoundTrip(req)
	k.Cancel.Over()
	k.told()
	if err == nil {
		err = k.response(resp)
		if err == nil {
			return &k.resp, nil
		}
		_ = resp.Body.Close()
	}
	failed := k.failure(err)
	k.finish()
	if k.up != nil && k.up.panicked() != "" {
		panic(k.up.panicked()) // where it is contained
	}
	return nil, failed
}

func (k *call) note(flag *bool) {
	k.mu.Lock()
	*flag = true
	k.mu.Unlock()
}

func (k *call) wroteRequest(info httptrace.WroteRequestInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sentAt, k.taken = time.Now(), time.Time{}
	k.rearm()
}

// request is the call as net/http has it. Its framing is made there.
func (k *call) request(body []byte) *http.Request {
	c := k.Call
	req := &http.Request{
		Method: c.Method,
		URL:    &url.URL{Scheme: k.pool.o.Scheme, Host: "target", Opaque: c.Target},
		Host:   c.Host,
		Header: make(http.Header, 16),
	}
	if strings.HasPrefix(c.Target, "//") { // which an opaque part cannot begin with
		path, query, _ := strings.Cut(c.Target, "?")
		req.URL.Opaque, req.URL.RawPath, req.URL.RawQuery = "", path, query
		req.URL.Path, _ = url.PathUnescape(path)
	}
	if c.Header != nil {
		put(req.Header, c.Header)
	}
	if _, told := req.Header["User-Agent"]; !told {
		req.Header["User-Agent"] = nil // net/http shall not add one
	}
	if c.Request != nil && c.Request.Trailers {
		req.Header["Te"] = trailers // RFC 9110 §10.1.4; gRPC wants it
	}
	if c.Expect {
		req.Header["Expect"] = expect
	}
	if c.Body != nil && c.Length != 0 {
		k.up = newUpload(k, c.Body, body)
		req.Body, req.ContentLength = k.up, c.Length
	}
	return req.WithContext(k.ctx)
}

var (
	trailers = []string{"trailers"}
	expect   = []string{"100-continue"}
)

// inMemory returns the body of c, if all of it is here already: then it can be sent again.
func inMemory(c *wire.Call) []byte {
	b, ok := c.Body.(interface{ Buffered() int })
	if !ok || c.Length <= 0 || c.Length > smallBlock || int64(b.Buffered()) < c.Length {
		return nil
	}
	all := make([]byte, c.Length)
	if n, err := io.ReadFull(c.Body, all); err != nil {
		all = all[:n] // which cannot be, as it is here; what is missing is found out by who counts
	}
	c.Body = wire.BytesBody(all)
	return all
}

// next is in how long the call has to be looked at. The caller holds mu.
func (k *call) next(now time.Time) time.Duration {
	by := k.due()
	if !k.watch { // or once more a little later, while a body is still on its way
		by = earlier(by, now.Add(patience))
	}
	if by.IsZero() {
		return time.Hour
	}
	return max(by.Sub(now), 0)
}

// due is when the first of the times that run is over. The caller holds mu.
func (k *call) due() time.Time {
	by := k.Deadline
	if !k.lifted {
		by = earlier(by, k.BodyBy)
	}
	if !k.head {
		by = earlier(by, k.HeadBy)
		if k.Wait > 0 && !k.sentAt.IsZero() {
			by = earlier(by, k.sentAt.Add(k.Wait))
		}
	}
	for _, since := range [...]time.Time{k.taken, k.asked} {
		if k.Idle > 0 && !since.IsZero() {
			if since.Before(k.moved) {
				since = k.moved
			}
			by = earlier(by, since.Add(k.Idle))
		}
	}
	return by
}

func (k *call) rearm() {
	if !k.over {
		k.timer.Reset(k.next(time.Now()))
	}
}

// look ends the call when one of its times is over, and has the client watched once it takes longer than most do.
func (k *call) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	now := time.Now()
	if by := k.due(); !by.IsZero() && !now.Before(by) {
		k.fail(os.ErrDeadlineExceeded)
		return
	}
	if !k.watch && now.Sub(k.began) >= patience && k.quiet() {
		if r := k.client; r != nil && r.Conn != nil && r.Conn.Watch != nil {
			k.watch = true
			k.stop = r.Conn.Watch(k.clientGone)
		}
	}
	k.timer.Reset(k.next(now))
}

// quiet says whether nobody else uses the client's connection: the request's own goroutine waits in here, and the body is read. The
// caller holds mu.
func (k *call) quiet() bool {
	return (!k.head || !k.asked.IsZero()) && (k.up == nil || k.up.ended())
}

func (k *call) clientGone() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail(wire.ErrClientGone)
}

// fail ends the call from this side. The caller holds mu.
func (k *call) fail(cause error) {
	if k.cause == nil && !k.over {
		k.cause = cause
		k.end()
	}
}

// waits sets since when something is waited for, or with the zero time that it is not any more; n bytes have moved before.
func (k *call) waits(since *time.Time, at time.Time, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*since = at
	if n > 0 {
		k.moved = time.Now()
	}
	if !at.IsZero() {
		k.rearm()
	}
}

// awaits says that the body of the response is waited for. Whose call it is may have turned out since it was sent.
func (k *call) awaits() {
	k.mu.Lock()
	k.client = k.Request
	k.mu.Unlock()
	k.waits(&k.asked, time.Now(), 0)
}

// finish ends the call, when nothing of it is under way any more, and gives its place back.
func (k *call) finish() {
	k.mu.Lock()
	k.over = true
	k.timer.Stop()
	stop := k.stop
	k.mu.Unlock()
	if k.up != nil {
		k.up.settle()
	}
	k.end()
	if stop != nil {
		stop()
	}
	k.told()
	k.pool.put(k.conn)
}

// told waits until the client has the interim responses.
func (k *call) told() {
	k.mu.Lock()
	tell := k.tell
	k.mu.Unlock()
	if tell != nil {
		tell.flush()
	}
}

// inform passes on an interim response. It runs on the goroutine that reads for all calls of the connection, so it may not wait
// for a client.
func (k *call) inform(code int, h textproto.MIMEHeader) error {
	r := k.Request
	if code == 100 || code == 101 || r == nil || r.Conn == nil || r.Conn.Inform == nil {
		return nil
	}
	resp := &wire.Response{Status: code}
	take(http.Header(h), &resp.Header)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return nil
	}
	if k.tell == nil {
		k.tell = newInterim(r.Conn.Inform)
	}
	return k.tell.say(resp)
}

// An interim hands interim responses to the client, in order, behind the back of the connection that they came by.
type interim struct {
	queue chan *wire.Response
	done  chan struct{}

	mu     sync.Mutex
	closed bool // guarded by mu
}

func newInterim(inform func(*wire.Response) error) *interim {
	i := &interim{queue: make(chan *wire.Response, maxInterim), done: make(chan struct{})}
	go func() {
		defer close(i.done)
		for resp := range i.queue {
			_ = inform(resp) // a client that is gone shows elsewhere
		}
	}()
	return i
}

var errInterim = errors.New("too many interim responses")

func (i *interim) say(resp *wire.Response) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	select {
	case i.queue <- resp:
		return nil
	default:
		return errInterim
	}
}

// flush waits until the client has all of them.
func (i *interim) flush() {
	i.mu.Lock()
	if !i.closed {
		i.closed = true
		close(i.queue)
	}
	i.mu.Unlock()
	<-i.done
}
