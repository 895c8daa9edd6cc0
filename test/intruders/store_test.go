package intruders

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"sallyport/identity"
	"sallyport/store"
	"sallyport/store/sqlite"
)

// stored returns the registry of the gateway, with a store.
func stored(t *testing.T, l *lab) *identity.Registry {
	t.Helper()
	people := l.gateway.Identity()
	if people.Attached() {
		return people
	}
	s, err := sqlite.Create(context.Background(), filepath.Join(t.TempDir(), "sallyport.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := people.Attach(s, s.Pepper()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		people.Detach()
		_ = s.Close()
	})
	return people
}

// A key of the store is good until it is not, and the very next request knows.
func deletedKey(t *testing.T, l *lab) {
	people, ctx := stored(t, l), context.Background()
	with := func(key string) *answer { return l.ask(t, keyed("/admin/x", "X-API-Key: "+key+"\r\n")) }
	make := func(spec identity.KeySpec) (string, store.KeyRecord) {
		spec.Consumer = "acme"
		key, rec, err := people.CreateKey(ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		return key, rec
	}
	key, rec := make(identity.KeySpec{})
	if r := with(key); r.status != 200 {
		t.Errorf("a new key: %v", r)
	}
	for n := range len(key) { // no character of it may be another
		b := []byte(key)
		if b[n]++; b[n] == ',' || b[n] > 'z' {
			b[n] = '0'
		}
		denied(t, "a character changed", with(string(b)), "invalid_credentials")
	}
	denied(t, "its prefix", with(rec.Prefix), "invalid_credentials")
	denied(t, "its ID", with(rec.ID), "invalid_credentials")
	if err := people.RevokeKey(ctx, rec.ID); err != nil {
		t.Fatal(err)
	}
	denied(t, "a revoked key", with(key), "invalid_credentials")

	key, rec = make(identity.KeySpec{})
	next, _, err := people.RotateKey(ctx, rec.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	denied(t, "a rotated key without overlap", with(key), "invalid_credentials")
	if r := with(next); r.status != 200 {
		t.Errorf("its successor: %v", r)
	}
	key, _ = make(identity.KeySpec{Expires: time.Now().Add(400 * time.Millisecond)})
	time.Sleep(500 * time.Millisecond)
	denied(t, "an expired key", with(key), "invalid_credentials")
	key, _ = make(identity.KeySpec{AllowIPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	denied(t, "a key for elsewhere", with(key), "invalid_credentials", "ip_denied", "forbidden")
	denied(t, "a key for elsewhere, claimed", l.ask(t, keyed("/admin/x", "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-API-Key: "+key+"\r\n")), "invalid_credentials", "ip_denied", "forbidden")
	key, _ = make(identity.KeySpec{Routes: []string{"another"}})
	denied(t, "a key for another route", with(key), "invalid_credentials", "forbidden")
}

// A token that was taken back is refused by the next request, also when it is remembered as good.
func revoked(t *testing.T, l *lab) {
	people, ctx := stored(t, l), context.Background()
	id, subject := l.issuer.saying(set{"jti": "j1", "sub": "u7"}), l.issuer.saying(set{"jti": "j2", "sub": "u8"})
	for _, tok := range []string{id, subject, id, subject} {
		if r := l.ask(t, bearer("/jwt", tok)); r.status != 200 {
			t.Fatalf("before: %v", r)
		}
	}
	later := time.Now().Add(time.Hour)
	for _, rec := range []store.RevocationRecord{{Issuer: "https://idp.test", ID: "j1", Until: later}, {Issuer: "https://idp.test", Subject: "u8", Before: time.Now().Add(time.Second), Until: later}} {
		if _, err := people.Revoke(ctx, rec); err != nil {
			t.Fatal(err)
		}
	}
	denied(t, "by its jti", l.ask(t, bearer("/jwt", id)), "invalid_token")
	denied(t, "by its subject", l.ask(t, bearer("/jwt", subject)), "invalid_token")
	denied(t, "by its jti, on another route", l.ask(t, bearer("/any", id)), "invalid_token")
	if r := l.ask(t, bearer("/jwt", l.issuer.saying(set{"jti": "j3", "sub": "u7"}))); r.status != 200 {
		t.Errorf("somebody else: %v", r)
	}
}
