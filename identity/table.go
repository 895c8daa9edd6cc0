package identity

import (
	"hash/maphash"
	"iter"
	"maps"
	"sync"
	"sync/atomic"
)

// tableShards is how many parts a table has: a change copies one of them.
const tableShards = 64

// A table is a map that is read without a lock and changed by copying a part of it.
type table[K comparable, V any] struct {
	seed   maphash.Seed
	n      atomic.Int64
	mu     sync.Mutex // held by who changes it
	shards [tableShards]atomic.Pointer[map[K]V]
}

// newTable makes a table of what there is at the start.
func newTable[K comparable, V any](all map[K]V) *table[K, V] {
	t := &table[K, V]{seed: maphash.MakeSeed()}
	t.n.Store(int64(len(all)))
	parts := [tableShards]map[K]V{}
	for k, v := range all {
		part := &parts[t.at(k)]
		if *part == nil {
			*part = make(map[K]V, len(all)/tableShards)
		}
		(*part)[k] = v
	}
	for i := range parts {
		t.shards[i].Store(&parts[i])
	}
	return t
}

func (t *table[K, V]) at(k K) uint64 { return maphash.Comparable(t.seed, k) % tableShards }

// empty says that there is nothing in it, at next to no cost.
func (t *table[K, V]) empty() bool { return t.n.Load() == 0 }

func (t *table[K, V]) find(k K) (v V, found bool) {
	if t.empty() {
		return v, false
	}
	v, found = (*t.shards[t.at(k)].Load())[k]
	return v, found
}

// put makes v what k stands for.
func (t *table[K, V]) put(k K, v V) { t.change(k, func(part map[K]V) { part[k] = v }) }

// drop takes k out.
func (t *table[K, V]) drop(k K) { t.change(k, func(part map[K]V) { delete(part, k) }) }

func (t *table[K, V]) change(k K, f func(part map[K]V)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := &t.shards[t.at(k)]
	old := *at.Load()
	part := maps.Clone(old)
	if part == nil {
		part = map[K]V{}
	}
	f(part)
	t.n.Add(int64(len(part) - len(old)))
	at.Store(&part)
}

// all yields everything, in no order.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range t.shards {
			for k, v := range *t.shards[i].Load() {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}
