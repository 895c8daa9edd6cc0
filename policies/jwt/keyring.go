package jwt

// The keys of one issuer, as they are now.

import (
	"slices"
	"sync/atomic"
)

// A keyring is the keys of one issuer. Those that an issuer publishes change; those of the document do not.
type keyring struct {
	keys      atomic.Pointer[[]*key] // nil before the first
	until     atomic.Int64           // when they are too old, in nanoseconds of Unix time
	publisher *publisher             // nil for keys of the document
	anyID     bool                   // the one key has no id, and is meant whatever a token says
}

// maxTries bounds the keys that one token is checked by, when it does not say which.
const maxTries = 4

// fixed is a keyring that does not change.
func fixed(keys []*key, anyID bool) *keyring {
	r := &keyring{anyID: anyID}
	r.keys.Store(&keys)
	r.until.Store(endless)
	return r
}

// usable says whether tokens can be checked now.
func (r *keyring) usable(now int64) bool { return r.keys.Load() != nil && now < r.until.Load() }

// fitting returns the keys that a token may be signed by.
func (r *keyring) fitting(p *parsed) (list []*key) {
	keys := r.keys.Load()
	if keys == nil {
		return nil
	}
	for _, k := range *keys {
		if (r.anyID || !p.hasKid || k.id == p.kid) && p.algorithm.fits(k) {
			list = append(list, k)
		}
	}
	if len(list) > maxTries {
		return nil // who has so many has to say which
	}
	return list
}

// replace puts others in the place of the keys. Those that stay are the same as before, those that went are marked.
func (r *keyring) replace(keys []*key) {
	var before []*key
	if b := r.keys.Load(); b != nil {
		before = *b
	}
	now := slices.Clone(keys)
	for i, k := range now {
		if j := slices.IndexFunc(before, func(b *key) bool { return b.id == k.id && b.algorithm == k.algorithm && b.sum == k.sum }); j >= 0 {
			now[i] = before[j]
		}
	}
	r.keys.Store(&now)
	for _, b := range before {
		if !slices.Contains(now, b) {
			b.gone.Store(true)
		}
	}
}
