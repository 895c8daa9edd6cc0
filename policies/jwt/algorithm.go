package jwt

// How a signature is checked (RFC 7518 §3, RFC 8037): by the standard library's cryptography.

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math/big"
)

// A family is a kind of key together with the way in which it signs.
type family uint8

const (
	familyRSA   family = iota // RSASSA-PKCS1-v1_5
	familyPSS                 // RSASSA-PSS
	familyECDSA               //
	familyEdDSA               // Ed25519
	familyHMAC                // with a secret that both sides know
)

// An algorithm is a way to sign that a token can name.
type algorithm struct {
	name   string
	family family
	hash   crypto.Hash
	begin  func() hash.Hash
	curve  string // of ECDSA: each algorithm has one curve
	size   int    // bytes of a coordinate of it
}

// algorithms are those that there are; none and its like are not among them.
var algorithms = map[string]*algorithm{
	"RS256":   {"RS256", familyRSA, crypto.SHA256, sha256.New, "", 0},
	"RS384":   {"RS384", familyRSA, crypto.SHA384, sha512.New384, "", 0},
	"RS512":   {"RS512", familyRSA, crypto.SHA512, sha512.New, "", 0},
	"PS256":   {"PS256", familyPSS, crypto.SHA256, sha256.New, "", 0},
	"PS384":   {"PS384", familyPSS, crypto.SHA384, sha512.New384, "", 0},
	"PS512":   {"PS512", familyPSS, crypto.SHA512, sha512.New, "", 0},
	"ES256":   {"ES256", familyECDSA, crypto.SHA256, sha256.New, "P-256", 32},
	"ES384":   {"ES384", familyECDSA, crypto.SHA384, sha512.New384, "P-384", 48},
	"ES512":   {"ES512", familyECDSA, crypto.SHA512, sha512.New, "P-521", 66},
	"EdDSA":   {"EdDSA", familyEdDSA, 0, nil, "", 0},
	"Ed25519": {"Ed25519", familyEdDSA, 0, nil, "", 0}, // the same by its newer name (RFC 9864)
	"HS256":   {"HS256", familyHMAC, crypto.SHA256, sha256.New, "", 0},
	"HS384":   {"HS384", familyHMAC, crypto.SHA384, sha512.New384, "", 0},
	"HS512":   {"HS512", familyHMAC, crypto.SHA512, sha512.New, "", 0},
}

// asymmetric are the algorithms of a Trust without a list and without a secret.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}

// allowed are the algorithms of t.
func (t *Trust) allowed() []string {
	switch {
	case len(t.Algorithms) > 0:
		return t.Algorithms
	case t.Secret.Empty():
		return asymmetric
	}
	var list []string
	for _, name := range []string{"HS256", "HS384", "HS512"} {
		if len(t.Secret.Reveal()) >= algorithms[name].hash.Size() {
			list = append(list, name)
		}
	}
	return list
}

// fits says whether a key can have made signatures of a. The type of the key decides, never what a token says of it.
func (a *algorithm) fits(k *key) bool {
	if k.algorithm != "" && k.algorithm != a.name && !(a.family == familyEdDSA && (k.algorithm == "EdDSA" || k.algorithm == "Ed25519")) {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return a.family == familyRSA || a.family == familyPSS
	case *ecdsa.PublicKey:
		return a.family == familyECDSA && public.Curve.Params().Name == a.curve
	case ed25519.PublicKey:
		return a.family == familyEdDSA
	case secret:
		return a.family == familyHMAC && len(public) >= a.hash.Size()
	}
	return false
}

// verify says whether signature is one of signed by k, which fits a.
func (a *algorithm) verify(k *key, signed, signature []byte) bool {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if a.family == familyPSS { // the salt is as long as the hash (RFC 7518 §3.5)
			return rsa.VerifyPSS(public, a.hash, a.digest(signed), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(public, a.hash, a.digest(signed), signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 2*a.size { // two numbers of fixed length, no ASN.1 (RFC 7518 §3.4)
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:a.size]), new(big.Int).SetBytes(signature[a.size:])
		return ecdsa.Verify(public, a.digest(signed), r, s) // which refuses 0 and what is not below the order
	case ed25519.PublicKey:
		return ed25519.Verify(public, signed, signature)
	case secret:
		mac := hmac.New(a.begin, public)
		mac.Write(signed)
		return hmac.Equal(mac.Sum(nil), signature)
	}
	return false
}

func (a *algorithm) digest(signed []byte) []byte {
	switch a.hash {
	case crypto.SHA384:
		sum := sha512.Sum384(signed)
		return sum[:]
	case crypto.SHA512:
		sum := sha512.Sum512(signed)
		return sum[:]
	}
	sum := sha256.Sum256(signed)
	return sum[:]
}
