package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"sallyport/config"
	"sallyport/schema"
)

// This file has the admin listener where the document has it. Its socket is opened like those of listeners, so that a document
// that asks for one that cannot be had is refused, and handed over like them.

// An adminDoor is the open admin listener.
type adminDoor struct {
	wanted  bool   // Run has it served; without Run nobody does
	address string // as in the document; empty while it is closed
	stop    func()
	closing sync.WaitGroup // earlier ones, whose last requests end
}

// openAdmin opens the socket of the admin listener that doc asks for, nil when there is none to open. One at the default address
// that is taken is no reason not to serve: nobody asked for it.
func (g *Gateway) openAdmin(doc *config.Document) (net.Listener, schema.Errors) {
	a := &doc.Admin
	if !g.admin.wanted || a.Off() || a.Address == g.admin.address {
		return nil, nil
	}
	l, err := g.listenAdmin(a.Address)
	switch {
	case err == nil:
		return l, nil
	case a.Given:
		var errs schema.Errors
		n, path := doc.Root.Field("admin"), "admin"
		if at := n.Field("address"); at != nil {
			n, path = at, "admin.address"
		}
		errs.Add(n, path, "%v", err)
		return nil, errs
	}
	g.log.Warn("no admin listener: its default address cannot be had; set admin.address", "error", err)
	return nil, nil
}

// listenAdmin opens address, which must be on loopback whatever name it goes by.
func (g *Gateway) listenAdmin(address string) (net.Listener, error) {
	l, err := g.o.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %s", address, listenError(err))
	}
	if at, err := netip.ParseAddrPort(l.Addr().String()); err != nil || !at.Addr().Unmap().IsLoopback() {
		return nil, errors.Join(fmt.Errorf("not yet: %s is no loopback address, and the admin listener has no TLS for now", address), l.Close())
	}
	return l, nil
}

// settleAdmin has the admin listener served where doc has it: on l, when that is set.
func (g *Gateway) settleAdmin(doc *config.Document, l net.Listener) {
	d := &g.admin
	if l == nil && !doc.Admin.Off() || !d.wanted {
		return
	}
	if stop := d.stop; stop != nil {
		// Not waited for: it may be one of its requests that has the document loaded.
		d.closing.Go(stop)
	}
	d.stop, d.address = nil, ""
	if l != nil {
		d.address = doc.Admin.Address
		d.stop = g.o.Admin(g, l)
	}
}

// closeAdmin ends the admin listener.
func (g *Gateway) closeAdmin() {
	g.loading.Lock()
	stop := g.admin.stop
	g.admin.stop, g.admin.wanted, g.admin.address = nil, false, ""
	g.loading.Unlock()
	if stop != nil {
		stop()
	}
	g.admin.closing.Wait()
}
