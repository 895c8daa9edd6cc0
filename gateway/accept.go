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
	server  atomic.Pointer[h1.Server]
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
	go d.server.Load().Serve(c, d)
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

// serve puts a server with other limits behind the door. Connections that are there keep the limits with which they came.
func (d *door) serve(s *h1.Server) {
	before := d.server.Swap(s)
	if before == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// The one just replaced stays listed: a connection may be on its way to it.
	d.old = slices.DeleteFunc(d.old, func(o *h1.Server) bool { return o.Open() == 0 })
	d.old = append(d.old, before)
}

// servers returns every server that may have connections.
func (d *door) servers() []*h1.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*h1.Server{d.server.Load()}, d.old...)
}
