package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

// opened is a store in a file of its own.
func opened(t testing.TB, file string) *Store {
	t.Helper()
	s, err := Create(t.Context(), file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func in(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "sallyport.db") }

var moment = time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)

// everything has each field of each record set.
func everything() store.Records {
	return store.Records{
		Consumers: []store.ConsumerRecord{
			{Name: "acme", Plan: "gold", Tags: []string{"a", `b"ß`}, Created: moment, Updated: moment.Add(1e3)},
			{Name: "bare"},
		},
		Keys: []store.KeyRecord{
			{
				ID: "k1", Consumer: "acme", Label: "the first", Prefix: "sp_abcd", Hash: [32]byte{1, 2, 31: 32},
				AllowIPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
				Routes:   []string{"GET /x y", "z"}, Created: moment, Expires: moment.AddDate(8000, 0, 0), Revoked: time.UnixMicro(0).UTC(),
				LastUsed: moment.Add(5e3), Replaces: "k0",
			},
			{ID: "k2", Consumer: "acme"},
		},
		Credentials: []store.CredentialRecord{{ID: "c1", Consumer: "acme", Kind: "jwt", Settings: []byte(`{"claim":"azp"}`), Created: moment}},
		Plans:       []store.PlanRecord{{Name: "gold", Settings: []byte(`{}`), Created: moment, Updated: moment}},
		Revocations: []store.RevocationRecord{
			{Issuer: "https://idp", Subject: "bob", Before: moment, Until: moment, Created: moment},
			{Issuer: "https://idp", ID: "j1", Until: moment, Created: moment},
		},
	}
}

func loaded(t *testing.T, s *Store) *store.Records {
	t.Helper()
	r, err := contents(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// contents is everything that is in a store, the keys as well.
func contents(s *Store) (*store.Records, error) {
	keys := []store.KeyRecord{}
	r, err := s.Load(context.Background(), func(k *store.KeyRecord) { keys = append(keys, *k) })
	if err == nil {
		r.Keys = keys
	}
	return r, err
}

func apply(t *testing.T, s *Store, c store.Change) {
	t.Helper()
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

var byPrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, byPrefix); d != "" {
		t.Errorf("%s, - want, + got:\n%s", what, d)
	}
}

func TestRecordsComeBack(t *testing.T) {
	file, want := in(t), everything()
	s := opened(t, file)
	apply(t, s, store.Change{Put: want})
	same(t, "at once", loaded(t, s), &want)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, file)
	same(t, "opened again", loaded(t, s), &want)
	apply(t, s, store.Change{Put: everything()})
	same(t, "put again", loaded(t, s), &want)
	info, err := os.Stat(filepath.Dir(file))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	files, _ := filepath.Glob(file + "*")
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if len(files) < 4 { // with the pepper, the lock and the log of the database
		t.Errorf("got files %q", files)
	}
}

func TestRemove(t *testing.T) {
	s := opened(t, in(t))
	apply(t, s, store.Change{Put: everything()})
	apply(t, s, store.Change{Remove: store.Removed{Consumers: []string{"acme", "nobody"}, Keys: []string{"nokey"},
		Plans: []string{"gold"}, Revocations: []store.RevocationRecord{{Issuer: "https://idp", ID: "j1"}}}})
	all := everything()
	same(t, "what is left", loaded(t, s), &store.Records{Consumers: all.Consumers[1:], Keys: []store.KeyRecord{}, Revocations: all.Revocations[:1]})
	apply(t, s, store.Change{Put: store.Records{Plans: all.Plans}, Remove: store.Removed{Plans: []string{"gold"}}})
	if got := loaded(t, s).Plans; len(got) != 1 {
		t.Errorf("what is removed and put in one change is there: got %v", got)
	}
}

// A change of which a part cannot be written changes nothing.
func TestApplyIsWhole(t *testing.T) {
	s := opened(t, in(t))
	if _, err := s.db.Exec("CREATE TRIGGER no BEFORE INSERT ON plans BEGIN SELECT raise(ABORT, 'no plans'); END"); err != nil {
		t.Fatal(err)
	}
	err := s.Apply(t.Context(), store.Change{Put: everything()})
	if err == nil || !strings.Contains(err.Error(), "no plans") {
		t.Errorf("got %v", err)
	}
	same(t, "nothing", loaded(t, s), &store.Records{Keys: []store.KeyRecord{}})
	if st := s.Status(); st.Changes != 0 || st.Failures != 1 || st.Schema != latest || st.Bytes == 0 {
		t.Errorf("got %+v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s.Apply(ctx, store.Change{Put: everything()}) == nil {
		t.Error("a change that nobody waits for any more is written")
	}
	if err := s.Apply(t.Context(), store.Change{Put: store.Records{Consumers: everything().Consumers}}); err != nil {
		t.Errorf("the one after: %v", err)
	}
}

func TestTouch(t *testing.T) {
	s := opened(t, in(t))
	used := map[string]time.Time{"unknown": moment}
	var c store.Change
	for n := range 2*touchAtOnce + 10 {
		id := fmt.Sprint("k", n)
		c.Put.Keys = append(c.Put.Keys, store.KeyRecord{ID: id, Consumer: "acme"})
		used[id] = moment.Add(time.Duration(n) * time.Second)
	}
	apply(t, s, c)
	for _, at := range []time.Duration{0, -time.Hour} { // what comes late changes nothing
		for id := range used {
			used[id] = used[id].Add(at)
		}
		if err := s.Touch(t.Context(), used); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range loaded(t, s).Keys {
		if want := used[k.ID].Add(time.Hour); !k.LastUsed.Equal(want) {
			t.Fatalf("%s was last used %v, want %v", k.ID, k.LastUsed, want)
		}
	}
	apply(t, s, store.Change{Remove: store.Removed{Consumers: []string{"acme"}}})
	var left int
	if err := s.db.QueryRow("SELECT count(*) FROM uses").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d uses are left of keys that are gone, %v", left, err)
	}
}

func TestClosed(t *testing.T) {
	s := opened(t, in(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := contents(s)
	for what, err := range map[string]error{"load": err, "apply": s.Apply(t.Context(), store.Change{}), "touch": s.Touch(t.Context(), map[string]time.Time{"k": moment}), "backup": s.Backup(t.Context(), in(t))} {
		if err == nil || !strings.Contains(err.Error(), ErrClosed.Error()) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
