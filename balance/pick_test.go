package balance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// everyWay is every setting of balance.
var everyWay = []string{"round_robin", "random", "p2c_ewma", "least_request", "{consistent_hash: {on: ip}}"}

// someWays is everyWay, or those that differ most where everything takes ten times as long.
func someWays() []string {
	if raceEnabled {
		return []string{"p2c_ewma", "{consistent_hash: {on: ip}}"}
	}
	return everyWay
}

// Whatever chooses, targets get calls by weight, within 2 %.
func TestWeights(t *testing.T) {
	for _, balance := range everyWay {
		for _, weights := range [][]int{{1, 1}, {3, 1}, {5, 1, 1}, {70, 20, 10}, {7, 5, 3, 2, 1}, {0, 2, 2}} {
			t.Run(fmt.Sprint(balance, weights), func(t *testing.T) {
				w, doc, sum := newWorld(t), "balance: "+balance+"\ntargets:\n", 0
				for i, weight := range weights {
					doc += fmt.Sprintf("- {url: 'http://t%d', weight: %d}\n", i, weight)
					sum += weight
				}
				u := w.upstream(doc)
				const calls = 100_000
				got := map[string]int{}
				for i := range calls {
					p := u.pick(u.roster.Load(), 1, &tried{key: policy.Mix(uint64(i)), keyed: true})
					got[p.name]++
				}
				for i, weight := range weights {
					share, want := float64(got[fmt.Sprintf("t%d:80", i)])/calls, float64(weight)/float64(sum)
					if math.Abs(share-want) > 0.02*want+0.002 {
						t.Errorf("t%d got %.2f %% of the calls, want %.2f %%", i, 100*share, 100*want)
					}
				}
			})
		}
	}
}

func TestRoundRobinIsSmooth(t *testing.T) {
	for doc, want := range map[string]string{
		"[http://a, http://b, http://c]":                               "abcabcabcabc",
		"[{url: 'http://a', weight: 2}, http://b]":                     "abaabaaba",
		"[{url: 'http://a', weight: 5}, http://b, http://c]":           "aacaabaaacaaba",
		"[http://a, {url: 'http://b', weight: 3}]":                     "bbabbbabbbab",
		"[{url: 'http://a', weight: 2}, {url: 'http://b', weight: 2}]": "abababab",
	} {
		u := newWorld(t).upstream("balance: round_robin\ntargets: " + doc)
		got := ""
		for range len(want) {
			got += u.pick(u.roster.Load(), 1, &tried{}).name[:1]
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", doc, got, want)
		}
	}
}

// Under load p2c_ewma keeps away from a target that is ten times slower; round robin does not.
func TestP2CAvoidsTheSlowTarget(t *testing.T) {
	if raceEnabled {
		t.Skip("calls enough to tell a 99th percentile take minutes with the race detector; the run without it has them")
	}
	p99 := map[string]time.Duration{}
	for _, balance := range everyWay {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for _, name := range []string{"a:80", "b:80", "c:80", "d:80"} {
				w.target(name).delay.Store(int64(10 * time.Millisecond))
			}
			slow := w.target("slow:80")
			slow.delay.Store(int64(100 * time.Millisecond))
			u := w.upstream("balance: " + balance + "\ntargets: [http://a, http://b, http://c, http://d, http://slow]")
			const calls = 10_000 // of which 500 a second come for each target
			var took []time.Duration
			var mu sync.Mutex
			var wg sync.WaitGroup
			for i := range calls {
				wg.Go(func() {
					x := exchange()
					x.Client = clientOf(i)
					a := sendAs(u, x)
					if a.err != nil {
						t.Error(a.err)
					}
					mu.Lock()
					took = append(took, a.took)
					mu.Unlock()
				})
				time.Sleep(400 * time.Microsecond)
			}
			wg.Wait()
			slices.Sort(took)
			p99[balance] = took[calls*99/100]
			t.Logf("%-32s p50 %v, p99 %v, %.1f %% of the calls to the slow target", balance, took[calls/2], p99[balance], float64(slow.seen.Load())*100/calls)
		})
	}
	if p99["p2c_ewma"] > 15*time.Millisecond || p99["round_robin"] < 100*time.Millisecond {
		t.Errorf("p99 is %v with p2c_ewma, %v with round_robin", p99["p2c_ewma"], p99["round_robin"])
	}
}

// A target that was slow once is found again when it has recovered.
func TestP2CComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.target("a:80"), w.target("b:80")
		a.delay.Store(int64(10 * time.Millisecond))
		b.delay.Store(int64(time.Second))
		u := w.upstream("targets: [http://a, http://b]")
		for range 100 {
			get(u)
		}
		if n := b.seen.Load(); n > 10 {
			t.Errorf("the slow target got %d of 100 calls", n)
		}
		b.delay.Store(int64(10 * time.Millisecond))
		for range 1000 {
			get(u)
			time.Sleep(10 * time.Millisecond)
		}
		before := b.seen.Load()
		for range 1000 {
			get(u)
		}
		if n := b.seen.Load() - before; n < 400 || n > 600 {
			t.Errorf("when it had recovered, the target got %d of 1000 calls", n)
		}
	})
}

// still answers every call at once.
type still struct{ resp wire.Response }

func (s *still) Do(*wire.Call) (*wire.Response, error) { return &s.resp, nil }
func (*still) Close()                                  {}
func (*still) Stats() wire.PoolStats                   { return wire.PoolStats{} }

// bench makes an upstream whose targets take no time.
func bench(w *world, settings string) *Upstream {
	doc := "host: preserve\n" + settings
	if !strings.Contains(settings, "targets:") {
		doc += "\ntargets: [http://a/base, {url: 'http://b/base', weight: 2}, http://c/base]"
	}
	u := w.upstream(doc)
	for _, t := range u.roster.Load().targets {
		t.pool = &still{wire.Response{Status: 200}}
	}
	return u
}

func TestSendAllocatesNothing(t *testing.T) {
	for _, doc := range []string{
		"balance: round_robin", "balance: random", "balance: p2c_ewma", "balance: least_request", "slow_start: 1h",
		"balance: {consistent_hash: {on: ip}}", "balance: {consistent_hash: {on: 'header:X-A'}}", "balance: {consistent_hash: {on: 'cookie:b'}}",
		"balance: {consistent_hash: {on: 'request.header(\"x-a\")'}}", "sticky: {cookie: route}",
		"targets: [http://a/base, {url: 'http://b/base', priority: 1}, {url: 'http://c/base', weight: 3, priority: 1}]",
	} {
		u, x := bench(newWorld(t), doc), exchange()
		x.Request.Port, x.Deadline = "8080", time.Now().Add(time.Hour)
		x.Client = clientOf(1)
		x.Request.Header.Add("X-A", "17")
		x.Request.Header.Add("Cookie", "a=1; b=2")
		if u.settings.Sticky != nil {
			x.Request.Header.Set("Cookie", "a=1; route="+u.settings.Sticky.value("shop", "http://b/base")+"; b=2")
		}
		for _, target := range u.roster.Load().targets {
			target.returned.Store(1)
		}
		room := make([]byte, 1024)
		n := testing.AllocsPerRun(100, func() {
			x.Request.SetRoom(room)
			x.Out = wire.Call{Method: "GET", Target: "/users/17", Header: &x.Request.Header}
			if _, err := u.Send(x, &x.Out); err != nil || x.Out.Target != "/base/users/17" || x.Out.Host != "api.example.com:8080" {
				t.Fatalf("%v, %s from %s", err, x.Out.Target, x.Out.Host)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a call", doc, n)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	for _, balance := range everyWay {
		b.Run(balance, func(b *testing.B) {
			u, x := bench(newWorld(b), "balance: "+balance), exchange()
			for b.Loop() {
				x.Out = wire.Call{Method: "GET", Target: "/users/17"}
				_, _ = u.Send(x, &x.Out)
			}
		})
	}
}

// BenchmarkPick is how long it takes to choose a target, with calls under way at all of them.
func BenchmarkPick(b *testing.B) {
	for _, balance := range everyWay {
		for _, n := range []int{2, 10, 1000} {
			b.Run(fmt.Sprintf("%s/%d", strings.TrimSuffix(strings.TrimPrefix(balance, "{"), ": {on: ip}}"), n), func(b *testing.B) {
				u := newWorld(b).upstream("balance: " + balance + "\ntargets: [" + strings.Join(many(n), ", ") + "]")
				r := u.roster.Load()
				for i, t := range r.targets {
					t.inflight.Store(int64(5 + i%3))
					t.observe(1, time.Duration(10+i%5)*time.Millisecond)
				}
				b.ReportAllocs()
				now, key := int64(1), uint64(0)
				for b.Loop() {
					now += 100_000
					key++
					been := tried{key: policy.Mix(key), keyed: true}
					if u.pick(r, now, &been).target == nil {
						b.Fatal("no target")
					}
				}
			})
		}
	}
}
