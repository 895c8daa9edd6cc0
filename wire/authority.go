package wire

import (
	"net/netip"
	"strings"
)

// This file reads the authority of a request: the Host field, ":authority", or that of an absolute target.

// What may be wrong with an authority. They are never changed.
var (
	faultHostEmpty  = Bad("The host is empty.")
	faultHostChar   = Bad("The host holds a character that must not be there.")
	faultHostLabel  = Bad("The host has an empty or overlong label.")
	faultHostIPv6   = Bad("The host is not an IPv6 address.")
	faultHostPort   = Bad("The port is not a port.")
	faultHostDiffer = Bad("The target and the Host field name different hosts.")
)

// ParseAuthority reads s, "host[:port]", into r.Host and r.Port (RFC 3986 §3.2, RFC 9110 §7.2): the host in lower
// case, without a final dot, an IPv6 address in its shortest form and in brackets; the port as a decimal without leading
// zeros.
//
// It is stricter than the grammar. Nothing but letters, digits, "-", "_" and "." may stand in a name: no
// userinfo, no escapes, no sub-delims, no list. An empty host is refused too, since no URI of HTTP has one
// (RFC 9110 §4.2.1).
//
// When r.Host is set already, by a target in absolute form, s must say the same: RFC 9112 §3.2.2 lets the
// target win, but a server behind that looks at the other one would see another host.
func ParseAuthority(s string, r *Request) *Fault {
	host, port, fault := splitAuthority(s)
	if fault != nil {
		return fault
	}
	if host[0] == '[' {
		host, fault = ipv6(host, r)
	} else {
		host, fault = hostName(host, r)
	}
	if fault != nil {
		return fault
	}
	if r.Host == "" {
		r.Host, r.Port = host, port
		return nil
	}
	if host != r.Host || effectivePort(port, r.Scheme) != effectivePort(r.Port, r.Scheme) {
		return faultHostDiffer
	}
	return nil
}

func effectivePort(port, scheme string) string {
	switch {
	case port != "":
		return port
	case scheme == "https":
		return "443"
	}
	return "80"
}

func splitAuthority(s string) (host, port string, fault *Fault) {
	end := strings.IndexByte(s, ':')
	if s != "" && s[0] == '[' {
		if end = strings.IndexByte(s, ']'); end < 0 {
			return "", "", faultHostIPv6
		}
		end++
	}
	if end < 0 {
		end = len(s)
	}
	if end == 0 {
		return "", "", faultHostEmpty
	}
	host, rest := s[:end], s[end:]
	if rest == "" || rest == ":" { // an empty port is legal and means none
		return host, "", nil
	}
	if rest[0] != ':' || !validPort(rest[1:]) {
		return "", "", faultHostPort
	}
	return host, rest[1:], nil
}

func validPort(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

var hostChars = chars("abcdefghijklmnopqrstuvwxyz0123456789-_.")

// hostName checks a name and makes it canonical.
func hostName(s string, r *Request) (string, *Fault) {
	upper, label := false, 0
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			upper = true
		} else if !hostChars[c] {
			return "", faultHostChar
		}
		if c != '.' {
			label++
			continue
		}
		if label == 0 || label > 63 {
			return "", faultHostLabel
		}
		label = 0
	}
	if label > 63 {
		return "", faultHostLabel
	}
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return "", faultHostLabel
	}
	if upper {
		s = keepLower(s, r)
	}
	return s, nil
}

func keepLower(s string, r *Request) string {
	var b [253]byte
	for i := range len(s) {
		b[i] = lower[s[i]]
	}
	return r.Keep(b[:len(s)])
}

// ipv6 checks an address in brackets and makes it canonical (RFC 5952). Zones have no meaning here.
func ipv6(s string, r *Request) (string, *Fault) {
	addr, err := netip.ParseAddr(s[1 : len(s)-1])
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", faultHostIPv6
	}
	var room [64]byte
	b := append(room[:0], '[')
	b = addr.AppendTo(b)
	b = append(b, ']')
	if string(b) == s {
		return s, nil
	}
	return r.Keep(b), nil
}
