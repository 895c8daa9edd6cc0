package h2

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/wire"
)

// PoolOptions say how a pool reaches its target and how far it may go. A zero number is the default.
type PoolOptions struct {
	// Dial makes a connection to the target until deadline, on which HTTP/2 can be spoken at once; required.
	Dial        func(deadline time.Time) (net.Conn, error)
	Scheme      string        // of the target's URL, for ":scheme": "http"
	MaxConns    int           // open connections: 1024
	MaxPending  int           // calls that wait for one: 1024, below 0 for none
	Streams     int           // calls at once on a connection, if the target takes as many: 100
	IdleTimeout time.Duration // how long a connection without calls is kept: 60 s
}

// A Pool is the connections to one target. Calls share them.
type Pool struct {
	o      PoolOptions
	engine [2]*http.Transport // without and with pings; see pings

	mu      sync.Mutex
	conns   []*upConn      // that may take calls; guarded by mu
	open    int            // connections that exist or are being made; guarded by mu
	dialing int            // of them, those being made; guarded by mu
	queue   []chan *handed // calls that wait, first come, first served; guarded by mu
	closed  bool           // guarded by mu
}

// An upConn is a connection to the target.
type upConn struct {
	cc    *http.ClientConn
	used  atomic.Bool // it has carried a call before
	calls int         // under way; guarded by Pool.mu
	gone  bool        // out of Pool.conns; guarded by Pool.mu
	over  bool        // counted out of Pool.open; guarded by Pool.mu
}

// What a waiting call is handed: a connection with a place for it, an error, or neither: then it may make a connection.
type handed struct {
	conn *upConn
	err  error
}

// NewPool makes a pool. It dials nothing until it is used.
func NewPool(o PoolOptions) *Pool {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.MaxConns, 1024)
	def(&o.MaxPending, 1024)
	def(&o.Streams, 100)
	if o.IdleTimeout == 0 {
		o.IdleTimeout = time.Minute
	}
	if o.Scheme == "" {
		o.Scheme = "http"
	}
	p := &Pool{o: o}
	for i := range p.engine {
		p.engine[i] = newEngine(o.IdleTimeout, i == 1)
	}
	return p
}

// newEngine makes what of net/http speaks HTTP/2 on connections that are there already.
func newEngine(idle time.Duration, pings bool) *http.Transport {
	t := &http.Transport{
		Protocols:              new(http.Protocols),
		DisableCompression:     true,
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: responseHead,
		ExpectContinueTimeout:  time.Second,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, _ := ctx.Value(connKey{}).(net.Conn)
			return c, nil
		},
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerConnection: connWindow,
			MaxReceiveBufferPerStream:     streamWindow,
			WriteByteTimeout:              30 * time.Second,
		},
	}
	if pings {
		t.HTTP2.SendPingTimeout, t.HTTP2.PingTimeout = pingAfter, pingTimeout
	}
	t.Protocols.SetUnencryptedHTTP2(true) // TLS, if any, is below
	return t
}

const (
	responseHead = 64 << 10
	streamWindow = 1 << 20
	connWindow   = 4 << 20
	maxInterim   = 16
	maxTries     = 3
)

// Stats returns the pool's numbers.
func (p *Pool) Stats() wire.PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	idle := 0
	for _, u := range p.conns {
		if u.calls == 0 {
			idle++
		}
	}
	return wire.PoolStats{Open: p.open, Idle: idle, Waiting: len(p.queue)}
}

// Close closes the connections on which nothing is under way. The others end with their last call, and so do those of calls
// that are still to come: a request that began before a reload may need one more.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	var idle []*upConn
	for _, u := range slices.Clone(p.conns) {
		if u.calls == 0 {
			p.leave(u)
			idle = append(idle, u)
		}
	}
	p.mu.Unlock()
	for _, u := range idle {
		_ = u.cc.Close()
	}
}

var (
	errFull    = errors.New("too many calls wait for a connection")
	errNoneYet = errors.New("no connection became free in time")
)

// get returns a connection with a place for c. After some tries it has to be a new one.
func (p *Pool) get(c *wire.Call, fresh bool) (*upConn, *wire.CallError) {
	p.mu.Lock()
	if !fresh {
		if u := p.place(); u != nil {
			p.mu.Unlock()
			return u, nil
		}
	}
	// One connection has room for many: those who come while it is being made wait for it.
	coming := p.dialing * (p.o.Streams - 1)
	if coming <= len(p.queue) && p.open < p.o.MaxConns {
		p.open++
		p.dialing++
		p.mu.Unlock()
		return p.dial(c)
	}
	if len(p.queue) >= max(p.o.MaxPending, 0)+coming {
		p.mu.Unlock()
		return nil, &wire.CallError{Op: wire.OpQueue, Err: errFull}
	}
	ready := make(chan *handed, 1)
	p.queue = append(p.queue, ready)
	p.mu.Unlock()
	return p.wait(c, ready)
}

// place returns a connection that has one more place, which is taken then; nil when there is none. The caller holds mu.
func (p *Pool) place() *upConn {
	p.prune()
	for _, u := range p.conns {
		if u.calls < p.o.Streams && u.cc.Reserve() == nil {
			u.calls++
			return u
		}
	}
	return nil
}

// prune leaves the connections that are no use: those that have ended, and those that the target lets end and that have no
// call. The caller holds mu.
func (p *Pool) prune() {
	for i := len(p.conns) - 1; i >= 0; i-- {
		u := p.conns[i]
		ended := u.cc.Err() != nil
		if ended || u.calls == 0 && u.cc.Available() == 0 {
			p.leave(u)
			if !ended {
				go func() { _ = u.cc.Close() }() // which tells this pool of nothing
			}
		}
	}
}

// leave takes u out of the connections that may take calls. The caller holds mu.
func (p *Pool) leave(u *upConn) {
	if !u.gone {
		u.gone = true
		i := slices.Index(p.conns, u)
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	if u.calls == 0 && !u.over {
		u.over = true
		p.open--
	}
}

// dial makes a connection, for which the caller has counted.
func (p *Pool) dial(c *wire.Call) (*upConn, *wire.CallError) {
	by := c.Deadline
	if c.Connect > 0 {
		by = earlier(by, time.Now().Add(c.Connect))
	}
	cc, err := p.connect(c, by)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	if err != nil {
		p.open--
		failed := &wire.CallError{Op: wire.OpConnect, Err: err}
		if passed(c.Deadline) {
			failed.Op = wire.OpTimeout
		}
		p.fail(err)
		return nil, failed
	}
	u := &upConn{cc: cc}
	_ = cc.Reserve()
	u.calls++
	p.conns = append(p.conns, u)
	p.serveQueue()
	return u, nil
}

func (p *Pool) connect(c *wire.Call, by time.Time) (*http.ClientConn, error) {
	conn, err := p.o.Dial(by)
	if err != nil {
		return nil, err
	}
	cc, err := p.engine[pings(c)].NewClientConn(context.WithValue(context.Background(), connKey{}, net.Conn(newCalmed(conn))), "http", "target:80")
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return cc, nil
}

// fail tells the calls that wait for a connection being made that there will be none. The caller holds mu.
func (p *Pool) fail(err error) {
	if p.dialing > 0 || len(p.conns) > 0 {
		p.serveQueue()
		return
	}
	for _, ready := range p.queue {
		ready <- &handed{err: err}
	}
	p.queue = nil
}

// serveQueue gives places to calls that wait. The caller holds mu.
func (p *Pool) serveQueue() {
	for len(p.queue) > 0 {
		u := p.place()
		if u == nil && (p.open >= p.o.MaxConns || p.dialing*(p.o.Streams-1) >= len(p.queue)) {
			return
		}
		if u == nil {
			p.open++
			p.dialing++
		}
		p.queue[0] <- &handed{conn: u}
		p.queue[0] = nil
		p.queue = p.queue[1:]
	}
}

// wait waits for what a call in the queue is handed.
func (p *Pool) wait(c *wire.Call, ready chan *handed) (*upConn, *wire.CallError) {
	limit := c.Connect
	if limit <= 0 {
		limit = time.Minute
	}
	if !c.Deadline.IsZero() {
		limit = min(limit, time.Until(c.Deadline))
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	var h *handed
	select {
	case h = <-ready:
	case <-t.C:
		p.mu.Lock()
		if i := slices.Index(p.queue, ready); i >= 0 {
			p.queue = slices.Delete(p.queue, i, i+1)
			p.mu.Unlock()
			return nil, &wire.CallError{Op: wire.OpQueue, Err: errNoneYet}
		}
		p.mu.Unlock()
		h = <-ready
	}
	switch {
	case h.err != nil:
		return nil, &wire.CallError{Op: wire.OpConnect, Err: h.err}
	case h.conn != nil:
		return h.conn, nil
	}
	return p.dial(c)
}

// put takes a place back. A connection that cannot be used any more is left behind.
func (p *Pool) put(u *upConn) {
	p.mu.Lock()
	u.calls--
	u.used.Store(true)
	bad := u.cc.Err() != nil || u.calls == 0 && (p.closed || u.cc.Available() == 0)
	if bad || u.gone {
		p.leave(u)
	}
	p.serveQueue()
	last := u.calls == 0
	p.mu.Unlock()
	if bad && last {
		_ = u.cc.Close()
	}
}

// pings returns which engine a connection for c is for. Servers of gRPC take pings without data for an attack and end the
// connection, and with it streams that are silent on purpose; the probes of TCP have to do there.
func pings(c *wire.Call) int {
	if c.Header != nil && grpc(c.Header.Known(wire.ContentType)) {
		return 0
	}
	return 1
}

func grpc(contentType string) bool {
	const kind = "application/grpc"
	return len(contentType) >= len(kind) && wire.EqualFold(contentType[:len(kind)], kind)
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }
