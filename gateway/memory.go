package gateway

import (
	"runtime/debug"
	"runtime/metrics"
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
