package gateway

import (
	"runtime"
	"testing"
)

// Garbage that was collected while nothing else happens is given back; a busy process is left alone.
func TestIdleMemory(t *testing.T) {
	w := newMemoryWatch()
	heap := make([]byte, 64<<20)
	for i := 0; i < len(heap); i += 4096 {
		heap[i] = 1
	}
	runtime.KeepAlive(heap)
	heap = nil
	_ = heap
	runtime.GC()
	if w.idle() {
		t.Error("a process that has just collected garbage counts as idle")
	}
	if !w.idle() {
		t.Errorf("64 MiB are free and nothing is going on: %d bytes seen", w.samples[0].Value.Uint64())
	}
}
