package gateway

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// This file says how much garbage may lie around before it is collected. The runtime allows as much as lives (GOGC), since collecting takes the longer
// the more lives. But what has no pointers is not looked through: a million keys of the store, say, take the collector next to nothing, and would double
// what the process needs.

const (
	easePercent  = 400      // how much garbage there may be while a document is loaded, in percent of what lives
	leastGarbage = 48 << 20 // how much there may always be, as far as the percentage allows it
	roomForSmall = 8 << 20  // how much there may be where little lives: collected as often as the percentage says, requests would pay for it
)

// garbage is how the collector is set, which is so for the whole process.
var garbage garbageSetting

type garbageSetting struct {
	mu     sync.Mutex
	normal int // percent when nothing is going on; guarded by mu, as what follows; negative for no collection
	loads  int // under way
	bounds int // who wants the garbage bounded
}

// easeMemory lets garbage pile up while a document is loaded: building a large one makes so much of it that collecting in between
// would take more of the machine, and of each request that needs memory, than building. A limit on memory holds all the same.
func easeMemory() (done func()) {
	garbage.change(+1, 0)
	return func() { garbage.change(-1, 0) }
}

// boundGarbage keeps garbage in proportion to what takes long to collect, until the returned function is called. GOGC, when set, is the operator's
// word and stays.
func boundGarbage() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	garbage.change(0, +1)
	var stopped atomic.Bool
	afterCollections(func() (again bool) {
		if stopped.Load() {
			return false
		}
		garbage.change(0, 0)
		return true
	})
	return func() { stopped.Store(true); garbage.change(0, -1) }
}

// afterCollections calls do after each collection of garbage for as long as it wants, on a goroutine of the runtime: when something that nobody refers
// to has been collected, that is over.
func afterCollections(do func() (again bool)) {
	type unused struct{ _ [64]byte }
	runtime.AddCleanup(new(unused), func(do func() bool) {
		if do() {
			afterCollections(do)
		}
	}, do)
}

// change takes note of what begins or ends, and sets the collector accordingly.
func (g *garbageSetting) change(loads, bounds int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, live, scanned := collector()
	if g.loads+g.bounds == 0 {
		g.normal = now
	}
	g.loads, g.bounds = g.loads+loads, g.bounds+bounds
	if g.normal < 0 {
		return
	}
	percent := g.normal
	if g.loads > 0 {
		percent = max(percent, easePercent)
	}
	if g.bounds > 0 {
		percent = percentOf(percent, live, scanned)
	}
	if percent < now-now/16 || percent > now+now/16 || g.loads+g.bounds == 0 { // setting it stops everything for a moment
		debug.SetGCPercent(percent)
	}
}

// collector tells how the garbage collector is set, negative for off, how much lived after it ran last, and how much of that it had to look through.
func collector() (percent int, live, scanned uint64) {
	s := [...]metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}
	metrics.Read(s[:])
	if p := s[0].Value.Uint64(); p > math.MaxInt32 {
		percent = -1
	} else {
		percent = int(p) //nolint:gosec // it fits
	}
	return percent, s[1].Value.Uint64(), s[2].Value.Uint64()
}

// percentOf returns how much garbage there may be in percent of what lives: percent of what has to be looked through, at least a quarter of all, and
// leastGarbage; but never more than percent of all. Where little lives it is more, up to easePercent.
func percentOf(percent int, live, scanned uint64) int {
	if live > 0 {
		percent = max(percent, int(min(easePercent, roomForSmall*100/live))) //nolint:gosec // at most easePercent
	}
	if live <= leastGarbage/8 { // nothing worth it, or nothing known
		return percent
	}
	may := max(leastGarbage, live/4, scanned/100*uint64(percent)) //nolint:gosec // not negative
	return int(min(uint64(percent), may*100/live))                //nolint:gosec // at most percent
}
