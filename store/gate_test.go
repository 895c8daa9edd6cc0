package store

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

// come asks at a gate and tells the answer.
func come(t *testing.T, g *Gates, key string, b Bound) (*Gate, *Waiting) {
	t.Helper()
	gate, w, answer := g.Come(g.KeyText(key), &b)
	if (gate != nil) != (answer == Enter) || (w != nil) != (answer == Wait) {
		t.Fatalf("answer %d with gate %v, waiting %v", answer, gate != nil, w != nil)
	}
	return gate, w
}

func crowd(t *testing.T, g *Gates, busy, waiting int) {
	t.Helper()
	if c := g.Crowd(); c.Busy != busy || c.Waiting != waiting {
		t.Errorf("%d are in and %d wait, want %d and %d", c.Busy, c.Waiting, busy, waiting)
	}
}

func TestGate(t *testing.T) {
	g := New().Gates("here")
	b := Bound{Most: 2}
	first, _ := come(t, g, "k", b)
	second, _ := come(t, g, "k", b)
	if gate, w := come(t, g, "k", b); gate != nil || w != nil {
		t.Error("a third was let in")
	}
	if gate, _ := come(t, g, "other", b); gate == nil {
		t.Error("another key is kept out")
	}
	crowd(t, g, 3, 0)
	first.Release()
	if gate, _ := come(t, g, "k", b); gate != second {
		t.Error("the place that became free is not given out")
	}
	if gate, over := g.Force(g.KeyText("k"), &b); gate == nil || !over {
		t.Error("Force does not tell that the bound is exceeded")
	}
	crowd(t, g, 4, 0)
}

// In a queue that gets empty now and then who came first goes first; in one that does not, who came last.
func TestQueueOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		pause time.Duration // between the comings and the first release
		want  string
	}{
		{"calm", 50 * time.Millisecond, "1 2 3 4"},
		{"overload", 150 * time.Millisecond, "4 3 2 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := New().Gates("here")
				b := Bound{Most: 1, Queue: 4, Patience: 100 * time.Millisecond}
				gate, _ := come(t, g, "k", b)
				var list []*Waiting
				for range 4 {
					_, w := come(t, g, "k", b)
					list = append(list, w)
				}
				time.Sleep(c.pause)
				var order []string
				told := map[*Waiting]bool{}
				for range list {
					gate.Release()
					for i, w := range list {
						select {
						case <-w.Ready():
							if !told[w] && w.Leave() == gate {
								order = append(order, fmt.Sprint(i+1))
							}
							told[w] = true
						default:
						}
					}
				}
				if got := strings.Join(order, " "); got != c.want {
					t.Errorf("let in in the order %s, want %s", got, c.want)
				}
				gate.Release()
				crowd(t, g, 0, 0)
			})
		})
	}
}

// A full queue turns the new one away; in overload, the oldest makes way.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New().Gates("here")
		b := Bound{Most: 1, Queue: 2, Patience: 100 * time.Millisecond}
		gate, _ := come(t, g, "k", b)
		_, first := come(t, g, "k", b)
		_, second := come(t, g, "k", b)
		if in, w := come(t, g, "k", b); in != nil || w != nil {
			t.Fatal("a full queue took another")
		}
		time.Sleep(b.Patience + time.Millisecond)
		_, third := come(t, g, "k", b)
		if third == nil {
			t.Fatal("in overload the new one is turned away")
		}
		<-first.Ready()
		if first.Leave() != nil {
			t.Error("who made way was let in")
		}
		gate.Release()
		<-third.Ready()
		if third.Leave() != gate || second.Leave() != nil {
			t.Error("in overload somebody else than the newest was let in")
		}
		crowd(t, g, 1, 0)
	})
}

// Another bound loses no place and gives none twice; one that grew lets in those who wait.
func TestBoundChanges(t *testing.T) {
	s := New()
	g := s.Gates("here")
	small, large := Bound{Most: 1, Queue: 8, Patience: time.Hour}, Bound{Most: 3, Queue: 8, Patience: time.Hour}
	gate, _ := come(t, g, "k", large)
	come(t, g, "k", large)
	come(t, g, "k", large)
	if s.Gates("here") != g {
		t.Fatal("the gates of one name are not the same ones")
	}
	_, w := come(t, g, "k", small)
	gate.Release()
	crowd(t, g, 2, 1) // not yet, under the smaller bound
	gate.Release()
	crowd(t, g, 1, 1)
	if in, _ := come(t, g, "k", large); in != gate {
		t.Fatal("there is room under the larger bound")
	}
	crowd(t, g, 3, 0)
	<-w.Ready()
	if w.Leave() != gate {
		t.Error("who waited was not let in under the larger bound")
	}
	for range 3 {
		gate.Release()
	}
	crowd(t, g, 0, 0)
}

// Keys that nobody uses take no memory.
func TestGatesOfManyKeys(t *testing.T) {
	g := New().Gates("here")
	b := Bound{Most: 1}
	var in []*Gate
	for i := range 10_000 {
		gate, _ := come(t, g, fmt.Sprint(i), b)
		in = append(in, gate)
	}
	crowd(t, g, 10_000, 0)
	for _, gate := range in {
		gate.Release()
	}
	kept := 0
	for i := range g.shards {
		kept += len(g.shards[i].at)
	}
	if crowd(t, g, 0, 0); kept > gateShards*idleGates {
		t.Errorf("%d gates are kept that nobody uses", kept)
	}
}

// Many come, wait, give up and go at once, under bounds that change: never more than the largest bound are in, and in the end
// nobody.
func TestGateStorm(t *testing.T) {
	g := New().Gates("here")
	bounds := []Bound{
		{Most: 3, Queue: 5, Patience: time.Millisecond},
		{Most: 7, Queue: 50, Patience: 2 * time.Millisecond},
		{Most: 7, Least: 1, Adaptive: true, Queue: 5, Patience: time.Millisecond},
	}
	const keys, most = 20, 7
	var in [keys]atomic.Int64
	var entered, full atomic.Int64
	var crew sync.WaitGroup
	for range 64 {
		crew.Go(func() {
			for range 300 {
				b := &bounds[rand.IntN(len(bounds))]
				k := rand.IntN(keys)
				gate, w, _ := g.Come(g.KeyText(fmt.Sprint("key", k)), b)
				if w != nil {
					if rand.IntN(4) > 0 {
						select {
						case <-w.Ready():
						case <-time.After(b.Patience):
						}
					}
					gate = w.Leave()
				}
				if gate == nil {
					full.Add(1)
					continue
				}
				if n := in[k].Add(1); n > most {
					t.Errorf("%d are in", n)
				}
				entered.Add(1)
				began := time.Now()
				if rand.IntN(2) == 0 {
					time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
				}
				gate.Observe(began, time.Since(began), Outcome(rand.IntN(3)))
				in[k].Add(-1)
				gate.Release()
			}
		})
	}
	crew.Wait()
	crowd(t, g, 0, 0)
	t.Logf("%d entered, %d were turned away", entered.Load(), full.Load())
}

func TestGatesAreForgotten(t *testing.T) {
	s := New()
	come(t, s.Gates("used"), "k", Bound{Most: 1})
	s.Gates("not used")
	if all := s.Crowds(); len(all) > 1 || len(all) == 1 && all[0].Name != "used" {
		t.Errorf("got %v; gates that nobody came to tell nothing", all)
	}
}

func TestGateAllocatesNothing(t *testing.T) {
	for _, b := range []Bound{{Most: 10}, {Most: 10, Least: 1, Adaptive: true}} {
		g := New().Gates("here")
		at := time.Now()
		n := testing.AllocsPerRun(1000, func() {
			gate, _, _ := g.Come(g.KeyPair("v1", "GET /"), &b)
			at = at.Add(time.Millisecond)
			gate.Observe(at, time.Millisecond, Answered)
			gate.Release()
		})
		if n != 0 {
			t.Errorf("%+v: %v allocations", b, n)
		}
	}
}

func BenchmarkGate(b *testing.B) {
	g := New().Gates("here")
	bound := Bound{Most: 1000}
	b.ReportAllocs()
	for b.Loop() {
		gate, _, _ := g.Come(g.KeyPair("v1", "GET /"), &bound)
		gate.Release()
	}
}

func BenchmarkGateParallel(b *testing.B) {
	g := New().Gates("here")
	bound := Bound{Most: 1000}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			gate, _, _ := g.Come(g.KeyPair("v1", "GET /"), &bound)
			gate.Release()
		}
	})
}
