package store

// The slow half of a shard: a place for a key that has none yet.

// slotFor returns a slot that key may have. Its state is whatever it was.
func (sh *shard) slotFor(l *Limiter, key Key, now int64) int {
	for {
		if len(sh.slots) > 0 {
			if slot, found := sh.place(l, key, now); found {
				return slot
			}
		}
		if !sh.grow(l, now) {
			return sh.makeRoom(l, key, now)
		}
	}
}

// roomIn returns the first free slot of a bucket and how many there are. A slot that was never used is as free as one
// whose key owes nothing.
func (sh *shard) roomIn(l *Limiter, at int, now int64) (first, free int) {
	bucket := sh.slots[at : at+ways*l.stride]
	for i := len(bucket) - l.stride; i >= 0; i -= l.stride {
		if l.simple && int64(bucket[i+keyWords]) <= now || !l.simple && l.fresh(bucket[i+keyWords:i+l.stride], now) {
			first = at + i
			free++
		}
	}
	return first, free
}

// place returns the free slot of the two buckets that key may have, in the one with more of them.
func (sh *shard) place(l *Limiter, key Key, now int64) (slot int, found bool) {
	a, b := sh.places(l, key)
	atA, freeA := sh.roomIn(l, a, now)
	if freeA > ways/2 {
		return atA, true // empty enough
	}
	atB, freeB := sh.roomIn(l, b, now)
	if freeA >= freeB {
		return atA, freeA > 0
	}
	return atB, true
}

// grow makes the shard half as large again, or more if that does not do, and leaves behind what owes nothing.
func (sh *shard) grow(l *Limiter, now int64) bool {
	bucket := ways * l.stride
	for n := len(sh.slots) / bucket; ; {
		more := n/2 + 1
		// The first bucket is there for the asking, so that each shard has one.
		if !l.state.grant(l.bytes, int64(more*bucket*8), n == 0) {
			return false
		}
		n += more
		old := sh.slots
		sh.slots = make([]uint64, n*bucket)
		if sh.fill(l, old, now) {
			return true
		}
		sh.slots = old
	}
}

// fill copies what owes something in the table before, and says whether all of it found a place.
func (sh *shard) fill(l *Limiter, old []uint64, now int64) bool {
	for i := 0; i < len(old); i += l.stride {
		if l.fresh(old[i+keyWords:i+l.stride], now) {
			continue
		}
		slot, found := sh.place(l, Key{old[i], old[i+1]}, now)
		if !found {
			return false
		}
		copy(sh.slots[slot:], old[i:i+l.stride])
	}
	return true
}

// makeRoom evicts, of the keys that stand where key may, the one that owes the least.
func (sh *shard) makeRoom(l *Limiter, key Key, now int64) int {
	a, b := sh.places(l, key)
	at, least := a, l.debt(sh.state(l, a), now)
	for i := range 2 * ways {
		slot := a + i*l.stride
		if i >= ways {
			slot = b + (i-ways)*l.stride
		}
		if owed := l.debt(sh.state(l, slot), now); owed < least {
			at, least = slot, owed
		}
	}
	if sh.floor == nil {
		sh.floor = make([]uint64, l.stride-keyWords)
	}
	l.merge(sh.floor, sh.state(l, at), now)
	l.evict.Add(1)
	l.state.evicted.Add(1)
	return at
}

func (sh *shard) live(l *Limiter, now int64) (n int64) {
	sh.Lock()
	defer sh.Unlock()
	for i := 0; i < len(sh.slots); i += l.stride {
		if !l.fresh(sh.state(l, i), now) {
			n++
		}
	}
	return n
}

// fresh says whether a key in that state owes nothing to any limit.
func (l *Limiter) fresh(state []uint64, now int64) bool {
	at := 0
	for i := range l.rules {
		r := &l.rules[i]
		if !r.fresh(state[at:], now) {
			return false
		}
		at += r.algorithm.words()
	}
	return true
}

// debt is that to the limit it owes most.
func (l *Limiter) debt(state []uint64, now int64) (most float64) {
	at := 0
	for i := range l.rules {
		r := &l.rules[i]
		most = max(most, r.debt(state[at:], now))
		at += r.algorithm.words()
	}
	return most
}

func (l *Limiter) merge(into, other []uint64, now int64) {
	at := 0
	for i := range l.rules {
		r := &l.rules[i]
		n := r.algorithm.words()
		r.merge(into[at:at+n], other[at:at+n], now)
		at += n
	}
}
