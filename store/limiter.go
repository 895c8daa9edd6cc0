package store

// A limiter: the table of keys, and what a request does to it.

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	shardCount = 32
	ways       = 8 // keys in a bucket
	keyWords   = 2
	maxWords   = 2 * MaxLimits
)

// A Limiter counts what each of many keys uses of the same limits. It belongs to a State, which makes it, and may be used by many
// goroutines.
//
// A key takes 16 bytes and a state of 8 (GCRA) or 16 bytes (windows) for each limit; the slots that are free on top of that are 15 to
// 45 %, so one GCRA limit costs 28 to 44 bytes a key. No text of a key is kept, only 128 bits of a keyed hash.
// A slot whose key owes nothing any more is as good as free, so nothing has to sweep the table. When all slots that a key
// may take owe something and the State has no room to grow, the key that owes the least makes way, and from then on every key that
// is new to the shard starts with that debt. So whatever floods a limiter, no key ever owes less than it should.
type Limiter struct {
	*Keys
	state  *State
	rules  []rule
	stride int           // words of a slot
	simple bool          // one GCRA rule, so that the state is its tat
	bytes  *atomic.Int64 // held by the shards
	evict  atomic.Int64
	shards [shardCount]shard
}

func newLimiter(s *State, rules []rule) *Limiter {
	words := 0
	for _, r := range rules {
		words += r.algorithm.words()
	}
	return &Limiter{Keys: s.Keys, state: s, rules: rules, stride: keyWords + words, simple: words == 1, bytes: new(atomic.Int64)}
}

// Take uses up cost units of every limit for key, or nothing if one of them has no room within patience. It returns how
// long the caller has to wait: before it goes on if ok, else before it tries again (Never if it need not). A cost
// of nothing always passes. left, unless it is nil, has room for a Status a limit and is filled in.
func (l *Limiter) Take(key Key, cost int64, patience time.Duration, left []Status) (wait time.Duration, ok bool) {
	if key.a == 0 {
		key.a = 1 // 0 is a slot that was never used
	}
	now := l.state.now()
	sh := &l.shards[key.a%shardCount]
	sh.Lock()
	defer sh.Unlock()

	var buf [maxWords]uint64
	slot, state := sh.find(l, key), buf[:l.stride-keyWords]
	if slot >= 0 {
		state = sh.state(l, slot)
	} else if sh.floor != nil {
		copy(state, sh.floor)
	}
	if ok = cost == 0; !ok {
		var next [maxWords]uint64
		if wait, ok = l.decide(state, &next, now, cost, int64(patience)); ok {
			if slot < 0 {
				slot = sh.slotFor(l, key, now)
				sh.slots[slot], sh.slots[slot+1] = key.a, key.b
				state = sh.state(l, slot)
			}
			copy(state, next[:])
		}
	}
	if left != nil {
		l.left(state, now, left)
	}
	return wait, ok
}

// Look is Take that takes nothing: what Take would return right now.
func (l *Limiter) Look(key Key, cost int64, patience time.Duration, left []Status) (wait time.Duration, ok bool) {
	if key.a == 0 {
		key.a = 1
	}
	now := l.state.now()
	sh := &l.shards[key.a%shardCount]
	sh.Lock()
	defer sh.Unlock()
	var buf, next [maxWords]uint64
	state := buf[:l.stride-keyWords]
	if slot := sh.find(l, key); slot >= 0 {
		copy(state, sh.state(l, slot))
	} else if sh.floor != nil {
		copy(state, sh.floor)
	}
	if ok = cost == 0; !ok {
		if wait, ok = l.decide(state, &next, now, cost, int64(patience)); ok {
			copy(state, next[:])
		}
	}
	l.left(state, now, left)
	return wait, ok
}

// decide asks every rule. The wait is the longest one.
func (l *Limiter) decide(state []uint64, next *[maxWords]uint64, now, cost, patience int64) (time.Duration, bool) {
	ok, wait, at := true, int64(0), 0
	for i := range l.rules {
		r := &l.rules[i]
		d := r.decide(state[at:], now, cost, patience)
		at += copy(next[at:], d.next[:r.algorithm.words()])
		wait = max(wait, d.wait)
		ok = ok && d.ok
	}
	return time.Duration(wait), ok
}

func (l *Limiter) left(state []uint64, now int64, out []Status) {
	at := 0
	for i := range l.rules {
		r := &l.rules[i]
		out[i] = r.status(state[at:], now)
		at += r.algorithm.words()
	}
}

// Stats tells about the table.
type Stats struct {
	Keys    int64 // that owe something
	Bytes   int64 // held
	Evicted int64 // keys that made way for another while they owed something
}

// Stats counts, which takes a while: it is for tests and for people.
func (l *Limiter) Stats() Stats {
	out := Stats{Bytes: l.bytes.Load(), Evicted: l.evict.Load()}
	now := l.state.now()
	for i := range l.shards {
		out.Keys += l.shards[i].live(l, now)
	}
	return out
}

// A shard is a part of the table. Each key may stand in two buckets and takes the emptier one, which fills the
// table to 85 % before the first key finds no place.
type shard struct {
	sync.Mutex          // guards all of it
	slots      []uint64 // stride words each: the key, then a state for each limit
	floor      []uint64 // the most that an evicted key owed; nil before the first
	_          [8]byte  // so that two shards share no cache line
}

func (sh *shard) state(l *Limiter, slot int) []uint64 {
	return sh.slots[slot+keyWords : slot+l.stride]
}

// places returns where the two buckets of key begin.
func (sh *shard) places(l *Limiter, key Key) (int, int) {
	bucket := ways * l.stride
	n := uint64(len(sh.slots) / bucket)
	a, _ := bits.Mul64(key.a, n)
	b, _ := bits.Mul64(key.b, n)
	return int(a) * bucket, int(b) * bucket
}

// find returns where key stands, -1 when it does not.
func (sh *shard) find(l *Limiter, key Key) int {
	if len(sh.slots) == 0 {
		return -1
	}
	a, b := sh.places(l, key)
	if i := sh.findIn(l, a, key); i >= 0 {
		return i
	}
	return sh.findIn(l, b, key)
}

func (sh *shard) findIn(l *Limiter, at int, key Key) int {
	bucket := sh.slots[at : at+ways*l.stride]
	for i := 0; i+1 < len(bucket); i += l.stride {
		if bucket[i] == key.a && bucket[i+1] == key.b {
			return at + i
		}
	}
	return -1
}
