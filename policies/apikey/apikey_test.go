package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/identity"
	"sallyport/plug"
	"sallyport/policy"
	"sallyport/problem"
	"sallyport/schema"
	"sallyport/store"
	"sallyport/wire"
)

// disk is a store that forgets.
type disk struct{ records store.Records }

func (d *disk) Load(_ context.Context, key func(*store.KeyRecord)) (*store.Records, error) {
	for i := range d.records.Keys {
		key(&d.records.Keys[i])
	}
	return &d.records, nil
}
func (*disk) Apply(context.Context, store.Change) error         { return nil }
func (*disk) Touch(context.Context, map[string]time.Time) error { return nil }

// A world is a gateway with one policy.
type world struct {
	people *identity.Registry
	state  *store.State
	counts map[string]int
	secret string // of a key of the store
	id     string
}

const declared = "k-good-0123456789"

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{people: identity.NewRegistry(slog.New(slog.DiscardHandler)), state: store.New(), counts: map[string]int{}}
	if err := w.people.Attach(&disk{}, []byte("0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.people.Detach)
	if _, err := w.people.CreateConsumer(t.Context(), identity.ConsumerSpec{Name: "stored"}); err != nil {
		t.Fatal(err)
	}
	secret, rec, err := w.people.CreateKey(t.Context(), identity.KeySpec{Consumer: "stored"})
	if err != nil {
		t.Fatal(err)
	}
	w.secret, w.id = secret, rec.ID
	return w
}

func (w *world) build(t testing.TB, yaml string) *apiKey {
	t.Helper()
	n, errs := schema.Parse("test.yaml", []byte(yaml))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	root, _ := schema.Parse("test.yaml", []byte("consumers: [{ name: acme, credentials: [{ api_key: { value: "+declared+" } }] }]"))
	book, errs := identity.NewBook([]identity.Consumer{{Name: "acme", Credentials: []identity.Credential{
		{APIKey: &identity.KeySettings{Value: schema.NewSecret(declared)}},
	}}}, nil, root, w.people)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	p, errs := Kind.Build(n, name, &plug.Env{State: w.state, Identity: book, Where: "shop/x/policies[0]", Denied: func(p, reason string) func() {
		return func() { w.counts[reason]++ }
	}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p.(*apiKey)
}

// asking makes an exchange of header lines; one that begins with ? is the query.
func asking(lines ...string) *policy.Exchange {
	x := &policy.Exchange{Request: &wire.Request{Method: "GET"}, Client: netip.MustParseAddr("192.0.2.1"), Route: "orders"}
	for _, line := range lines {
		if query, ok := strings.CutPrefix(line, "?"); ok {
			x.Request.Query = query
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		x.Request.Header.Add(name, value)
	}
	return x
}

// come sends a request and tells what became of it: "200 consumer", and what of its header went on, or status and problem.
func come(p policy.Policy, x *policy.Exchange) string {
	_, err := p.Handle(x, func(*policy.Exchange) (*wire.Response, error) { return &wire.Response{Status: 200}, nil })
	var bad *problem.Problem
	if errors.As(err, &bad) {
		return fmt.Sprint(bad.Status, " ", bad.Name)
	}
	who := "nobody"
	if x.Consumer != nil {
		who = x.Consumer.Name
	}
	return "200 " + who
}

const (
	missed = "401 missing_credentials"
	bad    = "401 invalid_credentials"
	both   = "400 bad_request"
)

func TestHandle(t *testing.T) {
	w := newWorld(t)
	stored := w.secret
	token := "eyJhbGciOiJub25lIn0.e30."
	for _, c := range []struct {
		name, settings string
		request        []string
		want, left     string // left is what of the request went on
	}{
		{"a key of the document", "{}", []string{"X-API-Key: " + declared}, "200 acme", ""},
		{"a key of the store", "{}", []string{"x-api-key: " + stored}, "200 stored", ""},
		{"in Authorization", "{}", []string{"Authorization: ApiKey " + stored}, "200 stored", ""},
		{"as a bearer", "{}", []string{"Authorization: Bearer " + stored}, "200 stored", ""},
		{"not where it may not stand", "authorization: false", []string{"Authorization: Bearer " + stored}, missed, "Authorization: Bearer " + stored},
		{"in the query without being asked for", "{}", []string{"?api_key=" + declared}, missed, "?api_key=" + declared},
		{"in the query", "in: query:api_key", []string{"?a=1&api_key=" + declared}, "200 acme", "?a=1"},
		{"in a cookie", "in: cookie:key", []string{"Cookie: a=1; key=" + declared}, "200 acme", "Cookie: a=1"},
		{"kept", "keep: true", []string{"X-API-Key: " + declared}, "200 acme", "X-API-Key: " + declared},
		{"none", "{}", []string{"Accept: */*"}, missed, "Accept: */*"},
		{"none, optional", "optional: true", []string{"Accept: */*"}, "200 nobody", "Accept: */*"},
		{"a wrong one, optional", "optional: true", []string{"X-API-Key: x"}, bad, ""},
		{"an empty one", "{}", []string{"X-API-Key: "}, bad, ""},
		{"an empty one, optional", "optional: true", []string{"X-API-Key: "}, bad, ""},
		{"an empty bearer", "{}", []string{"Authorization: Bearer"}, bad, ""},
		{"white space around it", "{}", []string{"X-API-Key:   " + declared + " "}, "200 acme", ""},
		{"white space in it", "{}", []string{"X-API-Key: " + declared[:5] + " " + declared[5:]}, bad, ""},
		{"twice", "{}", []string{"X-API-Key: " + declared, "X-API-Key: bad"}, both, ""},
		{"twice the same", "{}", []string{"X-API-Key: " + declared, "X-Api-Key: " + declared}, both, ""},
		{"a list", "{}", []string{"X-API-Key: " + declared + ",bad"}, bad, ""},
		{"a name that looks like it", "{}", []string{"X_API_KEY: " + declared}, missed, ""},
		{"a look-alike beside it", "{}", []string{"X-API-Key: " + declared, "X_API_KEY: other"}, "200 acme", ""},
		{"one in each of two places", "in: [header:X-API-Key, query:key]", []string{"X-API-Key: " + declared, "?key=bad"}, both, ""},
		{"the same in two places", "in: [header:X-API-Key, query:key]", []string{"X-API-Key: " + declared, "?key=" + declared}, "200 acme", ""},
		{"a token beside it", "{}", []string{"X-API-Key: " + declared, "Authorization: Bearer " + token}, "200 acme", "Authorization: Bearer " + token},
		{"a token alone", "{}", []string{"Authorization: Bearer " + token}, missed, "Authorization: Bearer " + token},
		{"a token, optional", "optional: true", []string{"Authorization: Bearer " + token}, "200 nobody", "Authorization: Bearer " + token},
		{"a password", "{}", []string{"Authorization: Basic YTpi"}, missed, "Authorization: Basic YTpi"},
		{"two Authorization fields", "{}", []string{"Authorization: ApiKey " + declared, "Authorization: Bearer " + declared}, both, ""},
		{"another case", "{}", []string{"X-API-Key: " + strings.ToUpper(stored)}, bad, ""},
		{"cut short", "{}", []string{"X-API-Key: " + stored[:len(stored)-1]}, bad, ""},
		{"the visible prefix", "{}", []string{"X-API-Key: " + stored[:11]}, bad, ""},
		{"the id", "{}", []string{"X-API-Key: " + w.id}, bad, ""},
		{"the hash", "{}", []string{"X-API-Key: sha256:" + strings.Repeat("0", 64)}, bad, ""},
		{"very long", "{}", []string{"X-API-Key: " + strings.Repeat("a", 60_000)}, bad, ""},
	} {
		w.state = store.New() // no guesses yet
		p := w.build(t, c.settings)
		x := asking(c.request...)
		got := come(p, x)
		var left []string
		for name, value := range x.Request.Header.All() {
			left = append(left, name+": "+value)
		}
		if x.Request.Query != "" {
			left = append(left, "?"+x.Request.Query)
		}
		if all := strings.Join(left, " | "); got != c.want || all != c.left {
			t.Errorf("%s: got %s and left %q, want %s and %q", c.name, got, all, c.want, c.left)
		}
		if denied := !strings.HasPrefix(got, "200"); denied != (x.Denied.Reason != "") || denied == (x.Auth.Type != "") && c.want != "200 nobody" {
			t.Errorf("%s: denied %+v, auth %+v", c.name, x.Denied, x.Auth)
		}
	}
	w.state = store.New()
	if x := asking("Authorization: Bearer opaque-token-of-another"); come(w.build(t, "{}"), x) != bad || !x.Denied.Foreign {
		t.Error("an unknown bearer token may be another policy's")
	}
}

// Explain says the same as Handle, without the key and without counting.
func TestExplain(t *testing.T) {
	w := newWorld(t)
	p := w.build(t, "{}")
	for _, line := range []string{"X-API-Key: " + w.secret, "X-API-Key: " + declared, "X-API-Key: wrong-0123456789", "X-API-Key: sp_wrong", "Accept: a"} {
		v := p.Explain(asking(line))
		err := ""
		if v.Err != nil {
			err = v.Err.Error()
		}
		if text := fmt.Sprintf("%+v %s", v, err); strings.Contains(text, strings.TrimPrefix(line, "X-API-Key: ")) || v.Why == "" {
			t.Errorf("%s: %s", line, text)
		}
		if got := come(p, asking(line)); (v.Err == nil) != strings.HasPrefix(got, "200") {
			t.Errorf("%s: explained as %v, and then %s", line, v.Err, got)
		}
	}
	if rec, _ := w.people.Key(w.id); rec.LastUsed.IsZero() {
		t.Error("the use of the key was not noted")
	}
}

// A key that is revoked is refused with the next request, whatever was built before.
func TestRevoked(t *testing.T) {
	w := newWorld(t)
	p := w.build(t, "{}")
	if got := come(p, asking("X-API-Key: "+w.secret)); got != "200 stored" {
		t.Fatal(got)
	}
	if err := w.people.RevokeKey(t.Context(), w.id); err != nil {
		t.Fatal(err)
	}
	if got := come(p, asking("X-API-Key: "+w.secret)); got != bad || w.counts["revoked"] != 1 {
		t.Errorf("got %s, counted %v", got, w.counts)
	}
}

// Who guesses has to wait, longer each time, also after a reload; nobody else does, and a key that cannot be guessed comes in from there.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.build(t, "{}")
		codes := map[string]int{}
		for i := range 10_000 {
			x := asking(fmt.Sprintf("X-API-Key: guess-%08d", i))
			codes[come(p, x)]++
			time.Sleep(10 * time.Millisecond)
		}
		if codes[bad] > 20 || codes["429 rate_limited"] < 9980 || w.counts["guessing"] != codes["429 rate_limited"] {
			t.Errorf("got %v", codes)
		}
		p = w.build(t, "optional: true") // a reload
		if got := come(p, asking("X-API-Key: guess")); got != "429 rate_limited" {
			t.Errorf("after a reload: %s", got)
		}
		x := asking("X-API-Key: guess")
		_, err := p.Handle(x, nil)
		if pr := problem.From(err); len(pr.Header) != 1 || pr.Header[0][0] != "Retry-After" {
			t.Errorf("got %+v", pr)
		}
		for _, c := range []struct{ key, from, want string }{
			{declared, "198.51.100.1", "200 acme"},
			{w.secret, "192.0.2.1", "200 stored"},
			{declared, "192.0.2.1", "429 rate_limited"},
		} {
			x := asking("X-API-Key: " + c.key)
			x.Client = netip.MustParseAddr(c.from)
			if got := come(p, x); got != c.want {
				t.Errorf("%.4s from %s: got %s, want %s", c.key, c.from, got, c.want)
			}
		}
		if got := come(p, asking()); got != "200 nobody" {
			t.Errorf("without a key: %s", got)
		}
		w.people.Detach()
	})
}

// A short key that was good there before the guesses became too many stays so.
func TestGuessingBesideOthers(t *testing.T) {
	w := newWorld(t)
	p := w.build(t, "{}")
	for range 100 {
		come(p, asking("X-API-Key: guess"))
		if got := come(p, asking("X-API-Key: "+declared)); got != "200 acme" {
			t.Fatalf("got %s", got)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	w := newWorld(b)
	p := w.build(b, "{}")
	next := func(*policy.Exchange) (*wire.Response, error) { return nil, nil }
	for name, key := range map[string]string{"store": w.secret, "document": declared} {
		b.Run(name, func(b *testing.B) {
			x := asking()
			b.ReportAllocs()
			for b.Loop() {
				x.Request.Header.Reset()
				x.Request.Header.Add("X-API-Key", key)
				if _, err := p.Handle(x, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
