package balance

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/telemetry"
	"sallyport/wire/dns"
)

// Options are what a registry needs of the process.
type Options struct {
	Dial     Dial               // nil is the network
	Resolver Resolver           // looks names up; nil is as the machine does, and with Dial that names are dialled as they are
	Metrics  *telemetry.Metrics // required
	Log      *slog.Logger       // nil is silence
}

// A Registry keeps what outlives a configuration: endpoints and the turns of round robin. One lives as long as the
// process.
type Registry struct {
	o     Options
	start time.Time // zero of the times in health and load; the clock is the monotonic one from here on

	life    context.Context // ends with Close
	end     func()
	asking  chan struct{} // holds one for each health check under way
	lookers chan struct{} // the same for looks at sources

	mu        sync.Mutex
	endpoints map[key]*endpoint     // guarded by mu; those that the configuration in use has
	checks    map[key][]*check      // guarded by mu; by the connections that they make
	lasting   map[string]*lasting   // guarded by mu; by upstream
	seats     map[string]seats      // guarded by mu; those of the configuration in use, by upstream
	terms     map[string]*terms     // guarded by mu; of TLS, by what they say
	sources   map[sourceKey]*source // guarded by mu; those that somebody follows
	current   *Set                  // guarded by mu; the configuration in use, nil before the first
	closed    bool                  // guarded by mu
	crew      sync.WaitGroup        // goroutines that see how targets are; Add is guarded by mu
	races     crew                  // goroutines of calls that may be hedged
}

// A lasting is what is known of an upstream as a whole, by its name, from one configuration to the next.
type lasting struct {
	turn    atomic.Uint64 // how far round robin has come
	budget  budget
	answers *answers // nil until a hedge wants to know; guarded by the registry's mu
}

// NewRegistry makes a registry without endpoints.
func NewRegistry(o Options) *Registry {
	if o.Dial == nil && o.Resolver == nil {
		o.Resolver = &dns.Resolver{}
	}
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{o: o, start: time.Now(), asking: make(chan struct{}, mostChecks), lookers: make(chan struct{}, mostLooks), sources: map[sourceKey]*source{},
		endpoints: map[key]*endpoint{}, checks: map[key][]*check{}, lasting: map[string]*lasting{}, seats: map[string]seats{}, terms: map[string]*terms{}}
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// clock is the time t on the registry's clock, never 0.
func (r *Registry) clock(t time.Time) int64 { return int64(t.Sub(r.start)) + 1 }

// A Set is the upstreams of one configuration.
type Set struct {
	registry  *Registry
	upstreams map[string]*Upstream
	fresh     map[key]*endpoint // that this configuration brings; nil once it is in use
	sources   map[sourceKey]*source
	lasting   map[string]*lasting
}

// Prepare builds the upstreams of a configuration, whose settings Check has found right. Nothing is changed until Commit:
// a Set that is dropped leaves no trace.
func (r *Registry) Prepare(configs map[string]*Config) *Set {
	s := &Set{r, map[string]*Upstream{}, map[key]*endpoint{}, map[sourceKey]*source{}, map[string]*lasting{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, c := range configs {
		s.lasting[name] = r.lasting[name]
		if s.lasting[name] == nil {
			s.lasting[name] = new(lasting)
		}
		s.upstreams[name] = s.build(name, c)
	}
	return s
}

// endpoint returns the one of that key, a new one if there is none. The caller holds mu.
func (s *Set) endpoint(k key) *endpoint {
	e := s.fresh[k]
	if e == nil {
		e = s.registry.endpoint(k)
		s.fresh[k] = e
	}
	return e
}

// endpoint returns the one in use of that key, a new one if there is none. The caller holds mu.
func (r *Registry) endpoint(k key) *endpoint {
	if e := r.endpoints[k]; e != nil {
		return e
	}
	return r.newEndpoint(k)
}

// Upstream returns the upstream of that name, nil when there is none.
func (s *Set) Upstream(name string) *Upstream { return s.upstreams[name] }

// Names returns the names of all upstreams, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.upstreams)) }

// Commit makes s the configuration in use. It must be called, once, before requests go to s. Endpoints that nobody uses
// then close their connections, each when its exchange ends; requests that still hold an upstream of the
// configuration before may use it all the same.
func (s *Set) Commit() {
	r := s.registry
	r.mu.Lock()
	s.follow()
	for _, u := range s.upstreams {
		r.hold(u, u.roster.Load())
	}
	s.count()
	for _, u := range s.upstreams {
		r.watch(u.roster.Load())
	}
	var gone []*endpoint
	if r.current != nil {
		for _, u := range r.current.upstreams {
			u.retired = true
			u.unfollow()
			gone = append(gone, r.release(u, u.roster.Load())...)
		}
	}
	r.current, r.lasting = s, s.lasting
	s.fresh = nil
	r.forget()
	r.mu.Unlock()
	closeAll(gone)
}

// Change gives u, which is in use, other targets. Those that stay keep all that is known of them; calls that began with
// the ones before may still use these. It does nothing when the configuration of u is no longer in use.
func (r *Registry) Change(u *Upstream, list []Target) {
	r.mu.Lock()
	if u.retired || r.closed {
		r.mu.Unlock()
		return
	}
	gone := r.change(u, u.recruit(list, r.endpoint))
	r.mu.Unlock()
	closeAll(gone)
}

// change is Change to a roster, by one who holds mu and closes the endpoints that are returned.
func (r *Registry) change(u *Upstream, now *roster) (gone []*endpoint) {
	r.hold(u, now)
	u.count(now)
	r.watch(now)
	gone = r.release(u, u.roster.Swap(now))
	u.counts.Retain(now.has)
	return gone
}

// hold counts one more user of each endpoint and seat of o, and puts in place of one that was given up meanwhile the one that came after it.
// The caller holds mu; nobody else may know o yet.
func (r *Registry) hold(u *Upstream, o *roster) {
	r.sit(u.name, o)
	for _, t := range o.targets {
		switch now := r.endpoints[t.key]; {
		case now != nil:
			t.endpoint = now
		case t.retired:
			t.endpoint = r.newEndpoint(t.key)
			fallthrough
		default:
			r.endpoints[t.key] = t.endpoint
		}
		t.users++
		t.join()
	}
}

// release counts a user of each endpoint and seat of o out and returns the endpoints that have none left, to be closed. The caller
// holds mu.
func (r *Registry) release(u *Upstream, o *roster) (gone []*endpoint) {
	r.rise(u.name, o)
	for _, t := range o.targets {
		r.unwatch(t)
		t.part()
		if t.users--; t.users == 0 {
			t.retired = true
			delete(r.endpoints, t.key)
			gone = append(gone, t.endpoint)
		}
	}
	return gone
}

func closeAll(endpoints []*endpoint) {
	for _, e := range endpoints {
		e.pool.Close()
	}
}

// begin counts a goroutine of the registry in, which must call crew.Done. It says no when the registry is closed.
func (r *Registry) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.crew.Add(1)
	}
	return !r.closed
}

// Close closes all connections that are not in use and waits for the goroutines of the registry.
func (r *Registry) Close() {
	r.mu.Lock()
	r.closed = true
	r.end()
	endpoints := r.endpoints
	for _, s := range r.sources {
		s.timer.Stop()
	}
	for _, list := range r.checks {
		for _, c := range list {
			c.mu.Lock()
			c.stop()
			c.mu.Unlock()
		}
	}
	r.mu.Unlock()
	for _, e := range endpoints {
		e.pool.Close()
	}
	r.crew.Wait()
	r.races.close()
}
