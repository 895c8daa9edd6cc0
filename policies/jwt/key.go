package jwt

// Keys, and sets of them as issuers publish them (RFC 7517).

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	jose "github.com/go-jose/go-jose/v4"

	"sallyport/policy"
)

// A key is one that signatures are checked by.
type key struct {
	id        string // kid; "" for none
	algorithm string // the only one that it is for; "" for any that fits
	public    any    // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or secret
	sum       [sha256.Size]byte
	gone      atomic.Bool // the issuer has it no more
}

// A secret is the key of HMAC.
type secret []byte

// maxKeys bounds the keys of one issuer.
const maxKeys = 100

var errPrivate = errors.New("it holds a private key, which belongs to the issuer alone")

// parseSet reads a set of keys. Those that are of no use are left out, and skipped tells of them; without any that is of use the set is an
// error.
func parseSet(data []byte, skipped func(kid string, why error)) ([]*key, error) {
	v, err := policy.DecodeJSON(data)
	if err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	set, _ := v.(map[string]any)
	list, ok := set["keys"].([]any)
	switch {
	case !ok:
		return nil, errors.New("it is no set of keys: an object with the list keys is")
	case len(list) > maxKeys:
		return nil, fmt.Errorf("it has more than %d keys", maxKeys)
	}
	var keys []*key
	for _, item := range list {
		jwk, _ := item.(map[string]any)
		k, err := parseKey(jwk)
		if err != nil {
			kid, _ := jwk["kid"].(string)
			skipped(kid, err)
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key that signatures can be checked by")
	}
	return keys, nil
}

// parseKey reads a JWK that was read strictly before.
func parseKey(raw map[string]any) (*key, error) {
	text := func(name string) string {
		s, _ := raw[name].(string)
		return s
	}
	for _, name := range []string{"kid", "kty", "use", "alg", "n", "e"} {
		if _, ok := raw[name].(string); raw[name] != nil && !ok {
			return nil, fmt.Errorf("its %s is no text", name)
		}
	}
	operations, _ := raw["key_ops"].([]any)
	alg := text("alg")
	switch {
	case text("kty") == "oct":
		return nil, errors.New("it is a secret, which nobody may publish")
	case raw["use"] != nil && text("use") != "sig", raw["key_ops"] != nil && !slices.Contains(operations, any("verify")):
		return nil, errors.New("it is not for signatures")
	case raw["alg"] != nil && (algorithms[alg] == nil || algorithms[alg].family == familyHMAC):
		return nil, errors.New("it is for an algorithm that is not known")
	case len(text("n")) > maxModulus || len(text("e")) > 8: // before anything is computed of them
		return nil, errors.New("it is larger than 8192 bits")
	}
	data, err := json.Marshal(raw)
	if err != nil {
		return nil, errors.New("it is no JWK")
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil {
		return nil, errors.New("it cannot be read: " + strings.TrimPrefix(err.Error(), "go-jose/go-jose: "))
	}
	if !jwk.IsPublic() {
		return nil, errPrivate
	}
	k, err := newKey(jwk.Key)
	if err != nil {
		return nil, err
	}
	k.id, k.algorithm = text("kid"), alg
	if alg != "" && !algorithms[alg].fits(k) {
		return nil, fmt.Errorf("it is for %s, which its type does not fit", alg)
	}
	return k, nil
}

// maxModulus is the text of 8192 bits, with a little to spare for leading zeros.
const maxModulus = 1400

// newKey makes a key of a public key that is strong enough (RFC 7518 §3.3, NIST SP 800-131A), and not so large that checking is a burden.
func newKey(public any) (*key, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		switch {
		case bits < 2048:
			return nil, fmt.Errorf("its RSA key has %d bits, fewer than the 2048 that make it safe", bits)
		case bits > 8192:
			return nil, fmt.Errorf("its RSA key has %d bits, more than 8192", bits)
		case public.E < 3 || public.E%2 == 0 || public.N.Bit(0) == 0:
			return nil, errors.New("its RSA key is none")
		case weakPrimes(public.N):
			return nil, errors.New("its RSA key was made by a faulty chip (CVE-2017-15361): its private half can be computed")
		}
	case *ecdsa.PublicKey:
		if c := public.Curve; c != elliptic.P256() && c != elliptic.P384() && c != elliptic.P521() {
			return nil, errors.New("its curve is none of P-256, P-384 and P-521")
		}
		if _, err := public.ECDH(); err != nil {
			return nil, errors.New("its point is not on its curve")
		}
	case ed25519.PublicKey:
		if len(public) != ed25519.PublicKeySize {
			return nil, errors.New("its Ed25519 key is none")
		}
	default:
		return nil, fmt.Errorf("keys of its type are not known")
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, errors.New("it is no key")
	}
	return &key{public: public, sum: sha256.Sum256(der)}, nil
}

// parseOne reads a public key that stands in the document: PEM, of a key or a certificate, or a JWK.
func parseOne(data []byte) (*key, error) {
	if text := strings.TrimSpace(string(data)); strings.HasPrefix(text, "{") {
		v, err := policy.DecodeJSON([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("it is no JWK: %w", err)
		}
		return parseKey(v.(map[string]any))
	}
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("it is neither PEM, which begins with -----BEGIN, nor a JWK, which is JSON")
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, errPrivate
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("there is more behind the key; several keys go into a JWK set, see jwks_file")
	}
	public, err := parsePEM(block)
	if err != nil {
		return nil, err
	}
	return newKey(public)
}

func parsePEM(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("its public key cannot be read")
		}
		return public, nil
	case "RSA PUBLIC KEY":
		public, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("its public key cannot be read")
		}
		return public, nil
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("its certificate cannot be read")
		}
		return c.PublicKey, nil
	}
	return nil, fmt.Errorf("a PEM block %q is no public key", block.Type)
}

// shortID is an id of a key for the log, where somebody else's text should not take pages.
func shortID(kid string) string {
	if len(kid) > 64 {
		return kid[:64] + "…"
	}
	return kid
}

var strict = base64.RawURLEncoding.Strict()

// decode is base64url without padding and in the one spelling (RFC 7515 §2): no line breaks, no bits left over.
func decode(part string) ([]byte, bool) {
	if strings.IndexByte(part, '\n') >= 0 || strings.IndexByte(part, '\r') >= 0 { // which the library passes over
		return nil, false
	}
	b, err := strict.DecodeString(part)
	return b, err == nil
}
