package test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sallyport/test/selfsigned"
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
	certificate, key, err := selfsigned.PEM(life, strings.Fields(m.text)...)
	p.files[name+".pem"], p.files[name+".key"] = certificate, key
	return err
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
