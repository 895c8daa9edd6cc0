// Package origin is the setting of which web pages are meant: patterns of the origins that browsers tell of them (RFC 6454).
package origin

import (
	"regexp"
	"strings"
)

// A List is patterns ready to be asked. The zero value matches nothing.
type List struct {
	any    bool
	exact  map[string]bool
	wild   []Pattern
	regex  []Pattern
	length int
}

// NewList makes a list of patterns.
func NewList(patterns []Pattern) *List {
	l := &List{exact: map[string]bool{}, length: len(patterns)}
	for _, p := range patterns {
		switch {
		case p.any:
			l.any = true
		case p.regex != nil:
			l.regex = append(l.regex, p)
		case p.tail != "":
			l.wild = append(l.wild, p)
		default:
			l.exact[p.text] = true
		}
	}
	return l
}

// Any says whether the list holds "*".
func (l *List) Any() bool { return l.any }

// Len returns the number of patterns.
func (l *List) Len() int { return l.length }

// Match says whether origin, as a browser sends it, is meant.
func (l *List) Match(origin string) bool {
	_, found := l.Which(origin)
	return found
}

// Which returns the pattern that means origin. Origins are compared as they are: browsers write them in one way, in lower
// case and without a port that goes without saying, so that another spelling is none of theirs.
func (l *List) Which(origin string) (pattern string, found bool) {
	switch {
	case l.exact[origin]:
		return origin, true
	case l.any && origin != "":
		return "*", true
	case len(l.wild)+len(l.regex) == 0 || !wellFormed(origin):
		return "", false
	}
	for i := range l.wild {
		if l.wild[i].covers(origin) {
			return l.wild[i].text, true
		}
	}
	for i := range l.regex {
		if l.regex[i].regex.MatchString(origin) {
			return l.regex[i].text, true
		}
	}
	return "", false
}

// A Pattern is one item of the setting.
type Pattern struct {
	text  string
	any   bool
	head  string         // "https://" of https://*.example.com
	tail  string         // ".example.com" of it, with the port; "" for a pattern without wildcard
	regex *regexp.Regexp // of the whole origin
}

// String returns the pattern as it is shown.
func (p *Pattern) String() string { return p.text }

// Any says whether it is "*".
func (p *Pattern) Any() bool { return p.any }

// Null says whether it is the origin of pages that have none, such as sandboxed frames and files.
func (p *Pattern) Null() bool { return p.text == null }

const null = "null"

// covers says whether origin, which is well formed, is a name below that of a wildcard: one label or several in its place.
func (p *Pattern) covers(origin string) bool {
	return len(origin) > len(p.head)+len(p.tail) && strings.HasPrefix(origin, p.head) && strings.HasSuffix(origin, p.tail)
}

// wellFormed says whether s is an origin as browsers write it: a scheme, the labels of a host or an address in brackets, and a port
// if it is not the usual one. Nothing that a pattern could be talked into is one: no path, no user, no query, no capitals.
func wellFormed(s string) bool {
	scheme, host, port, ok := split(s)
	return ok && validScheme(scheme) && validHost(host) && (port == "" || validPort(port) && port != usualPort(scheme))
}

// SameHost says whether origin is of a page that was served under host and port, "" for the usual port. A page that came in clear is
// another one than that of the same host by TLS.
func SameHost(origin, host, port string, secure bool) bool {
	if !wellFormed(origin) {
		return false
	}
	scheme, h, p, _ := split(origin)
	if port == usualPort(scheme) {
		port = ""
	}
	return h == host && p == port && (!secure || scheme == "https")
}

// split takes an origin apart; there is no port when port is empty.
func split(s string) (scheme, host, port string, ok bool) {
	scheme, host, ok = strings.Cut(s, "://")
	if !ok {
		return "", "", "", false
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		if host, port = host[:i], host[i+1:]; port == "" {
			return "", "", "", false
		}
	}
	return scheme, host, port, true
}

func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (i == 0 || c != '+' && c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// validHost takes names of whole labels, and addresses in brackets.
func validHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		return len(s) > 3 && s[len(s)-1] == ']' && strings.Trim(s[1:len(s)-1], "0123456789abcdef:.") == ""
	}
	label := 0
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_':
			label++
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
	}
	return label > 0
}

func validPort(s string) bool {
	return s != "" && len(s) <= 5 && s[0] != '0' && strings.Trim(s, "0123456789") == "" && (len(s) < 5 || s <= "65535")
}

func usualPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}
