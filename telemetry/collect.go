package telemetry

import (
	"net/http"
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// The series that are made from our own counters when somebody looks; the library keeps the others.
var (
	requests     = describe("requests_total", "Requests answered, by the gateway or an upstream; status 499 is one whose client went away before the answer.", "api", "route", "method", "status")
	duration     = describe("request_duration_seconds", "Time from the head of a request to the end of its response.", "api", "route")
	inflight     = describe("inflight_requests", "Requests read and not yet answered in full.")
	versions     = describe("version_requests_total", "Requests for a version of an api, answered by the gateway or an upstream.", "api", "version", "status")
	sunset       = describe("version_sunset_timestamp_seconds", "When a deprecated version of an api is to go.", "api", "version")
	upDuration   = describe("upstream_duration_seconds", "Time from the first byte of a call to the head of its response.", "upstream")
	upRequests   = describe("upstream_requests_total", "Calls to a target, retries among them.", "upstream", "target", "outcome")
	upRetries    = describe("upstream_retries_total", "Calls made again.", "upstream", "reason")
	upExhausted  = describe("upstream_retry_budget_exhausted_total", "Calls not made again, or not sent to a second target, since the budget for that was used up.", "upstream")
	upHedges     = describe("hedges_total", "Calls sent to a second target because the first took long.", "upstream", "outcome")
	circuit      = describe("circuit_state", "The circuit breaker of a target: closed (0), open (1) or half open (2).", "upstream", "target")
	circuitOpens = describe("circuit_opened_total", "How often the circuit breaker of a target opened.", "upstream", "target")
	healthy      = describe("target_healthy", "Whether a target is in service (1) or out of it (0).", "upstream", "target")
	drained      = describe("target_drained", "Whether an operator has drained a target (1), so that it gets no new requests, or not (0).", "upstream", "target")
	healthChecks = describe("health_checks_total", "Health checks of a target.", "upstream", "target", "outcome")
	healthTurns  = describe("health_changes_total", "Times that health checks took a target out or brought it back.", "upstream", "target")
	lookups      = describe("discovery_lookups_total", "Looks at a name or file in which targets are found.", "kind", "name", "outcome")
	lookFound    = describe("discovery_found", "Addresses or targets that are known of there.", "kind", "name")
	lookLast     = describe("discovery_last_success_timestamp_seconds", "When a look last succeeded, 0 for never.", "kind", "name")
	lookNext     = describe("discovery_next_timestamp_seconds", "When is looked again.", "kind", "name")
	targetOpen   = describe("target_connections", "Open connections to a target.", "upstream", "target")
	targetIdle   = describe("target_idle_connections", "Connections to a target that wait for a call.", "upstream", "target")
	targetQueue  = describe("target_waiting_requests", "Calls that wait for a connection to a target.", "upstream", "target")
	logDropped   = describe("access_log_dropped_total", "Lines of the access log that were lost, because it could not be written as fast or at all.")
	limiters     = describe("limit_tables", "Limits that keep count of keys.")
	limitBytes   = describe("limit_bytes", "Memory that the counts of all limits take.")
	limitEvicted = describe("limit_evicted_keys_total", "Keys that had to make way for others while their limit was not yet theirs again: a flood of keys.")
	crowdBusy    = describe("concurrency_inflight", "Requests that a concurrency policy let in and that are not answered in full.", "policy")
	crowdWaiting = describe("concurrency_waiting", "Requests that wait for a place at a concurrency policy.", "policy")
	crowdLimit   = describe("concurrency_limit", "The limit of a concurrency policy that holds now; of several adaptive ones the smallest.", "policy")
	storeOpen    = describe("store_open", "Whether the durable store is open (1), so that changes can be kept, or not (0): none was made yet, or another program has it.")
	storeBytes   = describe("store_bytes", "What the durable store takes on disk.")
	storeChanges = describe("store_changes_total", "Changes of consumers, keys and the like, written to the durable store or refused by it since it was opened.", "outcome")
	storeBackup  = describe("store_last_backup_timestamp_seconds", "When the durable store was last backed up, 0 for never.")
	jwksKeys     = describe("jwks_keys", "Keys of an issuer that tokens can be checked by.", "issuer")
	jwksFetched  = describe("jwks_last_success_timestamp_seconds", "When the keys of an issuer were last fetched, 0 for never.", "issuer")
	jwksUsable   = describe("jwks_usable", "Whether tokens of an issuer can be checked (1), or not, since its keys were never fetched or are too old (0).", "issuer")
	jwksFetches  = describe("jwks_fetches_total", "Attempts to fetch the keys of an issuer.", "issuer", "outcome")
	descriptions = []*prometheus.Desc{requests, duration, inflight, upDuration, upRequests, versions, sunset, healthy, drained, healthChecks, healthTurns, lookups, lookFound, lookLast, lookNext, targetOpen, targetIdle,
		targetQueue, logDropped, limiters, limitBytes, limitEvicted, crowdBusy, crowdWaiting, crowdLimit,
		upRetries, upExhausted, upHedges, circuit, circuitOpens, storeOpen, storeBytes, storeChanges, storeBackup, jwksKeys, jwksFetched, jwksUsable, jwksFetches}
)

const namespace = "sallyport"

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

// NewMetrics returns metrics for a process of that version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		denials:   counters("policy_denials_total", "Requests that a policy stopped.", "policy", "reason"),
		actions:   counters("policy_actions_total", "What a policy did other than stopping a request, such as a delay on purpose or a copy sent elsewhere.", "policy", "action"),
		reloads:   counters("config_reloads_total", "Attempts to load the document, the first one included.", "outcome"),
		refused:   counters("refused_total", "Requests that could not be read.", "reason"),
		panics:    prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "panics_total", Help: "Requests whose handling panicked."}),
		loaded:    gauge("config_last_reload_successful", "Whether the last attempt to load the document succeeded (1) or not (0)."),
		loadedAt:  gauge("config_last_reload_success_timestamp_seconds", "When the document in use was loaded."),
		lastGood:  gauge("config_last_good", "Whether the last good document of an earlier day is served (1), since the one at hand was broken at the start, or not (0)."),
		routes:    map[[2]string]*Route{},
		versions:  map[[2]string]*Version{},
		upstreams: map[string]*Upstream{},
		listeners: map[string]*Listener{},
		sources:   map[[2]string]*Source{},
		reasons:   map[string]prometheus.Counter{},
	}
	m.reloads.WithLabelValues("success")
	m.reloads.WithLabelValues("failure")
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "The program; the value is always 1.",
		ConstLabels: prometheus.Labels{"version": label(version), "go_version": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.denials, m.actions, m.reloads, m.refused, m.panics, m.loaded, m.loadedAt, m.lastGood, build, collector{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

// Handler serves the metrics: as text, or, to a scraper that asks for it, in the binary form that has
// native histograms. Scrapers that come at once share one look at the counters.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            m.registry,
		CoalesceGather:      true,
		MaxRequestsInFlight: 8,
		OfferedCompressions: []promhttp.Compression{promhttp.Identity, promhttp.Gzip},
	})
}

// collector hands our own counters to the library. It is not Metrics itself, so that those
// methods do not show there.
type collector struct{ m *Metrics }

func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range slices.Concat(descriptions, listenerDescriptions, functionDescriptions) {
		out <- d
	}
}

func (c collector) Collect(out chan<- prometheus.Metric) {
	m := c.m
	out <- value(inflight, prometheus.GaugeValue, float64(m.Inflight.Value()))
	out <- value(logDropped, prometheus.CounterValue, float64(m.LogDropped.Load()))
	if totals := m.limits.Load(); totals != nil {
		t := (*totals)()
		out <- value(limiters, prometheus.GaugeValue, float64(t.Limiters))
		out <- value(limitBytes, prometheus.GaugeValue, float64(t.Bytes))
		out <- value(limitEvicted, prometheus.CounterValue, float64(t.Evicted))
	}
	if crowds := m.crowds.Load(); crowds != nil {
		for _, c := range (*crowds)() {
			c.collect(out)
		}
	}
	if totals := m.store.Load(); totals != nil {
		(*totals)().collect(out)
	}
	if sets := m.keySets.Load(); sets != nil {
		for _, s := range (*sets)() {
			s.collect(out)
		}
	}
	if functions := m.functs.Load(); functions != nil {
		for _, f := range (*functions)() {
			f.collect(out)
		}
	}
	m.collectSources(out)
	for _, v := range m.versionList() {
		v.collect(out)
	}
	routes, upstreams, listeners := m.lists()
	for _, r := range routes {
		r.collect(out)
	}
	for _, u := range upstreams {
		u.collect(out)
	}
	for _, l := range listeners {
		l.collect(out)
	}
}

func (t StoreTotals) collect(out chan<- prometheus.Metric) {
	open := 0.0
	if t.Open {
		open = 1
	}
	out <- value(storeOpen, prometheus.GaugeValue, open)
	out <- value(storeBytes, prometheus.GaugeValue, float64(t.Bytes))
	out <- value(storeChanges, prometheus.CounterValue, float64(t.Changes), "success")
	out <- value(storeChanges, prometheus.CounterValue, float64(t.Failures), "failure")
	out <- value(storeBackup, prometheus.GaugeValue, float64(t.BackedUp))
}

func (c *Crowd) collect(out chan<- prometheus.Metric) {
	name := label(c.Name)
	out <- value(crowdBusy, prometheus.GaugeValue, float64(c.Busy), name)
	out <- value(crowdWaiting, prometheus.GaugeValue, float64(c.Waiting), name)
	out <- value(crowdLimit, prometheus.GaugeValue, float64(c.Limit), name)
}

func (s *KeySet) collect(out chan<- prometheus.Metric) {
	name, fetched, usable := label(s.Name), 0.0, 0.0
	if !s.Fetched.IsZero() {
		fetched = float64(s.Fetched.UnixNano()) / 1e9
	}
	if s.Usable {
		usable = 1
	}
	out <- value(jwksKeys, prometheus.GaugeValue, float64(s.Keys), name)
	out <- value(jwksFetched, prometheus.GaugeValue, fetched, name)
	out <- value(jwksUsable, prometheus.GaugeValue, usable, name)
	out <- value(jwksFetches, prometheus.CounterValue, float64(s.Fetches), name, "ok")
	out <- value(jwksFetches, prometheus.CounterValue, float64(s.Failures), name, "failed")
}

// lists copies the lists, so that nothing waits while they are written out.
func (m *Metrics) lists() (routes []*Route, upstreams []*Upstream, listeners []*Listener) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.routes {
		routes = append(routes, r)
	}
	for _, u := range m.upstreams {
		upstreams = append(upstreams, u)
	}
	for _, l := range m.listeners {
		listeners = append(listeners, l)
	}
	return routes, upstreams, listeners
}

// collect writes the series of a route, none before its first request.
func (r *Route) collect(out chan<- prometheus.Metric) {
	sums := map[pair]uint64{}
	r.cells.each(func(c *cell) { c.requests.each(func(p pair, n uint64) { sums[p] += n }) })
	for p, n := range sums {
		out <- value(requests, prometheus.CounterValue, float64(n), r.api, r.name, p.method(), p.status())
	}
	r.cells.collect(out, duration, r.api, r.name)
}

func (u *Upstream) collect(out chan<- prometheus.Metric) {
	u.cells.collect(out, upDuration, u.name)
	for r := RetryConnect; r < retryCount; r++ {
		if n := u.retries[r].Load(); n > 0 {
			out <- value(upRetries, prometheus.CounterValue, float64(n), u.name, r.String())
		}
	}
	for h := range hedgeCount {
		if n := u.hedges[h].Load(); n > 0 {
			out <- value(upHedges, prometheus.CounterValue, float64(n), u.name, h.String())
		}
	}
	out <- value(upExhausted, prometheus.CounterValue, float64(u.exhausted.Load()), u.name)
	for _, t := range u.list() {
		t.collect(out, u.name)
	}
}

// collect writes the outcomes that were met, and "ok" in any case, so that a ratio has both its sides.
func (t *Target) collect(out chan<- prometheus.Metric, upstream string) {
	for o := range outcomeCount {
		if n := t.outcomes[o].Load(); n > 0 || o == OK {
			out <- value(upRequests, prometheus.CounterValue, float64(n), upstream, t.address, o.String())
		}
	}
	t.collectChecks(out, upstream)
	state := t.state.Load()
	if state == nil {
		return
	}
	s := (*state)()
	out <- value(healthy, prometheus.GaugeValue, flag(s.Healthy), upstream, t.address)
	out <- value(drained, prometheus.GaugeValue, flag(s.Drained), upstream, t.address)
	out <- value(targetOpen, prometheus.GaugeValue, float64(s.Open), upstream, t.address)
	out <- value(targetIdle, prometheus.GaugeValue, float64(s.Idle), upstream, t.address)
	out <- value(targetQueue, prometheus.GaugeValue, float64(s.Waiting), upstream, t.address)
	if s.Circuit >= 0 {
		out <- value(circuit, prometheus.GaugeValue, float64(s.Circuit), upstream, t.address)
		out <- value(circuitOpens, prometheus.CounterValue, float64(t.opened.Load()), upstream, t.address)
	}
}

// collectChecks writes what health checks found, nothing for a target without any.
func (t *Target) collectChecks(out chan<- prometheus.Metric, upstream string) {
	any := false
	for o := range checkCount {
		if n := t.checks[o].Load(); n > 0 {
			any = true
			out <- value(healthChecks, prometheus.CounterValue, float64(n), upstream, t.address, o.String())
		}
	}
	if any {
		out <- value(healthTurns, prometheus.CounterValue, float64(t.turns.Load()), upstream, t.address)
	}
}

// flag is 1 for true.
func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (c *cells) collect(out chan<- prometheus.Metric, d *prometheus.Desc, labels ...string) {
	var s snapshot
	c.each(func(one *cell) { s.add(&one.duration) })
	if s.count > 0 {
		out <- &distribution{d, prometheus.MakeLabelPairs(d, labels), s.proto()}
	}
}

func value(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, t, v, labels...)
}

// A distribution is a histogram on its way out.
type distribution struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	proto  *dto.Histogram
}

func (d *distribution) Desc() *prometheus.Desc { return d.desc }

func (d *distribution) Write(out *dto.Metric) error {
	out.Label, out.Histogram = d.labels, d.proto
	return nil
}
