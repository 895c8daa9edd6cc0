package identity

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/store"
)

func TestKeys(t *testing.T) {
	r, m := attached(t)
	b := EmptyBook(r)
	secret, rec, err := r.CreateKey(t.Context(), KeySpec{Consumer: "acme", Label: "first", AllowIPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Routes: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.records.Keys) != 1 || strings.Contains(rec.Prefix+rec.ID+rec.Label, secret[keyShown:]) || !strings.HasPrefix(secret, rec.Prefix) {
		t.Errorf("the store has %+v", m.records.Keys)
	}
	v := expectKey(t, b, secret, from("192.0.2.1"), "")
	if v.ID != rec.ID || v.Consumer.Name != "acme" || v.Consumer.Tags[0] != "partner" {
		t.Errorf("got %+v", v)
	}
	expectKey(t, b, secret, from("::ffff:192.0.2.1"), "")
	expectKey(t, b, secret, from("198.51.100.1"), Address)
	elsewhere := from("192.0.2.1")
	elsewhere.Route = "users"
	expectKey(t, b, secret, elsewhere, Route)
	expectKey(t, b, newKey(), from("192.0.2.1"), Unknown)
	other := "0"
	if strings.HasSuffix(secret, other) {
		other = "1"
	}
	expectKey(t, b, secret[:len(secret)-1]+other, from("192.0.2.1"), Malformed)
	for _, text := range []string{"", " ", secret + " ", " " + secret, secret + "," + secret, strings.Repeat("a", 10_000), strings.ToUpper(secret), rec.ID, rec.Prefix} {
		if v := b.Key(text, from("192.0.2.1"), time.Now()); v.Why == "" {
			t.Errorf("%.50q is good", text)
		}
	}
	if err := r.RevokeKey(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	expectKey(t, b, secret, from("192.0.2.1"), Revoked)
	if err := r.RemoveKey(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	expectKey(t, b, secret, from("192.0.2.1"), Unknown)
	if err := r.RevokeKey(t.Context(), rec.ID); !errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
}

// Whoever is written is there after a restart, as it was.
func TestAttachAgain(t *testing.T) {
	r, m := attached(t)
	ctx := t.Context()
	secret, rec, _ := r.CreateKey(ctx, KeySpec{Consumer: "acme", Expires: time.Now().Add(time.Hour), Label: "l", Routes: []string{"orders"}})
	if _, err := r.CreateCredential(ctx, CredentialSpec{"acme", "jwt", []byte(`{"issuer": "https://i", "claim": "azp", "value": "app"}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PutPlan(ctx, "gold", []byte(`{"rate_limit": "10/s"}`)); err != nil {
		t.Fatal(err)
	}
	other := NewRegistry(slog.New(slog.DiscardHandler))
	if err := other.Attach(m, pepper); err != nil {
		t.Fatal(err)
	}
	defer other.Detach()
	b := EmptyBook(other)
	expectKey(t, b, secret, from("192.0.2.1"), "")
	if again, _ := other.Key(rec.ID); again.Label != "l" || !again.Expires.Equal(rec.Expires) || again.Prefix != rec.Prefix || !again.Created.Equal(rec.Created) {
		t.Errorf("got %+v, want %+v", again, rec)
	}
	if c := b.ByClaim("https://i", map[string]any{"azp": "app"}); c == nil || c.Name != "acme" {
		t.Errorf("the claim tells %v", c)
	}
	if p := b.Plan("gold"); p == nil || p.Rates()[0].N != 10 {
		t.Errorf("the plan is %+v", p)
	}
	if err := other.Attach(m, []byte("short")); err == nil {
		t.Error("a short pepper is taken")
	}
	wrongPepper := NewRegistry(slog.New(slog.DiscardHandler))
	_ = wrongPepper.Attach(m, []byte("another pepper of enough bytes"))
	defer wrongPepper.Detach()
	expectKey(t, EmptyBook(wrongPepper), secret, from("192.0.2.1"), Unknown)
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := attached(t)
		b := EmptyBook(r)
		old, rec, _ := r.CreateKey(t.Context(), KeySpec{Consumer: "acme", Label: "l", Expires: time.Now().Add(48 * time.Hour)})
		fresh, next, err := r.RotateKey(t.Context(), rec.ID, 24*time.Hour)
		if err != nil || next.Replaces != rec.ID || next.Label != "l" || !next.Expires.Equal(rec.Expires) {
			t.Fatalf("got %+v, %v", next, err)
		}
		expectKey(t, b, old, from("192.0.2.1"), "")
		expectKey(t, b, fresh, from("192.0.2.1"), "")
		time.Sleep(24*time.Hour - time.Millisecond)
		expectKey(t, b, old, from("192.0.2.1"), "")
		time.Sleep(time.Millisecond)
		expectKey(t, b, old, from("192.0.2.1"), Expired)
		expectKey(t, b, fresh, from("192.0.2.1"), "")
		if _, _, err := r.RotateKey(t.Context(), rec.ID, time.Hour); err == nil {
			t.Error("an expired key was rotated")
		}
		last, _, err := r.RotateKey(t.Context(), next.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		expectKey(t, b, fresh, from("192.0.2.1"), Revoked)
		time.Sleep(24 * time.Hour)
		expectKey(t, b, last, from("192.0.2.1"), Expired)
		r.Detach()
	})
}

// When keys were used last is written once a minute, and at the end.
func TestTouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := attached(t)
		b := EmptyBook(r)
		secret, rec, _ := r.CreateKey(t.Context(), KeySpec{Consumer: "acme"})
		_, _, _ = r.CreateKey(t.Context(), KeySpec{Consumer: "acme"})
		touched := func() (int, map[string]time.Time) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.touches, maps.Clone(m.used)
		}
		use := func() { b.Key(secret, from("192.0.2.1"), time.Now()).Use(time.Now()) }
		for range 100 {
			use()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n, used := touched(); n != 1 || len(used) != 1 {
			t.Errorf("touched %d times, %v", n, used)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n, _ := touched(); n != 2 {
			t.Errorf("touched %d times, though nobody used anything any more", n)
		}
		use()
		at := time.Now()
		r.Detach()
		if n, used := touched(); n != 3 || !used[rec.ID].Equal(at) {
			t.Errorf("touched %d times, %v; want %v", n, used, at)
		}
		if got, _ := r.Key(rec.ID); !got.LastUsed.Equal(at) {
			t.Errorf("last used %v, want %v", got.LastUsed, at)
		}
	})
}

func TestChangesAreRefused(t *testing.T) {
	r := NewRegistry(slog.New(slog.DiscardHandler))
	if _, _, err := r.CreateKey(t.Context(), KeySpec{Consumer: "acme"}); !errors.Is(err, ErrNoStore) {
		t.Errorf("without a store: %v", err)
	}
	r, m := attached(t)
	b, _ := book(t, r, "{consumers: [{name: doc, plan: p}], plans: {p: {rate_limit: 1/s}}}")
	r.Serve(b)
	ctx := t.Context()
	for name, c := range map[string]struct {
		f    func() error
		want string
	}{
		"a consumer of the document": {func() error { _, err := r.CreateConsumer(ctx, ConsumerSpec{Name: "doc"}); return err }, "there is one already"},
		"one that is there":          {func() error { _, err := r.CreateConsumer(ctx, ConsumerSpec{Name: "acme"}); return err }, "there is one already"},
		"one without a name":         {func() error { _, err := r.CreateConsumer(ctx, ConsumerSpec{Name: "a b"}); return err }, "is no name"},
		"an unknown plan":            {func() error { _, err := r.UpdateConsumer(ctx, ConsumerSpec{Name: "acme", Plan: "x"}); return err }, "there is no plan"},
		"a plan of the document":     {func() error { _, err := r.PutPlan(ctx, "p", []byte(`{}`)); return err }, "there is one already"},
		"a quota":                    {func() error { _, err := r.PutPlan(ctx, "q", []byte(`{"quota": {"limit": "1/month"}}`)); return err }, "not yet"},
		"a rate that is none":        {func() error { _, err := r.PutPlan(ctx, "q", []byte(`{"rate_limit": "20000000/s"}`)); return err }, "10000000 a second"},
		"a key of nobody":            {func() error { _, _, err := r.CreateKey(ctx, KeySpec{Consumer: "x"}); return err }, "there is no consumer"},
		"a key that is past": {func() error {
			_, _, err := r.CreateKey(ctx, KeySpec{Consumer: "acme", Expires: time.Now()})
			return err
		}, "expired already"},
		"a password": {func() error {
			_, err := r.CreateCredential(ctx, CredentialSpec{"acme", "basic", []byte(`{"username": "u", "password": "short"}`)})
			return err
		}, "password"},
		"a kind": {func() error {
			_, err := r.CreateCredential(ctx, CredentialSpec{"acme", "api_key", []byte(`{"value": "abcdefgh"}`)})
			return err
		}, "API keys are made as keys"},
		"a revocation of nothing": {func() error { _, err := r.Revoke(ctx, store.RevocationRecord{}); return err }, "one of the two"},
	} {
		if err := c.f(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, _, err := r.CreateKey(ctx, KeySpec{Consumer: "doc"}); err != nil {
		t.Errorf("a key for a consumer of the document: %v", err)
	}
	m.fail = errors.New("disk full")
	before := len(r.Keys(KeyFilter{}))
	if _, _, err := r.CreateKey(ctx, KeySpec{Consumer: "acme"}); err == nil || len(r.Keys(KeyFilter{})) != before {
		t.Error("what could not be written is there")
	}
	r.Detach()
	if _, _, err := r.CreateKey(ctx, KeySpec{Consumer: "acme"}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("detached: %v", err)
	}
}

// A consumer that is removed takes all along, and the next of that name has none of it.
func TestRemoveConsumer(t *testing.T) {
	r, _ := attached(t)
	ctx := t.Context()
	b := EmptyBook(r)
	secret, _, _ := r.CreateKey(ctx, KeySpec{Consumer: "acme"})
	if _, err := r.CreateCredential(ctx, CredentialSpec{"acme", "certificate", []byte(`{"subject": "CN=acme"}`)}); err != nil {
		t.Fatal(err)
	}
	if b.ByCertificate("CN=acme", "", nil) == nil {
		t.Error("the certificate tells nobody")
	}
	if err := r.RemoveConsumer(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		expectKey(t, b, secret, from("192.0.2.1"), Unknown)
		if b.ByCertificate("CN=acme", "", nil) != nil || len(r.Keys(KeyFilter{}))+len(r.Credentials("")) != 0 {
			t.Error("something of it is left")
		}
		_, _ = r.CreateConsumer(ctx, ConsumerSpec{Name: "acme"})
	}
}

// Taking tokens back once more makes none of them good again.
func TestRevocationsAddUp(t *testing.T) {
	r, _ := attached(t)
	b := EmptyBook(r)
	at := time.Now()
	revoke := func(before, until time.Time) store.RevocationRecord {
		rec, err := r.Revoke(t.Context(), store.RevocationRecord{Issuer: "i", Subject: "s", Before: before, Until: until})
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	first := revoke(at.Add(-time.Minute), at.Add(48*time.Hour))
	if got := revoke(at.Add(-time.Hour), at.Add(time.Hour)); !got.Before.Equal(first.Before) || !got.Until.Equal(first.Until) {
		t.Errorf("got %+v, want no less than %+v", got, first)
	}
	if !b.Revoked("i", "", "s", at.Add(-30*time.Minute)) {
		t.Error("a token that was taken back is good again")
	}
	if got := revoke(at, at.Add(49*time.Hour)); !got.Before.After(first.Before) || !got.Until.After(first.Until) {
		t.Errorf("got %+v, want more than %+v", got, first)
	}
}

func TestRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := attached(t)
		b := EmptyBook(r)
		start := time.Now()
		revoke := func(rec store.RevocationRecord) {
			rec.Until = start.Add(time.Hour)
			if _, err := r.Revoke(context.Background(), rec); err != nil {
				t.Fatal(err)
			}
		}
		if b.Revoked("i", "1", "s", start) {
			t.Error("revoked before anything was")
		}
		revoke(store.RevocationRecord{Issuer: "i", ID: "1"})
		revoke(store.RevocationRecord{Issuer: "i", Subject: "s"})
		revoke(store.RevocationRecord{Subject: "everywhere"})
		for _, c := range []struct {
			issuer, id, subject string
			issued              time.Time
			want                bool
		}{
			{"i", "1", "x", start.Add(time.Minute), true},
			{"j", "1", "x", start, false},
			{"i", "2", "s", start, true},
			{"i", "2", "s", start.Add(time.Second), false},
			{"i", "", "s", time.Time{}, true},
			{"j", "2", "s", start, false},
			{"j", "2", "everywhere", start.Add(-time.Second), true},
			{"i", "s", "1", start, false},
		} {
			if got := b.Revoked(c.issuer, c.id, c.subject, c.issued); got != c.want {
				t.Errorf("%+v: got %v", c, got)
			}
		}
		if got := r.Revocations(); len(got) != 3 {
			t.Errorf("there are %d", len(got))
		}
		time.Sleep(time.Hour + 2*time.Minute)
		if !b.Revoked("i", "1", "x", start) {
			t.Error("a token that is expired, but for a clock that is late, is good again")
		}
		time.Sleep(time.Hour)
		if !b.registry.roll.Load().revocations.empty() || len(m.records.Revocations) != 3 {
			t.Error("past ones are remembered")
		}
		r.Detach()
	})
}
