package balance

import (
	"testing"
	"testing/synctest"
	"time"
)

// portion is the share of the calls that go to target a, in percent, when so many clients call at once.
func portion(t testing.TB, u *Upstream) int {
	t.Helper()
	const calls = 4000
	n := 0
	for range calls {
		p := u.pick(u.roster.Load(), u.registry.clock(time.Now()), &tried{})
		if p.name == "a:80" {
			n++
		}
	}
	return 100 * n / calls
}

// A target that comes back, or is new, begins with a tenth of its share and has all of it after slow_start. At the start of the
// process nobody does.
func TestSlowStart(t *testing.T) {
	for _, balance := range []string{"p2c_ewma", "round_robin", "random", "least_request"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.target("a:80")
			w.target("b:80")
			both := "slow_start: 30s\nbalance: " + balance + "\ntargets: [http://a, http://b]"
			u := w.upstream(both)
			if got := portion(t, u); got < 44 || got > 56 {
				t.Errorf("%s: at the start of the process %d %%", balance, got)
			}
			ramps := func(how string) {
				t.Helper()
				last := -1
				for _, step := range []struct {
					after     time.Duration
					low, high int
				}{{0, 2, 13}, {10 * time.Second, 11, 31}, {10 * time.Second, 27, 45}, {11 * time.Second, 45, 55}} {
					time.Sleep(step.after)
					got := portion(t, u)
					t.Logf("%s, %s: %d %%", balance, how, got)
					if got < step.low || got > step.high || got < last {
						t.Errorf("%s, %s: %v later it gets %d %%, want %d to %d", balance, how, step.after, got, step.low, step.high)
					}
					last = got
				}
			}
			w.targets[0].stop()
			for range 10 {
				get(u)
			}
			time.Sleep(2 * time.Second)
			w.targets[0].start()
			for range 10 {
				get(u)
			}
			if st := u.Snapshot(); st.Targets[0].Ramp != "10%" || st.Targets[1].Ramp != "" {
				t.Errorf("%s: %+v", balance, st)
			}
			ramps("back")
			w.upstream("targets: [http://b]")
			u = w.upstream(both)
			ramps("new by reload")
			u = w.upstream(both + "\nmax_pending: 8") // which makes other endpoints
			if got := portion(t, u); got < 44 || got > 56 {
				t.Errorf("%s: after a reload %d %%", balance, got)
			}
			w.registry.Change(u, settings(t, "targets: [http://b]").Targets)
			w.registry.Change(u, settings(t, "targets: [http://b, http://a]").Targets)
			ramps("found")
			if _, err := w.registry.Drain("shop", "http://a"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			if _, err := w.registry.Restore("shop", "http://a"); err != nil {
				t.Fatal(err)
			}
			ramps("restored")
		})
	}
}

// When nobody else is there, a target that ramps in takes all calls, and those that ramp in together share them.
func TestSlowStartOfAll(t *testing.T) {
	for _, balance := range everyWay {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.target("a:80")
			w.target("b:80")
			u := w.upstream("slow_start: 1h\ntargets: [http://a, http://b]\nbalance: " + balance)
			for _, s := range w.targets {
				s.stop()
			}
			for range 20 {
				get(u)
			}
			w.targets[0].start()
			time.Sleep(11 * time.Second)
			for range 20 {
				get(u)
			}
			for range 20 {
				if a := get(u); a.body != "a:80" {
					t.Fatalf("%s: %q %v", balance, a.body, a.err)
				}
			}
			now := w.upstream("slow_start: 1h\ntargets: [http://c, http://d]\nbalance: " + balance)
			got := 0
			for i := range 2000 {
				been := tried{key: hashAddr(clientOf(i)), keyed: true}
				if now.pick(now.roster.Load(), now.registry.clock(time.Now()), &been).name == "c:80" {
					got++
				}
			}
			if got < 900 || got > 1100 {
				t.Errorf("%s: of two that are new one gets %d of 2000 calls", balance, got)
			}
		})
	}
}

// With consistent_hash keys stay where they are; what ramps in is how many calls a target may have under way.
func TestSlowStartOfKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		u := w.upstream("slow_start: 30s\nbalance: {consistent_hash: {on: 'header:X-Key'}}\ntargets: [http://a, http://b]")
		a, b := u.roster.Load().targets[0], u.roster.Load().targets[1]
		a.inflight.Store(20)
		b.inflight.Store(20)
		a.returned.Store(u.registry.clock(time.Now()))
		pick := func() string {
			been := tried{keyed: true}
			for key := uint64(0); ; key++ {
				been.key = key
				if b := (bound{u: u, g: a.group, now: 1 << 60}); a.group.highest(&b, &been, false) == a {
					return u.pick(u.roster.Load(), u.registry.clock(time.Now()), &been).name
				}
			}
		}
		if got := pick(); got != "b:80" {
			t.Errorf("a target that ramps in and has as many calls under way as the other got one more: %s", got)
		}
		a.inflight.Store(3)
		if got := pick(); got != "a:80" {
			t.Errorf("a key left a target that has little to do: %s", got)
		}
		a.inflight.Store(20)
		time.Sleep(time.Minute)
		if got := pick(); got != "a:80" {
			t.Errorf("the key did not come back: %s", got)
		}
	})
}

// So does a target that passes its health checks again.
func TestSlowStartAfterChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.target("a:80")
		w.target("b:80")
		u := w.upstream("slow_start: 1m\ntargets: [http://a, http://b]\nhealth: {path: /healthz, interval: 1s}")
		time.Sleep(10 * time.Second)
		if got := portion(t, u); got < 44 || got > 56 {
			t.Errorf("at the start %d %%", got)
		}
		a.sick.Store(true)
		time.Sleep(10 * time.Second)
		a.sick.Store(false)
		time.Sleep(3 * time.Second)
		if got := portion(t, u); got < 2 || got > 15 {
			t.Errorf("well again: %d %%", got)
		}
		time.Sleep(time.Minute)
		if got := portion(t, u); got < 44 || got > 56 {
			t.Errorf("a minute later %d %%", got)
		}
	})
}
