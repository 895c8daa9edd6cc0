package balance

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire"
)

// Status says of each target that gets no calls why that is so.
func TestWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"drained:80", "ejected:80", "sick:80", "failing:80", "fine:80"} {
			w.target(name)
		}
		w.targets[1].fails.Store(true)
		w.targets[2].sick.Store(true)
		u := w.upstream("targets: [http://drained, http://ejected, http://sick, http://failing, http://fine, http://dead]\nbalance: round_robin\n" +
			"health: {path: /healthz}\noutliers: {max_ejected: 100%, eject: 1h}\ncircuit_breaker: {min_requests: 3}\nretry: {attempts: 0}")
		synctest.Wait()
		u.roster.Load().targets[1].breaker = nil // or it would open first
		for range 40 {
			get(u)
		}
		w.targets[3].fails.Store(true)
		u.roster.Load().targets[3].breaker.until.Store(math.MaxInt64)
		if _, err := w.registry.Drain("shop", "http://drained"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"drained", "ejected", "health_check", "circuit_open", "", "health_check"} {
			if got := u.Snapshot().Targets[i].Why; got != want {
				t.Errorf("%s: got %q, want %q", u.Snapshot().Targets[i].URL, got, want)
			}
		}
		u = w.upstream("targets: [http://dead, http://fine]\nbalance: round_robin")
		get(u)
		get(u)
		if got := u.Snapshot().Targets[0].Why; got != "unreachable" {
			t.Errorf("got %q", got)
		}
	})
}

// Explain tells which share of the calls like one each target gets.
func TestShares(t *testing.T) {
	for _, c := range []struct {
		doc     string
		drained string
		cookie  bool
		want    []float64
	}{
		{"[http://a, {url: 'http://b', weight: 3}]", "", false, []float64{0.25, 0.75}},
		{"[http://a, {url: 'http://b', weight: 3}]", "http://b", false, []float64{1, 0}},
		{"[http://a, {url: 'http://b', priority: 1}]", "", false, []float64{1, 0}},
		{"[http://a, {url: 'http://b', priority: 1}]", "http://a", false, []float64{0, 1}},
		{"[http://a, http://b, http://c]\nbalance: {consistent_hash: {on: request.host}}", "", false, []float64{0, 1, 0}},
		{"[http://a, http://b]\nsticky: {cookie: route}", "", true, []float64{0, 1}},
		{"[http://a, http://b]\nsticky: {cookie: route}", "http://b", true, []float64{0, 1}},
		{"[http://a]", "http://a", false, []float64{0}},
	} {
		w := newWorld(t)
		u := w.upstream("targets: " + c.doc)
		if c.drained != "" {
			if _, err := w.registry.Drain("shop", c.drained); err != nil {
				t.Fatal(err)
			}
		}
		x := exchange()
		if c.cookie {
			x.Request.Header.Add("Cookie", "route="+u.settings.Sticky.value("shop", "http://b"))
		}
		for i, p := range u.Explain(x, wire.Call{Header: &x.Request.Header}) {
			if math.Abs(p.Share-c.want[i]) > 0.001 || math.IsNaN(p.Share) {
				t.Errorf("%s: %s gets %.3f, want %.3f", c.doc, p.URL, p.Share, c.want[i])
			}
		}
	}
}

// A target whose circuit closes ramps in, and one group takes over while the circuits of another are open.
func TestCircuitsAndPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80").fails.Store(true)
		w.target("b:80")
		u := w.upstream("targets: [http://a, {url: 'http://b', priority: 1}]\nslow_start: 1m\nretry: {attempts: 0}\ncircuit_breaker: {min_requests: 5, open_for: 5s}\noutliers: {consecutive_failures: 1000}")
		for range 10 {
			get(u)
		}
		w.targets[1].seen.Store(0)
		for range 20 {
			get(u)
		}
		if n := w.targets[1].seen.Load(); n != 20 {
			t.Errorf("with the circuit of the first open, the second got %d of 20 calls", n)
		}
		w.targets[0].fails.Store(false)
		time.Sleep(6 * time.Second)
		get(u)
		time.Sleep(20 * time.Millisecond)
		if st := u.Snapshot().Targets[0]; st.Circuit != "closed" || st.Ramp != "10%" {
			t.Errorf("%+v", st)
		}
		w.targets[1].seen.Store(0)
		for range 1000 {
			get(u)
		}
		if n := w.targets[1].seen.Load(); n < 750 || n > 850 {
			t.Errorf("while the first ramps in, the second got %d of 1000 calls", n)
		}
	})
}
