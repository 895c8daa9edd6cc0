package main

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// This file is who asks, and the lists that policies look them up in.

const issuer = "https://idp.example.com"

// A visitor is a client whose token all contenders know.
type visitor struct {
	token string
	jwks  string
}

// newVisitor makes a key and a token of some 700 bytes, as providers issue them.
func newVisitor() (*visitor, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return b64(text)
	}
	now := time.Now().Unix()
	signed := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "k1"}) + "." + part(map[string]any{
		"iss": issuer, "aud": "api", "sub": "user-1", "azp": "acme-app", "iat": now, "nbf": now, "exp": now + 86400, "jti": "6f1c1a52-3a63-4b5c-9d52-2f0a9a6cf0f3",
		"scope": "openid profile orders:read orders:write", "roles": []string{"customer", "reviewer"},
	})
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return nil, err
	}
	jwks, err := json.Marshal(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1",
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}})
	return &visitor{signed + "." + b64(signature), string(jwks)}, err
}

// manyPrefixes writes 100,000 prefixes, none of which holds loopback.
func manyPrefixes(dir string) error {
	f, err := os.Create(filepath.Join(dir, "prefixes.txt"))
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range 100_000 {
		fmt.Fprintf(w, "%d.%d.%d.0/%d\n", 11+i>>16, i>>8&255, i&255, 24+i%5)
	}
	return w.Flush()
}
