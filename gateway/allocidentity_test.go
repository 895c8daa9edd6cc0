//go:build !race && !poison

package gateway

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"sallyport/identity"
)

// Who a request is from and what it may do costs no allocation more than a plain one, once the gateway knows the credential.
func TestIdentityAllocations(t *testing.T) {
	const plain, refusal = 2, 1
	b := newTarget(t, hello)
	hash, err := identity.HashPassword("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	token, public := signed(t)
	keyed := "consumers: [ { name: acme, plan: gold, credentials: [ { api_key: { value: the-key-of-acme } }, { basic: { username: acme, password_hash: '" + hash + "' } }, { jwt: { issuer: \"https://idp.test\", claim: azp, value: acme-app } } ] } ]\n" +
		"plans: { gold: { rate_limit: 1000000/s } }\n"
	jwt := "jwt: { issuer: \"https://idp.test\", audience: api, algorithms: RS256, key: " + public + " }"
	var prefixes strings.Builder
	for n := range 1000 {
		_, _ = fmt.Fprintf(&prefixes, "\"11.%d.%d.0/24\", ", n>>8, n&255)
	}
	key, basic, bearer := "X-API-Key: the-key-of-acme\r\n", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("acme:open sesame"))+"\r\n", "Authorization: Bearer "+token+"\r\n"
	const anySecond = "any_of, by the second"
	for _, tt := range []struct{ name, policies, head, more string }{
		{"api_key", "api_key: {}", key, keyed},
		{"api_key in Authorization", "api_key: {}", "Authorization: Bearer the-key-of-acme\r\n", keyed},
		{"basic_auth", "basic_auth: {}", basic, keyed},
		{"jwt", jwt, bearer, ""},
		{"jwt of a consumer with a plan", jwt, bearer, keyed},
		{"jwt with rules and forwarding", strings.TrimSuffix(jwt, " }") + ", scopes: [read], claims: { azp: acme-app }, forward: { X-Sub: sub } }", bearer, ""},
		{"jwt, rate_limit", jwt + " }, { rate_limit: { rate: 1000000/s, per: subject }", bearer, ""},
		{"any_of, by the first", "any_of: [ { api_key: {} }, { basic_auth: {} } ]", key, keyed},
		{anySecond, "any_of: [ { api_key: {} }, { basic_auth: {} } ]", basic, keyed},
		{"authorize", `authorize: 'request.method == "GET" && request.header("accept") == "*/*"'`, "", ""},
		{"authorize by consumer", `api_key: {} }, { authorize: 'consumer.name == "acme"'`, key, keyed},
		{"ip_filter", "ip_filter: { deny: [" + strings.TrimSuffix(prefixes.String(), ", ") + "] }", "", ""},
		{"cors", "cors: { origins: [\"https://*.app.test\"], credentials: true }", "Origin: https://a.app.test\r\n", ""},
		{"cors, no page", "cors: { origins: [\"https://*.app.test\"], credentials: true }", "", ""},
		{"csrf", "csrf: {}", "Sec-Fetch-Site: same-origin\r\n", ""},
		{"security_headers", "security_headers: {}", "", ""},
		{"json_limits", "json_limits: {}", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := start(t, fmt.Sprintf("%s%supstreams: { a: { targets: [%q] } }\nroutes: [{ match: \"GET /\", policies: [ { %s } ], upstream: a }]\n", listen, tt.more, b.url(), tt.policies), Options{})
			c, err := net.Dial("tcp", g.Addresses()[0])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			most := plain
			if tt.name == anySecond { // the first one refuses, which is a problem that nobody sees
				most += refusal
			}
			alloc(t, c, tt.head, float64(most))
		})
	}
}

// signed returns a token and the key that it is good by, as a text of the document.
func signed(t *testing.T) (token, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64(fmt.Appendf(nil, `{"iss":"https://idp.test","aud":"api","sub":"u1","azp":"acme-app","scope":"read write","exp":%d}`, time.Now().Add(time.Hour).Unix()))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(signature), fmt.Sprintf("%q", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
