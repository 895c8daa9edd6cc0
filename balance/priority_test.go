package balance

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tiers are an upstream with four targets of priority 0 and as many of priority 1 and 2.
func tiers(w *world, more string) *Upstream {
	doc := more + "\ntargets:\n"
	for i := range 12 {
		w.target(fmt.Sprintf("%c%d:80", 'a'+i/4, i%4))
		doc += fmt.Sprintf("- {url: 'http://%c%d', priority: %d}\n", 'a'+i/4, i%4, i/4)
	}
	return w.upstream(doc)
}

// thirds are the shares of the calls that the targets of each first letter get, in percent. Targets that are down have been found out
// before.
func thirds(t testing.TB, u *Upstream) (all [3]int) {
	t.Helper()
	const calls = 2000
	for i := range calls / 10 {
		x := exchange()
		x.Client = clientOf(i)
		sendAs(u, x)
	}
	time.Sleep(20 * time.Millisecond)
	for i := range calls {
		x := exchange()
		x.Client = clientOf(i)
		a := sendAs(u, x)
		if a.err != nil {
			t.Fatal(a.err)
		}
		all[a.body[0]-'a']++
	}
	for i := range all {
		all[i] = int(math.Round(100 * float64(all[i]) / calls))
	}
	return all
}

// The targets of the first priority carry all calls while half of them are there; then others help, in proportion.
func TestPriorities(t *testing.T) {
	for _, balance := range someWays() {
		for _, c := range []struct {
			down string
			want [3]int
		}{
			{"", [3]int{100, 0, 0}},
			{"a0 a1", [3]int{100, 0, 0}},
			{"a0 a1 a2", [3]int{50, 50, 0}},
			{"a0 a1 a2 a3", [3]int{0, 100, 0}},
			{"a0 a1 a2 a3 b0 b1 b2", [3]int{0, 50, 50}},
			{"a0 a1 a2 b0 b1 b2 b3", [3]int{50, 0, 50}},
			{"a0 a1 a2 a3 b0 b1 b2 b3 c0 c1 c2", [3]int{0, 0, 100}},
			{"a0 a1 a2 b0 b1 b2 b3 c0 c1 c2 c3", [3]int{100, 0, 0}},
		} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				u := tiers(w, "outliers: {eject: 1h}\nbalance: "+balance)
				for _, s := range w.targets {
					if strings.Contains(c.down, strings.TrimSuffix(s.address, ":80")) {
						s.stop()
					}
				}
				for i := range 300 { // more than one look at each, so that they are out for long
					x := exchange()
					x.Client = clientOf(i)
					sendAs(u, x)
					time.Sleep(100 * time.Millisecond)
				}
				got := thirds(t, u)
				for i := range got {
					if math.Abs(float64(got[i]-c.want[i])) > 5 {
						t.Errorf("%s without %s: got %v, want %v", balance, c.down, got, c.want)
					}
				}
			})
		}
	}
}

// When the first priority comes back it gets its calls back, as far as it can carry them; drained targets count as gone.
func TestPrioritiesComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		u := tiers(w, "")
		for _, s := range w.targets[:4] {
			s.stop()
		}
		if got := thirds(t, u); got != [3]int{0, 100, 0} {
			t.Errorf("got %v", got)
		}
		w.targets[0].start()
		time.Sleep(11 * time.Second)
		if got := thirds(t, u); got[0] < 46 || got[0] > 54 || got[2] != 0 {
			t.Errorf("with the first one back: %v", got)
		}
		for _, s := range w.targets[1:4] {
			s.start()
		}
		time.Sleep(11 * time.Second)
		if got := thirds(t, u); got != [3]int{100, 0, 0} {
			t.Errorf("with all back: %v", got)
		}
		for i := range 3 {
			if _, err := w.registry.Drain("shop", fmt.Sprintf("http://a%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if got := thirds(t, u); got[0] < 46 || got[0] > 54 {
			t.Errorf("with three drained: %v", got)
		}
	})
}

// All down, of whatever priority and whatever balances: an answer at once, and one that is back is found.
func TestAllDownAtOnce(t *testing.T) {
	for _, balance := range everyWay {
		for _, more := range []string{"", "slow_start: 1h\n", "sticky: {cookie: route}\n"} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				u := tiers(w, more+"balance: "+balance)
				for _, s := range w.targets {
					s.stop()
				}
				for range 100 {
					a := get(u)
					if name := a.problem(); name != "no_healthy_target" && name != "upstream_failed" || a.took != 0 {
						t.Fatalf("%s: %v after %v", balance, a.err, a.took)
					}
				}
				if a := get(u); a.problem() != "no_healthy_target" || a.header("Retry-After") == "" {
					t.Errorf("%s: %v", balance, a.err)
				}
				w.targets[7].start()
				time.Sleep(11 * time.Second)
				for range 20 {
					get(u)
				}
				if a := get(u); a.body != "b3:80" {
					t.Errorf("%s %s: with one back: %q %v", more, balance, a.body, a.err)
				}
			})
		}
	}
}
