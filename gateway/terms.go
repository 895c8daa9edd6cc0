package gateway

import (
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strings"

	"sallyport/certs"
	"sallyport/config"
	"sallyport/telemetry"
	"sallyport/wire"
)

// Terms are what a listener asks of those who come in, and offers them. They do not change; a new document makes new ones, which
// hold for connections made from then on.
type terms struct {
	hosts   *hostSet       // nil: every host
	tls     *certs.Terms   // nil: plain
	proxies []netip.Prefix // who says who the client is
	h1, h2c bool           // spoken without TLS
	// To where requests without TLS are sent: ":8443", or "" for the usual port; nil if they are served.
	redirect *string
}

// newTerms makes the terms of a listener of doc. What stays the same of those before lives on.
func newTerms(doc *config.Document, l *config.Listener, before *terms) *terms {
	t := &terms{hosts: newHostSet(l.Hosts), h1: l.Speaks("h1"), h2c: l.Speaks("h2c")}
	if l.ProxyProtocol != nil {
		t.proxies = l.ProxyProtocol.Trusted
	}
	if l.TLS != nil {
		var old *certs.Terms
		if before != nil {
			old = before.tls
		}
		t.tls = certs.NewTerms(certificates(l.TLS), tlsVersions[l.TLS.MinVersion], alpn(l), old)
	}
	if l.RedirectToHTTPS {
		port := securePort(doc)
		t.redirect = &port
	}
	return t
}

var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// alpn are the protocols that a listener offers, the best first (RFC 7301).
func alpn(l *config.Listener) (names []string) {
	if l.Speaks("h2") {
		names = append(names, "h2")
	}
	if l.Speaks("h1") {
		names = append(names, "http/1.1")
	}
	return names
}

func certificates(t *config.ListenerTLS) *certs.Set {
	var list []*certs.Certificate
	for _, c := range t.Certificates {
		if c.Pair != nil {
			list = append(list, c.Pair)
		}
	}
	return certs.NewSet(list)
}

// securePort is where clients without TLS are sent: the port of doc's listeners with TLS if that is one, and not the usual one.
func securePort(doc *config.Document) string {
	var ports []string
	for _, l := range doc.Listeners {
		if _, port, err := net.SplitHostPort(l.Address); err == nil && l.TLS != nil && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	if len(ports) != 1 || ports[0] == "443" {
		return ""
	}
	return ":" + ports[0]
}

// isProxy says whether a peer has to say who the client is.
func (t *terms) isProxy(peer netip.Addr) bool {
	return slices.ContainsFunc(t.proxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// serves says whether a request's host may be asked for on its connection.
func (t *terms) serves(r *wire.Request) bool { return t.hosts == nil || t.hosts.has(r.Host) }

// elsewhere is the answer to a request that has to come by TLS, nil for one that may stay: it came by TLS, if only to a proxy that is
// trusted.
func (t *terms) elsewhere(r *wire.Request) *wire.Response {
	if t.redirect == nil || r.Host == "" || r.Scheme == "https" || r.Header.Known(wire.XForwardedProto) == "https" {
		return nil
	}
	var b strings.Builder
	b.WriteString("https://" + r.Host + *t.redirect)
	if strings.HasPrefix(r.Path.Raw, "/") { // not that of OPTIONS *
		b.WriteString(r.Path.Raw)
	} else {
		b.WriteString("/")
	}
	if r.Query != "" {
		b.WriteString("?" + r.Query)
	}
	resp := &wire.Response{Status: 308}
	resp.Header.SetKnown(wire.Location, b.String())
	return resp
}

// expiries are when the certificates of a listener end.
func (t *terms) expiries() (list []telemetry.Expiry) {
	if t.tls == nil {
		return nil
	}
	for _, c := range t.tls.Set().All() {
		list = append(list, telemetry.Expiry{Name: c.Name(), At: c.Expires()})
	}
	return list
}
