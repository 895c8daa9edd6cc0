package wire

import "strings"

// What a trusted proxy said is kept and added to. X-Forwarded-For and Forwarded must come out telling the same story, so
// where only one came in, or both disagree about the client, the other one is made of it.

// extend adds the peer to what it told, and returns the client.
func (e *Edge) extend(r *Request, c *ConnFacts) hop {
	h := &r.Header
	var hops, other [8]hop
	client, trail := c.peer, hops[:0]
	hasFor, hasForwarded := h.HasKnown(XForwardedFor), h.HasKnown(Forwarded)
	switch {
	case hasFor:
		client, trail = e.client(h, XForwardedFor, c.peer, trail)
		if hasForwarded {
			same, _ := e.client(h, Forwarded, c.peer, other[:0])
			hasForwarded = same.addr == client.addr
		}
	case hasForwarded:
		client, trail = e.client(h, Forwarded, c.peer, trail)
	}

	var room [1024]byte
	b := room[:0]
	if hasFor {
		b = appendValues(b, h, XForwardedFor)
	} else {
		b = appendTrail(b, trail, false)
	}
	h.SetKnown(XForwardedFor, r.Keep(append(b, c.text...)))

	authority, element := c.tell(r)
	if b = room[:0]; hasForwarded {
		b = appendValues(b, h, Forwarded)
	} else {
		b = appendTrail(b, trail, true)
	}
	h.SetKnown(Forwarded, r.Keep(append(b, element...)))

	e.keepFirst(h, XForwardedProto, r.Scheme, isScheme)
	e.keepFirst(h, XForwardedHost, authority, isAuthority)
	return client
}

// appendValues appends all values of n as the beginning of a list.
func appendValues(b []byte, h *Header, n Name) []byte {
	for i := range h.fields {
		if f := &h.fields[i]; f.id == n && f.Value != "" {
			b = append(append(b, f.Value...), ", "...)
		}
	}
	return b
}

// appendTrail appends hops, which come right-most first, as the beginning of a list.
func appendTrail(b []byte, trail []hop, forwarded bool) []byte {
	for i := len(trail) - 1; i >= 0; i-- {
		if !forwarded {
			b = append(trail[i].addr.AppendTo(b), ", "...)
			continue
		}
		b = append(appendNode(append(b, "for="...), trail[i].addr.String()), ", "...)
	}
	return b
}

// keepFirst leaves one field named n: the first value that came, if it is good, and otherwise instead.
func (e *Edge) keepFirst(h *Header, n Name, instead string, good func(string) bool) {
	first, _, _ := strings.Cut(h.Known(n), ",")
	if first = strings.Trim(first, " \t"); !good(first) {
		first = instead
	}
	if first == "" {
		h.DelKnown(n)
		return
	}
	h.SetKnown(n, first)
}

func isScheme(s string) bool { return s == "https" || s == "http" || s == "wss" || s == "ws" }

// isAuthority says whether s can be a host and a port; whether there is such a host is for the reader to decide.
func isAuthority(s string) bool {
	for i := range len(s) {
		if c := s[i]; !IsTokenChar(c) && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return s != ""
}
