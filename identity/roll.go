package identity

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
)

// A roll is what one store holds, indexed by what requests ask. Requests read it while it changes.
type roll struct {
	digests *digests // nil without a store

	keys        atomic.Pointer[ring]
	holders     *table[string, *holder]
	consumers   *table[string, store.ConsumerRecord]
	credentials *table[string, *credential] // by ID
	users       *table[string, *credential]
	claims      *table[claim, *credential]
	claimNames  *table[string, []string] // of an issuer: what claims there are, sorted
	certificate *table[certificate, *credential]
	plans       *table[string, *storedPlan]
	revocations *table[revocation, store.RevocationRecord]

	hashes  atomic.Pointer[[]*Hash] // of the passwords of users
	touched atomic.Bool             // a key was used since that was written
	written int64                   // until when the use of keys is written; its own goroutine's
}

// A claim is what tells a consumer in tokens.
type claim struct{ issuer, name, value string }

// A certificate is what tells a consumer in client certificates: subject, fingerprint or san, and what it is.
type certificate struct{ what, value string }

// A revocation takes tokens of an issuer back: one by its ID, or those of a subject.
type revocation struct {
	issuer  string
	subject bool
	name    string
}

// A credential of the store, of another kind than an API key.
type credential struct {
	store.CredentialRecord
	settings Credential
}

// A storedPlan is a plan of the store.
type storedPlan struct {
	store.PlanRecord
	plan *Plan
}

// readRoll indexes what s has, which may be nil. What cannot be read, as another version may have written it, is left out, which lets nobody in, and
// logged.
func readRoll(ctx context.Context, s Store, pepper []byte, log *slog.Logger) (*roll, error) {
	k := &roll{written: 1}
	if pepper != nil {
		k.digests = newDigests(pepper)
	}
	holders := map[string]*holder{}
	held := func(name string) *holder {
		h := holders[name]
		if h == nil {
			h = &holder{name: name}
			holders[name] = h
		}
		return h
	}
	keys, records := &ring{}, &store.Records{}
	if s != nil {
		var err error
		if records, err = s.Load(ctx, func(rec *store.KeyRecord) { keys.add(rec, held(rec.Consumer)) }); err != nil {
			return nil, err
		}
	}
	keys.fill()
	k.keys.Store(keys)
	consumers := make(map[string]store.ConsumerRecord, len(records.Consumers))
	for _, rec := range records.Consumers {
		consumers[rec.Name] = rec
		held(rec.Name).consumer.Store(&policy.Consumer{Name: rec.Name, Plan: rec.Plan, Tags: rec.Tags})
	}
	k.holders, k.consumers = newTable(holders), newTable(consumers)
	k.readCredentials(records.Credentials, log)
	k.readPlans(records.Plans, log)
	revocations := make(map[revocation]store.RevocationRecord, len(records.Revocations))
	for _, rec := range records.Revocations {
		revocations[revocationOf(&rec)] = rec
	}
	k.revocations = newTable(revocations)
	return k, nil
}

func (k *roll) readCredentials(records []store.CredentialRecord, log *slog.Logger) {
	all, users, claims := map[string]*credential{}, map[string]*credential{}, map[claim]*credential{}
	names, certificates := map[string][]string{}, map[certificate]*credential{}
	for _, rec := range records {
		c := &credential{CredentialRecord: rec}
		all[rec.ID] = c
		var errs schema.Errors
		if c.settings, errs = readCredential(rec.Kind, rec.Settings); len(errs) > 0 {
			log.Error("a credential of the store cannot be read and lets nobody in", "id", rec.ID, "consumer", rec.Consumer, "error", errs)
			continue
		}
		switch s := &c.settings; {
		case s.Basic != nil:
			users[s.Basic.Username] = c
		case s.JWT != nil:
			claims[s.JWT.key()] = c
			names[s.JWT.Issuer] = withName(names[s.JWT.Issuer], s.JWT.Claim)
		case s.Certificate != nil:
			certificates[s.Certificate.key()] = c
		}
	}
	k.credentials, k.users, k.claims = newTable(all), newTable(users), newTable(claims)
	k.claimNames, k.certificate = newTable(names), newTable(certificates)
	k.rehash()
}

// withName is names, sorted, with one more.
func withName(names []string, name string) []string {
	at, there := slices.BinarySearch(names, name)
	if there {
		return names
	}
	return slices.Insert(slices.Clone(names), at, name)
}

func (k *roll) readPlans(records []store.PlanRecord, log *slog.Logger) {
	plans := map[string]*storedPlan{}
	for _, rec := range records {
		settings, _, errs := readPlan(rec.Settings)
		if len(errs) > 0 {
			log.Error("a plan of the store cannot be read, so requests of its consumers are refused", "plan", rec.Name, "error", errs)
			continue
		}
		plans[rec.Name] = &storedPlan{rec, newPlan(rec.Name, settings)}
	}
	k.plans = newTable(plans)
}

// holder returns that of a name, a new one if there is none yet. Only a change may call it.
func (k *roll) holder(name string) *holder {
	h, found := k.holders.find(name)
	if !found {
		h = &holder{name: name}
		k.holders.put(name, h)
	}
	return h
}

// key finds a key by its ID, and what it is in.
func (k *roll) key(id string) (*ring, *key) {
	r := k.keys.Load()
	return r, r.byID(id)
}

// dropKeys takes keys out.
func (k *roll) dropKeys(ids ...string) {
	r := k.keys.Load()
	for _, id := range ids {
		r.drop(id)
	}
	if !r.gappy() {
		return
	}
	next := r.compact()
	k.keys.Store(next)
	r.follow(next)
}

// used notes that a key was used which a request found in r.
func (k *roll) used(r *ring, one *key, now int64) {
	if !one.use(now) {
		return
	}
	if next := k.keys.Load(); next != r { // which may have been made before
		if one = next.byID(r.idOf(one)); one != nil {
			one.usedAt(now)
		}
	}
	if !k.touched.Load() {
		k.touched.Store(true)
	}
}

// keysOf are the IDs of the keys of a consumer.
func (k *roll) keysOf(consumer string) (ids []string) {
	h, found := k.holders.find(consumer)
	if !found {
		return nil
	}
	r := k.keys.Load()
	for one := range r.all() {
		if r.holderOf(one) == h {
			ids = append(ids, r.idOf(one))
		}
	}
	return ids
}

// names of a table, sorted.
func names[V any](t *table[string, V]) []string {
	return slices.Sorted(maps.Keys(maps.Collect(t.all())))
}
