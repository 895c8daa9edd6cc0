package intruders

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// An attempt is a token that must be kept out, by name.
type attempt struct {
	name  string
	token string
}

// hostileTokens are those of the catalogue, by its ids, and of the same classes.
func hostileTokens(l *lab) map[string][]attempt {
	s := l.issuer
	return map[string][]attempt{
		"JWT-001": s.unsigned(), "JWT-002": s.confused(), "JWT-003": s.otherAlgorithms(), "JWT-004": s.strangeAlgorithms(),
		"JWT-005": s.embedded(), "JWT-006": s.linked(l.evilURL), "JWT-007": s.chained(), "JWT-008": s.namedKeys(l.evilURL),
		"JWT-010": s.unnamedKeys(), "JWT-017": s.doubled(), "JWT-019": encrypted(),
		"own: signatures": s.signatures(), "own: encoding": s.encodings(), "own: headers": s.headers(), "own: times": s.times(),
		"own: issuers": s.issuers(), "own: audiences": s.audiences(), "own: payloads": s.payloads(), "own: keys": s.wrongKeys(),
	}
}

func (s *issuer) unsigned() (all []attempt) {
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", " none", "", "null", "non\u0435", "HS256\u0000none"} {
		header := text(set{"alg": alg, "typ": "JWT", "kid": "k1"})
		all = append(all, attempt{"no signature, " + alg, token(header, claims(nil), bytesOf(""))},
			attempt{"any signature, " + alg, token(header, claims(nil), bytesOf("0123456789abcdef"))},
			attempt{"right signature, " + alg, token(header, claims(nil), rs(s.rsa))})
	}
	return append(all, attempt{"no signature, RS256", token(rs256, claims(nil), bytesOf(""))},
		attempt{"no alg, no signature", token(`{"typ":"JWT"}`, claims(nil), bytesOf(""))})
}

// confused are signed by HMAC with what everybody knows: the public key.
func (s *issuer) confused() (all []attempt) {
	der, _ := x509.MarshalPKIXPublicKey(&s.rsa.PublicKey)
	pkcs := x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey)
	file := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for name, key := range map[string]string{
		"PEM": file, "PEM without its last newline": strings.TrimSpace(file), "PEM with CRLF": strings.ReplaceAll(file, "\n", "\r\n"), "DER": string(der), "PKCS #1": string(pkcs),
		"PEM of PKCS #1": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs})), "JWK": text(rsaJWK("k1", &s.rsa.PublicKey, nil)),
		"JWK as published": text(s.keys[0]), "modulus": string(s.rsa.N.Bytes()), "n": b64(s.rsa.N.Bytes()), "the kid": "k1", "nothing": "", "a NUL": "\x00",
		"the secret of another route": secret, "the secret in the set": b64(secret),
	} {
		for _, kid := range []string{`,"kid":"k1"`, "", `,"kid":"h1"`} {
			all = append(all, attempt{name + kid, token(`{"alg":"HS256","typ":"JWT"`+kid+`}`, claims(nil), hs(key))})
		}
		all = append(all, attempt{name + ", HS512", token(`{"alg":"HS512","kid":"k1"}`, claims(nil), hs512(key))},
			attempt{name + ", called RS256", token(rs256, claims(nil), hs(key))})
	}
	return all
}

func (s *issuer) otherAlgorithms() []attempt {
	return []attempt{
		{"RS512", token(`{"alg":"RS512","kid":"k1"}`, claims(nil), pkcs1(s.rsa, crypto.SHA512))}, {"RS384", token(`{"alg":"RS384","kid":"k1"}`, claims(nil), pkcs1(s.rsa, crypto.SHA384))},
		{"PS256", token(`{"alg":"PS256","kid":"k1"}`, claims(nil), pss(s.rsa, crypto.SHA256))}, {"PS256 called RS256", token(rs256, claims(nil), pss(s.rsa, crypto.SHA256))},
		{"RS512 called RS256", token(rs256, claims(nil), pkcs1(s.rsa, crypto.SHA512))}, {"RS1", token(`{"alg":"RS1","kid":"k1"}`, claims(nil), pkcs1(s.rsa, crypto.SHA1))},
		{"RS1 called RS256", token(rs256, claims(nil), pkcs1(s.rsa, crypto.SHA1))}, {"ES256", token(`{"alg":"ES256","kid":"e1"}`, claims(nil), s.es)},
		{"EdDSA", token(`{"alg":"EdDSA","kid":"d1"}`, claims(nil), s.eddsa)}, {"ES256 with an RSA key", token(`{"alg":"ES256","kid":"k1"}`, claims(nil), s.es)},
		{"RS256 with an EC key", token(`{"alg":"RS256","kid":"e1"}`, claims(nil), s.es)}, {"ES256 in DER", token(`{"alg":"ES256","kid":"e1"}`, claims(nil), s.der)},
	}
}

func (s *issuer) strangeAlgorithms() (all []attempt) {
	for _, alg := range []string{`["RS256"]`, `"RS256\u0000"`, `null`, `256`, `true`, `{"name":"RS256"}`, `"rs256"`, `" RS256"`, `"RS256 "`, `"Rs256"`, `"\u212AS256"`, `["none"]`, `"RS256,none"`, `"RS256/none"`} {
		all = append(all, attempt{alg, s.headed(`{"alg":` + alg + `,"kid":"k1","typ":"JWT"}`)})
	}
	return append(all, attempt{"no alg", s.headed(`{"typ":"JWT","kid":"k1"}`)}, attempt{"ALG", s.headed(`{"ALG":"RS256","kid":"k1"}`)}, attempt{"enc in its place", s.headed(`{"enc":"RS256","kid":"k1"}`)})
}

func (s *issuer) embedded() []attempt {
	key := text(rsaJWK("evil", &s.evil.PublicKey, nil))
	mine := text(rsaJWK("k1", &s.evil.PublicKey, nil))
	return []attempt{
		{"jwk", token(`{"alg":"RS256","jwk":`+key+`}`, claims(nil), rs(s.evil))}, {"jwk and kid", token(`{"alg":"RS256","kid":"k1","jwk":`+key+`}`, claims(nil), rs(s.evil))},
		{"jwk called k1", token(`{"alg":"RS256","kid":"k1","jwk":`+mine+`}`, claims(nil), rs(s.evil))},
		{"jwk that is a secret", token(`{"alg":"HS256","jwk":{"kty":"oct","k":"`+b64("k")+`"}}`, claims(nil), hs("k"))},
		{"jwks", token(`{"alg":"RS256","jwks":{"keys":[`+key+`]}}`, claims(nil), rs(s.evil))}, {"jwk in the payload", token(`{"alg":"RS256"}`, claims(set{"cnf": set{"jwk": rsaJWK("k1", &s.evil.PublicKey, nil)}}), rs(s.evil))},
	}
}

func (s *issuer) linked(evil string) (all []attempt) {
	for _, name := range []string{"jku", "x5u", "jwks_uri", "iss"} {
		for _, kid := range []string{"k1", "evil"} {
			all = append(all, attempt{name + ", kid " + kid, token(text(set{"alg": "RS256", "kid": kid, name: evil + "/jwks"}), claims(nil), rs(s.evil))})
		}
	}
	return append(all, attempt{"the issuer of the attacker", token(`{"alg":"RS256","kid":"evil"}`, claims(set{"iss": evil}), rs(s.evil))})
}

func (s *issuer) chained() []attempt {
	der := x509.MarshalPKCS1PublicKey(&s.evil.PublicKey)
	chain := []string{base64.StdEncoding.EncodeToString(selfSigned(s.evil))}
	return []attempt{
		{"x5c", token(text(set{"alg": "RS256", "x5c": chain}), claims(nil), rs(s.evil))}, {"x5c and kid", token(text(set{"alg": "RS256", "kid": "k1", "x5c": chain}), claims(nil), rs(s.evil))},
		{"x5c that is none", token(text(set{"alg": "RS256", "x5c": []string{b64(der)}}), claims(nil), rs(s.evil))}, {"x5t#S256", token(text(set{"alg": "RS256", "x5t#S256": b64(der[:32])}), claims(nil), rs(s.evil))},
	}
}

func (s *issuer) namedKeys(evil string) (all []attempt) {
	for _, kid := range []string{"../../../../dev/null", "/dev/null", "' UNION SELECT 'k", "k1' OR '1'='1", "k1;id", "$(id)", "`id`", evil + "/", "http://127.0.0.1:9/", "file:///etc/hostname",
		"k1\x00", "\x00", "K1", " k1", "k1 ", "k1/../k1", "k1\r\nX-User-Id: admin", strings.Repeat("k", 20_000), "h1", "enc", "*", "%", "0", "k1,k2"} {
		name := fmt.Sprintf("%.30q", kid)
		all = append(all, attempt{name + " by the attacker", token(text(set{"alg": "RS256", "kid": kid}), claims(nil), rs(s.evil))},
			attempt{name + " with an empty secret", token(text(set{"alg": "HS256", "kid": kid}), claims(nil), hs(""))})
	}
	for _, kid := range []string{`1`, `["k1"]`, `{"kid":"k1"}`, `true`, `1e400`} {
		all = append(all, attempt{"kid " + kid, s.headed(`{"alg":"RS256","kid":` + kid + `}`)})
	}
	return append(all, attempt{"a key for encryption", token(`{"alg":"RS256","kid":"enc"}`, claims(nil), rs(s.encryption))},
		attempt{"another key of the set", token(`{"alg":"RS256","kid":"k2"}`, claims(nil), rs(s.rsa))}, attempt{"the kid of another key", token(rs256, claims(nil), rs(s.second))})
}

func (s *issuer) unnamedKeys() []attempt {
	return []attempt{
		{"by the attacker", token(`{"alg":"RS256"}`, claims(nil), rs(s.evil))}, {"for encryption", token(`{"alg":"RS256"}`, claims(nil), rs(s.encryption))},
		{"by HMAC with the set's secret", token(`{"alg":"HS256"}`, claims(nil), hs(secret))}, {"by HMAC with the modulus", token(`{"alg":"HS256"}`, claims(nil), hs(s.rsa.N.Bytes()))},
		{"an empty kid by the attacker", token(`{"alg":"RS256","kid":""}`, claims(nil), rs(s.evil))},
	}
}

func (s *issuer) doubled() []attempt {
	now := time.Now().Unix()
	return []attempt{
		{"alg none first", s.headed(`{"alg":"none","alg":"RS256","kid":"k1"}`)}, {"alg none last", token(`{"alg":"RS256","alg":"none","kid":"k1"}`, claims(nil), bytesOf(""))},
		{"alg twice the same", s.headed(`{"alg":"RS256","alg":"RS256","kid":"k1"}`)}, {"kid twice", s.headed(`{"alg":"RS256","kid":"evil","kid":"k1"}`)},
		{"alg escaped", s.headed(`{"alg":"none","\u0061lg":"RS256","kid":"k1"}`)},
		{"sub twice", s.changed(strings.Replace(claims(nil), `"sub":"u1"`, `"sub":"a","sub":"admin"`, 1))}, {"sub escaped", s.changed(strings.Replace(claims(nil), `"sub":"u1"`, `"sub":"a","s\u0075b":"admin"`, 1))},
		{"exp twice", s.changed(fmt.Sprintf(`{"iss":"https://idp.test","aud":"api","exp":%d,"exp":%d}`, now-4000, now+4000))},
		{"exp twice, the other way", s.changed(fmt.Sprintf(`{"iss":"https://idp.test","aud":"api","exp":%d,"exp":%d}`, now+4000, now-4000))},
		{"aud twice", s.changed(strings.Replace(claims(nil), `"aud":"api"`, `"aud":"other","aud":"api"`, 1))}, {"deep", s.changed(strings.Replace(claims(nil), `"sub":"u1"`, `"sub":"u1","act":{"sub":"a","sub":"b"}`, 1))},
	}
}

func encrypted() []attempt {
	five := func(header string) string {
		return b64(header) + "." + b64("key") + "." + b64("0123456789ab") + "." + b64(strings.Repeat("x", 1000)) + "." + b64("0123456789abcdef")
	}
	return []attempt{
		{"zip", five(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`)}, {"PBES2", five(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`)},
		{"RSA-OAEP", five(`{"alg":"RSA-OAEP","enc":"A256GCM","kid":"enc"}`)}, {"RSA1_5", five(`{"alg":"RSA1_5","enc":"A128CBC-HS256"}`)}, {"called RS256", five(rs256)},
		{"ECDH-ES off the curve", five(`{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`)},
	}
}
