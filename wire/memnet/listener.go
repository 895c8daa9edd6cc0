package memnet

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A Listener is one end that accepts connections.
type Listener struct {
	network *Network
	address string
	local   netip.AddrPort
	arrived chan net.Conn
	closed  chan struct{}
	once    sync.Once
	hole    atomic.Bool
}

// Swallow makes all who dial wait until they lose patience, as if packets got lost on the way.
func (l *Listener) Swallow() { l.hole.Store(true) }

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, l.shut()
	default:
	}
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, l.shut()
	}
}

func (l *Listener) shut() error {
	return &net.OpError{Op: "accept", Net: "memory", Err: net.ErrClosed}
}

// Close frees the address. Connections that were not accepted are closed.
func (l *Listener) Close() error {
	first := false
	l.once.Do(func() { first = true })
	if !first {
		return l.shut()
	}
	l.network.mu.Lock()
	delete(l.network.listeners, l.address)
	l.network.mu.Unlock()
	close(l.closed)
	for {
		select {
		case c := <-l.arrived:
			_ = c.Close()
		default:
			return nil
		}
	}
}

// Addr returns the address that clients see.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }
