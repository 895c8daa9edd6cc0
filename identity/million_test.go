package identity

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"sallyport/store"
)

// many is a store with so many keys of a thousand consumers, with IDs as they are made here, and the text of some of them. It does what a store does: no record
// shares memory with another.
func many(n int) (*memory, []string) {
	m := &memory{}
	d := newDigests(pepper)
	for i := range 1000 {
		m.records.Consumers = append(m.records.Consumers, store.ConsumerRecord{Name: fmt.Sprintf("consumer-%d", i)})
	}
	var some []string
	m.records.Keys = make([]store.KeyRecord, 0, n)
	for i := range n {
		text := newKey()
		m.records.Keys = append(m.records.Keys, store.KeyRecord{
			ID: newID("k"), Consumer: fmt.Sprintf("consumer-%d", i%1000), Prefix: text[:keyShown], Hash: d.of(text), Created: time.UnixMilli(int64(i) + 1),
		})
		if i%(n/1000) == 0 {
			some = append(some, text)
		}
	}
	return m, some
}

func heap() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A million keys take less than 125 MiB.
func TestMillionKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	r := NewRegistry(slog.New(slog.DiscardHandler))
	before := heap()
	m, some := many(1_000_000)
	began := time.Now()
	if err := r.Attach(m, pepper); err != nil {
		t.Fatal(err)
	}
	defer r.Detach()
	took := time.Since(began)
	m.records = store.Records{}
	held := (heap() - before) >> 20
	t.Logf("1,000,000 keys take %d MiB, read in %v", held, took)
	if held > 125 {
		t.Errorf("they take %d MiB, want at most 125", held)
	}
	b, x := EmptyBook(r), from("192.0.2.1")
	for _, text := range some {
		if v := b.Key(text, x, time.Now()); v.Why != "" {
			t.Fatalf("one of them is %s", v.Why)
		}
	}
	secret, rec, err := r.CreateKey(t.Context(), KeySpec{Consumer: "consumer-7"})
	if err != nil || b.Key(secret, x, time.Now()).Why != "" {
		t.Error("one more is not good")
	}
	if err := r.RevokeKey(t.Context(), rec.ID); err != nil || b.Key(secret, x, time.Now()).Why != Revoked {
		t.Error("it cannot be revoked")
	}
	if got := r.Keys(KeyFilter{Consumer: "consumer-7"}); len(got) != 1001 {
		t.Errorf("one consumer has %d keys", len(got))
	}
	runtime.KeepAlive(some)
}

func BenchmarkKey(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		m, some := many(n)
		r := NewRegistry(slog.New(slog.DiscardHandler))
		if err := r.Attach(m, pepper); err != nil {
			b.Fatal(err)
		}
		book, x, at := EmptyBook(r), from("192.0.2.1"), time.Now()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if v := book.Key(some[i%len(some)], x, at); v.Why != "" {
					b.Fatal(v.Why)
				}
			}
		})
		r.Detach()
	}
}
