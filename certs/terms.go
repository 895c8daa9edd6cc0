package certs

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// Terms are what a listener offers to those who come with TLS. They do not change, but for the keys of tickets.
type Terms struct {
	set     *Set
	config  *tls.Config
	policy  string
	tickets *Tickets
	turn    atomic.Int64 // when the keys of tickets are due, in Unix nanoseconds
}

// NewTerms makes the terms of a listener: the certificates, the lowest version of TLS, the protocols on offer by their names in
// ALPN. Tickets are those of terms before them with the same Policy, or nil.
func NewTerms(set *Set, minVersion uint16, protocols []string, before *Terms) *Terms {
	t := &Terms{set: set, policy: fmt.Sprintf("min %x", minVersion), tickets: &Tickets{}}
	if before != nil && before.policy == t.policy {
		t.tickets = before.tickets
	}
	t.config = &tls.Config{
		MinVersion: minVersion,
		// What Mozilla calls intermediate. Those of TLS 1.3 cannot be chosen.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		NextProtos:       protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &set.Pick(hello).Certificate, nil
		},
		WrapSession:   t.wrap,
		UnwrapSession: t.unwrap,
		// Records are as large as they may be: what leaves at once is read at once.
		DynamicRecordSizingDisabled: true,
	}
	return t
}

// Set returns the certificates.
func (t *Terms) Set() *Set { return t.set }

// Config is for the server's side of a new connection. Nobody may change it.
func (t *Terms) Config() *tls.Config {
	if now := time.Now(); now.UnixNano() >= t.turn.Load() {
		keys, next := t.tickets.turn(now)
		t.config.SetSessionTicketKeys(keys)
		t.turn.Store(next.UnixNano())
	}
	return t.config
}

// wrap notes in a ticket what it was made for. Whoever resumes a session skips what was asked for at its beginning, so it
// must not be resumed where something else is asked for.
func (t *Terms) wrap(c tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
	s.Extra = append(s.Extra, []byte(t.bond(c)))
	return t.config.EncryptTicket(c, s)
}

// unwrap opens a ticket; one that was made for another host or other terms counts as none (RFC 6066 §3).
func (t *Terms) unwrap(ticket []byte, c tls.ConnectionState) (*tls.SessionState, error) {
	s, err := t.config.DecryptTicket(ticket, c)
	if err != nil || s == nil {
		return nil, err
	}
	bond := t.bond(c)
	for _, e := range s.Extra {
		if string(e) == bond {
			return s, nil
		}
	}
	return nil, nil
}

func (t *Terms) bond(c tls.ConnectionState) string {
	return "sallyport " + t.policy + " " + lower(c.ServerName)
}
