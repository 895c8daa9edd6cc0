package jwt

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func BenchmarkWorst(b *testing.B) {
	k := testKey(b, "k1", "RS256")
	other := testKey(b, "evil", "RS256")
	g := benchGate(b, with("issuer: 'https://idp.test', audience: api", k))
	many := func(n int, item func(int) string) string {
		var s strings.Builder
		for i := range n {
			s.WriteString("," + item(i))
		}
		return fmt.Sprintf(`{"iss":"https://idp.test","aud":"api","exp":%d%s}`, inAnHour(), s.String())
	}
	for name, claims := range map[string]string{
		"members":   many(1400, func(i int) string { return fmt.Sprintf(`"%x":1`, i) }),
		"nested":    many(1, func(int) string { return `"a":` + strings.Repeat(`[`, 190) + strings.Repeat(`]`, 190) }),
		"objects":   many(1, func(int) string { return `"a":[` + strings.Repeat(`{},`, 3900) + `{}]` }),
		"onemember": many(1, func(int) string { return `"a":[` + strings.Repeat(`{"":0},`, 1680) + `{}]` }),
		"text":      many(1, func(int) string { return `"a":"` + strings.Repeat(`x`, 11500) + `"` }),
	} {
		text := forge(b, other, `{"alg":"RS256","kid":"k1"}`, claims)
		b.Run(fmt.Sprint(name, len(text)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, why, _ := g.verifier.check(text, time.Now(), none); why != signatureNo {
					b.Fatal(why)
				}
			}
		})
	}
}
