package balance

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/policy"
	"sallyport/wire"
)

// everyWay is every setting of balance.
var everyWay = []string{"round_robin", "random", "p2c_ewma", "least_request", "{consistent_hash: {on: ip}}"}

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
	mean := map[string]time.Duration{}
	for _, balance := range []string{"round_robin", "p2c_ewma"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.target("fast:80").delay.Store(int64(10 * time.Millisecond))
			slow := w.target("slow:80")
			slow.delay.Store(int64(100 * time.Millisecond))
			u := w.upstream("balance: " + balance + "\ntargets: [http://fast, http://slow]")
			const clients, calls = 8, 100
			var sum time.Duration
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					for range calls {
						a := get(u)
						if a.err != nil {
							t.Error(a.err)
						}
						mu.Lock()
						sum += a.took
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			mean[balance] = sum / (clients * calls)
			t.Logf("%s: mean %v, %d of %d calls to the slow target", balance, mean[balance], slow.seen.Load(), clients*calls)
		})
	}
	if mean["p2c_ewma"]*3 > mean["round_robin"] {
		t.Errorf("mean latency %v with p2c_ewma, %v with round_robin", mean["p2c_ewma"], mean["round_robin"])
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
func bench(w *world, balance string) *Upstream {
	u := w.upstream("balance: " + balance + "\nhost: preserve\ntargets: [http://a/base, {url: 'http://b/base', weight: 2}, http://c/base]")
	for _, t := range u.roster.Load().targets {
		t.pool = &still{wire.Response{Status: 200}}
	}
	return u
}

func TestSendAllocatesNothing(t *testing.T) {
	for _, balance := range everyWay {
		u, x := bench(newWorld(t), balance), exchange()
		x.Request.Port, x.Deadline = "8080", time.Now().Add(time.Hour)
		room := make([]byte, 1024)
		n := testing.AllocsPerRun(100, func() {
			x.Request.SetRoom(room)
			x.Out = wire.Call{Method: "GET", Target: "/users/17"}
			if _, err := u.Send(x, &x.Out); err != nil || x.Out.Target != "/base/users/17" || x.Out.Host != "api.example.com:8080" {
				t.Fatalf("%v, %s from %s", err, x.Out.Target, x.Out.Host)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a call", balance, n)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	for _, balance := range everyWay {
		b.Run(balance, func(b *testing.B) {
			u, x := bench(newWorld(b), balance), exchange()
			for b.Loop() {
				x.Out = wire.Call{Method: "GET", Target: "/users/17"}
				_, _ = u.Send(x, &x.Out)
			}
		})
	}
}
