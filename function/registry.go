// Package function runs functions: processes of their own that ask for events and answer them by the AWS Lambda Runtime API, so that handlers
// and programs made for AWS Lambda run as they are.
//
// registry.go is the functions of a process by name, function.go a function's calls and who gets them, worker.go a process, api.go what it
// says to the gateway, host.go how it is started; code.go notices that the code changed, keeper.go what is done beside calls. Nothing here
// knows of HTTP as clients see it: package function/event does.
package function

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// A Registry owns all functions of a gateway. They outlive the documents that name them for as long as their settings stay.
type Registry struct {
	log  *slog.Logger
	host Host

	mu     sync.Mutex // guards what follows
	live   map[string]*Function
	known  map[*Function]bool // those in service, and those that still have something to do
	closed bool

	crew sync.WaitGroup // every goroutine of every function
	quit chan struct{}  // closed once the registry is
}

// NewRegistry makes a registry whose processes are started by host, on this machine when that is nil.
func NewRegistry(log *slog.Logger, host Host) *Registry {
	if host == nil {
		host = &machine{log: log}
	}
	return &Registry{log: log, host: host, live: map[string]*Function{}, known: map[*Function]bool{}, quit: make(chan struct{})}
}

// Prepare returns the function of that name: the one in service if it has the same settings, which sum spells, or one that does nothing
// before its first call.
func (r *Registry) Prepare(name string, c *Config, sum string) *Function {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.live[name]; f != nil && f.sum == sum {
		return f
	}
	return &Function{registry: r, name: name, config: c, sum: sum, workers: map[*worker]bool{}}
}

// Serve puts functions in service, by name. Those that are in service and not among them take the calls that still come, and end.
func (r *Registry) Serve(set map[string]*Function) {
	r.mu.Lock()
	var begin, end []*Function
	for name, f := range r.live {
		if set[name] != f {
			end = append(end, f)
			delete(r.live, name)
		}
	}
	for name, f := range set {
		if r.live[name] != f {
			r.live[name] = f
			begin = append(begin, f)
		}
	}
	r.mu.Unlock()
	for _, f := range begin {
		f.serve()
	}
	for _, f := range end {
		f.retire()
	}
}

// join has the registry know of a function that does something; it says no once the registry is closed. The caller holds f.mu, as it does
// with forget, so that none is forgotten that has begun something.
func (r *Registry) join(f *Function) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.known[f] = true
	}
	return !r.closed
}

// forget is for a function that has ended.
func (r *Registry) forget(f *Function) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, f)
}

// Close ends all processes at once, calls under way with them, and waits until they have ended.
func (r *Registry) Close() {
	r.mu.Lock()
	if !r.closed {
		close(r.quit)
	}
	r.closed = true
	r.live = map[string]*Function{}
	var all []*Function
	for f := range r.known {
		all = append(all, f)
	}
	r.mu.Unlock()
	for _, f := range all {
		f.close()
	}
	r.crew.Wait()
	r.host.Close()
}

// InAWS is the runtime of functions that run in AWS, as a Status tells it.
const InAWS = "aws"

// A Status is how a function is.
type Status struct {
	Name        string `json:"name"`
	Runtime     string `json:"runtime"`
	Processes   int    `json:"processes"`
	Idle        int    `json:"idle"`
	Waiting     int    `json:"waiting"` // calls that wait for a process
	Starts      uint64 `json:"starts"`
	StartErrors uint64 `json:"start_errors"`
	Calls       uint64 `json:"calls"`
	Errors      uint64 `json:"errors"`    // calls that the function answered with an error
	Malformed   uint64 `json:"malformed"` // answers that are no response
	Crashes     uint64 `json:"crashes"`   // calls whose process ended
	Timeouts    uint64 `json:"timeouts"`  // calls that took too long
	// Calls of functions in AWS that never reached one: it had no room, AWS refused them, or could not be reached.
	Throttled uint64 `json:"throttled,omitempty"`
	Refused   uint64 `json:"refused,omitempty"`
	Unreached uint64 `json:"unreached,omitempty"`
	Reloads   uint64 `json:"reloads"` // changes of the code
	// LastError is why the last start failed, empty once one succeeded.
	LastError string `json:"last_error,omitempty"`
}

// Statuses lists the functions in service by name.
func (r *Registry) Statuses() (all []Status) {
	r.mu.Lock()
	var live []*Function
	for _, f := range r.live {
		live = append(live, f)
	}
	r.mu.Unlock()
	for _, f := range live {
		all = append(all, f.status())
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}
