package jsonspan

import "bytes"

// The objects of a list mostly have the same names in the same order. Names that were read once in an object as deep as this one are compared
// with what stands here, which takes less than reading them, and as they differed from each other then they do now.

const (
	remembered = 8  // depths at which names are remembered
	mostAlike  = 32 // names of one object that are remembered
)

// A known is a name that was read before.
type known struct {
	name
	word, mask uint64 // its first eight bytes, its quote among them when it is shorter
}

// again returns where the next name ends, if it is the same as that of the object before. Otherwise it makes the names so far those of an object
// like no other; it is to be read.
func (c *checker) again(i int, o *siblings) int {
	b := c.b
	if o.same < len(o.alike) {
		k := &o.alike[o.same]
		n := int(k.n)
		if len(b)-i > 8 && b[i] == '"' && wordAt(b, i+1)&k.mask == k.word && (n < 8 || c.spelt(i+1, k)) {
			o.same++
			return i + n + 2
		}
	}
	for _, k := range o.alike[:o.same] {
		o.seen.add(sign(b, int(k.at), int(k.n)))
		c.names = append(c.names, k.name)
	}
	o.isAlike = false
	return 0
}

// spelt says whether a name of eight bytes or more stands at i.
func (c *checker) spelt(i int, k *known) bool {
	end := i + int(k.n)
	return end < len(c.b) && c.b[end] == '"' && bytes.Equal(c.b[i:end], c.of(k.name))
}

// remember keeps the names of an object for those that come behind it.
func (c *checker) remember(o *siblings, depth int) {
	names := c.names[o.first:]
	if depth >= remembered || len(names) > mostAlike || len(c.escaped) > o.firstEscaped {
		return
	}
	alike := c.alike[depth][:0]
	for _, n := range names {
		if len(c.b)-int(n.at) < 8 {
			break // the text is about to end
		}
		mask := uint64(1)<<(8*(min(n.n, 7)+1)) - 1
		alike = append(alike, known{n, wordAt(c.b, int(n.at)) & mask, mask})
	}
	c.alike[depth] = alike
}
