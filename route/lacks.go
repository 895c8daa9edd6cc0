package route

import (
	"strings"

	"sallyport/policy"
	"sallyport/wire"
)

// Lacks says what keeps the request of x from fitting m, such as "path" or "header x-env=prod"; "" when it fits. It asks m alone and
// is for explaining, not for finding.
func (m *Match) Lacks(x *policy.Exchange) string {
	r := x.Request
	switch {
	case !m.fitsHost(r.Host):
		return "host"
	case !m.Path.fits(r.Path.Text):
		return "path"
	case m.names(r.Method) == notMethod || len(m.Methods) == 0 && refused(r.Method):
		return "method"
	}
	for i := range m.Headers {
		if c := &m.Headers[i]; !c.holds(header(r, c.Name)) {
			return "header " + c.String()
		}
	}
	for i := range m.Query {
		c := &m.Query[i]
		if value, found, valid := wire.Param(r.Query, c.Name); !valid || !c.holds(value, found) {
			return "query " + c.String()
		}
	}
	for i := range m.Cookies {
		if c := &m.Cookies[i]; !c.holds(r.Header.Cookie(c.Name)) {
			return "cookie " + c.String()
		}
	}
	if lacks := m.Version.lacks(x); lacks != "" {
		return lacks
	}
	if !m.When.IsZero() {
		if ok, err := m.asks(x, r.Path.Text); !ok || err != nil {
			return "when " + m.When.String()
		}
	}
	return ""
}

func (m *Match) fitsHost(host string) bool {
	for _, h := range m.Hosts {
		tail, wild := strings.CutPrefix(h, "*")
		if h == host || wild && len(host) > len(tail) && strings.HasSuffix(host, tail) {
			return true
		}
	}
	return len(m.Hosts) == 0
}

// fits says whether path matches p.
func (p *Pattern) fits(path string) bool {
	if p.regex != nil {
		return p.matches(path)
	}
	left, more := strings.CutPrefix(path, "/")
	for _, s := range p.parts() {
		if s.kind == rest {
			return true
		}
		if !more {
			return false
		}
		var seg string
		seg, left, more = cut(left)
		if s.kind == literal && seg != s.lits[0] || s.kind != literal && !s.fits(seg) {
			return false
		}
	}
	return !more
}
