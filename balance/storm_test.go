package balance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Targets come, go, die, are drained and restored, while documents with every way to balance follow each other: no call fails as long
// as one target is always there, and none that begins later goes to a drained one.
func TestStorm(t *testing.T) {
	seeds := uint64(4)
	if raceEnabled {
		seeds = 1
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			rnd := rand.New(rand.NewPCG(seed, 1))
			names := []string{"a", "b", "c", "d", "rock"}
			for _, name := range names {
				w.target(name + ":80").delay.Store(int64(time.Millisecond))
			}
			list := func() string {
				var out []string
				for i, name := range names {
					if name == "rock" || rnd.IntN(3) > 0 {
						out = append(out, fmt.Sprintf("{url: 'http://%s', weight: %d, priority: %d}", name, 1+rnd.IntN(3), (i+rnd.IntN(2))/3))
					}
				}
				rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
				return "targets: [" + strings.Join(out, ", ") + "]"
			}
			doc := func() string {
				more := []string{"", "\nslow_start: 2s", "\nsticky: {cookie: route}", "\nhealth: {path: /healthz, interval: 200ms, timeout: 100ms}", "\ncircuit_breaker: {}"}
				return list() + "\noutliers: {eject: 300ms}\nbalance: " + everyWay[rnd.IntN(len(everyWay))] + more[rnd.IntN(len(more))]
			}
			var now atomic.Pointer[Upstream]
			now.Store(w.upstream(doc()))
			var wg sync.WaitGroup
			over := make(chan struct{})
			for i := range 8 {
				wg.Go(func() {
					for {
						select {
						case <-over:
							return
						default:
						}
						x := exchange()
						x.Client = clientOf(i)
						u := now.Load()
						if a := sendAs(u, x); a.err != nil {
							t.Errorf("seed %d: %v", seed, a.err)
						}
						u.Snapshot()
						time.Sleep(time.Duration(500+100*i) * time.Microsecond)
					}
				})
			}
			down := ""
			for range 300 {
				time.Sleep(20 * time.Millisecond)
				name := names[rnd.IntN(len(names)-1)]
				switch rnd.IntN(6) {
				case 0:
					now.Store(w.upstream(doc()))
				case 1:
					w.registry.Change(now.Load(), settings(t, list()).Targets)
				case 2:
					_, _ = w.registry.Drain("shop", "http://"+name)
				case 3:
					_, _ = w.registry.Restore("shop", "http://"+name)
				case 4:
					if down == "" {
						down = name
						w.targets[strings.Index("abcd", name)].stop()
					}
				case 5:
					if down != "" {
						w.targets[strings.Index("abcd", down)].start()
						down = ""
					}
				}
			}
			close(over)
			wg.Wait()
			users := 0
			for _, s := range w.registry.seats["shop"] {
				users += s.users
			}
			if n := len(now.Load().roster.Load().targets); users != n || len(w.registry.seats) != 1 {
				t.Errorf("seed %d: %d targets have %d seats", seed, n, users)
			}
		})
	}
}
