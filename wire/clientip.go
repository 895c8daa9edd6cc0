package wire

import (
	"net/netip"
	"strconv"
	"strings"
)

// Who sent a request, when it came through proxies that are trusted. Both headers that tell are lists to which every
// proxy adds what it saw at the right end, so they are read from the right, and only as far as each next teller is trusted: all that is
// left of the first untrusted hop may be invented. What cannot be read ends the walk as well.

// A hop is one client or proxy, as the next one saw it.
type hop struct {
	addr netip.Addr
	port uint16
}

// client walks the list of hops in the fields named n, which peer told, and returns the right-most untrusted one; or the last
// one that could be read, if that comes first. trail gets what lies between that hop and the peer,
// right-most first.
func (e *Edge) client(h *Header, n Name, peer hop, trail []hop) (hop, []hop) {
	last := peer
	for i := len(h.fields) - 1; i >= 0; i-- {
		if h.fields[i].id != n {
			continue
		}
		for rest := h.fields[i].Value; rest != ""; {
			var item string
			if rest, item = lastItem(rest); item == "" {
				continue // RFC 9110 §5.6.1.2: empty elements of a list do not count
			}
			next, ok := readHop(n, item)
			if !ok {
				return last, trail
			}
			last, trail = next, append(trail, next)
			if !e.trusts(next.addr) {
				return last, trail
			}
		}
	}
	return last, trail
}

func (e *Edge) trusts(a netip.Addr) bool {
	for _, p := range e.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// lastItem cuts the last element off a comma-separated list. Quotes are honoured from the right, so that a quote that a client
// left open cannot swallow what a proxy added behind it.
func lastItem(list string) (rest, item string) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch list[i] {
		case '"':
			if !quoted || !escaped(list, i) {
				quoted = !quoted
			}
		case ',':
			if !quoted {
				return list[:i], strings.Trim(list[i+1:], " \t")
			}
		}
	}
	return "", strings.Trim(list, " \t")
}

// escaped says whether an odd number of backslashes stands before s[i].
func escaped(s string, i int) bool {
	n := 0
	for i > n && s[i-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

func readHop(n Name, item string) (hop, bool) {
	if n != Forwarded {
		return readNode(item)
	}
	node, ok := forwardedFor(item)
	if !ok {
		return hop{}, false
	}
	return readNode(node)
}

// forwardedFor returns the value of "for" in one element of Forwarded (RFC 7239 §4), where each
// parameter may occur once.
func forwardedFor(element string) (node string, found bool) {
	for element != "" {
		var pair string
		pair, element = firstPair(element)
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok || !ValidToken(name) {
			return "", false
		}
		if !EqualFold(name, "for") {
			continue
		}
		if found {
			return "", false
		}
		node, found = value, true
	}
	return node, found
}

func firstPair(element string) (pair, rest string) {
	quoted := false
	for i := 0; i < len(element); i++ {
		switch c := element[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return strings.Trim(element[:i], " \t"), element[i+1:]
		}
	}
	return strings.Trim(element, " \t"), ""
}

// readNode reads an address with or without port, brackets and quotes, as "for" and X-Forwarded-For hold it (RFC 7239
// §6). "unknown" and invented identifiers are no address, and a zone says nothing beyond its own machine.
func readNode(s string) (hop, bool) {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	port := ""
	switch colon := strings.LastIndexByte(s, ':'); {
	case s == "" || s[0] == '[':
		end := strings.IndexByte(s, ']')
		if end < 0 || end+1 < len(s) && s[end+1] != ':' || end+2 == len(s) {
			return hop{}, false
		}
		if end+1 < len(s) {
			port = s[end+2:]
		}
		if s = s[1:end]; !strings.Contains(s, ":") { // only IPv6 stands in brackets
			return hop{}, false
		}
	case colon >= 0 && strings.IndexByte(s, ':') == colon:
		if s, port = s[:colon], s[colon+1:]; port == "" {
			return hop{}, false
		}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return hop{}, false
	}
	n, ok := readPort(port)
	return hop{addr.Unmap(), n}, ok
}

// readPort reads a port, which may be absent or invented (RFC 7239 §6.3).
func readPort(s string) (uint16, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] == '_' {
		return 0, ValidToken(s)
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}
