package gateway

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// A crowd counts the connections of clients, so that neither one client nor all of them together can take what the
// gateway needs to go on: files, and memory for each connection.
type crowd struct {
	total  atomic.Int64
	bounds atomic.Pointer[crowdBounds]
	shards [16]crowdShard
}

// crowdBounds are the settings; 0 is no bound.
type crowdBounds struct {
	total    int
	perDoor  int
	perPeer  int
	exempted []netip.Prefix // peers that stand for many clients: trusted proxies
}

type crowdShard struct {
	mu sync.Mutex
	n  map[netip.Addr]int // guarded by mu
}

// crowdKey is what counts as one client: an IPv4 address, or an IPv6 /64, which is what one
// customer gets at least.
func crowdKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}

func (c *crowd) shard(key netip.Addr) *crowdShard {
	b := key.As16()
	return &c.shards[(b[5]^b[6]^b[7]^b[14]^b[15])&15]
}

// enter counts a connection in and says whether it may stay. One that may not has not been counted.
func (c *crowd) enter(a netip.Addr, d *door) bool {
	b := c.bounds.Load()
	if n := c.total.Add(1); b.total > 0 && n > int64(b.total) {
		c.total.Add(-1)
		return false
	}
	if n := d.open.Add(1); b.perDoor > 0 && n > int64(b.perDoor) {
		d.open.Add(-1)
		c.total.Add(-1)
		return false
	}
	if !c.count(a, b) {
		d.open.Add(-1)
		c.total.Add(-1)
		return false
	}
	return true
}

// become counts a connection as another client's, and says whether it may stay. One that may not is counted as before.
func (c *crowd) become(old, now netip.Addr) bool {
	if !c.count(now, c.bounds.Load()) {
		return false
	}
	c.uncount(old)
	return true
}

// dense says whether more than three quarters of the room is taken.
func (c *crowd) dense() bool {
	most := int64(c.bounds.Load().total)
	return most > 0 && c.total.Load()*4 > most*3
}

func (c *crowd) count(a netip.Addr, b *crowdBounds) bool {
	key := crowdKey(a)
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == nil {
		s.n = map[netip.Addr]int{}
	}
	n := s.n[key]
	if b.perPeer > 0 && n >= b.perPeer && !b.exempt(a) {
		return false
	}
	s.n[key] = n + 1
	return true
}

// leave counts a connection out.
func (c *crowd) leave(a netip.Addr, d *door) {
	c.uncount(a)
	d.open.Add(-1)
	c.total.Add(-1)
}

func (c *crowd) uncount(a netip.Addr) {
	key := crowdKey(a)
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[key]--; s.n[key] <= 0 {
		delete(s.n, key)
	}
}

// exempt says whether the bound on one client's connections is not for a: processes of this machine and
// trusted proxies speak for many.
func (b *crowdBounds) exempt(a netip.Addr) bool {
	a = a.Unmap()
	if a.IsLoopback() || !a.IsValid() {
		return true
	}
	for _, p := range b.exempted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
