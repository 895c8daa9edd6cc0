package gateway

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// What a busy hour needed, an idle gateway gives back. The runtime gives memory back slowly, and with nothing to do it does not
// look for garbage at all, so that ten thousand idle connections would hold what the same ten thousand took while they were busy.

const (
	memoryLook = 5 * time.Second // how often it is looked at
	memoryFree = 16 << 20        // the least that is worth giving back
)

// A memoryWatch is what was seen of the memory last.
type memoryWatch struct {
	samples [2]metrics.Sample
	cycles  uint64
}

func newMemoryWatch() *memoryWatch {
	w := &memoryWatch{}
	w.samples[0].Name = "/memory/classes/heap/free:bytes"
	w.samples[1].Name = "/gc/cycles/total:gc-cycles"
	return w
}

// idle says whether there is something to give back, and nothing going on: no garbage was collected since the last look.
func (w *memoryWatch) idle() bool {
	metrics.Read(w.samples[:])
	free, cycles := w.samples[0].Value.Uint64(), w.samples[1].Value.Uint64()
	quiet := cycles == w.cycles
	w.cycles = cycles
	return quiet && free >= memoryFree
}

// tidyMemory gives memory back when there is time for it, until the returned function is called.
func tidyMemory() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(memoryLook)
		defer tick.Stop()
		for w := newMemoryWatch(); ; {
			select {
			case <-tick.C:
				if w.idle() {
					debug.FreeOSMemory()
				}
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// easePercent is how much garbage there may be, in percent of what lives, while a document is loaded.
const easePercent = 400

// eased counts the loads under way in the process, since the setting is the process's.
var eased struct {
	mu     sync.Mutex
	n      int // guarded by mu, as what follows
	before int
}

// easeMemory lets garbage pile up while a document is loaded: building a large one makes so much of it that collecting in between
// would take more of the machine, and of each request that needs memory, than building. A limit on memory holds all the same.
func easeMemory() (done func()) {
	eased.mu.Lock()
	defer eased.mu.Unlock()
	if eased.n++; eased.n == 1 {
		eased.before = debug.SetGCPercent(easePercent)
		if eased.before < 0 || eased.before > easePercent {
			debug.SetGCPercent(eased.before) // the operator's word
		}
	}
	return func() {
		eased.mu.Lock()
		defer eased.mu.Unlock()
		if eased.n--; eased.n == 0 {
			debug.SetGCPercent(eased.before)
		}
	}
}
