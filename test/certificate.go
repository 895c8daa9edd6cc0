package test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certify makes a certificate for the names in data, signed by itself, as the files NAME.pem and NAME.key. Another of that name replaces
// it.
func (p *player) certify(name string, data []byte) error {
	m := parseMessage(data)
	if err := m.allow("expires"); err != nil || name == "" {
		return fmt.Errorf("certificate %s: %w", name, err)
	}
	life := 90 * 24 * time.Hour
	if text, found := m.directive("expires"); found {
		var err error
		if life, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	certificate, key, err := selfSigned(life, strings.Fields(m.text)...)
	p.files[name+".pem"], p.files[name+".key"] = certificate, key
	return err
}

// selfSigned makes a certificate that signs itself, valid from an hour ago on and for life, and its key, both as PEM.
func selfSigned(life time.Duration, names ...string) (certificate, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: serial, DNSNames: names, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, k.Public(), k)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

// read reads a file that a document names: one that the script made, or one beside it.
func (p *player) read(path string) ([]byte, error) {
	if data, made := p.files[path]; made {
		return bytes.Clone(data), nil
	}
	if beside, err := filepath.Rel(p.folder, path); err == nil && p.files[beside] != nil {
		return bytes.Clone(p.files[beside]), nil
	}
	return os.ReadFile(path)
}

// trusted are the certificates that there are now.
func (p *player) trusted() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, data := range p.files {
		pool.AppendCertsFromPEM(data)
	}
	return pool
}
