package gateway

import (
	"net"
	"time"

	"sallyport/config"
	"sallyport/expr"
	"sallyport/schema"
	"sallyport/telemetry"
)

// This file puts a document in service: read whole, built whole, swapped once, or refused with everything that is wrong with
// it and nothing changed.

// Load reads the document at path, a file or a directory, and serves it. An error is a schema.Errors: then what was served
// before still is.
func (g *Gateway) Load(path string) error {
	_, err := g.load(path)
	return err
}

func (g *Gateway) load(path string) (*Reloaded, error) {
	return g.replace(func() *builder {
		_, b := g.read(path)
		return b
	})
}

// replace serves what read makes. Reading takes as long as a disk or a name likes. Meanwhile the gateway can be stopped, or another
// program take over; then nothing comes of it.
func (g *Gateway) replace(read func() *builder) (*Reloaded, error) {
	g.reading.Lock()
	defer g.reading.Unlock()
	defer easeMemory()()
	if err := g.tooLate(); err != nil {
		return nil, err
	}
	return g.swap(read())
}

// swap serves what b was given. The caller holds reading.
func (g *Gateway) swap(b *builder) (*Reloaded, error) {
	s := b.build()
	if len(b.all()) == 0 {
		s.upstreams.Look(namesWithin)
	}
	g.loading.Lock()
	defer g.loading.Unlock()
	if err := g.tooLateNow(); err != nil {
		return nil, err
	}
	return g.put(b)
}

// tooLate says why no other document can be served, nil when one can.
func (g *Gateway) tooLate() error {
	g.loading.Lock()
	defer g.loading.Unlock()
	return g.tooLateNow()
}

// tooLateNow is tooLate for those who hold loading.
func (g *Gateway) tooLateNow() error {
	switch {
	case g.draining.Load():
		return errStopping
	case g.life.busy():
		return ErrUpgrading
	}
	return nil
}

// errStopping is for a document that comes too late.
var errStopping = schema.Errors{{Msg: "the gateway is stopping"}}

// Reloaded is what came of a document that is in service now.
type Reloaded struct {
	Number   uint64              `json:"number"` // counts the documents that were served
	Changes  map[string][]string `json:"changes"`
	Warnings schema.Errors       `json:"-"`
}

// LoadBytes is Load of a document that is in memory; name stands for it in messages.
func (g *Gateway) LoadBytes(name string, data []byte) error {
	_, err := g.replace(func() *builder { return g.newBuilder(config.Parse(name, data, g.o.outside())) })
	return err
}

// read reads a document and builds it: values of the environment and of files are looked up until then.
func (g *Gateway) read(path string) (*config.Document, *builder) {
	doc, errs := config.Load(path, g.o.outside())
	b := g.newBuilder(doc, errs)
	b.build()
	return doc, b
}

// outside is what a document may take from outside.
func (o *Options) outside() config.Options { return config.Options{Env: o.Env, ReadFile: o.ReadFile} }

// put serves what b was given unless something is wrong with it. The caller holds loading.
func (g *Gateway) put(b *builder) (*Reloaded, error) {
	s := b.build()
	doc, errs := b.doc, b.all()
	var c *change
	if len(errs) == 0 {
		c, errs = g.prepare(s)
		errs = doc.Masked(errs)
	}
	g.remember(doc, errs)
	g.metrics.Loaded(len(errs) == 0)
	if len(errs) > 0 {
		g.retain()
		return nil, errs
	}
	before := g.now.Load()
	g.commit(s, c)
	if g.life != nil {
		g.life.keeper.keep(doc)
	}
	return &Reloaded{s.number, g.report(before, s).byName(), s.warnings}, nil
}

// namesWithin is how long a document waits for the names of its targets. Those that are not found by then are used as soon as they are.
const namesWithin = 5 * time.Second

// A change is what was made ready for a snapshot and has not been put in service.
type change struct {
	opened []*door
	admin  net.Listener // nil when nothing is to be opened
	access *accessLog
	fresh  bool // the access log is not the one in use
}

// prepare opens what s needs and can fail to get.
func (g *Gateway) prepare(s *snapshot) (*change, schema.Errors) {
	c := &change{}
	errs := g.openAccess(s.doc, c)
	g.mu.Lock()
	stopped := g.closed || g.draining.Load()
	g.mu.Unlock()
	if stopped {
		errs.Add(s.doc.Root, "", "the gateway is stopping")
	}
	if len(errs) == 0 {
		c.admin, errs = g.openAdmin(s.doc)
	}
	if len(errs) == 0 {
		c.opened, errs = g.openDoors(s.doc)
	}
	if len(errs) == 0 {
		errs = g.durable.open(s.doc) // the last, since it cannot be undone
	}
	if len(errs) > 0 {
		if c.admin != nil {
			_ = c.admin.Close()
		}
		for _, d := range c.opened {
			_ = d.socket.Close()
		}
		if c.fresh {
			c.access.Close()
		}
		return nil, errs
	}
	return c, nil
}

// openAccess opens the access log, or keeps the one in use if nothing about it changed.
func (g *Gateway) openAccess(doc *config.Document, c *change) (errs schema.Errors) {
	settings := doc.Telemetry.AccessLog
	when, errs := accessWhen(doc)
	if now := g.access.Load(); now != nil && now.same(settings) {
		c.access = &accessLog{now.AccessLog, now.settings, when}
		return errs
	}
	log, err := telemetry.OpenAccessLog(settings, g.o.Stdout, &g.metrics.LogDropped, g.log)
	if err != nil {
		errs.Add(doc.Root.Field("telemetry").Field("access_log"), "telemetry.access_log.path", "%v", err)
		return errs
	}
	c.access, c.fresh = &accessLog{log, settings, when}, true
	return errs
}

// accessWhen compiles the condition of the access log. Bodies are gone when a line is written.
func accessWhen(doc *config.Document) (expr.Expr, schema.Errors) {
	n := doc.Telemetry.AccessLog.When
	if n == nil {
		return expr.Expr{}, nil
	}
	const path = "telemetry.access_log.when"
	var c expr.ResponseCondition
	errs := c.UnmarshalNode(n, path)
	for _, ref := range c.Uses() {
		if ref.Field == "body" {
			errs.Add(n, path, "%s.body cannot be used here: the body is gone when the line is written", ref.Root)
		}
	}
	return c.Expr, errs
}

// commit puts s in service. Nothing in it can fail.
func (g *Gateway) commit(s *snapshot, c *change) {
	s.number = 1
	before := g.now.Load()
	if before != nil {
		s.number = before.number + 1
	}
	if g.level != nil {
		g.level.set(s.doc.Telemetry.Log)
	}
	g.bound(s.doc)
	old := g.access.Swap(c.access)
	s.upstreams.Commit()
	g.people.Serve(s.book)
	g.plans.retain(s.book)
	g.now.Store(s)
	g.tending.follow(s.tended)
	g.functions.Serve(s.functions)
	g.invoked.Serve(s.invoked)
	g.settleDoors(s.doc, c.opened)
	g.settleAdmin(s.doc, c.admin)
	g.metrics.LastGood(s.kept != nil)
	g.retain()
	if old != nil && old.AccessLog != c.access.AccessLog {
		old.Close()
	}
}

// retain forgets the counts of what the document in service does not have.
func (g *Gateway) retain() {
	s := g.now.Load()
	if s == nil {
		return
	}
	routes := map[[2]string]bool{{}: true}
	for _, r := range s.table.Rules() {
		routes[[2]string{r.Value.api, r.Value.name}] = true
	}
	versions := map[[2]string]bool{}
	for _, of := range s.versioned {
		for _, v := range of.list {
			versions[[2]string{of.api, v.name}] = true
			if d := v.deprecation; d != nil {
				v.counts.Sunset(d.Sunset.Time)
			} else {
				v.counts.Sunset(time.Time{})
			}
		}
	}
	listeners := map[string]bool{}
	for _, l := range s.doc.Listeners {
		listeners[l.Address] = true
	}
	g.metrics.Retain(telemetry.Keep{
		Route:    func(api, route string) bool { return routes[[2]string{api, route}] },
		Version:  func(api, version string) bool { return versions[[2]string{api, version}] },
		Listener: func(address string) bool { return listeners[address] },
	})
}

// remember keeps what became of an attempt, for Status.
func (g *Gateway) remember(doc *config.Document, errs schema.Errors) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = attempt{doc.Source, time.Now(), errs, doc.Digest(), doc.Watch()}
}

// report tells in one line what is different now.
func (g *Gateway) report(before, s *snapshot) (d differencesList) {
	for _, w := range s.warnings {
		g.log.Warn("the configuration works but is unwise", "at", w.Error())
	}
	if before == nil {
		g.log.Info("serving", "config", s.doc.Source, "routes", len(s.table.Rules()), "upstreams", len(s.doc.Upstreams), "listeners", g.Addresses())
		return nil
	}
	d = differences(before, s)
	g.log.Info("configuration replaced", append([]any{"config", s.doc.Source, "number", s.number}, d.args()...)...)
	return d
}
