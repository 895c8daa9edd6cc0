package balance

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"sallyport/certs"
	"sallyport/schema"
	"sallyport/wire"
	"sallyport/wire/socket"
)

// This file is what is spoken with targets: which version of HTTP, and TLS below it.

// TLS is how TLS is spoken with targets.
type TLS struct {
	CAFile             *schema.File `json:"ca_file" doc:"PEM file with the certificates of the authorities that the targets' certificates have to be from, in place of the system's; read again when it changes."`
	ServerName         string       `json:"server_name" default:"" doc:"The name that targets are asked for, and that their certificates have to be for; by default the host of their URL."`
	CertFile           *schema.File `json:"cert_file" doc:"PEM file with the certificate that the gateway shows to targets, and its chain; read again when it changes."`
	KeyFile            *schema.File `json:"key_file" doc:"PEM file with its private key, without a passphrase."`
	InsecureSkipVerify bool         `json:"insecure_skip_verify" doc:"Takes any certificate for good, so that anybody on the way can read and change what is sent. For tests only; check warns of it."`

	pair  *certs.Certificate // that the gateway shows, nil for none
	roots *x509.CertPool     // nil for the system's
	says  string             // all of it, in short
}

// Check reads the files.
func (t *TLS) Check() error {
	var errs []error
	wrong := func(setting string, f *schema.File, err error) {
		errs = append(errs, schema.At(setting, fmt.Errorf("%s: %w", f.Name, err)))
	}
	if t.ServerName != "" {
		if fault := wire.ParseAuthority(t.ServerName, &wire.Request{Scheme: "https"}); fault != nil || strings.Contains(t.ServerName, ":") {
			errs = append(errs, schema.At("server_name", fmt.Errorf("%q is no name of a host; write such as orders.internal", t.ServerName)))
		}
	}
	sum := sha256.New()
	note := func(data []byte) { fmt.Fprintf(sum, "%d:%s", len(data), data) }
	note([]byte(t.ServerName))
	note([]byte(fmt.Sprint(t.InsecureSkipVerify)))
	if f := t.CAFile; f != nil && f.Data != nil {
		note(f.Data)
		var err error
		if t.roots, err = authorities(f.Data); err != nil {
			wrong("ca_file", f, err)
		}
		f.Data = nil
	}
	c, k := t.CertFile, t.KeyFile
	switch {
	case c != nil && k == nil:
		errs = append(errs, schema.At("cert_file", errors.New("it needs key_file beside it")))
	case c == nil && k != nil:
		errs = append(errs, schema.At("key_file", errors.New("it needs cert_file beside it")))
	case c != nil && c.Data != nil && k.Data != nil:
		note([]byte("pair"))
		note(c.Data)
		note(k.Data)
		var inCertificate, inKey error
		if t.pair, inCertificate, inKey = certs.Parse(c.Data, k.Data); inCertificate != nil {
			wrong("cert_file", c, inCertificate)
		}
		if inKey != nil {
			wrong("key_file", k, inKey)
		}
		clear(k.Data)
		c.Data, k.Data = nil, nil
	}
	t.says = hex.EncodeToString(sum.Sum(nil))
	return errors.Join(errs...)
}

// authorities reads certificates of authorities.
func authorities(text []byte) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate number %d in the file cannot be read: %w", n+1, err)
		}
		pool.AddCert(c)
		n++
	}
	if n == 0 {
		return nil, errors.New(`there is no certificate in the file, which must be PEM: "-----BEGIN CERTIFICATE-----"`)
	}
	return pool, nil
}

// unlike says why the protocol cannot be spoken with targets of a scheme, "" when it can.
func (p Protocol) unlike(scheme string) string {
	switch {
	case scheme == "h2c" && p != "auto" && p != "h2c":
		return "the URL says h2c, and protocol " + string(p) + "; leave protocol out"
	case scheme == "https" && p == "h2c":
		return "protocol h2c is HTTP/2 without TLS, and this is an https URL; write protocol: h2"
	case scheme == "http" && p == "h2":
		return "protocol h2 needs TLS, and this is an http URL; write https, or protocol: h2c"
	}
	return ""
}

// A speech is what is spoken with an endpoint.
type speech struct {
	protocol Protocol // "h1", "h2", "h2c", or "auto" with terms
	terms    *terms   // of TLS; nil without
	name     string   // that TLS asks for
}

// speech returns what is spoken with t. The registry's mu is held.
func (u *Upstream) speech(t *Target) speech {
	p := u.settings.Protocol
	switch t.URL.Scheme {
	case "h2c":
		return speech{protocol: "h2c"}
	case "http":
		if p == "auto" {
			p = "h1"
		}
		return speech{protocol: p}
	}
	settings := u.settings.TLS
	if settings == nil {
		settings = &TLS{}
	}
	name := settings.ServerName
	if name == "" {
		name = strings.Trim(t.name(), "[]") // not the address that it was looked up to have
	}
	return speech{p, u.registry.agree(settings), name}
}

// The terms on which TLS is spoken with targets. Endpoints with the same ones share them, and the sessions that can be resumed.
type terms struct {
	says   string
	config tls.Config
}

// agree returns the terms that t says. The caller holds mu.
func (r *Registry) agree(t *TLS) *terms {
	if known := r.terms[t.says]; known != nil {
		return known
	}
	n := &terms{says: t.says, config: tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            t.roots,
		InsecureSkipVerify: t.InsecureSkipVerify,
		ClientSessionCache: tls.NewLRUClientSessionCache(256),
	}}
	if t.pair != nil {
		n.config.Certificates = []tls.Certificate{t.pair.Certificate}
	}
	r.terms[t.says] = n
	return n
}

// forget drops the terms that no endpoint has any more. The caller holds mu.
func (r *Registry) forget() {
	used := map[*terms]bool{}
	for k := range r.endpoints {
		used[k.terms] = true
	}
	for says, t := range r.terms {
		if !used[t] {
			delete(r.terms, says)
		}
	}
}

// dialer returns what makes connections of key k, on which one of the protocols of ALPN is agreed on if there is TLS.
func (r *Registry) dialer(k key, protocols ...string) func(by time.Time) (net.Conn, error) {
	if k.terms == nil {
		return func(by time.Time) (net.Conn, error) { return r.o.Dial(k.address, by) }
	}
	config := k.terms.config.Clone()
	config.ServerName = k.name
	if protocols[0] != "" {
		config.NextProtos = protocols
	}
	only := len(protocols) == 1 && protocols[0] == alpnH2
	return func(by time.Time) (net.Conn, error) {
		c, err := r.o.Dial(k.address, by)
		if err != nil {
			return nil, err
		}
		s := socket.Client(c, config)
		if err := s.Handshake(by); err != nil {
			_ = c.Close()
			if only && strings.Contains(err.Error(), "no application protocol") { // RFC 7301 §3.2
				err = errNotH2
			}
			return nil, err
		}
		if only && agreed(s) != alpnH2 {
			_ = s.Close()
			return nil, errNotH2
		}
		return s, nil
	}
}

// agreed returns the protocol of ALPN that was agreed on, "" for none.
func agreed(c net.Conn) string {
	s, ok := c.(*socket.Secure)
	if !ok {
		return ""
	}
	return s.ConnectionState().NegotiatedProtocol
}

var errNotH2 = errors.New("the target does not speak HTTP/2")

// refusesCertificate says whether err is about the certificate of a target.
func refusesCertificate(err error) bool {
	var failed *tls.CertificateVerificationError
	return errors.As(err, &failed)
}
