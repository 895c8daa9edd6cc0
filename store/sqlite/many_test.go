package sqlite

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"sallyport/store"
)

// many puts n keys of a hundred consumers into a store.
func many(t testing.TB, s *Store, n int) {
	t.Helper()
	var c store.Change
	for i := range n {
		k := store.KeyRecord{ID: fmt.Sprintf("key_%016x", uint64(i)*0x9e3779b97f4a7c15), Consumer: fmt.Sprint("consumer", i%100), Label: "a label",
			Prefix: "sp_abcd", Created: moment, Expires: moment.AddDate(1, 0, 0)}
		if i%2 == 0 {
			k.LastUsed = moment
		}
		c.Put.Keys = append(c.Put.Keys, k)
	}
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkManyKeys is what a start with a million keys takes, of which half are in use, and what other things take then.
func BenchmarkManyKeys(b *testing.B) {
	n := 100_000
	if os.Getenv("SOAK") != "" {
		n = 1_000_000
	}
	file := in(b)
	s := opened(b, file)
	b.Cleanup(func() { _ = s.Close() }) // the last one
	many(b, s, n)
	timed := func(what string, do func() error) {
		b.Helper()
		began := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), what+"-ms")
	}
	for b.Loop() {
		var records *store.Records
		timed("close", s.Close)
		timed("open", func() (err error) { s, err = Open(b.Context(), file, slog.New(slog.DiscardHandler)); return err })
		timed("load", func() (err error) { records, err = contents(s); return err })
		used := map[string]time.Time{}
		for i := range records.Keys {
			used[records.Keys[i].ID] = time.Now()
		}
		timed("touch-all", func() error { return s.Touch(b.Context(), used) })
		timed("apply-one", func() error { return s.Apply(b.Context(), store.Change{Put: store.Records{Keys: records.Keys[:1]}}) })
		to := in(b) // in a folder that is not there
		if err := os.MkdirAll(to[:len(to)-len("sallyport.db")], 0o700); err != nil {
			b.Fatal(err)
		}
		timed("backup", func() error { return s.Backup(b.Context(), to) })
	}
	b.ReportMetric(float64(s.Status().Bytes)/float64(n), "B/key")
	b.ReportMetric(float64(n), "keys")
}
