package telemetry

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A counter that many cores add to makes its cache line travel between them with every request. What
// is counted for each request is therefore kept in stripes, which are summed when somebody looks.
const maxStripes = 8

// stripes is how many of them are used: a power of two, one for each core up to maxStripes.
var stripes = uintptr(1) << bits.Len(uint(min(runtime.GOMAXPROCS(0), maxStripes)-1))

// stripe picks the stripe for this goroutine: by the place of its stack, which differs between
// goroutines and mostly stays the same for one. Any value is right, so it does not matter that a
// stack may move.
func stripe() uintptr {
	var here byte
	const phi = 0x9E3779B97F4A7C15 // spreads neighbouring stacks
	return uintptr(uint64(uintptr(unsafe.Pointer(&here))>>11)*phi>>32) & (stripes - 1)
}

// A Gauge is a number that goes up and down from many goroutines. The zero value is ready.
type Gauge struct {
	stripes [maxStripes]struct {
		n atomic.Int64
		_ [56]byte // a cache line each
	}
}

// Add adds n, which may be negative.
func (g *Gauge) Add(n int64) { g.stripes[stripe()].n.Add(n) }

// Value returns the sum. It may miss what is being added at this moment.
func (g *Gauge) Value() int64 {
	var sum int64
	for i := range g.stripes {
		sum += g.stripes[i].n.Load()
	}
	return sum
}
