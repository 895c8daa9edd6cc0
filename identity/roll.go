package identity

import (
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

	keys        *index // by hash
	ids         *index // the same ones by ID
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

// newRoll indexes records. What cannot be read, as another version may have written it, is left out, which lets nobody in, and logged.
func newRoll(records *store.Records, pepper []byte, log *slog.Logger) *roll {
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
	consumers := make(map[string]store.ConsumerRecord, len(records.Consumers))
	for _, rec := range records.Consumers {
		consumers[rec.Name] = rec
		held(rec.Name).consumer.Store(&policy.Consumer{Name: rec.Name, Plan: rec.Plan, Tags: rec.Tags})
	}
	keys, ids := make([]slot, len(records.Keys)), make([]slot, len(records.Keys))
	for i := range records.Keys {
		one := newRecordKey(&records.Keys[i], held(records.Keys[i].Consumer))
		keys[i], ids[i] = slot{number(&one.hash), one}, slot{idNumber(one.id), one}
	}
	k.keys, k.ids = newIndex(keys), newIndex(ids)
	k.holders, k.consumers = newTable(holders), newTable(consumers)
	k.readCredentials(records.Credentials, log)
	k.readPlans(records.Plans, log)
	revocations := make(map[revocation]store.RevocationRecord, len(records.Revocations))
	for _, rec := range records.Revocations {
		revocations[revocationOf(&rec)] = rec
	}
	k.revocations = newTable(revocations)
	return k
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

// key finds a key by its ID.
func (k *roll) key(id string) *key {
	for _, s := range k.ids.find(idNumber(id)) {
		if s.key.id == id {
			return s.key
		}
	}
	return nil
}

// put makes one what is known of a key, in place of old if that is not nil.
func (k *roll) put(one, old *key) {
	k.keys.put(number(&one.hash), one, old)
	k.ids.put(idNumber(one.id), one, old)
}

func (k *roll) drop(one *key) {
	k.keys.drop(number(&one.hash), one)
	k.ids.drop(idNumber(one.id), one)
}

// keysOf are the keys of a consumer.
func (k *roll) keysOf(consumer string) (all []*key) {
	h, found := k.holders.find(consumer)
	if !found {
		return nil
	}
	for one := range k.keys.all() {
		if one.holder == h {
			all = append(all, one)
		}
	}
	return all
}

// names of a table, sorted.
func names[V any](t *table[string, V]) []string {
	return slices.Sorted(maps.Keys(maps.Collect(t.all())))
}
