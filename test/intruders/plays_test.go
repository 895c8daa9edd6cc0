package intruders

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// tryTokens has each token sent to the strictest route, and to one that leaves the algorithm to the keys.
func (l *lab) tryTokens(t *testing.T, attempts []attempt) {
	t.Helper()
	for _, a := range attempts {
		r := l.ask(t, bearer("/jwt", a.token))
		if !slices.Contains([]int{400, 401, 431}, r.status) || len(r.reached) > 0 {
			t.Errorf("%s: %v", a.name, r)
			continue
		}
		if says := r.header.Get("WWW-Authenticate"); r.status == 401 && (!strings.Contains(says, `error="invalid_token"`) || r.problem != "invalid_token") {
			t.Errorf("%s: %v, WWW-Authenticate: %s", a.name, r, says)
		}
		if last := a.token[strings.LastIndexByte(a.token, '.')+1:]; len(last) > 30 && strings.Contains(l.out.String(), last) {
			t.Errorf("%s: the token is in the log", a.name)
		}
	}
	if r := l.ask(t, bearer("/jwt", l.issuer.good())); r.status != 200 || len(r.reached) != 1 {
		t.Errorf("afterwards a good token is answered %v", r)
	}
}

func nobodyIsAsked(t *testing.T, l *lab) {
	if n := l.evil.Load(); n > 0 {
		t.Errorf("the attacker's server was asked %d times", n)
	}
}

// A token without kid may be good by a key that fits, whichever that is.
func keyWithoutName(t *testing.T, l *lab) {
	for _, key := range []*rsa.PrivateKey{l.issuer.rsa, l.issuer.second} {
		if r := l.ask(t, bearer("/jwt", token(`{"alg":"RS256"}`, claims(nil), rs(key)))); r.status != 200 && r.status != 401 {
			t.Errorf("got %v", r)
		}
	}
}

// A key that its issuer took back is good no more as soon as the gateway knows, also for tokens that were remembered.
// It takes half a minute, since a key that nobody knows does not have its issuer asked more often than that.
func TestRotatedKey(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for half a minute")
	}
	t.Parallel()
	l := newLab(t)
	old := l.issuer.good()
	if r := l.ask(t, bearer("/jwt", old)); r.status != 200 {
		t.Fatalf("before: %v", r)
	}
	l.issuer.publish(rsaJWK("k7", &l.issuer.evil.PublicKey, nil))
	// One that is signed by the new key has the gateway ask for it; how often it does so has a bound.
	fresh := token(`{"alg":"RS256","kid":"k7"}`, claims(nil), rs(l.issuer.evil))
	if r := until(t, 40*time.Second, func() *answer { return l.ask(t, bearer("/jwt", fresh)) }, 200); r.status != 200 {
		t.Errorf("the new key: %v", r)
	}
	if r := until(t, 5*time.Second, func() *answer { return l.ask(t, bearer("/jwt", old)) }, 401); r.status != 401 {
		t.Errorf("the old key: %v", r)
	}
}

// until asks again until the status is what is wanted, or the time is over.
func until(t *testing.T, most time.Duration, ask func() *answer, status int) *answer {
	t.Helper()
	for end := time.Now().Add(most); ; time.Sleep(100 * time.Millisecond) {
		if r := ask(); r.status == status || time.Now().After(end) {
			return r
		}
	}
}

// What is remembered of a token on one route says nothing on another, which wants more.
func routesDiffer(t *testing.T, l *lab) {
	read := l.issuer.good()
	for range 3 {
		for target, want := range map[string]string{"/jwt": "", "/scoped": "insufficient_scope", "/roles": "forbidden insufficient_scope invalid_token", "/other": "invalid_token", "/hs": "invalid_token", "/any": "", "/two": ""} {
			r := l.ask(t, bearer(target, read))
			if want == "" && r.status != 200 || want != "" && (!strings.Contains(want, r.problem) || r.status < 400 || len(r.reached) > 0) {
				t.Errorf("%s: %v, want %q", target, r, want)
			}
		}
	}
	if r := l.ask(t, bearer("/scoped", l.issuer.saying(set{"scope": "read orders"}))); r.status != 200 {
		t.Errorf("with the scope: %v", r)
	}
	for _, scope := range []any{"order", "orders2", "Orders", "xorders", "orders,read", "", []any{"read"}, []any{"orders read"}, 1, set{"orders": true}} {
		if r := l.ask(t, bearer("/scoped", l.issuer.saying(set{"scope": scope}))); r.status < 400 || len(r.reached) > 0 {
			t.Errorf("scope %v: %v", scope, r)
		}
	}
	for _, role := range []any{nil, "", "Admin", "admin ", "administrator", []any{"user"}, set{"admin": true}, true, "user,admin", "user admin"} {
		if r := l.ask(t, bearer("/roles", l.issuer.saying(set{"role": role}))); r.status < 400 || len(r.reached) > 0 {
			t.Errorf("role %v: %v", role, r)
		}
	}
}

// The keys of one issuer are none of the other's.
func TestIssuersAreKeptApart(t *testing.T) {
	l := newLab(t)
	other := claims(set{"iss": "https://other.test"})
	if r := l.ask(t, bearer("/two", token(`{"alg":"RS256","kid":"o1"}`, other, rs(l.issuer.other)))); r.status != 200 {
		t.Errorf("the other issuer: %v", r)
	}
	for name, tok := range map[string]string{
		"the other's key for ours": token(`{"alg":"RS256","kid":"o1"}`, claims(nil), rs(l.issuer.other)), "our key for the other": token(rs256, other, rs(l.issuer.rsa)),
		"our kid, the other's key": token(rs256, claims(nil), rs(l.issuer.other)), "the other's kid, our key": token(`{"alg":"RS256","kid":"o1"}`, other, rs(l.issuer.rsa)),
		"both names": token(`{"alg":"RS256","kid":"o1"}`, claims(set{"iss": []string{"https://other.test", "https://idp.test"}}), rs(l.issuer.other)),
	} {
		if r := l.ask(t, bearer("/two", tok)); r.problem != "invalid_token" || len(r.reached) > 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// A secret is for HMAC, and for the algorithm that was named.
func TestSharedSecrets(t *testing.T) {
	l := newLab(t)
	if r := l.ask(t, bearer("/hs", token(`{"alg":"HS256"}`, claims(nil), hs(secret)))); r.status != 200 {
		t.Errorf("a good one: %v", r)
	}
	raw, _ := base64.StdEncoding.DecodeString(secret)
	for name, tok := range map[string]string{
		"HS512": token(`{"alg":"HS512"}`, claims(nil), hs512(secret)), "another secret": token(`{"alg":"HS256"}`, claims(nil), hs(secret+"x")), "no secret": token(`{"alg":"HS256"}`, claims(nil), hs("")),
		"decoded": token(`{"alg":"HS256"}`, claims(nil), hs(raw)), "encoded": token(`{"alg":"HS256"}`, claims(nil), hs(b64(secret))), "half of the signature": token(`{"alg":"HS256"}`, claims(nil), func(s string) []byte { return hs(secret)(s)[:16] }),
		"nothing of it": token(`{"alg":"HS256"}`, claims(nil), bytesOf("")), "none": token(`{"alg":"none"}`, claims(nil), bytesOf("")), "RS256": l.issuer.good(), "more behind": token(`{"alg":"HS256"}`, claims(nil), func(s string) []byte { return append(hs(secret)(s), 0) }),
		"RS256 by HMAC": token(`{"alg":"RS256"}`, claims(nil), hs(secret)), "lower case": token(`{"alg":"hs256"}`, claims(nil), hs(secret)),
	} {
		if r := l.ask(t, bearer("/hs", tok)); r.problem != "invalid_token" || len(r.reached) > 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// Tokens stand in Authorization, once, and do not go on.
func TestWhereTokensStand(t *testing.T) {
	l := newLab(t)
	good, forged := l.issuer.good(), token(rs256, claims(set{"sub": "admin"}), rs(l.issuer.evil))
	for head, want := range map[string]string{
		"": "missing_credentials", "Authorization: \r\n": "missing_credentials", "Authorization: Bearer\r\n": "missing_credentials invalid_token bad_request", "Authorization: Bearer \r\n": "missing_credentials invalid_token bad_request",
		"Authorization: " + good + "\r\n": "missing_credentials invalid_token bad_request", "Authorization: Basic " + good + "\r\n": "missing_credentials", "Authorization: Token " + good + "\r\n": "missing_credentials",
		"Authorization: Bearer " + good + "\r\nAuthorization: Bearer " + forged + "\r\n": "bad_request", "Authorization: Bearer " + forged + "\r\nAuthorization: Bearer " + good + "\r\n": "bad_request",
		"Authorization: Bearer " + good + "\r\nAuthorization: Bearer " + good + "\r\n": "bad_request", "Authorization: Basic YTpi\r\nAuthorization: Bearer " + good + "\r\n": "bad_request missing_credentials",
		"Authorization: Bearer " + forged + ", Bearer " + good + "\r\n": "invalid_token bad_request", "Cookie: access_token=" + good + "\r\n": "missing_credentials", "X-Authorization: Bearer " + good + "\r\n": "missing_credentials",
		"Proxy-Authorization: Bearer " + good + "\r\n": "missing_credentials", "X-Forwarded-Authorization: Bearer " + good + "\r\n": "missing_credentials", "Authorization_: Bearer " + good + "\r\n": "missing_credentials bad_request",
		"Connection: Authorization\r\nAuthorization: Bearer " + forged + "\r\n": "missing_credentials invalid_token",
	} {
		r := l.ask(t, request{target: "/jwt", head: head})
		if !slices.Contains(strings.Fields(want), r.problem) || len(r.reached) > 0 {
			t.Errorf("%.60q: %v, want %s", head, r, want)
		}
		if r.status == 401 && r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%.60q: no WWW-Authenticate", head)
		}
	}
	for _, target := range []string{"/jwt?access_token=" + good, "/jwt?token=" + good, "/jwt?Authorization=Bearer%20" + good} {
		if r := l.ask(t, request{target: target}); r.problem != "missing_credentials" {
			t.Errorf("%.30s: %v", target, r)
		}
	}
	if r := l.ask(t, request{target: "/jwt", method: http.MethodPost, head: "Content-Type: application/x-www-form-urlencoded\r\n", body: "access_token=" + good}); r.problem != "missing_credentials" {
		t.Errorf("in the body: %v", r)
	}
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		r := l.ask(t, request{target: "/jwt", head: "Authorization: " + scheme + " " + good + "\r\n"})
		if r.status != 200 || len(r.reached) != 1 || r.reached[0].Header.Get("Authorization") != "" {
			t.Errorf("%s: %v", scheme, r)
		}
	}
}

// userIDs are the values of X-User-Id, also of fields that some servers take for it.
func userIDs(r *http.Request) (all []string) {
	for name, values := range r.Header {
		if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "x-user-id") {
			all = append(all, values...)
		}
	}
	return all
}

// What a token says goes on as the gateway read it, and what a client says of itself does not.
func TestForwardedClaims(t *testing.T) {
	l := newLab(t)
	for _, head := range []string{"", "X-User-Id: admin\r\n", "x-user-id: admin\r\nX-USER-ID: root\r\n", "X_User_Id: admin\r\n", "Connection: X-User-Id\r\nX-User-Id: admin\r\n"} {
		r := l.ask(t, request{target: "/forward", head: head + "Authorization: Bearer " + l.issuer.good() + "\r\n"})
		if r.status == 400 && strings.Contains(head, "_") {
			continue
		}
		if r.status != 200 || len(r.reached) != 1 || fmt.Sprint(userIDs(r.reached[0])) != "[u1]" {
			t.Errorf("%q: %v", head, r)
		}
	}
	for _, sub := range []any{"a\r\nX-Admin: 1", "a\nb", "a\x00b", "a\u2028b\r", nil, "", []any{"u1"}, set{"id": "u1"}, 7, true, strings.Repeat("x", 9000)} {
		r := l.ask(t, request{target: "/forward", head: "X-User-Id: admin\r\nAuthorization: Bearer " + l.issuer.saying(set{"sub": sub}) + "\r\n"})
		for _, got := range r.reached {
			if got.Header.Get("X-Admin") != "" || strings.Contains(got.Header.Get("X-User-Id"), "admin") {
				t.Errorf("sub %q: forwarded with %q", sub, got.Header)
			}
		}
		if r.status >= 500 || r.status == 0 {
			t.Errorf("sub %.20q: %v", sub, r)
		}
	}
}
