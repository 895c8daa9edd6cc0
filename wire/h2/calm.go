package h2

import (
	"errors"
	"net"
	"sync"
)

// This file ends a connection on which a target makes work and answers nothing. net/http bounds what clients may do (see flood.go), but
// reads whatever a target sends, and a connection on which something comes is taken for one that works: new calls would go there for ever.

var errIdleTalk = errors.New("the target sends too many frames that carry nothing")

// A calmed connection to a target has an account as those of clients have.
type calmed struct {
	net.Conn
	in, out scan // of the reader, of the writer

	mu      sync.Mutex
	idle    account // guarded by mu
	pieces  int     // frames of the head under way; guarded by mu
	flooded bool    // guarded by mu
}

func newCalmed(c net.Conn) *calmed {
	return &calmed{Conn: c, out: scan{left: len(preface)}, idle: newAccount(idleFrames, idlePerSecond)}
}

// Read reads, unless there was too much that carried nothing.
func (c *calmed) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in.feed(b[:n], c.got); c.flooded {
		return 0, errIdleTalk
	}
	return n, err
}

// Write writes.
func (c *calmed) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.out.feed(b, c.sent)
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// got takes note of a frame of the target. The caller holds mu.
func (c *calmed) got(f frame) {
	switch f.kind {
	case frameHeaders:
		c.pieces = 0
		c.idle.earn(2)
		return
	case frameContinuation:
		c.pieces++
		c.flooded = c.flooded || c.pieces > continuations
		return
	case frameData:
		if f.length > 0 || f.flags&flagEndStream != 0 {
			c.idle.earn(1) // some measure with pings how fast the way is
			return
		}
	case frameRST:
		return
	}
	c.flooded = c.flooded || !c.idle.spend(1)
}

// sent takes note of a frame of the gateway, of which the target may tell what it has read. The caller holds mu.
func (c *calmed) sent(f frame) {
	switch f.kind {
	case frameData:
		c.idle.earn(3 + f.length>>10)
	case frameHeaders:
		c.idle.earn(2)
	case framePing, frameSettings:
		if f.flags&flagEndStream == 0 { // it is no answer
			c.idle.earn(1)
		}
	}
}
