// Package certs is the certificates of listeners: read from PEM and checked, picked by the name that a client asks for, and the
// terms of TLS around them.
//
// parse.go reads a pair, set.go picks one, terms.go is what a listener offers, tickets.go are the keys by which clients resume.
package certs

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// A Certificate is one with its chain and its key, ready to serve.
type Certificate struct {
	tls.Certificate
	Names []string // of hosts, lower case; "*.example.com" stands for one label
}

// Name is the first of its names, or what else its subject says: something to call it by.
func (c *Certificate) Name() string {
	if len(c.Names) > 0 {
		return c.Names[0]
	}
	if len(c.Leaf.IPAddresses) > 0 {
		return c.Leaf.IPAddresses[0].String()
	}
	return c.Leaf.Subject.CommonName
}

// Expires is when it ends.
func (c *Certificate) Expires() time.Time { return c.Leaf.NotAfter }

// Unwise says what is wrong with it although it can be served.
func (c *Certificate) Unwise(now time.Time) (list []string) {
	leaf := c.Leaf
	switch {
	case now.After(leaf.NotAfter):
		list = append(list, fmt.Sprintf("the certificate of %s expired at %s; clients will refuse it", c.Name(), leaf.NotAfter.UTC().Format(time.RFC3339)))
	case now.Before(leaf.NotBefore):
		list = append(list, fmt.Sprintf("the certificate of %s is valid from %s on; clients refuse it until then", c.Name(), leaf.NotBefore.UTC().Format(time.RFC3339)))
	}
	if len(c.Names) == 0 && len(leaf.IPAddresses) == 0 {
		list = append(list, "the certificate names no host as a subject alternative name; clients will refuse it")
	}
	if !servers(leaf) {
		list = append(list, fmt.Sprintf("the certificate of %s is not for servers by its extended key usage; clients will refuse it", c.Name()))
	}
	return list
}

// lower is a host name as names are compared.
func lower(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
