// Package faults does to connections what networks and peers do to them: a Proxy stands between two of the parties and delays,
// trickles, cuts, resets, corrupts, or falls silent. Its tests are the fault matrix of the gateway; docs/faults.md lists them.
package faults

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A Fault is what happens to the bytes that go one way. The zero value is none.
type Fault struct {
	Delay  time.Duration // before each piece
	Jitter time.Duration // up to so much more
	Rate   int           // bytes a second; 0 for as fast as can be
	Piece  int           // bytes that go on at a time, 0 for as many as came

	// What happens to a connection once so many bytes went this way; 0 for never. Use 1 for with the first byte.
	Cut     int64 // it is closed in good order
	Reset   int64 // it is reset
	Mute    int64 // nothing goes on any more, and nobody is told: the peer vanished
	Corrupt int64 // a bit of that byte is wrong
}

// A Proxy takes connections and makes one to its target for each. Its methods may be used while it is in use.
type Proxy struct {
	target  string
	address string
	work    sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener       // nil while it refuses connections; guarded by mu
	links    map[*link]struct{} // guarded by mu
	up, down Fault              // towards the target, and back; guarded by mu
	deaf     bool               // takes connections and does nothing with them; guarded by mu
	closed   bool               // guarded by mu
	taken    int                // connections; guarded by mu
}

// A link is a client's connection and the one to the target.
type link struct {
	client, target net.Conn
	up, down       Fault // of this one alone; guarded by the proxy's mu
}

// NewProxy makes a proxy on a free port of loopback.
func NewProxy(target string) (*Proxy, error) {
	p := &Proxy{target: target, address: "127.0.0.1:0", links: map[*link]struct{}{}}
	return p, p.Open()
}

// Address returns host:port.
func (p *Proxy) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// Taken returns how many connections were made so far.
func (p *Proxy) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Set has faults happen from now on, also on connections that are there. Counts of bytes are those since the connection began.
func (p *Proxy) Set(up, down Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = up, down
}

// Hurt has faults happen to the connections that are there, and to no others. Counts of bytes begin anew.
func (p *Proxy) Hurt(up, down Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.up, l.down = up, down
	}
}

// Deafen makes new connections succeed and lead nowhere, as they do when nobody takes them off the queue of a busy machine.
func (p *Proxy) Deafen(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

// Open takes connections, again after Refuse.
func (p *Proxy) Open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	if p.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.listener, p.address = l, l.Addr().String()
	p.work.Go(func() { p.accept(l) })
	return nil
}

// Refuse refuses connections and resets those that are there: the target's process was killed.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for l := range p.links {
		l.end(true)
	}
}

// Close ends everything and waits for it.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.work.Wait()
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.taken++
		deaf := p.deaf
		p.mu.Unlock()
		k := &link{client: c}
		if !deaf {
			if k.target, err = net.DialTimeout("tcp", p.target, 5*time.Second); err != nil {
				k.end(true)
				continue
			}
		}
		p.mu.Lock()
		p.links[k] = struct{}{}
		late := p.listener != l
		p.mu.Unlock()
		p.work.Go(func() { p.carry(k) })
		if late {
			k.end(true)
		}
	}
}

// carry moves bytes both ways until both ends are done.
func (p *Proxy) carry(k *link) {
	var ways sync.WaitGroup
	if k.target == nil {
		_, _ = io.Copy(io.Discard, k.client)
	} else {
		ways.Go(func() { p.move(k, k.target, k.client, &p.up, &k.up) })
		ways.Go(func() { p.move(k, k.client, k.target, &p.down, &k.down) })
	}
	ways.Wait()
	k.end(false)
	p.mu.Lock()
	delete(p.links, k)
	p.mu.Unlock()
}

// fault returns what happens now: own, if that is anything, else all. own counts bytes from its first use.
func (p *Proxy) fault(all, own *Fault, sent int64) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if *own == (Fault{}) {
		return *all
	}
	for _, at := range []*int64{&own.Cut, &own.Reset, &own.Mute, &own.Corrupt} {
		if *at > 0 && *at <= sent {
			*at += sent
		}
	}
	return *own
}

// Why a way ends.
var (
	errFault = errors.New("a fault ends the connection")
	errMute  = errors.New("a fault swallows the rest")
)

// move moves bytes one way.
func (p *Proxy) move(k *link, to, from net.Conn, all, own *Fault) {
	var sent int64
	for b := make([]byte, 32<<10); ; {
		n, err := from.Read(b)
		for piece := b[:n]; len(piece) > 0; {
			m, err := p.pass(k, to, piece, sent, all, own)
			if err == errMute {
				_, _ = io.Copy(io.Discard, from) // until somebody gives up
			}
			if err != nil {
				return
			}
			piece, sent = piece[m:], sent+int64(m)
		}
		if err != nil {
			if t, ok := to.(*net.TCPConn); ok && err == io.EOF {
				_ = t.CloseWrite()
			} else {
				k.end(true)
			}
			return
		}
	}
}

// pass does to the start of b what the fault of the moment says, and passes it on. sent bytes went before.
func (p *Proxy) pass(k *link, to net.Conn, b []byte, sent int64, all, own *Fault) (int, error) {
	f := p.fault(all, own, sent)
	if f.Delay > 0 || f.Jitter > 0 {
		d := f.Delay
		if f.Jitter > 0 {
			d += rand.N(f.Jitter)
		}
		time.Sleep(d)
	}
	if f.Piece > 0 && len(b) > f.Piece {
		b = b[:f.Piece]
	}
	if f.Rate > 0 {
		b = b[:min(len(b), max(1, f.Rate/20))]
		time.Sleep(time.Second * time.Duration(len(b)) / time.Duration(f.Rate))
	}
	for _, at := range []int64{f.Cut, f.Reset, f.Mute} {
		if at > 0 && sent+int64(len(b)) >= at {
			b = b[:max(0, at-1-sent)] // up to the byte before
		}
	}
	if at := f.Corrupt - 1; at >= sent && at < sent+int64(len(b)) {
		b[at-sent] ^= 1
	}
	if _, err := to.Write(b); err != nil {
		k.end(true)
		return 0, err
	}
	switch next := sent + int64(len(b)) + 1; {
	case f.Cut > 0 && next >= f.Cut:
		k.end(false)
		return 0, errFault
	case f.Reset > 0 && next >= f.Reset:
		k.end(true)
		return 0, errFault
	case f.Mute > 0 && next >= f.Mute:
		return len(b), errMute
	}
	return len(b), nil
}

// end closes both connections, with a reset if that is wanted.
func (k *link) end(reset bool) {
	for _, c := range []net.Conn{k.client, k.target} {
		if c == nil {
			continue
		}
		if t, ok := c.(*net.TCPConn); ok && reset {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}
