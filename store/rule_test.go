package store

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// bucket is a token bucket in exact fractions, as a reference for GCRA: the two admit the same.
type bucket struct {
	tokens, burst *big.Rat
	interval      int64
	last          int64
}

func (b *bucket) take(now, cost int64) (ok bool, left int64) {
	b.tokens.Add(b.tokens, big.NewRat(now-b.last, b.interval))
	b.last = now
	if b.tokens.Cmp(b.burst) > 0 {
		b.tokens.Set(b.burst)
	}
	if c := new(big.Rat).SetInt64(cost); b.tokens.Cmp(c) >= 0 {
		b.tokens.Sub(b.tokens, c)
		ok = true
	}
	return ok, new(big.Int).Div(b.tokens.Num(), b.tokens.Denom()).Int64()
}

// windows keeps every count for ever, as a reference for both window algorithms.
type windows struct {
	counts  map[int64]int64
	sliding bool
	count   int64
	period  int64
}

func (w *windows) used(now int64) *big.Rat {
	i := now / w.period
	used := new(big.Rat).SetInt64(w.counts[i])
	if w.sliding {
		share := big.NewRat(w.period-now%w.period, w.period)
		used.Add(used, share.Mul(share, new(big.Rat).SetInt64(w.counts[i-1])))
	}
	return used
}

func (w *windows) take(now, cost int64) (ok bool, left int64) {
	room := new(big.Rat).SetInt64(w.count)
	room.Sub(room, w.used(now))
	if room.Cmp(new(big.Rat).SetInt64(cost)) >= 0 {
		w.counts[now/w.period] += cost
		room.Sub(room, new(big.Rat).SetInt64(cost))
		ok = true
	}
	return ok, max(new(big.Int).Div(room.Num(), room.Denom()).Int64(), 0)
}

type reference interface {
	take(now, cost int64) (ok bool, left int64)
}

func newReference(a Algorithm, r rule) reference {
	if a == GCRA {
		burst := big.NewRat(r.burst/r.interval, 1)
		return &bucket{new(big.Rat).Set(burst), burst, r.interval, 0}
	}
	return &windows{map[int64]int64{}, a == SlidingWindow, r.count, r.period}
}

func randomRule(rng *rand.Rand, a Algorithm) rule {
	l := Limit{Count: 1 + rng.Int64N(20), Period: time.Second * time.Duration(1+rng.Int64N(90))}
	if a == GCRA && rng.IntN(2) == 0 {
		l.Burst = 1 + rng.Int64N(30)
	}
	r, err := a.rule(l)
	if err != nil {
		panic(err)
	}
	return r
}

// step is a time between two requests, of every order of magnitude up to a few periods, and often a border.
func step(rng *rand.Rand, r rule, now int64) int64 {
	switch rng.IntN(8) {
	case 0:
		return r.period - now%r.period
	case 1:
		return r.period
	case 2:
		return rng.Int64N(3 * r.period)
	case 3:
		return 0
	}
	return rng.Int64N(2 * r.period / r.count)
}

func TestRulesAgainstReferences(t *testing.T) {
	for a, name := range []string{"gcra", "sliding_window", "fixed_window"} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(100) {
				rng := rand.New(rand.NewPCG(seed, 1))
				r := randomRule(rng, Algorithm(a))
				ref := newReference(Algorithm(a), r)
				state := make([]uint64, Algorithm(a).words())
				now := int64(1e18) + rng.Int64N(1e12)
				for i := range 200 {
					now += step(rng, r, now)
					cost := 1 + rng.Int64N(3)*rng.Int64N(3)
					d := r.decide(state, now, cost, 0)
					if d.ok {
						copy(state, d.next[:])
					}
					ok, left := ref.take(now, cost)
					s := r.status(state, now)
					if d.ok != ok || s.Remaining != left {
						t.Fatalf("seed %d request %d of cost %d at %d with %+v: got %v, %d left; want %v, %d left", seed, i, cost, now, r, d.ok, s.Remaining, ok, left)
					}
					if !d.ok {
						checkWait(t, r, state, now, cost, d.wait)
					}
					if whole := r.status(state, now+int64(s.Reset)); whole.Remaining != full(r) || whole.Reset != 0 {
						t.Fatalf("seed %d request %d: after the reset of %v: %+v", seed, i, s.Reset, whole)
					}
					if fresh := r.fresh(state, now); fresh != (s.Reset == 0) {
						t.Fatalf("seed %d request %d: fresh is %v, reset %v", seed, i, fresh, s.Reset)
					}
				}
			}
		})
	}
}

func full(r rule) int64 {
	if r.algorithm == GCRA {
		return r.burst / r.interval
	}
	return r.count
}

// checkWait wants the wait that a refused request is told to be the shortest that helps.
func checkWait(t *testing.T, r rule, state []uint64, now, cost, wait int64) {
	t.Helper()
	if cost > full(r) {
		if wait != int64(Never) {
			t.Fatalf("a cost of %d of %d is told to wait %v", cost, full(r), time.Duration(wait))
		}
		return
	}
	if !r.decide(state, now+wait, cost, 0).ok || r.decide(state, now+wait-1, cost, 0).ok {
		t.Fatalf("%+v: %v is not the wait at %d for a cost of %d", r, time.Duration(wait), now, cost)
	}
}

// Requests that wait go on at times at which the limit holds, in the order in which they came.
func TestRulesWithPatience(t *testing.T) {
	for a, name := range []string{"gcra", "sliding_window", "fixed_window"} {
		t.Run(name, func(t *testing.T) {
			waited := 0
			for seed := range uint64(100) {
				rng := rand.New(rand.NewPCG(seed, 2))
				r := randomRule(rng, Algorithm(a))
				state := make([]uint64, Algorithm(a).words())
				now, patience := int64(1e18), rng.Int64N(3*r.period)
				var at, costs []int64
				for range 200 {
					now += step(rng, r, now) / 2
					cost := 1 + rng.Int64N(2)
					d := r.decide(state, now, cost, patience)
					if !d.ok {
						continue
					}
					copy(state, d.next[:])
					if d.wait > patience {
						t.Fatalf("a wait of %d is over the patience of %d", d.wait, patience)
					}
					if d.wait > 0 {
						waited++
					}
					at, costs = append(at, now+d.wait), append(costs, cost)
				}
				if err := holds(r, at, costs); err != nil {
					t.Fatalf("seed %d, %+v: %v", seed, r, err)
				}
			}
			if waited == 0 {
				t.Error("no request had to wait")
			}
		})
	}
}

func holds(r rule, at, costs []int64) error {
	ws := &windows{map[int64]int64{}, r.algorithm == SlidingWindow, r.count, r.period}
	for i := range at {
		if r.algorithm != GCRA {
			// Those that wait may go on a little later than others that came after them; count in time order.
			ws.counts[at[i]/r.period] += costs[i]
			continue
		}
		sum := int64(0)
		for j := i; j >= 0; j-- {
			sum += costs[j]
			if j < i && at[j] > at[i] {
				return fmt.Errorf("request %d went on before request %d", i, j)
			}
			if sum*r.interval > r.burst+at[i]-at[j]+max(costs[j]*r.interval-r.burst, 0) {
				return fmt.Errorf("%d units within %v", sum, time.Duration(at[i]-at[j]))
			}
		}
	}
	for i, n := range ws.counts {
		if n > r.count {
			return fmt.Errorf("%d units in window %d", n, i)
		}
	}
	return nil
}

func TestRuleBounds(t *testing.T) {
	for _, c := range []struct {
		name string
		a    Algorithm
		l    Limit
		want string
	}{
		{"nothing", GCRA, Limit{0, time.Second, 0}, "a limit is 1 to 2147483647, not 0"},
		{"a burst for windows", FixedWindow, Limit{1, time.Second, 2}, "only the algorithm gcra knows a burst"},
		{"too fast", GCRA, Limit{20_000_000, time.Second, 0}, "a limit is at most 10000000 a second"},
		{"too short", GCRA, Limit{1, time.Millisecond, 0}, "the time of a limit is one second to 366 days, not 1ms"},
		{"too long a burst", GCRA, Limit{1, 24 * time.Hour, 400}, "the burst would take more than 366 days to come back"},
		{"largest", SlidingWindow, Limit{maxCount, 366 * 24 * time.Hour, 0}, ""},
		{"largest gcra", GCRA, Limit{1, 366 * 24 * time.Hour, 0}, ""},
	} {
		_, err := c.a.rule(c.l)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// The largest numbers that the settings allow do not overflow.
func TestRuleExtremes(t *testing.T) {
	now := int64(4e18) // the year 2096
	for _, a := range []Algorithm{GCRA, SlidingWindow, FixedWindow} {
		for _, l := range []Limit{{1, maxPeriod, 0}, {maxCount, maxPeriod, 0}, {10_000_000, time.Second, 0}} {
			r, err := a.rule(l)
			if err != nil {
				t.Fatal(err)
			}
			state := make([]uint64, a.words())
			d := r.decide(state, now, l.Count, 0)
			copy(state, d.next[:])
			if s := r.status(state, now); !d.ok || s.Remaining != 0 {
				t.Errorf("%d %+v: taking all: %v, %+v", a, l, d.ok, s)
			}
			if d := r.decide(state, now, 1, 0); d.ok || d.wait <= 0 || d.wait > 2*int64(l.Period) {
				t.Errorf("%d %+v: one more: %v after %v", a, l, d.ok, time.Duration(d.wait))
			}
			if d := r.decide(state, now, 1<<62, int64(time.Hour)); d.ok || d.wait != int64(Never) {
				t.Errorf("%d %+v: a cost of 2^62: %v after %v", a, l, d.ok, time.Duration(d.wait))
			}
		}
	}
}
