package identity

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/store"
)

// A Guard slows down those who guess. It counts wrong credentials by who sends them, an IPv4 address or the /64 of an IPv6 address, and by the account
// that they are for, if they tell one. After some, who sends them has to wait before the next try, twice as long each time. An account that is guessed at from many
// places has to wait as well, but not where it has been good lately: nobody can shut its owner out.
//
// It is kept by name in the state of the process, so that a reload forgives nothing, and its memory is bounded.
type Guard struct {
	keys   *store.Keys
	n      atomic.Int64 // marks in all shards
	shards [guardShards]guardShard
}

const (
	guardShards = 64
	guardMost   = 1024 // marks, and as many that are trusted, a shard: all together take about 12 MiB
	guardFree   = 10   // failures that cost nothing: people mistype
	guardFirst  = time.Second
	guardLast   = 15 * time.Minute
	guardForget = time.Hour      // after the last failure and what it cost
	guardTrust  = 24 * time.Hour // noted anew after half of it
)

type guardShard struct {
	mu    sync.Mutex
	marks map[store.Key]mark  // guarded by mu
	swept time.Time           // guarded by mu
	good  map[store.Key]int64 // until when who was good somewhere is trusted there, in ns since 1970; guarded by mu
}

// A mark is what is known of one key.
type mark struct {
	failures int32
	until    int64 // of the wait, in ns since 1970
}

// GuardOf returns the guard of a process.
func GuardOf(s *store.State) *Guard {
	return store.Shared(s, "guard", func() *Guard {
		g := &Guard{keys: s.Keys}
		for i := range g.shards {
			g.shards[i].marks, g.shards[i].good = map[store.Key]mark{}, map[store.Key]int64{}
		}
		return g
	})
}

// Wait says how long whoever sends from there, for an account or "" if nobody can tell, has to wait before the next try; 0 is not at all.
func (g *Guard) Wait(client netip.Addr, account string, now time.Time) time.Duration {
	if g.n.Load() == 0 {
		return 0
	}
	wait := g.wait(g.keys.KeyAddr(client), now)
	if account == "" {
		return wait
	}
	if long := g.wait(g.accountKey(account), now); long > wait && !g.Trusts(client, account, now) {
		wait = long
	}
	return wait
}

// Failed counts wrong credentials.
func (g *Guard) Failed(client netip.Addr, account string, now time.Time) {
	g.fail(g.keys.KeyAddr(client), now)
	if account != "" {
		g.fail(g.accountKey(account), now)
	}
}

// Passed notes that an account, or a key, was good from there. It is noted before anybody guesses: who guesses needs less than a second to make
// an account wait, and its owner may be asleep.
func (g *Guard) Passed(client netip.Addr, account string, now time.Time) {
	key := g.keys.KeyAt(client, account)
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	until, found := sh.good[key]
	if found && until > now.Add(guardTrust/2).UnixNano() {
		return
	}
	if !found && len(sh.good) >= guardMost {
		sh.forgetSome()
	}
	sh.good[key] = now.Add(guardTrust).UnixNano()
}

// forgetSome makes room for others that are trusted. Only who is good gets in there, so nobody can push the rest out.
func (sh *guardShard) forgetSome() {
	for key := range sh.good {
		if delete(sh.good, key); len(sh.good) <= guardMost*15/16 {
			return
		}
	}
}

// Trusts says whether an account, or a key, was good from there lately.
func (g *Guard) Trusts(client netip.Addr, account string, now time.Time) bool {
	key := g.keys.KeyAt(client, account)
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.good[key] > now.UnixNano()
}

func (g *Guard) accountKey(account string) store.Key { return g.keys.KeyPair("account", account) }

func (g *Guard) shard(key store.Key) *guardShard { return &g.shards[key.Part(guardShards)] }

func (g *Guard) wait(key store.Key, now time.Time) time.Duration {
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m, found := sh.marks[key]
	if !found || m.failures <= guardFree {
		return 0
	}
	return max(time.Duration(m.until-now.UnixNano()), 0)
}

func (g *Guard) fail(key store.Key, now time.Time) {
	sh := g.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m := sh.marks[key]
	if m.past(now) {
		m.failures = 0
	}
	m.failures = min(m.failures+1, 1000)
	m.until = now.Add(m.cost()).UnixNano()
	g.put(sh, key, m, now)
}

// cost is how long the failures of m make wait.
func (m mark) cost() time.Duration {
	over := m.failures - guardFree - 1
	switch {
	case over < 0:
		return 0
	case over >= 10:
		return guardLast
	}
	return guardFirst << over
}

// past says whether m is of no matter any more.
func (m mark) past(now time.Time) bool {
	return m.until+int64(guardForget) < now.UnixNano()
}

// put keeps a mark. Where there is no room, others make way that say less.
func (g *Guard) put(sh *guardShard, key store.Key, m mark, now time.Time) {
	if _, found := sh.marks[key]; !found {
		if len(sh.marks) >= guardMost {
			g.makeRoom(sh, now)
		}
		g.n.Add(1)
	}
	sh.marks[key] = m
}

// makeRoom takes marks out: those that are past, looked for once a second, or else the lesser half of a few.
func (g *Guard) makeRoom(sh *guardShard, now time.Time) {
	if now.Sub(sh.swept) > time.Second {
		sh.swept = now
		for key, m := range sh.marks {
			if m.past(now) {
				g.drop(sh, key)
			}
		}
	}
	if len(sh.marks) < guardMost {
		return
	}
	type candidate struct {
		key      store.Key
		failures int32
	}
	few := make([]candidate, 0, 32)
	for key, m := range sh.marks {
		if few = append(few, candidate{key, m.failures}); len(few) == cap(few) {
			break
		}
	}
	slices.SortFunc(few, func(a, b candidate) int { return cmp.Compare(a.failures, b.failures) })
	for _, c := range few[:len(few)/2] {
		g.drop(sh, c.key)
	}
}

func (g *Guard) drop(sh *guardShard, key store.Key) {
	delete(sh.marks, key)
	g.n.Add(-1)
}
