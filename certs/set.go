package certs

import (
	"crypto/tls"
	"strings"
)

// A Set is the certificates of one listener. It does not change.
type Set struct {
	all    []*Certificate
	byName map[string][]*Certificate // "api.example.com", "*.example.com"
}

// NewSet makes a set of at least one certificate. The first is for clients that ask for no name, or for one that none has.
func NewSet(list []*Certificate) *Set {
	s := &Set{all: list, byName: map[string][]*Certificate{}}
	for _, c := range list {
		for _, name := range c.Names {
			s.byName[name] = append(s.byName[name], c)
		}
	}
	return s
}

// All returns the certificates as they were listed.
func (s *Set) All() []*Certificate { return s.all }

// Pick returns the certificate for the name that a client asks for: one that has this name, else a wildcard's for its last
// label, else the first. Of several with the name it is the first that the client can use, such as an ECDSA one before an RSA one.
func (s *Set) Pick(hello *tls.ClientHelloInfo) *Certificate {
	name := lower(hello.ServerName)
	list := s.byName[name]
	if len(list) == 0 {
		if label, rest, found := strings.Cut(name, "."); found && label != "" {
			list = s.byName["*."+rest]
		}
	}
	if len(list) == 0 {
		list = s.all
		// Only those that have the first one's name may stand in for it.
		if names := s.all[0].Names; len(names) > 0 {
			list = s.byName[names[0]]
		}
	}
	for _, c := range list {
		if len(list) == 1 || usable(hello, c) {
			return c
		}
	}
	return list[0]
}

// usable says whether the client can check c's signature.
func usable(hello *tls.ClientHelloInfo, c *Certificate) bool {
	h := *hello
	h.ServerName = "" // the name has been looked at
	return h.SupportsCertificate(&c.Certificate) == nil
}
