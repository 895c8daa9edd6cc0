package telemetry

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// Who asks at once looks once.
func TestStrainLooksOnce(t *testing.T) {
	looks := 0
	s := NewStrain(NewMetrics(""), func(time.Duration) Readings {
		looks++
		time.Sleep(time.Millisecond)
		return Readings{Memory: .5}
	})
	start := time.Now()
	var crew sync.WaitGroup
	for range 8 {
		crew.Go(func() {
			for i := range 100 {
				s.At(start.Add(time.Duration(i) * time.Millisecond)) // 99 ms: one look
			}
		})
	}
	crew.Wait()
	if got := s.At(start.Add(99 * time.Millisecond)); looks != 1 || got.Memory != .5 {
		t.Errorf("%d looks, %+v", looks, got)
	}
}

// What is needed of the memory is what is alive, not what waits to be collected.
func TestMemoryShare(t *testing.T) {
	const limit = 512 << 20
	before := debug.SetMemoryLimit(limit)
	defer debug.SetMemoryLimit(before)
	m := newMachine()
	share := func() float64 { runtime.GC(); return m.read(0).Memory }
	empty := share()
	func() {
		block := make([]byte, 256<<20)
		if grown := share() - empty; math.Abs(grown-.5) > .02 {
			t.Errorf("with half of it in use %.2f more is needed", grown)
		}
		runtime.KeepAlive(block)
	}()
	if again := share(); math.Abs(again-empty) > .02 {
		t.Errorf("afterwards %.2f is needed, before it was %.2f", again, empty)
	}
}

func TestWaits(t *testing.T) {
	inf := math.Inf(1)
	h := &metrics.Float64Histogram{Counts: []uint64{5, 0, 0, 0}, Buckets: []float64{0, .001, .1, 1, inf}}
	m := &machine{}
	wait := func(since time.Duration, more ...uint64) time.Duration {
		for i, n := range more {
			h.Counts[i] += n
		}
		return m.wait(h, since)
	}
	const look = 100 * time.Millisecond
	for i, c := range []struct {
		since time.Duration
		more  []uint64
		want  time.Duration
	}{
		{0, []uint64{1000, 0, 1000, 0}, 0},                    // what was before is nobody's
		{look, []uint64{100, 0, 0, 0}, time.Millisecond},      // all at once
		{look, []uint64{970, 0, 30, 0}, time.Second},          // 3 % wait long
		{look, []uint64{995, 0, 5, 0}, time.Millisecond},      // less than 1 % does
		{look, []uint64{0, 30, 0, 0}, time.Millisecond},       // too few: as before
		{look, []uint64{0, 40, 0, 0}, 100 * time.Millisecond}, // with those enough
		{look, []uint64{0, 0, 0, 10}, 100 * time.Millisecond}, // too few
		{time.Second, []uint64{0, 0, 0, 0}, 0},                // and for so long that there is nothing to it
		{time.Second, []uint64{0, 0, 0, 20}, time.Second},     // the last bucket has no end
	} {
		if got := wait(c.since, c.more...); got != c.want {
			t.Errorf("look %d: got %v, want %v", i, got, c.want)
		}
	}
}

func TestMachineAllocatesNothing(t *testing.T) {
	m := newMachine()
	m.read(0)
	if n := testing.AllocsPerRun(100, func() { m.read(time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
