package gateway

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
)

// What two documents tend under one name goes on; the rest begins and ends with them.
func TestTending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		began, ended := map[string]int{}, map[string]int{}
		run := func(name string) func(context.Context) {
			return func(ctx context.Context) {
				mu.Lock()
				began[name]++
				mu.Unlock()
				if name == "panics" {
					panic("on purpose")
				}
				<-ctx.Done()
				mu.Lock()
				ended[name]++
				mu.Unlock()
			}
		}
		all := func(names ...string) map[string]func(context.Context) {
			m := map[string]func(context.Context){}
			for _, n := range names {
				m[n] = run(n)
			}
			return m
		}
		w := tending{log: slog.New(slog.DiscardHandler)}
		w.follow(all("a", "b", "panics"))
		w.follow(all("b", "c"))
		synctest.Wait()
		if ended["a"] != 1 || ended["b"] != 0 || began["b"] != 1 || began["c"] != 1 {
			t.Errorf("began %v, ended %v", began, ended)
		}
		w.close()
		w.follow(all("d"))
		synctest.Wait()
		if ended["b"] != 1 || ended["c"] != 1 || began["d"] != 0 {
			t.Errorf("after the end: began %v, ended %v", began, ended)
		}
	})
}
