package h1

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// A Server serves HTTP/1.1 on connections that somebody else accepts.
type Server struct {
	Handler wire.Handler
	Limits  Limits
	// Ended, when set, is told once of each connection that Serve took, after it was closed.
	Ended func(*wire.Conn)
	// Panicked, when set, is told what a handler panicked with. The request is answered with a plain 500
	// and the connection closed.
	Panicked func(r *wire.Request, what any)

	limits   Limits // with defaults
	once     sync.Once
	mu       sync.Mutex
	conns    map[*conn]struct{} // guarded by mu
	alive    int                // connections that Ended was not told of; guarded by mu
	empty    chan struct{}      // closed when there are none; nil while nobody waits; guarded by mu
	draining atomic.Bool
	closing  atomic.Bool // Close was called
	parting  *time.Timer // what Drain or Close still has to do; guarded by mu
}

// A conn is a client's connection.
type conn struct {
	srv    *Server
	info   wire.Conn
	s      stream
	state  atomic.Int32 // idle, busy or dead
	joined atomic.Bool  // with a target's, after a switch of protocols
	seen   time.Time    // when the last head had been read
	clock  time.Time    // see now

	luckless, unlucky int // see await

	waitFn  func() error // sendContinue, made once
	old     bool         // the current request is HTTP/1.0, which takes no interim responses
	looking atomic.Bool  // a watcher reads from the client, into the buffer if there is one
	before  sync.Mutex   // keeps interim responses before the final one
	wrote   bool         // the final response has begun; guarded by before
	cut     bool         // the last response was, which the client has to see
	lingers bool         // the client may still be sending: let it see the answer before the connection breaks
}

// States of a connection. A new one counts as busy until its first request is answered.
const (
	busy int32 = iota
	idle
	dead // it was closed while it was idle
)

// Serve serves c, whose TLS handshake is over if it has TLS, until it ends, closes it and tells Ended. It may return before that: an idle connection is handed to a goroutine
// with a fresh, small stack. listener is for the handler to find in Request.Conn.
func (s *Server) Serve(c net.Conn, listener any) {
	s.once.Do(func() {
		s.limits = s.Limits.withDefaults()
		s.mu.Lock()
		s.conns = map[*conn]struct{}{}
		s.mu.Unlock()
	})
	k := &conn{srv: s}
	k.info = wire.Conn{Remote: addrPort(c.RemoteAddr()), Local: addrPort(c.LocalAddr()), Listener: listener}
	k.info.Inform = k.inform
	k.info.Watch = k.watch
	k.s.init(c)
	k.info.TLS = stateOf(k.s.tls)
	s.mu.Lock()
	s.alive++
	s.conns[k] = struct{}{}
	s.mu.Unlock()
	k.serve(true)
}

// stateOf is a function of its own because what is agreed on takes much of a stack, which lives as long as the connection.
//
//go:noinline
func stateOf(t *socket.Secure) *tls.ConnectionState {
	if t == nil {
		return nil
	}
	state := t.ConnectionState()
	return &state
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		p, _ := netip.ParseAddrPort(a.String())
		return p
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// What clients get before their connections are closed.
const (
	farewell = time.Second            // for one more request on a connection that is idle: it may be on its way
	orderly  = 500 * time.Millisecond // for a tunnel that is cut to end in order
)

// Drain closes connections after the answer that they wait for, which says "Connection: close". Those that are idle get one
// answer more, if they ask within a moment; closed at once, they would take a request that is on its way with them. Connections
// served from now on get one answer.
func (s *Server) Drain() {
	if s.draining.Swap(true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parting = time.AfterFunc(farewell, s.closeIdle)
}

func (s *Server) closeIdle() {
	s.each(func(k *conn) {
		if k.state.CompareAndSwap(idle, dead) {
			k.s.abort()
		}
	})
}

// saved says whether a connection that closeIdle closed has a request all the same, which came just before. It is the last one.
func (k *conn) saved() bool {
	if len(k.s.buffered()) == 0 {
		return false
	}
	k.srv.mu.Lock() // closeIdle is done with the connection once it gives this up
	defer k.srv.mu.Unlock()
	k.s.aborted.Store(false)
	k.s.readBy = time.Time{}
	return true
}

// Close breaks every connection. Tunnels end in order, as if both sides had closed them, if that takes no longer than a moment.
func (s *Server) Close() {
	s.draining.Store(true)
	s.closing.Store(true)
	joined := false
	s.each(func(k *conn) {
		k.s.abort()
		if k.joined.Load() {
			joined = true
			return
		}
		_ = k.s.conn.Close()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parting != nil {
		s.parting.Stop()
	}
	if joined {
		s.parting = time.AfterFunc(orderly, func() { s.each(func(k *conn) { _ = k.s.conn.Close() }) })
	}
}

// Wait waits until the last connection has ended, for at most limit, and says whether it has.
func (s *Server) Wait(limit time.Duration) bool {
	s.mu.Lock()
	if s.alive == 0 {
		s.mu.Unlock()
		return true
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.mu.Unlock()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-empty:
		return true
	case <-t.C:
		return false
	}
}

// Open returns the number of connections.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.conns {
		f(k)
	}
}

func (k *conn) end() {
	if k.lingers {
		k.linger()
	}
	k.s.drop()
	k.s.close(!k.cut)
	k.srv.mu.Lock()
	delete(k.srv.conns, k)
	k.srv.mu.Unlock()
	if f := k.srv.Ended; f != nil {
		f(&k.info)
	}
	k.srv.left()
}

// left counts a connection out.
func (s *Server) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive--; s.alive == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}
