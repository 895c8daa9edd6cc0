package fault

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/wire"
)

func configured(t testing.TB, yaml string) (*injector, map[string]int, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	counts := map[string]int{}
	count := func(_, what string) func() { return func() { counts[what]++ } }
	p, errs := Kind.Build(n, "fault", &plug.Env{Denied: count, Acted: count})
	f, _ := p.(*injector)
	if f != nil {
		f.chance = rand.New(rand.NewPCG(1, 2)).Float64
	}
	return f, counts, errs
}

func made(t testing.TB, yaml string) (*injector, map[string]int) {
	t.Helper()
	f, counts, errs := configured(t, yaml)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return f, counts
}

func exchange() *policy.Exchange { return &policy.Exchange{Request: &wire.Request{Method: "GET"}} }

func ok(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil }

// Shares hold, and are independent of each other.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, counts := made(t, "{ delay: { for: 10ms, up_to: 30ms, percent: 20% }, abort: { status: 503, percent: 10% } }")
		const n = 20_000
		both := 0
		var sum time.Duration
		for range n {
			x, start := exchange(), time.Now()
			_, err := f.Handle(x, ok)
			took := time.Since(start)
			sum += took
			if took != 0 && (took < 10*time.Millisecond || took > 30*time.Millisecond) {
				t.Fatalf("held back for %v", took)
			}
			if took > 0 && err != nil {
				both++
			}
			if (took > 0) != strings.Contains(x.Fault, "delay") || (err != nil) != strings.Contains(x.Fault, "abort 503") {
				t.Fatalf("%v, %v: told of as %q", took, err, x.Fault)
			}
		}
		for what, c := range map[string]struct{ got, want float64 }{
			"delayed": {float64(counts["delay"]), .2 * n}, "aborted": {float64(counts["abort"]), .1 * n},
			"both": {float64(both), .02 * n}, "delay in ms": {float64(sum.Milliseconds()), .2 * n * 20},
		} {
			if math.Abs(c.got-c.want) > 0.1*c.want {
				t.Errorf("%s: %v, want about %v", what, c.got, c.want)
			}
		}
	})
}

// A delay ends with the time that the answer has to begin in.
func TestDelayKeepsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := made(t, "{ delay: 1m }")
		x, start := exchange(), time.Now()
		x.Deadline = start.Add(time.Second)
		if _, err := f.Handle(x, ok); problem.From(err).Status != 504 || time.Since(start) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestAsked(t *testing.T) {
	f, _ := made(t, "{ header: X-Fault, max_delay: 2s }")
	for value, want := range map[string]plan{
		"":                           {},
		"delay=250ms":                {delay: 250 * time.Millisecond},
		" delay=1h , abort=404":      {delay: 2 * time.Second, status: 404},
		"reset":                      {reset: true},
		"reset, abort=500":           {status: 500},
		"abort=200, abort=x, delay=": {},
		"delay=none, delay=-1s":      {},
		"abort=600,reset=no,":        {reset: true},
	} {
		x := exchange()
		x.Request.Header.Add("x-fault", value)
		var p plan
		if f.asked(x, &p); p != want {
			t.Errorf("%q: got %+v, want %+v", value, p, want)
		}
		if value != "" && x.Request.Header.Has("X-Fault") {
			t.Errorf("%q goes on", value)
		}
	}
}

// What is explained is what happens, where chance has no say.
func TestExplain(t *testing.T) {
	for _, c := range []struct{ yaml, asks, why, problem string }{
		{"{ delay: 1s }", "", "by chance", ""},
		{"{ abort: { status: 500, percent: 50% } }", "", "by chance", ""},
		{"{ abort: 500 }", "", "it fails every request", "500"},
		{"{ abort: { reset: true } }", "", "it fails every request", "444"},
		{"{ header: X-Fault }", "", "the request does not ask", ""},
		{"{ header: X-Fault }", "delay=1s, abort=404", "the request asks for it by X-Fault", "404"},
	} {
		f, counts := made(t, c.yaml)
		x := exchange()
		if c.asks != "" {
			x.Request.Header.Add("X-Fault", c.asks)
		}
		v, status := f.Explain(x), ""
		if v.Err != nil {
			status = strconv.Itoa(problem.From(v.Err).Status)
		}
		if !strings.Contains(v.Why, c.why) || status != c.problem || len(counts) > 0 {
			t.Errorf("%s: got %+v, counted %v", c.yaml, v, counts)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"{}":             "it does nothing; give delay, abort or header",
		"{ abort: {} }":  "fault.abort: give a status, or reset: true",
		"{ abort: 200 }": "the least is 400",
		"{ abort: { status: 500, reset: true } }": "fault.abort.reset: a status is given as well",
		"{ delay: { for: 1s, up_to: 1s } }":       "fault.delay.up_to: it is not more than for",
		"{ delay: 1h }":                           "the most is 5m",
		"{ header: Sallyport-Fault }":             "clients may not say Sallyport-Fault",
		"{ header: \"a b\" }":                     "is no header name",
		"{ delay: 1s, max_delay: 1s }":            "fault.max_delay: it has no effect without header",
	} {
		if _, _, errs := configured(t, yaml); !strings.Contains(errs.Error(), want) {
			t.Errorf("%s: got %q, want %q", yaml, errs.Error(), want)
		}
	}
}
