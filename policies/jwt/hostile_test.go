package jwt

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/problem"
	"sallyport/test/signed"
)

const trusting = "issuer: 'https://idp.test', audience: api, algorithms: [RS256]"

// A hostile token is one that has to be refused.
type hostile struct {
	name, token string
	why         reason
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge makes a token of a header and claims, signed by k whatever the header says.
func forge(t testing.TB, k *signed.Key, header, claims string) string {
	t.Helper()
	text, err := k.Sign([]byte(header), []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestHostileTokens tries what the catalogue of attacks has, and more of each sort. JWT-006 is TestHeadersOpenNoConnection, JWT-023 the script
// issuer_keys, JWT-024 TestRevoked, JWT-027 TestOtherPlaces; the script hostile_tokens has most of them through the whole gateway.
func TestHostileTokens(t *testing.T) {
	k := testKey(t, "k1", "RS256")
	other := testKey(t, "other", "RS256")
	g := newWorld(t).gate(with(trusting, k))
	claims := fmt.Sprintf(`{"iss":"https://idp.test","aud":"api","sub":"ada","exp":%d}`, inAnHour())
	header := `{"alg":"RS256","kid":"k1"}`
	good := forge(t, k, header, claims)
	if why, err := send(g, good); why != "" || err != nil {
		t.Fatalf("a good token is refused: %s %v", why, err)
	}
	parts := strings.Split(good, ".")
	var all []hostile
	add := func(name string, why reason, tokens ...string) {
		for i, token := range tokens {
			all = append(all, hostile{fmt.Sprintf("%s %d", name, i), token, why})
		}
	}
	h := func(header string) string { return forge(t, k, header, claims) }
	c := func(claims string) string { return forge(t, k, header, claims) }
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", ""} {
		text := encoded(`{"alg":"`+none+`","kid":"k1"}`) + "." + parts[1] + "."
		add("JWT-001 "+none, algorithmNo, text+"AAAA", text+parts[2])
		add("JWT-001 without signature "+none, "", text) // whatever is found first
	}
	for i, secret := range publicForms(t, k) {
		hmac := &signed.Key{Algorithm: "HS256", Private: secret}
		add(fmt.Sprintf("JWT-002 form %d", i), algorithmNo, forge(t, hmac, `{"alg":"HS256","kid":"k1"}`, claims), forge(t, hmac, `{"alg":"HS256"}`, claims))
		add(fmt.Sprintf("JWT-002 as RS256, form %d", i), signatureNo, forge(t, hmac, header, claims))
	}
	rs512, ps256 := *k, *k
	rs512.Algorithm, ps256.Algorithm = "RS512", "PS256"
	add("JWT-003", algorithmNo, forge(t, &rs512, `{"alg":"RS512","kid":"k1"}`, claims), forge(t, &ps256, `{"alg":"PS256","kid":"k1"}`, claims), forge(t, testKey(t, "k1", "ES256"), `{"alg":"ES256","kid":"k1"}`, claims))
	add("JWT-004", algorithmNo, h(`{"typ":"JWT"}`), h(`{"alg":["RS256"]}`), h(`{"alg":"RS256\u0000"}`), h(`{"alg":null}`), h(`{"alg":{"RS256":1}}`), h(`{"ALG":"RS256"}`), h(`{"alg":"rs256"}`), h(`{"alg":" RS256"}`))
	jwk, _ := json.Marshal(other.JWK())
	add("JWT-005", signatureNo, forge(t, other, `{"alg":"RS256","jwk":`+string(jwk)+`}`, claims), forge(t, other, `{"alg":"RS256","kid":"k1","jwk":`+string(jwk)+`}`, claims))
	add("JWT-007", signatureNo, forge(t, other, `{"alg":"RS256","kid":"k1","x5c":["MIIB"],"x5t":"AAAA"}`, claims))
	for _, kid := range []string{"../../../../dev/null", "' UNION SELECT 'k", "http://127.0.0.1:9/", "K1", "k1 ", "", "k1\\u0000", "other"} {
		add("JWT-008 "+kid, keyNo, forge(t, other, `{"alg":"RS256","kid":"`+kid+`"}`, claims))
	}
	add("JWT-008 empty secret", algorithmNo, forge(t, &signed.Key{Algorithm: "HS256", Private: []byte{}}, `{"alg":"HS256","kid":"../../../../dev/null"}`, claims))
	add("JWT-008 long", malformed, h(`{"alg":"RS256","kid":"`+strings.Repeat("k", 1<<20)+`"}`), h(`{"alg":"RS256","kid":"`+strings.Repeat("k", 5000)+`"}`))
	add("kid of another type", malformed, h(`{"alg":"RS256","kid":1}`), h(`{"alg":"RS256","kid":["k1"]}`), h(`{"alg":"RS256","kid":null}`))
	add("JWT-010 by another key", signatureNo, forge(t, other, `{"alg":"RS256"}`, claims))
	add("JWT-017 header", malformed, h(`{"alg":"none","alg":"RS256","kid":"k1"}`), h(`{"alg":"RS256","alg":"RS256"}`), h(`{"alg":"RS256","\u0061lg":"RS256"}`))
	add("JWT-017 claims", malformed, c(`{"sub":"a","sub":"admin",`+claims[1:]), c(claims[:len(claims)-1]+`,"realm":{"r":1,"r":2}}`), c(claims[:len(claims)-1]+`,"\u0061ud":"x"}`))
	add("JWT-019", malformed, encoded(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`)+"..AAAA.AAAA.AAAA", encoded(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"enc":"A128GCM"}`)+".AA.AA.AA.AA")
	add("JWT-019 in three parts", algorithmNo, h(`{"alg":"dir","enc":"A256GCM"}`), h(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647}`))
	add("extensions", malformed, h(`{"alg":"RS256","kid":"k1","crit":["exp"]}`), h(`{"alg":"RS256","kid":"k1","crit":[]}`), h(`{"alg":"RS256","b64":false,"crit":["b64"]}`), h(`{"alg":"RS256","b64":false}`), h(`{"alg":"RS256","zip":"DEF"}`), h(`{"alg":"RS256","enc":"A128GCM"}`), h(`{"alg":"RS256","cty":"JWT"}`), h(`{"alg":"RS256","cty":"jwt"}`))
	add("types", typeNo, h(`{"alg":"RS256","kid":"k1","typ":"logout+jwt"}`), h(`{"alg":"RS256","kid":"k1","typ":"dpop+jwt"}`), h(`{"alg":"RS256","kid":"k1","typ":"secevent+jwt"}`))
	add("type of another type", malformed, h(`{"alg":"RS256","kid":"k1","typ":["JWT"]}`))
	add("header that is none", malformed, h(``), h(`[]`), h(`"RS256"`), h(`null`), h(`{"alg":"RS256"`), h(`{"alg":"RS256"}{}`), h("{\"alg\":\"RS256\xff\"}"), h("\ufeff"+header))
	add("claims that are none", "", c(``), c(`[]`), c(`null`), c(`"sub"`), c(claims+claims), c(claims[:len(claims)-1]), c("{\"sub\":\"\xff\"}"), c(claims+`,`), c(strings.Repeat("[", 300)))
	add("parts", malformed, ".", "..", "...", parts[0], parts[0]+"."+parts[1], good+".", "."+good, good+"."+parts[2], strings.Repeat(".", 10000), parts[0]+"."+parts[1]+".")
	add("no claims", issuerNo, parts[0]+".."+parts[2])
	add("base64", malformed, parts[0]+"=."+parts[1]+"."+parts[2], good+"=", parts[0]+".\n"+parts[1]+"."+parts[2], parts[0]+"."+parts[1]+"\r\n."+parts[2], strings.Replace(good, ".", " .", 1), good+"+", good+"/", good+"AAA", good+"\x00")
	add("bits left over", malformed, good[:len(good)-1]+string(leftOver(good[len(good)-1])))
	add("too long", malformed, strings.Repeat("A", 17<<10), c(claims[:len(claims)-1]+`,"x":"`+strings.Repeat("x", 17<<10)+`"}`))
	add("signature", signatureNo, signed.Flip(good), parts[0]+"."+parts[1]+"."+encoded(strings.Repeat("\x00", 256)), parts[0]+"."+parts[1]+".AA", forge(t, other, header, claims), parts[0]+"."+encoded(claims[:len(claims)-1]+`,"admin":true}`)+"."+parts[2])
	in := func(s string) string { return strings.Replace(claims, `"https://idp.test"`, s, 1) }
	add("issuer", issuerNo, c(in(`"https://idp.test/"`)), c(in(`"HTTPS://idp.test"`)), c(in(`""`)), c(`{"aud":"api","exp":9999999999}`), c(in(`"https://evil.test"`)), c(in(`null`)), c(in(`"https://idp.test\u0000"`)))
	add("issuer of another type", issuerNo, c(in(`["https://idp.test"]`)), c(in(`1`)))
	of := func(s string) string { return strings.Replace(claims, `"api"`, s, 1) }
	add("audience", audienceNo, c(of(`"apis"`)), c(of(`"API"`)), c(of(`""`)), c(of(`["a","b"]`)), c(of(`"api "`)), c(fmt.Sprintf(`{"iss":"https://idp.test","exp":%d}`, inAnHour())), c(of(`"*"`)))
	add("audience of another type", malformed, c(of(`[]`)), c(of(`["api",1]`)), c(of(`{"api":1}`)), c(of(`null`)), c(of(`1`)), c(of(`[["api"]]`)))
	at := func(more string) string { return c(`{"iss":"https://idp.test","aud":"api"` + more + `}`) }
	now := time.Now().Unix()
	add("expired", expired, at(`,"exp":0`), at(`,"exp":1.5`), at(fmt.Sprintf(`,"exp":%d`, now-61)), at(fmt.Sprintf(`,"exp":%d`, now-3600)))
	add("no exp", lacking, at(``), at(`,"EXP":9999999999`))
	add("times of another type", malformed, at(`,"exp":"9999999999"`), at(`,"exp":-1`), at(`,"exp":1e999999999`), at(`,"exp":1e20`), at(`,"exp":null`), at(`,"exp":true`), at(`,"exp":[9999999999]`), at(`,"exp":9223372036854775808`),
		at(`,"exp":9999999999,"nbf":"0"`), at(`,"exp":9999999999,"iat":"0"`), at(`,"exp":9999999999,"iat":-5`), at(`,"exp":NaN`), at(`,"exp":0x7fffffff`), at(`,"exp":+9999999999`), at(`,"exp":-1.5`))
	add("early", early, at(fmt.Sprintf(`,"exp":9999999999,"nbf":%d`, now+120)), at(fmt.Sprintf(`,"exp":9999999999,"iat":%d`, now+120)), at(`,"exp":9999999999,"nbf":9999999998`))
	for _, a := range all {
		why, err := send(g, a.token)
		var p *problem.Problem
		if why == "" || !errors.As(err, &p) || p.Name != "invalid_token" || p.Status != 401 || len(p.Header) != 1 || !strings.HasPrefix(p.Header[0][1], `Bearer error="invalid_token"`) {
			t.Errorf("%s: %q %v, want invalid_token", a.name, why, err)
		}
		if a.why != "" && why != string(a.why) {
			t.Errorf("%s: %s, want %s", a.name, why, a.why)
		}
	}
	if why, err := send(g, good); why != "" || err != nil {
		t.Errorf("after all that a good token is refused: %s %v", why, err)
	}
}

// leftOver returns the character that differs from c in the bits that do not count.
func leftOver(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)^1]
}

// publicForms are the public key of k in all ways that somebody might take for a secret.
func publicForms(t *testing.T, k *signed.Key) [][]byte {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	jwk, _ := json.Marshal(k.JWK())
	return [][]byte{text, text[:len(text)-1], der, jwk, append(jwk, '\n'), signed.Set(k), {}}
}

// Good tokens of unusual form, so that what is refused above is refused for its reason.
func TestUnusualTokens(t *testing.T) {
	k := testKey(t, "k1", "RS256")
	g := newWorld(t).gate(with(trusting+", typ: [JWT, at+jwt]", k))
	rest := `"iss":"https://idp.test","aud":"api"`
	now := time.Now().Unix()
	for _, c := range []struct{ name, header, claims string }{
		{"no kid", `{"alg":"RS256"}`, `{` + rest + `,"exp":9999999999}`},
		{"a key of the header is not looked at", `{"alg":"RS256","kid":"k1","jwk":{"kty":"oct"},"jku":"http://127.0.0.1:9/","x5u":"http://127.0.0.1:9/","x5t":"AA"}`, `{` + rest + `,"exp":9999999999}`},
		{"types", `{"alg":"RS256","typ":"application/at+JWT"}`, `{` + rest + `,"exp":9999999999}`},
		{"fractions", `{"alg":"RS256","typ":"jwt"}`, fmt.Sprintf(`{%s,"exp":%d.5,"nbf":%d.25,"iat":1.7e9}`, rest, now+1, now)},
		{"just expired", `{"alg":"RS256"}`, fmt.Sprintf(`{%s,"exp":%d}`, rest, now-50)},
		{"almost valid", `{"alg":"RS256"}`, fmt.Sprintf(`{%s,"exp":9999999999,"nbf":%d}`, rest, now+50)},
		{"several audiences", `{"alg":"RS256"}`, `{"iss":"https://idp.test","aud":["a","api"],"exp":253402300799}`},
		{"white space", " {\"alg\" : \"RS256\"}\n", ` { "iss" : "https:\/\/idp.test", "aud":"\u0061pi", "exp" : 9999999999 } `},
	} {
		if why, err := send(g, forge(t, k, c.header, c.claims)); why != "" || err != nil {
			t.Errorf("%s: %s %v", c.name, why, err)
		}
	}
}
