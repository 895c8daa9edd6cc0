package telemetry

import (
	"sync/atomic"
	"time"
)

// A Route counts the requests of one route. It stays the same across reloads for as long as the
// document has the route.
type Route struct {
	api, name string
	cells     cells
}

// Done counts a request that was answered: with which status and how long after its head was read.
// It may be called from any goroutine and does not allocate once a method and status were seen.
func (r *Route) Done(method string, status int, d time.Duration) {
	c := r.cells.pick()
	c.requests.of(pairOf(method, status)).Add(1)
	r.cells.observe(c, d)
}

// cells are the stripes of one route or upstream. Most of ten thousand routes are quiet and need only the first; one that gets
// busy is spread.
type cells struct {
	spread atomic.Bool
	all    [maxStripes]atomic.Pointer[cell]
}

// busy is the count that one bucket of a cell reaches before its owner is spread over all stripes.
const busy = 1 << 13

type cell struct {
	requests pairCounts
	duration histogram
}

func (c *cells) pick() *cell {
	var i uintptr
	if c.spread.Load() {
		i = stripe()
	}
	if found := c.all[i].Load(); found != nil {
		return found
	}
	c.all[i].CompareAndSwap(nil, new(cell))
	return c.all[i].Load()
}

// observe counts d in c, which pick gave.
func (c *cells) observe(in *cell, d time.Duration) {
	if in.duration.observe(d) == busy {
		c.spread.Store(true)
	}
}

// each calls f with every cell that is in use.
func (c *cells) each(f func(*cell)) {
	for i := range c.all {
		if found := c.all[i].Load(); found != nil {
			f(found)
		}
	}
}
