package jwt

import (
	"strings"
	"testing"
)

// FuzzParse looks for tokens that are read in a way that is not the strict one: what can be read has to come out the same when it is written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{rfcHS256, rfcRS256, rfcES256, rfcUnsigned, rfcCritical, rfcEncrypted, "..", "e30.e30.AA", "eyJhbGciOiJSUzI1NiJ9.e30.AA", strings.Repeat("A.", 10)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, why := parse(token, new(heads))
		if why != good {
			return
		}
		parts := strings.Split(token, ".")
		if len(parts) != 3 || len(token) > maxToken {
			t.Fatalf("it has %d parts and %d bytes", len(parts), len(token))
		}
		for _, part := range parts {
			b, ok := decode(part)
			if !ok || strict.EncodeToString(b) != part {
				t.Fatalf("%q can be read in two ways", part)
			}
		}
		if why := p.open(); why != good {
			return
		}
		if iss, is := p.claims["iss"].(string); is && iss != "" {
			if found := issuerOf(p.text); found != iss && found != "" {
				t.Fatalf("the issuer is %q or %q", iss, found)
			}
		}
		if string(p.signed) != parts[0]+"."+parts[1] || p.algorithm == nil || p.claims == nil {
			t.Fatal("what is signed is not what was read")
		}
		d := demands{}
		_, _ = d.when(p.claims)
		_, _ = scopes(p.claims)
		_, _ = texts(p.claims["aud"])
		_, _ = find(p.claims, "a.b.c")
	})
}
