package admin

import (
	"net"
	"sync"
)

// A bounded listener lets so many connections be open at once; further ones wait in the system's queue until one is closed. Files
// that the gateway needs for its clients cannot all be taken here.
type bounded struct {
	net.Listener
	room   chan struct{}
	once   sync.Once
	closed chan struct{}
}

// Accept waits for room, then for a connection.
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.room <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.room
		return nil, err
	}
	return &boundedConn{Conn: c, room: b.room}, nil
}

// Close closes the listener, also for an Accept that waits for room.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

type boundedConn struct {
	net.Conn
	room chan struct{}
	once sync.Once
}

// Close gives the room back, once.
func (c *boundedConn) Close() error {
	defer c.once.Do(func() { <-c.room })
	return c.Conn.Close()
}
