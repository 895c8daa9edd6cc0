package jwt

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/test/signed"
	"sallyport/wire"
)

// usual is a token as identity providers make them, of about 800 bytes.
func usual(t testing.TB, k *signed.Key) string {
	return token(t, k, map[string]any{
		"iss": "https://idp.example.com/realms/shop", "sub": "0f9a1c52-6a5b-4e63-9f27-8d3f2c1b7a60", "aud": []string{"orders", "account"}, "azp": "web",
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "jti": "5d1f8d1e-0c57-4f4d-9b5e-3f7a1d2c4b5a", "scope": "openid read write",
		"realm_access": map[string]any{"roles": []string{"clerk", "manager"}}, "email": "ada@example.com", "email_verified": true,
	})
}

const benched = "issuer: 'https://idp.example.com/realms/shop', audience: orders, scopes: [read], claims: {realm_access.roles: [admin, clerk]}"

func BenchmarkWarm(b *testing.B) {
	k := testKey(b, "k1", "RS256")
	text := usual(b, k)
	g := benchGate(b, with(benched, k))
	x := asked("")
	value := "Bearer " + text
	x.Request.Header.AddKnown(wire.Authorization, value)
	b.ReportAllocs()
	for b.Loop() {
		x.Request.Header.Reset()
		x.Request.Header.AddKnown(wire.UserAgent, "x")
		x.Request.Header.AddKnown(wire.Accept, "*/*")
		x.Request.Header.AddKnown(wire.Authorization, value)
		if _, err := g.Handle(x, next); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCold(b *testing.B) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		k := testKey(b, "k1", alg)
		text := usual(b, k)
		g := benchGate(b, with(benched+", cache: {tokens: 0}", k))
		b.Run(alg, func(b *testing.B) {
			for b.Loop() {
				if _, why, _ := g.verifier.check(text, time.Now(), none); why != good {
					b.Fatal(why)
				}
			}
		})
		b.Run(alg+"/crypto", func(b *testing.B) {
			p, _ := parse(text, new(heads))
			known, _ := newKey(k.Public())
			for b.Loop() {
				if !p.algorithm.verify(known, p.signed, p.signature) {
					b.Fatal()
				}
			}
		})
	}
}

func BenchmarkRSAAlone(b *testing.B) {
	k := testKey(b, "k1", "RS256")
	text := usual(b, k)
	signing, _, _ := cutLast(text)
	p, _ := parse(text, new(heads))
	for b.Loop() {
		sum := sha256.Sum256([]byte(signing))
		if rsa.VerifyPKCS1v15(k.Public().(*rsa.PublicKey), crypto.SHA256, sum[:], p.signature) != nil {
			b.Fatal()
		}
	}
}

func cutLast(s string) (string, string, bool) {
	i := strings.LastIndexByte(s, '.')
	return s[:i], s[i+1:], true
}

func benchGate(b *testing.B, yaml string) *gate {
	b.Helper()
	var g *gate
	w := newWorld(nil)
	n, errs := parseYAML(yaml)
	if len(errs) == 0 {
		var p policy.Policy
		p, errs = Kind.Build(n, "jwt", w.env())
		g, _ = p.(*gate)
	}
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	return g
}

func BenchmarkParse(b *testing.B) {
	k := testKey(b, "k1", "RS256")
	text := usual(b, k)
	b.ReportAllocs()
	for b.Loop() {
		if _, why := parse(text, new(heads)); why != good {
			b.Fatal(why)
		}
	}
}

// BenchmarkWorst is tokens that are made to be dear to refuse, each about as long as one can be. None may cost more than one of that length that is good.
func BenchmarkWorst(b *testing.B) {
	k, other := testKey(b, "k1", "RS256"), testKey(b, "evil", "RS256")
	g := benchGate(b, with("issuer: 'https://idp.test', audience: api", k))
	var members strings.Builder
	for i := range 1400 {
		fmt.Fprintf(&members, `,"%x":1`, i)
	}
	for name, more := range map[string]string{
		"many members": members.String(),
		"nested":       `,"a":` + strings.Repeat(`[`, 190) + strings.Repeat(`]`, 190),
		"many objects": `,"a":[` + strings.Repeat(`{"":0},`, 1680) + `{}]`,
		"long text":    `,"a":"` + strings.Repeat(`x`, 11500) + `"`,
	} {
		text := forge(b, other, `{"alg":"RS256","kid":"k1"}`, fmt.Sprintf(`{"iss":"https://idp.test","aud":"api","exp":%d%s}`, inAnHour(), more))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, why, _ := g.verifier.check(text, time.Now(), none); why != signatureNo {
					b.Fatal(why)
				}
			}
		})
	}
}
