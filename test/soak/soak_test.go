//go:build soak

// Package soak runs a gateway on real sockets for as long as SOAK says (10 minutes for make soak), under all that it has to bear at
// once: documents replaced every second, targets killed and revived, certificates changed, names that move, clients of every protocol, slow
// ones and broken ones. Nothing may be lost, mixed up, done twice or left behind.
package soak

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"sallyport/test/leak"
)

const (
	grace    = 700 * time.Millisecond // after a kill in which a broken connection may come to light
	heapMore = 16 << 20
	moreLeft = 8 // goroutines by which two quiet gateways may differ
)

func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 10*time.Second || d > 24*time.Hour {
		t.Fatalf("SOAK is %q, want 10s to 24h", text)
	}
	return d
}

func TestSoak(t *testing.T) {
	whole := soakTime(t)
	leak.Check(t)
	w := newWorld(t)

	// A fifth of the time shows what a gateway that has seen everything once holds; the rest must not add to it.
	w.load(whole / 5)
	heap, routines := w.quiet()
	w.load(whole - whole/5)
	heapAfter, routinesAfter := w.quiet()

	t.Logf("%d reloads, %d kills, %d certificates, %d moves; heap %d then %d KiB, goroutines %d then %d",
		w.reloads, len(w.kills), w.certificates, w.moves, heap>>10, heapAfter>>10, routines, routinesAfter)
	for _, k := range w.crew {
		done := k.done.Load()
		t.Logf("%-12s %8d done, %d broken off by kills", k.name, done, k.excused.Load())
		if done == 0 {
			t.Errorf("%s: nothing was done, which shows nothing", k.name)
		}
	}
	if w.reloads < 5 || len(w.kills) < 1 {
		t.Error("there was too little of everything to show anything")
	}
	if n := w.ledger.twice.Load(); n != 0 {
		t.Errorf("%d POSTs were done twice", n)
	}
	for _, k := range w.kills {
		t.Logf("kill %v to %v", k.from.Format("15:04:05.000"), k.to.Format("15:04:05.000"))
	}
	for _, f := range w.unexplained() {
		t.Errorf("%s failed at %v to %v, and no target was killed then: %s", f.who, f.from.Format("15:04:05.000"), f.to.Format("15:04:05.000"), f.what)
	}
	if heapAfter > heap+heapMore {
		t.Errorf("the heap grew from %d to %d KiB", heap>>10, heapAfter>>10)
	}
	if routinesAfter > routines+moreLeft {
		t.Errorf("goroutines grew from %d to %d", routines, routinesAfter)
	}
}

// load has everybody work for d, while the world changes around them.
func (w *world) load(d time.Duration) {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	var work sync.WaitGroup
	for _, k := range w.crew {
		for i := range k.many {
			work.Go(func() { k.run(ctx, w, i) })
		}
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-every.C:
			w.change(n)
		}
	}
	work.Wait()
	for _, target := range w.targets {
		target.open(w.t)
	}
}

// change changes the world a little, each second in another way.
func (w *world) change(n int) {
	if n%3 == 0 {
		w.rotate()
	}
	if n%5 == 0 {
		w.move()
	}
	w.reload()
	switch target := w.targets[n/4%len(w.targets)]; n % 4 {
	case 1:
		w.kill(target)
	case 2:
		target.open(w.t)
	}
}

// quiet returns what a gateway without clients holds, once that no longer falls. Targets let go of their connections first,
// as those belong to neither side alone.
func (w *world) quiet() (heap uint64, routines int) {
	for _, target := range w.targets {
		target.close()
		target.open(w.t)
	}
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	least, same := 1<<30, 0
	for n := 0; n < 150 && same < 10; n++ {
		<-every.C
		if same++; runtime.NumGoroutine() < least {
			least, same = runtime.NumGoroutine(), 0
		}
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, least
}
