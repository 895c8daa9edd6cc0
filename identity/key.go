package identity

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/policy"
	"sallyport/store"
)

// A key is what memory holds of an API key of the store. There may be a million, so it is small: moments are milliseconds since 1970, 0 for none, and what few have is
// apart. It does not change but for used.
type key struct {
	hash                      [32]byte
	id                        string
	holder                    *holder
	prefix                    [keyShown]byte
	rest                      *keyRest // nil when there is nothing of it
	created, expires, revoked int64
	used                      atomic.Int64
}

// A keyRest is what few keys have.
type keyRest struct {
	label, replaces string
	allowIPs        []netip.Prefix
	routes          []string
	prefix          string // when it has another length than usual
}

// A holder is whom keys belong to: a consumer by name, who may stand in the document, in the store, in both or, for a while, nowhere.
type holder struct {
	name     string
	consumer atomic.Pointer[policy.Consumer] // of the store, nil when it has none
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

// newRecordKey makes a key of its record.
func newRecordKey(rec *store.KeyRecord, h *holder) *key {
	// The ID is copied, since what it was read among is thrown away, and would leave holes in memory.
	k := &key{hash: rec.Hash, id: strings.Clone(rec.ID), holder: h, created: milliseconds(rec.Created), expires: milliseconds(rec.Expires), revoked: milliseconds(rec.Revoked)}
	k.used.Store(milliseconds(rec.LastUsed))
	rest := keyRest{label: rec.Label, replaces: rec.Replaces, allowIPs: rec.AllowIPs, routes: rec.Routes}
	if len(rec.Prefix) == len(k.prefix) {
		copy(k.prefix[:], rec.Prefix)
	} else {
		rest.prefix = rec.Prefix
	}
	if rest.label != "" || rest.replaces != "" || rest.prefix != "" || len(rest.allowIPs)+len(rest.routes) > 0 {
		k.rest = &rest
	}
	return k
}

// record is the other way round.
func (k *key) record() store.KeyRecord {
	rec := store.KeyRecord{
		ID: k.id, Consumer: k.holder.name, Prefix: string(k.prefix[:]), Hash: k.hash,
		Created: moment(k.created), Expires: moment(k.expires), Revoked: moment(k.revoked), LastUsed: moment(k.used.Load()),
	}
	if k.prefix[0] == 0 {
		rec.Prefix = ""
	}
	if r := k.rest; r != nil {
		rec.Label, rec.Replaces, rec.AllowIPs, rec.Routes = r.label, r.replaces, r.allowIPs, r.routes
		if r.prefix != "" {
			rec.Prefix = r.prefix
		}
	}
	return rec
}

// number is what a digest is indexed by. Nobody who does not know the pepper can choose it.
func number(hash *[32]byte) uint64 { return binary.BigEndian.Uint64(hash[:8]) }

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
