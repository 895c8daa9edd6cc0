package route

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"sallyport/wire"
)

// trees holds a tree of templates for each host, by the host as ParseHost writes it, "" for any.
type trees map[string]*node

func (t trees) of(host string) *node {
	n := t[host]
	if n == nil {
		n = &node{}
		t[host] = n
	}
	return n
}

// sorted yields the trees in an order that is the same each time.
func (t trees) sorted() iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) {
		hosts := make([]string, 0, len(t))
		for host := range t {
			hosts = append(hosts, host)
		}
		slices.Sort(hosts)
		for _, host := range hosts {
			if !yield(host, t[host]) {
				return
			}
		}
	}
}

// hosts holds the trees laid out, and the root of each host's.
type hosts struct {
	*flat
	exact map[string]uint32
	wild  map[string]uint32 // "*.example.com" under ".example.com"
	any   uint32            // 0 for none
}

func newHosts(t trees) hosts {
	l := newLayout()
	h := hosts{exact: map[string]uint32{}, wild: map[string]uint32{}}
	for host, n := range t.sorted() {
		switch root := l.add(n); {
		case host == "":
			h.any = root
		case host[0] == '*':
			h.wild[host[1:]] = root
		default:
			h.exact[host] = root
		}
	}
	h.flat = l.finish()
	return h
}

// walk shows q the leaves for host and its path, those of the most specific host first.
func (h *hosts) walk(host string, q *lookup) {
	left := q.path[1:]
	if len(h.exact) > 0 {
		if root := h.exact[host]; root != 0 && h.flat.walk(root, left, q) {
			return
		}
	}
	if len(h.wild) > 0 && h.walkWild(host, left, q) {
		return
	}
	if h.any != 0 {
		h.flat.walk(h.any, left, q)
	}
}

// walkWild tries the wildcards for all that follows a dot in host, from long to short.
func (h *hosts) walkWild(host, left string, q *lookup) bool {
	for i := 1; i < len(host); i++ {
		if host[i] != '.' {
			continue
		}
		if root := h.wild[host[i:]]; root != 0 && h.flat.walk(root, left, q) {
			return true
		}
	}
	return false
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
