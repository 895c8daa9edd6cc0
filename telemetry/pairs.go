package telemetry

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// A pair is a method and a status, packed, so that it can be compared at once. Both are bounded: a client can
// send any method, and through an echoing service cause any status.
type pair uint32

// methods are the values of the label; any other method counts as the first.
var methods = [...]string{"OTHER", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

const (
	minStatus, maxStatus = 100, 599
	otherStatus          = 0
	// maxPairs is how many combinations a route tells apart; further ones count as otherPair.
	maxPairs  = 256
	otherPair = pair(0)
)

func pairOf(method string, status int) pair {
	if status < minStatus || status > maxStatus {
		status = otherStatus
	}
	return pair(methodNumber(method)<<10 | status)
}

func methodNumber(method string) int {
	switch method { // a switch: the compiler compares length and bytes, without hashing
	case "GET":
		return 1
	case "HEAD":
		return 2
	case "POST":
		return 3
	case "PUT":
		return 4
	case "DELETE":
		return 5
	case "CONNECT":
		return 6
	case "OPTIONS":
		return 7
	case "TRACE":
		return 8
	case "PATCH":
		return 9
	}
	return 0
}

func (p pair) method() string { return methods[p>>10] }

func (p pair) status() string {
	if status := int(p & (1<<10 - 1)); status != otherStatus {
		return strconv.Itoa(status)
	}
	return "other"
}

// pairCounts counts pairs. It is a small hash table that is read without a lock: slots are only ever
// filled, and a table that grows takes the same counters along.
type pairCounts struct {
	table atomic.Pointer[[]atomic.Pointer[pairCount]] // nil until the first pair; a power of two, half full at most

	mu   sync.Mutex // held to add a pair
	used int
}

type pairCount struct {
	pair pair
	n    atomic.Uint64
}

// of returns the counter of p.
func (c *pairCounts) of(p pair) *atomic.Uint64 {
	if t := c.table.Load(); t != nil {
		if found, _ := lookup(*t, p); found != nil {
			return &found.n
		}
	}
	return c.add(p)
}

// lookup returns the counter of p, or the free slot that is its place.
func lookup(t []atomic.Pointer[pairCount], p pair) (*pairCount, *atomic.Pointer[pairCount]) {
	for i := uint32(p) * 0x9E3779B1 >> 16; ; i++ {
		slot := &t[i&uint32(len(t)-1)]
		found := slot.Load()
		if found == nil {
			return nil, slot
		}
		if found.pair == p {
			return found, nil
		}
	}
}

func (c *pairCounts) add(p pair) *atomic.Uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used >= maxPairs-1 {
		p = otherPair
	}
	t := c.grown()
	found, slot := lookup(t, p)
	if found == nil {
		found = &pairCount{pair: p}
		slot.Store(found)
		c.used++
	}
	return &found.n
}

// grown returns a table with room for one more.
func (c *pairCounts) grown() []atomic.Pointer[pairCount] {
	var old []atomic.Pointer[pairCount]
	if t := c.table.Load(); t != nil {
		old = *t
	}
	if c.used < len(old)/2 {
		return old
	}
	bigger := make([]atomic.Pointer[pairCount], max(8, 2*len(old)))
	for i := range old {
		if e := old[i].Load(); e != nil {
			_, slot := lookup(bigger, e.pair)
			slot.Store(e)
		}
	}
	c.table.Store(&bigger)
	return bigger
}

// each calls f with every pair and its count.
func (c *pairCounts) each(f func(pair, uint64)) {
	t := c.table.Load()
	if t == nil {
		return
	}
	for i := range *t {
		if e := (*t)[i].Load(); e != nil {
			f(e.pair, e.n.Load())
		}
	}
}
