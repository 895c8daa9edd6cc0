package identity

import (
	"context"
	"slices"
	"strings"

	"sallyport/policy"
	"sallyport/store"
)

// A ConsumerSpec is what a consumer of the store is to be like.
type ConsumerSpec struct {
	Name string
	Plan string // "" for none
	Tags []string
}

func (s *ConsumerSpec) check(r *Registry, k *roll) error {
	if err := checkName(s.Name); err != nil {
		return wrong("name", "%v", err)
	}
	if s.Plan != "" && !r.hasPlan(k, s.Plan) {
		return wrong("plan", "there is no plan %q", s.Plan)
	}
	if len(s.Tags) > 64 || slices.ContainsFunc(s.Tags, func(t string) bool {
		return t == "" || len(t) > 128 || strings.ContainsFunc(t, func(c rune) bool { return c < ' ' || c == 0x7f })
	}) {
		return wrong("tags", "there are at most 64 tags, each of 1 to 128 characters")
	}
	return nil
}

// hasConsumer says whether the store or the document in service has a consumer.
func (r *Registry) hasConsumer(k *roll, name string) bool {
	if _, found := k.consumers.find(name); found {
		return true
	}
	b := r.served.Load()
	return b != nil && b.consumers[name] != nil
}

// hasPlan says whether the store or the document in service has a plan.
func (r *Registry) hasPlan(k *roll, name string) bool {
	if _, found := k.plans.find(name); found {
		return true
	}
	b := r.served.Load()
	return b != nil && b.plans[name] != nil
}

// CreateConsumer makes a consumer. One of that name in the document or the store is in the way.
func (r *Registry) CreateConsumer(ctx context.Context, spec ConsumerSpec) (rec store.ConsumerRecord, err error) {
	err = r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if r.hasConsumer(k, spec.Name) {
			return store.Change{}, nil, there("consumer", spec.Name)
		}
		if err := spec.check(r, k); err != nil {
			return store.Change{}, nil, err
		}
		rec = store.ConsumerRecord{Name: spec.Name, Plan: spec.Plan, Tags: slices.Clone(spec.Tags), Created: now()}
		rec.Updated = rec.Created
		return store.Change{Put: store.Records{Consumers: []store.ConsumerRecord{rec}}}, func() { k.putConsumer(rec) }, nil
	})
	return rec, err
}

// UpdateConsumer gives a consumer of the store another plan and tags.
func (r *Registry) UpdateConsumer(ctx context.Context, spec ConsumerSpec) (rec store.ConsumerRecord, err error) {
	err = r.change(ctx, func(k *roll) (store.Change, func(), error) {
		old, found := k.consumers.find(spec.Name)
		if !found {
			return store.Change{}, nil, none("consumer", spec.Name)
		}
		if err := spec.check(r, k); err != nil {
			return store.Change{}, nil, err
		}
		rec = store.ConsumerRecord{Name: spec.Name, Plan: spec.Plan, Tags: slices.Clone(spec.Tags), Created: old.Created, Updated: now()}
		return store.Change{Put: store.Records{Consumers: []store.ConsumerRecord{rec}}}, func() { k.putConsumer(rec) }, nil
	})
	return rec, err
}

func (k *roll) putConsumer(rec store.ConsumerRecord) {
	k.consumers.put(rec.Name, rec)
	k.holder(rec.Name).consumer.Store(&policy.Consumer{Name: rec.Name, Plan: rec.Plan, Tags: rec.Tags})
}

// RemoveConsumer forgets a consumer of the store, with its keys and credentials there.
func (r *Registry) RemoveConsumer(ctx context.Context, name string) error {
	return r.change(ctx, func(k *roll) (store.Change, func(), error) {
		if _, found := k.consumers.find(name); !found {
			return store.Change{}, nil, none("consumer", name)
		}
		keys, credentials := k.keysOf(name), k.credentialsOf(name)
		return store.Change{Remove: store.Removed{Consumers: []string{name}}}, func() {
			k.dropKeys(keys...)
			for _, c := range credentials {
				k.dropCredential(c)
			}
			k.consumers.drop(name)
			k.holder(name).consumer.Store(nil)
			k.holders.drop(name)
		}, nil
	})
}

// Consumer returns the record of a consumer of the store.
func (r *Registry) Consumer(name string) (store.ConsumerRecord, bool) {
	return r.roll.Load().consumers.find(name)
}

// Consumers returns those of the store, by name.
func (r *Registry) Consumers() []store.ConsumerRecord {
	k := r.roll.Load()
	var out []store.ConsumerRecord
	for _, name := range names(k.consumers) {
		if rec, found := k.consumers.find(name); found {
			out = append(out, rec)
		}
	}
	return out
}
