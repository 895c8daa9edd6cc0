package identity

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sallyport/store"
)

// A KeySpec is what a new API key is to be like.
type KeySpec struct {
	Consumer string
	Label    string
	AllowIPs []netip.Prefix // from anywhere when empty
	Routes   []string       // for all when empty
	Expires  time.Time      // zero for never
}

// check judges a spec, with what there is.
func (s *KeySpec) check(r *Registry, k *roll) error {
	switch {
	case !r.hasConsumer(k, s.Consumer):
		return wrong("consumer", "there is no consumer %q", s.Consumer)
	case len(s.Label) > 200 || strings.ContainsFunc(s.Label, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return wrong("label", "a label has at most 200 characters and no control characters")
	case !s.Expires.IsZero() && !s.Expires.After(time.Now()):
		return wrong("expires", "it would be expired already")
	case len(s.AllowIPs) > 1000:
		return wrong("allow_ips", "there are more than 1000")
	case len(s.Routes) > 1000:
		return wrong("routes", "there are more than 1000")
	}
	return nil
}

// make makes a key and its record.
func (s *KeySpec) make(k *roll) (secret string, rec store.KeyRecord) {
	secret = newKey()
	return secret, store.KeyRecord{
		ID: newID("k"), Consumer: s.Consumer, Label: s.Label, Prefix: secret[:keyShown], Hash: k.digests.of(secret),
		AllowIPs: slices.Clone(s.AllowIPs), Routes: slices.Clone(s.Routes), Created: now(), Expires: s.Expires.UTC().Truncate(time.Millisecond),
	}
}

// CreateKey makes an API key. The secret is seen this once.
func (r *Registry) CreateKey(ctx context.Context, spec KeySpec) (secret string, rec store.KeyRecord, err error) {
	err = r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if err := spec.check(r, k); err != nil {
			return store.Change{}, nil, err
		}
		secret, rec = spec.make(k)
		return store.Change{Put: store.Records{Keys: []store.KeyRecord{rec}}}, func() {
			k.keys.Load().put(&rec, k.holder(rec.Consumer))
		}, nil
	})
	if err != nil {
		return "", store.KeyRecord{}, err
	}
	return secret, rec, nil
}

// maxOverlap bounds how long a key that was replaced stays good.
const maxOverlap = 366 * 24 * time.Hour

// RotateKey makes a key like that of id, which stays good for the overlap: until then clients may use either. With no overlap it is revoked at
// once.
func (r *Registry) RotateKey(ctx context.Context, id string, overlap time.Duration) (secret string, rec store.KeyRecord, err error) {
	err = r.change(ctx, func(k *roll) (store.Change, func(), error) {
		keys, old := k.key(id)
		at := now()
		switch {
		case old == nil:
			return store.Change{}, nil, none("key", id)
		case overlap < 0 || overlap > maxOverlap:
			return store.Change{}, nil, wrong("overlap", "it is 0 to 366 days")
		case old.revoked.Load() != 0:
			return store.Change{}, nil, wrong("id", "the key is revoked; make a new one")
		case old.why(milliseconds(at)) == Expired:
			return store.Change{}, nil, wrong("id", "the key is expired; make a new one")
		}
		was := keys.record(old)
		spec := KeySpec{was.Consumer, was.Label, was.AllowIPs, was.Routes, was.Expires}
		if !r.hasConsumer(k, was.Consumer) {
			return store.Change{}, nil, wrong("consumer", "there is no consumer %q any more", was.Consumer)
		}
		secret, rec = spec.make(k)
		rec.Replaces = id
		if end := at.Add(overlap); overlap == 0 {
			was.Revoked = at
		} else if was.Expires.IsZero() || end.Before(was.Expires) {
			was.Expires = end
		}
		return store.Change{Put: store.Records{Keys: []store.KeyRecord{was, rec}}}, func() {
			keys.put(&rec, keys.holderOf(old))
			old.end(&was)
		}, nil
	})
	if err != nil {
		return "", store.KeyRecord{}, err
	}
	return secret, rec, nil
}

// RevokeKey takes a key back for good: the next request with it is refused. One that is revoked already stays as it is.
func (r *Registry) RevokeKey(ctx context.Context, id string) error {
	return r.change(ctx, func(k *roll) (store.Change, func(), error) {
		keys, old := k.key(id)
		if old == nil {
			return store.Change{}, nil, none("key", id)
		}
		rec := keys.record(old)
		if rec.Revoked.IsZero() {
			rec.Revoked = now()
		}
		return store.Change{Put: store.Records{Keys: []store.KeyRecord{rec}}}, func() { old.end(&rec) }, nil
	})
}

// RemoveKey forgets a key, as if there had never been one. To take one back, revoke it: then who uses it on is told of in the log.
func (r *Registry) RemoveKey(ctx context.Context, id string) error {
	return r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if _, old := k.key(id); old == nil {
			return store.Change{}, nil, none("key", id)
		}
		return store.Change{Remove: store.Removed{Keys: []string{id}}}, func() { k.dropKeys(id) }, nil
	})
}

// Key returns the record of a key.
func (r *Registry) Key(id string) (rec store.KeyRecord, found bool) {
	if keys, one := r.roll.Load().key(id); one != nil {
		return keys.record(one), true
	}
	return rec, false
}

// A KeyFilter says which keys are meant; the zero value means all.
type KeyFilter struct {
	Consumer string // "" for those of all
	Good     bool   // neither revoked nor expired
	After    string // ID of the last one of the list before
	Limit    int    // 0 for no limit
}

// Keys returns the records of keys, the oldest first. Those of the document are not among them.
func (r *Registry) Keys(f KeyFilter) []store.KeyRecord {
	at := time.Now().UnixMilli()
	keys, after := r.roll.Load().key(f.After)
	older := func(a, b *key) int {
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(keys.idOf(a), keys.idOf(b)))
	}
	var all []*key
	oldest := func(most int) { // of those so far, so that a page of a million takes no room for all of them
		slices.SortFunc(all, older)
		all = all[:min(len(all), most)]
	}
	for one := range keys.all() {
		if f.Consumer != "" && keys.holderOf(one).name != f.Consumer || f.Good && one.why(at) != "" || after != nil && older(one, after) <= 0 {
			continue
		}
		if all = append(all, one); f.Limit > 0 && len(all) >= 8*f.Limit {
			oldest(f.Limit)
		}
	}
	oldest(cmp.Or(f.Limit, len(all)))
	out := make([]store.KeyRecord, len(all))
	for i, one := range all {
		out[i] = keys.record(one)
	}
	return out
}
