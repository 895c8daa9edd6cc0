package identity

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const people = `
plans: { gold: { rate_limit: 100/s }, free: { rate_limit: { limits: [1/s, 10/hour], legacy_headers: true } } }
consumers:
  - name: acme
    plan: gold
    tags: [partner]
    credentials:
      - api_key: { value: k-good-0123456789 }
      - basic: { username: acme, password_hash: "$2a$04$5AjnYuABMRmCqSJwkdqHc.mXRtP5Fv4hM1XbKTrcJ3b1NhuUIfhjG" }
      - jwt: { issuer: "https://i", claim: azp, value: app }
      - jwt: { issuer: "https://i", claim: realm.client, value: app }
      - certificate: { subject: "CN=acme" }
      - certificate: { fingerprint: "AA:BB:` + "cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99" + `" }
  - name: other
    credentials:
      - jwt: { issuer: "https://i", claim: sub, value: other }
      - certificate: { san: other.example.com }
`

func TestBook(t *testing.T) {
	r, _ := attached(t)
	b, errs := book(t, r, people)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if _, err := r.CreateCredential(t.Context(), CredentialSpec{"acme", "jwt", []byte(`{"issuer": "https://j", "value": "stored"}`)}); err != nil {
		t.Fatal(err)
	}
	type claims = map[string]any
	for _, c := range []struct {
		issuer string
		claims claims
		want   string
	}{
		{"https://i", claims{"azp": "app"}, "acme"},
		{"https://i", claims{"realm": claims{"client": "app"}}, "acme"},
		{"https://i", claims{"realm.client": "app"}, "acme"},
		{"https://i", claims{"azp": "app", "sub": "other"}, "acme"}, // in the order of the document
		{"https://i", claims{"azp": "x", "sub": "other"}, "other"},
		{"https://i", claims{"azp": []any{"app"}}, ""},
		{"https://i", claims{"azp": 7}, ""},
		{"https://i/", claims{"azp": "app"}, ""},
		{"", claims{"azp": "app"}, ""},
		{"https://j", claims{"azp": "app"}, ""},
		{"https://j", claims{"sub": "stored"}, "acme"},
		{"https://i", nil, ""},
	} {
		got := ""
		if who := b.ByClaim(c.issuer, c.claims); who != nil {
			got = who.Name
		}
		if got != c.want {
			t.Errorf("%s %v tells %q, want %q", c.issuer, c.claims, got, c.want)
		}
	}
	print := strings.Repeat("aabbccddeeff00112233445566778899", 2)
	for _, c := range []struct {
		subject, fingerprint string
		sans                 []string
		want                 string
	}{
		{"CN=acme", "", nil, "acme"},
		{"CN=acme,O=x", "", nil, ""},
		{"", print, nil, "acme"},
		{"CN=x", strings.ToUpper(print), []string{"other.example.com"}, "acme"},
		{"CN=x", "00", []string{"x", "other.example.com"}, "other"},
		{"", "", []string{""}, ""},
		{"", "", nil, ""},
	} {
		got := ""
		if who := b.ByCertificate(c.subject, c.fingerprint, c.sans); who != nil {
			got = who.Name
		}
		if got != c.want {
			t.Errorf("%+v tells %q", c, got)
		}
	}
	// The document's consumer of the name that the store has as well counts, with its plan and tags.
	secret, _, _ := r.CreateKey(t.Context(), KeySpec{Consumer: "acme"})
	if v := expectKey(t, b, secret, from("192.0.2.1"), ""); v.Consumer.Plan != "gold" || v.Owner != "acme" {
		t.Errorf("got %+v", v.Consumer)
	}
	if b.Plan("free") == nil || b.Plan("free").Key() == b.Plan("gold").Key() || b.Plan("x") != nil || b.Consumer("x") != nil {
		t.Error("plans or consumers are not told apart")
	}
}

func TestUsers(t *testing.T) {
	r, _ := attached(t)
	b, _ := book(t, r, people)
	if _, err := r.CreateCredential(t.Context(), CredentialSpec{"acme", "basic", []byte(`{"username": "stored", "password": "correct horse"}`)}); err != nil {
		t.Fatal(err)
	}
	rec := r.Credentials("acme")[0]
	if strings.Contains(string(rec.Settings), "horse") || !strings.Contains(string(rec.Settings), "$argon2id$") {
		t.Errorf("the store has %s", rec.Settings)
	}
	if shown := Shown(&rec); len(shown) != 1 || shown["username"] != "stored" {
		t.Errorf("shown as %v", shown)
	}
	for user, want := range map[string]bool{"stored": true, "acme": true, "nobody": false, "": false, "stored:correct": false} {
		if a, found := b.Account([]byte(user)); found != want || found && a.Consumer.Name != "acme" {
			t.Errorf("%s: %+v, %v", user, a, found)
		}
	}
	if err := r.RemoveCredential(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	if _, found := b.Account([]byte("stored")); found {
		t.Error("it is there after it was removed")
	}
}

// While keys come and go, those that stay are good throughout, and those that went are not any more.
func TestChangesDuringRequests(t *testing.T) {
	r := NewRegistry(slog.New(slog.DiscardHandler))
	if err := r.Attach(&memory{}, pepper); err != nil {
		t.Fatal(err)
	}
	defer r.Detach()
	ctx := t.Context()
	_, _ = r.CreateConsumer(ctx, ConsumerSpec{Name: "acme"})
	stays, _, _ := r.CreateKey(ctx, KeySpec{Consumer: "acme"})
	b := EmptyBook(r)
	var stop atomic.Bool
	var crew sync.WaitGroup
	for range 4 {
		crew.Go(func() {
			for !stop.Load() {
				v := b.Key(stays, from("192.0.2.1"), time.Now())
				if v.Use(time.Now()); v.Why != "" {
					t.Errorf("the key that stays is %s", v.Why)
					return
				}
				_ = b.Revoked("i", "1", "s", time.Time{})
				_ = b.ByClaim("https://i", map[string]any{"sub": "x"})
				_ = r.Keys(KeyFilter{Limit: 10})
			}
		})
	}
	for range 500 {
		secret, rec, err := r.CreateKey(ctx, KeySpec{Consumer: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		expectKey(t, b, secret, from("192.0.2.1"), "")
		if err := r.RevokeKey(ctx, rec.ID); err != nil {
			t.Fatal(err)
		}
		expectKey(t, b, secret, from("192.0.2.1"), Revoked)
		if err := r.RemoveKey(ctx, rec.ID); err != nil {
			t.Fatal(err)
		}
		expectKey(t, b, secret, from("192.0.2.1"), Unknown)
	}
	stop.Store(true)
	crew.Wait()
	if got := r.Keys(KeyFilter{}); len(got) != 1 {
		t.Errorf("%d keys are left", len(got))
	}
}

// Pages of a list hold every key once.
func TestPages(t *testing.T) {
	r, _ := attached(t)
	for range 25 {
		if _, _, err := r.CreateKey(t.Context(), KeySpec{Consumer: "acme"}); err != nil {
			t.Fatal(err)
		}
	}
	seen, after := map[string]bool{}, ""
	for pages := 0; ; pages++ {
		page := r.Keys(KeyFilter{Limit: 10, After: after})
		for _, k := range page {
			if seen[k.ID] {
				t.Errorf("%s is there twice", k.ID)
			}
			seen[k.ID] = true
			after = k.ID
		}
		if len(page) < 10 {
			break
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d of 25", len(seen))
	}
}
