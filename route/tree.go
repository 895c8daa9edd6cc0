package route

import (
	"slices"
	"strings"
)

// A node is a place in the tree of paths: everything that begins with the same segments. Each node has one way to it,
// so a walk enters a node at most once, and only those whose segments fit the path so far; what
// it costs is bounded by the number of templates that share a beginning with the path, not by their combinations.
type node struct {
	few   []child          // literal segments, while they are few
	many  map[string]*node // the same, when they are many
	mixed []mixedChild     // segments with text and parameters, the most specific first
	regex *leaf            // regular expressions whose literal segments end here
	param *node            // a whole segment
	rest  *leaf            // templates that end in {name...}
	end   *leaf            // templates that end here
}

type child struct {
	text string
	node *node
}

type mixedChild struct {
	segment segment
	node    *node
}

// maxFew is how many literal segments are compared one by one.
const maxFew = 4

func (n *node) literal(seg string) *node {
	if n.many != nil {
		return n.many[seg]
	}
	for i := range n.few {
		if n.few[i].text == seg {
			return n.few[i].node
		}
	}
	return nil
}

func (n *node) addLiteral(seg string) *node {
	if c := n.literal(seg); c != nil {
		return c
	}
	c := &node{}
	if n.many == nil && len(n.few) < maxFew {
		n.few = append(n.few, child{seg, c})
		return c
	}
	if n.many == nil {
		n.many = make(map[string]*node)
		for _, f := range n.few {
			n.many[f.text] = f.node
		}
		n.few = nil
	}
	n.many[seg] = c
	return c
}

func (n *node) addMixed(seg segment) *node {
	for _, m := range n.mixed {
		if slices.Equal(m.segment.lits, seg.lits) {
			return m.node
		}
	}
	c := &node{}
	n.mixed = append(n.mixed, mixedChild{seg, c})
	return c
}

// add returns the leaf of a pattern, which it makes if there is none.
func (n *node) add(p *Pattern) *leaf {
	if p.regex != nil {
		for _, seg := range p.branch() {
			n = n.addLiteral(seg)
		}
		return made(&n.regex)
	}
	for _, seg := range p.parts() {
		switch seg.kind {
		case rest:
			return made(&n.rest)
		case literal:
			n = n.addLiteral(seg.lits[0])
		case param:
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
		default:
			n = n.addMixed(seg)
		}
	}
	return made(&n.end)
}

func made(l **leaf) *leaf {
	if *l == nil {
		*l = &leaf{}
	}
	return *l
}

// walk shows q the leaves for a path whose segments before left led to n, the most specific first, until it stops.
// left has no slash before it.
func (n *node) walk(left string, q *lookup) bool {
	seg, tail, more := strings.Cut(left, "/")
	if c := n.literal(seg); c != nil && c.step(tail, more, q) {
		return true
	}
	if seg != "" {
		for i := range n.mixed {
			if m := &n.mixed[i]; m.segment.fits(seg) && m.node.step(tail, more, q) {
				return true
			}
		}
	}
	if n.regex != nil && q.visit(n.regex) {
		return true
	}
	if seg != "" && n.param != nil && n.param.step(tail, more, q) {
		return true
	}
	return n.rest != nil && q.visit(n.rest)
}

// step goes on after a segment that fits: to the next one, or to what ends here.
func (n *node) step(tail string, more bool, q *lookup) bool {
	if more {
		return n.walk(tail, q)
	}
	if n.end != nil && q.visit(n.end) {
		return true
	}
	if q.loose {
		if c := n.literal(""); c != nil && c.end != nil && q.visit(c.end) {
			return true
		}
	}
	return n.rest != nil && q.visit(n.rest) // an empty rest needs no slash
}

// each calls do for n and everything below it.
func (n *node) each(do func(*node)) {
	do(n)
	for _, c := range n.few {
		c.node.each(do)
	}
	for _, c := range n.many {
		c.each(do)
	}
	for _, m := range n.mixed {
		m.node.each(do)
	}
	if n.param != nil {
		n.param.each(do)
	}
}

// entries returns what is in the templates of n and below it.
func (n *node) entries() (out []*entry) {
	n.each(func(n *node) {
		for _, l := range []*leaf{n.rest, n.end} {
			if l != nil {
				out = append(out, l.entries...)
			}
		}
	})
	return out
}
