package ratelimit

import (
	"errors"
	"fmt"
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
	state    *store.State
	counts   map[string]int
	warnings []string
}

func newWorld() *world { return &world{state: store.New(), counts: map[string]int{}} }

func (w *world) build(t testing.TB, yaml string) (policy.Policy, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return Kind.Build(n, "rate_limit", &plug.Env{
		Where: "here", State: w.state,
		Denied: func(policy, reason string) func() {
			w.counts[policy+" "+reason] += 0 // the series is there from now on
			return func() { w.counts[policy+" "+reason]++ }
		},
		Warn: func(format string, args ...any) { w.warnings = append(w.warnings, fmt.Sprintf(format, args...)) },
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

func exchange() *policy.Exchange {
	return &policy.Exchange{Request: &wire.Request{Method: "GET"}, Client: netip.MustParseAddr("192.0.2.1"), Route: "GET /"}
}

func ok(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil }

// pass sends x through p and tells of the answer what matters: "200 | name: value | …".
func pass(p policy.Policy, x *policy.Exchange, next policy.Handler) string {
	var out []string
	resp, err := p.Handle(x, next)
	if err != nil {
		pr := problem.From(err)
		out = append(out, fmt.Sprint(pr.Status))
		for _, f := range pr.Header {
			out = append(out, f[0]+": "+f[1])
		}
		return strings.Join(out, " | ")
	}
	out = append(out, fmt.Sprint(resp.Status))
	for name, value := range resp.Header.All() {
		out = append(out, name+": "+value)
	}
	return strings.Join(out, " | ")
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPer(t *testing.T) {
	type change func(*policy.Exchange)
	from := func(addr string) change { return func(x *policy.Exchange) { x.Client = netip.MustParseAddr(addr) } }
	consumer := func(name string) change {
		return func(x *policy.Exchange) { x.Consumer = &policy.Consumer{Name: name} }
	}
	subject := func(issuer, name string) change {
		return func(x *policy.Exchange) { x.Auth = policy.Auth{Type: "jwt", Issuer: issuer, Subject: name} }
	}
	tenant := func(v string) change { return func(x *policy.Exchange) { x.Request.Header.Set("x-tenant", v) } }
	at := func(route string) change { return func(x *policy.Exchange) { x.Route = route } }
	param := func(v string) change {
		return func(x *policy.Exchange) { x.Params = []policy.Param{{Name: "shop", Value: v}} }
	}
	for _, c := range []struct {
		name, per string
		a, b      []change
		same      bool
	}{
		{"ip, the same", "ip", nil, nil, true},
		{"ip, another", "ip", nil, []change{from("192.0.2.2")}, false},
		{"ip, whatever else", "ip", []change{consumer("a"), tenant("a"), at("a")}, []change{consumer("b"), tenant("b"), at("b")}, true},
		{"ip, one /64", "ip", []change{from("2001:db8::1")}, []change{from("2001:db8::2:3")}, true},
		{"ip, two /64", "ip", []change{from("2001:db8::1")}, []change{from("2001:db8:0:1::1")}, false},
		{"consumer", "consumer", []change{consumer("a")}, []change{consumer("a"), from("192.0.2.2")}, true},
		{"two consumers", "consumer", []change{consumer("a")}, []change{consumer("b")}, false},
		{"no consumer, by ip", "consumer", nil, []change{from("192.0.2.2")}, false},
		{"no consumer twice", "consumer", nil, nil, true},
		{"a consumer named like an address", "consumer", nil, []change{consumer("192.0.2.1")}, false},
		{"subject", "subject", []change{subject("i", "a")}, []change{subject("i", "a"), from("192.0.2.2")}, true},
		{"subjects of two issuers", "subject", []change{subject("i", "a")}, []change{subject("j", "a")}, false},
		{"route", "route", []change{at("a")}, []change{at("a"), from("192.0.2.2")}, true},
		{"two routes", "route", []change{at("a")}, []change{at("b")}, false},
		{"header", "header:X-Tenant", []change{tenant("a")}, []change{tenant("a"), from("192.0.2.2")}, true},
		{"two values of a header", "header:X-Tenant", []change{tenant("a")}, []change{tenant("b")}, false},
		{"an empty header, by ip", "header:X-Tenant", []change{tenant("")}, nil, true},
		{"no header, two addresses", "header:X-Tenant", nil, []change{from("192.0.2.2")}, false},
		{"expression", "request.params.shop", []change{param("a")}, []change{param("a"), from("192.0.2.2")}, true},
		{"two values of an expression", "'${request.params.shop}'", []change{param("a")}, []change{param("b")}, false},
		{"an expression that fails, by ip", "request.params.shop", nil, []change{from("192.0.2.2")}, false},
		{"a constant: all together", `'"all"'`, nil, []change{from("192.0.2.2")}, true},
		{"a number", "int(request.params.shop) % 2", []change{param("1")}, []change{param("3")}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newWorld().made(t, "{rate: 1/day, per: "+c.per+"}")
			a, b := exchange(), exchange()
			for _, f := range c.a {
				f(a)
			}
			for _, f := range c.b {
				f(b)
			}
			first, second := pass(p, a, ok)[:3], pass(p, b, ok)[:3]
			if same := second == "429"; first != "200" || same != c.same {
				t.Errorf("got %s and %s, want one bucket: %v", first, second, c.same)
			}
		})
	}
}

func TestCost(t *testing.T) {
	for _, c := range []struct {
		cost, header string // X-Cost
		want         string
	}{
		{"3", "", `200 r=7`},
		{"int(request.headers['x-cost'])", "4", `200 r=6`},
		{"double(request.headers['x-cost'])", "2.2", `200 r=7`},
		{"int(request.headers['x-cost'])", "0", `200 r=10`},
		{"int(request.headers['x-cost'])", "10", `200 r=0`},
		{"int(request.headers['x-cost'])", "11", `429 r=10`},
		{"int(request.headers['x-cost'])", "9223372036854775807", `429 r=10`},
		{"double(request.headers['x-cost'])", "1e300", `429 r=10`},
		{"int(request.headers['x-cost'])", "-1", `400`},
		{"int(request.headers['x-cost'])", "lots", `400`},
		{"int(request.headers['x-cost'])", "", `400`},
		{"double(request.headers['x-cost'])", "NaN", `400`},
	} {
		p := newWorld().made(t, `{rate: 10/day, cost: "`+c.cost+`"}`)
		x := exchange()
		if c.header != "" {
			x.Request.Header.Set("X-Cost", c.header)
		}
		got := pass(p, x, ok)
		if _, rest, found := strings.Cut(got, `RateLimit: "default";`); found {
			rest, _, _ = strings.Cut(rest, ";")
			got = got[:3] + " " + rest
		}
		if got != c.want {
			t.Errorf("%s of %q: got %s, want %s", c.cost, c.header, got, c.want)
		}
	}
}

// A request that costs more than there ever is, is told so.
func TestNever(t *testing.T) {
	p := newWorld().made(t, `{rate: 10/day, cost: "11"}`)
	_, err := p.Handle(exchange(), ok)
	if pr := problem.From(err); pr.Detail != "The request costs more than the limit ever allows." || pr.Header[0] != [2]string{"Retry-After", "1"} {
		t.Errorf("got %v with %v", pr, pr.Header)
	}
}

func TestBurst(t *testing.T) {
	for yaml, want := range map[string]int{
		"{rate: 3/min}": 3, "{rate: 3/min, burst: 1}": 1, "{rate: 3/min, burst: 7}": 7,
		"{rate: 3/min, algorithm: sliding_window}": 3, "{limits: [3/min, 2/hour]}": 2,
	} {
		p := newWorld().made(t, yaml)
		n := 0
		for n < 100 && pass(p, exchange(), ok)[:3] == "200" {
			n++
		}
		if n != want {
			t.Errorf("%s: %d passed at once, want %d", yaml, n, want)
		}
	}
}

func TestDelay(t *testing.T) {
	for _, algorithm := range []string{"gcra", "sliding_window", "fixed_window"} {
		t.Run(algorithm, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				p := w.made(t, "{rate: 2/s, on_limit: delay, max_delay: 1500ms, algorithm: "+algorithm+"}")
				start := time.Now()
				var codes [6]string
				var waits [6]time.Duration
				for i := range codes {
					go func() { codes[i], waits[i] = pass(p, exchange(), ok)[:3], time.Since(start) }()
					synctest.Wait()
				}
				time.Sleep(3 * time.Second)
				synctest.Wait()
				passed := 0
				for i, code := range codes {
					if code == "200" {
						passed++
						if waits[i] > 1500*time.Millisecond {
							t.Errorf("one was held back for %v", waits[i])
						}
					} else if code != "429" || waits[i] != 0 {
						t.Errorf("answer %s after %v", code, waits[i])
					}
				}
				// Two at once and as many as come back within the time, at its very end included.
				if want := map[string]int{"gcra": 5, "sliding_window": 3, "fixed_window": 4}[algorithm]; passed != want || w.counts["rate_limit limited"] != 6-want {
					t.Errorf("%v after %v: %d passed, want %d; counted %v", codes, waits, passed, want, w.counts)
				}
			})
		})
	}
}

func TestDelayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorld().made(t, "{rate: 1/min, on_limit: delay, max_delay: 5m}")
		pass(p, exchange(), ok)
		// A deadline before there is room: nobody is kept waiting for nothing.
		x := exchange()
		x.Deadline = time.Now().Add(30 * time.Second)
		start := time.Now()
		if code := pass(p, x, ok)[:3]; code != "429" || time.Since(start) != 0 {
			t.Errorf("with a deadline: %s after %v", code, time.Since(start))
		}
		// The client goes away.
		var stopped bool
		x = exchange()
		x.Request.Conn = &wire.Conn{Watch: func(gone func()) func() {
			time.AfterFunc(10*time.Second, gone)
			return func() { stopped = true }
		}}
		_, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) {
			t.Error("the backend was asked for nobody")
			return nil, nil
		})
		if !errors.Is(err, wire.ErrClientGone) || time.Since(start) != 10*time.Second || !stopped {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestDryRun(t *testing.T) {
	w := newWorld()
	p := w.made(t, "{rate: 1/day, dry_run: true}")
	for range 3 {
		expect(t, pass(p, exchange(), ok), "200")
	}
	if w.counts["rate_limit dry_run"] != 2 || len(w.counts) != 1 {
		t.Errorf("counted %v, want dry_run twice", w.counts)
	}
	w = newWorld()
	p = w.made(t, "{rate: 1/day}")
	pass(p, exchange(), ok)
	pass(p, exchange(), ok)
	if w.counts["rate_limit limited"] != 1 || len(w.counts) != 1 {
		t.Errorf("counted %v, want limited once and no word of dry_run", w.counts)
	}
}

func TestCountsOutliveReload(t *testing.T) {
	w := newWorld()
	before := w.made(t, "{rate: 1/day}")
	pass(before, exchange(), ok)
	for yaml, want := range map[string]string{
		"{rate: 1/day}":                       "429",
		"{rate: 1/day, legacy_headers: true}": "429", // nothing of the counting changed
		"{rate: 2/day}":                       "200",
	} {
		if got := pass(w.made(t, yaml), exchange(), ok)[:3]; got != want {
			t.Errorf("%s: got %s, want %s", yaml, got, want)
		}
	}
	expect(t, pass(before, exchange(), ok)[:3], "429")
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"{}", "rate_limit: it limits nothing; give rate or limits"},
		{"{rate: 10/s, limits: [1/s]}", "rate_limit.limits: rate is given as well"},
		{"{limits: [10/s, 20/s]}", "rate_limit.limits[1]: 10/s and 20/s are for the same time"},
		{"{rate: 10/s, scope: cluster}", "rate_limit.scope: not yet: "},
		{"{rate: 10/s, algorithm: fixed_window, burst: 3}", "rate_limit.burst: only the algorithm gcra knows a burst"},
		{"{limits: [10/s, 20/min], burst: 3}", "rate_limit.burst: a burst belongs to rate"},
		{"{rate: 10/s, burst: 0}", "the least is 1"},
		{"{rate: 10/s, max_delay: 2s}", "rate_limit.max_delay: it has no effect without on_limit: delay"},
		{"{rate: 10/s, per: usr}", `"usr" is no expression, and none of ip, consumer, subject, route and header:NAME`},
		{"{rate: 10/s, per: consumr}", "did you mean consumer?"},
		{"{rate: 10/s, per: 'header:'}", `"" is no header name`},
		{"{rate: 10/s, per: request.foo}", "rate_limit.per: "},
		{"{rate: 10/s, cost: request.method}", "rate_limit.cost: "},
		{"{rate: 10/week}", "write a rate such as 100/s"},
		{"{rate: 20000000/s}", "a limit is at most 10000000 a second"},
	} {
		_, errs := newWorld().build(t, c.yaml)
		if !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s: got %q, want %q", c.yaml, errs.Error(), c.want)
		}
		if len(errs) > 0 && errs[0].Pos.Line == 0 {
			t.Errorf("%s: the error has no place", c.yaml)
		}
	}
}

func TestOnStoreErrorIsNotSilent(t *testing.T) {
	w := newWorld()
	w.made(t, "{rate: 10/s, on_store_error: deny}")
	if len(w.warnings) != 1 || !strings.Contains(w.warnings[0], "has no effect with scope local") {
		t.Errorf("warned %q", w.warnings)
	}
}

// The fields cost one piece of memory, and none while the request's block has room.
func TestAllocations(t *testing.T) {
	w := newWorld()
	p := w.made(t, "{limits: [1000000/s, 50000000/hour], legacy_headers: true}")
	var resp wire.Response
	next := func(*policy.Exchange) (*wire.Response, error) {
		resp.Header.Reset()
		return &resp, nil
	}
	x := exchange()
	block := make([]byte, 192)
	for _, c := range []struct {
		name string
		room []byte
		want float64
	}{{"with room", block, 0}, {"without", nil, 1}} {
		if n := testing.AllocsPerRun(100, func() {
			x.Request.SetRoom(c.room)
			if _, err := p.Handle(x, next); err != nil {
				t.Fatal(err)
			}
		}); n != c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, n, c.want)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	p := newWorld().made(b, "{rate: 10000000/s}")
	var resp wire.Response
	next := func(*policy.Exchange) (*wire.Response, error) {
		resp.Header.Reset()
		return &resp, nil
	}
	x := exchange()
	block := make([]byte, 192)
	b.ReportAllocs()
	for b.Loop() {
		x.Request.SetRoom(block)
		if _, err := p.Handle(x, next); err != nil {
			b.Fatal(err)
		}
	}
}
