// Package gateway is the gateway itself: it turns a document into something that serves, serves it, and replaces it while it
// serves.
//
// build.go and steps.go make a snapshot of a document, snapshot.go says what that is; edge.go is one request's way, done.go
// its end; serve.go and accept.go are the listeners, load.go swaps documents, watch.go and run.go are what a process does:
// files that change, signals, stopping. Status and Routes are for those who look.
package gateway

import (
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/aws"
	"sallyport/balance"
	"sallyport/config"
	"sallyport/fetch"
	"sallyport/function"
	"sallyport/function/invoke"
	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/telemetry"
)

// Options are what a gateway needs of the process. The zero value is the process's own network, environment and
// output.
type Options struct {
	// Listen opens a socket, Dial makes a connection to a target until deadline; nil is the network.
	Listen func(network, address string) (net.Listener, error)
	Dial   func(network, address string, deadline time.Time) (net.Conn, error)
	// Resolver looks names of targets up; nil is as the machine does, and with Dial that names are dialled as they are.
	Resolver balance.Resolver
	// Env looks an environment variable up; nil is the process's environment.
	Env func(name string) (value string, found bool)
	// ReadFile reads a file that the document names, such as a certificate; nil is the process's own.
	ReadFile func(path string) ([]byte, error)
	// Stdout gets the access log unless it goes to a file, Stderr the log of the gateway itself.
	Stdout, Stderr io.Writer
	// Strain says how hard it is for the process, given the time since it was last asked; nil asks the machine.
	Strain func(since time.Duration) telemetry.Readings
	// Log replaces the log to Stderr and what the document says of it.
	Log     *slog.Logger
	Version string
	// Functions starts the processes of functions; nil is this machine.
	Functions function.Host
	// Credentials finds credentials for AWS; nil is as Amazon's tools do.
	Credentials aws.Finder
	// Told, if set, is called at the end of each request with what the access log would say of it, whatever the document has it say. It
	// may not keep the line.
	Told func(*telemetry.Line)

	// What follows is for Run.

	// Signals tells what the process was sent; nil has Run listen for SIGHUP, SIGTERM, SIGINT and SIGUSR2 itself.
	Signals <-chan os.Signal
	// NoWatch leaves changes of files alone: only SIGHUP and Reload read them anew.
	NoWatch bool
	// Unfit, if set, is why no other program can take over from this process.
	Unfit error
	// Data is the directory for what is kept from one start to the next; empty for none.
	Data string
	// LastGood has the last good document served at the start when the one at hand is broken.
	LastGood bool
	// PIDFile, if set, is where the process writes its number.
	PIDFile string
	// Admin, if set, serves those who run the gateway on a socket of loopback, once the first document is served. It is not called
	// when the document has it off. Stop is called after the last request has ended, or when the document moves it.
	Admin func(g *Gateway, l net.Listener) (stop func())
	// Serving, if set, is called once clients are let in.
	Serving func(g *Gateway)
}

// A Gateway serves the newest good document that it was given. Nothing is served before the first.
type Gateway struct {
	o        Options
	log      *slog.Logger
	level    *logSwitch // nil with Options.Log
	metrics  *telemetry.Metrics
	state    *store.State
	registry *balance.Registry
	plans    *planner
	people   *identity.Registry // whom the store knows
	durable  durable
	errands  *policy.Errands
	strain   *telemetry.Strain
	fetch    *fetch.Client
	tending  tending
	// functions are those of all documents, and their processes.
	functions *function.Registry
	invoked   *invoke.Registry // the functions that run in AWS
	started   time.Time

	now    atomic.Pointer[snapshot]  // what requests are served by
	access atomic.Pointer[accessLog] // where they are told of
	crowd  crowd
	expiry expiryWatch

	acceptErrors atomic.Uint64
	turnedAway   atomic.Uint64 // connections over a limit
	draining     atomic.Bool

	stopping sync.Mutex // who stops the gateway later waits for who did first
	reading  sync.Mutex // one document is read at a time, however long that takes; taken before loading
	loading  sync.Mutex // one is put in service at a time, and none while the gateway stops
	admin    adminDoor  // guarded by loading
	life     *life      // nil but in Run; set before anything is served
	mu       sync.Mutex
	doors    map[string]*door // by address; guarded by mu
	last     attempt          // guarded by mu
	closed   bool             // guarded by mu
}

// An attempt is a document that was to be served.
type attempt struct {
	source string
	at     time.Time
	errs   schema.Errors // nil when it is served
	digest string
	watch  []string
}

// maxErrands bounds what is done beside requests, all in all; each sort of it has a smaller bound of its own.
const maxErrands = 10_000

// New makes a gateway that serves nothing yet.
func New(o Options) *Gateway {
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	g := &Gateway{o: o, log: o.Log, started: time.Now(), doors: map[string]*door{}, state: store.New(), metrics: telemetry.NewMetrics(o.Version)}
	g.metrics.WatchLimits(func() telemetry.LimitTotals { return telemetry.LimitTotals(g.state.Totals()) })
	g.metrics.WatchCrowds(func() (all []telemetry.Crowd) {
		for _, c := range g.state.Crowds() {
			all = append(all, telemetry.Crowd(c))
		}
		return all
	})
	if g.log == nil {
		g.level = newLogSwitch(o.Stderr)
		g.log = slog.New(g.level)
	}
	b := balance.Options{Metrics: g.metrics, Log: g.log, Resolver: o.Resolver}
	if o.Dial != nil {
		b.Dial = func(address string, deadline time.Time) (net.Conn, error) { return o.Dial("tcp", address, deadline) }
	}
	g.registry = balance.NewRegistry(b)
	g.plans = newPlanner(&plug.Env{Log: g.log, State: g.state, Denied: g.metrics.Denied})
	g.people = identity.NewRegistry(g.log)
	g.durable.gateway = g
	g.people.OpenWith(g.durable.create)
	g.metrics.WatchStore(g.durable.totals)
	g.strain = telemetry.NewStrain(g.metrics, o.Strain)
	g.fetch = fetch.New(o.Dial)
	g.tending.log = g.log
	g.functions = function.NewRegistry(g.log, o.Functions)
	g.invoked = invoke.NewRegistry(invoke.Options{Log: g.log, Dial: o.Dial, Find: o.Credentials})
	g.metrics.WatchFunctions(g.functionTotals)
	g.errands = policy.NewErrands(maxErrands, g.log)
	g.metrics.WatchKeySets(g.keySets)
	g.crowd.bounds.Store(&crowdBounds{})
	return g
}

// Metrics returns what the gateway counts.
func (g *Gateway) Metrics() *telemetry.Metrics { return g.metrics }

// Log returns the gateway's own log.
func (g *Gateway) Log() *slog.Logger { return g.log }

// Identity is whom the store knows.
func (g *Gateway) Identity() *identity.Registry { return g.people }

// Data is the directory for what is kept from one start to the next, empty for none.
func (g *Gateway) Data() string { return g.o.Data }

// Ready says whether clients should be sent here: a document is served and the gateway is not about to stop.
func (g *Gateway) Ready() bool { return g.now.Load() != nil && !g.draining.Load() }

// Document returns the document that is served, nil before the first.
func (g *Gateway) Document() *config.Document {
	if s := g.now.Load(); s != nil {
		return s.doc
	}
	return nil
}
