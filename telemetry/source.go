package telemetry

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Source counts the looks at a source of targets.
type Source struct {
	good, bad  atomic.Uint64
	found      atomic.Int64
	last, next atomic.Int64 // in nanoseconds of Unix time, 0 for never
}

// Looked counts a look: whether it succeeded, how much is known after it, when the last one succeeded, and when the next one is due.
func (s *Source) Looked(ok bool, found int, last, next time.Time) {
	if ok {
		s.good.Add(1)
	} else {
		s.bad.Add(1)
	}
	s.found.Store(int64(found))
	if !last.IsZero() {
		s.last.Store(last.UnixNano())
	}
	s.next.Store(next.UnixNano())
}

// SetSource has the metrics show s under a kind and a name.
func (m *Metrics) SetSource(kind, name string, s *Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[[2]string{label(kind), label(name)}] = s
}

// DropSource ends that, unless another source is shown there by now.
func (m *Metrics) DropSource(kind, name string, s *Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key := [2]string{label(kind), label(name)}; m.sources[key] == s {
		delete(m.sources, key)
	}
}

// collectSources writes what is known of sources.
func (m *Metrics) collectSources(out chan<- prometheus.Metric) {
	m.mu.Lock()
	sources := maps.Clone(m.sources) // so that nothing waits while they are written out
	m.mu.Unlock()
	for key, s := range sources {
		out <- value(lookups, prometheus.CounterValue, float64(s.good.Load()), key[0], key[1], "ok")
		out <- value(lookups, prometheus.CounterValue, float64(s.bad.Load()), key[0], key[1], "failed")
		out <- value(lookFound, prometheus.GaugeValue, float64(s.found.Load()), key[0], key[1])
		out <- value(lookLast, prometheus.GaugeValue, float64(s.last.Load())/1e9, key[0], key[1])
		out <- value(lookNext, prometheus.GaugeValue, float64(s.next.Load())/1e9, key[0], key[1])
	}
}
