package route

import (
	"cmp"
	"slices"
	"strings"
)

// A leaf is everything that takes the same paths: the entries of one template, or all regular expressions of a node.
type leaf struct {
	entries []*entry
	named   []methodList // the methods that some entry names
	others  []*entry     // those of any other method
}

// A methodList holds the entries for one method in the order in which they are tried.
type methodList struct {
	method  string
	entries []*entry
}

// An entry is a rule in a leaf.
type entry struct {
	rule     int // index in the table
	match    *Match
	priority int
}

// list returns the entries for a method.
func (l *leaf) list(method string) []*entry {
	for i := range l.named {
		if l.named[i].method == method {
			return l.named[i].entries
		}
	}
	if refused(method) {
		return nil
	}
	return l.others
}

// refused says whether no rule can have the method: it asks a proxy for a tunnel, or a server to show what it got.
func refused(method string) bool {
	return method == "TRACE" || method == "CONNECT" || method == "TRACK"
}

// seal makes the lists, once all entries are there.
func (l *leaf) seal() {
	var methods []string
	for _, e := range l.entries {
		for _, m := range e.match.Methods {
			if !slices.Contains(methods, m) {
				methods = append(methods, m)
			}
		}
	}
	if slices.Contains(methods, "GET") && !slices.Contains(methods, "HEAD") {
		methods = append(methods, "HEAD")
	}
	for _, m := range methods {
		l.named = append(l.named, methodList{m, l.sorted(m)})
	}
	l.others = l.sorted("")
}

// sorted returns the entries that take a method ("" is one that nobody names), the most specific first.
func (l *leaf) sorted(method string) (list []*entry) {
	for _, e := range l.entries {
		if e.match.names(method) <= anyMethod {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b *entry) int { return compareEntries(a, b, method) })
	return list
}

func compareEntries(a, b *entry, method string) int {
	return cmp.Or(
		a.match.names(method)-b.match.names(method),
		b.match.conditions()-a.match.conditions(),
		b.priority-a.priority,
	)
}

// How a match takes a method, the most specific first.
const (
	thisMethod = iota // it names it
	headByGet         // it is HEAD, and it names GET
	anyMethod         // it names none
	notMethod
)

func (m *Match) names(method string) int {
	switch {
	case len(m.Methods) == 0:
		return anyMethod
	case slices.Contains(m.Methods, method):
		return thisMethod
	case method == "HEAD" && slices.Contains(m.Methods, "GET"):
		return headByGet
	}
	return notMethod
}

// usual are the methods that a rule without methods is said to allow.
var usual = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// allowed collects the methods of rules for an Allow field. Whoever answers some method answers OPTIONS too.
type allowed map[string]bool

func (a allowed) add(m *Match) {
	methods := m.Methods
	if len(methods) == 0 {
		methods = usual
	}
	for _, name := range methods {
		a[name] = true
		if name == "GET" {
			a["HEAD"] = true
		}
	}
}

func (a allowed) String() string {
	a["OPTIONS"] = true
	var list, more []string
	for _, m := range usual {
		if a[m] {
			list = append(list, m)
		}
	}
	for m := range a {
		if !slices.Contains(usual, m) {
			more = append(more, m)
		}
	}
	slices.Sort(more)
	return strings.Join(append(list, more...), ", ")
}
