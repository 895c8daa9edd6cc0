package identity

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sallyport/store"
)

func revocationOf(rec *store.RevocationRecord) revocation {
	if rec.ID != "" {
		return revocation{rec.Issuer, false, rec.ID}
	}
	return revocation{rec.Issuer, true, rec.Subject}
}

// maxRevocations bounds what one gateway remembers.
const maxRevocations = 1_000_000

// Revoke takes tokens back: that with rec.ID, or those of rec.Subject that were issued before rec.Before, which is now when it is zero. Without an
// issuer it holds for every one. Created is set here. One that there is already holds for no fewer tokens afterwards, nor for less long.
func (r *Registry) Revoke(ctx context.Context, rec store.RevocationRecord) (store.RevocationRecord, error) {
	rec.Created = now()
	switch {
	case (rec.ID == "") == (rec.Subject == ""):
		return rec, wrong("id", "give the ID of a token or a subject, one of the two")
	case len(rec.Issuer) > 1000 || len(rec.ID) > 1000 || len(rec.Subject) > 1000:
		return rec, wrong("id", "it has more than 1000 characters")
	case rec.Until.IsZero():
		return rec, wrong("until", "it is missing: when tokens of today are expired, so that the revocation may be forgotten")
	case !rec.Until.After(rec.Created):
		return rec, wrong("until", "it is past")
	}
	rec.Until = rec.Until.UTC().Truncate(time.Millisecond)
	if rec.Subject == "" {
		rec.Before = time.Time{}
	} else if rec.Before.IsZero() {
		rec.Before = rec.Created
	}
	rec.Before = rec.Before.UTC().Truncate(time.Millisecond)
	err := r.change(ctx, func(k *roll) (store.Change, func(), error) {
		old, found := k.revocations.find(revocationOf(&rec))
		if found {
			rec.Before, rec.Until = later(rec.Before, old.Before), later(rec.Until, old.Until)
		} else if k.revocations.n.Load() >= maxRevocations {
			return store.Change{}, nil, wrong("id", "there are %d revocations already", maxRevocations)
		}
		return store.Change{Put: store.Records{Revocations: []store.RevocationRecord{rec}}}, func() {
			k.revocations.put(revocationOf(&rec), rec)
		}, nil
	})
	return rec, err
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Unrevoke forgets a revocation, named by its issuer and its ID or subject.
func (r *Registry) Unrevoke(ctx context.Context, rec store.RevocationRecord) error {
	return r.change(ctx, func(k *roll) (store.Change, func(), error) {
		key := revocationOf(&rec)
		if _, found := k.revocations.find(key); !found {
			return store.Change{}, nil, none("revocation", key.name)
		}
		return store.Change{Remove: store.Removed{Revocations: []store.RevocationRecord{rec}}}, func() { k.revocations.drop(key) }, nil
	})
}

// Revocations returns all of them, the oldest first.
func (r *Registry) Revocations() []store.RevocationRecord {
	var out []store.RevocationRecord
	for _, rec := range r.roll.Load().revocations.all() {
		out = append(out, rec)
	}
	slices.SortFunc(out, func(a, b store.RevocationRecord) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.ID+a.Subject, b.ID+b.Subject))
	})
	return out
}

// revoked says whether a token is taken back.
func (k *roll) revoked(issuer, id, subject string, issued time.Time) bool {
	if k.revocations.empty() {
		return false
	}
	for _, from := range [...]string{issuer, ""} {
		if id != "" {
			if _, found := k.revocations.find(revocation{from, false, id}); found {
				return true
			}
		}
		if subject == "" {
			continue
		}
		// A token says to the second when it was issued: one of the same second may be older.
		if rec, found := k.revocations.find(revocation{from, true, subject}); found && !issued.After(rec.Before) {
			return true
		}
	}
	return false
}

// mostLeeway is how long after its exp a token may still be taken for good, since clocks differ: as long as leeway of the policy jwt may be.
const mostLeeway = time.Hour

// forget drops revocations of tokens that are expired by now, whatever the clock of who checks them says.
func (r *Registry) forget() {
	k := r.roll.Load()
	if k.revocations.empty() {
		return
	}
	var past []store.RevocationRecord
	at := time.Now()
	for _, rec := range k.revocations.all() {
		if rec.Until.Add(mostLeeway).Before(at) {
			past = append(past, rec)
		}
	}
	if len(past) == 0 {
		return
	}
	err := r.change(context.Background(), func(k *roll) (store.Change, func(), error) {
		return store.Change{Remove: store.Removed{Revocations: past}}, func() {
			for i := range past {
				k.revocations.drop(revocationOf(&past[i]))
			}
		}, nil
	})
	if err != nil {
		r.log.Warn("revocations of expired tokens could not be forgotten", "error", err)
	}
}
