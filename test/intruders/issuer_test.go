package intruders

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"
)

// An issuer signs tokens, good ones and all others, and publishes its keys. Nothing here is a library for tokens: those do not make bad ones.
type issuer struct {
	rsa, second, encryption, evil, other *rsa.PrivateKey
	ec                                   *ecdsa.PrivateKey
	ed                                   ed25519.PrivateKey

	mu   sync.Mutex
	keys []any // published; guarded by mu
}

// rsaKeys are made once: it takes a while.
var rsaKeys = sync.OnceValue(func() (keys [6]*rsa.PrivateKey) {
	for i := range keys {
		keys[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return keys
})

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	keys := rsaKeys()
	s := &issuer{rsa: keys[0], second: keys[1], encryption: keys[2], evil: keys[3], other: keys[4]}
	var err error
	if s.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, s.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	point, err := s.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s.keys = []any{
		rsaJWK("k1", &s.rsa.PublicKey, map[string]any{"alg": "RS256", "use": "sig"}), rsaJWK("k2", &s.second.PublicKey, nil),
		rsaJWK("enc", &s.encryption.PublicKey, map[string]any{"use": "enc"}),
		map[string]any{"kty": "EC", "kid": "e1", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		map[string]any{"kty": "OKP", "kid": "d1", "crv": "Ed25519", "x": b64(s.ed.Public().(ed25519.PublicKey))},
		map[string]any{"kty": "oct", "kid": "h1", "alg": "HS256", "k": b64([]byte(secret))},
	}
	return s
}

func (s *issuer) publish(keys ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

func (s *issuer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := s.keys
	if r.URL.Path == "/other" {
		keys = []any{rsaJWK("o1", &s.other.PublicKey, nil)}
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
}

func rsaJWK(kid string, k *rsa.PublicKey, more map[string]any) map[string]any {
	jwk := map[string]any{"kty": "RSA", "kid": kid, "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	for name, v := range more {
		jwk[name] = v
	}
	return jwk
}

func b64[T ~string | ~[]byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A set is the members of a JSON object.
type set = map[string]any

// claims are those of a good token, with changes: a nil value takes a claim out.
func claims(changes set) string {
	now := time.Now().Unix()
	all := set{"iss": "https://idp.test", "aud": "api", "sub": "u1", "iat": now, "exp": now + 3600, "scope": "read"}
	for name, v := range changes {
		if all[name] = v; v == nil {
			delete(all, name)
		}
	}
	return text(all)
}

// A signer makes the signature of what is signed.
type signer func(signed string) []byte

// token is header and payload, as they are, with a signature.
func token(header, payload string, sign signer) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(sign(signed))
}

const rs256 = `{"alg":"RS256","typ":"JWT","kid":"k1"}`

// good is a token that must be let in.
func (s *issuer) good() string { return token(rs256, claims(nil), rs(s.rsa)) }

// saying is a token with right key and signature, and other claims; changed is one with another payload; headed is one with another header.
func (s *issuer) saying(changes set) string     { return s.changed(claims(changes)) }
func (s *issuer) changed(payload string) string { return token(rs256, payload, rs(s.rsa)) }
func (s *issuer) headed(header string) string   { return token(header, claims(nil), rs(s.rsa)) }

func rs(key *rsa.PrivateKey) signer { return pkcs1(key, crypto.SHA256) }

func pkcs1(key *rsa.PrivateKey, h crypto.Hash) signer {
	return func(signed string) []byte {
		d := h.New()
		_, _ = d.Write([]byte(signed))
		b, err := rsa.SignPKCS1v15(rand.Reader, key, h, d.Sum(nil))
		if err != nil {
			panic(err)
		}
		return b
	}
}

func pss(key *rsa.PrivateKey, h crypto.Hash) signer {
	return func(signed string) []byte {
		d := h.New()
		_, _ = d.Write([]byte(signed))
		b, err := rsa.SignPSS(rand.Reader, key, h, d.Sum(nil), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			panic(err)
		}
		return b
	}
}

func (s *issuer) es(signed string) []byte {
	d := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.ec, d[:])
	if err != nil {
		panic(err)
	}
	return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
}

func (s *issuer) der(signed string) []byte {
	d := sha256.Sum256([]byte(signed))
	b, err := ecdsa.SignASN1(rand.Reader, s.ec, d[:])
	if err != nil {
		panic(err)
	}
	return b
}

func (s *issuer) eddsa(signed string) []byte { return ed25519.Sign(s.ed, []byte(signed)) }

func hs[T string | []byte](key T) signer { return mac(sha256.New, []byte(key)) }

func hs512[T string | []byte](key T) signer { return mac(sha512.New, []byte(key)) }

func mac(h func() hash.Hash, key []byte) signer {
	return func(signed string) []byte {
		m := hmac.New(h, key)
		_, _ = m.Write([]byte(signed))
		return m.Sum(nil)
	}
}

// bytesOf signs with the same bytes whatever is signed.
func bytesOf[T string | []byte](b T) signer { return func(string) []byte { return []byte(b) } }
