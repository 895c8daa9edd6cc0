package h1

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/wire"
)

// A counted connection is counted while it is open.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c *counted) Close() error {
	c.n.Add(-1)
	return c.Conn.Close()
}

// There are never more connections than there may be, and none is forgotten.
func TestPoolBoundHolds(t *testing.T) {
	const bound = 2
	var open, most atomic.Int64
	target := rawTarget(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi\x00")
	p := NewPool(PoolOptions{MaxConns: bound, Dial: func(time.Time) (net.Conn, error) {
		n := open.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		c, err := net.Dial("tcp", target)
		if err != nil {
			open.Add(-1)
			return nil, err
		}
		return &counted{c, &open}, nil
	}})
	defer p.Close()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 150 {
				resp, err := p.Do(&wire.Call{Method: "GET", Target: "/", Host: "a"})
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.ReadAll(resp.Body)
				resp.Close()
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); most.Load() > bound || open.Load() != 0 || s != (wire.PoolStats{}) {
		t.Errorf("%d at once, %d open, %+v", most.Load(), open.Load(), s)
	}
}
