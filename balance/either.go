package balance

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/wire"
	"sallyport/wire/h1"
	"sallyport/wire/h2"
)

// An either is the connections to a target that says on each of them which version of HTTP it takes (ALPN, RFC 7301). The first
// one tells; a target that changes its mind is followed.
type either struct {
	dial func(by time.Time) (net.Conn, error) // offers both
	old  *h1.Pool                             // on connections that might have become HTTP/2
	only *h1.Pool                             // on those that could not, to switch protocols on
	new  *h2.Pool
	h2   atomic.Bool // what the target took last

	mu    sync.Mutex
	spare map[string]net.Conn // made to find out, and not used yet, by protocol; guarded by mu
	asked bool                // the target has told; guarded by mu
	now   *question           // that is asked; nil while nobody asks; guarded by mu
}

// A question is a connection being made to find out what the target takes, on which others wait.
type question struct {
	done chan struct{}
	err  error // why there is no answer; for others once done is closed
}

const (
	alpnH1 = "http/1.1"
	alpnH2 = "h2"
)

var errNotH1 = errors.New("the target speaks HTTP/2 now")

func newEither(r *Registry, k key) *either {
	e := &either{dial: r.dialer(k, alpnH2, alpnH1), spare: map[string]net.Conn{}}
	e.old = r.h1(k, func(by time.Time) (net.Conn, error) { return e.make(by, alpnH1, errNotH1) })
	e.new = r.h2(k, func(by time.Time) (net.Conn, error) { return e.make(by, alpnH2, errNotH2) })
	e.only = r.h1(k, r.dialer(k, alpnH1))
	return e
}

// make makes a connection for one of the versions. If the target takes the other one, that connection is kept for it.
func (e *either) make(by time.Time, protocol string, other error) (net.Conn, error) {
	if c := e.take(protocol); c != nil {
		return c, nil
	}
	c, err := e.dial(by)
	if err != nil || version(c) == protocol {
		return c, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keep(c)
	return nil, other
}

// Do sends c in the version that the target takes. A protocol can be switched to from HTTP/1.1 only.
func (e *either) Do(c *wire.Call) (*wire.Response, error) {
	if c.Upgrade != "" {
		return e.only.Do(c)
	}
	if err := e.ask(c); err != nil {
		return nil, err
	}
	first, second, other := connections(e.old), connections(e.new), errNotH1
	if e.h2.Load() {
		first, second, other = e.new, e.old, errNotH2
	}
	resp, err := first.Do(c)
	if err != nil && errors.Is(err, other) {
		return second.Do(c)
	}
	return resp, err
}

// ask finds out what the target takes, once. Whoever comes meanwhile waits for what comes of it, no longer than it would have waited for a
// connection of its own.
func (e *either) ask(c *wire.Call) error {
	by := c.Deadline
	if c.Connect > 0 {
		by = time.Now().Add(c.Connect)
		if !c.Deadline.IsZero() && c.Deadline.Before(by) {
			by = c.Deadline
		}
	}
	for {
		e.mu.Lock()
		if e.asked {
			e.mu.Unlock()
			return nil
		}
		q := e.now
		if q == nil {
			q = &question{done: make(chan struct{})}
			e.now = q
			e.mu.Unlock()
			return e.find(q, by)
		}
		e.mu.Unlock()
		if !q.wait(by) {
			return &wire.CallError{Op: wire.OpConnect, Err: os.ErrDeadlineExceeded}
		}
		if q.err != nil && !timedOut(q.err) { // whoever asked may have had less time
			return q.err
		}
	}
}

// find answers q.
func (e *either) find(q *question, by time.Time) error {
	conn, err := e.dial(by)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now = nil; err != nil {
		q.err = &wire.CallError{Op: wire.OpConnect, Err: err}
	} else {
		e.asked = true
		e.keep(conn)
	}
	close(q.done)
	return q.err
}

// wait says whether q was answered by then.
func (q *question) wait(by time.Time) bool {
	if by.IsZero() {
		<-q.done
		return true
	}
	t := time.NewTimer(time.Until(by))
	defer t.Stop()
	select {
	case <-q.done:
		return true
	case <-t.C:
		return false
	}
}

// version returns the protocol to speak on c.
func version(c net.Conn) string {
	if agreed(c) == alpnH2 {
		return alpnH2
	}
	return alpnH1
}

// keep takes note of what conn speaks, and keeps it for the next that wants one. The caller holds mu.
func (e *either) keep(conn net.Conn) {
	protocol := version(conn)
	e.h2.Store(protocol == alpnH2)
	if old := e.spare[protocol]; old != nil {
		_ = old.Close()
	}
	e.spare[protocol] = conn
}

// take returns the connection that was kept for protocol, nil for none.
func (e *either) take(protocol string) net.Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.spare[protocol]
	delete(e.spare, protocol)
	return c
}

// Close closes the connections that are not in use.
func (e *either) Close() {
	for _, protocol := range []string{alpnH1, alpnH2} {
		if c := e.take(protocol); c != nil {
			_ = c.Close()
		}
	}
	e.old.Close()
	e.only.Close()
	e.new.Close()
}

// Stats returns the numbers of all.
func (e *either) Stats() (sum wire.PoolStats) {
	for _, p := range [...]connections{e.old, e.only, e.new} {
		s := p.Stats()
		sum.Open, sum.Idle, sum.Waiting = sum.Open+s.Open, sum.Idle+s.Idle, sum.Waiting+s.Waiting
	}
	return sum
}
