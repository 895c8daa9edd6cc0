package gateway

import (
	"slices"
	"strings"
	"time"

	"sallyport/certs"
	"sallyport/config"
	"sallyport/schema"
)

// This file looks at listeners that work but are unwise.

func (b *builder) listeners() {
	nodes := b.doc.Root.Field("listeners").List()
	secure := slices.ContainsFunc(b.doc.Listeners, func(l config.Listener) bool { return l.TLS != nil })
	for i := range b.doc.Listeners {
		if i >= len(nodes) {
			return
		}
		l, n, path := &b.doc.Listeners[i], nodes[i], schema.Index("listeners", i)
		if l.RedirectToHTTPS && !secure {
			b.finds(nowhereSecure, n.Field("redirect_to_https"), path+".redirect_to_https", "no listener has tls, so clients are sent to port 443, where this gateway is not")
		}
		if l.TLS != nil {
			b.certificates(l, n, path)
		}
	}
}

// targets warns of upstreams that trust anybody.
func (b *builder) targets() {
	for _, name := range b.names {
		c := b.doc.Upstreams[name]
		n := b.doc.Root.Field("upstreams").Field(name).Field("tls").Field("insecure_skip_verify")
		if c == nil || c.TLS == nil || n == nil || !c.TLS.InsecureSkipVerify {
			continue
		}
		b.finds(trustsAnybody, n, "upstreams."+name+".tls.insecure_skip_verify", "anybody on the way to the targets can read and change what is sent; give ca_file with the certificate that theirs is from")
	}
}

// certificates warns of those that clients will refuse, and of hosts that none is for.
func (b *builder) certificates(l *config.Listener, n *schema.Node, path string) {
	list, now := n.Field("tls").Field("certificates").List(), time.Now()
	var all []*certs.Certificate
	for j, c := range l.TLS.Certificates {
		if c.Pair == nil || j >= len(list) {
			return // wrong, so the rest is of no use
		}
		all = append(all, c.Pair)
		for _, what := range c.Pair.Unwise(now) {
			b.finds(badCertificate, list[j].Field("cert_file"), schema.Index(path+".tls.certificates", j)+".cert_file", "%s: %s", c.CertFile.Name, what)
		}
	}
	hosts := n.Field("hosts").List()
	for j, h := range l.Hosts {
		if j < len(hosts) && !slices.ContainsFunc(all, func(c *certs.Certificate) bool { return covers(c, strings.ToLower(h)) }) {
			b.finds(hostWithoutCertificate, hosts[j], schema.Index(path+".hosts", j), "no certificate of the listener is for %s; clients will refuse the one that they get", h)
		}
	}
}

// covers says whether a certificate is for a host, or for all that a wildcard stands for with one label in its place.
func covers(c *certs.Certificate, host string) bool {
	_, rest, _ := strings.Cut(host, ".")
	return slices.Contains(c.Names, host) || slices.Contains(c.Names, "*."+rest)
}
