package balance

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
	"sallyport/wire/h1"
	"sallyport/wire/memnet"
)

// A world is a registry on a network in memory, with targets that can be taken away and given back.
type world struct {
	t        testing.TB
	net      memnet.Network
	metrics  *telemetry.Metrics
	registry *Registry
	log      diary
	dials    atomic.Int64
	targets  []*server
}

// A diary is a log that is read while it is written.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.String()
}

func (d *diary) Reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.b.Reset()
}

// A server is a target.
type server struct {
	world   *world
	address string
	delay   atomic.Int64           // until it answers, in nanoseconds
	fails   atomic.Bool            // it answers 500, at once
	breaks  atomic.Bool            // it resets connections instead
	status  atomic.Int64           // of its answers, 0 for 200
	after   atomic.Int64           // Retry-After of its answers, 0 for none
	seen    atomic.Int64           // requests
	sick    atomic.Bool            // it answers health checks 503
	checks  atomic.Int64           // health checks, which are not in seen
	path    atomic.Pointer[string] // of the last request
	body    atomic.Int64           // bytes of bodies
	http    *h1.Server
	l       net.Listener
	serving sync.WaitGroup // its goroutines
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, metrics: telemetry.NewMetrics("test")}
	w.registry = NewRegistry(Options{Dial: w.dial, Metrics: w.metrics, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	t.Cleanup(func() {
		w.registry.Close()
		for _, s := range w.targets {
			s.stop()
			s.serving.Wait()
			s.http.Wait(time.Hour)
		}
	})
	return w
}

func (w *world) dial(address string, deadline time.Time) (net.Conn, error) {
	w.dials.Add(1)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return w.net.Dial(ctx, address)
}

// target starts a server at address, "name:80".
func (w *world) target(address string) *server {
	s := &server{world: w, address: address}
	w.targets = append(w.targets, s)
	s.start()
	return s
}

func (s *server) start() {
	l, err := s.world.net.Listen(s.address)
	if err != nil {
		s.world.t.Fatal(err)
	}
	s.l, s.http = l, &h1.Server{Handler: s}
	http := s.http
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { http.Serve(&breaking{c.(*memnet.Conn), s}, nil) })
		}
	})
}

func (s *server) stop() {
	_ = s.l.Close()
	s.http.Close()
}

// swallow makes connecting to s take for ever.
func (s *server) swallow() {
	s.l.(*memnet.Listener).Swallow()
	s.http.Close()
}

// A breaking connection is reset in place of an answer when its server says so.
type breaking struct {
	*memnet.Conn
	s *server
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.s.breaks.Load() {
		b.Reset()
	}
	return b.Conn.Write(p)
}

func (s *server) Handle(r *wire.Request) *wire.Response {
	if r.Path.Text == "/healthz" {
		return s.healthz()
	}
	s.seen.Add(1)
	if r.Body != nil {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return &wire.Response{Status: 400}
		}
		s.body.Add(n)
	}
	path := r.Path.Text
	s.path.Store(&path)
	if s.fails.Load() {
		return &wire.Response{Status: 500}
	}
	if d := s.delay.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
	resp := &wire.Response{Status: cmp.Or(int(s.status.Load()), 200), Body: wire.BytesBody([]byte(s.address)), Length: int64(len(s.address))}
	if after := s.after.Load(); after != 0 {
		resp.Header.Set("Retry-After", strconv.FormatInt(after, 10))
	}
	return resp
}

func (s *server) healthz() *wire.Response {
	s.checks.Add(1)
	time.Sleep(time.Duration(s.delay.Load()))
	if s.sick.Load() {
		return &wire.Response{Status: 503}
	}
	return &wire.Response{Status: 204}
}

func (s *server) Refuse(_ *wire.Request, f *wire.Fault) *wire.Response {
	return &wire.Response{Status: f.Status}
}

func (s *server) Done(*wire.Request, wire.Outcome) {}

// settings reads the settings of an upstream.
func settings(t testing.TB, doc string) *Config {
	t.Helper()
	n, errs := schema.Parse("", []byte(doc))
	c := &Config{}
	errs = append(errs, schema.Of[Config]().Decode(n, c, "")...)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return c
}

// upstream puts an upstream named shop into use.
func (w *world) upstream(doc string) *Upstream {
	w.t.Helper()
	s := w.registry.Prepare(map[string]*Config{"shop": settings(w.t, doc)})
	s.Commit()
	return s.Upstream("shop")
}

// An answer is how a call ended.
type answer struct {
	body   string
	status int
	err    error
	x      *policy.Exchange
	took   time.Duration
}

func exchange() *policy.Exchange {
	return &policy.Exchange{Request: &wire.Request{Method: "GET", Scheme: "http", Host: "api.example.com", Conn: &wire.Conn{}}}
}

// get makes a call.
func get(u *Upstream) answer { return sendAs(u, exchange()) }

// sendAs makes a call on behalf of x.
func sendAs(u *Upstream, x *policy.Exchange) answer {
	return send(u, x, &wire.Call{Method: "GET", Target: "/x"})
}

// clientOf is the address of client i.
func clientOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}) }

func send(u *Upstream, x *policy.Exchange, c *wire.Call) answer {
	c.Request = x.Request
	c.Header = &x.Request.Header
	start := time.Now()
	resp, err := u.Send(x, c)
	a := answer{err: err, x: x}
	if err == nil {
		a.status = resp.Status
		b := make([]byte, 100)
		n, _ := resp.Body.Read(b)
		a.body = string(b[:n])
		resp.Close()
	}
	a.took = time.Since(start)
	return a
}
