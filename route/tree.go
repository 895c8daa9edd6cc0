package route

import "slices"

// A node is a place in the tree of templates while it is built: everything that begins with the same segments. The tree
// is laid out flat for looking up; see flat.go.
type node struct {
	literals []child          // in order of appearance
	byText   map[string]*node // the same, by text
	mixed    []mixedChild     // segments with text and parameters
	param    *node            // a whole segment
	regex    *leaf            // regular expressions whose literal segments end here
	rest     *leaf            // templates that end in {name...}
	end      *leaf            // templates that end here
}

type child struct {
	text string
	node *node
}

type mixedChild struct {
	segment segment
	node    *node
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

func (n *node) addLiteral(seg string) *node {
	if c := n.byText[seg]; c != nil {
		return c
	}
	if n.byText == nil {
		n.byText = map[string]*node{}
	}
	c := &node{}
	n.byText[seg] = c
	n.literals = append(n.literals, child{seg, c})
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

// each calls do for n and everything below it.
func (n *node) each(do func(*node)) {
	do(n)
	for _, c := range n.literals {
		c.node.each(do)
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
