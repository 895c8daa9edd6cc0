package intruders

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// This file has tokens of our own invention.

func selfSigned(key *rsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return der
}

func (s *issuer) signatures() []attempt {
	right := func(change func(b []byte) []byte) signer {
		return func(signed string) []byte { return change(rs(s.rsa)(signed)) }
	}
	of := func(name string, sign signer) attempt { return attempt{name, token(rs256, claims(nil), sign)} }
	good, other := s.good(), s.saying(set{"sub": "admin"})
	head, sig := good[:strings.LastIndexByte(good, '.')], good[strings.LastIndexByte(good, '.')+1:]
	return []attempt{
		of("all zero", bytesOf(make([]byte, 256))), of("one byte", bytesOf("x")), of("a bit", right(func(b []byte) []byte { b[200] ^= 1; return b })),
		of("short", right(func(b []byte) []byte { return b[:255] })), of("long", right(func(b []byte) []byte { return append(b, 0) })), of("a zero in front", right(func(b []byte) []byte { return append([]byte{0}, b...) })),
		of("as large as the modulus", bytesOf(s.rsa.N.Bytes())), of("more than the modulus", right(func(b []byte) []byte {
			return new(big.Int).Add(new(big.Int).SetBytes(b), s.rsa.N).Bytes()
		})),
		of("of nothing", func(string) []byte { return rs(s.rsa)("") }), of("of the payload alone", func(signed string) []byte { return rs(s.rsa)(strings.SplitN(signed, ".", 2)[1]) }),
		{"of another token", head + other[strings.LastIndexByte(other, '.'):]}, {"another payload", strings.SplitN(good, ".", 2)[0] + "." + b64(claims(set{"sub": "admin"})) + "." + sig},
		{"cut off", head}, {"cut off with its dot", head + "."}, {"twice", good + "." + sig}, {"a dot behind", good + "."}, {"a dot in front", "." + good}, {"dots only", ".."}, {"many dots", strings.Repeat(".", 5000)},
		{"four parts", head + ".AA." + sig}, {"the parts in another order", sig + "." + head},
	}
}

func (s *issuer) encodings() []attempt {
	good := s.good()
	parts := strings.Split(good, ".")
	last := parts[2]
	bits := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", last[len(last)-1])
	spare := last[:len(last)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[bits^1])
	std := base64.RawStdEncoding.EncodeToString
	decoded, _ := base64.RawURLEncoding.DecodeString(last)
	odd := std([]byte(strings.Repeat("\xff\xef\xbf", 60) + "~"))
	return []attempt{
		{"= behind the header", parts[0] + "=." + parts[1] + "." + parts[2]}, {"= behind the payload", parts[0] + "." + parts[1] + "==." + parts[2]}, {"= behind the signature", good + "=="},
		{"spare bits in the signature", parts[0] + "." + parts[1] + "." + spare}, {"+ and / in place of - and _", parts[0] + "." + parts[1] + "." + std(decoded) + odd},
		{"a space", parts[0] + ". " + parts[1] + "." + parts[2]}, {"a tab", parts[0] + ".\t" + parts[1] + "." + parts[2]}, {"escaped", strings.ReplaceAll(good, ".", "%2e")}, {"percent", good[:10] + "%00" + good[10:]},
		{"a comma and another", good + "," + good}, {"quotes", `"` + good + `"`}, {"brackets", "<" + good + ">"}, {"full-width dots", strings.ReplaceAll(good, ".", "．")}, {"not base64", "!!!." + parts[1] + "." + parts[2]},
		{"a BOM", "\xef\xbb\xbf" + good}, {"Bearer twice", "Bearer " + good}, {"five bytes of base64 that cannot be", "AAAAA." + parts[1] + "." + parts[2]}, {"empty header", "." + parts[1] + "." + parts[2]}, {"empty payload", parts[0] + ".." + parts[2]},
		{"all in JSON", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`},
	}
}

func (s *issuer) headers() (all []attempt) {
	for name, header := range map[string]string{
		"crit exp": `"crit":["exp"]`, "crit unknown": `"crit":["x"],"x":1`, "crit without its field": `"crit":["x"]`, "crit empty": `"crit":[]`, "crit null": `"crit":null`, "crit text": `"crit":"exp"`, "crit alg": `"crit":["alg"]`,
		"crit b64": `"crit":["b64"],"b64":false`, "b64 as text": `"b64":"false"`, "zip": `"zip":"DEF"`, "typ of another kind": `"typ":"logout+jwt"`, "dpop": `"typ":"dpop+jwt"`,
		"security event": `"typ":"secevent+jwt"`, "typ JWE": `"typ":"JOSE+JSON"`, "typ number": `"typ":1`, "typ array": `"typ":["JWT"]`,
	} {
		all = append(all, attempt{name, s.headed(`{"alg":"RS256","kid":"k1",` + header + `}`)})
	}
	for name, header := range map[string]string{
		"an array": `["RS256"]`, "text": `"RS256"`, "null": `null`, "a number": `1`, "nothing": ``, "spaces": `  `, "a BOM": "\xef\xbb\xbf" + rs256, "garbage behind": rs256 + `x`, "two objects": rs256 + rs256, "a comment": `/**/` + rs256,
		"a comma too much": `{"alg":"RS256","kid":"k1",}`, "single quotes": `{'alg':'RS256','kid':'k1'}`, "invalid UTF-8": "{\"alg\":\"RS256\",\"kid\":\"k1\",\"x\":\"\xff\"}", "half a surrogate": `{"alg":"RS256","kid":"k1","x":"\ud800"}`,
		"deep": `{"alg":"RS256","kid":"k1","x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, "NaN": `{"alg":"RS256","kid":"k1","x":NaN}`, "a NUL": "{\"alg\":\"RS256\",\"kid\":\"k1\"\x00}",
	} {
		all = append(all, attempt{name, s.headed(header)})
	}
	return all
}

func (s *issuer) times() (all []attempt) {
	now := time.Now().Unix()
	for name, change := range map[string]set{
		"no exp": {"exp": nil}, "past": {"exp": now - 100}, "long past": {"exp": 1}, "zero": {"exp": 0}, "negative": {"exp": -1}, "text": {"exp": fmt.Sprint(now + 1000)}, "a date": {"exp": "2099-01-01T00:00:00Z"}, "true": {"exp": true},
		"a list": {"exp": []any{now + 1000}}, "an object": {"exp": set{"": now + 1000}}, "not yet": {"nbf": now + 1000}, "nbf text": {"nbf": "now"}, "nbf true": {"nbf": true}, "iat in the future": {"iat": now + 10_000}, "iat text": {"iat": "x"},
		"EXP": {"exp": nil, "EXP": now + 1000}, "Exp beside exp": {"exp": now - 1000, "Exp": now + 1000}, "milliseconds ago": {"exp": now - 61},
	} {
		all = append(all, attempt{name, s.saying(change)})
	}
	for _, exp := range []string{"1e400", "-1e400", "9223372036854775808", "-9223372036854775809", "1e19", "99999999999999999999999999", "NaN", "Infinity", "0x7fffffff", "1_000_000_000_000", "01999999999", "1.e9", "null", strings.Repeat("9", 5000)} {
		all = append(all, attempt{fmt.Sprintf("exp %.20s", exp), s.changed(`{"iss":"https://idp.test","aud":"api","sub":"u1","exp":` + exp + `}`)})
	}
	return all
}

func (s *issuer) issuers() (all []attempt) {
	for _, iss := range []any{nil, "", "https://idp.test/", "https://idp.test.evil.test", "https://idp.tes", "https://IDP.test", "http://idp.test", "https://idp.test\x00", " https://idp.test", "https://idp.test ", "https://idp.test#", "https://idp.test?",
		"https://evil.test/https://idp.test", "https://idp.test@evil.test", "https://ıdp.test", []string{"https://idp.test"}, []string{"https://evil.test", "https://idp.test"}, set{"url": "https://idp.test"}, 1, true} {
		all = append(all, attempt{fmt.Sprintf("%.40q", fmt.Sprint(iss)), s.saying(set{"iss": iss})})
	}
	return append(all, attempt{"ISS", s.saying(set{"iss": nil, "ISS": "https://idp.test"})}, attempt{"Iss beside iss", s.saying(set{"iss": "https://evil.test", "Iss": "https://idp.test"})})
}

func (s *issuer) audiences() (all []attempt) {
	for _, aud := range []any{nil, "", "other", "API", "api ", " api", "api,other", "api other", "apis", "ap", "*", "api\x00", []any{}, []any{"other"}, []any{[]any{"api"}}, []any{""}, set{"0": "api"}, set{"api": true}, 0, true, []any{1, "other"}} {
		all = append(all, attempt{fmt.Sprintf("%.40q", text(aud)), s.saying(set{"aud": aud})})
	}
	return append(all, attempt{"AUD", s.saying(set{"aud": nil, "AUD": "api"})}, attempt{"azp in its place", s.saying(set{"aud": nil, "azp": "api"})}, attempt{"client_id in its place", s.saying(set{"aud": nil, "client_id": "api"})})
}

func (s *issuer) payloads() (all []attempt) {
	good := claims(nil)
	for name, payload := range map[string]string{
		"an array": "[" + good + "]", "text": `"x"`, "null": "null", "true": "true", "a number": "1", "nothing": "", "spaces": " ", "a BOM": "\xef\xbb\xbf" + good, "garbage behind": good + "x", "two objects": good + good, "a NUL behind": good + "\x00",
		"invalid UTF-8": strings.Replace(good, "u1", "\xff", 1), "half a surrogate": strings.Replace(good, "u1", `\ud800`, 1), "a comment": "/**/" + good, "cut off": good[:len(good)-1], "a control in text": strings.Replace(good, "u1", "a\nb", 1),
		"deep": strings.Replace(good, `"u1"`, `"u1","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000), 1), "not JSON": "iss=https://idp.test&aud=api", "nested": token(rs256, good, rs(s.rsa)),
	} {
		all = append(all, attempt{name, s.changed(payload)})
	}
	return all
}

func (s *issuer) wrongKeys() []attempt {
	return []attempt{
		{"the attacker's", token(rs256, claims(nil), rs(s.evil))}, {"the other issuer's", token(rs256, claims(nil), rs(s.other))}, {"the other issuer's by its kid", token(`{"alg":"RS256","kid":"o1"}`, claims(nil), rs(s.other))},
		{"RS512 by the attacker", token(`{"alg":"RS512","kid":"k1"}`, claims(nil), pkcs1(s.evil, crypto.SHA512))}, {"the secret of another route", token(`{"alg":"HS256"}`, claims(nil), hs(secret))},
		{"a key that is not there", token(`{"alg":"RS256","kid":"k9"}`, claims(nil), rs(s.rsa))}, {"the digest itself", token(rs256, claims(nil), func(signed string) []byte {
			em := append([]byte{0, 1}, []byte(strings.Repeat("\xff", 202))...)
			em = append(em, 0)
			return append(em, []byte(signed)[:51]...)
		})},
	}
}
