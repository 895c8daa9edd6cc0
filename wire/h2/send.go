package h2

import (
	"net"
	"runtime"
	"time"

	"sallyport/wire/socket"
)

// This file is how frames leave. net/http has every answer sent for itself; here those that come at the same time share a
// record of TLS and a system call: what is written waits until everybody who has something to say right now has said it.

// Write takes frames, which leave in a moment. It waits for the client only when more waits already than it takes. That an
// earlier Write failed is told by a later one.
func (c *conn) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.scan(p)
	for rest := p; len(rest) > 0 && c.failed == nil; {
		if c.wait == nil {
			c.wait = socket.Take(socket.Big)[:0]
		}
		n := min(len(rest), cap(c.wait)-len(c.wait))
		c.wait = append(c.wait, rest[:n]...)
		if rest = rest[n:]; len(c.wait) == cap(c.wait) {
			c.flush()
		}
	}
	c.putIn()
	if c.failed != nil {
		return 0, c.failed
	}
	c.soon()
	return len(p), nil
}

// soon has what waits sent once those who are ready to run have run. The caller holds wmu.
func (c *conn) soon() {
	if c.due || len(c.wait) == 0 {
		return
	}
	c.due = true
	go c.send()
}

func (c *conn) send() {
	runtime.Gosched()
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.due = false
	c.flush()
}

// flush sends what waits. The caller holds wmu.
func (c *conn) flush() {
	b := c.wait
	c.wait = nil
	if len(b) > 0 && c.failed == nil {
		c.patient()
		if _, err := c.Conn.Write(b); err != nil {
			c.failed = err
			_ = c.Conn.Close() // whoever reads has to see it
		}
	}
	if b != nil {
		socket.Give(b)
	}
}

// patient gives the client at least WriteIdle to take what is sent, and at most twice that: a deadline that is late enough stays.
func (c *conn) patient() {
	idle := c.srv.limits.WriteIdle
	now := time.Now()
	if c.writeBy.Sub(now) < idle {
		c.writeBy = now.Add(2 * idle)
		_ = c.Conn.SetWriteDeadline(c.writeBy)
	}
}

// SetWriteDeadline does nothing: the deadlines of writing are set here.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline does nothing.
func (c *conn) SetDeadline(time.Time) error { return nil }

// scan counts the frames in b. The caller holds wmu.
func (c *conn) scan(b []byte) {
	c.mu.Lock()
	c.out.feed(b, c.flood.wrote)
	c.mu.Unlock()
}

// putIn puts frames in that wait for the end of the one under way, if this is it. The caller holds wmu.
func (c *conn) putIn() {
	if len(c.told) == 0 || !c.out.any || !c.out.between() { // a server begins with its settings
		return
	}
	b := append(c.wait, c.told...) // which may outgrow its block
	if c.wait != nil && cap(b) != cap(c.wait) {
		socket.Give(c.wait)
	}
	c.wait, c.told = b, nil
}

// say has f sent between two frames, as soon as that can be.
func (c *conn) say(f []byte) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.told = append(c.told, f...)
	c.putIn()
	c.soon()
}

// calm tells a client that its connection ends because of what it does, if that can be done without waiting for it.
func (c *conn) calm() {
	if !c.wmu.TryLock() {
		return
	}
	defer c.wmu.Unlock()
	c.told = append(c.told, goAway(lastStream, codeEnhanceCalm)...)
	c.putIn()
	c.writeBy = time.Time{}
	_ = c.Conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if b := c.wait; len(b) > 0 && c.failed == nil {
		c.wait = nil
		if _, err := c.Conn.Write(b); err != nil {
			c.failed = err
		}
		socket.Give(b)
	}
}

// Close sends what waits, as far as the client takes it at once, and closes the connection. net/http calls it once it has ended
// with it.
func (c *conn) Close() error {
	late := time.AfterFunc(time.Second, c.cut) // a write under way waits for the client
	c.wmu.Lock()
	late.Stop()
	if c.failed == nil && len(c.wait) > 0 {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(time.Second))
		c.writeBy = time.Now().Add(1 << 62) // that one stays
		c.flush()
	}
	c.failed = net.ErrClosed
	c.wmu.Unlock()
	err := c.Conn.Close()
	c.end()
	return err
}

// cut closes the connection at once.
func (c *conn) cut() {
	if c.tls != nil {
		_ = c.tls.NetConn().Close()
	}
	_ = c.Conn.Close()
	c.end()
}

// end counts the connection out, once.
func (c *conn) end() {
	if !c.closed.Swap(true) {
		c.leave()
	}
}
