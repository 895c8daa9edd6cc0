// Package signed makes keys, and tokens that they sign (RFC 7515), for tests: good ones, and any that are not.
package signed

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
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"sync"
)

// A Key signs in the way of its algorithm.
type Key struct {
	ID        string
	Algorithm string // "RS256", "ES256", …
	Private   any    // *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or []byte
}

var (
	made   = map[[2]string]*Key{} // by id and algorithm
	making sync.Mutex             // guards made
)

// NewKey makes a key, or returns the one of that id and algorithm that this process has made before: RSA takes a while.
func NewKey(id, algorithm string) (*Key, error) {
	making.Lock()
	defer making.Unlock()
	if k := made[[2]string{id, algorithm}]; k != nil {
		return k, nil
	}
	k := &Key{ID: id, Algorithm: algorithm}
	var err error
	switch algorithm {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		k.Private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256", "ES384", "ES512":
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[algorithm]
		k.Private, err = ecdsa.GenerateKey(curve, rand.Reader)
	case "EdDSA":
		_, k.Private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("there is no algorithm %q to make a key for", algorithm)
	}
	if err != nil {
		return nil, err
	}
	made[[2]string{id, algorithm}] = k
	return k, nil
}

// Public returns the public half.
func (k *Key) Public() crypto.PublicKey {
	if s, ok := k.Private.(crypto.Signer); ok {
		return s.Public()
	}
	return nil
}

// JWK returns the public half as issuers publish it (RFC 7517).
func (k *Key) JWK() map[string]any {
	out := map[string]any{"kid": k.ID, "alg": k.Algorithm, "use": "sig"}
	switch public := k.Public().(type) {
	case *rsa.PublicKey:
		out["kty"], out["n"] = "RSA", encode(public.N.Bytes())
		out["e"] = encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // 4, x, y
		half := (len(point) - 1) / 2
		out["kty"], out["crv"], out["x"], out["y"] = "EC", public.Curve.Params().Name, encode(point[1:1+half]), encode(point[1+half:])
	case ed25519.PublicKey:
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", encode(public)
	}
	return out
}

// PEM returns the public half as a file has it.
func (k *Key) PEM() []byte {
	der, _ := x509.MarshalPKIXPublicKey(k.Public())
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Set returns the public halves of keys as a set.
func Set(keys ...*Key) []byte {
	list := []any{}
	for _, k := range keys {
		list = append(list, k.JWK())
	}
	out, _ := json.Marshal(map[string]any{"keys": list})
	return out
}

// Header is that of a plain token of k.
func (k *Key) Header() map[string]any {
	return map[string]any{"alg": k.Algorithm, "kid": k.ID, "typ": "JWT"}
}

// Token signs claims.
func (k *Key) Token(claims map[string]any) (string, error) {
	header, _ := json.Marshal(k.Header())
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return k.Sign(header, payload)
}

// Sign makes a token of any header and payload, signed in the way of k, whatever the header says.
func (k *Key) Sign(header, payload []byte) (string, error) {
	signing := encode(header) + "." + encode(payload)
	signature, err := k.Signature([]byte(signing))
	return signing + "." + encode(signature), err
}

// Signature signs text.
func (k *Key) Signature(text []byte) ([]byte, error) {
	if private, ok := k.Private.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, text), nil
	}
	if len(k.Algorithm) != 5 {
		return nil, fmt.Errorf("there is no algorithm %q to sign by", k.Algorithm)
	}
	kind, begin := hashOf(k.Algorithm)
	h := begin()
	h.Write(text)
	digest := h.Sum(nil)
	switch private := k.Private.(type) {
	case *rsa.PrivateKey:
		if k.Algorithm[0] == 'P' {
			return rsa.SignPSS(rand.Reader, private, kind, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, private, kind, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}
		size := (private.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
	case []byte:
		mac := hmac.New(begin, private)
		mac.Write(text)
		return mac.Sum(nil), nil
	}
	return nil, errors.New("there is no such key")
}

func hashOf(algorithm string) (crypto.Hash, func() hash.Hash) {
	switch algorithm[2:] {
	case "384":
		return crypto.SHA384, sha512.New384
	case "512":
		return crypto.SHA512, sha512.New
	}
	return crypto.SHA256, sha256.New
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Flip returns a token with one bit of its signature changed.
func Flip(token string) string {
	last := len(token) - 8 // the last characters hold bits that do not count
	other := byte('A')
	if token[last] == 'A' {
		other = 'B'
	}
	return token[:last] + string(other) + token[last+1:]
}
