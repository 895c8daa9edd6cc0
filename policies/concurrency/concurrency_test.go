package concurrency

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// A world is what a policy is built in.
type world struct {
	state  *store.State
	counts map[string]int
}

func newWorld() *world { return &world{store.New(), map[string]int{}} }

func (w *world) build(t testing.TB, yaml string) (policy.Policy, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return Kind.Build(n, "concurrency", &plug.Env{
		Where: "here", State: w.state,
		Denied: func(_, reason string) func() { return func() { w.counts[reason]++ } },
	})
}

func (w *world) made(t testing.TB, yaml string) policy.Policy {
	t.Helper()
	p, errs := w.build(t, yaml)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p
}

func (w *world) busy() (n int) {
	for _, c := range w.state.Crowds() {
		n += c.Busy
	}
	return n
}

func exchange(client string) *policy.Exchange {
	return &policy.Exchange{Request: &wire.Request{Method: "GET"}, Client: netip.MustParseAddr(client), Route: "GET /"}
}

func ok(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil }

// A place is held until the exchange has ended, but not for an answer of the gateway's own.
func TestPlaceIsHeld(t *testing.T) {
	w := newWorld()
	p := w.made(t, "{ max: 1 }")
	x, y := exchange("192.0.2.1"), exchange("192.0.2.2")
	if _, err := p.Handle(x, ok); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Handle(y, ok); problem.From(err).Name != "overloaded" || w.counts["full"] != 1 {
		t.Errorf("got %v while the answer of another is under way", err)
	}
	if _, err := p.Handle(x, ok); err != nil || w.busy() != 1 {
		t.Errorf("%v: who has a place was not let in again, or took another", err)
	}
	x.End()
	if _, err := p.Handle(y, func(*policy.Exchange) (*wire.Response, error) { return nil, problem.Internal.New("") }); problem.From(err).Name != "internal" {
		t.Errorf("got %v after the end of the other", err)
	}
	if w.busy() != 0 {
		t.Error("a place is held for an answer that nobody works for")
	}
	y.End()
	if w.busy() != 0 {
		t.Errorf("%d are under way after all have ended", w.busy())
	}
}

// A panic behind the policy costs no place.
func TestPanicCostsNoPlace(t *testing.T) {
	w := newWorld()
	p := w.made(t, "1")
	x := exchange("192.0.2.1")
	func() {
		defer func() { _ = recover() }()
		_, _ = p.Handle(x, func(*policy.Exchange) (*wire.Response, error) { panic("oops") })
	}()
	if x.End(); w.busy() != 0 {
		t.Error("the place is lost")
	}
}

func TestPerClient(t *testing.T) {
	w := newWorld()
	p := w.made(t, "{ max: 1, per: ip }")
	for _, c := range []struct {
		client string
		in     bool
	}{{"192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true}, {"2001:db8::1", true}, {"2001:db8::2", false}} {
		if _, err := p.Handle(exchange(c.client), ok); (err == nil) != c.in {
			t.Errorf("%s: got %v", c.client, err)
		}
	}
}

func TestDryRun(t *testing.T) {
	w := newWorld()
	p := w.made(t, "{ max: 1, dry_run: true }")
	for range 3 {
		if _, err := p.Handle(exchange("192.0.2.1"), ok); err != nil {
			t.Fatal(err)
		}
	}
	if w.counts["dry_run"] != 2 || w.busy() != 3 {
		t.Errorf("counts %v, %d under way", w.counts, w.busy())
	}
}

// Who waits keeps the time that the answer has to begin in, and a place that comes too late is given back.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := w.made(t, "{ max: 1, queue: { size: 2, max_wait: 1s } }")
		x := exchange("192.0.2.1")
		if _, err := p.Handle(x, ok); err != nil {
			t.Fatal(err)
		}
		y := exchange("192.0.2.2")
		y.Deadline = time.Now().Add(100 * time.Millisecond)
		start := time.Now()
		if _, err := p.Handle(y, ok); problem.From(err).Name != "upstream_timeout" || time.Since(start) != 100*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		z := exchange("192.0.2.3")
		z.Request.Conn = &wire.Conn{Watch: func(gone func()) func() {
			timer := time.AfterFunc(300*time.Millisecond, gone)
			return func() { timer.Stop() }
		}}
		start = time.Now()
		if _, err := p.Handle(z, ok); !errors.Is(err, wire.ErrClientGone) || time.Since(start) != 300*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		go func() {
			time.Sleep(500 * time.Millisecond)
			x.End()
		}()
		v := exchange("192.0.2.4")
		if _, err := p.Handle(v, ok); err != nil {
			t.Errorf("got %v, though a place became free", err)
		}
		if v.End(); w.busy() != 0 {
			t.Errorf("%d are under way after all have ended", w.busy())
		}
	})
}

func TestConfigErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":                                 "it limits nothing; give max, or adaptive: true",
		"0":                                  "the least is 1",
		"{ max: 5, min: 2 }":                 "concurrency.min: it has no effect without adaptive: true",
		"{ max: 5, adaptive: true, min: 9 }": "concurrency.min: it is more than max, which is 5",
		"{ adaptive: true, per: ip }":        "concurrency.adaptive: it learns how much the backend of a route can take",
		"{ max: 5, queue: { size: -1 } }":    "the least is 0",
		"{ max: 5, per: ipp }":               "did you mean ip?",
	} {
		if _, errs := newWorld().build(t, yaml); !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, yaml := range []string{"1000", "{ max: 10, per: ip }", "{ max: 10, per: \"header:X-Tenant\" }", "{ adaptive: true }"} {
		p, x := newWorld().made(t, yaml), exchange("192.0.2.1")
		resp := &wire.Response{Status: 200}
		next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
		if n := testing.AllocsPerRun(1000, func() { _, _ = p.Handle(x, next); x.End() }); n != 0 {
			t.Errorf("%s: %v allocations", yaml, n)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, c := range []struct{ name, yaml string }{{"fixed", "1000"}, {"per_ip", "{ max: 10, per: ip }"}, {"adaptive", "{ adaptive: true }"}} {
		b.Run(c.name, func(b *testing.B) {
			p, x := newWorld().made(b, c.yaml), exchange("192.0.2.1")
			resp := &wire.Response{Status: 200}
			next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Handle(x, next)
				x.End()
			}
		})
	}
}

// Explaining takes no place, and knows when there is none.
func TestExplain(t *testing.T) {
	w := newWorld()
	l := w.made(t, "{ max: 1, queue: 1 }").(*limit)
	x := exchange("192.0.2.1")
	for range 2 {
		if v := l.Explain(x); v.Err != nil || !strings.HasPrefix(v.Why, "0 of 1 are under way") {
			t.Errorf("got %+v", v)
		}
	}
	if _, err := l.Handle(x, ok); err != nil {
		t.Fatal(err)
	}
	if v := l.Explain(exchange("192.0.2.2")); v.Err != nil || !strings.HasPrefix(v.Why, "1 of 1 are under way") {
		t.Errorf("got %+v with room in the queue", v)
	}
	if l = w.made(t, "1").(*limit); problem.From(l.Explain(x).Err).Name != "overloaded" {
		t.Error("it would let in another one")
	}
	x.End()
}
