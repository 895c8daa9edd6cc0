//go:build soak

package test

// The soak: a gateway on real sockets under load for as long as SOAK says, reloaded every second, its targets killed in turn.
// Nothing may be lost, mixed up, done twice or left behind.

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"sallyport/gateway"
	"sallyport/test/leak"
)

const (
	soakClients  = 12
	soakRequests = 1 << 22                // of one client at most: what the ledger has room for
	soakPace     = 3 * time.Millisecond   // between two requests of a client
	soakGrace    = 500 * time.Millisecond // after a kill in which a broken connection may come to light
	soakHeap     = 8 << 20
	soakLeft     = 4 // goroutines by which two quiet gateways may differ
)

func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 5*time.Second || d > 24*time.Hour {
		t.Fatalf("SOAK is %q, want 5s to 24h", text)
	}
	return d
}

func TestSoak(t *testing.T) {
	whole := soakTime(t)
	leak.Check(t)
	s := &soak{}
	for i := range s.targets {
		s.targets[i] = newSoakTarget(t, &s.ledger)
	}
	s.gateway = gateway.New(gateway.Options{Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(s.gateway.Close)
	s.reload(t, 0)
	s.at = s.gateway.Addresses()[0]

	// A fifth of the time shows what a gateway that has seen everything once holds; the rest must not add to it.
	s.load(t, whole/5)
	heap, routines := s.quiet(t)
	s.load(t, whole-whole/5)
	heapAfter, routinesAfter := s.quiet(t)

	t.Logf("%d requests (%d POST), %d reloads, %d kills, %d answers 502, %d answers cut off; heap %d then %d KiB, goroutines %d then %d",
		s.asked.Load(), s.posts.Load(), s.reloads, len(s.kills), s.refused.Load(), s.cut.Load(), heap>>10, heapAfter>>10, routines, routinesAfter)
	if s.asked.Load() < int64(soakClients)*10 || s.posts.Load() == 0 || s.reloads < 2 || len(s.kills) < 2 {
		t.Error("there was too little of everything to show anything")
	}
	if n := s.ledger.twice.Load(); n != 0 {
		t.Errorf("%d POSTs were done twice", n)
	}
	if n, most := s.refused.Load()+s.cut.Load(), int64(soakClients*len(s.kills)); n > most {
		t.Errorf("%d requests failed, want at most %d: one of each client for each kill", n, most)
	}
	for _, late := range s.unexplained() {
		t.Errorf("%s: failed from %v on, and no target was killed then", late.what, late.from.Format("15:04:05.000"))
	}
	if heapAfter > heap+soakHeap {
		t.Errorf("the heap grew from %d to %d KiB", heap>>10, heapAfter>>10)
	}
	if routinesAfter > routines+soakLeft {
		t.Errorf("goroutines grew from %d to %d", routines, routinesAfter)
	}
}

// load has all clients ask for d, while documents change and targets are killed.
func (s *soak) load(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var work sync.WaitGroup
	for i := range s.clients {
		c := &s.clients[i]
		c.number, c.keep = i, i%3 != 2
		work.Go(func() {
			if err := c.run(ctx, s); err != nil {
				t.Errorf("client %d: %v", i, err)
				cancel()
			}
		})
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-every.C:
			s.reload(t, n)
			switch target := s.targets[n/4%2]; n % 4 {
			case 1:
				s.kill(target)
			case 2:
				target.open(t)
			}
		}
	}
	work.Wait()
	for _, target := range s.targets {
		target.open(t)
	}
}

// quiet returns what a gateway without clients holds, once that no longer falls. Targets let go of their connections first,
// as those belong to neither side alone.
func (s *soak) quiet(t *testing.T) (heap uint64, routines int) {
	for _, target := range s.targets {
		target.close()
		target.open(t)
	}
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	least, same := 1<<30, 0
	for n := 0; n < 100 && same < 10; n++ {
		<-every.C
		if same++; runtime.NumGoroutine() < least {
			least, same = runtime.NumGoroutine(), 0
		}
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, least
}
