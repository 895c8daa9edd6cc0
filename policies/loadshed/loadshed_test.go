package loadshed

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/telemetry"
	"sallyport/wire"
)

// A world is a machine that has as much to do as somebody says.
type world struct {
	readings telemetry.Readings
	metrics  *telemetry.Metrics
	strain   *telemetry.Strain
	counts   map[string]int
}

func newWorld() *world {
	w := &world{metrics: telemetry.NewMetrics(""), counts: map[string]int{}}
	w.strain = telemetry.NewStrain(w.metrics, func(time.Duration) telemetry.Readings { return w.readings })
	return w
}

func (w *world) build(t testing.TB, yaml string) (*shedder, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	p, errs := Kind.Build(n, "load_shed", &plug.Env{
		Strain: w.strain, Denied: func(_, reason string) func() { return func() { w.counts[reason]++ } },
	})
	s, _ := p.(*shedder)
	if s != nil {
		s.chance = rand.New(rand.NewPCG(1, 2)).Float64
	}
	return s, errs
}

func (w *world) made(t testing.TB, yaml string) *shedder {
	t.Helper()
	s, errs := w.build(t, yaml)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return s
}

func exchange() *policy.Exchange {
	return &policy.Exchange{Request: &wire.Request{Method: "GET"}, Start: time.Now()}
}

func ok(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil }

// shed is the share of requests that s refuses now.
func shed(t *testing.T, s *shedder, method string) float64 {
	t.Helper()
	const n = 1000
	refused := 0
	for range n {
		x := exchange()
		x.Request.Method = method
		switch _, err := s.Handle(x, ok); {
		case err == nil:
		case problem.From(err).Name == "overloaded" && problem.From(err).Header[0][0] == "Retry-After":
			refused++
		default:
			t.Fatal(err)
		}
	}
	return float64(refused) / n
}

// What is shed, by priority, as each signal rises.
func TestStages(t *testing.T) {
	memory := func(of float64) telemetry.Readings { return telemetry.Readings{Memory: of} }
	waits := func(d time.Duration) telemetry.Readings { return telemetry.Readings{Latency: 2 * d} } // of a jump, half is taken at once
	cores := func(of float64) telemetry.Readings { return telemetry.Readings{CPU: 2 * of} }
	for _, c := range []struct {
		name, yaml        string
		readings          telemetry.Readings
		inflight          int64
		low, normal, high float64
	}{
		{"calm", "{}", telemetry.Readings{}, 0, 0, 0, 0},
		{"memory 84 %", "{}", memory(.84), 0, 0, 0, 0},
		{"memory 87.5 %", "{}", memory(.875), 0, .5, 0, 0},
		{"memory 90 %", "{}", memory(.90), 0, 1, 0, 0},
		{"memory 92.5 %", "{}", memory(.925), 0, 1, .5, 0},
		{"memory 95 %", "{}", memory(.95), 0, 1, 1, 0},
		{"memory 97.5 %", "{}", memory(.975), 0, 1, 1, .5},
		{"memory above all", "{}", memory(1.2), 0, 1, 1, 1},
		{"memory without a bound", "{ memory: 100% }", memory(1.2), 0, 0, 0, 0},
		{"latency 49ms", "{}", waits(49 * time.Millisecond), 0, 0, 0, 0},
		{"latency 71ms", "{}", waits(70711 * time.Microsecond), 0, .5, 0, 0},
		{"latency 141ms", "{}", waits(141421 * time.Microsecond), 0, 1, .5, 0},
		{"latency 200ms", "{}", waits(200 * time.Millisecond), 0, 1, 1, 0},
		{"latency 10s", "{}", waits(10 * time.Second), 0, 1, 1, 1},
		{"latency without a bound", "{ latency: none }", waits(10 * time.Second), 0, 0, 0, 0},
		{"cpu without a bound", "{}", cores(1), 0, 0, 0, 0},
		{"cpu", "{ cpu: 80% }", cores(.85), 0, 1, .5, 0},
		{"inflight 75", "{ inflight: 100 }", telemetry.Readings{}, 75, 0, 0, 0},
		{"inflight 100", "{ inflight: 100 }", telemetry.Readings{}, 100, 1, 0, 0},
		{"inflight 112", "{ inflight: 100 }", telemetry.Readings{}, 112, 1, .48, 0},
		{"inflight 150", "{ inflight: 100 }", telemetry.Readings{}, 150, 1, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.readings = c.readings
				w.metrics.Inflight.Add(c.inflight)
				yaml := strings.TrimSuffix(c.yaml, "}")
				if yaml != "{" {
					yaml += ", "
				}
				s := w.made(t, yaml+`priority: 'request.method == "L" ? "low" : request.method == "H" ? "high" : request.method == "C" ? "critical" : "other"' }`)
				for method, want := range map[string]float64{"L": c.low, "N": c.normal, "H": c.high, "C": 0} {
					if got := shed(t, s, method); math.Abs(got-want) > .07 {
						t.Errorf("%s: %.2f are shed, want %.2f", method, got, want)
					}
				}
			})
		})
	}
}

// A single look proves nothing about latency; what lasts does. When it is over, shedding fades in about a second instead of stopping.
func TestRisesAndFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.made(t, "{}")
		look := func() float64 {
			time.Sleep(100 * time.Millisecond)
			return shed(t, s, "GET")
		}
		w.readings.Latency = 190 * time.Millisecond
		if got := look(); got != 0 {
			t.Errorf("after one look %.2f are shed", got)
		}
		look()
		look()
		if got := look(); got < .8 {
			t.Errorf("after four looks %.2f are shed", got)
		}
		w.readings.Latency = 0
		if got := look(); got < .4 {
			t.Errorf("it stops at once: %.2f are shed", got)
		}
		for range 9 {
			look()
		}
		if got := look(); got != 0 {
			t.Errorf("a second later %.2f are shed", got)
		}
	})
}

func TestDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.readings.Memory = 1
		if got := shed(t, w.made(t, "{ dry_run: true }"), "GET"); got != 0 || w.counts["dry_run"] != 1000 {
			t.Errorf("%.2f are shed, counted %v", got, w.counts)
		}
	})
}

func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for reason, r := range map[string]telemetry.Readings{"memory": {Memory: 1}, "latency": {Latency: time.Minute}, "cpu": {CPU: 2}} {
			w := newWorld()
			w.readings = r
			if shed(t, w.made(t, "{ cpu: 90% }"), "GET"); w.counts[reason] == 0 || len(w.counts) != 1 {
				t.Errorf("%s: counted %v", reason, w.counts)
			}
		}
	})
}

func TestExplain(t *testing.T) {
	w := newWorld()
	w.readings.Memory = .99
	v := w.made(t, "{ priority: low, inflight: 5 }").Explain(exchange())
	if problem.From(v.Err).Name != "overloaded" || !strings.Contains(v.Why, "low priority, shed 100 %") || len(v.Facts) != 3 {
		t.Errorf("got %+v", v)
	}
}

func TestConfigErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{ memory: 5% }":               "the least is 10%",
		"{ priority: 5 }":              "it is always the same, and none of low",
		"{ priority: request.body.p }": "the body cannot decide",
		"{ inflight: 0 }":              "the least is 1",
		"{ priority: highest }":        `"highest" is no expression, and none of low, normal, high, critical`,
	} {
		if _, errs := newWorld().build(t, yaml); !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
	}
}

func TestAllocations(t *testing.T) {
	w := newWorld()
	s := w.made(t, "{ inflight: 1000 }")
	s.strain = telemetry.NewStrain(w.metrics, nil) // the machine itself
	x, resp := exchange(), &wire.Response{Status: 200}
	next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
	if n := testing.AllocsPerRun(1000, func() {
		x.Start = x.Start.Add(10 * time.Millisecond) // so that it looks now and then
		_, _ = s.Handle(x, next)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, c := range []struct {
		name, yaml string
		step       time.Duration
	}{{"default", "{}", 0}, {"inflight", "{ inflight: 1000 }", 0}, {"looking", "{}", 100 * time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld()
			s := w.made(b, c.yaml)
			s.strain = telemetry.NewStrain(w.metrics, nil)
			x, resp := exchange(), &wire.Response{Status: 200}
			next := func(*policy.Exchange) (*wire.Response, error) { return resp, nil }
			b.ReportAllocs()
			for b.Loop() {
				x.Start = x.Start.Add(c.step)
				_, _ = s.Handle(x, next)
			}
		})
	}
}
