package h1

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"sallyport/wire"
)

// PoolOptions say how a pool reaches its target and how far it may go. A zero number is the default.
type PoolOptions struct {
	// Dial makes a connection to the target until deadline; required.
	Dial        func(deadline time.Time) (net.Conn, error)
	MaxConns    int           // open connections: 1024
	MaxPending  int           // calls that wait for one: 1024
	MaxIdle     int           // connections kept open while idle: 256
	IdleTimeout time.Duration // how long they are kept: 60 s
}

// A Pool is the connections to one target.
type Pool struct {
	o       PoolOptions
	open    atomic.Int64 // connections that exist or are being made
	waiting atomic.Int64 // calls in queue
	idle    atomic.Int64
	closed  atomic.Bool
	shards  []shard

	mu    sync.Mutex
	queue []*waiting  // first come, first served; guarded by mu
	sweep *time.Timer // guarded by mu; nil while nothing is idle
}

// A shard is a part of the idle connections, so that cores do not meet at one lock. The one used last is taken first: the
// others may grow old and go.
type shard struct {
	mu   sync.Mutex
	idle []*upConn // guarded by mu
	_    [40]byte
}

// A waiting call gets a connection, or nil to make one.
type waiting struct {
	ready chan struct{}
	conn  *upConn
	given bool // guarded by Pool.mu
}

// NewPool makes a pool. It dials nothing until it is used.
func NewPool(o PoolOptions) *Pool {
	if o.MaxConns == 0 {
		o.MaxConns = 1024
	}
	if o.MaxPending == 0 {
		o.MaxPending = 1024
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = 256
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = time.Minute
	}
	n := 1
	for n < runtime.GOMAXPROCS(0) {
		n *= 2
	}
	return &Pool{o: o, shards: make([]shard, n)}
}

// Stats returns the pool's numbers.
func (p *Pool) Stats() wire.PoolStats {
	return wire.PoolStats{Open: int(p.open.Load()), Idle: int(p.idle.Load()), Waiting: int(p.waiting.Load())}
}

// Close closes the idle connections. Those in use end with their exchange, as do those of calls that are still to
// come: a request that began before a reload may need one more.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.mu.Lock()
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
	p.mu.Unlock()
	p.expire(time.Time{})
}

// shard returns the home of calls on behalf of one client connection.
func (p *Pool) shard(c *wire.Conn) int {
	h := uint64(uintptr(unsafe.Pointer(c))>>6) * 0x9E3779B97F4A7C15
	return int(h>>48) & (len(p.shards) - 1)
}

var (
	errFull    = errors.New("too many calls wait for a connection")
	errNoneYet = errors.New("no connection became free in time")
)

// get returns an idle connection, or a new one, waiting for it if it must. c.Request's connection tells where to look first. After
// some tries it has to be a new one.
func (p *Pool) get(c *wire.Call, try int) (*upConn, *wire.CallError) {
	home := 0
	if c.Request != nil && len(p.shards) > 1 {
		home = p.shard(c.Request.Conn)
	}
	if try < 3 {
		if u := p.takeIdle(home); u != nil {
			if try == 0 {
				u.at = c.Start // which was a moment ago
			}
			return u, nil
		}
	}
	if p.count() {
		return p.dial(c, home)
	}
	return p.wait(c, home)
}

func (p *Pool) takeIdle(home int) *upConn {
	for i := range p.shards {
		if p.idle.Load() == 0 {
			return nil
		}
		s := &p.shards[(home+i)&(len(p.shards)-1)]
		s.mu.Lock()
		if n := len(s.idle); n > 0 {
			u := s.idle[n-1]
			s.idle[n-1] = nil
			s.idle = s.idle[:n-1]
			s.mu.Unlock()
			p.idle.Add(-1)
			u.home = home
			return u
		}
		s.mu.Unlock()
	}
	return nil
}

// dial makes a connection, for which the caller has counted in open.
func (p *Pool) dial(c *wire.Call, home int) (*upConn, *wire.CallError) {
	by := c.Deadline
	if c.Connect > 0 {
		by = earlier(by, time.Now().Add(c.Connect))
	}
	conn, err := p.o.Dial(by)
	if err != nil {
		p.release()
		op := wire.OpConnect
		if !c.Deadline.IsZero() && !time.Now().Before(c.Deadline) {
			op = wire.OpTimeout
		}
		return nil, &wire.CallError{Op: op, Err: err}
	}
	return newUpConn(p, conn, home), nil
}

// release counts a connection out and lets one that waits make another.
func (p *Pool) release() {
	p.open.Add(-1)
	p.admit()
}

// admit lets those that wait make connections while there may be more.
func (p *Pool) admit() {
	if p.waiting.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) > 0 && p.count() {
		w := p.pop()
		w.given = true
		close(w.ready)
	}
}

// count counts one more connection in, if there may be one.
func (p *Pool) count() bool {
	for {
		n := p.open.Load()
		if n >= int64(p.o.MaxConns) {
			return false
		}
		if p.open.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// pop takes the first that waits. The caller holds mu.
func (p *Pool) pop() *waiting {
	if len(p.queue) == 0 {
		return nil
	}
	w := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	p.waiting.Add(-1)
	return w
}

// wait queues for a connection.
func (p *Pool) wait(c *wire.Call, home int) (*upConn, *wire.CallError) {
	if p.o.MaxPending < 0 {
		return nil, &wire.CallError{Op: wire.OpQueue, Err: errFull}
	}
	limit := c.Connect
	if limit <= 0 {
		limit = time.Minute
	}
	if !c.Deadline.IsZero() {
		limit = min(limit, time.Until(c.Deadline))
	}
	w := &waiting{ready: make(chan struct{})}
	p.mu.Lock()
	if len(p.queue) >= p.o.MaxPending {
		p.mu.Unlock()
		return nil, &wire.CallError{Op: wire.OpQueue, Err: errFull}
	}
	p.queue = append(p.queue, w)
	p.waiting.Add(1)
	p.mu.Unlock()
	// A connection may have become free before the queue was seen.
	if p.open.Load() < int64(p.o.MaxConns) {
		p.admit()
	} else if u := p.takeIdle(home); u != nil {
		p.put(u)
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-w.ready:
	case <-t.C:
		if p.leave(w) {
			return nil, &wire.CallError{Op: wire.OpQueue, Err: errNoneYet}
		}
		<-w.ready
	}
	if w.conn == nil {
		return p.dial(c, home)
	}
	w.conn.home = home
	return w.conn, nil
}

// leave takes w out of the queue. It returns false when w was given something at that moment.
func (p *Pool) leave(w *waiting) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.given {
		return false
	}
	for i := range p.queue {
		if p.queue[i] == w {
			p.queue = append(p.queue[:i], p.queue[i+1:]...)
			p.waiting.Add(-1)
			break
		}
	}
	return true
}

// put takes back a connection that is ready for another call.
func (p *Pool) put(u *upConn) {
	if p.waiting.Load() > 0 {
		p.mu.Lock()
		if w := p.pop(); w != nil {
			w.conn, w.given = u, true
			close(w.ready)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
	if p.closed.Load() || p.idle.Load() >= int64(p.o.MaxIdle) {
		u.close()
		return
	}
	if p.idle.Add(1) == 1 {
		p.startSweep()
	}
	s := &p.shards[u.home]
	s.mu.Lock()
	s.idle = append(s.idle, u)
	s.mu.Unlock()
	if p.waiting.Load() > 0 { // somebody queued meanwhile and did not see u
		if u := p.takeIdle(u.home); u != nil {
			p.put(u)
		}
	}
	if p.closed.Load() {
		p.expire(time.Time{})
	}
}

// startSweep sees to the closing of connections that nobody uses. The timer runs only while there are any.
func (p *Pool) startSweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sweep == nil && !p.closed.Load() {
		p.sweep = time.AfterFunc(p.o.IdleTimeout, p.sweepIdle)
	}
}

func (p *Pool) sweepIdle() {
	p.expire(time.Now().Add(-p.o.IdleTimeout))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() || p.idle.Load() == 0 {
		p.sweep = nil
		return
	}
	p.sweep.Reset(p.o.IdleTimeout / 2)
}

// expire closes idle connections used last before then; all when it is zero.
func (p *Pool) expire(then time.Time) {
	for i := range p.shards {
		s := &p.shards[i]
		var old []*upConn
		s.mu.Lock()
		n := 0
		for n < len(s.idle) && (then.IsZero() || s.idle[n].last.Before(then)) {
			n++
		}
		old = append(old, s.idle[:n]...)
		s.idle = append(s.idle[:0], s.idle[n:]...)
		s.mu.Unlock()
		p.idle.Add(int64(-n))
		for _, u := range old {
			u.close()
		}
	}
}
