package telemetry

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Version counts the requests of one version of an api. It stays the same across reloads for as long as the document has the version.
type Version struct {
	api, name string
	sunset    atomic.Int64 // in seconds of Unix time, 0 for none
	cells     [maxStripes]atomic.Pointer[pairCounts]
}

// Version returns the counters of a version of an api, the same ones each time.
func (m *Metrics) Version(api, version string) *Version {
	key := [2]string{label(api), label(version)}
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.versions[key]
	if v == nil {
		v = &Version{api: key[0], name: key[1]}
		m.versions[key] = v
	}
	return v
}

// Sunset says when the version is to go; the zero time is never.
func (v *Version) Sunset(at time.Time) {
	if at.IsZero() {
		v.sunset.Store(0)
		return
	}
	v.sunset.Store(at.Unix())
}

// Done counts a request that was answered, as Route.Done does.
func (v *Version) Done(status int) {
	cell := &v.cells[stripe()]
	counts := cell.Load()
	if counts == nil {
		cell.CompareAndSwap(nil, new(pairCounts))
		counts = cell.Load()
	}
	counts.of(pairOf("", status)).Add(1)
}

// Total is how many requests there were.
func (v *Version) Total() (n uint64) {
	for _, c := range v.sums() {
		n += c
	}
	return n
}

func (v *Version) sums() map[pair]uint64 {
	sums := map[pair]uint64{}
	for i := range v.cells {
		if counts := v.cells[i].Load(); counts != nil {
			counts.each(func(p pair, n uint64) { sums[p] += n })
		}
	}
	return sums
}

// collect writes the series of a version, none before its first request.
func (v *Version) collect(out chan<- prometheus.Metric) {
	for p, n := range v.sums() {
		out <- value(versions, prometheus.CounterValue, float64(n), v.api, v.name, p.status())
	}
	if at := v.sunset.Load(); at != 0 {
		out <- value(sunset, prometheus.GaugeValue, float64(at), v.api, v.name)
	}
}

// versionList copies the list, so that nothing waits while it is written out.
func (m *Metrics) versionList() (list []*Version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.versions {
		list = append(list, v)
	}
	return list
}
