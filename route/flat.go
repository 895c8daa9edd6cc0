package route

import (
	"hash/maphash"
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
	// When they are many, edges is empty. They are divided by the text that they begin with, and slots leads to a node that
	// has the set of those with one beginning. These are the lengths of the beginnings, from long to short.
	lengths []int
}

// A mixedEdge is a segment with text and parameters, and where it leads.
type mixedEdge struct {
	before, after string
	several       *segment // when there are several parameters: only it can tell
	node          uint32
}

func (e *mixedEdge) fits(seg string) bool {
	if e.several != nil {
		return e.several.fits(seg)
	}
	return len(seg) > len(e.before)+len(e.after) && strings.HasPrefix(seg, e.before) && strings.HasSuffix(seg, e.after)
}

// manyMixed is from how many on edges are found by the text that they begin with.
const manyMixed = 8

// beginning marks the parent of a node that stands for the beginning of a segment.
const beginning = 1 << 31

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
		return f.find(at, seg)
	default:
		if f.is(c, seg) {
			return c
		}
		return 0
	}
}

// find looks a node up by its parent and text, 0 when there is none.
func (f *flat) find(parent uint32, text string) uint32 {
	hash := f.hash(parent, text)
	mask := uint32(len(f.slots) - 1)
	for i := hash & mask; f.slots[i].node != 0; i = (i + 1) & mask {
		if s := f.slots[i]; s.hash == hash && f.nodes[s.node].parent == parent && f.is(s.node, text) {
			return s.node
		}
	}
	return 0
}

func (f *flat) is(at uint32, seg string) bool {
	n := &f.nodes[at]
	return int(n.size) == len(seg) && f.text[n.text:n.text+n.size] == seg
}

// walk shows q the leaves for a path whose segments before left led to the node at, the most specific first, until q
// stops. left has no slash before it.
func (f *flat) walk(at uint32, left string, q *lookup) bool {
	seg, tail, more := cut(left)
	if c := f.literal(at, seg); c != 0 && f.step(c, tail, more, q) {
		return true
	}
	n := &f.nodes[at]
	if n.mixed != 0 && f.walkMixed(at, seg, tail, more, q) {
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

// cut divides a path after its first segment.
func cut(path string) (seg, tail string, more bool) {
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:], true
	}
	return path, "", false
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

func (f *flat) walkMixed(at uint32, seg, tail string, more bool, q *lookup) bool {
	m := &f.mixed[f.nodes[at].mixed-1]
	for i := range m.edges {
		if e := &m.edges[i]; e.fits(seg) && f.step(e.node, tail, more, q) {
			return true
		}
	}
	for _, n := range m.lengths {
		if n >= len(seg) {
			continue
		}
		if b := f.find(at|beginning, seg[:n]); b != 0 && f.walkMixed(b, seg, tail, more, q) {
			return true
		}
	}
	return false
}

// A layout makes a flat.
type layout struct {
	*flat
	text    strings.Builder
	hashes  []slot // what goes into slots
	strings map[string]string
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
		l.placeMixed(at, n.mixed)
	}
	return at
}

func (l *layout) placeMixed(at uint32, list []mixedChild) {
	var edges []mixedEdge
	for i := range list {
		s := &list[i].segment
		e := mixedEdge{before: s.lits[0], after: l.once(s.lits[len(s.lits)-1]), node: l.place(list[i].node, at, "")}
		if len(s.names) > 1 {
			e.several = s
		}
		edges = append(edges, e)
	}
	if len(edges) < manyMixed {
		l.setMixed(at, mixedSet{edges: edges})
		return
	}
	var m mixedSet
	for start := 0; start < len(edges); { // sorted by length of the beginning, and by text in the end only
		n := len(edges[start].before)
		m.lengths = append(m.lengths, n)
		by := map[string][]mixedEdge{}
		for ; start < len(edges) && len(edges[start].before) == n; start++ {
			by[edges[start].before] = append(by[edges[start].before], edges[start])
		}
		for text, group := range by {
			node := uint32(len(l.nodes))
			l.nodes = append(l.nodes, flatNode{parent: at | beginning, text: uint32(l.text.Len()), size: uint32(n)})
			l.text.WriteString(text)
			l.hashes = append(l.hashes, slot{l.hash(at|beginning, text), node})
			l.setMixed(node, mixedSet{edges: group})
		}
	}
	l.setMixed(at, m)
}

func (l *layout) setMixed(at uint32, m mixedSet) {
	l.mixed = append(l.mixed, m)
	l.nodes[at].mixed = uint32(len(l.mixed))
}

// once returns the same string for the same text, so that common endings are in one place.
func (l *layout) once(s string) string {
	if l.strings == nil {
		l.strings = map[string]string{}
	}
	if t, ok := l.strings[s]; ok {
		return t
	}
	l.strings[s] = s
	return s
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
