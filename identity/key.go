package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/policy"
	"sallyport/store"
)

// A key is what memory holds of an API key of the store. There may be a million, so it is small, and without pointers: the garbage collector has
// nothing to look at. Moments are milliseconds since 1970, 0 for none, and what few have is apart. Of one that requests may find nothing changes but
// what is atomic.
type key struct {
	hash    [sha256.Size]byte
	id      [idLength]byte                  // the first is 0 when the rest has it
	shown   [keyShown - len(keyPrefix)]byte // what of it may be shown, but how all begin; the first is 0 when the rest has it, or nobody
	holder  uint32                          // number in the ring
	rest    uint32                          // number in the ring and one more, 0 for nothing
	created int64
	expires atomic.Int64
	revoked atomic.Int64 // negative once it is removed
	used    atomic.Int64
}

// A keyRest is what few keys have. It does not change.
type keyRest struct {
	label, replaces string
	allowIPs        []netip.Prefix
	routes          []string
	id, prefix      string // when they look other than usual
}

// A holder is whom keys belong to: a consumer by name, who may stand in the document, in the store, in both or, for a while, nowhere.
type holder struct {
	name     string
	consumer atomic.Pointer[policy.Consumer] // of the store, nil when it has none
	number   uint32                          // in the ring and one more, 0 before a key is its; the changer's
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// write makes k that of a record, but for its holder, and returns what few have, nil when it has nothing of it.
func (k *key) write(rec *store.KeyRecord) *keyRest {
	k.hash, k.created = rec.Hash, milliseconds(rec.Created)
	k.expires.Store(milliseconds(rec.Expires))
	k.revoked.Store(milliseconds(rec.Revoked))
	k.used.Store(milliseconds(rec.LastUsed))
	rest := keyRest{label: rec.Label, replaces: rec.Replaces, allowIPs: rec.AllowIPs, routes: rec.Routes}
	usual := len(rec.ID) == len(k.id) && rec.ID[0] != 0
	if usual {
		copy(k.id[:], rec.ID)
	} else {
		rest.id = strings.Clone(rec.ID) // whose memory may be shared with much else
	}
	if shown, ok := strings.CutPrefix(rec.Prefix, keyPrefix); ok && len(shown) == len(k.shown) && shown[0] != 0 {
		copy(k.shown[:], shown)
	} else {
		rest.prefix = rec.Prefix
	}
	if usual && rest.label == "" && rest.replaces == "" && rest.prefix == "" && len(rest.allowIPs)+len(rest.routes) == 0 {
		return nil
	}
	return &rest
}

// end makes a key that there is end as its record says.
func (k *key) end(rec *store.KeyRecord) {
	k.expires.Store(milliseconds(rec.Expires))
	k.revoked.Store(milliseconds(rec.Revoked))
}

// number is what a digest is indexed by. Nobody who does not know the pepper can choose it.
func number(hash *[sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(hash[:8]) }

var idSeed = maphash.MakeSeed()

func idNumber(id string) uint64 { return maphash.String(idSeed, id) }

// usedEvery is how often the use of a key is noted.
const usedEvery = 10_000 // ms

// use notes that the key was used, and says whether that is news.
func (k *key) use(now int64) bool {
	if last := k.used.Load(); now-last < usedEvery {
		return false
	}
	k.used.Store(now)
	return true
}

// remove marks a key that is in no index any more. Whom a request has found just before is not let in either.
func (k *key) remove() { k.revoked.Store(-1 - k.revoked.Load()) }

func (k *key) removed() bool { return k.revoked.Load() < 0 }

// revokedAt is when it was revoked, 0 for not, also of a key that was removed since.
func (k *key) revokedAt() int64 {
	at := k.revoked.Load()
	if at < 0 {
		at = -1 - at
	}
	return at
}

// usedAt takes over when another copy of the key was used, if that is later.
func (k *key) usedAt(at int64) {
	for last := k.used.Load(); at > last && !k.used.CompareAndSwap(last, at); {
		last = k.used.Load()
	}
}
