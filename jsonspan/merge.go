package jsonspan

// Joining values, in the order in which they are given.

import (
	"bytes"
	"fmt"
)

// A Rule says what becomes of what two values both have.
type Rule struct {
	Objects Objects
	Lists   Lists
}

// Objects says how objects are joined.
type Objects uint8

// The ways to join objects.
const (
	Deep    Objects = iota // objects of one name are joined as well, of anything else the later counts
	Shallow                // of one name the later counts
	Strict                 // one name in two objects is an error
)

// Lists says how lists are joined.
type Lists uint8

// The ways to join lists.
const (
	Replace Lists = iota // the later counts
	Concat               // the items of the later come behind those of the earlier
)

// A Clash is a name that two objects have, where Rule is Strict.
type Clash struct {
	Name string
	Of   int // index of the later value
}

func (c *Clash) Error() string { return fmt.Sprintf("two objects have the name %q", c.Name) }

// A piece is a value on its way into another, and which of the values given to Merge it is of.
type piece struct {
	v  []byte
	of int
}

// Merge appends what values make together. Objects and lists are joined by the rule; of anything else the later counts. Names stand where
// they came first. Strict holds for the outermost objects.
func Merge(dst []byte, rule Rule, values ...[]byte) ([]byte, error) {
	var room [8]piece
	all := room[:0]
	for i, v := range values {
		all = append(all, piece{v, i})
	}
	return merge(dst, rule, all)
}

func merge(dst []byte, rule Rule, values []piece) ([]byte, error) {
	values = together(rule, values)
	switch {
	case len(values) == 0:
		return append(dst, "null"...), nil
	case len(values) == 1:
		return append(dst, values[0].v...), nil
	case KindOf(values[0].v) == List:
		return concat(dst, values), nil
	}
	return mergeObjects(dst, rule, values)
}

// together leaves those at the end that are joined with each other.
func together(rule Rule, values []piece) []piece {
	if len(values) == 0 {
		return values
	}
	first := len(values) - 1
	kind := KindOf(values[first].v)
	if kind != Object && (kind != List || rule.Lists == Replace) {
		return values[first:]
	}
	for first > 0 && KindOf(values[first-1].v) == kind {
		first--
	}
	return values[first:]
}

func concat(dst []byte, lists []piece) []byte {
	dst = append(dst, '[')
	for _, l := range lists {
		inner := bytes.TrimSpace(l.v[1 : len(l.v)-1])
		if len(inner) == 0 {
			continue
		}
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		dst = append(dst, inner...)
	}
	return append(dst, ']')
}

// A slot is a name of the merged object: the member that had it last, and those before it.
type slot struct {
	name   []byte // as written
	last   piece
	before []piece
}

func mergeObjects(dst []byte, rule Rule, objects []piece) ([]byte, error) {
	var room [32]slot
	slots := room[:0]
	var index map[string]int // once there are many
	for _, o := range objects {
		own := len(slots) // names that came before this object: its own differ from each other
		for m := Members(o.v); m.Next(); {
			i := find(slots[:own], index, m.Name)
			if i < 0 {
				slots = append(slots, slot{name: m.Name, last: piece{m.Value, o.of}})
				continue
			}
			if rule.Objects == Strict {
				return nil, &Clash{TextOf(m.Name), o.of}
			}
			s := &slots[i]
			if rule.Objects == Deep {
				s.before = append(s.before, s.last)
			}
			s.last = piece{m.Value, o.of}
		}
		index = indexed(index, slots, own)
	}
	dst = append(dst, '{')
	for i := range slots {
		if i > 0 {
			dst = append(dst, ',')
		}
		s := &slots[i]
		dst = append(append(dst, s.name...), ':')
		if s.before == nil {
			dst = append(dst, s.last.v...)
			continue
		}
		var err error
		if dst, err = merge(dst, rule, append(s.before, s.last)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// indexed notes the slots from first on, once comparing all of them would take long.
func indexed(index map[string]int, slots []slot, first int) map[string]int {
	if index == nil {
		if len(slots) <= few {
			return nil
		}
		index, first = make(map[string]int, 2*len(slots)), 0
	}
	for i := first; i < len(slots); i++ {
		index[TextOf(slots[i].name)] = i
	}
	return index
}

// find returns which of the slots has the name, -1 for none.
func find(slots []slot, index map[string]int, name []byte) int {
	inner := name[1 : len(name)-1]
	var room [64]byte
	if bytes.IndexByte(inner, '\\') >= 0 {
		inner = unescape(room[:0], inner)
	}
	if index != nil {
		if i, ok := index[string(inner)]; ok {
			return i
		}
		return -1
	}
	for i := range slots {
		w := Walk{Name: slots[i].name}
		if w.Is(string(inner)) {
			return i
		}
	}
	return -1
}
