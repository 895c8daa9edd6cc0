package route

import (
	"fmt"
	"iter"
	"strings"

	"sallyport/wire"
)

// hosts holds a tree of paths for each host that rules name.
type hosts struct {
	exact map[string]*node
	wild  map[string]*node // "*.example.com" under ".example.com"
	any   *node
}

// walk shows q the leaves for host and its path, those of the most specific host first.
func (h *hosts) walk(host string, q *lookup) {
	left := q.path[1:]
	if n := h.exact[host]; n != nil && n.walk(left, q) {
		return
	}
	if len(h.wild) > 0 {
		for i := strings.IndexByte(host, '.'); i >= 0; {
			if n := h.wild[host[i:]]; n != nil && i > 0 && n.walk(left, q) {
				return
			}
			next := strings.IndexByte(host[i+1:], '.')
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	if h.any != nil {
		h.any.walk(left, q)
	}
}

// tree returns the tree for a host as parseHost leaves it, "" for any.
func (h *hosts) tree(host string) *node {
	var n **node
	switch {
	case host == "":
		n = &h.any
		if *n == nil {
			*n = &node{}
		}
		return *n
	case host[0] == '*':
		return in(&h.wild, host[1:])
	}
	return in(&h.exact, host)
}

func in(m *map[string]*node, key string) *node {
	if *m == nil {
		*m = map[string]*node{}
	}
	n := (*m)[key]
	if n == nil {
		n = &node{}
		(*m)[key] = n
	}
	return n
}

// ParseHost checks a host of a match and writes it as requests have it.
func ParseHost(s string) (string, error) {
	name, wild := strings.CutPrefix(s, "*.")
	var r wire.Request
	fault := wire.ParseAuthority(name, &r)
	switch {
	case name == "*":
		return "", fmt.Errorf("leave hosts out to match every host")
	case strings.Contains(name, "*"):
		return "", fmt.Errorf("%q: a * stands for the first labels only, as in *.example.com", s)
	case fault != nil:
		return "", fmt.Errorf("%q is not a host: %s", s, strings.TrimSuffix(fault.Reason, "."))
	case r.Port != "" || strings.HasSuffix(name, ":"):
		return "", fmt.Errorf("%q: a host is matched without its port; write %s", s, r.Host)
	case wild && r.Host[0] == '[':
		return "", fmt.Errorf("%q: an address has no wildcard", s)
	case wild:
		return "*." + r.Host, nil
	}
	return r.Host, nil
}

// trees yields every tree with its host.
func (h *hosts) trees() iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) {
		for host, n := range h.exact {
			if !yield(host, n) {
				return
			}
		}
		for host, n := range h.wild {
			if !yield("*"+host, n) {
				return
			}
		}
		if h.any != nil {
			yield("", h.any)
		}
	}
}
