package balance

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shares makes calls and returns how many each target answered.
func shares(t testing.TB, u *Upstream, calls int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range calls {
		a := get(u)
		if a.err != nil {
			t.Fatal(a.err)
		}
		got[strings.TrimSuffix(a.body, ":80")]++
	}
	return got
}

// A drained target ends what it has and gets nothing new, over reloads and changes, until it is restored; whatever balances.
func TestDrain(t *testing.T) {
	for _, balance := range everyWay {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var log bytes.Buffer
			w.registry.o.Log = slog.New(slog.NewTextHandler(&log, nil))
			for _, name := range []string{"a:80", "b:80", "c:80"} {
				w.target(name)
			}
			doc := "targets: [http://a, http://b, http://c]\nbalance: " + balance
			u := w.upstream(doc)
			w.targets[0].delay.Store(int64(20 * time.Second))
			var wg sync.WaitGroup
			ended := 0
			var mu sync.Mutex
			for range 8 {
				wg.Go(func() {
					if a := get(u); a.err == nil {
						mu.Lock()
						ended++
						mu.Unlock()
					}
				})
			}
			synctest.Wait()
			d, err := w.registry.Drain("shop", "http://A:80/")
			if err != nil || d.Target != "http://a" || !d.Drained || !d.Changed || d.Left != 2 || d.Warning != "" {
				t.Errorf("%s: %+v, %v", balance, d, err)
			}
			for _, step := range []func(){
				func() {},
				func() { u = w.upstream(doc) },
				func() { w.registry.Change(u, settings(t, "targets: [http://c, http://a]").Targets) },
				func() { u = w.upstream(doc + "\nmax_pending: 7") },
			} {
				step()
				if got := shares(t, u, 20); got["a"] != 0 {
					t.Errorf("%s: the drained target got calls: %v", balance, got)
				}
			}
			st := u.Snapshot()
			if st.Healthy != 2 || !st.Targets[0].Drained || !st.Targets[0].Healthy || st.Targets[0].Why != "drained" {
				t.Errorf("%s: %+v", balance, st)
			}
			if text := w.text(); !strings.Contains(text, `sallyport_target_drained{target="a:80",upstream="shop"} 1`) ||
				!strings.Contains(text, `sallyport_target_drained{target="b:80",upstream="shop"} 0`) {
				t.Errorf("%s: %s", balance, text)
			}
			wg.Wait()
			if ended != 8 {
				t.Errorf("%s: %d of 8 calls that were under way ended well", balance, ended)
			}
			w.targets[0].delay.Store(0)
			if again, err := w.registry.Drain("shop", "a:80"); err != nil || again.Changed {
				t.Errorf("%s: drained twice: %+v, %v", balance, again, err)
			}
			if d, err := w.registry.Restore("shop", "http://a"); err != nil || d.Drained || !d.Changed || d.Left != 3 {
				t.Errorf("%s: restored: %+v, %v", balance, d, err)
			}
			seen := w.targets[0].seen.Load()
			for i := range 200 {
				x := exchange()
				x.Client = clientOf(i)
				if a := sendAs(u, x); a.err != nil {
					t.Fatal(a.err)
				}
			}
			if w.targets[0].seen.Load() == seen {
				t.Errorf("%s: the restored target got no calls", balance)
			}
			if got := log.String(); strings.Count(got, "target is drained") != 1 || strings.Count(got, "target is restored") != 1 {
				t.Errorf("%s: %s", balance, got)
			}
		})
	}
}

// Also the last target can be drained: the operator is warned, and calls are answered at once.
func TestDrainTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		u := w.upstream("targets: [http://a, http://dead]\nbalance: round_robin")
		get(u)
		get(u)
		get(u)
		d, err := w.registry.Drain("shop", "http://a")
		if err != nil || d.Left != 0 || !strings.Contains(d.Warning, "no target of the upstream is left") {
			t.Errorf("%+v, %v", d, err)
		}
		for range 20 {
			if a := get(u); a.problem() != "no_healthy_target" || a.took != 0 || a.body != "" {
				t.Fatalf("%q %v after %v", a.body, a.err, a.took)
			}
		}
		if d, err := w.registry.Restore("shop", "http://dead"); err != nil || d.Changed || !strings.Contains(d.Warning, "out of service") {
			t.Errorf("%+v, %v", d, err)
		}
		if _, err := w.registry.Restore("shop", "http://a"); err != nil || get(u).body != "a:80" {
			t.Errorf("restored: %v", err)
		}
	})
}

// Draining belongs to one upstream, and ends with the target.
func TestDrainIsOfOneUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.target("a:80")
		w.target("b:80")
		s := w.prepare(map[string]string{"shop": "targets: [http://a, http://b]", "other": "targets: [http://a]"})
		s.Commit()
		for _, wrong := range [][2]string{{"shpo", "http://a"}, {"shop", "http://c"}, {"shop", ""}, {"shop", "https://a"}, {"", ""}, {"shop", "http://u:p@a"}, {"shop", "a"}} {
			if _, err := w.registry.Drain(wrong[0], wrong[1]); !errors.Is(err, ErrUnknown) {
				t.Errorf("%v: %v", wrong, err)
			}
		}
		if _, err := w.registry.Drain("shop", "http://a"); err != nil {
			t.Error(err)
		}
		if a := get(s.Upstream("other")); a.body != "a:80" {
			t.Errorf("the other upstream: %v", a.err)
		}
		w.registry.Change(s.Upstream("shop"), settings(t, "targets: [http://b]").Targets)
		w.registry.Change(s.Upstream("shop"), settings(t, "targets: [http://a]").Targets)
		if a := get(s.Upstream("shop")); a.body != "a:80" {
			t.Errorf("a target that left and came is still drained: %v", a.err)
		}
		w.upstream("targets: [http://c]")
		if n := len(w.registry.seats["shop"]); n != 1 || len(w.registry.seats) != 1 {
			t.Errorf("%d seats of %d upstreams are kept", n, len(w.registry.seats))
		}
	})
}

// Targets that a name has led to are drained one by one, by the URL that status shows, or all, by the one in the document.
func TestDrainOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		for _, name := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"} {
			w.target(name)
		}
		b.set("shop", "10.0.0.1", "10.0.0.2")
		const doc = "targets: [http://shop, http://10.0.0.3]\nslow_start: 10m\nbalance: round_robin"
		u := w.shop(doc)
		for _, st := range u.Snapshot().Targets {
			if st.Ramp != "" {
				t.Errorf("%s ramps in at the start: %s", st.URL, st.Ramp)
			}
		}
		for _, url := range []string{u.Snapshot().Targets[0].URL, "http://10.0.0.1", "10.0.0.1:80"} {
			if d, err := w.registry.Drain("shop", url); err != nil || d.Left != 2 || d.Target != "http://10.0.0.1" {
				t.Errorf("%s: %+v, %v", url, d, err)
			}
		}
		u = w.shop(doc + "\nmax_pending: 5")
		if got := served(u, 20); got["10.0.0.1:80"] != 0 {
			t.Errorf("after a reload: %v", got)
		}
		if d, err := w.registry.Drain("shop", "http://shop:80/"); err != nil || !d.Changed || d.Left != 1 || d.Target != "http://shop" {
			t.Errorf("%+v, %v", d, err)
		}
		b.set("shop", "10.0.0.1", "10.0.0.2", "10.0.0.4")
		w.target("10.0.0.4:80")
		spent(2 * time.Minute)
		if got := served(u, 100); got["10.0.0.1:80"]+got["10.0.0.2:80"] != 0 || got["10.0.0.4:80"] == 0 {
			t.Errorf("after a change of the name: %v", got)
		}
		if st := u.Snapshot().Targets; st[2].URL != "http://10.0.0.4" || st[2].Ramp == "" || st[3].Ramp != "" {
			t.Errorf("%+v", st)
		}
		if d, err := w.registry.Restore("shop", "http://shop"); err != nil || !d.Changed || d.Left != 4 {
			t.Errorf("%+v, %v", d, err)
		}
		if _, err := w.registry.Restore("shop", "https://shop"); !errors.Is(err, ErrUnknown) {
			t.Errorf("another scheme: %v", err)
		}
	})
}

// Drained targets do not count among those of which some may be ejected.
func TestDrainedAndEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"a:80", "b:80", "c:80", "d:80"} {
			w.target(name)
		}
		u := w.upstream("targets: [http://a, http://b, http://c, http://d]\nbalance: round_robin\nretry: {attempts: 0}")
		for _, name := range []string{"a", "b"} {
			if _, err := w.registry.Drain("shop", "http://"+name); err != nil {
				t.Fatal(err)
			}
		}
		w.targets[2].fails.Store(true)
		for range 20 {
			get(u)
		}
		if why := u.Snapshot().Targets[2].Why; why != "ejected" {
			t.Errorf("one of two that are left fails: %q", why)
		}
		w.targets[3].fails.Store(true)
		for range 20 {
			get(u)
		}
		if why := u.Snapshot().Targets[3].Why; why != "" {
			t.Errorf("the last one is %q", why)
		}
	})
}
