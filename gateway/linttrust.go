package gateway

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sallyport/identity"
	"sallyport/schema"
)

// This file finds words that are taken for true, and secrets that travel in clear.

func (b *builder) trust(rules []*rule) {
	b.everybody(b.doc.TrustedProxies, "trusted_proxies", b.doc.Root.Field("trusted_proxies"))
	listeners := b.doc.Root.Field("listeners").List()
	for i, l := range b.doc.Listeners {
		if l.ProxyProtocol != nil && i < len(listeners) {
			b.everybody(l.ProxyProtocol.Trusted, schema.Index("listeners", i)+".proxy_protocol.trusted", listeners[i].Field("proxy_protocol").Field("trusted"))
		}
	}
	b.passes()
	b.clear(rules, listeners)
	b.plain()
	b.bytes(rules)
	b.secrets(b.doc.Root, "")
}

// secrets finds those that stand in the document.
func (b *builder) secrets(n *schema.Node, path string) {
	if n == nil {
		return
	}
	if n.Secret && n.Written == "" && n.Text != "" {
		b.finds(secretInDocument, n, path, "it stands here for everybody who may read the file; write ${env.NAME} or ${file('name')}")
	}
	if n.Hashed {
		if h, err := identity.ParseHash(n.Text); err == nil && h.Quick() {
			b.finds(quickHash, n, path, "the bcrypt hash costs little to try passwords against")
		}
	}
	for _, f := range n.Fields {
		b.secrets(f.Node, schema.Join(path, f.Name))
	}
	for i, item := range n.Items {
		b.secrets(item, schema.Index(path, i))
	}
}

// everybody finds networks of proxies that hold the whole world.
func (b *builder) everybody(list []netip.Prefix, path string, n *schema.Node) {
	for i, p := range list {
		if p.Bits() != 0 {
			continue
		}
		at := n
		if items := n.List(); i < len(items) {
			at = items[i]
		}
		b.finds(everybodyTrusted, at, schema.Index(path, i), "%v is every address: any client may say that it comes from any other", p)
	}
}

// identities are names by which servers behind a gateway take a client for somebody.
var identities = []string{"x-user", "x-auth", "x-consumer", "x-remote", "remote-", "x-forwarded-user", "client-cert", "x-client-cert", "ssl-", "x-ssl-"}

func (b *builder) passes() {
	n := b.doc.Root.Field("client_headers").Field("pass").List()
	for i, name := range b.doc.ClientHeaders.Pass {
		lower := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if i < len(n) && slices.ContainsFunc(identities, func(p string) bool { return strings.HasPrefix(lower, p) }) {
			b.finds(identityPasses, n[i], schema.Index("client_headers.pass", i), "clients may send %s, which servers take for the gateway's word about who they are", name)
		}
	}
}

// readsCredentials matches settings that look at what clients prove themselves by.
var readsCredentials = regexp.MustCompile(`(?i)(header:|request\.headers?[^a-z]{1,4})(authorization|x-api-key|cookie)`)

// clear finds listeners for other machines at which credentials come in without TLS.
func (b *builder) clear(rules []*rule, listeners []*schema.Node) {
	if len(b.doc.TrustedProxies) > 0 {
		return // TLS ends in front of the gateway
	}
	asks := ""
	for _, r := range rules {
		for i, s := range r.Value.steps {
			if s.identifies() || readsCredentials.MatchString(r.Value.guards[i]) {
				asks = s.kind
			}
		}
	}
	for i, l := range b.doc.Listeners {
		if asks != "" && l.TLS == nil && !l.RedirectToHTTPS && l.ProxyProtocol == nil && !private(l.Address) && i < len(listeners) {
			b.finds(clearCredentials, listeners[i], schema.Index("listeners", i), "%s goes by what clients prove themselves with, and they send that in clear", asks)
		}
	}
}

// plain finds targets and functions on the internet that are spoken with in clear.
func (b *builder) plain() {
	for _, name := range b.names {
		targets := b.doc.Root.Field("upstreams").Field(name).Field("targets").List()
		for i, t := range b.doc.Upstreams[name].Targets {
			if i < len(targets) {
				b.unveiled(t.URL, targets[i], schema.Index(schema.Join("upstreams", name)+".targets", i))
			}
		}
	}
	for _, f := range b.doc.Root.Field("functions").Entries() {
		if c := b.doc.Functions[f.Name]; c != nil && c.AWS != nil {
			b.unveiled(c.AWS.Endpoint, f.Node.Field("aws").Field("endpoint"), schema.Join("functions", f.Name)+".aws.endpoint")
		}
	}
}

// unveiled finds a place that is spoken with in clear; u is nil for none.
func (b *builder) unveiled(u *url.URL, n *schema.Node, path string) {
	if u == nil || u.Scheme == "https" {
		return
	}
	switch where(u) {
	case outside:
		b.finds(plainTarget, n, path, "%s is an address of the internet, and what goes there can be read and changed on the way", u.Hostname())
	case named:
		b.finds(plainName, n, path, "requests to %s go in clear", u.Hostname())
	}
}

// A whereabouts is where a target is, as far as its URL tells.
type whereabouts uint8

const (
	inside  whereabouts = iota // this machine, or a network of one's own
	named                      // a name that may be anywhere
	outside                    // an address of the internet
)

// inner are endings of names that are of no use on the internet (RFC 6761, RFC 6762, RFC 8375, RFC 9476 and what clusters use).
var inner = []string{".internal", ".local", ".localhost", ".test", ".example", ".invalid", ".home.arpa", ".lan", ".corp", ".intranet", ".private", ".svc", ".consul", ".alt"}

func where(u *url.URL) whereabouts {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip = ip.Unmap(); ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || sharedSpace.Contains(ip) || documentation(ip) {
			return inside
		}
		return outside
	}
	if !strings.Contains(host, ".") || slices.ContainsFunc(inner, func(end string) bool { return strings.HasSuffix(host, end) }) || example(host) {
		return inside
	}
	return named
}

// sharedSpace is what carriers and clouds use inside (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// documentation says whether an address stands in texts only (RFC 5737, RFC 3849).
func documentation(ip netip.Addr) bool {
	return slices.ContainsFunc([]string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"}, func(p string) bool {
		return netip.MustParsePrefix(p).Contains(ip)
	})
}

// example says whether a name stands in texts only (RFC 2606).
func example(host string) bool {
	return slices.ContainsFunc([]string{"example.com", "example.org", "example.net"}, func(d string) bool {
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

// bytes finds guards on apis whose paths go out as clients wrote them.
func (b *builder) bytes(rules []*rule) {
	told := map[string]bool{}
	for _, r := range rules {
		v := r.Value
		if !v.raw || !v.forwards || told[v.api] || !slices.ContainsFunc(v.kinds, func(k string) bool { return slices.Contains(guarding, k) }) {
			continue
		}
		told[v.api] = true
		for _, a := range b.doc.All() {
			if a.Name == v.api {
				b.finds(rawGuarded, a.Node.Field("normalize"), a.Path+".normalize", "the upstream gets the path as the client wrote it, which it may read as another one than the policies of %s saw", r.Name)
			}
		}
	}
}
