package balance

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// least_request goes where the fewest calls are under way, whatever these take.
func TestLeastRequest(t *testing.T) {
	for _, n := range []int{3, 40} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var list []string
			for i := range n {
				w.target(fmt.Sprintf("t%d:80", i)).delay.Store(int64(time.Second))
				list = append(list, fmt.Sprintf("http://t%d", i))
			}
			w.targets[0].delay.Store(int64(time.Minute / 4))
			u := w.upstream("balance: least_request\ntargets: [" + strings.Join(list, ", ") + "]")
			var wg sync.WaitGroup
			for range 10 * n {
				wg.Go(func() { get(u) })
				synctest.Wait()
			}
			most, least := int64(0), int64(math.MaxInt64)
			for _, s := range w.targets {
				most, least = max(most, s.seen.Load()), min(least, s.seen.Load())
			}
			if n <= scan && most != least || most > least+4 {
				t.Errorf("%d targets have from %d to %d calls under way", n, least, most)
			}
			time.Sleep(2 * time.Second) // all but those of the slow one have ended
			for range 5 * n {
				wg.Go(func() { get(u) })
				synctest.Wait()
			}
			if got := w.targets[0].seen.Load(); n <= scan && got > 10 || got > 12 {
				t.Errorf("the slow one of %d targets had 10 calls under way and got %d more", n, got-10)
			}
			wg.Wait()
		})
	}
}

// With weights the calls under way are as the weights, when there are few and when there are many.
func TestLeastRequestByWeight(t *testing.T) {
	for _, clients := range []int{1, 4, 40} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.target("a:80").delay.Store(int64(10 * time.Millisecond))
			w.target("b:80").delay.Store(int64(10 * time.Millisecond))
			u := w.upstream("balance: least_request\ntargets: [{url: 'http://a', weight: 3}, http://b]")
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * 10 * time.Millisecond / time.Duration(clients))
					for range 4000 / clients {
						get(u)
					}
				})
			}
			wg.Wait()
			share := float64(w.targets[0].seen.Load()) / 4000
			t.Logf("%d clients: %.1f %% to the target with three quarters of the weight", clients, 100*share)
			if share < 0.66 || share > 0.8 {
				t.Errorf("%d clients: %.2f", clients, share)
			}
		})
	}
}

// A target that fails at once attracts no more than its share of the calls, whatever balances.
func TestAFastFailureAttractsNothing(t *testing.T) {
	for _, balance := range someWays() {
		for _, others := range []int{1, 4, 20} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				bad := w.target("bad:80")
				bad.fails.Store(true)
				list := []string{"http://bad"}
				for i := range others {
					w.target(fmt.Sprintf("t%d:80", i)).delay.Store(int64(100 * time.Millisecond))
					list = append(list, fmt.Sprintf("http://t%d", i))
				}
				u := w.upstream("outliers: {consecutive_failures: 1000000}\nbalance: " + balance + "\ntargets: [" + strings.Join(list, ", ") + "]")
				var wg sync.WaitGroup
				const calls = 4000
				for i := range calls {
					wg.Go(func() {
						x := exchange()
						x.Client = clientOf(i)
						sendAs(u, x)
					})
					time.Sleep(time.Millisecond)
				}
				wg.Wait()
				share, fair := float64(bad.seen.Load())/calls, 1/float64(others+1)
				t.Logf("%s, %d others: %.1f %% of the calls, its share is %.1f %%", balance, others, 100*share, 100*fair)
				if share > 1.2*fair+0.01 {
					t.Errorf("%s, %d others: the target that fails got %.1f %% of the calls, its share is %.1f %%", balance, others, 100*share, 100*fair)
				}
			})
		}
	}
}
