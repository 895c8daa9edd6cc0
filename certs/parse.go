package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Parse reads a certificate with its chain, the server's own first, and its key; both are PEM, and may stand in one file. The
// errors say what is wrong with which; they hold nothing of a key.
func Parse(certificate, key []byte) (c *Certificate, inCertificate, inKey error) {
	chain, inCertificate := parseChain(certificate)
	signer, inKey := parseKey(key)
	if inCertificate != nil || inKey != nil {
		return nil, inCertificate, inKey
	}
	if i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return fits(signer, c) }); i != 0 {
		if i > 0 {
			return nil, fmt.Errorf("the certificate that the key belongs to is number %d in the file; the server's own must be first", i+1), nil
		}
		return nil, nil, errors.New("the key does not belong to the certificate; give the one that the certificate was made with")
	}
	if err := inOrder(chain); err != nil {
		return nil, err, nil
	}
	c = &Certificate{}
	c.Leaf, c.PrivateKey = chain[0], signer
	for _, x := range chain {
		c.Certificate.Certificate = append(c.Certificate.Certificate, x.Raw)
	}
	for _, name := range chain[0].DNSNames {
		c.Names = append(c.Names, lower(name))
	}
	return c, nil, nil
}

func parseChain(text []byte) (chain []*x509.Certificate, err error) {
	key := false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			key = key || strings.HasSuffix(block.Type, "PRIVATE KEY")
			continue
		}
		x, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate number %d in the file cannot be read: %w", len(chain)+1, err)
		}
		chain = append(chain, x)
	}
	switch {
	case len(chain) > 0:
		return chain, nil
	case key:
		return nil, errors.New("the file holds a private key and no certificate; this is what key_file is for")
	}
	return nil, errors.New(`there is no certificate in the file, which must be PEM: "-----BEGIN CERTIFICATE-----"`)
}

func parseKey(text []byte) (crypto.Signer, error) {
	certificate := false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE":
			certificate = true
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return nil, errors.New("the key is encrypted; give it without a passphrase and readable by this user alone")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return readKey(block.Bytes)
		}
	}
	if certificate {
		return nil, errors.New("the file holds a certificate and no private key; this is what cert_file is for")
	}
	return nil, errors.New(`there is no private key in the file, which must be PEM: "-----BEGIN PRIVATE KEY-----"`)
}

// readKey reads a key in any of the usual forms. What the parsers say of one that they cannot read is not passed on.
func readKey(der []byte) (crypto.Signer, error) {
	var key any
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		key = k
	} else if k, err := x509.ParseECPrivateKey(der); err == nil {
		key = k
	} else if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		key = k
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return nil, fmt.Errorf("the RSA key has %d bits; make one of 2048 at least, or an ECDSA key", k.N.BitLen())
		}
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, errors.New("the private key cannot be read: it is cut short, or neither RSA nor ECDSA nor Ed25519")
}

func fits(key crypto.Signer, c *x509.Certificate) bool {
	p, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && p.Equal(c.PublicKey)
}

// inOrder checks that each certificate was issued by the next. Clients need not look for another order (RFC 8446 §4.4.2), and not
// all do.
func inOrder(chain []*x509.Certificate) error {
	for i, c := range chain[:len(chain)-1] {
		next := chain[i+1]
		if bytes.Equal(c.RawIssuer, next.RawSubject) && c.CheckSignatureFrom(next) == nil {
			continue
		}
		return fmt.Errorf("certificate number %d in the file (%s) did not issue the one before it (%s); write the server's own first, then each one's issuer",
			i+2, next.Subject, c.Subject)
	}
	return nil
}

func servers(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}
