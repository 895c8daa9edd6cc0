package route

import (
	"hash/maphash"
	"slices"
	"strings"
)

// This file is the tree of templates as it is walked. Finding one of ten thousand routes costs what it costs to fetch
// memory that is not in the cache, so a node is half a cache line, children lie behind their parents, and one
// hash table finds the literal segments of every node that has several.
//
// There is one way to each node, so a walk enters it at most once, and only if its segments fit the path: the work is
// bounded by the number of templates that begin like the path, not by the number of their combinations.

// A flat is all trees of a table.
type flat struct {
	seed   maphash.Seed
	slots  []slot // a power of two, at most half of them in use
	nodes  []flatNode
	text   string // the literal segments of all nodes
	mixed  []mixedSet
	leaves []*leaf
}

// A slot leads to a node by the hash of its parent and text. The node 0 is none.
type slot struct{ hash, node uint32 }

// A flatNode is a place in a tree. The children are indices into nodes, 0 for none.
type flatNode struct {
	parent uint32
	text   uint32 // of the segment that leads here, if it is literal
	size   uint32
	child  uint32 // the literal segment, when it is only one; hashed when there are more
	param  uint32
	mixed  uint32 // one above the index into mixed
	end    leafRef
	rest   leafRef
	regex  leafRef
}

// hashed in flatNode.child says that slots knows the children.
const hashed = ^uint32(0)

// A leafRef is a leaf. Most have one rule without conditions; the reference tells all about those.
type leafRef struct {
	methods uint32 // bits of the methods that the rule takes; complex for any other leaf; 0 for none
	index   uint32 // of the rule, or in leaves
}

// complex marks a leaf that has to be looked into.
const complex = 1 << 31

// A mixedSet holds the segments with text and parameters of one node, the most specific first.
type mixedSet struct {
	edges []mixedEdge
	// When they are many: the lengths of the texts that they begin with, from long to short, and the edges by text.
	lengths []int
	byText  map[string][]mixedEdge
}

type mixedEdge struct {
	segment *segment
	node    uint32
}

// manyMixed is from how many on edges are found by the text that they begin with.
const manyMixed = 8

func (f *flat) hash(parent uint32, seg string) uint32 {
	h := maphash.String(f.seed, seg)
	return uint32(h>>32) ^ uint32(h) ^ parent*0x9e3779b1
}

// literal returns the child of the node at for a literal segment, 0 when there is none.
func (f *flat) literal(at uint32, seg string) uint32 {
	switch c := f.nodes[at].child; c {
	case 0:
		return 0
	case hashed:
		hash := f.hash(at, seg)
		mask := uint32(len(f.slots) - 1)
		for i := hash & mask; f.slots[i].node != 0; i = (i + 1) & mask {
			if s := f.slots[i]; s.hash == hash && f.nodes[s.node].parent == at && f.is(s.node, seg) {
				return s.node
			}
		}
		return 0
	default:
		if f.is(c, seg) {
			return c
		}
		return 0
	}
}

func (f *flat) is(at uint32, seg string) bool {
	n := &f.nodes[at]
	return int(n.size) == len(seg) && f.text[n.text:n.text+n.size] == seg
}

// walk shows q the leaves for a path whose segments before left led to the node at, the most specific first, until q
// stops. left has no slash before it.
func (f *flat) walk(at uint32, left string, q *lookup) bool {
	seg, tail, more := strings.Cut(left, "/")
	if c := f.literal(at, seg); c != 0 && f.step(c, tail, more, q) {
		return true
	}
	n := &f.nodes[at]
	if n.mixed != 0 && f.walkMixed(&f.mixed[n.mixed-1], seg, tail, more, q) {
		return true
	}
	if n.regex.methods != 0 && q.visit(f, n.regex) {
		return true
	}
	if n.param != 0 && seg != "" && f.step(n.param, tail, more, q) {
		return true
	}
	return n.rest.methods != 0 && q.visit(f, n.rest)
}

// step goes on after a segment that fits: to the next one, or to what ends here.
func (f *flat) step(at uint32, tail string, more bool, q *lookup) bool {
	if more {
		return f.walk(at, tail, q)
	}
	n := &f.nodes[at]
	if n.end.methods != 0 && q.visit(f, n.end) {
		return true
	}
	if q.loose {
		if c := f.literal(at, ""); c != 0 && f.nodes[c].end.methods != 0 && q.visit(f, f.nodes[c].end) {
			return true
		}
	}
	return n.rest.methods != 0 && q.visit(f, n.rest) // an empty rest needs no slash
}

func (f *flat) walkMixed(m *mixedSet, seg, tail string, more bool, q *lookup) bool {
	if m.byText == nil {
		return f.tryMixed(m.edges, seg, tail, more, q)
	}
	for _, n := range m.lengths {
		if n < len(seg) && f.tryMixed(m.byText[seg[:n]], seg, tail, more, q) {
			return true
		}
	}
	return false
}

func (f *flat) tryMixed(edges []mixedEdge, seg, tail string, more bool, q *lookup) bool {
	for _, e := range edges {
		if e.segment.fits(seg) && f.step(e.node, tail, more, q) {
			return true
		}
	}
	return false
}

// A layout makes a flat.
type layout struct {
	*flat
	text   strings.Builder
	hashes []slot // what goes into slots
}

func newLayout() *layout {
	return &layout{flat: &flat{seed: maphash.MakeSeed(), nodes: make([]flatNode, 1)}}
}

// add lays out a tree and returns its root.
func (l *layout) add(n *node) uint32 { return l.place(n, 0, "") }

// place lays out n, which a literal segment leads to from parent; "" is no such segment or an empty one.
func (l *layout) place(n *node, parent uint32, text string) uint32 {
	at := uint32(len(l.nodes))
	l.nodes = append(l.nodes, flatNode{parent: parent, text: uint32(l.text.Len()), size: uint32(len(text)), end: l.leaf(n.end), rest: l.leaf(n.rest), regex: l.leaf(n.regex)})
	l.text.WriteString(text)
	for _, c := range n.literals {
		node := l.place(c.node, at, c.text)
		if l.nodes[at].child = node; len(n.literals) > 1 {
			l.nodes[at].child = hashed
			l.hashes = append(l.hashes, slot{l.hash(at, c.text), node})
		}
	}
	if n.param != nil {
		param := l.place(n.param, at, "")
		l.nodes[at].param = param
	}
	if len(n.mixed) > 0 {
		var m mixedSet
		for i := range n.mixed {
			m.edges = append(m.edges, mixedEdge{&n.mixed[i].segment, l.place(n.mixed[i].node, at, "")})
		}
		m.index()
		l.mixed = append(l.mixed, m)
		l.nodes[at].mixed = uint32(len(l.mixed))
	}
	return at
}

func (m *mixedSet) index() {
	if len(m.edges) < manyMixed {
		return
	}
	m.byText = map[string][]mixedEdge{}
	for _, e := range m.edges {
		text := e.segment.lits[0]
		m.byText[text] = append(m.byText[text], e)
		if !slices.Contains(m.lengths, len(text)) {
			m.lengths = append(m.lengths, len(text)) // the edges are sorted by it
		}
	}
}

// leaf refers to a leaf.
func (l *layout) leaf(leaf *leaf) leafRef {
	if leaf == nil {
		return leafRef{}
	}
	if len(leaf.entries) == 1 {
		e := leaf.entries[0]
		if methods := e.match.methodBits(); methods != complex && e.bare {
			return leafRef{methods, uint32(e.rule)}
		}
	}
	l.leaves = append(l.leaves, leaf)
	return leafRef{complex, uint32(len(l.leaves) - 1)}
}

// finish fills the hash table.
func (l *layout) finish() *flat {
	l.flat.text = l.text.String()
	size := 1
	for size < 2*len(l.hashes) {
		size *= 2
	}
	l.slots = make([]slot, size)
	for _, s := range l.hashes {
		i := s.hash & uint32(size-1)
		for l.slots[i].node != 0 {
			i = (i + 1) & uint32(size-1)
		}
		l.slots[i] = s
	}
	return l.flat
}
