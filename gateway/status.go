package gateway

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sallyport/balance"
	"sallyport/config"
	"sallyport/function"
	"sallyport/identity"
	"sallyport/schema"
	"sallyport/telemetry"
)

// This file is for those who look at a gateway, or at what a document would make of one.

// A Status is how the gateway is at one moment, as /api/status shows it.
type Status struct {
	Version  string    `json:"version"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Ready    bool      `json:"ready"`
	Draining bool      `json:"draining,omitempty"`

	Config    ConfigStatus       `json:"config"`
	Listeners []ListenerStatus   `json:"listeners"`
	Upstreams []balance.Status   `json:"upstreams"`
	Requests  RequestStatus      `json:"requests"`
	Versions  []VersionStatus    `json:"versions,omitempty"` // of apis that have some
	KeySets   []telemetry.KeySet `json:"key_sets,omitempty"` // of issuers, that are fetched
	Functions []function.Status  `json:"functions,omitempty"`
	// Store is nil when nothing durable can be kept.
	Store *StoreStatus `json:"store,omitempty"`
}

// A StoreStatus is how the durable store is.
type StoreStatus struct {
	File     string     `json:"file"`
	State    string     `json:"state"` // open, not made yet, handed over, closed
	Bytes    int64      `json:"bytes,omitempty"`
	Schema   int        `json:"schema,omitempty"` // version of what is in it
	Changes  uint64     `json:"changes"`          // since it was opened
	Failures uint64     `json:"failures"`         // changes that could not be written
	BackedUp *time.Time `json:"backed_up,omitempty"`
}

// A ConfigStatus is the document in service, and what became of the newest one.
type ConfigStatus struct {
	Source   string    `json:"source"`
	Number   uint64    `json:"number"` // counts the documents that were served
	Routes   int       `json:"routes"`
	Warnings []string  `json:"warnings,omitempty"`
	Tried    time.Time `json:"tried"`            // when a document was last read
	Errors   []string  `json:"errors,omitempty"` // why that one is not in service
	// LastGood is set when the document in service was kept on an earlier day, because the one at hand was broken at the start.
	LastGood *LastGoodStatus `json:"last_good,omitempty"`
}

// A LastGoodStatus is where a document came from that was kept.
type LastGoodStatus struct {
	Saved  time.Time `json:"saved"`
	Source string    `json:"source"`
}

// A ListenerStatus is a door and who came in by it.
type ListenerStatus struct {
	Address     string `json:"address"` // as in the document
	Bound       string `json:"bound"`   // what it became
	Connections int64  `json:"connections"`
}

// A RequestStatus is what is going on.
type RequestStatus struct {
	Inflight        int64  `json:"inflight"`
	Connections     int64  `json:"connections"`
	TurnedAway      uint64 `json:"turned_away"`   // connections over a limit
	AcceptErrors    uint64 `json:"accept_errors"` // such as for want of files
	AccessLogMissed uint64 `json:"access_log_missed"`
}

// LastGood tells of the document in service if it was kept on an earlier day, because the one at hand was broken at the start; else
// it is nil.
func (g *Gateway) LastGood() *LastGoodStatus {
	if s := g.now.Load(); s != nil && s.kept != nil {
		return &LastGoodStatus{s.kept.Saved, s.kept.Source}
	}
	return nil
}

// Status says how the gateway is right now.
func (g *Gateway) Status() Status {
	st := Status{
		Version: g.o.Version, PID: os.Getpid(), Started: g.started, Ready: g.Ready(), Draining: g.draining.Load(),
		Requests: RequestStatus{
			Inflight: g.metrics.Inflight.Value(), Connections: g.crowd.total.Load(), TurnedAway: g.turnedAway.Load(),
			AcceptErrors: g.acceptErrors.Load(), AccessLogMissed: g.metrics.LogDropped.Load(),
		},
	}
	st.Store = g.durable.status()
	st.KeySets = g.keySets()
	st.Functions = g.functionStatuses()
	st.Versions = g.versions()
	s := g.now.Load()
	if s != nil {
		st.Config = ConfigStatus{Source: s.doc.Source, Number: s.number, Routes: len(s.table.Rules())}
		st.Config.LastGood = g.LastGood()
		for _, w := range s.warnings {
			st.Config.Warnings = append(st.Config.Warnings, w.Error())
		}
		for _, name := range s.upstreams.Names() {
			st.Upstreams = append(st.Upstreams, s.upstreams.Upstream(name).Snapshot())
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	st.Config.Tried = g.last.at
	for _, e := range g.last.errs {
		st.Config.Errors = append(st.Config.Errors, e.Error())
	}
	for _, d := range g.doors {
		st.Listeners = append(st.Listeners, ListenerStatus{d.address, d.socket.Addr().String(), d.open.Load()})
	}
	slices.SortFunc(st.Listeners, func(a, b ListenerStatus) int { return strings.Compare(a.Address, b.Address) })
	return st
}

// keySets tells of the keys of issuers that are fetched, of those that several policies share once.
func (g *Gateway) keySets() (all []telemetry.KeySet) {
	s := g.now.Load()
	if s == nil {
		return nil
	}
	for _, ask := range s.keySets {
		all = append(all, ask())
	}
	slices.SortFunc(all, func(a, b telemetry.KeySet) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b telemetry.KeySet) bool { return a.Name == b.Name })
}

// functionTotals tells metrics of the functions in service.
func (g *Gateway) functionTotals() (all []telemetry.Function) {
	for _, s := range g.functionStatuses() {
		all = append(all, telemetry.Function(s))
	}
	return all
}

// functionStatuses tells of the functions in service by name, wherever they run.
func (g *Gateway) functionStatuses() []function.Status {
	all := append(g.functions.Statuses(), g.invoked.Statuses()...)
	slices.SortFunc(all, func(a, b function.Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// DrainTarget has a target get no new calls from an upstream, or get them again. An error is balance.ErrUnknown.
func (g *Gateway) DrainTarget(upstream, target string, drain bool) (balance.Drained, error) {
	if drain {
		return g.registry.Drain(upstream, target)
	}
	return g.registry.Restore(upstream, target)
}

// A Route is one route, for listings.
type Route struct {
	API      string   `json:"api"`
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"` // of the api
	Match    string   `json:"match"`
	Policies []string `json:"policies,omitempty"` // kinds, in the order in which they run
	Backend  string   `json:"backend"`            // kind
	To       string   `json:"to,omitempty"`       // what the backend refers to
	Place    string   `json:"place"`              // file:line:col
}

// Routes lists the routes in service in match order: of two that take one request, the one that gets it comes first.
func (g *Gateway) Routes() []Route {
	if s := g.now.Load(); s != nil {
		return s.list()
	}
	return nil
}

func (s *snapshot) list() (list []Route) {
	for _, r := range s.table.Rules() {
		v := r.Value
		row := Route{API: v.api, Name: v.name, Match: r.Match.String(), Policies: v.kinds, Backend: v.backend, To: v.to, Place: v.pos.String()}
		if v.version != nil {
			row.Version = v.version.name
		}
		list = append(list, row)
	}
	return list
}

// A Report is what a document would make of a gateway.
type Report struct {
	Errors   schema.Errors // why it cannot be served
	Warnings schema.Errors // what works but is unwise
	Notes    schema.Errors // what may well be on purpose
	Routes   []Route       // in match order; nil with errors
	Tests    int           // that the document holds
	Files    []string      // that it was read from
}

// Check builds everything that the document at path asks for, says what is wrong, and throws it away. Nothing is
// opened or sent.
func Check(path string, o Options) Report {
	doc, errs := config.Load(path, o.outside())
	return check(doc, errs, o, nil)
}

// CheckBytes is Check of a document that is in memory; name stands for it in messages.
func CheckBytes(name string, data []byte, o Options) Report {
	doc, errs := config.Parse(name, data, o.outside())
	return check(doc, errs, o, nil)
}

func check(doc *config.Document, errs schema.Errors, o Options, people *identity.Registry) Report {
	g := beside(doc, o, people)
	defer g.registry.Close()
	b := g.newBuilder(doc, errs)
	s := b.build()
	_, wrong := accessWhen(doc)
	b.errs = append(b.errs, wrong...)
	r := Report{Errors: b.all(), Warnings: s.warnings, Notes: s.notes, Files: doc.Files(), Tests: len(doc.Tests)}
	if len(r.Errors) == 0 {
		r.Routes = s.list()
	}
	return r
}

// Err is nil, or says in one text what is wrong. With strict set warnings count.
func (r *Report) Err(strict bool) error {
	errs := r.Errors
	if strict {
		errs = slices.Concat(errs, r.Warnings)
		errs.Sort()
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w", errs)
}
