package identity

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// memory is a store for tests: what a real one would have on disk.
type memory struct {
	records store.Records
	mu      sync.Mutex           // guards what follows
	used    map[string]time.Time // by Touch
	touches int

	fail      error // of Apply
	forgetful bool  // changes are not kept
}

func (m *memory) Load(_ context.Context, key func(*store.KeyRecord)) (*store.Records, error) {
	r := m.records
	for i := range r.Keys {
		key(&r.Keys[i])
	}
	r.Keys = nil
	return &r, nil
}

func (m *memory) Apply(_ context.Context, c store.Change) error {
	if m.fail != nil {
		return m.fail
	}
	if m.forgetful {
		return nil
	}
	m.records.Keys = replaced(m.records.Keys, c.Put.Keys, c.Remove.Keys, func(k store.KeyRecord) string { return k.ID })
	m.records.Consumers = replaced(m.records.Consumers, c.Put.Consumers, c.Remove.Consumers, func(k store.ConsumerRecord) string { return k.Name })
	m.records.Plans = replaced(m.records.Plans, c.Put.Plans, c.Remove.Plans, func(k store.PlanRecord) string { return k.Name })
	m.records.Credentials = replaced(m.records.Credentials, c.Put.Credentials, c.Remove.Credentials, func(k store.CredentialRecord) string { return k.ID })
	m.records.Revocations = append(m.records.Revocations, c.Put.Revocations...)
	return nil
}

func replaced[T any](all, put []T, remove []string, name func(T) string) []T {
	out := map[string]T{}
	var order []string
	for _, list := range [][]T{all, put} {
		for _, one := range list {
			if _, found := out[name(one)]; !found {
				order = append(order, name(one))
			}
			out[name(one)] = one
		}
	}
	for _, n := range remove {
		delete(out, n)
	}
	var kept []T
	for _, n := range order {
		if one, found := out[n]; found {
			kept = append(kept, one)
		}
	}
	return kept
}

func (m *memory) Touch(_ context.Context, used map[string]time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touches++
	if m.used == nil {
		m.used = map[string]time.Time{}
	}
	maps.Copy(m.used, used)
	return nil
}

var pepper = []byte("0123456789abcdef0123456789abcdef")

// attached returns a registry with a store that has the consumer acme.
func attached(t testing.TB) (*Registry, *memory) {
	t.Helper()
	m := &memory{}
	r := NewRegistry(slog.New(slog.DiscardHandler))
	if err := r.Attach(m, pepper); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Detach)
	if _, err := r.CreateConsumer(t.Context(), ConsumerSpec{Name: "acme", Tags: []string{"partner"}}); err != nil {
		t.Fatal(err)
	}
	return r, m
}

// book reads a document's consumers and plans.
func book(t testing.TB, r *Registry, yaml string) (*Book, schema.Errors) {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var c struct {
		Consumers []Consumer              `json:"consumers" doc:"C."`
		Plans     map[string]PlanSettings `json:"plans" doc:"P."`
	}
	if errs := schema.Of[struct {
		Consumers []Consumer              `json:"consumers" doc:"C."`
		Plans     map[string]PlanSettings `json:"plans" doc:"P."`
	}]().Decode(n, &c, ""); len(errs) > 0 {
		return nil, errs
	}
	return NewBook(c.Consumers, c.Plans, n, r)
}

func from(addr string) *policy.Exchange {
	return &policy.Exchange{Request: &wire.Request{Method: "GET"}, Client: netip.MustParseAddr(addr), Route: "orders"}
}

func expectKey(t *testing.T, b *Book, text string, x *policy.Exchange, want Why) KeyVerdict {
	t.Helper()
	v := b.Key(text, x, time.Now())
	if v.Why != want || (v.Consumer != nil) != (want == "") {
		t.Errorf("the key is %q for %v, want %q", v.Why, v.Consumer, want)
	}
	return v
}
