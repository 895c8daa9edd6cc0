package store

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func limiter(t testing.TB, s *State, a Algorithm, list ...Limit) *Limiter {
	t.Helper()
	l, err := s.Limiter("test", Limits{a, list})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var (
	perMinute = Limit{Count: 5, Period: time.Minute}
	perHour   = Limit{Count: 8, Period: time.Hour}
)

// takeAll takes units until one is refused.
func takeAll(l *Limiter, k Key) (n int) {
	for ; n < 1000; n++ {
		if _, ok := l.Take(k, 1, 0, nil); !ok {
			return n
		}
	}
	return n
}

func TestTakeOverTime(t *testing.T) {
	for _, c := range []struct {
		a     Algorithm
		after map[time.Duration]int // units that pass, so long after all were taken
	}{
		{GCRA, map[time.Duration]int{0: 0, 11 * time.Second: 0, 12 * time.Second: 1, 25 * time.Second: 2, time.Minute: 5, time.Hour: 5}},
		{FixedWindow, map[time.Duration]int{0: 0, 59 * time.Second: 0, time.Minute: 5, time.Hour: 5}},
		// A minute later the five weigh in full, half a minute later by half, rounded up.
		{SlidingWindow, map[time.Duration]int{0: 0, time.Minute: 0, 72 * time.Second: 1, 90 * time.Second: 2, 2 * time.Minute: 5}},
	} {
		for d, want := range c.after {
			t.Run(fmt.Sprintf("%d/%v", c.a, d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := limiter(t, New(), c.a, perMinute)
					k := l.KeyText("a")
					if n := takeAll(l, k); n != 5 {
						t.Fatalf("%d passed at first, want 5", n)
					}
					time.Sleep(d)
					if n := takeAll(l, k); n != want {
						t.Errorf("%d passed after %v, want %d", n, d, want)
					}
				})
			})
		}
	}
}

func TestAllLimitsOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, New(), FixedWindow, perMinute, perHour)
		k := l.KeyText("a")
		left := make([]Status, 2)
		check := func(when string, wantOK bool, minute, hour int64) {
			t.Helper()
			_, ok := l.Take(k, 1, 0, left)
			if ok != wantOK || left[0].Remaining != minute || left[1].Remaining != hour {
				t.Errorf("%s: got %v, %d and %d left; want %v, %d and %d", when, ok, left[0].Remaining, left[1].Remaining, wantOK, minute, hour)
			}
		}
		for i := range int64(5) {
			check("the first five", true, 4-i, 7-i)
		}
		check("a sixth", false, 0, 3)
		check("a seventh", false, 0, 3)
		time.Sleep(time.Minute)
		for i := range int64(3) {
			check("the next minute", true, 4-i, 2-i)
		}
		check("the hour used up", false, 2, 0)
		wait, _ := l.Take(k, 1, 0, nil)
		if wait != 59*time.Minute {
			t.Errorf("told to wait %v, want 59m", wait)
		}
	})
}

func TestKeys(t *testing.T) {
	l := limiter(t, New(), GCRA, perMinute)
	addr := func(s string) Key { return l.KeyAddr(netip.MustParseAddr(s)) }
	for _, c := range []struct {
		name string
		a, b Key
		same bool
	}{
		{"a text twice", l.KeyText("x"), l.KeyText("x"), true},
		{"two texts", l.KeyText("x"), l.KeyText("y"), false},
		{"a pair twice", l.KeyPair("x", "y"), l.KeyPair("x", "y"), true},
		{"pairs that read alike", l.KeyPair("xy", ""), l.KeyPair("x", "y"), false},
		{"an address and its text", addr("192.0.2.1"), l.KeyText("192.0.2.1"), false},
		{"two IPv4 addresses", addr("192.0.2.1"), addr("192.0.2.2"), false},
		{"IPv4, mapped", addr("192.0.2.1"), addr("::ffff:192.0.2.1"), true},
		{"one /64", addr("2001:db8::1"), addr("2001:db8::ffff:1"), true},
		{"one /64, with a zone", addr("fe80::1%eth0"), addr("fe80::2%eth1"), true},
		{"two /64", addr("2001:db8::1"), addr("2001:db8:0:1::1"), false},
		{"IPv4 and the /64 of mapped addresses", addr("192.0.2.1"), addr("::1"), false},
	} {
		if got := c.a == c.b; got != c.same {
			t.Errorf("%s: the same is %v, want %v", c.name, got, c.same)
		}
	}
}

func TestLimiterOutlivesReload(t *testing.T) {
	s := New()
	c := Limits{GCRA, []Limit{perMinute}}
	first, _ := s.Limiter("a", c)
	takeAll(first, first.KeyText("k"))
	again, _ := s.Limiter("a", Limits{GCRA, []Limit{perMinute}})
	if again != first {
		t.Error("the same settings gave another limiter")
	}
	for name, c := range map[string]Limits{
		"another name":      {GCRA, []Limit{perMinute}},
		"another algorithm": {FixedWindow, []Limit{perMinute}},
		"another limit":     {GCRA, []Limit{perHour}},
		"another burst":     {GCRA, []Limit{{5, time.Minute, 6}}},
	} {
		of := "a"
		if name == "another name" {
			of = "b"
		}
		if l, _ := s.Limiter(of, c); l == first || takeAll(l, l.KeyText("k")) == 0 {
			t.Errorf("%s gave the counts of before", name)
		}
	}
	runtime.KeepAlive(first)
}

func TestLimiterIsForgotten(t *testing.T) {
	s := New()
	func() {
		l := limiter(t, s, GCRA, perMinute)
		takeAll(l, l.KeyText("k"))
	}()
	gone := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.named) == 0 && s.bytes.Load() == 0 && s.limiters.Load() == 0
	}
	for range 1000 {
		runtime.GC()
		if gone() {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d names, %d bytes and %d limiters are left", len(s.named), s.bytes.Load(), s.limiters.Load())
}

// What a key owes is never forgiven, however many others push it out.
func TestEvictionNeverForgives(t *testing.T) {
	for a, name := range []string{"gcra", "sliding_window", "fixed_window"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New()
				s.budget = 0 // one bucket a shard
				l := limiter(t, s, Algorithm(a), Limit{Count: 3, Period: time.Minute})
				rng := rand.New(rand.NewPCG(1, uint64(a)))
				passed := map[int]map[int64]int{} // by key and minute
				for i := range 50_000 {
					key := rng.IntN(2000)
					if _, ok := l.Take(l.KeyText(fmt.Sprint(key)), 1, 0, nil); ok {
						if passed[key] == nil {
							passed[key] = map[int64]int{}
						}
						passed[key][time.Now().Unix()/60]++
					}
					if i%1000 == 0 {
						time.Sleep(7 * time.Second)
					}
				}
				most := 0
				for _, minutes := range passed {
					for m, n := range minutes {
						most = max(most, n)
						// GCRA lets 3 at once and 3 more come back in a minute pass.
						if bound := map[string]int{"gcra": 6}[name]; n > max(bound, 3) {
							t.Fatalf("%d passed in minute %d", n, m)
						}
					}
				}
				st := l.Stats()
				if st.Evicted == 0 || st.Keys > shardCount*ways || most < 2 {
					t.Errorf("the test proves nothing: %+v, at most %d passed", st, most)
				}
			})
		})
	}
}

// A limited key stays limited while a flood of others comes by, even if there is no room for them.
func TestFloodDoesNotReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		s.budget = 100_000
		l := limiter(t, s, GCRA, Limit{Count: 5, Period: time.Hour})
		bad := l.KeyText("bad")
		takeAll(l, bad)
		for i := range 200_000 {
			l.Take(l.KeyText(fmt.Sprint(i)), 1, 0, nil)
			if i%1000 == 0 {
				if _, ok := l.Take(bad, 1, 0, nil); ok {
					t.Fatalf("the limited key passed after %d others", i)
				}
			}
		}
		if st := l.Stats(); st.Evicted == 0 || st.Bytes > 110_000 {
			t.Errorf("%+v", st)
		}
	})
}

// Those who owe little make way for others, so that a flood beside keys that are limited does not limit newcomers as well.
func TestEvictionIsLeastHarmful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		s.budget = 100_000
		l := limiter(t, s, GCRA, Limit{Count: 100, Period: time.Hour})
		for i := range 500 {
			takeAll(l, l.KeyText(fmt.Sprint("limited", i)))
		}
		for i := range 10_000 {
			l.Take(l.KeyText(fmt.Sprint(i)), 1, 0, nil)
		}
		left := make([]Status, 1)
		for i := range 1000 {
			if _, ok := l.Take(l.KeyText(fmt.Sprint("new", i)), 1, 0, left); !ok || left[0].Remaining < 80 {
				t.Fatalf("newcomer %d has %d of 100 left", i, left[0].Remaining)
			}
		}
		if st := l.Stats(); st.Evicted < 5000 {
			t.Errorf("the test proves nothing: %+v", st)
		}
	})
}

// A limiter that is flooded leaves others their equal share.
func TestBudgetIsShared(t *testing.T) {
	s := New()
	s.budget = 1 << 20
	hour := Limit{Count: 1, Period: time.Hour}
	a, _ := s.Limiter("a", Limits{GCRA, []Limit{hour}})
	b, _ := s.Limiter("b", Limits{GCRA, []Limit{hour}})
	for i := range 60_000 {
		a.Take(a.KeyText(fmt.Sprint(i)), 1, 0, nil)
	}
	for i := range 8_000 {
		if _, ok := b.Take(b.KeyText(fmt.Sprint(i)), 1, 0, nil); !ok {
			t.Fatalf("key %d of the other limiter was refused", i)
		}
	}
	sa, sb := a.Stats(), b.Stats()
	if sa.Evicted == 0 || sb.Evicted != 0 || sa.Bytes+sb.Bytes > 2<<20 || sa.Bytes < 3<<18 {
		t.Errorf("flooded %+v, other %+v", sa, sb)
	}
	if got, want := s.Totals(), (Totals{2, sa.Bytes + sb.Bytes, sa.Evicted}); got != want {
		t.Errorf("in all %+v, want %+v", got, want)
	}
}

// Every unit is counted once, whatever goroutines take at the same time.
func TestConcurrentTakes(t *testing.T) {
	s := New()
	const keys, count = 500, 20
	l := limiter(t, s, FixedWindow, Limit{Count: count, Period: 24 * time.Hour}, Limit{Count: 2 * count, Period: 200 * 24 * time.Hour})
	var passed [keys]atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			left := make([]Status, 2)
			for i := range 5 * keys {
				k := (i * 7) % keys
				if _, ok := l.Take(l.KeyText(fmt.Sprint(k)), 1, 0, left); ok {
					passed[k].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for k := range passed {
		if n := passed[k].Load(); n != count {
			t.Errorf("%d passed for key %d, want %d", n, k, count)
		}
	}
}

func TestTakeAllocatesNothing(t *testing.T) {
	l := limiter(t, New(), GCRA, perMinute, perHour)
	addr := netip.MustParseAddr("2001:db8::1")
	var left [MaxLimits]Status
	if n := testing.AllocsPerRun(100, func() {
		l.Take(l.KeyAddr(addr), 1, 0, left[:])
		l.Take(l.KeyText("a consumer"), 1, 0, left[:])
		l.Take(l.KeyPair("an issuer", "a subject"), 1, 0, left[:])
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkTake(b *testing.B) {
	for _, c := range []struct {
		name string
		a    Algorithm
		keys int
		per  time.Duration
	}{
		{"gcra/one key", GCRA, 1, time.Hour}, {"gcra/1000 keys", GCRA, 1000, time.Hour}, {"gcra/1000 forgotten keys", GCRA, 1000, time.Second},
		{"gcra/1000000 keys", GCRA, 1_000_000, time.Hour}, {"sliding_window/1000 keys", SlidingWindow, 1000, time.Hour},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := limiter(b, New(), c.a, Limit{Count: 1_000_000, Period: c.per})
			var left [1]Status
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 7919) % c.keys
				a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
				l.Take(l.KeyAddr(a), 1, 0, left[:])
			}
		})
	}
}
