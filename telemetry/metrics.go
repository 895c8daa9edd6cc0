// Package telemetry is what the gateway tells of itself while it runs: metrics, the access log, and its own log.
//
// Whatever a request touches was resolved when the document was loaded: counting one adds to a few atomic
// numbers, logging one appends a line to memory. Neither allocates, and neither waits for anybody.
package telemetry

import (
	"time"

	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is everything that the gateway counts. One lives as long as the process; its methods may
// be called from any goroutine.
type Metrics struct {
	// Inflight is the number of requests that were read and not answered in full.
	Inflight Gauge
	// LogDropped is the number of access log lines that were lost.
	LogDropped atomic.Uint64

	registry *prometheus.Registry
	denials  *prometheus.CounterVec
	actions  *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	panics   prometheus.Counter
	loaded   prometheus.Gauge // 1 or 0
	loadedAt prometheus.Gauge
	lastGood prometheus.Gauge // 1 or 0
	limits   atomic.Pointer[func() LimitTotals]
	crowds   atomic.Pointer[func() []Crowd]
	store    atomic.Pointer[func() StoreTotals]
	keySets  atomic.Pointer[func() []KeySet]   // nil before WatchKeySets
	functs   atomic.Pointer[func() []Function] // nil before WatchFunctions

	mu        sync.Mutex // guards the maps
	routes    map[[2]string]*Route
	versions  map[[2]string]*Version
	upstreams map[string]*Upstream
	listeners map[string]*Listener
	sources   map[[2]string]*Source // by kind and name
	reasons   map[string]prometheus.Counter
}

// Route returns the counters of a route, the same ones each time. Requests that no route takes
// count under a route with empty names.
func (m *Metrics) Route(api, route string) *Route {
	key := [2]string{label(api), label(route)}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.routes[key]
	if r == nil {
		r = &Route{api: key[0], name: key[1]}
		m.routes[key] = r
	}
	return r
}

// Upstream returns the counters of an upstream, the same ones each time.
func (m *Metrics) Upstream(name string) *Upstream {
	name = label(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.upstreams[name]
	if u == nil {
		u = &Upstream{name: name, targets: map[string]*Target{}}
		m.upstreams[name] = u
	}
	return u
}

// Listener returns the counters of a listener, the same ones each time.
func (m *Metrics) Listener(address string) *Listener {
	address = label(address)
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.listeners[address]
	if l == nil {
		l = &Listener{address: address}
		m.listeners[address] = l
	}
	return l
}

// A Keep says what a new document still has. A nil function keeps all.
type Keep struct {
	Route    func(api, route string) bool
	Version  func(api, version string) bool
	Upstream func(name string) bool
	Target   func(upstream, address string) bool
	Listener func(address string) bool
}

// Retain forgets the series of what a reload took away; what stayed goes on counting. Who still
// holds a forgotten one may use it: nobody sees what it counts.
func (m *Metrics) Retain(k Keep) {
	for _, u := range m.retain(k) {
		u.Retain(func(address string) bool { return k.Target == nil || k.Target(u.name, address) })
	}
}

// retain does it for all but targets, and returns the upstreams that stay.
func (m *Metrics) retain(k Keep) (stay []*Upstream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.routes {
		if k.Route != nil && !k.Route(key[0], key[1]) {
			delete(m.routes, key)
		}
	}
	for key := range m.versions {
		if k.Version != nil && !k.Version(key[0], key[1]) {
			delete(m.versions, key)
		}
	}
	for address := range m.listeners {
		if k.Listener != nil && !k.Listener(address) {
			delete(m.listeners, address)
		}
	}
	for name, u := range m.upstreams {
		if k.Upstream != nil && !k.Upstream(name) {
			delete(m.upstreams, name)
			continue
		}
		stay = append(stay, u)
	}
	return stay
}

// Denied returns what counts a request that a policy stopped. Both are words of the program, not of the document
// or a client.
func (m *Metrics) Denied(policy, reason string) (count func()) {
	return m.denials.WithLabelValues(label(policy), label(reason)).Inc
}

// Acted returns what counts something that a policy did other than stopping a request. Both are words of the program, not of the
// document or a client.
func (m *Metrics) Acted(policy, action string) (count func()) {
	return m.actions.WithLabelValues(label(policy), label(action)).Inc
}

// WatchLimits has totals asked for what the limiters hold whenever somebody looks at the metrics. It
// must not wait. A later WatchLimits replaces it.
func (m *Metrics) WatchLimits(totals func() LimitTotals) { m.limits.Store(&totals) }

// LimitTotals is what all limiters hold together.
type LimitTotals struct {
	Limiters int64
	Bytes    int64 // of their tables
	Evicted  int64 // keys that made way for another before their time, since the start
}

// WatchCrowds has crowds asked for what goes on at the limits of concurrency whenever somebody looks at the metrics. A later
// WatchCrowds replaces it.
func (m *Metrics) WatchCrowds(crowds func() []Crowd) { m.crowds.Store(&crowds) }

// A Crowd is what goes on at one concurrency policy.
type Crowd struct {
	Name    string // its place in the document
	Busy    int    // requests let in and not answered in full
	Waiting int
	Limit   int // that holds now, of several adaptive ones the smallest
}

// WatchStore has totals asked for how the durable store is whenever somebody looks at the metrics. A later WatchStore replaces it.
func (m *Metrics) WatchStore(totals func() StoreTotals) { m.store.Store(&totals) }

// StoreTotals is how the durable store is.
type StoreTotals struct {
	Open              bool
	Bytes             int64 // on disk
	Changes, Failures uint64
	BackedUp          int64 // in seconds of Unix time, 0 for never
}

// WatchKeySets has sets asked for the keys of issuers whenever somebody looks at the metrics. A later WatchKeySets replaces it.
func (m *Metrics) WatchKeySets(sets func() []KeySet) { m.keySets.Store(&sets) }

// A KeySet is what is known of the keys of one issuer that are fetched.
type KeySet struct {
	Name     string    `json:"name"`     // the issuer, or where its keys are
	Keys     int       `json:"keys"`     // that are good for something
	Fetched  time.Time `json:"fetched"`  // when they were last fetched, zero for never
	Usable   bool      `json:"usable"`   // tokens can be checked by them
	Fetches  uint64    `json:"fetches"`  // that succeeded
	Failures uint64    `json:"failures"` // that did not
}

// maxReasons bounds the reasons that Refused tells apart.
const maxReasons = 64

// Refused counts a request that could not be read. Reasons are words of the program; should one
// carry a client's, the bound holds all the same.
func (m *Metrics) Refused(reason string) {
	m.mu.Lock()
	c := m.reasons[reason]
	if c == nil {
		c = m.newReason(reason)
	}
	m.mu.Unlock()
	c.Inc()
}

// newReason is called with mu held.
func (m *Metrics) newReason(reason string) prometheus.Counter {
	if len(m.reasons) >= maxReasons || len(reason) > 100 {
		return m.refused.WithLabelValues("other")
	}
	c := m.refused.WithLabelValues(label(reason))
	m.reasons[strings.Clone(reason)] = c
	return c
}

// Panicked counts a request whose handling panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }

// Loaded counts an attempt to load the document, at start or later.
func (m *Metrics) Loaded(ok bool) {
	if !ok {
		m.reloads.WithLabelValues("failure").Inc()
		m.loaded.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.loaded.Set(1)
	m.loadedAt.SetToCurrentTime()
}

// LastGood says whether the document in service is one that was kept, since the one at hand was broken at the start.
func (m *Metrics) LastGood(kept bool) {
	if kept {
		m.lastGood.Set(1)
		return
	}
	m.lastGood.Set(0)
}

// label makes s fit for a label's value, which must be UTF-8.
func label(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
