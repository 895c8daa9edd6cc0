package gateway

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/telemetry"
	"sallyport/wire"
	"sallyport/wire/h1"
	"sallyport/wire/h2"
	"sallyport/wire/socket"
)

// A door is an open listener: the socket, the server behind it, and its share of the crowd. It outlives
// reloads for as long as the document has its address.
type door struct {
	gateway *Gateway
	address string // as in the document
	socket  net.Listener
	terms   atomic.Pointer[terms]
	servers atomic.Pointer[servers]
	guests  guests
	bounds  bounds       // of servers; guarded by the gateway's mu
	open    atomic.Int64 // connections
	counts  *telemetry.Listener

	closing chan struct{}
	once    sync.Once
	loop    sync.WaitGroup

	mu  sync.Mutex
	old []server // with earlier limits; guarded by mu
}

// A server serves one version of HTTP on connections of clients.
type server interface {
	Serve(c net.Conn, listener any)
	Drain()
	Close()
	Wait(limit time.Duration) bool
	Open() int
}

// accept lets clients in until the door is shut. An error of accept is the machine's (no files left, most often), so it is
// answered with patience: what is under way ends and makes room.
func (d *door) accept() {
	var pause time.Duration
	for {
		c, err := d.socket.Accept()
		switch {
		case err == nil:
			pause = 0
			d.admit(c)
			continue
		case d.shut() || errors.Is(err, net.ErrClosed):
			return
		}
		if pause == 0 {
			d.gateway.log.Error("cannot accept connections; trying again", "listener", d.address, "error", err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		d.gateway.acceptErrors.Add(1)
		select {
		case <-time.After(pause):
		case <-d.closing:
			return
		}
	}
}

func (d *door) admit(c net.Conn) {
	g, t := d.gateway, d.terms.Load()
	peer := peerOf(c.RemoteAddr())
	counted, behind := peer, t.isProxy(peer)
	if behind {
		counted = netip.Addr{} // nobody knows yet
	}
	if !g.crowd.enter(counted, d) {
		g.turnedAway.Add(1)
		turnAway(c)
		return
	}
	d.counts.Opened()
	p := &d.servers.Load().calm
	if g.crowd.dense() {
		p = &d.servers.Load().hurried
	}
	if t.tls == nil && !behind {
		go p.serve(c, d, t)
		return
	}
	d.guests.enter(c)
	go (&guest{d, t, p, c, peer, behind, counted}).arrive()
}

// turnAway closes a connection that nobody shall have anything of.
func turnAway(c net.Conn) {
	if t := socket.TCP(c); t != nil {
		_ = t.SetLinger(0) // a flood shall not leave sockets behind that wait for the client
	}
	_ = c.Close()
}

// ended is told of every connection of the door that is closed.
func (d *door) ended(c *wire.Conn) {
	d.counts.Closed()
	d.gateway.crowd.leave(c.Remote.Addr(), d)
}

func peerOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	p, _ := netip.ParseAddrPort(a.String())
	return p.Addr().Unmap()
}

func (d *door) shut() bool {
	select {
	case <-d.closing:
		return true
	default:
		return false
	}
}

// close stops accepting. Connections live on.
func (d *door) close() {
	d.once.Do(func() {
		close(d.closing)
		_ = d.socket.Close()
	})
	d.loop.Wait()
}

// servers are the servers behind a door, two of each kind. When most of the room for connections is taken, those who come in
// have to be quicker: connections on which little happens are what makes a crowd that lasts.
type servers struct{ calm, hurried pair }

// A pair serves every version of HTTP within the same limits.
type pair struct {
	h1       *h1.Server
	h2       *h2.Server
	greeting time.Duration // for what comes before HTTP: who the client is, and TLS
}

// greetingTime is what a client gets at most to say who it is and agree on TLS.
const greetingTime = 10 * time.Second

// What a client gets in a crowd, if the document does not give less anyway.
const (
	hurriedHead = 2 * time.Second
	hurriedIdle = 5 * time.Second
)

// bounds are the limits on clients, as the engines have them.
type bounds struct {
	h1 h1.Limits
	h2 h2.Limits
}

func (b bounds) hurried() bounds {
	b.h1.HeadTime, b.h2.HeadTime = min(b.h1.HeadTime, hurriedHead), min(b.h2.HeadTime, hurriedHead)
	b.h1.Idle, b.h2.Idle = min(b.h1.Idle, hurriedIdle), min(b.h2.Idle, hurriedIdle)
	return b
}

func (d *door) pair(b bounds) pair {
	g := d.gateway
	return pair{
		&h1.Server{Handler: g, Limits: b.h1, Ended: d.ended, Panicked: g.Panicked},
		&h2.Server{Handler: g, Limits: b.h2, Ended: d.ended, Panicked: g.Panicked},
		min(greetingTime, b.h1.HeadTime),
	}
}

// serve serves a connection in one of the versions of its terms: the one that TLS agreed on, if there is TLS. On a plain one the
// client's first bytes tell.
func (p *pair) serve(c net.Conn, d *door, t *terms) {
	secure, ok := c.(*socket.Secure)
	switch {
	case ok && secure.ConnectionState().NegotiatedProtocol == "h2":
		p.h2.Serve(c, d)
	case ok || !t.h2c:
		p.h1.Serve(c, d)
	case t.h1:
		p.h2.ServeOr(c, d, p.h1.Serve)
	default:
		p.h2.Serve(c, d)
	}
}

// bound puts servers with other limits behind the door. Connections that are there keep the limits with which they came.
func (d *door) bound(b bounds) {
	if b == d.bounds {
		return
	}
	d.bounds = b
	before := d.servers.Swap(&servers{d.pair(b), d.pair(b.hurried())})
	if before == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// Those just replaced stay listed: a connection may be on its way to them.
	d.old = slices.DeleteFunc(d.old, func(o server) bool { return o.Open() == 0 })
	d.old = append(d.old, before.all()...)
}

// all returns the servers, each before the one that it hands connections on to, so that who waits for one after the other misses none.
func (s *servers) all() []server { return []server{s.calm.h2, s.calm.h1, s.hurried.h2, s.hurried.h1} }

// all returns every server that may have connections.
func (d *door) all() []server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(d.servers.Load().all(), d.old...)
}
