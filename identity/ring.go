package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"iter"
	"slices"
	"sync/atomic"

	"sallyport/store"
	"sallyport/wire"
)

// A ring is the API keys of a store, in memory that has next to no pointers. Requests read it while one at a time changes it. The spot of a key
// is never another's: one that is removed leaves a gap, and when there are many a new ring takes the place of the whole.
type ring struct {
	slabs   list[*slab]
	n       atomic.Uint32 // spots in the slabs that are taken
	holders list[*holder]
	rests   list[*keyRest]
	hashes  index // by digest
	ids     index // the same ones by ID
	gaps    int   // of keys that were removed; the changer's
}

// A slab is spots for keys, of a size that memory is given out in without a remainder.
type slab [slabKeys]key

const slabKeys = 1024

// A list only becomes longer. It is read without a lock while one at a time adds to it.
type list[T any] struct{ all atomic.Pointer[[]T] }

func (l *list[T]) at(i uint32) T { return (*l.all.Load())[i] }

// each yields all that there is.
func (l *list[T]) each(yield func(T) bool) {
	if all := l.all.Load(); all != nil {
		slices.Values(*all)(yield)
	}
}

// add returns how many there are then.
func (l *list[T]) add(one T) uint32 {
	var all []T
	if now := l.all.Load(); now != nil {
		all = *now
	}
	all = append(all, one)
	l.all.Store(&all)
	return uint32(len(all)) //nolint:gosec // fewer than keys, of which a store does not have that many
}

// at is the key in a spot.
func (r *ring) at(spot uint32) *key { return &r.slabs.at(spot / slabKeys)[spot%slabKeys] }

func (r *ring) holderOf(k *key) *holder { return r.holders.at(k.holder) }

// restOf is what few keys have, nil when k has nothing of it.
func (r *ring) restOf(k *key) *keyRest {
	if k.rest == 0 {
		return nil
	}
	return r.rests.at(k.rest - 1)
}

func (r *ring) idOf(k *key) string {
	if k.id[0] == 0 {
		return r.restOf(k).id
	}
	return wire.Text(k.id[:]) // which stays as it is
}

// record is what a store has of a key.
func (r *ring) record(k *key) store.KeyRecord {
	rec := store.KeyRecord{
		ID: r.idOf(k), Consumer: r.holderOf(k).name, Hash: k.hash,
		Created: moment(k.created), Expires: moment(k.expires.Load()), Revoked: moment(k.revokedAt()), LastUsed: moment(k.used.Load()),
	}
	if k.shown[0] != 0 {
		rec.Prefix = keyPrefix + string(k.shown[:])
	}
	if rest := r.restOf(k); rest != nil {
		rec.Label, rec.Replaces, rec.AllowIPs, rec.Routes = rest.label, rest.replaces, rest.allowIPs, rest.routes
		if rest.prefix != "" {
			rec.Prefix = rest.prefix
		}
	}
	return rec
}

// byHash finds a key by its digest.
func (r *ring) byHash(sum *[sha256.Size]byte) *key {
	for _, s := range r.hashes.find(number(sum)) {
		if k := r.at(s.spot); subtle.ConstantTimeCompare(k.hash[:], sum[:]) == 1 {
			return k
		}
	}
	return nil
}

// byID finds a key by its ID.
func (r *ring) byID(id string) *key {
	_, k := r.spotOf(id)
	return k
}

func (r *ring) spotOf(id string) (spot uint32, k *key) {
	for _, s := range r.ids.find(idNumber(id)) {
		if k := r.at(s.spot); r.idOf(k) == id {
			return s.spot, k
		}
	}
	return 0, nil
}

// all yields every key, in no order.
func (r *ring) all() iter.Seq[*key] {
	return func(yield func(*key) bool) {
		for spot := range r.n.Load() {
			if k := r.at(spot); !k.removed() && !yield(k) {
				return
			}
		}
	}
}

// add takes a key up, which nobody finds before it is in the indexes.
func (r *ring) add(rec *store.KeyRecord, h *holder) (spot uint32, k *key) {
	if spot = r.n.Load(); spot%slabKeys == 0 {
		r.slabs.add(new(slab))
	}
	k = r.at(spot)
	if rest := k.write(rec); rest != nil {
		k.rest = r.rests.add(rest)
	}
	if h.number == 0 {
		h.number = r.holders.add(h)
	}
	k.holder = h.number - 1
	r.n.Store(spot + 1)
	return spot, k
}

// fill makes the indexes of keys that were added before anybody looks.
func (r *ring) fill() {
	r.hashes.fill(r.n.Load(), func(spot uint32) uint64 { return number(&r.at(spot).hash) })
	r.ids.fill(r.n.Load(), func(spot uint32) uint64 { return idNumber(r.idOf(r.at(spot))) })
}

// put adds a key.
func (r *ring) put(rec *store.KeyRecord, h *holder) {
	spot, k := r.add(rec, h)
	r.hashes.put(number(&k.hash), spot)
	r.ids.put(idNumber(rec.ID), spot)
}

// drop takes a key out.
func (r *ring) drop(id string) {
	spot, k := r.spotOf(id)
	if k == nil {
		return
	}
	r.hashes.drop(number(&k.hash), spot)
	r.ids.drop(idNumber(id), spot)
	k.remove()
	r.gaps++
}

// gappy says whether so many keys were removed that a new ring is worth making.
func (r *ring) gappy() bool {
	const few = 4 * slabKeys
	return r.gaps > few && r.gaps > int(r.n.Load())/3
}

// compact returns a ring of the same keys without gaps.
func (r *ring) compact() *ring {
	for h := range r.holders.each {
		h.number = 0
	}
	next := &ring{}
	for k := range r.all() {
		rec := r.record(k)
		next.add(&rec, r.holderOf(k))
	}
	next.fill()
	return next
}

// follow takes over what of the use of keys was noted in r after next was made of it.
func (r *ring) follow(next *ring) {
	spot := uint32(0)
	for k := range r.all() {
		next.at(spot).usedAt(k.used.Load())
		spot++
	}
}
