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
)

// A door is an open listener: the socket, the server behind it, and its share of the crowd. It outlives
// reloads for as long as the document has its address.
type door struct {
	gateway *Gateway
	address string // as in the document
	socket  net.Listener
	hosts   atomic.Pointer[hostSet] // nil: every host
	servers atomic.Pointer[servers]
	open    atomic.Int64 // connections
	counts  *telemetry.Listener

	closing chan struct{}
	once    sync.Once
	loop    sync.WaitGroup

	mu  sync.Mutex
	old []*h1.Server // with earlier limits; guarded by mu
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
	g := d.gateway
	if !g.crowd.enter(peerOf(c.RemoteAddr()), d) {
		g.turnedAway.Add(1)
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a flood shall not leave sockets behind that wait for the client
		}
		_ = c.Close()
		return
	}
	d.counts.Opened()
	srv := d.servers.Load().calm
	if g.crowd.dense() {
		srv = d.servers.Load().hurried
	}
	go srv.Serve(c, d)
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

// servers are the two servers behind a door. When most of the room for connections is taken, those who come in have to be
// quicker: connections on which little happens are what makes a crowd that lasts.
type servers struct{ calm, hurried *h1.Server }

// What a client gets in a crowd, if the document does not give less anyway.
const (
	hurriedHead = 2 * time.Second
	hurriedIdle = 5 * time.Second
)

// serve puts servers with other limits behind the door. Connections that are there keep the limits with which they came.
func (d *door) serve(limits h1.Limits) {
	hurried := limits
	hurried.HeadTime = min(limits.HeadTime, hurriedHead)
	hurried.Idle = min(limits.Idle, hurriedIdle)
	g := d.gateway
	before := d.servers.Swap(&servers{
		&h1.Server{Handler: g, Limits: limits, Ended: d.ended, Panicked: g.Panicked},
		&h1.Server{Handler: g, Limits: hurried, Ended: d.ended, Panicked: g.Panicked},
	})
	if before == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// Those just replaced stay listed: a connection may be on its way to them.
	d.old = slices.DeleteFunc(d.old, func(o *h1.Server) bool { return o.Open() == 0 })
	d.old = append(d.old, before.calm, before.hurried)
}

// all returns every server that may have connections.
func (d *door) all() []*h1.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.servers.Load()
	return append([]*h1.Server{now.calm, now.hurried}, d.old...)
}
