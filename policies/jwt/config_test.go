package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/fetch"
	"sallyport/test/signed"
)

func TestConfigErrors(t *testing.T) {
	k := testKey(t, "k1", "ES256")
	long := strings.Repeat("s", 32)
	for _, c := range []struct{ yaml, want string }{
		{"{}", "it trusts nobody"},
		{"{audience: api}", "it trusts nobody"},
		{"{issuer: idp}", "issuer: its keys cannot be found by its name, which is no URL"},
		{"{issuer: 'http://idp.test'}", "may be anybody's"},
		{"{issuer: 'https://u:p@idp.test'}", "has no query, fragment or user"},
		{"{jwks_url: 'http://idp.test/keys'}", "jwks_url: keys that come over plain HTTP may be anybody's"},
		{"{jwks_url: 'ftp://idp.test/keys'}", "write https or http"},
		{"{jwks_url: 'https://u:p@idp.test/keys'}", "no user and password"},
		{"{secret: pass1}", "it has 5 bytes, and HS256 needs at least 32"},
		{"{secret: " + long + ", algorithms: [HS512]}", "it has 32 bytes, and HS512 needs at least 64"},
		{"{secret: " + long + ", algorithms: [RS256]}", "RS256 does not fit"},
		{"{issuer: 'https://idp.test', algorithms: [HS256]}", "HS256 does not fit"},
		{"{issuer: 'https://idp.test', algorithms: [none]}", "write RS256"},
		{"{secret: " + long + ", key: x}", "the keys are given in several ways"},
		{"{key: issuer.pem}", "neither PEM, which begins with -----BEGIN, nor a JWK"},
		{"{key: '{\"kty\":\"oct\",\"k\":\"AAAA\"}'}", "it is a secret, which nobody may publish"},
		{"{key: '{\"kty\":\"EC\",\"kty\":\"RSA\"}'}", "an object has a name twice"},
		{"{issuer: 'https://idp.test', from: [body]}", "it is no place"},
		{"{issuer: 'https://idp.test', from: []}", "it names no place"},
		{"{issuer: 'https://idp.test', audience: []}", "audience: 0 items: the least is 1"},
		{"{issuer: 'https://idp.test', audience: ''}", "audience: it is empty"},
		{"{issuers: [{issuer: 'https://idp.test', audience: ['']}]}", "issuers[0].audience: it is empty"},
		{"{audience: '', issuers: [{issuer: 'https://idp.test'}]}", "audience: it is empty"},
		{"{issuer: 'https://idp.test', algorithms: []}", "algorithms: 0 items: the least is 1"},
		{"{issuer: 'https://idp.test', scopes: []}", "the least is 1"},
		{"{issuer: 'https://idp.test', scopes: {any: []}}", "the least is 1"},
		{"{issuer: 'https://idp.test', typ: []}", "the least is 1"},
		{"{issuer: 'https://idp.test', typ: ['a b']}", "no type of a token"},
		{"{issuer: 'https://idp.test', scopes: ['a b']}", `"a b" is no scope`},
		{"{issuer: 'https://idp.test', claims: {a: {b: c}}}", "a map is given where a value"},
		{"{issuer: 'https://idp.test', claims: {a: []}}", "a list is given where a value"},
		{"{issuer: 'https://idp.test', claims: {a: 'x${request.method}'}}", "write the expression alone"},
		{"{issuer: 'https://idp.test', claims: {a: '${request.nothing}'}}", "nothing"},
		{"{issuer: 'https://idp.test', forward: {'X User': sub}}", "no name of a header field"},
		{"{issuer: 'https://idp.test', forward: {Content-Length: sub}}", "made by the gateway itself"},
		{"{issuer: 'https://idp.test', forward: {X-User: ''}}", "has no claim"},
		{"{issuer: 'https://idp.test', forward: {authorization: sub}}", "authorization is where tokens stand"},
		{"{issuer: 'https://idp.test', from: 'cookie:t', forward: {Cookie: sub}}", "Cookie is where tokens stand"},
		{"{issuer: 'https://idp.test', leeway: 2h}", "the most is 1h"},
		{"{issuer: 'https://idp.test', jwks: {refresh: 1s}}", "the least is 30s"},
		{"{issuer: 'https://idp.test', issuers: [{issuer: 'https://two.test'}]}", "issuer and keys belong into the entries of issuers"},
		{"{issuers: [{issuer: 'https://idp.test'}, {issuer: 'https://idp.test'}]}", "issuers[1].issuer: this issuer stands above already"},
		{"{issuers: [{key: " + quoted(k) + "}]}", "\"issuer\" is missing"},
		{"{algorithms: [HS256], issuers: [{issuer: 'https://idp.test'}]}", "issuers[0].algorithms: HS256 does not fit"},
		{"{issuers: [{issuer: idp, key: x}]}", "issuers[0].key: it is neither PEM"},
		{"{isuer: 'https://idp.test'}", `did you mean "issuer"?`},
	} {
		_, errs := newWorld(t).try(c.yaml)
		if !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", c.yaml, errs, c.want)
		}
		if strings.Contains(errs.Error(), "pass1") || strings.Contains(errs.Error(), long) {
			t.Errorf("%s: the error shows the secret", c.yaml)
		}
	}
}

// Keys that are weak, or none, or not for this.
func TestKeys(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	good := testKey(t, "k1", "RS256")
	changed := func(change func(jwk map[string]any)) string {
		jwk := good.JWK()
		change(jwk)
		text, _ := json.Marshal(jwk)
		return string(text)
	}
	private, _ := x509.MarshalPKCS8PrivateKey(good.Private)
	huge := changed(func(m map[string]any) { m["n"] = strings.Repeat("x", 2000) })
	for _, c := range []struct{ name, text, want string }{
		{"good", changed(func(map[string]any) {}), ""},
		{"good PEM", pemOf(t, "PUBLIC KEY", good.Public()), ""},
		{"good for any algorithm", changed(func(m map[string]any) { delete(m, "alg"); delete(m, "use") }), ""},
		{"small", pemOf(t, "PUBLIC KEY", small.Public()), "has 1024 bits"},
		{"curve", pemOf(t, "PUBLIC KEY", p224.Public()), "its curve is none of"},
		{"private PEM", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "private key"},
		{"private JWK", changed(func(m map[string]any) { m["d"] = "AQAB" }), "cannot be read"},
		{"huge", huge, "larger than 8192 bits"},
		{"exponent", changed(func(m map[string]any) { m["e"] = "AQ" }), "bad e value"},
		{"even exponent", changed(func(m map[string]any) { m["e"] = "BA" }), "its RSA key is none"},
		{"use", changed(func(m map[string]any) { m["use"] = "enc" }), "not for signatures"},
		{"operations", changed(func(m map[string]any) { m["key_ops"] = []any{"sign"} }), "not for signatures"},
		{"algorithm", changed(func(m map[string]any) { m["alg"] = "ES256" }), "which its type does not fit"},
		{"secret's algorithm", changed(func(m map[string]any) { m["alg"] = "HS256" }), "not known"},
		{"unknown algorithm", changed(func(m map[string]any) { m["alg"] = "RSA-OAEP" }), "not known"},
		{"kid", changed(func(m map[string]any) { m["kid"] = 1 }), "its kid is no text"},
		{"type", changed(func(m map[string]any) { m["kty"] = "OCT" }), "cannot be read"},
		{"point", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5b0"}`, "cannot be read"},
		{"two", pemOf(t, "PUBLIC KEY", good.Public()) + pemOf(t, "PUBLIC KEY", good.Public()), "more behind the key"},
		{"odd PEM", string(pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte{1}})), "no public key"},
	} {
		_, err := parseOne([]byte(c.text))
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func pemOf(t *testing.T, kind string, public crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// A set keeps what is of use and says what is not.
func TestSets(t *testing.T) {
	good := testKey(t, "k1", "ES256").JWK()
	set := func(keys ...any) []byte {
		text, _ := json.Marshal(map[string]any{"keys": keys})
		return text
	}
	many := make([]any, 101)
	for i := range many {
		many[i] = good
	}
	for _, c := range []struct {
		name    string
		text    []byte
		keys    int
		skipped string
		want    string
	}{
		{"one", set(good), 1, "", ""},
		{"with others", set(good, map[string]any{"kty": "oct", "k": "AAAA", "kid": "s"}, map[string]any{"kty": "new"}, "x", map[string]any{"use": "enc", "kty": "RSA", "kid": "e"}), 1, "s,,,e", ""},
		{"none", []byte(`{"keys":[]}`), 0, "", "no key that signatures can be checked by"},
		{"only a secret", set(map[string]any{"kty": "oct", "k": "AAAA", "kid": "s"}), 0, "s", "no key that signatures"},
		{"too many", set(many...), 0, "", "more than 100 keys"},
		{"no set", []byte(`{"kty":"EC"}`), 0, "", "no set of keys"},
		{"a list", []byte(`[]`), 0, "", "no set of keys"},
		{"no JSON", []byte(`<html>`), 0, "", "no JSON"},
		{"twice", []byte(`{"keys":[],"keys":[]}`), 0, "", "no JSON"},
	} {
		var skipped []string
		keys, err := parseSet(c.text, func(kid string, _ error) { skipped = append(skipped, kid) })
		if len(keys) != c.keys || strings.Join(skipped, ",") != c.skipped || (err == nil) != (c.want == "") || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %d keys, without %q, %v", c.name, len(keys), skipped, err)
		}
	}
}

// Every way to give keys works, and a secret is for HS only.
func TestWaysToGiveKeys(t *testing.T) {
	rs, es, ed, ps := testKey(t, "r", "RS256"), testKey(t, "e", "ES512"), testKey(t, "d", "EdDSA"), testKey(t, "p", "PS384")
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long := strings.Repeat("s", 64)
	set := write("set.json", signed.Set(rs, es, ed, ps))
	text, _ := json.Marshal(pemOf(t, "PUBLIC KEY", es.Public()))
	for _, c := range []struct {
		name, yaml string
		good, bad  []*signed.Key
	}{
		{"jwks_file", "{jwks_file: " + set + "}", []*signed.Key{rs, es, ed, ps}, []*signed.Key{testKey(t, "x", "RS256")}},
		{"jwks_file, few algorithms", "{jwks_file: " + set + ", algorithms: [EdDSA, ES512]}", []*signed.Key{es, ed}, []*signed.Key{rs, ps}},
		{"key", "{key: " + string(text) + "}", []*signed.Key{es}, []*signed.Key{rs}},
		{"key_file", "{key_file: " + write("key.pem", []byte(pemOf(t, "PUBLIC KEY", rs.Public()))) + "}", []*signed.Key{rs}, []*signed.Key{es}},
		{"secret", "{secret: " + long + "}", []*signed.Key{{ID: "any", Algorithm: "HS256", Private: []byte(long)}, {Algorithm: "HS512", Private: []byte(long)}}, []*signed.Key{rs, {Algorithm: "HS256", Private: []byte(long[1:])}}},
		{"short secret", "{secret: " + long[:40] + "}", []*signed.Key{{Algorithm: "HS256", Private: []byte(long[:40])}}, []*signed.Key{{Algorithm: "HS384", Private: []byte(long[:40])}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newWorld(t).gate(c.yaml)
			for _, k := range c.good {
				if why, err := send(g, token(t, k, map[string]any{"exp": inAnHour()})); why != "" {
					t.Errorf("by %s: %s %v", k.Algorithm, why, err)
				}
			}
			for _, k := range c.bad {
				if why, _ := send(g, token(t, k, map[string]any{"exp": inAnHour()})); why == "" {
					t.Errorf("by %s: it passes", k.Algorithm)
				}
			}
		})
	}
}

// Of several issuers each has its own keys, audience and algorithms.
func TestSeveralIssuers(t *testing.T) {
	one, two := testKey(t, "k", "ES256"), testKey(t, "k", "RS256")
	g := newWorld(t).gate("{audience: api, issuers: [{issuer: one, key: " + quoted(one) + "}, {issuer: two, audience: [other], algorithms: RS256, key: " + quoted(two) + "}]}")
	for _, c := range []struct {
		name     string
		key      *signed.Key
		iss, aud string
		want     string
	}{
		{"first", one, "one", "api", ""},
		{"second", two, "two", "other", ""},
		{"first by the second's key", two, "one", "api", "key"},
		{"second by the first's key", one, "two", "other", "algorithm"},
		{"first for the second's audience", one, "one", "other", "audience"},
		{"second for the first's audience", two, "two", "api", "audience"},
		{"a third", one, "three", "api", "issuer"},
	} {
		if why, _ := send(g, token(t, c.key, map[string]any{"iss": c.iss, "aud": c.aud, "exp": inAnHour()})); why != c.want {
			t.Errorf("%s: %q, want %q", c.name, why, c.want)
		}
	}
}

// What the log says of keys holds no key.
func TestLogShowsNoKeys(t *testing.T) {
	var log bytes.Buffer
	p := newPublisher(&Trust{Issuer: "https://idp.test"}, fetch.New(nil), slog.New(slog.NewTextHandler(&log, nil)))
	const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
	_, err := parseSet([]byte(`{"keys":[{"kty":"oct","k":"`+secret+`","kid":"`+strings.Repeat("k", 1000)+`"}]}`), func(kid string, why error) {
		p.log.Warn("a key of an issuer is left out", "kid", shortID(kid), "error", why)
	})
	if text := log.String() + fmt.Sprint(err); strings.Contains(text, secret) || len(text) > 1000 {
		t.Errorf("got %s", text)
	}
}
