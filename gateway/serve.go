package gateway

import (
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"sallyport/config"
	"sallyport/schema"
	"sallyport/wire/h1"
	"sallyport/wire/h2"
)

// This file opens and closes listeners, as the document has them, and ends them all when the gateway stops.

// openDoors opens the sockets of listeners that are new in doc. Either all open or none.
func (g *Gateway) openDoors(doc *config.Document) (opened []*door, errs schema.Errors) {
	g.mu.Lock()
	defer g.mu.Unlock()
	nodes := doc.Root.Field("listeners").List()
	for i, l := range doc.Listeners {
		if g.doors[l.Address] != nil || slices.ContainsFunc(opened, func(d *door) bool { return d.address == l.Address }) {
			continue
		}
		socket, err := g.o.Listen("tcp", l.Address)
		if err != nil {
			errs.Add(nodes[i], schema.Index("listeners", i)+".address", "cannot listen on %s: %s", l.Address, listenError(err))
			continue
		}
		opened = append(opened, &door{gateway: g, address: l.Address, socket: socket, counts: g.metrics.Listener(l.Address), closing: make(chan struct{})})
	}
	if len(errs) > 0 {
		for _, d := range opened {
			_ = d.socket.Close()
		}
		return nil, errs
	}
	return opened, nil
}

func listenError(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another process, or another listener, has the address"
	case errors.Is(err, syscall.EACCES):
		return "this user may not; ports below 1024 need CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have the address"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return err.Error()
}

// settleDoors lets clients in by the doors that are new, and closes those that doc does not have.
func (g *Gateway) settleDoors(doc *config.Document, opened []*door) {
	g.mu.Lock()
	for _, d := range opened {
		g.doors[d.address] = d
	}
	limits := limitsOf(&doc.Limits)
	stay := map[string]bool{}
	for i := range doc.Listeners {
		l := &doc.Listeners[i]
		stay[l.Address] = true
		d := g.doors[l.Address]
		t := newTerms(doc, l, d.terms.Load())
		d.terms.Store(t)
		d.counts.Certificates(t.expiries())
		d.bound(limits)
	}
	var gone []*door
	for address, d := range g.doors {
		if !stay[address] {
			gone = append(gone, d)
			delete(g.doors, address)
		}
	}
	for _, d := range opened {
		d.loop.Go(d.accept)
	}
	g.mu.Unlock()
	g.watchExpiry(doc)
	for _, d := range gone {
		d.close()
		for _, s := range d.all() {
			s.Drain()
		}
	}
}

// limitsOf are the settings as the engines have them.
func limitsOf(l *config.Limits) bounds {
	return bounds{
		h1.Limits{
			Head: int(l.HeaderSize), Fields: l.HeaderCount, URI: int(l.URISize), HeadTime: l.HeaderTime, Idle: l.Idle,
			BodyIdle: l.BodyIdle, BodyRate: int(l.BodyRate), WriteIdle: l.WriteIdle, Tunnel: l.UpgradeIdle,
		},
		h2.Limits{
			Head: int(l.HeaderSize), Fields: l.HeaderCount, URI: int(l.URISize), HeadTime: l.HeaderTime, Idle: l.Idle,
			BodyIdle: l.BodyIdle, BodyRate: int(l.BodyRate), WriteIdle: l.WriteIdle,
			Streams: l.H2.Streams, Window: int(l.H2.StreamWindow), ConnRoom: int(l.H2.ConnectionWindow),
		},
	}
}

// bound sets how many connections there may be.
func (g *Gateway) bound(doc *config.Document) {
	l := &doc.Limits
	b := &crowdBounds{total: mostConnections(openFiles()), exempted: doc.TrustedProxies}
	if l.Connections != nil {
		b.total = *l.Connections
	}
	if l.ConnectionsPerListener != nil {
		b.perDoor = *l.ConnectionsPerListener
	}
	if b.perPeer = max(256, b.total/4); l.ConnectionsPerClient != nil {
		b.perPeer = *l.ConnectionsPerClient
	}
	g.crowd.bounds.Store(b)
}

// Addresses returns where clients are let in, sorted.
func (g *Gateway) Addresses() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []string
	for _, d := range g.doors {
		list = append(list, d.socket.Addr().String())
	}
	slices.SortFunc(list, strings.Compare)
	return list
}

// Drain stops letting clients in, waits until what is under way has ended, for as long as the document has drain, and closes the
// gateway. It says whether everything ended by itself.
func (g *Gateway) Drain() bool {
	limit := 30 * time.Second
	if doc := g.Document(); doc != nil {
		limit = doc.Drain
	}
	return g.stop(limit)
}

// Close closes the gateway at once.
func (g *Gateway) Close() { g.stop(0) }

// errandTime is how long a gateway that stops waits at most for what no answer waits for.
const errandTime = time.Second

func (g *Gateway) stop(limit time.Duration) (whole bool) {
	g.stopping.Lock()
	defer g.stopping.Unlock()
	g.draining.Store(true)
	g.loading.Lock() // a document that is being loaded may still open doors
	g.mu.Lock()
	doors := g.doors
	g.doors, g.closed = map[string]*door{}, true
	g.mu.Unlock()
	g.loading.Unlock() // later ones are refused, and not held up until the last request has ended
	g.expiry.stop()
	var servers []server
	for _, d := range doors {
		d.close()
		servers = append(servers, d.all()...)
	}
	g.seated(servers, doors)
	until := time.Now().Add(limit)
	for _, s := range servers {
		s.Drain()
	}
	for _, d := range doors {
		d.guests.showOut(until)
	}
	g.seated(servers, nil)
	whole = true
	for _, s := range servers {
		if !s.Wait(time.Until(until)) {
			whole = false
			s.Close()
		}
	}
	for _, s := range servers {
		s.Wait(time.Second)
	}
	g.tending.close()
	g.errands.Close(min(time.Until(until), errandTime))
	g.functions.Close()
	g.invoked.Close()
	g.durable.leave()
	g.registry.Close()
	if a := g.access.Load(); a != nil {
		a.Close()
	}
	return whole
}

// seated waits until each connection that was let in is known to its server, or still a guest, or Drain would miss it.
func (g *Gateway) seated(servers []server, doors map[string]*door) {
	for range 100 {
		known := 0
		for _, d := range doors {
			known += d.guests.number()
		}
		for _, s := range servers {
			known += s.Open()
		}
		if int64(known) >= g.crowd.total.Load() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
