package wire

import (
	"net/netip"
	"strings"
)

// What the gateway tells a target about the client, and what it lets a client say about itself: nothing, unless the peer is a
// proxy that the operator trusts. Everything that the gateway might say is taken out of a request before
// anything else looks at it, in all spellings, and then said anew.

// An Edge is the rule by which requests are let in. It must not change once used.
type Edge struct {
	// Trusted are the proxies whose word about their clients counts.
	Trusted []netip.Prefix
	// Pass names header fields that clients may send although Managed holds them back, or although they hold a "_". It does not
	// open the gateway's own: Forwarded, X-Forwarded-For, -Proto and -Host, X-Request-Id.
	Pass []string
}

// A ConnFacts keeps what depends on a connection alone. It lives as long as the connection and serves one request at a
// time; the zero value is ready.
type ConnFacts struct {
	edge    *Edge
	peer    hop
	trusted bool
	text    string // of the peer's address
	told    told
}

// told is what is said of an authority; it is remembered for the first one of a connection.
type told struct {
	scheme, host, port string
	authority          string // value of X-Forwarded-Host
	forwarded          string // element of Forwarded
}

// Trusted says whether the peer is a trusted proxy. It holds once Admit was called.
func (c *ConnFacts) Trusted() bool { return c.trusted }

// Admit takes out of r.Header what a client may not say, sets X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host
// and Forwarded for the target, and returns the client's address, with its port if that is known. It must be called
// once, before anything else reads the header.
func (e *Edge) Admit(r *Request, c *ConnFacts) (client netip.Addr, port uint16) {
	if c.edge != e {
		c.learn(e, r.Conn)
	}
	e.strip(&r.Header, c.trusted)
	if c.trusted {
		from := e.extend(r, c)
		return from.addr, from.port
	}
	authority, forwarded := c.tell(r)
	if c.text != "" {
		r.Header.own(XForwardedFor, c.text)
	}
	r.Header.own(XForwardedProto, r.Scheme)
	if authority != "" {
		r.Header.own(XForwardedHost, authority)
	}
	r.Header.own(Forwarded, forwarded)
	return c.peer.addr, c.peer.port
}

func (c *ConnFacts) learn(e *Edge, conn *Conn) {
	*c = ConnFacts{edge: e, peer: hop{conn.Remote.Addr().Unmap().WithZone(""), conn.Remote.Port()}}
	if c.peer.addr.IsValid() {
		c.trusted = e.trusts(c.peer.addr)
		c.text = c.peer.addr.String()
	}
}

// strip removes what the peer may not say.
func (e *Edge) strip(h *Header, trusted bool) {
	n := 0
	for i := range h.fields {
		f := &h.fields[i]
		if (f.id == Other || managedNameIDs[f.id]) && e.drops(f, trusted) {
			continue
		}
		if n != i {
			h.fields[n] = *f
		}
		n++
	}
	if n < len(h.fields) {
		clear(h.fields[n:])
		h.fields = h.fields[:n]
	}
}

func (e *Edge) drops(f *Field, trusted bool) bool {
	if f.id != Other {
		return !trusted && !(f.id == XRealIP && e.passes(f.Name))
	}
	underscore := strings.IndexByte(f.Name, '_') >= 0
	if !underscore && !Managed(f.Name) {
		return false
	}
	// No proxy says a managed name with dots; a client behind one does.
	if trusted && !underscore && strings.IndexByte(f.Name, '.') < 0 {
		return false
	}
	return !e.passes(f.Name)
}

func (e *Edge) passes(name string) bool {
	for _, p := range e.Pass {
		if EqualFold(p, name) {
			return true
		}
	}
	return false
}

// own appends a field of the gateway's own, which is valid and not there yet.
func (h *Header) own(n Name, value string) {
	h.fields = append(h.fields, Field{Name: names[n], Value: value, id: n, read: true})
}

// tell returns the values of X-Forwarded-Host, "" for none, and of Forwarded for r. They cost nothing but for the first
// request of a connection; its strings are copied, so that an idle connection does not hold on to a request.
func (c *ConnFacts) tell(r *Request) (authority, forwarded string) {
	t := &c.told
	if t.forwarded != "" && t.host == r.Host && t.port == r.Port && t.scheme == r.Scheme {
		return t.authority, t.forwarded
	}
	var room [512]byte
	a := appendAuthority(room[:0], r.Host, r.Port)
	b := appendElement(a, c.text, Text(a), r.Scheme)[len(a):]
	if t.forwarded != "" {
		return r.Keep(a), r.Keep(b)
	}
	*t = told{
		scheme: strings.Clone(r.Scheme), host: strings.Clone(r.Host), port: strings.Clone(r.Port),
		authority: string(a), forwarded: string(b),
	}
	return t.authority, t.forwarded
}

func appendAuthority(b []byte, host, port string) []byte {
	if strings.IndexByte(host, ':') >= 0 && host[0] != '[' {
		b = append(append(append(b, '['), host...), ']')
	} else {
		b = append(b, host...)
	}
	if port != "" {
		b = append(append(b, ':'), port...)
	}
	return b
}

// appendElement appends one element of Forwarded (RFC 7239 §4).
func appendElement(b []byte, client, authority, scheme string) []byte {
	b = appendNode(append(b, "for="...), client)
	if authority != "" {
		b = appendQuoted(append(b, ";host="...), authority)
	}
	return append(append(b, ";proto="...), scheme...)
}

// appendNode appends an address; IPv6 stands in brackets and so in quotes (RFC 7239 §6).
func appendNode(b []byte, client string) []byte {
	switch {
	case client == "":
		return append(b, "unknown"...)
	case strings.IndexByte(client, ':') >= 0:
		return append(append(append(b, `"[`...), client...), `]"`...)
	}
	return append(b, client...)
}

// appendQuoted appends s as a token or, where that does not do, as a quoted string (RFC 9110 §5.6.4).
func appendQuoted(b []byte, s string) []byte {
	if ValidToken(s) {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
