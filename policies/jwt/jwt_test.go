package jwt

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/fetch"
	"sallyport/problem"
	"sallyport/store"
	"sallyport/store/sqlite"
	"sallyport/wire"
)

// rights are claims of a token with some rights.
func rights(more map[string]any) map[string]any {
	claims := map[string]any{
		"iss": "https://idp.test", "aud": "api", "sub": "ada", "exp": inAnHour(), "scope": "read write", "level": 3, "staff": true,
		"realm_access": map[string]any{"roles": []string{"clerk", "a,b"}}, "https://x.test/team": "red", "a.b": "dotted", "tenant": "t1", "empty": []string{}, "evil": "x\r\nX-Admin: 1", "spaced": " ada",
	}
	for name, v := range more {
		claims[name] = v
	}
	return claims
}

func TestRules(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	text := token(t, k, rights(nil))
	for _, c := range []struct{ settings, want string }{
		{"scopes: read", ""}, {"scopes: [read, write]", ""}, {"scopes: [read, admin]", "scope"}, {"scopes: {any: [admin, write]}", ""},
		{"scopes: {any: [admin, root]}", "scope"}, {"scopes: {all: read, any: [write, root]}", ""}, {"scopes: {all: admin, any: write}", "scope"}, {"scopes: [rea]", "scope"},
		{"claims: {sub: ada}", ""}, {"claims: {sub: Ada}", "claim"}, {"claims: {sub: [bob, ada]}", ""}, {"claims: {nobody: ada}", "claim"},
		{"claims: {level: 3}", ""}, {"claims: {level: 4}", "claim"}, {"claims: {level: '3'}", "claim"}, {"claims: {staff: true}", ""}, {"claims: {staff: 'true'}", "claim"}, {"claims: {staff: false}", "claim"},
		{"claims: {realm_access.roles: clerk}", ""}, {"claims: {realm_access.roles: [boss, clerk]}", ""}, {"claims: {realm_access.roles: boss}", "claim"}, {"claims: {realm_access: clerk}", "claim"}, {"claims: {realm_access.roles.x: clerk}", "claim"},
		{"claims: {'https://x.test/team': red}", ""}, {"claims: {a.b: dotted}", ""}, {"claims: {empty: ''}", "claim"},
		{"claims: {tenant: '${request.headers[\"x-tenant\"]}'}", ""}, {"claims: {tenant: '${request.method}'}", "claim"}, {"claims: {level: '${1 + 2}'}", ""}, {"claims: {level: '${\"3\"}'}", "claim"}, {"claims: {sub: '${[\"ada\", \"bob\"]}'}", ""},
		{"claims: {sub: '${request.headers[\"x-nobody\"]}'}", "claim"},
		{"require: [exp, sub]", ""}, {"require: [exp, jti]", "required_claim"}, {"require: [realm_access.roles]", ""}, {"max_age: 1h", "required_claim"},
		{"typ: at+jwt", "type"}, {"forward: {X-User: evil}", "claim"}, {"forward: {X-User: spaced}", "claim"}, {"forward: {X-Roles: realm_access.roles}", "claim"}, {"algorithms: [RS256]", "algorithm"}, {"audience: [other, api]", ""}, {"audience: other", "audience"},
	} {
		t.Run(c.settings, func(t *testing.T) {
			settings := c.settings
			if !strings.Contains(settings, "audience") {
				settings += ", audience: api"
			}
			g := newWorld(t).gate(with("issuer: 'https://idp.test', "+settings, k))
			x := asked(text)
			x.Request.Header.Add("X-Tenant", "t1")
			if _, err := g.Handle(x, next); x.Denied.Reason != c.want || (err == nil) != (c.want == "") {
				t.Errorf("denied for %q (%v), want %q", x.Denied.Reason, err, c.want)
			}
			if c.want != "" && (x.Auth.Type != "" || x.Consumer != nil) {
				t.Errorf("who was kept out is known as %+v", x.Auth)
			}
		})
	}
}

// What goes on to the upstream, and what does not.
func TestForwarding(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	text := token(t, k, rights(map[string]any{"list": []any{"a", 2, true}, "object": map[string]any{"a": 1}}))
	forward := "forward: {X-Sub: sub, X-Level: level, X-List: list, X-Object: object, X-None: none, X-Claim: 'realm_access.none'}"
	for _, c := range []struct{ name, settings, place, want string }{
		{"all of it", forward, "Authorization: Bearer " + text, "X-Level: 3, X-List: a,2,true, X-Object: {\"a\":1}, X-Sub: ada"},
		{"lower case", forward, "Authorization: bEaReR   " + text, "X-Level: 3, X-List: a,2,true, X-Object: {\"a\":1}, X-Sub: ada"},
		{"kept", "keep: true, forward: {X-Sub: sub}", "Authorization: Bearer " + text, "Authorization: Bearer " + text + ", X-Sub: ada"},
		{"nobody", "optional: true, " + forward, "", ""},
		{"nobody, other credentials", "optional: true, " + forward, "Authorization: Basic YTpi", "Authorization: Basic YTpi"},
		{"header", "from: 'header:X-Token', forward: {X-Sub: sub}", "X-Token: " + text, "X-Sub: ada"},
		{"header with a scheme", "from: 'header:X-Token', forward: {X-Sub: sub}", "X-Token: Bearer " + text, "X-Sub: ada"},
		{"cookie", "from: ['header:Authorization', 'cookie:session'], forward: {X-Sub: sub}", "Cookie: a=1; session=" + text + "; b=2", "Cookie: a=1; b=2, X-Sub: ada"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newWorld(t).gate(with("issuer: 'https://idp.test', audience: api, "+c.settings, k))
			x := asked("")
			if name, value, ok := strings.Cut(c.place, ": "); ok {
				x.Request.Header.Add(name, value)
			}
			own := []string{"X-Sub", "x_sub"}
			if strings.Contains(c.settings, "X-None") {
				own = append(own, "X-None", "x-claim", "X.Level", "X-LIST", "X-Object")
			}
			for _, name := range own {
				x.Request.Header.Add(name, "root")
			}
			if _, err := g.Handle(x, next); err != nil {
				t.Fatal(err)
			}
			var got []string
			for name, value := range x.Request.Header.All() {
				got = append(got, name+": "+value)
			}
			slices.Sort(got)
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got  %v\nwant %v", strings.Join(got, ", "), c.want)
			}
		})
	}
	g := newWorld(t).gate(with("issuer: 'https://idp.test', audience: api, from: 'query:access_token'", k))
	x := asked("")
	x.Request.Query = "a=1&access_token=" + text + "&b=2"
	if _, err := g.Handle(x, next); err != nil || x.Request.Query != "a=1&b=2" {
		t.Errorf("from the query: %v, and %q is left of it", err, x.Request.Query)
	}
	x.Request.Query = "a=1&access_token=" + text[1:]
	if _, err := g.Handle(x, next); err == nil || x.Request.Query != "a=1" {
		t.Errorf("a bad one from the query: %v, and the log gets %q", err, x.Request.Query)
	}
	twice := asked(text)
	twice.Request.Header.Add("Authorization", "Bearer "+text)
	if _, err := newWorld(t).gate(with("issuer: 'https://idp.test'", k)).Handle(twice, next); err == nil || !strings.Contains(err.Error(), "bad_request") || !strings.Contains(fmt.Sprint(problem.From(err).Header), `Bearer error="invalid_request"`) {
		t.Errorf("two tokens: %v with %v", err, problem.From(err).Header)
	}
}

// A token that is remembered for one place is not taken for good at another, nor one of another issuer (JWT-027).
func TestOtherPlaces(t *testing.T) {
	k, other := testKey(t, "k1", "ES256"), testKey(t, "k2", "ES256")
	w := newWorld(t)
	base := "issuer: 'https://idp.test', audience: api"
	text := token(t, k, rights(nil))
	read, admin := w.gate(with(base+", scopes: read", k)), w.gate(with(base+", scopes: admin", k))
	if read.verifier != admin.verifier {
		t.Error("two places that trust the same share nothing")
	}
	strangers := []*gate{w.gate(with("issuer: 'https://idp.test', audience: other", k)), w.gate(with("issuer: 'https://else.test', audience: api", k)), w.gate(with(base, other)), w.gate(with(base+", typ: at+jwt", k))}
	for range 2 {
		if why, _ := send(read, text); why != "" {
			t.Errorf("read: %q", why)
		}
		if why, _ := send(admin, text); why != "scope" {
			t.Errorf("admin: %q", why)
		}
		for i, g := range strangers {
			if why, _ := send(g, text); why == "" {
				t.Errorf("stranger %d takes it", i)
			}
		}
	}
}

// JWT-006: whatever a header says, nobody is connected to.
func TestHeadersOpenNoConnection(t *testing.T) {
	k := testKey(t, "k1", "RS256")
	var dialled atomic.Int64
	w := newWorld(t)
	w.client = fetch.New(func(string, string, time.Time) (net.Conn, error) { dialled.Add(1); return nil, context.Canceled })
	for _, g := range []*gate{w.gate(with(trusting, k)), w.gate("{issuer: 'https://idp.test', audience: api}")} {
		for _, header := range []string{`{"alg":"RS256","jku":"http://127.0.0.1:9/jwks"}`, `{"alg":"RS256","kid":"http://127.0.0.1:9/","x5u":"http://127.0.0.1:9/"}`} {
			claims := fmt.Sprintf(`{"iss":"https://idp.test","aud":"api","exp":%d}`, inAnHour())
			x := asked(forge(t, testKey(t, "evil", "RS256"), header, claims))
			if why, err := g.admit(x, time.Now(), none); why == good || err == nil {
				t.Errorf("%s: %q %v", header, why, err)
			}
		}
	}
	if dialled.Load() > 0 {
		t.Errorf("%d connections were made", dialled.Load())
	}
}

// What is remembered ends with the token's time, with its key, and when it is revoked.
func TestRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := testKey(t, "k1", "ES256")
		w := newWorld(t)
		g := w.gate(with("issuer: 'https://idp.test', max_age: 30m", k))
		text := token(t, k, map[string]any{"iss": "https://idp.test", "exp": inAnHour(), "iat": time.Now().Unix()})
		step := func(name, want string) {
			t.Helper()
			if why, _ := send(g, text); why != want {
				t.Errorf("%s: %q, want %q", name, why, want)
			}
		}
		step("new", "")
		time.Sleep(30*time.Minute + 59*time.Second)
		step("within the leeway", "")
		time.Sleep(2 * time.Second)
		step("too old", "age")
		g = w.gate(with("issuer: 'https://idp.test'", k))
		step("without a bound on its age", "")
		v := g.verifier.cache.get(g.verifier.cache.tagOf(text))
		if v == nil {
			t.Fatal("it is not remembered")
		}
		v.key.gone.Store(true)
		step("its key went, and is there under another name", "")
		time.Sleep(30 * time.Minute)
		step("expired", "expired")
	})
}

// A token that is remembered costs no allocation.
func TestAllocations(t *testing.T) {
	k := testKey(t, "k1", "RS256")
	g := newWorld(t).gate(with(benched+", forward: {X-User-Id: sub}", k))
	value := "Bearer " + usual(t, k)
	x := asked("")
	run := func() {
		x.Request.Header.Reset()
		x.Request.Header.AddKnown(wire.Authorization, value)
		if _, err := g.Handle(x, next); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(1000, run); n > 0 {
		t.Errorf("a request with a known token makes %v allocations", n)
	}
}

func TestCacheBounds(t *testing.T) {
	c := newCache(64, 1<<20)
	v := func(size int64, until int64) *verified {
		return &verified{size: size, times: times{until: until}}
	}
	for i := range 10_000 {
		c.put(c.tagOf(fmt.Sprint(i)), v(100, endless), 0)
	}
	count := func() (n int, bytes int64) {
		for i := range c.shards {
			sh := &c.shards[i]
			n += len(sh.at)
			bytes += sh.bytes
			if len(sh.at) != len(sh.ring) {
				t.Errorf("shard %d has %d and %d", i, len(sh.at), len(sh.ring))
			}
		}
		return n, bytes
	}
	if n, bytes := count(); n != 64 || bytes != 6400 {
		t.Errorf("%d tokens of %d bytes are remembered, want 64 of 6400", n, bytes)
	}
	for i := range 1000 {
		c.put(c.tagOf(fmt.Sprint("large", i)), v(60_000, endless), 0)
	}
	if n, bytes := count(); bytes > 1<<20 || n < 16 {
		t.Errorf("%d tokens of %d bytes are remembered", n, bytes)
	}
	c.put(c.tagOf("huge"), v(1<<20, endless), 0)
	if c.get(c.tagOf("huge")) != nil {
		t.Error("one token takes everything")
	}
	c = newCache(10_000, 1<<20)
	for i := range 500 {
		c.put(c.tagOf(fmt.Sprint(i)), v(100, 10), 0)
	}
	for i := range 2000 {
		c.put(c.tagOf(fmt.Sprint("later", i)), v(100, endless), 10)
	}
	if n, _ := count(); n > 2050 {
		t.Errorf("%d tokens are remembered, of which 2000 have not expired", n)
	}
	if off := newCache(0, 1<<20); off.get(off.tagOf("x")) != nil {
		t.Error("a cache of nothing has something")
	}
}

// Who asks at once for a token that is new, or while others are forgotten, gets what is right. It is for the race detector.
func TestCacheRace(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	g := newWorld(t).gate(with("issuer: 'https://idp.test', cache: {tokens: 16}", k))
	var tokens []string
	for i := range 40 {
		tokens = append(tokens, token(t, k, map[string]any{"iss": "https://idp.test", "exp": inAnHour(), "sub": fmt.Sprint(i)}))
	}
	done := make(chan bool)
	for range 4 {
		go func() {
			defer func() { done <- true }()
			for i, text := range tokens {
				x := asked(text)
				if _, err := g.Handle(x, next); err != nil || x.Auth.Subject != fmt.Sprint(i) {
					t.Errorf("token %d: %v, of %q", i, err, x.Auth.Subject)
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
}

func TestRevoked(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	w := newWorld(t)
	db, err := sqlite.Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := w.registry.Attach(db, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	defer w.registry.Detach()
	g := w.gate(with("issuer: 'https://idp.test'", k))
	now := time.Now()
	made := func(sub, jti string) string {
		return token(t, k, map[string]any{"iss": "https://idp.test", "exp": inAnHour(), "iat": now.Unix() - 5, "sub": sub, "jti": jti})
	}
	tokens := []string{made("ada", "1"), made("ada", "2"), made("bob", "3")}
	check := func(when string, want ...string) {
		t.Helper()
		for i, text := range tokens {
			if why, _ := send(g, text); why != want[i] {
				t.Errorf("%s: token %d: %q, want %q", when, i, why, want[i])
			}
		}
	}
	check("before", "", "", "")
	revoke := func(rec store.RevocationRecord) {
		t.Helper()
		rec.Issuer, rec.Until = "https://idp.test", now.Add(2*time.Hour)
		if _, err := w.registry.Revoke(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	revoke(store.RevocationRecord{ID: "1"})
	check("one is", "revoked", "", "")
	revoke(store.RevocationRecord{Subject: "ada"})
	check("a subject is", "revoked", "revoked", "")
}
