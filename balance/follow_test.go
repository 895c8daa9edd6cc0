package balance

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/wire/dns"
)

// A name that moves, vanishes and returns needs no restart; what stays keeps its connections, and what goes ends when its calls have.
func TestNameMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		one, two := w.target("10.0.0.1:80"), w.target("10.0.0.2:80")
		w.target("10.0.0.3:80")
		b.set("shop", "10.0.0.1", "10.0.0.2")
		u := w.shop("discover: {dns: shop}\nbalance: round_robin\ntimeouts: {response_header: none}")
		if got := served(u, 4); got["10.0.0.1:80"] != 2 || got["10.0.0.2:80"] != 2 {
			t.Errorf("at the start: %v", got)
		}
		if got := get(u).x.Target; got != "10.0.0.1:80" {
			t.Errorf("the log has the target %s", got)
		}
		if d, err := w.registry.Drain("shop", "http://10.0.0.1"); err != nil || d.Target != "http://10.0.0.1" {
			t.Errorf("an address of a name is drained by its URL: %+v %v", d, err)
		}
		if st := u.Snapshot().Targets[0]; st.URL != "http://10.0.0.1" || st.Host != "shop" {
			t.Errorf("%+v", st)
		}
		_, _ = w.registry.Restore("shop", "http://10.0.0.1")
		kept := u.roster.Load().targets[1].endpoint
		b.set("shop", "10.0.0.3", "10.0.0.2")
		one.delay.Store(int64(time.Minute)) // a call is under way when the target goes
		done := make(chan answer)
		get(u)
		go func() { done <- get(u) }()
		spent(31 * time.Second)
		one.delay.Store(0)
		if got := served(u, 40); got["10.0.0.2:80"] == 0 || got["10.0.0.3:80"] == 0 || got["10.0.0.1:80"] != 0 {
			t.Errorf("after the move: %v", got)
		}
		if u.roster.Load().targets[0].endpoint != kept {
			t.Error("the address that stayed is another endpoint now")
		}
		if a := <-done; a.err != nil {
			t.Errorf("the call that was under way: %v", a.err)
		}
		synctest.Wait()
		if n := one.http.Open(); n != 0 {
			t.Errorf("%d connections to the address that is gone", n)
		}
		b.set("shop") // gone
		two.breaks.Store(false)
		spent(59 * time.Minute)
		if got := served(u, 10); got["10.0.0.2:80"] == 0 {
			t.Errorf("without the name, within stale: %v", got)
		}
		spent(2 * time.Minute)
		if a := get(u); a.problem() != "no_healthy_target" || a.took != 0 {
			t.Errorf("after stale: %v %v", a.err, a.took)
		}
		b.set("shop", "10.0.0.1")
		spent(11 * time.Second)
		if got := served(u, 4); got["10.0.0.1:80"] != 4 {
			t.Errorf("after its return: %v", got)
		}
		log := w.log.String()
		for _, once := range []string{"targets are given up", "targets are found again"} {
			if strings.Count(log, once) != 1 {
				t.Errorf("not once in the log: %s", once)
			}
		}
		if n := strings.Count(log, "targets cannot be found"); n < 3 || n > 12 {
			t.Errorf("the log tells %d times that looks fail", n)
		}
		if strings.Contains(w.text(), "10.0.0.2") {
			t.Errorf("series of what is gone are left:\n%s", w.text())
		}
	})
}

// What the order of answers is, and how short they hold, changes nothing and is not asked for too often.
func TestNoChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		b.ttl = 0
		b.set("shop", "10.0.0.1", "10.0.0.2", "10.0.0.3")
		u := w.shop("targets: [http://shop]")
		before := u.roster.Load()
		for range 60 {
			b.change(func() { b.names["shop"] = append(b.names["shop"][1:], b.names["shop"][0]) })
			spent(time.Second)
		}
		if u.roster.Load() != before {
			t.Error("another order made other targets")
		}
		if n := b.count("shop"); n < 55 || n > 70 {
			t.Errorf("%d lookups in a minute with a time to live of 0, want about one a second", n)
		}
		if strings.Contains(w.log.String(), "targets have changed") {
			t.Errorf("the log is\n%s", w.log.String())
		}
	})
}

// Whoever cannot be looked up does not stop the others, nor the gateway; and nobody waits for ever.
func TestSlowNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		w.target("10.0.0.1:80")
		b.delay = 8 * time.Second
		b.set("shop", "10.0.0.1")
		start := time.Now()
		u := w.shop("targets: [http://shop]")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if a := get(u); a.problem() != "no_healthy_target" || a.took != 0 {
			t.Errorf("before the answer: %v %v", a.err, a.took)
		}
		spent(4 * time.Second)
		if a := get(u); a.err != nil {
			t.Errorf("after it: %v", a.err)
		}
		b.change(func() { b.delay = time.Hour })
		spent(time.Minute)
		if a := get(u); a.err != nil || a.took != 0 {
			t.Errorf("while nobody answers: %v %v", a.err, a.took)
		}
		if st := u.Snapshot().Sources; len(st) != 1 || !strings.Contains(st[0].Error, "deadline") || st[0].Found != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A reload looks up what is new, and nothing else; what is known of a name serves until its new settings have an answer of their own.
func TestReloadKeepsSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		w.target("10.0.0.1:80")
		b.set("shop", "10.0.0.1")
		docs := map[string]string{"shop": "targets: [http://shop]", "two": "discover: {dns: 'shop:81'}"}
		for range 5 {
			w.look(docs)
		}
		if n := b.count("shop"); n != 1 {
			t.Errorf("%d lookups in five loads, want 1", n)
		}
		b.change(func() { b.fault = errors.New("no answer") })
		docs["shop"] = "targets: [http://shop]\nmax_pending: 7"
		docs["two"] = "discover: {dns: 'shop:81', interval: 10s}"
		s := w.look(docs)
		for _, name := range s.Names() {
			if targets(s.Upstream(name)) == "" {
				t.Errorf("%s has lost its targets in a reload", name)
			}
		}
		spent(time.Minute)
		if a := get(s.Upstream("shop")); a.err != nil {
			t.Error(a.err)
		}
		w.shop("targets: [http://10.0.0.1]")
		before := b.count("shop")
		spent(time.Hour)
		if n := b.count("shop") - before; n != 0 || len(w.registry.sources) != 0 {
			t.Errorf("%d lookups that nobody wants, %d sources", n, len(w.registry.sources))
		}
		rec := httptest.NewRecorder()
		w.metrics.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		if strings.Contains(rec.Body.String(), "discovery_found{") {
			t.Error("series of sources are left")
		}
		w.prepare(docs).Look(time.Second) // and thrown away
		if len(w.registry.sources) != 0 {
			t.Error("a configuration that is not used has left sources")
		}
	})
}

// When a service moves to other names, its calls go on to the old ones until these are looked up.
func TestServiceMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		w.target("10.0.0.1:81")
		w.target("10.0.0.2:82")
		b.set("a", "10.0.0.1")
		b.set("b", "10.0.0.2")
		b.services["_x._tcp.y"] = []dns.Service{{Target: "a", Port: 81}}
		b.services["_z._tcp.y"] = nil
		u := w.shop("discover: {dns_srv: _x._tcp.y}")
		b.change(func() {
			b.services["_x._tcp.y"] = []dns.Service{{Target: "b", Port: 82}}
			b.delay = 3 * time.Second
		})
		for range 40 {
			if a := get(u); a.err != nil {
				t.Fatal(a.err)
			}
			spent(time.Second)
		}
		if got := get(u).body; got != "10.0.0.2:82" {
			t.Errorf("after the move %s answers", got)
		}
		if keys := slices.Collect(maps.Keys(w.registry.sources)); len(keys) != 2 {
			t.Errorf("the sources are %v", keys)
		}
	})
}

// However many addresses a name has, an upstream has room for so many targets.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		for i := range 5000 {
			b.names["big"] = append(b.names["big"], fmt.Sprintf("10.0.%d.%d", i/250, i%250))
		}
		u := w.shop("targets: [http://big, {url: http://10.1.1.1, weight: 3}]")
		if n := len(u.roster.Load().targets); n != maxTargets {
			t.Errorf("%d targets", n)
		}
	})
}

// Names that change, reloads and calls at the same time: no call fails, and the race detector is content.
func TestNamesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := named(t)
		for i := range 4 {
			w.target(fmt.Sprintf("10.0.0.%d:80", i)).delay.Store(int64(time.Millisecond))
		}
		b.ttl = 0
		b.set("shop", "10.0.0.0")
		b.set("other", "10.0.0.1")
		doc := func(i int) map[string]string {
			return map[string]string{"shop": fmt.Sprintf("targets: [http://shop, http://other]\nhealth: {path: /healthz, interval: 100ms, timeout: 100ms}\nmax_pending: %d", 100+i%3)}
		}
		var now atomic.Pointer[Upstream]
		now.Store(w.look(doc(0)).Upstream("shop"))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 500 {
					if a := get(now.Load()); a.err != nil {
						t.Error(a.err)
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		wg.Go(func() {
			for i := range 20 {
				b.set("shop", fmt.Sprintf("10.0.0.%d", i%4))
				b.set("other", fmt.Sprintf("10.0.0.%d", (i+i/4)%4))
				time.Sleep(500 * time.Millisecond)
				now.Store(w.look(doc(i)).Upstream("shop"))
				now.Load().Snapshot()
				w.text()
			}
		})
		wg.Wait()
	})
}
