package admin

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// A bounded listener lets so many connections be open at once, since files that the gateway needs for its clients cannot all be taken
// here. When one more comes, the one that has been idle, or has not shown a token, for longest is closed: whoever asks whether the
// gateway lives must not have to wait for clients that only hold connections. While all work, further ones wait.
type bounded struct {
	net.Listener
	room chan struct{}

	mu     sync.Mutex
	open   []*boundedConn // those that may be closed, the oldest first; guarded by mu
	closed bool           // guarded by mu
}

// Accept waits for a connection, then for room.
func (b *bounded) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case b.room <- struct{}{}:
	default:
		b.closeOldest()
		b.room <- struct{}{}
	}
	k := &boundedConn{Conn: c, in: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed { // while this one waited
		<-b.room
		_ = c.Close()
		return nil, net.ErrClosed
	}
	b.open = append(b.open, k)
	return k, nil
}

// Close closes the listener.
func (b *bounded) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.Listener.Close()
}

func (b *bounded) closeOldest() {
	b.mu.Lock()
	var oldest *boundedConn
	if len(b.open) > 0 {
		oldest = b.open[0]
	}
	b.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
}

// may says whether c may be closed for another one.
func (b *bounded) may(c *boundedConn, close bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = slices.DeleteFunc(b.open, func(k *boundedConn) bool { return k == c })
	if close && !c.gone {
		b.open = append(b.open, c)
	}
}

type boundedConn struct {
	net.Conn
	in   *bounded
	gone bool // guarded by in.mu
	once sync.Once
}

// Close gives the room back, once.
func (c *boundedConn) Close() error {
	defer c.once.Do(func() {
		c.in.mu.Lock()
		c.gone = true
		c.in.mu.Unlock()
		c.in.may(c, false)
		<-c.in.room
	})
	return c.Conn.Close()
}

type connKey struct{}

// withConn has the connection of a request in its context.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// works keeps the connection of r, which somebody with a token sent, until it is answered.
func works(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*boundedConn); ok {
		c.in.may(c, false)
	}
}

// rests is told of each change of a connection.
func rests(c net.Conn, to http.ConnState) {
	if k, ok := c.(*boundedConn); ok && to == http.StateIdle {
		k.in.may(k, true)
	}
}
