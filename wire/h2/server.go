package h2

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/wire"
	"sallyport/wire/socket"
)

// A Server serves HTTP/2 on connections that somebody else accepts: TLS connections on which the client chose it, and
// plain ones on which it begins with the preface. HTTP/1.1 is not understood, and nothing is ever upgraded.
type Server struct {
	Handler wire.Handler
	Limits  Limits
	// Ended, when set, is told once of each connection that Serve took, after it was closed and its last request has ended.
	Ended func(*wire.Conn)
	// Panicked, when set, is told what a handler panicked with. The stream is reset, or answered with a plain 500.
	Panicked func(r *wire.Request, what any)

	limits   Limits // with defaults
	once     sync.Once
	http     *http.Server // for connections that came before Drain
	late     *http.Server // for those that came after
	draining atomic.Bool

	exchanges sync.Pool

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
	empty chan struct{}      // guarded by mu; closed when conns turns empty, nil while nobody waits
	bye   *time.Timer        // guarded by mu; the second half of Drain
	round *time.Timer        // guarded by mu; the next look at the requests under way, nil while there are no connections
}

func (s *Server) init() {
	s.limits = s.Limits.withDefaults()
	s.http, s.late = s.engine(), s.engine()
	s.exchanges.New = func() any { return new(exchange) }
	s.mu.Lock()
	s.conns = map[*conn]struct{}{}
	s.mu.Unlock()
}

// engine makes a server of net/http that speaks HTTP/2 and nothing else.
func (s *Server) engine() *http.Server {
	l := &s.limits
	h := &http.Server{
		Handler: http.HandlerFunc(s.serve),
		// The handler answers OPTIONS * as it does in HTTP/1.1.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		MaxHeaderBytes:               l.headerList(),
		IdleTimeout:                  l.Idle,
		ReadHeaderTimeout:            l.HeadTime,
		WriteTimeout:                 min(l.WriteIdle, plainTime), // of a stream; see exchange.extend
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          l.Streams,
			MaxReceiveBufferPerConnection: l.ConnRoom,
			MaxReceiveBufferPerStream:     l.Window,
			MaxReadFrameSize:              writePiece, // the least there is; a larger one may not even fit into a window
			SendPingTimeout:               pingAfter,
			PingTimeout:                   pingTimeout,
		},
		Protocols: new(http.Protocols),
	}
	h.Protocols.SetUnencryptedHTTP2(true) // TLS, if any, is below
	return h
}

type connKey struct{}

// Serve serves c until it ends, closes it and tells Ended. It may return before that. listener is for the handler to find in
// Request.Conn.
func (s *Server) Serve(c net.Conn, listener any) { s.ServeOr(c, listener, nil) }

// ServeOr is Serve for a connection on which the client may speak another protocol. As soon as it does, other is given
// the connection, with everything that was sent on it, and Ended is not told of it. Nil closes the connection.
func (s *Server) ServeOr(c net.Conn, listener any, other func(c net.Conn, listener any)) {
	s.once.Do(s.init)
	k := &conn{Conn: c, srv: s, flood: newFlood(), users: 1}
	k.info = wire.Conn{Remote: addrPort(c.RemoteAddr()), Local: addrPort(c.LocalAddr()), Listener: listener, TLS: tlsOf(c)}
	if k.tls, _ = c.(*socket.Secure); k.tls == nil {
		if t, ok := c.(*net.TCPConn); ok {
			k.raw, _ = t.SyscallConn()
		}
	}
	s.mu.Lock()
	s.conns[k] = struct{}{}
	if s.round == nil {
		s.round = time.AfterFunc(s.between(), s.look)
	}
	s.mu.Unlock()
	was, err := k.greet(time.Now().Add(s.limits.HeadTime))
	switch {
	case err == errPreface && other != nil:
		s.forget(k)
		other(was, listener)
		return
	case err != nil:
		k.linger()
		_ = k.Close()
		return
	}
	l := &single{conn: k}
	if k.late = s.draining.Load(); !k.late {
		_ = s.http.Serve(l)
	}
	if !l.taken { // Drain may have come in between
		k.late = true
		_ = s.late.Serve(l)
	}
}

// fresh is how long net/http may end the stream of a request that came to a handler.
func (s *Server) fresh() time.Duration { return min(s.limits.WriteIdle, plainTime) / 2 }

// between is the time between two looks at the requests under way.
func (s *Server) between() time.Duration { return s.fresh() / 2 }

// look keeps the times of all requests under way, so that none needs a timer.
func (s *Server) look() {
	now, fresh := time.Now(), s.fresh()
	var busy []*exchange
	for _, c := range s.list() {
		c.mu.Lock()
		busy = append(busy[:0], c.busy...)
		c.mu.Unlock()
		for _, x := range busy {
			x.tend(now, fresh) // which may be another request's by now
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		s.round = nil
		return
	}
	s.round.Reset(s.between())
}

// A single is a listener that has one connection for net/http.
type single struct {
	conn  *conn
	taken bool
}

// Accept returns the connection, once.
func (l *single) Accept() (net.Conn, error) {
	if l.taken {
		return nil, net.ErrClosed
	}
	l.taken = true
	return l.conn, nil
}

// Close has nothing to close.
func (l *single) Close() error { return nil }

// Addr returns the address of this side of the connection.
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }

// tlsOf returns what is known of the TLS of a connection, nil for a plain one.
func tlsOf(c net.Conn) *tls.ConnectionState {
	t, ok := c.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
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

// Drain tells every client to open no more streams, and lets those that are open end (RFC 9113 §6.8): the first word takes
// every stream that is on its way, the second, a moment later, none. Connections served from now on get one answer.
func (s *Server) Drain() {
	s.once.Do(s.init)
	if s.draining.Swap(true) {
		return
	}
	for _, c := range s.list() {
		go c.say(goAway(lastStream, codeNone)) // which waits for a write under way, and that for the client
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bye = time.AfterFunc(farewell, func() { shutdown(s.http) })
}

// shutdown has net/http begin to end its connections, without waiting for them.
func shutdown(h *http.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.Shutdown(ctx)
}

// Close breaks every connection.
func (s *Server) Close() {
	s.once.Do(s.init)
	s.draining.Store(true)
	for _, c := range s.list() {
		c.cut()
	}
}

// Wait waits until the last connection and its last request have ended, for at most limit, and says whether they have.
func (s *Server) Wait(limit time.Duration) bool {
	s.mu.Lock()
	if len(s.conns) == 0 {
		s.stopBye()
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
		s.mu.Lock()
		s.stopBye()
		s.mu.Unlock()
		return true
	case <-t.C:
		return false
	}
}

// stopBye ends what Drain began, with nobody left to tell. The caller holds mu.
func (s *Server) stopBye() {
	if s.bye != nil {
		s.bye.Stop()
	}
}

// Open returns the number of connections.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) list() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// ended is told of a connection when nobody uses it any more.
func (s *Server) ended(c *conn) {
	s.forget(c)
	if f := s.Ended; f != nil {
		f(&c.info)
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}
