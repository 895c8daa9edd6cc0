// Package memnet is a network in memory: names instead of addresses, no ports, and connections on
// which a goroutine waits durably, so that inside a testing/synctest bubble time moves on while they are silent.
package memnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// A Network connects those who listen on it with those who dial. The zero value is an empty one.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*Listener
	ports     uint16 // handed out to dialers so far
}

// Listen makes address, any text, one that can be dialled.
func (n *Network) Listen(address string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[address] != nil {
		return nil, &net.OpError{Op: "listen", Net: "memory", Err: syscall.EADDRINUSE}
	}
	if n.listeners == nil {
		n.listeners = map[string]*Listener{}
	}
	l := &Listener{network: n, address: address, local: listenAddr, arrived: make(chan net.Conn, backlog), closed: make(chan struct{})}
	n.listeners[address] = l
	return l, nil
}

// backlog is how many connections wait to be accepted before more are refused.
const backlog = 1024

var listenAddr = netip.MustParseAddrPort("192.0.2.100:80")

// Dial connects to address from an address of its own.
func (n *Network) Dial(ctx context.Context, address string) (net.Conn, error) {
	n.mu.Lock()
	n.ports++
	port := 40000 + n.ports
	n.mu.Unlock()
	return n.DialFrom(ctx, address, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port))
}

// DialFrom connects to address; the other side sees from.
func (n *Network) DialFrom(ctx context.Context, address string, from netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, failed(err)
	}
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, failed(syscall.ECONNREFUSED)
	}
	if l.hole.Load() {
		<-ctx.Done()
		return nil, failed(ctx.Err())
	}
	near, far := Pipe(from, l.local)
	select {
	case <-l.closed:
		return nil, failed(syscall.ECONNREFUSED)
	case l.arrived <- far:
		return near, nil
	default:
		return nil, failed(syscall.ECONNREFUSED)
	}
}

func failed(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = syscall.ETIMEDOUT
	}
	return &net.OpError{Op: "dial", Net: "memory", Err: err}
}
