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
	bare     bool // nothing but host, path and method matters
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

// otherMethod is the bit of a method that is not usual.
const otherMethod = 1 << 7

// methodBit returns the bit of a method, 0 of one that no rule can have.
func methodBit(method string) uint32 {
	switch method {
	case "GET":
		return 1 << 0
	case "HEAD":
		return 1 << 1
	case "POST":
		return 1 << 2
	case "PUT":
		return 1 << 3
	case "PATCH":
		return 1 << 4
	case "DELETE":
		return 1 << 5
	case "OPTIONS":
		return 1 << 6
	}
	if refused(method) {
		return 0
	}
	return otherMethod
}

// methodBits returns the bits of the methods that m takes, complex when bits cannot tell.
func (m *Match) methodBits() (bits uint32) {
	if len(m.Methods) == 0 {
		return 2*otherMethod - 1
	}
	for _, name := range m.Methods {
		bit := methodBit(name)
		if bit == otherMethod {
			return complex
		}
		if bits |= bit; name == "GET" {
			bits |= methodBit("HEAD")
		}
	}
	return bits
}

// allowed collects the methods of rules for an Allow field. Whoever answers some method answers OPTIONS too.
type allowed struct {
	usual uint32   // bits
	more  []string // the others
}

func (a *allowed) add(m *Match) {
	if bits := m.methodBits(); bits != complex {
		a.usual |= bits
		return
	}
	for _, name := range m.Methods {
		a.usual |= methodBit(name)
		if methodBit(name) == otherMethod && !slices.Contains(a.more, name) {
			a.more = append(a.more, name)
		}
	}
	if slices.Contains(m.Methods, "GET") {
		a.usual |= methodBit("HEAD")
	}
}

func (a *allowed) String() string {
	var list []string
	for _, name := range usual {
		if a.usual&methodBit(name) != 0 || name == "OPTIONS" {
			list = append(list, name)
		}
	}
	slices.Sort(a.more)
	return strings.Join(append(list, a.more...), ", ")
}
