package admin

import (
	"net"
	"sync"
)

// A bounded listener lets so many connections be open at once; further ones wait in the system's queue until
// one is closed. Files that the gateway needs for its clients cannot all be taken here.
type bounded struct {
	net.Listener
	room chan struct{}
}

// Accept waits for room, then for a connection. A listener that is closed meanwhile says so once
// there is room: the server closes its connections when it stops.
func (b *bounded) Accept() (net.Conn, error) {
	b.room <- struct{}{}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.room
		return nil, err
	}
	return &boundedConn{Conn: c, room: b.room}, nil
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
