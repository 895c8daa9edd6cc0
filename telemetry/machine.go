package telemetry

import (
	"math"
	"runtime"
	"runtime/metrics"
	"time"
)

// A machine is what the runtime and the kernel say of this process.
type machine struct {
	samples []metrics.Sample
	before  []uint64 // counts of the waits for a core, at the last look that counted
	waited  time.Duration
	latency time.Duration
	memory  float64 // of the machine, in bytes; 0 when nobody knows
	cores   float64
	cpu     time.Duration // that was used up to the last look
}

// What is read of the runtime.
const (
	atWaits = iota
	atLimit
	atLive
	atObjects
	atTotal
	atFree
	atReleased
	atUnused
)

func newMachine() *machine {
	m := &machine{memory: float64(physicalMemory()), cores: float64(runtime.GOMAXPROCS(0)), cpu: cpuTime()}
	for _, name := range []string{
		"/sched/latencies:seconds", "/gc/gomemlimit:bytes", "/gc/heap/live:bytes", "/memory/classes/heap/objects:bytes", "/memory/classes/total:bytes",
		"/memory/classes/heap/free:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/unused:bytes",
	} {
		m.samples = append(m.samples, metrics.Sample{Name: name})
	}
	return m
}

// read looks. It allocates with the first look only.
func (m *machine) read(since time.Duration) (r Readings) {
	metrics.Read(m.samples)
	r.Memory = m.share()
	r.Latency = m.wait(m.samples[atWaits].Value.Float64Histogram(), since)
	used := cpuTime()
	if since > 0 {
		r.CPU = min(1, float64(used-m.cpu)/float64(since)/m.cores)
	}
	m.cpu = used
	return r
}

func (m *machine) bytes(at int) float64 { return float64(m.samples[at].Value.Uint64()) }

// share is how much of the memory that the process may use it needs: what was not garbage when that was last collected, and what is no
// heap. Garbage is no need: it may fill the memory up to the limit and is collected then.
func (m *machine) share() float64 {
	limit := m.bytes(atLimit)
	if limit >= math.MaxInt64 {
		limit = m.memory
	}
	if limit == 0 {
		return 0
	}
	live := m.bytes(atLive)
	if live == 0 { // nothing was collected yet
		live = m.bytes(atObjects)
	}
	other := m.bytes(atTotal) - m.bytes(atObjects) - m.bytes(atFree) - m.bytes(atReleased) - m.bytes(atUnused)
	return (live + other) / limit
}

// Of fewer waits than this in a second nothing can be told, and there is nothing that could be too much; of fewer than enoughWaits, a
// look waits for more.
const (
	fewWaits    = 16
	enoughWaits = 64
)

// wait is the time that 99 % of the goroutines waited at most, of those that got a core since the last look that had enough of them.
func (m *machine) wait(h *metrics.Float64Histogram, since time.Duration) time.Duration {
	if m.before == nil {
		m.before = make([]uint64, len(h.Counts))
		copy(m.before, h.Counts)
		return 0
	}
	var n uint64
	for i, c := range h.Counts {
		n += c - m.before[i]
	}
	if m.waited += since; n < enoughWaits && m.waited < time.Second {
		return m.latency
	}
	m.latency = 0
	if n >= fewWaits {
		m.latency = quantile(h, m.before, n-n/100)
	}
	copy(m.before, h.Counts)
	m.waited = 0
	return m.latency
}

// quantile is the upper bound of the bucket with the rank-th of what came since before.
func quantile(h *metrics.Float64Histogram, before []uint64, rank uint64) time.Duration {
	for i, c := range h.Counts {
		if d := c - before[i]; d < rank {
			rank -= d
			continue
		}
		bound := h.Buckets[i+1]
		if math.IsInf(bound, 1) {
			bound = h.Buckets[i]
		}
		return time.Duration(bound * float64(time.Second))
	}
	return 0
}
